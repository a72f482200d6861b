package dataverse

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// rig is an environment behind a listener, with the tokens of its two applications.
type rig struct {
	t        *testing.T
	kit      *lab.Kit
	env      *Environment
	url      string
	identity *httptest.Server
	login    entra.Credentials // of the provider
	admin    string
	agent    string
}

func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	kit := lab.NewKit(append(Switches(), entra.Switches()...)...)
	server := httptest.NewUnstartedServer(nil)
	r := &rig{t: t, kit: kit, url: "http://" + server.Listener.Addr().String()}
	tenant, err := entra.New(kit, entra.Options{Audiences: []string{r.url}, Subject: "provider"})
	if err != nil {
		t.Fatal(err)
	}
	r.login = tenant.Credentials()
	agent, err := tenant.Register("agent")
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Tokens: tenant, Provider: r.login.ClientID, Agent: agent.ClientID, KeyIndexTime: -1}
	for _, c := range change {
		c(&options)
	}
	if r.env, err = New(kit, options); err != nil {
		t.Fatal(err)
	}
	r.env.SetBaseURL(r.url)
	server.Config.Handler = r.env.Handler()
	server.Start()
	t.Cleanup(server.Close)
	r.identity = httptest.NewServer(tenant.Handler())
	t.Cleanup(r.identity.Close)
	r.admin, r.agent = r.token(r.login), r.token(agent)
	return r
}

func (r *rig) token(c entra.Credentials) string {
	r.t.Helper()
	resp, err := http.PostForm(r.identity.URL+"/"+c.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "scope": {r.url + "/.default"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Token == "" {
		r.t.Fatalf("token: %d, %v", resp.StatusCode, err)
	}
	return body.Token
}

func (r *rig) set(id, value string) {
	r.t.Helper()
	if err := r.kit.Switches.Set(id, value); err != nil {
		r.t.Fatal(err)
	}
}

// answer is an HTTP answer with its body read.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
}

// send makes a request as the administrator. The path is below the API's version, with the query as it is written.
func (r *rig) send(method, path string, body any, headers ...string) answer {
	r.t.Helper()
	return r.as(r.admin, method, path, body, headers...)
}

func (r *rig) as(token, method, path string, body any, headers ...string) answer {
	r.t.Helper()
	var reader io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	link := path
	if !strings.HasPrefix(path, "http") {
		link = r.url + "/api/data/v9.2/" + strings.ReplaceAll(path, " ", "%20")
	}
	req, err := http.NewRequest(method, link, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{r.t, resp.StatusCode, resp.Header, raw}
}

// want checks the status, and the error's code if one is given.
func (a answer) want(status int, code ...string) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.raw)
	}
	if len(code) > 0 && a.get("error", "code") != code[0] {
		a.t.Fatalf("code %v, want %s: %s", a.get("error", "code"), code[0], a.raw)
	}
	return a
}

// get follows members of the JSON answer; numbers in the path are places in lists.
func (a answer) get(path ...any) any {
	a.t.Helper()
	var value any
	if err := json.Unmarshal(a.raw, &value); err != nil {
		a.t.Fatalf("not JSON: %s", a.raw)
	}
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[s]
		case int:
			list, _ := value.([]any)
			if s >= len(list) {
				return nil
			}
			value = list[s]
		}
	}
	return value
}

func (a answer) text(path ...any) string {
	a.t.Helper()
	s, _ := a.get(path...).(string)
	return s
}

func (a answer) list(path ...any) []any {
	a.t.Helper()
	l, _ := a.get(path...).([]any)
	return l
}

var lastKey = regexp.MustCompile(`\(([^()]*)\)$`)

// id is the key in the header OData-EntityId.
func (a answer) id() string {
	a.t.Helper()
	found := lastKey.FindStringSubmatch(a.header.Get("OData-EntityId"))
	if found == nil {
		a.t.Fatalf("no id in %q (%d %s)", a.header.Get("OData-EntityId"), a.status, a.raw)
	}
	return found[1]
}

func (r *rig) create(set string, body map[string]any) string {
	r.t.Helper()
	return r.send(http.MethodPost, set, body).want(http.StatusNoContent).id()
}

type m = map[string]any

// publisher makes the publisher with the prefix cosell and a solution of it.
func (r *rig) publisher() {
	r.t.Helper()
	id := r.create("publishers", m{"uniquename": "cosell", "friendlyname": "Cosell", "customizationprefix": "cosell", "customizationoptionvalueprefix": 80424})
	r.create("solutions", m{"uniquename": "cosell", "friendlyname": "Cosell", "version": "1.0.0.0", "publisherid@odata.bind": "/publishers(" + id + ")"})
}

func labelOf(text string) m {
	return m{"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": []m{{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}}}
}

// textColumn is the definition of a text column.
func textColumn(schema string, length int) m {
	return m{
		"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": schema, "MaxLength": length, "DisplayName": labelOf(schema),
		"AttributeType": "String", "AttributeTypeName": m{"Value": "StringType"}, "FormatName": m{"Value": "Text"},
	}
}

// referralColumn adds the column of the referral's id to opportunity, with an alternate key.
func (r *rig) referralColumn() {
	r.t.Helper()
	r.publisher()
	r.send(http.MethodPost, "EntityDefinitions(LogicalName='opportunity')/Attributes", textColumn("cosell_ReferralId", 100)).want(http.StatusNoContent)
	r.send(http.MethodPost, "EntityDefinitions(LogicalName='opportunity')/Keys",
		m{"SchemaName": "cosell_ReferralIdKey", "DisplayName": labelOf("Referral"), "KeyAttributes": []string{"cosell_referralid"}}).want(http.StatusNoContent)
}
