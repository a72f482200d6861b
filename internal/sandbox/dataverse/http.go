package dataverse

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// maxBody is the largest request body that is read.
const maxBody = 128 << 20

// call is one request of the Web API, or one part of a batch.
type call struct {
	e       *Environment
	r       *http.Request // the request on the wire
	method  string
	rawPath string
	path    []segment // below the version
	query   url.Values
	header  http.Header
	body    []byte
	who     *principal
	tx      *tx
	touched []lab.Operation
	ids     map[string]string // what Content-IDs of the change set stand for: URLs
}

// response is what a resource answers with. A nil body is an empty answer.
type response struct {
	status int
	header map[string]string
	body   any
}

func ok(body any) response { return response{status: http.StatusOK, body: body} }

func noContent() response { return response{status: http.StatusNoContent} }

func (c *call) failed(err *apiError) response {
	return response{status: err.Status, header: err.header, body: err.body(c.prefer().annotations != "")}
}

// cached is the answer of an earlier read.
type cached struct {
	at time.Time
	response
}

// Handler serves the environment's Web API.
func (e *Environment) Handler() http.Handler {
	return e.kit.Faults.Middleware(e.opts.Service, renderFault, http.HandlerFunc(e.serve))
}

// renderFault answers an injected fault in the shapes of the Web API.
func renderFault(w http.ResponseWriter, kind string) {
	err := errorf(http.StatusServiceUnavailable, codeServiceUnwell, "The server is busy and the request was not completed. Try again later.")
	switch kind {
	case lab.FaultThrottled:
		err = errorf(http.StatusTooManyRequests, codeThrottledCount, "Number of requests exceeded the limit of 6000 over time window of 300 seconds.")
		w.Header().Set("Retry-After", "1")
	case lab.FaultExpiredSession:
		err = errUnauthenticated(w.Header().Set)
	}
	write(w, response{status: err.Status, body: err.body(false)})
}

func errUnauthenticated(set func(name, value string)) *apiError {
	set("WWW-Authenticate", "Bearer")
	return errorf(http.StatusUnauthorized, codeUnauthenticated, "The access token is missing, expired or not meant for this environment.")
}

func (e *Environment) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{e: e, r: r, method: r.Method, rawPath: r.URL.Path, header: r.Header}
	w.Header().Set("OData-Version", "4.0")
	resp := e.admit(c, w.Header())
	e.logCall(c, resp.status)
	write(w, resp)
}

// admit lets in who has a token and is within the limits, then answers.
func (e *Environment) admit(c *call, header http.Header) response {
	e.mu.Lock()
	who, err := e.authenticate(c.r, header)
	c.who = who
	var done func()
	if err == nil {
		done, err = e.protect(c, header)
	}
	e.mu.Unlock()
	if err != nil {
		return c.failed(err)
	}
	defer done()
	body, readErr := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if readErr != nil {
		return c.failed(errorf(http.StatusRequestEntityTooLarge, codeArgument, "The request body could not be read: %v", readErr))
	}
	c.body = body
	if err := c.parseURL(c.r.URL.Path, c.r.URL.RawQuery); err != nil {
		return c.failed(err)
	}
	if c.header.Get("CallerObjectId") != "" || c.header.Get("MSCRMCallerID") != "" {
		return c.failed(errorf(http.StatusNotImplemented, codeOperation, "The sandbox does not know impersonation."))
	}
	if len(c.path) == 1 && c.path[0].name == "$batch" {
		return e.batch(c)
	}
	if len(body) > 0 && !strings.HasPrefix(c.header.Get("Content-Type"), "application/json") {
		return c.failed(errorf(http.StatusUnsupportedMediaType, codeArgument, "The content type '%s' is not supported.", c.header.Get("Content-Type")))
	}
	if c.metadataWrite() && e.is(switchMetadataLock, codeSolutionImport) {
		if !e.beginMetadata() {
			return c.failed(badRequest(codeSolutionImport, "Cannot start the requested operation because there is another customization running at this moment."))
		}
		defer e.endMetadata()
	}
	return e.execute(c)
}

// parseURL reads the path below the API's version and the query.
func (c *call) parseURL(path, query string) *apiError {
	rest, found := strings.CutPrefix(path, api)
	version, rest, _ := strings.Cut(rest, "/")
	if !found || !versions[version] {
		return errResource(strings.Trim(path, "/"))
	}
	c.rawPath = path
	var err *apiError
	if c.path, err = splitPath(strings.TrimSuffix(rest, "/")); err != nil {
		return err
	}
	values, parseErr := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B"))
	if parseErr != nil {
		return badRequest(codeResource, "The query '%s' cannot be read.", query)
	}
	c.query = values
	return nil
}

