package provider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// publisherConfig is what every custom component needs, with the prefix test.
const publisherConfig = `
resource "cosell_dataverse_publisher" "owner" {
  name                = "tester"
  display_name        = "Tester"
  prefix              = "test"
  option_value_prefix = 20000
}
`

var dataverseCapabilities = map[string]capability{
	"cosell_dataverse_publisher": {
		config: `
resource "cosell_dataverse_publisher" "test" {
  name                = "tester"
  display_name        = "Tester"
  prefix              = "test"
  option_value_prefix = 20000
}`,
		changes: map[string]func(*testing.T, *world){
			"display_name": func(t *testing.T, w *world) {
				w.edit(t, "publishers", "uniquename eq 'tester'", map[string]any{"friendlyname": "Other"})
			},
			"option_value_prefix": func(t *testing.T, w *world) {
				w.edit(t, "publishers", "uniquename eq 'tester'", map[string]any{"customizationoptionvalueprefix": 30000})
			},
		},
		remove:   func(t *testing.T, w *world) { w.discard(t, "publishers", "uniquename eq 'tester'") },
		exists:   hasRow("publishers", "uniquename eq 'tester'"),
		importID: "tester",
		unknown: `
resource "cosell_dataverse_publisher" "test" {
  name                = "tester"
  display_name        = terraform_data.later.output
  prefix              = "test"
  option_value_prefix = 20000
}`,
		laterValue: "Tester",
		invalid: map[string]invalid{
			"long prefix": {`
resource "cosell_dataverse_publisher" "test" {
  name                = "tester"
  display_name        = "Tester"
  prefix              = "testtesttest"
  option_value_prefix = 20000
}`, words("2 to 8 letters and digits")},
			"small option prefix": {`
resource "cosell_dataverse_publisher" "test" {
  name                = "tester"
  display_name        = "Tester"
  prefix              = "test"
  option_value_prefix = 1
}`, words("between 10000 and 99999")},
		},
		creates: posts("/publishers"),
	},
	"cosell_dataverse_solution": {
		config: publisherConfig + `
resource "cosell_dataverse_solution" "test" {
  name         = "tested"
  display_name = "Tested"
  publisher    = cosell_dataverse_publisher.owner.name
}`,
		changes: map[string]func(*testing.T, *world){
			"display_name": func(t *testing.T, w *world) {
				w.edit(t, "solutions", "uniquename eq 'tested'", map[string]any{"friendlyname": "Other"})
			},
			"version": func(t *testing.T, w *world) {
				w.edit(t, "solutions", "uniquename eq 'tested'", map[string]any{"version": "2.0.0.0"})
			},
		},
		remove:   func(t *testing.T, w *world) { w.discard(t, "solutions", "uniquename eq 'tested'") },
		exists:   hasRow("solutions", "uniquename eq 'tested'"),
		importID: "tested",
		unknown: publisherConfig + `
resource "cosell_dataverse_solution" "test" {
  name         = "tested"
  display_name = terraform_data.later.output
  publisher    = cosell_dataverse_publisher.owner.name
}`,
		laterValue: "Tested",
		invalid: map[string]invalid{
			"name with a hyphen": {`
resource "cosell_dataverse_solution" "test" {
  name         = "not-valid"
  display_name = "Tested"
  publisher    = "tester"
}`, words("must be a unique name")},
			"version of letters": {`
resource "cosell_dataverse_solution" "test" {
  name         = "tested"
  display_name = "Tested"
  publisher    = "tester"
  version      = "one"
}`, words("must be a version")},
		},
		creates: posts("/solutions"),
	},
	"cosell_dataverse_table": {
		config: tableConfig(`label = "Test"`),
		changes: map[string]func(*testing.T, *world){
			"label": func(t *testing.T, w *world) {
				w.redefine(t, "test_table", "DisplayName", dataverse.NewLabel("Other", 1033))
			},
			"plural_label": func(t *testing.T, w *world) {
				w.redefine(t, "test_table", "DisplayCollectionName", dataverse.NewLabel("Others", 1033))
			},
			"description": func(t *testing.T, w *world) {
				w.redefine(t, "test_table", "Description", dataverse.NewLabel("Other.", 1033))
			},
			"primary_column": func(t *testing.T, w *world) {
				w.recolumn(t, "test_table", "test_name", dataverse.Text, "MaxLength", 300)
			},
		},
		remove: func(t *testing.T, w *world) {
			if err := w.dataverse(t).DeleteTable(t.Context(), "test_table"); err != nil {
				t.Fatal(err)
			}
		},
		exists:       hasTable("test_table"),
		importID:     "test_Table",
		importIgnore: []string{"deletion_protection", "solution"},
		unknown:      tableConfig(`label = terraform_data.later.output`),
		laterValue:   "Test",
		invalid: map[string]invalid{
			"name without prefix": {strings.ReplaceAll(tableConfig(`label = "Test"`), `"test_Table"`, `"Table"`), words("must be a schema name that begins with a publisher's prefix")},
			"padded label":        {tableConfig(`label = " Test"`), words("no white space at its ends")},
			"unknown owner": {strings.ReplaceAll(tableConfig(`label = "Test"`), `"test_Table"`, `"test_Table"
  ownership = "nobody"`), words("value must be one of")},
		},
		creates: posts("/EntityDefinitions"),
	},
	"cosell_dataverse_column": {
		config: columnConfig(`
  label       = "Test"
  type        = "text"
  max_length  = 100
  format      = "email"
  description = "Help."
  unique      = true`),
		changes: map[string]func(*testing.T, *world){
			"label": func(t *testing.T, w *world) {
				w.recolumn(t, "opportunity", "test_column", dataverse.Text, "DisplayName", dataverse.NewLabel("Other", 1033))
			},
			"description": func(t *testing.T, w *world) {
				w.recolumn(t, "opportunity", "test_column", dataverse.Text, "Description", dataverse.NewLabel("Other.", 1033))
			},
			"max_length": func(t *testing.T, w *world) {
				w.recolumn(t, "opportunity", "test_column", dataverse.Text, "MaxLength", 200)
			},
			"format": func(t *testing.T, w *world) {
				w.recolumn(t, "opportunity", "test_column", dataverse.Text, "FormatName", map[string]string{"Value": "Text"})
			},
			"auto_number_format": func(t *testing.T, w *world) {
				w.recolumn(t, "opportunity", "test_column", dataverse.Text, "AutoNumberFormat", "{SEQNUM:5}")
			},
			"required_level": func(t *testing.T, w *world) {
				w.recolumn(t, "opportunity", "test_column", dataverse.Text, "RequiredLevel", map[string]any{"Value": "Recommended"})
			},
			"unique": func(t *testing.T, w *world) {
				if err := w.dataverse(t).DeleteAlternateKey(t.Context(), "opportunity", "test_columnkey"); err != nil {
					t.Fatal(err)
				}
			},
		},
		remove: func(t *testing.T, w *world) {
			client := w.dataverse(t)
			if err := client.DeleteAlternateKey(t.Context(), "opportunity", "test_columnkey"); err != nil {
				t.Fatal(err)
			}
			if err := client.DeleteColumn(t.Context(), "", "opportunity", "test_column"); err != nil {
				t.Fatal(err)
			}
		},
		exists:       hasColumn("opportunity", "test_column"),
		importID:     "opportunity/test_Column",
		importIgnore: []string{"deletion_protection", "solution"},
		unknown: columnConfig(`
  label = terraform_data.later.output
  type  = "boolean"`),
		laterValue: "Test",
		invalid: map[string]invalid{
			"attribute of another type": {columnConfig(`
  label     = "Test"
  type      = "boolean"
  precision = 2`), words("A column of type boolean has no precision")},
			"choice without options": {columnConfig(`
  label = "Test"
  type  = "choice"`), words("Give either options or global_choice")},
			"lookup of nothing": {columnConfig(`
  label = "Test"
  type  = "lookup"`), words("A lookup needs target_table")},
			"format of a date": {columnConfig(`
  label  = "Test"
  type   = "text"
  format = "date_only"`), words("The format of a text is one of")},
			"unique memo": {columnConfig(`
  label  = "Test"
  type   = "memo"
  unique = true`), words("cannot be an alternate key")},
			"name without prefix": {`
resource "cosell_dataverse_column" "test" {
  table = "opportunity"
  name  = "Name"
  label = "Test"
  type  = "text"
}`, words("must be a schema name that begins with a publisher's prefix")},
		},
		creates: posts("/Attributes"),
	},
	"cosell_dataverse_change_events": {
		env:    map[string]string{"COSELL_DATAVERSE_WEBHOOK_KEY": "key-of-the-test"},
		config: eventsConfigOf(`"https://agent.example.com/dataverse"`),
		changes: map[string]func(*testing.T, *world){
			"webhook": func(t *testing.T, w *world) {
				w.edit(t, "serviceendpoints", "name eq 'tested'", map[string]any{"url": "https://elsewhere.example.com/"})
			},
			"tables": func(t *testing.T, w *world) {
				w.discard(t, "sdkmessageprocessingsteps", "name eq 'tested: Update of lead'")
			},
		},
		// Change tracking cannot be switched off: what can be there or gone is the endpoint.
		exists:     hasRow("serviceendpoints", "name eq 'tested'"),
		importID:   "tested",
		unknown:    eventsConfigOf(`terraform_data.later.output`),
		laterValue: "https://agent.example.com/dataverse",
		invalid: map[string]invalid{
			"no https": {eventsConfigOf(`"http://agent.example.com/"`), words("is not https")},
			"no tables": {`
resource "cosell_dataverse_change_events" "test" {
  name   = "tested"
  tables = []
}`, words("at least 1")},
		},
		creates: posts("/serviceendpoints"),
	},
	"cosell_dataverse_environment_variable": {
		config: variableConfig(`
  display_name  = "Field of the value"
  default_value = "estimatedvalue"
  value         = "totalamount"`),
		changes: map[string]func(*testing.T, *world){
			"value": func(t *testing.T, w *world) {
				w.edit(t, "environmentvariablevalues", "schemaname eq 'test_Variable'", map[string]any{"value": "other"})
			},
			"display_name": func(t *testing.T, w *world) {
				w.edit(t, "environmentvariabledefinitions", "schemaname eq 'test_Variable'", map[string]any{"displayname": "Other"})
			},
		},
		remove: func(t *testing.T, w *world) {
			w.discard(t, "environmentvariabledefinitions", "schemaname eq 'test_Variable'")
		},
		exists:       hasRow("environmentvariabledefinitions", "schemaname eq 'test_Variable'"),
		importID:     "test_Variable",
		importIgnore: []string{"manage_definition", "solution"},
		unknown: variableConfig(`
  display_name = "Field of the value"
  value        = terraform_data.later.output`),
		laterValue: "totalamount",
		invalid: map[string]invalid{
			"no display name": {variableConfig(`
  value = "a"`), words("Give display_name")},
			"value of another type": {variableConfig(`
  display_name = "Flag"
  type         = "boolean"
  value        = "Yes"`), words("A boolean takes yes or no")},
			"default of an existing one": {variableConfig(`
  manage_definition = false
  default_value     = "a"`), words("Remove default_value")},
		},
		creates: posts("/environmentvariabledefinitions"),
	},
	"cosell_dataverse_form_section": {
		config: formSectionConfig(`"Tested"`, `{ name = "description" }, { name = "estimatedvalue", read_only = true }`),
		changes: map[string]func(*testing.T, *world){
			"label":      editsForm(`description="Tested"`, `description="Other"`),
			"show_label": editsForm(`<section name="tested" showlabel="true"`, `<section name="tested" showlabel="false"`),
			"columns":    editsForm(`showbar="false" columns="11"`, `showbar="false" columns="1"`),
			"fields":     editsForm(`datafieldname="estimatedvalue" disabled="true"`, `datafieldname="estimatedvalue" disabled="false"`),
		},
		remove:     removesSection("tested"),
		exists:     onForm("tested"),
		importID:   "opportunity/Opportunity/tested",
		unknown:    formSectionConfig(`terraform_data.later.output`, `{ name = "description" }`),
		laterValue: "Tested",
		invalid: map[string]invalid{
			"no such form": {`
resource "cosell_dataverse_form_section" "test" {
  table  = "opportunity"
  form   = "Nobody's"
  name   = "tested"
  label  = "Tested"
  fields = [{ name = "description" }]
}`, words("Form does not exist")},
			"no fields": {formSectionConfig(`"Tested"`, ``), words("at least 1")},
		},
		creates: patchesForm("tested"),
	},
	"cosell_dataverse_subgrid": {
		config: subgridConfig(`"Tested"`),
		changes: map[string]func(*testing.T, *world){
			"label":            editsForm(`description="Tested"`, `description="Other"`),
			"relationship":     editsForm(`<RelationshipName>Opportunity_Annotation<`, `<RelationshipName>Other<`),
			"target_table":     editsForm(`<TargetEntityType>annotation<`, `<TargetEntityType>account<`),
			"records_per_page": editsForm(`<RecordsPerPage>4<`, `<RecordsPerPage>9<`),
		},
		remove:     removesSection("tested"),
		exists:     onForm("tested"),
		importID:   "opportunity/Opportunity/tested",
		unknown:    subgridConfig(`terraform_data.later.output`),
		laterValue: "Tested",
		invalid: map[string]invalid{
			"no such form": {strings.Replace(subgridConfig(`"Tested"`), `"Opportunity"`, `"Nobody's"`, 1), words("Form does not exist")},
			"many rows": {strings.Replace(subgridConfig(`"Tested"`), `"annotation"`, `"annotation"
  records_per_page = 1000`, 1), words("between 1 and 250")},
		},
		creates: patchesForm("tested"),
	},
	"cosell_power_automate_flow": {
		prepare: func(t *testing.T, w *world) {
			if err := w.sandbox.Dataverse().InstallMicrosoftSolution(); err != nil {
				t.Fatal(err)
			}
		},
		config: flowConfig("false"),
		changes: map[string]func(*testing.T, *world){
			"enabled": func(t *testing.T, w *world) {
				w.edit(t, "workflows", "name eq '"+createFlow+"'", map[string]any{"statecode": 1, "statuscode": 2})
			},
		},
		// The flow belongs to the solution, and stays as it is: nothing of this resource can be there or be gone.
		exists:     func(*testing.T, *world) bool { return false },
		importID:   createFlow,
		unknown:    flowConfig("tobool(terraform_data.later.output)"),
		laterValue: "false",
		invalid: map[string]invalid{
			"no duration":  {flowConfig("false\n  drain = { quiet = \"soon\" }"), words("is not a duration such as")},
			"no such flow": {strings.Replace(flowConfig("true"), createFlow, "Nobody's flow", 1), words("Cloud flow cannot be found")},
		},
		creates: func(request *http.Request, body string) bool {
			return request.Method == http.MethodPatch && strings.Contains(request.URL.Path, "/workflows(") && strings.Contains(body, "statecode")
		},
	},
}

