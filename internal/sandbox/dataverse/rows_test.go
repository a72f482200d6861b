package dataverse

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A row is made, read with its version, changed under the version only, and not resurrected by If-Match.
func TestRows(t *testing.T) {
	r := newRig(t)
	account := r.create("accounts", m{"name": "Fabrikam", "address1_country": "NO"})
	made := r.as(r.agent, http.MethodPost, "opportunities?$select=name,estimatedvalue,statuscode", m{
		"name": "Deal", "estimatedvalue": 1234.5, "estimatedclosedate": "2026-05-01", "parentaccountid@odata.bind": "/accounts(" + account + ")",
		"customerid_account@odata.bind": r.url + "/api/data/v9.2/accounts(" + account + ")",
	}, "Prefer", `return=representation,odata.include-annotations="*"`).want(201)
	if made.text("statuscode@OData.Community.Display.V1.FormattedValue") != "In Progress" || made.text("estimatedvalue@OData.Community.Display.V1.FormattedValue") != "$1,234.50" {
		t.Errorf("the representation is %s", made.raw)
	}
	if made.header.Get("ETag") != made.text("@odata.etag") || !strings.HasPrefix(made.text("@odata.etag"), `W/"`) {
		t.Errorf("the version is %q", made.header.Get("ETag"))
	}
	path := "opportunities(" + made.text("opportunityid") + ")"
	full := r.send(http.MethodGet, path+"?$expand=parentaccountid($select=name)", nil, "If-None-Match", "null", "Prefer", `odata.include-annotations="*"`).want(200)
	if full.text("_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname") != "account" || full.text("parentaccountid", "name") != "Fabrikam" ||
		full.text("_customerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty") != "customerid_account" || full.text("estimatedclosedate") != "2026-05-01" {
		t.Errorf("the row is %s", full.raw)
	}
	r.send(http.MethodGet, path, nil, "If-None-Match", made.text("@odata.etag")).want(304)
	r.send(http.MethodPatch, path, m{"description": "first"}, "If-Match", made.text("@odata.etag")).want(204)
	r.send(http.MethodPatch, path, m{"description": "second"}, "If-Match", made.text("@odata.etag")).want(412, codeVersion)
	r.send(http.MethodPatch, path, m{"name": strings.Repeat("x", 301)}, "If-Match", "*").want(400, codeTooLong)
	r.send(http.MethodPatch, path, m{"salesstage": 77}, "If-Match", "*").want(400, codeOption)
	r.send(http.MethodPatch, path, m{"nothing": 1}, "If-Match", "*").want(400, codePayload)
	r.send(http.MethodPatch, path, m{"Name": "case matters"}, "If-Match", "*").want(400, codePayload)
	r.send(http.MethodPatch, path, m{"parentaccountid@odata.bind": nil}, "If-Match", "*").want(204)
	r.send(http.MethodPut, path+"/name", m{"value": "Renamed"}).want(204)
	if got := r.send(http.MethodGet, path+"/name", nil).want(200); got.text("value") != "Renamed" {
		t.Errorf("the property is %s", got.raw)
	}
	r.send(http.MethodDelete, path, nil, "If-Match", made.text("@odata.etag")).want(412, codeVersion)
	r.send(http.MethodDelete, path, nil).want(204)
	r.send(http.MethodPatch, path, m{"name": "again"}, "If-Match", "*").want(404, codeNotFound)
	r.send(http.MethodPatch, path, m{"name": "again"}).want(204)
	r.send(http.MethodPost, "opportunities", m{"opportunityid": made.text("opportunityid"), "name": "twice"}).want(412, codeDuplicate)
}

