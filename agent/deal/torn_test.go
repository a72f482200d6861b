package deal

import "testing"

// An edit whose write was under way when the agent was killed, and which must wait now, is still carried when it may be.
func TestHeldAfterACrash(t *testing.T) {
	base := agreed()
	edited := with(base, Notes, "x")
	for name, sides := range map[string]Pair{"the seller's": {edited, base}, "Partner Center's": {base, edited}} {
		first := Merge(Memory{Base: &Pair{base, base}}, sides, rules, Options{})
		memory := Memory{Base: &Pair{base, base}, Pending: []Attempt{first.Attempt}}
		held := Merge(memory, sides, rules, Options{HoldOutbound: true, HoldInbound: true})
		if !held.Held || len(held.ToCRM)+len(held.ToReferral) > 0 {
			t.Errorf("%s edit is not held: %+v", name, held)
		}
		released := Merge(Memory{Base: &held.Attempt.Intended}, sides, rules, Options{})
		if released.ToReferral[Notes]+released.ToCRM[Notes] != "x" {
			t.Errorf("%s edit is lost: %+v", name, released)
		}
		arrived := Merge(memory, Pair{edited, edited}, rules, Options{HoldOutbound: true, HoldInbound: true})
		if again := Merge(Memory{Base: &arrived.Attempt.Intended}, Pair{edited, edited}, rules, Options{}); len(again.ToCRM)+len(again.ToReferral) > 0 {
			t.Errorf("%s edit arrived and is written again: %+v", name, again)
		}
	}
}

// A referral that was visible, in an answer that does not say so, is not made visible once more: Partner Center does not take it back.
func TestVisibilityThatAnAnswerLacks(t *testing.T) {
	base := with(agreed(), Visible, True)
	lacking := Merge(Memory{Base: &Pair{base, base}}, Pair{base, with(base, Visible, "")}, rules, Options{})
	if len(lacking.ToCRM)+len(lacking.ToReferral) > 0 {
		t.Errorf("it is written somewhere: %+v", lacking)
	}
}

// A deal value that one answer of Partner Center lacks is not agreed on: when it shows again, it is no news, and the seller's edit
// made meanwhile is sent.
func TestAmountThatAnAnswerLacks(t *testing.T) {
	base := agreed()
	lacking := Merge(Memory{Base: &Pair{base, base}}, Pair{base, with(base, DealValue, "")}, rules, Options{})
	if len(lacking.ToCRM)+len(lacking.ToReferral) > 0 {
		t.Errorf("a lacking value is written somewhere: %+v", lacking)
	}
	again := Merge(Memory{Base: &lacking.Attempt.Intended}, Pair{with(base, DealValue, "200"), base}, rules, Options{})
	if again.ToReferral[DealValue] != "200" || len(again.ToCRM) > 0 || len(again.Notes) > 0 {
		t.Errorf("the seller's edit does not go through: %+v", again)
	}
}
