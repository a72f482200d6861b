package partnercenter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The people who act on Partner Center.
const (
	microsoftSeller = "microsoft_seller"
	portalUser      = "portal_user"
)

// Deal is what a person enters about a new deal. Whatever is left out gets a plausible value, so that a deal needs no
// arguments at all.
type Deal struct {
	Name          string  `json:"name"`
	Kind          string  `json:"kind"` // co_sell (default), lead, marketplace_lead; portal_create: private, partner_led (default)
	Customer      string  `json:"customer"`
	AddressLine1  string  `json:"address_line1"`
	City          string  `json:"city"`
	State         string  `json:"state"`
	PostalCode    string  `json:"postal_code"`
	Country       string  `json:"country"` // ISO 3166-1 alpha-2
	Value         Decimal `json:"value"`
	Currency      string  `json:"currency"`
	CloseDate     string  `json:"close_date"` // RFC 3339 time or date
	Notes         string  `json:"notes"`
	SolutionID    string  `json:"solution_id"`
	SolutionName  string  `json:"solution_name"`
	ContactFirst  string  `json:"contact_first_name"`
	ContactLast   string  `json:"contact_last_name"`
	ContactEmail  string  `json:"contact_email"`
	ContactPhone  string  `json:"contact_phone"`
	TeamEmail     string  `json:"team_email"` // somebody of the partner's, whom the deal is for
	Help          string  `json:"help"`       // assistance request code
	MicrosoftCRM  string  `json:"microsoft_crm_id"`
	ExternalCRMID string  `json:"external_reference_id"`
}

func (d Deal) referral(now time.Time) (*Referral, error) {
	closing := stamp(now.AddDate(0, 3, 0).Truncate(24 * time.Hour))
	if d.CloseDate != "" {
		var err error
		if closing, err = parseTimestamp(d.CloseDate); err != nil {
			return nil, err
		}
	}
	value := d.Value
	if value.Number == "" {
		value.Number = "50000"
	}
	customer := cmp.Or(d.Customer, "Fabrikam")
	solution := Solution{ID: cmp.Or(d.SolutionID, "SOL-00001-AAA"), Type: "Name"}
	if d.SolutionName != "" {
		solution.Name = text(d.SolutionName)
	}
	r := &Referral{
		Name: cmp.Or(d.Name, "Deal with "+customer), Qualification: "SalesQualified", Type: "Shared",
		Target: []Target{{Type: "SolutionProfile", ID: solution.ID}},
		CustomerProfile: CustomerProfile{
			Name: customer, Size: "251to1000employees", IsMatchingComplete: true,
			Address: Address{
				AddressLine1: cmp.Or(d.AddressLine1, "1 Main Street"), City: cmp.Or(d.City, "Redmond"), State: text(cmp.Or(d.State, "WA")),
				PostalCode: cmp.Or(d.PostalCode, "98052"), Country: cmp.Or(d.Country, "US"),
			},
			Team: []Member{{
				FirstName: cmp.Or(d.ContactFirst, "Customer"), LastName: cmp.Or(d.ContactLast, "Contact"),
				Email: cmp.Or(d.ContactEmail, "customer.contact@example.com"), PhoneNumber: cmp.Or(d.ContactPhone, "+14255550100"),
			}},
		},
		Consent: Consent{ShareInfoWithOthers: true, Contact: true, ShareWithMicrosoft: true},
		Details: Details{
			DealValue: value, Currency: cmp.Or(d.Currency, "USD"), ClosingDateTime: closing,
			Requirements: Requirements{Solutions: []Solution{solution}},
		},
		InviteContext: InviteContext{AssistanceRequestCode: d.Help},
	}
	if d.Notes != "" {
		r.Details.Notes = text(d.Notes)
	}
	if d.TeamEmail != "" {
		r.Team = []Member{{FirstName: "Partner", LastName: "Representative", Email: d.TeamEmail, PhoneNumber: "+14255550102"}}
	}
	if d.ExternalCRMID != "" {
		r.ExternalReferenceID = text(d.ExternalCRMID)
	}
	return r, checkEnums(r)
}

