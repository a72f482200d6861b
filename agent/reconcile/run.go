package reconcile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// run is one run over one claimed deal.
type run struct {
	*Engine
	claim    store.Claim
	deal     store.Deal
	record   *crm.Record        // nil: there is none, or it was not read
	referral *referral.Referral // the same
	// counterpart is Microsoft's referral of the engagement; nil: there is none, or it was not read.
	counterpart *referral.Referral
	readAt      time.Time // when the record was read
	// failed are the fields whose mapping cannot turn what a side holds; they are left alone, and the rest of the deal goes on.
	unmapped    mapping.Failed
	recordKnown time.Time // the record's last change that was read; a moment later once that state was written over
	begunAt     time.Time // when its first reading began, while the referral was read; zero: it did not
	log         hclog.Logger
}

// reconcile loads the deal, finishes what an earlier run left open, reads both sides and takes the one step that is due.
func (r *run) reconcile(ctx context.Context) (store.Outcome, error) {
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	for _, intent := range r.deal.Intents {
		if outcome, err := r.finish(ctx, intent); outcome != nil || err != nil {
			return outcome, err
		}
	}
	if r.aboutLead() {
		return r.onLead(ctx)
	}
	ctx = r.readAhead(ctx)
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	if outcome, err := r.takeOverProducts(ctx); outcome != nil || err != nil {
		return outcome, err
	}
	switch {
	case r.record != nil && r.referral != nil:
		return r.merge(ctx)
	case r.record != nil:
		return r.onlyRecord(ctx)
	case r.referral != nil:
		return r.onlyReferral(ctx)
	default:
		return store.Done{}, nil // another tenant's event, or a record that came and went
	}
}

func (r *run) load(ctx context.Context) (err error) {
	if r.deal, err = r.store.Load(ctx, r.claim.Key); err != nil {
		return fmt.Errorf("load deal %s: %w", r.claim.Key, err)
	}
	if id, ok := strings.CutPrefix(r.claim.Key, store.ReferralKey("")); ok && r.deal.Link.ReferralID == "" {
		r.deal.Link.ReferralID, r.deal.Link.Origin = id, store.OriginPartnerCenter
	}
	if id, ok := strings.CutPrefix(r.claim.Key, store.RecordKey("")); ok && r.deal.Link.CRMID == "" {
		r.deal.Link.CRMID, r.deal.Link.Origin = id, store.OriginCRM
	}
	if r.deal.Link.Phase == "" {
		r.deal.Link.Phase = store.PhaseOpen
	}
	return nil
}

// ahead lets the CRM, if it can, answer at the same time what the run is about to ask one by one.
func (r *run) ahead(ctx context.Context, expected crm.Expected) context.Context {
	if able, ok := r.crm.(crm.Ahead); ok {
		return able.Ahead(ctx, expected)
	}
	return ctx
}

// readAhead begins the reading of the record, or the search for one, while the referral is read. The record counts as read from
// now on: when it is old by the time that something is sent, it is read again.
func (r *run) readAhead(ctx context.Context) context.Context {
	link := r.deal.Link
	if link.ReferralID == "" {
		return ctx // nothing else is read meanwhile
	}
	if link.CRMID == "" {
		return r.ahead(ctx, crm.Expected{ReferralID: link.ReferralID})
	}
	r.begunAt = r.now()
	return r.ahead(ctx, crm.Expected{RecordID: link.CRMID})
}

// read reads the referral first and the record last, or both at the same time: the seller's wish to share is then as old as the
// reading that the merge builds on, and never older than staleWish when something is sent.
func (r *run) read(ctx context.Context) error {
	if id := r.deal.Link.ReferralID; id != "" {
		found, err := r.center.Get(ctx, id)
		if err != nil && !errors.Is(err, referral.ErrNotFound) {
			return err
		}
		if err == nil {
			if err := r.notOutdated(found, updatedKey); err != nil {
				return err
			}
			r.referral = &found
		}
	}
	if id := r.deal.Link.CRMID; id != "" {
		if err := r.readRecord(ctx, id); err != nil {
			return err
		}
	}
	return r.detach(ctx)
}

// believed is the number of failed runs after which an outdated referral is believed all the same: Partner Center may have
// been restored to an earlier state.
const believed = 8

