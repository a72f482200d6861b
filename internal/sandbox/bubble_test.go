package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network in memory: listeners by name, reached by dialing their address.
type pipes struct {
	mu        sync.Mutex
	listeners map[string]*pipeListener
}

type pipeListener struct {
	name  string
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

type pipeAddr string

func (a pipeAddr) Network() string { return "pipe" }
func (a pipeAddr) String() string  { return string(a) }

func (p *pipes) listen(name string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &pipeListener{name: name + ".test:80", conns: make(chan net.Conn), done: make(chan struct{})}
	p.listeners[l.name] = l
	return l, nil
}

func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p.mu.Lock()
	l := p.listeners[address]
	p.mu.Unlock()
	if l == nil {
		return nil, errors.New("nobody listens on " + address)
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.name) }

// TestInABubble runs the sandbox over in-memory connections in virtual time, as the simulator of the whole agent does: a
// webhook that is refused nine times arrives at the tenth attempt, nine virtual minutes later.
func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{listeners: map[string]*pipeListener{}}
		transport := &http.Transport{DialContext: network.dial}
		s, err := New(Options{
			Dir: t.TempDir(), Seed: 1, Listen: network.listen, Transport: transport, RetryInterval: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		hooks, err := network.listen("agent")
		if err != nil {
			t.Fatal(err)
		}
		var attempts []time.Time
		agent := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			attempts = append(attempts, time.Now())
			if len(attempts) < 10 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})}
		served := make(chan error, 1)
		go func() { served <- agent.Serve(hooks) }()

		client := &http.Client{Transport: transport}
		bearer := bubbleToken(t, client, s.Env())
		body := `{"webhookUrl":"http://agent.test:80/hooks","webhookEvents":["referral-created"]}`
		request, err := http.NewRequest(http.MethodPost, s.Env()["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"]+"/webhooks/v1/registration", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+bearer)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("register: %v, %v", response, err)
		}
		response.Body.Close()
		if _, err := s.Act(t.Context(), "send_referral", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute) // virtual
		synctest.Wait()
		if len(attempts) != 10 || attempts[9].Sub(attempts[0]) < 9*time.Minute {
			t.Errorf("attempts at %v", attempts)
		}
		if err := errors.Join(s.Close(), agent.Close()); err != nil {
			t.Error(err)
		}
		<-served
		transport.CloseIdleConnections()
	})
}

func bubbleToken(t *testing.T, client *http.Client, env map[string]string) string {
	t.Helper()
	response, err := client.PostForm(env["COSELL_PARTNER_CENTER_AUTHORITY"]+"/"+env["COSELL_PARTNER_CENTER_TENANT_ID"]+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {env["COSELL_PARTNER_CENTER_CLIENT_ID"]},
		"client_secret": {env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]}, "resource": {"https://api.partnercenter.microsoft.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("token: %d, %v", response.StatusCode, err)
	}
	return answer.AccessToken
}
