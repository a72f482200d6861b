package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// olderFields are the fields of an installation that was made by hand from an older guide and has grown since, as the
// examples adopt.tf.example and adopt.auto.tfvars.example take it over.
var olderFields = []struct{ name, definition string }{
	{"Opportunity.Share_with_Microsoft__c", `<defaultValue>false</defaultValue><label>Share with Microsoft</label><type>Checkbox</type>`},
	{"Opportunity.How_can_Microsoft_help__c", `<label>How can Microsoft help?</label><type>Picklist</type><valueSet><restricted>false</restricted><valueSetDefinition><sorted>false</sorted>` +
		olderValues("Workload Specific Value Proposition", "Customer Technical Architecture", "Proof of Concept or Demo", "Quotes or Licensing", "Post Sales Customer Success", "General or Other") +
		`</valueSetDefinition></valueSet>`},
	{"Opportunity.Referral_visible_to_MS_sellers__c", `<defaultValue>false</defaultValue><label>Visible to Microsoft&apos;s sellers?</label><type>Checkbox</type>`},
	{"Opportunity.Referral_Identfier__c", `<externalId>true</externalId><label>Referral ID</label><length>100</length><type>Text</type><unique>false</unique>`},
	{"Opportunity.Referral_Link__c", `<description>Address of the deal in the portal</description><label>Referral Link</label><type>Url</type>`},
	{"Opportunity.MS_CRM_Id__c", `<label>Microsoft CRM ID</label><length>80</length><type>Text</type>`},
	{"Opportunity.Program__c", `<label>Program</label><length>40</length><type>Text</type>`},
	{"Opportunity.Products__c", `<label>Products</label><length>255</length><type>Text</type>`},
	{"Opportunity.Audit__c", `<inlineHelpText>Notes of the synchronisation</inlineHelpText><label>Audit</label><length>100000</length><type>LongTextArea</type><visibleLines>4</visibleLines>`},
	{"MS_Solution__c.Deal__c", `<label>Opportunity</label><referenceTo>Opportunity</referenceTo><relationshipLabel>Solutions</relationshipLabel><relationshipName>MS_Solutions</relationshipName><type>MasterDetail</type>`},
	{"MS_Solution__c.Solution_Id__c", `<label>Solution ID</label><length>50</length><type>Text</type>`},
}

func olderValues(names ...string) string {
	var values strings.Builder
	for _, name := range names {
		fmt.Fprintf(&values, "<value><fullName>%[1]s</fullName><default>false</default><label>%[1]s</label></value>", name)
	}
	return values.String()
}

const olderObject = `<deploymentStatus>Deployed</deploymentStatus><enableReports>true</enableReports><label>Solution</label>` +
	`<nameField><label>Solution</label><type>Text</type></nameField><pluralLabel>Solutions</pluralLabel><sharingModel>ReadWrite</sharingModel>`

// olderSection is what the older guide has the administrator put on the layout.
const olderSection = `<layoutSections><customLabel>true</customLabel><detailHeading>true</detailHeading><editHeading>true</editHeading><label>Microsoft Partner Center</label>` +
	`<layoutColumns><layoutItems><behavior>Edit</behavior><field>Share_with_Microsoft__c</field></layoutItems><layoutItems><behavior>Edit</behavior><field>Audit__c</field></layoutItems></layoutColumns>` +
	`<layoutColumns/><style>TwoColumnsTopToBottom</style></layoutSections>`

// administrator signs in as somebody who works in Setup.
func (b *bed) administrator() *salesforce.Client {
	b.t.Helper()
	stack, err := wire.New(wire.Options{Transport: wire.NewTransport(nil), Clock: time.Now, NewID: uuid.NewString})
	if err != nil {
		b.t.Fatal(err)
	}
	env := b.sandbox.Env()
	admin, err := salesforce.New(salesforce.Config{
		LoginURL: env["COSELL_SALESFORCE_LOGIN_URL"], ClientID: env["COSELL_SALESFORCE_CLIENT_ID"], ClientSecret: secret.New(env["COSELL_SALESFORCE_CLIENT_SECRET"]),
	}, stack)
	if err != nil {
		b.t.Fatal(err)
	}
	return admin
}

