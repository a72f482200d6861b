// Package reconcile makes one deal equal on both sides at a time. It is synchronous: no goroutine, channel or timer, no
// clock but the one it is given. It sees the world through three small interfaces (the store's deals, the CRM, Partner
// Center), which have in-memory twins, so that a simulator can run the real engine and crash it between any two effects.
//
// Every run starts from what both sides hold now. Events only say that a deal may have changed; nothing they carry is
// believed. Whatever a crash leaves behind is found in the store: an open intent (a create whose outcome is unknown) or a
// pending attempt (updates whose outcome is unknown).
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Effect is a class of remote writes that a flow can switch.
type Effect int

// The effects.
const (
	CreateReferral Effect = iota
	PatchReferral
	CreateCounterpart
	CreateOpportunity // or a lead
	UpdateOpportunity // or a lead
	PatchSolutions    // of PatchReferral, what concerns solutions
	AcceptLead        // of PatchReferral, the acceptance of a lead that was converted
	ReadCounterpart   // no write, but what the writes about Microsoft's answer build on
)

// Settings are the rules of one connector.
type Settings struct {
	Plan mapping.Plan
	// Blocked names the flow that keeps an effect from happening; effects that may happen are absent.
	Blocked map[Effect]string
	// Delay is how long an opportunity must rest before its first share.
	Delay             time.Duration
	MarketplaceIntent string
	MatchPostalCode   bool
	CreateAccounts    bool
	// Scope tells whether a referral is this connector's own, be it one that is only about to be created (it has no ID then);
	// nil when all are.
	Scope func(referral.Referral) bool
	// Leads says that the CRM keeps leads, and CoSellOnly that none come from Partner Center.
	Leads, CoSellOnly bool
	// PartnerID is the partner location of new referrals, as far as it is known.
	PartnerID string
	// Settle is how long after a create was sent its outcome can be read back: the longest that the request, and the list
	// that shows its effect, may lag behind.
	Settle time.Duration
	// Lease is the length of the lease on account creation.
	Lease time.Duration
	// Document identifies the content of the document that these rules are of.
	Document string
	// Language is that of what is written into the CRM's Audit and Sync Status; empty: English.
	Language problem.Language
}

// Engine reconciles deals.
type Engine struct {
	store    store.Deals
	crm      crm.CRM
	leads    crm.Leads
	center   referral.API
	settings Settings
	rules    []deal.Rule
	now      func() time.Time
	jitter   func() float64
	asked    func(error) time.Duration
	born     time.Time
	log      hclog.Logger

	// throttled holds until when a remote system asked to be left alone, by deal.
	throttled sync.Map
	// helpCodeRefused remembers that this Partner Center takes the kind of help with Microsoft's referral only.
	helpCodeRefused atomic.Bool
}

// Options make an [Engine].
type Options struct {
	Store         store.Deals
	CRM           crm.CRM
	Leads         crm.Leads // of the same CRM; nil: it has none
	PartnerCenter referral.API
	Settings      Settings
	Now           func() time.Time
	// Jitter gives a number in [0, 1).
	Jitter func() float64
	// RetryAfter gives the wait that a remote system asked for in an error; 0 when it asked for none.
	RetryAfter func(error) time.Duration
	// Born is since when the store exists. What is older may have been shared by an agent whose store was lost. Zero: nothing was.
	Born time.Time
	Log  hclog.Logger
}

// New makes an engine.
func New(o Options) *Engine {
	return &Engine{
		store: o.Store, crm: o.CRM, leads: o.Leads, center: o.PartnerCenter, settings: o.Settings, rules: o.Settings.Plan.Rules(),
		now: o.Now, jitter: o.Jitter, asked: o.RetryAfter, born: o.Born, log: o.Log,
	}
}

// Reconcile runs one claimed deal and says how the run ended. It gives nil when there is nothing to settle: the lease was
// lost, or the deal was absorbed by another.
func (e *Engine) Reconcile(ctx context.Context, claim store.Claim) store.Outcome {
	if until, asked := e.askedToWait(claim.Key); asked {
		return store.Retry{At: until} // a new event is no reason to come earlier
	}
	r := &run{Engine: e, claim: claim, log: e.log.With("deal", claim.Key)}
	outcome, err := r.reconcile(ctx)
	if err != nil {
		outcome = r.failed(ctx, err)
	}
	switch outcome := outcome.(type) {
	case store.Retry:
		level := hclog.Debug
		if outcome.Code != "" && claim.Attempts >= worthAWarning {
			level = hclog.Warn
		}
		r.log.Log(level, "will run again", "at", outcome.At, "code", outcome.Code, "error", outcome.Error, "attempts", claim.Attempts)
	case store.Park:
		r.log.Warn("needs a person", "code", outcome.Code, "error", outcome.Error)
	case store.Gate:
		r.log.Info("waits for a flow", "flow", outcome.Flow)
	}
	return outcome
}

