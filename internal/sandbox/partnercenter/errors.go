package partnercenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// refusal is an error answer. Which body it gets depends on the host that renders it.
type refusal struct {
	status     int
	code       string // of the referrals API's envelope
	numeric    int    // of api.partnercenter.microsoft.com, where a number is documented
	target     string
	inner      string // code of innerError, if any
	message    string
	retryAfter int // seconds, 0 for none
}

func (e *refusal) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func invalid(target, format string, args ...any) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "invalidRequest", target: target,
		inner: "validationFailed", message: fmt.Sprintf(format, args...),
	}
}

func notFound(what, id string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "itemNotFound", target: what, message: what + " " + id + " was not found."}
}

func preconditionFailed(message string) *refusal {
	return &refusal{
		status: http.StatusPreconditionFailed, code: "preconditionFailed", numeric: 2055, target: "referral",
		inner: "resourceModified", message: message,
	}
}

func methodNotAllowed(r *http.Request) *refusal {
	return &refusal{status: http.StatusMethodNotAllowed, code: "invalidRequest", message: "The method " + r.Method + " is not allowed here."}
}

type innerError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type errorBody struct {
	Code       string      `json:"code"`
	Message    string      `json:"message"`
	Target     string      `json:"target,omitempty"`
	InnerError *innerError `json:"innerError,omitempty"`
}

// writeEnvelope renders the error envelope of the referrals API (page "error-codes").
func (e *refusal) writeEnvelope(w http.ResponseWriter) {
	body := errorBody{Code: e.code, Message: e.message, Target: e.target}
	if e.inner != "" {
		body.InnerError = &innerError{Code: e.inner, Message: e.message}
	}
	e.setRetryAfter(w)
	writeJSON(w, e.status, map[string]errorBody{"error": body})
}

// writeNumeric renders the flat body of api.partnercenter.microsoft.com, and its gateway's body for 429.
func (e *refusal) writeNumeric(w http.ResponseWriter) {
	e.setRetryAfter(w)
	if e.status == http.StatusTooManyRequests {
		writeJSON(w, e.status, map[string]any{"statusCode": e.status, "message": e.message})
		return
	}
	code := e.numeric
	if code == 0 {
		code = e.status
	}
	writeJSON(w, e.status, map[string]any{
		"code": code, "description": e.message, "data": []string{}, "source": "PartnerApiServiceCore",
	})
}

func (e *refusal) setRetryAfter(w http.ResponseWriter) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
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
