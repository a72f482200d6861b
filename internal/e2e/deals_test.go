package e2e_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

var (
	dealsOnEachSide = flag.Int("deals", 51, "deals that begin on each side at once")
	killsUnderLoad  = flag.Int("kills", 12, "kills while these deals are under way")
)

const (
	customers = 7
	// receivedName begins the names of deals that begin in Partner Center. Those that a colleague enters there name no record.
	receivedName = "Received deal"
)

func sellersDeal(i int) string    { return fmt.Sprintf("Seller's deal %d", i) }
func receivedDeal(i int) string   { return fmt.Sprintf("%s %d", receivedName, i) }
func kindsOf(n, kind int) int     { return (n + 2 - kind) / 3 }
func partnersOwn(i int) bool      { return i%3 > 0 }
func microsoftsDeal(i int) string { return fmt.Sprintf("Microsoft's deal %d", i) }

// sellerShares begins a private deal.
func (b *bed) sellerShares(name string, i int) string { return b.sellerSharesKind(name, i, 0) }

// sellerSharesKind begins a deal: private (0), visible to Microsoft (1), or co-sell (2).
func (b *bed) sellerSharesKind(name string, i, kind int) string {
	parameters := map[string]string{
		"name": name, "stage": "Qualification", "amount": strconv.Itoa(1000 + i), "close_date": "2027-03-31", "description": "notes of " + name,
		"account": fmt.Sprintf("Fabrikam %d", i%customers), "country": "Norway", "street": "1 Main St", "city": "Oslo", "postal_code": "0150",
		"solution": "SOL-10001-AAA", "Sync_with_Partner_Center__c": "true",
	}
	switch kind {
	case 1:
		parameters["Referral_Visible_to_Microsoft__c"] = "true"
	case 2:
		maps.Copy(parameters, customerContact)
		parameters["How_can_Microsoft_help__c"] = helpValue
	}
	return b.act("create_opportunity", parameters)
}

func (b *bed) microsoftSends(name string, i int) string { return b.arrives(name, i, 0) }

// arrives begins a deal in Partner Center: one that Microsoft sends (0), or one that a colleague enters in the portal, private (1) or
// visible to Microsoft (2).
func (b *bed) arrives(name string, i, kind int) string {
	parameters := map[string]string{
		"name": name, "value": strconv.Itoa(2000 + i), "currency": "USD", "close_date": "2027-06-30", "notes": "notes of " + name,
		"customer": fmt.Sprintf("Contoso %d", i%customers), "address_line1": "2 Main St", "city": "Bergen", "postal_code": "5003", "country": "NO",
		"contact_first_name": "First", "contact_last_name": "Last", "contact_phone": "+47 1", "contact_email": fmt.Sprintf("buyer%d@example.com", i%customers),
	}
	act := "send_referral"
	if kind > 0 {
		act, parameters["kind"] = "portal_create", []string{"", "private", "partner_led"}[kind]
	}
	return b.act(act, parameters)
}

// beginDeals lets deals of all kinds begin on both sides at once.
func (b *bed) beginDeals(n int) (shared, received, names []string) {
	for i := range n {
		shared = append(shared, b.sellerSharesKind(sellersDeal(i), i, i%3))
		received = append(received, b.arrives(receivedDeal(i), i, i%3))
		names = append(names, sellersDeal(i), receivedDeal(i))
	}
	return shared, received, names
}

// createsOf is what so many deals of all kinds cost in creates.
func createsOf(n int) map[string]int {
	return map[string]int{
		"create referral":    n + kindsOf(n, 2), // share: one create in Partner Center, two for a co-sell deal …
		"create Opportunity": n,                 // receive: one create in Salesforce …
		"create Account":     customers,

		"create Microsoft_Solution__c":  n, // … in the opportunity's own call
		"create Contact":                customers,
		"create OpportunityContactRole": n,
	}
}

// Deals of all kinds begin on each side at once, at 50 ms latency and with one request in twenty failing in some way. They end equal
// in every mapped field, and each path costs exactly the writes that are stated here: nothing is created twice, nothing is
// written twice, and nothing echoes.
func TestDealsBecomeEqualUnderFaults(t *testing.T) {
	t.Parallel()
	n := *dealsOnEachSide
	b := newBed(t, nil)
	b.start()
	b.trouble(lab.FaultPlan{Rate: 0.05, Seed: 1, Latency: 50 * time.Millisecond})
	mark := b.lastOperation()
	shared, received, names := b.beginDeals(n)
	b.until("all deals to be equal", func() []string { return b.unequal(names) })
	want := createsOf(n)
	want["update Opportunity"] = n // share: one update that tells the opportunity its referral; receive: none in Partner Center
	b.expectWrites(mark, want)

	mark = b.lastOperation()
	for i, id := range shared {
		b.act("edit_opportunity", map[string]string{"id": id, "amount": strconv.Itoa(5000 + i), "close_date": "2027-04-30", "description": "edited by the seller"})
	}
	for i, id := range received {
		b.act("edit_referral", map[string]string{"id": id, "value": strconv.Itoa(7000 + i), "notes": "edited in Partner Center", "by": "portal_user"})
	}
	b.until("the edits to be equal", func() []string { return b.unequal(names) })
	b.expectWrites(mark, map[string]int{
		"update referral":    n, // an edit of the seller: one patch
		"update Opportunity": n, // an edit in Partner Center: one update
	})

	mark = b.lastOperation()
	waiting := map[string]string{} // referral by name
	for i, id := range received {
		if !partnersOwn(i) {
			row := b.opportunities()[receivedDeal(i)][0]
			b.act("edit_opportunity", map[string]string{"id": text(row["Id"]), "stage": "Qualification"})
			waiting[receivedDeal(i)] = id
		}
	}
	b.until("the deals to be accepted", func() []string {
		var open []string
		for name, id := range waiting {
			if referral, err := b.sandbox.PartnerCenter().Referral(id); err != nil || referral.Status != "Active" {
				open = append(open, name)
			}
		}
		return append(open, b.unequal(names)...)
	})
	b.expectWrites(mark, map[string]int{"update referral": kindsOf(n, 0)}) // leaving on-hold: one patch accepts
	b.trouble(lab.FaultPlan{})
	b.stop()
	b.expectFaults(20)
}

// The agent is killed again and again while deals of all kinds are under way on both sides, one request in twenty fails, and up to
// two hundred deals are worked on at once. Everything is created exactly as often as without a kill, and every deal ends equal.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	n, kills := *dealsOnEachSide, *killsUnderLoad
	b := newBed(t, nil)
	b.trouble(lab.FaultPlan{Rate: 0.05, Seed: 2, Latency: 10 * time.Millisecond})
	b.start()
	mark := b.lastOperation()
	_, _, names := b.beginDeals(n)
	trap := b.sandbox.Kit().Trap
	open := 0 // updates that were under way at a kill, each of which may be made again
	for kill := range kills {
		if err := trap.Arm(1+kill%7, []string{"before", "after"}[kill%2]); err != nil {
			t.Fatal(err)
		}
		select {
		case <-trap.Hit():
		case <-time.After(*patience):
			t.Fatalf("kill %d: the effect was not reached\n%s", kill, b.tail())
		}
		b.kill()
		open += b.openIntents("update_opportunity")
		trap.Release()
		b.start()
	}
	b.until("all deals to be equal after the kills", func() []string { return b.unequal(names) })
	b.until("Microsoft to have its referral of every co-sell deal", func() []string { // which its fields do not tell
		if made, want := b.agentsWrites(mark)["create referral"], createsOf(n)["create referral"]; made < want {
			return []string{fmt.Sprintf("%d of %d referrals were created", made, want)}
		}
		return nil
	})
	b.rest()
	got := b.agentsWrites(mark)
	if updates := got["update Opportunity"]; updates < n || updates > n+open {
		t.Errorf("%d opportunities were updated for %d shares, and %d updates were under way at the %d kills", updates, n, open, kills)
	}
	t.Logf("%d deals on each side, %d kills: %d updates for %d shares, %d were under way at the kills", n, kills, got["update Opportunity"], n, open)
	delete(got, "update Opportunity")
	if diff := cmp.Diff(createsOf(n), got); diff != "" {
		t.Errorf("writes of the agent (-want +got)\n%s", diff)
	}
	b.trouble(lab.FaultPlan{})
	b.stop()
}

// expectFaults makes sure that the world was as unkind as the test says.
func (b *bed) expectFaults(least int) {
	b.t.Helper()
	kinds := map[string]int{}
	total := 0
	for _, operation := range b.sandbox.Kit().Log.Since(0) {
		if operation.Fault != "" {
			kinds[operation.Fault]++
			total++
		}
	}
	b.t.Logf("faults injected: %v", kinds)
	if total < least {
		b.t.Errorf("only %d requests failed: %v", total, kinds)
	}
}

