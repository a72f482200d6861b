package dataverse

import "slices"

// option is one choice.
type option struct {
	Value       int
	Label       map[string]any
	Description map[string]any
	Color       any
	State       int // of a status reason
	Default     int // status reason of a state, if a change of state names none
}

// optionSet is a list of choices with two layers: what is published, and what was changed since. A stored list never changes.
type optionSet struct {
	id, name    string
	global      bool
	custom      bool
	kind        kind
	display     map[string]any
	description map[string]any
	options     []option // published
	draft       []option // not yet published, or nil
}

func (s *optionSet) clone() *optionSet {
	c := *s
	return &c
}

// latest are the options as the next publishing makes them.
func (s *optionSet) latest() []option {
	if s.draft != nil {
		return s.draft
	}
	return s.options
}

func (s *optionSet) find(value int) (option, bool) {
	i := slices.IndexFunc(s.options, func(o option) bool { return o.Value == value })
	if i < 0 {
		return option{}, false
	}
	return s.options[i], true
}

// choices makes a published list from value and label pairs.
func choices(k kind, name string, list ...any) *optionSet {
	s := &optionSet{id: fixedID("optionset", name), name: name, kind: k, display: label(name), description: emptyLabel()}
	for i := 0; i+1 < len(list); i += 2 {
		value, _ := list[i].(int)
		text, _ := list[i+1].(string)
		s.options = append(s.options, option{Value: value, Label: label(text), Description: emptyLabel()})
	}
	return s
}

var optionSetTypes = map[kind]string{
	kindPicklist: "Picklist", kindMultiSelect: "Picklist", kindState: "State", kindStatus: "Status", kindBoolean: "Boolean",
}

// show is an option set in the form of answers.
func (s *optionSet) show(unpublished bool) map[string]any {
	list := s.options
	if unpublished {
		list = s.latest()
	}
	out := map[string]any{
		"MetadataId": s.id, "HasChanged": nil, "Name": s.name, "IsGlobal": s.global, "IsCustomOptionSet": s.custom, "IsManaged": !s.custom,
		"OptionSetType": optionSetTypes[s.kind], "DisplayName": s.display, "Description": s.description, "ExternalTypeName": nil,
		"IntroducedVersion": "1.0", "IsCustomizable": managed(true, "iscustomizable"), "ParentOptionSetName": nil,
	}
	if s.kind == kindBoolean {
		for i, name := range []string{"FalseOption", "TrueOption"} {
			if i < len(list) {
				out[name] = list[i].show(s.kind, i)
			}
		}
		return out
	}
	shown := make([]any, 0, len(list))
	for i, o := range list {
		shown = append(shown, o.show(s.kind, i))
	}
	out["Options"] = shown
	return out
}

func (o option) show(k kind, _ int) map[string]any {
	out := map[string]any{
		"Value": float64(o.Value), "Label": o.Label, "Description": o.Description, "Color": o.Color, "IsManaged": false, "ExternalValue": "",
		"ParentValues": []any{}, "Tag": nil, "IsHidden": false, "HasChanged": nil, "MetadataId": nil,
	}
	switch k {
	case kindState:
		out["@odata.type"] = "#Microsoft.Dynamics.CRM.StateOptionMetadata"
		out["DefaultStatus"], out["InvariantName"] = float64(o.Default), labelText(o.Label)
	case kindStatus:
		out["@odata.type"] = "#Microsoft.Dynamics.CRM.StatusOptionMetadata"
		out["State"], out["TransitionData"] = float64(o.State), nil
	}
	return out
}
