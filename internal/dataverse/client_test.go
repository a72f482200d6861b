package dataverse

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

var testNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fake is an environment and its identity service on one address.
type fake struct {
	t      *testing.T
	server *httptest.Server
	answer http.HandlerFunc

	mu     sync.Mutex
	tokens []url.Values
	seen   []exchange
}

type exchange struct {
	method, uri, body string
	header            http.Header
}

func newFake(t *testing.T, answer http.HandlerFunc) *fake {
	f := &fake{t: t, answer: answer}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	if strings.HasSuffix(r.URL.Path, "/token") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			f.t.Error(err)
		}
		f.mu.Lock()
		f.tokens = append(f.tokens, form)
		f.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token","token_type":"Bearer","expires_in":3599}`)
		return
	}
	f.mu.Lock()
	f.seen = append(f.seen, exchange{r.Method, r.URL.RequestURI(), string(body), r.Header})
	f.mu.Unlock()
	f.answer(w, r)
}

func (f *fake) client(change ...func(*Config)) *Client {
	f.t.Helper()
	transport := wire.NewTransport(nil)
	f.t.Cleanup(transport.CloseIdleConnections)
	stack, err := wire.New(wire.Options{Transport: transport, Clock: func() time.Time { return testNow }, NewID: func() string { return "request-1" }})
	if err != nil {
		f.t.Fatal(err)
	}
	config := Config{EnvironmentURL: f.server.URL, Authority: f.server.URL, TenantID: "contoso.example", ClientID: "app", ClientSecret: secret.New("hush"), Tag: "cosell"}
	for _, c := range change {
		c(&config)
	}
	client, err := New(config, stack)
	if err != nil {
		f.t.Fatal(err)
	}
	return client
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refusal(status int, code, message string) http.HandlerFunc {
	body, _ := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	return reply(status, string(body), "Content-Type", "application/json")
}

// A configuration that cannot work is refused before any call, without naming a secret.
func TestConfig(t *testing.T) {
	for name, config := range map[string]Config{
		"no address": {TenantID: "t", ClientID: "c", ClientSecret: secret.New("s")}, "plain http": {EnvironmentURL: "http://org.example", TenantID: "t", ClientID: "c", ClientSecret: secret.New("s")},
		"with a path": {EnvironmentURL: "https://org.example/api", TenantID: "t", ClientID: "c", ClientSecret: secret.New("s")},
		"no secret":   {EnvironmentURL: "https://org.example", TenantID: "t", ClientID: "c"}, "tenant": {EnvironmentURL: "https://org.example", TenantID: "a/b", ClientID: "c", ClientSecret: secret.New("s")},
		"both": {EnvironmentURL: "https://org.example", TenantID: "t", ClientID: "c", ClientSecret: secret.New("s"), Certificate: secret.New("hush")},
		"tag":  {EnvironmentURL: "https://org.example", TenantID: "t", ClientID: "c", ClientSecret: secret.New("s"), Tag: "a&b"}, "version": {EnvironmentURL: "https://org.example", TenantID: "t", ClientID: "c", ClientSecret: secret.New("s"), APIVersion: "8"},
		"certificate": {EnvironmentURL: "https://org.example", TenantID: "t", ClientID: "c", Certificate: secret.New("hush")},
	} {
		if _, err := New(config, nil); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// With a certificate the client signs an assertion for the token endpoint, which the certificate's key verifies.
func TestCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: testNow.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	f := newFake(t, reply(http.StatusOK, `{"OrganizationId":"A","UserId":"B","BusinessUnitId":"C"}`))
	client := f.client(func(c *Config) { c.ClientSecret, c.Certificate = secret.Secret{}, secret.New(string(both)) })
	if identity, err := client.WhoAmI(t.Context()); err != nil || identity.OrganizationID != "a" {
		t.Fatalf("%+v, %v", identity, err)
	}
	form := f.tokens[0]
	parts := strings.Split(form.Get("client_assertion"), ".")
	if len(parts) != 3 || form.Get("client_assertion_type") != assertionType || form.Get("scope") != f.server.URL+"/.default" || form.Get("client_secret") != "" {
		t.Fatalf("the token was asked for with %v", form)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	thumbprint := sha256.Sum256(der)
	if err != nil || !bytes.Contains(header, []byte(base64.RawURLEncoding.EncodeToString(thumbprint[:]))) {
		t.Errorf("the header is %s, %v", header, err)
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !bytes.Contains(claims, []byte(f.server.URL+"/contoso.example/oauth2/v2.0/token")) {
		t.Errorf("the claims are %s, %v", claims, err)
	}
}

// Each refusal is told by its code, not by its status alone, and has the class that decides what the agent does.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		is     func(error) bool
		class  problem.Class
	}{
		"not found":   {refusal(404, "0x80040217", "account With Id = 1 Does Not Exist"), IsNotFound, problem.Gone},
		"by key":      {refusal(404, "0x80060891", "A record with the specified key values does not exist"), IsNotFound, problem.Gone},
		"version":     {refusal(412, "0x80060882", "The version of the existing record doesn't match"), IsConflict, problem.Later},
		"duplicate":   {refusal(412, "0x80040237", "A record with matching key values already exists."), IsDuplicate, problem.NeedsPerson},
		"duplicate 2": {refusal(412, "0x80060892", "duplicate key"), func(err error) bool { return IsDuplicate(err) && !IsConflict(err) }, problem.NeedsPerson},
		"requests":    {refusal(429, "0x80072322", "Number of requests exceeded"), IsThrottled, problem.Later},
		"privilege":   {refusal(403, "0x80040220", "missing prvReadLead privilege"), IsDenied, problem.NeedsPerson},
		"new user":    {refusal(403, "0x80072560", "The user is not a member of the organization."), IsDenied, problem.Later},
		"token":       {refusal(400, "0x80044352", "perform a full sync"), IsExpiredToken, problem.NeedsPerson},
		"closed":      {refusal(400, "0x80040515", "The opportunity is already closed."), IsClosed, problem.NeedsPerson},
		"reopened":    {refusal(400, "0x8004051A", "The opportunity is already open."), IsClosed, problem.NeedsPerson},
		"state":       {refusal(400, "0x80100005", "use WinOpportunity"), IsStateRefused, problem.NeedsPerson},
		"gateway":     {reply(502, "<html>"), IsAmbiguous, problem.Later},
		"unexpected":  {refusal(500, "0x80040216", "An unexpected error occurred."), IsAmbiguous, problem.Later},
		"known 500":   {refusal(500, "0x80040220", "no"), func(err error) bool { return !IsAmbiguous(err) }, problem.Later},
	} {
		client := newFake(t, c.answer).client()
		_, err := client.Create(t.Context(), "accounts", map[string]string{"name": "x"})
		if err == nil || !c.is(err) || problem.ClassOf(err) != c.class {
			t.Errorf("%s: %v is of class %v", name, err, problem.ClassOf(err))
		}
	}
	throttled := newFake(t, reply(429, `{"error":{"code":"0x80072326","message":"52"}}`, "Retry-After", "17")).client()
	if _, err := throttled.WhoAmI(t.Context()); RetryAfter(err) != 17*time.Second {
		t.Errorf("the service asked for 17s, the error says %v", RetryAfter(err))
	}
}

// What the flow service said is found within Dataverse's own error.
func TestInnerErrors(t *testing.T) {
	for message, want := range map[string]string{
		`Flow client error returned with status code "BadRequest" and details "{"error":{"code":"ChildFlowNeverPublished","message":"flow 1"}}".`:                                                               "ChildFlowNeverPublished",
		`Flow client error … details "{"error":{"code":"MultipleErrorsOccurred","message":"several","details":[{"code":"XrmConnectionReferenceMissingConnection","message":"no"},{"code":"B","message":""}]}}"`: "XrmConnectionReferenceMissingConnection",
	} {
		client := newFake(t, refusal(400, "0x80060467", message)).client()
		if err := client.SwitchFlow(t.Context(), "00000000-0000-4000-8000-000000000001", true); !HasInner(err, want) {
			t.Errorf("%s is not found in %v", want, err)
		}
	}
	client := newFake(t, refusal(400, "0x80060467", "no details")).client()
	if err := client.SwitchFlow(t.Context(), "00000000-0000-4000-8000-000000000001", false); err == nil || HasInner(err, "") {
		t.Errorf("a message without details gives %v", err)
	}
}

// Pages are followed at the configured address, whatever host the link names, and never twice.
func TestPages(t *testing.T) {
	page := 0
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		page++
		switch {
		case page == 1:
			fmt.Fprint(w, `{"value":[{"n":1}],"@odata.nextLink":"https://elsewhere.example/api/data/v9.2/accounts?$select=n&$skiptoken=%3Ccookie%20a%3D%22%2B1%22%3E"}`)
		case strings.Contains(r.URL.RawQuery, "%2B1"):
			fmt.Fprint(w, `{"value":[{"n":12345678901234567.89}]}`)
		default:
			t.Errorf("asked for %s", r.URL)
		}
	})
	rows, err := List[map[string]any](t.Context(), f.client(), "accounts", Query{Select: []string{"n"}, Filter: "name eq " + Quote("O'Neill & Co")})
	if err != nil || len(rows) != 2 || rows[1]["n"] != json.Number("12345678901234567.89") {
		t.Fatalf("%v, %v", rows, err)
	}
	if uri := f.seen[0].uri; uri != "/api/data/v9.2/accounts?$select=n&$filter=name%20eq%20%27O%27%27Neill%20%26%20Co%27" {
		t.Errorf("the query is %s", uri)
	}
	for name, link := range map[string]string{
		"another path": "https://elsewhere.example/evil", "up": "/api/data/v9.2/a/../../b", "the same": "/api/data/v9.2/accounts",
	} {
		client := newFake(t, reply(200, `{"value":[],"@odata.nextLink":"`+link+`"}`)).client()
		if _, err := List[map[string]any](t.Context(), client, "accounts", Query{}); err == nil {
			t.Errorf("%s is followed", name)
		}
	}
}

