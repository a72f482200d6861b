package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// connection is everything that one document needs while it is in force.
type connection struct {
	machine  Machine
	store    store.Store
	health   *health
	org      organisation
	center   referral.API
	clocks   *clocks
	engine   *reconcile.Engine
	budget   *callBudget // of the CRM
	calls    []*callBudget
	poll     time.Duration
	sweep    time.Duration
	from     time.Time // where the first sweep begins; zero: now
	watchCRM bool
	survey   *backfill.Survey
	leads    crm.Feed // nil: nobody watches leads
	document string   // the hash of the document's content
	push     *push    // nil: the CRM is polled only
	log      hclog.Logger
}

// connectWait is the wait between two attempts to reach the remote systems at start.
const connectWait = 2 * time.Second

// connect makes the clients, checks the pins and looks at the organisation, waiting as long as the remote systems cannot be
// reached.
func (a *App) connect(ctx context.Context, d document.Document) (*connection, error) {
	for {
		c, err := a.tryConnect(ctx, d)
		if err == nil {
			a.health.connection(c.budget, nil)
		} else {
			a.health.connection(nil, err)
		}
		if err == nil || ctx.Err() != nil {
			return c, errors.Join(err, ctx.Err())
		}
		if problem.ClassOf(err) != problem.Later {
			return nil, err
		}
		a.log.Warn("cannot start yet, will try again", "error", err)
		a.machine.Sleep(ctx, connectWait)
		if ctx.Err() != nil { // a wait that ended early is no reason to try once more
			return nil, ctx.Err()
		}
	}
}

func (a *App) tryConnect(ctx context.Context, d document.Document) (*connection, error) {
	budget := a.newBudget(d.CRM.Type, d.Schedule.DailyCalls)
	centerBudget := a.newBudget(partnerCenterCalls, 0)
	clocks := a.newClocks()
	org, center, err := a.open(ctx, d, budget, centerBudget, clocks)
	if err != nil {
		return nil, err
	}
	now := clocks.at(clockOfCRM, a.machine.Now())
	born, err := store.Born(ctx, a.store, now)
	if err != nil {
		return nil, fmt.Errorf("since when the store exists: %w", err)
	}
	if wait := a.machine.settle(); now.Before(born.Add(wait)) {
		a.log.Info("the store is new: what the CRM held before it is shared once an earlier agent's calls must have arrived", "wait", wait)
	}
	c, err := a.connection(d, org, center, clocks, born)
	if err != nil {
		return nil, err
	}
	c.budget, c.calls = budget, []*callBudget{budget, centerBudget}
	return c, nil
}

func (a *App) newBudget(system string, daily int64) *callBudget {
	return &callBudget{transport: a.machine.Transport, system: system, daily: daily, now: a.machine.Now, spend: a.store.Spend}
}

// open makes the clients of both sides, checks the pin of the organisation and looks at it. Calls go through the transports given.
func (a *App) open(ctx context.Context, d document.Document, crmCalls, centerCalls http.RoundTripper, clocks *clocks) (organisation, referral.API, error) {
	crmStack, err := a.stack(a.observe(crmCalls, d, d.CRM.Type), clocks.of(clockOfCRM))
	if err != nil {
		return nil, nil, err
	}
	centerStack, err := a.stack(a.observe(centerCalls, d, SystemPartnerCenter), clocks.of(clockOfPartnerCenter))
	if err != nil {
		return nil, nil, err
	}
	center, err := a.partnerCenterClient(d, centerStack)
	if err != nil {
		return nil, nil, err
	}
	org, err := a.openCRM(ctx, d, crmStack)
	if err != nil {
		return nil, nil, err
	}
	return org, referral.NewClient(center, a.machine.Gather), nil
}

func (a *App) stack(transport http.RoundTripper, dated func(date, sent, received time.Time)) (*wire.Client, error) {
	return wire.New(wire.Options{
		Transport: transport, Clock: a.machine.Now, Log: a.log.Named("wire"), UserAgent: "cosell-agent/" + a.machine.Version,
		Timeout: a.machine.CallTimeout, NewID: a.machine.NewID, Dated: dated,
	})
}

func (a *App) connection(d document.Document, org organisation, center referral.API, clocks *clocks, born time.Time) (*connection, error) {
	p, err := plan(d, org)
	if err != nil {
		return nil, err
	}
	rules, err := settings(d, p, a.machine)
	if err != nil {
		return nil, err
	}
	if rules.Document, err = document.Hash(d); err != nil {
		return nil, err
	}
	poll, pollErr := time.ParseDuration(d.Schedule.Poll)
	sweep, sweepErr := time.ParseDuration(d.Schedule.Sweep)
	from, fromErr := firstSweep(d)
	if err := errors.Join(pollErr, sweepErr, fromErr); err != nil {
		return nil, problem.Wrap(problem.DocumentInvalid, "schedule", err)
	}
	if d.PartnerCenter.Intake != document.IntakeWebhook {
		sweep = min(sweep, poll)
	}
	punctual := punctualOrg{org, clocks}
	engine := reconcile.New(reconcile.Options{
		Store: a.store, CRM: punctual, Leads: punctual, PartnerCenter: punctualCenter{center, clocks}, Settings: rules, Now: a.machine.Now, Jitter: a.machine.Jitter,
		RetryAfter: func(err error) time.Duration { return max(org.RetryAfter(err), partnercenter.RetryAfter(err)) },
		Born:       born,
		Log:        a.log.Named("reconcile"),
	})
	c := &connection{
		machine: a.machine, store: a.store, health: &a.health, survey: survey(d, org, center), org: org, center: center, clocks: clocks, engine: engine,
		poll: poll, sweep: sweep, from: from, document: rules.Document, log: a.log,
		watchCRM: d.Flow(document.FlowOpportunityToPartnerCenter) || d.Flow(document.FlowSolutionsToPartnerCenter),
	}
	if d.Flow(document.FlowLeadsToPartnerCenter) {
		c.leads = org.LeadFeed()
	}
	if c.watchCRM || c.leads != nil {
		if c.push, err = a.newPush(d, org); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// firstSweep gives the time at which the first sweep begins; zero where the document does not say.
func firstSweep(d document.Document) (time.Time, error) {
	if d.Schedule.SweepFrom == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, d.Schedule.SweepFrom)
}

// resolve reads a secret that the document refers to.
func (a *App) resolve(ref secret.Reference) (secret.Secret, error) {
	if ref == "" {
		return secret.Secret{}, nil
	}
	s, err := a.machine.Secrets.Resolve(ref)
	if err != nil {
		return secret.Secret{}, problem.Wrap(problem.SecretUnavailable, string(ref), err)
	}
	return s, nil
}

func (a *App) partnerCenterClient(d document.Document, stack *wire.Client) (*partnercenter.Client, error) {
	pc := d.PartnerCenter
	clientSecret, err := a.resolve(pc.Credentials.ClientSecret)
	if err != nil {
		return nil, err
	}
	if _, err := a.resolve(pc.Credentials.RefreshToken); err != nil {
		return nil, err
	}
	token := &refreshToken{reference: pc.Credentials.RefreshToken, resolver: a.machine.Secrets, log: a.log}
	return partnercenter.New(partnercenter.Config{
		Authority: pc.Authority, TenantID: pc.TenantID, ClientID: pc.Credentials.ClientID, ClientSecret: clientSecret,
		ReferralsEndpoint: pc.ReferralsEndpoint, EventsEndpoint: pc.EventsEndpoint,
		RefreshToken: token.current, OnRotate: token.rotate,
	}, stack)
}
