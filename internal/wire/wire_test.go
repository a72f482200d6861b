package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// newClient numbers its request ids.
func newClient(t *testing.T, transport http.RoundTripper, change ...func(*Options)) *Client {
	t.Helper()
	var count atomic.Int64
	options := Options{
		Transport: transport,
		Clock:     func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		UserAgent: "cosell-test/1",
		NewID:     func() string { return fmt.Sprintf("id-%d", count.Add(1)) },
	}
	for _, f := range change {
		f(&options)
	}
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func realTransport(t *testing.T) *http.Transport {
	transport := NewTransport(nil)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestNewRequiresItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Fatal("no error without transport, clock and ids")
	}
}

func TestDoSendsExactBytesAndHeaders(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, body = r, nil
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("request-id", "service-7")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short"))
	}))
	defer server.Close()
	c := newClient(t, realTransport(t))
	response, err := c.Do(t.Context(), Request{
		Operation: "probe", Method: http.MethodPatch, URL: server.URL + "/a/b?c=d", Body: []byte(`{"z":1, "a":2}`),
		Header: http.Header{"If-Match": {`"x"`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if string(body) != `{"z":1, "a":2}` || got.Header.Get("If-Match") != `"x"` || got.Header.Get("User-Agent") != "cosell-test/1" ||
		got.Header.Get("Client-Request-Id") != "id-1" || got.ContentLength != 14 {
		t.Errorf("sent %q with %v", body, got.Header)
	}
	if response.Status != http.StatusTeapot || string(response.Body) != "short" || response.RequestID() != "service-7" || response.ClientRequestID != "id-1" {
		t.Errorf("got %+v", response)
	}
}

func TestDoRefusesInsecureAddresses(t *testing.T) {
	c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request went out")
		return nil, errors.New("unexpected")
	}))
	for _, address := range []string{"http://example.com/?token=abc", "ftp://127.0.0.1/", "https:///x", "//example.com", "%zz", "http://127.0.0.1.example.com"} {
		_, err := c.Do(t.Context(), Request{Operation: "probe", Method: http.MethodPost, URL: address})
		var failure *TransportError
		if !errors.As(err, &failure) || failure.Outcome != NotSent || IsAmbiguous(err) {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "abc") {
			t.Errorf("the error repeats the query: %v", err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	c := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "example.com" {
			t.Errorf("followed to %s", r.URL)
		}
		return answer(307, "", "Location", "https://attacker.example/"), nil
	}))
	response, err := c.Do(t.Context(), Request{Method: http.MethodPost, URL: "https://example.com/", Body: []byte("x")})
	if err != nil || response.Status != 307 {
		t.Fatalf("%+v %v", response, err)
	}
}

func TestSecondTry(t *testing.T) {
	reset := errors.New("connection reset by peer")
	for _, test := range []struct {
		name   string
		method string
		read   bool
		first  *http.Response
		err    error
		tries  int
		waited time.Duration
	}{
		{name: "get after 503", method: "GET", first: answer(503, ""), tries: 2, waited: defaultWait},
		{name: "get after 429 that asks for a second", method: "GET", first: answer(429, "", "Retry-After", "1"), tries: 2, waited: time.Second},
		{name: "get after 429 that asks for long", method: "GET", first: answer(429, "", "Retry-After", "57"), tries: 1},
		{name: "get after 500", method: "GET", first: answer(500, ""), tries: 1},
		{name: "get after 404", method: "GET", first: answer(404, ""), tries: 1},
		{name: "get after reset", method: "GET", err: reset, tries: 2, waited: defaultWait},
		{name: "reading post after 502", method: "POST", read: true, first: answer(502, ""), tries: 2, waited: defaultWait},
		{name: "post after 503", method: "POST", first: answer(503, ""), tries: 1},
		{name: "post after reset", method: "POST", err: reset, tries: 1},
		{name: "delete after 429", method: "DELETE", first: answer(429, "", "Retry-After", "0"), tries: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
					if tries++; tries == 1 {
						return test.first, test.err
					}
					return answer(200, "ok"), nil
				}))
				started := time.Now()
				response, err := c.Do(t.Context(), Request{Method: test.method, URL: "https://example.com/", Read: test.read})
				if tries != test.tries || time.Since(started) != test.waited {
					t.Errorf("%d tries in %s", tries, time.Since(started))
				}
				if test.tries == 2 && (err != nil || string(response.Body) != "ok" || response.ClientRequestID != "id-2") {
					t.Errorf("%+v %v", response, err)
				}
			})
		})
	}
}

func TestCancelledWaitGivesTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) { return answer(503, "busy"), nil }))
		ctx, cancel := context.WithTimeout(t.Context(), defaultWait/2)
		defer cancel()
		response, err := c.Do(ctx, Request{Method: "GET", URL: "https://example.com/"})
		if err != nil || response.Status != 503 {
			t.Errorf("%+v %v", response, err)
		}
	})
}

func outcome(t *testing.T, err error) Outcome {
	t.Helper()
	var failure *TransportError
	if !errors.As(err, &failure) {
		t.Fatalf("not a transport error: %v", err)
	}
	if problem.ClassOf(err) != problem.Later {
		t.Errorf("class %v", problem.ClassOf(err))
	}
	return failure.Outcome
}

func TestOutcomeOfLostAnswers(t *testing.T) {
	hangUp := func(partial string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, partial)
			_ = conn.Close()
		}
	}
	for name, partial := range map[string]string{
		"no answer": "", "half a status line": "HTTP/1.1 2", "half a body": "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":",
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(hangUp(partial))
			defer server.Close()
			c := newClient(t, realTransport(t))
			_, err := c.Do(t.Context(), Request{Operation: "create", Method: "POST", URL: server.URL, Body: []byte("{}")})
			if outcome(t, err) != Ambiguous || !IsAmbiguous(fmt.Errorf("wrapped: %w", err)) {
				t.Errorf("post: %v", err)
			}
			_, err = c.Do(t.Context(), Request{Operation: "get", Method: "GET", URL: server.URL})
			if outcome(t, err) != LostRead || IsAmbiguous(err) {
				t.Errorf("get: %v", err)
			}
		})
	}
}

func TestOutcomeOfFailedConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	_ = listener.Close()
	c := newClient(t, realTransport(t))
	if _, err := c.Do(t.Context(), Request{Method: "POST", URL: address}); outcome(t, err) != NotSent {
		t.Errorf("refused connection: %v", err)
	}

	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = hclog.NewNullLogger().StandardLogger(nil)
	server.StartTLS()
	defer server.Close()
	if _, err := c.Do(t.Context(), Request{Method: "POST", URL: server.URL}); outcome(t, err) != NotSent {
		t.Errorf("unknown authority: %v", err)
	}
}

func TestTimeoutOfASentWriteIsAmbiguous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		started := time.Now()
		_, err := c.Do(t.Context(), Request{Method: "POST", URL: "https://example.com/"})
		if outcome(t, err) != Ambiguous || !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != DefaultTimeout {
			t.Errorf("%v after %s", err, time.Since(started))
		}
	})
}

func TestResponseLimit(t *testing.T) {
	c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) { return answer(200, strings.Repeat("x", 11)), nil }))
	if _, err := c.Do(t.Context(), Request{Method: "POST", URL: "https://example.com/", MaxResponse: 10}); !errors.Is(err, ErrResponseTooLarge) || !IsAmbiguous(err) {
		t.Errorf("%v", err)
	}
	if response, err := c.Do(t.Context(), Request{Method: "POST", URL: "https://example.com/", MaxResponse: 11}); err != nil || len(response.Body) != 11 {
		t.Errorf("%v", err)
	}
}

