package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Example is a complete document; the golden file holds its canonical bytes.
func example() Document {
	variables := map[string]string{}
	for _, v := range KnownVariables(Salesforce) {
		variables[v.Name] = v.Default[Salesforce]
	}
	fields := DefaultFields(Salesforce)
	var flows []Flow
	for _, f := range KnownFlows(Salesforce) {
		flows = append(flows, Flow{Name: f.Name, Enabled: f.Name != FlowLeadsToPartnerCenter})
	}
	return Document{
		Version:   1,
		Connector: Connector{Name: "fabrikam-production", Environment: "production", Revision: 7},
		PartnerCenter: PartnerCenter{
			TenantID: "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90", PartnerID: "1234567",
			Authority: "https://login.microsoftonline.com", ReferralsEndpoint: "https://api.partner.microsoft.com/v1.0/engagements", EventsEndpoint: "https://api.partnercenter.microsoft.com",
			Intake: IntakeWebhook, Writes: WritesLive,
			Webhook:     &Webhook{URL: "https://agent.example.com/hooks/4f0c", SignatureHeader: "authorization"},
			Credentials: PartnerCenterCredentials{ClientID: "app", ClientSecret: "env:COSELL_PARTNER_CENTER_CLIENT_SECRET", RefreshToken: "file:/run/secrets/refresh-token"},
		},
		CRM: CRM{
			Type: Salesforce,
			Salesforce: &SalesforceOrg{OrgID: "00D5g000004AbCdEAK", LoginURL: "https://login.salesforce.com", APIVersion: "66.0",
				Credentials: SalesforceCredentials{ClientID: "consumer", Username: "integration@example.com", PrivateKey: "file:/run/secrets/salesforce.pem"}},
			Objects: DefaultObjects(Salesforce), Fields: fields,
			Stages: Stages{OnHold: "On hold <Microsoft>", Active: "Qualification"}, Marks: true,
		},
		Flows: flows, Mappings: DefaultMappings(Salesforce, fields, variables), Help: DefaultHelp(),
		Sharing:  Sharing{Delay: "20s", DefaultCurrency: "EUR", MarketplaceIntent: "HaveNotDecided"},
		Accounts: AccountMatch{Keys: []string{"name", "postal_code"}, None: "create", Many: "queue"},
		Schedule: Schedule{Poll: "10s", Sweep: "15m", SweepFrom: "2026-03-31T17:00:00Z", DailyCalls: 50000},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update after a deliberate change):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

func TestGoldenDocument(t *testing.T) {
	encoded, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "document.json", encoded)
	if bytes.ContainsAny(encoded, "\n\t") || bytes.Contains(encoded, []byte(`\u003c`)) {
		t.Error("the bytes are not canonical: white space or HTML escapes")
	}
	decoded, err := Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), decoded); diff != "" {
		t.Errorf("decoding what was encoded gives another document:\n%s", diff)
	}
}

func TestSchema(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "schema.json", schema)
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", tree); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(instance); err != nil {
		t.Errorf("the golden document does not satisfy the schema: %v", err)
	}
	instance.(map[string]any)["surprise"] = true
	if compiled.Validate(instance) == nil {
		t.Error("the schema accepts an unknown field")
	}
}

// dynamics is a complete document of Dynamics 365 with leads.
func dynamics() Document {
	d := example()
	variables := map[string]string{}
	for _, v := range KnownVariables(Dynamics365) {
		variables[v.Name] = v.Default[Dynamics365]
	}
	d.CRM = CRM{
		Type: Dynamics365,
		Dynamics: &Environment{
			OrganizationID: "7f3a2c10-5b1e-4b6f-9d0c-3f2e1d0c9b8a", EnvironmentURL: "https://fabrikam.crm4.dynamics.com", TenantID: "fabrikam.example",
			Authority: "https://login.microsoftonline.com", APIVersion: "9.2",
			Credentials: EnvironmentCredentials{ClientID: "app", Certificate: "file:/run/secrets/dataverse.pem"},
		},
		Objects: DefaultObjects(Dynamics365), Fields: DefaultFields(Dynamics365), Stages: DefaultStages(Dynamics365), Lead: &Lead{Status: variables[VariableLeadStatus]},
	}
	maps.Copy(d.CRM.Objects, DefaultLeadObjects(Dynamics365))
	maps.Copy(d.CRM.Fields, DefaultLeadFields(Dynamics365))
	d.Mappings = DefaultMappings(Dynamics365, d.CRM.Fields, variables)
	d.Flows = nil
	for _, f := range KnownFlows(Dynamics365) {
		d.Flows = append(d.Flows, Flow{Name: f.Name, Enabled: true})
	}
	return d
}