// Writes carry their precondition and the tag, reads do not carry it.
func TestPreconditions(t *testing.T) {
	const row = "accounts(00000000-0000-4000-8000-000000000001)"
	f := newFake(t, reply(204, "", "OData-EntityId", "https://x.example/api/data/v9.2/"+row))
	client := f.client()
	created, err := client.Create(t.Context(), "accounts", map[string]string{"name": "<A>"})
	if err != nil || created.ID != "00000000-0000-4000-8000-000000000001" {
		t.Fatal(created, err)
	}
	if err := errors.Join(client.Update(t.Context(), row, `W/"7"`, map[string]int{"a": 1}), client.Update(t.Context(), row, "", map[string]int{"a": 1})); err != nil {
		t.Fatal(err)
	}
	key, err := RowByKey("accounts", "number", "A'1")
	if err != nil || key != "accounts(number=%27A%27%271%27)" {
		t.Fatal(key, err)
	}
	if _, err := client.Insert(t.Context(), key, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ match, none string }{{"", ""}, {`W/"7"`, ""}, {"*", ""}, {"", "*"}} {
		got := f.seen[i]
		if got.header.Get("If-Match") != want.match || got.header.Get("If-None-Match") != want.none || !strings.HasSuffix(got.uri, "?tag=cosell") || got.header.Get("Odata-Version") != "4.0" {
			t.Errorf("call %d is %+v", i, got)
		}
	}
	if f.seen[0].body != `{"name":"<A>"}` {
		t.Errorf("the body is %s", f.seen[0].body)
	}
	for _, value := range []string{"", "a/b", "a?b", "50%"} {
		if _, err := RowByKey("accounts", "number", value); err == nil {
			t.Errorf("the key value %q is taken", value)
		}
	}
}

