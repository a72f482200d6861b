package partnercenter

import (
	"errors"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	apiPath       = "/v1.0/engagements"
	referralsPath = apiPath + "/referrals"
	maxBody       = 1 << 20
)

// answer is what a request gets when it is not refused.
type answer struct {
	status int
	body   any    // nil for none
	eTag   string // empty for none
}

// Referrals is the handler of the referrals API: api.partner.microsoft.com.
func (s *Service) Referrals() http.Handler {
	return s.kit.Faults.Middleware(serviceName, func(w http.ResponseWriter, kind string) {
		s.setHeaders(w, nil)
		faultRefusal(kind).writeEnvelope(w)
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.setHeaders(w, r)
		actor, err := s.authorize(r, ReferralsAudience, false)
		var a answer
		if err == nil {
			a, err = s.serveReferrals(r, actor)
		}
		if err != nil {
			id := strings.Trim(strings.TrimPrefix(r.URL.Path, referralsPath), "/")
			s.refuse(w, r, actor, "referral", id, err, (*refusal).writeEnvelope)
			return
		}
		if a.eTag != "" {
			w.Header().Set("ETag", a.eTag)
		}
		if a.body == nil {
			w.WriteHeader(a.status)
			return
		}
		writeJSON(w, a.status, a.body)
	}))
}

// setHeaders writes the headers that every answer of the referrals API has (page "headers").
func (s *Service) setHeaders(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	requestID := s.newRequestID()
	s.mu.Unlock()
	h := w.Header()
	h.Set("request-id", requestID)
	h.Set("timestamp", s.kit.Clock.Now().Format(timestampLayout))
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Sandbox","Slice":"SliceA","Ring":"1"}}`)
	if r != nil && r.Header.Get("client-request-id") != "" {
		h.Set("client-request-id", r.Header.Get("client-request-id"))
	}
}

// faultRefusal is the answer of an injected fault.
func faultRefusal(kind string) *refusal {
	switch kind {
	case lab.FaultThrottled:
		return &refusal{
			status: http.StatusTooManyRequests, code: "serviceNotAvailable", retryAfter: 1,
			message: "Rate limit is exceeded. Try again in 1 seconds.",
		}
	case lab.FaultExpiredSession:
		return unauthenticated("The access token has expired.")
	default:
		return &refusal{status: http.StatusServiceUnavailable, code: "serviceNotAvailable", message: "The service is not available."}
	}
}

// refuse logs and renders an error. An error that is no refusal means that the caller went away while a trap held its write.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, actor, object, id string, err error, write func(*refusal, http.ResponseWriter)) {
	var refused *refusal
	if !errors.As(err, &refused) {
		return
	}
	action := map[string]string{http.MethodGet: "read", http.MethodPost: "create", http.MethodPatch: "update", http.MethodPut: "update"}[r.Method]
	if action == "" {
		action = strings.ToLower(r.Method)
	}
	o := origin{actor: actor, request: r, status: refused.status}
	s.kit.Log.Append(o.operation(action, object, id, nil))
	write(refused, w)
}

func (s *Service) serveReferrals(r *http.Request, actor string) (answer, error) {
	if id := r.Header.Get("client-request-id"); s.kit.Switches.Is(switchClientRequestID, "required") && !guidPattern.MatchString(id) {
		return answer{}, invalid("client-request-id", "The header client-request-id with a GUID is required.")
	}
	rest, ok := strings.CutPrefix(r.URL.Path, referralsPath)
	if !ok || rest != "" && rest[0] != '/' {
		return answer{}, notFound("resource", r.URL.Path)
	}
	id := strings.Trim(rest, "/")
	if strings.Contains(id, "/") {
		return answer{}, notFound("resource", r.URL.Path)
	}
	if id == "" {
		return s.serveCollection(r, actor)
	}
	return s.serveReferral(r, actor, id)
}

