package provider_test

import (
	"net/http"
	"strings"
	"testing"
)

// connectorCapabilities are the types that the connector takes; but for the solution details they have no remote object.
var connectorCapabilities = map[string]capability{
	"cosell_solution_detail": {
		config: detailConfig(`
  name      = "Contoso Analytics"
  type      = "own"
  publisher = "Contoso"`),
		changes: map[string]func(*testing.T, *world){
			"name":      changesDetail("Name", "Other"),
			"type":      changesDetail("Type__c", "3p"),
			"publisher": changesDetail("Publisher_Name__c", nil),
		},
		remove:       func(t *testing.T, w *world) { w.remove(t, detailObjectName, w.row(t, detailObjectName, detailOfTest)) },
		exists:       detailExists,
		importID:     "salesforce/SOL-00001-AAA",
		importIgnore: []string{"deletion_protection"},
		unknown:      detailConfig(`name = terraform_data.later.output`),
		laterValue:   "Contoso Analytics",
		invalid: map[string]invalid{
			"unknown type": {detailConfig(`name = "A"
  type = "2p"`), words("value must be one of")},
			"padded name": {detailConfig(`name = " A"`), words("no white space at its ends")},
			"unknown role": {detailConfig(`name = "A"
  fields = { colour = "Colour__c" }`), words("value must be one of")},
			"left out but needed": {detailConfig(`name = "A"
  fields = { name = "" }`), words("left out but needed")},
			"left out but given": {detailConfig(`name = "A"
  type = "own"
  fields = { type = "" }`), words("left out but needed")},
			"one field in two roles": {detailConfig(`name = "A"
  fields = { type = "Publisher_Name__c" }`), words("has two roles")},
		},
		creates: func(request *http.Request, _ string) bool {
			return request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/sobjects/"+detailObjectName)
		},
	},
	"cosell_environment_variable": {
		logical: true,
		config: `
resource "cosell_environment_variable" "test" {
  crm   = "salesforce"
  name  = "auto_heal_interval"
  value = "30m"
}`,
		unknown: `
resource "cosell_environment_variable" "test" {
  crm   = "salesforce"
  name  = "display_check_mark_in_opportunity_name"
  value = terraform_data.later.output
}`,
		laterValue: "No",
		invalid: map[string]invalid{
			"unknown name": {`
resource "cosell_environment_variable" "test" {
  crm   = "salesforce"
  name  = "colour"
  value = "blue"
}`, words("Environment variable is not known")},
			"value of another type": {`
resource "cosell_environment_variable" "test" {
  crm   = "salesforce"
  name  = "display_check_mark_in_opportunity_name"
  value = "true"
}`, words("takes Yes or No")},
			"required value": {`
resource "cosell_environment_variable" "test" {
  crm  = "salesforce"
  name = "active_stage_name"
}`, words("Environment variable needs a value")},
			"variable of the other CRM": {`
resource "cosell_environment_variable" "test" {
  crm   = "dynamics365"
  name  = "on_hold_stage_name"
  value = "Prospecting"
}`, words("Environment variable is not known")},
		},
	},
	"cosell_sync_flow": {
		logical: true,
		config: `
resource "cosell_sync_flow" "test" {
  crm  = "salesforce"
  name = "create_referral"
}`,
		unknown: `
resource "cosell_sync_flow" "test" {
  crm     = "salesforce"
  name    = terraform_data.later.output
  enabled = false
}`,
		laterValue: "customize",
		invalid: map[string]invalid{
			"unknown name": {`
resource "cosell_sync_flow" "test" {
  crm  = "salesforce"
  name = "helper"
}`, words("Sync flow is not known")},
			"unknown CRM": {`
resource "cosell_sync_flow" "test" {
  crm  = "abacus"
  name = "customize"
}`, words("value must be one of")},
		},
	},
	"cosell_field_mapping": {
		logical: true,
		config: `
resource "cosell_field_mapping" "test" {
  crm  = "salesforce"
  name = "notes"
  mappings = {
    notes      = { crm = "Notes_to_Microsoft__c", direction = "outbound" }
    close_date = { on = ["update"], conflict = "partner_center" }
  }
}`,
		unknown: `
resource "cosell_field_mapping" "test" {
  crm      = "salesforce"
  name     = "notes"
  mappings = { notes = { crm = terraform_data.later.output } }
}`,
		laterValue: "Notes_to_Microsoft__c",
		invalid: map[string]invalid{
			"unknown field":      {mappingConfig(`colour = { crm = "Colour__c" }`), words("Mapped field is not known")},
			"unknown direction":  {mappingConfig(`notes = { direction = "sideways" }`), words("value must be one of")},
			"unknown winner":     {mappingConfig(`notes = { conflict = "newest" }`), words("value must be one of")},
			"unknown moment":     {mappingConfig(`notes = { on = ["delete"] }`), words("value must be one of")},
			"row without change": {mappingConfig(`notes = {}`), words("Mapping changes nothing")},
			"no rows":            {mappingConfig(``), words("at least 1")},
		},
	},
	"cosell_connector": {
		logical: true,
		// Without credentials nothing is compared with live systems: see the connector's own tests.
		env: map[string]string{
			"COSELL_PARTNER_CENTER_TENANT_ID": "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90", "COSELL_PARTNER_CENTER_CLIENT_SECRET": "",
			"COSELL_SALESFORCE_CLIENT_ID": "", "COSELL_SALESFORCE_ORG_ID": "",
		},
		config:  connectorConfig(""),
		unknown: connectorConfig(`environment = terraform_data.later.output`),

		laterValue: "staging",
		invalid: map[string]invalid{
			"literal secret":           {replaced(`"env:CLIENT_SECRET"`, `"hunter2-literal"`), words("Credential is not a reference")},
			"bad name":                 {replaced(`"test-connector"`, `"Test Connector"`), words("lower-case letters, digits and hyphens")},
			"bad duration":             {connectorConfig(`sync_delay = "soon"`), words("Duration is malformed")},
			"contradicting pin":        {replaced(`tenant_id = "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90"`, `tenant_id = "another"`), words("Account pin contradicts the provider")},
			"missing prerequisite":     {replaced(`create_referral            = true`, `create_referral            = false`), words("needs flow create_referral to be enabled")},
			"flow in both lists":       {replaced(`without_flows         = [`, `without_flows         = ["customize", `), words("Flow is handed in and left out")},
			"no intake":                {connectorConfig(`intake = "webhook"`), words("needs an intake")},
			"required variable":        {replaced(`on_hold_stage_name = "Prospecting"`, ``), words("Required environment variable is missing")},
			"unknown role":             {connectorConfig(`fields = { colour = "Colour__c" }`), words("value must be one of")},
			"required role left out":   {connectorConfig(`fields = { audit = "" }`), words("Required name is empty")},
			"unknown mapped field":     {connectorConfig(`field_mappings = { a = { crm = "salesforce", name = "a", mappings = { colour = { crm = "Colour__c" } } } }`), words("Mapped field is not known")},
			"declaration of other CRM": {connectorConfig(`field_mappings = { a = { crm = "dynamics365", name = "a", mappings = {} } }`), words("Declaration belongs to another CRM")},
			"empty scope":              {connectorConfig(`referral_scope = {}`), words("Referral scope is empty")},
			"same stage twice":         {replaced(`"Prospecting"`, `"Qualification"`), words("must be two different stages")},
		},
	},
}

