package document

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func always() []string { return []string{OnCreate, OnUpdate} }

// transformed holds one row for each way in which a value can be turned into the other side's.
func transformed() []Mapping {
	return []Mapping{
		{Field: "record_type", CRM: "Type", Direction: Inbound, On: []string{OnCreate}, Conflict: ConflictCRM, Constant: "New Business"},
		{Field: "campaign", PartnerCenter: "campaignId", CRM: "Campaign_Code__c", Direction: Both, On: always(), Conflict: ConflictPreferCRM, Null: NullKeep},
		{Field: "sales_stage", PartnerCenter: "salesStage", CRM: "Forecast__c", Direction: Both, On: always(), Conflict: ConflictManual, Default: "Pipeline",
			Values: []Value{{"Pipeline", "20"}, {"Commit", "80"}}},
		{Field: "size", CRM: "Deal_Size__c", Direction: Inbound, On: always(), Conflict: ConflictPartnerCenter,
			InboundExpression: `number(referral.details.dealValue) > 100000.0 ? "Large" : "Small"`},
		{Field: "program", PartnerCenter: "customerProfile.size", Direction: Outbound, On: []string{OnCreate}, Conflict: ConflictWriteOnce,
			OutboundExpression: `lower(record.Account.Owner.Email)`},
		{Field: "reference", PartnerCenter: "referralProgram", CRM: "Reference__c", Direction: Both, On: always(), Conflict: ConflictCRM,
			InboundExpression: `"P-" + text(value)`, OutboundExpression: `text(value).replace("P-", "")`},
	}
}

// A document that uses every part of a mapping is encoded, satisfies the schema and comes back as it was.
func TestTransformedMappings(t *testing.T) {
	d := example()
	d.Mappings = append(d.Mappings, transformed()...)
	encoded, err := Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := canonical(transformed())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "mappings.json", rows)
	decoded, err := Decode(encoded)
	if diff := cmp.Diff(d, decoded); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", tree); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(instance); err != nil {
		t.Errorf("the document does not satisfy the schema: %v", err)
	}
}

// Every default row stands on its own feet.
func TestDefaultRowsHaveNoFaults(t *testing.T) {
	for _, row := range example().Mappings {
		if faults := row.Faults(); len(faults) > 0 {
			t.Errorf("%s: %v", row.Field, faults)
		}
	}
}

