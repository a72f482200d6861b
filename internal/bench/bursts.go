package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const bursts = "bursts"

// Targets at a latency of 50 ms.
const (
	dealsPerSecond = 1000 // to the CRM side
	callsBeyond    = 0.1  // for each deal
	mostMemory     = 150  // MB; at every latency
)

// settling is how long a burst must be over: records that changed in the second of a poll are looked at again when that second is
// three seconds old.
const settling = 3*time.Second + 2*pollsEvery

// burst is something that happens to many deals at once.
type burst struct {
	what      string
	direction string
	deals     int
	fresh     bool // new deals
	silent    bool // nothing is to be written
	begin     func(ctx context.Context) error
}

// inBursts measures the profile's bursts at each latency. Deals that a burst has made are changed by the next ones.
func (b *bench) inBursts(ctx context.Context, s *scene) {
	for _, latency := range b.profile.burstAt[s.w.store] {
		for _, n := range b.profile.bursts {
			var linked []pair
			shared := b.newDeals(s, fromCRM, n, &linked)
			b.burst(ctx, s, latency, shared)
			b.burst(ctx, s, latency, b.newDeals(s, fromCenter, n, nil))
			if len(linked) == 0 {
				continue // the deals did not come; the note says why
			}
			value := s.number()
			for _, direction := range []string{fromCRM, fromCenter} {
				value++
				changed := burst{what: "changed", direction: direction, deals: n, begin: s.changeAll(linked, direction, value)}
				b.burst(ctx, s, latency, changed)
				unchanged := changed
				unchanged.what, unchanged.silent = "unchanged", true
				b.burst(ctx, s, latency, unchanged)
			}
			s.made = value
		}
		for _, direction := range []string{fromCRM, fromCenter} {
			b.burst(ctx, s, latency, b.repeated(s, direction))
		}
	}
}

// newDeals makes deals on one side. What became of them is left in linked, where it is given.
func (b *bench) newDeals(s *scene, direction string, n int, linked *[]pair) burst {
	make1 := s.receive
	if direction == fromCRM {
		make1 = s.share
	}
	return burst{what: "new", direction: direction, deals: n, fresh: true, begin: func(ctx context.Context) error {
		for range n {
			id, err := make1(ctx)
			if err != nil {
				return err
			}
			if linked != nil {
				*linked = append(*linked, pair{opportunity: id})
			}
		}
		return nil
	}}
}

// changeAll sets one side of all deals to a value. The second time it sets what they hold already. Referrals are looked up when the
// burst begins, since the deals come from another one.
func (s *scene) changeAll(pairs []pair, direction string, value int) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		byOpportunity := map[string]int{}
		for i := range pairs {
			pairs[i].referral = ""
			byOpportunity[pairs[i].opportunity] = i
		}
		if err := s.find(pairs, byOpportunity); err != nil {
			return err
		}
		for _, p := range pairs {
			if err := s.change(ctx, p, direction, value); err != nil {
				return err
			}
		}
		return nil
	}
}

