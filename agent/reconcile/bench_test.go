package reconcile_test

import (
	"fmt"
	"testing"
	"time"
)

// What a deal costs in remote calls, which is what counts, from its beginning until both sides are equal and have been looked at
// again; polls and lists are not a deal's. The cost of a deal must not grow with the number of deals.
func BenchmarkDeals(b *testing.B) {
	for _, deals := range []int{5, 50, 200} {
		b.Run(fmt.Sprintf("%d on each side", deals), func(b *testing.B) {
			var calls, writes int
			for range b.N {
				w := newWorld(1, trouble{deals: deals, customers: 5, listLag: time.Second})
				w.play()
				if faults := w.faults(); len(faults) > 0 {
					b.Fatal(faults[0])
				}
				calls, writes = w.calls, w.writes
			}
			b.ReportMetric(float64(writes)/float64(2*deals), "writes/deal")
			b.ReportMetric(float64(calls)/float64(2*deals), "calls/deal")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*2*deals), "ms/deal")
		})
	}
}
