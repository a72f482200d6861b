package partnercenter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// APIError is a refusal (source: "Referrals API response codes"). Code and Message are the service's own words and are
// opaque: no catalogue of them is published. Branch on the predicates.
type APIError struct {
	Operation       string // what we did, e.g. "patch referral"
	Method          string
	Status          int
	Code            string
	Message         string
	Target          string // the property or object at fault, when given
	InnerCode       string // the innermost code, which is the most specific
	RequestID       string // the service's id of the call, for support
	ClientRequestID string
	RetryAfter      time.Duration // 0 when none was given
}

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "partner center: %s: status %d", e.Operation, e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.InnerCode != "" {
		b.WriteString("/" + e.InnerCode)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Target != "" {
		b.WriteString(" (target " + e.Target + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

// Ambiguous reports whether a write may have been applied although it was answered with this error.
func (e *APIError) Ambiguous() bool {
	return e.Method != http.MethodGet && wire.AmbiguousStatus(e.Status)
}

// staleETag is the webhooks host's code for an ETag that is no longer valid; it comes with status 400.
const staleETag = "2055"

// Class says what to do next.
func (e *APIError) Class() problem.Class {
	switch e.Status {
	case http.StatusNotFound, http.StatusGone:
		return problem.Gone
	case http.StatusUnauthorized: // the credentials' fault, not the deal's
		return problem.Later
	case http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusLocked, http.StatusTooManyRequests, 509:
		return problem.Later
	case http.StatusConflict:
		if e.Code == "resourceModified" || e.Code == "preconditionFailed" {
			return problem.Later
		}
	case http.StatusBadRequest:
		if e.Code == staleETag {
			return problem.Later
		}
	}
	if e.Status >= 500 && e.Status != http.StatusNotImplemented {
		return problem.Later
	}
	return problem.NeedsPerson
}

func asAPIError(err error) (*APIError, bool) {
	var e *APIError
	return e, errors.As(err, &e)
}

// IsNotFound reports whether the object does not exist or is not visible to this user.
func IsNotFound(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// IsConflict reports whether somebody changed the object first: an If-Match that no longer holds (412, or 400/2055 on the
// webhooks host), or a registration that exists already (409).
func IsConflict(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusPreconditionFailed || e.Status == http.StatusConflict ||
		e.Status == http.StatusBadRequest && e.Code == staleETag)
}

// IsDenied reports whether the credentials or the user's role do not allow the call.
func IsDenied(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// NamesProperty reports whether the service refused a request (400 or 422) because of a property of the referral, which it
// names as the error's target or in the message ("Referrals API response codes").
func NamesProperty(err error, property string) bool {
	e, ok := asAPIError(err)
	if !ok || e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity {
		return false
	}
	last := property[strings.LastIndexByte(property, '.')+1:]
	return strings.EqualFold(e.Target, property) || strings.EqualFold(e.Target, last) || strings.Contains(e.Message, last)
}

// IsAmbiguous reports whether a write may have been applied although no usable answer came.
func IsAmbiguous(err error) bool { return wire.IsAmbiguous(err) }

// RetryAfter gives the wait that the service asked for, 0 when it named none.
func RetryAfter(err error) time.Duration {
	if e, ok := asAPIError(err); ok {
		return e.RetryAfter
	}
	var refused *wire.TokenError
	if errors.As(err, &refused) {
		return refused.RetryAfter
	}
	return 0
}

// errorBody covers the envelope of the referrals API and the two flat forms of the webhooks host. Property names are
// matched without regard to case, so innererror is read too.
type errorBody struct {
	Code       Text
	StatusCode Text
	Message    Text
	// Description is what api.partnercenter.microsoft.com calls the message.
	Description Text
	Target      Text
	InnerError  *errorBody
	Error       json.RawMessage
}

func newAPIError(call call, response wire.Response) *APIError {
	e := &APIError{
		Operation:       call.operation,
		Method:          call.method,
		Status:          response.Status,
		RequestID:       response.RequestID(),
		ClientRequestID: response.ClientRequestID,
		RetryAfter:      response.RetryAfter,
	}
	var body errorBody
	if json.Unmarshal(response.Body, &body) != nil {
		e.Message = http.StatusText(response.Status)
		return e
	}
	var inner errorBody
	if json.Unmarshal(body.Error, &inner) == nil && (inner.Code != "" || inner.Message != "") {
		body = inner
	}
	e.Code = string(body.Code)
	e.Message = limitRunes(string(firstText(body.Message, body.Description, Text(http.StatusText(response.Status)))), 1024)
	e.Target = string(body.Target)
	for deeper := body.InnerError; deeper != nil; deeper = deeper.InnerError {
		if deeper.Code != "" {
			e.InnerCode = string(deeper.Code)
		}
	}
	return e
}

func firstText(texts ...Text) Text {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// limitRunes cuts at a rune boundary; the documented limit of error.message is 1024 characters.
func limitRunes(s string, limit int) string {
	s = strings.ToValidUTF8(s, "�")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit])
}

// DecodeError is an answer that is not of the documented shape.
type DecodeError struct {
	Operation string
	ID        string // of the referral, when it could be read
	Err       error

	ambiguous bool
}

func (e *DecodeError) Error() string {
	if e.ID == "" {
		return fmt.Sprintf("partner center: %s: answer is not readable: %v", e.Operation, e.Err)
	}
	return fmt.Sprintf("partner center: %s: referral %s is not readable: %v", e.Operation, e.ID, e.Err)
}

// Unwrap gives the error underneath.
func (e *DecodeError) Unwrap() error { return e.Err }

// Ambiguous reports whether the answer belonged to a write, which then was accepted with an unknown result.
func (e *DecodeError) Ambiguous() bool { return e.ambiguous }

// Class is Later for a write, which is read back first, and NeedsPerson for a read, which will not become readable.
func (e *DecodeError) Class() problem.Class {
	if e.ambiguous {
		return problem.Later
	}
	return problem.NeedsPerson
}
