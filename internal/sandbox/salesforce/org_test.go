package salesforce

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

func TestIDs(t *testing.T) {
	// 04t2w000006WIwV and its long form are in the reference, salesforce.md §2.11
	if got := id18("04t2w000006WIwV"); got != "04t2w000006WIwVAAW" {
		t.Errorf("checksum: %s", got)
	}
	for in, want := range map[string]string{"04t2w000006WIwV": "04t2w000006WIwVAAW", "04T2W000006wiwvAAW": "04t2w000006WIwVAAW", "04t2w000006wiwvaaw": "04t2w000006WIwVAAW"} {
		if got, ok := normalizeID(in); !ok || got != want {
			t.Errorf("%s: %s %v", in, got, ok)
		}
	}
	for _, bad := range []string{"", "short", "04t2w000006WIwVAA", "04t2w000006WI-V", "04t2w000006WIwV99!"} {
		if _, ok := normalizeID(bad); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestJWTBearer(t *testing.T) {
	r := newRig(t)
	login := r.org.Credentials().Agent
	now := r.kit.Clock.Now().Unix()
	grant := func(claims map[string]any) (int, map[string]any) {
		return r.token(url.Values{"grant_type": {jwtBearer}, "assertion": {r.assertion(login, claims)}, "client_id": {"tolerated"}})
	}
	good := func() map[string]any {
		return map[string]any{"iss": login.ClientID, "sub": login.Username, "aud": r.server.URL + "/", "exp": now + 180}
	}
	status, body := grant(good())
	if status != http.StatusOK || body["token_type"] != "Bearer" || body["instance_url"] != r.server.URL {
		t.Fatalf("%d %v", status, body)
	}
	if _, isText := body["issued_at"].(string); !isText || body["expires_in"] != nil {
		t.Errorf("token answer: %v", body)
	}
	if token := body["access_token"].(string); !strings.HasPrefix(token, r.org.Credentials().OrgID[:15]+"!") {
		t.Errorf("token %s is not opaque", token)
	}
	accepted := map[string]any{"exp": []any{"180000000000", now + 180, (now + 180) * 1000}, "aud": []any{"https://login.salesforce.com", []string{"https://test.salesforce.com"}, r.server.URL}}
	for claim, values := range accepted {
		for _, value := range values.([]any) {
			c := good()
			c[claim] = value
			if status, body := grant(c); status != http.StatusOK {
				t.Errorf("%s=%v: %v", claim, value, body)
			}
		}
	}
	refused := []struct {
		claim string
		value any
		text  string
	}{{"exp", now - 1, "expired authorization code"}, {"aud", "https://example.com", "Audience validation failed"},
		{"sub", r.org.Credentials().Provider.Username, "user hasn't approved this consumer"}, {"iss", "nobody", "client identifier invalid"}}
	for _, c := range refused {
		claims := good()
		claims[c.claim] = c.value
		if status, body := grant(claims); status != http.StatusBadRequest || body["error_description"] != c.text {
			t.Errorf("%s=%v: %d %v", c.claim, c.value, status, body)
		}
	}
	if status, body := r.token(url.Values{"grant_type": {jwtBearer}, "assertion": {r.assertion(login, good()) + "x"}}); status != http.StatusBadRequest {
		t.Errorf("a forged signature: %v", body)
	}
	if _, body := r.token(url.Values{"grant_type": {"password"}}); body["error"] != "unsupported_grant_type" {
		t.Errorf("password grant: %v", body)
	}
	if _, body := r.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {login.ClientID}, "client_secret": {"wrong"}}); body["error"] != "invalid_client" {
		t.Errorf("wrong secret: %v", body)
	}
}

func TestSessionEnds(t *testing.T) {
	r := newRig(t)
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusOK)
	r.kit.Clock.Advance(90 * time.Minute)
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusOK)
	r.kit.Clock.Advance(90 * time.Minute) // use prolonged it
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusOK)
	r.kit.Clock.Advance(2 * time.Hour)
	r.rest(r.agent, "GET", "/limits", nil).refused(http.StatusUnauthorized, "INVALID_SESSION_ID")
	status, body := r.soap(r.admin, "<describeMetadata><asOfVersion>66.0</asOfVersion></describeMetadata>")
	if status != http.StatusInternalServerError || body.value("faultcode") != "sf:INVALID_SESSION_ID" {
		t.Errorf("soap: %d %s", status, fault(body))
	}
	r.agent = r.login(r.org.Credentials().Agent)
	r.org.ExpireSessions()
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusUnauthorized)
	r.agent = r.login(r.org.Credentials().Agent)
	r.set(switchSessionExpiry, "absolute")
	for range 2 {
		r.kit.Clock.Advance(59 * time.Minute)
		r.rest(r.agent, "GET", "/limits", nil).want(http.StatusOK)
	}
	r.kit.Clock.Advance(2 * time.Minute)
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusUnauthorized)
}

