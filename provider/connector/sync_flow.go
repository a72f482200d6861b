package connector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

var (
	_ resource.ResourceWithModifyPlan     = (*syncFlow)(nil)
	_ resource.ResourceWithValidateConfig = (*syncFlow)(nil)
)

type syncFlow struct {
	logical[syncFlowModel, *syncFlowModel]
}

type syncFlowModel struct {
	ID       types.String `tfsdk:"id"`
	CRM      types.String `tfsdk:"crm"`
	Name     types.String `tfsdk:"name"`
	Enabled  types.Bool   `tfsdk:"enabled"`
	Requires types.List   `tfsdk:"requires"`
}

func newSyncFlow() resource.Resource { return &syncFlow{} }

func (*syncFlow) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_sync_flow"
}

func (*syncFlow) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "Switches one class of effects of the synchronisation on or off. Hand all of them to `cosell_connector` as a map, " +
			"which checks their prerequisites and computes the start order. It has no remote object.\n\n**Permissions.** None: it is a declaration.\n\n" +
			"What a switched-off flow would do is not lost: it waits until the flow is switched on.\n\n" + flowTable(),
		Attributes: map[string]schema.Attribute{
			"id":  identifier("`<crm>/<name>`."),
			"crm": crmAttribute(document.Salesforce, document.Dynamics365),
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the flow, from the table above. Changing it makes another flow.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"enabled": schema.BoolAttribute{
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(true),
				MarkdownDescription: "Whether the flow runs. Default `true`.",
			},
			"requires": schema.ListAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Flows that must run before this one.",
			},
		},
	}
}

// ValidateConfig refuses names that the CRM does not have.
func (*syncFlow) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest, response *resource.ValidateConfigResponse) {
	var config syncFlowModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() || config.CRM.IsUnknown() || config.Name.IsUnknown() {
		return
	}
	crm := config.CRM.ValueString()
	if _, ok := findFlow(crm, config.Name.ValueString()); !ok {
		response.Diagnostics.AddAttributeError(path.Root("name"), "Sync flow is not known",
			fmt.Sprintf("There is no flow %q for %s. Use one of: %s.", config.Name.ValueString(), crm, strings.Join(flowNames(crm), ", ")))
	}
}

func (m *syncFlowModel) complete() {
	if m.CRM.IsUnknown() || m.Name.IsUnknown() {
		m.ID, m.Requires = types.StringUnknown(), types.ListUnknown(types.StringType)
		return
	}
	crm, name := m.CRM.ValueString(), m.Name.ValueString()
	known, _ := findFlow(crm, name) // an unknown name was refused before
	m.ID = types.StringValue(crm + "/" + name)
	m.Requires = textList(known.Requires)
}

func findFlow(crm, name string) (document.KnownFlow, bool) {
	flows := document.KnownFlows(crm)
	at := slices.IndexFunc(flows, func(f document.KnownFlow) bool { return f.Name == name })
	if at < 0 {
		return document.KnownFlow{}, false
	}
	return flows[at], true
}

func flowNames(crm string) []string {
	var names []string
	for _, f := range document.KnownFlows(crm) {
		names = append(names, f.Name)
	}
	return names
}

// flowTable documents every flow from the one table there is.
func flowTable() string {
	var table strings.Builder
	table.WriteString("In start order:\n\n| Flow | Does | Requires |\n|---|---|---|\n")
	for _, f := range document.KnownFlows(document.Dynamics365) { // has every flow, and some of its own
		does := f.Description
		if f.Only != "" {
			does += " (" + f.Only + " only)"
		}
		requires := slices.Clone(f.Requires)
		for i := range requires {
			requires[i] = "`" + requires[i] + "`"
		}
		if f.NeedsIntake {
			requires = append(requires, "an intake: `"+document.FlowWebhookRegistration+"`, or `intake = \"poll\"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", f.Name, does, strings.Join(requires, ", "))
	}
	return table.String()
}

func textList(texts []string) types.List {
	elements := make([]attr.Value, len(texts))
	for i, text := range texts {
		elements[i] = types.StringValue(text)
	}
	return types.ListValueMust(types.StringType, elements)
}
