package salesforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Limits of one composite request.
const maxSubrequests, maxSubqueries = 25, 5

type compositeBody struct {
	AllOrNone bool         `json:"allOrNone"`
	Collate   bool         `json:"collateSubrequests"`
	Requests  []subrequest `json:"compositeRequest"`
}

// subrequest is one step of a composite.
type subrequest struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Body        json.RawMessage   `json:"body"`
	HTTPHeaders map[string]string `json:"httpHeaders"`
}

type subresponse struct {
	Body        any               `json:"body"`
	HTTPHeaders map[string]string `json:"httpHeaders"`
	Status      int               `json:"httpStatusCode"`
	ReferenceID string            `json:"referenceId"`
}

// composite answers POST /composite. Without allOrNone each subrequest is a transaction of its own.
func (o *Org) composite(c *call) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	var in compositeBody
	if err := decodeStrict(c.body, &in); err != nil {
		return failed(err)
	}
	if err := o.checkComposite(in.Requests); err != nil {
		return failed(err)
	}
	c.subs = in.Requests
	if in.AllOrNone {
		return o.execute(c)
	}
	return c.runSubrequests(func(sub *call) response { return o.execute(sub) }, nil)
}

var referenceID = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func (o *Org) checkComposite(subs []subrequest) *apiError {
	if len(subs) == 0 || len(subs) > maxSubrequests {
		return badRequest("LIMIT_EXCEEDED", "a composite request holds 1 to %d subrequests, not %d", maxSubrequests, len(subs))
	}
	queries, seen := 0, map[string]bool{}
	for _, s := range subs {
		if !referenceID.MatchString(s.ReferenceID) || seen[s.ReferenceID] {
			return badRequest("INVALID_INPUT", "referenceId %q must be unique and alphanumeric", s.ReferenceID)
		}
		seen[s.ReferenceID] = true
		if strings.Contains(s.URL, "/query") || strings.Contains(s.URL, "/composite/sobjects") {
			queries++
		}
	}
	if queries > maxSubqueries && o.kit.Switches.Is(switchCompositeQueries, "5") {
		return badRequest("LIMIT_EXCEEDED", "a composite request holds at most %d query and collection subrequests, not %d", maxSubqueries, queries)
	}
	return nil
}

// compositeAll runs an all-or-none composite in the transaction of the outer request.
func (c *call) compositeAll() response {
	inner := func(sub *call) response {
		sub.tx, sub.acc = c.tx, c.o.accessOf(c.who)
		return dispatch(sub)
	}
	return c.runSubrequests(inner, func(answers []subresponse, bad int) {
		c.tx.rollbackTo(0)
		c.markRefused(0)
		for i := range answers {
			if i != bad {
				answers[i].Status, answers[i].HTTPHeaders = http.StatusBadRequest, map[string]string{}
				answers[i].Body = []*apiError{badRequest("PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed.")}
			}
		}
	})
}

// runSubrequests answers the steps in order. With a rollback, the first refused step ends the run.
func (c *call) runSubrequests(run func(*call) response, rollback func(answers []subresponse, bad int)) response {
	answers := make([]subresponse, len(c.subs))
	bodies := map[string]any{}
	for i, s := range c.subs {
		answers[i].ReferenceID, answers[i].HTTPHeaders = s.ReferenceID, map[string]string{}
	}
	for i, s := range c.subs {
		resp := c.runSubrequest(s, bodies, run)
		answers[i].Status, answers[i].Body = resp.status, resp.body
		for name, value := range resp.header {
			answers[i].HTTPHeaders[name] = value
		}
		bodies[s.ReferenceID] = marshalBody(resp.body)
		if resp.status >= 300 && resp.status != http.StatusNotModified && rollback != nil {
			rollback(answers, i)
			break
		}
	}
	return ok(doc{{"compositeResponse", answers}})
}

func (c *call) runSubrequest(s subrequest, bodies map[string]any, run func(*call) response) response {
	sub, err := c.subcall(s, bodies)
	if err != nil {
		return failed(err)
	}
	resp := run(sub)
	for _, op := range sub.touched {
		if op.Status == 0 {
			op.Status = resp.status
		}
		c.touched = append(c.touched, op)
	}
	return resp
}

