package salesforce

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

func TestNewChecksTheConfiguration(t *testing.T) {
	_, key := keyPEM(t, false)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	notRSA := secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	good := Config{LoginURL: "https://example.my.salesforce.com", ClientID: "app", ClientSecret: secret.New("s")}
	for name, change := range map[string]func(*Config){
		"no client id":     func(c *Config) { c.ClientID = "" },
		"no credentials":   func(c *Config) { c.ClientSecret = secret.Secret{} },
		"both credentials": func(c *Config) { c.PrivateKey, c.Username = key, "u@example.com" },
		"key without user": func(c *Config) { c.ClientSecret, c.PrivateKey = secret.Secret{}, key },
		"key is not PEM": func(c *Config) {
			c.ClientSecret, c.PrivateKey, c.Username = secret.Secret{}, secret.New("private"), "u"
		},
		"key is not RSA":          func(c *Config) { c.ClientSecret, c.PrivateKey, c.Username = secret.Secret{}, notRSA, "u" },
		"version":                 func(c *Config) { c.APIVersion = "v66" },
		"lightning host":          func(c *Config) { c.LoginURL = "https://example.lightning.force.com" },
		"insecure host":           func(c *Config) { c.LoginURL = "http://example.my.salesforce.com" },
		"secret on login host":    func(c *Config) { c.LoginURL = "" },
		"secret on test host":     func(c *Config) { c.LoginURL = "https://test.salesforce.com" },
		"caller that splits head": func(c *Config) { c.CallerName = "a\r\nb: c" },
	} {
		config := good
		change(&config)
		if _, err := New(config, newStack(t)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "private\"") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	if _, err := New(good, newStack(t)); err != nil {
		t.Error(err)
	}
}

func TestJWTBearer(t *testing.T) {
	for _, pkcs8 := range []bool{false, true} {
		f := newFake(t)
		f.reply("GET "+data+"/limits", 200, `{}`)
		key, text := keyPEM(t, pkcs8)
		c := f.client(func(config *Config) {
			config.ClientSecret, config.PrivateKey, config.Username = secret.Secret{}, text, "agent@example.com"
		})
		if _, err := c.Limits(t.Context()); err != nil {
			t.Fatal(err)
		}
		form := f.issued()[0]
		if len(form) != 2 || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("form %v", form)
		}
		parts := strings.Split(form.Get("assertion"), ".")
		if len(parts) != 3 {
			t.Fatalf("assertion %q", form.Get("assertion"))
		}
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		want := fmt.Sprintf(`{"iss":"consumer-key","sub":"agent@example.com","aud":%q,"exp":%d}`, f.server.URL, testNow.Unix()+180)
		if err != nil || string(claims) != want {
			t.Errorf("claims %s %v", claims, err)
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) != nil {
			t.Error("the signature does not verify")
		}
	}
}

func TestAudience(t *testing.T) {
	_, key := keyPEM(t, false)
	for login, want := range map[string]string{
		"":                                  "https://login.salesforce.com",
		"https://test.salesforce.com/":      "https://test.salesforce.com",
		"https://example.my.salesforce.com": "https://login.salesforce.com",
		"https://example--uat.sandbox.my.salesforce.com": "https://test.salesforce.com",
		"http://127.0.0.1:99/":                           "http://127.0.0.1:99",
	} {
		c, err := New(Config{LoginURL: login, ClientID: "app", Username: "u", PrivateKey: key}, newStack(t))
		if err != nil || c.audience() != want {
			t.Errorf("%s: %v %v", login, c, err)
		}
	}
}

func TestClientCredentials(t *testing.T) {
	f := newFake(t)
	f.reply("GET "+data+"/limits", 200, `{}`)
	if _, err := f.client().Limits(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.issued()[0].Encode(); got != "client_id=consumer-key&client_secret=client-secret&grant_type=client_credentials" {
		t.Error(got)
	}
	header := f.last().header
	if header.Get("Authorization") != "Bearer 00D000000000001!session<1>" || header.Get("Sforce-Call-Options") != "client=cosell-agent/a1" || header.Get("Sforce-Duplicate-Rule-Header") != "" {
		t.Errorf("%v", header)
	}
}

func TestRESTSessionIsRenewedOnceForAllCallers(t *testing.T) {
	f := newFake(t)
	f.on("GET "+data+"/limits", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "<1>") {
			w.WriteHeader(401)
			_, _ = w.Write([]byte(`[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`))
			return
		}
		_, _ = w.Write([]byte(`{}`))
	})
	c := f.client()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Limits(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(f.issued()) != 2 {
		t.Errorf("%d token requests", len(f.issued()))
	}
}

