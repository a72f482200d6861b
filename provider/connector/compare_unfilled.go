package connector

import (
	"context"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// alwaysFilled are the fields that every record has that the agent makes, whatever the mapping says.
var alwaysFilled = map[string][]string{
	document.ObjectOpportunity: {"Name", "StageName", "CloseDate", "AccountId"},
	document.ObjectAccount:     {"Name"},
}

// filledRoles are the fields of an opportunity that the agent fills beside the mapping.
var filledRoles = []string{document.FieldSync, document.FieldReferralKey, document.FieldReferralID, document.FieldSyncStatus, document.FieldAudit}

// compareUnfilled looks for fields that the organisation requires of new opportunities, and of new accounts where the agent makes them,
// and to which nothing gives a value. It is no fault for certain: flows and triggers that run before a record is saved can fill a
// field ("Triggers and Order of Execution"), and no description tells of them. A field is required when it can be set on create, may
// not be empty and has no default ("sObject Describe").
func (c *connector) compareUnfilled(ctx context.Context, d document.Document) ([]finding, error) {
	if !d.Flow(document.FlowPartnerCenterToCRM) {
		return nil, nil
	}
	roles := []string{document.ObjectOpportunity}
	if d.Accounts.None == matchCreate {
		roles = append(roles, document.ObjectAccount)
	}
	var findings []finding
	for _, role := range roles {
		object := d.CRM.Objects[role]
		description, err := c.describe(ctx, object)
		if err != nil {
			return nil, err
		}
		if description == nil {
			continue
		}
		filled := filledOnCreate(d, role)
		for _, field := range description.Fields {
			if field.Createable && !field.Nillable && !field.DefaultedOnCreate && !slices.Contains(filled, field.Name) {
				findings = append(findings, finding{place{atMappings, ""}, problem.FieldUnfilled, "field " + object + "." + field.Name,
					"required of new records, and no inbound row of the mapping writes it"})
			}
		}
	}
	return findings, nil
}

// filledOnCreate are the fields of an object to which the agent gives a value when it makes a record.
func filledOnCreate(d document.Document, role string) []string {
	filled := slices.Clone(alwaysFilled[role])
	if role == document.ObjectOpportunity {
		for _, role := range filledRoles {
			filled = append(filled, d.CRM.Fields[role])
		}
	}
	for _, row := range d.Mappings {
		name, ofAccount := strings.CutPrefix(row.CRM, "Account.")
		if row.IsInbound() && row.Applies(document.OnCreate) && ofAccount == (role == document.ObjectAccount) {
			filled = append(filled, firstStep(name))
		}
	}
	return filled
}

// firstStep gives the field of the record itself that a path writes: Region__c of Region__r.Code__c, which names the record to refer to.
func firstStep(name string) string {
	step, _, dotted := strings.Cut(name, ".")
	if relationship, custom := strings.CutSuffix(step, "__r"); dotted && custom {
		return relationship + "__c"
	}
	if dotted {
		return step + "Id"
	}
	return step
}