// A change set goes out as the service reads it, the same bytes each time, and its answers come back in order.
func TestChangeSet(t *testing.T) {
	const answer = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\n" +
		"HTTP/1.1 204 No Content\r\nOData-EntityId: x\r\n\r\n\r\n--c--\r\n--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"n\":1}\r\n--b--\r\n"
	f := newFake(t, reply(200, answer, "Content-Type", `multipart/mixed; boundary=b`))
	client := f.client()
	changes := []Part{{Method: "PATCH", Path: "accounts(1)", Header: map[string]string{"If-None-Match": "*"}, Body: json.RawMessage(`{"a":"ü"}`)}}
	results, err := client.ChangeSet(t.Context(), changes, Part{Method: "GET", Path: "accounts(1)?$select=a"})
	if err != nil || len(results) != 2 {
		t.Fatal(results, err)
	}
	var row struct{ N int }
	if err := results[1].Decode(&row); err != nil || row.N != 1 || results[0].Header.Get("Odata-Entityid") != "x" {
		t.Errorf("%+v, %v", row, err)
	}
	want := strings.ReplaceAll(`--batch_cosell
Content-Type: multipart/mixed; boundary=changeset_cosell

--changeset_cosell
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

PATCH /api/data/v9.2/accounts(1)?tag=cosell HTTP/1.1
Accept: application/json
If-None-Match: *
Content-Type: application/json; type=entry

{"a":"ü"}
--changeset_cosell--

--batch_cosell
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/accounts(1)?$select=a HTTP/1.1
Accept: application/json


--batch_cosell--
`, "\n", "\r\n")
	if got := f.seen[0].body; got != want {
		t.Errorf("sent\n%q\nwant\n%q", got, want)
	}
}

