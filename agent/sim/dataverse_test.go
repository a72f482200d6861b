package sim

import (
	"bytes"
	"cmp"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	environment "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Status reasons that every environment has; the two that the administrator adds are dataverseWorld.added.
const (
	reasonInProgress = 1
	reasonOnHold     = 2
	reasonWon        = 3
	reasonCanceled   = 4
)

// furtherStages are the open status reasons that an administrator has added to those that every environment has.
var furtherStages = []string{"Proposal", "Negotiation"}

// dataverseWorld is a Dataverse environment with Dynamics 365 Sales as a crmWorld.
type dataverseWorld struct {
	w     *world
	o     organisation
	env   *environment.Environment
	added map[string]int // numbers of the further stages
}

func (w *world) environment() organisation {
	o := organisation{name: "production", env: w.sandbox.DataverseEnv()}
	d := &dataverseWorld{w: w, o: o, env: w.sandbox.Dataverse(), added: map[string]int{}}
	o.crm = d
	return o
}

// applicationKey is the key of all applications' certificates: keys are the slowest part of making a world.
var applicationKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(cryptorand.Reader, 2048) })

// withEnvironment completes the options of an environment.
func withEnvironment(t *testing.T, options sandbox.DataverseOptions) *sandbox.DataverseOptions {
	t.Helper()
	key, err := applicationKey()
	if err != nil {
		t.Fatal(err)
	}
	options.Key, options.KeyIndexTime = key, -time.Second
	return &options
}

func (d *dataverseWorld) vocabulary() vocabulary {
	return vocabulary{
		product: document.Dynamics365, service: environment.Service, opportunity: "opportunity", account: "account",
		onHold: "On Hold", active: "In Progress", won: "Won", lost: "Canceled", others: furtherStages, seals: true,
	}
}

func (d *dataverseWorld) agent() string { return "agent" }

// reasons are the numbers of stages.
func (d *dataverseWorld) reason(stage string) int {
	known := map[string]int{"In Progress": reasonInProgress, "On Hold": reasonOnHold, "Won": reasonWon, "Canceled": reasonCanceled}
	return cmp.Or(known[stage], d.added[stage])
}

func (d *dataverseWorld) stage(reason any) string {
	number, _ := reason.(int64)
	for _, name := range slices.Concat([]string{"In Progress", "On Hold", "Won", "Canceled"}, furtherStages) {
		if d.reason(name) == int(number) {
			return name
		}
	}
	return fmt.Sprint(reason)
}

// dataverseColumns are the parameters of acts by the columns that they set.
var dataverseColumns = map[string]string{
	"amount": "estimatedvalue", "close_date": "estimatedclosedate", "description": "description", "name": "name",
	"sync": "cosell_syncwithpartnercenter", "visible": "cosell_referralvisibility", "help": "cosell_howcanmicrosofthelp", "referral_id": "cosell_referralid",
	"audit": "cosell_audit",
}

// columns turns parameters into columns of an opportunity. The stage is not among them.
func (d *dataverseWorld) columns(parameters map[string]string) map[string]any {
	values := map[string]any{}
	for parameter, value := range parameters {
		column := dataverseColumns[parameter]
		if column == "" {
			continue
		}
		values[column] = value
		if parameter == "help" {
			values[column] = strconv.Itoa(helpNumber(value))
		}
	}
	return values
}

// firstHelp is the number of the first option of "How can Microsoft help?".
const firstHelp = 804240000

func helpNumber(value string) int {
	return firstHelp + slices.IndexFunc(document.DefaultHelp(), func(v document.Value) bool { return v.CRM == value })
}

