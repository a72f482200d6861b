// Package dynamics365 is the [crm.CRM] of a Dataverse environment with Dynamics 365 Sales. One read of a deal is part of one batch,
// one write is one change set of one, and creating an opportunity with its account is one whose alternate key makes a repeat harmless.
package dynamics365

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Names are the names that the document gives. Tables and columns may be given by schema name or logical name.
type Names struct {
	Opportunity, Account, Contact, Solution, Detail string // tables
	// ContactRole is the table of an opportunity's further contacts: connection, or one with the lookups RoleOpportunity and RoleContact.
	ContactRole, RoleOpportunity, RoleContact string

	Sync, ReferralID, Key, SyncStatus, Audit string // of the opportunity
	Products                                 string // of the opportunity, in an older installation; empty: there is none

	SolutionOpportunity, SolutionIdentifier, SolutionName string // identifier and name may be empty: the catalogue has them
	SolutionDetail, DetailIdentifier                      string

	// Mapped are the fields that the mapping reads: columns of the opportunity, or a lookup and a column of the table that it refers
	// to. "Account" stands for the opportunity's customer.
	Mapped []string
	// Country and PostalCode are the account's columns that hold them, without prefix.
	Country, PostalCode string
	// Stages are the names by which the document calls status reasons: labels in any language, or their numbers.
	Stages []string
	// FallbackOwner is the user name or e-mail address of the user who owns received deals that name nobody else; empty: the
	// agent's own user.
	FallbackOwner string

	Leads LeadNames
}

// Columns of Dynamics 365 Sales itself ("Opportunity table reference").
const (
	accountLookup  = "parentaccountid" // what the form calls Account
	customerLookup = "customerid"      // what the form calls Potential Customer
	contactLookup  = "parentcontactid"
	currencyLookup = "transactioncurrencyid"
	ownerLookup    = "ownerid"
	originLookup   = "originatingleadid"
	stateColumn    = "statecode"
	stageColumn    = "statuscode"
	nameColumn     = "name"

	// customer is what a path to the opportunity's account begins with.
	customer = "Account"
)

// Environment is one environment.
type Environment struct {
	client *dataverse.Client
	names  Names

	opportunity, account, contact, role, solution, detail, lead *table

	keyColumn string // logical name
	detailKey bool   // whether the catalogue's rows can be addressed by the solution's identifier
	paths     []path
	expands   []string // of one read
	selected  []string
	stages    []stage
	owner     string // id of the user whom Names.FallbackOwner means
	leads     leadRecords

	money      sync.Mutex
	currencies map[string]string // ids by ISO code
	unknown    atomic.Bool       // a currency was asked for that was not there: look again

	rows childRows

	deletedDeals, deletedLeads deletions

	lanes *lanes
}

var (
	_ crm.CRM   = (*Environment)(nil)
	_ crm.Leads = (*Environment)(nil)
	_ crm.Feed  = (*Environment)(nil)
)

// String names the environment's kind for messages.
func (e *Environment) String() string { return environment }

const environment = "Dynamics 365 environment"

// Open looks at what the environment is like: which tables and columns exist, its currencies, its status reasons. It fails with a
// problem (FieldMissing) that names everything the document asks for and the environment does not show.
func Open(ctx context.Context, client *dataverse.Client, names Names) (*Environment, error) {
	e := &Environment{client: client, names: names, lanes: newLanes(client)}
	if err := e.describe(ctx); err != nil {
		return nil, err
	}
	if err := e.follow(ctx); err != nil {
		return nil, err
	}
	if err := e.describeLeads(ctx); err != nil {
		return nil, err
	}
	if err := e.readCurrencies(ctx); err != nil {
		return nil, err
	}
	return e, e.findFallbackOwner(ctx)
}

