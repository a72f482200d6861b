package salesforce

import (
	"context"
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Read implements [crm.CRM] with one query, which records that are read at the same time share.
func (o *Org) Read(ctx context.Context, id string) (crm.Record, error) {
	quoted, err := salesforce.QuoteID(id)
	if err != nil {
		return crm.Record{}, fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	row, found, err := one(o.shared().records.find(ctx, strings.Trim(quoted, "'")))
	if err != nil {
		return crm.Record{}, fmt.Errorf("read opportunity %s: %w", id, translate(err))
	}
	if !found {
		return crm.Record{}, fmt.Errorf("opportunity %s: %w", id, crm.ErrNotFound)
	}
	return o.withNote(ctx, o.record(row), row)
}

func (o *Org) selectRecord() string {
	selected := append([]string{"Id", "CreatedDate", "LastModifiedDate", "AccountId", "Owner.FirstName", "Owner.LastName", "Owner.Phone", "Owner.Email"}, o.selected...)
	selected = append(append(selected, o.peopleQueries()...), o.solutionsQuery())
	selected = append(selected, o.noteQuery()...)
	return fmt.Sprintf("SELECT %s FROM %s", strings.Join(selected, ", "), o.names.Opportunity)
}

func (o *Org) record(row map[string]any) crm.Record {
	fields := make(map[string]any, len(o.selected))
	for _, name := range o.selected {
		fields[name] = at(row, name)
	}
	if code := text(at(row, "Account."+countryCodeField)); o.countryCodes && code != "" {
		fields["Account."+o.names.Country] = code
	}
	record := crm.Record{
		ID: text(row["Id"]), Version: text(row["LastModifiedDate"]), ModifiedAt: modified(text(row["LastModifiedDate"])), Fields: fields,
		CreatedAt: modified(text(row["CreatedDate"])),
		Sync:      row[o.names.Sync] == true, ReferralID: text(row[o.names.ReferralID]), Key: text(row[o.names.Key]),
		Audit: text(row[o.names.Audit]), SyncStatus: text(row[o.names.SyncStatus]), AccountID: text(row["AccountId"]),
	}
	o.readPeople(&record, row)
	record.Products = products(text(row[o.names.Products]))
	for _, child := range children(row, o.solutions.relationship) {
		if solution, ok := o.solutionRow(child); ok {
			record.Solutions = append(record.Solutions, solution)
		}
	}
	return record
}

// at follows a dotted path through related records; nil when one of them is absent.
func at(row map[string]any, path string) any {
	first, rest, nested := strings.Cut(path, ".")
	if !nested {
		return row[first]
	}
	related, ok := row[first].(map[string]any)
	if !ok {
		return nil
	}
	return at(related, rest)
}

func text(value any) string {
	s, _ := value.(string)
	return strings.TrimSpace(s)
}

func person(row map[string]any, relation string) deal.Person {
	return deal.Person{
		FirstName: text(at(row, relation+".FirstName")), LastName: text(at(row, relation+".LastName")),
		Phone: text(at(row, relation+".Phone")), Email: text(at(row, relation+".Email")),
	}
}

// children gives the rows of a child subquery, which is null when there are none.
func children(row map[string]any, relationship string) []map[string]any {
	list, ok := row[relationship].(map[string]any)
	if !ok {
		return nil
	}
	records, _ := list["records"].([]any)
	rows := make([]map[string]any, 0, len(records))
	for _, record := range records {
		if child, ok := record.(map[string]any); ok {
			rows = append(rows, child)
		}
	}
	return rows
}
