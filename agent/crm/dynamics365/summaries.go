package dynamics365

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

var _ backfill.Records = (*Environment)(nil)

const (
	// longestList is how many values one condition lists. A query takes 500 conditions ("Query data using the Web API").
	longestList = 50
	// longestCondition bounds the escaped bytes of one in an address, which may have 32 KiB ("Compose HTTP requests").
	longestCondition = 12 << 10

	createdColumn = "createdon"
	valueColumn   = "estimatedvalue"
)

// Existing lists by their time of creation the opportunities that are shared or wanted to be. Ids are no order that lasts: Dataverse
// compares them in another way than texts. A position is the time and the id of the last one; of those that were created in the same
// second it goes on behind the last, or looks at all of them again when that one is gone.
func (e *Environment) Existing(ctx context.Context, after string, limit int) (found []crm.Summary, next string, err error) {
	filter := fmt.Sprintf("(%s eq true or %s ne null or %s ne null)", strings.ToLower(e.names.Sync), e.keyColumn, strings.ToLower(e.names.ReferralID))
	since, last, _ := strings.Cut(after, " ")
	next = after
	if after != "" {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return nil, "", fmt.Errorf("list opportunities after %q: %w", after, err)
		}
		filter += " and " + createdColumn + " ge " + dataverse.QuoteTime(at)
	}
	query := e.summaryQuery(filter)
	query.OrderBy, query.Page = createdColumn+","+e.opportunity.PrimaryID, limit+1
	var again []crm.Summary // of the second of the position, in front of its opportunity
	behind := after == ""
	for row, err := range dataverse.Each[map[string]any](ctx, e.client, e.opportunity.SetName, query) {
		if err != nil {
			return nil, "", fmt.Errorf("list opportunities: %w", err)
		}
		summary, created := e.summary(row), text(row[createdColumn])
		switch {
		case !behind && created == since && summary.ID == last:
			behind, again = true, nil
			continue
		case !behind && created == since:
			again = append(again, summary)
			continue
		case !behind && len(again) >= limit:
			return again[:limit], since + " " + again[limit-1].ID, nil
		case !behind:
			behind, found = true, again
		}
		if found, next = append(found, summary), created+" "+summary.ID; len(found) >= limit {
			return found, next, nil
		}
	}
	if again = again[:min(limit, len(again))]; !behind && len(again) > 0 {
		return again, since + " " + again[len(again)-1].ID, nil
	}
	return found, next, nil
}

// ByReferral lists the opportunities whose key or identifier is one of the referrals'.
func (e *Environment) ByReferral(ctx context.Context, referralIDs []string) ([]crm.Summary, error) {
	shown := strings.ToLower(e.names.ReferralID)
	return e.summaries(ctx, referralIDs, 0, func(ids []string) string { return equalsAny(e.keyColumn, ids) + " or " + equalsAny(shown, ids) })
}

// ByID lists the opportunities of ids.
func (e *Environment) ByID(ctx context.Context, ids []string) ([]crm.Summary, error) {
	var rows []string
	for _, id := range ids {
		if row, err := dataverse.ParseID(id); err == nil { // a lead's is none
			rows = append(rows, row)
		}
	}
	return e.summaries(ctx, rows, 0, func(ids []string) string {
		return e.opportunity.PrimaryID + " eq " + strings.Join(ids, " or "+e.opportunity.PrimaryID+" eq ")
	})
}

// ByName lists opportunities of names. Dataverse compares without case.
func (e *Environment) ByName(ctx context.Context, names []string) ([]crm.Summary, error) {
	return e.summaries(ctx, names, 2*longestList, func(names []string) string { return equalsAny(nameColumn, names) })
}

// summaries asks for a list of values in as many queries as it takes, each for at most some rows; 0 is no limit.
func (e *Environment) summaries(ctx context.Context, values []string, most int, condition func([]string) string) (found []crm.Summary, err error) {
	cost := func(value string) int { return len(url.QueryEscape(condition([]string{value}) + " or ")) }
	for _, some := range batch.Cut(values, longestList, longestCondition, cost) {
		query := e.summaryQuery(condition(some))
		query.OrderBy, query.Top = e.opportunity.PrimaryID, most
		rows, err := dataverse.List[map[string]any](ctx, e.client, e.opportunity.SetName, query)
		if err != nil {
			return nil, fmt.Errorf("list opportunities: %w", err)
		}
		for _, row := range rows {
			found = append(found, e.summary(row))
		}
	}
	return found, nil
}

func (e *Environment) summaryQuery(filter string) dataverse.Query {
	query := dataverse.Query{Filter: filter, Select: []string{
		e.opportunity.PrimaryID, nameColumn, createdColumn, stateColumn, e.keyColumn, strings.ToLower(e.names.ReferralID), strings.ToLower(e.names.Sync),
	}}
	if _, there := e.opportunity.column(valueColumn); there {
		query.Select = append(query.Select, valueColumn)
	}
	for _, navigation := range e.accountNavigations() {
		query.Expand = append(query.Expand, navigation+"($select="+e.account.PrimaryName+")")
	}
	return query
}

// accountNavigations lead to the opportunity's account: what the form calls Account, or else Potential Customer.
func (e *Environment) accountNavigations() []string {
	navigations := []string{e.customerNavigation()}
	if other := e.opportunity.navigation(customerLookup, e.account.LogicalName); other != "" {
		navigations = append(navigations, other)
	}
	return navigations
}

func (e *Environment) summary(row map[string]any) crm.Summary {
	s := crm.Summary{
		ID: strings.ToLower(text(row[e.opportunity.PrimaryID])), Name: text(row[nameColumn]), Key: text(row[e.keyColumn]),
		ReferralID: text(row[strings.ToLower(e.names.ReferralID)]), Sync: row[strings.ToLower(e.names.Sync)] == true, Closed: fmt.Sprint(row[stateColumn]) != strconv.Itoa(open),
	}
	for _, navigation := range e.accountNavigations() {
		if s.Account == "" {
			s.Account = text(related(row, navigation)[e.account.PrimaryName])
		}
	}
	var err error
	if s.Value, err = deal.Normalize(deal.DealValue, row[valueColumn]); err != nil {
		s.Value = "" // only compared
	}
	return s
}
