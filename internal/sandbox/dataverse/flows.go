package dataverse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// categoryFlow is the category of cloud flows.
const categoryFlow = 5

// flowData is what the environment reads of the clientdata of a cloud flow.
type flowData struct {
	Properties struct {
		ConnectionReferences map[string]struct {
			RuntimeSource string `json:"runtimeSource"`
			Connection    struct {
				LogicalName string `json:"connectionReferenceLogicalName"`
			} `json:"connection"`
		} `json:"connectionReferences"`
		Definition struct {
			Actions map[string]json.RawMessage `json:"actions"`
		} `json:"definition"`
	} `json:"properties"`
	SchemaVersion string `json:"schemaVersion"`
}

func readFlow(rec *record) (flowData, error) {
	var data flowData
	if rec.str("clientdata") == "" {
		return data, nil
	}
	err := json.Unmarshal([]byte(rec.str("clientdata")), &data)
	return data, err
}

// children are the ids of the flows that a flow calls: actions of the type Workflow, wherever they stand in the definition.
func (d flowData) children() []string {
	var ids []string
	var search func(raw json.RawMessage)
	search = func(raw json.RawMessage) {
		var action struct {
			Type   string `json:"type"`
			Inputs struct {
				Host struct {
					ID string `json:"workflowReferenceName"`
				} `json:"host"`
			} `json:"inputs"`
			Actions map[string]json.RawMessage `json:"actions"`
		}
		if json.Unmarshal(raw, &action) != nil {
			return
		}
		if id, isGUID := normalGUID(action.Inputs.Host.ID); action.Type == "Workflow" && isGUID {
			ids = append(ids, id)
		}
		for _, inner := range action.Actions {
			search(inner)
		}
	}
	for _, raw := range d.Properties.Definition.Actions {
		search(raw)
	}
	return ids
}

// flowRule lets flows be made off, changed while they are off, and turned on when what they need is there.
func flowRule(w *change) *apiError {
	if w.next.values["primaryentity"] == nil {
		w.next.set("primaryentity", "none")
	}
	data, err := readFlow(w.next)
	if err != nil && w.next.int("category") == categoryFlow {
		return badRequest(codeFlowData, "The clientdata of the flow %s is not valid: %v.", w.next.str("name"), err)
	}
	if w.old == nil {
		w.next.set("statecode", int64(0))
		w.next.set("statuscode", int64(1))
		w.next.set("workflowidunique", w.c.tx.guid())
		return nil
	}
	before, after := w.old.int("statecode"), w.next.int("statecode")
	switch {
	case before == 1 && after == 1 && w.changed("clientdata"):
		return badRequest(codeFlowActive, "The definition of the flow %s cannot be changed while it is on.", w.next.str("name"))
	case after == 1 && before != 1:
		return w.activate(data)
	case before == 1 && after != 1:
		return w.deactivate()
	}
	return nil
}

// innerError is what the flow service says.
type innerError struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Details []innerError `json:"details,omitempty"`
}

// activate refuses a flow whose connection references are not bound, or whose child flows are off.
func (w *change) activate(data flowData) *apiError {
	var found []innerError
	for _, use := range data.Properties.ConnectionReferences {
		name := use.Connection.LogicalName
		bound := false
		for _, reference := range w.c.e.table("connectionreference").with("connectionreferencelogicalname", name) {
			bound = reference.str("connectionid") != ""
		}
		if name != "" && !bound {
			found = append(found, innerError{
				Code:    "XrmConnectionReferenceMissingConnection",
				Message: fmt.Sprintf("Connection reference '%s' must have a connection before the flow can be turned on.", name),
			})
		}
	}
	for _, id := range data.children() {
		child := w.c.e.find("workflow", id)
		if child == nil || child.int("statecode") != 1 {
			found = append(found, innerError{
				Code:    "ChildFlowNeverPublished",
				Message: fmt.Sprintf("The workflow with id '%s' must be published before it can be used as a child flow.", id),
			})
			continue
		}
		if childData, err := readFlow(child); err == nil && w.c.e.is(switchInvoker, refused) && childData.invoker() {
			found = append(found, innerError{
				Code:    "ChildFlowUnsupportedForInvokerConnections",
				Message: fmt.Sprintf("The workflow with id '%s' uses the connections of whoever runs it and cannot be a child flow.", id),
			})
		}
	}
	if len(found) == 0 {
		return nil
	}
	inner := found[0]
	if len(found) > 1 {
		inner = innerError{Code: "MultipleErrorsOccurred", Message: "Multiple errors occurred. Please see details.", Details: found}
	}
	return badRequest(codeFlowClient, `Flow client error returned with status code "BadRequest" and details "%s".`, encode(map[string]any{"error": inner}))
}

func (d flowData) invoker() bool {
	for _, use := range d.Properties.ConnectionReferences {
		if use.RuntimeSource == "invoker" {
			return true
		}
	}
	return false
}

// deactivate refuses to turn off a child under a parent that is on, where the switch says so.
func (w *change) deactivate() *apiError {
	if w.c.e.is(switchChildOff, accepted) {
		return nil
	}
	for _, parent := range w.next.table.all() {
		data, err := readFlow(parent)
		if err != nil || parent.int("statecode") != 1 {
			continue
		}
		for _, id := range data.children() {
			if id == w.next.id {
				return badRequest(codeFlowClient, `Flow client error returned with status code "BadRequest" and details "%s".`, encode(map[string]any{"error": innerError{
					Code: "ChildFlowInUse", Message: fmt.Sprintf("The flow is used by '%s', which is on.", parent.str("name")),
				}}))
			}
		}
	}
	return nil
}

// needFlow finds a flow by id or name, for acts.
func (e *Environment) needFlow(name string) (*record, *apiError) {
	for _, rec := range e.table("workflow").all() {
		if rec.id == name || strings.EqualFold(rec.str("name"), name) {
			return rec, nil
		}
	}
	return nil, errorf(http.StatusNotFound, codeNotFound, "There is no flow %s.", name)
}
