package salesforce

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connectedApp is an External Client App or connected app: who may sign in by it and how.
type connectedApp struct {
	secret string
	key    *rsa.PublicKey
	user   *principal // the only pre-authorised user, and the run-as user of client credentials
}

type session struct {
	token string
	user  *principal
	start time.Time
	used  time.Time
}

// oauthError is the body of a refused token request.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	status      int
}

func oauthRefusal(code, description string) *oauthError {
	return &oauthError{Error: code, Description: description, status: http.StatusBadRequest}
}

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// serveOAuth answers the endpoints under /services/oauth2.
func (o *Org) serveOAuth(w http.ResponseWriter, r *http.Request, endpoint string) {
	switch {
	case endpoint == "token" && r.Method == http.MethodPost:
		o.serveToken(w, r)
	case endpoint == "revoke" && r.Method == http.MethodPost:
		o.serveRevoke(w, r)
	case endpoint == "userinfo" && (r.Method == http.MethodGet || r.Method == http.MethodPost):
		o.serveIdentity(w, r, o.userInfo)
	case endpoint == "token", endpoint == "revoke", endpoint == "userinfo":
		o.writeError(w, r, errMethod(r.Method))
	default:
		o.writeError(w, r, errNotFound())
	}
}

func (o *Org) serveToken(w http.ResponseWriter, r *http.Request) {
	answer, who, refusal := o.grant(r)
	if refusal != nil {
		writeJSON(w, refusal.status, refusal)
		o.logRequest(r, "", "token", "session", "", refusal.status)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, answer)
	o.logRequest(r, who.actor, "token", "session", "", http.StatusOK)
}

func (o *Org) grant(r *http.Request) (doc, *principal, *oauthError) {
	if err := r.ParseForm(); err != nil {
		return nil, nil, oauthRefusal("invalid_request", "request body is not form encoded")
	}
	form := r.PostForm
	o.mu.Lock()
	defer o.mu.Unlock()
	var who *principal
	var refusal *oauthError
	switch form.Get("grant_type") {
	case jwtBearer:
		who, refusal = o.checkAssertion(form.Get("assertion"))
	case "client_credentials":
		who, refusal = o.checkClient(form.Get("client_id"), form.Get("client_secret"))
	case "":
		refusal = oauthRefusal("invalid_request", "grant_type is missing")
	default:
		refusal = oauthRefusal("unsupported_grant_type", "grant type not supported")
	}
	if refusal != nil {
		return nil, nil, refusal
	}
	return o.openSession(who), who, nil
}

func (o *Org) checkClient(id, secret string) (*principal, *oauthError) {
	app := o.apps[id]
	if app == nil || app.secret != secret {
		refusal := oauthRefusal("invalid_client", "invalid client credentials")
		if app == nil {
			refusal = oauthRefusal("invalid_client_id", "client identifier invalid")
		}
		refusal.status, _ = strconv.Atoi(o.kit.Switches.Get(switchBadClientStatus))
		return nil, refusal
	}
	return app.user, nil
}

// claims of an assertion. exp may be a number or a string, in seconds or in milliseconds: the clients in use send all four.
type claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Legacy   string          `json:"prn"`
	Audience json.RawMessage `json:"aud"`
	Expiry   json.RawMessage `json:"exp"`
}

// checkAssertion verifies a JWS in RS256 ("OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration").
func (o *Org) checkAssertion(assertion string) (*principal, *oauthError) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return nil, oauthRefusal("invalid_grant", "invalid assertion")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var c claims
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &header) || !decodePart(parts[1], &c) || header.Algorithm != "RS256" {
		return nil, oauthRefusal("invalid_grant", "invalid assertion")
	}
	app := o.apps[c.Issuer]
	if app == nil {
		refusal := oauthRefusal("invalid_client_id", "client identifier invalid")
		refusal.status, _ = strconv.Atoi(o.kit.Switches.Get(switchBadClientStatus))
		return nil, refusal
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(app.key, crypto.SHA256, digest[:], signature) != nil {
		return nil, oauthRefusal("invalid_grant", "invalid assertion signature")
	}
	if !o.audienceMatches(c.Audience) {
		return nil, oauthRefusal("invalid_grant", "Audience validation failed")
	}
	if !o.expiryValid(c.Expiry) {
		return nil, oauthRefusal("invalid_grant", "expired authorization code")
	}
	subject := c.Subject
	if subject == "" {
		subject = c.Legacy
	}
	if !strings.EqualFold(subject, app.user.username) {
		return nil, oauthRefusal("invalid_grant", "user hasn't approved this consumer")
	}
	return app.user, nil
}

func decodePart(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}

func (o *Org) audienceMatches(raw json.RawMessage) bool {
	var list []string
	var one string
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(raw, &list) != nil {
		return false
	}
	accepted := append([]string{"https://login.salesforce.com", "https://test.salesforce.com", o.baseURL}, o.opts.Audiences...)
	return slices.ContainsFunc(list, func(aud string) bool {
		trimmed := strings.TrimRight(aud, "/")
		return trimmed != "" && slices.ContainsFunc(accepted, func(a string) bool { return strings.TrimRight(a, "/") == trimmed })
	})
}

