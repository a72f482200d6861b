// Package document is the one contract between the provider and the agent.
//
// The provider's cosell_connector resource writes a [Document]; the agent reads it with [Decode]. It is canonical JSON
// (sorted keys, no insignificant whitespace) so that equal documents are equal bytes, it names every remote API name as
// data, and it carries no secret: credentials are [secret.Reference] values.
package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Version is the newest document version this code reads. The provider writes the lowest version that can express a
// document; there is only one so far.
const Version = 1

// The CRMs that a document can name.
const (
	Salesforce  = "salesforce"
	Dynamics365 = "dynamics365"
)

// How changes in Partner Center reach the agent.
const (
	IntakeWebhook = "webhook"
	IntakePoll    = "poll"
	IntakeBoth    = "both"
)

// Whether writes to Partner Center are sent ("live") or only computed and shown ("shadow").
const (
	WritesLive   = "live"
	WritesShadow = "shadow"
)

// Directions of a mapping row.
const (
	Inbound  = "inbound"  // Partner Center to CRM only
	Outbound = "outbound" // CRM to Partner Center only
	Both     = "both"
)

// Document declares one connector: one Partner Center tenant and one CRM organisation that are kept equal.
type Document struct {
	Version       int           `json:"version" jsonschema:"enum=1"`
	Connector     Connector     `json:"connector"`
	PartnerCenter PartnerCenter `json:"partner_center"`
	CRM           CRM           `json:"crm"`
	Flows         []Flow        `json:"flows" jsonschema:"description=In start order; the agent stops them in reverse."`
	Mappings      []Mapping     `json:"mappings"`
	Help          []Value       `json:"help" jsonschema:"description=How the CRM's picklist values name Partner Center's assistance request codes."`
	Sharing       Sharing       `json:"sharing"`
	Accounts      AccountMatch  `json:"account_match"`
	Schedule      Schedule      `json:"schedule"`
}

// Connector identifies the document. Name owns the agent's durable rows and never changes.
type Connector struct {
	Name        string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=64"`
	Environment string `json:"environment,omitempty"`
	Revision    int64  `json:"revision" jsonschema:"description=Counts changes of content; left out of the hash."`
}

// PartnerCenter holds the facts of the tenant. TenantID is a pin: the agent refuses credentials of another tenant.
type PartnerCenter struct {
	TenantID          string                   `json:"tenant_id"`
	PartnerID         string                   `json:"partner_id,omitempty"`
	Authority         string                   `json:"authority" jsonschema:"format=uri"`
	ReferralsEndpoint string                   `json:"referrals_endpoint" jsonschema:"format=uri"`
	EventsEndpoint    string                   `json:"events_endpoint" jsonschema:"format=uri"`
	Intake            string                   `json:"intake" jsonschema:"enum=webhook,enum=poll,enum=both"`
	Webhook           *Webhook                 `json:"webhook,omitempty"`
	Writes            string                   `json:"writes" jsonschema:"enum=live,enum=shadow"`
	Scope             *Scope                   `json:"scope,omitempty"`
	Credentials       PartnerCenterCredentials `json:"credentials"`
}

// Webhook says where the registration delivers and in which header the signature arrives.
type Webhook struct {
	URL             string `json:"url" jsonschema:"format=uri"`
	SignatureHeader string `json:"signature_header" jsonschema:"enum=authorization,enum=x-ms-signature"`
}

// Scope says which referrals are this connector's own. A referral must satisfy every part that is present.
type Scope struct {
	NamePrefix string   `json:"name_prefix,omitempty"`
	SolutionID string   `json:"solution_id,omitempty"`
	PartnerID  string   `json:"partner_id,omitempty" jsonschema:"description=The partner location (MPN id) that the referral names."`
	Referrals  []string `json:"referrals,omitempty" jsonschema:"description=Referral identifiers."`
}

// PartnerCenterCredentials names the application and where its secrets are kept.
type PartnerCenterCredentials struct {
	ClientID     string           `json:"client_id"`
	ClientSecret secret.Reference `json:"client_secret"`
	RefreshToken secret.Reference `json:"refresh_token"`
}

