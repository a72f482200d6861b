package connector

import (
	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// connectorModel is a whole cosell_connector. It is read only when all inputs are known, so they are plain values; a nil
// pointer is null.
type connectorModel struct {
	ID                   types.String                 `tfsdk:"id"`
	Name                 string                       `tfsdk:"name"`
	CRM                  string                       `tfsdk:"crm"`
	Environment          *string                      `tfsdk:"environment"`
	PartnerID            *string                      `tfsdk:"partner_id"`
	Intake               string                       `tfsdk:"intake"`
	Webhook              *webhookModel                `tfsdk:"webhook"`
	ReferralScope        *scopeModel                  `tfsdk:"referral_scope"`
	PartnerCenterWrites  string                       `tfsdk:"partner_center_writes"`
	SyncDelay            string                       `tfsdk:"sync_delay"`
	DefaultCurrency      *string                      `tfsdk:"default_currency"`
	MarketplaceIntent    string                       `tfsdk:"marketplace_intent"`
	SyncFlows            map[string]flowModel         `tfsdk:"sync_flows"`
	WithoutFlows         []string                     `tfsdk:"without_flows"`
	EnvironmentVariables map[string]variableModel     `tfsdk:"environment_variables"`
	FieldMappings        map[string]fieldMappingModel `tfsdk:"field_mappings"`
	Objects              map[string]string            `tfsdk:"objects"`
	Fields               map[string]string            `tfsdk:"fields"`
	Stages               *stagesModel                 `tfsdk:"stages"`
	AccountMatch         *accountMatchModel           `tfsdk:"account_match"`
	FallbackOwner        *string                      `tfsdk:"fallback_owner"`
	Language             string                       `tfsdk:"language"`
	Schedule             *scheduleModel               `tfsdk:"schedule"`
	Push                 *pushModel                   `tfsdk:"push"`
	Budgets              *budgetsModel                `tfsdk:"budgets"`
	Pins                 *pinsModel                   `tfsdk:"pins"`
	Credentials          credentialsModel             `tfsdk:"credentials"`
	AgentConfig          jsontypes.Normalized         `tfsdk:"agent_config"`
	AgentConfigSHA256    types.String                 `tfsdk:"agent_config_sha256"`
	Revision             types.Int64                  `tfsdk:"revision"`
	StartOrder           types.List                   `tfsdk:"start_order"`
}

// computed are the attributes that follow from all others.
var computed = map[string]bool{"id": true, "agent_config": true, "agent_config_sha256": true, "revision": true, "start_order": true}

type webhookModel struct {
	URL             string  `tfsdk:"url"`
	SignatureHeader *string `tfsdk:"signature_header"`
}

type scopeModel struct {
	NamePrefix *string  `tfsdk:"name_prefix"`
	SolutionID *string  `tfsdk:"solution_id"`
	PartnerID  *string  `tfsdk:"partner_id"`
	Referrals  []string `tfsdk:"referrals"`
}

type flowModel struct {
	CRM     string `tfsdk:"crm"`
	Name    string `tfsdk:"name"`
	Enabled bool   `tfsdk:"enabled"`
}

type variableModel struct {
	CRM            string `tfsdk:"crm"`
	Name           string `tfsdk:"name"`
	EffectiveValue string `tfsdk:"effective_value"`
}

type fieldMappingModel struct {
	CRM      string                  `tfsdk:"crm"`
	Name     string                  `tfsdk:"name"`
	Mappings map[string]mappingModel `tfsdk:"mappings"`
}

type stagesModel struct {
	OnHold *string `tfsdk:"on_hold"`
	Active *string `tfsdk:"active"`
	Won    *string `tfsdk:"won"`
	Lost   *string `tfsdk:"lost"`
}

type accountMatchModel struct {
	Keys []string `tfsdk:"keys"`
	None *string  `tfsdk:"none"`
	Many *string  `tfsdk:"many"`
}

type scheduleModel struct {
	Poll  *string `tfsdk:"poll"`
	Sweep *string `tfsdk:"sweep"`
	From  *string `tfsdk:"sweep_from"`
}

type pushModel struct {
	Topic    *string `tfsdk:"topic"`
	Endpoint *string `tfsdk:"endpoint"`
	Poll     *string `tfsdk:"poll"`

	URL        *string `tfsdk:"url"`
	HeaderName *string `tfsdk:"header_name"`
}

type budgetsModel struct {
	CRMDailyCalls *int64 `tfsdk:"crm_daily_calls"`
}

type pinsModel struct {
	TenantID *string `tfsdk:"tenant_id"`
	OrgID    *string `tfsdk:"org_id"`

	OrganizationID *string `tfsdk:"organization_id"`
}

type credentialsModel struct {
	PartnerCenter partnerCenterCredentials `tfsdk:"partner_center"`
	Salesforce    *salesforceCredentials   `tfsdk:"salesforce"`
	Dataverse     *dataverseCredentials    `tfsdk:"dataverse"`
}

type partnerCenterCredentials struct {
	ClientID     *string `tfsdk:"client_id"`
	ClientSecret string  `tfsdk:"client_secret"`
	RefreshToken string  `tfsdk:"refresh_token"`
}

type salesforceCredentials struct {
	ClientID     *string `tfsdk:"client_id"`
	Username     *string `tfsdk:"username"`
	PrivateKey   *string `tfsdk:"private_key"`
	ClientSecret *string `tfsdk:"client_secret"`
}

type dataverseCredentials struct {
	ClientID     *string `tfsdk:"client_id"`
	ClientSecret *string `tfsdk:"client_secret"`
	Certificate  *string `tfsdk:"certificate"`
	WebhookKey   *string `tfsdk:"webhook_key"`
}

// text gives a string or, for null, the fallback.
func text(value *string, fallback string) string {
	if value == nil {
		return fallback
	}
	return *value
}
