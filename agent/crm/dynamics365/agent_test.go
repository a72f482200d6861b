package dynamics365_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// bed is a whole agent between a Dataverse environment and Partner Center. Its store outlives the process that runs.
type bed struct {
	*world
	center *sandbox.Sandbox
	store  *store.Memory
	log    strings.Builder
	app    atomic.Pointer[app.App] // of the process that runs
	end    func()                  // of the process that runs
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{world: newWorld(t)}
	var err error
	if b.center, err = sandbox.New(sandbox.Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.center.Close(); err != nil {
			t.Error(err)
		}
	})
	b.must(b.center.Start(context.Background()))
	b.store = store.NewMemory("dynamics", time.Now)
	return b
}

// document is what Terraform's connector would put out: every flow, live, by poll.
func (b *bed) document() document.Document {
	b.Helper()
	env := b.center.Env()
	identity, err := b.agent.WhoAmI(b.Context())
	b.must(err)
	const crm = document.Dynamics365
	variables, fields := map[string]string{}, document.DefaultFields(crm)
	for _, v := range document.KnownVariables(crm) {
		variables[v.Name] = v.Default[crm]
	}
	objects := document.DefaultObjects(crm)
	for role, name := range document.DefaultLeadObjects(crm) {
		objects[role] = name
	}
	for role, name := range document.DefaultLeadFields(crm) {
		fields[role] = name
	}
	d := document.Document{
		Version: document.Version, Connector: document.Connector{Name: "dynamics", Revision: 1},
		PartnerCenter: document.PartnerCenter{
			TenantID: env["COSELL_PARTNER_CENTER_TENANT_ID"], PartnerID: env["COSELL_PARTNER_CENTER_PARTNER_ID"], Authority: env["COSELL_PARTNER_CENTER_AUTHORITY"],
			ReferralsEndpoint: env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"], EventsEndpoint: env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"],
			Intake: document.IntakePoll, Writes: document.WritesLive,
			Credentials: document.PartnerCenterCredentials{
				ClientID: env["COSELL_PARTNER_CENTER_CLIENT_ID"], ClientSecret: "env:COSELL_PARTNER_CENTER_CLIENT_SECRET", RefreshToken: "env:COSELL_PARTNER_CENTER_REFRESH_TOKEN",
			},
		},
		CRM: document.CRM{
			Type: crm, Objects: objects, Fields: fields, Marks: true, Stages: document.DefaultStages(crm), Lead: &document.Lead{Status: "New"},
			Dynamics: &document.Environment{
				OrganizationID: identity.OrganizationID, EnvironmentURL: b.agent.EnvironmentURL(), TenantID: b.signIn.TenantID, Authority: b.agent.EnvironmentURL(), APIVersion: "9.2",
				Credentials: document.EnvironmentCredentials{ClientID: b.signIn.ClientID, ClientSecret: "env:COSELL_DATAVERSE_CLIENT_SECRET"},
			},
		},
		Mappings: document.DefaultMappings(crm, fields, variables), Help: document.DefaultHelp(),
		Sharing:  document.Sharing{Delay: "0s", DefaultCurrency: "USD", MarketplaceIntent: "HaveNotDecided"},
		Accounts: document.AccountMatch{Keys: []string{"name", "postal_code"}, None: "create", Many: "queue"},
		Schedule: document.Schedule{Poll: "200ms", Sweep: "200ms"},
	}
	for _, f := range document.KnownFlows(crm) {
		d.Flows = append(d.Flows, document.Flow{Name: f.Name, Enabled: true})
	}
	encoded, err := document.Encode(d)
	b.must(err)
	if d, err = document.Decode(encoded); err != nil {
		b.Fatal(err)
	}
	return d
}

// machine is where an agent of the test runs.
func (b *bed) machine(transport http.RoundTripper) app.Machine {
	secrets := secret.FromSystem()
	secrets.LookupEnv = func(name string) (string, bool) {
		if name == "COSELL_DATAVERSE_CLIENT_SECRET" {
			return b.signIn.ClientSecret, true
		}
		if name == "COSELL_DATAVERSE_WEBHOOK_KEY" {
			return webhookKey, true
		}
		value, ok := b.center.Env()[name]
		return value, ok
	}
	return app.Machine{
		Version: "test", Transport: transport, Secrets: secrets, Workers: 4, Lease: 3 * time.Second, CallTimeout: 5 * time.Second, ListLag: 100 * time.Millisecond,
		IdleWait: 100 * time.Millisecond, Now: time.Now, Sleep: sleep, Jitter: func() float64 { return 0.1 }, NewID: uuid.NewString,
		Log: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &b.log, Mutex: new(mutex)}),
	}
}

// start runs an agent until stop.
func (b *bed) start(transport http.RoundTripper) {
	b.Helper()
	b.startWith(b.document(), transport)
}

