package salesforce

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRowLifecycle(t *testing.T) {
	r := newRig(t)
	account := r.create(r.agent, "Account", map[string]any{"Name": "Fabrikam", "BillingCountry": "US"})
	id := r.create(r.agent, "Opportunity", map[string]any{"Name": "Fabrikam renewal", "StageName": "closed won", "CloseDate": "2027-01-31", "AccountId": account[:15], "Amount": 100})
	row := r.rest(r.agent, "GET", "/sobjects/Opportunity/"+id[:15], nil).want(http.StatusOK)
	for path, want := range map[string]any{"Id": id, "StageName": "Closed Won", "IsWon": true, "IsClosed": true, "Probability": 100.0, "AccountId": account,
		"OwnerId": r.org.Credentials().Agent.UserID, "attributes.type": "Opportunity", "attributes.url": "/services/data/v66.0/sobjects/Opportunity/" + id} {
		row.equal(path, want)
	}
	if !strings.Contains(string(row.raw), `"Amount":100.0`) {
		t.Error("currency values show a fraction")
	}
	if stamp, _ := row.at("SystemModstamp").(string); !strings.HasSuffix(stamp, ".000+0000") {
		t.Errorf("SystemModstamp: %s", stamp)
	}
	r.kit.Clock.Advance(time.Minute)
	if a := r.rest(r.admin, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"StageName": "Prospecting", "Amount": nil}).want(http.StatusNoContent); len(a.raw) != 0 {
		t.Error("an update answers without a body")
	}
	fields := r.rest(r.agent, "GET", "/sobjects/Opportunity/"+id+"?fields=Amount,IsWon,LastModifiedById", nil)
	fields.equal("Amount", nil)
	fields.equal("LastModifiedById", r.org.Credentials().Provider.UserID)
	r.rest(r.agent, "DELETE", "/sobjects/Account/"+account, nil).want(http.StatusNoContent) // cascades
	r.rest(r.agent, "GET", "/sobjects/Opportunity/"+id, nil).refused(http.StatusNotFound, "ENTITY_IS_DELETED")
	r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Amount": 1}).refused(http.StatusNotFound, "ENTITY_IS_DELETED")
	r.query(r.agent, "SELECT Id FROM Opportunity").equal("totalSize", 0.0)
	r.rest(r.agent, "GET", "/queryAll?q="+url.QueryEscape("SELECT Id, IsDeleted FROM Opportunity WHERE IsDeleted = true"), nil).equal("records.0.Id", id)
	now := r.kit.Clock.Now()
	window := "?start=" + url.QueryEscape(now.Add(-time.Hour).Format(time.RFC3339)) + "&end=" + url.QueryEscape(now.Add(time.Hour).Format(time.RFC3339))
	r.rest(r.agent, "GET", "/sobjects/Opportunity/deleted/"+window, nil).want(http.StatusOK).equal("deletedRecords.0.id", id)
	other := r.opportunity("Contoso pilot")
	r.rest(r.agent, "GET", "/sobjects/Opportunity/updated"+window, nil).want(http.StatusOK).equal("ids.0", other)
	r.rest(r.agent, "GET", "/sobjects/Opportunity/updated?start=x&end=y", nil).refused(http.StatusBadRequest, "INVALID_REPLICATION_DATE")
}

