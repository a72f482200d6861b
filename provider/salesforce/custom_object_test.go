package salesforce_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

const objectAddress = "cosell_salesforce_custom_object.test"

const objectConfig = `
resource "cosell_salesforce_custom_object" "test" {
  name                = "Microsoft_Solution__c"
  label               = "Microsoft Solution"
  plural_label        = "Microsoft Solutions"
  description         = "Solutions of an opportunity"
  deletion_protection = false
  name_field = {
    label          = "Number"
    type           = "auto_number"
    display_format = "MS-{00000}"
  }
}
`

func TestObjectLifecycle(t *testing.T) {
	for _, semantics := range []string{"replace", "merge"} {
		t.Run(semantics, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"salesforce.metadata_update": semantics})
			const name = "Microsoft_Solution__c"
			steps := []resource.TestStep{
				{Config: objectConfig},
				{ResourceName: objectAddress, ImportState: true, ImportStateId: name, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"deletion_protection"}},
			}
			drift := map[string]string{"label": "Other", "pluralLabel": "Others", "description": "Other", "deploymentStatus": "InDevelopment",
				"enableHistory": "true", "enableReports": "true", "enableActivities": "true"}
			steps = append(steps, resource.TestStep{
				PreConfig: w.edit("CustomObject", name, func(n *metadata.Node) {
					n.RemoveAll("fields")
					for element, value := range drift {
						n.SetChildText(element, value)
					}
				}),
				Config: objectConfig,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					tfcli.Changes(objectAddress, "label", "plural_label", "description", "deployment_status", "enable_history", "enable_reports", "enable_activities")}},
			})
			steps = append(steps,
				resource.TestStep{Config: strings.Replace(objectConfig, `  description         = "Solutions of an opportunity"`, "", 1)},
				resource.TestStep{PreConfig: w.remove("CustomObject", name), Config: objectConfig,
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(objectAddress, plancheck.ResourceActionCreate)}}},
			)
			w.run(steps...)
			if _, exists := w.component("CustomObject", name); exists {
				t.Error("destroy left the object")
			}
		})
	}
}

// A master-detail field turns the object's sharing into that of its parent. That is no drift, and updates of the object
// leave its fields alone.
func TestObjectWithItsFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	config := objectConfig + `
resource "cosell_salesforce_custom_field" "opportunity" {
  object              = cosell_salesforce_custom_object.test.name
  name                = "Opportunity__c"
  label               = "Opportunity"
  type                = "master_detail"
  deletion_protection = false
  lookup              = { object = "Opportunity" }
}

resource "cosell_salesforce_custom_field" "identifier" {
  object              = cosell_salesforce_custom_object.test.name
  name                = "Solution_Identifier__c"
  label               = "Solution identifier"
  type                = "text"
  length              = 100
  external_id         = true
  deletion_protection = false
}
`
	empty := resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	w.run(
		resource.TestStep{Config: config, ConfigPlanChecks: empty},
		resource.TestStep{Config: strings.Replace(config, "Solutions of an opportunity", "Changed", 1), ConfigPlanChecks: empty,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(objectAddress, tfjsonpath.New("sharing_model"), knownvalue.StringExact("controlled_by_parent")),
				statecheck.ExpectKnownValue("cosell_salesforce_custom_field.opportunity", tfjsonpath.New("lookup").AtMapKey("relationship_name"), knownvalue.StringExact("Microsoft_Solutions")),
			}},
	)
}

// A relationship changes between lookup and master-detail in place: the records keep their parents.
func TestRelationshipChangesInPlace(t *testing.T) {
	for _, semantics := range []string{"replace", "merge"} {
		t.Run(semantics, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"salesforce.metadata_update": semantics, "salesforce.fls_default": "admin"})
			config := func(kind, attributes string) string {
				return objectConfig + `
resource "cosell_salesforce_custom_field" "test" {
  object     = cosell_salesforce_custom_object.test.name
  name       = "Opportunity__c"
  label      = "Opportunity"
  type       = "` + kind + `"
  lookup     = { object = "Opportunity"` + attributes + ` }
  deletion_protection = false
}
`
			}
			inPlace := resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(fieldAddress, plancheck.ResourceActionUpdate)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			}
			const ofTheDeal = "SELECT Id FROM Microsoft_Solution__c WHERE Opportunity__r.Name = 'Fabrikam renewal'"
			kept := func() {
				if n := w.count(ofTheDeal); n != 1 {
					t.Errorf("%d records belong to the opportunity, want 1", n)
				}
			}
			w.run(
				resource.TestStep{Config: config("lookup", `, on_delete = "restrict"`), PostApplyFunc: w.solutionOf("Fabrikam renewal")},
				resource.TestStep{Config: config("master_detail", ""), ConfigPlanChecks: inPlace, PostApplyFunc: kept},
				resource.TestStep{Config: config("lookup", ""), ConfigPlanChecks: inPlace, PostApplyFunc: kept},
			)
		})
	}
}

// solutionOf makes an opportunity with one record of the object under test.
func (w *world) solutionOf(name string) func() {
	return func() {
		w.t.Helper()
		deal, err := w.admin.Data().Create(w.t.Context(), "Opportunity", map[string]any{"Name": name, "StageName": "Prospecting", "CloseDate": "2030-01-31"})
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.admin.Data().Create(w.t.Context(), "Microsoft_Solution__c", map[string]any{"Opportunity__c": deal}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestObjectGuards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	protected := strings.Replace(objectConfig, "deletion_protection = false", "", 1)
	plain := func(change string) string {
		return strings.Replace(objectConfig, `type           = "auto_number"`, change, 1)
	}
	w.run(
		resource.TestStep{Config: plain(""), ExpectError: regexp.MustCompile(`applies\s+to\s+auto\s+numbers\s+only`)},
		resource.TestStep{Config: strings.Replace(objectConfig, `display_format = "MS-{00000}"`, "", 1), ExpectError: regexp.MustCompile(`needs\s+a\s+format`)},
		resource.TestStep{PreConfig: w.filter.loseAnswerTo("<createMetadata>"), Config: protected},
		resource.TestStep{Config: protected, Destroy: true, ExpectError: regexp.MustCompile(`protected\s+from\s+deletion`)},
		resource.TestStep{Config: strings.Replace(protected, "Microsoft_Solution__c", "Renamed__c", 1), ExpectError: regexp.MustCompile(`protected\s+from\s+deletion`)},
		resource.TestStep{Config: objectConfig},
	)
	w.make(metadata.New("CustomObject", "Microsoft_Solution__c", metadata.NewText("label", "By hand"), metadata.NewText("pluralLabel", "By hand"),
		metadata.NewText("sharingModel", "ReadWrite"), metadata.NewText("deploymentStatus", "Deployed"),
		metadata.NewNode("nameField", metadata.NewText("label", "Name"), metadata.NewText("type", "Text"))))
	w.run(resource.TestStep{Config: objectConfig, ExpectError: regexp.MustCompile(`(?s)exists\s+already.*terraform\s+import`)})
}
