package salesforce

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Every attribute of a schema has a field in the model, and the other way round.
func TestModelsMatchSchemas(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string]struct {
		resource resource.Resource
		model    any
	}{
		"custom field":   {NewCustomField(), fieldModel{}},
		"custom object":  {NewCustomObject(), objectModel{}},
		"change events":  {NewChangeEvents(), changeEventsModel{}},
		"permission set": {NewPermissionSet(), permissionModel{}},
	} {
		var schema resource.SchemaResponse
		pair.resource.Schema(t.Context(), resource.SchemaRequest{}, &schema)
		if diagnostics := schema.Schema.ValidateImplementation(t.Context()); diagnostics.HasError() {
			t.Errorf("%s: %v", name, diagnostics)
		}
		var inSchema []string
		for attribute := range schema.Schema.Attributes {
			inSchema = append(inSchema, attribute)
		}
		slices.Sort(inSchema)
		if inModel := tags(pair.model); !slices.Equal(inModel, inSchema) {
			t.Errorf("%s: the model has %q, the schema %q", name, inModel, inSchema)
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

// The table of field types agrees with the attributes that depend on the type, and with itself.
func TestFieldTypes(t *testing.T) {
	t.Parallel()
	var model fieldModel
	known := model.byType()
	if len(known) != len(typeAttributes) {
		t.Errorf("%d attributes depend on the type, the list has %d", len(known), len(typeAttributes))
	}
	seen := map[string]bool{}
	for _, kind := range fieldTypes {
		if seen[kind.name] || seen[kind.metadata] {
			t.Errorf("%s stands twice in the table", kind.name)
		}
		seen[kind.name], seen[kind.metadata] = true, true
		for _, rule := range kind.rules {
			if _, ok := known[rule.attribute]; !ok || !slices.Contains(typeAttributes, rule.attribute) {
				t.Errorf("%s: %s is no attribute that depends on the type", kind.name, rule.attribute)
			}
			if number, ok := rule.fallback.(int64); ok && (number < rule.min || number > rule.max) {
				t.Errorf("%s: the default of %s is out of its own range", kind.name, rule.attribute)
			}
			if !strings.Contains(fieldTypeTable(), rule.describe()) {
				t.Errorf("%s: %s is not documented", kind.name, rule.attribute)
			}
		}
		for _, other := range kind.inPlace {
			if _, ok := fieldTypeNamed(other); !ok {
				t.Errorf("%s changes in place to %s, which is no type", kind.name, other)
			}
		}
	}
}

// compare finds what to create, change and remove, and nothing else.
func TestCompareRows(t *testing.T) {
	t.Parallel()
	live := []row{fieldRow("Opportunity.A__c", accessRead), fieldRow("Opportunity.B__c", accessEdit), objectRow("Account", []string{"read"})}
	live[0].id = "01k1"
	wanted := []row{fieldRow("opportunity.a__c", accessEdit), objectRow("Account", []string{"read"}), fieldRow("Opportunity.C__c", accessRead)}
	c := compare(live, wanted)
	if len(c.create) != 1 || c.create[0].name != "Opportunity.C__c" {
		t.Errorf("creates %v", c.create)
	}
	if len(c.update) != 1 || c.update[0].id != "01k1" || !c.update[0].columns["PermissionsEdit"] {
		t.Errorf("updates %v", c.update)
	}
	if len(c.remove) != 1 || c.remove[0].name != "Opportunity.B__c" {
		t.Errorf("removes %v", c.remove)
	}
	if !compare(wanted, wanted).empty() {
		t.Error("equal rows need a change")
	}
}
