package partnercenter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const oneReferral = "GET /v1.0/engagements/referrals/r1"

func TestNewChecksTheConfiguration(t *testing.T) {
	stack, err := wire.New(wire.Options{Transport: http.NewFileTransport(nil), Clock: time.Now, NewID: func() string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]Config{
		"no tenant":          {ClientID: "app"},
		"tenant with a path": {ClientID: "app", TenantID: "a/b"},
		"no client":          {TenantID: "contoso.example.com"},
		"insecure endpoint":  {TenantID: "contoso.example.com", ClientID: "app", EventsEndpoint: "http://example.com"},
		"broken authority":   {TenantID: "contoso.example.com", ClientID: "app", Authority: "login.example.com"},
	} {
		if _, err := New(config, stack); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c, err := New(Config{TenantID: "contoso.example.com", ClientID: "app"}, stack)
	if err != nil || c.collection() != "https://api.partner.microsoft.com/v1.0/engagements/referrals" {
		t.Errorf("defaults: %v", err)
	}
	if _, err := c.GetReferral(t.Context(), "r1"); !errors.Is(err, ErrNoUser) {
		t.Errorf("without a refresh token: %v", err)
	}
}

func TestTokensOfBothAudiences(t *testing.T) {
	f := newFake(t)
	f.reply(oneReferral, 200, `{"id":"r1"}`)
	f.reply("GET /webhooks/v1/registration/events", 200, `[]`)
	c := f.client()
	for range 2 {
		if _, err := c.GetReferral(t.Context(), "r1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.last().header.Get("Authorization"); got != "Bearer https://api.partner.microsoft.com/.default#1" {
		t.Error(got)
	}
	if _, err := c.WebhookEvents(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.last().header.Get("Authorization"); got != "Bearer https://api.partnercenter.microsoft.com/.default#2" {
		t.Error(got)
	}
	for i, want := range []string{
		"client_id=app&client_secret=client-secret&grant_type=refresh_token&path=%2Fcontoso.example.com%2Foauth2%2Fv2.0%2Ftoken&refresh_token=refresh-0&scope=https%3A%2F%2Fapi.partner.microsoft.com%2F.default",
		"client_id=app&client_secret=client-secret&grant_type=client_credentials&path=%2Fcontoso.example.com%2Foauth2%2Fv2.0%2Ftoken&scope=https%3A%2F%2Fapi.partnercenter.microsoft.com%2F.default",
	} {
		if got := f.issued()[i].Encode(); got != want {
			t.Errorf("token request %d: %s", i, got)
		}
	}
}

func TestRefusedScopeFallsBackToTheResource(t *testing.T) {
	f := newFake(t)
	f.refuseScopes = true
	f.reply("GET /webhooks/v1/registration/events", 200, `[]`)
	c := f.client(func(config *Config) { config.EventsAsUser = true })
	if _, err := c.WebhookEvents(t.Context()); err != nil {
		t.Fatal(err)
	}
	form := f.issued()[len(f.issued())-1]
	if form.Get("path") != "/contoso.example.com/oauth2/token" || form.Get("resource") != EventsResource || form.Get("scope") != "" || form.Get("grant_type") != "refresh_token" {
		t.Error(form)
	}
}

func TestExpiredTokenIsRenewedOnceForAllCallers(t *testing.T) {
	f := newFake(t)
	f.on(oneReferral, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Authorization"), "#1") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"id":"r1"}`))
	})
	c := f.client()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.GetReferral(t.Context(), "r1"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(f.issued()) != 2 || f.issued()[1].Get("refresh_token") != "rotated-1" {
		t.Errorf("%d token requests, the second with %s", len(f.issued()), f.issued()[1].Get("refresh_token"))
	}
}

func TestRefusedTokenIsNotRenewedTwice(t *testing.T) {
	f := newFake(t)
	f.reply(oneReferral, 401, `{"error":{"code":"unAuthorized","message":"no","target":"referral"}}`)
	c := f.client()
	_, err := c.GetReferral(t.Context(), "r1")
	if !IsDenied(err) || problem.ClassOf(err) != problem.Later || len(f.seen()) != 2 || len(f.issued()) != 2 {
		t.Errorf("%v after %d requests and %d tokens", err, len(f.seen()), len(f.issued()))
	}
}

func TestRotatedRefreshTokenIsKeptBeforeUse(t *testing.T) {
	f := newFake(t)
	full := errors.New("disk full")
	c := f.client(func(config *Config) {
		config.OnRotate = func(_ context.Context, s secret.Secret) error {
			if s.Expose() != "rotated-1" {
				t.Errorf("rotated to %q", s.Expose())
			}
			return full
		}
	})
	if _, err := c.GetReferral(t.Context(), "r1"); !errors.Is(err, full) || len(f.seen()) != 0 {
		t.Errorf("%v after %d requests", err, len(f.seen()))
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		header []string
		want   APIError
		class  problem.Class
		is     func(error) bool
	}{
		"envelope": {
			400, `{"error":{"code":"invalidRequest","message":"Solution ID is required","target":"details","innererror":{"code":"a","innerError":{"code":"deepest"}}}}`,
			[]string{"Request-ID", "svc-1"},
			APIError{Code: "invalidRequest", Message: "Solution ID is required", Target: "details", InnerCode: "deepest", RequestID: "svc-1"}, problem.NeedsPerson, nil,
		},
		"not found":       {404, `{"error":{"code":"itemNotFound","message":"none"}}`, nil, APIError{Code: "itemNotFound", Message: "none"}, problem.Gone, IsNotFound},
		"changed":         {412, `{"error":{"code":"preconditionFailed","message":"etag"}}`, nil, APIError{Code: "preconditionFailed", Message: "etag"}, problem.Later, IsConflict},
		"modified":        {409, `{"error":{"code":"resourceModified","message":"m"}}`, nil, APIError{Code: "resourceModified", Message: "m"}, problem.Later, IsConflict},
		"numeric code":    {401, `{"code":900420,"description":"wrong audience"}`, nil, APIError{Code: "900420", Message: "wrong audience"}, problem.Later, IsDenied},
		"stale etag":      {400, `{"code":2055,"description":"ETag"}`, nil, APIError{Code: "2055", Message: "ETag"}, problem.Later, IsConflict},
		"throttled":       {429, `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}`, []string{"Retry-After", "57"}, APIError{Message: "Rate limit is exceeded. Try again in 57 seconds.", RetryAfter: 57 * time.Second}, problem.Later, nil},
		"html":            {503, `<html>`, []string{"Retry-After", "9"}, APIError{Message: "Service Unavailable", RetryAfter: 9 * time.Second}, problem.Later, nil},
		"no body":         {500, ``, nil, APIError{Message: "Internal Server Error"}, problem.Later, nil},
		"array":           {400, `["x"]`, nil, APIError{Message: "Bad Request"}, problem.NeedsPerson, nil},
		"error is text":   {400, `{"error":"invalid_grant","message":"m"}`, nil, APIError{Message: "m"}, problem.NeedsPerson, nil},
		"not implemented": {501, `{}`, nil, APIError{Message: "Not Implemented"}, problem.NeedsPerson, nil},
		"bandwidth":       {509, `{}`, nil, APIError{}, problem.Later, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply("PATCH /v1.0/engagements/referrals/r1", test.status, test.body, test.header...)
			_, err := f.client().PatchReferral(t.Context(), "r1", "", []byte("[]"))
			var got *APIError
			if !errors.As(err, &got) {
				t.Fatalf("%T %v", err, err)
			}
			want := test.want
			want.Operation, want.Method, want.Status, want.ClientRequestID = "patch referral", "PATCH", test.status, "request-1"
			if *got != want {
				t.Errorf("got  %+v\nwant %+v", *got, want)
			}
			if problem.ClassOf(err) != test.class {
				t.Errorf("class %v", problem.ClassOf(err))
			}
			if test.is != nil && !test.is(err) {
				t.Error("the predicate does not hold")
			}
			if RetryAfter(err) != want.RetryAfter {
				t.Errorf("retry after %s", RetryAfter(err))
			}
			if IsAmbiguous(err) != wire.AmbiguousStatus(test.status) {
				t.Errorf("ambiguous: %t", IsAmbiguous(err))
			}
		})
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	config := Config{ClientSecret: secret.New("hidden-text")}
	if text := fmt.Sprintf("%v %+v %#v", config, config, config.ClientSecret); strings.Contains(text, "hidden-text") {
		t.Error(text)
	}
}

func TestErrorText(t *testing.T) {
	e := &APIError{Operation: "patch referral", Status: 400, Code: "a", InnerCode: "b", Message: "m", Target: "t", RequestID: "r"}
	if got, want := e.Error(), "partner center: patch referral: status 400 a/b: m (target t) [request r]"; got != want {
		t.Errorf("%s", got)
	}
	if got := limitRunes(strings.Repeat("é", 2000), 1024); len([]rune(got)) != 1024 {
		t.Errorf("%d runes", len([]rune(got)))
	}
}

func TestUnreachableService(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("POST /v1.0/engagements/referrals", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := c.CreateReferral(t.Context(), []byte("{}")); !IsAmbiguous(err) || problem.ClassOf(err) != problem.Later {
		t.Errorf("aborted: %v", err)
	}
	f.server.Close()
	if _, err := c.CreateReferral(t.Context(), []byte("{}")); err == nil || IsAmbiguous(err) {
		t.Errorf("refused: %v", err)
	}
}
