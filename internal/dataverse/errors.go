package dataverse

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Codes of the service's errors that callers decide by ("Web service error codes").
const (
	codeNotFound          = "0x80040217"
	codeNotFoundByKey     = "0x80060891"
	codeDuplicate         = "0x80040237"
	codeDuplicateDetected = "0x80040333"
	codeDuplicateKeyValue = "0x80060892"
	codeVersionMismatch   = "0x80060882"
	codePrivilege         = "0x80040220"
	codeNotMember         = "0x80072560"
	codeRequests          = "0x80072322"
	codeExecutionTime     = "0x80072321"
	codeConcurrency       = "0x80072326"
	codeUnexpected        = "0x80040216"
	codeExpiredVersion    = "0x80044352"
	codeNoTracking        = "0x80072491"
	codeOpportunityClosed = "0x80040515"
	codeCannotClose       = "0x80040516"
	codeOpportunityOpen   = "0x8004051a"
	codeLeadClosed        = "0x80040519"
	codeCannotQualify     = "0x80081018"
	codeDedicatedMessage  = "0x80100005"
	codeImportRunning     = "0x80071151"
	codeFlowService       = "0x80060467"
)

// APIError is a refusal. Code is the innermost code that the service gave: that of the flow service where it is quoted within
// Dataverse's own error.
type APIError struct {
	Operation       string
	Method          string
	Status          int
	Code            string // Dataverse's, e.g. 0x80040217
	Message         string
	Inner           []InnerError // what the flow service said
	RequestID       string       // the service's id of the call, for support
	ClientRequestID string
	RetryAfter      time.Duration

	settled bool // a read, or the result of a part of a batch: certainly not applied
}

// InnerError is an entry of the flow service's answer, for example ChildFlowNeverPublished.
type InnerError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dataverse: %s: status %d", e.Operation, e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if len(e.Inner) == 0 && e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for i, inner := range e.Inner {
		if i == 0 {
			b.WriteString(":")
		} else {
			b.WriteString(";")
		}
		b.WriteString(" " + inner.Code + ": " + inner.Message)
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

func (e *APIError) has(codes ...string) bool {
	return slices.Contains(codes, strings.ToLower(e.Code))
}

// Ambiguous reports whether a write may have been applied although it was answered with this error. A transaction that ends with
// a code of Dataverse's own is rolled back, except for the one that says that something unexpected happened.
func (e *APIError) Ambiguous() bool {
	if e.settled || e.Method == http.MethodGet {
		return false
	}
	return wire.AmbiguousStatus(e.Status) && (e.Code == "" || e.has(codeUnexpected))
}

// Class says what to do next.
func (e *APIError) Class() problem.Class {
	switch {
	case e.has(codeRequests, codeExecutionTime, codeConcurrency, codeVersionMismatch, codeImportRunning, codeNotMember):
		return problem.Later
	case e.has(codeNotFound, codeNotFoundByKey), e.Code == "" && e.Status == http.StatusNotFound, e.Status == http.StatusGone:
		return problem.Gone
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return problem.Later
	case http.StatusPreconditionFailed:
		if e.Code == "" {
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

func hasCode(err error, codes ...string) bool {
	e, ok := asAPIError(err)
	return ok && e.has(codes...)
}

// IsNotFound reports whether the row, table or column does not exist or is not visible to the user.
func IsNotFound(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone || e.has(codeNotFound, codeNotFoundByKey))
}

// IsConflict reports whether the row changed since the version given as If-Match.
func IsConflict(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.has(codeVersionMismatch) || e.Status == http.StatusPreconditionFailed && e.Code == "")
}

// IsDuplicate reports whether a row with the same key exists already, or duplicate detection found one.
func IsDuplicate(err error) bool {
	return hasCode(err, codeDuplicate, codeDuplicateDetected, codeDuplicateKeyValue)
}

// IsThrottled reports whether the service protection limits are reached ("Service protection API limits").
func IsThrottled(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusTooManyRequests || e.has(codeRequests, codeExecutionTime, codeConcurrency))
}

// IsDenied reports whether the application user lacks a privilege or is no member of the organisation.
func IsDenied(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized || e.has(codePrivilege, codeNotMember))
}

// IsExpiredToken reports whether a delta token is too old: everything must be read anew.
func IsExpiredToken(err error) bool { return hasCode(err, codeExpiredVersion) }

// IsNotTracked reports whether the table has no change tracking.
func IsNotTracked(err error) bool { return hasCode(err, codeNoTracking) }

// IsClosed reports whether a change was refused because the opportunity or the lead is closed, or because it is in that state
// already.
func IsClosed(err error) bool {
	return hasCode(err, codeOpportunityClosed, codeCannotClose, codeOpportunityOpen, codeLeadClosed, codeCannotQualify)
}

// IsStateRefused reports whether a state was written that only an action of its own can set.
func IsStateRefused(err error) bool { return hasCode(err, codeDedicatedMessage) }

// HasInner reports whether the flow service refused with a code, e.g. ChildFlowNeverPublished.
func HasInner(err error, code string) bool {
	e, ok := asAPIError(err)
	return ok && slices.ContainsFunc(e.Inner, func(inner InnerError) bool { return inner.Code == code })
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

func newAPIError(call call, response wire.Response) *APIError {
	e := &APIError{
		Operation: call.operation, Method: call.method, Status: response.Status, RequestID: response.RequestID(),
		ClientRequestID: response.ClientRequestID, RetryAfter: response.RetryAfter, settled: call.isRead(),
	}
	e.read(response.Body)
	return e
}

// longestMessage bounds what is kept of a message: some quote whole stack traces.
const longestMessage = 2000

func (e *APIError) read(body []byte) {
	var envelope struct {
		Error InnerError `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.Error == (InnerError{}) {
		e.Message = http.StatusText(e.Status)
		return
	}
	e.Code, e.Message = envelope.Error.Code, strings.ToValidUTF8(envelope.Error.Message, "�")
	if letters := []rune(e.Message); len(letters) > longestMessage {
		e.Message = string(letters[:longestMessage])
	}
	if e.has(codeFlowService) {
		e.Inner = innerErrors(envelope.Error.Message)
	}
}

// innerErrors finds the flow service's answer within the message: an object of JSON after the word details.
func innerErrors(message string) []InnerError {
	start := strings.Index(message, "{")
	if start < 0 {
		return nil
	}
	var answer struct {
		Error struct {
			InnerError
			Details []InnerError `json:"details"`
		} `json:"error"`
	}
	// The object is followed by a quotation mark and more text.
	if json.NewDecoder(strings.NewReader(message[start:])).Decode(&answer) != nil || answer.Error.Code == "" {
		return nil
	}
	if len(answer.Error.Details) > 0 {
		return answer.Error.Details
	}
	return []InnerError{answer.Error.InnerError}
}

// DecodeError is an answer that is not of the documented shape.
type DecodeError struct {
	Operation string
	Err       error

	ambiguous bool
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("dataverse: %s: answer is not readable: %v", e.Operation, e.Err)
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
