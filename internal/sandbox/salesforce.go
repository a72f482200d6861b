package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
)

// SalesforceOptions configure a simulated org.
type SalesforceOptions = salesforce.Options

// The orgs, as the parameter org of acts names them.
const (
	orgProduction = "production"
	orgStaging    = "staging"
)

// StagingService is the name of the staging org in the operation log and in fault plans; production's is salesforce.Service.
const StagingService = salesforce.Service + "_staging"

// stagingUser is the Partner Center user of the staging org's application.
const stagingUser = "partner-user.staging@example.com"

// organization is a simulated org, how it signs in to the tenant, and what the sandbox hands out about it.
type organization struct {
	*salesforce.Org
	tenant entra.Credentials
	prefix string // of its key files in Options.Dir
}

func (s *Sandbox) buildOrganizations(random io.Reader) error {
	var err error
	s.production, err = newOrganization(s.kit, s.options.Salesforce, random, s.url(ListenerSalesforce), "salesforce")
	if err != nil {
		return err
	}
	s.production.tenant = s.identity.Credentials()
	if s.options.Staging == nil {
		return nil
	}
	s.staging, err = newOrganization(s.kit, stagingDefaults(*s.options.Staging), random, s.url(ListenerStaging), "salesforce-staging")
	if err != nil {
		return err
	}
	s.staging.tenant, err = s.identity.Register(stagingUser)
	return err
}

// stagingDefaults make the org a sandbox of the other one: usernames get the sandbox's name, as Salesforce does it.
func stagingDefaults(options SalesforceOptions) SalesforceOptions {
	orElse := func(value *string, fallback string) {
		if *value == "" {
			*value = fallback
		}
	}
	orElse(&options.Service, StagingService)
	orElse(&options.OrgID, "00Dgs0000000002")
	orElse(&options.OrgName, "Contoso Partner Org Staging")
	orElse(&options.Provider.Username, "provider.admin@example.com.staging")
	orElse(&options.Agent.Username, "cosell.agent@example.com.staging")
	options.Sandbox = true
	return options
}

func newOrganization(kit *lab.Kit, options SalesforceOptions, random io.Reader, url, prefix string) (*organization, error) {
	if options.Random == nil {
		options.Random = random
	}
	org, err := salesforce.New(kit, options)
	if err != nil {
		return nil, err
	}
	org.SetBaseURL(url)
	return &organization{Org: org, prefix: prefix}, nil
}

func salesforceSwitches() []lab.Switch { return salesforce.Switches() }

// Salesforce is the simulated org; with Options.Staging it is production's.
func (s *Sandbox) Salesforce() *salesforce.Org { return s.production.Org }

// Staging is the simulated staging org, nil without Options.Staging.
func (s *Sandbox) Staging() *salesforce.Org {
	if s.staging == nil {
		return nil
	}
	return s.staging.Org
}

func (o *organization) providerKeyFile() string { return o.prefix + "-provider.key" }
func (o *organization) agentKeyFile() string    { return o.prefix + "-agent.key" }

func (o *organization) files() map[string][]byte {
	credentials := o.Credentials()
	return map[string][]byte{
		o.providerKeyFile(): []byte(credentials.Provider.PrivateKeyPEM),
		o.agentKeyFile():    []byte(credentials.Agent.PrivateKeyPEM),
	}
}

// env is the Salesforce part of Sandbox.Env.
func (o *organization) env(path func(file string) string) map[string]string {
	org := o.Credentials()
	return map[string]string{
		"COSELL_SALESFORCE_LOGIN_URL":              org.BaseURL,
		"COSELL_SALESFORCE_INSTANCE_URL":           org.BaseURL,
		"COSELL_SALESFORCE_API_VERSION":            "66.0",
		"COSELL_SALESFORCE_ORG_ID":                 org.OrgID,
		"COSELL_SALESFORCE_CLIENT_ID":              org.Provider.ClientID,
		"COSELL_SALESFORCE_CLIENT_SECRET":          org.Provider.ClientSecret,
		"COSELL_SALESFORCE_USERNAME":               org.Provider.Username,
		"COSELL_SALESFORCE_PRIVATE_KEY_FILE":       path(o.providerKeyFile()),
		"COSELL_AGENT_SALESFORCE_CLIENT_ID":        org.Agent.ClientID,
		"COSELL_AGENT_SALESFORCE_CLIENT_SECRET":    org.Agent.ClientSecret,
		"COSELL_AGENT_SALESFORCE_USERNAME":         org.Agent.Username,
		"COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE": path(o.agentKeyFile()),
	}
}

