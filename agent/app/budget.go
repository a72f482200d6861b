package app

import (
	"net/http"
	"sync"
	"time"
)

// callBudget counts the calls to the CRM and slows the polls before a day's budget is spent. Deals under way are never held
// back: only looking for changes is put off. The count begins anew with every day (UTC) and every start.
type callBudget struct {
	transport http.RoundTripper
	daily     int64 // 0: no budget
	now       func() time.Time

	mu   sync.Mutex
	day  string
	used int64
}

// RoundTrip counts a call.
func (b *callBudget) RoundTrip(request *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.roll()
	b.used++
	b.mu.Unlock()
	return b.transport.RoundTrip(request)
}

func (b *callBudget) roll() {
	if today := b.now().UTC().Format(time.DateOnly); today != b.day {
		b.day, b.used = today, 0
	}
}

// Slower polls: from the share of the budget on, the wait between two polls is at least that long.
var slowerPolls = []struct {
	percent int64
	wait    time.Duration
}{{100, 10 * time.Minute}, {95, time.Minute}, {80, 30 * time.Second}}

// interval gives the wait between two polls.
func (b *callBudget) interval(poll time.Duration) time.Duration {
	if b.daily == 0 {
		return poll
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll()
	for _, slower := range slowerPolls {
		if b.used*100 >= b.daily*slower.percent {
			return max(poll, slower.wait)
		}
	}
	return poll
}
