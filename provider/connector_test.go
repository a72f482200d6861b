package provider_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

const connectorAddress = "cosell_connector.test"

// liveConnector is a connector for the organisation and tenant of a world: the provider's pins hold.
func liveConnector(more string) string {
	config := connectorConfig(more)
	pins := config[strings.Index(config, "  pins = {"):strings.Index(config, "  credentials = {")]
	return strings.Replace(config, pins, "  default_currency = \"USD\"\n", 1)
}

// provision makes the fields that a connector's defaults name, as an administrator does by hand.
func (w *world) provision(t *testing.T) {
	t.Helper()
	fields, objects := document.DefaultFields(document.Salesforce), document.DefaultObjects(document.Salesforce)
	for _, role := range []string{document.ObjectSolution, document.ObjectSolutionDetail} {
		object, err := metadata.Encode("CustomObject", objects[role], metadata.CustomObject{
			Label: "Solution", PluralLabel: "Solutions", SharingModel: "ReadWrite", DeploymentStatus: "Deployed", NameField: &metadata.NameField{Label: "Name", Type: "Text"},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.create(t, object)
	}
	for role, name := range fields {
		if strings.HasSuffix(name, "__c") {
			w.create(t, fittingField(t, objects, role, name))
		}
	}
}

// fittingField is the field of a role, of the type that the agent needs.
func fittingField(t *testing.T, objects map[string]string, role, name string) metadata.Component {
	t.Helper()
	length, unique, lines := 255, true, 3
	field := metadata.CustomField{Label: strings.TrimSuffix(name, "__c"), Type: "Text", Length: &length}
	lookup := func(of, list string) {
		field.Type, field.Length, field.ReferenceTo, field.RelationshipName = "Lookup", nil, objects[of], list
	}
	switch role {
	case document.FieldSync, document.FieldVisible:
		field.Type, field.Length, field.DefaultValue = "Checkbox", nil, new("false")
	case document.FieldReferralKey, document.FieldLeadKey:
		field.Unique, field.ExternalID = &unique, &unique
	case document.FieldAudit:
		length = 32768
		field.Type, field.VisibleLines = "LongTextArea", &lines
	case document.FieldSolutionOpportunity:
		lookup(document.ObjectOpportunity, "Solutions")
	case document.FieldSolutionDetail:
		lookup(document.ObjectSolutionDetail, "Deals")
	}
	component, err := metadata.Encode("CustomField", objects[document.ObjectOf(role)]+"."+name, field)
	check(t, err)
	return component
}

func (w *world) create(t *testing.T, component metadata.Component) {
	t.Helper()
	results, err := w.salesforce(t).CreateMetadata(t.Context(), component)
	if err == nil {
		err = results[0].Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) drop(t *testing.T, kind, fullName string) {
	t.Helper()
	results, err := w.salesforce(t).DeleteMetadata(t.Context(), kind, fullName)
	if err == nil {
		err = results[0].Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConnectorCountsRevisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	changes := statecheck.CompareValue(valuesDiffer{})
	revision := func(n int64) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("revision"), knownvalue.Int64Exact(n))
	}
	hash := func() statecheck.StateCheck {
		return changes.AddStateValue(connectorAddress, tfjsonpath.New("agent_config_sha256"))
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{
			Config: liveConnector(""),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("revision"), knownvalue.Int64Exact(1)),
				plancheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("agent_config"), knownvalue.StringFunc(decodes)),
				plancheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("start_order"), knownvalue.ListExact([]knownvalue.Check{
					knownvalue.StringExact("customize"), knownvalue.StringExact("create_referral"), knownvalue.StringExact("microsoft_referral_updates"),
					knownvalue.StringExact("partner_center_to_crm"), knownvalue.StringExact("crm_to_partner_center"),
				})),
			}},
			ConfigStateChecks: []statecheck.StateCheck{revision(1), hash()},
		},
		{Config: liveConnector(`sync_delay = "5s"`), ConfigStateChecks: []statecheck.StateCheck{revision(2), hash()}},
	}})
}

// valuesDiffer wants each value to differ from the one before.
type valuesDiffer struct{}

// CompareValues implements compare.ValueComparer.
func (valuesDiffer) CompareValues(values ...any) error {
	for i := 1; i < len(values); i++ {
		if values[i] == values[i-1] {
			return errors.New("the hash did not change with the content")
		}
	}
	return nil
}

