package salesforce

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	sandbox "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// pushRig is an organisation that announces its changes over TLS, with the adapter in front of it. Standard fields stand in for those
// of the kit: IsPrivate for Sync, NextStep for the key, a lead's Title for its key.
type pushRig struct {
	*testing.T
	remote *sandbox.Org
	org    *Org
	feed   crm.PushFeed
	amount int
}

func newPushRig(t *testing.T) *pushRig {
	t.Helper()
	kit := lab.NewKit(sandbox.Switches()...)
	remote, err := sandbox.New(kit, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(remote.Handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	remote.SetBaseURL(server.URL)
	stack, err := wire.New(wire.Options{Transport: server.Client().Transport, Clock: kit.Clock.Now, UserAgent: "test/1", NewID: uuid.NewString})
	if err != nil {
		t.Fatal(err)
	}
	sign := func(login sandbox.Login) *salesforce.Client {
		client, err := salesforce.New(salesforce.Config{LoginURL: server.URL, ClientID: login.ClientID, ClientSecret: secret.New(login.ClientSecret), CallerName: "cosell-agent/test"}, stack)
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	r := &pushRig{T: t, remote: remote, org: &Org{client: sign(remote.Credentials().Agent), names: Names{
		Opportunity: "Opportunity", Account: "Account", Contact: "Contact", ContactRole: "OpportunityContactRole", Solution: "Microsoft_Solution__c",
		Sync: "IsPrivate", Key: "NextStep", Leads: LeadNames{Object: "Lead", Key: "Title"},
	}}}
	admin := sign(remote.Credentials().Provider)
	for _, object := range []string{"Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole"} {
		if _, err := admin.Tooling().Create(t.Context(), "PlatformEventChannelMember", map[string]any{"FullName": "ChangeEvents_" + object + "ChangeEvent",
			"Metadata": map[string]any{"eventChannel": "ChangeEvents", "selectedEntity": object + "ChangeEvent"}}); err != nil {
			t.Fatal(err)
		}
	}
	events, err := r.org.client.Events(salesforce.EventsConfig{Endpoint: server.URL, TLS: server.Client().Transport.(*http.Transport).TLSClientConfig})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	r.feed = r.org.Push(events, salesforce.AllChanges)
	return r
}

func (r *pushRig) create(object string, fields map[string]any) string {
	r.Helper()
	id, err := r.remote.Create(object, fields)
	if err != nil {
		r.Fatal(err)
	}
	return id
}

// deal makes an opportunity of an account.
func (r *pushRig) deal(name, account string, sync bool) string {
	r.Helper()
	return r.create("Opportunity", map[string]any{"Name": name, "StageName": "Prospecting", "CloseDate": "2027-01-31", "AccountId": account, "IsPrivate": sync})
}

// tells gives what the feed tells of changes, which a last change ends.
func (r *pushRig) tells(changes func()) (hits, perhaps []string, missed bool) {
	r.Helper()
	listener, err := r.feed.Listen(r.Context(), r.position())
	if err != nil {
		r.Fatal(err)
	}
	defer listener.Close()
	changes()
	last := r.deal("last", "", true)
	for over := false; !over; {
		told, err := listener.Next(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		missed = missed || told.Missed
		for _, hit := range told.Perhaps {
			perhaps = append(perhaps, hit.ID)
		}
		for _, hit := range told.Hits {
			if hit.ID == last {
				over = true
				continue
			}
			hits = append(hits, hit.ID)
		}
	}
	return hits, perhaps, missed
}

// position is the present end of the topic, as the events of a change give it.
func (r *pushRig) position() string {
	r.Helper()
	listener, err := r.feed.Listen(r.Context(), salesforce.AllChanges+" AAAAAAAAAAA=")
	if err != nil {
		r.Fatal(err)
	}
	defer listener.Close()
	mark := r.deal("mark", "", true)
	for {
		told, err := listener.Next(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		if slices.ContainsFunc(told.Hits, func(h crm.Hit) bool { return h.ID == mark }) {
			return told.Position
		}
	}
}

// TestAnnounced shows which opportunities a change leads to: its own, or those of the account, the contact or the role that changed,
// as far as they are synchronised; what the values leave open counts only if the deal is known; own writes lead to none.
func TestAnnounced(t *testing.T) {
	r := newPushRig(t)
	account := r.create("Account", map[string]any{"Name": "Customer"})
	contact := r.create("Contact", map[string]any{"LastName": "Buyer", "AccountId": account})
	shared, apart := r.deal("Shared", account, true), r.deal("Apart", account, false)
	role := map[string]string{}
	for _, id := range []string{shared, apart} {
		role[id] = r.create("OpportunityContactRole", map[string]any{"OpportunityId": id, "ContactId": contact})
	}
	edit := func(object, id string, fields map[string]any) func() {
		return func() {
			if err := r.remote.Edit(object, id, fields); err != nil {
				t.Fatal(err)
			}
		}
	}
	lead := r.create("Lead", map[string]any{"LastName": "Visitor", "Company": "Customer"})
	for _, c := range []struct {
		name          string
		change        func()
		hits, perhaps []string
	}{
		{"an edit", edit("Opportunity", shared, map[string]any{"Amount": 5}), nil, []string{shared}},
		{"sync switched on", edit("Opportunity", apart, map[string]any{"IsPrivate": true}), []string{apart}, nil},
		{"sync switched off", edit("Opportunity", apart, map[string]any{"IsPrivate": false}), nil, []string{apart}},
		{"an account", edit("Account", account, map[string]any{"Name": "Client"}), []string{shared}, nil},
		{"a contact", edit("Contact", contact, map[string]any{"LastName": "Client"}), []string{shared}, nil},
		{"a role", edit("OpportunityContactRole", role[shared], map[string]any{"Role": "Evaluator"}), []string{shared}, nil},
		{"a role of another", edit("OpportunityContactRole", role[apart], map[string]any{"Role": "Evaluator"}), nil, nil},
		{"a lead of nobody", edit("Lead", lead, map[string]any{"Phone": "1"}), nil, []string{lead}},
		{"a lead of a referral", edit("Lead", lead, map[string]any{"Title": "abc"}), []string{lead}, nil},
		{"an own write", func() { r.ownWrite(shared) }, nil, nil},
		{"a deal that went away", func() { r.deleteAndUndelete(shared) }, []string{shared, shared, shared}, []string{shared}},
	} {
		hits, perhaps, missed := r.tells(c.change)
		if !slices.Equal(unique(hits), unique(c.hits)) || !slices.Equal(unique(perhaps), unique(c.perhaps)) || missed {
			t.Errorf("%s: hits %v, perhaps %v, missed %v", c.name, hits, perhaps, missed)
		}
	}
}

func unique(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }

func (r *pushRig) ownWrite(id string) {
	r.Helper()
	r.amount++
	if err := r.org.client.Data().Update(r.Context(), "Opportunity", id, map[string]any{"Amount": r.amount}, time.Time{}); err != nil {
		r.Fatal(err)
	}
}

func (r *pushRig) deleteAndUndelete(id string) {
	r.Helper()
	if err := errors.Join(r.remote.Delete("Opportunity", id), r.remote.Undelete("Opportunity", id)); err != nil {
		r.Fatal(err)
	}
}

// TestGapsAnnounced shows that the records of gap events are looked up, and that an overflow asks for a poll.
func TestGapsAnnounced(t *testing.T) {
	r := newPushRig(t)
	shared, apart := r.deal("Shared", "", true), r.deal("Apart", "", false)
	hits, perhaps, missed := r.tells(func() {
		r.remote.SetEventTrouble(sandbox.EventTrouble{Gaps: true})
		r.ownWrite(shared)
		r.ownWrite(apart)
		r.remote.SetEventTrouble(sandbox.EventTrouble{})
	})
	if !slices.Equal(hits, []string{shared}) || len(perhaps) > 0 || missed {
		t.Errorf("gaps: hits %v, perhaps %v, missed %v", hits, perhaps, missed)
	}
	if _, _, missed := r.tells(func() {
		r.remote.SetEventTrouble(sandbox.EventTrouble{Overflow: true})
		r.ownWrite(shared)
		r.remote.SetEventTrouble(sandbox.EventTrouble{})
	}); !missed {
		t.Error("the overflow was not noticed")
	}
}

// TestPositionsOfAnotherTopic shows that a position counts for its own topic only, that a subscription without one asks for a poll, and that one that is no longer kept is told apart
// from a lost connection.
func TestPositionsOfAnotherTopic(t *testing.T) {
	r := newPushRig(t)
	missed := false
	listen := func(position string) error {
		listener, err := r.feed.Listen(r.Context(), position)
		if err != nil {
			return err
		}
		defer listener.Close()
		heard := make(chan error)
		go func() {
			told, err := listener.Next(r.Context())
			missed = told.Missed
			heard <- err
		}()
		for { // a subscription to what comes next does not say when it has begun
			select {
			case err := <-heard:
				return err
			default:
				r.deal("Deal", "", true)
			}
		}
	}
	if err := listen("/data/OpportunityChangeEvent ////"); err != nil || !missed {
		t.Errorf("a position of another topic: %v, missed %v", err, missed)
	}
	for _, position := range []string{salesforce.AllChanges + " ////////////", salesforce.AllChanges + " ?"} {
		if err := listen(position); !errors.Is(err, crm.ErrPosition) {
			t.Errorf("position %q: %v", position, err)
		}
	}
	r.remote.SetEventTrouble(sandbox.EventTrouble{Refuse: 14})
	if err := listen(""); err == nil || errors.Is(err, crm.ErrPosition) {
		t.Errorf("an unavailable service: %v", err)
	}
}