func (d *dataverseWorld) act(name string, parameters map[string]string) (map[string]any, error) {
	id := parameters["id"]
	var err error
	switch name {
	case "create_opportunity":
		id, err = d.create(parameters)
	case "edit_opportunity":
		err = d.edit(id, parameters)
	case "delete_opportunity":
		err = d.env.Delete("opportunity", id)
	case "add_solution":
		id, err = d.addSolution(parameters["opportunity"], cmp.Or(parameters["solution"], parameters["detail"]))
	case "remove_solution":
		err = d.env.Delete("cosell_microsoftsolution", id)
	case "add_contact":
		id, err = d.addContact(parameters["opportunity"], parameters)
	case "edit_contact":
		err = d.env.Edit("contact", d.contactAt(id), map[string]any{"telephone1": parameters["phone"]})
	case "remove_contact":
		if deal, primary := strings.CutPrefix(id, primaryPlace); primary {
			err = d.env.Edit("opportunity", deal, map[string]any{"parentcontactid": nil})
			break
		}
		err = d.env.Delete("connection", id)
	default:
		err = fmt.Errorf("there is no act %s", name)
	}
	return map[string]any{"id": id}, err
}

func (d *dataverseWorld) create(parameters map[string]string) (string, error) {
	values := d.columns(parameters)
	values["statuscode"] = d.reason(parameters["stage"])
	if parameters["account"] != "" {
		account, err := d.account(parameters)
		if err != nil {
			return "", err
		}
		values["parentaccountid"] = account
	}
	id, err := d.env.Create("opportunity", values)
	if err == nil && parameters["contact"] != "" {
		_, err = d.addContact(id, map[string]string{
			"last_name": parameters["contact"], "first_name": parameters["contact_first_name"], "email": parameters["contact_email"], "phone": parameters["contact_phone"],
		})
	}
	if err == nil && parameters["solution"] != "" {
		_, err = d.addSolution(id, parameters["solution"])
	}
	return id, err
}

// account finds the account that the parameters name, or makes it.
func (d *dataverseWorld) account(parameters map[string]string) (string, error) {
	for _, row := range d.env.Rows("account") {
		if row["name"] == parameters["account"] {
			return text(row["accountid"]), nil
		}
	}
	return d.env.Create("account", map[string]any{
		"name": parameters["account"], "address1_line1": parameters["street"], "address1_city": parameters["city"],
		"address1_postalcode": parameters["postal_code"], "address1_country": parameters["country"],
	})
}

// edit changes columns, and then the stage: a closed opportunity refuses everything else, and is closed by an action.
func (d *dataverseWorld) edit(id string, parameters map[string]string) error {
	values := d.columns(parameters)
	stage, moved := parameters["stage"]
	closes := map[string]string{"Won": "win_opportunity", "Canceled": "lose_opportunity"}[stage]
	if moved && closes == "" {
		values["statuscode"] = d.reason(stage)
	}
	if len(values) > 0 {
		if err := d.env.Edit("opportunity", id, values); err != nil {
			return err
		}
	}
	if closes == "" {
		return nil
	}
	_, err := d.w.act("dynamics_"+closes, map[string]string{"id": id})
	return err
}

// addSolution chooses a solution of the catalogue, to which one that it lacks is added.
func (d *dataverseWorld) addSolution(opportunity, identifier string) (string, error) {
	detail := ""
	for _, row := range d.env.Rows("cosell_solutiondetail") {
		if row["cosell_solutionidentifier"] == identifier {
			detail = text(row["cosell_solutiondetailid"])
		}
	}
	if detail == "" {
		var err error
		if detail, err = d.env.Create("cosell_solutiondetail", map[string]any{"cosell_name": "Solution " + identifier, "cosell_solutionidentifier": identifier}); err != nil {
			return "", err
		}
	}
	return d.env.Create("cosell_microsoftsolution", map[string]any{
		"cosell_name": identifier, "cosell_opportunityid": opportunity, "cosell_solutiondetailid": detail,
	})
}

// primaryPlace begins the place of a contact that is the opportunity's own; the others are connections.
const primaryPlace = "primary "

func (d *dataverseWorld) addContact(opportunity string, parameters map[string]string) (string, error) {
	contact, err := d.env.Create("contact", map[string]any{
		"lastname": parameters["last_name"], "firstname": parameters["first_name"], "emailaddress1": parameters["email"], "telephone1": parameters["phone"],
	})
	if err != nil {
		return "", err
	}
	if len(d.contacts(opportunity)) == 0 {
		return primaryPlace + opportunity, d.env.Edit("opportunity", opportunity, map[string]any{"parentcontactid": contact})
	}
	return d.env.Create("connection", map[string]any{"record1id": opportunity, "record2id": contact})
}

