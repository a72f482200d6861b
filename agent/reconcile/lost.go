package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// This file is about a store that is younger than what it is about: the first one of an installation, or the next one after a
// loss. What an earlier store knew stands on both sides, in the identifiers that they carry. What was on its way when the store
// was lost stands nowhere, until it has arrived.

// youth is by how much a time stamp of a remote system may be later than the same moment by the agent's clock.
const youth = 5 * time.Second

// tooEarly reports whether something is old enough for a lost store to have known it while a request about it may still be on
// its way, and from when on it is certain what arrived.
func (r *run) tooEarly(created time.Time) (certain time.Time, early bool) {
	if !r.mayBeKnown(created) {
		return time.Time{}, false
	}
	certain = r.certain()
	return certain, r.now().Before(certain)
}

// mayBeKnown reports whether an earlier store may have known what was created at a time.
func (r *run) mayBeKnown(created time.Time) bool {
	return !r.born.IsZero() && !created.After(r.born.Add(youth))
}

// certain is when all that was sent before this store began has arrived and is shown.
func (r *run) certain() time.Time { return r.born.Add(r.settings.Settle) }

// sharedBefore links an opportunity with the referral that was created from it before this store began. Without that, an
// opportunity whose referral was created and not yet told to it would be shared twice. It gives no outcome when there is none.
func (r *run) sharedBefore(ctx context.Context) (store.Outcome, error) {
	if !r.mayBeKnown(r.record.CreatedAt) {
		return nil, nil
	}
	if certain, early := r.tooEarly(r.record.CreatedAt); early {
		return store.Retry{At: certain}, nil
	}
	found, exists, err := r.center.FindByReference(ctx, r.record.ID, r.record.CreatedAt.Add(-clockMargin), r.certain().Add(clockMargin))
	if err != nil || !exists {
		return nil, err
	}
	r.log.Info("was shared before this store began", "referral", found.ID)
	key, known, err := r.store.Lookup(ctx, store.ReferralKey(found.ID))
	if err != nil {
		return nil, err
	}
	if known && key != r.claim.Key {
		return nil, r.joinReferralsDeal(ctx, key, found.ID)
	}
	return r.rejoinWith(ctx, found)
}

// sharedFromRecord reports whether the referral was created from the opportunity, whichever of them was seen first: it names it, and
// is the younger of the two. A referral of the portal's is older than the opportunity that was created for it.
func (r *run) sharedFromRecord() bool {
	return r.referral.Outgoing && strings.EqualFold(r.referral.ExternalReference, r.record.ID) &&
		!r.record.CreatedAt.IsZero() && r.record.CreatedAt.Before(r.referral.CreatedAt)
}

// ruleNoBase marks the decisions of a merge that knew nothing of what both sides last agreed on.
const ruleNoBase = "no_base"

// withoutBase are the entries of the history that say what was decided without a base: every field on which the sides differed.
func withoutBase(current deal.Pair, result deal.Result) []store.AuditEntry {
	var entries []store.AuditEntry
	add := func(fields deal.Values, from deal.Values, kept, lost string) {
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			detail := fmt.Sprintf("no base: %s's value is taken", kept)
			if from[field] != "" {
				detail = fmt.Sprintf("no base: both sides had a value, %s's stays and %s's is replaced", kept, lost)
			}
			entries = append(entries, store.AuditEntry{Actor: "agent", Field: field, Rule: ruleNoBase, Detail: detail})
		}
	}
	add(result.ToCRM, current.CRM, "Partner Center", "the CRM")
	add(result.ToReferral, current.Referral, "the CRM", "Partner Center")
	for _, step := range result.Transitions {
		entries = append(entries, store.AuditEntry{Actor: "agent", Field: deal.StatusField, Rule: ruleNoBase, Detail: "no base: the CRM's status is carried over: " + step})
	}
	return entries
}
