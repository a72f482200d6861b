package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// coSellOnly stands in the place of a flow's name where the document says that leads stay in Partner Center.
const coSellOnly = "sync_co_sell_opportunities_only = Yes"

const intentLead = "create_lead"

// leadPrefix keeps what was written to a lead apart from what an opportunity holds, see memoryOf.
const leadPrefix = "lead."

// aboutLead reports whether the deal's record is a lead.
func (r *run) aboutLead() bool { return r.isLead(r.deal.Link.CRMID) }

func (e *Engine) isLead(id string) bool { return e.leads != nil && e.leads.IsLead(id) }

// onLead follows a lead: its news, its conversion by a seller, and what Partner Center makes of the referral.
func (r *run) onLead(ctx context.Context) (store.Outcome, error) {
	lead, err := r.readLead(ctx)
	if err != nil {
		return nil, err
	}
	if r.deal.Link.ReferralID == "" {
		if outcome, err := r.rejoinLead(ctx, lead); outcome != nil || err != nil {
			return outcome, err
		}
	}
	found, err := r.center.Get(ctx, r.deal.Link.ReferralID)
	if errors.Is(err, referral.ErrNotFound) {
		return store.Done{}, nil
	}
	if err != nil {
		return nil, err
	}
	r.referral = &found
	if r.outOfScope() {
		return r.gate(store.OutOfScope), nil
	}
	switch values, failed, err := r.settings.Plan.TryReferral(found.Tree); {
	case err != nil || ofLeads(failed) != nil:
		err = errors.Join(err, ofLeads(failed))
		return nil, unreadable(problem.OpportunityRefused, "referral "+found.ID, err)
	case deal.Terminal(values[deal.StatusField]):
		return r.leadClosed(ctx, lead)
	case lead != nil && lead.OpportunityID != "":
		return r.qualify(ctx, *lead, values)
	case !found.Lead:
		return r.onlyReferral(ctx) // accepted in the portal: an opportunity like any other
	case lead == nil:
		r.log.Info("the lead is not there; the referral waits in Partner Center", "referral", found.ID, "lead", r.deal.Link.CRMID)
		return store.Done{}, r.overtaken(ctx)
	case lead.Converted:
		return r.convertedAlone(ctx, *lead)
	default:
		return r.updateLead(ctx, *lead, values)
	}
}