// expectWrites compares the agent's writes since a mark with what each path costs, after the agent has had the time for two
// more polls to show that it has nothing left to do.
func (b *bed) expectWrites(mark int64, want map[string]int) {
	b.t.Helper()
	b.rest()
	if diff := cmp.Diff(want, b.agentsWrites(mark)); diff != "" {
		b.t.Errorf("writes of the agent (-want +got)\n%s", diff)
	}
}

// rest waits until the agent has polled several times since its last write.
func (b *bed) rest() {
	b.t.Helper()
	const polls = 12
	b.until("the agent to rest", func() []string {
		quiet := 0
		operations := b.sandbox.Kit().Log.Since(0)
		for _, operation := range slices.Backward(operations) {
			if operation.IsWrite() && operation.Service != "entra" {
				break
			}
			if operation.Action == "read" && operation.Object == "Opportunity" {
				quiet++
			}
		}
		if quiet < polls {
			return []string{fmt.Sprintf("%d of %d polls", quiet, polls)}
		}
		return nil
	})
}

// The agent is killed at counted effects: at every kill one write is either about to be applied or applied without an answer.
// Whatever it was, the restarted agent creates nothing twice, carries every edit over, and repeats at most the update that was
// open.
func TestKilledAtCountedEffects(t *testing.T) {
	t.Parallel()
	const kills = 24
	b := newBed(t, nil)
	b.trouble(lab.FaultPlan{Latency: 5 * time.Millisecond})
	b.start()
	trap := b.sandbox.Kit().Trap
	var names []string
	want, edits := map[string]int{}, map[string]string{}
	mark := b.lastOperation()
	for kill := range kills {
		when := []string{"before", "after"}[kill%2]
		if err := trap.Arm(1+kill%3, when); err != nil {
			t.Fatal(err)
		}
		hit := trap.Hit()
		shared, received := sellersDeal(kill), microsoftsDeal(kill)
		b.sellerShares(shared, kill)
		b.microsoftSends(received, kill)
		names = append(names, shared, received)
		if kill > 0 {
			b.editBoth(kill-1, want, edits)
		}
		select {
		case <-hit:
		case <-time.After(*patience):
			t.Fatalf("kill %d: the effect was not reached\n%s", kill, b.tail())
		}
		b.kill()
		trap.Release()
		b.start()
	}
	b.until("all deals to be equal after the kills", func() []string { return b.unequal(names) })
	b.rest()
	for name, notes := range edits {
		if got := text(b.opportunities()[name][0]["Description"]); got != notes {
			t.Errorf("%s: the edit %q was lost, both sides hold %q", name, notes, got)
		}
	}
	if len(edits) < kills {
		t.Errorf("only %d edits were made", len(edits))
	}
	want["create referral"], want["create Opportunity"], want["create Account"], want["create Microsoft_Solution__c"] = kills, kills, customers, kills
	want["create Contact"], want["create OpportunityContactRole"] = customers, kills
	want["update Opportunity"] += kills
	got := b.agentsWrites(mark)
	for _, what := range slices.Sorted(maps.Keys(want)) {
		most := want[what]
		if what == "update Opportunity" || what == "update referral" {
			most += kills // at most the one update that was open at each kill is repeated
		}
		if got[what] < want[what] && what[:6] == "create" || got[what] > most {
			t.Errorf("%s: %d times, expected %d to %d", what, got[what], want[what], most)
		}
		delete(got, what)
	}
	if len(got) > 0 {
		t.Errorf("unexpected writes: %v", got)
	}
	b.stop()
}

// editBoth lets both sides edit the deals of an earlier round, if they have arrived.
func (b *bed) editBoth(i int, want map[string]int, edits map[string]string) {
	if rows := b.opportunities()[sellersDeal(i)]; len(rows) == 1 {
		edits[sellersDeal(i)] = fmt.Sprintf("seller's edit %d", i)
		b.act("edit_opportunity", map[string]string{"id": text(rows[0]["Id"]), "description": edits[sellersDeal(i)]})
		want["update referral"]++
	}
	if referrals := b.referrals()[microsoftsDeal(i)]; len(referrals) == 1 {
		edits[microsoftsDeal(i)] = fmt.Sprintf("Microsoft's edit %d", i)
		b.act("edit_referral", map[string]string{"id": text(referrals[0]["id"]), "notes": edits[microsoftsDeal(i)]})
		want["update Opportunity"]++
	}
}
