package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// leadArrives begins a lead in Partner Center: one that Microsoft qualified, or one from the marketplace.
func (b *bed) leadArrives(name string, i int) string {
	return b.act("send_referral", map[string]string{
		"kind": []string{"lead", "marketplace_lead"}[i%2], "name": name, "value": strconv.Itoa(2000 + i), "currency": "USD", "close_date": "2027-06-30",
		"notes": "notes of " + name, "customer": fmt.Sprintf("Contoso %d", i), "address_line1": "2 Main St", "city": "Bergen", "postal_code": "5003", "country": "NO",
		"contact_first_name": "First", "contact_last_name": "Last", "contact_phone": "+47 1", "contact_email": fmt.Sprintf("buyer%d@example.com", i),
	})
}

// leads gives the organisation's leads by the referral that they name.
func (b *bed) leads() map[string][]map[string]any {
	byReferral := map[string][]map[string]any{}
	for _, row := range b.sandbox.Salesforce().Rows("Lead") {
		key := text(row["Cosell_Referral_Key__c"])
		byReferral[key] = append(byReferral[key], row)
	}
	return byReferral
}

// untilLeads waits for exactly one lead of each referral.
func (b *bed) untilLeads(referrals ...string) {
	b.t.Helper()
	b.until("the leads", func() []string {
		leads := b.leads()
		var missing []string
		for _, id := range referrals {
			if len(leads[strings.ToLower(id)]) != 1 {
				missing = append(missing, fmt.Sprintf("referral %s has %d leads", id, len(leads[strings.ToLower(id)])))
			}
		}
		return missing
	})
}

func (b *bed) leadOf(referral string) map[string]any {
	b.t.Helper()
	leads := b.leads()[strings.ToLower(referral)]
	if len(leads) != 1 {
		b.t.Fatalf("referral %s has %d leads", referral, len(leads))
	}
	return leads[0]
}

func (b *bed) statusOf(referral string) string {
	b.t.Helper()
	found, err := b.sandbox.PartnerCenter().Referral(referral)
	if err != nil {
		b.t.Fatal(err)
	}
	return found.Status
}

// Leads of both kinds arrive as leads, once, and follow Partner Center in the fields that no seller edited. Nothing is sent to
// Partner Center. A conversion accepts the referral, and the opportunity is an ordinary deal from then on; a lead that is accepted
// in the portal becomes an opportunity beside the lead. A seller's own deals are as ever.
func TestLeads(t *testing.T) {
	t.Parallel()
	b := newBed(t, map[string]string{"leads": "true"})
	b.start()
	mark := b.lastOperation()
	qualified, marketplace := b.leadArrives("Qualified", 0), b.leadArrives("Marketplace", 1)
	declined, alone := b.leadArrives("Declined", 2), b.leadArrives("Alone", 3)
	b.untilLeads(qualified, marketplace, declined, alone)
	b.expectWrites(mark, map[string]int{"create Lead": 4})
	lead := b.leadOf(qualified)
	got := map[string]any{}
	for _, field := range []string{"Company", "FirstName", "LastName", "Email", "Phone", "Street", "City", "PostalCode", "Country", "Description", "Status", "LeadSource",
		"Referral_Identifier__c", "IsConverted"} {
		got[field] = lead[field]
	}
	want := map[string]any{"Company": "Contoso 0", "FirstName": "First", "LastName": "Last", "Email": "buyer0@example.com", "Phone": "+47 1", "Street": "2 Main St",
		"City": "Bergen", "PostalCode": "5003", "Country": "NO", "Description": "notes of Qualified", "Status": "Open - Not Contacted", "LeadSource": "Partner Referral",
		"Referral_Identifier__c": qualified, "IsConverted": false}
	if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(text(lead["Referral_Link__c"]), qualified) {
		t.Errorf("the lead (-want +got)\n%s", diff)
	}

	b.act("edit_lead", map[string]string{"id": text(b.leadOf(marketplace)["Id"]), "description": "the seller's own words"})
	for _, id := range []string{qualified, marketplace} {
		b.act("edit_referral", map[string]string{"id": id, "notes": "news", "value": "9000"})
	}
	b.until("the news", func() []string {
		if notes := text(b.leadOf(qualified)["Description"]); notes != "news" {
			return []string{notes}
		}
		return nil
	})
	b.expectWrites(mark, map[string]int{"create Lead": 4, "update Lead": 1})
	if notes := text(b.leadOf(marketplace)["Description"]); notes != "the seller's own words" {
		t.Errorf("the seller's edit became %q", notes)
	}

	mark = b.lastOperation()
	b.sellerShares("Own", 7)
	b.act("convert_lead", map[string]string{"id": text(lead["Id"]), "name": "Qualified", "amount": "4000"})
	b.act("convert_lead", map[string]string{"id": text(b.leadOf(alone)["Id"]), "without_opportunity": "true"})
	b.act("accept_referral", map[string]string{"id": marketplace})
	b.act("decline_referral", map[string]string{"id": declined, "reason": "Not a customer"})
	b.until("the deals", func() []string { return b.unequal([]string{"Qualified", "Marketplace", "Own"}) })
	b.expectWrites(mark, map[string]int{
		"update referral":    1, // the acceptance; the value and the close date go with it
		"update Opportunity": 3, // the converted one: who it is, and what it lacks; the seller's own: who it is
		"create referral":    1,
		"create Opportunity": 1, "create Account": 1, "create Contact": 1, "create OpportunityContactRole": 1, "create Microsoft_Solution__c": 2,
	})
	if row := b.opportunities()["Qualified"][0]; text(row["StageName"]) == onHoldStage || number(row["Amount"]) != "4000" || !strings.Contains(text(row["Audit__c"]), text(lead["Id"])) {
		t.Errorf("the lead's opportunity is %v", row)
	}
	if row := b.opportunities()["Marketplace"][0]; !strings.Contains(text(row["Audit__c"]), "Its lead "+text(b.leadOf(marketplace)["Id"])+" is left as it is.") {
		t.Errorf("the opportunity does not tell of its lead: %s", text(row["Audit__c"]))
	}
	if b.leadOf(marketplace)["IsConverted"] != false || b.leadOf(declined)["IsConverted"] != false {
		t.Error("a lead was changed that should have been left alone")
	}
	if status := b.statusOf(alone); status != "New" {
		t.Errorf("a conversion without an opportunity made the referral %s", status)
	}
	b.untilLogged("CS307")

	mark = b.lastOperation()
	row := b.opportunities()["Qualified"][0]
	b.act("edit_opportunity", map[string]string{"id": text(row["Id"]), "amount": "4500"})
	b.until("an edit of the lead's opportunity", func() []string { return b.unequal([]string{"Qualified"}) })
	b.act("edit_opportunity", map[string]string{"id": text(row["Id"]), "stage": "Closed Won"})
	b.until("the win", func() []string { return b.unequal([]string{"Qualified"}) })
	b.expectWrites(mark, map[string]int{"update referral": 2})
	b.stop()
}

