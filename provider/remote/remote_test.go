package remote

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

const testOrg = "00D5g000004AbCdEAK"

// service answers requests by path; it counts them.
type service struct {
	mu      sync.Mutex
	answers map[string]func(*http.Request) (int, string)
	counts  map[string]int
}

// RoundTrip implements [http.RoundTripper].
func (s *service) RoundTrip(request *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.counts[request.URL.Path]++
	answer := s.answers[request.URL.Path]
	s.mu.Unlock()
	status, body := http.StatusNotFound, ""
	if answer != nil {
		status, body = answer(request)
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: request}, nil
}

func (s *service) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[path]
}

// newService is an organisation with one object, Opportunity.
func newService() *service {
	return &service{counts: map[string]int{}, answers: map[string]func(*http.Request) (int, string){
		"/services/oauth2/token": func(*http.Request) (int, string) {
			return http.StatusOK, fmt.Sprintf(`{"access_token":"%s!token","instance_url":"https://contoso.my.salesforce.com","id":"https://login.salesforce.com/id/%s/0055g000004AbCdAAK","token_type":"Bearer"}`, testOrg, testOrg)
		},
		"/services/data/v66.0/sobjects/Opportunity/describe": func(*http.Request) (int, string) {
			return http.StatusOK, `{"name":"Opportunity","fields":[{"name":"Amount"}]}`
		},
	}}
}

func (s *service) remote(change func(*SalesforceConfig)) *Remote {
	config := &SalesforceConfig{LoginURL: "https://contoso.my.salesforce.com", ClientID: "consumer", ClientSecret: secret.New("secret")}
	change(config)
	return New(Config{Salesforce: config, Transport: s, Wait: func(context.Context, time.Duration) error { return nil }})
}

func TestNotConfigured(t *testing.T) {
	t.Parallel()
	r := New(Config{Transport: newService()})
	_, pc := r.PartnerCenter(t.Context())
	_, sf := r.Salesforce(t.Context())
	for _, err := range []error{pc, sf} {
		var absent *NotConfiguredError
		if !errors.As(err, &absent) || !strings.Contains(err.Error(), "COSELL_") {
			t.Errorf("got %v, want an error that names the variables", err)
		}
	}
	r = New(Config{PartnerCenter: &PartnerCenterConfig{Unknown: true}, Salesforce: &SalesforceConfig{Unknown: true}})
	_, pc = r.PartnerCenter(t.Context())
	_, sf = r.Salesforce(t.Context())
	for _, err := range []error{pc, sf} {
		var unknown *UnknownError
		if !errors.As(err, &unknown) {
			t.Errorf("got %v, want an error that says that the value comes later", err)
		}
	}
}

func TestSignInNeedsAKeyOrASecret(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*SalesforceConfig){
		"neither":          func(c *SalesforceConfig) { c.ClientSecret = secret.Secret{} },
		"user without key": func(c *SalesforceConfig) { c.Username = "user@example.com" },
		"missing key file": func(c *SalesforceConfig) {
			c.Username, c.PrivateKeyPath = "user@example.com", filepath.Join(t.TempDir(), "absent.pem")
		},
	} {
		if _, err := newService().remote(change).Salesforce(t.Context()); err == nil {
			t.Errorf("%s: the client was made", name)
		}
	}
}

// TestUserNameMeansPrivateKey covers environments that hold the credentials of both flows.
func TestUserNameMeansPrivateKey(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	s := newService()
	token := s.answers["/services/oauth2/token"]
	s.answers["/services/oauth2/token"] = func(request *http.Request) (int, string) {
		body, err := io.ReadAll(request.Body)
		if err != nil || !strings.Contains(string(body), "jwt-bearer") || strings.Contains(string(body), "client_secret") {
			return http.StatusBadRequest, `{"error":"invalid_grant"}`
		}
		return token(request)
	}
	r := s.remote(func(c *SalesforceConfig) { c.Username, c.PrivateKey = "user@example.com", secret.New(string(text)) })
	if _, err := r.Salesforce(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPinRefusesAnotherOrganisation(t *testing.T) {
	t.Parallel()
	s := newService()
	if _, err := s.remote(func(c *SalesforceConfig) { c.OrgID = testOrg[:15] }).Salesforce(t.Context()); err != nil {
		t.Errorf("the pinned organisation in its short form is refused: %v", err)
	}
	r := s.remote(func(c *SalesforceConfig) { c.OrgID = "00D5g000004ZzZzEAK" })
	_, err := r.Salesforce(t.Context())
	if !errors.Is(err, problem.New(problem.WrongAccount, "", "")) {
		t.Errorf("got %v, want the problem %s", err, problem.WrongAccount)
	}
	if _, err := r.Describe(t.Context(), "Opportunity"); err == nil || s.count("/services/data/v66.0/sobjects/Opportunity/describe") != 0 {
		t.Errorf("the other organisation was read: %v", err)
	}
}

func TestDescribeIsSharedUntilAWrite(t *testing.T) {
	t.Parallel()
	s := newService()
	r := s.remote(func(*SalesforceConfig) {})
	read := func() {
		t.Helper()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if description, err := r.Describe(t.Context(), "Opportunity"); err != nil || description.Name != "Opportunity" {
					t.Errorf("describe: %v", err)
				}
			})
		}
		group.Wait()
	}
	read()
	r.Changed("Account")
	read()
	const path = "/services/data/v66.0/sobjects/Opportunity/describe"
	if n := s.count(path); n != 1 {
		t.Errorf("the object was read %d times, want once", n)
	}
	r.Changed("Opportunity")
	read()
	r.Changed()
	read()
	if n := s.count(path); n != 3 {
		t.Errorf("the object was read %d times after two writes, want 3", n)
	}
}

