package dataverse

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// sectionModel is the state of a cosell_dataverse_form_section.
type sectionModel struct {
	ID        types.String `tfsdk:"id"`
	Table     types.String `tfsdk:"table"`
	Form      types.String `tfsdk:"form"`
	Name      types.String `tfsdk:"name"`
	Label     types.String `tfsdk:"label"`
	ShowLabel types.Bool   `tfsdk:"show_label"`
	Tab       types.String `tfsdk:"tab"`
	Columns   types.Int64  `tfsdk:"columns"`
	Fields    types.List   `tfsdk:"fields"`
}

// fieldModel is an element of the fields attribute.
type fieldModel struct {
	Name     types.String `tfsdk:"name"`
	ReadOnly types.Bool   `tfsdk:"read_only"`
}

var fieldType = types.ObjectType{AttrTypes: map[string]attr.Type{"name": types.StringType, "read_only": types.BoolType}}

const fragmentDescription = "A form is one document. Only this section is changed: what people and other solutions have on the form stays as it is, byte for byte. " +
	"An edit starts from the form's draft, is refused when somebody saved the form meanwhile, and is published at once, which publishes the other unpublished changes of the table too.\n\n" +
	"A section of the name that the form has already is never taken over: import it.\n\n" +
	"**Destroy.** The section is taken off the form.\n\n" +
	"**Permissions.** Reading and writing system forms and publishing customizations, as System Customizer has."

func formKeys() []key {
	return []key{{"table", "Name of the table."}, {"form", "Name or id of the main form."}, {"name", "Name of the section."}}
}

func fragmentAttributes(more map[string]schema.Attribute) map[string]schema.Attribute {
	all := map[string]schema.Attribute{
		"id":         identifier(),
		"table":      required("Name of the table, such as `opportunity`. Changing it makes another section.", tableName()),
		"form":       required("Name of the main form, or its id where several have the name. Changing it makes another section.", unpadded()),
		"name":       required("Name of the section within the form, such as `microsoft_partner_center`. People do not see it. Changing it makes another section.", tableName()),
		"label":      required("Heading.", unpadded()),
		"show_label": flag("Whether the heading is shown. Default `true`.", true),
		"tab":        optional("Name of the tab. Left out, the section goes to the first tab, and may be moved by people.", unpadded()),
	}
	for name, a := range more {
		all[name] = a
	}
	return all
}

// NewFormSection makes the resource type cosell_dataverse_form_section.
func NewFormSection() resource.Resource {
	return &managed[sectionModel, *sectionModel]{
		kind: kind{
			typeName: "dataverse_form_section", what: "form section", example: "opportunity/Opportunity/microsoft_partner_center", keys: formKeys(),
			schema: schema.Schema{
				MarkdownDescription: "A section of columns on a main form.\n\n" + fragmentDescription,
				Attributes: fragmentAttributes(map[string]schema.Attribute{
					"columns": schema.Int64Attribute{
						Optional: true, Computed: true, Default: int64default.StaticInt64(1), MarkdownDescription: "Into how many columns the fields are arranged, row by row: 1 (default) to 4.",
						Validators: []validator.Int64{int64validator.Between(1, 4)},
					},
					"fields": schema.ListNestedAttribute{
						Required: true, MarkdownDescription: "The table's columns that are shown, in reading order.",
						Validators: []validator.List{listvalidator.SizeAtLeast(1)},
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"name":      required("Name of the column. Refer to the resource that makes it, so that it comes first.", tableName()),
							"read_only": flag("Whether people can only read it here. Default `false`.", false),
						}},
					},
				}),
			},
		},
	}
}

func (m *sectionModel) fragment() fragment {
	return fragment{strings.ToLower(m.Table.ValueString()), m.Form.ValueString(), m.Name.ValueString(), m.Tab.ValueString()}
}

func (m *sectionModel) fields(ctx context.Context) []fieldModel {
	var fields []fieldModel
	m.Fields.ElementsAs(ctx, &fields, true)
	return fields
}

func (m *sectionModel) complete(ctx context.Context, e *environment, p *planning[sectionModel]) {
	if !p.live || m.Table.IsUnknown() || m.Form.IsUnknown() {
		return
	}
	checkForm(ctx, e, m.fragment(), p)
	var names []types.String
	if !m.Fields.IsUnknown() {
		for _, field := range m.fields(ctx) {
			names = append(names, field.Name)
		}
	}
	checkColumns(ctx, e, "fields", m.fragment().table, names, p)
}

