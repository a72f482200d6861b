package salesforce

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

func TestSOQL(t *testing.T) {
	r := newRig(t)
	account := r.create(r.agent, "Account", map[string]any{"Name": "O'Neil 100% \\ Co", "BillingCountry": "US"})
	deal := func(name, stage string, amount any) string {
		return r.create(r.agent, "Opportunity", map[string]any{"Name": name, "StageName": stage, "CloseDate": "2027-01-31", "Amount": amount, "AccountId": account})
	}
	a, b, c := deal("Alpha", "Prospecting", 10), deal("beta", "Closed Won", 20.5), deal("Gamma_x", "Closed Lost", nil)
	names := map[string]string{a: "A", b: "B", c: "C"}
	stamp := r.org.now().Format(time.RFC3339)
	cases := map[string]string{
		"":                                   "ABC",
		"WHERE Name = 'ALPHA'":               "A",
		"WHERE Name != 'alpha' AND Id != ''": "BC",
		"WHERE Amount > 10":                  "B",
		"WHERE Amount >= 10 AND IsClosed = false":                                "A",
		"WHERE Amount < 10 OR Amount = null":                                     "C",
		"WHERE Amount <> NULL":                                                   "AB",
		"WHERE NOT (Amount = null OR Name LIKE 'b%')":                            "A",
		"WHERE Name LIKE '%\\_x'":                                                "C",
		"WHERE Name LIKE '_eta'":                                                 "B",
		"WHERE StageName IN ('Closed Won','closed lost')":                        "BC",
		"WHERE StageName NOT IN ('Closed Won')":                                  "AC",
		"WHERE (IsWon = TRUE OR Amount = 1e1) AND Account.BillingCountry = 'us'": "AB",
		"WHERE Account.Name = 'O\\'Neil 100% \\\\ Co'":                           "ABC",
		"WHERE Account.Name LIKE '%\\\\%'":                                       "ABC",
		"WHERE Account.Name LIKE '%100\\% %'":                                    "ABC",
		"WHERE Id = '" + a[:15] + "'":                                            "A",
		"WHERE SystemModstamp >= " + stamp:                                       "ABC",
		"WHERE SystemModstamp > " + stamp:                                        "",
		"WHERE CloseDate = 2027-01-31 AND CreatedDate = TODAY":                   "ABC",
		"WHERE CreatedDate < LAST_N_DAYS:3":                                      "",
		"WHERE AccountId IN (SELECT Id FROM Account WHERE Name LIKE 'O%')":       "ABC",
		"ORDER BY Name DESC":                                                     "CBA",
		"ORDER BY Amount":                                                        "CAB",
		"ORDER BY Amount DESC NULLS LAST, Id":                                    "BAC",
		"ORDER BY SystemModstamp ASC NULLS FIRST, Id DESC LIMIT 2":               "CB",
		"LIMIT 1 OFFSET 1":                                                       "B",
		"LIMIT 0":                                                                "",
	}
	for clause, want := range cases {
		answer := r.query(r.agent, "SELECT Id FROM Opportunity "+clause).want(http.StatusOK)
		got := ""
		for _, rec := range answer.at("records").([]any) {
			got += names[rec.(map[string]any)["Id"].(string)]
		}
		if got != want {
			t.Errorf("%s: %s, want %s", clause, got, want)
		}
	}
	shaped := r.query(r.agent, "SELECT o.Name, Account.Name, Account.Owner.Email, Opportunity.Owner.Name FROM Opportunity o WHERE o.Id = '"+a+"'")
	shaped.equal("records.0.Account.Owner.Email", r.org.Credentials().Agent.Username)
	shaped.equal("records.0.Account.attributes.type", "Account")
	shaped.equal("records.0.Owner.Name", "Cosell Agent Integration")
	children := r.query(r.agent, "SELECT Name, (SELECT Name FROM Opportunities WHERE IsWon = true LIMIT 1) FROM Account")
	children.equal("records.0.Opportunities.records.0.Name", "beta")
	children.equal("records.0.Opportunities.totalSize", 1.0)
	r.query(r.agent, "SELECT Id, (SELECT Id FROM OpportunityContactRoles) FROM Opportunity").equal("records.0.OpportunityContactRoles", nil)
	r.query(r.agent, "select count() from Opportunity where IsWon = false").equal("totalSize", 2.0)
}

