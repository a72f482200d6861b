package dynamics365_test

import (
	"fmt"
	"strings"
	"testing"

	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// A country that is a lookup to a table of countries is read by the column of that table that holds its code.
func TestCountryThroughALookup(t *testing.T) {
	w := newWorld(t)
	label := func(text string) dataverse.Label { return dataverse.NewLabel(text, 1033) }
	_, err := w.admin.CreateTable(t.Context(), solution, dataverse.NewTable{
		SchemaName: "cosell_Land", DisplayName: label("Country"), CollectionName: label("Lands"), OrganizationOwned: true,
		PrimaryName: dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_Name", DisplayName: label("Name"), MaxLength: 100},
	})
	w.must(err)
	_, err = w.admin.CreateColumn(t.Context(), solution, "cosell_land", dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_Iso2", DisplayName: label("Code"), MaxLength: 2})
	w.must(err)
	_, err = w.admin.CreateLookup(t.Context(), solution, dataverse.NewLookup{
		SchemaName: "cosell_country_opportunity", Referenced: "cosell_land", ReferencedKey: "cosell_landid", Referencing: "opportunity",
		ColumnSchemaName: "cosell_CountryId", DisplayName: label("Country"), OnDelete: "RemoveLink",
	})
	w.must(err)
	w.must(w.admin.PublishAll(t.Context()))
	w.open(func(n *adapter.Names) {
		n.Mapped = append(n.Mapped[:len(n.Mapped):len(n.Mapped)], "cosell_CountryId.cosell_Iso2")
	})
	country := w.row("cosell_lands", map[string]any{"cosell_name": "Norge", "cosell_iso2": "NO"})
	with := w.row("opportunities", map[string]any{"name": "With", "cosell_CountryId@odata.bind": "/cosell_lands(" + country + ")"})
	without := w.row("opportunities", map[string]any{"name": "Without"})
	for id, want := range map[string]any{with: "NO", without: nil} {
		if got := w.read(id).Fields["cosell_CountryId.cosell_Iso2"]; got != want {
			t.Errorf("the country is %v, want %v", got, want)
		}
	}
}

// A deal that Microsoft has seen stays visible when a seller takes that back, and a request for help makes a private deal visible.
func TestVisibilityIsNotTakenBack(t *testing.T) {
	b := newBed(t)
	b.row("cosell_solutiondetails", map[string]any{"cosell_name": "A solution", "cosell_solutionidentifier": "SOL-1-A"})
	seller := b.seller()
	b.start(wire.NewTransport(nil))
	visible := func(name, id string) func() string {
		return func() string {
			own, _ := b.shared(name)
			if len(own) != 1 || !own[0].Consent.ShareWithMicrosoft || b.look("opportunities", id)["cosell_referralvisibility"] != true {
				return fmt.Sprintf("it is not visible on both sides: %v", b.look("opportunities", id)["cosell_audit"])
			}
			return ""
		}
	}
	id := b.offered(seller, "Shown", map[string]any{"cosell_referralvisibility": true})
	b.until("the deal to be visible", visible("Shown", id))
	b.edit("opportunities", id, map[string]any{"cosell_referralvisibility": false, "description": "taken back"})
	b.until("the visibility to be restored", func() string {
		own, _ := b.shared("Shown")
		if notes := own[0].Details.Notes; notes == nil || *notes != "taken back" {
			return "the edit beside it has not arrived"
		}
		return visible("Shown", id)()
	})
	helped := b.offered(seller, "Helped", nil)
	b.until("the second deal to be private in Partner Center", func() string {
		if own, _ := b.shared("Helped"); len(own) != 1 || own[0].Consent.ShareWithMicrosoft {
			return "it is not"
		}
		return ""
	})
	b.edit("opportunities", helped, map[string]any{"cosell_howcanmicrosofthelp": b.helpOption("Quotes or licensing")})
	b.until("help to make it visible", visible("Helped", helped))
}

// Microsoft's identifier is on the opportunity when Microsoft has accepted the deal, and not before.
func TestMicrosoftsIdentifierComesWithTheAcceptance(t *testing.T) {
	b := newBed(t)
	b.row("cosell_solutiondetails", map[string]any{"cosell_name": "A solution", "cosell_solutionidentifier": "SOL-1-A"})
	b.start(wire.NewTransport(nil))
	id := b.offered(b.seller(), "Together", map[string]any{"cosell_howcanmicrosofthelp": b.helpOption("Quotes or licensing")})
	b.until("the deal to be Microsoft's too", func() string {
		if _, microsofts := b.shared("Together"); len(microsofts) != 1 {
			return fmt.Sprintf("it is not: %v", b.look("opportunities", id)["cosell_audit"])
		}
		return ""
	})
	if before := b.look("opportunities", id)["cosell_microsoftcrmid"]; before != nil && before != "" {
		t.Errorf("before the acceptance it is %v", before)
	}
	_, microsofts := b.shared("Together")
	_, err := b.center.Act(t.Context(), "accept_counterpart", []byte(`{"id":"`+microsofts[0].ID+`","microsoft_crm_id":"7-ACCEPTED"}`))
	b.must(err)
	b.until("Microsoft's identifier", func() string {
		if got := b.look("opportunities", id)["cosell_microsoftcrmid"]; got != "7-ACCEPTED" {
			return fmt.Sprintf("it is %v", got)
		}
		return ""
	})
}

// What the text column of an older installation names becomes rows, once, and is what the referral names; the column is never written.
func TestProductsBecomeSolutionsOnce(t *testing.T) {
	b := newBed(t)
	_, err := b.admin.CreateColumn(t.Context(), solution, "opportunity", dataverse.Column{
		Kind: dataverse.Text, SchemaName: "cosell_Products", DisplayName: dataverse.NewLabel("Products", 1033), MaxLength: 200,
	})
	b.must(err)
	b.must(b.admin.PublishAll(t.Context()))
	for _, identifier := range []string{"SOL-1-A", "SOL-2-B"} {
		b.row("cosell_solutiondetails", map[string]any{"cosell_name": identifier, "cosell_solutionidentifier": identifier})
	}
	seller := b.seller()
	d := b.document()
	d.CRM.Fields[document.FieldProducts] = "cosell_Products"
	b.startWith(d, wire.NewTransport(nil))
	account := b.row("accounts", map[string]any{
		"name": "Customer", "address1_line1": "Karl Johans gate 1", "address1_city": "Oslo", "address1_postalcode": "0150", "address1_country": "Norway",
	})
	id := b.row("opportunities", map[string]any{
		"name": "Old", "estimatedvalue": 4200, "estimatedclosedate": "2027-03-31", "parentaccountid@odata.bind": "/accounts(" + account + ")",
		"ownerid@odata.bind": "/systemusers(" + seller + ")", "cosell_products": "SOL-1-A;SOL-2-B", "cosell_syncwithpartnercenter": true,
	})
	rows := func() []map[string]any {
		return b.rows("cosell_microsoftsolutions", "_cosell_opportunityid_value eq "+id)
	}
	named := func(want int) func() string {
		return func() string {
			own, _ := b.shared("Old")
			if len(own) != 1 || len(own[0].Details.Requirements.Solutions) != want || len(rows()) != want {
				return fmt.Sprintf("there are %d rows: %v", len(rows()), b.look("opportunities", id)["cosell_audit"])
			}
			return ""
		}
	}
	b.until("the products to be rows", named(2))
	gone, err := dataverse.Row("cosell_microsoftsolutions", fmt.Sprint(rows()[0]["cosell_microsoftsolutionid"]))
	b.must(err)
	b.must(b.admin.Delete(t.Context(), gone, ""))
	b.until("the removal to arrive", named(1))
	b.edit("opportunities", id, map[string]any{"description": "later"})
	b.until("a later edit", func() string {
		own, _ := b.shared("Old")
		if notes := own[0].Details.Notes; notes == nil || *notes != "later" {
			return "it has not arrived"
		}
		return named(1)()
	})
	if got := fmt.Sprint(b.look("opportunities", id)["cosell_products"]); !strings.EqualFold(got, "SOL-1-A;SOL-2-B") {
		t.Errorf("the column is %q", got)
	}
}
