package provider_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

// part walks into plain values.
func part(t *testing.T, value any, steps ...any) any {
	t.Helper()
	for _, step := range steps {
		switch at := step.(type) {
		case string:
			object, ok := value.(map[string]any)
			if !ok {
				t.Fatalf("%v has no part %q", value, at)
			}
			value = object[at]
		case int:
			list, ok := value.([]any)
			if !ok || at >= len(list) {
				t.Fatalf("%v has no element %d", value, at)
			}
			value = list[at]
		}
	}
	return value
}

// TestWebhookRegistrationData reads the tenant's registration, and says when there is none.
func TestWebhookRegistrationData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, problems := w.protocol(t, nil).read("cosell_webhook_registration", nil)
	if problems != "" || part(t, got, "exists") != false || part(t, got, "url") != nil {
		t.Fatalf("without a registration: %v %s", got, problems)
	}
	const address = "https://agent.example.com/hooks/production"
	if _, err := w.partnerCenter(t).CreateRegistration(t.Context(), partnercenter.Registration{
		WebhookURL: address, WebhookEvents: partnercenter.List[string]{"referral-created"}}); err != nil {
		t.Fatal(err)
	}
	got, problems = w.protocol(t, nil).read("cosell_webhook_registration", nil)
	if problems != "" || part(t, got, "exists") != true || part(t, got, "url") != address || part(t, got, "events", 0) != "referral-created" ||
		part(t, got, "signature_header") != "authorization" || part(t, got, "id") != w.env["COSELL_PARTNER_CENTER_TENANT_ID"] {
		t.Errorf("got %v %s", got, problems)
	}
}

// TestSalesforceObjectData describes an object: types, lengths, picklist values and what a new record must have.
func TestSalesforceObjectData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.protocol(t, nil)
	got, problems := p.read("cosell_salesforce_object", map[string]tftypes.Value{"name": textValue("Opportunity")})
	if problems != "" {
		t.Fatal(problems)
	}
	if part(t, got, "key_prefix") != "006" || part(t, got, "fields", "Name", "length") != 120.0 || part(t, got, "fields", "Amount", "type") != "currency" {
		t.Errorf("got %v", got)
	}
	var required []string
	fields, _ := part(t, got, "fields").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if part(t, fields[name], "required") == true {
			required = append(required, name)
		}
	}
	if want := []string{"CloseDate", "Name", "StageName"}; !slices.Equal(required, want) {
		t.Errorf("required are %q, want %q", required, want)
	}
	if stages := part(t, fields["StageName"], "picklist_values").([]any); len(stages) < 5 || part(t, stages[0], "active") != true {
		t.Errorf("the stages are %v", stages)
	}
	if _, problems := p.read("cosell_salesforce_object", map[string]tftypes.Value{"name": textValue("Nothing__c")}); !strings.Contains(problems, `AttributeName("name") Object is not in the organisation`) {
		t.Errorf("an object that does not exist: %s", problems)
	}
}

// microsoftRefers lets Microsoft's seller send a deal.
func (w *world) microsoftRefers(t *testing.T, name string) {
	t.Helper()
	if _, err := w.sandbox.Act(t.Context(), "send_referral", json.RawMessage(fmt.Sprintf(`{"name": %q}`, name))); err != nil {
		t.Fatal(err)
	}
}

// TestSolutionsData harvests the solutions of referrals and nothing about customers, and says when it stopped early.
func TestSolutionsData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 3 {
		w.microsoftRefers(t, fmt.Sprintf("Deal %d", i))
	}
	p := w.protocol(t, nil)
	all, problems := p.read("cosell_solutions", nil)
	if problems != "" || part(t, all, "complete") != true {
		t.Fatalf("%v %s", all, problems)
	}
	found, _ := part(t, all, "solutions").(map[string]any)
	if len(found) == 0 {
		t.Fatal("no solutions")
	}
	for id, solution := range found {
		if !strings.HasPrefix(id, "SOL-") || part(t, solution, "referrals").(float64) < 1 {
			t.Errorf("%s: %v", id, solution)
		}
	}
	few, _ := p.read("cosell_solutions", map[string]tftypes.Value{"max_referrals": tftypes.NewValue(tftypes.Number, 1)})
	if part(t, few, "complete") != false {
		t.Errorf("one referral of several was read, and the list calls itself complete: %v", few)
	}
}

// checksOf gives the state of each check, and the codes of the findings by check.
func checksOf(t *testing.T, got any) (status map[string]string, findings map[string][]string) {
	t.Helper()
	status, findings = map[string]string{}, map[string][]string{}
	for _, c := range part(t, got, "checks").([]any) {
		status[part(t, c, "name").(string)] = part(t, c, "status").(string)
	}
	for _, f := range part(t, got, "findings").([]any) {
		for _, needed := range []string{"code", "cause", "fix", "object"} {
			if part(t, f, needed) == "" && needed != "object" {
				t.Errorf("a finding has no %s: %v", needed, f)
			}
		}
		name := part(t, f, "check").(string)
		findings[name] = append(findings[name], fmt.Sprintf("%s %s %s", part(t, f, "severity"), part(t, f, "code"), part(t, f, "object")))
	}
	return status, findings
}