// untilLogged waits until the agent's log holds a text.
func (b *bed) untilLogged(text string) {
	b.t.Helper()
	b.until("the log to say "+text, func() []string {
		if found := contains(b.t, b.log.Name(), map[string]string{text: text}); len(found) == 0 {
			return []string{"it was not logged"}
		}
		return nil
	})
}

// Leads arrive, and are converted, while one request in twenty fails and the agent is killed at counted effects. Each referral has
// exactly one lead and, once that is converted, exactly one opportunity, and is accepted exactly once.
func TestLeadsUnderFaultsAndKills(t *testing.T) {
	t.Parallel()
	const leads, kills = 14, 6
	b := newBed(t, map[string]string{"leads": "true"})
	b.trouble(lab.FaultPlan{Rate: 0.05, Seed: 3, Latency: 10 * time.Millisecond})
	b.start()
	mark := b.lastOperation()
	trap := b.sandbox.Kit().Trap
	killDuring := func(kill int) {
		t.Helper()
		select {
		case <-trap.Hit():
		case <-time.After(*patience):
			t.Fatalf("kill %d: the effect was not reached\n%s", kill, b.tail())
		}
		b.kill()
		trap.Release()
		b.start()
	}
	arm := func(kill int) {
		t.Helper()
		if err := trap.Arm(1+kill%3, []string{"before", "after"}[kill%2]); err != nil {
			t.Fatal(err)
		}
	}
	var names, referrals []string
	for i := range leads {
		if i%4 == 0 && i/4 < kills/2 {
			arm(i / 4)
		}
		names = append(names, fmt.Sprintf("Lead %d", i))
		referrals = append(referrals, b.leadArrives(names[i], i))
		if i%4 == 3 && i/4 < kills/2 {
			killDuring(i / 4)
		}
	}
	b.untilLeads(referrals...)
	b.rest()
	if got := b.agentsWrites(mark); got["create Lead"] != leads || got["update referral"] != 0 {
		t.Errorf("%d leads came by %v", leads, got)
	}

	mark = b.lastOperation()
	for i, id := range referrals {
		if i%4 == 0 && i/4 < kills/2 {
			arm(kills/2 + i/4)
		}
		b.act("convert_lead", map[string]string{"id": text(b.leadOf(id)["Id"]), "name": names[i], "amount": strconv.Itoa(5000 + i)})
		if i%4 == 3 && i/4 < kills/2 {
			killDuring(kills/2 + i/4)
		}
	}
	b.until("the converted leads to be deals", func() []string { return b.unequal(names) })
	b.rest()
	got := b.agentsWrites(mark)
	t.Logf("%d conversions, %d kills: %v", leads, kills, got)
	if got["update referral"] != leads || got["create Opportunity"] != 0 || got["create referral"] != 0 || got["create Lead"] != 0 || got["update Lead"] != 0 {
		t.Errorf("writes of the agent: %v", got)
	}
	for i, id := range referrals {
		if status := b.statusOf(id); status != "Active" {
			t.Errorf("%s is %s", names[i], status)
		}
	}
	b.trouble(lab.FaultPlan{})
	b.stop()
}

