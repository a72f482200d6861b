package app

import (
	"net/http"
	"testing"
	"time"
)

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

func TestCallBudgetSlowsThePolls(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b := &callBudget{transport: nowhere{}, daily: 100, now: func() time.Time { return now }}
	call := func(n int) {
		for range n {
			if response, err := b.RoundTrip(&http.Request{}); err == nil {
				_ = response.Body.Close()
				t.Fatal("the call did not reach the transport")
			}
		}
	}
	expect := func(want time.Duration) {
		t.Helper()
		if got := b.interval(10 * time.Second); got != want {
			t.Errorf("after %d calls the polls wait %s, want %s", b.used, got, want)
		}
	}
	expect(10 * time.Second)
	call(80)
	expect(30 * time.Second)
	call(15)
	expect(time.Minute)
	call(5)
	expect(10 * time.Minute)
	if got := b.interval(time.Hour); got != time.Hour {
		t.Errorf("a budget never makes polls faster: %s", got)
	}
	now = now.Add(12 * time.Hour)
	expect(10 * time.Second)
	b.daily = 0
	call(1000)
	expect(10 * time.Second)
}
