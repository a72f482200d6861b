package connector

import (
	"context"
	"fmt"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/fieldcheck"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// describe gives an object's description; nil when the organisation does not have the object yet.
func (c *connector) describe(ctx context.Context, object string) (*salesforce.Describe, error) {
	description, err := c.remote.Describe(ctx, object)
	if salesforce.IsNotFound(err) {
		return nil, nil
	}
	return description, err
}

// mappedFields follows every path of the mapping. What leads to a field is compared with its row; where a path ends before one is a
// field to look for in the metadata, because a description hides what nobody granted to the provider's user.
func (c *connector) mappedFields(ctx context.Context, d document.Document) (unseen []named, findings []finding, err error) {
	for _, row := range d.Mappings {
		at := place{atMappings, row.Field}
		if row.CRM == document.NotesField {
			if described, err := c.describe(ctx, document.NotesField); err != nil {
				return nil, nil, err
			} else if described == nil {
				findings = append(findings, finding{at, problem.NotesOff, "Notes", "mapping of " + row.Field})
			}
		}
		for _, name := range row.RecordPaths() {
			place, err := fieldcheck.Resolve(ctx, c.describe, d.CRM.Objects[document.ObjectOpportunity], name)
			if err != nil {
				return nil, nil, err
			}
			if !place.Found {
				unseen = append(unseen, named{at, "", place.Object, place.Field, "mapping of " + row.Field})
				continue
			}
			if name != row.CRM {
				continue
			}
			for _, found := range fieldcheck.Row(row, place.As, fieldcheck.Planner) {
				findings = append(findings, finding{at, found.Code, "field " + place.String(), fmt.Sprintf("mapping of %s: %s", row.Field, found.Detail)})
			}
		}
	}
	return unseen, findings, nil
}

// comparedCodes are the kinds of findings in the order in which they are reported.
var comparedCodes = []problem.Code{
	problem.StageMissing, problem.LeadStatusMissing, problem.FieldMissing, problem.FieldUnfit, problem.FieldUnfilled, problem.FieldNotWritable,
	problem.FieldTypeMismatch, problem.PicklistUnknown, problem.UserMissing, problem.NotesOff, problem.CurrencyUnknown,
}
