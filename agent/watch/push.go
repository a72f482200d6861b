package watch

import (
	"context"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// PushFeed is the name of the push feed's cursor and lease.
const PushFeed = "crm_push"

// Told is the part of the store that announcements go to.
type Told interface {
	Lookup(ctx context.Context, externalKey string) (key string, found bool, err error)
	Enqueue(ctx context.Context, events []store.Event, cursor *store.Cursor) error
}

// Announced stores what a push feed has told, in one transaction with the position after it, and reports how many hits count.
// What was told before changes nothing.
func Announced(ctx context.Context, told crm.Announcements, queue Told) (int, error) {
	events, err := announced(ctx, told, queue, func(hit crm.Hit) string { return eventID(PushFeed, hit.ID, hit.Version) })
	if err != nil {
		return 0, err
	}
	return len(events), queue.Enqueue(ctx, events, &store.Cursor{Name: PushFeed, Value: told.Position})
}

// Delivered stores what a delivery of a webhook has told, and reports how many hits count; of none nothing is stored. The id is the
// delivery's: one that comes again changes nothing.
func Delivered(ctx context.Context, told crm.Announcements, id string, queue Told) (int, error) {
	events, err := announced(ctx, told, queue, func(hit crm.Hit) string { return eventID(PushFeed, hit.ID, id) })
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return len(events), queue.Enqueue(ctx, events, nil)
}

// announced gives the events of the hits that count.
func announced(ctx context.Context, told crm.Announcements, queue Told, id func(hit crm.Hit) string) ([]store.Event, error) {
	hits := told.Hits
	for _, hit := range told.Perhaps {
		_, known, err := queue.Lookup(ctx, store.RecordKey(hit.ID))
		if err != nil {
			return nil, err
		}
		if known {
			hits = append(hits, hit)
		}
	}
	events := make([]store.Event, 0, len(hits))
	for _, hit := range hits {
		events = append(events, store.Event{
			ID: id(hit), Source: "push", Key: store.RecordKey(hit.ID), Name: "record-changed", At: hit.At, Priority: store.Live,
		})
	}
	return events, nil
}
