// Package intake receives Partner Center's webhooks: it verifies who signed them, stores them, and only then acknowledges.
//
// A webhook is a hint and nothing more. Partner Center signs the body alone (page "Partner Center webhooks"): no address, no
// tenant, no delivery id and no time of sending, and the key is Microsoft's, so a body signed for another partner verifies here
// too. Therefore nothing in it is believed beyond "referral X may have changed": its addresses are never called, and what
// changed is read again with our own credentials from our own configured address.
//
// The checks run in a fixed order, cheap ones first. Nothing is sent before the headers, the certificate's address and the
// whole body have been judged, and nothing is parsed before the signature has been verified:
//
//  1. path and method, load, media type
//  2. signature headers, algorithm, signature encoding, certificate address
//  3. body, at most 64 KiB
//  4. certificate: from memory, else one bounded fetch; its key; when its chain is not complete, its time and names and then
//     at most two bounded fetches of its issuers; its chain and names, on every request
//  5. RSA signature over the raw bytes
//  6. strict JSON, event, freshness
//  7. durable commit, and then 200
//
// What cannot be detected: a body that Microsoft signed for another partner, or one sent again within the freshness window
// after the inbox has forgotten it. Both cost one read and change nothing.
package intake

import (
	"context"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// Source is the source of the events this package enqueues.
const Source = "webhook"

const (
	// OldestEvent is how far in the past an event's change may lie. The service's retry schedule is not documented, so the
	// window covers days; later changes are found by the sweep.
	OldestEvent = 7 * 24 * time.Hour
	// NewestEvent is how far in the future an event's change may lie: the difference allowed between two clocks.
	NewestEvent = 10 * time.Minute
	// Retention is how long the inbox must remember an event's id, so that a body sent again is either known or too old.
	Retention = OldestEvent + NewestEvent
)

// Inbox is where verified events go. Enqueue returns after they are durable; an event whose id is known changes nothing.
// The store implements it.
type Inbox interface {
	Enqueue(ctx context.Context, events []store.Event, cursor *store.Cursor) error
}
