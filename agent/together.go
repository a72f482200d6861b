package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/intake"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// apart fails with a problem (DocumentInvalid) when a referral could belong to two of the connectors that write to one Partner Center
// tenant: each would make an opportunity of it, and answer the other's changes. It fails, too, when what Dataverse tells one of them would
// arrive where something else is received.
func apart(documents []document.Document) error {
	if err := pathsApart(documents); err != nil {
		return err
	}
	for i, d := range documents {
		for _, other := range documents[:i] {
			if d.PartnerCenter.Writes == document.WritesLive && other.PartnerCenter.Writes == document.WritesLive &&
				strings.EqualFold(d.PartnerCenter.TenantID, other.PartnerCenter.TenantID) &&
				!disjoint(d.PartnerCenter.Scope, other.PartnerCenter.Scope) {
				return problem.New(problem.DocumentInvalid, "partner_center.scope of connector "+d.Connector.Name,
					"a referral can be in it and in the scope of connector "+other.Connector.Name+" as well; both work with one Partner Center tenant. "+
						"Tell them apart by name prefixes of which none begins with the other, by partner locations, or by lists of referrals")
			}
		}
	}
	return nil
}

// pathsApart checks that the path at which Dataverse tells a connector of changes is its own. Partner Center's may be several connectors'.
func pathsApart(documents []document.Document) error {
	used := map[string]string{}
	for _, d := range documents {
		if d.PartnerCenter.Webhook != nil {
			used[pathOf(d.PartnerCenter.Webhook.URL)] = d.Connector.Name
		}
	}
	for _, d := range documents {
		if d.CRM.Dynamics == nil || d.CRM.Dynamics.Push == nil {
			continue
		}
		path := pathOf(d.CRM.Dynamics.Push.URL)
		if other, taken := used[path]; taken {
			return problem.New(problem.DocumentInvalid, "crm.dynamics365.push.url of connector "+d.Connector.Name,
				"connector "+other+" receives at the path "+path+" already; give the service endpoint a path of its own")
		}
		used[path] = d.Connector.Name
	}
	return nil
}

func pathOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.EscapedPath()
}

// disjoint reports whether no referral can be in both scopes. Solutions tell nothing: a referral can have both.
func disjoint(a, b *document.Scope) bool {
	if a == nil || b == nil {
		return false
	}
	contains := func(id string) bool {
		return slices.ContainsFunc(b.Referrals, func(other string) bool { return strings.EqualFold(id, other) })
	}
	return !strings.HasPrefix(a.NamePrefix, b.NamePrefix) && !strings.HasPrefix(b.NamePrefix, a.NamePrefix) ||
		a.PartnerID != "" && b.PartnerID != "" && a.PartnerID != b.PartnerID ||
		len(a.Referrals) > 0 && len(b.Referrals) > 0 && !slices.ContainsFunc(a.Referrals, contains)
}

// sharedPath is a webhook endpoint of several connectors: a tenant has one registration with one address. An event names its referral and
// not what tells the connectors apart, so each of them gets it; the referral's name, read then, says whose it is, and to the others it is
// out of scope. It is acknowledged when all have stored it. Otherwise it is delivered again, and who has it drops it.
type sharedPath []http.Handler

// ServeHTTP implements [http.Handler].
func (s sharedPath) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// One byte more than is taken, so that a connector's own endpoint is who refuses a body that is too large.
	body, err := io.ReadAll(io.LimitReader(r.Body, intake.MaxBody+1))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	var worst *kept
	for _, connector := range s {
		request := r.Clone(r.Context())
		request.Body = io.NopCloser(bytes.NewReader(body))
		answer := &kept{header: http.Header{}, status: http.StatusOK}
		connector.ServeHTTP(answer, request)
		if worst == nil || answer.status > worst.status {
			worst = answer
		}
	}
	for name, values := range worst.header {
		w.Header()[name] = values
	}
	w.WriteHeader(worst.status)
	_, _ = w.Write(worst.body.Bytes()) // whoever asked has gone when it fails
}

// kept is an answer that is not sent yet.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (k *kept) Header() http.Header { return k.header }

// WriteHeader implements [http.ResponseWriter].
func (k *kept) WriteHeader(status int) { k.status = status }

// Write implements [http.ResponseWriter].
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }
