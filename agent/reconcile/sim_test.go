package reconcile_test

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
)

var (
	seeds    = flag.Int("seeds", 840, "histories per scenario of the core simulator")
	faultsOf = flag.String("faults", "", "of the faults that chance deals to a history only these, as a failure prints them")
	firstRun = flag.Uint64("seed", 1, "first seed of the core simulator")
)

// scenarios of the random mode.
var scenarios = map[string]trouble{
	"kind world":         {editors: 10, deals: 2, customers: 2, listLag: time.Second},
	"lost answers":       {editors: 10, deals: 2, customers: 1, lost: 0.1, refused: 0.1, dropped: 0.2, listLag: 2 * time.Second},
	"killed often":       {editors: 10, deals: 2, customers: 1, lost: 0.05, crash: 0.01, dropped: 0.1, listLag: 2 * time.Second, outages: true},
	"co-sell":            {editors: 6, deals: 2, customers: 2, lost: 0.05, crash: 0.005, dropped: 0.1, listLag: 2 * time.Second, coSell: true},
	"no webhooks at all": {editors: 6, deals: 2, customers: 2, lost: 0.05, crash: 0.003, dropped: 1, listLag: 2 * time.Second},
	"leads":              {editors: 8, deals: 2, customers: 2, lost: 0.05, crash: 0.004, dropped: 0.1, listLag: 2 * time.Second, leads: true},
	"long pauses":        {editors: 6, deals: 2, customers: 2, dropped: 0.1, listLag: 2 * time.Second, replicas: 1, rare: map[fault]float64{pausedWorker: 0.02}},
	"wrong clocks":       {editors: 8, deals: 2, customers: 2, lost: 0.1, dropped: 0.3, listLag: 2 * time.Second, jumps: true},
	"anything":           {editors: 8, deals: 2, customers: 2, listLag: 2 * time.Second, anything: true},
}

// live plays a history to its end and judges it.
func live(of *product, seed uint64, name string, only map[dealt]bool) *world {
	w := newWorldOf(of, seed, scenarios[name], nil)
	w.name, w.only = name, only
	w.play()
	w.judge()
	return w
}

// shortest tells the shortest list of faults with which a failed history still breaks what it broke first, and how to play that.
func shortest(w *world) string {
	number := w.ledger.broken[0].number
	var best *world
	fails := func(list []dealt) bool {
		again := live(w.crm, w.seed, w.name, set(list))
		defer again.end()
		same := slices.ContainsFunc(again.ledger.broken, func(v violation) bool { return v.number == number })
		if same {
			best = again
		}
		return same
	}
	list := fewest(w.struck, fails)
	if best == nil {
		return fmt.Sprintf("all of its %d faults are needed", len(list))
	}
	return fmt.Sprintf("%d of its %d faults are enough for I%d: %v\n%s\nreplay: %s", len(list), len(w.struck), number, list, best.timeline(), best.replay())
}

func TestCoreSimulator(t *testing.T) {
	only, err := listed(*faultsOf)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range products {
		for _, name := range slices.Sorted(maps.Keys(scenarios)) {
			t.Run(of.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				failed := 0
				for seed := *firstRun; seed < *firstRun+of.share(*seeds) && failed < 3; seed++ {
					w := live(of, seed, name, only)
					if wrong := w.said(); len(wrong) > 0 {
						failed++
						t.Errorf("seed %d (%d crashes): %s\n%s\nreplay: %s\n%s", seed, w.crashes, strings.Join(wrong, "\n  "), w.timeline(), w.replay(), shortest(w))
					}
					summary.add(name+" on "+of.name, w)
				}
			})
		}
	}
}

func (w *world) trace() uint64 {
	h := fnv.New64a()
	for i := range w.journal {
		op := &w.journal[i]
		fmt.Fprint(h, op.at.UnixNano(), op.who, op.what, op.on, op.detail, op.fault, op.err)
	}
	return h.Sum64()
}

