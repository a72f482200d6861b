// Package entra simulates the part of Microsoft Entra ID that clients of Partner Center and Dataverse use: the token endpoints of
// both versions, with the grants refresh_token and client_credentials, by secret or certificate. Tokens are JWTs in shape; clients must treat them as
// opaque, and the simulated services ask Verify about them.
package entra

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	serviceName  = "entra"
	tokenLife    = time.Hour
	refreshLife  = 90 * 24 * time.Hour
	switchMFA    = "entra.mfa_claim"
	switchV2     = "entra.v2_scope"
	switchRotate = "entra.refresh_token_rotation"
)

// Switches lists what the references leave open about the identity service, on the paths that it serves.
func Switches() []lab.Switch {
	return []lab.Switch{
		{
			ID: switchMFA, Title: "the claim of multi-factor authentication in user tokens",
			Reference: "partner-center §3, §8", Values: []string{"present", "absent"}, Default: "present",
		},
		{
			ID: switchV2, Title: "the v2.0 endpoint for https://api.partner.microsoft.com/.default",
			Reference: "partner-center §3", Values: []string{"served", "refused"}, Default: "served",
		},
		{
			ID: switchRotate, Title: "the refresh token that an answer carries: a new one, or the one that was sent",
			Reference: "partner-center §3", Values: []string{"new", "same"}, Default: "new",
		},
	}
}

// Options name the tenant, and the user of its first application.
type Options struct {
	Audiences []string  // resources that tokens can be asked for
	Subject   string    // the user behind the refresh token; empty means partner-user@example.com
	Random    io.Reader // for ids, secrets and tokens; nil means crypto/rand
	// Key is that of every certificate; nil means a new one for each. Making one is slow.
	Key *rsa.PrivateKey
}

// Credentials are what a client of the simulated tenant is configured with.
type Credentials struct {
	TenantID, ClientID, ClientSecret, RefreshToken string
}

// Claims are what a service needs to know about an access token.
type Claims struct {
	Subject   string
	Audience  string
	AppOnly   bool // of an application's own, without a user
	MFA       bool // the user signed in with multi-factor authentication
	ExpiresAt time.Time
}

// Service is one simulated tenant of the identity service.
type Service struct {
	kit         *lab.Kit
	options     Options
	credentials Credentials // of the first application

	mu           sync.Mutex
	applications map[string]application // by client id
	access       map[string]Claims
	refresh      map[string]grant // by refresh token
}

// application is a registered client, with the user who has consented to it.
type application struct {
	secret, subject string
	certificates    [][]byte // DER
}

// grant is what a refresh token stands for.
type grant struct {
	clientID string
	ends     time.Time
}

// New makes a tenant with one application and generates its credentials.
func New(kit *lab.Kit, options Options) (*Service, error) {
	if options.Random == nil {
		options.Random = rand.Reader
	}
	if options.Subject == "" {
		options.Subject = "partner-user@example.com"
	}
	s := &Service{kit: kit, options: options, applications: map[string]application{}, access: map[string]Claims{}, refresh: map[string]grant{}}
	var err error
	if s.credentials.TenantID, err = s.guid(); err != nil {
		return nil, fmt.Errorf("make the id of the sandbox tenant: %w", err)
	}
	s.credentials, err = s.Register(options.Subject)
	return s, err
}

// Register adds an application that a user has consented to, and returns its credentials. Programs that should be told apart
// in the operation log get applications and users of their own, as an administrator would give them.
func (s *Service) Register(subject string) (Credentials, error) {
	c := Credentials{TenantID: s.credentials.TenantID}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, part := range []struct {
		value *string
		make  func() (string, error)
	}{{&c.ClientID, s.guid}, {&c.ClientSecret, s.secret}, {&c.RefreshToken, s.secret}} {
		if *part.value, err = part.make(); err != nil {
			return Credentials{}, fmt.Errorf("make the credentials of an application: %w", err)
		}
	}
	s.applications[c.ClientID] = application{secret: c.ClientSecret, subject: subject}
	s.refresh[c.RefreshToken] = grant{c.ClientID, s.kit.Clock.Now().Add(refreshLife)}
	return c, nil
}

// Credentials returns what a client needs to get tokens as the first application.
func (s *Service) Credentials() Credentials { return s.credentials }

var (
	errUnknownToken = errors.New("this identity service did not issue the token, or it was revoked")
	errExpiredToken = errors.New("the token has expired")
)

