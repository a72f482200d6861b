package connector

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// Attributes of a connector that name something of the CRM.
const (
	atFields    = "fields"
	atMappings  = "field_mappings"
	atStages    = "stages"
	atVariables = "environment_variables"
)

// place is where a connector names something: an attribute, and which of its entries it is about. The entry is a role of fields, a
// field of the deal in field_mappings, the name of a variable, or a part of stages; empty where the attribute has no entries.
type place struct{ attribute, entry string }

// in gives the path of a place in a declaration. What the declaration leaves to the defaults is at the attribute as a whole.
func (p place) in(m *connectorModel) path.Path {
	at := path.Root(p.attribute)
	switch p.attribute {
	case atStages:
		return at.AtName(p.entry)
	case atFields:
		if _, given := m.Fields[p.entry]; given {
			return at.AtMapKey(p.entry)
		}
	case atVariables:
		if key, given := variableKey(m, p.entry); given {
			return at.AtMapKey(key)
		}
	case atMappings:
		for _, key := range slices.Sorted(maps.Keys(m.FieldMappings)) {
			if _, given := m.FieldMappings[key].Mappings[p.entry]; given {
				return at.AtMapKey(key).AtName("mappings").AtMapKey(p.entry)
			}
		}
		if key, given := variableKey(m, variableOfRow[p.entry]); given {
			return path.Root(atVariables).AtMapKey(key)
		}
	}
	return at
}

// variableOfRow are the rows of the default mapping whose field of the CRM is an environment variable.
var variableOfRow = map[string]string{
	"deal_value":       document.VariableDealValueField,
	"currency":         document.VariableDealCurrencyField,
	"customer_country": document.VariableCountryField,
}

// variableKey gives the key under which a variable was handed in.
func variableKey(m *connectorModel, name string) (key string, given bool) {
	for _, key := range slices.Sorted(maps.Keys(m.EnvironmentVariables)) {
		if name != "" && m.EnvironmentVariables[key].Name == name {
			return key, true
		}
	}
	return "", false
}
