// Package remote holds what the resources of one configured provider share: lazily made clients of the remote systems,
// reads that serve many resources, and the locks under which shared documents are written.
//
// A [Remote] lives for one Configure, which is one graph walk: what it has read may be kept until something is written.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Remote gives access to the remote systems. It is safe for concurrent use and makes no call before the first request.
type Remote struct {
	config Config

	mu            sync.Mutex
	partnerCenter *partnercenter.Client
	locks         map[string]*sync.Mutex

	org     org
	env     environment
	reads   reads
	writes  writes
	planned planned
}

// New makes a Remote over a configuration.
func New(config Config) *Remote {
	return &Remote{config: config.withDefaults(), locks: map[string]*sync.Mutex{}}
}

// From takes the Remote out of what a resource's Configure receives. It gives nil before the provider is configured,
// which is how validation runs.
func From(providerData any, diagnostics *diag.Diagnostics) *Remote {
	if providerData == nil {
		return nil
	}
	r, ok := providerData.(*Remote)
	if !ok {
		diagnostics.AddError("Provider data has an unexpected type",
			fmt.Sprintf("Expected the provider's own data, got %T. Please report this as a bug of the provider.", providerData))
		return nil
	}
	return r
}

// PartnerCenterConfig gives the partner_center settings, nil when there are none at all.
func (r *Remote) PartnerCenterConfig() *PartnerCenterConfig { return r.config.PartnerCenter }

// SalesforceConfig gives the salesforce settings, nil when there are none at all.
func (r *Remote) SalesforceConfig() *SalesforceConfig { return r.config.Salesforce }

// DataverseConfig gives the dataverse settings, nil when there are none at all.
func (r *Remote) DataverseConfig() *DataverseConfig { return r.config.Dataverse }

// Now is the time by the configured clock.
func (r *Remote) Now() time.Time { return r.config.Clock() }

// PartnerCenter gives the client. It fails with a [*NotConfiguredError] or an [*UnknownError]. The tenant needs no
// comparison with a pin: tokens are asked of, and valid for, the configured tenant only.
func (r *Remote) PartnerCenter(ctx context.Context) (*partnercenter.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.partnerCenter != nil {
		return r.partnerCenter, nil
	}
	config := r.config.PartnerCenter
	if config == nil {
		config = &PartnerCenterConfig{}
	}
	if config.Unknown {
		return nil, &UnknownError{Block: "partner_center"}
	}
	if err := missing("partner_center",
		setting{"tenant_id", "COSELL_PARTNER_CENTER_TENANT_ID", config.TenantID},
		setting{"client_id", "COSELL_PARTNER_CENTER_CLIENT_ID", config.ClientID},
		setting{"client_secret", "COSELL_PARTNER_CENTER_CLIENT_SECRET", config.ClientSecret.Expose()},
	); err != nil {
		return nil, err
	}
	stack, err := r.stack()
	if err != nil {
		return nil, err
	}
	client, err := partnercenter.New(partnercenter.Config{
		Authority:         config.Authority,
		TenantID:          config.TenantID,
		ClientID:          config.ClientID,
		ClientSecret:      config.ClientSecret,
		ReferralsEndpoint: config.ReferralsEndpoint,
		EventsEndpoint:    config.EventsEndpoint,
		RefreshToken:      func(context.Context) (secret.Secret, error) { return config.RefreshToken, nil },
	}, stack)
	if err != nil {
		return nil, err
	}
	r.partnerCenter = client
	return client, nil
}

func (r *Remote) stack() (*wire.Client, error) {
	return wire.New(wire.Options{
		Transport: r.config.Transport,
		Clock:     r.config.Clock,
		UserAgent: r.config.userAgent(),
		NewID:     r.config.NewID,
	})
}

// Lock holds the lock of a shared remote document until unlock is called. Names: [LockMetadata], [LockRegistration],
// [LockCustomization], "layout/" and a layout's full name, "form/" and a form's id.
func (r *Remote) Lock(name string) (unlock func()) {
	r.mu.Lock()
	lock, ok := r.locks[name]
	if !ok {
		lock = new(sync.Mutex)
		r.locks[name] = lock
	}
	r.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}

