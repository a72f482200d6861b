package app

import (
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
)

// Polls are rare once deliveries come, and at their usual rate again by themselves when they find what no delivery told in time; after a
// while without such a find deliveries are trusted again.
func TestPollsAreRareWhileDeliveriesComeAndTellEverything(t *testing.T) {
	const usual, rare = 10 * time.Second, time.Minute
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	p := idlePush(rare)
	p.hook = newHookHealth(func() time.Time { return now }, hclog.NewNullLogger())
	poll := func(hits ...crm.Hit) {
		if p.hook.missed(hits, now) {
			p.set(false)
		}
	}
	expect := func(what string, want time.Duration) {
		t.Helper()
		if got := p.interval(usual); got != want {
			t.Errorf("%s: polls every %s, want %s", what, got, want)
		}
		now = now.Add(want)
	}
	hit := func(id string) crm.Hit { return crm.Hit{ID: id, Version: now.String(), Announced: true} }

	poll(hit("before the start"))
	expect("nothing was told yet", usual)
	p.told("a")
	poll(hit("a"))
	expect("a delivery came", rare)
	poll(hit("b"), crm.Hit{ID: "contact"})
	p.told("b")
	expect("a delivery was behind the poll", rare)
	poll()
	expect("and it came", rare)
	poll(hit("c"))
	expect("a delivery may still come", rare)
	poll()
	expect("it did not", usual)
	p.told("d")
	poll(hit("d"))
	expect("one delivery is no proof", usual)
	now = now.Add(hookProbation)
	poll()
	p.told("e")
	expect("deliveries come again", rare)
	poll(hit("e"))
	expect("and tell everything", rare)
	if len(p.hook.called) > 1 || len(p.hook.owed) > 0 {
		t.Errorf("it remembers %v and %v", p.hook.called, p.hook.owed)
	}
}
