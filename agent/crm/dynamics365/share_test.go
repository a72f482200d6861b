package dynamics365_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// seller makes a user with everything that a referral's team needs.
func (b *bed) seller() string {
	b.Helper()
	unit, err := b.admin.WhoAmI(b.Context())
	b.must(err)
	return b.row("systemusers", map[string]any{
		"firstname": "Sonja", "lastname": "Seller", "internalemailaddress": "sonja@partner.example", "domainname": "sonja@partner.example", "accessmode": 0,
		"mobilephone": "+47 40 00 00 01", "businessunitid@odata.bind": "/businessunits(" + unit.BusinessUnitID + ")",
	})
}

// offered makes a deal of the seller's that has all that a share asks for, and gives its id.
func (b *bed) offered(seller, name string, more map[string]any) string {
	b.Helper()
	account := b.row("accounts", map[string]any{
		"name": "Customer of " + name, "address1_line1": "Karl Johans gate 1", "address1_city": "Oslo", "address1_postalcode": "0150", "address1_country": "Norway",
	})
	contact := b.row("contacts", map[string]any{
		"firstname": "Nora", "lastname": "Buyer", "emailaddress1": "nora@customer.example", "telephone1": "+47 22 00 00 00",
		"parentcustomerid_account@odata.bind": "/accounts(" + account + ")",
	})
	body := map[string]any{
		"name": name, "estimatedvalue": 4200, "estimatedclosedate": "2027-03-31", "description": "words of " + name,
		"parentaccountid@odata.bind": "/accounts(" + account + ")", "parentcontactid@odata.bind": "/contacts(" + contact + ")",
		"ownerid@odata.bind": "/systemusers(" + seller + ")",
	}
	maps.Copy(body, more)
	id := b.row("opportunities", body)
	b.row("cosell_microsoftsolutions", map[string]any{
		"cosell_name": "A solution", "cosell_OpportunityId@odata.bind": "/opportunities(" + id + ")",
		"cosell_SolutionDetailId@odata.bind": "/cosell_solutiondetails(cosell_solutionidentifier='SOL-1-A')",
	})
	b.edit("opportunities", id, map[string]any{"cosell_syncwithpartnercenter": true})
	return id
}

// helpOption is the number of a kind of help in the environment.
func (b *bed) helpOption(label string) int {
	b.Helper()
	column, err := b.admin.Column(b.Context(), "opportunity", "cosell_howcanmicrosofthelp", dataverse.Choice)
	b.must(err)
	for _, option := range column.Options {
		if option.Label.Text() == label {
			return *option.Value
		}
	}
	b.Fatalf("there is no help %q", label)
	return 0
}

// shared gives the referrals of a deal by its name, Microsoft's apart from the partner's own.
func (b *bed) shared(name string) (own, microsofts []*partnercenter.Referral) {
	for _, r := range b.center.PartnerCenter().All() {
		switch {
		case r.Name != name:
		case len(r.Target) == 1 && r.Target[0].ID == "msft":
			microsofts = append(microsofts, r)
		default:
			own = append(own, r)
		}
	}
	return own, microsofts
}

// A seller shares a private deal, one that Microsoft sees, and one with a request for help: each is in Partner Center once, with its
// customer, solution, contact where it is asked for, and the seller in the team; the deal says that it is in sync.
func TestSellerShares(t *testing.T) {
	b := newBed(t)
	b.row("cosell_solutiondetails", map[string]any{"cosell_name": "A solution", "cosell_solutionidentifier": "SOL-1-A"})
	seller := b.seller()
	b.start(wire.NewTransport(nil))
	for name, c := range map[string]struct {
		more    map[string]any
		visible bool
		help    string
	}{
		"Private":     {nil, false, ""},
		"Partner led": {map[string]any{"cosell_referralvisibility": true}, true, ""},
		"Together":    {map[string]any{"cosell_howcanmicrosofthelp": b.helpOption("Quotes or licensing")}, true, "QuotesOrLicensing"},
	} {
		id := b.offered(seller, name, c.more)
		b.until(name+" to be shared", func() string {
			own, microsofts := b.shared(name)
			if len(own) != 1 || len(microsofts) > 0 != (c.help != "") {
				return fmt.Sprintf("there are %d and %d referrals, and the deal says %v", len(own), len(microsofts), b.look("opportunities", id)["cosell_audit"])
			}
			if said := fmt.Sprint(b.look("opportunities", id)["cosell_syncstatus"]); !strings.HasPrefix(said, "In sync") {
				return "its status is " + said
			}
			return b.unequal(own[0].ID)
		})
		own, microsofts := b.shared(name)
		r := own[0]
		if r.Consent.ShareWithMicrosoft != c.visible || r.CustomerProfile.Address.Country != "NO" || len(r.Details.Requirements.Solutions) != 1 {
			t.Errorf("%s: the referral is %+v", name, r)
		}
		if len(r.Team) == 0 || r.Team[0].Email != "sonja@partner.example" || r.Team[0].PhoneNumber != "+47 40 00 00 01" {
			t.Errorf("%s: the team is %+v", name, r.Team)
		}
		if c.help != "" && (len(microsofts) != 1 || microsofts[0].InviteContext.AssistanceRequestCode != c.help || microsofts[0].EngagementID != r.EngagementID) {
			t.Errorf("%s: Microsoft's referrals are %+v", name, microsofts)
		}
		if all := len(b.center.PartnerCenter().All()); all > 4 {
			t.Errorf("there are %d referrals", all)
		}
	}
}
