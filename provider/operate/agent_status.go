package operate

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var _ datasource.DataSourceWithConfigure = (*agentStatus)(nil)

// agentStatus is data.cosell_agent_status.
type agentStatus struct{ remote *remote.Remote }

// NewAgentStatus makes the data source cosell_agent_status.
func NewAgentStatus() datasource.DataSource { return new(agentStatus) }

// Metadata implements [datasource.DataSource].
func (d *agentStatus) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_agent_status"
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *agentStatus) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

type statusModel struct {
	ID          types.String   `tfsdk:"id"`
	Connector   types.String   `tfsdk:"connector"`
	Version     string         `tfsdk:"version"`
	Running     bool           `tfsdk:"running"`
	Connected   bool           `tfsdk:"connected"`
	Trouble     string         `tfsdk:"trouble"`
	Environment string         `tfsdk:"environment"`
	Revision    int64          `tfsdk:"revision"`
	SHA256      string         `tfsdk:"agent_config_sha256"`
	Intake      string         `tfsdk:"intake"`
	Writes      string         `tfsdk:"partner_center_writes"`
	Paused      bool           `tfsdk:"paused"`
	PauseReason string         `tfsdk:"pause_reason"`
	LastWebhook string         `tfsdk:"last_webhook_at"`
	Deals       dealsModel     `tfsdk:"deals"`
	Feeds       []feedModel    `tfsdk:"feeds"`
	Problems    []problemModel `tfsdk:"problems"`
}

type dealsModel struct {
	Linked  int64  `tfsdk:"linked"`
	Due     int64  `tfsdk:"due"`
	Working int64  `tfsdk:"working"`
	Parked  int64  `tfsdk:"parked"`
	Gated   int64  `tfsdk:"gated"`
	Stopped int64  `tfsdk:"stopped"`
	Overdue string `tfsdk:"overdue"`
}

type feedModel struct {
	Name     string `tfsdk:"name"`
	PassedAt string `tfsdk:"passed_at"`
	Behind   bool   `tfsdk:"behind"`
	Error    string `tfsdk:"error"`
}

type problemModel struct {
	State string `tfsdk:"state"`
	Code  string `tfsdk:"code"`
	Flow  string `tfsdk:"flow"`
	Deals int64  `tfsdk:"deals"`
	Cause string `tfsdk:"cause"`
	Fix   string `tfsdk:"fix"`
}

const statusDescription = "What a running agent does, asked of its admin API.\n\n" +
	"Its `agent_config_sha256` is the hash of the document in force. A `check` block that compares it with the `agent_config_sha256` of " +
	"`cosell_connector` tells that an apply has not reached the agent yet. The data source fails when no agent answers; inside of a `check` " +
	"block that is a warning.\n\nThe agent's address and token stand in the provider's `agent` block.\n\n" +
	"**Permissions.** The token of the agent's admin API, or being the user who owns its socket."

// Schema implements [datasource.DataSource].
func (d *agentStatus) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: statusDescription,
		Attributes: map[string]schema.Attribute{
			"id":                    text("Name of the connector."),
			"connector":             schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Name of the connector; may be left out where the agent runs one only."},
			"version":               text("Version of the agent."),
			"running":               flag("Whether the agent works on this connector."),
			"connected":             flag("Whether it has reached both systems."),
			"trouble":               text("Why it has not; empty when it has."),
			"environment":           text("Environment that the document in force names."),
			"revision":              number("Revision of the document in force."),
			"agent_config_sha256":   text("Hash of the document in force, as `cosell_connector` computes it."),
			"intake":                text("How changes in Partner Center arrive: `webhook`, `poll` or `both`."),
			"partner_center_writes": text("`live`, or `shadow` where writes are computed only."),
			"paused":                flag("Whether an operator has paused the connector."),
			"pause_reason":          text("Why; empty when it is not paused."),
			"last_webhook_at":       text("When the last webhook arrived, RFC 3339; empty when none did."),
			"deals": schema.SingleNestedAttribute{Computed: true, MarkdownDescription: "How many deals are in which state.", Attributes: map[string]schema.Attribute{
				"linked":  number("Deals that exist on both sides."),
				"due":     number("Deals that wait for their turn."),
				"working": number("Deals that are under way."),
				"parked":  number("Deals that need a person."),
				"gated":   number("Deals that wait for a flow that is off."),
				"stopped": number("Deals that an operator stopped."),
				"overdue": text("How long the oldest due deal has waited, for example `3s`; empty when none is late."),
			}},
			"feeds": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "The change feeds that it reads.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":      text("Name of the feed."),
				"passed_at": text("When it was last read through, RFC 3339; empty when it never was."),
				"behind":    flag("Whether that is longer ago than it should be."),
				"error":     text("Why the last reading failed; empty when it did not."),
			}}},
			"problems": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "Why deals wait, with what to do.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"state": text("State of these deals."),
				"code":  text("Code of the problem, see the guide *Problems*."),
				"flow":  text("The flow that is off, for deals that wait for one."),
				"deals": number("How many deals."),
				"cause": text("What is the matter."),
				"fix":   text("What to do."),
			}}},
		},
	}
}

func text(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func flag(description string) schema.BoolAttribute {
	return schema.BoolAttribute{Computed: true, MarkdownDescription: description}
}

func number(description string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
}

// Read implements [datasource.DataSource].
func (d *agentStatus) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, connectorPath, &name)...)
	if resp.Diagnostics.HasError() {
		return
	}
	status, err := d.ask(ctx, name.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("Agent's status could not be read", detail(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, modelOf(status))...)
}

func (d *agentStatus) ask(ctx context.Context, name string) (admin.Status, error) {
	client, err := d.remote.Agent()
	if err != nil {
		return admin.Status{}, err
	}
	if name, err = chosen(ctx, client, name); err != nil {
		return admin.Status{}, err
	}
	return client.Status(ctx, name)
}

func modelOf(s admin.Status) *statusModel {
	m := &statusModel{
		ID: types.StringValue(s.Connector), Connector: types.StringValue(s.Connector), Version: s.Version, Running: s.Running, Connected: s.Connected,
		Trouble: s.Trouble, Environment: s.Environment, Revision: s.Revision, SHA256: s.SHA256, Intake: s.Intake, Writes: s.Writes,
		LastWebhook: s.LastWebhook, Feeds: []feedModel{}, Problems: []problemModel{},
	}
	c := s.Counts
	m.Deals = dealsModel{int64(c.Linked), int64(c.Due), int64(c.Working), int64(c.Parked), int64(c.Gated), int64(c.Stopped), c.Overdue}
	if s.Paused != nil {
		m.Paused, m.PauseReason = true, s.Paused.Reason
	}
	for _, f := range s.Feeds {
		m.Feeds = append(m.Feeds, feedModel{f.Name, f.Passed, f.Behind, f.Error})
	}
	for _, p := range s.Problems {
		m.Problems = append(m.Problems, problemModel{p.State, p.Code, p.Flow, int64(p.Deals), p.Cause, p.Fix})
	}
	return m
}
