package deal

import (
	"slices"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Status is where a deal stands. The CRM knows the first four; Partner Center all of them.
type Status = string

// The statuses of a deal.
const (
	New      Status = "new"      // received, waits for an answer; in the CRM the on-hold stage
	Active   Status = "active"   // accepted; in the CRM any open stage but on-hold
	Won      Status = "won"      // closed
	Lost     Status = "lost"     // closed
	Declined Status = "declined" // closed by declining; in the CRM lost
	Expired  Status = "expired"  // closed because nobody answered in time; in the CRM lost
	Failed   Status = "error"    // closed as an error; in the CRM lost
)

// Terminal reports whether a referral of this status can change no more.
func Terminal(s Status) bool {
	return slices.Contains([]Status{Won, Lost, Declined, Expired, Failed}, s)
}

// InCRM gives the status as the CRM can show it.
func InCRM(s Status) Status {
	if Terminal(s) && s != Won {
		return Lost
	}
	return s
}

// statusSaying names the status of a closed deal.
func statusSaying(s Status) problem.Saying {
	return problem.Say(map[Status]problem.Phrase{
		Won: problem.StatusWon, Lost: problem.StatusLost, Declined: problem.StatusDeclined, Expired: problem.StatusExpired, Failed: problem.StatusError,
	}[s])
}

// Transitions gives the steps that bring a referral from one status to what the CRM shows, in order; none when it is
// there already or no way leads there. Leaving on-hold accepts, losing a waiting deal declines and never accepts, winning a
// waiting deal accepts first. The status machine is that of "referral-resources".
func Transitions(referral, crm Status) []Status {
	switch {
	case referral == New && crm == Active:
		return []Status{Active}
	case referral == New && crm == Won:
		return []Status{Active, Won}
	case referral == New && crm == Lost:
		return []Status{Declined}
	case referral == Active && (crm == Won || crm == Lost):
		return []Status{crm}
	default:
		return nil
	}
}
