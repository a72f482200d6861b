package crm

import (
	"context"
	"errors"
)

// ErrPosition says that a push feed cannot go on from a position: what came after it is no longer kept. Begin anew, and poll.
var ErrPosition = errors.New("the push feed no longer keeps what came after the position")

// Announcements are what a push feed tells at once.
type Announcements struct {
	// Hits are records that are worth looking at.
	Hits []Hit
	// Perhaps are records that are worth looking at if they are known already: a record that was deleted, or whose change does
	// not tell whether it is to be synchronised.
	Perhaps []Hit
	// Position is where a later subscription goes on. It moves also when there is nothing to tell.
	Position string
	// Missed says that records changed that are not named: poll.
	Missed bool
}

// PushFeed is a CRM that tells of its changes by itself. It only makes things faster: whatever it tells, or fails to tell, is found
// by the [Feed] as well.
type PushFeed interface {
	// Listen begins a subscription at a position, or with the next change (""). That it is refused may show only in Next.
	Listen(ctx context.Context, position string) (Listener, error)
}

// Listener is a subscription.
type Listener interface {
	// Next waits for announcements; without hits they are a sign of life. It fails with ErrPosition, with the context, and when the
	// connection is lost, after which the subscription is over.
	Next(ctx context.Context) (Announcements, error)
	// Close ends the subscription.
	Close()
}
