package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Kind is what a column holds. Its text is the name of the metadata type without "AttributeMetadata".
type Kind string

// The kinds of columns.
const (
	Text      Kind = "String"
	Memo      Kind = "Memo"
	YesNo     Kind = "Boolean"
	Choice    Kind = "Picklist"
	Choices   Kind = "MultiSelectPicklist"
	Money     Kind = "Money"
	DateTime  Kind = "DateTime"
	Decimal   Kind = "Decimal"
	Integer   Kind = "Integer"
	Lookup    Kind = "Lookup"   // made with its relationship
	Customer  Kind = "Customer" // made with its two relationships
	State     Kind = "State"    // every table with states has one of each
	StatusKey Kind = "Status"
)

// Option is a value of a choice. State is that of a status reason.
type Option struct {
	Value *int  `json:"Value"` // nil when it is to be assigned
	Label Label `json:"Label"`
	State *int  `json:"State,omitempty"`
}

// Column describes a column. Which properties count depends on the kind ("Create and update column definitions").
type Column struct {
	Kind          Kind
	LogicalName   string
	SchemaName    string
	DisplayName   Label
	Description   Label
	Required      string // None, Recommended, ApplicationRequired
	MaxLength     int    // Text, Memo
	Format        string // Text: Text, Email, Url, Phone, TextArea; DateTime: DateOnly, DateAndTime
	AutoNumber    string // Text: e.g. {DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}
	Precision     int    // Money, Decimal: decimal places
	OwnPrecision  bool   // Money: Precision counts, not the currency's; read only
	Min, Max      *float64
	Behavior      string   // DateTime: UserLocal, DateOnly, TimeZoneIndependent
	Options       []Option // Choice, Choices without GlobalChoice; State, StatusKey
	GlobalChoice  string   // name of the global choice
	GlobalID      string   // its id
	Default       *int     // Choice, Choices
	DefaultYes    bool     // YesNo
	YesLabel      Label
	NoLabel       Label
	ForCreate     bool // what the caller may do; read only
	ForUpdate     bool
	MetadataID    string
	IsPrimaryName bool
	IsPrimaryID   bool
	Custom        bool     // not the platform's own; read only
	Managed       bool     // a managed solution brought it; read only
	PartOf        string   // the column that it comes and goes with, such as a lookup for the name of its row; read only
	Targets       []string // Lookup, Customer
}

