package connector

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/fieldcheck"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// compareEnvironment looks for what the document names in the Dataverse environment.
func (c *connector) compareEnvironment(ctx context.Context, d document.Document, when moment) ([]finding, error) {
	if _, err := c.remote.Dataverse(ctx); err != nil {
		return nil, err
	}
	fields, err := c.missingColumns(ctx, d, when)
	if err != nil {
		return nil, fmt.Errorf("look for the columns that the connector names: %w", err)
	}
	rows, err := c.mappedColumns(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("compare the field mapping: %w", err)
	}
	stages, err := c.compareReasons(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read the status reasons: %w", err)
	}
	users, err := c.compareDynamicsOwner(ctx, d.CRM.FallbackOwner)
	if err != nil {
		return nil, err
	}
	var currency []finding
	if when == planChanged {
		currency, err = c.compareDynamicsCurrency(ctx, d.Sharing.DefaultCurrency)
	}
	return slices.Concat(fields, rows, stages, users, currency), err
}

// columnPlace gives the table and the column that a path of the mapping leads to; ok is false for one that leads further than to the
// account, which only the agent follows.
func columnPlace(d document.Document, name string) (table, column string, ok bool) {
	step, rest, dotted := strings.Cut(name, ".")
	switch {
	case !dotted:
		return d.CRM.Objects[document.ObjectOpportunity], name, true
	case step == "Account" && !strings.Contains(rest, "."):
		return d.CRM.Objects[document.ObjectAccount], rest, true
	default:
		return "", "", false
	}
}

// missingColumns looks for the columns that the document names by role, and for those of the mapping.
func (c *connector) missingColumns(ctx context.Context, d document.Document, when moment) ([]finding, error) {
	var mapped []named
	for _, row := range d.Mappings {
		for _, name := range row.RecordPaths() {
			if table, column, ok := columnPlace(d, name); ok {
				mapped = append(mapped, named{place{atMappings, row.Field}, "", table, column, "mapping of " + row.Field})
			}
		}
	}
	var findings []finding
	for _, f := range namedFields(d, mapped) {
		table, column := strings.ToLower(f.object), strings.ToLower(f.field)
		if when != apply && (c.remote.MetadataPlanned("column", table+"."+column) || c.remote.MetadataPlanned("table", table)) {
			continue
		}
		known, found, err := c.remote.AnyColumn(ctx, table, column)
		if err != nil {
			return nil, err
		}
		if !found {
			findings = append(findings, finding{f.at, problem.FieldMissing, "column " + f.object + "." + f.field, f.use})
			continue
		}
		unfit, err := c.unfitColumn(ctx, d, f, known)
		if err != nil {
			return nil, err
		}
		findings = append(findings, unfit...)
	}
	return findings, nil
}

// unfitColumn compares the column of a role with what the agent keeps in it. Alternate keys keep values unique in Dataverse, not columns.
func (c *connector) unfitColumn(ctx context.Context, d document.Document, f named, column dataverse.Column) ([]finding, error) {
	if f.role == "" {
		return nil, nil
	}
	if slices.Contains([]dataverse.Kind{dataverse.Text, dataverse.Memo, dataverse.Lookup}, column.Kind) { // with its length, or its tables
		special, found, err := c.remote.Column(ctx, f.object, f.field, column.Kind)
		if err != nil || !found {
			return nil, err
		}
		column = special
	}
	field := describedColumn(column)
	field.Unique, field.ReferenceTo = true, column.Targets
	if column.Kind == dataverse.Lookup || column.Kind == dataverse.Customer {
		field.Type = "reference"
	}
	if field.Type == "" {
		field.Type = strings.ToLower(string(column.Kind))
	}
	return unfit(d.CRM.Objects, f, field, "column"), nil
}

// describedKinds are the kinds of columns in the terms in which mappings are checked; all others hold text.
var describedKinds = map[dataverse.Kind]string{
	dataverse.Money: "currency", dataverse.Decimal: "double", dataverse.Integer: "int", dataverse.YesNo: "boolean",
	dataverse.Choice: "picklist", dataverse.Choices: "multipicklist", dataverse.DateTime: "date",
}

// mappedColumns compares the rows of the mapping with their columns.
func (c *connector) mappedColumns(ctx context.Context, d document.Document) ([]finding, error) {
	var findings []finding
	for _, row := range d.Mappings {
		table, name, ok := columnPlace(d, row.CRM)
		if !ok || row.CRM == "" || row.Field == "status" || row.Field == "currency" { // reached by actions, and by a lookup
			continue
		}
		known, found, err := c.remote.AnyColumn(ctx, table, name)
		if err != nil || !found {
			if err != nil {
				return nil, err
			}
			continue
		}
		column := known
		if _, special := describedKinds[known.Kind]; special || known.Kind == dataverse.Text || known.Kind == dataverse.Memo {
			if column, _, err = c.remote.Column(ctx, table, name, known.Kind); err != nil {
				return nil, err
			}
		}
		for _, found := range fieldcheck.Row(row, describedColumn(column), fieldcheck.Planner) {
			findings = append(findings, finding{place{atMappings, row.Field}, found.Code, "column " + table + "." + name, fmt.Sprintf("mapping of %s: %s", row.Field, found.Detail)})
		}
	}
	return findings, nil
}

