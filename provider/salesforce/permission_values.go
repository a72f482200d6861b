package salesforce

import (
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// fieldsValue and its sisters turn live rows into attribute values. Names keep the declared spelling.
func fieldsValue(rows []row, declared types.Map, kept map[string]string) types.Map {
	elements := map[string]attr.Value{}
	for _, r := range rows {
		if r.object != "FieldPermissions" {
			continue
		}
		access := accessRead
		if r.columns["PermissionsEdit"] {
			access = accessEdit
		}
		elements[spelled(r.name, declared)] = types.StringValue(access)
	}
	for name, access := range kept {
		elements[name] = types.StringValue(access)
	}
	if len(elements) == 0 {
		return types.MapNull(types.StringType)
	}
	return types.MapValueMust(types.StringType, elements)
}

func objectsValue(rows []row, declared types.Map) types.Map {
	elements := map[string]attr.Value{}
	for _, r := range rows {
		if r.object != "ObjectPermissions" {
			continue
		}
		var rights []attr.Value
		for _, right := range objectRights {
			if r.columns[right.column] {
				rights = append(rights, types.StringValue(right.name))
			}
		}
		elements[spelled(r.name, declared)] = types.SetValueMust(types.StringType, rights)
	}
	if len(elements) == 0 {
		return types.MapNull(setOfText)
	}
	return types.MapValueMust(setOfText, elements)
}

func assigneesValue(rows []row, declared types.Set) types.Set {
	names, _ := texts(declared)
	var elements []attr.Value
	for _, r := range rows {
		if r.object != "PermissionSetAssignment" {
			continue
		}
		name := r.name
		if at := slices.IndexFunc(names, func(other string) bool { return strings.EqualFold(other, name) }); at >= 0 {
			name = names[at]
		}
		elements = append(elements, types.StringValue(name))
	}
	if len(elements) == 0 {
		return types.SetNull(types.StringType)
	}
	return types.SetValueMust(types.StringType, elements)
}

func spelled(name string, declared types.Map) string {
	for other := range declared.Elements() {
		if strings.EqualFold(other, name) {
			return other
		}
	}
	return name
}
