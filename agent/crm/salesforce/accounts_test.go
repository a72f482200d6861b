package salesforce

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	sandbox "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// searchRig is an organisation of the sandbox with the adapter in front of it.
type searchRig struct {
	*testing.T
	remote  *sandbox.Org
	org     *Org
	queries atomic.Int32

	mu    sync.Mutex
	paths []string      // of the calls
	gate  chan struct{} // nil: calls are answered at once
}

func newSearchRig(t *testing.T, prepare ...func(*lab.Kit)) *searchRig {
	t.Helper()
	kit := lab.NewKit(sandbox.Switches()...)
	for _, do := range prepare {
		do(kit)
	}
	remote, err := sandbox.New(kit, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &searchRig{T: t, remote: remote}
	handler := remote.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/query") {
			r.queries.Add(1)
		}
		r.record(req)
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	remote.SetBaseURL(server.URL)
	stack, err := wire.New(wire.Options{Transport: http.DefaultTransport, Clock: kit.Clock.Now, UserAgent: "test/1", NewID: uuid.NewString})
	if err != nil {
		t.Fatal(err)
	}
	login := remote.Credentials().Agent
	client, err := salesforce.New(salesforce.Config{LoginURL: server.URL, ClientID: login.ClientID, Username: login.Username, PrivateKey: secret.New(login.PrivateKeyPEM)}, stack)
	if err != nil {
		t.Fatal(err)
	}
	r.org = &Org{client: client, names: Names{Account: "Account", Country: "BillingCountry", PostalCode: "BillingPostalCode"}}
	return r
}

func (r *searchRig) add(name, postalCode string) string {
	r.Helper()
	fields := map[string]any{"Name": name}
	if postalCode != "" {
		fields["BillingPostalCode"] = postalCode
	}
	id, err := r.remote.Create("Account", fields)
	if err != nil {
		r.Fatal(err)
	}
	return id
}

func (r *searchRig) find(customer match.Customer) []string {
	r.Helper()
	found, err := r.org.FindAccounts(r.Context(), customer)
	if err != nil {
		r.Fatal(err)
	}
	var ids []string
	for _, a := range found.Accounts {
		ids = append(ids, a.ID)
	}
	return ids
}

// TestFindAccounts: an account is found under another spelling of its name or of its postal code, in one query, and
// what has nothing of the customer's is not.
func TestFindAccounts(t *testing.T) {
	r := newSearchRig(t)
	cases := []struct {
		accountName, accountCode string
		customer                 match.Customer
	}{
		{"Contoso Ltd", "", match.Customer{Name: "CONTOSO LIMITED"}},
		{"Müller & Söhne KG", "", match.Customer{Name: "Mueller und Soehne KG"}},
		{"Mueller Maschinen GmbH", "", match.Customer{Name: "Müller Maschinen GmbH"}},
		{"Café-Zelmira", "", match.Customer{Name: "CAFE ZELMIRA S.r.l."}},
		{"（株）ｺﾝﾄｿ", "", match.Customer{Name: "コントソ株式会社"}},
		{"株式会社ＸＹ商店", "", match.Customer{Name: "XY商店株式会社"}},
		{"ООО «Берёзовый Код»", "", match.Customer{Name: "Березовый код"}},
		{"ΚΟΝΤΟΣΟ ΛΑΡΙΣΑΣ Α.Ε.", "", match.Customer{Name: "Κοντόσο Λάρισας ΑΕ"}},
		{"شركة أنوار الأفق", "", match.Customer{Name: "انوار الافق"}},
		{"C.A.R. Metrics", "", match.Customer{Name: "C.A.R. Metrics Ltd"}},
		{`100%_pure 'O\'`, "", match.Customer{Name: `100%_PURE 'o\'`}},
		{"Written Otherwise", "100-0005", match.Customer{Name: "Tsukuyomi", PostalCode: "〒1000005", Country: "JP"}},
		{"Written in Wide", "１００－０００６", match.Customer{Name: "Tsukuyomi", PostalCode: "100-0006", Country: "JP"}},
		{"British", "SW1A 1AA", match.Customer{Name: "Tsukuyomi", PostalCode: "sw1a1aa", Country: "GB"}},
		{"German", "D-80331", match.Customer{Name: "Tsukuyomi", PostalCode: "80331", Country: "DE"}},
		{"American", "98052-6399", match.Customer{Name: "Tsukuyomi", PostalCode: "98052", Country: "US"}},
		{"American in short", "10001", match.Customer{Name: "Tsukuyomi", PostalCode: "10001-1234", Country: "US"}},
	}
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = r.add(c.accountName, c.accountCode)
	}
	for i, c := range cases {
		r.queries.Store(0)
		found := r.find(c.customer)
		if !slices.Contains(found, ids[i]) {
			t.Errorf("%v does not find %q %s: %v", c.customer, c.accountName, c.accountCode, namePatterns(c.customer.Name))
		}
		if len(found) > 2 {
			t.Errorf("%v finds %d accounts", c.customer, len(found))
		}
		if n := r.queries.Load(); n != 1 {
			t.Errorf("%v took %d queries", c.customer, n)
		}
	}
}