func TestSessionThatRenewalDoesNotCure(t *testing.T) {
	for body, tokens := range map[string]int{
		`[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]`: 1,
		`[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`:                          2,
	} {
		f := newFake(t)
		f.reply("GET "+data+"/limits", 401, body)
		if _, err := f.client().Limits(t.Context()); !IsDenied(err) || len(f.issued()) != tokens {
			t.Errorf("%v after %d tokens", err, len(f.issued()))
		}
	}
}

func TestInstanceURLIsChecked(t *testing.T) {
	for _, instance := range []string{"http://example.com", "https://example.lightning.force.com", "not a url", "https://u:p@example.com"} {
		f := newFake(t)
		f.instance = instance
		if _, err := f.client().Limits(t.Context()); err == nil || len(f.seen()) != 0 {
			t.Errorf("%s: %v", instance, err)
		}
	}
}

func TestJWTAccessTokensAreRefusedForSOAPOnly(t *testing.T) {
	f := newFake(t)
	f.tokenFormat = "eyJ0.eyJ%d.c2ln"
	f.reply("GET "+data+"/limits", 200, `{}`)
	c := f.client()
	if _, err := c.Limits(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.ReadMetadata(t.Context(), "CustomField", "Opportunity.X__c"); !errors.Is(err, ErrJWTAccessToken) {
		t.Error(err)
	}
	if err := c.CheckSOAP(t.Context()); !errors.Is(err, ErrJWTAccessToken) {
		t.Error(err)
	}
	if isJWT("00D000000000001!AQ.x.y") {
		t.Error("an opaque token with two dots was taken for a JWT")
	}
}

func TestIdentity(t *testing.T) {
	f := newFake(t)
	want := Identity{OrgID: orgID, UserID: userID, InstanceURL: f.server.URL}
	if got, err := f.client().Identity(t.Context()); got != want || err != nil {
		t.Errorf("%+v %v", got, err)
	}
	f.identity = ""
	f.reply("GET /services/oauth2/userinfo", 200, `{"user_id":"`+userID[:15]+`","organization_id":"`+orgID+`"}`)
	if got, err := f.client().Identity(t.Context()); got != want || err != nil {
		t.Errorf("%+v %v", got, err)
	}
	f.reply("GET /services/oauth2/userinfo", 200, `{}`)
	var unreadable *DecodeError
	if _, err := f.client().Identity(t.Context()); !errors.As(err, &unreadable) {
		t.Error(err)
	}
}

func TestRejectedCredentials(t *testing.T) {
	f := newFake(t)
	f.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}`))
	})
	_, err := f.client().Limits(t.Context())
	var refused *wire.TokenError
	if !errors.As(err, &refused) || refused.Code != "invalid_grant" || !refused.Rejected() {
		t.Errorf("%v", err)
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	config := Config{ClientSecret: secret.New("hidden-text"), PrivateKey: secret.New("hidden-text")}
	if text := fmt.Sprintf("%v %+v", config, config); strings.Contains(text, "hidden-text") {
		t.Error(text)
	}
}

func TestParseID(t *testing.T) {
	for text, want := range map[string]ID{
		"04t2w000006WIwV":      "04t2w000006WIwVAAW",
		"04t2w000006WIwVAAW":   "04t2w000006WIwVAAW",
		" 04T2W000006WIWVAAW ": "04t2w000006WIwVAAW",
		"04t2w000006wiwvaaw":   "04t2w000006WIwVAAW",
		"04t2w000006WIwVAA0":   "",
		"04t2w000006WIwVAA9":   "",
		"04t2w000006WIw":       "",
		"04t2w000006WIw'AAW":   "",
		"":                     "",
	} {
		got, err := ParseID(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	if !SameID("04t2w000006WIwV", "04T2W000006WIWVAAW") || SameID("", "") || ID("04t2w000006WIwVAAW").Short() != "04t2w000006WIwV" {
		t.Error("ids are not compared by meaning")
	}
}

// The 18-character form survives loss of case and gives back its 15-character form.
func TestIDProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.StringMatching(`[A-Za-z0-9]{15}`).Draw(t, "id")
		long, err := ParseID(short)
		if err != nil || long.Short() != short {
			t.Fatal(long, err)
		}
		for _, text := range []string{string(long), strings.ToLower(string(long)), strings.ToUpper(string(long))} {
			if again, err := ParseID(text); again != long || err != nil {
				t.Fatal(text, again, err)
			}
		}
	})
}
