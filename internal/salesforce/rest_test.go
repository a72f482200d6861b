package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

const (
	oppA = "006000000000001AAA"
	oppB = "006000000000002AAA"
)

func TestRowOperations(t *testing.T) {
	f := newFake(t)
	c := f.client(func(config *Config) { config.AllowAlerting = true })

	f.reply("POST "+data+"/sobjects/Opportunity", 201, `{"id":"`+oppA+`","success":true,"errors":[]}`)
	id, err := c.Data().Create(t.Context(), "Opportunity", json.RawMessage(`{"Name": "R&D",  "Amount":1.50}`))
	if err != nil || id != oppA || f.last().body != `{"Name": "R&D",  "Amount":1.50}` {
		t.Errorf("%s %v %s", id, err, f.last().body)
	}
	if f.last().header.Get("Sforce-Duplicate-Rule-Header") != "allowSave=true" || f.last().header.Get("Content-Type") != "application/json; charset=UTF-8" {
		t.Error(f.last().header)
	}

	f.reply("GET "+data+"/sobjects/Opportunity/"+oppA, 200, `{"attributes":{"type":"Opportunity"},"Id":"`+oppA+`","Name":"N","Account":{"Name":"Fabrikam"}}`)
	var row struct {
		Name    string
		Account struct{ Name string }
	}
	if err := c.Data().Get(t.Context(), "Opportunity", oppA, []string{"Name", "Account.Name"}, &row); err != nil || row.Account.Name != "Fabrikam" || f.last().query != "fields=Name,Account.Name" {
		t.Errorf("%+v %v %s", row, err, f.last().query)
	}

	f.reply("GET "+data+"/sobjects/Opportunity/Cosell_Referral_Key__c/a%2Fb%20c", 200, `{"Name":"K"}`)
	if err := c.Data().GetByExternalID(t.Context(), "Opportunity", "Cosell_Referral_Key__c", "a/b c", nil, &row); err != nil || row.Name != "K" {
		t.Errorf("%+v %v", row, err)
	}

	f.reply("PATCH "+data+"/sobjects/Opportunity/"+oppA, 204, ``)
	since := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))
	if err := c.Data().Update(t.Context(), "Opportunity", oppA, map[string]any{"Name": "<b>"}, since); err != nil {
		t.Error(err)
	}
	if request := f.last(); request.body != `{"Name":"<b>"}` || request.header.Get("If-Unmodified-Since") != "Fri, 02 Jan 2026 03:04:05 GMT" {
		t.Errorf("%+v", request)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := c.WithoutAssignment().Update(t.Context(), "Opportunity", oppA, map[string]any{}, at); err != nil || f.last().header.Get("Sforce-Auto-Assign") != "FALSE" ||
		f.last().header.Get("If-Unmodified-Since") == "" {
		t.Errorf("without assignment: %v, %+v", err, f.last())
	}
	if err := c.Data().Update(t.Context(), "Opportunity", oppA, map[string]any{}, time.Time{}); err != nil || f.last().header.Get("If-Unmodified-Since") != "" {
		t.Error(err)
	}
	f.reply("PATCH "+data+"/sobjects/Opportunity/"+oppA, 412, `[{"errorCode":"PRECONDITION_FAILED","message":"changed"}]`)
	if err := c.Data().Update(t.Context(), "Opportunity", oppA, map[string]any{}, since); !IsConflict(err) || problem.ClassOf(err) != problem.Later {
		t.Error(err)
	}

	f.reply("DELETE "+data+"/sobjects/Opportunity/"+oppA, 204, ``)
	if err := c.Data().Delete(t.Context(), "Opportunity", oppA); err != nil {
		t.Error(err)
	}
}

