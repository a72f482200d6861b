package partnercenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	registrationPath = "/webhooks/v1/registration"
	eventsPath       = registrationPath + "/events"
	validationPath   = registrationPath + "/validationEvents"
	resourcePath     = "/engagements/v1/referrals/"
	testEvent        = "test-created"

	validationsPerMinute = 2
	validationsKept      = 7 * 24 * time.Hour
)

// eventNames are the events of the page "partner-center-webhook-events".
var eventNames = []string{
	"azure-fraud-event-detected", "dap-admin-relationship-approved", "dap-admin-relationship-terminated",
	"dap-admin-relationship-terminated-by-microsoft", "granular-admin-access-assignment-activated",
	"granular-admin-access-assignment-created", "granular-admin-access-assignment-deleted",
	"granular-admin-access-assignment-updated", "granular-admin-relationship-activated", "granular-admin-relationship-approved",
	"granular-admin-relationship-expired", "granular-admin-relationship-terminated",
	"indirect-reseller-relationship-accepted-by-customer", "invoice-ready", "new-commerce-migration-completed",
	"new-commerce-migration-created", "new-commerce-migration-failed", "new-commerce-migration-schedule-failed",
	"referral-created", "referral-updated", "related-referral-created", "related-referral-updated",
	"reseller-relationship-accepted-by-customer", "subscription-updated", testEvent, "usagerecords-thresholdExceeded",
}

// registration is the one webhook registration of the tenant. Its names are read in either case; clients in use send both.
type registration struct {
	WebhookURL            string         `json:"webhookUrl"`
	WebhookEvents         []string       `json:"webhookEvents"`
	SignatureToMSHeader   any            `json:"signatureTokenToMsSignatureHeader,omitempty"` // some clients send it as a string
	SubscriberID          string         `json:"subscriberId,omitempty"`
	LastModifiedTimestamp string         `json:"lastModifiedTimestamp,omitempty"`
	Properties            map[string]any `json:"properties,omitempty"`
}

func (r registration) toMSSignature() bool {
	switch flag := r.SignatureToMSHeader.(type) {
	case bool:
		return flag
	case string:
		return strings.EqualFold(flag, "true")
	}
	return false
}

// body is the registration as answers carry it.
func (s *Service) registrationBody(r registration) map[string]any {
	body := map[string]any{
		"webhookUrl": r.WebhookURL, "webhookEvents": r.WebhookEvents, "subscriberId": r.SubscriberID,
		"signatureTokenToMsSignatureHeader": r.toMSSignature(), "lastModifiedTimestamp": r.LastModifiedTimestamp,
	}
	if r.Properties != nil {
		body["properties"] = r.Properties
	}
	if s.kit.Switches.Is(switchRegistrationCase, "camel") {
		return body
	}
	pascal := map[string]any{}
	for name, value := range body {
		pascal[strings.ToUpper(name[:1])+name[1:]] = value
	}
	return pascal
}

// validation is a test event that was asked for, and what became of it.
type validation struct {
	asked   time.Time
	url     string
	status  string
	results []validationResult
}

type validationResult struct {
	ResponseCode    string `json:"responseCode"`
	ResponseMessage string `json:"responseMessage"`
	SystemError     bool   `json:"systemError"`
	DateTimeUTC     string `json:"dateTimeUtc"`
}

// Webhooks is the handler of the webhooks API: api.partnercenter.microsoft.com.
func (s *Service) Webhooks() http.Handler {
	return s.kit.Faults.Middleware(serviceName, func(w http.ResponseWriter, kind string) {
		faultRefusal(kind).writeNumeric(w)
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		requestID, correlationID := s.newRequestID(), s.newRequestID()
		s.mu.Unlock()
		for name, made := range map[string]string{"MS-RequestId": requestID, "MS-CorrelationId": correlationID} {
			if sent := r.Header.Get(name); sent != "" {
				made = sent
			}
			w.Header().Set(name, made)
		}
		actor, err := s.authorize(r, EventsAudience, true)
		var a answer
		if err == nil {
			a, err = s.serveWebhooks(r, actor)
		}
		if err != nil {
			s.refuse(w, r, actor, objectOf(r.URL.Path), "", err, (*refusal).writeNumeric)
			return
		}
		writeJSON(w, a.status, a.body)
	}))
}

