package backfill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// org is a CRM whose rows are made when they are read, so that it takes no memory itself.
type org struct {
	rows               func(id string) (crm.Summary, bool)
	ids                func(after string, limit int) []string
	ofReferral, ofName func(text string) []string // ids

	reads int
}

func (o *org) Known(id string) bool { return strings.HasPrefix(id, "006") }

func (o *org) list(ids []string) []crm.Summary {
	o.reads++
	var out []crm.Summary
	for _, id := range ids {
		if row, ok := o.rows(id); ok {
			out = append(out, row)
		}
	}
	return out
}

func (o *org) Existing(_ context.Context, after string, limit int) ([]crm.Summary, string, error) {
	ids := o.ids(after, limit)
	if len(ids) == 0 {
		return nil, after, nil
	}
	return o.list(ids), ids[len(ids)-1], nil
}

func (o *org) ByReferral(_ context.Context, ids []string) ([]crm.Summary, error) {
	var found []string
	for _, id := range ids {
		found = append(found, o.ofReferral(id)...)
	}
	return o.list(found), nil
}

func (o *org) ByID(_ context.Context, ids []string) ([]crm.Summary, error) {
	found := o.list(ids)
	for _, id := range ids {
		if lower := strings.Replace(id, "C", "c", 1); lower != id {
			found = append(found, o.list([]string{lower})...)
		}
	}
	return found, nil
}

func (o *org) ByName(_ context.Context, names []string) ([]crm.Summary, error) {
	var found []string
	for _, name := range names {
		found = append(found, o.ofName(name)...)
	}
	return o.list(found), nil
}

