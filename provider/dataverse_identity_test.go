package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// dataverseKeys are the keys of the types that more than a name identifies, in the order of their import ids.
var dataverseKeys = map[string][]string{
	"cosell_dataverse_column":       {"table", "name"},
	"cosell_dataverse_form_section": {"table", "form", "name"},
	"cosell_dataverse_subgrid":      {"table", "form", "name"},
}

// Every resource type of Dataverse is imported by its identity, with the organisation's id or without, and shows the same identity when
// it is read; an identity of another organisation, and one without all its keys, are refused. Command-line tools before Terraform 1.12
// know no identities, so the protocol is spoken here directly.
func TestDataverseImportByIdentity(t *testing.T) {
	t.Parallel()
	for typeName, row := range dataverseCapabilities {
		if row.importID == "" {
			t.Errorf("%s cannot be imported", typeName)
			continue
		}
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if row.prepare != nil {
				row.prepare(t, w)
			}
			keys := dataverseKeys[typeName]
			if keys == nil {
				keys = []string{"name"}
			}
			parts := strings.SplitN(row.importID, "/", len(keys))
			organization := w.env["COSELL_DATAVERSE_ORGANIZATION_ID"]
			resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providersWith(row.env), Steps: []resource.TestStep{{
				Config: row.config, PostApplyFunc: func() {
					p := w.protocol(t, row.env)
					for _, pin := range []string{"", organization, strings.ToUpper(organization)} {
						identity := map[string]string{"organization_id": pin}
						for i, key := range keys {
							identity[key] = parts[i]
						}
						got, problems := p.importByIdentity(typeName, identity)
						if problems != "" || got["organization_id"] != organization {
							t.Errorf("import with organization_id %q: %v %s", pin, got, problems)
						}
						for i, key := range keys {
							if got[key] != parts[i] {
								t.Errorf("imported %s %v, want %s", key, got[key], parts[i])
							}
						}
						identity["organization_id"] = "00000000-0000-4000-8000-00000000dead"
						if _, problems := p.importByIdentity(typeName, identity); !strings.Contains(problems, "organization_id") {
							t.Errorf("import from another organisation: %q", problems)
						}
						identity["organization_id"], identity[keys[0]] = pin, ""
						if _, problems := p.importByIdentity(typeName, identity); problems == "" {
							t.Errorf("an identity without %s was imported", keys[0])
						}
					}
				},
			}}})
		})
	}
}

// importByIdentity imports and reads, and gives the identity that the read reports. Empty texts are null.
func (p *protocol) importByIdentity(typeName string, identity map[string]string) (got map[string]any, problems string) {
	p.t.Helper()
	kinds, values := map[string]tftypes.Type{}, map[string]tftypes.Value{}
	for name, value := range identity {
		kinds[name], values[name] = tftypes.String, tftypes.NewValue(tftypes.String, nil)
		if value != "" {
			values[name] = textValue(value)
		}
	}
	kind := tftypes.Object{AttributeTypes: kinds}
	encoded, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, values))
	if err != nil {
		p.t.Fatal(err)
	}
	imported, err := p.server.ImportResourceState(p.t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: typeName, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &encoded},
	})
	if err != nil || told(imported.Diagnostics) != "" {
		return nil, problemOf(err, imported)
	}
	first := imported.ImportedResources[0]
	read, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: typeName, CurrentState: first.State, CurrentIdentity: first.Identity, Private: first.Private,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if problems := told(read.Diagnostics); problems != "" {
		return nil, problems
	}
	got, _ = p.plain(read.NewIdentity.IdentityData, kind).(map[string]any)
	return got, ""
}

func problemOf(err error, response *tfprotov6.ImportResourceStateResponse) string {
	if err != nil {
		return err.Error()
	}
	return told(response.Diagnostics)
}
