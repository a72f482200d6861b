package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// whereOpen is the condition of the index intent_open.
const whereOpen = `state IN ('sent', 'ambiguous')`

// Load implements Deals.
func (s *SQL) Load(ctx context.Context, key string) (Deal, error) {
	out := Deal{Key: key}
	err := s.view(ctx, func(t tx) error {
		found, err := query(t, scanDeal, `SELECT referral_id, engagement_id, counterpart_id, crm_id, origin, phase, report, told
			FROM deal WHERE connector = $1 AND deal_key = $2`, key)
		if err != nil || len(found) == 0 {
			return err
		}
		out.Link, out.Report, out.Told = found[0].Link, found[0].Report, found[0].Told
		if err := t.loadSnapshots(&out); err != nil {
			return err
		}
		open, err := query(t, scanIntent, selectIntent+` AND deal_key = $2 AND `+whereOpen, key)
		slices.SortFunc(open, byAge)
		for _, in := range open {
			out.Intents = append(out.Intents, in.Intent)
		}
		return err
	})
	if err != nil {
		return Deal{}, err
	}
	return out, nil
}

func scanDeal(scan func(...any) error) (d Deal, err error) {
	l := &d.Link
	err = scan(&l.ReferralID, &l.EngagementID, &l.CounterpartID, &l.CRMID, &l.Origin, &l.Phase, &d.Report, &d.Told)
	return d, err
}

func (t tx) loadSnapshots(d *Deal) error {
	type row struct {
		seq    int64
		fields string
	}
	rows, err := query(t, func(scan func(...any) error) (r row, err error) { return r, scan(&r.seq, &r.fields) },
		`SELECT seq, fields FROM snapshot WHERE connector = $1 AND deal_key = $2 ORDER BY seq`, d.Key)
	if err != nil {
		return err
	}
	for _, r := range rows {
		values := Values{}
		if err := json.Unmarshal([]byte(r.fields), &values); err != nil {
			return fmt.Errorf("deal %s: snapshot %d is damaged: %w", d.Key, r.seq, err)
		}
		if r.seq == 0 {
			d.Base = values
		} else {
			d.Pending = append(d.Pending, values)
		}
	}
	return nil
}

const selectIntent = `SELECT deal_key, intent_id, kind, payload, correlation, state, sent_at, not_before, attempts, remote_id
	FROM intent WHERE connector = $1`

func scanIntent(scan func(...any) error) (in OpenIntent, err error) {
	var sentAt, notBefore int64
	err = scan(&in.Key, &in.ID, &in.Kind, &in.Payload, &in.Correlation, &in.State, &sentAt, &notBefore, &in.Attempts, &in.RemoteID)
	in.Payload, in.SentAt, in.NotBefore = blob(in.Payload), moment(sentAt), moment(notBefore)
	return in, err
}

// byAge orders intents, oldest first.
func byAge(a, b OpenIntent) int { return cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.ID, b.ID)) }

// Lookup implements Deals.
func (s *SQL) Lookup(ctx context.Context, externalKey string) (string, bool, error) {
	keys, err := view(ctx, s, one[string], `SELECT deal_key FROM alias WHERE connector = $1 AND external_key = $2`, externalKey)
	if err != nil || len(keys) == 0 {
		return "", false, err
	}
	return keys[0], true, nil
}

// OpenIntents implements Deals.
func (s *SQL) OpenIntents(ctx context.Context, kind string) ([]OpenIntent, error) {
	text, args := selectIntent+` AND `+whereOpen, []any(nil)
	if kind != "" {
		text, args = text+` AND kind = $2`, []any{kind}
	}
	open, err := view(ctx, s, scanIntent, text, args...)
	slices.SortFunc(open, byAge)
	return open, err
}

// hold fails unless the claim holds, and then keeps it so until the transaction ends.
func (t tx) hold(c Claim) error {
	rows, err := query(t, one[int64], `SELECT fence FROM work WHERE `+whereHeld+t.forUpdate(), c.Key, c.Fence, t.now)
	if err == nil && len(rows) == 0 {
		return errClaim(c.Key)
	}
	return err
}

