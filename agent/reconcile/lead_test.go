package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// leadWorld is one referral that is a lead, a CRM and a store. One effect of the agent, whichever the test names, goes wrong.
type leadWorld struct {
	now       time.Time
	store     *store.Memory
	plan      reconcile.Settings
	tree      map[string]any // of the referral
	etag      int
	leads     []*crm.Lead
	records   map[string]*crm.Record
	accepted  int
	effects   int
	failing   int // which effect; 0: none
	failure   int
	serial    int
	opened    int              // opportunities that the agent created
	referrals int              // referrals that the agent created
	meanwhile func(*leadWorld) // what people do while the agent is down
	broken    []string
}

// How an effect goes wrong: the agent is killed before or after it, or its request or its answer is lost.
const (
	killBefore = iota
	killAfter
	requestLost
	answerLost
	failures
)

var errLeadKill = errors.New("killed")

type leadLost struct{ write bool }

func (e leadLost) Error() string      { return "connection lost" }
func (e leadLost) Ambiguous() bool    { return e.write }
func (leadLost) Class() problem.Class { return problem.Later }

const (
	leadReferral = "8d1c2f6e-0000-4000-8000-000000000001"
	leadsOfferID = "006000000000001"
	leadCustomer = "Fabrikam"
	leadNotes    = "notes of the lead"
)

func newLeadWorld() *leadWorld {
	w := &leadWorld{now: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), records: map[string]*crm.Record{}}
	w.store = store.NewMemory("lead", func() time.Time { return w.now })
	w.plan = reconcile.Settings{Plan: testPlan(), MatchPostalCode: true, CreateAccounts: true, Settle: 5 * time.Second, Lease: time.Minute, Leads: true}
	w.tree = map[string]any{
		"id": leadReferral, "name": "Deal", "status": "New", "substatus": "Pending",
		"customerProfile": map[string]any{
			"name": leadCustomer, "address": map[string]any{"addressLine1": "1 Main St", "city": "Oslo", "postalCode": "0150", "country": "NO"},
			"team": []any{map[string]any{"firstName": "First", "lastName": "Last", "phoneNumber": "1", "email": "first@example.com"}},
		},
		"details": map[string]any{
			"dealValue": 100.0, "currency": "USD", "closingDateTime": "2027-06-30T00:00:00Z", "notes": leadNotes,
			"requirements": map[string]any{"solutions": []any{map[string]any{"id": "SOL-1", "name": "One"}}},
		},
	}
	w.announce(store.ReferralKey(leadReferral))
	return w
}

func (w *leadWorld) announce(key string) {
	w.serial++
	event := store.Event{ID: fmt.Sprint("event", w.serial), Key: key, Priority: store.Live}
	if err := w.store.Enqueue(context.Background(), []store.Event{event}, nil); err != nil {
		panic(err)
	}
}

// do is one effect of the agent.
func (w *leadWorld) do(write bool, apply func() error) error {
	w.effects++
	w.now = w.now.Add(10 * time.Millisecond)
	if w.effects != w.failing {
		return apply()
	}
	if w.failure == killAfter || w.failure == answerLost {
		if err := apply(); err != nil {
			return err
		}
	}
	if w.failure == killBefore || w.failure == killAfter {
		panic(errLeadKill)
	}
	return leadLost{write}
}

