package provider_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// exampleRoot is the example of a connector, ready for plan and apply.
func exampleRoot(t *testing.T, w *world, more map[string]string) *root {
	t.Helper()
	variables := exampleVariables(w)
	maps.Copy(variables, more)
	return newRoot(t, filepath.Join("..", "examples", "salesforce"), buildProvider(t), w, variables)
}

func decodeOutput(t *testing.T, r *root) document.Document {
	t.Helper()
	decoded, err := document.Decode([]byte(outputValue(t, r, "agent_config")))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// picklistOf gives the values of a picklist field that takes others too.
func picklistOf(t *testing.T, w *world, field string) (values []string) {
	t.Helper()
	found, err := w.salesforce(t).ReadMetadata(t.Context(), "CustomField", field)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	set := found[0].Node.Child("valueSet")
	if set == nil || set.ChildText("restricted") == "true" {
		t.Fatalf("%s is %+v", field, set)
	}
	for _, value := range set.Child("valueSetDefinition").All("value") {
		values = append(values, value.ChildText("fullName"))
	}
	return values
}

// grantsOf gives the field permissions of a permission set, without the objects' names where they are the opportunity's.
func grantsOf(t *testing.T, w *world, set string) map[string]string {
	t.Helper()
	type row struct {
		Field           string
		PermissionsEdit bool
	}
	rows, err := salesforce.Query[row](t.Context(), w.salesforce(t).Data(), "SELECT Field, PermissionsEdit FROM FieldPermissions WHERE Parent.Name = '"+set+"'")
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string]string{}
	for _, r := range rows {
		granted[strings.TrimPrefix(r.Field, "Opportunity.")] = map[bool]string{true: "edit", false: "read"}[r.PermissionsEdit]
	}
	return granted
}

// The kit is all that an administrator would otherwise do by hand: sellers see the section and the lists, may edit what they
// share and read the rest, and choose among the solutions of a file. The obsolete list of products is neither made nor shown.
func TestKitIsWhatSellersNeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := exampleRoot(t, w, map[string]string{
		"sellers": `["seller@example.com"]`, "catalogue_managers": `["provider.admin@example.com"]`, "solutions_file": "solutions.csv",
		"solutions": `[{ solution_id = "SOL-00009-ZZZ", name = "From the list" }]`, "field_mappings": `{ shorter = { notes = { crm = "NextStep" } } }`,
	})
	r.write(t, "solutions.csv", []byte("\ufeffsolution_id,name,type,publisher\nSOL-00001-AAA,Contoso Analytics,OWN,Contoso\nSOL-00002-BBB,\"Backup, fast\",,\n"))
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
	}

	want := map[string]string{
		"Sync_with_Partner_Center__c": "edit", "How_can_Microsoft_help__c": "edit", "Referral_Visible_to_Microsoft__c": "edit", "Close_Reason__c": "edit",
		"Referral_Identifier__c": "read", "Referral_Link__c": "read", "Referral_Program__c": "read", "Microsoft_CRM_Identifier__c": "read",
		"Sync_Status__c": "read", "Audit__c": "read", "Cosell_Referral_Key__c": "read",
		"Microsoft_Solution__c.Opportunity__c": "edit", "Microsoft_Solution__c.Solution_Identifier__c": "edit", "Microsoft_Solution__c.Solution_Detail__c": "edit",
		"Microsoft_Solution_Detail__c.Solution_Identifier__c": "read", "Microsoft_Solution_Detail__c.Type__c": "read", "Microsoft_Solution_Detail__c.Publisher_Name__c": "read",
	}
	if diff := cmp.Diff(want, grantsOf(t, w, "Cosell_Seller")); diff != "" {
		t.Errorf("sellers' fields (-want +got)\n%s", diff)
	}
	if got := picklistOf(t, w, "Opportunity.Close_Reason__c"); !slices.Equal(got, document.CloseReasons()) {
		t.Errorf("the reasons are %q", got)
	}
	assigned, err := salesforce.Query[struct{ ID string }](t.Context(), w.salesforce(t).Data(),
		"SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name = 'Cosell_Seller' AND Assignee.Username = 'seller@example.com'")
	if err != nil || len(assigned) != 1 {
		t.Errorf("the seller has %d assignments: %v", len(assigned), err)
	}
	w.expectLayout(t, want)

	details, err := salesforce.Query[map[string]any](t.Context(), w.salesforce(t).Data(),
		"SELECT Name, Solution_Identifier__c, Type__c, Publisher_Name__c FROM Microsoft_Solution_Detail__c ORDER BY Solution_Identifier__c")
	if err != nil {
		t.Fatal(err)
	}
	var catalogue []string
	for _, row := range details {
		catalogue = append(catalogue, fmt.Sprint(row["Solution_Identifier__c"], " ", row["Name"], " ", row["Type__c"], " ", row["Publisher_Name__c"]))
	}
	if want := []string{"SOL-00001-AAA Contoso Analytics own Contoso", "SOL-00002-BBB Backup, fast <nil> <nil>", "SOL-00009-ZZZ From the list <nil> <nil>"}; !slices.Equal(catalogue, want) {
		t.Errorf("the catalogue holds\n%q, want\n%q", catalogue, want)
	}

	decoded := decodeOutput(t, r)
	notes := slices.IndexFunc(decoded.Mappings, func(m document.Mapping) bool { return m.Field == "notes" })
	if decoded.Mappings[notes].CRM != "NextStep" || decoded.CRM.Fields[document.FieldProducts] != "" {
		t.Errorf("the document maps %v and reads products from %q", decoded.Mappings[notes], decoded.CRM.Fields[document.FieldProducts])
	}
	if decoded.CRM.Fields[document.FieldSolutionDetail] != "Solution_Detail__c" || decoded.CRM.Fields[document.FieldDetailIdentifier] != "Solution_Identifier__c" {
		t.Errorf("the document does not know the catalogue: %v", decoded.CRM.Fields)
	}
}

