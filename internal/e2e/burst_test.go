package e2e_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// What a burst of deals costs in remote calls, by kind, and how long it takes at 50 ms latency, the sandbox on the same machine:
// new deals of each direction, edits of either side, and records that were touched and hold what they held before. Then what one
// lonely change takes from the person's act to the write on the other side.
//
//	go test ./internal/e2e -run '^$' -bench Burst -benchtime 1x
func BenchmarkBurst(b *testing.B) {
	for _, n := range []int{200, 1000} {
		b.Run(fmt.Sprintf("%d deals", n), func(tb *testing.B) {
			for range tb.N {
				burst(tb, n)
			}
		})
	}
}

func burst(tb *testing.B, n int) {
	b := newBed(tb, nil)
	b.trouble(lab.FaultPlan{Latency: 50 * time.Millisecond})
	b.start()
	b.awaitOperations("the agent to poll", b.lastOperation(), 2, func(o lab.Operation) bool { return o.Action == "read" && o.Object == "Opportunity" })
	var shared, received []string
	amount := 10000
	edit := func(id, value string) { b.act("edit_opportunity", map[string]string{"id": id, "amount": value}) }
	steps := []struct {
		name, action, object string
		begin                func(i int)
	}{
		{"new in the CRM", "create", "referral", func(i int) { shared = append(shared, b.burstShares(i)) }},
		{"new in Partner Center", "create", "Opportunity", func(i int) { received = append(received, b.burstArrives(i)) }},
		{"changed in the CRM", "update", "referral", func(i int) { edit(shared[i], strconv.Itoa(amount+i)) }},
		{"changed in Partner Center", "update", "Opportunity", func(i int) {
			b.act("edit_referral", map[string]string{"id": received[i], "value": strconv.Itoa(amount + i), "by": "portal_user"})
		}},
		{"unchanged in the CRM", "", "", func(i int) { edit(shared[i], strconv.Itoa(amount+i)) }},
	}
	for _, step := range steps {
		mark := b.lastOperation()
		fromCRM := strings.HasSuffix(step.name, "CRM")
		if fromCRM { // so that all of it is due at once
			b.signal(syscall.SIGSTOP)
		}
		for i := range n {
			step.begin(i)
		}
		if fromCRM {
			b.signal(syscall.SIGCONT)
		}
		if step.action != "" {
			b.awaitOperations(step.name, mark, n, func(o lab.Operation) bool {
				return o.IsWrite() && byAgent(o) && o.Action == step.action && o.Object == step.object
			})
		}
		b.rest()
		b.tell(tb, step.name, b.sandbox.Kit().Log.Since(mark), n)
	}
	b.lonely(tb, "lonely edit in Partner Center", "Opportunity", func(i int) string {
		b.act("edit_referral", map[string]string{"id": received[i], "value": strconv.Itoa(50000 + i), "by": "portal_user"})
		return "update"
	})
	b.lonely(tb, "lonely new in Partner Center", "Opportunity", func(i int) string {
		b.burstArrives(n + i)
		return "create"
	})
	b.stop()
}

func (b *bed) burstShares(i int) string {
	return b.act("create_opportunity", map[string]string{
		"name": sellersDeal(i), "stage": "Qualification", "amount": strconv.Itoa(1000 + i), "close_date": "2027-03-31",
		"account": fmt.Sprintf("Fabrikam %d", i), "country": "Norway", "street": "1 Main St", "city": "Oslo", "postal_code": fmt.Sprintf("%04d", i),
		"solution": "SOL-10001-AAA", "Sync_with_Partner_Center__c": "true",
	})
}

func (b *bed) burstArrives(i int) string {
	return b.act("send_referral", map[string]string{
		"name": receivedDeal(i), "value": strconv.Itoa(2000 + i), "currency": "USD", "close_date": "2027-06-30",
		"customer": fmt.Sprintf("Contoso %d", i), "address_line1": "2 Main St", "city": "Bergen", "postal_code": fmt.Sprintf("%04d", i), "country": "NO",
		"contact_first_name": "First", "contact_last_name": "Last", "contact_phone": "+47 1", "contact_email": fmt.Sprintf("buyer%d@example.com", i),
	})
}

func (b *bed) signal(s os.Signal) {
	b.t.Helper()
	if err := b.agent.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}

// byAgent reports whether an operation is the agent's.
func byAgent(o lab.Operation) bool {
	return o.Method != "" && (o.Service == "salesforce" || o.Service == "partner_center")
}

// awaitOperations waits for so many operations since a mark and gives the last one.
func (b *bed) awaitOperations(what string, mark int64, n int, is func(lab.Operation) bool) (last lab.Operation) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	for seen := 0; seen < n; {
		if err := b.sandbox.Kit().Log.Wait(ctx, mark); err != nil {
			b.t.Fatalf("%s: %d of %d came\n%s", what, seen, n, b.tail())
		}
		for _, o := range b.sandbox.Kit().Log.Since(mark) {
			mark = o.Seq
			if is(o) {
				seen, last = seen+1, o
			}
		}
	}
	return last
}

// tell reports the calls of a burst by what they do, each once however many rows it touched.
func (b *bed) tell(tb *testing.B, name string, operations []lab.Operation, n int) {
	calls, seen, polls := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, o := range operations {
		if strings.HasSuffix(o.Path, "/queryAll") {
			polls[o.RequestID] = true // a poll asks for deleted rows, too
		}
	}
	var first, last time.Time
	for _, o := range operations {
		if !byAgent(o) || polls[o.RequestID] {
			continue
		}
		if o.IsWrite() || o.Service == "partner_center" {
			if first.IsZero() {
				first = o.At
			}
			last = o.At
		}
		side, kind := "pc", "reads"
		if o.Service == "salesforce" {
			side = "crm"
		}
		if o.IsWrite() {
			kind = "writes"
		}
		if key := side + o.RequestID + kind; o.RequestID != "" { // a list is logged with a row for each referral that it showed
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		if side == "pc" && strings.HasSuffix(o.Path, "/referrals") && !o.IsWrite() {
			kind = "lists"
		}
		calls[side+" "+kind]++
	}
	rate := 0.0
	if spent := last.Sub(first).Seconds(); spent > 0 {
		rate = float64(n) / spent
	}
	unit := strings.ReplaceAll(name, " ", "_")
	for _, kind := range []string{"crm reads", "crm writes", "pc reads", "pc writes"} {
		tb.ReportMetric(float64(calls[kind])/float64(n), unit+":"+strings.ReplaceAll(kind, " ", "_")+"/deal")
	}
	tb.ReportMetric(rate, unit+":deals/s")
	tb.Logf("%-26s %v calls for %d deals, %.0f deals/s", name, calls, n, rate)
}

// lonely measures single changes, one after the other.
func (b *bed) lonely(tb *testing.B, name, object string, change func(i int) (action string)) {
	var took []time.Duration
	for i := range 9 {
		mark, begun := b.lastOperation(), time.Now()
		action := change(i)
		done := b.awaitOperations(name, mark, 1, func(o lab.Operation) bool {
			return o.IsWrite() && byAgent(o) && o.Action == action && o.Object == object
		})
		took = append(took, done.At.Sub(begun))
		b.rest()
	}
	slices.Sort(took)
	tb.ReportMetric(float64(took[len(took)/2].Milliseconds()), strings.ReplaceAll(name, " ", "_")+":p50_ms")
	tb.Logf("%-26s %s at the median", name, took[len(took)/2])
}
