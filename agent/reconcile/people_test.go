package reconcile_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// People of both sides. Every edit has a value of its own, so that the end shows whose edit it is.

// somebody is a customer's contact.
func somebody(n int) deal.Person {
	return deal.Person{FirstName: "First", LastName: "Last", Phone: "1", Email: fmt.Sprintf("contact%d@example.com", n)}
}

func asMember(p deal.Person) map[string]any {
	return map[string]any{"firstName": p.FirstName, "lastName": p.LastName, "phoneNumber": p.Phone, "email": p.Email}
}

// spellings are ways to write one customer's name, which must not become two accounts.
var spellings = []string{"Contoso %d", "CONTOSO %d Ltd.", "Ｃｏｎｔｏｓｏ　%d", "Contoso %d Limited"}

// fresh gives a number that nobody has entered.
func (w *world) fresh() int {
	w.serial++
	return w.serial
}

func (w *world) day(n int) string {
	return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.DateOnly)
}

// newRecord is an opportunity that a seller begins. It is not yet there.
func (w *world) newRecord(help bool) *record {
	c := w.crm
	id := w.id(c.recordIDs)
	r := &record{crm: c, id: id, sync: true, fields: map[string]any{
		c.title: "Deal " + id, c.amount: 1000 + w.serial, c.currency: "EUR", c.closeDate: w.day(w.serial), c.notes: "first " + id, c.stage: c.active,
		c.firm: "Fabrikam " + id, c.street: "1 Main St", c.city: "Oslo", c.postalCode: "0150", c.country: "Norway",
	}}
	if help {
		r.fields[c.help] = c.helps[0]
	}
	return r
}

func (w *world) sellerCreates(help bool) *record {
	r := w.newRecord(help)
	w.begins(r)
	w.sell(r, "SOL-1")
	w.meet(r, somebody(1))
	return r
}

// begins saves an opportunity.
func (w *world) begins(r *record) {
	w.note("seller", "creates", r.id, "", nil)
	w.addRecord(r)
	for field, place := range w.crm.edited {
		w.ledger.first(r.id, field, r.fields[place.crm])
	}
}

// forgets begins an opportunity that lacks something; the seller mends it later.
func (w *world) forgets() {
	r := w.newRecord(false)
	w.begins(r)
	lacks := w.random.IntN(6)
	if lacks != 3 {
		w.meet(r, somebody(1))
	}
	switch lacks {
	case 0:
		r.fields[w.crm.country] = "Neverland"
		w.after(time.Minute, func() { r.fields[w.crm.country] = "NO"; w.modify(r) })
		w.sell(r, "SOL-1")
	case 1:
		r.fields[w.crm.amount] = nil
		w.after(time.Minute, func() { w.enter(r, deal.DealValue, 4000+w.fresh()) })
		w.sell(r, "SOL-1")
	case 2:
		r.sync = false
		w.after(time.Minute, func() {
			if !r.sync {
				w.flips(r)
			}
		})
		w.sell(r, "SOL-1")
	case 3:
		r.fields[w.crm.help] = w.crm.helps[1]
		w.after(time.Minute, func() { w.meet(r, somebody(1)) })
		w.sell(r, "SOL-1")
	case 4: // Partner Center takes it only when somebody has mended it
		w.ledger.poisoned[r.id] = true
		w.after(time.Minute, func() { delete(w.ledger.poisoned, r.id); w.sellerWrites(r) })
		w.sell(r, "SOL-1")
	default: // no solution
		w.after(time.Minute, func() { w.sell(r, "SOL-1") })
	}
}

func (w *world) newReferral(customer int) *remoteReferral {
	r := &remoteReferral{id: w.id("r"), engagement: w.id("e"), created: w.now, updated: w.now}
	r.tree = map[string]any{
		"name": "Deal " + r.id, "status": "New", "substatus": "Pending", "type": "Shared",
		"details": map[string]any{
			"dealValue": 2000 + w.serial, "currency": "EUR", "closingDateTime": w.day(w.serial) + "T00:00:00Z", "notes": "first " + r.id,
			"requirements": map[string]any{"solutions": []any{map[string]any{"id": "SOL-1", "type": "Name", "price": 12.5}}},
		},
		"customerProfile": map[string]any{"team": []any{asMember(somebody(2))}, "name": fmt.Sprintf(spellings[len(w.referrals)%len(spellings)], customer), "address": map[string]any{"postalCode": "1000", "country": "NO", "city": "Oslo", "addressLine1": "2 Main St"}},
		"consent":         map[string]any{"consentToShareReferralWithMicrosoftSellers": true},
	}
	return r
}

