// Package dataverse is a local Dataverse environment with Dynamics 365 Sales, faithful on the wire: the Web API with metadata and
// publishing, rows with OData queries, batches, change tracking, webhook steps, solutions, environment variables and cloud flows,
// all on one host. It is written from the public references alone. What those leave open is a switch (see Switches); whatever it
// does not know, it refuses.
package dataverse

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Service is the name under which an environment logs its operations and draws its faults, unless its options say otherwise.
const Service = "dataverse"

// Tokens issues and checks access tokens; the sandbox's identity service is one.
type Tokens interface {
	// Verify returns the claims of an access token, and fails for one that is unknown, revoked or expired.
	Verify(token string) (entra.Claims, error)
}

// Options describe the environment. Tokens must be given; the rest of the zero value is a complete Dynamics 365 Sales environment.
type Options struct {
	Tokens   Tokens
	Service  string // name in the log and in fault plans; default Service
	Name     string // the organization's unique name; default contoso
	Provider string // client id of the administrator's application, by which the provider works
	Agent    string // client id of the agent's application
	Currency string // ISO code of the base currency; default USD
	// KeyIndexTime is how long the index of a new alternate key takes in the sandbox's time: pending for half of it, then in
	// progress. 0 means two seconds; a negative time means none.
	KeyIndexTime time.Duration
	// Limits of service protection, per user; zero parts mean those of the real service.
	Limits Limits
	// Transport delivers webhooks; nil means a transport of its own.
	Transport http.RoundTripper
	Random    io.Reader // source of ids; default crypto/rand
	// Key is that of the applications' certificates; nil means a new one for each. Making one is slow.
	Key *rsa.PrivateKey
}

// Environment is one simulated environment. All methods may be used concurrently.
type Environment struct {
	kit  *lab.Kit
	opts Options

	mu        sync.Mutex // guards everything below
	baseURL   string
	ids       *idSource
	version   int64 // the last row version given, over all tables
	catalog   *catalog
	tables    map[string]*table // by logical name of the entity
	rights    map[string]map[string]depth
	windows   map[string]*window // service protection, by user
	cache     map[string]cached  // answers of metadata reads, where the switch says so
	names     names
	people    people
	inFlight  int // metadata writes that have begun and not ended
	sequences map[string]int
	runs      map[string]flowRun // of cloud flows, under way
	forgotten time.Time          // tokens of change tracking that were given until then have expired
	outbox    *outbox
}

// names are ids of rows that are made with the environment.
type names struct {
	organization, businessUnit, currency, defaultPublisher, defaultSolution, activeSolution string
}

// people are the users that the environment starts with.
type people struct{ system, provider, agent, seller string }

// New makes an environment with its standard tables, users, roles and forms. It refuses a kit or options that lack what they
// must have.
func New(kit *lab.Kit, opts Options) (*Environment, error) {
	if kit == nil || opts.Tokens == nil {
		return nil, errors.New("dataverse: the kit or the identity service is missing")
	}
	setDefaults(&opts)
	ids, err := newIDSource(opts.Random)
	if err != nil {
		return nil, err
	}
	e := &Environment{
		kit: kit, opts: opts, ids: ids, version: firstVersion, tables: map[string]*table{},
		rights: map[string]map[string]depth{}, windows: map[string]*window{}, cache: map[string]cached{}, sequences: map[string]int{}, runs: map[string]flowRun{},
	}
	e.outbox = newOutbox(e)
	e.catalog = newCatalog()
	e.catalog.entity("opportunity").props["ChangeTrackingEnabled"] = e.is(switchTrackOpportunity, "on")
	if err := e.seed(); err != nil {
		return nil, err
	}
	return e, nil
}

func setDefaults(opts *Options) {
	orElse := func(value *string, fallback string) {
		if *value == "" {
			*value = fallback
		}
	}
	orElse(&opts.Service, Service)
	orElse(&opts.Name, "contoso")
	orElse(&opts.Currency, "USD")
	if opts.KeyIndexTime == 0 {
		opts.KeyIndexTime = 2 * time.Second
	}
	if opts.Transport == nil {
		opts.Transport = &http.Transport{}
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	opts.Limits.setDefaults()
}

// SetBaseURL tells the environment under which address it is reached, without a trailing slash, once the listener exists. It is
// also the audience that its tokens must have.
func (e *Environment) SetBaseURL(url string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.baseURL = strings.TrimRight(url, "/")
}

// BaseURL is the environment's URL, without a trailing slash.
func (e *Environment) BaseURL() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.baseURL
}

// OrganizationID is the id of the environment's organization row, as WhoAmI gives it.
func (e *Environment) OrganizationID() string { return e.names.organization }

// Tick lets happen what time alone brings about. The index of an alternate key needs no help: its state is computed when asked.
func (e *Environment) Tick() { e.outbox.signal() }

// now is the environment's time in the resolution of its date-time columns: whole seconds.
func (e *Environment) now() time.Time { return e.kit.Clock.Now().Truncate(time.Second) }

// is asks a switch of this package.
func (e *Environment) is(id, value string) bool { return e.kit.Switches.Is(id, value) }

const timeForm = "2006-01-02T15:04:05Z"

func stamp(t time.Time) string { return t.UTC().Format(timeForm) }

// firstVersion is where row versions start; those of real environments have six or more digits.
const firstVersion = 1000000

// api is the path below which the Web API lives (compose-http-requests-handle-errors).
const api = "/api/data/"

// versions of the Web API that are served.
var versions = map[string]bool{"v9.0": true, "v9.1": true, "v9.2": true}

// url makes an absolute URL below the Web API's root. The lock is held.
func (e *Environment) url(format string, args ...any) string {
	return e.baseURL + api + "v9.2/" + fmt.Sprintf(format, args...)
}
