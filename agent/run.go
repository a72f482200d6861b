package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/console"
	"github.com/cosell-sync/terraform-provider-cosell/agent/intake"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

type runCommand struct {
	storeAddress

	Config           []string      `required:"" sep:"none" placeholder:"FILE" env:"COSELL_AGENT_CONFIG" help:"A document: a file, or - for standard input. Repeat for several connectors."`
	Listen           string        `default:"127.0.0.1:8080" env:"COSELL_AGENT_LISTEN" help:"Address of the webhook endpoint; not opened when no document has one."`
	TLSCertificate   string        `type:"existingfile" env:"COSELL_AGENT_TLS_CERTIFICATE" help:"PEM certificate of the webhook endpoint; without it a proxy in front ends TLS."`
	TLSKey           string        `type:"existingfile" env:"COSELL_AGENT_TLS_KEY" help:"PEM key of the webhook endpoint."`
	TrustBundle      string        `type:"existingfile" env:"COSELL_AGENT_TRUST_BUNDLE" help:"PEM file of the authorities that sign webhooks; without it the system's are trusted."`
	Intermediates    string        `type:"existingfile" placeholder:"FILE" env:"COSELL_AGENT_INTERMEDIATES" help:"PEM file of certificates between the one that signs webhooks and a trusted authority; without it they are fetched from Microsoft and DigiCert."`
	CertificateHosts []string      `env:"COSELL_AGENT_CERTIFICATE_HOSTS" placeholder:"HOST[:PORT]" help:"Hosts of webhook certificates and their issuers beside Microsoft's."`
	Workers          int           `default:"200" env:"COSELL_AGENT_WORKERS" help:"Deals under way at once. What they ask of a remote system at the same time travels together."`
	Lease            time.Duration `default:"60s" env:"COSELL_AGENT_LEASE" help:"How long a worker keeps a deal without a sign of life."`
	CallTimeout      time.Duration `default:"20s" env:"COSELL_AGENT_CALL_TIMEOUT" help:"The longest that one remote call may take."`
	ListLag          time.Duration `default:"30s" env:"COSELL_AGENT_LIST_LAG" help:"How long a new referral may be missing in Partner Center's lists."`
	adminFlags
	KeepEvents   time.Duration `default:"720h" env:"COSELL_AGENT_KEEP_EVENTS" help:"How long received events are kept, at least as long as a webhook may be repeated; 0 keeps them for ever."`
	KeepRequests time.Duration `default:"2160h" env:"COSELL_AGENT_KEEP_REQUESTS" help:"How long requests that were sent and settled are kept; 0 keeps them for ever."`
	KeepHistory  time.Duration `default:"17520h" env:"COSELL_AGENT_KEEP_HISTORY" help:"How long the history of deals is kept; 0 keeps it for ever. Deals themselves are always kept."`
	LogLevel     string        `default:"info" enum:"trace,debug,info,warn,error" env:"COSELL_AGENT_LOG_LEVEL" help:"One of ${enum}."`
	LogJSON      bool          `env:"COSELL_AGENT_LOG_JSON" help:"Log one JSON object a line."`
}

// Help is shown by run --help.
func (runCommand) Help() string {
	return `Examples:
  terraform output -raw agent_config | cosell-agent run --config -
  cosell-agent run --config agent.json --store file:/var/lib/cosell/agent.db --listen 127.0.0.1:8080
  cosell-agent run --config agent.json --store postgres://cosell@db/cosell --store-password env:DB_PASSWORD --log-json`
}

