package app

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

// budgetClock is the time of a budget's test.
type budgetClock struct{ now time.Time }

func (c *budgetClock) Now() time.Time { return c.now }

func newTestBudget(clock *budgetClock, shared store.Store) *callBudget {
	return &callBudget{transport: nowhere{}, system: salesforceCalls, daily: 100, now: clock.Now, spend: shared.Spend}
}

func (b *callBudget) call(t *testing.T, n int) {
	t.Helper()
	for range n {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := b.RoundTrip(request); err == nil {
			_ = response.Body.Close()
			t.Fatal("the call did not reach the transport")
		}
	}
}

func (b *callBudget) expect(t *testing.T, want time.Duration) {
	t.Helper()
	if got := b.interval(10 * time.Second); got != want {
		t.Errorf("the polls wait %s, want %s (shared %d, own %d)", got, want, b.shared, b.own)
	}
}

// The nearer a day's calls come to the budget, the longer the polls wait; the next day begins anew.
func TestCallBudgetSlowsThePolls(t *testing.T) {
	clock := &budgetClock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	b := newTestBudget(clock, store.NewMemory("test", clock.Now))
	b.expect(t, 10*time.Second)
	b.call(t, 80)
	b.expect(t, 30*time.Second)
	b.call(t, 15)
	b.expect(t, time.Minute)
	b.call(t, 5)
	b.expect(t, 10*time.Minute)
	if got := b.interval(time.Hour); got != time.Hour {
		t.Errorf("a budget never makes polls faster: %s", got)
	}
	clock.now = clock.now.Add(12 * time.Hour)
	b.expect(t, 10*time.Second)
	b.daily = 0
	b.call(t, 1000)
	b.expect(t, 10*time.Second)
}

// Two processes and one that starts later count together. Between two looks at the shared count a process knows only its own calls,
// and the store is asked once every few seconds, however many calls there are.
func TestCallBudgetIsSharedAndSurvives(t *testing.T) {
	clock := &budgetClock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	shared := store.NewMemory("test", clock.Now)
	asked, fail := 0, false
	spend := func(ctx context.Context, system, day string, n int64) (int64, error) {
		asked++
		if fail {
			return 0, errors.New("the store is away")
		}
		return shared.Spend(ctx, system, day, n)
	}
	one, two := newTestBudget(clock, shared), newTestBudget(clock, shared)
	one.spend = spend
	one.call(t, 50)
	if asked != 1 {
		t.Errorf("50 calls asked the store %d times", asked)
	}
	two.call(t, 30)
	two.expect(t, 10*time.Second) // one's calls are not in the store yet
	clock.now = clock.now.Add(flushEvery)
	fail = true
	one.call(t, 1) // stays counted here
	one.expect(t, 10*time.Second)
	fail = false
	clock.now = clock.now.Add(flushEvery)
	one.call(t, 1)
	two.call(t, 1)
	one.flush(t.Context())
	one.expect(t, 30*time.Second)
	two.expect(t, 30*time.Second)
	three := newTestBudget(clock, shared)
	three.call(t, 1)
	three.expect(t, 30*time.Second)
	if total, err := shared.Spend(t.Context(), salesforceCalls, "2026-11-21", 0); err != nil || total != 52+31+1 {
		t.Errorf("the store counts %d, %v", total, err)
	}
}
