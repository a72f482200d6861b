package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// TestTroubledDays shows that two days of lost answers, throttling, resets, expired sessions, late and repeated webhooks, and a
// process that is killed again and again, leave every deal on both sides once, and equal, soon after the trouble ends.
func TestTroubledDays(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+numberOr(1); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			onBoth(t, seed, sandbox.Options{}, func(w *world, o organisation) { troubledDays(w, o, t.TempDir()) })
		})
	}
}

func troubledDays(w *world, o organisation, directory string) {
	w.provision(o)
	a := w.newAgent(o, w.document(o, "production"), inSQLite(directory))
	a.receiving()
	a.start()
	w.trouble(lab.FaultPlan{Rate: 0.1, Seed: w.seed}, partnercenter.DeliveryPlan{Duplicate: 0.2, Drop: 0.1, Reorder: 0.3, HoldMS: 90_000, Seed: w.seed})
	staff := &people{w: w, until: w.now().Add(2 * day)}
	staff.employ("Seller", 40*time.Minute, sells(o, 0, true))
	staff.employ("Microsoft", 80*time.Minute, sendsReferrals(0))
	staff.employ("Colleague", 80*time.Minute, worksInThePortal(0))
	cuts := 0
	staff.employ("Power cut", 3*time.Hour, func(p *person) {
		cuts++
		a.kill()
		time.Sleep(time.Duration(p.random.Int64N(int64(20 * time.Minute))))
		a.start()
	})
	staff.group.Wait()
	if faults := w.operations(0, func(op lab.Operation) bool { return op.Fault != "" }); cuts < 5 || len(faults) < 100 {
		w.t.Errorf("%d power cuts and %d faults: the test shows little", cuts, len(faults))
	}
	w.trouble(lab.FaultPlan{}, partnercenter.DeliveryPlan{})
	time.Sleep(3 * time.Hour) // sweeps repair what no webhook announced, and back-offs end
	w.everyDealIsEqual(o, 20)
	quiet := w.mark()
	time.Sleep(6 * time.Hour)
	w.rests(quiet, o)
}

func (w *world) trouble(faults lab.FaultPlan, deliveries partnercenter.DeliveryPlan) {
	w.t.Helper()
	if err := w.sandbox.Kit().Faults.Set(faults); err != nil {
		w.t.Fatal(err)
	}
	if err := w.sandbox.PartnerCenter().SetDeliveryPlan(deliveries); err != nil {
		w.t.Fatal(err)
	}
}
