package dataverse

import (
	"fmt"
	"slices"
	"strings"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// columnType is a row of the table of column types: what a type is called in the Web API, and the attributes that apply to it, with
// the values that they have when they are left out (nil: none).
type columnType struct {
	name       string
	kind       client.Kind
	does       string
	attributes map[string]any
}

// Attributes that depend on the type.
const (
	attrMaxLength    = "max_length"
	attrFormat       = "format"
	attrAutoNumber   = "auto_number_format"
	attrPrecision    = "precision"
	attrMin          = "min_value"
	attrMax          = "max_value"
	attrBehavior     = "behavior"
	attrDefault      = "default_value"
	attrTrueLabel    = "true_label"
	attrFalseLabel   = "false_label"
	attrOptions      = "options"
	attrGlobalChoice = "global_choice"
	attrTarget       = "target_table"
	attrRelationship = "relationship_name"
	attrOnDelete     = "on_delete"
)

var columnTypes = []columnType{
	{"text", client.Text, "a line of text, 1 to 4000 characters", map[string]any{attrMaxLength: int64(100), attrFormat: "text", attrAutoNumber: nil}},
	{"memo", client.Memo, "several lines of text, 1 to 1048576 characters", map[string]any{attrMaxLength: int64(2000)}},
	{"boolean", client.YesNo, "yes or no", map[string]any{attrDefault: false, attrTrueLabel: "Yes", attrFalseLabel: "No"}},
	{"choice", client.Choice, "one of its options, or of a global choice", map[string]any{attrOptions: nil, attrGlobalChoice: nil}},
	{"choices", client.Choices, "several of its options, or of a global choice", map[string]any{attrOptions: nil, attrGlobalChoice: nil}},
	{"money", client.Money, "an amount; without `precision` it has the currency's", map[string]any{attrPrecision: nil, attrMin: nil, attrMax: nil}},
	{"decimal", client.Decimal, "a number with up to 10 decimal places", map[string]any{attrPrecision: int64(2), attrMin: nil, attrMax: nil}},
	{"integer", client.Integer, "a whole number", map[string]any{attrMin: nil, attrMax: nil}},
	{"datetime", client.DateTime, "a date, or a date and time", map[string]any{attrFormat: "date_only", attrBehavior: "user_local"}},
	{"lookup", client.Lookup, "a row of another table; made with its relationship", map[string]any{attrTarget: nil, attrRelationship: nil, attrOnDelete: "remove_link"}},
}

// typeAttributes are all attributes that depend on the type, in the order in which texts name them.
var typeAttributes = []string{
	attrMaxLength, attrFormat, attrAutoNumber, attrPrecision, attrMin, attrMax, attrBehavior, attrDefault, attrTrueLabel, attrFalseLabel, attrOptions, attrGlobalChoice,
	attrTarget, attrRelationship, attrOnDelete,
}

var (
	textFormats = []word{{"text", "Text"}, {"email", "Email"}, {"url", "Url"}, {"phone", "Phone"}, {"text_area", "TextArea"}, {"ticker_symbol", "TickerSymbol"}}
	dateFormats = []word{{"date_only", "DateOnly"}, {"date_and_time", "DateAndTime"}}
	behaviors   = []word{{"user_local", "UserLocal"}, {"date_only", "DateOnly"}, {"time_zone_independent", "TimeZoneIndependent"}}
	deletions   = []word{{"remove_link", "RemoveLink"}, {"cascade", "Cascade"}, {"restrict", "Restrict"}}
	levels      = []word{{"none", "None"}, {"recommended", "Recommended"}, {"required", "ApplicationRequired"}}
)

func columnTypeNamed(name string) (columnType, bool) {
	at := slices.IndexFunc(columnTypes, func(t columnType) bool { return t.name == name })
	if at < 0 {
		return columnType{}, false
	}
	return columnTypes[at], true
}

func typeOfKind(kind client.Kind) string {
	at := slices.IndexFunc(columnTypes, func(t columnType) bool { return t.kind == kind })
	if at < 0 {
		return ""
	}
	return columnTypes[at].name
}

func columnTypeNames() []string {
	var names []string
	for _, t := range columnTypes {
		names = append(names, t.name)
	}
	return names
}

// columnTypeTable documents the types from the one table there is.
func columnTypeTable() string {
	var table strings.Builder
	table.WriteString("| `type` | Holds | Attributes and their defaults |\n|---|---|---|\n")
	for _, t := range columnTypes {
		var parts []string
		for _, name := range typeAttributes {
			fallback, has := t.attributes[name]
			switch {
			case !has:
			case fallback == nil:
				parts = append(parts, "`"+name+"`")
			default:
				parts = append(parts, fmt.Sprintf("`%s` (`%v`)", name, fallback))
			}
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", t.name, t.does, strings.Join(parts, ", "))
	}
	return table.String()
}
