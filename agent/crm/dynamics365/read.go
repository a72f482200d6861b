package dynamics365

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// path is a field of the mapping: a column of the opportunity, or of a row that it refers to.
type path struct {
	name       string // as the mapping writes it
	navigation string // empty: a column of the opportunity itself
	column     dataverse.Column
}

// follow resolves the mapping's paths, and decides what one read selects.
func (e *Environment) follow(ctx context.Context) error {
	var missing lacks
	targets := map[string]*table{strings.ToLower(e.account.LogicalName): e.account}
	expanded := map[string][]string{
		e.customerNavigation(): {e.account.PrimaryName},
		e.contactNavigation():  personColumns(contactColumns),
	}
	for _, name := range e.names.Mapped {
		if slices.ContainsFunc(e.paths, func(p path) bool { return p.name == name }) {
			continue
		}
		lookup, rest, through := strings.Cut(name, ".")
		if !through {
			column, found := e.opportunity.column(name)
			if !found {
				missing = append(missing, e.opportunity.LogicalName+"."+name)
			}
			e.paths = append(e.paths, path{name: name, column: column})
			continue
		}
		navigation, target := e.lookup(lookup)
		if navigation != "" && targets[target] == nil {
			described, err := describe(ctx, e.client, target, false)
			if err != nil {
				return fmt.Errorf("describe %s, which %s.%s refers to: %w", target, e.opportunity.LogicalName, lookup, err)
			}
			targets[target] = described
		}
		column, found := dataverse.Column{}, false
		if navigation != "" {
			column, found = targets[target].column(rest)
		}
		if !found {
			missing = append(missing, name)
			continue
		}
		e.paths = append(e.paths, path{name, navigation, column})
		expanded[navigation] = append(expanded[navigation], selectable(column))
	}
	for _, p := range e.paths {
		if p.navigation == "" && p.column.LogicalName != "" {
			e.selected = append(e.selected, selectable(p.column))
		}
	}
	e.selected = append(e.selected, e.opportunity.PrimaryID, stageColumn, "modifiedon", "createdon", lookupValue(accountLookup), lookupValue(customerLookup),
		lookupValue(contactLookup), lookupValue(ownerLookup))
	slices.Sort(e.selected)
	e.selected = slices.Compact(e.selected)
	if other := e.opportunity.navigation(customerLookup, e.account.LogicalName); other != "" {
		expanded[other] = slices.Clone(expanded[e.customerNavigation()]) // each is sorted and shortened below
	}
	users, err := describe(ctx, e.client, userTable, false)
	if err != nil {
		return fmt.Errorf("describe %s: %w", userTable, err)
	}
	if owner := e.ownerNavigation(); owner != "" {
		expanded[owner] = append(expanded[owner], users.having(personColumns(userColumns))...)
	}
	for navigation, columns := range expanded {
		slices.Sort(columns)
		e.expands = append(e.expands, navigation+"($select="+strings.Join(slices.Compact(columns), ",")+")")
	}
	slices.Sort(e.expands)
	return missing.problem()
}

func selectable(column dataverse.Column) string {
	if isLookup(column) {
		return lookupValue(column.LogicalName)
	}
	return column.LogicalName
}

func (e *Environment) customerNavigation() string {
	return e.opportunity.navigation(accountLookup, e.account.LogicalName)
}

func (e *Environment) contactNavigation() string {
	return e.opportunity.navigation(contactLookup, e.contact.LogicalName)
}

// ownerNavigation leads to the user who owns a row; a row that a team owns has none.
func (e *Environment) ownerNavigation() string {
	if navigation := e.opportunity.navigation("owninguser", ""); navigation != "" {
		return navigation
	}
	return e.opportunity.navigation(ownerLookup, userTable)
}

// lookup gives the navigation property of a path's first step, and the table that it leads to.
func (e *Environment) lookup(step string) (navigation, target string) {
	if step == customer {
		return e.customerNavigation(), e.account.LogicalName
	}
	for _, l := range e.opportunity.lookups {
		if strings.EqualFold(l.NavigationProperty, step) || strings.EqualFold(l.ReferencingColumn, step) {
			return l.NavigationProperty, strings.ToLower(l.ReferencedTable)
		}
	}
	return "", ""
}

