package deal

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// all are the rules of a whole deal, sets and all.
var all = append(slices.Clone(coSellRules[:3]), append(slices.Clone(rules),
	Rule{Field: Contacts, Inbound: true, Outbound: true}, Rule{Field: Team, Outbound: true})...)

// drawDeal draws one side of a whole deal.
func drawDeal(t *rapid.T, label string, statuses ...string) Values {
	v := drawValues(t, label)
	v[StatusField] = rapid.SampledFrom(statuses).Draw(t, label+" status")
	v = sells(v, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 1, 3, rapid.ID[string]).Draw(t, label+" solutions")...)
	v = meets(v, ContactField, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID[string]).Draw(t, label+" contacts")...)
	return meets(v, MemberField, "owner")
}

// drawMemory draws what is remembered: a base, or none, and attempts since then.
func drawMemory(t *rapid.T) Memory {
	var memory Memory
	if rapid.Bool().Draw(t, "linked") {
		base := drawDeal(t, "base", New, Active)
		memory.Base = &Pair{base.Clone(), base}
	}
	for range rapid.IntRange(0, 2).Draw(t, "attempts") {
		seen, intended := drawDeal(t, "seen", New, Active), drawDeal(t, "intended", New, Active)
		memory.Pending = append(memory.Pending, Attempt{Seen: Pair{seen.Clone(), seen}, Intended: Pair{intended.Clone(), intended}})
	}
	return memory
}

func drawOptions(t *rapid.T) Options {
	return Options{
		HoldOutbound: rapid.Bool().Draw(t, "hold outbound"), HoldInbound: rapid.Bool().Draw(t, "hold inbound"),
		HoldSolutions: rapid.Bool().Draw(t, "hold solutions"), HoldHelp: rapid.Bool().Draw(t, "hold help"), Ours: rapid.Bool().Draw(t, "ours"),
		Engagement: rapid.SampledFrom([]Engagement{Open, Asked, FromMicrosoft}).Draw(t, "engagement"), NoContact: rapid.Bool().Draw(t, "no contact"), NoTeam: rapid.Bool().Draw(t, "no team"),
	}
}

// rebuilt is the same values in a map that was filled in another order.
func rebuilt(t *rapid.T, v Values) Values {
	keys := make([]string, 0, len(v))
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := Values{}
	for _, key := range rapid.Permutation(keys).Draw(t, "order") {
		out[key] = v[key]
	}
	return out
}

// The outcome depends on what is remembered, on both sides and on the rules, and on nothing else: neither the order of the rules, nor
// that of the fields and elements, changes anything of it (I6).
func TestMergeKnowsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory, options := drawMemory(t), drawOptions(t)
		current := Pair{drawDeal(t, "crm", New, Active, Won, Lost), drawDeal(t, "referral", New, Active, Won, Lost, Declined)}
		first := Merge(memory, current, all, options)
		again := Merge(memory, Pair{rebuilt(t, current.CRM), rebuilt(t, current.Referral)}, rapid.Permutation(all).Draw(t, "rules"), options)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("another order, another outcome: %s", diff)
		}
	})
}

// Of several attempts since the base, the newest says what was last seen, and in what order the older ones were made does not matter
// for what counts as news: a value that any of them may have written is nobody's edit.
func TestOlderAttemptsKnowNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := drawMemory(t)
		newest := drawDeal(t, "newest", New, Active)
		last := Attempt{Seen: Pair{newest.Clone(), newest}, Intended: Pair{newest.Clone(), newest}}
		older := memory.Pending
		current := Pair{drawDeal(t, "crm", New, Active), drawDeal(t, "referral", New, Active)}
		merge := func(older []Attempt) Result {
			memory.Pending = append(slices.Clone(older), last)
			return Merge(memory, current, all, Options{Ours: true})
		}
		if diff := cmp.Diff(merge(older), merge(rapid.Permutation(older).Draw(t, "older"))); diff != "" {
			t.Fatalf("another order of attempts, another outcome: %s", diff)
		}
	})
}

// settled merges until nothing is written any more, and gives what both sides hold then.
func settled(t *rapid.T, memory Memory, current Pair, options Options) (Memory, Pair) {
	t.Helper()
	const most = 4 // the writes, what an acceptance lets through, what a share of a write left for later, and rest
	for range most {
		result := Merge(memory, current, all, options)
		agreed := result.Attempt.Intended
		memory = Memory{Base: &agreed}
		if len(result.ToCRM)+len(result.ToReferral)+len(result.Transitions) == 0 {
			return memory, current
		}
		current = apply(current, result)
	}
	t.Fatalf("it does not come to rest: %+v", current)
	return memory, current
}

// Both sides of an open deal come to rest in a few merges, and hold the same then, wherever they began; and to merge once more changes
// neither them nor what is remembered.
func TestMergeConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawDeal(t, "base", Active)
		memory := Memory{Base: &Pair{base.Clone(), base.Clone()}}
		current := Pair{drawDeal(t, "crm", Active), drawDeal(t, "referral", Active)}
		if base[Visible] == True {
			current.Referral[Visible] = True // Partner Center does not take it back
		}
		memory, after := settled(t, memory, current, Options{Ours: true})
		again := Merge(memory, after, all, Options{Ours: true})
		for _, field := range []string{Notes, CloseDate, Visible, ReferralID, SolutionField("A"), SolutionField("B"), SolutionField("C")} {
			if IsSolution(field) && again.Held {
				continue // each side took away the other's last one, which stays until there is another
			}
			if after.CRM[field] != after.Referral[field] {
				t.Fatalf("%s is %q and %q", field, after.CRM[field], after.Referral[field])
			}
		}
		if diff := cmp.Diff(*memory.Base, again.Attempt.Intended); diff != "" || len(again.ToCRM)+len(again.ToReferral) > 0 {
			t.Fatalf("to merge once more changes something: %s %+v", diff, again)
		}
	})
}

// Edits of different fields by both sides lead to one end, whichever arrives first and whether they arrive together.
func TestEditsArriveInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := with(agreed(), StatusField, Active, Visible, True)
		base = meets(sells(base, "A"), MemberField, "owner")
		start := Pair{base.Clone(), base.Clone()}
		ours := rapid.SampledFrom([]string{Notes, CloseDate}).Draw(t, "our field")
		theirs := map[string]string{Notes: CloseDate, CloseDate: Notes}[ours]
		values := map[string]string{Notes: "edited", CloseDate: "2027-02-03"}
		inCRM := func(p Pair) Pair { return Pair{with(p.CRM, ours, values[ours]), p.Referral} }
		inCenter := func(p Pair) Pair { return Pair{p.CRM, with(p.Referral, theirs, values[theirs])} }
		if rapid.Bool().Draw(t, "a solution too") {
			before := inCRM
			inCRM = func(p Pair) Pair { p = before(p); p.CRM = sells(p.CRM, "B"); return p }
		}
		merge := func(edits ...func(Pair) Pair) Pair {
			memory, current := Memory{Base: &Pair{start.CRM.Clone(), start.Referral.Clone()}}, start
			for _, edit := range edits {
				memory, current = settled(t, memory, edit(current), Options{Ours: true})
			}
			return current
		}
		one, other, together := merge(inCRM, inCenter), merge(inCenter, inCRM), merge(func(p Pair) Pair { return inCRM(inCenter(p)) })
		if diff := cmp.Diff(one, other) + cmp.Diff(one, together); diff != "" {
			t.Fatalf("the order of edits shows in the end: %s", diff)
		}
	})
}