func parseTimestamp(s string) (*Timestamp, error) {
	quoted, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("read the time: %w", err)
	}
	var t Timestamp
	if err := t.UnmarshalJSON(quoted); err != nil {
		return nil, err
	}
	return &t, nil
}

// SendReferral is a Microsoft seller who sends the partner a new deal: New/Pending, to be answered within 14 days. The kinds
// lead and marketplace_lead make what the classification of the page "referrals-api-introduction" says.
func (s *Service) SendReferral(d Deal) (*Referral, error) {
	r, err := d.referral(s.kit.Clock.Now())
	if err != nil {
		return nil, err
	}
	switch d.Kind {
	case "", "co_sell":
		r.TrackingInfo.MicrosoftMSXID = text(cmp.Or(d.MicrosoftCRM, "7-SANDBOX"))
	case "lead":
		r.Type, r.Qualification = "Independent", "MarketingQualified"
	case "marketplace_lead":
		r.Type, r.Qualification, r.marketplaceLead = "Independent", "Direct", true
		r.ReferralSource, r.CallToAction = text("AzureMarketplace"), text("ContactMe")
	default:
		return nil, fmt.Errorf("unknown kind %q of a referral; use co_sell, lead or marketplace_lead", d.Kind)
	}
	r.Direction, r.Status, r.Substatus = "Incoming", statusNew, "Pending"
	r.InviteContext.InvitedBy = &Organization{ID: microsoftOrganization, Name: "Microsoft"}
	r.InviteContext.InvitedMPNID = text(s.options.MPNID)
	return s.enter(microsoftSeller, r)
}

// PortalCreate is a user of the partner's who enters a deal in the portal: Active/Accepted at once.
func (s *Service) PortalCreate(d Deal) (*Referral, error) {
	r, err := d.referral(s.kit.Clock.Now())
	if err != nil {
		return nil, err
	}
	switch d.Kind {
	case "", "partner_led":
	case "private":
		r.Type, r.Consent.ShareWithMicrosoft = "Independent", false
	default:
		return nil, fmt.Errorf("unknown kind %q of a deal; use private or partner_led", d.Kind)
	}
	r.Direction, r.Status, r.Substatus = "Outgoing", statusActive, "Accepted"
	r.InviteContext.InvitedBy = &s.options.Partner
	return s.enter(portalUser, r)
}

func (s *Service) enter(actor string, r *Referral) (*Referral, error) {
	r.OrganizationID, r.OrganizationName = s.options.Partner.ID, s.options.Partner.Name
	s.fill(r)
	stored, err := s.insert(origin{actor: actor}, func(*Timestamp) (*Referral, error) { return r, nil }, nil)
	if err != nil {
		return nil, err
	}
	return stored.referral.clone(), nil
}

// AcceptReferral is a user of the portal who accepts a referral.
func (s *Service) AcceptReferral(id string) (*Referral, error) {
	return s.setStatus(portalUser, id, statusActive, "Accepted", "")
}

// DeclineReferral is a user of the portal who declines a referral.
func (s *Service) DeclineReferral(id, reason string) (*Referral, error) {
	return s.setStatus(portalUser, id, statusClosed, "Declined", reason)
}

// CloseReferral is a user of the portal who closes a referral: the outcome is won, lost or error.
func (s *Service) CloseReferral(id, outcome, reason string) (*Referral, error) {
	substatus, ok := map[string]string{"won": "Won", "lost": "Lost", "error": "Error"}[strings.ToLower(outcome)]
	if !ok {
		return nil, fmt.Errorf("unknown outcome %q; use won, lost or error", outcome)
	}
	return s.setStatus(portalUser, id, statusClosed, substatus, reason)
}

