package sim

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// hookPath is the path of every agent's webhook endpoint.
const hookPath = "/hooks/5b1f0c"

// agent is one installation of the agent: its address, its document and its store outlive the process that runs.
type agent struct {
	w        *world
	name     string
	env      map[string]string
	document document.Document
	storage  storage
	ids      *stream      // of its calls, over all its lives
	skew     atomic.Int64 // of its clock, in nanoseconds
	together bool         // the store goes by that clock too, as one on the same machine does
	listener net.Listener
	server   *http.Server
	served   chan error

	mu   sync.Mutex
	life *life // nil while no process runs
}

// life is one process: from start to stop or kill.
type life struct {
	app       *app.App
	store     *mortal
	ctx       context.Context // ends with the process
	cancel    context.CancelFunc
	transport *http.Transport
	ended     chan error
}

// storage opens what survives a process.
type storage func(name string, now func() time.Time) (store.Store, error)

// inMemory keeps a store in memory over all lives of an agent.
func inMemory() storage {
	var kept *store.Memory
	return func(name string, now func() time.Time) (store.Store, error) {
		if kept == nil {
			kept = store.NewMemory(name, now)
		} else {
			kept.Reopen()
		}
		return unclosed{kept}, nil
	}
}

// unclosed survives the end of a process.
type unclosed struct{ store.Store }

func (unclosed) Close() error { return nil }

// inSQLite keeps a store in a file of the directory.
func inSQLite(directory string) storage {
	return func(name string, now func() time.Time) (store.Store, error) {
		return store.Open(context.Background(), store.Options{
			DSN: "sqlite:" + filepath.Join(directory, name+".db"), Connector: name, Clock: now, Owner: name,
		})
	}
}

// newAgent makes an installation and opens its webhook endpoint; start runs it. The document may be changed before.
func (w *world) newAgent(o organisation, d document.Document, kept storage) *agent {
	w.t.Helper()
	a := &agent{w: w, name: d.Connector.Name, env: o.env, document: d, storage: kept, served: make(chan error, 1)}
	a.ids = &stream{random: w.stream("calls of " + a.name)}
	var err error
	if a.listener, err = w.network.Listen(a.name); err != nil {
		w.t.Fatal(err)
	}
	a.server = &http.Server{Handler: a}
	go func() { a.served <- a.server.Serve(a.listener) }()
	w.agents = append(w.agents, a)
	return a
}

// url is where the agent receives webhooks.
func (a *agent) url() string { return "http://" + a.listener.Addr().String() + hookPath }

// ServeHTTP hands a webhook to the process that runs; without one it is refused.
func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	running := a.running()
	if running == nil || running.ctx.Err() != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	running.app.ServeHTTP(w, r)
}

