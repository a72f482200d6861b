package fieldcheck

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

var objects = map[string]*salesforce.Describe{
	"Opportunity": {Fields: []salesforce.FieldDescribe{
		{Name: "Amount", Type: "currency"}, {Name: "AccountId", RelationshipName: "Account", ReferenceTo: []string{"Account"}},
		{Name: "Region__c", RelationshipName: "Region__r", ReferenceTo: []string{"Region__c"}}, {Name: "OwnerId", RelationshipName: "Owner", ReferenceTo: []string{"Group", "User"}},
	}},
	"Account": {Fields: []salesforce.FieldDescribe{{Name: "Name"}, {Name: "OwnerId", RelationshipName: "Owner", ReferenceTo: []string{"User"}}}},
	"User":    {Fields: []salesforce.FieldDescribe{{Name: "Email", Type: "email"}}},
	"Group":   {},
}

func describe(_ context.Context, object string) (*salesforce.Describe, error) {
	return objects[object], nil
}

// A path is followed through relationships, also those that lead to several objects, and one that ends says where.
func TestResolve(t *testing.T) {
	for path, want := range map[string]struct {
		place string
		found bool
	}{
		"Amount": {"Opportunity.Amount", true}, "Account.Name": {"Account.Name", true}, "Account.Owner.Email": {"User.Email", true}, "Owner.Email": {"User.Email", true},
		"Nothing": {"Opportunity.Nothing", false}, "Campaign.Name": {"Opportunity.CampaignId", false}, "Partner__r.Name": {"Opportunity.Partner__c", false},
		"Account.Industry": {"Account.Industry", false}, "Region__r.Code__c": {"Region__c.Code__c", false}, "Account.Region__r.Code__c": {"Account.Region__c", false},
	} {
		got, err := Resolve(t.Context(), describe, "Opportunity", path)
		if err != nil || got.String() != want.place || got.Found != want.found {
			t.Errorf("%s leads to %s, found %v, %v; want %v", path, got, got.Found, err, want)
		}
	}
	failing := func(context.Context, string) (*salesforce.Describe, error) { return nil, errors.New("no network") }
	if _, err := Resolve(t.Context(), failing, "Opportunity", "Amount"); err == nil {
		t.Error("a failed read is taken for an answer")
	}
}

// Each way in which a field does not fit its row is found, and a row that fits finds nothing.
func TestRow(t *testing.T) {
	inbound := func(change func(m *document.Mapping)) document.Mapping {
		m := document.Mapping{Field: "mine", PartnerCenter: "campaignId", CRM: "Mine__c", Direction: document.Inbound, On: []string{document.OnCreate, document.OnUpdate}}
		change(&m)
		return m
	}
	writable := func(kind string) salesforce.FieldDescribe {
		return salesforce.FieldDescribe{Type: kind, Createable: true, Updateable: true, Custom: true}
	}
	list := writable("picklist")
	list.RestrictedPicklist = true
	list.PicklistValues = []salesforce.PicklistValue{{Value: "hot", Label: "Hot", Active: true}, {Value: "cold", Label: "Cold"}}
	several := list
	several.Type = "multipicklist"
	short := writable("string")
	short.Length = 3
	formula := writable("double")
	formula.Calculated = true
	numbered := writable("string")
	numbered.AutoNumber = true
	frozen, fixed := writable("string"), writable("string")
	frozen.Createable, fixed.Updateable = false, false
	standard := fixed
	standard.Custom = false
	cases := map[string]struct {
		row   document.Mapping
		field salesforce.FieldDescribe
		asker Asker
		code  problem.Code
		text  string
	}{
		"plain text":                 {inbound(func(*document.Mapping) {}), writable("string"), Agent, "", ""},
		"unknown into a number":      {inbound(func(*document.Mapping) {}), writable("double"), Agent, "", ""},
		"formula":                    {inbound(func(*document.Mapping) {}), formula, Planner, problem.FieldNotWritable, "formula"},
		"formula that is read":       {inbound(func(m *document.Mapping) { m.Direction = document.Outbound }), formula, Agent, "", ""},
		"number of the organisation": {inbound(func(*document.Mapping) {}), numbered, Agent, problem.FieldNotWritable, "numbers"},
		"not on create":              {inbound(func(*document.Mapping) {}), frozen, Agent, problem.FieldNotWritable, "created"},
		"not on update":              {inbound(func(*document.Mapping) {}), fixed, Agent, problem.FieldNotWritable, "changed"},
		"written on create only":     {inbound(func(m *document.Mapping) { m.On = m.On[:1] }), fixed, Agent, "", ""},
		"another user's rights":      {inbound(func(*document.Mapping) {}), fixed, Planner, "", ""},
		"nobody's right":             {inbound(func(*document.Mapping) {}), standard, Planner, problem.FieldNotWritable, "changed"},
		"a moment":                   {inbound(func(*document.Mapping) {}), writable("datetime"), Agent, problem.FieldTypeMismatch, "datetime"},
		"text into a number":         {inbound(func(m *document.Mapping) { m.PartnerCenter = "details.notes" }), writable("double"), Agent, problem.FieldTypeMismatch, "gives text"},
		"number into text":           {inbound(func(m *document.Mapping) { m.PartnerCenter = "details.dealValue" }), writable("string"), Agent, "", ""},
		"date into a flag":           {inbound(func(m *document.Mapping) { m.PartnerCenter = "details.closingDateTime" }), writable("boolean"), Agent, problem.FieldTypeMismatch, "a date"},
		"text expression, number":    {inbound(func(m *document.Mapping) { m.InboundExpression = `lower(value)` }), writable("int"), Agent, problem.FieldTypeMismatch, "expression gives text"},
		"number expression, number":  {inbound(func(m *document.Mapping) { m.InboundExpression = `number(value)` }), writable("int"), Agent, "", ""},
		"open expression":            {inbound(func(m *document.Mapping) { m.InboundExpression = `value` }), writable("boolean"), Agent, "", ""},
		"constant of a list":         {inbound(func(m *document.Mapping) { m.Constant = "hot" }), list, Agent, "", ""},
		"constant not in the list":   {inbound(func(m *document.Mapping) { m.Constant = "warm" }), list, Agent, problem.PicklistUnknown, `the field has "hot"`},
		"label":                      {inbound(func(m *document.Mapping) { m.Constant = "Hot" }), list, Agent, problem.PicklistUnknown, `API name is "hot"`},
		"inactive":                   {inbound(func(m *document.Mapping) { m.Default = "cold" }), list, Agent, problem.PicklistUnknown, "cold"},
		"one of several":             {inbound(func(m *document.Mapping) { m.Constant = "hot;warm" }), several, Agent, problem.PicklistUnknown, "warm"},
		"value map":                  {inbound(func(m *document.Mapping) { m.Values = []document.Value{{CRM: "warm", PartnerCenter: "1"}} }), list, Agent, problem.PicklistUnknown, "warm"},
		"value map that is read only": {inbound(func(m *document.Mapping) {
			m.Direction, m.Values = document.Outbound, []document.Value{{CRM: "warm", PartnerCenter: "1"}}
		}), list, Agent, problem.PicklistUnknown, "warm"},
		"constant too long":  {inbound(func(m *document.Mapping) { m.Constant = "long" }), short, Agent, problem.FieldTypeMismatch, "takes 3"},
		"constant no number": {inbound(func(m *document.Mapping) { m.Constant = "many" }), writable("percent"), Agent, problem.FieldTypeMismatch, "not a number"},
		"constant no date":   {inbound(func(m *document.Mapping) { m.Constant = "1.1.26" }), writable("date"), Agent, problem.FieldTypeMismatch, "not a date"},
		"constant no flag":   {inbound(func(m *document.Mapping) { m.Constant = "maybe" }), writable("boolean"), Agent, problem.FieldTypeMismatch, "neither true"},
		"deal value of text": {inbound(func(m *document.Mapping) { m.Field, m.Direction = "deal_value", document.Outbound }), writable("string"), Agent, problem.FieldTypeMismatch, "is a number"},
	}
	for name, c := range cases {
		findings := Row(c.row, c.field, c.asker)
		switch {
		case c.code == "" && len(findings) == 0:
		case c.code == "" || len(findings) != 1 || findings[0].Code != c.code || !strings.Contains(findings[0].Detail, c.text):
			t.Errorf("%s: %+v, want %s %q", name, findings, c.code, c.text)
		}
	}
}

