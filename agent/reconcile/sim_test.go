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

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
)

var (
	seeds    = flag.Int("seeds", 60, "histories per scenario of the core simulator")
	firstRun = flag.Uint64("seed", 1, "first seed of the core simulator")
)

// People of both sides. Every edit has a value of its own, so that the end shows whose edit it is.

func (w *world) sellerCreates(help bool) {
	id := w.id("006")
	fields := map[string]any{
		"Name": "Deal " + id, "Amount": 1000 + w.serial, "CurrencyIsoCode": "EUR", "CloseDate": "2026-12-01", "Description": "first " + id, "StageName": "Qualification",
		"Account.Name": "Fabrikam " + id, "Account.BillingStreet": "1 Main St", "Account.BillingCity": "Oslo", "Account.BillingPostalCode": "0150", "Account.BillingCountry": "Norway",
	}
	if help {
		fields["How_can_Microsoft_help__c"] = "General or other"
	}
	w.records[id] = &record{id: id, fields: fields, sync: true, modified: w.now}
	w.sell(w.records[id], "SOL-1")
	w.meet(w.records[id], somebody(1))
	w.edits[id+" Description"] = []string{"first " + id}
}

// spellings are ways to write one customer's name, which must not become two accounts.
var spellings = []string{"Contoso %d", "CONTOSO %d Ltd.", "Ｃｏｎｔｏｓｏ　%d", "Contoso %d Limited"}

func (w *world) microsoftSends(customer int) {
	r := &remoteReferral{id: w.id("r"), engagement: w.id("e"), created: w.now, updated: w.now}
	r.tree = map[string]any{
		"name": "Deal " + r.id, "status": "New", "substatus": "Pending", "type": "Shared",
		"details": map[string]any{
			"dealValue": 2000 + w.serial, "currency": "EUR", "closingDateTime": "2026-12-02T00:00:00Z", "notes": "first " + r.id,
			"requirements": map[string]any{"solutions": []any{map[string]any{"id": "SOL-1", "type": "Name", "price": 12.5}}},
		},
		"customerProfile": map[string]any{"team": []any{asMember(somebody(2))}, "name": fmt.Sprintf(spellings[len(w.referrals)%len(spellings)], customer), "address": map[string]any{"postalCode": "1000", "country": "NO", "city": "Oslo", "addressLine1": "2 Main St"}},
		"consent":         map[string]any{"consentToShareReferralWithMicrosoftSellers": true},
	}
	w.referrals[r.id] = r
	w.announce(r)
}

func (w *world) sellerWorks() {
	id := w.pick(sortedKeys(w.records))
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
	value := "crm " + w.id("v")
	if r.edited == nil {
		r.edited = map[string]time.Time{}
	}
	choices := 9
	if w.trouble.coSell {
		choices = 11
	}
	switch w.random.IntN(choices) {
	case 6:
		w.sellerSells(r)
		return // rows of solutions have stamps of their own
	case 7: // what only the agent may write
		switch w.random.IntN(3) {
		case 0:
			if !strings.Contains(r.audit, "CS210 audit") { // what was restored last is not restored again
				r.audit = ""
			}
		case 1:
			r.status = "As I please"
		default:
			r.fields["Referral_Link__c"] = "https://example.com"
		}
	case 8:
		w.sellerMeets(r)
		return
	case 9:
		r.fields["How_can_Microsoft_help__c"] = w.pick([]string{"General or other", "Quotes or licensing"})
	case 10:
		r.fields["Referral_Visible_to_Microsoft__c"] = true
	case 0:
		r.fields["Amount"] = 5000 + w.serial
		r.edited["Amount"] = w.now
	case 1:
		if r.fields["StageName"] == "On hold" {
			r.fields["StageName"] = w.pick([]string{"Qualification", "Proposal", "Closed Lost", "Closed Won"})
		}
	case 2:
		r.sync, r.syncSince = !r.sync, w.now
	default:
		seen, _ := r.fields["Description"].(string)
		w.gone[seen] = true
		r.fields["Description"] = value
		r.edited["Description"] = w.now
		w.edits[id+" Description"] = append(w.edits[id+" Description"], value)
	}
	r.modified = w.now
}

// somebody is a customer's contact.
func somebody(n int) deal.Person {
	return deal.Person{FirstName: "First", LastName: "Last", Phone: "1", Email: fmt.Sprintf("contact%d@example.com", n)}
}

