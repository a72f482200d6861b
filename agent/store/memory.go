package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is the in-memory twin of SQL, for simulations and tests: same meaning, no durability. It survives the crash of
// the workers that use it as a database file does; see Reopen.
type Memory struct {
	clock func() time.Time
	wake  chan struct{}

	mu      sync.Mutex
	closed  bool
	inbox   map[string]int64  // event id → stored at
	aliases map[string]string // external key → deal key
	deals   map[string]*memoryDeal
	intents map[string]*memoryIntent
	cursors map[string]string
	leases  map[string]*memoryLease
	audit   map[string][]AuditEntry // by deal key
	spent   map[spending]int64
}

// memoryDeal is a row of deal, its row of work and its snapshots.
type memoryDeal struct {
	link    Link
	report  string
	told    string
	base    Values
	pending []Values

	generation, doneGeneration int64
	priority                   int
	due, leaseUntil, fence     int64
	attempts                   int
	firstFailed                int64
	state                      string
	flow, document             string
	unparked                   bool
	code, problem              string
}

type memoryIntent struct {
	key string
	Intent
}

type memoryLease struct{ until, fence int64 }

// States of a row of work.
const (
	workActive = "active"
	workParked = "parked"
	workGated  = "gated"
	// workStopped is what an operator makes of a deal, in a SQL database only.
	workStopped = "stopped"
)

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store for one connector; the rows are its own, so the name has no other effect. The clock is
// the only source of time.
func NewMemory(_ string, clock func() time.Time) *Memory {
	return &Memory{
		clock:   clock,
		wake:    make(chan struct{}, 1),
		inbox:   map[string]int64{},
		aliases: map[string]string{},
		deals:   map[string]*memoryDeal{},
		intents: map[string]*memoryIntent{},
		cursors: map[string]string{},
		leases:  map[string]*memoryLease{},
		audit:   map[string][]AuditEntry{},
		spent:   map[spending]int64{},
	}
}

// Reopen does what opening a SQLite file after a crash does: every lease of the dead process is given up at once.
func (m *Memory) Reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := millis(m.clock())
	for _, d := range m.deals {
		if d.leaseUntil > 0 {
			d.leaseUntil, d.due = 0, min(d.due, now)
		}
	}
	for _, l := range m.leases {
		l.until = 0
	}
	m.closed = false
	signal(m.wake)
}

// signal leaves one value in a channel of capacity one.
func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// begin locks the store and gives the time; the caller unlocks unless it fails.
func (m *Memory) begin(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return 0, ErrClosed
	}
	return millis(m.clock()), nil
}

func (d *memoryDeal) dirty() bool { return d.generation > d.doneGeneration }

func (d *memoryDeal) waiting() bool { return d.dirty() && d.state == workActive }

func (d *memoryDeal) claimable() int64 { return max(d.due, d.leaseUntil) }

// raise makes the deal due for new events.
func (d *memoryDeal) raise(k mark) {
	if d.waiting() {
		k.due, k.priority = min(k.due, d.due), min(k.priority, d.priority)
	}
	if d.state == workParked {
		d.unparked, d.attempts, d.firstFailed = true, 0, 0
	}
	d.due, d.priority, d.state, d.flow = k.due, k.priority, workActive, ""
	d.generation += k.events
}

// held finds the deal of a claim that still holds.
func (m *Memory) held(c Claim, now int64) (*memoryDeal, error) {
	d := m.deals[c.Key]
	if d == nil || d.fence != c.Fence || d.leaseUntil <= now {
		return nil, errClaim(c.Key)
	}
	return d, nil
}

// Enqueue implements Queue.
func (m *Memory) Enqueue(ctx context.Context, events []Event, cursor *Cursor) error {
	events, cursor, err := cleanEvents(events, cursor)
	if err != nil {
		return err
	}
	now, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, e := range events {
		if _, known := m.inbox[e.ID]; known {
			continue
		}
		m.inbox[e.ID] = now
		key, known := m.aliases[e.Key]
		if !known {
			key = e.Key
			m.aliases[key] = key
			m.deals[key] = &memoryDeal{state: workActive}
		}
		var k mark
		k.add(max(now, millis(e.NotBefore)), e.Priority)
		m.deals[key].raise(k)
		signal(m.wake)
	}
	if cursor != nil {
		m.cursors[cursor.Name] = cursor.Value
	}
	return nil
}

// Claim implements Queue.
func (m *Memory) Claim(ctx context.Context, n int, lease time.Duration) ([]Claim, error) {
	now, err := m.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	type candidate struct {
		key string
		*memoryDeal
	}
	var due []candidate
	for key, d := range m.deals {
		if d.waiting() && d.claimable() <= now {
			due = append(due, candidate{key, d})
		}
	}
	byPriority := func(d candidate) int {
		if oldestFirst(now) {
			return 0
		}
		return d.priority
	}
	slices.SortFunc(due, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(byPriority(a), byPriority(b)), cmp.Compare(a.due, b.due), cmp.Compare(a.key, b.key))
	})
	due = due[:min(max(n, 0), len(due))]
	claims := make([]Claim, len(due))
	for i, d := range due {
		d.fence++
		d.leaseUntil = now + lease.Milliseconds()
		d.due = d.leaseUntil
		claims[i] = Claim{
			Key: d.key, Generation: d.generation, Fence: d.fence, Until: moment(d.leaseUntil),
			Attempts: d.attempts, FirstFailed: moment(d.firstFailed), Parked: d.unparked,
		}
	}
	return claims, nil
}