// Read implements [crm.CRM]: one batch, whose parts read the opportunity with what it refers to, its solutions and its contacts.
func (e *Environment) Read(ctx context.Context, id string) (crm.Record, error) {
	if err := e.refresh(ctx); err != nil {
		return crm.Record{}, err
	}
	id, err := dataverse.ParseID(id)
	if err != nil {
		return crm.Record{}, fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	results, err := e.ask(ctx, e.readParts(id)...)
	if err != nil {
		return crm.Record{}, fmt.Errorf("read opportunity %s: %w", id, translate(err))
	}
	var row map[string]any
	if err := results[0].Decode(&row); err != nil {
		return crm.Record{}, fmt.Errorf("read opportunity %s: %w", id, translate(err))
	}
	solutions, err := children(results[1])
	if err != nil {
		return crm.Record{}, fmt.Errorf("read the solutions of opportunity %s: %w", id, err)
	}
	roles, err := children(results[2])
	if err != nil {
		return crm.Record{}, fmt.Errorf("read the contacts of opportunity %s: %w", id, err)
	}
	return e.record(row, solutions, roles), nil
}

func (e *Environment) readParts(id string) []dataverse.Part {
	contact := e.role.navigation(e.names.RoleContact, e.contact.LogicalName)
	return []dataverse.Part{
		get(e.opportunity.SetName+"("+id+")", dataverse.Query{Select: e.selected, Expand: e.expands}),
		get(e.solution.SetName, e.solutionsQuery(id)),
		get(e.role.SetName, dataverse.Query{
			Select: []string{e.role.PrimaryID}, Filter: lookupValue(e.names.RoleOpportunity) + " eq " + id, OrderBy: e.role.PrimaryID,
			Expand: []string{contact + "($select=" + strings.Join(personColumns(contactColumns), ",") + ")"}, Top: mostPeople,
		}),
	}
}

// children reads a part's rows. More than one page of them is not what a deal has.
func children(result dataverse.Result) (rows []map[string]any, err error) {
	_, err = result.DecodePage(&rows)
	return rows, err
}

func (e *Environment) record(row map[string]any, solutions, roles []map[string]any) crm.Record {
	status, _ := strconv.Atoi(fmt.Sprint(row[stageColumn]))
	account := related(row, e.customerNavigation())
	accountID := text(row[lookupValue(accountLookup)])
	if accountID == "" {
		if account = related(row, e.opportunity.navigation(customerLookup, e.account.LogicalName)); account != nil {
			accountID = text(row[lookupValue(customerLookup)])
		}
	}
	fields := map[string]any{}
	for _, p := range e.paths {
		switch {
		case p.navigation == "" && p.column.LogicalName == stageColumn:
			fields[p.name] = e.stageOf(status).name
		case p.navigation == "" && p.column.LogicalName == currencyLookup:
			fields[p.name] = e.currencyCode(text(row[lookupValue(currencyLookup)]))
		case p.navigation == "":
			fields[p.name] = read(p.column, row)
		case p.navigation == e.customerNavigation():
			fields[p.name] = read(p.column, account)
		default:
			fields[p.name] = read(p.column, related(row, p.navigation))
		}
	}
	n := e.names
	own := func(name string) string { return text(row[strings.ToLower(name)]) }
	etag := text(row["@odata.etag"])
	record := crm.Record{
		ID: strings.ToLower(text(row[e.opportunity.PrimaryID])), Version: versionOf(etag, status), ModifiedAt: moment(row, "modifiedon"), CreatedAt: moment(row, "createdon"), Fields: fields,
		Sync: row[strings.ToLower(n.Sync)] == true, ReferralID: own(n.ReferralID), Key: own(n.Key), Audit: own(n.Audit), SyncStatus: own(n.SyncStatus),
		AccountID: strings.ToLower(accountID),
	}
	if n.Products != "" {
		record.Products = products(own(n.Products))
	}
	e.readPeople(&record, row, roles)
	for _, child := range solutions {
		if solution, ok := e.solutionRow(child); ok {
			record.Solutions = append(record.Solutions, solution)
		}
	}
	return record
}

// moment reads a date-time of a row.
func moment(row map[string]any, column string) time.Time {
	at, err := time.Parse(time.RFC3339, text(row[column]))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
