package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

func withEnv(env map[string]string) *cosell {
	return &cosell{version: "test", options: Options{LookupEnv: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}}}
}

// salesforceBlock is a block with some attributes set.
func salesforceBlock(set map[string]attr.Value) types.Object {
	kinds, values := map[string]attr.Type{}, map[string]attr.Value{}
	for _, s := range salesforceSettings {
		kinds[s.attribute], values[s.attribute] = types.StringType, types.StringNull()
	}
	for name, value := range set {
		values[name] = value
	}
	return types.ObjectValueMust(kinds, values)
}

func TestSettingsComeFromTheBlockThenTheEnvironment(t *testing.T) {
	t.Parallel()
	p := withEnv(map[string]string{"COSELL_SALESFORCE_CLIENT_ID": "from environment", "COSELL_SALESFORCE_USERNAME": "user@example.com"})
	got := p.read(path.Root(blockSalesforce), salesforceBlock(map[string]attr.Value{"client_id": types.StringValue("from block")}), salesforceSettings)
	if got.value("client_id") != "from block" || got.value("username") != "user@example.com" || got.value("org_id") != "" || !got.present || got.unknown {
		t.Errorf("got %+v", got)
	}
}

func TestSettingsAreAbsentWithoutBlockAndEnvironment(t *testing.T) {
	t.Parallel()
	got := withEnv(nil).read(path.Root(blockSalesforce), types.ObjectNull(nil), salesforceSettings)
	if got.present || got.unknown || len(got.diagnostics) > 0 {
		t.Errorf("got %+v", got)
	}
}

// TestUnknownSettingDoesNotFallBack: the environment could name another account than the one that is meant.
func TestUnknownSettingDoesNotFallBack(t *testing.T) {
	t.Parallel()
	p := withEnv(map[string]string{"COSELL_SALESFORCE_ORG_ID": "00D5g000004AbCdEAK"})
	got := p.read(path.Root(blockSalesforce), salesforceBlock(map[string]attr.Value{"org_id": types.StringUnknown()}), salesforceSettings)
	if !got.unknown || got.value("org_id") != "" || got.diagnostics.WarningsCount() != 1 || got.diagnostics.HasError() {
		t.Errorf("got %+v", got)
	}
}

func TestEndpointsAreChecked(t *testing.T) {
	t.Parallel()
	p := withEnv(map[string]string{"COSELL_SALESFORCE_LOGIN_URL": "http://login.example.com"})
	got := p.read(path.Root(blockSalesforce), types.ObjectNull(nil), salesforceSettings)
	if !got.diagnostics.HasError() || !strings.Contains(got.diagnostics[0].Detail(), "COSELL_SALESFORCE_LOGIN_URL") {
		t.Errorf("got %v, want an error that names the variable", got.diagnostics)
	}
}

// TestConfigureMakesNoCall: a provider without any setting is sound until a resource needs a system.
func TestConfigureMakesNoCall(t *testing.T) {
	t.Parallel()
	p := withEnv(nil)
	var described provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &described)
	kind := described.Schema.Type().TerraformType(t.Context())
	empty := map[string]tftypes.Value{}
	for name, attribute := range kind.(tftypes.Object).AttributeTypes {
		empty[name] = tftypes.NewValue(attribute, nil)
	}
	var response provider.ConfigureResponse
	p.Configure(t.Context(), provider.ConfigureRequest{Config: tfsdk.Config{Schema: described.Schema, Raw: tftypes.NewValue(kind, empty)}}, &response)
	if response.Diagnostics.HasError() {
		t.Fatal(response.Diagnostics)
	}
	shared, ok := response.ResourceData.(*remote.Remote)
	if !ok {
		t.Fatalf("resources get %T", response.ResourceData)
	}
	if shared.PartnerCenterConfig() != nil || shared.SalesforceConfig() != nil {
		t.Error("systems are configured out of nothing")
	}
}
