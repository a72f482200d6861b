package connector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// builder turns a declaration into a document and gathers what is wrong with it.
type builder struct {
	declared      *connectorModel
	partnerCenter remote.PartnerCenterConfig
	salesforce    remote.SalesforceConfig
	dataverse     remote.DataverseConfig
	diagnostics   diag.Diagnostics
}

// newBuilder takes the facts that the provider's configuration knows; nil blocks know nothing.
func newBuilder(declared *connectorModel, pc *remote.PartnerCenterConfig, sf *remote.SalesforceConfig, dv *remote.DataverseConfig) *builder {
	b := &builder{declared: declared}
	b.partnerCenter = remote.PartnerCenterConfig{
		Authority: partnercenter.DefaultAuthority, ReferralsEndpoint: partnercenter.DefaultReferralsEndpoint, EventsEndpoint: partnercenter.DefaultEventsEndpoint,
	}
	b.salesforce = remote.SalesforceConfig{LoginURL: salesforce.DefaultLoginURL, APIVersion: salesforce.DefaultAPIVersion}
	if pc != nil {
		b.partnerCenter = *pc
	}
	if sf != nil {
		b.salesforce = *sf
	}
	b.dataverse = remote.DataverseConfig{Authority: dataverse.DefaultAuthority, APIVersion: dataverse.DefaultAPIVersion}
	if dv != nil {
		b.dataverse = *dv
	}
	return b
}

// document builds the document with revision 0. It is sound unless the builder's diagnostics have an error.
func (b *builder) document() document.Document {
	m := b.declared
	variables := b.variables()
	objects, fields := document.DefaultObjects(m.CRM), document.DefaultFields(m.CRM)
	lead := b.leads(variables, objects, fields)
	fields = b.overridden("fields", fields, m.Fields)
	crm := document.CRM{Type: m.CRM, Stages: b.stages(variables)}
	if m.CRM == document.Dynamics365 {
		crm.Dynamics = b.environment()
	} else {
		crm.Salesforce = b.organisation()
	}
	crm.Objects, crm.Fields, crm.Lead = b.overridden("objects", objects, m.Objects), fields, lead
	crm.Marks = variables[document.VariableDisplayCheckMark] == document.Yes
	crm.Language, crm.FallbackOwner = languageOf(m.Language), text(m.FallbackOwner, "")
	d := document.Document{
		Version:       document.Version,
		Connector:     document.Connector{Name: m.Name, Environment: text(m.Environment, "")},
		PartnerCenter: b.tenant(),
		CRM:           crm,
		Flows:         b.flows(),
		Mappings:      b.mappings(document.DefaultMappings(m.CRM, fields, variables)),
		Help:          document.DefaultHelp(),
		Sharing: document.Sharing{
			Delay:             m.SyncDelay,
			DefaultCurrency:   text(m.DefaultCurrency, ""),
			CoSellOnly:        variables[document.VariableCoSellOnly] == document.Yes,
			MarketplaceIntent: m.MarketplaceIntent,
		},
		Accounts: b.accounts(),
		Schedule: document.Schedule{Poll: defaultPoll, Sweep: variables[document.VariableAutoHealInterval]},
	}
	if m.Schedule != nil {
		d.Schedule.Poll, d.Schedule.Sweep = text(m.Schedule.Poll, d.Schedule.Poll), text(m.Schedule.Sweep, d.Schedule.Sweep)
		d.Schedule.SweepFrom = text(m.Schedule.From, "")
	}
	if m.Budgets != nil && m.Budgets.CRMDailyCalls != nil {
		d.Schedule.DailyCalls = *m.Budgets.CRMDailyCalls
	}
	if b.diagnostics.HasError() {
		return d
	}
	if err := d.Validate(); err != nil {
		b.diagnostics.AddError("Connector's document is not valid", remote.Detail(err))
	}
	return d
}