// createFlow is a flow of Microsoft's solution that others call.
const createFlow = "Create Co-sell Referral - Dynamics 365 to Partner Center (Insider Preview)"

func flowConfig(enabled string) string {
	return `
resource "cosell_power_automate_flow" "test" {
  name    = "` + createFlow + `"
  enabled = ` + enabled + `
}`
}

func formSectionConfig(label, fields string) string {
	return `
resource "cosell_dataverse_form_section" "test" {
  table   = "opportunity"
  form    = "Opportunity"
  name    = "tested"
  label   = ` + label + `
  columns = 2
  fields  = [` + fields + `]
}`
}

func subgridConfig(label string) string {
	return `
resource "cosell_dataverse_subgrid" "test" {
  table        = "opportunity"
  form         = "Opportunity"
  name         = "tested"
  label        = ` + label + `
  target_table = "annotation"
  relationship = "Opportunity_Annotation"
}`
}

// form gives the opportunity's main form.
func (w *world) form(t *testing.T) dataverse.Form {
	t.Helper()
	forms, err := w.dataverse(t).Forms(t.Context(), "opportunity", dataverse.MainForm)
	if err != nil || len(forms) != 1 {
		t.Fatalf("%d forms, %v", len(forms), err)
	}
	return forms[0]
}

func (w *world) saveForm(t *testing.T, change func(string) string) {
	t.Helper()
	form := w.form(t)
	text := change(form.XML)
	if text == form.XML {
		t.Fatal("the form stays as it is")
	}
	if err := w.dataverse(t).UpdateForm(t.Context(), form.ID, "", text); err != nil {
		t.Fatal(err)
	}
	w.publish(t, "opportunity")
}

