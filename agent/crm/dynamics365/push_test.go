package dynamics365_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	sandbox "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// What a delivery means follows from its table, what was written, and whether all of it was told.
func TestAnnounced(t *testing.T) {
	const id, parent = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
	for name, c := range map[string]struct {
		table, message  string
		values          map[string]any
		certain, likely string // ids
		poll            bool
	}{
		"ticked":             {"opportunity", "Update", map[string]any{"cosell_syncwithpartnercenter": true}, id, "", false},
		"keyed":              {"opportunity", "Create", map[string]any{"cosell_referralkey": "x"}, id, "", false},
		"edited":             {"opportunity", "Update", map[string]any{"name": "x"}, "", id, false},
		"unticked":           {"opportunity", "Update", map[string]any{"cosell_syncwithpartnercenter": false}, "", id, false},
		"deleted":            {"opportunity", "Delete", nil, "", id, false},
		"stripped":           {"opportunity", "Update", nil, id, "", false},
		"solution added":     {"cosell_microsoftsolution", "Create", map[string]any{"cosell_opportunityid": parent}, "", parent, false},
		"solution edited":    {"cosell_microsoftsolution", "Update", map[string]any{"cosell_name": "x"}, "", "", true},
		"solution deleted":   {"cosell_microsoftsolution", "Delete", nil, "", "", true},
		"connection":         {"connection", "Create", map[string]any{"record1id": parent}, "", "", true},
		"lead":               {"lead", "Update", map[string]any{"subject": "x"}, "", adapter.LeadPrefix + id, false},
		"lead of a referral": {"lead", "Create", map[string]any{"cosell_referralkey": "x"}, adapter.LeadPrefix + id, "", false},
	} {
		told := names.Announced(dataverse.Event{Table: c.table, Message: c.message, RowID: id, Values: c.values})
		var certain, likely string
		for _, hit := range told.Hits {
			certain += hit.ID
		}
		for _, hit := range told.Perhaps {
			likely += hit.ID
		}
		if certain != c.certain || likely != c.likely || told.Missed != c.poll {
			t.Errorf("%s: %+v", name, told)
		}
	}
}

const webhookKey = "the-key-of-the-webhook"

// told is a bed whose environment tells the agent what changes.
type told struct {
	*bed
	url string
}

// newTold registers a service endpoint with steps for the tables, as the provider does, and runs the sandbox's deliveries.
func newTold(t *testing.T) *told {
	t.Helper()
	b := &told{bed: newBed(t)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if agent := b.app.Load(); agent != nil {
			agent.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = server.URL + "/hooks/rows"
	hook, err := b.admin.CreateWebhook(t.Context(), "cosell-agent", b.url, "x-cosell-key", secret.New(webhookKey))
	b.must(err)
	for _, table := range []string{"opportunity", "cosell_microsoftsolution", "connection", "lead"} {
		for _, message := range []string{"Create", "Update", "Delete"} {
			_, err := b.admin.CreateStep(t.Context(), dataverse.Step{Name: message + " of " + table, WebhookID: hook, Message: message, Table: table})
			b.must(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.remote.Deliver(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// pushed gives the document for an agent that is told, and asks at intervals.
func (b *told) pushed(usual, rare string) document.Document {
	b.Helper()
	d := b.document()
	d.CRM.Dynamics.Push = &document.EnvironmentPush{URL: b.url, HeaderName: "x-cosell-key", Poll: rare}
	d.CRM.Dynamics.Credentials.WebhookKey = "env:COSELL_DATAVERSE_WEBHOOK_KEY"
	d.Schedule.Poll = usual
	b.must(d.Validate())
	return d
}

// answered waits for a row's edit to be in Partner Center.
func (b *told) answered(referral, notes string) {
	b.Helper()
	b.until("the edit to arrive: "+notes, func() string {
		if r := b.referral(referral); r.Details.Notes == nil || *r.Details.Notes != notes {
			return "it is not there"
		}
		return ""
	})
}

// asking counts the questions for changes.
type asking struct {
	http.RoundTripper
	times atomic.Int32
}

func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Has("$deltatoken") || strings.Contains(r.Header.Get("Prefer"), "odata.track-changes") {
		a.times.Add(1)
	}
	return a.RoundTripper.RoundTrip(r)
}

// An edit in Dynamics 365 is in Partner Center without the agent having asked for changes again, however often the webhook is delivered
// and though it overtakes another; what the agent itself writes makes no further run; and the key is in no log.
func TestAnEditIsToldByAWebhook(t *testing.T) {
	b := newTold(t)
	b.must(b.remote.SetDeliveryPlan(sandbox.DeliveryPlan{Duplicate: 0.5, Reorder: 0.3, HoldMS: 50, Seed: 7}))
	d := b.pushed("1h", "1h")
	transport := &asking{RoundTripper: wire.NewTransport(nil)}
	b.startWith(d, transport)
	sent, err := b.center.PartnerCenter().SendReferral(partnercenter.Deal{Name: "Told", Customer: "Contoso", Notes: "first"})
	b.must(err)
	b.until("the received deal to be equal", func() string { return b.unequal(sent.ID) })
	id := fmt.Sprint(b.opportunity(sent.ID)["opportunityid"])
	b.row("cosell_solutiondetails", map[string]any{"cosell_name": "A solution", "cosell_solutionidentifier": "SOL-1-A"})
	seller := b.seller()
	asked := transport.times.Load()
	if asked == 0 {
		t.Fatal("no question for changes was seen, so nothing is counted")
	}
	b.edit("opportunities", id, map[string]any{"statuscode": 1, "description": "told at once"})
	b.answered(sent.ID, "told at once")
	b.edit("opportunities", id, map[string]any{"description": "and again"})
	b.answered(sent.ID, "and again")

	shared := b.offered(seller, "Shared", nil)
	b.until("the seller's deal to be shared", func() string {
		for _, r := range b.center.PartnerCenter().All() {
			if r.ExternalReferenceID != nil && *r.ExternalReferenceID == shared {
				return ""
			}
		}
		return "it is not there"
	})
	if again := transport.times.Load(); again != asked {
		t.Errorf("the agent asked for changes %d times since", again-asked)
	}
	b.stop()
	if strings.Contains(b.log.String(), webhookKey) {
		t.Error("the log holds the key")
	}
}

// When no webhook is delivered, or only some are, the poll finds what they did not tell.
func TestAPollHealsWhatNoWebhookTold(t *testing.T) {
	b := newTold(t)
	b.startWith(b.pushed("200ms", "1s"), wire.NewTransport(nil))
	sent, err := b.center.PartnerCenter().SendReferral(partnercenter.Deal{Name: "Not told", Customer: "Contoso", Notes: "first"})
	b.must(err)
	b.until("the received deal to be equal", func() string { return b.unequal(sent.ID) })
	id := fmt.Sprint(b.opportunity(sent.ID)["opportunityid"])
	b.edit("opportunities", id, map[string]any{"statuscode": 1, "description": "told"})
	b.answered(sent.ID, "told")
	for n, drop := range []float64{1, 0.5} {
		b.must(b.remote.SetDeliveryPlan(sandbox.DeliveryPlan{Drop: drop, Seed: 3}))
		for edit := range 3 {
			notes := fmt.Sprintf("edit %d of %d", edit, n)
			b.edit("opportunities", id, map[string]any{"description": notes})
			b.answered(sent.ID, notes)
		}
	}
}
