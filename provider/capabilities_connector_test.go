package provider_test

import "strings"

// connectorCapabilities are the types without a remote object.
var connectorCapabilities = map[string]capability{
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