func (w *world) microsoftSends(customer int) *remoteReferral {
	r := w.newReferral(customer)
	if w.trouble.odd && w.random.IntN(6) == 0 || w.keepsLeads() && w.script == nil && w.random.IntN(2) == 0 {
		r.lead = true
		w.cover(lead, "referral")
		w.ledger.reach(17)
	}
	w.send(r)
	return r
}

// send lets a new referral arrive.
func (w *world) send(r *remoteReferral) {
	w.note("microsoft", "sends", r.id, "", nil)
	w.referrals[r.id] = r
	for field, place := range w.crm.edited {
		w.ledger.first(r.id, field, at(r.tree, place.center))
	}
	w.touched()
	w.announce(r)
}

// enter is a seller's edit of one field.
func (w *world) enter(r *record, field string, value any) {
	name := w.crm.edited[field].crm
	w.note("seller", "edits "+name, r.id, fmt.Sprint(value), nil)
	w.ledger.edit(r.id, field, r.fields[name], value)
	if r.edited == nil {
		r.edited = map[string]time.Time{}
	}
	r.fields[name], r.edited[name] = value, w.now
	if r.stage() == w.crm.onHold {
		w.ledger.reach(14)
	}
	w.modify(r)
}

// puts is a portal user's edit of one field.
func (w *world) puts(r *remoteReferral, field string, value any) {
	path := w.crm.edited[field].center
	w.note("portal", "edits "+path, r.id, fmt.Sprint(value), nil)
	w.ledger.edit(r.id, field, at(r.tree, path), value)
	w.set(r, path, value)
}

// moves is a seller's change of the stage.
func (w *world) moves(r *record, stage string) {
	w.note("seller", "moves the stage", r.id, stage, nil)
	r.fields[w.crm.stage] = stage
	w.modify(r)
}

// flips is a seller's change of Sync.
func (w *world) flips(r *record) {
	r.sync, r.syncSince = !r.sync, w.now
	w.note("seller", "flips Sync", r.id, fmt.Sprint(r.sync), nil)
	w.ledger.reach(16)
	w.modify(r)
}

func (w *world) sellerWorks() {
	id := w.pick(w.recordIDs)
	if id == "" {
		return
	}
	w.sellerEdits(id)
	// People correct themselves within a moment, and both sides like to work on one deal at one time.
	for w.random.IntN(3) > 0 {
		w.after(time.Duration(w.random.IntN(1500))*time.Millisecond, func() { w.sellerEdits(id) })
	}
	if key := w.records[id].key; key != "" && w.random.IntN(2) == 0 {
		w.after(time.Duration(w.random.IntN(1500))*time.Millisecond, func() { w.portalEdits(key) })
	}
}

func (w *world) sellerEdits(id string) {
	r := w.records[id]
	if r.deleted || r.copied || !w.kindSince.IsZero() || w.crm.seals && w.crm.closed(r.stage()) {
		return
	}
	value := "crm " + w.id("v")
	choices := 9
	if w.trouble.coSell {
		choices = 11
	}
	switch w.random.IntN(choices) {
	case 6:
		w.sellerSells(r)
	case 7:
		w.tampers(r)
	case 9:
		r.fields[w.crm.help] = w.pick(w.crm.helps)
		w.note("seller", "asks for help", r.id, "", nil)
		w.ledger.reach(12)
		w.modify(r)
	case 8:
		w.sellerMeets(r)
	case 10:
		r.fields[w.crm.visible] = true
		w.note("seller", "makes visible", r.id, "", nil)
		w.ledger.reach(12)
		w.modify(r)
	case 0:
		w.enter(r, deal.DealValue, 5000+w.fresh())
	case 1:
		if r.stage() == w.crm.onHold {
			w.moves(r, w.pick([]string{w.crm.active, w.crm.another, w.crm.lost, w.crm.won}))
		}
	case 2:
		w.flips(r)
	case 3:
		w.enter(r, deal.CloseDate, w.day(w.fresh()))
	default:
		w.enter(r, deal.Notes, value)
	}
	if w.trouble.odd && w.random.IntN(5) == 0 {
		w.oddities(r)
	}
}

