package partnercenter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Referral is the resource as it goes over the wire (page "referral-resources", recorded responses of 2022). Reading is
// tolerant of the case of names, as the real service seems to be: the documentation's own samples mix both.
type Referral struct {
	ODataContext        string          `json:"@odata.context,omitempty"`
	ID                  string          `json:"id"`
	EngagementID        string          `json:"engagementId"`
	Name                string          `json:"name"`
	OrganizationID      string          `json:"organizationId"`
	OrganizationName    string          `json:"organizationName"`
	LastModifiedVia     *string         `json:"lastModifiedVia"`
	LastRunID           *string         `json:"lastRunId"`
	ExternalReferenceID *string         `json:"externalReferenceId"`
	CreatedDateTime     *Timestamp      `json:"createdDateTime"`
	UpdatedDateTime     *Timestamp      `json:"updatedDateTime"`
	ExpirationDateTime  *Timestamp      `json:"expirationDateTime"`
	Status              string          `json:"status"`
	Substatus           string          `json:"substatus"`
	StatusReason        *string         `json:"statusReason"`
	Qualification       string          `json:"qualification"`
	Type                string          `json:"type"`
	ReferralSource      *string         `json:"referralSource"`
	ETag                string          `json:"eTag"`
	Favorite            bool            `json:"favorite"`
	CampaignID          *string         `json:"campaignId"`
	SalesStage          *string         `json:"salesStage"`
	Quality             string          `json:"quality"`
	IsSpam              bool            `json:"isSpam"`
	Direction           string          `json:"direction"`
	MPNID               string          `json:"mpnId"`
	ReferralProgram     *string         `json:"referralProgram"`
	DealSensitivity     string          `json:"dealSensitivity"`
	CreatedVia          *string         `json:"createdVia"`
	Tags                []string        `json:"tags"`
	AcceptedDateTime    *Timestamp      `json:"acceptedDateTime"`
	ClosedDateTime      *Timestamp      `json:"closedDateTime"`
	CallToAction        *string         `json:"callToAction"`
	RegistrationStatus  string          `json:"registrationStatus"`
	Target              []Target        `json:"target"`
	CustomerProfile     CustomerProfile `json:"customerProfile"`
	Consent             Consent         `json:"consent"`
	Details             Details         `json:"details"`
	Team                []Member        `json:"team"`
	InviteContext       InviteContext   `json:"inviteContext"`
	Links               *Links          `json:"links,omitempty"`
	TrackingInfo        TrackingInfo    `json:"trackingInfo"`
	Registrations       []any           `json:"registrations"`

	visibleInListsFrom time.Time
	marketplaceLead    bool
}

// Target says whom a referral is for: type BusinessProfileLocation or SolutionProfile, id a solution, a location or msft.
type Target struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// CustomerProfile is the customer of the deal.
type CustomerProfile struct {
	Name               string       `json:"name"`
	Size               string       `json:"size"`
	IsMatchingComplete bool         `json:"isMatchingComplete"`
	Address            Address      `json:"address"`
	Team               []Member     `json:"team"`
	IDs                []CustomerID `json:"ids"`
}

// CustomerID identifies the customer elsewhere: profileType Duns or External.
type CustomerID struct {
	ProfileType string `json:"profileType"`
	ID          string `json:"id"`
}

// Address is the customer's address; country is ISO 3166-1 alpha-2.
type Address struct {
	AddressLine1 string  `json:"addressLine1"`
	AddressLine2 *string `json:"addressLine2"`
	City         string  `json:"city"`
	State        *string `json:"state"`
	PostalCode   string  `json:"postalCode"`
	Country      string  `json:"country"`
	Region       string  `json:"region"`
}

// Member is a person: of the customer's team or of the partner's.
type Member struct {
	FirstName         string             `json:"firstName"`
	LastName          string             `json:"lastName"`
	PhoneNumber       string             `json:"phoneNumber"`
	Email             string             `json:"email"`
	Title             *string            `json:"title"`
	ContactPreference *ContactPreference `json:"contactPreference"`
}

// ContactPreference is how a member wants to be notified.
type ContactPreference struct {
	Locale               *string `json:"locale"`
	DisableNotifications *bool   `json:"disableNotifications"`
}

// Consent carries the customer's and the partner's consents; the doubled "ToTo" is the real name.
type Consent struct {
	ShareInfoWithOthers     bool `json:"consentToToShareInfoWithOthers"`
	Contact                 bool `json:"consentToContact"`
	ShareWithMicrosoft      bool `json:"consentToShareReferralWithMicrosoftSellers"`
	MicrosoftContactPartner bool `json:"consentToMicrosoftToContactSpecificPartners"`
}

// Details are the deal's own data.
type Details struct {
	Notes                    *string      `json:"notes"`
	DealValue                Decimal      `json:"dealValue"`
	Currency                 string       `json:"currency"`
	ClosingDateTime          *Timestamp   `json:"closingDateTime"`
	CustomerRequestedContact *bool        `json:"customerRequestedContact"`
	CustomerAction           *string      `json:"customerAction"`
	IncentiveLevel           *string      `json:"incentiveLevel"`
	Requirements             Requirements `json:"requirements"`
}

