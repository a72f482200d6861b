package salesforce

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// together runs a task many times at once and gives the paths of the calls that it took. The first answers are held back until
// all have begun, so that what waits travels together.
func (r *searchRig) together(n int, task func(i int)) []string {
	r.Helper()
	var begun, ended sync.WaitGroup
	begun.Add(n)
	gate := make(chan struct{})
	r.mu.Lock()
	r.paths, r.gate = nil, gate
	r.mu.Unlock()
	for i := range n {
		ended.Go(func() {
			begun.Done()
			task(i)
		})
	}
	begun.Wait()
	close(gate)
	ended.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = nil
	return r.paths
}

func (r *searchRig) named(names Names) {
	names.Account, names.Country, names.PostalCode = "Account", "BillingCountry", "BillingPostalCode"
	names.Opportunity, names.Contact, names.ContactRole = "Opportunity", "Contact", "OpportunityContactRole"
	names.Sync, names.ReferralID, names.Key, names.SyncStatus, names.Audit = "IsPrivate", "TrackingNumber__c", "NextStep", "LeadSource", "Description"
	r.org.names = names
}

// expectFew fails when sharing did not save most of the calls.
func expectFew(t *testing.T, paths []string, n int) {
	t.Helper()
	if len(paths) > n/4 {
		t.Errorf("%d requests took %d calls: %v", n, len(paths), paths)
	}
}

// Leads that are read at the same time share queries, and each reader gets its own lead; one that does not exist, and an id that is
// none, fail for their readers only.
func TestReadsShareQueries(t *testing.T) {
	r := newSearchRig(t)
	r.withLeads()
	const n = 40
	var leads []crm.Lead
	for i := range n - 2 {
		leads = append(leads, r.createLead(fmt.Sprintf("Referral %d", i), deal.Values{deal.CustomerName: "Fabrikam", deal.LeadLastName: fmt.Sprint("Last ", i)}))
	}
	ids := []string{"00Qgk0000000999AAA", "nonsense"}
	for _, lead := range leads {
		ids = append(ids, lead.ID)
	}
	paths := r.together(n, func(i int) {
		lead, err := r.org.ReadLead(t.Context(), ids[i])
		switch {
		case i < 2 && !errors.Is(err, crm.ErrNotFound):
			t.Errorf("%s: %v", ids[i], err)
		case i >= 2 && (err != nil || lead.Values[deal.LeadLastName] != leads[i-2].Values[deal.LeadLastName]):
			t.Errorf("%s: %+v, %v", ids[i], lead, err)
		}
	})
	expectFew(t, paths, n)
	paths = r.together(n, func(i int) {
		id, found, err := r.org.FindLead(t.Context(), fmt.Sprintf("REFERRAL %d", i))
		if exists := i < n-2; err != nil || found != exists || exists && id != leads[i].ID {
			t.Errorf("%d: %s, %v, %v", i, id, found, err)
		}
	})
	expectFew(t, paths, n)
}

// Accounts of many customers are looked for together, each customer's are among what it gets, and the decision is the same as if it
// had been looked for alone.
func TestCustomersShareASearch(t *testing.T) {
	r := newSearchRig(t)
	const n = 40
	customer := func(i int) match.Customer {
		return match.Customer{Name: fmt.Sprintf("Customer %d Holding GmbH", i), PostalCode: fmt.Sprint(80000 + i), Country: "DE"}
	}
	for i := range n / 2 {
		r.add(fmt.Sprintf("CUSTOMER %d Holding", i), fmt.Sprint("D-", 80000+i))
	}
	alone := make([]match.Decision, n)
	for i := range n {
		found, err := r.org.FindAccounts(t.Context(), customer(i))
		if err != nil {
			t.Fatal(err)
		}
		alone[i] = match.Decide(customer(i), true, found)
	}
	paths := r.together(n, func(i int) {
		found, err := r.org.FindAccounts(t.Context(), customer(i))
		if err != nil {
			t.Error(err)
		}
		if got := match.Decide(customer(i), true, found); got.Verdict != alone[i].Verdict || got.Account != alone[i].Account {
			t.Errorf("%d: %v, alone %v", i, got, alone[i])
		}
	})
	expectFew(t, paths, n)
}