// readLead reads the deal's lead; nil when it does not exist, or when leads are switched off by now.
func (r *run) readLead(ctx context.Context) (*crm.Lead, error) {
	if !r.settings.Leads {
		return nil, nil
	}
	r.readAt = r.now()
	lead, err := r.leads.ReadLead(ctx, r.deal.Link.CRMID)
	if errors.Is(err, crm.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &lead, nil
}

// rejoinLead gives a lead that was seen first, by the change feed, to its referral's deal. It gives no outcome when this is that
// deal from now on.
func (r *run) rejoinLead(ctx context.Context, lead *crm.Lead) (store.Outcome, error) {
	if lead == nil || lead.Key == "" {
		return store.Done{}, nil
	}
	key, found, err := r.store.Lookup(ctx, store.ReferralKey(lead.Key))
	if err != nil {
		return nil, err
	}
	if found && key != r.claim.Key {
		return nil, r.absorb(ctx, key)
	}
	link := store.Link{ReferralID: lead.Key, CRMID: lead.ID, Origin: store.OriginPartnerCenter, Phase: store.PhaseOpen}
	return nil, r.commit(ctx, store.Change{Link: &link})
}

// leadClosed notes that a lead came to its end in Partner Center. The CRM's lead is left to its seller; an opportunity that was told
// already that it is this referral's is told the end too.
func (r *run) leadClosed(ctx context.Context, lead *crm.Lead) (store.Outcome, error) {
	if lead != nil && lead.OpportunityID != "" {
		if err := r.readRecord(ctx, lead.OpportunityID); err != nil {
			return nil, err
		}
		if r.record != nil && strings.EqualFold(r.record.Key, r.referral.ID) {
			return r.becomes(ctx, *lead)
		}
		r.record = nil
	}
	if r.deal.Link.Phase == store.PhaseClosed {
		return store.Done{}, nil
	}
	r.log.Info("the lead was closed in Partner Center; the CRM's lead is left as it is", "referral", r.referral.ID, "lead", r.deal.Link.CRMID)
	link := r.deal.Link
	link.Phase = store.PhaseClosed
	entry := store.AuditEntry{Actor: "pc", Direction: "inbound", Detail: "closed in Partner Center; lead " + link.CRMID + " is left as it is"}
	return store.Done{}, r.commit(ctx, store.Change{Link: &link, Settle: r.superseded(), Audit: []store.AuditEntry{entry}})
}

// overtaken settles the updates of a lead that an earlier run left open: nothing is written to it any more.
func (r *run) overtaken(ctx context.Context) error {
	settlements := r.superseded()
	if len(settlements) == 0 {
		return nil
	}
	r.deal.Intents = nil
	return r.commit(ctx, store.Change{Settle: settlements})
}

// convertedAlone says that a conversion without an opportunity accepts nothing.
func (r *run) convertedAlone(ctx context.Context, lead crm.Lead) (store.Outcome, error) {
	if err := r.overtaken(ctx); err != nil {
		return nil, err
	}
	if !r.claim.Parked {
		entry := store.AuditEntry{Actor: "crm", Rule: string(problem.LeadWithoutDeal), Detail: "lead " + lead.ID + " was converted without an opportunity"}
		if err := r.commit(ctx, store.Change{Audit: []store.AuditEntry{entry}}); err != nil {
			return nil, err
		}
	}
	return nil, problem.New(problem.LeadWithoutDeal, "lead "+lead.ID, "referral "+r.referral.ID)
}

// receiveLead creates the lead of a referral, once.
func (r *run) receiveLead(ctx context.Context, values deal.Values) (store.Outcome, error) {
	switch {
	case r.settings.CoSellOnly:
		r.log.Info("is a lead, which Partner Center keeps", "referral", r.referral.ID, "code", problem.LeadNotShared, "because", coSellOnly)
		return r.gate(coSellOnly), nil
	case !r.settings.Leads:
		r.log.Info("is a lead, which Partner Center keeps until it is accepted", "referral", r.referral.ID)
		return store.Done{}, nil
	}
	id, found, err := r.leads.FindLead(ctx, r.referral.ID)
	if err != nil {
		return nil, err
	}
	if found {
		return r.bindLead(ctx, id)
	}
	if flow, blocked := r.settings.Blocked[CreateOpportunity]; blocked {
		return r.gate(flow), nil
	}
	fitted := r.leads.FitLead(deal.Lead(values, mapping.ContactsOf(r.referral.Tree)))
	body, err := r.leads.EncodeLead(r.referral.ID, fitted)
	if err != nil {
		return nil, err
	}
	link := r.deal.Link
	link.ReferralID, link.EngagementID = r.referral.ID, r.referral.EngagementID
	planned := journalled{Body: body, Base: deal.Pair{CRM: fitted}}
	intent, err := r.intend(ctx, intentLead, r.referral.ID, planned, &link)
	if err != nil {
		return nil, err
	}
	return r.sendLead(ctx, intent, planned)
}

// bindLead links a lead that names the referral: after the store was lost.
func (r *run) bindLead(ctx context.Context, id string) (store.Outcome, error) {
	link := r.deal.Link
	link.CRMID, link.ReferralID, link.EngagementID = id, r.referral.ID, r.referral.EngagementID
	entry := store.AuditEntry{Actor: "agent", Detail: "linked " + link.ReferralID + " and lead " + id}
	if err := r.commit(ctx, store.Change{Link: &link, Audit: []store.AuditEntry{entry}}); err != nil {
		return nil, err
	}
	return r.onLead(ctx)
}

func (r *run) sendLead(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	id, err := r.insert(ctx, intent, planned.Body, r.leads.CreateLead, r.leads.FindLead)
	if err != nil {
		return nil, err
	}
	r.log.Info("created the lead", "lead", id, "referral", intent.Correlation)
	return store.Done{}, r.leadCreated(ctx, intent, planned, id)
}

// leadCreated links the lead that an intent produced and remembers what was written there.
func (r *run) leadCreated(ctx context.Context, intent store.Intent, planned journalled, id string) error {
	link := r.deal.Link
	link.CRMID = id
	return r.commit(ctx, store.Change{
		Link: &link, Base: packLead(planned.Base.CRM), Settle: settled(intent, store.IntentDone, id),
		Audit: []store.AuditEntry{{Actor: "agent", Direction: "inbound", Detail: "created lead " + id}},
	})
}

// finishLead looks for the lead that an earlier run may have created. The unique key, and the recycle bin, say for certain that there is none; it is
// made anew then, if the referral is still a lead.
func (r *run) finishLead(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	if !r.settings.Leads {
		return store.Done{}, nil // the intent stays open until leads are switched on again
	}
	id, found, err := r.inserted(ctx, intent, r.leads.FindLead, r.leads.FindDeletedLead)
	if err != nil {
		return nil, err
	}
	if found {
		return nil, r.leadCreated(ctx, intent, planned, id)
	}
	return nil, r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, "")})
}

