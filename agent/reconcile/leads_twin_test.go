package reconcile_test

import (
	"context"
	"encoding/json"
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
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
)

// Leads in the core simulator: the twin of a CRM that keeps them, the people who work with them, and what must hold. The invariants
// keep their numbers: to a lead they say the same as to an opportunity.

// crmLead is a lead of the CRM.
type crmLead struct {
	id, key     string
	values      deal.Values
	sellers     map[string]bool // fields that a seller has edited
	modified    time.Time
	shownAt     time.Time // the second of its last change
	last        crm.Lead  // what it shows now, former what it showed before that second
	former      *crm.Lead
	converted   bool
	opportunity string // that the conversion made
	deleted     bool
}

func (l *crmLead) stamp() time.Time { return l.modified.Truncate(time.Second) }

func (l *crmLead) view() crm.Lead {
	return crm.Lead{
		ID: l.id, Version: l.stamp().Format(time.RFC3339Nano), ModifiedAt: l.stamp(), Key: l.key, Values: l.values.Clone(), Converted: l.converted,
		OpportunityID: l.opportunity,
	}
}

// keepsLeads tells whether this history's agent carries leads into the CRM.
func (w *world) keepsLeads() bool { return w.trouble.leads && w.crm.leads }

// isLead tells what Partner Center still holds for a lead.
func (r *remoteReferral) isLead() bool { return r.lead && r.tree["status"] == "New" }

// changeLead moves a lead's time stamp.
func (w *world) changeLead(l *crmLead) {
	l.modified = w.now
	w.touched()
	if stamp := l.stamp(); stamp.After(l.shownAt) {
		if !l.shownAt.IsZero() {
			former := l.last
			l.former = &former
		}
		l.shownAt = stamp
	}
	l.last = l.view()
}

func (w *world) addLead(l *crmLead) {
	w.leads[l.id] = l
	w.leadIDs = append(w.leadIDs, l.id)
	w.changeLead(l)
}

// leadWhere finds the first lead that fits, deleted ones aside.
func (w *world) leadWhere(fits func(*crmLead) bool) *crmLead {
	for _, id := range w.leadIDs {
		if l := w.leads[id]; !l.deleted && fits(l) {
			return l
		}
	}
	return nil
}

// leadsOf are the leads of a referral, deleted ones counted.
func (w *world) leadsOf(referralID string) []*crmLead {
	var list []*crmLead
	for _, id := range w.leadIDs {
		if l := w.leads[id]; strings.EqualFold(l.key, referralID) {
			list = append(list, l)
		}
	}
	return list
}

// simLeads is the twin of the part of a CRM that keeps leads.
type simLeads struct{ w *world }

var _ crm.Leads = (*simLeads)(nil)

func (s *simLeads) IsLead(id string) bool { return strings.HasPrefix(id, leadIDs) }

// leadIDs is what the ids of leads begin with.
const leadIDs = "00Q"

func (s *simLeads) FitLead(values deal.Values) deal.Values { return values }

func (s *simLeads) ReadLead(_ context.Context, id string) (out crm.Lead, err error) {
	w, c := s.w, s.w.running
	return out, w.do(c, call{sys: crmSide, name: "lead.read", on: id, deal: true}, func() error {
		l, found := w.leads[id]
		if !found || l.deleted {
			return crm.ErrNotFound
		}
		out = l.view()
		if c.stale() && l.former != nil && w.now.Sub(l.modified) < replicaLag && w.rightClocks() {
			out = *l.former
			out.Values = out.Values.Clone()
		}
		if c.busy {
			c.knows.read[id] = w.now
		}
		return nil
	})
}

func (s *simLeads) FindLead(_ context.Context, referralID string) (id string, found bool, err error) {
	w := s.w
	return id, found, w.do(w.running, call{sys: crmSide, name: "lead.find", on: referralID, deal: true}, func() error {
		if l := w.leadWhere(func(l *crmLead) bool { return strings.EqualFold(l.key, referralID) }); l != nil {
			id, found = l.id, true
		}
		return nil
	})
}

func (s *simLeads) FindDeletedLead(_ context.Context, referralID string, _ time.Time) (id string, found bool, err error) {
	w := s.w
	return id, found, w.do(w.running, call{sys: crmSide, name: "lead.find_deleted", on: referralID, deal: true}, func() error {
		for _, l := range w.leadsOf(referralID) {
			if l.deleted {
				id, found = l.id, true
			}
		}
		return nil
	})
}

