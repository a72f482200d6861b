// Package watch reads the change feeds of both sides. A feed only says "this deal may have changed": every hit becomes an
// event in the store, in one transaction with the position up to which the feed was read.
package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// Names of the cursors, which are also the names of the leases that let one process at a time read a feed.
const (
	CRMFeed      = "crm_changes"
	LeadFeed     = "lead_changes"
	ReferralFeed = "referral_sweep"
)

// Overlap is how far the sweep looks back behind its position, because lists lag.
const Overlap = 5 * time.Minute

// settled is the age from which a record's time stamp stands for all changes of its second, and from which a replica that lags shows
// them: a stamp has whole seconds, replicas are behind by three seconds at the most, and the clocks differ by one.
const settled = 5 * time.Second

// Records polls the CRM's feed once and reports how many hits it had, known ones included. A record that changed this very
// second may change again without a new time stamp; it is therefore looked at once more when its stamp has settled.
func Records(ctx context.Context, feed crm.Feed, queue store.Queue, now time.Time) (int, error) {
	return records(ctx, CRMFeed, feed, queue, now)
}

// Leads is [Records] for the feed of the CRM's leads.
func Leads(ctx context.Context, feed crm.Feed, queue store.Queue, now time.Time) (int, error) {
	return records(ctx, LeadFeed, feed, queue, now)
}

func records(ctx context.Context, name string, feed crm.Feed, queue store.Queue, now time.Time) (int, error) {
	position, err := queue.Cursor(ctx, name)
	if err != nil {
		return 0, err
	}
	hits, next, err := feed.Changes(ctx, position)
	if err != nil {
		return 0, err
	}
	events := make([]store.Event, 0, len(hits))
	for _, hit := range hits {
		if now.Sub(hit.At) < settled {
			hit.Version += " unsettled"
		}
		events = append(events, store.Event{
			ID: eventID(name, hit.ID, hit.Version), Source: "poll", Key: store.RecordKey(hit.ID), Name: "record-changed", Priority: store.Live,
		})
	}
	return len(hits), queue.Enqueue(ctx, events, &store.Cursor{Name: name, Value: next})
}

// Referrals sweeps Partner Center once: everything updated since the last sweep. The first sweep takes the referrals that
// wait for an answer and whatever changes from a given time on, or from now on when that is zero or still to come; older deals are found
// through the CRM's records that name them. Now is the time by Partner Center's clock, as far as it is known after an answer: where the
// sweep begins is kept for good, and a clock of ours that is ahead would have it pass over whatever changes until it is right.
func Referrals(ctx context.Context, center referral.API, queue store.Queue, now func() time.Time, first time.Time) (int, error) {
	position, err := queue.Cursor(ctx, ReferralFeed)
	if err != nil {
		return 0, err
	}
	var waiting []referral.Referral
	var since time.Time
	if position == "" {
		if waiting, err = center.Waiting(ctx); err != nil {
			return 0, err
		}
		if since = now(); !first.IsZero() && first.Before(since) {
			since = first
		}
	} else if since, err = time.Parse(time.RFC3339Nano, position); err != nil {
		return 0, fmt.Errorf("sweep from %q: %w", position, err)
	}
	list, err := center.UpdatedSince(ctx, since.Add(-Overlap))
	if err != nil {
		return 0, err
	}
	list = append(list, waiting...)
	latest := since
	events := make([]store.Event, 0, len(list))
	for _, r := range list {
		if r.UpdatedAt.After(latest) {
			latest = r.UpdatedAt
		}
		events = append(events, store.Event{
			ID: eventID(ReferralFeed, r.ID, r.UpdatedAt.Format(time.RFC3339Nano)), Source: "sweep", Key: store.ReferralKey(r.ID),
			Name: "referral-updated", Priority: store.Sweep,
		})
	}
	return len(list), queue.Enqueue(ctx, events, &store.Cursor{Name: ReferralFeed, Value: latest.UTC().Format(time.RFC3339Nano)})
}

// Unseen lists the records and referrals that may have changed since the feeds were last read, each once and in no order of time. It
// stores nothing: the feeds' positions stay. What the feeds' overlaps show again is among them.
func Unseen(ctx context.Context, feed crm.Feed, center referral.API, queue store.Queue) (records, referrals []string, err error) {
	position, err := queue.Cursor(ctx, CRMFeed)
	if err != nil {
		return nil, nil, err
	}
	swept, err := queue.Cursor(ctx, ReferralFeed)
	if err != nil {
		return nil, nil, err
	}
	if position == "" || swept == "" {
		return nil, nil, ErrNeverRead
	}
	since, err := time.Parse(time.RFC3339Nano, swept)
	if err != nil {
		return nil, nil, fmt.Errorf("sweep from %q: %w", swept, err)
	}
	hits, _, err := feed.Changes(ctx, position)
	if err != nil {
		return nil, nil, err
	}
	list, err := center.UpdatedSince(ctx, since.Add(-Overlap))
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	once := func(into []string, id string) []string {
		if seen[id] {
			return into
		}
		seen[id] = true
		return append(into, id)
	}
	for _, hit := range hits {
		records = once(records, hit.ID)
	}
	for _, r := range list {
		referrals = once(referrals, r.ID)
	}
	return records, referrals, nil
}

// ErrNeverRead says that no agent with this store has read both feeds yet.
var ErrNeverRead = errors.New("no agent has read both sides' changes with this store: name the store of the agent that ran")

// eventID is the same for the same state of the same record, so that what the overlap shows again changes nothing.
func eventID(feed, id, version string) string {
	sum := sha256.Sum256([]byte(feed + "\x00" + id + "\x00" + version))
	return feed + ":" + hex.EncodeToString(sum[:16])
}
