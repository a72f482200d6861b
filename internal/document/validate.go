package document

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

var (
	connectorName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)
	orgID         = regexp.MustCompile(`^00D[A-Za-z0-9]{15}$`)
	apiVersion    = regexp.MustCompile(`^[1-9]\d\.0$`)
	guid          = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	webAPIVersion = regexp.MustCompile(`^9\.\d$`)
)

// Validate tells everything that is wrong with a document, as one problem with code DocumentInvalid; nil when it is sound.
func (d Document) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	oneOf := func(where, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			fault("%s: %q is not one of %q", where, value, allowed)
		}
	}
	duration := func(where, value string, least time.Duration) {
		if parsed, err := time.ParseDuration(value); err != nil || parsed < least {
			fault("%s: %q is not a duration of %s or more", where, value, least)
		}
	}
	reference := func(where string, ref secret.Reference) {
		if _, err := secret.ParseReference(string(ref)); err != nil {
			fault("%s: %w", where, err)
		}
	}
	if !connectorName.MatchString(d.Connector.Name) {
		fault("connector.name: %q is not made of lower-case letters, digits and hyphens (at most 64)", d.Connector.Name)
	}
	pc := d.PartnerCenter
	if pc.TenantID == "" {
		fault("partner_center.tenant_id: it is missing, and without the pin the agent starts nothing")
	}
	for where, address := range map[string]string{"authority": pc.Authority, "referrals_endpoint": pc.ReferralsEndpoint, "events_endpoint": pc.EventsEndpoint} {
		if err := CheckEndpoint(address); err != nil {
			fault("partner_center.%s: %w", where, err)
		}
	}
	oneOf("partner_center.intake", pc.Intake, IntakeWebhook, IntakePoll, IntakeBoth)
	oneOf("partner_center.writes", pc.Writes, WritesLive, WritesShadow)
	if pc.Intake != IntakePoll && pc.Webhook == nil {
		fault("partner_center.webhook: intake %q needs it", pc.Intake)
	}
	if pc.Webhook != nil {
		oneOf("partner_center.webhook.signature_header", pc.Webhook.SignatureHeader, "authorization", "x-ms-signature")
		if address, err := url.Parse(pc.Webhook.URL); err != nil || address.Host == "" || len(address.Path) < 2 {
			fault("partner_center.webhook.url: %q is not an address with a path of its own", pc.Webhook.URL)
		}
	}
	if pc.Webhook != nil && d.CRM.Dynamics != nil && d.CRM.Dynamics.Push != nil && samePath(pc.Webhook.URL, d.CRM.Dynamics.Push.URL) {
		fault("crm.dynamics365.push.url: its path is that of partner_center.webhook.url; each needs a path of its own")
	}
	reference("partner_center.credentials.client_secret", pc.Credentials.ClientSecret)
	reference("partner_center.credentials.refresh_token", pc.Credentials.RefreshToken)
	faults = append(faults, d.CRM.faults()...)
	faults = append(faults, d.flowFaults()...)
	if d.Flow(FlowLeadsToPartnerCenter) && d.CRM.Lead == nil {
		fault("crm.lead: flow %s needs it", FlowLeadsToPartnerCenter)
	}
	faults = append(faults, d.mappingFaults()...)
	duration("sharing.delay", d.Sharing.Delay, 0)
	duration("schedule.poll", d.Schedule.Poll, 100*time.Millisecond)
	duration("schedule.sweep", d.Schedule.Sweep, 100*time.Millisecond)
	if from := d.Schedule.SweepFrom; from != "" {
		if _, err := time.Parse(time.RFC3339, from); err != nil {
			fault("schedule.sweep_from: %q is not a time with its zone, such as 2026-03-31T17:00:00Z (RFC 3339)", from)
		}
	}
	oneOf("account_match.none", d.Accounts.None, "create", "queue")
	oneOf("account_match.many", d.Accounts.Many, "queue")
	if !slices.Contains(d.Accounts.Keys, "name") {
		fault("account_match.keys: name is always one of them")
	}
	for _, key := range d.Accounts.Keys {
		oneOf("account_match.keys", key, "name", "postal_code")
	}
	if len(faults) == 0 {
		return nil
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problem.Wrap(problem.DocumentInvalid, "agent document of connector "+d.Connector.Name, errors.Join(faults...))
}