func TestIdentityAndRevoke(t *testing.T) {
	r := newRig(t)
	req, _ := http.NewRequest(http.MethodGet, r.server.URL+"/services/oauth2/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+r.agent)
	info := r.do(req).want(http.StatusOK)
	info.equal("organization_id", r.org.Credentials().OrgID)
	info.equal("preferred_username", r.org.Credentials().Agent.Username)
	id, _ := http.NewRequest(http.MethodGet, r.server.URL+"/id/"+r.org.Credentials().OrgID+"/"+r.org.Credentials().Agent.UserID, nil)
	id.Header = req.Header
	r.do(id).want(http.StatusOK).equal("username", r.org.Credentials().Agent.Username)
	resp, err := http.PostForm(r.server.URL+"/services/oauth2/revoke", url.Values{"token": {r.agent}})
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("revoke: %v", err)
	}
	resp.Body.Close()
	r.do(req).want(http.StatusForbidden)
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusUnauthorized)
}

func TestVersionsAndUnknownPaths(t *testing.T) {
	r := newRig(t)
	req, _ := http.NewRequest(http.MethodGet, r.server.URL+"/services/data", nil)
	r.do(req).want(http.StatusOK).equal("8.version", "68.0")
	for path, status := range map[string]int{"/sobjects/Nothing": 404, "/wave": 404, "/limits?x=1": 400, "/query?q=SELECT+Id+FROM+User&page=2": 400, "/composite": 405} {
		r.rest(r.agent, http.MethodGet, path, nil).want(status)
	}
	r.rest(r.agent, http.MethodPut, "/sobjects/Account", map[string]any{}).want(http.StatusMethodNotAllowed)
	req, _ = http.NewRequest(http.MethodGet, r.server.URL+"/services/data/v59.0/limits", nil)
	req.Header.Set("Authorization", "Bearer "+r.agent)
	r.do(req).refused(404, "NOT_FOUND")
	if usage := r.rest(r.agent, http.MethodGet, "/limits", nil).header.Get("Sforce-Limit-Info"); !strings.HasPrefix(usage, "api-usage=") || !strings.HasSuffix(usage, "/100000") {
		t.Errorf("Sforce-Limit-Info: %s", usage)
	}
}

func TestDailyLimit(t *testing.T) {
	r := newRig(t, func(o *Options) { o.DailyAPIRequests = 2 })
	r.rest(r.agent, "GET", "/sobjects", nil).want(http.StatusOK)
	r.rest(r.agent, "GET", "/limits", nil).equal("DailyApiRequests.Remaining", 0.0)
	r.rest(r.agent, "GET", "/limits", nil).refused(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	r.kit.Clock.Advance(24 * time.Hour)
	r.rest(r.login(r.org.Credentials().Agent), "GET", "/limits", nil).want(http.StatusOK)
}

func TestNewRefuses(t *testing.T) {
	kit := lab.NewKit(Switches()...)
	for _, opts := range []Options{{OrgID: "x"}, {OrgID: "001000000000001"}, {Provider: Login{PrivateKeyPEM: "x"}}} {
		if _, err := New(kit, opts); err == nil {
			t.Errorf("%+v was accepted", opts)
		}
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("a missing kit was accepted")
	}
}

func TestFaults(t *testing.T) {
	r := newRig(t)
	id := r.opportunity("Fabrikam renewal")
	inject := func(kind string) {
		t.Helper()
		if err := r.kit.Faults.Set(lab.FaultPlan{Rate: 1, Kinds: []string{kind}}); err != nil {
			t.Fatal(err)
		}
	}
	read := "<readMetadata><type>Layout</type><fullNames>" + seedLayoutName + "</fullNames></readMetadata>"
	inject(lab.FaultThrottled)
	r.rest(r.agent, "GET", "/limits", nil).refused(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED")
	if _, body := r.soap(r.admin, read); body.value("faultcode") != "sf:REQUEST_LIMIT_EXCEEDED" {
		t.Error(fault(body))
	}
	inject(lab.FaultExpiredSession)
	r.rest(r.agent, "GET", "/limits", nil).refused(http.StatusUnauthorized, "INVALID_SESSION_ID")
	if _, body := r.soap(r.admin, read); body.value("faultcode") != "sf:INVALID_SESSION_ID" {
		t.Error(fault(body))
	}
	inject(lab.FaultUnavailable)
	r.rest(r.agent, "GET", "/limits", nil).want(http.StatusServiceUnavailable)
	inject(lab.FaultRowLock)
	r.rest(r.agent, "GET", "/sobjects/Opportunity/"+id, nil).want(http.StatusOK)
	r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"NextStep": "call"}).refused(http.StatusBadRequest, "UNABLE_TO_LOCK_ROW")
	update := map[string]any{"records": []any{map[string]any{"attributes": map[string]any{"type": "Opportunity"}, "Id": id, "NextStep": "call"}}}
	r.rest(r.agent, "PATCH", "/composite/sobjects", update).want(http.StatusOK).equal("0.errors.0.statusCode", "UNABLE_TO_LOCK_ROW")
	if _, body := r.soap(r.admin, "<deleteMetadata><type>CustomField</type><fullNames>X</fullNames></deleteMetadata>"); body.value("faultcode") != "sf:UNABLE_TO_LOCK_ROW" {
		t.Error(fault(body))
	}
}

