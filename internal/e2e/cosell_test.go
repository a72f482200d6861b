package e2e_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// together is the deal of these tests, and its kind of help as both systems name it.
const (
	together  = "Together"
	helpValue = "Quotes or licensing"
	helpCode  = "QuotesOrLicensing"
)

// customerContact is somebody whom Microsoft can talk to.
var customerContact = map[string]string{"contact": "Buyer", "contact_first_name": "First", "contact_email": "buyer@example.com", "contact_phone": "+47 1"}

// sellerStarts creates the deal. More parameters make it visible, ask for help, or name a contact.
func (b *bed) sellerStarts(more ...map[string]string) string {
	parameters := map[string]string{
		"name": together, "stage": "Qualification", "amount": "60000", "close_date": "2027-03-31", "account": "Fabrikam", "country": "NO",
		"street": "1 Main St", "city": "Oslo", "postal_code": "0150", "solution": "SOL-10001-AAA", "Sync_with_Partner_Center__c": "true",
	}
	for _, m := range more {
		maps.Copy(parameters, m)
	}
	return b.act("create_opportunity", parameters)
}

// engagement counts the deal's referrals, and gives Microsoft's.
func (b *bed) engagement() (own, microsofts int, counterpart string) {
	for _, r := range b.sandbox.PartnerCenter().All() {
		if len(r.Target) == 1 && r.Target[0].ID == "msft" {
			microsofts, counterpart = microsofts+1, r.ID
		} else {
			own++
		}
	}
	return own, microsofts, counterpart
}

// expectReferrals waits for one own referral and so many of Microsoft's.
func (b *bed) expectReferrals(want int) {
	b.t.Helper()
	b.until(fmt.Sprintf("%d referrals of Microsoft's", want), func() []string {
		if own, microsofts, _ := b.engagement(); own != 1 || microsofts != want {
			return []string{fmt.Sprintf("%d own referrals, %d of Microsoft; %s", own, microsofts, audits(b.opportunities()[together]))}
		}
		return b.unequal([]string{together})
	})
}

// expectField waits for a field of an opportunity to hold a text.
func (b *bed) expectField(id, field, holds string) {
	b.t.Helper()
	b.until(field+" to say "+holds, func() []string {
		row, _ := b.sandbox.Salesforce().Row("Opportunity", id)
		if !strings.Contains(fmt.Sprint(row[field]), holds) {
			return []string{fmt.Sprintf("it is %v", row[field])}
		}
		return nil
	})
}

// A deal that asks for help is two referrals of one engagement: the partner's own, and Microsoft's, which names the kind of help.
// What Microsoft answers reaches the opportunity. It costs two creates and one update for the share, one update for the answer.
func TestCoSellDealIsTwoReferrals(t *testing.T) {
	t.Parallel()
	coSellStory(t, nil)
}

// The same under every setting that the references leave open about co-sell deals.
func TestCoSellDealsUnderUnconfirmedSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		"partner_center.help_code=first", "partner_center.help_code=second", "partner_center.second_counterpart=refused",
		"partner_center.counterpart_owner=guid", "partner_center.counterpart_listed=by_engagement", "partner_center.msx_id=both",
		"partner_center.related_event_id=own", "partner_center.contact_after_share=read_only", "partner_center.effective_type=request",
	} {
		id, value, _ := strings.Cut(setting, "=")
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			coSellStory(t, map[string]string{id: value})
		})
	}
}

