package sim

import (
	"cmp"
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
			w.t.Errorf("the deal %q was never shared: %s", name, text(rows[0]["Audit__c"]))
		}
	}
	if faults := w.unequal(o, names...); len(faults) > 0 {
		w.t.Errorf("%s's deals are not equal:\n%s", o.name, strings.Join(faults, "\n"))
	}
	if len(names) < fewest {
		w.t.Errorf("only %d deals: the test shows little", len(names))
	}
}

// sold gives the identifiers of the solutions of an organisation's opportunities, typed or chosen, by opportunity.
func (w *world) sold(o organisation) map[string][]string {
	catalogue := map[string]string{}
	for _, row := range o.org.Rows("Microsoft_Solution_Detail__c") {
		catalogue[text(row["Id"])] = text(row["Solution_Identifier__c"])
	}
	sold := map[string][]string{}
	for _, row := range o.org.Rows("Microsoft_Solution__c") {
		identifier := cmp.Or(text(row["Solution_Identifier__c"]), catalogue[text(row["Solution_Detail__c"])])
		if of := text(row["Opportunity__c"]); !slices.Contains(sold[of], identifier) {
			sold[of] = append(sold[of], identifier)
		}
	}
	return sold
}

// differences tells in what a row and a referral differ. Of a closed deal only the outcome counts: Partner Center takes no more
// changes, so what a person edits in the CRM afterwards stays there.
func differences(name string, row map[string]any, sold []string, r *partnercenter.Referral) []string {
	var faults []string
	equal := func(field, left, right string) {
		if left != right {
			faults = append(faults, fmt.Sprintf("%s: %s is %q in Salesforce and %q in Partner Center", name, field, left, right))
		}
	}
	equal("referral identifier", text(row["Referral_Identifier__c"]), r.ID)
	equal("key", text(row["Cosell_Referral_Key__c"]), r.ID)
	equal("stage", text(row["StageName"]), stageFor(r, text(row["StageName"])))
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
	equal("notes", text(row["Description"]), notes)
	equal("close date", text(row["CloseDate"]), closing)
	equal("value", number(row["Amount"]), r.Details.DealValue.String())
	var solutions []string
	for _, s := range r.Details.Requirements.Solutions {
		solutions = append(solutions, s.ID)
	}
	equal("solutions", fmt.Sprint(slices.Sorted(slices.Values(sold))), fmt.Sprint(slices.Sorted(slices.Values(solutions))))
	equal("visibility", strconv.FormatBool(row["Referral_Visible_to_Microsoft__c"] == true), strconv.FormatBool(r.Consent.ShareWithMicrosoft))
	return faults
}

// stageFor gives the stage that a referral's status demands; an open stage satisfies an accepted referral.
func stageFor(r *partnercenter.Referral, stage string) string {
	switch {
	case r.Status == "New":
		return stageOnHold
	case r.Substatus == "Won":
		return stageWon
	case r.Status == "Closed":
		return stageLost
	case stage == stageOnHold || strings.HasPrefix(stage, "Closed"):
		return "an open stage"
	}
	return stage
}

func number(value any) string {
	if f, ok := value.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return ""
}
