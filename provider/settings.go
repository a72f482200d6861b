package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

const (
	blockPartnerCenter = "partner_center"
	blockSalesforce    = "salesforce"
	blockDataverse     = "dataverse"
	blockAgent         = "agent"
)

// setting is one row of a block: the attribute, the variable that stands in for it, and what it means.
type setting struct {
	attribute   string
	variable    string
	description string
	sensitive   bool
	check       func(string) error // nil: any text
}

var partnerCenterSettings = []setting{
	{attribute: "tenant_id", variable: "COSELL_PARTNER_CENTER_TENANT_ID", description: "Microsoft Entra tenant of the Partner Center account. It is also a pin: no other tenant is ever called."},
	{attribute: "client_id", variable: "COSELL_PARTNER_CENTER_CLIENT_ID", description: "Application (client) id of the Entra application."},
	{attribute: "client_secret", variable: "COSELL_PARTNER_CENTER_CLIENT_SECRET", description: "Secret of the Entra application.", sensitive: true},
	{attribute: "refresh_token", variable: "COSELL_PARTNER_CENTER_REFRESH_TOKEN", description: "Refresh token of a user with the role Referrals admin. Webhooks do without it.", sensitive: true},
	{attribute: "partner_id", variable: "COSELL_PARTNER_CENTER_PARTNER_ID", description: "PartnerID (formerly MPN id) of the location that co-sells."},
	{attribute: "authority", variable: "COSELL_PARTNER_CENTER_AUTHORITY", description: "Identity service, default `https://login.microsoftonline.com`.", check: document.CheckEndpoint},
	{attribute: "referrals_endpoint", variable: "COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT", description: "Address of the referrals API up to and without `/referrals`.", check: document.CheckEndpoint},
	{attribute: "events_endpoint", variable: "COSELL_PARTNER_CENTER_EVENTS_ENDPOINT", description: "Address of the webhooks API up to and without `/webhooks/v1`.", check: document.CheckEndpoint},
}

var salesforceSettings = []setting{
	{attribute: "login_url", variable: "COSELL_SALESFORCE_LOGIN_URL", description: "Login address: `https://login.salesforce.com` (default), `https://test.salesforce.com`, or the organisation's My Domain, which the client credentials flow requires.", check: document.CheckEndpoint},
	{attribute: "client_id", variable: "COSELL_SALESFORCE_CLIENT_ID", description: "Consumer key of the External Client App or connected app."},
	{attribute: "client_secret", variable: "COSELL_SALESFORCE_CLIENT_SECRET", description: "Consumer secret, for the client credentials flow.", sensitive: true},
	{attribute: "username", variable: "COSELL_SALESFORCE_USERNAME", description: "User of the JWT bearer flow."},
	{attribute: "private_key", variable: "COSELL_SALESFORCE_PRIVATE_KEY", description: "Private key of the JWT bearer flow, PEM.", sensitive: true},
	{attribute: "private_key_path", variable: "COSELL_SALESFORCE_PRIVATE_KEY_FILE", description: "File that holds the private key, instead of `private_key`."},
	{attribute: "api_version", variable: "COSELL_SALESFORCE_API_VERSION", description: "API version, default `66.0`."},
	{attribute: "org_id", variable: "COSELL_SALESFORCE_ORG_ID", description: "Organisation id, 15 or 18 characters. A pin: when the credentials lead to another organisation, nothing is read or written."},
}

