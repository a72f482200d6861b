package app

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/agent/intake"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// rowHook is where Dataverse tells of changed rows. It receives as long as its document is in force, also while Dataverse or Partner
// Center cannot be reached: what is told is stored, and answered later.
type rowHook struct {
	path    string
	names   adapter.Names
	store   watch.Told
	handler *intake.RowHandler
	push    *push

	mu   sync.Mutex
	user string // of the agent; empty before it has signed in
}

// newRowHook makes the endpoint that the document asks for; nil when it asks for none.
func (a *App) newRowHook(d document.Document) (*rowHook, error) {
	if d.CRM.Dynamics == nil || d.CRM.Dynamics.Push == nil {
		return nil, nil
	}
	declared := d.CRM.Dynamics.Push
	address, err := url.Parse(declared.URL)
	if err != nil {
		return nil, problem.Wrap(problem.DocumentInvalid, "crm.dynamics365.push.url", err)
	}
	poll, err := time.ParseDuration(declared.Poll)
	if err != nil {
		return nil, problem.Wrap(problem.DocumentInvalid, "crm.dynamics365.push.poll", err)
	}
	key, err := a.resolve(d.CRM.Dynamics.Credentials.WebhookKey)
	if err != nil {
		return nil, err
	}
	log := a.log.Named("intake")
	hook := &rowHook{path: address.EscapedPath(), names: dynamicsNames(d), store: a.store, push: idlePush(poll)}
	hook.push.hook = newHookHealth(a.machine.Now, a.log)
	hook.handler, err = intake.NewRowHandler(intake.RowOptions{
		Path: hook.path, Header: declared.HeaderName, Key: key, OrganizationID: d.CRM.Dynamics.OrganizationID, Take: hook.take, Clock: a.machine.Now, Log: log,
	})
	return hook, err
}

// signedIn notes whose writes are the agent's own.
func (h *rowHook) signedIn(userID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.user = userID
}

func (h *rowHook) own(event dataverse.Event) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return event.Own(dataverseTag, h.user)
}

// take stores what a delivery tells. What only a poll can answer is polled for: the process polls when it begins, so nothing is lost when
// it ends before.
func (h *rowHook) take(ctx context.Context, event dataverse.Event, id string) (intake.Reason, error) {
	if h.own(event) {
		h.push.told(event.RowID)
		return intake.OwnWrite, nil
	}
	told := h.names.Announced(event)
	hits, err := watch.Delivered(ctx, told, id, h.store)
	if err != nil {
		return "", err
	}
	h.push.told(event.RowID)
	if told.Missed {
		h.push.pollNow()
		return intake.Accepted, nil
	}
	if hits == 0 {
		return intake.OtherRow, nil
	}
	return intake.Accepted, nil
}

const (
	// hookGrace is how long a delivery may be behind what a poll has found: steps are asynchronous.
	hookGrace = 30 * time.Second
	// hookProbation is how long polls come at their usual rate after a change that no delivery told.
	hookProbation = 10 * time.Minute
)

// hookHealth judges a feed that calls. It is healthy once it has called, and no longer when polls find what it did not tell in time: a
// step was removed or disabled, the address is not reached, a delivery was lost. Silence alone says nothing. Each process judges by the
// calls that it got itself: where several share the work of a connector behind one address, they poll at the usual rate.
type hookHealth struct {
	now func() time.Time
	log hclog.Logger

	mu        sync.Mutex
	called    map[string]time.Time // by row: when it was told last
	owed      map[string]time.Time // by row: when a poll found what was not told
	polled    time.Time            // beginning of the last poll; zero: none yet
	probation time.Time            // end of the present one
}

func newHookHealth(now func() time.Time, log hclog.Logger) *hookHealth {
	return &hookHealth{now: now, log: log, called: map[string]time.Time{}, owed: map[string]time.Time{}}
}

// told notes a delivery, and that deliveries come.
func (p *push) told(row string) {
	if p.hook.told(row) {
		p.set(true)
	}
}

// told reports whether deliveries are to be relied on.
func (h *hookHealth) told(row string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.called[row] = now
	delete(h.owed, row)
	return !now.Before(h.probation)
}

// missed notes the hits of a poll that began at a time, and reports whether one of this or an earlier poll should have been told by now.
// The first poll shows what happened while nobody listened.
func (h *hookHealth) missed(hits []crm.Hit, began time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, before := h.now(), h.polled
	h.polled = began
	if before.IsZero() {
		return false
	}
	for _, hit := range hits {
		called, ever := h.called[hit.ID]
		if _, waits := h.owed[hit.ID]; hit.Announced && !waits && !(ever && !called.Before(before)) {
			h.owed[hit.ID] = now
		}
	}
	for row, called := range h.called {
		if called.Before(before) {
			delete(h.called, row)
		}
	}
	late := 0
	for row, since := range h.owed {
		if now.Sub(since) >= hookGrace {
			late++
			delete(h.owed, row)
		}
	}
	if late > 0 {
		h.probation = now.Add(hookProbation)
		h.log.Warn("Dataverse did not tell of changes that were found by asking, so they are asked for at the usual rate; look at the steps of the service endpoint and their system jobs",
			"feed", watch.PushFeed, "changes", late)
	}
	return late > 0
}

// judging gives the feed of the polls, by which the calls are judged.
func (p *push) judging(feed crm.Feed) crm.Feed {
	if p == nil || p.hook == nil {
		return feed
	}
	return judged{feed, p}
}

type judged struct {
	crm.Feed
	push *push
}

// Changes implements [crm.Feed].
func (j judged) Changes(ctx context.Context, position string) ([]crm.Hit, string, error) {
	began := j.push.hook.now()
	hits, next, err := j.Feed.Changes(ctx, position)
	if err == nil && j.push.hook.missed(hits, began) {
		j.push.set(false)
	}
	return hits, next, err
}
