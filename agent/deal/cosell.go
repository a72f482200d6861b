package deal

import "github.com/cosell-sync/terraform-provider-cosell/internal/problem"

// help merges the kind of help that is requested from Microsoft. It can be asked for once, at any time before the deal is
// closed; from then on the CRM shows what was asked for. Partner Center learns it with Microsoft's own referral, never by a
// change of the partner's.
func (m *merger) help(rule Rule) {
	c, r := m.values(Help)
	changedCRM, _ := m.changed(Help)
	asked := m.options.Engagement != Open || r != "" && !m.options.Ours
	switch {
	case asked && r != "" && c != r && (m.options.HoldInbound || !rule.Inbound):
		m.hold(Help)
	case asked && r != "" && c != r:
		if changedCRM && m.memory.Base != nil {
			m.note(problem.HelpKept, Help, "")
		}
		m.settle(Help, r, r)
	case m.options.Engagement == FromMicrosoft && c != r && changedCRM:
		m.note(problem.HelpNotNeeded, Help, "")
		m.accept(Help)
	case asked, c == "":
		m.accept(Help)
	case m.closed:
		if changedCRM {
			m.note(problem.ReferralClosed, Help, "")
		}
		m.accept(Help)
	default:
		m.ask(rule, c)
	}
}

// ask requests help, or says what is missing for it.
func (m *merger) ask(rule Rule, code string) {
	wait := func(why problem.Code) {
		m.result.Notes = append(m.result.Notes, Note{Code: why, Field: Help, Waits: true})
		m.hold(Help)
	}
	switch {
	case m.holdOutbound || m.options.HoldHelp || !rule.Outbound:
		m.hold(Help)
	case code == UnknownHelp:
		wait(problem.HelpUnknown)
	case m.options.NoContact:
		wait(problem.ContactMissing)
	case m.options.NoTeam:
		wait(problem.TeamIncomplete)
	default:
		m.result.AskHelp = true
		m.remember(Help, code, code)
	}
}

// microsoft tells the seller what Microsoft answered. What the CRM's side holds is what the seller was told for certain.
func (m *merger) microsoft() {
	told, status := m.values(MicrosoftStatus)
	switch {
	case told == status:
		m.accept(MicrosoftStatus)
		return
	case m.options.HoldInbound:
		m.hold(MicrosoftStatus)
		return
	}
	reason := m.current.Referral[MicrosoftReason]
	switch status {
	case Active:
		m.note(problem.MicrosoftAccepted, "", "")
	case Declined:
		m.note(problem.MicrosoftDeclined, "", reason)
	case Expired:
		m.note(problem.MicrosoftExpired, "", reason)
	case Won, Lost, Failed:
		detail := statusSaying(status)
		if reason != "" {
			detail = problem.Say(problem.StatusWithReason, detail.Phrase, reason)
		}
		m.explain(problem.MicrosoftClosed, "", detail)
	}
	m.remember(MicrosoftStatus, m.current.Referral[MicrosoftStatus], m.current.Referral[MicrosoftStatus])
}
