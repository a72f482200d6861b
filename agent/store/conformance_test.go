package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestKeysOfBothSides(t *testing.T) {
	if got := ReferralKey("6F9619FF-8B86-D011-B42D-00C04FC964FF"); got != "pc:6f9619ff-8b86-d011-b42d-00c04fc964ff" {
		t.Error(got)
	}
	if got := RecordKey("006Aa000001bCdE"); got != "crm:006Aa000001bCdE" {
		t.Error(got)
	}
}

func TestRepeatedEventChangesNothing(t *testing.T) {
	onAll(t, func(f fixture) {
		f.event("e1", "pc:1")
		f.event("e1", "pc:1")
		f.ok(f.Enqueue(f.Context(), []Event{{ID: "e2", Key: "pc:1"}, {ID: "e2", Key: "pc:1"}}, nil))
		c := f.claim("pc:1")
		equal(f, "generation", c.Generation, 2)
		f.settle(c, Done{})
		f.event("e1", "pc:1")
		f.idle()
		f.means("pc:1", "pc:1")
		f.means("pc:2", "")
		equal(f, "unseen deal", f.load("pc:2"), Deal{Key: "pc:2"})
	})
}

func TestEventDuringRunKeepsDealDue(t *testing.T) {
	outcomes := map[string]Outcome{
		"done": Done{}, "retry": Retry{At: newClock().now.Add(time.Hour)}, "park": Park{Code: "x"}, "gate": Gate{Flow: "create_referral"},
	}
	for name, outcome := range outcomes {
		t.Run(name, func(t *testing.T) {
			onAll(t, func(f fixture) {
				c := f.begin("pc:1")
				f.event("e2", "pc:1")
				f.idle()
				f.settle(c, outcome)
				again := f.claim("pc:1")
				equal(f, "generation", again.Generation, 2)
				f.settle(again, Done{})
				f.idle()
			})
		})
	}
}

func TestNotBeforeAndBackOff(t *testing.T) {
	onAll(t, func(f fixture) {
		later := Event{ID: "e1", Key: "crm:1", NotBefore: f.clock.Now().Add(20 * time.Second)}
		f.ok(f.Enqueue(f.Context(), []Event{later}, nil))
		f.idle()
		due, found, err := f.NextDue(f.Context())
		f.ok(err)
		equal(f, "next due", fmt.Sprint(due, found), fmt.Sprint(later.NotBefore, true))
		f.clock.Advance(20 * time.Second)
		c := f.claim("crm:1")
		// A settled deal's old due time does not make a later event earlier.
		f.settle(c, Done{})
		later.ID, later.NotBefore = "e2", f.clock.Now().Add(time.Minute)
		f.ok(f.Enqueue(f.Context(), []Event{later}, nil))
		f.idle()
		f.clock.Advance(time.Minute)
		c = f.claim("crm:1")
		f.settle(c, Retry{At: f.clock.Now().Add(time.Hour), Code: "busy", Error: "try later"})
		f.idle()
		f.event("e3", "crm:1")
		c = f.claim("crm:1")
		equal(f, "attempts", c.Attempts, 1)
		// To wait for something is no failure.
		f.settle(c, Retry{At: f.clock.Now()})
		c = f.claim("crm:1")
		equal(f, "attempts", c.Attempts, 1)
	})
}

func TestClaimsAreOrderedAndLimited(t *testing.T) {
	onAll(t, func(f fixture) {
		f.ok(f.Enqueue(f.Context(), []Event{
			{ID: "1", Key: "pc:backfill", Priority: Backfill}, {ID: "2", Key: "pc:sweep", Priority: Sweep},
			{ID: "3", Key: "pc:b", Priority: Live}, {ID: "4", Key: "pc:a", Priority: Live},
		}, nil))
		f.clock.Advance(time.Second)
		f.event("5", "pc:late")
		for _, want := range []string{"[pc:a pc:b]", "[pc:late pc:sweep]", "[pc:backfill]", "[]"} {
			claims, err := f.Claim(f.Context(), 2, leaseTime)
			f.ok(err)
			var keys []string
			for _, c := range claims {
				keys = append(keys, c.Key)
				// A retry gives way to what is live.
				f.settle(c, Retry{At: f.clock.Now().Add(time.Minute)})
			}
			equal(f, "claimed", fmt.Sprint(keys), want)
		}
		f.clock.Advance(time.Minute)
		f.event("6", "pc:fresh")
		claims, err := f.Claim(f.Context(), 1, leaseTime)
		f.ok(err)
		equal(f, "first", claims[0].Key, "pc:fresh")
		none, err := f.Claim(f.Context(), 0, leaseTime)
		f.ok(err)
		equal(f, "claims of none", len(none), 0)
	})
}

