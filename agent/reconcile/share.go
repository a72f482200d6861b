package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// share creates the referral of an opportunity for the first time.
func (r *run) share(ctx context.Context) (store.Outcome, error) {
	if rested := r.record.ModifiedAt.Add(r.settings.Delay); r.now().Before(rested) {
		return store.Retry{At: rested}, nil
	}
	if outcome, err := r.shareOfLead(ctx); outcome != nil || err != nil {
		return outcome, err
	}
	draft, err := r.draft()
	if err == nil {
		err = r.indispensable(r.unmapped)
	}
	if err != nil {
		return nil, unreadable(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	missing := draft.Ready()
	if len(missing) == 0 && r.settings.Scope != nil && !r.settings.Scope(r.planned(draft)) {
		missing = []deal.Note{{Code: problem.OutOfScope}}
	}
	if len(missing) > 0 {
		return r.notReady(ctx, missing)
	}
	body := r.settings.Plan.Referral(r.newReferral(draft))
	planned, err := r.plan(body, draft)
	if err != nil {
		return nil, err
	}
	if flow, blocked := r.settings.Blocked[CreateReferral]; blocked {
		r.log.Info("would create a referral", "held_by", flow, "fields", deal.Kinds(present(draft.Values)))
		return r.gate(flow), r.keepHeld(ctx, intentReferral, r.record.ID, planned.Body)
	}
	if err := r.stillWanted(ctx); err != nil {
		return nil, err
	}
	intent, err := r.intend(ctx, intentReferral, r.record.ID, planned, nil)
	if err != nil {
		return nil, err
	}
	return r.sendReferral(ctx, intent, planned)
}

// draft reads what is to be shared. Fields that the mapping cannot turn are absent, and among those that failed.
func (r *run) draft() (deal.Draft, error) {
	values, failed, err := r.settings.Plan.TryRecord(r.record.Fields)
	if err != nil {
		return deal.Draft{}, err
	}
	r.unmapped = failed
	r.addSets(values)
	values[deal.Team] = deal.True
	return deal.Draft{Values: values, Contacts: r.record.People(), Team: r.record.Team, Solutions: r.record.Sold(), Help: values[deal.Help]}, nil
}

func (r *run) newReferral(draft deal.Draft) mapping.NewReferral {
	return mapping.NewReferral{
		Draft: draft, ExternalReference: r.record.ID, MarketplaceIntent: r.settings.MarketplaceIntent, HelpCode: !r.helpCodeRefused.Load(),
	}
}

// planned is the referral that a draft would become, as far as a scope looks at it.
func (r *run) planned(draft deal.Draft) referral.Referral {
	planned := referral.Referral{Name: draft.Values[deal.Name], PartnerID: r.settings.PartnerID}
	for _, solution := range draft.Solutions {
		planned.Solutions = append(planned.Solutions, solution.ID)
	}
	return planned
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
	values, err := r.settings.Plan.FromSent(sent)
	if err != nil {
		return journalled{}, unreadable(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	for _, field := range []string{deal.ReferralID, deal.ReferralLink} {
		values[field] = ""
	}
	return journalled{Body: encoded, Base: deal.Pair{CRM: draft.Values, Referral: values}, Name: draft.Values[deal.Name]}, nil
}

// notReady tells the seller everything that is missing, in one go.
func (r *run) notReady(ctx context.Context, missing []deal.Note) (store.Outcome, error) {
	var codes, lines, told []string
	for _, note := range missing {
		p := problem.New(note.Code, "", note.Detail)
		codes, lines, told = append(codes, string(note.Code)), append(lines, p.Error()), append(told, r.settings.Language.Problem(p))
	}
	if err := r.report(ctx, strings.Join(codes, " "), strings.Join(told, "\n")); err != nil {
		return nil, err
	}
	return store.Park{Code: codes[0], Error: strings.Join(lines, "\n"), Document: r.settings.Document}, nil
}

// sendReferral posts the journalled bytes and links what comes back.
func (r *run) sendReferral(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	created, err := r.center.Create(ctx, planned.Body)
	if errors.Is(err, referral.ErrHelpCode) && bytes.Contains(planned.Body, []byte("assistanceRequestCode")) {
		r.helpCodeRefused.Store(true)
		if err := r.refused(ctx, intent, err); !errors.Is(err, referral.ErrHelpCode) {
			return nil, err
		}
		return r.again(0, nil), nil // it is made anew, without
	}
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
// certain that there is none, and when nothing forbids it by now.
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
	if _, blocked := r.settings.Blocked[CreateReferral]; blocked || r.record == nil || !r.record.Sync {
		return nil, r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, "")})
	}
	if err := r.stillWanted(ctx); err != nil { // looking for it may have taken long
		return nil, err
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
	return nil, problem.Explain(problem.CreateUnknown, "opportunity "+intent.Correlation, problem.Say(problem.ReferralMayBeIt, candidate.ID))
}

// requestHelp creates Microsoft's referral of the engagement, the second of a co-sell deal's two, unless somebody else did. It
// is made of what the partner's own referral says: both describe one deal, and what the opportunity says may be held back.
func (r *run) requestHelp(ctx context.Context, code string) (store.Outcome, error) {
	if certain, early := r.tooEarly(r.referral.CreatedAt); early {
		return store.Retry{At: certain}, nil
	}
	engagement, err := r.center.Engagement(ctx, r.referral.EngagementID)
	if err != nil {
		return nil, err
	}
	for _, member := range engagement {
		if member.Microsoft {
			link := r.deal.Link
			link.CounterpartID = member.ID
			return nil, r.commit(ctx, store.Change{Link: &link})
		}
	}
	if err := r.stillWanted(ctx); err != nil {
		return nil, err
	}
	values, _, err := r.settings.Plan.TryReferral(r.referral.Tree)
	if err != nil {
		return nil, problem.Wrap(problem.ReferralRefused, "referral "+r.referral.ID, err)
	}
	draft := deal.Draft{
		Values: values, Contacts: r.record.People(), Team: r.record.Team, Solutions: mapping.SolutionsOf(r.referral.Tree), Help: code,
	}
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

// finishCounterpart looks for Microsoft's referral that an earlier run may have created. When there is none, the merge asks
// anew, unless the seller or a flow does not want it any more.
func (r *run) finishCounterpart(ctx context.Context, intent store.Intent) (store.Outcome, error) {
	engagement, err := r.center.Engagement(ctx, intent.Correlation)
	if err != nil {
		return nil, err
	}
	for _, member := range engagement {
		if member.Microsoft {
			return nil, r.engaged(ctx, intent, member.ID)
		}
	}
	return nil, r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, "")})
}
