package sim

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
)

// selected are the entities whose changes are announced: as many as an organisation may select without an add-on.
var selected = []string{"OpportunityChangeEvent", "Microsoft_Solution__ChangeEvent", "OpportunityContactRoleChangeEvent", "AccountChangeEvent", "ContactChangeEvent"}

// selects puts the entities on the standard channel, as the provider's resource does.
func (w *world) selects(o organisation) {
	w.t.Helper()
	tooling := w.administrator(o).Tooling()
	for _, entity := range selected {
		name := "ChangeEvents_" + entity
		if entity == "Microsoft_Solution__ChangeEvent" {
			name = "ChangeEvents_Microsoft_Solution_ChangeEvent"
		}
		if _, err := tooling.Create(w.t.Context(), "PlatformEventChannelMember", map[string]any{
			"FullName": name, "Metadata": map[string]any{"eventChannel": "ChangeEvents", "selectedEntity": entity},
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// pushed subscribes to the standard channel.
func (w *world) pushed(o organisation, poll string) *document.SalesforcePush {
	return &document.SalesforcePush{Topic: "/data/ChangeEvents", Endpoint: o.env["COSELL_SALESFORCE_LOGIN_URL"], Poll: poll}
}

// inPushedWorld runs a test in which the organisation announces its changes and the agent polls once an hour, or as often as the
// test says where the events do not come.
func inPushedWorld(t *testing.T, poll string, switches map[string]string, run func(p *pushedWorld)) {
	t.Helper()
	inWorld(t, *firstSeed, sandbox.Options{Switches: switches}, func(w *world) {
		p := &pushedWorld{world: w, o: w.production()}
		w.provision(p.o)
		w.selects(p.o)
		d := w.document(p.o, "production")
		d.Schedule.Poll, d.CRM.Salesforce.Push = poll, w.pushed(p.o, "1h")
		p.a = w.newAgent(p.o, d, inMemory())
		p.a.receiving()
		p.a.start()
		p.subscribes()
		run(p)
		time.Sleep(time.Minute) // TLS connections that are being closed from both ends take some seconds
	})
}

type pushedWorld struct {
	*world
	o organisation
	a *agent
}

// subscribes waits until a subscription is open.
func (p *pushedWorld) subscribes() {
	p.t.Helper()
	p.until("the subscription", func() []string {
		if p.o.org.Subscriptions() == 1 {
			return nil
		}
		return []string{fmt.Sprintf("%d subscriptions", p.o.org.Subscriptions())}
	})
	time.Sleep(5 * time.Minute) // the first sign of life
}

// shares lets a seller share a deal and gives its id.
func (p *pushedWorld) shares(name string) string {
	p.t.Helper()
	return p.must("create_opportunity", map[string]string{
		"name": name, "account": "Fabrikam", "country": "US", "street": "1 Main Street", "postal_code": "98052", "city": "Redmond",
		"stage": stageActive, "amount": "1200", "solution": "SOL-1-A", "Sync_with_Partner_Center__c": "true",
	})
}

// edits lets a seller change a deal's value.
func (p *pushedWorld) edits(id, amount string) {
	p.t.Helper()
	p.must("edit_opportunity", map[string]string{"id": id, "amount": amount})
}

// arrives waits until the deals are equal and says how long it took.
func (p *pushedWorld) arrives(names ...string) time.Duration {
	p.t.Helper()
	begun := p.now()
	p.until("the deals", func() []string { return p.unequal(p.o, names...) })
	return p.now().Sub(begun)
}

// soon is less than any poll of these tests can take.
const soon = 5 * time.Minute

// TestPush shows that with a poll once an hour a deal, an edit, and a row of a child reach Partner Center within minutes, so that
// only the change events can have brought them; that each edit causes one write; and that quiet hours cause none.
func TestPush(t *testing.T) {
	for _, options := range []string{"honoured", "ignored"} {
		inPushedWorld(t, "1h", map[string]string{"salesforce.composite_call_options": options}, func(p *pushedWorld) {
			id := p.shares("Pushed")
			if took := p.arrives("Pushed"); took > soon {
				p.t.Errorf("the deal took %v", took)
			}
			time.Sleep(2 * time.Hour)
			h := &history{w: p.world, o: p.o, a: p.a}
			for name, edit := range map[string]func(){
				"an edit":    func() { p.edits(id, "4321") },
				"a solution": func() { p.must("add_solution", map[string]string{"opportunity": id, "solution": "SOL-2-A"}) },
			} {
				before := p.mark()
				edit()
				if took := p.arrives("Pushed"); took > soon {
					p.t.Errorf("%s took %v", name, took)
				}
				time.Sleep(2 * time.Hour)
				if there, back := h.requests(before, "partner_center"); there != 1 || back != 0 {
					p.t.Errorf("%s caused %d writes on the other side and %d on its own", name, there, back)
				}
			}
			quiet := p.mark()
			time.Sleep(day)
			p.rests(quiet, p.o)
		})
	}
}

// TestPushMakesNoWorkOfOwnWrites shows that what the agent itself writes to the CRM does not come back as work: an edit of the
// referral costs as many calls with change events as without.
func TestPushMakesNoWorkOfOwnWrites(t *testing.T) {
	inPushedWorld(t, "10h", nil, func(p *pushedWorld) {
		p.must("send_referral", map[string]string{"name": "Received", "value": "800"})
		p.arrives("Received")
		time.Sleep(10 * time.Minute)
		calls := func(notes string) int {
			before := p.mark()
			p.must("edit_referral", map[string]string{"id": p.referrals()["Received"][0].ID, "by": "portal_user", "notes": notes})
			p.arrives("Received")
			time.Sleep(2 * time.Minute) // there is no sweep within that time
			return len(p.operations(before, agentOf(p.o)))
		}
		p.o.org.SetEventTrouble(salesforce.EventTrouble{Lost: true})
		without := calls("New words.")
		p.o.org.SetEventTrouble(salesforce.EventTrouble{})
		if with := calls("Other words."); with != without {
			p.t.Errorf("%d calls with change events, %d without", with, without)
		}
	})
}

// TestPushBreaks shows that nothing is lost when connections drop, a replay id is refused after four days, events come twice, late,
// as gaps and overflows, or not at all; and that nothing is written twice.
func TestPushBreaks(t *testing.T) {
	inPushedWorld(t, "1h", nil, func(p *pushedWorld) {
		id := p.shares("Broken")
		p.arrives("Broken")
		org := p.o.org
		amount := 2000
		step := func(what string, trouble func(), within time.Duration) {
			trouble()
			before := p.mark()
			amount++
			p.edits(id, fmt.Sprint(amount))
			if took := p.arrives("Broken"); took > within {
				p.t.Errorf("%s: it took %v", what, took)
			}
			org.SetEventTrouble(salesforce.EventTrouble{})
			time.Sleep(90 * time.Minute)
			h := &history{w: p.world, o: p.o, a: p.a}
			if there, back := h.requests(before, "partner_center"); there != 1 || back != 0 {
				p.t.Errorf("%s: %d writes on the other side and %d on its own", what, there, back)
			}
		}
		step("a dropped connection", func() { org.DropSubscriptions() }, soon)
		step("an ended session", org.ExpireSessions, soon)
		step("events that come twice", func() { org.SetEventTrouble(salesforce.EventTrouble{Twice: true}) }, soon)
		step("late events", func() { org.SetEventTrouble(salesforce.EventTrouble{Late: 20 * time.Minute}) }, 25*time.Minute)
		step("gap events", func() { org.SetEventTrouble(salesforce.EventTrouble{Gaps: true}) }, soon)
		step("overflow events", func() { org.SetEventTrouble(salesforce.EventTrouble{Overflow: true}) }, soon)
		step("lost events", func() { org.SetEventTrouble(salesforce.EventTrouble{Lost: true}) }, 2*time.Hour)
		step("a refused replay id", func() {
			org.SetEventTrouble(salesforce.EventTrouble{RefuseReplay: true})
			org.DropSubscriptions()
		}, soon)
		p.a.stop()
		p.edits(id, "3000")
		time.Sleep(4 * day)
		before := p.mark()
		p.a.start()
		if took := p.arrives("Broken"); took > soon {
			p.t.Errorf("after four days: it took %v", took)
		}
		p.subscribes()
		if len(p.operations(before, func(op lab.Operation) bool { return op.Action == "subscribe" && op.ID == "LATEST" })) == 0 {
			p.t.Error("the old replay id was not given up")
		}
	})
}

// TestPushRefused shows that the polls go on at their usual rate where the organisation serves no change events, and become rare
// when it does.
func TestPushRefused(t *testing.T) {
	inPushedWorld(t, "1m", nil, func(p *pushedWorld) {
		polls := func(d time.Duration) int {
			before := p.mark()
			time.Sleep(d)
			return len(p.operations(before, func(op lab.Operation) bool {
				return agentOf(p.o)(op) && op.Service == "salesforce" && op.Object == "OpportunityContactRole"
			}))
		}
		if n := polls(3 * time.Hour); n > 4 {
			p.t.Errorf("%d polls while the events come", n)
		}
		p.o.org.SetEventTrouble(salesforce.EventTrouble{Refuse: codes.PermissionDenied})
		id := p.shares("Refused")
		if took := p.arrives("Refused"); took > soon {
			p.t.Errorf("the deal took %v", took)
		}
		if n := polls(time.Hour); n < 50 {
			p.t.Errorf("%d polls while the events are refused", n)
		}
		p.o.org.SetEventTrouble(salesforce.EventTrouble{})
		time.Sleep(20 * time.Minute)
		if n := polls(3 * time.Hour); n > 4 {
			p.t.Errorf("%d polls when the events come again", n)
		}
		p.edits(id, "99")
		p.arrives("Refused")
	})
}

// TestPushDeletes shows that a deal that was deleted in the CRM, and one that came back, are noticed by their events.
func TestPushDeletes(t *testing.T) {
	inPushedWorld(t, "10h", nil, func(p *pushedWorld) {
		id := p.shares("Deleted")
		p.arrives("Deleted")
		time.Sleep(time.Hour)
		before := p.mark()
		p.must("delete_opportunity", map[string]string{"id": id})
		time.Sleep(soon)
		looked := func() int {
			return len(p.operations(before, func(op lab.Operation) bool {
				return agentOf(p.o)(op) && op.Service != "entra" && op.Action != "subscribe"
			}))
		}
		if looked() == 0 {
			p.t.Error("nobody looked at the deal that was deleted")
		}
		before = p.mark()
		if err := p.o.org.Undelete("Opportunity", id); err != nil {
			p.t.Fatal(err)
		}
		time.Sleep(soon)
		if looked() == 0 {
			p.t.Error("nobody looked at the deal that came back")
		}
	})
}

// TestPushOfReplicas shows that of two processes on one store one subscribes, that the other polls as rarely while it does, and takes
// over with the position when the first one is killed.
func TestPushOfReplicas(t *testing.T) {
	inPushedWorld(t, "1h", nil, func(p *pushedWorld) {
		second := p.newAgent(p.o, p.a.document, p.a.storage)
		second.start()
		time.Sleep(10 * time.Minute)
		if n := p.o.org.Subscriptions(); n != 1 {
			p.t.Errorf("two processes have %d subscriptions", n)
		}
		id := p.shares("Replicated")
		p.arrives("Replicated")
		p.a.kill()
		p.edits(id, "77")
		if took := p.arrives("Replicated"); took > soon {
			p.t.Errorf("after the kill an edit took %v", took)
		}
		if n := p.o.org.Subscriptions(); n != 1 {
			p.t.Errorf("the other process has %d subscriptions", n)
		}
	})
}

// TestHistoriesWithPush plays some of the histories of TestHistories with change events, under the same rules.
func TestHistoriesWithPush(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+numberOr(12); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			play(t, &history{reached: map[string]bool{}, product: document.Salesforce, pushed: true}, seed, t.TempDir())
		})
	}
}
