// Package crm says what the engine needs of a CRM. Its adapters know API names; the engine does not.
package crm

import (
	"context"
	"errors"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
)

var (
	// ErrNotFound says that the record does not exist, or no longer.
	ErrNotFound = errors.New("the record does not exist in the CRM")
	// ErrChanged says that the record changed since it was read: read and merge again.
	ErrChanged = errors.New("the record changed in the CRM since it was read")
	// ErrExists says that a record with this referral key exists already: look for it.
	ErrExists = errors.New("a record of this referral exists in the CRM already")
)

// Record is an opportunity as the engine sees it.
type Record struct {
	ID         string
	Version    string         // token for Update; opaque
	ModifiedAt time.Time      // of the last edit of the record itself
	CreatedAt  time.Time      // zero: not known
	Fields     map[string]any // by field path as the mapping names it
	Sync       bool           // a person wants this deal shared
	ReferralID string         // as shown to people; a copy of a record carries it too
	Key        string         // referral id in our own unique field
	Audit      string
	SyncStatus string
	AccountID  string
	Contacts   []ContactRow  // the primary contact first
	Team       []deal.Person // the owner first
	Solutions  []SolutionRow
	Products   []deal.Solution // what the text field of an older installation names
}

// People lists the customer's contacts, the primary one first.
func (r Record) People() []deal.Person {
	people := make([]deal.Person, len(r.Contacts))
	for i, row := range r.Contacts {
		people[i] = row.Person
	}
	return people
}

// ContactRow is a contact's role in a record.
type ContactRow struct {
	deal.Person
	RowID string
}

// NewContact is a customer's contact that is to have a role in a record.
type NewContact struct {
	deal.Person
	ContactID string // empty: the contact is to be created
	Lacks     bool   // the contact that exists lacks something that the person has
	HasRole   bool   // the role exists already
	Primary   bool
}

// Sold lists the record's solutions, each once.
func (r Record) Sold() []deal.Solution {
	var sold []deal.Solution
	seen := map[string]bool{}
	for _, row := range r.Solutions {
		if field := deal.SolutionField(row.ID); !seen[field] {
			seen[field] = true
			sold = append(sold, row.Solution)
		}
	}
	return sold
}

// SolutionRow is one row of a record's solutions. People may add the same solution twice.
type SolutionRow struct {
	deal.Solution
	RowID string
}

// NewSolution is a solution to be added to a record.
type NewSolution struct {
	deal.Solution
	CatalogueID string // its row in the CRM's catalogue of solution details; empty when it is not there
}

// Bookkeeping is what the agent writes on a record for itself and for the seller. Nil fields are left alone.
type Bookkeeping struct {
	Key, SyncStatus, Audit *string
	Share                  bool // tick Sync with Partner Center for a seller who asked for it in another way
}

// NewRecord is an opportunity to be created for a referral, with its account unless AccountID names one.
type NewRecord struct {
	ReferralID string
	Fields     map[string]any // of the opportunity
	AccountID  string
	Account    map[string]any
	Solutions  []NewSolution
	Contacts   []NewContact
	OwnerID    string // the user who is to own it; empty: the agent's own
	SyncStatus string
	Audit      string
}

// How many solutions and contacts one create or update adds and removes at the most.
const (
	MostSolutions = 14
	MostContacts  = 3
)

// Changes are what one update of an opportunity writes, all or nothing.
type Changes struct {
	Fields         map[string]any
	Book           Bookkeeping
	Add            []NewSolution
	Remove         []string // rows of solutions
	AddContacts    []NewContact
	RemoveContacts []string // roles; the contacts stay
	AccountID      string   // of new contacts
}

// None reports whether there is nothing to write.
func (c Changes) None() bool {
	return len(c.Fields) == 0 && c.Book == (Bookkeeping{}) && !c.Rows()
}

// Rows reports whether rows of other objects are among the changes.
func (c Changes) Rows() bool {
	return len(c.Add)+len(c.Remove)+len(c.AddContacts)+len(c.RemoveContacts) > 0
}

