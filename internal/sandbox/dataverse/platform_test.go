package dataverse

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// step registers a webhook step on a message of opportunity and returns its id.
func (r *rig) step(url, message, filtering string) string {
	r.t.Helper()
	endpoint := r.create("serviceendpoints", m{
		"name": "cosell-agent", "contract": 8, "authtype": 5, "url": url, "authvalue": `<settings><setting name="x-cosell-key" value="secret" /></settings>`,
	})
	sdk := r.send(http.MethodGet, "sdkmessages?$filter=name eq '"+message+"'", nil).want(200).text("value", 0, "sdkmessageid")
	filter := r.send(http.MethodGet, "sdkmessagefilters?$filter=primaryobjecttypecode eq 'opportunity' and sdkmessageid/name eq '"+message+"'", nil).want(200).text("value", 0, "sdkmessagefilterid")
	return r.create("sdkmessageprocessingsteps", m{
		"name": "cosell " + message, "stage": 40, "mode": 1, "rank": 1, "supporteddeployment": 0, "asyncautodelete": true, "filteringattributes": filtering,
		"eventhandler_serviceendpoint@odata.bind": "/serviceendpoints(" + endpoint + ")", "sdkmessageid@odata.bind": "/sdkmessages(" + sdk + ")",
		"sdkmessagefilterid@odata.bind": "/sdkmessagefilters(" + filter + ")",
	})
}

// A webhook step hears the columns that it filters by, with the tag of the write, the setting of the endpoint, and never what was
// bypassed; a refusal with 503 brings one more attempt, and then a failed system job.
func TestWebhookSteps(t *testing.T) {
	type hook struct {
		header http.Header
		body   map[string]any
	}
	hooks := make(chan hook, 10)
	status := make(chan int, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var body map[string]any
		_ = json.Unmarshal(raw, &body)
		hooks <- hook{r.Header, body}
		w.WriteHeader(<-status)
	}))
	defer receiver.Close()
	r := newRig(t)
	delivered := make(chan struct{})
	go func() { r.env.Deliver(t.Context()); close(delivered) }()
	t.Cleanup(func() { <-delivered })

	id := r.create("opportunities", m{"name": "Deal"})
	step := r.step(receiver.URL, "Update", "name,estimatedvalue")
	path := "opportunities(" + id + ")"
	r.send(http.MethodPatch, path, m{"description": "not heard"}, "If-Match", "*").want(204)
	r.send(http.MethodPatch, path, m{"name": "bypassed"}, "If-Match", "*", "MSCRM.BypassBusinessLogicExecution", "CustomSync,CustomAsync").want(204)
	r.send(http.MethodPatch, path, m{"name": "bypassed too"}, "If-Match", "*", "MSCRM.BypassBusinessLogicExecutionStepIds", step).want(204)
	r.as(r.agent, http.MethodPatch, path+"?tag=cosell", m{"name": "heard", "estimatedvalue": 5}, "If-Match", "*").want(204)
	status <- 200
	got := <-hooks
	target := got.body["InputParameters"].([]any)[0].(map[string]any)["value"].(map[string]any)
	if got.header.Get("x-cosell-key") != "secret" || got.header.Get("x-ms-dynamics-entity-name") != "opportunity" || got.body["PrimaryEntityId"] != id ||
		got.body["MessageName"] != "Update" || target["LogicalName"] != "opportunity" {
		t.Errorf("the webhook is %v %v", got.header, got.body)
	}
	if shared := got.body["SharedVariables"].([]any); len(shared) != 1 || shared[0].(map[string]any)["value"] != "cosell" {
		t.Errorf("the tag is %v", shared)
	}
	r.send(http.MethodPatch, path, m{"name": "again"}, "If-Match", "*").want(204)
	for range 2 {
		status <- 503
		<-hooks
	}
	r.logged("job")
	if jobs := r.send(http.MethodGet, "asyncoperations?$filter=_owningextensionid_value eq "+step, nil).want(200); jobs.get("value", 0, "statuscode") != 31.0 {
		t.Errorf("the system jobs are %s", jobs.raw)
	}
	if err := r.env.SetDeliveryPlan(DeliveryPlan{Drop: 1}); err != nil {
		t.Fatal(err)
	}
	r.send(http.MethodPatch, path, m{"name": "dropped"}, "If-Match", "*").want(204)
	if r.env.Waiting() != 0 {
		t.Error("a webhook that is dropped waits")
	}
	r.send(http.MethodPost, "serviceendpoints", m{"name": "x", "contract": 8, "authtype": 5, "url": receiver.URL, "authvalue": "plain"}).want(400, codeArgument)
	if endpoint := r.send(http.MethodGet, "serviceendpoints", nil).want(200); strings.Contains(string(endpoint.raw), "secret") || endpoint.get("value", 0, "isauthvalueset") != true {
		t.Errorf("the endpoint is %s", endpoint.raw)
	}
}