// CRM holds the facts of the CRM organisation.
type CRM struct {
	Type       string          `json:"type" jsonschema:"enum=salesforce,enum=dynamics365"`
	Salesforce *SalesforceOrg  `json:"salesforce,omitempty"`
	Dynamics   *Environment    `json:"dynamics365,omitempty"`
	Objects    map[string]Name `json:"objects" jsonschema:"description=API name by role."`
	Fields     map[string]Name `json:"fields" jsonschema:"description=API name by role."`
	Stages     Stages          `json:"stages"`
	Lead       *Lead           `json:"lead,omitempty" jsonschema:"description=Given where leads are records of the CRM; otherwise they stay in Partner Center."`
	Marks      bool            `json:"display_check_mark"`

	Language      string `json:"language,omitempty" jsonschema:"enum=en,enum=de,enum=ja,enum=zh-Hans,enum=it,description=Of what the agent writes into Audit and Sync Status; English when absent."`
	FallbackOwner string `json:"fallback_owner,omitempty" jsonschema:"description=User name or e-mail address of the user who owns received deals whose referral names no user of the organisation."`
}

// String names the organisation for a person.
func (c CRM) String() string {
	switch {
	case c.Salesforce != nil:
		return "Salesforce organisation " + c.Salesforce.OrgID
	case c.Dynamics != nil:
		return "Dynamics 365 organisation " + c.Dynamics.OrganizationID
	default:
		return "no organisation"
	}
}

// Name is an API name in the CRM.
type Name = string

// SalesforceOrg is the organisation. OrgID is a pin, 18 characters.
type SalesforceOrg struct {
	OrgID       string                `json:"org_id"`
	LoginURL    string                `json:"login_url" jsonschema:"format=uri"`
	APIVersion  string                `json:"api_version"`
	Credentials SalesforceCredentials `json:"credentials"`
	Push        *SalesforcePush       `json:"push,omitempty" jsonschema:"description=Given where changes come as change events; otherwise they are only polled for."`
}

// SalesforcePush subscribes to change events by the Pub/Sub API. Poll is the time between two polls while they come (a Go
// duration); when they do not come, the schedule's poll counts.
type SalesforcePush struct {
	Topic    string `json:"topic" jsonschema:"pattern=^/data/[A-Za-z0-9_]+$"`
	Endpoint string `json:"endpoint" jsonschema:"format=uri"`
	Poll     string `json:"poll"`
}

// SalesforceCredentials names the app: Username with PrivateKey (JWT bearer), or ClientSecret (client credentials).
type SalesforceCredentials struct {
	ClientID     string           `json:"client_id"`
	Username     string           `json:"username,omitempty"`
	PrivateKey   secret.Reference `json:"private_key,omitempty"`
	ClientSecret secret.Reference `json:"client_secret,omitempty"`
}

// Environment is a Dataverse environment with Dynamics 365 Sales. OrganizationID is a pin; the tenant is that of the environment, which
// may be another one than Partner Center's.
type Environment struct {
	OrganizationID string                 `json:"organization_id"`
	EnvironmentURL string                 `json:"environment_url" jsonschema:"format=uri"`
	TenantID       string                 `json:"tenant_id"`
	Authority      string                 `json:"authority" jsonschema:"format=uri"`
	APIVersion     string                 `json:"api_version"`
	Credentials    EnvironmentCredentials `json:"credentials"`
	Push           *EnvironmentPush       `json:"push,omitempty" jsonschema:"description=Given where a service endpoint of the environment tells of changes; otherwise they are only polled for."`
}

// EnvironmentPush receives what webhook steps tell at the address of their service endpoint, with the key in a header. Poll is the time
// between two polls while they come (a Go duration); when they do not come, the schedule's poll counts.
type EnvironmentPush struct {
	URL        string `json:"url" jsonschema:"format=uri"`
	HeaderName string `json:"header_name" jsonschema:"pattern=^[A-Za-z0-9-]+$"`
	Poll       string `json:"poll"`
}

