package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
)

// Conditions on a row of work. The first one is that of the index work_due.
const (
	whereWaiting = `generation > done_generation AND state = 'active'`
	whereProblem = `(state <> 'active' OR code <> '' OR problem <> '') AND flow <> '` + OutOfScope + `'`
	whereHeld    = `connector = $1 AND deal_key = $2 AND fence = $3 AND lease_until > $4`
)

// Enqueue implements Queue.
func (s *SQL) Enqueue(ctx context.Context, events []Event, cursor *Cursor) error {
	events, cursor, err := cleanEvents(events, cursor)
	if err != nil {
		return err
	}
	if s.waiting.Load() >= maxWaiting {
		return ErrOverloaded
	}
	if s.arrivals == nil || cursor != nil {
		return s.enqueue(ctx, events, cursor)
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	_, err = s.arrivals.Do(ctx, events)
	return err
}

// shareArrivals lets callers of Enqueue who wait at the same time share a transaction, and its statements: all of them hear that their
// events are stored when it is on the disk. A database that groups transactions by itself has no need of it.
func (s *SQL) shareArrivals() {
	s.arrivals = batch.New(batch.Options[[]Event]{Size: maxShared, Slots: committers}, func(ctx context.Context, requests [][]Event) ([]batch.Result[struct{}], error) {
		return storeTogether(ctx, requests, func(ctx context.Context, events []Event) error { return s.enqueue(ctx, events, nil) })
	})
}

// storeTogether stores what several callers bring. What is refused on account of one fails for that one only.
func storeTogether(ctx context.Context, requests [][]Event, enqueue func(context.Context, []Event) error) ([]batch.Result[struct{}], error) {
	results := make([]batch.Result[struct{}], len(requests))
	err := enqueue(ctx, slices.Concat(requests...))
	if err == nil || len(requests) == 1 {
		return results, err
	}
	for i, events := range requests {
		results[i].Err = enqueue(ctx, events)
	}
	return results, nil
}

func (s *SQL) enqueue(ctx context.Context, events []Event, cursor *Cursor) error {
	raised := false
	err := s.update(ctx, func(t tx) error {
		fresh, err := t.store(events)
		if err != nil {
			return err
		}
		raised = len(fresh) > 0
		if err := t.mark(fresh); err != nil {
			return err
		}
		if cursor == nil {
			return nil
		}
		const move = `INSERT INTO feed_cursor (connector, name, value) VALUES ($1, $2, $3)
			ON CONFLICT (connector, name) DO UPDATE SET value = excluded.value`
		_, err = t.exec(move, cursor.Name, cursor.Value)
		return err
	})
	if err == nil && raised {
		s.becameDue()
	}
	return err
}

// store puts events into the inbox and returns those that are new.
func (t tx) store(events []Event) ([]Event, error) {
	byID := make(map[string]Event, len(events))
	for _, e := range events {
		if _, twice := byID[e.ID]; !twice {
			byID[e.ID] = e
		}
	}
	var fresh []Event
	// Always in the order of ids, so that two transactions cannot wait for each other.
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(byID)), chunk) {
		var args []any
		for _, id := range ids {
			e := byID[id]
			body := e.Body
			if body == nil {
				body = []byte{}
			}
			args = append(args, e.ID, e.Source, e.Key, e.Name, body, atOr(e.At, t.now), t.now)
		}
		stored, err := query(t, one[string], `INSERT INTO inbox
			(connector, event_id, source, external_key, name, body, happened_at, stored_at)
			VALUES `+tuples(len(ids), 8)+` ON CONFLICT DO NOTHING RETURNING event_id`, args...)
		if err != nil {
			return nil, err
		}
		for _, id := range stored {
			fresh = append(fresh, byID[id])
		}
	}
	return fresh, nil
}

// mark makes the deals of new events due.
func (t tx) mark(events []Event) error {
	byExternal := map[string]*mark{}
	for _, e := range events {
		if byExternal[e.Key] == nil {
			byExternal[e.Key] = &mark{}
		}
		byExternal[e.Key].add(max(t.now, millis(e.NotBefore)), e.Priority)
	}
	keys, err := t.resolve(slices.Sorted(maps.Keys(byExternal)))
	if err != nil {
		return err
	}
	byDeal := map[string]mark{}
	for external, m := range byExternal {
		sum, seen := byDeal[keys[external]]
		if !seen {
			sum = *m
		} else {
			sum = mark{sum.events + m.events, min(sum.due, m.due), min(sum.priority, m.priority)}
		}
		byDeal[keys[external]] = sum
	}
	return t.raise(byDeal)
}

