package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// What goes wrong. Every fault has a name; the report counts how often each struck which operation.

type fault int

const (
	none fault = iota
	// Of one call.
	lostRequest  // the request never arrives
	lostAnswer   // it is applied, and the answer never comes
	lateRequest  // the caller gives up, and it is applied after that
	unavailable  // 503: turned away for now
	throttled    // 429 with Retry-After, for all calls to that system until then
	expiredToken // 401: the token ran out before the call
	expiredAfter // the session ends after the call was applied: no usable answer
	rowLock      // the CRM's row is locked
	otherEditor  // a person changes the very object just before the write arrives
	staleRead    // the read gives what was there a moment ago
	partialRead  // the answer lacks properties
	pausedWorker // the process stands still for longer than its lease
	crashBefore  // the agent is killed, and the operation does not happen
	crashAfter   // the agent is killed right after it happened
	// Of the world.
	crash
	outage // it takes minutes until the agent is started again
	droppedWebhook
	repeatedWebhook
	lateWebhook
	strangeWebhook
	clockJump
	secondAgent
	flowToggle
	mappingChange
	deletedRecord
	mergedAccounts
	hiddenReferral
	copiedRecord
	lead
	faults
)

var faultNames = [faults]string{
	"none", "lost request", "lost answer", "applied after the timeout", "503", "429 with Retry-After", "token expired before", "token expired after",
	"row locked", "edited meanwhile", "stale read", "partial answer", "paused past its lease", "killed before", "killed after", "killed", "down for minutes",
	"webhook dropped", "webhook repeated", "webhook late by hours", "webhook of another tenant", "clock jump", "second agent", "flow toggled",
	"mapping changed", "record deleted and undeleted", "accounts merged", "referral answers 404", "record copied", "lead received",
}

func (f fault) String() string { return faultNames[f] }

// side is one of the systems that the engine talks to.
type side int

const (
	storeSide side = iota
	crmSide
	centerSide
	sides
)

// trouble says how unkind the world is, and what people do in it.
type trouble struct {
	lost, refused float64 // requests or answers that are lost; requests that are turned away
	crash         float64 // per step
	dropped       float64 // a webhook is never delivered
	noRefs        bool    // externalReferenceId does not survive in Partner Center
	editors       int     // edits by people
	deals         int     // deals begun on each side
	customers     int     // of the deals that Microsoft sends
	listLag       time.Duration
	leads         bool // the CRM keeps leads, and Microsoft sends some
	coSell        bool // some sellers ask for help, at once or later, and Microsoft answers
	marks         bool // a mark before the name shows the sync status

	replicas  int               // further agents on the same database
	rare      map[fault]float64 // further faults of single calls
	jumps     bool              // the agents' clocks jump by a day and come back
	toggles   bool              // flows are switched off and on again
	remap     bool              // the mapping changes
	odd       bool              // people do what they rarely do: delete, undelete, copy, merge, clear, forget
	lateHooks bool              // some webhooks come hours later
	strangers bool              // some webhooks are about referrals of other tenants
	hides     bool              // referrals answer 404 for a while
	outages   bool              // a killed agent may stay down for minutes
	anything  bool              // each seed draws some of all this
	throttled [sides]time.Time  // until when a system turns every call away
}

// drawn settles what a seed's world is like.
func (t trouble) drawn(random *rand.Rand) trouble {
	if !t.anything {
		return t
	}
	t.rare = map[fault]float64{}
	rates := map[fault]float64{
		lateRequest: 0.03, throttled: 0.01, expiredToken: 0.03, expiredAfter: 0.03, rowLock: 0.05, otherEditor: 0.03, staleRead: 0.05, partialRead: 0.03,
		pausedWorker: 0.004,
	}
	kinds := slices.Sorted(maps.Keys(rates))
	for range 2 {
		kind := kinds[random.IntN(len(kinds))]
		t.rare[kind] = rates[kind]
	}
	switches := []*bool{&t.jumps, &t.toggles, &t.remap, &t.odd, &t.lateHooks, &t.strangers, &t.hides, &t.outages, &t.coSell, &t.marks, &t.odd, &t.leads}
	for range 3 {
		*switches[random.IntN(len(switches))] = true
	}
	if random.IntN(3) == 0 {
		t.replicas = 1
	}
	t.crash, t.lost, t.dropped = 0.002*float64(random.IntN(3)), 0.02*float64(random.IntN(3)), 0.1*float64(random.IntN(3))
	return t
}

