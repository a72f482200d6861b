package watch

import (
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// TestAnnounced shows that hits make their deals due, that what is only perhaps worth looking at counts where the deal is known, that
// what was told before changes nothing, and that the position moves in any case.
func TestAnnounced(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	kept := store.NewMemory("test", func() time.Time { return now })
	hit := func(id, version string) crm.Hit { return crm.Hit{ID: id, Version: version, At: now} }
	due := func() (keys []string) {
		claims, err := kept.Claim(t.Context(), 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, claim := range claims {
			keys = append(keys, claim.Key)
			if err := kept.Settle(t.Context(), claim, store.Done{}); err != nil {
				t.Fatal(err)
			}
		}
		return keys
	}
	for _, step := range []struct {
		says string
		told crm.Announcements
		due  int
	}{
		{"a new deal", crm.Announcements{Hits: []crm.Hit{hit("one", "1")}, Perhaps: []crm.Hit{hit("two", "1")}, Position: "a"}, 1},
		{"the same again", crm.Announcements{Hits: []crm.Hit{hit("one", "1")}, Position: "b"}, 0},
		{"a known deal", crm.Announcements{Perhaps: []crm.Hit{hit("one", "2"), hit("two", "2")}, Position: "c"}, 1},
		{"a sign of life", crm.Announcements{Position: "d"}, 0},
	} {
		if _, err := Announced(t.Context(), step.told, kept); err != nil {
			t.Fatal(err)
		}
		position, err := kept.Cursor(t.Context(), PushFeed)
		if keys := due(); len(keys) != step.due || err != nil || position != step.told.Position {
			t.Errorf("%s: due are %v at position %q, %v", step.says, keys, position, err)
		}
	}
}