// EnvironmentCredentials names the application of the environment's application user, with ClientSecret or Certificate (PEM, with its
// key). WebhookKey is what the service endpoint sends; it is needed where there is one.
type EnvironmentCredentials struct {
	ClientID     string           `json:"client_id"`
	ClientSecret secret.Reference `json:"client_secret,omitempty"`
	Certificate  secret.Reference `json:"certificate,omitempty"`
	WebhookKey   secret.Reference `json:"webhook_key,omitempty"`
}

// Stages names the pipeline stages that the agent writes, or what the CRM has in their place: Dynamics 365 has status reasons. Won and Lost empty: the first such stage of the organisation.
type Stages struct {
	OnHold string `json:"on_hold"`
	Active string `json:"active"`
	Won    string `json:"won,omitempty"`
	Lost   string `json:"lost,omitempty"`
}

// Flow switches a class of effects.
type Flow struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// Value pairs a CRM picklist value with the value that Partner Center knows.
type Value struct {
	CRM           string `json:"crm"`
	PartnerCenter string `json:"partner_center"`
}

// Sharing holds the rules of a first share. Durations are Go durations ("20s").
type Sharing struct {
	Delay             string `json:"delay"`
	DefaultCurrency   string `json:"default_currency,omitempty"`
	CoSellOnly        bool   `json:"co_sell_opportunities_only"`
	MarketplaceIntent string `json:"marketplace_intent"`
}

// AccountMatch says how a referral's customer finds its account, and what happens with none or several. What is equal to what
// stands in the provider's documentation of account_match.
type AccountMatch struct {
	Keys []string `json:"keys" jsonschema:"description=What must be equal: name always counts and postal_code by default."`
	None string   `json:"none" jsonschema:"enum=create,enum=queue"`
	Many string   `json:"many" jsonschema:"enum=queue"`
}

// Schedule holds intervals as Go durations, where the first sweep begins (RFC 3339; empty: when the agent starts), and the daily budget
// of CRM calls (0: none).
type Schedule struct {
	Poll       string `json:"poll"`
	Sweep      string `json:"sweep"`
	SweepFrom  string `json:"sweep_from,omitempty" jsonschema:"format=date-time,description=Where the first sweep of an empty store begins; later sweeps go on from the last one. Absent: when the agent starts."`
	DailyCalls int64  `json:"crm_daily_calls,omitempty"`
}

// Encode gives the canonical bytes of a valid document.
func Encode(d Document) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return canonical(d)
}

// canonical writes sorted keys without whitespace or HTML escapes.
func canonical(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Hash is the SHA-256 (hex) of the document's content: everything but the revision.
func Hash(d Document) (string, error) {
	d.Connector.Revision = 0
	content, err := Encode(d)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

// Decode reads a document strictly: unknown fields, unknown versions, trailing text and anything that [Document.Validate]
// refuses are errors (a [problem.Problem] with code DocumentVersion or DocumentInvalid).
func Decode(content []byte) (Document, error) {
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return Document{}, problem.Wrap(problem.DocumentInvalid, "agent document", err)
	}
	if head.Version == nil {
		return Document{}, problem.New(problem.DocumentInvalid, "agent document", "it has no version")
	}
	if *head.Version < 1 || *head.Version > Version {
		return Document{}, problem.New(problem.DocumentVersion, "agent document",
			fmt.Sprintf("version %d, this program reads 1 to %d", *head.Version, Version))
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	var d Document
	if err := decoder.Decode(&d); err != nil {
		return Document{}, problem.Wrap(problem.DocumentInvalid, "agent document", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Document{}, problem.New(problem.DocumentInvalid, "agent document", "there is text after its end")
	}
	if err := d.Validate(); err != nil {
		return Document{}, err
	}
	return d, nil
}

// Flow reports whether a flow is declared and enabled.
func (d Document) Flow(name string) bool {
	for _, f := range d.Flows {
		if f.Name == name {
			return f.Enabled
		}
	}
	return false
}
