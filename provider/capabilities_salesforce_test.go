package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

var salesforceCapabilities = map[string]capability{
	"cosell_salesforce_custom_field": {
		config: `
resource "cosell_salesforce_custom_field" "test" {
  object      = "Opportunity"
  name        = "Test__c"
  label       = "Test"
  type        = "text"
  length      = 100
  description = "For administrators."
  help_text   = "For people."

  deletion_protection = false
}`,
		changes: map[string]func(*testing.T, *world){
			"label":       edits("CustomField", "Opportunity.Test__c", "label", "Other"),
			"length":      edits("CustomField", "Opportunity.Test__c", "length", "200"),
			"description": edits("CustomField", "Opportunity.Test__c", "description", "Other."),
			"help_text":   edits("CustomField", "Opportunity.Test__c", "inlineHelpText", "Other."),
			"required":    edits("CustomField", "Opportunity.Test__c", "required", "true"),
			"unique":      edits("CustomField", "Opportunity.Test__c", "unique", "true"),
			"external_id": edits("CustomField", "Opportunity.Test__c", "externalId", "true"),
		},
		remove:       func(t *testing.T, w *world) { w.drop(t, "CustomField", "Opportunity.Test__c") },
		exists:       has("CustomField", "Opportunity.Test__c"),
		importID:     "Opportunity.Test__c",
		importIgnore: []string{"deletion_protection"},
		unknown: `
resource "cosell_salesforce_custom_field" "test" {
  object = "Opportunity"
  name   = "Test__c"
  label  = terraform_data.later.output
  type   = "checkbox"

  deletion_protection = false
}`,
		laterValue: "Test",
		invalid: map[string]invalid{
			"name without suffix": {`
resource "cosell_salesforce_custom_field" "test" {
  object = "Opportunity"
  name   = "Test"
  label  = "Test"
  type   = "checkbox"
}`, words("__c")},
			"attribute of another type": {`
resource "cosell_salesforce_custom_field" "test" {
  object = "Opportunity"
  name   = "Test__c"
  label  = "Test"
  type   = "checkbox"
  length = 100
}`, words("length")},
			"picklist without values": {`
resource "cosell_salesforce_custom_field" "test" {
  object = "Opportunity"
  name   = "Test__c"
  label  = "Test"
  type   = "picklist"
}`, words("picklist")},
		},
		creates: createsMetadata("Opportunity.Test__c"),
	},
	"cosell_salesforce_custom_object": {
		config: `
resource "cosell_salesforce_custom_object" "test" {
  name         = "Test__c"
  label        = "Test"
  plural_label = "Tests"
  description  = "For administrators."
  name_field   = { label = "Name" }

  deletion_protection = false
}`,
		changes: map[string]func(*testing.T, *world){
			"label":             edits("CustomObject", "Test__c", "label", "Other"),
			"plural_label":      edits("CustomObject", "Test__c", "pluralLabel", "Others"),
			"description":       edits("CustomObject", "Test__c", "description", "Other."),
			"deployment_status": edits("CustomObject", "Test__c", "deploymentStatus", "InDevelopment"),
			"enable_reports":    edits("CustomObject", "Test__c", "enableReports", "true"),
		},
		remove:       func(t *testing.T, w *world) { w.drop(t, "CustomObject", "Test__c") },
		exists:       has("CustomObject", "Test__c"),
		importID:     "Test__c",
		importIgnore: []string{"deletion_protection"},
		unknown: `
resource "cosell_salesforce_custom_object" "test" {
  name         = "Test__c"
  label        = terraform_data.later.output
  plural_label = "Tests"
  name_field   = { label = "Name" }

  deletion_protection = false
}`,
		laterValue: "Test",
		invalid: map[string]invalid{
			"name without suffix": {`
resource "cosell_salesforce_custom_object" "test" {
  name         = "Test"
  label        = "Test"
  plural_label = "Tests"
  name_field   = { label = "Name" }
}`, words("__c")},
			"numbers without a format": {`
resource "cosell_salesforce_custom_object" "test" {
  name         = "Test__c"
  label        = "Test"
  plural_label = "Tests"
  name_field   = { label = "Name", type = "auto_number" }
}`, words("display_format")},
		},
		creates: createsMetadata("Test__c"),
	},
	"cosell_salesforce_package": {
		config: packageConfig("04t2w000006WIwV"),
		changes: map[string]func(*testing.T, *world){
			"version_id": func(t *testing.T, w *world) { // somebody uninstalls it and installs another version
				w.packageRequest(t, "SubscriberPackageVersionUninstallRequest", "SubscriberPackageVersionId", "04t2w000006WIwV")
				w.packageRequest(t, "PackageInstallRequest", "SubscriberPackageVersionKey", "04t2w000006WIwU")
			},
		},
		remove: func(t *testing.T, w *world) {
			w.packageRequest(t, "SubscriberPackageVersionUninstallRequest", "SubscriberPackageVersionId", "04t2w000006WIwV")
		},
		exists: func(t *testing.T, w *world) bool {
			t.Helper()
			rows, err := salesforce.Query[struct{ ID string }](t.Context(), w.salesforce(t).Tooling(), "SELECT Id FROM InstalledSubscriberPackage")
			if err != nil {
				t.Fatal(err)
			}
			return len(rows) > 0
		},
		importID:     "04t2w000006WIwV",
		importIgnore: []string{"deletion_protection", "custom_fields", "version_id"},
		unknown: `
resource "cosell_salesforce_package" "test" {
  version_id          = terraform_data.later.output
  deletion_protection = false
}`,
		laterValue: "04t2w000006WIwV",
		invalid: map[string]invalid{
			"not a version": {`
resource "cosell_salesforce_package" "test" {
  version_id = "0332w0000000001"
}`, words("must be the id of a package version")},
			"unknown version": {packageConfig("04t000000000001"), words("Salesforce knows no package version 04t000000000001")},
		},
		creates: func(request *http.Request, _ string) bool {
			return request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/tooling/sobjects/PackageInstallRequest")
		},
	},
	"cosell_salesforce_layout_section": {
		config: sectionConfig(`"Test"`, `{ name = "IsPrivate" }, { name = "ExpectedRevenue", behavior = "readonly" }`),
		changes: map[string]func(*testing.T, *world){
			"columns": editsLayout("layoutSections", "Test", func(n *metadata.Node) { n.SetChildText("style", "OneColumn") }),
			"fields": editsLayout("layoutSections", "Test", func(n *metadata.Node) {
				n.Child("layoutColumns").Child("layoutItems").SetChildText("behavior", "Required")
			}),
		},
		remove:   editsLayout("layoutSections", "Test", nil),
		exists:   onLayout("layoutSections", "Test"),
		importID: "Opportunity-Opportunity Layout/Test",
		unknown:  sectionConfig(`"Test"`, `{ name = terraform_data.later.output }`),

		laterValue: "IsPrivate",
		invalid: map[string]invalid{
			"field that is given twice":    {sectionConfig(`"Test"`, `{ name = "IsPrivate" }, { name = "isPrivate" }`), words("given twice")},
			"layout that does not exist":   {strings.Replace(sectionConfig(`"Test"`, `{ name = "IsPrivate" }`), "Opportunity Layout", "Other", 1), words(`Opportunity has: "Opportunity Layout"`)},
			"unknown behavior":             {sectionConfig(`"Test"`, `{ name = "IsPrivate", behavior = "hidden" }`), words("value must be one of")},
			"text with space at its ends":  {sectionConfig(`" Test"`, `{ name = "IsPrivate" }`), words("white space at its ends")},
			"field with its object's name": {sectionConfig(`"Test"`, `{ name = "Opportunity.IsPrivate" }`), words("must be a field's API name")},
		},
		creates: updatesMetadata("Layout", "<label>Test</label>"),
	},
	"cosell_salesforce_change_events": {
		config: eventsConfig("Sales__chn", `"Opportunity"`),
		changes: map[string]func(*testing.T, *world){
			"entities": func(t *testing.T, w *world) { w.deselect(t, "AccountChangeEvent") },
		},
		remove:     func(t *testing.T, w *world) { w.deselect(t, "AccountChangeEvent", "OpportunityChangeEvent") },
		exists:     func(t *testing.T, w *world) bool { return len(w.selections(t)) > 0 || len(w.channels(t)) > 0 },
		importID:   "Sales__chn",
		unknown:    eventsConfig("ChangeEvents", "terraform_data.later.output"),
		laterValue: "Opportunity",
		invalid: map[string]invalid{
			"channel without its ending": {eventsConfig("Sales", `"Opportunity"`), words("must be ChangeEvents or end with __chn")},
			"name of the event":          {eventsConfig("ChangeEvents", `"Opportunity__ChangeEvent"`), words("must be an object's API name")},
		},
		creates: func(request *http.Request, _ string) bool {
			return request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/tooling/sobjects/PlatformEventChannelMember")
		},
	},
	"cosell_salesforce_permission_set": {
		config: permissionConfig(`"For administrators."`),
		changes: map[string]func(*testing.T, *world){
			"label":       setsPermission("PermissionSet", "Name = 'Test'", map[string]any{"Label": "Other"}),
			"description": setsPermission("PermissionSet", "Name = 'Test'", map[string]any{"Description": "Other."}),
			"fields":      setsPermission("FieldPermissions", "Parent.Name = 'Test'", map[string]any{"PermissionsEdit": false}),
			"objects":     setsPermission("ObjectPermissions", "Parent.Name = 'Test'", map[string]any{"PermissionsEdit": false}),
			"assignees": func(t *testing.T, w *world) {
				w.remove(t, "PermissionSetAssignment", w.row(t, "PermissionSetAssignment", "PermissionSet.Name = 'Test'"))
			},
		},
		remove:   func(t *testing.T, w *world) { w.remove(t, "PermissionSet", w.row(t, "PermissionSet", "Name = 'Test'")) },
		exists:   func(t *testing.T, w *world) bool { return w.row(t, "PermissionSet", "Name = 'Test'") != "" },
		importID: "Test",
		unknown:  permissionConfig("terraform_data.later.output"),

		laterValue: "For administrators.",
		invalid: map[string]invalid{
			"right without the one it needs": {`
resource "cosell_salesforce_permission_set" "test" {
  name    = "Test"
  label   = "Test"
  objects = { Opportunity = ["read", "delete"] }
}`, words("needs edit as well")},
			"unknown access": {`
resource "cosell_salesforce_permission_set" "test" {
  name   = "Test"
  label  = "Test"
  fields = { "Opportunity.Test__c" = "write" }
}`, words("value must be one of")},
		},
		creates: func(request *http.Request, _ string) bool {
			return request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/sobjects/PermissionSet")
		},
	},
	"cosell_salesforce_related_list": {
		config: listConfig(`["MemberName", "TeamMemberRole"]`, "asc"),
		changes: map[string]func(*testing.T, *world){
			"fields":           editsLayout("relatedLists", teamList, func(n *metadata.Node) { n.Remove(n.Child("fields")) }),
			"sort_field":       editsLayout("relatedLists", teamList, func(n *metadata.Node) { n.SetChildText("sortField", "TeamMemberRole") }),
			"sort_order":       editsLayout("relatedLists", teamList, func(n *metadata.Node) { n.SetChildText("sortOrder", "Desc") }),
			"excluded_buttons": editsLayout("relatedLists", teamList, func(n *metadata.Node) { n.RemoveAll("excludeButtons") }),
		},
		remove:       editsLayout("relatedLists", teamList, nil),
		exists:       onLayout("relatedLists", teamList),
		importID:     "Opportunity-Opportunity Layout/" + teamList,
		importIgnore: []string{"after"},
		unknown:      listConfig("[terraform_data.later.output]", "asc"),
		laterValue:   "MemberName",
		invalid: map[string]invalid{
			"layout that does not exist": {strings.Replace(listConfig(`["MemberName"]`, "asc"), "Opportunity Layout", "Other", 1), words(`Opportunity has: "Opportunity Layout"`)},
			"unknown order":              {listConfig(`["MemberName"]`, "up"), words("value must be one of")},
			"order without a field": {`
resource "cosell_salesforce_related_list" "test" {
  object     = "Opportunity"
  layout     = "Opportunity Layout"
  list       = "RelatedFileList"
  sort_order = "asc"
}`, words("sort_field")},
		},
		creates: updatesMetadata("Layout", "<relatedList>"+teamList+"</relatedList>"),
	},
	"cosell_salesforce_settings": {
		config: settingsConfig("true"),
		changes: map[string]func(*testing.T, *world){
			"notes":             edits("EnhancedNotesSettings", "EnhancedNotes", "enableEnhancedNotes", "false"),
			"opportunity_teams": edits("OpportunitySettings", "Opportunity", "enableOpportunityTeam", "false"),
		},
		// An organisation always has its settings, and ours stay on: nothing of this resource can be there or be gone.
		exists:     func(*testing.T, *world) bool { return false },
		importID:   "current",
		unknown:    settingsConfig("tobool(terraform_data.later.output)"),
		laterValue: "true",
		invalid: map[string]invalid{
			"nothing managed": {`
resource "cosell_salesforce_settings" "test" {
}`, words("At least one attribute out of [notes,opportunity_teams] must be specified")},
		},
		creates: updatesMetadata("EnhancedNotesSettings", "<enableEnhancedNotes>true</enableEnhancedNotes>"),
	},
}