// The same seed gives the same history, to the last read.
func TestSimulatorIsDeterministic(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		for seed := uint64(40); seed < 50; seed++ {
			of := products[seed%2]
			first, second := newWorldOf(of, seed, scenarios[name], nil), newWorldOf(of, seed, scenarios[name], nil)
			first.play()
			second.play()
			if first.trace() != second.trace() || len(first.journal) == 0 {
				t.Errorf("%s: seed %d gives two histories", name, seed)
			}
			first.end()
			second.end()
		}
	}
}

// The texts of remote systems differ from call to call. A problem is told once all the same: telling it is a write, a write is
// an event, and an event is another run. An edit is a new try.
func TestARefusalIsToldOnce(t *testing.T) {
	w := newWorld(1, trouble{customers: 1})
	w.refuses = true
	r := w.sellerCreates(false)
	w.settle(10 * time.Minute)
	if w.writes != 1 || strings.Count(r.audit, "CS201") != 1 {
		t.Errorf("%d writes, audit:\n%s", w.writes, r.audit)
	}
	w.enter(r, "notes", "mended")
	w.settle(10 * time.Minute)
	if w.writes != 2 || strings.Count(r.audit, "CS201") != 2 {
		t.Errorf("after an edit %d writes, audit:\n%s", w.writes, r.audit)
	}
	w.refuses = false
	w.enter(r, "notes", "mended again")
	w.settle(10 * time.Minute)
	if faults := w.faults(); len(faults) > 0 || !strings.Contains(r.audit, "The problem is solved.") || r.status != "In sync" {
		t.Errorf("%v, status %q, audit:\n%s", faults, r.status, r.audit)
	}
}

// What a flow or the shadow mode holds back is logged by the names of its fields, and nothing is sent.
func TestHeldEffectsAreShown(t *testing.T) {
	var said bytes.Buffer
	w := newWorld(1, trouble{customers: 1})
	w.log = hclog.New(&hclog.LoggerOptions{Output: &said, Level: hclog.Info})
	w.change(func() {
		w.blocked = map[reconcile.Effect]string{reconcile.CreateReferral: "shadow", reconcile.PatchReferral: "shadow"}
	})
	w.settle(time.Minute)
	w.sellerCreates(false)
	w.microsoftSends(0)
	w.settle(2 * time.Minute)
	for _, id := range w.recordIDs {
		if r := w.records[id]; r.key != "" {
			w.moves(r, w.crm.active)
			w.enter(r, "notes", "a customer's words")
		}
	}
	w.settle(2 * time.Minute)
	for _, text := range []string{"would create a referral", "would change the referral", "held_by=shadow", "notes", "active"} {
		if !strings.Contains(said.String(), text) {
			t.Errorf("the log does not say %q:\n%s", text, said.String())
		}
	}
	if strings.Contains(said.String(), "a customer's words") {
		t.Error("the log holds a value")
	}
	if w.writes != 1 {
		t.Errorf("%d writes: %s", w.writes, w.timeline())
	}
}

// A customer whose account is in doubt waits for a person, who is told which accounts come into question and what to do; once
// one of them is right, the deal goes on with it when it is touched, and no account was created.
func TestADoubtfulAccountWaitsForAPerson(t *testing.T) {
	w := newWorld(1, trouble{customers: 1})
	w.accounts = []match.Account{{ID: "001A", Name: "Contoso 0 Inc", PostalCode: "1000", Country: "NO"}, {ID: "001B", Name: "contoso 0", Country: "NO"}}
	r := w.microsoftSends(0)
	w.settle(2 * time.Minute)
	problems, err := w.store.Problems(t.Context(), 10)
	if err != nil || len(problems) != 1 || !problems[0].Parked || problems[0].Code != "CS303" || len(w.records) > 0 {
		t.Fatalf("%+v, %v, %d records", problems, err, len(w.records))
	}
	for _, text := range []string{`"Contoso 0" (1000 NO)`, `001A "Contoso 0 Inc" (1000 NO)`, `001B "contoso 0" (no postal code NO)`, "exactly the referral's customer name and postal code"} {
		if !strings.Contains(problems[0].Error, text) {
			t.Errorf("the problem does not say %s: %s", text, problems[0].Error)
		}
	}
	w.accounts[1].PostalCode = "1000"
	w.portalSaves(r)
	w.settle(2 * time.Minute)
	if len(w.records) != 1 || len(w.accounts) != 2 {
		t.Errorf("%d records, %d accounts", len(w.records), len(w.accounts))
	}
}

