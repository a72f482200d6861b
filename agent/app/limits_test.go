package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// system is a remote system that gives one answer and counts what reaches it.
type system struct {
	answer *http.Response
	calls  int
}

func (s *system) RoundTrip(*http.Request) (*http.Response, error) {
	s.calls++
	return s.answer, nil
}

func (s *system) says(status int, name, value string) {
	s.answer = &http.Response{StatusCode: status, Header: http.Header{name: {value}}, Body: http.NoBody}
}

// A Retry-After that one call gets holds all calls to that host back until its time is over, and none to another host.
func TestRetryAfterHoldsTheWholeSystem(t *testing.T) {
	clock := &budgetClock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	b := newTestBudget(clock, store.NewMemory("test", clock.Now))
	remote := &system{}
	b.transport = remote
	remote.says(http.StatusTooManyRequests, "Retry-After", "30")
	status := func(url string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode, answer.Header.Get("Retry-After")
	}
	status("http://data/")
	remote.says(http.StatusOK, "Sforce-Limit-Info", "api-usage=1/100")
	clock.now = clock.now.Add(10*time.Second + time.Millisecond)
	if code, wait := status("http://data/"); code != http.StatusTooManyRequests || wait != "20" || remote.calls != 1 {
		t.Errorf("the system was asked %d times, the caller heard %d, wait %s", remote.calls, code, wait)
	}
	if _, _, held := b.told(); held.IsZero() {
		t.Error("nobody is told that the system is held")
	}
	if code, _ := status("http://login/"); code != http.StatusOK {
		t.Errorf("another host is held, too: %d", code)
	}
	clock.now = clock.now.Add(20 * time.Second)
	if code, _ := status("http://data/"); code != http.StatusOK || remote.calls != 3 {
		t.Errorf("after its time the system is asked %d times and the caller heard %d", remote.calls, code)
	}
}

// The nearer the organisation comes to its own daily limit, the longer the polls wait, also without a budget of the connector's.
func TestTheOrganisationsLimitSlowsThePolls(t *testing.T) {
	clock := &budgetClock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	b := newTestBudget(clock, store.NewMemory("test", clock.Now))
	b.daily = 0
	for header, want := range map[string]time.Duration{
		"api-usage=79999/100000": 10 * time.Second, "api-usage=80000/100000": 30 * time.Second,
		"api-usage=95000/100000": time.Minute, "api-usage=100001/100000": 10 * time.Minute,
	} {
		b.limits = limits{}
		b.roll()
		b.limits.note("data", &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Sforce-Limit-Info": {header}}}, clock.now)
		if got := b.interval(10 * time.Second); got != want {
			t.Errorf("%s: the polls wait %s, want %s", header, got, want)
		}
	}
	clock.now = clock.now.Add(24 * time.Hour)
	b.expect(t, 10*time.Second)
}

// A backfill waits while a share of the day's calls is spent: of the connector's own budget, or of what the organisation allows all its
// applications, of which the connector may have made few.
func TestABackfillLeavesTheRestOfTheDayToOthers(t *testing.T) {
	clock := &budgetClock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	shared := store.NewMemory("test", clock.Now)
	c := &connection{store: shared, budget: newTestBudget(clock, shared)}
	waits := func(budget int, header, want string) {
		t.Helper()
		c.budget.limits = limits{}
		c.budget.limits.note("data", &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Sforce-Limit-Info": {header}}}, clock.now)
		c.budget.daily = int64(budget)
		if got, err := c.throttled(t.Context()); err != nil || (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("budget %d, %s: the backfill waits because %q, %v; want %q", budget, header, got, err, want)
		}
	}
	c.budget.call(t, 7)
	waits(0, "", "")
	waits(0, "api-usage=69999/100000", "")
	waits(0, "api-usage=70000/100000", "the CRM allows")
	waits(11, "api-usage=69999/100000", "")
	waits(10, "api-usage=1/100000", "budget of calls")
	clock.now = clock.now.Add(24 * time.Hour)
	if got, err := c.throttled(t.Context()); err != nil || got != "" {
		t.Errorf("the next day the backfill waits because %q, %v", got, err)
	}
}
