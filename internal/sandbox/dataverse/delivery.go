package dataverse

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	hookTimeout  = 60 * time.Second
	defaultHold  = 200 * time.Millisecond
	retryAfter   = time.Second
	maxHookReply = 1 << 20
)

// DeliveryPlan says what happens to webhooks on their way. The zero plan delivers each once and in order. The shares are between 0
// and 1; the same seed treats the n-th webhook alike.
type DeliveryPlan struct {
	Duplicate float64 `json:"duplicate,omitempty"` // share that is delivered twice
	Drop      float64 `json:"drop,omitempty"`      // share that is never delivered
	Reorder   float64 `json:"reorder,omitempty"`   // share that is held back, so that later ones overtake it
	HoldMS    int     `json:"hold_ms,omitempty"`   // how long those are held back, in milliseconds; 0 means 200
	Seed      uint64  `json:"seed,omitempty"`
}

// delivery is one webhook on its way.
type delivery struct {
	number                                      uint64
	due                                         time.Time // the machine's time
	step, name, url, secret, message, table, id string
	auth                                        int
	body                                        []byte
	large, autoDelete, again                    bool
	correlation, organization                   string
}

// outbox holds webhooks on their way. Its lock may be taken while the environment's is held, never the other way round.
type outbox struct {
	e    *Environment
	wake chan struct{} // holds one token while something changed

	mu      sync.Mutex
	plan    DeliveryPlan
	count   uint64
	waiting []*delivery
}

func newOutbox(e *Environment) *outbox { return &outbox{e: e, wake: make(chan struct{}, 1)} }

// SetDeliveryPlan replaces the plan and starts its random stream anew. Shares outside 0 to 1 and a negative time are refused.
func (e *Environment) SetDeliveryPlan(plan DeliveryPlan) error {
	for _, share := range []float64{plan.Duplicate, plan.Drop, plan.Reorder} {
		if share < 0 || share > 1 {
			return fmt.Errorf("the share %v of webhooks is not between 0 and 1", share)
		}
	}
	if plan.HoldMS < 0 {
		return fmt.Errorf("the time %d ms to hold webhooks back is negative", plan.HoldMS)
	}
	e.outbox.mu.Lock()
	defer e.outbox.mu.Unlock()
	e.outbox.plan, e.outbox.count = plan, 0
	return nil
}

// Waiting is the number of webhooks that are on their way.
func (e *Environment) Waiting() int {
	e.outbox.mu.Lock()
	defer e.outbox.mu.Unlock()
	return len(e.outbox.waiting)
}

func (o *outbox) push(d delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	random := rand.New(rand.NewPCG(o.plan.Seed, o.count))
	o.count++
	d.number, d.due = o.count, time.Now()
	drop, twice, late := random.Float64() < o.plan.Drop, random.Float64() < o.plan.Duplicate, random.Float64() < o.plan.Reorder
	if drop {
		o.log(&d, 0, "dropped")
		return
	}
	if late {
		d.due = d.due.Add(cmp.Or(time.Duration(o.plan.HoldMS)*time.Millisecond, defaultHold))
	}
	o.waiting = append(o.waiting, &d)
	if twice {
		again := d
		o.waiting = append(o.waiting, &again)
	}
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // a token is there already
	}
}

func (o *outbox) log(d *delivery, status int, fault string) {
	o.e.kit.Log.Append(lab.Operation{
		Service: o.e.opts.Service, Actor: o.e.opts.Service, Method: http.MethodPost, Action: "webhook", Object: d.message + " " + d.table, ID: d.id,
		Status: status, Fault: fault,
	})
}

// Deliver sends webhooks until the context ends.
func (e *Environment) Deliver(ctx context.Context) {
	if transport, isOwn := e.opts.Transport.(*http.Transport); isOwn {
		defer transport.CloseIdleConnections()
	}
	for {
		d, wait := e.outbox.pop()
		if d != nil {
			e.deliver1(ctx, d)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.outbox.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// pop takes the delivery that is due first, or says how long to wait for it.
func (o *outbox) pop() (*delivery, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil, time.Hour
	}
	first := slices.MinFunc(o.waiting, func(a, b *delivery) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.number, b.number))
	})
	if wait := time.Until(first.due); wait > 0 {
		return nil, wait
	}
	o.waiting = slices.DeleteFunc(o.waiting, func(d *delivery) bool { return d == first })
	return first, 0
}

// deliver1 sends a webhook. Only 502, 503 and 504 bring one more attempt; then the system job has failed.
func (e *Environment) deliver1(ctx context.Context, d *delivery) {
	status, err := e.send(ctx, d)
	if ctx.Err() != nil {
		return
	}
	e.outbox.log(d, status, "")
	if !d.again && (status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout) {
		d.again, d.due = true, time.Now().Add(retryAfter)
		e.outbox.mu.Lock()
		e.outbox.waiting = append(e.outbox.waiting, d)
		e.outbox.mu.Unlock()
		return
	}
	e.finishJob(d, status, err)
}

// finishJob keeps the system job of a webhook: failed ones stay, others go if the step says so.
func (e *Environment) finishJob(d *delivery, status int, err error) {
	failed := err != nil || status/100 != 2
	if !failed && d.autoDelete {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t := &tx{e: e}
	values := map[string]any{
		"name": d.name, "statecode": int64(3), "statuscode": int64(30), "owningextensionid": ref{"sdkmessageprocessingstep", d.step},
	}
	if failed {
		values["statuscode"] = int64(31)
		values["message"] = fmt.Sprintf("The webhook call failed because the http request received a non-success httpStatus code. Error code: %s. Status: %d", webhookError(status, err), status)
	}
	e.born(t, "asyncoperation", t.guid(), values)
}

// webhookError is the code of a failed webhook.
func webhookError(status int, err error) string {
	switch {
	case err != nil && status == 0:
		return "0x80050205"
	case status == http.StatusRequestEntityTooLarge:
		return "0x80050207"
	}
	return "0x80050201"
}

func (e *Environment) send(ctx context.Context, d *delivery) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	target, err := url.Parse(d.url)
	if err != nil {
		return 0, fmt.Errorf("read the URL of a webhook: %w", err)
	}
	query := target.Query()
	settings, _ := readSettings(d.secret)
	if d.auth == authKey {
		query.Set("code", d.secret)
	}
	if d.auth == authQuery {
		for _, s := range settings {
			query.Set(s.Name, s.Value)
		}
	}
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(d.body))
	if err != nil {
		return 0, fmt.Errorf("make the request of a webhook: %w", err)
	}
	if d.auth == authHeader {
		for _, s := range settings {
			request.Header.Set(s.Name, s.Value)
		}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("x-ms-dynamics-organization", d.organization)
	request.Header.Set("x-ms-dynamics-entity-name", d.table)
	request.Header.Set("x-ms-dynamics-request-name", d.message)
	request.Header.Set("x-ms-correlation-request-id", d.correlation)
	if d.large {
		request.Header.Set("x-ms-dynamics-msg-size-exceeded", "true")
	}
	response, err := e.opts.Transport.RoundTrip(request)
	if err != nil {
		return 0, fmt.Errorf("deliver a webhook: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxHookReply)) // so that the connection can be used again
	return response.StatusCode, nil
}