func asMember(p deal.Person) map[string]any {
	return map[string]any{"firstName": p.FirstName, "lastName": p.LastName, "phoneNumber": p.Phone, "email": p.Email}
}

// sellerMeets adds a contact, removes one, or corrects one's telephone number.
func (w *world) sellerMeets(r *record) {
	person := somebody(1 + w.random.IntN(4))
	i := slices.IndexFunc(r.contacts, func(c crm.ContactRow) bool { return c.Email == person.Email })
	switch {
	case i < 0:
		w.meet(r, person)
	case w.random.IntN(2) == 0:
		r.contacts[i].Phone = w.id("+")
		r.soldAt = w.now
	case len(r.contacts) > 1:
		w.leave(r, r.contacts[i].RowID)
	}
}

// portalMeets adds a contact in Partner Center or removes one.
func (w *world) portalMeets(r *remoteReferral) {
	profile, _ := r.tree["customerProfile"].(map[string]any)
	team, _ := profile["team"].([]any)
	team = slices.Clone(team)
	person := somebody(1 + w.random.IntN(4))
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

// sellerSells adds a solution or removes one, be it the last. What both sides hold of a solution after the last one who touched
// it is kept in edits.
func (w *world) sellerSells(r *record) {
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
	requirements, _ := r.tree["details"].(map[string]any)["requirements"].(map[string]any)
	list, _ := requirements["solutions"].([]any)
	list = slices.Clone(list)
	if len(list) > 1 && w.random.IntN(2) == 0 {
		i := w.random.IntN(len(list))
		list = slices.Delete(list, i, i+1)
	} else if id := w.pick(solutionNames); !slices.ContainsFunc(list, func(s any) bool { return s.(map[string]any)["id"] == id }) {
		list = append(list, map[string]any{"id": id, "type": "Name"})
	}
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
	w.referrals[theirs.id] = theirs
	w.announce(theirs)
}

func (w *world) microsofts(engagement string) *remoteReferral {
	for _, id := range sortedKeys(w.referrals) {
		if r := w.referrals[id]; r.microsoft && r.engagement == engagement {
			return r
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
		if w.random.IntN(3) == 0 {
			r.tree["status"], r.tree["substatus"], r.tree["statusReason"] = "Closed", "Declined", "No seller "+w.id("v")
		} else {
			r.tree["status"], r.tree["substatus"] = "Active", "Accepted"
			w.set(r, "/trackingInfo/microsoftMsxId", "7-"+w.id("v"))
		}
		r.touch(w.now)
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
	if w.referrals[id] == nil || w.referrals[id].microsoft || w.referrals[id].tree["status"] == "Closed" {
		return
	}
	r := w.referrals[id]
	value := "pc " + w.id("v")
	switch w.random.IntN(9) {
	case 8:
		w.portalMeets(r)
	case 7:
		w.portalAsks(r)
	case 6:
		w.portalSells(r)
	case 0:
		w.set(r, "/details/dealValue", 7000+w.serial)
	case 1:
		if r.tree["status"] == "New" {
			r.tree["status"], r.tree["substatus"] = "Active", "Accepted"
		}
	case 2:
		if w.random.IntN(4) == 0 {
			r.tree["status"], r.tree["substatus"] = "Closed", w.pick([]string{"Won", "Lost", "Expired"})
		}
	default:
		seen, _ := r.tree["details"].(map[string]any)["notes"].(string)
		w.gone[seen] = true
		w.set(r, "/details/notes", value)
		w.edits[id+" notes"] = append(w.edits[id+" notes"], value)
	}
	r.touch(w.now)
	w.announce(r)
}

func (w *world) pick(from []string) string {
	if len(from) == 0 {
		return ""
	}
	return from[w.random.IntN(len(from))]
}

// play runs a whole history: people begin and edit deals while the agent works, is disturbed and killed; then the world is
// kind and everything must come to rest.
func (w *world) play() {
	t := w.trouble
	burst := w.random.IntN(20000) // Microsoft sends its deals nearly at once
	for range t.deals {
		w.after(time.Duration(w.random.IntN(20000))*time.Millisecond, func() { w.sellerCreates(t.coSell && w.random.IntN(2) == 0) })
		w.after(time.Duration(burst+w.random.IntN(1000))*time.Millisecond, func() { w.microsoftSends(w.random.IntN(t.customers)) })
	}
	for range t.editors {
		w.after(time.Duration(w.random.IntN(90000))*time.Millisecond, w.sellerWorks)
		w.after(time.Duration(w.random.IntN(90000))*time.Millisecond, w.portalWorks)
		if t.coSell {
			w.after(time.Duration(w.random.IntN(110000))*time.Millisecond, w.microsoftAnswers)
		}
	}
	for w.now.Before(w.start.Add(2 * time.Minute)) {
		w.tick()
	}
	w.trouble = trouble{listLag: t.listLag, noRefs: t.noRefs}
	for _, id := range sortedKeys(w.records) {
		r := w.records[id]
		if len(r.solutions) == 0 && r.key == "" {
			w.sell(r, "SOL-1")
		}
		if !r.sync || r.fields["StageName"] == "On hold" {
			r.sync, r.modified = true, w.now
			if r.fields["StageName"] == "On hold" {
				r.fields["StageName"] = "Qualification"
			}
		}
	}
	w.settle(30 * time.Minute)
	// What reached the CRM only now may be on hold again; the sellers take it on.
	for _, id := range sortedKeys(w.records) {
		if r := w.records[id]; r.fields["StageName"] == "On hold" {
			r.fields["StageName"], r.modified = "Qualification", w.now
		}
	}
	w.settle(20 * time.Minute)
}

// settle lets time pass; when nothing is under way it passes faster.
func (w *world) settle(d time.Duration) {
	for until := w.now.Add(d); w.now.Before(until); {
		for range 40 {
			w.tick()
		}
		w.now = w.now.Add(time.Duration(w.random.IntN(3000)) * time.Millisecond)
	}
}

// faults checks what must hold when all is quiet.
func (w *world) faults() []string {
	faults := slices.Clone(w.broken)
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	owner := map[string]string{}
	for _, id := range sortedKeys(w.referrals) {
		r := w.referrals[id]
		if r.microsoft {
			continue
		}
		recordID, found := w.recordOf(id)
		if !found {
			if r.tree["status"] != "Closed" {
				fault("referral %s (%v, reference %q) has no record", id, r.tree["status"], r.reference)
			}
			continue
		}
		if other, twice := owner[recordID]; twice {
			fault("record %s has the referrals %s and %s", recordID, other, id)
		}
		owner[recordID] = id
		w.compare(w.records[recordID], r, fault)
	}
	for _, id := range sortedKeys(w.records) {
		if r := w.records[id]; r.key == "" && r.fields["StageName"] == "Qualification" {
			fault("record %s was never shared: %s", id, r.audit)
		}
	}
	engagements := map[string][]*remoteReferral{}
	for _, id := range sortedKeys(w.referrals) {
		engagements[w.referrals[id].engagement] = append(engagements[w.referrals[id].engagement], w.referrals[id])
	}
	for _, engagement := range sortedKeys(engagements) {
		w.checkEngagement(engagements[engagement], fault)
	}
	return faults
}

// checkEngagement expects two referrals of a deal that asked for help, one of any other, and that the seller knows Microsoft's
// answer.
func (w *world) checkEngagement(members []*remoteReferral, fault func(string, ...any)) {
	var own, microsofts *remoteReferral
	for _, r := range members {
		if r.microsoft && microsofts == nil {
			microsofts = r
		} else if !r.microsoft && own == nil {
			own = r
		} else {
			fault("engagement %s has %d referrals", r.engagement, len(members))
			return
		}
	}
	id, found := w.recordOf(own.id)
	if !found || own.tree["status"] == "Closed" {
		return
	}
	rec := w.records[id]
	help, _ := rec.fields["How_can_Microsoft_help__c"].(string)
	switch {
	case own.outgoing && help != "" && microsofts == nil:
		fault("%s/%s asks for help, and Microsoft was not asked; audit:\n%s", id, own.id, rec.audit)
	case microsofts == nil:
	case w.plan.Help[strings.ToLower(help)] != microsofts.tree["inviteContext"].(map[string]any)["assistanceRequestCode"]:
		fault("%s/%s asks for %q, Microsoft was asked for %v", id, own.id, help, microsofts.tree["inviteContext"])
	case microsofts.tree["status"] == "Active" && rec.fields["Microsoft_CRM_Identifier__c"] != microsofts.tree["trackingInfo"].(map[string]any)["microsoftMsxId"]:
		fault("%s/%s does not show Microsoft's identifier %v", id, own.id, microsofts.tree["trackingInfo"])
	case microsofts.tree["substatus"] == "Declined" && !strings.Contains(rec.audit, microsofts.tree["statusReason"].(string)):
		fault("%s/%s does not tell why Microsoft declined (%v); audit:\n%s", id, own.id, microsofts.tree["statusReason"], rec.audit)
	}
}

func (w *world) compare(rec *record, r *remoteReferral, fault func(string, ...any)) {
	left, err := w.plan.FromRecord(rec.fields)
	if err != nil {
		fault("record %s: %v", rec.id, err)
		return
	}
	right, err := w.plan.FromReferral(r.view().Tree)
	if err != nil {
		fault("referral %s: %v", r.id, err)
		return
	}
	if rec.audit == "" || rec.status != "In sync" && !strings.HasPrefix(rec.status, "Needs attention") {
		fault("%s/%s: the sync status is %q, the audit %q", rec.id, r.id, rec.status, rec.audit)
	}
	if left[deal.StatusField] != deal.InCRM(right[deal.StatusField]) {
		fault("%s/%s: status %s and %s", rec.id, r.id, left[deal.StatusField], right[deal.StatusField])
	}
	if deal.Terminal(right[deal.StatusField]) {
		return // edits after the closing stay where they were made
	}
	if sold := soldBy(rec); !maps.Equal(sold, soldIn(r)) && len(sold) > 0 {
		fault("%s/%s: solutions are %v and %v; audit:\n%s", rec.id, r.id, sold, soldIn(r), rec.audit)
	}
	if named := emails(rec.view().People()); r.outgoing && w.microsofts(r.engagement) == nil && !slices.Equal(named, emails(mapping.ContactsOf(r.view().Tree))) {
		fault("%s/%s: contacts are %v and %v; audit:\n%s", rec.id, r.id, named, emails(mapping.ContactsOf(r.view().Tree)), rec.audit)
	}
	for _, field := range []string{deal.DealValue, deal.Currency, deal.CloseDate, deal.Notes, deal.Visible, deal.ReferralLink} {
		if left[field] != right[field] {
			fault("%s/%s: %s is %q and %q; audit:\n%s", rec.id, r.id, field, left[field], right[field], rec.audit)
		}
	}
	last := []string{fmt.Sprint("first ", rec.id), fmt.Sprint("first ", r.id)}
	if edits := w.edits[rec.id+" Description"]; len(edits) > 0 {
		last = append(last, edits[len(edits)-1])
	}
	if edits := w.edits[r.id+" notes"]; len(edits) > 0 {
		last = append(last, edits[len(edits)-1])
	}
	if w.gone[left[deal.Notes]] {
		fault("%s/%s: the notes %q had been replaced by somebody who saw them; the last edits were %q", rec.id, r.id, left[deal.Notes], last)
	}
	if !slices.Contains(last, left[deal.Notes]) {
		fault("%s/%s: notes are %q, the last edits were %q", rec.id, r.id, left[deal.Notes], last)
	}
}

func emails(people []deal.Person) []string {
	var list []string
	for _, p := range people {
		list = append(list, p.Email)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func soldBy(rec *record) map[string]bool {
	sold := map[string]bool{}
	for _, row := range rec.solutions {
		sold[deal.SolutionField(row.ID)] = true
	}
	return sold
}

func soldIn(r *remoteReferral) map[string]bool {
	sold := map[string]bool{}
	for _, s := range mapping.SolutionsOf(r.view().Tree) {
		sold[deal.SolutionField(s.ID)] = true
	}
	return sold
}

// echo lets a quiet world go on and tells what the agent wrote all the same.
func (w *world) echo() []string {
	before := len(w.writes)
	w.settle(10 * time.Minute)
	return w.writes[before:]
}

func (w *world) trace() uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, w.now, w.writes, w.crashes)
	return h.Sum64()
}

var scenarios = map[string]trouble{
	"kind world":         {editors: 10, deals: 2, customers: 2, listLag: time.Second},
	"lost answers":       {editors: 10, deals: 2, customers: 1, lost: 0.1, refused: 0.1, dropped: 0.2, listLag: 2 * time.Second},
	"killed often":       {editors: 10, deals: 2, customers: 1, lost: 0.05, crash: 0.01, dropped: 0.1, listLag: 2 * time.Second},
	"co-sell":            {editors: 6, deals: 2, customers: 2, lost: 0.05, crash: 0.005, dropped: 0.1, listLag: 2 * time.Second, coSell: true},
	"no webhooks at all": {editors: 6, deals: 2, customers: 2, lost: 0.05, crash: 0.003, dropped: 1, listLag: 2 * time.Second},
}

func TestCoreSimulator(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := 0
			for seed := *firstRun; seed < *firstRun+uint64(*seeds) && failed < 3; seed++ {
				w := newWorld(seed, scenarios[name])
				w.play()
				faults := w.faults()
				if len(faults) == 0 {
					if echo := w.echo(); len(echo) > 0 {
						faults = append([]string{"writes in a quiet world:"}, echo...)
					}
				}
				if len(faults) > 0 {
					failed++
					t.Errorf("seed %d (%d crashes): %s", seed, w.crashes, strings.Join(faults, "\n  "))
				}
			}
		})
	}
}

