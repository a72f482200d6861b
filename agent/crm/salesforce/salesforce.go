// Package salesforce is the [crm.CRM] of a Salesforce organisation. One read of a deal is one SOQL query, one write is one
// call, and creating an opportunity with its account is one all-or-none composite call whose unique key makes a repeat
// harmless.
package salesforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Names are the API names that the document gives.
type Names struct {
	Opportunity, Account, Contact, ContactRole, Solution, Detail string // objects

	Sync, ReferralID, Key, SyncStatus, Audit string // of the opportunity
	Products                                 string // of the opportunity, in an older installation; empty: there is none

	SolutionOpportunity, SolutionIdentifier, SolutionName string
	SolutionDetail, DetailIdentifier                      string // empty: the organisation has no catalogue of solutions

	// Mapped are the fields that the mapping reads: of the opportunity, or dotted paths to related records.
	Mapped []string
	// Country and PostalCode are the account's fields that hold them, without prefix.
	Country, PostalCode string
	// FallbackOwner is the user name or e-mail address of the user who owns received deals that name nobody else; empty: the
	// agent's user.
	FallbackOwner string

	Leads LeadNames

	Notes bool // the mapping names notes, see [document.NotesField]
}

// Org is one organisation.
type Org struct {
	client *salesforce.Client
	names  Names

	selected     []string // what Read selects of the opportunity and its account
	solutions    solutionRows
	leads        leadRecords
	hasTeam      bool // opportunity teams are on
	hasCurrency  bool
	countryCodes bool // state and country picklists are on
	longestName  int
	longestAudit int
	stages       []crm.Stage
	picklists    map[string][]string                 // active values of the mapped fields that have a list
	mapped       map[string]salesforce.FieldDescribe // the mapping's fields by path

	fallbackOwner string // id of the user whom Names.FallbackOwner means

	once   sync.Once // makes the lanes
	lanes  lanes
	gather func()
}

var (
	_ crm.CRM  = (*Org)(nil)
	_ crm.Feed = (*Org)(nil)
)

// Open looks at what the organisation is like: which fields exist and can be seen, its currencies, its stages. It fails with
// a problem (FieldMissing) that names everything the document asks for and the organisation does not show.
func Open(ctx context.Context, client *salesforce.Client, names Names) (*Org, error) {
	org := &Org{client: client, names: names, picklists: map[string][]string{}}
	if err := org.describeOpportunity(ctx); err != nil {
		return nil, err
	}
	if err := org.describeSolutions(ctx); err != nil {
		return nil, err
	}
	if err := org.describeAccount(ctx); err != nil {
		return nil, err
	}
	if err := org.describeMapped(ctx); err != nil {
		return nil, err
	}
	if err := org.describeLeads(ctx); err != nil {
		return nil, err
	}
	if err := org.describeNotes(ctx); err != nil {
		return nil, err
	}
	stages, err := salesforce.Query[struct {
		Name     string `json:"MasterLabel"`
		IsClosed bool
		IsWon    bool
	}](ctx, client.Data(),
		"SELECT MasterLabel, IsClosed, IsWon FROM OpportunityStage WHERE IsActive = true ORDER BY SortOrder")
	if err != nil {
		return nil, fmt.Errorf("read the organisation's stages: %w", err)
	}
	for _, stage := range stages {
		org.stages = append(org.stages, crm.Stage(stage))
	}
	return org, org.findFallbackOwner(ctx)
}

// countryCodeField is the field that exists only where state and country picklists are on ("State and Country/Territory
// Picklist Field-Level Security").
const countryCodeField = "BillingCountryCode"

// currencyField is the field that exists only where several currencies are enabled ("CurrencyType").
const currencyField = "CurrencyIsoCode"

func (o *Org) describeOpportunity(ctx context.Context) error {
	describe, err := o.client.Data().Describe(ctx, o.names.Opportunity)
	if err != nil {
		return fmt.Errorf("describe %s: %w", o.names.Opportunity, err)
	}
	var missing []string
	own := []string{o.names.Sync, o.names.ReferralID, o.names.Key, o.names.SyncStatus, o.names.Audit}
	if o.names.Products != "" {
		own = append(own, o.names.Products)
	}
	for _, name := range append(own, o.names.Mapped...) {
		if strings.Contains(name, ".") || slices.Contains(o.selected, name) {
			continue
		}
		field, ok := describe.Field(name)
		switch {
		case ok && name == o.names.Audit:
			o.longestAudit = field.Length
		case ok && name == "Name":
			o.longestName = field.Length
		case !ok && name == currencyField:
			continue
		case !ok:
			missing = append(missing, o.names.Opportunity+"."+name)
		}
		o.hasCurrency = o.hasCurrency || name == currencyField
		for _, value := range field.PicklistValues {
			if value.Active {
				o.picklists[name] = append(o.picklists[name], value.Value)
			}
		}
		o.selected = append(o.selected, name)
	}
	for _, child := range describe.ChildRelationships {
		if child.ChildSObject == o.names.Solution && child.Field == o.names.SolutionOpportunity {
			o.solutions.relationship = child.RelationshipName
		}
		o.hasTeam = o.hasTeam || child.ChildSObject == teamObject && child.RelationshipName == teamRelationship
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return problem.New(problem.FieldMissing, "Salesforce organisation", strings.Join(missing, ", "))
	}
	return nil
}