// kind is the same world without faults.
func (t trouble) kind() trouble {
	return trouble{listLag: t.listLag, noRefs: t.noRefs, replicas: t.replicas, marks: t.marks, coSell: t.coSell, leads: t.leads}
}

// call is one operation of the agent that can go wrong.
type call struct {
	sys     side
	name    string
	on      string
	write   bool
	deal    bool // it is about one deal, not a feed
	payload []byte
}

// troubleError is what a caller sees of a fault.
type troubleError struct {
	fault     fault
	ambiguous bool
	after     time.Duration // Retry-After
}

func (e troubleError) Error() string        { return e.fault.String() }
func (e troubleError) Ambiguous() bool      { return e.ambiguous }
func (e troubleError) Class() problem.Class { return problem.Later }

// refusalError is a final answer.
type refusalError struct{ text string }

func (e refusalError) Error() string        { return e.text }
func (e refusalError) Class() problem.Class { return problem.NeedsPerson }

// retryAfter gives the wait that an error asks for.
func retryAfter(err error) time.Duration {
	var trouble troubleError
	if errors.As(err, &trouble) {
		return trouble.after
	}
	return 0
}

// stale and partial ask whether the read under way is struck.
func (c *coroutine) stale() bool   { return c.struck(staleRead) }
func (c *coroutine) partial() bool { return c.struck(partialRead) }

func (c *coroutine) struck(f fault) bool {
	n := len(c.w.journal)
	return n > 0 && c.w.journal[n-1].fault == f
}

// without leaves out of a referral what a partial answer lacks: the values that must never travel empty.
func without(tree map[string]any) map[string]any {
	out := maps.Clone(tree)
	delete(out, "consent")
	if details, ok := tree["details"].(map[string]any); ok {
		details = maps.Clone(details)
		details["dealValue"] = nil
		out["details"] = details
	}
	return out
}

// draw decides what happens to a call.
func (w *world) draw(k call) fault {
	w.effects++
	if w.script != nil {
		return w.script.fault(w, k)
	}
	if f := w.chance(k); f != none && w.deals(f) {
		return f
	}
	return none
}

func (w *world) chance(k call) fault {
	t := &w.trouble
	if t.lost == 0 && t.refused == 0 && len(t.rare) == 0 {
		return none
	}
	if k.sys == storeSide {
		return w.rarely(k)
	}
	if w.now.Before(t.throttled[k.sys]) {
		return throttled
	}
	switch x := w.random.Float64(); {
	case x < t.refused:
		return unavailable
	case x < t.refused+t.lost/2:
		return lostRequest
	case x < t.refused+t.lost:
		return lostAnswer
	}
	return w.rarely(k)
}

func (w *world) rarely(k call) fault {
	if len(w.trouble.rare) == 0 {
		return none
	}
	x := w.random.Float64()
	for f := none; f < faults; f++ {
		if rate := w.trouble.rare[f]; rate > 0 && f.fits(k) {
			if x -= rate; x < 0 {
				return f
			}
		}
	}
	return none
}

