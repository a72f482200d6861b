package salesforce

import (
	"context"
	"slices"
	"strings"

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

// Field describes a field of the mapping by its path; ok is false where the organisation does not have it.
func (o *Org) Field(path string) (field salesforce.FieldDescribe, ok bool) {
	field, ok = o.mapped[path]
	return field, ok
}