// TestFindAccountsTellsWhatItFound: name, postal code and country come with the id.
func TestFindAccountsTellsWhatItFound(t *testing.T) {
	r := newSearchRig(t)
	id, err := r.remote.Create("Account", map[string]any{"Name": "Contoso", "BillingPostalCode": "0150", "BillingCountry": "Norway"})
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.org.FindAccounts(t.Context(), match.Customer{Name: "Contoso"})
	if want := (match.Account{ID: id, Name: "Contoso", PostalCode: "0150", Country: "NO"}); err != nil || len(found.Accounts) != 1 || found.Accounts[0] != want || found.Cut {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestCrowdedPostalCode: where very many accounts share a postal code, the name alone is asked for; where they share the name
// too, the search says that it is not complete.
func TestCrowdedPostalCode(t *testing.T) {
	r := newSearchRig(t)
	id := r.add("Contoso", "1000")
	for i := range mostAccounts {
		r.add(fmt.Sprint("Fabrikam ", i), "1000")
	}
	found, err := r.org.FindAccounts(t.Context(), match.Customer{Name: "contoso ltd", PostalCode: "1000"})
	if err != nil || found.Cut || len(found.Accounts) != 1 || found.Accounts[0].ID != id {
		t.Errorf("%d accounts, cut %v, %v", len(found.Accounts), found.Cut, err)
	}
	r.add("Fabrikam 1000", "1000")
	if found, err = r.org.FindAccounts(t.Context(), match.Customer{Name: "Fabrikam"}); err != nil || !found.Cut {
		t.Errorf("%d accounts, cut %v, %v", len(found.Accounts), found.Cut, err)
	}
}

// TestSearchServesTheDecision: of the corpus's pairs that a decision would link, the search finds nearly all by the name
// alone, among all other names of the corpus.
func TestSearchServesTheDecision(t *testing.T) {
	r := newSearchRig(t)
	file, err := os.Open("../../match/testdata/names.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ids := map[string]string{}
	linked, seen := 0, 0
	var lefts, rights []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		columns := strings.Split(lines.Text(), "\t")
		if columns[2] == "no" || columns[2] == "yes" {
			ids[columns[1]] = r.add(columns[1], "")
		}
		if columns[2] == "yes" && match.Compare(match.ParseName(columns[0]), match.ParseName(columns[1])) >= match.Equal {
			lefts, rights = append(lefts, columns[0]), append(rights, columns[1])
		}
	}
	for i, left := range lefts {
		linked++
		found := r.find(match.Customer{Name: left})
		if slices.ContainsFunc(found, func(id string) bool { return id == ids[rights[i]] }) {
			seen++
		} else {
			t.Logf("%q does not find %q: %v", left, rights[i], namePatterns(left))
		}
	}
	if share := float64(seen) / float64(linked); share < 0.95 {
		t.Errorf("the search finds %d of %d", seen, linked)
	}
}

// TestFieldsThroughParents: a mapping may reach through a relationship of the account, for instance to the code of a country
// that is a record of its own; a path that leads nowhere is named.
func TestFieldsThroughParents(t *testing.T) {
	r := newSearchRig(t)
	r.org.names.Mapped = []string{"Account.Parent.BillingPostalCode", "Account.Owner.Email", "Account.Name"}
	if err := r.org.describeAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.org.names.Mapped = []string{"Account.Parent.Nothing__c", "Account.Nobody__r.Name"}
	err := r.org.describeAccount(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Account.Parent.Nothing__c, Account.Nobody__r.Name") {
		t.Errorf("%v", err)
	}
	written, err := json.Marshal(throughParents(map[string]any{"Name": "Contoso", "Country__r.Iso2__c": "JP"}))
	if want := `{"Country__r":{"Iso2__c":"JP"},"Name":"Contoso"}`; err != nil || string(written) != want {
		t.Errorf("%s, %v, want %s", written, err, want)
	}
}

// TestFindAccountsThroughParents: the country may be a field of a parent.
func TestFindAccountsThroughParents(t *testing.T) {
	r := newSearchRig(t)
	r.org.names.Country = "Parent.BillingCountry"
	parent, err := r.remote.Create("Account", map[string]any{"Name": "Fabrikam", "BillingCountry": "Italy"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.remote.Create("Account", map[string]any{"Name": "Contoso", "ParentId": parent})
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.org.FindAccounts(t.Context(), match.Customer{Name: "Contoso"})
	if err != nil || len(found.Accounts) != 1 || found.Accounts[0].ID != id || found.Accounts[0].Country != "IT" {
		t.Errorf("%+v, %v", found, err)
	}
}
