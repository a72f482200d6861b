package remote

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Defaults of addresses and versions that a configuration leaves out.
const (
	DefaultSalesforceLoginURL   = "https://login.salesforce.com"
	DefaultSalesforceAPIVersion = "66.0"
)

// PartnerCenterConfig is the provider's partner_center block after the environment has filled its gaps.
type PartnerCenterConfig struct {
	TenantID          string // also the pin: tokens are asked of this tenant only
	ClientID          string
	ClientSecret      secret.Secret
	RefreshToken      secret.Secret // of a user; the webhooks API does without
	PartnerID         string
	Authority         string
	ReferralsEndpoint string
	EventsEndpoint    string
	// Unknown says that an attribute has no value yet: the plan makes what the value comes from.
	Unknown bool
}

// SalesforceConfig is the provider's salesforce block after the environment has filled its gaps.
type SalesforceConfig struct {
	LoginURL       string
	ClientID       string
	ClientSecret   secret.Secret // client credentials flow
	Username       string        // JWT bearer flow, with PrivateKey or PrivateKeyPath
	PrivateKey     secret.Secret // PEM
	PrivateKeyPath string
	APIVersion     string
	OrgID          string // pin, 15 or 18 characters; empty: any organisation
	// Unknown says that an attribute has no value yet: the plan makes what the value comes from.
	Unknown bool
}

// DataverseConfig is the provider's dataverse block after the environment has filled its gaps.
type DataverseConfig struct {
	EnvironmentURL  string
	TenantID        string // of the environment, which may be another one than Partner Center's
	ClientID        string
	ClientSecret    secret.Secret // or
	Certificate     secret.Secret // certificate and key, PEM; or
	CertificatePath string        // a file that holds them
	Authority       string
	APIVersion      string
	OrganizationID  string        // pin, a GUID; empty: any organisation
	WebhookKey      secret.Secret // goes with deliveries of change events
	Solution        string        // unique name of the solution for components that name none; empty: the default solution
	// Unknown says that an attribute has no value yet: the plan makes what the value comes from.
	Unknown bool
}

// AgentConfig is the provider's agent block after the environment has filled its gaps.
type AgentConfig struct {
	Address   string // as [CheckAgentAddress] admits it
	Token     secret.Secret
	TokenPath string // file that holds the token
	// Unknown says that an attribute has no value yet: the plan makes what the value comes from.
	Unknown bool
}

// Config is what a [Remote] is made of. A nil block means that neither the configuration nor the environment says
// anything about that system.
type Config struct {
	PartnerCenter *PartnerCenterConfig
	Salesforce    *SalesforceConfig
	Dataverse     *DataverseConfig
	Agent         *AgentConfig

	Version          string // of the provider
	TerraformVersion string // as the CLI reports it; for the user agent only

	// The following have working defaults; tests replace them.
	Transport http.RoundTripper
	Clock     func() time.Time
	NewID     func() string
	Wait      func(context.Context, time.Duration) error // pauses between two tries
	ReadFile  func(path string) ([]byte, error)
	// Gather lets writes and publications of other resources come that can share a call. It is told how many wait for it.
	Gather func(ctx context.Context, waiting func() int)

	// Alone switches off that resources share calls. It is for tests that measure what sharing saves.
	Alone bool
}

func (c Config) withDefaults() Config {
	if c.Transport == nil {
		c.Transport = wire.NewTransport(nil)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	if c.Gather == nil {
		c.Gather = gather
	}
	if c.ReadFile == nil {
		c.ReadFile = os.ReadFile
	}
	if pc := c.PartnerCenter; pc != nil {
		filled := *pc
		setDefault(&filled.Authority, partnercenter.DefaultAuthority)
		setDefault(&filled.ReferralsEndpoint, partnercenter.DefaultReferralsEndpoint)
		setDefault(&filled.EventsEndpoint, partnercenter.DefaultEventsEndpoint)
		c.PartnerCenter = &filled
	}
	if sf := c.Salesforce; sf != nil {
		filled := *sf
		setDefault(&filled.LoginURL, DefaultSalesforceLoginURL)
		setDefault(&filled.APIVersion, DefaultSalesforceAPIVersion)
		c.Salesforce = &filled
	}
	if dv := c.Dataverse; dv != nil {
		filled := *dv
		setDefault(&filled.Authority, dataverse.DefaultAuthority)
		setDefault(&filled.APIVersion, dataverse.DefaultAPIVersion)
		filled.EnvironmentURL = strings.TrimRight(filled.EnvironmentURL, "/")
		c.Dataverse = &filled
	}
	return c
}

func setDefault(value *string, fallback string) {
	if *value == "" {
		*value = fallback
	}
}

func (c Config) userAgent() string {
	agent := "terraform-provider-cosell/" + orUnset(c.Version)
	if c.TerraformVersion != "" {
		agent += " Terraform/" + c.TerraformVersion
	}
	return agent
}

func orUnset(version string) string {
	if version == "" {
		return "dev"
	}
	return version
}

// wait pauses for a duration plus up to a quarter of it, so that parallel operations do not come back together.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause + rand.N(pause/4+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// gatherFor is long enough for what Terraform starts at one moment, and short beside one metadata call.
const gatherFor = 30 * time.Millisecond

func gather(ctx context.Context, _ func() int) {
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// setting is an attribute of a provider block and the variable that stands in for it.
type setting struct{ attribute, variable, value string }

// missing gives the error that names every setting without a value; nil when all have one.
func missing(block string, settings ...setting) error {
	var names []string
	for _, s := range settings {
		if s.value == "" {
			names = append(names, fmt.Sprintf("%s (%s)", s.attribute, s.variable))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &NotConfiguredError{Block: block, Missing: names}
}

// NotConfiguredError says that a provider block lacks what its system's client needs.
type NotConfiguredError struct {
	Block   string   // partner_center, salesforce, dataverse or agent
	Missing []string // "attribute (VARIABLE)"
}

func (e *NotConfiguredError) Error() string {
	return fmt.Sprintf("the provider's %s block is incomplete: set %s in the block, or the environment variables named in brackets",
		e.Block, strings.Join(e.Missing, ", "))
}

// UnknownError says that a provider block depends on a value that is not known before apply.
type UnknownError struct{ Block string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("the provider's %s block depends on values that are not known before apply: apply what they come from first (terraform apply -target), or set them directly", e.Block)
}