func samePath(a, b string) bool {
	first, err := url.Parse(a)
	if err != nil {
		return false
	}
	second, err := url.Parse(b)
	return err == nil && first.EscapedPath() == second.EscapedPath()
}

func (c CRM) faults() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case c.Type == Salesforce && c.Salesforce != nil && c.Dynamics == nil:
		faults = c.Salesforce.faults()
	case c.Type == Dynamics365 && c.Dynamics != nil && c.Salesforce == nil:
		faults = c.Dynamics.faults()
		for _, role := range dynamicsRequired {
			if c.Fields[role] == "" {
				fault("crm.fields.%s: it is missing", role)
			}
		}
	default:
		fault("crm.type: %q is not a CRM that document version %d can express; it takes %q or %q, with the block of that name alone", c.Type, Version, Salesforce, Dynamics365)
		return faults
	}
	if !problem.KnownLanguage(c.Language) {
		fault("crm.language: %q is not one of %q", c.Language, problem.Languages())
	}
	for _, role := range RequiredFields {
		if c.Fields[role] == "" {
			fault("crm.fields.%s: it is missing", role)
		}
	}
	faults = append(faults, c.leadFaults()...)
	for role := range DefaultObjects(c.Type) {
		if c.Objects[role] == "" {
			fault("crm.objects.%s: it is missing", role)
		}
	}
	if c.Stages.OnHold == "" || c.Stages.Active == "" || c.Stages.OnHold == c.Stages.Active {
		fault("crm.stages: on_hold and active must be two different stages")
	}
	return faults
}

func (org SalesforceOrg) faults() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !orgID.MatchString(org.OrgID) {
		fault("crm.salesforce.org_id: %q is not an organisation id of 18 characters, and without the pin the agent starts nothing", org.OrgID)
	}
	if err := CheckEndpoint(org.LoginURL); err != nil {
		fault("crm.salesforce.login_url: %w", err)
	}
	if !apiVersion.MatchString(org.APIVersion) {
		fault("crm.salesforce.api_version: %q is not of the form 66.0", org.APIVersion)
	}
	credentials := org.Credentials
	if credentials.ClientID == "" {
		fault("crm.salesforce.credentials.client_id: it is missing")
	}
	switch {
	case credentials.Username != "" && credentials.PrivateKey != "" && credentials.ClientSecret == "":
		if _, err := secret.ParseReference(string(credentials.PrivateKey)); err != nil {
			fault("crm.salesforce.credentials.private_key: %w", err)
		}
	case credentials.ClientSecret != "" && credentials.PrivateKey == "":
		if _, err := secret.ParseReference(string(credentials.ClientSecret)); err != nil {
			fault("crm.salesforce.credentials.client_secret: %w", err)
		}
	default:
		fault("crm.salesforce.credentials: give username with private_key, or client_secret alone")
	}
	if push := org.Push; push != nil {
		faults = append(faults, push.faults()...)
	}
	return faults
}

// dynamicsRequired are the roles that a document of Dynamics 365 needs beside RequiredFields.
var dynamicsRequired = []string{FieldSolutionOpportunity, FieldSolutionDetail, FieldDetailIdentifier, FieldRoleOpportunity, FieldRoleContact}

