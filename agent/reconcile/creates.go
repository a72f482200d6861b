package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Kinds of intents. The first three are creates: their payload is sent again, byte for byte, when reading back shows that it
// never arrived. Updates are journalled for the record only; a later run computes them anew from what both sides hold.
const (
	intentReferral    = "create_referral"
	intentCounterpart = "create_counterpart"
	intentOpportunity = "create_opportunity"
	intentPatch       = "patch_referral"
	intentUpdate      = "update_opportunity"
)

// journalled is what a create's intent keeps: the exact bytes, and what both sides hold once they have arrived.
type journalled struct {
	Body json.RawMessage `json:"body"`
	Base deal.Pair       `json:"base"`
	// Name is what the create is recognised by where its reference does not help: the deal's name for a referral, the customer
	// for an opportunity.
	Name string `json:"name,omitempty"`
}

// finish brings an intent of an earlier run to its end. It gives an outcome or an error when the run ends with it.
func (r *run) finish(ctx context.Context, intent store.Intent) (store.Outcome, error) {
	switch intent.Kind {
	case intentPatch, intentUpdate:
		return nil, nil // settled by the run that brings the deal to rest, see merge
	}
	if wait := intent.NotBefore.Sub(r.now()); wait > 0 {
		return store.Retry{At: intent.NotBefore, Code: string(problem.AnswerLost), Error: "the outcome of " + intent.Kind + " is read back then"}, nil
	}
	var planned journalled
	if err := json.Unmarshal(intent.Payload, &planned); err != nil {
		return nil, fmt.Errorf("intent %s: %w", intent.ID, err)
	}
	switch intent.Kind {
	case intentReferral:
		return r.finishReferral(ctx, intent, planned)
	case intentCounterpart:
		return r.finishCounterpart(ctx, intent, planned)
	case intentOpportunity:
		return r.finishOpportunity(ctx, intent, planned)
	default:
		return nil, fmt.Errorf("intent %s has the unknown kind %q", intent.ID, intent.Kind)
	}
}

// settled is the settlement of an intent that came to its end.
func settled(intent store.Intent, state, remoteID string) []store.Settlement {
	return []store.Settlement{{ID: intent.ID, State: state, RemoteID: remoteID}}
}

// intend journals a create before its first request.
func (r *run) intend(ctx context.Context, kind, correlation string, planned journalled, link *store.Link) (store.Intent, error) {
	payload, err := json.Marshal(planned)
	if err != nil {
		return store.Intent{}, fmt.Errorf("journal %s: %w", kind, err)
	}
	intent := store.Intent{
		ID: kind + ":" + r.claim.Key, Kind: kind, Payload: payload, Correlation: correlation, State: store.IntentSent,
		SentAt: r.now(), NotBefore: r.now().Add(r.settings.Settle),
	}
	return intent, r.commit(ctx, store.Change{Open: []store.Intent{intent}, Link: link})
}

// repeat journals that the same bytes are about to be sent again.
func (r *run) repeat(ctx context.Context, intent store.Intent) (store.Intent, error) {
	intent.State, intent.SentAt, intent.NotBefore = store.IntentSent, r.now(), r.now().Add(r.settings.Settle)
	intent.Attempts++
	return intent, r.commit(ctx, store.Change{Open: []store.Intent{intent}})
}

// refused settles an intent whose request failed: an unknown outcome is read back later, a refusal is over.
func (r *run) refused(ctx context.Context, intent store.Intent, err error) error {
	settlement := store.Settlement{ID: intent.ID, State: store.IntentFailed}
	if wire.IsAmbiguous(err) {
		settlement.State, settlement.NotBefore = store.IntentAmbiguous, r.now().Add(r.settings.Settle)
	}
	if recordErr := r.commit(ctx, store.Change{Settle: []store.Settlement{settlement}}); recordErr != nil {
		return recordErr
	}
	return err
}

