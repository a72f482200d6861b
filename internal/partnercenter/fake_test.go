package partnercenter

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// exchange is one request that the fake saw.
type exchange struct {
	method, path, query, body string
	header                    http.Header
}

// fake is Partner Center and its identity service on one address. Handlers are keyed by method and path.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	requests []exchange
	tokens   []url.Values // token requests

	refuseScopes bool
	handlers     map[string]http.HandlerFunc
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, handlers: map[string]http.HandlerFunc{}}
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
	if strings.HasSuffix(r.URL.Path, "/token") {
		f.serveToken(w, r, string(body))
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

// serveToken issues tokens that name their audience and number.
func (f *fake) serveToken(w http.ResponseWriter, r *http.Request, body string) {
	form, err := url.ParseQuery(body)
	if err != nil {
		f.t.Error(err)
	}
	form.Set("path", r.URL.Path)
	f.tokens = append(f.tokens, form)
	if f.refuseScopes && form.Get("scope") != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_resource","error_description":"AADSTS500011"}`)
		return
	}
	audience := form.Get("scope") + form.Get("resource")
	answer := map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": fmt.Sprintf("%s#%d", audience, len(f.tokens))}
	if form.Get("grant_type") == "refresh_token" {
		answer["refresh_token"] = fmt.Sprintf("rotated-%d", len(f.tokens))
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
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
		w.Header().Set("Content-Type", "application/json")
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
	refresh := secret.New("refresh-0")
	config := Config{
		Authority: f.server.URL, TenantID: "contoso.example.com", ClientID: "app", ClientSecret: secret.New("client-secret"),
		ReferralsEndpoint: f.server.URL + "/v1.0/engagements", EventsEndpoint: f.server.URL,
		RefreshToken: func(context.Context) (secret.Secret, error) { return refresh, nil },
		OnRotate:     func(_ context.Context, s secret.Secret) error { refresh = s; return nil },
	}
	for _, c := range change {
		c(&config)
	}
	transport := wire.NewTransport(nil)
	f.t.Cleanup(transport.CloseIdleConnections)
	stack, err := wire.New(wire.Options{Transport: transport, Clock: time.Now, NewID: func() string { return "request-1" }, UserAgent: "test/1"})
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := New(config, stack)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}