// editsForm changes a text of the form, as a person does in the designer.
func editsForm(old, with string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		w.saveForm(t, func(text string) string { return strings.ReplaceAll(text, old, with) })
	}
}

func removesSection(name string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		w.saveForm(t, func(text string) string {
			at := strings.Index(text, `<section name="`+name+`"`)
			end := strings.Index(text[at:], "</section>") + at + len("</section>")
			return text[:at] + text[end:]
		})
	}
}

func onForm(name string) func(*testing.T, *world) bool {
	return func(t *testing.T, w *world) bool {
		t.Helper()
		return strings.Contains(w.form(t).XML, `<section name="`+name+`"`)
	}
}

func patchesForm(name string) func(*http.Request, string) bool {
	return func(request *http.Request, body string) bool {
		return request.Method == http.MethodPatch && strings.Contains(request.URL.Path, "/systemforms(") && strings.Contains(body, name)
	}
}

// eventsConfigOf delivers changes of two tables to an address.
func eventsConfigOf(url string) string {
	return `
resource "cosell_dataverse_change_events" "test" {
  name    = "tested"
  tables  = ["lead", "opportunity"]
  webhook = { url = ` + url + ` }
}`
}

// variableConfig is a variable, with its publisher.
func variableConfig(more string) string {
	return publisherConfig + `
resource "cosell_dataverse_environment_variable" "test" {
  name = "test_Variable"` + more + `

  depends_on = [cosell_dataverse_publisher.owner]
}`
}

