package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// What a plan makes of a record and of a referral, and what it writes, does not depend on the order of its rows: only the order of a
// patch's replacements is the table's, and each stands for itself.
func TestRowsKnowNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := transforming()
		shuffled := p
		shuffled.Rows = rapid.Permutation(p.Rows).Draw(t, "rows")
		s := &sides{t: t, plan: p, record: map[string]any{"StageName": "Qualification"}, referral: map[string]any{"status": "Active", "substatus": "Accepted"}}
		s.edit()
		record, err := p.FromRecord(s.record)
		again, otherErr := shuffled.FromRecord(s.record)
		if diff := cmp.Diff(record, again); diff != "" || (err == nil) != (otherErr == nil) {
			t.Fatalf("the record reads otherwise: %s %v %v", diff, err, otherErr)
		}
		tree := throughJSON(t, s.referral)
		referral, err := p.FromReferral(tree)
		theirs, otherErr := shuffled.FromReferral(tree)
		if diff := cmp.Diff(referral, theirs); diff != "" || (err == nil) != (otherErr == nil) {
			t.Fatalf("the referral reads otherwise: %s %v %v", diff, err, otherErr)
		}
		result, other := deal.Merge(deal.Memory{}, deal.Pair{CRM: record, Referral: referral}, p.Rules(), deal.Options{}),
			deal.Merge(deal.Memory{}, deal.Pair{CRM: again, Referral: theirs}, shuffled.Rules(), deal.Options{})
		byPath := func(a, b Op) int { return strings.Compare(a.Path, b.Path) }
		ops, otherOps := p.Patch(result.ToReferral), shuffled.Patch(other.ToReferral)
		slices.SortFunc(ops, byPath)
		slices.SortFunc(otherOps, byPath)
		if diff := cmp.Diff(result, other) + cmp.Diff(ops, otherOps); diff != "" {
			t.Fatalf("something else is written: %s", diff)
		}
	})
}
