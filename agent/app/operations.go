package app

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/intake"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// Observer is told what an app does, for metrics. Its methods are called from many goroutines.
type Observer interface {
	// Acknowledged counts events that were stored, by where they came from (webhook, poll, sweep, …). Repeats count too.
	Acknowledged(connector, source string, events int)
	// Ran counts runs over deals by how they ended: done, retry, park, gate or lost.
	Ran(connector, outcome string)
	// Wrote counts writes that arrived, by their kind (create_referral, …).
	Wrote(connector, kind string)
	// Called counts calls to a remote system by their HTTP status; 0 when no answer came.
	Called(connector, system string, status int)
	// Equal notes how long it took from an event to both sides being equal.
	Equal(connector string, lag time.Duration)
}

// Systems that an [Observer] tells apart. The calls for tokens count with the system that they are for.
const (
	SystemCRM           = "salesforce"
	SystemPartnerCenter = "partner_center"
)

// observed counts the calls of a transport.
type observed struct {
	next              http.RoundTripper
	observer          Observer
	connector, system string
}

// RoundTrip implements http.RoundTripper.
func (o observed) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(request)
	status := 0
	if err == nil {
		status = response.StatusCode
	}
	o.observer.Called(o.connector, o.system, status)
	return response, err
}

// observe makes the calls of a transport count.
func (a *App) observe(transport http.RoundTripper, d document.Document, system string) http.RoundTripper {
	if a.machine.Observer == nil {
		return transport
	}
	return observed{transport, a.machine.Observer, d.Connector.Name, system}
}

// FeedHealth is how a change feed does since the process started.
type FeedHealth struct {
	Name   string
	Passed time.Time     // end of the last reading that succeeded; zero: none yet
	Hits   int           // of that reading
	Every  time.Duration // how often it is read at the moment
	Failed time.Time     // end of the last reading that failed; zero: none
	Error  string        // of that reading
}

// Behind reports whether the feed's last reading failed, or is long overdue.
func (f FeedHealth) Behind(now time.Time) bool {
	return f.Failed.After(f.Passed) || !f.Passed.IsZero() && now.Sub(f.Passed) > 3*f.Every+time.Minute
}

// Health is how an app does at the moment.
type Health struct {
	Document  document.Document // in force
	Connected bool              // both systems were reached, and the document can be used
	Trouble   string            // why it is not connected
	Webhook   time.Time         // when the last webhook was stored; zero: none since the process started
	Feeds     []FeedHealth      // by name
	Calls     int64             // to the CRM today (UTC), of all processes
	Budget    int64             // of calls a day; 0: none
	OrgCalls  int64             // of the organisation's day, all applications together, as it reports them; 0: it does not
	OrgLimit  int64             // of these calls
	Held      time.Time         // when the CRM takes calls again, if it asked to be left alone; zero: it takes them
}

// health collects what [App.Health] tells.
type health struct {
	mu        sync.Mutex
	connected bool
	trouble   string
	webhook   time.Time
	feeds     map[string]FeedHealth
	budget    *callBudget
}

func (h *health) connection(budget *callBudget, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.connected, h.trouble = err == nil, ""
	if err != nil {
		h.trouble = err.Error()
		return
	}
	h.budget, h.feeds = budget, map[string]FeedHealth{}
}

