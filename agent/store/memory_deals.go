package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Load implements Deals.
func (m *Memory) Load(ctx context.Context, key string) (Deal, error) {
	if _, err := m.begin(ctx); err != nil {
		return Deal{}, err
	}
	defer m.mu.Unlock()
	out := Deal{Key: key}
	d := m.deals[key]
	if d == nil {
		return out, nil
	}
	out.Link, out.Report, out.Told, out.Base = d.link, d.report, d.told, cleanValues(d.base)
	for _, p := range d.pending {
		out.Pending = append(out.Pending, cleanValues(p))
	}
	for _, in := range m.open(func(in *memoryIntent) bool { return in.key == key }) {
		out.Intents = append(out.Intents, in.Intent)
	}
	return out, nil
}

// open lists the open intents that are wanted, oldest first.
func (m *Memory) open(wanted func(*memoryIntent) bool) []OpenIntent {
	var out []OpenIntent
	for _, in := range m.intents {
		if in.Open() && wanted(in) {
			copied := in.Intent
			copied.Payload = blob(in.Payload)
			out = append(out, OpenIntent{Key: in.key, Intent: copied})
		}
	}
	slices.SortFunc(out, byAge)
	return out
}

// Lookup implements Deals.
func (m *Memory) Lookup(ctx context.Context, externalKey string) (string, bool, error) {
	if _, err := m.begin(ctx); err != nil {
		return "", false, err
	}
	defer m.mu.Unlock()
	key, found := m.aliases[externalKey]
	return key, found, nil
}

// OpenIntents implements Deals.
func (m *Memory) OpenIntents(ctx context.Context, kind string) ([]OpenIntent, error) {
	if _, err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return m.open(func(in *memoryIntent) bool { return kind == "" || in.Kind == kind }), nil
}

// Record implements Deals. Everything is checked before anything is changed, so that an error leaves no trace.
func (m *Memory) Record(ctx context.Context, claim Claim, change Change) error {
	now, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	change, err = cleanChange(change, now)
	if err != nil {
		return err
	}
	d, err := m.held(claim, now)
	if err != nil {
		return err
	}
	shells, err := m.checkRecord(claim.Key, change)
	if err != nil {
		return err
	}
	for _, shell := range shells {
		m.absorb(shell, claim.Key, now)
	}
	for _, alias := range change.Aliases {
		m.aliases[alias] = claim.Key
	}
	if change.Link != nil {
		counterpart := d.link.CounterpartID
		d.link = *change.Link
		d.link.CounterpartID = cmp.Or(d.link.CounterpartID, counterpart)
	}
	if change.Report != nil {
		d.report = *change.Report
	}
	if change.Told != nil {
		d.told = *change.Told
	}
	if change.Base != nil {
		d.base, d.pending = change.Base, nil
	}
	if change.Pending != nil {
		d.pending = append(d.pending, change.Pending)
	}
	for _, in := range change.Open {
		m.intents[in.ID] = &memoryIntent{key: claim.Key, Intent: in}
	}
	for _, st := range change.Settle {
		m.intents[st.ID].settle(st)
	}
	m.audit[claim.Key] = append(m.audit[claim.Key], change.Audit...)
	return nil
}

func (in *memoryIntent) settle(st Settlement) {
	in.State = st.State
	if st.RemoteID != "" {
		in.RemoteID = st.RemoteID
	}
	if !st.NotBefore.IsZero() {
		in.NotBefore = moment(millis(st.NotBefore))
	}
}

