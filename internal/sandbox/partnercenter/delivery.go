package partnercenter

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	maxAttempts = 10 // then the event goes to the offline queue and is never sent again
	resourceURI = "https://api.partnercenter.microsoft.com/engagements/v1/referrals/"
	defaultHold = 200 * time.Millisecond
)

// event is the body of a webhook. It carries no data of the referral, no eTag and no id of its own.
type event struct {
	EventName             string
	ResourceURI           string  `json:"ResourceUri"`
	ResourceName          string  // referral, test
	AuditURI              *string `json:"AuditUri"`
	ResourceChangeUTCDate string  `json:"ResourceChangeUtcDate"`
}

func eventTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000-07:00") }

// DeliveryPlan says what happens to webhooks on their way. The zero plan delivers each once and in order. The shares are
// between 0 and 1; the same seed treats the n-th event alike.
type DeliveryPlan struct {
	Duplicate float64 `json:"duplicate,omitempty"` // share that is delivered twice
	Drop      float64 `json:"drop,omitempty"`      // share that is never delivered
	Reorder   float64 `json:"reorder,omitempty"`   // share that is held back, so that later ones overtake it
	HoldMS    int     `json:"hold_ms,omitempty"`   // how long those are held back, in milliseconds; 0 means 200
	Seed      uint64  `json:"seed,omitempty"`
}

// Delivery is a webhook that waits, or that was given up.
type Delivery struct {
	EventName string `json:"event_name"`
	ID        string `json:"id"`       // of the referral, or of the validation event
	Attempts  int    `json:"attempts"` // made so far
}

// outbox holds the events on their way: the service pushes them, Deliver sends them one after the other. Its lock may be taken
// while the service's is held, never the other way round.
type outbox struct {
	service *Service
	wake    chan struct{} // holds one token while something changed

	mu      sync.Mutex
	plan    DeliveryPlan
	count   uint64
	waiting []*delivery
	offline []*delivery
}

type delivery struct {
	number       uint64
	due          time.Time // the machine's time: moving the sandbox's clock does not hurry the network
	event        event
	id           string
	body         []byte
	registration registration
	validation   string // correlation id of the validation event, if it is one
	attempts     int
}

func newOutbox(s *Service) *outbox { return &outbox{service: s, wake: make(chan struct{}, 1)} }

// SetDeliveryPlan replaces the plan and starts its random stream anew. Shares outside 0 to 1 and a negative time are refused.
func (s *Service) SetDeliveryPlan(plan DeliveryPlan) error {
	for _, share := range []float64{plan.Duplicate, plan.Drop, plan.Reorder} {
		if share < 0 || share > 1 {
			return fmt.Errorf("the share %v of webhooks is not between 0 and 1", share)
		}
	}
	if plan.HoldMS < 0 {
		return fmt.Errorf("the time %d ms to hold webhooks back is negative", plan.HoldMS)
	}
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	s.outbox.plan, s.outbox.count = plan, 0
	return nil
}

// Deliveries returns the webhooks that still wait and those that were given up after ten attempts.
func (s *Service) Deliveries() (waiting, offline []Delivery) {
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	view := func(deliveries []*delivery) []Delivery {
		views := make([]Delivery, 0, len(deliveries))
		for _, d := range deliveries {
			views = append(views, Delivery{EventName: d.event.EventName, ID: d.id, Attempts: d.attempts})
		}
		return views
	}
	return view(s.outbox.waiting), view(s.outbox.offline)
}

// notify queues an event for the registered URL, if there is one that wants it. The service's lock is held.
func (s *Service) notify(e event, id string) {
	if s.registration == nil || !slices.Contains(s.registration.WebhookEvents, e.EventName) {
		return
	}
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings only
	}
	d := delivery{event: e, id: id, body: body, registration: *s.registration}
	if e.EventName == testEvent {
		d.validation = id
	}
	s.outbox.push(d)
}

func (o *outbox) push(d delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	random := rand.New(rand.NewPCG(o.plan.Seed, o.count))
	o.count++
	d.number = o.count
	d.due = time.Now()
	drop, twice, late := random.Float64() < o.plan.Drop, random.Float64() < o.plan.Duplicate, random.Float64() < o.plan.Reorder
	if drop {
		o.log(&d, 0, "dropped")
		return
	}
	if late {
		hold := time.Duration(o.plan.HoldMS) * time.Millisecond
		d.due = d.due.Add(cmp.Or(hold, defaultHold))
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
	o.service.kit.Log.Append(lab.Operation{
		Service: serviceName, Actor: serviceName, Method: http.MethodPost, Action: "webhook", Object: d.event.EventName, ID: d.id,
		Status: status, Fault: fault,
	})
}

// Deliver sends webhooks until the context ends, those included that announce what time alone brings about.
func (s *Service) Deliver(ctx context.Context) {
	if transport, ok := s.options.Transport.(*http.Transport); ok {
		defer transport.CloseIdleConnections()
	}
	for {
		expiry := s.untilExpiry()
		d, wait := s.outbox.pop()
		if d != nil {
			s.attempt(ctx, d)
			continue
		}
		timer := time.NewTimer(min(wait, expiry))
		select {
		case <-timer.C:
		case <-s.outbox.wake:
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

// attempt sends one delivery once and decides what becomes of it.
func (s *Service) attempt(ctx context.Context, d *delivery) {
	status, err := s.send(ctx, d)
	if ctx.Err() != nil {
		return
	}
	d.attempts++
	done := err == nil && status/100 == 2
	if s.kit.Switches.Is(switchDeliverySuccess, "200") {
		done = err == nil && status == http.StatusOK
	}
	s.outbox.mu.Lock()
	given := !done && d.attempts >= maxAttempts
	switch {
	case done:
	case given:
		s.outbox.offline = append(s.outbox.offline, d)
	default:
		d.due = time.Now().Add(s.options.RetryInterval)
		s.outbox.waiting = append(s.outbox.waiting, d)
	}
	s.outbox.mu.Unlock()
	s.noteValidation(d, status, err, done || given)
	s.outbox.log(d, status, "")
}

func (s *Service) send(ctx context.Context, d *delivery) (status int, err error) {
	signature, err := s.authority.Sign(d.body)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.registration.WebhookURL, bytes.NewReader(d.body))
	if err != nil {
		return 0, fmt.Errorf("make the request of a webhook: %w", err)
	}
	header := "Authorization"
	if d.registration.toMSSignature() {
		header = "x-ms-signature"
	}
	request.Header.Set(header, "Signature "+signature)
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("X-MS-Certificate-Url", s.options.CertificateURL)
	request.Header.Set("X-MS-Signature-Algorithm", "rsa-sha256")
	response, err := s.options.Transport.RoundTrip(request)
	if err != nil {
		return 0, fmt.Errorf("deliver a webhook: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody)) // so that the connection can be used again
	return response.StatusCode, nil
}