// Creates that wait at the same time go in one call, each all or none of its own: those that the organisation refuses fail with
// their own reason and leave nothing behind, and those that the service did not come to are sent again.
func TestCreatesTravelTogether(t *testing.T) {
	r := newSearchRig(t)
	r.named(Names{})
	const n, bad = 60, 30
	payloads := make([][]byte, n)
	for i := range n {
		fields := map[string]any{"Name": fmt.Sprintf("Deal %d", i), "StageName": "Qualification", "CloseDate": "2027-03-31", "TrackingNumber__c": nil}
		if i < bad {
			fields["CloseDate"] = "never"
		}
		body, err := r.org.EncodeCreate(crm.NewRecord{
			ReferralID: fmt.Sprintf("AB-%d", i), Fields: fields, Account: map[string]any{"Name": fmt.Sprintf("Account %d", i)},
			Contacts: []crm.NewContact{{Person: deal.Person{FirstName: "First", LastName: fmt.Sprint("Last ", i), Email: fmt.Sprintf("a%d@example.com", i)}, Primary: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		payloads[i] = []byte(strings.ReplaceAll(string(body), fmt.Sprintf(`"TrackingNumber__c":"AB-%d"`, i), `"Probability":20`))
	}
	paths := r.together(n, func(i int) {
		id, err := r.org.Create(t.Context(), payloads[i])
		switch {
		case i < bad && (err == nil || problem.ClassOf(err) != problem.NeedsPerson || strings.Contains(err.Error(), "PROCESSING_HALTED")):
			t.Errorf("%d: %s, %v", i, id, err)
		case i >= bad && (err != nil || r.name(id) != fmt.Sprintf("Deal %d", i)):
			t.Errorf("%d: %s is %q, %v", i, id, r.name(id), err)
		}
	})
	expectFew(t, paths, n)
	if opportunities, accounts := len(r.remote.Rows("Opportunity")), len(r.remote.Rows("Account")); opportunities != n-bad || accounts != n-bad {
		t.Errorf("%d opportunities and %d accounts are there, expected %d", opportunities, accounts, n-bad)
	}
}

func (r *searchRig) name(id string) any {
	for _, row := range r.remote.Rows("Opportunity") {
		if row["Id"] == id {
			return row["Name"]
		}
	}
	return nil
}

// Updates that wait at the same time go in one call, each with its own precondition: one whose record changed, and one whose record
// is gone, fail alone.
func TestUpdatesTravelTogether(t *testing.T) {
	r := newSearchRig(t)
	r.named(Names{})
	const n = 40
	ids, future := make([]string, n), "2999-01-01T00:00:00.000+0000"
	for i := range n {
		id, err := r.remote.Create("Opportunity", map[string]any{"Name": fmt.Sprint("Deal ", i), "StageName": "Qualification", "CloseDate": "2027-03-31"})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	ids[1] = "006gk0000000999AAA"
	body, err := r.org.EncodeUpdate(crm.Changes{Fields: map[string]any{"Description": "new"}})
	if err != nil {
		t.Fatal(err)
	}
	paths := r.together(n, func(i int) {
		version, want := future, error(nil)
		switch i {
		case 0:
			version, want = "2001-01-01T00:00:00.000+0000", crm.ErrChanged
		case 1:
			want = crm.ErrNotFound
		}
		if err := r.org.Update(t.Context(), ids[i], version, body); !errors.Is(err, want) {
			t.Errorf("%d: %v, expected %v", i, err, want)
		}
	})
	expectFew(t, paths, n)
	written := 0
	for _, row := range r.remote.Rows("Opportunity") {
		if row["Description"] == "new" {
			written++
		}
	}
	if written != n-2 {
		t.Errorf("%d rows were written, expected %d", written, n-2)
	}
}

// record notes a call and holds it back as long as the rig's gate is shut.
func (r *searchRig) record(req *http.Request) {
	r.mu.Lock()
	r.paths = append(r.paths, req.URL.Path)
	gate := r.gate
	r.mu.Unlock()
	if gate != nil {
		<-gate
	}
}