// The default mapping fits the fields that the example installation makes.
func TestGivenKnowsTheDefaultRows(t *testing.T) {
	for _, row := range document.DefaultMappings(document.Salesforce, document.DefaultFields(document.Salesforce), map[string]string{}) {
		if _, known := given(row); !known && row.Field != "microsoft_crm_id" {
			t.Errorf("what Partner Center gives for %s is not known", row.Field)
		}
	}
}

// Each way in which a field does not fit its role is found, and one that fits, or that only the mapping writes, finds nothing.
func TestRole(t *testing.T) {
	names := document.DefaultObjects(document.Salesforce)
	for name, c := range map[string]struct {
		role  string
		field Field
		text  string // empty: it fits
	}{
		"check box":                  {document.FieldSync, Field{Type: "boolean"}, ""},
		"text for a check box":       {document.FieldSync, Field{Type: "string", Length: 255}, "must hold true or false, and is of type string"},
		"identifier":                 {document.FieldReferralID, Field{Type: "string", Length: 36}, ""},
		"short identifier":           {document.FieldReferralID, Field{Type: "string", Length: 35}, "takes 35 characters, and needs 36"},
		"number for an identifier":   {document.FieldReferralID, Field{Type: "double"}, "must hold text"},
		"unique key":                 {document.FieldReferralKey, Field{Type: "string", Length: 255, Unique: true}, ""},
		"key that is not unique":     {document.FieldReferralKey, Field{Type: "string", Length: 255}, "must be unique"},
		"key of leads, not unique":   {document.FieldLeadKey, Field{Type: "string", Length: 255}, "must be unique"},
		"list for the status":        {document.FieldSyncStatus, Field{Type: "picklist"}, ""},
		"formula for the status":     {document.FieldSyncStatus, Field{Type: "string", Calculated: true}, "formula"},
		"lookup of the deal":         {document.FieldSolutionOpportunity, Field{Type: "reference", ReferenceTo: []string{"Opportunity"}}, ""},
		"lookup of something else":   {document.FieldSolutionOpportunity, Field{Type: "reference", ReferenceTo: []string{"Account"}}, "a lookup of Opportunity, and is a lookup of Account"},
		"text for a lookup":          {document.FieldSolutionDetail, Field{Type: "string"}, "and is of type string"},
		"lookup for text":            {document.FieldAudit, Field{Type: "reference", ReferenceTo: []string{"Note"}}, "must hold text, and is a lookup of Note"},
		"what only the mapping uses": {document.FieldCloseReason, Field{Type: "double"}, ""},
	} {
		findings := Role(c.role, names, c.field)
		switch {
		case c.text == "" && len(findings) == 0:
		case c.text == "" || len(findings) != 1 || findings[0].Code != problem.FieldUnfit || !strings.Contains(findings[0].Detail, c.text):
			t.Errorf("%s: %+v, want %q", name, findings, c.text)
		}
	}
}
