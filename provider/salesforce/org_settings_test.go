package salesforce_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

const settingsAddress = "cosell_salesforce_settings.test"

func settings(attributes string) string {
	return "resource \"cosell_salesforce_settings\" \"test\" {\n" + attributes + "\n}\n"
}

// Under which name settings are read, and whether an update resets what it leaves out, is not documented: single settings
// are changed, and the others stay, either way.
func TestSettings(t *testing.T) {
	for _, name := range []string{"short", "type_name"} {
		for _, semantics := range []string{"merge", "replace"} {
			t.Run(name+" "+semantics, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, map[string]string{"salesforce.settings_full_name": name, "salesforce.settings_update": semantics})
				full := func(kind string) string {
					if name == "short" {
						return strings.TrimSuffix(kind, "Settings")
					}
					return kind
				}
				set := func(kind, element, value string) func() {
					return w.edit(kind, full(kind), func(n *metadata.Node) { n.SetChildText(element, value) })
				}
				want := func(kind string, values map[string]string) {
					t.Helper()
					component, _ := w.component(kind, full(kind))
					for element, value := range values {
						if got := component.Node.ChildText(element); got != value {
							t.Errorf("%s is %s, want %s", element, got, value)
						}
					}
				}
				set("OpportunitySettings", "enableUpdateReminders", "true")()
				set("EnhancedNotesSettings", "enableTasksOnEnhancedNotes", "true")()
				w.run(
					resource.TestStep{Config: settings("notes = true"), PostApplyFunc: func() {
						want("EnhancedNotesSettings", map[string]string{"enableEnhancedNotes": "true", "enableTasksOnEnhancedNotes": "true"})
						want("OpportunitySettings", map[string]string{"enableOpportunityTeam": "false"})
					}},
					resource.TestStep{Config: settings("opportunity_teams = true"), PostApplyFunc: func() {
						want("EnhancedNotesSettings", map[string]string{"enableEnhancedNotes": "true"}) // no longer managed, not switched off
						want("OpportunitySettings", map[string]string{"enableOpportunityTeam": "true", "enableUpdateReminders": "true"})
					}},
					resource.TestStep{PreConfig: set("EnhancedNotesSettings", "enableEnhancedNotes", "false"), Config: settings("opportunity_teams = true"),
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
					resource.TestStep{PreConfig: set("OpportunitySettings", "enableOpportunityTeam", "false"), Config: settings("notes = true\nopportunity_teams = true"),
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{tfcli.Changes(settingsAddress, "notes", "opportunity_teams")}}},
					resource.TestStep{ResourceName: settingsAddress, ImportState: true, ImportStateId: "current", ImportStateVerify: true},
					resource.TestStep{ResourceName: settingsAddress, ImportState: true, ImportStateId: "Opportunity", ExpectError: regexp.MustCompile(`the\s+id\s+is\s+current`)},
				)
				want("EnhancedNotesSettings", map[string]string{"enableEnhancedNotes": "true", "enableTasksOnEnhancedNotes": "true"}) // after destroy
				want("OpportunitySettings", map[string]string{"enableOpportunityTeam": "true", "enableUpdateReminders": "true"})
			})
		}
	}
}

// Switching teams off is what somebody has to ask for in so many words, and Salesforce may refuse it.
func TestSettingsSwitchedOff(t *testing.T) {
	for value, failure := range map[string]*regexp.Regexp{"allowed": nil, "refused": regexp.MustCompile(`can't\s+be\s+disabled`)} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"salesforce.disable_opportunity_teams": value})
			w.run(
				resource.TestStep{Config: settings("opportunity_teams = true")},
				resource.TestStep{Config: settings("opportunity_teams = false"), ExpectError: failure},
			)
		})
	}
}