func (o *Org) expiryValid(raw json.RawMessage) bool {
	exp, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil {
		return false
	}
	now := float64(o.kit.Clock.Now().Unix())
	if exp <= now {
		return false
	}
	ceiling := o.kit.Switches.Get(switchJWTCeiling)
	if ceiling == "none" {
		return true
	}
	limit, err := time.ParseDuration(ceiling)
	const skew = 10
	return err == nil && exp <= now+limit.Seconds()+skew
}

// openSession makes a token and its answer. There is no expires_in: a client learns of the end of a session by a refusal.
func (o *Org) openSession(who *principal) doc {
	now := o.kit.Clock.Now()
	token := o.opts.OrgID[:15] + "!" + o.randomText(86)
	if o.kit.Switches.Is(switchTokenFormat, "jwt") {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","tnk":"core/` + o.opts.OrgID + `"}`))
		payload := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"uid:` + who.userID + `","iss":"` + o.baseURL + `"}`))
		token = header + "." + payload + "." + strings.ReplaceAll(o.randomText(86), ".", "-")
	}
	o.sessions[token] = &session{token: token, user: who, start: now, used: now}
	return doc{
		{"access_token", token},
		{"signature", base64.StdEncoding.EncodeToString([]byte(o.randomText(32)))},
		{"scope", "api web id"},
		{"instance_url", o.baseURL},
		{"id", o.baseURL + "/id/" + o.opts.OrgID + "/" + who.userID},
		{"token_type", "Bearer"},
		{"issued_at", strconv.FormatInt(now.UnixMilli(), 10)},
	}
}

// authenticate finds the live session of a token and prolongs it.
func (o *Org) authenticate(token string) *principal {
	s := o.sessions[token]
	if s == nil {
		return nil
	}
	now := o.kit.Clock.Now()
	from := s.used
	if o.kit.Switches.Is(switchSessionExpiry, "absolute") {
		from = s.start
	}
	if now.Sub(from) >= o.opts.SessionTTL {
		delete(o.sessions, token)
		return nil
	}
	s.used = now
	return s.user
}

// ExpireSessions ends every session at once, as an administrator can.
func (o *Org) ExpireSessions() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.sessions)
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "OAuth") {
		return ""
	}
	return token
}

func (o *Org) serveRevoke(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	o.mu.Lock()
	s := o.sessions[token]
	delete(o.sessions, token)
	o.mu.Unlock()
	if s == nil {
		refusal := oauthRefusal("unsupported_token_type", "this token is not supported")
		writeJSON(w, refusal.status, refusal)
		o.logRequest(r, "", "revoke", "session", "", refusal.status)
		return
	}
	w.WriteHeader(http.StatusOK)
	o.logRequest(r, s.user.actor, "revoke", "session", "", http.StatusOK)
}

// serveIdentity answers a resource that describes the signed-in user.
func (o *Org) serveIdentity(w http.ResponseWriter, r *http.Request, show func(*principal) doc) {
	o.mu.Lock()
	who := o.authenticate(bearer(r))
	var body doc
	if who != nil {
		body = show(who)
	}
	o.mu.Unlock()
	if who == nil { // these endpoints refuse in plain text
		http.Error(w, "Bad_OAuth_Token", http.StatusForbidden)
		o.logRequest(r, "", "read", "User", "", http.StatusForbidden)
		return
	}
	writeJSON(w, http.StatusOK, body)
	o.logRequest(r, who.actor, "read", "User", who.userID, http.StatusOK)
}

func (o *Org) userInfo(who *principal) doc {
	user := o.find(o.data.object("User"), who.userID)
	return doc{
		{"sub", o.baseURL + "/id/" + o.opts.OrgID + "/" + who.userID},
		{"user_id", who.userID},
		{"organization_id", o.opts.OrgID},
		{"preferred_username", who.username},
		{"name", user.str("Name")},
		{"email", user.str("Email")},
		{"email_verified", true},
		{"zoneinfo", user.str("TimeZoneSidKey")},
		{"user_type", "STANDARD"},
		{"active", true},
		{"urls", doc{
			{"rest", o.baseURL + "/services/data/v{version}/"},
			{"sobjects", o.baseURL + "/services/data/v{version}/sobjects/"},
			{"query", o.baseURL + "/services/data/v{version}/query/"},
			{"metadata", o.baseURL + "/services/Soap/m/{version}/" + o.opts.OrgID[:15]},
			{"tooling_rest", o.baseURL + "/services/data/v{version}/tooling/"},
		}},
	}
}

// identity is the body of the identity URL that the token answer names as id.
func (o *Org) identity(who *principal) doc {
	info := o.userInfo(who)
	return append(doc{{"id", info[0].Value}, {"asserted_user", true}, {"username", who.username}}, info[1:]...)
}
