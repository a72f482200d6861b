package partnercenter

import (
	"net/http"
	"slices"
)

const (
	statusNew    = "New"
	statusActive = "Active"
	statusClosed = "Closed"
)

// The status model of the page "referral-resources".
var (
	substatuses = map[string][]string{
		statusNew:    {"Pending", "Received"},
		statusActive: {"Accepted"},
		statusClosed: {"Won", "Lost", "Declined", "Expired", "Error"},
	}
	nextStatuses = map[string][]string{
		statusNew:    {statusNew, statusActive, statusClosed},
		statusActive: {statusActive, statusClosed},
	}
)

// checkOpen refuses every change to a closed referral: Won, Lost, Declined, Expired and Error are terminal.
func (s *Service) checkOpen(current *Referral) error {
	if current.Status != statusClosed {
		return nil
	}
	e := invalid("referral", "The referral is closed (%s). A closed referral cannot be changed.", current.Substatus)
	e.inner = "referralClosed"
	if s.kit.Switches.Is(switchTerminalStatus, "409") {
		e.status = http.StatusConflict
	}
	return e
}

// checkTransition refuses what the status model does not allow, for a change that a program asks for.
func (s *Service) checkTransition(current, next *Referral) error {
	if current.Status == next.Status && current.Substatus == next.Substatus {
		return nil
	}
	refused := func(reason string) error {
		e := invalid("referral", "The status cannot change from %s/%s to %s/%s: %s.",
			current.Status, current.Substatus, next.Status, next.Substatus, reason)
		e.inner = "invalidStatusTransition"
		return e
	}
	if !slices.Contains(nextStatuses[current.Status], next.Status) {
		return refused("the status does not follow")
	}
	if !slices.Contains(substatuses[next.Status], next.Substatus) {
		return refused("the substatus does not belong to the status")
	}
	switch next.Substatus {
	case "Expired":
		return refused("only the service lets a referral expire")
	case "Error":
		if s.kit.Switches.Is(switchSubstatusError, "refused") {
			return refused("the substatus is not supported")
		}
	case "Won", "Lost":
		if current.Status == statusNew && s.kit.Switches.Is(switchCloseFromNew, "declined_only") {
			return refused("a referral that was not accepted can only be declined")
		}
	}
	return nil
}
