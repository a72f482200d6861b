package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

const memory = "memory with many links"

const (
	fillers   = 400 // transactions under way while a store is filled; they are written together
	fillBatch = 1000
)

// withManyLinks fills a store, starts an agent on it and reads its memory. It comes first: an agent with a store that knows none of
// the sandbox's deals would read them all.
func (b *bench) withManyLinks(ctx context.Context, w *world) error {
	if !slices.Contains(b.profile.linksIn, w.store) {
		return nil
	}
	b.cell(ctx, row{Section: memory, Store: w.store, What: fmt.Sprintf("%d links", b.profile.links)}, func(r *row) (err error) {
		if err := w.latency(0); err != nil {
			return err
		}
		dsn, done, err := openStore(w.store, w.dir, "links")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		begun := time.Now()
		if err := fill(ctx, dsn, w.document.Connector.Name, b.profile.links); err != nil {
			return err
		}
		filled := time.Since(begun)
		a, err := w.start(ctx, w.polled(pollsEvery), dsn)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.stop()) }() // before the store ends
		if !wait(ctx, 3*pollsEvery) {
			return ctx.Err()
		}
		now, err := usageOf(a.command.Process.Pid)
		if err != nil {
			return err
		}
		r.Figures = []figure{inMegabytes("RSS", now.resident).atMost(mostMemory), inMegabytes("peak since the start", now.peak).atMost(mostMemory)}
		r.Bound = fmt.Sprintf("filled in %s by the store's own interface", filled.Round(time.Second))
		return nil
	})
	return nil
}

// fill makes n linked deals by the store's own interface.
func fill(ctx context.Context, dsn, connector string, n int) (err error) {
	s, err := store.Open(ctx, store.Options{DSN: dsn, Connector: connector, Clock: time.Now, Owner: "bench"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for from := 0; from < n; from += fillBatch {
		var events []store.Event
		for i := from; i < min(from+fillBatch, n); i++ {
			events = append(events, store.Event{ID: fmt.Sprint("fill ", i), Source: "bench", Key: store.ReferralKey(referralNumber(i)), Name: "referral-created"})
		}
		if err := s.Enqueue(ctx, events, nil); err != nil {
			return err
		}
		claims, err := s.Claim(ctx, len(events), time.Hour)
		if err != nil {
			return err
		}
		if len(claims) != len(events) {
			return fmt.Errorf("%d of %d deals could be claimed", len(claims), len(events))
		}
		if err := linkAll(ctx, s, claims, from); err != nil {
			return err
		}
	}
	return nil
}

func referralNumber(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// linkAll records a link, a base and a line of history for each claim, and settles it.
func linkAll(ctx context.Context, s *store.SQL, claims []store.Claim, from int) error {
	work, failures := make(chan int), make([]error, fillers)
	var group sync.WaitGroup
	for worker := range fillers {
		group.Go(func() {
			for i := range work {
				if failures[worker] != nil {
					continue
				}
				failures[worker] = linkOne(ctx, s, claims[i], from+i)
			}
		})
	}
	for i := range claims {
		work <- i
	}
	close(work)
	group.Wait()
	return errors.Join(failures...)
}

func linkOne(ctx context.Context, s *store.SQL, c store.Claim, i int) error {
	err := s.Record(ctx, c, store.Change{
		Link: &store.Link{
			ReferralID: c.Key[len("pc:"):], EngagementID: fmt.Sprintf("10000000-0000-4000-8000-%012d", i), CRMID: fmt.Sprintf("006%012dAAA", i),
			Origin: store.OriginPartnerCenter, Phase: store.PhaseOpen,
		},
		Base: store.Values{
			"name": fmt.Sprintf("Deal %d", i), "value": fmt.Sprint(1000 + i), "currency": "USD", "close_date": "2027-06-30", "status": "Active",
			"customer_name": fmt.Sprintf("Contoso %d", i), "notes": "Rollout of the platform in all branches, by quarter.",
		},
		Audit: []store.AuditEntry{{Actor: "agent", Direction: "pc_to_crm", Field: "value", New: fmt.Sprint(1000 + i)}},
	})
	if err != nil {
		return err
	}
	return s.Settle(ctx, c, store.Done{})
}
