package app

import (
	"context"
	"fmt"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/fieldcheck"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// organisation is an adapter: what the engine needs of a CRM, and what the mapping must know of it.
type organisation interface {
	crm.CRM
	crm.Leads
	crm.Feed
	crm.Ahead
	backfill.Records
	staged
	LeadFeed() crm.Feed
	HasCurrency() bool
	LongestName() int
	// PicklistValue gives a value of a list as the organisation spells it; a field without a list takes any value.
	PicklistValue(field, value string) (spelled string, ok bool)
	Field(path string) (field crm.Field, ok bool)
	CheckRow(row document.Mapping) []fieldcheck.Finding
	// RetryAfter gives the wait that the CRM asked for in an error; 0 when it asked for none.
	RetryAfter(err error) time.Duration
}

// staged is an organisation with pipeline stages. Its text is what messages call it.
type staged interface {
	Stages() []crm.Stage
	fmt.Stringer
}

// openers make the adapter of each CRM that a document can name.
var openers = map[string]func(*App, context.Context, document.Document, *wire.Client) (organisation, error){
	document.Salesforce:  (*App).openSalesforce,
	document.Dynamics365: (*App).openDynamics,
}

// openCRM signs in to the CRM, checks the pin and looks at the organisation.
func (a *App) openCRM(ctx context.Context, d document.Document, stack *wire.Client) (organisation, error) {
	open, known := openers[d.CRM.Type]
	if !known {
		return nil, problem.New(problem.DocumentInvalid, "crm.type", d.CRM.Type)
	}
	return open(a, ctx, d, stack)
}
