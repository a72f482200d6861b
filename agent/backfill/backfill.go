// Package backfill looks once at everything that exists on both sides, to link what belongs together. Both sides are read page by
// page, and nothing but a few bytes a deal is kept, so that a hundred thousand deals need no more memory than a hundred.
//
// What belongs together is told by identifiers only: the unique key of the opportunity, the identifier that it shows, the
// opportunity that the referral names. Opportunities that merely look like a referral's are candidates for a person.
package backfill

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// Records is the CRM. Its lists have at most as many rows as were asked for, or two for each value that was asked for.
type Records interface {
	// Existing lists, in an order that does not change, the opportunities that are shared, or to be, from a position on, and gives the
	// position behind them. The zero position is the beginning; no rows are the end.
	Existing(ctx context.Context, after string, limit int) (rows []crm.Summary, next string, err error)
	// ByReferral lists the opportunities that name one of the referrals, ByID those of ids, ByName those of names.
	ByReferral(ctx context.Context, referralIDs []string) ([]crm.Summary, error)
	ByID(ctx context.Context, ids []string) ([]crm.Summary, error)
	ByName(ctx context.Context, names []string) ([]crm.Summary, error)
	// Known reports whether a text can be the id of a record here.
	Known(id string) bool
}

// Referrals is Partner Center.
type Referrals interface {
	// OldestFirst streams all referrals by their time of creation.
	OldestFirst(ctx context.Context) iter.Seq2[referral.Referral, error]
}

// Verdicts on a deal.
const (
	Linked            = "linked"             // both sides name each other; it is only looked at
	Link              = "link"               // will be linked
	CreateOpportunity = "create_opportunity" // an open referral without opportunity
	CreateReferral    = "create_referral"    // an opportunity that a seller wants shared
	Lead              = "lead"               // a referral that is a lead; the connector's rules say what becomes of it
	Candidates        = "candidates"         // a person has to say whether one of the opportunities is it
	Conflict          = "conflict"           // the identifiers contradict each other
	Skipped           = "skipped"            // nothing is to be done
)

// Finding is what was found of one deal.
type Finding struct {
	Verdict    string   `json:"verdict"`
	ReferralID string   `json:"referral_id,omitempty"`
	RecordID   string   `json:"record_id,omitempty"`
	Candidates []string `json:"candidates,omitempty"` // ids of opportunities
	Why        string   `json:"why,omitempty"`
}

// Event is the store's event that makes the agent look at the deal; false: nobody is to look at it.
func (f Finding) Event(run string) (store.Event, bool) {
	event := store.Event{Source: "backfill", Name: f.Verdict, Priority: store.Backfill}
	switch {
	case f.Verdict == Candidates || f.Verdict == Skipped:
		return event, false
	case f.ReferralID != "":
		event.Key = store.ReferralKey(f.ReferralID)
	default:
		event.Key = store.RecordKey(f.RecordID)
	}
	event.ID = "backfill:" + run + ":" + event.Key
	return event, true
}

// Phases, in their order.
const (
	PhaseReferrals = "referrals"
	PhaseRecords   = "records"
	PhaseDone      = "done"
)

// Position is how far a backfill got. The zero Position is the beginning.
type Position struct {
	Phase string `json:"phase"`
	// After is the time of creation of the last referral (RFC 3339), or the CRM's own position among its opportunities.
	After string `json:"after,omitempty"`
	// Referrals and Records count those that were looked at.
	Referrals int `json:"referrals"`
	Records   int `json:"records"`
}

// Page sizes: those of a page of referrals, and of a query whose condition lists as many values.
const (
	referralPage = 100
	recordPage   = 500
)

// Survey looks at both sides.
type Survey struct {
	Records   Records
	Referrals Referrals
	// Scope tells whether a referral is this connector's own; nil when all are.
	Scope func(referral.Referral) bool

	seed maphash.Seed
	seen map[uint64]struct{} // opportunities that a referral leads to, or that are candidates
	part bool                // some of them are not known: the survey goes on where another one was
}

