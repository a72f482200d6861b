package reconcile

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Kinds of intents. The first three are creates, whose outcome is read back. A referral's payload is sent again, byte for byte,
// when that shows that it never arrived; the other creates are made anew. Updates are journalled for the record only; a later
// run computes them anew from what both sides hold.
const (
	intentReferral    = "create_referral"
	intentCounterpart = "create_counterpart"
	intentOpportunity = "create_opportunity"
	intentPatch       = "patch_referral"
	intentUpdate      = "update_opportunity" // or a lead
)

// journalled is what a create's intent keeps: the exact bytes, and what both sides hold once they have arrived.
type journalled struct {
	Body json.RawMessage `json:"body"`
	Base deal.Pair       `json:"base"`
	// Name is what the create is recognised by where its reference does not help: the deal's name for a referral, the customer
	// for an opportunity.
	Name string `json:"name,omitempty"`
	// Told is what a new opportunity's Audit field says.
	Told string `json:"told,omitempty"`
}

// finish brings an intent of an earlier run to its end. It gives an outcome or an error when the run ends with it.
func (r *run) finish(ctx context.Context, intent store.Intent) (store.Outcome, error) {
	switch intent.Kind {
	case intentPatch, intentUpdate:
		return nil, nil // settled by the run that brings the deal to rest, see merge
	}
	if wait := intent.NotBefore.Sub(r.now()); wait > 0 {
		return store.Retry{At: intent.NotBefore, Code: string(problem.AnswerLost), Error: "the outcome of " + intent.Kind + " is read back then"}, nil
	}
	var planned journalled
	if err := json.Unmarshal(intent.Payload, &planned); err != nil {
		return nil, fmt.Errorf("intent %s: %w", intent.ID, err)
	}
	switch intent.Kind {
	case intentReferral:
		return r.finishReferral(ctx, intent, planned)
	case intentCounterpart:
		return r.finishCounterpart(ctx, intent)
	case intentOpportunity:
		return r.finishOpportunity(ctx, intent, planned)
	case intentLead:
		return r.finishLead(ctx, intent, planned)
	default:
		return nil, fmt.Errorf("intent %s has the unknown kind %q", intent.ID, intent.Kind)
	}
}

// settled is the settlement of an intent that came to its end.
func settled(intent store.Intent, state, remoteID string) []store.Settlement {
	return []store.Settlement{{ID: intent.ID, State: state, RemoteID: remoteID}}
}

// intend journals a create before its first request.
func (r *run) intend(ctx context.Context, kind, correlation string, planned journalled, link *store.Link) (store.Intent, error) {
	payload, err := json.Marshal(planned)
	if err != nil {
		return store.Intent{}, fmt.Errorf("journal %s: %w", kind, err)
	}
	intent := store.Intent{
		ID: kind + ":" + r.claim.Key, Kind: kind, Payload: payload, Correlation: correlation, State: store.IntentSent,
		SentAt: r.now(), NotBefore: r.now().Add(r.settings.Settle),
	}
	return intent, r.commit(ctx, store.Change{Open: []store.Intent{intent}, Link: link})
}

// repeat journals that the same bytes are about to be sent again.
func (r *run) repeat(ctx context.Context, intent store.Intent) (store.Intent, error) {
	intent.State, intent.SentAt, intent.NotBefore = store.IntentSent, r.now(), r.now().Add(r.settings.Settle)
	intent.Attempts++
	return intent, r.commit(ctx, store.Change{Open: []store.Intent{intent}})
}

// refused settles an intent whose request failed: an unknown outcome is read back later, a refusal is over.
func (r *run) refused(ctx context.Context, intent store.Intent, err error) error {
	settlement := store.Settlement{ID: intent.ID, State: store.IntentFailed}
	if wire.IsAmbiguous(err) {
		settlement.State, settlement.NotBefore = store.IntentAmbiguous, r.now().Add(r.settings.Settle)
	}
	if recordErr := r.commit(ctx, store.Change{Settle: []store.Settlement{settlement}}); recordErr != nil {
		return recordErr
	}
	return err
}
