package partnercenter

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// sharedAuthority spares the tests an RSA key each.
var sharedAuthority = sync.OnceValues(func() (*Authority, error) { return NewAuthority(time.Now()) })

// world is a Partner Center with its identity service, reached over HTTP.
type world struct {
	t         testing.TB
	kit       *lab.Kit
	service   *Service
	identity  *entra.Service
	login     string
	referrals string
	events    string
	tokens    map[string]string
	headers   map[string]string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	kit := lab.NewKit(append(Switches(), entra.Switches()...)...)
	identity, err := entra.New(kit, entra.Options{Audiences: []string{ReferralsAudience, EventsAudience}})
	if err != nil {
		t.Fatal(err)
	}
	authority, err := sharedAuthority()
	if err != nil {
		t.Fatal(err)
	}
	var service *Service
	referrals := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { service.Referrals().ServeHTTP(w, r) }))
	t.Cleanup(referrals.Close)
	service, err = New(kit, Options{
		Tokens: identity, Partner: Organization{ID: "5f0c1111-2222-4333-8444-555566667777", Name: "Contoso"}, MPNID: "1234567",
		ReferralsURL: referrals.URL, CertificateURL: "https://127.0.0.1:1" + CertificatePath, Authority: authority,
		RetryInterval: time.Millisecond, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	events := httptest.NewServer(service.Webhooks())
	t.Cleanup(events.Close)
	login := httptest.NewServer(identity.Handler())
	t.Cleanup(login.Close)
	ctx, cancel := context.WithCancel(context.Background())
	delivered := make(chan struct{})
	go func() { service.Deliver(ctx); close(delivered) }()
	t.Cleanup(func() { cancel(); <-delivered })
	return &world{
		t: t, kit: kit, service: service, identity: identity, login: login.URL, referrals: referrals.URL + referralsPath,
		events: events.URL, tokens: map[string]string{}, headers: map[string]string{},
	}
}

func (w *world) set(id, value string) {
	w.t.Helper()
	if err := w.kit.Switches.Set(id, value); err != nil {
		w.t.Fatal(err)
	}
}

// token gets an access token from the identity service.
func (w *world) token(grant, audience string) string {
	w.t.Helper()
	if token := w.tokens[grant+audience]; token != "" {
		return token
	}
	c := w.identity.Credentials()
	response, err := http.PostForm(w.login+"/"+c.TenantID+"/oauth2/token", url.Values{
		"grant_type": {grant}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "refresh_token": {c.RefreshToken},
		"resource": {audience},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		w.t.Fatalf("no token: status %d, %v", response.StatusCode, err)
	}
	w.tokens[grant+audience] = answer.AccessToken
	return answer.AccessToken
}

type reply struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// at walks the decoded body by names and indexes; it returns nil where there is nothing.
func (r reply) at(path ...any) any {
	var value any = r.body
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

func (r reply) text(path ...any) string {
	s, _ := r.at(path...).(string)
	return s
}

func (w *world) do(token, method, address string, body any) reply {
	w.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		data, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, address, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if reader != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range w.headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{raw: err.Error()}
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := reply{status: response.StatusCode, header: response.Header, raw: string(data)}
	_ = json.Unmarshal(data, &r.body) // some answers are no objects
	return r
}

// call uses the referrals API as the partner's user; path is appended to the collection's address.
func (w *world) call(method, path string, body any) reply {
	w.t.Helper()
	return w.do(w.token("refresh_token", ReferralsAudience), method, w.referrals+path, body)
}

// hook uses the webhooks API as the partner's user.
func (w *world) hook(method, path string, body any) reply {
	w.t.Helper()
	return w.do(w.token("refresh_token", EventsAudience), method, w.events+path, body)
}

func (w *world) list(query string) reply {
	w.t.Helper()
	return w.call(http.MethodGet, "?"+strings.ReplaceAll(query, " ", "%20"), nil)
}

// deal is the body of a private deal that satisfies every rule.
func deal() map[string]any {
	return map[string]any{
		"name": "Deal A", "externalReferenceId": "006000000000001AAA", "qualification": "SalesQualified", "type": "Independent",
		"customerProfile": map[string]any{
			"name": "Fabrikam", "size": "10to50employees",
			"address": map[string]any{"addressLine1": "1 Main St", "city": "Oslo", "state": "", "postalCode": "0150", "country": "NO"},
			"team":    []any{member("customer.contact@example.com")},
		},
		"consent": map[string]any{
			"consentToToShareInfoWithOthers": true, "ConsentToContact": true, "consentToShareReferralWithMicrosoftSellers": false,
		},
		"details": map[string]any{
			"notes": "n", "dealValue": 50000, "currency": "NOK", "closingDateTime": "2026-12-01T00:00:00Z",
			"requirements": map[string]any{
				"solutions":              []any{map[string]any{"type": "Name", "id": "SOL-00001-AAA", "name": "S"}},
				"additionalRequirements": map[string]any{"iot": map[string]any{}, "attributes": []any{map[string]any{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}}},
			},
		},
		"team": []any{member("partner.seller@example.com")}, "target": []any{},
	}
}

func member(email string) map[string]any {
	return map[string]any{"firstName": "First", "lastName": "Last", "phoneNumber": "+4700000000", "email": email}
}

// with sets one value of a body by its path and returns the body.
func with(body map[string]any, path string, value any) map[string]any {
	names := strings.Split(path, "/")
	object := body
	for _, name := range names[:len(names)-1] {
		if object[name] == nil {
			object[name] = map[string]any{}
		}
		object = object[name].(map[string]any)
	}
	object[names[len(names)-1]] = value
	return body
}

// shared is a deal that Microsoft's sellers see.
func shared() map[string]any {
	body := with(deal(), "consent/consentToShareReferralWithMicrosoftSellers", true)
	return with(body, "type", "Shared")
}

// toMicrosoft is the second POST of a co-sell deal.
func toMicrosoft(engagementID string) map[string]any {
	body := with(shared(), "engagementId", engagementID)
	body = with(body, "target", []any{map[string]any{"type": "BusinessProfileLocation", "id": "msft"}})
	return with(body, "inviteContext/assistanceRequestCode", "ProofOfConceptOrDemo")
}

func (w *world) create(body map[string]any) reply {
	w.t.Helper()
	r := w.call(http.MethodPost, "", body)
	if r.status != 200 && r.status != 201 {
		w.t.Fatalf("create: %d %s", r.status, r.raw)
	}
	return r
}

func (w *world) receive(d Deal) *Referral {
	w.t.Helper()
	r, err := w.service.SendReferral(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func replaceOp(path string, value any) map[string]any {
	return map[string]any{"op": "replace", "path": path, "value": value}
}

// received is one webhook as a receiver sees it.
type received struct {
	header http.Header
	body   []byte
	event  event
}

// receiver is an endpoint for webhooks; status decides its answers.
func receiver(t testing.TB, status func(n int) int) (string, <-chan received) {
	t.Helper()
	arrived := make(chan received, 1000)
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := received{header: r.Header, body: body}
		if err := json.Unmarshal(body, &got.event); err != nil {
			t.Errorf("webhook body: %v", err)
		}
		n++ // deliveries come one at a time
		w.WriteHeader(status(n))
		arrived <- got
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hooks", arrived
}

func always(status int) func(int) int { return func(int) int { return status } }

func next(t testing.TB, arrived <-chan received) received {
	t.Helper()
	select {
	case got := <-arrived:
		return got
	case <-time.After(30 * time.Second):
		t.Fatal("no webhook arrived")
		return received{}
	}
}

func (w *world) register(url string, events ...string) reply {
	w.t.Helper()
	return w.hook(http.MethodPost, registrationPath, map[string]any{"WebhookUrl": url, "WebhookEvents": events})
}

// logged waits for an operation that satisfies the condition.
func (w *world) logged(accept func(lab.Operation) bool) lab.Operation {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var seen int64
	for {
		for _, op := range w.kit.Log.Since(seen) {
			seen = op.Seq
			if accept(op) {
				return op
			}
		}
		if err := w.kit.Log.Wait(ctx, seen); err != nil {
			w.t.Fatalf("the operation was not logged: %v", err)
		}
	}
}
