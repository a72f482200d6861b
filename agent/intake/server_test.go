package intake

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestRequestsThatAreNotReceived(t *testing.T) { // H1, H2, H5, H13
	target := func(s string) func(*world, *delivery) { return func(_ *world, d *delivery) { d.target = s } }
	method := func(s string) func(*world, *delivery) { return func(_ *world, d *delivery) { d.method = s } }
	var rows []row
	for _, m := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "X"} {
		rows = append(rows, row{id: "H1 " + m, change: method(m), want: MethodRefused, noFetch: true})
	}
	for _, s := range []string{
		"/", "/hooks/", hookPath + "/", hookPath + "?x=1", hookPath + "?", "/" + hookPath, hookPath[:len(hookPath)-1], strings.ToUpper(hookPath),
		"/hooks/../" + hookPath[1:], "/hooks/%35" + hookPath[8:], "http://evil.example" + hookPath, HealthPath,
	} {
		rows = append(rows, row{id: "H2 " + s, change: target(s), want: PathUnknown, noFetch: true})
	}
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/jsonx", "application/json, text/plain"} {
		want := MediaTypeRefused
		if media == "" {
			want = HeaderMalformed
		}
		rows = append(rows, row{id: "media type " + media, change: header("Content-Type", media), want: want, noFetch: true})
	}
	for _, encoding := range []string{"gzip", "deflate", "br", "identity, gzip"} {
		rows = append(rows, row{id: "H5 " + encoding, change: header("Content-Encoding", encoding), want: EncodingRefused, noFetch: true})
	}
	content := func(b []byte) func(*world, *delivery) {
		return func(w *world, d *delivery) { *d = *w.deliver(b) }
	}
	rows = append(rows,
		row{id: "no media type", change: header("Content-Type"), want: MediaTypeRefused, noFetch: true},
		row{id: "two media types", change: header("Content-Type", "application/json", "application/json"), want: HeaderMalformed, noFetch: true},
		row{id: "charset", change: header("Content-Type", "application/json; charset=UTF-8"), want: Accepted},
		row{id: "identity", change: header("Content-Encoding", "identity"), want: Accepted},
		row{id: "empty body", change: content(nil), want: BodyEmpty, noFetch: true},
		row{id: "J5 200 kB", change: content([]byte(`{"EventName":"` + strings.Repeat("x", 200_000) + `"}`)), want: BodyTooLarge, noFetch: true},
		row{id: "64 KiB", change: content([]byte(body("", "") + strings.Repeat(" ", MaxBody-len(body("", ""))))), want: Accepted},
		row{id: "64 KiB + 1", change: content([]byte(body("", "") + strings.Repeat(" ", MaxBody+1-len(body("", ""))))), want: BodyTooLarge, noFetch: true},
	)
	runRows(t, rows)
}

func TestBodyIsReadBeforeTheFetch(t *testing.T) {
	w := newWorld(t)
	d := w.delivery()
	r, _ := http.NewRequest(http.MethodPost, hookPath, io.MultiReader(bytes.NewReader(d.body), brokenReader{}))
	r.RequestURI, r.Header = hookPath, d.header
	if reason := w.handler.receive(nil, r); reason != BodyUnreadable {
		t.Errorf("%s", reason)
	}
	if lookups, dials := w.reached(); lookups+dials > 0 {
		t.Errorf("reached out: %v %v", w.lookups, w.dials)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHealth(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if answer, _ := w.send(&delivery{method: method, target: HealthPath}); answer.Code != http.StatusOK {
			t.Errorf("%s: %d", method, answer.Code)
		}
	}
}

func TestShedding(t *testing.T) {
	limits := func(l Limits, proxies ...netip.Prefix) func(*setup) {
		return func(s *setup) { s.handler.Limits, s.handler.TrustedProxies = l, proxies }
	}
	t.Run("one address", func(t *testing.T) {
		w := newWorld(t, limits(Limits{AddressRate: 1, AddressBurst: 2}))
		w.expect(w.delivery(), Accepted)
		w.expect(w.delivery(), Accepted)
		d := w.delivery()
		d.header.Set("X-Forwarded-For", "20.1.2.3") // H12: nobody vouches for it
		w.expect(d, Overloaded)
		if answer, _ := w.send(d); answer.Header().Get("Retry-After") == "" {
			t.Error("the sender is not told when to try again")
		}
		w.clock.Advance(time.Second)
		w.expect(w.delivery(), Accepted)
	})
	t.Run("trusted proxy", func(t *testing.T) {
		w := newWorld(t, limits(Limits{AddressRate: 1, AddressBurst: 1}, netip.MustParsePrefix("192.0.2.0/24"))) // httptest's sender
		for i, want := range []Reason{Accepted, Accepted, Overloaded, Overloaded} {
			d := w.delivery()
			d.header.Set("X-Forwarded-For", []string{"20.1.2.3", "20.1.2.4", "20.1.2.3", "9.9.9.9, 20.1.2.4, 192.0.2.7"}[i])
			w.expect(d, want)
		}
	})
	t.Run("all", func(t *testing.T) {
		w := newWorld(t, limits(Limits{Rate: 1, Burst: 1}))
		w.expect(w.delivery(), Accepted)
		w.expect(w.delivery(), Overloaded)
	})
	t.Run("wrong paths cost nothing", func(t *testing.T) {
		w := newWorld(t, limits(Limits{Rate: 1, Burst: 1}))
		d := w.delivery()
		d.target = "/x"
		w.expect(d, PathUnknown)
		w.expect(w.delivery(), Accepted)
	})
	t.Run("at once", func(t *testing.T) {
		w := newWorld(t, limits(Limits{InFlight: 1}))
		entered, leave := make(chan struct{}), make(chan struct{})
		w.serveFunc(signerPath, func(rw http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-leave
			_, _ = rw.Write(w.ca.leaf)
		})
		first, second := w.delivery(), w.delivery()
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.send(first)
		}()
		<-entered
		w.expect(second, Overloaded)
		close(leave)
		<-done
		w.expect(second, Accepted)
	})
	t.Run("many addresses", func(t *testing.T) {
		clock := &testClock{now: start}
		a := newAdmission(Limits{AddressRate: 1, AddressBurst: 1}, nil, clock.Now)
		address := netip.MustParseAddr("20.0.0.0")
		for range 3 * maxAddresses {
			a.sender(address, clock.Now()).AllowN(clock.Now(), 1)
			address = address.Next()
		}
		if len(a.senders) != maxAddresses || a.sender(address, clock.Now()) != a.overflow {
			t.Errorf("%d addresses", len(a.senders))
		}
		clock.Advance(time.Minute)
		if a.sender(address, clock.Now()) == a.overflow || len(a.senders) != 1 {
			t.Errorf("%d addresses after a minute", len(a.senders))
		}
	})
}

