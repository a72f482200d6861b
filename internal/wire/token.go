package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// TokenError is a token endpoint's refusal (RFC 6749 §5.2).
type TokenError struct {
	Status      int
	Code        string // e.g. "invalid_grant"
	Description string
	RetryAfter  time.Duration
}

func (e *TokenError) Error() string {
	return fmt.Sprintf("token endpoint answered %d: %s: %s", e.Status, e.Code, e.Description)
}

// Class is Later: rejected credentials are read again from where they are kept, and a renewed secret cures them.
func (e *TokenError) Class() problem.Class { return problem.Later }

// Rejected reports whether the service turned the credentials down, as opposed to being unavailable.
func (e *TokenError) Rejected() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout
}

// FetchToken asks a token endpoint through the oauth2 library and this client's transport. The configuration's
// EndpointParams may override grant_type, which covers the refresh-token and JWT bearer grants. It fails with a
// [*TokenError] when the endpoint refuses and a [*TransportError] when it does not answer.
func (c *Client) FetchToken(ctx context.Context, config clientcredentials.Config) (*oauth2.Token, error) {
	carrier := &tokenTransport{client: c}
	config.AuthStyle = oauth2.AuthStyleInParams
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: carrier, CheckRedirect: stayHere}))
	if err == nil {
		return token, nil
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return nil, tokenError(refused, c.clock())
	}
	var failure *TransportError
	if errors.As(err, &failure) {
		return nil, failure
	}
	// The library's own texts may quote the answer.
	return nil, &TokenError{Status: carrier.status, Code: "unreadable_answer", Description: "the token endpoint's answer holds no access token"}
}

func tokenError(refused *oauth2.RetrieveError, now time.Time) *TokenError {
	e := &TokenError{Code: refused.ErrorCode, Description: refused.ErrorDescription}
	if refused.Response != nil {
		e.Status = refused.Response.StatusCode
		e.RetryAfter = ParseRetryAfter(refused.Response.Header.Get("Retry-After"), now)
	}
	if e.Code == "" {
		e.Code, e.Description = "no_error_code", http.StatusText(e.Status)
	}
	return e
}

// tokenTransport lets the oauth2 library use Client.Do, with its limits, checks and logging.
type tokenTransport struct {
	client *Client
	status int
}

func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	response, err := t.client.Do(r.Context(), Request{
		Operation: "get access token", Method: r.Method, URL: r.URL.String(), Header: r.Header, Body: body, MaxResponse: 1 << 20,
		// Asking twice only issues a second token: a rotated refresh token leaves its predecessor valid. And a lost token
		// must not make the call that wanted it look as if it might have been applied.
		Read: true,
	})
	if err != nil {
		return nil, err
	}
	t.status = response.Status
	return response.http(r), nil
}

// Tokens keeps one access token and renews it: single flight, before it expires, and once more when a service says that
// it is no longer valid. It is safe for concurrent use.
type Tokens struct {
	clock func() time.Time
	fetch func(context.Context) (*oauth2.Token, error)
	group singleflight.Group

	mu      sync.Mutex
	current *oauth2.Token
	renewAt time.Time // zero: only when the service refuses it
}

// NewTokens makes a source over fetch, which asks the token endpoint anew each time it is called.
func NewTokens(clock func() time.Time, fetch func(context.Context) (*oauth2.Token, error)) *Tokens {
	return &Tokens{clock: clock, fetch: fetch}
}

// Token gives the kept token, or fetches one.
func (t *Tokens) Token(ctx context.Context) (*oauth2.Token, error) { return t.token(ctx, "") }

// Renew gives a token other than the refused one: the kept token if somebody has renewed it meanwhile, else a new one.
func (t *Tokens) Renew(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error) {
	return t.token(ctx, refused.AccessToken)
}

func (t *Tokens) token(ctx context.Context, refused string) (*oauth2.Token, error) {
	for {
		if token := t.kept(refused); token != nil {
			return token, nil
		}
		token, joined, err := t.flight(ctx, refused)
		if err != nil || !joined || token.AccessToken != refused {
			return token, err
		}
		// The fetch that was under way is the one whose token has been refused meanwhile.
	}
}

// flight starts a fetch or joins the one under way. A fetch outlives a caller that gives up: a rotated refresh token must
// not be lost half-way, and others wait for it. Its own time limit is that of the HTTP client.
func (t *Tokens) flight(ctx context.Context, refused string) (token *oauth2.Token, joined bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err // whoever has given up already starts nothing
	}
	detached := context.WithoutCancel(ctx)
	own := false
	result := t.group.DoChan("token", func() (any, error) {
		own = true
		if token := t.kept(refused); token != nil {
			return token, nil
		}
		token, err := t.fetch(detached)
		if err != nil {
			return nil, err
		}
		t.keep(token)
		return token, nil
	})
	select {
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case r := <-result:
		if r.Err != nil {
			return nil, false, r.Err
		}
		return r.Val.(*oauth2.Token), !own, nil
	}
}

func (t *Tokens) kept(refused string) *oauth2.Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil || t.current.AccessToken == refused {
		return nil
	}
	if !t.renewAt.IsZero() && !t.clock().Before(t.renewAt) {
		return nil
	}
	return t.current
}

func (t *Tokens) keep(token *oauth2.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.renewAt = token, time.Time{}
	if life := lifetime(token); life > 0 {
		// Renew early enough for a slow call, but keep a short-lived token for most of its life.
		t.renewAt = t.clock().Add(life - min(5*time.Minute, life/5))
	}
}

// lifetime reads expires_in, which some endpoints send as a string. The library's own Expiry follows the system clock.
func lifetime(token *oauth2.Token) time.Duration {
	var seconds float64
	switch v := token.Extra("expires_in").(type) {
	case float64:
		seconds = v
	case json.Number:
		seconds, _ = v.Float64()
	case string:
		seconds, _ = strconv.ParseFloat(v, 64)
	}
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, 365*24*3600) * float64(time.Second))
}
