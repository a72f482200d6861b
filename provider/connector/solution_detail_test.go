package connector

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// TestUnusualSolutionIDs are warned of, and used all the same.
func TestUnusualSolutionIDs(t *testing.T) {
	t.Parallel()
	r := newSolutionDetail().(*solutionDetail)
	var described resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &described)
	kind := described.Schema.Type().TerraformType(t.Context())
	for id, warnings := range map[string]int{
		"SOL-00001-AAA": 0, "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90": 0, "SOL-1": 1, "contoso-analytics": 1,
	} {
		values := map[string]tftypes.Value{}
		for name, attribute := range kind.(tftypes.Object).AttributeTypes {
			values[name] = tftypes.NewValue(attribute, nil)
		}
		values["solution_id"], values["name"] = tftypes.NewValue(tftypes.String, id), tftypes.NewValue(tftypes.String, "Analytics")
		var validated resource.ValidateConfigResponse
		r.ValidateConfig(t.Context(), resource.ValidateConfigRequest{Config: tfsdk.Config{Schema: described.Schema, Raw: tftypes.NewValue(kind, values)}}, &validated)
		if validated.Diagnostics.HasError() || validated.Diagnostics.WarningsCount() != warnings {
			t.Errorf("%s: got %v, want %d warnings", id, validated.Diagnostics, warnings)
		}
	}
}

func TestSolutionDetailImportIDs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"salesforce/SOL-1-A", "salesforce/SOL-1-A?object=ns__Detail__c", "salesforce/SOL-1-A?object=ns__Detail__c&publisher=&solution_id=ns__Id__c",
	} {
		crm, id, given, err := parseImportID(text)
		if err != nil || crm != document.Salesforce || id != "SOL-1-A" {
			t.Errorf("%s: %q %q %v", text, crm, id, err)
		}
		all := detailColumns{crm: crm, object: given.object, fields: defaultDetailFields(crm)}
		for role, name := range given.fields {
			all.fields[role] = name
		}
		if back := importID(all, id); back != text {
			t.Errorf("%s becomes %s", text, back)
		}
	}
	for _, text := range []string{"", "SOL-1-A", "salesforce/", "abacus/SOL-1-A", "salesforce/SOL-1-A?colour=Colour__c", "salesforce/SOL-1-A?name=A&name=B", "salesforce/SOL-1-A?%zz"} {
		if _, found := importDetail(t, new(solutionDetail), resource.ImportStateRequest{ID: text}); !found.HasError() {
			t.Errorf("the import id %q was accepted", text)
		}
	}
}

func TestSolutionDetailImportByIdentity(t *testing.T) {
	t.Parallel()
	var described resource.IdentitySchemaResponse
	new(solutionDetail).IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &described)
	state, found := importDetail(t, new(solutionDetail), resource.ImportStateRequest{Identity: identity(t, described.IdentitySchema, map[string]string{
		"crm": document.Salesforce, "solution_id": "SOL-1-A",
	})})
	var imported solutionDetailModel
	found.Append(state.Get(t.Context(), &imported)...)
	if found.HasError() || imported.ID.ValueString() != "salesforce/SOL-1-A" || imported.SolutionID.ValueString() != "SOL-1-A" ||
		imported.Object.ValueString() != "Microsoft_Solution_Detail__c" || !imported.Fields.IsNull() || !imported.DeletionProtection.ValueBool() {
		t.Errorf("got %+v, %v", imported, found)
	}
}

// tokens answers every request as the service that issues tokens does.
type tokens struct{}

// RoundTrip implements [http.RoundTripper].
func (tokens) RoundTrip(request *http.Request) (*http.Response, error) {
	body := `{"access_token":"00D5g000004AbCdEAK!token","instance_url":"https://contoso.my.salesforce.com","id":"https://login.salesforce.com/id/00D5g000004AbCdEAK/0055g000004AbCdAAK","token_type":"Bearer"}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: request}, nil
}

func TestSolutionDetailImportStaysInItsOrganisation(t *testing.T) {
	t.Parallel()
	var described resource.IdentitySchemaResponse
	new(solutionDetail).IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &described)
	shared := remote.New(remote.Config{Transport: tokens{}, Salesforce: &remote.SalesforceConfig{
		LoginURL: "https://contoso.my.salesforce.com", ClientID: "consumer", ClientSecret: secret.New("secret"),
	}})
	for org, refused := range map[string]bool{"00D5g000004AbCdEAK": false, "00D5g000004AbCd": false, "00D5g000004ZzZz": true} {
		given := identity(t, described.IdentitySchema, map[string]string{"crm": document.Salesforce, "solution_id": "SOL-1-A", "org_id": org})
		_, found := importDetail(t, &solutionDetail{remote: shared}, resource.ImportStateRequest{Identity: given})
		if found.HasError() != refused {
			t.Errorf("import from %s: %v", org, found)
		}
	}
}

func identity(t *testing.T, schema identityschema.Schema, given map[string]string) *tfsdk.ResourceIdentity {
	t.Helper()
	kind, values := schema.Type().TerraformType(t.Context()), map[string]tftypes.Value{}
	for name := range schema.Attributes {
		values[name] = tftypes.NewValue(tftypes.String, nil)
		if text, ok := given[name]; ok {
			values[name] = tftypes.NewValue(tftypes.String, text)
		}
	}
	return &tfsdk.ResourceIdentity{Schema: schema, Raw: tftypes.NewValue(kind, values)}
}

// importDetail gives the state that an import begins with.
func importDetail(t *testing.T, r *solutionDetail, request resource.ImportStateRequest) (tfsdk.State, diag.Diagnostics) {
	t.Helper()
	var described resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &described)
	kind := described.Schema.Type().TerraformType(t.Context())
	response := resource.ImportStateResponse{State: tfsdk.State{Schema: described.Schema, Raw: tftypes.NewValue(kind, nil)}}
	r.ImportState(t.Context(), request, &response)
	return response.State, response.Diagnostics
}
