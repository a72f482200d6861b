package salesforce

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const (
	data = "/services/data/v66.0"
	soap = "POST /services/Soap/m/66.0"

	orgID  = "00D000000000001EAA"
	userID = "005000000000001AAA"
)

var testNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type exchange struct {
	method, path, query, body string
	header                    http.Header
}

// fake is an org and its login host on one address. Handlers are keyed by method and path.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu          sync.Mutex
	requests    []exchange
	tokens      []url.Values
	tokenFormat string // of access tokens, with the number of the token
	identity    string // the token answer's id URL
	instance    string // overrides instance_url
	handlers    map[string]http.HandlerFunc
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, handlers: map[string]http.HandlerFunc{}, tokenFormat: "00D000000000001!session<%d>", identity: "https://login.salesforce.com/id/" + orgID + "/" + userID}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	if r.URL.Path == "/services/oauth2/token" {
		f.serveToken(w, string(body))
		f.mu.Unlock()
		return
	}
	f.requests = append(f.requests, exchange{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header})
	handler := f.handlers[r.Method+" "+r.URL.EscapedPath()]
	f.mu.Unlock()
	if handler == nil {
		f.t.Errorf("unexpected %s %s", r.Method, r.URL)
		http.Error(w, "", http.StatusTeapot)
		return
	}
	handler(w, r)
}

func (f *fake) serveToken(w http.ResponseWriter, body string) {
	form, err := url.ParseQuery(body)
	if err != nil {
		f.t.Error(err)
	}
	f.tokens = append(f.tokens, form)
	instance := f.server.URL
	if f.instance != "" {
		instance = f.instance
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprintf(f.tokenFormat, len(f.tokens)), "instance_url": instance, "id": f.identity,
		"token_type": "Bearer", "issued_at": "1767323045000", "signature": "x", "scope": "api",
	}); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) on(route string, handler http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers[route] = handler
}

// reply answers a route with a status and a body; headers come in pairs.
func (f *fake) reply(route string, status int, body string, header ...string) {
	f.on(route, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (f *fake) last() exchange {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) == 0 {
		f.t.Fatal("no request")
	}
	return f.requests[len(f.requests)-1]
}

func newStack(t *testing.T) *wire.Client {
	t.Helper()
	transport := wire.NewTransport(nil)
	t.Cleanup(transport.CloseIdleConnections)
	stack, err := wire.New(wire.Options{
		Transport: transport, Clock: func() time.Time { return testNow }, NewID: func() string { return "request-1" }, UserAgent: "test/1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// seen gives the requests so far, and issued the token requests.
func (f *fake) seen() []exchange {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func (f *fake) issued() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tokens)
}

func (f *fake) client(change ...func(*Config)) *Client {
	f.t.Helper()
	config := Config{LoginURL: f.server.URL, ClientID: "consumer-key", ClientSecret: secret.New("client-secret"), CallerName: "cosell-agent/a1"}
	for _, c := range change {
		c(&config)
	}
	c, err := New(config, newStack(f.t))
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// testKey is made once: generating RSA keys is slow.
var testKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func keyPEM(t *testing.T, pkcs8 bool) (*rsa.PrivateKey, secret.Secret) {
	t.Helper()
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if pkcs8 {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		block = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	return key, secret.New(string(pem.EncodeToMemory(block)))
}
