package intake

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

const (
	hookPath   = "/hooks/5f0c6b1d9a7e4c33b1a2d4e5f6a7b8c9"
	signerURL  = "https://" + CertificateHost + "/cert/" + signerName + ".cer"
	referral   = "0a1b2c3d-1111-4222-8333-444455556666"
	publicAddr = "20.60.0.1"
)

// publicHosts are the hosts that a receiver knows without an operator's word.
var publicHosts = []string{CertificateHost, "www.microsoft.com", "caissuers.microsoft.com", "cacerts.digicert.com"}

type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fakeInbox keeps events by id, as the store does.
type fakeInbox struct {
	mu     sync.Mutex
	events map[string]store.Event
	calls  int
	fail   error
}

func (i *fakeInbox) Enqueue(_ context.Context, events []store.Event, cursor *store.Cursor) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	if cursor != nil {
		return errors.New("a webhook moves no cursor")
	}
	if i.fail != nil {
		return i.fail
	}
	for _, e := range events {
		i.events[e.ID] = e
	}
	return nil
}

func (i *fakeInbox) stored() []store.Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []store.Event
	for _, e := range i.events {
		out = append(out, e)
	}
	return out
}

// world is a receiver, a certificate host that answers on the network's loopback under a public name, and a record of every
// attempt to reach anything.
type world struct {
	t         testing.TB
	ca        *authority
	clock     *testClock
	inbox     *fakeInbox
	verifier  *Verifier
	handler   *Handler
	log       *bytes.Buffer
	host      *httptest.Server // by HTTPS
	plain     *httptest.Server // the same by HTTP, for port 80
	addresses map[string][]netip.Addr

	mu      sync.Mutex
	served  map[string]http.HandlerFunc // by path
	lookups []string
	dials   []string
}

type setup struct {
	verifier VerifierOptions
	handler  Options
	tlsNames []string
}

func newWorld(t testing.TB, changes ...func(*setup)) *world {
	t.Helper()
	w := &world{
		t: t, ca: newAuthority(t), clock: &testClock{now: start}, inbox: &fakeInbox{events: map[string]store.Event{}},
		log: new(bytes.Buffer), served: map[string]http.HandlerFunc{},
		addresses: map[string][]netip.Addr{},
	}
	for _, name := range publicHosts {
		w.addresses[name] = []netip.Addr{netip.MustParseAddr(publicAddr)}
	}
	log := hclog.New(&hclog.LoggerOptions{Output: w.log, Level: hclog.Trace})
	s := setup{tlsNames: publicHosts}
	s.verifier = VerifierOptions{
		SignatureHeader: HeaderMSSignature, Roots: w.ca.roots(), Intermediates: w.ca.intermediates(), ServerRoots: w.ca.roots(),
		Clock: w.clock.Now, Lookup: w.lookup, Dial: w.dial, Log: log,
	}
	s.handler = Options{Path: hookPath, Inbox: w.inbox, Clock: w.clock.Now, Log: log}
	for _, change := range changes {
		change(&s)
	}
	w.startHost(s.tlsNames)
	var err error
	if w.verifier, err = NewVerifier(s.verifier); err != nil {
		t.Fatal(err)
	}
	s.handler.Verifier = w.verifier
	if w.handler, err = NewHandler(s.handler); err != nil {
		t.Fatal(err)
	}
	w.serve("/cert/"+signerName+".cer", w.ca.leaf)
	return w
}

func (w *world) startHost(names []string) {
	answer := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		handler := w.served[r.URL.Path]
		w.mu.Unlock()
		if handler == nil {
			http.NotFound(rw, r)
			return
		}
		handler(rw, r)
	})
	w.plain = httptest.NewServer(answer)
	w.t.Cleanup(w.plain.Close)
	w.host = httptest.NewUnstartedServer(answer)
	w.host.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.server(w.t, names...)}}
	w.host.Config.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
	w.host.StartTLS()
	w.t.Cleanup(w.host.Close)
}

