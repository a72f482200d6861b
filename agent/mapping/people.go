package mapping

import (
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// Where a referral names the customer's contacts and the partner's own people.
const (
	contactsPath = "customerProfile.team"
	teamPath     = "team"
)

// PeopleOf lists the people at a path of a referral.
func PeopleOf(referral map[string]any, path string) []deal.Person {
	var list []deal.Person
	for _, entry := range entriesAt(referral, path) {
		field := func(name string) string {
			value, _ := entry[name].(string)
			return strings.TrimSpace(value)
		}
		list = append(list, deal.Person{FirstName: field("firstName"), LastName: field("lastName"), Phone: field("phoneNumber"), Email: field("email")})
	}
	return list
}

// ContactsOf lists the customer's contacts that a referral names.
func ContactsOf(referral map[string]any) []deal.Person { return PeopleOf(referral, contactsPath) }

// TeamOf lists the people of the partner whose referral it is: the partner's own, or Microsoft's in Microsoft's.
func TeamOf(referral map[string]any) []deal.Person { return PeopleOf(referral, teamPath) }

// PeopleOps gives the replacements of the lists of people in which somebody comes, goes or changes. Whoever stays is sent back as
// read. contacts and team are whom the record names.
func PeopleOps(referral map[string]any, changes deal.Values, contacts, team []deal.Person) []Op {
	var ops []Op
	for _, set := range []struct {
		path   string
		field  func(email string) string
		people []deal.Person
	}{{contactsPath, deal.ContactField, contacts}, {teamPath, deal.MemberField, team}} {
		if list, changed := peopleAfter(referral, set.path, changes, set.field, set.people); changed {
			ops = append(ops, Op{pointer(set.path), list})
		}
	}
	return ops
}

func peopleAfter(referral map[string]any, path string, changes deal.Values, field func(email string) string, named []deal.Person) (list []any, changed bool) {
	list = []any{}
	for _, entry := range entriesAt(referral, path) {
		email, _ := entry["email"].(string)
		if _, concerns := changes[field(email)]; concerns {
			changed = true
			continue
		}
		list = append(list, entry)
	}
	added := map[string]bool{}
	for _, person := range named {
		if of := field(person.Email); changes[of] != "" && !added[of] {
			added[of], changed = true, true
			list = append(list, people([]deal.Person{person})...)
		}
	}
	return list, changed
}

// people gives those who can be named in a referral.
func people(persons []deal.Person) []any {
	list := []any{}
	for _, p := range persons {
		if p.Complete() {
			list = append(list, map[string]any{"firstName": p.FirstName, "lastName": p.LastName, "phoneNumber": p.Phone, "email": p.Email})
		}
	}
	return list
}