// once are the histories that were wrong once. They are played in every run.
var once = []struct {
	scenario string // of Salesforce, unless it begins with the name of another CRM
	seed     uint64
	what     string
}{
	{"anything", 26, "a stale read of the referral went over the seller's edit"},
	{"anything", 28, "a stale read of Microsoft's referral wiped its identifier"},
	{"anything", 74, "an amount that an answer lacked, after a crash, hid the seller's"},
	{"anything", 104, "an amount that an answer lacked passed for news when it showed again"},
	{"anything", 306, "asking for help wrote the CRM while the flow that writes it was off"},
	{"anything", 1395, "the same after a lost request"},
	{"anything", 1465, "a status that was edited while the flow was off was never restored"},
	{"anything", 1536, "Microsoft's identifier was wiped when its referral was not read"},
	{"anything", 1700, "a create was repeated although its flow was off meanwhile"},
	{"co-sell", 162, "a request for help was repeated although Sync was set to No meanwhile"},
	{"kind world", 3, "a conflict with an update that was turned away was decided without a note"},
	{"killed often", 5, "what a torn merge had decided was not recorded"},
	{"lost answers", 227, "a line of Audit whose answer was lost could not be restored"},
	{"killed often", 102674, "an Audit field that was emptied before its first line was remembered stayed empty"},
	{"anything", 106357, "the same after a lost answer"},
	{"anything", 105213, "an edit of an amount that an answer lacked was written over, and no decision about it was recorded"},
	{"Kontor/anything", 106454, "the same"},
	{"Kontor/kind world", 102331, "an update that was turned away after its patch had arrived counted as seen"},
	{"Kontor/kind world", 102397, "the same with a close date"},
	{"anything", 303539, "an answer without the amount was the last look at an edit of the amount"},
	{"anything", 301383, "the sweep began a day ahead, by the agent's clock, and passed over what no webhook told"},
	{"anything", 302110, "the same after a lost answer"},
	{"Dynamics 365/anything", 400135, "a world in which all documents were one did not look again at what was parked under another"},
	{"anything", 400395, "Microsoft's answer was not read because the flow that reads it was off when it came"},
	{"Kontor/anything", 301063, "a CRM that keeps nothing of what is deleted gave back what was deleted"},
	{"anything", 405441, "a lead's notes were emptied when they were taken out of the mapping"},
	{"wrong clocks", 406799, "an agent that knew its clock to be a day ahead wrote over a change of the same second"},
	{"co-sell", 300359, "what an attempt had read of Microsoft's referral was forgotten when the portal closed the deal"},
}

// The worlds have changed since these seeds failed, so that they need not strike the same way today; the stories of the systematic
// mode, and the tests beside, hold the bugs themselves.
func TestWrongOnce(t *testing.T) {
	for _, c := range once {
		of, name := salesforce, c.scenario
		for _, other := range []*product{invented, dynamics} {
			if rest, its := strings.CutPrefix(name, other.name+"/"); its {
				of, name = other, rest
			}
		}
		w := newWorldOf(of, c.seed, scenarios[name], nil)
		w.name = name
		w.play()
		if wrong := w.judge(); len(wrong) > 0 {
			t.Errorf("%s (%s, seed %d): %s\n%s", c.what, c.scenario, c.seed, strings.Join(wrong, "\n  "), w.timeline())
		}
	}
}