// askedToWait tells until when a remote system asked not to be called about a deal again.
func (e *Engine) askedToWait(key string) (until time.Time, asked bool) {
	kept, found := e.throttled.Load(key)
	if !found {
		return time.Time{}, false
	}
	if until = kept.(time.Time); e.now().Before(until) {
		return until, true
	}
	e.throttled.Delete(key)
	return time.Time{}, false
}

// worthAWarning is how many failed tries are part of ordinary life.
const worthAWarning = 3

// errAbsorbed ends a run whose deal became part of another.
var errAbsorbed = errors.New("the deal was absorbed")

// failed turns an error into an outcome.
func (r *run) failed(ctx context.Context, err error) store.Outcome {
	switch {
	case errors.Is(err, errAbsorbed), errors.Is(err, store.ErrLeaseLost):
		return nil
	case errors.Is(err, store.ErrBusy):
		return r.again(briefly, nil)
	case errors.Is(err, crm.ErrChanged), errors.Is(err, referral.ErrChanged):
		return r.again(briefly, problem.Wrap(problem.ChangedMeanwhile, r.claim.Key, err))
	case errors.Is(err, store.ErrBoundElsewhere):
		return r.park(ctx, problem.Wrap(problem.BoundElsewhere, r.claim.Key, err))
	case problem.ClassOf(err) == problem.NeedsPerson:
		return r.park(ctx, asProblem(r.claim.Key, err))
	default:
		if wait := r.asked(err); wait > 0 {
			// The store keeps whole milliseconds: a deal must not be due before its time is over.
			r.throttled.Store(r.claim.Key, r.now().Add(wait+time.Millisecond).Truncate(time.Millisecond))
		}
		return r.again(r.backoff(err), err)
	}
}

const (
	briefly      = 200 * time.Millisecond
	firstBackoff = 2 * time.Second
	// Longest is the longest wait between two tries; a remote system that is down for days costs four calls an hour a deal.
	longestBackoff = 15 * time.Minute
)

// backoff is the wait before the next try: full jitter, and at least what the remote system asked for.
func (r *run) backoff(err error) time.Duration {
	ceiling := longestBackoff
	if r.claim.Attempts < 9 {
		ceiling = min(firstBackoff<<r.claim.Attempts, longestBackoff)
	}
	return max(time.Duration(r.jitter()*float64(ceiling)), r.asked(err), briefly)
}

// longestTurn bounds the wait for another deal's create of the same customer.
const longestTurn = 5 * time.Second

// turn is the wait for another deal's create of the same customer. That takes a moment, so many deals of one customer that arrive
// at once take their turns within seconds; and yet those who have waited for long do not keep both systems busy. To wait is no failure: a
// deal that fails once after many turns is tried again as soon as any other.
func (r *run) turn() time.Duration {
	ceiling := briefly
	if since := r.claim.FirstFailed; !since.IsZero() {
		ceiling = max(briefly, min(r.now().Sub(since), longestTurn))
	}
	return max(time.Duration(r.jitter()*float64(ceiling)), briefly)
}

func (r *run) again(wait time.Duration, err error) store.Outcome {
	retry := store.Retry{At: r.now().Add(wait)}
	if err != nil {
		retry.Code, retry.Error = codeOf(err), err.Error()
	}
	return retry
}

// codeOf gives the catalogue's code of an error that passes by itself.
func codeOf(err error) string {
	var p *problem.Problem
	if errors.As(err, &p) {
		return string(p.Code)
	}
	return string(problem.Unavailable)
}

// asProblem makes a problem of a refusal that is not one yet.
func asProblem(object string, err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	return problem.Wrap(problem.ReferralRefused, object, err)
}

// park ends a run that needs a person, and tells the seller through the record, if there is one.
func (r *run) park(ctx context.Context, p *problem.Problem) store.Outcome {
	if err := r.report(ctx, string(p.Code), r.settings.Language.Problem(p)); err != nil {
		r.log.Warn("the problem could not be written to the record", "error", err)
		if problem.ClassOf(err) == problem.Later && !errors.Is(err, crm.ErrNotFound) {
			return r.again(r.backoff(err), fmt.Errorf("report %s: %w", p.Code, err))
		}
	}
	return store.Park{Code: string(p.Code), Error: p.Error(), Document: r.mendable(p.Code)}
}

// beyondConfiguration are the problems that another document cannot solve. Looking at such a deal again without a person's doing may
// even be wrong: what is unknown about a create stays unknown.
var beyondConfiguration = []problem.Code{problem.CreateUnknown, problem.BoundElsewhere, problem.LeadWithoutDeal, problem.ReferralClosed}

// mendable gives the document under which a problem arose, so that the deal is looked at again under another one; "" when that could
// not help.
func (r *run) mendable(code problem.Code) string {
	if slices.Contains(beyondConfiguration, code) {
		return ""
	}
	return r.settings.Document
}

// gate ends a run whose next step belongs to a flow that is off, or lies outside the scope.
func (r *run) gate(flow string) store.Outcome {
	return store.Gate{Flow: flow, Document: r.settings.Document}
}
