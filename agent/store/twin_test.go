package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// twins runs the same operations on a model and on a real store, and fails at the first difference in what they answer.
type twins struct {
	clock  *fakeClock
	model  *Memory
	real   *SQL
	reopen func(*rapid.T) *SQL // nil when other stores share the database

	events int
	claims []Claim
	leases []Lease
}

// The world is small, so that operations meet each other.
var (
	twinKeys    = []string{"pc:1", "pc:2", "pc:3", "crm:1", "crm:2"}
	twinIntents = []string{"i1", "i2", "i3"}
	twinNames   = []string{"sweep", "poll"}
)

func TestMemoryAndSQLiteAnswerAlike(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", n))
		clock := newClock()
		open := func(rt *rapid.T) *SQL {
			s, err := Open(t.Context(), Options{DSN: "sqlite:" + path, Connector: "test", Clock: clock.Now})
			if err != nil {
				rt.Fatal(err)
			}
			return s
		}
		w := &twins{clock: clock, model: NewMemory("test", clock.Now), real: open(rt), reopen: open}
		defer func() { w.real.Close() }()
		rt.Repeat(rapid.StateMachineActions(w))
	})
}

func TestMemoryAndPostgresAnswerAlike(t *testing.T) {
	clock := newClock()
	server := openServer(t, clock.Now)
	defer server.Close()
	rapid.Check(t, func(rt *rapid.T) {
		name := fmt.Sprintf("twin-%d", connectors.Add(1))
		w := &twins{clock: clock, model: NewMemory(name, clock.Now), real: server.Connector(name)}
		rt.Repeat(rapid.StateMachineActions(w))
	})
}

// both compares what an operation answers on both stores.
func (w *twins) both(t *rapid.T, what string, op func(ctx context.Context, s Store) (any, error)) any {
	t.Helper()
	got, gotErr := op(context.Background(), w.real)
	want, wantErr := op(context.Background(), w.model)
	g, m := fmt.Sprintf("%+v, %s", got, class(gotErr)), fmt.Sprintf("%+v, %s", want, class(wantErr))
	if g != m {
		t.Fatalf("%s:\n sql    %s (%v)\n memory %s (%v)", what, g, gotErr, m, wantErr)
	}
	return got
}

// class is what a caller can tell of an error.
func class(err error) string {
	for _, known := range []error{ErrLeaseLost, ErrBoundElsewhere, ErrBusy, ErrOverloaded, ErrClosed} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "refused: " + err.Error()
	}
	return "ok"
}

func (w *twins) Enqueue(t *rapid.T) {
	var events []Event
	for range rapid.IntRange(0, 3).Draw(t, "events") {
		w.events++
		id := w.events
		if rapid.IntRange(0, 3).Draw(t, "repeat") == 0 {
			id = rapid.IntRange(1, w.events).Draw(t, "id")
		}
		events = append(events, Event{
			ID: fmt.Sprint(id), Key: rapid.SampledFrom(twinKeys).Draw(t, "key"), Priority: rapid.IntRange(Live, Backfill).Draw(t, "priority"),
			NotBefore: w.moment(t),
		})
	}
	var cursor *Cursor
	if rapid.Bool().Draw(t, "cursor") {
		cursor = &Cursor{rapid.SampledFrom(twinNames).Draw(t, "feed"), fmt.Sprint(w.events)}
	}
	w.both(t, "enqueue", func(ctx context.Context, s Store) (any, error) { return nil, s.Enqueue(ctx, events, cursor) })
}

// moment is no time, or one around now.
func (w *twins) moment(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "now") {
		return time.Time{}
	}
	return w.clock.Now().Add(time.Duration(rapid.IntRange(-60, 120).Draw(t, "seconds")) * time.Second)
}

func (w *twins) Claim(t *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(t, "n")
	got := w.both(t, "claim", func(ctx context.Context, s Store) (any, error) { return s.Claim(ctx, n, leaseTime) })
	w.claims = append(w.claims, got.([]Claim)...)
}