// AcceptCounterpart is a Microsoft seller who accepts the partner's co-sell request: Microsoft's referral gets Microsoft's
// identifier of the opportunity, and the sellers, if any are given, join its team. The id is the engagement's or one of its
// referrals'.
func (s *Service) AcceptCounterpart(id, crmID string, sellers ...Member) (*Referral, error) {
	counterpart, own, err := s.engagement(id)
	if err != nil {
		return nil, err
	}
	crmID = cmp.Or(crmID, "7-"+strings.ToUpper(counterpart.EngagementID[:8]))
	accepted, err := s.act(microsoftSeller, counterpart.ID, func(next *Referral) ([]string, error) {
		if err := s.checkTransition(next, withStatus(statusActive, "Accepted")); err != nil {
			return nil, err
		}
		next.Status, next.Substatus = statusActive, "Accepted"
		next.TrackingInfo.MicrosoftMSXID = text(crmID)
		next.Team = append(slices.Clone(next.Team), sellers...)
		return []string{"status", "substatus", "trackingInfo/microsoftMsxId"}, nil
	})
	if err != nil || own == nil || own.Status == statusClosed || s.kit.Switches.Is(switchMSXID, "counterpart") {
		return accepted, err
	}
	_, err = s.act(microsoftSeller, own.ID, func(next *Referral) ([]string, error) {
		next.TrackingInfo.MicrosoftMSXID = text(crmID)
		return []string{"trackingInfo/microsoftMsxId"}, nil
	})
	return accepted, err
}

// DeclineCounterpart is a Microsoft seller who declines the partner's co-sell request.
func (s *Service) DeclineCounterpart(id, reason string) (*Referral, error) {
	counterpart, _, err := s.engagement(id)
	if err != nil {
		return nil, err
	}
	reason = cmp.Or(reason, "No Microsoft seller directly manages this customer")
	return s.setStatus(microsoftSeller, counterpart.ID, statusClosed, "Declined", reason)
}

// RenewCertificate puts a new signing certificate behind the same URL, as its issuer does before the old one ends.
func (s *Service) RenewCertificate() error { return s.authority.Renew(s.kit.Clock.Now()) }

// Referral returns a copy of a referral, for tests that look at the service from behind.
func (s *Service) Referral(id string) (*Referral, error) {
	stored, err := s.locked(func() (*record, error) {
		stored, ok := s.records[strings.ToLower(id)]
		if !ok {
			return nil, notFound("referral", id)
		}
		return stored, nil
	})
	if err != nil {
		return nil, err
	}
	return stored.referral.clone(), nil
}

// All returns copies of all referrals, in the order of their creation.
func (s *Service) All() []*Referral {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	all := make([]*Referral, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, s.records[id].referral.clone())
	}
	return all
}

// engagement finds Microsoft's referral, and the partner's own if there is one, by the id of the engagement or of either.
func (s *Service) engagement(id string) (counterpart, own *Referral, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	engagementID := strings.ToLower(id)
	if stored, ok := s.records[engagementID]; ok {
		engagementID = stored.referral.EngagementID
	}
	if counterpart = s.counterpartOf(engagementID); counterpart == nil {
		return nil, nil, notFound("Microsoft's referral in the engagement", id)
	}
	return counterpart, s.ownOf(engagementID), nil
}

func (s *Service) setStatus(actor, id, status, substatus, reason string) (*Referral, error) {
	return s.act(actor, id, func(next *Referral) ([]string, error) {
		if err := s.checkTransition(next, withStatus(status, substatus)); err != nil {
			return nil, err
		}
		next.Status, next.Substatus = status, substatus
		fields := []string{"status", "substatus"}
		if reason != "" {
			next.StatusReason = text(reason)
			fields = append(fields, "statusReason")
		}
		return fields, nil
	})
}

func withStatus(status, substatus string) *Referral {
	return &Referral{Status: status, Substatus: substatus}
}

// act is a person's change to an open referral.
func (s *Service) act(actor, id string, edit func(next *Referral) (fields []string, err error)) (*Referral, error) {
	stored, err := s.update(origin{actor: actor}, id, func(current *Referral) (*Referral, []string, error) {
		if err := s.checkOpen(current); err != nil {
			return nil, nil, err
		}
		next := current.clone()
		fields, err := edit(next)
		return next, fields, err
	})
	if err != nil {
		return nil, err
	}
	return stored.referral.clone(), nil
}