// rest lets the agent work until nothing is due.
func (w *leadWorld) rest(t *testing.T) {
	t.Helper()
	engine := reconcile.New(reconcile.Options{
		Store: leadStore{w.store, w}, CRM: leadCRM{w: w}, Leads: leadCRM{w: w}, PartnerCenter: leadCenter{w: w}, Settings: w.plan,
		Now: func() time.Time { return w.now }, Jitter: func() float64 { return 0.5 }, RetryAfter: func(error) time.Duration { return 0 }, Log: hclog.NewNullLogger(),
	})
	ctx := context.Background()
	const longest = 300
	for range longest {
		due, waiting, err := w.store.NextDue(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !waiting {
			return
		}
		if due.After(w.now) {
			w.now = due
		}
		claims, err := w.store.Claim(ctx, 1, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, claim := range claims {
			w.work(t, engine, claim)
		}
	}
	t.Fatalf("the agent did not come to rest")
}

func (w *leadWorld) work(t *testing.T, engine *reconcile.Engine, claim store.Claim) {
	defer func() {
		if killed := recover(); killed != nil {
			if killed != any(errLeadKill) {
				panic(killed)
			}
			w.store.Reopen()
			if w.meanwhile != nil {
				w.meanwhile(w)
			}
		}
	}()
	outcome := engine.Reconcile(context.Background(), claim)
	if outcome == nil {
		return
	}
	if park, parked := outcome.(store.Park); parked {
		t.Errorf("%s needs a person: %s", claim.Key, park.Error)
	}
	if err := w.store.Settle(context.Background(), claim, outcome); err != nil {
		t.Fatal(err)
	}
}

// convert is a seller who converts the lead.
func (w *leadWorld) convert() {
	w.convertUnnoticed()
	w.announce(store.RecordKey(w.leads[0].ID))
}

// convertUnnoticed is a conversion that no event has announced yet.
func (w *leadWorld) convertUnnoticed() {
	w.now = w.now.Add(time.Hour)
	lead := w.leads[0]
	lead.Converted, lead.OpportunityID, lead.ModifiedAt = true, leadsOfferID, w.now.Truncate(time.Second)
	w.records[leadsOfferID] = &crm.Record{ID: leadsOfferID, ModifiedAt: lead.ModifiedAt, AccountID: "001", Fields: map[string]any{
		"Name": leadCustomer + "-", "StageName": "On hold", "Amount": 500.0, "CurrencyIsoCode": "USD", "CloseDate": "2026-12-31", "Account.Name": leadCustomer,
	}}
}

// followed checks that the lead holds the news.
func (w *leadWorld) followed() {
	if held, said := w.leads[0].Values[deal.Notes], w.tree["details"].(map[string]any)["notes"]; held != said {
		w.broken = append(w.broken, fmt.Sprintf("the lead holds %q, the referral %q", held, said))
	}
}

// tick is a seller who ticks Sync on the lead's opportunity before the agent has done anything about it.
func (w *leadWorld) tick() {
	w.records[leadsOfferID].Sync = true
	w.announce(store.RecordKey(leadsOfferID))
}

// edit is Microsoft, who edits the notes.
func (w *leadWorld) edit() {
	w.now = w.now.Add(time.Hour)
	w.tree["details"].(map[string]any)["notes"] = fmt.Sprint("news ", w.etag)
	w.etag++
	w.announce(store.ReferralKey(leadReferral))
}

// accept is a colleague who accepts in the portal.
func (w *leadWorld) accept() {
	w.tree["status"], w.tree["substatus"] = "Active", "Accepted"
	w.etag++
	w.accepted++
	w.announce(store.ReferralKey(leadReferral))
}

// Whatever effect goes wrong in whichever way, a lead is created once, accepted once, and ends as one deal with one opportunity, equal
// on both sides.
func TestLeadSurvivesEveryFailure(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]func(*leadWorld){
		"converted":                  {(*leadWorld).edit, (*leadWorld).convert},
		"converted, and Sync ticked": {func(w *leadWorld) { w.convert(); w.tick() }},
		"Sync ticked before the conversion was noticed": {func(w *leadWorld) { w.convertUnnoticed(); w.tick() }},
		"edited once more while the agent was down":     {func(w *leadWorld) { w.edit(); w.meanwhile = (*leadWorld).edit }, (*leadWorld).followed, (*leadWorld).convert},
		"accepted in the portal":                        {(*leadWorld).accept},
		"converted and accepted at a time":              {func(w *leadWorld) { w.convert(); w.accept() }},
		"edited, converted and then edited":             {func(w *leadWorld) { w.edit(); w.convert() }, (*leadWorld).edit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play := func(failing, failure int) int {
				w := newLeadWorld()
				w.failing, w.failure = failing, failure
				w.rest(t)
				if len(w.leads) != 1 {
					t.Fatalf("effect %d, failure %d: %d leads", failing, failure, len(w.leads))
				}
				for _, step := range steps {
					step(w)
					w.rest(t)
				}
				for _, fault := range w.faults() {
					t.Errorf("effect %d, failure %d: %s", failing, failure, fault)
				}
				return w.effects
			}
			effects := play(0, 0)
			for failing := 1; failing <= effects && !t.Failed(); failing++ {
				for failure := range failures {
					play(failing, failure)
				}
			}
			t.Logf("%d effects", effects)
		})
	}
}