// tampers edits what only the agent may write.
func (w *world) tampers(r *record) {
	w.note("seller", "tampers", r.id, "", nil)
	switch w.random.IntN(5) {
	case 3: // the name goes out on create only
		r.fields[w.crm.title] = "Renamed " + w.id("n")
	case 4:
		r.fields[w.crm.identifier] = "7-" + w.id("mine")
		w.ledger.reach(19)
	case 0:
		if !strings.Contains(r.audit, "CS210 audit") { // what was restored last is not restored again
			r.audit, r.cleared = "", true
		}
	case 1:
		r.status = "As I please"
	default:
		r.fields[w.crm.link] = "https://example.com"
		w.ledger.reach(19)
	}
	w.modify(r)
}

// oddities are what people do rarely.
func (w *world) oddities(r *record) {
	switch w.random.IntN(5) {
	case 0: // a mistake that is undone
		if r.key != "" && w.now.Sub(r.created) > 30*time.Second {
			w.deletes(r)
			w.after(time.Duration(5+w.random.IntN(30))*time.Second, func() { w.undeletes(r) })
		}
	case 1:
		w.copies(r)
	case 2:
		w.merges()
	case 3: // an amount that must not travel
		w.note("seller", "clears the amount", r.id, "", nil)
		w.ledger.edit(r.id, deal.DealValue, r.fields[w.crm.amount], nil)
		r.fields[w.crm.amount] = []any{nil, 0, -1}[w.random.IntN(3)]
		w.ledger.reach(13)
		w.modify(r)
		w.after(time.Duration(10+w.random.IntN(30))*time.Second, func() { w.enter(r, deal.DealValue, 6000+w.fresh()) })
	default:
		w.forgets()
	}
}

func (w *world) deletes(r *record) {
	w.cover(deletedRecord, "record")
	w.note("seller", "deletes", r.id, "", nil)
	w.ledger.reach(21)
	r.deleted = true
	w.modify(r)
}

// undeletes brings a record back, unless another one has its unique key by now.
func (w *world) undeletes(r *record) {
	if other, taken := w.recordOf(r.key); taken {
		w.note("seller", "cannot undelete", r.id, "its key is that of "+other, nil)
		return
	}
	w.note("seller", "undeletes", r.id, "", nil)
	w.ledger.reach(3)
	r.deleted = false
	if !w.kindSince.IsZero() {
		r.sync = true
	}
	w.modify(r)
}

// copies clones an opportunity with the identifier that people see; the unique key cannot be copied.
func (w *world) copies(r *record) {
	if r.key == "" || len(w.recordIDs) > 12 {
		return
	}
	w.cover(copiedRecord, "record")
	id := w.id(w.crm.recordIDs)
	clone := &record{crm: w.crm, id: id, fields: maps.Clone(r.fields), sync: r.sync, copied: true, contacts: r.contacts}
	w.note("seller", "copies "+r.id+" to", id, "", nil)
	w.ledger.reach(3)
	w.addRecord(clone)
	w.sell(clone, "SOL-1")
}

// merges makes one of two accounts, as an administrator does with duplicates.
func (w *world) merges() {
	if len(w.accounts) < 2 {
		return
	}
	w.cover(mergedAccounts, "account")
	from, into := w.accounts[0], w.accounts[1]
	w.note("admin", "merges accounts", from.Name, into.Name, nil)
	for _, id := range w.recordIDs {
		if r := w.records[id]; r.fields[w.crm.firm] == from.Name {
			r.fields[w.crm.firm], r.fields[w.crm.postalCode] = into.Name, into.PostalCode
			w.modify(r)
		}
	}
	w.accounts = slices.Delete(slices.Clone(w.accounts), 0, 1)
	w.ledger.reach(3)
}

// sellerMeets adds a contact, removes one, or corrects one's telephone number.
func (w *world) sellerMeets(r *record) {
	person := somebody(1 + w.random.IntN(4))
	w.note("seller", "changes contacts", r.id, person.Email, nil)
	i := slices.IndexFunc(r.contacts, func(c crm.ContactRow) bool { return c.Email == person.Email })
	switch {
	case i < 0:
		w.meet(r, person)
	case w.random.IntN(2) == 0:
		r.contacts = slices.Clone(r.contacts)
		r.contacts[i].Phone = w.id("+")
		w.resold(r)
	case len(r.contacts) > 1:
		w.leave(r, r.contacts[i].RowID)
	}
}