func (b *builder) tenant() document.PartnerCenter {
	m, config := b.declared, b.partnerCenter
	given := m.Credentials.PartnerCenter
	pc := document.PartnerCenter{
		TenantID:          b.pin("tenant_id", func(p *pinsModel) *string { return p.TenantID }, config.TenantID, "partner_center.tenant_id", strings.EqualFold),
		PartnerID:         text(m.PartnerID, config.PartnerID),
		Authority:         config.Authority,
		ReferralsEndpoint: config.ReferralsEndpoint,
		EventsEndpoint:    config.EventsEndpoint,
		Intake:            m.Intake,
		Writes:            m.PartnerCenterWrites,
		Credentials: document.PartnerCenterCredentials{
			ClientID:     b.clientID("partner_center", given.ClientID, config.ClientID),
			ClientSecret: secret.Reference(given.ClientSecret),
			RefreshToken: secret.Reference(given.RefreshToken),
		},
	}
	if m.Webhook != nil && m.Intake != document.IntakePoll {
		pc.Webhook = &document.Webhook{URL: m.Webhook.URL, SignatureHeader: text(m.Webhook.SignatureHeader, defaultSignatureHeader)}
	}
	if s := m.ReferralScope; s != nil {
		pc.Scope = &document.Scope{
			NamePrefix: text(s.NamePrefix, ""), SolutionID: text(s.SolutionID, ""), PartnerID: text(s.PartnerID, ""),
			Referrals: slices.Sorted(slices.Values(s.Referrals)),
		}
		if pc.Scope.NamePrefix == "" && pc.Scope.SolutionID == "" && pc.Scope.PartnerID == "" && len(pc.Scope.Referrals) == 0 {
			b.diagnostics.AddAttributeError(path.Root("referral_scope"), "Referral scope is empty",
				"A scope without any part admits every referral. Give at least one part, or leave referral_scope out.")
		}
	}
	return pc
}

func (b *builder) organisation() *document.SalesforceOrg {
	given := b.declared.Credentials.Salesforce
	if given == nil {
		b.diagnostics.AddAttributeError(path.Root("credentials"), "Credentials are missing", "Give credentials.salesforce: the app by which the agent signs in.")
		return &document.SalesforceOrg{}
	}
	org := &document.SalesforceOrg{
		OrgID:      b.pin("org_id", func(p *pinsModel) *string { return p.OrgID }, b.salesforce.OrgID, "salesforce.org_id", salesforce.SameID),
		LoginURL:   b.salesforce.LoginURL,
		APIVersion: b.salesforce.APIVersion,
		Credentials: document.SalesforceCredentials{
			ClientID:     b.clientID("salesforce", given.ClientID, b.salesforce.ClientID),
			Username:     text(given.Username, ""),
			PrivateKey:   secret.Reference(text(given.PrivateKey, "")),
			ClientSecret: secret.Reference(text(given.ClientSecret, "")),
		},
	}
	if push := b.declared.Push; push != nil {
		b.foreign("Salesforce subscribes to change events, and nothing is called.", map[string]*string{"url": push.URL, "header_name": push.HeaderName})
		org.Push = &document.SalesforcePush{
			Topic: text(push.Topic, salesforce.AllChanges), Endpoint: text(push.Endpoint, salesforce.DefaultEventsEndpoint), Poll: text(push.Poll, defaultPushPoll),
		}
	}
	if id, err := salesforce.ParseID(org.OrgID); err == nil {
		org.OrgID = string(id)
	}
	return org
}

// pin gives the declared pin, else the provider's; the two must name the same account.
func (b *builder) pin(name string, of func(*pinsModel) *string, provided, block string, same func(a, b string) bool) string {
	declared := ""
	if b.declared.Pins != nil {
		declared = text(of(b.declared.Pins), "")
	}
	at := path.Root("pins").AtName(name)
	switch {
	case declared == "" && provided == "":
		b.diagnostics.AddAttributeError(path.Root("pins"), "Account pin is missing",
			fmt.Sprintf("The agent starts nothing without knowing which account it may touch. Set pins.%s, or the provider's %s.", name, block))
	case declared != "" && provided != "" && !same(declared, provided):
		b.diagnostics.AddAttributeError(at, "Account pin contradicts the provider",
			remote.Detail(problem.New(problem.WrongAccount, "pins."+name, fmt.Sprintf("the connector pins %s, the provider %s", declared, provided))))
	}
	if declared == "" {
		return provided
	}
	return declared
}

func (b *builder) clientID(system string, declared *string, provided string) string {
	id := text(declared, provided)
	if id == "" {
		b.diagnostics.AddAttributeError(path.Root("credentials").AtName(system), "Client id is missing",
			fmt.Sprintf("Set credentials.%s.client_id, or the provider's %s.client_id.", system, system))
	}
	return id
}

