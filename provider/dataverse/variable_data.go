package dataverse

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// variableData is data.cosell_dataverse_environment_variable.
type variableData struct{ environment }

var _ datasource.DataSourceWithConfigure = (*variableData)(nil)

// NewVariableData makes the data source cosell_dataverse_environment_variable.
func NewVariableData() datasource.DataSource { return new(variableData) }

type variableDataModel struct {
	Name           types.String `tfsdk:"name"`
	DisplayName    types.String `tfsdk:"display_name"`
	Type           types.String `tfsdk:"type"`
	DefaultValue   types.String `tfsdk:"default_value"`
	Value          types.String `tfsdk:"value"`
	EffectiveValue types.String `tfsdk:"effective_value"`
}

// Metadata implements [datasource.DataSource].
func (d *variableData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_dataverse_environment_variable"
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *variableData) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// Schema implements [datasource.DataSource].
func (d *variableData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "An environment variable of Dataverse as it is: for taking over the settings of Microsoft's own co-sell solution, without managing them.\n\n" +
			"**Permissions.** Reading environment variable definitions and values.",
		Attributes: map[string]schema.Attribute{
			"name":            schema.StringAttribute{Required: true, MarkdownDescription: "Schema name of the variable, such as `msft_dealvaluefield`.", Validators: []validator.String{schemaName()}},
			"display_name":    computed("Name that people see."),
			"type":            computed("Type of the value: `text`, `number`, `boolean` or `json`; null for another one."),
			"default_value":   computed("What holds without a current value; null if there is none."),
			"value":           computed("The current value; null if there is none."),
			"effective_value": computed("What flows read: the current value, else the default."),
		},
	}
}

// Read implements [datasource.DataSource].
func (d *variableData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &name)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m := variableModel{Name: name}
	live, found, err := m.find(ctx, &d.environment)
	switch {
	case err != nil:
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Environment variable could not be read", remote.Detail(err))
		return
	case !found:
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Environment variable does not exist",
			"The environment has no variable "+name.ValueString()+". Look its schema name up in Power Apps under Solutions, Environment variables.")
		return
	}
	m.take(live)
	shown := variableDataModel{
		Name: name, DisplayName: m.DisplayName, Type: m.Type, DefaultValue: m.DefaultValue, Value: types.StringNull(), EffectiveValue: textOrNull(live.Effective()),
	}
	if live.ValueID != "" {
		shown.Value = types.StringValue(live.Value)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &shown)...)
}
