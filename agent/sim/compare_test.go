package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// referrals gives the partner's own referrals by deal name.
func (w *world) referrals() map[string][]*partnercenter.Referral {
	byName := map[string][]*partnercenter.Referral{}
	for _, r := range w.sandbox.PartnerCenter().All() {
		if r.OrganizationName != "Microsoft" {
			byName[r.Name] = append(byName[r.Name], r)
		}
	}
	return byName
}

// everyDealIsEqual demands that every deal of the partner's is in an organisation once, and equal, and that there are at least so
// many: with fewer the test would show little.
func (w *world) everyDealIsEqual(o organisation, fewest int) {
	w.t.Helper()
	var names []string
	for name := range w.referrals() {
		names = append(names, name)
	}
	slices.Sort(names)
	for name, rows := range w.opportunities(o) {
		if !slices.Contains(names, name) {
			w.t.Errorf("the deal %q was never shared: %s", name, rows[0].audit)
		}
	}
	if faults := w.unequal(o, names...); len(faults) > 0 {
		w.t.Errorf("%s's deals are not equal:\n%s", o.name, strings.Join(faults, "\n"))
	}
	if len(names) < fewest {
		w.t.Errorf("only %d deals: the test shows little", len(names))
	}
}

const referralIdentifier = "referral identifier"

// differences tells in what a row and a referral differ. Of a closed deal only the outcome counts: Partner Center takes no more
// changes, so what a person edits in the CRM afterwards stays there.
func differences(name string, words vocabulary, row opportunity, sold []string, r *partnercenter.Referral) []string {
	var faults []string
	equal := func(field, left, right string) {
		if left != right {
			faults = append(faults, fmt.Sprintf("%s: %s is %q in the CRM and %q in Partner Center", name, field, left, right))
		}
	}
	equal(referralIdentifier, row.referralID, r.ID)
	equal("key", row.key, r.ID)
	equal("stage", row.stage, stageFor(words, r, row))
	if r.Status == "Closed" {
		return faults
	}
	notes, closing := "", ""
	if r.Details.Notes != nil {
		notes = *r.Details.Notes
	}
	if r.Details.ClosingDateTime != nil {
		closing = r.Details.ClosingDateTime.Format("2006-01-02")
	}
	equal("notes", row.description, notes)
	equal("close date", row.closeDate, closing)
	equal("value", row.amount, r.Details.DealValue.String())
	var solutions []string
	for _, s := range r.Details.Requirements.Solutions {
		solutions = append(solutions, s.ID)
	}
	equal("solutions", fmt.Sprint(slices.Sorted(slices.Values(sold))), fmt.Sprint(slices.Sorted(slices.Values(solutions))))
	equal("visibility", strconv.FormatBool(row.visible), strconv.FormatBool(r.Consent.ShareWithMicrosoft))
	return faults
}

// stageFor gives the stage that a referral's status demands; an open stage satisfies an accepted referral, and every lost one a lost one.
func stageFor(words vocabulary, r *partnercenter.Referral, row opportunity) string {
	switch {
	case r.Status == "New":
		return words.onHold
	case r.Substatus == "Won":
		return words.won
	case r.Status == "Closed" && row.outcome == lost:
		return row.stage
	case r.Status == "Closed":
		return words.lost
	case row.stage == words.onHold || row.closed():
		return "an open stage"
	}
	return row.stage
}

func number(value any) string {
	if f, ok := value.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return ""
}