// logged waits until the operation log holds an action.
func (r *rig) logged(action string) {
	r.t.Helper()
	for seen := int64(0); ; {
		if err := r.kit.Log.Wait(r.t.Context(), seen); err != nil {
			r.t.Fatal(err)
		}
		for _, op := range r.kit.Log.Since(seen) {
			if seen = op.Seq; op.Action == action {
				return
			}
		}
	}
}

// Forms and views have a draft that only publishing shows.
func TestForms(t *testing.T) {
	r := newRig(t)
	form := r.send(http.MethodGet, "systemforms?$filter=objecttypecode eq 'opportunity' and type eq 2&$select=name,formid,formxml", nil).want(200)
	path := "systemforms(" + form.text("value", 0, "formid") + ")"
	changed := strings.Replace(form.text("value", 0, "formxml"), "</sections>", `<section name="cosell" id="{1}"><rows /></section></sections>`, 1)
	r.send(http.MethodPatch, path, m{"formxml": "<form><tab/></form>"}, "If-Match", form.text("value", 0, "@odata.etag")).want(400)
	r.send(http.MethodPatch, path, m{"formxml": changed}, "If-Match", form.text("value", 0, "@odata.etag")).want(204)
	r.send(http.MethodPatch, path, m{"formxml": changed}, "If-Match", form.text("value", 0, "@odata.etag")).want(412, codeVersion)
	published := func() bool {
		return r.send(http.MethodGet, path+"?$select=formxml", nil).want(200).text("formxml") == changed
	}
	if draft := r.send(http.MethodGet, path+"/Microsoft.Dynamics.CRM.RetrieveUnpublished()?$select=formxml", nil).want(200); draft.text("formxml") != changed || published() {
		t.Error("the draft and what is published are mixed up")
	}
	r.send(http.MethodPost, "PublishAllXml", nil).want(204)
	if !published() {
		t.Error("publishing did not show the form")
	}
}

// Environment variables have one value, bound by the navigation property's own name.
func TestEnvironmentVariables(t *testing.T) {
	r := newRig(t)
	r.publisher()
	id := r.create("environmentvariabledefinitions", m{"schemaname": "cosell_DealValueField", "displayname": "Deal value", "type": 100000000, "defaultvalue": "estimatedvalue"})
	value := func(key string) m {
		return m{key + "@odata.bind": "/environmentvariabledefinitions(" + id + ")", "value": "budgetamount"}
	}
	r.send(http.MethodPost, "environmentvariablevalues", value("environmentvariabledefinitionid")).want(400, codePayload)
	r.set(switchBindCase, accepted)
	r.send(http.MethodDelete, "environmentvariablevalues("+r.create("environmentvariablevalues", value("environmentvariabledefinitionid"))+")", nil).want(204)
	r.create("environmentvariablevalues", value("EnvironmentVariableDefinitionId"))
	r.send(http.MethodPost, "environmentvariablevalues", value("EnvironmentVariableDefinitionId")).want(412, codeDuplicate)
	r.send(http.MethodPost, "environmentvariablevalues", m{"value": "x"}).want(400, codeArgument)
	if got := r.send(http.MethodGet, "environmentvariablevalues?$filter=_environmentvariabledefinitionid_value eq "+id, nil).want(200); got.text("value", 0, "value") != "budgetamount" {
		t.Errorf("the values are %s", got.raw)
	}
	if got := r.send(http.MethodGet, "RetrieveEnvironmentVariableValue(DefinitionSchemaName='cosell_DealValueField')", nil).want(200); got.text("Value") != "budgetamount" {
		t.Errorf("the value is %s", got.raw)
	}
	r.send(http.MethodDelete, "environmentvariabledefinitions("+id+")", nil).want(204)
	if got := r.send(http.MethodGet, "environmentvariablevalues", nil).want(200); len(got.list("value")) != 0 {
		t.Errorf("the value outlived its definition: %s", got.raw)
	}
}

