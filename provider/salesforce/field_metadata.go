package salesforce

import (
	"cmp"
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// Values of lookup.on_delete.
const (
	setNull  = "set_null"
	restrict = "restrict"
	cascade  = "cascade"
)

var deleteConstraints = []word{{setNull, "SetNull"}, {restrict, "Restrict"}, {cascade, "Cascade"}}

// Elements of a definition by name (source: Metadata API Developer Guide, "CustomField").
const (
	elementDescription       = "description"
	elementHelpText          = "inlineHelpText"
	elementDefaultValue      = "defaultValue"
	elementRelationshipLabel = "relationshipLabel"
	elementCaseSensitive     = "caseSensitive"
	elementTrackHistory      = "trackHistory"
	elementValueSet          = "valueSet"
)

// definition gives the field as the Metadata API takes it: every attribute that the type admits, so that Salesforce has
// nothing to fill in.
func (m *fieldModel) definition(ctx context.Context, diagnostics *diag.Diagnostics) metadata.CustomField {
	kind, _ := fieldTypeNamed(m.Type.ValueString())
	field := metadata.CustomField{
		FullName:       m.FullName.ValueString(),
		Label:          m.Label.ValueString(),
		Type:           kind.metadata,
		Description:    m.Description.ValueStringPointer(),
		InlineHelpText: m.HelpText.ValueStringPointer(),
		DefaultValue:   m.DefaultValue.ValueStringPointer(),
		Length:         intPointer(m.Length),
		Precision:      intPointer(m.Precision),
		Scale:          intPointer(m.Scale),
		VisibleLines:   intPointer(m.VisibleLines),
		Required:       m.Required.ValueBoolPointer(),
		Unique:         m.Unique.ValueBoolPointer(),
		ExternalID:     m.ExternalID.ValueBoolPointer(),
		TrackHistory:   m.TrackHistory.ValueBoolPointer(),
	}
	if m.Unique.ValueBool() {
		field.CaseSensitive = m.CaseSensitive.ValueBoolPointer()
	}
	if !m.Picklist.IsNull() {
		field.ValueSet = m.valueSet(ctx, diagnostics)
	}
	if !m.Lookup.IsNull() {
		var lookup lookupModel
		diagnostics.Append(m.Lookup.As(ctx, &lookup, lenient)...)
		field.ReferenceTo = lookup.Object.ValueString()
		field.RelationshipName = lookup.RelationshipName.ValueString()
		field.RelationshipLabel = known(lookup.RelationshipLabel)
		field.DeleteConstraint = toMetadata(deleteConstraints, lookup.OnDelete)
	}
	return field
}

func (m *fieldModel) valueSet(ctx context.Context, diagnostics *diag.Diagnostics) *metadata.ValueSet {
	var list picklistModel
	diagnostics.Append(m.Picklist.As(ctx, &list, lenient)...)
	set := &metadata.ValueSet{Restricted: list.Restricted.ValueBoolPointer(), ValueSetName: list.GlobalValueSet.ValueString()}
	if list.Values.IsNull() {
		return set
	}
	var values []valueModel
	diagnostics.Append(list.Values.ElementsAs(ctx, &values, false)...)
	set.ValueSetDefinition = &metadata.ValueSetDefinition{Sorted: list.Sorted.ValueBool()}
	for _, value := range values {
		written := metadata.CustomValue{FullName: value.Name.ValueString(), Default: value.Default.ValueBool(), Label: value.Label.ValueString()}
		if written.Label == "" {
			written.Label = written.FullName
		}
		if !value.Active.ValueBool() {
			written.IsActive = value.Active.ValueBoolPointer()
		}
		set.ValueSetDefinition.Value = append(set.ValueSetDefinition.Value, written)
	}
	return set
}

// component gives a new field.
func (m *fieldModel) component(ctx context.Context, diagnostics *diag.Diagnostics) metadata.Component {
	field := m.definition(ctx, diagnostics)
	if !m.TrackHistory.ValueBool() {
		field.TrackHistory = nil // objects without history do not know the element
	}
	component, err := metadata.Encode("CustomField", field.FullName, field)
	if err != nil {
		diagnostics.AddError("Custom field could not be encoded", err.Error())
		return component
	}
	return component
}

// overlay turns the live definition into the planned one. Elements that no attribute stands for stay as they are, unless
// the type changes: another type has other elements. Those are left out, or with nilled sent as nil.
func (m *fieldModel) overlay(ctx context.Context, live metadata.Component, nilled bool, diagnostics *diag.Diagnostics) {
	wanted := m.component(ctx, diagnostics)
	if diagnostics.HasError() {
		return
	}
	if live.Node.ChildText("type") != wanted.Node.ChildText("type") {
		dropElements(live.Node, wanted.Node, nilled, diagnostics)
	}
	if set := live.Node.Child(elementValueSet); set != nil && wanted.Node.Child(elementValueSet) != nil {
		mergeValueSet(set, wanted.Node.Child(elementValueSet))
		wanted.Node.RemoveAll(elementValueSet)
	}
	for _, element := range wanted.Node.Children() {
		if element.Name() == "fullName" {
			continue
		}
		live.Node.RemoveAll(element.Name())
		live.Node.Append(element.Clone())
	}
	// An element that is left out may be kept by the service: say what is to be empty.
	for _, name := range []string{elementDescription, elementHelpText, elementDefaultValue} {
		if old := live.Node.Child(name); old != nil && wanted.Node.Child(name) == nil {
			old.SetText("")
		}
	}
	if old := live.Node.Child(elementTrackHistory); old != nil && !m.TrackHistory.ValueBool() {
		old.SetText("false")
	}
	if !m.Unique.ValueBool() {
		live.Node.RemoveAll(elementCaseSensitive)
	}
}

// shared are the elements that a field keeps whatever its type.
var shared = []string{"fullName", elementDescription, elementHelpText, elementTrackHistory}

// dropElements takes out what belongs to the former type.
func dropElements(live, wanted *metadata.Node, nilled bool, diagnostics *diag.Diagnostics) {
	for _, child := range live.Children() {
		if slices.Contains(shared, child.Name()) {
			continue
		}
		live.Remove(child)
		if !nilled || wanted.Child(child.Name()) != nil {
			continue
		}
		empty, err := metadata.Parse([]byte("<" + child.Name() + ` xsi:nil="true"/>`))
		if err != nil {
			diagnostics.AddError("Custom field could not be encoded", err.Error())
			return
		}
		live.Append(empty)
	}
}

// mergeValueSet replaces the values and keeps what depends on a controlling field, and the values' colours.
func mergeValueSet(live, wanted *metadata.Node) {
	colours := map[string]string{}
	if definition := live.Child("valueSetDefinition"); definition != nil {
		for _, value := range definition.All("value") {
			colours[value.ChildText("fullName")] = value.ChildText("color")
		}
	}
	live.RemoveAll("valueSetDefinition")
	live.RemoveAll("valueSetName")
	for _, element := range wanted.Children() {
		live.RemoveAll(element.Name())
		kept := element.Clone()
		for _, value := range kept.All("value") {
			if colour := colours[value.ChildText("fullName")]; colour != "" {
				value.SetChildText("color", colour)
			}
		}
		live.Append(kept)
	}
}

// refresh takes over the live definition. The prior state decides only between spellings of the same thing.
func (m *fieldModel) refresh(ctx context.Context, live metadata.Component, diagnostics *diag.Diagnostics) {
	var field metadata.CustomField
	if err := metadata.Decode(live, &field); err != nil {
		diagnostics.AddError("Custom field's definition is not readable", err.Error())
		return
	}
	kind, supported := fieldTypeOf(field.Type)
	if !supported || field.Formula != nil {
		kind = fieldType{name: unsupported(field)}
	}
	m.Type = types.StringValue(kind.name)
	m.Label = types.StringValue(field.Label)
	m.Description = textOrNull(field.Description)
	m.HelpText = textOrNull(field.InlineHelpText)
	m.TrackHistory = types.BoolValue(field.TrackHistory != nil && *field.TrackHistory)
	m.Length = kind.number("length", field.Length)
	m.Precision = kind.number("precision", field.Precision)
	m.Scale = kind.number("scale", field.Scale)
	m.VisibleLines = kind.number("visible_lines", field.VisibleLines)
	m.Required = kind.flag("required", field.Required)
	m.Unique = kind.flag("unique", field.Unique)
	m.ExternalID = kind.flag("external_id", field.ExternalID)
	sensitive := field.CaseSensitive != nil && *field.CaseSensitive && m.Unique.ValueBool()
	m.CaseSensitive = kind.flag("case_sensitive", &sensitive)
	m.DefaultValue = types.StringNull()
	if kind.admits("default_value") {
		m.DefaultValue = textOrNull(field.DefaultValue)
	}
	m.Picklist = m.readPicklist(ctx, kind, field.ValueSet, diagnostics)
	m.Lookup = readLookup(ctx, kind, field, diagnostics)
}

// unsupported names a type that the table does not hold, so that a plan shows what the field has become.
func unsupported(field metadata.CustomField) string {
	if field.Formula != nil {
		return "formula (" + field.Type + ")"
	}
	return field.Type
}

// readPicklist leaves out deactivated values that are not declared: they are what Salesforce keeps of values taken out.
func (m *fieldModel) readPicklist(ctx context.Context, kind fieldType, set *metadata.ValueSet, diagnostics *diag.Diagnostics) types.Object {
	if !kind.admits("picklist") || set == nil {
		return types.ObjectNull(picklistType)
	}
	list := picklistModel{
		Restricted:     types.BoolValue(set.Restricted != nil && *set.Restricted),
		Sorted:         types.BoolValue(false),
		Values:         types.ListNull(valueType),
		GlobalValueSet: types.StringNull(),
	}
	prior, priorSorted := m.priorValues(ctx, diagnostics)
	switch {
	case set.ValueSetName != "":
		list.GlobalValueSet = types.StringValue(set.ValueSetName)
		list.Sorted = types.BoolValue(priorSorted) // the global value set's own business
	case set.ValueSetDefinition != nil:
		list.Sorted = types.BoolValue(set.ValueSetDefinition.Sorted)
		values, d := types.ListValueFrom(ctx, valueType, readValues(*set.ValueSetDefinition, prior))
		diagnostics.Append(d...)
		list.Values = values
	}
	object, d := types.ObjectValueFrom(ctx, picklistType, list)
	diagnostics.Append(d...)
	return object
}

func (m *fieldModel) priorValues(ctx context.Context, diagnostics *diag.Diagnostics) (values []valueModel, sorted bool) {
	if m.Picklist.IsNull() || m.Picklist.IsUnknown() {
		return nil, false
	}
	var list picklistModel
	diagnostics.Append(m.Picklist.As(ctx, &list, lenient)...)
	if !list.Values.IsNull() {
		diagnostics.Append(list.Values.ElementsAs(ctx, &values, false)...)
	}
	return values, list.Sorted.ValueBool()
}

func readValues(definition metadata.ValueSetDefinition, prior []valueModel) []valueModel {
	declared := func(name string) int {
		return slices.IndexFunc(prior, func(v valueModel) bool { return v.Name.ValueString() == name })
	}
	values := []valueModel{}
	for _, live := range definition.Value {
		at := declared(live.FullName)
		active := live.IsActive == nil || *live.IsActive
		if !active && at < 0 && len(prior) > 0 {
			continue
		}
		value := valueModel{
			Name: types.StringValue(live.FullName), Label: types.StringValue(live.Label),
			Default: types.BoolValue(live.Default), Active: types.BoolValue(active),
		}
		if (live.Label == "" || live.Label == live.FullName) && (at < 0 || prior[at].Label.IsNull()) {
			value.Label = types.StringNull()
		}
		values = append(values, value)
	}
	if definition.Sorted && len(values) == len(prior) {
		// The order carries no meaning then, and the service may give its own.
		slices.SortStableFunc(values, func(a, b valueModel) int {
			return declared(a.Name.ValueString()) - declared(b.Name.ValueString())
		})
	}
	return values
}

func readLookup(ctx context.Context, kind fieldType, field metadata.CustomField, diagnostics *diag.Diagnostics) types.Object {
	if !kind.admits("lookup") {
		return types.ObjectNull(lookupType)
	}
	lookup := lookupModel{
		Object:            types.StringValue(field.ReferenceTo),
		RelationshipName:  textOrNull(&field.RelationshipName),
		RelationshipLabel: textOrNull(field.RelationshipLabel),
		OnDelete:          types.StringNull(),
	}
	if kind.name == "lookup" {
		lookup.OnDelete = fromMetadata(deleteConstraints, cmp.Or(field.DeleteConstraint, "SetNull"))
	}
	object, d := types.ObjectValueFrom(ctx, lookupType, lookup)
	diagnostics.Append(d...)
	return object
}

// number reads an attribute that the type admits; what the service leaves out has the default.
func (t fieldType) number(attribute string, value *int) types.Int64 {
	rule, admitted := t.rule(attribute)
	if !admitted {
		return types.Int64Null()
	}
	if value == nil {
		fallback, _ := rule.fallback.(int64)
		return types.Int64Value(fallback)
	}
	return types.Int64Value(int64(*value))
}

func (t fieldType) flag(attribute string, value *bool) types.Bool {
	if !t.admits(attribute) {
		return types.BoolNull()
	}
	return types.BoolValue(value != nil && *value)
}

func intPointer(value types.Int64) *int {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	number := int(value.ValueInt64())
	return &number
}

// known gives a text that has a value.
func known(value types.String) *string {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	return value.ValueStringPointer()
}

func textOrNull(text *string) types.String {
	if text == nil || *text == "" {
		return types.StringNull()
	}
	return types.StringValue(*text)
}
