package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// TestParseCountry gives codes for what people write, and refuses what may mean several countries.
func TestParseCountry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := func(text string) string {
		return fmt.Sprintf("output \"got\" {\n  value = provider::cosell::parse_country(%q)\n}", text)
	}
	code := func(text, want string) resource.TestStep {
		return resource.TestStep{Config: call(text), ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("got", knownvalue.StringExact(want))}}
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: call("Congo"), ExpectError: words(`"Congo" is no country, or may mean several`)},
		code("NORGE", "NO"), code("日本", "JP"),
	}})
}

// TestMappingFunctions gives the rows that the connector works with, and lays changes over them attribute by attribute; the
// result is what cosell_field_mapping takes.
func TestMappingFunctions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const config = `
locals {
  salesforce = provider::cosell::default_mapping("salesforce")
  merged = provider::cosell::merge_mapping(local.salesforce,
    { notes = { crm = "Co_Sell_Notes__c", direction = null }, visible = null },
    { notes = { conflict = "manual", on = ["update"], values = [{ crm = "A", partner_center = "B" }] }, own = { crm = "Own__c", constant = true } })
}

output "got" {
  value = {
    value     = local.salesforce.deal_value.crm
    country   = provider::cosell::default_mapping("dynamics365").customer_country.crm
    rows      = length(local.salesforce)
    crm       = local.merged.notes.crm
    direction = local.merged.notes.direction
    conflict  = local.merged.notes.conflict
    moments   = join(" ", local.merged.notes.on)
    pair      = local.merged.notes.values[0].partner_center
    constant  = local.merged.own.constant
    visible   = contains(keys(local.merged), "visible")
  }
}

resource "cosell_field_mapping" "test" {
  crm      = "salesforce"
  name     = "all"
  mappings = local.salesforce
}
`
	want := map[string]knownvalue.Check{
		"value": knownvalue.StringExact("Amount"), "country": knownvalue.StringExact("Account.address1_country"), "rows": knownvalue.Int64Exact(int64(len(defaultRows()))),
		"crm": knownvalue.StringExact("Co_Sell_Notes__c"), "direction": knownvalue.StringExact("both"), "conflict": knownvalue.StringExact("manual"),
		"moments": knownvalue.StringExact("update"), "pair": knownvalue.StringExact("B"), "constant": knownvalue.StringExact("true"), "visible": knownvalue.Bool(false),
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: "output \"got\" {\n  value = provider::cosell::default_mapping(\"other\")\n}", ExpectError: words(`"other" is no CRM: give salesforce or dynamics365`)},
		{Config: "output \"got\" {\n  value = provider::cosell::merge_mapping({}, { notes = { colour = \"red\" } })\n}", ExpectError: words(`the row "notes": a row has no colour`)},
		{Config: config, ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("got", knownvalue.ObjectExact(want))}},
	}})
}

func defaultRows() []document.Mapping {
	variables := map[string]string{}
	for _, v := range document.KnownVariables(document.Salesforce) {
		variables[v.Name] = v.Default[document.Salesforce]
	}
	return document.DefaultMappings(document.Salesforce, document.DefaultFields(document.Salesforce), variables)
}
