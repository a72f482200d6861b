package salesforce_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

const fieldAddress = "cosell_salesforce_custom_field.test"

const underTest = "Opportunity.Under_Test__c"

// fieldConfigs has a configuration for every type, and remote changes that the next apply must mend.
var fieldConfigs = map[string]struct {
	attributes string
	drift      map[string]string // element → value
}{
	"checkbox":       {``, map[string]string{"defaultValue": "true", "label": "Other", "description": "Other", "inlineHelpText": "Other", "trackHistory": "true"}},
	"text":           {`unique = true`, map[string]string{"length": "200", "externalId": "true", "caseSensitive": "true", "required": "true", "defaultValue": `"x"`}},
	"text_area":      {`description = "For notes"`, map[string]string{"description": "Other"}},
	"long_text_area": {`help_text = "Filled by the agent"`, map[string]string{"length": "1000", "visibleLines": "9", "inlineHelpText": "Other"}},
	"url":            {``, map[string]string{"required": "true"}},
	"picklist": {`picklist = { values = [{ name = "A", default = true }, { name = "B", label = "The B" }, { name = "C", active = false }] }`,
		map[string]string{"required": "true"}},
	"multiselect_picklist": {`picklist = { sorted = true, restricted = false, values = [{ name = "B" }, { name = "A" }] }`, map[string]string{"visibleLines": "7"}},
	"number":               {``, map[string]string{"precision": "10", "scale": "2", "externalId": "true"}},
	"currency":             {`default_value = "10"`, map[string]string{"defaultValue": "11"}},
	"percent":              {`scale = 0`, map[string]string{"scale": "1"}},
	"date":                 {``, map[string]string{"required": "true"}},
	"datetime":             {``, map[string]string{"label": "Other"}},
	"email":                {``, map[string]string{"unique": "true"}},
	"phone":                {``, map[string]string{"label": "Other"}},
	"lookup":               {`lookup = { object = "Account" }`, map[string]string{"description": "Other"}},
}

func fieldConfig(kind, attributes string) string {
	return fmt.Sprintf(`
resource "cosell_salesforce_custom_field" "test" {
  object              = "Opportunity"
  name                = "Under_Test__c"
  label               = "Under test"
  type                = %q
  deletion_protection = false
  %s
}
`, kind, attributes)
}

// TestFieldOfEveryType has one field of each type in one configuration, and takes all of them through the same life.
func TestFieldOfEveryType(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	kinds := slices.Sorted(maps.Keys(fieldConfigs))
	at := func(kind string) string { return "cosell_salesforce_custom_field." + kind }
	named := func(kind string) string { return "Opportunity.Under_Test_" + kind + "__c" }
	var config string
	var identified []statecheck.StateCheck
	var foreseen, drifted, recreated []plancheck.PlanCheck
	for _, kind := range kinds {
		one := fieldConfig(kind, fieldConfigs[kind].attributes)
		one = strings.Replace(one, `"test"`, `"`+kind+`"`, 1)
		config += strings.Replace(one, "Under_Test__c", "Under_Test_"+kind+"__c", 1)
		fullName := knownvalue.StringExact(named(kind))
		identified = append(identified, statecheck.ExpectKnownValue(at(kind), tfjsonpath.New("full_name"), fullName))
		foreseen = append(foreseen, plancheck.ExpectKnownValue(at(kind), tfjsonpath.New("full_name"), fullName))
		drifted = append(drifted, plancheck.ExpectResourceAction(at(kind), plancheck.ResourceActionUpdate))
		recreated = append(recreated, plancheck.ExpectResourceAction(at(kind), plancheck.ResourceActionCreate))
	}
	before := map[string]map[string]string{}
	steps := []resource.TestStep{{Config: config, ConfigStateChecks: identified, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: foreseen}}}
	for _, kind := range kinds {
		steps = append(steps, resource.TestStep{ResourceName: at(kind), ImportState: true, ImportStateId: named(kind), ImportStateVerify: true,
			ImportStateVerifyIgnore: []string{"deletion_protection"}})
	}
	steps = append(steps,
		resource.TestStep{
			PreConfig: func() {
				for _, kind := range kinds {
					before[kind] = w.drift(named(kind), fieldConfigs[kind].drift)
				}
			},
			Config:           config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: drifted, PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			PostApplyFunc: func() {
				for _, kind := range kinds {
					w.mended(named(kind), before[kind])
				}
			},
		},
		resource.TestStep{
			PreConfig: func() {
				for _, kind := range kinds {
					w.remove("CustomField", named(kind))()
				}
			},
			Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: recreated},
		})
	w.run(steps...)
	for _, kind := range kinds {
		if _, exists := w.component("CustomField", named(kind)); exists {
			t.Errorf("destroy left %s", named(kind))
		}
	}
}