func TestLeaseEndsAndFenceHolds(t *testing.T) {
	onAll(t, func(f fixture) {
		old := f.begin("pc:1")
		equal(f, "until", old.Until, f.clock.Now().Add(leaseTime))
		f.clock.Advance(30 * time.Second)
		extended, err := f.Extend(f.Context(), old, leaseTime)
		f.ok(err)
		equal(f, "extended until", extended.Until, f.clock.Now().Add(leaseTime))
		f.clock.Advance(leaseTime - time.Millisecond)
		f.idle()
		due, _, err := f.NextDue(f.Context())
		f.ok(err)
		equal(f, "due when the lease ends", due, extended.Until)
		f.clock.Advance(time.Millisecond)
		report := "written by a worker that lost its lease"
		f.fails(f.Record(f.Context(), extended, Change{Report: &report}), ErrLeaseLost)
		fresh := f.claim("pc:1")
		if fresh.Fence <= old.Fence {
			f.Fatalf("fence %d after %d", fresh.Fence, old.Fence)
		}
		_, err = f.Extend(f.Context(), extended, leaseTime)
		f.fails(err, ErrLeaseLost)
		f.fails(f.Settle(f.Context(), extended, Done{}), ErrLeaseLost)
		f.fails(f.Absorb(f.Context(), extended, "pc:1"), ErrLeaseLost)
		f.record(fresh, Change{})
		f.settle(fresh, Done{})
		f.fails(f.Settle(f.Context(), fresh, Done{}), ErrLeaseLost)
		f.fails(f.Settle(f.Context(), Claim{Key: "pc:none"}, Done{}), ErrLeaseLost)
		equal(f, "report", f.load("pc:1").Report, "")
	})
}

func TestParkRestsUntilEvent(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("pc:1")
		f.settle(c, Retry{At: f.clock.Now(), Code: "later", Error: "try later"})
		failed := f.clock.Now()
		f.clock.Advance(time.Second)
		c = f.claim("pc:1")
		equal(f, "failures", fmt.Sprint(c.Attempts, c.FirstFailed, c.Parked), fmt.Sprint(1, failed, false))
		f.settle(c, Park{Code: "no_solution", Error: "the opportunity has no solution"})
		f.clock.Advance(24 * time.Hour)
		f.idle()
		problems, err := f.Problems(f.Context(), 10)
		f.ok(err)
		equal(f, "problems", problems, []Problem{{
			Key: "pc:1", Code: "no_solution", Error: "the opportunity has no solution", Parked: true, Attempts: 2, FirstFailed: failed,
		}})
		f.event("cure", "pc:1")
		c = f.claim("pc:1")
		equal(f, "fresh start", fmt.Sprint(c.Attempts, c.FirstFailed.IsZero(), c.Parked), fmt.Sprint(0, true, true))
		f.settle(c, Done{})
		f.event("next", "pc:1")
		c = f.claim("pc:1")
		equal(f, "parked", c.Parked, false)
		problems, err = f.Problems(f.Context(), 10)
		f.ok(err)
		equal(f, "problems", len(problems), 0)
	})
}

