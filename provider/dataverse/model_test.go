package dataverse

import (
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Every attribute of a schema has a field in the model, and the other way round.
func TestModelsMatchSchemas(t *testing.T) {
	t.Parallel()
	models := []any{publisherModel{}, solutionModel{}, tableModel{}, columnModel{}, changeEventsModel{}, variableModel{}, sectionModel{}, subgridModel{}, flowModel{}}
	if len(models) != len(Resources()) {
		t.Fatalf("there are %d models and %d types", len(models), len(Resources()))
	}
	for i, create := range Resources() {
		var described resource.SchemaResponse
		create().Schema(t.Context(), resource.SchemaRequest{}, &described)
		if diagnostics := described.Schema.ValidateImplementation(t.Context()); diagnostics.HasError() {
			t.Errorf("%T: %v", models[i], diagnostics)
		}
		var inSchema []string
		for attribute := range described.Schema.Attributes {
			inSchema = append(inSchema, attribute)
		}
		slices.Sort(inSchema)
		if inModel := tags(models[i]); !slices.Equal(inModel, inSchema) {
			t.Errorf("%T has %q, the schema %q", models[i], inModel, inSchema)
		}
	}
}

func tags(model any) []string {
	var names []string
	for i := range reflect.TypeOf(model).NumField() {
		names = append(names, reflect.TypeOf(model).Field(i).Tag.Get("tfsdk"))
	}
	slices.Sort(names)
	return names
}

// The table of column types agrees with the attributes that depend on the type, and with itself.
func TestColumnTypes(t *testing.T) {
	t.Parallel()
	var model columnModel
	known := model.byType()
	if len(known) != len(typeAttributes) {
		t.Errorf("%d attributes depend on the type, the list has %d", len(known), len(typeAttributes))
	}
	used, seen := map[string]bool{}, map[string]bool{}
	for _, kind := range columnTypes {
		if seen[kind.name] || seen[string(kind.kind)] {
			t.Errorf("%s stands twice in the table", kind.name)
		}
		seen[kind.name], seen[string(kind.kind)] = true, true
		if found, ok := columnTypeNamed(typeOfKind(kind.kind)); !ok || found.name != kind.name {
			t.Errorf("%s is not found by its kind", kind.name)
		}
		for name := range kind.attributes {
			used[name] = true
			if _, ok := known[name]; !ok || !slices.Contains(typeAttributes, name) {
				t.Errorf("%s: %s is no attribute that depends on the type", kind.name, name)
			}
		}
	}
	if len(used) != len(typeAttributes) {
		t.Errorf("%d attributes are used by types, %d are known", len(used), len(typeAttributes))
	}
}