// contactAt gives the contact that has a place.
func (d *dataverseWorld) contactAt(place string) string {
	if deal, primary := strings.CutPrefix(place, primaryPlace); primary {
		row, _ := d.env.Row("opportunity", deal)
		return text(row["_parentcontactid_value"])
	}
	row, _ := d.env.Row("connection", place)
	return text(row["_record2id_value"])
}

func (d *dataverseWorld) seen(row map[string]any) opportunity {
	o := opportunity{
		id: text(row["opportunityid"]), name: text(row["name"]), stage: d.stage(row["statuscode"]), amount: number(row["estimatedvalue"]),
		description: text(row["description"]), closeDate: text(row["estimatedclosedate"]), referralID: text(row["cosell_referralid"]),
		key: text(row["cosell_referralkey"]), status: text(row["cosell_syncstatus"]), audit: text(row["cosell_audit"]),
		sync: row["cosell_syncwithpartnercenter"] == true, visible: row["cosell_referralvisibility"] == true,
	}
	if row["cosell_howcanmicrosofthelp"] != nil {
		o.help = fmt.Sprint(row["cosell_howcanmicrosofthelp"])
	}
	switch row["statecode"] {
	case int64(1):
		o.outcome = won
	case int64(2):
		o.outcome = lost
	}
	return o
}

func (d *dataverseWorld) opportunities() []opportunity {
	var all []opportunity
	for _, row := range d.env.Rows("opportunity") {
		all = append(all, d.seen(row))
	}
	return all
}

func (d *dataverseWorld) opportunity(id string) (opportunity, bool) {
	row, found := d.env.Row("opportunity", id)
	return d.seen(row), found
}

func (d *dataverseWorld) sold() map[string][]string {
	catalogue := map[string]string{}
	for _, row := range d.env.Rows("cosell_solutiondetail") {
		catalogue[text(row["cosell_solutiondetailid"])] = text(row["cosell_solutionidentifier"])
	}
	sold := map[string][]string{}
	for _, row := range d.env.Rows("cosell_microsoftsolution") {
		identifier := catalogue[text(row["_cosell_solutiondetailid_value"])]
		if of := text(row["_cosell_opportunityid_value"]); !slices.Contains(sold[of], identifier) {
			sold[of] = append(sold[of], identifier)
		}
	}
	return sold
}

func (d *dataverseWorld) solutions(opportunity string) []string {
	var ids []string
	for _, row := range d.env.Rows("cosell_microsoftsolution") {
		if row["_cosell_opportunityid_value"] == opportunity {
			ids = append(ids, text(row["cosell_microsoftsolutionid"]))
		}
	}
	return ids
}

func (d *dataverseWorld) contacts(opportunity string) []string {
	var places []string
	if row, _ := d.env.Row("opportunity", opportunity); text(row["_parentcontactid_value"]) != "" {
		places = append(places, primaryPlace+opportunity)
	}
	for _, row := range d.env.Rows("connection") {
		if row["_record1id_value"] == opportunity {
			places = append(places, text(row["connectionid"]))
		}
	}
	return places
}

func (d *dataverseWorld) accounts() []string {
	var all []string
	for _, row := range d.env.Rows("account") {
		all = append(all, text(row["name"])+" "+text(row["address1_postalcode"]))
	}
	return all
}

func (d *dataverseWorld) state() string {
	var all strings.Builder
	for _, table := range []string{"account", "contact", "opportunity", "connection", "cosell_solutiondetail", "cosell_microsoftsolution", "opportunityclose"} {
		for _, row := range d.env.Rows(table) {
			fmt.Fprintln(&all, table, row)
		}
	}
	return all.String()
}