// drift changes elements of a field as an administrator, and gives their former values.
func (w *world) drift(field string, elements map[string]string) map[string]string {
	w.t.Helper()
	before := map[string]string{}
	w.edit("CustomField", field, func(n *metadata.Node) {
		for element, value := range elements {
			before[element] = n.ChildText(element)
			n.SetChildText(element, value)
		}
	})()
	return before
}

// mended reports elements of a field that do not have the values from before the drift.
func (w *world) mended(field string, before map[string]string) {
	w.t.Helper()
	component, _ := w.component("CustomField", field)
	for element, value := range before {
		if got := component.Node.ChildText(element); got != value && (got != "false" || value != "") {
			w.t.Errorf("%s of %s is %q after the apply, was %q", element, field, got, value)
		}
	}
}

func TestFieldBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var steps []resource.TestStep
	refused := func(config, message string) {
		steps = append(steps, resource.TestStep{Config: config, PlanOnly: true, ExpectError: regexp.MustCompile(strings.ReplaceAll(message, " ", `\s+`))})
	}
	for _, test := range []struct{ kind, attributes, message string }{
		{"text", `picklist = { values = [{ name = "A" }] }`, `does not apply to the field's type`},
		{"picklist", ``, `required by the field's type`},
		{"text", `length = 300`, `out of range`},
		{"number", `precision = 2
  scale = 3`, `More decimal places`},
		{"text", `case_sensitive = true`, `Case sensitivity concerns unique fields`},
		{"checkbox", `default_value = "yes"`, `Default of a checkbox`},
		{"text", `description = " padded"`, `white space at its ends`},
		{"text", `help_text = ""`, `Text is empty`},
		{"picklist", `picklist = { values = [{ name = "A" }, { name = "A" }] }`, `given twice`},
		{"picklist", `picklist = { values = [{ name = "A", default = true }, { name = "B", default = true }] }`, `several defaults`},
		{"picklist", `picklist = { values = [{ name = "A" }], global_value_set = "B" }`, `(?i)exactly one|2 attributes specified`},
		{"lookup", `required = true
  lookup = { object = "Account", on_delete = "set_null" }`, `cannot be emptied`},
		{"lookup", `lookup = { object = "not an object" }`, `API name`},
	} {
		refused(fieldConfig(test.kind, test.attributes), test.message)
	}
	refused(strings.Replace(fieldConfig("text", ""), "Under_Test__c", "Under__Test", 1), `API name is malformed`)
	refused(strings.Replace(fieldConfig("text", ""), "Under_Test__c", strings.Repeat("a", 41)+"__c", 1), `API name is too long`)
	w.run(steps...)
}

func TestFieldIsProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	protected := strings.Replace(fieldConfig("text", ""), "deletion_protection = false", "", 1)
	refused := regexp.MustCompile(`(?s)protected\s+from\s+deletion.*Opportunity.Under_Test__c`)
	w.run(
		resource.TestStep{Config: protected},
		resource.TestStep{Config: protected, Destroy: true, ExpectError: refused},
		resource.TestStep{Config: strings.Replace(protected, `"text"`, `"date"`, 1), ExpectError: refused},
		resource.TestStep{Config: strings.Replace(protected, "Under_Test__c", "Renamed__c", 1), ExpectError: refused},
		resource.TestStep{Config: fieldConfig("text", ""), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(fieldAddress, plancheck.ResourceActionUpdate)}}},
		resource.TestStep{Config: fieldConfig("date", ""), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(fieldAddress, plancheck.ResourceActionReplace)}}},
	)
}

