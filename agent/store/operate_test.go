package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// onSQL runs a test on the databases.
func onSQL(t *testing.T, test func(f fixture, s *SQL)) {
	for _, kind := range kinds {
		if kind.name == "memory" {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			clock := newClock()
			s := kind.open(t, clock.Now)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test(fixture{T: t, Store: s, clock: clock}, s.(*SQL))
		})
	}
}

// claims is how many deals are due.
func claims(f fixture, s *SQL) int {
	f.Helper()
	found, err := s.Claim(f.Context(), 10, time.Minute)
	f.ok(err)
	return len(found)
}

func operator(detail string) AuditEntry { return AuditEntry{Actor: "operator", Detail: detail} }

// A stopped deal rests whatever happens, also when it was under way, and becomes due when it is started again. Its history names
// who did it.
func TestStoppedDealsRest(t *testing.T) {
	onSQL(t, func(f fixture, s *SQL) {
		working := f.begin("crm:a")
		f.ok(s.Act(f.Context(), "crm:a", Stop, operator("stopped: contract review")))
		f.settle(working, Park{Code: "CS101"})
		f.event("again", "crm:a")
		f.ok(s.Act(f.Context(), "crm:a", Wake, operator("woken")))
		f.ok(s.Reconsider(f.Context(), ""))
		equal(f, "claims of a stopped deal", claims(f, s), 0)
		o, _, err := s.Overview(f.Context(), "crm:a")
		f.ok(err)
		equal(f, "state", o.State, StateStopped)

		f.ok(s.Act(f.Context(), "crm:a", Start, operator("started again")))
		equal(f, "claims", claims(f, s), 1)
		trail, err := s.AuditTrail(f.Context(), "crm:a")
		f.ok(err)
		equal(f, "history", []string{trail[0].Detail, trail[1].Detail, trail[2].Detail}, []string{"stopped: contract review", "woken", "started again"})

		if err := s.Act(f.Context(), "crm:unknown", Wake, operator("")); !errors.Is(err, ErrNoDeal) {
			f.Errorf("a deal that does not exist: %v", err)
		}
	})
}

// A stopped deal that becomes part of another one takes its rest along.
func TestStoppedShellStopsTheDealThatAbsorbsIt(t *testing.T) {
	onSQL(t, func(f fixture, s *SQL) {
		f.event("shell", "pc:b")
		f.ok(s.Act(f.Context(), "pc:b", Stop, operator("stopped")))
		claim := f.begin("crm:b")
		f.record(claim, Change{Link: &Link{ReferralID: "b", CRMID: "b"}})
		f.settle(claim, Done{})
		o, _, err := s.Overview(f.Context(), "crm:b")
		f.ok(err)
		equal(f, "state", o.State, StateStopped)
	})
}

// Waking a deal cuts its back-off short; a replay wakes the parked deals of a code, in pages, and no others.
func TestReplayWakesParkedDealsOfACode(t *testing.T) {
	onSQL(t, func(f fixture, s *SQL) {
		later := f.begin("crm:later")
		f.settle(later, Retry{At: f.clock.Now().Add(time.Hour), Code: "CS900"})
		f.ok(s.Act(f.Context(), "crm:later", Wake, operator("woken")))
		equal(f, "woken from its back-off", claims(f, s), 1)

		const many = replayed + 20
		for i := range many {
			f.settle(f.begin(fmt.Sprintf("crm:%04d", i)), Park{Code: "CS101"})
		}
		f.settle(f.begin("crm:other"), Park{Code: "CS102"})
		count, err := s.Parked(f.Context(), []string{"CS101"})
		f.ok(err)
		equal(f, "parked", count, many)
		var steps []int
		done, err := s.Replay(f.Context(), []string{"CS101"}, operator("replayed"), func(n int) { steps = append(steps, n) })
		f.ok(err)
		equal(f, "replayed", done, many)
		equal(f, "progress", steps, []int{replayed, many})
		parked, err := s.Page(f.Context(), Filter{State: StateParked, Limit: 10})
		f.ok(err)
		equal(f, "left parked", len(parked), 1)
		equal(f, "which", parked[0].Key, "crm:other")
		count, err = s.Parked(f.Context(), nil)
		f.ok(err)
		equal(f, "parked whatever the code", count, 1)
	})
}

// Deals are listed page by page, by state and by code, and counted by what they wait for.
func TestPagesAndCauses(t *testing.T) {
	onSQL(t, func(f fixture, s *SQL) {
		for i := range 5 {
			f.settle(f.begin(fmt.Sprintf("crm:quiet%d", i)), Done{})
		}
		for i := range 3 {
			f.settle(f.begin(fmt.Sprintf("crm:parked%d", i)), Park{Code: "CS101"})
		}
		f.settle(f.begin("crm:gated"), Gate{Flow: "create_referral"})
		f.begin("crm:working")
		f.event("e", "crm:waiting")
		for state, want := range map[string]int{
			"": 11, StateQuiet: 5, StateParked: 3, StateGated: 1, StateWorking: 1, StateWaiting: 1, StateStopped: 0,
		} {
			found, err := s.Page(f.Context(), Filter{State: state, Limit: 100})
			f.ok(err)
			equal(f, "state "+state, len(found), want)
		}
		var keys []string
		for after := ""; ; {
			page, err := s.Page(f.Context(), Filter{State: StateQuiet, After: after, Limit: 2})
			f.ok(err)
			if len(page) == 0 {
				break
			}
			for _, o := range page {
				keys = append(keys, o.Key)
			}
			after = keys[len(keys)-1]
		}
		equal(f, "pages", keys, []string{"crm:quiet0", "crm:quiet1", "crm:quiet2", "crm:quiet3", "crm:quiet4"})
		if _, err := s.Page(f.Context(), Filter{State: "asleep"}); err == nil {
			f.Error("an unknown state is taken")
		}
		coded, err := s.Page(f.Context(), Filter{Code: "CS101", Limit: 100})
		f.ok(err)
		equal(f, "of a code", len(coded), 3)
		causes, err := s.Causes(f.Context())
		f.ok(err)
		equal(f, "causes", causes, []Cause{{State: StateParked, Code: "CS101", Deals: 3}, {State: StateGated, Flow: "create_referral", Deals: 1}})
	})
}

// Whoever only looks cannot act.
func TestLookersCannotAct(t *testing.T) {
	clock := newClock()
	file := filepath.Join(t.TempDir(), "agent.db")
	f := fixture{T: t, Store: openFile(t, file, clock.Now), clock: clock}
	f.event("e", "crm:a")
	s, err := Inspect(t.Context(), Options{DSN: "sqlite:" + file, Connector: "test", Clock: clock.Now})
	f.ok(err)
	if err := s.Act(t.Context(), "crm:a", Stop, operator("")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("acted on a store that was opened to be looked at: %v", err)
	}
	f.ok(errors.Join(s.Close(), f.Close()))
}
