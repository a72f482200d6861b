package dynamics365_test

import (
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// The catalogue of Microsoft's solution has no alternate key, and may have rows that share an identifier. Deals use what is there, and two
// that add the same solution at once, before either sees the other's, add it once, whatever its case; a row that was removed comes back.
func TestCatalogueWithoutKey(t *testing.T) {
	w := newWorld(t)
	keys, err := w.admin.AlternateKeys(t.Context(), "cosell_solutiondetail")
	w.must(err)
	for _, key := range keys {
		w.must(w.admin.DeleteAlternateKey(t.Context(), "cosell_solutiondetail", key.LogicalName))
	}
	for range 2 {
		w.row("cosell_solutiondetails", map[string]any{"cosell_name": "Theirs", "cosell_solutionidentifier": "SOL-1"})
	}
	w.open()
	listed, err := w.env.Catalogue(t.Context(), []deal.Solution{{ID: "SOL-1"}, {ID: "SOL-2", Name: "Second"}})
	w.must(err)
	if listed[0].CatalogueID == "" || listed[0].Name != "Theirs" || listed[1].CatalogueID != "" {
		t.Fatalf("the catalogue is read as %+v", listed)
	}
	record := func(referral, second string) string {
		r := received()
		r.ReferralID, r.Solutions = referral, []crm.NewSolution{listed[0], {Solution: deal.Solution{ID: second, Name: "Second"}}}
		return w.create(r)
	}
	ids := []string{record(referral, "SOL-2"), record(strings.Replace(referral, "0001", "0002", 1), "sol-2")}
	for _, id := range ids {
		if sold := w.read(id).Sold(); len(sold) != 2 || !strings.EqualFold(sold[0].ID+sold[1].ID, "SOL-1SOL-2") && !strings.EqualFold(sold[0].ID+sold[1].ID, "SOL-2SOL-1") {
			t.Errorf("the deal has %+v", sold)
		}
	}
	if rows := w.rows("cosell_solutiondetails", ""); len(rows) != 3 {
		t.Errorf("the catalogue has %v", rows)
	}
	added := w.rows("cosell_solutiondetails", "cosell_name eq 'Second'")
	if len(added) != 1 {
		t.Fatalf("the solution is there as %v", added)
	}
	w.must(w.admin.Delete(t.Context(), "cosell_solutiondetails("+added[0]["cosell_solutiondetailid"].(string)+")", ""))
	record(strings.Replace(referral, "0001", "0003", 1), "SOL-2")
	if rows := w.rows("cosell_solutiondetails", "cosell_solutionidentifier eq 'SOL-2'"); len(rows) != 1 {
		t.Errorf("what was removed is there as %v", rows)
	}
}
