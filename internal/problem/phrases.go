package problem

import (
	"strconv"
	"strings"
)

// Phrase names a fixed text of the CRM's Audit and Sync Status fields. {1}, {2} … in its texts are places for values.
type Phrase string

// The phrases. Those whose English text ends with a full stop are whole sentences.
const (
	Received         Phrase = "received"           // referral
	LeadStays        Phrase = "lead_stays"         // lead
	LeadBecameDeal   Phrase = "lead_became_deal"   // lead, referral
	Shared           Phrase = "shared"             // referral
	CenterChanged    Phrase = "center_changed"     // fields
	Solved           Phrase = "solved"             //
	ProductsAreRows  Phrase = "products_are_rows"  //
	InSync           Phrase = "in_sync"            // the Sync Status of a deal without problem
	NeedsAttention   Phrase = "needs_attention"    // that of one with a problem
	CRMStays         Phrase = "crm_stays"          //
	CenterStays      Phrase = "center_stays"       //
	ForeignCurrency  Phrase = "foreign_currency"   // Partner Center's currency, the organisation's
	MicrosoftsTeam   Phrase = "microsofts_team"    // people
	ReferralUnknown  Phrase = "referral_unknown"   // referral
	ReferralIsOf     Phrase = "referral_is_of"     // referral, record
	OpportunityIsOf  Phrase = "opportunity_is_of"  // opportunity, referral
	ReferralMayBeIt  Phrase = "referral_may_be_it" // referral
	StatusWon        Phrase = "status_won"         //
	StatusLost       Phrase = "status_lost"        //
	StatusDeclined   Phrase = "status_declined"    //
	StatusExpired    Phrase = "status_expired"     //
	StatusError      Phrase = "status_error"       //
	StatusWithReason Phrase = "status_with_reason" // status, reason
	Opportunity      Phrase = "opportunity"        // before an id
	Referral         Phrase = "referral"           // before an id
)

// Saying is a phrase with its values: texts, or phrases of their own.
type Saying struct {
	Phrase Phrase
	Values []any
}

// Say makes a saying.
func Say(phrase Phrase, values ...any) Saying { return Saying{phrase, values} }

// String gives the saying in English.
func (s Saying) String() string { return English.Say(s) }

// Say gives a saying in the language; the empty one is "".
func (l Language) Say(s Saying) string {
	t := l.texts().phrases[s.Phrase]
	for i, value := range s.Values {
		text, _ := value.(string)
		if phrase, ok := value.(Phrase); ok {
			text = l.Say(Say(phrase))
		}
		t = strings.ReplaceAll(t, "{"+strconv.Itoa(i+1)+"}", text)
	}
	return t
}

// Field gives the label of a deal's field, by its name in the document. Fields of the user's own have the names that they were
// given. What follows the first blank, as in "solution SOL-…", stays as it is.
func (l Language) Field(name string) string {
	kind, element, of := strings.Cut(name, " ")
	if strings.HasPrefix(name, "team member ") {
		kind, element, of = "team_member", strings.TrimPrefix(name, "team member "), true
	}
	label, ok := l.texts().fields[kind]
	if !ok {
		label = strings.ReplaceAll(kind, "_", " ")
	}
	if of {
		label += " " + element
	}
	return label
}

// Fields lists labels in a sentence.
func (l Language) Fields(names []string) string {
	labels := make([]string, len(names))
	for i, name := range names {
		labels[i] = l.Field(name)
	}
	return strings.Join(labels, l.texts().comma)
}

// Join puts sentences one after the other.
func (l Language) Join(sentences []string) string { return strings.Join(sentences, l.texts().space) }