// A refused change set is the error of the part that was refused, whatever the outer status; an answer that cannot be read leaves open
// whether it was applied.
func TestRefusedChangeSet(t *testing.T) {
	part := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 412 Precondition Failed\r\nContent-Type: application/json\r\n\r\n" +
		`{"error":{"code":"0x80060882","message":"no"}}` + "\r\n--c--\r\n--b--\r\n"
	changes := []Part{{Method: "PATCH", Path: "accounts(1)", Body: json.RawMessage(`{}`)}, {Method: "DELETE", Path: "accounts(2)"}}
	for _, status := range []int{200, 412} {
		client := newFake(t, reply(status, part, "Content-Type", "multipart/mixed; boundary=b")).client()
		if _, err := client.ChangeSet(t.Context(), changes); !IsConflict(err) || IsAmbiguous(err) {
			t.Errorf("outer status %d: %v", status, err)
		}
	}
	client := newFake(t, reply(200, "half an answ", "Content-Type", "multipart/mixed; boundary=b")).client()
	if _, err := client.ChangeSet(t.Context(), changes); !IsAmbiguous(err) {
		t.Errorf("half an answer gives %v", err)
	}
	if _, err := client.ReadBatch(t.Context(), changes[1]); err == nil || IsAmbiguous(err) {
		t.Errorf("half an answer of a read gives %v", err)
	}
}

// No more requests are under way at once than the service takes.
func TestConcurrency(t *testing.T) {
	var now, most atomic.Int32
	gate := make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		<-gate
		now.Add(-1)
		fmt.Fprint(w, `{"OrganizationId":"A"}`)
	})
	client := f.client(func(c *Config) { c.Concurrent = 3 })
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			if _, err := client.WhoAmI(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for range 12 {
		gate <- struct{}{}
	}
	group.Wait()
	if most.Load() > 3 || cap(f.client().places) != MaxConcurrent {
		t.Errorf("%d requests were under way", most.Load())
	}
}

// A delivery of a step tells the row, whose write it was and what was written.
func TestParseEvent(t *testing.T) {
	body := `{"MessageName":"Update","PrimaryEntityName":"opportunity","PrimaryEntityId":"00000000-0000-4000-8000-00000000000A","InitiatingUserId":"0000000A-0000-4000-8000-000000000002",
		"OrganizationId":"O","Depth":1,"OperationCreatedOn":"/Date(1503411044000+0000)/","SharedVariables":[{"key":"other","value":7},{"key":"tag","value":"cosell"}]}`
	event, err := ParseEvent([]byte(body))
	if err != nil || event.RowID != "00000000-0000-4000-8000-00000000000a" || event.At != time.UnixMilli(1503411044000).UTC() || event.Table != "opportunity" {
		t.Fatalf("%+v, %v", event, err)
	}
	if !event.Own("cosell", "0000000a-0000-4000-8000-000000000002") || event.Own("cosell", "another") || event.Own("", "0000000a-0000-4000-8000-000000000002") || event.Own("other", "0000000a-0000-4000-8000-000000000002") {
		t.Errorf("whose write is %+v?", event)
	}
	if event.Values != nil {
		t.Errorf("nothing tells what was written, and yet it is %v", event.Values)
	}
	caused := event
	if caused.Depth = 2; caused.Own("cosell", "0000000a-0000-4000-8000-000000000002") {
		t.Error("what other logic wrote after our write is taken for our write")
	}
	target := `"InputParameters":[{"key":"Other","value":1},{"key":"Target","value":{"__type":"Entity:x","Attributes":[
		{"key":"Name","value":"Deal"},{"key":"sync","value":true},{"key":"choice","value":{"__type":"OptionSetValue:x","Value":3}},{"key":"empty","value":null},
		{"key":"lookup","value":{"__type":"EntityReference:x","Id":"00000000-0000-4000-8000-00000000000B","LogicalName":"account","Name":"A"}},
		{"key":"many","value":[1,2]}]}}],`
	event, err = ParseEvent([]byte(strings.Replace(body, `{`, `{`+target, 1)))
	want := map[string]any{
		"name": "Deal", "sync": true, "choice": 3.0, "empty": nil, "lookup": "00000000-0000-4000-8000-00000000000b", "many": []any{1.0, 2.0},
	}
	if err != nil || !reflect.DeepEqual(event.Values, want) {
		t.Errorf("written was %v, %v", event.Values, err)
	}
	for _, broken := range []string{`{`, `{}`, `{"PrimaryEntityId":"x"}`} {
		if _, err := ParseEvent([]byte(broken)); err == nil {
			t.Errorf("%s is taken", broken)
		}
	}
}