type aliasRow struct{ external, key string }

func scanAlias(scan func(...any) error) (a aliasRow, err error) {
	return a, scan(&a.external, &a.key)
}

// owners finds the deals that external keys mean; keys never seen are left out. With t.forUpdate() as the suffix, the rows
// stay as they are until the transaction ends, so that no deal is absorbed meanwhile.
func (t tx) owners(externals []string, suffix string) (map[string]string, error) {
	found := make(map[string]string, len(externals))
	for part := range slices.Chunk(externals, chunk) {
		rows, err := query(t, scanAlias, `SELECT external_key, deal_key FROM alias WHERE connector = $1 AND external_key IN `+
			list(2, len(part))+` ORDER BY external_key`+suffix, anys(part)...)
		if err != nil {
			return nil, err
		}
		for _, a := range rows {
			found[a.external] = a.key
		}
	}
	return found, nil
}

// resolve is owners for events: an external key that was never seen begins a deal.
func (t tx) resolve(externals []string) (map[string]string, error) {
	found, err := t.owners(externals, t.forUpdate())
	if err != nil {
		return nil, err
	}
	unseen := slices.DeleteFunc(slices.Clone(externals), func(e string) bool { _, ok := found[e]; return ok })
	for part := range slices.Chunk(unseen, chunk) {
		rows := make([]aliasRow, len(part))
		for i, external := range part {
			rows[i] = aliasRow{external, external}
			found[external] = external
		}
		if err := t.addAliases(rows); err != nil {
			return nil, err
		}
		_, err := t.exec(`INSERT INTO deal (connector, deal_key) VALUES `+tuples(len(part), 2), anys(part)...)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// addAliases inserts aliases that were not there a moment ago.
func (t tx) addAliases(rows []aliasRow) error {
	var args []any
	for _, a := range rows {
		args = append(args, a.external, a.key)
	}
	added, err := t.exec(`INSERT INTO alias (connector, external_key, deal_key) VALUES `+
		tuples(len(rows), 3)+` ON CONFLICT DO NOTHING`, args...)
	if err == nil && added < int64(len(rows)) {
		return errAgain
	}
	return err
}

// raise makes deals due for new events. Always in the order of keys, so that two transactions cannot wait for each other.
func (t tx) raise(marks map[string]mark) error {
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(marks)), chunk) {
		var args []any
		for _, key := range keys {
			m := marks[key]
			args = append(args, key, m.events, m.due, m.priority)
		}
		_, err := t.exec(`INSERT INTO work (connector, deal_key, generation, due_at, priority) VALUES `+tuples(len(keys), 5)+`
			ON CONFLICT (connector, deal_key) DO UPDATE SET
			generation = work.generation + excluded.generation,
			due_at = CASE WHEN work.state = 'active' AND work.generation > work.done_generation
				AND work.due_at < excluded.due_at THEN work.due_at ELSE excluded.due_at END,
			priority = CASE WHEN work.state = 'active' AND work.generation > work.done_generation
				AND work.priority < excluded.priority THEN work.priority ELSE excluded.priority END,
			attempts = CASE WHEN work.state = 'parked' THEN 0 ELSE work.attempts END,
			first_failed_at = CASE WHEN work.state = 'parked' THEN 0 ELSE work.first_failed_at END,
			unparked = CASE WHEN work.state = 'parked' THEN 1 ELSE work.unparked END,
			state = CASE WHEN work.state = 'stopped' THEN 'stopped' ELSE 'active' END, flow = ''`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Claim implements Queue.
func (s *SQL) Claim(ctx context.Context, n int, lease time.Duration) ([]Claim, error) {
	var claims []Claim
	err := s.update(ctx, func(t tx) (err error) {
		until := t.now + lease.Milliseconds()
		order := `priority, due_at, deal_key`
		if oldestFirst(t.now) {
			order = `due_at, deal_key`
		}
		claims, err = query(t, scanClaim, `SELECT deal_key, generation, fence, attempts, first_failed_at, unparked FROM work
			WHERE connector = $1 AND `+whereWaiting+` AND due_at <= $2 AND lease_until <= $2
			ORDER BY `+order+` LIMIT $3`+t.skipLocked(), t.now, max(n, 0))
		if err != nil {
			return err
		}
		for i := range claims {
			claims[i].Fence++
			claims[i].Until = moment(until)
		}
		for part := range slices.Chunk(claims, chunk) {
			// Due again when the lease ends: what arrives in between may ask for an earlier or later time of its own.
			args := []any{t.owner, until}
			for _, c := range part {
				args = append(args, c.Key)
			}
			_, err := t.exec(`UPDATE work SET lease_owner = $2, lease_until = $3, due_at = $3, fence = fence + 1
				WHERE connector = $1 AND deal_key IN `+list(4, len(part)), args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// oldestFirst reports whether it is the turn of the deals that have waited longest, whatever their priority.
func oldestFirst(now int64) bool { return now%1000 >= 900 }

func scanClaim(scan func(...any) error) (c Claim, err error) {
	var firstFailed, unparked int64
	err = scan(&c.Key, &c.Generation, &c.Fence, &c.Attempts, &firstFailed, &unparked)
	c.FirstFailed, c.Parked = moment(firstFailed), unparked == 1
	return c, err
}

// withClaim runs a statement that changes the row of a claim that holds. Its parameters from $5 on are args.
func (s *SQL) withClaim(ctx context.Context, claim Claim, statement func(now int64) (set string, args []any)) error {
	return s.updateDeal(ctx, claim.Key, func(t tx) error {
		set, args := statement(t.now)
		changed, err := t.exec(`UPDATE work SET `+set+` WHERE `+whereHeld,
			append([]any{claim.Key, claim.Fence, t.now}, args...)...)
		if err == nil && changed == 0 {
			return errClaim(claim.Key)
		}
		return err
	})
}

// Extend implements Queue.
func (s *SQL) Extend(ctx context.Context, claim Claim, lease time.Duration) (Claim, error) {
	var until int64
	err := s.withClaim(ctx, claim, func(now int64) (string, []any) {
		until = now + lease.Milliseconds()
		return `lease_until = $5`, []any{until}
	})
	if err != nil {
		return Claim{}, err
	}
	claim.Until = moment(until)
	return claim, nil
}

// Settle implements Queue.
func (s *SQL) Settle(ctx context.Context, claim Claim, outcome Outcome) error {
	// In what follows generation > $5 means that an event arrived during the run; it is answered before anything else.
	const (
		failed = `, attempts = attempts + CASE WHEN $6 = '' THEN 0 ELSE 1 END, first_failed_at = CASE WHEN first_failed_at = 0 THEN $4 ELSE first_failed_at END`
		done   = `done_generation = $5, attempts = 0, first_failed_at = 0, unparked = 0, code = '', problem = ''`
		retry  = `code = $6, problem = $7, due_at = CASE WHEN generation > $5 AND due_at < $8 THEN due_at ELSE $8 END,
			priority = CASE WHEN generation > $5 OR priority > 1 THEN priority ELSE 1 END` + failed
		park = `code = $6, problem = $7, document = $8, state = CASE WHEN state = 'stopped' THEN state WHEN generation > $5 THEN 'active' ELSE 'parked' END,
			unparked = CASE WHEN generation > $5 THEN 1 ELSE 0 END,
			attempts = CASE WHEN generation > $5 THEN 0 ELSE attempts + 1 END,
			first_failed_at = CASE WHEN generation > $5 THEN 0 WHEN first_failed_at = 0 THEN $4 ELSE first_failed_at END`
		gate = `state = CASE WHEN state = 'stopped' THEN state WHEN generation > $5 THEN 'active' ELSE 'gated' END,
			flow = CASE WHEN generation > $5 THEN '' ELSE $6 END, document = $7,
			attempts = 0, first_failed_at = 0, code = '', problem = ''`
	)
	var set string
	args := []any{claim.Generation}
	switch o := outcome.(type) {
	case Done:
		set = done
	case Retry:
		set, args = retry, append(args, text(o.Code), text(o.Error), millis(o.At))
	case Park:
		set, args = park, append(args, text(o.Code), text(o.Error), text(o.Document))
	case Gate:
		set, args = gate, append(args, text(o.Flow), text(o.Document))
	default:
		return errOutcome(outcome)
	}
	err := s.withClaim(ctx, claim, func(int64) (string, []any) {
		return `lease_owner = '', lease_until = 0, ` + set, args
	})
	if err == nil {
		signal(s.wake)
	}
	return err
}

// Reconsider implements Queue.
func (s *SQL) Reconsider(ctx context.Context, document string) error {
	err := s.update(ctx, func(t tx) error {
		keys, err := query(t, one[string], `SELECT deal_key FROM work WHERE connector = $1 AND
			(state = 'gated' AND (document = '' OR document <> $2) OR state = 'parked' AND document <> '' AND document <> $2)
			ORDER BY deal_key`+t.forUpdate(), text(document))
		if err != nil {
			return err
		}
		number := 0
		for part := range slices.Chunk(keys, ReconsideredPerSecond) {
			_, err := t.exec(`UPDATE work SET state = 'active', flow = '', document = '', due_at = $2, priority = $3, attempts = 0, first_failed_at = 0,
				unparked = CASE WHEN state = 'parked' THEN 1 ELSE unparked END
				WHERE connector = $1 AND deal_key IN `+list(4, len(part)),
				append([]any{t.now + reconsidered(number), Backfill}, anys(part)...)...)
			if err != nil {
				return err
			}
			number += len(part)
		}
		return nil
	})
	if err == nil {
		s.becameDue()
	}
	return err
}

// Cursor implements Queue.
func (s *SQL) Cursor(ctx context.Context, name string) (string, error) {
	values, err := view(ctx, s, one[string], `SELECT value FROM feed_cursor WHERE connector = $1 AND name = $2`, name)
	if err != nil || len(values) == 0 {
		return "", err
	}
	return values[0], nil
}

// NextDue implements Queue.
func (s *SQL) NextDue(ctx context.Context) (time.Time, bool, error) {
	next, err := view(ctx, s, one[int64], `SELECT CASE WHEN due_at > lease_until THEN due_at ELSE lease_until END AS claimable
		FROM work WHERE connector = $1 AND `+whereWaiting+` ORDER BY claimable LIMIT 1`)
	if err != nil || len(next) == 0 {
		return time.Time{}, false, err
	}
	return moment(next[0]), true, nil
}

// Wake implements Queue.
func (s *SQL) Wake() <-chan struct{} { return s.wake }

// Stats implements Queue.
func (s *SQL) Stats(ctx context.Context) (Stats, error) {
	var out Stats
	err := s.view(ctx, func(t tx) error {
		rows, err := query(t, func(scan func(...any) error) (st Stats, err error) {
			return st, scan(&st.Due, &st.Leased, &st.Parked, &st.Gated)
		}, `SELECT
			COUNT(CASE WHEN `+whereWaiting+` AND due_at <= $2 AND lease_until <= $2 THEN 1 END),
			COUNT(CASE WHEN lease_until > $2 THEN 1 END),
			COUNT(CASE WHEN state = 'parked' THEN 1 END),
			COUNT(CASE WHEN state = 'gated' AND flow <> '`+OutOfScope+`' THEN 1 END)
			FROM work WHERE connector = $1`, t.now)
		if err != nil {
			return err
		}
		out = rows[0]
		linked, err := query(t, one[int],
			`SELECT COUNT(*) FROM deal WHERE connector = $1 AND referral_id <> '' AND crm_id <> ''`)
		if err != nil {
			return err
		}
		open, err := query(t, one[int], `SELECT COUNT(*) FROM intent WHERE connector = $1 AND `+whereOpen)
		if err != nil {
			return err
		}
		out.Linked, out.OpenIntents = linked[0], open[0]
		return nil
	})
	return out, err
}

// Problems implements Queue.
func (s *SQL) Problems(ctx context.Context, limit int) ([]Problem, error) {
	scan := func(scan func(...any) error) (p Problem, err error) {
		var firstFailed, due int64
		var state string
		err = scan(&p.Key, &p.Code, &p.Error, &p.Flow, &state, &p.Attempts, &firstFailed, &due)
		p.Parked, p.FirstFailed = state == workParked, moment(firstFailed)
		if state == workActive {
			p.Due = moment(due)
		}
		return p, err
	}
	return view(ctx, s, scan, `SELECT deal_key, code, problem, flow, state, attempts, first_failed_at, due_at FROM work
		WHERE connector = $1 AND `+whereProblem+` ORDER BY deal_key LIMIT $2`, max(limit, 0))
}

// AuditTrail implements Queue.
func (s *SQL) AuditTrail(ctx context.Context, key string) ([]AuditEntry, error) {
	scan := func(scan func(...any) error) (e AuditEntry, err error) {
		var at int64
		err = scan(&at, &e.Actor, &e.Direction, &e.Field, &e.Old, &e.New, &e.Rule, &e.Detail)
		e.At = moment(at)
		return e, err
	}
	return view(ctx, s, scan, `SELECT at, actor, direction, field, old_value, new_value, rule, detail FROM audit
		WHERE connector = $1 AND deal_key = $2 ORDER BY at, seq`, key)
}