// A row is made once by its alternate key, and its key cannot be given to another row.
func TestUpsertByKey(t *testing.T) {
	r := newRig(t)
	r.referralColumn()
	const path = "opportunities(cosell_referralid='4b9cf0be-3d4a-4b8c-8d2b-1f5f4c2a1b11')"
	r.send(http.MethodGet, path, nil).want(404, codeNoKeyMatch)
	made := r.send(http.MethodPatch, path, m{"name": "Deal"}, "If-None-Match", "*").want(204)
	if !strings.HasSuffix(made.header.Get("OData-EntityId"), path) {
		t.Errorf("the row is at %s", made.header.Get("OData-EntityId"))
	}
	r.send(http.MethodPatch, path, m{"name": "Deal"}, "If-None-Match", "*").want(412, codeDuplicate)
	r.send(http.MethodPatch, path, m{"name": "Changed", "cosell_referralid": "dropped"}, "Prefer", "return=representation").want(200)
	row := r.send(http.MethodGet, path+"?$select=name", nil).want(200)
	if row.text("name") != "Changed" {
		t.Errorf("the row is %s", row.raw)
	}
	r.send(http.MethodPost, "opportunities", m{"name": "Twin", "cosell_referralid": "4b9cf0be-3d4a-4b8c-8d2b-1f5f4c2a1b11"}).want(412, codeKeyTaken)
	r.send(http.MethodPost, "opportunities", m{"name": "Without"}).want(204)
	r.send(http.MethodPost, "opportunities", m{"name": "Without too"}).want(204)
	r.send(http.MethodGet, "opportunities(emailaddress='x')", nil).want(400, codeKeyUndefined)
}

// Queries filter by functions, paths and lambdas, count, order and page; what is wrong is refused even when there is no row.
func TestQueries(t *testing.T) {
	r := newRig(t)
	account := r.create("accounts", m{"name": "Fabrikam", "address1_postalcode": "0150"})
	for _, name := range []string{"Alpha", "beta", "Gamma", "Delta's"} {
		r.create("opportunities", m{"name": name, "estimatedvalue": len(name), "parentaccountid@odata.bind": "/accounts(" + account + ")"})
	}
	for filter, want := range map[string]int{
		"name eq 'BETA'": 1, "contains(name,'a')": 4, "startswith(name,'ga') or name eq 'Delta''s'": 2, "not (estimatedvalue gt 4)": 1,
		"estimatedvalue ge 5 and estimatedvalue le 5": 2, "parentaccountid/address1_postalcode eq '0150'": 4, "_parentaccountid_value eq " + account: 4,
		"description eq null": 4, "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[\"alpha\",\"gamma\"])": 2, "createdon gt 2020-01-01T00:00:00Z": 4,
		"statecode eq 0 and endswith(name,'a')": 3, "_customerid_value ne null": 0,
	} {
		if got := r.send(http.MethodGet, "opportunities?$select=name&$count=true&$filter="+strings.ReplaceAll(filter, `"`, "%22"), nil).want(200); got.get("@odata.count") != float64(want) {
			t.Errorf("%s finds %v, not %d", filter, got.get("@odata.count"), want)
		}
	}
	if got := r.send(http.MethodGet, "accounts?$filter=opportunity_parent_account/any(o:o/name eq 'beta')&$expand=opportunity_parent_account($select=name;$orderby=name desc;$top=1)", nil).want(200); got.text("value", 0, "opportunity_parent_account", 0, "name") != "Gamma" {
		t.Errorf("the lambda and the expand gave %s", got.raw)
	}
	for _, query := range []string{"$filter=nothing eq 1", "$select=nothing", "$orderby=nothing", "$expand=nothing", "$filter=name eq 1", "$filter=_parentaccountid_value eq 'x'", "$skip=1", "$filter=name eq"} {
		r.send(http.MethodGet, "leads?"+strings.Replace(query, "name", "subject", 1), nil).want(400, codeResource)
	}
	var names []string
	next := "opportunities?$select=name&$orderby=name%20desc"
	for pages := 0; next != "" && pages < 5; pages++ {
		page := r.send(http.MethodGet, next, nil, "Prefer", "odata.maxpagesize=3").want(200)
		for i := range page.list("value") {
			names = append(names, page.text("value", i, "name"))
		}
		next = page.text("@odata.nextLink")
	}
	if strings.Join(names, " ") != "Gamma Delta's beta Alpha" {
		t.Errorf("the pages hold %v", names)
	}
	if got := r.send(http.MethodGet, "opportunities/$count?%24filter=contains(name%2C%27a%27)+and+statecode+eq+0", nil).want(200); string(got.raw) != "4" {
		t.Errorf("the count is %s", got.raw)
	}
}

