package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
)

// burst lets deals of all kinds begin on both sides at once, two of them of one new customer.
func burst(w *world) {
	w.sellerCreates(true)
	w.sellerCreates(false)
	w.microsoftSends(0)
	w.microsoftSends(0)
	w.rest()
}

// burstEnds expects two deals of the seller's, one of which is shared with Microsoft, and two that Microsoft sent.
func burstEnds(w *world) string {
	if len(w.records) != 4 || len(w.referrals) != 5 {
		return fmt.Sprintf("%d opportunities and %d referrals", len(w.records), len(w.referrals))
	}
	return ""
}

var lossStories = []story{
	{"a seller shares", kindly, func(w *world) { w.shared() }, oneOfEach},
	{"a seller shares and asks for help", coSelling, func(w *world) { w.sellerCreates(true); w.rest() }, coSold},
	{"Microsoft sends", kindly, func(w *world) { w.received() }, oneOfEach},
	{"a burst", coSelling, burst, burstEnds},
	{"both edit", kindly, func(w *world) {
		r, ref := w.shared()
		w.sellerWrites(r)
		w.portalWrites(ref)
		w.rest()
	}, oneOfEach},
}

// tellLoss plays a story in which the agent is killed after one effect and its database is gone.
func tellLoss(seed uint64, s story, at int, m *mutant) *world {
	w := newWorldOf(salesforce, seed, s.world, m)
	w.name, w.losing = s.name, true
	w.script = struckOnce(at, crashAfter)
	s.play(w)
	w.settle(2 * simSettle)
	w.calm()
	if wrong := w.judge(); len(wrong) == 0 && s.want != nil {
		if wrong := s.want(w); wrong != "" {
			w.breaks(9, "%s", wrong)
		}
	}
	return w
}

// The agent is killed and its database is gone, at every single effect of a deal's way to the other side: the first of a co-sell
// deal's two referrals sent and the second not, the opportunity created and not told, a request still on its way. What belongs
// together is found again by the identifiers that both sides carry, and nothing is created twice.
func TestLostStore(t *testing.T) {
	for _, s := range lossStories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			failed, strikes := 0, 0
			for seed := uint64(1); seed <= 3; seed++ {
				for at := 1; failed < 3; at++ {
					w := tellLoss(seed, s, at, nil)
					if w.script.struckAt == 0 {
						break
					}
					at, strikes = w.script.struckAt, strikes+1
					if wrong := w.said(); len(wrong) > 0 {
						failed++
						t.Errorf("seed %d, lost after effect %d: %s\n%s", seed, w.script.struckAt, strings.Join(wrong, "\n  "), w.timeline())
					}
				}
			}
			t.Logf("the database was lost at %d moments", strikes)
		})
	}
}

// What the engine does about a store that is younger than the deals is necessary: without it, a deal is shared twice.
func TestLostStoreNeedsItsBirth(t *testing.T) {
	unborn := &mutant{name: "the store's birth is not known", options: func(_ *world, o *reconcile.Options) { o.Born = time.Time{} }}
	for _, s := range lossStories[:2] {
		for at := 1; ; at++ {
			w := tellLoss(1, s, at, unborn)
			if w.script.struckAt == 0 {
				t.Errorf("%s: no loss makes a duplicate; the check is not needed, or not tried", s.name)
				break
			}
			if at = w.script.struckAt; len(w.said()) > 0 {
				break
			}
		}
	}
}

// A merge that knows nothing of what both sides last agreed on says in the history what it decided.
func TestDecisionsWithoutBaseAreAudited(t *testing.T) {
	w := newWorld(1, kindly)
	r, ref := w.shared()
	w.sellerWrites(r)
	w.portalWrites(ref)
	w.loseStore()
	w.settle(2 * simSettle)
	key, found, err := w.store.Lookup(t.Context(), "crm:"+r.id)
	if err != nil || !found {
		t.Fatalf("the deal of %s: %v, %v", r.id, found, err)
	}
	trail, err := w.store.AuditTrail(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range trail {
		if e.Rule == "no_base" && strings.HasPrefix(e.Detail, "no base: ") {
			said = append(said, e.Field)
		}
	}
	if !slices.Contains(said, deal.Notes) {
		t.Errorf("the history tells decisions without a base about %v, not about the notes, which both sides changed", said)
	}
}
