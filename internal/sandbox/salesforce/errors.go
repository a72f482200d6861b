package salesforce

import (
	"fmt"
	"net/http"
)

// apiError is one element of the array that every REST resource answers with when it refuses a request
// (REST API Developer Guide, "Status Codes and Error Responses").
type apiError struct {
	Status  int      `json:"-"`
	Message string   `json:"message"`
	Code    string   `json:"errorCode"`
	Fields  []string `json:"fields,omitempty"`
}

// Error makes an apiError usable as the error of a person's act.
func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func errorf(status int, code, format string, args ...any) *apiError {
	return &apiError{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func badRequest(code, format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, code, format, args...)
}

func (e *apiError) on(fields ...string) *apiError {
	e.Fields = fields
	return e
}

func errNotFound() *apiError {
	return errorf(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func errDeleted() *apiError {
	return errorf(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
}

func errInvalidSession() *apiError {
	return errorf(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
}

func errMethod(method string) *apiError {
	return errorf(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed", method)
}

func errJSON(format string, args ...any) *apiError {
	return badRequest("JSON_PARSER_ERROR", format, args...)
}

// errAccess is what a user without a setup permission gets from a data resource.
func errAccess() *apiError {
	return errorf(http.StatusForbidden, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
}

// recordError is the per-record form of an error in collection results.
type recordError struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

func (e *apiError) perRecord() recordError {
	fields := e.Fields
	if fields == nil {
		fields = []string{}
	}
	return recordError{StatusCode: e.Code, Message: e.Message, Fields: fields}
}
