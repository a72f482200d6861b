package sim

import (
	"slices"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

var noDeliveryTrouble = partnercenter.DeliveryPlan{}

// kinds of faults. A phase of trouble has some of them, or all.
var kinds = []string{
	lab.FaultUnavailable, lab.FaultThrottled, lab.FaultReset, lab.FaultLostResponse, lab.FaultExpiredSession, lab.FaultRowLock,
}

// wait lets time pass, and says false when the troubled part of the history is over meanwhile.
func (h *history) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.closeDown:
		return false
	}
}

// makeTrouble has phases of faults and of late webhooks, with calm between them. One history in ten is calm all the time.
func (h *history) makeTrouble() {
	random := h.w.stream("trouble")
	if h.w.seed%10 == 7 {
		return
	}
	for h.wait(time.Duration(random.Int64N(int64(15 * time.Minute)))) {
		plan := lab.FaultPlan{Rate: []float64{0.05, 0.15, 0.4}[random.IntN(3)], Seed: random.Uint64()}
		if random.IntN(3) == 0 {
			plan.Kinds = slices.Clone(kinds)
			random.Shuffle(len(plan.Kinds), func(i, j int) { plan.Kinds[i], plan.Kinds[j] = plan.Kinds[j], plan.Kinds[i] })
			plan.Kinds = plan.Kinds[:1+random.IntN(2)]
		}
		if random.IntN(5) == 0 {
			plan.Services = []string{[]string{"partner_center", h.words.service, "entra"}[random.IntN(3)]}
		}
		if random.IntN(4) == 0 {
			plan.Latency = time.Duration(random.Int64N(int64(8 * time.Second)))
		}
		deliveries := partnercenter.DeliveryPlan{Seed: random.Uint64()}
		for _, share := range []*float64{&deliveries.Duplicate, &deliveries.Drop, &deliveries.Reorder} {
			if random.IntN(2) == 0 {
				*share = random.Float64() / 2
			}
		}
		deliveries.HoldMS = 1 + random.IntN(5*60*1000)
		h.w.trouble(plan, deliveries)
		h.note("trouble begins: %+v, webhooks %+v", plan, deliveries)
		if !h.wait(time.Minute + time.Duration(random.Int64N(int64(25*time.Minute)))) {
			return
		}
		h.w.trouble(lab.FaultPlan{}, noDeliveryTrouble)
		h.note("trouble ends")
	}
}

// kills ends the process at counted writes, before or after they are carried out, and starts the next one after a while.
func (h *history) kills() {
	random := h.w.stream("kills")
	trap := h.w.sandbox.Kit().Trap
	for range random.IntN(4) {
		when := []string{lab.TrapBefore, lab.TrapAfter}[random.IntN(2)]
		number := 1 + random.IntN(8)
		if err := trap.Arm(number, when); err != nil {
			h.w.t.Error(err)
			return
		}
		select {
		case <-trap.Hit():
		case <-h.closeDown:
			trap.Release()
			return
		}
		// A moment passes before and after the kill, so that what the write set off at this very instant, such as a webhook, finds
		// the process alive, and the service has seen the caller go when the write is let go: else whoever runs first decides.
		time.Sleep(time.Nanosecond)
		h.note("the process is killed %s write %d", when, number)
		h.strike("killed " + when + " a write")
		h.a.kill()
		if h.damage != nil && h.file != "" {
			h.damage(h.file)
		}
		h.whole()
		time.Sleep(time.Nanosecond)
		trap.Release()
		h.reach("I26")
		time.Sleep(time.Duration(random.Int64N(int64(10 * time.Minute))))
		h.a.start()
		h.note("the next process starts")
		if !h.wait(time.Duration(random.Int64N(int64(10 * time.Minute)))) {
			return
		}
	}
}

// strike notes that something happened that is no fault of a plan.
func (h *history) strike(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.struck = append(h.struck, what)
}

// troubleOfItsOwn lets happen what only this CRM knows, with calm between.
func (h *history) troubleOfItsOwn() {
	random := h.w.stream("trouble of its own")
	for h.wait(time.Duration(random.Int64N(int64(40 * time.Minute)))) {
		what, mend := h.o.crm.suffers(random)
		if what == "" {
			return
		}
		h.strike(what)
		h.note("%s", what)
		h.wait(time.Minute + time.Duration(random.Int64N(int64(15*time.Minute))))
		mend()
	}
}

// wrongClock lets the agent's clock be wrong in some histories, by less than what keeps it from writing.
func (h *history) wrongClock() {
	random := h.w.stream("clock")
	if random.IntN(4) > 0 || !h.wait(time.Duration(random.Int64N(int64(time.Hour)))) {
		return
	}
	apart := time.Duration(random.Int64N(int64(100*time.Second))) - 50*time.Second
	h.a.skew.Store(int64(apart))
	h.strike("a clock that is wrong")
	h.note("the agent's clock is wrong by %v", apart)
	h.wait(time.Duration(random.Int64N(int64(40 * time.Minute))))
	h.a.skew.Store(0)
	h.note("the agent's clock is right")
}

// toPartnerCenter are the flows that lead to writes in Partner Center.
var toPartnerCenter = []string{
	document.FlowCreateReferral, document.FlowCRMToPartnerCenter, document.FlowOpportunityToPartnerCenter, document.FlowSolutionsToPartnerCenter,
}

// reloads gives the agent another document at times: with all flows to Partner Center off for a while, or the same once more.
func (h *history) reloads() {
	random := h.w.stream("reloads")
	if random.IntN(3) > 0 || !h.wait(time.Duration(random.Int64N(int64(70*time.Minute)))) {
		return
	}
	off := random.IntN(3) > 0
	before := h.a.documentInForce()
	next := before
	next.Connector.Revision++
	if off {
		next.Flows = slices.Clone(before.Flows)
		for i := range next.Flows {
			next.Flows[i].Enabled = next.Flows[i].Enabled && !slices.Contains(toPartnerCenter, next.Flows[i].Name)
		}
	}
	h.a.reload(next)
	h.note("a new document, flows to Partner Center off: %v", off)
	if off {
		h.mu.Lock()
		h.quietFlows = append(h.quietFlows, span{from: h.w.now().Add(underWay)})
		h.mu.Unlock()
		h.reach("I34")
	}
	h.wait(time.Duration(random.Int64N(int64(30 * time.Minute))))
	h.mu.Lock()
	for i := range h.quietFlows {
		h.quietFlows[i].to = h.w.now()
	}
	h.mu.Unlock()
	before.Connector.Revision += 2
	h.a.reload(before)
	h.note("the old document is back")
}

// underWay is how long deals that are under way may take when a new document comes: they are finished first.
const underWay = time.Minute

// lastWords lets people do what makes the end worth comparing: sellers answer most of what still waits, and switch Sync on again.
func (h *history) lastWords() {
	random := h.w.stream("last words")
	for _, p := range h.deals {
		row, found := p.row()
		if !found || row.closed() && h.words.seals {
			continue
		}
		change := map[string]string{"id": row.id}
		if row.stage == h.words.onHold && random.IntN(5) > 0 {
			change["stage"] = h.words.active
		}
		if !row.sync && p.kind != unshared && random.IntN(3) > 0 {
			change["sync"] = "true"
		}
		if len(change) > 1 {
			p.say("crm", &row, nil, change)
			p.do("edit_opportunity", change)
		}
	}
}
