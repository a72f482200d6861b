package crm

import (
	"context"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// Lead is a lead as the engine sees it.
type Lead struct {
	ID         string
	Version    string // token for UpdateLead; opaque
	ModifiedAt time.Time
	Key        string      // referral id in our own unique field
	Values     deal.Values // what it holds of the fields that the agent writes
	Converted  bool
	// OpportunityID is the opportunity that the conversion made; empty when it made none.
	OpportunityID string
}

// Leads is the part of a CRM that keeps leads.
type Leads interface {
	// IsLead reports whether a record's id is a lead's.
	IsLead(id string) bool

	// FitLead gives the values as a lead can hold them, and of these only the ones that it has a field for.
	FitLead(values deal.Values) deal.Values

	// ReadLead reads a lead in one call. It fails with ErrNotFound.
	ReadLead(ctx context.Context, id string) (Lead, error)

	// FindLead finds the lead whose unique key is the referral's id, converted ones included.
	FindLead(ctx context.Context, referralID string) (id string, found bool, err error)

	// FindDeletedLead is [CRM.FindDeleted] for leads.
	FindDeletedLead(ctx context.Context, referralID string, since time.Time) (id string, found bool, err error)

	// FindConverted finds the lead of a referral that was converted into an opportunity.
	FindConverted(ctx context.Context, opportunityID string) (lead Lead, found bool, err error)

	// EncodeLead gives the exact bytes that CreateLead sends; the same for the same values. They must fit.
	EncodeLead(referralID string, values deal.Values) ([]byte, error)

	// CreateLead inserts the lead and never changes an existing row. It fails with ErrExists when the referral has its lead
	// already.
	CreateLead(ctx context.Context, payload []byte) (id string, err error)

	// EncodeLeadUpdate gives the exact bytes that UpdateLead sends. They must fit; an empty value clears its field.
	EncodeLeadUpdate(values deal.Values) ([]byte, error)

	// UpdateLead changes a lead that is still as it was read. It fails with ErrChanged, also when the lead was converted
	// meanwhile, and ErrNotFound.
	UpdateLead(ctx context.Context, id, version string, payload []byte) error
}