// Record implements Deals.
func (s *SQL) Record(ctx context.Context, claim Claim, change Change) error {
	absorbed := false
	err := s.updateDeal(ctx, claim.Key, func(t tx) error {
		change, err := cleanChange(change, t.now)
		if err != nil {
			return err
		}
		if err := t.hold(claim); err != nil {
			return err
		}
		if absorbed, err = t.bind(claim.Key, change.Aliases); err != nil {
			return err
		}
		if err := t.writeDeal(claim.Key, change); err != nil {
			return err
		}
		if err := t.writeSnapshots(claim.Key, change); err != nil {
			return err
		}
		if err := t.writeIntents(claim.Key, change); err != nil {
			return err
		}
		return t.writeAudit(claim.Key, change.Audit)
	})
	if err == nil && absorbed {
		s.becameDue()
	}
	return err
}

// bind makes external keys mean the deal, absorbing the shells that own any of them.
func (t tx) bind(key string, aliases []string) (absorbed bool, err error) {
	// An alias of this deal stays its own while the work row is locked. Locking it too would cross the path of Enqueue,
	// which locks first the alias and then the work row.
	owners, err := t.owners(aliases, "")
	if err != nil {
		return false, err
	}
	aliases = slices.DeleteFunc(aliases, func(alias string) bool { return owners[alias] == key })
	if len(aliases) == 0 {
		return false, nil
	}
	if _, ok := t.run.(shared); ok {
		return false, errAlone
	}
	if owners, err = t.owners(aliases, t.forUpdate()); err != nil {
		return false, err
	}
	var add []aliasRow
	var shells []string
	for _, alias := range aliases {
		owner, known := owners[alias]
		switch {
		case !known:
			add = append(add, aliasRow{alias, key})
		case owner != key && !slices.Contains(shells, owner):
			if err := t.absorbable(owner); err != nil {
				return false, errOtherDeal(err, alias, owner, key)
			}
			shells = append(shells, owner)
		}
	}
	for part := range slices.Chunk(add, chunk) {
		if err := t.addAliases(part); err != nil {
			return false, err
		}
	}
	for _, shell := range shells {
		if err := t.absorb(shell, key); err != nil {
			return false, err
		}
	}
	return len(shells) > 0, nil
}

// absorbable says why a deal cannot become part of another one, or nil when it is a shell; then it stays one until the
// transaction ends, because its work row is locked.
func (t tx) absorbable(key string) error {
	locked, err := query(t, one[string], `SELECT deal_key FROM work WHERE connector = $1 AND deal_key = $2`+t.forUpdate(), key)
	if err != nil {
		return err
	}
	if len(locked) == 0 {
		return errAgain
	}
	history, err := query(t, one[int], `SELECT 1 FROM deal WHERE connector = $1 AND deal_key = $2 AND referral_id <> '' AND crm_id <> ''
		UNION ALL SELECT 1 FROM snapshot WHERE connector = $1 AND deal_key = $2 AND seq = 0`, key)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		return ErrBoundElsewhere
	}
	open, err := query(t, one[string], `SELECT intent_id FROM intent WHERE connector = $1 AND deal_key = $2 AND `+whereOpen, key)
	if err == nil && len(open) > 0 {
		return ErrBusy
	}
	return err
}

