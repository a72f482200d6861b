package salesforce

import (
	"fmt"
	"net/http"
	"testing"
)

func graphOf(id string, parts ...any) map[string]any {
	return map[string]any{"graphId": id, "compositeRequest": parts}
}

func newAccount(reference, field string) map[string]any {
	return sub("POST", reference, "/sobjects/Account", map[string]any{field: "Contoso"})
}

// Each graph is all or none of its own; once more than fourteen have failed, the rest is not looked at.
func TestGraphsAreAllOrNoneEach(t *testing.T) {
	r := newRig(t)
	send := func(graphs ...any) answer {
		return r.rest(r.agent, "POST", "/composite/graph", map[string]any{"graphs": graphs})
	}
	a := send(
		graphOf("good", newAccount("a", "Name"), sub("POST", "b", "/sobjects/Contact", map[string]any{"LastName": "Last", "AccountId": "@{a.id}"})),
		graphOf("bad", newAccount("c", "Name"), newAccount("d", "Nothing__c")),
	).want(http.StatusOK)
	a.equal("graphs.0.graphId", "good")
	a.equal("graphs.0.isSuccessful", true)
	a.equal("graphs.0.graphResponse.compositeResponse.1.httpStatusCode", float64(http.StatusCreated))
	a.equal("graphs.1.isSuccessful", false)
	a.equal("graphs.1.graphResponse.compositeResponse.0.body.0.errorCode", "PROCESSING_HALTED")
	a.equal("graphs.1.graphResponse.compositeResponse.1.body.0.errorCode", "INVALID_FIELD")
	if accounts, contacts := len(r.org.Rows("Account")), len(r.org.Rows("Contact")); accounts != 1 || contacts != 1 {
		t.Errorf("%d accounts, %d contacts", accounts, contacts)
	}
	var graphs []any
	for i := range 16 {
		graphs = append(graphs, graphOf(fmt.Sprint("bad", i), newAccount(fmt.Sprint("x", i), "Nothing__c")))
	}
	a = send(append(graphs, graphOf("late", newAccount("late", "Name")))...).want(http.StatusOK)
	a.equal("graphs.14.graphResponse.compositeResponse.0.body.0.errorCode", "INVALID_FIELD")
	a.equal("graphs.15.graphResponse.compositeResponse.0.body.0.errorCode", "PROCESSING_HALTED")
	a.equal("graphs.16.graphResponse.compositeResponse.0.body.0.errorCode", "PROCESSING_HALTED")
	if n := len(r.org.Rows("Account")); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

// A request over the documented limits, or with what the nodes of a graph cannot have, is refused as a whole.
func TestGraphLimits(t *testing.T) {
	r := newRig(t)
	refuse := func(code string, graphs ...any) {
		t.Helper()
		r.rest(r.agent, "POST", "/composite/graph", map[string]any{"graphs": graphs}).refused(http.StatusBadRequest, code)
	}
	var many, nodes, deep, kinds []any
	for i := range 76 {
		many = append(many, graphOf(fmt.Sprint(i), newAccount(fmt.Sprint("r", i), "Name")))
	}
	for i := range 501 {
		nodes = append(nodes, newAccount(fmt.Sprint("r", i), "Name"))
	}
	deep = append(deep, newAccount("d0", "Name"))
	for i := 1; i < 16; i++ {
		deep = append(deep, sub("POST", fmt.Sprint("d", i), "/sobjects/Account", map[string]any{"Name": "A", "ParentId": fmt.Sprintf("@{d%d.id}", i-1)}))
		kinds = append(kinds, sub("POST", fmt.Sprint("k", i), fmt.Sprintf("/sobjects/Kind%d", i), map[string]any{}))
	}
	kinds = append(kinds, newAccount("k0", "Name"))
	header := newAccount("h", "Name")
	header["httpHeaders"] = map[string]string{"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
	refuse("LIMIT_EXCEEDED")
	refuse("LIMIT_EXCEEDED", many...)
	refuse("LIMIT_EXCEEDED", graphOf("n", nodes...))
	refuse("LIMIT_EXCEEDED", graphOf("d", deep...))
	refuse("LIMIT_EXCEEDED", graphOf("k", kinds...))
	refuse("INVALID_INPUT", graphOf("a", newAccount("same", "Name")), graphOf("b", newAccount("same", "Name")))
	refuse("INVALID_INPUT", graphOf("a", newAccount("x", "Name")), graphOf("a", newAccount("y", "Name")))
	refuse("INVALID_INPUT", graphOf("a"))
	refuse("INVALID_INPUT", graphOf("a", header))
	refuse("INVALID_INPUT", graphOf("a", sub("GET", "q", "/query?q=SELECT+Id+FROM+Account", nil)))
	r.rest(r.agent, "GET", "/composite/graph", nil).want(http.StatusMethodNotAllowed)
}
