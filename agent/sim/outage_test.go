package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// outageDeals is how many deals there are on each side, and outageNew how many more begin while one side is down.
const (
	outageDeals = 15
	outageNew   = 5
)

// TestDayWithoutOneSide shows that a side that is down for a whole day costs nothing but the day: people go on working on both
// sides, the side that is down is asked at a low and bounded rate, and when it is back every deal becomes equal without a storm,
// with one write for each edit.
func TestDayWithoutOneSide(t *testing.T) {
	for _, side := range []string{"Partner Center", "CRM"} {
		t.Run(side, func(t *testing.T) {
			onBoth(t, *firstSeed, sandbox.Options{}, func(w *world, o organisation) {
				service := "partner_center"
				if side == "CRM" {
					service = o.crm.vocabulary().service
				}
				dayWithout(w, o, service)
			})
		})
	}
}

func dayWithout(w *world, o organisation, side string) {
	words := o.crm.vocabulary()
	w.provision(o)
	a := w.newAgent(o, w.document(o, "production"), inMemory())
	a.receiving()
	a.start()
	var names []string
	begin := func(n int, name string) {
		for i := range n {
			shared, sent := fmt.Sprintf("Shared %s %d", name, i), fmt.Sprintf("Sent %s %d", name, i)
			o.must(w, "create_opportunity", map[string]string{
				"name": shared, "account": fmt.Sprint("Fabrikam ", i%4), "country": "US", "street": "1 Main Street", "postal_code": "98052", "city": "Redmond",
				"stage": words.active, "amount": "1200", "close_date": "2000-03-31", "solution": "SOL-1-A", "sync": "true",
			})
			w.must("portal_create", map[string]string{"name": sent, "value": "800", "currency": "USD"})
			names = append(names, shared, sent)
		}
	}
	begin(outageDeals, "before")
	time.Sleep(2 * time.Hour)
	if faults := w.unequal(o, names...); len(faults) > 0 {
		w.t.Fatal(faults)
	}
	old := names

	down := w.mark()
	w.trouble(lab.FaultPlan{Rate: 1, Seed: w.seed, Kinds: []string{lab.FaultUnavailable}, Services: []string{side}}, noDeliveryTrouble)
	for i, name := range old {
		time.Sleep(10 * time.Minute)
		if i%2 == 0 {
			o.must(w, "edit_opportunity", map[string]string{"id": w.opportunities(o)[name][0].id, "amount": fmt.Sprint(5000 + i)})
		} else {
			w.must("edit_referral", map[string]string{"id": w.referrals()[name][0].ID, "by": "portal_user", "value": fmt.Sprint(7000 + i)})
		}
	}
	begin(outageNew, "meanwhile")
	time.Sleep(day - time.Duration(len(old))*10*time.Minute)
	isAgents := agentOf(o)
	asked := func(op lab.Operation) bool { return op.Service == side && (isAgents(op) || op.Fault != "") }
	busiest, total := busiestMinute(w.operations(down, asked))
	// Every deal that has news is tried at least every 15 minutes, by full jitter twice as often on average; the polls come on top.
	if most := 3 * (len(names) + 60); busiest > most {
		w.t.Errorf("while it was down, %s was asked %d times in one minute, more than %d", side, busiest, most)
	}
	w.t.Logf("down for a day: asked %d times, %d in the busiest minute", total, busiest)

	back := w.mark()
	w.trouble(lab.FaultPlan{}, noDeliveryTrouble)
	time.Sleep(2 * time.Hour)
	if faults := w.unequal(o, names...); len(faults) > 0 {
		w.t.Errorf("not equal after the day: %v", faults)
	}
	for _, system := range []string{"partner_center", words.service} {
		busiest, total := busiestMinute(w.operations(back, func(op lab.Operation) bool { return op.Service == system && isAgents(op) }))
		// One run over a deal takes no more calls than this, and each deal has a run or two to catch up with.
		if most := 12 * len(names); busiest > most {
			w.t.Errorf("%s was asked %d times in one minute after the return, more than %d", system, busiest, most)
		}
		w.t.Logf("back: %s was asked %d times in an hour and more, %d in the busiest minute", system, total, busiest)
	}
	w.wroteOnce(o, down, len(old)/2, outageNew)
}

// busiestMinute counts requests: all of them, and those of the minute with the most. One request may be several operations.
func busiestMinute(ops []lab.Operation) (busiest, total int) {
	minutes := map[time.Time]int{}
	var last lab.Operation
	for _, op := range ops {
		if op.At.Equal(last.At) && op.Path == last.Path {
			continue
		}
		last = op
		minute := op.At.Truncate(time.Minute)
		minutes[minute]++
		total++
		busiest = max(busiest, minutes[minute])
	}
	return busiest, total
}

// wroteOnce demands one write for each edit and each new deal since a mark, and no more.
func (w *world) wroteOnce(o organisation, since int64, edits, begun int) {
	w.t.Helper()
	isAgents, words := agentOf(o), o.crm.vocabulary()
	wrote := map[string]int{}
	for _, op := range w.operations(since, func(op lab.Operation) bool { return isAgents(op) && op.IsWrite() }) {
		wrote[op.Action+" "+op.Object]++
	}
	for what, want := range map[string]int{
		"update referral": edits, "create referral": begun, "create " + words.opportunity: begun,
		"update " + words.opportunity: edits + begun, // one for each edit in Partner Center, one that tells a new deal its referral
	} {
		if wrote[what] != want {
			w.t.Errorf("%s: %d times, want %d (%v)", what, wrote[what], want, wrote)
		}
	}
}