// Leads bring their fields, the agent's rights on them and their flow, and only where they are wanted: without them nothing of the
// sort is declared, and switching the flow off leaves the rest.
func TestKitWithLeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := exampleRoot(t, w, map[string]string{"leads": "true"})
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
	}
	for set, want := range map[string]string{"Cosell_Agent": "edit", "Cosell_Seller": "read"} {
		granted := grantsOf(t, w, set)
		for _, field := range []string{"Lead.Cosell_Referral_Key__c", "Lead.Referral_Identifier__c", "Lead.Referral_Link__c"} {
			if granted[field] != want {
				t.Errorf("%s may %q %s", set, granted[field], field)
			}
		}
	}
	objects, err := salesforce.Query[struct{ PermissionsCreate bool }](t.Context(), w.salesforce(t).Data(),
		"SELECT PermissionsCreate FROM ObjectPermissions WHERE Parent.Name = 'Cosell_Agent' AND SobjectType = 'Lead'")
	if err != nil || len(objects) != 1 || !objects[0].PermissionsCreate {
		t.Errorf("the agent's rights on leads are %v: %v", objects, err)
	}
	if decoded := decodeOutput(t, r); !decoded.Flow(document.FlowLeadsToPartnerCenter) || decoded.CRM.Lead == nil {
		t.Errorf("the document has no leads: %+v %+v", decoded.CRM.Lead, decoded.Flows)
	}
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve", "-var", `disabled_flows=["leads_to_partner_center"]`)
	if decoded := decodeOutput(t, r); decoded.Flow(document.FlowLeadsToPartnerCenter) || decoded.CRM.Lead == nil {
		t.Errorf("the document without the flow has %+v", decoded.CRM.Lead)
	}
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve", "-var", "leads=false")
	if decoded := decodeOutput(t, r); decoded.CRM.Lead != nil || decoded.CRM.Objects[document.ObjectLead] != "" {
		t.Errorf("the document without leads has %+v", decoded.CRM.Lead)
	}
	if left := grantsOf(t, w, "Cosell_Agent")["Lead.Cosell_Referral_Key__c"]; left != "" {
		t.Errorf("the agent may still %s the key", left)
	}
}