const teamList = "RelatedOpportunitySalesTeam"

func sectionConfig(label, fields string) string {
	return fmt.Sprintf(`
resource "cosell_salesforce_layout_section" "test" {
  object = "Opportunity"
  layout = "Opportunity Layout"
  label  = %s
  fields = [%s]
}`, label, fields)
}

func listConfig(fields, order string) string {
	return fmt.Sprintf(`
resource "cosell_salesforce_related_list" "test" {
  object           = "Opportunity"
  layout           = "Opportunity Layout"
  list             = "RelatedOpportunitySalesTeam"
  fields           = %s
  sort_field       = "MemberName"
  sort_order       = %q
  excluded_buttons = ["AddOppTeamMember"]
  after            = "RelatedContactRoleList"
}`, fields, order)
}

func settingsConfig(notes string) string {
	return fmt.Sprintf(`
resource "cosell_salesforce_settings" "test" {
  notes             = %s
  opportunity_teams = true
}`, notes)
}

// node gives the opportunity layout and its node of a name, nil when there is none.
func (w *world) node(t *testing.T, element, name string) (layout metadata.Component, node *metadata.Node) {
	t.Helper()
	found, err := w.salesforce(t).ReadMetadata(t.Context(), "Layout", "Opportunity-Opportunity Layout")
	if err != nil || len(found) != 1 {
		t.Fatalf("read the layout: %d found, %v", len(found), err)
	}
	for _, node := range found[0].Node.All(element) {
		if node.ChildText("relatedList") == name || node.ChildText("label") == name {
			return found[0], node
		}
	}
	return found[0], nil
}

