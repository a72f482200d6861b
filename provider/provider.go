// Package provider is the Terraform side: it declares every integration piece of the co-sell synchronisation and
// computes the document that configures the agent.
package provider

import (
	"context"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/provider/connector"
	"github.com/cosell-sync/terraform-provider-cosell/provider/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/functions"
	"github.com/cosell-sync/terraform-provider-cosell/provider/operate"
	"github.com/cosell-sync/terraform-provider-cosell/provider/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
	"github.com/cosell-sync/terraform-provider-cosell/provider/salesforce"
)

// TypeName is the prefix of all resource types.
const TypeName = "cosell"

// Options are what tests replace. The zero value is the real thing.
type Options struct {
	LookupEnv func(name string) (string, bool) // default: the process environment
	Transport http.RoundTripper                // default: a transport of our own
	// Wait pauses between two tries of a refused operation; default: a timer.
	Wait func(context.Context, time.Duration) error
	// Alone makes every resource read and write by itself, so that a test can measure what sharing saves.
	Alone bool
	// Gather lets writes and publications come that can share a call, of which it is told how many wait; default: a short timer.
	Gather func(ctx context.Context, waiting func() int)
}

// New gives the provider's factory.
func New(version string, options Options) func() provider.Provider {
	if options.LookupEnv == nil {
		options.LookupEnv = os.LookupEnv
	}
	return func() provider.Provider { return &cosell{version: version, options: options} }
}

var (
	_ provider.ProviderWithActions       = (*cosell)(nil)
	_ provider.ProviderWithFunctions     = (*cosell)(nil)
	_ provider.ProviderWithListResources = (*cosell)(nil)
)

type cosell struct {
	version string
	options Options
}

type model struct {
	PartnerCenter types.Object `tfsdk:"partner_center"`
	Salesforce    types.Object `tfsdk:"salesforce"`
	Dataverse     types.Object `tfsdk:"dataverse"`
	Agent         types.Object `tfsdk:"agent"`
}

func (p *cosell) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName, response.Version = TypeName, p.version
}

func (p *cosell) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "Declares the pieces that keep Microsoft Partner Center co-sell referrals and a CRM's opportunities equal, " +
			"and computes the document that configures `cosell-agent`.",
		Attributes: map[string]schema.Attribute{
			blockPartnerCenter: block("The Partner Center tenant. Needed by `cosell_webhook_registration`, and by `cosell_connector` for the tenant's facts.", partnerCenterSettings),
			blockSalesforce:    block("The Salesforce organisation. Needed by the `cosell_salesforce_…` types, and by `cosell_connector` for the organisation's facts.", salesforceSettings),
			blockDataverse:     block("The Dataverse environment with Dynamics 365 Sales. Needed by the `cosell_dataverse_…` types and `cosell_power_automate_flow`, and by `cosell_connector` for the environment's facts.", dataverseSettings),
			blockAgent:         block("The agent that runs. Needed by `data.cosell_agent_status` and by the `cosell_agent_…` actions only.", agentSettings),
		},
	}
}

// Configure reads the settings and makes no call: clients are made by the first request that needs them.
func (p *cosell) Configure(ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse) {
	var config model
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	shared := remote.Config{Version: p.version, TerraformVersion: request.TerraformVersion, Transport: p.options.Transport, Wait: p.options.Wait, Alone: p.options.Alone, Gather: p.options.Gather}

	pc := p.read(path.Root(blockPartnerCenter), config.PartnerCenter, partnerCenterSettings)
	if pc.present {
		shared.PartnerCenter = &remote.PartnerCenterConfig{
			TenantID:          pc.value("tenant_id"),
			ClientID:          pc.value("client_id"),
			ClientSecret:      secret.New(pc.value("client_secret")),
			RefreshToken:      secret.New(pc.value("refresh_token")),
			PartnerID:         pc.value("partner_id"),
			Authority:         pc.value("authority"),
			ReferralsEndpoint: pc.value("referrals_endpoint"),
			EventsEndpoint:    pc.value("events_endpoint"),
			Unknown:           pc.unknown,
		}
	}
	sf := p.read(path.Root(blockSalesforce), config.Salesforce, salesforceSettings)
	if sf.present {
		shared.Salesforce = &remote.SalesforceConfig{
			LoginURL:       sf.value("login_url"),
			ClientID:       sf.value("client_id"),
			ClientSecret:   secret.New(sf.value("client_secret")),
			Username:       sf.value("username"),
			PrivateKey:     secret.New(sf.value("private_key")),
			PrivateKeyPath: sf.value("private_key_path"),
			APIVersion:     sf.value("api_version"),
			OrgID:          sf.value("org_id"),
			Unknown:        sf.unknown,
		}
	}
	dv := p.read(path.Root(blockDataverse), config.Dataverse, dataverseSettings)
	if dv.present {
		shared.Dataverse = &remote.DataverseConfig{
			EnvironmentURL:  dv.value("environment_url"),
			TenantID:        dv.value("tenant_id"),
			ClientID:        dv.value("client_id"),
			ClientSecret:    secret.New(dv.value("client_secret")),
			Certificate:     secret.New(dv.value("certificate")),
			CertificatePath: dv.value("certificate_path"),
			Authority:       dv.value("authority"),
			APIVersion:      dv.value("api_version"),
			OrganizationID:  dv.value("organization_id"),
			WebhookKey:      secret.New(dv.value("webhook_key")),
			Solution:        dv.value("solution"),
			Unknown:         dv.unknown,
		}
	}
	running := p.read(path.Root(blockAgent), config.Agent, agentSettings)
	if running.present {
		shared.Agent = &remote.AgentConfig{
			Address:   running.value("address"),
			Token:     secret.New(running.value("token")),
			TokenPath: running.value("token_path"),
			Unknown:   running.unknown,
		}
	}
	response.Diagnostics.Append(running.diagnostics...)
	response.Diagnostics.Append(pc.diagnostics...)
	response.Diagnostics.Append(dv.diagnostics...)
	response.Diagnostics.Append(sf.diagnostics...)
	if response.Diagnostics.HasError() {
		return
	}
	made := remote.New(shared)
	response.ResourceData, response.DataSourceData, response.ActionData, response.ListResourceData = made, made, made, made
}

func (p *cosell) Resources(context.Context) []func() resource.Resource {
	return slices.Concat(partnercenter.Resources(), salesforce.Resources(), dataverse.Resources(), connector.Resources())
}

func (p *cosell) DataSources(context.Context) []func() datasource.DataSource {
	return slices.Concat(partnercenter.DataSources(), salesforce.DataSources(), connector.DataSources(), operate.DataSources(), dataverse.DataSources())
}

// ListResources implements [provider.ProviderWithListResources].
func (p *cosell) ListResources(context.Context) []func() list.ListResource {
	return slices.Concat(partnercenter.ListResources(), salesforce.ListResources(), dataverse.ListResources(), connector.ListResources())
}

// Actions implements [provider.ProviderWithActions].
func (p *cosell) Actions(context.Context) []func() action.Action {
	return slices.Concat(partnercenter.Actions(), operate.Actions())
}

// Functions implements [provider.ProviderWithFunctions].
func (p *cosell) Functions(context.Context) []func() function.Function { return functions.All() }
