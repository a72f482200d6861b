package partnercenter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Events that concern referrals, and the validation event (source: "Partner Center webhook events"). The service's list
// is open: see [Client.WebhookEvents].
const (
	EventReferralCreated        = "referral-created"
	EventReferralUpdated        = "referral-updated"
	EventRelatedReferralCreated = "related-referral-created"
	EventRelatedReferralUpdated = "related-referral-updated"
	EventTestCreated            = "test-created"
)

// Event is a webhook's body. It carries no referral: the truth is read again.
type Event struct {
	EventName             string `json:"EventName"`
	ResourceURI           string `json:"ResourceUri"`
	ResourceName          string `json:"ResourceName"`
	AuditURI              string `json:"AuditUri"`
	ResourceChangeUTCDate Time   `json:"ResourceChangeUtcDate"`
}

// ResourceID is the last path segment of the event's resource: the referral id, or the validation's correlation id. The
// address itself is never to be called.
func (e Event) ResourceID() string {
	u, err := url.Parse(e.ResourceURI)
	if err != nil {
		return ""
	}
	path := strings.TrimRight(u.Path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// Registration is the tenant's one webhook registration (source: "Webhook" in the Partner Center REST reference).
// Properties are decoded without regard to case and sent in Pascal case, as the documentation prints them.
type Registration struct {
	WebhookURL    string       `json:"WebhookUrl"`
	WebhookEvents List[string] `json:"WebhookEvents"`
	// SignatureTokenToMsSignatureHeader moves the signature from Authorization to x-ms-signature.
	SignatureTokenToMsSignatureHeader Bool   `json:"SignatureTokenToMsSignatureHeader"`
	SubscriberID                      string `json:"SubscriberId,omitempty"`
	LastModifiedTimestamp             Time   `json:"LastModifiedTimestamp,omitzero"`
	// Properties is an object without documented content, as it came. A replacement that leaves it out would erase it.
	Properties json.RawMessage `json:"Properties,omitempty"`
}

// Validation is the state of a validation event. Results hold one entry per attempt.
type Validation struct {
	CorrelationID string                 `json:"correlationId"`
	PartnerID     string                 `json:"partnerId"`
	Status        string                 `json:"status"` // "completed" when done
	CallbackURL   string                 `json:"callbackUrl"`
	Results       List[ValidationResult] `json:"results"`
}

// ValidationResult is one delivery attempt. ResponseCode is a name such as "OK", or a number.
type ValidationResult struct {
	ResponseCode    Text   `json:"responseCode"`
	ResponseMessage string `json:"responseMessage"`
	SystemError     Bool   `json:"systemError"`
	DateTimeUTC     Time   `json:"dateTimeUtc"`
}

// WebhookEvents lists the event names that the service knows.
func (c *Client) WebhookEvents(ctx context.Context) ([]string, error) {
	var names List[string]
	_, err := c.webhook(ctx, call{operation: "list webhook events", method: http.MethodGet, url: c.webhookURL("/events")}, &names)
	return names, err
}

// Registration reads the tenant's registration; found is false when there is none.
func (c *Client) Registration(ctx context.Context) (registration Registration, found bool, err error) {
	read, err := c.webhook(ctx, call{operation: "get webhook registration", method: http.MethodGet, url: c.webhookURL("")}, &registration)
	if IsNotFound(err) {
		return Registration{}, false, nil
	}
	return registration, read && registration.WebhookURL != "", err
}

// CreateRegistration makes the tenant's registration. [IsConflict] holds when one exists; the status of that refusal is
// not documented, so read first.
func (c *Client) CreateRegistration(ctx context.Context, registration Registration) (Registration, error) {
	return c.putRegistration(ctx, "create webhook registration", http.MethodPost, registration)
}

// UpdateRegistration replaces the tenant's whole registration, whoever made it.
func (c *Client) UpdateRegistration(ctx context.Context, registration Registration) (Registration, error) {
	return c.putRegistration(ctx, "update webhook registration", http.MethodPut, registration)
}

func (c *Client) putRegistration(ctx context.Context, operation, method string, registration Registration) (Registration, error) {
	registration.SubscriberID, registration.LastModifiedTimestamp = "", Time{}
	if registration.WebhookEvents == nil {
		registration.WebhookEvents = List[string]{}
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // the properties keep their spelling
	if err := encoder.Encode(registration); err != nil {
		return Registration{}, err
	}
	var saved Registration
	read, err := c.webhook(ctx, call{operation: operation, method: method, url: c.webhookURL(""), body: bytes.TrimSpace(body.Bytes())}, &saved)
	if err == nil && !read {
		saved = registration
	}
	return saved, err
}

// CreateValidationEvent asks the service to send a test-created event to the registered URL and gives the correlation id.
// The service admits two calls a minute.
func (c *Client) CreateValidationEvent(ctx context.Context) (correlationID string, err error) {
	request := call{operation: "create webhook validation event", method: http.MethodPost, url: c.webhookURL("/validationEvents")}
	var raw json.RawMessage
	if _, err := c.webhook(ctx, request, &raw); err != nil {
		return "", err
	}
	// The reference types the answer as a string, the samples show an object.
	var named struct {
		CorrelationID string `json:"correlationId"`
	}
	if json.Unmarshal(raw, &named) != nil && json.Unmarshal(raw, &named.CorrelationID) != nil || named.CorrelationID == "" {
		return "", &DecodeError{Operation: request.operation, Err: errors.New("no correlation id")}
	}
	return named.CorrelationID, nil
}

// ValidationEvent reads how a validation event fared. The service keeps it for seven days.
func (c *Client) ValidationEvent(ctx context.Context, correlationID string) (Validation, error) {
	var validation Validation
	if correlationID == "" {
		return validation, errors.New("partner center: correlation id is empty")
	}
	address := c.webhookURL("/validationEvents/" + url.PathEscape(correlationID))
	_, err := c.webhook(ctx, call{operation: "get webhook validation event", method: http.MethodGet, url: address}, &validation)
	return validation, err
}

func (c *Client) webhookURL(path string) string {
	return c.events.String() + "/webhooks/v1/registration" + path
}

// webhook sends a call and decodes its answer; read is false when the answer has no content.
func (c *Client) webhook(ctx context.Context, request call, into any) (read bool, err error) {
	response, err := c.do(ctx, &c.webhooks, request)
	if err != nil {
		return false, err
	}
	content := bytes.TrimSpace(response.Body)
	if len(content) == 0 || string(content) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		return false, &DecodeError{Operation: request.operation, Err: err, ambiguous: request.method != http.MethodGet}
	}
	return true, nil
}
