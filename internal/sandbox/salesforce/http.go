package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// maxBody is the largest request body that is read; the platform's own limit is of this order.
const maxBody = 50 << 20

// call is one REST request, or one subrequest of a composite.
type call struct {
	o       *Org
	r       *http.Request // the request on the wire
	method  string
	path    []string // segments after /services/data/vXX.0
	version string
	query   url.Values
	header  http.Header
	body    []byte
	who     *principal
	acc     *access
	tx      *tx
	touched []lab.Operation
	subs    []subrequest // of an all-or-none composite
}

// response is what a resource answers with. A nil body is an empty answer.
type response struct {
	status int
	header map[string]string
	body   any
}

func ok(body any) response { return response{status: http.StatusOK, body: body} }

func noContent() response { return response{status: http.StatusNoContent} }

func failed(err *apiError) response { return response{status: err.Status, body: []*apiError{err}} }

type rowLockKey struct{}

// Handler serves the whole org on one host: OAuth, REST and SOAP, and over HTTP/2 the Pub/Sub API.
func (o *Org) Handler() http.Handler {
	routes := http.HandlerFunc(o.route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isGRPC(r) {
			o.serveEvents(w, r)
			return
		}
		render := func(w http.ResponseWriter, kind string) { o.renderFault(w, r, kind, routes) }
		o.kit.Faults.Middleware(o.opts.Service, render, routes).ServeHTTP(w, r)
	})
}

func (o *Org) route(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(segments) == 3 && segments[0] == "services" && segments[1] == "oauth2":
		o.serveOAuth(w, r, segments[2])
	case len(segments) == 3 && segments[0] == "id" && segments[1] == o.opts.OrgID && r.Method == http.MethodGet:
		o.serveIdentity(w, r, o.identity)
	case len(segments) >= 2 && segments[0] == "services" && segments[1] == "data":
		o.serveData(w, r, segments[2:])
	case len(segments) >= 4 && len(segments) <= 5 && segments[0] == "services" && segments[1] == "Soap" && segments[2] == "m":
		o.serveMetadata(w, r, segments[3])
	default:
		o.writeError(w, r, errNotFound())
	}
}

// renderFault answers an injected fault in Salesforce's shapes. Faults that a path cannot have leave the request alone.
func (o *Org) renderFault(w http.ResponseWriter, r *http.Request, kind string, routes http.Handler) {
	soap := strings.HasPrefix(r.URL.Path, "/services/Soap/")
	data := strings.HasPrefix(r.URL.Path, "/services/data/v")
	var err *apiError
	switch {
	case kind == lab.FaultUnavailable, kind == lab.FaultThrottled && !soap && !data:
		err = errorf(http.StatusServiceUnavailable, "SERVER_UNAVAILABLE", "Server too busy. Please retry.")
	case kind == lab.FaultThrottled:
		err = errRequestLimit()
	case kind == lab.FaultExpiredSession && (soap || data):
		err = errInvalidSession()
	case kind == lab.FaultRowLock:
		routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), rowLockKey{}, true)))
		return
	default:
		routes.ServeHTTP(w, r)
		return
	}
	if soap && kind != lab.FaultUnavailable {
		writeFault(w, sessionOrLimitFault(err))
		return
	}
	writeJSON(w, err.Status, []*apiError{err})
}

func errRequestLimit() *apiError {
	return errorf(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
}

func (o *Org) serveData(w http.ResponseWriter, r *http.Request, segments []string) {
	if len(segments) == 0 {
		if r.Method != http.MethodGet {
			o.writeError(w, r, errMethod(r.Method))
			return
		}
		writeJSON(w, http.StatusOK, versions())
		o.logRequest(r, "", "read", "versions", "", http.StatusOK)
		return
	}
	version, isVersion := strings.CutPrefix(segments[0], "v")
	if !isVersion || !knownVersion(version) {
		o.writeError(w, r, errNotFound())
		return
	}
	c := &call{o: o, r: r, method: r.Method, path: segments[1:], version: version, query: r.URL.Query(), header: r.Header}
	resp := o.admit(c)
	o.mu.Lock()
	used := o.usage.count
	o.mu.Unlock()
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, o.opts.DailyAPIRequests))
	for name, value := range resp.header {
		w.Header().Set(name, value)
	}
	o.logCall(c, resp.status)
	if resp.body == nil {
		w.WriteHeader(resp.status)
		return
	}
	if bytes, ok := resp.body.(blob); ok {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(resp.status)
		_, _ = w.Write(bytes)
		return
	}
	writeJSON(w, resp.status, resp.body)
}