func TestUnusableNamesAreRefusedBeforeSending(t *testing.T) {
	f := newFake(t)
	c := f.client()
	var into any
	for name, err := range map[string]error{
		"object":   c.Data().Get(t.Context(), "Opportunity/../x", oppA, nil, &into),
		"id":       c.Data().Get(t.Context(), "Opportunity", "..", nil, &into),
		"field":    c.Data().Get(t.Context(), "Opportunity", oppA, []string{"Name&x"}, &into),
		"external": c.Data().GetByExternalID(t.Context(), "Opportunity", "a b", "v", nil, &into),
		"empty":    c.Data().Delete(t.Context(), "Opportunity", ""),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if len(f.seen()) != 0 {
		t.Error("a request went out")
	}
}

func TestCreateFailures(t *testing.T) {
	f := newFake(t)
	c := f.client()
	create := func() error {
		_, err := c.Data().Create(t.Context(), "Opportunity", map[string]any{})
		return err
	}
	f.reply("POST "+data+"/sobjects/Opportunity", 400, `[{"message":"duplicate value found: Cosell_Referral_Key__c duplicates value on record with id: 0060","errorCode":"DUPLICATE_VALUE","fields":[]}]`)
	if err := create(); !IsDuplicate(err) || IsAmbiguous(err) {
		t.Error(err)
	}
	f.reply("POST "+data+"/sobjects/Opportunity", 200, `{"id":null,"success":false,"errors":[{"statusCode":"DUPLICATES_DETECTED","message":"m","fields":[],"duplicateResult":{"allowSave":true}}]}`)
	err := create()
	var refused *APIError
	if !errors.As(err, &refused) || !IsDuplicate(err) || string(refused.Errors[0].Duplicates) != `{"allowSave":true}` {
		t.Error(err)
	}
	f.reply("POST "+data+"/sobjects/Opportunity", 201, `<html>`)
	if err := create(); !IsAmbiguous(err) || problem.ClassOf(err) != problem.Later {
		t.Error(err)
	}
	f.reply("POST "+data+"/sobjects/Opportunity", 502, `<html>`)
	if err := create(); !IsAmbiguous(err) {
		t.Error(err)
	}
	f.on("POST "+data+"/sobjects/Opportunity", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if err := create(); !IsAmbiguous(err) {
		t.Error(err)
	}
}

func TestExternalIDThatIsNotUnique(t *testing.T) {
	f := newFake(t)
	f.reply("GET "+data+"/sobjects/Opportunity/K__c/v", 300, `["/services/data/v66.0/sobjects/Opportunity/1","/services/data/v66.0/sobjects/Opportunity/2"]`)
	var into any
	err := f.client().Data().GetByExternalID(t.Context(), "Opportunity", "K__c", "v", nil, &into)
	var refused *APIError
	if !errors.As(err, &refused) || refused.Status != 300 || len(refused.Matches) != 2 {
		t.Error(err)
	}
}

func TestErrorClasses(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		class  problem.Class
		is     func(error) bool
		unsure bool
	}{
		"lock":              {400, `[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"m"}]`, problem.Later, IsLocked, false},
		"limit":             {403, `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"m"}]`, problem.Later, IsThrottled, false},
		"required":          {400, `[{"message":"Required fields are missing: [StageName]","errorCode":"REQUIRED_FIELD_MISSING","fields":["StageName"]}]`, problem.NeedsPerson, nil, false},
		"validation":        {400, `[{"errorCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","message":"m"},{"errorCode":"UNABLE_TO_LOCK_ROW"}]`, problem.Later, IsLocked, false},
		"hidden field":      {400, `[{"errorCode":"INVALID_FIELD","message":"No such column"}]`, problem.NeedsPerson, IsUnknownField, false},
		"deleted":           {404, `[{"errorCode":"ENTITY_IS_DELETED","message":"m"}]`, problem.Gone, IsNotFound, false},
		"not found":         {404, `[{"errorCode":"NOT_FOUND","message":"m"}]`, problem.Gone, IsNotFound, false},
		"bare 404":          {404, ``, problem.Gone, IsNotFound, false},
		"permission":        {403, `[{"errorCode":"INSUFFICIENT_ACCESS_OR_READONLY","message":"m"}]`, problem.NeedsPerson, IsDenied, false},
		"api off":           {403, `[{"errorCode":"API_DISABLED_FOR_ORG","message":"m"}]`, problem.NeedsPerson, IsDenied, false},
		"gateway":           {502, `<html>`, problem.Later, nil, true},
		"unavailable":       {503, `[{"errorCode":"SERVER_UNAVAILABLE","message":"m"}]`, problem.Later, nil, false},
		"unknown exception": {500, `[{"errorCode":"UNKNOWN_EXCEPTION","message":"m"}]`, problem.Later, nil, true},
		"bare 500":          {500, ``, problem.Later, nil, true},
		"single object":     {400, `{"errorCode":"MALFORMED_ID","message":"m"}`, problem.NeedsPerson, nil, false},
		"oauth form":        {403, `{"error":"Bad_OAuth_Token","error_description":"m"}`, problem.NeedsPerson, IsDenied, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply("PATCH "+data+"/sobjects/Opportunity/"+oppA, test.status, test.body)
			err := f.client().Data().Update(t.Context(), "Opportunity", oppA, map[string]any{}, time.Time{})
			if problem.ClassOf(err) != test.class || IsAmbiguous(err) != test.unsure || test.is != nil && !test.is(err) {
				t.Errorf("%v: class %v, ambiguous %t", err, problem.ClassOf(err), IsAmbiguous(err))
			}
		})
	}
	e := &APIError{Operation: "create Opportunity", Status: 400, Errors: []Error{{Code: "A", Message: "m", Fields: []string{"F", "G"}}, {Code: "B"}}}
	if got := e.Error(); got != "salesforce: create Opportunity: status 400 A: m (fields F, G); B" {
		t.Error(got)
	}
}

