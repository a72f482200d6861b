package reconcile

import (
	"errors"
	"maps"
	"slices"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// unreadable tells a value that the mapping cannot turn from one that no mapping could.
func unreadable(otherwise problem.Code, object string, err error) error {
	var failure *mapping.Failure
	if errors.As(err, &failure) {
		return problem.Wrap(problem.MappingFailed, object, err)
	}
	return problem.Wrap(otherwise, object, err)
}

// fail notes fields that the mapping cannot turn.
func (r *run) fail(failed mapping.Failed) {
	if r.unmapped == nil {
		r.unmapped = mapping.Failed{}
	}
	maps.Copy(r.unmapped, failed)
}

func failureOf(field string, err error) mapping.Failed {
	var failure *mapping.Failure
	if !errors.As(err, &failure) {
		failure = &mapping.Failure{Field: field, Source: field, Err: err}
	}
	return mapping.Failed{field: failure}
}

// needed are the fields without which neither side takes a new deal.
var needed = []string{
	deal.Name, deal.DealValue, deal.Currency, deal.CloseDate, deal.CustomerName, deal.CustomerStreet, deal.CustomerCity, deal.CustomerNation,
}

// indispensable gives, of the rows that failed, one that a create must not go without: what is needed, and what is only ever written on
// create, because it could not be made up for; nil when there is none.
func (r *run) indispensable(failed mapping.Failed) error {
	stops := mapping.Failed{}
	for _, row := range r.settings.Plan.Rows {
		if failure := failed[row.Field]; failure != nil && (slices.Contains(needed, row.Field) || row.OnCreate && !row.OnUpdate) {
			stops[row.Field] = failure
		}
	}
	return stops.First()
}
