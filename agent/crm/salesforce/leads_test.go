package salesforce

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// withLeads describes the organisation's leads. A standard field stands in for the key.
func (r *searchRig) withLeads() {
	r.Helper()
	r.org.names.Leads = LeadNames{Object: "Lead", Key: "Title", ReferralLink: "Website", Status: "Open - Not Contacted"}
	if err := r.org.describeLeads(r.Context()); err != nil {
		r.Fatal(err)
	}
}

func (r *searchRig) createLead(referral string, values deal.Values) crm.Lead {
	r.Helper()
	body, err := r.org.EncodeLead(referral, r.org.FitLead(values))
	if err != nil {
		r.Fatal(err)
	}
	id, err := r.org.CreateLead(r.Context(), body)
	if err != nil {
		r.Fatal(err)
	}
	lead, err := r.org.ReadLead(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	return lead
}

// A lead reads back what was written, in organisations with and without country picklists; what Salesforce would refuse the whole
// lead for is left out.
func TestLeadsHoldWhatWasWritten(t *testing.T) {
	values := deal.Values{deal.CustomerName: "Fabrikam", deal.LeadLastName: "Last", deal.LeadFirstName: "A first name of more than forty characters in all",
		deal.LeadEmail: "not an address", deal.LeadPhone: "+47 1", deal.CustomerCity: "Oslo", deal.CustomerState: "Oslo County", deal.CustomerNation: "NO",
		deal.Notes: "two\nlines", deal.ReferralLink: "https://example.com/r/1"}
	for _, picklists := range []string{"off", "on"} {
		r := newSearchRig(t, func(kit *lab.Kit) {
			if err := kit.Switches.Set("salesforce.state_country_picklists", picklists); err != nil {
				t.Fatal(err)
			}
		})
		r.withLeads()
		lead := r.createLead("ABC", values)
		fitted := r.org.FitLead(values)
		if diff := cmp.Diff(fitted, lead.Values); diff != "" || lead.Key != "abc" || lead.Converted || !r.org.IsLead(lead.ID) {
			t.Errorf("country picklists %s: %+v\n%s", picklists, lead, diff)
		}
		if fitted[deal.LeadEmail] != "" || len(fitted[deal.LeadFirstName]) != 40 || fitted[deal.CustomerNation] != "NO" || (fitted[deal.CustomerState] == "") != (picklists == "on") {
			t.Errorf("country picklists %s: fitted %v", picklists, fitted)
		}
		update, err := r.org.EncodeLeadUpdate(deal.Values{deal.Notes: "", deal.CustomerNation: "SE"})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.org.UpdateLead(t.Context(), lead.ID, lead.Version, update); err != nil {
			t.Error(err)
		}
		if lead, err = r.org.ReadLead(t.Context(), lead.ID); err != nil || lead.Values[deal.Notes] != "" || lead.Values[deal.CustomerNation] != "SE" {
			t.Errorf("country picklists %s: after an update %v, %v", picklists, lead.Values, err)
		}
	}
}

// A conversion is seen by the feed and by whoever asks for the lead of the opportunity; a change of a converted lead, and one of a lead
// that changed meanwhile, is none.
func TestConvertedLeads(t *testing.T) {
	r := newSearchRig(t)
	r.withLeads()
	lead := r.createLead("abc", deal.Values{deal.CustomerName: "Fabrikam", deal.LeadLastName: "Last"})
	hits, position, err := r.org.LeadFeed().Changes(t.Context(), "")
	if err != nil || len(hits) != 1 || hits[0].ID != lead.ID || position == "" {
		t.Fatalf("%v, %v", hits, err)
	}
	if id, found, err := r.org.FindLead(t.Context(), "ABC"); err != nil || !found || id != lead.ID {
		t.Errorf("found %s, %v, %v", id, found, err)
	}
	made := r.convert(lead.ID)
	later, _, err := r.org.LeadFeed().Changes(t.Context(), position)
	if err != nil || len(later) != 1 || later[0].Version == hits[0].Version {
		t.Errorf("after the conversion the feed gives %v, %v", later, err)
	}
	found, ok, err := r.org.FindConverted(t.Context(), made)
	if err != nil || !ok || found.ID != lead.ID || !found.Converted || found.OpportunityID != made {
		t.Errorf("the opportunity's lead is %+v, %v, %v", found, ok, err)
	}
	if _, ok, err := r.org.FindConverted(t.Context(), lead.ID); err != nil || ok {
		t.Errorf("something else has a lead: %v, %v", ok, err)
	}
	update, err := r.org.EncodeLeadUpdate(deal.Values{deal.Notes: "late"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.org.UpdateLead(t.Context(), lead.ID, found.Version, update); !errors.Is(err, crm.ErrChanged) {
		t.Errorf("a converted lead took a change: %v", err)
	}
	if _, err := r.org.ReadLead(t.Context(), "00Q000000000000AAA"); !errors.Is(err, crm.ErrNotFound) {
		t.Errorf("a lead that does not exist: %v", err)
	}
}

func (r *searchRig) convert(lead string) string {
	r.Helper()
	for _, act := range r.remote.Acts() {
		if act.Name == "convert_lead" {
			made, err := act.Do(context.Background(), map[string]string{"id": lead})
			if err != nil {
				r.Fatal(err)
			}
			id, _ := made["opportunity_id"].(string)
			return id
		}
	}
	r.Fatal("the sandbox converts no leads")
	return ""
}

// What the document says of leads and the organisation does not have is named at start.
func TestLeadsMustBeDescribed(t *testing.T) {
	r := newSearchRig(t)
	for code, names := range map[problem.Code]LeadNames{
		problem.FieldMissing:      {Object: "Lead", Key: "Cosell_Referral_Key__c", Status: "Open - Not Contacted"},
		problem.LeadStatusMissing: {Object: "Lead", Key: "Title", Status: "Fresh"},
	} {
		r.org.names.Leads = names
		if err := r.org.describeLeads(t.Context()); !errors.Is(err, problem.New(code, "", "")) {
			t.Errorf("want %s, got %v", code, err)
		}
	}
}
