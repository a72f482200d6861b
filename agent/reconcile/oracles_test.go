package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// What must hold. Safety is judged at every step, before the step changes the world; liveness when everything is quiet, see
// rest_test.go.

type moment int

const (
	claimed moment = iota
	sent           // a write leaves for a remote system
	recordCreated
	recordUpdated
	referralCreated
	referralPatched
	leadCreated
	leadUpdated
	recorded // the engine commits a change to the store
	settledRun
	enqueued
)

// event is one step as the oracles see it. The world is still as it was before.
type event struct {
	what     moment
	c        *coroutine
	on       string
	call     call
	knows    knowledge // of the run that wrote, when it wrote
	record   *record
	lead     *crmLead
	values   deal.Values // of a lead
	changes  *crm.Changes
	created  *crm.NewRecord
	referral *remoteReferral
	ops      []replacement
	tree     map[string]any
	change   *store.Change
	outcome  store.Outcome
	events   []store.Event
	cursor   *store.Cursor
}

// knowledge is what a run has read.
type knowledge struct {
	read map[string]time.Time // when it last read an object
	seen map[string]map[string]any
	etag map[string]string
	// shown is what it was last shown of a referral.
	shown map[string]map[string]any
}

// oracle watches over one invariant. When another part of the product keeps it, elsewhere names the tests that show so.
type oracle struct {
	number    int
	says      string
	step      func(w *world, e *event) string // what is wrong, or ""
	atRest    bool                            // it is judged at rest too, see rest_test.go
	elsewhere string
}

var oracles = []oracle{
	{1, "a referral has at most one opportunity, deleted ones counted of which the CRM or the store knows", oneRecord, true, ""},
	{2, "an opportunity has at most one referral, and an engagement at most one of Microsoft's", oneReferral, true, ""},
	{3, "a bound pair stays bound, whatever is copied, merged, deleted or undeleted", sameBinding, true, ""},
	{4, "a new customer gets one account", oneAccount, true, ""},
	{5, "no edit is overwritten that nobody had read, and what both sides hold in the end is somebody's last edit", noLostUpdate, true, ""},
	{6, "a conflict's outcome depends on base, both sides and the rules only", decidedByRule, false, "agent/deal: TestMergeProperties, TestMerge"},
	{7, "a write carries only what differs from what was read", onlyChanges, false, ""},
	{8, "a value never travels back to where it was entered, and a quiet world sees no writes", noEcho, true, ""},
	{9, "both sides are equal and nothing is due soon after the last trouble", nil, true, ""},
	{10, "a stale read never makes an older value replace a newer one", noRegression, true, ""},
	{11, "what is mapped there and back is the same", sameOnBothSides, false, "agent/mapping: TestRoundTripsAreFixpoints; agent/deal: TestNormalizeIsAFixpoint"},
	{12, "visibility goes from hidden to visible only, and by a person's wish only", visibleByWish, false, ""},
	{13, "an empty, zero or negative amount, or one without currency, is never written", noEmptyAmount, false, ""},
	{14, "nothing is sent while the opportunity is on hold, and leaving it accepts once", nothingOnHold, true, ""},
	{15, "a referral is accepted and closed once, by legal steps, and never reopened", legalSteps, true, ""},
	{16, "nothing of an opportunity is sent while its Sync is No", nothingUnwanted, false, ""},
	{17, "a referral's opportunity is born with Sync set, and a lead has none", noLeads, true, "internal/e2e: TestDealsBecomeEqualUnderFaults"},
	{18, "nothing is shared that is incomplete, and the seller is told what is missing", completeShares, true, ""},
	{19, "what only one side may write never travels the other way, and edits of it are restored", readOnly, true, ""},
	{20, "the mark before a name never leaves the CRM and is never doubled", oneMark, true, ""},
	{21, "a missing record or referral changes nothing on the other side, and one that comes back is the same deal", nothingForTheMissing, true, ""},
	{22, "an acknowledged webhook is never lost", nil, true, "agent/store: TestKilledProcessLosesNothing; agent/intake: TestCommitFailure"},
	{23, "a remote object has one write under way at most", oneWriteAtATime, false, "agent/store: TestTwoWorkersNeverShareADeal"},
	{24, "a deal that is refused for good is parked and delays no other", refusedIsParked, true, ""},
	{25, "of writes that half failed, what succeeded is not sent again", notSentAgain, false, "internal/salesforce: TestComposite, TestCollections"},
	{26, "a create whose answer was lost is looked for before it is sent again", lookedForFirst, false, ""},
	{27, "Retry-After is obeyed, and trouble does not multiply calls", retryAfterObeyed, true, ""},
	{28, "an expired token costs one renewal and one repeat, and never needs a person", expiredIsTriedAgain, false, "internal/wire: TestSessionRenewsOnceAndRebuilds"},
	{29, "a wrong clock of the agent changes nothing", nil, true, ""},
	{30, "a cursor never passes a change whose deal was not marked", cursorBehindEvents, false, "agent/store: TestCursorMovesWithItsEvents"},
	{31, "a webhook that never came is made up for", nil, true, ""},
	{32, "a create is sent only by who holds the deal, and a lost lease records nothing", onlyTheHolder, false, "agent/store: TestLeaseEndsAndFenceHolds"},
	{33, "no customer data in logs", nil, true, "TestNoCustomerDataInLogs; internal/wire: TestNothingSecretIsLoggedOrReported"},
	{34, "what a flow switches off does not happen in runs that begin after it", switchedOff, false, "agent/app: TestFlowsGateEffects"},
	{35, "a changed mapping alone writes nothing", nil, true, ""},
	{36, "the store is whole after any crash", nil, false, "agent/sim: TestHistories, which finds the bug of TestADamagedStoreIsFound first; agent/store: TestKilledProcessLosesNothing, TestNewerSchemaIsRefused; internal/e2e: TestCrashes"},
}