func TestGateRestsUntilReleased(t *testing.T) {
	onAll(t, func(f fixture) {
		for _, wake := range []func(){
			func() { f.ok(f.Reconsider(f.Context(), "")) },
			func() { f.event("wakes it", "pc:1") },
		} {
			f.event(f.clock.Now().String(), "pc:1")
			c := f.claim("pc:1")
			f.settle(c, Gate{Flow: "create_referral"})
			f.clock.Advance(24 * time.Hour)
			f.idle()
			problems, err := f.Problems(f.Context(), 10)
			f.ok(err)
			equal(f, "problems", problems, []Problem{{Key: "pc:1", Flow: "create_referral"}})
			_, found, err := f.NextDue(f.Context())
			f.ok(err)
			equal(f, "waits", found, false)
			wake()
			f.settle(f.claim("pc:1"), Done{})
		}
	})
}

func TestRecordBaseAndPendings(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("pc:1")
		f.record(c, Change{Pending: Values{"name": "one"}})
		f.record(c, Change{Pending: Values{"name": "two"}})
		equal(f, "deal", f.load("pc:1"), Deal{Key: "pc:1", Pending: []Values{{"name": "one"}, {"name": "two"}}})
		f.record(c, Change{Base: Values{}, Pending: Values{"name": "three"}})
		d := f.load("pc:1")
		if d.Base == nil {
			f.Fatal("an empty base is a base")
		}
		equal(f, "deal", d, Deal{Key: "pc:1", Base: Values{}, Pending: []Values{{"name": "three"}}})
		report := "said"
		told := "a line\nan older one"
		f.record(c, Change{Base: Values{"name": "four"}, Report: &report, Told: &told})
		equal(f, "deal", f.load("pc:1"), Deal{Key: "pc:1", Base: Values{"name": "four"}, Report: "said", Told: told})
	})
}

func TestStoredValuesAreCopies(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("pc:1")
		base, payload := Values{"name": "kept"}, []byte("kept")
		f.record(c, Change{Base: base, Open: []Intent{{ID: "i1", Payload: payload}}})
		base["name"], payload[0] = "changed", 'X'
		d := f.load("pc:1")
		d.Base["name"], d.Intents[0].Payload[1] = "changed", 'X'
		d = f.load("pc:1")
		equal(f, "kept", d.Base["name"]+string(d.Intents[0].Payload), "keptkept")
	})
}

func TestIntentIsJournalledAndSettled(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("crm:1")
		sent := f.clock.Now().Add(-time.Second)
		in := Intent{ID: "i1", Kind: "create_referral", Payload: []byte(`{"a":1}`), Correlation: "crm:1", State: IntentSent, SentAt: sent, Attempts: 1}
		f.record(c, Change{Open: []Intent{in}})
		equal(f, "open", f.load("crm:1").Intents, []Intent{in})

		later := f.clock.Now().Add(time.Minute)
		f.record(c, Change{Settle: []Settlement{{ID: "i1", State: IntentAmbiguous, NotBefore: later}}})
		in.State, in.NotBefore = IntentAmbiguous, later
		open, err := f.OpenIntents(f.Context(), "create_referral")
		f.ok(err)
		equal(f, "open", open, []OpenIntent{{Key: "crm:1", Intent: in}})
		open, err = f.OpenIntents(f.Context(), "create_record")
		f.ok(err)
		equal(f, "open of another kind", len(open), 0)

		other := in
		other.Payload = []byte(`{"a":2}`)
		contains(f, f.Record(f.Context(), c, Change{Open: []Intent{other}}), "open with another payload")
		in.Attempts, in.State, in.NotBefore = 2, IntentSent, time.Time{}
		f.record(c, Change{Open: []Intent{in}})
		equal(f, "repeat", f.load("crm:1").Intents, []Intent{in})

		f.record(c, Change{Base: Values{"a": "1"}, Settle: []Settlement{{ID: "i1", State: IntentDone, RemoteID: "r1"}}})
		equal(f, "open", len(f.load("crm:1").Intents), 0)
		contains(f, f.Record(f.Context(), c, Change{Settle: []Settlement{{ID: "i2", State: IntentDone}}}), "no intent i2")
		contains(f, f.Record(f.Context(), c, Change{Open: []Intent{{ID: "i3", State: "lost"}}}), "not a state")
	})
}

