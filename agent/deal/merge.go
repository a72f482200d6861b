package deal

import (
	"slices"
	"sort"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Side is one of the two places that hold a deal.
type Side int

// The two sides.
const (
	CRM Side = iota
	PartnerCenter
)

// Pair is what both sides hold.
type Pair struct {
	CRM      Values `json:"crm"`
	Referral Values `json:"referral"`
}

// Rule says how one field travels.
type Rule struct {
	Field    string
	Inbound  bool // changes travel from Partner Center to the CRM
	Outbound bool // changes travel from the CRM to Partner Center
	Winner   Side // whose value stays when both changed
	Ways          // further ways to treat the field
}

// Attempt is a merge whose writes were begun: what both sides held then, and what they hold once all writes are done.
// After a crash nobody knows which of the writes arrived.
type Attempt struct {
	Seen     Pair `json:"seen"`
	Intended Pair `json:"intended"`
}

// Memory is what the agent remembers of both sides.
type Memory struct {
	// Base is what both sides held when they last agreed; nil when they never did.
	Base *Pair
	// Pending are the attempts since then, oldest first.
	Pending []Attempt
}

// known lists the values of a field that are not news: what the side held when it was last looked at, and everything
// that the agent itself may have written there since. A person's change back to the base after an attempt is news.
func (m Memory) known(side Side, field string) []string {
	if len(m.Pending) == 0 {
		return []string{m.Base.of(side)[field]}
	}
	values := []string{m.Pending[len(m.Pending)-1].Seen.of(side)[field]}
	for _, attempt := range m.Pending {
		values = append(values, attempt.Intended.of(side)[field])
	}
	return values
}

func newPair() Pair { return Pair{CRM: Values{}, Referral: Values{}} }

func (p *Pair) of(side Side) Values {
	if side == CRM {
		return p.CRM
	}
	return p.Referral
}

// Engagement says whether a deal can ask for Microsoft's help.
type Engagement int

const (
	// Open engagements have no referral of Microsoft's yet: help can be requested.
	Open Engagement = iota
	// Asked engagements have one. What was asked for can no longer be changed.
	Asked
	// FromMicrosoft are deals that Microsoft sent: it is part of them already.
	FromMicrosoft
)

// Options are the circumstances of a merge.
type Options struct {
	HoldOutbound bool // nothing may be sent to Partner Center now: Sync is No, the flow is off, shadow writes
	HoldInbound  bool // nothing may be written to the CRM now
	// HoldSolutions keeps added and removed solutions, HoldHelp a request for Microsoft's help, from being sent.
	HoldSolutions, HoldHelp bool
	Engagement              Engagement
	// Ours says that the referral was created from the opportunity, so that asking Microsoft is the agent's business.
	Ours bool
	// MostSolutions and MostContacts are how many of them one write to the CRM adds and removes; 0: any number.
	MostSolutions, MostContacts int
	// NoContact says that the opportunity has no contact who can be named to Microsoft.
	NoContact bool
	// NoTeam says that the opportunity has no owner who can be named to Microsoft.
	NoTeam bool
	// FixedCurrency is the organisation's one currency when its opportunities have no currency field of their own.
	FixedCurrency string
	// Unmapped are the fields whose mapping cannot turn the value of a side, with the reason. They are left alone on both sides.
	Unmapped map[string]string
	// Newer is the side whose record was changed last.
	Newer Side
}

// Note is something that a merge decided and a person should be able to read.
type Note struct {
	Code   problem.Code
	Field  string
	Detail string
	Said   problem.Saying // what Detail says in English, where it can be said in other languages; empty otherwise
	Waits  bool           // it stays true until somebody mends it, and every merge until then says so again
}

// Result is what a merge decided.
type Result struct {
	ToCRM       Values // fields to write, with their values
	ToReferral  Values // the same for Partner Center; never holds the status
	Transitions []Status
	AskHelp     bool    // Microsoft is to be asked for the help that the CRM names
	Attempt     Attempt // what the memory keeps of this merge
	Notes       []Note
	Held        bool // something waits for its gate; it is carried out by a later merge
	Guessed     bool // Partner Center's amount was missing in what it answered, and the one that was last known stands for it
	More        bool // there is more to write to the CRM than goes into one write: merge again
}

// merger carries one merge. Each field ends in exactly one of settle, hold or accept.
type merger struct {
	memory       Memory
	current      Pair
	options      Options
	result       Result
	holdOutbound bool
	closed       bool // the referral is closed and can change no more
}

// Merge decides field by field what to write where, so that both sides become equal and no person's edit is lost.
func Merge(memory Memory, current Pair, rules []Rule, options Options) Result {
	m := &merger{memory: memory, current: current, options: options, holdOutbound: options.HoldOutbound}
	m.result = Result{ToCRM: Values{}, ToReferral: Values{}, Attempt: Attempt{Seen: newPair(), Intended: newPair()}}
	m.closed = Terminal(current.Referral[StatusField])
	rules = slices.Clone(rules)
	sort.SliceStable(rules, func(i, j int) bool { return rules[i].Field < rules[j].Field })
	byField := map[string]Rule{}
	for _, rule := range rules {
		byField[rule.Field] = rule
	}
	if rule, ok := byField[StatusField]; ok {
		m.status(rule)
	}
	for _, rule := range rules {
		if m.unmapped(rule.Field) {
			continue
		}
		switch rule.Field {
		case StatusField, Currency:
		case DealValue:
			m.value(rule)
		case Visible:
			m.visible(rule)
		case CloseReason:
			m.closeReason(rule)
		case Help:
			m.help(rule)
		case Solutions:
			m.solutions(rule)
		case Contacts:
			m.contacts(rule)
		case Team:
			m.team(rule)
		case MicrosoftStatus:
			m.microsoft()
		default:
			m.field(rule)
		}
	}
	return m.result
}

func (m *merger) values(field string) (crm, referral string) {
	return m.current.CRM[field], m.current.Referral[field]
}

// changed tells which sides hold news. Without a base, a side that holds anything does.
func (m *merger) changed(field string) (crm, referral bool) {
	c, r := m.values(field)
	if m.memory.Base == nil && len(m.memory.Pending) == 0 {
		return c != "", r != ""
	}
	return !slices.Contains(m.memory.known(CRM, field), c), !slices.Contains(m.memory.known(PartnerCenter, field), r)
}

// remember keeps what the sides hold now and what they will hold.
func (m *merger) remember(field, crm, referral string) {
	c, r := m.values(field)
	m.result.Attempt.Seen.put(field, c, r)
	m.result.Attempt.Intended.put(field, crm, referral)
}

// put sets the values of both sides. Elements that a deal no longer has are forgotten.
func (p *Pair) put(field, crm, referral string) {
	for _, side := range []struct {
		values Values
		value  string
	}{{p.CRM, crm}, {p.Referral, referral}} {
		if side.value == "" && IsElement(field) {
			delete(side.values, field)
		} else {
			side.values[field] = side.value
		}
	}
}

// settle writes what differs and remembers the outcome.
func (m *merger) settle(field, crm, referral string) {
	c, r := m.values(field)
	if c != crm {
		m.result.ToCRM[field] = crm
	}
	if r != referral {
		m.result.ToReferral[field] = referral
	}
	m.remember(field, crm, referral)
}

// accept leaves both sides as they are and stops regarding the difference as news.
func (m *merger) accept(field string) {
	c, r := m.values(field)
	m.remember(field, c, r)
}

// hold leaves both sides as they are and keeps the change as news for a later merge: what is remembered is what was
// known before. A decision between the two sides is told by the merge that carries it out, or every merge until then would
// tell it again.
func (m *merger) hold(field string) {
	m.result.Held = true
	m.result.Notes = slices.DeleteFunc(m.result.Notes, func(n Note) bool { return n.Code == problem.ConflictDecided && n.Field == field })
	known := m.known()
	crm, referral := known.CRM[field], known.Referral[field]
	if len(m.memory.Pending) > 0 {
		crm, referral = m.heldTorn(field, crm, referral)
	}
	for _, pair := range []Pair{m.result.Attempt.Seen, m.result.Attempt.Intended} {
		pair.put(field, crm, referral)
	}
}

// unmapped leaves a field alone whose mapping fails, and says so; false for every other field. The deal value and its currency are one
// thing, so neither travels without the other.
func (m *merger) unmapped(field string) bool {
	group := []string{field}
	switch field {
	case DealValue:
		group = append(group, Currency)
	case Currency:
		return false // with the deal value
	}
	failed := false
	for _, f := range group {
		if why, fails := m.options.Unmapped[f]; fails {
			m.result.Notes = append(m.result.Notes, Note{Code: problem.MappingFailed, Field: f, Detail: why, Waits: true})
			failed = true
		}
	}
	if failed {
		for _, f := range group {
			m.park(f)
		}
	}
	return failed
}

// park keeps what is remembered of a field that cannot be read. Which writes of an attempt arrived cannot be told, so whatever both
// sides hold once it can be read again is compared with what they last agreed on.
func (m *merger) park(field string) {
	m.result.Held = true
	known := newPair()
	if m.memory.Base != nil {
		known = *m.memory.Base
	}
	for _, pair := range []Pair{m.result.Attempt.Seen, m.result.Attempt.Intended} {
		pair.put(field, known.CRM[field], known.Referral[field])
	}
}

// heldTorn is what is remembered of a held field after an attempt of which some may have arrived. What arrived is no news; what
// did not arrive is news as it was before the attempt.
func (m *merger) heldTorn(field, crm, referral string) (rememberedCRM, rememberedReferral string) {
	c, r := m.values(field)
	changedCRM, changedReferral := m.changed(field)
	if !changedCRM {
		crm = c
	}
	if !changedReferral {
		referral = r
	}
	if wantedCRM, wantedReferral, _ := m.lastIntended(field); !changedCRM && !changedReferral && m.memory.Base != nil {
		if r != wantedReferral {
			crm = m.memory.Base.CRM[field]
		}
		if c != wantedCRM {
			referral = m.memory.Base.Referral[field]
		}
	}
	return crm, referral
}

// known is what both sides held when they were last looked at.
func (m *merger) known() Pair {
	switch {
	case len(m.memory.Pending) > 0:
		return m.memory.Pending[len(m.memory.Pending)-1].Seen
	case m.memory.Base != nil:
		return *m.memory.Base
	}
	return newPair()
}

func (m *merger) note(code problem.Code, field, detail string) {
	m.result.Notes = append(m.result.Notes, Note{Code: code, Field: field, Detail: detail})
}

// explain is note with a detail that can be said in every language.
func (m *merger) explain(code problem.Code, field string, detail problem.Saying) {
	m.result.Notes = append(m.result.Notes, Note{Code: code, Field: field, Detail: detail.String(), Said: detail})
}

// lastIntended is what the newest attempt wanted both sides to hold.
func (m *merger) lastIntended(field string) (crm, referral string, ok bool) {
	if len(m.memory.Pending) == 0 {
		return "", "", false
	}
	intended := m.memory.Pending[len(m.memory.Pending)-1].Intended
	return intended.CRM[field], intended.Referral[field], true
}

// decide gives the value both sides should hold. ok is false when nobody changed anything and no attempt is open, so that
// a difference both sides agreed to live with (a mapping changed, a side rounds) is not rewritten.
func (m *merger) decide(rule Rule) (value string, from Side, ok bool) {
	c, r := m.values(rule.Field)
	changedCRM, changedReferral := m.changed(rule.Field)
	switch {
	case changedCRM && changedReferral && c != r:
		winner := rule.winner(c, r, m.options.Newer)
		m.explain(problem.ConflictDecided, rule.Field, conflictDetail(winner))
		if winner == CRM {
			return c, CRM, true
		}
		return r, PartnerCenter, true
	case changedCRM:
		return c, CRM, true
	case changedReferral:
		return r, PartnerCenter, true
	}
	return "", CRM, false
}

func conflictDetail(winner Side) problem.Saying {
	if winner == CRM {
		return problem.Say(problem.CRMStays)
	}
	return problem.Say(problem.CenterStays)
}

// field merges an ordinary field.
func (m *merger) field(rule Rule) {
	changedCRM, changedReferral := m.changed(rule.Field)
	c, r := m.values(rule.Field)
	switch {
	case c == r:
		m.accept(rule.Field)
	case !rule.Outbound && !rule.Inbound:
		m.createOnly(rule.Field, changedCRM)
	case m.byItsWay(rule):
	case !rule.Outbound:
		m.inboundOnly(rule.Field, changedCRM)
	case !rule.Inbound:
		m.outboundOnly(rule.Field, changedReferral)
	default:
		value, from, news := m.decide(rule)
		if !news {
			m.resume(rule.Field)
			return
		}
		if value == "" && rule.KeepWhenBlank {
			m.accept(rule.Field)
			return
		}
		m.send(rule.Field, value, from)
	}
}

// send carries a decided value to the other side, or holds it.
func (m *merger) send(field, value string, from Side) {
	c, r := m.values(field)
	switch {
	case from == CRM && r != value && m.closed:
		m.note(problem.ReferralClosed, field, "")
		m.accept(field)
	case from == CRM && r != value && m.holdOutbound, from == PartnerCenter && c != value && m.options.HoldInbound:
		m.hold(field)
	default:
		m.settle(field, value, value)
	}
}

// resume repeats the writes of the newest attempt, as far as they have not arrived.
func (m *merger) resume(field string) {
	c, r := m.values(field)
	crm, referral, ok := m.lastIntended(field)
	switch {
	case !ok || c == crm && r == referral, m.closed && r != referral:
		m.accept(field)
	case r != referral && m.holdOutbound, c != crm && m.options.HoldInbound:
		m.hold(field)
	default:
		m.settle(field, crm, referral)
	}
}

func (m *merger) createOnly(field string, changedCRM bool) {
	if changedCRM && field == Name && m.memory.Base != nil {
		m.note(problem.NameNotShared, field, "")
	}
	m.accept(field)
}

func (m *merger) inboundOnly(field string, changedCRM bool) {
	_, r := m.values(field)
	if m.options.HoldInbound && field != ReferralID && field != ReferralLink { // whoever shares a deal is told its identity
		m.hold(field)
		return
	}
	if changedCRM && m.memory.Base != nil {
		m.note(problem.ReadOnlyRestored, field, "")
	}
	m.settle(field, r, r)
}

func (m *merger) outboundOnly(field string, changedReferral bool) {
	c, _ := m.values(field)
	if changedReferral && m.memory.Base != nil {
		m.explain(problem.ConflictDecided, field, conflictDetail(CRM))
	}
	m.send(field, c, CRM)
}

// status merges the status. A closed referral stays closed and the CRM follows it. While the deal stays on hold, nothing
// else is sent.
func (m *merger) status(rule Rule) {
	c, r := m.values(StatusField)
	changedCRM, _ := m.changed(StatusField)
	steps := Transitions(r, c)
	switch {
	case InCRM(r) == c:
		m.accept(StatusField)
	case len(steps) > 0 && (m.holdOutbound || !rule.Outbound):
		m.hold(StatusField)
	case len(steps) > 0:
		m.result.Transitions = steps
		m.remember(StatusField, c, steps[len(steps)-1])
	case r == Active && c == New && m.memory.Base != nil && (changedCRM || m.movedBack()):
		if changedCRM || len(m.memory.Pending) > 0 { // whether an attempt's note arrived is not known
			m.note(problem.HoldNotShared, StatusField, "")
		}
		m.accept(StatusField)
	case m.options.HoldInbound || !rule.Inbound:
		m.hold(StatusField)
	default:
		if m.closed && changedCRM && m.memory.Base != nil && Terminal(m.memory.Base.Referral[StatusField]) {
			m.explain(problem.ReferralClosed, StatusField, statusSaying(r))
		}
		m.settle(StatusField, InCRM(r), r)
	}
	if c == New && m.result.ToCRM[StatusField] == "" {
		m.holdOutbound = true
	}
}

// movedBack reports that a person moved an accepted deal back on hold before, and that this was noted then, or was to be in an attempt
// whose outcome is not known.
func (m *merger) movedBack() bool {
	back := func(pair Pair) bool { return pair.CRM[StatusField] == New && pair.Referral[StatusField] == Active }
	return back(*m.memory.Base) || slices.ContainsFunc(m.memory.Pending, func(a Attempt) bool { return back(a.Intended) })
}

// visible merges the flag that only ever goes from hidden to visible. Asking for help implies it.
func (m *merger) visible(rule Rule) {
	m.completeVisible()
	c, r := m.values(Visible)
	changedCRM, _ := m.changed(Visible)
	switch {
	case m.result.AskHelp && c != True && (m.options.HoldInbound || !rule.Inbound):
		m.settle(Visible, c, True)
		m.result.Held = true
	case m.result.AskHelp:
		m.settle(Visible, True, True)
	case c == r, c == True && m.closed:
		m.accept(Visible)
	case c == True && (m.holdOutbound || !rule.Outbound), c != True && (m.options.HoldInbound || !rule.Inbound):
		m.hold(Visible)
	default:
		if c != True && changedCRM && m.memory.Base != nil {
			m.note(problem.VisibilityKept, Visible, "")
		}
		m.settle(Visible, True, True)
	}
}

// completeVisible takes a referral that was visible for one that still is: this cannot be taken back, so that an answer which says
// otherwise only lacks it.
func (m *merger) completeVisible() {
	if m.known().Referral[Visible] == True && m.current.Referral[Visible] != True {
		m.current.Referral = m.current.Referral.Clone()
		m.current.Referral[Visible] = True
	}
}

// closeReason merges the reason of a decline or loss. It leaves the CRM only together with the closing itself, because a
// closed referral changes no more.
func (m *merger) closeReason(rule Rule) {
	c, r := m.values(CloseReason)
	closing := len(m.result.Transitions) > 0 && InCRM(m.result.Transitions[len(m.result.Transitions)-1]) == Lost
	switch {
	case closing && rule.Outbound && c != "":
		m.settle(CloseReason, c, c)
	case r == "" || c == r:
		m.accept(CloseReason)
	case m.options.HoldInbound || !rule.Inbound:
		m.hold(CloseReason)
	default:
		m.settle(CloseReason, r, r)
	}
}

// value merges the deal value and its currency as one thing.
func (m *merger) value(rule Rule) {
	m.completeAmount()
	valueCRM, valueReferral := m.changed(DealValue)
	currencyCRM, currencyReferral := m.changed(Currency)
	changedCRM, changedReferral := valueCRM || currencyCRM, valueReferral || currencyReferral
	crm, referral := amountOf(m.current.CRM), amountOf(m.current.Referral)
	winner := rule.Winner
	if rule.LastWriter {
		winner = m.options.Newer
	}
	fromCRM := changedCRM && (!changedReferral || winner == CRM && crm.sendable())
	switch {
	case crm == referral:
		m.eachOfValue(m.accept)
	case !changedCRM && !changedReferral:
		m.eachOfValue(m.resume)
	case fromCRM:
		if changedReferral {
			m.explain(problem.ConflictDecided, DealValue, conflictDetail(CRM))
		}
		m.sendValue(rule, crm)
	default:
		if changedCRM {
			m.explain(problem.ConflictDecided, DealValue, conflictDetail(PartnerCenter))
		}
		m.receiveValue(rule, referral)
	}
}

// completeAmount takes the amount that was last known for one that Partner Center's answer lacks: an empty amount is never
// agreed on, and what shows again later must not pass for somebody's edit.
func (m *merger) completeAmount() {
	known, shown := amountOf(m.known().Referral), amountOf(m.current.Referral)
	if !known.sendable() || shown.value != "" || shown.currency != known.currency {
		return
	}
	m.current.Referral = m.current.Referral.Clone()
	m.current.Referral[DealValue] = known.value
	m.result.Guessed = true
}

// amount is a deal value with its currency.
type amount struct{ value, currency string }

func amountOf(v Values) amount { return amount{v[DealValue], v[Currency]} }

// sendable reports whether the amount may be written anywhere: an empty, zero or negative value, or one without currency,
// never is.
func (a amount) sendable() bool {
	return a.value != "" && a.value != "0" && a.value[0] != '-' && a.currency != ""
}

// Sendable reports whether the deal value may be written anywhere.
func Sendable(values Values) bool { return amountOf(values).sendable() }

func (m *merger) eachOfValue(do func(field string)) {
	do(DealValue)
	do(Currency)
}

func (m *merger) sendValue(rule Rule, crm amount) {
	switch {
	case !crm.sendable():
		m.result.Notes = append(m.result.Notes, Note{Code: problem.ValueWithheld, Field: DealValue, Waits: true})
		m.eachOfValue(m.hold)
	case m.closed:
		m.note(problem.ReferralClosed, DealValue, "")
		m.eachOfValue(m.accept)
	case m.holdOutbound || !rule.Outbound:
		m.eachOfValue(m.hold)
	default:
		m.settle(DealValue, crm.value, crm.value)
		m.settle(Currency, crm.currency, crm.currency)
	}
}

func (m *merger) receiveValue(rule Rule, referral amount) {
	switch {
	case !referral.sendable():
		m.eachOfValue(m.accept)
	case m.options.FixedCurrency != "" && referral.currency != m.options.FixedCurrency:
		m.explain(problem.ValueWithheld, DealValue, problem.Say(problem.ForeignCurrency, referral.currency, m.options.FixedCurrency))
		m.eachOfValue(m.accept)
	case m.options.HoldInbound || !rule.Inbound:
		m.eachOfValue(m.hold)
	default:
		m.settle(DealValue, referral.value, referral.value)
		m.settle(Currency, referral.currency, referral.currency)
	}
}
