package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// tolerated is how far this machine's clock may be from a remote system's without a word.
const tolerated = time.Minute

// The remote systems whose clocks are known, by the names that people read.
const (
	clockOfCRM           = "CRM"
	clockOfPartnerCenter = "Partner Center"
)

// clocks compares this machine's clock with the remote systems', by the Date of their answers. What an earlier run sent is found again by
// its time, and leases and waits build on the clock too, so while it is wrong by more than the limit nothing is written.
type clocks struct {
	limit time.Duration
	log   hclog.Logger

	mu    sync.Mutex
	apart map[string]time.Duration // by remote system; positive: this machine is ahead
}

// newClocks makes clocks that have not seen an answer yet.
func (a *App) newClocks() *clocks {
	return &clocks{limit: a.machine.Lease + a.machine.settle(), log: a.log, apart: map[string]time.Duration{}}
}

// of gives the observer of a remote system's answers.
func (c *clocks) of(system string) func(date, sent, received time.Time) {
	return func(date, sent, received time.Time) { c.note(system, apart(date, sent, received)) }
}

// apart is how far the clock that sent and received is from the one that dated the answer. A Date has whole seconds, and was set somewhere
// between the two.
func apart(date, sent, received time.Time) time.Duration {
	switch {
	case date.Add(time.Second).Before(sent):
		return sent.Sub(date.Add(time.Second))
	case date.After(received):
		return received.Sub(date)
	default:
		return 0
	}
}

func (c *clocks) note(system string, now time.Duration) {
	c.mu.Lock()
	before := c.apart[system]
	c.apart[system] = now
	c.mu.Unlock()
	switch wrong, was := now.Abs() > tolerated, before.Abs() > tolerated; {
	case wrong && !was:
		c.log.Warn(clockProblem(system, now).Error())
	case was && !wrong:
		c.log.Info("the clock agrees again", "system", system)
	}
}

// at gives the time by a remote system's clock, as its last answer told it; this machine's own before there was one.
func (c *clocks) at(system string, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Add(-c.apart[system])
}

func clockProblem(system string, apart time.Duration) *problem.Problem {
	direction := "ahead of"
	if apart < 0 {
		direction = "behind"
	}
	return problem.New(problem.ClockWrong, "this machine", fmt.Sprintf("it is %s %s %s", apart.Abs().Round(time.Second), direction, system))
}

// check fails while nothing may be written.
func (c *clocks) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for system, apart := range c.apart {
		if apart.Abs() > c.limit {
			return clockProblem(system, apart)
		}
	}
	return nil
}

// punctualCenter writes to Partner Center only while the clock is right.
type punctualCenter struct {
	referral.API
	clocks *clocks
}

// Create implements [referral.API].
func (p punctualCenter) Create(ctx context.Context, body []byte) (referral.Referral, error) {
	if err := p.clocks.check(); err != nil {
		return referral.Referral{}, err
	}
	return p.API.Create(ctx, body)
}

// Patch implements [referral.API].
func (p punctualCenter) Patch(ctx context.Context, id, etag string, patch []byte) (referral.Referral, error) {
	if err := p.clocks.check(); err != nil {
		return referral.Referral{}, err
	}
	return p.API.Patch(ctx, id, etag, patch)
}

// punctualOrg writes to the organisation only while the clock is right.
type punctualOrg struct {
	organisation
	clocks *clocks
}

// Create implements [crm.CRM].
func (p punctualOrg) Create(ctx context.Context, payload []byte) (string, error) {
	if err := p.clocks.check(); err != nil {
		return "", err
	}
	return p.organisation.Create(ctx, payload)
}

// Update implements [crm.CRM].
func (p punctualOrg) Update(ctx context.Context, id, version string, payload []byte) error {
	if err := p.clocks.check(); err != nil {
		return err
	}
	return p.organisation.Update(ctx, id, version, payload)
}

// CreateLead implements [crm.Leads].
func (p punctualOrg) CreateLead(ctx context.Context, payload []byte) (string, error) {
	if err := p.clocks.check(); err != nil {
		return "", err
	}
	return p.organisation.CreateLead(ctx, payload)
}

// UpdateLead implements [crm.Leads].
func (p punctualOrg) UpdateLead(ctx context.Context, id, version string, payload []byte) error {
	if err := p.clocks.check(); err != nil {
		return err
	}
	return p.organisation.UpdateLead(ctx, id, version, payload)
}