// notOutdated refuses a reading that is older than what an earlier run saw or wrote: a replica lags, and the values that it
// still shows would pass for somebody's edit.
func (r *run) notOutdated(found referral.Referral, key string) error {
	known := newest(r.deal, key)
	if found.UpdatedAt.IsZero() || !found.UpdatedAt.Before(known) || r.claim.Attempts >= believed {
		return nil
	}
	return problem.New(problem.ChangedMeanwhile, "referral "+found.ID, "last changed "+found.UpdatedAt.UTC().Format(time.RFC3339)+", known "+known.UTC().Format(time.RFC3339))
}

// counterpartMatters reports whether there is a referral of Microsoft's whose answer can still matter.
func (r *run) counterpartMatters() bool {
	status, _ := r.referral.Tree["status"].(string)
	return r.deal.Link.CounterpartID != "" && status != "Closed"
}

// readCounterpart reads Microsoft's referral of the engagement as long as its answer can matter.
func (r *run) readCounterpart(ctx context.Context) error {
	id := r.deal.Link.CounterpartID
	if _, blocked := r.settings.Blocked[ReadCounterpart]; blocked || !r.counterpartMatters() {
		return nil
	}
	found, err := r.center.Get(ctx, id)
	if errors.Is(err, referral.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.notOutdated(found, counterpartUpdatedKey); err != nil {
		return err
	}
	r.counterpart = &found
	return nil
}

// outOfScope reports whether the referral is another installation's business.
func (r *run) outOfScope() bool {
	if r.settings.Scope == nil || r.settings.Scope(*r.referral) {
		return false
	}
	r.log.Debug("is out of scope", "referral", r.referral.ID)
	return true
}

// readRecord reads the opportunity; one that does not exist leaves the run without record.
func (r *run) readRecord(ctx context.Context, id string) error {
	if r.readAt = r.begunAt; r.readAt.IsZero() {
		r.readAt = r.now()
	}
	r.begunAt = time.Time{}
	found, err := r.crm.Read(ctx, id)
	switch {
	case errors.Is(err, crm.ErrNotFound):
		r.record = nil
	case err != nil:
		return err
	default:
		if err := r.notBehind(found); err != nil {
			return err
		}
		r.record = &found
		r.recordKnown = found.ModifiedAt
	}
	return nil
}

// notBehind is notOutdated for a record: what it held before the agent's own write, or before a change that an earlier run saw, would
// pass for a seller's edit.
func (r *run) notBehind(found crm.Record) error {
	known := newest(r.deal, recordUpdatedKey)
	if found.ModifiedAt.IsZero() || !found.ModifiedAt.Before(known) || r.claim.Attempts >= believed {
		return nil
	}
	return problem.New(problem.ChangedMeanwhile, "opportunity "+found.ID, "last changed "+found.ModifiedAt.UTC().Format(time.RFC3339)+", and a later state is known")
}

// staleWish is how old the reading of "Sync with Partner Center" may be when something is sent.
const staleWish = time.Second

// stillWanted reads the record again, unless it was read just now, and fails when a person changed it meanwhile.
func (r *run) stillWanted(ctx context.Context) error {
	if r.now().Sub(r.readAt) <= staleWish {
		return nil
	}
	seen := *r.record
	if err := r.readRecord(ctx, seen.ID); err != nil {
		return err
	}
	if r.record == nil || !r.record.Sync || r.record.Version != seen.Version {
		return fmt.Errorf("opportunity %s: %w", seen.ID, crm.ErrChanged)
	}
	return nil
}

// detach notes that one side of a linked deal is gone. The other side is left alone: a missing record is never a reason to
// delete or close anything. The link is kept, so that a record that comes back is the same deal.
func (r *run) detach(ctx context.Context) error {
	linked := r.deal.Link.ReferralID != "" && r.deal.Link.CRMID != ""
	gone := linked && (r.record == nil || r.referral == nil)
	phase := r.deal.Link.Phase
	switch {
	case gone && phase != store.PhaseDetached:
		phase = store.PhaseDetached
	case linked && !gone && phase == store.PhaseDetached:
		phase = store.PhaseOpen
	}
	if phase != r.deal.Link.Phase {
		link := r.deal.Link
		link.Phase = phase
		entry := store.AuditEntry{Actor: "agent", Rule: string(problem.RecordDeleted), Detail: "one side of the deal is " + phase}
		if err := r.commit(ctx, store.Change{Link: &link, Audit: []store.AuditEntry{entry}}); err != nil {
			return err
		}
	}
	if gone {
		r.record, r.referral = nil, nil
	}
	return nil
}

// commit records a change and keeps the run's own picture in step. Snapshots remember which state of the referral they know.
func (r *run) commit(ctx context.Context, change store.Change) error {
	for _, snapshot := range []store.Values{change.Base, change.Pending} {
		remember(snapshot, updatedKey, updatedAt(r.referral), r.deal)
		remember(snapshot, counterpartUpdatedKey, updatedAt(r.counterpart), r.deal)
		remember(snapshot, recordUpdatedKey, r.recordKnown, r.deal)
	}
	if err := r.store.Record(ctx, r.claim, change); err != nil {
		return fmt.Errorf("record deal %s: %w", r.claim.Key, err)
	}
	if change.Link != nil {
		r.deal.Link = *change.Link
	}
	if change.Base != nil {
		r.deal.Base, r.deal.Pending = change.Base, nil
	}
	if change.Pending != nil {
		r.deal.Pending = append(r.deal.Pending, change.Pending)
	}
	if change.Report != nil {
		r.deal.Report = *change.Report
	}
	if change.Told != nil {
		r.deal.Told = *change.Told
	}
	return nil
}

// absorb gives this deal up: it is the same as another one, which is due again now.
func (r *run) absorb(ctx context.Context, into string) error {
	if err := r.store.Absorb(ctx, r.claim, into); err != nil {
		return fmt.Errorf("deal %s is the same as %s: %w", r.claim.Key, into, err)
	}
	r.log.Debug("is the same deal", "as", into)
	return errAbsorbed
}

// bind links the record and the referral of this run, unless one of them is another deal's.
func (r *run) bind(ctx context.Context, base *deal.Pair) error {
	link := r.deal.Link
	link.CRMID, link.ReferralID, link.EngagementID = r.record.ID, r.referral.ID, r.referral.EngagementID
	if r.sharedFromRecord() {
		link.Origin = store.OriginCRM
	}
	change := store.Change{Link: &link, Audit: []store.AuditEntry{{Actor: "agent", Detail: "linked " + link.ReferralID + " and " + link.CRMID}}}
	if base != nil {
		change.Base = packBase(*base)
	}
	return r.commit(ctx, change)
}

// onlyRecord is an opportunity without referral: found again, waiting, or to be shared.
func (r *run) onlyRecord(ctx context.Context) (store.Outcome, error) {
	if r.record.Key != "" || r.record.ReferralID != "" {
		return r.rejoin(ctx)
	}
	if !r.record.Sync {
		return store.Done{}, nil
	}
	if outcome, err := r.sharedBefore(ctx); outcome != nil || err != nil {
		return outcome, err
	}
	return r.share(ctx)
}

// referralID is the form of the ids that Partner Center gives ("Referral resource": a GUID).
var referralID = regexp.MustCompile(`^[[:xdigit:]]{8}(-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}$`)

// rejoin links an opportunity that names its referral: after the store was lost, when another product created the referral,
// or when our own create is seen before its link was saved. A copy of an opportunity names a referral too; it is not linked.
func (r *run) rejoin(ctx context.Context) (store.Outcome, error) {
	id := r.record.Key
	if id == "" {
		id = r.record.ReferralID
	}
	if !referralID.MatchString(id) { // what people type is not sent, nor told to a log
		return nil, problem.New(problem.BoundElsewhere, "opportunity "+r.record.ID, "its referral identifier is none that Partner Center gives")
	}
	if key, found, err := r.store.Lookup(ctx, store.ReferralKey(id)); err != nil {
		return nil, err
	} else if found && key != r.claim.Key {
		return nil, r.joinReferralsDeal(ctx, key, id)
	}
	found, err := r.center.Get(ctx, id)
	if errors.Is(err, referral.ErrNotFound) {
		return nil, problem.Explain(problem.BoundElsewhere, "opportunity "+r.record.ID, problem.Say(problem.ReferralUnknown, id))
	}
	if err != nil {
		return nil, err
	}
	if r.record.Key == "" && !strings.EqualFold(found.ExternalReference, r.record.ID) {
		return nil, problem.Explain(problem.BoundElsewhere, "opportunity "+r.record.ID, problem.Say(problem.ReferralIsOf, id, found.ExternalReference))
	}
	return r.rejoinWith(ctx, found)
}

// rejoinWith links this record with the referral that is its own.
func (r *run) rejoinWith(ctx context.Context, found referral.Referral) (store.Outcome, error) {
	r.referral = &found
	if r.outOfScope() {
		return r.gate(store.OutOfScope), nil // an organisation that was copied names the referrals of the one it was copied from
	}
	if err := r.bind(ctx, nil); err != nil {
		return nil, err
	}
	return r.merge(ctx)
}

// joinReferralsDeal gives this record to the deal of the referral it names, unless that deal has a record already: then
// this one is a copy.
func (r *run) joinReferralsDeal(ctx context.Context, key, referralID string) error {
	other, err := r.store.Load(ctx, key)
	if err != nil {
		return err
	}
	if bound := other.Link.CRMID; bound != "" && bound != r.record.ID && !r.isLead(bound) {
		return problem.Explain(problem.BoundElsewhere, "opportunity "+r.record.ID, problem.Say(problem.ReferralIsOf, referralID, bound))
	}
	return r.absorb(ctx, key)
}

// onlyReferral is a referral without opportunity: Microsoft's counterpart, ours found again, or a new deal.
func (r *run) onlyReferral(ctx context.Context) (store.Outcome, error) {
	if r.referral.Microsoft {
		return r.joinEngagement(ctx)
	}
	if r.outOfScope() {
		return r.gate(store.OutOfScope), nil
	}
	id, found, err := r.crm.FindByReferral(ctx, r.referral.ID)
	if err != nil {
		return nil, err
	}
	if !found && r.referral.ExternalReference != "" && r.crm.Known(r.referral.ExternalReference) {
		id, found = r.referral.ExternalReference, true
	}
	if !found {
		return r.receive(ctx)
	}
	if err := r.joinRecordsDeal(ctx, id); err != nil {
		return nil, err
	}
	if err := r.readRecord(ctx, id); err != nil {
		return nil, err
	}
	if r.record == nil {
		r.log.Warn("the referral names a record that does not exist", "record", id)
		return r.receive(ctx)
	}
	if bound := r.record.Key; bound != "" && !strings.EqualFold(bound, r.referral.ID) {
		r.record = nil // the seller of that opportunity is not to be told
		return nil, problem.Explain(problem.BoundElsewhere, "referral "+r.referral.ID, problem.Say(problem.OpportunityIsOf, id, bound))
	}
	if err := r.bind(ctx, nil); err != nil {
		return nil, err
	}
	return r.merge(ctx)
}

// joinRecordsDeal gives this referral to the deal of the record it names, when that deal is about to create a referral or
// has this one already. A deal that only knows the record is absorbed by this one when they are bound. A deal that has
// another referral keeps it.
func (r *run) joinRecordsDeal(ctx context.Context, recordID string) error {
	key, known, err := r.store.Lookup(ctx, store.RecordKey(recordID))
	if err != nil || !known || key == r.claim.Key {
		return err
	}
	other, err := r.store.Load(ctx, key)
	if err != nil {
		return err
	}
	switch bound := other.Link.ReferralID; {
	case strings.EqualFold(bound, r.referral.ID), bound == "" && len(other.Intents) > 0:
		return r.absorb(ctx, key)
	case bound != "":
		return problem.Explain(problem.BoundElsewhere, "referral "+r.referral.ID, problem.Say(problem.OpportunityIsOf, recordID, bound))
	default:
		return nil
	}
}

// joinEngagement gives Microsoft's referral to the deal of the partner's own referral, also when somebody asked for
// Microsoft's help in the portal.
func (r *run) joinEngagement(ctx context.Context) (store.Outcome, error) {
	siblings, err := r.center.Engagement(ctx, r.referral.EngagementID)
	if err != nil {
		return nil, err
	}
	for _, sibling := range siblings {
		if sibling.Microsoft {
			continue
		}
		key, found, err := r.store.Lookup(ctx, store.ReferralKey(sibling.ID))
		if err != nil {
			return nil, err
		}
		if found && key != r.claim.Key {
			link := store.Link{CounterpartID: r.referral.ID, EngagementID: r.referral.EngagementID, Phase: store.PhaseOpen, Origin: store.OriginPartnerCenter}
			if err := r.commit(ctx, store.Change{Link: &link}); err != nil {
				return nil, err
			}
			return nil, r.absorb(ctx, key)
		}
	}
	return store.Done{}, nil
}