// classIDs are the controls of the kinds of columns; all others are edited as text.
var classIDs = map[client.Kind]string{
	client.Text: "{4273EDBD-AC1D-40d3-9FB2-095C621B552D}", client.Memo: "{E0DECE4B-6FC8-4a8f-A065-082708572369}", client.Integer: "{C6D124CA-7EDA-4a60-AEA9-7FB8D318B68F}",
	client.Decimal: "{C3EFE0C3-0EC6-42be-8349-CBD9079DFD8E}", client.Money: "{533B9E00-756B-4312-95A0-DC888637AC78}", client.DateTime: "{5B773807-9FB2-42db-97C3-7A91EFF8ADFF}",
	client.Lookup: "{270BD3DB-D9AF-4782-9025-509E298DEC0A}", client.Customer: "{270BD3DB-D9AF-4782-9025-509E298DEC0A}", client.Choice: "{3EF39988-22BB-4F0B-BBBE-64B5A3748AEE}",
	client.StatusKey: "{5D68B988-0661-4db2-BC3E-17598AD3BE6C}", client.Choices: "{4AA28AB7-9C13-4F57-A73D-AD894D048B5F}", client.YesNo: "{67FAC785-CD58-4f9f-ABB3-4B7DDC6ED5ED}",
}

// Controls of text columns with a format.
const (
	urlClassID   = "{71716B6C-711E-476c-8AB8-5D11542BFB47}"
	emailClassID = "{ADA2203E-B4CD-49be-9DDF-234642B43B52}"
)

func (m *sectionModel) render(ctx context.Context, e *environment) (string, error) {
	language, err := e.remote.Language(ctx)
	if err != nil {
		return "", err
	}
	f := m.fragment()
	columns := int(m.Columns.ValueInt64())
	var rows strings.Builder
	fields := m.fields(ctx)
	for i, field := range fields {
		cell, err := f.cell(ctx, e, field, language)
		if err != nil {
			return "", err
		}
		if i%columns == 0 {
			rows.WriteString("<row>")
		}
		rows.WriteString(cell)
		if i%columns == columns-1 || i == len(fields)-1 {
			rows.WriteString("</row>")
		}
	}
	return f.render(m.Label.ValueString(), m.ShowLabel.ValueBool(), columns, language, rows.String()), nil
}

// cell writes the place of one column.
func (f fragment) cell(ctx context.Context, e *environment, field fieldModel, language int) (string, error) {
	name := strings.ToLower(field.Name.ValueString())
	column, found, err := e.remote.AnyColumn(ctx, f.table, name)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fmt.Errorf("the table %s has no column %s", f.table, name)
	}
	class := classIDs[column.Kind]
	if column.Kind == client.Text {
		text, _, err := e.remote.Column(ctx, f.table, name, client.Text)
		if err != nil {
			return "", err
		}
		if special := map[string]string{"Url": urlClassID, "Email": emailClassID}[text.Format]; special != "" {
			class = special
		}
	}
	if class == "" {
		class = classIDs[client.Text]
	}
	return fmt.Sprintf(`<cell id="%s" showlabel="true"><labels><label description="%s" languagecode="%d" /></labels><control id="%s" classid="%s" datafieldname="%s" disabled="%t" /></cell>`,
		f.guid("cell", name), escaped(column.DisplayName.Text()), language, name, class, name, field.ReadOnly.ValueBool()), nil
}

func (m *sectionModel) create(ctx context.Context, e *environment) error {
	section, err := m.render(ctx, e)
	if err != nil {
		return err
	}
	return m.fragment().create(ctx, e, section)
}

func (m *sectionModel) read(ctx context.Context, e *environment) (bool, error) {
	live, found, err := m.fragment().read(ctx, e)
	if err != nil || !found {
		return false, err
	}
	m.Label, m.ShowLabel, m.Columns = types.StringValue(live.section.label()), types.BoolValue(live.section.ShowLabel != "false"), types.Int64Value(int64(max(1, len(live.section.Columns))))
	if !m.Tab.IsNull() {
		m.Tab = types.StringValue(live.tab)
	}
	spellings := map[string]string{}
	if !m.Fields.IsNull() {
		for _, field := range m.fields(ctx) {
			spellings[strings.ToLower(field.Name.ValueString())] = field.Name.ValueString()
		}
	}
	values := []attr.Value{}
	for _, control := range live.section.controls() {
		name := control.Column
		if known := spellings[strings.ToLower(name)]; known != "" { // to Dataverse, case makes no difference here
			name = known
		}
		values = append(values, types.ObjectValueMust(fieldType.AttrTypes, map[string]attr.Value{
			"name": types.StringValue(name), "read_only": types.BoolValue(control.Disabled == "true"),
		}))
	}
	m.Fields = types.ListValueMust(fieldType, values)
	return true, nil
}

func (m *sectionModel) update(ctx context.Context, e *environment, _ *sectionModel) error {
	section, err := m.render(ctx, e)
	if err != nil {
		return err
	}
	return m.fragment().update(ctx, e, section)
}

func (m *sectionModel) remove(ctx context.Context, e *environment) error {
	return m.fragment().remove(ctx, e)
}
