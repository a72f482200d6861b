package reconcile_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

var (
	onlyStrikes = flag.String("strikes", "", "play a named scenario with these faults at these effects only, as a failure prints them")
	pairs       = flag.Int("pairs", 6, "pairs of faults that are tried of all in each named scenario")
)

// story is a named scenario: what people do, one after the other, in a world that is kind but for the one fault that strikes.
type story struct {
	name  string
	world trouble
	play  func(w *world)
	// want says what is wrong with the end, beside all that the oracles say.
	want func(w *world) string
}

// moment in which everything comes to rest, if nothing strikes, and in which a try or two fit.
const aWhile = 40 * time.Second

func (w *world) rest() { w.settle(aWhile) }

// shared gives an opportunity that was shared, received one that came from Microsoft.
func (w *world) shared() (*record, *remoteReferral) {
	r := w.sellerCreates(false)
	w.rest()
	return r, w.referralOf(r)
}

func (w *world) received() (*record, *remoteReferral) {
	ref := w.microsoftSends(0)
	w.rest()
	return w.holderOf(ref), ref
}

// accepted gives a deal of Microsoft's that a seller has taken on.
func (w *world) accepted() (*record, *remoteReferral) {
	r, ref := w.received()
	w.moves(r, w.crm.active)
	w.rest()
	return r, ref
}

// referralOf gives the referral of an opportunity. When the fault that struck keeps it away yet, time passes until it is there.
func (w *world) referralOf(r *record) *remoteReferral {
	for range 40 {
		for _, id := range sortedKeys(w.referrals) {
			if ref := w.referrals[id]; ref.madeFor == r.id && !ref.microsoft && r.key != "" {
				return ref
			}
		}
		w.rest()
	}
	w.breaks(9, "opportunity %s was not shared: %s", r.id, r.audit)
	return w.newReferral(0)
}

func (w *world) holderOf(ref *remoteReferral) *record {
	for range 40 {
		if id, found := w.recordOf(ref.id); found {
			return w.records[id]
		}
		w.rest()
	}
	w.breaks(9, "referral %s was not received", ref.id)
	return w.newRecord(false)
}

func (w *world) sellerWrites(r *record) { w.enter(r, deal.Notes, "crm "+w.id("v")) }

func (w *world) portalWrites(ref *remoteReferral) {
	w.puts(ref, deal.Notes, "pc "+w.id("v"))
	w.portalSaves(ref)
}

func (w *world) asks(r *record) {
	w.note("seller", "asks for help", r.id, "", nil)
	r.fields[w.crm.help] = w.crm.helps[0]
	w.ledger.reach(12)
	w.modify(r)
}

func (w *world) off(effects ...reconcile.Effect) {
	w.cover(flowToggle, "document")
	blocked := map[reconcile.Effect]string{}
	for _, effect := range effects {
		blocked[effect] = "a flow"
	}
	w.change(func() { w.blocked = blocked })
	w.settle(5 * time.Second)
}

func (w *world) on() {
	w.change(func() { w.blocked = nil })
	w.settle(5 * time.Second)
}

func (w *world) portalCloses(ref *remoteReferral, substatus string) {
	w.answers(ref, "Closed", substatus)
	w.portalSaves(ref)
}

func (w *world) portalAccepts(ref *remoteReferral) {
	w.answers(ref, "Active", "Accepted")
	w.portalSaves(ref)
}

// loseStore makes the agent start with an empty database.
func (w *world) loseStore() {
	w.losing = true
	w.kill(w.agents[0])
}

// beginStore puts an empty database in the place of one that was lost.
func (w *world) beginStore() {
	w.note("world", "the database is lost", "", "", nil)
	w.store, w.born = store.NewMemory("sim", w.agentNow), w.now
	w.ledger.links, w.ledger.acknowledged = map[string]store.Link{}, map[string]int{}
}

func oneOfEach(w *world) string {
	if len(w.referrals) != 1 || len(w.records) != 1 {
		return fmt.Sprintf("%d referrals and %d opportunities", len(w.referrals), len(w.records))
	}
	return ""
}

func coSold(w *world) string {
	if len(w.referrals) != 2 || len(w.records) != 1 {
		return fmt.Sprintf("%d referrals and %d opportunities", len(w.referrals), len(w.records))
	}
	return ""
}

