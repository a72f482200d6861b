package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Answer is what a person decides about a deal, as the status that the opportunity is to have and what the referral becomes.
type Answer struct {
	Name     string      // of the command, for messages
	stage    deal.Status // of the opportunity afterwards
	received bool        // it answers a referral that waits; otherwise it ends one that was accepted
}

// The answers.
var (
	Accept  = Answer{"accept", deal.Active, true}
	Decline = Answer{"decline", deal.Lost, true}
	Win     = Answer{"close as won", deal.Won, false}
	Lose    = Answer{"close as lost", deal.Lost, false}
)

// Answered is what an answer changes in the CRM. Partner Center learns of it as of any other change of the opportunity: by the
// agent.
type Answered struct {
	RecordID, Name, ReferralID string
	From, To                   string // stages
	Reason                     string
	Warnings                   []string // whole sentences
}

// AnswerDeal changes the stage, and the reason, of a deal's opportunity. id is the opportunity's or the referral's. With dryRun
// everything is looked at and nothing is written. It fails when the deal is not in a state for the answer, and says why.
func AnswerDeal(ctx context.Context, d document.Document, m Machine, id string, answer Answer, reason string, dryRun bool) (Answered, error) {
	a := &App{machine: m, log: m.Log}
	org, center, err := a.open(ctx, d, m.Transport, m.Transport, a.newClocks())
	if err != nil {
		return Answered{}, err
	}
	p, err := plan(d, org)
	if err != nil {
		return Answered{}, err
	}
	record, err := a.settledRecord(ctx, org, id)
	if err != nil {
		return Answered{}, err
	}
	c := &answering{plan: p, org: org, record: record, answer: answer, reason: strings.TrimSpace(reason)}
	if err := c.check(ctx, center, d); err != nil {
		return Answered{}, fmt.Errorf("opportunity %s: %w", record.ID, err)
	}
	if flow, off := blocked(d)[reconcile.PatchReferral]; off {
		c.result.Warnings = append(c.result.Warnings, "Partner Center is not told before "+flow+" lets changes pass.")
	}
	if dryRun {
		return c.result, nil
	}
	return c.result, c.write(ctx)
}

// settledRecord reads the opportunity, again if its last change is too fresh to be told from another one.
func (a *App) settledRecord(ctx context.Context, org organisation, id string) (crm.Record, error) {
	if !org.Known(id) {
		found, ok, err := org.FindByReferral(ctx, id)
		if err != nil {
			return crm.Record{}, err
		}
		if !ok {
			return crm.Record{}, fmt.Errorf("no opportunity of the organisation is linked with a referral %s", id)
		}
		id = found
	}
	for {
		at := a.machine.Now()
		record, err := org.Read(ctx, id)
		if errors.Is(err, crm.ErrNotFound) {
			return record, fmt.Errorf("there is no opportunity %s in the organisation, or the agent's user does not see it", id)
		}
		settled := record.ModifiedAt.Add(reconcile.Precision)
		if err != nil || !at.Before(settled) {
			return record, err
		}
		a.machine.Sleep(ctx, settled.Sub(at))
		if ctx.Err() != nil {
			return record, ctx.Err()
		}
	}
}

// answering is one answer on its way.
type answering struct {
	plan   mapping.Plan
	org    organisation
	record crm.Record
	answer Answer
	reason string
	fields map[string]any
	result Answered
}

// check fails when the answer does not fit the deal, and otherwise knows what is to be written.
func (c *answering) check(ctx context.Context, center referral.API, d document.Document) error {
	id := c.record.Key
	if id == "" {
		id = c.record.ReferralID
	}
	switch {
	case id == "":
		return errors.New("it is not linked with a referral; it is shared once Sync with Partner Center is Yes and nothing is missing")
	case !c.record.Sync:
		return errors.New("its Sync with Partner Center is No, so nothing would reach Partner Center; set it to Yes first")
	}
	found, err := center.Get(ctx, id)
	if errors.Is(err, referral.ErrNotFound) {
		return fmt.Errorf("its referral %s does not exist in Partner Center, or is not this partner's", id)
	}
	if err != nil {
		return err
	}
	if scope := scopeOf(d.PartnerCenter.Scope); scope != nil && !scope(found) {
		return problem.New(problem.OutOfScope, "referral "+id, "")
	}
	ours, err := c.plan.Only(deal.StatusField).FromRecord(c.record.Fields)
	if err != nil {
		return err
	}
	theirs, err := c.plan.Only(deal.StatusField).FromReferral(found.Tree)
	if err != nil {
		return err
	}
	if why := c.answer.refusal(ours[deal.StatusField], theirs[deal.StatusField]); why != "" {
		return fmt.Errorf("it cannot be answered with %q: %s", c.answer.Name, why)
	}
	return c.decide(id)
}

