package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// The wire types are those that the provider knows too.
type (
	// Status is how one connector does.
	Status = admin.Status
	// Feed is how a change feed does.
	Feed = admin.Feed
	// Calls are the remote calls of a day.
	Calls = admin.Calls
	// Counts are deals and requests by state.
	Counts = admin.Counts
	// Cause is a problem and how many deals have it.
	Cause = admin.Cause
	// Replayed says what a replay woke.
	Replayed = admin.Replayed
	// Who acts, and why.
	Who = admin.Who
)

// Query chooses deals for a list.
type Query struct {
	State    string
	Code     string
	Problems bool
	After    string // key of the last deal of the page before
	Limit    int
}

// List is one page of deals.
type List struct {
	Deals []Deal `json:"deals"`
	Next  string `json:"next,omitempty"` // for the query of the page that follows; empty: there is none
}

// Act is what an operator does with one deal.
type Act string

// The acts.
const (
	Retry  Act = "retry"
	Park   Act = "park"
	Resume Act = "resume"
)

// Operations are what can be done with one connector. By names the person who does it, Reason says why; both are kept.
type Operations interface {
	Status(ctx context.Context) (Status, error)
	Deals(ctx context.Context, q Query) (List, error)
	Deal(ctx context.Context, id string) (Detail, error)
	// Act acts on the deal of an opportunity's or referral's id.
	Act(ctx context.Context, id string, act Act, who Who) (Deal, error)
	// Replay wakes the parked deals whose problem has one of the codes; all parked ones without codes.
	Replay(ctx context.Context, codes []string, dryRun bool, who Who) (Replayed, error)
	Pause(ctx context.Context, who Who) (Status, error)
	Resume(ctx context.Context, who Who) (Status, error)
	// Reload reads the document again. It fails when no agent runs.
	Reload(ctx context.Context, who Who) (Status, error)
	// Backfill asks the agent to look at everything that exists on both sides, once.
	Backfill(ctx context.Context, who Who) (Status, error)
}

// did tells for the history what somebody did.
func did(w Who, what string) store.AuditEntry {
	detail := what + " by " + w.By
	if w.Reason != "" {
		detail += ": " + w.Reason
	}
	return store.AuditEntry{Actor: "operator", Detail: detail}
}

// ErrNotRunning says that only a running agent can do what was asked.
var ErrNotRunning = errors.New("no agent runs for this connector; start it with 'cosell-agent run'")

// Local are the operations on a store of this process.
type Local struct {
	Store     *store.SQL
	Connector string
	Version   string
	Now       func() time.Time
	Language  problem.Language
	// Health tells how the agent does, ReadAgain reads its document again; nil where none runs in this process.
	Health    func() app.Health
	ReadAgain func() error
}

var _ Operations = (*Local)(nil)

// Status implements [Operations].
func (l *Local) Status(ctx context.Context) (Status, error) {
	s := Status{Connector: l.Connector, Version: l.Version, Problems: []Cause{}}
	stats, err := l.Store.Stats(ctx)
	if err != nil {
		return s, err
	}
	s.Counts = Counts{
		Due: stats.Due, Working: stats.Leased, Parked: stats.Parked, Gated: stats.Gated, Linked: stats.Linked, OpenIntents: stats.OpenIntents,
	}
	if due, waiting, err := l.Store.NextDue(ctx); err != nil {
		return s, err
	} else if late := l.Now().Sub(due); waiting && late > time.Second {
		s.Counts.Overdue = late.Round(time.Second).String()
	}
	causes, err := l.Store.Causes(ctx)
	if err != nil {
		return s, err
	}
	for _, c := range causes {
		if c.State == store.StateStopped {
			s.Counts.Stopped += c.Deals
		}
		s.Problems = append(s.Problems, l.cause(c))
	}
	pause, err := store.Paused(ctx, l.Store)
	if err != nil {
		return s, err
	}
	s.Paused = (*admin.Pause)(pause)
	backfilling, err := app.BackfillState(ctx, l.Store)
	if err != nil {
		return s, err
	}
	if b := backfilling; b != nil {
		s.Backfill = &admin.Backfill{Run: b.Run, Position: admin.Position(b.Position), Findings: b.Findings, Waits: b.Waits, Ended: b.Ended}
	}
	if l.Health != nil {
		err = l.addHealth(&s, l.Health())
	}
	return s, err
}

func (l *Local) cause(c store.Cause) Cause {
	out := Cause{State: c.State, Code: c.Code, Flow: c.Flow, Deals: c.Deals}
	entry, known := l.Language.Entry(problem.Code(c.Code))
	switch {
	case c.State == store.StateGated:
		out.Cause, out.Fix = "The next step belongs to "+c.Flow+", which is off.", "Enable the flow in Terraform, or leave it: the deals wait."
	case c.State == store.StateStopped:
		out.Cause, out.Fix = "An operator stopped these deals.", "cosell-agent deals resume ID lets one go on."
	case known:
		out.Cause, out.Fix = entry.Cause, entry.Fix
	default:
		out.Cause, out.Fix = "A remote system did not answer as it should.", "It is tried again by itself; the deal's page says when."
	}
	return out
}