// start runs a process.
func (a *agent) start() {
	a.w.t.Helper()
	kept, err := a.storage(a.name, a.storeNow)
	if err != nil {
		a.w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	next := &life{
		store: newMortal(kept), ctx: ctx, cancel: cancel, ended: make(chan error, 1),
		transport: &http.Transport{DialContext: a.w.network.DialContext},
	}
	if next.app, err = app.New(a.documentInForce(), next.store, a.machine(next)); err != nil {
		a.w.t.Fatal(err)
	}
	a.mu.Lock()
	a.life = next
	a.mu.Unlock()
	go func() { next.ended <- next.app.Run(ctx) }()
}

// now is the time by the clock of the machine that the agent runs on.
func (a *agent) now() time.Time { return a.w.now().Add(time.Duration(a.skew.Load())) }

// storeNow is the time by the clock that the store goes by.
func (a *agent) storeNow() time.Time {
	if a.together {
		return a.now()
	}
	return a.w.now()
}

// running is the process that runs; nil: none does.
func (a *agent) running() *life {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.life
}

// documentInForce is what the agent runs by, or will when it is started.
func (a *agent) documentInForce() document.Document {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.document
}

// reload puts another document in the place of the agent's, as a change of the file does. A process that does not run reads it
// when it is started.
func (a *agent) reload(d document.Document) {
	a.w.t.Helper()
	a.mu.Lock()
	running := a.life
	a.document = d
	a.mu.Unlock()
	if running == nil {
		return
	}
	if err := running.app.Reload(d); err != nil {
		a.w.t.Error(err)
	}
}

// machine gives the app the world's time and network. Waits and calls take a little longer than asked, so that no two things
// happen at the same instant. By how much follows from what waits and when, not from who asks first: goroutines that begin
// together come in any order.
func (a *agent) machine(l *life) app.Machine {
	return app.Machine{
		Version: "sim", Transport: &slow{a, l}, Dial: a.w.network.DialContext, DialEvents: a.w.network.DialContext, TrustBundle: a.trustBundle(),
		CertificateHosts: []string{a.env["COSELL_AGENT_CERTIFICATE_HOSTS"]}, Secrets: a.secrets(), Workers: 4,
		Lease: time.Minute, CallTimeout: 20 * time.Second, ListLag: 30 * time.Second, IdleWait: 6 * time.Hour,
		Now: a.now, Sleep: func(ctx context.Context, d time.Duration) {
			pause(ctx, d+a.extra(time.Millisecond, "wait", d.String()))
		},
		Gather: func() { time.Sleep(time.Nanosecond) }, // so that who begins at the same instant travels together, whoever comes first
		Jitter: func() float64 { return float64(a.extra(time.Second, "jitter")) / float64(time.Second) },
		NewID:  a.ids.guid, Log: a.w.log(a.name),
	}
}

func (a *agent) trustBundle() *x509.CertPool {
	content, err := os.ReadFile(a.env["COSELL_AGENT_TRUST_BUNDLE"])
	if err != nil {
		a.w.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		a.w.t.Fatal("the trust bundle holds no certificate")
	}
	return pool
}

// secrets resolves references against the organisation's environment instead of the process's.
func (a *agent) secrets() secret.Resolver {
	r := secret.FromSystem()
	r.LookupEnv = func(name string) (string, bool) {
		value, ok := a.env[name]
		return value, ok
	}
	return r
}

// stop ends the process in an orderly way: the deals under way are finished first.
func (a *agent) stop() { a.finish(func(l *life) { l.cancel() }) }

// kill ends the process as a power cut would: what it has sent may be carried out, but it learns nothing more and stores
// nothing more.
func (a *agent) kill() {
	a.finish(func(l *life) {
		l.store.die()
		l.cancel()
		l.transport.CloseIdleConnections()
	})
}

func (a *agent) finish(end func(*life)) {
	a.w.t.Helper()
	a.mu.Lock()
	l := a.life
	a.life = nil
	a.mu.Unlock()
	if l == nil {
		return
	}
	end(l)
	killed := l.store.dead.Err() != nil
	if err := <-l.ended; err != nil && !killed {
		a.w.t.Errorf("%s ended with %v", a.name, err)
	}
	l.transport.CloseIdleConnections()
	if err := l.store.Store.Close(); err != nil {
		a.w.t.Error(err)
	}
}

func (a *agent) close() {
	a.stop()
	if err := a.server.Close(); err != nil {
		a.w.t.Error(err)
	}
	<-a.served
}

// stream is a random stream that goroutines share.
type stream struct {
	mu     sync.Mutex
	random *rand.Rand
}

// extra is a time below most that the seed, the agent, the cause and the present instant determine.
func (a *agent) extra(most time.Duration, cause ...string) time.Duration {
	hash := fnv.New64a()
	fmt.Fprintln(hash, a.name, cause, time.Now().UnixNano())
	return time.Duration(rand.New(rand.NewPCG(a.w.seed, hash.Sum64())).Int64N(int64(most)))
}

func (s *stream) guid() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	high, low := s.random.Uint64(), s.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", high>>32, high>>16&0xffff, high&0xfff, low>>52, low&0xffffffffffff)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// longestTrip bounds the time that a request or an answer is on its way.
const longestTrip = 40 * time.Millisecond

// slow carries calls over the network in memory, with a latency each way. The process's death cuts calls off.
type slow struct {
	agent *agent
	life  *life
}

var errDead = errors.New("the process was killed")

// said is a request's body. What two requests to one address say tells them apart: with one delay for both they would arrive at one
// instant, and whoever ran first would be the first.
func said(request *http.Request) string {
	if request.GetBody == nil {
		return ""
	}
	body, err := request.GetBody() // from memory
	if err != nil {
		return ""
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return ""
	}
	return string(content)
}

// RoundTrip implements http.RoundTripper.
func (s *slow) RoundTrip(request *http.Request) (*http.Response, error) {
	what := said(request)
	pause(request.Context(), s.agent.extra(longestTrip, "to", request.Method, request.URL.String(), what))
	if s.life.store.dead.Err() != nil {
		return nil, errDead
	}
	ctx, cancel := context.WithCancel(request.Context())
	stop := context.AfterFunc(s.life.store.dead, cancel)
	sent := s.agent.w.tape.sends(s.life, request)
	response, err := s.life.transport.RoundTrip(request.WithContext(ctx))
	s.agent.w.tape.hears(sent, response)
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	response.Body = &trailing{response.Body, func() { stop(); cancel() }}
	pause(ctx, s.agent.extra(longestTrip, "from", request.Method, request.URL.String(), what))
	return response, nil
}
