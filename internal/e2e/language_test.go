package e2e_test

import (
	"strings"
	"testing"
)

// What the agent writes for people is in the connector's language, and its own lines are known again after the language changed:
// what somebody takes out of Audit is restored once, and not by two languages in turn.
func TestAuditInTheConnectorsLanguage(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	speak := func(language string) {
		b.change(func(d map[string]any) { d["crm"].(map[string]any)["language"] = language })
	}
	speak("de")
	b.start()
	id := b.sellerStarts(map[string]string{"close_date": "2027-03-31", "solution": ""})
	b.expectField(id, "Audit__c", "CS101: Die Opportunity nennt keine Microsoft-Lösung.")
	b.expectField(id, "Sync_Status__c", "Bitte prüfen: siehe Audit")
	b.act("add_solution", map[string]string{"opportunity": id, "solution": "SOL-10001-AAA"})
	b.expectField(id, "Audit__c", "Mit Partner Center geteilt als Empfehlung")
	b.expectField(id, "Audit__c", "Das Problem ist behoben.")
	b.expectField(id, "Sync_Status__c", "Synchron")
	referral := text(b.referrals()[together][0]["id"])
	b.act("edit_referral", map[string]string{"id": referral, "value": "61000", "notes": "Neu"})
	b.expectField(id, "Audit__c", "In Partner Center geändert: Geschäftswert, Notizen.")
	b.rest()
	b.act("edit_opportunity", map[string]string{"id": id, "Audit__c": ""})
	b.expectField(id, "Audit__c", "CS210 Audit: Ein Feld wurde bearbeitet")
	b.expectField(id, "Audit__c", "Geschäftswert, Notizen")
	b.rest()
	b.stop()

	speak("ja")
	b.start()
	b.act("edit_opportunity", map[string]string{"id": id, "Audit__c": "", "amount": "62000"})
	b.until("the deal to be equal", func() []string { return b.unequal([]string{together}) })
	b.expectField(id, "Sync_Status__c", "同期済み")
	b.rest()
	row, _ := b.sandbox.Salesforce().Row("Opportunity", id)
	if audit := text(row["Audit__c"]); strings.Contains(audit, "CS210") {
		t.Errorf("the Audit field was restored again:\n%s", audit)
	}
	b.act("edit_referral", map[string]string{"id": referral, "value": "63000", "notes": "さらに"})
	b.expectField(id, "Audit__c", "Partner Center で変更された項目: 案件金額、メモ。")
	b.rest()
	b.act("edit_opportunity", map[string]string{"id": id, "Audit__c": ""})
	b.expectField(id, "Audit__c", "CS210 Audit: Partner Center だけが入力する項目が編集されました。何もする必要はありません。")
	b.stop()
}
