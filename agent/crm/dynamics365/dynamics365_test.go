package dynamics365_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	sandbox "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
)

const referral = "0A1B2C3D-0000-4000-8000-000000000001"

// received is an opportunity as the engine makes it of a referral.
func received() crm.NewRecord {
	return crm.NewRecord{
		ReferralID: referral,
		Fields: map[string]any{
			"name": "✔ Contoso migration", "estimatedvalue": json.Number("12500.5"), "transactioncurrencyid": "USD", "estimatedclosedate": "2027-03-31",
			"description": "First line\nsecond", "statuscode": "On Hold", "cosell_HowCanMicrosoftHelp": "General or other", "cosell_ReferralVisibility": true,
		},
		Account: map[string]any{"name": "Contoso", "address1_postalcode": "80331", "address1_country": "DE", "address1_city": "München"},
		Solutions: []crm.NewSolution{
			{Solution: deal.Solution{ID: "SOL-1", Name: "First"}}, {Solution: deal.Solution{ID: "SOL-2", Name: "Second"}},
		},
		Contacts: []crm.NewContact{
			{Person: deal.Person{FirstName: "Ada", LastName: "Byron", Phone: "+1 1", Email: "ada@contoso.example"}, Primary: true},
			{Person: deal.Person{FirstName: "Bo", LastName: "Li", Phone: "+1 2", Email: "bo@contoso.example"}},
		},
		SyncStatus: "In sync", Audit: "received",
	}
}

func (w *world) create(record crm.NewRecord) string {
	w.Helper()
	payload, err := w.env.EncodeCreate(record)
	w.must(err)
	id, err := w.env.Create(w.Context(), payload)
	w.must(err)
	return id
}

func (w *world) read(id string) crm.Record {
	w.Helper()
	record, err := w.env.Read(w.Context(), id)
	w.must(err)
	return record
}

func (w *world) update(record crm.Record, changes crm.Changes) error {
	w.Helper()
	payload, err := w.env.EncodeUpdate(changes)
	w.must(err)
	return w.env.Update(w.Context(), record.ID, record.Version, payload)
}

// An opportunity is created with its account, contacts and solutions in one call, and read in one, as the mapping names its fields.
func TestCreateAndRead(t *testing.T) {
	w := newWorld(t)
	w.open()
	before := w.calls.Load()
	id := w.create(received())
	if calls := w.calls.Load() - before; calls != 1 {
		t.Errorf("the create took %d calls", calls)
	}
	before = w.calls.Load()
	got := w.read(id)
	if calls := w.calls.Load() - before; calls != 1 {
		t.Errorf("the read took %d calls", calls)
	}
	if got.ID != id || !got.Sync || got.Key != strings.ToLower(referral) || got.ReferralID != referral || got.SyncStatus != "In sync" || got.Audit != "received" || got.AccountID == "" {
		t.Errorf("read %+v", got)
	}
	want := received().Fields
	want["Account.name"], want["Account.address1_postalcode"], want["Account.address1_country"], want["Account.address1_city"] = "Contoso", "80331", "DE", "München"
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields (-want +got)\n%s", diff)
	}
	sold := got.Sold()
	slices.SortFunc(sold, func(a, b deal.Solution) int { return strings.Compare(a.ID, b.ID) })
	if diff := cmp.Diff([]deal.Solution{{ID: "SOL-1", Name: "First"}, {ID: "SOL-2", Name: "Second"}}, sold); diff != "" {
		t.Errorf("solutions (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]deal.Person{received().Contacts[0].Person, received().Contacts[1].Person}, got.People()); diff != "" {
		t.Errorf("contacts (-want +got)\n%s", diff)
	}
	if found, ok, err := w.env.FindByReferral(t.Context(), referral); found != id || !ok || err != nil {
		t.Errorf("the referral leads to %q, %v, %v", found, ok, err)
	}
}

