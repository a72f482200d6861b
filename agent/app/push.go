package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// push is the CRM's push feed, and what it means for the polls: while it is healthy they are rare, and when it has missed
// something, or is lost, they come at once.
type push struct {
	open func() (*salesforce.Events, crm.PushFeed, error) // subscribes; nil where the CRM calls
	poll time.Duration                                    // between two polls while the feed is healthy
	hook *hookHealth                                      // of a feed that calls; nil where one is subscribed to

	mu      sync.Mutex
	healthy bool
	asked   int                           // how often a poll of every feed was asked for
	seen    map[string]int                // by feed: how many of these its last wait knew of
	skip    map[string]context.CancelFunc // by feed: ends the wait under way
}

// newPush prepares the push feed that the document asks for; nil when it asks for none.
func (a *App) newPush(d document.Document, opened organisation) (*push, error) {
	if d.CRM.Dynamics != nil && d.CRM.Dynamics.Push != nil {
		return a.rowHook().push, nil
	}
	org, pushes := opened.(*adapter.Org)
	if !pushes || d.CRM.Salesforce.Push == nil {
		return nil, nil
	}
	declared := d.CRM.Salesforce.Push
	poll, err := time.ParseDuration(declared.Poll)
	if err != nil {
		return nil, problem.Wrap(problem.DocumentInvalid, "crm.salesforce.push.poll", err)
	}
	open := func() (*salesforce.Events, crm.PushFeed, error) {
		events, err := org.Client().Events(salesforce.EventsConfig{Endpoint: declared.Endpoint, Dial: a.machine.DialEvents})
		if err != nil {
			return nil, nil, err
		}
		return events, org.Push(events, declared.Topic), nil
	}
	p := idlePush(poll)
	p.open = open
	return p, nil
}

func idlePush(poll time.Duration) *push {
	return &push{poll: poll, seen: map[string]int{}, skip: map[string]context.CancelFunc{}}
}

// interval is the time between two polls.
func (p *push) interval(usual time.Duration) time.Duration {
	if p == nil {
		return usual
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.healthy {
		return max(usual, p.poll)
	}
	return usual
}

// set notes whether the feed is healthy. Whatever changed while it was lost is polled for at once, at the usual rate from then on.
func (p *push) set(healthy bool) {
	p.mu.Lock()
	was := p.healthy
	p.healthy = healthy
	p.mu.Unlock()
	if was && !healthy {
		p.pollNow()
	}
}

// pollNow asks for a poll of every feed.
func (p *push) pollNow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	for feed, skip := range p.skip {
		p.seen[feed] = p.asked
		skip()
	}
}

// begin gives the context of a wait, which ends when a poll is asked for. It has ended when one was asked for during the last poll.
func (p *push) begin(ctx context.Context, feed string) (waiting context.Context, done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting, skip := context.WithCancel(ctx)
	if p.seen[feed] < p.asked {
		p.seen[feed] = p.asked
		skip()
	}
	p.skip[feed] = skip
	return waiting, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.skip, feed)
		skip()
	}
}

// rest waits between two rounds of a task, or shorter when a poll is asked for.
func (c *connection) rest(ctx context.Context, feed string, interval time.Duration) {
	if c.push == nil || feed != watch.CRMFeed && feed != watch.LeadFeed {
		c.machine.Sleep(ctx, interval)
		return
	}
	began := c.machine.Now()
	waiting, done := c.push.begin(ctx, feed)
	c.machine.Sleep(waiting, interval)
	done()
	if c.push.hook == nil {
		return
	}
	// Deliveries that only a poll can answer come one by one: it answers those of the usual interval together.
	if left := c.budget.interval(c.poll) - c.machine.Now().Sub(began); left > 0 {
		c.machine.Sleep(ctx, left)
	}
}

// Waits between two attempts to subscribe: the documentation asks for five seconds at least ("Retry Long-Lived RPC Calls").
const (
	shortestRetry = 5 * time.Second
	longestRetry  = 5 * time.Minute
)

// listen keeps a subscription to the push feed, in one process at a time. The others take its lease for the feed's health.
func (c *connection) listen(ctx context.Context) {
	events, feed, err := c.push.open()
	if err != nil {
		c.log.Error("the CRM's change events cannot be subscribed to, polling instead", "feed", watch.PushFeed, "error", err)
		return
	}
	defer func() { _ = events.Close() }() // nothing is under way any more
	for retry := shortestRetry; ctx.Err() == nil; {
		lease, got, err := c.store.Acquire(ctx, watch.PushFeed, c.machine.Lease)
		if err == nil && !got {
			c.push.set(true)
			c.machine.Sleep(ctx, c.machine.Lease/2)
			continue
		}
		if err == nil {
			var heard bool
			heard, err = c.hear(ctx, feed, lease)
			if heard {
				retry = shortestRetry
			}
			err = errors.Join(err, c.store.Release(context.WithoutCancel(ctx), lease))
		}
		c.push.set(false)
		if ctx.Err() != nil {
			return
		}
		level := c.log.Info
		if salesforce.IsSubscriptionRefused(err) {
			level = c.log.Warn
		}
		level("the CRM's change events do not come, polling instead; will try again", "feed", watch.PushFeed, "error", err)
		c.machine.Sleep(ctx, retry+time.Duration(c.machine.Jitter()*float64(retry)/2))
		retry = min(2*retry, longestRetry)
	}
}

// hear subscribes and stores what is told until the subscription ends. It reports whether there was at least a sign of life.
func (c *connection) hear(ctx context.Context, feed crm.PushFeed, lease store.Lease) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	held := make(chan struct{})
	go func() {
		defer close(held)
		c.holdPush(ctx, cancel, lease)
	}()
	defer func() { cancel(); <-held }()
	position, err := c.store.Cursor(ctx, watch.PushFeed)
	if err != nil {
		return false, err
	}
	listener, err := feed.Listen(ctx, position)
	if err != nil {
		return false, c.forget(ctx, err)
	}
	defer listener.Close()
	for {
		told, err := listener.Next(ctx)
		if err != nil {
			return heard, c.forget(ctx, err)
		}
		hits, err := watch.Announced(ctx, told, c.store)
		if err != nil {
			return heard, err
		}
		c.log.Trace("change events came", "feed", watch.PushFeed, "hits", hits, "missed", told.Missed)
		c.push.set(true)
		if told.Missed {
			c.push.pollNow()
		}
		heard = true
	}
}

// forget drops a position that is of no use any more, so that the next subscription begins anew.
func (c *connection) forget(ctx context.Context, err error) error {
	if !errors.Is(err, crm.ErrPosition) {
		return err
	}
	return errors.Join(err, c.store.Enqueue(ctx, nil, &store.Cursor{Name: watch.PushFeed}))
}

// holdPush prolongs the lease as long as the subscription lasts.
func (c *connection) holdPush(ctx context.Context, lost context.CancelFunc, lease store.Lease) {
	for {
		c.machine.Sleep(ctx, c.machine.Lease/4)
		if ctx.Err() != nil {
			return
		}
		renewed, err := c.store.Renew(ctx, lease, c.machine.Lease)
		if errors.Is(err, store.ErrLeaseLost) {
			lost()
			return
		}
		if err == nil {
			lease = renewed
		}
	}
}
