package provider_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

const (
	detailAddress    = "cosell_solution_detail.test"
	detailObjectName = "Microsoft_Solution_Detail__c"
	detailOfTest     = "Solution_Identifier__c = 'SOL-00001-AAA'"
)

// detailObject makes the object with its fields and grants them to the provider's user.
const detailObject = `
locals {
  detail_fields = ["Solution_Identifier__c", "Type__c", "Publisher_Name__c"]
}

resource "cosell_salesforce_custom_object" "detail" {
  name                = "Microsoft_Solution_Detail__c"
  label               = "Solution detail"
  plural_label        = "Solution details"
  name_field          = { label = "Name" }
  deletion_protection = false
}

resource "cosell_salesforce_custom_field" "detail" {
  count = 3

  object              = cosell_salesforce_custom_object.detail.name
  name                = local.detail_fields[count.index]
  label               = local.detail_fields[count.index]
  type                = "text"
  length              = 100
  unique              = count.index == 0
  external_id         = count.index == 0
  deletion_protection = false
}

resource "cosell_salesforce_permission_set" "detail" {
  name      = "Solution_Details"
  label     = "Solution details"
  fields    = { for field in cosell_salesforce_custom_field.detail : field.full_name => "edit" }
  objects   = { (cosell_salesforce_custom_object.detail.name) = ["read", "create", "edit", "delete"] }
  assignees = ["provider.admin@example.com"]
}
`

// detailConfig is one solution detail with the given attributes, and what it needs.
func detailConfig(attributes string) string {
	return detailObject + `
resource "cosell_solution_detail" "test" {
  solution_id = "SOL-00001-AAA"
  ` + attributes + `

  deletion_protection = false
  depends_on          = [cosell_salesforce_permission_set.detail]
}
`
}

func changesDetail(field string, value any) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		id := w.row(t, detailObjectName, detailOfTest)
		if err := w.salesforce(t).Data().Update(t.Context(), detailObjectName, id, map[string]any{field: value}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

// detailExists is false as well when the object is gone.
func detailExists(t *testing.T, w *world) bool {
	t.Helper()
	return has("CustomObject", detailObjectName)(t, w) && w.row(t, detailObjectName, detailOfTest) != ""
}

// installDetails makes the object and its fields under any names, as another package does; text fields, the first one an
// external id. Administrators see what is new in this world, so that no permission set is needed.
func installDetails(t *testing.T, object string, fields ...string) *world {
	t.Helper()
	w := newWorldWith(t, map[string]string{"salesforce.fls_default": "admin"})
	w.create(t, detailObjectNamed(t, object))
	for i, name := range fields {
		w.create(t, detailField(t, object, name, i == 0))
	}
	return w
}

func detailObjectNamed(t *testing.T, name string) metadata.Component {
	t.Helper()
	component, err := metadata.Encode("CustomObject", name, metadata.CustomObject{
		Label: "Solution detail", PluralLabel: "Solution details", SharingModel: "ReadWrite", DeploymentStatus: "Deployed",
		NameField: &metadata.NameField{Label: "Name", Type: "Text"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return component
}

func detailField(t *testing.T, object, name string, externalID bool) metadata.Component {
	t.Helper()
	length := 100
	component, err := metadata.Encode("CustomField", object+"."+name, metadata.CustomField{Label: name, Type: "Text", Length: &length, ExternalID: &externalID})
	if err != nil {
		t.Fatal(err)
	}
	return component
}

// insert makes a record beside Terraform.
func (w *world) insert(t *testing.T, object string, fields map[string]any) {
	t.Helper()
	if _, err := w.salesforce(t).Data().Create(t.Context(), object, fields); err != nil {
		t.Fatal(err)
	}
}

// calls counts what was done in Salesforce since a number of the log: a query is one read.
func (w *world) calls(since int) map[string]int {
	counts := map[string]int{}
	for _, o := range w.sandbox.Kit().Log.Since(int64(since)) {
		if o.Service == "salesforce" {
			counts[o.Action+" "+o.Object]++
		}
	}
	return counts
}

// logged gives the number of the log's last row.
func (w *world) logged() int { return len(w.sandbox.Kit().Log.Since(0)) }

// TestManySolutionDetails counts calls: one query serves all records of a walk, and each new record is one insert.
func TestManySolutionDetails(t *testing.T) {
	t.Parallel()
	const rows = 50
	w := installDetails(t, detailObjectName, "Solution_Identifier__c", "Type__c", "Publisher_Name__c")
	config := fmt.Sprintf(`
resource "cosell_solution_detail" "many" {
  count = %d

  solution_id         = format("SOL-%%05d-AAA", count.index)
  name                = "Solution ${count.index}"
  publisher           = "Contoso"
  deletion_protection = false
}
`, rows)
	start := w.logged()
	// Each walk signs in once, and reads once; beside that there are only the expected writes.
	expect := func(writes map[string]int) func() {
		return func() {
			t.Helper()
			got := w.calls(start)
			start = w.logged()
			want := map[string]int{"token session": got["token session"], "read " + detailObjectName: got["token session"]}
			maps.Copy(want, writes)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("calls differ (-want +got):\n%s", diff)
			}
		}
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config, PostApplyFunc: expect(map[string]int{"create " + detailObjectName: rows})},
		{Config: config, PlanOnly: true},
		{PreConfig: expect(nil), Config: strings.Replace(config, "Contoso", "Fabrikam", 1), PostApplyFunc: expect(map[string]int{"update " + detailObjectName: rows})},
	}})
}

