package deal

import "github.com/cosell-sync/terraform-provider-cosell/internal/problem"

// UnknownHelp stands for a kind of help that the mapping does not know.
const UnknownHelp = "?"

// Draft is an opportunity that a seller wants to share for the first time.
type Draft struct {
	Values    Values
	Contacts  []Person // the primary contact first
	Team      []Person // the owner first
	Solutions []Solution
	Help      string // assistance request code; empty: no help requested
}

// Ready tells what a draft lacks before Partner Center would take it, everything at once so that the seller mends it in one
// go; empty when it can be shared. The rules are those of "manage-co-sell-opportunities" and the bulk upload's columns.
func (d Draft) Ready() []Note {
	var missing []Note
	need := func(ok bool, code problem.Code, field, detail string) {
		if !ok {
			missing = append(missing, Note{Code: code, Field: field, Detail: detail})
		}
	}
	v := d.Values
	value := amountOf(v)
	need(!Terminal(v[StatusField]), problem.AlreadyClosed, StatusField, "")
	need(v[Name] != "", problem.DealNameMissing, Name, "")
	need(len(d.Solutions) > 0, problem.SolutionMissing, "solutions", "")
	need(value.value != "" && amount{value.value, "any"}.sendable(), problem.DealValueMissing, DealValue, "")
	need(value.currency != "", problem.CurrencyMissing, Currency, "")
	need(v[CloseDate] != "", problem.CloseDateMissing, CloseDate, "")
	need(v[CustomerName] != "", problem.CustomerMissing, CustomerName, "")
	if v[CustomerName] != "" {
		_, known := CountryCode(v[CustomerNation])
		need(known, problem.CountryInvalid, CustomerNation, v[CustomerNation])
		need(v[CustomerStreet] != "" && v[CustomerCity] != "", problem.AddressIncomplete, CustomerStreet, "")
	}
	need(len(d.Team) > 0 && d.Team[0].Complete(), problem.TeamIncomplete, "team", "")
	need(d.Help != UnknownHelp, problem.HelpUnknown, Help, "")
	need(d.Help == "" || len(d.Contacts) > 0 && d.Contacts[0].Complete(), problem.ContactMissing, "contacts", "")
	return missing
}
