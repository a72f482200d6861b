package dynamics365

import (
	"slices"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/fieldcheck"
)

// Field tells what a field of the mapping holds; ok is false where the environment does not have it.
func (e *Environment) Field(name string) (field crm.Field, ok bool) {
	at := slices.IndexFunc(e.paths, func(p path) bool { return p.name == name })
	if at < 0 {
		return crm.Field{}, false
	}
	column := e.paths[at].column
	field.Scale = column.Precision
	switch column.Kind {
	case dataverse.Money, dataverse.Decimal, dataverse.Integer, "Double", "BigInt":
		field.Kind = deal.Decimal
	case dataverse.YesNo:
		field.Kind = deal.Flag
	case dataverse.DateTime:
		field.Kind = deal.Date
	default:
		field.Kind = deal.Text
	}
	return field, true
}

// described are the kinds of columns in the terms in which mappings are checked; all others hold text.
var described = map[dataverse.Kind]string{
	dataverse.Money: "currency", dataverse.Decimal: "double", "Double": "double", dataverse.Integer: "int", "BigInt": "long", dataverse.YesNo: "boolean",
	dataverse.Choice: "picklist", dataverse.Choices: "multipicklist", dataverse.DateTime: "date",
}

// CheckRow compares a row of the mapping with the column that it names. A row that needs no column is no finding.
func (e *Environment) CheckRow(row document.Mapping) []fieldcheck.Finding {
	at := slices.IndexFunc(e.paths, func(p path) bool { return p.name == row.CRM })
	if at < 0 {
		return nil
	}
	column := e.paths[at].column
	field := fieldcheck.Field{
		Name: column.LogicalName, Type: described[column.Kind], Length: column.MaxLength, Scale: column.Precision,
		Createable: column.ForCreate, Updateable: column.ForUpdate, AutoNumber: column.AutoNumber != "", RestrictedPicklist: true,
	}
	if isLookup(column) && column.LogicalName != currencyLookup {
		field.Type = "complexvalue" // only the currency is looked up for a mapping
	}
	if column.LogicalName == stageColumn {
		field.Createable, field.Updateable = true, true // reached by actions
	}
	for _, option := range column.Options {
		field.PicklistValues = append(field.PicklistValues, fieldcheck.ListValue{Value: option.Label.Text(), Label: option.Label.Text(), Active: true})
	}
	return fieldcheck.Row(row, field, fieldcheck.Agent)
}

// RetryAfter gives the wait that the environment asked for in an error; 0 when it asked for none.
func (e *Environment) RetryAfter(err error) time.Duration { return dataverse.RetryAfter(err) }