// CRM is one organisation.
type CRM interface {
	// Read reads an opportunity with its account, owner, primary contact and solutions, in one call. It fails with
	// ErrNotFound.
	Read(ctx context.Context, id string) (Record, error)

	// FindByReferral finds the opportunity whose unique key is the referral's id.
	FindByReferral(ctx context.Context, referralID string) (id string, found bool, err error)

	// FindDeleted finds the opportunity whose unique key was the referral's id, that was created at or after a time, and that somebody
	// deleted since. One that was deleted for good is not found.
	FindDeleted(ctx context.Context, referralID string, since time.Time) (id string, found bool, err error)

	// FindAccounts finds the accounts that may be a customer's: more than there are, rather than too few. Which of them it is,
	// if any, is for [match.Decide].
	FindAccounts(ctx context.Context, customer match.Customer) (match.Found, error)

	// EncodeCreate gives the exact bytes that Create sends; the same for the same record.
	EncodeCreate(record NewRecord) ([]byte, error)

	// Create inserts the account, if any, and the opportunity, both or none, and never changes an existing row. It fails with
	// ErrExists when the referral has its opportunity already.
	Create(ctx context.Context, payload []byte) (id string, err error)

	// Catalogue completes solutions with what the CRM's catalogue of solution details knows of them.
	Catalogue(ctx context.Context, solutions []deal.Solution) ([]NewSolution, error)

	// Contacts completes people with what the CRM knows of them by their e-mail addresses, those of the account first.
	Contacts(ctx context.Context, accountID string, people []deal.Person) ([]NewContact, error)

	// Owner gives the active user who is to own a deal of these people of the partner's: the first of them who is one by the e-mail
	// address, or else the one that the connector names for such deals, or "" for the agent's own.
	Owner(ctx context.Context, people []deal.Person) (userID string, err error)

	// EncodeUpdate gives the exact bytes that Update sends; the same for the same changes.
	EncodeUpdate(changes Changes) ([]byte, error)

	// Update changes an opportunity that is still as it was read, and its solutions, all or nothing. It fails with ErrChanged
	// and ErrNotFound.
	Update(ctx context.Context, id, version string, payload []byte) error

	// Known reports whether a text can be the id of a record here.
	Known(id string) bool
}

// Field is what a field of the CRM holds, as far as writing it is concerned.
type Field struct {
	Kind  deal.Kind
	Scale int // decimal places of a field that holds decimals
}

// Stage is a pipeline stage of the CRM, or what it has in place of one.
type Stage struct {
	Name     string
	IsClosed bool
	IsWon    bool
}

// Expected is what a run is about to ask of a CRM. Empty parts are not.
type Expected struct {
	RecordID   string // for Read
	ReferralID string // for FindByReferral
	Customer   match.Customer
	Solutions  []deal.Solution // for Catalogue
	Contacts   []deal.Person
	Team       []deal.Person // for Owner
}

// Ahead is what a CRM offers that can answer questions which do not depend on each other at the same time.
type Ahead interface {
	// Ahead begins to ask what is expected and gives a context with which each of the methods named above finds its answer, once.
	// What is asked again is asked anew. What nobody fetches is dropped with the context.
	Ahead(ctx context.Context, expected Expected) context.Context
}

// Hit is a record that a change feed names. Version tells states of the record apart, but only as finely as the CRM's
// time stamps: two changes within one second may look alike.
type Hit struct {
	ID      string
	Version string
	At      time.Time // the newest of its time stamps
	// Announced says that the change is one of those that the CRM's webhooks tell of, so that a feed that alone knows it shows that they
	// do not come.
	Announced bool
}

// Feed is a CRM's change feed.
type Feed interface {
	// Changes lists what changed at or after a position, which an earlier call gave ("": the beginning of what is worth
	// looking at), and the position to go on from. Hits may repeat; none is missing.
	Changes(ctx context.Context, position string) (hits []Hit, next string, err error)
}