// describedColumn is a column in the terms in which mappings are checked.
func describedColumn(column dataverse.Column) fieldcheck.Field {
	field := fieldcheck.Field{
		Name: column.LogicalName, Type: describedKinds[column.Kind], Length: column.MaxLength, Scale: column.Precision, Createable: column.ForCreate,
		Updateable: column.ForUpdate, AutoNumber: column.AutoNumber != "", RestrictedPicklist: true,
	}
	if column.Kind == dataverse.Lookup || column.Kind == dataverse.Customer {
		field.Type = "complexvalue"
	}
	for _, option := range column.Options {
		field.PicklistValues = append(field.PicklistValues, fieldcheck.ListValue{Value: option.Label.Text(), Label: option.Label.Text(), Active: true})
	}
	return field
}

// States of an opportunity and of a lead ("Opportunity table reference").
const (
	stateOpen = 0
	stateWon  = 1
	stateLost = 2
)

// compareReasons looks for the status reasons that stand for stages, and for that of new leads.
func (c *connector) compareReasons(ctx context.Context, d document.Document) ([]finding, error) {
	var findings []finding
	look := func(role, table, name string, at place, code problem.Code, state int) error {
		reasons, found, err := c.remote.Column(ctx, table, "statuscode", dataverse.StatusKey)
		if err != nil || !found || name == "" {
			return err
		}
		if why, ok := missingReason(reasons.Options, name, state); !ok {
			findings = append(findings, finding{at, code, fmt.Sprintf("status reason %q (%s)", name, role), why})
		}
		return nil
	}
	deals := d.CRM.Objects[document.ObjectOpportunity]
	for _, want := range []struct {
		role, name string
		state      int
	}{
		{"on_hold", d.CRM.Stages.OnHold, stateOpen}, {"active", d.CRM.Stages.Active, stateOpen}, {"won", d.CRM.Stages.Won, stateWon}, {"lost", d.CRM.Stages.Lost, stateLost},
	} {
		if err := look(want.role, deals, want.name, place{atStages, want.role}, problem.StageMissing, want.state); err != nil {
			return nil, err
		}
	}
	if d.CRM.Lead == nil {
		return findings, nil
	}
	err := look("new leads", d.CRM.Objects[document.ObjectLead], d.CRM.Lead.Status, place{atVariables, document.VariableLeadStatus}, problem.LeadStatusMissing, stateOpen)
	return findings, err
}

// missingReason tells why no status reason of a name fits a state; ok when one does. A reason is named by its label or its number.
func missingReason(options []dataverse.Option, name string, state int) (why string, ok bool) {
	var names []string
	for _, option := range options {
		if option.Value == nil {
			continue
		}
		called := strconv.Itoa(*option.Value) == name || slices.ContainsFunc(option.Label.Texts(), func(label string) bool { return strings.EqualFold(label, name) })
		fits := option.State != nil && *option.State == state
		if called && fits {
			return "", true
		}
		if called {
			return "it exists, but belongs to another state", false
		}
		if fits {
			names = append(names, fmt.Sprintf("%q", option.Label.Text()))
		}
	}
	return "the environment has for this state: " + strings.Join(names, ", "), false
}

// compareDynamicsOwner looks for the active user whom a connector names for received deals.
func (c *connector) compareDynamicsOwner(ctx context.Context, name string) ([]finding, error) {
	if name == "" {
		return nil, nil
	}
	client, err := c.remote.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	type user struct {
		Disabled bool `json:"isdisabled"`
	}
	var users []user
	if err := c.remote.Retry(ctx, func(ctx context.Context) (err error) {
		users, err = dataverse.List[user](ctx, client, "systemusers", dataverse.Query{
			Select: []string{"isdisabled"}, Filter: fmt.Sprintf("internalemailaddress eq %[1]s or domainname eq %[1]s", dataverse.Quote(name)),
		})
		return err
	}); err != nil {
		return nil, fmt.Errorf("look for the fallback owner: %w", err)
	}
	detail := "no user has this user name or e-mail address"
	for _, u := range users {
		if !u.Disabled {
			return nil, nil
		}
		detail = "the user is disabled"
	}
	return []finding{{place{"fallback_owner", ""}, problem.UserMissing, fmt.Sprintf("user %q", name), detail}}, nil
}
