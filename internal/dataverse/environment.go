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

// variableDefinition is a row of a variable's definition.
type variableDefinition struct {
	ID      string `json:"environmentvariabledefinitionid"`
	Name    string `json:"schemaname"`
	Display string `json:"displayname"`
	Type    int    `json:"type"`
	Default string `json:"defaultvalue"`
}

var definitionColumns = []string{"environmentvariabledefinitionid", "schemaname", "displayname", "type", "defaultvalue"}

func (d variableDefinition) variable() Variable {
	return Variable{DefinitionID: d.ID, SchemaName: d.Name, DisplayName: d.Display, Type: d.Type, Default: d.Default}
}

// variableValue is a row of a current value.
type variableValue struct {
	ID         string  `json:"environmentvariablevalueid"`
	Definition string  `json:"_environmentvariabledefinitionid_value"`
	Value      string  `json:"value"`
	Version    Version `json:"@odata.etag"`
}

var valueColumns = []string{"environmentvariablevalueid", "_environmentvariabledefinitionid_value", "value"}

func (v *Variable) take(value variableValue) {
	v.ValueID, v.Value, v.ValueVersion = value.ID, value.Value, value.Version
}

// Variables lists the environment's variables by schema name, whichever solution brought them.
func (c *Client) Variables(ctx context.Context) ([]Variable, error) {
	definitions, err := List[variableDefinition](ctx, c, "environmentvariabledefinitions", Query{Select: definitionColumns, OrderBy: "schemaname"})
	if err != nil {
		return nil, err
	}
	values, err := List[variableValue](ctx, c, "environmentvariablevalues", Query{Select: valueColumns})
	if err != nil {
		return nil, err
	}
	current := map[string]variableValue{}
	for _, value := range values {
		current[value.Definition] = value
	}
	variables := make([]Variable, len(definitions))
	for i, definition := range definitions {
		variables[i] = definition.variable()
		if value, set := current[definition.ID]; set {
			variables[i].take(value)
		}
	}
	return variables, nil
}

// Variable reads an environment variable by its schema name; found is false when it is not defined.
func (c *Client) Variable(ctx context.Context, schemaName string) (variable Variable, found bool, err error) {
	definition, found, err := One[variableDefinition](ctx, c, "environmentvariabledefinitions", Query{
		Select: definitionColumns, Filter: "schemaname eq " + Quote(schemaName),
	})
	if err != nil || !found {
		return Variable{}, false, err
	}
	variable = definition.variable()
	value, set, err := One[variableValue](ctx, c, "environmentvariablevalues", Query{
		Select: valueColumns, Filter: "_environmentvariabledefinitionid_value eq " + definition.ID,
	})
	if set {
		variable.take(value)
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
