package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// LeadNames are the API names of leads. An empty object says that leads are no records here; an empty field that leads do
// without it.
type LeadNames struct {
	Object                        string
	Key, ReferralID, ReferralLink string
	Status                        string // value of a new lead
}

const (
	leadPrefix  = "00Q" // of every lead's id
	statusField = "Status"
	sourceField = "LeadSource"
	// leadSource is a value of the picklist that new organisations have; it is written where it is still there.
	leadSource = "Partner Referral"
)

// leadFields are the standard fields of a lead ("Lead") by the values that they hold. The first two are always there.
var leadFields = []struct{ value, name string }{
	{deal.CustomerName, "Company"},
	{deal.LeadLastName, "LastName"},
	{deal.LeadFirstName, "FirstName"},
	{deal.LeadEmail, "Email"},
	{deal.LeadPhone, "Phone"},
	{deal.CustomerStreet, "Street"},
	{deal.CustomerCity, "City"},
	{deal.CustomerState, "State"},
	{deal.CustomerPostal, "PostalCode"},
	{deal.CustomerNation, "Country"},
	{deal.Notes, "Description"},
}

// leadField is a field of the organisation's leads that the agent writes.
type leadField struct {
	name    string
	longest int
}

// leadRecords is what the organisation's leads are like.
type leadRecords struct {
	fields map[string]leadField // by value
	order  []string             // the values of fields
	source bool                 // the picklist of sources has leadSource
}

var _ crm.Leads = (*Org)(nil)

// describeLeads looks at the organisation's leads. A standard field that the agent's user does not see is left out; the status
// must be a value of its picklist.
func (o *Org) describeLeads(ctx context.Context) error {
	n := o.names.Leads
	if n.Object == "" {
		return nil
	}
	describe, err := o.client.Data().Describe(ctx, n.Object)
	if err != nil {
		return fmt.Errorf("describe %s: %w", n.Object, err)
	}
	var missing []string
	for _, required := range []string{"Company", "LastName", statusField, n.Key, n.ReferralID, n.ReferralLink} {
		if _, found := describe.Field(required); !found && required != "" {
			missing = append(missing, n.Object+"."+required)
		}
	}
	if len(missing) > 0 {
		return problem.New(problem.FieldMissing, "Salesforce organisation", strings.Join(missing, ", "))
	}
	if values := activeValues(describe, statusField); !slices.Contains(values, n.Status) {
		return problem.New(problem.LeadStatusMissing, "Salesforce organisation", fmt.Sprintf("%q; it has %q", n.Status, values))
	}
	o.leads = leadRecords{fields: map[string]leadField{}, source: slices.Contains(activeValues(describe, sourceField), leadSource)}
	add := func(value, name string) {
		if field, found := describe.Field(name); found {
			o.leads.fields[value] = leadField{name, field.Length}
			o.leads.order = append(o.leads.order, value)
		}
	}
	_, coded := describe.Field("CountryCode")
	for _, f := range leadFields {
		switch {
		case coded && f.value == deal.CustomerNation:
			add(f.value, "CountryCode")
		case coded && f.value == deal.CustomerState: // which states an organisation knows is data of its own, see accountFields
		default:
			add(f.value, f.name)
		}
	}
	add(deal.ReferralID, n.ReferralID)
	add(deal.ReferralLink, n.ReferralLink)
	return nil
}

func activeValues(describe *salesforce.Describe, name string) []string {
	var values []string
	field, _ := describe.Field(name)
	for _, value := range field.PicklistValues {
		if value.Active {
			values = append(values, value.Value)
		}
	}
	return values
}

// IsLead implements [crm.Leads].
func (o *Org) IsLead(id string) bool { return strings.HasPrefix(id, leadPrefix) }

// FitLead implements [crm.Leads]. Salesforce refuses a whole lead for an e-mail address that is none.
func (o *Org) FitLead(values deal.Values) deal.Values {
	fitted := deal.Values{}
	for _, value := range o.leads.order {
		text := strings.TrimSpace(shorten(values[value], o.leads.fields[value].longest))
		switch value {
		case deal.LeadEmail:
			if address, err := mail.ParseAddress(values[value]); err != nil || address.Address != text {
				text = ""
			}
		case deal.CustomerNation:
			if o.leads.fields[value].name == "CountryCode" {
				text, _ = deal.CountryCode(values[value])
			}
		}
		fitted[value] = text
	}
	return fitted
}

func (o *Org) selectLead() string {
	n := o.names.Leads
	selected := []string{"Id", "LastModifiedDate", "IsConverted", "ConvertedOpportunityId", n.Key}
	for _, value := range o.leads.order {
		if name := o.leads.fields[value].name; !slices.Contains(selected, name) {
			selected = append(selected, name)
		}
	}
	return "SELECT " + strings.Join(selected, ", ") + " FROM " + n.Object
}

func (o *Org) readLead(row row, found bool, err error) (crm.Lead, bool, error) {
	if err != nil || !found {
		return crm.Lead{}, false, translate(err)
	}
	lead := crm.Lead{
		ID: text(row["Id"]), Version: text(row["LastModifiedDate"]), ModifiedAt: modified(text(row["LastModifiedDate"])), Key: text(row[o.names.Leads.Key]),
		Converted: row["IsConverted"] == true, OpportunityID: text(row["ConvertedOpportunityId"]), Values: deal.Values{},
	}
	for _, value := range o.leads.order {
		if lead.Values[value], err = deal.Normalize(value, row[o.leads.fields[value].name]); err != nil {
			return crm.Lead{}, false, err
		}
	}
	return lead, true, nil
}

