package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// tally is an observer that remembers.
type tally struct {
	acknowledged, runs, writes, calls map[string]int
	lags                              []time.Duration
}

func newTally() *tally {
	return &tally{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, nil}
}

func (t *tally) Acknowledged(_, source string, n int) { t.acknowledged[source] += n }
func (t *tally) Ran(_, outcome string)                { t.runs[outcome]++ }
func (t *tally) Wrote(_, kind string)                 { t.writes[kind]++ }
func (t *tally) Called(_, system string, status int)  { t.calls[fmt.Sprint(system, " ", status)]++ }
func (t *tally) Equal(_ string, lag time.Duration)    { t.lags = append(t.lags, lag) }

// What passes through the store is counted. The lag of a deal counts from its first event to the run that brings it to rest: what
// a feed shows again, and what it shows when the process begins, is no news.
func TestLagCountsFromTheFirstEvent(t *testing.T) {
	now := noon
	seen := newTally()
	memory := store.NewMemory("contoso", func() time.Time { return now })
	w := newWatched(memory, "contoso", Machine{Observer: seen, Now: func() time.Time { return now }}, &health{})
	ctx := t.Context()
	enqueue := func(id, key string, cursor *store.Cursor) {
		t.Helper()
		if err := w.Enqueue(ctx, []store.Event{{ID: id, Source: "poll", Key: key}}, cursor); err != nil {
			t.Fatal(err)
		}
	}
	finish := func(outcome store.Outcome) {
		t.Helper()
		claims, err := w.Claim(ctx, 1, time.Minute)
		if err != nil || len(claims) != 1 {
			t.Fatal(claims, err)
		}
		change := store.Change{Open: []store.Intent{{ID: "patch_referral:x:1:0", Kind: "patch_referral"}}}
		settle := store.Change{Settle: []store.Settlement{{ID: "patch_referral:x:1:0", State: store.IntentDone}}}
		if err := errors.Join(w.Record(ctx, claims[0], change), w.Record(ctx, claims[0], settle), w.Settle(ctx, claims[0], outcome)); err != nil {
			t.Fatal(err)
		}
	}
	feed := &store.Cursor{Name: "feed", Value: "1"}
	enqueue("old", "crm:a", feed)
	now = now.Add(time.Hour)
	finish(store.Done{})

	enqueue("new", "crm:a", feed)
	now = now.Add(2 * time.Second)
	enqueue("newer", "crm:a", feed)
	finish(store.Retry{At: now.Add(time.Second)})
	now = now.Add(time.Second)
	finish(store.Done{})
	enqueue("new", "crm:a", feed) // the feed shows it again
	if len(seen.lags) != 1 || seen.lags[0] != 3*time.Second {
		t.Errorf("lags %v, want 3s alone", seen.lags)
	}
	if seen.runs["done"] != 2 || seen.runs["retry"] != 1 || seen.writes["patch_referral"] != 3 || seen.acknowledged["poll"] != 4 {
		t.Errorf("counted %+v", seen)
	}
}

// A paused connector claims nothing until it is resumed.
func TestPausedConnectorsClaimNothing(t *testing.T) {
	now := noon
	memory := store.NewMemory("contoso", func() time.Time { return now })
	ctx := t.Context()
	var slept atomic.Int64
	c := &connection{store: memory, log: hclog.NewNullLogger(), machine: Machine{Lease: time.Minute, Sleep: func(ctx context.Context, _ time.Duration) {
		if slept.Add(1) == 3 {
			if err := store.SetPause(ctx, memory, nil); err != nil {
				t.Error(err)
			}
		}
	}}}
	err := errors.Join(memory.Enqueue(ctx, []store.Event{{ID: "e", Key: "crm:a"}}, nil), store.SetPause(ctx, memory, &store.Pause{At: noon, By: "ada"}))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := c.claim(ctx, 1)
	if err != nil || len(claims) != 1 || slept.Load() != 3 {
		t.Errorf("%d claims after %d waits, %v", len(claims), slept.Load(), err)
	}
}

// A backfill waits while the connector is paused, most of the budget is spent, or much is due, and says why.
func TestBackfillsWait(t *testing.T) {
	memory := store.NewMemory("contoso", func() time.Time { return noon })
	budget := &callBudget{daily: 100, now: func() time.Time { return noon }}
	c := &connection{store: memory, budget: budget, log: hclog.NewNullLogger()}
	ctx := t.Context()
	expect := func(what string, waits bool) {
		t.Helper()
		if why, err := c.throttled(ctx); err != nil || (why != "") != waits {
			t.Errorf("%s: %q, %v", what, why, err)
		}
	}
	expect("nothing to do", false)
	budget.roll()
	budget.own = 70
	expect("the budget", true)
	budget.own = 0
	var events []store.Event
	for i := range mostWaiting + 1 {
		events = append(events, store.Event{ID: fmt.Sprint(i), Key: fmt.Sprint("crm:", i)})
	}
	if err := memory.Enqueue(ctx, events, nil); err != nil {
		t.Fatal(err)
	}
	expect("a long queue", true)
	if err := RequestBackfill(ctx, memory, noon); err != nil {
		t.Fatal(err)
	}
	state, err := BackfillState(ctx, memory)
	if err != nil || state == nil || state.Ended != "" || state.Position != (backfill.Position{}) {
		t.Errorf("requested: %+v, %v", state, err)
	}
	if err := RequestBackfill(ctx, memory, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, err := BackfillState(ctx, memory); err != nil || again.Run != state.Run {
		t.Errorf("a backfill under way is begun anew: %+v, %v", again, err)
	}
}
