package connector

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// TestModelsMatchSchemas compares the tfsdk tags of every model with its schema, in both directions and all the way down.
func TestModelsMatchSchemas(t *testing.T) {
	t.Parallel()
	models := map[string]reflect.Type{
		"cosell_environment_variable": reflect.TypeFor[environmentVariableModel](),
		"cosell_sync_flow":            reflect.TypeFor[syncFlowModel](),
		"cosell_field_mapping":        reflect.TypeFor[fieldMappingDeclaration](),
		"cosell_solution_detail":      reflect.TypeFor[solutionDetailModel](),
		"cosell_connector":            reflect.TypeFor[connectorModel](),
	}
	for _, create := range Resources() {
		r := create()
		var named resource.MetadataResponse
		r.Metadata(t.Context(), resource.MetadataRequest{ProviderTypeName: "cosell"}, &named)
		var described resource.SchemaResponse
		r.Schema(t.Context(), resource.SchemaRequest{}, &described)
		model, ok := models[named.TypeName]
		if !ok {
			t.Errorf("%s has no model in this test", named.TypeName)
			continue
		}
		compareModel(t, named.TypeName, described.Schema.Type(), model)
	}
}

func compareModel(t *testing.T, where string, schema attr.Type, model reflect.Type) {
	t.Helper()
	for model.Kind() == reflect.Pointer {
		model = model.Elem()
	}
	switch schema := schema.(type) {
	case types.ObjectType:
		compareObject(t, where, schema, model)
	case types.MapType:
		if model.Kind() == reflect.Map {
			compareModel(t, where+"[*]", schema.ElemType, model.Elem())
		}
	}
}

func compareObject(t *testing.T, where string, schema types.ObjectType, model reflect.Type) {
	t.Helper()
	if model.Kind() != reflect.Struct {
		t.Errorf("%s is an object in the schema and %s in the model", where, model)
		return
	}
	fields := map[string]reflect.Type{}
	for i := range model.NumField() {
		fields[model.Field(i).Tag.Get("tfsdk")] = model.Field(i).Type
	}
	for name, attribute := range schema.AttrTypes {
		field, ok := fields[name]
		if !ok {
			t.Errorf("%s.%s is not in the model", where, name)
			continue
		}
		delete(fields, name)
		compareModel(t, where+"."+name, attribute, field)
	}
	for name := range fields {
		t.Errorf("%s.%s is in the model but not in the schema", where, name)
	}
}

// declared is a complete declaration that changes no default.
func declared() *connectorModel {
	flows := map[string]flowModel{}
	for _, name := range flowNames(document.Salesforce) {
		flows[name] = flowModel{CRM: document.Salesforce, Name: name, Enabled: name != document.FlowLeadsToPartnerCenter}
	}
	secret := "env:SALESFORCE_SECRET"
	return &connectorModel{
		Name: "contoso", CRM: document.Salesforce, Intake: document.IntakeWebhook, PartnerCenterWrites: document.WritesLive,
		Webhook:   &webhookModel{URL: "https://agent.example.com/hooks/4f0c"},
		SyncDelay: defaultSyncDelay, MarketplaceIntent: defaultMarketplaceIntent, SyncFlows: flows,
		EnvironmentVariables: map[string]variableModel{
			"a": {document.Salesforce, document.VariableActiveStage, "Qualification"},
			"h": {document.Salesforce, document.VariableOnHoldStage, "Prospecting"},
		},
		Credentials: credentialsModel{
			PartnerCenter: partnerCenterCredentials{ClientSecret: "env:SECRET", RefreshToken: "file:/run/secrets/token"},
			Salesforce:    &salesforceCredentials{ClientSecret: &secret},
		},
	}
}

func facts() (*remote.PartnerCenterConfig, *remote.SalesforceConfig) {
	shared := remote.New(remote.Config{
		PartnerCenter: &remote.PartnerCenterConfig{TenantID: "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90", ClientID: "app", PartnerID: "1234567"},
		Salesforce:    &remote.SalesforceConfig{ClientID: "consumer", OrgID: "00D5g000004AbCd"},
	})
	return shared.PartnerCenterConfig(), shared.SalesforceConfig()
}