// subcall builds the inner request with its references filled in.
func (c *call) subcall(s subrequest, bodies map[string]any) (*call, *apiError) {
	target, parseErr := url.Parse(s.URL)
	if parseErr != nil {
		return nil, badRequest("INVALID_INPUT", "the url of %s is malformed", s.ReferenceID)
	}
	path, err := resolveText(target.Path, bodies)
	if err != nil {
		return nil, err
	}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(segments) < 4 || segments[0] != "services" || segments[1] != "data" || !strings.HasPrefix(segments[2], "v") || !knownVersion(segments[2][1:]) ||
		segments[3] == "composite" && len(segments) == 4 {
		return nil, badRequest("INVALID_INPUT", "the url of %s must be a resource under /services/data/vXX.0/: %s", s.ReferenceID, clip(s.URL))
	}
	values, parseErr := url.ParseQuery(target.RawQuery)
	if parseErr != nil {
		return nil, badRequest("INVALID_INPUT", "the query of %s is malformed", s.ReferenceID)
	}
	for _, list := range values {
		for i := range list {
			if list[i], err = resolveText(list[i], bodies); err != nil {
				return nil, err
			}
		}
	}
	body := []byte(s.Body)
	if len(body) > 0 {
		var value any
		if err := decodeJSON(body, &value); err != nil {
			return nil, err
		}
		if value, err = resolveValue(value, bodies); err != nil {
			return nil, err
		}
		if body, parseErr = json.Marshal(value); parseErr != nil {
			return nil, errJSON("%v", parseErr)
		}
	}
	header := http.Header{}
	for name, v := range s.HTTPHeaders {
		header.Set(name, v)
	}
	return &call{o: c.o, r: c.r, who: c.who, method: s.Method, path: segments[3:], version: segments[2][1:], query: values, header: header, body: body}, nil
}

// resolveValue fills in the references in every string of a JSON value.
func resolveValue(value any, bodies map[string]any) (any, *apiError) {
	switch v := value.(type) {
	case string:
		return resolveText(v, bodies)
	case map[string]any:
		for key, inner := range v {
			resolved, err := resolveValue(inner, bodies)
			if err != nil {
				return nil, err
			}
			v[key] = resolved
		}
	case []any:
		for i, inner := range v {
			resolved, err := resolveValue(inner, bodies)
			if err != nil {
				return nil, err
			}
			v[i] = resolved
		}
	}
	return value, nil
}

var referencePattern = regexp.MustCompile(`@\{([^}]*)\}`)

// resolveText fills in references such as @{account.id} and @{found.records[0].Id}.
func resolveText(text string, bodies map[string]any) (string, *apiError) {
	var failure *apiError
	out := referencePattern.ReplaceAllStringFunc(text, func(match string) string {
		value, err := lookUp(match[2:len(match)-1], bodies)
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return out, failure
}

var stepPattern = regexp.MustCompile(`^([A-Za-z0-9_]+)((?:\[\d{1,4}\])*)$`)

func lookUp(reference string, bodies map[string]any) (string, *apiError) {
	missing := badRequest("PROCESSING_HALTED", "Invalid reference specified. No value for %s found in %s.", reference, strings.SplitN(reference, ".", 2)[0])
	var at any
	for i, step := range strings.Split(reference, ".") {
		m := stepPattern.FindStringSubmatch(step)
		if m == nil {
			return "", missing
		}
		if i == 0 {
			at = bodies[m[1]]
		} else {
			object, _ := at.(map[string]any)
			at = object[m[1]]
		}
		for _, index := range strings.FieldsFunc(m[2], func(r rune) bool { return r == '[' || r == ']' }) {
			list, _ := at.([]any)
			n, err := strconv.Atoi(index)
			if err != nil || n >= len(list) {
				return "", missing
			}
			at = list[n]
		}
	}
	switch v := at.(type) {
	case string:
		return v, nil
	case json.Number, bool:
		return fmt.Sprint(v), nil
	}
	return "", missing
}
