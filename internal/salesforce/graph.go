package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Limits of one composite graph call (source: "Composite Graph Limits").
const (
	MaxGraphs     = 75
	MaxGraphNodes = 500 // of all graphs together
)

// Graph is the parts of an all-or-none composite call as one graph of a call that carries many.
type Graph struct{ parts []json.RawMessage }

// GraphOf reads the parts of a composite call that [Client.EncodeComposite] gave; their bytes are kept. Where graphs travel
// together, each part needs a reference that no part of another graph has.
func GraphOf(composite json.RawMessage) (Graph, error) {
	var body struct {
		Parts []json.RawMessage `json:"compositeRequest"`
	}
	if err := json.Unmarshal(composite, &body); err != nil {
		return Graph{}, fmt.Errorf("salesforce: composite graph: %w", err)
	}
	if len(body.Parts) == 0 {
		return Graph{}, errors.New("salesforce: composite graph: the composite call has no parts")
	}
	return Graph{body.Parts}, nil
}

// Nodes is how many parts the graph has.
func (g Graph) Nodes() int { return len(g.parts) }

// GraphResult is the answer to one graph. When one of its parts failed, none was applied.
type GraphResult struct{ Parts []Subresponse }

// Halted reports whether the service did not come to the graph any more, because too many others of the call failed before it.
func (r GraphResult) Halted() bool {
	for _, part := range r.Parts {
		if err := part.Err(); err == nil || !strings.Contains(err.Error(), "PROCESSING_HALTED") {
			return false
		}
	}
	return true
}

// CompositeGraph sends graphs in one call, each all or none of its own, and gives their answers in the same order (source:
// "Composite Graph"). The call succeeds when graphs of it failed.
func (c *Client) CompositeGraph(ctx context.Context, graphs []Graph) ([]GraphResult, error) {
	type graph struct {
		ID    string            `json:"graphId"`
		Parts []json.RawMessage `json:"compositeRequest"`
	}
	if err := checkCount("composite graph", len(graphs), MaxGraphs); err != nil {
		return nil, err
	}
	body := struct {
		Graphs []graph `json:"graphs"`
	}{}
	nodes := 0
	for i, g := range graphs {
		nodes += g.Nodes()
		body.Graphs = append(body.Graphs, graph{fmt.Sprintf("graph%d", i), g.parts})
	}
	if err := checkCount("nodes of a composite graph", nodes, MaxGraphNodes); err != nil {
		return nil, err
	}
	var answer struct {
		Graphs []struct {
			ID       string `json:"graphId"`
			Response struct {
				Parts []Subresponse `json:"compositeResponse"`
			} `json:"graphResponse"`
		} `json:"graphs"`
	}
	request := call{operation: "composite graph", method: http.MethodPost, path: "/composite/graph"}
	if err := c.send(ctx, request, body, &answer); err != nil {
		return nil, err
	}
	byID := map[string]GraphResult{}
	for _, g := range answer.Graphs {
		byID[g.ID] = GraphResult{g.Response.Parts}
	}
	results := make([]GraphResult, len(graphs))
	for i, g := range body.Graphs {
		result, found := byID[g.ID]
		if !found || len(result.Parts) == 0 {
			return nil, &DecodeError{Operation: request.operation, Err: fmt.Errorf("it says nothing of %s", g.ID), ambiguous: true}
		}
		results[i] = result
	}
	return results, nil
}
