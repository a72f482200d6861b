package provider_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

// kindsConfig declares a column of every type.
func kindsConfig(options, more string) string {
	columns := map[string]string{
		"Text": `type = "text"
  max_length = 50
  format     = "url"`,
		"Memo": `type = "memo"`,
		"YesNo": `type = "boolean"
  default_value = true
  true_label    = "Visible"
  false_label   = "Hidden"`,
		"Choice": `type = "choice"
  options = ` + options,
		"Choices": `type = "choices"
  options = [{ value = 1, label = "One" }, { value = 2, label = "Two" }]`,
		"Money":   `type = "money"`,
		"Exact":   `type = "money"` + "\n  precision = 3",
		"Decimal": `type = "decimal"` + "\n  min_value = 0\n  max_value = 10",
		"Integer": `type = "integer"`,
		"Date":    `type = "datetime"`,
		"Moment":  `type = "datetime"` + "\n  format = \"date_and_time\"\n  behavior = \"time_zone_independent\"",
		"Lookup":  `type = "lookup"` + "\n  target_table = \"account\"\n" + more,
	}
	config := publisherConfig
	for name, attributes := range columns {
		config += fmt.Sprintf(`
resource "cosell_dataverse_column" %q {
  table = "opportunity"
  name  = "test_%s"
  label = "Shown %s"
  %s

  deletion_protection = false
  depends_on          = [cosell_dataverse_publisher.owner]
}
`, strings.ToLower(name), name, name, attributes)
	}
	return config
}

// optionsOf gives a choice's options as number and label; a number of the publisher's prefix is shown as such.
func (w *world) optionsOf(t *testing.T, column string) (list []string) {
	t.Helper()
	found, err := w.dataverse(t).Column(t.Context(), "opportunity", column, dataverse.Choice)
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range found.Options {
		list = append(list, fmt.Sprint(*option.Value, " ", option.Label.Text()))
	}
	return list
}

