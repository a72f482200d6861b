package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// rules are the invariants that can be seen from outside, by number.
var rules = []struct{ name, says string }{
	{"I1", "a referral has one opportunity at most, ever"},
	{"I2", "an opportunity has one referral of the partner's at most, and its engagement one of Microsoft's"},
	{"I4", "one customer gets one account at most, however many referrals name it at once"},
	{"I5", "what a person said last is what both sides say in the end, or one of two words that competed"},
	{"I7", "every update carries the version that was read, and no value that is there already"},
	{"I8", "when people rest, the agent writes nothing"},
	{"I9", "soon after the last trouble and the last edit everything is equal and nothing waits"},
	{"I12", "only a person makes a deal visible to Microsoft, and nothing hides it again"},
	{"I13", "no empty, zero or negative deal value is sent, nor one without currency"},
	{"I14", "while a deal is on hold nothing is sent about it, and leaving it accepts once"},
	{"I15", "the agent accepts and closes a referral once at most, and opens none again"},
	{"I16", "while Sync is off nothing of the opportunity reaches Partner Center"},
	{"I17", "an opportunity that was received has Sync switched on"},
	{"I18", "what lacks its solution, contact or country is not shared, and its seller is told"},
	{"I19", "fields that only Partner Center fills are restored and never sent"},
	{"I20", "the mark before a name never leaves the CRM and never doubles"},
	{"I21", "a deleted opportunity is a reason to write nothing to Partner Center"},
	{"I22", "whatever a webhook announced and the agent acknowledged, it looks at afterwards"},
	{"I26", "a lost answer to a create, or a kill around it, never leads to a second one"},
	{"I27", "a request that was throttled is not repeated before the time that the service asked for"},
	{"I28", "an expired session is renewed, and the request not repeated for ever"},
	{"I31", "a change whose webhook was dropped arrives all the same"},
	{"I33", "no log says anything of a customer or a deal"},
	{"I34", "a flow that is off makes no writes"},
	{"I36", "the file of the store is whole after every kill and in the end"},
}

func says(rule string) string {
	for _, r := range rules {
		if r.name == rule {
			return r.says
		}
	}
	return "a history must be playable"
}

// unsettled lists what is not as it has to be once the agent had its time.
func (h *history) unsettled() []string {
	var wrong []string
	sold := h.o.crm.sold()
	for _, p := range h.deals {
		wrong = append(wrong, p.unsettled(sold)...)
	}
	if waiting, offline := h.w.sandbox.PartnerCenter().Deliveries(); len(waiting) > 0 {
		wrong = append(wrong, fmt.Sprintf("%d webhooks wait, %d were given up", len(waiting), len(offline)))
	}
	stats, err := h.a.life.store.Stats(context.Background())
	if err != nil || stats.Due > 0 || stats.Leased > 0 {
		wrong = append(wrong, fmt.Sprintf("the store holds %+v, %v", stats, err))
	}
	return wrong
}

// unsettled lists what is not yet as it has to be of one deal.
func (p *played) unsettled(sold map[string][]string) []string {
	row, inCRM := p.row()
	r, inPC := p.shared()
	p.h.mu.Lock()
	on, deleted := p.syncing(), !p.deleted.IsZero()
	p.h.mu.Unlock()
	name := fmt.Sprintf("deal %d (%s)", p.number, p.kind)
	switch {
	case deleted || !inCRM && !inPC:
		return nil
	case !inCRM:
		if r.Status == "Closed" && p.opportunity == "" {
			return nil // it was closed before the agent saw it
		}
		return []string{name + " is not in the CRM"}
	case !inPC:
		return p.unsharedYet(name, row, on, sold)
	case !on:
		return nil
	}
	return p.unequal(name, row, sold[row.id], r)
}

// unsharedYet tells whether an opportunity without referral may have none.
func (p *played) unsharedYet(name string, row opportunity, on bool, sold map[string][]string) []string {
	contacts := p.h.o.crm.contacts(row.id)
	lacks := len(sold[row.id]) == 0 || row.help != "" && len(contacts) == 0 ||
		!sendable(row.amount) || row.closed() || row.referralID != ""
	switch {
	case !on, row.closed() && p.h.words.seals: // nothing can be written on it any more
		return nil
	case lacks && row.status != "Needs attention: see Audit":
		return []string{name + " cannot be shared, and its seller is not told"}
	case lacks:
		p.h.reach("I18")
		return nil
	}
	return []string{name + " is not shared: " + row.audit}
}

