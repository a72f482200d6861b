package watch

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// listing is a Partner Center that only lists.
type listing struct {
	referral.API
	asked   []time.Time
	updated []referral.Referral
}

func (l *listing) UpdatedSince(_ context.Context, since time.Time) ([]referral.Referral, error) {
	l.asked = append(l.asked, since)
	return slices.DeleteFunc(slices.Clone(l.updated), func(r referral.Referral) bool { return r.UpdatedAt.Before(since) }), nil
}

func (l *listing) Waiting(context.Context) ([]referral.Referral, error) { return nil, nil }

// TestFirstSweep shows that the first sweep of an empty store begins where it is told to, that a time to come is the present, and that
// later sweeps go on from the last one whatever the first was told.
func TestFirstSweep(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	changed := now.Add(-40 * time.Minute) // between the switch-off of another product and the start
	for _, c := range []struct {
		says  string
		first time.Time
		asks  time.Time
		found int
	}{
		{"not told", time.Time{}, now.Add(-Overlap), 0},
		{"before the change", now.Add(-time.Hour), now.Add(-time.Hour - Overlap), 1},
		{"a time to come", now.Add(time.Hour), now.Add(-Overlap), 0},
	} {
		center, kept := &listing{updated: []referral.Referral{{ID: "one", UpdatedAt: changed}}}, store.NewMemory("test", func() time.Time { return now })
		for sweep, asks := range []time.Time{c.asks, now.Add(-Overlap)} {
			found, err := Referrals(t.Context(), center, kept, func() time.Time { return now }, c.first)
			if sweep > 0 && c.found > 0 {
				asks = changed.Add(-Overlap) // what was seen last is where the next one begins
			}
			if err != nil || found != c.found || !center.asked[sweep].Equal(asks) {
				t.Errorf("%s, sweep %d: it asked from %s and found %d, %v; want from %s and %d", c.says, sweep, center.asked[sweep], found, err, asks, c.found)
			}
		}
	}
}

// changing is a CRM that only lists.
type changing map[string][]crm.Hit // by position

func (c changing) Changes(_ context.Context, position string) ([]crm.Hit, string, error) {
	return c[position], position + "+", nil
}

// TestUnseen shows that what changed since the feeds were read is listed once, and that the positions stay where they are.
func TestUnseen(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	kept, center := store.NewMemory("test", func() time.Time { return now }), &listing{}
	feed := changing{"+": {{ID: "after", Version: "1"}, {ID: "after", Version: "2"}}}
	if _, _, err := Unseen(t.Context(), feed, center, kept); !errors.Is(err, ErrNeverRead) {
		t.Errorf("before anything was read: %v", err)
	}
	if _, err := Records(t.Context(), feed, kept, now); err != nil {
		t.Fatal(err)
	}
	if _, err := Referrals(t.Context(), center, kept, func() time.Time { return now }, time.Time{}); err != nil {
		t.Fatal(err)
	}
	center.updated = []referral.Referral{{ID: "long ago", UpdatedAt: now.Add(-time.Hour)}, {ID: "now", UpdatedAt: now}, {ID: "now", UpdatedAt: now}}
	for range 2 {
		records, referrals, err := Unseen(t.Context(), feed, center, kept)
		if diff := cmp.Diff([][]string{{"after"}, {"now"}}, [][]string{records, referrals}); err != nil || diff != "" {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	}
}
