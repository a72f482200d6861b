package dynamics365

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// LeadNames are the names of leads. An empty table says that leads are no records here; an empty column that leads do without it.
type LeadNames struct {
	Table                         string
	Key, ReferralID, ReferralLink string
	Status                        string // status reason of a new lead, by label or number
}

// leadPrefix stands before the id of a lead: ids of Dataverse do not tell tables apart.
const leadPrefix = "lead:"

// leadQualified is the state of a lead that became an opportunity ("Lead table reference").
const leadQualified = 1

const (
	subjectColumn  = "subject"
	lastNameColumn = "lastname"
	companyColumn  = "companyname"
)

// leadColumns are the standard columns of a lead by the values that they hold.
var leadColumns = []struct{ value, name string }{
	{deal.CustomerName, companyColumn},
	{deal.LeadLastName, lastNameColumn},
	{deal.LeadFirstName, "firstname"},
	{deal.LeadEmail, "emailaddress1"},
	{deal.LeadPhone, "telephone1"},
	{deal.CustomerStreet, "address1_line1"},
	{deal.CustomerCity, "address1_city"},
	{deal.CustomerState, "address1_stateorprovince"},
	{deal.CustomerPostal, "address1_postalcode"},
	{deal.CustomerNation, "address1_country"},
	{deal.Notes, "description"},
}

// leadRecords is what the environment's leads are like.
type leadRecords struct {
	columns map[string]dataverse.Column // by value
	order   []string                    // the values of columns
	status  int                         // of a new lead
}

// describeLeads looks at the environment's leads. A standard column that the agent's user does not see is left out; the status must be
// one of an open lead.
func (e *Environment) describeLeads(ctx context.Context) error {
	n := e.names.Leads
	if n.Table == "" {
		return nil
	}
	lead, err := describe(ctx, e.client, n.Table, true)
	if err != nil {
		return fmt.Errorf("describe %s: %w", n.Table, err)
	}
	e.lead = lead
	var missing lacks
	for _, name := range []string{subjectColumn, lastNameColumn, companyColumn, stageColumn, n.Key, n.ReferralID, n.ReferralLink} {
		missing.column(lead, name)
	}
	has, err := hasKey(ctx, e.client, lead, n.Key)
	if err != nil {
		return err
	}
	if !has {
		missing = append(missing, lead.LogicalName+": an active alternate key of "+n.Key)
	}
	if err := missing.problem(); err != nil {
		return err
	}
	if err := tracked(lead); err != nil {
		return err
	}
	reasons, _ := lead.column(stageColumn)
	status, known := optionOf(reasons, n.Status)
	if !known || status.State == nil || *status.State != open {
		var names []string
		for _, option := range reasons.Options {
			names = append(names, option.Label.Text())
		}
		return problem.New(problem.LeadStatusMissing, environment, fmt.Sprintf("%q; it has %q", n.Status, names))
	}
	e.leads = leadRecords{columns: map[string]dataverse.Column{}, status: *status.Value}
	add := func(value, name string) {
		if column, found := lead.column(name); found && name != "" {
			e.leads.columns[value] = column
			e.leads.order = append(e.leads.order, value)
		}
	}
	for _, column := range leadColumns {
		add(column.value, column.name)
	}
	add(deal.ReferralID, n.ReferralID)
	add(deal.ReferralLink, n.ReferralLink)
	return nil
}

// IsLead implements [crm.Leads].
func (e *Environment) IsLead(id string) bool { return strings.HasPrefix(id, leadPrefix) }

// FitLead implements [crm.Leads]. A lead takes no e-mail address that is none.
func (e *Environment) FitLead(values deal.Values) deal.Values {
	fitted := deal.Values{}
	for _, value := range e.leads.order {
		content := strings.TrimSpace(shorten(values[value], e.leads.columns[value].MaxLength))
		if value == deal.LeadEmail {
			if address, err := mail.ParseAddress(values[value]); err != nil || address.Address != content {
				content = ""
			}
		}
		fitted[value] = content
	}
	return fitted
}

func (e *Environment) leadSelect() []string {
	selected := []string{e.lead.PrimaryID, "modifiedon", stateColumn, stageColumn, strings.ToLower(e.names.Leads.Key)}
	for _, value := range e.leads.order {
		if name := e.leads.columns[value].LogicalName; !slices.Contains(selected, name) {
			selected = append(selected, name)
		}
	}
	return selected
}

