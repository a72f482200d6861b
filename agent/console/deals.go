// Package console is how operators look at an agent and act on it: the operations themselves, the admin API that offers them
// over HTTP, its client, the status page, health probes and metrics. The command line uses the same operations, over the API
// when an agent runs and on the store directly otherwise.
package console

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Deal is a deal in a list.
type Deal struct {
	Key         string `json:"key"`
	RecordID    string `json:"record_id,omitempty"`
	ReferralID  string `json:"referral_id,omitempty"`
	Counterpart string `json:"counterpart_id,omitempty"`
	Phase       string `json:"phase,omitempty"`
	State       string `json:"state"`
	Code        string `json:"code,omitempty"`
	Problem     string `json:"problem,omitempty"`
	Flow        string `json:"flow,omitempty"`
	Attempts    int    `json:"attempts,omitempty"`
	Due         string `json:"due,omitempty"` // RFC 3339
}

// DealOf gives the deal of an overview.
func DealOf(o store.Overview) Deal {
	d := Deal{
		Key: o.Key, RecordID: o.Link.CRMID, ReferralID: o.Link.ReferralID, Counterpart: o.Link.CounterpartID, Phase: o.Link.Phase,
		State: o.State, Code: o.Code, Problem: o.Error, Flow: o.Flow, Attempts: o.Attempts,
	}
	if id, ok := strings.CutPrefix(o.Key, store.RecordKey("")); ok && d.RecordID == "" {
		d.RecordID = id // not linked yet
	}
	if id, ok := strings.CutPrefix(o.Key, store.ReferralKey("")); ok && d.ReferralID == "" {
		d.ReferralID = id
	}
	if !o.Due.IsZero() {
		d.Due = stamp(o.Due)
	}
	return d
}

// Words says how the deal's work stands.
func (d Deal) Words() string {
	switch d.State {
	case store.StateGated:
		if d.Flow == store.OutOfScope {
			return "out of scope"
		}
		return "waits for " + d.Flow
	case store.StateParked:
		return "needs a person"
	case store.StateStopped:
		return "stopped by an operator"
	case store.StateWaiting:
		return "due " + d.Due
	default:
		return d.State
	}
}

// Detail is everything of one deal.
type Detail struct {
	Deal
	Fix     string    `json:"fix,omitempty"`
	Open    []Request `json:"open_requests,omitempty"`
	Held    []Request `json:"held,omitempty"`
	History []Entry   `json:"history"`
	// Base are the names of the fields on which both sides last agreed, not their values.
	Base []string `json:"base_fields,omitempty"`
}

// Request is a remote effect that was journalled. The bytes are given of those that are held back only.
type Request struct {
	Kind    string          `json:"kind"`
	State   string          `json:"state"`
	At      string          `json:"at"`
	Request json.RawMessage `json:"request,omitempty"`
}

// Entry is one entry of a deal's history.
type Entry struct {
	At     string `json:"at"`
	Actor  string `json:"actor"`
	Field  string `json:"field,omitempty"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Words says what happened.
func (e Entry) Words() string {
	switch {
	case e.Field != "" && e.Rule == "":
		return fmt.Sprintf("%s: %q became %q", e.Field, e.Old, e.New)
	case e.Rule != "":
		return strings.TrimSpace(e.Rule + " " + e.Field + " " + e.Detail)
	}
	return e.Detail
}

// Find looks for a deal by the id of its opportunity or referral, or by its key. It fails with [store.ErrNoDeal].
func Find(ctx context.Context, s *store.SQL, id string) (store.Overview, error) {
	for _, external := range []string{store.RecordKey(id), store.ReferralKey(id), id} {
		key, found, err := s.Lookup(ctx, external)
		if err != nil {
			return store.Overview{}, err
		}
		if !found {
			continue
		}
		if overview, found, err := s.Overview(ctx, key); found || err != nil {
			return overview, err
		}
	}
	return store.Overview{}, fmt.Errorf("no deal of the store has the opportunity or referral %s: %w", id, store.ErrNoDeal)
}

// DetailOf gives everything of one deal.
func DetailOf(ctx context.Context, s *store.SQL, overview store.Overview, language problem.Language) (Detail, error) {
	detail := Detail{Deal: DealOf(overview), History: []Entry{}}
	if entry, ok := language.Entry(problem.Code(overview.Code)); ok {
		detail.Fix = entry.Fix
	}
	deal, err := s.Load(ctx, overview.Key)
	if err != nil {
		return detail, err
	}
	detail.Base = fieldsOf(deal.Base)
	for _, intent := range deal.Intents {
		detail.Open = append(detail.Open, Request{Kind: intent.Kind, State: intent.State, At: stamp(intent.SentAt)})
	}
	if overview.State == store.StateGated {
		held, err := s.Held(ctx, overview.Key)
		if err != nil {
			return detail, err
		}
		for _, intent := range held {
			detail.Held = append(detail.Held, Request{Kind: intent.Kind, State: intent.State, At: stamp(intent.SentAt), Request: intent.Payload})
		}
	}
	trail, err := s.AuditTrail(ctx, overview.Key)
	for _, e := range trail {
		detail.History = append(detail.History, Entry{stamp(e.At), e.Actor, e.Field, e.Old, e.New, e.Rule, e.Detail})
	}
	return detail, err
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