func (c Column) encode() (map[string]any, error) {
	required := c.Required
	if required == "" {
		required = "None"
	}
	attributeType, typeName := string(c.Kind), string(c.Kind)+"Type"
	if c.Kind == Choices {
		attributeType = "Virtual"
	}
	body := map[string]any{
		typeAnnotation: typePrefix + string(c.Kind) + "AttributeMetadata", "AttributeType": attributeType, "AttributeTypeName": map[string]string{"Value": typeName},
		"SchemaName": c.SchemaName, "DisplayName": c.DisplayName, "Description": c.Description,
		"RequiredLevel": map[string]any{"Value": required, "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
	}
	limits := func() {
		if c.Min != nil {
			body["MinValue"] = *c.Min
		}
		if c.Max != nil {
			body["MaxValue"] = *c.Max
		}
	}
	switch c.Kind {
	case Text:
		body["MaxLength"] = c.MaxLength
		if c.Format != "" {
			body["FormatName"] = map[string]string{"Value": c.Format}
		}
		if c.AutoNumber != "" {
			body["AutoNumberFormat"] = c.AutoNumber
		}
	case Memo:
		body["Format"], body["ImeMode"], body["MaxLength"], body["IsLocalizable"] = "TextArea", "Disabled", c.MaxLength, false
	case YesNo:
		body["DefaultValue"] = c.DefaultYes
		body["OptionSet"] = map[string]any{
			typeAnnotation: typePrefix + "BooleanOptionSetMetadata", "OptionSetType": "Boolean", "IsGlobal": false,
			"TrueOption": map[string]any{"Value": 1, "Label": c.YesLabel}, "FalseOption": map[string]any{"Value": 0, "Label": c.NoLabel},
		}
	case Choice, Choices:
		c.encodeChoice(body)
	case Money:
		body["PrecisionSource"], body["ImeMode"] = 2, "Disabled"
		if c.Precision > 0 {
			body["PrecisionSource"], body["Precision"] = 0, c.Precision
		}
		limits()
	case DateTime:
		body["Format"], body["DateTimeBehavior"] = c.Format, map[string]string{"Value": c.Behavior}
	case Decimal:
		body["Precision"] = c.Precision
		limits()
	case Integer:
		body["Format"] = "None"
		limits()
	default:
		return nil, fmt.Errorf("dataverse: column %s: a column of kind %s is made together with its relationship", c.SchemaName, c.Kind)
	}
	return body, nil
}

func (c Column) encodeChoice(body map[string]any) {
	body["SourceTypeMask"], body["DefaultFormValue"] = 0, -1
	if c.Default != nil {
		body["DefaultFormValue"] = *c.Default
	}
	switch {
	case c.GlobalID != "":
		body["GlobalOptionSet@odata.bind"] = "/GlobalOptionSetDefinitions(" + c.GlobalID + ")"
	case c.GlobalChoice != "":
		body["GlobalOptionSet@odata.bind"] = "/GlobalOptionSetDefinitions(Name='" + c.GlobalChoice + "')"
	default:
		body["OptionSet"] = map[string]any{
			typeAnnotation: typePrefix + "OptionSetMetadata", "IsGlobal": false, "OptionSetType": "Picklist", "Options": c.Options,
		}
	}
}

// CreateColumn creates a column in a solution; an empty one means the default solution.
func (c *Client) CreateColumn(ctx context.Context, solution, table string, column Column) (metadataID string, err error) {
	path, err := tablePath(table)
	if err != nil {
		return "", err
	}
	body, err := column.encode()
	if err != nil {
		return "", err
	}
	return c.createMetadata(ctx, "create column "+table+"."+column.SchemaName, path+"/Attributes", solution, body)
}

func columnPath(table, column string) (string, error) {
	path, err := tablePath(table)
	if err != nil {
		return "", err
	}
	if _, err := Name(column); err != nil {
		return "", fmt.Errorf("dataverse: column %w", err)
	}
	return path + "/Attributes(LogicalName='" + strings.ToLower(column) + "')", nil
}

// wireColumn is a column as the service gives it.
type wireColumn struct {
	MetadataID        string          `json:"MetadataId"`
	Type              string          `json:"@odata.type"`
	AttributeType     string          `json:"AttributeType"`
	AttributeTypeName value[string]   `json:"AttributeTypeName"`
	LogicalName       string          `json:"LogicalName"`
	SchemaName        string          `json:"SchemaName"`
	DisplayName       Label           `json:"DisplayName"`
	Description       Label           `json:"Description"`
	RequiredLevel     value[string]   `json:"RequiredLevel"`
	MaxLength         int             `json:"MaxLength"`
	Format            string          `json:"Format"`
	FormatName        value[string]   `json:"FormatName"`
	AutoNumberFormat  string          `json:"AutoNumberFormat"`
	Precision         int             `json:"Precision"`
	PrecisionSource   *int            `json:"PrecisionSource"`
	MinValue          *float64        `json:"MinValue"`
	MaxValue          *float64        `json:"MaxValue"`
	Behavior          value[string]   `json:"DateTimeBehavior"`
	DefaultFormValue  *int            `json:"DefaultFormValue"`
	DefaultValue      json.RawMessage `json:"DefaultValue"`
	OptionSet         *wireChoice     `json:"OptionSet"`
	GlobalOptionSet   *wireChoice     `json:"GlobalOptionSet"`
	IsValidForCreate  bool            `json:"IsValidForCreate"`
	IsValidForUpdate  bool            `json:"IsValidForUpdate"`
	IsPrimaryName     bool            `json:"IsPrimaryName"`
	IsPrimaryID       bool            `json:"IsPrimaryId"`
	IsCustom          bool            `json:"IsCustomAttribute"`
	IsManaged         bool            `json:"IsManaged"`
	AttributeOf       string          `json:"AttributeOf"`
	Targets           []string        `json:"Targets"`
}

type value[T any] struct {
	Value T `json:"Value"`
}

type wireChoice struct {
	MetadataID  string   `json:"MetadataId"`
	Name        string   `json:"Name"`
	IsGlobal    bool     `json:"IsGlobal"`
	Options     []Option `json:"Options"`
	TrueOption  *Option  `json:"TrueOption"`
	FalseOption *Option  `json:"FalseOption"`
}

func (w wireColumn) column() Column {
	column := Column{
		Kind: w.kind(), LogicalName: w.LogicalName, SchemaName: w.SchemaName, DisplayName: w.DisplayName, Description: w.Description,
		Required: w.RequiredLevel.Value, MaxLength: w.MaxLength, Format: w.Format, AutoNumber: w.AutoNumberFormat, Precision: w.Precision,
		Min: w.MinValue, Max: w.MaxValue, Behavior: w.Behavior.Value, ForCreate: w.IsValidForCreate, ForUpdate: w.IsValidForUpdate,
		MetadataID: w.MetadataID, IsPrimaryName: w.IsPrimaryName, IsPrimaryID: w.IsPrimaryID, Custom: w.IsCustom, Managed: w.IsManaged,
		PartOf: w.AttributeOf, Targets: w.Targets,
	}
	if w.FormatName.Value != "" {
		column.Format = w.FormatName.Value
	}
	if w.DefaultFormValue != nil && *w.DefaultFormValue >= 0 {
		column.Default = w.DefaultFormValue
	}
	column.OwnPrecision = w.PrecisionSource != nil && *w.PrecisionSource == 0
	column.DefaultYes = string(w.DefaultValue) == "true"
	for _, choice := range []*wireChoice{w.OptionSet, w.GlobalOptionSet} {
		if choice == nil {
			continue
		}
		if len(choice.Options) > 0 {
			column.Options = choice.Options
		}
		if choice.IsGlobal || choice == w.GlobalOptionSet {
			column.GlobalChoice, column.GlobalID = choice.Name, choice.MetadataID
		}
		if choice.TrueOption != nil && choice.FalseOption != nil {
			column.YesLabel, column.NoLabel = choice.TrueOption.Label, choice.FalseOption.Label
		}
	}
	return column
}

func (w wireColumn) kind() Kind {
	if name, ok := strings.CutSuffix(w.AttributeTypeName.Value, "Type"); ok && name != "" {
		return Kind(name)
	}
	if name, ok := strings.CutSuffix(strings.TrimPrefix(strings.TrimPrefix(w.Type, "#"), typePrefix), "AttributeMetadata"); ok {
		return Kind(name)
	}
	return Kind(w.AttributeType)
}

// Columns reads all columns of a table, without what is special to their kinds; see [Client.ColumnsOf].
func (c *Client) Columns(ctx context.Context, table string) ([]Column, error) {
	path, err := tablePath(table)
	if err != nil {
		return nil, err
	}
	found, err := list[wireColumn](ctx, c, "read columns of "+table, path+"/Attributes")
	columns := make([]Column, len(found))
	for i, w := range found {
		columns[i] = w.column()
	}
	return columns, err
}

// ColumnsOf reads the columns of a table that are of one kind, with what is special to it.
func (c *Client) ColumnsOf(ctx context.Context, table string, kind Kind) ([]Column, error) {
	path, err := tablePath(table)
	if err != nil {
		return nil, err
	}
	path += "/Attributes/" + typePrefix + string(kind) + "AttributeMetadata"
	if options := expandOptions(kind); options != "" {
		path += "?" + options
	}
	found, err := list[wireColumn](ctx, c, "read columns of "+table, path)
	columns := make([]Column, len(found))
	for i, w := range found {
		columns[i] = w.column()
		columns[i].Kind = kind
	}
	return columns, err
}

func expandOptions(kind Kind) string {
	switch kind {
	case Choice, Choices:
		return "$expand=OptionSet,GlobalOptionSet"
	case YesNo, State, StatusKey:
		return "$expand=OptionSet"
	default:
		return ""
	}
}

// Column reads a column of a kind with what is special to it. [IsNotFound] holds when there is none of the name, or it is of another
// kind.
func (c *Client) Column(ctx context.Context, table, column string, kind Kind) (Column, error) {
	path, err := columnPath(table, column)
	if err != nil {
		return Column{}, err
	}
	path += "/" + typePrefix + string(kind) + "AttributeMetadata"
	if options := expandOptions(kind); options != "" {
		path += "?" + options
	}
	var found wireColumn
	if _, err := c.get(ctx, "read column "+table+"."+column, path, fresh, &found); err != nil {
		return Column{}, err
	}
	read := found.column()
	read.Kind = kind
	return read, nil
}

// ColumnDefinition reads a column's whole definition, which an update sends back.
func (c *Client) ColumnDefinition(ctx context.Context, table, column string, kind Kind) (Definition, error) {
	path, err := columnPath(table, column)
	if err != nil {
		return nil, err
	}
	var definition Definition
	_, err = c.get(ctx, "read column "+table+"."+column, path+"/"+typePrefix+string(kind)+"AttributeMetadata", fresh, &definition)
	if err == nil && definition[typeAnnotation] == nil {
		definition[typeAnnotation] = typePrefix + string(kind) + "AttributeMetadata"
	}
	return definition, err
}

// UpdateColumn sends a column's whole definition; options are changed by actions of their own. It is visible once published.
func (c *Client) UpdateColumn(ctx context.Context, solution, table string, definition Definition) error {
	name, _ := definition["LogicalName"].(string)
	path, err := columnPath(table, name)
	if err != nil {
		return err
	}
	body := Definition{}
	for property, value := range definition {
		if property != "@odata.context" {
			body[property] = value
		}
	}
	return c.putMetadata(ctx, "update column "+table+"."+name, path, solution, body)
}

// DeleteColumn removes a column with its data. It is refused while a form, a view or a flow needs it.
func (c *Client) DeleteColumn(ctx context.Context, solution, table, column string) error {
	path, err := columnPath(table, column)
	if err != nil {
		return err
	}
	return c.deleteMetadata(ctx, "delete column "+table+"."+column, path, solution)
}
