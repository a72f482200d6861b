package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

func start(t *testing.T, options Options) *Sandbox {
	t.Helper()
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// send makes a request and decodes the JSON answer.
func send(t *testing.T, request *http.Request) (int, any) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &body); err != nil {
			t.Fatalf("%s %s: %s", request.Method, request.URL, data)
		}
	}
	return response.StatusCode, body
}

func control(t *testing.T, s *Sandbox, method, path, body string) (int, any) {
	t.Helper()
	request, err := http.NewRequest(method, s.URL()+"/_sandbox/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request)
}

// at walks decoded JSON by names.
func at(value any, path ...string) any {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func post(t *testing.T, address string, form url.Values) (int, any) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(t, request)
}

func token(t *testing.T, env map[string]string, resource string) string {
	t.Helper()
	status, body := post(t, env["COSELL_PARTNER_CENTER_AUTHORITY"]+"/"+env["COSELL_PARTNER_CENTER_TENANT_ID"]+"/oauth2/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {env["COSELL_PARTNER_CENTER_REFRESH_TOKEN"]}, "resource": {resource},
		"client_id": {env["COSELL_PARTNER_CENTER_CLIENT_ID"]}, "client_secret": {env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]},
	})
	access, _ := at(body, "access_token").(string)
	if status != 200 || access == "" {
		t.Fatalf("token: %d %v", status, body)
	}
	return access
}

func call(t *testing.T, bearer, method, address string, body any) (int, any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Content-Type", "application/json")
	return send(t, request)
}

// TestFromTheEnvironment uses nothing but Env, as the provider and the agent do.
func TestFromTheEnvironment(t *testing.T) {
	s := start(t, Options{})
	env := s.Env()
	arrived := make(chan *http.Request, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r }))
	defer receiver.Close()
	events := env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"] + "/webhooks/v1/registration"
	if status, body := call(t, token(t, env, "https://api.partnercenter.microsoft.com"), "POST", events, map[string]any{
		"webhookUrl": receiver.URL, "webhookEvents": []string{"referral-created"},
	}); status != 200 {
		t.Fatalf("register: %d %v", status, body)
	}
	if _, err := s.Act(t.Context(), "send_referral", []byte(`{"customer":"Adatum","value":"1200"}`)); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-arrived:
		checkCertificate(t, env, r.Header.Get("X-MS-Certificate-Url"))
	case <-time.After(30 * time.Second):
		t.Fatal("no webhook arrived")
	}
	status, body := call(t, token(t, env, "https://api.partner.microsoft.com"), "GET", env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"]+"/referrals", nil)
	if status != 200 || at(body, "@odata.count") != 1.0 {
		t.Errorf("list: %d %v", status, body)
	}
	for _, prefix := range []string{"COSELL_SALESFORCE_", "COSELL_AGENT_SALESFORCE_"} {
		status, body := post(t, env["COSELL_SALESFORCE_LOGIN_URL"]+"/services/oauth2/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {env[prefix+"CLIENT_ID"]}, "client_secret": {env[prefix+"CLIENT_SECRET"]},
		})
		if status != 200 || at(body, "access_token") == nil {
			t.Errorf("%s: %d %v", prefix, status, body)
		}
		if key, err := os.ReadFile(env[prefix+"PRIVATE_KEY_FILE"]); err != nil || !bytes.Contains(key, []byte("PRIVATE KEY")) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func checkCertificate(t *testing.T, env map[string]string, address string) {
	t.Helper()
	bundle, err := os.ReadFile(env["COSELL_AGENT_TRUST_BUNDLE"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		t.Fatal("the trust bundle holds no certificate")
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" || parsed.Host != env["COSELL_AGENT_CERTIFICATE_HOSTS"] {
		t.Fatalf("certificate at %s, %v", address, err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	der, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool, Intermediates: pool, DNSName: "pcnotifications-dispatch.microsoft.com"}); err != nil {
		t.Error(err)
	}
}

func TestEnvFileCanBeSourced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Dir: dir})
	path := filepath.Join(dir, "env")
	for range 2 { // the second replaces the first
		if err := s.WriteEnv(path); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	for key, want := range s.Env() {
		got, err := exec.Command("sh", "-c", fmt.Sprintf(`. "$1"; printf %%s "$%s"`, key), "sh", path).Output()
		if err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", key, got, err, want)
		}
	}
	if s.WriteEnv(filepath.Join(dir, "none", "env")) == nil {
		t.Error("a file in a missing directory was written")
	}
}

