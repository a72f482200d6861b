package deal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

const own = "own_field"

func pair(crm, referral string) Pair {
	return Pair{CRM: Values{StatusField: Active, own: crm}, Referral: Values{StatusField: Active, own: referral}}
}

// Each way of treating a field does what its name says, and nothing where it has nothing to say.
func TestWays(t *testing.T) {
	both := Rule{Field: own, Inbound: true, Outbound: true, Winner: CRM}
	with := func(change func(r *Rule)) Rule {
		rule := both
		change(&rule)
		return rule
	}
	cases := map[string]struct {
		rule              Rule
		base, current     Pair
		toCRM, toReferral Values
		note              problem.Code
	}{
		"conflict, the CRM has a value":    {with(func(r *Rule) { r.UnlessBlank = true }), pair("a", "a"), pair("b", "c"), Values{}, Values{own: "b"}, problem.ConflictDecided},
		"conflict, the CRM is blank":       {with(func(r *Rule) { r.UnlessBlank = true }), pair("a", "a"), pair("", "c"), Values{own: "c"}, Values{}, problem.ConflictDecided},
		"conflict, the referral is blank":  {with(func(r *Rule) { r.UnlessBlank, r.Winner = true, PartnerCenter }), pair("a", "a"), pair("b", ""), Values{}, Values{own: "b"}, problem.ConflictDecided},
		"no conflict, the CRM was cleared": {with(func(r *Rule) { r.UnlessBlank = true }), pair("a", "a"), pair("", "a"), Values{}, Values{own: ""}, ""},
		"conflict for a person":            {with(func(r *Rule) { r.Manual = true }), pair("a", "a"), pair("b", "c"), Values{}, Values{}, problem.ConflictWaits},
		"one change needs no person":       {with(func(r *Rule) { r.Manual = true }), pair("a", "a"), pair("b", "a"), Values{}, Values{own: "b"}, ""},
		"a person made both equal":         {with(func(r *Rule) { r.Manual = true }), pair("a", "a"), pair("c", "c"), Values{}, Values{}, ""},
		"once, both have values":           {with(func(r *Rule) { r.Once = true }), pair("a", "a"), pair("b", "a"), Values{}, Values{}, ""},
		"once, the referral has none":      {with(func(r *Rule) { r.Once = true }), pair("", ""), pair("b", ""), Values{}, Values{own: "b"}, ""},
		"once, the CRM was cleared":        {with(func(r *Rule) { r.Once = true }), pair("a", "a"), pair("", "a"), Values{own: "a"}, Values{}, ""},
		"keep, cleared in the CRM":         {with(func(r *Rule) { r.KeepWhenBlank = true }), pair("a", "a"), pair("", "a"), Values{}, Values{}, ""},
		"keep, changed in the CRM":         {with(func(r *Rule) { r.KeepWhenBlank = true }), pair("a", "a"), pair("b", "a"), Values{}, Values{own: "b"}, ""},
		"keep inbound, cleared":            {with(func(r *Rule) { r.KeepWhenBlank, r.Outbound = true, false }), pair("a", "a"), pair("a", ""), Values{}, Values{}, ""},
		"keep inbound, changed":            {with(func(r *Rule) { r.KeepWhenBlank, r.Outbound = true, false }), pair("a", "a"), pair("a", "b"), Values{own: "b"}, Values{}, ""},
		"keep outbound, cleared":           {with(func(r *Rule) { r.KeepWhenBlank, r.Inbound = true, false }), pair("a", "a"), pair("", "a"), Values{}, Values{}, ""},
	}
	for name, c := range cases {
		got := Merge(Memory{Base: &c.base}, c.current, []Rule{c.rule}, Options{})
		if diff := cmp.Diff(c.toCRM, got.ToCRM) + cmp.Diff(c.toReferral, got.ToReferral); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		var code problem.Code
		if len(got.Notes) > 0 {
			code = got.Notes[0].Code
		}
		if code != c.note {
			t.Errorf("%s: note %q, want %q", name, code, c.note)
		}
	}
}

// A field that waits for a person stays news until somebody has decided, while another field of the deal is carried on.
func TestAManualConflictWaitsAndTheRestGoesOn(t *testing.T) {
	rules := []Rule{{Field: own, Inbound: true, Outbound: true, Ways: Ways{Manual: true}}, {Field: Notes, Inbound: true, Outbound: true}}
	base, current := pair("a", "a"), pair("b", "c")
	current.CRM[Notes] = "n"
	first := Merge(Memory{Base: &base}, current, rules, Options{})
	if first.ToReferral[Notes] != "n" || !first.Held || len(first.ToCRM) != 0 {
		t.Fatalf("the merge writes %v and %v", first.ToCRM, first.ToReferral)
	}
	agreed := first.Attempt.Intended
	current.Referral[Notes] = "n"
	second := Merge(Memory{Base: &agreed}, current, rules, Options{})
	if len(second.Notes) != 1 || second.Notes[0].Code != problem.ConflictWaits || !second.Notes[0].Waits {
		t.Errorf("the conflict is forgotten: %v", second.Notes)
	}
	current.Referral[own] = "b"
	if third := Merge(Memory{Base: &agreed}, current, rules, Options{}); third.Held || len(third.Notes) != 0 || third.Attempt.Intended.CRM[own] != "b" {
		t.Errorf("the decision is not taken up: %+v", third)
	}
}

// Whatever the way, a merge whose writes have arrived is followed by one that writes nothing.
func TestWaysComeToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{"", "a", "b", "c"})
		rule := Rule{
			Field: own, Inbound: rapid.Bool().Draw(t, "inbound"), Outbound: rapid.Bool().Draw(t, "outbound"), Winner: rapid.SampledFrom([]Side{CRM, PartnerCenter}).Draw(t, "winner"),
			Ways: Ways{
				UnlessBlank: rapid.Bool().Draw(t, "unless blank"), Manual: rapid.Bool().Draw(t, "manual"), Once: rapid.Bool().Draw(t, "once"),
				KeepWhenBlank: rapid.Bool().Draw(t, "keep"),
			},
		}
		base, current := pair(value.Draw(t, "base crm"), value.Draw(t, "base referral")), pair(value.Draw(t, "crm"), value.Draw(t, "referral"))
		memory := Memory{Base: &base}
		if rapid.Bool().Draw(t, "never agreed") {
			memory.Base = nil
		}
		result := Merge(memory, current, []Rule{rule}, Options{})
		for field, v := range result.ToCRM {
			current.CRM[field] = v
		}
		for field, v := range result.ToReferral {
			current.Referral[field] = v
		}
		agreed := result.Attempt.Intended
		again := Merge(Memory{Base: &agreed}, current, []Rule{rule}, Options{})
		if len(again.ToCRM)+len(again.ToReferral) > 0 {
			t.Fatalf("the second merge writes %v and %v", again.ToCRM, again.ToReferral)
		}
	})
}