func build(t *testing.T, m *connectorModel) document.Document {
	t.Helper()
	pc, sf := facts()
	b := newBuilder(m, pc, sf, nil)
	d := b.document()
	for _, found := range b.diagnostics {
		t.Errorf("%s: %s", found.Summary(), found.Detail())
	}
	return d
}

func TestDocumentOfDefaults(t *testing.T) {
	t.Parallel()
	d := build(t, declared())
	if id := d.CRM.Salesforce.OrgID; len(id) != 18 || id[:15] != "00D5g000004AbCd" {
		t.Errorf("the organisation's id is %q, not the pin in its long form", id)
	}
	if d.PartnerCenter.PartnerID != "1234567" || d.PartnerCenter.Credentials.ClientID != "app" || d.CRM.Salesforce.Credentials.ClientID != "consumer" {
		t.Error("the provider's facts are not in the document")
	}
	if d.Schedule.Poll != defaultPoll || d.Schedule.Sweep != "15m" || !d.CRM.Marks || d.Sharing.CoSellOnly {
		t.Errorf("the variables' defaults are not in the document: %+v %+v", d.Schedule, d.Sharing)
	}
	encoded, err := document.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := document.Decode(encoded); err != nil {
		t.Errorf("the agent would refuse the document: %v", err)
	}
}

// TestDocumentWithLeads: leads are in the document where their flow is on, and stay while it is off if the declaration names them.
func TestDocumentWithLeads(t *testing.T) {
	t.Parallel()
	if d := build(t, declared()); d.CRM.Lead != nil || d.CRM.Objects[document.ObjectLead] != "" || d.CRM.Fields[document.FieldLeadKey] != "" {
		t.Errorf("leads without their flow: %+v %v", d.CRM.Lead, d.CRM.Fields)
	}
	on, named := declared(), declared()
	on.SyncFlows[document.FlowLeadsToPartnerCenter] = flowModel{CRM: document.Salesforce, Name: document.FlowLeadsToPartnerCenter, Enabled: true}
	on.EnvironmentVariables["s"] = variableModel{document.Salesforce, document.VariableLeadStatus, "Working - Contacted"}
	on.Fields = map[string]string{document.FieldLeadReferralLink: ""}
	named.Objects = map[string]string{document.ObjectLead: "Lead"}
	for status, m := range map[string]*connectorModel{"Working - Contacted": on, "Open - Not Contacted": named} {
		d := build(t, m)
		if d.CRM.Lead == nil || d.CRM.Lead.Status != status || d.CRM.Objects[document.ObjectLead] != "Lead" || d.CRM.Fields[document.FieldLeadKey] != "Cosell_Referral_Key__c" {
			t.Errorf("leads with status %q: %+v %v %v", status, d.CRM.Lead, d.CRM.Objects, d.CRM.Fields)
		}
		if _, there := d.CRM.Fields[document.FieldLeadReferralLink]; there != (m == named) {
			t.Errorf("the link of leads: %v", d.CRM.Fields)
		}
	}
}

