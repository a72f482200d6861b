package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Precision is the resolution of the CRM's time stamps and precondition, with a margin for the clocks. A record that was read
// within the second of its last change is not written: another change in that second would go unnoticed.
const Precision = 1200 * time.Millisecond

// unsettled reports whether the record was read too soon after its last change, and when it can be read again.
func (r *run) unsettled() (time.Time, bool) {
	settled := r.record.ModifiedAt.Add(Precision)
	return settled, r.readAt.Before(settled)
}

// merge makes both sides equal.
func (r *run) merge(ctx context.Context) (store.Outcome, error) {
	if !r.record.Sync {
		return store.Done{}, nil // the seller does not want it shared, or paused it; switching it on is an event
	}
	if r.outOfScope() {
		return r.gate(store.OutOfScope), nil
	}
	if err := r.readCounterpart(ctx); err != nil {
		return nil, err
	}
	memory := memoryOf(r.deal)
	current, err := r.current(memory)
	if err != nil {
		return nil, err
	}
	result := r.decide(memory, current)
	if err := r.notGuessed(result); err != nil {
		return nil, err
	}
	r.restoreAudit(&result)
	r.nameSellers(&result)
	if result.Held {
		if err := r.show(ctx, memory, current); err != nil {
			return nil, err
		}
	}
	writes, err := r.writes(ctx, current, &result)
	if err != nil {
		return nil, err
	}
	if memory.Base == nil && len(memory.Pending) == 0 {
		writes.audit = append(writes.audit, withoutBase(current, result)...)
	}
	if writes.none() {
		if result.Guessed && r.claim.Attempts < believed {
			return nil, r.lacksAmount() // which may be all that changed
		}
		return r.rest(ctx, memory, result)
	}
	if settled, early := r.unsettled(); early && writes.record != nil {
		return store.Retry{At: settled}, nil
	}
	if err := r.begin(ctx, result, writes); err != nil {
		return nil, err
	}
	if sent, err := r.patch(ctx, writes); err != nil {
		return nil, r.withdraw(ctx, sent, err)
	}
	if writes.record != nil {
		err := r.crm.Update(ctx, r.record.ID, r.record.Version, writes.record)
		if errors.Is(err, errSealed) {
			return r.leaveSealed(ctx, result, writes, err)
		}
		if err != nil {
			return nil, r.halfDone(ctx, result, writes, asRecordRefusal(r.record.ID, err))
		}
	}
	return r.complete(ctx, result, writes)
}

// errSealed matches the refusal of a CRM in which nothing of a closed record can be changed.
var errSealed = problem.New(problem.OpportunityClosed, "", "")

// leaveSealed ends a run whose record is closed and stays as it is. Its seller cannot be told either, so that the deal is only listed.
// What the record lacks is news as before: it is written when somebody opens the record again, which is an event.
func (r *run) leaveSealed(ctx context.Context, result deal.Result, w writes, refusal error) (store.Outcome, error) {
	if err := r.halfDone(ctx, result, w, refusal); !errors.Is(err, errSealed) {
		return nil, err
	}
	if err := r.commit(ctx, store.Change{Settle: r.halfSettled(), Link: r.phase(result)}); err != nil {
		return nil, err
	}
	return store.Park{Code: string(problem.OpportunityClosed), Error: refusal.Error(), Document: r.settings.Document}, nil
}

func asRecordRefusal(id string, err error) error {
	if errors.Is(err, crm.ErrChanged) || errors.Is(err, crm.ErrNotFound) || wire.IsAmbiguous(err) || problem.ClassOf(err) != problem.NeedsPerson {
		return err
	}
	return problem.Wrap(problem.OpportunityRefused, "opportunity "+id, err)
}

// notGuessed refuses to write over an amount that the answer lacked: it may be somebody's edit, which nobody has read. An answer that
// goes on lacking it is believed in the end.
func (r *run) notGuessed(result deal.Result) error {
	_, amount := result.ToReferral[deal.DealValue]
	_, currency := result.ToReferral[deal.Currency]
	if !result.Guessed || !amount && !currency || r.claim.Attempts >= believed {
		return nil
	}
	return r.lacksAmount()
}

func (r *run) lacksAmount() error {
	return problem.New(problem.ChangedMeanwhile, "referral "+r.referral.ID, "the answer lacks the deal value, which is known")
}

