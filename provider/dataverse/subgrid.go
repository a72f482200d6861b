package dataverse

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// subgridModel is the state of a cosell_dataverse_subgrid.
type subgridModel struct {
	ID             types.String `tfsdk:"id"`
	Table          types.String `tfsdk:"table"`
	Form           types.String `tfsdk:"form"`
	Name           types.String `tfsdk:"name"`
	Label          types.String `tfsdk:"label"`
	ShowLabel      types.Bool   `tfsdk:"show_label"`
	Tab            types.String `tfsdk:"tab"`
	TargetTable    types.String `tfsdk:"target_table"`
	Relationship   types.String `tfsdk:"relationship"`
	ViewID         types.String `tfsdk:"view_id"`
	RecordsPerPage types.Int64  `tfsdk:"records_per_page"`
}

const subgridClassID = "{E7A81278-8635-4d9e-8D4D-59480B391C5B}"

// NewSubgrid makes the resource type cosell_dataverse_subgrid.
func NewSubgrid() resource.Resource {
	return &managed[subgridModel, *subgridModel]{
		kind: kind{
			typeName: "dataverse_subgrid", what: "sub-grid", example: "opportunity/Opportunity/microsoft_solutions", keys: formKeys(),
			schema: schema.Schema{
				MarkdownDescription: "A list of related rows on a main form, in a section of its own.\n\n" + fragmentDescription,
				Attributes: fragmentAttributes(map[string]schema.Attribute{
					"target_table": required("Table of the rows. Refer to the resource that makes it, so that it comes first.", tableName()),
					"relationship": required("Schema name of the relationship from the form's table to the rows: the `relationship_name` of the lookup column.", tableName()),
					"view_id":      optional("Id of the view that says which columns are shown. Left out, the table's default view is taken, and changes of it are not looked at.", unpadded()),
					"records_per_page": schema.Int64Attribute{
						Optional: true, Computed: true, Default: int64default.StaticInt64(4), MarkdownDescription: "How many rows are shown at once, 1 to 250. Default 4.",
						Validators: []validator.Int64{int64validator.Between(1, 250)},
					},
				}),
			},
		},
	}
}

func (m *subgridModel) fragment() fragment {
	return fragment{strings.ToLower(m.Table.ValueString()), m.Form.ValueString(), m.Name.ValueString(), m.Tab.ValueString()}
}

func (m *subgridModel) complete(ctx context.Context, e *environment, p *planning[subgridModel]) {
	if !p.live || m.Table.IsUnknown() || m.Form.IsUnknown() {
		return
	}
	checkForm(ctx, e, m.fragment(), p)
	if !m.TargetTable.IsUnknown() {
		checkTable(ctx, e, "target_table", strings.ToLower(m.TargetTable.ValueString()), p)
	}
}

func (m *subgridModel) render(ctx context.Context, e *environment) (string, error) {
	language, err := e.remote.Language(ctx)
	if err != nil {
		return "", err
	}
	view, err := m.view(ctx, e)
	if err != nil {
		return "", err
	}
	f := m.fragment()
	rows := fmt.Sprintf(`<row><cell id="%s" showlabel="false" rowspan="4"><labels><label description="%s" languagecode="%d" /></labels>`+
		`<control id="%s" classid="%s" indicationOfSubgrid="true" uniqueid="%s"><parameters>%s<IsUserView>false</IsUserView><RelationshipName>%s</RelationshipName>`+
		`<TargetEntityType>%s</TargetEntityType><AutoExpand>Fixed</AutoExpand><EnableQuickFind>false</EnableQuickFind><EnableViewPicker>false</EnableViewPicker>`+
		`<EnableJumpBar>false</EnableJumpBar><ChartGridMode>Grid</ChartGridMode><RecordsPerPage>%d</RecordsPerPage></parameters></control></cell></row><row /><row /><row />`,
		f.guid("cell"), escaped(m.Label.ValueString()), language, escaped(f.name), subgridClassID, f.guid("control"), view, escaped(m.Relationship.ValueString()),
		escaped(strings.ToLower(m.TargetTable.ValueString())), m.RecordsPerPage.ValueInt64())
	return f.render(m.Label.ValueString(), m.ShowLabel.ValueBool(), 1, language, rows), nil
}

// view writes which view is shown; nothing where the table has none.
func (m *subgridModel) view(ctx context.Context, e *environment) (string, error) {
	id := m.ViewID.ValueString()
	if id == "" {
		api, err := e.remote.Dataverse(ctx)
		if err != nil {
			return "", err
		}
		var views []client.View
		if err := e.remote.Retry(ctx, func(ctx context.Context) (err error) {
			views, err = api.Views(ctx, strings.ToLower(m.TargetTable.ValueString()))
			return err
		}); err != nil || len(views) == 0 {
			return "", err
		}
		id = views[0].ID
	}
	parsed, err := client.ParseID(id)
	return "<ViewId>{" + strings.ToUpper(parsed) + "}</ViewId>", err
}

func (m *subgridModel) create(ctx context.Context, e *environment) error {
	section, err := m.render(ctx, e)
	if err != nil {
		return err
	}
	return m.fragment().create(ctx, e, section)
}

func (m *subgridModel) read(ctx context.Context, e *environment) (bool, error) {
	live, found, err := m.fragment().read(ctx, e)
	if err != nil || !found {
		return false, err
	}
	m.Label, m.ShowLabel = types.StringValue(live.section.label()), types.BoolValue(live.section.ShowLabel != "false")
	if !m.Tab.IsNull() {
		m.Tab = types.StringValue(live.tab)
	}
	controls := live.section.controls()
	if len(controls) == 0 { // somebody emptied the section
		m.TargetTable, m.Relationship, m.RecordsPerPage = types.StringNull(), types.StringNull(), types.Int64Null()
		return true, nil
	}
	shown := controls[0].Parameters
	if !strings.EqualFold(shown.Table, m.TargetTable.ValueString()) {
		m.TargetTable = types.StringValue(shown.Table)
	}
	m.Relationship = textOrNull(shown.Relationship)
	if !m.ViewID.IsNull() && !sameID(m.ViewID.ValueString(), shown.View) {
		m.ViewID = textOrNull(shown.View)
	}
	m.RecordsPerPage = types.Int64Null()
	if records, err := strconv.ParseInt(shown.Records, 10, 64); err == nil {
		m.RecordsPerPage = types.Int64Value(records)
	}
	return true, nil
}

func sameID(a, b string) bool {
	first, err := client.ParseID(a)
	second, wrong := client.ParseID(b)
	return err == nil && wrong == nil && first == second
}

func (m *subgridModel) update(ctx context.Context, e *environment, _ *subgridModel) error {
	section, err := m.render(ctx, e)
	if err != nil {
		return err
	}
	return m.fragment().update(ctx, e, section)
}

func (m *subgridModel) remove(ctx context.Context, e *environment) error {
	return m.fragment().remove(ctx, e)
}