const invariants = 37 // I1 to I36, by their numbers

// ledger is what the oracles remember.
type ledger struct {
	broken              []violation
	reached             [invariants]int
	excused             [invariants]int
	covered             map[struck]int
	edits               map[string][]string // by object and field, in order; the first is what it was created with
	gone                map[string]bool     // values of a field that a person has seen and replaced
	ownedBy             map[string]string   // side on which a value was entered
	births              map[string]int      // opportunities made by the agent, by referral
	shares              map[string]int      // referrals made by the agent, by opportunity
	accounts            map[string]int
	accepted            map[string]int
	keys                map[string]string // referral by opportunity
	refs                map[string]string // opportunity by referral
	links               map[string]store.Link
	unsureOf            map[string]time.Time // creates whose outcome nobody knows
	looked              map[string]time.Time // when the outcome was looked for
	raised              map[string]time.Time // when a deal was last marked
	marked              map[string]int       // the same by the deal's key, as a count of operations
	poisoned            map[string]bool
	acknowledged, taken map[string]int // when a webhook of a key was acknowledged, and when a deal was claimed, as counts of both
	counted             int
	eventIDs            map[string]bool
	torn                map[string]bool    // objects of a run that ended between its writes
	arrived             map[string]arrival // the last patch of a referral whose answer came
}

// arrival is a patch that arrived, as the run knows that sent it, and the state that it left.
type arrival struct {
	payload string
	etag    int
	c       *coroutine
	began   time.Time // of the run
}

// known reports whether whoever sends something knows of the arrival: it is the same run, or one that read what the patch left.
func (a arrival) known(c *coroutine, on string) bool {
	return a.c == c && a.began.Equal(c.began) || c.knows.etag[on] == strconv.Itoa(a.etag)
}

type violation struct {
	number int
	at     time.Time
	text   string
}

func (v violation) String() string { return fmt.Sprintf("I%d: %s", v.number, v.text) }

func (l *ledger) init() {
	*l = ledger{
		covered: map[struck]int{}, edits: map[string][]string{}, gone: map[string]bool{}, ownedBy: map[string]string{},
		births: map[string]int{}, shares: map[string]int{}, accounts: map[string]int{}, accepted: map[string]int{}, keys: map[string]string{},
		refs: map[string]string{}, links: map[string]store.Link{}, unsureOf: map[string]time.Time{}, looked: map[string]time.Time{},
		raised: map[string]time.Time{}, marked: map[string]int{}, poisoned: map[string]bool{}, acknowledged: map[string]int{}, taken: map[string]int{}, eventIDs: map[string]bool{}, torn: map[string]bool{},
		arrived: map[string]arrival{},
	}
}

func (l *ledger) reach(number int) { l.reached[number]++ }

// needClock are the invariants that rest on an honest clock: leases, the time after which a lost create can be looked for, and
// the second of a record's last change are measured by the agent's own. A clock that is a day wrong for a while breaks them; the
// report counts how often.
var needClock = map[int]bool{1: true, 2: true, 4: true, 5: true, 8: true, 10: true, 23: true, 26: true, 27: true, 31: true, 32: true}

