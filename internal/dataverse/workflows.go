package dataverse

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// CloudFlow is a row of workflows of category 5 ("Work with cloud flows using code").
type CloudFlow struct {
	ID         string  `json:"workflowid"`
	Name       string  `json:"name"`
	State      int     `json:"statecode"` // 0 draft, 1 activated, 2 suspended
	Status     int     `json:"statuscode"`
	ClientData string  `json:"clientdata"`
	Managed    bool    `json:"ismanaged"`
	Version    Version `json:"@odata.etag"`
}

// On reports whether the flow runs.
func (f CloudFlow) On() bool { return f.State == 1 }

// CloudFlows lists the flows that are part of solutions; others are not visible here.
func (c *Client) CloudFlows(ctx context.Context) ([]CloudFlow, error) {
	return List[CloudFlow](ctx, c, "workflows", Query{
		Select: []string{"workflowid", "name", "statecode", "statuscode", "clientdata", "ismanaged"}, Filter: "category eq 5 and type eq 1", OrderBy: "workflowid",
	})
}

// SwitchFlow turns a flow on or off. Child flows go first when turning on: otherwise the refusal has ChildFlowNeverPublished inside,
// see [HasInner].
func (c *Client) SwitchFlow(ctx context.Context, id string, on bool) error {
	row, err := Row("workflows", id)
	if err != nil {
		return fmt.Errorf("dataverse: flow: %w", err)
	}
	state, status := 0, 1
	if on {
		state, status = 1, 2
	}
	return c.Update(ctx, row, Any, map[string]int{"statecode": state, "statuscode": status})
}

// FlowRun is a run of a cloud flow ("Manage cloud flow run history in Dataverse"). Whether a run that is under way has a row already is not
// documented: what is listed may be runs that have ended only.
type FlowRun struct {
	ID      string    `json:"name"` // the run's id in Power Automate
	FlowID  string    `json:"_workflow_value"`
	Status  string    `json:"status"` // Succeeded, Failed, Cancelled; Running where a run has a row from its beginning
	Started time.Time `json:"starttime"`
	Ended   time.Time `json:"endtime"` // zero: under way
}

// FlowRuns lists the runs of some flows that are under way, or ended since a time.
func (c *Client) FlowRuns(ctx context.Context, since time.Time, flows ...string) ([]FlowRun, error) {
	var of []string
	for _, id := range flows {
		if _, err := Row("workflows", id); err != nil {
			return nil, fmt.Errorf("dataverse: flow: %w", err)
		}
		of = append(of, "_workflow_value eq "+id)
	}
	return List[FlowRun](ctx, c, "flowruns", Query{
		Select: []string{"name", "_workflow_value", "status", "starttime", "endtime"},
		Filter: "(" + strings.Join(of, " or ") + ") and (endtime eq null or endtime ge " + since.UTC().Format(time.RFC3339) + ")",
	})
}

// ConnectionReference is what flows use in place of a connection ("connectionreference table reference").
type ConnectionReference struct {
	ID           string `json:"connectionreferenceid"`
	LogicalName  string `json:"connectionreferencelogicalname"`
	DisplayName  string `json:"connectionreferencedisplayname"`
	ConnectorID  string `json:"connectorid"`
	ConnectionID string `json:"connectionid"` // empty: not bound
}

// ConnectionReferences lists the connection references of the environment.
func (c *Client) ConnectionReferences(ctx context.Context) ([]ConnectionReference, error) {
	return List[ConnectionReference](ctx, c, "connectionreferences", Query{
		Select:  []string{"connectionreferenceid", "connectionreferencelogicalname", "connectionreferencedisplayname", "connectorid", "connectionid"},
		OrderBy: "connectionreferencelogicalname",
	})
}

// BindConnection gives a connection reference its connection.
func (c *Client) BindConnection(ctx context.Context, referenceID, connectionID string) error {
	row, err := Row("connectionreferences", referenceID)
	if err != nil {
		return fmt.Errorf("dataverse: connection reference: %w", err)
	}
	return c.Update(ctx, row, Any, map[string]string{"connectionid": connectionID})
}