// ReadLead implements [crm.Leads] with one batch: the lead, and the opportunity that it became.
func (e *Environment) ReadLead(ctx context.Context, id string) (crm.Lead, error) {
	row, err := dataverse.ParseID(strings.TrimPrefix(id, leadPrefix))
	if err != nil {
		return crm.Lead{}, fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	results, err := e.ask(ctx,
		get(e.lead.SetName+"("+row+")", dataverse.Query{Select: e.leadSelect()}),
		get(e.opportunity.SetName, dataverse.Query{
			Select: []string{e.opportunity.PrimaryID}, Filter: lookupValue(originLookup) + " eq " + row, OrderBy: e.opportunity.PrimaryID, Top: 1,
		}))
	if err != nil {
		return crm.Lead{}, fmt.Errorf("read lead %s: %w", id, translate(err))
	}
	var found map[string]any
	if err := results[0].Decode(&found); err != nil {
		return crm.Lead{}, fmt.Errorf("read lead %s: %w", id, translate(err))
	}
	became, err := children(results[1])
	if err != nil {
		return crm.Lead{}, fmt.Errorf("read the opportunity of lead %s: %w", id, err)
	}
	lead, err := e.leadOf(found)
	if len(became) > 0 && lead.Converted {
		lead.OpportunityID = strings.ToLower(text(became[0][e.opportunity.PrimaryID]))
	}
	return lead, err
}

func (e *Environment) leadOf(row map[string]any) (crm.Lead, error) {
	lead := crm.Lead{
		ID: leadPrefix + strings.ToLower(text(row[e.lead.PrimaryID])), Version: text(row["@odata.etag"]), ModifiedAt: moment(row, "modifiedon"),
		Key: text(row[strings.ToLower(e.names.Leads.Key)]), Converted: fmt.Sprint(row[stateColumn]) == strconv.Itoa(leadQualified), Values: deal.Values{},
	}
	for _, value := range e.leads.order {
		var err error
		if lead.Values[value], err = deal.Normalize(value, read(e.leads.columns[value], row)); err != nil {
			return crm.Lead{}, err
		}
	}
	return lead, nil
}

// FindLead implements [crm.Leads].
func (e *Environment) FindLead(ctx context.Context, referralID string) (string, bool, error) {
	id, found, err := e.byKey(ctx, e.lead, strings.ToLower(e.names.Leads.Key), referralID)
	if err != nil || !found {
		if err != nil {
			err = fmt.Errorf("look for the lead of referral %s: %w", referralID, err)
		}
		return "", false, err
	}
	return leadPrefix + id, true, nil
}

// FindConverted implements [crm.Leads].
func (e *Environment) FindConverted(ctx context.Context, opportunityID string) (crm.Lead, bool, error) {
	row, err := dataverse.Row(e.opportunity.SetName, opportunityID)
	if err != nil {
		return crm.Lead{}, false, fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	results, err := e.ask(ctx, get(row, dataverse.Query{Select: []string{lookupValue(originLookup)}}))
	var opportunity map[string]any
	if err == nil {
		err = results[0].Decode(&opportunity)
	}
	if err != nil {
		return crm.Lead{}, false, fmt.Errorf("look for the lead that became opportunity %s: %w", opportunityID, translate(err))
	}
	id := text(opportunity[lookupValue(originLookup)])
	if id == "" {
		return crm.Lead{}, false, nil
	}
	lead, err := e.ReadLead(ctx, leadPrefix+id)
	if errors.Is(err, crm.ErrNotFound) {
		return crm.Lead{}, false, nil
	}
	return lead, err == nil && lead.Key != "", err
}

// newLead is the payload of [Environment.CreateLead].
type newLead struct {
	Key  string          `json:"key"`
	Body json.RawMessage `json:"body"`
}

// EncodeLead implements [crm.Leads].
func (e *Environment) EncodeLead(referralID string, values deal.Values) ([]byte, error) {
	key, err := dataverse.RowByKey(e.lead.SetName, strings.ToLower(e.names.Leads.Key), strings.ToLower(referralID))
	if err != nil {
		return nil, fmt.Errorf("encode lead: %w", err)
	}
	subject, _ := e.lead.column(subjectColumn)
	body := map[string]any{stageColumn: e.leads.status, subjectColumn: shorten(values[deal.CustomerName], subject.MaxLength)}
	for value, content := range values {
		column, there := e.leads.columns[value]
		if !there || content == "" {
			continue
		}
		if body[column.LogicalName], err = write(column, content); err != nil {
			return nil, fmt.Errorf("encode lead: %w", err)
		}
	}
	encoded, err := encode(body)
	if err != nil {
		return nil, fmt.Errorf("encode lead: %w", err)
	}
	return encode(newLead{key, encoded})
}

// EncodeLeadUpdate implements [crm.Leads].
func (e *Environment) EncodeLeadUpdate(values deal.Values) ([]byte, error) {
	body := map[string]any{}
	for value, content := range values {
		column, there := e.leads.columns[value]
		if !there {
			continue
		}
		body[column.LogicalName] = nil
		if content != "" {
			written, err := write(column, content)
			if err != nil {
				return nil, fmt.Errorf("encode lead: %w", err)
			}
			body[column.LogicalName] = written
		}
	}
	return encode(body)
}

// CreateLead implements [crm.Leads].
func (e *Environment) CreateLead(ctx context.Context, payload []byte) (string, error) {
	var lead newLead
	if err := json.Unmarshal(payload, &lead); err != nil {
		return "", fmt.Errorf("create lead: %w", err)
	}
	results, err := e.apply(ctx,
		[]dataverse.Part{{Method: http.MethodPatch, Path: lead.Key, Header: map[string]string{"If-None-Match": "*"}, Body: lead.Body}},
		get(lead.Key, dataverse.Query{Select: []string{e.lead.PrimaryID}}))
	if err != nil {
		return "", fmt.Errorf("create lead: %w", translate(err))
	}
	var row map[string]any
	if err := results[1].Decode(&row); err != nil {
		return "", fmt.Errorf("create lead: read its id: %w", lost{err})
	}
	id, err := dataverse.ParseID(text(row[e.lead.PrimaryID]))
	if err != nil {
		return "", fmt.Errorf("create lead: %w", lost{errEmptyAnswer})
	}
	return leadPrefix + id, nil
}

// UpdateLead implements [crm.Leads]. A lead that was qualified or disqualified meanwhile cannot be changed.
func (e *Environment) UpdateLead(ctx context.Context, id, version string, payload []byte) error {
	row, err := dataverse.Row(e.lead.SetName, strings.TrimPrefix(id, leadPrefix))
	if err != nil {
		return fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	_, err = e.apply(ctx, []dataverse.Part{{Method: http.MethodPatch, Path: row, Header: map[string]string{"If-Match": version}, Body: payload}})
	if dataverse.IsClosed(err) {
		return fmt.Errorf("%w: %w", crm.ErrChanged, err)
	}
	return translate(err)
}

// LeadFeed gives the change feed of the leads that have a referral.
func (e *Environment) LeadFeed() crm.Feed { return leadFeed{e} }

type leadFeed struct{ *Environment }

// leadColumnsRead stands before a token of the leads' changes: a token belongs to the columns that it was made with.
const leadColumnsRead = "key,createdon:"

// Changes implements [crm.Feed].
func (f leadFeed) Changes(ctx context.Context, position string) ([]crm.Hit, string, error) {
	key := strings.ToLower(f.names.Leads.Key)
	token, same := strings.CutPrefix(position, leadColumnsRead)
	if !same {
		token = ""
	}
	rows, next, _, err := f.track(ctx, f.lead, []string{f.lead.PrimaryID, key, createdColumn}, token)
	if err != nil {
		return nil, "", fmt.Errorf("poll for changed leads: %w", err)
	}
	var hits []crm.Hit
	for _, row := range rows {
		f.deletedLeads.note(row, key)
		switch {
		case row.Deleted:
			hits = append(hits, crm.Hit{ID: leadPrefix + row.ID, Version: "deleted"})
		case text(row.Row[key]) != "":
			hits = append(hits, crm.Hit{ID: leadPrefix + row.ID, Version: row.Version()})
		}
	}
	return hits, leadColumnsRead + next, nil
}
