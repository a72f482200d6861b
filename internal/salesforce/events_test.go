package salesforce_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/pipenet"
	simulated "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// place is a simulated org in a network in memory, with an administrator's client and the agent's.
type place struct {
	t      *testing.T
	org    *simulated.Org
	kit    *lab.Kit
	admin  *salesforce.Client
	agent  *salesforce.Client
	events *salesforce.Events
}

var newKey = sync.OnceValue(func() string {
	org, err := simulated.New(lab.NewKit(simulated.Switches()...), simulated.Options{})
	if err != nil {
		panic(err)
	}
	return org.Credentials().Agent.PrivateKeyPEM
})

// inPlace runs a test in virtual time.
func inPlace(t *testing.T, run func(p *place)) {
	t.Helper()
	key := newKey()
	synctest.Test(t, func(t *testing.T) {
		kit, network := lab.NewKit(simulated.Switches()...), pipenet.New()
		org, err := simulated.New(kit, simulated.Options{Provider: simulated.Login{PrivateKeyPEM: key}, Agent: simulated.Login{PrivateKeyPEM: key}})
		if err != nil {
			t.Fatal(err)
		}
		listener, _ := network.Listen("org")
		address := "http://" + listener.Addr().String()
		org.SetBaseURL(address)
		server := &http.Server{Handler: org.Handler(), Protocols: new(http.Protocols)}
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		transport := &http.Transport{DialContext: network.DialContext}
		client := func(login simulated.Login, caller string) *salesforce.Client {
			stack, err := wire.New(wire.Options{Transport: transport, Clock: kit.Clock.Now, NewID: func() string { return "00000000-0000-4000-8000-000000000000" }})
			if err != nil {
				t.Fatal(err)
			}
			c, err := salesforce.New(salesforce.Config{LoginURL: address, ClientID: login.ClientID, ClientSecret: secret.New(login.ClientSecret), CallerName: caller}, stack)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		p := &place{t: t, org: org, kit: kit, admin: client(org.Credentials().Provider, ""), agent: client(org.Credentials().Agent, "agent/1")}
		p.events, err = p.agent.Events(salesforce.EventsConfig{Endpoint: address, Dial: func(ctx context.Context, _, to string) (net.Conn, error) {
			return network.DialContext(ctx, "tcp", to)
		}})
		if err != nil {
			t.Fatal(err)
		}
		p.selects("OpportunityChangeEvent", "AccountChangeEvent")
		run(p)
		if err := errors.Join(p.events.Close(), server.Close()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		<-served
	})
}

func (p *place) selects(entities ...string) {
	p.t.Helper()
	for _, entity := range entities {
		_, err := p.admin.Tooling().Create(p.t.Context(), "PlatformEventChannelMember", map[string]any{"FullName": "ChangeEvents_" + entity,
			"Metadata": map[string]any{"eventChannel": "ChangeEvents", "selectedEntity": entity}})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *place) subscribe(after []byte) *salesforce.Subscription {
	p.t.Helper()
	s, err := p.events.Subscribe(p.t.Context(), salesforce.AllChanges, after)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *place) receive(s *salesforce.Subscription) salesforce.Batch {
	p.t.Helper()
	batch, err := s.Receive(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return batch
}

func (p *place) create(name string) string {
	p.t.Helper()
	id, err := p.org.Create("Opportunity", map[string]any{"Name": name, "StageName": "Prospecting", "CloseDate": "2027-01-31"})
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

// TestReceive shows a decoded event: who was changed, how and by whom, the changed values, and the names of changed and emptied
// fields, also those of a compound field.
func TestReceive(t *testing.T) {
	inPlace(t, func(p *place) {
		if err := p.events.CheckTopic(p.t.Context(), salesforce.AllChanges); err != nil {
			p.t.Fatal(err)
		}
		s := p.subscribe(nil)
		defer s.Close()
		first := p.receive(s)
		if len(first.Events) != 0 || len(first.ReplayID) == 0 {
			p.t.Fatalf("the sign of life is %v", first)
		}
		id := p.create("Deal")
		if err := p.agent.Data().Update(p.t.Context(), "Opportunity", id, map[string]any{"Amount": 12.5, "NextStep": "call"}, time.Time{}); err != nil {
			p.t.Fatal(err)
		}
		if err := p.org.Edit("Opportunity", id, map[string]any{"NextStep": nil}); err != nil {
			p.t.Fatal(err)
		}
		account, err := p.org.Create("Account", map[string]any{"Name": "Customer", "BillingCity": "Graz", "BillingStreet": "Way 1"})
		if err != nil {
			p.t.Fatal(err)
		}
		if err := p.org.Edit("Account", account, map[string]any{"BillingCity": "Linz"}); err != nil {
			p.t.Fatal(err)
		}
		var events []salesforce.ChangeEvent
		for len(events) < 5 {
			events = append(events, p.receive(s).Events...)
		}
		created, updated, emptied, moved := events[0], events[1].Header, events[2].Header, events[4]
		if h := created.Header; h.EntityName != "Opportunity" || !slices.Equal(h.RecordIDs, []string{id}) || h.ChangeType != salesforce.ChangeCreate ||
			h.Client() != "" || !h.Names() || created.Values["Name"] != "Deal" || h.CommitTime.IsZero() {
			p.t.Errorf("created: %+v", created)
		}
		if updated.Client() != "agent/1" || !slices.Contains(updated.ChangedFields, "Amount") || !slices.Contains(updated.ChangedFields, "NextStep") ||
			events[1].Values["Amount"] != 12.5 {
			p.t.Errorf("updated: %+v", events[1])
		}
		if !slices.Equal(emptied.NulledFields, []string{"NextStep"}) {
			p.t.Errorf("emptied: %+v", emptied)
		}
		if !slices.Contains(moved.Header.ChangedFields, "BillingAddress.City") || slices.Contains(moved.Header.ChangedFields, "BillingAddress.Street") {
			p.t.Errorf("moved: %+v", moved.Header)
		}
	})
}

// TestResume shows that a subscription goes on after a dropped connection where it was, that more than a hundred events come
// although only a hundred may be asked for, and that an ended session is renewed in the middle.
func TestResume(t *testing.T) {
	inPlace(t, func(p *place) {
		s := p.subscribe(nil)
		position := p.receive(s).ReplayID
		for range 150 {
			p.create("Deal")
		}
		seen := 0
		for seen < 120 {
			batch := p.receive(s)
			seen, position = seen+len(batch.Events), batch.ReplayID
		}
		for seen < 150 {
			batch := p.receive(s)
			seen, position = seen+len(batch.Events), batch.ReplayID
		}
		p.org.DropSubscriptions()
		if _, err := s.Receive(p.t.Context()); err == nil || salesforce.IsReplayRefused(err) || salesforce.IsSubscriptionRefused(err) {
			p.t.Fatalf("the dropped connection: %v", err)
		}
		last := p.create("While nobody listened")
		s = p.subscribe(position)
		defer s.Close()
		if batch := p.receive(s); len(batch.Events) != 1 || batch.Events[0].Header.RecordIDs[0] != last {
			p.t.Errorf("after the break came %+v", batch)
		}
		p.org.ExpireSessions()
		last = p.create("After the session")
		if batch := p.receive(s); len(batch.Events) != 1 || batch.Events[0].Header.RecordIDs[0] != last {
			p.t.Errorf("after the session came %+v", batch)
		}
	})
}

// TestRefusals shows how the refusals are told apart: a replay id that is no longer kept, a topic that is not there, a user
// without the right, an exhausted service.
func TestRefusals(t *testing.T) {
	inPlace(t, func(p *place) {
		old := p.receive(p.subscribe(nil)).ReplayID
		p.create("Deal")
		p.kit.Clock.Advance(73 * time.Hour)
		_, err := p.subscribe(old).Receive(p.t.Context())
		if !salesforce.IsReplayRefused(err) || salesforce.IsSubscriptionRefused(err) {
			p.t.Errorf("an old replay id: %v", err)
		}
		if err := p.events.CheckTopic(p.t.Context(), "/data/NoSuchChangeEvent"); !salesforce.IsSubscriptionRefused(err) {
			p.t.Errorf("no such topic: %v", err)
		}
		for code, refused := range map[codes.Code]bool{codes.PermissionDenied: true, codes.ResourceExhausted: false, codes.Unavailable: false, codes.Unauthenticated: false} {
			p.org.SetEventTrouble(simulated.EventTrouble{Refuse: code})
			_, err := p.subscribe(nil).Receive(p.t.Context())
			if err == nil || salesforce.IsSubscriptionRefused(err) != refused || salesforce.IsReplayRefused(err) {
				p.t.Errorf("%s: %v", code, err)
			}
		}
	})
}

// TestGaps shows what a gap event and an overflow event tell.
func TestGaps(t *testing.T) {
	inPlace(t, func(p *place) {
		s := p.subscribe(nil)
		defer s.Close()
		p.receive(s)
		p.org.SetEventTrouble(simulated.EventTrouble{Gaps: true})
		p.create("Deal")
		p.org.SetEventTrouble(simulated.EventTrouble{Overflow: true})
		p.create("Deal")
		var events []salesforce.ChangeEvent
		for len(events) < 2 {
			events = append(events, p.receive(s).Events...)
		}
		if h := events[0].Header; !h.ChangeType.Gap() || !h.Names() || h.ChangeType.Deleted() {
			p.t.Errorf("gap: %+v", h)
		}
		if h := events[1].Header; h.ChangeType != salesforce.GapOverflow || h.Names() {
			p.t.Errorf("overflow: %+v", h)
		}
	})
}