// The texts of remote systems differ from call to call. A problem is told once all the same: telling it is a write, a write is
// an event, and an event is another run. An edit is a new try.
func TestARefusalIsToldOnce(t *testing.T) {
	w := newWorld(1, trouble{customers: 1})
	w.refuses = true
	w.sellerCreates(false)
	w.settle(10 * time.Minute)
	id := sortedKeys(w.records)[0]
	if len(w.writes) != 1 || strings.Count(w.records[id].audit, "CS201") != 1 {
		t.Errorf("%d writes, audit:\n%s", len(w.writes), w.records[id].audit)
	}
	w.records[id].fields["Description"], w.records[id].modified = "mended", w.now
	w.settle(10 * time.Minute)
	if len(w.writes) != 2 || strings.Count(w.records[id].audit, "CS201") != 2 {
		t.Errorf("after an edit %d writes, audit:\n%s", len(w.writes), w.records[id].audit)
	}
	w.refuses = false
	w.records[id].fields["Description"], w.records[id].modified = "mended again", w.now
	w.edits[id+" Description"] = []string{"mended again"}
	w.settle(10 * time.Minute)
	if faults := w.faults(); len(faults) > 0 || !strings.Contains(w.records[id].audit, "The problem is solved.") || w.records[id].status != "In sync" {
		t.Errorf("%v, status %q, audit:\n%s", faults, w.records[id].status, w.records[id].audit)
	}
}

