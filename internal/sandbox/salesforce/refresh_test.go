package salesforce

import (
	"testing"
)

// TestRefreshTranslatesKeyPrefixes shows that rows of a custom object keep hanging on their parent where the two orgs gave the
// object different key prefixes, and that what only the other org has is left out.
func TestRefreshTranslatesKeyPrefixes(t *testing.T) {
	from, to := newRig(t), newRig(t, func(o *Options) { o.OrgID = "00Dgs0000000002" })
	from.solutions()
	to.must("createMetadata", `<metadata xsi:type="CustomObject"><fullName>Other__c</fullName><deploymentStatus>Deployed</deploymentStatus>`+
		`<label>Other</label><nameField><label>Name</label><type>Text</type></nameField><pluralLabel>Others</pluralLabel>`+
		`<sharingModel>ReadWrite</sharingModel></metadata>`)
	to.solutions()
	from.must("createMetadata", fieldXML("Opportunity.Only_Here__c", `<length>10</length><type>Text</type>`))
	id, err := from.org.Create("Opportunity", map[string]any{"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2027-01-31", "Only_Here__c": "x"})
	if err != nil {
		t.Fatal(err)
	}
	solution, err := from.org.Create("Microsoft_Solution__c", map[string]any{"Opportunity__c": id, "Solution_Identifier__c": "SOL-1-A"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*rig{from, to} {
		r.must("updateMetadata", settingsXML("OpportunitySettings", "Opportunity", "enableOpportunityTeam", "true"))
	}
	colleague := from.org.addUser("colleague@example.com", "Co", "League", "+1 425 555 0177")
	if _, err := from.org.Create("OpportunityTeamMember", map[string]any{"OpportunityId": id, "UserId": colleague, "TeamMemberRole": "Sales Rep"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := to.org.Refresh(from.org); err != nil {
			t.Fatal(err)
		}
	}
	members := to.org.Rows("OpportunityTeamMember")
	if len(members) != 1 || members[0]["UserId"] == colleague || len(to.org.Rows("User")) != len(from.org.Rows("User")) {
		t.Errorf("the team %v", members)
	}
	rows := to.org.Rows("Microsoft_Solution__c")
	if len(rows) != 1 || rows[0]["Opportunity__c"] != id || rows[0]["Id"] == solution || rows[0]["Solution_Identifier__c"] != "SOL-1-A" {
		t.Errorf("solutions %v of %s", rows, solution)
	}
	if _, found := to.org.Row("Microsoft_Solution__c", rows[0]["Id"].(string)); !found {
		t.Error("the copy cannot be found by its id")
	}
	if row, _ := to.org.Row("Opportunity", id); row["Only_Here__c"] != nil {
		t.Errorf("a field that the org does not have came along: %v", row)
	}
	if err := to.org.Refresh(to.org); err == nil {
		t.Error("an org was refreshed from itself")
	}
}