// listener hands out in-memory connections, so that a test's time can stand still.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *listener) Close() error   { close(l.closed); return nil }
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func (l *listener) connect() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// bubble runs a receiver whose requests cannot pass the headers, on virtual time.
func bubble(t *testing.T, test func(t *testing.T, l *listener)) {
	synctest.Test(t, func(t *testing.T) {
		v, err := NewVerifier(VerifierOptions{SignatureHeader: HeaderMSSignature, Roots: poolOf(), Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		h, err := NewHandler(Options{Path: hookPath, Verifier: v, Inbox: &fakeInbox{}, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		l, ended := newListener(), make(chan error)
		go func() { ended <- Serve(ctx, l, h, ServerOptions{}) }()
		test(t, l)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

const signedHeaders = "Host: x\r\nContent-Type: application/json\r\nX-Ms-Signature: Signature AAAA\r\nX-Ms-Signature-Algorithm: rsa-sha256\r\n" +
	"X-Ms-Certificate-Url: " + signerURL + "\r\n"

func TestSlowSenders(t *testing.T) { // H7, H8
	for name, c := range map[string]struct {
		first string
		limit time.Duration
	}{
		"nothing at all": {"", readHeaderTimeout},
		"headers":        {"POST " + hookPath + " HTTP/1.1\r\nHost: x\r\n", readHeaderTimeout},
		"body":           {"POST " + hookPath + " HTTP/1.1\r\n" + signedHeaders + "Content-Length: 1000\r\n\r\n", readTimeout},
		"idle":           {"GET " + HealthPath + " HTTP/1.1\r\nHost: x\r\n\r\n", idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, l *listener) {
				conn := l.connect()
				begin := time.Now()
				go func() {
					_, _ = io.WriteString(conn, c.first)
					for name != "nothing at all" && name != "idle" { // one more byte every second
						time.Sleep(time.Second)
						if _, err := io.WriteString(conn, "a"); err != nil {
							return
						}
					}
				}()
				_, _ = io.Copy(io.Discard, conn)
				if took := time.Since(begin); took > c.limit+time.Second {
					t.Errorf("closed after %s", took)
				}
				_ = conn.Close()
				time.Sleep(2 * time.Second) // the writer notices
			})
		})
	}
}

func TestRawRequests(t *testing.T) { // H3, H4, H6, H9, H11
	good := "POST " + hookPath + " HTTP/1.1\r\n" + signedHeaders
	for name, c := range map[string]struct {
		request string
		want    int
	}{
		"no length":                {good + "\r\n", 400},
		"10 GiB declared":          {good + "Content-Length: 10737418240\r\n\r\n", 413},
		"endless chunks":           {good + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 20), 413},
		"header of 40 KiB":         {good + "X-Long: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", 431},
		"two lengths":              {good + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
		"unknown coding":           {good + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		"space before the colon":   {strings.Replace(good, "Content-Type:", "Content-Type :", 1) + "Content-Length: 2\r\n\r\n{}", 400},
		"bare line feed in chunks": {good + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400},
		"wrong path, body unread":  {"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10737418240\r\n\r\n", 404},
		"server options":           {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		"HTTP/2 is not spoken":     {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404},
		"HTTP/1.0":                 {"GET " + HealthPath + " HTTP/1.0\r\n\r\n", 200},
		"no HTTP":                  {"hello\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, l *listener) {
				conn := l.connect()
				written := make(chan struct{})
				go func() {
					defer close(written)
					_, _ = io.WriteString(conn, c.request) // may fail when the answer comes first
				}()
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if answer.StatusCode != c.want {
					t.Errorf("%d, want %d", answer.StatusCode, c.want)
				}
				_ = conn.Close()
				<-written
			})
		})
	}
}

func TestServeOverTheNetwork(t *testing.T) {
	w := newWorld(t)
	directory := t.TempDir()
	pair := ServerOptions{
		TLSCertificate: filepath.Join(directory, "tls.crt"), TLSKey: filepath.Join(directory, "tls.key"),
		Log: hclog.NewNullLogger(),
	}
	write := func(name string, serial time.Time) {
		c := w.ca.server(t, name)
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{pair.TLSCertificate: asPEM("CERTIFICATE", c.Certificate[0]), pair.TLSKey: asPEM("PRIVATE KEY", key)} {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, serial, serial); err != nil {
				t.Fatal(err)
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	write("agent.example.com", start)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, l, w.handler, pair) }()
	post := func(name string) (int, error) {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{ServerName: name, RootCAs: poolOf(w.ca.issuer), Time: w.clock.Now},
			DisableKeepAlives: true,
		}}
		d := w.delivery()
		r, err := http.NewRequestWithContext(t.Context(), d.method, "https://"+l.Addr().String()+d.target, bytes.NewReader(d.body))
		if err != nil {
			return 0, err
		}
		r.Header = d.header
		answer, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	if status, err := post("agent.example.com"); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	write("renewed.example.com", start.Add(time.Hour))
	if status, err := post("renewed.example.com"); status != 200 || err != nil {
		t.Errorf("after renewal: %d %v", status, err)
	}
	if err := os.WriteFile(pair.TLSKey, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, err := post("renewed.example.com"); status != 200 || err != nil {
		t.Errorf("with a broken file: %d %v", status, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := post("renewed.example.com"); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServeRefusesMissingFiles(t *testing.T) {
	l := newListener()
	if err := Serve(t.Context(), l, http.NotFoundHandler(), ServerOptions{TLSCertificate: "/absent.crt", TLSKey: "/absent.key"}); err == nil {
		t.Error("served without a certificate")
	}
	<-l.closed
}

func TestOptions(t *testing.T) {
	clock := func() time.Time { return start }
	good := VerifierOptions{SignatureHeader: HeaderMSSignature, Roots: poolOf(), Clock: clock}
	v, err := NewVerifier(good)
	if err != nil {
		t.Fatal(err)
	}
	for i, change := range []func(*VerifierOptions){
		func(o *VerifierOptions) { o.Roots = nil }, func(o *VerifierOptions) { o.Clock = nil },
		func(o *VerifierOptions) { o.SignatureHeader = "" }, func(o *VerifierOptions) { o.SignatureHeader = "X-MS-Signature" },
		func(o *VerifierOptions) { o.CertificateHosts = []string{"https://h"} },
	} {
		bad := good
		change(&bad)
		if _, err := NewVerifier(bad); err == nil {
			t.Errorf("verifier options %d were taken", i)
		}
	}
	for i, bad := range []Options{
		{Path: hookPath, Inbox: &fakeInbox{}, Clock: clock}, {Path: hookPath, Verifier: v, Clock: clock}, {Path: hookPath, Verifier: v, Inbox: &fakeInbox{}},
		{Path: "hooks", Verifier: v, Inbox: &fakeInbox{}, Clock: clock}, {Path: "/hooks?x", Verifier: v, Inbox: &fakeInbox{}, Clock: clock},
		{Path: HealthPath, Verifier: v, Inbox: &fakeInbox{}, Clock: clock},
	} {
		if _, err := NewHandler(bad); err == nil {
			t.Errorf("options %d were taken", i)
		}
	}
}

func TestEveryReasonHasAStatus(t *testing.T) {
	for reason, status := range outcomes {
		if http.StatusText(status) == "" || reason.Status() != status || !strings.Contains(fmt.Sprint(reason), string(reason)) {
			t.Errorf("%s: %d", reason, status)
		}
	}
	if Reason("unheard of").Status() != http.StatusInternalServerError {
		t.Error("an unknown reason must not look like success")
	}
}
