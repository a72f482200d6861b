package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const microsoftSolution = "PartnerCenterReferralsSynchronizationforDynamics365"

// microsoftWorld has Microsoft's own co-sell solution, which people take over.
func microsoftWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	check(t, w.sandbox.Dataverse().InstallMicrosoftSolution())
	return w
}

// counted gives how many requests to the environment an act makes.
func (w *world) counted(act func()) int {
	seen := int64(len(w.sandbox.Kit().Log.Since(0)))
	act()
	return len(requests(w.sandbox.Kit().Log.Since(seen)))
}

// TestListDataverse lists each type that people take over from an environment: what an administrator installed comes with its identity
// and with all that an import gives, in the order of names.
func TestListDataverse(t *testing.T) {
	t.Parallel()
	w := microsoftWorld(t)
	w.saveForm(t, func(form string) string {
		return strings.Replace(form, "</sections>", `<section name="notes" columns="1"><labels><label description="Notes" languagecode="1033" /></labels><rows><row><cell><control id="notes">`+
			`<parameters><TargetEntityType>annotation</TargetEntityType><RelationshipName>Opportunity_Annotation</RelationshipName><RecordsPerPage>6</RecordsPerPage></parameters>`+
			`</control></cell></row></rows></section></sections>`, 1)
	})
	check(t, w.dataverse(t).Publish(t.Context(), []string{"opportunity"}, nil))
	onDeals := map[string]tftypes.Value{"table": textValue("Opportunity")}
	for typeName, test := range map[string]struct {
		config   map[string]tftypes.Value
		name     string
		identity string // the keys, joined
		resource map[string]any
	}{
		"cosell_dataverse_table": {nil, "Microsoft Solution Detail (msft_MicrosoftSolutionDetail)", "msft_MicrosoftSolutionDetail", map[string]any{
			"logical_name": "msft_microsoftsolutiondetail", "deletion_protection": true}},
		"cosell_dataverse_column": {onDeals, "Audit (opportunity.msft_Audit)", "opportunity/msft_Audit", map[string]any{"type": "memo", "label": "Audit"}},
		"cosell_dataverse_environment_variable": {nil, "Deal value field name in Dynamics 365 (msft_dealvaluefield)", "msft_dealvaluefield", map[string]any{
			"default_value": "estimatedvalue", "effective_value": "estimatedvalue", "manage_definition": false}},
		"cosell_power_automate_flow": {nil, "Dynamics 365 to Partner Center (Insider Preview)", "Dynamics 365 to Partner Center (Insider Preview)", map[string]any{"enabled": true}},
		"cosell_dataverse_form_section": {onDeals, "opportunity/Opportunity/microsoft_partner_center", "opportunity/Opportunity/microsoft_partner_center", map[string]any{
			"label": "Microsoft Partner Center", "columns": 1.0}},
		"cosell_dataverse_subgrid": {onDeals, "opportunity/Opportunity/notes", "opportunity/Opportunity/notes", map[string]any{
			"target_table": "annotation", "records_per_page": 6.0}},
	} {
		hits := w.protocol(t, nil).list(typeName, test.config, true, 0)
		at := slices.Index(named(hits), test.name)
		if at < 0 {
			t.Errorf("%s: listed %q, %+v", typeName, named(hits), hits)
			continue
		}
		h := hits[at]
		keys := dataverseKeys[typeName]
		if keys == nil {
			keys = []string{"name"}
		}
		var identity []string
		for _, key := range keys {
			identity = append(identity, fmt.Sprint(h.identity[key]))
		}
		if h.problems != "" || strings.Join(identity, "/") != test.identity || h.identity["organization_id"] != w.env["COSELL_DATAVERSE_ORGANIZATION_ID"] || h.resource["id"] != test.identity {
			t.Errorf("%s: %+v", typeName, h)
		}
		for name, want := range test.resource {
			if h.resource[name] != want {
				t.Errorf("%s: %s is %v, want %v", typeName, name, h.resource[name], want)
			}
		}
		for _, h := range hits {
			if h.problems != "" {
				t.Errorf("%s: %s: %s", typeName, h.name, h.problems)
			}
		}
		if few := w.protocol(t, nil).list(typeName, test.config, false, 1); len(few) != 1 || few[0].resource != nil {
			t.Errorf("%s: a limit of 1 without the resource gave %+v", typeName, few)
		}
	}
}

