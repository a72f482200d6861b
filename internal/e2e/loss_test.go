package e2e_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

var losses = flag.Int("losses", 5, "how often the database is lost while deals are under way")

// loseDatabase removes the agent's database as if its disk were gone.
func (b *bed) loseDatabase() {
	b.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(b.databaseFile() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.t.Fatal(err)
		}
	}
}

// The agent is killed and its database vanishes, again and again, in the middle of a burst of deals of all kinds: with the first of
// a co-sell deal's two referrals sent and the second not, with opportunities created and referrals not told. Every link is rebuilt
// from the identifiers that both sides carry, and nothing is created twice.
func TestLosesItsDatabaseUnderLoad(t *testing.T) {
	t.Parallel()
	n := min(*dealsOnEachSide, 21)
	b := newBed(t, nil)
	b.trouble(lab.FaultPlan{Rate: 0.05, Seed: 3, Latency: 10 * time.Millisecond})
	b.start()
	mark := b.lastOperation()
	_, _, names := b.beginDeals(n)
	trap := b.sandbox.Kit().Trap
	for loss := range *losses {
		if err := trap.Arm(2+3*(loss%4), []string{"before", "after"}[loss%2]); err != nil {
			t.Fatal(err)
		}
		select {
		case <-trap.Hit():
		case <-time.After(*patience):
			t.Fatalf("loss %d: the effect was not reached\n%s", loss, b.tail())
		}
		b.kill()
		trap.Release()
		b.loseDatabase()
		b.start()
	}
	b.until("all deals to be equal after the losses", func() []string { return b.unequal(names) })
	b.rest()
	got := b.agentsWrites(mark)
	t.Logf("%d deals on each side, %d losses: %v", n, *losses, got)
	delete(got, "update Opportunity") // what a lost agent wrote last, the next one may write again
	delete(got, "update referral")
	if diff := cmp.Diff(createsOf(n), got); diff != "" {
		t.Errorf("creates of the agent (-want +got)\n%s", diff)
	}
	b.trouble(lab.FaultPlan{})
	b.stop()
}
