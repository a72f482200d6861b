package dynamics365

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// table is what a table of the environment is like.
type table struct {
	dataverse.Table
	columns map[string]dataverse.Column // by logical name
	lookups []dataverse.Relationship
}

// detailed are the kinds of columns whose length, precision or options count.
var detailed = []dataverse.Kind{
	dataverse.Text, dataverse.Memo, dataverse.Money, dataverse.Decimal, dataverse.DateTime, dataverse.Choice, dataverse.Choices, dataverse.StatusKey,
}

// describe reads a table by its schema name or logical name; whole with what is special to its columns.
func describe(ctx context.Context, client *dataverse.Client, name string, whole bool) (*table, error) {
	name = strings.ToLower(name)
	found, err := client.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	t := &table{Table: found, columns: map[string]dataverse.Column{}}
	columns, err := client.Columns(ctx, name)
	if err != nil {
		return nil, err
	}
	if whole {
		for _, kind := range detailed {
			special, err := client.ColumnsOf(ctx, name, kind)
			if err != nil {
				return nil, err
			}
			columns = append(columns, special...)
		}
	}
	for _, column := range columns {
		t.columns[column.LogicalName] = column
	}
	t.lookups, err = client.LookupsOf(ctx, name)
	return t, err
}

func (t *table) column(name string) (dataverse.Column, bool) {
	column, found := t.columns[strings.ToLower(name)]
	return column, found
}

// having gives those of the columns that the table shows.
func (t *table) having(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, found := t.column(name)
		return !found
	})
}

// navigation gives the navigation property of a lookup column to a table, whose case counts; "" when there is none.
func (t *table) navigation(column, target string) string {
	for _, lookup := range t.lookups {
		if strings.EqualFold(lookup.ReferencingColumn, column) && (target == "" || strings.EqualFold(lookup.ReferencedTable, target)) {
			return lookup.NavigationProperty
		}
	}
	return ""
}

// lookupValue is the property that holds the id that a lookup refers to.
func lookupValue(column string) string { return "_" + strings.ToLower(column) + "_value" }

func bind(navigation string) string { return navigation + "@odata.bind" }

func (t *table) row(id string) string { return "/" + t.SetName + "(" + id + ")" }

func isLookup(column dataverse.Column) bool {
	return column.Kind == dataverse.Lookup || column.Kind == dataverse.Customer || column.Kind == "Owner"
}

// optionOf finds an option of a choice by a label in any language, or by its number.
func optionOf(column dataverse.Column, text string) (dataverse.Option, bool) {
	same := func(o dataverse.Option) bool {
		return slices.ContainsFunc(o.Label.Texts(), func(label string) bool { return strings.EqualFold(label, text) }) ||
			o.Value != nil && strconv.Itoa(*o.Value) == text
	}
	at := slices.IndexFunc(column.Options, same)
	if at < 0 || column.Options[at].Value == nil {
		return dataverse.Option{}, false
	}
	return column.Options[at], true
}

// labelOf gives the label of an option that a row has, and the number of one that the description lacks.
func labelOf(column dataverse.Column, raw string) string {
	for _, option := range column.Options {
		if option.Value != nil && strconv.Itoa(*option.Value) == raw {
			return option.Label.Text()
		}
	}
	return raw
}

// read gives a column's value as the mapping takes it: choices by their labels, several separated by semicolons.
func read(column dataverse.Column, row map[string]any) any {
	raw := row[column.LogicalName]
	switch {
	case isLookup(column):
		return row[lookupValue(column.LogicalName)]
	case raw == nil:
		return nil
	case column.Kind == dataverse.Choice, column.Kind == dataverse.StatusKey, column.Kind == dataverse.State:
		return labelOf(column, fmt.Sprint(raw))
	case column.Kind == dataverse.Choices:
		var labels []string
		for _, value := range strings.Split(text(raw), ",") {
			labels = append(labels, labelOf(column, strings.TrimSpace(value)))
		}
		return strings.Join(labels, ";")
	default:
		return raw
	}
}

// write gives a value as the column takes it. It fails when a choice has no such option.
func write(column dataverse.Column, value any) (any, error) {
	content, isText := value.(string)
	if !isText {
		return value, nil
	}
	switch column.Kind {
	case dataverse.Choice:
		if content == "" {
			return nil, nil
		}
		option, ok := optionOf(column, content)
		if !ok {
			return nil, fmt.Errorf("column %s has no option %q", column.LogicalName, content)
		}
		return *option.Value, nil
	case dataverse.Choices:
		var values []string
		for _, part := range strings.Split(content, ";") {
			option, ok := optionOf(column, strings.TrimSpace(part))
			if !ok {
				return nil, fmt.Errorf("column %s has no option %q", column.LogicalName, part)
			}
			values = append(values, strconv.Itoa(*option.Value))
		}
		return strings.Join(values, ","), nil
	case dataverse.DateTime:
		if column.Format != "DateOnly" && column.Behavior != "DateOnly" && len(content) == len("2006-01-02") {
			return content + "T00:00:00Z", nil
		}
		return content, nil
	case dataverse.Money, dataverse.Decimal, dataverse.Integer:
		return json.Number(content), nil
	default:
		return content, nil
	}
}

func text(value any) string {
	s, _ := value.(string)
	return strings.TrimSpace(s)
}

func related(row map[string]any, navigation string) map[string]any {
	child, _ := row[navigation].(map[string]any)
	return child
}

// shorten cuts a text to a number of characters; 0 is no limit.
func shorten(text string, longest int) string {
	if characters := []rune(text); longest > 0 && len(characters) > longest {
		return string(characters[:longest])
	}
	return text
}