func (s *simLeads) FindConverted(_ context.Context, opportunityID string) (out crm.Lead, found bool, err error) {
	w := s.w
	return out, found, w.do(w.running, call{sys: crmSide, name: "lead.converted", on: opportunityID, deal: true}, func() error {
		if l := w.leadWhere(func(l *crmLead) bool { return l.opportunity == opportunityID && l.key != "" }); l != nil {
			out, found = l.view(), true
		}
		return nil
	})
}

// sentLead is a new lead on its way.
type sentLead struct {
	Key    string
	Values deal.Values
}

func (s *simLeads) EncodeLead(referralID string, values deal.Values) ([]byte, error) {
	return json.Marshal(sentLead{strings.ToLower(referralID), values})
}

func (s *simLeads) CreateLead(_ context.Context, payload []byte) (id string, err error) {
	w, c := s.w, s.w.running
	var n sentLead
	if err := json.Unmarshal(payload, &n); err != nil {
		return "", err
	}
	return id, w.do(c, call{sys: crmSide, name: "lead.create", on: n.Key, write: true, deal: true, payload: payload}, func() error {
		if existing := w.leadWhere(func(l *crmLead) bool { return l.key == n.Key }); existing != nil && (w.mutant == nil || !w.mutant.noUniqueKey) {
			w.ledger.reach(1)
			return crm.ErrExists
		}
		w.happens(event{what: leadCreated, c: c, on: n.Key})
		id = w.id(leadIDs)
		w.addLead(&crmLead{id: id, key: n.Key, values: n.Values, sellers: map[string]bool{}})
		w.wrote()
		return nil
	})
}

func (s *simLeads) EncodeLeadUpdate(values deal.Values) ([]byte, error) { return json.Marshal(values) }

func (s *simLeads) UpdateLead(_ context.Context, id, version string, payload []byte) error {
	w, c := s.w, s.w.running
	return w.do(c, call{sys: crmSide, name: "lead.update", on: id, write: true, deal: true, payload: payload}, func() error {
		l, found := w.leads[id]
		if !found || l.deleted {
			return crm.ErrNotFound
		}
		at, err := time.Parse(time.RFC3339Nano, version)
		if w.mutant != nil && w.mutant.anyVersion {
			at, err = l.stamp(), nil
		}
		if err != nil {
			return err
		}
		if l.converted || l.stamp().After(at) {
			return crm.ErrChanged
		}
		var values deal.Values
		if err := json.Unmarshal(payload, &values); err != nil {
			return err
		}
		w.happens(event{what: leadUpdated, c: c, on: id, lead: l, values: values})
		maps.Copy(l.values, values)
		w.changeLead(l)
		w.wrote()
		return nil
	})
}

// Changes is the feed of leads that are the agent's.
func (s *simLeads) Changes(_ context.Context, position string) (hits []crm.Hit, next string, err error) {
	w := s.w
	next = position
	return hits, next, w.do(w.running, call{sys: crmSide, name: "lead.feed"}, func() error {
		since, _ := time.Parse(time.RFC3339Nano, position)
		latest := since
		for _, id := range w.leadIDs {
			l := w.leads[id]
			if stamp := l.stamp(); !l.deleted && l.key != "" && !stamp.Before(since.Add(-watch.Overlap)) {
				hits = append(hits, crm.Hit{ID: id, Version: stamp.Format(time.RFC3339Nano), At: stamp})
				if stamp.After(latest) {
					latest = stamp
				}
			}
		}
		if latest.After(since) {
			next = latest.Format(time.RFC3339Nano)
		}
		return nil
	})
}

func (w *world) pollLeads() error {
	_, err := watch.Leads(context.Background(), &simLeads{w}, w.running.agent.queue, w.agentNow())
	return err
}

// People who work with leads.

// sendsLead is Microsoft, who sends a lead.
func (w *world) sendsLead(customer int) *remoteReferral {
	r := w.newReferral(customer)
	r.lead = true
	w.cover(lead, "referral")
	w.ledger.reach(17)
	w.send(r)
	return r
}

// leadEdits are fields of a lead that its seller edits.
var leadEdits = []string{deal.Notes, deal.LeadPhone, deal.CustomerCity}

// editsLead is a seller's edit of a lead.
func (w *world) editsLead(l *crmLead, field string) {
	value := "crm " + w.id("v")
	w.note("seller", "edits the lead's "+field, l.id, value, nil)
	l.values[field], l.sellers[field] = value, true
	w.ledger.reach(5)
	w.changeLead(l)
}