// updateLead carries news of the referral to the fields that the seller has not edited.
func (r *run) updateLead(ctx context.Context, lead crm.Lead, values deal.Values) (store.Outcome, error) {
	if r.settings.CoSellOnly {
		return r.gate(coSellOnly), nil
	}
	written, attempts := leadMemory(r.deal)
	news := r.leads.FitLead(deal.Lead(values, mapping.ContactsOf(r.referral.Tree)))
	for _, field := range deal.LeadSources {
		if _, mapped := values[field]; !mapped {
			delete(news, field) // what is not mapped any more has not become empty
		}
	}
	write, agreed := deal.MergeLead(written, attempts, lead.Values, news)
	if len(write) == 0 {
		change := store.Change{Settle: r.settleUpdates(store.IntentDone)}
		if base := packLead(agreed); len(attempts) > 0 || !maps.Equal(r.deal.Base, base) {
			change.Base = base
		}
		if change.Base == nil && len(change.Settle) == 0 {
			return store.Done{}, nil
		}
		return store.Done{}, r.commit(ctx, change)
	}
	if flow, blocked := r.settings.Blocked[UpdateOpportunity]; blocked {
		return r.gate(flow), nil
	}
	if settled := lead.ModifiedAt.Add(Precision); r.readAt.Before(settled) {
		return store.Retry{At: settled}, nil
	}
	payload, err := r.leads.EncodeLeadUpdate(write)
	if err != nil {
		return nil, err
	}
	if err := r.journal(ctx, intentUpdate, 0, lead.ID, payload, packLead(agreed)); err != nil {
		return nil, err
	}
	if err := r.leads.UpdateLead(ctx, lead.ID, lead.Version, payload); err != nil {
		return nil, asLeadRefusal(lead.ID, err)
	}
	r.log.Info("updated the lead", "lead", lead.ID, "fields", deal.Kinds(write))
	return store.Done{}, r.commit(ctx, store.Change{
		Base: packLead(agreed), Settle: r.settleUpdates(store.IntentDone),
		Audit: []store.AuditEntry{{Actor: "pc", Direction: "inbound", Detail: "updated lead " + lead.ID + ": " + strings.Join(deal.Kinds(write), ", ")}},
	})
}

func asLeadRefusal(id string, err error) error {
	if errors.Is(err, crm.ErrChanged) || errors.Is(err, crm.ErrNotFound) || wire.IsAmbiguous(err) || problem.ClassOf(err) != problem.NeedsPerson {
		return err
	}
	return problem.Wrap(problem.OpportunityRefused, "lead "+id, err)
}

