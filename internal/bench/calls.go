package main

import (
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Services in the operation log.
const (
	crmService    = "salesforce"
	centerService = "partner_center"
)

// byAgent reports whether an operation is the agent's: people's acts have no method, and nobody else works while we measure.
func byAgent(o lab.Operation) bool {
	return o.Method != "" && o.Action != "webhook" && (o.Service == crmService || o.Service == centerService)
}

// calls counts remote calls by kind. A call is counted once, however many records it touched.
type calls struct {
	crmReads, crmWrites, centerReads, centerWrites int
	lists                                          int // those of centerReads that name no referral
	polls                                          int // of the CRM; in none of the others
	first, last                                    time.Time
}

// countCalls counts the agent's calls among operations, and says when the first and the last of them that is no poll came.
func countCalls(operations []lab.Operation) calls {
	type call struct {
		service             string
		write, list, polled bool
		at                  time.Time
	}
	var order []*call
	byID := map[string]*call{}
	for _, o := range operations {
		if !byAgent(o) || o.Action == "token" {
			continue
		}
		c := byID[o.Service+o.RequestID]
		if c == nil || o.RequestID == "" {
			c = &call{service: o.Service, at: o.At}
			byID[o.Service+o.RequestID] = c
			order = append(order, c)
		}
		c.write = c.write || o.IsWrite()
		c.list = c.list || o.ID == ""
		c.polled = c.polled || strings.HasSuffix(o.Path, "/queryAll") // a poll asks for deleted rows, too
	}
	var n calls
	for _, c := range order {
		if c.polled {
			n.polls++
			continue
		}
		if n.first.IsZero() {
			n.first = c.at
		}
		n.last = c.at
		switch {
		case c.service == crmService && c.write:
			n.crmWrites++
		case c.service == crmService:
			n.crmReads++
		case c.write:
			n.centerWrites++
		default:
			n.centerReads++
			if c.list {
				n.lists++
			}
		}
	}
	return n
}

// figures gives the calls for each deal.
func (n calls) figures(deals int) []figure {
	each := func(calls int) float64 { return float64(calls) / float64(max(deals, 1)) }
	return []figure{
		{Name: "CRM reads", Value: each(n.crmReads)}, {Name: "CRM writes", Value: each(n.crmWrites)},
		{Name: "PC reads", Value: each(n.centerReads)}, {Name: "PC writes", Value: each(n.centerWrites)},
	}
}

// beyond counts the calls for which Partner Center's lack of a batch is no reason.
func (n calls) beyond() int { return n.crmReads + n.crmWrites + n.lists }

// isPoll reports whether an operation belongs to a poll of the CRM.
func isPoll(o lab.Operation) bool { return strings.HasSuffix(o.Path, "/queryAll") }