// A flow is turned on when its connections are bound and its children are on; what is missing comes nested in one error.
func TestFlows(t *testing.T) {
	r := newRig(t)
	reference := r.create("connectionreferences", m{"connectionreferencelogicalname": "cosell_dataverse", "connectorid": "/providers/Microsoft.PowerApps/apis/shared_commondataserviceforapps"})
	child := r.create("workflows", m{"category": 5, "name": "Child", "type": 1, "primaryentity": "none", "clientdata": `{"properties":{"definition":{}},"schemaVersion":"1.0.0.0"}`})
	parent := r.create("workflows", m{"category": 5, "name": "Parent", "type": 1, "primaryentity": "none", "statecode": 1, "clientdata": `{"properties":{"connectionReferences":{"a":{"runtimeSource":"embedded",
		"connection":{"connectionReferenceLogicalName":"cosell_dataverse"},"api":{"name":"shared_commondataserviceforapps"}}},"definition":{"actions":{"Scope":{"type":"Scope","actions":{
		"Run":{"type":"Workflow","inputs":{"host":{"workflowReferenceName":"` + child + `"}}}}}}}},"schemaVersion":"1.0.0.0"}`})
	on := func(id string) answer {
		return r.send(http.MethodPatch, "workflows("+id+")", m{"statecode": 1, "statuscode": 2}, "If-Match", "*")
	}
	if got := on(parent).want(400, codeFlowClient); !strings.Contains(got.text("error", "message"), "MultipleErrorsOccurred") || !strings.Contains(got.text("error", "message"), "ChildFlowNeverPublished") {
		t.Errorf("the error is %s", got.raw)
	}
	r.send(http.MethodPatch, "connectionreferences("+reference+")", m{"connectionid": "abc"}, "If-Match", "*").want(204)
	if got := on(parent).want(400, codeFlowClient); !strings.Contains(got.text("error", "message"), child) {
		t.Errorf("the error is %s", got.raw)
	}
	on(child).want(204)
	on(parent).want(204)
	r.send(http.MethodPatch, "workflows("+parent+")", m{"clientdata": "{}"}, "If-Match", "*").want(400, codeFlowActive)
	r.send(http.MethodPatch, "workflows("+child+")", m{"statecode": 0, "statuscode": 1}, "If-Match", "*").want(204)
	r.send(http.MethodPatch, "workflows("+parent+")", m{"statecode": 0, "statuscode": 1}, "If-Match", "*").want(204)
	r.send(http.MethodPatch, "workflows("+parent+")", m{"clientdata": "no JSON"}, "If-Match", "*").want(400, codeFlowData)
}

// A run of a flow begins only while the flow is on, goes on when it is turned off, and has its row when it begins, or when it has ended, as
// the switch says.
func TestFlowRuns(t *testing.T) {
	for value, before := range map[string]int{"begin": 1, "end": 0} {
		r := newRig(t)
		r.set(switchFlowRuns, value)
		if err := r.env.InstallMicrosoftSolutionForSalesforce(); err != nil {
			t.Fatal(err)
		}
		const flow = "Salesforce Opportunity to Partner Center (Insider Preview)"
		rows := func(filter string) int {
			return len(r.send(http.MethodGet, "flowruns?$filter="+filter, nil).want(200).list("value"))
		}
		run, err := r.env.BeginFlowRun(flow)
		if err != nil || rows("endtime eq null") != before {
			t.Fatalf("%s: %d rows of runs under way, %v", value, rows("endtime eq null"), err)
		}
		id := r.send(http.MethodGet, "workflows?$filter=name eq '"+flow+"'", nil).text("value", 0, "workflowid")
		r.send(http.MethodPatch, "workflows("+id+")", m{"statecode": 0, "statuscode": 1}, "If-Match", "*").want(204)
		if _, err := r.env.BeginFlowRun(flow); err == nil || r.env.FlowOn(flow) {
			t.Errorf("a flow that is off runs")
		}
		if err := r.env.EndFlowRun(run, "Succeeded"); err != nil || rows("workflowid eq '"+id+"' and status eq 'Succeeded' and endtime ne null") != 1 {
			t.Errorf("%s: the run's end is not told: %v", value, err)
		}
		if r.env.EndFlowRun(run, "Succeeded") == nil {
			t.Error("a run ended twice")
		}
	}
}

// Microsoft's solution brings its parts, which can be turned off and read like any others.
func TestMicrosoftSolution(t *testing.T) {
	r := newRig(t)
	if err := r.env.InstallMicrosoftSolution(); err != nil {
		t.Fatal(err)
	}
	if r.env.InstallMicrosoftSolution() == nil {
		t.Error("the solution was installed twice")
	}
	flows := r.send(http.MethodGet, "workflows?$filter=category eq 5 and statecode eq 1&$select=name", nil).want(200)
	variables := r.send(http.MethodGet, "environmentvariabledefinitions?$filter=startswith(schemaname,'msft_')", nil).want(200)
	references := r.send(http.MethodGet, "connectionreferences", nil).want(200)
	if len(flows.list("value")) != 11 || len(variables.list("value")) != 6 || len(references.list("value")) != 7 {
		t.Errorf("there are %d flows, %d variables and %d references", len(flows.list("value")), len(variables.list("value")), len(references.list("value")))
	}
	deal := r.create("opportunities", m{"name": "Deal", "msft_syncwithpartnercenter": true})
	r.create("msft_microsoftsolutions", m{"msft_solutionidentifier": "SOL-1", "msft_Opportunity@odata.bind": "/opportunities(" + deal + ")"})
	r.send(http.MethodDelete, "EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='msft_audit')", nil).want(405, codeCannotDelete)
	r.send(http.MethodPost, "PublishAllXml", nil).want(204)
}

