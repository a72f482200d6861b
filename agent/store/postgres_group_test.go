package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
)

// Many workers record and settle at once and share transactions. A claim that was lost fails alone, a deal that takes another one in
// gets a transaction of its own, and one that the database refuses leaves the others what they recorded.
func TestWorkersShareTransactionsAndNotFailures(t *testing.T) {
	s := openServer(t, time.Now)
	defer s.Close()
	f := fixture{T: t, Store: s}
	const deals = 200
	var events []Event
	for i := range deals {
		events = append(events, Event{ID: fmt.Sprint(i), Key: fmt.Sprintf("pc:%03d", i)})
	}
	f.ok(f.Enqueue(t.Context(), append(events, Event{ID: "shell", Key: "crm:shell", NotBefore: time.Now().Add(time.Hour)}), nil))
	claims, err := f.Claim(t.Context(), deals, time.Hour)
	f.ok(err)
	equal(f, "claimed at once", len(claims), deals)
	failures := make([]error, deals)
	var workers sync.WaitGroup
	for i, c := range claims {
		workers.Go(func() {
			change := Change{Base: Values{"name": c.Key}, Link: &Link{ReferralID: c.Key[3:]}}
			switch i {
			case 1:
				c.Fence-- // somebody else has it
			case 2:
				change.Aliases = []string{"crm:shell"} // which is taken in
			case 3:
				change.Settle = []Settlement{{ID: "nobody's", State: IntentDone}} // which fails after the base was written
			}
			if failures[i] = s.Record(t.Context(), c, change); failures[i] == nil {
				failures[i] = s.Settle(t.Context(), c, Done{})
			}
		})
	}
	workers.Wait()
	for i, err := range failures {
		d := f.load(claims[i].Key)
		switch {
		case i == 1:
			f.fails(err, ErrLeaseLost)
		case i == 3:
			if err == nil || errors.Is(err, ErrLeaseLost) {
				t.Errorf("an unknown request was settled: %v", err)
			}
		case err != nil:
			t.Errorf("%s: %v", claims[i].Key, err)
		}
		equal(f, "recorded "+claims[i].Key, d.Base != nil, i != 1 && i != 3)
	}
	f.means("crm:shell", claims[2].Key)
}

// Many senders store events at once and share transactions. Each event is stored once, whoever sends it again, before its sender hears so;
// one that the database refuses fails alone.
func TestArrivalsShareTransactionsAndNotFailures(t *testing.T) {
	s := openServer(t, time.Now)
	defer s.Close()
	f := fixture{T: t, Store: s}
	const events = 300
	refused := errors.New("refused by the test")
	s.arrivals = batch.New(batch.Options[[]Event]{Size: maxShared, Slots: committers}, func(ctx context.Context, requests [][]Event) ([]batch.Result[struct{}], error) {
		return storeTogether(ctx, requests, func(ctx context.Context, all []Event) error {
			if slices.ContainsFunc(all, func(e Event) bool { return e.ID == "bad" }) {
				return refused
			}
			return s.enqueue(ctx, all, nil)
		})
	})
	failures := make([]error, events)
	var senders sync.WaitGroup
	for i := range events {
		senders.Go(func() {
			e := Event{ID: fmt.Sprint(i / 2), Key: fmt.Sprintf("pc:%03d", i/2)} // each twice
			if i == 7 {
				e.ID = "bad"
			}
			failures[i] = s.Enqueue(t.Context(), []Event{e}, nil)
		})
	}
	senders.Wait()
	for i, err := range failures {
		if (i == 7) != errors.Is(err, refused) || i != 7 && err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
	claims, err := f.Claim(t.Context(), events, time.Hour)
	f.ok(err)
	equal(f, "deals", len(claims), events/2)
}