func onLayout(element, name string) func(*testing.T, *world) bool {
	return func(t *testing.T, w *world) bool {
		t.Helper()
		_, node := w.node(t, element, name)
		return node != nil
	}
}

// editsLayout changes a node of the opportunity layout as an administrator does in Setup, or removes it without a change.
func editsLayout(element, name string, change func(*metadata.Node)) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		layout, node := w.node(t, element, name)
		if change == nil {
			layout.Node.Remove(node)
		} else {
			change(node)
		}
		w.update(t, layout)
	}
}

func updatesMetadata(kind, part string) func(*http.Request, string) bool {
	return func(_ *http.Request, body string) bool {
		return strings.Contains(body, `<updateMetadata><metadata xsi:type="`+kind+`">`) && strings.Contains(body, part)
	}
}

// permissionConfig grants a field of its own and an object to the agent's user, whose name every sandbox has.
func permissionConfig(description string) string {
	return fmt.Sprintf(`
resource "cosell_salesforce_custom_field" "granted" {
  object              = "Opportunity"
  name                = "Granted__c"
  label               = "Granted"
  type                = "text"
  deletion_protection = false
}

resource "cosell_salesforce_permission_set" "test" {
  name        = "Test"
  label       = "Test"
  description = %s
  fields      = { (cosell_salesforce_custom_field.granted.full_name) = "edit" }
  objects     = { Opportunity = ["read", "edit"] }
  assignees   = ["cosell.agent@example.com"]
}`, description)
}

