package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Label is a text in one or more languages ("Label complex type").
type Label struct {
	Type      string           `json:"@odata.type,omitempty"`
	Localized []LocalizedLabel `json:"LocalizedLabels"`
	// User is the text in the language of the caller; the service's own.
	User *LocalizedLabel `json:"UserLocalizedLabel,omitempty"`
}

// LocalizedLabel is a text in one language, given by its LCID, e.g. 1033.
type LocalizedLabel struct {
	Type         string `json:"@odata.type,omitempty"`
	Label        string `json:"Label"`
	LanguageCode int    `json:"LanguageCode"`
}

// NewLabel makes a label in one language.
func NewLabel(text string, languageCode int) Label {
	return Label{Type: typePrefix + "Label", Localized: []LocalizedLabel{{Type: typePrefix + "LocalizedLabel", Label: text, LanguageCode: languageCode}}}
}

// Text gives the caller's text, or the first.
func (l Label) Text() string {
	switch {
	case l.User != nil:
		return l.User.Label
	case len(l.Localized) > 0:
		return l.Localized[0].Label
	default:
		return ""
	}
}

// Texts lists the texts in all languages.
func (l Label) Texts() []string {
	texts := []string{l.Text()}
	for _, localized := range l.Localized {
		if !slices.Contains(texts, localized.Label) {
			texts = append(texts, localized.Label)
		}
	}
	return texts
}

// Table is a table's description ("EntityMetadata").
type Table struct {
	MetadataID            string `json:"MetadataId"`
	LogicalName           string `json:"LogicalName"`
	SchemaName            string `json:"SchemaName"`
	SetName               string `json:"EntitySetName"`
	PrimaryID             string `json:"PrimaryIdAttribute"`
	PrimaryName           string `json:"PrimaryNameAttribute"`
	ObjectTypeCode        int    `json:"ObjectTypeCode"`
	DisplayName           Label  `json:"DisplayName"`
	CollectionName        Label  `json:"DisplayCollectionName"`
	Description           Label  `json:"Description"`
	Ownership             string `json:"OwnershipType"` // UserOwned, OrganizationOwned or None
	Custom                bool   `json:"IsCustomEntity"`
	Managed               bool   `json:"IsManaged"` // a managed solution brought it
	ChangeTracking        bool   `json:"ChangeTrackingEnabled"`
	OptimisticConcurrency bool   `json:"IsOptimisticConcurrencyEnabled"`
}

var tableProperties = []string{"MetadataId", "LogicalName", "SchemaName", "EntitySetName", "PrimaryIdAttribute", "PrimaryNameAttribute", "ObjectTypeCode",
	"DisplayName", "DisplayCollectionName", "Description", "OwnershipType", "IsCustomEntity", "IsManaged", "ChangeTrackingEnabled",
	"IsOptimisticConcurrencyEnabled"}

// fresh reads past the metadata cache, which lags behind half a minute.
var fresh = http.Header{"Consistency": {"Strong"}}

func tablePath(logicalName string) (string, error) {
	if _, err := Name(logicalName); err != nil {
		return "", fmt.Errorf("dataverse: table %w", err)
	}
	return "EntityDefinitions(LogicalName='" + strings.ToLower(logicalName) + "')", nil
}

// Table reads a table's description by its logical name. [IsNotFound] holds when there is no such table.
func (c *Client) Table(ctx context.Context, logicalName string) (Table, error) {
	var table Table
	path, err := tablePath(logicalName)
	if err != nil {
		return table, err
	}
	_, err = c.get(ctx, "read table "+logicalName, path+Query{Select: tableProperties}.Encode(), fresh, &table)
	return table, err
}

// CustomTables reads the descriptions of all tables that are not the platform's own, those of managed solutions too ("Query table
// definitions using the Web API": one answer holds them all).
func (c *Client) CustomTables(ctx context.Context) ([]Table, error) {
	return list[Table](ctx, c, "list tables", "EntityDefinitions"+Query{Select: tableProperties, Filter: "IsCustomEntity eq true"}.Encode())
}

// TableDefinition reads a table's whole definition, which an update sends back.
func (c *Client) TableDefinition(ctx context.Context, logicalName string) (Definition, error) {
	path, err := tablePath(logicalName)
	if err != nil {
		return nil, err
	}
	var definition Definition
	_, err = c.get(ctx, "read table "+logicalName, path, fresh, &definition)
	return definition, err
}

// NewTable is a table to be created.
type NewTable struct {
	SchemaName        string
	DisplayName       Label
	CollectionName    Label // the display name in the plural
	Description       Label
	OrganizationOwned bool // otherwise rows belong to users
	Notes             bool
	PrimaryName       Column // a text column
	ChangeTracking    bool
}

