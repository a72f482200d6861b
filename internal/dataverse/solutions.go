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