// expectLayout compares the section with what sellers may do, and looks for the lists.
func (w *world) expectLayout(t *testing.T, sellers map[string]string) {
	t.Helper()
	layouts, err := w.salesforce(t).ReadMetadata(t.Context(), "Layout", "Opportunity-Opportunity Layout")
	if err != nil || len(layouts) != 1 {
		t.Fatalf("%d layouts: %v", len(layouts), err)
	}
	shown := 0
	for _, section := range layouts[0].Node.All("layoutSections") {
		if section.ChildText("label") != "Microsoft Partner Center" {
			continue
		}
		for _, column := range section.All("layoutColumns") {
			for _, item := range column.All("layoutItems") {
				shown++
				want := map[string]string{"edit": "Edit", "read": "Readonly"}[sellers[item.ChildText("field")]]
				if got := item.ChildText("behavior"); got != want {
					t.Errorf("the section shows %s as %q, want %q", item.ChildText("field"), got, want)
				}
			}
		}
	}
	if shown != 10 {
		t.Errorf("the section shows %d fields", shown)
	}
	lists := layouts[0].Node.All("relatedLists")
	var names []string
	for _, list := range lists {
		names = append(names, list.ChildText("relatedList"))
	}
	if want := []string{"Microsoft_Solution__c.Opportunity__c", "RelatedOpportunitySalesTeam", "RelatedContentNoteList"}; !slices.Equal(names[max(0, len(names)-3):], want) {
		t.Errorf("the layout's lists are %q, want them to end with %q", names, want)
	}
	solutions := lists[slices.IndexFunc(lists, func(n *metadata.Node) bool {
		return n.ChildText("relatedList") == "Microsoft_Solution__c.Opportunity__c"
	})]
	if got := solutions.ChildTexts("fields"); !slices.Equal(got, []string{"NAME", "Solution_Identifier__c", "Solution_Detail__c"}) {
		t.Errorf("the list of solutions has the columns %q", got)
	}
}

// The example of staging, as it stands, on a tenant whose registration is production's: without a scope it is refused at plan,
// with the address of production; with it the registration stays as it is from the first apply to destroy.
func TestStagingExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const production = "https://agent.example.com/hooks/4f0c9a7d2b61"
	if err := w.sandbox.PartnerCenter().Overwrite(production, []string{partnercenter.EventReferralCreated, "invoice-ready"}); err != nil {
		t.Fatal(err)
	}
	r := exampleRoot(t, w, map[string]string{})
	example, err := os.ReadFile(filepath.Join(r.dir, "staging.tfvars.example"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(example)
	for name, value := range map[string]string{"on_hold_stage_name": "Prospecting", "agent_salesforce_username": w.env["COSELL_AGENT_SALESFORCE_USERNAME"]} {
		at := strings.Index(text, name)
		line, _, _ := strings.Cut(text[at:], "\n")
		text = strings.Replace(text, line, fmt.Sprintf("%s = %q", name, value), 1)
	}
	r.write(t, "terraform.tfvars", []byte(text))
	r.env = slices.DeleteFunc(r.env, func(entry string) bool { return strings.HasPrefix(entry, "TF_VAR_") })

	output, status := r.run(t, "plan", "-input=false", "-no-color", "-var", "referral_scope=null")
	if status == 0 || !words(production).MatchString(output) || !words("another installation").MatchString(output) {
		t.Errorf("without a scope the plan gave status %d:\n%s", status, output)
	}
	output, status = r.run(t, "plan", "-input=false", "-no-color", "-var", "intake=webhook", "-var", "webhook_url=https://staging.example.com/hooks/1")
	if status == 0 || !words("points to another URL").MatchString(output) || !words(production).MatchString(output) {
		t.Errorf("taking production's webhook gave status %d:\n%s", status, output)
	}
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-var", "intake=webhook"); status == 0 || !words("webhook_url is needed").MatchString(output) {
		t.Errorf("a webhook without an address gave status %d:\n%s", status, output)
	}
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	decoded := decodeOutput(t, r)
	pc := decoded.PartnerCenter
	if pc.Intake != document.IntakePoll || pc.Writes != document.WritesShadow || pc.Webhook != nil || pc.Scope == nil || pc.Scope.NamePrefix != "[staging] " {
		t.Errorf("the document says %+v, scope %+v", pc, pc.Scope)
	}
	r.must(t, "destroy", "-input=false", "-no-color", "-auto-approve")
	url, events, found := w.sandbox.PartnerCenter().Registration()
	if !found || url != production || len(events) != 2 {
		t.Errorf("production's registration is now %s %q", url, events)
	}
}