func TestRecordIsAllOrNothing(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("crm:1")
		report := "should not appear"
		err := f.Record(f.Context(), c, Change{
			Link: &Link{CRMID: "1", ReferralID: "R"}, Aliases: []string{"crm:old"}, Base: Values{"a": "1"}, Report: &report,
			Open: []Intent{{ID: "i1"}}, Audit: []AuditEntry{{Detail: "no"}}, Settle: []Settlement{{ID: "unknown", State: IntentDone}},
		})
		contains(f, err, "no intent unknown")
		equal(f, "deal", f.load("crm:1"), Deal{Key: "crm:1"})
		f.means("crm:old", "")
		f.means("pc:r", "")
		trail, err := f.AuditTrail(f.Context(), "crm:1")
		f.ok(err)
		equal(f, "audit", len(trail), 0)
	})
}

func TestLinkBindsBothSides(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("crm:1")
		link := Link{ReferralID: "AB", EngagementID: "E", CounterpartID: "CD", CRMID: "1", Origin: OriginCRM, Phase: PhaseOpen}
		f.record(c, Change{Link: &link, Aliases: []string{"crm:lead"}})
		f.settle(c, Done{})
		equal(f, "link", f.load("crm:1").Link, link)
		for _, external := range []string{"crm:1", "pc:ab", "pc:cd", "crm:lead"} {
			f.means(external, "crm:1")
		}
		f.event("webhook", "pc:ab")
		f.claim("crm:1")
	})
}

func TestRecordAbsorbsShell(t *testing.T) {
	onAll(t, func(f fixture) {
		shell := f.begin("pc:r")
		f.record(shell, Change{Audit: []AuditEntry{{Detail: "seen"}}, Aliases: []string{"pc:other"}})
		c := f.begin("crm:1")
		f.record(c, Change{Link: &Link{ReferralID: "R", CRMID: "1"}, Audit: []AuditEntry{{Detail: "linked"}}})
		f.means("pc:r", "crm:1")
		f.means("pc:other", "crm:1")
		f.fails(f.Record(f.Context(), shell, Change{}), ErrLeaseLost)
		f.settle(c, Done{})
		c = f.claim("crm:1") // the shell's events count
		f.settle(c, Done{})
		f.idle()
		trail, err := f.AuditTrail(f.Context(), "crm:1")
		f.ok(err)
		equal(f, "history", len(trail), 2)
		equal(f, "the shell", f.load("pc:r"), Deal{Key: "pc:r"})
	})
}

func TestBoundElsewhereAndBusy(t *testing.T) {
	onAll(t, func(f fixture) {
		linked, based, busy := f.begin("pc:linked"), f.begin("pc:based"), f.begin("pc:busy")
		f.record(linked, Change{Link: &Link{ReferralID: "linked", CRMID: "9"}})
		f.record(based, Change{Base: Values{}})
		f.record(busy, Change{Open: []Intent{{ID: "i1"}}})
		c := f.begin("crm:1")
		f.fails(f.Record(f.Context(), c, Change{Link: &Link{ReferralID: "LINKED"}}), ErrBoundElsewhere)
		f.fails(f.Record(f.Context(), c, Change{Link: &Link{CRMID: "9"}}), ErrBoundElsewhere)
		f.fails(f.Record(f.Context(), c, Change{Aliases: []string{"pc:based"}}), ErrBoundElsewhere)
		f.fails(f.Record(f.Context(), c, Change{Aliases: []string{"pc:busy"}}), ErrBusy)
		for _, owner := range []Claim{linked, based, busy} {
			f.fails(f.Absorb(f.Context(), owner, "crm:1"), ErrBoundElsewhere)
		}
		f.record(busy, Change{Settle: []Settlement{{ID: "i1", State: IntentSuperseded}}})
		f.record(c, Change{Aliases: []string{"pc:busy"}})
		f.means("pc:busy", "crm:1")
	})
}