func (s *Service) serveCollection(r *http.Request, actor string) (answer, error) {
	switch r.Method {
	case http.MethodGet:
		return s.list(r, actor)
	case http.MethodPost:
		body, err := readBody(r)
		if err != nil {
			return answer{}, err
		}
		status := http.StatusOK
		if s.kit.Switches.Is(switchCreateStatus, "201") {
			status = http.StatusCreated
		}
		stored, err := s.create(origin{actor: actor, request: r, status: status}, body)
		if err != nil {
			return answer{}, err
		}
		return s.answerReferral(status, stored), nil
	}
	return answer{}, methodNotAllowed(r)
}

func (s *Service) serveReferral(r *http.Request, actor, id string) (answer, error) {
	o := origin{actor: actor, request: r, status: http.StatusOK}
	switch r.Method {
	case http.MethodGet:
		return s.get(o, id)
	case http.MethodPatch:
		body, err := readBody(r)
		if err != nil {
			return answer{}, err
		}
		represent := strings.EqualFold(strings.TrimSpace(r.Header.Get("Prefer")), "return=representation")
		if !represent {
			o.status = http.StatusNoContent
		}
		stored, err := s.patch(o, id, r.Header.Get("If-Match"), body)
		if err != nil {
			return answer{}, err
		}
		if !represent {
			return answer{status: o.status, eTag: stored.referral.ETag}, nil
		}
		return s.answerReferral(o.status, stored), nil
	case http.MethodPut:
		return s.servePut(r, o, id)
	}
	return answer{}, methodNotAllowed(r)
}

func (s *Service) servePut(r *http.Request, o origin, id string) (answer, error) {
	if s.kit.Switches.Is(switchPut, "gone") {
		return answer{}, methodNotAllowed(r)
	}
	ifMatch := r.Header.Get("If-Match")
	if ifMatch == "" {
		e := preconditionFailed("The header If-Match is required.")
		if s.kit.Switches.Is(switchPutWithoutIfMatch, "400") {
			e = invalid("If-Match", "The header If-Match is required.")
		}
		return answer{}, e
	}
	body, err := readBody(r)
	if err != nil {
		return answer{}, err
	}
	stored, err := s.replace(o, id, ifMatch, body)
	if err != nil {
		return answer{}, err
	}
	return s.answerReferral(o.status, stored), nil
}

func readBody(r *http.Request) ([]byte, error) {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/json", "application/json-patch+json":
	default:
		return nil, &refusal{
			status: http.StatusUnsupportedMediaType, code: "invalidRequest",
			message: "The content type must be application/json, not " + media + ".",
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, invalid("referral", "The body cannot be read.")
	}
	if len(body) > maxBody {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, code: "invalidRequest", message: "The body is larger than 1 MiB."}
	}
	return body, nil
}

func (s *Service) get(o origin, id string) (answer, error) {
	stored, err := s.locked(func() (*record, error) {
		stored, ok := s.records[strings.ToLower(id)]
		if !ok {
			return nil, notFound("referral", id)
		}
		s.kit.Log.Append(o.operation("read", "referral", stored.referral.ID, nil))
		return stored, nil
	})
	if err != nil {
		return answer{}, err
	}
	return s.answerReferral(o.status, stored), nil
}

func (s *Service) answerReferral(status int, stored *record) answer {
	body := maps.Clone(s.rendered(stored))
	body["@odata.context"] = s.options.ReferralsURL + apiPath + "/$metadata#Referrals/$entity"
	return answer{status: status, body: body, eTag: stored.referral.ETag}
}