// tableConfig is a table, with its publisher.
func tableConfig(label string) string {
	return publisherConfig + `
resource "cosell_dataverse_table" "test" {
  name           = "test_Table"
  plural_label   = "Tests"
  description    = "For administrators."
  primary_column = { name = "test_Name", label = "Name" }

  deletion_protection = false
  depends_on          = [cosell_dataverse_publisher.owner]
  ` + label + `
}`
}

// columnConfig is a column of opportunity, with its publisher.
func columnConfig(more string) string {
	return publisherConfig + `
resource "cosell_dataverse_column" "test" {
  table = "opportunity"
  name  = "test_Column"` + more + `

  deletion_protection = false
  depends_on          = [cosell_dataverse_publisher.owner]
}`
}

// posts recognises the request that creates something in a collection.
func posts(path string) func(*http.Request, string) bool {
	return func(request *http.Request, _ string) bool {
		return request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, path)
	}
}

// rowOf finds the one row of a set that a condition names, "" when there is none.
func (w *world) rowOf(t *testing.T, set, filter string) string {
	t.Helper()
	rows, err := dataverse.List[map[string]any](t.Context(), w.dataverse(t), set, dataverse.Query{Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		return ""
	}
	keys := map[string]string{"serviceendpoints": "serviceendpointid", "sdkmessageprocessingsteps": "sdkmessageprocessingstepid", "opportunities": "opportunityid"}
	key, known := keys[set]
	if !known {
		key = strings.TrimSuffix(set, "s") + "id"
	}
	id, _ := rows[0][key].(string)
	if id == "" {
		t.Fatalf("a row of %s has no %s", set, key)
	}
	row, err := dataverse.Row(set, id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func (w *world) edit(t *testing.T, set, filter string, body map[string]any) {
	t.Helper()
	if err := w.dataverse(t).Update(t.Context(), w.rowOf(t, set, filter), dataverse.Any, body); err != nil {
		t.Fatal(err)
	}
}

func (w *world) discard(t *testing.T, set, filter string) {
	t.Helper()
	if err := w.dataverse(t).Delete(t.Context(), w.rowOf(t, set, filter), ""); err != nil {
		t.Fatal(err)
	}
}

func hasRow(set, filter string) func(*testing.T, *world) bool {
	return func(t *testing.T, w *world) bool { t.Helper(); return w.rowOf(t, set, filter) != "" }
}

func hasTable(name string) func(*testing.T, *world) bool {
	return func(t *testing.T, w *world) bool {
		t.Helper()
		_, err := w.dataverse(t).Table(t.Context(), name)
		if err != nil && !dataverse.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
}

func hasColumn(table, name string) func(*testing.T, *world) bool {
	return func(t *testing.T, w *world) bool {
		t.Helper()
		columns, err := w.dataverse(t).Columns(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range columns {
			if column.LogicalName == name {
				return true
			}
		}
		return false
	}
}

// redefine changes a property of a table as an administrator does, and publishes it.
func (w *world) redefine(t *testing.T, table, property string, value any) {
	t.Helper()
	client := w.dataverse(t)
	definition, err := client.TableDefinition(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	delete(definition, "@odata.context")
	definition[property] = value
	if err := client.UpdateTable(t.Context(), "", definition); err != nil {
		t.Fatal(err)
	}
	w.publish(t, table)
}

// recolumn changes a property of a column as an administrator does, and publishes it.
func (w *world) recolumn(t *testing.T, table, column string, kind dataverse.Kind, property string, value any) {
	t.Helper()
	client := w.dataverse(t)
	definition, err := client.ColumnDefinition(t.Context(), table, column, kind)
	if err != nil {
		t.Fatal(err)
	}
	definition[property] = value
	if err := client.UpdateColumn(t.Context(), "", table, definition); err != nil {
		t.Fatal(err)
	}
	w.publish(t, table)
}

func (w *world) publish(t *testing.T, table string) {
	t.Helper()
	if err := w.dataverse(t).Publish(t.Context(), []string{table}, nil); err != nil {
		t.Fatal(err)
	}
}
