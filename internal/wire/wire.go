// Package wire is the one HTTP stack of the typed clients: timeouts, request ids, redaction, response limits, and the
// difference between a request that was certainly not carried out and one whose fate is unknown.
//
// It never sleeps for long and repeats only reads, at most once: everything else is for the caller, who knows which work
// can wait and for how long.
package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// DefaultTimeout bounds one attempt, from dialling to the last byte of the answer.
	DefaultTimeout = 20 * time.Second
	// DefaultMaxResponse bounds the answer's body after decompression, in bytes.
	DefaultMaxResponse = 32 << 20
	// MaxWait is the longest pause between the two tries of a read. A service that asks for more gets no second try.
	MaxWait = time.Second

	defaultWait = 200 * time.Millisecond
)

// Options says what a [Client] is made of. Transport, Clock and NewID are required.
type Options struct {
	Transport http.RoundTripper // see NewTransport
	Clock     func() time.Time
	Log       hclog.Logger  // nil logs nothing
	UserAgent string        // product/version, sent with every request
	Timeout   time.Duration // one attempt; 0 means DefaultTimeout
	NewID     func() string // a new GUID for each attempt's client-request-id
	// Dated is told the Date of every answer that has one and comes from no cache, and when, by Clock, its request was sent and the answer
	// received; nil tells nobody.
	Dated func(date, sent, received time.Time)
}

// Client sends requests. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	clock     func() time.Time
	log       hclog.Logger
	userAgent string
	timeout   time.Duration
	newID     func() string
	dated     func(date, sent, received time.Time)
}

// New makes a client. It fails when a required option is missing.
func New(options Options) (*Client, error) {
	if options.Transport == nil || options.Clock == nil || options.NewID == nil {
		return nil, errors.New("wire: transport, clock and id source are required")
	}
	c := &Client{
		clock:     options.Clock,
		log:       options.Log,
		userAgent: options.UserAgent,
		timeout:   options.Timeout,
		newID:     options.NewID,
		dated:     options.Dated,
	}
	if c.log == nil {
		c.log = hclog.NewNullLogger()
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	c.http = &http.Client{
		Transport:     options.Transport,
		CheckRedirect: stayHere,
	}
	return c, nil
}

// stayHere keeps redirects from carrying a token or a client secret to a host that nobody configured.
func stayHere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Now is the client's clock.
func (c *Client) Now() time.Time { return c.clock() }

// NewTransport makes a transport of our own with connection reuse suited to a few busy hosts. A nil pool means the
// system's certificate authorities.
func NewTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}

// ErrInsecureURL marks an address that is not https and not on this machine.
var ErrInsecureURL = errors.New("address must be https (http is accepted for loopback addresses only)")

// ParseEndpoint checks a configured base address: absolute, https (or http on a loopback address), without user
// information, query or fragment. The trailing slash is removed. It fails with [ErrInsecureURL] or a description.
func ParseEndpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, errors.New("address is not an absolute URL")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("address %s must not have user information, a query or a fragment", RedactURL(u))
	}
	if err := checkScheme(u); err != nil {
		return nil, fmt.Errorf("%s: %w", RedactURL(u), err)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

func checkScheme(u *url.URL) error {
	switch {
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	default:
		return ErrInsecureURL
	}
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// RedactURL gives scheme, host and path. User information, query values and fragments are left out: they carry tokens
// and customer data.
func RedactURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