// passed notes a reading of a feed.
func (h *health) passed(name string, at time.Time, every time.Duration, hits int, err error) {
	if name == pruning {
		return // no feed
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[name]
	f.Name, f.Every = name, every
	if err != nil {
		f.Failed, f.Error = at, err.Error()
	} else {
		f.Passed, f.Hits = at, hits
	}
	h.feeds[name] = f
}

func (h *health) received(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.webhook = at
}

// Health tells how the app does.
func (a *App) Health() Health {
	d, _ := a.current()
	a.health.mu.Lock()
	defer a.health.mu.Unlock()
	h := Health{Document: d, Connected: a.health.connected, Trouble: a.health.trouble, Webhook: a.health.webhook}
	for _, f := range a.health.feeds {
		h.Feeds = append(h.Feeds, f)
	}
	slices.SortFunc(h.Feeds, func(a, b FeedHealth) int { return strings.Compare(a.Name, b.Name) })
	if b := a.health.budget; b != nil {
		h.Calls, h.Budget = b.spent()
		h.OrgCalls, h.OrgLimit, h.Held = b.told()
	}
	return h
}

// told gives what the organisation says of its day's calls, 0 where it says nothing, and until when it wants no calls.
func (b *callBudget) told() (used, allowed int64, held time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll()
	return b.limits.used, b.limits.allowed, b.limits.heldUntil(b.now())
}

// spent gives today's calls and the budget.
func (b *callBudget) spent() (used, daily int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll()
	return b.shared + b.own, b.daily
}

// pausedWait is how often a paused connector looks whether it may go on.
const pausedWait = time.Second

// waitPaused waits while the connector is paused, and reports whether it was.
func (c *connection) waitPaused(ctx context.Context) (waited bool) {
	for ctx.Err() == nil {
		pause, err := store.Paused(ctx, c.store)
		switch {
		case err != nil && ctx.Err() == nil:
			c.log.Error("cannot look whether the connector is paused; it goes on", "error", err)
			return waited
		case err != nil || pause == nil:
			return waited
		}
		waited = true
		c.machine.Sleep(ctx, pausedWait)
	}
	return waited
}

// claim leases due deals; none while the connector is paused.
func (c *connection) claim(ctx context.Context, n int) ([]store.Claim, error) {
	c.waitPaused(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return c.store.Claim(ctx, n, c.machine.Lease)
}

// watched is the store as an app sees it: what passes through it is counted, and how long deals take.
type watched struct {
	store.Store
	connector string
	observer  Observer // nil: nobody counts
	health    *health
	now       func() time.Time

	mu    sync.Mutex
	began map[string]time.Time // by deal: its oldest event that no run has answered
	known [2]map[string]bool   // ids of events of the last time, newer and older: a feed shows its hits several times
	since time.Time            // beginning of the newer ones
	begun map[string]bool      // feeds whose first reading is done: it shows what an earlier process has seen too
}

// remembered is longer than feeds look back.
const remembered = 10 * time.Minute

func newWatched(s store.Store, connector string, m Machine, h *health) *watched {
	return &watched{
		Store: s, connector: connector, observer: m.Observer, health: h, now: m.Now,
		began: map[string]time.Time{}, known: [2]map[string]bool{{}, {}}, begun: map[string]bool{},
	}
}

// Enqueue implements store.Queue.
func (w *watched) Enqueue(ctx context.Context, events []store.Event, cursor *store.Cursor) error {
	if err := w.Store.Enqueue(ctx, events, cursor); err != nil {
		return err
	}
	for _, e := range events {
		if e.Source == intake.Source {
			w.health.received(w.now())
		}
	}
	if w.observer != nil && len(events) > 0 {
		w.observer.Acknowledged(w.connector, events[0].Source, len(events))
	}
	if w.observer != nil {
		w.begin(ctx, events, cursor)
	}
	return nil
}

// begin starts the clocks of the deals that new events name.
func (w *watched) begin(ctx context.Context, events []store.Event, cursor *store.Cursor) {
	fresh := w.fresh(events, cursor)
	for _, e := range fresh {
		key, found, err := w.Lookup(ctx, e.Key)
		if err != nil || !found {
			continue
		}
		w.mu.Lock()
		if _, running := w.began[key]; !running {
			w.began[key] = w.now()
		}
		w.mu.Unlock()
	}
}

func (w *watched) fresh(events []store.Event, cursor *store.Cursor) []store.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.since) > remembered {
		w.known[1], w.known[0], w.since = w.known[0], map[string]bool{}, now
	}
	first := cursor != nil && !w.begun[cursor.Name]
	if cursor != nil {
		w.begun[cursor.Name] = true
	}
	var fresh []store.Event
	for _, e := range events {
		if !w.known[0][e.ID] && !w.known[1][e.ID] && !first && e.Priority != store.Backfill {
			fresh = append(fresh, e)
		}
		w.known[0][e.ID] = true
	}
	return fresh
}

// Record implements store.Deals.
func (w *watched) Record(ctx context.Context, claim store.Claim, change store.Change) error {
	err := w.Store.Record(ctx, claim, change)
	if err == nil && w.observer != nil {
		for _, s := range change.Settle {
			if kind, _, named := strings.Cut(s.ID, ":"); named && s.State == store.IntentDone {
				w.observer.Wrote(w.connector, kind)
			}
		}
	}
	return err
}

// Absorb implements store.Deals.
func (w *watched) Absorb(ctx context.Context, claim store.Claim, into string) error {
	if err := w.Store.Absorb(ctx, claim, into); err != nil || w.observer == nil {
		return err
	}
	key, found, err := w.Lookup(ctx, into)
	w.mu.Lock()
	defer w.mu.Unlock()
	if began, running := w.began[claim.Key]; running && err == nil && found {
		if other, too := w.began[key]; !too || began.Before(other) {
			w.began[key] = began
		}
	}
	delete(w.began, claim.Key)
	return nil
}

// Settle implements store.Queue.
func (w *watched) Settle(ctx context.Context, claim store.Claim, outcome store.Outcome) error {
	err := w.Store.Settle(ctx, claim, outcome)
	if w.observer == nil {
		return err
	}
	name := "done"
	switch outcome.(type) {
	case store.Retry:
		name = "retry"
	case store.Park:
		name = "park"
	case store.Gate:
		name = "gate"
	}
	if err != nil {
		name = "lost"
	}
	w.observer.Ran(w.connector, name)
	w.mu.Lock()
	defer w.mu.Unlock()
	began, running := w.began[claim.Key]
	if !running || name == "retry" || name == "lost" {
		return err
	}
	delete(w.began, claim.Key)
	if name == "done" {
		w.observer.Equal(w.connector, w.now().Sub(began))
	}
	return err
}
