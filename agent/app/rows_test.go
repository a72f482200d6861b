package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// A row of the document says how a field is merged, and a plain row of a default field carries its value as it is.
func TestMappingRow(t *testing.T) {
	always := []string{document.OnCreate, document.OnUpdate}
	for name, c := range map[string]struct {
		conflict, null string
		winner         deal.Side
		ways           deal.Ways
	}{
		"crm": {document.ConflictCRM, "", deal.CRM, deal.Ways{}}, "partner center": {document.ConflictPartnerCenter, document.NullClear, deal.PartnerCenter, deal.Ways{}},
		"prefer crm":            {document.ConflictPreferCRM, "", deal.CRM, deal.Ways{UnlessBlank: true}},
		"prefer partner center": {document.ConflictPreferPartnerCenter, "", deal.PartnerCenter, deal.Ways{UnlessBlank: true}},
		"manual":                {document.ConflictManual, document.NullKeep, deal.CRM, deal.Ways{Manual: true, KeepWhenBlank: true}},
		"once":                  {document.ConflictWriteOnce, "", deal.CRM, deal.Ways{Once: true}},
	} {
		row, err := mappingRow(document.Mapping{Field: deal.Notes, Direction: document.Both, On: always, Conflict: c.conflict, Null: c.null}, &adapter.Org{})
		if err != nil || row.Winner != c.winner || row.Transform != nil || !row.Inbound || !row.Outbound {
			t.Errorf("%s: %+v, %v", name, row, err)
		}
		if diff := cmp.Diff(c.ways, row.Ways); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if row, err := mappingRow(document.Mapping{Field: "mine", Direction: document.Inbound, On: always[:1]}, &adapter.Org{}); err != nil || row.Transform == nil || row.Outbound || row.OnUpdate {
		t.Errorf("a field of the user's own is %+v, %v", row, err)
	}
}

// The organisation's field decides how values are written, and of several values that equal one the first is written.
func TestTransformFollowsTheField(t *testing.T) {
	values := []document.Value{{CRM: "A", PartnerCenter: "1"}, {CRM: "B", PartnerCenter: "1"}}
	got, err := transform(document.Mapping{Field: "mine", CRM: "Mine__c", Values: values}, crm.Field{Kind: deal.Decimal, Scale: 2})
	if err != nil || got.CRMKind != deal.Decimal || got.CRMScale != 2 {
		t.Errorf("a currency field is %+v, %v", got, err)
	}
	if diff := cmp.Diff(map[string]string{"1": "A"}, got.ToCRM) + cmp.Diff(map[string]string{"A": "1", "B": "1"}, got.ToCenter); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := transform(document.Mapping{Field: "mine", InboundExpression: "lower("}, crm.Field{}); err == nil {
		t.Error("a broken expression is accepted")
	}
}
