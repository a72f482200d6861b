package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Sketch is what one record or referral would become on the other side. Nothing is written to make it.
type Sketch struct {
	Object   string // what was read, e.g. "opportunity 006…"
	Lines    []mapping.Line
	Problems []*problem.Problem // rows that fail, and what a record lacks to be shared for the first time
	Failed   int                // rows that fail
}

// SketchRecord reads an opportunity and tells what it would become in Partner Center.
func SketchRecord(ctx context.Context, d document.Document, m Machine, id string) (Sketch, error) {
	a := &App{machine: m, log: m.Log}
	org, _, err := a.open(ctx, d, m.Transport, m.Transport, a.newClocks())
	if err != nil {
		return Sketch{}, err
	}
	p, err := plan(d, org)
	if err != nil {
		return Sketch{}, err
	}
	record, err := org.Read(ctx, id)
	if errors.Is(err, crm.ErrNotFound) {
		return Sketch{}, fmt.Errorf("there is no opportunity %s in the organisation, or the agent's user does not see it", id)
	}
	if err != nil {
		return Sketch{}, err
	}
	s := newSketch("opportunity "+record.ID, p.ExplainRecord(record.Fields))
	if record.Key == "" && s.Failed == 0 {
		s.lacks(p, record)
	}
	return s, nil
}

// SketchReferral reads a referral and tells what it would become in the CRM.
func SketchReferral(ctx context.Context, d document.Document, m Machine, id string) (Sketch, error) {
	a := &App{machine: m, log: m.Log}
	org, center, err := a.open(ctx, d, m.Transport, m.Transport, a.newClocks())
	if err != nil {
		return Sketch{}, err
	}
	p, err := plan(d, org)
	if err != nil {
		return Sketch{}, err
	}
	read, err := center.Get(ctx, id)
	if errors.Is(err, referral.ErrNotFound) {
		return Sketch{}, fmt.Errorf("there is no referral %s in Partner Center, or it is not this partner's", id)
	}
	if err != nil {
		return Sketch{}, err
	}
	return newSketch("referral "+read.ID, p.ExplainReferral(read.Tree)), nil
}

func newSketch(object string, lines []mapping.Line) Sketch {
	s := Sketch{Object: object, Lines: lines}
	for _, line := range lines {
		if line.Err != nil {
			s.Failed++
			s.Problems = append(s.Problems, problem.Wrap(problem.MappingFailed, object, line.Err))
		}
	}
	return s
}

// lacks adds what keeps the record from being shared.
func (s *Sketch) lacks(p mapping.Plan, record crm.Record) {
	values, err := p.FromRecord(record.Fields)
	if err != nil {
		return // a line says so
	}
	draft := deal.Draft{Values: values, Contacts: record.People(), Team: record.Team, Solutions: record.Sold(), Help: values[deal.Help]}
	for _, note := range draft.Ready() {
		s.Problems = append(s.Problems, problem.New(note.Code, s.Object, note.Detail))
	}
}
