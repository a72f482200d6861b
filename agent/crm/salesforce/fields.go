package salesforce

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/fieldcheck"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// describeMapped follows every path of the mapping to its field, and selects what is reached through related records.
func (o *Org) describeMapped(ctx context.Context) error {
	o.mapped = map[string]salesforce.FieldDescribe{}
	described := map[string]*salesforce.Describe{} // descriptions are large: they are not kept
	describe := func(ctx context.Context, object string) (*salesforce.Describe, error) {
		if known, ok := described[object]; ok {
			return known, nil
		}
		description, err := o.client.Data().Describe(ctx, object)
		if salesforce.IsNotFound(err) {
			description, err = nil, nil
		}
		described[object] = description
		return description, err
	}
	var missing []string
	for _, path := range o.names.Mapped {
		if _, known := o.mapped[path]; known {
			continue
		}
		place, err := fieldcheck.Resolve(ctx, describe, o.names.Opportunity, path)
		switch {
		case err != nil:
			return err
		case place.Found:
			o.mapped[path] = place.As
			if strings.Contains(path, ".") && !slices.Contains(o.selected, path) {
				o.selected = append(o.selected, path)
			}
		case path != currencyField:
			missing = append(missing, place.String())
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return problem.New(problem.FieldMissing, "Salesforce organisation", strings.Join(slices.Compact(missing), ", "))
	}
	return nil
}

// Field tells what a field of the mapping holds; ok is false where the organisation does not have it.
func (o *Org) Field(path string) (field crm.Field, ok bool) {
	described, ok := o.mapped[path]
	return crm.Field{Kind: kindOf(described), Scale: described.Scale}, ok
}

func kindOf(field salesforce.FieldDescribe) deal.Kind {
	switch fieldcheck.ClassOf(field) {
	case fieldcheck.Number:
		return deal.Decimal
	case fieldcheck.Flag:
		return deal.Flag
	case fieldcheck.Date:
		return deal.Date
	default:
		return deal.Text
	}
}

// CheckRow compares a row of the mapping with the field that it names. An absent currency, or a row that needs no field, is no finding.
func (o *Org) CheckRow(row document.Mapping) []fieldcheck.Finding {
	field, ok := o.mapped[row.CRM]
	if !ok {
		return nil
	}
	return fieldcheck.Row(row, field, fieldcheck.Agent)
}

// String names the organisation's kind for messages.
func (o *Org) String() string { return "Salesforce organisation" }

// RetryAfter gives the wait that the organisation asked for in an error; 0 when it asked for none.
func (o *Org) RetryAfter(err error) time.Duration { return salesforce.RetryAfter(err) }
