package dataverse

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits are the three limits of service protection, per user (api-limits.md). Execution time is not measured: every request
// costs Cost, and a batch or a bulk operation costs that once per operation, so that runs repeat.
type Limits struct {
	Window        time.Duration // default 300 s
	Requests      int           // default 6000 in the window
	ExecutionTime time.Duration // default 20 minutes in the window
	Concurrent    int           // default 52
	Cost          time.Duration // default 20 ms
}

func (l *Limits) setDefaults() {
	if l.Window == 0 {
		l.Window = 300 * time.Second
	}
	if l.Requests == 0 {
		l.Requests = 6000
	}
	if l.ExecutionTime == 0 {
		l.ExecutionTime = 1200 * time.Second
	}
	if l.Concurrent == 0 {
		l.Concurrent = 52
	}
	if l.Cost == 0 {
		l.Cost = 20 * time.Millisecond
	}
}

// SetLimits replaces the limits of service protection from now on; zero parts mean those of the real service.
func (e *Environment) SetLimits(limits Limits) {
	limits.setDefaults()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opts.Limits = limits
}

// window is what a user asked for lately.
type window struct {
	at      []time.Time
	cost    []time.Duration
	now     int // requests that run
	refused int // in a row; each makes the wait longer
}

func (w *window) forget(before time.Time) {
	i := slices.IndexFunc(w.at, func(t time.Time) bool { return t.After(before) })
	if i < 0 {
		i = len(w.at)
	}
	w.at, w.cost = w.at[i:], w.cost[i:]
}

func (w *window) spent() time.Duration {
	var sum time.Duration
	for _, c := range w.cost {
		sum += c
	}
	return sum
}

// protect counts a request and refuses it beyond a limit. The returned function ends it. The lock is held.
func (e *Environment) protect(c *call, header http.Header) (func(), *apiError) {
	w := e.windows[c.who.id]
	if w == nil {
		w = &window{}
		e.windows[c.who.id] = w
	}
	limits, now := e.opts.Limits, e.kit.Clock.Now()
	w.forget(now.Add(-limits.Window))
	spent := w.spent()
	var err *apiError
	switch {
	case len(w.at) >= limits.Requests:
		err = errorf(http.StatusTooManyRequests, codeThrottledCount, "Number of requests exceeded the limit of %d over time window of %d seconds.",
			limits.Requests, int(limits.Window.Seconds()))
	case spent >= limits.ExecutionTime:
		err = errorf(http.StatusTooManyRequests, codeThrottledTime, "Combined execution time of incoming requests exceeded limit of %d milliseconds over "+
			"time window of %d seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
			limits.ExecutionTime.Milliseconds(), int(limits.Window.Seconds()))
	case w.now >= limits.Concurrent:
		err = errorf(http.StatusTooManyRequests, codeThrottledAtOnce, "Number of concurrent requests exceeded the limit of %d.", limits.Concurrent)
	}
	if err != nil {
		w.refused++
		wait := time.Second
		if len(w.at) > 0 && err.Code != codeThrottledAtOnce {
			wait = w.at[0].Add(limits.Window).Sub(now)
		}
		seconds := min(int(math.Ceil(wait.Seconds()))+w.refused-1, int(limits.Window.Seconds()))
		err.header = map[string]string{"Retry-After": strconv.Itoa(max(seconds, 1))}
		return nil, err
	}
	w.refused = 0
	w.at, w.cost = append(w.at, now), append(w.cost, limits.Cost)
	w.now++
	header.Set("x-ms-ratelimit-burst-remaining-xrm-requests", strconv.Itoa(limits.Requests-len(w.at)))
	left := (limits.ExecutionTime - spent - limits.Cost).Seconds()
	header.Set("x-ms-ratelimit-time-remaining-xrm-requests", strings.TrimSuffix(strconv.FormatFloat(max(left, 0), 'f', 2, 64), ".00"))
	header.Set("x-ms-dop-hint", "4")
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		w.now--
	}, nil
}

// charge adds the execution time of further operations of a request. The lock is held.
func (e *Environment) charge(who *principal, operations int) {
	w := e.windows[who.id]
	if w == nil || len(w.cost) == 0 || operations <= 0 {
		return
	}
	w.cost[len(w.cost)-1] += time.Duration(operations) * e.opts.Limits.Cost
}