// suffers lets the environment forget what it was asked for, or protect itself by one of its three limits.
func (d *dataverseWorld) suffers(random *rand.Rand) (what string, mend func()) {
	var limits environment.Limits
	switch random.IntN(4) {
	case 0:
		d.env.ExpireTokens()
		return "tokens of change tracking expired", func() {}
	case 1:
		what, limits.Requests = "few requests are taken", 5+random.IntN(60)
	case 2:
		what, limits.ExecutionTime = "little execution time is given", time.Duration(200+random.IntN(2000))*time.Millisecond
	default:
		what, limits.Concurrent = "one request at once is taken", 1
	}
	d.env.SetLimits(limits)
	return what, func() { d.env.SetLimits(environment.Limits{}) }
}

// webPart is one request of a batch, or a request of its own.
type webPart struct {
	method, path, ifMatch, ifNoneMatch string
	body                               []byte
}

func (d *dataverseWorld) writes(c *call) ([]written, bool) {
	if !strings.HasPrefix(c.url, d.o.env["COSELL_DATAVERSE_URL"]+"/api/data/") {
		return nil, false
	}
	parts := []webPart{{c.method, c.path(), c.header.Get("If-Match"), c.header.Get("If-None-Match"), c.body}}
	if strings.HasSuffix(c.path(), "/$batch") {
		var err error
		if parts, err = partsOf(c.header.Get("Content-Type"), c.body); err != nil {
			d.w.t.Errorf("a batch cannot be read: %v", err)
		}
	}
	var all []written
	guarded := map[string]bool{} // rows that an earlier part wrote with the version that was read
	for _, p := range parts {
		if one, writes := p.opportunity(); writes {
			guarded[one.id] = guarded[one.id] || p.ifMatch != "" && p.ifMatch != "*"
			one.guarded = guarded[one.id]
			all = append(all, one)
		}
	}
	return all, true
}

// partsOf reads a batch, change sets too.
func partsOf(contentType string, body []byte) ([]webPart, error) {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	var parts []webPart
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for raw, err := reader.NextRawPart(); err == nil; raw, err = reader.NextRawPart() {
		var content bytes.Buffer
		if _, err := content.ReadFrom(raw); err != nil {
			return nil, err
		}
		if inner := raw.Header.Get("Content-Type"); strings.HasPrefix(inner, "multipart/mixed") {
			changes, err := partsOf(inner, content.Bytes())
			if err != nil {
				return nil, err
			}
			parts = append(parts, changes...)
			continue
		}
		parts = append(parts, partOf(content.String()))
	}
	return parts, nil
}