func TestControlAPI(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "log?since=x", "", 400}, {"GET", "log?since=-1", "", 400}, {"GET", "log?wait=1h", "", 400},
		{"PUT", "switches", `{"partner_center.create_status":"201"}`, 200}, {"PUT", "switches", `{"x":"1"}`, 400},
		{"PUT", "switches", `{"partner_center.create_status":"200","partner_center.put":"x"}`, 400}, {"PUT", "switches", `[`, 400},
		{"PUT", "faults", `{"rate":0.1,"seed":3,"latency":"1ms","kinds":["reset"],"services":["entra"]}`, 200},
		{"PUT", "faults", `{"rate":7}`, 400}, {"PUT", "faults", `{"kind":"reset"}`, 400}, {"GET", "faults", "", 200},
		{"PUT", "deliveries", `{"drop":0.5,"seed":1}`, 200}, {"PUT", "deliveries", `{"drop":5}`, 400}, {"PUT", "deliveries", `{"lose":1}`, 400},
		{"GET", "deliveries", "", 200}, {"POST", "clock/advance", `{"by":"-1h"}`, 400}, {"POST", "clock/advance", `{"by":"soon"}`, 400},
		{"POST", "trap", `{"n":0,"when":"after"}`, 400}, {"GET", "trap/wait?timeout=1ms", "", 200}, {"GET", "trap/wait?timeout=x", "", 400},
		{"POST", "act/dance", `{}`, 400}, {"POST", "act/send_referral", `{"colour":"blue"}`, 400}, {"POST", "act/accept_referral", `{}`, 400},
		{"POST", "act/accept_referral", `{"id":"x"}`, 400}, {"POST", "act/send_referral", `[]`, 400}, {"POST", "act/send_referral", `{"value":"much"}`, 400},
		{"POST", "act/create_account", `{"name":["x"]}`, 400}, {"POST", "act/renew_certificate", ``, 200}, {"GET", "acts", "", 200},
	} {
		status, body := control(t, s, c.method, c.path, c.body)
		message, _ := at(body, "error").(string)
		if status != c.status || (status >= 400) != (message != "") {
			t.Errorf("%s %s %s: %d %v", c.method, c.path, c.body, status, body)
		}
	}
	if !s.Kit().Switches.Is("partner_center.create_status", "201") {
		t.Error("the switch was not set, or set back by a request that was refused")
	}
	_, before := control(t, s, "GET", "clock", "")
	_, after := control(t, s, "POST", "clock/advance", `{"by":"336h"}`)
	then, err1 := time.Parse(time.RFC3339Nano, at(before, "now").(string))
	now, err2 := time.Parse(time.RFC3339Nano, at(after, "now").(string))
	if err1 != nil || err2 != nil || now.Sub(then) < 336*time.Hour {
		t.Errorf("clock: %v, %v", before, after)
	}
	request, err := http.NewRequest("POST", s.URL()+"/_sandbox/trap/release", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://example.com")
	if status, _ := send(t, request); status != 403 {
		t.Errorf("a browser's request: %d", status)
	}
}

func TestLogAndTrapOverHTTP(t *testing.T) {
	s := start(t, Options{})
	env := s.Env()
	bearer := token(t, env, "https://api.partner.microsoft.com")
	_, body := control(t, s, "POST", "act/portal_create", `{"name":"Deal"}`)
	id, _ := at(body, "id").(string)
	_, body = control(t, s, "GET", "log", "")
	last := fmt.Sprint(at(body, "last"))
	if status, body := control(t, s, "POST", "trap", `{"n":1,"when":"after"}`); status != 200 {
		t.Fatalf("arm: %v", body)
	}
	patched := make(chan int, 1)
	go func() {
		status, _ := call(t, bearer, "PATCH", env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"]+"/referrals/"+id,
			[]map[string]any{{"op": "replace", "path": "/details/notes", "value": "x"}})
		patched <- status
	}()
	if _, body := control(t, s, "GET", "trap/wait", ""); at(body, "hit") != true {
		t.Fatalf("trap: %v", body)
	}
	_, body = control(t, s, "GET", "log?wait=30s&since="+last, "")
	operations, _ := at(body, "operations").([]any)
	if len(operations) != 1 || at(operations[0], "action") != "update" || at(operations[0], "id") != id {
		t.Errorf("log: %v", body)
	}
	control(t, s, "POST", "trap/release", "")
	if status := <-patched; status != 204 {
		t.Errorf("patch: %d", status)
	}
}

