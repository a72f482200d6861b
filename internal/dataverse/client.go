// Package dataverse is a typed client of the Dataverse Web API (source: "Use the Microsoft Dataverse Web API").
package dataverse

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"

	"golang.org/x/oauth2"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const (
	// DefaultAuthority is the commercial cloud's identity service.
	DefaultAuthority = "https://login.microsoftonline.com"
	// DefaultAPIVersion is the current version of the Web API.
	DefaultAPIVersion = "9.2"
	// MaxConcurrent is how many requests of one user a web server takes at once ("Service protection API limits").
	MaxConcurrent = 52
)

// Config names an environment and the application that signs in: with a client secret, or with a certificate.
type Config struct {
	EnvironmentURL string        // e.g. https://contoso.crm4.dynamics.com
	Authority      string        // empty means DefaultAuthority; sovereign clouds have their own
	TenantID       string        // GUID or verified domain
	ClientID       string        // of the app registration whose application user the environment has
	ClientSecret   secret.Secret // or
	Certificate    secret.Secret // certificate and RSA key in PEM, in one text, without passphrase
	APIVersion     string        // empty means DefaultAPIVersion
	// Tag goes with every write and arrives in the shared variables of webhook steps ("Add a shared variable to the plugin
	// execution context"), so that own writes are recognised; empty: none.
	Tag string
	// Concurrent bounds the requests under way; 0 means MaxConcurrent, which it cannot exceed.
	Concurrent int
}

// Client calls one environment. It is safe for concurrent use.
type Client struct {
	config     Config
	base       *url.URL // the environment
	authority  *url.URL
	key        *rsa.PrivateKey // nil with a client secret
	thumbprint string          // of the certificate
	assertions atomic.Uint64
	session    wire.Session
	wire       *wire.Client
	places     chan struct{} // one for each request that may be under way
}

var (
	tenantPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	versionPattern = regexp.MustCompile(`^9\.[0-9]$`)
	tagPattern     = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
)

// New checks the configuration. It makes no call; the first request fetches a token.
func New(config Config, stack *wire.Client) (*Client, error) {
	if config.APIVersion == "" {
		config.APIVersion = DefaultAPIVersion
	}
	if config.Authority == "" {
		config.Authority = DefaultAuthority
	}
	if config.Concurrent <= 0 || config.Concurrent > MaxConcurrent {
		config.Concurrent = MaxConcurrent
	}
	switch {
	case !versionPattern.MatchString(config.APIVersion):
		return nil, fmt.Errorf("dataverse: API version %q is not of the form 9.2", config.APIVersion)
	case !tenantPattern.MatchString(config.TenantID):
		return nil, errors.New("dataverse: tenant id must be a GUID or a domain name")
	case config.ClientID == "":
		return nil, errors.New("dataverse: client id is required")
	case !tagPattern.MatchString(config.Tag):
		return nil, errors.New("dataverse: the tag may hold letters, digits, dots, dashes and underscores only")
	case config.ClientSecret.IsZero() == config.Certificate.IsZero():
		return nil, errors.New("dataverse: give either a client secret or a certificate")
	}
	c := &Client{config: config, wire: stack, places: make(chan struct{}, config.Concurrent)}
	var err error
	if c.base, err = wire.ParseEndpoint(config.EnvironmentURL); err != nil {
		return nil, fmt.Errorf("dataverse: environment URL: %w", err)
	}
	if c.base.Path != "" {
		return nil, errors.New("dataverse: the environment URL has no path; the Web API's own is added")
	}
	if c.authority, err = wire.ParseEndpoint(config.Authority); err != nil {
		return nil, fmt.Errorf("dataverse: authority: %w", err)
	}
	if !config.Certificate.IsZero() {
		if c.key, c.thumbprint, err = parseCertificate(config.Certificate.Expose()); err != nil {
			return nil, fmt.Errorf("dataverse: certificate: %w", err)
		}
	}
	c.session = wire.Session{
		Client: stack, Tokens: wire.NewTokens(stack.Now, c.fetchToken),
		Expired: func(r wire.Response) bool { return r.Status == http.StatusUnauthorized },
	}
	return c, nil
}

