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
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// TestConnectorTakesFieldMappings hands mappings in whole: they change their rows of the document, which the plan shows, and
// no two of them the same row.
func TestConnectorTakesFieldMappings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	config := func(field string) string {
		return liveConnector(`field_mappings = { for mapping in cosell_field_mapping.all : mapping.name => mapping }`) + fmt.Sprintf(`
locals {
  mappings = [
    { notes = { crm = "NextStep", direction = "outbound" } },
    { %s = { on = ["update"], conflict = "partner_center" } },
  ]
}

resource "cosell_field_mapping" "all" {
  count = 2

  crm      = "salesforce"
  name     = "mapping-${count.index}"
  mappings = local.mappings[count.index]
}
`, field)
	}
	want := map[string]document.Mapping{
		"notes":      {Field: "notes", PartnerCenter: "details.notes", CRM: "NextStep", Direction: document.Outbound, On: []string{document.OnCreate, document.OnUpdate}, Conflict: document.ConflictCRM},
		"close_date": {Field: "close_date", PartnerCenter: "details.closingDateTime", CRM: "CloseDate", Direction: document.Both, On: []string{document.OnUpdate}, Conflict: document.ConflictPartnerCenter},
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config("close_date"), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("agent_config"), knownvalue.StringFunc(func(text string) error { return hasRows(text, want) })),
		}}},
		{Config: config("notes"), ExpectError: words("Field is mapped twice")},
	}})
}

// hasRows wants rows of a document's mapping.
func hasRows(text string, want map[string]document.Mapping) error {
	d, err := document.Decode([]byte(text))
	for field, row := range want {
		at := slices.IndexFunc(d.Mappings, func(m document.Mapping) bool { return m.Field == field })
		if at < 0 || fmt.Sprint(d.Mappings[at]) != fmt.Sprint(row) {
			err = errors.Join(err, fmt.Errorf("the row of %s is not %v in %v", field, row, d.Mappings))
		}
	}
	return err
}

// mappingsConfig is a connector with one field mapping of the given rows.
func mappingsConfig(rows string) string {
	return liveConnector(`field_mappings = { for mapping in cosell_field_mapping.own : mapping.name => mapping }`) + fmt.Sprintf(`
resource "cosell_field_mapping" "own" {
  count = 1

  crm      = "salesforce"
  name     = "own"
  mappings = {
    %s
  }
}
`, rows)
}

// TestFieldsOfTheUsersOwn adds rows that the default mapping does not have, with every way of turning a value. The plan shows them.
func TestFieldsOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	rows := `
    record_type = { crm = "Type", direction = "inbound", on = ["create"], constant = "New Customer" }
    next_step   = { partner_center = "referralProgram", crm = "NextStep", direction = "inbound", null = "keep", conflict = "write_once" }
    owner       = { partner_center = "campaignId", direction = "outbound", outbound_expression = "lower(record.Account.Owner.Email)", default = "none" }
    sales_stage = {
      partner_center = "salesStage"
      crm            = "Type"
      direction      = "outbound"
      values         = [{ crm = "New Customer", partner_center = "10" }, { crm = "Existing Customer - Renewal", partner_center = "20" }]
    }
    reference = {
      partner_center      = "referralProgram"
      crm                 = "OrderNumber__c"
      conflict            = "manual"
      inbound_expression  = "\"P-\" + text(value)"
      outbound_expression = "text(value).replace(\"P-\", \"\")"
    }`
	always := []string{document.OnCreate, document.OnUpdate}
	want := map[string]document.Mapping{
		"record_type": {Field: "record_type", CRM: "Type", Direction: document.Inbound, On: always[:1], Conflict: document.ConflictCRM, Constant: "New Customer"},
		"next_step":   {Field: "next_step", PartnerCenter: "referralProgram", CRM: "NextStep", Direction: document.Inbound, On: always, Conflict: document.ConflictWriteOnce, Null: document.NullKeep},
		"owner": {Field: "owner", PartnerCenter: "campaignId", Direction: document.Outbound, On: always, Conflict: document.ConflictCRM, Default: "none",
			OutboundExpression: "lower(record.Account.Owner.Email)"},
		"sales_stage": {Field: "sales_stage", PartnerCenter: "salesStage", CRM: "Type", Direction: document.Outbound, On: always, Conflict: document.ConflictCRM,
			Values: []document.Value{{CRM: "New Customer", PartnerCenter: "10"}, {CRM: "Existing Customer - Renewal", PartnerCenter: "20"}}},
		"reference": {Field: "reference", PartnerCenter: "referralProgram", CRM: "OrderNumber__c", Direction: document.Both, On: always, Conflict: document.ConflictManual,
			InboundExpression: `"P-" + text(value)`, OutboundExpression: `text(value).replace("P-", "")`},
	}
	length := 40
	order, err := metadata.Encode("CustomField", "Opportunity.OrderNumber__c", metadata.CustomField{Label: "Order number", Type: "Text", Length: &length})
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, order)
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: mappingsConfig(rows), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectKnownValue(connectorAddress, tfjsonpath.New("agent_config"), knownvalue.StringFunc(func(text string) error { return hasRows(text, want) })),
		}}},
		{Config: mappingsConfig(rows), PlanOnly: true},
	}})
}

