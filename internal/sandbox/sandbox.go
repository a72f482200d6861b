// Package sandbox runs local stand-ins for every remote system of the connector: the identity service, the two Partner Center
// APIs with signed webhooks, and Salesforce, with a second org for staging and a Dataverse environment if asked. They listen on the
// loopback interface only and keep everything in memory. A control API on a listener of its own moves the clock, switches and
// faults, and lets people act.
package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// The names of the listeners, as Options.Listen gets them.
const (
	ListenerControl      = "control"
	ListenerEntra        = "entra"
	ListenerReferrals    = "referrals"
	ListenerEvents       = "events"
	ListenerCertificates = "certificates"
	ListenerSalesforce   = "salesforce"
	ListenerStaging      = "salesforce-staging" // with Options.Staging only
	ListenerDataverse    = "dataverse"          // with Options.Dataverse only
)

// Options configure a sandbox. The zero value is complete.
type Options struct {
	Dir         string // for key and trust files, mode 0600; empty means a temporary directory that Close removes
	PartnerName string // the partner's organization; default Contoso
	MPNID       string // default 1234567
	Seed        uint64 // of ids and secrets; 0 means that they are random

	// Listen opens the listener of that name; nil means a free port of 127.0.0.1. Its address must be host:port.
	Listen func(name string) (net.Listener, error)
	// Transport delivers webhooks; nil means a transport of its own.
	Transport http.RoundTripper
	// RetryInterval is the time between the attempts of one webhook delivery; 0 means one second.
	RetryInterval time.Duration
	// Switches are initial values by id; Switches() lists what there is.
	Switches map[string]string
	// Authority signs webhooks; nil means a new one. Making one is slow, because of its RSA key.
	Authority *partnercenter.Authority
	// Salesforce configures the simulated org; its Random is set from Seed if empty.
	Salesforce SalesforceOptions
	// Staging, if not nil, adds a second Salesforce org that shares the Partner Center tenant with the first. The tenant then has
	// a second application and user, so that the operation log tells who belongs to which org.
	Staging *SalesforceOptions
	// Dataverse, if not nil, adds a Dataverse environment with Dynamics 365 Sales, with applications of its own in the tenant.
	Dataverse *DataverseOptions
}

// Sandbox is a set of simulated services. New opens its listeners, Start serves, Close ends.
type Sandbox struct {
	kit           *lab.Kit
	identity      *entra.Service
	partnerCenter *partnercenter.Service
	production    *organization
	staging       *organization // nil without Options.Staging
	dataverse     *environment  // nil without Options.Dataverse
	options       Options
	partnerID     string
	ownsDir       bool
	listeners     map[string]net.Listener
	servers       []*http.Server
	cancel        context.CancelFunc
	running       sync.WaitGroup
	closing       sync.Once
	closed        error
}

// Switches lists every point that the references leave open, of all services.
func Switches() []lab.Switch {
	var all []lab.Switch
	all = append(all, entra.Switches()...)
	all = append(all, partnercenter.Switches()...)
	all = append(all, salesforceSwitches()...)
	return append(all, dataverseSwitches()...)
}