// claim picks a claim, which may be long lost.
func (w *twins) claim(t *rapid.T) Claim {
	if len(w.claims) == 0 {
		t.Skip("no claim yet")
	}
	back := rapid.IntRange(1, min(len(w.claims), 6)).Draw(t, "claim")
	return w.claims[len(w.claims)-back]
}

func (w *twins) Extend(t *rapid.T) {
	c := w.claim(t)
	w.both(t, "extend", func(ctx context.Context, s Store) (any, error) { return s.Extend(ctx, c, leaseTime) })
}

func (w *twins) Settle(t *rapid.T) {
	c := w.claim(t)
	outcome := rapid.SampledFrom([]Outcome{
		Done{}, Retry{At: w.moment(t), Code: "later", Error: "try later"}, Park{Code: "person", Error: "ask a person"}, Gate{Flow: "create_referral"},
	}).Draw(t, "outcome")
	w.both(t, "settle", func(ctx context.Context, s Store) (any, error) { return nil, s.Settle(ctx, c, outcome) })
}

func (w *twins) Record(t *rapid.T) {
	c := w.claim(t)
	change := Change{
		Aliases: rapid.SliceOfN(rapid.SampledFrom(twinKeys), 0, 2).Draw(t, "aliases"),
		Base:    w.values(t, "base"), Pending: w.values(t, "pending"),
	}
	if rapid.IntRange(0, 2).Draw(t, "link") == 0 {
		change.Link = &Link{
			ReferralID: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "referral"),
			CRMID:      rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "record"), Phase: PhaseOpen,
		}
	}
	for range rapid.IntRange(0, 1).Draw(t, "open") {
		change.Open = append(change.Open, Intent{
			ID: rapid.SampledFrom(twinIntents).Draw(t, "intent"), Kind: rapid.SampledFrom(twinNames).Draw(t, "kind"),
			State: rapid.SampledFrom([]string{"", IntentAmbiguous, IntentDone}).Draw(t, "state"), NotBefore: w.moment(t),
		})
	}
	for range rapid.IntRange(0, 1).Draw(t, "settle") {
		change.Settle = append(change.Settle, Settlement{
			ID: rapid.SampledFrom(twinIntents).Draw(t, "settled"), State: rapid.SampledFrom([]string{IntentAmbiguous, IntentFailed}).Draw(t, "outcome"),
			RemoteID: rapid.SampledFrom([]string{"", "r"}).Draw(t, "remote"), NotBefore: w.moment(t),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "audit") {
		change.Audit = append(change.Audit, AuditEntry{At: w.moment(t), Detail: fmt.Sprint(w.events)})
	}
	if rapid.IntRange(0, 3).Draw(t, "report") == 0 {
		change.Report = new(fmt.Sprint("report ", w.events))
	}
	w.both(t, "record", func(ctx context.Context, s Store) (any, error) { return nil, s.Record(ctx, c, change) })
}

func (w *twins) values(t *rapid.T, what string) Values {
	if rapid.IntRange(0, 3).Draw(t, what) > 0 {
		return nil
	}
	return Values{"name": rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "value")}
}

func (w *twins) Absorb(t *rapid.T) {
	c := w.claim(t)
	into := rapid.SampledFrom(twinKeys).Draw(t, "into")
	w.both(t, "absorb", func(ctx context.Context, s Store) (any, error) { return nil, s.Absorb(ctx, c, into) })
}

func (w *twins) Acquire(t *rapid.T) {
	name := rapid.SampledFrom(twinNames).Draw(t, "name")
	got := w.both(t, "acquire", func(ctx context.Context, s Store) (any, error) {
		l, ok, err := s.Acquire(ctx, name, leaseTime)
		if ok {
			return l, err
		}
		return nil, err
	})
	if l, ok := got.(Lease); ok {
		w.leases = append(w.leases, l)
	}
}

