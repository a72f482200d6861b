package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// What is decided about values, and what becomes of them on the way: I6 and I11.

// bothValues are a field's values in the CRM and in Partner Center.
type bothValues struct{ record, referral string }

func sidesOf(snapshot store.Values, prefix, field string) (s bothValues, held bool) {
	record, inCRM := snapshot[prefix+"crm."+field]
	referral, inCenter := snapshot[prefix+"referral."+field]
	return bothValues{record, referral}, inCRM && inCenter
}

// byThreeWays is what a merge has to come to, by what both sides last agreed on, what they hold, and who wins: the reference that the
// engine's own decisions are compared with.
func byThreeWays(base, seen bothValues, winner deal.Side) bothValues {
	ours, theirs := seen.record != base.record, seen.referral != base.referral
	switch {
	case seen.record == seen.referral, !ours && !theirs:
		return seen
	case ours && (!theirs || winner == deal.CRM):
		return bothValues{seen.record, seen.record}
	default:
		return bothValues{seen.referral, seen.referral}
	}
}

// decidedByRule is I6. It judges the fields that travel both ways without conditions, in attempts that follow no torn one: what is kept
// of an attempt is what was seen and what was intended.
func decidedByRule(w *world, e *event) string {
	if e.what != recorded || e.change.Pending == nil {
		return ""
	}
	known, err := w.store.Load(context.Background(), e.on)
	own := w.referrals[strings.ToLower(known.Link.ReferralID)]
	if err != nil || len(known.Pending) != 1 || own == nil || own.tree["status"] == "Closed" { // which takes nothing any more
		return ""
	}
	for _, row := range e.c.agent.plan.Rows {
		if row.Field != deal.Notes && row.Field != deal.CloseDate {
			continue
		}
		base, agreed := sidesOf(known.Base, "", row.Field)
		seen, read := sidesOf(e.change.Pending, "seen.", row.Field)
		intended, decided := sidesOf(e.change.Pending, "intended.", row.Field)
		if !agreed || !read || !decided {
			continue // it is not mapped, or was not when both sides last agreed
		}
		if seen.record != base.record && seen.referral != base.referral && seen.record != seen.referral {
			w.ledger.reach(6)
		}
		if want := byThreeWays(base, seen, row.Winner); intended != want {
			return fmt.Sprintf("%s of deal %s was %q and is %q: %q is decided, and the rule says %q", row.Field, e.on, base, seen, intended, want)
		}
	}
	return ""
}

// carriedOver are the fields that a create carries as they are.
var carriedOver = []string{deal.DealValue, deal.Currency, deal.CloseDate, deal.Notes}

// sameOnBothSides is I11: what a create carries to the other side reads there as it reads here.
func sameOnBothSides(w *world, e *event) string {
	if e.what != recordCreated && e.what != recorded {
		return ""
	}
	plan := e.c.agent.plan
	switch {
	case e.what == recordCreated && e.knows.shown[strings.ToLower(e.on)] != nil:
		here, errHere := plan.FromReferral(e.knows.shown[strings.ToLower(e.on)])
		there, errThere := plan.FromRecord(e.created.Fields)
		return w.carried(e.on, here, there, errHere, errThere)
	case e.what == recorded:
		for _, intent := range e.change.Open {
			seen := e.c.knows.seen[intent.Correlation]
			if intent.Kind != "create_referral" || intent.State != store.IntentSent || intent.Attempts > 0 || seen == nil {
				continue
			}
			var planned struct {
				Body map[string]any `json:"body"`
			}
			if err := json.Unmarshal(intent.Payload, &planned); err != nil {
				return err.Error()
			}
			here, errHere := plan.FromRecord(seen)
			planned.Body["status"], planned.Body["substatus"] = "Active", "Accepted" // so Partner Center makes it
			there, errThere := plan.FromSent(planned.Body)
			return w.carried(intent.Correlation, here, there, errHere, errThere)
		}
	}
	return ""
}

func (w *world) carried(on string, here, there deal.Values, errHere, errThere error) string {
	if errHere != nil || errThere != nil {
		return fmt.Sprintf("%s cannot be read on both sides: %v, %v", on, errHere, errThere)
	}
	w.ledger.reach(11)
	for _, field := range carriedOver {
		if value := there[field]; value != "" && here[field] != "" && value != here[field] { // what is not mapped is not there
			return fmt.Sprintf("%s of %s is %q here and %q on the other side", field, on, here[field], value)
		}
	}
	return ""
}