// converts is a seller who makes an opportunity of a lead, and asks to share it or not.
func (w *world) converts(l *crmLead, stage string, asks bool) *record {
	r := w.newRecord(false)
	r.sync = asks
	r.fields[w.crm.stage] = stage
	delete(r.fields, w.crm.notes) // they come from Partner Center
	delete(r.fields, w.crm.help)
	w.note("seller", "converts the lead "+l.id+" to", r.id, stage, nil)
	w.addRecord(r)
	for _, field := range []string{deal.DealValue, deal.CloseDate} {
		w.ledger.first(r.id, field, r.fields[w.crm.edited[field].crm])
	}
	w.ledger.torn[r.id] = true // what the lead's seller saw of the referral is not followed
	l.converted, l.opportunity = true, r.id
	w.changeLead(l)
	w.ledger.reach(15)
	return r
}

func (w *world) leadWorks() {
	if id := w.pick(w.leadIDs); id != "" && w.kindSince.IsZero() {
		w.leadSeller(w.leads[id])
	}
}

func (w *world) leadSeller(l *crmLead) {
	switch n := w.random.IntN(8); {
	case l.converted:
		if l.opportunity != "" {
			w.sellerEdits(l.opportunity)
		}
	case l.deleted:
	case n < 3:
		w.editsLead(l, w.pick(leadEdits))
	case n < 6:
		w.converts(l, w.pick([]string{w.crm.active, w.crm.onHold, w.crm.another}), w.random.IntN(2) == 0)
	case n == 6 && w.trouble.odd:
		w.deletesLead(l)
		w.after(time.Duration(5+w.random.IntN(30))*time.Second, func() { w.undeletesLead(l) })
	default:
		w.note("seller", "converts the lead without an opportunity", l.id, "", nil)
		l.converted = true
		w.changeLead(l)
	}
}

func (w *world) deletesLead(l *crmLead) {
	w.note("seller", "deletes the lead", l.id, "", nil)
	w.ledger.reach(21)
	l.deleted = true
	w.changeLead(l)
}

func (w *world) undeletesLead(l *crmLead) {
	w.note("seller", "undeletes the lead", l.id, "", nil)
	l.deleted = false
	w.changeLead(l)
}

// portalLead is somebody in the portal who edits a lead, accepts it, or answers otherwise.
func (w *world) portalLead(r *remoteReferral) {
	switch n := w.random.IntN(8); {
	case n == 0:
		w.answers(r, "Active", "Accepted")
	case n == 1:
		w.answers(r, "Closed", w.pick([]string{"Declined", "Expired"}))
	case n < 4:
		w.set(r, "/customerProfile/address/city", "Town "+w.id("v"))
	default:
		w.puts(r, deal.Notes, "pc "+w.id("v"))
	}
	w.portalSaves(r)
}

// What must hold.

// oneLead is I1 for leads.
func oneLead(w *world, e *event) string {
	if e.what == leadCreated && len(w.leadsOf(e.on)) > 0 {
		return "referral " + e.on + " gets a second lead"
	}
	return ""
}

// sellersLead is I5 for leads: what a seller has entered stays.
func sellersLead(_ *world, e *event) string {
	if e.what != leadUpdated {
		return ""
	}
	for field := range e.values {
		if e.lead.sellers[field] {
			return fmt.Sprintf("the seller's %s of lead %s is overwritten", field, e.on)
		}
	}
	return ""
}

// leadChanges is I7 for leads.
func leadChanges(e *event) string {
	for field, value := range e.values {
		if e.lead.values[field] == value {
			return fmt.Sprintf("the update of lead %s carries %s, which is %q already", e.on, field, value)
		}
	}
	return ""
}

// leadCursor is I30 for leads.
func (w *world) leadCursor(cursor *store.Cursor) string {
	at, err := time.Parse(time.RFC3339Nano, cursor.Value)
	for _, id := range w.leadIDs {
		l := w.leads[id]
		if l.deleted || l.key == "" || err != nil || !l.stamp().Before(at.Add(-watch.Overlap)) {
			continue
		}
		if w.ledger.raised[store.RecordKey(id)].Before(l.stamp()) {
			return "the cursor of leads passes a change of " + id
		}
	}
	return ""
}