// ends expects a status and substatus of the only own referral.
func ends(status, substatus string) func(w *world) string {
	return func(w *world) string {
		for _, id := range sortedKeys(w.referrals) {
			if r := w.referrals[id]; !r.microsoft && (r.tree["status"] != status || r.tree["substatus"] != substatus) {
				return fmt.Sprintf("referral %s ended %v %v", id, r.tree["status"], r.tree["substatus"])
			}
		}
		return ""
	}
}

var kindly, coSelling = trouble{customers: 1, listLag: time.Second}, trouble{customers: 1, listLag: time.Second, coSell: true}

var stories = slices.Concat(dealStories, leadStories)

// told are the stories that a CRM can tell: those of leads, where it keeps some.
func (p *product) told() []story {
	return slices.DeleteFunc(slices.Clone(stories), func(s story) bool { return s.world.leads && !p.leads })
}

var dealStories = []story{
	{"a seller shares", kindly, func(w *world) { w.shared() }, oneOfEach},
	{"a seller shares visibly", kindly, func(w *world) {
		r := w.sellerCreates(false)
		r.fields[w.crm.visible] = true
		w.rest()
	}, oneOfEach},
	{"a seller shares and asks for help", coSelling, func(w *world) { w.sellerCreates(true); w.rest() }, coSold},
	{"a seller shares with marks", trouble{customers: 1, listLag: time.Second, marks: true}, func(w *world) { w.shared() }, oneOfEach},
	{"Microsoft sends", kindly, func(w *world) { w.received() }, oneOfEach},
	{"Microsoft sends with marks", trouble{customers: 1, listLag: time.Second, marks: true}, func(w *world) { w.received() }, oneOfEach},
	{"Microsoft sends and the seller accepts", kindly, func(w *world) { w.accepted() }, ends("Active", "Accepted")},
	{"Microsoft sends and the portal accepts", kindly, func(w *world) { _, ref := w.received(); w.portalAccepts(ref); w.rest() }, ends("Active", "Accepted")},
	{"Microsoft sends and the seller declines", kindly, func(w *world) { r, _ := w.received(); w.moves(r, w.crm.lost); w.rest() }, ends("Closed", "Declined")},
	{"Microsoft sends and the seller wins at once", kindly, func(w *world) { r, _ := w.received(); w.moves(r, w.crm.won); w.rest() }, ends("Closed", "Won")},
	{"the seller wins", kindly, func(w *world) { r, _ := w.accepted(); w.moves(r, w.crm.won); w.rest() }, ends("Closed", "Won")},
	{"the seller loses, with a reason", kindly, func(w *world) {
		r, _ := w.accepted()
		r.fields[w.crm.reason] = "Too expensive"
		w.moves(r, w.crm.lost)
		w.rest()
	}, ends("Closed", "Lost")},
	{"the seller wins a deal of his own", kindly, func(w *world) { r, _ := w.shared(); w.moves(r, w.crm.won); w.rest() }, ends("Closed", "Won")},
	{"the portal closes as won", kindly, func(w *world) { _, ref := w.accepted(); w.portalCloses(ref, "Won"); w.rest() }, ends("Closed", "Won")},
	{"the portal declines what is on hold", kindly, func(w *world) { _, ref := w.received(); w.portalCloses(ref, "Declined"); w.rest() }, ends("Closed", "Declined")},
	{"a referral expires on hold", kindly, func(w *world) { _, ref := w.received(); w.portalCloses(ref, "Expired"); w.rest() }, ends("Closed", "Expired")},
	{"edits on hold follow the acceptance", kindly, func(w *world) {
		r, _ := w.received()
		w.sellerWrites(r)
		w.enter(r, deal.DealValue, 5000+w.fresh())
		w.rest()
		w.moves(r, w.crm.another)
		w.rest()
	}, ends("Active", "Accepted")},
	{"both edit what is on hold", kindly, func(w *world) {
		r, ref := w.received()
		w.sellerWrites(r)
		w.portalWrites(ref)
		w.rest()
		w.moves(r, w.crm.another)
		w.rest()
	}, oneOfEach},
	{"an accepted deal goes back on hold", kindly, func(w *world) {
		r, _ := w.accepted()
		w.moves(r, w.crm.onHold)
		w.sellerWrites(r)
		w.rest()
		w.moves(r, w.crm.active)
		w.rest()
	}, ends("Active", "Accepted")},
	{"the seller edits", kindly, func(w *world) { r, _ := w.shared(); w.sellerWrites(r); w.rest() }, oneOfEach},
	{"the portal edits", kindly, func(w *world) { _, ref := w.shared(); w.portalWrites(ref); w.rest() }, oneOfEach},
	{"both edit the same field", kindly, func(w *world) { r, ref := w.shared(); w.sellerWrites(r); w.portalWrites(ref); w.rest() }, oneOfEach},
	{"both edit different fields", kindly, func(w *world) {
		r, ref := w.shared()
		w.sellerWrites(r)
		w.puts(ref, deal.CloseDate, w.day(w.fresh())+"T00:00:00Z")
		w.portalSaves(ref)
		w.rest()
	}, oneOfEach},
	{"one edit after the other", kindly, func(w *world) {
		r, ref := w.shared()
		for range 3 {
			w.sellerWrites(r)
			w.settle(4 * time.Second)
			w.portalWrites(ref)
			w.settle(4 * time.Second)
		}
		w.rest()
	}, oneOfEach},
	{"the portal edits while the first update is under way", kindly, func(w *world) {
		r := w.sellerCreates(false)
		w.settle(2500 * time.Millisecond)
		for _, id := range sortedKeys(w.referrals) {
			w.portalWrites(w.referrals[id])
		}
		w.sellerWrites(r)
		w.rest()
	}, oneOfEach},
	{"Sync goes off and on", kindly, func(w *world) {
		r, _ := w.shared()
		w.flips(r)
		w.sellerWrites(r)
		w.rest()
		w.flips(r)
		w.rest()
	}, oneOfEach},
	{"both edit while Sync is off", kindly, func(w *world) {
		r, ref := w.shared()
		w.flips(r)
		w.sellerWrites(r)
		w.portalWrites(ref)
		w.rest()
		w.flips(r)
		w.rest()
	}, oneOfEach},
	{"Sync is set late", kindly, func(w *world) {
		r := w.newRecord(false)
		r.sync = false
		w.begins(r)
		w.meet(r, somebody(1))
		w.sell(r, "SOL-1")
		w.rest()
		w.flips(r)
		w.rest()
	}, oneOfEach},
	{"Sync goes off right after the share began", kindly, func(w *world) {
		r := w.sellerCreates(false)
		w.settle(3 * time.Second)
		w.flips(r)
		w.rest()
	}, nil},
	{"a private deal becomes visible", kindly, func(w *world) {
		r, _ := w.shared()
		r.fields[w.crm.visible] = true
		w.modify(r)
		w.rest()
	}, oneOfEach},
	{"a private deal asks for help", coSelling, func(w *world) { r, _ := w.shared(); w.asks(r); w.rest() }, coSold},
	{"a deal asks for help, and Sync goes off", coSelling, func(w *world) {
		r, _ := w.shared()
		w.asks(r)
		w.settle(2 * time.Second)
		w.flips(r)
		w.rest()
	}, nil},
	{"the portal asks for help", coSelling, func(w *world) { _, ref := w.shared(); w.portalAsks(ref); w.portalSaves(ref); w.rest() }, coSold},
	{"Microsoft answers a request for help", coSelling, func(w *world) { r, _ := w.shared(); w.asks(r); w.rest(); w.microsoftAnswers(); w.rest() }, coSold},
	{"Microsoft answers, and the deal is won", coSelling, func(w *world) {
		r, _ := w.shared()
		w.asks(r)
		w.rest()
		w.microsoftAnswers()
		w.rest()
		w.moves(r, w.crm.won)
		w.rest()
	}, coSold},
	{"the seller adds a solution", kindly, func(w *world) { r, _ := w.shared(); w.sell(r, "SOL-2"); w.rest() }, oneOfEach},
	{"the portal changes solutions", kindly, func(w *world) { _, ref := w.shared(); w.portalSells(ref); w.portalSaves(ref); w.rest() }, oneOfEach},
	{"the last solution goes and another comes", kindly, func(w *world) {
		r, _ := w.shared()
		w.unsell(r, r.solutions[0].RowID)
		w.rest()
		w.sell(r, "SOL-3")
		w.rest()
	}, oneOfEach},
	{"contacts change on both sides", kindly, func(w *world) {
		r, ref := w.shared()
		w.meet(r, somebody(3))
		w.portalMeets(ref)
		w.portalSaves(ref)
		w.rest()
	}, oneOfEach},
	{"what is missing is mended", kindly, func(w *world) {
		r := w.newRecord(false)
		r.fields[w.crm.country] = "Neverland"
		w.begins(r)
		w.rest()
		w.sell(r, "SOL-1")
		w.meet(r, somebody(1))
		r.fields[w.crm.country] = "Norway"
		w.modify(r)
		w.rest()
	}, oneOfEach},
	{"the amount is cleared and entered again", kindly, func(w *world) {
		r, _ := w.shared()
		w.ledger.edit(r.id, deal.DealValue, r.fields[w.crm.amount], nil)
		w.ledger.reach(13)
		r.fields[w.crm.amount] = nil
		w.modify(r)
		w.rest()
		w.enter(r, deal.DealValue, 6000+w.fresh())
		w.rest()
	}, oneOfEach},
	{"what only one side may write is edited", kindly, func(w *world) {
		r, _ := w.shared()
		r.fields[w.crm.link], r.status, r.audit = "https://example.com", "As I please", ""
		w.ledger.reach(19)
		w.modify(r)
		w.rest()
	}, oneOfEach},
	{"Audit is cleared while Sync is off right after the share", kindly, func(w *world) {
		r := w.sellerCreates(false)
		w.soon(func() bool { return r.key != "" })
		w.flips(r)
		r.audit = ""
		w.modify(r)
		w.rest()
		w.flips(r)
		w.rest()
	}, oneOfEach},
	{"an opportunity is deleted and undeleted", kindly, func(w *world) {
		r, ref := w.shared()
		w.deletes(r)
		w.portalWrites(ref)
		w.rest()
		w.undeletes(r)
		w.rest()
	}, oneOfEach},
	{"a deleted opportunity's referral is edited", kindly, func(w *world) {
		r, ref := w.shared()
		w.deletes(r)
		w.settle(10 * time.Second)
		w.portalWrites(ref)
		w.rest()
		w.undeletes(r)
		w.rest()
	}, oneOfEach},
	{"the mapping changes, and back", kindly, func(w *world) {
		w.shared()
		w.accepted()
		w.settle(10 * time.Minute)
		w.remapsAtRest()
	}, nil},
	{"an opportunity is copied", kindly, func(w *world) { r, _ := w.shared(); w.copies(r); w.rest() }, nil},
	{"a referral answers 404 for a while", kindly, func(w *world) {
		r, ref := w.shared()
		ref.hidden = true
		w.sellerWrites(r)
		w.rest()
		ref.hidden = false
		w.portalSaves(ref)
		w.rest()
	}, oneOfEach},
	{"two referrals of one new customer", kindly, func(w *world) { w.microsoftSends(0); w.microsoftSends(0); w.rest() }, nil},
	{"two referrals of customers with one name", trouble{customers: 2, listLag: time.Second}, func(w *world) {
		w.microsoftSends(0)
		w.microsoftSends(1)
		w.microsoftSends(0)
		w.rest()
	}, nil},
	{"the database is lost", kindly, func(w *world) {
		r, ref := w.shared()
		_, _ = w.received()
		w.loseStore()
		w.sellerWrites(r)
		w.settle(time.Second)
		w.portalWrites(ref)
		w.rest()
	}, nil},
	{"the outbound flow is off for a while", kindly, func(w *world) {
		r, ref := w.shared()
		w.off(reconcile.PatchReferral)
		w.sellerWrites(r)
		w.portalWrites(ref)
		w.rest()
		w.on()
		w.rest()
	}, oneOfEach},
	{"the inbound flow is off for a while", kindly, func(w *world) {
		r, ref := w.shared()
		w.off(reconcile.UpdateOpportunity)
		w.portalWrites(ref)
		w.sellerWrites(r)
		w.rest()
		w.on()
		w.rest()
	}, oneOfEach},
	{"nothing may be created for a while", kindly, func(w *world) {
		w.off(reconcile.CreateReferral, reconcile.CreateOpportunity)
		w.sellerCreates(false)
		w.microsoftSends(0)
		w.rest()
		w.on()
		w.rest()
	}, nil},
	{"creating is switched off while a create is under way", kindly, func(w *world) {
		w.sellerCreates(false)
		w.settle(2200 * time.Millisecond)
		w.off(reconcile.CreateReferral)
		w.rest()
		w.on()
		w.rest()
	}, oneOfEach},
	{"shadow, then live", coSelling, func(w *world) {
		r, ref := w.shared()
		w.off(reconcile.CreateReferral, reconcile.CreateCounterpart, reconcile.PatchReferral)
		w.sellerWrites(r)
		w.asks(r)
		w.portalWrites(ref)
		w.rest()
		w.on()
		w.rest()
	}, coSold},
	{"a refusal is mended", kindly, func(w *world) {
		r := w.newRecord(false)
		w.ledger.poisoned[r.id] = true
		w.begins(r)
		w.sell(r, "SOL-1")
		w.meet(r, somebody(1))
		w.sellerCreates(false)
		w.rest()
		delete(w.ledger.poisoned, r.id)
		w.sellerWrites(r)
		w.rest()
	}, nil},
	{"ten webhooks at once", kindly, func(w *world) {
		_, ref := w.received()
		for range 10 {
			w.announceAgain(ref)
		}
		w.rest()
	}, oneOfEach},
	{"a lead is accepted in the portal", kindly, func(w *world) {
		ref := w.newReferral(0)
		ref.lead = true
		w.ledger.reach(17)
		w.referrals[ref.id] = ref
		for field, place := range w.crm.edited {
			w.ledger.first(ref.id, field, at(ref.tree, place.center))
		}
		w.portalSaves(ref)
		w.rest()
		w.portalAccepts(ref)
		w.rest()
	}, oneOfEach},
}

