package remote

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

const queryPath = "/services/data/v66.0/query"

var solutions = Table{Object: "Solution__c", Key: "Key__c", Fields: []string{"Key__c", "Name"}}

// withSolutions answers queries for all rows, and for one of them.
func withSolutions(s *service) (statements func() []string) {
	var mu sync.Mutex
	var asked []string
	s.answers[queryPath] = func(request *http.Request) (int, string) {
		statement := request.URL.Query().Get("q")
		mu.Lock()
		asked = append(asked, statement)
		mu.Unlock()
		const first = `{"Id":"a015g00000000001AAA","Key__c":"SOL-1","Name":"First","Other__c":null}`
		if strings.HasSuffix(statement, "'sol-1'") {
			return http.StatusOK, `{"done":true,"records":[` + first + `]}`
		}
		return http.StatusOK, `{"done":true,"records":[` + first + `,{"Id":"a015g00000000002AAA","Key__c":"SOL-2","Name":"Second"},{"Id":"a015g00000000003AAA","Key__c":"sol-2","Name":"Third"}]}`
	}
	return func() []string { mu.Lock(); defer mu.Unlock(); return asked }
}

func TestFindRowReadsTheTableOnce(t *testing.T) {
	t.Parallel()
	s := newService()
	statements := withSolutions(s)
	r := s.remote(func(*SalesforceConfig) {})
	for _, key := range []string{"SOL-1", "sol-1"} {
		row, found, err := r.FindRow(t.Context(), solutions, key)
		if err != nil || !found || row.Text("name") != "First" || row.ID() != "a015g00000000001AAA" || row.Text("Other__c") != "" {
			t.Errorf("%s: %v, found: %t, %v", key, row, found, err)
		}
	}
	if _, found, err := r.FindRow(t.Context(), solutions, "SOL-3"); found || err != nil {
		t.Errorf("a row that does not exist was found: %v", err)
	}
	var many *ManyRowsError
	if _, _, err := r.FindRow(t.Context(), solutions, "SOL-2"); !errors.As(err, &many) || len(many.IDs) != 2 {
		t.Errorf("got %v, want an error that names both records", err)
	}
	if asked := statements(); len(asked) != 1 || asked[0] != "SELECT Id,Key__c,Name FROM Solution__c WHERE Key__c != null" {
		t.Errorf("asked %q, want one query for the table", asked)
	}
}

func TestFindRowReadsAChangedRowAlone(t *testing.T) {
	t.Parallel()
	s := newService()
	statements := withSolutions(s)
	r := s.remote(func(*SalesforceConfig) {})
	for range 2 {
		if _, found, err := r.FindRow(t.Context(), solutions, "sol-1"); !found || err != nil {
			t.Fatalf("found: %t, %v", found, err)
		}
		r.RowChanged(solutions, "SOL-1")
	}
	asked := statements()
	if len(asked) != 2 || !strings.HasSuffix(asked[1], " AND Key__c = 'sol-1'") {
		t.Errorf("asked %q, want the table, and then the row that was written", asked)
	}
	if _, found, err := r.FindRow(t.Context(), solutions, "SOL-3"); found || err != nil || len(statements()) != 2 {
		t.Errorf("another row was asked for again: %q, %v", statements(), err)
	}
}

func TestFindRowRefusesNamesThatAreNone(t *testing.T) {
	t.Parallel()
	r := newService().remote(func(*SalesforceConfig) {})
	for _, table := range []Table{{Object: "A B", Key: "Key__c"}, {Object: "A", Key: "x' OR 'y"}, {Object: "A", Key: "Key__c", Fields: []string{""}}} {
		if _, _, err := r.FindRow(t.Context(), table, "1"); !errors.Is(err, salesforce.ErrInvalidName) {
			t.Errorf("%+v: got %v", table, err)
		}
	}
}