// TestPreflightOfAnEmptyOrganisation names everything that is missing, and nothing fails the data source.
func TestPreflightOfAnEmptyOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, problems := w.protocol(t, nil).read("cosell_preflight", nil)
	if problems != "" {
		t.Fatal(problems)
	}
	status, findings := checksOf(t, got)
	for name, want := range map[string]string{
		"partner_center_sign_in": "passed", "webhook_events": "passed", "webhook_takeover": "passed", "referrals_visible": "passed",
		"salesforce_sign_in": "passed", "salesforce_metadata": "passed", "installation": "failed", "agent_user": "skipped",
	} {
		if status[name] != want {
			t.Errorf("%s %s, want %s: %q", name, status[name], want, findings[name])
		}
	}
	if !slices.Contains(findings["installation"], "error CS404 field Opportunity.Sync_with_Partner_Center__c") || part(t, got, "ok") != false {
		t.Errorf("ok is %v, findings %q", part(t, got, "ok"), findings["installation"])
	}
}

// TestPreflightOfAConnector looks for what the document names, and passes when it is all there.
func TestPreflightOfAConnector(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provision(t)
	var document string
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{{
		Config: liveConnector(""),
		Check:  resource.TestCheckResourceAttrWith(connectorAddress, "agent_config", func(value string) error { document = value; return nil }),
	}}})
	ask := func(config string) (any, map[string]string, map[string][]string) {
		got, problems := w.protocol(t, nil).read("cosell_preflight", map[string]tftypes.Value{"agent_config": textValue(config)})
		if problems != "" {
			t.Fatal(problems)
		}
		status, findings := checksOf(t, got)
		return got, status, findings
	}
	got, status, findings := ask(document)
	if part(t, got, "ok") != true || status["installation"] != "passed" {
		t.Errorf("with everything in place: %v %v", status, findings)
	}
	_, _, findings = ask(strings.ReplaceAll(document, `"Qualification"`, `"Nowhere"`))
	if want := []string{`error CS405 stage "Nowhere" (active)`}; !slices.Equal(findings["installation"], want) {
		t.Errorf("a stage is missing: %q, want %q", findings["installation"], want)
	}
	_, status, findings = ask(strings.ReplaceAll(document, w.env["COSELL_SALESFORCE_ORG_ID"], "00D000000000001EAA"))
	if status["salesforce_sign_in"] != "failed" || status["installation"] != "skipped" || !strings.Contains(findings["salesforce_sign_in"][0], "CS403") {
		t.Errorf("another organisation is pinned: %v %v", status, findings)
	}
	if _, err := w.partnerCenter(t).CreateRegistration(t.Context(), partnercenter.Registration{
		WebhookURL: "https://other.example.com/hooks", WebhookEvents: partnercenter.List[string]{"referral-created"}}); err != nil {
		t.Fatal(err)
	}
	if _, status, findings = ask(document); status["webhook_takeover"] != "failed" || !strings.Contains(findings["webhook_takeover"][0], "CS406") {
		t.Errorf("another installation has the webhook: %v %v", status, findings)
	}
}

// TestPreflightWithWrongCredentials turns refusals into findings and skips what depends on them.
func TestPreflightWithWrongCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		env     map[string]string
		check   string
		finding string
		skipped string
	}{
		"client secret": {map[string]string{"COSELL_PARTNER_CENTER_CLIENT_SECRET": "wrong"}, "partner_center_sign_in", "error CS507", "webhook_takeover"},
		"refresh token": {map[string]string{"COSELL_PARTNER_CENTER_REFRESH_TOKEN": "wrong"}, "referrals_visible", "error CS507", "partner_id"},
		"no user":       {map[string]string{"COSELL_PARTNER_CENTER_REFRESH_TOKEN": ""}, "referrals_visible", "error CS407", "partner_id"},
		"organisation":  {map[string]string{"COSELL_SALESFORCE_ORG_ID": "00D000000000001EAA"}, "salesforce_sign_in", "error CS403", "solutions"},
		"rights": {map[string]string{
			"COSELL_SALESFORCE_USERNAME": w.env["COSELL_AGENT_SALESFORCE_USERNAME"], "COSELL_SALESFORCE_CLIENT_ID": w.env["COSELL_AGENT_SALESFORCE_CLIENT_ID"],
			"COSELL_SALESFORCE_PRIVATE_KEY_FILE": w.env["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
		}, "salesforce_metadata", "error CS203", "installation"},
	} {
		got, problems := w.protocol(t, test.env).read("cosell_preflight", nil)
		if problems != "" {
			t.Errorf("%s: %s", name, problems)
			continue
		}
		status, findings := checksOf(t, got)
		if len(findings[test.check]) != 1 || !strings.HasPrefix(findings[test.check][0], test.finding) || status[test.check] != "failed" || status[test.skipped] != "skipped" || part(t, got, "ok") != false {
			t.Errorf("%s: %v %v", name, status, findings)
		}
	}
}

// TestPreflightWithoutSystems has nothing to look at.
func TestPreflightWithoutSystems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nothing := map[string]string{}
	for name := range w.env {
		nothing[name] = ""
	}
	got, problems := w.protocol(t, nothing).read("cosell_preflight", nil)
	if problems != "" {
		t.Fatal(problems)
	}
	status, findings := checksOf(t, got)
	for name, is := range status {
		if is != "skipped" {
			t.Errorf("%s %s: %q", name, is, findings[name])
		}
	}
	if _, problems := w.protocol(t, nil).read("cosell_preflight", map[string]tftypes.Value{"agent_config": textValue("{}")}); !strings.Contains(problems, "Document cannot be read") {
		t.Errorf("a document that is none: %s", problems)
	}
}
