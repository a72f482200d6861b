package dataverse

import (
	"context"
	"fmt"
	"net/http"
)

// Types of environment variables ("environmentvariabledefinition table reference").
const (
	VariableText   = 100000000
	VariableNumber = 100000001
	VariableYesNo  = 100000002
	VariableJSON   = 100000003
)

// Variable is an environment variable: its definition and its current value.
type Variable struct {
	DefinitionID string
	SchemaName   string
	DisplayName  string
	Type         int
	Default      string
	ValueID      string // empty: the default counts
	Value        string
	ValueVersion Version
}

// Effective gives the value that counts.
func (v Variable) Effective() string {
	if v.ValueID != "" {
		return v.Value
	}
	return v.Default
}

// Variable reads an environment variable by its schema name; found is false when it is not defined.
func (c *Client) Variable(ctx context.Context, schemaName string) (variable Variable, found bool, err error) {
	definition, found, err := One[struct {
		ID      string `json:"environmentvariabledefinitionid"`
		Name    string `json:"schemaname"`
		Display string `json:"displayname"`
		Type    int    `json:"type"`
		Default string `json:"defaultvalue"`
	}](ctx, c, "environmentvariabledefinitions", Query{
		Select: []string{"environmentvariabledefinitionid", "schemaname", "displayname", "type", "defaultvalue"}, Filter: "schemaname eq " + Quote(schemaName),
	})
	if err != nil || !found {
		return Variable{}, false, err
	}
	variable = Variable{DefinitionID: definition.ID, SchemaName: definition.Name, DisplayName: definition.Display, Type: definition.Type, Default: definition.Default}
	value, set, err := One[struct {
		ID      string  `json:"environmentvariablevalueid"`
		Value   string  `json:"value"`
		Version Version `json:"@odata.etag"`
	}](ctx, c, "environmentvariablevalues", Query{
		Select: []string{"environmentvariablevalueid", "value"}, Filter: "_environmentvariabledefinitionid_value eq " + definition.ID,
	})
	if set {
		variable.ValueID, variable.Value, variable.ValueVersion = value.ID, value.Value, value.Version
	}
	return variable, true, err
}

// SetVariable gives a variable its current value, in a row of its own: the default is part of the solution. Flows see it within the
// hour ("Environment variables overview").
func (c *Client) SetVariable(ctx context.Context, variable Variable, value string) error {
	if variable.ValueID != "" {
		row, err := Row("environmentvariablevalues", variable.ValueID)
		if err != nil {
			return err
		}
		return c.Update(ctx, row, variable.ValueVersion, map[string]string{"value": value})
	}
	row, err := Row("environmentvariabledefinitions", variable.DefinitionID)
	if err != nil {
		return err
	}
	_, err = c.Create(ctx, "environmentvariablevalues", map[string]string{
		"schemaname": variable.SchemaName, "value": value, "EnvironmentVariableDefinitionId@odata.bind": "/" + row,
	})
	return err
}

// UnsetVariable removes the current value, so that the default counts again.
func (c *Client) UnsetVariable(ctx context.Context, variable Variable) error {
	if variable.ValueID == "" {
		return nil
	}
	row, err := Row("environmentvariablevalues", variable.ValueID)
	if err != nil {
		return fmt.Errorf("dataverse: variable %s: %w", variable.SchemaName, err)
	}
	return c.Delete(ctx, row, variable.ValueVersion)
}

// DefineVariable makes an environment variable without a current value, in a solution; an empty one means the default solution.
func (c *Client) DefineVariable(ctx context.Context, solution string, variable Variable) error {
	body := map[string]any{"schemaname": variable.SchemaName, "displayname": variable.DisplayName, "type": variable.Type}
	if variable.Default != "" {
		body["defaultvalue"] = variable.Default
	}
	_, err := c.send(ctx, call{
		operation: "define variable " + variable.SchemaName, method: http.MethodPost, path: "environmentvariabledefinitions", header: solutionHeader(solution),
	}, body, nil)
	return err
}

// RenameVariable changes the name that people see.
func (c *Client) RenameVariable(ctx context.Context, variable Variable, displayName string) error {
	row, err := Row("environmentvariabledefinitions", variable.DefinitionID)
	if err != nil {
		return err
	}
	return c.Update(ctx, row, Any, map[string]string{"displayname": displayName})
}

// UndefineVariable deletes an environment variable with its value.
func (c *Client) UndefineVariable(ctx context.Context, variable Variable) error {
	row, err := Row("environmentvariabledefinitions", variable.DefinitionID)
	if err != nil {
		return err
	}
	return c.Delete(ctx, row, "")
}