// absorb makes a shell part of another deal. The other deal's audit comes first: sequence numbers only break ties of time.
func (t tx) absorb(shell, into string) error {
	priority, err := query(t, one[int], `SELECT priority FROM work WHERE connector = $1 AND deal_key = $2`, shell)
	if err != nil {
		return err
	}
	// A deal that an operator stopped stays so under its new name.
	if _, err := t.exec(`UPDATE work SET state = 'stopped' WHERE connector = $1 AND deal_key = $3
		AND EXISTS (SELECT 1 FROM work AS s WHERE s.connector = $1 AND s.deal_key = $2 AND s.state = 'stopped')`, shell, into); err != nil {
		return err
	}
	if len(priority) == 0 {
		return errAgain
	}
	for _, statement := range []string{
		`UPDATE deal SET counterpart_id = (SELECT s.counterpart_id FROM deal AS s WHERE s.connector = $1 AND s.deal_key = $2)
			WHERE connector = $1 AND deal_key = $3 AND counterpart_id = ''`,
		`UPDATE alias SET deal_key = $3 WHERE connector = $1 AND deal_key = $2`,
		`UPDATE intent SET deal_key = $3 WHERE connector = $1 AND deal_key = $2`,
		`UPDATE audit SET deal_key = $3, seq = seq + (SELECT COALESCE(MAX(a.seq), 0) FROM audit AS a
			WHERE a.connector = $1 AND a.deal_key = $3) WHERE connector = $1 AND deal_key = $2`,
	} {
		if _, err := t.exec(statement, shell, into); err != nil {
			return err
		}
	}
	for _, table := range []string{"snapshot", "work", "deal"} {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE connector = $1 AND deal_key = $2`, shell); err != nil {
			return err
		}
	}
	return t.raise(map[string]mark{into: {events: 1, due: t.now, priority: priority[0]}})
}

// Absorb implements Deals.
func (s *SQL) Absorb(ctx context.Context, claim Claim, into string) error {
	err := s.update(ctx, func(t tx) error {
		// Aliases before work rows, as Enqueue does.
		owners, err := t.owners([]string{into}, t.forUpdate())
		if err != nil {
			return err
		}
		own, err := query(t, one[string], `SELECT external_key FROM alias WHERE connector = $1 AND deal_key = $2
			ORDER BY external_key`+t.forUpdate(), claim.Key)
		if err != nil {
			return err
		}
		if err := t.hold(claim); err != nil {
			return err
		}
		key, known := owners[into]
		if !known || slices.Contains(own, into) {
			return errAbsorb(claim.Key, into)
		}
		switch err := t.absorbable(claim.Key); {
		case errors.Is(err, ErrBoundElsewhere), errors.Is(err, ErrBusy):
			return errNoShell(claim.Key, key)
		case err != nil:
			return err
		}
		return t.absorb(claim.Key, key)
	})
	if err == nil {
		s.becameDue()
	}
	return err
}

func (t tx) writeDeal(key string, c Change) error {
	if l := c.Link; l != nil {
		_, err := t.exec(`UPDATE deal SET referral_id = $3, engagement_id = $4, counterpart_id = COALESCE(NULLIF($5, ''), counterpart_id),
			crm_id = $6, origin = $7, phase = $8 WHERE connector = $1 AND deal_key = $2`,
			key, l.ReferralID, l.EngagementID, l.CounterpartID, l.CRMID, l.Origin, l.Phase)
		if err != nil {
			return err
		}
	}
	for column, value := range map[string]*string{"report": c.Report, "told": c.Told} {
		if value == nil {
			continue
		}
		if _, err := t.exec(`UPDATE deal SET `+column+` = $3 WHERE connector = $1 AND deal_key = $2`, key, *value); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) writeSnapshots(key string, c Change) error {
	if c.Base != nil {
		if _, err := t.exec(`DELETE FROM snapshot WHERE connector = $1 AND deal_key = $2`, key); err != nil {
			return err
		}
		if err := t.writeSnapshot(key, `0`, c.Base); err != nil {
			return err
		}
	}
	if c.Pending == nil {
		return nil
	}
	const next = `(SELECT COALESCE(MAX(seq), 0) + 1 FROM snapshot WHERE connector = $1 AND deal_key = $2)`
	return t.writeSnapshot(key, next, c.Pending)
}

func (t tx) writeSnapshot(key, seq string, values Values) error {
	fields, err := json.Marshal(values)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO snapshot (connector, deal_key, seq, fields) VALUES ($1, $2, `+seq+`, $3)`, key, string(fields))
	return err
}