// olderInstallation makes the older fields and object, and shows them on the layout.
func (b *bed) olderInstallation(admin *salesforce.Client) {
	b.t.Helper()
	b.olderDefinitions(admin)
	b.olderLayout(admin)
}

// olderDefinitions makes the older fields and object.
func (b *bed) olderDefinitions(admin *salesforce.Client) {
	b.t.Helper()
	create := func(kind, name, definition string) {
		b.t.Helper()
		node, err := metadata.Parse([]byte("<metadata><fullName>" + name + "</fullName>" + definition + "</metadata>"))
		if err != nil {
			b.t.Fatal(err)
		}
		results, err := admin.CreateMetadata(b.t.Context(), metadata.Component{Type: kind, FullName: name, Node: node})
		if err == nil {
			err = results[0].Err()
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	create("CustomObject", "MS_Solution__c", olderObject)
	for _, field := range olderFields {
		create("CustomField", field.name, field.definition)
	}
}

func (b *bed) olderLayout(admin *salesforce.Client) {
	b.t.Helper()
	layouts, err := admin.ReadMetadata(b.t.Context(), "Layout", "Opportunity-Opportunity Layout")
	if err != nil || len(layouts) != 1 {
		b.t.Fatalf("%d layouts: %v", len(layouts), err)
	}
	for _, part := range []string{olderSection, `<relatedLists><relatedList>RelatedContentNoteList</relatedList></relatedLists>`} {
		node, err := metadata.Parse([]byte(part))
		if err != nil {
			b.t.Fatal(err)
		}
		layouts[0].Node.Append(node)
	}
	results, err := admin.UpdateMetadata(b.t.Context(), layouts[0])
	if err == nil {
		err = results[0].Err()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// copyAdoption puts the examples beside the root, as they stand, with the blocks that they offer for what a layout shows already.
func (b *bed) copyAdoption() {
	b.t.Helper()
	for _, name := range []string{"adopt.tf", "adopt.auto.tfvars"} {
		content, err := os.ReadFile(filepath.Join(root, "examples", "salesforce", name+".example"))
		if err != nil {
			b.t.Fatal(err)
		}
		given, offered, found := strings.Cut(string(content), "# What a layout shows already")
		if _, blocks, ok := strings.Cut(offered, ":\n"); found && ok {
			given += strings.ReplaceAll(strings.ReplaceAll("\n"+blocks, "\n# ", "\n"), "\n#", "\n")
		}
		if err := os.WriteFile(filepath.Join(b.dir, "terraform", name), []byte(given), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

// definitions reads the older fields and object as they stand now. An object's own definition does not hold its fields.
func (b *bed) definitions(admin *salesforce.Client) map[string]string {
	b.t.Helper()
	var names []string
	for _, field := range olderFields {
		names = append(names, field.name)
	}
	found := map[string]string{}
	for kind, wanted := range map[string][]string{"CustomField": names, "CustomObject": {"MS_Solution__c"}} {
		components, err := admin.ReadMetadata(b.t.Context(), kind, wanted...)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, component := range components {
			component.Node.RemoveAll("fields")
			found[component.FullName] = component.Node.String()
		}
	}
	if len(found) != len(olderFields)+1 {
		b.t.Fatalf("%d definitions were read", len(found))
	}
	return found
}

// rowsByID gives the rows of an object, each field as the organisation holds it.
func (b *bed) rowsByID(object string) map[string]map[string]any {
	rows := map[string]map[string]any{}
	for _, row := range b.sandbox.Salesforce().Rows(object) {
		rows[text(row["Id"])] = row
	}
	return rows
}

// plannedChanges gives the actions of a plan by address, and which of them take something over.
func (b *bed) plannedChanges() (actions map[string]string, imported map[string]bool) {
	b.t.Helper()
	b.terraform("plan", "-input=false", "-no-color", "-out=adopt.bin")
	var plan struct {
		Changes []struct {
			Address string `json:"address"`
			Change  struct {
				Actions   []string        `json:"actions"`
				Importing json.RawMessage `json:"importing"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(b.terraform("show", "-json", "adopt.bin"), &plan); err != nil {
		b.t.Fatal(err)
	}
	actions, imported = map[string]string{}, map[string]bool{}
	for _, change := range plan.Changes {
		actions[change.Address] = strings.Join(change.Change.Actions, ",")
		imported[change.Address] = len(change.Change.Importing) > 0
	}
	return actions, imported
}

// An installation that an older product left behind is taken over by the examples as they stand: the plan changes no adopted
// field, the apply changes no definition and no value of any opportunity, and the next plan is empty. The agent then works with
// those names: it links the deal that both sides know already, creates nothing, and carries edits both ways.
func TestAdoptAnOlderInstallation(t *testing.T) {
	t.Parallel()
	b := newBareBed(t, nil, map[string]string{"deletion_protection": "true"})
	admin := b.administrator()
	b.olderInstallation(admin)
	linked, referral := b.olderDeal()
	untouched := b.act("create_opportunity", map[string]string{
		"name": "Never shared", "stage": "Needs Analysis", "amount": "7", "Products__c": "SOL-10001-AAA;SOL-10002-BBB", "Audit__c": "Nothing was sent.",
		"How_can_Microsoft_help__c": "General or Other", "MS_CRM_Id__c": "7-ABC",
	})
	b.copyAdoption()

	actions, imported := b.plannedChanges()
	taken := 0
	for address, action := range actions {
		if imported[address] {
			taken++
		}
		onLayout := strings.Contains(address, ".cosell_salesforce_layout_section.") && action == "update" // it shows more from now on
		if imported[address] && action != "no-op" && !onLayout || !imported[address] && action != "create" {
			t.Errorf("%s: the plan says %s, imported %v", address, action, imported[address])
		}
	}
	if adopted := len(olderFields) - 2 + 1 + 2; taken != adopted { // Products__c is never declared, Program__c is somebody else's
		t.Errorf("%d things are imported, want %d", taken, adopted)
	}
	for _, address := range []string{`module.kit.cosell_salesforce_custom_field.all["referral_program"]`, `module.kit.cosell_salesforce_custom_field.all["products"]`} {
		if action, planned := actions[address]; planned {
			t.Errorf("%s is planned: %s", address, action)
		}
	}

	definitions, opportunities, solutions := b.definitions(admin), b.rowsByID("Opportunity"), b.rowsByID("MS_Solution__c")
	b.terraform("apply", "-input=false", "-no-color", "adopt.bin")
	if diff := cmp.Diff(definitions, b.definitions(admin)); diff != "" {
		t.Errorf("definitions changed (-before +after)\n%s", diff)
	}
	b.expectSameValues(opportunities, b.rowsByID("Opportunity"))
	b.expectSameValues(solutions, b.rowsByID("MS_Solution__c"))
	b.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")

	b.writeDocument()
	b.start()
	row := func(id string) map[string]any { return b.rowsByID("Opportunity")[id] }
	b.until("the deal to be linked", func() []string {
		if text(row(linked)["Cosell_Referral_Key__c"]) != referral || text(row(linked)["Sync_Status__c"]) != "In sync" {
			return []string{fmt.Sprintf("%v: %v", row(linked)["Sync_Status__c"], row(linked)["Audit__c"])}
		}
		return nil
	})
	if audit := text(row(linked)["Audit__c"]); !strings.Contains(audit, "Sent by the older product.") {
		t.Errorf("what the older product noted is lost: %s", audit)
	}
	b.act("edit_opportunity", map[string]string{"id": linked, "amount": "4321"})
	b.until("the seller's edit to arrive", func() []string {
		return differs(number(at(b.referrals()["Known to both"][0], "details", "dealValue")), "4321")
	})
	b.act("edit_referral", map[string]string{"id": referral, "notes": "Microsoft's edit"})
	b.until("Microsoft's edit to arrive", func() []string { return differs(text(row(linked)["Description"]), "Microsoft's edit") })
	b.rest()
	if referrals := b.sandbox.PartnerCenter().All(); len(referrals) != 1 || len(b.rowsByID("Opportunity")) != len(opportunities) {
		t.Errorf("there are now %d referrals and %d opportunities", len(referrals), len(b.rowsByID("Opportunity")))
	}
	b.expectSameValues(map[string]map[string]any{untouched: opportunities[untouched]}, b.rowsByID("Opportunity"))
	b.productsBecomeSolutions(untouched)
	b.stop()
}

// productsBecomeSolutions shares the deal whose solutions the older installation kept as text: they become rows, once, and are what
// the referral names.
func (b *bed) productsBecomeSolutions(id string) {
	b.t.Helper()
	account := b.act("create_account", map[string]string{"name": "Tailspin", "country": "NO", "street": "3 Main St", "city": "Oslo", "postal_code": "0150"})
	b.act("edit_opportunity", map[string]string{"id": id, "AccountId": account, "How_can_Microsoft_help__c": "", "Share_with_Microsoft__c": "true"})
	ids := func() string {
		if found := b.referrals()["Never shared"]; len(found) == 1 {
			return list(idsAt(found[0], "id", "details", "requirements", "solutions"))
		}
		return "no referral: " + text(b.rowsByID("Opportunity")[id]["Audit__c"])
	}
	b.until("the products to be the referral's solutions", func() []string { return differs(ids(), "SOL-10001-AAA SOL-10002-BBB") })
	for row, values := range b.rowsByID("MS_Solution__c") {
		if text(values["Deal__c"]) == id && text(values["Solution_Id__c"]) == "SOL-10002-BBB" {
			b.act("remove_solution", map[string]string{"id": row, "object": "MS_Solution__c"})
		}
	}
	b.until("the removal to arrive", func() []string { return differs(ids(), "SOL-10001-AAA") })
	b.rest()
	if got := ids(); got != "SOL-10001-AAA" {
		b.t.Errorf("the products came back: %s", got)
	}
}

// olderDeal is a deal that both sides know: the opportunity names the referral, the referral names the opportunity.
func (b *bed) olderDeal() (opportunity, referral string) {
	b.t.Helper()
	opportunity = b.act("create_opportunity", map[string]string{
		"name": "Known to both", "stage": "Qualification", "amount": "1234", "close_date": "2027-03-31", "description": "agreed",
		"account": "Fabrikam", "country": "Norway", "street": "1 Main St", "city": "Oslo", "postal_code": "0150",
		"Share_with_Microsoft__c": "true", "Referral_visible_to_MS_sellers__c": "true", "Program__c": "Co-sell",
		"Audit__c": "2024-02-01 09:05 - Sent by the older product.\nLine two.",
	})
	referral = b.act("portal_create", map[string]string{
		"name": "Known to both", "customer": "Fabrikam", "address_line1": "1 Main St", "city": "Oslo", "postal_code": "0150", "country": "NO",
		"value": "1234", "currency": "USD", "close_date": "2027-03-31", "notes": "agreed", "solution_id": "SOL-10001-AAA", "external_reference_id": opportunity,
	})
	b.act("edit_opportunity", map[string]string{
		"id": opportunity, "Referral_Identfier__c": referral, "Referral_Link__c": "https://partner.microsoft.com/referrals/v2/inbox?id=" + referral,
	})
	b.act("add_solution", map[string]string{
		"opportunity": opportunity, "solution": "SOL-10001-AAA", "object": "MS_Solution__c", "parent_field": "Deal__c", "solution_field": "Solution_Id__c",
		"Name": "Analytics",
	})
	return opportunity, referral
}

// expectSameValues compares rows field by field. Fields that were not there before must be empty.
func (b *bed) expectSameValues(before, after map[string]map[string]any) {
	b.t.Helper()
	for id, old := range before {
		for _, field := range slices.Sorted(maps.Keys(after[id])) {
			was, existed := old[field]
			if now := after[id][field]; existed && !cmp.Equal(was, now) || !existed && now != nil && now != false {
				b.t.Errorf("%s: %s was %v and is %v", id, field, was, now)
			}
		}
		for field := range old {
			if _, there := after[id][field]; !there {
				b.t.Errorf("%s: %s is gone", id, field)
			}
		}
	}
}

func differs(got, want string) []string {
	if got != want {
		return []string{fmt.Sprintf("%q instead of %q", got, want)}
	}
	return nil
}
