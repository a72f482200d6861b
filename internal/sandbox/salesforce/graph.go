package salesforce

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Limits of one composite graph request ("Composite Graph Limits").
const (
	maxGraphs, maxGraphNodes, maxGraphDepth = 75, 500, 15
	maxNodeKinds                            = 15
	maxGraphFailures                        = 14
)

type graphBody struct {
	Graphs []graph `json:"graphs"`
}

// graph is a composite of its own, all or none.
type graph struct {
	ID       string       `json:"graphId"`
	Requests []subrequest `json:"compositeRequest"`
}

type graphAnswer struct {
	ID         string `json:"graphId"`
	Response   any    `json:"graphResponse"`
	Successful bool   `json:"isSuccessful"`
}

// compositeGraph answers POST /composite/graph. Each graph is a transaction of its own; once too many have failed, the rest is not
// looked at any more.
func (o *Org) compositeGraph(c *call) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	var in graphBody
	if err := decodeStrict(c.body, &in); err != nil {
		return failed(err)
	}
	if err := checkGraphs(in.Graphs); err != nil {
		return failed(err)
	}
	answers, failures := make([]graphAnswer, len(in.Graphs)), 0
	for i, g := range in.Graphs {
		answers[i].ID = g.ID
		if failures > maxGraphFailures {
			answers[i].Response = halted(g)
			continue
		}
		inner := &call{
			o: o, r: c.r, who: c.who, method: http.MethodPost, path: []string{"composite"}, version: c.version, query: url.Values{}, header: http.Header{}, subs: g.Requests,
		}
		resp := o.execute(inner)
		answers[i].Response, answers[i].Successful = resp.body, resp.status == http.StatusOK && allDone(resp.body)
		if !answers[i].Successful {
			failures++
		}
		for _, op := range inner.touched {
			if op.Status == 0 {
				op.Status = resp.status
			}
			c.touched = append(c.touched, op)
		}
	}
	return ok(doc{{"graphs", answers}})
}

func halted(g graph) any {
	answers := make([]subresponse, len(g.Requests))
	for i, s := range g.Requests {
		answers[i] = subresponse{ReferenceID: s.ReferenceID, Status: http.StatusBadRequest, HTTPHeaders: map[string]string{},
			Body: []*apiError{badRequest("PROCESSING_HALTED", "Processing was halted, because too many graphs of the request failed.")}}
	}
	return doc{{"compositeResponse", answers}}
}

func allDone(body any) bool {
	members, _ := body.(doc)
	for _, m := range members {
		if answers, found := m.Value.([]subresponse); found {
			return !slices.ContainsFunc(answers, func(s subresponse) bool { return s.Status >= http.StatusMultipleChoices })
		}
	}
	return false
}

func checkGraphs(graphs []graph) *apiError {
	if len(graphs) == 0 || len(graphs) > maxGraphs {
		return badRequest("LIMIT_EXCEEDED", "a composite graph request holds 1 to %d graphs, not %d", maxGraphs, len(graphs))
	}
	nodes, ids, references, kinds := 0, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, g := range graphs {
		if g.ID == "" || ids[g.ID] {
			return badRequest("INVALID_INPUT", "graphId %q must be unique and not empty", g.ID)
		}
		ids[g.ID] = true
		if nodes += len(g.Requests); len(g.Requests) == 0 {
			return badRequest("INVALID_INPUT", "graph %s has no nodes", g.ID)
		}
		if err := checkNodes(g, references, kinds); err != nil {
			return err
		}
	}
	switch {
	case nodes > maxGraphNodes:
		return badRequest("LIMIT_EXCEEDED", "a composite graph request holds at most %d nodes, not %d", maxGraphNodes, nodes)
	case len(kinds) > maxNodeKinds:
		return badRequest("LIMIT_EXCEEDED", "a composite graph request holds at most %d kinds of nodes, not %d", maxNodeKinds, len(kinds))
	}
	return nil
}

// checkNodes looks at what one graph consists of. Whether a reference may be that of another graph's node too is not said: a
// request that is right must not depend on it.
func checkNodes(g graph, references, kinds map[string]bool) *apiError {
	depth := map[string]int{}
	for _, s := range g.Requests {
		if !referenceID.MatchString(s.ReferenceID) || references[s.ReferenceID] {
			return badRequest("INVALID_INPUT", "referenceId %q must be unique and alphanumeric", s.ReferenceID)
		}
		references[s.ReferenceID] = true
		if s.HTTPHeaders != nil {
			return badRequest("INVALID_INPUT", "the property httpHeaders is not known of the nodes of a graph")
		}
		path, _, _ := strings.Cut(strings.Trim(s.URL, "/"), "?")
		segments := strings.Split(path, "/")
		if len(segments) < 5 || len(segments) > 7 || segments[3] != "sobjects" {
			return badRequest("INVALID_INPUT", "the url of %s must be one of /sobjects: %s", s.ReferenceID, clip(s.URL))
		}
		kinds[segments[2]+"/"+strings.ToLower(segments[4])] = true
		depth[s.ReferenceID] = 1
		for _, used := range referencePattern.FindAllStringSubmatch(s.URL+string(s.Body), -1) {
			name, _, _ := strings.Cut(used[1], ".")
			name, _, _ = strings.Cut(name, "[")
			depth[s.ReferenceID] = max(depth[s.ReferenceID], depth[name]+1)
		}
		if depth[s.ReferenceID] > maxGraphDepth {
			return badRequest("LIMIT_EXCEEDED", "%s", fmt.Sprintf("a graph may be %d nodes deep; %s is deeper", maxGraphDepth, s.ReferenceID))
		}
	}
	return nil
}