func (o *Org) describeAccount(ctx context.Context) error {
	describe, err := o.client.Data().Describe(ctx, o.names.Account)
	if err != nil {
		return fmt.Errorf("describe %s: %w", o.names.Account, err)
	}
	var missing []string
	for _, name := range o.names.Mapped {
		field, ok := strings.CutPrefix(name, "Account.")
		if !ok || slices.Contains(o.selected, name) {
			continue
		}
		found, err := o.reaches(ctx, describe, field)
		if err != nil {
			return err
		}
		if !found {
			missing = append(missing, o.names.Account+"."+field)
		}
		o.selected = append(o.selected, name)
	}
	if len(missing) > 0 {
		return problem.New(problem.FieldMissing, "Salesforce organisation", strings.Join(missing, ", "))
	}
	if _, found := describe.Field(countryCodeField); found && o.names.Country == "BillingCountry" {
		o.countryCodes = true
		o.selected = append(o.selected, "Account."+countryCodeField)
	}
	return nil
}

// reaches reports whether a path leads to a field, through parent records if it has dots: Country__r.Iso2__c.
func (o *Org) reaches(ctx context.Context, from *salesforce.Describe, path string) (bool, error) {
	relationship, rest, nested := strings.Cut(path, ".")
	if !nested {
		_, found := from.Field(path)
		return found, nil
	}
	for _, field := range from.Fields {
		if field.RelationshipName != relationship || len(field.ReferenceTo) == 0 {
			continue
		}
		parent, err := o.client.Data().Describe(ctx, field.ReferenceTo[0])
		if err != nil {
			return false, fmt.Errorf("describe %s, which %s.%s refers to: %w", field.ReferenceTo[0], from.Name, field.Name, err)
		}
		return o.reaches(ctx, parent, rest)
	}
	return false, nil
}

// Client gives the client by which the organisation is reached.
func (o *Org) Client() *salesforce.Client { return o.client }

// HasCurrency reports whether opportunities have a currency of their own.
func (o *Org) HasCurrency() bool {
	return o.hasCurrency || !slices.Contains(o.names.Mapped, currencyField)
}

// LongestName is how many characters an opportunity's name takes.
func (o *Org) LongestName() int { return o.longestName }

// PicklistValue gives a value of a picklist as the organisation spells it. A field without a list takes any value; ok is
// false when the list has no such value.
func (o *Org) PicklistValue(field, value string) (spelled string, ok bool) {
	values, listed := o.picklists[field]
	if !listed {
		return value, true
	}
	for _, v := range values {
		if strings.EqualFold(v, value) {
			return v, true
		}
	}
	return "", false
}

// Stages lists the organisation's active stages in order.
func (o *Org) Stages() []crm.Stage { return o.stages }

// Known implements [crm.CRM].
func (o *Org) Known(id string) bool {
	_, err := salesforce.ParseID(id)
	return err == nil
}

// FindByReferral implements [crm.CRM].
func (o *Org) FindByReferral(ctx context.Context, referralID string) (string, bool, error) {
	row, found, err := one(o.shared().byReferral.find(ctx, strings.ToLower(referralID)))
	if err != nil {
		return "", false, fmt.Errorf("look for the opportunity of referral %s: %w", referralID, err)
	}
	return text(row["Id"]), found, nil
}

// FindDeleted implements [crm.CRM]: what is in the recycle bin ("QueryAll").
func (o *Org) FindDeleted(ctx context.Context, referralID string, since time.Time) (string, bool, error) {
	return o.deleted(ctx, o.names.Opportunity, o.names.Key, referralID, since)
}

func (o *Org) deleted(ctx context.Context, object, key, referralID string, since time.Time) (string, bool, error) {
	rows, err := salesforce.QueryAll[struct{ ID string }](ctx, o.client.Data(), fmt.Sprintf("SELECT Id FROM %s WHERE %s = %s AND IsDeleted = true AND CreatedDate >= %s ORDER BY Id",
		object, key, salesforce.Quote(strings.ToLower(referralID)), salesforce.QuoteTime(since)))
	if err != nil {
		return "", false, fmt.Errorf("look for what was deleted of referral %s: %w", referralID, err)
	}
	if len(rows) == 0 {
		return "", false, nil
	}
	return rows[0].ID, true, nil
}

func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case salesforce.IsConflict(err):
		return fmt.Errorf("%w: %w", crm.ErrChanged, err)
	case salesforce.IsNotFound(err):
		return fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	case salesforce.IsDuplicate(err):
		return fmt.Errorf("%w: %w", crm.ErrExists, err)
	default:
		return err
	}
}

// errEmptyAnswer is an answer without the part that was asked for.
var errEmptyAnswer = errors.New("the answer lacks the record's id")

// modified reads a date-time of the REST API.
func modified(text string) time.Time {
	at, err := salesforce.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return at
}