// What a user may not do is refused, and a right to own rows only hides the others and forbids change tracking.
func TestSecurity(t *testing.T) {
	r := newRig(t)
	deal := r.create("opportunities", m{"name": "Deal"})
	r.as(r.agent, http.MethodGet, "serviceendpoints", nil).want(403, codePrivilege)
	grant := func(depth string) {
		if _, err := r.env.grantAct(t.Context(), map[string]string{"role": roleAgent, "privilege": "prvReadLead", "depth": depth}); err != nil {
			t.Fatal(err)
		}
	}
	r.create("leads", m{"subject": "Another's"})
	grant("user")
	if got := r.as(r.agent, http.MethodGet, "leads", nil).want(200); len(got.list("value")) != 0 {
		t.Errorf("the agent sees %s", got.raw)
	}
	r.as(r.agent, http.MethodGet, "leads", nil, "Prefer", "odata.track-changes").want(403, codePrivilege)
	grant("none")
	r.as(r.agent, http.MethodGet, "leads", nil).want(403, codePrivilege)
	r.as(r.agent, http.MethodGet, "opportunities("+deal+")", nil).want(200)
}

// A user's privileges are those of the user's roles, and only who may read the user may ask.
func TestUserPrivileges(t *testing.T) {
	r := newRig(t)
	ask := "systemusers(" + r.env.people.agent + ")/Microsoft.Dynamics.CRM.RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@names)" +
		`?@names=%5B"prvCreateAttribute","prvReadLead"%5D`
	answer := r.as(r.agent, http.MethodGet, ask, nil).want(200)
	if held := fmt.Sprint(answer.list("RolePrivileges")...); !strings.Contains(held, "Depth:Global") || !strings.Contains(held, "PrivilegeName:prvReadLead") ||
		strings.Contains(held, "prvCreateAttribute") {
		t.Errorf("the agent holds %s", held)
	}
	r.send(http.MethodPost, ask, nil).want(405)
	r.send(http.MethodGet, strings.Replace(ask, "%5B", "", 1), nil).want(400)
	if _, err := r.env.grantAct(t.Context(), map[string]string{"role": roleAgent, "privilege": "prvReadSystemUser", "depth": "none"}); err != nil {
		t.Fatal(err)
	}
	r.as(r.agent, http.MethodGet, ask, nil).want(403, codePrivilege)
}

// Each of the three limits of service protection answers 429 with a time to wait, and the window moves on.
func TestServiceProtection(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Limits = Limits{Requests: 3} })
	for range 3 {
		r.send(http.MethodGet, "WhoAmI", nil).want(200)
	}
	first := r.send(http.MethodGet, "WhoAmI", nil).want(429, codeThrottledCount)
	second := r.send(http.MethodGet, "WhoAmI", nil).want(429, codeThrottledCount)
	if first.header.Get("Retry-After") == "" || second.header.Get("Retry-After") < first.header.Get("Retry-After") {
		t.Errorf("the waits are %q and %q", first.header.Get("Retry-After"), second.header.Get("Retry-After"))
	}
	r.as(r.agent, http.MethodGet, "WhoAmI", nil).want(200)
	r.kit.Clock.Advance(301 * time.Second)
	r.send(http.MethodGet, "WhoAmI", nil).want(200)

	busy := newRig(t, func(o *Options) { o.Limits = Limits{ExecutionTime: time.Second, Cost: 600 * time.Millisecond} })
	busy.send(http.MethodGet, "WhoAmI", nil).want(200)
	busy.send(http.MethodGet, "WhoAmI", nil).want(200)
	busy.send(http.MethodGet, "WhoAmI", nil).want(429, codeThrottledTime)

	alone := newRig(t, func(o *Options) { o.Limits = Limits{Concurrent: 1} })
	if err := alone.kit.Trap.Arm(1, "before"); err != nil {
		t.Fatal(err)
	}
	hit, done := alone.kit.Trap.Hit(), make(chan answer, 1)
	go func() { done <- alone.send(http.MethodPost, "accounts", m{"name": "Held"}) }()
	<-hit
	alone.send(http.MethodGet, "WhoAmI", nil).want(429, codeThrottledAtOnce)
	alone.kit.Trap.Release()
	(<-done).want(204)
}