// Each combination that cannot mean anything is refused, at the part that is wrong.
func TestMappingFaults(t *testing.T) {
	base := Mapping{Field: "mine", PartnerCenter: "campaignId", CRM: "Mine__c", Direction: Both, On: always(), Conflict: ConflictCRM}
	cases := map[string]struct {
		change    func(m *Mapping)
		attribute string
		reason    string
	}{
		"field name":                {func(m *Mapping) { m.Field = "My field" }, "", "lower-case"},
		"reserved name":             {func(m *Mapping) { m.Field = "solutions" }, "", "choose another name"},
		"no path to a property":     {func(m *Mapping) { m.PartnerCenter = "" }, "partner_center", "missing"},
		"no field":                  {func(m *Mapping) { m.CRM = "" }, "crm", "missing"},
		"no path in a query":        {func(m *Mapping) { m.CRM = "Name FROM User" }, "crm", "not a path"},
		"unknown direction":         {func(m *Mapping) { m.Direction = "up" }, "direction", "not one of"},
		"unknown rule":              {func(m *Mapping) { m.Conflict = "newest" }, "conflict", "not one of"},
		"one-way rule":              {func(m *Mapping) { m.Direction, m.Conflict = Inbound, ConflictManual }, "conflict", "two sides"},
		"unknown moment":            {func(m *Mapping) { m.On = []string{"delete"} }, "on", "not one of"},
		"property is fixed":         {func(m *Mapping) { m.PartnerCenter = "customerProfile.size" }, "partner_center", "does not let"},
		"property of the agent":     {func(m *Mapping) { m.PartnerCenter = "externalReferenceId" }, "partner_center", "written by the agent itself"},
		"part of one":               {func(m *Mapping) { m.PartnerCenter, m.On = "details.requirements.offers", []string{OnCreate} }, "partner_center", "written by the agent itself"},
		"owner is not written":      {func(m *Mapping) { m.CRM = "Owner.Email" }, "crm", "never writes"},
		"account on update":         {func(m *Mapping) { m.CRM = "Account.Industry" }, "on", "shared by other deals"},
		"null is unknown":           {func(m *Mapping) { m.Null = "zero" }, "null", "not one of"},
		"null with default":         {func(m *Mapping) { m.Null, m.Default = NullKeep, "x" }, "null", "never empty"},
		"null of the value":         {func(m *Mapping) { m.Field, m.Null = "deal_value", NullKeep }, "null", "rule of its own"},
		"value by a person":         {func(m *Mapping) { m.Field, m.Conflict = "deal_value", ConflictManual }, "conflict", "rule of its own"},
		"status by values":          {func(m *Mapping) { m.Field, m.Values = "status", []Value{{"a", "b"}} }, "", "rules of its own"},
		"constant both ways":        {func(m *Mapping) { m.Constant = "x" }, "constant", "one side only"},
		"constant with default":     {func(m *Mapping) { m.Direction, m.Constant, m.Default = Inbound, "x", "y" }, "constant", "takes no source"},
		"constant name":             {func(m *Mapping) { m.Field, m.Direction, m.Constant = "name", Inbound, "x" }, "constant", "every deal"},
		"values and expression":     {func(m *Mapping) { m.Direction, m.Values, m.InboundExpression = Inbound, []Value{{"a", "b"}}, "value" }, "values", "not both"},
		"empty value":               {func(m *Mapping) { m.Values = []Value{{"", "b"}} }, "values", "neither empty"},
		"ambiguous CRM value":       {func(m *Mapping) { m.Values = []Value{{"a", "b"}, {"a", "c"}} }, "values", "two values in Partner Center"},
		"ambiguous referral value":  {func(m *Mapping) { m.Direction, m.Values = Inbound, []Value{{"a", "b"}, {"c", "b"}} }, "values", "two values in the CRM"},
		"inbound only":              {func(m *Mapping) { m.Direction, m.OutboundExpression = Inbound, "value" }, "outbound_expression", "does not write"},
		"outbound only":             {func(m *Mapping) { m.Direction, m.InboundExpression = Outbound, "value" }, "inbound_expression", "does not write"},
		"one way of two":            {func(m *Mapping) { m.InboundExpression = "value" }, "outbound_expression", "each must undo"},
		"expression of more":        {func(m *Mapping) { m.InboundExpression, m.OutboundExpression = "referral.name", "value" }, "inbound_expression", "value only"},
		"expression of wrong side":  {func(m *Mapping) { m.Direction, m.InboundExpression = Inbound, "record.Name" }, "inbound_expression", "not known here"},
		"expression that is broken": {func(m *Mapping) { m.Direction, m.OutboundExpression = Outbound, "lower(" }, "outbound_expression", "line 1"},
	}
	for name, c := range cases {
		row := base
		c.change(&row)
		if faults := row.Faults(); !slices.ContainsFunc(faults, func(f Fault) bool { return f.Attribute == c.attribute && strings.Contains(f.Reason, c.reason) }) {
			t.Errorf("%s: want %q at %q, got %q", name, c.reason, c.attribute, faults)
		}
	}
}

// Two rows never write the same place: the last one would win without anybody having said so.
func TestRowsDoNotWriteTheSamePlace(t *testing.T) {
	d := example()
	d.Mappings = append(d.Mappings, Mapping{Field: "more_notes", PartnerCenter: "campaignId", CRM: "Description", Direction: Inbound, On: always(), Conflict: ConflictCRM})
	if err := d.Validate(); err == nil || !strings.Contains(err.Error(), "notes writes the CRM's Description too") {
		t.Errorf("got %v", err)
	}
}

// No row writes what the agent keeps in the record for itself.
func TestRowsDoNotWriteTheAgentsFields(t *testing.T) {
	d := example()
	d.Mappings = append(d.Mappings, Mapping{Field: "mine", PartnerCenter: "campaignId", CRM: d.CRM.Fields[FieldAudit], Direction: Inbound, On: always(), Conflict: ConflictCRM})
	if err := d.Validate(); err == nil || !strings.Contains(err.Error(), "the field of role audit") {
		t.Errorf("got %v", err)
	}
}

// What a row needs of the record is its field, and every field that its expression reads.
func TestRecordPaths(t *testing.T) {
	row := Mapping{CRM: "Type", OutboundExpression: `record.Account.Owner.Email + record.Name`}
	if diff := cmp.Diff([]Name{"Type", "Account.Owner.Email", "Name"}, row.RecordPaths()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