// admit authenticates a request, then answers it.
func (o *Org) admit(c *call) response {
	o.mu.Lock()
	c.who = o.authenticate(bearer(c.r))
	within := c.who != nil && o.countRequest()
	o.mu.Unlock()
	if c.who == nil {
		return failed(errInvalidSession())
	}
	if !within {
		return failed(errRequestLimit())
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if err != nil {
		return failed(errorf(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "the request body could not be read: %v", err))
	}
	c.body = body
	if hasBody := len(body) > 0; hasBody && !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		return failed(errorf(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content type not supported: %s", c.r.Header.Get("Content-Type")))
	}
	if len(c.path) == 1 && c.path[0] == "composite" && c.method == http.MethodPost {
		return o.composite(c)
	}
	if len(c.path) == 2 && c.path[0] == "composite" && c.path[1] == "graph" && c.method == http.MethodPost {
		return o.compositeGraph(c)
	}
	return o.execute(c)
}

// execute answers one request under the org's lock. A request that writes is run once to learn whether it passes every
// check and taken back, so that the trap holds only writes that are about to be applied and no lock is held meanwhile.
func (o *Org) execute(c *call) response {
	earlier := len(c.touched)
	resp, wrote := o.attempt(c)
	if !wrote {
		return resp
	}
	c.tx.rollbackTo(0)
	c.touched = c.touched[:earlier]
	o.mu.Unlock()
	if err := o.kit.Trap.Before(c.r); err != nil {
		return failed(errorf(http.StatusServiceUnavailable, "SERVER_UNAVAILABLE", "%v", err))
	}
	resp, wrote = o.attempt(c)
	if !wrote {
		return resp
	}
	o.announce(c.tx, c.who, c.changeOrigin())
	o.mu.Unlock()
	_ = o.kit.Trap.After(c.r) // when the caller is gone, nobody reads the answer
	return resp
}

// attempt dispatches under the lock. When something was written it returns with the lock still held.
func (o *Org) attempt(c *call) (resp response, wrote bool) {
	o.mu.Lock()
	c.tx = &tx{o: o}
	c.acc = o.accessOf(c.who)
	resp = dispatch(c)
	if wrote = slices.ContainsFunc(c.touched, lab.Operation.IsWrite) && len(c.tx.undo) > 0; !wrote {
		o.mu.Unlock()
	}
	return resp, wrote
}

// prefix is the path under which the caller addresses the API, as it appears in record URLs.
func (c *call) prefix() string { return "/services/data/v" + c.version }

// allow refuses query parameters that the resource does not know.
func (c *call) allow(names ...string) *apiError {
	for name := range c.query {
		if !slices.Contains(names, name) {
			return badRequest("INVALID_PARAMETER", "the query parameter %s is not known on %s %s", name, c.method, strings.Join(c.path, "/"))
		}
	}
	return nil
}

// touch notes that a record was touched, for the operation log.
func (c *call) touch(action, object, id string, fields []string, err *apiError) {
	op := lab.Operation{Method: c.method, Path: c.prefix() + "/" + strings.Join(c.path, "/"), Action: action, Object: object, ID: id, Fields: fields}
	if err != nil {
		op.Status = err.Status
	}
	c.touched = append(c.touched, op)
}

// logCall appends one row per touched record, or one for the request when it touched none.
func (o *Org) logCall(c *call, status int) {
	if len(c.touched) == 0 {
		action := "read"
		if c.method != http.MethodGet {
			action = "request"
		}
		c.touch(action, strings.Join(c.path, "/"), "", nil, nil)
	}
	actor := ""
	if c.who != nil {
		actor = c.who.actor
	}
	for _, op := range c.touched {
		op.Service, op.Actor = o.opts.Service, actor
		op.Fault, op.RequestID = faultOf(c.r), requestID(c.r)
		if op.Status == 0 {
			op.Status = status
		}
		o.kit.Log.Append(op)
	}
}

// requestID tells the rows of one request, in the log, from those of others.
func requestID(r *http.Request) string {
	return cmp.Or(r.Header.Get("X-Request-Id"), r.Header.Get("Client-Request-Id"))
}

// faultOf names the fault that this request suffers, for the log.
func faultOf(r *http.Request) string {
	if r.Context().Value(rowLockKey{}) != nil {
		return lab.FaultRowLock
	}
	return lab.FaultOf(r.Context())
}

func (o *Org) logRequest(r *http.Request, actor, action, object, id string, status int) {
	o.kit.Log.Append(lab.Operation{Service: o.opts.Service, Actor: actor, Method: r.Method, Path: r.URL.Path, Action: action, Object: object,
		ID: id, Status: status, Fault: faultOf(r), RequestID: requestID(r)})
}

func (o *Org) writeError(w http.ResponseWriter, r *http.Request, err *apiError) {
	writeJSON(w, err.Status, []*apiError{err})
	o.logRequest(r, "", "request", "", "", err.Status)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // a caller that went away needs no answer
}

func versions() []doc {
	seasons := []string{"Spring", "Summer", "Winter"}
	var list []doc
	for v := oldestVersion; v <= newestVersion; v++ {
		year := 24 + (v-oldestVersion)/3
		season := seasons[(v-oldestVersion)%3]
		if season == "Winter" {
			year++
		}
		list = append(list, doc{{"label", fmt.Sprintf("%s '%d", season, year)}, {"url", fmt.Sprintf("/services/data/v%d.0", v)}, {"version", fmt.Sprintf("%d.0", v)}})
	}
	return list
}

// dispatch finds the resource. The org's lock is held.
func dispatch(c *call) response {
	p := c.path
	for len(p) > 0 && p[len(p)-1] == "" {
		p = p[:len(p)-1]
	}
	switch {
	case len(p) == 0:
		return c.get(resources)
	case p[0] == "sobjects":
		return c.sobjects(p[1:])
	case p[0] == "query" && len(p) <= 2, p[0] == "queryAll" && len(p) == 1:
		return c.get(func(c *call) response { return c.runQuery(c.o.data, p) })
	case p[0] == "composite" && len(p) == 1 && c.method == http.MethodPost && c.subs != nil:
		return c.compositeAll()
	case p[0] == "composite" && len(p) == 1, p[0] == "composite" && p[1] == "graph" && len(p) == 2:
		return failed(errMethod(c.method))
	case p[0] == "composite" && p[1] == "sobjects":
		return c.collections(p[2:])
	case p[0] == "limits" && len(p) == 1:
		return c.get(limits)
	case p[0] == "tooling" && len(p) >= 2:
		return c.toolingResource(p[1:])
	}
	return failed(errNotFound())
}

// get answers a resource that can only be read.
func (c *call) get(show func(*call) response) response {
	if c.method != http.MethodGet {
		return failed(errMethod(c.method))
	}
	return show(c)
}

func resources(c *call) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	var list doc
	for _, name := range []string{"composite", "limits", "query", "queryAll", "sobjects", "tooling"} {
		list = append(list, member{name, c.prefix() + "/" + name})
	}
	return ok(list)
}

func limits(c *call) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	c.o.usage.roll(c.o.kit.Clock.Now())
	daily := doc{{"Max", c.o.opts.DailyAPIRequests}, {"Remaining", c.o.opts.DailyAPIRequests - c.o.usage.count}}
	return ok(doc{{"DailyApiRequests", daily}})
}
