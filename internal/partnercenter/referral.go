package partnercenter

import "encoding/json"

// Status of a referral (source: "Referral resources").
const (
	StatusNone   = "None"
	StatusNew    = "New"
	StatusActive = "Active"
	StatusClosed = "Closed"
)

// Substatus of a referral. New admits Pending and Received; Active admits Accepted; the rest belong to Closed and are
// final (source: "Referral resources"; Error: "Manage bulk operations").
const (
	SubstatusNone     = "None"
	SubstatusPending  = "Pending"
	SubstatusReceived = "Received"
	SubstatusAccepted = "Accepted"
	SubstatusWon      = "Won"
	SubstatusLost     = "Lost"
	SubstatusDeclined = "Declined"
	SubstatusExpired  = "Expired"
	SubstatusError    = "Error"
)

// Other enumerations (source: "Referral resources").
const (
	TypeIndependent = "Independent"
	TypeShared      = "Shared"

	QualificationNone               = "None"
	QualificationDirect             = "Direct"
	QualificationMarketingQualified = "MarketingQualified"
	QualificationSalesQualified     = "SalesQualified"

	DirectionIncoming = "Incoming"
	DirectionOutgoing = "Outgoing"

	TargetSolutionProfile         = "SolutionProfile"
	TargetBusinessProfileLocation = "BusinessProfileLocation"

	// MicrosoftOrganization is Microsoft's organization id, in target and invitedBy.
	MicrosoftOrganization = "msft"
)

// Referral is one side of a deal. Absent and null properties are zero; unknown ones are ignored.
type Referral struct {
	ID                        string                `json:"id"`
	EngagementID              string                `json:"engagementId"`
	Name                      string                `json:"name"`
	OrganizationID            string                `json:"organizationId"`
	OrganizationName          string                `json:"organizationName"`
	LastModifiedVia           string                `json:"lastModifiedVia"`
	LastRunID                 string                `json:"lastRunId"`
	ExternalReferenceID       Text                  `json:"externalReferenceId"`
	CreatedDateTime           Time                  `json:"createdDateTime"`
	UpdatedDateTime           Time                  `json:"updatedDateTime"`
	ExpirationDateTime        Time                  `json:"expirationDateTime"`
	AcceptedDateTime          Time                  `json:"acceptedDateTime"`
	ClosedDateTime            Time                  `json:"closedDateTime"`
	Status                    string                `json:"status"`
	Substatus                 string                `json:"substatus"`
	StatusReason              string                `json:"statusReason"`
	Qualification             string                `json:"qualification"`
	Type                      string                `json:"type"`
	ETag                      string                `json:"eTag"` // with its inner quotes, as If-Match wants it
	ReferralSource            string                `json:"referralSource"`
	CallToAction              string                `json:"callToAction"`
	Favorite                  bool                  `json:"favorite"`
	CampaignID                Text                  `json:"campaignId"`
	SalesStage                Text                  `json:"salesStage"` // percent, e.g. "40"
	Quality                   string                `json:"quality"`
	IsSpam                    bool                  `json:"isSpam"`
	Direction                 string                `json:"direction"`
	MPNID                     Text                  `json:"mpnId"`
	ReferralProgram           string                `json:"referralProgram"`
	DealSensitivity           string                `json:"dealSensitivity"`
	CreatedVia                string                `json:"createdVia"`
	Tags                      List[string]          `json:"tags"`
	RegistrationStatus        string                `json:"registrationStatus"`
	Registrations             List[json.RawMessage] `json:"registrations"`
	Target                    List[Target]          `json:"target"`
	CustomerProfile           CustomerProfile       `json:"customerProfile"`
	Consent                   Consent               `json:"consent"`
	Details                   Details               `json:"details"`
	Team                      List[Member]          `json:"team"`
	InviteContext             InviteContext         `json:"inviteContext"`
	Links                     Links                 `json:"links"`
	TrackingInfo              TrackingInfo          `json:"trackingInfo"`
	CustomerMarketplaceIntent json.RawMessage       `json:"customerMarketplaceIntent,omitempty"`
	Exception                 json.RawMessage       `json:"exception,omitempty"`
}

// Target is whom a referral is addressed to: a solution, or a business profile ("msft" for Microsoft).
type Target struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// CustomerProfile is the customer's company and its contacts.
type CustomerProfile struct {
	Name               string            `json:"name"`
	Size               string            `json:"size"` // e.g. "10to50employees"
	IsMatchingComplete *bool             `json:"isMatchingComplete"`
	Address            Address           `json:"address"`
	Team               List[Member]      `json:"team"`
	IDs                List[ProfileCode] `json:"ids"`
}

// ProfileCode identifies a company elsewhere.
type ProfileCode struct {
	ProfileType string `json:"profileType"` // Duns or External
	ID          Text   `json:"id"`
}

// Address of a customer. Country is ISO 3166-1 alpha-2. Recorded referrals carry the state in either State or Region.
type Address struct {
	AddressLine1 string `json:"addressLine1"`
	AddressLine2 string `json:"addressLine2"`
	City         string `json:"city"`
	State        string `json:"state"`
	PostalCode   Text   `json:"postalCode"`
	Country      string `json:"country"`
	Region       string `json:"region"`
}

