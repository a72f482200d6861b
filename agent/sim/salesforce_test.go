package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Stages of every new organisation, in the roles that the documents give them.
const (
	stageOnHold = "Prospecting"
	stageActive = "Qualification"
	stageWon    = "Closed Won"
	stageLost   = "Closed Lost"
)

// salesforceWorld is a Salesforce organisation as a crmWorld.
type salesforceWorld struct {
	w *world
	o organisation
}

func (s *salesforceWorld) vocabulary() vocabulary {
	service := "salesforce"
	if s.o.name == "staging" {
		service = "salesforce_staging"
	}
	return vocabulary{
		product: document.Salesforce, service: service, opportunity: "Opportunity", account: "Account",
		onHold: stageOnHold, active: stageActive, won: stageWon, lost: stageLost, others: []string{"Needs Analysis", "Value Proposition"},
	}
}

func (s *salesforceWorld) agent() string { return s.o.env["COSELL_AGENT_SALESFORCE_USERNAME"] }

// salesforceFields are the parameters of acts that are the connector's fields.
var salesforceFields = map[string]string{
	"sync": "Sync_with_Partner_Center__c", "visible": "Referral_Visible_to_Microsoft__c", "help": "How_can_Microsoft_help__c",
	"referral_id": "Referral_Identifier__c", "audit": "Audit__c",
}

func (s *salesforceWorld) act(name string, parameters map[string]string) (map[string]any, error) {
	renamed := map[string]string{"org": s.o.name}
	for parameter, value := range parameters {
		renamed[cmp.Or(salesforceFields[parameter], parameter)] = value
	}
	return s.w.act(name, renamed)
}

func (s *salesforceWorld) seen(row map[string]any) opportunity {
	o := opportunity{
		id: text(row["Id"]), name: text(row["Name"]), stage: text(row["StageName"]), amount: number(row["Amount"]), description: text(row["Description"]),
		closeDate: text(row["CloseDate"]), referralID: text(row["Referral_Identifier__c"]), key: text(row["Cosell_Referral_Key__c"]),
		help: text(row["How_can_Microsoft_help__c"]), status: text(row["Sync_Status__c"]), audit: text(row["Audit__c"]),
		sync: row["Sync_with_Partner_Center__c"] == true, visible: row["Referral_Visible_to_Microsoft__c"] == true,
	}
	switch {
	case row["IsWon"] == true:
		o.outcome = won
	case row["IsClosed"] == true:
		o.outcome = lost
	}
	return o
}

func (s *salesforceWorld) opportunities() []opportunity {
	var all []opportunity
	for _, row := range s.o.org.Rows("Opportunity") {
		all = append(all, s.seen(row))
	}
	return all
}

func (s *salesforceWorld) opportunity(id string) (opportunity, bool) {
	row, found := s.o.org.Row("Opportunity", id)
	return s.seen(row), found
}

func (s *salesforceWorld) sold() map[string][]string {
	catalogue := map[string]string{}
	for _, row := range s.o.org.Rows("Microsoft_Solution_Detail__c") {
		catalogue[text(row["Id"])] = text(row["Solution_Identifier__c"])
	}
	sold := map[string][]string{}
	for _, row := range s.o.org.Rows("Microsoft_Solution__c") {
		identifier := cmp.Or(text(row["Solution_Identifier__c"]), catalogue[text(row["Solution_Detail__c"])])
		if of := text(row["Opportunity__c"]); !slices.Contains(sold[of], identifier) {
			sold[of] = append(sold[of], identifier)
		}
	}
	return sold
}

// belonging lists the rows of an object that refer to something.
func (s *salesforceWorld) belonging(object, lookup, to string) []string {
	var ids []string
	for _, row := range s.o.org.Rows(object) {
		if row[lookup] == to {
			ids = append(ids, text(row["Id"]))
		}
	}
	return ids
}

func (s *salesforceWorld) solutions(opportunity string) []string {
	return s.belonging("Microsoft_Solution__c", "Opportunity__c", opportunity)
}

func (s *salesforceWorld) contacts(opportunity string) []string {
	return s.belonging("OpportunityContactRole", "OpportunityId", opportunity)
}

func (s *salesforceWorld) accounts() []string {
	var all []string
	for _, row := range s.o.org.Rows("Account") {
		all = append(all, text(row["Name"])+" "+text(row["BillingPostalCode"]))
	}
	return all
}

