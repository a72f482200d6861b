package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// Lists of people are written whole: whoever stays is sent back as read, also somebody without an e-mail address; who comes is named
// once; lists in which nothing changes are left alone.
func TestPeopleOps(t *testing.T) {
	stays := map[string]any{"email": "A@example.com", "title": "CEO", "contactPreference": map[string]any{"locale": "nb"}}
	nameless := map[string]any{"firstName": "No", "email": nil}
	referral := map[string]any{
		"customerProfile": map[string]any{"team": []any{stays, nameless, map[string]any{"email": "b@example.com", "phoneNumber": "1"}, map[string]any{"email": "c@example.com"}}},
		"team":            []any{map[string]any{"email": "us@example.com"}},
	}
	complete := func(email string) deal.Person {
		return deal.Person{FirstName: "F", LastName: "L", Phone: "2", Email: email}
	}
	changes := deal.Values{deal.ContactField("B@example.com"): "other", deal.ContactField("c@example.com"): "", deal.ContactField("d@example.com"): "new", deal.Notes: "x"}
	got := PeopleOps(referral, changes, []deal.Person{complete("b@example.com"), complete("d@example.com"), complete("D@example.com")}, nil)
	member := func(email string) map[string]any {
		return map[string]any{"firstName": "F", "lastName": "L", "phoneNumber": "2", "email": email}
	}
	want := []Op{{"/customerProfile/team", []any{stays, nameless, member("b@example.com"), member("d@example.com")}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := PeopleOps(referral, deal.Values{deal.Notes: "x"}, nil, nil); got != nil {
		t.Errorf("nobody came or went, and yet %v is sent", got)
	}
}