func TestAbsorb(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("crm:1")
		f.record(c, Change{Link: &Link{CRMID: "1"}, Aliases: []string{"crm:alias"}, Open: []Intent{{ID: "i1"}}})
		f.settle(c, Park{Code: "ambiguous"})
		shell := f.begin("pc:r")
		f.fails(f.Absorb(f.Context(), Claim{Key: "pc:r", Fence: 99}, "crm:1"), ErrLeaseLost)
		contains(f, f.Absorb(f.Context(), shell, "pc:r"), "no other deal")
		contains(f, f.Absorb(f.Context(), shell, "pc:unseen"), "no other deal")
		f.ok(f.Absorb(f.Context(), shell, "crm:alias"))
		f.means("pc:r", "crm:1")
		f.fails(f.Settle(f.Context(), shell, Done{}), ErrLeaseLost)
		c = f.claim("crm:1")
		equal(f, "un-parked by it", c.Parked, true)
		equal(f, "open", len(f.load("crm:1").Intents), 1)
		f.settle(c, Done{})
		f.event("later", "pc:r")
		f.claim("crm:1")
	})
}

// Microsoft's counterpart, found by a deal of its own, becomes part of what the other deal knows, and a run of that deal that read
// its link before does not undo it.
func TestAbsorbHandsTheCounterpartOver(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("crm:1")
		f.record(c, Change{Link: &Link{CRMID: "1", ReferralID: "own", EngagementID: "e"}})
		before := f.load("crm:1").Link
		shell := f.begin("pc:theirs")
		f.record(shell, Change{Link: &Link{CounterpartID: "theirs", EngagementID: "e"}})
		f.ok(f.Absorb(f.Context(), shell, "pc:own"))
		f.means("pc:theirs", "crm:1")
		before.Phase = PhaseClosed
		f.record(c, Change{Link: &before})
		after := f.load("crm:1").Link
		equal(f, "counterpart", after.CounterpartID, "theirs")
		equal(f, "phase", after.Phase, PhaseClosed)
	})
}

func TestNamedLeases(t *testing.T) {
	onAll(t, func(f fixture) {
		first, ok, err := f.Acquire(f.Context(), "sweep", time.Minute)
		f.ok(err)
		equal(f, "acquired", ok, true)
		_, ok, err = f.Acquire(f.Context(), "sweep", time.Minute)
		f.ok(err)
		equal(f, "acquired twice", ok, false)
		_, ok, err = f.Acquire(f.Context(), "account:contoso", time.Minute)
		f.ok(err)
		equal(f, "another name", ok, true)
		f.clock.Advance(59 * time.Second)
		first, err = f.Renew(f.Context(), first, time.Minute)
		f.ok(err)
		equal(f, "until", first.Until, f.clock.Now().Add(time.Minute))
		f.clock.Advance(time.Minute)
		_, err = f.Renew(f.Context(), first, time.Minute)
		f.fails(err, ErrLeaseLost)
		second, ok, err := f.Acquire(f.Context(), "sweep", time.Minute)
		f.ok(err)
		if !ok || second.Fence <= first.Fence {
			f.Fatalf("after %v acquired %v, %v", first, second, ok)
		}
		f.ok(f.Release(f.Context(), first)) // no longer its holder
		_, ok, err = f.Acquire(f.Context(), "sweep", time.Minute)
		f.ok(err)
		equal(f, "released by another", ok, false)
		f.ok(f.Release(f.Context(), second))
		_, ok, err = f.Acquire(f.Context(), "sweep", time.Minute)
		f.ok(err)
		equal(f, "released", ok, true)
	})
}

