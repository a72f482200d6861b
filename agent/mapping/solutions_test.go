package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

func sold(entries ...any) map[string]any {
	return map[string]any{"details": map[string]any{"requirements": map[string]any{"solutions": entries}}}
}

// A list of solutions is written whole: what stays is sent back as it was read, what is added is named, nothing stands twice.
func TestSolutionsOp(t *testing.T) {
	priced := map[string]any{"id": "SOL-1", "type": "Name", "price": 12.5, "publisherName": "P"}
	category := map[string]any{"id": "AzureStack", "type": "Category"}
	referral := sold(priced, category, map[string]any{"id": "sol-2"})
	changes := deal.Values{deal.SolutionField("SOL-2"): "", deal.SolutionField("SOL-3"): deal.True, deal.Notes: "x"}
	op, ok := SolutionsOp(referral, changes, []deal.Solution{{ID: "SOL-1"}, {ID: "sol-3", Name: "Third"}, {ID: "SOL-3"}})
	want := Op{"/details/requirements/solutions", []any{priced, category, map[string]any{"type": "Name", "id": "sol-3", "name": "Third"}}}
	if diff := cmp.Diff(want, op); diff != "" || !ok {
		t.Errorf("%v (-want +got)\n%s", ok, diff)
	}
	if op, ok := SolutionsOp(referral, deal.Values{deal.Notes: "x"}, nil); ok {
		t.Errorf("nothing changed, and yet %v is sent", op)
	}
}

func TestSolutionsOfOddReferrals(t *testing.T) {
	odd := sold(nil, "text", map[string]any{"id": nil}, map[string]any{"id": " SOL-1 ", "name": nil}, map[string]any{"id": "sol-1"}, map[string]any{"id": "G", "name": "N"})
	if diff := cmp.Diff([]deal.Solution{{ID: "SOL-1"}, {ID: "G", Name: "N"}}, SolutionsOf(odd)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, none := range []map[string]any{{}, sold(), {"details": nil}, {"details": map[string]any{"requirements": map[string]any{"solutions": nil}}}} {
		if got := SolutionsOf(none); got != nil {
			t.Errorf("%v has %v", none, got)
		}
	}
}

// What only Microsoft's referral tells completes the partner's own.
func TestAddCounterpart(t *testing.T) {
	p := plan()
	p.Rows = append(p.Rows, row(deal.MicrosoftCRMID, "trackingInfo.microsoftMsxId", "MSX__c"))
	values := deal.Values{deal.Help: "GeneralOrOther"}
	_, err := p.AddCounterpart(values, map[string]any{
		"status": "Closed", "substatus": "Declined", "statusReason": " too small ", "trackingInfo": map[string]any{"microsoftMsxId": "7-X"},
	})
	want := deal.Values{deal.Help: "GeneralOrOther", deal.MicrosoftStatus: deal.Declined, deal.MicrosoftReason: "too small", deal.MicrosoftCRMID: "7-X"}
	if diff := cmp.Diff(want, values); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if _, err := p.AddCounterpart(deal.Values{}, map[string]any{"status": "Odd"}); err == nil {
		t.Error("a status that nobody knows is taken")
	}
}
