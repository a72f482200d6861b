// Package store keeps everything the agent must not forget: which deals are due, what both sides last agreed on, which
// remote effects are under way, and who did what. It has three implementations with one meaning: a SQLite file and a
// PostgreSQL database ([Open]), and an in-memory twin for simulations ([NewMemory]).
//
// A deal is one row of work however many events name it. An event only raises the deal's generation; a worker claims
// the deal with a lease and a fence, and settles the generation it claimed, so whatever arrived meanwhile keeps the deal
// due. Every method is one transaction: when it returns nil, the change is on disk.
//
// All times are kept as whole milliseconds UTC. The only clock is the one that Open or NewMemory was given.
package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

var (
	// ErrLeaseLost says that a claim or a named lease no longer holds: it ran out, somebody else took it, it was settled, or
	// the deal was absorbed by another one. Nothing was recorded. Drop the work: whoever holds the deal now redoes it.
	ErrLeaseLost = errors.New("the lease on this deal no longer holds")

	// ErrBoundElsewhere says that an external key belongs to another deal that already has a history of its own (linked on
	// both sides, or with a base), so the two cannot be made one. A person has to decide.
	ErrBoundElsewhere = errors.New("the record belongs to another deal")

	// ErrBusy says that an external key belongs to another deal which has a remote effect under way. Try again later: when
	// that effect is settled, the deal is either a shell that can be absorbed or bound elsewhere.
	ErrBusy = errors.New("the record belongs to another deal that has a write under way")

	// ErrOverloaded says that too many transactions wait already. The event was not stored; its sender must repeat it.
	ErrOverloaded = errors.New("too many transactions are waiting, try again later")

	// ErrNewerSchema says that a newer agent has migrated the database. Run that agent, or restore a backup made before.
	ErrNewerSchema = errors.New("the database was written by a newer version of the agent")

	// ErrInUse says that another process works with the database: the SQLite file, of which there can be one at a time (several
	// agents need PostgreSQL), or a database that is to be restored.
	ErrInUse = errors.New("the database is in use by another process")

	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// ReferralKey is the external key of a referral in Partner Center. Referral ids are GUIDs and compare without case.
func ReferralKey(referralID string) string { return "pc:" + strings.ToLower(referralID) }

// RecordKey is the external key of a record in the CRM. Record ids are kept as given: Salesforce ids are case-sensitive.
func RecordKey(crmID string) string { return "crm:" + crmID }

// Priorities of an event, in the order in which due deals are claimed.
const (
	Live     = 0 // a change just happened
	Again    = 1 // a retry
	Sweep    = 2 // found by comparing, not announced
	Backfill = 3 // first synchronisation of existing records
)

// Event says that a deal may have changed. It carries no values that anybody relies on: Body is kept for diagnosis.
type Event struct {
	ID        string // unique per connector: a repeated event changes nothing
	Source    string // where it came from, for example webhook, poll, sweep, manual
	Key       string // external key, see ReferralKey and RecordKey
	Name      string // what the source calls it, for example referral-updated
	Body      []byte
	At        time.Time // when it happened; zero means now
	Priority  int       // Live, Again, Sweep or Backfill
	NotBefore time.Time // do not make the deal due earlier on account of this event; zero means now
}

// Cursor is how far a change feed was read. It moves in the transaction that stores the events it covers.
type Cursor struct {
	Name  string
	Value string
}

// Claim is one worker's right to work on one deal until Until.
type Claim struct {
	Key         string
	Generation  int64     // what is settled by this claim; later events raise the deal's generation above it
	Fence       int64     // rises with every claim of this deal
	Until       time.Time // end of the lease
	Attempts    int       // failed runs since the last success
	FirstFailed time.Time // since when runs fail or wait; zero after a success
	Parked      bool      // the deal was parked when the event came that made it due
}

// Phases of a link.
const (
	PhaseOpen     = "open"
	PhaseClosed   = "closed"
	PhaseDetached = "detached"
)

// Origins of a link: the side where the deal was first seen.
const (
	OriginPartnerCenter = "pc"
	OriginCRM           = "crm"
)

// Link ties a referral to a record in the CRM. Empty ids are not known yet. The referral, its counterpart (the referral
// of the same engagement that Microsoft sees) and the record each belong to one deal at most.
type Link struct {
	ReferralID    string
	EngagementID  string
	CounterpartID string
	CRMID         string
	Origin        string // OriginPartnerCenter or OriginCRM
	Phase         string // PhaseOpen, PhaseClosed or PhaseDetached
}

// Values are a deal's canonical field values by field name.
type Values map[string]string

// States of an intent. Sent and ambiguous intents are open.
const (
	IntentSent       = "sent"       // journalled; the request may or may not have left
	IntentAmbiguous  = "ambiguous"  // the answer never came: read back before sending again
	IntentDone       = "done"       // the effect exists, RemoteID names it
	IntentFailed     = "failed"     // the remote side refused it; nothing happened
	IntentSuperseded = "superseded" // no longer wanted, and known not to have happened
	IntentHeld       = "held"       // computed and not sent: a flow is off, or writes are only shown
)

// Intent journals one remote effect before its request is sent. A repeat sends the very bytes of Payload again.
type Intent struct {
	ID          string // unique per connector
	Kind        string // what it does, for example create_referral
	Payload     []byte
	Correlation string // the value by which the effect is found on the remote side
	State       string // IntentSent, IntentAmbiguous, IntentDone, IntentFailed, IntentSuperseded or IntentHeld
	SentAt      time.Time
	NotBefore   time.Time // do not read back or repeat earlier
	Attempts    int
	RemoteID    string
}

// Open reports whether the intent's outcome is still unknown.
func (i Intent) Open() bool { return i.State == IntentSent || i.State == IntentAmbiguous }

// OpenIntent is an open intent together with the deal it belongs to.
type OpenIntent struct {
	Key string
	Intent
}

// Deal is what is known of one deal. Its Key is the external key under which it was first seen.
type Deal struct {
	Key     string
	Link    Link
	Base    Values   // what both sides last agreed on; nil when there is none yet
	Pending []Values // merged results that were about to be written since, oldest first
	Intents []Intent // open ones, oldest first
	Report  string   // the problem text last written to the CRM's Audit field
	Told    string   // the newest lines of what that field was last given
}

// AuditEntry is one line of a deal's history. Entries are never changed or removed.
type AuditEntry struct {
	At        time.Time // zero means now
	Actor     string    // agent, pc, crm, operator
	Direction string
	Field     string
	Old       string
	New       string
	Rule      string
	Detail    string
}

// Settlement moves an open intent on.
type Settlement struct {
	ID        string
	State     string
	RemoteID  string    // empty leaves it as it is
	NotBefore time.Time // zero leaves it as it is
}

// Change is what a run of the engine wants recorded, all of it in one transaction. Zero fields change nothing.
type Change struct {
	Link    *Link        // replaces the link, except that a counterpart once known stays; the ids it names become aliases
	Aliases []string     // further external keys that mean this deal
	Base    Values       // replaces the base and drops every pending (non-nil empty Values are a base too)
	Pending Values       // appended to the pendings; with Base in the same change, Base comes first
	Open    []Intent     // journalled as sent unless State says otherwise, see Deals.Record
	Settle  []Settlement // applied after Open
	Audit   []AuditEntry
	Report  *string
	Told    *string
}

// Outcome says how a run ended: Done, Retry, Park or Gate.
type Outcome interface{ outcome() }

// Done says that both sides are equal as of the claimed generation.
type Done struct{}

// Retry asks for another run at At. An event that arrived during the run, or arrives before At, makes it earlier. Without a code the run
// only waits for something, which is no failure and does not count as one.
type Retry struct {
	At    time.Time
	Code  string // of the problem, for the status page
	Error string // its text
}

// Park says that a person is needed: the deal rests until a new event names it. When one arrived during the run, the deal is
// due at once instead.
type Park struct {
	Code  string
	Error string
	// Document identifies the document under which the problem arose, where another one could solve it: Reconsider then makes the
	// deal due. Empty: it could not.
	Document string
}

// OutOfScope stands in the place of a flow for referrals that are another installation's business. They are no problem: there may
// be many, and they are not listed among them.
const OutOfScope = "referral_scope"

// Gate says that the next step belongs to a flow that is off. The deal rests until Reconsider or a new event.
type Gate struct {
	Flow     string
	Document string // under which it is off; empty: every document is reason enough to look again
}

func (Done) outcome()  {}
func (Retry) outcome() {}
func (Park) outcome()  {}
func (Gate) outcome()  {}

// Lease is a named right that one holder in all processes has at a time, for example "sweep".
type Lease struct {
	Name  string
	Fence int64
	Until time.Time
}

// ReconsideredPerSecond is how many deals a new document makes due in a second.
const ReconsideredPerSecond = 20

// reconsidered gives when the deal of a number, from 0, becomes due, in milliseconds from now.
func reconsidered(number int) int64 { return int64(number/ReconsideredPerSecond) * 1000 }

// Stats counts deals and intents of the connector.
type Stats struct {
	Due         int // claimable now
	Leased      int // a worker has them
	Parked      int
	Gated       int // without those out of scope
	Linked      int // both sides known
	OpenIntents int
}

// Problem is a deal that did not get through, for the status page.
type Problem struct {
	Key         string
	Code        string // of the last failure; empty when gated
	Error       string
	Flow        string // that the deal waits for; empty unless gated
	Parked      bool   // rests until a new event; false: it is tried again, or waits for Flow
	Attempts    int
	FirstFailed time.Time
	Due         time.Time // of the next try; zero when the deal is parked or gated
}

// Deals is the part of the store that the engine works with.
type Deals interface {
	// Load reads a deal. A key that was never seen gives an empty Deal with that key.
	Load(ctx context.Context, key string) (Deal, error)

	// Lookup finds the deal that an external key means.
	Lookup(ctx context.Context, externalKey string) (key string, found bool, err error)

	// Record applies a change to the claimed deal. An alias that belongs to a shell (a deal without base, without open
	// intents and not linked on both sides) absorbs that shell: what it knows moves here as with Absorb, it ceases to exist, and
	// the claimed deal's generation is raised so that the shell's events are not lost. An intent ID that is open already
	// must carry the same payload and is then a repeat: state, times and attempts are taken over; a closed one is replaced.
	//
	// It fails with ErrLeaseLost when the claim no longer holds, ErrBoundElsewhere or ErrBusy when an alias belongs to a deal
	// that cannot be absorbed. After an error nothing is recorded.
	Record(ctx context.Context, claim Claim, change Change) error

	// Absorb says that the claimed deal, a shell, is the same as the deal `into` (its key, or any external key of it).
	// Aliases and history move there, and so does Microsoft's counterpart where the other knows none; its generation is raised,
	// and the claimed deal ceases to exist: there is nothing left to settle. It fails with ErrBoundElsewhere when the claimed deal is no shell, and ErrLeaseLost.
	Absorb(ctx context.Context, claim Claim, into string) error

	// OpenIntents lists the open intents of a kind, of all deals, oldest first; an empty kind lists all kinds.
	OpenIntents(ctx context.Context, kind string) ([]OpenIntent, error)

	// Acquire takes a named lease for ttl and reports false when somebody holds it, be it this process.
	Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, bool, error)

	// Renew prolongs a lease to ttl from now, or fails with ErrLeaseLost.
	Renew(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error)

	// Release gives a lease back. A lease that no longer holds is left to its new holder, without error.
	Release(ctx context.Context, lease Lease) error
}

