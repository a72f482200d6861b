package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// callers are the numbers of goroutines that use the store at once.
var callers = []int{1, 64, 400}

func benchmark(b *testing.B, run func(b *testing.B, s Store, callers int)) {
	for _, kind := range kinds {
		for _, n := range callers {
			b.Run(fmt.Sprintf("%s/%d", kind.name, n), func(b *testing.B) {
				s := kind.open(b, time.Now)
				defer s.Close()
				run(b, s, n)
			})
		}
	}
}

// share divides b.N operations among callers.
func share(b *testing.B, callers int, op func(i int) error) {
	var next atomic.Int64
	var group sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := op(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkEnqueue(b *testing.B) {
	body := make([]byte, 600)
	benchmark(b, func(b *testing.B, s Store, callers int) {
		share(b, callers, func(i int) error {
			return s.Enqueue(b.Context(), []Event{{ID: fmt.Sprint(i), Key: fmt.Sprint("pc:", i%2000), Body: body}}, nil)
		})
	})
}

// fill makes n deals due.
func fill(b *testing.B, s Store, n int) {
	for from := 0; from < n; from += 1000 {
		var events []Event
		for i := from; i < min(from+1000, n); i++ {
			events = append(events, Event{ID: fmt.Sprint(i), Key: fmt.Sprint("pc:", i)})
		}
		if err := s.Enqueue(b.Context(), events, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClaimSettle claims one deal and settles it.
func BenchmarkClaimSettle(b *testing.B) {
	benchmark(b, func(b *testing.B, s Store, callers int) {
		fill(b, s, b.N)
		share(b, callers, func(int) error {
			claims, err := s.Claim(b.Context(), 1, leaseTime)
			if err != nil {
				return err
			}
			for _, c := range claims {
				if err := s.Settle(b.Context(), c, Done{}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// BenchmarkRun does what a run of the engine that writes once does: load, journal, record the new base, settle.
func BenchmarkRun(b *testing.B) {
	base := Values{"name": "Contoso rollout", "value": "120000", "currency": "USD", "stage": "Proposal", "close": "2026-09-30"}
	benchmark(b, func(b *testing.B, s Store, callers int) {
		fill(b, s, b.N)
		claims, err := s.Claim(b.Context(), b.N, time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		share(b, callers, func(i int) error {
			c := claims[i-1]
			if _, err := s.Load(b.Context(), c.Key); err != nil {
				return err
			}
			if err := s.Record(b.Context(), c, Change{Pending: base}); err != nil {
				return err
			}
			change := Change{Base: base, Link: &Link{ReferralID: c.Key, CRMID: c.Key}, Audit: []AuditEntry{{Field: "name", New: "Contoso rollout"}}}
			if err := s.Record(b.Context(), c, change); err != nil {
				return err
			}
			return s.Settle(b.Context(), c, Done{})
		})
	})
}
