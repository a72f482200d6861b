package dynamics365

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// overlap is how far the look at contacts goes back behind its position.
const overlap = 5 * time.Minute

// position is up to where the feed was read: a delta token for each tracked table, and the latest change of a contact.
type position struct {
	Opportunities string    `json:"deals"` // a token belongs to the columns that it was made with; those of "opportunities" were others
	Solutions     string    `json:"solutions"`
	Roles         string    `json:"roles,omitempty"`
	Contacts      time.Time `json:"contacts"`
}

// childRows remembers which opportunity a row of a solution or a contact role belongs to: of a deleted row only the id is told.
type childRows struct {
	mu     sync.Mutex
	parent map[string]string // by the row's id; nil until it is read
}

// Changes implements [crm.Feed] by change tracking, which loses nothing as long as a token lives. When one has expired, its table is read
// whole.
func (e *Environment) Changes(ctx context.Context, from string) ([]crm.Hit, string, error) {
	var p position
	if from != "" {
		if err := json.Unmarshal([]byte(from), &p); err != nil {
			return nil, "", fmt.Errorf("poll for changes from %q: %w", from, err)
		}
	}
	e.rows.mu.Lock()
	defer e.rows.mu.Unlock()
	next, hits, err := e.poll(ctx, p)
	if err != nil {
		return nil, "", fmt.Errorf("poll for changes: %w", err)
	}
	encoded, err := json.Marshal(next)
	return hits, string(encoded), err
}

func (e *Environment) poll(ctx context.Context, p position) (next position, hits []crm.Hit, err error) {
	if err := e.rememberRows(ctx); err != nil {
		return next, nil, err
	}
	if hits, next.Opportunities, err = e.changedOpportunities(ctx, p.Opportunities); err != nil {
		return next, nil, err
	}
	everyone := false
	for _, child := range []struct {
		of     *table
		lookup string
		token  string
		next   *string
	}{{e.solution, e.names.SolutionOpportunity, p.Solutions, &next.Solutions}, {e.role, e.names.RoleOpportunity, p.Roles, &next.Roles}} {
		found, unknown, token, err := e.changedRows(ctx, child.of, child.lookup, child.token)
		if err != nil {
			return next, nil, err
		}
		hits, everyone, *child.next = append(hits, found...), everyone || unknown, token
	}
	if everyone && p.Opportunities != "" {
		linked, err := e.allLinked(ctx, next)
		if err != nil {
			return next, nil, err
		}
		hits = append(hits, linked...)
	}
	waiting, err := e.changedAround(ctx)
	if err != nil {
		return next, nil, err
	}
	contacts, latest, err := e.changedContacts(ctx, p.Contacts)
	next.Contacts = latest
	return next, slices.Concat(hits, waiting, contacts), err
}

// track reads a table's changes; whole says that it was read from the beginning, because there is no token or it expired.
func (e *Environment) track(ctx context.Context, t *table, columns []string, token string) (rows []dataverse.Change, next string, whole bool, err error) {
	if token != "" {
		rows, next, err = e.client.ChangesSince(ctx, t.SetName, columns, token)
		if err == nil || !dataverse.IsExpiredToken(err) {
			return rows, next, false, err
		}
	}
	rows, next, err = e.client.Track(ctx, t.SetName, columns)
	return rows, next, true, err
}

func (e *Environment) changedOpportunities(ctx context.Context, token string) ([]crm.Hit, string, error) {
	sync := strings.ToLower(e.names.Sync)
	rows, next, whole, err := e.track(ctx, e.opportunity, []string{e.opportunity.PrimaryID, sync, e.keyColumn, createdColumn}, token)
	if err != nil {
		return nil, "", err
	}
	var hits []crm.Hit
	for _, row := range rows {
		e.deletedDeals.note(row, e.keyColumn)
		switch {
		case row.Deleted:
			hits = append(hits, crm.Hit{ID: row.ID, Version: "deleted"})
		case row.Row[sync] == true || text(row.Row[e.keyColumn]) != "":
			hits = append(hits, crm.Hit{ID: row.ID, Version: row.Version(), Announced: !whole})
		}
	}
	return hits, next, nil
}