// checkRecord finds the shells that the change absorbs, and refuses a change that cannot be recorded.
func (m *Memory) checkRecord(key string, change Change) (shells []string, err error) {
	for _, alias := range change.Aliases {
		owner, known := m.aliases[alias]
		if !known || owner == key || slices.Contains(shells, owner) {
			continue
		}
		if base := m.absorbable(owner); base != nil {
			return nil, errOtherDeal(base, alias, owner, key)
		}
		shells = append(shells, owner)
	}
	// A shell's closed intents move here with it, so they count as this deal's.
	owner := func(in *memoryIntent) string {
		if slices.Contains(shells, in.key) {
			return key
		}
		return in.key
	}
	opened := map[string]Intent{}
	for _, in := range change.Open {
		old, found := opened[in.ID]
		oldKey := key
		if known := m.intents[in.ID]; !found && known != nil {
			old, oldKey, found = known.Intent, owner(known), true
		}
		if found {
			if err := checkIntent(key, oldKey, old, in); err != nil {
				return nil, err
			}
		}
		opened[in.ID] = in
	}
	for _, st := range change.Settle {
		known := m.intents[st.ID]
		if _, found := opened[st.ID]; !found && (known == nil || owner(known) != key) {
			return nil, errUnknownIntent(key, st.ID)
		}
	}
	return shells, nil
}

// absorbable says why a deal cannot become part of another one, or nil when it is a shell.
func (m *Memory) absorbable(key string) error {
	d := m.deals[key]
	if d.link.both() || d.base != nil {
		return ErrBoundElsewhere
	}
	for _, in := range m.intents {
		if in.key == key && in.Open() {
			return ErrBusy
		}
	}
	return nil
}

// absorb makes a shell part of another deal.
func (m *Memory) absorb(shell, into string, now int64) {
	for alias, key := range m.aliases {
		if key == shell {
			m.aliases[alias] = into
		}
	}
	for _, in := range m.intents {
		if in.key == shell {
			in.key = into
		}
	}
	if other := &m.deals[into].link; other.CounterpartID == "" {
		other.CounterpartID = m.deals[shell].link.CounterpartID
	}
	m.audit[into] = append(m.audit[into], m.audit[shell]...)
	delete(m.audit, shell)
	m.deals[into].raise(mark{events: 1, due: now, priority: m.deals[shell].priority})
	delete(m.deals, shell)
	signal(m.wake)
}

// Absorb implements Deals.
func (m *Memory) Absorb(ctx context.Context, claim Claim, into string) error {
	now, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, err := m.held(claim, now); err != nil {
		return err
	}
	key, known := m.aliases[into]
	if !known || key == claim.Key {
		return errAbsorb(claim.Key, into)
	}
	if m.absorbable(claim.Key) != nil {
		return errNoShell(claim.Key, key)
	}
	m.absorb(claim.Key, key, now)
	return nil
}

func errNoShell(key, into string) error {
	return fmt.Errorf("%w: deal %s has a history of its own and cannot become part of %s", ErrBoundElsewhere, key, into)
}

func errAbsorb(key, into string) error {
	return fmt.Errorf("deal %s cannot become part of %s, which is no other deal", key, into)
}

// Acquire implements Deals.
func (m *Memory) Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, bool, error) {
	now, err := m.begin(ctx)
	if err != nil {
		return Lease{}, false, err
	}
	defer m.mu.Unlock()
	l := m.leases[name]
	if l == nil {
		l = &memoryLease{}
		m.leases[name] = l
	}
	if l.until > now {
		return Lease{}, false, nil
	}
	l.until, l.fence = now+ttl.Milliseconds(), l.fence+1
	return Lease{Name: name, Fence: l.fence, Until: moment(l.until)}, true, nil
}

// Renew implements Deals.
func (m *Memory) Renew(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error) {
	now, err := m.begin(ctx)
	if err != nil {
		return Lease{}, err
	}
	defer m.mu.Unlock()
	l := m.leases[lease.Name]
	if l == nil || l.fence != lease.Fence || l.until <= now {
		return Lease{}, errLease(lease.Name)
	}
	l.until = now + ttl.Milliseconds()
	lease.Until = moment(l.until)
	return lease, nil
}

func errLease(name string) error { return fmt.Errorf("lease %s: %w", name, ErrLeaseLost) }

// Release implements Deals.
func (m *Memory) Release(ctx context.Context, lease Lease) error {
	if _, err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if l := m.leases[lease.Name]; l != nil && l.fence == lease.Fence {
		l.until = 0
	}
	return nil
}
