package salesforce

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// maxComponents is the most components that one metadata call may carry.
const maxComponents = 10

// soapFault is a refusal of a whole call. SOAP answers it with HTTP 500.
type soapFault struct {
	code string // soapenv:Client or sf:<exception code>
	text string
}

func clientFault(format string, args ...any) *soapFault {
	return &soapFault{"soapenv:Client", fmt.Sprintf(format, args...)}
}

func exceptionFault(code, format string, args ...any) *soapFault {
	return &soapFault{"sf:" + code, code + ": " + fmt.Sprintf(format, args...)}
}

func sessionOrLimitFault(err *apiError) *soapFault {
	if err.Code == "INVALID_SESSION_ID" {
		return exceptionFault(err.Code, "Invalid Session ID found in SessionHeader: Illegal Session")
	}
	return exceptionFault(err.Code, "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
}

// metadataError is one entry of the errors of a SaveResult.
type metadataError struct {
	code, message string
	fields        []string
}

func refuse(code, format string, args ...any) *metadataError {
	return &metadataError{code: code, message: fmt.Sprintf(format, args...)}
}

func integrity(format string, args ...any) *metadataError {
	return refuse("FIELD_INTEGRITY_EXCEPTION", format, args...)
}

// metadataCall is one SOAP request.
type metadataCall struct {
	o         *Org
	r         *http.Request
	who       *principal
	tx        *tx
	allOrNone bool
	operation *node
	touched   []lab.Operation
}

func (o *Org) serveMetadata(w http.ResponseWriter, r *http.Request, version string) {
	c := &metadataCall{o: o, r: r}
	body, fault := o.answerMetadata(c, version)
	status := http.StatusOK
	if fault != nil {
		status = http.StatusInternalServerError
		writeFault(w, fault)
	} else {
		writeEnvelope(w, http.StatusOK, body)
	}
	c.log(status)
}

func (c *metadataCall) log(status int) {
	actor, name := "", ""
	if c.who != nil {
		actor = c.who.actor
	}
	if c.operation != nil {
		name = c.operation.name
	}
	if len(c.touched) == 0 {
		action := "request"
		if strings.HasPrefix(name, "read") || strings.HasPrefix(name, "list") || strings.HasPrefix(name, "describe") {
			action = "read"
		}
		c.touched = []lab.Operation{{Action: action, Object: name}}
	}
	for _, op := range c.touched {
		op.Service, op.Actor, op.Method, op.Path = c.o.opts.Service, actor, c.r.Method, c.r.URL.Path
		op.Fault, op.RequestID = faultOf(c.r), c.r.Header.Get("X-Request-Id")
		if op.Status == 0 {
			op.Status = status
		}
		c.o.kit.Log.Append(op)
	}
}

func (o *Org) answerMetadata(c *metadataCall, version string) (string, *soapFault) {
	if c.r.Method != http.MethodPost {
		return "", clientFault("the Metadata API takes POST only, not %s", c.r.Method)
	}
	if !knownVersion(version) {
		return "", exceptionFault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL: %s", version)
	}
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "text/xml") {
		return "", clientFault("the content type must be text/xml")
	}
	envelope, err := parseXML(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if err != nil {
		return "", clientFault("the request is not well-formed XML: %v", err)
	}
	token, fault := c.readEnvelope(envelope)
	if fault != nil {
		return "", fault
	}
	o.mu.Lock()
	if strings.HasPrefix(token, o.opts.OrgID[:15]+"!") { // tokens in JWT form open REST only
		c.who = o.authenticate(token)
	}
	within := c.who != nil && o.countRequest()
	o.mu.Unlock()
	switch {
	case c.who == nil:
		return "", sessionOrLimitFault(errInvalidSession())
	case !within:
		return "", sessionOrLimitFault(errRequestLimit())
	case !c.who.admin:
		return "", exceptionFault("INSUFFICIENT_ACCESS", "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions")
	}
	return o.executeMetadata(c)
}

func (c *metadataCall) readEnvelope(envelope *node) (token string, fault *soapFault) {
	if envelope.name != "Envelope" || envelope.space != nsEnvelope {
		return "", clientFault("the request is not a SOAP 1.1 envelope")
	}
	for _, part := range envelope.children {
		switch part.name {
		case "Header":
			for _, h := range part.children {
				switch h.name {
				case "SessionHeader":
					token = h.value("sessionId")
				case "AllOrNoneHeader":
					c.allOrNone = h.value("allOrNone") == "true" || h.value("allOrNone") == "1"
				case "CallOptions":
				default:
					return "", clientFault("the header %s is not known", h.name)
				}
			}
		case "Body":
			if len(part.children) == 1 {
				c.operation = part.children[0]
			}
		}
	}
	if c.operation == nil || c.operation.space != nsMetadata {
		return "", clientFault("the body must hold one element of the namespace %s", nsMetadata)
	}
	return token, nil
}

// executeMetadata mirrors execute: a call that writes is tried, taken back, held by the trap if it is set, then applied.
func (o *Org) executeMetadata(c *metadataCall) (string, *soapFault) {
	if c.r.Context().Value(rowLockKey{}) != nil && slices.Contains([]string{"createMetadata", "updateMetadata", "upsertMetadata", "deleteMetadata"}, c.operation.name) {
		return "", exceptionFault(o.kit.Switches.Get(switchMetadataLock),
			"The changes you requested require Salesforce to lock the administration setup, which has already been locked by another change.")
	}
	body, fault, wrote := o.attemptMetadata(c)
	if !wrote {
		return body, fault
	}
	c.tx.rollbackTo(0)
	c.touched = nil
	o.mu.Unlock()
	if err := o.kit.Trap.Before(c.r); err != nil {
		return "", exceptionFault("SERVER_UNAVAILABLE", "%v", err)
	}
	if body, fault, wrote = o.attemptMetadata(c); !wrote {
		return body, fault
	}
	o.mu.Unlock()
	_ = o.kit.Trap.After(c.r) // when the caller is gone, nobody reads the answer
	return body, fault
}

// attemptMetadata works on a copy of the request. When something was written it returns with the lock still held.
func (o *Org) attemptMetadata(c *metadataCall) (body string, fault *soapFault, wrote bool) {
	o.mu.Lock()
	c.tx = &tx{o: o}
	op := c.operation.clone()
	switch op.name {
	case "createMetadata", "updateMetadata", "upsertMetadata":
		body, fault = c.saveComponents(op)
	case "deleteMetadata":
		body, fault = c.deleteComponents(op)
	case "readMetadata":
		body, fault = c.readComponents(op)
	case "listMetadata":
		body, fault = c.listComponents(op)
	case "describeMetadata":
		body, fault = describeKinds(), nil
	case "renameMetadata":
		fault = exceptionFault("UNSUPPORTED_OPERATION", "renameMetadata is not supported by this org")
	default:
		fault = clientFault("No operation available for request {%s}%s", op.space, op.name)
	}
	if wrote = slices.ContainsFunc(c.touched, lab.Operation.IsWrite) && len(c.tx.undo) > 0; !wrote {
		o.mu.Unlock()
	}
	return body, fault, wrote
}

func tooManyComponents(n int) *soapFault {
	if n <= maxComponents {
		return nil
	}
	return exceptionFault("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records in this operation", maxComponents)
}

// saveResult is the outcome for one component.
type saveResult struct {
	fullName string
	created  *bool
	err      *metadataError
}

func (c *metadataCall) saveComponents(op *node) (string, *soapFault) {
	if fault := tooManyComponents(len(op.children)); fault != nil {
		return "", fault
	}
	for _, n := range op.children {
		if n.name != "metadata" {
			return "", clientFault("Element {%s}%s invalid at this location in type %s", n.space, n.name, op.name)
		}
		if kindOf(n.typeName) == nil {
			return "", clientFault("the type %q is not known as metadata", n.typeName)
		}
		if fault := c.o.checkSchema(n, n.typeName); fault != nil {
			return "", fault
		}
	}
	results := make([]saveResult, len(op.children))
	for i, n := range op.children {
		results[i] = c.saveComponent(op.name, kindOf(n.typeName), n)
	}
	return c.finish(op.name, results), nil
}

func (c *metadataCall) saveComponent(operation string, kind *metadataKind, n *node) saveResult {
	name := kind.storedName(c.o, n.value("fullName"))
	exists := name != "" && kind.find(c.o, name) != nil
	result := saveResult{fullName: n.value("fullName")}
	mark, action := c.tx.mark(), "update"
	switch {
	case name == "":
		result.err = refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [fullName]")
	case operation == "createMetadata", operation == "upsertMetadata" && !exists:
		action = "create"
		result.err = kind.create(c, name, n)
	case !exists:
		result.err = refuse("INVALID_CROSS_REFERENCE_KEY", "In field: fullName - no %s named %s found", kind.name, name)
	default:
		result.err = kind.update(c, name, n)
	}
	if operation == "upsertMetadata" {
		created := action == "create" && result.err == nil
		result.created = &created
	}
	c.settle(mark, action, kind.name, name, elementNames(n), result.err)
	return result
}

func elementNames(n *node) []string {
	var names []string
	for _, child := range n.children {
		if child.name != "fullName" && !slices.Contains(names, child.name) {
			names = append(names, child.name)
		}
	}
	return names
}

func (c *metadataCall) settle(mark int, action, kind, name string, fields []string, err *metadataError) {
	op := lab.Operation{Action: action, Object: kind, ID: name, Fields: fields}
	if err != nil {
		c.tx.rollbackTo(mark)
		op.Status = http.StatusBadRequest
	}
	c.touched = append(c.touched, op)
}

func (c *metadataCall) deleteComponents(op *node) (string, *soapFault) {
	kind := kindOf(op.value("type"))
	if kind == nil {
		return "", exceptionFault("INVALID_TYPE", "Unknown type:%s", op.value("type"))
	}
	names := op.all("fullNames")
	if fault := tooManyComponents(len(names)); fault != nil {
		return "", fault
	}
	if len(names)+1 != len(op.children) {
		return "", clientFault("deleteMetadata takes one type and fullNames")
	}
	results := make([]saveResult, len(names))
	for i, n := range names {
		name := kind.storedName(c.o, n.text)
		results[i].fullName = n.text
		mark := c.tx.mark()
		switch {
		case kind.find(c.o, name) == nil:
			results[i].err = refuse("INVALID_CROSS_REFERENCE_KEY", "no %s named %s found", kind.name, n.text)
		case kind.remove == nil:
			results[i].err = refuse("DELETE_FAILED", "%s cannot be deleted", kind.name)
		default:
			results[i].err = kind.remove(c, name)
		}
		c.settle(mark, "delete", kind.name, name, nil, results[i].err)
	}
	return c.finish(op.name, results), nil
}

// finish takes an all-or-none call back when one component was refused, and renders the results.
func (c *metadataCall) finish(operation string, results []saveResult) string {
	if c.allOrNone && slices.ContainsFunc(results, func(r saveResult) bool { return r.err != nil }) {
		c.tx.rollbackTo(0)
		for i := range results {
			if results[i].err == nil {
				results[i].err = refuse("ALL_OR_NONE_OPERATION_ROLLED_BACK",
					"Record rolled back because not all records were valid and the request was using AllOrNone header")
				c.touched[i].Status = http.StatusBadRequest
			}
		}
	}
	out := branch(operation + "Response")
	for _, r := range results {
		item := branch("result")
		if r.created != nil {
			item.children = append(item.children, leaf("created", fmt.Sprint(*r.created)))
		}
		if r.err != nil {
			failure := branch("errors")
			for _, f := range r.err.fields {
				failure.children = append(failure.children, leaf("fields", f))
			}
			failure.children = append(failure.children, leaf("message", r.err.message), leaf("statusCode", r.err.code))
			item.children = append(item.children, failure)
		}
		item.children = append(item.children, leaf("fullName", r.fullName), leaf("success", fmt.Sprint(r.err == nil)))
		out.children = append(out.children, item)
	}
	return out.render()
}

func (c *metadataCall) readComponents(op *node) (string, *soapFault) {
	kind := kindOf(op.value("type"))
	if kind == nil {
		return "", exceptionFault("INVALID_TYPE", "Unknown type:%s", op.value("type"))
	}
	names := op.all("fullNames")
	if fault := tooManyComponents(len(names)); fault != nil {
		return "", fault
	}
	if len(names)+1 != len(op.children) {
		return "", clientFault("readMetadata takes one type and fullNames")
	}
	result := branch("result")
	for _, n := range names {
		c.touched = append(c.touched, lab.Operation{Action: "read", Object: kind.name, ID: n.text})
		record := &node{name: "records", isNil: true}
		if found := kind.read(c, kind.storedName(c.o, n.text)); found != nil {
			record = found.clone()
			record.name, record.typeName = "records", kind.name
		}
		result.children = append(result.children, record)
	}
	return branch("readMetadataResponse", result).render(), nil
}

func (c *metadataCall) listComponents(op *node) (string, *soapFault) {
	out := branch("listMetadataResponse")
	const maxQueries = 3
	if n := len(op.all("queries")); n == 0 || n > maxQueries {
		return "", exceptionFault("INVALID_INPUT", "listMetadata takes 1 to %d queries", maxQueries)
	}
	for _, q := range op.all("queries") {
		kind := kindOf(q.value("type"))
		if kind == nil {
			return "", exceptionFault("INVALID_TYPE", "Unknown type:%s", q.value("type"))
		}
		for _, name := range kind.names(c.o) {
			comp := kind.find(c.o, name)
			out.children = append(out.children, branch("result",
				leaf("createdById", comp.createdBy), leaf("createdByName", c.userName(comp.createdBy)), leaf("createdDate", comp.createdAt.Format(xmlDateTime)),
				leaf("fileName", kind.directory+"/"+kind.fileName(name)), leaf("fullName", kind.shownName(c.o, name)), leaf("id", comp.id),
				leaf("lastModifiedById", comp.modifiedBy), leaf("lastModifiedByName", c.userName(comp.modifiedBy)),
				leaf("lastModifiedDate", comp.modifiedAt.Format(xmlDateTime)), leaf("manageableState", "unmanaged"), leaf("type", kind.name)))
		}
	}
	return out.render(), nil
}

const xmlDateTime = "2006-01-02T15:04:05.000Z"

func (c *metadataCall) userName(id string) string {
	if user := c.o.find(c.o.data.object("User"), id); user != nil {
		return user.str("Name")
	}
	return ""
}

func describeKinds() string {
	result := branch("result")
	for _, kind := range metadataKinds {
		if kind.name == "CustomField" {
			continue // a child of CustomObject
		}
		item := branch("metadataObjects")
		if kind.name == "CustomObject" {
			item.children = append(item.children, leaf("childXmlNames", "CustomField"))
		}
		item.children = append(item.children, leaf("directoryName", kind.directory), leaf("inFolder", "false"), leaf("metaFile", "false"),
			leaf("suffix", kind.suffix), leaf("xmlName", kind.xmlName()))
		result.children = append(result.children, item)
	}
	result.children = append(result.children, leaf("organizationNamespace", ""), leaf("partialSaveAllowed", "true"), leaf("testRequired", "false"))
	return branch("describeMetadataResponse", result).render()
}

func (n *node) render() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func writeEnvelope(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="%s" xmlns="%s" xmlns:xsi="%s"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>`,
		nsEnvelope, nsMetadata, nsInstance, body)
}

func writeFault(w http.ResponseWriter, fault *soapFault) {
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(fault.text))
	detail := ""
	if code, isException := strings.CutPrefix(fault.code, "sf:"); isException {
		detail = fmt.Sprintf("<detail><sf:UnexpectedErrorFault xsi:type=\"sf:UnexpectedErrorFault\"><sf:exceptionCode>%s</sf:exceptionCode><sf:exceptionMessage>%s</sf:exceptionMessage></sf:UnexpectedErrorFault></detail>",
			code, strings.TrimPrefix(text.String(), code+": "))
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="%s" xmlns:sf="%s" xmlns:xsi="%s"><soapenv:Body><soapenv:Fault><faultcode>%s</faultcode><faultstring>%s</faultstring>%s</soapenv:Fault></soapenv:Body></soapenv:Envelope>`,
		nsEnvelope, nsMetadata, nsInstance, fault.code, text.String(), detail)
}