// breaks notes that an invariant does not hold.
func (w *world) breaks(number int, format string, args ...any) {
	if needClock[number] && w.wrongClock() {
		w.ledger.excused[number]++
		return
	}
	if number == 9 && w.wrongClock() {
		number = 29 // once the clock is right again, all is as if it had always been
	}
	text := fmt.Sprintf(format, args...)
	w.ledger.broken = append(w.ledger.broken, violation{number, w.now, text})
	w.note("oracle", fmt.Sprint("I", number, " is broken"), "", text, nil)
}

// happens lets every oracle judge a step.
func (w *world) happens(e event) {
	for i := range oracles {
		if o := &oracles[i]; o.step != nil {
			if wrong := o.step(w, &e); wrong != "" {
				w.breaks(o.number, "%s", wrong)
			}
		}
	}
	w.ledger.keep(w, &e)
}

// keep remembers a step that was judged.
func (l *ledger) keep(w *world, e *event) {
	switch e.what {
	case recordCreated:
		l.births[strings.ToLower(e.created.ReferralID)]++
	case referralCreated:
		l.shares[e.on+"|"+engagementOf(e.tree)]++
	case settledRun:
		e.c.claim.Key = ""
	case enqueued:
		for _, event := range e.events {
			if !l.eventIDs[event.ID] {
				l.eventIDs[event.ID] = true
				l.raised[event.Key] = w.now
				if key, found, _ := w.store.Lookup(context.Background(), event.Key); found {
					l.marked[key] = w.effects
				}
			}
		}
	case claimed:
		l.taken[e.on] = l.count()
	}
}

func (l *ledger) count() int {
	l.counted++
	return l.counted
}

func engagementOf(tree map[string]any) string {
	engagement, _ := tree["engagementId"].(string)
	return engagement
}

func (l *ledger) killed(w *world, a *agent) {
	for _, c := range a.crew {
		if c.busy {
			l.tear(c)
		}
	}
	for _, request := range w.inflight {
		if request.c.agent == a {
			l.unsure(w, request.call)
		}
	}
}

// unsure notes a write whose sender does not know whether it arrived.
func (l *ledger) unsure(w *world, k call) {
	switch k.name {
	case "pc.create":
		l.unsureOf[k.on] = w.now
		l.reach(26)
		l.reach(2)
	case "crm.create", "pc.help", "lead.create":
		l.reach(1)
		l.reach(26)
	}
}

// lookedBack notes that the agent read back what exists.
func (l *ledger) lookedBack(w *world, engagement string) { l.looked[engagement] = w.now }

func (l *ledger) throttled(_ *world, _ call) { l.reach(27) }

// tear notes that a run ended when some of its writes had arrived, or may have: what it brought counts as seen.
func (l *ledger) tear(c *coroutine) {
	for id := range c.knows.read {
		l.torn[id] = true
	}
}

// answered notes what a call's caller learned.
func (l *ledger) answered(c *coroutine, k call, err error) {
	if c.busy && err != nil && (k.sys == storeSide || c.wrote || wire.IsAmbiguous(err)) {
		l.tear(c)
	}
	if c.busy && err == nil && k.write && k.sys != storeSide {
		c.wrote = true
	}
	if err == nil && k.name == "pc.patch" {
		l.arrived[k.on] = arrival{string(k.payload), c.w.referrals[k.on].etag, c, c.began}
	}
	if c.busy && err != nil && k.write && k.sys != storeSide && c.wrote {
		l.reach(25)
	}
	if !c.busy || k.sys == storeSide {
		return
	}
	if wait := retryAfter(err); wait > 0 {
		c.asked = c.w.agentNow().Add(wait)
	} else if err == nil {
		c.asked = time.Time{}
	}
	c.expired, c.refused = false, false
	var trouble troubleError
	var refusal refusalError
	switch {
	case errors.As(err, &trouble):
		if c.expired = trouble.fault == expiredToken || trouble.fault == expiredAfter; c.expired {
			l.reach(28)
		}
	case errors.As(err, &refusal):
		c.refused = true
	}
}