func TestQueryFollowsPages(t *testing.T) {
	f := newFake(t)
	f.reply("GET "+data+"/query", 200, `{"totalSize":3,"done":false,"nextRecordsUrl":"https://attacker.example`+data+`/query/01g000-2000","records":[{"Id":"1"},{"Id":"2"}]}`)
	f.reply("GET "+data+"/query/01g000-2000", 200, `{"totalSize":3,"done":true,"records":[{"Id":"3"}]}`)
	soql := "SELECT Id FROM Opportunity WHERE Name = " + Quote("a&b+c")
	rows, err := Query[struct{ ID string }](t.Context(), f.client().Data(), soql)
	if err != nil || fmt.Sprint(rows) != "[{1} {2} {3}]" {
		t.Error(rows, err)
	}
	if query, err := url.ParseQuery(f.seen()[0].query); err != nil || query.Get("q") != soql {
		t.Error(f.seen()[0].query)
	}
}

func TestQueryVariants(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.reply("GET "+data+"/queryAll", 200, `{"totalSize":1,"done":true,"records":[{"Id":"1","IsDeleted":true}]}`)
	var rows []string
	for raw, err := range c.Data().RowsAndDeleted(t.Context(), "SELECT Id FROM Opportunity") {
		rows = append(rows, fmt.Sprint(string(raw), err))
	}
	if len(rows) != 1 {
		t.Error(rows)
	}
	f.reply("GET "+data+"/tooling/query", 200, `{"size":1,"totalSize":1,"done":true,"records":[{"DurableId":"1","IsOpportunityTeamEnabled":true}]}`)
	row, found, err := QueryRow[struct{ IsOpportunityTeamEnabled bool }](t.Context(), c.Tooling(), "SELECT IsOpportunityTeamEnabled FROM OpportunitySettings")
	if !row.IsOpportunityTeamEnabled || !found || err != nil {
		t.Error(row, found, err)
	}
	for body, want := range map[string]error{`{"done":true,"records":[]}`: nil, `{"done":true,"records":[{},{}]}`: ErrManyRows} {
		f.reply("GET "+data+"/query", 200, body)
		if _, found, err := QueryRow[struct{}](t.Context(), c.Data(), "SELECT Id FROM Account"); found || !errors.Is(err, want) {
			t.Error(found, err)
		}
	}
	for _, body := range []string{`<html>`, `{"done":true,"records":[1]}`, `{"done":false,"records":[],"nextRecordsUrl":"/elsewhere"}`,
		`{"done":false,"records":[],"nextRecordsUrl":"` + data + `/../x"}`, `{"done":false,"records":[],"nextRecordsUrl":"` + data + `/query"}`} {
		f.reply("GET "+data+"/query", 200, body)
		var unreadable *DecodeError
		if _, err := Query[struct{ ID string }](t.Context(), c.Data(), "SELECT Id FROM Account"); !errors.As(err, &unreadable) {
			t.Errorf("%s: %v", body, err)
		}
	}
	f.reply("GET "+data+"/query", 400, `[{"message":"\nSELECT x\n       ^\nERROR at Row:1:Column:8\nNo such column","errorCode":"INVALID_FIELD"}]`)
	if _, err := Query[struct{}](t.Context(), c.Data(), "SELECT x FROM Account"); !IsUnknownField(err) {
		t.Error(err)
	}
}

