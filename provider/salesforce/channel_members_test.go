package salesforce

import (
	"slices"
	"testing"
)

// Names of entities, of their events and of their selections follow from each other, and what a plan selects is counted over all
// channels, once for each object, without what the plan gives up.
func TestSelectedWith(t *testing.T) {
	for entity, event := range map[string]string{"Opportunity": "OpportunityChangeEvent", "Microsoft_Solution__c": "Microsoft_Solution__ChangeEvent"} {
		if eventOf(entity) != event || (channelMember{SelectedEntity: event}).entity() != entity {
			t.Errorf("the event of %s is %s, and that of %s is %s", entity, eventOf(entity), event, (channelMember{SelectedEntity: event}).entity())
		}
	}
	if name := memberName("Sales__chn", "Microsoft_Solution__c"); name != "Sales_chn_Microsoft_Solution_ChangeEvent" {
		t.Errorf("the selection is called %s", name)
	}
	members := []channelMember{
		{EventChannel: standardChannel, SelectedEntity: "LeadChangeEvent"}, {EventChannel: standardChannel, SelectedEntity: "AccountChangeEvent"},
		{EventChannel: "Sales__chn", SelectedEntity: "AccountChangeEvent"}, {EventChannel: "Sales__chn", SelectedEntity: "ContactChangeEvent"},
	}
	got := selectedWith(members, standardChannel, []string{"Account", "Lead"}, []string{"Lead", "Opportunity"})
	if want := []string{"Account", "Contact", "Lead", "Opportunity"}; !slices.Equal(got, want) {
		t.Errorf("selected are %v, want %v", got, want)
	}
}
