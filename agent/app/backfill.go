package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// Backfilling is how far the last backfill got. It stands in the store, so a process that takes over goes on with it.
type Backfilling struct {
	Run      string            `json:"run"` // names this backfill: the time at which it was asked for
	Position backfill.Position `json:"position"`
	Findings map[string]int    `json:"findings"` // deals by verdict
	Waits    string            `json:"waits,omitempty"`
	Ended    string            `json:"ended,omitempty"` // RFC 3339; empty while it is under way
}

// backfillCursor keeps a [Backfilling] in the place of a feed's position, so that it moves with the events that it covers.
const backfillCursor = "operator.backfill"

// RequestBackfill asks whichever agent works on the store to look at everything once. One that is under way goes on.
func RequestBackfill(ctx context.Context, queue store.Queue, now time.Time) error {
	state, err := BackfillState(ctx, queue)
	if err != nil || state != nil && state.Ended == "" {
		return err
	}
	return saveBackfill(ctx, queue, nil, Backfilling{Run: now.UTC().Format(time.RFC3339Nano), Findings: map[string]int{}})
}

// BackfillState tells how far the last backfill got; nil when there was none.
func BackfillState(ctx context.Context, queue store.Queue) (*Backfilling, error) {
	value, err := queue.Cursor(ctx, backfillCursor)
	if err != nil || value == "" {
		return nil, err
	}
	state := Backfilling{Findings: map[string]int{}}
	if err := json.Unmarshal([]byte(value), &state); err != nil {
		return nil, fmt.Errorf("the state of the backfill is damaged: %w", err)
	}
	return &state, nil
}

func saveBackfill(ctx context.Context, queue store.Queue, events []store.Event, state Backfilling) error {
	encoded, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	return queue.Enqueue(ctx, events, &store.Cursor{Name: backfillCursor, Value: string(encoded)})
}

// SurveyBackfill looks at both sides as a backfill would, and stores nothing.
func SurveyBackfill(ctx context.Context, d document.Document, m Machine, page func([]backfill.Finding, backfill.Position) error) error {
	a := &App{machine: m, log: m.Log}
	org, center, err := a.open(ctx, d, m.Transport, m.Transport, a.newClocks())
	if err != nil {
		return err
	}
	return survey(d, org, center).Run(ctx, backfill.Position{}, page)
}

// survey gives the survey of both sides.
func survey(d document.Document, org organisation, center referral.API) *backfill.Survey {
	return &backfill.Survey{Records: org, Referrals: center, Scope: scopeOf(d.PartnerCenter.Scope)}
}

// backfillWait is how often an agent looks whether somebody asked for a backfill, and how long one waits that is throttled.
const backfillWait = 5 * idleWait

// backfills carries out the backfills that are asked for.
func (c *connection) backfills(ctx context.Context) {
	wait := cmp.Or(c.machine.IdleWait, backfillWait)
	for ctx.Err() == nil {
		c.waitPaused(ctx)
		state, err := BackfillState(ctx, c.store)
		if err == nil && state != nil && state.Ended == "" {
			err = c.backfill(ctx, *state)
		}
		if err != nil && ctx.Err() == nil {
			c.log.Warn("the backfill was interrupted, will go on", "error", err)
		}
		c.machine.Sleep(ctx, wait)
	}
}

// backfill goes on with a backfill, in one process at a time.
func (c *connection) backfill(ctx context.Context, state Backfilling) (err error) {
	lease, got, err := c.store.Acquire(ctx, "backfill", c.machine.Lease)
	if err != nil || !got {
		return err
	}
	defer func() { err = errors.Join(err, c.store.Release(context.WithoutCancel(ctx), lease)) }()
	return c.survey.Run(ctx, state.Position, func(found []backfill.Finding, at backfill.Position) error {
		if lease, err = c.throttle(ctx, lease, state); err != nil {
			return err
		}
		var events []store.Event
		state.Findings = maps.Clone(state.Findings)
		for _, finding := range found {
			state.Findings[finding.Verdict]++
			if event, due := finding.Event(state.Run); due {
				events = append(events, event)
			}
			if finding.Verdict == backfill.Candidates || finding.Verdict == backfill.Conflict {
				c.log.Warn("the backfill leaves a deal to a person", "verdict", finding.Verdict, "referral", finding.ReferralID,
					"record", finding.RecordID, "candidates", finding.Candidates, "why", finding.Why)
			}
		}
		if state.Position = at; at.Phase == backfill.PhaseDone {
			state.Ended = c.machine.Now().UTC().Format(time.RFC3339)
			c.log.Info("the backfill is through", "referrals", at.Referrals, "records", at.Records, "findings", state.Findings)
		}
		return saveBackfill(ctx, c.store, events, state)
	})
}

// mostWaiting is how many deals may be due before a backfill adds more: what just happened is never behind a long queue, and the
// budget is looked at again before it is spent.
const mostWaiting = 500

// throttle waits while much is due, most of the day's calls are spent, or the connector is paused. It keeps the lease meanwhile.
func (c *connection) throttle(ctx context.Context, lease store.Lease, state Backfilling) (store.Lease, error) {
	for {
		var err error
		if lease, err = c.store.Renew(ctx, lease, c.machine.Lease); err != nil {
			return lease, err
		}
		waits, err := c.throttled(ctx)
		if err != nil || waits == "" {
			return lease, err
		}
		if waits != state.Waits {
			state.Waits = waits
			if err := saveBackfill(ctx, c.store, nil, state); err != nil {
				return lease, err
			}
		}
		c.machine.Sleep(ctx, backfillWait)
		if ctx.Err() != nil {
			return lease, ctx.Err()
		}
	}
}

// throttled tells why a backfill has to wait; "" when it may go on.
func (c *connection) throttled(ctx context.Context) (string, error) {
	if pause, err := store.Paused(ctx, c.store); err != nil || pause != nil {
		return "the connector is paused", err
	}
	if spent := c.budget.spentBy(backfillShare); spent != "" {
		return spent, nil
	}
	stats, err := c.store.Stats(ctx)
	if err != nil || stats.Due+stats.Leased <= mostWaiting {
		return "", err
	}
	return fmt.Sprintf("more than %d deals are due", mostWaiting), nil
}

// backfillShare is the part of a day's budget, in percent, that a backfill leaves off at: the rest is for what happens.
const backfillShare = 70