// strikes are the faults that are tried at every effect. To be killed before an effect is nearly the same as to be killed after the
// one before it, and is tried in the heavy runs only.
var strikes = []fault{crashAfter, lostRequest, lostAnswer, lateRequest}

// tell plays a story with one fault at one effect; 0: none.
func tell(of *product, s story, at int, kind fault) *world {
	return tellMutant(of, s, struckOnce(at, kind), nil)
}

func tellMutant(of *product, s story, with *script, m *mutant) *world {
	w := newWorldOf(of, 1, s.world, m)
	w.name = s.name
	w.script = with
	s.play(w)
	w.calm()
	if wrong := w.judge(); len(wrong) == 0 && s.want != nil {
		if wrong := s.want(w); wrong != "" {
			w.breaks(9, "%s", wrong)
		}
	}
	return w
}

// The systematic mode: every story on every CRM, with the agent killed and requests and answers lost at every single effect.
func TestEveryEffect(t *testing.T) {
	for _, of := range products {
		for _, s := range of.told() {
			t.Run(of.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				everyEffect(t, of, s)
			})
		}
	}
}

// kinds are the faults that strike every effect with a product. All of them strike with one CRM, and those that leave most behind with
// the others; the heavy runs try all.
func (p *product) kinds() []fault {
	switch {
	case *showReport:
		return append([]fault{crashBefore}, strikes...)
	case p == salesforce:
		return strikes
	default:
		return strikes[:1]
	}
}