// Requirements list what the customer needs.
type Requirements struct {
	Industries             []Reference             `json:"industries"`
	Products               []Reference             `json:"products"`
	Services               []Reference             `json:"services"`
	Solutions              []Solution              `json:"solutions"`
	Offers                 []any                   `json:"offers"`
	SalesPlays             []any                   `json:"salesPlays"`
	AdditionalRequirements *AdditionalRequirements `json:"additionalRequirements"`
}

// Reference names an entry of one of the fixed vocabularies.
type Reference struct {
	ID string `json:"id"`
}

// Solution is one solution of the deal: type Name (a catalogue solution) or Category.
type Solution struct {
	ID              string     `json:"id"`
	Name            *string    `json:"name"`
	Type            string     `json:"type"`
	Price           *Decimal   `json:"price"`
	Quantity        *Decimal   `json:"quantity"`
	Currency        *string    `json:"currency"`
	PublisherName   *string    `json:"publisherName"`
	SolutionType    *string    `json:"solutionType"`
	ClosingDateTime *Timestamp `json:"closingDateTime"`
}

// AdditionalRequirements carry typed attributes, for example CustomerMarketplaceIntent.
type AdditionalRequirements struct {
	IoT        *IoT        `json:"iot"`
	Attributes []Attribute `json:"attributes,omitempty"`
}

// IoT is recorded on every referral, nearly always empty.
type IoT struct {
	CustomerLicenseAgreementNumber *string `json:"customerLicenseAgreementNumber"`
	DeviceCategory                 *string `json:"deviceCategory"`
	SiliconType                    *string `json:"siliconType"`
	AzureCertifiedDevice           bool    `json:"azureCertifiedDevice"`
	AttachServices                 bool    `json:"attachServices"`
}

// Attribute is one typed value of the additional requirements.
type Attribute struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// InviteContext says who asked whom for help, and for which.
type InviteContext struct {
	Notes                 *string       `json:"notes"`
	AssistanceRequestCode string        `json:"assistanceRequestCode"`
	InvitedMPNID          *string       `json:"invitedMpnId"`
	InvitedBy             *Organization `json:"invitedBy"`
}

// Organization is a partner, or Microsoft (id msft).
type Organization struct {
	ID   string `json:"organizationId"`
	Name string `json:"organizationName"`
}

// Links are the resource's navigation links.
type Links struct {
	RelatedReferrals Link `json:"relatedReferrals"`
	Self             Link `json:"self"`
}

// Link is a URI and the method to use it with.
type Link struct {
	URI    string `json:"uri"`
	Method string `json:"method"`
}

// TrackingInfo carries Microsoft's own identifiers of the deal.
type TrackingInfo struct {
	MicrosoftMSXID              *string `json:"microsoftMsxId"`
	MicrosoftUSFedOpportunityID *string `json:"microsoftUSFedOpportunityId"`
	MicrosoftUSFedLeadID        *string `json:"microsoftUSFedLeadId"`
	MigratedPSCDealID           *string `json:"migratedPSCDealId"`
	MigratedPSCPartnerDealID    *string `json:"migratedPSCPartnerDealId"`
}

// clone copies the referral deeply, so that stored versions never change.
func (r *Referral) clone() *Referral {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // every field is plain data
	}
	copied, err := r.decodeNext(data)
	if err != nil {
		panic(err)
	}
	return copied
}

// decodeNext decodes a version of the referral that keeps what does not go over the wire.
func (r *Referral) decodeNext(data []byte) (*Referral, error) {
	next := &Referral{visibleInListsFrom: r.visibleInListsFrom, marketplaceLead: r.marketplaceLead}
	return next, json.Unmarshal(data, next)
}

func (r *Referral) isMicrosofts() bool {
	return targetsMicrosoft(r.Target)
}

func targetsMicrosoft(targets []Target) bool {
	for _, target := range targets {
		if strings.EqualFold(target.ID, microsoftOrganization) {
			return true
		}
	}
	return false
}

// Timestamp is a UTC time with up to seven fractional digits, trailing zeros trimmed, as recorded.
type Timestamp struct{ time.Time }

const timestampLayout = "2006-01-02T15:04:05.9999999Z"

func stamp(t time.Time) *Timestamp { return &Timestamp{t.UTC().Truncate(100 * time.Nanosecond)} }

// MarshalJSON writes the time as the service does.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format(timestampLayout))
}

// UnmarshalJSON accepts RFC 3339 times and plain dates.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if parsed, err := time.Parse(layout, text); err == nil {
			t.Time = parsed.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is not an ISO 8601 time", text)
}

// Decimal is a number that is kept as written; a numeric string is accepted, for the documentation's own PATCH samples send
// deal values as strings.
type Decimal struct{ json.Number }

// MarshalJSON writes a number, 0 if none was ever set.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if d.Number == "" {
		return []byte("0"), nil
	}
	return []byte(d.Number), nil
}

// UnmarshalJSON reads a number or a string that holds one.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		d.Number = ""
		return nil
	}
	var text string
	if data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		data = []byte(text)
	}
	if len(data) == 0 || !json.Valid(data) || !(data[0] == '-' || data[0] >= '0' && data[0] <= '9') {
		return fmt.Errorf("%q is not a number", data)
	}
	d.Number = json.Number(data)
	return nil
}

func (d Decimal) positive() bool {
	value, err := d.Float64()
	return err == nil && value > 0
}

func text(s string) *string { return &s }

// plain is the string, or "" for null.
func plain(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
