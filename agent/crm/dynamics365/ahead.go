package dynamics365

import (
	"context"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

var _ crm.Ahead = (*Environment)(nil)

// promises are the answers that are on their way to one run, by what is read.
type promises = batch.Promises[string, []dataverse.Result]

type promisesKey struct{}

// Ahead implements [crm.Ahead]. What it reads is what the methods themselves read.
func (e *Environment) Ahead(ctx context.Context, expected crm.Expected) context.Context {
	p := &promises{}
	begin := func(parts ...dataverse.Part) {
		r := reading(parts)
		p.Ask(r.question(), func() ([]dataverse.Result, error) { return e.lanes.reads.Do(ctx, r) })
	}
	if id, err := dataverse.ParseID(expected.RecordID); err == nil {
		begin(e.readParts(id)...)
	}
	if expected.ReferralID != "" {
		begin(get(e.opportunity.SetName, keyQuery(e.opportunity, e.keyColumn, expected.ReferralID)))
	}
	if expected.Customer != (match.Customer{}) {
		names, places := e.accountConditions(expected.Customer)
		begin(get(e.account.SetName, e.accountQuery(append(names, places...))))
	}
	if len(expected.Solutions) > 0 {
		begin(get(e.detail.SetName, e.catalogueQuery(expected.Solutions)))
	}
	if len(expected.Contacts) > 0 {
		begin(get(e.contact.SetName, e.contactQuery(expected.Contacts)))
	}
	if known := addresses(expected.Team); len(known) > 0 {
		begin(get(userSet, userQuery(equalsAny("internalemailaddress", known))))
	}
	return context.WithValue(ctx, promisesKey{}, p)
}
