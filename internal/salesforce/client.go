// Package salesforce is a typed client of Salesforce's REST, Tooling and SOAP Metadata APIs (sources: REST API Developer
// Guide, Tooling API, Metadata API Developer Guide).
package salesforce

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const (
	// DefaultLoginURL is production's login host; sandboxes use https://test.salesforce.com.
	DefaultLoginURL = "https://login.salesforce.com"
	// DefaultAPIVersion is Spring '26.
	DefaultAPIVersion = "66.0"
)

// Config names an org and how to sign in: a user name with the private key of the app's certificate (JWT bearer), or a
// client secret (client credentials).
type Config struct {
	LoginURL      string        // login host or My Domain; client credentials need the My Domain
	ClientID      string        // consumer key of the External Client App or connected app
	Username      string        // JWT bearer
	PrivateKey    secret.Secret // JWT bearer: RSA key in PEM, PKCS#1 or PKCS#8, without passphrase
	ClientSecret  secret.Secret // client credentials
	Audience      string        // JWT bearer: aud claim; empty means the login or test host that LoginURL stands for
	APIVersion    string        // e.g. "66.0"; empty means DefaultAPIVersion
	CallerName    string        // sent as Sforce-Call-Options client= and in SOAP CallOptions
	AllowAlerting bool          // Sforce-Duplicate-Rule-Header: save in spite of duplicate rules that only alert
}

// Client calls one org. It is safe for concurrent use.
type Client struct {
	config  Config
	login   *url.URL
	key     *rsa.PrivateKey // nil for client credentials
	wire    *wire.Client
	tokens  *wire.Tokens
	rest    wire.Session
	soap    wire.Session
	usage   usage
	headers http.Header // on every REST request
}

var (
	versionPattern = regexp.MustCompile(`^[1-9][0-9]+\.0$`)
	callerPattern  = regexp.MustCompile(`^[A-Za-z0-9._/ -]*$`)
)

// New checks the configuration. It makes no call; the first request fetches a token.
func New(config Config, stack *wire.Client) (*Client, error) {
	if config.APIVersion == "" {
		config.APIVersion = DefaultAPIVersion
	}
	if !versionPattern.MatchString(config.APIVersion) {
		return nil, fmt.Errorf("salesforce: API version %q is not of the form 66.0", config.APIVersion)
	}
	if !callerPattern.MatchString(config.CallerName) {
		return nil, errors.New("salesforce: caller name may hold letters, digits, dots, dashes, slashes and spaces only")
	}
	if config.LoginURL == "" {
		config.LoginURL = DefaultLoginURL
	}
	login, err := parseHost(config.LoginURL)
	if err != nil {
		return nil, fmt.Errorf("salesforce: login URL: %w", err)
	}
	c := &Client{config: config, login: login, wire: stack}
	if err := c.chooseFlow(); err != nil {
		return nil, err
	}
	c.tokens = wire.NewTokens(stack.Now, c.fetchToken)
	c.rest = wire.Session{Client: stack, Tokens: c.tokens, Expired: restSessionExpired}
	c.soap = wire.Session{Client: stack, Tokens: c.tokens, Expired: soapSessionExpired}
	c.headers = http.Header{"Accept": {"application/json"}}
	if config.CallerName != "" {
		c.headers.Set("Sforce-Call-Options", "client="+config.CallerName)
	}
	if config.AllowAlerting {
		c.headers.Set("Sforce-Duplicate-Rule-Header", "allowSave=true")
	}
	return c, nil
}

// ErrLightningHost marks an address of the user interface, which serves no API.
var ErrLightningHost = errors.New("lightning.force.com addresses serve the user interface; use the org's my.salesforce.com address")

func parseHost(raw string) (*url.URL, error) {
	u, err := wire.ParseEndpoint(raw)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(strings.ToLower(u.Hostname()), ".lightning.force.com") {
		return nil, ErrLightningHost
	}
	return u, nil
}

// APIVersion gives the version that the client speaks, e.g. "66.0".
func (c *Client) APIVersion() string { return c.config.APIVersion }

// call is one REST request. Its path is below /services/data/vXX.X unless it starts with /services/.
type call struct {
	operation string
	method    string
	path      string
	header    http.Header
	body      []byte
	read      bool // harmless to repeat although it is a POST
}

// do sends a REST call and turns refusals into [*APIError].
func (c *Client) do(ctx context.Context, call call) (wire.Response, error) {
	response, err := c.rest.Do(ctx, func(token *oauth2.Token) (wire.Request, error) {
		instance, err := instanceOf(token)
		if err != nil {
			return wire.Request{}, err
		}
		header := c.headers.Clone()
		for name, values := range call.header {
			header[name] = values
		}
		header.Set("Authorization", "Bearer "+token.AccessToken)
		if call.body != nil {
			header.Set("Content-Type", "application/json; charset=UTF-8")
		}
		return wire.Request{
			Operation: call.operation, Method: call.method, URL: instance.String() + c.resolve(call.path),
			Header: header, Body: call.body, Read: call.read,
		}, nil
	})
	if err != nil {
		return response, fmt.Errorf("salesforce: %w", err)
	}
	c.usage.note(response.Header)
	if response.Status < 200 || response.Status > 299 {
		return response, newAPIError(call, response)
	}
	return response, nil
}

func (c *Client) resolve(path string) string {
	if strings.HasPrefix(path, "/services/") {
		return path
	}
	return "/services/data/v" + c.config.APIVersion + path
}

// get reads JSON into a value.
func (c *Client) get(ctx context.Context, operation, path string, into any) error {
	response, err := c.do(ctx, call{operation: operation, method: http.MethodGet, path: path})
	if err != nil {
		return err
	}
	return decode(operation, response, into)
}

// send writes JSON and reads the answer into a value, which may be nil.
func (c *Client) send(ctx context.Context, request call, body, into any) error {
	encoded, err := encodeJSON(body)
	if err != nil {
		return fmt.Errorf("salesforce: %s: encode: %w", request.operation, err)
	}
	request.body = encoded
	response, err := c.do(ctx, request)
	if err != nil || into == nil {
		return err
	}
	return decodeWrite(request, response, into)
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

func decode(operation string, response wire.Response, into any) error {
	if err := json.Unmarshal(response.Body, into); err != nil {
		return &DecodeError{Operation: operation, Err: err}
	}
	return nil
}

// decodeWrite marks an unreadable answer as ambiguous: the write was accepted, its result is unknown.
func decodeWrite(request call, response wire.Response, into any) error {
	err := decode(request.operation, response, into)
	if err != nil && !request.read {
		return &DecodeError{Operation: request.operation, Err: errors.Unwrap(err), ambiguous: true}
	}
	return err
}

// CallerName gives the name by which the org knows the client; change events tell it of the changes that the client made.
func (c *Client) CallerName() string { return c.config.CallerName }
