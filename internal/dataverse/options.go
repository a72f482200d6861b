package dataverse

import (
	"context"
	"fmt"
)

// OptionPlace says whose options: those of a global choice, or of a column of a table.
type OptionPlace struct {
	GlobalChoice  string // or
	Table, Column string // logical names
}

func (p OptionPlace) parameters(solution string) map[string]any {
	parameters := map[string]any{}
	if p.GlobalChoice != "" {
		parameters["OptionSetName"] = p.GlobalChoice
	} else {
		parameters["EntityLogicalName"], parameters["AttributeLogicalName"] = p.Table, p.Column
	}
	if solution != "" {
		parameters["SolutionUniqueName"] = solution
	}
	return parameters
}

// InsertOption adds an option and gives its value, assigned by the service when value is nil ("InsertOptionValue Action").
func (c *Client) InsertOption(ctx context.Context, solution string, place OptionPlace, value *int, label Label) (int, error) {
	parameters := place.parameters(solution)
	parameters["Label"] = label
	if value != nil {
		parameters["Value"] = *value
	}
	var answer struct {
		NewOptionValue int `json:"NewOptionValue"`
	}
	err := c.Action(ctx, "InsertOptionValue", parameters, &answer)
	return answer.NewOptionValue, err
}

// UpdateOption changes an option's label; those in other languages are kept ("UpdateOptionValue Action").
func (c *Client) UpdateOption(ctx context.Context, solution string, place OptionPlace, value int, label Label) error {
	parameters := place.parameters(solution)
	parameters["Value"], parameters["Label"], parameters["MergeLabels"] = value, label, true
	return c.Action(ctx, "UpdateOptionValue", parameters, nil)
}

// DeleteOption removes an option ("DeleteOptionValue Action"). Rows that have it keep the number.
func (c *Client) DeleteOption(ctx context.Context, solution string, place OptionPlace, value int) error {
	parameters := place.parameters(solution)
	parameters["Value"] = value
	return c.Action(ctx, "DeleteOptionValue", parameters, nil)
}

// OrderOptions gives the options their order ("OrderOption Action").
func (c *Client) OrderOptions(ctx context.Context, solution string, place OptionPlace, values []int) error {
	parameters := place.parameters(solution)
	parameters["Values"] = values
	return c.Action(ctx, "OrderOption", parameters, nil)
}

// InsertStatus adds a status reason to a state of a table ("InsertStatusValue Action").
func (c *Client) InsertStatus(ctx context.Context, solution, table string, state int, label Label) (int, error) {
	parameters := OptionPlace{Table: table, Column: "statuscode"}.parameters(solution)
	parameters["StateCode"], parameters["Label"] = state, label
	var answer struct {
		NewOptionValue int `json:"NewOptionValue"`
	}
	err := c.Action(ctx, "InsertStatusValue", parameters, &answer)
	return answer.NewOptionValue, err
}

// GlobalChoice is a choice that several columns share.
type GlobalChoice struct {
	MetadataID  string   `json:"MetadataId"`
	Name        string   `json:"Name"`
	DisplayName Label    `json:"DisplayName"`
	Description Label    `json:"Description"`
	Options     []Option `json:"Options"`
}

func choicePath(name string) (string, error) {
	if _, err := Name(name); err != nil {
		return "", fmt.Errorf("dataverse: global choice %w", err)
	}
	return "GlobalOptionSetDefinitions(Name='" + name + "')", nil
}

// GlobalChoice reads a global choice by its name. [IsNotFound] holds when there is none.
func (c *Client) GlobalChoice(ctx context.Context, name string) (GlobalChoice, error) {
	var choice GlobalChoice
	path, err := choicePath(name)
	if err != nil {
		return choice, err
	}
	_, err = c.get(ctx, "read global choice "+name, path, fresh, &choice)
	return choice, err
}

// CreateGlobalChoice creates a global choice.
func (c *Client) CreateGlobalChoice(ctx context.Context, solution string, choice GlobalChoice) (metadataID string, err error) {
	return c.createMetadata(ctx, "create global choice "+choice.Name, "GlobalOptionSetDefinitions", solution, map[string]any{
		typeAnnotation: typePrefix + "OptionSetMetadata", "Name": choice.Name, "DisplayName": choice.DisplayName, "Description": choice.Description,
		"OptionSetType": "Picklist", "IsGlobal": true, "Options": choice.Options,
	})
}

// DeleteGlobalChoice removes a global choice that no column uses.
func (c *Client) DeleteGlobalChoice(ctx context.Context, name string) error {
	path, err := choicePath(name)
	if err != nil {
		return err
	}
	return c.deleteMetadata(ctx, "delete global choice "+name, path, "")
}