// portalMeets adds a contact in Partner Center or removes one.
func (w *world) portalMeets(r *remoteReferral) {
	team, _ := at(r.tree, "/customerProfile/team").([]any)
	team = slices.Clone(team)
	person := somebody(1 + w.random.IntN(4))
	w.note("portal", "changes contacts", r.id, person.Email, nil)
	i := slices.IndexFunc(team, func(m any) bool { return m.(map[string]any)["email"] == person.Email })
	if i < 0 {
		team = append(team, asMember(person))
	} else if len(team) > 1 {
		team = slices.Delete(team, i, i+1)
	}
	w.set(r, "/customerProfile/team", team)
}

// solutionNames are what people add and remove on either side.
var solutionNames = []string{"SOL-1", "SOL-2", "SOL-3", "sol-4"}

// sellerSells adds a solution or removes one, be it the last.
func (w *world) sellerSells(r *record) {
	w.note("seller", "changes solutions", r.id, "", nil)
	if len(r.solutions) > 0 && w.random.IntN(2) == 0 {
		row := r.solutions[w.random.IntN(len(r.solutions))]
		w.unsell(r, row.RowID)
		return
	}
	id := w.pick(solutionNames)
	if !slices.ContainsFunc(r.solutions, func(s crm.SolutionRow) bool { return s.ID == id }) {
		w.sell(r, id)
	}
}

// portalSells is the same in Partner Center, which keeps one solution at least.
func (w *world) portalSells(r *remoteReferral) {
	list, _ := at(r.tree, "/details/requirements/solutions").([]any)
	list = slices.Clone(list)
	if len(list) > 1 && w.random.IntN(2) == 0 {
		i := w.random.IntN(len(list))
		list = slices.Delete(list, i, i+1)
	} else if id := w.pick(solutionNames); !slices.ContainsFunc(list, func(s any) bool { return s.(map[string]any)["id"] == id }) {
		list = append(list, map[string]any{"id": id, "type": "Name"})
	}
	w.note("portal", "changes solutions", r.id, fmt.Sprint(list), nil)
	w.set(r, "/details/requirements/solutions", list)
}

// portalAsks requests Microsoft's help for one of the partner's own deals, as a user of the portal does.
func (w *world) portalAsks(own *remoteReferral) {
	if !w.trouble.coSell || !own.outgoing || own.tree["status"] != "Active" || w.microsofts(own.engagement) != nil {
		return
	}
	w.set(own, "/consent/consentToShareReferralWithMicrosoftSellers", true)
	theirs := &remoteReferral{id: w.id("r"), engagement: own.engagement, microsoft: true, created: w.now, updated: w.now}
	theirs.tree = map[string]any{"name": own.tree["name"], "status": "New", "substatus": "Pending", "inviteContext": map[string]any{"assistanceRequestCode": "GeneralOrOther"}}
	w.note("portal", "asks for help", own.id, "", nil)
	w.referrals[theirs.id] = theirs
	w.touched()
	w.announce(theirs)
}

func (w *world) microsofts(engagement string) *remoteReferral {
	for _, r := range w.referrals {
		if r.microsoft && r.engagement == engagement {
			return r // there is never a second one, or an oracle says so
		}
	}
	return nil
}

// microsoftAnswers accepts or declines a request for help.
func (w *world) microsoftAnswers() {
	for _, id := range sortedKeys(w.referrals) {
		r := w.referrals[id]
		if !r.microsoft || r.tree["status"] != "New" {
			continue
		}
		w.note("microsoft", "answers", r.id, "", nil)
		if w.random.IntN(3) == 0 {
			r.tree["status"], r.tree["substatus"], r.tree["statusReason"] = "Closed", "Declined", "No seller "+w.id("v")
		} else {
			r.tree["status"], r.tree["substatus"] = "Active", "Accepted"
			w.set(r, "/trackingInfo/microsoftMsxId", "7-"+w.id("v"))
		}
		w.touch(r)
		w.announce(r)
		return
	}
}

func (w *world) portalWorks() {
	if id := w.pick(sortedKeys(w.referrals)); id != "" {
		w.portalEdits(id)
		if record, found := w.recordOf(id); found && w.random.IntN(2) == 0 {
			w.after(time.Duration(w.random.IntN(1500))*time.Millisecond, func() { w.sellerEdits(record) })
		}
	}
}

