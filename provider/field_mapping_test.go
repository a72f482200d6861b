package provider_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
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
