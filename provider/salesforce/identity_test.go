package salesforce_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// Command-line tools before Terraform 1.12 know no identities, so the protocol is spoken here directly.
func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	org := w.env["COSELL_SALESFORCE_ORG_ID"]
	w.run(resource.TestStep{Config: objectConfig + fieldConfig("text", "") + w.setConfig(), PostApplyFunc: func() {
		for typeName, identity := range map[string]map[string]string{
			"cosell_salesforce_custom_field":   {"object": "Opportunity", "name": "Under_Test__c"},
			"cosell_salesforce_custom_object":  {"name": "Microsoft_Solution__c"},
			"cosell_salesforce_layout_section": {"object": "Opportunity", "layout": "Opportunity Layout", "label": "System Information"},
			"cosell_salesforce_related_list":   {"object": "Opportunity", "layout": "Opportunity Layout", "list": "RelatedContactRoleList"},
			"cosell_salesforce_settings":       {},
			"cosell_salesforce_permission_set": {"name": "Cosell_Agent"},
		} {
			for _, pin := range []string{"", org, org[:15]} {
				got, problems := w.importByIdentity(typeName, pin, identity)
				if problems != "" || got["org_id"] != org || got["name"] != identity["name"] {
					t.Errorf("import of %s with org_id %q: %v %s", typeName, pin, got, problems)
				}
			}
			if _, problems := w.importByIdentity(typeName, "00Dgk0000000009", identity); !strings.Contains(problems, "another Salesforce organisation") {
				t.Errorf("import of %s from another organisation: %q", typeName, problems)
			}
		}
	}})
}

// importByIdentity imports and reads, and gives the identity that the read reports.
func (w *world) importByIdentity(typeName, org string, identity map[string]string) (got map[string]string, problems string) {
	w.t.Helper()
	server := providerserver.NewProtocol6(provider.New("test", provider.Options{
		LookupEnv: func(name string) (string, bool) { value, ok := w.env[name]; return value, ok },
	})())()
	schemas, err := server.GetProviderSchema(w.t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.configure(server, schemas.Provider.ValueType())
	kinds, values := map[string]tftypes.Type{"org_id": tftypes.String}, map[string]tftypes.Value{"org_id": tftypes.NewValue(tftypes.String, nil)}
	for name, value := range identity {
		kinds[name], values[name] = tftypes.String, tftypes.NewValue(tftypes.String, value)
	}
	if org != "" {
		values["org_id"] = tftypes.NewValue(tftypes.String, org)
	}
	kind := tftypes.Object{AttributeTypes: kinds}
	encoded, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, values))
	if err != nil {
		w.t.Fatal(err)
	}
	imported, err := server.ImportResourceState(w.t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: typeName, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &encoded}})
	if err != nil {
		w.t.Fatal(err)
	}
	if problems := report(imported.Diagnostics); problems != "" {
		return nil, problems
	}
	read, err := server.ReadResource(w.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: typeName, CurrentState: imported.ImportedResources[0].State, CurrentIdentity: imported.ImportedResources[0].Identity,
		Private: imported.ImportedResources[0].Private})
	if err != nil {
		w.t.Fatal(err)
	}
	if problems := report(read.Diagnostics); problems != "" {
		return nil, problems
	}
	return w.texts(read.NewIdentity.IdentityData, kind), ""
}

func (w *world) configure(server tfprotov6.ProviderServer, kind tftypes.Type) {
	w.t.Helper()
	blocks := map[string]tftypes.Value{}
	for name, attribute := range kind.(tftypes.Object).AttributeTypes {
		blocks[name] = tftypes.NewValue(attribute, nil)
	}
	config, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, blocks))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := server.ConfigureProvider(w.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: &config})
	if err != nil || report(response.Diagnostics) != "" {
		w.t.Fatal(err, report(response.Diagnostics))
	}
}

func (w *world) texts(value *tfprotov6.DynamicValue, kind tftypes.Type) map[string]string {
	w.t.Helper()
	decoded, err := value.Unmarshal(kind)
	if err != nil {
		w.t.Fatal(err)
	}
	var attributes map[string]tftypes.Value
	if err := decoded.As(&attributes); err != nil {
		w.t.Fatal(err)
	}
	texts := map[string]string{}
	for name, attribute := range attributes {
		var text string
		if err := attribute.As(&text); err != nil {
			w.t.Fatal(err)
		}
		texts[name] = text
	}
	return texts
}

func report(diagnostics []*tfprotov6.Diagnostic) string {
	var b strings.Builder
	for _, d := range diagnostics {
		b.WriteString(d.Summary + ": " + d.Detail + "\n")
	}
	return b.String()
}