func (p *played) unequal(name string, row opportunity, sold []string, r *partnercenter.Referral) []string {
	faults := differences(name, p.h.words, row, sold, r)
	p.h.mu.Lock()
	closedWith, sealed := p.sealed[referralIdentifier]
	p.h.mu.Unlock()
	faults = slices.DeleteFunc(faults, func(fault string) bool {
		switch {
		case strings.Contains(fault, ": "+referralIdentifier+" is") && sealed && row.referralID == closedWith:
			return true // nothing of the row can be restored, and its key names the referral
		case strings.Contains(fault, ": value is") && !sendable(row.amount):
			return strings.Contains(row.audit, "CS212")
		case strings.Contains(fault, ": solutions is") && len(sold) == 0:
			return strings.Contains(row.audit, "CS213")
		case row.stage == p.h.words.onHold: // edits wait until the deal is accepted
			return strings.Contains(fault, ": notes is") || strings.Contains(fault, ": close date is") || strings.Contains(fault, ": visibility is") ||
				strings.Contains(fault, ": solutions is") || strings.Contains(fault, ": value is")
		}
		return false
	})
	if p.kind == coSell && p.asked && r.Status == "Active" && !row.closed() && !p.h.hasCounterpart(r) && len(p.h.o.crm.contacts(row.id)) > 0 {
		faults = append(faults, name+" asks for help, and Microsoft was not asked")
	}
	return faults
}

func (h *history) hasCounterpart(own *partnercenter.Referral) bool {
	return slices.ContainsFunc(h.w.sandbox.PartnerCenter().All(), func(r *partnercenter.Referral) bool {
		return r.EngagementID == own.EngagementID && r.OrganizationName == "Microsoft"
	})
}

// atRest checks what must hold when everything is over, while the agent still runs.
func (h *history) atRest() {
	if wrong := h.unsettled(); len(wrong) > 0 && h.settledAfter > 0 {
		h.broken("I9", "what was settled is not any more: %s", strings.Join(wrong, "; "))
	}
	for _, p := range h.deals {
		p.atRest()
	}
	accounts := map[string]int{}
	for _, customer := range h.o.crm.accounts() {
		accounts[customer]++
	}
	for _, customer := range sortedKeys(accounts) {
		if accounts[customer] > 1 {
			h.broken("I4", "%d accounts of %s", accounts[customer], customer)
		}
	}
	engagements := map[string][2]int{}
	for _, r := range h.w.sandbox.PartnerCenter().All() {
		count := engagements[r.EngagementID]
		if r.OrganizationName == "Microsoft" {
			count[1]++
			h.reach("I2")
		} else {
			count[0]++
		}
		engagements[r.EngagementID] = count
	}
	for _, id := range sortedKeys(engagements) {
		if count := engagements[id]; count[0] > 1 || count[1] > 1 {
			h.broken("I2", "engagement %s has %d referrals of the partner's and %d of Microsoft's", id, count[0], count[1])
		}
	}
}

func (p *played) atRest() {
	row, inCRM := p.row()
	r, inPC := p.shared()
	if inPC {
		own := 0
		for _, other := range p.h.w.sandbox.PartnerCenter().All() {
			if other.OrganizationName != "Microsoft" && (other.ID == r.ID || strings.Contains(other.Name, p.secret)) {
				own++
			}
		}
		if own > 1 {
			p.h.broken("I2", "deal %d has %d referrals", p.number, own)
		}
	}
	rows := slices.DeleteFunc(p.h.o.crm.opportunities(), func(row opportunity) bool { return !strings.Contains(row.name, p.secret) })
	if len(rows) > 1 {
		p.h.broken("I1", "deal %d has %d opportunities", p.number, len(rows))
	}
	if !inCRM {
		return
	}
	if inPC && strings.ContainsAny(r.Name, "✔✗") {
		p.h.broken("I20", "the referral of deal %d is called %q", p.number, r.Name)
	}
	p.h.mu.Lock()
	on, deleted := p.syncing(), !p.deleted.IsZero()
	p.h.mu.Unlock()
	if !inPC || !on || deleted {
		return
	}
	for _, field := range scalars {
		p.lastWord(field, "crm", field.inCRM(row))
		if r.Status != "Closed" && row.stage != p.h.words.onHold {
			p.lastWord(field, "pc", field.inPC(r))
		}
	}
	p.h.mu.Lock()
	visible := p.visible
	p.h.mu.Unlock()
	if r.Consent.ShareWithMicrosoft {
		p.h.reach("I12")
	}
	if r.Consent.ShareWithMicrosoft && !visible {
		p.h.broken("I12", "Microsoft sees deal %d, and nobody wanted that", p.number)
	}
}

// afterwards checks the log of operations and the tape.
func (h *history) afterwards() {
	isAgents := agentOf(h.o)
	h.creates(isAgents)
	h.statuses(isAgents)
	h.webhooks(isAgents)
	h.repeats()
	for _, p := range h.deals {
		if p.secret != "" && strings.Contains(h.logs.String(), p.secret) {
			h.broken("I33", "the log says %q: %s", p.secret, lineWith(h.logs.String(), p.secret))
		}
	}
	if h.logs.Len() > 0 {
		h.reach("I33")
	}
}