func TestFieldChangesTypeInPlace(t *testing.T) {
	for _, semantics := range []string{"replace", "merge"} {
		t.Run(semantics, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"salesforce.metadata_update": semantics})
			inPlace := resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(fieldAddress, plancheck.ResourceActionUpdate)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			}
			values := `picklist = { values = [{ name = "A" }] }`
			w.run(
				resource.TestStep{Config: fieldConfig("text", `description = "First"`)},
				resource.TestStep{Config: fieldConfig("long_text_area", ``), ConfigPlanChecks: inPlace},
				resource.TestStep{Config: fieldConfig("url", `help_text = "An address"`), ConfigPlanChecks: inPlace},
				resource.TestStep{Config: fieldConfig("text", ``), ConfigPlanChecks: inPlace},
				resource.TestStep{Config: fieldConfig("picklist", values), ConfigPlanChecks: inPlace},
				resource.TestStep{Config: fieldConfig("multiselect_picklist", values), ConfigPlanChecks: inPlace},
				resource.TestStep{Config: fieldConfig("number", `external_id = true`)}, // no change in place: replaced
				resource.TestStep{Config: fieldConfig("currency", ``), ConfigPlanChecks: inPlace},
			)
		})
	}
}

func TestFieldIsNotAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.make(metadata.New("CustomField", underTest, metadata.NewText("label", "Made by hand"), metadata.NewText("type", "Text"),
		metadata.NewText("length", "20")))
	w.run(resource.TestStep{Config: fieldConfig("text", ""),
		ExpectError: regexp.MustCompile(`(?s)exists\s+already.*terraform\s+import\s+cosell_salesforce_custom_field\.<name>\s+Opportunity.Under_Test__c`)})
	if field, _ := w.component("CustomField", underTest); field.Node.ChildText("label") != "Made by hand" {
		t.Error("the field was changed")
	}
}

func TestFieldWhoseNameIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"salesforce.deleted_field_name": "kept", "salesforce.metadata_duplicate_code": "DUPLICATE_VALUE"})
	w.run(
		resource.TestStep{Config: fieldConfig("text", "")},
		resource.TestStep{PreConfig: w.remove("CustomField", underTest), Config: fieldConfig("text", ""),
			ExpectError: regexp.MustCompile(`(?s)deleted\s+a\s+short\s+time\s+ago.*15\s+days`)},
	)
}

func TestFieldAnswerLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(
		resource.TestStep{PreConfig: w.filter.loseAnswerTo("<createMetadata>"), Config: fieldConfig("text", "")},
		resource.TestStep{PreConfig: w.filter.loseAnswerTo("<updateMetadata>"), Config: fieldConfig("text", `description = "Second"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		resource.TestStep{PreConfig: w.filter.loseAnswerTo("<deleteMetadata>"), Config: `locals { nothing = 1 }`},
	)
	if w.filter.losses() != 3 {
		t.Errorf("%d answers were lost, want 3", w.filter.losses())
	}
	if _, exists := w.component("CustomField", underTest); exists {
		t.Error("the field was not deleted")
	}
}

// A user without access to a field may get an empty answer about it. The field must not leave the state for that.
func TestFieldThatIsHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"salesforce.metadata_hidden_field_read": "empty"})
	w.run(
		resource.TestStep{Config: fieldConfig("text", "")},
		resource.TestStep{Config: fieldConfig("text", ""), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		resource.TestStep{Config: fieldConfig("text", `description = "Changed"`)},
		resource.TestStep{ResourceName: fieldAddress, ImportState: true, ImportStateId: underTest,
			ExpectError: regexp.MustCompile(`without\s+access\s+to\s+it`)},
	)
}