// What a flow or the shadow mode holds back is logged by the names of its fields, and nothing is sent.
func TestHeldEffectsAreShown(t *testing.T) {
	var said bytes.Buffer
	w := newWorld(1, trouble{customers: 1})
	w.log = hclog.New(&hclog.LoggerOptions{Output: &said, Level: hclog.Info})
	w.blocked = map[reconcile.Effect]string{reconcile.CreateReferral: "shadow", reconcile.PatchReferral: "shadow"}
	w.sellerCreates(false)
	w.microsoftSends(0)
	w.settle(2 * time.Minute)
	for _, id := range sortedKeys(w.records) {
		if r := w.records[id]; r.key != "" {
			r.fields["StageName"], r.fields["Description"], r.modified = "Qualification", "a customer's words", w.now
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
	if len(w.writes) != 1 || w.writes[0] != "create record" {
		t.Errorf("writes: %v", w.writes)
	}
}

func TestSimulatorIsDeterministic(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		first, second := newWorld(42, scenarios[name]), newWorld(42, scenarios[name])
		first.play()
		second.play()
		if first.trace() != second.trace() {
			t.Errorf("%s: the same seed gives two histories", name)
		}
	}
}

// A customer whose account is in doubt waits for a person, who is told which accounts come into question and what to do; once
// one of them is right, the deal goes on with it when it is touched, and no account was created.
func TestADoubtfulAccountWaitsForAPerson(t *testing.T) {
	w := newWorld(1, trouble{customers: 1})
	w.accounts = []match.Account{{ID: "001A", Name: "Contoso 0 Inc", PostalCode: "1000", Country: "NO"}, {ID: "001B", Name: "contoso 0", Country: "NO"}}
	w.microsoftSends(0)
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
	r := w.referrals[sortedKeys(w.referrals)[0]]
	r.updated = w.now
	w.announce(r)
	w.settle(2 * time.Minute)
	if len(w.records) != 1 || len(w.accounts) != 2 {
		t.Errorf("%d records, %d accounts", len(w.records), len(w.accounts))
	}
}