// The same create again changes nothing and says that the record exists, also when a person has edited it meanwhile; and nothing of
// it stays behind.
func TestCreateOnce(t *testing.T) {
	w := newWorld(t)
	w.open()
	id := w.create(received())
	w.edit("opportunities", id, map[string]any{"description": "mine"})
	payload, err := w.env.EncodeCreate(received())
	w.must(err)
	again, err := w.env.EncodeCreate(received())
	w.must(err)
	if string(payload) != string(again) {
		t.Error("one record is encoded in two ways")
	}
	if _, err := w.env.Create(t.Context(), payload); !errors.Is(err, crm.ErrExists) {
		t.Errorf("the second create gives %v", err)
	}
	if got := w.look("opportunities", id)["description"]; got != "mine" {
		t.Errorf("the second create wrote %q over a person's text", got)
	}
	if accounts, solutions := w.count("accounts", "name eq 'Contoso'"), w.count("cosell_microsoftsolutions", ""); accounts != 1 || solutions != 2 {
		t.Errorf("there are %d accounts and %d solutions", accounts, solutions)
	}
}

// An update writes fields, bookkeeping, solutions and contacts in one call, all or none, and only on the version that was read.
func TestUpdate(t *testing.T) {
	w := newWorld(t)
	w.open()
	record := w.read(w.create(received()))
	status, audit := "Needs attention", strings.Repeat("a long line\n", 100)
	changes := crm.Changes{
		Fields: map[string]any{"description": "changed", "estimatedvalue": json.Number("99"), "cosell_HowCanMicrosoftHelp": "Quotes or licensing", "statuscode": "In Progress"},
		Book:   crm.Bookkeeping{SyncStatus: &status, Audit: &audit},
		Add:    []crm.NewSolution{{Solution: deal.Solution{ID: "SOL-3", Name: "Third"}}}, Remove: []string{record.Solutions[0].RowID},
		AddContacts:    []crm.NewContact{{Person: deal.Person{FirstName: "Cy", LastName: "Fox", Phone: "+1 3", Email: "cy@contoso.example"}}},
		RemoveContacts: []string{record.Contacts[1].RowID}, AccountID: record.AccountID,
	}
	before := w.calls.Load()
	w.must(w.update(record, changes))
	if calls := w.calls.Load() - before; calls != 1 {
		t.Errorf("the update took %d calls", calls)
	}
	got := w.read(record.ID)
	if got.Fields["description"] != "changed" || got.Fields["estimatedvalue"] != json.Number("99") || got.Fields["cosell_HowCanMicrosoftHelp"] != "Quotes or licensing" ||
		got.Fields["statuscode"] != "In Progress" || got.SyncStatus != status || !strings.HasPrefix(audit, got.Audit) || len(got.Audit) > 1000 || got.Fields["name"] != record.Fields["name"] {
		t.Errorf("read %+v", got)
	}
	var sold, people []string
	for _, s := range got.Solutions {
		sold = append(sold, s.ID)
	}
	for _, p := range got.Contacts {
		people = append(people, p.Email)
	}
	if diff := cmp.Diff([]string{"ada@contoso.example", "cy@contoso.example"}, people); diff != "" || len(sold) != 2 {
		t.Errorf("solutions %v, contacts (-want +got)\n%s", sold, diff)
	}
	for name, stale := range map[string]crm.Changes{
		"one row": {Fields: map[string]any{"description": "stale"}}, "with rows": {Fields: map[string]any{"description": "stale"}, Add: changes.Add},
		"a closing": {Fields: map[string]any{"statuscode": "Won"}},
	} {
		if err := w.update(record, stale); !errors.Is(err, crm.ErrChanged) {
			t.Errorf("%s on an old version gives %v", name, err)
		}
	}
	if after := w.read(record.ID); after.Version != got.Version || len(after.Solutions) != 2 {
		t.Errorf("an update of an old version changed %+v", after)
	}
	w.must(w.admin.Delete(t.Context(), "opportunities("+record.ID+")", ""))
	if err := w.update(got, crm.Changes{Fields: map[string]any{"description": "late"}}); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("an update of a deleted record gives %v", err)
	}
	if _, err := w.env.Read(t.Context(), record.ID); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("a deleted record is read: %v", err)
	}
}

// Stages are reached as the CRM wants it: a win and a loss by their actions, after the fields were written, and another end, or an open
// stage, by way of reopening.
func TestStages(t *testing.T) {
	w := newWorld(t)
	w.open()
	record := w.read(w.create(received()))
	for i, to := range []string{"In Progress", "Won", "Canceled", "On Hold", "Out-Sold", "In Progress", "On Hold", "Won"} {
		text := strings.Repeat("x", i+1)
		if err := w.update(record, crm.Changes{Fields: map[string]any{"statuscode": to, "description": text}}); err != nil {
			t.Fatalf("to %s: %v", to, err)
		}
		record = w.read(record.ID)
		if record.Fields["statuscode"] != to || record.Fields["description"] != text {
			t.Errorf("after %s the record holds %v, %v", to, record.Fields["statuscode"], record.Fields["description"])
		}
	}
	if closings := w.count("opportunitycloses", ""); closings != 4 {
		t.Errorf("%d closing activities stand for 4 endings", closings)
	}
}

