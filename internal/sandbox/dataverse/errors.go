package dataverse

import (
	"fmt"
	"net/http"
)

// Codes of errors (web-service-error-codes, and the reference's table of codes and statuses).
const (
	codeNotFound         = "0x80040217"
	codeNoKeyMatch       = "0x80060891"
	codeKeyUndefined     = "0x80060890"
	codeKeyTaken         = "0x80060892"
	codeKeyName          = "0x80060893"
	codeDuplicate        = "0x80040237"
	codeDuplicateFound   = "0x80040333"
	codeArgument         = "0x80040203"
	codePrivilege        = "0x80040220"
	codeUnexpected       = "0x80040216"
	codeOperation        = "0x8004023B"
	codeTooLong          = "0x80044331"
	codeOption           = "0x8004431A"
	codeStatePair        = "0x80048408"
	codeStateMessage     = "0x80100005"
	codeClosed           = "0x80040515"
	codeNotClosable      = "0x80040516"
	codeAlreadyOpen      = "0x8004051A"
	codeLeadClosed       = "0x80040519"
	codeNotQualifiable   = "0x80081018"
	codeCurrencyFixed    = "0x80048479"
	codeVersion          = "0x80060882"
	codeResource         = "0x80060888"
	codePayload          = "0x80048d19"
	codeNoEntity         = "0x80041102"
	codeNoAttribute      = "0x80041103"
	codeAttributeExists  = "0x80047013"
	codeSchemaName       = "0x8004700B"
	codeSchemaNameTaken  = "0x80044363"
	codeOptionSetName    = "0x80044345"
	codeCannotDelete     = "0x8004F032"
	codeExpiredToken     = "0x80044352"
	codeNoTracking       = "0x80072491"
	codeNotMember        = "0x80072560"
	codeThrottledCount   = "0x80072322"
	codeThrottledTime    = "0x80072321"
	codeThrottledAtOnce  = "0x80072326"
	codeFlowActive       = "0x80060466"
	codeFlowClient       = "0x80060467"
	codeFlowData         = "0x80060468"
	codeFlowInactive     = "0x80060469"
	codeSolutionImport   = "0x80071151"
	codeOutOfRange       = "0x80040203"
	codeUnauthenticated  = "0x80048306" // of a token that is missing or not valid
	codeServiceUnwell    = "0x80040216"
	codeMethodNotAllowed = "0x80060888"
)

// apiError is what the Web API answers with when it refuses a request.
type apiError struct {
	Status  int
	Code    string
	Message string
	header  map[string]string
}

// Error makes an apiError usable as the error of a person's act.
func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func errorf(status int, code, format string, args ...any) *apiError {
	return &apiError{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func badRequest(code, format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, code, format, args...)
}

func errResource(segment string) *apiError {
	return errorf(http.StatusNotFound, codeResource, "Resource not found for the segment '%s'.", segment)
}

func errMethod(method string) *apiError {
	return errorf(http.StatusMethodNotAllowed, codeMethodNotAllowed, "The requested resource does not support http method '%s'.", method)
}

func errMissing(entity, id string) *apiError {
	return errorf(http.StatusNotFound, codeNotFound, "%s With Id = %s Does Not Exist", entity, id)
}

func errProperty(name, entity string) *apiError {
	return badRequest(codeResource, "Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, entity)
}

func errUndeclared(name, entity string) *apiError {
	return badRequest(codePayload, "Error identified in Payload provided by the user for Entity :'%s', For more information on this error please "+
		"follow this help link: InnerException : Microsoft.OData.ODataException: An undeclared property '%s' which only has property "+
		"annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and "+
		"declared named streams can be represented as properties without values.", entity, name)
}

func errPayload(entity, format string, args ...any) *apiError {
	return badRequest(codePayload, "Error identified in Payload provided by the user for Entity :'%s': %s", entity, fmt.Sprintf(format, args...))
}

// body is the error in the form of answers. With annotations asked for, it carries the details that help a person.
func (e *apiError) body(annotated bool) map[string]any {
	inner := map[string]any{"code": e.Code, "message": e.Message}
	if annotated {
		inner["@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus"] = "0"
		inner["@Microsoft.PowerApps.CDS.HelpLink"] = "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a" + e.Code
		inner["@Microsoft.PowerApps.CDS.TraceText"] = ""
		inner["@Microsoft.PowerApps.CDS.InnerError.Message"] = e.Message
	}
	return map[string]any{"error": inner}
}