func TestTrapHoldsExactlyOneWrite(t *testing.T) {
	r := newRig(t)
	id := r.opportunity("Fabrikam renewal")
	for _, when := range []string{lab.TrapBefore, lab.TrapAfter} {
		if err := r.kit.Trap.Arm(1, when); err != nil {
			t.Fatal(err)
		}
		r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Nothing__c": 1}).want(http.StatusBadRequest) // refused: not counted
		if err := r.org.Edit("Opportunity", id, map[string]any{"NextStep": "by the seller"}); err != nil {                 // people: not counted
			t.Fatal(err)
		}
		done := make(chan answer, 1)
		go func() {
			done <- r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"NextStep": when})
		}()
		<-r.kit.Trap.Hit()
		row, _ := r.org.Row("Opportunity", id)
		if applied := row["NextStep"] == when; applied != (when == lab.TrapAfter) {
			t.Errorf("%s: NextStep is %v", when, row["NextStep"])
		}
		r.kit.Trap.Release()
		(<-done).want(http.StatusNoContent)
	}
}

func TestOperationLog(t *testing.T) {
	r := newRig(t)
	before := r.kit.Log.Append(lab.Operation{})
	records := []any{}
	for _, name := range []string{"Fabrikam", "Contoso", ""} {
		records = append(records, map[string]any{"attributes": map[string]any{"type": "Account"}, "Name": name})
	}
	r.rest(r.agent, "POST", "/composite/sobjects", map[string]any{"records": records}, "X-Request-Id", "req-1").want(http.StatusOK)
	rows := r.kit.Log.Since(before)
	if len(rows) != 3 {
		t.Fatalf("%d rows for three records", len(rows))
	}
	for i, row := range rows {
		if row.Service != Service || row.Action != "create" || row.Object != "Account" || row.RequestID != "req-1" || row.IsWrite() != (i < 2) {
			t.Errorf("%+v", row)
		}
	}
	if rows[0].Actor != r.org.Credentials().Agent.Username || rows[0].ID == "" || len(rows[0].Fields) != 1 {
		t.Errorf("%+v", rows[0])
	}
}