// checkLead judges, at rest, a referral that is a lead, and its lead in the CRM.
func (w *world) checkLead(r *remoteReferral) {
	leads := w.leadsOf(r.id)
	if len(leads) > 1 {
		w.breaks(1, "referral %s has %d leads", r.id, len(leads))
	}
	switch {
	case !w.keepsLeads() || !r.isLead():
	case len(leads) == 0:
		w.breaks(31, "the lead %s did not arrive in the CRM", r.id)
	case leads[0].deleted:
	case leads[0].opportunity != "":
		if offer := w.records[leads[0].opportunity]; !offer.deleted && offer.sync {
			w.breaks(15, "lead %s was converted into %s, and referral %s is not accepted: %s", leads[0].id, offer.id, r.id, offer.audit)
		}
	case !leads[0].converted:
		w.compareLead(leads[0], r)
	}
}

// compareLead expects that a lead holds what the referral says, but for what its seller has edited.
func (w *world) compareLead(l *crmLead, r *remoteReferral) {
	w.ledger.reach(9)
	tree := r.view().Tree
	values, err := w.plan.FromReferral(tree)
	if err != nil {
		w.breaks(9, "lead %s: %v", r.id, err)
		return
	}
	want := deal.Lead(values, mapping.ContactsOf(tree))
	for _, field := range slices.Sorted(maps.Keys(want)) {
		if !l.sellers[field] && l.values[field] != want[field] {
			w.breaks(9, "lead %s/%s: %s is %q and %q", l.id, r.id, field, l.values[field], want[field])
		}
	}
}

// leadOf gives the lead of a referral that an opportunity was made of.
func (w *world) leadOf(recordID string) (l *crmLead, found bool) {
	l = w.leadWhere(func(l *crmLead) bool { return l.opportunity == recordID && l.key != "" })
	return l, l != nil
}

// waitsForLead tells whether an opportunity that was made of a lead is rightly left alone: its referral is at its end, or became another
// opportunity's.
func (w *world) waitsForLead(r *record) bool {
	l, found := w.leadOf(r.id)
	if !found {
		return false
	}
	own := w.referrals[l.key]
	if own == nil || own.tree["status"] == "Closed" {
		return true
	}
	other, bound := w.recordOf(own.id)
	return bound && other != r.id
}

// Stories of leads, for the CRMs that keep them.

var leading = trouble{customers: 1, listLag: time.Second, leads: true}

// gotLead gives a lead that came from Microsoft. When the fault that struck keeps it away yet, time passes until it is there.
func (w *world) gotLead() (*crmLead, *remoteReferral) {
	ref := w.sendsLead(0)
	for range 40 {
		w.rest()
		if leads := w.leadsOf(ref.id); len(leads) > 0 {
			return leads[0], ref
		}
	}
	w.breaks(31, "the lead %s was not received", ref.id)
	return &crmLead{values: deal.Values{}, sellers: map[string]bool{}}, ref
}

// soon lets time pass in the smallest steps until something has happened, or a minute is over.
func (w *world) soon(happened func() bool) {
	for until := w.now.Add(time.Minute); w.now.Before(until) && !happened(); {
		w.tick(until)
	}
}

// leadOnly expects one lead and no opportunity.
func leadOnly(w *world) string {
	if len(w.leads) != 1 || len(w.records) != 0 || len(w.referrals) != 1 {
		return fmt.Sprintf("%d leads, %d opportunities, %d referrals", len(w.leads), len(w.records), len(w.referrals))
	}
	return ""
}

// leadBecame expects that the one lead became the one deal, which ended in a status.
func leadBecame(status, substatus string) func(w *world) string {
	return func(w *world) string {
		if len(w.leads) != 1 {
			return fmt.Sprintf("%d leads", len(w.leads))
		}
		for _, id := range w.recordIDs {
			if r := w.records[id]; r.key == "" || !r.sync {
				return "the lead's opportunity has no referral, or Sync is off"
			}
		}
		if wrong := oneOfEach(w); wrong != "" {
			return wrong
		}
		return ends(status, substatus)(w)
	}
}