// Where only co-sell opportunities are to come, leads stay in Partner Center until that changes, and nothing else is held up.
func TestCoSellOnlyKeepsLeads(t *testing.T) {
	t.Parallel()
	b := newBed(t, map[string]string{"leads": "true", "environment_variables": `{"sync_co_sell_opportunities_only":"Yes"}`})
	b.start()
	mark := b.lastOperation()
	kept := b.leadArrives("Kept", 0)
	b.microsoftSends("Co-sell", 1)
	b.sellerShares("Own", 2)
	b.until("the other deals", func() []string { return b.unequal([]string{"Co-sell", "Own"}) })
	b.untilLogged("CS305")
	b.rest()
	if writes := b.agentsWrites(mark); writes["create Lead"] != 0 || len(b.opportunities()["Kept"]) != 0 {
		t.Fatalf("the lead came all the same: %v", writes)
	}
	b.env = append(b.env, `TF_VAR_environment_variables={"sync_co_sell_opportunities_only":"No","lead_status_name":"Working - Contacted"}`)
	b.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	b.writeDocument()
	b.hangup("took up the new document")
	b.untilLeads(kept)
	if status := text(b.leadOf(kept)["Status"]); status != "Working - Contacted" {
		t.Errorf("the lead's status is %q", status)
	}
	b.stop()
}

// While the flow is off, a conversion is not sent, and the opportunity that came of it is not shared as a deal of its own when its
// seller ticks Sync. Switched on, the flow accepts the lead with that opportunity.
func TestConversionWaitsForItsFlow(t *testing.T) {
	t.Parallel()
	b := newBed(t, map[string]string{"leads": "true", "disabled_flows": `["leads_to_partner_center"]`})
	b.start()
	referral := b.leadArrives("Waiting", 0)
	b.untilLeads(referral)
	b.rest()
	mark := b.lastOperation()
	b.act("convert_lead", map[string]string{"id": text(b.leadOf(referral)["Id"]), "name": "Waiting", "amount": "4000"})
	opportunity := text(b.opportunities()["Waiting"][0]["Id"])
	b.act("add_solution", map[string]string{"opportunity": opportunity, "solution": "SOL-00001-AAA"})
	b.act("edit_opportunity", map[string]string{"id": opportunity, "Sync_with_Partner_Center__c": "true"})
	b.untilLogged("would accept the lead")
	b.expectWrites(mark, map[string]int{})
	b.env = append(b.env, "TF_VAR_disabled_flows=[]")
	b.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	b.writeDocument()
	b.hangup("took up the new document")
	b.until("the conversion", func() []string { return b.unequal([]string{"Waiting"}) })
	b.expectWrites(mark, map[string]int{"update referral": 1, "update Opportunity": 2})
	b.stop()
}

// The status of new leads must be in the organisation's picklist: the plan warns of one that is not, apply fails, and so does the
// agent, before anything is written.
func TestLeadStatusIsChecked(t *testing.T) {
	t.Parallel()
	b := newBed(t, map[string]string{"leads": "true"})
	b.env = append(b.env, `TF_VAR_environment_variables={"lead_status_name":"Fresh"}`)
	const says = "Lead status is not in the organisation"
	if output, err := b.tryTerraform("plan", "-input=false", "-no-color"); err != nil || !strings.Contains(string(output), says) || !strings.Contains(string(output), `"Working - Contacted"`) {
		t.Errorf("the plan says %v\n%s", err, output)
	}
	if _, err := b.tryTerraform("apply", "-auto-approve", "-input=false", "-no-color"); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("apply ended with %v", err)
	}
	good, err := os.ReadFile(b.documentFile())
	if err != nil {
		t.Fatal(err)
	}
	b.expectRefused("a missing status", strings.Replace(string(good), `"status":"Open - Not Contacted"`, `"status":"Fresh"`, 1), "CS412")
	b.expectRefused("a missing field", strings.Replace(string(good), `"lead_referral_key":"Cosell_Referral_Key__c"`, `"lead_referral_key":"Other__c"`, 1), "CS404")
}