func (w *world) serve(path string, data []byte) {
	w.serveFunc(path, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/octet-stream")
		_, _ = rw.Write(data)
	})
}

func (w *world) serveFunc(path string, handler http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.served[path] = handler
}

func (w *world) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups = append(w.lookups, host)
	if a, ok := w.addresses[host]; ok {
		return a, nil
	}
	return nil, fmt.Errorf("no such host %s", host)
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, address)
	w.mu.Unlock()
	to := w.host
	if strings.HasSuffix(address, ":80") {
		to = w.plain
	}
	return new(net.Dialer).DialContext(ctx, network, to.Listener.Addr().String())
}

// reached tells what the receiver looked up and dialled.
func (w *world) reached() (lookups, dials int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lookups), len(w.dials)
}

// delivery is one request.
type delivery struct {
	method, target string
	header         http.Header
	body           []byte
}

func (d *delivery) sign(signature []byte) {
	d.header.Set("X-Ms-Signature", "Signature "+base64.StdEncoding.EncodeToString(signature))
}

func eventBody(name, resource string, changed time.Time) []byte {
	return fmt.Appendf(nil,
		`{"EventName":%q,"ResourceUri":%q,"ResourceName":"referral","AuditUri":null,"ResourceChangeUtcDate":%q}`,
		name, resource, changed.Format("2006-01-02T15:04:05.0000000-07:00"))
}

func referralURI(id string) string {
	return "https://api.partnercenter.microsoft.com/engagements/v1/referrals/" + id
}

// delivery gives a request that is right in every respect.
func (w *world) delivery() *delivery {
	return w.deliver(eventBody("referral-updated", referralURI(referral), w.clock.Now().Add(-time.Second)))
}

// deliver gives a request with this body, rightly signed.
func (w *world) deliver(body []byte) *delivery {
	d := &delivery{method: http.MethodPost, target: hookPath, header: http.Header{}, body: body}
	d.header.Set("Content-Type", "application/json")
	d.header.Set("X-Ms-Certificate-Url", signerURL)
	d.header.Set("X-Ms-Signature-Algorithm", "rsa-sha256")
	d.sign(signed(w.t, w.ca.leafKey, body))
	return d
}

// send gives the answer and the reason that was counted for it.
func (w *world) send(d *delivery) (*httptest.ResponseRecorder, Reason) {
	w.t.Helper()
	before := w.handler.Counts()
	r := httptest.NewRequest(d.method, d.target, bytes.NewReader(d.body))
	r.Header = d.header.Clone()
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	var reason Reason
	for name, n := range w.handler.Counts() {
		if n != before[name] {
			reason = name
		}
	}
	return answer, reason
}

// expect sends and compares the reason, its status, and that only accepted events are stored.
func (w *world) expect(d *delivery, want Reason) {
	w.t.Helper()
	stored := len(w.inbox.stored())
	answer, reason := w.send(d)
	if reason != want || answer.Code != want.Status() {
		w.t.Errorf("got %q (%d), want %q (%d)", reason, answer.Code, want, want.Status())
	}
	if want != Accepted && len(w.inbox.stored()) != stored {
		w.t.Error("an event that was not accepted was stored")
	}
}

// row is one line of an acceptance table: a right request, what is changed about it, and the verdict.
type row struct {
	id      string
	change  func(w *world, d *delivery)
	want    Reason
	noFetch bool
}

func runRows(t *testing.T, rows []row, setups ...func(*setup)) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.id, func(t *testing.T) {
			w := newWorld(t, setups...)
			d := w.delivery()
			r.change(w, d)
			w.expect(d, r.want)
			lookups, dials := w.reached()
			if r.noFetch && lookups+dials > 0 {
				t.Errorf("reached out: %v %v", w.lookups, w.dials)
			}
		})
	}
}