// journal keeps one update before it is sent, and what the lead holds once it has arrived.
func (r *run) journal(ctx context.Context, kind string, n int, correlation string, payload []byte, pending store.Values) error {
	intent := store.Intent{
		ID: fmt.Sprintf("%s:%s:%d:%d", kind, r.claim.Key, r.claim.Fence, n), Kind: kind, Payload: payload, Correlation: correlation, State: store.IntentSent, SentAt: r.now(),
	}
	if err := r.commit(ctx, store.Change{Open: []store.Intent{intent}, Pending: pending}); err != nil {
		return err
	}
	r.deal.Intents = append(r.deal.Intents, intent)
	return nil
}

// qualify makes the opportunity of a converted lead the deal's record, and accepts the referral: a seller's conversion is the answer
// that Partner Center waits for, whatever stage the opportunity begins in. Each step is looked at before it is taken, so that a run
// that ends in between is gone on with by the next.
func (r *run) qualify(ctx context.Context, lead crm.Lead, values deal.Values) (store.Outcome, error) {
	if err := r.readRecord(ctx, lead.OpportunityID); err != nil {
		return nil, err
	}
	if r.record == nil {
		r.log.Info("the lead's opportunity is not there", "lead", lead.ID, "opportunity", lead.OpportunityID)
		return store.Done{}, nil
	}
	if bound := r.record.Key; bound != "" && !strings.EqualFold(bound, r.referral.ID) {
		object := "lead " + lead.ID
		r.record = nil // the seller of that opportunity is not to be told
		return nil, problem.New(problem.BoundElsewhere, object, "it was converted into opportunity "+lead.OpportunityID+", which belongs to referral "+bound)
	}
	if flow, blocked := r.settings.Blocked[AcceptLead]; blocked && r.referral.Lead {
		return r.holdAcceptance(ctx, flow)
	}
	if outcome, err := r.claimOpportunity(ctx, lead, values); outcome != nil || err != nil {
		return outcome, err
	}
	if r.referral.Lead && r.record.Sync {
		if err := r.acceptLead(ctx); err != nil {
			return nil, err
		}
	}
	return r.becomes(ctx, lead)
}

// becomes makes the opportunity of a converted lead the deal's record.
func (r *run) becomes(ctx context.Context, lead crm.Lead) (store.Outcome, error) {
	if !r.record.Sync {
		return store.Done{}, nil // the seller paused it; switching it on is an event
	}
	current, err := r.current(memoryOf(r.deal))
	if err != nil {
		return nil, err
	}
	link := r.deal.Link
	link.CRMID, link.EngagementID, link.Phase = r.record.ID, r.referral.EngagementID, store.PhaseOpen
	err = r.commit(ctx, store.Change{
		Link: &link, Base: packBase(r.firstMeeting(current)), Settle: r.settleUpdates(store.IntentDone), Told: told(r.record.Audit),
		Audit: []store.AuditEntry{{Actor: "crm", Detail: "lead " + lead.ID + " became opportunity " + r.record.ID}},
	})
	if err != nil {
		return nil, err
	}
	r.deal.Intents = nil
	return r.merge(ctx)
}