// variables gives the value of every variable of the CRM by name.
func (b *builder) variables() map[string]string {
	m, at := b.declared, path.Root("environment_variables")
	values, declaredUnder := defaultVariables(m.CRM), map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m.EnvironmentVariables)) {
		declared := m.EnvironmentVariables[key]
		known, ok := document.FindVariable(m.CRM, declared.Name)
		if !b.belongs(at.AtMapKey(key), "environment variable", key, declared.CRM, declared.Name, ok, declaredUnder) {
			continue
		}
		if err := known.CheckValue(declared.EffectiveValue); err != nil {
			b.diagnostics.AddAttributeError(at.AtMapKey(key), "Environment variable's value does not fit its type", capitalised(err)+".")
		}
		values[declared.Name] = declared.EffectiveValue
	}
	for _, v := range document.KnownVariables(m.CRM) {
		if values[v.Name] == "" {
			b.diagnostics.AddAttributeError(at, "Required environment variable is missing",
				fmt.Sprintf("Variable %s has no default. %s Declare it as cosell_environment_variable and hand it in.", v.Name, v.Description))
		}
	}
	return values
}

// belongs checks that a declaration that was handed in is of this CRM, known, and there once.
func (b *builder) belongs(at path.Path, kind, key, crm, name string, known bool, declaredUnder map[string]string) bool {
	other, twice := declaredUnder[name]
	declaredUnder[name] = key
	switch {
	case crm != b.declared.CRM:
		b.diagnostics.AddAttributeError(at, "Declaration belongs to another CRM",
			fmt.Sprintf("The %s %q is declared for %s, the connector is for %s.", kind, name, crm, b.declared.CRM))
	case !known:
		b.diagnostics.AddAttributeError(at, "Declaration is not known",
			fmt.Sprintf("There is no %s %q for %s.", kind, name, crm))
	case twice:
		b.diagnostics.AddAttributeError(at, "Declaration is handed in twice",
			fmt.Sprintf("The %s %q stands under the keys %q and %q. Keep one.", kind, name, other, key))
	default:
		return true
	}
	return false
}

// flows gives what was handed in, in start order.
func (b *builder) flows() []document.Flow {
	m := b.declared
	enabled, declaredUnder := map[string]bool{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m.SyncFlows)) {
		declared := m.SyncFlows[key]
		_, known := findFlow(m.CRM, declared.Name)
		if b.belongs(path.Root("sync_flows").AtMapKey(key), "sync flow", key, declared.CRM, declared.Name, known, declaredUnder) {
			enabled[declared.Name] = declared.Enabled
		}
	}
	var flows []document.Flow
	for _, known := range document.KnownFlows(m.CRM) {
		if on, ok := enabled[known.Name]; ok {
			flows = append(flows, document.Flow{Name: known.Name, Enabled: on})
		}
	}
	return flows
}

// overridden gives the default names with the declared ones in their place; an empty one leaves its role out.
func (b *builder) overridden(attribute string, names map[string]document.Name, declared map[string]string) map[string]document.Name {
	for role, name := range declared {
		names[role] = name
		if name == "" {
			delete(names, role)
		}
	}
	for _, role := range slices.Sorted(maps.Keys(declared)) {
		optional := attribute == "fields" && !slices.Contains(document.RequiredFields, role)
		if declared[role] == "" && !optional {
			b.diagnostics.AddAttributeError(path.Root(attribute).AtMapKey(role), "Required name is empty",
				fmt.Sprintf("The agent cannot work without %s.%s. Give its API name, or leave the role out for the default.", attribute, role))
		}
	}
	return names
}

func (b *builder) accounts() document.AccountMatch {
	match := document.AccountMatch{Keys: []string{"name", "postal_code"}, None: matchCreate, Many: matchQueue}
	if declared := b.declared.AccountMatch; declared != nil {
		if declared.Keys != nil {
			match.Keys = slices.Sorted(slices.Values(declared.Keys))
		}
		match.None, match.Many = text(declared.None, match.None), text(declared.Many, match.Many)
	}
	return match
}

// defaultVariables gives the default of every variable of a CRM; "" where a value is required.
func defaultVariables(crm string) map[string]string {
	values := map[string]string{}
	for _, v := range document.KnownVariables(crm) {
		values[v.Name] = v.Default[crm]
	}
	return values
}