func (w *world) portalEdits(id string) {
	r := w.referrals[id]
	if r == nil || r.microsoft || r.lead && !w.keepsLeads() || r.tree["status"] == "Closed" || !w.kindSince.IsZero() {
		return
	}
	if r.isLead() {
		w.portalLead(r)
		return
	}
	value := "pc " + w.id("v")
	switch w.random.IntN(9) {
	case 8:
		w.portalMeets(r)
	case 7:
		w.portalAsks(r)
	case 6:
		w.portalSells(r)
	case 0:
		w.puts(r, deal.DealValue, 7000+w.fresh())
	case 1:
		if r.tree["status"] == "New" {
			w.answers(r, "Active", "Accepted")
		}
	case 2:
		if w.random.IntN(4) == 0 {
			w.answers(r, "Closed", w.pick([]string{"Won", "Lost", "Expired"}))
		}
	case 3:
		w.puts(r, deal.CloseDate, w.day(w.fresh())+"T00:00:00Z")
	default:
		w.puts(r, deal.Notes, value)
	}
	w.portalSaves(r)
	if w.trouble.hides && w.random.IntN(6) == 0 && w.deals(hiddenReferral) {
		w.cover(hiddenReferral, "referral")
		r.hidden = true
		w.touched()
		w.after(time.Duration(2+w.random.IntN(40))*time.Second, func() { r.hidden = false; w.portalSaves(r) })
	}
}

func (w *world) answers(r *remoteReferral, status, substatus string) {
	w.note("portal", "answers", r.id, status+" "+substatus, nil)
	r.tree["status"], r.tree["substatus"] = status, substatus
}

func (w *world) portalSaves(r *remoteReferral) {
	w.touch(r)
	w.announce(r)
}

// interfere is the person who edits the very object that a write is on its way to.
func (w *world) interfere(on string) {
	if l := w.leads[on]; l != nil && !l.converted {
		w.editsLead(l, deal.LeadPhone)
	}
	if r := w.records[on]; r != nil && !r.deleted && !r.copied {
		w.enter(r, deal.Notes, "crm "+w.id("v"))
	}
	if r := w.referrals[on]; r != nil && !r.microsoft && r.tree["status"] != "Closed" {
		w.puts(r, deal.Notes, "pc "+w.id("v"))
		w.portalSaves(r)
	}
}

func (w *world) pick(from []string) string {
	if len(from) == 0 {
		return ""
	}
	return from[w.random.IntN(len(from))]
}

// flows are what an administrator switches off and on.
var flows = []map[reconcile.Effect]string{
	{reconcile.PatchReferral: "crm_to_partner_center", reconcile.AcceptLead: "crm_to_partner_center"},
	{reconcile.UpdateOpportunity: "partner_center_to_crm"},
	{reconcile.CreateReferral: "opportunity_to_partner_center", reconcile.CreateCounterpart: "opportunity_to_partner_center"},
	{reconcile.CreateOpportunity: "create_referral"},
	{reconcile.PatchSolutions: "solutions_to_partner_center"},
	{reconcile.ReadCounterpart: "microsoft_referral_updates"},
	{reconcile.CreateReferral: "shadow", reconcile.CreateCounterpart: "shadow", reconcile.PatchReferral: "shadow", reconcile.AcceptLead: "shadow"},
	{reconcile.AcceptLead: "leads_to_partner_center"},
}

// toggles switches a flow off, and on again after a while.
func (w *world) toggles() {
	if !w.deals(flowToggle) {
		return
	}
	w.cover(flowToggle, "document")
	off := flows[w.random.IntN(len(flows))]
	w.note("admin", "switches off", fmt.Sprint(off), "", nil)
	w.change(func() { w.blocked = off })
	w.after(time.Duration(5+w.random.IntN(30))*time.Second, func() {
		w.note("admin", "switches on", fmt.Sprint(off), "", nil)
		w.change(func() { w.blocked = nil })
	})
}