// decide merges. A value that the mapping cannot write into the record makes its field one that is left alone.
func (r *run) decide(memory deal.Memory, current deal.Pair) deal.Result {
	for {
		result, before := deal.Merge(memory, current, r.rules, r.holds()), len(r.unmapped)
		for field, value := range result.ToCRM {
			if _, err := r.settings.Plan.ToRecord(deal.Values{field: value}); err != nil {
				r.fail(failureOf(field, err))
			}
		}
		if len(r.unmapped) == before {
			return result
		}
	}
}

// current reads what both sides hold, as far as the mapping can.
func (r *run) current(memory deal.Memory) (deal.Pair, error) {
	r.unmapped = nil
	record, failed, err := r.settings.Plan.TryRecord(r.record.Fields)
	if err != nil {
		return deal.Pair{}, unreadable(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	r.fail(failed)
	r.addSets(record)
	if base := memory.Base; base != nil {
		record[deal.MicrosoftStatus] = base.CRM[deal.MicrosoftStatus]
	}
	values, failed, err := r.settings.Plan.TryReferral(r.referral.Tree)
	r.fail(failed)
	if err == nil && r.counterpart != nil {
		failed, err = r.settings.Plan.AddCounterpart(values, r.counterpart.Tree)
		r.fail(failed)
	}
	if err != nil {
		return deal.Pair{}, unreadable(problem.ReferralRefused, "referral "+r.referral.ID, err)
	}
	r.recallCounterpart(memory, values)
	return deal.Pair{CRM: record, Referral: values}, nil
}

// recallCounterpart completes what a referral says by what Microsoft's was last known to say, when that was not read this time:
// the flow is off, or the deal is closed. What is not known now has not become empty. An attempt that did not come to its end may know
// more than the base does.
func (r *run) recallCounterpart(memory deal.Memory, values deal.Values) {
	if r.counterpart != nil || r.deal.Link.CounterpartID == "" || memory.Base == nil {
		return
	}
	for _, field := range []string{deal.MicrosoftStatus, deal.MicrosoftCRMID, deal.Help} {
		for _, attempt := range slices.Backward(memory.Pending) {
			if values[field] == "" {
				values[field] = attempt.Seen.Referral[field]
			}
		}
		if values[field] == "" {
			values[field] = memory.Base.Referral[field]
		}
	}
}

// show keeps, and logs by the names of its fields, what would be sent to Partner Center if no flow, and no shadow mode, held it.
// Values are a customer's: they stay out of the log.
func (r *run) show(ctx context.Context, memory deal.Memory, current deal.Pair) error {
	by, blocked := r.settings.Blocked[PatchReferral]
	if !blocked {
		return nil
	}
	open := r.holds()
	open.HoldOutbound = false
	would := deal.Merge(memory, current, r.rules, open)
	patches, err := r.patches(current, would)
	if err != nil || len(patches) == 0 {
		return err
	}
	r.log.Info("would change the referral", "held_by", by, "fields", deal.Kinds(would.ToReferral), "steps", would.Transitions)
	return r.keepHeld(ctx, intentPatch, r.referral.ID, patches...)
}

// keepHeld keeps the exact bytes of requests that are computed and not sent, in the place of those that were kept before.
func (r *run) keepHeld(ctx context.Context, kind, correlation string, payloads ...[]byte) error {
	var held []store.Intent
	for n, payload := range payloads {
		held = append(held, store.Intent{
			ID: fmt.Sprintf("held:%s:%s:%d", kind, r.claim.Key, n), Kind: kind, Payload: payload, Correlation: correlation, State: store.IntentHeld, SentAt: r.now(),
		})
	}
	return r.commit(ctx, store.Change{Open: held})
}

// addSets completes a record's values with its solutions and people.
func (r *run) addSets(values deal.Values) {
	mapping.AddSolutions(values, r.record.Sold())
	deal.AddPeople(values, deal.ContactField, r.record.People())
	deal.AddPeople(values, deal.MemberField, r.record.Team)
}

func (r *run) holds() deal.Options {
	held := func(effect Effect) bool {
		_, blocked := r.settings.Blocked[effect]
		return blocked
	}
	options := deal.Options{
		HoldOutbound: held(PatchReferral), HoldInbound: held(UpdateOpportunity), HoldSolutions: held(PatchSolutions), HoldHelp: held(CreateCounterpart),
		FixedCurrency: r.settings.Plan.FixedCurrency, MostSolutions: crm.MostSolutions, MostContacts: crm.MostContacts, Ours: r.deal.Link.Origin == store.OriginCRM,
		NoContact: len(r.record.Contacts) == 0 || !r.record.Contacts[0].Complete(), NoTeam: len(r.record.Team) == 0 || !r.record.Team[0].Complete(),
		Unmapped: r.unmapped.Reasons(), Newer: deal.CRM,
	}
	if r.referral.UpdatedAt.After(r.record.ModifiedAt) {
		options.Newer = deal.PartnerCenter
	}
	switch {
	case r.deal.Link.CounterpartID != "":
		options.Engagement = deal.Asked
	case !r.referral.Outgoing:
		options.Engagement = deal.FromMicrosoft
	}
	return options
}

// begin remembers the attempt and journals its bytes before the first is sent, and with them what was decided: a later run
// that finishes the attempt finds both sides as intended and has nothing to decide.
func (r *run) begin(ctx context.Context, result deal.Result, w writes) error {
	change := store.Change{Pending: packAttempt(result.Attempt), Settle: r.superseded(), Audit: w.decisions()}
	add := func(kind string, n int, payload []byte, correlation string) {
		change.Open = append(change.Open, store.Intent{
			ID: fmt.Sprintf("%s:%s:%d:%d", kind, r.claim.Key, r.claim.Fence, n), Kind: kind, Payload: payload, Correlation: correlation,
			State: store.IntentSent, SentAt: r.now(),
		})
	}
	for n, patch := range w.patches {
		add(intentPatch, n, patch, r.referral.ID)
	}
	if w.record != nil {
		add(intentUpdate, 0, w.record, r.record.ID)
	}
	if err := r.commit(ctx, change); err != nil {
		return err
	}
	r.deal.Intents = change.Open
	return nil
}

// withdraw takes an attempt back when nothing of it can have arrived, so that what it would have carried is news as before: it
// must not count as seen by a person who edits the other side meanwhile.
func (r *run) withdraw(ctx context.Context, sent int, err error) error {
	if sent > 0 || wire.IsAmbiguous(err) || r.deal.Base == nil || len(r.deal.Pending) != 1 {
		return err
	}
	if recordErr := r.commit(ctx, store.Change{Base: r.deal.Base, Settle: r.settleUpdates(store.IntentFailed)}); recordErr != nil {
		return recordErr
	}
	return err
}

// halfDone ends an attempt whose patches all arrived, when the record's update was turned away for certain. What the record would have
// been told is news as before: a seller who edits it meanwhile has not seen it, and a conflict is decided as one.
func (r *run) halfDone(ctx context.Context, result deal.Result, w writes, err error) error {
	if len(w.patches) == 0 || wire.IsAmbiguous(err) || r.deal.Base == nil || len(r.deal.Pending) != 1 {
		return r.withdraw(ctx, len(w.patches), err)
	}
	base, agreed := unpackPair(r.deal.Base, ""), result.Attempt.Intended
	half := deal.Pair{CRM: maps.Clone(agreed.CRM), Referral: maps.Clone(agreed.Referral)}
	untold := append(slices.Collect(maps.Keys(result.ToCRM)), deal.MicrosoftStatus) // Microsoft's answer is told in the same update
	for _, field := range untold {
		restore(half.CRM, base.CRM, field)
		restore(half.Referral, base.Referral, field)
	}
	audit := slices.DeleteFunc(w.changes(), func(e store.AuditEntry) bool { return e.Direction != "outbound" })
	if recordErr := r.commit(ctx, store.Change{Base: packBase(half), Settle: r.halfSettled(), Audit: audit}); recordErr != nil {
		return recordErr
	}
	return err
}

// halfSettled settles an attempt whose patches arrived and whose record's update was refused.
func (r *run) halfSettled() []store.Settlement {
	var settle []store.Settlement
	for _, intent := range r.deal.Intents {
		state := store.IntentDone
		if intent.Kind == intentUpdate {
			state = store.IntentFailed
		}
		settle = append(settle, store.Settlement{ID: intent.ID, State: state})
	}
	return settle
}

// restore gives a field the value that it has in from, or none.
func restore(values, from deal.Values, field string) {
	if value, held := from[field]; held {
		values[field] = value
	} else {
		delete(values, field)
	}
}

// superseded settles the updates that earlier runs left open.
func (r *run) superseded() []store.Settlement { return r.settleUpdates(store.IntentSuperseded) }

func (r *run) settleUpdates(state string) []store.Settlement {
	var settlements []store.Settlement
	for _, intent := range r.deal.Intents {
		if intent.Kind == intentPatch || intent.Kind == intentUpdate {
			settlements = append(settlements, store.Settlement{ID: intent.ID, State: state})
		}
	}
	return settlements
}

// patch sends the patches and tells how many arrived. Right before each, the seller's wish to share is read again unless it was
// read just now.
func (r *run) patch(ctx context.Context, w writes) (sent int, err error) {
	for _, patch := range w.patches {
		if err := r.stillWanted(ctx); err != nil {
			return sent, err
		}
		patched, err := r.center.Patch(ctx, r.referral.ID, r.referral.ETag, patch)
		if err != nil {
			if errors.Is(err, referral.ErrChanged) || errors.Is(err, referral.ErrNotFound) {
				return sent, err
			}
			return sent, asRefusal(err)
		}
		r.referral = &patched
		sent++
	}
	return sent, nil
}

// complete makes the attempt the new base: every write of it arrived.
func (r *run) complete(ctx context.Context, result deal.Result, w writes) (store.Outcome, error) {
	if w.record != nil {
		r.recordKnown = r.recordKnown.Add(time.Nanosecond) // whoever still shows the state that was written over lags behind
	}
	change := store.Change{
		Base: packBase(result.Attempt.Intended), Settle: r.settleUpdates(store.IntentDone), Audit: w.changes(), Report: w.report, Told: w.told, Link: r.phase(result),
	}
	r.recall(&change, len(r.deal.Pending) > 1)
	if err := r.commit(ctx, change); err != nil {
		return nil, err
	}
	r.log.Info("made equal", "to_crm", deal.Kinds(result.ToCRM), "to_partner_center", deal.Kinds(result.ToReferral), "steps", result.Transitions)
	return r.next(ctx, result)
}

// rest ends a run in which nothing had to be written.
func (r *run) rest(ctx context.Context, memory deal.Memory, result deal.Result) (store.Outcome, error) {
	change := store.Change{Settle: r.settleUpdates(store.IntentDone), Link: r.phase(result)}
	intended := result.Attempt.Intended
	if memory.Base == nil || len(memory.Pending) > 0 || !maps.Equal(memory.Base.CRM, intended.CRM) || !maps.Equal(memory.Base.Referral, intended.Referral) {
		change.Base = packBase(intended)
	}
	r.recall(&change, len(memory.Pending) > 0)
	if change.Base != nil || len(change.Settle) > 0 || change.Link != nil || change.Told != nil {
		if err := r.commit(ctx, change); err != nil {
			return nil, err
		}
	}
	return r.next(ctx, result)
}

// phase notes that the deal came to its end; nil when nothing changes.
func (r *run) phase(result deal.Result) *store.Link {
	if !deal.Terminal(result.Attempt.Intended.Referral[deal.StatusField]) || r.deal.Link.Phase == store.PhaseClosed {
		return nil
	}
	link := r.deal.Link
	link.Phase = store.PhaseClosed
	return &link
}

// next tells what the deal waits for. A shared deal that asks for help goes on to the second referral.
func (r *run) next(ctx context.Context, result deal.Result) (store.Outcome, error) {
	if result.AskHelp {
		if outcome, err := r.requestHelp(ctx, result.Attempt.Intended.CRM[deal.Help]); outcome != nil || err != nil {
			return outcome, err
		}
		result.More = result.More || r.deal.Report != "" // the seller is told that a problem is over
	}
	if result.More {
		return r.again(briefly, nil), nil
	}
	if err := r.unmapped.First(); err != nil {
		p := problem.Wrap(problem.MappingFailed, "deal "+r.claim.Key, err)
		return store.Park{Code: string(p.Code), Error: p.Error(), Document: r.settings.Document}, nil
	}
	if result.Held {
		for _, effect := range []Effect{PatchReferral, UpdateOpportunity, PatchSolutions, CreateCounterpart} {
			if flow, blocked := r.settings.Blocked[effect]; blocked {
				return r.gate(flow), nil
			}
		}
	}
	if flow, blocked := r.settings.Blocked[ReadCounterpart]; blocked && r.counterpartMatters() {
		return r.gate(flow), nil // what Microsoft answers meanwhile is no event any more when the flow is on again
	}
	return store.Done{}, nil
}
