package salesforce

import (
	"context"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

var _ crm.Ahead = (*Org)(nil)

// promises are the answers that are on their way to one run.
type promises = batch.Promises[question, []row]

// question is one search. A lane of nil is the search for accounts.
type question struct {
	lane   *lane
	wanted string
}

func asked(l *lane, wanted []string) question { return question{l, strings.Join(wanted, "\x00")} }

type promisesKey struct{}

// Ahead implements [crm.Ahead]. The searches are those that the methods themselves make.
func (o *Org) Ahead(ctx context.Context, expected crm.Expected) context.Context {
	p, lanes := &promises{}, o.shared()
	begin := func(l *lane, wanted ...string) {
		if len(wanted) > 0 {
			p.Ask(asked(l, wanted), func() ([]row, error) { return l.group.Do(ctx, wanted) })
		}
	}
	if id, err := salesforce.ParseID(expected.RecordID); err == nil {
		begin(lanes.records, string(id))
	}
	if expected.ReferralID != "" {
		begin(lanes.byReferral, strings.ToLower(expected.ReferralID))
	}
	if expected.Customer != (match.Customer{}) {
		conditions := o.accountConditions(expected.Customer)
		p.Ask(asked(nil, conditions), func() ([]row, error) { return lanes.accounts.Do(ctx, search{conditions}) })
	}
	if o.solutions.catalogue != "" {
		begin(lanes.catalogue, solutionIDs(expected.Solutions)...)
	}
	begin(lanes.contacts, addresses(expected.Contacts)...)
	begin(lanes.users, addresses(expected.Team)...)
	return context.WithValue(ctx, promisesKey{}, p)
}

// fetch gives the answer that was promised for a search, or makes the search.
func fetch(ctx context.Context, l *lane, wanted []string, search func() ([]row, error)) ([]row, error) {
	if p, ok := ctx.Value(promisesKey{}).(*promises); ok {
		return p.Fetch(asked(l, wanted), search)
	}
	return search()
}