// TestFindMetadata reads nothing but the list, which holds one of the fields: it is shared until a write.
func TestFindMetadata(t *testing.T) {
	t.Parallel()
	s := newService()
	const path = "/services/Soap/m/66.0"
	lists := 0 // batches run one after the other
	s.answers[path] = func(request *http.Request) (int, string) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return http.StatusBadRequest, ""
		}
		answer := `<readMetadataResponse><result/></readMetadataResponse>`
		if strings.Contains(string(body), "listMetadata") {
			lists++
			answer = `<listMetadataResponse><result><fullName>Opportunity.Audit__c</fullName><type>CustomField</type></result></listMetadataResponse>`
		}
		return http.StatusOK, `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body xmlns="http://soap.sforce.com/2006/04/metadata">` + answer + `</Body></Envelope>`
	}
	r := s.remote(func(*SalesforceConfig) {})
	find := func(name string, want Presence) {
		t.Helper()
		if component, found, err := r.FindMetadata(t.Context(), "CustomField", name); err != nil || found != want || component.Node != nil {
			t.Errorf("%s: %v, want %v; %v", name, found, want, err)
		}
	}
	find("Opportunity.Audit__c", Hidden)
	find("opportunity.audit__C", Hidden)
	find("Opportunity.Other__c", Absent)
	if names, err := r.ListMetadata(t.Context(), "CustomField"); err != nil || !slices.Equal(names, []string{"Opportunity.Audit__c"}) {
		t.Errorf("listed %v: %v", names, err)
	}
	if lists != 1 {
		t.Errorf("the fields were listed %d times, want once", lists)
	}
	r.Changed("Account")
	find("Opportunity.Other__c", Absent)
	if lists != 2 {
		t.Errorf("the fields were listed %d times, want once again after a write", lists)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	passing := &partnercenter.APIError{Method: http.MethodPut, Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second}
	for name, test := range map[string]struct {
		err   error
		tries int
	}{
		"passing":      {passing, maxTries},
		"refused":      {&partnercenter.APIError{Method: http.MethodPut, Status: http.StatusBadRequest}, 1},
		"ambiguous":    {&partnercenter.APIError{Method: http.MethodPut, Status: http.StatusGatewayTimeout}, 1},
		"unclassified": {errors.New("something new"), 1},
	} {
		tries, longest := 0, time.Duration(0)
		r := New(Config{Wait: func(_ context.Context, pause time.Duration) error {
			longest = max(longest, pause)
			return nil
		}})
		err := r.Retry(t.Context(), func(context.Context) error { tries++; return fmt.Errorf("try: %w", test.err) })
		if tries != test.tries || !errors.Is(err, test.err) {
			t.Errorf("%s: %d tries, want %d; %v", name, tries, test.tries, err)
		}
		if name == "passing" && longest < passing.RetryAfter {
			t.Errorf("the service asked for %s, the longest wait was %s", passing.RetryAfter, longest)
		}
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	r := New(Config{Wait: func(context.Context, time.Duration) error { return stopped }})
	tries := 0
	err := r.Retry(t.Context(), func(context.Context) error {
		tries++
		return &partnercenter.APIError{Status: http.StatusTooManyRequests}
	})
	if tries != 1 || !errors.Is(err, stopped) {
		t.Errorf("%d tries, %v", tries, err)
	}
}

func TestDetailTellsTheFix(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("compare: %w", problem.New(problem.StageMissing, `stage "Sent"`, "the organisation has: none"))
	for _, part := range []string{`stage "Sent"`, "the organisation has: none", "Create the stage", string(problem.StageMissing)} {
		if detail := Detail(err); !strings.Contains(detail, part) {
			t.Errorf("%q is not in %q", part, detail)
		}
	}
	if detail := Detail(errors.New("salesforce: no answer")); detail != "Salesforce: no answer." {
		t.Errorf("got %q", detail)
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	var diagnostics diag.Diagnostics
	if From(nil, &diagnostics) != nil || diagnostics.HasError() {
		t.Error("an unconfigured provider is an error")
	}
	if r := New(Config{}); From(r, &diagnostics) != r || diagnostics.HasError() {
		t.Error("the provider's data is not passed on")
	}
	if From("text", &diagnostics); !diagnostics.HasError() {
		t.Error("foreign data was accepted")
	}
}