func (s *salesforceWorld) state() string {
	var all strings.Builder
	for _, object := range []string{"Account", "Contact", "Opportunity", "OpportunityContactRole", "Microsoft_Solution__c"} {
		for _, row := range s.o.org.Rows(object) {
			fmt.Fprintln(&all, object, row)
		}
	}
	return all.String()
}

func (s *salesforceWorld) suffers(*rand.Rand) (what string, mend func()) { return "", nil }

// part is one request of a composite call, or a request of its own.
type part struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"httpHeaders"`
	Body   map[string]any    `json:"body"`
}

func (s *salesforceWorld) writes(c *call) ([]written, bool) {
	if !strings.HasPrefix(c.url, s.o.env["COSELL_SALESFORCE_LOGIN_URL"]+"/services/data/") {
		return nil, false
	}
	body := struct {
		Parts []part `json:"compositeRequest"`
	}{[]part{{
		Method: c.method, URL: c.path(), Body: c.object(), Header: map[string]string{"If-Unmodified-Since": c.header.Get("If-Unmodified-Since")},
	}}}
	if strings.HasSuffix(c.path(), "/composite") {
		body.Parts = nil
		if err := json.Unmarshal(c.body, &body); err != nil {
			s.w.t.Errorf("a composite call cannot be read: %v", err)
		}
	}
	var all []written
	for _, p := range body.Parts {
		_, object, found := strings.Cut(p.URL, "/sobjects/")
		object, id, _ := strings.Cut(object, "/")
		if !found || object != "Opportunity" || p.Method != "POST" && p.Method != "PATCH" {
			continue
		}
		all = append(all, written{
			id: id, fields: p.Body, amount: p.Body["Amount"], name: text(p.Body["Name"]), sync: p.Body["Sync_with_Partner_Center__c"],
			guarded: p.Header["If-Unmodified-Since"] != "",
		})
	}
	return all, true
}

func (s *salesforceWorld) readsFeed(c *call) bool {
	return strings.HasSuffix(c.path(), "/composite") && strings.Contains(string(c.body), "SystemModstamp")
}

func (s *salesforceWorld) describe(d *document.Document) {
	o := s.o
	d.CRM.Stages = document.Stages{OnHold: stageOnHold, Active: stageActive}
	d.CRM.Salesforce = &document.SalesforceOrg{
		OrgID: o.env["COSELL_SALESFORCE_ORG_ID"], LoginURL: o.env["COSELL_SALESFORCE_LOGIN_URL"], APIVersion: o.env["COSELL_SALESFORCE_API_VERSION"],
		Credentials: document.SalesforceCredentials{
			ClientID: o.env["COSELL_AGENT_SALESFORCE_CLIENT_ID"], Username: o.env["COSELL_AGENT_SALESFORCE_USERNAME"],
			PrivateKey: secret.Reference("file:" + o.env["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"]),
		},
	}
}

// field is a custom field that the agent needs.
type field struct {
	object, name string
	shape        metadata.CustomField
}

func fields() []field {
	yes := true
	long := func(n int) *int { return &n }
	line := func(n int) metadata.CustomField { return metadata.CustomField{Type: "Text", Length: long(n)} }
	unchecked := "false"
	box := metadata.CustomField{Type: "Checkbox", DefaultValue: &unchecked}
	identifier, key := line(100), line(255)
	identifier.ExternalID, key.ExternalID, key.Unique = &yes, &yes, &yes
	help := metadata.CustomField{Type: "Picklist", ValueSet: &metadata.ValueSet{ValueSetDefinition: &metadata.ValueSetDefinition{}}}
	for _, value := range document.DefaultHelp() {
		help.ValueSet.ValueSetDefinition.Value = append(help.ValueSet.ValueSetDefinition.Value, metadata.CustomValue{FullName: value.CRM, Label: value.CRM})
	}
	lookup := func(to, name string) metadata.CustomField {
		return metadata.CustomField{Type: "Lookup", ReferenceTo: to, RelationshipName: name, DeleteConstraint: "SetNull"}
	}
	names := document.DefaultFields(document.Salesforce)
	shapes := []struct {
		role  string
		shape metadata.CustomField
	}{
		{document.FieldSync, box}, {document.FieldVisible, box}, {document.FieldHelp, help}, {document.FieldReferralID, identifier},
		{document.FieldReferralLink, metadata.CustomField{Type: "Url"}}, {document.FieldMicrosoftCRMID, line(255)}, {document.FieldProgram, line(255)},
		{document.FieldCloseReason, line(255)}, {document.FieldSyncStatus, line(255)}, {document.FieldReferralKey, key},
		{document.FieldAudit, metadata.CustomField{Type: "LongTextArea", Length: long(32768), VisibleLines: long(5)}},
		{document.FieldDetailIdentifier, identifier}, {document.FieldSolutionOpportunity, lookup("Opportunity", "Microsoft_Solutions")},
		{document.FieldSolutionIdentifier, line(100)}, {document.FieldSolutionDetail, lookup("Microsoft_Solution_Detail__c", "Microsoft_Solutions")},
	}
	objects := document.DefaultObjects(document.Salesforce)
	var all []field
	for _, s := range shapes {
		all = append(all, field{objects[document.ObjectOf(s.role)], names[s.role], s.shape})
	}
	return all
}

// provision makes what Terraform would: objects, fields, and the agent's permissions.
func (s *salesforceWorld) provision() {
	w, o := s.w, s.o
	w.t.Helper()
	ctx := context.Background()
	client := w.administrator(o)
	objects := document.DefaultObjects(document.Salesforce)
	custom := []string{objects[document.ObjectSolutionDetail], objects[document.ObjectSolution]}
	var made []metadata.Component
	for _, name := range custom {
		made = append(made, metadata.New("CustomObject", name,
			metadata.NewText("label", name), metadata.NewText("pluralLabel", name), metadata.NewText("deploymentStatus", "Deployed"),
			metadata.NewText("sharingModel", "ReadWrite"), metadata.NewNode("nameField", metadata.NewText("label", "Name"), metadata.NewText("type", "Text"))))
	}
	for _, f := range fields() {
		f.shape.Label = f.name
		component, err := metadata.Encode("CustomField", f.object+"."+f.name, f.shape)
		if err != nil {
			w.t.Fatal(err)
		}
		made = append(made, component)
	}
	for _, component := range made {
		results, err := client.CreateMetadata(ctx, component)
		if err == nil {
			err = results[0].Err()
		}
		if err != nil {
			w.t.Fatalf("%s: %v", component.FullName, err)
		}
	}
	w.permit(client, o, custom)
	for i := range catalogued {
		identifier := fmt.Sprintf("SOL-%d-A", i+1)
		if _, err := o.org.Create(custom[0], map[string]any{"Name": "Solution " + identifier, "Solution_Identifier__c": identifier}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) permit(client *salesforce.Client, o organisation, objects []string) {
	w.t.Helper()
	create := func(object string, values map[string]any) string {
		id, err := client.Data().Create(context.Background(), object, values)
		if err != nil {
			w.t.Fatalf("%s %v: %v", object, values, err)
		}
		return string(id)
	}
	set := create("PermissionSet", map[string]any{"Name": "Cosell_Agent", "Label": "Agent"})
	for _, object := range objects {
		create("ObjectPermissions", map[string]any{"ParentId": set, "SobjectType": object, "PermissionsRead": true, "PermissionsCreate": true,
			"PermissionsEdit": true, "PermissionsDelete": true})
	}
	for _, f := range fields() {
		create("FieldPermissions", map[string]any{"ParentId": set, "SobjectType": f.object, "Field": f.object + "." + f.name, "PermissionsRead": true, "PermissionsEdit": true})
	}
	create("PermissionSetAssignment", map[string]any{"AssigneeId": o.org.Credentials().Agent.UserID, "PermissionSetId": set})
}

// administrator signs in as the user by whom the provider works.
func (w *world) administrator(o organisation) *salesforce.Client {
	w.t.Helper()
	stack, err := wire.New(wire.Options{Transport: w.transport, Clock: w.now, NewID: (&stream{random: w.stream("administrator of " + o.name)}).guid})
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := os.ReadFile(o.env["COSELL_SALESFORCE_PRIVATE_KEY_FILE"])
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := salesforce.New(salesforce.Config{
		LoginURL: o.env["COSELL_SALESFORCE_LOGIN_URL"], ClientID: o.env["COSELL_SALESFORCE_CLIENT_ID"], Username: o.env["COSELL_SALESFORCE_USERNAME"],
		PrivateKey: secret.New(string(key)), APIVersion: o.env["COSELL_SALESFORCE_API_VERSION"], CallerName: "sim",
	}, stack)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}