// Locks that more than one resource takes.
const (
	// LockMetadata serialises metadata writes: Salesforce refuses concurrent setup changes of one organisation.
	LockMetadata = "salesforce/metadata"
	// LockCustomization serialises changes of an environment's metadata, publishing included: Dataverse may refuse two at once.
	LockCustomization = "dataverse/customization"
	// LockRegistration guards the tenant's one webhook registration, which is written whole.
	LockRegistration = "partner_center/registration"
)

const (
	maxTries    = 6
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
)

// Retry runs an operation again while it fails with a passing problem (class Later) that was certainly not applied. An
// ambiguous failure is given back at once: the caller reads back before it decides.
func (r *Remote) Retry(ctx context.Context, operation func(context.Context) error) error {
	pause := firstWait
	for try := 1; ; try++ {
		err := operation(ctx)
		if err == nil || try == maxTries || !passing(err) {
			return err
		}
		if interrupted := r.config.Wait(ctx, min(max(pause, askedWait(err)), longestWait)); interrupted != nil {
			return errors.Join(err, interrupted)
		}
		pause *= 2
	}
}

// Pause waits by the configured clock, and fails when the context ends first.
func (r *Remote) Pause(ctx context.Context, pause time.Duration) error {
	return r.config.Wait(ctx, pause)
}

// passing reports whether a failure heals by itself. An error that nobody classified is not repeated here: Terraform's
// user sees it and decides.
func passing(err error) bool {
	var classified problem.Classified
	var known *problem.Problem
	if !errors.As(err, &known) && !errors.As(err, &classified) {
		return false
	}
	var refused *wire.TokenError
	if errors.As(err, &refused) && refused.Rejected() || partnercenter.IsDenied(err) || salesforce.IsDenied(err) {
		return false // a service waits for renewed credentials; Terraform's user is there to give them
	}
	return problem.ClassOf(err) == problem.Later && !wire.IsAmbiguous(err)
}

func askedWait(err error) time.Duration {
	return max(partnercenter.RetryAfter(err), salesforce.RetryAfter(err), dataverse.RetryAfter(err))
}

// advice is the fix of a failure that a system told in its own words; empty where they must do.
func advice(err error) string {
	var refused *wire.TokenError
	var unreached *net.OpError
	switch {
	case errors.As(err, &refused) && refused.Rejected():
		return fmt.Sprintf("\n\nThe sign-in was refused: renew or correct the credentials in the provider's block or in its environment variables. (%s)", problem.CredentialsRejected)
	case partnercenter.IsDenied(err), salesforce.IsDenied(err), dataverse.IsDenied(err):
		return fmt.Sprintf("\n\nThe provider's account lacks a right: grant it what this type's documentation lists under Permissions. (%s)", problem.AccessDenied)
	case salesforce.IsUnknownVersion(err):
		return "\n\nThe organisation is not of that release yet. Set salesforce.api_version (COSELL_SALESFORCE_API_VERSION) to a version that it has, or leave it out."
	case errors.As(err, &unreached):
		return fmt.Sprintf("\n\nNothing answered there: check the address in the provider's block or its environment variable, and that this machine may reach it. (%s)", problem.Unavailable)
	default:
		return ""
	}
}

// Detail writes an error for a diagnostic's detail: what happened, then the fix that the catalogue knows.
func Detail(err error) string {
	var known *problem.Problem
	if !errors.As(err, &known) {
		return sentence(err.Error()) + advice(err)
	}
	detail := known.Cause
	if known.Object != "" {
		detail += "\n\nObject: " + known.Object
	}
	if known.Detail != "" {
		detail += "\n\nDetail: " + known.Detail
	}
	return fmt.Sprintf("%s\n\n%s (%s)", detail, known.Fix, known.Code)
}