// Tag gives the tag of the client's writes.
func (c *Client) Tag() string { return c.config.Tag }

// EnvironmentURL gives the environment's address without a trailing slash.
func (c *Client) EnvironmentURL() string { return c.base.String() }

func (c *Client) root() string { return "/api/data/v" + c.config.APIVersion + "/" }

// call is one request. Its path is below the Web API's root.
type call struct {
	operation string
	method    string
	path      string
	header    http.Header
	body      []byte
	read      bool // harmless to repeat although it is a POST
}

func (call call) isRead() bool { return call.read || call.method == http.MethodGet }

var standardHeaders = http.Header{"Accept": {"application/json"}, "Odata-Maxversion": {"4.0"}, "Odata-Version": {"4.0"}}

// do sends a call and turns refusals into [*APIError]. No more requests are under way at once than the environment takes.
func (c *Client) do(ctx context.Context, call call) (wire.Response, error) {
	if ctx.Err() != nil { // where there is a place too, either might be chosen
		return wire.Response{}, fmt.Errorf("dataverse: %w", ctx.Err())
	}
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return wire.Response{}, fmt.Errorf("dataverse: %w", ctx.Err())
	}
	response, err := c.session.Do(ctx, func(token *oauth2.Token) (wire.Request, error) {
		header := standardHeaders.Clone()
		if call.body != nil {
			header.Set("Content-Type", "application/json; charset=utf-8")
		}
		maps.Copy(header, call.header)
		header.Set("Authorization", "Bearer "+token.AccessToken)
		return wire.Request{
			Operation: call.operation, Method: call.method, URL: c.base.String() + c.root() + c.tagged(call), Header: header, Body: call.body, Read: call.read,
		}, nil
	})
	if err != nil {
		return response, fmt.Errorf("dataverse: %w", err)
	}
	if response.Status < 200 || response.Status > 299 {
		return response, newAPIError(call, response)
	}
	return response, nil
}

// tagged gives the path of a call, with the tag if it writes rows. $batch takes none: its parts have their own.
func (c *Client) tagged(call call) string {
	if c.config.Tag == "" || call.isRead() || call.path == batchPath {
		return call.path
	}
	separator := "?"
	if strings.Contains(call.path, "?") {
		separator = "&"
	}
	return call.path + separator + "tag=" + c.config.Tag
}

// get reads JSON into a value.
func (c *Client) get(ctx context.Context, operation, path string, header http.Header, into any) (wire.Response, error) {
	response, err := c.do(ctx, call{operation: operation, method: http.MethodGet, path: path, header: header})
	if err != nil {
		return response, err
	}
	return response, decode(operation, response.Body, into)
}

// send writes JSON, and reads the answer into a value, which may be nil.
func (c *Client) send(ctx context.Context, request call, body, into any) (wire.Response, error) {
	if body != nil {
		encoded, err := encodeJSON(body)
		if err != nil {
			return wire.Response{}, fmt.Errorf("dataverse: %s: encode: %w", request.operation, err)
		}
		request.body = encoded
	}
	response, err := c.do(ctx, request)
	if err != nil || into == nil {
		return response, err
	}
	if err := decode(request.operation, response.Body, into); err != nil {
		return response, &DecodeError{Operation: request.operation, Err: errors.Unwrap(err), ambiguous: !request.isRead()}
	}
	return response, nil
}

func encodeJSON(value any) ([]byte, error) {
	if raw, ok := value.(json.RawMessage); ok {
		return raw, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// decode keeps the digits of amounts of money.
func decode(operation string, body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return &DecodeError{Operation: operation, Err: err}
	}
	return nil
}

// Identity says whom the credentials belong to.
type Identity struct {
	OrganizationID string `json:"OrganizationId"`
	BusinessUnitID string `json:"BusinessUnitId"`
	UserID         string `json:"UserId"` // of the application user
}

// WhoAmI reads the organisation and the application user ("WhoAmI Function").
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	var identity Identity
	if _, err := c.get(ctx, "who am I", "WhoAmI", nil, &identity); err != nil {
		return identity, err
	}
	identity.OrganizationID, identity.UserID = strings.ToLower(identity.OrganizationID), strings.ToLower(identity.UserID)
	return identity, nil
}
