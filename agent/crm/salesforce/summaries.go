package salesforce

import (
	"context"
	"fmt"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// longestList is how many values one condition lists.
const longestList = 50

// Existing lists by id the opportunities that are shared or wanted to be. A position is the id of the last one.
func (o *Org) Existing(ctx context.Context, after string, limit int) ([]crm.Summary, string, error) {
	n := o.names
	condition := fmt.Sprintf("(%s = true OR %s != null OR %s != null)", n.Sync, n.Key, n.ReferralID)
	if after != "" {
		quoted, err := salesforce.QuoteID(after)
		if err != nil {
			return nil, "", err
		}
		condition += " AND Id > " + quoted
	}
	rows, err := o.summaries(ctx, fmt.Sprintf("%s ORDER BY Id LIMIT %d", condition, limit))
	if len(rows) > 0 {
		after = rows[len(rows)-1].ID
	}
	return rows, after, err
}

// ByReferral lists the opportunities whose key or identifier is one of the referrals'.
func (o *Org) ByReferral(ctx context.Context, referralIDs []string) ([]crm.Summary, error) {
	var found []crm.Summary
	for _, part := range batch.Cut(referralIDs, longestList, longestQuery/4, addressLength) {
		ids := salesforce.QuoteAll(part)
		rows, err := o.summaries(ctx, fmt.Sprintf("%s IN %s OR %s IN %s", o.names.Key, ids, o.names.ReferralID, ids))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// ByID lists the opportunities of ids.
func (o *Org) ByID(ctx context.Context, ids []string) ([]crm.Summary, error) {
	return o.in(ctx, "Id", ids)
}

// ByName lists opportunities of names. Salesforce compares without case.
func (o *Org) ByName(ctx context.Context, names []string) ([]crm.Summary, error) {
	return o.in(ctx, "Name", names)
}

func (o *Org) in(ctx context.Context, field string, values []string) ([]crm.Summary, error) {
	var found []crm.Summary
	for _, part := range batch.Cut(values, longestList, longestQuery/2, addressLength) {
		rows, err := o.summaries(ctx, fmt.Sprintf("%s IN %s ORDER BY Id LIMIT %d", field, salesforce.QuoteAll(part), 2*longestList))
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// addressLength is what a value of a condition takes of an address.
func addressLength(value string) int { return values{value}.cost() }

func (o *Org) summaries(ctx context.Context, where string) ([]crm.Summary, error) {
	n := o.names
	rows, err := salesforce.Query[map[string]any](ctx, o.client.Data(), fmt.Sprintf(
		"SELECT Id, Name, Account.Name, %s, %s, %s, %s, IsClosed FROM %s WHERE %s", valueField, n.Key, n.ReferralID, n.Sync, n.Opportunity, where))
	if err != nil {
		return nil, fmt.Errorf("list opportunities: %w", translate(err))
	}
	list := make([]crm.Summary, len(rows))
	for i, row := range rows {
		list[i] = crm.Summary{
			ID: text(row["Id"]), Name: text(row["Name"]), Account: text(at(row, "Account.Name")), Key: text(row[n.Key]),
			ReferralID: text(row[n.ReferralID]), Sync: row[n.Sync] == true, Closed: row["IsClosed"] == true,
		}
		if list[i].Value, err = deal.Normalize(deal.DealValue, row[valueField]); err != nil {
			list[i].Value = "" // only compared
		}
	}
	return list, nil
}

// valueField is the standard field of the value ("Opportunity").
const valueField = "Amount"