var dataverseSettings = []setting{
	{attribute: "environment_url", variable: "COSELL_DATAVERSE_URL", description: "Address of the environment, such as `https://contoso.crm4.dynamics.com`.", check: document.CheckEndpoint},
	{attribute: "tenant_id", variable: "COSELL_DATAVERSE_TENANT_ID", description: "Microsoft Entra tenant of the environment: its GUID or a domain. It may be another one than Partner Center's."},
	{attribute: "client_id", variable: "COSELL_DATAVERSE_CLIENT_ID", description: "Application (client) id of the Entra application that is an application user of the environment."},
	{attribute: "client_secret", variable: "COSELL_DATAVERSE_CLIENT_SECRET", description: "Secret of the application. Not used where a certificate is given.", sensitive: true},
	{attribute: "certificate", variable: "COSELL_DATAVERSE_CERTIFICATE", description: "Certificate of the application and its RSA key without passphrase, both PEM in one text.", sensitive: true},
	{attribute: "certificate_path", variable: "COSELL_DATAVERSE_CERTIFICATE_FILE", description: "File that holds the certificate and the key, instead of `certificate`."},
	{attribute: "authority", variable: "COSELL_DATAVERSE_AUTHORITY", description: "Identity service, default `https://login.microsoftonline.com`. Sovereign clouds have their own.", check: document.CheckEndpoint},
	{attribute: "api_version", variable: "COSELL_DATAVERSE_API_VERSION", description: "Version of the Web API, default `9.2`."},
	{attribute: "organization_id", variable: "COSELL_DATAVERSE_ORGANIZATION_ID", description: "Organisation id of the environment, a GUID. A pin: when the credentials lead to another organisation, nothing is read or written."},
	{attribute: "webhook_key", variable: "COSELL_DATAVERSE_WEBHOOK_KEY", description: "Value of the header by which the receiver knows deliveries of `cosell_dataverse_change_events` with a `webhook`.", sensitive: true},
	{attribute: "solution", variable: "COSELL_DATAVERSE_SOLUTION", description: "Unique name of the unmanaged solution that components belong to whose resource names none. Without either they are in the default solution."},
}

var agentSettings = []setting{
	{attribute: "address", variable: "COSELL_AGENT_ADDRESS", description: "Admin address of the agent: `http://127.0.0.1:8081`, `https://agent.example.com:8081` (plain http for this machine only), or `unix:/run/cosell/agent.sock`.", check: remote.CheckAgentAddress},
	{attribute: "token", variable: "COSELL_AGENT_TOKEN", description: "Token of the agent's admin API; a socket needs none.", sensitive: true},
	{attribute: "token_path", variable: "COSELL_AGENT_TOKEN_FILE", description: "File that holds the token, instead of `token`."},
}

func block(description string, settings []setting) schema.SingleNestedAttribute {
	attributes := map[string]schema.Attribute{}
	for _, s := range settings {
		attributes[s.attribute] = schema.StringAttribute{
			Optional:            true,
			Sensitive:           s.sensitive,
			MarkdownDescription: fmt.Sprintf("%s Environment: `%s`.", s.description, s.variable),
		}
	}
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: description, Attributes: attributes}
}

// values is what a block and the environment say together.
type values struct {
	text        map[string]string
	present     bool // something is set
	unknown     bool // something has no value before apply
	diagnostics diag.Diagnostics
}

func (v values) value(attribute string) string { return v.text[attribute] }

// read takes each setting from the block, else from the environment. An unknown value never falls back silently: that
// could reach another account than the one meant.
func (p *cosell) read(at path.Path, block types.Object, settings []setting) values {
	found := values{text: map[string]string{}, present: !block.IsNull(), unknown: block.IsUnknown()}
	for _, s := range settings {
		configured, _ := block.Attributes()[s.attribute].(types.String)
		text := configured.ValueString()
		switch {
		case configured.IsUnknown():
			found.unknown = true
			continue
		case text == "":
			text, _ = p.options.LookupEnv(s.variable)
		}
		if text == "" {
			continue
		}
		found.text[s.attribute], found.present = text, true
		if s.check == nil {
			continue
		}
		if err := s.check(text); err != nil {
			found.diagnostics.AddAttributeError(at.AtName(s.attribute), "Provider setting is not valid",
				fmt.Sprintf("%s.%s (or %s): %s.", at, s.attribute, s.variable, err))
		}
	}
	if found.unknown {
		found.diagnostics.AddAttributeWarning(at, "Provider setting is not known before apply",
			fmt.Sprintf("The block %s depends on something that this plan makes. What it declares cannot be compared with the live system until apply.", at))
	}
	return found
}