// Run runs the agent.
func (c runCommand) Run(ctx context.Context) error {
	log := hclog.New(&hclog.LoggerOptions{Name: "cosell-agent", Level: hclog.LevelFromString(c.LogLevel), JSONFormat: c.LogJSON, Output: os.Stderr})
	documents, err := readDocuments(c.Config)
	if err != nil {
		return err
	}
	if c.Lease <= c.CallTimeout {
		return fmt.Errorf("--lease %s must be longer than --call-timeout %s: a create must not outlive its worker's right to it", c.Lease, c.CallTimeout)
	}
	machine, err := c.machine(log)
	if err != nil {
		return err
	}
	metrics := console.NewMetrics(version)
	machine.Observer = metrics
	address, err := c.dsn()
	if err != nil {
		return err
	}
	shared, err := openStore(ctx, store.Options{DSN: address, Connector: documents[0].Connector.Name, Clock: machine.Now, Owner: owner(), Sleep: sleep})
	if err != nil {
		return err
	}
	apps, stores := make([]*app.App, len(documents)), make([]*store.SQL, len(documents))
	for i, d := range documents {
		stores[i] = shared.Connector(d.Connector.Name)
		if apps[i], err = app.New(d, stores[i], machine); err != nil {
			return errors.Join(err, shared.Close())
		}
	}
	admin := c.admin(stores, apps, metrics, log)
	err = c.serve(ctx, apps, admin, log)
	log.Info("stopped")
	return errors.Join(err, shared.Close())
}

// serve runs the connectors and their webhook endpoint until the context ends or one of them cannot go on.
func (c runCommand) serve(ctx context.Context, apps []*app.App, admin *console.Server, log hclog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mux := http.NewServeMux()
	admin.AddProbes(mux)
	paths := map[string]sharedPath{}
	for _, a := range apps {
		if path := a.Path(); path != "" {
			paths[path] = append(paths[path], a)
		}
	}
	for path, connectors := range paths {
		mux.Handle(path, connectors)
	}
	receives := len(paths) > 0
	for _, a := range apps {
		if path := a.RowPath(); path != "" {
			mux.Handle(path, a)
			receives = true
		}
	}
	var group sync.WaitGroup
	ended := make(chan error, len(apps)+2)
	start := func(task func() error) {
		group.Go(func() {
			ended <- task()
			cancel()
		})
	}
	if receives {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("open the webhook endpoint: %w", err)
		}
		log.Info("receiving webhooks", "address", listener.Addr().String())
		start(func() error {
			return intake.Serve(ctx, listener, mux, intake.ServerOptions{TLSCertificate: c.TLSCertificate, TLSKey: c.TLSKey, Log: log.Named("intake")})
		})
	}
	if err := c.serveAdmin(ctx, admin, start, log); err != nil {
		cancel()
		group.Wait()
		return err
	}
	for _, a := range apps {
		start(func() error { return a.Run(ctx) })
	}
	go c.reloadOnHangup(ctx, apps, log)
	group.Wait()
	close(ended)
	var failures []error
	for err := range ended {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// reloadOnHangup reads the documents again on SIGHUP. One that cannot be used leaves the last good one in force.
func (c runCommand) reloadOnHangup(ctx context.Context, apps []*app.App, log hclog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		for i, name := range c.Config {
			if err := reload(name, i, apps, log); err != nil {
				log.Error("the new document cannot be used, the last good one stays in force", "file", name, "error", err)
			}
		}
	}
}

// reload reads the document of one of the apps again.
func reload(name string, i int, apps []*app.App, log hclog.Logger) error {
	if name == "-" {
		return errors.New("a document from standard input cannot be read again; give a file to change it while running")
	}
	d, err := readDocument(name, os.Stdin)
	if err == nil {
		documents := make([]document.Document, len(apps))
		for n, a := range apps {
			documents[n] = a.Health().Document
		}
		documents[i] = d
		err = apart(documents)
	}
	if err == nil {
		err = apps[i].Reload(d)
	}
	if err == nil {
		log.Info("took up the new document", "file", name, "revision", d.Connector.Revision)
	}
	return err
}

// admin makes the admin API of the apps.
func (c runCommand) admin(stores []*store.SQL, apps []*app.App, metrics *console.Metrics, log hclog.Logger) *console.Server {
	connectors := map[string]console.Operations{}
	for i, a := range apps {
		name := a.Health().Document.Connector.Name
		connectors[name] = &console.Local{
			Store: stores[i], Connector: name, Version: version, Now: time.Now, Language: problem.English,
			Health: a.Health, ReadAgain: func() error { return reload(c.Config[i], i, apps, log) },
		}
	}
	metrics.Watch(connectors)
	return &console.Server{Connectors: connectors, Metrics: metrics.Handler(), Now: time.Now, Log: log.Named("admin")}
}

