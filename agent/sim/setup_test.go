package sim

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

var (
	logLevel  = flag.String("log-level", "off", "what the agents log into the test's log: off, error, warn, info, debug")
	firstSeed = flag.Uint64("seed", 1, "the first seed of the histories that are played")
	seeds     = flag.Uint64("seeds", 0, "how many histories are played; 0: as many as the test plays usually")
)

// numberOr is how many histories are to be played.
func numberOr(usual uint64) uint64 {
	if *seeds > 0 {
		return *seeds
	}
	return usual
}

// signingKey is the key of all integration users: keys are the slowest part of making a world.
var signingKey = sync.OnceValues(func() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
})

// signingAuthority signs the webhooks of all worlds. Bubbles begin with the year 2000.
var signingAuthority = sync.OnceValues(func() (*partnercenter.Authority, error) {
	return partnercenter.NewAuthority(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
})

func webhookAuthority(t *testing.T) *partnercenter.Authority {
	t.Helper()
	authority, err := signingAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func organisationKeys(t *testing.T) string {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
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

// provision makes in an organisation what Terraform would: objects, fields, and the agent's permissions.
func (w *world) provision(o organisation) {
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

// catalogued is how many solutions an organisation's catalogue has: SOL-1-A, SOL-2-A, ….
const catalogued = 4

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

// document is what Terraform's connector would put out for an organisation: every flow but the leads', live, by poll.
func (w *world) document(o organisation, connector string) document.Document {
	w.t.Helper()
	names := document.DefaultFields(document.Salesforce)
	variables := map[string]string{}
	for _, v := range document.KnownVariables(document.Salesforce) {
		variables[v.Name] = v.Default[document.Salesforce]
	}
	d := document.Document{
		Version: document.Version, Connector: document.Connector{Name: connector, Environment: o.name, Revision: 1},
		PartnerCenter: document.PartnerCenter{
			TenantID: o.env["COSELL_PARTNER_CENTER_TENANT_ID"], PartnerID: o.env["COSELL_PARTNER_CENTER_PARTNER_ID"],
			Authority: o.env["COSELL_PARTNER_CENTER_AUTHORITY"], ReferralsEndpoint: o.env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"],
			EventsEndpoint: o.env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"], Intake: document.IntakePoll, Writes: document.WritesLive,
			Credentials: document.PartnerCenterCredentials{
				ClientID: o.env["COSELL_PARTNER_CENTER_CLIENT_ID"], ClientSecret: "env:COSELL_PARTNER_CENTER_CLIENT_SECRET",
				RefreshToken: "env:COSELL_PARTNER_CENTER_REFRESH_TOKEN",
			},
		},
		CRM: document.CRM{
			Type: document.Salesforce, Objects: document.DefaultObjects(document.Salesforce), Fields: names, Marks: true,
			Stages: document.Stages{OnHold: stageOnHold, Active: stageActive},
			Salesforce: &document.SalesforceOrg{
				OrgID: o.env["COSELL_SALESFORCE_ORG_ID"], LoginURL: o.env["COSELL_SALESFORCE_LOGIN_URL"], APIVersion: o.env["COSELL_SALESFORCE_API_VERSION"],
				Credentials: document.SalesforceCredentials{
					ClientID: o.env["COSELL_AGENT_SALESFORCE_CLIENT_ID"], Username: o.env["COSELL_AGENT_SALESFORCE_USERNAME"],
					PrivateKey: secret.Reference("file:" + o.env["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"]),
				},
			},
		},
		Mappings: document.DefaultMappings(document.Salesforce, names, variables), Help: document.DefaultHelp(),
		Sharing:  document.Sharing{Delay: "20s", DefaultCurrency: "USD", MarketplaceIntent: "HaveNotDecided"},
		Accounts: document.AccountMatch{Keys: []string{"name", "postal_code"}, None: "create", Many: "queue"},
		Schedule: document.Schedule{Poll: "10m", Sweep: "30m"},
	}
	for _, f := range document.KnownFlows(document.Salesforce) {
		d.Flows = append(d.Flows, document.Flow{Name: f.Name, Enabled: f.Name != document.FlowLeadsToPartnerCenter})
	}
	return d
}

// receiving makes a document whose intake is the agent's webhook endpoint.
func (a *agent) receiving() {
	a.w.t.Helper()
	a.document.PartnerCenter.Intake = document.IntakeWebhook
	a.document.PartnerCenter.Webhook = &document.Webhook{URL: a.url(), SignatureHeader: "authorization"}
	a.w.register(a.env, a.url())
}