// New makes the services and opens their listeners, so that Env is complete; nothing is served before Start. It fails on an
// unknown switch, and when a directory, key or listener cannot be made.
func New(options Options) (*Sandbox, error) {
	if options.PartnerName == "" {
		options.PartnerName = "Contoso"
	}
	if options.MPNID == "" {
		options.MPNID = "1234567"
	}
	if options.Listen == nil {
		options.Listen = func(string) (net.Listener, error) {
			return (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		}
	}
	s := &Sandbox{kit: lab.NewKit(Switches()...), options: options, listeners: map[string]net.Listener{}}
	if err := s.build(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sandbox) build() error {
	for id, value := range s.options.Switches {
		if err := s.kit.Switches.Set(id, value); err != nil {
			return err
		}
	}
	if s.options.Dir == "" {
		dir, err := os.MkdirTemp("", "cosell-sandbox-")
		if err != nil {
			return fmt.Errorf("make the sandbox's directory: %w", err)
		}
		s.options.Dir, s.ownsDir = dir, true
	}
	names := []string{ListenerControl, ListenerEntra, ListenerReferrals, ListenerEvents, ListenerCertificates, ListenerSalesforce}
	if s.options.Staging != nil {
		names = append(names, ListenerStaging)
	}
	if s.options.Dataverse != nil {
		names = append(names, ListenerDataverse)
	}
	for _, name := range names {
		listener, err := s.options.Listen(name)
		if err != nil {
			return fmt.Errorf("open the %s listener of the sandbox: %w", name, err)
		}
		s.listeners[name] = listener
	}
	random := randomSource(s.options.Seed)
	if err := s.buildPartnerCenter(random); err != nil {
		return err
	}
	if err := s.buildOrganizations(random); err != nil {
		return err
	}
	if err := s.buildDataverse(random); err != nil {
		return err
	}
	return s.writeFiles()
}

func (s *Sandbox) buildPartnerCenter(random io.Reader) error {
	var err error
	identity := entra.Options{Audiences: []string{partnercenter.ReferralsAudience, partnercenter.EventsAudience}, Random: random}
	if s.options.Dataverse != nil {
		identity.Audiences = append(identity.Audiences, s.url(ListenerDataverse)) // an environment's tokens are for its URL
		identity.Key = s.options.Dataverse.Key
	}
	if s.identity, err = entra.New(s.kit, identity); err != nil {
		return err
	}
	if s.partnerID, err = randomGUID(random); err != nil {
		return err
	}
	s.partnerCenter, err = partnercenter.New(s.kit, partnercenter.Options{
		Tokens: s.identity, Partner: partnercenter.Organization{ID: s.partnerID, Name: s.options.PartnerName},
		MPNID: s.options.MPNID, ReferralsURL: s.url(ListenerReferrals), Random: random,
		CertificateURL: "https://" + s.address(ListenerCertificates) + partnercenter.CertificatePath,
		Transport:      s.options.Transport, RetryInterval: s.options.RetryInterval, Authority: s.options.Authority,
	})
	return err
}

// randomSource is crypto/rand, or a stream that the seed determines. It may be read concurrently.
func randomSource(seed uint64) io.Reader {
	if seed == 0 {
		return rand.Reader
	}
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return &lockedReader{reader: mathrand.NewChaCha8(key)}
}

type lockedReader struct {
	mu     sync.Mutex
	reader io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reader.Read(p)
}

func randomGUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make the partner's id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]), nil
}

func (s *Sandbox) address(name string) string { return s.listeners[name].Addr().String() }

func (s *Sandbox) url(name string) string { return "http://" + s.address(name) }

// Start serves all listeners and delivers webhooks until the context ends or Close is called. It returns at once, and is
// called once.
func (s *Sandbox) Start(ctx context.Context) error {
	certificate, err := s.partnerCenter.Authority().TLSCertificate(time.Now())
	if err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.serve(ListenerControl, s.controlHandler())
	s.serve(ListenerEntra, s.identity.Handler())
	s.serve(ListenerReferrals, s.partnerCenter.Referrals())
	s.serve(ListenerEvents, s.partnerCenter.Webhooks())
	s.serve(ListenerSalesforce, s.production.Handler())
	if s.staging != nil {
		s.serve(ListenerStaging, s.staging.Handler())
	}
	if s.dataverse != nil {
		s.serve(ListenerDataverse, s.dataverse.Handler())
		s.running.Go(func() { s.dataverse.Deliver(ctx) })
	}
	s.listeners[ListenerCertificates] = tls.NewListener(s.listeners[ListenerCertificates], &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
	})
	s.serve(ListenerCertificates, s.partnerCenter.Authority().Handler())
	s.running.Go(func() { s.partnerCenter.Deliver(ctx) })
	context.AfterFunc(ctx, func() { _ = s.Close() }) // whoever calls Close too gets the error
	return nil
}

func (s *Sandbox) serve(name string, handler http.Handler) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // the Pub/Sub API of an org is gRPC
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, Protocols: protocols}
	s.servers = append(s.servers, server)
	listener := s.listeners[name]
	s.running.Go(func() { _ = server.Serve(listener) }) // always ends with ErrServerClosed or the listener's end
}

// Close ends all requests, listeners and deliveries, and removes the directory if it was a temporary one. It may be called
// several times.
func (s *Sandbox) Close() error {
	s.closing.Do(func() {
		if s.cancel != nil {
			s.cancel()
		}
		for _, server := range s.servers {
			s.closed = errors.Join(s.closed, server.Close())
		}
		for _, listener := range s.listeners {
			if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				s.closed = errors.Join(s.closed, err)
			}
		}
		s.running.Wait()
		if s.ownsDir {
			s.closed = errors.Join(s.closed, os.RemoveAll(s.options.Dir))
		}
	})
	return s.closed
}

// Kit is what the services share: clock, operation log, switches, faults and trap.
func (s *Sandbox) Kit() *lab.Kit { return s.kit }

// Identity is the identity service.
func (s *Sandbox) Identity() *entra.Service { return s.identity }

// PartnerCenter is the simulated Partner Center.
func (s *Sandbox) PartnerCenter() *partnercenter.Service { return s.partnerCenter }

// URL is the address of the control API, without a trailing slash.
func (s *Sandbox) URL() string { return s.url(ListenerControl) }

// Advance moves the sandbox's clock forward and lets happen what time alone brings about.
func (s *Sandbox) Advance(d time.Duration) {
	s.kit.Clock.Advance(d)
	s.partnerCenter.Tick()
	if s.dataverse != nil {
		s.dataverse.Tick()
	}
}

// trustBundleFile is the file in Options.Dir with the authorities that sign webhooks and the certificate listener.
const trustBundleFile = "trust-bundle.pem"

func (s *Sandbox) path(name string) string { return filepath.Join(s.options.Dir, name) }

func (s *Sandbox) writeFiles() error {
	files := s.production.files()
	if s.staging != nil {
		maps.Copy(files, s.staging.files())
	}
	if s.dataverse != nil {
		maps.Copy(files, s.dataverse.files())
	}
	files[trustBundleFile] = s.partnerCenter.Authority().TrustBundle()
	for name, content := range files {
		if err := writeFile(s.path(name), content); err != nil {
			return err
		}
	}
	return nil
}