// claimOpportunity makes the opportunity name its referral, once. From the first step on its events are this deal's, so that
// nobody shares it as a deal of its own.
func (r *run) claimOpportunity(ctx context.Context, lead crm.Lead, values deal.Values) (store.Outcome, error) {
	if err := r.commit(ctx, store.Change{Aliases: []string{store.RecordKey(r.record.ID)}}); err != nil {
		return nil, err
	}
	if r.record.Key != "" {
		return nil, nil
	}
	if settled, early := r.unsettled(); early {
		return store.Retry{At: settled}, nil
	}
	id, status := strings.ToLower(r.referral.ID), r.say(statusInSync)
	audit := r.auditLine(r.say(problem.LeadBecameDeal, lead.ID, r.referral.ID))
	identity := deal.Values{deal.ReferralID: values[deal.ReferralID], deal.ReferralLink: values[deal.ReferralLink]}
	fields, err := r.settings.Plan.ToRecord(identity)
	if err != nil {
		return nil, unreadable(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	payload, err := r.crm.EncodeUpdate(crm.Changes{
		Fields: fields, Book: crm.Bookkeeping{Key: &id, SyncStatus: &status, Audit: &audit, Share: true},
	})
	if err != nil {
		return nil, err
	}
	if err := r.journal(ctx, intentUpdate, 0, r.record.ID, payload, nil); err != nil {
		return nil, err
	}
	if err := r.crm.Update(ctx, r.record.ID, r.record.Version, payload); err != nil {
		return nil, asRecordRefusal(r.record.ID, err)
	}
	if err := r.readRecord(ctx, r.record.ID); err != nil {
		return nil, err
	}
	if r.record == nil {
		return store.Done{}, nil
	}
	return nil, nil
}

// acceptance is the patch that accepts the referral, and what it says. The deal value and the close date go with it, as far as the
// opportunity has them: who accepts a lead in the portal enters both.
func (r *run) acceptance() (patch []byte, said deal.Values, err error) {
	values, failed, err := r.settings.Plan.TryRecord(r.record.Fields)
	if err != nil {
		return nil, nil, unreadable(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	if failed[deal.DealValue] != nil || failed[deal.Currency] != nil {
		delete(values, deal.DealValue) // one without the other says nothing
		delete(values, deal.Currency)
	}
	said = deal.Values{}
	for _, rule := range r.rules {
		switch value := values[rule.Field]; {
		case !rule.Outbound || value == "":
		case rule.Field == deal.CloseDate:
			said[rule.Field] = value
		case rule.Field == deal.DealValue || rule.Field == deal.Currency:
			if deal.Sendable(values) {
				said[rule.Field] = value
			}
		}
	}
	ops := append(mapping.StatusOps(deal.Active, ""), r.settings.Plan.Patch(said)...)
	if r.referral.ExternalReference != r.record.ID {
		ops = append(ops, mapping.Op{Path: "/externalReferenceId", Value: r.record.ID})
	}
	replacements := make([]referral.Replace, 0, len(ops))
	for _, op := range ops {
		replacements = append(replacements, referral.Replace(op))
	}
	patch, err = referral.EncodePatch(replacements)
	return patch, said, err
}

// holdAcceptance keeps what would be sent if no flow, and no shadow mode, held it.
func (r *run) holdAcceptance(ctx context.Context, flow string) (store.Outcome, error) {
	patch, _, err := r.acceptance()
	if err != nil {
		return nil, err
	}
	r.log.Info("would accept the lead", "held_by", flow, "referral", r.referral.ID)
	return r.gate(flow), r.keepHeld(ctx, intentPatch, r.referral.ID, patch)
}

func (r *run) acceptLead(ctx context.Context) error {
	patch, said, err := r.acceptance()
	if err != nil {
		return err
	}
	if err := r.journal(ctx, intentPatch, 0, r.referral.ID, patch, packAccepted(said)); err != nil {
		return err
	}
	if _, err := r.patch(ctx, writes{patches: [][]byte{patch}}); err != nil {
		return err
	}
	r.log.Info("accepted the lead", "referral", r.referral.ID, "record", r.record.ID)
	return nil
}

// firstMeeting is what both sides are said to have held before they met: what the opportunity holds is news for Partner Center,
// what it lacks comes from there, and what is only written once is left as it is.
//
// What both sides hold, or held when the acceptance carried it, is agreed: what somebody enters after it in the portal is news.
func (r *run) firstMeeting(current deal.Pair) deal.Pair {
	base := deal.Pair{CRM: deal.Values{}, Referral: deal.Values{}}
	accepted := r.accepted()
	for _, rule := range r.rules {
		field := rule.Field
		held, said := current.CRM[field], current.Referral[field]
		switch {
		case field == deal.StatusField:
			base.CRM[field], base.Referral[field] = deal.New, deal.New
		case !rule.Inbound && !rule.Outbound:
			base.CRM[field], base.Referral[field] = held, said
		case field == deal.Currency && current.CRM[deal.DealValue] == "":
			base.CRM[field] = held // a currency alone says nothing
		case accepted[field] != "":
			base.CRM[field], base.Referral[field] = accepted[field], accepted[field]
		case held != "" && held == said:
			base.CRM[field], base.Referral[field] = held, said
		case held != "":
			base.Referral[field] = said
		}
	}
	return base
}

// shareOfLead keeps an opportunity that a lead was converted into from being shared as a deal of its own: it is the lead's deal. It
// gives neither outcome nor error when the opportunity is no such one.
func (r *run) shareOfLead(ctx context.Context) (store.Outcome, error) {
	if !r.settings.Leads {
		return nil, nil
	}
	lead, found, err := r.leads.FindConverted(ctx, r.record.ID)
	if err != nil || !found {
		return nil, err
	}
	key, known, err := r.store.Lookup(ctx, store.ReferralKey(lead.Key))
	if err != nil {
		return nil, err
	}
	if known && key != r.claim.Key {
		return nil, r.joinReferralsDeal(ctx, key, lead.Key)
	}
	link := store.Link{ReferralID: lead.Key, CRMID: lead.ID, Origin: store.OriginPartnerCenter, Phase: store.PhaseOpen}
	if err := r.commit(ctx, store.Change{Link: &link}); err != nil {
		return nil, err
	}
	return r.onLead(ctx)
}

// tellReceived tells, in a new opportunity's Audit, where it comes from, and of the lead that stays beside it, if there is one.
func (r *run) tellReceived() string {
	sentences := []string{r.say(problem.Received, r.referral.ID)}
	if r.aboutLead() {
		sentences = append(sentences, r.say(problem.LeadStays, r.deal.Link.CRMID))
	}
	return r.settings.Language.Join(sentences)
}

// ofLeads gives the failure of a field that leads take over: what is written to a lead is compared with all of them, so one that is
// not known stops the lead. It is nil when none failed.
func ofLeads(failed mapping.Failed) error {
	stops := mapping.Failed{}
	for _, field := range deal.LeadSources {
		if failure := failed[field]; failure != nil {
			stops[field] = failure
		}
	}
	return stops.First()
}

// acceptedPrefix keeps what an acceptance says of the opportunity apart from what the lead holds.
const acceptedPrefix = leadPrefix + "accepted."

func packAccepted(said deal.Values) store.Values {
	packed := packLead(nil)
	for field, value := range said {
		packed[acceptedPrefix+field] = value
	}
	return packed
}

// accepted is what the agent's acceptance said, if it was the one that arrived: the referral names the opportunity then.
func (r *run) accepted() deal.Values {
	said := deal.Values{}
	if r.referral.ExternalReference != r.record.ID {
		return said
	}
	for _, pending := range r.deal.Pending {
		for key, value := range pending {
			if field, ok := strings.CutPrefix(key, acceptedPrefix); ok {
				said[field] = value
			}
		}
	}
	return said
}

func packLead(values deal.Values) store.Values {
	packed := store.Values{leadPrefix: ""} // so that it is told apart from no base, however little it holds
	for field, value := range values {
		packed[leadPrefix+field] = value
	}
	return packed
}

func unpackLead(values store.Values) deal.Values {
	unpacked := deal.Values{}
	for key, value := range values {
		if field, ok := strings.CutPrefix(key, leadPrefix); ok {
			unpacked[field] = value
		}
	}
	return unpacked
}

// leadMemory gives what the agent wrote to a lead, and what it may have written since.
func leadMemory(d store.Deal) (written deal.Values, attempts []deal.Values) {
	for _, pending := range d.Pending {
		attempts = append(attempts, unpackLead(pending))
	}
	return unpackLead(d.Base), attempts
}

// ofLead reports whether a snapshot is of a lead: then it says nothing of an opportunity.
func ofLead(values store.Values) bool {
	for key := range values {
		if strings.HasPrefix(key, leadPrefix) {
			return true
		}
	}
	return false
}
