package dataverse

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// tableData is data.cosell_dataverse_table.
type tableData struct{ environment }

var _ datasource.DataSourceWithConfigure = (*tableData)(nil)

// NewTableData makes the data source cosell_dataverse_table.
func NewTableData() datasource.DataSource { return new(tableData) }

type tableDataModel struct {
	Name           types.String              `tfsdk:"name"`
	LogicalName    types.String              `tfsdk:"logical_name"`
	SchemaName     types.String              `tfsdk:"schema_name"`
	EntitySetName  types.String              `tfsdk:"entity_set_name"`
	Label          types.String              `tfsdk:"label"`
	PrimaryKey     types.String              `tfsdk:"primary_key"`
	PrimaryColumn  types.String              `tfsdk:"primary_column"`
	ChangeTracking types.Bool                `tfsdk:"change_tracking"`
	Columns        map[string]describedModel `tfsdk:"columns"`
}

type describedModel struct {
	SchemaName types.String `tfsdk:"schema_name"`
	Label      types.String `tfsdk:"label"`
	Kind       types.String `tfsdk:"kind"`
	Required   types.String `tfsdk:"required_level"`
}

// Metadata implements [datasource.DataSource].
func (d *tableData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_dataverse_table"
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *tableData) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// Schema implements [datasource.DataSource].
func (d *tableData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What a table of the environment is like: its names, whether its changes are tracked, and its columns. For looking at an environment before adopting it, and for `check` blocks.\n\n" +
			"**Permissions.** Reading entity and attribute definitions.",
		Attributes: map[string]schema.Attribute{
			"name":            schema.StringAttribute{Required: true, MarkdownDescription: "Schema name or logical name of the table, such as `opportunity`.", Validators: []validator.String{tableName()}},
			"logical_name":    computed("Name in addresses and queries."),
			"schema_name":     computed("Schema name."),
			"entity_set_name": computed("Name of the table's collection in the Web API."),
			"label":           computed("Name that people see."),
			"primary_key":     computed("Logical name of the column that holds a row's id."),
			"primary_column":  computed("Logical name of the column that names a row."),
			"change_tracking": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether changes of rows can be asked for, which the agent needs."},
			"columns": schema.MapNestedAttribute{
				Computed: true, MarkdownDescription: "The columns by logical name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"schema_name":    computed("Schema name."),
					"label":          computed("Name that people see."),
					"kind":           computed("What the column holds, by the `type` of `cosell_dataverse_column`; for kinds that it does not have, the Web API's name."),
					"required_level": computed("Whether people must fill it: `none`, `recommended`, `required`, or the Web API's name of another level."),
				}},
			},
		},
	}
}

// Read implements [datasource.DataSource].
func (d *tableData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m tableDataModel
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &m.Name)...)
	if resp.Diagnostics.HasError() {
		return
	}
	table, err := d.remote.Table(ctx, m.Name.ValueString())
	if err == nil && table == nil {
		err = fmt.Errorf("%w %s", remote.ErrNoTable, m.Name.ValueString())
	}
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Dataverse table could not be read", remote.Detail(err))
		return
	}
	columns, err := d.remote.Columns(ctx, table.LogicalName)
	if err != nil {
		resp.Diagnostics.AddError("Dataverse table's columns could not be read", remote.Detail(err))
		return
	}
	m.LogicalName, m.SchemaName, m.EntitySetName = types.StringValue(table.LogicalName), types.StringValue(table.SchemaName), types.StringValue(table.SetName)
	m.Label, m.PrimaryKey, m.PrimaryColumn = types.StringValue(table.DisplayName.Text()), types.StringValue(table.PrimaryID), types.StringValue(table.PrimaryName)
	m.ChangeTracking, m.Columns = types.BoolValue(table.ChangeTracking), map[string]describedModel{}
	for _, column := range columns {
		kind := typeOfKind(column.Kind)
		if kind == "" {
			kind = string(column.Kind)
		}
		m.Columns[column.LogicalName] = describedModel{
			SchemaName: types.StringValue(column.SchemaName), Label: types.StringValue(column.DisplayName.Text()), Kind: types.StringValue(kind), Required: fromRemote(levels, column.Required),
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
