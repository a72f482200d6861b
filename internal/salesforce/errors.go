package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Error is one entry of a refusal. Code is spelled as in the StatusCode and ExceptionCode enumerations.
type Error struct {
	Code    string
	Message string
	Fields  []string
	// Duplicates is the duplicateResult of a DUPLICATES_DETECTED error, as it came.
	Duplicates json.RawMessage
}

// UnmarshalJSON reads the two spellings of REST: errorCode for whole requests, statusCode for rows of a collection.
func (e *Error) UnmarshalJSON(data []byte) error {
	var wireForm struct {
		ErrorCode       string          `json:"errorCode"`
		StatusCode      string          `json:"statusCode"`
		Message         string          `json:"message"`
		Fields          []string        `json:"fields"`
		DuplicateResult json.RawMessage `json:"duplicateResult"`
		DuplicateResut  json.RawMessage `json:"duplicateResut"` // the spelling of older documentation
	}
	if err := json.Unmarshal(data, &wireForm); err != nil {
		return err
	}
	*e = Error{Code: wireForm.ErrorCode, Message: wireForm.Message, Fields: wireForm.Fields, Duplicates: wireForm.DuplicateResult}
	if e.Code == "" {
		e.Code = wireForm.StatusCode
	}
	if e.Duplicates == nil {
		e.Duplicates = wireForm.DuplicateResut
	}
	return nil
}

func (e Error) String() string {
	text := e.Code
	if e.Message != "" {
		text += ": " + e.Message
	}
	if len(e.Fields) > 0 {
		text += " (fields " + strings.Join(e.Fields, ", ") + ")"
	}
	return text
}

// APIError is a refusal of a REST, Tooling or SOAP request, or of one row or component in it. Status is 0 for a row of a
// collection and for a component.
type APIError struct {
	Operation       string
	Method          string
	Status          int
	Errors          []Error
	ClientRequestID string
	RetryAfter      time.Duration
	// Matches lists the records' resource paths when an external id is not unique (300).
	Matches []string

	settled bool // a read, or the result of one row or component: certainly not applied
}

func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString("salesforce: " + e.Operation + ":")
	if e.Status != 0 {
		fmt.Fprintf(&b, " status %d", e.Status)
	}
	for i, entry := range e.Errors {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(" " + entry.String())
	}
	return b.String()
}

// Has reports whether one of the entries has one of the codes.
func (e *APIError) Has(codes ...string) bool {
	return slices.ContainsFunc(e.Errors, func(entry Error) bool { return slices.Contains(codes, entry.Code) })
}

// Ambiguous reports whether a write may have been applied although it was answered with this error: a gateway's answer
// without an error code of Salesforce, or a code that says the service lost track of the request. A transaction that ends
// with any other code is rolled back.
func (e *APIError) Ambiguous() bool {
	if e.settled || e.Method == http.MethodGet {
		return false
	}
	if e.Has("UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE") {
		return e.Status != http.StatusServiceUnavailable
	}
	return len(e.Errors) == 0 && wire.AmbiguousStatus(e.Status)
}

// laterCodes pass by themselves (source: REST API Developer Guide, "Status codes and error responses").
var laterCodes = []string{
	"INVALID_SESSION_ID", "REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW", "OPERATION_CONFLICT", "SERVER_UNAVAILABLE",
	"REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "INVALID_QUERY_LOCATOR", "PROCESSING_HALTED",
	"ALL_OR_NONE_OPERATION_ROLLED_BACK", "CONCURRENT_UPDATE", "TXN_SECURITY_METERING_ERROR",
}

var goneCodes = []string{"NOT_FOUND", "ENTITY_IS_DELETED"}

// Class says what to do next. A single entry that needs a person decides, unless the whole request is over a limit.
func (e *APIError) Class() problem.Class {
	switch {
	case IsLocked(e) || e.Status == http.StatusPreconditionFailed || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout:
		return problem.Later
	case len(e.Errors) == 0 && e.Status >= 500 && e.Status != http.StatusNotImplemented:
		return problem.Later
	case len(e.Errors) > 0 && e.all(laterCodes):
		return problem.Later
	case e.Has(goneCodes...) || len(e.Errors) == 0 && (e.Status == http.StatusNotFound || e.Status == http.StatusGone):
		return problem.Gone
	default:
		return problem.NeedsPerson
	}
}

func (e *APIError) all(codes []string) bool {
	return !slices.ContainsFunc(e.Errors, func(entry Error) bool { return !slices.Contains(codes, entry.Code) })
}

func asAPIError(err error) (*APIError, bool) {
	var e *APIError
	return e, errors.As(err, &e)
}

// IsNotFound reports whether the record or component does not exist, was deleted, or is not visible to the user.
func IsNotFound(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Has(goneCodes...) || len(e.Errors) == 0 && e.Status == http.StatusNotFound || isMissingComponent(e))
}

