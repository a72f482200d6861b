package salesforce

import (
	"fmt"
	"slices"
	"strings"
)

// fieldType is one value of a custom field's type attribute.
type fieldType struct {
	name     string // in configurations
	metadata string // in the Metadata API ("FieldType")
	// rules are the attributes that this type admits beyond those that all types share.
	rules []rule
	// inPlace are the types to which Salesforce changes a field while keeping its values (source: Salesforce Help, "Notes on
	// Changing Custom Field Types"). Any other change replaces the field.
	inPlace []string
}

// rule is an attribute of a type.
type rule struct {
	attribute string
	required  bool
	// fallback is the value when the configuration leaves the attribute out: bool, int64 or string; nil for none.
	fallback any
	// min and max bound a number; both 0 for none.
	min, max int64
}

var (
	ruleRequired   = rule{attribute: "required", fallback: false}
	ruleUnique     = rule{attribute: "unique", fallback: false}
	ruleExternalID = rule{attribute: "external_id", fallback: false}
	ruleCase       = rule{attribute: "case_sensitive", fallback: false}
	ruleDefault    = rule{attribute: "default_value"}
	ruleScale      = func(digits int64) rule { return rule{attribute: "scale", fallback: digits, min: 0, max: 17} }
	rulePrecision  = rule{attribute: "precision", fallback: int64(18), min: 1, max: 18}
	rulePicklist   = rule{attribute: "picklist", required: true}
	ruleLookup     = rule{attribute: "lookup", required: true}
)

var shortTexts = []string{"text", "text_area", "email", "phone", "url", "long_text_area"}

var decimals = []string{"number", "currency", "percent"}

// fieldTypes is the one table behind validation, defaults, metadata and documentation.
var fieldTypes = []fieldType{
	{name: "checkbox", metadata: "Checkbox", rules: []rule{{attribute: "default_value", fallback: "false"}}},
	{name: "text", metadata: "Text", inPlace: append([]string{"picklist"}, shortTexts...), rules: []rule{
		{attribute: "length", fallback: int64(255), min: 1, max: 255}, ruleRequired, ruleUnique, ruleCase, ruleExternalID, ruleDefault}},
	{name: "text_area", metadata: "TextArea", inPlace: shortTexts, rules: []rule{ruleRequired, ruleDefault}},
	{name: "long_text_area", metadata: "LongTextArea", inPlace: shortTexts, rules: []rule{
		{attribute: "length", fallback: int64(32768), min: 256, max: 131072}, {attribute: "visible_lines", fallback: int64(3), min: 2, max: 50}, ruleDefault}},
	{name: "url", metadata: "Url", inPlace: shortTexts, rules: []rule{ruleRequired, ruleDefault}},
	{name: "picklist", metadata: "Picklist", inPlace: []string{"multiselect_picklist", "text"}, rules: []rule{rulePicklist, ruleRequired}},
	{name: "multiselect_picklist", metadata: "MultiselectPicklist", rules: []rule{
		rulePicklist, ruleRequired, {attribute: "visible_lines", fallback: int64(4), min: 3, max: 10}}},
	{name: "number", metadata: "Number", inPlace: decimals, rules: []rule{rulePrecision, ruleScale(0), ruleRequired, ruleUnique, ruleExternalID, ruleDefault}},
	{name: "currency", metadata: "Currency", inPlace: decimals, rules: []rule{rulePrecision, ruleScale(2), ruleRequired, ruleDefault}},
	{name: "percent", metadata: "Percent", inPlace: decimals, rules: []rule{rulePrecision, ruleScale(2), ruleRequired, ruleDefault}},
	{name: "date", metadata: "Date", rules: []rule{ruleRequired, ruleDefault}},
	{name: "datetime", metadata: "DateTime", rules: []rule{ruleRequired, ruleDefault}},
	{name: "email", metadata: "Email", inPlace: shortTexts, rules: []rule{ruleRequired, ruleUnique, ruleExternalID, ruleDefault}},
	{name: "phone", metadata: "Phone", inPlace: shortTexts, rules: []rule{ruleRequired, ruleDefault}},
	{name: "lookup", metadata: "Lookup", inPlace: []string{"master_detail"}, rules: []rule{ruleLookup, ruleRequired}},
	{name: "master_detail", metadata: "MasterDetail", inPlace: []string{"lookup"}, rules: []rule{ruleLookup}},
}

// typeAttributes are the attributes whose use depends on the type, in the order of the documentation.
var typeAttributes = []string{
	"length", "precision", "scale", "visible_lines", "required", "unique", "case_sensitive", "external_id", "default_value", "picklist", "lookup",
}

func fieldTypeNames() []string {
	names := make([]string, len(fieldTypes))
	for i, t := range fieldTypes {
		names[i] = t.name
	}
	return names
}

func fieldTypeNamed(name string) (fieldType, bool) {
	at := slices.IndexFunc(fieldTypes, func(t fieldType) bool { return t.name == name })
	if at < 0 {
		return fieldType{}, false
	}
	return fieldTypes[at], true
}

// fieldTypeOf finds the type that a definition in the org has.
func fieldTypeOf(metadataType string) (fieldType, bool) {
	at := slices.IndexFunc(fieldTypes, func(t fieldType) bool { return t.metadata == metadataType })
	if at < 0 {
		return fieldType{}, false
	}
	return fieldTypes[at], true
}

// rule finds what the type says about an attribute; ok is false when it does not admit it.
func (t fieldType) rule(attribute string) (rule, bool) {
	at := slices.IndexFunc(t.rules, func(r rule) bool { return r.attribute == attribute })
	if at < 0 {
		return rule{}, false
	}
	return t.rules[at], true
}

func (t fieldType) admits(attribute string) bool {
	_, ok := t.rule(attribute)
	return ok
}

// changesInPlace reports whether Salesforce turns a field of this type into another without losing it.
func (t fieldType) changesInPlace(to string) bool {
	return t.name == to || slices.Contains(t.inPlace, to)
}

// typesWith lists the types that admit an attribute, for descriptions.
func typesWith(attribute string) string {
	var names []string
	for _, t := range fieldTypes {
		if t.admits(attribute) {
			names = append(names, "`"+t.name+"`")
		}
	}
	return strings.Join(names, ", ")
}

// fieldTypeTable documents the table.
func fieldTypeTable() string {
	var b strings.Builder
	b.WriteString("| `type` | Attributes (default, range) | Changes in place to |\n|---|---|---|\n")
	for _, t := range fieldTypes {
		var attributes []string
		for _, r := range t.rules {
			attributes = append(attributes, r.describe())
		}
		others := slices.DeleteFunc(slices.Clone(t.inPlace), func(name string) bool { return name == t.name })
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", t.name, strings.Join(attributes, ", "), strings.Join(others, ", "))
	}
	return b.String()
}

func (r rule) describe() string {
	text := "`" + r.attribute + "`"
	var notes []string
	if r.required {
		notes = append(notes, "required")
	}
	if r.fallback != nil {
		notes = append(notes, fmt.Sprint(r.fallback))
	}
	if r.max != 0 {
		notes = append(notes, fmt.Sprintf("%d–%d", r.min, r.max))
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}
