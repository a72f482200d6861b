package reconcile

import (
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// A snapshot in the store is one flat set of values. These prefixes keep apart what belongs to which side and moment.
const (
	crmPrefix      = "crm."
	referralPrefix = "referral."
	seenPrefix     = "seen."
	intendedPrefix = "intended."
	// These hold when the referrals that a snapshot knows were last changed, by Partner Center's clock.
	updatedKey            = "updated"
	counterpartUpdatedKey = "updated.counterpart"
	// recordUpdatedKey holds the same for the record, by the CRM's clock; a moment later when the agent wrote over that state.
	recordUpdatedKey = "updated.record"
)

func packPair(into store.Values, prefix string, pair deal.Pair) {
	for field, value := range pair.CRM {
		into[prefix+crmPrefix+field] = value
	}
	for field, value := range pair.Referral {
		into[prefix+referralPrefix+field] = value
	}
}

func unpackPair(values store.Values, prefix string) deal.Pair {
	pair := deal.Pair{CRM: deal.Values{}, Referral: deal.Values{}}
	for key, value := range values {
		if field, ok := strings.CutPrefix(key, prefix+crmPrefix); ok {
			pair.CRM[field] = value
		} else if field, ok := strings.CutPrefix(key, prefix+referralPrefix); ok {
			pair.Referral[field] = value
		}
	}
	return pair
}

func packBase(pair deal.Pair) store.Values {
	values := store.Values{}
	packPair(values, "", pair)
	return values
}

func packAttempt(attempt deal.Attempt) store.Values {
	values := store.Values{}
	packPair(values, seenPrefix, attempt.Seen)
	packPair(values, intendedPrefix, attempt.Intended)
	return values
}

func memoryOf(d store.Deal) deal.Memory {
	var memory deal.Memory
	if d.Base != nil && !ofLead(d.Base) {
		base := unpackPair(d.Base, "")
		memory.Base = &base
	}
	for _, pending := range d.Pending {
		if ofLead(pending) {
			continue
		}
		memory.Pending = append(memory.Pending, deal.Attempt{Seen: unpackPair(pending, seenPrefix), Intended: unpackPair(pending, intendedPrefix)})
	}
	return memory
}

// remember notes in a snapshot which state of a referral or record is known: the one that was read, or what the deal knew before.
func remember(snapshot store.Values, key string, read time.Time, before store.Deal) {
	known := newest(before, key)
	if read.After(known) {
		known = read
	}
	if snapshot != nil && !known.IsZero() {
		snapshot[key] = known.UTC().Format(time.RFC3339Nano)
	}
}

// updatedAt is when a referral that was read was last changed; zero when it was not read.
func updatedAt(read *referral.Referral) time.Time {
	if read == nil {
		return time.Time{}
	}
	return read.UpdatedAt
}

// newest is when the newest state of a referral or record that a deal knows was made; zero when it knows none.
func newest(d store.Deal, key string) (newest time.Time) {
	for _, snapshot := range append([]store.Values{d.Base}, d.Pending...) {
		if at, err := time.Parse(time.RFC3339Nano, snapshot[key]); err == nil && at.After(newest) {
			newest = at
		}
	}
	return newest
}
