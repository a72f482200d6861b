package reconcile

import (
	"context"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// takeOverProducts makes rows of the solutions that an older installation keeps as text, once for a record: whoever removes the
// rows afterwards means it. It gives an outcome when it wrote.
func (r *run) takeOverProducts(ctx context.Context) (store.Outcome, error) {
	_, blocked := r.settings.Blocked[UpdateOpportunity]
	if r.record == nil || !r.record.Sync || len(r.record.Solutions) > 0 || len(r.record.Products) == 0 || blocked {
		return nil, nil
	}
	done := "products:" + r.record.ID
	if _, taken, err := r.store.Lookup(ctx, done); taken || err != nil {
		return nil, err
	}
	if settled, early := r.unsettled(); early {
		return store.Retry{At: settled}, nil
	}
	products := r.record.Products[:min(len(r.record.Products), crm.MostSolutions)]
	added, err := r.crm.Catalogue(ctx, unique(products))
	if err != nil {
		return nil, err
	}
	audit := r.auditLine(r.say(problem.ProductsAreRows))
	payload, err := r.crm.EncodeUpdate(crm.Changes{Add: added, Book: crm.Bookkeeping{Audit: &audit}})
	if err != nil {
		return nil, err
	}
	if err := r.crm.Update(ctx, r.record.ID, r.record.Version, payload); err != nil {
		return nil, asRecordRefusal(r.record.ID, err)
	}
	if err := r.commit(ctx, store.Change{Aliases: []string{done}, Told: told(audit)}); err != nil {
		return nil, err
	}
	return r.again(briefly, nil), nil
}

// unique leaves out the solutions that stand twice.
func unique(solutions []deal.Solution) []deal.Solution {
	var list []deal.Solution
	seen := map[string]bool{}
	for _, s := range solutions {
		if field := deal.SolutionField(s.ID); !seen[field] {
			seen[field] = true
			list = append(list, s)
		}
	}
	return list
}