var leadStories = []story{
	{"a lead comes, and is edited in the portal", leading, func(w *world) {
		_, ref := w.gotLead()
		w.portalWrites(ref)
		w.rest()
	}, leadOnly},
	{"a lead is edited on both sides", leading, func(w *world) {
		l, ref := w.gotLead()
		w.editsLead(l, deal.LeadPhone)
		w.portalWrites(ref)
		w.rest()
		w.editsLead(l, deal.Notes)
		w.portalWrites(ref)
		w.rest()
	}, leadOnly},
	{"a lead is converted", leading, func(w *world) {
		l, ref := w.gotLead()
		w.portalWrites(ref)
		w.rest()
		w.converts(l, w.crm.active, false)
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a lead is converted on hold", leading, func(w *world) { l, _ := w.gotLead(); w.converts(l, w.crm.onHold, false); w.rest() }, leadBecame("Active", "Accepted")},
	{"a lead is converted, and its seller asks to share it", leading, func(w *world) {
		l, _ := w.gotLead()
		w.converts(l, w.crm.active, true)
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a lead is converted, and the deal is edited on both sides", leading, func(w *world) {
		l, ref := w.gotLead()
		r := w.converts(l, w.crm.active, false)
		w.rest()
		w.enter(r, deal.DealValue, 5000+w.fresh())
		w.portalWrites(ref)
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a lead is converted and edited in the portal at once", leading, func(w *world) {
		l, ref := w.gotLead()
		w.portalWrites(ref)
		w.converts(l, w.crm.active, false)
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a converted lead is won", leading, func(w *world) {
		l, _ := w.gotLead()
		r := w.converts(l, w.crm.active, false)
		w.rest()
		w.moves(r, w.crm.won)
		w.rest()
	}, leadBecame("Closed", "Won")},
	{"a converted lead is lost before anybody noticed", leading, func(w *world) {
		l, _ := w.gotLead()
		r := w.converts(l, w.crm.active, false)
		w.moves(r, w.crm.lost)
		w.rest()
	}, leadBecame("Closed", "Lost")},
	{"a lead is declined in the portal", leading, func(w *world) {
		l, ref := w.gotLead()
		w.editsLead(l, deal.Notes)
		w.portalCloses(ref, "Declined")
		w.rest()
	}, leadOnly},
	{"a lead is accepted in the portal and stays in the CRM", leading, func(w *world) { _, ref := w.gotLead(); w.portalAccepts(ref); w.rest() }, leadBecame("Active", "Accepted")},
	{"a lead is converted without an opportunity", leading, func(w *world) {
		l, _ := w.gotLead()
		l.converted = true
		w.changeLead(l)
		w.rest()
	}, leadOnly},
	{"a lead is converted without an opportunity while news of it are under way", leading, func(w *world) {
		l, ref := w.gotLead()
		w.portalWrites(ref)
		w.soon(func() bool { return len(w.inflight) > 0 })
		l.converted = true
		w.changeLead(l)
		w.rest()
	}, leadOnly},
	{"a lead is converted while its acceptance is off", leading, func(w *world) {
		l, _ := w.gotLead()
		w.off(reconcile.AcceptLead)
		w.converts(l, w.crm.active, true)
		w.rest()
		w.on()
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a lead is accepted, and edited in the portal at once", leading, func(w *world) {
		l, ref := w.gotLead()
		w.converts(l, w.crm.active, false)
		w.soon(func() bool { return !ref.isLead() })
		w.puts(ref, deal.DealValue, 7000+w.fresh())
		w.portalSaves(ref)
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a lead is declined while its conversion is under way", leading, func(w *world) {
		l, ref := w.gotLead()
		r := w.converts(l, w.crm.active, false)
		w.soon(func() bool { return r.key != "" })
		if ref.isLead() {
			w.portalCloses(ref, "Declined")
		}
		w.rest()
	}, nil},
	{"a lead is deleted and undeleted", leading, func(w *world) {
		l, ref := w.gotLead()
		w.deletesLead(l)
		w.portalWrites(ref)
		w.rest()
		w.undeletesLead(l)
		w.rest()
	}, leadOnly},
	{"a seller pauses a converted lead", leading, func(w *world) {
		l, _ := w.gotLead()
		r := w.converts(l, w.crm.active, false)
		w.rest()
		w.flips(r)
		w.enter(r, deal.DealValue, 5000+w.fresh())
		w.rest()
		w.flips(r)
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"a seller's own lead is converted and shared", leading, func(w *world) {
		l := &crmLead{id: w.id(leadIDs), values: deal.Values{deal.CustomerName: "Own"}, sellers: map[string]bool{}}
		w.addLead(l)
		w.rest()
		r := w.converts(l, w.crm.active, true)
		w.ledger.first(r.id, deal.Notes, nil)
		w.sell(r, "SOL-1")
		w.meet(r, somebody(1))
		w.rest()
	}, leadBecame("Active", "Accepted")},
	{"the database is lost while a lead is there", leading, func(w *world) {
		l, _ := w.gotLead()
		w.loseStore()
		w.settle(time.Second)
		w.converts(l, w.crm.active, false)
		w.rest()
	}, leadBecame("Active", "Accepted")},
}
