package remote

import (
	"context"
	"fmt"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// org is the Salesforce side of a Remote.
type org struct {
	mu       sync.Mutex
	client   *salesforce.Client // made
	identity salesforce.Identity
	verified bool // identity was compared with the pin
}

// Salesforce gives the client of the organisation, whose identity has been compared with the pin. It fails with a
// [*NotConfiguredError], an [*UnknownError], or a problem WrongAccount when the credentials lead elsewhere.
func (r *Remote) Salesforce(ctx context.Context) (*salesforce.Client, error) {
	r.org.mu.Lock()
	defer r.org.mu.Unlock()
	if r.org.client == nil {
		client, err := r.newSalesforce()
		if err != nil {
			return nil, err
		}
		r.org.client = client
	}
	if !r.org.verified {
		if err := r.verify(ctx); err != nil {
			return nil, err
		}
	}
	return r.org.client, nil
}

// SalesforceIdentity tells whom the credentials belong to.
func (r *Remote) SalesforceIdentity(ctx context.Context) (salesforce.Identity, error) {
	if _, err := r.Salesforce(ctx); err != nil {
		return salesforce.Identity{}, err
	}
	r.org.mu.Lock()
	defer r.org.mu.Unlock()
	return r.org.identity, nil
}

func (r *Remote) verify(ctx context.Context) error {
	var identity salesforce.Identity
	if err := r.Retry(ctx, func(ctx context.Context) (err error) {
		identity, err = r.org.client.Identity(ctx)
		return err
	}); err != nil {
		return fmt.Errorf("sign in to Salesforce at %s: %w", r.config.Salesforce.LoginURL, err)
	}
	if pin := r.config.Salesforce.OrgID; pin != "" && !salesforce.SameID(pin, string(identity.OrgID)) {
		return problem.New(problem.WrongAccount, "Salesforce organisation "+string(identity.OrgID), "org_id pins "+pin)
	}
	r.org.identity, r.org.verified = identity, true
	return nil
}

func (r *Remote) newSalesforce() (*salesforce.Client, error) {
	config := r.config.Salesforce
	if config == nil {
		config = &SalesforceConfig{}
	}
	if config.Unknown {
		return nil, &UnknownError{Block: "salesforce"}
	}
	if err := missing("salesforce", setting{"client_id", "COSELL_SALESFORCE_CLIENT_ID", config.ClientID}); err != nil {
		return nil, err
	}
	signIn := salesforce.Config{
		LoginURL:   config.LoginURL,
		ClientID:   config.ClientID,
		APIVersion: config.APIVersion,
		CallerName: "terraform-provider-cosell",
	}
	// A user name says that the JWT bearer flow is meant, also where the environment holds a client secret as well.
	if config.Username != "" {
		key, err := r.privateKey(config)
		if err != nil {
			return nil, err
		}
		signIn.Username, signIn.PrivateKey = config.Username, key
	} else if signIn.ClientSecret = config.ClientSecret; signIn.ClientSecret.IsZero() {
		return nil, missing("salesforce",
			setting{"username", "COSELL_SALESFORCE_USERNAME", ""}, setting{"private_key", "COSELL_SALESFORCE_PRIVATE_KEY", ""},
			setting{"or client_secret alone", "COSELL_SALESFORCE_CLIENT_SECRET", ""})
	}
	stack, err := r.stack()
	if err != nil {
		return nil, err
	}
	return salesforce.New(signIn, stack)
}

func (r *Remote) privateKey(config *SalesforceConfig) (secret.Secret, error) {
	if !config.PrivateKey.IsZero() {
		return config.PrivateKey, nil
	}
	if config.PrivateKeyPath == "" {
		return secret.Secret{}, missing("salesforce", setting{"private_key", "COSELL_SALESFORCE_PRIVATE_KEY", ""},
			setting{"or private_key_path", "COSELL_SALESFORCE_PRIVATE_KEY_FILE", ""})
	}
	content, err := r.config.ReadFile(config.PrivateKeyPath)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read the private key that private_key_path names: %w", err)
	}
	return secret.New(string(content)), nil
}