// Queue is the part of the store that intake, watchers and workers use.
type Queue interface {
	// Enqueue stores events and makes their deals due, and moves the cursor if one is given. An external key that was never
	// seen begins a new deal. Events that were stored before change nothing. A new event cuts a back-off short and
	// wakes a parked or gated deal. Once Enqueue returns nil the events may be acknowledged. It fails with ErrOverloaded
	// when too many callers wait already.
	Enqueue(ctx context.Context, events []Event, cursor *Cursor) error

	// Claim leases up to n due deals, the most urgent first. Nothing due gives an empty slice. In the last tenth of every second
	// the longest due come first instead, so that a stream of urgent deals delays the others and never starves them.
	Claim(ctx context.Context, n int, lease time.Duration) ([]Claim, error)

	// Extend prolongs a claim to lease from now, or fails with ErrLeaseLost.
	Extend(ctx context.Context, claim Claim, lease time.Duration) (Claim, error)

	// Settle ends a claim, or fails with ErrLeaseLost. Events that arrived since the claim keep the deal due.
	Settle(ctx context.Context, claim Claim, outcome Outcome) error

	// Reconsider is for use after a document was loaded: it makes the deals due that were gated, or parked for something that a document
	// can solve, under another one. They become due one after the other, [ReconsideredPerSecond], and come after everything else. Under
	// the same document nothing happens.
	Reconsider(ctx context.Context, document string) error

	// Cursor reads a cursor; one that was never moved is empty.
	Cursor(ctx context.Context, name string) (string, error)

	// NextDue says when the next deal can be claimed (possibly in the past), or false when none is waiting.
	NextDue(ctx context.Context) (time.Time, bool, error)

	// Wake delivers a value after a process made a deal due, now or at a new time: look at Claim and NextDue again. Of other
	// processes it may come late or not at all, so look every now and then without it too. Several changes may give one value, and there is one channel, so one receiver.
	Wake() <-chan struct{}

	// Stats counts what is there.
	Stats(ctx context.Context) (Stats, error)

	// Problems lists up to limit deals that are parked, gated by a flow or failing, by key.
	Problems(ctx context.Context, limit int) ([]Problem, error)

	// AuditTrail reads a deal's history, oldest first.
	AuditTrail(ctx context.Context, key string) ([]AuditEntry, error)

	// Prune forgets what is older than it need be kept, and gives freed space back to the file system as far as the engine does so.
	Prune(ctx context.Context, keep Retention) error

	// Spend adds n calls to what was counted for a remote system on a day (UTC, as 2006-01-02), and gives the sum over all
	// processes and lives. With n = 0 it reads.
	Spend(ctx context.Context, system, day string, n int64) (total int64, err error)
}

// Store is the whole store of one connector.
type Store interface {
	Deals
	Queue

	// Close waits for transactions under way and gives everything back. Later calls fail with ErrClosed.
	Close() error
}
