package connector

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var _ datasource.DataSourceWithConfigure = (*preflight)(nil)

// preflight is data.cosell_preflight.
type preflight struct{ remote *remote.Remote }

// DataSources lists the constructors of this package's data sources.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{newPreflight}
}

func newPreflight() datasource.DataSource { return &preflight{} }

// Metadata implements [datasource.DataSource].
func (*preflight) Metadata(_ context.Context, request datasource.MetadataRequest, response *datasource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_preflight"
}

// Configure implements [datasource.DataSourceWithConfigure].
func (p *preflight) Configure(_ context.Context, request datasource.ConfigureRequest, response *datasource.ConfigureResponse) {
	p.remote = remote.From(request.ProviderData, &response.Diagnostics)
}

type preflightModel struct {
	ID          types.String     `tfsdk:"id"`
	AgentConfig types.String     `tfsdk:"agent_config"`
	OK          bool             `tfsdk:"ok"`
	Checks      []checkModel     `tfsdk:"checks"`
	Findings    []preflightFinds `tfsdk:"findings"`
}

type checkModel struct {
	Name   string `tfsdk:"name"`
	Status string `tfsdk:"status"`
}

type preflightFinds struct {
	Check    string `tfsdk:"check"`
	Severity string `tfsdk:"severity"`
	Code     string `tfsdk:"code"`
	Object   string `tfsdk:"object"`
	Cause    string `tfsdk:"cause"`
	Detail   string `tfsdk:"detail"`
	Fix      string `tfsdk:"fix"`
}

// Severities of a finding.
const (
	severityError   = "error"
	severityWarning = "warning"
)

// Schema implements [datasource.DataSource].
func (*preflight) Schema(_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	response.Schema = schema.Schema{
		MarkdownDescription: preflightDescription + preflightTable() + preflightPermissions,
		Attributes: map[string]schema.Attribute{
			"id": text("Names the accounts that were looked at."),
			"agent_config": schema.StringAttribute{Optional: true, MarkdownDescription: "Document of a connector, `cosell_connector.….agent_config`: what it names is " +
				"looked for as well. Without it, what the example installation needs by its default names is looked for."},
			"ok": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether no finding is an error."},
			"checks": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "What was looked at.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":   text("Name of the check."),
				"status": text("`passed`, `failed` (it has a finding), or `skipped` (its system is not configured, or something that it needs has failed)."),
			}}},
			"findings": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "What is not as it should be.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"check":    text("Name of the check."),
				"severity": text("`error`, or `warning` for what may be right."),
				"code":     text("Code of the problem, see the guide *Problems*."),
				"object":   text("What it is about."),
				"cause":    text("What is the matter."),
				"detail":   text("What was found."),
				"fix":      text("What to do."),
			}}},
		},
	}
}

// Read implements [datasource.DataSource]. A system that cannot be reached is a finding; nothing of what is looked at fails
// the data source itself.
func (p *preflight) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var model preflightModel
	response.Diagnostics.Append(request.Config.GetAttribute(ctx, path.Root("agent_config"), &model.AgentConfig)...)
	if response.Diagnostics.HasError() {
		return
	}
	run := &preflightRun{connector: &connector{remote: p.remote}, status: map[string]string{}}
	if encoded := model.AgentConfig.ValueString(); encoded != "" {
		d, err := document.Decode([]byte(encoded))
		if err != nil {
			response.Diagnostics.AddAttributeError(path.Root("agent_config"), "Document cannot be read", remote.Detail(err))
			return
		}
		run.document = &d
	}
	for _, check := range preflightChecks {
		run.look(ctx, check)
	}
	model.ID, model.OK = types.StringValue(run.accounts()), true
	model.Checks, model.Findings = []checkModel{}, []preflightFinds{}
	for _, check := range preflightChecks {
		model.Checks = append(model.Checks, checkModel{check.name, run.status[check.name]})
	}
	for _, f := range run.findings {
		model.OK = model.OK && f.severity != severityError
		entry, _ := problem.English.Entry(f.code)
		model.Findings = append(model.Findings, preflightFinds{f.check, f.severity, string(f.code), f.object, entry.Cause, f.detail, entry.Fix})
	}
	response.Diagnostics.Append(response.State.Set(ctx, &model)...)
}

func (r *preflightRun) accounts() string {
	id := ""
	if pc := r.remote.PartnerCenterConfig(); pc != nil {
		id = pc.TenantID
	}
	if sf := r.remote.SalesforceConfig(); sf != nil {
		id += "/" + sf.OrgID
	}
	return id
}
