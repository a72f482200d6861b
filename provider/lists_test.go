package provider_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

func named(hits []hit) []string {
	var names []string
	for _, h := range hits {
		names = append(names, h.name)
	}
	return names
}

// TestListFields lists what an administrator made by hand: the identity, and the whole definition as an import gives it, in few
// calls.
func TestListFields(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, map[string]string{"salesforce.fls_default": "admin"})
	w.provision(t)
	p := w.protocol(t, nil)
	onDeals := map[string]tftypes.Value{"object": textValue("Opportunity")}
	before := w.sandbox.Kit().Log.Since(0)
	hits := p.list("cosell_salesforce_custom_field", onDeals, true, 0)
	if calls := len(requests(w.sandbox.Kit().Log.Since(int64(len(before))))); calls > 6 {
		t.Errorf("%d fields were read with %d calls", len(hits), calls)
	}
	at := slices.Index(named(hits), "Opportunity.Sync_with_Partner_Center__c")
	if at < 0 {
		t.Fatalf("listed %q", named(hits))
	}
	if h := hits[at]; h.problems != "" || h.identity["org_id"] != w.env["COSELL_SALESFORCE_ORG_ID"] || h.identity["object"] != "Opportunity" ||
		h.identity["name"] != "Sync_with_Partner_Center__c" || h.resource["type"] != "checkbox" {
		t.Errorf("got %+v", h)
	}
	for _, h := range hits {
		if h.problems != "" || h.resource["type"] == "text" && h.resource["length"] != 255.0 {
			t.Errorf("%s: %v %s", h.name, h.resource, h.problems)
		}
		if !strings.HasPrefix(h.name, "Opportunity.") {
			t.Errorf("%s is of another object", h.name)
		}
	}
	if everywhere := p.list("cosell_salesforce_custom_field", nil, false, 0); len(everywhere) <= len(hits) || everywhere[0].resource != nil {
		t.Errorf("%d fields on all objects, %d on opportunities", len(everywhere), len(hits))
	}
	if few := p.list("cosell_salesforce_custom_field", nil, false, 2); len(few) != 2 {
		t.Errorf("%d fields came for a limit of 2", len(few))
	}
}

// TestListHiddenFields names fields that nobody granted to the provider's user, with a warning instead of a definition.
func TestListHiddenFields(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, map[string]string{"salesforce.metadata_hidden_field_read": "empty"})
	w.provision(t)
	hits := w.protocol(t, nil).list("cosell_salesforce_custom_field", map[string]tftypes.Value{"object": textValue("Opportunity")}, true, 0)
	if len(hits) == 0 {
		t.Fatal("nothing was listed")
	}
	for _, h := range hits {
		if h.identity["object"] != "Opportunity" || !strings.Contains(h.problems, "hidden from the provider's user") || strings.Contains(h.problems, "ERROR") {
			t.Errorf("%s: %v %s", h.name, h.identity, h.problems)
		}
	}
}

// requests counts the requests behind rows of the log: one may touch several records.
func requests(operations []lab.Operation) map[string]bool {
	ids := map[string]bool{}
	for _, o := range operations {
		ids[o.RequestID] = true
	}
	return ids
}

// TestListTypes lists each of the other types that can be adopted.
func TestListTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	if _, err := w.salesforce(t).Data().Create(t.Context(), "PermissionSet", map[string]any{"Name": "Cosell_Agent", "Label": "Co-sell agent"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.partnerCenter(t).CreateRegistration(t.Context(), partnercenter.Registration{
		WebhookURL: "https://agent.example.com/hooks", WebhookEvents: partnercenter.List[string]{"referral-created"}}); err != nil {
		t.Fatal(err)
	}
	p := w.protocol(t, nil)
	layout := map[string]tftypes.Value{"object": textValue("Opportunity"), "layout": textValue("Opportunity Layout")}
	for typeName, test := range map[string]struct {
		config    map[string]tftypes.Value
		name      string
		identity  string
		value     string
		attribute string // of the resource, with the same value
	}{
		"cosell_salesforce_custom_object":  {nil, "Microsoft_Solution__c", "name", "Microsoft_Solution__c", "name"},
		"cosell_salesforce_permission_set": {nil, "Co-sell agent (Cosell_Agent)", "name", "Cosell_Agent", "name"},
		"cosell_salesforce_related_list":   {layout, "Opportunity-Opportunity Layout/RelatedContactRoleList", "list", "RelatedContactRoleList", "list"},
		"cosell_webhook_registration":      {nil, "https://agent.example.com/hooks", "tenant_id", w.env["COSELL_PARTNER_CENTER_TENANT_ID"], "id"},
	} {
		hits := p.list(typeName, test.config, true, 0)
		at := slices.Index(named(hits), test.name)
		if at < 0 {
			t.Errorf("%s: listed %q, %+v", typeName, named(hits), hits)
			continue
		}
		h := hits[at]
		if h.identity[test.identity] != test.value {
			t.Errorf("%s: the identity is %v", typeName, h.identity)
		}
		if h.problems == "" && h.resource[test.attribute] != test.value {
			t.Errorf("%s: the resource is %v", typeName, h.resource)
		}
	}
	missing := p.list("cosell_salesforce_related_list", map[string]tftypes.Value{"object": textValue("Opportunity"), "layout": textValue("None")}, false, 0)
	if len(missing) != 1 || !strings.Contains(missing[0].problems, `No layout "Opportunity-None"`) {
		t.Errorf("a layout that does not exist: %+v", missing)
	}
}

// TestListSolutions lists the records of the CRM with the identifier that an import takes.
func TestListSolutions(t *testing.T) {
	t.Parallel()
	w := installDetails(t, detailObjectName, "Solution_Identifier__c", "Type__c", "Publisher_Name__c")
	for _, id := range []string{"SOL-00002-BBB", "SOL-00001-AAA"} {
		w.insert(t, detailObjectName, map[string]any{"Solution_Identifier__c": id, "Name": "Solution " + id})
	}
	hits := w.protocol(t, nil).list("cosell_solution_detail", nil, true, 0)
	if len(hits) != 2 || hits[0].identity["solution_id"] != "SOL-00001-AAA" || hits[0].resource["name"] != "Solution SOL-00001-AAA" || hits[0].problems != "" {
		t.Errorf("listed %+v", hits)
	}
}

// TestIdentities wants an identity of every type that can be imported, and a list of every type that people adopt.
func TestIdentities(t *testing.T) {
	t.Parallel()
	p := newWorld(t).protocol(t, nil)
	identities, err := p.server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for typeName, row := range capabilities() {
		if has := identities.IdentitySchemas[typeName] != nil; has != (row.importID != "") {
			t.Errorf("%s: identity %t, import %q", typeName, has, row.importID)
		}
	}
	for typeName := range p.schemas.ListResourceSchemas {
		if identities.IdentitySchemas[typeName] == nil {
			t.Errorf("%s is listed and has no identity", typeName)
		}
	}
}
