package deal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A lead always has a company and a last name, and is about the person who can be reached best.
func TestLeadOfAReferral(t *testing.T) {
	complete := Person{FirstName: "First", LastName: "Last", Phone: "1", Email: "first@example.com"}
	for name, c := range map[string]struct {
		customer                          string
		contacts                          []Person
		company, first, last, mail, phone string
	}{
		"the first complete contact":          {"Fabrikam", []Person{{}, {LastName: "Other"}, complete}, "Fabrikam", "First", "Last", "first@example.com", "1"},
		"the first of whom anything is known": {"Fabrikam", []Person{{}, {LastName: "Other", Email: "o@example.com"}}, "Fabrikam", "", "Other", "o@example.com", ""},
		"a first name alone":                  {"Fabrikam", []Person{{FirstName: "First"}}, "Fabrikam", "", "First", "", ""},
		"a mailbox alone":                     {"Fabrikam", []Person{{Email: "sales@example.com"}}, "Fabrikam", "", "sales", "sales@example.com", ""},
		"nobody":                              {"Fabrikam", nil, "Fabrikam", "", "Fabrikam", "", ""},
		"no customer":                         {"", []Person{complete}, "Last", "First", "Last", "first@example.com", "1"},
		"nothing":                             {"", nil, "Unknown", "", "Unknown", "", ""},
	} {
		lead := Lead(Values{CustomerName: c.customer, Notes: "notes", DealValue: "5"}, c.contacts)
		got := []string{lead[CustomerName], lead[LeadFirstName], lead[LeadLastName], lead[LeadEmail], lead[LeadPhone], lead[Notes], lead[DealValue]}
		if diff := cmp.Diff([]string{c.company, c.first, c.last, c.mail, c.phone, "notes", ""}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// News of a referral reaches the fields that nobody edited, and no other.
func TestMergeLead(t *testing.T) {
	written := Values{Notes: "old", LeadPhone: "1", CustomerCity: "Oslo"}
	for name, c := range map[string]struct {
		attempts      []Values
		lead, news    Values
		write, agreed Values
	}{
		"news":                          {nil, Values{Notes: "old", LeadPhone: "1"}, Values{Notes: "new", LeadPhone: "1"}, Values{Notes: "new"}, Values{Notes: "new", LeadPhone: "1"}},
		"the seller's edit stays":       {nil, Values{Notes: "mine"}, Values{Notes: "new"}, Values{}, Values{Notes: "old"}},
		"the seller cleared it":         {nil, Values{Notes: ""}, Values{Notes: "new"}, Values{}, Values{Notes: "old"}},
		"the seller wrote the news too": {nil, Values{Notes: "new"}, Values{Notes: "new"}, Values{}, Values{Notes: "new"}},
		"an attempt arrived":            {[]Values{{Notes: "new"}}, Values{Notes: "new"}, Values{Notes: "newer"}, Values{Notes: "newer"}, Values{Notes: "newer"}},
		"an attempt did not arrive":     {[]Values{{Notes: "new"}}, Values{Notes: "old"}, Values{Notes: "new"}, Values{Notes: "new"}, Values{Notes: "new"}},
		"cleared in Partner Center":     {nil, Values{Notes: "old"}, Values{Notes: ""}, Values{Notes: ""}, Values{Notes: ""}},
		"not mapped any more":           {nil, Values{Notes: "old", LeadPhone: "1"}, Values{LeadPhone: "1"}, Values{}, Values{LeadPhone: "1"}},
		"not mapped after an attempt":   {[]Values{{CustomerState: "new"}}, Values{CustomerState: "new"}, Values{}, Values{}, Values{CustomerState: "new"}},
		"never written":                 {nil, Values{LeadEmail: ""}, Values{LeadEmail: "a@example.com"}, Values{}, Values{}},
	} {
		for field, value := range written { // of what nothing is told, nothing changes
			if _, told := c.news[field]; !told {
				c.agreed[field] = value
			}
		}
		write, agreed := MergeLead(written, c.attempts, c.lead, c.news)
		if diff := cmp.Diff([]Values{c.write, c.agreed}, []Values{write, agreed}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