// eventsConfig selects an entity, and accounts.
func eventsConfig(channel, entity string) string {
	return fmt.Sprintf(`
resource "cosell_salesforce_change_events" "test" {
  channel  = %q
  entities = ["Account", %s]
}`, channel, entity)
}

// selections gives the ids of the entities that are selected for change events, by the event's name.
func (w *world) selections(t *testing.T) map[string]string {
	t.Helper()
	rows, err := salesforce.Query[struct{ ID, SelectedEntity string }](t.Context(), w.salesforce(t).Tooling(), "SELECT Id, SelectedEntity FROM PlatformEventChannelMember")
	if err != nil {
		t.Fatal(err)
	}
	selected := map[string]string{}
	for _, row := range rows {
		selected[row.SelectedEntity] = row.ID
	}
	return selected
}

func (w *world) channels(t *testing.T) []struct{ ID string } {
	t.Helper()
	rows, err := salesforce.Query[struct{ ID string }](t.Context(), w.salesforce(t).Tooling(), "SELECT Id FROM PlatformEventChannel")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (w *world) deselect(t *testing.T, events ...string) {
	t.Helper()
	selected := w.selections(t)
	for _, event := range events {
		if err := w.salesforce(t).Tooling().Delete(t.Context(), "PlatformEventChannelMember", selected[event]); err != nil {
			t.Fatal(err)
		}
	}
}

func createsMetadata(fullName string) func(*http.Request, string) bool {
	return func(_ *http.Request, body string) bool {
		return strings.Contains(body, "createMetadata") && strings.Contains(body, "<fullName>"+fullName+"</fullName>")
	}
}

func has(kind, fullName string) func(*testing.T, *world) bool {
	return func(t *testing.T, w *world) bool {
		t.Helper()
		found, err := w.salesforce(t).ReadMetadata(t.Context(), kind, fullName)
		if err != nil {
			t.Fatal(err)
		}
		return len(found) > 0
	}
}

// edits changes one element of a component, as an administrator does in Setup.
func edits(kind, fullName, element, value string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		found, err := w.salesforce(t).ReadMetadata(t.Context(), kind, fullName)
		if err != nil || len(found) == 0 {
			t.Fatalf("read %s %s: %d found, %v", kind, fullName, len(found), err)
		}
		found[0].Node.SetChildText(element, value)
		w.update(t, found[0])
	}
}