// Change tracking gives all rows and a token, then what changed and what is gone, as often as one asks, until the token expires.
func TestDelta(t *testing.T) {
	r := newRig(t)
	r.send(http.MethodGet, "opportunities?$select=name", nil, "Prefer", "odata.track-changes").want(400, codeNoTracking)
	r.send(http.MethodPut, "EntityDefinitions(LogicalName='opportunity')", m{"ChangeTrackingEnabled": true}).want(204)
	first, second := r.create("opportunities", m{"name": "First"}), r.create("opportunities", m{"name": "Second"})
	r.send(http.MethodGet, "opportunities?$select=name&$filter=name%20eq%20'x'", nil, "Prefer", "odata.track-changes").want(400)
	page := r.as(r.agent, http.MethodGet, "opportunities?$select=name", nil, "Prefer", "odata.track-changes,odata.maxpagesize=1").want(200)
	if page.header.Get("Preference-Applied") == "" || page.text("@odata.deltaLink") != "" {
		t.Errorf("the first page is %s", page.raw)
	}
	r.send(http.MethodPatch, "opportunities("+first+")", m{"description": "between the pages"}).want(204)
	last := r.as(r.agent, http.MethodGet, page.text("@odata.nextLink"), nil, "Prefer", "odata.track-changes,odata.maxpagesize=1").want(200)
	for last.text("@odata.nextLink") != "" {
		last = r.as(r.agent, http.MethodGet, last.text("@odata.nextLink"), nil, "Prefer", "odata.track-changes,odata.maxpagesize=1").want(200)
	}
	r.send(http.MethodDelete, "opportunities("+second+")", nil).want(204)
	for range 2 {
		changes := r.as(r.agent, http.MethodGet, last.text("@odata.deltaLink"), nil).want(200)
		if changes.text("value", 0, "opportunityid") != first || changes.text("value", 1, "id") != second || changes.text("value", 1, "reason") != "deleted" ||
			!strings.HasSuffix(changes.text("@odata.context"), "#opportunities(name)/$delta") {
			t.Errorf("the changes are %s", changes.raw)
		}
		if again := r.as(r.agent, http.MethodGet, changes.text("@odata.deltaLink"), nil).want(200); len(again.list("value")) != 0 {
			t.Errorf("after the changes come %s", again.raw)
		}
	}
	r.kit.Clock.Advance(8 * 24 * time.Hour)
	r.as(r.token(r.login), http.MethodGet, last.text("@odata.deltaLink"), nil).want(400, codeExpiredToken)
}

// A batch runs its parts in order, a change set as one, and Content-IDs stand for what was made.
func TestBatch(t *testing.T) {
	r := newRig(t)
	set := func(second string) string {
		return strings.ReplaceAll(`--batch_a
Content-Type: multipart/mixed; boundary=changeset_b

--changeset_b
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST /api/data/v9.2/accounts HTTP/1.1
Content-Type: application/json

{"name":"Fabrikam"}
--changeset_b
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

POST /api/data/v9.2/opportunities HTTP/1.1
Content-Type: application/json

`+second+`
--changeset_b--
--batch_a
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/accounts?$select=name&$count=true HTTP/1.1
Accept: application/json

--batch_a--
`, "\n", "\r\n")
	}
	send := func(second string, headers ...string) answer {
		return r.send(http.MethodPost, "$batch", set(second), append(headers, "Content-Type", "multipart/mixed; boundary=batch_a")...)
	}
	good := send(`{"name":"Deal","parentaccountid@odata.bind":"$1"}`).want(200)
	if text := string(good.raw); !strings.Contains(text, "Content-ID: 2") || !strings.Contains(text, `"@odata.count":1`) || strings.Count(text, "HTTP/1.1 204") != 2 {
		t.Errorf("the batch answered %s", good.raw)
	}
	if deal := r.send(http.MethodGet, "opportunities?$expand=parentaccountid", nil).want(200); deal.text("value", 0, "parentaccountid", "name") != "Fabrikam" {
		t.Errorf("the deal is %s", deal.raw)
	}
	bad := send(`{"name":"Deal","nothing":1}`).want(400)
	if strings.Contains(string(bad.raw), `"@odata.count"`) {
		t.Errorf("the batch went on after an error: %s", bad.raw)
	}
	goOn := send(`{"name":"Deal","nothing":1}`, "Prefer", "odata.continue-on-error").want(200)
	if text := string(goOn.raw); !strings.Contains(text, codePayload) || !strings.Contains(text, `"@odata.count":1`) {
		t.Errorf("the batch that goes on answered %s", goOn.raw)
	}
	missing := send(`{"name":"Deal","parentaccountid@odata.bind":"$9"}`).want(400)
	if !strings.Contains(string(missing.raw), "Content-ID Reference: '$9' does not exist in the batch context.") {
		t.Errorf("a reference to nothing answered %s", missing.raw)
	}
	for _, op := range r.kit.Log.Since(0) {
		if op.IsWrite() && op.Status == 0 {
			t.Errorf("the log holds %+v", op)
		}
	}
}

