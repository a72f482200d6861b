package salesforce_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

const setAddress = "cosell_salesforce_permission_set.test"

// setConfig grants an optional and a required field to the agent's user.
func (w *world) setConfig() string {
	return `
resource "cosell_salesforce_custom_field" "audit" {
  object              = "Opportunity"
  name                = "Audit__c"
  label               = "Audit"
  type                = "long_text_area"
  deletion_protection = false
}

resource "cosell_salesforce_custom_field" "required" {
  object              = "Account"
  name                = "Required__c"
  label               = "Required"
  type                = "text"
  required            = true
  deletion_protection = false
}

resource "cosell_salesforce_permission_set" "test" {
  name        = "Cosell_Agent"
  label       = "Co-sell agent"
  description = "What the agent may do"
  fields = {
    (cosell_salesforce_custom_field.audit.full_name)    = "edit"
    (cosell_salesforce_custom_field.required.full_name) = "read"
    "Opportunity.StageName"                             = "edit"
    "Opportunity.Amount"                                = "read"
  }
  objects = {
    Opportunity = ["read", "create", "edit"]
    Account     = ["read"]
  }
  assignees = ["` + w.env["COSELL_AGENT_SALESFORCE_USERNAME"] + `"]
}
`
}

func TestPermissionSetLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	config := w.setConfig()
	changes := func(attributes ...string) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{tfcli.Changes(setAddress, attributes...)}}
	}
	const ofTheSet, theSet = "PermissionSet.Name = 'Cosell_Agent'", "Name = 'Cosell_Agent'"
	w.run(
		resource.TestStep{Config: config},
		resource.TestStep{ResourceName: setAddress, ImportState: true, ImportStateId: "Cosell_Agent", ImportStateVerify: true,
			// Salesforce keeps no rows for the required fields, so an import cannot know them.
			ImportStateVerifyIgnore: []string{"fields"}},
		resource.TestStep{PreConfig: func() {
			w.change("PermissionSet", theSet, map[string]any{"Label": "Other", "Description": nil})()
			w.change("FieldPermissions", "Field = 'Opportunity.Audit__c'", map[string]any{"PermissionsEdit": false})()
			w.change("ObjectPermissions", "SobjectType = 'Account'", map[string]any{"PermissionsEdit": true})()
		}, Config: config, ConfigPlanChecks: changes("label", "description", "fields", "objects")},
		resource.TestStep{
			PreConfig: w.drop("FieldPermissions", "Field = 'Opportunity.Audit__c'", "ObjectPermissions", "SobjectType = 'Opportunity'", "PermissionSetAssignment", ofTheSet),
			Config:    config, ConfigPlanChecks: changes("fields", "objects", "assignees")},
		resource.TestStep{PreConfig: w.drop("PermissionSetAssignment", ofTheSet, "PermissionSet", theSet), Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(setAddress, plancheck.ResourceActionCreate)}}},
	)
	if w.count("SELECT Id FROM PermissionSet WHERE Name = 'Cosell_Agent'") != 0 {
		t.Error("destroy left the permission set")
	}
}

// A required field takes no permission. By which code Salesforce says so is not documented.
func TestPermissionSetWithRequiredField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"salesforce.fls_required_field_error": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"})
	w.run(resource.TestStep{Config: w.setConfig(), ConfigPlanChecks: resource.ConfigPlanChecks{
		PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}})
}

