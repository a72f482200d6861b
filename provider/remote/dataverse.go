package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// environment is the Dataverse side of a Remote.
type environment struct {
	mu       sync.Mutex
	client   *dataverse.Client // made
	identity dataverse.Identity
	verified bool // identity was compared with the pin

	reads      environmentReads
	publishing publishing
}

// Dataverse gives the client of the environment, whose organisation has been compared with the pin. It fails with a
// [*NotConfiguredError], an [*UnknownError], or a problem WrongAccount when the credentials lead elsewhere.
func (r *Remote) Dataverse(ctx context.Context) (*dataverse.Client, error) {
	r.env.mu.Lock()
	defer r.env.mu.Unlock()
	if r.env.client == nil {
		client, err := r.newDataverse()
		if err != nil {
			return nil, err
		}
		r.env.client = client
	}
	if !r.env.verified {
		if err := r.verifyEnvironment(ctx); err != nil {
			return nil, err
		}
	}
	return r.env.client, nil
}

// DataverseIdentity tells whom the credentials belong to.
func (r *Remote) DataverseIdentity(ctx context.Context) (dataverse.Identity, error) {
	if _, err := r.Dataverse(ctx); err != nil {
		return dataverse.Identity{}, err
	}
	r.env.mu.Lock()
	defer r.env.mu.Unlock()
	return r.env.identity, nil
}

func (r *Remote) verifyEnvironment(ctx context.Context) error {
	var identity dataverse.Identity
	if err := r.Retry(ctx, func(ctx context.Context) (err error) {
		identity, err = r.env.client.WhoAmI(ctx)
		return err
	}); err != nil {
		return fmt.Errorf("sign in to Dataverse at %s: %w", r.config.Dataverse.EnvironmentURL, err)
	}
	if pin := r.config.Dataverse.OrganizationID; pin != "" && !strings.EqualFold(pin, identity.OrganizationID) {
		return problem.New(problem.WrongAccount, "Dataverse organisation "+identity.OrganizationID, "organization_id pins "+pin)
	}
	r.env.identity, r.env.verified = identity, true
	return nil
}

func (r *Remote) newDataverse() (*dataverse.Client, error) {
	config := r.config.Dataverse
	if config == nil {
		config = &DataverseConfig{}
	}
	if config.Unknown {
		return nil, &UnknownError{Block: "dataverse"}
	}
	if err := missing("dataverse", setting{"environment_url", "COSELL_DATAVERSE_URL", config.EnvironmentURL},
		setting{"tenant_id", "COSELL_DATAVERSE_TENANT_ID", config.TenantID}, setting{"client_id", "COSELL_DATAVERSE_CLIENT_ID", config.ClientID}); err != nil {
		return nil, err
	}
	signIn := dataverse.Config{
		EnvironmentURL: config.EnvironmentURL, Authority: config.Authority, TenantID: config.TenantID, ClientID: config.ClientID, APIVersion: config.APIVersion,
	}
	// A certificate is meant, also where the environment holds a client secret as well.
	var err error
	if signIn.Certificate, err = r.certificate(config); err != nil {
		return nil, err
	}
	if signIn.Certificate.IsZero() {
		if signIn.ClientSecret = config.ClientSecret; signIn.ClientSecret.IsZero() {
			return nil, missing("dataverse", setting{"client_secret", "COSELL_DATAVERSE_CLIENT_SECRET", ""},
				setting{"or certificate_path", "COSELL_DATAVERSE_CERTIFICATE_FILE", ""})
		}
	}
	stack, err := r.stack()
	if err != nil {
		return nil, err
	}
	return dataverse.New(signIn, stack)
}

func (r *Remote) certificate(config *DataverseConfig) (secret.Secret, error) {
	if !config.Certificate.IsZero() || config.CertificatePath == "" {
		return config.Certificate, nil
	}
	content, err := r.config.ReadFile(config.CertificatePath)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read the certificate that certificate_path names: %w", err)
	}
	return secret.New(string(content)), nil
}

// customizationTimeout bounds one change of metadata with all its repetitions.
const customizationTimeout = 10 * time.Minute

// Customize runs a change of metadata in the environment's turn, again while something passing refuses it, and then drops what was
// read of the tables. A failure may be ambiguous: read back before giving up.
func (r *Remote) Customize(ctx context.Context, tables []string, change func(context.Context, *dataverse.Client) error) error {
	client, err := r.Dataverse(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, customizationTimeout)
	defer cancel()
	defer r.Lock(LockCustomization)()
	defer r.TableChanged(tables...)
	return r.Retry(ctx, func(ctx context.Context) error { return change(ctx, client) })
}

// Until looks again and again, with a pause between, until it is told that it is done, fails, or the context ends.
func (r *Remote) Until(ctx context.Context, pause time.Duration, done func(context.Context) (bool, error)) error {
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		if interrupted := r.config.Wait(ctx, pause); interrupted != nil {
			return interrupted
		}
	}
}

// publishing gathers the tables that are to be published. While one call is under way, or waits for others or its turn, what is
// asked for gathers for the next one: a walk that changes many columns of a table publishes it once or twice.
type publishing struct {
	mu      sync.Mutex
	next    *publication // not begun; nil when nothing waits
	running bool
}

type publication struct {
	tables    []string
	resources int // that asked for it
	done      chan struct{}
	err       error
}

// Publish makes what was written to a table visible before it returns ("PublishXml Action").
func (r *Remote) Publish(ctx context.Context, table string) error {
	p := &r.env.publishing
	p.mu.Lock()
	if p.next == nil {
		p.next = &publication{done: make(chan struct{})}
	}
	waited := p.next
	waited.add(table)
	if !p.running {
		p.running = true
		go r.publishAll(context.WithoutCancel(ctx)) // others wait for the same call: one caller that gives up does not end it
	}
	p.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-waited.done:
		return waited.err
	}
}

func (p *publication) add(table string) {
	p.resources++
	for _, known := range p.tables {
		if known == table {
			return
		}
	}
	p.tables = append(p.tables, table)
}

func (r *Remote) publishAll(ctx context.Context) {
	for r.publishNext(ctx) {
	}
}

// asked is how many resources wait for the next call.
func (p *publishing) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		return 0
	}
	return p.next.resources
}

// publishNext waits for the environment's turn, in which more gathers, and publishes it all.
func (r *Remote) publishNext(ctx context.Context) (more bool) {
	if asked := r.env.publishing.asked; asked() > 0 {
		r.config.Gather(ctx, asked)
	}
	unlock := r.Lock(LockCustomization)
	defer unlock()
	p := &r.env.publishing
	p.mu.Lock()
	taken := p.next
	p.next = nil
	p.running = taken != nil
	p.mu.Unlock()
	if taken == nil {
		return false
	}
	client, err := r.Dataverse(ctx)
	if err == nil {
		err = r.Retry(ctx, func(ctx context.Context) error {
			err := client.Publish(ctx, taken.tables, nil)
			if dataverse.IsAmbiguous(err) { // to publish twice does no harm
				return problem.New(problem.AnswerLost, "publishing of "+strings.Join(taken.tables, ", "), err.Error())
			}
			return err
		})
	}
	r.TableChanged(taken.tables...)
	taken.err = err
	close(taken.done)
	return true
}

// ErrNoTable says that a table does not exist.
var ErrNoTable = errors.New("the environment does not have the table")
