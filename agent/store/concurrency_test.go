package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// crew is senders and workers that use one store at once. Workers stop when the senders are done and nothing is due.
type crew struct {
	fixture
	senders, workers sync.WaitGroup
	done             atomic.Bool
}

func (c *crew) send(n int, send func(i int) error) {
	c.senders.Go(func() {
		for i := range n {
			if err := send(i); err != nil {
				c.Error(err)
				return
			}
		}
	})
}

func (c *crew) work(run func(Claim) error) {
	c.workers.Go(func() {
		for {
			finished := c.done.Load() // before the claim: what is due after it was there before
			claims, err := c.Claim(c.Context(), 3, leaseTime)
			if err != nil {
				c.Error(err)
				return
			}
			for _, claim := range claims {
				if err := run(claim); err != nil && !errors.Is(err, ErrLeaseLost) {
					c.Error(err)
					return
				}
			}
			if due, err := c.Stats(c.Context()); finished && err == nil && due.Due+due.Leased == 0 {
				return
			}
		}
	})
}

func (c *crew) wait() {
	c.senders.Wait()
	c.done.Store(true)
	c.workers.Wait()
}

func TestTwoWorkersNeverShareADeal(t *testing.T) {
	onAll(t, func(f fixture) {
		c := &crew{fixture: f}
		const deals, perSender = 7, 60
		var busy [deals]atomic.Int64
		var generation [deals]atomic.Int64
		for sender := range 4 {
			c.send(perSender, func(i int) error {
				events := []Event{
					{ID: fmt.Sprint(sender, "-", i, "a"), Key: fmt.Sprint("pc:", i%deals)},
					{ID: fmt.Sprint(sender, "-", i, "b"), Key: fmt.Sprint("pc:", (i+3)%deals)},
				}
				return f.Enqueue(f.Context(), events, nil)
			})
			c.work(func(claim Claim) error {
				var deal int
				if _, err := fmt.Sscanf(claim.Key, "pc:%d", &deal); err != nil {
					return err
				}
				if n := busy[deal].Add(1); n != 1 {
					return fmt.Errorf("%d workers on %s", n, claim.Key)
				}
				err := f.Record(f.Context(), claim, Change{Base: Values{"generation": fmt.Sprint(claim.Generation)}})
				generation[deal].Store(max(generation[deal].Load(), claim.Generation))
				busy[deal].Add(-1)
				return errors.Join(err, f.Settle(f.Context(), claim, Done{}))
			})
		}
		c.wait()
		sum := int64(0)
		for i := range generation {
			sum += generation[i].Load()
		}
		equal(f, "events worked on", sum, 4*perSender*2)
	})
}

// Each pair's two external keys get events of their own until a worker finds that they are one deal, from either end, while
// more events come. Whatever was acknowledged last must be followed by a run.
func TestNoEventIsLostWhenDealsBecomeOne(t *testing.T) {
	onAll(t, func(f fixture) {
		c := &crew{fixture: f}
		const pairs, perSender = 6, 60
		var sent, seen [pairs]atomic.Int64
		for sender := range 4 {
			c.send(perSender, func(i int) error {
				pair := (i + sender) % pairs
				side := []string{"pc:", "crm:"}[(i/pairs+sender)%2]
				sent[pair].Add(1)
				return f.Enqueue(f.Context(), []Event{{ID: fmt.Sprint(sender, "-", i), Key: fmt.Sprint(side, pair)}}, nil)
			})
			c.work(func(claim Claim) error {
				side, number, _ := strings.Cut(claim.Key, ":")
				var pair int
				if _, err := fmt.Sscan(number, &pair); err != nil {
					return err
				}
				known := sent[pair].Load()
				if err := becomeOne(f.Context(), f.Store, claim, side, number); err != nil {
					return err
				}
				if err := f.Settle(f.Context(), claim, Done{}); err != nil {
					return err
				}
				for old := seen[pair].Load(); old < known && !seen[pair].CompareAndSwap(old, known); old = seen[pair].Load() {
				}
				return nil
			})
		}
		c.wait()
		for pair := range pairs {
			equal(f, fmt.Sprint("events seen of pair ", pair), seen[pair].Load(), sent[pair].Load())
			one, _, err := f.Lookup(f.Context(), fmt.Sprint("pc:", pair))
			f.ok(err)
			f.means(fmt.Sprint("crm:", pair), one)
		}
	})
}

// becomeOne joins a pair from the referral's end by Absorb, from the record's end by Record.
func becomeOne(ctx context.Context, s Store, claim Claim, side, number string) error {
	if side == "crm" {
		return s.Record(ctx, claim, Change{Aliases: []string{"pc:" + number}})
	}
	owner, found, err := s.Lookup(ctx, "crm:"+number)
	if err != nil || owner == claim.Key {
		return err
	}
	if !found {
		return s.Record(ctx, claim, Change{Aliases: []string{"crm:" + number}})
	}
	return s.Absorb(ctx, claim, "crm:"+number)
}