// whichOrg is the parameter of the acts in Salesforce that says in which org they happen.
var whichOrg = Parameter{Name: "org", Help: "production (default) or staging, where the sandbox has one"}

// organization finds the org that an act names.
func (s *Sandbox) organization(name string) (*organization, error) {
	switch {
	case name == "" || name == orgProduction:
		return s.production, nil
	case name == orgStaging && s.staging != nil:
		return s.staging, nil
	case name == orgStaging:
		return nil, errors.New("this sandbox has no staging org; start it with --staging")
	}
	return nil, fmt.Errorf("unknown org %q; use %s or %s", name, orgProduction, orgStaging)
}

type inOrg struct {
	Org string `json:"org"`
}

// salesforceActs are what sellers do in the simulated orgs, and what their administrator does.
func salesforceActs() []Act {
	var listing *salesforce.Org // the table does not depend on an org, only doing an act does
	var acts []Act
	for _, sellers := range listing.Acts() {
		row := Act{Name: sellers.Name, Help: "a seller: " + sellers.Help, Fields: sellers.Fields}
		for _, p := range sellers.Parameters {
			row.Parameters = append(row.Parameters, Parameter(p))
		}
		row.Parameters = append(row.Parameters, whichOrg)
		row.run = func(ctx context.Context, s *Sandbox, data []byte) (any, error) {
			return s.sell(ctx, sellers.Name, data)
		}
		acts = append(acts, row)
	}
	return slices.Concat(acts, []Act{
		{
			Name: "expire_sessions", Help: "an administrator ends all sessions of a Salesforce org", Parameters: []Parameter{whichOrg},
			run: act(func(s *Sandbox, in inOrg) (done, error) {
				org, err := s.organization(in.Org)
				if err != nil {
					return done{}, err
				}
				org.ExpireSessions()
				return done{true}, nil
			}),
		},
		{
			Name: "refresh_staging", Parameters: []Parameter{},
			Help: "an administrator refreshes the staging org: production's accounts, opportunities and custom rows replace its own, with their ids",
			run: act(func(s *Sandbox, _ nothing) (done, error) {
				staging, err := s.organization(orgStaging)
				if err != nil {
					return done{}, err
				}
				return done{true}, staging.Refresh(s.production.Org)
			}),
		},
	})
}

// sell lets a seller act in the org that the parameters name. The org's acts take text.
func (s *Sandbox) sell(ctx context.Context, name string, data []byte) (any, error) {
	arguments, err := textArguments(data)
	if err != nil {
		return nil, err
	}
	org, err := s.organization(arguments[whichOrg.Name])
	if err != nil {
		return nil, err
	}
	delete(arguments, whichOrg.Name)
	for _, candidate := range org.Acts() {
		if candidate.Name == name {
			return candidate.Do(ctx, arguments)
		}
	}
	return nil, fmt.Errorf("the org does not know the act %s", name)
}

// textArguments reads the parameters of an act that takes text.
func textArguments(data []byte) (map[string]string, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, fmt.Errorf("read the parameters: %w", err)
	}
	arguments := map[string]string{}
	for parameter, raw := range given {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, fmt.Errorf("read the parameter %s: %w", parameter, err)
		}
		switch value := value.(type) {
		case string:
			arguments[parameter] = value
		case float64, bool:
			arguments[parameter] = string(raw)
		default:
			return nil, fmt.Errorf("the parameter %s is not text, a number, true or false", parameter)
		}
	}
	return arguments, nil
}