// rendered is the referral as the answers carry it, with what switches make of it. The result is shared; it is not changed.
func (s *Service) rendered(stored *record) map[string]any {
	arrays := s.kit.Switches.Get(switchOptionalArrays)
	escaped := s.kit.Switches.Is(switchEscapedNames, "on")
	if arrays == "present" && !escaped {
		return stored.doc
	}
	doc := document(stored.referral)
	customer, _ := doc["customerProfile"].(map[string]any)
	details, _ := doc["details"].(map[string]any)
	requirements, _ := details["requirements"].(map[string]any)
	if escaped {
		doc["name"] = html.EscapeString(stored.referral.Name)
		customer["name"] = html.EscapeString(stored.referral.CustomerProfile.Name)
	}
	if arrays != "present" {
		hollow(doc, arrays, "tags", "registrations")
		hollow(customer, arrays, "ids")
		hollow(requirements, arrays, "industries", "products", "services", "offers", "salesPlays")
	}
	return doc
}

// hollow makes empty lists null or absent.
func hollow(object map[string]any, how string, names ...string) {
	for _, name := range names {
		if list, ok := object[name].([]any); !ok || len(list) > 0 {
			continue
		}
		if how == "absent" {
			delete(object, name)
		} else {
			object[name] = nil
		}
	}
}

func (s *Service) list(r *http.Request, actor string) (answer, error) {
	switches := s.kit.Switches
	rules := filterRules{
		anyField: switches.Is(switchFilterFields, "any"),
		ranges:   switches.Is(switchDateFilter, "supported"),
	}
	query, err := parseQuery(r.URL.RawQuery, rules, switches.Is(switchTopMaximum, "refused"))
	if err != nil {
		return answer{}, invalid("query", "%s.", err)
	}
	o := origin{actor: actor, request: r, status: http.StatusOK}
	matching := s.matching(query)
	count := len(matching)
	page, next := query.page(matching)
	s.kit.Log.Append(o.operation("read", "referral", "", nil))

	context := s.options.ReferralsURL + apiPath + "/$metadata#Referrals"
	if query.selected != nil {
		context += "(" + strings.Join(query.selected, ",") + ")"
	}
	values := make([]map[string]any, 0, len(page))
	for _, stored := range page {
		values = append(values, selected(s.rendered(stored), query.selected))
	}
	body := map[string]any{"@odata.context": context, "value": values}
	if query.withCount || switches.Is(switchCount, "always") {
		body["@odata.count"] = count
	}
	if next != "" {
		body["@odata.nextLink"] = s.nextLink(next)
	}
	return answer{status: o.status, body: body}, nil
}

// matching returns the listed referrals that the filter matches.
func (s *Service) matching(query *listQuery) []*record {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	now := s.kit.Clock.Now()
	byEngagement := s.kit.Switches.Is(switchCounterpartListed, "by_engagement")
	var matching []*record
	for _, id := range s.order {
		stored := s.records[id]
		if byEngagement && stored.referral.isMicrosofts() && !query.engages {
			continue
		}
		if s.listed(stored.referral, now) && (query.filter == nil || query.filter.match(stored.doc)) {
			matching = append(matching, stored)
		}
	}
	return matching
}

func (s *Service) listed(referral *Referral, now time.Time) bool {
	if referral.marketplaceLead && s.kit.Switches.Is(switchMarketplaceLeads, "hidden") {
		return false
	}
	return !referral.visibleInListsFrom.After(now)
}

func selected(doc map[string]any, properties []string) map[string]any {
	if properties == nil {
		return doc
	}
	chosen := map[string]any{}
	for _, property := range properties {
		if value, ok := doc[property]; ok {
			chosen[property] = value
		}
	}
	return chosen
}

// nextLink links to the next page. The documentation's sample shows http and a path without engagements, which a client
// cannot follow as it is.
func (s *Service) nextLink(token string) string {
	base := s.options.ReferralsURL + referralsPath
	if s.kit.Switches.Is(switchNextLink, "http_without_engagements") {
		base = "http://" + strings.TrimPrefix(strings.TrimPrefix(s.options.ReferralsURL, "https://"), "http://") + "/v1.0/referrals"
	}
	return base + "?$skiptoken=" + url.QueryEscape(token)
}
