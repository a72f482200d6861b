package entra

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	referrals = "https://api.partner.microsoft.com"
	events    = "https://api.partnercenter.microsoft.com"
)

type tenant struct {
	t       *testing.T
	kit     *lab.Kit
	service *Service
	url     string
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	kit := lab.NewKit(Switches()...)
	service, err := New(kit, Options{Audiences: []string{referrals, events}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	return &tenant{t, kit, service, server.URL}
}

// ask posts a token request: the application's credentials, then the given fields over them.
func (e *tenant) ask(path string, fields map[string]string) (int, map[string]any) {
	e.t.Helper()
	c := e.service.Credentials()
	form := url.Values{"client_id": {c.ClientID}, "client_secret": {c.ClientSecret}}
	for name, value := range fields {
		form.Set(name, value)
	}
	response, err := http.PostForm(e.url+strings.ReplaceAll(path, "TENANT", c.TenantID), form)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, body
}

const (
	v1 = "/TENANT/oauth2/token"
	v2 = "/TENANT/oauth2/v2.0/token"
)

func TestRefreshTokenRotates(t *testing.T) {
	e := newTenant(t)
	first := e.service.Credentials().RefreshToken
	status, body := e.ask(v1, map[string]string{"grant_type": "refresh_token", "refresh_token": first, "resource": referrals})
	if status != 200 || body["token_type"] != "Bearer" || body["expires_in"] != "3599" || body["resource"] != referrals {
		t.Fatalf("%d %v", status, body)
	}
	claims, err := e.service.Verify(body["access_token"].(string))
	if err != nil || claims.Audience != referrals || claims.AppOnly || !claims.MFA || claims.Subject != "partner-user@example.com" {
		t.Errorf("claims %+v, %v", claims, err)
	}
	second, _ := body["refresh_token"].(string)
	if second == "" || second == first {
		t.Fatalf("refresh token %q", second)
	}
	for _, token := range []string{first, second} { // a refresh token serves every resource, and the old one stays valid
		status, body := e.ask(v2, map[string]string{"grant_type": "refresh_token", "refresh_token": token, "scope": events + "/.default offline_access"})
		if status != 200 || body["expires_in"] != 3599.0 || body["scope"] != events+"/.default" {
			t.Errorf("%d %v", status, body)
		}
	}
	e.kit.Clock.Advance(91 * 24 * time.Hour)
	status, body = e.ask(v1, map[string]string{"grant_type": "refresh_token", "refresh_token": second, "resource": referrals})
	if status != 400 || body["error"] != "invalid_grant" || !strings.HasPrefix(body["error_description"].(string), "AADSTS70008") {
		t.Errorf("after 91 days: %d %v", status, body)
	}
}

func TestClientCredentialsAndExpiry(t *testing.T) {
	e := newTenant(t)
	status, body := e.ask(v2, map[string]string{"grant_type": "client_credentials", "scope": events + "/.default"})
	if status != 200 || body["refresh_token"] != nil {
		t.Fatalf("%d %v", status, body)
	}
	token := body["access_token"].(string)
	if claims, err := e.service.Verify(token); err != nil || !claims.AppOnly || claims.MFA {
		t.Errorf("claims %+v, %v", claims, err)
	}
	e.kit.Clock.Advance(time.Hour)
	if _, err := e.service.Verify(token); err == nil {
		t.Error("the token did not expire")
	}
	_, body = e.ask(v2, map[string]string{"grant_type": "client_credentials", "scope": events + "/.default"})
	e.service.RevokeAccess()
	if _, err := e.service.Verify(body["access_token"].(string)); err == nil {
		t.Error("the token was not revoked")
	}
}

func TestRefusedTokenRequests(t *testing.T) {
	e := newTenant(t)
	refresh := e.service.Credentials().RefreshToken
	good := map[string]string{"grant_type": "refresh_token", "refresh_token": refresh, "resource": referrals}
	with := func(name, value string) map[string]string {
		changed := map[string]string{}
		for k, v := range good {
			changed[k] = v
		}
		changed[name] = value
		return changed
	}
	for name, c := range map[string]struct {
		path   string
		fields map[string]string
		status int
		code   string
	}{
		"tenant":   {"/other/oauth2/token", good, 400, "invalid_request"},
		"endpoint": {"/TENANT/token", good, 404, "not_found"},
		"client":   {v1, with("client_id", "x"), 400, "unauthorized_client"},
		"secret":   {v1, with("client_secret", "x"), 401, "invalid_client"},
		"none":     {v1, with("client_secret", ""), 401, "invalid_client"},
		"resource": {v1, with("resource", "https://graph.windows.net"), 400, "invalid_resource"},
		"scope":    {v2, with("scope", "x"), 400, "invalid_scope"},
		"scopes":   {v2, with("scope", referrals+"/.default "+events+"/.default"), 400, "invalid_scope"},
		"no scope": {v2, good, 400, "invalid_resource"},
		"grant":    {v1, with("grant_type", "password"), 400, "unsupported_grant_type"},
		"refresh":  {v1, with("refresh_token", "x"), 400, "invalid_grant"},
	} {
		status, body := e.ask(c.path, c.fields)
		if status != c.status || body["error"] != c.code || body["error_codes"] == nil || body["timestamp"] == "" {
			t.Errorf("%s: %d %v, want %d %s", name, status, body, c.status, c.code)
		}
	}
	if response, err := http.Get(e.url + "/" + e.service.Credentials().TenantID + "/oauth2/token"); err != nil || response.StatusCode != 405 {
		t.Errorf("GET: %v, %v", response, err)
	} else {
		response.Body.Close()
	}
	e.service.RevokeRefresh()
	if status, _ := e.ask(v1, good); status != 400 {
		t.Errorf("revoked refresh token: %d", status)
	}
	for _, op := range e.kit.Log.Since(0) {
		if op.Action != "token" || op.Status < 400 {
			t.Errorf("logged %+v", op)
		}
	}
}

func TestEverySwitchDoesWhatItSays(t *testing.T) {
	ask := func(e *tenant, path string, fields map[string]string) (int, map[string]any) {
		fields["grant_type"], fields["refresh_token"] = "refresh_token", e.service.Credentials().RefreshToken
		return e.ask(path, fields)
	}
	probes := map[string]func(e *tenant) string{
		switchMFA: func(e *tenant) string {
			_, body := ask(e, v1, map[string]string{"resource": referrals})
			claims, err := e.service.Verify(body["access_token"].(string))
			if err != nil {
				t.Error(err)
			}
			return map[bool]string{true: "present", false: "absent"}[claims.MFA]
		},
		switchV2: func(e *tenant) string {
			status, _ := ask(e, v2, map[string]string{"scope": referrals + "/.default"})
			return map[int]string{200: "served", 400: "refused"}[status]
		},
		switchRotate: func(e *tenant) string {
			_, body := ask(e, v1, map[string]string{"resource": referrals})
			return map[bool]string{true: "same", false: "new"}[body["refresh_token"] == e.service.Credentials().RefreshToken]
		},
	}
	for _, sw := range Switches() {
		for _, value := range sw.Values {
			e := newTenant(t)
			if err := e.kit.Switches.Set(sw.ID, value); err != nil {
				t.Fatal(err)
			}
			if got := probes[sw.ID](e); got != value {
				t.Errorf("%s=%s: %s", sw.ID, value, got)
			}
		}
	}
}

// TestApplicationsAreApart shows that a second application has a user of its own, and that neither can use the other's secret or
// refresh token.
func TestApplicationsAreApart(t *testing.T) {
	e := newTenant(t)
	first := e.service.Credentials()
	second, err := e.service.Register("another-user@example.com")
	if err != nil || second.TenantID != first.TenantID || second.ClientID == first.ClientID {
		t.Fatalf("%+v, %v", second, err)
	}
	as := func(client, secret, refresh string) (int, map[string]any) {
		return e.ask(v1, map[string]string{
			"grant_type": "refresh_token", "refresh_token": refresh, "resource": referrals, "client_id": client, "client_secret": secret,
		})
	}
	status, body := as(second.ClientID, second.ClientSecret, second.RefreshToken)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, body)
	}
	if claims, err := e.service.Verify(body["access_token"].(string)); err != nil || claims.Subject != "another-user@example.com" {
		t.Errorf("%+v, %v", claims, err)
	}
	if status, _ := as(second.ClientID, first.ClientSecret, second.RefreshToken); status != http.StatusUnauthorized {
		t.Errorf("with the other's secret: %d", status)
	}
	if status, _ := as(first.ClientID, first.ClientSecret, second.RefreshToken); status != http.StatusBadRequest {
		t.Errorf("with the other's refresh token: %d", status)
	}
}
