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
		"latch, set in the CRM":            {with(func(r *Rule) { r.Once = true }), pair("", ""), pair(True, ""), Values{}, Values{own: True}, ""},
		"latch, unset in the CRM":          {with(func(r *Rule) { r.Once = true }), pair(True, True), pair("", True), Values{own: True}, Values{}, ""},
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

// The side whose record was changed last wins a conflict, also that of an amount; a change of one side needs no winner.
func TestTheLastWriterWins(t *testing.T) {
	rules := []Rule{
		{Field: own, Inbound: true, Outbound: true, Ways: Ways{LastWriter: true}}, {Field: DealValue, Inbound: true, Outbound: true, Ways: Ways{LastWriter: true}},
		{Field: Currency, Inbound: true, Outbound: true},
	}
	amounts := func(p Pair, crm, referral string) Pair {
		p.CRM[DealValue], p.CRM[Currency], p.Referral[DealValue], p.Referral[Currency] = crm, "EUR", referral, "EUR"
		return p
	}
	base, current := amounts(pair("a", "a"), "1", "1"), amounts(pair("b", "c"), "2", "3")
	crm := Merge(Memory{Base: &base}, current, rules, Options{Newer: CRM})
	if diff := cmp.Diff(Values{own: "b", DealValue: "2"}, crm.ToReferral); diff != "" || len(crm.ToCRM) > 0 {
		t.Errorf("the CRM was last: %s, and the CRM is written %v", diff, crm.ToCRM)
	}
	center := Merge(Memory{Base: &base}, current, rules, Options{Newer: PartnerCenter})
	if diff := cmp.Diff(Values{own: "c", DealValue: "3"}, center.ToCRM); diff != "" || len(center.ToReferral) > 0 {
		t.Errorf("Partner Center was last: %s, and Partner Center is written %v", diff, center.ToReferral)
	}
	one := Merge(Memory{Base: &base}, amounts(pair("b", "a"), "1", "1"), rules, Options{Newer: PartnerCenter})
	if diff := cmp.Diff(Values{own: "b"}, one.ToReferral); diff != "" {
		t.Errorf("one side changed: %s", diff)
	}
}

// A field that cannot be read stays as it is known, on both sides and through an attempt of which some may have arrived, until it can be
// read again; then what differs travels.
func TestAFieldThatCannotBeReadWaits(t *testing.T) {
	rules := []Rule{{Field: own, Inbound: true, Outbound: true, Winner: CRM}}
	base := pair("a", "a")
	torn := []Attempt{{Seen: pair("b", "a"), Intended: pair("b", "b")}}
	for name, memory := range map[string]Memory{"at rest": {Base: &base}, "torn": {Base: &base, Pending: torn}} {
		for _, arrived := range []string{"a", "b"} {
			unread := Pair{CRM: Values{StatusField: Active}, Referral: Values{StatusField: Active, own: arrived}}
			waits := Merge(memory, unread, rules, Options{Unmapped: map[string]string{own: "no value"}})
			if len(waits.ToCRM)+len(waits.ToReferral) > 0 || len(waits.Notes) != 1 || waits.Notes[0].Code != problem.MappingFailed || !waits.Notes[0].Waits {
				t.Fatalf("%s: writes %v and %v, says %v", name, waits.ToCRM, waits.ToReferral, waits.Notes)
			}
			kept := waits.Attempt.Intended
			again := Merge(Memory{Base: &kept}, pair("b", arrived), rules, Options{})
			if want := map[string]Values{"a": {own: "b"}, "b": {}}[arrived]; cmp.Diff(want, again.ToReferral) != "" || len(again.ToCRM) > 0 {
				t.Errorf("%s, the referral holds %s: writes %v and %v", name, arrived, again.ToCRM, again.ToReferral)
			}
		}
	}
	amount := []Rule{{Field: DealValue, Inbound: true, Outbound: true}, {Field: Currency, Inbound: true, Outbound: true}}
	base.CRM[DealValue], base.CRM[Currency], base.Referral[DealValue], base.Referral[Currency] = "1", "EUR", "1", "EUR"
	current := Pair{CRM: Values{DealValue: "2"}, Referral: base.Referral}
	if got := Merge(Memory{Base: &base}, current, amount, Options{Unmapped: map[string]string{Currency: "no value"}}); len(got.ToReferral) > 0 {
		t.Errorf("a value without its currency: %v", got.ToReferral)
	}
}
