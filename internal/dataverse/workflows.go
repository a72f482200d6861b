package dataverse

import (
	"context"
	"fmt"
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