// Every type of column is made, and changed in place: options are added, renamed, removed and put in order without touching the others,
// and a lookup changes what it does on delete. A plan after each apply is empty.
func TestColumnsOfEveryType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty := resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	inPlace := func(names ...string) resource.ConfigPlanChecks {
		checks := empty
		for _, name := range names {
			checks.PreApply = append(checks.PreApply, plancheck.ExpectResourceAction("cosell_dataverse_column."+name, plancheck.ResourceActionUpdate))
		}
		return checks
	}
	expect := func(want ...string) func() {
		return func() {
			if got := w.optionsOf(t, "test_choice"); !slices.Equal(got, want) {
				t.Errorf("the options are %q, want %q", got, want)
			}
		}
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{
			Config: kindsConfig(`[{ value = 5, label = "Five" }, { label = "Assigned" }, { value = 7, label = "Seven" }]`, ""), ConfigPlanChecks: empty,
			PostApplyFunc: expect("5 Five", "100000000 Assigned", "7 Seven"),
		},
		{
			Config:           kindsConfig(`[{ label = "Another" }, { value = 5, label = "Renamed" }, { label = "Assigned" }]`, `  on_delete = "restrict"`),
			ConfigPlanChecks: inPlace("choice", "lookup"),
			PostApplyFunc: func() {
				expect("100000001 Another", "5 Renamed", "100000000 Assigned")()
				lookups, err := w.dataverse(t).LookupsOf(t.Context(), "opportunity")
				if err != nil {
					t.Fatal(err)
				}
				at := slices.IndexFunc(lookups, func(r dataverse.Relationship) bool { return r.ReferencingColumn == "test_lookup" })
				if at < 0 || lookups[at].Cascade.Delete != "Restrict" || lookups[at].SchemaName != "test_Lookup_account_opportunity" {
					t.Errorf("the lookup is %+v", lookups)
				}
			},
		},
		{ // somebody adds an option and renames another one
			PreConfig: func() {
				place := dataverse.OptionPlace{Table: "opportunity", Column: "test_choice"}
				if _, err := w.dataverse(t).InsertOption(t.Context(), "", place, nil, dataverse.NewLabel("Foreign", 1033)); err != nil {
					t.Fatal(err)
				}
				if err := w.dataverse(t).UpdateOption(t.Context(), "", place, 5, dataverse.NewLabel("Mistaken", 1033)); err != nil {
					t.Fatal(err)
				}
				w.publish(t, "opportunity")
			},
			Config: kindsConfig(`[{ label = "Another" }, { value = 5, label = "Renamed" }, { label = "Assigned" }]`, `  on_delete = "restrict"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{tfcli.Changes("cosell_dataverse_column.choice", "options")},
				PostApplyPostRefresh: empty.PostApplyPostRefresh},
			PostApplyFunc: expect("100000001 Another", "5 Renamed", "100000000 Assigned"),
		},
	}})
}

// An alternate key cannot be built while rows share a value: the apply says so, and the next one, after somebody has repaired the rows,
// builds it.
func TestUniqueColumnWithSharedValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(unique bool) string {
		return columnConfig(fmt.Sprintf("\n  label  = \"Test\"\n  type   = \"text\"\n  unique = %t", unique))
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: config(false)},
		{
			PreConfig: func() {
				for range 2 {
					if _, err := w.dataverse(t).Create(t.Context(), "opportunities", map[string]any{"name": "Deal", "test_column": "same"}); err != nil {
						t.Fatal(err)
					}
				}
			},
			Config: config(true), ExpectError: words("rows share a value"),
		},
		{
			PreConfig: func() { w.edit(t, "opportunities", "test_column eq 'same'", map[string]any{"test_column": "other"}) },
			Config:    config(true),
			PostApplyFunc: func() {
				keys, err := w.dataverse(t).AlternateKeys(t.Context(), "opportunity")
				if err != nil || len(keys) != 1 || !keys[0].Active() || keys[0].SchemaName != "test_ColumnKey" {
					t.Errorf("the keys are %+v, %v", keys, err)
				}
			},
		},
	}})
}

// published counts the requests that publish.
type published struct {
	next http.RoundTripper
	n    atomic.Int32
}

// RoundTrip implements [http.RoundTripper].
func (p *published) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasSuffix(request.URL.Path, "/PublishXml") {
		p.n.Add(1)
	}
	return p.next.RoundTrip(request)
}

// Changes of one table that are under way at the same time are published once.
func TestChangesArePublishedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	counter := &published{next: w.losses.next}
	w.losses.next = counter
	const columns = 8
	config := func(label string) string {
		return publisherConfig + fmt.Sprintf(`
resource "cosell_dataverse_column" "test" {
  count = %d

  table = "opportunity"
  name  = "test_Column${count.index}"
  label = %q
  type  = "integer"

  deletion_protection = false
  depends_on          = [cosell_dataverse_publisher.owner]
}`, columns, label)
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.gathering(columns), Steps: []resource.TestStep{
		{Config: config("Before"), PostApplyFunc: func() {
			if n := counter.n.Load(); n != 0 {
				t.Errorf("new columns were published %d times; they need none", n)
			}
		}},
		{Config: config("After"), PostApplyFunc: func() {
			if n := counter.n.Load(); n != 1 {
				t.Errorf("%d changes of one table were published %d times, want once", columns, n)
			}
		}},
	}})
}

// What exists is refused at plan, with the command that imports it; so is an environment of another organisation, and a block without
// credentials says what is missing.
func TestDataverseRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.sandbox.Dataverse().InstallMicrosoftSolution(); err != nil {
		t.Fatal(err)
	}
	const audit = `
resource "cosell_dataverse_column" "audit" {
  table = "opportunity"
  name  = "msft_Audit"
  label = "Audit"
  type  = "memo"
}`
	const table = `
resource "cosell_dataverse_table" "detail" {
  name           = "msft_MicrosoftSolutionDetail"
  label          = "A"
  plural_label   = "As"
  primary_column = { name = "msft_Name", label = "Name" }
}`
	refused := func(env map[string]string, config, message string) {
		t.Helper()
		resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providersWith(env), Steps: []resource.TestStep{
			{Config: config, PlanOnly: true, ExpectError: words(message)},
		}})
	}
	refused(nil, audit, "terraform import cosell_dataverse_column.<name> 'opportunity/msft_Audit'")
	refused(nil, table, "terraform import cosell_dataverse_table.<name> 'msft_MicrosoftSolutionDetail'")
	refused(map[string]string{"COSELL_DATAVERSE_ORGANIZATION_ID": "00000000-0000-0000-0000-000000000001"}, audit, "organization_id pins 00000000-0000-0000-0000-000000000001")
	refused(map[string]string{"COSELL_DATAVERSE_CLIENT_SECRET": "", "COSELL_DATAVERSE_CERTIFICATE_FILE": ""}, audit, "client_secret (COSELL_DATAVERSE_CLIENT_SECRET)")
	refused(nil, `
resource "cosell_dataverse_change_events" "test" {
  name    = "x"
  tables  = ["opportunity"]
  webhook = { url = "https://agent.example.com/" }
}`, "COSELL_DATAVERSE_WEBHOOK_KEY")
}

// The provider signs in with a secret where there is no certificate.
func TestDataverseBySecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: w.providersWith(map[string]string{"COSELL_DATAVERSE_CERTIFICATE_FILE": ""}),
		Steps:                    []resource.TestStep{{Config: publisherConfig}},
	})
}

// flowStates gives the names of Microsoft's flows that are on.
func (w *world) flowStates(t *testing.T) (on, off []string) {
	t.Helper()
	flows, err := w.dataverse(t).CloudFlows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, flow := range flows {
		if flow.On() {
			on = append(on, flow.Name)
		} else {
			off = append(off, flow.Name)
		}
	}
	return on, off
}

// All flows of Microsoft's solution are turned off, and on again, whatever order Terraform takes, also where the service refuses to turn
// off what others call. What lacks a connection says which one.
func TestFlowsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, map[string]string{"dataverse.child_flow_off_under_parent": "refused"})
	if err := w.sandbox.Dataverse().InstallMicrosoftSolution(); err != nil {
		t.Fatal(err)
	}
	names, _ := w.flowStates(t)
	config := func(enabled bool) string {
		return fmt.Sprintf("resource \"cosell_power_automate_flow\" \"all\" {\n  for_each = toset([\"%s\"])\n  name     = each.key\n  enabled  = %t\n}\n", strings.Join(names, `", "`), enabled)
	}
	one := func(enabled bool) string {
		return fmt.Sprintf("resource \"cosell_power_automate_flow\" \"one\" {\n  name    = %q\n  enabled = %t\n}\n", "Partner Center to Dynamics 365 (Insider Preview)", enabled)
	}
	r := newRootOf(t, w, config(false))
	r.must(t, "apply", "-no-color", "-auto-approve")
	if on, _ := w.flowStates(t); len(on) > 0 {
		t.Errorf("still on: %q", on)
	}
	r.write(t, "main.tf", []byte(versionsOf+one(true)))
	r.must(t, "apply", "-no-color", "-auto-approve")
	if on, _ := w.flowStates(t); len(on) != 3 { // it, the helper, and what the helper calls
		t.Errorf("on are %q", on)
	}
	w.edit(t, "connectionreferences", "connectionreferencelogicalname eq 'msft_CommonDataService'", map[string]any{"connectionid": nil})
	r.write(t, "main.tf", []byte(versionsOf+config(true)))
	output, status := r.run(t, "apply", "-no-color", "-auto-approve")
	if status == 0 || !words("msft_CommonDataService").MatchString(output) || !words("Give the connection reference a connection").MatchString(output) {
		t.Errorf("without a connection the apply gave status %d:\n%s", status, output)
	}
	w.edit(t, "connectionreferences", "connectionreferencelogicalname eq 'msft_CommonDataService'", map[string]any{"connectionid": "11111111-1111-1111-1111-111111111111"})
	r.must(t, "apply", "-no-color", "-auto-approve")
	if _, off := w.flowStates(t); len(off) > 0 {
		t.Errorf("still off: %q", off)
	}
	r.must(t, "destroy", "-no-color", "-auto-approve")
	if _, off := w.flowStates(t); len(off) > 0 {
		t.Errorf("destroy turned off %q", off)
	}
}

// A flow that drains is turned off once the runs of what calls it have ended, and the apply waits for its own runs too. One that gives up
// says which run it waited for, and the next apply waits again.
func TestFlowsDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	environment := w.sandbox.Dataverse()
	if err := environment.InstallMicrosoftSolution(); err != nil {
		t.Fatal(err)
	}
	const parent, child = "Partner Center to Dynamics 365 (Insider Preview)", "Partner Center to Dynamics 365 - Helper (Insider Preview)"
	config := func(timeout string) string {
		return fmt.Sprintf("resource \"cosell_power_automate_flow\" \"child\" {\n  name    = %q\n  enabled = false\n  drain   = { quiet = \"200ms\", timeout = %q }\n}\n", child, timeout)
	}
	begin := func() string {
		run, err := environment.BeginFlowRun(parent)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	end := func(run string) {
		if err := environment.EndFlowRun(run, "Succeeded"); err != nil {
			t.Error(err)
		}
	}
	run := begin()
	r := newRootOf(t, w, config("1s"))
	output, status := r.run(t, "apply", "-no-color", "-auto-approve")
	if status == 0 || !words("runs did not end in time: "+run).MatchString(output) || environment.FlowOn(parent) || !environment.FlowOn(child) {
		t.Errorf("with a run under way the apply gave status %d, the parent is on %t, the child %t:\n%s", status, environment.FlowOn(parent), environment.FlowOn(child), output)
	}
	r.write(t, "main.tf", []byte(versionsOf+config("1m")))
	applied := make(chan int, 1)
	mark := len(w.sandbox.Kit().Log.Since(0))
	go func() {
		_, status := r.run(t, "apply", "-no-color", "-auto-approve")
		applied <- status
	}()
	for looks := 0; looks < 3; { // the runs are looked at again and again while one is under way
		if err := w.sandbox.Kit().Log.Wait(t.Context(), int64(mark)); err != nil {
			t.Fatal(err)
		}
		for _, operation := range w.sandbox.Kit().Log.Since(int64(mark)) {
			mark++
			if operation.Object == "flowrun" {
				looks++
			}
		}
	}
	if !environment.FlowOn(child) {
		t.Error("the child was turned off under a run of its parent")
	}
	end(run)
	if status := <-applied; status != 0 || environment.FlowOn(child) {
		t.Errorf("the apply gave status %d, the child is on %t", status, environment.FlowOn(child))
	}
	if output, status := r.run(t, "plan", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the next plan is not empty:\n%s", output)
	}
}

const versionsOf = "terraform {\n  required_providers {\n    cosell = { source = \"cosell-sync/cosell\" }\n  }\n}\n"

// newRootOf is a root directory with one configuration.
func newRootOf(t *testing.T, w *world, config string) *root {
	t.Helper()
	from := t.TempDir()
	r := newRoot(t, from, buildProvider(t), w, nil)
	r.write(t, "main.tf", []byte(versionsOf+config))
	return r
}

// An environment with Microsoft's solution is adopted: its columns are used under their names, a variable of it gets a current value and
// keeps its default, and what the connector needs beside them is made. Destroying leaves Microsoft's solution as it was.
func TestDynamicsAdoptsMicrosoftsSolution(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.sandbox.Dataverse().InstallMicrosoftSolution(); err != nil {
		t.Fatal(err)
	}
	before := leftInDataverse(t, w)
	existing := func(name string) string { return `{ use = "existing", name = "msft_` + name + `" }` }
	r := dynamicsRoot(t, w, map[string]string{
		"column_overrides": `{
			sync_with_partner_center      = ` + existing("SyncWithPartnerCenter") + `
			referral_identifier           = ` + existing("ReferralIdentifier") + `
			referral_link                 = ` + existing("ReferralLink") + `
			referral_program              = ` + existing("ReferralProgram") + `
			microsoft_crm_identifier      = ` + existing("MicrosoftCRMIdentifier") + `
			referral_visible_to_microsoft = ` + existing("ReferralVisibility") + `
			how_can_microsoft_help        = ` + existing("HowCanMicrosoftHelp") + `
			audit                         = ` + existing("Audit") + `
		}`,
	})
	r.write(t, "form.auto.tfvars", []byte("opportunity_form = null\n"))
	r.write(t, "variable.tf", []byte(`
resource "cosell_dataverse_environment_variable" "deal_value" {
  name              = "msft_dealvaluefield"
  value             = "totalamount"
  manage_definition = false
}
`))
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
	}
	if variable, _, err := w.dataverse(t).Variable(t.Context(), "msft_dealvaluefield"); err != nil || variable.Default != "estimatedvalue" || variable.Value != "totalamount" {
		t.Errorf("the variable is %+v, %v", variable, err)
	}
	if decoded := decodeOutput(t, r); decoded.CRM.Fields["audit"] != "msft_Audit" || decoded.CRM.Fields["referral_key"] != "cosell_ReferralKey" {
		t.Errorf("the document names %v", decoded.CRM.Fields)
	}
	r.must(t, "destroy", "-input=false", "-no-color", "-auto-approve")
	if after := leftInDataverse(t, w); !slices.Equal(after, before) {
		t.Errorf("destroy left, or took, something:\nbefore %q\nafter  %q", before, after)
	}
	if variable, found, err := w.dataverse(t).Variable(t.Context(), "msft_dealvaluefield"); err != nil || !found || variable.ValueID != "" {
		t.Errorf("after destroy the variable is %+v, %t, %v", variable, found, err)
	}
}