// fits tells which calls a fault can strike. A process that stands still between its last look at its lease and a create would
// create twice, and one that stands still before any other write would be late with it: there the interval is the request's
// timeout, which the world keeps.
func (f fault) fits(k call) bool {
	switch f {
	case lateRequest, expiredAfter:
		return k.write && k.sys != storeSide
	case throttled, expiredToken:
		return k.sys != storeSide
	case rowLock:
		return k.write && k.sys == crmSide
	case otherEditor:
		return k.name == "crm.update" || k.name == "pc.patch" || k.name == "lead.update"
	case staleRead:
		return k.name == "pc.get" || k.name == "crm.read" || k.name == "lead.read"
	case partialRead:
		return k.name == "pc.get"
	case pausedWorker:
		return k.deal && !k.write || k.name == "store.record"
	case crashBefore, crashAfter:
		return true
	case lostRequest, lostAnswer, unavailable:
		return k.sys != storeSide
	default:
		return false
	}
}

// longestDetail is how many bytes of a payload the journal keeps: a history that never rests must not fill the memory.
const longestDetail = 2000

// mostEffects is more than any history needs to come to rest.
const mostEffects = 60000

// do lets one operation of the agent happen, with whatever goes wrong.
func (w *world) do(c *coroutine, k call, apply func() error) error {
	if c == nil || c.dead {
		panic(errKilled)
	}
	if k.deal {
		w.calls++
	}
	c.step()
	if k.write && k.sys != storeSide && c.agent.mistrustsItsClock() {
		return problem.New(problem.ClockWrong, c.agent.name, "")
	}
	if w.effects >= mostEffects && !w.spent {
		w.spent = true
		w.breaks(27, "%d operations do not bring the world to rest", w.effects)
	}
	f := w.draw(k)
	if f != none {
		w.cover(f, k.name)
	}
	who := c.name
	if f == pausedWorker {
		w.note(who, "stands still", k.on, "", nil)
		c.sleep(time.Duration(70+w.random.IntN(120)) * time.Second)
		f = none
	}
	w.journal = append(w.journal, operation{at: w.now, who: who, what: k.name, on: k.on, detail: string(k.payload[:min(len(k.payload), longestDetail)]), fault: f})
	entry := len(w.journal) - 1
	err := w.strike(c, k, f, apply)
	if k.sys != storeSide && f != lostRequest && f != lostAnswer && f != lateRequest {
		c.agent.apart[k.sys] = c.agent.skew // as the Date of every answer tells
	}
	w.journal[entry].err = err
	w.ledger.answered(c, k, err)
	return err
}

// mistrustsItsClock reports whether an agent knows that its clock is too far from a remote system's for anything to be written. The
// application sees to that around the engine (agent/app).
func (a *agent) mistrustsItsClock() bool {
	return slices.ContainsFunc(a.apart[:], func(apart time.Duration) bool { return apart.Abs() > simLease+simSettle })
}

func (w *world) strike(c *coroutine, k call, f fault, apply func() error) error {
	switch f {
	case lostRequest:
		return troubleError{fault: f, ambiguous: k.write}
	case unavailable, rowLock, expiredToken:
		return troubleError{fault: f}
	case throttled:
		until := &w.trouble.throttled[k.sys]
		if !until.After(w.now) {
			*until = w.now.Add(time.Duration(5+w.random.IntN(40)) * time.Second)
		}
		w.ledger.throttled(w, k)
		return troubleError{fault: f, after: until.Sub(w.now)}
	case lateRequest:
		w.ledger.unsure(w, k)
		w.after(time.Duration(w.random.IntN(int(simSettle/time.Millisecond)-2000))*time.Millisecond, func() { w.arrive(&flight{c, k, apply}) })
		return troubleError{fault: f, ambiguous: true}
	case crashBefore:
		w.killAt = c.agent
		c.step()
	case otherEditor:
		w.interfere(k.on)
	}
	if k.write && k.sys != storeSide {
		w.happens(event{what: sent, c: c, on: k.on, call: k})
		request := &flight{c, k, apply}
		w.inflight = append(w.inflight, request)
		c.step()
		w.inflight = slices.DeleteFunc(w.inflight, func(f *flight) bool { return f == request })
	}
	if f == staleRead || f == partialRead {
		w.journal = append(w.journal, operation{at: w.now, who: c.name, what: "answer", on: k.on, fault: f})
	}
	err := apply()
	if f == crashAfter {
		w.killAt = c.agent
	}
	c.step()
	if f == lostAnswer || f == expiredAfter {
		w.ledger.unsure(w, k)
		return troubleError{fault: f, ambiguous: k.write}
	}
	return err
}