func lineWith(log, word string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}

// creates checks that nothing was created twice, and notes which creates were put to the test.
func (h *history) creates(isAgents func(lab.Operation) bool) {
	opportunities := map[string]int{}
	for _, op := range h.w.operations(0, func(op lab.Operation) bool { return isAgents(op) && op.Action == "create" && op.Status < 400 }) {
		if op.Fault == lab.FaultLostResponse {
			h.reach("I26")
		}
		if op.Object == h.words.account {
			h.reach("I4")
		}
		if op.Object == h.words.opportunity {
			opportunities[op.ID]++
			h.reach("I1")
		}
	}
	arriving := 0
	for _, p := range h.deals {
		if p.kind == received || strings.HasPrefix(p.kind, "portal") {
			arriving++
		}
	}
	if len(opportunities) > arriving {
		h.broken("I1", "the agent created %d opportunities of %d deals that it could receive", len(opportunities), arriving)
	}
}

// statuses checks that no referral was accepted or closed twice by the agent, by the requests that were carried out.
func (h *history) statuses(isAgents func(lab.Operation) bool) {
	steps := map[string]int{}
	for _, op := range h.w.operations(0, func(op lab.Operation) bool {
		return isAgents(op) && op.Service == "partner_center" && op.Action == "update" && op.Status < 400 && slices.Contains(op.Fields, "status")
	}) {
		steps[op.ID]++
		h.reach("I15")
	}
	for _, id := range sortedKeys(steps) {
		if steps[id] > 2 {
			h.broken("I15", "the status of referral %s was written %d times", id, steps[id])
		}
	}
}

// webhooks checks that whatever was acknowledged was read afterwards, and notes dropped ones.
func (h *history) webhooks(isAgents func(lab.Operation) bool) {
	read := map[string]int64{}
	operations := h.w.operations(0, func(op lab.Operation) bool { return true })
	for _, op := range operations {
		if isAgents(op) && op.Object == "referral" && op.ID != "" && op.Status < 400 {
			read[op.ID] = op.Seq
		}
	}
	for _, op := range operations {
		if op.Action != "webhook" {
			continue
		}
		if op.Fault == "dropped" {
			h.reach("I31")
		}
		if op.Status/100 != 2 {
			continue
		}
		h.reach("I22")
		seen := read[op.ID]
		for _, member := range h.engagement(op.ID) { // once the partner's own is closed, Microsoft's does not matter
			seen = max(seen, read[member])
		}
		if seen < op.Seq {
			h.broken("I22", "the webhook %s of %s was acknowledged (operation %d), and the referral was not looked at afterwards", op.Object, op.ID, op.Seq)
		}
	}
}

// engagement lists the referrals of a referral's engagement.
func (h *history) engagement(id string) []string {
	r, err := h.w.sandbox.PartnerCenter().Referral(id)
	if err != nil {
		return nil
	}
	var members []string
	for _, other := range h.w.sandbox.PartnerCenter().All() {
		if other.EngagementID == r.EngagementID {
			members = append(members, other.ID)
		}
	}
	return members
}

// atOnce is the longest time between an answer and a repeat that did not wait: shorter than any back-off.
const atOnce = 150 * time.Millisecond

// repeats checks how requests that were refused for a while are sent again. Two deals may read the same thing at the same time, and
// the wait that one of them was asked for is not the other's; and news of a deal cut its back-off short. What is demanded leaves room
// for both.
func (h *history) repeats() {
	last := map[string]*call{}
	expired := map[string]int{}
	begun := map[string]time.Time{} // the first of the requests that follow each other at once
	for _, c := range h.w.tape.calls {
		key := fmt.Sprintf("%p %s %s %s", c.life, c.method, c.url, c.body)
		before := last[key]
		last[key] = c
		if before == nil {
			begun[key] = c.at
			continue
		}
		const most = 3
		if before.status == 429 && before.retryAfter != "" && c.method != "GET" && !strings.HasSuffix(c.path(), "/token") {
			h.reach("I27")
			wait, err := time.ParseDuration(before.retryAfter + "s")
			if err == nil && c.at.Before(before.heard.Add(wait)) {
				h.broken("I27", "%s %s was repeated %v after it was throttled for %v", c.method, c.path(), c.at.Sub(before.heard), wait)
			}
		}
		if before.status != 401 || c.at.Sub(before.heard) > atOnce {
			expired[key], begun[key] = 0, c.at
			continue
		}
		h.reach("I28")
		// What a feed says of the deal lets it try once more at once, which is a request and its repeat.
		if expired[key]++; expired[key] > most+2*h.feedsRead(begun[key].Add(-atOnce), c.at) {
			h.broken("I28", "%s %s was repeated %d times at once after an expired session", c.method, c.path(), expired[key])
		}
	}
}
