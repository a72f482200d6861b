package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// dynamicsConnector is a connector for the environment of a world, without the resources that it usually takes.
func dynamicsConnector(more string) string {
	return `
locals {
  flows = ["customize", "create_referral", "helper", "microsoft_referral_updates", "partner_center_to_crm", "crm_to_partner_center"]
}

resource "cosell_connector" "test" {
  name   = "test-dynamics"
  crm    = "dynamics365"
  intake = "poll"

  sync_flows            = { for name in local.flows : name => { crm = "dynamics365", name = name, enabled = true } }
  without_flows         = ["webhook_registration", "opportunity_to_partner_center", "solutions_to_partner_center", "leads_to_partner_center", "auto_heal"]
  environment_variables = {}

  credentials = {
    partner_center = { client_id = "app", client_secret = "env:CLIENT_SECRET", refresh_token = "file:/run/secrets/token" }
    dataverse      = { client_id = "agent", certificate = "file:/run/secrets/dataverse.pem" }
  }
  ` + more + `
}`
}

// A connector of Dynamics 365 is compared with its environment: columns, status reasons, types and users that are not there are told, and
// what belongs to the other CRM is refused at plan.
func TestDynamicsConnectorIsCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := func(config, message string) resource.TestStep {
		return resource.TestStep{Config: config, ExpectError: words(message)}
	}
	atPlan := func(config, message string) resource.TestStep {
		step := refused(config, message)
		step.PlanOnly = true
		return step
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		refused(dynamicsConnector(""), "column opportunity.cosell_Audit: role audit"),
		refused(dynamicsConnector(`stages = { on_hold = "Waiting" }`), `status reason "Waiting" (on_hold): the environment has for this state: "In Progress", "On Hold"`),
		refused(dynamicsConnector(`stages = { won = "Canceled" }`), "it exists, but belongs to another state"),
		refused(dynamicsConnector(`fallback_owner = "nobody@example.com"`), `user "nobody@example.com": no user has this user name`),
		refused(dynamicsConnector(`field_mappings = { a = { crm = "dynamics365", name = "a", mappings = { notes = { crm = "Account.nothing", direction = "outbound" } } } }`), "column account.nothing: mapping of notes"),
		refused(dynamicsConnector(`field_mappings = { a = { crm = "dynamics365", name = "a", mappings = { notes = { crm = "actualvalue" } } } }`), "Mapped field is of another type"),
		atPlan(dynamicsConnector(`push = {}`), "Give push.url"),
		atPlan(dynamicsConnector(`push = { url = "https://agent.example.com/hooks/rows" }`), "Give credentials.dataverse.webhook_key"),
		atPlan(dynamicsConnector(`push = { url = "https://agent.example.com/hooks/rows", topic = "/data/ChangeEvents" }`), "Attribute belongs to another CRM"),
		atPlan(strings.Replace(dynamicsConnector(""), "dataverse      =", "salesforce     =", 1), "Give credentials.dataverse"),
		atPlan(strings.Replace(dynamicsConnector(""), "file:/run/secrets/dataverse.pem", "-----BEGIN CERTIFICATE-----", 1), "Credential is not a reference"),
		atPlan(dynamicsConnector(`pins = { organization_id = "00000000-0000-0000-0000-000000000001" }`), "Account pin contradicts the provider"),
		atPlan(strings.Replace(dynamicsConnector(""), `"helper", `, "", 1), "needs flow helper to be enabled"),
	}})
}

// A solution detail of Dynamics 365 is a row of its table: made, changed in place, imported, made again after somebody has deleted it, and
// never taken over.
func TestDynamicsSolutionDetail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.sandbox.Dataverse().InstallMicrosoftSolution(); err != nil {
		t.Fatal(err)
	}
	config := func(name string) string {
		return `
resource "cosell_solution_detail" "test" {
  crm         = "dynamics365"
  solution_id = "SOL-00001-AAA"
  name        = "` + name + `"
  type        = "own"
  object      = "msft_MicrosoftSolutionDetail"
  fields      = { solution_id = "msft_SolutionIdentifier", name = "msft_SolutionName", type = "msft_Type", publisher = "msft_PublisherName" }

  deletion_protection = false
}`
	}
	const set, filter = "msft_microsoftsolutiondetails", "msft_solutionidentifier eq 'SOL-00001-AAA'"
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config("Analytics")},
		{Config: config("Renamed"), PostApplyFunc: func() {
			if !hasRow(set, filter+" and msft_solutionname eq 'Renamed'")(t, w) {
				t.Error("the row was not renamed")
			}
		}},
		{
			ResourceName: "cosell_solution_detail.test", ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"deletion_protection"},
			ImportStateId: "dynamics365/SOL-00001-AAA?object=msft_MicrosoftSolutionDetail&solution_id=msft_SolutionIdentifier&name=msft_SolutionName&type=msft_Type&publisher=msft_PublisherName",
		},
		{PreConfig: func() { w.discard(t, set, filter) }, Config: config("Renamed"), PostApplyFunc: func() {
			if !hasRow(set, filter)(t, w) {
				t.Error("the row was not made again")
			}
		}},
	}})
	if hasRow(set, filter)(t, w) {
		t.Error("destroy left the row")
	}
	if _, err := w.dataverse(t).Create(t.Context(), set, map[string]any{"msft_solutionidentifier": "SOL-00001-AAA", "msft_solutionname": "Theirs"}); err != nil {
		t.Fatal(err)
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config("Analytics"), ExpectError: words("terraform import cosell_solution_detail.<name>")},
	}})
	if !hasRow(set, filter+" and msft_solutionname eq 'Theirs'")(t, w) {
		t.Error("somebody else's row was changed")
	}
}
