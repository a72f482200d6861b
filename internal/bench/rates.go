package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	acknowledgements = "acknowledgement of webhooks"
	rates            = "changes at a steady rate"
	lonelies         = "a lonely change"
)

// Targets at a latency of 50 ms, in milliseconds.
const (
	changeP50 = 130
	newP50    = 230
	ackP99    = 25
)

// expected is a change on its way.
type expected struct{ at time.Time }

// atRate lets changes come at a steady rate and measures how long each takes; of webhooks the acknowledgements as well.
func (b *bench) atRate(ctx context.Context, s *scene, v speed, direction string) {
	what := fmt.Sprintf("%s, %d/s", s.via(direction), v.rate)
	r := row{Section: rates, Store: s.w.store, Latency: millis(v.latency), What: what, Bound: s.boundOf(direction)}
	b.cell(ctx, r, func(r *row) error {
		if err := s.quiet(ctx, v.latency); err != nil {
			return err
		}
		s.w.courier.answers()
		cost := s.a.measure()
		took, err := s.stream(ctx, v.rate, int(float64(v.rate)*b.profile.stretch.Seconds()), direction)
		if err != nil {
			return err
		}
		p50 := inMillis("p50", percentile(took, 50))
		if v.latency == near && s.boundOf(direction) == "" {
			p50 = p50.atMost(changeP50)
		}
		r.Figures = []figure{count("changes", len(took)), p50, inMillis("p99", percentile(took, 99))}
		if r.Bound == "" {
			r.Bound = cost.end().bound()
		}
		return nil
	})
	if direction == fromCenter && ctx.Err() == nil {
		b.acknowledged(s, v.latency, fmt.Sprintf("%d/s", v.rate))
	}
}

// acknowledged reports the answers to webhooks since they were last asked for.
func (b *bench) acknowledged(s *scene, latency time.Duration, what string) {
	took, failed := s.w.courier.answers()
	if len(took) == 0 {
		return
	}
	b.report.Rows = append(b.report.Rows, row{
		Section: acknowledgements, Store: s.w.store, Latency: millis(latency), What: what,
		Figures: []figure{
			count("webhooks", len(took)), inMillis("p50", percentile(took, 50)), inMillis("p99", percentile(took, 99)).atMost(ackP99), count("failed attempts", failed),
		},
	})
}

// quiet sets the latency and waits until the agent rests.
func (s *scene) quiet(ctx context.Context, latency time.Duration) error {
	if err := s.w.latency(latency); err != nil {
		return err
	}
	return s.w.rest(ctx, 400*time.Millisecond+2*latency)
}

// stream makes n changes at a rate and gives how long each took. A change of a deal is over with the first write of the agent's to
// the deal's other side after it.
func (s *scene) stream(ctx context.Context, rate, n int, direction string) ([]time.Duration, error) {
	mark, begun := s.w.mark(), time.Now()
	open := map[string][]expected{}
	for i := range n {
		due := begun.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if !wait(ctx, time.Until(due)) {
			return nil, ctx.Err()
		}
		p, at := s.pick(), s.w.now()
		if err := s.change(ctx, p, direction, s.number()); err != nil {
			return nil, err
		}
		open[p.target(direction)] = append(open[p.target(direction)], expected{at})
	}
	var took []time.Duration
	err := s.w.await(ctx, fmt.Sprintf("%d changes", n), mark, func(o lab.Operation) bool {
		if isWrite(o, direction, false) {
			kept := open[o.ID][:0]
			for _, e := range open[o.ID] {
				if o.At.Before(e.at) {
					kept = append(kept, e)
				} else {
					took = append(took, o.At.Sub(e.at))
				}
			}
			open[o.ID] = kept
		}
		return len(took) == n
	})
	if err != nil {
		return nil, fmt.Errorf("%d of %d changes arrived: %w", len(took), n, err)
	}
	return took, nil
}

// wait pauses, and says false when the context ended meanwhile.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lonely is a single change or new deal.
type lonely struct {
	direction string
	fresh     bool
}

// alone measures single changes, one after the other, each while nothing else goes on.
func (b *bench) alone(ctx context.Context, s *scene, latency time.Duration, l lonely) {
	what, target := "change, "+s.via(l.direction), float64(changeP50)
	if l.fresh {
		what, target = "new deal, "+s.via(l.direction), newP50
	}
	r := row{Section: lonelies, Store: s.w.store, Latency: millis(latency), What: what, Bound: s.boundOf(l.direction)}
	b.cell(ctx, r, func(r *row) error {
		var took []time.Duration
		for i := range b.profile.tries {
			if err := s.quiet(ctx, latency); err != nil {
				return err
			}
			if s.feed == polling && !wait(ctx, spread(i)) {
				return ctx.Err()
			}
			one, err := s.once(ctx, l)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		p50 := inMillis("p50", percentile(took, 50))
		if latency == near && r.Bound == "" {
			p50 = p50.atMost(target)
		}
		r.Figures = []figure{count("tries", len(took)), p50, inMillis("worst", percentile(took, 100))}
		if r.Bound == "" && latency > 0 {
			r.Bound = fmt.Sprintf("%.1f round trips of the latency", float64(percentile(took, 50))/float64(latency))
		}
		return nil
	})
}

// spread moves the tries evenly over the interval of polls. Without it each would begin at the same time after a poll.
func spread(i int) time.Duration {
	const golden = 0.618033988749895
	place := float64(i+1) * golden
	return time.Duration((place - float64(int(place))) * float64(pollsEvery))
}

// once makes one change and gives the time until the write on the other side.
func (s *scene) once(ctx context.Context, l lonely) (time.Duration, error) {
	mark, at, id := s.w.mark(), s.w.now(), ""
	var err error
	switch {
	case l.fresh && l.direction == fromCRM:
		_, err = s.share(ctx)
	case l.fresh:
		_, err = s.receive(ctx)
	default:
		p := s.pick()
		id, err = p.target(l.direction), s.change(ctx, p, l.direction, s.number())
	}
	if err != nil {
		return 0, err
	}
	var took time.Duration
	err = s.w.await(ctx, "a lonely change", mark, func(o lab.Operation) bool {
		took = o.At.Sub(at)
		return isWrite(o, l.direction, l.fresh) && (id == "" || o.ID == id)
	})
	return took, err
}
