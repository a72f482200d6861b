package e2e_test

import (
	"strings"
	"testing"
)

// What is missing for a share is said in Audit, all at once and with the fix, and the deal is shared when it is mended. An
// account that is mended moves no time stamp of the opportunity.
func TestMissingThingsAreSaidAndMended(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	id := b.act("create_opportunity", map[string]string{
		"name": "Incomplete", "stage": "Qualification", "amount": "1500", "close_date": "2027-03-31", "account": "Fabrikam", "country": "Atlantis",
		"street": "1 Main St", "city": "Oslo", "postal_code": "0150", "Sync_with_Partner_Center__c": "true", "How_can_Microsoft_help__c": "Quotes or licensing",
	})
	row := func() map[string]any {
		row, _ := b.sandbox.Salesforce().Row("Opportunity", id)
		return row
	}
	b.until("the Audit to name what is missing", func() []string {
		var missing []string
		for _, said := range []string{"CS101", "CS102", "Atlantis", "CS103"} {
			if !strings.Contains(text(row()["Audit__c"]), said) {
				missing = append(missing, said)
			}
		}
		return missing
	})
	if status := text(row()["Sync_Status__c"]); !strings.HasPrefix(status, "Needs attention") {
		t.Errorf("Sync Status is %q", status)
	}
	b.rest()
	before := text(row()["Audit__c"])
	b.act("edit_opportunity", map[string]string{"id": id, "How_can_Microsoft_help__c": ""})
	b.act("add_solution", map[string]string{"opportunity": id, "solution": "SOL-10001-AAA"})
	b.until("the Audit to name only the country", func() []string {
		newest, _, _ := strings.Cut(text(row()["Audit__c"]), before)
		if !strings.Contains(newest, "CS102") || strings.Contains(newest, "CS101") || strings.Contains(newest, "CS103") {
			return []string{newest}
		}
		return nil
	})
	b.act("edit_account", map[string]string{"id": text(row()["AccountId"]), "country": "Norway"})
	b.until("the deal to be shared", func() []string { return b.unequal([]string{"Incomplete"}) })
	if country := text(at(b.referrals()["Incomplete"][0], "customerProfile", "address", "country")); country != "NO" {
		t.Errorf("the referral's country is %q", country)
	}
	if status := text(row()["Sync_Status__c"]); status != "In sync" {
		t.Errorf("Sync Status is %q", status)
	}
	b.stop()
}

// The life of deals: losing a waiting one declines it, winning closes it as won, what the portal does arrives in Salesforce, and
// a deal whose Sync is No is left alone.
func TestLivesOfDeals(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	shared, closed := b.sellerShares("Won in Salesforce", 1), b.microsoftSends("Declined in Salesforce", 2)
	accepted, expired := b.microsoftSends("Accepted in the portal", 3), b.microsoftSends("Declined in the portal", 4)
	paused := b.sellerShares("Paused", 5)
	names := []string{"Won in Salesforce", "Declined in Salesforce", "Accepted in the portal", "Declined in the portal", "Paused"}
	b.until("the deals to be equal", func() []string { return b.unequal(names) })

	lost := b.opportunities()["Declined in Salesforce"][0]
	b.act("edit_opportunity", map[string]string{"id": text(lost["Id"]), "stage": "Closed Lost", "Close_Reason__c": "Not a customer"})
	b.act("edit_opportunity", map[string]string{"id": shared, "stage": "Closed Won"})
	b.act("accept_referral", map[string]string{"id": accepted})
	b.act("decline_referral", map[string]string{"id": expired, "reason": "Project budget isn't adequate"})
	b.act("edit_opportunity", map[string]string{"id": paused, "Sync_with_Partner_Center__c": "false", "amount": "99999"})
	b.until("the statuses to be equal", func() []string { return b.unequal(names[:4]) })
	b.rest()

	status := func(id string) string {
		referral, err := b.sandbox.PartnerCenter().Referral(id)
		if err != nil {
			t.Fatal(err)
		}
		reason := ""
		if referral.StatusReason != nil {
			reason = " " + *referral.StatusReason
		}
		return referral.Status + "/" + referral.Substatus + reason
	}
	if got := status(closed); got != "Closed/Declined Not a customer" {
		t.Errorf("losing a waiting deal gave %s", got)
	}
	if got := status(text(b.referrals()["Won in Salesforce"][0]["id"])); got != "Closed/Won" {
		t.Errorf("winning gave %s", got)
	}
	if stage := text(b.opportunities()["Accepted in the portal"][0]["StageName"]); stage != "Qualification" {
		t.Errorf("an acceptance in the portal gave the stage %s", stage)
	}
	if reason := text(b.opportunities()["Declined in the portal"][0]["Close_Reason__c"]); reason != "Project budget isn't adequate" {
		t.Errorf("the reason of a decline in the portal arrived as %q", reason)
	}
	if value := number(at(b.referrals()["Paused"][0], "details", "dealValue")); value != "1005" {
		t.Errorf("an edit of a paused deal was sent: %s", value)
	}
	b.act("edit_opportunity", map[string]string{"id": paused, "Sync_with_Partner_Center__c": "true"})
	b.until("the deal that goes on to be equal", func() []string { return b.unequal([]string{"Paused"}) })
	b.stop()
}