// rememberRows reads once which opportunity each row belongs to.
func (e *Environment) rememberRows(ctx context.Context) error {
	if e.rows.parent != nil {
		return nil
	}
	parents := map[string]string{}
	for _, child := range []struct {
		of     *table
		lookup string
	}{{e.solution, e.names.SolutionOpportunity}, {e.role, e.names.RoleOpportunity}} {
		column := lookupValue(child.lookup)
		rows, err := dataverse.List[map[string]any](ctx, e.client, child.of.SetName, dataverse.Query{
			Select: []string{child.of.PrimaryID, column}, Filter: column + " ne null",
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			parents[strings.ToLower(text(row[child.of.PrimaryID]))] = strings.ToLower(text(row[column]))
		}
	}
	e.rows.parent = parents
	return nil
}

// changedRows gives the opportunities whose rows changed. unknown says that rows may be gone whose opportunity nobody can tell.
func (e *Environment) changedRows(ctx context.Context, t *table, lookup, token string) (hits []crm.Hit, unknown bool, next string, err error) {
	column := lookupValue(lookup)
	rows, next, whole, err := e.track(ctx, t, []string{t.PrimaryID, column}, token)
	if dataverse.IsNotTracked(err) {
		return nil, false, "", nil // contacts' own changes still count
	}
	if err != nil {
		return nil, false, "", err
	}
	for _, row := range rows {
		parent, known := e.rows.parent[row.ID]
		version := "row " + row.ID + " " + row.Version()
		if row.Deleted {
			delete(e.rows.parent, row.ID)
			unknown = unknown || !known
		} else {
			parent = strings.ToLower(text(row.Row[column]))
			e.rows.parent[row.ID] = parent
		}
		if parent != "" && !whole {
			hits = append(hits, crm.Hit{ID: parent, Version: version})
		}
	}
	return hits, unknown || whole && token != "", next, nil
}

// allLinked lists the deals of which any may have lost a row.
func (e *Environment) allLinked(ctx context.Context, at position) ([]crm.Hit, error) {
	rows, err := dataverse.List[map[string]any](ctx, e.client, e.opportunity.SetName, dataverse.Query{
		Select: []string{e.opportunity.PrimaryID}, Filter: strings.ToLower(e.names.Sync) + " eq true",
	})
	hits := make([]crm.Hit, len(rows))
	for i, row := range rows {
		hits[i] = crm.Hit{ID: strings.ToLower(text(row[e.opportunity.PrimaryID])), Version: "rows " + at.Solutions + " " + at.Roles}
	}
	return hits, err
}

// changedAround lists the deals that wait to be shared, each with the versions of what it refers to: what it lacks may be the account's
// or the owner's, whose changes do not move the opportunity. They are few.
func (e *Environment) changedAround(ctx context.Context) ([]crm.Hit, error) {
	var expand []string
	for _, navigation := range []string{e.customerNavigation(), e.ownerNavigation()} {
		if navigation != "" {
			expand = append(expand, navigation+"($select=modifiedon)")
		}
	}
	rows, err := dataverse.List[map[string]any](ctx, e.client, e.opportunity.SetName, dataverse.Query{
		Select: []string{e.opportunity.PrimaryID}, Expand: expand, Filter: strings.ToLower(e.names.Sync) + " eq true and " + e.keyColumn + " eq null",
	})
	hits := make([]crm.Hit, len(rows))
	for i, row := range rows {
		version := "around"
		for _, navigation := range []string{e.customerNavigation(), e.ownerNavigation()} {
			version += " " + text(related(row, navigation)["modifiedon"])
		}
		hits[i] = crm.Hit{ID: strings.ToLower(text(row[e.opportunity.PrimaryID])), Version: version}
	}
	return hits, err
}

// changedContacts lists the deals of contacts that changed. The position is the latest change there is.
func (e *Environment) changedContacts(ctx context.Context, since time.Time) (hits []crm.Hit, latest time.Time, err error) {
	query := dataverse.Query{Select: []string{e.contact.PrimaryID, "modifiedon"}, OrderBy: "modifiedon desc", Top: 1}
	if !since.IsZero() {
		query = dataverse.Query{Select: query.Select, Filter: "modifiedon ge " + dataverse.QuoteTime(since.Add(-overlap)), OrderBy: "modifiedon desc"}
	}
	rows, err := dataverse.List[map[string]any](ctx, e.client, e.contact.SetName, query)
	if err != nil {
		return nil, since, err
	}
	latest = since
	if len(rows) > 0 && moment(rows[0], "modifiedon").After(latest) {
		latest = moment(rows[0], "modifiedon")
	}
	if since.IsZero() {
		return nil, latest, nil
	}
	versions := map[string]string{}
	var ids []string
	for _, row := range rows {
		id := strings.ToLower(text(row[e.contact.PrimaryID]))
		versions[id] = "contact " + id + " " + text(row["@odata.etag"])
		ids = append(ids, id)
	}
	for some := range slices.Chunk(ids, fewIDs) {
		found, err := e.dealsOf(ctx, some, versions)
		if err != nil {
			return nil, since, err
		}
		hits = append(hits, found...)
	}
	return hits, latest, nil
}

// fewIDs keeps a query's address short.
const fewIDs = 20

func (e *Environment) dealsOf(ctx context.Context, contacts []string, versions map[string]string) ([]crm.Hit, error) {
	var hits []crm.Hit
	for _, place := range []struct {
		of                   *table
		contact, opportunity string
		condition            string
	}{
		{e.opportunity, lookupValue(contactLookup), e.opportunity.PrimaryID, " and " + strings.ToLower(e.names.Sync) + " eq true"},
		{e.role, lookupValue(e.names.RoleContact), lookupValue(e.names.RoleOpportunity), ""},
	} {
		conditions := make([]string, len(contacts))
		for i, id := range contacts {
			conditions[i] = place.contact + " eq " + id
		}
		rows, err := dataverse.List[map[string]any](ctx, e.client, place.of.SetName, dataverse.Query{
			Select: []string{place.contact, place.opportunity}, Filter: "(" + strings.Join(conditions, " or ") + ")" + place.condition,
		})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if id := strings.ToLower(text(row[place.opportunity])); id != "" {
				hits = append(hits, crm.Hit{ID: id, Version: versions[strings.ToLower(text(row[place.contact]))]})
			}
		}
	}
	return hits, nil
}