// TestListDataverseNarrowed narrows lists by a publisher's prefix, by a solution and by a form, and says which of them does not exist.
func TestListDataverseNarrowed(t *testing.T) {
	t.Parallel()
	w := microsoftWorld(t)
	made := newRootOf(t, w, publisherConfig+`
resource "cosell_dataverse_column" "own" {
  for_each = { text = "Note", money = "Share" }
  table    = "opportunity"
  name     = "${cosell_dataverse_publisher.owner.prefix}_${each.value}"
  label    = each.value
  type     = each.key
}`)
	made.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	p := w.protocol(t, nil)
	list := func(typeName string, config ...string) []string {
		given := map[string]tftypes.Value{}
		for i := 0; i < len(config); i += 2 {
			given[config[i]] = textValue(config[i+1])
		}
		hits := p.list(typeName, given, false, 0)
		if len(hits) == 1 && hits[0].problems != "" {
			return []string{hits[0].problems}
		}
		return named(hits)
	}
	const prefix = "test"
	const column, deals = "cosell_dataverse_column", "opportunity"
	if got := list(column, "table", deals, "prefix", prefix); !slices.Equal(got, []string{"Note (opportunity." + prefix + "_Note)", "Share (opportunity." + prefix + "_Share)"}) {
		t.Errorf("of one's own prefix: %q", got)
	}
	all, microsofts := list(column, "table", deals), list(column, "table", deals, "prefix", "MSFT")
	if inSolution := list(column, "table", deals, "solution", microsoftSolution); !slices.Equal(inSolution, microsofts) || len(all) != len(microsofts)+2 {
		t.Errorf("in the solution %q, of its prefix %q, all %q", inSolution, microsofts, all)
	}
	for _, typeName := range []string{"cosell_dataverse_table", "cosell_dataverse_environment_variable", "cosell_power_automate_flow"} {
		if all, inside, outside := list(typeName), list(typeName, "solution", microsoftSolution), list(typeName, "solution", "Default"); len(inside) == 0 || len(inside) > len(all) || slices.Equal(inside, outside) {
			t.Errorf("%s: %q in the solution, %q in another, %q in all", typeName, inside, outside, all)
		}
		if got := list(typeName, "solution", "none"); !strings.Contains(strings.Join(got, ""), "no solution none") {
			t.Errorf("%s: a solution that does not exist: %q", typeName, got)
		}
	}
	if got := list(column, "table", "nothing"); !strings.Contains(strings.Join(got, ""), "nothing") || len(got) != 1 {
		t.Errorf("a table that does not exist: %q", got)
	}
	if got := list("cosell_dataverse_form_section", "table", deals, "form", "None"); !strings.Contains(strings.Join(got, ""), `no main form "None"`) {
		t.Errorf("a form that does not exist: %q", got)
	}
}

// TestListDataverseCalls wants as many calls for few objects as for many: what was read for the list is not read again for each object.
func TestListDataverseCalls(t *testing.T) {
	t.Parallel()
	w := microsoftWorld(t)
	for typeName, most := range map[string]int{"cosell_dataverse_environment_variable": 4, "cosell_power_automate_flow": 3} {
		var hits []hit
		p := w.protocol(t, nil)
		if calls := w.counted(func() { hits = p.list(typeName, nil, true, 0) }); calls > most || len(hits) < 5 {
			t.Errorf("%s: %d objects were listed with %d calls, want at most %d", typeName, len(hits), calls, most)
		}
	}
}

// TestImportedVariable plans nothing for configuration that Terraform generates from an import: it repeats the default, which is compared
// and never edited.
func TestImportedVariable(t *testing.T) {
	t.Parallel()
	w := microsoftWorld(t)
	r := newRootOf(t, w, `
import {
  to = cosell_dataverse_environment_variable.deal
  id = "msft_dealvaluefield"
}`)
	r.must(t, "plan", "-input=false", "-no-color", "-generate-config-out=generated.tf")
	if generated := string(r.contents(t, "generated.tf")); !strings.Contains(generated, `"estimatedvalue"`) {
		t.Errorf("the default is not in\n%s", generated)
	}
	if output := r.must(t, "apply", "-input=false", "-no-color", "-auto-approve"); !strings.Contains(output, "1 imported, 0 added, 0 changed") {
		t.Errorf("the import did not leave everything as it was:\n%s", output)
	}
}
