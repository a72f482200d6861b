package dynamics365_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	sandbox "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// world is an environment of the sandbox with our tables, the adapter in front of it, and an administrator who stands for people.
type world struct {
	*testing.T
	kit    *lab.Kit
	remote *sandbox.Environment
	admin  *dataverse.Client
	agent  *dataverse.Client
	signIn entra.Credentials // of the agent
	env    *adapter.Environment
	calls  atomic.Int32    // requests of any kind but for tokens
	lose   atomic.Bool     // whether answers are lost
	seen   map[string]bool // states that the feed has named
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, seen: map[string]bool{}, kit: lab.NewKit(append(sandbox.Switches(), entra.Switches()...)...)}
	var identity, service http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > 5 && r.URL.Path[:5] == "/api/" {
			w.calls.Add(1)
			if w.lose.Load() {
				service.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler) // the connection breaks
			}
			service.ServeHTTP(rw, r)
			return
		}
		identity.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	tenant, err := entra.New(w.kit, entra.Options{Audiences: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	provider := tenant.Credentials()
	agent, err := tenant.Register("agent")
	if err != nil {
		t.Fatal(err)
	}
	w.signIn = agent
	if w.remote, err = sandbox.New(w.kit, sandbox.Options{Tokens: tenant, Provider: provider.ClientID, Agent: agent.ClientID, KeyIndexTime: -1}); err != nil {
		t.Fatal(err)
	}
	w.remote.SetBaseURL(server.URL)
	identity, service = tenant.Handler(), w.remote.Handler()
	w.admin, w.agent = w.client(server.URL, provider, ""), w.client(server.URL, agent, "cosell-agent")
	w.install()
	return w
}

func (w *world) client(url string, c entra.Credentials, tag string) *dataverse.Client {
	w.Helper()
	transport := wire.NewTransport(nil)
	w.Cleanup(transport.CloseIdleConnections)
	stack, err := wire.New(wire.Options{Transport: transport, Clock: w.kit.Clock.Now, NewID: uuid.NewString, UserAgent: "test/1"})
	if err != nil {
		w.Fatal(err)
	}
	client, err := dataverse.New(dataverse.Config{
		EnvironmentURL: url, Authority: url, TenantID: c.TenantID, ClientID: c.ClientID, ClientSecret: secret.New(c.ClientSecret), Tag: tag,
	}, stack)
	if err != nil {
		w.Fatal(err)
	}
	return client
}

var names = adapter.Names{
	Opportunity: "opportunity", Account: "account", Contact: "contact", Solution: "cosell_MicrosoftSolution", Detail: "cosell_SolutionDetail",
	ContactRole: "connection", RoleOpportunity: "record1id", RoleContact: "record2id",
	Sync: "cosell_SyncWithPartnerCenter", ReferralID: "cosell_ReferralId", Key: "cosell_ReferralKey", SyncStatus: "cosell_SyncStatus", Audit: "cosell_Audit",
	SolutionOpportunity: "cosell_OpportunityId", SolutionDetail: "cosell_SolutionDetailId", DetailIdentifier: "cosell_SolutionIdentifier",
	Mapped: []string{
		"name", "estimatedvalue", "transactioncurrencyid", "estimatedclosedate", "description", "statuscode", "cosell_HowCanMicrosoftHelp", "cosell_ReferralVisibility",
		"Account.name", "Account.address1_postalcode", "Account.address1_country", "Account.address1_city",
	},
	Country: "address1_country", PostalCode: "address1_postalcode", Stages: []string{"On Hold", "In Progress", "Won", "Canceled"},
	Leads: adapter.LeadNames{Table: "lead", Key: "cosell_ReferralKey", ReferralID: "cosell_ReferralId", ReferralLink: "cosell_ReferralLink", Status: "New"},
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// solution is what the tables belong to.
const solution = "cosell"

// install makes the tables and columns as the provider does.
func (w *world) install() {
	w.Helper()
	publisher := w.row("publishers", map[string]any{
		"uniquename": "cosell", "friendlyname": "Cosell", "customizationprefix": "cosell", "customizationoptionvalueprefix": 80424,
	})
	w.row("solutions", map[string]any{"uniquename": solution, "friendlyname": "Cosell", "version": "1.0.0.0", "publisherid@odata.bind": "/publishers(" + publisher + ")"})
	label := func(text string) dataverse.Label { return dataverse.NewLabel(text, 1033) }
	column := func(table string, c dataverse.Column) {
		w.Helper()
		c.DisplayName = label(c.SchemaName)
		_, err := w.admin.CreateColumn(w.Context(), solution, table, c)
		w.must(err)
	}
	key := func(table, name string) {
		w.Helper()
		_, err := w.admin.CreateAlternateKey(w.Context(), solution, table, name+"Unique", label(name), []string{name})
		w.must(err)
	}
	var options []dataverse.Option
	for _, help := range document.DefaultHelp() {
		options = append(options, dataverse.Option{Label: label(help.CRM)})
	}
	for _, table := range []string{"opportunity", "lead"} {
		column(table, dataverse.Column{Kind: dataverse.Text, SchemaName: names.Key, MaxLength: 100})
		column(table, dataverse.Column{Kind: dataverse.Text, SchemaName: names.ReferralID, MaxLength: 100})
		column(table, dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_ReferralLink", MaxLength: 500, Format: "Url"})
		key(table, "cosell_referralkey")
	}
	column("opportunity", dataverse.Column{Kind: dataverse.YesNo, SchemaName: names.Sync, YesLabel: label("Yes"), NoLabel: label("No")})
	column("opportunity", dataverse.Column{Kind: dataverse.YesNo, SchemaName: "cosell_ReferralVisibility", YesLabel: label("Visible"), NoLabel: label("Not visible")})
	column("opportunity", dataverse.Column{Kind: dataverse.Text, SchemaName: names.SyncStatus, MaxLength: 200})
	column("opportunity", dataverse.Column{Kind: dataverse.Memo, SchemaName: names.Audit, MaxLength: 1000})
	column("opportunity", dataverse.Column{Kind: dataverse.Choice, SchemaName: "cosell_HowCanMicrosoftHelp", Options: options})
	for _, name := range []string{"cosell_MicrosoftCrmId", "cosell_ReferralProgram", "cosell_CloseReason"} {
		column("opportunity", dataverse.Column{Kind: dataverse.Text, SchemaName: name, MaxLength: 200})
	}
	table := func(schema string, organization bool) {
		w.Helper()
		_, err := w.admin.CreateTable(w.Context(), solution, dataverse.NewTable{
			SchemaName: schema, DisplayName: label(schema), CollectionName: label(schema + "s"), OrganizationOwned: organization, ChangeTracking: true,
			PrimaryName: dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_Name", DisplayName: label("Name"), MaxLength: 100},
		})
		w.must(err)
	}
	table(names.Detail, true)
	table(names.Solution, false)
	column("cosell_solutiondetail", dataverse.Column{Kind: dataverse.Text, SchemaName: names.DetailIdentifier, MaxLength: 100})
	key("cosell_solutiondetail", "cosell_solutionidentifier")
	for _, lookup := range []dataverse.NewLookup{
		{SchemaName: "cosell_opportunity_solution", Referenced: "opportunity", ReferencedKey: "opportunityid", ColumnSchemaName: names.SolutionOpportunity, OnDelete: "Cascade"},
		{SchemaName: "cosell_detail_solution", Referenced: "cosell_solutiondetail", ReferencedKey: "cosell_solutiondetailid", ColumnSchemaName: names.SolutionDetail, OnDelete: "RemoveLink"},
	} {
		lookup.Referencing, lookup.DisplayName = "cosell_microsoftsolution", label(lookup.ColumnSchemaName)
		_, err := w.admin.CreateLookup(w.Context(), solution, lookup)
		w.must(err)
	}
	w.must(w.admin.PublishAll(w.Context()))
	w.track("opportunity")
	w.track("lead")
	w.track("connection")
}

// track switches change tracking on, as the provider does where it is off.
func (w *world) track(table string) {
	w.Helper()
	definition, err := w.admin.TableDefinition(w.Context(), table)
	w.must(err)
	if definition["ChangeTrackingEnabled"] == true {
		return
	}
	definition["ChangeTrackingEnabled"] = true
	w.must(w.admin.UpdateTable(w.Context(), solution, definition))
}

// open looks at the environment as the agent does when it starts.
func (w *world) open(change ...func(*adapter.Names)) *adapter.Environment {
	w.Helper()
	n := names
	for _, c := range change {
		c(&n)
	}
	env, err := adapter.Open(w.Context(), w.agent, n)
	w.must(err)
	w.env = env
	return env
}

// row makes a row as a person does.
func (w *world) row(set string, body map[string]any) string {
	w.Helper()
	created, err := w.admin.Create(w.Context(), set, body)
	w.must(err)
	return created.ID
}

// edit changes a row as a person does.
func (w *world) edit(set, id string, body map[string]any) {
	w.Helper()
	row, err := dataverse.Row(set, id)
	w.must(err)
	w.must(w.admin.Update(w.Context(), row, dataverse.Any, body))
}

// look reads a row as a person sees it.
func (w *world) look(set, id string) map[string]any {
	w.Helper()
	row, err := dataverse.Row(set, id)
	w.must(err)
	var found map[string]any
	w.must(w.admin.Get(w.Context(), row, dataverse.Query{}, &found))
	return found
}

func (w *world) count(set, filter string) int {
	w.Helper()
	rows, err := dataverse.List[json.RawMessage](w.Context(), w.admin, set, dataverse.Query{Filter: filter})
	w.must(err)
	return len(rows)
}

// wait moves the clock, so that one moment is told from the next.
func (w *world) wait(d time.Duration) { w.kit.Clock.Advance(d) }

// qualified is how a seller qualifies a lead into an opportunity.
var qualified = dataverse.Qualify{CreateOpportunity: true, Status: 3}

// rows reads rows as a person sees them.
func (w *world) rows(set, filter string) []map[string]any {
	w.Helper()
	rows, err := dataverse.List[map[string]any](w.Context(), w.admin, set, dataverse.Query{Filter: filter})
	w.must(err)
	return rows
}

// sleep waits, or ends early with the context.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// mutex is what the agents of a test lock their log with.
type mutex = sync.Mutex