// StateOrRegion gives whichever of the two is filled.
func (a Address) StateOrRegion() string {
	if a.State != "" {
		return a.State
	}
	return a.Region
}

// Member is a person in a team: the partner's seller or the customer's contact.
type Member struct {
	FirstName             string             `json:"firstName"`
	LastName              string             `json:"lastName"`
	PhoneNumber           Text               `json:"phoneNumber"`
	Email                 string             `json:"email"`
	Title                 string             `json:"title"`
	ContactPreference     *ContactPreference `json:"contactPreference,omitempty"`
	EmailValidationStatus string             `json:"emailValidationStatus,omitempty"`
	PhoneValidationStatus string             `json:"phoneValidationStatus,omitempty"`
}

// ContactPreference of a member.
type ContactPreference struct {
	Locale               string `json:"locale"`
	DisableNotifications *bool  `json:"disableNotifications"`
}

// Consent flags. The doubled "ToTo" is the service's spelling. Sharing with Microsoft's sellers cannot be taken back.
type Consent struct {
	ToShareInfoWithOthers                bool `json:"consentToToShareInfoWithOthers"`
	ToContact                            bool `json:"consentToContact"`
	ToShareReferralWithMicrosoftSellers  bool `json:"consentToShareReferralWithMicrosoftSellers"`
	ToMicrosoftToContactSpecificPartners bool `json:"consentToMicrosoftToContactSpecificPartners"`
}

// Details of the deal.
type Details struct {
	Notes                    string       `json:"notes"`
	DealValue                Number       `json:"dealValue"`
	Currency                 string       `json:"currency"` // ISO 4217
	ClosingDateTime          Time         `json:"closingDateTime"`
	CustomerRequestedContact *bool        `json:"customerRequestedContact"`
	CustomerAction           string       `json:"customerAction"`
	IncentiveLevel           Text         `json:"incentiveLevel"`
	Requirements             Requirements `json:"requirements"`
}

// Requirements of the customer.
type Requirements struct {
	Industries             List[Tag]              `json:"industries"`
	Products               List[Tag]              `json:"products"`
	Services               List[Tag]              `json:"services"`
	Solutions              List[Solution]         `json:"solutions"`
	Offers                 List[json.RawMessage]  `json:"offers"`
	SalesPlays             List[json.RawMessage]  `json:"salesPlays"`
	AdditionalRequirements AdditionalRequirements `json:"additionalRequirements"`
}

// Tag is an entry of one of the service's static vocabularies.
type Tag struct {
	ID string `json:"id"`
}

// Solution is a co-sell solution (type Name, id "SOL-…" or a GUID) or a predefined category (type Category).
type Solution struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	Type            string `json:"type"`
	Price           Number `json:"price"`
	Quantity        Number `json:"quantity"`
	Currency        string `json:"currency"`
	PublisherName   string `json:"publisherName"`
	SolutionType    string `json:"solutionType"`
	ClosingDateTime Time   `json:"closingDateTime"`
}

// AdditionalRequirements holds attributes such as CustomerMarketplaceIntent.
type AdditionalRequirements struct {
	IoT        json.RawMessage `json:"iot,omitempty"`
	Attributes List[Attribute] `json:"attributes"`
}

// Attribute is a typed id, e.g. {CustomerMarketplaceIntent, HaveNotDecided}.
type Attribute struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// InviteContext is what Microsoft or another partner is asked for.
type InviteContext struct {
	Notes                 string       `json:"notes"`
	AssistanceRequestCode string       `json:"assistanceRequestCode"`
	InvitedMPNID          Text         `json:"invitedMpnId"`
	InvitedBy             Organization `json:"invitedBy"`
}

// Organization names a partner, or Microsoft.
type Organization struct {
	OrganizationID   string `json:"organizationId"`
	OrganizationName string `json:"organizationName"`
}

// Links of a referral. They are for display only: the client builds its own addresses.
type Links struct {
	RelatedReferrals Link `json:"relatedReferrals"`
	Self             Link `json:"self"`
}

// Link is an address and the method to use on it.
type Link struct {
	URI    string `json:"uri"`
	Method string `json:"method"`
}

// TrackingInfo holds ids in Microsoft's own systems; MicrosoftMSXID appears after Microsoft accepts.
type TrackingInfo struct {
	MicrosoftMSXID              Text `json:"microsoftMsxId"`
	MicrosoftUSFedOpportunityID Text `json:"microsoftUSFedOpportunityId"`
	MicrosoftUSFedLeadID        Text `json:"microsoftUSFedLeadId"`
	MigratedPSCDealID           Text `json:"migratedPSCDealId"`
	MigratedPSCPartnerDealID    Text `json:"migratedPSCPartnerDealId"`
}

// IsMicrosoft reports whether this is Microsoft's own referral of a co-sell engagement: its organization or one of its
// targets is "msft". The documentation shows no other discriminator.
func (r *Referral) IsMicrosoft() bool {
	if r.OrganizationID == MicrosoftOrganization {
		return true
	}
	for _, target := range r.Target {
		if target.ID == MicrosoftOrganization {
			return true
		}
	}
	return false
}
