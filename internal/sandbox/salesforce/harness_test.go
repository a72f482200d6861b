package salesforce

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
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// rig is an org behind a listener, with the sessions of its two integration users.
type rig struct {
	t      *testing.T
	kit    *lab.Kit
	org    *Org
	server *httptest.Server
	admin  string // tokens
	agent  string
}

// signingKey is made once: generating RSA keys is the slowest part of making an org.
var signingKey = sync.OnceValues(newPrivateKey)

func newRig(t *testing.T, opts ...func(*Options)) *rig {
	t.Helper()
	kit := lab.NewKit(Switches()...)
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Provider: Login{PrivateKeyPEM: key}, Agent: Login{PrivateKeyPEM: key}}
	for _, change := range opts {
		change(&options)
	}
	org, err := New(kit, options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org.Handler())
	t.Cleanup(server.Close)
	org.SetBaseURL(server.URL)
	r := &rig{t: t, kit: kit, org: org, server: server}
	r.admin, r.agent = r.login(org.Credentials().Provider), r.login(org.Credentials().Agent)
	return r
}

func (r *rig) set(id, value string) {
	r.t.Helper()
	if err := r.kit.Switches.Set(id, value); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) login(l Login) string {
	r.t.Helper()
	status, body := r.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {l.ClientID}, "client_secret": {l.ClientSecret}})
	token, _ := body["access_token"].(string)
	if status != http.StatusOK || token == "" {
		r.t.Fatalf("login: %d %v", status, body)
	}
	return token
}

func (r *rig) token(form url.Values) (int, map[string]any) {
	r.t.Helper()
	resp, err := http.PostForm(r.server.URL+"/services/oauth2/token", form)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, body
}

// assertion signs claims as a connected app would.
func (r *rig) assertion(l Login, claims map[string]any) string {
	r.t.Helper()
	block, _ := pem.Decode([]byte(l.PrivateKeyPEM))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		r.t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, parsed.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	if err != nil {
		r.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// answer is an HTTP answer with its body read.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
}

// rest sends a request below /services/data/v66.0 and reads the answer.
func (r *rig) rest(token, method, path string, body any, headers ...string) answer {
	r.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, r.server.URL+"/services/data/v66.0"+path, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return r.do(req)
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
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

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.raw)
	}
	return a
}

// refused checks the status and the first errorCode.
func (a answer) refused(status int, code string) string {
	a.t.Helper()
	a.want(status)
	var list []apiError
	if err := json.Unmarshal(a.raw, &list); err != nil || len(list) == 0 || list[0].Code != code {
		a.t.Fatalf("want %s, got %s", code, a.raw)
	}
	return list[0].Message
}

// at walks into a JSON answer: keys and indexes, separated by dots.
func (a answer) at(path string) any {
	a.t.Helper()
	var value any
	if err := json.Unmarshal(a.raw, &value); err != nil {
		a.t.Fatalf("%v: %s", err, a.raw)
	}
	if path == "" {
		return value
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			inner, exists := v[step]
			if !exists {
				a.t.Fatalf("no %s in %s", path, a.raw)
			}
			value = inner
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				a.t.Fatalf("no %s in %s", path, a.raw)
			}
			value = v[i]
		default:
			a.t.Fatalf("no %s in %s", path, a.raw)
		}
	}
	return value
}

func (a answer) equal(path string, want any) answer {
	a.t.Helper()
	if got := a.at(path); got != want {
		a.t.Errorf("%s is %v, want %v in %s", path, got, want, a.raw)
	}
	return a
}

func (r *rig) query(token, soql string) answer {
	r.t.Helper()
	return r.rest(token, http.MethodGet, "/query?q="+url.QueryEscape(soql), nil)
}

func (r *rig) create(token, object string, fields map[string]any) string {
	r.t.Helper()
	id, _ := r.rest(token, http.MethodPost, "/sobjects/"+object, fields).want(http.StatusCreated).at("id").(string)
	return id
}

func (r *rig) opportunity(name string) string {
	r.t.Helper()
	return r.create(r.agent, "Opportunity", map[string]any{"Name": name, "StageName": "Prospecting", "CloseDate": "2027-01-31"})
}

// soap sends a metadata operation and returns the parsed answer: the response element, or the fault.
func (r *rig) soap(token, operation string, headers ...string) (int, *node) {
	r.t.Helper()
	envelope := `<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope xmlns:soapenv="` + nsEnvelope + `" xmlns:xsi="` + nsInstance + `">` +
		`<soapenv:Header xmlns="` + nsMetadata + `"><SessionHeader><sessionId>` + token + `</sessionId></SessionHeader>` + strings.Join(headers, "") +
		`</soapenv:Header><soapenv:Body xmlns="` + nsMetadata + `">` + operation + `</soapenv:Body></soapenv:Envelope>`
	req, err := http.NewRequest(http.MethodPost, r.server.URL+"/services/Soap/m/66.0", strings.NewReader(envelope))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=UTF-8")
	req.Header.Set("SOAPAction", `""`)
	a := r.do(req)
	tree, err := parseXML(bytes.NewReader(a.raw))
	if err != nil {
		r.t.Fatalf("%v: %s", err, a.raw)
	}
	return a.status, tree.child("Body").children[0]
}

