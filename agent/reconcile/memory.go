package reconcile

import (
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// A snapshot in the store is one flat set of values. These prefixes keep apart what belongs to which side and moment.
const (
	crmPrefix      = "crm."
	referralPrefix = "referral."
	seenPrefix     = "seen."
	intendedPrefix = "intended."
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
