package dynamics365_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// together runs a task many times at once and gives how many calls it took. No call leaves before all have begun, so that what waits
// travels together.
func (w *world) together(n int, task func(i int)) int32 {
	w.Helper()
	var begun, ended sync.WaitGroup
	begun.Add(n)
	w.env.Gather(begun.Wait)
	before := w.calls.Load()
	for i := range n {
		ended.Go(func() {
			begun.Done()
			task(i)
		})
	}
	ended.Wait()
	return w.calls.Load() - before
}

// sent is the i-th of many opportunities, with its own account and contacts.
func sent(i int) crm.NewRecord {
	record := received()
	record.ReferralID = fmt.Sprintf("0A1B2C3D-0000-4000-8000-%012d", i)
	record.Fields["name"] = fmt.Sprint("Deal ", i)
	record.Account = map[string]any{"name": fmt.Sprint("Customer ", i)}
	record.Contacts = []crm.NewContact{
		{Person: deal.Person{FirstName: "A", LastName: fmt.Sprint("First ", i), Email: fmt.Sprintf("a%d@customer.example", i)}, Primary: true},
		{Person: deal.Person{FirstName: "B", LastName: fmt.Sprint("Second ", i), Email: fmt.Sprintf("b%d@customer.example", i)}},
	}
	return record
}

// buyers are the contacts of the i-th of many.
func buyers(i int) []deal.Person {
	var people []deal.Person
	for _, contact := range sent(i).Contacts {
		people = append(people, contact.Person)
	}
	return people
}

const deals = 50

// fifty creates as many opportunities at once and gives their ids by number.
func (w *world) fifty() []string {
	w.Helper()
	ids := make([]string, deals)
	w.together(deals, func(i int) {
		payload, err := w.env.EncodeCreate(sent(i))
		if err == nil {
			ids[i], err = w.env.Create(w.Context(), payload)
		}
		if err != nil {
			w.Errorf("create %d: %v", i, err)
		}
	})
	return ids
}

// Opportunities that are created at once share calls, and each has its own account, contacts and solutions. One that exists already, and
// one that the environment refuses, fail alone and leave nothing behind.
func TestCreatesShareCalls(t *testing.T) {
	w := newWorld(t)
	w.open()
	existing := w.create(sent(7))
	calls := w.together(deals, func(i int) {
		record := sent(i)
		if i == 9 {
			record.Account["name"] = "Customer 9 never"
			record.Solutions = []crm.NewSolution{{Solution: deal.Solution{ID: "SOL-X"}, CatalogueID: "00000000-0000-4000-8000-000000000bad"}}
		}
		payload, err := w.env.EncodeCreate(record)
		if err == nil {
			_, err = w.env.Create(t.Context(), payload)
		}
		switch {
		case i == 7 && !errors.Is(err, crm.ErrExists):
			t.Errorf("what exists already: %v", err)
		case i == 9 && (err == nil || wire.IsAmbiguous(err)):
			t.Errorf("what cannot be created: %v", err)
		case i != 7 && i != 9 && err != nil:
			t.Errorf("create %d: %v", i, err)
		}
	})
	if calls > deals/2 {
		t.Errorf("%d creates took %d calls", deals, calls)
	}
	if n := w.count("accounts", "startswith(name,'Customer')"); n != deals-1 {
		t.Errorf("there are %d accounts", n)
	}
	for i := range deals {
		id, found, err := w.env.FindByReferral(t.Context(), sent(i).ReferralID)
		if err != nil || found != (i != 9) || i == 7 && id != existing {
			t.Errorf("deal %d: %q, %v, %v", i, id, found, err)
		}
		if !found {
			continue
		}
		record := w.read(id)
		if record.Fields["Account.name"] != fmt.Sprint("Customer ", i) || len(record.Contacts) != 2 || len(record.Solutions) != 2 ||
			record.Contacts[0].LastName != fmt.Sprint("First ", i) || record.Contacts[1].LastName != fmt.Sprint("Second ", i) {
			t.Errorf("deal %d has what belongs to another: %+v", i, record)
		}
	}
}

