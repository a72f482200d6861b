package lab

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Operation is one row of the append-only operation log: a record that a request touched, a request that touched none, or
// an act of a simulated person.
type Operation struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	Service   string    `json:"service"`          // entra, partner_center, salesforce, salesforce_staging
	Actor     string    `json:"actor"`            // the token's subject, or the person who acted: seller, microsoft_seller
	Method    string    `json:"method"`           // empty for a person's act
	Path      string    `json:"path"`             // without the query
	Action    string    `json:"action"`           // read, create, update, delete, token, webhook, fault, …
	Object    string    `json:"object"`           // referral, Opportunity, CustomField, registration, …
	ID        string    `json:"id"`               // the record's id
	Fields    []string  `json:"fields,omitempty"` // names of the fields written, sorted
	Status    int       `json:"status"`           // HTTP status of the answer, 0 for a person's act
	Fault     string    `json:"fault,omitempty"`  // the injected fault, if any
	RequestID string    `json:"request_id,omitempty"`
}

// IsWrite says whether the operation changed a record: a create, update or delete that was not refused.
func (o Operation) IsWrite() bool {
	switch o.Action {
	case "create", "update", "delete":
		return o.Status < 400
	}
	return false
}

// Log is the append-only operation log. It is the oracle of the tests: what was asked, changed and sent, in order.
type Log struct {
	clock *Clock

	mu      sync.Mutex
	rows    []Operation
	changed chan struct{} // closed and replaced by every Append
}

// NewLog returns an empty log that takes its times from the clock.
func NewLog(clock *Clock) *Log {
	return &Log{clock: clock, changed: make(chan struct{})}
}

// Append stores a copy of the operation with the next sequence number and the present time, and returns that number.
// Sequence numbers start at 1 and have no gaps.
func (l *Log) Append(op Operation) int64 {
	op.Fields = slices.Clone(op.Fields)
	slices.Sort(op.Fields)
	l.mu.Lock()
	defer l.mu.Unlock()
	op.Seq = int64(len(l.rows)) + 1
	op.At = l.clock.Now()
	l.rows = append(l.rows, op)
	close(l.changed)
	l.changed = make(chan struct{})
	return op.Seq
}

// Since returns the operations after the sequence number seq, oldest first; Since(0) returns all.
func (l *Log) Since(seq int64) []Operation {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := min(max(seq, 0), int64(len(l.rows)))
	return slices.Clone(l.rows[from:])
}

// Wait returns nil as soon as an operation after seq exists, and the context's error when that ends first.
func (l *Log) Wait(ctx context.Context, seq int64) error {
	for {
		l.mu.Lock()
		exists, changed := int64(len(l.rows)) > seq, l.changed
		l.mu.Unlock()
		if exists {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
