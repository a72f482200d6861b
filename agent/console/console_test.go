package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const token = "a token that nobody can guess"

// desk is a server over a store with one connector.
type desk struct {
	*testing.T
	store   *store.SQL
	local   *Local
	server  *httptest.Server
	client  *Client
	reloads int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t}
	var err error
	d.store, err = store.Open(t.Context(), store.Options{
		DSN: "sqlite:" + filepath.Join(t.TempDir(), "agent.db"), Connector: "contoso", Clock: func() time.Time { return noon }, Owner: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("../../internal/document/testdata/document.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	doc.Connector = document.Connector{Name: "contoso", Environment: "production", Revision: 7}
	d.local = &Local{
		Store: d.store, Connector: "contoso", Version: "1.2.3", Now: func() time.Time { return noon }, Language: problem.English,
		Health: func() app.Health {
			return app.Health{Document: doc, Connected: true, Webhook: noon.Add(-time.Minute), Calls: 800, Budget: 1000, Feeds: []app.FeedHealth{
				{Name: "crm_changes", Passed: noon.Add(-5 * time.Second), Hits: 2, Every: 10 * time.Second},
				{Name: "referral_sweep", Passed: noon.Add(-time.Hour), Failed: noon.Add(-time.Second), Every: time.Minute, Error: "503 <b>down</b>"},
			}}
		},
		ReadAgain: func() error { d.reloads++; return nil },
	}
	operations := map[string]Operations{"contoso": d.local}
	metrics := NewMetrics("1.2.3")
	metrics.Watch(operations)
	metrics.Ran("contoso", "done")
	metrics.Equal("contoso", 1500*time.Millisecond)
	s := &Server{Connectors: operations, Token: secret.New(token), Metrics: metrics.Handler(), Now: func() time.Time { return noon }, Log: hclog.NewNullLogger()}
	d.server = httptest.NewServer(s.Handler())
	address, _, err := ParseAddress(strings.TrimPrefix(d.server.URL, "http://"), "", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	d.client = NewClient(address, secret.New(token))
	t.Cleanup(func() {
		d.server.Close()
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// settled makes a deal whose last run ended in an outcome.
func (d *desk) settled(key string, change store.Change, outcome store.Outcome) {
	d.Helper()
	ctx := d.Context()
	err := d.store.Enqueue(ctx, []store.Event{{ID: "e:" + key, Source: "test", Key: key}}, nil)
	if err != nil {
		d.Fatal(err)
	}
	claims, err := d.store.Claim(ctx, 1, time.Minute)
	if err != nil || len(claims) != 1 {
		d.Fatal(claims, err)
	}
	if err := errors.Join(d.store.Record(ctx, claims[0], change), d.store.Settle(ctx, claims[0], outcome)); err != nil {
		d.Fatal(err)
	}
}

// request sends a request and gives status and body.
func (d *desk) request(method, path, body string, header map[string]string) (int, string) {
	d.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	d.server.Config.Handler.ServeHTTP(answer, request)
	return answer.Code, answer.Body.String()
}

var bearer = map[string]string{"Authorization": "Bearer " + token}

// with gives the headers with some more.
func with(header map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for name, value := range header {
		out[name] = value
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

var who = Who{By: "ada", Reason: "mended"}

// Everything but the probes asks for the token, and no request changes anything without the token as a bearer, the header and the
// type that no foreign page can send.
func TestNothingWithoutTheToken(t *testing.T) {
	d := newDesk(t)
	d.settled("crm:006A", store.Change{}, store.Park{Code: "CS101"})
	for _, path := range []string{"/", "/style.css", "/metrics", "/api/v1/connectors", "/api/v1/connectors/contoso", "/connectors/contoso/deals", "/nothing"} {
		for name, header := range map[string]map[string]string{
			"none": nil, "wrong": {"Authorization": "Bearer wrong"}, "empty": {"Authorization": "Bearer "}, "other scheme": {"Authorization": "Digest " + token},
		} {
			if status, _ := d.request(http.MethodGet, path, "", header); status != http.StatusUnauthorized {
				t.Errorf("GET %s with token %s: %d", path, name, status)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _ := d.request(http.MethodGet, path, "", nil); status != http.StatusNoContent {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	basic := map[string]string{"Authorization": "Basic YW55Ym9keTphIHRva2VuIHRoYXQgbm9ib2R5IGNhbiBndWVzcw=="}
	if status, _ := d.request(http.MethodGet, "/", "", basic); status != http.StatusOK {
		t.Errorf("the page with the token as a password: %d", status)
	}
	good := with(bearer, "Content-Type", "application/json", RequestHeader, "1")
	body := `{"by":"ada"}`
	for _, path := range []string{"pause", "resume", "reload", "backfill", "replay", "deals/006A/park", "deals/006A/retry", "deals/006A/resume"} {
		path = "/api/v1/connectors/contoso/" + path
		for name, c := range map[string]struct {
			header map[string]string
			body   string
			status int
		}{
			"no token":         {with(nil, "Content-Type", "application/json", RequestHeader, "1"), body, 401},
			"a password":       {with(basic, "Content-Type", "application/json", RequestHeader, "1"), body, 401},
			"no header":        {with(bearer, "Content-Type", "application/json"), body, 400},
			"a form":           {with(good, "Content-Type", "application/x-www-form-urlencoded"), body, 400},
			"text":             {with(good, "Content-Type", "text/plain"), body, 400},
			"another site":     {with(good, "Sec-Fetch-Site", "cross-site"), body, 403},
			"another origin":   {with(good, "Origin", "https://evil.example.com"), body, 403},
			"nobody":           {good, `{}`, 400},
			"an unknown field": {good, `{"by":"ada","all":true}`, 400},
			"no JSON":          {good, `by=ada`, 400},
			"a long body":      {good, `{"by":"` + strings.Repeat("a", longestBody) + `"}`, 400},
		} {
			if status, answer := d.request(http.MethodPost, path, c.body, c.header); status != c.status {
				t.Errorf("POST %s with %s: %d %s", path, name, status, answer)
			}
		}
		if status, _ := d.request(http.MethodGet, path, "", good); status == http.StatusOK && !strings.Contains(path, "/deals/") {
			t.Errorf("GET %s is answered", path)
		}
	}
	if pause, err := store.Paused(t.Context(), d.store); pause != nil || err != nil || d.reloads > 0 {
		t.Errorf("something was changed: %v, %v, %d reloads", pause, err, d.reloads)
	}
	if o, err := Find(t.Context(), d.store, "006A"); err != nil || o.State != store.StateParked {
		t.Errorf("the deal was changed: %+v, %v", o, err)
	}
}

// The API does what the operations do: over it, a client sees and acts as on the store itself.
func TestOperationsOverTheAPI(t *testing.T) {
	d := newDesk(t)
	for i := range 5 {
		d.settled(fmt.Sprintf("crm:006%d", i), store.Change{Link: &store.Link{CRMID: fmt.Sprint("006", i), ReferralID: fmt.Sprint("r", i)}}, store.Done{})
	}
	d.settled("pc:parked", store.Change{}, store.Park{Code: "CS101", Error: "no solution"})
	ctx := t.Context()
	names, err := d.client.Connectors(ctx)
	if err != nil || len(names) != 1 || names[0] != "contoso" {
		t.Fatal(names, err)
	}
	o := d.client.Connector("contoso")

	s, err := o.Status(ctx)
	hash, hashErr := document.Hash(d.local.Health().Document)
	if err != nil || hashErr != nil || s.SHA256 != hash || s.Counts.Linked != 5 || s.Counts.Parked != 1 || !s.Running || s.Revision != 7 || len(s.Feeds) != 2 {
		t.Errorf("status %+v, %v", s, err)
	}
	if len(s.Problems) != 1 || s.Problems[0].Code != "CS101" || s.Problems[0].Fix == "" {
		t.Errorf("problems %+v", s.Problems)
	}
	list, err := o.Deals(ctx, Query{State: store.StateQuiet, Limit: 3})
	if err != nil || len(list.Deals) != 3 || list.Next == "" {
		t.Fatalf("first page %+v, %v", list, err)
	}
	rest, err := o.Deals(ctx, Query{State: store.StateQuiet, Limit: 3, After: list.Next})
	if err != nil || len(rest.Deals) != 2 || rest.Next != "" || rest.Deals[0].RecordID != "0063" {
		t.Errorf("second page %+v, %v", rest, err)
	}
	if coded, err := o.Deals(ctx, Query{Code: "CS101", Problems: true}); err != nil || len(coded.Deals) != 1 {
		t.Errorf("deals of a code %+v, %v", coded, err)
	}
	if detail, err := o.Deal(ctx, "r2"); err != nil || detail.RecordID != "0062" {
		t.Errorf("the deal of a referral %+v, %v", detail, err)
	}
	if _, err := o.Deal(ctx, "unknown"); !errors.Is(err, store.ErrNoDeal) {
		t.Errorf("a deal that does not exist: %v", err)
	}

	if count, err := o.Replay(ctx, []string{"cs101"}, true, who); err != nil || count.Deals != 1 || !count.DryRun {
		t.Errorf("replay --dry-run %+v, %v", count, err)
	}
	if _, err := o.Replay(ctx, []string{"CS999999"}, false, who); err == nil {
		t.Error("an unknown code is replayed")
	}
	if done, err := o.Replay(ctx, nil, false, who); err != nil || done.Deals != 1 {
		t.Errorf("replay %+v, %v", done, err)
	}
	if deal, err := o.Act(ctx, "0061", Park, who); err != nil || deal.State != store.StateStopped {
		t.Errorf("park %+v, %v", deal, err)
	}
	if _, err := o.Act(ctx, "0061", Retry, who); err == nil {
		t.Error("a stopped deal is retried")
	}
	if deal, err := o.Act(ctx, "0061", Resume, who); err != nil || deal.State != store.StateWaiting {
		t.Errorf("resume %+v, %v", deal, err)
	}
	if _, err := o.Act(ctx, "0061", Resume, who); err == nil {
		t.Error("a deal that is not stopped is resumed")
	}
	detail, err := o.Deal(ctx, "0061")
	if err != nil || len(detail.History) != 2 || detail.History[0].Words() != "stopped by ada: mended" || detail.History[0].Actor != "operator" {
		t.Errorf("history %+v, %v", detail.History, err)
	}

	if s, err = o.Pause(ctx, who); err != nil || s.Paused == nil || s.Paused.By != "ada" {
		t.Errorf("pause %+v, %v", s.Paused, err)
	}
	if s, err = o.Resume(ctx, who); err != nil || s.Paused != nil {
		t.Errorf("resume %+v, %v", s.Paused, err)
	}
	if _, err = o.Reload(ctx, who); err != nil || d.reloads != 1 {
		t.Errorf("reload: %v, %d", err, d.reloads)
	}
	if s, err = o.Backfill(ctx, who); err != nil || s.Backfill == nil || s.Backfill.Ended != "" {
		t.Errorf("backfill %+v, %v", s.Backfill, err)
	}
	d.local.ReadAgain = nil
	if _, err = o.Reload(ctx, who); err == nil {
		t.Error("reload without an agent succeeds")
	}
	if _, err := d.client.Connector("other").Status(ctx); err == nil {
		t.Error("another connector answers")
	}
}

// canary is what a person may write anywhere.
const canary = `<script>alert("x")</script>`

// The pages show what matters, refresh themselves without scripts, and escape what people and remote systems wrote.
func TestPages(t *testing.T) {
	d := newDesk(t)
	d.settled("crm:006A", store.Change{
		Link: &store.Link{CRMID: "006A", ReferralID: "r1"}, Base: store.Values{"crm.name": canary, "referral." + deal.ContactField("ann@example.com"): "x"},
		Audit: []store.AuditEntry{{Actor: "agent", Field: "notes", Old: "", New: canary}},
	}, store.Park{Code: "CS101", Error: canary})
	for path, want := range map[string][]string{
		"/":                              {"contoso", "CS101", "need a person", "failed just now", "503 &lt;b&gt;", `http-equiv="refresh"`, "800", "60 s ago", "production"},
		"/connectors/contoso/deals":      {"006A", "r1", "needs a person", "CS101"},
		"/connectors/contoso/deals/006A": {"&lt;script&gt;", "Last agreed on", "contact, name", "cosell-agent deals retry 006A"},
		"/style.css":                     {"font:"},
	} {
		status, body := d.request(http.MethodGet, path, "", bearer)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s does not show %q:\n%s", path, text, body)
			}
		}
		for _, text := range []string{canary, "ann@example.com", token, "<script", "style="} {
			if strings.Contains(body, text) {
				t.Errorf("%s shows %q", path, text)
			}
		}
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	d.server.Config.Handler.ServeHTTP(answer, request)
	if policy := answer.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("content security policy %q", policy)
	}
	if status, _ := d.request(http.MethodGet, "/connectors/contoso/deals/none", "", bearer); status != http.StatusNotFound {
		t.Errorf("a deal that does not exist: %d", status)
	}
	if status, _ := d.request(http.MethodGet, "/connectors/contoso/deals?id=006A", "", bearer); status != http.StatusSeeOther {
		t.Errorf("looking for a deal: %d", status)
	}
}

// The metrics have what was counted and what the store holds.
func TestMetrics(t *testing.T) {
	d := newDesk(t)
	d.settled("crm:006A", store.Change{}, store.Park{Code: "CS101"})
	_, body := d.request(http.MethodGet, "/metrics", "", bearer)
	for _, line := range []string{
		`cosell_runs_total{connector="contoso",outcome="done"} 1`, `cosell_equal_lag_seconds_bucket{connector="contoso",le="2"} 1`,
		`cosell_deals{connector="contoso",state="parked"} 1`, `cosell_problem_deals{code="CS101",connector="contoso",flow="",state="parked"} 1`,
		`cosell_crm_calls_budget{connector="contoso"} 1000`, `cosell_connected{connector="contoso"} 1`, `cosell_build_info{version="1.2.3"} 1`,
		`cosell_feed_passed_timestamp_seconds{connector="contoso",feed="crm_changes"}`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// An agent that is not connected lives, but is not ready.
func TestReadiness(t *testing.T) {
	d := newDesk(t)
	d.local.Health = func() app.Health { return app.Health{Trouble: "no answer"} }
	for path, want := range map[string]int{"/healthz": http.StatusNoContent, "/readyz": http.StatusServiceUnavailable} {
		if status, _ := d.request(http.MethodGet, path, "", nil); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// An address that others can reach is refused without a token, and beyond the machine without TLS. A socket is for its user only.
func TestAddresses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.db")
	for _, c := range []struct {
		text, token string
		tls, good   bool
	}{
		{"auto", "", false, true}, {"127.0.0.1:0", "", false, false}, {"127.0.0.1:0", "short", false, false}, {"127.0.0.1:0", token, false, true},
		{"[::1]:0", token, false, true}, {"0.0.0.0:0", token, false, false}, {"0.0.0.0:0", token, true, true}, {":8081", token, false, false}, {"0.0.0.0:0", "", true, false},
	} {
		address, on, err := ParseAddress(c.text, "sqlite:"+file, os.Getenv)
		if err != nil || !on {
			t.Fatal(c.text, on, err)
		}
		if err := address.Check(secret.New(c.token), c.tls); (err == nil) != c.good {
			t.Errorf("%s with token %q, TLS %v: %v", c.text, c.token, c.tls, err)
		}
	}
	if _, on, err := ParseAddress("off", "", os.Getenv); on || err != nil {
		t.Error("off is on", err)
	}
	if _, _, err := ParseAddress("8081", "", os.Getenv); err == nil {
		t.Error("a port alone is an address")
	}
}

// A socket that a dead process left is replaced, one that an agent listens on is not, and a file is never removed.
func TestSocket(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	address, _, err := ParseAddress(Automatic, dsn, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	first, err := address.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := address.Listen(t.Context()); err == nil {
		t.Error("two agents listen on one socket")
	}
	server := &http.Server{Handler: (&Server{Connectors: map[string]Operations{"contoso": nil}, Now: time.Now, Log: hclog.NewNullLogger()}).Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(first) }()
	names, err := NewClient(address, secret.Secret{}).Connectors(t.Context())
	if err != nil || len(names) != 1 {
		t.Errorf("over the socket: %v, %v", names, err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if _, err := NewClient(address, secret.Secret{}).Connectors(t.Context()); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody listens: %v", err)
	}
}

// The JSON of a deal has the names that scripts know from deals list.
func TestDealJSON(t *testing.T) {
	encoded, err := json.Marshal(DealOf(store.Overview{Key: "crm:006A", State: store.StateWaiting, Due: noon}))
	if err != nil || string(encoded) != `{"key":"crm:006A","record_id":"006A","state":"waiting","due":"2026-11-20T12:00:00Z"}` {
		t.Error(string(encoded), err)
	}
}