// repeated is many events on each of few deals.
func (b *bench) repeated(s *scene, direction string) burst {
	of := b.profile.repeat
	n := min(of.deals, len(s.pairs))
	return burst{
		what: fmt.Sprintf("%d events on each of %d", of.events, n), direction: direction, deals: n,
		begin: func(ctx context.Context) error {
			for range of.events {
				for _, p := range s.pairs[:n] {
					if err := s.change(ctx, p, direction, s.number()); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
}

// burst lets it all be due at once: webhooks are kept back until all are there, and the agent sleeps while sellers work in the CRM.
func (b *bench) burst(ctx context.Context, s *scene, latency time.Duration, u burst) {
	what := fmt.Sprintf("%d %s, %s", u.deals, u.what, s.via(u.direction))
	r := row{Section: bursts, Store: s.w.store, Latency: millis(latency), What: what}
	b.cell(ctx, r, func(r *row) error {
		if err := s.quiet(ctx, latency); err != nil {
			return err
		}
		mark := s.w.mark()
		if err := s.gather(ctx, u); err != nil {
			return err
		}
		s.w.courier.answers()
		begun, cost := s.w.now(), s.a.measure()
		if err := s.let(u); err != nil {
			return err
		}
		finished, err := s.finish(ctx, u, mark, b.profile.settle)
		if err != nil {
			return err
		}
		paid := cost.end()
		if err := s.w.rest(ctx, b.profile.settle+2*latency); err != nil {
			return err
		}
		after := cost.end()
		r.Figures, r.Bound = burstFigures(u, countCalls(s.w.log().Since(mark)), latency, begun, finished, after), paid.bound()
		return nil
	})
	if u.direction == fromCenter && ctx.Err() == nil && latency == near {
		b.acknowledged(s, latency, fmt.Sprintf("%d deals %s, %d at once", u.deals, u.what, senders))
	}
}

// gather makes everything due while the agent can see none of it.
func (s *scene) gather(ctx context.Context, u burst) error {
	if u.direction == fromCenter {
		s.w.courier.hold()
		if err := u.begin(ctx); err != nil {
			return err
		}
		return s.handedOver(ctx)
	}
	if err := pauseProcess(s.a.command.Process); err != nil {
		return err
	}
	if err := u.begin(ctx); err != nil {
		return errors.Join(err, resumeProcess(s.a.command.Process))
	}
	return nil
}

// handedOver waits until the sandbox has handed all its webhooks to the courier.
func (s *scene) handedOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		before := s.w.courier.waiting()
		if !wait(ctx, 300*time.Millisecond) {
			return fmt.Errorf("waited for the sandbox's webhooks: %w", ctx.Err())
		}
		if left, _ := s.w.sandbox.PartnerCenter().Deliveries(); len(left) == 0 && s.w.courier.waiting() == before {
			return nil
		}
	}
}

// let lets the agent see it.
func (s *scene) let(u burst) error {
	if u.direction == fromCenter {
		s.w.courier.release()
		return nil
	}
	return resumeProcess(s.a.command.Process)
}

// finish waits for the last deal's write, and says when it was. A burst that changes nothing is over when the agent rests.
func (s *scene) finish(ctx context.Context, u burst, mark int64, settle time.Duration) (time.Time, error) {
	if u.silent {
		return time.Time{}, s.w.rest(ctx, settle)
	}
	written := map[string]bool{}
	var last time.Time
	err := s.w.await(ctx, u.what+" deals", mark, func(o lab.Operation) bool {
		if isWrite(o, u.direction, u.fresh) {
			written[o.ID], last = true, o.At
		}
		return len(written) >= u.deals
	})
	if err != nil {
		return last, fmt.Errorf("%d of %d deals arrived: %w", len(written), u.deals, err)
	}
	return last, nil
}

// burstFigures gives what a burst took and cost. Deals that a poll must find count from the first call after it, so that the poll's
// interval is no part of their rate.
func burstFigures(u burst, n calls, latency time.Duration, begun, finished time.Time, paid spent) []figure {
	if u.direction == fromCRM && !n.first.IsZero() {
		begun = n.first.Add(-latency)
	}
	if finished.IsZero() {
		finished = n.last
	}
	var figures []figure
	if took := finished.Sub(begun).Seconds(); took > 0 {
		rate := figure{Name: "deals/s", Value: float64(u.deals) / took}
		if latency == near && u.direction == fromCenter && u.deals >= dealsPerSecond && !u.silent {
			rate = rate.atLeast(dealsPerSecond)
		}
		figures = append(figures, rate)
	}
	figures = append(figures, n.figures(u.deals)...)
	beyond := figure{Name: "beyond", Value: float64(n.beyond()) / float64(max(u.deals, 1))}
	if latency == near && u.deals >= dealsPerSecond {
		beyond = beyond.atMost(callsBeyond)
	}
	figures = append(figures, beyond)
	if paid.known {
		figures = append(figures, inMillis("CPU/deal", paid.processor/time.Duration(max(u.deals, 1))), inMegabytes("peak RSS", paid.peak).atMost(mostMemory))
	}
	return figures
}
