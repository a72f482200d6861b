package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Two connectors that write to one tenant are only run together when no referral can belong to both.
func TestScopesOfOneTenantAreApart(t *testing.T) {
	of := func(name, tenant, writes string, scope *document.Scope) document.Document {
		return document.Document{Connector: document.Connector{Name: name}, PartnerCenter: document.PartnerCenter{TenantID: tenant, Writes: writes, Scope: scope}}
	}
	prefix := func(name string) *document.Scope { return &document.Scope{NamePrefix: name} }
	for name, c := range map[string]struct {
		first, second *document.Scope
		tenant        string
		writes        string
		apart         bool
	}{
		"no scopes":               {nil, nil, "a", document.WritesLive, false},
		"one without scope":       {prefix("[s]"), nil, "a", document.WritesLive, false},
		"prefixes":                {prefix("[s]"), prefix("[d]"), "a", document.WritesLive, true},
		"one prefix in the other": {prefix("[s"), prefix("[s]"), "a", document.WritesLive, false},
		"locations":               {&document.Scope{PartnerID: "1"}, &document.Scope{PartnerID: "2"}, "a", document.WritesLive, true},
		"one location":            {&document.Scope{PartnerID: "1"}, &document.Scope{NamePrefix: "x"}, "a", document.WritesLive, false},
		"solutions":               {&document.Scope{SolutionID: "1"}, &document.Scope{SolutionID: "2"}, "a", document.WritesLive, false},
		"lists":                   {&document.Scope{Referrals: []string{"A"}}, &document.Scope{Referrals: []string{"b"}}, "a", document.WritesLive, true},
		"lists that meet":         {&document.Scope{Referrals: []string{"A"}}, &document.Scope{Referrals: []string{"b", "a"}}, "a", document.WritesLive, false},
		"two tenants":             {nil, nil, "b", document.WritesLive, true},
		"staging beside":          {nil, prefix("STG"), "a", document.WritesShadow, true},
	} {
		err := apart([]document.Document{of("one", "A", document.WritesLive, c.first), of("two", c.tenant, c.writes, c.second)})
		if c.apart != (err == nil) || err != nil && !errors.Is(err, problem.New(problem.DocumentInvalid, "", "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What Dataverse tells a connector arrives at a path of its own: neither Partner Center's nor another connector's.
func TestRowPathsAreApart(t *testing.T) {
	of := func(name, center, rows string) document.Document {
		d := document.Document{Connector: document.Connector{Name: name}, PartnerCenter: document.PartnerCenter{TenantID: name, Writes: document.WritesLive}}
		d.PartnerCenter.Webhook = &document.Webhook{URL: center}
		d.CRM.Dynamics = &document.Environment{}
		if rows != "" {
			d.CRM.Dynamics.Push = &document.EnvironmentPush{URL: rows}
		}
		return d
	}
	const host = "https://agent.example.com"
	for name, c := range map[string]struct {
		documents []document.Document
		apart     bool
	}{
		"own paths":              {[]document.Document{of("a", host+"/pc", host+"/a"), of("b", host+"/pc", host+"/b")}, true},
		"none":                   {[]document.Document{of("a", host+"/pc", ""), of("b", host+"/pc", "")}, true},
		"one path":               {[]document.Document{of("a", host+"/pc", host+"/a"), of("b", host+"/pc", host+"/a")}, false},
		"another's registration": {[]document.Document{of("a", host+"/pc", host+"/b"), of("b", host+"/b", "")}, false},
	} {
		if err := apart(c.documents); c.apart != (err == nil) || err != nil && !errors.Is(err, problem.New(problem.DocumentInvalid, "", "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A webhook of a path that connectors share reaches each of them whole, and is acknowledged only when all have taken it.
func TestSharedPathReachesEveryConnector(t *testing.T) {
	var seen []string
	connector := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			seen = append(seen, string(body)+r.Header.Get("Authorization"))
			w.WriteHeader(status)
		})
	}
	for want, handlers := range map[int]sharedPath{
		http.StatusOK:                 {connector(http.StatusOK), connector(http.StatusOK)},
		http.StatusServiceUnavailable: {connector(http.StatusServiceUnavailable), connector(http.StatusOK)},
	} {
		seen = nil
		request := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader("event "))
		request.Header.Set("Authorization", "signed")
		answer := httptest.NewRecorder()
		handlers.ServeHTTP(answer, request)
		if answer.Code != want || len(seen) != 2 || seen[0] != "event signed" || seen[1] != "event signed" {
			t.Errorf("answered %d, seen %q", answer.Code, seen)
		}
	}
}
