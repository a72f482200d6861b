package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// What operators see of a store and do with it. Simulations do without, so the in-memory twin has none of this.

// ErrNoDeal says that the connector has no deal of that key.
var ErrNoDeal = errors.New("there is no such deal")

// StateStopped is a deal that an operator took out: no event wakes it, only [SQL.Act] with [Start].
const StateStopped = "stopped"

// Action is what an operator asks of a deal.
type Action int

// The actions.
const (
	Wake  Action = iota // make it due now, whatever it waits for; a stopped deal stays stopped
	Stop                // let it rest until Start, whatever happens meanwhile; a run that is under way ends first
	Start               // end Stop, and make it due now
)

// Act does what an operator asks of a deal, and notes it in the deal's history, in one transaction. It fails with ErrNoDeal.
func (s *SQL) Act(ctx context.Context, key string, action Action, entry AuditEntry) error {
	err := s.update(ctx, func(t tx) error {
		known, err := query(t, one[string], `SELECT deal_key FROM work WHERE connector = $1 AND deal_key = $2`+t.forUpdate(), key)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			return fmt.Errorf("%w: %s", ErrNoDeal, key)
		}
		return t.act([]string{key}, action, Live, entry)
	})
	if err == nil {
		signal(s.wake)
	}
	return err
}

// act does one thing with several deals, whose keys are sorted.
func (t tx) act(keys []string, action Action, priority int, entry AuditEntry) error {
	change := map[Action]string{Stop: workStopped, Start: workActive}[action]
	marks := map[string]mark{}
	for _, key := range keys {
		if change != "" {
			// What it waited for is no matter any more, and a stopped deal's flow may long be on.
			if _, err := t.exec(`UPDATE work SET state = $3, flow = '' WHERE connector = $1 AND deal_key = $2`, key, change); err != nil {
				return err
			}
		}
		marks[key] = mark{events: 1, due: t.now, priority: priority}
		clean, err := cleanChange(Change{Audit: []AuditEntry{entry}}, t.now)
		if err != nil {
			return err
		}
		if err := t.writeAudit(key, clean.Audit); err != nil {
			return err
		}
	}
	if action == Stop {
		return nil
	}
	return t.raise(marks)
}

// replayed is how many deals one transaction of a replay wakes.
const replayed = 200

// Replay wakes the parked deals whose last problem has one of the codes, or all parked deals without codes, page by page, the
// rest of the queue first. Between pages it calls progress with the number so far. What was done stays done when it fails.
func (s *SQL) Replay(ctx context.Context, codes []string, entry AuditEntry, progress func(done int)) (int, error) {
	done, after := 0, ""
	for {
		var keys []string
		err := s.update(ctx, func(t tx) (err error) {
			condition, args := whereParked(codes, 3)
			keys, err = query(t, one[string], `SELECT deal_key FROM work WHERE connector = $1 AND deal_key > $2`+condition+
				fmt.Sprintf(` ORDER BY deal_key LIMIT %d`, replayed)+t.forUpdate(), append([]any{after}, args...)...)
			if err != nil || len(keys) == 0 {
				return err
			}
			return t.act(keys, Wake, Again, entry)
		})
		if err != nil || len(keys) == 0 {
			return done, err
		}
		signal(s.wake)
		done, after = done+len(keys), keys[len(keys)-1]
		progress(done)
	}
}

// Parked counts the deals that Replay would wake.
func (s *SQL) Parked(ctx context.Context, codes []string) (int, error) {
	condition, args := whereParked(codes, 2)
	count, err := view(ctx, s, one[int], `SELECT COUNT(*) FROM work WHERE connector = $1`+condition, args...)
	if err != nil {
		return 0, err
	}
	return count[0], nil
}

func whereParked(codes []string, first int) (condition string, args []any) {
	condition = ` AND state = 'parked'`
	if len(codes) == 0 {
		return condition, nil
	}
	return condition + ` AND code IN ` + list(first, len(codes)), anys(codes)
}

// Filter chooses deals. Empty parts choose all.
type Filter struct {
	State    string // StateQuiet, StateWaiting, StateWorking, StateParked, StateGated or StateStopped
	Code     string // of the last failure
	Problems bool   // only parked, gated, stopped and failing ones
	After    string // only deals whose keys come later: the last key of the page before
	Limit    int
}

// Page lists deals by key.
func (s *SQL) Page(ctx context.Context, f Filter) ([]Overview, error) {
	conditions, args := []string{` AND d.deal_key > $2`}, []any{f.After}
	add := func(condition string, values ...any) {
		for _, value := range values {
			args = append(args, value)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)+1), 1)
		}
		conditions = append(conditions, ` AND `+condition)
	}
	now := millis(s.clock())
	switch f.State {
	case "":
	case StateQuiet:
		add(`w.state = 'active' AND w.generation <= w.done_generation`)
	case StateWaiting:
		add(`w.state = 'active' AND w.generation > w.done_generation AND w.lease_until <= ?`, now)
	case StateWorking:
		add(`w.state = 'active' AND w.generation > w.done_generation AND w.lease_until > ?`, now)
	case StateParked, StateGated, StateStopped:
		add(`w.state = ?`, f.State)
	default:
		return nil, fmt.Errorf("%q is not a state of a deal", f.State)
	}
	if f.Code != "" {
		add(`w.code = ?`, f.Code)
	}
	if f.Problems {
		add(`(w.state <> 'active' OR w.code <> '' OR w.problem <> '') AND w.flow <> '` + OutOfScope + `'`)
	}
	args = append(args, max(f.Limit, 0))
	text := selectOverview + strings.Join(conditions, "") + fmt.Sprintf(` ORDER BY d.deal_key LIMIT $%d`, len(args)+1)
	return view(ctx, s, s.scanOverview, text, args...)
}

// Cause is why deals wait, and how many do.
type Cause struct {
	State string // StateParked, StateGated, StateStopped or StateWaiting
	Code  string // of the problem
	Flow  string // that gated deals wait for
	Deals int
}

// Causes counts the deals that do not get through, most frequent cause first.
func (s *SQL) Causes(ctx context.Context) ([]Cause, error) {
	scan := func(scan func(...any) error) (c Cause, err error) {
		err = scan(&c.State, &c.Code, &c.Flow, &c.Deals)
		if c.State == workActive {
			c.State = StateWaiting
		}
		return c, err
	}
	return view(ctx, s, scan, `SELECT state, code, flow, COUNT(*) FROM work WHERE connector = $1 AND (state <> 'active' OR code <> '' OR problem <> '')
		GROUP BY state, code, flow ORDER BY COUNT(*) DESC, state, code, flow`)
}
