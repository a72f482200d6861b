package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// MaxComposite is how many subrequests one composite call takes (source: "Composite").
const MaxComposite = 25

// Subrequest is one part of a composite call. Path is below /services/data/vXX.X, e.g. /sobjects/Opportunity; it and the
// body may refer to an earlier part's answer as @{reference.id}.
type Subrequest struct {
	Method      string
	Path        string
	ReferenceID string
	Header      map[string]string
	Body        any // nil for none; a json.RawMessage keeps its order and digits
}

// EncodeComposite gives the bytes of a composite call, the same for the same subrequests. Journal them, then send them
// with [Client.Composite].
func (c *Client) EncodeComposite(allOrNone bool, subrequests ...Subrequest) (json.RawMessage, error) {
	if err := checkCount("composite", len(subrequests), MaxComposite); err != nil {
		return nil, err
	}
	type part struct {
		Method      string            `json:"method"`
		URL         string            `json:"url"`
		ReferenceID string            `json:"referenceId"`
		Header      map[string]string `json:"httpHeaders,omitempty"`
		Body        any               `json:"body,omitempty"`
	}
	body := struct {
		AllOrNone bool   `json:"allOrNone"`
		Parts     []part `json:"compositeRequest"`
	}{AllOrNone: allOrNone, Parts: []part{}}
	for _, s := range subrequests {
		body.Parts = append(body.Parts, part{s.Method, c.resolve(s.Path), s.ReferenceID, s.Header, s.Body})
	}
	encoded, err := encodeJSON(body)
	if err != nil {
		return nil, fmt.Errorf("salesforce: composite: encode: %w", err)
	}
	return encoded, nil
}

// Subresponse is the answer to one part of a composite call.
type Subresponse struct {
	ReferenceID string            `json:"referenceId"`
	Status      int               `json:"httpStatusCode"`
	Header      map[string]string `json:"httpHeaders"`
	Body        json.RawMessage   `json:"body"`
}

// Err gives the part's failure as an [*APIError], or nil. With allOrNone the parts that were rolled back fail with
// PROCESSING_HALTED.
func (s Subresponse) Err() error {
	if s.Status >= 200 && s.Status <= 299 {
		return nil
	}
	e := &APIError{Operation: "composite " + s.ReferenceID, Status: s.Status, settled: true}
	if s.Status == http.StatusMultipleChoices {
		_ = json.Unmarshal(s.Body, &e.Matches)
	} else {
		e.Errors = parseErrors(s.Body)
	}
	return e
}

// Decode reads the part's body into a value. It fails as [Subresponse.Err] does when the part failed.
func (s Subresponse) Decode(into any) error {
	if err := s.Err(); err != nil {
		return err
	}
	if err := json.Unmarshal(s.Body, into); err != nil {
		return &DecodeError{Operation: "composite " + s.ReferenceID, Err: err}
	}
	return nil
}

// Composite sends the exact bytes of a composite call. The call succeeds when parts of it failed: ask each part.
func (c *Client) Composite(ctx context.Context, body json.RawMessage) ([]Subresponse, error) {
	return c.composite(ctx, call{operation: "composite", method: http.MethodPost, path: "/composite"}, body)
}

// ReadComposite is Composite for calls that only read, which may be tried twice.
func (c *Client) ReadComposite(ctx context.Context, body json.RawMessage) ([]Subresponse, error) {
	return c.composite(ctx, call{operation: "composite read", method: http.MethodPost, path: "/composite", read: true}, body)
}

func (c *Client) composite(ctx context.Context, request call, body json.RawMessage) ([]Subresponse, error) {
	var answer struct {
		Parts []Subresponse `json:"compositeResponse"`
	}
	if err := c.send(ctx, request, body, &answer); err != nil {
		return nil, err
	}
	return answer.Parts, nil
}