// TestSOQLPatterns: LIKE ignores case in every script, tells characters and not bytes, knows no width and no accents, and takes
// an escaped wildcard for itself. Nothing is not like anything.
func TestSOQLPatterns(t *testing.T) {
	r := newRig(t)
	names := []string{"Contoso Ltd", "100%_pure", `back\slash`, "株式会社コントソ", "(株)ｺﾝﾄｿ", "ООО «Контосо»", "Müller", "ΚΟΝΤΟΣΟ"}
	for _, name := range names {
		r.create(r.agent, "Account", map[string]any{"Name": name, "BillingPostalCode": "100-0005"})
	}
	r.create(r.agent, "Account", map[string]any{"Name": "Nowhere"})
	for pattern, want := range map[string][]string{
		"contoso%":    {"Contoso Ltd"},
		"CONTOSO_LTD": {"Contoso Ltd"},
		"c_nt_s_%":    {"Contoso Ltd"},
		"ontoso%":     nil,
		"contoso":     nil,
		`100\%\_PURE`: {"100%_pure"},
		`100_\_pure`:  {"100%_pure"},
		`100\_\_pure`: nil,
		`%\%%`:        {"100%_pure"},
		`back\\slash`: {`back\slash`},
		`back\\%`:     {`back\slash`},
		`back\\_lash`: {`back\slash`},
		"%コントソ%":      {"株式会社コントソ"},
		"____コントソ":    {"株式会社コントソ"},
		"%ｺﾝﾄｿ":       {"(株)ｺﾝﾄｿ"},
		"%контосо%":   {"ООО «Контосо»"},
		"%контосо":    nil,
		"m_ller":      {"Müller"},
		"muller":      nil,
		"MÜLLER":      {"Müller"},
		"κοντ%":       {"ΚΟΝΤΟΣΟ"},
		"%o%t%s%l%":   {"Contoso Ltd"},
	} {
		answer := r.query(r.agent, "SELECT Name FROM Account WHERE Name LIKE '"+pattern+"' LIMIT 10").want(http.StatusOK)
		var got []string
		for _, rec := range answer.at("records").([]any) {
			got = append(got, rec.(map[string]any)["Name"].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	const search = "SELECT COUNT() FROM Account WHERE Name = 'nowhere' OR Name LIKE 'x%' OR BillingPostalCode IN ('1000005','100-0005') OR BillingPostalCode LIKE '100-____'"
	r.query(r.agent, search).equal("totalSize", float64(len(names)+1))
	r.query(r.agent, "SELECT COUNT() FROM Account WHERE BillingPostalCode LIKE '%'").equal("totalSize", float64(len(names)))
}

// TestIDsDifferByCase: ids are compared exactly and ordered by age, which a cursor over (SystemModstamp, Id) relies on.
func TestIDsDifferByCase(t *testing.T) {
	r := newRig(t)
	var ids []string
	for range 64 { // past the point where ids differ by the case of one letter only
		id, err := r.org.Create("Account", map[string]any{"Name": "Contoso"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		r.query(r.agent, "SELECT Id FROM Account WHERE Id = '"+id+"'").equal("totalSize", 1.0)
	}
	r.query(r.agent, "SELECT Id FROM Account WHERE Id > '"+ids[39]+"' ORDER BY Id").equal("records.0.Id", ids[40])
}

func TestSOQLRefusals(t *testing.T) {
	r := newRig(t)
	cases := map[string]struct{ code, text string }{
		"SELECT Id, Foo FROM Opportunity":                                   {"INVALID_FIELD", "\nSELECT Id, Foo FROM Opportunity\n           ^\nERROR at Row:1:Column:12\nNo such column 'Foo' on entity 'Opportunity'."},
		"SELECT Id FROM Nothing__c":                                         {"INVALID_TYPE", "sObject type 'Nothing__c' is not supported."},
		"SELECT Foo.Name FROM Opportunity":                                  {"INVALID_FIELD", "Didn't understand relationship 'Foo' in field path."},
		"SELECT Id, (SELECT Id FROM Foos) FROM Account":                     {"INVALID_TYPE", "Didn't understand relationship 'Foos' in FROM part of query call."},
		"SELECT Id FORM Opportunity":                                        {"MALFORMED_QUERY", "unexpected token: 'FORM'"},
		"SELECT Id FROM Opportunity WHERE":                                  {"MALFORMED_QUERY", "unexpected token: '<EOF>'"},
		"SELECT Id FROM Opportunity GROUP BY Id":                            {"MALFORMED_QUERY", "unexpected token: 'GROUP'"},
		"SELECT Id FROM Opportunity WHERE Name = 'x":                        {"MALFORMED_QUERY", "mismatched character"},
		"SELECT Id FROM Opportunity WHERE Name = '\\q'":                     {"MALFORMED_QUERY", "Illegal string literal"},
		"SELECT Id FROM Opportunity WHERE A = 1 AND B = 2 OR C = 3":         {"MALFORMED_QUERY", "unexpected token: 'OR'"},
		"SELECT Id FROM Opportunity; DROP":                                  {"MALFORMED_QUERY", "unexpected token: ';'"},
		"SELECT Id FROM Opportunity LIMIT -1":                               {"MALFORMED_QUERY", "unexpected token: '-1'"},
		"SELECT MAX(Amount) FROM Opportunity":                               {"MALFORMED_QUERY", "unexpected token: '('"},
		"SELECT Id FROM Opportunity WHERE Amount = '1'":                     {"INVALID_FIELD", "should not be enclosed in quotes"},
		"SELECT Id FROM Opportunity WHERE Name = 1":                         {"INVALID_FIELD", "should be enclosed in quotes"},
		"SELECT Id FROM Opportunity WHERE CloseDate = 2026-01-01T00:00:00Z": {"INVALID_FIELD", "must be of type date"},
		"SELECT Id FROM Opportunity WHERE Description = 'x'":                {"INVALID_FIELD", "can not be filtered in a query call"},
		"SELECT Id FROM Opportunity WHERE IsWon > true":                     {"INVALID_QUERY_FILTER_OPERATOR", "boolean"},
		"SELECT Id FROM Opportunity WHERE Id = 'short'":                     {"INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: short"},
		"SELECT Id FROM Opportunity OFFSET 2001":                            {"NUMBER_OUTSIDE_VALID_RANGE", "2000"},
		"SELECT Name, Name FROM Opportunity":                                {"INVALID_FIELD", "duplicate field selected: Name"},
		"SELECT Id, (SELECT Id FROM Contacts WHERE Foo = 1) FROM Account":   {"INVALID_FIELD", "No such column 'Foo' on entity 'Contact'"},
		"SELECT Id FROM Opportunity WHERE " + strings.Repeat("(", 100):      {"MALFORMED_QUERY", "too deeply nested"},
		"SELECT Id\nFROM Opportunity\nWHERE Foo = 1":                        {"INVALID_FIELD", "ERROR at Row:3:Column:7"},
	}
	for statement, want := range cases {
		if msg := r.query(r.agent, statement).refused(http.StatusBadRequest, want.code); !strings.Contains(msg, want.text) {
			t.Errorf("%s: %s", statement, msg)
		}
	}
	r.rest(r.agent, "GET", "/query", nil).refused(http.StatusBadRequest, "MALFORMED_QUERY")
}

func TestQueryBatches(t *testing.T) {
	r := newRig(t)
	for i := range 450 {
		if _, err := r.org.Create("Account", map[string]any{"Name": fmt.Sprintf("Contoso %03d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	const statement = "/query?q=SELECT+Name+FROM+Account+ORDER+BY+Name"
	page := r.rest(r.agent, "GET", statement, nil, "Sforce-Query-Options", "batchSize=200").want(http.StatusOK)
	seen := 0
	for {
		records := page.at("records").([]any)
		seen += len(records)
		page.equal("totalSize", 450.0)
		if page.at("done") == true {
			break
		}
		next := strings.TrimPrefix(page.at("nextRecordsUrl").(string), "/services/data/v66.0")
		r.rest(r.admin, "GET", next, nil).refused(http.StatusBadRequest, "INVALID_QUERY_LOCATOR") // another user's cursor
		page = r.rest(r.agent, "GET", next, nil).want(http.StatusOK)
	}
	if seen != 450 {
		t.Errorf("%d records", seen)
	}
	r.rest(r.agent, "GET", "/query/01g000000000000-200", nil).refused(http.StatusBadRequest, "INVALID_QUERY_LOCATOR")
	r.rest(r.agent, "GET", statement, nil, "Sforce-Query-Options", "batch=1").want(http.StatusBadRequest)
	r.set(switchBatchSize, "ignored")
	r.rest(r.agent, "GET", statement, nil, "Sforce-Query-Options", "batchSize=200").equal("done", true)
}

func FuzzSOQL(f *testing.F) {
	for _, seed := range []string{"SELECT Id FROM Opportunity", "SELECT COUNT() FROM Account WHERE Name LIKE 'a\\%%' OR NOT (Id IN ('', null))",
		"SELECT Account.Owner.Name, (SELECT Id FROM OpportunityContactRoles WHERE IsPrimary = true) FROM Opportunity o WHERE o.SystemModstamp >= 2026-01-01T00:00:00Z ORDER BY Amount DESC NULLS LAST LIMIT 1 OFFSET 2",
		"SELECT Id FROM Opportunity WHERE CloseDate > LAST_N_DAYS:7", "SELECT\n'", "((((", "SELECT Id FROM User WHERE Name = 'é\\"} {
		f.Add(seed)
	}
	key, err := signingKey()
	if err != nil {
		f.Fatal(err)
	}
	org, err := New(lab.NewKit(Switches()...), Options{Provider: Login{PrivateKeyPEM: key}, Agent: Login{PrivateKeyPEM: key}})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := org.Create("Opportunity", map[string]any{"Name": "Fabrikam", "StageName": "Prospecting", "CloseDate": "2027-01-31"}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, statement string) {
		scope := &soqlScope{o: org, access: org.accessOf(org.seller), catalog: org.data}
		set, err := scope.run(statement, "")
		if (set == nil) == (err == nil) {
			t.Fatalf("neither an answer nor an error: %v", err)
		}
		if err != nil && (err.Status != http.StatusBadRequest || err.Code == "") {
			t.Fatalf("%+v", err)
		}
	})
}
