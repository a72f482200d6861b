package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// gate stands in front of the agents' webhook endpoints as a load balancer does: it asks another agent when one does not
// answer, and waits for a while when none does. It remembers every event that an agent acknowledged.
type gate struct {
	client *http.Client

	mu           sync.Mutex
	backends     []string
	acknowledged map[string]bool // id of the event as intake forms it: the hash of its body
	answers      int             // acknowledgements, repeats included
	changed      chan struct{}   // closed at the next acknowledgement
}

const (
	gateTries = 40                     // then the sender is told to come back
	gateWait  = 50 * time.Millisecond  // between two tries
	gateLimit = 800 * time.Millisecond // for one try: a paused agent does not answer
)

// openGate listens on an address for the agents at others.
func openGate(t testing.TB, address string, backends []string) *gate {
	t.Helper()
	g := &gate{
		client: &http.Client{Timeout: gateLimit, Transport: &http.Transport{DisableKeepAlives: true}}, backends: backends,
		acknowledged: map[string]bool{}, changed: make(chan struct{}),
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with the test
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return g
}

// ServeHTTP passes a webhook on.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	first := rand.IntN(len(g.backends))
	for try := range gateTries {
		status, err := g.pass(r, body, g.backends[(first+try)%len(g.backends)])
		if err == nil && status/100 != 5 {
			if status/100 == 2 {
				g.remember(body)
			}
			w.WriteHeader(status)
			return
		}
		select {
		case <-time.After(gateWait):
		case <-r.Context().Done():
			return
		}
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

func (g *gate) pass(r *http.Request, body []byte, backend string) (int, error) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+backend+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header = r.Header.Clone()
	response, err := g.client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func (g *gate) remember(body []byte) {
	id := sha256.Sum256(body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.acknowledged[hex.EncodeToString(id[:])] = true
	g.answers++
	close(g.changed)
	g.changed = make(chan struct{})
}

// progress gives how many acknowledgements there were, and a channel that is closed at the next one.
func (g *gate) progress() (int, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.answers, g.changed
}
