package connector

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

var (
	_ resource.ResourceWithModifyPlan     = (*environmentVariable)(nil)
	_ resource.ResourceWithValidateConfig = (*environmentVariable)(nil)
)

type environmentVariable struct {
	logical[environmentVariableModel, *environmentVariableModel]
}

type environmentVariableModel struct {
	ID             types.String `tfsdk:"id"`
	CRM            types.String `tfsdk:"crm"`
	Name           types.String `tfsdk:"name"`
	Value          types.String `tfsdk:"value"`
	Type           types.String `tfsdk:"type"`
	Default        types.String `tfsdk:"default"`
	EffectiveValue types.String `tfsdk:"effective_value"`
}

func newEnvironmentVariable() resource.Resource { return &environmentVariable{} }

func (*environmentVariable) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_environment_variable"
}

func (*environmentVariable) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "One setting of the synchronisation, such as the stage that equals an accepted referral. " +
			"Hand all of them to `cosell_connector` as a map. It has no remote object.\n\n**Permissions.** None: it is a declaration.\n\n" + variableTable(),
		Attributes: map[string]schema.Attribute{
			"id":  identifier("`<crm>/<name>`."),
			"crm": crmAttribute(document.Salesforce, document.Dynamics365),
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the variable, from the table above. Changing it makes another variable.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"value": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The value, which must fit the variable's type. Left out, the default holds; the default itself is never edited.",
			},
			"type": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Type of the value: `text`, `yes_no` (`Yes` or `No`), `duration` (such as `15m`) or `field_name` (an API name).",
			},
			"default": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "What holds without a `value`; null where a value is required.",
			},
			"effective_value": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The `value`, else the `default`.",
			},
		},
	}
}

// ValidateConfig refuses names that the CRM does not have and values that do not fit.
func (*environmentVariable) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest, response *resource.ValidateConfigResponse) {
	var config environmentVariableModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() || config.CRM.IsUnknown() || config.Name.IsUnknown() {
		return
	}
	crm := config.CRM.ValueString()
	known, ok := document.FindVariable(crm, config.Name.ValueString())
	switch {
	case !ok:
		response.Diagnostics.AddAttributeError(path.Root("name"), "Environment variable is not known",
			fmt.Sprintf("There is no variable %q for %s. Use one of: %s.", config.Name.ValueString(), crm, strings.Join(variableNames(crm), ", ")))
	case config.Value.IsUnknown():
	case config.Value.IsNull() && known.Default[crm] == "":
		response.Diagnostics.AddAttributeError(path.Root("value"), "Environment variable needs a value",
			fmt.Sprintf("Variable %s has no default. %s Set value.", known.Name, known.Description))
	case !config.Value.IsNull():
		if err := known.CheckValue(config.Value.ValueString()); err != nil {
			response.Diagnostics.AddAttributeError(path.Root("value"), "Environment variable's value does not fit its type", capitalised(err)+".")
		}
	}
}

func (m *environmentVariableModel) complete() {
	if m.CRM.IsUnknown() || m.Name.IsUnknown() {
		m.ID, m.Type, m.Default, m.EffectiveValue = types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
		return
	}
	crm := m.CRM.ValueString()
	known, _ := document.FindVariable(crm, m.Name.ValueString()) // an unknown name was refused before
	m.ID = types.StringValue(crm + "/" + m.Name.ValueString())
	m.Type = types.StringValue(known.Type)
	m.Default = types.StringNull()
	if value := known.Default[crm]; value != "" {
		m.Default = types.StringValue(value)
	}
	m.EffectiveValue = m.Value
	if m.Value.IsNull() {
		m.EffectiveValue = m.Default
	}
}

func variableNames(crm string) []string {
	var names []string
	for _, v := range document.KnownVariables(crm) {
		names = append(names, v.Name)
	}
	return names
}

// variableTable documents every variable from the one table there is.
func variableTable() string {
	var table strings.Builder
	table.WriteString("| Variable | Type | Default (Salesforce) | Default (Dynamics 365) | Meaning |\n|---|---|---|---|---|\n")
	seen := map[string]bool{}
	for _, crm := range []string{document.Salesforce, document.Dynamics365} {
		for _, v := range document.KnownVariables(crm) {
			if !seen[v.Name] {
				fmt.Fprintf(&table, "| `%s` | `%s` | %s | %s | %s |\n", v.Name, v.Type,
					defaultCell(v, document.Salesforce), defaultCell(v, document.Dynamics365), v.Description)
			}
			seen[v.Name] = true
		}
	}
	return table.String()
}

func defaultCell(v document.KnownVariable, crm string) string {
	value, ok := v.Default[crm]
	switch {
	case !ok:
		return "—"
	case value == "":
		return "required"
	default:
		return "`" + value + "`"
	}
}

func identifier(form string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier of the declaration: " + form}
}

func crmAttribute(allowed ...string) schema.StringAttribute {
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "The CRM: `" + strings.Join(allowed, "` or `") + "`. Changing it makes another declaration.",
		Validators:          []validator.String{stringvalidator.OneOf(allowed...)},
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
}
