package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
)

// SalesforceOptions configure the simulated org.
type SalesforceOptions = salesforce.Options

// The Salesforce key files in Options.Dir.
const (
	providerKeyFile = "salesforce-provider.key"
	agentKeyFile    = "salesforce-agent.key"
)

// organization is the simulated org and what the sandbox hands out about it.
type organization struct{ *salesforce.Org }

func newOrganization(kit *lab.Kit, options SalesforceOptions, random io.Reader, url string) (*organization, error) {
	if options.Random == nil {
		options.Random = random
	}
	org, err := salesforce.New(kit, options)
	if err != nil {
		return nil, err
	}
	org.SetBaseURL(url)
	return &organization{org}, nil
}

func salesforceSwitches() []lab.Switch { return salesforce.Switches() }

// Salesforce is the simulated org.
func (s *Sandbox) Salesforce() *salesforce.Org { return s.org.Org }

func (o *organization) files() map[string][]byte {
	credentials := o.Credentials()
	return map[string][]byte{
		providerKeyFile: []byte(credentials.Provider.PrivateKeyPEM),
		agentKeyFile:    []byte(credentials.Agent.PrivateKeyPEM),
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
		"COSELL_SALESFORCE_PRIVATE_KEY_FILE":       path(providerKeyFile),
		"COSELL_AGENT_SALESFORCE_CLIENT_ID":        org.Agent.ClientID,
		"COSELL_AGENT_SALESFORCE_CLIENT_SECRET":    org.Agent.ClientSecret,
		"COSELL_AGENT_SALESFORCE_USERNAME":         org.Agent.Username,
		"COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE": path(agentKeyFile),
	}
}

// salesforceActs are what sellers do in the simulated org, and what its administrator does.
func salesforceActs() []Act {
	var listing *salesforce.Org // the table does not depend on an org, only doing an act does
	var acts []Act
	for _, sellers := range listing.Acts() {
		row := Act{Name: sellers.Name, Help: "a seller: " + sellers.Help, Fields: sellers.Fields}
		for _, p := range sellers.Parameters {
			row.Parameters = append(row.Parameters, Parameter(p))
		}
		row.run = func(ctx context.Context, s *Sandbox, data []byte) (any, error) {
			return s.org.sell(ctx, sellers.Name, data)
		}
		acts = append(acts, row)
	}
	return append(acts, Act{
		Name: "expire_sessions", Help: "an administrator ends all sessions of the Salesforce org", Parameters: []Parameter{},
		run: act(func(s *Sandbox, _ nothing) (done, error) {
			s.org.ExpireSessions()
			return done{true}, nil
		}),
	})
}

// sell lets the org's seller act. The org's acts take text.
func (o *organization) sell(ctx context.Context, name string, data []byte) (any, error) {
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
	for _, candidate := range o.Acts() {
		if candidate.Name == name {
			return candidate.Do(ctx, arguments)
		}
	}
	return nil, fmt.Errorf("the org does not know the act %s", name)
}
