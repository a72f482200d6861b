package store

import (
	"context"
	"maps"
	"time"
)

// Retention says how long things are kept that no run of the engine reads any more. Zero keeps them for ever. Deals, their links
// and their snapshots are always kept, closed ones too: a base is what tells a change from an old value.
type Retention struct {
	Events  time.Duration // since they were stored; a repeat of a forgotten event counts as new
	Intents time.Duration // since they were last sent: those that are done, failed or superseded
	Audit   time.Duration // since it happened; the daily counts of calls too
}

// pruneStep is how many rows one transaction forgets, so that events never wait long behind it.
const pruneStep = 1000

// whereSettled is the condition of the index intent_settled.
const whereSettled = `state IN ('done', 'failed', 'superseded')`

// Prune implements Queue.
func (s *SQL) Prune(ctx context.Context, keep Retention) error {
	for _, old := range []struct {
		age       time.Duration
		statement string
	}{
		{keep.Events, `DELETE FROM inbox WHERE connector = $1 AND event_id IN
			(SELECT event_id FROM inbox WHERE connector = $1 AND stored_at < $2 ORDER BY stored_at LIMIT $3)`},
		{keep.Intents, `DELETE FROM intent WHERE connector = $1 AND intent_id IN
			(SELECT intent_id FROM intent WHERE connector = $1 AND sent_at < $2 AND ` + whereSettled + ` ORDER BY sent_at LIMIT $3)`},
		{keep.Audit, `DELETE FROM audit WHERE connector = $1 AND (deal_key, seq) IN
			(SELECT deal_key, seq FROM audit WHERE connector = $1 AND at < $2 ORDER BY at LIMIT $3)`},
	} {
		if old.age <= 0 {
			continue
		}
		if err := s.forget(ctx, old.statement, millis(s.clock().Add(-old.age))); err != nil {
			return err
		}
	}
	if keep.Audit > 0 {
		err := s.update(ctx, func(t tx) error {
			_, err := t.exec(`DELETE FROM budget WHERE connector = $1 AND day < $2`, moment(t.now).Add(-keep.Audit).Format(time.DateOnly))
			return err
		})
		if err != nil {
			return err
		}
	}
	return closedOr(s.shrink(ctx))
}

// forget runs a statement that deletes some old rows until there are none.
func (s *SQL) forget(ctx context.Context, statement string, limit int64) error {
	for {
		var gone int64
		err := s.update(ctx, func(t tx) (err error) {
			gone, err = t.exec(statement, limit, pruneStep)
			return err
		})
		if err != nil || gone < pruneStep {
			return err
		}
	}
}

// Spend implements Queue.
func (s *SQL) Spend(ctx context.Context, system, day string, n int64) (int64, error) {
	var total int64
	err := s.update(ctx, func(t tx) error {
		sums, err := query(t, one[int64], `INSERT INTO budget (connector, system, day, used) VALUES ($1, $2, $3, $4)
			ON CONFLICT (connector, system, day) DO UPDATE SET used = budget.used + excluded.used RETURNING used`, system, day, n)
		if err == nil {
			total = sums[0]
		}
		return err
	})
	return total, err
}

// Prune implements Queue.
func (m *Memory) Prune(ctx context.Context, keep Retention) error {
	now, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if keep.Events > 0 {
		limit := now - keep.Events.Milliseconds()
		maps.DeleteFunc(m.inbox, func(_ string, at int64) bool { return at < limit })
	}
	if keep.Intents > 0 {
		limit := now - keep.Intents.Milliseconds()
		maps.DeleteFunc(m.intents, func(_ string, in *memoryIntent) bool {
			settled := in.State == IntentDone || in.State == IntentFailed || in.State == IntentSuperseded
			return settled && millis(in.SentAt) < limit
		})
	}
	if keep.Audit > 0 {
		limit := now - keep.Audit.Milliseconds()
		for key, entries := range m.audit {
			var kept []AuditEntry
			for _, e := range entries {
				if millis(e.At) >= limit {
					kept = append(kept, e)
				}
			}
			m.audit[key] = kept
		}
		first := moment(limit).Format(time.DateOnly)
		maps.DeleteFunc(m.spent, func(s spending, _ int64) bool { return s.day < first })
	}
	return nil
}

// spending is a row of budget.
type spending struct{ system, day string }

// Spend implements Queue.
func (m *Memory) Spend(ctx context.Context, system, day string, n int64) (int64, error) {
	if _, err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	m.spent[spending{system, day}] += n
	return m.spent[spending{system, day}], nil
}
