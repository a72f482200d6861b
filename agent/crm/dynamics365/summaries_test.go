package dynamics365_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// existing lists everything in pages, each by an adapter that knows nothing of the page before, and counts the pages.
func (w *world) existing(limit int, between func(page int, last string)) (ids []string, pages int) {
	w.Helper()
	position := ""
	for {
		rows, next, err := w.open().Existing(w.Context(), position, limit)
		w.must(err)
		if len(rows) == 0 {
			return ids, pages
		}
		if len(rows) > limit {
			w.Errorf("a page of %d rows, asked for %d", len(rows), limit)
		}
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		pages++
		position = next
		if between != nil {
			between(pages, ids[len(ids)-1])
		}
	}
}

// What is shared or wanted to be is listed page by page, each once, whether a second saw one of them created or many; where the last one
// of a page is deleted before the next, none is missing.
func TestExistingInPages(t *testing.T) {
	w := newWorld(t)
	w.open()
	wanted := map[string]bool{}
	for i := range 11 {
		if i == 3 || i == 8 {
			w.wait(time.Minute)
		}
		wanted[w.row("opportunities", map[string]any{"name": fmt.Sprint("Deal ", i), "cosell_syncwithpartnercenter": true})] = true
	}
	w.row("opportunities", map[string]any{"name": "Nobody wants it shared"})
	ids, pages := w.existing(4, nil)
	if len(ids) != 11 || pages != 3 {
		t.Errorf("listed %v in %d pages", ids, pages)
	}
	for _, id := range ids {
		if !wanted[id] {
			t.Errorf("%s was not created or is listed twice", id)
		}
		wanted[id] = false
	}
	again, _ := w.existing(2, func(page int, last string) {
		if page == 2 {
			w.must(w.admin.Delete(t.Context(), "opportunities("+last+")", ""))
		}
	})
	for _, id := range ids {
		if !slices.Contains(again, id) {
			t.Errorf("after a deletion %s is missing", id)
		}
	}
	if _, _, err := w.env.Existing(t.Context(), "006000000000001", 4); err == nil {
		t.Error("a position of another CRM was taken")
	}
}

// An opportunity is found by its key, the identifier that it shows, its id and its name, and shows what is compared with a referral.
func TestSummaries(t *testing.T) {
	w := newWorld(t)
	w.open()
	id := w.create(received())
	w.must(w.update(w.read(id), crm.Changes{Fields: map[string]any{"statuscode": "Canceled"}}))
	shown := w.row("opportunities", map[string]any{"name": "It's a copy", "cosell_referralid": referral, "estimatedvalue": 7})
	want := crm.Summary{
		ID: id, Name: "✔ Contoso migration", Account: "Contoso", Value: "12500.5", Key: strings.ToLower(referral), ReferralID: referral, Sync: true, Closed: true,
	}
	find := func(what string, rows []crm.Summary, err error, ids ...string) {
		t.Helper()
		w.must(err)
		var got []string
		for _, row := range rows {
			if got = append(got, row.ID); row.ID == id {
				if diff := cmp.Diff(want, row); diff != "" {
					t.Errorf("%s (-want +got)\n%s", what, diff)
				}
			}
		}
		slices.Sort(got)
		slices.Sort(ids)
		if !slices.Equal(got, ids) {
			t.Errorf("%s: found %v, want %v", what, got, ids)
		}
	}
	many := make([]string, 120)
	for i := range many {
		many[i] = fmt.Sprintf("0a1b2c3d-0000-4000-9000-%012d", i)
	}
	rows, err := w.env.ByReferral(t.Context(), slices.Concat(many, []string{strings.ToLower(referral)}))
	find("by referral", rows, err, id, shown)
	rows, err = w.env.ByID(t.Context(), slices.Concat(many, []string{strings.ToUpper(id), adapter.LeadPrefix + shown}))
	find("by id", rows, err, id)
	for i := range many {
		many[i] = strings.Repeat("長い名前", 50) + fmt.Sprint(i) // in an address each letter takes nine bytes
	}
	rows, err = w.env.ByName(t.Context(), slices.Concat(many, []string{"it's a COPY"}))
	find("by name", rows, err, shown)
}

// Before an agent starts, a dry run says what would be linked, shared, created and left to a person, and writes nothing. An agent then
// does what was said, and its backfill ends.
func TestBackfill(t *testing.T) {
	b := newBed(t)
	b.row("cosell_solutiondetails", map[string]any{"cosell_name": "A solution", "cosell_solutionidentifier": "SOL-1-A"})
	own := b.row("opportunities", map[string]any{"name": "Named"})
	made := func(d partnercenter.Deal) string {
		t.Helper()
		r, err := b.center.PartnerCenter().PortalCreate(d)
		b.must(err)
		return r.ID
	}
	named := made(partnercenter.Deal{Name: "Named", Kind: "private", ExternalCRMID: own})
	alike := made(partnercenter.Deal{Name: "Alike", Kind: "private", Value: partnercenter.Decimal{Number: "12500.5"}})
	alone := made(partnercenter.Deal{Name: "Alone", Kind: "private"})
	opportunity := b.offered(b.seller(), "Wanted", nil)
	twin := b.row("opportunities", map[string]any{"name": "Alike", "estimatedvalue": 12500.5})
	before := b.count("opportunities", "")
	findings := map[string]backfill.Finding{}
	b.must(app.SurveyBackfill(t.Context(), b.document(), b.machine(wire.NewTransport(nil)), func(found []backfill.Finding, _ backfill.Position) error {
		for _, f := range found {
			findings[f.Verdict] = f
		}
		return nil
	}))
	if f := findings[backfill.Link]; f.ReferralID != named || f.RecordID != own {
		t.Errorf("link: %+v", f)
	}
	if f := findings[backfill.CreateReferral]; f.RecordID != opportunity {
		t.Errorf("share: %+v", f)
	}
	if f := findings[backfill.Candidates]; f.ReferralID != alike || !slices.Equal(f.Candidates, []string{twin}) {
		t.Errorf("look-alike: %+v", f)
	}
	if after := b.count("opportunities", ""); after != before || findings[backfill.CreateOpportunity].ReferralID != alone {
		t.Errorf("of %d opportunities the dry run left %d; it found %v", before, after, slices.Collect(maps.Keys(findings)))
	}
	b.must(app.RequestBackfill(t.Context(), b.store, time.Now()))
	b.start(wire.NewTransport(nil))
	b.until("the backfill to be through and the new opportunity to be equal", func() string {
		state, err := app.BackfillState(context.Background(), b.store)
		b.must(err)
		if state == nil || state.Ended == "" {
			return fmt.Sprintf("it is at %+v", state)
		}
		return b.unequal(alone)
	})
}
