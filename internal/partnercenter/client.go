// Package partnercenter is a typed client of Microsoft Partner Center's referrals API (source: "Referrals API" on
// learn.microsoft.com/partner-center/developer) and webhooks API (source: "Partner Center webhooks").
package partnercenter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Defaults of the commercial cloud (source: "Partner Center REST URLs").
const (
	DefaultAuthority         = "https://login.microsoftonline.com"
	DefaultReferralsEndpoint = "https://api.partner.microsoft.com/v1.0/engagements"
	DefaultEventsEndpoint    = "https://api.partnercenter.microsoft.com"

	// ReferralsResource and EventsResource are the audiences of the two APIs' tokens.
	ReferralsResource = "https://api.partner.microsoft.com"
	EventsResource    = "https://api.partnercenter.microsoft.com"
)

// Config names a tenant, an application and, for referrals, a user. Empty addresses mean the commercial cloud.
type Config struct {
	Authority         string // identity service, e.g. https://login.microsoftonline.com
	TenantID          string // GUID or verified domain
	ClientID          string
	ClientSecret      secret.Secret // may be absent for a public client with a refresh token
	ReferralsEndpoint string        // up to and without /referrals
	EventsEndpoint    string        // up to and without /webhooks/v1

	// RefreshToken gives the user's current refresh token each time one is needed. Referrals accept user tokens only
	// (source: "Referrals API authentication"). Nil leaves only the webhooks API, by client credentials.
	RefreshToken func(context.Context) (secret.Secret, error)
	// OnRotate keeps the refresh token that came with a new access token, before that access token is used. When it
	// fails the access token is not used either. Nil drops rotated tokens: the old one stays valid (source: "Refresh
	// tokens in the Microsoft identity platform").
	OnRotate func(context.Context, secret.Secret) error
	// EventsAsUser asks for the webhooks API's token with the refresh token as well, instead of client credentials.
	EventsAsUser bool
}

// Client calls both APIs. It is safe for concurrent use.
type Client struct {
	config    Config
	wire      *wire.Client
	authority *url.URL
	base      *url.URL // the referrals collection's parent
	events    *url.URL
	referrals wire.Session
	webhooks  wire.Session
	// resourceOnly is set when the v2 token endpoint refused the scope: then only the v1 endpoint knows the resource.
	resourceOnly atomic.Bool
}

var tenantPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// New checks the configuration. It makes no call; the first request fetches a token.
func New(config Config, stack *wire.Client) (*Client, error) {
	if !tenantPattern.MatchString(config.TenantID) {
		return nil, errors.New("partner center: tenant id must be a GUID or a domain name")
	}
	if config.ClientID == "" {
		return nil, errors.New("partner center: client id is required")
	}
	c := &Client{config: config, wire: stack}
	for _, endpoint := range []struct {
		into            **url.URL
		value, fallback string
	}{
		{&c.authority, config.Authority, DefaultAuthority},
		{&c.base, config.ReferralsEndpoint, DefaultReferralsEndpoint},
		{&c.events, config.EventsEndpoint, DefaultEventsEndpoint},
	} {
		value := endpoint.value
		if value == "" {
			value = endpoint.fallback
		}
		parsed, err := wire.ParseEndpoint(value)
		if err != nil {
			return nil, fmt.Errorf("partner center: %w", err)
		}
		*endpoint.into = parsed
	}
	c.referrals = c.session(ReferralsResource, true)
	c.webhooks = c.session(EventsResource, config.EventsAsUser)
	return c, nil
}

func (c *Client) session(resource string, asUser bool) wire.Session {
	return wire.Session{
		Client: c.wire,
		Tokens: wire.NewTokens(c.wire.Now, func(ctx context.Context) (*oauth2.Token, error) {
			if asUser {
				return c.fetchAsUser(ctx, resource)
			}
			return c.fetch(ctx, resource, nil)
		}),
		Expired: func(r wire.Response) bool { return r.Status == http.StatusUnauthorized },
	}
}

// fetch asks for a token with further parameters of a grant. Whether the v2 endpoint takes the referrals resource as a scope
// is not documented; when it refuses the scope, the v1 endpoint is asked, then and from then on.
func (c *Client) fetch(ctx context.Context, resource string, parameters url.Values) (*oauth2.Token, error) {
	legacy := c.resourceOnly.Load()
	token, err := c.wire.FetchToken(ctx, c.grant(resource, legacy, parameters))
	var refused *wire.TokenError
	if legacy || !errors.As(err, &refused) || refused.Code != "invalid_scope" && refused.Code != "invalid_resource" {
		return token, err
	}
	token, retryErr := c.wire.FetchToken(ctx, c.grant(resource, true, parameters))
	if retryErr != nil {
		return nil, errors.Join(err, retryErr)
	}
	c.resourceOnly.Store(true)
	return token, nil
}

// grant is the part of a token request that both grants share (source: "Secure Application Model").
func (c *Client) grant(resource string, legacy bool, further url.Values) clientcredentials.Config {
	path, parameters := "/oauth2/v2.0/token", url.Values{"scope": {resource + "/.default"}}
	if legacy {
		path, parameters = "/oauth2/token", url.Values{"resource": {resource}}
	}
	maps.Copy(parameters, further)
	return clientcredentials.Config{
		ClientID:       c.config.ClientID,
		ClientSecret:   c.config.ClientSecret.Expose(),
		TokenURL:       c.authority.String() + "/" + c.config.TenantID + path,
		EndpointParams: parameters,
	}
}

// ErrNoUser is returned by calls that need a user when the configuration holds no refresh token.
var ErrNoUser = errors.New("partner center: referrals need a user's refresh token; client credentials are not accepted")

func (c *Client) fetchAsUser(ctx context.Context, resource string) (*oauth2.Token, error) {
	if c.config.RefreshToken == nil {
		return nil, ErrNoUser
	}
	current, err := c.config.RefreshToken(ctx)
	if err != nil {
		return nil, fmt.Errorf("partner center: read the refresh token: %w", err)
	}
	if current.IsZero() {
		return nil, ErrNoUser
	}
	token, err := c.fetch(ctx, resource, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {current.Expose()}})
	if err != nil {
		return nil, err
	}
	if rotated := token.RefreshToken; rotated != "" && rotated != current.Expose() && c.config.OnRotate != nil {
		if err := c.config.OnRotate(ctx, secret.New(rotated)); err != nil {
			return nil, fmt.Errorf("partner center: keep the rotated refresh token: %w", err)
		}
	}
	return token, nil
}

// call is one request to either API.
type call struct {
	operation string
	method    string
	url       string
	header    http.Header
	body      []byte
}

// do sends a call and turns refusals into [*APIError].
func (c *Client) do(ctx context.Context, session *wire.Session, call call) (wire.Response, error) {
	response, err := session.Do(ctx, func(token *oauth2.Token) (wire.Request, error) {
		header := http.Header{"Authorization": {"Bearer " + token.AccessToken}, "Accept": {"application/json"}}
		for name, values := range call.header {
			header[name] = values
		}
		if call.body != nil {
			header.Set("Content-Type", "application/json")
		}
		return wire.Request{Operation: call.operation, Method: call.method, URL: call.url, Header: header, Body: call.body}, nil
	})
	if err != nil {
		return response, fmt.Errorf("partner center: %w", err)
	}
	if response.Status < 200 || response.Status > 299 {
		return response, newAPIError(call, response)
	}
	return response, nil
}
