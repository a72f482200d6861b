package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// DataverseOptions configure a simulated environment.
type DataverseOptions = dataverse.Options

// dynamicsPrefix precedes the names of acts in Dynamics 365, which are otherwise those of Salesforce.
const dynamicsPrefix = "dynamics_"

// environment is a simulated Dataverse environment, and how programs sign in to it.
type environment struct {
	*dataverse.Environment
	provider, agent login
}

// login is an application with its certificate.
type login struct {
	entra.Credentials
	pem []byte // certificate and key
}

// buildDataverse makes the environment, with two applications of the tenant as its application users.
func (s *Sandbox) buildDataverse(random io.Reader) error {
	if s.options.Dataverse == nil {
		return nil
	}
	e := &environment{}
	for _, to := range []*login{&e.provider, &e.agent} {
		if err := s.registerLogin(to); err != nil {
			return err
		}
	}
	options := *s.options.Dataverse
	options.Tokens, options.Provider, options.Agent = s.identity, e.provider.ClientID, e.agent.ClientID
	if options.Random == nil {
		options.Random = random
	}
	if options.Transport == nil {
		options.Transport = s.options.Transport
	}
	var err error
	if e.Environment, err = dataverse.New(s.kit, options); err != nil {
		return err
	}
	e.SetBaseURL(s.url(ListenerDataverse))
	s.dataverse = e
	return nil
}

// registerLogin makes an application that signs in as itself, by secret or certificate. No user consents to it.
func (s *Sandbox) registerLogin(to *login) error {
	var err error
	if to.Credentials, err = s.identity.Register(""); err != nil {
		return err
	}
	certificate, key, err := s.identity.IssueCertificate(to.ClientID)
	to.pem = slices.Concat(certificate, key)
	return err
}

// Dataverse is the simulated environment, nil without Options.Dataverse.
func (s *Sandbox) Dataverse() *dataverse.Environment {
	if s.dataverse == nil {
		return nil
	}
	return s.dataverse.Environment
}

// The files with the certificates and keys of the applications.
const (
	dataverseProviderFile = "dataverse-provider.pem"
	dataverseAgentFile    = "dataverse-agent.pem"
)

func (e *environment) files() map[string][]byte {
	return map[string][]byte{dataverseProviderFile: e.provider.pem, dataverseAgentFile: e.agent.pem}
}

// DataverseEnv is Env for the Dataverse environment: the same Partner Center tenant, and instead of the Salesforce org the
// environment's address and the applications of the provider and the agent. It is nil without Options.Dataverse.
func (s *Sandbox) DataverseEnv() map[string]string {
	if s.dataverse == nil {
		return nil
	}
	env := s.tenantEnv(s.identity.Credentials())
	maps.Copy(env, s.dataverse.env(s.url(ListenerEntra), s.path))
	return env
}

// WriteDataverseEnv writes DataverseEnv as WriteEnv writes Env.
func (s *Sandbox) WriteDataverseEnv(path string) error { return writeEnv(path, s.DataverseEnv()) }

// env is the Dataverse part of Sandbox.DataverseEnv.
func (e *environment) env(authority string, path func(file string) string) map[string]string {
	return map[string]string{
		"COSELL_DATAVERSE_URL":                    e.BaseURL(),
		"COSELL_DATAVERSE_AUTHORITY":              authority,
		"COSELL_DATAVERSE_TENANT_ID":              e.provider.TenantID,
		"COSELL_DATAVERSE_ORGANIZATION_ID":        e.OrganizationID(),
		"COSELL_DATAVERSE_CLIENT_ID":              e.provider.ClientID,
		"COSELL_DATAVERSE_CLIENT_SECRET":          e.provider.ClientSecret,
		"COSELL_DATAVERSE_CERTIFICATE_FILE":       path(dataverseProviderFile),
		"COSELL_AGENT_DATAVERSE_CLIENT_ID":        e.agent.ClientID,
		"COSELL_AGENT_DATAVERSE_CLIENT_SECRET":    e.agent.ClientSecret,
		"COSELL_AGENT_DATAVERSE_CERTIFICATE_FILE": path(dataverseAgentFile),
	}
}

func dataverseSwitches() []lab.Switch { return dataverse.Switches() }

// dataverseActs takes over the acts of an environment under names of their own. The list is the same for every environment.
func dataverseActs() []Act {
	listing := new(dataverse.Environment) // acts are listed without an environment behind them; running one needs a sandbox's
	var acts []Act
	for _, sellers := range listing.Acts() {
		row := Act{Name: dynamicsPrefix + sellers.Name, Help: "in Dynamics 365: " + sellers.Help, Parameters: []Parameter{}, Fields: sellers.Fields}
		for _, p := range sellers.Parameters {
			row.Parameters = append(row.Parameters, Parameter(p))
		}
		row.run = func(ctx context.Context, s *Sandbox, data []byte) (any, error) {
			if s.dataverse == nil {
				return nil, errors.New("this sandbox has no Dataverse environment; start it with --dataverse")
			}
			arguments, err := textArguments(data)
			if err != nil {
				return nil, err
			}
			for _, candidate := range s.dataverse.Acts() {
				if candidate.Name == sellers.Name {
					return candidate.Do(ctx, arguments)
				}
			}
			return nil, fmt.Errorf("the environment does not know the act %s", sellers.Name)
		}
		acts = append(acts, row)
	}
	return acts
}
