// Package deal is the canonical deal: what a referral and an opportunity have in common, its status machine, the
// three-way merge and the rules of sharing. It is pure: no I/O, no clock, no remote names.
package deal

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// The fields of a deal. Mappings may add further text fields of their own.
const (
	Name           = "name"
	DealValue      = "deal_value"
	Currency       = "currency"
	CloseDate      = "close_date"
	Notes          = "notes"
	StatusField    = "status"
	CloseReason    = "close_reason"
	CustomerName   = "customer_name"
	CustomerStreet = "customer_street"
	CustomerCity   = "customer_city"
	CustomerState  = "customer_state"
	CustomerPostal = "customer_postal_code"
	CustomerNation = "customer_country"
	Visible        = "visible"
	Help           = "help"
	ReferralID     = "referral_id"
	ReferralLink   = "referral_link"
	MicrosoftCRMID = "microsoft_crm_id"

	// MicrosoftStatus is where Microsoft's own referral of the deal stands, a [Status]; empty while it was not asked. The CRM has
	// no field of it: on its side stands what the seller was told. MicrosoftReason goes with it.
	MicrosoftStatus = "microsoft_status"
	MicrosoftReason = "microsoft_reason"

	// Audit is the history that the seller reads; it is not merged.
	Audit = "audit"
)

// Values is one side's picture of a deal: canonical text by field. A field that is absent or "" is empty.
type Values map[string]string

// Clone copies the values.
func (v Values) Clone() Values {
	clone := make(Values, len(v))
	for field, value := range v {
		clone[field] = value
	}
	return clone
}

// True is the canonical text of a flag that is set; an unset flag is empty.
const True = "true"

// Person is a contact of the customer or a member of the partner's team.
type Person struct {
	FirstName, LastName, Phone, Email string
}

// Complete reports whether the person can be named in a referral.
func (p Person) Complete() bool {
	return p.FirstName != "" && p.LastName != "" && p.Phone != "" && p.Email != ""
}

// details are what changes of a person whose e-mail address stays.
func (p Person) details() string {
	return strings.Join([]string{p.FirstName, p.LastName, p.Phone}, "\n")
}

// Contacts and Team are the fields that hold the sets of a customer's contacts and of the partner's own people. Each person is a
// field of its own, see [ContactField] and [MemberField].
const (
	Contacts = "contacts"
	Team     = "team"
)

const (
	contactPrefix = "contact "
	memberPrefix  = "team member "
)

// ContactField gives the field that holds what a deal says of one contact. People are told apart by their e-mail address.
func ContactField(email string) string { return contactPrefix + foldEmail(email) }

// MemberField is [ContactField] for a member of the partner's team.
func MemberField(email string) string { return memberPrefix + foldEmail(email) }

func foldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// AddPeople sets the fields of people among a side's values. Whoever cannot be named in a referral is left out.
func AddPeople(values Values, field func(email string) string, people []Person) {
	for _, person := range people {
		if person.Complete() {
			values[field(person.Email)] = person.details()
		}
	}
}

// IsElement reports whether a field is an element of a set: a solution or a person. Such names are data: they do not belong in a
// log.
func IsElement(field string) bool {
	return IsSolution(field) || strings.HasPrefix(field, contactPrefix) || strings.HasPrefix(field, memberPrefix)
}

// Kinds gives the names of fields without the elements' own, each once, in order.
func Kinds(values Values) []string {
	var names []string
	for field := range values {
		for _, prefix := range []string{solutionPrefix, contactPrefix, memberPrefix} {
			if strings.HasPrefix(field, prefix) {
				field = strings.TrimSpace(prefix)
			}
		}
		if !slices.Contains(names, field) {
			names = append(names, field)
		}
	}
	slices.Sort(names)
	return names
}

// Solution is a co-sell ready or Microsoft solution that the deal sells.
type Solution struct {
	ID, Name string
}

// Solutions is the field that holds the set of a deal's solutions. Each solution is a flag of its own, see [SolutionField], so
// that two people who add and remove different solutions do not undo each other's work.
const Solutions = "solutions"

const solutionPrefix = "solution "

// SolutionField gives the field that says whether a deal has a solution. Identifiers compare without case.
func SolutionField(id string) string { return solutionPrefix + strings.ToUpper(strings.TrimSpace(id)) }