// Bulk operations are all or nothing, and every row says its type.
func TestBulk(t *testing.T) {
	r := newRig(t)
	const kind = "Microsoft.Dynamics.CRM.account"
	made := r.send(http.MethodPost, "accounts/Microsoft.Dynamics.CRM.CreateMultiple", m{"Targets": []m{{"@odata.type": kind, "name": "A"}, {"@odata.type": kind, "name": "B"}}}).want(200)
	r.send(http.MethodPost, "accounts/Microsoft.Dynamics.CRM.CreateMultiple", m{"Targets": []m{{"@odata.type": kind, "name": "C"}, {"@odata.type": kind, "nothing": 1}}}).want(400)
	r.send(http.MethodPost, "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", m{"Targets": []m{{"@odata.type": kind, "accountid": made.text("Ids", 1), "name": "B2"}}}).want(204)
	names := r.send(http.MethodGet, "accounts?$select=name", nil).want(200)
	if len(names.list("value")) != 2 || names.text("value", 1, "name") != "B2" {
		t.Errorf("the accounts are %s", names.raw)
	}
}

// Many to many relationships and collections are changed by references.
func TestReferences(t *testing.T) {
	r := newRig(t)
	who := r.as(r.agent, http.MethodGet, "WhoAmI", nil).want(200).text("UserId")
	admin := r.send(http.MethodGet, "roles?$filter=name eq 'System Administrator'", nil).want(200).text("value", 0, "roleid")
	path := "systemusers(" + who + ")/systemuserroles_association"
	r.as(r.agent, http.MethodPost, "publishers", m{}).want(403, codePrivilege)
	r.send(http.MethodPost, path+"/$ref", m{"@odata.id": r.url + "/api/data/v9.2/roles(" + admin + ")"}).want(204)
	if got := r.send(http.MethodGet, path+"?$select=name", nil).want(200); len(got.list("value")) != 2 {
		t.Errorf("the roles are %s", got.raw)
	}
	r.as(r.agent, http.MethodPost, "publishers", m{}).want(400)
	r.send(http.MethodDelete, path+"("+admin+")/$ref", nil).want(204)
	account := r.create("accounts", m{"name": "Fabrikam"})
	deal := r.create("opportunities", m{"name": "Deal"})
	r.send(http.MethodPost, "accounts("+account+")/opportunity_customer_accounts/$ref", m{"@odata.id": r.url + "/api/data/v9.2/opportunities(" + deal + ")"}).want(204)
	r.send(http.MethodDelete, "opportunities("+deal+")/customerid_account/$ref", nil).want(204)
	user := r.create("systemusers", m{"applicationid": "7f4ce8a1-0f63-4f0e-9b59-2c1f4be4d7aa", "accessmode": 4, "isdisabled": false,
		"businessunitid@odata.bind": "/businessunits(" + r.send(http.MethodGet, "businessunits?$filter=parentbusinessunitid eq null", nil).text("value", 0, "businessunitid") + ")"})
	r.send(http.MethodGet, "systemusers?$filter=applicationid eq 7f4ce8a1-0f63-4f0e-9b59-2c1f4be4d7aa&$expand=systemuserroles_association", nil).want(200)
	if user == "" {
		t.Error("the application user has no id")
	}
}
