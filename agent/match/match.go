// Package match decides which account of a CRM is the customer of a referral. It is pure: values in, a decision out.
//
// An account is taken by itself only when there is no doubt, because a wrong one shows a customer's deal to the wrong people,
// and nothing tells anybody. A doubt costs little: a person decides.
package match

import (
	"fmt"
	"slices"
	"strings"
)

// Customer is what a referral says of its customer. Country is an ISO 3166 alpha-2 code.
type Customer struct {
	Name, PostalCode, Country string
}

// String shows the customer to a person.
func (c Customer) String() string { return shown(c.Name, c.PostalCode, c.Country) }

// Account is an account that may be the customer's. Country is an ISO 3166 alpha-2 code, or empty when it is unknown.
type Account struct {
	ID, Name, PostalCode, Country string
}

// String shows the account to a person.
func (a Account) String() string { return a.ID + " " + shown(a.Name, a.PostalCode, a.Country) }

func shown(name, postalCode, country string) string {
	if postalCode == "" {
		postalCode = "no postal code"
	}
	return fmt.Sprintf("%q (%s)", name, strings.TrimSpace(postalCode+" "+country))
}

// Found is the answer of a CRM to the question for accounts that may be a customer's.
type Found struct {
	Accounts []Account
	// Cut says that there are more than the search gives.
	Cut bool
}

// Verdict is what a decision comes to.
type Verdict int

const (
	// None says that no account is the customer's.
	None Verdict = iota
	// One says that exactly one account is, beyond doubt.
	One
	// Doubtful says that a person must decide.
	Doubtful
)

// Decision is the outcome of [Decide].
type Decision struct {
	Verdict Verdict
	// Account is the one account.
	Account Account
	// Candidates are the accounts in question when a person must decide.
	Candidates []Account
	// Reason says in words why.
	Reason string
}

// mostShown is how many candidates a person is shown; the Audit field has a length.
const mostShown = 5

// String says the reason and names the candidates.
func (d Decision) String() string {
	if len(d.Candidates) == 0 {
		return d.Reason
	}
	candidates := make([]string, 0, mostShown+1)
	for i, c := range d.Candidates {
		if i == mostShown {
			candidates = append(candidates, fmt.Sprintf("and %d more", len(d.Candidates)-mostShown))
			break
		}
		candidates = append(candidates, c.String())
	}
	return d.Reason + ": " + strings.Join(candidates, ", ")
}

// Decide finds the customer's account among candidates. The names must be equal (see [Compare]) and, when byPostalCode is
// set, the postal codes too (see [ComparePostalCodes]).
//
// One account whose name is the very same is taken, whatever else is similar. Else one account of an equal name is taken if no
// other comes into question. An account that is equal but for a fact that one side lacks, or whose name is only similar, is a
// doubt, and so is an equal name in another country. Candidates that differ in name or postal code count for nothing.
func Decide(customer Customer, byPostalCode bool, found Found) Decision {
	graded := grade(customer, byPostalCode, found.Accounts)
	identical, equal, doubts := graded[Identical], graded[Equal], graded[Similar]
	if !byPostalCode && len(identical) > 1 {
		identical = narrow(customer, identical)
	}
	all := slices.Concat(identical, equal, doubts)
	switch {
	case found.Cut:
		return doubt(all, "so many accounts are alike that not all of them could be looked at")
	case len(identical) == 1:
		return Decision{Verdict: One, Account: identical[0], Reason: "it is the only account with this name" + alsoPostalCode(byPostalCode)}
	case len(identical) > 1:
		return doubt(identical, "several accounts have this name"+alsoPostalCode(byPostalCode))
	case len(equal) == 1 && len(doubts) == 0:
		return Decision{Verdict: One, Account: equal[0], Reason: "it is the only account with an equal name" + alsoPostalCode(byPostalCode)}
	case len(equal) > 0:
		return doubt(all, "several accounts come into question")
	case len(doubts) > 0 && byPostalCode:
		return doubt(doubts, "the name is only similar, or a postal code or country is missing on one side")
	case len(doubts) > 0:
		return doubt(doubts, "the name is only similar")
	default:
		return Decision{Reason: "no account has this name" + alsoPostalCode(byPostalCode)}
	}
}

func alsoPostalCode(byPostalCode bool) string {
	if byPostalCode {
		return " and postal code"
	}
	return ""
}

func doubt(candidates []Account, reason string) Decision {
	return Decision{Verdict: Doubtful, Candidates: candidates, Reason: reason}
}

// grade sorts candidates by how sure it is that they are the customer's. What lacks a fact is at most similar.
func grade(customer Customer, byPostalCode bool, candidates []Account) map[Likeness][]Account {
	graded := map[Likeness][]Account{}
	name := ParseName(customer.Name)
	for _, candidate := range candidates {
		likeness := Compare(name, ParseName(candidate.Name))
		if likeness == Equal && customer.Country != "" && candidate.Country != "" && customer.Country != candidate.Country {
			likeness = Similar // a group's companies bear one name with the form of their country
		}
		if byPostalCode && likeness != Different {
			switch ComparePostalCodes(customer.PostalCode, customer.Country, candidate.PostalCode, candidate.Country) {
			case OtherPlace:
				likeness = Different
			case UnknownPlace:
				likeness = Similar
			case SamePlace:
			}
		}
		graded[likeness] = append(graded[likeness], candidate)
	}
	return graded
}

// narrow keeps the one account of several with the same name that has the customer's postal code, if there is one.
func narrow(customer Customer, accounts []Account) []Account {
	var there []Account
	for _, a := range accounts {
		if ComparePostalCodes(customer.PostalCode, customer.Country, a.PostalCode, a.Country) == SamePlace {
			there = append(there, a)
		}
	}
	if len(there) == 1 {
		return there
	}
	return accounts
}
