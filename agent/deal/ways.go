package deal

import "github.com/cosell-sync/terraform-provider-cosell/internal/problem"

// Ways are ways to treat a field that a mapping can ask for. The zero value asks for none. They hold for ordinary fields; status,
// deal value and currency, visibility and close reason have their own.
type Ways struct {
	UnlessBlank   bool // the winner of a conflict loses it where it has no value
	Manual        bool // in a conflict neither side wins: the field waits for a person, and the others go on
	Once          bool // a side that has a value keeps it
	KeepWhenBlank bool // an empty value is not carried to the other side
	LastWriter    bool // the side whose record was changed last wins a conflict
}

// winner tells whose value stays when both sides changed.
func (r Rule) winner(crm, referral string, newer Side) Side {
	switch {
	case r.LastWriter:
		return newer
	case r.UnlessBlank && r.Winner == CRM && crm == "":
		return PartnerCenter
	case r.UnlessBlank && r.Winner == PartnerCenter && referral == "":
		return CRM
	default:
		return r.Winner
	}
}

// byItsWay merges a field whose way leaves nothing to decide; false where the ordinary rules do.
func (m *merger) byItsWay(rule Rule) bool {
	c, r := m.values(rule.Field)
	changedCRM, changedReferral := m.changed(rule.Field)
	switch {
	case rule.Once && c == "" && rule.Inbound:
		m.send(rule.Field, r, PartnerCenter)
	case rule.Once && r == "" && rule.Outbound:
		m.send(rule.Field, c, CRM)
	case rule.Once:
		m.accept(rule.Field)
	case rule.Manual && rule.Inbound && rule.Outbound && changedCRM && changedReferral && !m.closed:
		m.result.Notes = append(m.result.Notes, Note{Code: problem.ConflictWaits, Field: rule.Field, Waits: true})
		m.hold(rule.Field)
	case rule.KeepWhenBlank && (!rule.Inbound && c == "" || !rule.Outbound && r == ""):
		m.accept(rule.Field)
	default:
		return false
	}
	return true
}