func TestActs(t *testing.T) {
	r := newRig(t)
	r.solutions()
	acts := map[string]Act{}
	for _, act := range r.org.Acts() {
		acts[act.Name] = act
		if act.Help == "" || act.Do == nil {
			t.Errorf("act %q is incomplete", act.Name)
		}
	}
	do := func(name string, args map[string]string) map[string]any {
		t.Helper()
		out, err := acts[name].Do(context.Background(), args)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	made := do("create_opportunity", map[string]string{"name": "Fabrikam migration", "amount": "1200.5", "account": "Fabrikam", "country": "US", "postal_code": "98052",
		"contact": "Buyer", "contact_email": "buyer@example.com", "solution": "SOL-1-A"})
	id := made["id"].(string)
	r.query(r.agent, "SELECT Amount, Account.BillingCountry, Owner.Email, (SELECT Solution_Identifier__c FROM Microsoft_Solutions__r), (SELECT Contact.Email FROM OpportunityContactRoles WHERE IsPrimary = true) FROM Opportunity").
		equal("records.0.Microsoft_Solutions__r.records.0.Solution_Identifier__c", "SOL-1-A")
	row, _ := r.org.Row("Opportunity", id)
	if row["Amount"] != 1200.5 || row["AccountId"] != made["account_id"] || row["LastModifiedById"] != r.org.seller.userID {
		t.Errorf("%v", row)
	}
	again := do("create_opportunity", map[string]string{"name": "Fabrikam support", "account": "fabrikam"})
	if again["account_id"] != made["account_id"] {
		t.Error("an account was made twice")
	}
	do("create_account", map[string]string{"name": "Contoso", "country": "FR", "Industry": "Retail"})
	r.set(switchCountryPicklists, on)
	french, _ := r.org.Row("Account", do("create_account", map[string]string{"name": "Contoso France", "country": "FR"})["id"].(string))
	if french["BillingCountry"] != "France" || french["BillingCountryCode"] != "FR" {
		t.Errorf("%v", french)
	}
	r.set(switchCountryPicklists, off)
	do("edit_opportunity", map[string]string{"id": id, "stage": "Closed Won", "IsPrivate": "true"})
	do("edit_account", map[string]string{"id": made["account_id"].(string), "city": "Redmond"})
	do("remove_contact", map[string]string{"id": made["role_id"].(string)})
	do("remove_solution", map[string]string{"id": made["solution_id"].(string)})
	do("delete_opportunity", map[string]string{"id": id})
	if _, found := r.org.Row("Opportunity", id); found {
		t.Error("the opportunity is still there")
	}
	for name, args := range map[string]map[string]string{"edit_opportunity": {"id": id}, "create_account": {}, "delete_opportunity": {"id": id, "more": "x"},
		"add_solution": {"opportunity": id, "solution": "x", "object": "Nothing__c"}, "create_opportunity": {"name": "x", "country": "US"}} {
		if _, err := acts[name].Do(context.Background(), args); err == nil {
			t.Errorf("%s %v was accepted", name, args)
		}
	}
}

// TestChoosingASolution shows that a seller can choose a row of the solution catalogue without typing an identifier, and change
// the people of a deal.
func TestChoosingASolution(t *testing.T) {
	r := newRig(t)
	r.solutions()
	r.must("createMetadata", `<metadata xsi:type="CustomObject"><fullName>Microsoft_Solution_Detail__c</fullName><deploymentStatus>Deployed</deploymentStatus>`+
		`<label>Solution</label><nameField><label>Name</label><type>Text</type></nameField><pluralLabel>Solutions</pluralLabel>`+
		`<sharingModel>ReadWrite</sharingModel></metadata>`)
	r.must("createMetadata", fieldXML("Microsoft_Solution_Detail__c.Solution_Identifier__c", `<length>100</length><type>Text</type>`)+
		fieldXML("Microsoft_Solution__c.Solution_Detail__c", `<referenceTo>Microsoft_Solution_Detail__c</referenceTo><relationshipName>Rows</relationshipName><type>Lookup</type>`))
	detail, err := r.org.Create(detailObject, map[string]any{"Name": "First", "Solution_Identifier__c": "SOL-1-A"})
	if err != nil {
		t.Fatal(err)
	}
	do := func(name string, args map[string]string) (map[string]any, error) {
		for _, act := range r.org.Acts() {
			if act.Name == name {
				return act.Do(context.Background(), args)
			}
		}
		return nil, errors.New("unknown act " + name)
	}
	made, err := do("create_opportunity", map[string]string{"name": "Deal", "contact": "Buyer"})
	if err != nil {
		t.Fatal(err)
	}
	id, role := made["id"].(string), made["role_id"].(string)
	for chosen, typed := range map[string]any{"detail": nil, "solution": "SOL-1-A"} {
		added, err := do("add_solution", map[string]string{"opportunity": id, chosen: "SOL-1-A"})
		if err != nil {
			t.Fatal(err)
		}
		if row, _ := r.org.Row(solutionObject, added["id"].(string)); row[solutionDetail] != detail || row[solutionNumber] != typed {
			t.Errorf("%s: %v", chosen, row)
		}
	}
	for _, wrong := range []map[string]string{{"opportunity": id}, {"opportunity": id, "detail": "SOL-9"}} {
		if _, err := do("add_solution", wrong); err == nil {
			t.Errorf("%v was accepted", wrong)
		}
	}
	if _, err := do("edit_contact", map[string]string{"id": role, "email": "buyer@example.com", "role": "Evaluator", "primary": "false"}); err != nil {
		t.Fatal(err)
	}
	other, err := r.org.Create("Contact", map[string]any{"LastName": "Other"})
	if err != nil {
		t.Fatal(err)
	}
	edited := r.query(r.agent, "SELECT Role, IsPrimary, Contact.Email FROM OpportunityContactRole")
	edited.equal("records.0.Role", "Evaluator")
	edited.equal("records.0.IsPrimary", false)
	edited.equal("records.0.Contact.Email", "buyer@example.com")
	if _, err := do("edit_contact", map[string]string{"id": role, "contact": other, "phone": "+1 425 555 0199"}); err != nil {
		t.Fatal(err)
	}
	replaced := r.query(r.agent, "SELECT Contact.LastName, Contact.Phone FROM OpportunityContactRole")
	replaced.equal("records.0.Contact.LastName", "Other")
	replaced.equal("records.0.Contact.Phone", "+1 425 555 0199")
	if _, err := do("edit_contact", map[string]string{"id": id, "email": "x@example.com"}); err == nil {
		t.Error("an opportunity was taken for a contact role")
	}
}