func decodes(text string) error {
	_, err := document.Decode([]byte(text))
	return err
}

func TestConnectorIsUnknownWhileAnInputIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{{
		Config: liveConnector(`environment = terraform_data.later.output`) + "\nresource \"terraform_data\" \"later\" {\n  input = \"staging\"\n}\n",
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectUnknownValue(connectorAddress, tfjsonpath.New("agent_config")),
			plancheck.ExpectUnknownValue(connectorAddress, tfjsonpath.New("agent_config_sha256")),
			plancheck.ExpectUnknownValue(connectorAddress, tfjsonpath.New("revision")),
			plancheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("start_order"), knownvalue.ListSizeExact(5)),
		}},
	}}})
}

// TestUnknownProviderConfiguration: nothing is compared, and nothing guessed, while the provider's own settings come from
// something that the plan makes.
func TestUnknownProviderConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	config := fmt.Sprintf(`
resource "terraform_data" "later" {
  input = %q
}

provider "cosell" {
  salesforce = { org_id = terraform_data.later.output }
}
`, w.env["COSELL_SALESFORCE_ORG_ID"]) + liveConnector("")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.providersWith(map[string]string{"COSELL_SALESFORCE_ORG_ID": ""}),
		Steps: []resource.TestStep{{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply:             []plancheck.PlanCheck{plancheck.ExpectUnknownValue(connectorAddress, tfjsonpath.New("agent_config"))},
			PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
		}}},
	})
}

// TestConnectorAsksTheOrganisation: what is missing is a warning in the plan of a new declaration, an error in its apply,
// and an error in the plan of an unchanged one.
func TestConnectorAsksTheOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	elsewhere := strings.Replace(liveConnector(""), `"Prospecting"`, `"Far away"`, 1)
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: elsewhere, PlanOnly: true, ExpectNonEmptyPlan: true},
		{Config: elsewhere, ExpectError: words(`Stage is not in the organisation`)},
		{Config: liveConnector(`fallback_owner = "nobody@example.com"`), ExpectError: words(`User is not in the organisation`)},
		{Config: liveConnector(`fallback_owner = "seller@example.com"`)},
		{Config: strings.Replace(liveConnector(""), `"Prospecting"`, `"Closed Won"`, 1), ExpectError: words("its type does not make it a stage")},
		{Config: strings.Replace(liveConnector(""), `default_currency = "USD"`, "", 1), ExpectError: words("set default_currency")},
		{Config: liveConnector("")},
		{
			PreConfig:   func() { w.drop(t, "CustomField", "Opportunity.Audit__c") },
			Config:      liveConnector(""),
			PlanOnly:    true,
			ExpectError: words("field Opportunity.Audit__c"),
		},
		// The new declaration leaves the plan a warning again, and apply refuses it.
		{Config: liveConnector(`sync_delay = "5s"`), PlanOnly: true, ExpectNonEmptyPlan: true},
		{Config: liveConnector(`sync_delay = "5s"`), ExpectError: words("field Opportunity.Audit__c")},
		{Config: liveConnector(`fields = { audit = "Sync_Status__c" }`)},
	}})
}

// TestConnectorFindsWhatIsHidden: a field that no permission set grants to the provider's user is there all the same; one
// that was deleted is not.
func TestConnectorFindsWhatIsHidden(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, map[string]string{"salesforce.metadata_hidden_field_read": "empty"})
	w.provision(t)
	if read, err := w.salesforce(t).ReadMetadata(t.Context(), "CustomField", "Opportunity.Audit__c"); err != nil || len(read) != 0 {
		t.Fatalf("the field is not hidden: %v %v", read, err)
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: liveConnector("")},
		{
			PreConfig:   func() { w.drop(t, "CustomField", "Opportunity.Audit__c") },
			Config:      liveConnector(""),
			PlanOnly:    true,
			ExpectError: words("field Opportunity.Audit__c"),
		},
	}})
}