func partOf(content string) webPart {
	head, body, _ := strings.Cut(content, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	request := strings.Fields(lines[0])
	p := webPart{method: request[0], path: request[1], body: []byte(strings.TrimSpace(body))}
	for _, line := range lines[1:] {
		switch name, value, _ := strings.Cut(line, ": "); name {
		case "If-Match":
			p.ifMatch = value
		case "If-None-Match":
			p.ifNoneMatch = value
		}
	}
	return p
}

// opportunity tells what a part writes in an opportunity. Winning and losing are guarded by the parts before.
func (p webPart) opportunity() (one written, writes bool) {
	path, _, _ := strings.Cut(p.path, "?")
	_ = json.Unmarshal(p.body, &one.fields) // a part without a body, or with another one
	if strings.HasSuffix(path, "/WinOpportunity") || strings.HasSuffix(path, "/LoseOpportunity") {
		closing, _ := one.fields["OpportunityClose"].(map[string]any)
		_, id, _ := strings.Cut(text(closing["opportunityid@odata.bind"]), "(")
		one.id = strings.TrimSuffix(id, ")")
		return one, true
	}
	_, address, found := strings.Cut(path, "/opportunities")
	if !found || p.method != http.MethodPost && p.method != http.MethodPatch {
		return one, false
	}
	address, _ = url.PathUnescape(strings.Trim(address, "()"))
	if p.ifNoneMatch != "*" && p.method == http.MethodPatch {
		one.id = address
	}
	one.amount, one.name, one.sync = one.fields["estimatedvalue"], text(one.fields["name"]), one.fields["cosell_syncwithpartnercenter"]
	return one, true
}

func (d *dataverseWorld) readsFeed(c *call) bool {
	return strings.HasPrefix(c.url, d.o.env["COSELL_DATAVERSE_URL"]) && c.method == http.MethodGet &&
		(strings.Contains(c.url, "deltatoken") || c.header.Get("Prefer") != "" && strings.Contains(c.header.Get("Prefer"), "track-changes"))
}

func (d *dataverseWorld) describe(doc *document.Document) {
	env := d.o.env
	doc.CRM.Stages = document.DefaultStages(document.Dynamics365)
	if d.w.seed%4 > 0 { // otherwise the agent's own user owns what is received, who cannot be named to Microsoft
		doc.CRM.FallbackOwner = "sam.seller@example.com"
	}
	doc.CRM.Dynamics = &document.Environment{
		OrganizationID: env["COSELL_DATAVERSE_ORGANIZATION_ID"], EnvironmentURL: env["COSELL_DATAVERSE_URL"], TenantID: env["COSELL_DATAVERSE_TENANT_ID"],
		Authority: env["COSELL_DATAVERSE_AUTHORITY"], APIVersion: "9.2",
		Credentials: document.EnvironmentCredentials{
			ClientID: env["COSELL_AGENT_DATAVERSE_CLIENT_ID"], ClientSecret: "env:COSELL_AGENT_DATAVERSE_CLIENT_SECRET",
		},
	}
}

// administration is what the administrator works with.
type administration struct {
	*dataverseWorld
	*dataverse.Client
}

// component is the solution that the connector's tables and columns belong to.
const component = "cosell"

func (d *dataverseWorld) administrator() administration {
	d.w.t.Helper()
	stack, err := wire.New(wire.Options{Transport: d.w.transport, Clock: d.w.now, NewID: (&stream{random: d.w.stream("administrator")}).guid})
	if err != nil {
		d.w.t.Fatal(err)
	}
	env := d.o.env
	client, err := dataverse.New(dataverse.Config{
		EnvironmentURL: env["COSELL_DATAVERSE_URL"], Authority: env["COSELL_DATAVERSE_AUTHORITY"], TenantID: env["COSELL_DATAVERSE_TENANT_ID"],
		ClientID: env["COSELL_DATAVERSE_CLIENT_ID"], ClientSecret: secret.New(env["COSELL_DATAVERSE_CLIENT_SECRET"]),
	}, stack)
	if err != nil {
		d.w.t.Fatal(err)
	}
	return administration{d, client}
}

func (a administration) check(what string, err error) {
	a.w.t.Helper()
	if err != nil {
		a.w.t.Fatalf("%s: %v", what, err)
	}
}

func label(text string) dataverse.Label { return dataverse.NewLabel(text, 1033) }

func (d *dataverseWorld) provision() {
	d.w.t.Helper()
	a, ctx := d.administrator(), d.w.t.Context()
	publisher, err := a.Create(ctx, "publishers", map[string]any{
		"uniquename": "cosell", "friendlyname": "Cosell", "customizationprefix": "cosell", "customizationoptionvalueprefix": 80424,
	})
	a.check("the publisher", err)
	_, err = a.Create(ctx, "solutions", map[string]any{
		"uniquename": component, "friendlyname": "Cosell", "version": "1.0.0.0", "publisherid@odata.bind": "/publishers(" + publisher.ID + ")",
	})
	a.check("the solution", err)
	a.tables()
	for _, c := range opportunityColumns() {
		a.column("opportunity", c)
	}
	a.key("opportunity", "cosell_referralkey")
	for _, stage := range furtherStages {
		d.added[stage], err = a.InsertStatus(ctx, component, "opportunity", 0, label(stage))
		a.check("the stage "+stage, err)
	}
	for _, table := range []string{"opportunity", "connection"} {
		definition, err := a.TableDefinition(ctx, table)
		a.check("read "+table, err)
		definition["ChangeTrackingEnabled"] = true
		a.check("track "+table, a.UpdateTable(ctx, component, definition))
	}
	a.check("publish", a.PublishAll(ctx))
	for i := range catalogued {
		identifier := fmt.Sprintf("SOL-%d-A", i+1)
		_, err := d.env.Create("cosell_solutiondetail", map[string]any{"cosell_name": "Solution " + identifier, "cosell_solutionidentifier": identifier})
		a.check("the catalogue", err)
	}
	_, err = d.w.act("dynamics_grant", map[string]string{"role": "Cosell Agent", "privilege": "prvReadConnection", "depth": "organization"})
	a.check("permit", err)
	for _, schema := range []string{"cosell_SolutionDetail", "cosell_MicrosoftSolution"} {
		for _, verb := range []string{"Create", "Read", "Write", "Delete", "Append", "AppendTo"} {
			for _, role := range []string{"Cosell Agent", "Salesperson"} {
				_, err := d.w.act("dynamics_grant", map[string]string{"role": role, "privilege": "prv" + verb + schema, "depth": "organization"})
				a.check("permit", err)
			}
		}
	}
}

// opportunityColumns are what the connector adds to an opportunity.
func opportunityColumns() []dataverse.Column {
	names := document.DefaultFields(document.Dynamics365)
	line := func(role string, length int) dataverse.Column {
		return dataverse.Column{Kind: dataverse.Text, SchemaName: names[role], MaxLength: length}
	}
	box := func(role string) dataverse.Column {
		return dataverse.Column{Kind: dataverse.YesNo, SchemaName: names[role], YesLabel: label("Yes"), NoLabel: label("No")}
	}
	help := dataverse.Column{Kind: dataverse.Choice, SchemaName: names[document.FieldHelp]}
	for i, value := range document.DefaultHelp() {
		number := firstHelp + i
		help.Options = append(help.Options, dataverse.Option{Value: &number, Label: label(value.CRM)})
	}
	link := line(document.FieldReferralLink, 500)
	link.Format = "Url"
	return []dataverse.Column{
		line(document.FieldReferralKey, 100), line(document.FieldReferralID, 100), link, box(document.FieldSync), box(document.FieldVisible), help,
		line(document.FieldSyncStatus, 200), line(document.FieldMicrosoftCRMID, 200), line(document.FieldProgram, 200), line(document.FieldCloseReason, 200),
		{Kind: dataverse.Memo, SchemaName: names[document.FieldAudit], MaxLength: 32768},
	}
}

func (a administration) column(table string, c dataverse.Column) {
	a.w.t.Helper()
	c.DisplayName = label(c.SchemaName)
	_, err := a.CreateColumn(a.w.t.Context(), component, table, c)
	a.check(c.SchemaName, err)
}

func (a administration) key(table, name string) {
	a.w.t.Helper()
	_, err := a.CreateAlternateKey(a.w.t.Context(), component, table, name+"Unique", label(name), []string{name})
	a.check("key "+name, err)
}

// tables makes the catalogue of solutions and the table of those that an opportunity has.
func (a administration) tables() {
	a.w.t.Helper()
	ctx := a.w.t.Context()
	for _, schema := range []string{"cosell_SolutionDetail", "cosell_MicrosoftSolution"} {
		_, err := a.CreateTable(ctx, component, dataverse.NewTable{
			SchemaName: schema, DisplayName: label(schema), CollectionName: label(schema + "s"), OrganizationOwned: schema == "cosell_SolutionDetail", ChangeTracking: true,
			PrimaryName: dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_Name", DisplayName: label("Name"), MaxLength: 100},
		})
		a.check(schema, err)
	}
	a.column("cosell_solutiondetail", dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_SolutionIdentifier", MaxLength: 100})
	a.key("cosell_solutiondetail", "cosell_solutionidentifier")
	for _, lookup := range []dataverse.NewLookup{
		{SchemaName: "cosell_opportunity_solution", Referenced: "opportunity", ReferencedKey: "opportunityid", ColumnSchemaName: "cosell_OpportunityId", OnDelete: "Cascade"},
		{SchemaName: "cosell_detail_solution", Referenced: "cosell_solutiondetail", ReferencedKey: "cosell_solutiondetailid", ColumnSchemaName: "cosell_SolutionDetailId", OnDelete: "RemoveLink"},
	} {
		lookup.Referencing, lookup.DisplayName = "cosell_microsoftsolution", label(lookup.ColumnSchemaName)
		_, err := a.CreateLookup(ctx, component, lookup)
		a.check(lookup.SchemaName, err)
	}
}