func (t tx) writeIntents(key string, c Change) error {
	for _, in := range c.Open {
		old, err := query(t, scanIntent, selectIntent+` AND intent_id = $2`, in.ID)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			if err := checkIntent(key, old[0].Key, old[0].Intent, in); err != nil {
				return err
			}
		}
		payload := in.Payload
		if payload == nil {
			payload = []byte{}
		}
		_, err = t.exec(`INSERT INTO intent
			(connector, intent_id, deal_key, kind, payload, correlation, state, sent_at, not_before, attempts, remote_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (connector, intent_id) DO UPDATE SET kind = excluded.kind, payload = excluded.payload,
			correlation = excluded.correlation, state = excluded.state, sent_at = excluded.sent_at,
			not_before = excluded.not_before, attempts = excluded.attempts, remote_id = excluded.remote_id`,
			in.ID, key, in.Kind, payload, in.Correlation, in.State, millis(in.SentAt), millis(in.NotBefore), in.Attempts, in.RemoteID)
		if err != nil {
			return err
		}
	}
	for _, st := range c.Settle {
		changed, err := t.exec(`UPDATE intent SET state = $4, remote_id = CASE WHEN $5 = '' THEN remote_id ELSE $5 END,
			not_before = CASE WHEN CAST($6 AS BIGINT) = 0 THEN not_before ELSE CAST($6 AS BIGINT) END
			WHERE connector = $1 AND deal_key = $2 AND intent_id = $3`, key, st.ID, st.State, st.RemoteID, millis(st.NotBefore))
		if err != nil {
			return err
		}
		if changed == 0 {
			return errUnknownIntent(key, st.ID)
		}
	}
	return nil
}

func (t tx) writeAudit(key string, entries []AuditEntry) error {
	for _, e := range entries {
		_, err := t.exec(`INSERT INTO audit
			(connector, deal_key, seq, at, actor, direction, field, old_value, new_value, rule, detail)
			VALUES ($1, $2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit WHERE connector = $1 AND deal_key = $2),
			$3, $4, $5, $6, $7, $8, $9, $10)`,
			key, millis(e.At), e.Actor, e.Direction, e.Field, e.Old, e.New, e.Rule, e.Detail)
		if err != nil {
			return err
		}
	}
	return nil
}

// Acquire implements Deals.
func (s *SQL) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, bool, error) {
	var lease Lease
	err := s.update(ctx, func(t tx) error {
		lease = Lease{}
		until := t.now + ttl.Milliseconds()
		fences, err := query(t, one[int64], `INSERT INTO lease (connector, name, owner, expires_at, fence)
			VALUES ($1, $2, $3, $4, 1) ON CONFLICT (connector, name) DO UPDATE SET owner = excluded.owner,
			expires_at = excluded.expires_at, fence = lease.fence + 1 WHERE lease.expires_at <= $5 RETURNING fence`,
			name, t.owner, until, t.now)
		if err == nil && len(fences) > 0 {
			lease = Lease{Name: name, Fence: fences[0], Until: moment(until)}
		}
		return err
	})
	if err != nil {
		return Lease{}, false, err
	}
	return lease, lease.Fence > 0, nil
}

// Renew implements Deals.
func (s *SQL) Renew(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error) {
	err := s.update(ctx, func(t tx) error {
		until := t.now + ttl.Milliseconds()
		changed, err := t.exec(`UPDATE lease SET expires_at = $2
			WHERE connector = $1 AND name = $3 AND fence = $4 AND expires_at > $5`, until, lease.Name, lease.Fence, t.now)
		if err == nil && changed == 0 {
			return errLease(lease.Name)
		}
		lease.Until = moment(until)
		return err
	})
	if err != nil {
		return Lease{}, err
	}
	return lease, nil
}

// Release implements Deals.
func (s *SQL) Release(ctx context.Context, lease Lease) error {
	return s.update(ctx, func(t tx) error {
		_, err := t.exec(`UPDATE lease SET expires_at = 0 WHERE connector = $1 AND name = $2 AND fence = $3`, lease.Name, lease.Fence)
		return err
	})
}
