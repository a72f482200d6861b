package deal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func meets(v Values, field func(string) string, emails ...string) Values {
	v = v.Clone()
	for _, email := range emails {
		AddPeople(v, field, []Person{{FirstName: "F", LastName: "L", Phone: "1", Email: email}})
	}
	return v
}

// Contacts come and go from either side, until Microsoft takes part; what is said of them is the CRM's.
func TestMergeOfContacts(t *testing.T) {
	none := Values{StatusField: Active}
	contacts := func(emails ...string) Values { return meets(none, ContactField, emails...) }
	a, moved := contacts("a"), contacts("a")
	moved[ContactField("a")] = "another number"
	details := a[ContactField("a")]
	cases := map[string]struct {
		base, crm, referral Values
		options             Options
		toCRM, toReferral   Values
	}{
		"somebody comes in the CRM":           {a, contacts("a", "b"), a, Options{}, Values{}, Values{ContactField("b"): details}},
		"somebody comes in Partner Center":    {a, a, contacts("a", "B "), Options{}, Values{ContactField("b"): details}, Values{}},
		"somebody goes in the CRM":            {contacts("a", "b"), a, contacts("a", "b"), Options{}, Values{}, Values{ContactField("b"): ""}},
		"somebody goes in Partner Center":     {contacts("a", "b"), contacts("a", "b"), a, Options{}, Values{ContactField("b"): ""}, Values{}},
		"each side has news":                  {a, contacts("a", "b"), contacts("c"), Options{}, Values{ContactField("a"): "", ContactField("c"): details}, Values{ContactField("b"): details}},
		"a number changes in the CRM":         {a, moved, a, Options{}, Values{}, Values{ContactField("a"): "another number"}},
		"a number changes in Partner Center":  {a, a, moved, Options{}, Values{}, Values{}},
		"they are read-only once asked":       {a, contacts("a", "b"), a, Options{Engagement: Asked}, Values{}, Values{}},
		"but still arrive":                    {a, a, contacts("a", "b"), Options{Engagement: FromMicrosoft}, Values{ContactField("b"): details}, Values{}},
		"more than one write takes":           {none, none, contacts("a", "b"), Options{MostContacts: 1}, Values{ContactField("a"): details}, Values{}},
		"whoever cannot be named is not sent": {none, func() Values { v := none.Clone(); AddPeople(v, ContactField, []Person{{Email: "x"}}); return v }(), none, Options{}, Values{}, Values{}},
	}
	rules := []Rule{{Field: StatusField, Inbound: true, Outbound: true}, {Field: Contacts, Inbound: true, Outbound: true}}
	for name, c := range cases {
		got := Merge(Memory{Base: &Pair{c.base, c.base}}, Pair{c.crm, c.referral}, rules, c.options)
		if diff := cmp.Diff([]Values{c.toCRM, c.toReferral}, []Values{got.ToCRM, got.ToReferral}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// The partner's people are those whom the CRM names, except that the owner of a received deal says nothing until it changes, that
// the portal's own additions stay, and that the last one stays.
func TestMergeOfTheTeam(t *testing.T) {
	known := Values{StatusField: Active, Team: True}
	team := func(emails ...string) Values { return meets(known, MemberField, emails...) }
	received := team("owner")
	delete(received, Team)
	details := received[MemberField("owner")]
	cases := map[string]struct {
		base, crm, referral Values
		toReferral          Values
	}{
		"a colleague joins":          {team("a"), team("a", "b"), team("a"), Values{MemberField("b"): details}},
		"a colleague leaves":         {team("a", "b"), team("a"), team("a", "b"), Values{MemberField("b"): ""}},
		"the portal adds one":        {team("a"), team("a"), team("a", "b"), Values{}},
		"the portal removes one":     {team("a", "b"), team("a", "b"), team("a"), Values{}},
		"the last one leaves":        {team("a"), team(), team("a"), Values{}},
		"the owner changes":          {team("a"), team("b"), team("a"), Values{MemberField("a"): "", MemberField("b"): details}},
		"first look at a received":   {Values{StatusField: Active}, received, Values{StatusField: Active}, Values{}},
		"its owner changes later on": {team("agent"), team("seller"), Values{StatusField: Active}, Values{MemberField("seller"): details}},
	}
	rules := []Rule{{Field: StatusField, Inbound: true, Outbound: true}, {Field: Team, Outbound: true}}
	for name, c := range cases {
		got := Merge(Memory{Base: &Pair{c.base, c.base}}, Pair{c.crm, c.referral}, rules, Options{})
		if diff := cmp.Diff([]Values{{}, c.toReferral}, []Values{got.ToCRM, got.ToReferral}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