// What a closed opportunity refuses is told to a person, and what was closed by somebody meanwhile is read again.
func TestClosed(t *testing.T) {
	w := newWorld(t)
	w.open()
	open := w.read(w.create(received()))
	w.must(w.update(open, crm.Changes{Fields: map[string]any{"statuscode": "Won"}}))
	closed := w.read(open.ID)
	if err := w.update(closed, crm.Changes{Fields: map[string]any{"description": "late"}}); err != nil && !errors.Is(err, problem.New(problem.OpportunityClosed, "", "")) {
		t.Errorf("a change of a closed opportunity gives %v", err)
	}
	if err := w.update(open, crm.Changes{Fields: map[string]any{"statuscode": "Won"}}); !errors.Is(err, crm.ErrChanged) {
		t.Errorf("a second end gives %v", err)
	}
}

// A currency that the environment lacks needs a person, and is found once it was added.
func TestCurrency(t *testing.T) {
	w := newWorld(t)
	w.open()
	record := received()
	record.Fields["transactioncurrencyid"] = "NOK"
	if _, err := w.env.EncodeCreate(record); !errors.Is(err, problem.New(problem.CurrencyUnknown, "", "")) {
		t.Fatalf("an unknown currency gives %v", err)
	}
	w.row("transactioncurrencies", map[string]any{"isocurrencycode": "NOK", "currencyname": "Krone", "currencysymbol": "kr", "exchangerate": 10, "currencyprecision": 2})
	if _, err := w.env.Read(t.Context(), "00000000-0000-4000-8000-000000000000"); !errors.Is(err, crm.ErrNotFound) {
		t.Fatal(err)
	}
	if got := w.read(w.create(record)).Fields["transactioncurrencyid"]; got != "NOK" {
		t.Errorf("the currency is %v", got)
	}
}

// Accounts are found by name and by postal code, owners by e-mail address, contacts at the account first.
func TestLookups(t *testing.T) {
	w := newWorld(t)
	w.open()
	exact := w.row("accounts", map[string]any{"name": "Müller Bau GmbH", "address1_postalcode": "80331", "address1_country": "Germany"})
	near := w.row("accounts", map[string]any{"name": "Mueller Bau", "address1_postalcode": "10115"})
	place := w.row("accounts", map[string]any{"name": "Bäckerei", "address1_postalcode": "D-80331"})
	w.row("accounts", map[string]any{"name": "Fabrikam", "address1_postalcode": "99999"})
	found, err := w.env.FindAccounts(t.Context(), match.Customer{Name: "Müller Bau GmbH", PostalCode: "80331", Country: "DE"})
	w.must(err)
	ids := map[string]match.Account{}
	for _, a := range found.Accounts {
		ids[a.ID] = a
	}
	if _, ok := ids[near]; len(ids) != 3 || !ok || ids[exact].Country != "DE" || ids[place].PostalCode != "D-80331" {
		t.Errorf("found %v", found.Accounts)
	}
	w.row("contacts", map[string]any{"firstname": "Eva", "lastname": "Elsewhere", "emailaddress1": "eva@example.com", "telephone1": "1"})
	here := w.row("contacts", map[string]any{"lastname": "Here", "emailaddress1": "EVA@example.com", "parentcustomerid_account@odata.bind": "/accounts(" + exact + ")"})
	contacts, err := w.env.Contacts(t.Context(), exact, []deal.Person{{FirstName: "Eva", LastName: "Here", Phone: "2", Email: "eva@example.com"}})
	w.must(err)
	if contacts[0].ContactID != here || !contacts[0].Lacks {
		t.Errorf("the contact is %+v", contacts[0])
	}
	unit, err := w.admin.WhoAmI(t.Context())
	w.must(err)
	user := w.row("systemusers", map[string]any{
		"firstname": "Olga", "lastname": "Owner", "internalemailaddress": "olga@partner.example", "domainname": "olga@partner.example", "accessmode": 0,
		"businessunitid@odata.bind": "/businessunits(" + unit.BusinessUnitID + ")",
	})
	owner, err := w.env.Owner(t.Context(), []deal.Person{{Email: "nobody@partner.example"}, {Email: "OLGA@partner.example"}})
	if err != nil || owner != user {
		t.Errorf("the owner is %q, %v", owner, err)
	}
	if fallback := w.open(func(n *adapter.Names) { n.FallbackOwner = "olga@partner.example" }); fallback.FallbackOwner() != user {
		t.Errorf("the fallback owner is %q", fallback.FallbackOwner())
	}
	if _, err := adapter.Open(t.Context(), w.agent, func() adapter.Names { n := names; n.FallbackOwner = "nobody"; return n }()); !errors.Is(err, problem.New(problem.UserMissing, "", "")) {
		t.Errorf("an unknown fallback owner gives %v", err)
	}
}

