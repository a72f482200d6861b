package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// TestQuiet shows two numbers without faults: each edit of a person causes one write on the other side and none on that of the
// edit, and 24 quiet hours cause no write at all.
func TestQuiet(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+numberOr(2); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			onBoth(t, seed, sandbox.Options{}, quiet)
		})
	}
}

func quiet(w *world, o organisation) {
	w.provision(o)
	a := w.newAgent(o, w.document(o, "production"), inMemory())
	a.receiving()
	a.start()
	time.Sleep(time.Minute)
	h := &history{w: w, o: o, words: o.crm.vocabulary(), a: a, reached: map[string]bool{}, closeDown: make(chan struct{})}
	for n, kind := range []string{private, partnerLed, coSell, received, portalCoSell, portalHidden} {
		p := &played{h: h, number: n + 1, kind: kind, random: w.stream(kind), told: map[string][]told{}}
		p.secret = fmt.Sprintf("zq%d", n+1)
		p.name = fmt.Sprintf("Deal %d %s", n+1, p.secret)
		h.deals = append(h.deals, p)
		p.make()
	}
	h.rests()
	for _, p := range h.deals {
		if row, _ := p.row(); row.stage == h.words.onHold {
			o.must(w, "edit_opportunity", map[string]string{"id": row.id, "stage": h.words.active})
		}
	}
	h.rests()
	edits, writes := 0, 0
	for _, p := range h.deals {
		row, _ := p.row()
		r, _ := p.shared()
		for _, act := range []struct {
			name, side string // the side that the edit is to reach
			parameters map[string]string
		}{
			{"edit_opportunity", "partner_center", map[string]string{"id": row.id, "amount": p.amount()}},
			{"edit_opportunity", "partner_center", map[string]string{"id": row.id, "description": p.words(), "close_date": p.date()}},
			{"add_solution", "partner_center", map[string]string{"opportunity": row.id, "solution": "SOL-9-TYPED"}},
			{"edit_referral", h.words.service, map[string]string{"id": r.ID, "by": "portal_user", "value": p.amount()}},
			{"edit_referral", h.words.service, map[string]string{"id": r.ID, "by": "portal_user", "notes": p.words()}},
			{"edit_opportunity", "partner_center", map[string]string{"id": row.id, "stage": h.words.won}},
		} {
			before := w.mark()
			o.must(w, act.name, act.parameters)
			h.rests()
			there, back := h.requests(before, act.side)
			if there != 1 || back > 0 {
				w.t.Errorf("%s %v of deal %d (%s) caused %d writes on the other side and %d on its own", act.name, act.parameters, p.number, p.kind, there, back)
			}
			edits, writes = edits+1, writes+there
		}
	}
	quiet := w.mark()
	time.Sleep(day)
	w.rests(quiet, o)
	w.t.Logf("%d edits caused %d writes on the other side; 24 quiet hours caused none, and %d readings", edits, writes,
		len(w.operations(quiet, agentOf(o))))
}

// rests lets time pass until everything must be at rest.
func (h *history) rests() { time.Sleep(40 * time.Minute) }

// requests counts the agent's writing requests to a side since a mark, and those to the other side. A request that writes several
// rows counts once.
func (h *history) requests(since int64, side string) (there, back int) {
	isAgents := agentOf(h.o)
	var last lab.Operation
	for _, op := range h.w.operations(since, func(op lab.Operation) bool { return isAgents(op) && op.IsWrite() }) {
		same := op.Service == last.Service && op.At.Equal(last.At)
		last = op
		switch {
		case same:
		case op.Service == side:
			there++
		default:
			back++
		}
	}
	return there, back
}