// ReadLead implements [crm.Leads].
func (o *Org) ReadLead(ctx context.Context, id string) (crm.Lead, error) {
	quoted, err := salesforce.QuoteID(id)
	if err != nil {
		return crm.Lead{}, fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	lead, found, err := o.readLead(one(o.shared().leads.find(ctx, strings.Trim(quoted, "'"))))
	if err != nil {
		return crm.Lead{}, fmt.Errorf("read lead %s: %w", id, err)
	}
	if !found {
		return crm.Lead{}, fmt.Errorf("lead %s: %w", id, crm.ErrNotFound)
	}
	return lead, nil
}

// FindLead implements [crm.Leads].
func (o *Org) FindLead(ctx context.Context, referralID string) (string, bool, error) {
	lead, found, err := o.readLead(one(o.shared().leadsByReferral.find(ctx, strings.ToLower(referralID))))
	if err != nil {
		return "", false, fmt.Errorf("look for the lead of referral %s: %w", referralID, err)
	}
	return lead.ID, found, nil
}

// FindDeletedLead implements [crm.Leads].
func (o *Org) FindDeletedLead(ctx context.Context, referralID string, since time.Time) (string, bool, error) {
	return o.deleted(ctx, o.names.Leads.Object, o.names.Leads.Key, referralID, since)
}

// FindConverted implements [crm.Leads]. Of several leads that became one opportunity, the oldest counts.
func (o *Org) FindConverted(ctx context.Context, opportunityID string) (crm.Lead, bool, error) {
	quoted, err := salesforce.QuoteID(opportunityID)
	if err != nil {
		return crm.Lead{}, false, fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	rows, err := o.shared().converted.find(ctx, strings.Trim(quoted, "'"))
	lead, found, err := o.readLead(one(rows[:min(len(rows), 1)], err))
	if err != nil {
		return crm.Lead{}, false, fmt.Errorf("look for the lead that became opportunity %s: %w", opportunityID, err)
	}
	return lead, found, nil
}

// EncodeLead implements [crm.Leads].
func (o *Org) EncodeLead(referralID string, values deal.Values) ([]byte, error) {
	body := map[string]any{o.names.Leads.Key: strings.ToLower(referralID), statusField: o.names.Leads.Status}
	if o.leads.source {
		body[sourceField] = leadSource
	}
	for value, text := range values {
		if field, there := o.leads.fields[value]; there && text != "" {
			body[field.name] = text
		}
	}
	return encodeLead(body)
}

// EncodeLeadUpdate implements [crm.Leads].
func (o *Org) EncodeLeadUpdate(values deal.Values) ([]byte, error) {
	body := map[string]any{}
	for value, text := range values {
		field, there := o.leads.fields[value]
		switch {
		case !there:
		case text == "":
			body[field.name] = nil
		default:
			body[field.name] = text
		}
	}
	return encodeLead(body)
}

func encodeLead(body map[string]any) ([]byte, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode lead: %w", err)
	}
	return encoded, nil
}

// CreateLead implements [crm.Leads].
func (o *Org) CreateLead(ctx context.Context, payload []byte) (string, error) {
	id, err := o.client.Data().Create(ctx, o.names.Leads.Object, json.RawMessage(payload))
	if err != nil {
		return "", fmt.Errorf("create lead: %w", translate(err))
	}
	if id == "" {
		return "", fmt.Errorf("create lead: %w", errEmptyAnswer)
	}
	return string(id), nil
}

// UpdateLead implements [crm.Leads]. The precondition is as fine as that of Update. A lead that a seller took stays with the seller.
func (o *Org) UpdateLead(ctx context.Context, id, version string, payload []byte) error {
	since, err := salesforce.ParseTime(version)
	if err != nil {
		return fmt.Errorf("update lead %s: %w", id, err)
	}
	_, err = o.shared().leadUpdates.Do(ctx, rowUpdate{o.client.WithoutAssignment(), o.names.Leads.Object, id, salesforce.Change{Body: json.RawMessage(payload), Since: since}})
	if salesforce.IsConvertedLead(err) {
		return fmt.Errorf("%w: %w", crm.ErrChanged, err)
	}
	return translate(err)
}

// LeadFeed gives the change feed of the leads that have a referral. It is apart from [Org.Changes], because a composite call takes
// no more queries than that one has.
func (o *Org) LeadFeed() crm.Feed { return leadFeed{o} }

type leadFeed struct{ org *Org }

// Changes implements [crm.Feed] with one query.
func (f leadFeed) Changes(ctx context.Context, position string) ([]crm.Hit, string, error) {
	since, err := parsePosition(position)
	if err != nil {
		return nil, "", err
	}
	condition := f.org.names.Leads.Key + " != null"
	if !since.IsZero() {
		condition += " AND SystemModstamp >= " + salesforce.QuoteTime(since)
	}
	rows, err := salesforce.Query[map[string]any](ctx, f.org.client.Data(), fmt.Sprintf("SELECT Id, SystemModstamp, IsConverted FROM %s WHERE %s ORDER BY SystemModstamp, Id",
		f.org.names.Leads.Object, condition))
	if err != nil {
		return nil, "", fmt.Errorf("poll for changed leads: %w", err)
	}
	list := hitList{latest: position}
	for _, row := range rows {
		list.add(row, "")
	}
	return list.hits, list.latest, nil
}