// An attribute that fields do not have is refused, because Terraform would drop it, and so is a role that the kit does not have.
func TestOverridesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := exampleRoot(t, w, nil)
	for override, said := range map[string]string{
		`field_overrides={ audit = { size = 100000 } }`:    "an attribute that fields do not have",
		`field_overrides={ audits = { length = 100000 } }`: "names roles that the kit does not have: audits",
		`field_overrides={ audit = { use = "ignored" } }`:  "managed, existing or none",
		`object_overrides={ account = { name = "X__c" } }`: "the roles solution and solution_detail",
		`field_overrides={ audit = { use = "none" } }`:     "cannot work without fields.audit",
	} {
		if output, status := r.run(t, "plan", "-input=false", "-no-color", "-var", override); status == 0 || !words(said).MatchString(output) {
			t.Errorf("%s gave status %d:\n%s", override, status, output)
		}
	}
}

// What the connector can do without may be left out, a layout may be left alone, and what belongs to a package is used under its
// name without being declared: it is granted and shown, and destroy leaves it.
func TestKitWithoutWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(t, detailObjectNamed(t, "Packaged_Solution__c"))
	w.create(t, detailField(t, "Packaged_Solution__c", "Id_Number__c", false))
	w.create(t, detailField(t, "Opportunity", "Packaged_Program__c", false))
	lookup, err := metadata.Encode("CustomField", "Packaged_Solution__c.Deal__c", metadata.CustomField{
		Label: "Deal", Type: "Lookup", ReferenceTo: "Opportunity", RelationshipName: "Packaged_Solutions",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, lookup)
	before := leftBehind(t, w)
	r := exampleRoot(t, w, map[string]string{
		"object_overrides": `{ solution = { use = "existing", name = "Packaged_Solution__c" } }`,
		"field_overrides": `{
			solution_opportunity      = { use = "existing", name = "Deal__c" }
			solution_identifier       = { use = "existing", name = "Id_Number__c" }
			referral_program          = { use = "existing", name = "Packaged_Program__c" }
			close_reason              = { type = "text", length = 80 }
			microsoft_crm_identifier  = { use = "none" }
			solution_detail           = { use = "none" }
			solution_detail_type      = { use = "none" }
			solution_detail_publisher = { use = "none" }
		}`,
		"solutions": `[{ solution_id = "SOL-00001-AAA", name = "Analytics" }]`, "catalogue_managers": `["provider.admin@example.com"]`,
		"layout_section": `{ label = "Co-sell", after = "Opportunity Information" }`, "related_lists": `["solutions"]`,
	})
	r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
	}
	for field, want := range map[string]string{"Packaged_Solution__c.Deal__c": "edit", "Packaged_Program__c": "read", "Microsoft_CRM_Identifier__c": ""} {
		if got := grantsOf(t, w, "Cosell_Seller")[field]; got != want {
			t.Errorf("sellers may %s %s, want %s", got, field, want)
		}
	}
	if got := grantsOf(t, w, "Cosell_Agent")["Packaged_Program__c"]; got != "edit" {
		t.Errorf("the agent may %s the packaged field", got)
	}
	decoded := decodeOutput(t, r)
	if decoded.CRM.Objects[document.ObjectSolution] != "Packaged_Solution__c" || decoded.CRM.Fields[document.FieldSolutionIdentifier] != "Id_Number__c" ||
		decoded.CRM.Fields[document.FieldProgram] != "Packaged_Program__c" || decoded.CRM.Fields[document.FieldMicrosoftCRMID] != "" {
		t.Errorf("the document names %v of %v", decoded.CRM.Fields, decoded.CRM.Objects)
	}
	r.write(t, "layout.auto.tfvars", []byte("opportunity_layout = null\n"))
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 2 ||
		!strings.Contains(output, "0 to add, 0 to change, 2 to destroy") {
		t.Errorf("leaving the layout alone gave status %d:\n%s", status, output)
	}
	r.must(t, "destroy", "-input=false", "-no-color", "-auto-approve")
	if after := leftBehind(t, w); !slices.Equal(after, before) {
		t.Errorf("destroy left, or took, something:\nbefore %q\nafter  %q", before, after)
	}
}