// objectOf names what a path of this host is about, for the log.
func objectOf(path string) string {
	switch {
	case strings.HasPrefix(path, validationPath):
		return "validation_event"
	case strings.HasPrefix(path, resourcePath):
		return "referral"
	}
	return "registration"
}

func (s *Service) serveWebhooks(r *http.Request, actor string) (answer, error) {
	o := origin{actor: actor, request: r, status: http.StatusOK}
	path := strings.TrimRight(r.URL.Path, "/")
	validationID, isValidation := strings.CutPrefix(path, validationPath+"/")
	referralID, isReferral := strings.CutPrefix(path, resourcePath)
	switch {
	case path == registrationPath:
		return s.serveRegistration(r, o)
	case path == eventsPath && r.Method == http.MethodGet:
		s.kit.Log.Append(o.operation("read", "event", "", nil))
		return answer{status: http.StatusOK, body: eventNames}, nil
	case path == validationPath && r.Method == http.MethodPost:
		return s.createValidation(o)
	case isValidation && r.Method == http.MethodGet:
		return s.getValidation(o, validationID)
	case isReferral && r.Method == http.MethodGet && s.kit.Switches.Is(switchResourceURI, "served"):
		return s.get(o, referralID)
	case path == eventsPath || path == validationPath || isValidation:
		return answer{}, methodNotAllowed(r)
	}
	return answer{}, notFound("resource", r.URL.Path)
}

func (s *Service) serveRegistration(r *http.Request, o origin) (answer, error) {
	switch r.Method {
	case http.MethodGet:
		return s.getRegistration(o)
	case http.MethodPost, http.MethodPut:
		asked, err := s.decodeRegistration(r)
		if err != nil {
			return answer{}, err
		}
		return s.register(o, asked)
	}
	return answer{}, methodNotAllowed(r)
}

func (s *Service) getRegistration(o origin) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registration == nil {
		e := notFound("registration", "of this tenant")
		if s.kit.Switches.Is(switchRegistrationNone, "400") {
			e.status = http.StatusBadRequest
		}
		return answer{}, e
	}
	s.kit.Log.Append(o.operation("read", "registration", s.registration.SubscriberID, nil))
	return answer{status: http.StatusOK, body: s.registrationBody(*s.registration)}, nil
}

func (s *Service) decodeRegistration(r *http.Request) (registration, error) {
	body, err := readBody(r)
	if err != nil {
		return registration{}, err
	}
	var asked registration
	if err := json.Unmarshal(body, &asked); err != nil {
		return asked, invalid("registration", "The body is not a registration: %s.", reason(err))
	}
	target, err := url.Parse(asked.WebhookURL)
	if err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http" {
		return asked, invalid("webhookUrl", "The webhookUrl is not an absolute URL.")
	}
	for _, name := range asked.WebhookEvents {
		if !slices.Contains(eventNames, name) {
			return asked, invalid("webhookEvents", "The event %q does not exist.", name)
		}
	}
	if len(asked.WebhookEvents) == 0 && s.kit.Switches.Is(switchEmptyEvents, "refused") {
		return asked, invalid("webhookEvents", "At least one event is required.")
	}
	present(&asked.WebhookEvents)
	return asked, nil
}

// register creates the registration (POST) or replaces it as a whole (PUT): the last writer wins.
func (s *Service) register(o origin, asked registration) (answer, error) {
	if err := s.checkRegister(o); err != nil {
		return answer{}, err
	}
	if err := s.kit.Trap.Before(o.request); err != nil {
		return answer{}, err
	}
	stored, err := s.storeRegistration(o, asked)
	if err != nil {
		return answer{}, err
	}
	if err := s.kit.Trap.After(o.request); err != nil {
		return answer{}, err
	}
	return answer{status: o.status, body: s.registrationBody(stored)}, nil
}

func (s *Service) checkRegister(o origin) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayRegister(o)
}

// mayRegister says whether the method fits what exists. The service's lock is held.
func (s *Service) mayRegister(o origin) error {
	exists := s.registration != nil
	switch {
	case o.request == nil:
	case o.request.Method == http.MethodPost && exists:
		e := invalid("registration", "A registration already exists. Use PUT to update it.")
		if s.kit.Switches.Is(switchRegistrationExists, "409") {
			e.status = http.StatusConflict
		}
		return e
	case o.request.Method == http.MethodPut && !exists && s.kit.Switches.Is(switchRegistrationPut, "404"):
		return notFound("registration", "of this tenant")
	}
	return nil
}