// A replica of Partner Center that lags shows what was there before the agent's own write. That is nobody's edit.
func TestAStaleReadIsNoEdit(t *testing.T) {
	w := newWorld(1, kindly)
	r, ref := w.shared()
	w.sellerWrites(r)
	w.rest()
	w.settle(10 * time.Minute)
	writes := w.writes
	w.trouble.rare = map[fault]float64{staleRead: 1}
	w.announceAgain(ref)
	w.settle(3 * time.Second)
	if w.writes != writes {
		t.Errorf("a stale read led to a write:\n%s", w.timeline())
	}
	w.trouble.rare = nil
	w.calm()
	if wrong := w.judge(); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// A replica of the CRM that lags shows what was there before the agent's own write. That is no seller's edit, on whatever CRM.
func TestAStaleRecordIsNoEdit(t *testing.T) {
	for _, of := range products {
		if of.fresh {
			continue
		}
		w := newWorldOf(of, 1, kindly, nil)
		r, ref := w.shared()
		w.settle(10 * time.Minute)
		w.portalWrites(ref)
		for before := w.writes; w.writes == before; {
			w.settle(50 * time.Millisecond)
		}
		writes := w.writes
		ref.former = nil // this side does not lag
		w.trouble.rare = map[fault]float64{staleRead: 1}
		w.announceAgain(ref)
		w.settle(2 * time.Second)
		if w.writes != writes || w.ledger.covered[struck{staleRead, "crm.read"}] == 0 {
			t.Errorf("%s: a stale read led to a write:\n%s", of.name, w.timeline())
		}
		w.trouble.rare = nil
		w.calm()
		if wrong := w.judge(); len(wrong) > 0 || r.fields[of.notes] != at(ref.tree, "/details/notes") {
			t.Errorf("%s: %v", of.name, wrong)
		}
		w.end()
	}
}

// What the flow that reads Microsoft's answers does not read while it is off, or what a closed deal is not read for, stays.
func TestMicrosoftsIdentifierStaysWhenItIsNotRead(t *testing.T) {
	w := newWorld(1, coSelling)
	r, ref := w.shared()
	w.asks(r)
	w.rest()
	theirs := w.microsofts(ref.engagement)
	theirs.tree["status"], theirs.tree["substatus"] = "Active", "Accepted"
	w.set(theirs, "/trackingInfo/microsoftMsxId", "7-ABC")
	w.portalSaves(theirs)
	w.rest()
	shown := r.fields[w.crm.identifier]
	w.off(reconcile.ReadCounterpart)
	w.sellerWrites(r)
	w.rest()
	w.on()
	w.moves(r, w.crm.won)
	w.rest()
	if r.fields[w.crm.identifier] != shown || shown != "7-ABC" {
		t.Errorf("the identifier was %v and is %v", shown, r.fields[w.crm.identifier])
	}
	if told := strings.Count(r.audit, "CS216") + strings.Count(r.audit, "CS211"); told != 1 {
		t.Errorf("Microsoft's answer is told %d times:\n%s", told, r.audit)
	}
}

// What Microsoft answers while the flow that reads its answers is off is read when the flow is on again, and no event tells of it then.
func TestAnAnswerWaitsForItsFlow(t *testing.T) {
	w := newWorld(1, coSelling)
	r, ref := w.shared()
	w.asks(r)
	w.rest()
	w.off(reconcile.ReadCounterpart)
	theirs := w.microsofts(ref.engagement)
	theirs.tree["status"], theirs.tree["substatus"] = "Active", "Accepted"
	w.set(theirs, "/trackingInfo/microsoftMsxId", "7-ABC")
	w.portalSaves(theirs)
	w.settle(20 * time.Minute)
	if shown := r.fields[w.crm.identifier]; shown != nil && shown != "" {
		t.Errorf("while the flow is off the identifier is %v", shown)
	}
	w.on()
	w.settle(time.Minute)
	if shown := r.fields[w.crm.identifier]; shown != "7-ABC" || !strings.Contains(r.audit, "CS216") {
		t.Errorf("when the flow is on again the identifier is %v, the audit:\n%s", shown, r.audit)
	}
}

// A customer's words, amounts, names and addresses stay out of the log, whatever happens.
func TestNoCustomerDataInLogs(t *testing.T) {
	for i, s := range stories {
		var said bytes.Buffer
		of := products[i%len(products)]
		if s.world.leads {
			of = salesforce
		}
		w := newWorldOf(of, 1, s.world, nil)
		w.log = hclog.New(&hclog.LoggerOptions{Output: &said, Level: hclog.Trace})
		for _, a := range w.agents {
			a.reload = true
		}
		w.settle(time.Second)
		w.script = &script{}
		s.play(w)
		w.calm()
		if said.Len() == 0 {
			t.Errorf("%s: nothing is logged", s.name)
		}
		for _, data := range customersWords {
			if strings.Contains(said.String(), data) {
				t.Errorf("%s: the log holds %q:\n%s", s.name, data, said.String())
			}
		}
	}
}

// Many deals of one new customer that arrive at once take turns, so that there is one account; and their turns come within a
// minute, however many wait.
func TestDealsOfOneCustomerTakeTurns(t *testing.T) {
	const deals = 60
	w := newWorld(1, trouble{customers: 1})
	for range deals {
		w.microsoftSends(0)
	}
	w.settle(time.Minute)
	if len(w.records) != deals || len(w.accounts) != 1 {
		t.Errorf("after a minute there are %d opportunities and %d accounts", len(w.records), len(w.accounts))
	}
}

// To wait for a turn is no failure: a deal that fails once after many turns does not wait as long as one that failed as often.
func TestManyTurnsAreNoFailures(t *testing.T) {
	const deals = 40
	for seed := uint64(1); seed <= 5; seed++ {
		w := newWorld(seed, trouble{customers: 1, lost: 0.05})
		for range deals {
			w.microsoftSends(0)
		}
		w.settle(4 * time.Minute)
		if len(w.records) != deals || len(w.accounts) != 1 {
			t.Errorf("seed %d: after four minutes there are %d opportunities and %d accounts", seed, len(w.records), len(w.accounts))
		}
	}
}

// A failed history is played again with fewer and fewer of its faults. With all of them it is the very same history, and with a bug
// that one lost answer is enough for, the others are found to be superfluous.
func TestFaultsAreLeftOut(t *testing.T) {
	for seed := uint64(1); seed < 6; seed++ {
		first := live(invented, seed, "killed often", nil)
		again := live(invented, seed, "killed often", set(first.struck))
		if len(first.struck) == 0 || first.trace() != again.trace() {
			t.Errorf("seed %d: %d faults make another history when they are listed", seed, len(first.struck))
		}
		if only, err := listed(strings.TrimSuffix(strings.TrimPrefix(onlyThese(set(first.struck)), ` -faults "`), `"`)); err != nil || len(only) != len(first.struck)+1 {
			t.Errorf("the list of %d faults is read as %d: %v", len(first.struck), len(only), err)
		}
		first.end()
		again.end()
	}
	all := []dealt{{crash, 1}, {lostAnswer, 1}, {crash, 2}, {lostAnswer, 2}, {lostRequest, 1}, {crash, 3}, {outage, 1}}
	short := fewest(all, func(list []dealt) bool {
		return slices.Contains(list, dealt{lostAnswer, 2}) && slices.Contains(list, dealt{crash, 1})
	})
	if !slices.Equal(short, []dealt{{crash, 1}, {lostAnswer, 2}}) {
		t.Errorf("the shortest list is %v", short)
	}
}
