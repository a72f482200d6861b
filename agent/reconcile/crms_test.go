package reconcile_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile/kontor"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// The CRMs that a world can hold. People, faults and oracles know none of them: they go by what a product calls things.

// products are all of them.
var products = []*product{salesforce, invented, dynamics}

// product is a CRM: its names and its vocabulary, and how the engine reaches it.
type product struct {
	name   string
	thirds int // of all histories
	plan   func() mapping.Plan
	// twin makes what the engine and the watchers see of the CRM.
	twin func(w *world) crmTwin
	// shown is what a read of a record shows.
	shown func(w *world, r *record) any
	// passes tells whether a feed that goes on from a position shows a record's last change no more.
	passes func(position string, r *record) bool

	// Fields of an opportunity, by the paths of the mapping.
	title, amount, currency, notes, closeDate, stage, reason, help, visible, link, identifier, referralID string
	firm, street, city, postalCode, country                                                               string // of its account

	onHold, active, another, won, lost string // stages; another is active too
	helps                              []string

	recordIDs, accountIDs string // what ids begin with
	leads                 bool   // it keeps leads
	bin                   bool   // what is deleted can be looked for; where it cannot, only an administrator can bring it back
	inline                bool   // solutions and contacts stand on the record itself: to change them is to change the record
	counts                bool   // a record's version is a counter, and not a time
	fresh                 bool   // whatever its feed has shown, a read shows too
	seals                 bool   // nobody changes anything of a closed record before opening it again
	edited, withoutNotes  map[string]place
}

// crmTwin is a CRM with its feed.
type crmTwin interface {
	crm.CRM
	crm.Feed
}

// place is where both sides keep a field.
type place struct{ crm, center string }

// placed completes a product with the places of the fields that people edit.
func placed(p product) *product {
	p.edited = map[string]place{
		deal.Notes: {p.notes, "/details/notes"}, deal.DealValue: {p.amount, "/details/dealValue"}, deal.CloseDate: {p.closeDate, "/details/closingDateTime"},
	}
	p.withoutNotes = map[string]place{deal.CloseDate: p.edited[deal.CloseDate], deal.DealValue: p.edited[deal.DealValue]}
	return &p
}

// share is how many of a number of histories are this product's, one at least.
func (p *product) share(histories int) uint64 { return uint64(max((histories*p.thirds+1)/3, 1)) }

func (p *product) closed(stage any) bool { return stage == p.won || stage == p.lost }

// salesforce is the product whose adapter is best known. Its twin takes the engine's own forms for the wire.
var salesforce = placed(product{
	name: "Salesforce", thirds: 2, plan: testPlan, twin: func(w *world) crmTwin { return &simCRM{w} },
	shown: func(_ *world, r *record) any { return r.view() },
	passes: func(position string, r *record) bool {
		at, err := time.Parse(time.RFC3339Nano, position)
		return err == nil && r.stamp().Before(at.Add(-watch.Overlap))
	},
	title: "Name", amount: "Amount", currency: "CurrencyIsoCode", notes: "Description", closeDate: "CloseDate", stage: "StageName", reason: "Close_Reason__c",
	help: "How_can_Microsoft_help__c", visible: "Referral_Visible_to_Microsoft__c", link: "Referral_Link__c", identifier: "Microsoft_CRM_Identifier__c",
	referralID: "Referral_Identifier__c", firm: "Account.Name", street: "Account.BillingStreet", city: "Account.BillingCity",
	postalCode: "Account.BillingPostalCode", country: "Account.BillingCountry",
	onHold: "On hold", active: "Qualification", another: "Proposal", won: "Closed Won", lost: "Closed Lost",
	helps: []string{"General or other", "Quotes or licensing"}, recordIDs: "006", accountIDs: "001", leads: true, bin: true,
})

func testPlan() mapping.Plan {
	variables := map[string]string{document.VariableCountryField: "BillingCountry", document.VariableDealValueField: "Amount", document.VariableDealCurrencyField: "CurrencyIsoCode"}
	plan := mapping.Plan{
		Stages:      mapping.Stages{OnHold: "On hold", Active: "Qualification", Won: "Closed Won", Lost: "Closed Lost", Closed: map[string]bool{"Closed Won": true, "Closed Lost": false}},
		Help:        map[string]string{"general or other": "GeneralOrOther", "quotes or licensing": "QuotesOrLicensing"},
		HelpValues:  map[string]string{"GeneralOrOther": "General or other", "QuotesOrLicensing": "Quotes or licensing"},
		LongestName: 120,
	}
	for _, m := range document.DefaultMappings(document.Salesforce, document.DefaultFields(document.Salesforce), variables) {
		row := mapping.Row{
			Field: m.Field, PartnerCenter: m.PartnerCenter, CRM: m.CRM, Inbound: m.Direction != document.Outbound, Outbound: m.Direction != document.Inbound,
			OnCreate: slices.Contains(m.On, document.OnCreate), OnUpdate: slices.Contains(m.On, document.OnUpdate), Winner: deal.CRM,
		}
		if m.Conflict == document.ConflictPartnerCenter {
			row.Winner = deal.PartnerCenter
		}
		plan.Rows = append(plan.Rows, row)
	}
	return plan
}

// related gives the name of an account's field without the engine's prefix of what stands on the account.
func related(path string) string { return strings.TrimPrefix(path, "Account.") }

// invented is a CRM that does not exist, see package kontor. It is as unlike Salesforce as can be.
var invented = placed(product{
	name: "Kontor", thirds: 1, plan: kontor.Plan, twin: func(w *world) crmTwin { return kontor.Adapter{Service: &simKontor{w}} }, shown: kontorShown,
	passes: func(position string, r *record) bool {
		at, err := strconv.ParseInt(position, 10, 64)
		return err == nil && r.position <= at
	},
	title: "title", amount: "worth", currency: "money", notes: "remark", closeDate: "due", stage: "phase", reason: "why", help: "wish", visible: "vendor_sees",
	link: "partner_url", identifier: "vendor_no", referralID: "partner_no", firm: "Account.label", street: "Account.lane", city: "Account.town",
	postalCode: "Account.zip", country: "Account.land",
	onHold: "parked", active: "prospect", another: "offer", won: "signed", lost: "dropped",
	helps: []string{"anything", "price"}, recordIDs: "1", accountIDs: "2", inline: true,
})