// share creates the referral of an opportunity for the first time.
func (r *run) share(ctx context.Context) (store.Outcome, error) {
	if rested := r.record.ModifiedAt.Add(r.settings.Delay); r.now().Before(rested) {
		return store.Retry{At: rested}, nil
	}
	draft, err := r.draft()
	if err != nil {
		return nil, problem.Wrap(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	if missing := draft.Ready(); len(missing) > 0 {
		return r.notReady(ctx, missing)
	}
	if flow, blocked := r.settings.Blocked[CreateReferral]; blocked {
		return store.Gate{Flow: flow}, nil
	}
	if err := r.stillWanted(ctx); err != nil {
		return nil, err
	}
	body := r.settings.Plan.Referral(r.newReferral(draft))
	planned, err := r.plan(body, draft)
	if err != nil {
		return nil, err
	}
	intent, err := r.intend(ctx, intentReferral, r.record.ID, planned, nil)
	if err != nil {
		return nil, err
	}
	return r.sendReferral(ctx, intent, planned)
}

func (r *run) draft() (deal.Draft, error) {
	values, err := r.settings.Plan.FromRecord(r.record.Fields)
	if err != nil {
		return deal.Draft{}, err
	}
	return deal.Draft{Values: values, Contacts: r.record.Contacts, Team: r.record.Team, Solutions: r.record.Solutions, Help: values[deal.Help]}, nil
}

func (r *run) newReferral(draft deal.Draft) mapping.NewReferral {
	return mapping.NewReferral{Draft: draft, ExternalReference: r.record.ID, MarketplaceIntent: r.settings.MarketplaceIntent}
}

// plan fixes the bytes of a new referral and what both sides hold once it exists. A partner's own deal is active at once
// ("Create a referral"), whatever open stage the opportunity is in.
func (r *run) plan(body map[string]any, draft deal.Draft) (journalled, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return journalled{}, fmt.Errorf("encode referral: %w", err)
	}
	var sent map[string]any
	if err := json.Unmarshal(encoded, &sent); err != nil {
		return journalled{}, fmt.Errorf("encode referral: %w", err)
	}
	sent["status"], sent["substatus"] = "Active", "Accepted"
	values, err := r.settings.Plan.FromReferral(sent)
	if err != nil {
		return journalled{}, fmt.Errorf("encode referral: %w", err)
	}
	for _, field := range []string{deal.ReferralID, deal.ReferralLink} {
		values[field] = ""
	}
	return journalled{Body: encoded, Base: deal.Pair{CRM: draft.Values, Referral: values}, Name: draft.Values[deal.Name]}, nil
}

// notReady tells the seller everything that is missing, in one go.
func (r *run) notReady(ctx context.Context, missing []deal.Note) (store.Outcome, error) {
	var codes, lines []string
	for _, note := range missing {
		codes = append(codes, string(note.Code))
		lines = append(lines, problem.New(note.Code, "", note.Detail).Error())
	}
	text := strings.Join(lines, "\n")
	if err := r.report(ctx, strings.Join(codes, " "), text); err != nil {
		return nil, err
	}
	return store.Park{Code: codes[0], Error: text}, nil
}

// sendReferral posts the journalled bytes and links what comes back.
func (r *run) sendReferral(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	created, err := r.center.Create(ctx, planned.Body)
	if err != nil {
		return nil, r.refused(ctx, intent, asRefusal(err))
	}
	r.log.Info("created the referral", "referral", created.ID, "record", intent.Correlation)
	return r.created(ctx, intent, planned, created)
}

// asRefusal makes a Partner Center refusal a problem for the seller; anything else stays as it is.
func asRefusal(err error) error {
	if problem.ClassOf(err) == problem.NeedsPerson && !wire.IsAmbiguous(err) {
		return problem.Wrap(problem.ReferralRefused, "referral", err)
	}
	return err
}

// created links the referral that an intent produced and goes on with the merge, which fills the opportunity's fields.
func (r *run) created(ctx context.Context, intent store.Intent, planned journalled, found referral.Referral) (store.Outcome, error) {
	link := r.deal.Link
	link.CRMID, link.ReferralID, link.EngagementID = intent.Correlation, found.ID, found.EngagementID
	err := r.commit(ctx, store.Change{
		Link: &link, Base: packBase(planned.Base), Settle: settled(intent, store.IntentDone, found.ID),
		Audit: []store.AuditEntry{{Actor: "agent", Direction: "outbound", Detail: "shared as referral " + found.ID}},
	})
	if err != nil {
		return nil, err
	}
	r.referral = &found
	if r.record == nil {
		return store.Done{}, nil // it was deleted meanwhile
	}
	return r.merge(ctx)
}

// clockMargin covers the difference of the clocks when referrals are looked for by their time of creation.
const clockMargin = 5 * time.Minute

// finishReferral looks for the referral that an earlier run may have created, and repeats the very request only when it is
// certain that there is none.
func (r *run) finishReferral(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	if err := r.readRecord(ctx, intent.Correlation); err != nil {
		return nil, err
	}
	candidates, err := r.center.CreatedSince(ctx, intent.SentAt.Add(-clockMargin))
	if err != nil {
		return nil, err
	}
	for _, candidate := range candidates {
		if !candidate.Microsoft && strings.EqualFold(candidate.ExternalReference, intent.Correlation) {
			return r.created(ctx, intent, planned, candidate)
		}
	}
	for _, candidate := range candidates {
		if candidate.ExternalReference == "" && candidate.Outgoing && candidate.Name == planned.Name {
			return r.unknown(ctx, intent, candidate)
		}
	}
	if r.record == nil || !r.record.Sync {
		return nil, r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, "")})
	}
	if intent, err = r.repeat(ctx, intent); err != nil {
		return nil, err
	}
	return r.sendReferral(ctx, intent, planned)
}