// Verify returns the claims of an access token. It fails for a token that is unknown, revoked or expired.
func (s *Service) Verify(token string) (Claims, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	claims, ok := s.access[token]
	if !ok {
		return Claims{}, errUnknownToken
	}
	if !s.kit.Clock.Now().Before(claims.ExpiresAt) {
		return Claims{}, errExpiredToken
	}
	return claims, nil
}

// RevokeAccess ends all access tokens that have been issued, as an administrator can.
func (s *Service) RevokeAccess() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
}

// RevokeRefresh ends all refresh tokens, after which a person must consent anew.
func (s *Service) RevokeRefresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refresh)
}

// failure is an OAuth error answer in the form of the identity service.
type failure struct {
	status      int
	name        string
	code        int
	description string
}

func (f *failure) Error() string { return f.name + ": " + f.description }

// Handler serves POST /{tenant}/oauth2/token and POST /{tenant}/oauth2/v2.0/token, and the discovery documents of the tenant.
func (s *Service) Handler() http.Handler {
	return s.kit.Faults.Middleware(serviceName, func(w http.ResponseWriter, kind string) {
		status := http.StatusServiceUnavailable
		if kind == lab.FaultThrottled {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", "1")
		}
		s.writeFailure(w, &failure{status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."})
	}, http.HandlerFunc(s.serve))
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	if s.discovery(w, r) {
		return
	}
	answer, kind, err := s.token(w, r)
	op := lab.Operation{
		Service: serviceName, Actor: kind, Method: r.Method, Path: r.URL.Path, Action: "token", Object: "access_token",
		Status: http.StatusOK, Fault: lab.FaultOf(r.Context()), RequestID: r.Header.Get("client-request-id"),
	}
	var failed *failure
	if errors.As(err, &failed) {
		op.Status = failed.status
		s.kit.Log.Append(op)
		s.writeFailure(w, failed)
		return
	}
	s.kit.Log.Append(op)
	w.Header().Set("Cache-Control", "no-store, no-cache")
	writeJSON(w, http.StatusOK, answer)
}

// token checks the request and issues a token. The kind of grant is returned for the log.
func (s *Service) token(w http.ResponseWriter, r *http.Request) (map[string]any, string, error) {
	tenant, endpoint, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	v2 := endpoint == "oauth2/v2.0/token"
	if !v2 && endpoint != "oauth2/token" {
		return nil, "", &failure{http.StatusNotFound, "not_found", 90002, "There is no such endpoint: " + r.URL.Path}
	}
	if r.Method != http.MethodPost {
		return nil, "", &failure{http.StatusMethodNotAllowed, "invalid_request", 900561, "The endpoint only accepts POST requests."}
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return nil, "", &failure{http.StatusBadRequest, "invalid_request", 900144, "The request body is not a form."}
	}
	kind := r.PostForm.Get("grant_type")
	if tenant != s.credentials.TenantID {
		return nil, kind, &failure{http.StatusBadRequest, "invalid_request", 90002, "Tenant '" + tenant + "' not found."}
	}
	clientID, err := s.checkClient(r)
	if err != nil {
		return nil, kind, err
	}
	audience, err := s.audience(r, v2)
	if err != nil {
		return nil, kind, err
	}
	answer, err := s.issue(r, clientID, audience, v2)
	return answer, kind, err
}

// checkClient returns the id of the application whose secret or signed assertion the request carries.
func (s *Service) checkClient(r *http.Request) (string, error) {
	if r.PostForm.Has("client_assertion") {
		return s.checkAssertion(r)
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	s.mu.Lock()
	known, ok := s.applications[id]
	s.mu.Unlock()
	if !ok {
		return "", &failure{http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '" + id + "' was not found in the directory."}
	}
	if secret == "" {
		return "", &failure{http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	}
	if subtle.ConstantTimeCompare([]byte(secret), []byte(known.secret)) != 1 {
		return "", &failure{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided."}
	}
	return id, nil
}

// audience reads the resource (first version) or the scope (v2.0) that a token is asked for.
func (s *Service) audience(r *http.Request, v2 bool) (string, error) {
	if !v2 {
		resource := r.PostForm.Get("resource")
		if !slices.Contains(s.options.Audiences, resource) {
			return "", unknownResource(resource)
		}
		return resource, nil
	}
	audience := ""
	for scope := range strings.FieldsSeq(r.PostForm.Get("scope")) {
		if scope == "openid" || scope == "offline_access" || scope == "profile" {
			continue
		}
		cut := strings.LastIndex(scope, "/")
		if audience != "" || cut < 0 || scope[cut+1:] != ".default" && scope[cut+1:] != "user_impersonation" {
			return "", &failure{http.StatusBadRequest, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid."}
		}
		audience = scope[:cut]
	}
	if !slices.Contains(s.options.Audiences, audience) || audience == "https://api.partner.microsoft.com" && s.kit.Switches.Is(switchV2, "refused") {
		return "", unknownResource(audience)
	}
	return audience, nil
}

func unknownResource(resource string) *failure {
	return &failure{http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named '" + resource + "' was not found in the tenant."}
}

func (s *Service) issue(r *http.Request, clientID, audience string, v2 bool) (map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.kit.Clock.Now()
	claims := Claims{Audience: audience, ExpiresAt: now.Add(tokenLife)}
	answer := map[string]any{"token_type": "Bearer"}
	switch kind := r.PostForm.Get("grant_type"); kind {
	case "client_credentials":
		claims.Subject, claims.AppOnly = clientID, true
	case "refresh_token":
		sent := r.PostForm.Get("refresh_token")
		if known, ok := s.refresh[sent]; !ok || known.clientID != clientID || !now.Before(known.ends) {
			return nil, &failure{http.StatusBadRequest, "invalid_grant", 70008, "The refresh token has expired due to inactivity or was revoked."}
		}
		claims.Subject, claims.MFA = s.applications[clientID].subject, s.kit.Switches.Is(switchMFA, "present")
		next := sent
		if s.kit.Switches.Is(switchRotate, "new") {
			var err error
			if next, err = s.secret(); err != nil {
				return nil, unavailable(err)
			}
		}
		s.refresh[next] = grant{clientID, now.Add(refreshLife)} // the token that was sent stays valid
		answer["refresh_token"] = next
	default:
		return nil, &failure{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '" + kind + "'."}
	}
	token, err := s.jwt(claims, clientID, now)
	if err != nil {
		return nil, unavailable(err)
	}
	s.access[token] = claims
	answer["access_token"] = token
	seconds := int(tokenLife.Seconds()) - 1
	if v2 {
		answer["scope"], answer["expires_in"], answer["ext_expires_in"] = audience+"/.default", seconds, seconds
		return answer, nil
	}
	// The first version's numbers are strings.
	answer["resource"], answer["expires_in"], answer["ext_expires_in"] = audience, strconv.Itoa(seconds), strconv.Itoa(seconds)
	answer["not_before"] = strconv.FormatInt(now.Unix(), 10)
	answer["expires_on"] = strconv.FormatInt(claims.ExpiresAt.Unix(), 10)
	return answer, nil
}

func unavailable(err error) *failure {
	return &failure{http.StatusInternalServerError, "server_error", 90033, err.Error()}
}

// jwt makes a token of the real ones' shape. Its last part is random: nothing but Verify can tell whether it is valid.
func (s *Service) jwt(claims Claims, clientID string, now time.Time) (string, error) {
	methods := []string{"pwd"}
	if claims.MFA {
		methods = append(methods, "mfa")
	}
	payload := map[string]any{
		"aud": claims.Audience, "iss": "https://sts.windows.net/" + s.credentials.TenantID + "/", "tid": s.credentials.TenantID,
		"appid": clientID, "sub": claims.Subject, "iat": now.Unix(), "nbf": now.Unix(), "exp": claims.ExpiresAt.Unix(),
	}
	if claims.AppOnly {
		payload["idtyp"] = "app"
	} else {
		payload["upn"], payload["amr"] = claims.Subject, methods
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("encode the token: %w", err)
	}
	signature, err := s.secret()
	if err != nil {
		return "", err
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256"}`))
	return header + "." + base64.RawURLEncoding.EncodeToString(body) + "." + signature, nil
}

// secret makes 256 random bits as text. The service's lock is held, or the service is not in use yet.
func (s *Service) secret() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.options.Random, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func (s *Service) guid() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.options.Random, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]), nil
}

// writeFailure renders the error body of the token endpoint.
func (s *Service) writeFailure(w http.ResponseWriter, f *failure) {
	now := s.kit.Clock.Now()
	writeJSON(w, f.status, map[string]any{
		"error": f.name, "error_description": fmt.Sprintf("AADSTS%d: %s", f.code, f.description),
		"error_codes": []int{f.code}, "timestamp": now.Format("2006-01-02 15:04:05Z"),
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.code),
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data) // the caller may have gone; there is nobody to tell
}