// Fifty due deals take few calls: their records are read together and changed together. One that is gone, and one that a person changed
// meanwhile, fail alone, and nobody's text is written over.
func TestDueDealsShareCalls(t *testing.T) {
	w := newWorld(t)
	w.open()
	ids, records := w.fifty(), make([]crm.Record, deals)
	w.must(w.admin.Delete(t.Context(), "opportunities("+ids[3]+")", ""))
	calls := w.together(deals, func(i int) {
		ctx := w.env.Ahead(t.Context(), crm.Expected{RecordID: ids[i], Contacts: buyers(i)})
		var err error
		if records[i], err = w.env.Read(ctx, ids[i]); errors.Is(err, crm.ErrNotFound) != (i == 3) || i != 3 && err != nil {
			t.Errorf("read %d: %v", i, err)
		}
		if i != 3 && (err != nil || records[i].Fields["name"] != fmt.Sprint("Deal ", i)) {
			t.Errorf("read %d: %+v", i, records[i])
		}
		contacts, err := w.env.Contacts(ctx, records[i].AccountID, buyers(i))
		if err != nil || len(contacts) != 2 || contacts[0].ContactID == "" {
			t.Errorf("contacts of %d: %+v, %v", i, contacts, err)
		}
	})
	if calls > deals/4 {
		t.Errorf("%d reads took %d calls", deals, calls)
	}
	w.edit("opportunities", ids[5], map[string]any{"description": "mine"})
	w.must(w.admin.Delete(t.Context(), "opportunities("+ids[6]+")", ""))
	calls = w.together(deals, func(i int) {
		if i == 3 {
			return
		}
		fields := map[string]any{"description": fmt.Sprint("$1 of ", i)}
		if i%10 == 0 {
			fields["statuscode"] = "Won" // a change set of several parts
		}
		payload, err := w.env.EncodeUpdate(crm.Changes{Fields: fields})
		w.must(err)
		want := map[int]error{5: crm.ErrChanged, 6: crm.ErrNotFound}[i]
		if err := w.env.Update(t.Context(), ids[i], records[i].Version, payload); !errors.Is(err, want) {
			t.Errorf("update %d: %v, want %v", i, err, want)
		}
	})
	if calls > deals/4 {
		t.Errorf("%d updates took %d calls", deals, calls)
	}
	for i, id := range ids {
		want := fmt.Sprint("$1 of ", i)
		if i == 5 {
			want = "mine"
		}
		if i == 3 || i == 6 {
			continue
		}
		if row := w.look("opportunities", id); row["description"] != want || i%10 == 0 != (fmt.Sprint(row["statecode"]) == "1") {
			t.Errorf("deal %d says %v, state %v", i, row["description"], row["statecode"])
		}
	}
}

// When the answer of a batch is lost, each of its writers hears that its change may have been made, and finds what became of it.
func TestLostAnswerOfABatch(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.lose.Store(true)
	const n = 8
	w.together(n, func(i int) {
		payload, err := w.env.EncodeCreate(sent(i))
		if err == nil {
			_, err = w.env.Create(t.Context(), payload)
		}
		if !wire.IsAmbiguous(err) {
			t.Errorf("create %d: %v", i, err)
		}
	})
	w.lose.Store(false)
	for i := range n {
		if _, found, err := w.env.FindByReferral(t.Context(), sent(i).ReferralID); !found || err != nil {
			t.Errorf("deal %d: %v, %v", i, found, err)
		}
		payload, err := w.env.EncodeCreate(sent(i))
		w.must(err)
		if _, err := w.env.Create(t.Context(), payload); !errors.Is(err, crm.ErrExists) {
			t.Errorf("deal %d again: %v", i, err)
		}
	}
}

// An opportunity, and a lead, that the feed named and then told to be deleted is found by its referral, as long as it was created since
// the time that is asked for; one that was deleted is never taken for one that exists.
func TestFindDeleted(t *testing.T) {
	w := newWorld(t)
	w.open()
	began := w.kit.Clock.Now()
	id := w.create(received())
	payload, err := w.env.EncodeLead(referral, deal.Values{deal.CustomerName: "Contoso", deal.LeadLastName: "Byron"})
	w.must(err)
	lead, err := w.env.CreateLead(t.Context(), payload)
	w.must(err)
	leads := w.env.LeadFeed()
	_, position := w.poll("")
	_, leadPosition, err := leads.Changes(t.Context(), "")
	w.must(err)
	expect := func(what string, since time.Time, want bool) {
		t.Helper()
		got, found, err := w.env.FindDeleted(t.Context(), referral, since)
		if err != nil || found != want || want && got != id {
			t.Errorf("%s: the deleted opportunity is %q, %v, %v", what, got, found, err)
		}
		got, found, err = w.env.FindDeletedLead(t.Context(), referral, since)
		if err != nil || found != want || want && got != lead {
			t.Errorf("%s: the deleted lead is %q, %v, %v", what, got, found, err)
		}
	}
	expect("before the deletion", began.Add(-time.Second), false)
	w.must(w.admin.Delete(t.Context(), "opportunities("+id+")", ""))
	w.must(w.admin.Delete(t.Context(), "leads("+strings.TrimPrefix(lead, "lead:")+")", ""))
	w.poll(position)
	_, _, err = leads.Changes(t.Context(), leadPosition)
	w.must(err)
	expect("after the deletion", began.Add(-time.Second), true)
	expect("since a later time", began.Add(time.Hour), false)
}