// Names, quotes, line breaks and marks of any script arrive as they were written, and find their account again.
func TestNamesOfTheWorld(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	names := []string{`東京データ基盤 & "移行" <1>`, "北海道の案件 O'Neil \\ ✓", "北海道の第二案件"}
	b.act("create_opportunity", map[string]string{
		"name": names[0], "stage": "Qualification", "amount": "1500", "close_date": "2027-03-31", "description": "改行\nあり", "account": "株式会社ファブリカム",
		"country": "Japan", "street": "丸の内1-1", "city": "東京", "postal_code": "100-0005", "solution": "SOL-10001-AAA", "Sync_with_Partner_Center__c": "true",
	})
	for _, name := range names[1:] {
		b.act("send_referral", map[string]string{
			"name": name, "customer": "コントソ 'O' 株式会社", "city": "札幌", "postal_code": "060-0001", "country": "JP", "currency": "USD", "notes": "備考",
		})
	}
	b.until("the deals to be equal", func() []string { return b.unequal(names) })
	if accounts := b.sandbox.Salesforce().Rows("Account"); len(accounts) != 2 {
		t.Errorf("%d accounts for two customers", len(accounts))
	}
	b.stop()
}

// Who sells a deal, and to whom: the owner and the opportunity team are the referral's team, contact roles are its contacts, and they
// come and go with both. A contact who comes from Partner Center is found by the e-mail address, completed, and not overwritten.
func TestPeopleOfADeal(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	id := b.sellerStarts(customerContact)
	team := func() string { return list(idsAt(b.referrals()[together][0], "email", "team")) }
	b.expectReferrals(0)
	if got := team(); got != "seller@example.com" {
		t.Errorf("the team is %s", got)
	}
	member := b.act("add_team_member", map[string]string{"opportunity": id, "email": "colleague@example.com"})
	b.until("the colleague to be of the team", func() []string { return unlike(team(), "colleague@example.com seller@example.com") })
	second := b.act("add_contact", map[string]string{"opportunity": id, "last_name": "Second", "first_name": "A", "email": "second@example.com", "phone": "+47 2", "primary": "false"})
	b.until("the contacts to be equal", func() []string {
		return append(b.unequal([]string{together}), unlike(list(idsAt(b.referrals()[together][0], "email", "customerProfile", "team")), "buyer@example.com second@example.com")...)
	})
	b.act("remove_team_member", map[string]string{"id": member})
	b.act("remove_contact", map[string]string{"id": second})
	b.until("both to be gone again", func() []string {
		return append(b.unequal([]string{together}), unlike(team(), "seller@example.com")...)
	})

	received := b.arrives("Received with a contact", 1, 0)
	b.until("the deal to be equal", func() []string { return b.unequal([]string{"Received with a contact"}) })
	var names []string
	for _, row := range b.sandbox.Salesforce().Rows("Contact") {
		names = append(names, text(row["Email"])+" "+text(row["Phone"]))
	}
	if got := list(names); got != "buyer1@example.com +47 1 buyer@example.com +47 1 second@example.com +47 2" {
		t.Errorf("the contacts are %s", got)
	}
	b.rest()
	if referral, err := b.sandbox.PartnerCenter().Referral(received); err != nil || len(referral.Team) != 0 {
		t.Errorf("a received deal's team was changed: %v %v", referral.Team, err)
	}
	b.stop()
}

func unlike(got, want string) []string {
	if got == want {
		return nil
	}
	return []string{got + " instead of " + want}
}