func (w *world) cover(f fault, name string) { w.ledger.covered[struck{f, name}]++ }

// struck is a fault and the operation that it struck.
type struck struct {
	fault fault
	name  string
}

// script is the systematic mode: named faults at named effects, one after the other.
type script struct {
	strikes []strike
	done    int  // how many of them have struck
	over    bool // nothing strikes any more
	// struckAt is the effect that was struck last: the first from the named one on that the fault can strike.
	struckAt int
}

// strike is a fault at an effect, counted from 1.
type strike struct {
	at   int
	kind fault
}

// struckOnce is a script of one fault; effect 0: of none.
func struckOnce(at int, kind fault) *script {
	if at == 0 {
		return &script{}
	}
	return &script{strikes: []strike{{at, kind}}}
}

func (s *script) fault(w *world, k call) fault {
	if s.over || s.done == len(s.strikes) {
		return none
	}
	next := s.strikes[s.done]
	if w.effects < next.at || !next.kind.fits(k) {
		return none
	}
	s.done, s.struckAt = s.done+1, w.effects
	return next.kind
}

func (s *script) String() string {
	var list []string
	for _, strike := range s.strikes {
		list = append(list, fmt.Sprintf("%s@%d", strike.kind, strike.at))
	}
	return strings.Join(list, ",")
}

// parsed is the script that String wrote.
func parsed(text string) (*script, error) {
	s := &script{}
	for _, one := range strings.Split(text, ",") {
		name, at, _ := strings.Cut(one, "@")
		effect, err := strconv.Atoi(at)
		kind := slices.Index(faultNames[:], name)
		if err != nil || kind < 0 {
			return nil, fmt.Errorf("%q is no fault at an effect", one)
		}
		s.strikes = append(s.strikes, strike{effect, fault(kind)})
	}
	return s, nil
}

// dealt is one fault of a history that chance dealt: the n-th of its kind.
type dealt struct {
	fault fault
	n     int
}

func (d dealt) String() string { return fmt.Sprintf("%s#%d", d.fault, d.n) }

// deals tells whether a fault that chance dealt strikes. In a history that is played again it strikes only when it is on the list, and
// chance goes on as it did.
func (w *world) deals(f fault) bool {
	w.dealing[f]++
	one := dealt{f, w.dealing[f]}
	if w.only != nil && !w.only[one] {
		return false
	}
	w.struck = append(w.struck, one)
	return true
}

// fewest looks for the shortest list of faults with which a history still fails: it leaves out halves, quarters and so on down to
// single ones, as long as what is left fails.
func fewest(all []dealt, fails func([]dealt) bool) []dealt {
	for size := max(len(all)/2, 1); ; {
		smaller := false
		for from := 0; from < len(all); {
			rest := slices.Concat(all[:from], all[min(from+size, len(all)):])
			if fails(rest) {
				all, smaller = rest, true
			} else {
				from += size
			}
		}
		if size == 1 && !smaller {
			return all
		}
		size = max(size/2, 1)
	}
}

func set(list []dealt) map[dealt]bool {
	m := map[dealt]bool{}
	for _, one := range list {
		m[one] = true
	}
	return m
}

// listed reads a list of faults as histories print it; nil for the empty text, which leaves all to chance.
func listed(text string) (map[dealt]bool, error) {
	if text == "" {
		return nil, nil
	}
	only := map[dealt]bool{}
	for _, one := range strings.Split(text, ",") {
		name, n, _ := strings.Cut(one, "#")
		kind := slices.Index(faultNames[:], name)
		count, err := strconv.Atoi(n)
		if kind < 0 || kind != int(none) && err != nil {
			return nil, fmt.Errorf("%q is none of a history's faults", one)
		}
		only[dealt{fault(kind), count}] = true
	}
	return only, nil
}
