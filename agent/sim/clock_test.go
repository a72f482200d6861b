package sim

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

// An agent whose clock is far from the remote systems' goes on reading, writes nothing, and says which deals wait for it; what waited
// is carried out once the clock agrees again.
func TestAWrongClockWritesNothing(t *testing.T) {
	for _, skew := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			inWorld(t, 1, sandbox.Options{}, func(w *world) {
				o := w.production()
				w.provision(o)
				d := w.document(o, "production")
				d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
				a := w.newAgent(o, d, inMemory())
				a.start()
				defer a.stop()
				id := w.share("Shared", "Web")
				w.until("the deal", func() []string { return w.unequal(o, "Shared") })
				a.skew.Store(int64(skew))
				time.Sleep(time.Minute)
				mark := w.mark()
				w.must("edit_opportunity", map[string]string{"id": id, "Amount": "4300"})
				w.must("send_referral", map[string]string{"name": "Sent", "value": "800"})
				time.Sleep(20 * time.Minute)
				reads := 0
				for _, op := range w.operations(mark, agentOf(o)) {
					if op.IsWrite() {
						w.t.Errorf("the agent wrote %+v", op)
					}
					reads++
				}
				problems, err := a.life.store.Problems(context.Background(), 10)
				if err != nil || reads == 0 {
					w.t.Fatalf("%d reads, %v", reads, err)
				}
				waiting := 0
				for _, p := range problems {
					if p.Code == string(problem.ClockWrong) {
						waiting++
					}
				}
				if waiting != 2 {
					w.t.Errorf("%d deals wait for the clock: %+v", waiting, problems)
				}
				a.skew.Store(0)
				w.until("what waited", func() []string {
					missing := w.unequal(o, "Shared", "Sent")
					if got := fmt.Sprint(w.referrals()["Shared"][0].Details.DealValue); got != "4300" {
						missing = append(missing, got)
					}
					return missing
				})
			})
		})
	}
}

// An agent whose clock is a day ahead when it begins for the first time does as any other once the clock is right: where its looking at
// Partner Center begins, and since when its store exists, are kept for good, and are therefore noted by the remote systems' clocks.
func TestAWrongClockAtTheFirstStart(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		d := w.document(o, "production")
		d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
		a := w.newAgent(o, d, inMemory())
		w.share("Shared", "Web") // older than the store: it waits until an earlier agent's request would have arrived
		a.skew.Store(int64(24 * time.Hour))
		a.start()
		defer a.stop()
		time.Sleep(2 * time.Minute)
		w.must("send_referral", map[string]string{"name": "Sent meanwhile", "value": "800"})
		time.Sleep(2 * time.Minute)
		a.skew.Store(0)
		w.must("send_referral", map[string]string{"name": "Sent", "value": "900"})
		w.until("all three", func() []string { return w.unequal(o, "Shared", "Sent meanwhile", "Sent") })
	})
}