// execute answers one request under the environment's lock. A request that writes is run once to learn whether it passes every
// check and taken back, so that the trap holds only writes that are about to be applied and no lock is held meanwhile.
func (e *Environment) execute(c *call) response {
	return e.executeUnit(c, func() response { return dispatch(c) })
}

func (e *Environment) executeUnit(c *call, run func() response) response {
	earlier := len(c.touched)
	resp, wrote := e.attempt(c, run)
	if !wrote {
		return resp
	}
	c.tx.rollbackTo(0)
	c.touched = c.touched[:earlier]
	e.mu.Unlock()
	if err := e.kit.Trap.Before(c.r); err != nil {
		return c.failed(errorf(http.StatusServiceUnavailable, codeServiceUnwell, "%v", err))
	}
	resp, wrote = e.attempt(c, run)
	if !wrote {
		return resp
	}
	e.announce(c.tx.events)
	e.mu.Unlock()
	_ = e.kit.Trap.After(c.r) // when the caller is gone, nobody reads the answer
	return resp
}

// attempt runs under the lock. What failed is taken back. When something was written it returns with the lock still held.
func (e *Environment) attempt(c *call, run func() response) (resp response, wrote bool) {
	e.mu.Lock()
	c.tx = &tx{e: e}
	earlier := len(c.touched)
	resp = run()
	if resp.status >= http.StatusBadRequest {
		c.tx.rollbackTo(0)
		c.touched = c.touched[:earlier]
	}
	if wrote = len(c.tx.undo) > 0; !wrote {
		e.mu.Unlock()
	}
	return resp, wrote
}

// touch notes that something was touched, for the operation log.
func (c *call) touch(action, object, id string, fields []string) {
	c.touched = append(c.touched, lab.Operation{Method: c.method, Path: c.rawPath, Action: action, Object: object, ID: id, Fields: fields})
}

// logCall appends one row per touched record, or one for the request when it touched none.
func (e *Environment) logCall(c *call, status int) {
	if len(c.touched) == 0 {
		action := "read"
		if c.method != http.MethodGet {
			action = "request"
		}
		object := ""
		if len(c.path) > 0 {
			object = c.path[0].name
		}
		c.touch(action, object, "", nil)
	}
	actor := ""
	if c.who != nil {
		actor = c.who.actor
	}
	for _, op := range c.touched {
		op.Service, op.Actor = e.opts.Service, actor
		op.Fault, op.RequestID = lab.FaultOf(c.r.Context()), c.header.Get("x-ms-client-request-id")
		if op.Status == 0 {
			op.Status = status
		}
		e.kit.Log.Append(op)
	}
}

func write(w http.ResponseWriter, resp response) {
	for name, value := range resp.header {
		w.Header().Set(name, value)
	}
	switch body := resp.body.(type) {
	case nil:
		w.WriteHeader(resp.status)
	case rawBody:
		w.Header().Set("Content-Type", body.contentType)
		w.WriteHeader(resp.status)
		_, _ = w.Write(body.data) // a caller that went away needs no answer
	default:
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		w.WriteHeader(resp.status)
		_, _ = w.Write(encode(body))
	}
}

// rawBody is an answer that is not JSON.
type rawBody struct {
	contentType string
	data        []byte
}

func encode(body any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		panic(err) // maps of plain values only
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// object reads the request's body as a JSON object; numbers are float64.
func (c *call) object() (map[string]any, *apiError) {
	var in map[string]any
	dec := json.NewDecoder(bytes.NewReader(c.body))
	if err := dec.Decode(&in); err != nil {
		return nil, errPayload("", "the body is not a JSON object: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) || in == nil {
		return nil, errPayload("", "the body is not one JSON object")
	}
	return in, nil
}

// preferences are what the Prefer header asks for.
type preferences struct {
	representation, track, onError bool
	annotations                    string
	pageSize                       int
}

func (c *call) prefer() preferences {
	var p preferences
	for _, line := range c.header.Values("Prefer") {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "return":
				p.representation = value == "representation"
			case "odata.track-changes":
				p.track = true
			case "odata.continue-on-error", "continue-on-error":
				p.onError = value != "false"
			case "odata.include-annotations":
				p.annotations = value
			case "odata.maxpagesize":
				p.pageSize = atoi(value)
			}
		}
	}
	return p
}

// allow refuses system query options that the resource does not know.
func (c *call) allow(names ...string) *apiError {
	for name := range c.query {
		if strings.HasPrefix(name, "$") && !slices.Contains(names, name) {
			return badRequest(codeResource, "The query parameter %s is not supported.", name)
		}
	}
	return nil
}
