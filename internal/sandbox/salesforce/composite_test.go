package salesforce

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
)

func typedRecord(object string, fields map[string]any) map[string]any {
	fields["attributes"] = map[string]any{"type": object}
	return fields
}

func TestCollections(t *testing.T) {
	r := newRig(t)
	send := func(allOrNone bool, records ...any) answer {
		return r.rest(r.agent, "POST", "/composite/sobjects", map[string]any{"allOrNone": allOrNone, "records": records}).want(http.StatusOK)
	}
	good := func(name string) map[string]any { return typedRecord("Account", map[string]any{"Name": name}) }
	bad := func() map[string]any { return typedRecord("Account", map[string]any{"Nothing__c": 1}) }
	part := send(false, good("Contoso"), bad(), map[string]any{"Name": "untyped"}, typedRecord("Nothing__c", map[string]any{}))
	part.equal("0.success", true)
	part.equal("1.errors.0.statusCode", "INVALID_FIELD")
	part.equal("2.errors.0.statusCode", "INVALID_INPUT")
	part.equal("3.errors.0.statusCode", "INVALID_TYPE")
	all := send(true, good("Fabrikam"), bad())
	all.equal("0.success", false)
	all.equal("0.errors.0.statusCode", "ALL_OR_NONE_OPERATION_ROLLED_BACK")
	if n := len(r.org.Rows("Account")); n != 1 {
		t.Errorf("%d accounts", n)
	}
	id := part.at("0.id").(string)
	update := map[string]any{"records": []any{typedRecord("Account", map[string]any{"id": id, "Phone": "1"}), typedRecord("Account", map[string]any{"Id": id18("001gk0000000099")}),
		typedRecord("Account", map[string]any{"Phone": "1"})}}
	patched := r.rest(r.agent, "PATCH", "/composite/sobjects", update).want(http.StatusOK)
	patched.equal("0.id", id)
	patched.equal("1.errors.0.statusCode", "INVALID_CROSS_REFERENCE_KEY")
	patched.equal("2.errors.0.statusCode", "MISSING_ARGUMENT")
	got := r.rest(r.agent, "POST", "/composite/sobjects/Account", map[string]any{"ids": []string{id, id18("001gk0000000099")}, "fields": []string{"Phone"}}).want(http.StatusOK)
	got.equal("0.Phone", "1")
	got.equal("1", nil)
	r.rest(r.agent, "GET", "/composite/sobjects/Account?ids="+id+"&fields=Name", nil).equal("0.Name", "Contoso")
	deleted := r.rest(r.agent, "DELETE", "/composite/sobjects?allOrNone=false&ids="+id+",nonsense", nil).want(http.StatusOK)
	deleted.equal("0.success", true)
	deleted.equal("1.errors.0.statusCode", "MALFORMED_ID")
	r.rest(r.agent, "DELETE", "/composite/sobjects?ids="+id, nil).equal("0.errors.0.statusCode", "ENTITY_IS_DELETED")

	many := make([]any, 201)
	for i := range many {
		many[i] = good(fmt.Sprint(i))
	}
	r.rest(r.agent, "POST", "/composite/sobjects", map[string]any{"records": many}).refused(http.StatusBadRequest, "EXCEEDED_ID_LIMIT")
	r.rest(r.agent, "POST", "/composite/sobjects", map[string]any{"records": many[:1], "all": 1}).refused(http.StatusBadRequest, "JSON_PARSER_ERROR")
	r.rest(r.agent, "POST", "/composite/sobjects", map[string]any{"records": many[:200]}).equal("199.success", true)
}

func TestCollectionUpsert(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Account.Key__c", keyField))
	r.grant("Account.Key__c")
	send := func(key any, name string) answer {
		body := map[string]any{"records": []any{typedRecord("Account", map[string]any{"Key__c": key, "Name": name})}}
		return r.rest(r.agent, "PATCH", "/composite/sobjects/Account/Key__c", body).want(http.StatusOK)
	}
	send("k", "Contoso").equal("0.created", true)
	send("k", "Fabrikam").equal("0.created", false)
	send(nil, "x").equal("0.errors.0.statusCode", "MISSING_ARGUMENT")
	if rows := r.org.Rows("Account"); len(rows) != 1 || rows[0]["Name"] != "Fabrikam" {
		t.Errorf("%v", rows)
	}
}

func sub(method, reference, path string, body any) map[string]any {
	out := map[string]any{"method": method, "referenceId": reference, "url": "/services/data/v66.0" + path}
	if body != nil {
		out["body"] = body
	}
	return out
}