func TestNothingSecretIsLoggedOrReported(t *testing.T) {
	var log bytes.Buffer
	fails := false
	c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
		if fails {
			return nil, errors.New("broken")
		}
		return answer(200, "response-secret", "Set-Cookie", "cookie-secret", "Sforce-Limit-Info", "api-usage=1/2"), nil
	}), func(o *Options) {
		o.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log})
	})
	request := Request{
		Operation: "probe", Method: "POST", URL: "https://user:url-secret@example.com/path?q=query-secret#fragment-secret",
		Header: http.Header{"Authorization": {"Bearer header-secret"}}, Body: []byte("body-secret"),
	}
	if _, err := c.Do(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	fails = true
	_, err := c.Do(t.Context(), request)
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(log.String(), "secret") || strings.Contains(err.Error(), "secret") {
		t.Errorf("log:\n%s\nerror: %v", log.String(), err)
	}
	if !strings.Contains(log.String(), "api-usage=1/2") || !strings.Contains(log.String(), "https://example.com/path") {
		t.Errorf("log lacks what it should say:\n%s", log.String())
	}
}

func TestParseEndpoint(t *testing.T) {
	for raw, want := range map[string]string{
		"https://example.com/":           "https://example.com",
		"https://example.com/v1.0/x/":    "https://example.com/v1.0/x",
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080",
		"http://[::1]:8080/x":            "http://[::1]:8080/x",
		"http://localhost:1":             "http://localhost:1",
		"":                               "",
		"example.com":                    "",
		"http://example.com":             "",
		"https://u:p@example.com":        "",
		"https://example.com?x=1":        "",
		"https://example.com#x":          "",
		"mailto:x@example.com":           "",
		"http://localhost.attacker.test": "",
	} {
		u, err := ParseEndpoint(raw)
		if want == "" {
			if err == nil {
				t.Errorf("%s was accepted", raw)
			} else if strings.Contains(err.Error(), "u:p") {
				t.Errorf("error shows user information: %v", err)
			}
			continue
		}
		if err != nil || u.String() != want {
			t.Errorf("%s: %v %v", raw, u, err)
		}
	}
}

// The date of an answer is told with the times between which it was set; one from a cache, or none, is not.
func TestDatesOfAnswers(t *testing.T) {
	const date = "Fri, 02 Jan 2026 03:04:00 GMT"
	for name, header := range map[string][]string{"dated": {"Date", date}, "cached": {"Date", date, "Age", "7"}, "none": nil, "odd": {"Date", "today"}} {
		var told []time.Time
		c := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) { return answer(200, "", header...), nil }), func(o *Options) {
			o.Dated = func(date, sent, received time.Time) { told = append(told, date, sent, received) }
		})
		if _, err := c.Do(t.Context(), Request{Method: "GET", URL: "https://example.com/"}); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 3}[name == "dated"]; len(told) != want || want > 0 && (told[0].Minute() != 4 || told[1] != c.Now()) {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

func TestAmbiguousStatus(t *testing.T) {
	for status, want := range map[int]bool{200: false, 400: false, 408: true, 409: false, 412: false, 429: false, 500: true, 502: true, 503: false, 504: true} {
		if AmbiguousStatus(status) != want {
			t.Errorf("%d", status)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "57": 57 * time.Second, " 3 ": 3 * time.Second, "0.5": 500 * time.Millisecond,
		"1e400": MaxRetryAfter, "99999999999999999999": MaxRetryAfter, "NaN": 0, "Inf": MaxRetryAfter, "-Inf": 0, "soon": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT":  time.Minute,
		"Friday, 02-Jan-26 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:00:00 GMT":  0,
		"Fri, 02 Jan 2099 03:00:00 GMT":  MaxRetryAfter,
		"Fri, 99 Jan 2026 03:05:05 GMT":  0,
	} {
		if got := ParseRetryAfter(value, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "1e308", "0x10", "Fri, 02 Jan 2026 03:05:05 GMT", "Inf"} {
		f.Add(seed)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := ParseRetryAfter(value, now); got < 0 || got > MaxRetryAfter {
			t.Errorf("%q: %s", value, got)
		}
	})
}