func (l *Local) addHealth(s *Status, h app.Health) error {
	hash, err := document.Hash(h.Document)
	if err != nil {
		return err
	}
	d := h.Document
	s.Running, s.Connected, s.Trouble = true, h.Connected, h.Trouble
	s.Environment, s.Revision, s.SHA256 = d.Connector.Environment, d.Connector.Revision, hash
	s.Intake, s.Writes = d.PartnerCenter.Intake, d.PartnerCenter.Writes
	s.Calls = &Calls{Used: h.Calls, Budget: h.Budget, OrgUsed: h.OrgCalls, OrgLimit: h.OrgLimit}
	if !h.Held.IsZero() {
		s.Calls.HeldUntil = h.Held.UTC().Format(time.RFC3339)
	}
	if !h.Webhook.IsZero() {
		s.LastWebhook = stamp(h.Webhook)
	}
	for _, f := range h.Feeds {
		feed := Feed{Name: f.Name, System: systemOf(f.Name), Hits: f.Hits, Every: f.Every.String(), Behind: f.Behind(l.Now())}
		if !f.Passed.IsZero() {
			feed.Passed = stamp(f.Passed)
		}
		if f.Failed.After(f.Passed) {
			feed.Failed, feed.Error = stamp(f.Failed), f.Error
		}
		s.Feeds = append(s.Feeds, feed)
	}
	return nil
}

// systemOf gives the side that a feed reads.
func systemOf(feed string) string {
	if strings.HasPrefix(feed, "referral") {
		return app.SystemPartnerCenter
	}
	return app.SystemCRM
}

const (
	usualPage   = 100
	longestPage = 1000
)

// Deals implements [Operations].
func (l *Local) Deals(ctx context.Context, q Query) (List, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = usualPage
	}
	limit = min(limit, longestPage)
	found, err := l.Store.Page(ctx, store.Filter{State: q.State, Code: q.Code, Problems: q.Problems, After: q.After, Limit: limit + 1})
	if err != nil {
		return List{}, err
	}
	list := List{Deals: []Deal{}}
	for i, o := range found {
		if i == limit {
			list.Next = found[i-1].Key
			break
		}
		list.Deals = append(list.Deals, DealOf(o))
	}
	return list, nil
}

// Deal implements [Operations].
func (l *Local) Deal(ctx context.Context, id string) (Detail, error) {
	overview, err := Find(ctx, l.Store, id)
	if err != nil {
		return Detail{}, err
	}
	return DetailOf(ctx, l.Store, overview, l.Language)
}

// Act implements [Operations].
func (l *Local) Act(ctx context.Context, id string, act Act, who Who) (Deal, error) {
	action, what := store.Wake, "retried"
	switch act {
	case Retry:
	case Park:
		action, what = store.Stop, "stopped"
	case Resume:
		action, what = store.Start, "started again"
	default:
		return Deal{}, fmt.Errorf("%q is none of %s, %s, %s", act, Retry, Park, Resume)
	}
	overview, err := Find(ctx, l.Store, id)
	if err != nil {
		return Deal{}, err
	}
	if act == Resume && overview.State != store.StateStopped {
		return Deal{}, fmt.Errorf("deal %s is not stopped: %w", overview.Key, errState)
	}
	if act == Retry && overview.State == store.StateStopped {
		return Deal{}, fmt.Errorf("deal %s is stopped; resume it instead: %w", overview.Key, errState)
	}
	if err := l.Store.Act(ctx, overview.Key, action, did(who, what)); err != nil {
		return Deal{}, err
	}
	overview, err = Find(ctx, l.Store, overview.Key)
	return DealOf(overview), err
}

// errState says that a deal or a connector is not in a state for what was asked.
var errState = errors.New("nothing was done")

// Replay implements [Operations].
func (l *Local) Replay(ctx context.Context, codes []string, dryRun bool, who Who) (Replayed, error) {
	codes = slices.Clone(codes)
	for i, code := range codes {
		codes[i] = strings.ToUpper(code)
		if _, known := l.Language.Entry(problem.Code(codes[i])); !known {
			return Replayed{}, fmt.Errorf("there is no problem %s; 'cosell-agent problems' lists all: %w", code, errState)
		}
	}
	var n int
	var err error
	if dryRun {
		n, err = l.Store.Parked(ctx, codes)
	} else {
		n, err = l.Store.Replay(ctx, codes, did(who, "replayed"), func(int) {})
	}
	return Replayed{Deals: n, DryRun: dryRun}, err
}

// Pause implements [Operations].
func (l *Local) Pause(ctx context.Context, who Who) (Status, error) {
	if err := store.SetPause(ctx, l.Store, &store.Pause{At: l.Now().UTC(), By: who.By, Reason: who.Reason}); err != nil {
		return Status{}, err
	}
	return l.Status(ctx)
}

// Resume implements [Operations].
func (l *Local) Resume(ctx context.Context, _ Who) (Status, error) {
	if err := store.SetPause(ctx, l.Store, nil); err != nil {
		return Status{}, err
	}
	return l.Status(ctx)
}

// Reload implements [Operations].
func (l *Local) Reload(ctx context.Context, _ Who) (Status, error) {
	if l.ReadAgain == nil {
		return Status{}, ErrNotRunning
	}
	if err := l.ReadAgain(); err != nil {
		return Status{}, err
	}
	return l.Status(ctx)
}

// Backfill implements [Operations].
func (l *Local) Backfill(ctx context.Context, _ Who) (Status, error) {
	if err := app.RequestBackfill(ctx, l.Store, l.Now()); err != nil {
		return Status{}, err
	}
	return l.Status(ctx)
}

// fieldsOf names the kinds of fields of a snapshot: elements of a set (a contact's address, a product) are not named one by one.
func fieldsOf(values store.Values) []string {
	fields := deal.Values{}
	for key := range values {
		for _, prefix := range []string{"crm.", "referral."} {
			if field, ok := strings.CutPrefix(key, prefix); ok {
				fields[field] = ""
			}
		}
	}
	return deal.Kinds(fields)
}
