package app

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
)

// run starts the watchers and workers and ends with the context, after the deals under way have come to an end.
func (c *connection) run(ctx context.Context) error {
	var group sync.WaitGroup
	start := func(task func(context.Context)) {
		group.Go(func() { task(ctx) })
	}
	start(c.sweepReferrals)
	if c.watchCRM {
		start(c.pollRecords)
	}
	if c.leads != nil {
		start(c.pollLeads)
	}
	if c.push != nil && c.push.open != nil {
		start(c.listen)
	}
	start(c.prune)
	start(c.backfills)
	c.dispatch(ctx, &group)
	group.Wait()
	for _, calls := range c.calls {
		calls.flush(context.WithoutCancel(ctx))
	}
	return ctx.Err()
}

const (
	idleWait   = time.Second // the default of Machine.IdleWait: another process may have made a deal due
	pruneEvery = 6 * time.Hour
	pruning    = "prune"
)

// dispatch claims due deals and hands each to a worker of its own, as many at once as the machine allows.
func (c *connection) dispatch(ctx context.Context, group *sync.WaitGroup) {
	free := make(chan struct{}, c.machine.Workers)
	for range c.machine.Workers {
		free <- struct{}{}
	}
	for ctx.Err() == nil {
		n := takeAll(ctx, free)
		claims, err := c.claim(ctx, n)
		if err != nil && ctx.Err() == nil {
			c.log.Error("cannot claim due deals", "error", err)
		}
		for range n - len(claims) {
			free <- struct{}{}
		}
		for _, claim := range claims {
			group.Go(func() {
				defer func() { free <- struct{}{} }()
				c.work(ctx, claim)
			})
		}
		if len(claims) == 0 {
			c.idle(ctx)
		}
	}
}

// takeAll waits for one free worker and takes all others that are free too.
func takeAll(ctx context.Context, free <-chan struct{}) int {
	select {
	case <-free:
	case <-ctx.Done():
		return 0
	}
	for n := 1; ; n++ {
		select {
		case <-free:
		default:
			return n
		}
	}
}

// idle waits until a deal becomes due.
func (c *connection) idle(ctx context.Context) {
	wait := cmp.Or(c.machine.IdleWait, idleWait)
	if due, any, err := c.store.NextDue(ctx); err == nil && any {
		wait = min(wait, max(due.Sub(c.machine.Now()), time.Millisecond))
	}
	woken, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-c.store.Wake():
			cancel()
		case <-woken.Done():
		}
	}()
	c.machine.Sleep(woken, wait)
	cancel()
	<-done
}

// work reconciles one claimed deal and settles it. The claim is prolonged while the work goes on; once it is lost, the work
// ends. When the agent is asked to stop, a deal under way is finished first: its calls are bounded.
func (c *connection) work(ctx context.Context, claim store.Claim) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	beat := make(chan struct{})
	go func() {
		defer close(beat)
		c.prolong(working, cancel, claim)
	}()
	outcome := c.engine.Reconcile(working, claim)
	cancel()
	<-beat
	if outcome == nil {
		return
	}
	err := c.store.Settle(context.WithoutCancel(ctx), claim, outcome)
	if err != nil && !errors.Is(err, store.ErrLeaseLost) {
		c.log.Error("cannot settle the deal; its lease will run out", "deal", claim.Key, "error", err)
	}
}

// prolong extends the claim until the work ends.
func (c *connection) prolong(ctx context.Context, cancel func(), claim store.Claim) {
	for {
		c.machine.Sleep(ctx, c.machine.Lease/4)
		if ctx.Err() != nil {
			return
		}
		if _, err := c.store.Extend(ctx, claim, c.machine.Lease); errors.Is(err, store.ErrLeaseLost) {
			cancel()
			return
		}
	}
}

// every runs a task at once and then at intervals, in one process at a time.
func (c *connection) every(ctx context.Context, name string, interval func() time.Duration, task func(context.Context) (int, error)) {
	for ctx.Err() == nil {
		c.waitPaused(ctx)
		lease, got, err := c.store.Acquire(ctx, name, c.machine.Lease)
		if err == nil && got {
			var hits int
			hits, err = task(ctx)
			c.log.Trace("looked for changes", "feed", name, "hits", hits)
			c.health.passed(name, c.machine.Now(), interval(), hits, err)
			err = errors.Join(err, c.store.Release(context.WithoutCancel(ctx), lease))
		}
		if err != nil && ctx.Err() == nil {
			c.log.Warn("looking for changes failed, will try again", "feed", name, "error", err)
		}
		c.rest(ctx, name, interval())
	}
}

func (c *connection) pollInterval() time.Duration { return c.budget.interval(c.push.interval(c.poll)) }

func (c *connection) pollRecords(ctx context.Context) {
	feed := c.push.judging(c.org)
	c.every(ctx, watch.CRMFeed, func() time.Duration { return c.pollInterval() }, func(ctx context.Context) (int, error) { return watch.Records(ctx, feed, c.store, c.machine.Now()) })
}

func (c *connection) pollLeads(ctx context.Context) {
	c.every(ctx, watch.LeadFeed, func() time.Duration { return c.pollInterval() }, func(ctx context.Context) (int, error) { return watch.Leads(ctx, c.leads, c.store, c.machine.Now()) })
}

func (c *connection) sweepReferrals(ctx context.Context) {
	c.every(ctx, watch.ReferralFeed, func() time.Duration { return c.sweep }, func(ctx context.Context) (int, error) {
		return watch.Referrals(ctx, c.center, c.store, func() time.Time { return c.clocks.at(clockOfPartnerCenter, c.machine.Now()) }, c.from)
	})
}

func (c *connection) prune(ctx context.Context) {
	c.every(ctx, pruning, func() time.Duration { return pruneEvery }, func(ctx context.Context) (int, error) { return 0, c.store.Prune(ctx, c.machine.Keep) })
}
