package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Table names rows of data that are read together: those of an object that have a key.
type Table struct {
	Object string   // API name
	Key    string   // API name of the text field that tells rows apart, compared without regard to case
	Fields []string // API names of the other fields to read
}

// Row is a record's id and fields by API name, as JSON.
type Row map[string]json.RawMessage

// Text gives a text field, whose name is not told apart by case; "" for null and for a field that was not read.
func (r Row) Text(field string) string {
	for name, value := range r {
		var text string
		if strings.EqualFold(name, field) && json.Unmarshal(value, &text) == nil {
			return text
		}
	}
	return ""
}

// ID gives the record's id.
func (r Row) ID() salesforce.ID { return salesforce.ID(r.Text("Id")) }

// tableRows are the rows of a table by key in lower case.
type tableRows map[string][]Row

// ManyRowsError says that several rows have one key, so that none of them can be meant.
type ManyRowsError struct {
	Table Table
	Key   string
	IDs   []salesforce.ID
}

func (e *ManyRowsError) Error() string {
	return fmt.Sprintf("%d records of %s have %s %q (%v): remove all but one, and make the field unique", len(e.IDs), e.Table.Object, e.Table.Key, e.Key, e.IDs)
}

// FindRow looks a row up by its key. The first look reads the whole table, two thousand rows per call, and serves the
// others of this walk. A row that [Remote.RowChanged] named is read by itself from then on. It fails with a
// [*ManyRowsError], and [salesforce.IsUnknownField] holds when the user does not see the object or one of the fields.
// The caller does not change the row.
func (r *Remote) FindRow(ctx context.Context, table Table, key string) (row Row, found bool, err error) {
	statement, err := table.statement()
	if err != nil {
		return nil, false, err
	}
	var rows tableRows
	if r.rowsChanged(table, key) {
		rows, err = r.queryRows(ctx, table, statement+" AND "+table.Key+" = "+salesforce.Quote(key))
	} else {
		rows, err = r.readTable(ctx, table, statement)
	}
	if err != nil {
		return nil, false, err
	}
	switch same := rows[strings.ToLower(key)]; len(same) {
	case 0:
		return nil, false, nil
	case 1:
		return same[0], true, nil
	default:
		ids := make([]salesforce.ID, len(same))
		for i, row := range same {
			ids[i] = row.ID()
		}
		return nil, false, &ManyRowsError{Table: table, Key: key, IDs: ids}
	}
}

// TableRows gives all rows of a table, by their keys. It shares what [Remote.FindRow] reads. The caller does not change them.
func (r *Remote) TableRows(ctx context.Context, table Table) ([]Row, error) {
	statement, err := table.statement()
	if err != nil {
		return nil, err
	}
	rows, err := r.readTable(ctx, table, statement)
	if err != nil {
		return nil, err
	}
	var all []Row
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		all = append(all, rows[key]...)
	}
	return all, nil
}

// RowChanged notes a write, or one whose answer was lost: what was read of the row is not used any more.
func (r *Remote) RowChanged(table Table, key string) {
	r.reads.mu.Lock()
	defer r.reads.mu.Unlock()
	if r.reads.changed == nil {
		r.reads.changed = map[string]bool{}
	}
	r.reads.changed[table.row(key)] = true
}

func (r *Remote) rowsChanged(table Table, key string) bool {
	r.reads.mu.Lock()
	defer r.reads.mu.Unlock()
	return r.reads.changed[table.row(key)]
}

func (t Table) row(key string) string { return t.Object + "." + t.Key + " " + strings.ToLower(key) }

// statement selects the rows that have a key.
func (t Table) statement() (string, error) {
	object, err := salesforce.Name(t.Object)
	if err != nil {
		return "", fmt.Errorf("read records: object %w", err)
	}
	fields := []string{"Id", t.Key}
	for _, field := range t.Fields {
		if !slices.ContainsFunc(fields, func(other string) bool { return strings.EqualFold(other, field) }) {
			fields = append(fields, field)
		}
	}
	columns, err := salesforce.Names(fields...)
	if err != nil {
		return "", fmt.Errorf("read records of %s: field %w", object, err)
	}
	return "SELECT " + columns + " FROM " + object + " WHERE " + t.Key + " != null", nil
}

func (r *Remote) readTable(ctx context.Context, table Table, statement string) (tableRows, error) {
	r.reads.mu.Lock()
	if r.reads.tables == nil {
		r.reads.tables = map[string]*batch[tableRows]{}
	}
	read, known := r.reads.tables[statement]
	if !known {
		read = newBatch(1, func(ctx context.Context, _ []string) (map[string]tableRows, error) {
			rows, err := r.queryRows(ctx, table, statement)
			return map[string]tableRows{statement: rows}, err
		})
		r.reads.tables[statement] = read
	}
	r.reads.mu.Unlock()
	return read.get(ctx, statement)
}

func (r *Remote) queryRows(ctx context.Context, table Table, statement string) (tableRows, error) {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	var found []Row
	if err := r.Retry(ctx, func(ctx context.Context) (err error) {
		found, err = salesforce.Query[Row](ctx, client.Data(), statement)
		return err
	}); err != nil {
		return nil, err
	}
	rows := tableRows{}
	for _, row := range found {
		key := strings.ToLower(row.Text(table.Key))
		rows[key] = append(rows[key], row)
	}
	return rows, nil
}