func (w *twins) RenewOrRelease(t *rapid.T) {
	if len(w.leases) == 0 {
		t.Skip("no lease yet")
	}
	l := rapid.SampledFrom(w.leases).Draw(t, "lease")
	renew := rapid.Bool().Draw(t, "renew")
	w.both(t, "renew or release", func(ctx context.Context, s Store) (any, error) {
		if renew {
			return s.Renew(ctx, l, leaseTime)
		}
		return nil, s.Release(ctx, l)
	})
}

func (w *twins) TimePasses(t *rapid.T) {
	w.clock.Advance(rapid.SampledFrom([]time.Duration{time.Millisecond, 450 * time.Millisecond, 20 * time.Second, leaseTime}).Draw(t, "time"))
}

func (w *twins) ReconsiderAndPrune(t *rapid.T) {
	w.both(t, "reconsider", func(ctx context.Context, s Store) (any, error) { return nil, s.Reconsider(ctx, "some") })
	w.both(t, "prune", func(ctx context.Context, s Store) (any, error) {
		return nil, s.Prune(ctx, Retention{Events: leaseTime, Intents: 2 * leaseTime, Audit: 3 * leaseTime})
	})
}

func (w *twins) Spend(t *rapid.T) {
	day, n := rapid.SampledFrom([]string{"2026-03-01", "2026-02-28"}).Draw(t, "day"), rapid.Int64Range(0, 5).Draw(t, "n")
	w.both(t, "spend", func(ctx context.Context, s Store) (any, error) { return s.Spend(ctx, "salesforce", day, n) })
}

// Crash ends the process that had the file: its leases end too.
func (w *twins) Crash(t *rapid.T) {
	if w.reopen == nil {
		t.Skip("a server survives")
	}
	if err := w.real.Close(); err != nil {
		t.Fatal(err)
	}
	w.real = w.reopen(t)
	w.model.Reopen()
	w.drain()
}

func (w *twins) drain() {
	for _, s := range []Store{w.real, w.model} {
		select {
		case <-s.Wake():
		default:
		}
	}
}

// Check compares everything that can be seen, after every operation, and what must always hold.
func (w *twins) Check(t *rapid.T) {
	w.both(t, "wake", func(_ context.Context, s Store) (any, error) { return len(s.Wake()), nil })
	w.drain()
	w.both(t, "stats", func(ctx context.Context, s Store) (any, error) { return s.Stats(ctx) })
	w.both(t, "problems", func(ctx context.Context, s Store) (any, error) { return s.Problems(ctx, 3) })
	w.both(t, "open intents", func(ctx context.Context, s Store) (any, error) { return s.OpenIntents(ctx, "") })
	w.both(t, "open intents of a kind", func(ctx context.Context, s Store) (any, error) { return s.OpenIntents(ctx, "poll") })
	w.both(t, "next due", func(ctx context.Context, s Store) (any, error) {
		due, found, err := s.NextDue(ctx)
		return fmt.Sprint(due, found), err
	})
	for _, name := range twinNames {
		w.both(t, "cursor", func(ctx context.Context, s Store) (any, error) { return s.Cursor(ctx, name) })
	}
	var bound []string
	for _, key := range twinKeys {
		w.both(t, "audit", func(ctx context.Context, s Store) (any, error) { return s.AuditTrail(ctx, key) })
		w.both(t, "lookup", func(ctx context.Context, s Store) (any, error) {
			owner, found, err := s.Lookup(ctx, key)
			return fmt.Sprint(owner, found), err
		})
		d := w.both(t, "load", func(ctx context.Context, s Store) (any, error) { return s.Load(ctx, key) }).(Deal)
		for _, external := range d.Link.externalKeys() {
			bound = append(bound, external+" "+key)
			if owner, _, _ := w.real.Lookup(context.Background(), external); owner != key {
				t.Fatalf("deal %s is linked to %s, which means deal %q", key, external, owner)
			}
		}
	}
	slices.Sort(bound)
	for i := 1; i < len(bound); i++ {
		this, _, _ := strings.Cut(bound[i], " ")
		before, _, _ := strings.Cut(bound[i-1], " ")
		if this == before {
			t.Fatalf("bound twice: %v", bound)
		}
	}
}