// save runs a create, update or upsert and returns the results.
func (r *rig) save(operation, components string, headers ...string) []*node {
	r.t.Helper()
	status, body := r.soap(r.admin, "<"+operation+">"+components+"</"+operation+">", headers...)
	if status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", operation, status, body.render())
	}
	return body.all("result")
}

// must saves components that have to succeed.
func (r *rig) must(operation, components string) {
	r.t.Helper()
	for _, result := range r.save(operation, components) {
		if result.value("success") != "true" {
			r.t.Fatalf("%s: %s", operation, result.render())
		}
	}
}

// failure returns the statusCode and the message of a single refused component.
func (r *rig) failure(operation, component string) (code, message string) {
	r.t.Helper()
	result := r.save(operation, component)[0]
	if result.value("success") != "false" {
		r.t.Fatalf("accepted: %s", component)
	}
	return result.child("errors").value("statusCode"), result.child("errors").value("message")
}

func fault(n *node) string { return n.value("faultcode") + " " + n.value("faultstring") }

func (r *rig) read(kind, name string) *node {
	r.t.Helper()
	status, body := r.soap(r.admin, "<readMetadata><type>"+kind+"</type><fullNames>"+name+"</fullNames></readMetadata>")
	if status != http.StatusOK {
		r.t.Fatal(fault(body))
	}
	return body.child("result").child("records")
}

// fieldXML is a field definition with its elements in the order of the WSDL.
func fieldXML(name, rest string) string {
	n, err := parseXML(strings.NewReader(`<metadata xmlns="` + nsMetadata + `" xmlns:xsi="` + nsInstance + `"><fullName>` + name + `</fullName><label>` + name[strings.IndexByte(name, '.')+1:] + `</label>` +
		rest + `</metadata>`))
	if err != nil {
		panic(err)
	}
	n.typeName = "CustomField"
	return n.sorted().render()
}

const keyField = `<externalId>true</externalId><length>100</length><type>Text</type><unique>true</unique>`

// grant gives both integration users access to fields (Object.Field) and custom objects.
func (r *rig) grant(names ...string) string {
	r.t.Helper()
	set := r.create(r.admin, "PermissionSet", map[string]any{"Name": fmt.Sprintf("Access_%d", len(r.org.Rows("PermissionSet"))), "Label": "Access"})
	for _, name := range names {
		object, _, isField := strings.Cut(name, ".")
		if isField {
			r.create(r.admin, "FieldPermissions", map[string]any{"ParentId": set, "SobjectType": object, "Field": name, "PermissionsRead": true, "PermissionsEdit": true})
			continue
		}
		r.create(r.admin, "ObjectPermissions", map[string]any{"ParentId": set, "SobjectType": object, "PermissionsRead": true, "PermissionsCreate": true,
			"PermissionsEdit": true, "PermissionsDelete": true})
	}
	for _, user := range []string{r.org.Credentials().Provider.UserID, r.org.Credentials().Agent.UserID} {
		r.create(r.admin, "PermissionSetAssignment", map[string]any{"AssigneeId": user, "PermissionSetId": set})
	}
	return set
}

// solutions makes the custom objects that the acts know, with access for the integration users.
func (r *rig) solutions() {
	r.t.Helper()
	r.must("createMetadata", `<metadata xsi:type="CustomObject"><fullName>Microsoft_Solution__c</fullName><deploymentStatus>Deployed</deploymentStatus>`+
		`<label>Microsoft Solution</label><nameField><displayFormat>MS-{0000}</displayFormat><label>Number</label><type>AutoNumber</type></nameField>`+
		`<pluralLabel>Microsoft Solutions</pluralLabel><sharingModel>ReadWrite</sharingModel></metadata>`)
	r.must("createMetadata", fieldXML("Microsoft_Solution__c.Opportunity__c", `<deleteConstraint>Cascade</deleteConstraint><referenceTo>Opportunity</referenceTo>`+
		`<relationshipName>Microsoft_Solutions</relationshipName><required>true</required><type>Lookup</type>`)+
		fieldXML("Microsoft_Solution__c.Solution_Identifier__c", `<length>100</length><type>Text</type>`))
	r.grant("Microsoft_Solution__c", "Microsoft_Solution__c.Solution_Identifier__c")
}