// connectorConfig is a connector without the resources that it usually takes: the test library cannot read states with
// for_each. The example's test takes them whole.
func connectorConfig(more string) string {
	return `
locals {
  variables = {
    active_stage_name  = "Qualification"
    on_hold_stage_name = "Prospecting"
  }
  flows = {
    customize                  = true
    create_referral            = true
    microsoft_referral_updates = true
    partner_center_to_crm      = true
    crm_to_partner_center      = true
  }
}

resource "cosell_connector" "test" {
  name = "test-connector"
  crm  = "salesforce"
` + defaultIntake(more) + `
  sync_flows            = { for name, enabled in local.flows : name => { crm = "salesforce", name = name, enabled = enabled } }
  without_flows         = ["webhook_registration", "opportunity_to_partner_center", "solutions_to_partner_center", "leads_to_partner_center", "auto_heal"]
  environment_variables = { for name, value in local.variables : name => { crm = "salesforce", name = name, effective_value = value } }

  pins = {
    tenant_id = "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90"
    org_id    = "00D5g000004AbCdEAK"
  }
  credentials = {
    partner_center = { client_id = "app", client_secret = "env:CLIENT_SECRET", refresh_token = "file:/run/secrets/token" }
    salesforce     = { client_id = "consumer", client_secret = "env:SALESFORCE_SECRET" }
  }
}`
}

func defaultIntake(more string) string {
	if strings.Contains(more, "intake") {
		return more
	}
	return "  intake = \"poll\"\n" + more
}

// replaced is the plain configuration with one text changed.
func replaced(old, with string) string {
	changed := strings.ReplaceAll(connectorConfig(""), old, with)
	if changed == connectorConfig("") {
		panic("the configuration does not contain " + old)
	}
	return changed
}

// mappingConfig is a field mapping with the given rows.
func mappingConfig(rows string) string {
	return `
resource "cosell_field_mapping" "test" {
  crm      = "salesforce"
  name     = "test"
  mappings = {
    ` + rows + `
  }
}`
}
