package dataverse

import (
	"context"
	"errors"
)

// Publisher owns solutions. The schema names of what belongs to it begin with its prefix ("publisher table reference").
type Publisher struct {
	ID           string `json:"publisherid"`
	Name         string `json:"uniquename"`
	DisplayName  string `json:"friendlyname"`
	Prefix       string `json:"customizationprefix"`
	OptionPrefix int    `json:"customizationoptionvalueprefix"` // 10000 to 99999: values of new options begin with it
}

// Publishers lists the environment's publishers.
func (c *Client) Publishers(ctx context.Context) ([]Publisher, error) {
	return List[Publisher](ctx, c, "publishers", Query{
		Select:  []string{"publisherid", "uniquename", "friendlyname", "customizationprefix", "customizationoptionvalueprefix"},
		OrderBy: "uniquename",
	})
}

// Solution is a container of components ("solution table reference").
type Solution struct {
	ID          string `json:"solutionid"`
	Name        string `json:"uniquename"`
	DisplayName string `json:"friendlyname"`
	Version     string `json:"version"` // 1.0.0.0
	Managed     bool   `json:"ismanaged"`
	PublisherID string `json:"_publisherid_value"`
}

// Solution reads a solution by its unique name; found is false when there is none.
func (c *Client) Solution(ctx context.Context, name string) (solution Solution, found bool, err error) {
	return One[Solution](ctx, c, "solutions", Query{
		Select: []string{"solutionid", "uniquename", "friendlyname", "version", "ismanaged", "_publisherid_value"}, Filter: "uniquename eq " + Quote(name),
	})
}

// Types of solution components ("solutioncomponent table reference").
const (
	TableComponent    = 1
	ColumnComponent   = 2
	FlowComponent     = 29
	VariableComponent = 380 // its definition
)

// Component is a part of a solution ("solutioncomponent table reference").
type Component struct {
	Type     int    `json:"componenttype"`
	ObjectID string `json:"objectid"`              // MetadataId of a table or column, id of a row
	Behavior int    `json:"rootcomponentbehavior"` // 0: with all that a table has; 1: without; 2: as a shell
}

// Components lists the parts of a solution.
func (c *Client) Components(ctx context.Context, solutionID string) ([]Component, error) {
	if _, err := Row("solutions", solutionID); err != nil {
		return nil, err
	}
	return List[Component](ctx, c, "solutioncomponents", Query{
		Select: []string{"componenttype", "objectid", "rootcomponentbehavior"}, Filter: "_solutionid_value eq " + solutionID, OrderBy: "solutioncomponentid",
	})
}

// BaseLanguage gives the LCID of the organisation's base language, for example 1033.
func (c *Client) BaseLanguage(ctx context.Context) (int, error) {
	organisation, found, err := One[struct {
		Language int `json:"languagecode"`
	}](ctx, c, "organizations", Query{Select: []string{"languagecode"}})
	if err == nil && (!found || organisation.Language == 0) {
		err = &DecodeError{Operation: "read the base language", Err: errors.New("the organisation names none")}
	}
	return organisation.Language, err
}