func TestRowErrors(t *testing.T) {
	r := newRig(t)
	id := r.opportunity("Fabrikam renewal")
	base := func() map[string]any {
		return map[string]any{"Name": "x", "StageName": "Prospecting", "CloseDate": "2027-01-31"}
	}
	cases := []struct {
		field string
		value any
		code  string
		part  string
	}{
		{"Name", nil, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"},
		{"Name", strings.Repeat("x", 121), "STRING_TOO_LONG", "(max length=120)"},
		{"Nothing__c", "x", "INVALID_FIELD", "No such column 'Nothing__c' on sobject of type Opportunity"},
		{"IsWon", true, "INVALID_FIELD_FOR_INSERT_UPDATE", "IsWon"},
		{"CreatedDate", "2020-01-01T00:00:00Z", "INVALID_FIELD_FOR_INSERT_UPDATE", "CreatedDate"},
		{"Amount", 1e17, "NUMBER_OUTSIDE_VALID_RANGE", "Amount"},
		{"Amount", "much", "JSON_PARSER_ERROR", "currency"},
		{"CloseDate", "tomorrow", "JSON_PARSER_ERROR", "date"},
		{"IsPrivate", "yes", "JSON_PARSER_ERROR", "boolean"},
		{"IsPrivate", nil, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Private"},
		{"ForecastCategoryName", "Sure", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Sure"},
		{"AccountId", "x", "MALFORMED_ID", "Account ID"},
		{"AccountId", id, "FIELD_INTEGRITY_EXCEPTION", "incorrect type"},
		{"AccountId", id18("001gk0000000009"), "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"},
		{"CurrencyIsoCode", "EUR", "INVALID_FIELD", "CurrencyIsoCode"},
	}
	for _, c := range cases {
		in := base()
		in[c.field] = c.value
		if msg := r.rest(r.agent, "POST", "/sobjects/Opportunity", in).refused(http.StatusBadRequest, c.code); !strings.Contains(msg, c.part) {
			t.Errorf("%s=%v: %s", c.field, c.value, msg)
		}
	}
	r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Id": id}).refused(http.StatusBadRequest, "INVALID_FIELD")
	r.rest(r.agent, "GET", "/sobjects/Opportunity/"+id18("006gk0000000099"), nil).refused(http.StatusNotFound, "NOT_FOUND")
	r.rest(r.agent, "GET", "/sobjects/Opportunity/nonsense", nil).refused(http.StatusNotFound, "NOT_FOUND")
	r.rest(r.agent, "POST", "/sobjects/OpportunityStage", map[string]any{}).refused(http.StatusBadRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	r.rest(r.agent, "POST", "/sobjects/PermissionSet", map[string]any{"Name": "X", "Label": "X"}).refused(http.StatusForbidden, "INSUFFICIENT_ACCESS_OR_READONLY")
	req, _ := http.NewRequest("POST", r.server.URL+"/services/data/v66.0/sobjects/Account", strings.NewReader("{"))
	req.Header.Set("Authorization", "Bearer "+r.agent)
	req.Header.Set("Content-Type", "application/json")
	r.do(req).refused(http.StatusBadRequest, "JSON_PARSER_ERROR")
}

func TestExternalID(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Opportunity.Cosell_Referral_Key__c", keyField)+
		fieldXML("Account.Loose_Key__c", `<externalId>true</externalId><length>20</length><type>Text</type>`))
	r.grant("Opportunity.Cosell_Referral_Key__c", "Account.Loose_Key__c")
	path := "/sobjects/Opportunity/Cosell_Referral_Key__c/R-1"
	in := map[string]any{"Name": "x", "StageName": "Prospecting", "CloseDate": "2027-01-31"}
	r.rest(r.agent, "PATCH", path+"?updateOnly=true", in).refused(http.StatusNotFound, "NOT_FOUND")
	created := r.rest(r.agent, "PATCH", path, in).want(http.StatusCreated)
	created.equal("created", true)
	r.rest(r.agent, "PATCH", path, map[string]any{"Name": "y"}).want(http.StatusOK).equal("created", false)
	r.rest(r.agent, "GET", path, nil).want(http.StatusOK).equal("Name", "y")
	r.rest(r.agent, "PATCH", path, map[string]any{"Cosell_Referral_Key__c": "R-1"}).refused(http.StatusBadRequest, "INVALID_FIELD")
	in["Cosell_Referral_Key__c"] = "r-1" // unique without regard to case
	msg := r.rest(r.agent, "POST", "/sobjects/Opportunity", in).refused(http.StatusBadRequest, "DUPLICATE_VALUE")
	if !strings.Contains(msg, created.at("id").(string)) {
		t.Error(msg)
	}
	for range 2 {
		r.create(r.agent, "Account", map[string]any{"Name": "Contoso", "Loose_Key__c": "K"})
	}
	if list, _ := r.rest(r.agent, "PATCH", "/sobjects/Account/Loose_Key__c/K", map[string]any{}).want(http.StatusMultipleChoices).at("").([]any); len(list) != 2 {
		t.Errorf("%v", list)
	}
	r.rest(r.agent, "GET", "/sobjects/Account/Name/Contoso", nil).refused(http.StatusNotFound, "NOT_FOUND")
	contact := r.create(r.agent, "Contact", map[string]any{"LastName": "Buyer"})
	r.create(r.agent, "OpportunityContactRole", map[string]any{"Opportunity": map[string]any{"Cosell_Referral_Key__c": "R-1"}, "ContactId": contact})
	r.rest(r.agent, "DELETE", path, nil).want(http.StatusNoContent)
}

func TestConditionalRequests(t *testing.T) {
	r := newRig(t)
	id := r.opportunity("Fabrikam renewal")
	path := "/sobjects/Opportunity/" + id
	seen := r.rest(r.agent, "GET", path, nil).header.Get("Last-Modified")
	r.rest(r.agent, "GET", path, nil, "If-Modified-Since", seen).want(http.StatusNotModified)
	r.kit.Clock.Advance(2 * time.Second)
	if err := r.org.Edit("Opportunity", id, map[string]any{"NextStep": "call"}); err != nil {
		t.Fatal(err)
	}
	r.rest(r.agent, "GET", path, nil, "If-Modified-Since", seen).want(http.StatusOK)
	r.rest(r.agent, "PATCH", path, map[string]any{"NextStep": "x"}, "If-Unmodified-Since", seen).want(http.StatusPreconditionFailed)
	r.rest(r.agent, "PATCH", path, map[string]any{"NextStep": "x"}, "If-Unmodified-Since", "never").want(http.StatusBadRequest)
	r.rest(r.agent, "DELETE", path, nil, "If-Unmodified-Since", seen).want(http.StatusBadRequest)
	r.set(switchConditional, "ignored")
	r.rest(r.agent, "PATCH", path, map[string]any{"NextStep": "x"}, "If-Unmodified-Since", seen).want(http.StatusNoContent)
	describe := r.rest(r.agent, "GET", "/sobjects/Opportunity/describe", nil).want(http.StatusOK).header.Get("Last-Modified")
	r.rest(r.agent, "GET", "/sobjects/Opportunity/describe", nil, "If-Modified-Since", describe).want(http.StatusNotModified)
}

func TestContactRoles(t *testing.T) {
	r := newRig(t)
	deal := r.opportunity("Fabrikam renewal")
	role := func(primary bool) answer {
		contact := r.create(r.agent, "Contact", map[string]any{"LastName": "Buyer"})
		return r.rest(r.agent, "POST", "/sobjects/OpportunityContactRole", map[string]any{"OpportunityId": deal, "ContactId": contact, "IsPrimary": primary})
	}
	count := func() any {
		return r.query(r.agent, "SELECT COUNT() FROM OpportunityContactRole WHERE IsPrimary = TRUE").at("totalSize")
	}
	role(true).want(http.StatusCreated)
	role(true).want(http.StatusCreated)
	if count() != 1.0 {
		t.Error("the first primary role was not demoted")
	}
	r.set(switchPrimaryRole, "rejected")
	role(true).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	r.set(switchPrimaryRole, "allowed")
	role(true).want(http.StatusCreated)
	if count() != 2.0 {
		t.Error("two primary roles are allowed")
	}
	stamp := func() any { row, _ := r.org.Row("Opportunity", deal); return row["SystemModstamp"] }
	before := stamp()
	r.kit.Clock.Advance(time.Minute)
	role(false).want(http.StatusCreated)
	if stamp() != before {
		t.Error("a role does not touch the opportunity")
	}
	r.set(switchRoleTouchesParent, "yes")
	role(false).want(http.StatusCreated)
	if stamp() == before {
		t.Error("a role touches the opportunity")
	}
}

func TestOrgFeatures(t *testing.T) {
	r := newRig(t)
	r.query(r.agent, "SELECT IsoCode FROM CurrencyType").refused(http.StatusBadRequest, "INVALID_TYPE")
	r.set(switchMultiCurrency, on)
	r.query(r.agent, "SELECT IsoCode FROM CurrencyType").want(http.StatusOK).equal("totalSize", 4.0)
	id := r.create(r.agent, "Opportunity", map[string]any{"Name": "x", "StageName": "Prospecting", "CloseDate": "2027-01-31", "CurrencyIsoCode": "EUR"})
	r.rest(r.agent, "GET", "/sobjects/Opportunity/"+id, nil).equal("CurrencyIsoCode", "EUR")

	r.set(switchCountryPicklists, on)
	account := r.create(r.agent, "Account", map[string]any{"Name": "Contoso", "BillingCountryCode": "LK"})
	r.rest(r.agent, "GET", "/sobjects/Account/"+account, nil).equal("BillingCountry", "Sri Lanka")
	r.rest(r.agent, "GET", "/sobjects/Account/"+account, nil).equal("BillingAddress.countryCode", "LK")
	r.rest(r.agent, "PATCH", "/sobjects/Account/"+account, map[string]any{"BillingCountry": "france"}).want(http.StatusNoContent)
	r.rest(r.agent, "GET", "/sobjects/Account/"+account, nil).equal("BillingCountryCode", "FR")
	for _, in := range []map[string]any{{"BillingCountry": "LK"}, {"BillingCountry": "Sri Lanka", "BillingCountryCode": "DE"}, {"BillingStateCode": "WA"}} {
		r.rest(r.agent, "PATCH", "/sobjects/Account/"+account, in).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	}
	r.rest(r.agent, "PATCH", "/sobjects/Account/"+account, map[string]any{"BillingCountryCode": "ZZ"}).refused(http.StatusBadRequest, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
}

func TestAccess(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Opportunity.Audit__c", `<length>100000</length><type>LongTextArea</type><visibleLines>4</visibleLines>`))
	id := r.opportunity("Fabrikam renewal")
	write := func(token string) answer {
		return r.rest(token, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Audit__c": "x"})
	}
	for _, token := range []string{r.admin, r.agent} { // not even an administrator sees it
		r.query(token, "SELECT Audit__c FROM Opportunity").refused(http.StatusBadRequest, "INVALID_FIELD")
		write(token).refused(http.StatusBadRequest, "INVALID_FIELD")
		if strings.Contains(string(r.rest(token, "GET", "/sobjects/Opportunity/describe", nil).raw), "Audit__c") {
			t.Error("describe shows a hidden field")
		}
	}
	if err := r.org.Edit("Opportunity", id, map[string]any{"Audit__c": "people see it"}); err != nil {
		t.Error(err)
	}
	set := r.create(r.admin, "PermissionSet", map[string]any{"Name": "Cosell_Agent", "Label": "Cosell Agent"})
	row := map[string]any{"ParentId": set, "SobjectType": "Opportunity", "Field": "Opportunity.Audit__c", "PermissionsRead": true, "PermissionsEdit": false}
	perm := r.create(r.admin, "FieldPermissions", row)
	r.rest(r.admin, "POST", "/sobjects/FieldPermissions", row).refused(http.StatusBadRequest, "DUPLICATE_VALUE")
	write(r.agent).refused(http.StatusBadRequest, "INVALID_FIELD") // the set is assigned to nobody
	assign := map[string]any{"AssigneeId": r.org.Credentials().Agent.UserID, "PermissionSetId": set}
	r.create(r.admin, "PermissionSetAssignment", assign)
	r.rest(r.admin, "POST", "/sobjects/PermissionSetAssignment", assign).refused(http.StatusBadRequest, "DUPLICATE_VALUE")
	write(r.agent).refused(http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE")
	edit := "/sobjects/FieldPermissions/" + perm
	r.rest(r.admin, "PATCH", edit, map[string]any{"PermissionsRead": false, "PermissionsEdit": true}).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	r.rest(r.admin, "PATCH", edit, map[string]any{"PermissionsEdit": true}).want(http.StatusNoContent)
	write(r.agent).want(http.StatusNoContent)
	write(r.admin).refused(http.StatusBadRequest, "INVALID_FIELD")
	r.rest(r.admin, "PATCH", edit, map[string]any{"PermissionsRead": false, "PermissionsEdit": false}).want(http.StatusNoContent)
	r.rest(r.admin, "GET", edit, nil).refused(http.StatusNotFound, "NOT_FOUND")
	row["Field"] = "Opportunity.StageName"
	r.rest(r.admin, "POST", "/sobjects/FieldPermissions", row).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	row["Field"] = "Opportunity.Nothing__c"
	r.rest(r.admin, "POST", "/sobjects/FieldPermissions", row).refused(http.StatusBadRequest, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	r.rest(r.admin, "POST", "/sobjects/PermissionSet", map[string]any{"Name": "Bad Name", "Label": "x"}).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	r.rest(r.admin, "POST", "/sobjects/PermissionSet", map[string]any{"Name": "Cosell_Agent", "Label": "x"}).refused(http.StatusBadRequest, "DUPLICATE_VALUE")
	r.set(switchDefaultAccess, "admin")
	write(r.admin).want(http.StatusNoContent)
	write(r.agent).refused(http.StatusBadRequest, "INVALID_FIELD")
	row["Field"] = "Opportunity.Audit__c"
	r.create(r.admin, "FieldPermissions", row)
	r.rest(r.admin, "DELETE", "/sobjects/PermissionSet/"+set, nil).want(http.StatusNoContent)
	for _, object := range []string{"FieldPermissions", "PermissionSetAssignment"} {
		if rows := r.org.Rows(object); len(rows) != 0 {
			t.Errorf("a deleted permission set leaves %v", rows)
		}
	}
}

func TestObjectAccess(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", `<metadata xsi:type="CustomObject"><fullName>Thing__c</fullName><deploymentStatus>Deployed</deploymentStatus><label>Thing</label>`+
		`<nameField><label>Name</label><type>Text</type></nameField><pluralLabel>Things</pluralLabel><sharingModel>ReadWrite</sharingModel></metadata>`)
	r.query(r.admin, "SELECT Id FROM Thing__c").refused(http.StatusBadRequest, "INVALID_TYPE")
	r.rest(r.admin, "GET", "/sobjects/Thing__c/describe", nil).refused(http.StatusNotFound, "NOT_FOUND")
	r.rest(r.admin, "POST", "/sobjects/Thing__c", map[string]any{}).refused(http.StatusNotFound, "NOT_FOUND")
	set := r.create(r.admin, "PermissionSet", map[string]any{"Name": "Things", "Label": "Things"})
	in := map[string]any{"ParentId": set, "SobjectType": "Thing__c", "PermissionsRead": true, "PermissionsDelete": true}
	r.rest(r.admin, "POST", "/sobjects/ObjectPermissions", in).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	delete(in, "PermissionsDelete")
	r.create(r.admin, "ObjectPermissions", in)
	r.create(r.admin, "PermissionSetAssignment", map[string]any{"AssigneeId": r.org.Credentials().Agent.UserID, "PermissionSetId": set})
	r.query(r.agent, "SELECT Id FROM Thing__c").want(http.StatusOK)
	r.rest(r.agent, "POST", "/sobjects/Thing__c", map[string]any{"Name": "x"}).refused(http.StatusForbidden, "INSUFFICIENT_ACCESS_OR_READONLY")
}

func TestDescribe(t *testing.T) {
	r := newRig(t)
	r.solutions()
	r.rest(r.agent, "GET", "", nil).want(http.StatusOK).equal("query", "/services/data/v66.0/query")
	r.rest(r.agent, "GET", "/sobjects/Opportunity", nil).want(http.StatusOK).equal("objectDescribe.keyPrefix", "006")
	if all := r.rest(r.agent, "GET", "/sobjects", nil).want(http.StatusOK); !strings.Contains(string(all.raw), `"Microsoft_Solution__c"`) || strings.Contains(string(all.raw), `"CurrencyType"`) {
		t.Errorf("%s", all.raw)
	}
	describe := r.rest(r.agent, "GET", "/sobjects/Microsoft_Solution__c/describe", nil).want(http.StatusOK)
	fields := map[string]map[string]any{}
	for _, f := range describe.at("fields").([]any) {
		field := f.(map[string]any)
		fields[field["name"].(string)] = field
	}
	checks := []struct {
		field, key string
		want       any
	}{{"Name", "autoNumber", true}, {"Name", "createable", false}, {"Opportunity__c", "relationshipName", "Opportunity__r"}, {"Opportunity__c", "type", "reference"},
		{"Opportunity__c", "nillable", false}, {"Solution_Identifier__c", "length", 100.0}, {"Solution_Identifier__c", "updateable", true}, {"SystemModstamp", "soapType", "xsd:dateTime"}}
	for _, c := range checks {
		if fields[c.field][c.key] != c.want {
			t.Errorf("%s.%s is %v", c.field, c.key, fields[c.field][c.key])
		}
	}
	if parent := r.rest(r.agent, "GET", "/sobjects/Opportunity/describe", nil); !strings.Contains(string(parent.raw), `"relationshipName":"Microsoft_Solutions__r"`) {
		t.Error("the parent's describe lists the child relationship")
	}
}
