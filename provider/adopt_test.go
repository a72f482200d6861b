package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

// olderFields are what examples/adopt takes over: fields of every type that a co-sell installation has, as an older product or an
// administrator made them.
var olderFields = []struct{ name, definition string }{
	{"MS_Solution__c.Deal__c", `<label>Opportunity</label><referenceTo>Opportunity</referenceTo><relationshipLabel>Solutions</relationshipLabel><relationshipName>MS_Solutions</relationshipName><type>MasterDetail</type>`},
	{"MS_Solution__c.Solution_Id__c", `<label>Solution ID</label><length>50</length><type>Text</type>`},
	{"Opportunity.Share_with_Microsoft__c", `<defaultValue>false</defaultValue><label>Share with Microsoft</label><type>Checkbox</type>`},
	{"Opportunity.How_can_Microsoft_help__c", `<label>How can Microsoft help?</label><type>Picklist</type><valueSet><restricted>false</restricted><valueSetDefinition><sorted>false</sorted>` +
		`<value><fullName>Quotes or Licensing</fullName><default>false</default><label>Quotes, licences</label></value>` +
		`<value><fullName>General or Other</fullName><default>true</default><label>General or Other</label></value></valueSetDefinition></valueSet>`},
	{"Opportunity.Referral_visible_to_MS_sellers__c", `<defaultValue>false</defaultValue><label>Visible to Microsoft&apos;s sellers?</label><type>Checkbox</type>`},
	{"Opportunity.Referral_Identfier__c", `<externalId>true</externalId><label>Referral ID</label><length>100</length><type>Text</type><unique>false</unique>`},
	{"Opportunity.Referral_Link__c", `<description>Address of "the deal" in the portal, ${as it} was</description><label>Referral Link</label><type>Url</type>`},
	{"Opportunity.MS_CRM_Id__c", `<label>Microsoft CRM ID</label><length>80</length><type>Text</type>`},
	{"Opportunity.Audit__c", `<inlineHelpText>Notes of the synchronisation</inlineHelpText><label>Audit</label><length>100000</length><type>LongTextArea</type><visibleLines>4</visibleLines>`},
}

const olderObject = `<deploymentStatus>Deployed</deploymentStatus><enableReports>true</enableReports><label>Solution</label>` +
	`<nameField><label>Solution</label><type>Text</type></nameField><pluralLabel>Solutions</pluralLabel><sharingModel>ReadWrite</sharingModel>`

// olderInstallation makes the older object and fields, and a deal whose fields have values.
func (w *world) olderInstallation(t *testing.T) {
	t.Helper()
	older := func(kind, name, definition string) {
		node, err := metadata.Parse([]byte("<metadata><fullName>" + name + "</fullName>" + definition + "</metadata>"))
		check(t, err)
		w.create(t, metadata.Component{Type: kind, FullName: name, Node: node})
	}
	older("CustomObject", "MS_Solution__c", olderObject)
	for _, field := range olderFields {
		older("CustomField", field.name, field.definition)
	}
	w.insert(t, "Opportunity", map[string]any{
		"Name": "Known to both", "StageName": "Qualification", "CloseDate": "2027-03-31", "Share_with_Microsoft__c": true,
		"How_can_Microsoft_help__c": "Quotes or Licensing", "Referral_Identfier__c": "6d1f", "Audit__c": "Sent by the older product.",
	})
}

// olderDefinitions reads the older object and fields as they stand now. An object's own definition does not hold its fields.
func (w *world) olderDefinitions(t *testing.T) map[string]string {
	t.Helper()
	names := []string{}
	for _, field := range olderFields {
		names = append(names, field.name)
	}
	found := map[string]string{}
	for kind, wanted := range map[string][]string{"CustomField": names, "CustomObject": {"MS_Solution__c"}} {
		components, err := w.salesforce(t).ReadMetadata(t.Context(), kind, wanted...)
		check(t, err)
		for _, component := range components {
			component.Node.RemoveAll("fields")
			found[component.FullName] = component.Node.String()
		}
	}
	if len(found) != len(olderFields)+1 {
		t.Fatalf("%d definitions were read", len(found))
	}
	return found
}

// TestAdopt takes over an organisation that has the fields already by the two examples as they stand, with the configuration that the
// tool generates: the plan imports all of them and changes nothing, the apply touches neither definitions nor deals, and the next
// plan is empty.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name, example string
		needs         tfcli.Needs
		generate      []string
	}{
		{"query with generated configuration", "query", tfcli.Needs{Terraform: "1.14"}, []string{"query", "-no-color", "-generate-config-out=adopted.tf"}},
		{"import blocks with generated configuration", "import", tfcli.Needs{}, []string{"plan", "-input=false", "-no-color", "-generate-config-out=adopted.tf"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			if lacking := way.needs.Lacking(t); lacking != "" {
				t.Skip(lacking)
			}
			w := newWorldWith(t, map[string]string{"salesforce.fls_default": "admin"}) // in Setup, fields are shown to whom made them
			w.olderInstallation(t)
			r := newRoot(t, filepath.Join("..", "examples", "adopt", way.example), buildProvider(t), w, nil)
			definitions, deals := w.olderDefinitions(t), w.sandbox.Salesforce().Rows("Opportunity")

			generated := r.must(t, way.generate...)
			source, err := os.ReadFile(filepath.Join(r.dir, "adopted.tf"))
			check(t, err)
			if found := strings.Count(string(source), "\nresource \"cosell_salesforce_custom_"); found < len(olderFields)+1 {
				t.Errorf("%d resources were written:\n%s\n%s", found, source, generated)
			}
			imported := fmt.Sprintf("%d to import, 0 to add, 0 to change, 0 to destroy", strings.Count(string(source), "\nresource \""))
			if plan := r.must(t, "plan", "-input=false", "-no-color", "-out=tfplan"); !strings.Contains(plan, imported) {
				t.Fatalf("the plan does not say %q:\n%s", imported, plan)
			}
			r.must(t, "apply", "-input=false", "-no-color", "tfplan")
			if diff := cmp.Diff(definitions, w.olderDefinitions(t)); diff != "" {
				t.Errorf("definitions changed (-before +after)\n%s", diff)
			}
			if diff := cmp.Diff(deals, w.sandbox.Salesforce().Rows("Opportunity")); diff != "" {
				t.Errorf("deals changed (-before +after)\n%s", diff)
			}
			if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
				t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
			}
			state := strings.Fields(r.must(t, "state", "list", "-no-color"))
			if !slices.ContainsFunc(state, func(address string) bool { return strings.HasPrefix(address, "cosell_salesforce_custom_object.") }) {
				t.Errorf("the state holds %q", state)
			}
		})
	}
}