func (w *world) update(t *testing.T, component metadata.Component) {
	t.Helper()
	results, err := w.salesforce(t).UpdateMetadata(t.Context(), component)
	if err == nil {
		err = results[0].Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// row gives the id of the one row that a condition names, "" when there is none.
func (w *world) row(t *testing.T, object, condition string) string {
	t.Helper()
	row, found, err := salesforce.QueryRow[struct{ ID string }](t.Context(), w.salesforce(t).Data(), "SELECT Id FROM "+object+" WHERE "+condition)
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return ""
	}
	return row.ID
}

func setsPermission(object, condition string, fields map[string]any) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		if err := w.salesforce(t).Data().Update(t.Context(), object, w.row(t, object, condition), fields, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) remove(t *testing.T, object, id string) {
	t.Helper()
	if err := w.salesforce(t).Data().Delete(t.Context(), object, id); err != nil {
		t.Fatal(err)
	}
}

func packageConfig(version string) string {
	return fmt.Sprintf("\nresource \"cosell_salesforce_package\" \"test\" {\n  version_id          = %q\n  deletion_protection = false\n}\n", version)
}

// packageRequest lets another administrator install or uninstall.
func (w *world) packageRequest(t *testing.T, object, key, version string) {
	t.Helper()
	if _, err := w.salesforce(t).Tooling().Create(t.Context(), object, map[string]any{key: version}); err != nil {
		t.Fatal(err)
	}
}