func coSellStory(t *testing.T, switches map[string]string) {
	b := newBedWith(t, switches, nil)
	b.start()
	mark := b.lastOperation()
	id := b.sellerStarts(customerContact, map[string]string{"How_can_Microsoft_help__c": helpValue})
	b.expectReferrals(1)
	b.rest()
	own, microsofts, counterpart := b.engagement()
	if own != 1 || microsofts != 1 {
		t.Errorf("%d own referrals, %d of Microsoft", own, microsofts)
	}
	theirs, err := b.sandbox.PartnerCenter().Referral(counterpart)
	if err != nil {
		t.Fatal(err)
	}
	if got := theirs.InviteContext.AssistanceRequestCode; got != helpCode {
		t.Errorf("Microsoft is asked for %s", got)
	}
	b.expectWrites(mark, map[string]int{"create referral": 2, "update Opportunity": 1})

	mark = b.lastOperation()
	b.act("accept_counterpart", map[string]string{"id": counterpart, "microsoft_crm_id": "7-ACCEPTED"})
	b.expectField(id, "Microsoft_CRM_Identifier__c", "7-ACCEPTED")
	b.expectField(id, "Audit__c", "CS216")
	b.expectWrites(mark, map[string]int{"update Opportunity": 1})
	b.stop()
}

// A shared deal is upgraded by the seller, step by step: private, visible to Microsoft, co-sell. What co-sell lacks is said
// first; what was asked for is kept when the seller changes it.
func TestUpgradesOfASharedDeal(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	id := b.sellerStarts()
	b.expectReferrals(0)
	visible := func() bool {
		return at(b.referrals()[together][0], "consent", "consentToShareReferralWithMicrosoftSellers") == true
	}
	if visible() {
		t.Error("a private deal is visible to Microsoft")
	}

	mark := b.lastOperation()
	b.act("edit_opportunity", map[string]string{"id": id, "Referral_Visible_to_Microsoft__c": "true"})
	b.expectReferrals(0)
	b.expectWrites(mark, map[string]int{"update referral": 1})
	if !visible() {
		t.Error("the deal is not visible to Microsoft")
	}

	b.act("edit_opportunity", map[string]string{"id": id, "How_can_Microsoft_help__c": helpValue})
	b.expectField(id, "Audit__c", "CS103")
	b.rest()
	b.expectReferrals(0)
	b.act("add_contact", map[string]string{"opportunity": id, "last_name": "Buyer", "first_name": "First", "email": "buyer@example.com", "phone": "+47 1"})
	b.expectReferrals(1)
	b.expectField(id, "Sync_Status__c", "In sync")
	contacts, _ := at(b.referrals()[together][0], "customerProfile", "team").([]any)
	if len(contacts) != 1 || text(at(contacts[0].(map[string]any), "email")) != "buyer@example.com" {
		t.Errorf("the referral's contacts are %v", contacts)
	}

	b.act("edit_opportunity", map[string]string{"id": id, "How_can_Microsoft_help__c": "General or other"})
	b.expectField(id, "Audit__c", "CS214")
	b.expectField(id, "How_can_Microsoft_help__c", helpValue)
	b.act("edit_opportunity", map[string]string{"id": id, "Referral_Visible_to_Microsoft__c": "false"})
	b.expectField(id, "Audit__c", "CS208")
	b.expectField(id, "Referral_Visible_to_Microsoft__c", "true")
	b.rest()
	b.expectReferrals(1)
	b.stop()
}

// A private deal can ask for help at once, which shows it to Microsoft; and Microsoft's refusal is told with its reason, while the
// deal stays the partner's own.
func TestMicrosoftDeclines(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	id := b.sellerStarts(customerContact)
	b.expectReferrals(0)
	b.act("edit_opportunity", map[string]string{"id": id, "How_can_Microsoft_help__c": helpValue})
	b.expectReferrals(1)
	b.expectField(id, "Referral_Visible_to_Microsoft__c", "true")
	_, _, counterpart := b.engagement()
	b.act("decline_counterpart", map[string]string{"id": counterpart, "reason": "No seller manages this customer"})
	b.expectField(id, "Audit__c", "CS211")
	b.expectField(id, "Audit__c", "No seller manages this customer")
	b.rest()
	row, _ := b.sandbox.Salesforce().Row("Opportunity", id)
	if told := strings.Count(text(row["Audit__c"]), "CS211"); told != 1 {
		t.Errorf("the refusal is told %d times", told)
	}
	b.act("edit_opportunity", map[string]string{"id": id, "amount": "70000"})
	b.expectReferrals(1)
	b.stop()
}