// text is the canonical form in which edits are compared.
func text(field string, value any) string {
	out, err := deal.Normalize(field, value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return out
}

func (l *ledger) first(id, field string, value any) {
	l.edits[id+" "+field] = []string{text(field, value)}
	l.ownedBy[field+"="+text(field, value)] = id
}

// edit notes that a person replaced a value.
func (l *ledger) edit(id, field string, before, after any) {
	l.gone[id+" "+field+"="+text(field, before)] = true
	l.edits[id+" "+field] = append(l.edits[id+" "+field], text(field, after))
	l.ownedBy[field+"="+text(field, after)] = id
	l.reach(5)
}

// I1. Where nothing is kept of what is deleted, whoever lost a create's answer cannot tell an opportunity that was deleted before it was
// looked for from one that never arrived, and the second happens far more often than the first.
func oneRecord(w *world, e *event) string {
	if e.what == recordCreated && w.ledger.births[strings.ToLower(e.created.ReferralID)] > 0 {
		if w.tracelesslyGone(e.created.ReferralID) {
			w.ledger.reach(1)
			return ""
		}
		return "referral " + e.created.ReferralID + " gets a second opportunity"
	}
	return oneLead(w, e)
}

// tracelesslyGone reports whether every opportunity that a referral had was deleted, neither the CRM nor the agent's store knowing that it
// was there.
func (w *world) tracelesslyGone(referralID string) bool {
	if w.crm.bin {
		return false
	}
	return !slices.ContainsFunc(w.recordIDs, func(id string) bool {
		r := w.records[id]
		return strings.EqualFold(r.key, referralID) && (!r.deleted || w.linked(id))
	})
}

// linked reports whether the agent's store knows an opportunity as one of a deal's two sides.
func (w *world) linked(recordID string) bool {
	key, found, err := w.store.Lookup(context.Background(), store.RecordKey(recordID))
	if err != nil || !found {
		return err != nil
	}
	known, err := w.store.Load(context.Background(), key)
	return err != nil || known.Link.CRMID == recordID && known.Link.ReferralID != ""
}

// I2.
func oneReferral(w *world, e *event) string {
	if e.what == referralCreated && w.ledger.shares[e.on+"|"+engagementOf(e.tree)] > 0 {
		return "opportunity " + e.on + " gets a second referral of one kind"
	}
	if e.what == referralCreated && e.referral.microsoft && w.microsofts(e.referral.engagement) != nil {
		return "engagement " + e.referral.engagement + " gets a second referral of Microsoft's"
	}
	return ""
}

// I3.
func sameBinding(w *world, e *event) string {
	l := &w.ledger
	switch {
	case e.what == recordUpdated && e.changes.Book.Key != nil:
		key := strings.ToLower(*e.changes.Book.Key)
		if bound := e.record.key; bound != "" && !strings.EqualFold(bound, key) {
			return "opportunity " + e.on + " was bound to " + bound + " and is bound to " + key
		}
		if other, found := w.recordOf(key); found && other != e.on {
			return "referral " + key + " belongs to " + other + " and is bound to " + e.on
		}
		if e.record.copied {
			return "the copy " + e.on + " is bound to " + key
		}
	case e.what == recorded && e.change.Link != nil:
		was, is := l.links[e.on], *e.change.Link
		became := strings.HasPrefix(was.CRMID, leadIDs) // an opportunity, by conversion or by acceptance in the portal
		if was.CRMID != "" && is.CRMID != was.CRMID && !became || was.ReferralID != "" && !strings.EqualFold(is.ReferralID, was.ReferralID) {
			return fmt.Sprintf("deal %s was linked %v and is linked %v", e.on, was, is)
		}
		l.links[e.on] = is
	case e.what == referralPatched:
		for _, op := range e.ops {
			if op.Path == "/externalReferenceId" && e.referral.reference != "" && e.referral.reference != op.Value {
				return fmt.Sprintf("referral %s referred to %s and refers to %v", e.on, e.referral.reference, op.Value)
			}
		}
	}
	return ""
}

// I4.
func oneAccount(w *world, e *event) string {
	if e.what != recordCreated {
		return ""
	}
	if e.created.AccountID != "" {
		w.ledger.reach(4)
		return ""
	}
	account := w.accountOf("", e.created.Account)
	for _, other := range w.accounts {
		if match.Key(other.Name) == match.Key(account.Name) {
			return "customer " + account.Name + " gets a second account beside " + other.Name
		}
	}
	return ""
}

// I5. The versions of both sides guard against an edit between the reading and the write.
func noLostUpdate(w *world, e *event) string {
	switch {
	case e.what == leadUpdated:
		return sellersLead(w, e)
	case e.what == recordUpdated:
		for name := range e.changes.Fields {
			if at, edited := e.record.edited[name]; edited && at.After(e.knows.read[e.on]) {
				return fmt.Sprintf("an edit of %s of %s that nobody had read is overwritten", name, e.on)
			}
		}
	case e.what == referralPatched && e.knows.etag[e.on] != "":
		if read, _ := strconv.Atoi(e.knows.etag[e.on]); e.referral.etag < read || e.referral.etag > read+2 { // a run patches twice at the most
			return "referral " + e.on + " is patched, and its newest state was not read"
		}
	}
	return ""
}

// I7.
func onlyChanges(w *world, e *event) string {
	switch e.what {
	case leadUpdated:
		w.ledger.reach(7)
		return leadChanges(e)
	case recordUpdated:
		w.ledger.reach(7)
		seen := e.knows.seen[e.on]
		for name, value := range e.changes.Fields {
			if same(seen[name], value) {
				return fmt.Sprintf("the update of %s carries %s, which is %v already", e.on, name, value)
			}
		}
	case referralPatched:
		w.ledger.reach(7)
		for _, op := range e.ops {
			if e.referral.isLead() {
				continue // who accepts a lead states value, currency and close date
			}
			if op.Path != "/statusReason" && op.Path != "/status" && op.Path != "/substatus" && !(w.fooled() && (op.Path == visiblePath || op.Path == "/details/dealValue")) && same(at(e.referral.tree, op.Path), op.Value) {
				return fmt.Sprintf("the patch of %s carries %s, which is %v already", e.on, op.Path, op.Value)
			}
		}
	}
	return ""
}

// fooled reports whether some answer lacked properties: what it lacked is sent again, as it was.
func (w *world) fooled() bool { return w.ledger.covered[struck{partialRead, "pc.get"}] > 0 }

func same(a, b any) bool {
	if a == nil || b == nil {
		return a == b
	}
	if reflect.DeepEqual(a, b) {
		return true
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// ledgered are the fields whose edits are followed. A field that was out of the mapping meanwhile has no base: its conflicts
// are decided by the rule alone.
func (w *world) ledgered() map[string]place {
	if w.ledger.reached[35] > 0 {
		return w.crm.withoutNotes
	}
	return w.crm.edited
}

// I8.
func noEcho(w *world, e *event) string {
	switch e.what {
	case recordUpdated:
		w.ledger.reach(8)
		for field, place := range w.ledgered() {
			if value, written := e.changes.Fields[place.crm]; written && w.ledger.ownedBy[field+"="+text(field, value)] == e.on {
				return fmt.Sprintf("%s of %s is written as %v, which was entered there", place.crm, e.on, value)
			}
		}
	case referralPatched:
		w.ledger.reach(8)
		for _, op := range e.ops {
			for field, place := range w.ledgered() {
				if op.Path == place.center && !w.fooled() && w.ledger.ownedBy[field+"="+text(field, op.Value)] == e.on {
					return fmt.Sprintf("%s of %s is written as %v, which was entered there", op.Path, e.on, op.Value)
				}
			}
		}
	}
	return ""
}

// I10.
func noRegression(w *world, e *event) string {
	if e.what != recordUpdated || e.record.key == "" {
		return ""
	}
	shown, _ := e.record.fields[w.crm.identifier].(string)
	if value, written := e.changes.Fields[w.crm.identifier]; written && (value == nil || value == "") && !strings.Contains(shown, "mine") {
		return "Microsoft's identifier of " + e.on + " is wiped"
	}
	for field, place := range w.ledgered() {
		value, written := e.changes.Fields[place.crm]
		if !written {
			continue
		}
		edits := w.ledger.edits[strings.ToLower(e.record.key)+" "+field]
		if i := slices.Index(edits, text(field, value)); i < 0 {
			return fmt.Sprintf("%s of %s is written as %v, which nobody entered in Partner Center", place.crm, e.on, value)
		}
		if w.born.IsZero() && w.ledger.gone[e.on+" "+field+"="+text(field, value)] {
			return fmt.Sprintf("%s of %s is written as %v, which its seller saw and replaced", place.crm, e.on, value)
		}
		w.ledger.reach(10)
	}
	return ""
}

const visiblePath = "/consent/consentToShareReferralWithMicrosoftSellers"

// I12.
func visibleByWish(w *world, e *event) string {
	wished := func(id string) bool {
		r := w.records[id]
		return r != nil && (r.fields[w.crm.visible] == true || r.fields[w.crm.help] != nil && r.fields[w.crm.help] != "")
	}
	switch e.what {
	case referralPatched:
		for _, op := range e.ops {
			if op.Path != visiblePath {
				continue
			}
			id, _ := w.ownerOf(e.referral)
			if op.Value != true {
				return "referral " + e.on + " is hidden again"
			}
			if !wished(id) {
				return "referral " + e.on + " is made visible, which nobody asked for"
			}
		}
	case referralCreated:
		if at(e.tree, visiblePath) == true && !e.referral.microsoft && !wished(e.on) && w.records[e.on] != nil {
			return "opportunity " + e.on + " is shared visibly, which nobody asked for"
		}
		if e.referral.microsoft {
			for _, own := range w.referrals {
				if own.engagement == e.referral.engagement && !own.microsoft && at(own.tree, visiblePath) != true {
					return "help is requested for referral " + own.id + ", which Microsoft cannot see"
				}
			}
		}
	case recordUpdated:
		if value, written := e.changes.Fields[w.crm.visible]; written && value != true {
			return "opportunity " + e.on + " is hidden again"
		}
	}
	return ""
}

// I13.
func noEmptyAmount(w *world, e *event) string {
	bad := func(value any) bool {
		amount := text(deal.DealValue, value)
		return amount == "" || amount == "0" || amount[0] == '-'
	}
	switch e.what {
	case recordUpdated:
		if value, written := e.changes.Fields[w.crm.amount]; written && bad(value) {
			return fmt.Sprintf("the amount of %s is overwritten by %v", e.on, value)
		}
	case referralPatched:
		for _, op := range e.ops {
			if op.Path == "/details/dealValue" && bad(op.Value) || op.Path == "/details/currency" && (op.Value == nil || op.Value == "") {
				return fmt.Sprintf("%s of %s is overwritten by %v", op.Path, e.on, op.Value)
			}
		}
	case referralCreated:
		if bad(at(e.tree, "/details/dealValue")) || at(e.tree, "/details/currency") == nil {
			return "opportunity " + e.on + " is shared without an amount"
		}
	}
	return ""
}

// I14.
func nothingOnHold(w *world, e *event) string {
	if e.what != referralPatched {
		return ""
	}
	id, found := w.ownerOf(e.referral)
	if !found {
		return ""
	}
	// A deal that was accepted in the portal waits no more, and its opportunity is about to leave the stage.
	held := w.records[id].heldSince
	accepted := !e.referral.activeSince.IsZero() && (e.referral.activeSince.After(held) || held.Equal(w.records[id].created))
	if e.referral.isLead() {
		return "" // to convert a lead is to accept it, whatever stage the opportunity begins in
	}
	if r := w.records[id]; r.stage() == w.crm.onHold && w.now.Sub(r.heldSince) > w.sendTime() && !accepted {
		return fmt.Sprintf("referral %s is written while %s is on hold: %v", e.on, id, e.ops)
	}
	return ""
}

// I15.
func legalSteps(w *world, e *event) string {
	switch e.what {
	case referralPatched:
		for _, op := range e.ops {
			if op.Path != "/status" {
				continue
			}
			w.ledger.reach(15)
			from, to := e.referral.tree["status"], op.Value
			if from == "New" && to == "Active" {
				w.ledger.reach(14)
				if w.ledger.accepted[e.on]++; w.ledger.accepted[e.on] > 1 {
					return "referral " + e.on + " is accepted twice"
				}
			}
			if from == "Closed" || from == "Active" && to != "Closed" || to == "New" {
				return fmt.Sprintf("referral %s goes from %v to %v", e.on, from, to)
			}
		}
		if e.referral.tree["status"] == "Closed" && len(e.ops) > 0 {
			return "referral " + e.on + " is closed and patched"
		}
	case recordUpdated:
		closed := w.crm.closed
		own := w.referrals[strings.ToLower(e.record.key)]
		if stage, written := e.changes.Fields[w.crm.stage]; written && closed(e.record.fields[w.crm.stage]) && !closed(stage) {
			return "opportunity " + e.on + " is reopened"
		} else if written && closed(stage) && own != nil && own.tree["status"] != "Closed" {
			return "opportunity " + e.on + " is closed, and its referral is open"
		}
	}
	return ""
}

// I16.
func nothingUnwanted(w *world, e *event) string {
	var id string
	switch e.what {
	case referralPatched:
		id, _ = w.ownerOf(e.referral)
	case referralCreated:
		id = e.on
	}
	r := w.records[id]
	if r == nil {
		return ""
	}
	if !r.sync && w.now.Sub(r.syncSince) > w.sendTime() {
		return "something of " + id + " is sent while its Sync is No"
	}
	return ""
}

// sendTime is how long a write may be under way: what arrives after its sender gave up arrives late.
func (w *world) sendTime() time.Duration { return longestSend + w.lateness() }

func (w *world) lateness() time.Duration {
	if w.ledger.covered[struck{lateRequest, "pc.patch"}]+w.ledger.covered[struck{lateRequest, "pc.create"}]+w.ledger.covered[struck{lateRequest, "pc.help"}] > 0 {
		return simSettle
	}
	if w.ledger.covered[struck{staleRead, "crm.read"}] > 0 {
		return replicaLag
	}
	return 0
}

// I17.
func noLeads(w *world, e *event) string {
	if e.what == recordCreated {
		w.ledger.reach(17)
		if r := w.referrals[strings.ToLower(e.on)]; r != nil && r.isLead() {
			return "the lead " + e.on + " gets an opportunity"
		}
	}
	return ""
}

// I18.
func completeShares(w *world, e *event) string {
	if e.what != referralCreated {
		return ""
	}
	w.ledger.reach(18)
	solutions, _ := at(e.tree, "/details/requirements/solutions").([]any)
	contacts, _ := at(e.tree, "/customerProfile/team").([]any)
	country, _ := at(e.tree, "/customerProfile/address/country").(string)
	switch {
	case len(solutions) == 0:
		return "opportunity " + e.on + " is shared without a solution"
	case len(country) != 2:
		return fmt.Sprintf("opportunity %s is shared with the country %q", e.on, country)
	case (e.tree["type"] == "Shared" || e.referral.microsoft) && len(contacts) == 0:
		return "help is requested for " + e.on + " without a contact"
	}
	return ""
}

// I19.
func readOnly(_ *world, e *event) string {
	if e.what != referralPatched {
		return ""
	}
	for _, op := range e.ops {
		switch op.Path {
		case "/id", "/name", "/engagementId", "/trackingInfo/microsoftMsxId", "/referralProgram", "/customerProfile/name":
			return "referral " + e.on + ": " + op.Path + " is written, which only goes the other way"
		}
	}
	return ""
}

// I20.
func oneMark(w *world, e *event) string {
	switch e.what {
	case referralCreated:
		if name, _ := e.tree["name"].(string); name != deal.StripMark(name) {
			return fmt.Sprintf("the mark of %q leaves the CRM", name)
		}
	case recordUpdated:
		if name, written := e.changes.Fields[w.crm.title].(string); written {
			w.ledger.reach(20)
			if stripped := deal.StripMark(name); len([]rune(name))-len([]rune(stripped)) > len([]rune(deal.MarkSuccess)) {
				return fmt.Sprintf("the mark of %q is doubled", name)
			}
		}
	}
	return ""
}

// I21.
func nothingForTheMissing(w *world, e *event) string {
	if e.what != referralPatched {
		return ""
	}
	for _, id := range w.recordIDs {
		if r := w.records[id]; r.deleted && strings.EqualFold(r.key, e.on) && w.now.Sub(r.modified) > w.sendTime() {
			return "referral " + e.on + " is written while its opportunity is deleted"
		}
	}
	return ""
}

// I23. A write whose sender gave up, or was killed, does not count.
func oneWriteAtATime(w *world, e *event) string {
	if e.what == claimed {
		for _, a := range w.agents {
			for _, other := range a.crew {
				if other != e.c && other.busy && other.claim.Key == e.on {
					w.ledger.reach(23)
					if w.now.Sub(other.began) < simLease && !w.wrongClock() {
						return "deal " + e.on + " is claimed by two"
					}
				}
			}
		}
	}
	if e.what != sent {
		return ""
	}
	for _, request := range w.inflight {
		if request.call.on == e.on && request.call.sys == e.call.sys && request.c != e.c && w.now.Sub(request.c.began) < simLease && !w.wrongClock() {
			return e.on + " has two writes under way"
		}
	}
	return ""
}

// wrongClock reports whether some agent's clock is, or was, wrong: leases are measured by it.
func (w *world) wrongClock() bool { return w.ledger.reached[29] > 0 }

// I24. Whoever cannot tell the seller tries to tell again.
func refusedIsParked(_ *world, e *event) string {
	if e.what != settledRun || !e.c.refused {
		return ""
	}
	if retry, again := e.outcome.(store.Retry); again && strings.HasPrefix(retry.Error, "report ") {
		return ""
	}
	if _, parked := e.outcome.(store.Park); !parked {
		return fmt.Sprintf("deal %s was refused, and the run ended with %T", e.on, e.outcome)
	}
	return ""
}

// I28.
func expiredIsTriedAgain(_ *world, e *event) string {
	if _, parked := e.outcome.(store.Park); e.what == settledRun && parked && e.c.expired {
		return "deal " + e.on + " needs a person because a token ran out"
	}
	return ""
}

// I25. What a deal's run writes to both sides is one batch to it: the patch that arrived is not sent once more with the update that did not.
func notSentAgain(w *world, e *event) string {
	if e.what != sent || e.call.name != "pc.patch" {
		return ""
	}
	before, found := w.ledger.arrived[e.on]
	if found && before.known(e.c, e.on) && !w.fooled() && before.payload == string(e.call.payload) && before.etag == w.referrals[e.on].etag {
		return "the patch of " + e.on + " that arrived is sent again, and nobody changed the referral since"
	}
	return ""
}

// I26.
func lookedForFirst(w *world, e *event) string {
	if e.what != sent || e.call.name != "pc.create" {
		return ""
	}
	since, unsure := w.ledger.unsureOf[e.on]
	if !unsure {
		return ""
	}
	if w.ledger.looked[""].Before(since) {
		return "the create of " + e.on + " is repeated, and nobody looked whether it had arrived"
	}
	delete(w.ledger.unsureOf, e.on)
	return ""
}

// customersWords are parts of what people enter in every world.
var customersWords = []string{
	"crm v0", "pc v0", "first 006", "first 1000", "first d0", "first r0", "@example.com", "Main St", "Fabrikam", "Contoso", "CONTOSO", "Ｃｏｎｔｏｓｏ", "Too expensive",
}

// listener is where the agents log. It judges I33.
type listener struct{ w *world }

// Write implements io.Writer: one line of the log.
func (l listener) Write(line []byte) (int, error) {
	l.w.ledger.reach(33)
	for _, word := range customersWords {
		if bytes.Contains(line, []byte(word)) {
			l.w.breaks(33, "the log says %q: %s", word, line)
			break
		}
	}
	return len(line), nil
}

// I27.
func retryAfterObeyed(_ *world, e *event) string {
	if e.what != settledRun || e.c.asked.IsZero() {
		return ""
	}
	if retry, ok := e.outcome.(store.Retry); ok && retry.At.Before(e.c.asked) && retry.Code != "" {
		return fmt.Sprintf("deal %s is tried again %v before the time that was asked for", e.on, e.c.asked.Sub(retry.At))
	}
	return ""
}

// I30. Within the overlap, a change is shown again.
func cursorBehindEvents(w *world, e *event) string {
	if e.what != enqueued || e.cursor == nil {
		return ""
	}
	for _, event := range e.events {
		w.ledger.raised[event.Key] = w.now
	}
	w.ledger.reach(30)
	if e.cursor.Name == watch.LeadFeed {
		return w.leadCursor(e.cursor)
	}
	if e.cursor.Name == watch.CRMFeed {
		for _, id := range w.recordIDs {
			r := w.records[id]
			if r.deleted || !r.sync && r.key == "" || !w.crm.passes(e.cursor.Value, r) {
				continue
			}
			if raised := w.ledger.raised[store.RecordKey(id)]; raised.Before(r.stamp()) {
				return "the CRM's cursor passes a change of " + id
			}
		}
	}
	return ""
}

// stillDue expects that a run which is done leaves its deal due when it was marked meanwhile (I30).
func (w *world) stillDue(c *coroutine, key string, outcome store.Outcome) {
	if _, done := outcome.(store.Done); !done || w.ledger.marked[key] <= c.claimedAt {
		return
	}
	w.ledger.reach(30)
	if _, due, err := w.store.NextDue(context.Background()); err == nil && !due {
		w.breaks(30, "deal %s was marked while it was worked on, and is not due", key)
	}
}

// I32.
func onlyTheHolder(w *world, e *event) string {
	if e.what != sent || e.call.name != "pc.create" && e.call.name != "crm.create" && e.call.name != "pc.help" && e.call.name != "lead.create" {
		return ""
	}
	if e.c.busy && w.now.Sub(e.c.began) > simLease && w.agentNow().After(e.c.claim.Until) {
		return "a create of deal " + e.c.claim.Key + " is sent after its lease"
	}
	return ""
}

// I34.
func switchedOff(w *world, e *event) string {
	var effect reconcile.Effect
	switch e.what {
	case recordCreated, leadCreated:
		effect = reconcile.CreateOpportunity
	case leadUpdated:
		effect = reconcile.UpdateOpportunity
	case recordUpdated:
		effect = reconcile.UpdateOpportunity
		mapped := false // whoever shares a deal is told its identity and how it went, whatever is switched off
		for name := range e.changes.Fields {
			mapped = mapped || name != w.crm.referralID && name != w.crm.link && name != w.crm.title
		}
		if !mapped {
			return ""
		}
	case referralCreated:
		effect = reconcile.CreateReferral
		if e.referral.microsoft {
			effect = reconcile.CreateCounterpart
		}
	case referralPatched:
		effect = reconcile.PatchReferral
		if e.referral.isLead() {
			effect = reconcile.AcceptLead
		}
	default:
		return ""
	}
	if len(e.c.agent.blocked) > 0 {
		w.ledger.reach(34)
	}
	if flow, off := e.c.agent.blocked[effect]; off && e.c.busy && e.c.epoch == e.c.agent.epoch {
		return fmt.Sprintf("deal %s is written, and %s is off", e.c.claim.Key, flow)
	}
	return ""
}
