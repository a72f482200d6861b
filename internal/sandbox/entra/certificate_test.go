package entra

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// An application gets a token by an assertion that its certificate signed, and by no other.
func TestCertificate(t *testing.T) {
	const resource = "https://contoso.crm.dynamics.com"
	kit := lab.NewKit(Switches()...)
	s, err := New(kit, Options{Audiences: []string{resource}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	c := s.Credentials()
	certificate, key, err := s.IssueCertificate(c.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := s.IssueCertificate(c.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := server.URL + "/" + c.TenantID + "/oauth2/v2.0/token"
	ask := func(certificate []byte, change func(claims map[string]any)) int {
		now := kit.Clock.Now().Unix()
		claims := map[string]any{"iss": c.ClientID, "sub": c.ClientID, "aud": endpoint, "nbf": now, "exp": now + 300, "jti": "1"}
		change(claims)
		response, err := http.PostForm(endpoint, url.Values{
			"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "scope": {resource + "/.default openid offline_access profile"},
			"client_assertion_type": {assertionType}, "client_assertion": {sign(t, certificate, key, claims)},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body struct {
			Token string `json:"access_token"`
		}
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		if claims, err := s.Verify(body.Token); response.StatusCode == http.StatusOK && (err != nil || !claims.AppOnly || claims.Subject != c.ClientID) {
			t.Errorf("the token is of %+v, %v", claims, err)
		}
		return response.StatusCode
	}
	for name, status := range map[string]int{
		"good":                 ask(certificate, func(map[string]any) {}) - 200,
		"another certificate":  ask(other, func(map[string]any) {}) - 401,
		"another audience":     ask(certificate, func(m map[string]any) { m["aud"] = "https://example.com/token" }) - 401,
		"expired":              ask(certificate, func(m map[string]any) { m["exp"] = kit.Clock.Now().Add(-time.Minute).Unix() }) - 401,
		"another application":  ask(certificate, func(m map[string]any) { m["iss"] = "somebody" }) - 401,
		"discovery of clouds":  get(t, server.URL+"/common/discovery/instance?api-version=1.1") - 200,
		"discovery of tenants": get(t, server.URL+"/"+c.TenantID+"/v2.0/.well-known/openid-configuration") - 200,
	} {
		if status != 0 {
			t.Errorf("%s: the status is off by %d", name, status)
		}
	}
}

func get(t *testing.T, link string) int {
	t.Helper()
	response, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func sign(t *testing.T, certificate, key []byte, claims map[string]any) string {
	t.Helper()
	block, _ := pem.Decode(key)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	public, _ := pem.Decode(certificate)
	thumb := sha1.Sum(public.Bytes)
	head, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "x5t": base64.RawURLEncoding.EncodeToString(thumb[:])})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, parsed.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}