func (e Environment) faults() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !guid.MatchString(e.OrganizationID) {
		fault("crm.dynamics365.organization_id: %q is not a GUID in lower case, and without the pin the agent starts nothing", e.OrganizationID)
	}
	if err := CheckEndpoint(e.EnvironmentURL); err != nil {
		fault("crm.dynamics365.environment_url: %w", err)
	}
	if err := CheckEndpoint(e.Authority); err != nil {
		fault("crm.dynamics365.authority: %w", err)
	}
	if e.TenantID == "" {
		fault("crm.dynamics365.tenant_id: it is missing")
	}
	if !webAPIVersion.MatchString(e.APIVersion) {
		fault("crm.dynamics365.api_version: %q is not of the form 9.2", e.APIVersion)
	}
	if e.Credentials.ClientID == "" {
		fault("crm.dynamics365.credentials.client_id: it is missing")
	}
	given := map[string]secret.Reference{"client_secret": e.Credentials.ClientSecret, "certificate": e.Credentials.Certificate}
	if (given["client_secret"] == "") == (given["certificate"] == "") {
		fault("crm.dynamics365.credentials: give either client_secret or certificate")
	}
	given["webhook_key"] = e.Credentials.WebhookKey
	for name, reference := range given {
		if _, err := secret.ParseReference(string(reference)); err != nil && reference != "" {
			fault("crm.dynamics365.credentials.%s: %w", name, err)
		}
	}
	if e.Push != nil {
		faults = append(faults, e.Push.faults()...)
		if e.Credentials.WebhookKey == "" {
			fault("crm.dynamics365.credentials.webhook_key: push needs it, because everybody can call the address")
		}
	}
	return faults
}

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	// takenHeaders carry something else with a delivery of Dataverse's.
	takenHeaders = regexp.MustCompile(`(?i)^(authorization|connection|content-.*|cookie|host|transfer-encoding|user-agent|x-ms-.*)$`)
)

func (p EnvironmentPush) faults() []error {
	var faults []error
	if err := CheckEndpoint(p.URL); err != nil {
		faults = append(faults, fmt.Errorf("crm.dynamics365.push.url: %w", err))
	} else if address, err := url.Parse(p.URL); err != nil || len(address.Path) < 2 {
		faults = append(faults, fmt.Errorf("crm.dynamics365.push.url: %q is not an address with a path of its own", p.URL))
	}
	if !headerName.MatchString(p.HeaderName) || takenHeaders.MatchString(p.HeaderName) {
		faults = append(faults, fmt.Errorf("crm.dynamics365.push.header_name: %q is not the name of a header that can carry the key, such as x-cosell-key", p.HeaderName))
	}
	if poll, err := time.ParseDuration(p.Poll); err != nil || poll < time.Second {
		faults = append(faults, fmt.Errorf("crm.dynamics365.push.poll: %q is not a duration of 1s or more", p.Poll))
	}
	return faults
}

var eventTopic = regexp.MustCompile(`^/data/[A-Za-z0-9_]+$`)

func (p SalesforcePush) faults() []error {
	var faults []error
	if !eventTopic.MatchString(p.Topic) {
		faults = append(faults, fmt.Errorf("crm.salesforce.push.topic: %q is not a topic of change events, such as /data/ChangeEvents", p.Topic))
	}
	if err := CheckEndpoint(p.Endpoint); err != nil {
		faults = append(faults, fmt.Errorf("crm.salesforce.push.endpoint: %w", err))
	}
	if poll, err := time.ParseDuration(p.Poll); err != nil || poll < time.Second {
		faults = append(faults, fmt.Errorf("crm.salesforce.push.poll: %q is not a duration of 1s or more", p.Poll))
	}
	return faults
}

func (d Document) flowFaults() []error {
	var faults []error
	known, enabled, seen := KnownFlows(d.CRM.Type), map[string]bool{}, map[string]bool{}
	position := -1
	for _, f := range d.Flows {
		at := slices.IndexFunc(known, func(k KnownFlow) bool { return k.Name == f.Name })
		switch {
		case at < 0:
			faults = append(faults, fmt.Errorf("flows: %q is not a flow of %s", f.Name, d.CRM.Type))
		case seen[f.Name]:
			faults = append(faults, fmt.Errorf("flows: %s is declared twice", f.Name))
		case at < position:
			faults = append(faults, fmt.Errorf("flows: %s is not in start order", f.Name))
		default:
			position = at
		}
		seen[f.Name], enabled[f.Name] = true, f.Enabled
	}
	return append(faults, CheckFlows(d.CRM.Type, d.PartnerCenter.Intake, enabled)...)
}

// CheckEndpoint tells why an address cannot be a remote system's: it must be absolute and https, or http on this machine.
func CheckEndpoint(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not an absolute address without user, query and fragment", address)
	}
	if u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%q is not https", address)
}

// IsLoopback reports whether a host name or address is this machine itself.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