func TestCursorMovesWithItsEvents(t *testing.T) {
	onAll(t, func(f fixture) {
		ctx := f.Context()
		f.ok(f.Enqueue(ctx, []Event{{ID: "e1", Key: "pc:1"}}, &Cursor{"referrals", "t1"}))
		contains(f, f.Enqueue(ctx, []Event{{ID: "e2", Key: "pc:1"}, {ID: "", Key: "pc:1"}}, &Cursor{"referrals", "t2"}), "event id is empty")
		contains(f, f.Enqueue(ctx, []Event{{ID: "e2"}}, &Cursor{"referrals", "t2"}), "external key of event e2 is empty")
		contains(f, f.Enqueue(ctx, nil, &Cursor{}), "name of the cursor is empty")
		got, err := f.Cursor(ctx, "referrals")
		f.ok(err)
		equal(f, "cursor", got, "t1")
		f.ok(f.Enqueue(ctx, nil, &Cursor{"referrals", "t3"}))
		got, err = f.Cursor(ctx, "referrals")
		f.ok(err)
		equal(f, "cursor", got, "t3")
		got, err = f.Cursor(ctx, "records")
		f.ok(err)
		equal(f, "unmoved cursor", got, "")
		equal(f, "generation", f.claim("pc:1").Generation, 1)
	})
}

func TestAuditTrailIsOrdered(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("pc:1")
		now := f.clock.Now()
		first := AuditEntry{At: now.Add(-time.Minute), Actor: "operator", Direction: "pc", Field: "name", Old: "a", New: "b", Rule: "shared_crm", Detail: "d"}
		f.record(c, Change{Audit: []AuditEntry{{Detail: "second"}, {Detail: "third"}}})
		f.record(c, Change{Audit: []AuditEntry{first}})
		trail, err := f.AuditTrail(f.Context(), "pc:1")
		f.ok(err)
		equal(f, "trail", trail, []AuditEntry{first, {At: now, Detail: "second"}, {At: now, Detail: "third"}})
	})
}

func TestPruneForgetsOldEvents(t *testing.T) {
	onAll(t, func(f fixture) {
		f.settle(f.begin("pc:1"), Done{})
		f.clock.Advance(48 * time.Hour)
		f.ok(f.Prune(f.Context(), Retention{Events: 49 * time.Hour}))
		f.event("first event of pc:1", "pc:1")
		f.idle()
		f.ok(f.Prune(f.Context(), Retention{Events: 47 * time.Hour}))
		f.event("first event of pc:1", "pc:1")
		f.claim("pc:1")
	})
}

func TestWake(t *testing.T) {
	onAll(t, func(f fixture) {
		wakes := func(what string, want bool) {
			f.Helper()
			select {
			case <-f.Wake():
				equal(f, what, true, want)
			default:
				equal(f, what, false, want)
			}
		}
		wakes("at first", false)
		f.event("e1", "pc:1")
		f.event("e2", "pc:2")
		wakes("event", true)
		wakes("once for both", false)
		f.event("e1", "pc:1")
		wakes("repeated event", false)
		f.ok(f.Reconsider(f.Context(), ""))
		wakes("release", true)
		claims, err := f.Claim(f.Context(), 2, leaseTime)
		f.ok(err)
		wakes("claim", false)
		f.settle(claims[0], Retry{At: f.clock.Now()})
		wakes("retry", true)
		f.ok(f.Absorb(f.Context(), claims[1], "pc:1"))
		wakes("absorb", true)
	})
}

func TestStats(t *testing.T) {
	onAll(t, func(f fixture) {
		for _, outcome := range []Outcome{Park{}, Gate{Flow: "x"}, Done{}} {
			f.settle(f.begin(fmt.Sprintf("pc:%T", outcome)), outcome)
		}
		c := f.begin("pc:leased")
		f.record(c, Change{Link: &Link{ReferralID: "leased", CRMID: "1"}, Open: []Intent{{ID: "i1"}, {ID: "i2", State: IntentDone}}})
		f.event("due", "pc:due")
		got, err := f.Stats(f.Context())
		f.ok(err)
		equal(f, "stats", got, Stats{Due: 1, Leased: 1, Parked: 1, Gated: 1, Linked: 1, OpenIntents: 1})
	})
}

