package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// TestADealEachWay shows the whole agent in virtual time: a seller's deal and one of Microsoft's reach the other side, a
// process that is killed between a referral's creation and the answer is replaced, and everything arrives all the same, once.
func TestADealEachWay(t *testing.T) {
	for name, kept := range map[string]func(t *testing.T) storage{
		"memory": func(*testing.T) storage { return inMemory() },
		"sqlite": func(t *testing.T) storage { return inSQLite(t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, 1, sandbox.Options{}, func(w *world, o organisation) {
				w.provision(o)
				a := w.newAgent(o, w.document(o, "production"), kept(t))
				a.receiving()
				a.start()
				share := func(name string) {
					o.must(w, "create_opportunity", map[string]string{
						"name": name, "account": "Fabrikam", "country": "US", "street": "1 Main Street", "postal_code": "98052", "city": "Redmond",
						"stage": o.crm.vocabulary().active, "amount": "1200", "close_date": "2000-03-31", "solution": "SOL-1-A", "sync": "true",
					})
				}
				send := func(name string) { w.must("send_referral", map[string]string{"name": name, "value": "800"}) }
				share("Shared")
				send("Sent")
				w.until("the deals of both sides", func() []string { return w.unequal(o, "Shared", "Sent") })
				trap := w.sandbox.Kit().Trap
				if err := trap.Arm(1, lab.TrapAfter); err != nil {
					w.t.Fatal(err)
				}
				share("Shared, then killed")
				<-trap.Hit() // the referral is there, and the agent does not know it
				a.kill()
				trap.Release()
				send("Sent while nobody listens")
				time.Sleep(time.Hour)
				a.start()
				w.until("the deals of both lives", func() []string {
					return w.unequal(o, "Shared", "Sent", "Shared, then killed", "Sent while nobody listens")
				})
				a.stop()
			})
		})
	}
}

// TestADealThatWasDeletedMeanwhile shows that an opportunity that a person deletes, while the process that created it is dead and never
// learned that it did, is not created once more: the deal is detached, and nothing is written to Partner Center.
func TestADealThatWasDeletedMeanwhile(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		a := w.newAgent(o, w.document(o, "production"), inMemory())
		a.receiving()
		a.start()
		trap := w.sandbox.Kit().Trap
		if err := trap.Arm(1, lab.TrapAfter); err != nil {
			w.t.Fatal(err)
		}
		w.must("send_referral", map[string]string{"name": "Sent", "value": "800"})
		<-trap.Hit() // the opportunity is there, and the agent does not know it
		a.kill()
		trap.Release()
		w.must("delete_opportunity", map[string]string{"id": w.opportunities(o)["Sent"][0].id})
		time.Sleep(time.Hour)
		mark := w.mark()
		a.start()
		time.Sleep(time.Hour)
		if rows := w.opportunities(o)["Sent"]; len(rows) > 0 {
			w.t.Errorf("it was created once more: %v", rows)
		}
		for _, op := range w.operations(mark, agentOf(o)) {
			if op.IsWrite() {
				w.t.Errorf("the agent wrote %+v", op)
			}
		}
		a.stop()
	})
}

// unequal tells what is not equal of the deals of these names: one record on each side, with the same values.
func (w *world) unequal(o organisation, names ...string) []string {
	rows, referrals, sold := w.opportunities(o), w.referrals(), o.crm.sold()
	var faults []string
	for _, name := range names {
		if len(rows[name]) != 1 || len(referrals[name]) != 1 {
			faults = append(faults, fmt.Sprintf("%s: %d opportunities and %d referrals", name, len(rows[name]), len(referrals[name])))
			continue
		}
		faults = append(faults, differences(name, o.crm.vocabulary(), rows[name][0], sold[rows[name][0].id], referrals[name][0])...)
	}
	return faults
}

// opportunities gives an organisation's opportunities by deal name, without the mark that the agent puts before it.
func (w *world) opportunities(o organisation) map[string][]opportunity {
	byName := map[string][]opportunity{}
	for _, row := range o.crm.opportunities() {
		byName[row.dealName()] = append(byName[row.dealName()], row)
	}
	return byName
}

func dealName(row map[string]any) string { return unmarked(text(row["Name"])) }

func unmarked(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "✔ "), "✗ ")
}