// Run looks at everything from a position on and hands on what it finds, page by page, each with the position behind it.
func (s *Survey) Run(ctx context.Context, from Position, page func([]Finding, Position) error) error {
	s.seed, s.seen = maphash.MakeSeed(), map[uint64]struct{}{}
	s.part = from.Referrals > 0
	at := from
	if at.Phase == "" {
		at.Phase = PhaseReferrals
	}
	if at.Phase == PhaseReferrals {
		if err := s.referrals(ctx, &at, page); err != nil {
			return err
		}
		at.Phase, at.After = PhaseRecords, ""
	}
	if at.Phase == PhaseRecords {
		if err := s.records(ctx, &at, page); err != nil {
			return err
		}
	}
	at.Phase, at.After = PhaseDone, ""
	return page(nil, at)
}

func (s *Survey) referrals(ctx context.Context, at *Position, page func([]Finding, Position) error) error {
	after, err := parseAfter(at.After)
	if err != nil {
		return err
	}
	var batch []referral.Referral
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		findings, err := s.judge(ctx, batch)
		if err != nil {
			return err
		}
		at.Referrals += len(batch)
		at.After = batch[len(batch)-1].CreatedAt.UTC().Format(time.RFC3339Nano)
		batch = batch[:0]
		return page(findings, *at)
	}
	for r, err := range s.Referrals.OldestFirst(ctx) {
		if err != nil {
			return fmt.Errorf("list the referrals: %w", err)
		}
		if r.CreatedAt.Before(after) {
			continue // several may share the last one's time; those are looked at again
		}
		r.Tree = slim(r)
		if batch = append(batch, r); len(batch) == referralPage {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func parseAfter(after string) (time.Time, error) {
	if after == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, after)
	if err != nil {
		return at, fmt.Errorf("go on after %q: %w", after, err)
	}
	return at, nil
}

// slim keeps of a referral what is compared.
func slim(r referral.Referral) map[string]any {
	return map[string]any{"status": r.Tree["status"], "customerProfile": r.Tree["customerProfile"], "details": r.Tree["details"]}
}

func (s *Survey) judge(ctx context.Context, batch []referral.Referral) ([]Finding, error) {
	var ids, references []string
	for _, r := range batch {
		ids = append(ids, strings.ToLower(r.ID))
		if s.Records.Known(r.ExternalReference) {
			references = append(references, r.ExternalReference)
		}
	}
	naming, err := s.Records.ByReferral(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look for the referrals' opportunities: %w", err)
	}
	var named []crm.Summary
	if len(references) > 0 {
		if named, err = s.Records.ByID(ctx, references); err != nil {
			return nil, fmt.Errorf("look for the opportunities that referrals name: %w", err)
		}
	}
	findings := make([]Finding, len(batch))
	var open []int
	for i, r := range batch {
		if findings[i] = s.identify(r, naming, named); findings[i].Verdict == CreateOpportunity {
			open = append(open, i)
		}
		s.see(findings[i].RecordID)
	}
	return findings, s.candidates(ctx, batch, findings, open)
}

// identify decides by identifiers, as the engine does.
func (s *Survey) identify(r referral.Referral, naming, named []crm.Summary) Finding {
	f := Finding{ReferralID: r.ID}
	keyed := slices.IndexFunc(naming, func(c crm.Summary) bool { return strings.EqualFold(c.Key, r.ID) })
	own := slices.IndexFunc(named, func(c crm.Summary) bool { return strings.EqualFold(c.ID, r.ExternalReference) })
	shown := slices.IndexFunc(naming, func(c crm.Summary) bool { return c.Key == "" && strings.EqualFold(c.ReferralID, r.ID) })
	status, _ := r.Tree["status"].(string)
	switch {
	case r.Microsoft:
		f.Verdict, f.Why = Skipped, "it is Microsoft's own; it follows the partner's referral of the engagement"
	case s.Scope != nil && !s.Scope(r):
		f.Verdict, f.Why = Skipped, "it is outside the connector's scope"
	case keyed >= 0:
		f.Verdict, f.RecordID = Linked, naming[keyed].ID
	case own >= 0 && named[own].Key != "":
		f.Verdict, f.RecordID = Conflict, named[own].ID
		f.Why = "it names an opportunity that belongs to referral " + named[own].Key
	case own >= 0:
		f.Verdict, f.RecordID, f.Why = Link, named[own].ID, "the referral names the opportunity"
	case shown >= 0:
		f.Verdict, f.RecordID = Conflict, naming[shown].ID
		f.Why = "the opportunity shows this referral's identifier, but the referral names no opportunity or another one; " +
			"write the identifier into the opportunity's unique key as well if they are one deal"
	case status == "Closed":
		f.Verdict, f.Why = Skipped, "it is closed and has no opportunity"
	case r.Lead:
		f.Verdict = Lead
	default:
		f.Verdict = CreateOpportunity
	}
	return f
}

// candidates looks for opportunities that may be those of open referrals without one: of the same name, and of the same customer
// or value.
func (s *Survey) candidates(ctx context.Context, batch []referral.Referral, findings []Finding, open []int) error {
	var names []string
	for _, i := range open {
		if name := strings.TrimSpace(batch[i].Name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	found, err := s.Records.ByName(ctx, names)
	if err != nil {
		return fmt.Errorf("look for opportunities of the referrals' names: %w", err)
	}
	for _, i := range open {
		for _, c := range found {
			if c.Key == "" && c.ReferralID == "" && resembles(batch[i], c) {
				findings[i].Candidates = append(findings[i].Candidates, c.ID)
				s.see(c.ID)
			}
		}
		if len(findings[i].Candidates) > 0 {
			findings[i].Verdict = Candidates
			findings[i].Why = "an opportunity looks like it; if it is, write the referral's identifier into its unique key, otherwise accept that a new one is created when the referral changes"
		}
	}
	return nil
}

func resembles(r referral.Referral, c crm.Summary) bool {
	if match.Key(deal.StripMark(c.Name)) != match.Key(r.Name) {
		return false
	}
	profile, _ := r.Tree["customerProfile"].(map[string]any)
	customer, _ := profile["name"].(string)
	details, _ := r.Tree["details"].(map[string]any)
	value, err := deal.Normalize(deal.DealValue, details["dealValue"])
	same := customer != "" && match.Key(customer) == match.Key(c.Account)
	return same || err == nil && value != "" && value == c.Value
}

func (s *Survey) see(recordID string) {
	if recordID != "" {
		s.seen[maphash.String(s.seed, recordID)] = struct{}{}
	}
}

func (s *Survey) records(ctx context.Context, at *Position, page func([]Finding, Position) error) error {
	for {
		rows, next, err := s.Records.Existing(ctx, at.After, recordPage)
		if err != nil {
			return fmt.Errorf("list the opportunities: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		var findings []Finding
		for _, row := range rows {
			if _, seen := s.seen[maphash.String(s.seed, row.ID)]; !seen {
				findings = append(findings, s.alone(row))
			}
		}
		at.After = next
		at.Records += len(rows)
		if err := page(findings, *at); err != nil {
			return err
		}
	}
}

// alone judges an opportunity to which no referral led.
func (s *Survey) alone(row crm.Summary) Finding {
	f := Finding{RecordID: row.ID}
	switch {
	case s.part && (row.Key != "" || row.ReferralID != ""):
		f.Verdict = Link // whether its referral exists is for the engine to see
	case row.Key != "":
		f.Verdict, f.Why = Conflict, "it belongs to referral "+row.Key+", which Partner Center did not show"
	case row.ReferralID != "":
		f.Verdict, f.Why = Conflict, "it shows the identifier "+row.ReferralID+" of a referral that Partner Center did not show, or that names another opportunity"
	case row.Closed:
		f.Verdict, f.Why = Skipped, "it is closed and was never shared"
	case row.Sync:
		f.Verdict = CreateReferral
	default:
		f.Verdict, f.Why = Skipped, "nobody wants it shared"
	}
	return f
}
