package e2e_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// change edits the document, as a new apply would.
func (b *bed) change(edit func(document map[string]any)) {
	b.t.Helper()
	content, err := os.ReadFile(b.documentFile())
	if err != nil {
		b.t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(content, &document); err != nil {
		b.t.Fatal(err)
	}
	edit(document)
	if content, err = json.Marshal(document); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.documentFile(), content, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// A received deal belongs to the user whom the referral's team names, if that user is active; else to the fallback owner.
func TestReceivedDealsHaveOwners(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.act("add_user", map[string]string{"email": "left@example.com", "active": "false"})
	b.act("add_user", map[string]string{"email": "shared@example.com", "username": "first.of.two@example.com"})
	named := b.act("add_user", map[string]string{"email": "shared@example.com"})
	fallback := b.act("add_user", map[string]string{"email": "desk@example.com", "username": "desk@example.com.org"})
	b.change(func(d map[string]any) { d["crm"].(map[string]any)["fallback_owner"] = "desk@example.com.org" })
	b.start()
	want := map[string]string{"For somebody": named, "For one who left": fallback, "For a stranger": fallback, "For nobody": fallback}
	for name, email := range map[string]string{
		"For somebody": "SHARED@example.com", "For one who left": "left@example.com", "For a stranger": "stranger@example.com", "For nobody": "",
	} {
		b.act("send_referral", map[string]string{"name": name, "team_email": email})
	}
	b.until("the deals to have their owners", func() (missing []string) {
		for name, owner := range want {
			rows := b.opportunities()[name]
			if len(rows) != 1 || text(rows[0]["OwnerId"]) != owner {
				missing = append(missing, name)
			}
		}
		return missing
	})
	b.rest()
	for name := range want {
		if team := b.referrals()[name][0]["team"].([]any); len(team) > 1 {
			t.Errorf("%s: the referral's team grew: %v", name, team)
		}
	}
	b.stop()
}

// When Microsoft accepts, the seller is told once whom to talk to: in Audit, not in the log.
func TestMicrosoftsSellersAreNamed(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	id := b.sellerStarts(customerContact, map[string]string{"How_can_Microsoft_help__c": helpValue})
	b.expectReferrals(1)
	_, _, counterpart := b.engagement()
	b.act("accept_counterpart", map[string]string{"id": counterpart, "seller_name": "Partner Developer", "seller_email": "pdm@microsoft.example.com"})
	b.expectField(id, "Audit__c", "Partner Developer <pdm@microsoft.example.com>")
	b.act("edit_opportunity", map[string]string{"id": id, "amount": "70000"})
	b.expectReferrals(1)
	b.rest()
	row, _ := b.sandbox.Salesforce().Row("Opportunity", id)
	if audit := text(row["Audit__c"]); strings.Count(audit, "pdm@microsoft.example.com") != 1 || strings.Contains(audit, "seller@example.com") {
		t.Errorf("the Audit says:\n%s", audit)
	}
	b.stop()
	if found := contains(t, b.log.Name(), map[string]string{"the seller of Microsoft's": "pdm@microsoft.example.com"}); len(found) > 0 {
		t.Error(found)
	}
}