// faults tells what is not as it must be in the end.
func (w *leadWorld) faults() []string {
	faults := w.broken
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	check(len(w.leads) == 1 && len(w.records) == 1, "%d leads, %d opportunities", len(w.leads), len(w.records))
	check(w.accepted == 1 && w.tree["status"] == "Active", "accepted %d times, %v", w.accepted, w.tree["status"])
	check(w.referrals == 0, "%d referrals were created", w.referrals)
	deal, _ := w.store.Load(context.Background(), store.ReferralKey(leadReferral))
	for id, record := range w.records {
		check(record.Key == leadReferral && record.Sync, "the opportunity's key is %q, Sync %v", record.Key, record.Sync)
		check(deal.Link.CRMID == id && len(deal.Intents) == 0 && len(deal.Pending) == 0, "link %+v, %d intents, %d attempts", deal.Link, len(deal.Intents), len(deal.Pending))
		details := w.tree["details"].(map[string]any)
		check(record.Fields["StageName"] == "Qualification", "the stage is %v", record.Fields["StageName"])
		check(fmt.Sprint(record.Fields["Amount"]) == fmt.Sprint(details["dealValue"]), "the value is %v and %v", record.Fields["Amount"], details["dealValue"])
		check(record.Fields["Description"] == details["notes"], "the notes are %v and %v", record.Fields["Description"], details["notes"])
		check(strings.HasPrefix(fmt.Sprint(details["closingDateTime"]), fmt.Sprint(record.Fields["CloseDate"])), "closes %v and %v", record.Fields["CloseDate"], details["closingDateTime"])
		check(len(record.Solutions) == 1, "%d solutions", len(record.Solutions))
		key, _, _ := w.store.Lookup(context.Background(), store.RecordKey(id))
		check(key == deal.Key, "the opportunity is deal %s, the referral deal %s", key, deal.Key)
	}
	return faults
}

// A seller who pauses the opportunity of a converted lead before the agent has sent anything is heard: nothing is accepted, and Sync is
// not ticked again, until the seller does.
func TestPausedConversionIsLeft(t *testing.T) {
	t.Parallel()
	w := newLeadWorld()
	w.rest(t)
	w.convert()
	w.records[leadsOfferID].Key = leadReferral // claimed by an earlier run
	w.rest(t)
	if w.accepted != 0 || w.records[leadsOfferID].Sync {
		t.Errorf("accepted %d times, Sync is %v", w.accepted, w.records[leadsOfferID].Sync)
	}
	w.tick()
	w.rest(t)
	if w.accepted != 1 {
		t.Errorf("accepted %d times", w.accepted)
	}
}

type leadStore struct {
	store.Deals
	w *leadWorld
}

func (s leadStore) Record(ctx context.Context, claim store.Claim, change store.Change) error {
	if s.w.effects+1 == s.w.failing && s.w.failure >= requestLost { // a database answers, or the agent dies with it
		return s.Deals.Record(ctx, claim, change)
	}
	return s.w.do(true, func() error { return s.Deals.Record(ctx, claim, change) })
}

type leadCRM struct {
	crm.CRM
	w *leadWorld
}

func (c leadCRM) Known(id string) bool  { return len(id) == len(leadsOfferID) }
func (c leadCRM) IsLead(id string) bool { return strings.HasPrefix(id, "00Q") }

func (c leadCRM) FitLead(values deal.Values) deal.Values { return values }

func (c leadCRM) leadWhere(fits func(*crm.Lead) bool) (out crm.Lead, found bool, err error) {
	return out, found, c.w.do(false, func() error {
		for _, lead := range c.w.leads {
			if fits(lead) {
				out, found = *lead, true
				out.Values, out.Version = lead.Values.Clone(), lead.ModifiedAt.Format(time.RFC3339)
			}
		}
		return nil
	})
}