// unknown leaves it to a person whether a referral without reference is the one that was sent: a second one could not be
// taken back.
func (r *run) unknown(ctx context.Context, intent store.Intent, candidate referral.Referral) (store.Outcome, error) {
	if err := r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, candidate.ID)}); err != nil {
		return nil, err
	}
	return nil, problem.New(problem.CreateUnknown, "opportunity "+intent.Correlation, "referral "+candidate.ID+" may be it")
}

// requestHelp creates Microsoft's referral of the engagement, the second of a co-sell deal's two.
func (r *run) requestHelp(ctx context.Context, draft deal.Draft) (store.Outcome, error) {
	body, err := json.Marshal(r.settings.Plan.Counterpart(r.newReferral(draft), r.referral.EngagementID))
	if err != nil {
		return nil, fmt.Errorf("encode Microsoft's referral: %w", err)
	}
	planned := journalled{Body: body}
	intent, err := r.intend(ctx, intentCounterpart, r.referral.EngagementID, planned, nil)
	if err != nil {
		return nil, err
	}
	return r.sendCounterpart(ctx, intent, planned)
}

func (r *run) sendCounterpart(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	created, err := r.center.Create(ctx, planned.Body)
	if err != nil {
		return nil, r.refused(ctx, intent, asRefusal(err))
	}
	return nil, r.engaged(ctx, intent, created.ID)
}

func (r *run) engaged(ctx context.Context, intent store.Intent, counterpartID string) error {
	link := r.deal.Link
	link.CounterpartID = counterpartID
	return r.commit(ctx, store.Change{
		Link: &link, Settle: settled(intent, store.IntentDone, counterpartID),
		Audit: []store.AuditEntry{{Actor: "agent", Direction: "outbound", Detail: "asked Microsoft for help, referral " + counterpartID}},
	})
}

func (r *run) finishCounterpart(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	engagement, err := r.center.Engagement(ctx, intent.Correlation)
	if err != nil {
		return nil, err
	}
	for _, member := range engagement {
		if member.Microsoft {
			return nil, r.engaged(ctx, intent, member.ID)
		}
	}
	if intent, err = r.repeat(ctx, intent); err != nil {
		return nil, err
	}
	return r.sendCounterpart(ctx, intent, planned)
}

// receive creates the opportunity of a referral, on hold and with Sync set.
func (r *run) receive(ctx context.Context) (store.Outcome, error) {
	values, err := r.settings.Plan.FromReferral(r.referral.Tree)
	if err != nil {
		return nil, problem.Wrap(problem.OpportunityRefused, "referral "+r.referral.ID, err)
	}
	switch {
	case deal.Terminal(values[deal.StatusField]):
		return store.Done{}, nil
	case r.settings.Scope != nil && !r.settings.Scope(*r.referral):
		r.log.Debug("is out of scope", "referral", r.referral.ID)
		return store.Done{}, nil
	case r.referral.Lead:
		r.log.Info("is a lead, which Partner Center keeps until it is accepted", "referral", r.referral.ID)
		return store.Done{}, nil
	}
	if outcome, err := r.mayBeOurs(ctx); outcome != nil || err != nil {
		return outcome, err
	}
	if flow, blocked := r.settings.Blocked[CreateOpportunity]; blocked {
		return store.Gate{Flow: flow}, nil
	}
	return r.createOpportunity(ctx, values)
}

// mayBeOurs holds a referral of our own making back while a create of ours is under way that it may be the result of: when
// the reference does not survive in Partner Center, only the create's answer tells.
func (r *run) mayBeOurs(ctx context.Context) (store.Outcome, error) {
	if !r.referral.Outgoing || r.referral.ExternalReference != "" {
		return nil, nil
	}
	open, err := r.store.OpenIntents(ctx, intentReferral)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(open, func(i store.OpenIntent) bool { return i.Key != r.claim.Key }) {
		return r.again(firstBackoff, nil), nil
	}
	return nil, nil
}

