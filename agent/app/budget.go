package app

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// callBudget counts the calls to one remote system, and slows the polls before a day's budget is spent. Deals under way are never
// held back: only looking for changes is put off. The count is of a day (UTC), and is shared by all processes of the connector and
// outlives them: what was counted here is added to the store's sum every few seconds.
type callBudget struct {
	transport http.RoundTripper
	system    string // remote system, as the store counts it
	daily     int64  // 0: no budget
	now       func() time.Time
	// spend adds calls to the shared count of a day and gives its sum, see store.Queue.
	spend func(ctx context.Context, system, day string, n int64) (int64, error)

	mu       sync.Mutex
	day      string
	shared   int64 // sum of all processes when it was last looked at
	own      int64 // calls of this process since then
	flushed  time.Time
	flushing bool
	limits   limits
}

// Remote systems, as their calls are counted.
const (
	salesforceCalls    = "salesforce"
	partnerCenterCalls = "partner_center"
)

// flushEvery is the shortest time between two looks at the shared count; so much of the count a crash may lose.
const flushEvery = 5 * time.Second

// RoundTrip counts a call, unless the system wants none: then it is turned away here.
func (b *callBudget) RoundTrip(request *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.roll()
	if spared := b.limits.spared(request, b.now()); spared != nil {
		b.mu.Unlock()
		return spared, nil
	}
	b.own++
	due := b.now().Sub(b.flushed) >= flushEvery
	b.mu.Unlock()
	if due {
		b.flush(request.Context())
	}
	answer, err := b.transport.RoundTrip(request)
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.limits.note(request.URL.Host, answer, b.now())
	}
	return answer, err
}

// flush adds what was counted here to the shared count. When the store cannot take it, it is kept for the next time.
func (b *callBudget) flush(ctx context.Context) {
	b.mu.Lock()
	b.roll()
	if b.flushing {
		b.mu.Unlock()
		return
	}
	day, n := b.day, b.own
	b.own, b.shared = 0, b.shared+n
	b.flushing, b.flushed = true, b.now()
	b.mu.Unlock()

	total, err := b.spend(ctx, b.system, day, n)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.flushing = false
	switch {
	case day != b.day: // the day ended meanwhile
	case err != nil:
		b.own, b.shared = b.own+n, b.shared-n
	default:
		b.shared = total
	}
}

func (b *callBudget) roll() {
	if today := b.now().UTC().Format(time.DateOnly); today != b.day {
		b.day, b.shared, b.own, b.flushed = today, 0, 0, time.Time{}
		b.limits.used, b.limits.allowed = 0, 0
	}
}

// Slower polls: from the share of the budget on, the wait between two polls is at least that long.
var slowerPolls = []struct {
	percent int64
	wait    time.Duration
}{{100, 10 * time.Minute}, {95, time.Minute}, {80, 30 * time.Second}}

// interval gives the wait between two polls.
func (b *callBudget) interval(poll time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll()
	for _, slower := range slowerPolls {
		if b.limits.percent(b.shared+b.own, b.daily) >= slower.percent {
			return max(poll, slower.wait)
		}
	}
	return poll
}

// spentBy says which of the day's two limits is spent to a share, in percent: the connector's budget, or what the organisation allows all
// its applications together; "" when neither is.
func (b *callBudget) spentBy(percent int64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll()
	switch {
	case share(b.shared+b.own, b.daily) >= percent:
		return fmt.Sprintf("%d %% of the day's budget of calls is spent", percent)
	case b.limits.percent(0, 0) >= percent:
		return fmt.Sprintf("%d %% of the calls are spent that the CRM allows all applications in a day", percent)
	default:
		return ""
	}
}