// describe reads the tables and looks for the columns that the agent itself needs.
func (e *Environment) describe(ctx context.Context) error {
	n := e.names
	var missing lacks
	for _, wanted := range []struct {
		into  **table
		name  string
		whole bool
	}{
		{&e.opportunity, n.Opportunity, true}, {&e.account, n.Account, true}, {&e.contact, n.Contact, false}, {&e.role, n.ContactRole, false},
		{&e.solution, n.Solution, true}, {&e.detail, n.Detail, true},
	} {
		found, err := describe(ctx, e.client, wanted.name, wanted.whole)
		switch {
		case dataverse.IsNotFound(err):
			missing = append(missing, "table "+wanted.name)
		case err != nil:
			return fmt.Errorf("describe %s: %w", wanted.name, err)
		}
		*wanted.into = found
	}
	if len(missing) > 0 {
		return missing.problem()
	}
	for _, name := range []string{n.Sync, n.ReferralID, n.Key, n.SyncStatus, n.Audit, n.Products} {
		e.selected = append(e.selected, missing.column(e.opportunity, name)...)
	}
	for _, name := range []string{n.SolutionOpportunity, n.SolutionIdentifier, n.SolutionName, n.SolutionDetail} {
		missing.column(e.solution, name)
	}
	missing.column(e.detail, n.DetailIdentifier)
	for _, lookup := range []struct {
		from       *table
		column, to string
	}{
		{e.solution, n.SolutionOpportunity, e.opportunity.LogicalName}, {e.solution, n.SolutionDetail, e.detail.LogicalName},
		{e.role, n.RoleOpportunity, e.opportunity.LogicalName}, {e.role, n.RoleContact, e.contact.LogicalName},
		{e.opportunity, accountLookup, e.account.LogicalName}, {e.opportunity, contactLookup, e.contact.LogicalName},
	} {
		if lookup.column != "" && lookup.from.navigation(lookup.column, lookup.to) == "" {
			missing = append(missing, lookup.from.LogicalName+"."+lookup.column+" (a lookup to "+lookup.to+")")
		}
	}
	e.keyColumn = strings.ToLower(n.Key)
	has, err := hasKey(ctx, e.client, e.opportunity, n.Key)
	if err != nil {
		return err
	}
	if !has {
		missing = append(missing, e.opportunity.LogicalName+": an active alternate key of "+n.Key)
	}
	if e.detailKey, err = hasKey(ctx, e.client, e.detail, n.DetailIdentifier); err != nil {
		return err
	}
	e.stages = stagesOf(e.opportunity, n.Stages)
	if err := missing.problem(); err != nil {
		return err
	}
	return tracked(e.opportunity, e.solution)
}

// tracked fails with a problem (ChangesUntracked) when a table has no change tracking.
func tracked(tables ...*table) error {
	var without []string
	for _, t := range tables {
		if !t.ChangeTracking {
			without = append(without, t.LogicalName)
		}
	}
	if len(without) > 0 {
		return problem.New(problem.ChangesUntracked, environment, strings.Join(without, ", "))
	}
	return nil
}

// hasKey reports whether rows can be addressed by a column.
func hasKey(ctx context.Context, client *dataverse.Client, t *table, column string) (bool, error) {
	keys, err := client.AlternateKeys(ctx, t.LogicalName)
	if err != nil {
		return false, fmt.Errorf("read the keys of %s: %w", t.LogicalName, err)
	}
	return slices.ContainsFunc(keys, func(key dataverse.AlternateKey) bool {
		return key.Active() && len(key.Columns) == 1 && strings.EqualFold(key.Columns[0], column)
	}), nil
}

// lacks gathers what the environment does not show.
type lacks []string

func (l *lacks) column(t *table, name string) []string {
	if name == "" {
		return nil
	}
	if _, found := t.column(name); !found {
		*l = append(*l, t.LogicalName+"."+name)
		return nil
	}
	return []string{strings.ToLower(name)}
}

func (l lacks) problem() error {
	if len(l) == 0 {
		return nil
	}
	sorted := slices.Clone(l)
	slices.Sort(sorted)
	return problem.New(problem.FieldMissing, environment, strings.Join(slices.Compact(sorted), ", "))
}