// TestConnectorCountsOnThePlan: a field that the same plan makes is not missing, neither for a new connector nor for an
// unchanged one whose field was deleted by somebody.
func TestConnectorCountsOnThePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	config := liveConnector(`fields = { audit = cosell_salesforce_custom_field.audit.name }`) + `
resource "cosell_salesforce_custom_field" "audit" {
  object              = "Opportunity"
  name                = "Audit__c"
  label               = "Audit"
  type                = "long_text_area"
  deletion_protection = false
}
`
	made := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction("cosell_salesforce_custom_field.audit", plancheck.ResourceActionCreate)}}
	drop := func() { w.drop(t, "CustomField", "Opportunity.Audit__c") }
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{PreConfig: drop, Config: config, ConfigPlanChecks: made},
		{PreConfig: drop, Config: config, ConfigPlanChecks: made},
	}})
}

// TestConnectorAsksForAScope: two installations without scopes on one tenant would both handle every referral. One that was there
// first is refused as soon as another takes the registration.
func TestConnectorAsksForAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	register := func(url string, events ...string) func() {
		return func() {
			t.Helper()
			if err := w.sandbox.PartnerCenter().Overwrite(url, events); err != nil {
				t.Fatal(err)
			}
		}
	}
	register("https://production.example.com/hooks/1", partnercenter.EventReferralCreated)()
	webhook := strings.ReplaceAll(liveConnector("intake = \"both\"\n  webhook = { url = \"https://staging.example.com/hooks/2\" }"),
		`"webhook_registration", `, "")
	webhook = strings.Replace(webhook, "flows = {\n", "flows = {\n    webhook_registration = true\n", 1)
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: liveConnector(""), PlanOnly: true, ExpectError: words("Tenant's webhook belongs to another installation")},
		{Config: webhook, ExpectError: words("https://production.example.com/hooks/1")},
		{Config: liveConnector(`referral_scope = { name_prefix = "[staging] " }`)},
		// Without the registration the scope is not needed; it is again when somebody registers.
		{PreConfig: register("https://production.example.com/hooks/1"), Config: liveConnector("")},
		{
			PreConfig: register("https://other.example.com/hooks/9", partnercenter.EventReferralUpdated),
			Config:    liveConnector(""), PlanOnly: true, ExpectError: words("https://other.example.com/hooks/9"),
		},
		{Config: liveConnector(`sync_delay = "5s"`), PlanOnly: true, ExpectError: words("Tenant's webhook belongs to another installation")},
		{Config: liveConnector(`referral_scope = { solution_id = "SOL-00001-AAA" }`)},
	}})
	if url, events, _ := w.sandbox.PartnerCenter().Registration(); url != "https://other.example.com/hooks/9" || len(events) != 1 {
		t.Errorf("a connector changed the registration to %s %q", url, events)
	}
}

// TestConnectorDoesNotRepeatLiterals: a secret that was written by mistake must not appear in the diagnostic.
func TestConnectorDoesNotRepeatLiterals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const literal = "hunter2-literal"
	config := strings.ReplaceAll(connectorConfig(""), `"env:CLIENT_SECRET"`, `"`+literal+`"`)
	refused := false
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.providers(),
		ErrorCheck: func(err error) error {
			refused = true
			if !words("Credential is not a reference").MatchString(err.Error()) || strings.Contains(err.Error(), literal) {
				return errors.New("the diagnostic is not about the credential, or repeats it")
			}
			return nil
		},
		Steps: []resource.TestStep{{Config: config, PlanOnly: true}},
	})
	if !refused {
		t.Error("the literal was accepted")
	}
}

// TestConnectorFillsRequiredFields says nothing about a required field that a row fills, or where the flow that makes deals is off.
func TestConnectorFillsRequiredFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	requiredRegion("Opportunity")(t, w)
	for what, config := range map[string]string{
		"a constant":     mapped(`mine = { crm = "Sales_Region__c", direction = "inbound", constant = "EMEA" }`),
		"no such flow":   deals(flowsOf("salesforce", `"customize", "create_referral", "microsoft_referral_updates", "crm_to_partner_center"`)),
		"on update only": mapped(`mine = { crm = "Sales_Region__c", direction = "inbound", on = ["update"], constant = "EMEA" }`),
	} {
		said := slices.ContainsFunc(misconfigured{config: config}.planOf(t, w), func(d diagnosed) bool { return d.summary == "Required field gets no value" })
		if said != (what == "on update only") {
			t.Errorf("%s: it was said: %t", what, said)
		}
	}
}
