package partnercenter

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sort"
	"strings"
)

// decodeReferral reads a referral from a request body, and returns the names of the properties that the body has, as written
// in the resource.
func (s *Service) decodeReferral(body []byte) (*Referral, []string, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil || given == nil {
		return nil, nil, invalid("referral", "The body is not a JSON object.")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if s.kit.Switches.Is(switchUnknownProperties, "refused") {
		decoder.DisallowUnknownFields()
	}
	var referral Referral
	if err := decoder.Decode(&referral); err != nil {
		return nil, nil, invalid("referral", "The body is not a referral: %s.", reason(err))
	}
	var fields []string
	for property := range referralNames {
		for name := range given {
			if strings.EqualFold(name, property) && string(given[name]) != "null" {
				fields = append(fields, property)
			}
		}
	}
	sort.Strings(fields)
	return &referral, fields, nil
}

// reason says what is wrong with a body, without naming the types of this program.
func reason(err error) string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return "the property " + mismatch.Field + " cannot be a " + mismatch.Value
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// create stores the referral that a POST asks for: the partner's own deal, or, with an engagementId and the target msft,
// Microsoft's counterpart of it (page "create-a-referral").
func (s *Service) create(o origin, body []byte) (*record, error) {
	asked, fields, err := s.decodeReferral(body)
	if err != nil {
		return nil, err
	}
	for _, required := range []string{"type", "customerProfile", "consent", "details"} {
		if !slices.Contains(fields, required) {
			return nil, invalid(required, "The property %s is required.", required)
		}
	}
	if err := checkEnums(asked); err != nil {
		return nil, err
	}
	if err := s.checkRules(asked); err != nil {
		return nil, err
	}
	return s.insert(o, func(*Timestamp) (*Referral, error) {
		if asked.isMicrosofts() {
			return s.counterpart(asked)
		}
		return s.ownReferral(asked)
	}, fields)
}

// accept keeps of a request body what a program may decide about a new referral.
func (s *Service) accept(asked *Referral) *Referral {
	copied := asked.clone()
	r := &Referral{
		Name: copied.Name, ExternalReferenceID: copied.ExternalReferenceID, Qualification: copied.Qualification,
		Type: copied.Type, CampaignID: copied.CampaignID, SalesStage: copied.SalesStage, MPNID: copied.MPNID,
		ReferralProgram: copied.ReferralProgram, Target: copied.Target, CustomerProfile: copied.CustomerProfile,
		Consent: copied.Consent, Details: copied.Details, Team: copied.Team, InviteContext: copied.InviteContext,
		Favorite: copied.Favorite,
	}
	if s.kit.Switches.Is(switchExternalReference, "dropped") {
		r.ExternalReferenceID = nil
	}
	if s.kit.Switches.Is(switchEffectiveType, "consent") {
		r.Type = "Independent"
		if r.Consent.ShareWithMicrosoft {
			r.Type = "Shared"
		}
	}
	s.fill(r)
	return r
}

// fill gives a new referral the values that recorded referrals have where nothing was said.
func (s *Service) fill(r *Referral) {
	orElse := func(value *string, fallback string) {
		if *value == "" {
			*value = fallback
		}
	}
	orElse(&r.Qualification, "None")
	orElse(&r.MPNID, s.options.MPNID)
	orElse(&r.Quality, "Unknown")
	orElse(&r.DealSensitivity, "None")
	orElse(&r.RegistrationStatus, "None")
	orElse(&r.InviteContext.AssistanceRequestCode, "Unknown")
	requirements := &r.Details.Requirements
	if requirements.AdditionalRequirements == nil {
		requirements.AdditionalRequirements = &AdditionalRequirements{}
	}
	if requirements.AdditionalRequirements.IoT == nil {
		requirements.AdditionalRequirements.IoT = &IoT{}
	}
	present(&r.Tags)
	present(&r.Target)
	present(&r.Team)
	present(&r.Registrations)
	present(&r.CustomerProfile.Team)
	present(&r.CustomerProfile.IDs)
	present(&requirements.Industries)
	present(&requirements.Products)
	present(&requirements.Services)
	present(&requirements.Solutions)
	present(&requirements.Offers)
	present(&requirements.SalesPlays)
}

// present makes an absent list an empty one.
func present[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}

// ownReferral is a new deal of the partner's. It is accepted from the start, whatever status the request names.
func (s *Service) ownReferral(asked *Referral) (*Referral, error) {
	if asked.EngagementID != "" {
		return nil, invalid("engagementId", "Only a referral to msft can join an engagement.")
	}
	if asked.asksForHelp() && s.kit.Switches.Is(switchHelpCode, "second") {
		return nil, invalid("inviteContext.assistanceRequestCode", "Help is requested by the referral to msft.")
	}
	r := s.accept(asked)
	r.OrganizationID, r.OrganizationName = s.options.Partner.ID, s.options.Partner.Name
	r.Direction, r.Status, r.Substatus = "Outgoing", statusActive, "Accepted"
	r.InviteContext.InvitedBy = &s.options.Partner // what makes it a co-sell opportunity, not a lead
	return r, nil
}

// counterpart is Microsoft's referral of an engagement, which Microsoft's sellers then accept or decline.
func (s *Service) counterpart(asked *Referral) (*Referral, error) {
	own := s.ownOf(asked.EngagementID)
	switch {
	case asked.EngagementID == "":
		return nil, invalid("engagementId", "A referral to msft needs the engagementId of the partner's own referral.")
	case own == nil:
		return nil, invalid("engagementId", "The engagement %s does not exist.", asked.EngagementID)
	case own.Status == statusClosed:
		return nil, s.checkOpen(own)
	case !own.Consent.ShareWithMicrosoft:
		return nil, invalid("consent", "The partner's own referral of the engagement is not shared with Microsoft sellers.")
	case s.counterpartOf(asked.EngagementID) != nil && s.kit.Switches.Is(switchSecondCounterpart, "refused"):
		e := invalid("engagementId", "The engagement already has a referral to msft.")
		e.status = http.StatusConflict
		return nil, e
	}
	if err := s.checkHelpCode(own, asked); err != nil {
		return nil, err
	}
	r := s.accept(asked)
	r.EngagementID = own.EngagementID
	r.OrganizationID, r.OrganizationName = microsoftOrganization, "Microsoft"
	if s.kit.Switches.Is(switchCounterpartOwner, "guid") {
		r.OrganizationID = microsoftGUID
	}
	r.Direction, r.Status, r.Substatus = "Outgoing", statusNew, "Pending"
	r.InviteContext.InvitedBy = &s.options.Partner
	r.InviteContext.InvitedMPNID = nil
	return r, nil
}

// microsoftGUID stands for Microsoft where switchCounterpartOwner makes the organization a GUID.
const microsoftGUID = "00000000-0000-4000-8000-00006d736674"

func (s *Service) checkHelpCode(own, asked *Referral) error {
	if s.kit.Switches.Is(switchValidation, "minimal") {
		return nil
	}
	found := own.asksForHelp() || asked.asksForHelp()
	switch s.kit.Switches.Get(switchHelpCode) {
	case "first":
		found = own.asksForHelp()
	case "second":
		found = asked.asksForHelp()
	}
	if !found {
		return invalid("inviteContext.assistanceRequestCode", "The kind of help is required.")
	}
	return nil
}