func TestComposite(t *testing.T) {
	r := newRig(t)
	send := func(allOrNone bool, subs ...any) answer {
		return r.rest(r.agent, "POST", "/composite", map[string]any{"allOrNone": allOrNone, "collateSubrequests": false, "compositeRequest": subs})
	}
	done := send(true,
		sub("POST", "account", "/sobjects/Account", map[string]any{"Name": "Contoso"}),
		sub("GET", "found", "/query?q="+url.QueryEscape("SELECT Id, Name FROM Account WHERE Id = '@{account.id}'"), nil),
		sub("POST", "deal", "/sobjects/Opportunity", map[string]any{"Name": "@{found.records[0].Name} deal", "AccountId": "@{found.records[0].Id}",
			"StageName": "Prospecting", "CloseDate": "2027-01-31"}),
		sub("GET", "row", "/sobjects/Opportunity/@{deal.id}?fields=Name", nil)).want(http.StatusOK)
	done.equal("compositeResponse.0.httpStatusCode", 201.0)
	done.equal("compositeResponse.0.httpHeaders.Location", "/services/data/v66.0/sobjects/Account/"+done.at("compositeResponse.0.body.id").(string))
	done.equal("compositeResponse.3.body.Name", "Contoso deal")
	done.equal("compositeResponse.3.referenceId", "row")

	rolled := send(true,
		sub("POST", "a", "/sobjects/Account", map[string]any{"Name": "Fabrikam"}),
		sub("POST", "b", "/sobjects/Account", map[string]any{"Nothing__c": 1}),
		sub("GET", "c", "/sobjects/Account/@{a.id}", nil)).want(http.StatusOK)
	rolled.equal("compositeResponse.0.body.0.errorCode", "PROCESSING_HALTED")
	rolled.equal("compositeResponse.0.httpStatusCode", 400.0)
	rolled.equal("compositeResponse.1.body.0.errorCode", "INVALID_FIELD")
	rolled.equal("compositeResponse.2.body.0.errorCode", "PROCESSING_HALTED")
	if n := len(r.org.Rows("Account")); n != 1 {
		t.Errorf("%d accounts after a rollback", n)
	}
	part := send(false,
		sub("POST", "a", "/sobjects/Account", map[string]any{"Name": "Fabrikam"}),
		sub("POST", "b", "/sobjects/Account", map[string]any{"Nothing__c": 1}),
		sub("GET", "c", "/sobjects/Account/@{b.id}", nil),
		sub("GET", "d", "/sobjects/Account/@{a.id}", nil),
		sub("GET", "e", "/wave", nil)).want(http.StatusOK)
	for path, want := range map[string]any{"0.httpStatusCode": 201.0, "1.httpStatusCode": 400.0, "2.body.0.errorCode": "PROCESSING_HALTED", "3.body.Name": "Fabrikam",
		"4.httpStatusCode": 404.0} {
		part.equal("compositeResponse."+path, want)
	}
	empty := sub("PATCH", "u", "/sobjects/Account/"+part.at("compositeResponse.0.body.id").(string), map[string]any{"Phone": "1"})
	send(false, empty).want(http.StatusOK).equal("compositeResponse.0.body", nil)
}

func TestCompositeRefusals(t *testing.T) {
	r := newRig(t)
	send := func(subs ...any) answer {
		return r.rest(r.agent, "POST", "/composite", map[string]any{"compositeRequest": subs})
	}
	send().refused(http.StatusBadRequest, "LIMIT_EXCEEDED")
	send(sub("GET", "a", "/limits", nil), sub("GET", "a", "/limits", nil)).refused(http.StatusBadRequest, "INVALID_INPUT")
	send(sub("GET", "a", "/composite", nil)).want(http.StatusOK).equal("compositeResponse.0.body.0.errorCode", "INVALID_INPUT")
	var queries, many []any
	for i := range 6 {
		queries = append(queries, sub("GET", fmt.Sprint("q", i), "/query?q=SELECT+Id+FROM+User", nil))
	}
	for i := range 26 {
		many = append(many, sub("GET", fmt.Sprint("r", i), "/limits", nil))
	}
	send(many...).refused(http.StatusBadRequest, "LIMIT_EXCEEDED")
	send(queries...).refused(http.StatusBadRequest, "LIMIT_EXCEEDED")
	r.set(switchCompositeQueries, "none")
	send(queries...).want(http.StatusOK).equal("compositeResponse.5.body.totalSize", 3.0)
}

// TestConcurrentCreates: of many creates with one external id at once, exactly one is stored.
func TestConcurrentCreates(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Account.Key__c", keyField))
	r.grant("Account.Key__c")
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wg.Go(func() {
			statuses[i] = r.rest(r.agent, "POST", "/sobjects/Account", map[string]any{"Name": "Contoso", "Key__c": "k"}).status
		})
	}
	wg.Wait()
	created := 0
	for _, status := range statuses {
		if status == http.StatusCreated {
			created++
		} else if status != http.StatusBadRequest {
			t.Errorf("status %d", status)
		}
	}
	if created != 1 || len(r.org.Rows("Account")) != 1 {
		t.Errorf("%d creates succeeded", created)
	}
}