// serveAdmin opens the admin address, unless it is off.
func (c runCommand) serveAdmin(ctx context.Context, admin *console.Server, start func(func() error), log hclog.Logger) error {
	address, token, on, err := c.address(c.Store)
	if err != nil {
		return err
	}
	if !on {
		log.Info("the admin API is off; give an address with --admin-listen to have it")
		return nil
	}
	tls := intake.ServerOptions{Log: log.Named("admin")}
	if address.Guarded() {
		admin.Token = token
	}
	if !address.Local() {
		tls.TLSCertificate, tls.TLSKey = c.TLSCertificate, c.TLSKey
	}
	if err := address.Check(token, tls.TLSCertificate != ""); err != nil {
		return err
	}
	listener, err := address.Listen(ctx)
	if err != nil {
		return err
	}
	log.Info("the admin API listens", "address", address.String())
	start(func() error { return intake.Serve(ctx, listener, admin.Handler(), tls) })
	return nil
}

func (c runCommand) machine(log hclog.Logger) (app.Machine, error) {
	bundle, err := readPool("--trust-bundle", c.TrustBundle)
	if err != nil {
		return app.Machine{}, err
	}
	intermediates, err := readPool("--intermediates", c.Intermediates)
	if err != nil {
		return app.Machine{}, err
	}
	return app.Machine{
		Version: version, Transport: wire.NewTransport(nil), TrustBundle: bundle, Intermediates: intermediates, CertificateHosts: c.CertificateHosts,
		Secrets: secret.FromSystem(), Workers: max(c.Workers, 1), Lease: c.Lease, CallTimeout: c.CallTimeout, ListLag: c.ListLag,
		Keep: store.Retention{Events: c.KeepEvents, Intents: c.KeepRequests, Audit: c.KeepHistory},
		Now:  time.Now, Sleep: sleep, Jitter: mathrand.Float64, NewID: newID, Log: log,
	}, nil
}

// readPool reads the PEM file of a flag; a flag that was not given gives nil.
func readPool(flag, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := intake.LoadPool(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return pool, nil
}

// A command that acts on a store without an agent holds the file for a moment, which must not keep an agent from starting.
const (
	glance  = 100 * time.Millisecond
	glances = 50
)

// openStore opens the store for an agent, and waits for commands that are looking at it.
func openStore(ctx context.Context, o store.Options) (*store.SQL, error) {
	for range glances {
		s, err := store.Open(ctx, o)
		if !errors.Is(err, store.ErrInUse) {
			return s, err
		}
		sleep(ctx, glance)
	}
	s, err := store.Open(ctx, o)
	if errors.Is(err, store.ErrInUse) {
		err = fmt.Errorf("%w; one agent at a time works with a file, several share a PostgreSQL database", err)
	}
	return s, err
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func newID() string { return uuid.NewString() }

// owner names this process in leases, for people who read the tables.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:6])
}

func readDocuments(names []string) ([]document.Document, error) {
	documents := make([]document.Document, len(names))
	seen := map[string]string{}
	for i, name := range names {
		d, err := readDocument(name, os.Stdin)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[d.Connector.Name]; twice {
			return nil, problem.New(problem.DocumentInvalid, name, "connector "+d.Connector.Name+" is declared in "+other+" too")
		}
		documents[i], seen[d.Connector.Name] = d, name
	}
	return documents, apart(documents)
}

func readDocument(name string, stdin io.Reader) (document.Document, error) {
	var content []byte
	var err error
	if name == "-" {
		content, err = io.ReadAll(stdin)
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return document.Document{}, problem.Wrap(problem.DocumentInvalid, name, err)
	}
	d, err := document.Decode(content)
	if err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}
