// Package app puts the agent together: from a document and the facts of the machine it makes clients, store, engine,
// watchers, workers and the webhook endpoint of one connector, runs them, and replaces them when a new document comes. Clock,
// randomness and transport enter here, so that tests run the whole agent in one process.
package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/intake"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Machine holds what belongs to the machine and not to the document.
type Machine struct {
	Version string
	// Transport carries all calls to the remote systems.
	Transport http.RoundTripper
	// Dial connects to the hosts of webhook certificates, whose addresses are judged one by one; nil means the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialEvents connects to the endpoint of the CRM's change events; nil means the network.
	DialEvents func(ctx context.Context, network, address string) (net.Conn, error)
	// TrustBundle is trusted to sign webhooks and for the TLS of the certificate hosts; nil means the system's pool.
	TrustBundle *x509.CertPool
	// Intermediates complete the chains of webhook certificates; nothing is trusted for being among them. Nil means none: what
	// is missing is then fetched.
	Intermediates *x509.CertPool
	// CertificateHosts are hosts of webhook certificates beside Microsoft's, each host[:port].
	CertificateHosts []string
	Secrets          secret.Resolver
	Workers          int             // deals under way at once
	Lease            time.Duration   // a worker's right to a deal; prolonged while it works
	CallTimeout      time.Duration   // one call
	ListLag          time.Duration   // how long a new referral may be missing in lists
	Keep             store.Retention // how long what is settled stays in the store; zero is for ever
	IdleWait         time.Duration   // longest wait before the store is asked for due deals again; 0 means a second
	Now              func() time.Time
	// Gather is called before calls that deals share leave; nil: they leave at once. A simulator waits in it for everybody who asks at
	// the same instant, see the package batch.
	Gather func()
	// Sleep waits, or ends early with the context.
	Sleep  func(ctx context.Context, d time.Duration)
	Jitter func() float64 // in [0, 1)
	NewID  func() string  // GUIDs of requests
	Log    hclog.Logger
	// Observer is told what happens; nil: nobody is.
	Observer Observer
}

// settle covers a call that may still be on its way and the lag of the list that shows its effect.
func (m Machine) settle() time.Duration { return m.CallTimeout + m.ListLag }

// App runs one connector.
type App struct {
	machine Machine
	store   store.Store
	log     hclog.Logger
	health  health

	mu       sync.Mutex
	document document.Document
	endpoint *intake.Handler
	rows     *rowHook      // nil: the CRM does not call
	changed  chan struct{} // closed when a new document is there
}

// New makes an app. Nothing is called before Run.
func New(d document.Document, s store.Store, m Machine) (*App, error) {
	a := &App{machine: m, document: d, changed: make(chan struct{}), log: m.Log.With("connector", d.Connector.Name)}
	a.store = newWatched(s, d.Connector.Name, m, &a.health)
	endpoint, err := a.newEndpoint(d)
	if err != nil {
		return nil, err
	}
	a.endpoint = endpoint
	a.rows, err = a.newRowHook(d)
	return a, err
}

// Reload replaces the document. One that cannot be used leaves the last good one in force and is an error.
func (a *App) Reload(d document.Document) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d.Connector.Name != a.document.Connector.Name {
		return problem.New(problem.DocumentInvalid, "agent document", fmt.Sprintf("it is of connector %s, not %s", d.Connector.Name, a.document.Connector.Name))
	}
	endpoint, err := a.newEndpoint(d)
	if err != nil {
		return err
	}
	rows, err := a.newRowHook(d)
	if err != nil {
		return err
	}
	a.document, a.endpoint, a.rows = d, endpoint, rows
	close(a.changed)
	a.changed = make(chan struct{})
	return nil
}

func (a *App) current() (document.Document, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.document, a.changed
}

// ServeHTTP receives webhooks, by the document in force.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	endpoint, rows := a.endpoint, a.rows
	a.mu.Unlock()
	if rows != nil && r.URL.EscapedPath() == rows.path {
		rows.handler.ServeHTTP(w, r)
		return
	}
	if endpoint == nil {
		http.NotFound(w, r)
		return
	}
	endpoint.ServeHTTP(w, r)
}

// RowPath is the path at which Dataverse tells of changed rows; empty when it does not.
func (a *App) RowPath() string {
	if hook := a.rowHook(); hook != nil {
		return hook.path
	}
	return ""
}

func (a *App) rowHook() *rowHook {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rows
}

// Path is the path of the webhook endpoint; empty when the connector only polls.
func (a *App) Path() string {
	d, _ := a.current()
	if d.PartnerCenter.Webhook == nil || d.PartnerCenter.Intake == document.IntakePoll {
		return ""
	}
	address, err := url.Parse(d.PartnerCenter.Webhook.URL)
	if err != nil {
		return ""
	}
	return address.EscapedPath()
}

func (a *App) newEndpoint(d document.Document) (*intake.Handler, error) {
	if d.PartnerCenter.Webhook == nil || d.PartnerCenter.Intake == document.IntakePoll {
		return nil, nil
	}
	address, err := url.Parse(d.PartnerCenter.Webhook.URL)
	if err != nil {
		return nil, problem.Wrap(problem.DocumentInvalid, "partner_center.webhook.url", err)
	}
	roots := a.machine.TrustBundle
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
		}
	}
	verifier, err := intake.NewVerifier(intake.VerifierOptions{
		SignatureHeader: d.PartnerCenter.Webhook.SignatureHeader, CertificateHosts: a.machine.CertificateHosts,
		// A chain may end at any certificate of the bundle, so the bundle need not be among the intermediates as well.
		Roots: roots, Intermediates: a.machine.Intermediates, ServerRoots: a.machine.TrustBundle, Dial: a.machine.Dial, Clock: a.machine.Now, Log: a.log.Named("intake"),
	})
	if err != nil {
		return nil, err
	}
	return intake.NewHandler(intake.Options{
		Path: address.EscapedPath(), Verifier: verifier, Inbox: a.store, Clock: a.machine.Now, Log: a.log.Named("intake"),
	})
}

// Run works until the context ends. It ends by itself only when the document cannot be used here: a pin that does not match,
// a secret, field or stage that is missing. A remote system that cannot be reached is waited for.
func (a *App) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		d, changed := a.current()
		generation, cancel := context.WithCancel(ctx)
		stop := make(chan struct{})
		go func() {
			select {
			case <-changed:
				cancel()
			case <-stop:
			}
		}()
		err := a.runDocument(generation, d)
		close(stop)
		cancel()
		if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return nil
}

func (a *App) runDocument(ctx context.Context, d document.Document) error {
	c, err := a.connect(ctx, d)
	if err != nil {
		return err
	}
	a.log.Info("running", "revision", d.Connector.Revision, "environment", d.Connector.Environment, "intake", d.PartnerCenter.Intake)
	if err := a.store.Reconsider(ctx, c.document); err != nil {
		return fmt.Errorf("make the deals due that another document held back: %w", err)
	}
	return c.run(ctx)
}