// poll gives the deals that the feed names in a state that it has not named yet, as the store does.
func (w *world) poll(position string) (map[string]bool, string) {
	w.Helper()
	hits, next, err := w.env.Changes(w.Context(), position)
	w.must(err)
	ids := map[string]bool{}
	for _, hit := range hits {
		state := hit.ID + " " + hit.Version
		if !w.seen[state] {
			ids[hit.ID] = true
		}
		w.seen[state] = true
	}
	return ids, next
}

// The feed names a deal whose record, solutions or contacts changed, and whose solution was removed, also by somebody who did so while
// the agent was down. A token that expired is replaced by reading everything.
func TestChanges(t *testing.T) {
	w := newWorld(t)
	w.open()
	id := w.create(received())
	other := received()
	other.ReferralID, other.Contacts = "0a1b2c3d-0000-4000-8000-000000000002", nil
	second := w.create(other)
	w.row("opportunities", map[string]any{"name": "private"})
	ids, position := w.poll("")
	if diff := cmp.Diff(map[string]bool{id: true, second: true}, ids); diff != "" {
		t.Errorf("the first poll (-want +got)\n%s", diff)
	}
	_, position = w.poll(position) // looks at the contacts from the first poll on
	if ids, _ := w.poll(position); len(ids) != 0 {
		t.Errorf("nothing changed, but %v did", ids)
	}
	solution := w.read(id).Solutions[0].RowID
	contact := w.count("contacts", "emailaddress1 eq 'ada@contoso.example'")
	if contact == 0 {
		t.Fatal("there is no contact")
	}
	changed := func(name string, do func(), want ...string) {
		t.Helper()
		w.wait(time.Minute)
		do()
		ids, next := w.poll(position)
		expected := map[string]bool{}
		for _, id := range want {
			expected[id] = true
		}
		if diff := cmp.Diff(expected, ids); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		position = next
	}
	changed("an edit", func() { w.edit("opportunities", id, map[string]any{"description": "new"}) }, id)
	changed("a removed solution", func() { w.must(w.admin.Delete(t.Context(), "cosell_microsoftsolutions("+solution+")", "")) }, id)
	changed("a removed solution while the agent was down", func() {
		w.must(w.admin.Delete(t.Context(), "cosell_microsoftsolutions("+w.read(id).Solutions[0].RowID+")", ""))
		w.open()
	}, id, second)
	contacts, err := w.env.Contacts(t.Context(), "", []deal.Person{{Email: "bo@contoso.example"}})
	w.must(err)
	changed("a contact", func() { w.edit("contacts", contacts[0].ContactID, map[string]any{"telephone1": "+1 22"}) }, id)
	changed("a deletion", func() { w.must(w.admin.Delete(t.Context(), "opportunities("+second+")", "")) }, second)
	w.wait(30 * 24 * time.Hour)
	w.edit("opportunities", id, map[string]any{"description": "late"})
	if ids, _ := w.poll(position); !ids[id] {
		t.Errorf("after the token expired the poll gives %v", ids)
	}
}

