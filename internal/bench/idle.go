package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const idling = "calls of an idle agent"

// sweepsEvery is the interval of sweeps while an idle agent's calls are counted.
const sweepsEvery = 2 * time.Second

const day = 24 * time.Hour

// whileIdle counts the calls of an agent that has nothing to do, checks them against the schedule, and computes those of a day.
func (b *bench) whileIdle(ctx context.Context, w *world) error {
	if b.profile.idle == 0 || w.store != sqlite {
		return nil // the store makes no calls
	}
	if err := w.latency(0); err != nil {
		return err
	}
	d := w.polled(pollsEvery)
	d.Schedule.Sweep = sweepsEvery.String()
	a, err := w.start(ctx, d, w.dsn)
	if err != nil {
		return err
	}
	var days []row
	b.cell(ctx, row{Section: idling, What: "counted, polls " + pollsEvery.String() + ", sweeps " + sweepsEvery.String()}, func(r *row) error {
		days, err = b.countIdle(ctx, w, a, r)
		return err
	})
	b.report.Rows = append(b.report.Rows, days...)
	return a.stop()
}

// countIdle counts, and gives the rows of a day.
func (b *bench) countIdle(ctx context.Context, w *world, a *agent, r *row) (days []row, err error) {
	if err := w.idles(ctx, b.profile.settle); err != nil {
		return nil, err
	}
	cost, mark := a.measure(), w.mark()
	if !wait(ctx, b.profile.idle) {
		return nil, ctx.Err()
	}
	paid, operations := cost.end(), w.log().Since(mark)
	n := countCalls(operations)
	sweeps := float64(b.profile.idle) / float64(sweepsEvery)
	polls := float64(b.profile.idle) / float64(pollsEvery)
	others := n.crmReads + n.crmWrites + n.centerWrites + n.centerReads - n.lists
	r.Figures = []figure{
		count("polls", n.polls), {Name: "by schedule", Value: polls}, count("sweep calls", n.lists), {Name: "sweeps by schedule", Value: sweeps},
		count("other calls", others),
	}
	if paid.known {
		r.Figures = append(r.Figures, figure{Name: "CPU", Value: 100 * float64(paid.processor) / float64(paid.wall), Unit: "% of a core"})
	}
	perPoll := inRound(n.polls, rounds(operations, isPoll, pollsEvery))
	perSweep := inRound(n.lists, rounds(operations, isList, sweepsEvery))
	sweepEvery, err := time.ParseDuration(w.document.Schedule.Sweep)
	if err != nil {
		return nil, err
	}
	pollEvery, err := time.ParseDuration(w.document.Schedule.Poll)
	if err != nil {
		return nil, err
	}
	for _, schedule := range []struct {
		name string
		poll time.Duration
	}{{"polls every " + pollEvery.String(), pollEvery}, {"change events, polls every 1m", time.Minute}} {
		days = append(days, row{
			Section: idling, What: fmt.Sprintf("a day by default: %s, sweeps every %v", schedule.name, sweepEvery),
			Figures: []figure{
				{Name: "CRM calls/day", Value: perPoll * float64(day) / float64(schedule.poll)},
				{Name: "PC calls/day", Value: perSweep * float64(day) / float64(sweepEvery)},
			},
			Bound: fmt.Sprintf("%.2f calls a poll and %.2f a sweep, as counted; sign-ins come on top", perPoll, perSweep),
		})
	}
	return days, nil
}

// idles waits until no referral or record is touched any more, whatever is swept.
func (w *world) idles(ctx context.Context, settle time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for mark := w.mark(); ; mark = w.mark() {
		if !wait(ctx, settle) {
			return fmt.Errorf("waited for the agent to be idle: %w", ctx.Err())
		}
		if busy := worked(w.log().Since(mark)); !busy {
			return nil
		}
	}
}

// worked reports whether an agent did more than look for changes.
func worked(operations []lab.Operation) bool {
	n := countCalls(operations)
	return n.crmReads+n.crmWrites+n.centerWrites+n.centerReads > n.lists
}

// isList reports whether an operation is a list of Partner Center's, of which a sweep consists.
func isList(o lab.Operation) bool {
	return o.Service == centerService && o.Object == "referral" && o.ID == ""
}

// rounds counts how often something was done at an interval: calls that follow each other closely are one round.
func rounds(operations []lab.Operation, is func(lab.Operation) bool, interval time.Duration) int {
	n, last := 0, time.Time{}
	for _, o := range operations {
		if !byAgent(o) || !is(o) {
			continue
		}
		if o.At.Sub(last) > interval/2 {
			n++
		}
		last = o.At
	}
	return n
}

// inRound is how many calls one round takes.
func inRound(calls, rounds int) float64 { return float64(calls) / float64(max(rounds, 1)) }
