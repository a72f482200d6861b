package salesforce

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

var _ crm.Ahead = (*Org)(nil)

// promises are the answers that are on their way to one run.
type promises struct {
	mu   sync.Mutex
	list []*promise
}

// promise is the answer to one search. A lane of nil is the search for accounts.
type promise struct {
	lane   *lane
	wanted []string
	rows   []row
	err    error
	done   chan struct{}
}

type promisesKey struct{}

// Ahead implements [crm.Ahead]. The searches are those that the methods themselves make.
func (o *Org) Ahead(ctx context.Context, expected crm.Expected) context.Context {
	p, lanes := &promises{}, o.shared()
	if id, err := salesforce.ParseID(expected.RecordID); err == nil {
		p.begin(ctx, lanes.records, string(id))
	}
	if expected.ReferralID != "" {
		p.begin(ctx, lanes.byReferral, strings.ToLower(expected.ReferralID))
	}
	if expected.Customer != (match.Customer{}) {
		conditions := o.accountConditions(expected.Customer)
		p.ask(nil, conditions, func() ([]row, error) { return lanes.accounts.Do(ctx, search{conditions}) })
	}
	if o.solutions.catalogue != "" {
		p.begin(ctx, lanes.catalogue, solutionIDs(expected.Solutions)...)
	}
	p.begin(ctx, lanes.contacts, addresses(expected.Contacts)...)
	p.begin(ctx, lanes.users, addresses(expected.Team)...)
	return context.WithValue(ctx, promisesKey{}, p)
}

func (p *promises) begin(ctx context.Context, l *lane, wanted ...string) {
	if len(wanted) > 0 {
		p.ask(l, wanted, func() ([]row, error) { return l.group.Do(ctx, wanted) })
	}
}

func (p *promises) ask(l *lane, wanted []string, search func() ([]row, error)) {
	asked := &promise{lane: l, wanted: wanted, done: make(chan struct{})}
	p.list = append(p.list, asked)
	go func() {
		defer close(asked.done)
		asked.rows, asked.err = search()
	}()
}

// fetch gives the answer that was promised for a search, or makes the search.
func fetch(ctx context.Context, l *lane, wanted []string, search func() ([]row, error)) ([]row, error) {
	p, ok := ctx.Value(promisesKey{}).(*promises)
	if !ok {
		return search()
	}
	if kept := p.take(l, wanted); kept != nil {
		<-kept.done // it ends with the context
		return kept.rows, kept.err
	}
	return search()
}

func (p *promises) take(l *lane, wanted []string) *promise {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.list, func(kept *promise) bool { return kept.lane == l && slices.Equal(kept.wanted, wanted) })
	if at < 0 {
		return nil
	}
	kept := p.list[at]
	p.list = slices.Delete(p.list, at, at+1)
	return kept
}