// plainDetail is a solution detail in an organisation that has the object.
const plainDetail = `
resource "cosell_solution_detail" "test" {
  solution_id         = "SOL-00001-AAA"
  name                = "Contoso Analytics"
  deletion_protection = false
}
`

// TestSolutionDetailTakesNothingOver: a record with the same identifier, in any case, was made by somebody else.
func TestSolutionDetailTakesNothingOver(t *testing.T) {
	t.Parallel()
	w := installDetails(t, detailObjectName, "Solution_Identifier__c", "Type__c", "Publisher_Name__c")
	w.insert(t, detailObjectName, map[string]any{"Solution_Identifier__c": "sol-00001-aaa", "Name": "By hand"})
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: plainDetail, ExpectError: words("terraform import cosell_solution_detail.<name> 'salesforce/SOL-00001-AAA'")},
	}})
	if w.row(t, detailObjectName, "Name = 'By hand'") == "" {
		t.Error("the record was changed")
	}
}

// TestSolutionDetailNeedsItsObject: what cannot be used is a warning in the plan of a new record and an error in its apply,
// in one diagnostic, whether it is missing or hidden.
func TestSolutionDetailNeedsItsObject(t *testing.T) {
	t.Parallel()
	refused := words("Solution Details object cannot be used")
	for name, w := range map[string]*world{
		"no object":                newWorld(t),
		"hidden object":            hiddenDetails(t),
		"field is named otherwise": installDetails(t, detailObjectName, "Solution_Identifier__c", "Type__c"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
				{Config: plainDetail, PlanOnly: true, ExpectNonEmptyPlan: true},
				{Config: plainDetail, ExpectError: refused},
				{Config: plainDetail, ExpectError: words("CS404")},
				{Config: plainDetail + "\nimport {\n  to = cosell_solution_detail.test\n  id = \"salesforce/SOL-00001-AAA\"\n}\n", ExpectError: words("CS404")},
			}})
		})
	}
}

// hiddenDetails is a world in which nothing grants the object to anybody.
func hiddenDetails(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.create(t, detailObjectNamed(t, detailObjectName))
	return w
}

// TestSolutionDetailGoesWithItsObject: when somebody deletes the object, the plan makes it again, and its records. When a
// permission is lost, the records are kept as they were, and the same apply grants it again.
func TestSolutionDetailGoesWithItsObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := detailConfig(`name = "Contoso Analytics"`)
	action := func(want plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{
			PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(detailAddress, want)},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		}
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config},
		{PreConfig: func() { w.drop(t, "CustomObject", detailObjectName) }, Config: config, ConfigPlanChecks: action(plancheck.ResourceActionCreate)},
		{
			PreConfig: func() {
				w.remove(t, "PermissionSetAssignment", w.row(t, "PermissionSetAssignment", "PermissionSet.Name = 'Solution_Details'"))
			},
			Config: config, ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
	}})
}

