package sim

import (
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

// TestOneSeedIsOneHistory shows that a seed determines everything that happens, so that a history that failed can be played
// again: three days of people's work, with the agent killed in between.
func TestOneSeedIsOneHistory(t *testing.T) {
	traces := map[string][][]string{}
	for range 2 {
		onBoth(t, 7, sandbox.Options{}, func(w *world, o organisation) {
			w.provision(o)
			a := w.newAgent(o, w.document(o, "production"), inMemory())
			a.receiving()
			a.start()
			staff := &people{w: w, until: w.now().Add(3 * day)}
			staff.employ("Seller", time.Hour, sells(o, 0, true))
			staff.employ("Microsoft", 2*time.Hour, sendsReferrals(0))
			staff.employ("Colleague", 2*time.Hour, worksInThePortal(0))
			time.Sleep(day)
			a.kill()
			time.Sleep(time.Hour)
			a.start()
			staff.group.Wait()
			a.stop()
			product := o.crm.vocabulary().product
			traces[product] = append(traces[product], w.traced())
		})
	}
	for product, both := range traces {
		if differs := difference(both[0], both[1]); differs != "" {
			t.Errorf("two histories of one seed differ on %s: %s", product, differs)
		}
	}
}
