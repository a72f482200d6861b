// Package salesforce is a local Salesforce org, faithful on the wire: OAuth, the REST data API with describe, rows, SOQL,
// collections and composite, the Tooling query, and the SOAP Metadata API, all on one host. It is written from the public
// references alone. What those leave open is a switch (see Switches); whatever it does not know, it refuses.
package salesforce

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Service is the name under which an org logs its operations and draws its faults, unless its options say otherwise.
const Service = "salesforce"

// Options describe the org. The zero value is a complete Enterprise Edition org.
type Options struct {
	Service          string        // name in the log and in fault plans; default Service
	OrgID            string        // 15 or 18 characters; default 00Dgk0000000001EAA
	OrgName          string        // default Contoso Partner Org
	Sandbox          bool          // Organization.IsSandbox
	SessionTTL       time.Duration // default 2 h
	DailyAPIRequests int           // rolling day; default 100000
	Provider, Agent  Login         // the two integration users; empty parts are generated
	Audiences        []string      // further values accepted as aud of a JWT assertion
	Random           io.Reader     // source of tokens and secrets; default crypto/rand
}

// Login is an integration user together with the connected app that lets it in, by JWT bearer (ClientID, Username,
// PrivateKeyPEM) or by client credentials (ClientID, ClientSecret; the app runs as the user).
type Login struct {
	Username      string
	UserID        string // set by New
	ClientID      string
	ClientSecret  string
	PrivateKeyPEM string // PKCS #8; its public half is the certificate registered with the app
}

// Credentials are what a program needs to sign in: as the provider's administrator and as the agent's integration user.
type Credentials struct {
	OrgID    string
	BaseURL  string // login URL and instance URL at once
	Provider Login
	Agent    Login
}

// Org is one simulated org. All methods may be used concurrently.
type Org struct {
	kit  *lab.Kit
	opts Options

	mu            sync.Mutex // guards everything below
	baseURL       string
	ids           *idSource
	data, tooling *catalog
	tables        map[string]*table
	setup         *setup
	apps          map[string]*connectedApp // by client id
	sessions      map[string]*session
	users         map[string]*principal // by user id
	seller        *principal
	locators      []*locator
	usage         apiUsage
	schemaChanged time.Time
	bus           *eventBus
}

// New makes an org with its standard objects, users, stages and layout. It refuses a malformed org id or private key, and a
// kit that lacks this package's switches.
func New(kit *lab.Kit, opts Options) (*Org, error) {
	if kit == nil {
		return nil, errors.New("salesforce: the kit is missing")
	}
	if opts.OrgID == "" {
		opts.OrgID = "00Dgk0000000001"
	}
	id, ok := normalizeID(opts.OrgID)
	if !ok || !strings.HasPrefix(id, "00D") {
		return nil, fmt.Errorf("salesforce: %q is not an organization id; use 15 or 18 characters starting with 00D", opts.OrgID)
	}
	opts.OrgID = id
	setDefaults(&opts)
	o := &Org{
		kit: kit, opts: opts, ids: newIDSource(id), data: standardCatalog(), tables: map[string]*table{},
		sessions: map[string]*session{}, users: map[string]*principal{}, apps: map[string]*connectedApp{},
	}
	o.setup = newSetup()
	o.bus = newEventBus(o)
	o.tooling = o.toolingCatalog()
	o.schemaChanged = o.now()
	if err := o.seed(); err != nil {
		return nil, err
	}
	return o, nil
}

func setDefaults(opts *Options) {
	if opts.Service == "" {
		opts.Service = Service
	}
	if opts.OrgName == "" {
		opts.OrgName = "Contoso Partner Org"
	}
	if opts.SessionTTL == 0 {
		opts.SessionTTL = 2 * time.Hour
	}
	if opts.DailyAPIRequests == 0 {
		opts.DailyAPIRequests = 100_000
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
}

// SetBaseURL tells the org under which address it is reached, without a trailing slash, once the listener exists.
func (o *Org) SetBaseURL(url string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.baseURL = strings.TrimRight(url, "/")
}

// Credentials returns the logins of the two integration users.
func (o *Org) Credentials() Credentials {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Credentials{OrgID: o.opts.OrgID, BaseURL: o.baseURL, Provider: o.opts.Provider, Agent: o.opts.Agent}
}

// now is the org's time in the resolution of its date-time columns: whole seconds.
func (o *Org) now() time.Time { return o.kit.Clock.Now().Truncate(time.Second) }

// Versions that the org serves: Spring '24 to Winter '27.
const oldestVersion, newestVersion = 60, 68

var versionPattern = regexp.MustCompile(`^[1-9]\d\.0$`)

func knownVersion(v string) bool {
	var major int
	_, err := fmt.Sscanf(v, "%d.0", &major)
	return versionPattern.MatchString(v) && err == nil && major >= oldestVersion && major <= newestVersion
}

// apiUsage counts API requests in a day.
type apiUsage struct {
	since time.Time
	count int
}

// countRequest adds one API request and says whether the day's allocation still covers it.
func (o *Org) countRequest() bool {
	o.usage.roll(o.kit.Clock.Now())
	if o.usage.count >= o.opts.DailyAPIRequests {
		return false
	}
	o.usage.count++
	return true
}

// roll starts a new day when the last one is over.
func (u *apiUsage) roll(now time.Time) {
	if now.Sub(u.since) >= 24*time.Hour {
		*u = apiUsage{since: now}
	}
}