func (c leadCRM) ReadLead(_ context.Context, id string) (crm.Lead, error) {
	lead, found, err := c.leadWhere(func(l *crm.Lead) bool { return l.ID == id })
	if err == nil && !found {
		err = crm.ErrNotFound
	}
	return lead, err
}

func (c leadCRM) FindLead(_ context.Context, referralID string) (string, bool, error) {
	lead, found, err := c.leadWhere(func(l *crm.Lead) bool { return l.Key == referralID })
	return lead.ID, found, err
}

func (c leadCRM) FindConverted(_ context.Context, opportunityID string) (crm.Lead, bool, error) {
	return c.leadWhere(func(l *crm.Lead) bool { return l.OpportunityID == opportunityID })
}

func (c leadCRM) EncodeLead(_ string, values deal.Values) ([]byte, error) {
	return json.Marshal(values)
}

func (c leadCRM) EncodeLeadUpdate(values deal.Values) ([]byte, error) { return json.Marshal(values) }

func (c leadCRM) CreateLead(_ context.Context, payload []byte) (id string, err error) {
	return id, c.w.do(true, func() error {
		if len(c.w.leads) > 0 {
			return crm.ErrExists
		}
		lead := &crm.Lead{ID: "00Q000000000001", Key: leadReferral, ModifiedAt: c.w.now.Truncate(time.Second)}
		c.w.leads, id = append(c.w.leads, lead), lead.ID
		c.w.announce(store.RecordKey(id))
		return json.Unmarshal(payload, &lead.Values)
	})
}

func (c leadCRM) UpdateLead(_ context.Context, id, version string, payload []byte) error {
	return c.w.do(true, func() error {
		lead := c.w.leads[0]
		if lead.Converted || lead.ModifiedAt.Format(time.RFC3339) != version {
			return crm.ErrChanged
		}
		lead.ModifiedAt = c.w.now.Truncate(time.Second)
		c.w.announce(store.RecordKey(id))
		return json.Unmarshal(payload, &lead.Values)
	})
}

func (c leadCRM) Read(_ context.Context, id string) (out crm.Record, err error) {
	return out, c.w.do(false, func() error {
		record, found := c.w.records[id]
		if !found {
			return crm.ErrNotFound
		}
		out = *record
		out.Fields, out.Version = maps.Clone(record.Fields), record.ModifiedAt.Format(time.RFC3339)
		out.ReferralID, _ = record.Fields["Referral_Identifier__c"].(string)
		return nil
	})
}

func (c leadCRM) FindByReferral(_ context.Context, referralID string) (id string, found bool, err error) {
	return id, found, c.w.do(false, func() error {
		for of, record := range c.w.records {
			if record.Key == referralID {
				id, found = of, true
			}
		}
		return nil
	})
}

func (c leadCRM) FindDeleted(context.Context, string, time.Time) (id string, found bool, err error) {
	return "", false, c.w.do(false, func() error { return nil })
}

func (c leadCRM) FindDeletedLead(context.Context, string, time.Time) (id string, found bool, err error) {
	return "", false, c.w.do(false, func() error { return nil })
}

func (c leadCRM) FindAccounts(context.Context, match.Customer) (match.Found, error) {
	return match.Found{}, nil
}

func (c leadCRM) Catalogue(_ context.Context, solutions []deal.Solution) (list []crm.NewSolution, _ error) {
	for _, s := range solutions {
		list = append(list, crm.NewSolution{Solution: s})
	}
	return list, nil
}

func (c leadCRM) Contacts(_ context.Context, _ string, people []deal.Person) (list []crm.NewContact, _ error) {
	for _, p := range people {
		list = append(list, crm.NewContact{Person: p})
	}
	return list, nil
}

func (c leadCRM) Owner(context.Context, []deal.Person) (string, error) { return "", nil }

func (c leadCRM) EncodeCreate(record crm.NewRecord) ([]byte, error) { return json.Marshal(record) }