func TestCollections(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.reply("POST "+data+"/composite/sobjects", 200, `[{"id":"`+oppA+`","success":true,"errors":[]},{"success":false,"errors":[{"statusCode":"UNABLE_TO_LOCK_ROW","message":"m","fields":[]}]}]`)
	records := []Record{
		{Object: "Opportunity", Fields: map[string]any{"Name": "b", "Amount": json.Number("1.50"), "Closed": nil}},
		{Object: "Contact"},
	}
	results, err := c.CreateRows(t.Context(), records, false)
	if err != nil || results[0].ID != oppA || results[0].Err("x") != nil || !IsLocked(results[1].Err("x")) || IsAmbiguous(results[1].Err("x")) {
		t.Error(results, err)
	}
	if got, want := f.last().body, `{"allOrNone":false,"records":[{"attributes":{"type":"Opportunity"},"Amount":1.50,"Closed":null,"Name":"b"},{"attributes":{"type":"Contact"}}]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	f.reply("PATCH "+data+"/composite/sobjects", 200, `[{"id":"`+oppA+`","success":true,"errors":[]}]`)
	if results, err := c.UpdateRows(t.Context(), []Record{{Object: "Opportunity", ID: oppA, Fields: map[string]any{"Name": "b"}}}, true); err != nil || !results[0].Success {
		t.Error(results, err)
	}
	if got := f.last().body; got != `{"allOrNone":true,"records":[{"attributes":{"type":"Opportunity"},"id":"`+oppA+`","Name":"b"}]}` {
		t.Error(got)
	}
	if _, err := c.UpdateRows(t.Context(), make([]Record, 2), true); !IsAmbiguous(err) {
		t.Errorf("fewer results than records: %v", err)
	}

	f.reply("DELETE "+data+"/composite/sobjects", 200, `[{"id":"`+oppA+`","success":true,"errors":[]},{"id":"`+oppB+`","success":false,"errors":[{"statusCode":"ENTITY_IS_DELETED","message":"m","fields":[]}]}]`)
	if results, err := c.DeleteRows(t.Context(), []ID{oppA, oppB}, false); err != nil || !IsNotFound(results[1].Err("x")) || f.last().query != "ids="+oppA+"%2C"+oppB+"&allOrNone=false" {
		t.Error(results, err, f.last().query)
	}

	f.reply("POST "+data+"/composite/sobjects/Opportunity", 200, `[{"Name":"a"},null]`)
	rows, err := GetRows[struct{ Name string }](t.Context(), c, "Opportunity", []ID{oppA, oppB}, []string{"Name"})
	if err != nil || rows[0].Name != "a" || rows[1] != nil || f.last().body != `{"ids":["`+oppA+`","`+oppB+`"],"fields":["Name"]}` {
		t.Error(rows, err, f.last().body)
	}
}

func TestCollectionLimits(t *testing.T) {
	f := newFake(t)
	c := f.client()
	if _, err := c.CreateRows(t.Context(), make([]Record, 201), false); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := c.DeleteRows(t.Context(), make([]ID, 201), false); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := GetRows[any](t.Context(), c, "Account", make([]ID, 201), nil); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := c.EncodeComposite(true, make([]Subrequest, 26)...); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if results, err := c.CreateRows(t.Context(), nil, false); results != nil || err != nil || len(f.seen()) != 0 {
		t.Error(results, err)
	}
}

func TestComposite(t *testing.T) {
	f := newFake(t)
	c := f.client()
	body, err := c.EncodeComposite(true,
		Subrequest{Method: "POST", Path: "/sobjects/ContentNote", ReferenceID: "note", Body: json.RawMessage(`{"Title": "T"}`)},
		Subrequest{Method: "GET", Path: "/query?q=SELECT+Id", ReferenceID: "q", Header: map[string]string{"Sforce-Query-Options": "batchSize=200"}})
	want := `{"allOrNone":true,"compositeRequest":[{"method":"POST","url":"` + data + `/sobjects/ContentNote","referenceId":"note","body":{"Title":"T"}},` +
		`{"method":"GET","url":"` + data + `/query?q=SELECT+Id","referenceId":"q","httpHeaders":{"Sforce-Query-Options":"batchSize=200"}}]}`
	if err != nil || string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	journalled := json.RawMessage(`{ "allOrNone" : true }`)
	f.reply("POST "+data+"/composite", 200, `{"compositeResponse":[{"body":[{"errorCode":"PROCESSING_HALTED","message":"m"}],"httpHeaders":{},"httpStatusCode":400,"referenceId":"note"},
		{"body":{"id":"1"},"httpHeaders":{"Location":"x"},"httpStatusCode":201,"referenceId":"q"},{"body":null,"httpHeaders":{},"httpStatusCode":204,"referenceId":"u"}]}`)
	parts, err := c.Composite(t.Context(), journalled)
	if err != nil || len(parts) != 3 || f.last().body != string(journalled) {
		t.Fatal(parts, err, f.last().body)
	}
	if problem.ClassOf(parts[0].Err()) != problem.Later || parts[2].Err() != nil {
		t.Error(parts[0].Err(), parts[2].Err())
	}
	var created struct{ ID string }
	if err := parts[1].Decode(&created); err != nil || created.ID != "1" {
		t.Error(created, err)
	}
	if err := parts[0].Decode(&created); err == nil {
		t.Error("a failed part was decoded")
	}
	f.reply("POST "+data+"/composite", 502, ``)
	if _, err := c.Composite(t.Context(), journalled); !IsAmbiguous(err) {
		t.Error(err)
	}
	before := len(f.seen())
	if _, err := c.ReadComposite(t.Context(), journalled); err == nil || IsAmbiguous(err) || len(f.seen()) != before+2 {
		t.Error(err, len(f.seen())-before)
	}
}

func TestDescribe(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.reply("GET "+data+"/sobjects/Opportunity/describe", 200, `{"name":"Opportunity","keyPrefix":"006","fields":[{"name":"StageName","type":"picklist","nillable":false,"picklistValues":[{"active":true,"value":"Open","label":"Open","defaultValue":false}],"referenceTo":[],"relationshipName":null}],"childRelationships":[{"childSObject":"Microsoft_Solution__c","field":"Opportunity__c","relationshipName":null,"cascadeDelete":true}]}`)
	description, err := c.Data().Describe(t.Context(), "Opportunity")
	if err != nil {
		t.Fatal(err)
	}
	field, ok := description.Field("StageName")
	if _, hidden := description.Field("Hidden__c"); !ok || hidden || field.PicklistValues[0].Value != "Open" || description.ChildRelationships[0].Field != "Opportunity__c" {
		t.Errorf("%+v", description)
	}
	f.reply("GET "+data+"/sobjects", 200, `{"encoding":"UTF-8","sobjects":[{"name":"Account","custom":false}]}`)
	objects, err := c.Data().DescribeGlobal(t.Context())
	if err != nil || len(objects) != 1 || objects[0].Name != "Account" {
		t.Error(objects, err)
	}
	f.reply("GET "+data+"/sobjects/None__c/describe", 404, `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`)
	if _, err := c.Data().Describe(t.Context(), "None__c"); !IsNotFound(err) {
		t.Error(err)
	}
}

func TestTooling(t *testing.T) {
	f := newFake(t)
	f.reply("POST "+data+"/tooling/sobjects/PlatformEventChannelMember", 201, `{"id":"0v8000000000001AAA","success":true,"errors":[],"warnings":[],"infos":[]}`)
	id, err := f.client().Tooling().Create(t.Context(), "PlatformEventChannelMember", map[string]any{"FullName": "ChangeEvents_OpportunityChangeEvent"})
	if err != nil || id != "0v8000000000001AAA" {
		t.Error(id, err)
	}
}

func TestLimitsAndUsage(t *testing.T) {
	f := newFake(t)
	c := f.client()
	if _, known := c.Usage(); known {
		t.Error("usage is known before the first answer")
	}
	f.reply("GET "+data+"/limits", 200, `{"DailyApiRequests":{"Max":15000,"Remaining":14998,"App":{"Max":0,"Remaining":0}}}`, "Sforce-Limit-Info", "api-usage=18/15000, per-app-api-usage=17/250(appName=api-usage=9/9)")
	limits, err := c.Limits(t.Context())
	if err != nil || limits["DailyApiRequests"] != (Limit{15000, 14998}) {
		t.Error(limits, err)
	}
	if used, known := c.Usage(); !known || used != (Usage{18, 15000}) || used.String() != "18/15000" {
		t.Error(used, known)
	}
	for _, header := range []string{"", "api-usage=", "per-app-api-usage=17/250", "api-usage=-1/2", "api-usage=99999999999999999999/1"} {
		if got, ok := ParseUsage(header); ok {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestLiterals(t *testing.T) {
	at := time.Date(2026, 11, 1, 1, 2, 3, 456789000, time.FixedZone("", 3600))
	for want, got := range map[string]string{
		`'O\'Brien \\ \n'`:             Quote("O'Brien \\ \n"),
		`('a','b\'')`:                  QuoteAll([]string{"a", "b'"}),
		`'50\% a\_b'`:                  QuoteLike("50% a_b"),
		"2026-11-01T00:02:03.456Z":     QuoteTime(at),
		"2026-11-01":                   QuoteDate(at),
		"2026-11-01T00:02:03.456+0000": FormatTime(at),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if id, err := QuoteID("04t2w000006WIwV"); id != "'04t2w000006WIwVAAW'" || err != nil {
		t.Error(id, err)
	}
	if _, err := QuoteID("x' OR Name != '"); !errors.Is(err, ErrInvalidID) {
		t.Error(err)
	}
	for _, name := range []string{"Sync_with_Partner_Center__c", "ns__X__c", "A1"} {
		if _, err := Name(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "1A", "a b", "a'", "Account.Name", "é"} {
		if _, err := Name(name); !errors.Is(err, ErrInvalidName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got, err := Names("Id", "Account.Owner.Name"); got != "Id,Account.Owner.Name" || err != nil {
		t.Error(got, err)
	}
	for text, want := range map[string]time.Time{
		"2013-05-08T21:20:00.000+0000": time.Date(2013, 5, 8, 21, 20, 0, 0, time.UTC), "2013-05-08T21:20:00.000Z": time.Date(2013, 5, 8, 21, 20, 0, 0, time.UTC),
	} {
		if got, err := ParseTime(text); !got.Equal(want) || err != nil {
			t.Error(text, got, err)
		}
	}
	if _, err := ParseTime("yesterday"); err == nil {
		t.Error("accepted")
	}
}

// unquote reads a SOQL string literal as the documentation describes it; ok is false when it ends before its last byte.
func unquote(literal string) (text string, ok bool) {
	escapes := map[rune]rune{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', '\'': '\'', '"': '"', '\\': '\\'}
	runes := []rune(literal)
	if len(runes) < 2 || runes[0] != '\'' {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(runes); i++ {
		switch runes[i] {
		case '\'':
			return b.String(), i == len(runes)-1
		case '\\':
			i++
			if i == len(runes) {
				return "", false
			}
			r, known := escapes[runes[i]]
			if !known {
				return "", false
			}
			b.WriteRune(r)
		default:
			b.WriteRune(runes[i])
		}
	}
	return "", false
}

// A quoted text is one literal, whatever it holds, and reads back as the text.
func TestQuoteProperty(t *testing.T) {
	awkward := []rune{'\'', '\\', '\n', '\r', '\t', '\b', '\f', '"', '%', '_', 'n', ' ', 'é', '\u2028', 0}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom(awkward))).Draw(t, "text")
		if got, ok := unquote(Quote(text)); !ok || got != text {
			t.Fatalf("%q became %s, which reads as %q (%t)", text, Quote(text), got, ok)
		}
		texts := []string{text, "x"}
		list := QuoteAll(texts)
		if !slices.Equal(texts, []string{text, "x"}) || list != "("+Quote(text)+",'x')" {
			t.Fatal(list)
		}
	})
}

func TestRecordEncodingIsStable(t *testing.T) {
	record := Record{Object: "Opportunity", Fields: map[string]any{"B": 1, "A": "x", "C": nil}}
	first, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, _ := json.Marshal(record); !reflect.DeepEqual(first, again) {
			t.Fatal("the same record gives other bytes")
		}
	}
}
