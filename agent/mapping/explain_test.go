package mapping

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An explanation shows for each row what would be written and what makes it, and a row that fails does not hide the others.
func TestExplain(t *testing.T) {
	type shown struct{ From, To, By, Result any }
	show := func(lines []Line) map[string]shown {
		byField := map[string]shown{}
		for _, line := range lines {
			result := line.Result
			if line.Err != nil {
				result = "failed"
			}
			byField[line.Field] = shown{line.From, line.To, line.By, result}
		}
		return byField
	}
	got := show(transforming().ExplainReferral(map[string]any{"status": "Closed", "substatus": "Declined", "name": "A name of more than ten", "salesStage": "xxl", "details": map[string]any{"dealValue": 3.0}}))
	for field, want := range map[string]shown{
		"status": {"status", "StageName", "stages", "Lost"}, "name": {"name", "Name", "copy", "A name of"}, "record_type": {"", "Type", "constant", "New Business"},
		"tenth": {"details.dealValue", "Tenth__c", "expression number(value) / 3.0", json.Number("1")}, "segment": {"salesStage", "Segment__c", "values", "failed"},
		"owner": {"campaignId", "", "not written this way", nil}, "region": {"details.region", "Region__c", `default "Europe"`, "Europe"},
	} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", field, diff)
		}
	}
	got = show(transforming().ExplainRecord(map[string]any{"StageName": "Proposal", "Segment__c": "Start-up"}))
	for field, want := range map[string]shown{
		"status": {"StageName", "status", "stages", "active"}, "origin": {"", "referralProgram", "constant", "CRM"}, "segment": {"Segment__c", "salesStage", "values", "smb"},
		"owner": {"", "campaignId", `expression lower(record.Account.Owner.Email), default "nobody"`, "nobody"}, "record_type": {"Type", "", "not written this way", nil},
	} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", field, diff)
		}
	}
}