// TestEveryAct does each act that needs no record of another system, with all its parameters given as strings.
func TestEveryAct(t *testing.T) {
	s := start(t, Options{})
	do := func(name string, parameters map[string]string) any {
		t.Helper()
		data, err := json.Marshal(parameters)
		if err != nil {
			t.Fatal(err)
		}
		status, body := control(t, s, "POST", "act/"+name, string(data))
		if status != 200 {
			t.Errorf("%s: %d %v", name, status, body)
		}
		return body
	}
	all := func(name string, over map[string]string) map[string]string {
		t.Helper()
		values := map[string]string{
			"value": "1000", "currency": "EUR", "close_date": "2027-01-31", "country": "DE", "help": "QuotesOrLicensing", "kind": "", "by": "",
			"contact_email": "customer.contact@example.com", "visible": "true", "add_solution": "SOL-2, Second", "remove_solution": "some solution_id",
		}
		parameters := map[string]string{}
		for _, a := range Acts() {
			for _, p := range a.Parameters {
				if a.Name != name {
					continue
				}
				value, known := values[p.Name]
				if !known {
					value = "some " + p.Name
				}
				parameters[p.Name] = value
			}
		}
		for parameter, value := range over {
			parameters[parameter] = value
		}
		return parameters
	}
	id := func(body any) string { return fmt.Sprint(at(body, "id")) }
	sent := func() string { return id(do("send_referral", all("send_referral", nil))) }
	first := sent()
	do("edit_referral", all("edit_referral", map[string]string{"id": first, "by": "portal_user"}))
	do("accept_referral", map[string]string{"id": first})
	do("close_referral", all("close_referral", map[string]string{"id": first, "outcome": "won"}))
	do("decline_referral", all("decline_referral", map[string]string{"id": sent()}))
	for _, act := range []string{"accept_counterpart", "decline_counterpart"} {
		own := id(do("portal_create", all("portal_create", nil)))
		inviteMicrosoft(t, s, own)
		do(act, all(act, map[string]string{"id": own}))
	}
	do("overwrite_registration", map[string]string{"url": "https://other.example.com", "events": "invoice-ready,test-created"})
	do("revoke_tokens", nil)
	do("renew_certificate", nil)
	account := id(do("create_account", map[string]string{"name": "Fabrikam", "country": "US"}))
	do("edit_account", map[string]string{"id": account, "city": "Redmond"})
	opportunity := id(do("create_opportunity", map[string]string{"name": "Deal", "amount": "1000", "account": "Fabrikam", "Probability": "20"}))
	do("edit_opportunity", map[string]string{"id": opportunity, "amount": "2000"})
	role := id(do("add_contact", map[string]string{"opportunity": opportunity, "last_name": "Contact"}))
	do("edit_contact", map[string]string{"id": role, "email": "contact@example.com"})
	do("remove_contact", map[string]string{"id": role})
	do("delete_opportunity", map[string]string{"id": opportunity})
	do("expire_sessions", nil)
	actors := map[string]int{}
	for _, op := range s.Kit().Log.Since(0) {
		if op.IsWrite() {
			actors[op.Service+" "+op.Actor]++
		}
	}
	if actors["partner_center microsoft_seller"] < 4 || actors["partner_center portal_user"] < 4 || len(actors) < 4 {
		t.Errorf("who wrote: %v", actors)
	}
}

// inviteMicrosoft makes the second POST of a co-sell deal for an own referral.
func inviteMicrosoft(t *testing.T, s *Sandbox, id string) {
	t.Helper()
	env := s.Env()
	bearer := token(t, env, "https://api.partner.microsoft.com")
	address := env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"] + "/referrals"
	_, own := call(t, bearer, "GET", address+"/"+id, nil)
	referral, _ := own.(map[string]any)
	referral["target"] = []map[string]string{{"type": "BusinessProfileLocation", "id": "msft"}}
	referral["team"] = []map[string]string{{"firstName": "F", "lastName": "L", "phoneNumber": "1", "email": "l@example.com"}}
	requirements, _ := at(referral, "details", "requirements").(map[string]any)
	requirements["additionalRequirements"] = map[string]any{"attributes": []map[string]string{{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}}}
	if status, body := call(t, bearer, "POST", address, referral); status != 200 {
		t.Fatalf("invite Microsoft: %d %v", status, body)
	}
}

func TestActsAndSwitchesAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Acts() {
		if a.Help == "" || seen[a.Name] || a.run == nil || strings.Contains(a.Help, "\n") {
			t.Errorf("act %+v", a)
		}
		seen[a.Name] = true
		for _, p := range a.Parameters {
			if p.Name == "" || p.Help == "" {
				t.Errorf("%s: parameter %+v", a.Name, p)
			}
		}
	}
	switches := lab.NewSwitches(Switches()...)
	for _, sw := range Switches() {
		if sw.Title == "" || !strings.Contains(sw.Reference, "§") || len(sw.Values) < 2 {
			t.Errorf("switch %+v", sw)
		}
		for _, value := range sw.Values {
			if err := switches.Set(sw.ID, value); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSeedDirAndClose(t *testing.T) {
	ids := map[string]bool{}
	for range 2 {
		s, err := New(Options{Seed: 7, Switches: map[string]string{"partner_center.put": "gone"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := s.Act(ctx, "send_referral", nil)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var referral struct{ ID string }
		if err := json.Unmarshal(data, &referral); err != nil {
			t.Fatal(err)
		}
		ids[referral.ID+s.Env()["COSELL_PARTNER_CENTER_TENANT_ID"]] = true
		if !s.Kit().Switches.Is("partner_center.put", "gone") || s.Salesforce() == nil || s.PartnerCenter() == nil || s.Identity() == nil {
			t.Error("the sandbox is not complete")
		}
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.options.Dir); !os.IsNotExist(err) {
			t.Errorf("the temporary directory is still there: %v", err)
		}
	}
	if len(ids) != 1 {
		t.Errorf("the same seed gave %v", ids)
	}
	if _, err := New(Options{Switches: map[string]string{"x": "y"}}); err == nil {
		t.Error("an unknown switch was accepted")
	}
}