// A lead is created once, read, changed on the version that was read, and leads to the opportunity that it became.
func TestLeads(t *testing.T) {
	w := newWorld(t)
	w.open()
	values := w.env.FitLead(deal.Values{
		deal.CustomerName: "Contoso", deal.LeadLastName: "Byron", deal.LeadFirstName: "Ada", deal.LeadEmail: "no address", deal.Notes: "A note", deal.ReferralID: referral,
	})
	payload, err := w.env.EncodeLead(referral, values)
	w.must(err)
	id, err := w.env.CreateLead(t.Context(), payload)
	w.must(err)
	if _, err := w.env.CreateLead(t.Context(), payload); !errors.Is(err, crm.ErrExists) {
		t.Errorf("the second create gives %v", err)
	}
	lead, err := w.env.ReadLead(t.Context(), id)
	w.must(err)
	if diff := cmp.Diff(values, lead.Values); diff != "" || lead.Converted || !w.env.IsLead(id) || !w.env.Known(id) || lead.Key != strings.ToLower(referral) {
		t.Errorf("read %+v (-want +got)\n%s", lead, diff)
	}
	if found, ok, err := w.env.FindLead(t.Context(), referral); found != id || !ok || err != nil {
		t.Errorf("the referral leads to %q, %v, %v", found, ok, err)
	}
	payload, err = w.env.EncodeLeadUpdate(deal.Values{deal.Notes: "", deal.LeadPhone: "+1 5"})
	w.must(err)
	w.must(w.env.UpdateLead(t.Context(), id, lead.Version, payload))
	if err := w.env.UpdateLead(t.Context(), id, lead.Version, payload); !errors.Is(err, crm.ErrChanged) {
		t.Errorf("an update of an old version gives %v", err)
	}
	feed := w.env.LeadFeed()
	hits, position, err := feed.Changes(t.Context(), "")
	if err != nil || len(hits) != 1 || hits[0].ID != id {
		t.Errorf("the feed gives %v, %v", hits, err)
	}
	if _, err := w.admin.QualifyLead(t.Context(), strings.TrimPrefix(id, adapter.LeadPrefix), qualified); err != nil {
		t.Fatal(err)
	}
	if hits, _, err := feed.Changes(t.Context(), position); err != nil || len(hits) != 1 {
		t.Errorf("after the lead was qualified the feed gives %v, %v", hits, err)
	}
	lead, err = w.env.ReadLead(t.Context(), id)
	if err != nil || !lead.Converted || lead.OpportunityID == "" {
		t.Fatalf("the qualified lead is %+v, %v", lead, err)
	}
	if found, ok, err := w.env.FindConverted(t.Context(), lead.OpportunityID); err != nil || !ok || found.ID != id {
		t.Errorf("the opportunity leads to %+v, %v, %v", found, ok, err)
	}
	if err := w.env.UpdateLead(t.Context(), id, lead.Version, payload); !errors.Is(err, crm.ErrChanged) {
		t.Errorf("an update of a qualified lead gives %v", err)
	}
}

// The adapter works under every setting of what the references leave open.
func TestSwitches(t *testing.T) {
	for _, s := range sandbox.Switches() {
		for _, value := range s.Values {
			t.Run(s.ID+"="+value, func(t *testing.T) {
				w := newWorld(t)
				w.must(w.kit.Switches.Set(s.ID, value))
				w.wait(time.Minute) // new columns are known everywhere by then
				w.open()
				id := w.create(received())
				if again, err := w.env.EncodeCreate(received()); err != nil {
					t.Fatal(err)
				} else if _, err := w.env.Create(t.Context(), again); !errors.Is(err, crm.ErrExists) {
					t.Errorf("the second create gives %v", err)
				}
				_, position := w.poll("")
				record := w.read(id)
				w.must(w.update(record, crm.Changes{
					Fields: map[string]any{"statuscode": "Canceled", "description": "lost"}, Remove: []string{record.Solutions[0].RowID},
					Add: []crm.NewSolution{{Solution: deal.Solution{ID: "SOL-9"}}},
				}))
				if err := w.update(record, crm.Changes{Fields: map[string]any{"description": "stale"}}); !errors.Is(err, crm.ErrChanged) {
					t.Errorf("an update of an old version gives %v", err)
				}
				closed := w.read(id)
				if closed.Fields["statuscode"] != "Canceled" || closed.Fields["description"] != "lost" || len(closed.Solutions) != 2 {
					t.Errorf("read %+v", closed)
				}
				w.must(w.update(closed, crm.Changes{Fields: map[string]any{"statuscode": "On Hold", "name": "again"}}))
				if ids, _ := w.poll(position); !ids[id] {
					t.Errorf("the feed gives %v", ids)
				}
				w.wait(60 * 24 * time.Hour)
				w.edit("opportunities", id, map[string]any{"description": "late"})
				if ids, _ := w.poll(position); !ids[id] {
					t.Errorf("with an old position the feed gives %v", ids)
				}
			})
		}
	}
}