// What is left out is not managed; what is taken out is revoked.
func TestPermissionSetManagesWhatIsGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	bare := `
resource "cosell_salesforce_permission_set" "test" {
  name  = "Cosell_Agent"
  label = "Co-sell agent"
  %s
}
`
	with := func(attributes string) string { return strings.Replace(bare, "%s", attributes, 1) }
	w.run(
		resource.TestStep{Config: with(`objects = { Account = ["read"] }`)},
		resource.TestStep{PreConfig: w.grantField("Opportunity", "Opportunity.Amount"), Config: with(`objects = { Account = ["read"] }`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		resource.TestStep{Config: with(`fields = { "Opportunity.NextStep" = "read" }`), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(setAddress, tfjsonpath.New("objects"), knownvalue.Null())}},
		resource.TestStep{PreConfig: func() {
			if w.count("SELECT Id FROM ObjectPermissions WHERE Parent.Name = 'Cosell_Agent'") != 0 {
				t.Error("the object permissions that were taken out are still granted")
			}
			if w.count("SELECT Id FROM FieldPermissions WHERE Parent.Name = 'Cosell_Agent'") != 1 {
				t.Error("field permissions are not those of the configuration")
			}
		}, Config: with(""), ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	)
}

func TestPermissionSetGuards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	config := func(attributes string) string {
		return `
resource "cosell_salesforce_permission_set" "test" {
  name  = "Cosell_Agent"
  label = "Co-sell agent"
  ` + attributes + `
}
`
	}
	fails := func(attributes, message string) resource.TestStep {
		return resource.TestStep{Config: config(attributes), ExpectError: regexp.MustCompile(strings.ReplaceAll(message, " ", `\s+`))}
	}
	w.run(
		fails(`objects = { Account = ["delete"] }`, `delete on Account needs read, edit as well`),
		fails(`fields = { "Opportunity.Amount" = "write" }`, `value must be one of`),
		fails(`fields = { "Amount" = "read" }`, `full name`),
		fails(`fields = { "Opportunity.Amount" = "read", "opportunity.amount" = "read" }`, `different spellings`),
		fails(`fields = { "Opportunity.Missing__c" = "read" }`, `(?s)was not created.*Missing__c`),
		fails(`assignees = ["nobody@example.com"]`, `No user has the user name nobody@example.com`),
		resource.TestStep{PreConfig: w.filter.loseAnswerTo("POST /services/data/v66.0/sobjects/PermissionSet "), Config: config(`objects = { Account = ["read"] }`)},
		resource.TestStep{PreConfig: w.filter.loseAnswerTo("FieldPermissions"), Config: config(`fields = { "Opportunity.Amount" = "read" }`)},
	)
	if w.filter.losses() != 2 {
		t.Errorf("%d answers were lost, want 2", w.filter.losses())
	}
	if _, err := w.admin.Data().Create(t.Context(), "PermissionSet", map[string]any{"Name": "Cosell_Agent", "Label": "By hand"}); err != nil {
		t.Fatal(err)
	}
	w.run(resource.TestStep{Config: config(""), ExpectError: regexp.MustCompile(`(?s)exists\s+already.*terraform\s+import`)})
}

type idRow struct {
	ID salesforce.ID `json:"Id"`
}

func (w *world) ids(object, where string) []idRow {
	w.t.Helper()
	rows, err := salesforce.Query[idRow](w.t.Context(), w.admin.Data(), "SELECT Id FROM "+object+" WHERE "+where)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(rows) == 0 {
		w.t.Fatalf("no %s where %s", object, where)
	}
	return rows
}

// change edits rows as an administrator.
func (w *world) change(object, where string, fields map[string]any) func() {
	return func() {
		w.t.Helper()
		for _, row := range w.ids(object, where) {
			if err := w.admin.Data().Update(w.t.Context(), object, string(row.ID), fields, time.Time{}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// drop deletes rows as an administrator: pairs of object and condition.
func (w *world) drop(objectAndWhere ...string) func() {
	return func() {
		w.t.Helper()
		for i := 0; i < len(objectAndWhere); i += 2 {
			for _, row := range w.ids(objectAndWhere[i], objectAndWhere[i+1]) {
				if err := w.admin.Data().Delete(w.t.Context(), objectAndWhere[i], string(row.ID)); err != nil {
					w.t.Fatal(err)
				}
			}
		}
	}
}

func (w *world) grantField(object, field string) func() {
	return func() {
		w.t.Helper()
		parent := w.ids("PermissionSet", "Name = 'Cosell_Agent'")[0].ID
		_, err := w.admin.Data().Create(w.t.Context(), "FieldPermissions", map[string]any{
			"ParentId": parent, "SobjectType": object, "Field": field, "PermissionsRead": true, "PermissionsEdit": false})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