// few is a CRM of some rows.
func few(rows ...crm.Summary) *org {
	by := map[string]crm.Summary{}
	for _, row := range rows {
		by[row.ID] = row
	}
	where := func(keep func(crm.Summary) bool) (ids []string) {
		for _, id := range slices.Sorted(maps.Keys(by)) {
			if keep(by[id]) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	return &org{
		rows: func(id string) (crm.Summary, bool) { row, ok := by[id]; return row, ok },
		ids: func(after string, limit int) []string {
			ids := where(func(c crm.Summary) bool { return c.ID > after && (c.Sync || c.Key != "" || c.ReferralID != "") })
			return ids[:min(limit, len(ids))]
		},
		ofReferral: func(id string) []string {
			return where(func(c crm.Summary) bool { return strings.EqualFold(c.Key, id) || strings.EqualFold(c.ReferralID, id) })
		},
		ofName: func(name string) []string {
			return where(func(c crm.Summary) bool { return strings.EqualFold(c.Name, name) })
		},
	}
}

// tenant streams referrals that are made when they are read.
type tenant struct {
	size int
	make func(i int) referral.Referral
}

func (t tenant) OldestFirst(context.Context) iter.Seq2[referral.Referral, error] {
	return func(yield func(referral.Referral, error) bool) {
		for i := range t.size {
			if !yield(t.make(i), nil) {
				return
			}
		}
	}
}

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func made(id, status string, edit func(*referral.Referral)) referral.Referral {
	r := referral.Referral{ID: id, Outgoing: true, Tree: map[string]any{"status": status, "id": id}}
	if edit != nil {
		edit(&r)
	}
	return r
}

func of(list ...referral.Referral) tenant {
	return tenant{len(list), func(i int) referral.Referral {
		list[i].CreatedAt = began.Add(time.Duration(i) * time.Second)
		return list[i]
	}}
}

// named makes a referral of a name, customer and value.
func named(id, name, customer string, value float64) referral.Referral {
	return made(id, "Active", func(r *referral.Referral) {
		r.Name = name
		r.Tree["customerProfile"] = map[string]any{"name": customer}
		r.Tree["details"] = map[string]any{"dealValue": value}
	})
}

func run(t *testing.T, s *Survey, from Position) (findings map[string]Finding, events []store.Event, end Position) {
	t.Helper()
	findings = map[string]Finding{}
	err := s.Run(t.Context(), from, func(found []Finding, at Position) error {
		for _, f := range found {
			findings[cmp.Or(f.ReferralID, f.RecordID)] = f
			if e, due := f.Event("1"); due {
				events = append(events, e)
			}
		}
		end = at
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return findings, events, end
}

// What belongs together is told by identifiers. What only looks alike is left to a person, and what contradicts itself too.
func TestVerdicts(t *testing.T) {
	s := &Survey{
		Records: few(
			crm.Summary{ID: "0061", Key: "r-keyed", ReferralID: "r-keyed", Sync: true},
			crm.Summary{ID: "0062", Sync: true},
			crm.Summary{ID: "0063", Key: "r-other", Sync: true},
			crm.Summary{ID: "0064", ReferralID: "r-shown", Sync: true},
			crm.Summary{ID: "0065", Name: "Big deal", Account: "Fabrikam, Inc.", Value: "7"},
			crm.Summary{ID: "0066", Name: "Small deal", Account: "Contoso", Value: "500", Sync: true},
			crm.Summary{ID: "0067", Name: "Third deal", Account: "Contoso", Value: "1"},
			crm.Summary{ID: "0068", Sync: true},
			crm.Summary{ID: "0069", Sync: true, Closed: true},
			crm.Summary{ID: "006A", Key: "r-vanished"},
			crm.Summary{ID: "006B", ReferralID: "r-vanished2"},
			crm.Summary{ID: "006c", Sync: true},
		),
		Referrals: of(
			made("R-KEYED", "Active", func(r *referral.Referral) { r.ExternalReference = "0061" }),
			made("r-named", "Active", func(r *referral.Referral) { r.ExternalReference = "0062" }),
			made("r-named-in-capitals", "Active", func(r *referral.Referral) { r.ExternalReference = "006C" }),
			made("r-taken", "Active", func(r *referral.Referral) { r.ExternalReference = "0063" }),
			made("r-shown", "Active", nil),
			named("r-name-and-customer", "big DEAL", "Fabrikam", 9),
			named("r-name-and-value", "Small deal", "Somebody", 500),
			named("r-name-only", "Third deal", "Somebody", 500),
			made("r-new", "New", nil),
			made("r-closed", "Closed", nil),
			made("r-microsoft", "Active", func(r *referral.Referral) { r.Microsoft = true }),
			made("r-scope", "Active", func(r *referral.Referral) { r.PartnerID = "elsewhere" }),
			made("r-lead", "New", func(r *referral.Referral) { r.Lead = true }),
			made("r-foreign", "Active", func(r *referral.Referral) { r.ExternalReference = "another CRM's" }),
		),
		Scope: func(r referral.Referral) bool { return r.PartnerID == "" },
	}
	found, events, end := run(t, s, Position{})
	want := map[string]string{
		"R-KEYED": Linked, "r-named": Link, "r-named-in-capitals": Link, "r-taken": Conflict, "r-shown": Conflict, "r-name-and-customer": Candidates, "r-name-and-value": Candidates,
		"r-name-only": CreateOpportunity, "r-new": CreateOpportunity, "r-closed": Skipped, "r-microsoft": Skipped, "r-scope": Skipped, "r-lead": Lead,
		"r-foreign": CreateOpportunity, "0068": CreateReferral, "0069": Skipped, "006A": Conflict, "006B": Conflict,
	}
	for id, verdict := range want {
		if found[id].Verdict != verdict {
			t.Errorf("%s: %+v, want %s", id, found[id], verdict)
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d findings, want %d: %+v", len(found), len(want), found)
	}
	if got := found["r-name-and-customer"].Candidates; !slices.Equal(got, []string{"0065"}) {
		t.Errorf("candidates %v", got)
	}
	for _, e := range events {
		if f := found[strings.TrimPrefix(strings.TrimPrefix(e.Key, "pc:"), "crm:")]; f.Verdict == Candidates || f.Verdict == Skipped || e.Priority != store.Backfill {
			t.Errorf("event %+v of %+v", e, f)
		}
	}
	if end != (Position{Phase: PhaseDone, Referrals: 14, Records: 10}) {
		t.Errorf("ended at %+v", end)
	}
}

// many is a CRM and a tenant of n deals each: of ten, seven are linked by their key, one by the referral's reference, one referral
// and one opportunity stand alone. Nothing of them is kept.
func many(n int) (*org, tenant) {
	row := func(i int) (crm.Summary, bool) {
		c := crm.Summary{ID: fmt.Sprintf("006%09d", i), Name: fmt.Sprint("Deal ", i), Account: "Contoso", Value: "1", Sync: true}
		switch {
		case i < 0 || i >= n || i%10 == 8:
			return c, false
		case i%10 < 7:
			c.Key = fmt.Sprintf("r%09d", i)
		}
		return c, true
	}
	number := func(id string) int { i, _ := strconv.Atoi(id[len(id)-9:]); return i }
	o := &org{
		rows: func(id string) (crm.Summary, bool) { return row(number(id)) },
		ids: func(after string, limit int) (ids []string) {
			next := 0
			if after != "" {
				next = number(after) + 1
			}
			for ; next < n && len(ids) < limit; next++ {
				if c, ok := row(next); ok {
					ids = append(ids, c.ID)
				}
			}
			return ids
		},
		ofReferral: func(id string) []string {
			if c, ok := row(number(id)); ok && c.Key == id {
				return []string{c.ID}
			}
			return nil
		},
		ofName: func(string) []string { return nil },
	}
	return o, tenant{n, func(i int) referral.Referral {
		r := named(fmt.Sprintf("r%09d", i), fmt.Sprint("Deal ", i), "Contoso", 1)
		r.CreatedAt = began.Add(time.Duration(i) * time.Second)
		if i%10 == 7 {
			r.ExternalReference = fmt.Sprintf("006%09d", i)
		}
		if i%10 == 9 {
			r.Tree["status"] = "Closed"
		}
		r.Tree["details"] = map[string]any{"dealValue": 1.0, "notes": strings.Repeat("x", 4000)} // as large as a real one
		return r
	}}
}

// Both sides hold 100,000 deals. They are read page by page, and what is kept of them does not grow with them: less than 40 bytes a
// deal, where one deal takes more than 4,000.
func TestMemoryDoesNotGrowWithTheDeals(t *testing.T) {
	const deals = 100_000
	o, remote := many(deals)
	s := &Survey{Records: o, Referrals: remote}
	counts := map[string]int{}
	var pages int
	var peak uint64
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	err := s.Run(t.Context(), Position{}, func(found []Finding, _ Position) error {
		if pages++; pages%100 == 0 {
			peak = max(peak, heap())
		}
		for _, f := range found {
			counts[f.Verdict]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{Linked: deals / 10 * 7, Link: deals / 10, CreateOpportunity: deals / 10, Skipped: deals / 10, CreateReferral: deals / 10}
	if !maps.Equal(counts, want) {
		t.Errorf("found %v, want %v", counts, want)
	}
	grown := peak - min(before, peak)
	if grown > 40*deals {
		t.Errorf("the survey kept %d bytes of %d deals", grown, deals)
	}
	if o.reads > deals/25 {
		t.Errorf("%d queries", o.reads)
	}
	status, err := os.ReadFile("/proc/self/status")
	rss := "not known here"
	if err == nil {
		for line := range strings.Lines(string(status)) {
			if after, found := strings.CutPrefix(line, "VmHWM:"); found {
				rss = strings.TrimSpace(after)
			}
		}
	}
	t.Logf("%d deals on each side: %d pages, %d queries, heap grew by %d KiB, peak RSS of the process %s", deals, pages, o.reads, grown>>10, rss)
}

// A backfill that was interrupted goes on where it was, and hands on what is missing, and at most one page again.
func TestGoesOnWhereItWas(t *testing.T) {
	o, remote := many(3000)
	full, _, _ := run(t, &Survey{Records: o, Referrals: remote}, Position{})
	for stop := 1; stop <= 30; stop += 7 {
		seen, pages, conflicts := map[string]int{}, 0, 0
		var at Position
		killed := errors.New("killed")
		page := func(found []Finding, next Position) error {
			if pages++; pages > stop {
				return killed
			}
			at = next
			for _, f := range found {
				seen[cmp.Or(f.ReferralID, f.RecordID)]++
				if f.Verdict == Conflict {
					conflicts++
				}
			}
			return nil
		}
		if err := (&Survey{Records: o, Referrals: remote}).Run(t.Context(), Position{}, page); !errors.Is(err, killed) {
			t.Fatal(err)
		}
		pages = -1 << 20
		if err := (&Survey{Records: o, Referrals: remote}).Run(t.Context(), at, page); err != nil {
			t.Fatal(err)
		}
		if conflicts > 0 {
			t.Errorf("stopped after %d pages: %d conflicts, where there are none", stop, conflicts)
		}
		for id, f := range full {
			if seen[id] == 0 {
				t.Fatalf("stopped after %d pages: %s (%s) is missing", stop, id, f.Verdict)
			}
		}
	}
}
