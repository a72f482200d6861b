package fieldcheck

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/expression"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Field describes a field of an organisation. The terms are those of Salesforce's describe, into which other CRMs' descriptions
// are put.
type Field = salesforce.FieldDescribe

// ListValue is a value of a field that has a list.
type ListValue = salesforce.PicklistValue

// Finding is something about a row that the organisation does not go along with.
type Finding struct {
	Code   problem.Code
	Field  string // field of the deal
	Detail string
}

// Class is what a field of the organisation holds, as far as a mapping is concerned.
type Class int

// Classes of fields.
const (
	Text Class = iota
	Number
	Flag
	Date
	Other // a mapping cannot write it
)

func (c Class) String() string {
	return [...]string{"text", "a number", "true or false", "a date", "no value of a mapping"}[c]
}

// ClassOf tells the class of a field by its described type.
func ClassOf(field salesforce.FieldDescribe) Class {
	switch field.Type {
	case "double", "currency", "percent", "int", "long":
		return Number
	case "boolean":
		return Flag
	case "date":
		return Date
	case "datetime", "time", "address", "location", "base64", "anyType", "complexvalue", "json":
		return Other
	default:
		return Text
	}
}

// Asker says whose rights the description shows.
type Asker int

const (
	// Agent descriptions show what the agent's user may do, so a field that it may not write is a finding.
	Agent Asker = iota
	// Planner descriptions show another user's rights: only what nobody can write is a finding.
	Planner
)

// Row compares one row with the field that it names.
func Row(row document.Mapping, field salesforce.FieldDescribe, asker Asker) []Finding {
	c := &check{row: row, field: field, class: ClassOf(field)}
	if row.IsInbound() {
		if strings.Count(row.CRM, ".") < 2 { // Account.Country__r.Iso2__c refers to a record and does not write it
			c.writable(asker)
		}
		c.takes()
	}
	if row.Field == "deal_value" && row.OutboundExpression == "" && c.class != Number {
		c.find(problem.FieldTypeMismatch, "a deal value is a number, and the field holds %s (%s)", c.class, field.Type)
	}
	for _, v := range row.Values {
		c.holds("the value", v.CRM)
	}
	return c.findings
}

type check struct {
	row      document.Mapping
	field    salesforce.FieldDescribe
	class    Class
	findings []Finding
}

func (c *check) find(code problem.Code, format string, args ...any) {
	c.findings = append(c.findings, Finding{code, c.row.Field, fmt.Sprintf(format, args...)})
}

func (c *check) writable(asker Asker) {
	create, update := c.row.Applies(document.OnCreate), c.row.Applies(document.OnUpdate)
	switch {
	case c.field.Calculated:
		c.find(problem.FieldNotWritable, "it is a formula")
	case c.field.AutoNumber:
		c.find(problem.FieldNotWritable, "the organisation numbers it")
	case asker == Planner && c.field.Custom: // rights on custom fields are the permission set's to give
	case create && !c.field.Createable:
		c.find(problem.FieldNotWritable, "it cannot be set when a record is created")
	case update && !c.field.Updateable:
		c.find(problem.FieldNotWritable, "it cannot be changed on a record")
	}
}

// takes checks that the field's type takes what an inbound row writes.
func (c *check) takes() {
	row := c.row
	if c.class == Other {
		c.find(problem.FieldTypeMismatch, "a mapping cannot write a field of type %s", c.field.Type)
		return
	}
	if row.Constant != "" {
		c.holds("the constant", row.Constant)
		return
	}
	if row.Default != "" {
		c.holds("the default", row.Default)
	}
	if row.InboundExpression != "" {
		c.takesExpression()
		return
	}
	if given, known := given(row); known && len(row.Values) == 0 && given != c.class && c.class != Text {
		c.find(problem.FieldTypeMismatch, "Partner Center gives %s and the field holds %s (%s)", given, c.class, c.field.Type)
	}
}

func (c *check) takesExpression() {
	compiled, err := expression.Compile(expression.OfReferral, c.row.InboundExpression)
	if err != nil {
		return // the document says so
	}
	fits := map[expression.Kind][]Class{
		expression.Unknown: {Text, Number, Flag, Date}, expression.Text: {Text, Date}, expression.Number: {Text, Number},
		expression.Flag: {Text, Flag}, expression.Time: {Text, Date},
	}
	if !slices.Contains(fits[compiled.Kind()], c.class) {
		c.find(problem.FieldTypeMismatch, "the expression gives %s and the field holds %s (%s)", compiled.Kind(), c.class, c.field.Type)
	}
}

// given tells what Partner Center gives where a row carries it as it is; known is false where that is not certain.
func given(row document.Mapping) (Class, bool) {
	switch row.PartnerCenter {
	case "details.dealValue":
		return Number, true
	case "details.closingDateTime":
		return Date, true
	case "consent.consentToShareReferralWithMicrosoftSellers", "favorite":
		return Flag, true
	case "name", "id", "status", "statusReason", "details.notes", "details.currency", "inviteContext.assistanceRequestCode", "referralProgram":
		return Text, true
	}
	return Text, strings.HasPrefix(row.PartnerCenter, "customerProfile.")
}

// holds checks a value of the CRM's side that the document writes out.
func (c *check) holds(what, value string) {
	switch c.class {
	case Number:
		if _, ok := new(big.Rat).SetString(value); !ok || strings.ContainsAny(value, "/xXpP_") {
			c.find(problem.FieldTypeMismatch, "%s %q is not a number", what, value)
		}
	case Flag:
		if !slices.Contains([]string{"true", "false", "yes", "no", "1", "0"}, strings.ToLower(value)) {
			c.find(problem.FieldTypeMismatch, "%s %q is neither true nor false", what, value)
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			c.find(problem.FieldTypeMismatch, "%s %q is not a date such as 2026-12-31", what, value)
		}
	case Text:
		c.holdsText(what, value)
	case Other:
	}
}

func (c *check) holdsText(what, value string) {
	switch {
	case c.field.Type == "picklist" && c.field.RestrictedPicklist:
		c.picks(what, value)
	case c.field.Type == "multipicklist" && c.field.RestrictedPicklist:
		for _, one := range strings.Split(value, ";") {
			c.picks(what, one)
		}
	case c.field.Length > 0 && len([]rune(value)) > c.field.Length:
		c.find(problem.FieldTypeMismatch, "%s %q has %d characters, and the field takes %d", what, value, len([]rune(value)), c.field.Length)
	}
}

func (c *check) picks(what, value string) {
	var active []string
	for _, v := range c.field.PicklistValues {
		switch {
		case v.Active && v.Value == value:
			return
		case v.Active && v.Label == value:
			c.find(problem.PicklistUnknown, "%s %q is a label; the API name is %q", what, value, v.Value)
			return
		case v.Active:
			active = append(active, fmt.Sprintf("%q", v.Value))
		}
	}
	c.find(problem.PicklistUnknown, "%s %q; the field has %s", what, value, strings.Join(active, ", "))
}