// missingComponent is the answer of updateMetadata and deleteMetadata for a component that does not exist. The text has a
// prefix that names the field at fault, or none; another field's name speaks of a bad reference inside a component.
var missingComponent = regexp.MustCompile(`^(In field: fullName - )?no \w+ named .+ found\.?$`)

func isMissingComponent(e *APIError) bool {
	return slices.ContainsFunc(e.Errors, func(entry Error) bool {
		return entry.Code == "INVALID_CROSS_REFERENCE_KEY" && missingComponent.MatchString(strings.TrimSpace(entry.Message))
	})
}

// IsConflict reports whether the record changed since the time given as If-Unmodified-Since (412).
func IsConflict(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Status == http.StatusPreconditionFailed
}

// IsDuplicate reports whether a record with the same unique value, or a component of the same name, exists already, or a
// duplicate rule matched.
func IsDuplicate(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Has("DUPLICATE_VALUE", "DUPLICATES_DETECTED", "DUPLICATE_DEVELOPER_NAME")
}

// IsConvertedLead reports whether a change was refused because the lead was converted, after which nobody can change it.
func IsConvertedLead(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Has("CANNOT_UPDATE_CONVERTED_LEAD")
}

// IsThrottled reports whether the org's API allowance or its limit of concurrent requests is used up.
func IsThrottled(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Has("REQUEST_LIMIT_EXCEEDED") || e.Status == http.StatusTooManyRequests)
}

// IsLocked reports whether another transaction holds the row, or another change the org's metadata. A locked request was
// not applied and may be repeated after a while.
func IsLocked(err error) bool {
	e, ok := asAPIError(err)
	return ok && slices.ContainsFunc(e.Errors, func(entry Error) bool {
		return entry.Code == "UNABLE_TO_LOCK_ROW" || entry.Code == "OPERATION_CONFLICT" ||
			strings.Contains(strings.ToLower(entry.Message), "administration setup has already been locked")
	})
}

// IsUnknownField reports whether a field or object does not exist or is hidden from the user by field-level security.
func IsUnknownField(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Has("INVALID_FIELD", "INVALID_TYPE", "INVALID_FIELD_FOR_INSERT_UPDATE")
}

// IsDenied reports whether the user lacks a permission, or the session was refused even after it was renewed.
func IsDenied(err error) bool {
	e, ok := asAPIError(err)
	if !ok || IsThrottled(e) {
		return false
	}
	return e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized || e.Has("INSUFFICIENT_ACCESS",
		"INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "API_DISABLED_FOR_ORG")
}

// IsUnknownVersion reports whether the organisation does not have the API version that was asked for ("SOAP API fault codes").
func IsUnknownVersion(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Has("UNSUPPORTED_API_VERSION")
}

// IsAmbiguous reports whether a write may have been applied although no usable answer came.
func IsAmbiguous(err error) bool { return wire.IsAmbiguous(err) }

// RetryAfter gives the wait that the service asked for, 0 when it named none. Salesforce itself never does; gateways may.
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

func newAPIError(call call, response wire.Response) *APIError {
	e := &APIError{
		Operation: call.operation, Method: call.method, Status: response.Status,
		ClientRequestID: response.ClientRequestID, RetryAfter: response.RetryAfter, settled: call.read,
	}
	if response.Status == http.StatusMultipleChoices {
		_ = json.Unmarshal(response.Body, &e.Matches) // the list is a help for the reader; the status says enough
		return e
	}
	e.Errors = parseErrors(response.Body)
	return e
}

// parseErrors reads the documented array, a single object, and OAuth's form, which userinfo uses.
func parseErrors(body []byte) []Error {
	var list []Error
	if json.Unmarshal(body, &list) == nil {
		return list
	}
	var one Error
	if json.Unmarshal(body, &one) == nil && one.Code != "" {
		return []Error{one}
	}
	var oauth struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &oauth) == nil && oauth.Code != "" {
		return []Error{{Code: oauth.Code, Message: oauth.Description}}
	}
	return nil
}

// refusedForGood lists texts of 401 answers that a new session does not cure.
var refusedForGood = []string{"Connected app is not attached to Agent", "This session is not valid for use with the REST API"}

func restSessionExpired(response wire.Response) bool {
	if response.Status != http.StatusUnauthorized {
		return false
	}
	return !slices.ContainsFunc(refusedForGood, func(text string) bool { return strings.Contains(string(response.Body), text) })
}

// DecodeError is an answer that is not of the documented shape.
type DecodeError struct {
	Operation string
	Err       error

	ambiguous bool
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("salesforce: %s: answer is not readable: %v", e.Operation, e.Err)
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
