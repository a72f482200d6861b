package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a deal needs is kept however old it is; what nobody reads any more goes when its time has come, each kind at its own age.
func TestRetentionForgetsByAge(t *testing.T) {
	onAll(t, func(f fixture) {
		c := f.begin("pc:1")
		f.record(c, Change{
			Link: &Link{ReferralID: "1", CRMID: "1", Phase: PhaseClosed}, Base: Values{"name": "x"}, Pending: Values{"name": "y"},
			Open: []Intent{{ID: "open"}, {ID: "done", State: IntentDone}, {ID: "held", State: IntentHeld}}, Audit: []AuditEntry{{Field: "old"}},
		})
		f.settle(c, Done{})
		_, err := f.Spend(f.Context(), "salesforce", "2026-03-01", 7)
		f.ok(err)
		f.clock.Advance(30 * 24 * time.Hour)
		f.ok(f.Prune(f.Context(), Retention{Events: time.Hour, Intents: time.Hour}))
		trail, err := f.AuditTrail(f.Context(), "pc:1")
		f.ok(err)
		equal(f, "history", len(trail), 1)
		f.ok(f.Prune(f.Context(), Retention{Events: time.Hour, Intents: time.Hour, Audit: time.Hour}))
		trail, err = f.AuditTrail(f.Context(), "pc:1")
		f.ok(err)
		equal(f, "history", len(trail), 0)
		used, err := f.Spend(f.Context(), "salesforce", "2026-03-01", 0)
		f.ok(err)
		equal(f, "used", used, 0)
		d := f.load("pc:1")
		equal(f, "base", d.Base, Values{"name": "x"})
		equal(f, "pending", d.Pending, []Values{{"name": "y"}})
		equal(f, "open intents", len(d.Intents), 1)
		f.means("pc:1", "pc:1")
		f.event("first event of pc:1", "pc:1") // forgotten, so it is new again
		f.claim("pc:1")
	})
}

// A file grows with what is kept and not with what has ever been there: a year of events, intents and history leaves it as large as
// its first month did.
func TestFileDoesNotGrowForEver(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "store.db"), newClock()
	body := []byte(strings.Repeat("x", 2000))
	month := func(month int) int64 {
		s := openFile(t, path, clock.Now)
		f := fixture{T: t, Store: s, clock: clock}
		var events []Event
		for i := range 2000 {
			events = append(events, Event{ID: fmt.Sprint(month, "-", i), Key: fmt.Sprint("pc:", i%50), Body: body})
		}
		f.ok(f.Enqueue(t.Context(), events, nil))
		claims, err := f.Claim(t.Context(), 50, leaseTime)
		f.ok(err)
		for i, c := range claims {
			id := fmt.Sprint(month, "-", i)
			f.record(c, Change{Base: Values{"name": id}, Open: []Intent{{ID: id, Payload: body, State: IntentDone}}, Audit: []AuditEntry{{Old: string(body)}}})
			f.settle(c, Done{})
		}
		clock.Advance(30 * 24 * time.Hour)
		f.ok(f.Prune(t.Context(), Retention{Events: 10 * 24 * time.Hour, Intents: 10 * 24 * time.Hour, Audit: 10 * 24 * time.Hour}))
		f.ok(s.Close())
		return size(t, path)
	}
	first := month(0)
	for i := range 11 {
		if now := month(i + 1); now > first+first/4 {
			t.Fatalf("after month %d the file has %d bytes, after the first one it had %d", i+2, now, first)
		}
	}
	if first > 2_000_000 {
		t.Errorf("the file kept %d bytes for 50 deals", first)
	}
}

// size is the size of a file that nobody has open.
func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// Urgent deals come first; and yet, in the last tenth of each second, it is the turn of the one that has waited longest.
func TestUrgentDealsDelayOthersAndDoNotStarveThem(t *testing.T) {
	onAll(t, func(f fixture) {
		f.ok(f.Enqueue(f.Context(), []Event{{ID: "b", Key: "pc:backfill", Priority: Backfill}}, nil))
		f.clock.Advance(100 * time.Millisecond)
		f.ok(f.Enqueue(f.Context(), []Event{{ID: "s", Key: "pc:sweep", Priority: Sweep}}, nil))
		f.clock.Advance(100 * time.Millisecond)
		f.ok(f.Enqueue(f.Context(), []Event{{ID: "l", Key: "pc:live"}, {ID: "m", Key: "pc:more"}}, nil))
		next := func(want string) {
			f.Helper()
			claims, err := f.Claim(f.Context(), 1, leaseTime)
			f.ok(err)
			if len(claims) != 1 || claims[0].Key != want {
				f.Fatalf("claimed %v, want %s", claims, want)
			}
		}
		next("pc:live")
		f.clock.Advance(700 * time.Millisecond)
		next("pc:backfill")
		f.clock.Advance(100 * time.Millisecond)
		next("pc:more")
		next("pc:sweep")
	})
}

// Every process adds to the same count of a system's calls of a day, and a day begins at nothing.
func TestSpendingIsSharedAndDaily(t *testing.T) {
	onAll(t, func(f fixture) {
		for _, step := range []struct {
			system, day string
			n, want     int64
		}{
			{"salesforce", "2026-03-01", 5, 5}, {"salesforce", "2026-03-01", 2, 7}, {"partner_center", "2026-03-01", 1, 1},
			{"salesforce", "2026-03-02", 0, 0}, {"salesforce", "2026-03-01", 0, 7},
		} {
			got, err := f.Spend(f.Context(), step.system, step.day, step.n)
			f.ok(err)
			equal(f, step.system+" "+step.day, got, step.want)
		}
	})
}
