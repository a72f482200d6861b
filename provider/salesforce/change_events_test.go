package salesforce_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

func changeEvents(attributes string) string {
	return "resource \"cosell_salesforce_change_events\" \"test\" {\n" + attributes + "\n}\n"
}

// selected lists what is selected, as channel/event.
func (w *world) selected() []string {
	w.t.Helper()
	rows, err := salesforce.Query[struct{ EventChannel, SelectedEntity string }](w.t.Context(), w.admin.Tooling(),
		"SELECT EventChannel, SelectedEntity FROM PlatformEventChannelMember")
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, row := range rows {
		all = append(all, row.EventChannel+"/"+row.SelectedEntity)
	}
	slices.Sort(all)
	return all
}

func (w *world) selects(channel, event string) {
	w.t.Helper()
	if _, err := w.admin.Tooling().Create(w.t.Context(), "PlatformEventChannelMember", map[string]any{"FullName": channel + "_" + event,
		"Metadata": map[string]any{"eventChannel": channel, "selectedEntity": event}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantSelected(want ...string) func() {
	return func() {
		w.t.Helper()
		if got := w.selected(); !slices.Equal(got, want) {
			w.t.Errorf("selected are %v, want %v", got, want)
		}
	}
}

// TestChangeEventsBesideOthers shows that only the named objects are managed: what another product selected on the channel stays, in
// every apply and on destroy, and no plan names it.
func TestChangeEventsBesideOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.selects("ChangeEvents", "LeadChangeEvent")
	w.run(
		resource.TestStep{Config: changeEvents(`entities = ["Opportunity", "Account"]`), PostApplyFunc: w.wantSelected(
			"ChangeEvents/AccountChangeEvent", "ChangeEvents/LeadChangeEvent", "ChangeEvents/OpportunityChangeEvent")},
		resource.TestStep{Config: changeEvents(`entities = ["Opportunity", "Contact"]`), PostApplyFunc: w.wantSelected(
			"ChangeEvents/ContactChangeEvent", "ChangeEvents/LeadChangeEvent", "ChangeEvents/OpportunityChangeEvent"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{tfcli.Changes("cosell_salesforce_change_events.test", "entities")}}},
		resource.TestStep{ResourceName: "cosell_salesforce_change_events.test", ImportState: true, ImportStateId: "Sales", ExpectError: regexp.MustCompile(`The\s+id\s+is\s+the\s+channel`)},
	)
	w.wantSelected("ChangeEvents/LeadChangeEvent")()
}

// TestChangeEventsLimit shows that a sixth object is refused, and that swapping one for another at the limit is not.
func TestChangeEventsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.selects("ChangeEvents", "LeadChangeEvent")
	w.run(
		resource.TestStep{Config: changeEvents(`entities = ["Opportunity", "Account", "Contact", "OpportunityContactRole"]`)},
		resource.TestStep{Config: changeEvents(`entities = ["Opportunity", "Account", "Contact", "OpportunityContactRole", "OpportunityTeamMember"]`),
			ExpectError: regexp.MustCompile(`LIMIT_EXCEEDED`)},
		resource.TestStep{Config: changeEvents(`entities = ["Opportunity", "Account", "Contact", "OpportunityTeamMember"]`)},
	)
}

// TestChangeEventsTakesOver shows that what is selected already is taken over without a write.
func TestChangeEventsTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.selects("ChangeEvents", "OpportunityChangeEvent")
	w.run(resource.TestStep{Config: changeEvents(`entities = ["Opportunity"]`), PostApplyFunc: w.wantSelected("ChangeEvents/OpportunityChangeEvent")})
	w.wantSelected()()
	posts := 0
	for _, op := range w.sandbox.Kit().Log.Since(0) {
		if op.Method == http.MethodPost && strings.HasSuffix(op.Path, "/tooling/sobjects/PlatformEventChannelMember") {
			posts++
		}
	}
	if posts != 1 {
		t.Errorf("%d selections, want the administrator's only", posts)
	}
}