func TestDocumentOfOverrides(t *testing.T) {
	t.Parallel()
	m := declared()
	on, won, sweep, calls := document.Inbound, "Closed Won", "1h", int64(5000)
	m.Fields = map[string]string{document.FieldAudit: "ns__Audit__c", document.FieldCloseReason: ""}
	m.FieldMappings = map[string]fieldMappingModel{"a": {document.Salesforce, "a", map[string]mappingModel{
		"notes": {Direction: &on, On: []string{document.OnUpdate}},
	}}}
	m.Stages, m.Schedule, m.Budgets = &stagesModel{Won: &won}, &scheduleModel{Sweep: &sweep}, &budgetsModel{&calls}
	m.AccountMatch = &accountMatchModel{Keys: []string{"name"}}
	owner := "desk@example.com"
	m.FallbackOwner, m.Language = &owner, "ja"
	topic := "/data/Deals__chn"
	m.Push = &pushModel{Topic: &topic}
	d := build(t, m)
	if push := d.CRM.Salesforce.Push; push == nil || push.Topic != topic || push.Endpoint != "https://api.pubsub.salesforce.com:7443" || push.Poll != "1m" {
		t.Errorf("change events: %+v", push)
	}
	if d.CRM.Fields[document.FieldAudit] != "ns__Audit__c" {
		t.Error("the field's name was not overridden")
	}
	if _, there := d.CRM.Fields[document.FieldCloseReason]; there {
		t.Error("the role with an empty name is still there")
	}
	if slices.ContainsFunc(d.Mappings, func(row document.Mapping) bool { return row.Field == "close_reason" }) {
		t.Error("a field that was left out is still mapped")
	}
	at := slices.IndexFunc(d.Mappings, func(row document.Mapping) bool { return row.Field == "notes" })
	if row := d.Mappings[at]; row.Direction != document.Inbound || row.CRM != "Description" || !slices.Equal(row.On, []string{document.OnUpdate}) {
		t.Errorf("the mapping's row is %+v", row)
	}
	if d.CRM.Stages.Won != won || d.Schedule.Sweep != sweep || d.Schedule.DailyCalls != calls || !slices.Equal(d.Accounts.Keys, []string{"name"}) {
		t.Errorf("overrides are missing: %+v %+v %+v", d.CRM.Stages, d.Schedule, d.Accounts)
	}
	if d.CRM.FallbackOwner != owner || d.CRM.Language != "ja" {
		t.Errorf("owner %q, language %q", d.CRM.FallbackOwner, d.CRM.Language)
	}
}

// TestDocumentWithoutProvider needs pins and client ids of its own.
func TestDocumentWithoutProvider(t *testing.T) {
	t.Parallel()
	b := newBuilder(declared(), nil, nil, nil)
	b.document()
	summaries := map[string]int{}
	for _, found := range b.diagnostics {
		summaries[found.Summary()]++
	}
	if want := map[string]int{"Account pin is missing": 2, "Client id is missing": 2}; !reflect.DeepEqual(summaries, want) {
		t.Errorf("got %v, want %v", summaries, want)
	}
}

func TestWebhookIsLeftOutWhenPolling(t *testing.T) {
	t.Parallel()
	m := declared()
	m.Intake = document.IntakePoll
	if d := build(t, m); d.PartnerCenter.Webhook != nil {
		t.Errorf("a polling connector listens at %s", d.PartnerCenter.Webhook.URL)
	}
}

func TestWarnsOfAbsentFlows(t *testing.T) {
	t.Parallel()
	var diagnostics diag.Diagnostics
	warnOfAbsentFlows(document.Salesforce, map[string]bool{document.FlowCustomize: true, document.FlowCreateReferral: false},
		[]string{document.FlowLeadsToPartnerCenter}, &diagnostics)
	if len(diagnostics) != 1 || diagnostics[0].Severity() != diag.SeverityWarning {
		t.Fatalf("got %v, want one warning", diagnostics)
	}
	detail := diagnostics[0].Detail()
	for _, name := range flowNames(document.Salesforce) {
		handedIn := name == document.FlowCustomize || name == document.FlowCreateReferral || name == document.FlowLeadsToPartnerCenter
		if strings.Contains(detail, name) == handedIn {
			t.Errorf("%s handed in or left out: %v, but the warning says: %s", name, handedIn, detail)
		}
	}
}

func TestSchemasAreComplete(t *testing.T) {
	t.Parallel()
	for _, create := range Resources() {
		var described resource.SchemaResponse
		create().Schema(t.Context(), resource.SchemaRequest{}, &described)
		if found := described.Schema.ValidateImplementation(context.Background()); found.HasError() {
			text, err := json.Marshal(found)
			t.Errorf("the schema is not sound: %s %v", text, err)
		}
	}
}
