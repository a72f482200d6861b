package connector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// leads gives the document's part about leads, and adds their default names: where the flow that watches leads is on, or where the
// declaration names their object or one of their fields, so that leads stay when the flow is switched off for a while.
func (b *builder) leads(variables map[string]string, objects, fields map[string]document.Name) *document.Lead {
	m := b.declared
	wanted := m.Objects[document.ObjectLead] != ""
	for _, flow := range m.SyncFlows {
		wanted = wanted || flow.Name == document.FlowLeadsToPartnerCenter && flow.Enabled
	}
	for role := range document.DefaultLeadFields(m.CRM) {
		wanted = wanted || m.Fields[role] != ""
	}
	if !wanted {
		return nil
	}
	maps.Copy(objects, document.DefaultLeadObjects(m.CRM))
	maps.Copy(fields, document.DefaultLeadFields(m.CRM))
	return &document.Lead{Status: variables[document.VariableLeadStatus]}
}

// allObjects and allFields give the default names by role, those of leads included.
func allObjects(crm string) map[string]document.Name {
	all := document.DefaultObjects(crm)
	maps.Copy(all, document.DefaultLeadObjects(crm))
	return all
}

func allFields(crm string) map[string]document.Name {
	all := document.DefaultFields(crm)
	maps.Copy(all, document.DefaultLeadFields(crm))
	if _, has := all[document.FieldProducts]; !has {
		all[document.FieldProducts] = "" // of old installations, without a default
	}
	return all
}

// compareLeadStatus looks for the status of new leads in the picklist. Who may not see leads does not know: the agent looks again.
func (c *connector) compareLeadStatus(ctx context.Context, d document.Document) ([]finding, error) {
	if d.CRM.Lead == nil {
		return nil, nil
	}
	description, err := c.remote.Describe(ctx, d.CRM.Objects[document.ObjectLead])
	if salesforce.IsNotFound(err) {
		return nil, nil // its fields are missing too, and are reported
	}
	if err != nil {
		return nil, fmt.Errorf("read the statuses of leads: %w", err)
	}
	status, found := description.Field("Status")
	var values []string
	for _, value := range status.PicklistValues {
		if value.Active {
			values = append(values, value.Value)
		}
	}
	if !found || slices.Contains(values, d.CRM.Lead.Status) {
		return nil, nil
	}
	return []finding{{place{atVariables, document.VariableLeadStatus}, problem.LeadStatusMissing, fmt.Sprintf("lead status %q", d.CRM.Lead.Status),
		"the organisation has " + strings.Join(quotedAll(values), ", ")}}, nil
}

func quotedAll(texts []string) []string {
	var list []string
	for _, text := range texts {
		list = append(list, fmt.Sprintf("%q", text))
	}
	return list
}
