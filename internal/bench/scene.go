package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Directions of a change.
const (
	fromCRM    = "CRM -> Partner Center"
	fromCenter = "Partner Center -> CRM"
)

// pair is a linked deal.
type pair struct{ opportunity, referral string }

// scene is a running agent in its world, with linked deals to change.
type scene struct {
	w     *world
	a     *agent
	feed  string // pushing or polling
	pairs []pair
	next  int // pair that is changed next
	made  int // deals and values so far, so that each is another one
}

// apart is the shortest time between two changes of one deal at a rate, so that every change is told from the next one.
const apart = 5

// newScene makes as many linked deals as the profile's rates need.
func (b *bench) newScene(ctx context.Context, w *world, a *agent, feed string) (*scene, error) {
	s := &scene{w: w, a: a, feed: feed, made: w.agents * 1_000_000}
	if err := w.latency(0); err != nil {
		return nil, err
	}
	need := 10
	for _, speed := range b.profile.speeds[w.store] {
		need = max(need, min(speed.rate*apart, int(float64(speed.rate)*b.profile.stretch.Seconds())+1))
	}
	fmt.Fprintf(b.progress, "bench: %s, %s: linking %d deals\n", w.store, feed, need)
	var err error
	s.pairs, err = s.link(ctx, need)
	return s, err
}

// link lets sellers share n deals and waits until the agent has linked them and rests.
func (s *scene) link(ctx context.Context, n int) ([]pair, error) {
	mark := s.w.mark()
	pairs, byOpportunity := make([]pair, n), map[string]int{}
	for i := range n {
		id, err := s.share(ctx)
		if err != nil {
			return nil, err
		}
		pairs[i].opportunity = id
		byOpportunity[id] = i
	}
	created := 0
	err := s.w.await(ctx, fmt.Sprintf("%d deals to be linked", n), mark, func(o lab.Operation) bool {
		if isWrite(o, fromCRM, true) {
			created++
		}
		return created == n
	})
	if err == nil {
		err = s.w.rest(ctx, time.Second)
	}
	if err != nil {
		return nil, err
	}
	return pairs, s.find(pairs, byOpportunity)
}

// find adds the ids of the referrals.
func (s *scene) find(pairs []pair, byOpportunity map[string]int) error {
	found := 0
	for _, r := range s.w.sandbox.PartnerCenter().All() {
		if r.ExternalReferenceID == nil {
			continue
		}
		if i, ok := byOpportunity[*r.ExternalReferenceID]; ok && pairs[i].referral == "" {
			pairs[i].referral = r.ID
			found++
		}
	}
	if found != len(pairs) {
		return fmt.Errorf("%d of %d deals have a referral that names them", found, len(pairs))
	}
	return nil
}

// isWrite reports whether an operation is the agent's write at the end of a direction: a new deal, or a change.
func isWrite(o lab.Operation, direction string, fresh bool) bool {
	action, object := "update", "referral"
	if fresh {
		action = "create"
	}
	if direction == fromCenter {
		object = "Opportunity"
	}
	return byAgent(o) && o.IsWrite() && o.Action == action && o.Object == object
}

// number gives a number that no other deal or value has.
func (s *scene) number() int {
	s.made++
	return s.made
}

// share lets a seller make and share an opportunity.
func (s *scene) share(ctx context.Context) (string, error) {
	n := s.number()
	return s.w.act(ctx, "create_opportunity", map[string]string{
		"name": fmt.Sprintf("Deal %d", n), "stage": "Qualification", "amount": strconv.Itoa(n), "close_date": "2027-03-31",
		"account": fmt.Sprintf("Fabrikam %d", n), "country": "Norway", "street": "1 Main St", "city": "Oslo", "postal_code": fmt.Sprintf("%04d", n%10000),
		"solution": "SOL-10001-AAA", "Sync_with_Partner_Center__c": "true",
	})
}

// receive lets Microsoft send a referral.
func (s *scene) receive(ctx context.Context) (string, error) {
	n := s.number()
	return s.w.act(ctx, "send_referral", map[string]string{
		"name": fmt.Sprintf("Referral %d", n), "value": strconv.Itoa(n), "currency": "USD", "close_date": "2027-06-30",
		"customer": fmt.Sprintf("Contoso %d", n), "address_line1": "2 Main St", "city": "Bergen", "postal_code": fmt.Sprintf("%04d", n%10000), "country": "NO",
		"contact_first_name": "First", "contact_last_name": "Last", "contact_phone": "+47 1", "contact_email": fmt.Sprintf("buyer%d@example.com", n),
	})
}

// change lets somebody change a deal's value on one side.
func (s *scene) change(ctx context.Context, p pair, direction string, value int) error {
	var err error
	if direction == fromCRM {
		_, err = s.w.act(ctx, "edit_opportunity", map[string]string{"id": p.opportunity, "amount": strconv.Itoa(value)})
	} else {
		_, err = s.w.act(ctx, "edit_referral", map[string]string{"id": p.referral, "value": strconv.Itoa(value), "by": "portal_user"})
	}
	return err
}

// target is the id of the record that a change of the pair ends in.
func (p pair) target(direction string) string {
	if direction == fromCRM {
		return p.referral
	}
	return p.opportunity
}

// pick gives the pair that was changed longest ago.
func (s *scene) pick() pair {
	p := s.pairs[s.next%len(s.pairs)]
	s.next++
	return p
}

// via names the direction, and how the CRM's changes come where that matters.
func (s *scene) via(direction string) string {
	if direction == fromCRM {
		return direction + " by " + s.feed
	}
	return direction
}

// boundOf says what bounds single changes, where that is known.
func (s *scene) boundOf(direction string) string {
	if direction == fromCRM && s.feed == polling {
		return fmt.Sprintf("polls every %v (default 10s): half an interval at the median", pollsEvery)
	}
	return ""
}