// readCurrencies reads the environment's currencies, which are rows of their own.
func (e *Environment) readCurrencies(ctx context.Context) error {
	rows, err := dataverse.List[struct {
		ID   string `json:"transactioncurrencyid"`
		Code string `json:"isocurrencycode"`
	}](ctx, e.client, "transactioncurrencies", dataverse.Query{Select: []string{"transactioncurrencyid", "isocurrencycode"}, Filter: "statecode eq 0"})
	if err != nil {
		return fmt.Errorf("read the environment's currencies: %w", err)
	}
	e.money.Lock()
	defer e.money.Unlock()
	e.currencies = map[string]string{}
	for _, row := range rows {
		e.currencies[strings.ToUpper(row.Code)] = strings.ToLower(row.ID)
	}
	return nil
}

// refresh reads the currencies again after one was missing: somebody may have added it.
func (e *Environment) refresh(ctx context.Context) error {
	if !e.unknown.CompareAndSwap(true, false) {
		return nil
	}
	err := e.readCurrencies(ctx)
	if err != nil {
		e.unknown.Store(true)
	}
	return err
}

// currencyID finds a currency by its ISO code. It fails with a problem (CurrencyUnknown).
func (e *Environment) currencyID(code string) (string, error) {
	e.money.Lock()
	defer e.money.Unlock()
	if id, found := e.currencies[strings.ToUpper(code)]; found {
		return id, nil
	}
	e.unknown.Store(true)
	return "", problem.New(problem.CurrencyUnknown, environment, code)
}

func (e *Environment) currencyCode(id string) string {
	e.money.Lock()
	defer e.money.Unlock()
	for code, known := range e.currencies {
		if known == strings.ToLower(id) {
			return code
		}
	}
	if id != "" {
		e.unknown.Store(true)
	}
	return ""
}

// HasCurrency reports whether opportunities have a currency of their own: here they always do.
func (e *Environment) HasCurrency() bool { return true }

// LongestName is how many characters an opportunity's name takes.
func (e *Environment) LongestName() int {
	column, _ := e.opportunity.column(nameColumn)
	return column.MaxLength
}

// PicklistValue gives a value of a choice as the environment spells it. A column without options takes any value; ok is false when
// there is no such option.
func (e *Environment) PicklistValue(field, value string) (spelled string, ok bool) {
	column, found := e.opportunity.column(field)
	if !found || column.Kind != dataverse.Choice && column.Kind != dataverse.Choices {
		return value, true
	}
	option, ok := optionOf(column, value)
	if !ok {
		return "", false
	}
	return option.Label.Text(), true
}

// Known implements [crm.CRM].
func (e *Environment) Known(id string) bool {
	_, err := dataverse.ParseID(strings.TrimPrefix(id, leadPrefix))
	return err == nil
}

// FindByReferral implements [crm.CRM].
func (e *Environment) FindByReferral(ctx context.Context, referralID string) (string, bool, error) {
	id, found, err := e.byKey(ctx, e.opportunity, e.keyColumn, referralID)
	if err != nil {
		return "", false, fmt.Errorf("look for the opportunity of referral %s: %w", referralID, err)
	}
	return id, found, nil
}

// byKey looks for a row by filter, not by address: a key whose index is being built again cannot be an address.
func (e *Environment) byKey(ctx context.Context, t *table, column, referralID string) (string, bool, error) {
	rows, err := e.list(ctx, t.SetName, keyQuery(t, column, referralID))
	switch {
	case err != nil || len(rows) == 0:
		return "", false, err
	case len(rows) > 1:
		return "", false, dataverse.ErrManyRows
	default:
		return strings.ToLower(text(rows[0][t.PrimaryID])), true, nil
	}
}

func keyQuery(t *table, column, referralID string) dataverse.Query {
	return dataverse.Query{Select: []string{t.PrimaryID}, Filter: column + " eq " + dataverse.Quote(strings.ToLower(referralID)), Top: 2}
}

func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case dataverse.IsConflict(err):
		return fmt.Errorf("%w: %w", crm.ErrChanged, err)
	case dataverse.IsNotFound(err):
		return fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	case dataverse.IsDuplicate(err):
		return fmt.Errorf("%w: %w", crm.ErrExists, err)
	default:
		return err
	}
}

// errEmptyAnswer is an answer without the part that was asked for.
var errEmptyAnswer = errors.New("the answer lacks the record's id")