// remaps maps the notes to another field of the CRM, and back.
func (w *world) remaps() {
	if !w.deals(mappingChange) {
		return
	}
	w.cover(mappingChange, "document")
	w.ledger.reach(35)
	rows := w.plan.Rows
	other := w.plan
	other.Rows = slices.DeleteFunc(slices.Clone(rows), func(row mapping.Row) bool { return row.Field == deal.Notes })
	w.note("admin", "takes the notes out of the mapping", "", "", nil)
	w.change(func() { w.plan = other })
	w.after(time.Duration(5+w.random.IntN(30))*time.Second, func() {
		w.note("admin", "maps the notes again", "", "", nil)
		w.change(func() { w.plan.Rows = rows })
	})
}

// jumps lets an agent's clock be wrong by a day for a while.
func (w *world) jumps() {
	if !w.deals(clockJump) {
		return
	}
	w.cover(clockJump, "clock")
	w.ledger.reach(29)
	a := w.agents[w.random.IntN(len(w.agents))]
	skew := 24 * time.Hour
	if w.random.IntN(2) == 0 {
		skew = -skew
	}
	w.note("world", "clock is wrong by", a.name, skew.String(), nil)
	a.skew, w.dueKnown = skew, false
	w.after(time.Duration(1+w.random.IntN(30))*time.Second, func() {
		w.note("world", "clock is right again", a.name, "", nil)
		a.skew, w.dueKnown = 0, false
		a.rightSince = w.now
	})
}

// play runs a whole history: people begin and edit deals while the agent works, is disturbed and killed; then the world is
// kind and everything must come to rest.
func (w *world) play() {
	t := w.trouble
	burst := w.random.IntN(20000) // Microsoft sends its deals nearly at once
	sometime := func(within int, do func()) { w.after(time.Duration(w.random.IntN(within))*time.Millisecond, do) }
	for range t.deals {
		sometime(20000, func() { w.sellerCreates(t.coSell && w.random.IntN(2) == 0) })
		w.after(time.Duration(burst+w.random.IntN(1000))*time.Millisecond, func() { w.microsoftSends(w.random.IntN(t.customers)) })
	}
	for range t.editors {
		sometime(90000, w.sellerWorks)
		sometime(90000, w.portalWorks)
		if t.coSell {
			sometime(110000, w.microsoftAnswers)
		}
		if w.keepsLeads() {
			sometime(110000, w.leadWorks)
		}
	}
	for _, rare := range []struct {
		on bool
		do func()
	}{{t.toggles, w.toggles}, {t.remap, w.remaps}, {t.jumps, w.jumps}, {t.jumps, w.jumps}, {t.jumps, w.jumps}, {t.odd, w.forgets}} {
		if rare.on {
			sometime(80000, rare.do)
		}
	}
	if t.replicas > 0 {
		w.cover(secondAgent, "agent")
		w.ledger.reach(32)
	}
	for until := w.start.Add(2 * time.Minute); w.now.Before(until); {
		w.tick(until)
	}
	w.calm()
}

// calm ends all trouble; the sellers finish what they left half done, and everything comes to rest.
func (w *world) calm() {
	patience := 30 * time.Minute
	if w.trouble.lateHooks || w.trouble.jumps {
		patience = 49 * time.Hour
	}
	w.note("world", "is kind from now on", "", "", nil)
	away := w.trouble.outages || w.trouble.lateHooks || w.trouble.jumps
	w.trouble = w.trouble.kind()
	if w.script != nil {
		w.script.over = true
	}
	w.kindSince = w.now
	for _, id := range w.recordIDs {
		r := w.records[id]
		if len(r.solutions) == 0 && r.key == "" {
			w.sell(r, "SOL-1")
		}
		if !r.deleted && (!r.sync || r.stage() == w.crm.onHold) {
			w.note("seller", "takes on", id, "", nil)
			r.sync = true
			if r.stage() == w.crm.onHold {
				r.fields[w.crm.stage] = w.crm.active
			}
			w.modify(r)
		}
	}
	w.settle(patience)
	if !away {
		w.promptness()
	}
	// What reached the CRM only now may be on hold again; the sellers take it on.
	for _, id := range w.recordIDs {
		if r := w.records[id]; r.stage() == w.crm.onHold && !r.deleted {
			w.moves(r, w.crm.active)
		}
	}
	w.settle(20 * time.Minute)
}

// announceAgain lets a webhook of a referral come, as an operator's "look again" does.
func (w *world) announceAgain(r *remoteReferral) {
	w.deliver(store.Event{ID: w.id("webhook"), Source: "manual", Key: store.ReferralKey(r.id), Priority: store.Live})
}