// A document of Dynamics 365 is sound with all defaults, and what it lacks is named.
func TestDynamicsDocument(t *testing.T) {
	encoded, err := Encode(dynamics())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "document-dynamics365.json", encoded)
	if decoded, err := Decode(encoded); err != nil || cmp.Diff(dynamics(), decoded) != "" {
		t.Errorf("it comes back as another: %v", err)
	}
	if len(DefaultMappings(Dynamics365, DefaultFields(Dynamics365), map[string]string{})) == 0 || len(DefaultMappings("another", nil, nil)) != 0 || len(DefaultObjects("another")) != 0 {
		t.Error("the default mappings are not those of the CRM")
	}
	for says, change := range map[string]func(*Document){
		"organization_id":                                func(d *Document) { d.CRM.Dynamics.OrganizationID = "" },
		"environment_url":                                func(d *Document) { d.CRM.Dynamics.EnvironmentURL = "http://fabrikam.example" },
		"crm.dynamics365.authority":                      func(d *Document) { d.CRM.Dynamics.Authority = "" },
		"crm.dynamics365.tenant_id":                      func(d *Document) { d.CRM.Dynamics.TenantID = "" },
		"api_version":                                    func(d *Document) { d.CRM.Dynamics.APIVersion = "66.0" },
		"client_id":                                      func(d *Document) { d.CRM.Dynamics.Credentials.ClientID = "" },
		"either client_secret or certificate":            func(d *Document) { d.CRM.Dynamics.Credentials.ClientSecret = "env:SECRET" },
		"credentials.certificate: not a secret":          func(d *Document) { d.CRM.Dynamics.Credentials.Certificate = "literal" },
		"crm.type":                                       func(d *Document) { d.CRM.Salesforce = example().CRM.Salesforce },
		"crm.fields.solution_detail: it is missing":      func(d *Document) { delete(d.CRM.Fields, FieldSolutionDetail) },
		"crm.objects.contact_role: it is missing":        func(d *Document) { delete(d.CRM.Objects, ObjectContactRole) },
		"crm.stages":                                     func(d *Document) { d.CRM.Stages = Stages{} },
		"schedule.sweep_from":                            func(d *Document) { d.Schedule.SweepFrom = "2026-03-31" },
		"crm.fields.contact_role_contact: it is missing": func(d *Document) { delete(d.CRM.Fields, FieldRoleContact) },
	} {
		d := dynamics()
		change(&d)
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "literal") {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// withLeads is the example with leads.
func withLeads() Document {
	d := example()
	d.CRM.Lead = &Lead{Status: "Open - Not Contacted"}
	maps.Copy(d.CRM.Objects, DefaultLeadObjects(Salesforce))
	maps.Copy(d.CRM.Fields, DefaultLeadFields(Salesforce))
	d.Flows[slices.IndexFunc(d.Flows, func(f Flow) bool { return f.Name == FlowLeadsToPartnerCenter })].Enabled = true
	return d
}

// Leads stand in a document with all that they need, or not at all.
func TestLeadsAreWholeOrAbsent(t *testing.T) {
	encoded, err := Encode(withLeads())
	if err != nil {
		t.Fatal(err)
	}
	if decoded, err := Decode(encoded); err != nil || cmp.Diff(withLeads(), decoded) != "" {
		t.Errorf("a document with leads comes back as another: %v", err)
	}
	for says, change := range map[string]func(*Document){
		"crm.lead: flow leads_to_partner_center needs it":                    func(d *Document) { d.CRM.Lead = nil },
		"crm.objects.lead: it is missing":                                    func(d *Document) { delete(d.CRM.Objects, ObjectLead) },
		"crm.fields.lead_referral_key: it is missing":                        func(d *Document) { delete(d.CRM.Fields, FieldLeadKey) },
		"crm.lead.status: it is missing":                                     func(d *Document) { d.CRM.Lead.Status = "" },
		"crm.fields.lead_referral_link: there are no leads without crm.lead": func(d *Document) { d.CRM.Lead = nil },
		"crm.objects.lead: there are no leads without crm.lead":              func(d *Document) { d.CRM.Lead = nil },
	} {
		d := withLeads()
		change(&d)
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// Change events come from a topic, by an address of the same kind as every other, and beside a poll.
func TestPush(t *testing.T) {
	sound := SalesforcePush{Topic: "/data/ChangeEvents", Endpoint: "https://api.pubsub.salesforce.com:7443", Poll: "1m"}
	d := example()
	d.CRM.Salesforce.Push = &sound
	encoded, err := Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if decoded, err := Decode(encoded); err != nil || cmp.Diff(d, decoded) != "" {
		t.Errorf("a document with change events comes back as another: %v", err)
	}
	for says, change := range map[string]func(*SalesforcePush){
		"crm.salesforce.push.topic":    func(p *SalesforcePush) { p.Topic = "/event/Login" },
		"crm.salesforce.push.endpoint": func(p *SalesforcePush) { p.Endpoint = "http://api.pubsub.salesforce.com:7443" },
		"crm.salesforce.push.poll":     func(p *SalesforcePush) { p.Poll = "10ms" },
	} {
		push := sound
		change(&push)
		d.CRM.Salesforce.Push = &push
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// A Dataverse environment tells of changes at an address with a path of its own, by a header that carries the key, and beside a poll.
func TestEnvironmentPush(t *testing.T) {
	of := func(push EnvironmentPush, key secret.Reference) error {
		e := Environment{
			OrganizationID: "0a1b2c3d-1111-4222-8333-444455556666", EnvironmentURL: "https://contoso.crm4.dynamics.com", TenantID: "t",
			Authority: "https://login.microsoftonline.com", APIVersion: "9.2", Push: &push,
			Credentials: EnvironmentCredentials{ClientID: "c", ClientSecret: "env:SECRET", WebhookKey: key},
		}
		return errors.Join(e.faults()...)
	}
	sound := EnvironmentPush{URL: "https://agent.example.com/hooks/rows", HeaderName: "x-cosell-key", Poll: "1m"}
	if err := of(sound, "env:KEY"); err != nil {
		t.Errorf("a sound one: %v", err)
	}
	for _, c := range []struct {
		says   string
		key    secret.Reference
		change func(p *EnvironmentPush)
	}{
		{"credentials.webhook_key: push needs it", "", func(*EnvironmentPush) {}},
		{"credentials.webhook_key", "literal", func(*EnvironmentPush) {}},
		{"push.url", "env:KEY", func(p *EnvironmentPush) { p.URL = "http://agent.example.com/hooks/rows" }},
		{"push.url", "env:KEY", func(p *EnvironmentPush) { p.URL = "https://agent.example.com/" }},
		{"push.header_name", "env:KEY", func(p *EnvironmentPush) { p.HeaderName = "x key" }},
		{"push.header_name", "env:KEY", func(p *EnvironmentPush) { p.HeaderName = "Content-Type" }},
		{"push.poll", "env:KEY", func(p *EnvironmentPush) { p.Poll = "10ms" }},
	} {
		push := sound
		c.change(&push)
		if err := of(push, c.key); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "literal") {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
}

// A secret can only enter as a reference, and a refused literal is never repeated.
func TestRefusesLiteralSecrets(t *testing.T) {
	d := example()
	d.PartnerCenter.Credentials.RefreshToken = "0.AXoA-marker"
	_, err := Encode(d)
	if err == nil || strings.Contains(err.Error(), "marker") {
		t.Errorf("got %v", err)
	}
}

func TestDecodeIsStrict(t *testing.T) {
	encoded, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(tree map[string]any)) []byte {
		var tree map[string]any
		if err := json.Unmarshal(encoded, &tree); err != nil {
			t.Fatal(err)
		}
		change(tree)
		out, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	at := func(tree map[string]any, key string) map[string]any { return tree[key].(map[string]any) }
	cases := map[string]struct {
		content []byte
		code    problem.Code
	}{
		"nothing":            {nil, problem.DocumentInvalid},
		"not JSON":           {[]byte("agent_config = 1"), problem.DocumentInvalid},
		"two documents":      {append(bytes.Clone(encoded), encoded...), problem.DocumentInvalid},
		"no version":         {edit(func(d map[string]any) { delete(d, "version") }), problem.DocumentInvalid},
		"newer version":      {edit(func(d map[string]any) { d["version"] = 2 }), problem.DocumentVersion},
		"version zero":       {edit(func(d map[string]any) { d["version"] = 0 }), problem.DocumentVersion},
		"unknown field":      {edit(func(d map[string]any) { at(d, "crm")["colour"] = "blue" }), problem.DocumentInvalid},
		"no tenant pin":      {edit(func(d map[string]any) { at(d, "partner_center")["tenant_id"] = "" }), problem.DocumentInvalid},
		"a language of none": {edit(func(d map[string]any) { at(d, "crm")["language"] = "tlh" }), problem.DocumentInvalid},
		"no org pin":         {edit(func(d map[string]any) { at(at(d, "crm"), "salesforce")["org_id"] = "00D" }), problem.DocumentInvalid},
		"plain http":         {edit(func(d map[string]any) { at(d, "partner_center")["authority"] = "http://login.example.com" }), problem.DocumentInvalid},
		"webhook without":    {edit(func(d map[string]any) { delete(at(d, "partner_center"), "webhook") }), problem.DocumentInvalid},
		"same stages":        {edit(func(d map[string]any) { at(at(d, "crm"), "stages")["on_hold"] = "Qualification" }), problem.DocumentInvalid},
		"field role missing": {edit(func(d map[string]any) { delete(at(at(d, "crm"), "fields"), FieldSync) }), problem.DocumentInvalid},
		"negative delay":     {edit(func(d map[string]any) { at(d, "sharing")["delay"] = "-1s" }), problem.DocumentInvalid},
		"flow order": {edit(func(d map[string]any) {
			flows := d["flows"].([]any)
			flows[0], flows[1] = flows[1], flows[0]
		}), problem.DocumentInvalid},
		"prerequisite missing": {edit(func(d map[string]any) { d["flows"].([]any)[1].(map[string]any)["enabled"] = false }), problem.DocumentInvalid},
		"field mapped twice":   {edit(func(d map[string]any) { rows := d["mappings"].([]any); d["mappings"] = append(rows, rows[0]) }), problem.DocumentInvalid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(c.content)
			if !errors.Is(err, problem.New(c.code, "", "")) {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

func TestHashLeavesRevisionOut(t *testing.T) {
	first, second, third := example(), example(), example()
	second.Connector.Revision++
	third.Schedule.Poll = "30s"
	hashes := map[string]string{}
	for name, d := range map[string]Document{"first": first, "second": second, "third": third} {
		hash, err := Hash(d)
		if err != nil {
			t.Fatal(err)
		}
		hashes[name] = hash
	}
	if hashes["first"] != hashes["second"] || hashes["first"] == hashes["third"] {
		t.Errorf("unexpected hashes %v", hashes)
	}
}

func TestFlowTableIsInStartOrder(t *testing.T) {
	for _, crm := range []string{Salesforce, Dynamics365} {
		started := map[string]bool{}
		for _, f := range KnownFlows(crm) {
			for _, required := range f.Requires {
				if !started[required] {
					t.Errorf("%s: %s stands before its prerequisite %s", crm, f.Name, required)
				}
			}
			started[f.Name] = true
		}
	}
	if got := CheckFlows(Salesforce, IntakePoll, map[string]bool{FlowCustomize: true, FlowMicrosoftReferralUpdates: true}); got != nil {
		t.Errorf("polling is an intake, but: %v", got)
	}
	if got := CheckFlows(Salesforce, IntakeWebhook, map[string]bool{FlowCustomize: true, FlowMicrosoftReferralUpdates: true}); len(got) != 1 {
		t.Errorf("an inbound flow without intake gave %v", got)
	}
}

func TestVariables(t *testing.T) {
	for _, crm := range []string{Salesforce, Dynamics365} {
		for _, v := range KnownVariables(crm) {
			if value := v.Default[crm]; value != "" {
				if err := v.CheckValue(value); err != nil {
					t.Errorf("%s: the default of %s does not fit its type: %v", crm, v.Name, err)
				}
			}
		}
	}
	for name, bad := range map[string]string{VariableDisplayCheckMark: "yes", VariableActiveStage: " On hold", VariableDealValueField: "Deal value", VariableAutoHealInterval: "10"} {
		v, ok := FindVariable(Salesforce, name)
		if !ok || v.CheckValue(bad) == nil {
			t.Errorf("%s accepts %q", name, bad)
		}
	}
	if _, ok := FindVariable(Dynamics365, VariableActiveStage); ok {
		t.Error("stage variables exist for Salesforce only")
	}
}

func FuzzDecode(f *testing.F) {
	encoded, err := Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := Decode(content)
		if err != nil {
			return
		}
		again, err := Encode(d)
		if err != nil {
			t.Fatalf("a decoded document does not encode: %v", err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("an encoded document does not decode: %v", err)
		}
	})
}