// startWith is start with a document.
func (b *bed) startWith(d document.Document, transport http.RoundTripper) {
	b.Helper()
	agent, err := app.New(d, b.store, b.machine(transport))
	b.must(err)
	b.app.Store(agent)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	b.end = func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			b.Errorf("the agent ended with %v", err)
		}
		b.end = nil
	}
	b.Cleanup(b.stop)
}

func (b *bed) stop() {
	if b.end != nil {
		b.end()
	}
}

// until waits for a condition, which says what is still lacking.
func (b *bed) until(what string, lacking func() string) {
	b.Helper()
	late := time.After(time.Minute)
	for {
		lacks := lacking()
		if lacks == "" {
			return
		}
		select {
		case <-late:
			b.stop()
			b.Fatalf("waited for %s, but %s\n%s", what, lacks, b.log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// opportunity reads the opportunity of a referral as a person sees it; nil when there is none.
func (b *bed) opportunity(referralID string) map[string]any {
	b.Helper()
	rows := b.rows("opportunities", "cosell_referralkey eq '"+strings.ToLower(referralID)+"'")
	if len(rows) > 1 {
		b.Fatalf("referral %s has %d opportunities", referralID, len(rows))
	}
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

func (b *bed) referral(id string) *partnercenter.Referral {
	b.Helper()
	found, err := b.center.PartnerCenter().Referral(id)
	b.must(err)
	return found
}

// shape says of a deal in one line what both sides must agree on.
func shape(name, value, currency, closing, notes string) string {
	return strings.Join([]string{name, value, currency, closing, notes}, " | ")
}

func (b *bed) unequal(id string) string {
	b.Helper()
	row, r := b.opportunity(id), b.referral(id)
	if row == nil {
		return "there is no opportunity"
	}
	notes := ""
	if r.Details.Notes != nil {
		notes = *r.Details.Notes
	}
	closing, _ := json.Marshal(r.Details.ClosingDateTime)
	there := shape(r.Name, number(r.Details.DealValue), r.Details.Currency, strings.Trim(string(closing), `"`)[:10], notes)
	name, _ := row["name"].(string)
	description, _ := row["description"].(string)
	here := shape(strings.TrimPrefix(name, "✔ "), number(row["estimatedvalue"]), b.currency(row), fmt.Sprint(row["estimatedclosedate"])[:10], description)
	if here != there {
		return fmt.Sprintf("the CRM has %s and Partner Center %s", here, there)
	}
	return ""
}

func (b *bed) currency(row map[string]any) string {
	b.Helper()
	return fmt.Sprint(b.look("transactioncurrencies", fmt.Sprint(row["_transactioncurrencyid_value"]))["isocurrencycode"])
}

func number(value any) string {
	encoded, _ := json.Marshal(value)
	return strings.TrimSuffix(strings.Trim(string(encoded), `"`), ".0")
}

func (b *bed) status(id, want string) string {
	b.Helper()
	if r := b.referral(id); r.Status+"/"+r.Substatus != want {
		return "the referral is " + r.Status + "/" + r.Substatus
	}
	return ""
}

// A deal of Microsoft's becomes an opportunity, is accepted, edited on both sides, and won; a deal of a seller's is shared, and lost in
// Partner Center: each side shows what the other says.
func TestLivesOfDeals(t *testing.T) {
	b := newBed(t)
	b.start(wire.NewTransport(nil))
	sent, err := b.center.PartnerCenter().SendReferral(partnercenter.Deal{Name: "From Microsoft", Customer: "Contoso", Notes: "first"})
	b.must(err)
	b.until("the received deal to be equal", func() string { return b.unequal(sent.ID) })
	row := b.opportunity(sent.ID)
	id := fmt.Sprint(row["opportunityid"])
	if status := number(row["statuscode"]); status != "2" || row["cosell_syncwithpartnercenter"] != true {
		t.Errorf("the received opportunity is %v", row)
	}
	if solutions := b.count("cosell_microsoftsolutions", "_cosell_opportunityid_value eq "+id); solutions != 1 {
		t.Errorf("it has %d solutions", solutions)
	}
	b.edit("opportunities", id, map[string]any{"statuscode": 1, "estimatedvalue": 7777.5, "description": "edited here"})
	b.until("the acceptance", func() string { return b.status(sent.ID, "Active/Accepted") + b.unequal(sent.ID) })
	_, err = b.center.Act(t.Context(), "edit_referral", json.RawMessage(`{"id":"`+sent.ID+`","notes":"edited there","value":"8888"}`))
	b.must(err)
	b.until("the edit of Partner Center", func() string { return b.unequal(sent.ID) })
	if got := number(b.opportunity(sent.ID)["estimatedvalue"]); got != "8888" {
		t.Errorf("the deal value is %s", got)
	}
	b.must(b.admin.Action(t.Context(), "WinOpportunity", map[string]any{
		"Status": 3, "OpportunityClose": map[string]any{"@odata.type": "Microsoft.Dynamics.CRM.opportunityclose", "subject": "Won", "opportunityid@odata.bind": "/opportunities(" + id + ")"},
	}, nil))
	b.until("the win", func() string { return b.status(sent.ID, "Closed/Won") })

	declined, err := b.center.PartnerCenter().SendReferral(partnercenter.Deal{Name: "Declined there", Customer: "Fabrikam"})
	b.must(err)
	b.until("the second deal", func() string { return b.unequal(declined.ID) })
	_, err = b.center.PartnerCenter().DeclineReferral(declined.ID, "Not a customer")
	b.must(err)
	b.until("the decline to arrive", func() string {
		if row := b.opportunity(declined.ID); number(row["statecode"]) != "2" || row["cosell_closereason"] != "Not a customer" {
			return fmt.Sprintf("the opportunity is %v, %v", row["statecode"], row["cosell_closereason"])
		}
		return ""
	})
}

// A seller's opportunity that lacks something is not shared, and says what: all at once.
func TestShareSaysWhatIsMissing(t *testing.T) {
	b := newBed(t)
	b.start(wire.NewTransport(nil))
	account := b.row("accounts", map[string]any{"name": "Contoso", "address1_postalcode": "0150", "address1_country": "Atlantis"})
	id := b.row("opportunities", map[string]any{
		"name": "From a seller", "estimatedclosedate": "2027-03-31", "parentaccountid@odata.bind": "/accounts(" + account + ")", "cosell_syncwithpartnercenter": true,
	})
	lacks := func(wanted ...string) func() string {
		return func() string {
			said := fmt.Sprint(b.look("opportunities", id)["cosell_audit"])
			newest, _, _ := strings.Cut(said, "\n\n")
			for _, code := range wanted {
				if !strings.Contains(newest, code) {
					return "it says " + said
				}
			}
			return ""
		}
	}
	b.until("the Audit to say what is missing", lacks("CS101", "CS102", "CS104", "CS108"))
	if status := fmt.Sprint(b.look("opportunities", id)["cosell_syncstatus"]); !strings.HasPrefix(status, "Needs attention") {
		t.Errorf("Sync Status is %q", status)
	}
	if all := b.center.PartnerCenter().All(); len(all) != 0 {
		t.Errorf("there are %d referrals", len(all))
	}
}

// killer lets the first create in the CRM reach it, loses the answer, and kills the agent.
type killer struct {
	http.RoundTripper
	kill func()
	done atomic.Bool
}

func (k *killer) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		return k.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	sent := r.Clone(r.Context())
	sent.Body = io.NopCloser(strings.NewReader(string(body)))
	response, err := k.RoundTripper.RoundTrip(sent)
	if err != nil || !strings.Contains(string(body), "If-None-Match: *") || k.done.Swap(true) {
		return response, err
	}
	k.kill()
	return nil, errors.Join(errors.New("the answer is lost"), response.Body.Close())
}

// An agent that dies between its create and the answer finds, when it lives again, what it created, and creates nothing twice.
func TestKilledCreate(t *testing.T) {
	b := newBed(t)
	died := make(chan struct{})
	k := &killer{RoundTripper: wire.NewTransport(nil), kill: func() { close(died) }}
	b.start(k)
	sent, err := b.center.PartnerCenter().SendReferral(partnercenter.Deal{Name: "Once", Customer: "Contoso", ContactEmail: "once@contoso.example"})
	b.must(err)
	<-died
	b.stop()
	b.start(wire.NewTransport(nil))
	b.until("the deal to be equal", func() string { return b.unequal(sent.ID) })
	b.edit("opportunities", fmt.Sprint(b.opportunity(sent.ID)["opportunityid"]), map[string]any{"statuscode": 1})
	b.until("the acceptance", func() string { return b.status(sent.ID, "Active/Accepted") })
	for set, want := range map[string]int{"accounts": 1, "opportunities": 1, "contacts": 1, "cosell_microsoftsolutions": 1} {
		if got := b.count(set, ""); got != want {
			t.Errorf("%d %s", got, set)
		}
	}
}

// A referral that is a lead becomes a lead, and is accepted once a seller qualifies it into an opportunity.
func TestLeadBecomesDeal(t *testing.T) {
	b := newBed(t)
	b.start(wire.NewTransport(nil))
	sent, err := b.center.PartnerCenter().SendReferral(partnercenter.Deal{Name: "A lead", Customer: "Contoso", Kind: "lead"})
	b.must(err)
	lead := ""
	b.until("the lead", func() string {
		rows := b.rows("leads", "cosell_referralkey eq '"+strings.ToLower(sent.ID)+"'")
		if len(rows) != 1 {
			return fmt.Sprintf("there are %d", len(rows))
		}
		lead = fmt.Sprint(rows[0]["leadid"])
		return ""
	})
	if _, err := b.admin.QualifyLead(t.Context(), lead, qualified); err != nil {
		t.Fatal(err)
	}
	b.until("the acceptance", func() string { return b.status(sent.ID, "Active/Accepted") })
}