// CreateTable creates a table in a solution; an empty one means the default solution. [IsDuplicate] does not hold for a schema name
// that is taken: look before.
func (c *Client) CreateTable(ctx context.Context, solution string, table NewTable) (metadataID string, err error) {
	primary, err := table.PrimaryName.encode()
	if err != nil {
		return "", err
	}
	primary["IsPrimaryName"] = true
	ownership := "UserOwned"
	if table.OrganizationOwned {
		ownership = "OrganizationOwned"
	}
	return c.createMetadata(ctx, "create table "+table.SchemaName, "EntityDefinitions", solution, map[string]any{
		typeAnnotation: typePrefix + "EntityMetadata", "SchemaName": table.SchemaName, "DisplayName": table.DisplayName,
		"DisplayCollectionName": table.CollectionName, "Description": table.Description, "OwnershipType": ownership, "HasActivities": false,
		"HasNotes": table.Notes, "IsActivity": false, "ChangeTrackingEnabled": table.ChangeTracking, "Attributes": []any{primary},
	})
}

// DeleteTable removes a table with all its rows.
func (c *Client) DeleteTable(ctx context.Context, logicalName string) error {
	path, err := tablePath(logicalName)
	if err != nil {
		return err
	}
	return c.deleteMetadata(ctx, "delete table "+logicalName, path, "")
}

// Definition is a whole definition of metadata. An update sends all of it, so that what this client does not know is kept.
type Definition map[string]any

// Get reads a property into a value; it leaves the value alone when the property is absent.
func (d Definition) Get(property string, into any) error {
	raw, err := json.Marshal(d[property])
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// UpdateTable sends a table's whole definition. Labels in other languages are kept.
func (c *Client) UpdateTable(ctx context.Context, solution string, definition Definition) error {
	name, _ := definition["LogicalName"].(string)
	path, err := tablePath(name)
	if err != nil {
		return err
	}
	return c.putMetadata(ctx, "update table "+name, path, solution, definition)
}

func solutionHeader(solution string) http.Header {
	header := http.Header{}
	if solution != "" {
		header["MSCRM.SolutionUniqueName"] = []string{solution}
	}
	return header
}

func (c *Client) createMetadata(ctx context.Context, operation, path, solution string, body any) (metadataID string, err error) {
	response, err := c.send(ctx, call{operation: operation, method: http.MethodPost, path: path, header: solutionHeader(solution)}, body, nil)
	if err != nil {
		return "", err
	}
	id, _ := IDOf(response.Header.Get("OData-EntityId")) // the parent may be named by its id too: the last one counts
	return id, nil
}

// putMetadata replaces a definition ("Update table definitions using the Web API"): there is no PATCH.
func (c *Client) putMetadata(ctx context.Context, operation, path, solution string, body any) error {
	header := solutionHeader(solution)
	header["MSCRM.MergeLabels"] = []string{"true"}
	_, err := c.send(ctx, call{operation: operation, method: http.MethodPut, path: path, header: header}, body, nil)
	return err
}

func (c *Client) deleteMetadata(ctx context.Context, operation, path, solution string) error {
	_, err := c.do(ctx, call{operation: operation, method: http.MethodDelete, path: path, header: solutionHeader(solution)})
	return err
}

// list reads a collection of metadata, which has no pages.
func list[T any](ctx context.Context, c *Client, operation, path string) ([]T, error) {
	var answer struct {
		Value []T `json:"value"`
	}
	_, err := c.get(ctx, operation, path, fresh, &answer)
	return answer.Value, err
}

// Publish makes changes of tables and global choices visible ("PublishXml Action").
func (c *Client) Publish(ctx context.Context, tables, choices []string) error {
	var b strings.Builder
	b.WriteString("<importexportxml>")
	for _, group := range []struct {
		outer, inner string
		names        []string
	}{{"entities", "entity", tables}, {"optionsets", "optionset", choices}} {
		if len(group.names) == 0 {
			continue
		}
		b.WriteString("<" + group.outer + ">")
		for _, name := range group.names {
			if _, err := Name(name); err != nil {
				return fmt.Errorf("dataverse: publish: %w", err)
			}
			b.WriteString("<" + group.inner + ">" + name + "</" + group.inner + ">")
		}
		b.WriteString("</" + group.outer + ">")
	}
	b.WriteString("</importexportxml>")
	return c.Action(ctx, "PublishXml", map[string]string{"ParameterXml": b.String()}, nil)
}

// PublishAll makes all changes visible ("PublishAllXml Action").
func (c *Client) PublishAll(ctx context.Context) error {
	return c.Action(ctx, "PublishAllXml", nil, nil)
}
