package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Overlap is how far every poll looks back behind its position: rows become visible out of the order of their
// SystemModstamp. The store recognises what it has seen.
const Overlap = 5 * time.Minute

// feed is one query of a poll. Rows that were deleted are wanted where their absence is the change.
type feed struct {
	soql    string
	deleted bool
}

func (f feed) path() string {
	resource := "/query"
	if f.deleted {
		resource = "/queryAll"
	}
	return resource + "?q=" + url.QueryEscape(f.soql)
}

func (f feed) rows(ctx context.Context, objects salesforce.Objects) ([]map[string]any, error) {
	if f.deleted {
		return salesforce.QueryAll[map[string]any](ctx, objects, f.soql)
	}
	return salesforce.Query[map[string]any](ctx, objects, f.soql)
}

// feeds are the queries of one poll, five at the most: more do not go into one composite call. A change of a solution, a contact
// role, a team member, an account or an owner does not move the opportunity's own SystemModstamp.
func (o *Org) feeds(since time.Time) []feed {
	n, after := o.names, after(since)
	feeds := []feed{
		{soql: fmt.Sprintf("SELECT Id, SystemModstamp FROM %s WHERE %s AND (%s = true OR %s != null) ORDER BY SystemModstamp, Id",
			n.Opportunity, after("SystemModstamp"), n.Sync, n.Key)},
		{deleted: true, soql: fmt.Sprintf("SELECT %s, SystemModstamp, IsDeleted FROM %s WHERE %s AND %s.%s = true ORDER BY SystemModstamp, Id",
			n.SolutionOpportunity, n.Solution, after("SystemModstamp"), relation(n.SolutionOpportunity), n.Sync)},
		{deleted: true, soql: fmt.Sprintf("SELECT OpportunityId, SystemModstamp, IsDeleted FROM %s WHERE (%s OR %s) AND Opportunity.%s = true ORDER BY SystemModstamp, Id",
			n.ContactRole, after("SystemModstamp"), after("Contact.SystemModstamp"), n.Sync)},
		{soql: fmt.Sprintf("SELECT Id, Account.SystemModstamp, Owner.SystemModstamp FROM %s WHERE %s = true AND %s = null AND (%s OR %s) ORDER BY Id",
			n.Opportunity, n.Sync, n.Key, after("Account.SystemModstamp"), after("Owner.SystemModstamp"))},
	}
	if o.hasTeam {
		feeds = append(feeds, feed{deleted: true, soql: fmt.Sprintf("SELECT OpportunityId, SystemModstamp, IsDeleted FROM %s WHERE %s AND Opportunity.%s = true ORDER BY SystemModstamp, Id",
			teamObject, after("SystemModstamp"), n.Sync)})
	}
	return feeds
}

// after gives the condition that a field is not older than a time; the zero time admits every value.
func after(since time.Time) func(field string) string {
	return func(field string) string {
		if since.IsZero() {
			return field + " != null"
		}
		return field + " >= " + salesforce.QuoteTime(since)
	}
}

// relation gives the relationship name of a lookup field: Opportunity__c is followed as Opportunity__r.
func relation(lookup string) string {
	if custom := len(lookup) - len("__c"); custom > 0 && lookup[custom:] == "__c" {
		return lookup[:custom] + "__r"
	}
	return lookup[:len(lookup)-len("Id")]
}

type feedPage struct {
	Done    bool             `json:"done"`
	Records []map[string]any `json:"records"`
}

// Changes implements [crm.Feed]: one composite call per poll, and more only when an answer has several pages.
func (o *Org) Changes(ctx context.Context, position string) ([]crm.Hit, string, error) {
	since, err := parsePosition(position)
	if err != nil {
		return nil, "", err
	}
	queries := o.feeds(since)
	parts := make([]salesforce.Subrequest, len(queries))
	for i, query := range queries {
		parts[i] = salesforce.Subrequest{Method: http.MethodGet, Path: query.path(), ReferenceID: fmt.Sprintf("feed%d", i)}
	}
	body, err := o.client.EncodeComposite(false, parts...)
	if err != nil {
		return nil, "", err
	}
	answers, err := o.client.ReadComposite(ctx, body)
	if err != nil {
		return nil, "", fmt.Errorf("poll for changes: %w", err)
	}
	feed := hitList{latest: position}
	for i, answer := range answers {
		var page feedPage
		if err := answer.Decode(&page); err != nil {
			return nil, "", fmt.Errorf("poll for changes: %w", err)
		}
		rows := page.Records
		if !page.Done && i < len(queries) {
			if rows, err = queries[i].rows(ctx, o.client.Data()); err != nil {
				return nil, "", fmt.Errorf("poll for changes: %w", err)
			}
		}
		for _, row := range rows {
			feed.add(row, o.names.SolutionOpportunity)
		}
	}
	if err := o.changedNotes(ctx, after(since), &feed); err != nil {
		return nil, "", err
	}
	return feed.hits, feed.latest, nil
}

func parsePosition(position string) (time.Time, error) {
	if position == "" {
		return time.Time{}, nil
	}
	at, err := salesforce.ParseTime(position)
	if err != nil {
		return time.Time{}, fmt.Errorf("poll for changes from %q: %w", position, err)
	}
	return at.Add(-Overlap), nil
}

// hitList collects hits and the latest SystemModstamp of an own row, which is the next position.
type hitList struct {
	hits   []crm.Hit
	latest string
}

func (l *hitList) add(row map[string]any, solutionOpportunity string) {
	stamp := text(row["SystemModstamp"])
	id := text(row[solutionOpportunity])
	if id == "" {
		id = text(row["OpportunityId"])
	}
	if id == "" {
		id = text(row["Id"])
	}
	if id == "" {
		return
	}
	version, err := json.Marshal(row)
	if err != nil {
		return
	}
	newest := stamp
	for _, related := range []string{"Account.SystemModstamp", "Owner.SystemModstamp"} {
		newest = max(newest, text(at(row, related)))
	}
	l.hits = append(l.hits, crm.Hit{ID: id, Version: string(version), At: modified(newest)})
	if stamp > l.latest {
		l.latest = stamp
	}
}