func (c leadCRM) Create(_ context.Context, payload []byte) (id string, err error) {
	return id, c.w.do(true, func() error {
		var n crm.NewRecord
		if err := json.Unmarshal(payload, &n); err != nil {
			return err
		}
		for _, record := range c.w.records {
			if record.Key == n.ReferralID {
				return crm.ErrExists
			}
		}
		c.w.opened++
		id = fmt.Sprintf("00600000000010%d", c.w.opened)
		record := &crm.Record{ID: id, Key: n.ReferralID, Fields: n.Fields, Sync: true, AccountID: "001", Audit: n.Audit, SyncStatus: n.SyncStatus}
		record.Fields["Account.Name"] = leadCustomer
		c.w.change(record, n.Solutions, n.Contacts)
		return nil
	})
}

// change notes the rows that a write adds to an opportunity, and that it changed.
func (w *leadWorld) change(record *crm.Record, sold []crm.NewSolution, met []crm.NewContact) {
	for _, s := range sold {
		record.Solutions = append(record.Solutions, crm.SolutionRow{Solution: s.Solution})
	}
	for _, m := range met {
		record.Contacts = append(record.Contacts, crm.ContactRow{Person: m.Person})
	}
	record.ModifiedAt = w.now.Truncate(time.Second)
	w.records[record.ID] = record
	w.announce(store.RecordKey(record.ID))
}

func (c leadCRM) EncodeUpdate(changes crm.Changes) ([]byte, error) { return json.Marshal(changes) }

func (c leadCRM) Update(_ context.Context, id, version string, payload []byte) error {
	return c.w.do(true, func() error {
		var u crm.Changes
		if err := json.Unmarshal(payload, &u); err != nil {
			return err
		}
		record := c.w.records[id]
		if record.ModifiedAt.Format(time.RFC3339) != version {
			return crm.ErrChanged
		}
		maps.Copy(record.Fields, u.Fields)
		if u.Book.Key != nil {
			record.Key = *u.Book.Key
		}
		if u.Book.Audit != nil {
			record.Audit = *u.Book.Audit
		}
		if u.Book.SyncStatus != nil {
			record.SyncStatus = *u.Book.SyncStatus
		}
		record.Sync = record.Sync || u.Book.Share
		c.w.change(record, u.Add, u.AddContacts)
		return nil
	})
}

type leadCenter struct {
	referral.API
	w *leadWorld
}

func (c leadCenter) view() (out referral.Referral) {
	encoded, err := json.Marshal(c.w.tree)
	if err != nil {
		panic(err)
	}
	reference, _ := c.w.tree["externalReferenceId"].(string)
	out = referral.Referral{ID: leadReferral, ETag: fmt.Sprint(c.w.etag), Name: "Deal", Lead: c.w.tree["status"] == "New", ExternalReference: reference}
	if err := json.Unmarshal(encoded, &out.Tree); err != nil {
		panic(err)
	}
	return out
}

func (c leadCenter) Get(context.Context, string) (out referral.Referral, err error) {
	return out, c.w.do(false, func() error { out = c.view(); return nil })
}

func (c leadCenter) Create(context.Context, []byte) (referral.Referral, error) {
	c.w.referrals++
	return referral.Referral{}, leadLost{}
}

func (c leadCenter) Patch(_ context.Context, _, etag string, patch []byte) (out referral.Referral, err error) {
	return out, c.w.do(true, func() error {
		if etag != fmt.Sprint(c.w.etag) {
			return referral.ErrChanged
		}
		var ops []struct {
			Path  string
			Value any
		}
		if err := json.Unmarshal(patch, &ops); err != nil {
			return err
		}
		for _, op := range ops {
			if op.Path == "/status" && op.Value == "Active" {
				c.w.accepted++
			}
			node, steps := c.w.tree, strings.Split(strings.TrimPrefix(op.Path, "/"), "/")
			for _, step := range steps[:len(steps)-1] {
				node = node[step].(map[string]any)
			}
			node[steps[len(steps)-1]] = op.Value
		}
		c.w.etag++
		c.w.announce(store.ReferralKey(leadReferral))
		out = c.view()
		return nil
	})
}