// TestSolutionDetailMissesAField: a field that is gone is an error at plan, unless the declaration no longer names it.
func TestSolutionDetailMissesAField(t *testing.T) {
	t.Parallel()
	w := installDetails(t, detailObjectName, "Solution_Identifier__c", "Type__c", "Publisher_Name__c")
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: plainDetail},
		{
			PreConfig: func() { w.drop(t, "CustomField", detailObjectName+".Type__c") },
			Config:    plainDetail, PlanOnly: true, ExpectError: words("CS404"),
		},
		{Config: strings.Replace(plainDetail, "deletion_protection", "fields = { type = \"\" }\n  deletion_protection", 1)},
		{PreConfig: func() { w.create(t, detailField(t, detailObjectName, "Type__c", false)) }, Config: plainDetail},
	}})
}

// TestSolutionDetailAdoptsAnotherPackage: overrides and an import take over what has other names, without a write.
func TestSolutionDetailAdoptsAnotherPackage(t *testing.T) {
	t.Parallel()
	w := installDetails(t, "Msft_Solution__c", "Msft_Id__c", "Kind__c")
	w.insert(t, "Msft_Solution__c", map[string]any{"Msft_Id__c": "SOL-00001-AAA", "Kind__c": "3p", "Name": "Fabrikam Backup"})
	start := w.logged()
	config := func(name string) string {
		return fmt.Sprintf(`
import {
  to = cosell_solution_detail.test
  id = "salesforce/SOL-00001-AAA?object=Msft_Solution__c&solution_id=Msft_Id__c&type=Kind__c&publisher="
}

resource "cosell_solution_detail" "test" {
  solution_id = "SOL-00001-AAA"
  name        = %q
  type        = "3p"
  object      = "Msft_Solution__c"
  fields      = { solution_id = "Msft_Id__c", type = "Kind__c", publisher = "" }
}
`, name)
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{
			Config:           config("Fabrikam Backup"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(detailAddress, plancheck.ResourceActionNoop)}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(detailAddress, tfjsonpath.New("record_id"), knownvalue.StringExact(w.row(t, "Msft_Solution__c", "Msft_Id__c != null"))),
			},
			PostApplyFunc: func() {
				for _, o := range w.sandbox.Kit().Log.Since(int64(start)) {
					if o.IsWrite() {
						t.Errorf("the adoption wrote: %+v", o)
					}
				}
			},
		},
		{Config: config("Fabrikam Backup 2"), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{tfcli.Changes(detailAddress, "name")}}},
		{Config: strings.Replace(config("Fabrikam Backup 2"), `  type        = "3p"`, `  type        = "3p"`+"\n  deletion_protection = false", 1)},
	}})
}

// TestSolutionDetailsOfASpreadsheet applies the documentation's example: a line of the file is a record, and an empty cell no
// value.
func TestSolutionDetailsOfASpreadsheet(t *testing.T) {
	t.Parallel()
	w := installDetails(t, detailObjectName, "Solution_Identifier__c", "Type__c", "Publisher_Name__c")
	r := newRoot(t, filepath.Join("..", "examples", "resources", "cosell_solution_detail"), buildProvider(t), w, nil)
	for _, name := range []string{"import-by-identity.tf", "import-by-string-id.tf"} {
		r.drop(t, name)
	}
	source, err := os.ReadFile(filepath.Join("..", "examples", "salesforce", "versions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "versions.tf", source)
	const all = "-target=cosell_solution_detail.all" // the other resource is of another organisation
	r.must(t, "apply", "-auto-approve", "-no-color", all)
	r.must(t, "plan", "-detailed-exitcode", "-no-color", all)
	for condition, name := range map[string]string{
		"Solution_Identifier__c = 'SOL-00001-AAA' AND Type__c = 'own' AND Publisher_Name__c = 'Contoso'": "a full line",
		"Solution_Identifier__c = 'SOL-00003-CCC' AND Type__c = null AND Publisher_Name__c = null":       "a line with empty cells",
	} {
		if w.row(t, detailObjectName, condition) == "" {
			t.Errorf("%s is not in the organisation", name)
		}
	}
}