// IsSolution reports whether a field is one of [SolutionField].
func IsSolution(field string) bool { return strings.HasPrefix(field, solutionPrefix) }

// Kind says how a field's values are normalised and compared.
type Kind int

const (
	// Text is trimmed, in Unicode normal form C, with line feeds for line breaks.
	Text Kind = iota
	// Decimal is a plain decimal number without trailing zeros.
	Decimal
	// Date is a calendar day in UTC, 2006-01-02.
	Date
	// Flag is "true" or empty.
	Flag
	// Code is upper-case text: currencies and countries.
	Code
)

var kinds = map[string]Kind{DealValue: Decimal, CloseDate: Date, Visible: Flag, Currency: Code}

// Known reports whether a deal has the field by itself; a mapping adds others.
func Known(field string) bool {
	return slices.Contains([]string{
		Name, DealValue, Currency, CloseDate, Notes, StatusField, CloseReason, CustomerName, CustomerStreet, CustomerCity, CustomerState,
		CustomerPostal, CustomerNation, Visible, Help, ReferralID, ReferralLink, MicrosoftCRMID,
	}, field)
}

// KindOf tells the kind of a field.
func KindOf(field string) Kind {
	if IsSolution(field) {
		return Flag
	}
	return kinds[field]
}

// Normalize gives the canonical text of a raw value, as JSON decoding (with UseNumber or without) or a person gave it.
// It fails when the value is not of the field's kind; the error names the field and the value.
func Normalize(field string, raw any) (string, error) { return NormalizeAs(KindOf(field), field, raw) }

// NormalizeAs is [Normalize] for a field whose kind the mapping says.
func NormalizeAs(kind Kind, field string, raw any) (string, error) {
	text, err := asText(raw)
	if err != nil {
		return "", fmt.Errorf("field %s: %w", field, err)
	}
	text = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(text, "\r\n", "\n")))
	if text == "" {
		return "", nil
	}
	switch kind {
	case Decimal:
		return normalizeDecimal(field, text)
	case Date:
		return normalizeDate(field, text)
	case Flag:
		return normalizeFlag(field, text)
	case Code:
		return strings.ToUpper(text), nil
	default:
		return text, nil
	}
}

func asText(raw any) (string, error) {
	switch v := raw.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool, int, int64, fmt.Stringer: // json.Number is a Stringer
		return fmt.Sprint(v), nil
	case float64:
		return new(big.Float).SetFloat64(v).Text('f', -1), nil
	default:
		return "", fmt.Errorf("a value of type %T is neither text, number nor flag", raw)
	}
}

// largestExponent keeps a hostile "1e999999999" from filling the memory.
const largestExponent = 32

func normalizeDecimal(field, text string) (string, error) {
	if mantissa, exponent, found := strings.Cut(strings.ToLower(text), "e"); found {
		if len(mantissa) == 0 || len(strings.Trim(exponent, "+-0")) > 2 {
			return "", fmt.Errorf("field %s: %q is not a decimal number", field, text)
		}
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok || strings.ContainsAny(text, "/xXpP_") || len(text) > 2*largestExponent {
		return "", fmt.Errorf("field %s: %q is not a decimal number", field, text)
	}
	out := number.FloatString(largestExponent)
	out = strings.TrimSuffix(strings.TrimRight(out, "0"), ".")
	if out == "-0" || out == "" {
		out = "0"
	}
	return out, nil
}

func normalizeDate(field, text string) (string, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05.000-0700", "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("field %s: %q is not a date", field, text)
}

func normalizeFlag(field, text string) (string, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "1":
		return True, nil
	case "false", "no", "0":
		return "", nil
	default:
		return "", fmt.Errorf("field %s: %q is neither true nor false", field, text)
	}
}

// Marks that show success and failure before an opportunity's name. They never leave the CRM.
const (
	MarkSuccess = "✔ "
	MarkFailure = "✗ "
)

// StripMark removes our marks, and those of Microsoft's connector, from the front of a name.
func StripMark(name string) string {
	for {
		stripped := strings.TrimLeft(name, " ")
		for _, mark := range []string{"✔", "✗", "✓", "✖", "✘"} {
			if rest, found := strings.CutPrefix(stripped, mark); found {
				stripped = strings.TrimPrefix(rest, "\ufe0f")
			}
		}
		if stripped == name {
			return name
		}
		name = stripped
	}
}
