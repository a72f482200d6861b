package partnercenter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Edit is what a person changes on a referral; nil leaves a field as it is.
type Edit struct {
	ID             string   `json:"id"`
	Value          *Decimal `json:"value"`
	Currency       *string  `json:"currency"`
	CloseDate      *string  `json:"close_date"`
	Notes          *string  `json:"notes"`
	AddSolution    *string  `json:"add_solution"`    // id, or id and name with a comma between
	RemoveSolution *string  `json:"remove_solution"` // id
	Visible        *Flag    `json:"visible"`         // to Microsoft's sellers; portal users only
	ContactFirst   *string  `json:"contact_first_name"`
	ContactLast    *string  `json:"contact_last_name"`
	ContactEmail   *string  `json:"contact_email"`
	ContactPhone   *string  `json:"contact_phone"`
	Reference      *string  `json:"external_reference_id"` // the portal's CRM ID; portal users only
	By             string   `json:"by"`                    // microsoft_seller (default) or portal_user
}

// Flag is true or false, also as text, because acts take all their values as text.
type Flag bool

// UnmarshalJSON reads true, false, "true" and "false".
func (f *Flag) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseBool(strings.Trim(string(data), `"`))
	if err != nil {
		return fmt.Errorf("%s is neither true nor false", data)
	}
	*f = Flag(value)
	return nil
}

// The fields of a referral that a person can edit, as the operation log names them.
const (
	fieldValue     = "details/dealValue"
	fieldCurrency  = "details/currency"
	fieldNotes     = "details/notes"
	fieldClosing   = "details/closingDateTime"
	fieldSolutions = "details/requirements/solutions"
	fieldConsent   = "consent/consentToShareReferralWithMicrosoftSellers"
	fieldContact   = "customerProfile/team"
	fieldReference = "externalReferenceId"
)

// EditReferral is a Microsoft seller, or a user of the portal, who edits an open referral. What they change must satisfy the
// rules of the portal, and what Microsoft's sellers can see is never hidden again. Visibility and the customer contact are the
// partner's to change.
func (s *Service) EditReferral(e Edit) (*Referral, error) {
	actor := cmp.Or(e.By, microsoftSeller)
	if actor != microsoftSeller && actor != portalUser {
		return nil, fmt.Errorf("unknown person %q; use %s or %s", e.By, microsoftSeller, portalUser)
	}
	if actor == microsoftSeller && (e.Visible != nil || e.Reference != nil || e.editsContact()) {
		return nil, fmt.Errorf("visibility, CRM ID and customer contact are edited by the partner: give by=%s", portalUser)
	}
	stored, err := s.update(origin{actor: actor}, e.ID, func(current *Referral) (*Referral, []string, error) {
		if err := s.checkOpen(current); err != nil {
			return nil, nil, err
		}
		next := current.clone()
		fields, err := e.apply(next)
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(fields, fieldContact) && s.contactIsFixed(current) {
			return nil, nil, invalid("customerProfile.team", "The customer contact cannot be changed after help was requested.")
		}
		return next, fields, s.checkChange(current, next, fields...)
	})
	if err != nil {
		return nil, err
	}
	return stored.referral.clone(), nil
}

func (e Edit) editsContact() bool {
	return e.ContactFirst != nil || e.ContactLast != nil || e.ContactEmail != nil || e.ContactPhone != nil
}

// apply changes the referral and names the fields that it changed.
func (e Edit) apply(next *Referral) ([]string, error) {
	var fields []string
	if e.Value != nil {
		next.Details.DealValue = *e.Value
		fields = append(fields, fieldValue)
	}
	if e.Currency != nil {
		next.Details.Currency = *e.Currency
		fields = append(fields, fieldCurrency)
	}
	if e.Notes != nil {
		next.Details.Notes = e.Notes
		fields = append(fields, fieldNotes)
	}
	if e.CloseDate != nil {
		closing, err := parseTimestamp(*e.CloseDate)
		if err != nil {
			return nil, err
		}
		next.Details.ClosingDateTime = closing
		fields = append(fields, fieldClosing)
	}
	if e.AddSolution != nil || e.RemoveSolution != nil {
		if err := e.applySolutions(&next.Details.Requirements); err != nil {
			return nil, err
		}
		fields = append(fields, fieldSolutions)
	}
	if e.Visible != nil {
		next.Consent.ShareWithMicrosoft = bool(*e.Visible)
		fields = append(fields, fieldConsent)
	}
	if e.editsContact() {
		e.applyContact(&next.CustomerProfile)
		fields = append(fields, fieldContact)
	}
	if e.Reference != nil {
		next.ExternalReferenceID = e.Reference
		fields = append(fields, fieldReference)
	}
	if fields == nil {
		return nil, errors.New("nothing to edit: give value, currency, close_date, notes, add_solution, remove_solution, visible, external_reference_id or contact_…")
	}
	return fields, nil
}

// applySolutions adds before it removes, so that the only solution can be replaced. The last one stays.
func (e Edit) applySolutions(requirements *Requirements) error {
	solutions := requirements.Solutions
	at := func(id string) int {
		return slices.IndexFunc(solutions, func(s Solution) bool { return strings.EqualFold(s.ID, id) })
	}
	if e.AddSolution != nil {
		id, name, _ := strings.Cut(*e.AddSolution, ",")
		id, name = strings.TrimSpace(id), strings.TrimSpace(name)
		if id == "" || at(id) >= 0 {
			return fmt.Errorf("the solution %q has no id, or the referral has it already", *e.AddSolution)
		}
		added := Solution{ID: id, Type: "Name"}
		if name != "" {
			added.Name = text(name)
		}
		solutions = append(solutions, added)
	}
	if e.RemoveSolution != nil {
		i := at(strings.TrimSpace(*e.RemoveSolution))
		if i < 0 {
			return fmt.Errorf("the referral has no solution %q", *e.RemoveSolution)
		}
		if len(solutions) == 1 {
			return invalid("details.requirements.solutions", "A referral keeps at least one solution.")
		}
		solutions = slices.Delete(slices.Clone(solutions), i, i+1)
	}
	requirements.Solutions = solutions
	return nil
}

// applyContact edits the first customer contact, or adds one where there is none.
func (e Edit) applyContact(customer *CustomerProfile) {
	if len(customer.Team) == 0 {
		customer.Team = []Member{{}}
	}
	contact := &customer.Team[0]
	for _, change := range []struct{ from, to *string }{
		{e.ContactFirst, &contact.FirstName}, {e.ContactLast, &contact.LastName}, {e.ContactEmail, &contact.Email}, {e.ContactPhone, &contact.PhoneNumber},
	} {
		if change.from != nil {
			*change.to = *change.from
		}
	}
}
