package deal

import (
	"slices"
	"strings"
)

// The fields of a lead beside those of a deal: the one person that a lead is about.
const (
	LeadFirstName = "contact_first_name"
	LeadLastName  = "contact_last_name"
	LeadEmail     = "contact_email"
	LeadPhone     = "contact_phone"
)

// unknownCompany is the company of a lead whose referral names neither a customer nor a person.
const unknownCompany = "Unknown"

// LeadSources are the fields of a deal that a lead takes over.
var LeadSources = []string{CustomerName, CustomerStreet, CustomerCity, CustomerState, CustomerPostal, CustomerNation, Notes, ReferralID, ReferralLink}

// Lead gives what a lead holds of a referral: its customer, the notes, and one contact, the first who is complete or else the first
// of whom anything is known. A CRM's lead needs a company and a last name, so these are never empty.
func Lead(referral Values, contacts []Person) Values {
	lead := Values{}
	for _, field := range LeadSources {
		lead[field] = referral[field]
	}
	who := leadContact(contacts)
	lead[LeadFirstName], lead[LeadLastName], lead[LeadEmail], lead[LeadPhone] = who.FirstName, who.LastName, who.Email, who.Phone
	mailbox, _, _ := strings.Cut(who.Email, "@")
	lead[CustomerName] = firstOf(lead[CustomerName], who.LastName, unknownCompany)
	lead[LeadLastName] = firstOf(who.LastName, who.FirstName, mailbox, lead[CustomerName])
	if who.LastName == "" && lead[LeadLastName] == who.FirstName {
		lead[LeadFirstName] = ""
	}
	return lead
}

func leadContact(contacts []Person) Person {
	if i := slices.IndexFunc(contacts, Person.Complete); i >= 0 {
		return contacts[i]
	}
	if i := slices.IndexFunc(contacts, func(p Person) bool { return p != (Person{}) }); i >= 0 {
		return contacts[i]
	}
	return Person{}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// MergeLead decides what of a referral's news a lead takes. A field that holds what the agent wrote there, or may have written in
// one of the attempts since, is the agent's; one that holds anything else is the seller's from then on. write is what is to be
// written, and agreed what the agent's fields hold afterwards. A field of which the referral tells nothing stays as it is, and the agent's
// if it was.
func MergeLead(written Values, attempts []Values, lead, referral Values) (write, agreed Values) {
	write, agreed = Values{}, Values{}
	for _, known := range append([]Values{written}, attempts...) {
		for field, value := range known {
			if _, first := agreed[field]; !first || value == lead[field] {
				agreed[field] = value
			}
		}
	}
	for field, want := range referral {
		held := lead[field]
		ours := func(values Values) bool {
			value, known := values[field]
			return known && value == held
		}
		switch {
		case held == want:
			agreed[field] = want
		case ours(written) || slices.ContainsFunc(attempts, ours):
			write[field], agreed[field] = want, want
		default:
			delete(agreed, field)
			if value, known := written[field]; known {
				agreed[field] = value // if the seller puts it back, it is the agent's again
			}
		}
	}
	return write, agreed
}