func TestHostileText(t *testing.T) {
	onAll(t, func(f fixture) {
		ctx := f.Context()
		bad := "a\x00b\xff"
		contains(f, f.Enqueue(ctx, []Event{{ID: bad, Key: "pc:1"}}, nil), "not valid UTF-8")
		contains(f, f.Enqueue(ctx, []Event{{ID: "e1", Key: bad}}, nil), "not valid UTF-8")
		f.ok(f.Enqueue(ctx, []Event{{ID: "e1", Key: "pc:1", Name: bad, Source: bad, Body: []byte(bad)}}, nil))
		c := f.claim("pc:1")
		f.record(c, Change{Base: Values{"name": bad}, Report: &bad, Audit: []AuditEntry{{Detail: bad}}, Open: []Intent{{ID: "i", Payload: []byte(bad)}}})
		d := f.load("pc:1")
		equal(f, "value", d.Base["name"]+d.Report, strings.Repeat("a\uFFFDb\uFFFD", 2))
		equal(f, "payload", string(d.Intents[0].Payload), bad)
		f.settle(c, Park{Code: bad, Error: bad})
	})
}

func TestLargeBatch(t *testing.T) {
	onAll(t, func(f fixture) {
		var events []Event
		for i := range 1500 {
			events = append(events, Event{ID: fmt.Sprint("e", i), Key: fmt.Sprint("pc:", i/3*2), Priority: Backfill})
		}
		f.ok(f.Enqueue(f.Context(), events, nil))
		claims, err := f.Claim(f.Context(), 1000, leaseTime)
		f.ok(err)
		equal(f, "claims", len(claims), 500)
		for _, c := range claims {
			equal(f, "generation", c.Generation, 3)
		}
	})
}

func TestGivenUpAndClosed(t *testing.T) {
	onAll(t, func(f fixture) {
		gone, cancel := context.WithCancel(f.Context())
		cancel()
		f.fails(f.Enqueue(gone, []Event{{ID: "e1", Key: "pc:1"}}, nil), context.Canceled)
		f.ok(f.Close())
		f.ok(f.Close())
		f.fails(f.Enqueue(f.Context(), []Event{{ID: "e1", Key: "pc:1"}}, nil), ErrClosed)
		_, err := f.Load(f.Context(), "pc:1")
		f.fails(err, ErrClosed)
	})
}

// A new document makes due what was gated or parked under another one, a bounded number a second and after everything else; the same
// document makes nothing due, and neither does any where only a person can help.
func TestReconsider(t *testing.T) {
	onAll(t, func(f fixture) {
		const gated = ReconsideredPerSecond + 3
		for n := range gated {
			f.settle(f.begin(fmt.Sprintf("pc:%03d", n)), Gate{Flow: OutOfScope, Document: "one"})
		}
		f.settle(f.begin("pc:mapping"), Park{Code: "CS220", Error: "failed", Document: "one"})
		f.settle(f.begin("pc:person"), Park{Code: "CS301", Error: "copied"})
		problems, err := f.Problems(f.Context(), 10)
		f.ok(err)
		equal(f, "problems without those out of scope", len(problems), 2)
		stats, err := f.Stats(f.Context())
		f.ok(err)
		equal(f, "gated", stats.Gated, 0)

		f.ok(f.Reconsider(f.Context(), "one"))
		f.idle()

		f.ok(f.Reconsider(f.Context(), "two"))
		f.event("live", "pc:live")
		claims, err := f.Claim(f.Context(), 2*gated, leaseTime)
		f.ok(err)
		equal(f, "due in the first second", len(claims), ReconsideredPerSecond+1)
		equal(f, "first", claims[0].Key, "pc:live")
		for _, c := range claims {
			f.settle(c, Gate{Flow: OutOfScope, Document: "two"})
		}
		f.clock.Advance(time.Second)
		claims, err = f.Claim(f.Context(), 2*gated, leaseTime)
		f.ok(err)
		equal(f, "due in the second", len(claims), 4)
		for _, c := range claims {
			equal(f, "was parked", c.Parked, c.Key == "pc:mapping")
			f.settle(c, Done{})
		}
		f.ok(f.Reconsider(f.Context(), "two"))
		f.idle()
	})
}