// refusal tells why an answer does not fit a deal; "" when it does.
func (a Answer) refusal(record, referral deal.Status) string {
	switch {
	case deal.Terminal(referral):
		return "the referral is closed in Partner Center (" + referral + ") and can change no more"
	case deal.Terminal(record):
		return "the opportunity is closed already (" + record + "); the agent carries that to Partner Center"
	case a.received && referral == deal.Active && a.stage == deal.Active:
		return "the referral was accepted already"
	case a.received && referral == deal.Active:
		return "the referral was accepted already; close it instead: deals close ID --outcome lost"
	case a.received && record != deal.New:
		return "the opportunity has left the on-hold stage, so its acceptance is under way"
	case !a.received && referral == deal.New:
		return "the referral still waits for an answer; accept or decline it"
	}
	return ""
}

// decide computes the fields.
func (c *answering) decide(referralID string) error {
	values := deal.Values{deal.StatusField: c.answer.stage}
	reason := c.row(deal.CloseReason)
	switch {
	case c.reason != "" && reason == nil:
		return errors.New("the connector has no field for the reason; leave --reason out, or give the connector the field close_reason")
	case c.reason == "" && reason != nil && c.answer == Decline:
		return errors.New("a decline needs its reason: --reason, one of " + strings.Join(document.CloseReasons(), "; "))
	case c.reason != "":
		c.reason = c.known(c.reason)
		values[deal.CloseReason] = c.reason
	}
	var err error
	if c.fields, err = c.plan.ToRecord(values); err != nil {
		return err
	}
	stage := c.row(deal.StatusField)
	if stage == nil || c.fields[stage.CRM] == nil {
		return errors.New("the field mapping does not write the status to the CRM")
	}
	if reason != nil {
		if text, ok := c.fields[reason.CRM].(string); ok {
			if spelled, listed := c.org.PicklistValue(reason.CRM, text); listed {
				c.fields[reason.CRM] = spelled
			}
		}
	}
	name := ""
	if row := c.row(deal.Name); row != nil {
		name, _ = c.record.Fields[row.CRM].(string)
	}
	c.result.RecordID, c.result.Name, c.result.ReferralID, c.result.Reason = c.record.ID, deal.StripMark(name), referralID, c.reason
	c.result.From, c.result.To = fmt.Sprint(c.record.Fields[stage.CRM]), fmt.Sprint(c.fields[stage.CRM])
	return nil
}

func (c *answering) row(field string) *mapping.Row {
	at := slices.IndexFunc(c.plan.Rows, func(r mapping.Row) bool { return r.Field == field })
	if at < 0 {
		return nil
	}
	return &c.plan.Rows[at]
}

// known spells a reason as Partner Center does. One of the user's own is taken as it is, with a warning.
func (c *answering) known(reason string) string {
	known := document.CloseReasons()
	if at := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, reason) }); at >= 0 {
		return known[at]
	}
	c.result.Warnings = append(c.result.Warnings,
		fmt.Sprintf("%q is none of Partner Center's own reasons (%s); it is written as it is.", reason, strings.Join(known, "; ")))
	return reason
}

func (c *answering) write(ctx context.Context) error {
	payload, err := c.org.EncodeUpdate(crm.Changes{Fields: c.fields})
	if err != nil {
		return err
	}
	err = c.org.Update(ctx, c.record.ID, c.record.Version, payload)
	switch {
	case errors.Is(err, crm.ErrChanged):
		return fmt.Errorf("opportunity %s was changed by somebody else meanwhile, nothing was written; look at it and try again", c.record.ID)
	case wire.IsAmbiguous(err):
		return fmt.Errorf("it is unknown whether opportunity %s was changed; the same command again finds out: %w", c.record.ID, err)
	case err != nil && problem.ClassOf(err) == problem.NeedsPerson:
		return problem.Wrap(problem.OpportunityRefused, "opportunity "+c.record.ID, err)
	}
	return err
}