// createOpportunity matches the customer's account, or creates it together with the opportunity. Two referrals of one new
// customer must not create two accounts: a lease on the customer covers the time from the look to the journal, and the open
// intent of another deal the time from the journal to a certain outcome, also across a restart.
func (r *run) createOpportunity(ctx context.Context, values deal.Values) (outcome store.Outcome, err error) {
	postalCode := ""
	if r.settings.MatchPostalCode {
		postalCode = values[deal.CustomerPostal]
	}
	customer := strings.ToLower(values[deal.CustomerName] + "|" + postalCode)
	lease, got, err := r.store.Acquire(ctx, "account:"+customer, r.settings.Lease)
	if err != nil {
		return nil, err
	}
	if !got {
		return r.again(briefly, nil), nil
	}
	defer func() { err = errors.Join(err, r.store.Release(ctx, lease)) }()
	if busy, err := r.othersCreate(ctx, customer); busy || err != nil {
		return r.again(firstBackoff, nil), err
	}
	account, err := r.account(ctx, values, postalCode)
	if err != nil {
		return nil, err
	}
	record, base := r.newRecord(values, account)
	body, err := r.crm.EncodeCreate(record)
	if err != nil {
		return nil, err
	}
	link := r.deal.Link
	link.ReferralID, link.EngagementID = r.referral.ID, r.referral.EngagementID
	planned := journalled{Body: body, Base: base, Name: customer}
	intent, err := r.intend(ctx, intentOpportunity, r.referral.ID, planned, &link)
	if err != nil {
		return nil, err
	}
	return r.sendOpportunity(ctx, intent, planned)
}

// othersCreate reports whether another deal of the same customer has a create under way.
func (r *run) othersCreate(ctx context.Context, customer string) (bool, error) {
	open, err := r.store.OpenIntents(ctx, intentOpportunity)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(open, func(i store.OpenIntent) bool {
		var planned journalled
		return i.Key != r.claim.Key && json.Unmarshal(i.Payload, &planned) == nil && planned.Name == customer
	}), nil
}

// account gives the one account that matches, or "" when one is to be created.
func (r *run) account(ctx context.Context, values deal.Values, postalCode string) (string, error) {
	object := "referral " + r.referral.ID
	matches, err := r.crm.MatchAccounts(ctx, values[deal.CustomerName], postalCode)
	switch {
	case err != nil:
		return "", err
	case len(matches) > 1:
		return "", problem.New(problem.AccountAmbiguous, object, values[deal.CustomerName]+": "+strings.Join(matches, ", "))
	case len(matches) == 1:
		return matches[0], nil
	case !r.settings.CreateAccounts:
		return "", problem.New(problem.AccountMissing, object, values[deal.CustomerName])
	default:
		return "", nil
	}
}

func (r *run) newRecord(values deal.Values, accountID string) (crm.NewRecord, deal.Pair) {
	plan := r.settings.Plan
	written := plan.Fit(values)
	fields := plan.ToRecord(present(written))
	if name, marked, ok := plan.Mark(fields, deal.MarkSuccess); ok {
		fields[name] = marked
	}
	record := crm.NewRecord{
		ReferralID: r.referral.ID, Fields: fields, AccountID: accountID, Account: plan.ToRelated("Account", values),
		SyncStatus: statusInSync, Audit: r.auditLine("Received from Partner Center as referral " + r.referral.ID + "."),
	}
	return record, deal.Pair{CRM: written, Referral: values}
}

// present leaves empty values out: a new record need not be told what it lacks.
func present(values deal.Values) deal.Values {
	some := deal.Values{}
	for field, value := range values {
		if value != "" {
			some[field] = value
		}
	}
	return some
}

func (r *run) sendOpportunity(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	id, err := r.crm.Create(ctx, planned.Body)
	if errors.Is(err, crm.ErrExists) {
		found, exists, findErr := r.crm.FindByReferral(ctx, intent.Correlation)
		if findErr != nil {
			return nil, findErr
		}
		if exists {
			id, err = found, nil
		}
	}
	if err != nil {
		if problem.ClassOf(err) == problem.NeedsPerson && !wire.IsAmbiguous(err) {
			err = problem.Wrap(problem.OpportunityRefused, "referral "+intent.Correlation, err)
		}
		return nil, r.refused(ctx, intent, err)
	}
	r.log.Info("created the opportunity", "record", id, "referral", intent.Correlation)
	return r.received(ctx, intent, planned, id)
}

// received links the opportunity that an intent produced. The deal is at rest: the record was written as the referral is.
func (r *run) received(ctx context.Context, intent store.Intent, planned journalled, recordID string) (store.Outcome, error) {
	link := r.deal.Link
	link.CRMID = recordID
	err := r.commit(ctx, store.Change{
		Link: &link, Base: packBase(planned.Base), Settle: settled(intent, store.IntentDone, recordID),
		Audit: []store.AuditEntry{{Actor: "agent", Direction: "inbound", Detail: "created opportunity " + recordID}},
	})
	if err != nil {
		return nil, err
	}
	return store.Done{}, nil
}

func (r *run) finishOpportunity(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	id, found, err := r.crm.FindByReferral(ctx, intent.Correlation)
	if err != nil {
		return nil, err
	}
	if found {
		_, err = r.received(ctx, intent, planned, id)
		return nil, err // go on: much may have changed meanwhile
	}
	// The unique key says for certain that nothing arrived. The bytes are not sent again but made anew, because another
	// deal may have created the account that they would create.
	return nil, r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, "")})
}
