package deal

import (
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// solutions merges the set of solutions, each for itself. A shared deal keeps one at least: the removal of the last waits
// until there is another.
func (m *merger) solutions(rule Rule) {
	held := m.holdOutbound
	m.holdOutbound = held || m.options.HoldSolutions
	defer func() { m.holdOutbound = held }()
	fields := m.elements(solutionPrefix)
	last := rule.Outbound && !m.holdOutbound && !m.closed && m.emptied(fields)
	portion := m.portion(m.options.MostSolutions)
	for _, field := range fields {
		c, r := m.values(field)
		switch {
		case last && r == True:
			m.hold(field)
		case c != r && portion.full():
			m.hold(field)
		default:
			m.field(Rule{Field: field, Inbound: rule.Inbound, Outbound: rule.Outbound, Winner: CRM})
		}
	}
	if last {
		m.result.Notes = append(m.result.Notes, Note{Code: problem.LastSolutionKept, Waits: true})
	}
}

// emptied reports whether the merge would leave the referral without any of the solutions that it has.
func (m *merger) emptied(fields []string) bool {
	had := false
	for _, field := range fields {
		if m.outcome(field) == True {
			return false
		}
		had = had || m.current.Referral[field] == True
	}
	return had
}

// outcome is what both sides will hold of a flag that either side may change.
func (m *merger) outcome(field string) string {
	c, r := m.values(field)
	changedCRM, changedReferral := m.changed(field)
	switch {
	case changedCRM:
		return c
	case changedReferral:
		return r
	}
	if _, intended, ok := m.lastIntended(field); ok {
		return intended
	}
	return r
}

// contacts merges the customer's contacts, each for itself. Who is named comes and goes from either side; what is said of them
// is the CRM's, because a contact belongs to other deals too. Once Microsoft takes part, Partner Center's contacts are read-only.
func (m *merger) contacts(rule Rule) {
	portion := m.portion(m.options.MostContacts)
	for _, field := range m.elements(contactPrefix) {
		c, r := m.values(field)
		changedCRM, changedReferral := m.changed(field)
		switch sendable := rule.Outbound && m.options.Engagement == Open; {
		case c == r:
			m.accept(field)
		case c == "" && changedReferral || r == "" && changedReferral && !changedCRM:
			m.receiveElement(rule, field, portion)
		case changedCRM && sendable:
			m.send(field, c, CRM)
		case changedCRM, changedReferral:
			m.accept(field)
		default:
			m.resume(field)
		}
	}
}

func (m *merger) receiveElement(rule Rule, field string, portion *portion) {
	_, r := m.values(field)
	switch {
	case !rule.Inbound:
		m.accept(field)
	case m.options.HoldInbound, portion.full():
		m.hold(field)
	default:
		m.settle(field, r, r)
	}
}

// team merges the partner's own people. The CRM says who they are; somebody whom the portal added stays, and so does the last one.
// Who owns an opportunity that was made from a referral says nothing until somebody changes it.
func (m *merger) team(rule Rule) {
	fields := m.elements(memberPrefix)
	first := m.memory.Base != nil && m.memory.Base.CRM[Team] == ""
	for _, field := range fields {
		c, r := m.values(field)
		changedCRM, _ := m.changed(field)
		switch {
		case c == r, first, c == "" && m.lone(fields, field):
			m.accept(field)
		case changedCRM && rule.Outbound:
			m.send(field, c, CRM)
		case changedCRM:
			m.accept(field)
		default:
			m.resume(field)
		}
	}
	m.remember(Team, True, True)
}

// lone reports whether the referral names nobody but one, and the CRM nobody at all.
func (m *merger) lone(fields []string, one string) bool {
	return !slices.ContainsFunc(fields, func(field string) bool {
		c, r := m.values(field)
		return c != "" || r != "" && field != one
	})
}

// portion counts what goes into one write to the CRM.
type portion struct {
	m            *merger
	before, most int
}

func (m *merger) portion(most int) *portion { return &portion{m, len(m.result.ToCRM), most} }

// full reports that the write takes no more, and remembers that there is more.
func (p *portion) full() bool {
	full := p.most > 0 && len(p.m.result.ToCRM)-p.before >= p.most
	p.m.result.More = p.m.result.More || full
	return full
}

// elements lists every element of a set that either side has, or had when it was last seen.
func (m *merger) elements(prefix string) []string {
	found := map[string]bool{}
	add := func(p Pair) {
		for _, values := range []Values{p.CRM, p.Referral} {
			for field := range values {
				if strings.HasPrefix(field, prefix) {
					found[field] = true
				}
			}
		}
	}
	add(m.current)
	if m.memory.Base != nil {
		add(*m.memory.Base)
	}
	for _, attempt := range m.memory.Pending {
		add(attempt.Seen)
		add(attempt.Intended)
	}
	return slices.Sorted(maps.Keys(found))
}