// Extend implements Queue.
func (m *Memory) Extend(ctx context.Context, claim Claim, lease time.Duration) (Claim, error) {
	now, err := m.begin(ctx)
	if err != nil {
		return Claim{}, err
	}
	defer m.mu.Unlock()
	d, err := m.held(claim, now)
	if err != nil {
		return Claim{}, err
	}
	d.leaseUntil = now + lease.Milliseconds()
	claim.Until = moment(d.leaseUntil)
	return claim, nil
}

// Settle implements Queue.
func (m *Memory) Settle(ctx context.Context, claim Claim, outcome Outcome) error {
	now, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	d, err := m.held(claim, now)
	if err != nil {
		return err
	}
	moved := d.generation > claim.Generation
	switch o := outcome.(type) {
	case Done:
		d.doneGeneration = claim.Generation
		d.attempts, d.firstFailed, d.unparked, d.code, d.problem = 0, 0, false, "", ""
	case Retry:
		d.fail(o.Code, o.Error, now)
		at := millis(o.At)
		if moved {
			d.due = min(d.due, at)
		} else {
			d.due, d.priority = at, max(d.priority, Again)
		}
	case Park:
		d.fail(o.Code, o.Error, now)
		d.unparked, d.document = moved, text(o.Document)
		if moved {
			d.attempts, d.firstFailed = 0, 0
		} else {
			d.state = workParked
		}
	case Gate:
		d.attempts, d.firstFailed, d.code, d.problem, d.document = 0, 0, "", "", text(o.Document)
		if !moved {
			d.state, d.flow = workGated, text(o.Flow)
		}
	default:
		return errOutcome(outcome)
	}
	d.leaseUntil = 0
	signal(m.wake)
	return nil
}

func (d *memoryDeal) fail(code, problem string, now int64) {
	d.code, d.problem = text(code), text(problem)
	if d.code != "" {
		d.attempts++
	}
	if d.firstFailed == 0 {
		d.firstFailed = now
	}
}

func errOutcome(o Outcome) error { return fmt.Errorf("%T is not an outcome that can be settled", o) }

// Reconsider implements Queue.
func (m *Memory) Reconsider(ctx context.Context, document string) error {
	now, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	number := 0
	for _, key := range slices.Sorted(maps.Keys(m.deals)) {
		d := m.deals[key]
		gated := d.state == workGated && (d.document == "" || d.document != text(document))
		parked := d.state == workParked && d.document != "" && d.document != text(document)
		if !gated && !parked {
			continue
		}
		d.unparked = d.unparked || parked
		d.state, d.flow, d.document, d.due, d.priority = workActive, "", "", now+reconsidered(number), Backfill
		d.attempts, d.firstFailed = 0, 0
		number++
	}
	signal(m.wake)
	return nil
}

// Cursor implements Queue.
func (m *Memory) Cursor(ctx context.Context, name string) (string, error) {
	if _, err := m.begin(ctx); err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	return m.cursors[name], nil
}

// NextDue implements Queue.
func (m *Memory) NextDue(ctx context.Context) (time.Time, bool, error) {
	if _, err := m.begin(ctx); err != nil {
		return time.Time{}, false, err
	}
	defer m.mu.Unlock()
	next, found := int64(0), false
	for _, d := range m.deals {
		if d.waiting() && (!found || d.claimable() < next) {
			next, found = d.claimable(), true
		}
	}
	return moment(next), found, nil
}

// Wake implements Queue.
func (m *Memory) Wake() <-chan struct{} { return m.wake }

// Stats implements Queue.
func (m *Memory) Stats(ctx context.Context) (Stats, error) {
	now, err := m.begin(ctx)
	if err != nil {
		return Stats{}, err
	}
	defer m.mu.Unlock()
	var s Stats
	for _, d := range m.deals {
		switch {
		case d.leaseUntil > now:
			s.Leased++
		case d.waiting() && d.due <= now:
			s.Due++
		case d.state == workParked:
			s.Parked++
		case d.state == workGated && d.flow != OutOfScope:
			s.Gated++
		}
		if d.link.both() {
			s.Linked++
		}
	}
	for _, in := range m.intents {
		if in.Open() {
			s.OpenIntents++
		}
	}
	return s, nil
}

// Problems implements Queue.
func (m *Memory) Problems(ctx context.Context, limit int) ([]Problem, error) {
	if _, err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var out []Problem
	for _, key := range slices.Sorted(maps.Keys(m.deals)) {
		d := m.deals[key]
		if len(out) >= limit || d.flow == OutOfScope || d.code == "" && d.problem == "" && d.state == workActive {
			continue
		}
		p := Problem{
			Key: key, Code: d.code, Error: d.problem, Flow: d.flow, Parked: d.state == workParked,
			Attempts: d.attempts, FirstFailed: moment(d.firstFailed),
		}
		if d.state == workActive {
			p.Due = moment(d.due)
		}
		out = append(out, p)
	}
	return out, nil
}

// AuditTrail implements Queue.
func (m *Memory) AuditTrail(ctx context.Context, key string) ([]AuditEntry, error) {
	if _, err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	out := slices.Clone(m.audit[key])
	slices.SortStableFunc(out, func(a, b AuditEntry) int { return a.At.Compare(b.At) })
	return out, nil
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