// TestMistakesInMappings are told at plan, at the attribute that is wrong.
func TestMistakesInMappings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	steps := []resource.TestStep{}
	for rows, want := range map[string]string{
		`mine = { crm = "NextStep", direction = "inbound", inbound_expression = "lower(" }`:      `Field "mine": line 1, column`,
		`mine = { crm = "NextStep", direction = "inbound", inbound_expression = "record.Name" }`: `record is not known here; this expression sees referral and value`,
		`mine = {}`:                     `is no field of the default mapping`,
		`status = { conflict = "off" }`: `without it no deal is shared`,
		`status = { constant = "Won", direction = "inbound" }`:                 `read and written by rules of its own`,
		`notes = { crm = "Account.Owner.Email" }`:                              `use direction outbound`,
		`mine = { crm = "NextStep", partner_center = "customerProfile.size" }`: `does not let customerProfile.size be changed`,
	} {
		steps = append(steps, resource.TestStep{Config: mappingsConfig(rows), PlanOnly: true, ExpectError: words(want)})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: steps})
}

// TestMappingsAreComparedWithTheOrganisation refuses to apply what the organisation cannot hold.
func TestMappingsAreComparedWithTheOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	steps := []resource.TestStep{}
	for rows, want := range map[string]string{
		`mine = { crm = "ExpectedRevenue", partner_center = "referralProgram", direction = "inbound" }`:                       `Opportunity.ExpectedRevenue: mapping of mine: it cannot be set when a record is created`,
		`mine = { crm = "Probability", direction = "inbound", on = ["update"], inbound_expression = "lower(referral.name)" }`: `the expression gives text and the field holds a number`,
		`mine = { crm = "Probability", direction = "inbound", on = ["update"], constant = "likely" }`:                         `the constant "likely" is not a number`,
		`mine = { partner_center = "campaignId", crm = "Account.Owner.Shoe_Size__c", direction = "outbound" }`:                `field User.Shoe_Size__c: mapping of mine`,
		`mine = { partner_center = "campaignId", direction = "outbound", outbound_expression = "record.Region__r.Code__c" }`:  `field Opportunity.Region__c: mapping of mine`,
	} {
		steps = append(steps, resource.TestStep{Config: mappingsConfig(rows), ExpectError: words(want)})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: steps})
}

// TestOneFieldMapping hands a mapping in by its name, and not through an expression over all of them, before it exists, with parts that
// are not known yet, and after it changed. A field that is off is no row of the document.
func TestOneFieldMapping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	config := func(constant string) string {
		return liveConnector(`field_mappings = { a = cosell_field_mapping.a }`) + `
resource "terraform_data" "type" {
  input = ` + constant + `
}
resource "cosell_field_mapping" "a" {
  crm      = "salesforce"
  name     = "a"
  mappings = {
    notes       = { conflict = "off" }
    record_type = { crm = "Type", direction = "inbound", constant = terraform_data.type.output }
    reference   = { partner_center = "campaignId", crm = "NextStep", conflict = "last_writer" }
  }
}
`
	}
	check := func(constant string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttrWith(connectorAddress, "agent_config", func(text string) error {
			if strings.Contains(text, `"field":"notes"`) {
				return errors.New("the document has a row of notes")
			}
			always := []string{document.OnCreate, document.OnUpdate}
			return hasRows(text, map[string]document.Mapping{
				"record_type": {Field: "record_type", CRM: "Type", Direction: document.Inbound, On: always, Conflict: document.ConflictCRM, Constant: constant},
				"reference":   {Field: "reference", PartnerCenter: "campaignId", CRM: "NextStep", Direction: document.Both, On: always, Conflict: document.ConflictLastWriter},
			})
		})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config(`"New Customer"`), Check: check("New Customer")},
		{Config: config(`"Existing Customer - Renewal"`), Check: check("Existing Customer - Renewal")},
		{Config: config(`"Existing Customer - Renewal"`), PlanOnly: true},
	}})
}