func (s *Service) storeRegistration(o origin, asked registration) (registration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayRegister(o); err != nil {
		return registration{}, err
	}
	action := "create"
	asked.SubscriberID = s.newID()
	if s.registration != nil {
		action, asked.SubscriberID = "update", s.registration.SubscriberID
	}
	asked.LastModifiedTimestamp = eventTime(s.kit.Clock.Now())
	s.registration = &asked
	s.kit.Log.Append(o.operation(action, "registration", asked.SubscriberID,
		[]string{"signatureTokenToMsSignatureHeader", "webhookEvents", "webhookUrl"}))
	return asked, nil
}

// Registration is the present webhook registration; ok is false when there is none.
func (s *Service) Registration() (url string, events []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registration == nil {
		return "", nil, false
	}
	return s.registration.WebhookURL, slices.Clone(s.registration.WebhookEvents), true
}

// Overwrite is another tool of the same tenant that registers its own URL, as tools do: without asking what was there.
func (s *Service) Overwrite(webhookURL string, events []string) error {
	for _, name := range events {
		if !slices.Contains(eventNames, name) {
			return fmt.Errorf("the event %q does not exist", name)
		}
	}
	if target, err := url.Parse(webhookURL); err != nil || target.Host == "" {
		return fmt.Errorf("%q is not an absolute URL", webhookURL)
	}
	_, err := s.storeRegistration(origin{actor: "other_tool"}, registration{WebhookURL: webhookURL, WebhookEvents: slices.Clone(events)})
	return err
}

// createValidation sends a test event to the registered URL, at most twice a minute.
func (s *Service) createValidation(o origin) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registration == nil || !slices.Contains(s.registration.WebhookEvents, testEvent) {
		return answer{}, invalid("registration", "The event %s is not registered.", testEvent)
	}
	now := s.kit.Clock.Now()
	s.validated = slices.DeleteFunc(s.validated, func(asked time.Time) bool { return now.Sub(asked) >= time.Minute })
	if len(s.validated) >= validationsPerMinute {
		wait := int(s.validated[0].Add(time.Minute).Sub(now)/time.Second) + 1
		return answer{}, &refusal{
			status: http.StatusTooManyRequests, retryAfter: wait,
			message: fmt.Sprintf("Rate limit is exceeded. Try again in %d seconds.", wait),
		}
	}
	s.validated = append(s.validated, now)
	id := s.newID()
	s.validations[id] = &validation{asked: now, url: s.registration.WebhookURL, status: "pending", results: []validationResult{}}
	s.kit.Log.Append(o.operation("validate", "validation_event", id, nil))
	s.notify(event{
		EventName: testEvent, ResourceName: "test", ResourceChangeUTCDate: eventTime(now),
		ResourceURI: "http://api.partnercenter.microsoft.com" + validationPath + "/" + id,
	}, id)
	if s.kit.Switches.Is(switchValidationAnswer, "string") {
		return answer{status: http.StatusOK, body: id}, nil
	}
	return answer{status: http.StatusOK, body: map[string]string{"correlationId": id}}, nil
}

func (s *Service) getValidation(o origin, id string) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.validations[strings.ToLower(id)]
	if !ok || s.kit.Clock.Now().Sub(v.asked) > validationsKept {
		return answer{}, notFound("validation event", id)
	}
	s.kit.Log.Append(o.operation("read", "validation_event", id, nil))
	return answer{status: http.StatusOK, body: map[string]any{
		"correlationId": id, "partnerId": s.options.Partner.ID, "status": v.status, "callbackUrl": v.url,
		"results": slices.Clone(v.results),
	}}, nil
}

// noteValidation records one attempt to deliver a test event.
func (s *Service) noteValidation(d *delivery, status int, failed error, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.validations[d.validation]
	if v == nil {
		return
	}
	result := validationResult{DateTimeUTC: eventTime(s.kit.Clock.Now()), SystemError: failed != nil}
	if failed == nil {
		// The documented sample names the status as .NET does, OK; its message is empty for a success.
		result.ResponseCode = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	v.results = append(v.results, result)
	if ended {
		v.status = "completed"
	}
}