func everyEffect(t *testing.T, of *product, s story) {
	t.Helper()
	failed := 0
	judge := func(w *world) {
		if wrong := w.said(); len(wrong) > 0 {
			failed++
			t.Errorf("%s: %s\n%s\nreplay: %s", w.script, strings.Join(wrong, "\n  "), w.timeline(), w.replay())
		}
		summary.add("named stories on "+of.name, w)
	}
	if *onlyStrikes != "" {
		with, err := parsed(*onlyStrikes)
		if err != nil {
			t.Fatal(err)
		}
		judge(tellMutant(of, s, with, nil))
		return
	}
	calm := tell(of, s, 0, none)
	judge(calm)
	for _, kind := range of.kinds() {
		for at := 1; failed < 3; at++ {
			w := tell(of, s, at, kind)
			if w.script.struckAt == 0 {
				w.end()
				break
			}
			at = w.script.struckAt
			judge(w)
		}
	}
	random := rand.New(rand.NewPCG(*firstRun, uint64(calm.effects)))
	for n := 0; n < *pairs && failed < 3; n++ {
		judge(fewestStrikes(of, s, drawPair(random, calm.effects)))
	}
}

// paired are the faults that strike in pairs.
var paired = []fault{crashBefore, crashAfter, lostRequest, lostAnswer, lateRequest, otherEditor, staleRead, partialRead, throttled, pausedWorker}

// drawPair draws two of a story's effects, and a fault for each.
func drawPair(random *rand.Rand, effects int) *script {
	first, second := 1+random.IntN(effects), 1+random.IntN(effects)
	kind := func() fault { return paired[random.IntN(len(paired))] }
	return &script{strikes: []strike{{min(first, second), kind()}, {max(first, second), kind()}}}
}

// fewestStrikes plays a story with two faults, and when it fails, with one of them: the shortest list that fails is what is told.
func fewestStrikes(of *product, s story, pair *script) *world {
	w := tellMutant(of, s, pair, nil)
	if len(w.said()) == 0 {
		return w
	}
	for _, strike := range pair.strikes {
		if one := tell(of, s, strike.at, strike.kind); len(one.said()) > 0 {
			return one
		}
	}
	return w
}
