package provider_test

import (
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// misconfigurations is the table: what is wrong, and what the plan says. The guide "What a plan refuses" is written from it.
func misconfigurations() []misconfigured {
	var all []misconfigured
	for _, rows := range [][]misconfigured{signInRows, rightsRows, salesforceNameRows, mappingRows, connectorRows, fieldRows, webhookRows, dynamicsRows} {
		all = append(all, rows...)
	}
	return all
}

// deals is a connector of Salesforce in which nothing is wrong but what is said.
func deals(more string) string {
	if !strings.Contains(more, "environment_variables") {
		more += variables(`active_stage_name = "Qualification", on_hold_stage_name = "Prospecting"`)
	}
	if !strings.Contains(more, "default_currency") {
		more += "\n  default_currency = \"USD\""
	}
	if !strings.Contains(more, "sync_flows") {
		more += flowsOf("salesforce", `"customize", "create_referral", "microsoft_referral_updates", "partner_center_to_crm", "crm_to_partner_center"`)
	}
	if !strings.Contains(more, "credentials") {
		more += `
  credentials = {
    partner_center = { client_id = "app", client_secret = "env:CLIENT_SECRET", refresh_token = "file:/run/secrets/token" }
    salesforce     = { client_id = "consumer", client_secret = "env:SALESFORCE_SECRET" }
  }`
	}
	return `resource "cosell_connector" "test" {
  name = "test-connector"
  crm  = "salesforce"
` + defaultIntake(more) + "\n}"
}

// variables are environment variables of Salesforce.
func variables(assignments string) string {
	return `
  environment_variables = { for name, value in { ` + assignments + ` } : name => { crm = "salesforce", name = name, effective_value = value } }`
}

func flowsOf(crm, names string) string {
	return `
  sync_flows = { for name in [` + names + `] : name => { crm = "` + crm + `", name = name, enabled = true } }`
}

// mapped is a connector with one row of a field mapping.
func mapped(row string) string {
	return deals(`  field_mappings = { own = { crm = "salesforce", name = "own", mappings = { ` + row + ` } } }`)
}

// environmentDeals is a connector of Dynamics 365.
func environmentDeals(more string) string {
	if !strings.Contains(more, "sync_flows") {
		more += flowsOf("dynamics365", `"customize", "create_referral", "helper", "microsoft_referral_updates", "partner_center_to_crm", "crm_to_partner_center"`)
	}
	return `resource "cosell_connector" "test" {
  name                  = "test-dynamics"
  crm                   = "dynamics365"
  environment_variables = {}
  credentials = {
    partner_center = { client_id = "app", client_secret = "env:CLIENT_SECRET", refresh_token = "file:/run/secrets/token" }
    dataverse      = { client_id = "agent", certificate = "file:/run/secrets/dataverse.pem" }
  }
` + defaultIntake(more) + "\n}"
}

func set(pairs ...string) func(*world) map[string]string {
	return func(*world) map[string]string {
		changes := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			changes[pairs[i]] = pairs[i+1]
		}
		return changes
	}
}

// asAgent signs the provider in as the agent's user, who may change no metadata.
func asAgent(w *world) map[string]string {
	return map[string]string{
		"COSELL_SALESFORCE_CLIENT_ID": w.env["COSELL_AGENT_SALESFORCE_CLIENT_ID"], "COSELL_SALESFORCE_USERNAME": w.env["COSELL_AGENT_SALESFORCE_USERNAME"],
		"COSELL_SALESFORCE_PRIVATE_KEY_FILE": w.env["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
	}
}

const textField = `resource "cosell_salesforce_custom_field" "test" {
  object = "Opportunity"
  name   = "Region__c"
  label  = "Region"
  type   = "text"
  length = 80
}`

const webhook = `resource "cosell_webhook_registration" "test" {
  url = "https://agent.example.com/hooks/1"
}`

const column = `resource "cosell_dataverse_column" "test" {
  table = "opportunity"
  name  = "cosell_Region"
  label = "Region"
  type  = "text"
}`

// furnish makes the connector's fields, and those of the organisation's own that rows get wrong.
func (w *world) furnish(t *testing.T) {
	t.Helper()
	w.provision(t)
	three, eighty, restricted := 3, 80, true
	for name, field := range map[string]metadata.CustomField{
		"Code__c":    {Type: "Text", Length: &three},
		"Old_Key__c": {Type: "Text", Length: &eighty},
		"Active__c":  {Type: "Checkbox", DefaultValue: new("false")},
		"Region__c": {Type: "Picklist", ValueSet: &metadata.ValueSet{Restricted: &restricted, ValueSetDefinition: &metadata.ValueSetDefinition{
			Value: []metadata.CustomValue{{FullName: "EMEA", Label: "EMEA"}, {FullName: "APAC", Label: "APAC"}},
		}}},
	} {
		field.Label = strings.TrimSuffix(name, "__c")
		component, err := metadata.Encode("CustomField", "Opportunity."+name, field)
		check(t, err)
		w.create(t, component)
	}
}

// requiredRegion makes a field of an object that every new record must fill.
func requiredRegion(object string) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		w.provision(t)
		eighty, required := 80, true
		component, err := metadata.Encode("CustomField", object+".Sales_Region__c", metadata.CustomField{Label: "Region", Type: "Text", Length: &eighty, Required: &required})
		check(t, err)
		w.create(t, component)
	}
}

// registered points the tenant's one registration elsewhere.
func registered(t *testing.T, w *world) {
	t.Helper()
	check(t, w.sandbox.PartnerCenter().Overwrite("https://production.example.com/hooks/1", []string{partnercenter.EventReferralCreated}))
}

var signInRows = []misconfigured{
	{what: "an address without https", env: set("COSELL_SALESFORCE_LOGIN_URL", "http://login.example.com"),
		at: "salesforce.login_url", summary: "Provider setting is not valid", detail: []string{"COSELL_SALESFORCE_LOGIN_URL", "https"}},
	{what: "no Salesforce configured", config: textField, env: set("COSELL_SALESFORCE_CLIENT_ID", ""),
		summary: "Salesforce cannot be used", detail: []string{"COSELL_SALESFORCE_CLIENT_ID"}},
	{what: "no Partner Center configured", config: webhook, env: set("COSELL_PARTNER_CENTER_CLIENT_SECRET", ""),
		summary: "Partner Center is not configured", detail: []string{"COSELL_PARTNER_CENTER_CLIENT_SECRET"}},
	{what: "no Dataverse configured", config: column, env: set("COSELL_DATAVERSE_URL", ""),
		summary: "Dataverse cannot be used", detail: []string{"COSELL_DATAVERSE_URL"}},
	{what: "a Salesforce user that does not exist", config: textField, env: set("COSELL_SALESFORCE_USERNAME", "nobody@example.com"),
		summary: "Salesforce cannot be used", detail: []string{"correct the credentials in the provider's block", "CS507"}},
	{what: "a wrong secret for Partner Center", config: webhook, env: set("COSELL_PARTNER_CENTER_CLIENT_SECRET", "wrong"),
		summary: "Webhook registration could not be checked", detail: []string{"correct the credentials in the provider's block", "CS507"}},
	{what: "a Partner Center user who signed in without multi-factor authentication", config: deals(""), switches: map[string]string{"entra.mfa_claim": "absent"}, warning: true,
		summary: "Referrals cannot be read", detail: []string{"The user did not sign in with multi-factor authentication", "the role Referrals admin", "make a new refresh token"}},
	{what: "a Partner Center user without the role Referrals admin", config: deals(""), switches: map[string]string{"partner_center.user_role": "none"}, warning: true,
		summary: "Referrals cannot be read", detail: []string{"Give the user the role", "a role takes up to an hour to arrive", "CS203"}},
	{what: "a wrong client for Dataverse", config: column, env: set("COSELL_DATAVERSE_CLIENT_ID", "00000000-0000-0000-0000-000000000009"),
		summary: "Dataverse cannot be used", detail: []string{"correct the credentials in the provider's block", "CS507"}},
	{what: "a Salesforce address where nothing answers", config: textField, env: set("COSELL_SALESFORCE_LOGIN_URL", "http://127.0.0.1:1"),
		summary: "Salesforce cannot be used", detail: []string{"http://127.0.0.1:1", "check the address in the provider's block"}},
	{what: "a Partner Center address where nothing answers", config: webhook, env: set("COSELL_PARTNER_CENTER_EVENTS_ENDPOINT", "http://127.0.0.1:1"),
		summary: "Webhook registration could not be checked", detail: []string{"127.0.0.1:1", "check the address in the provider's block"}},
	{what: "a sign-in address for Dataverse where nothing answers", config: column, env: set("COSELL_DATAVERSE_AUTHORITY", "http://127.0.0.1:1"),
		summary: "Dataverse cannot be used", detail: []string{"127.0.0.1:1", "check the address in the provider's block"}},
	{what: "an environment that the tenant does not know", config: column, env: set("COSELL_DATAVERSE_URL", "https://nobody.crm.dynamics.com"),
		summary: "Dataverse cannot be used", detail: []string{"https://nobody.crm.dynamics.com", "was not found in the tenant", "correct the credentials", "CS507"}},
	{what: "an API version that Salesforce does not have yet", config: textField, env: set("COSELL_SALESFORCE_API_VERSION", "99.0"),
		summary: "Salesforce field could not be checked", detail: []string{"99.0", "Set salesforce.api_version (COSELL_SALESFORCE_API_VERSION)"}},
	{what: "another Salesforce organisation than the pinned one", config: textField, env: set("COSELL_SALESFORCE_ORG_ID", "00D000000000001AAA"),
		summary: "Salesforce cannot be used", detail: []string{"org_id pins 00D000000000001AAA", "Use the credentials of the pinned environment", "CS403"}},
	{what: "another Dataverse organisation than the pinned one", config: column, env: set("COSELL_DATAVERSE_ORGANIZATION_ID", "00000000-0000-0000-0000-000000000001"),
		summary: "Dataverse cannot be used", detail: []string{"organization_id pins 00000000-0000-0000-0000-000000000001", "Use the credentials of the pinned environment", "CS403"}},
	{what: "a connector that pins another tenant than the provider", config: deals(`pins = { tenant_id = "00000000-0000-0000-0000-000000000001" }`),
		at: "pins.tenant_id", summary: "Account pin contradicts the provider", detail: []string{"correct the pin", "CS403"}},
	{what: "a connector that pins another organisation than the provider", config: deals(`pins = { org_id = "00D000000000001AAA" }`),
		at: "pins.org_id", summary: "Account pin contradicts the provider", detail: []string{"the connector pins 00D000000000001AAA", "correct the pin", "CS403"}},
	{what: "a connector that pins another Dataverse organisation than the provider", config: environmentDeals(`pins = { organization_id = "00000000-0000-0000-0000-000000000001" }`),
		at: "pins.organization_id", summary: "Account pin contradicts the provider", detail: []string{"correct the pin", "CS403"}, hidden: true},
	{what: "no pin at all", config: deals(""), env: set("COSELL_SALESFORCE_ORG_ID", ""),
		at: "pins", summary: "Account pin is missing", detail: []string{"Set pins.org_id, or the provider's salesforce.org_id"}},
}

var rightsRows = []misconfigured{
	{what: "a Salesforce user who may not customise (fields)", config: textField, env: asAgent,
		summary: "Salesforce field could not be checked", detail: []string{"ModifyMetadata", "documentation lists under Permissions", "CS203"}},
	{what: "a Salesforce user who may not customise (objects)", config: `resource "cosell_salesforce_custom_object" "test" {
  name         = "Region__c"
  label        = "Region"
  plural_label = "Regions"
  name_field   = { label = "Name" }
}`, env: asAgent, summary: "Salesforce object could not be checked", detail: []string{"documentation lists under Permissions", "CS203"}, hidden: true},
	{what: "a Salesforce user who may not read what the connector names", config: deals(""), env: asAgent,
		summary: "Connector could not be compared with Salesforce", detail: []string{"documentation lists under Permissions", "CS203"}},
	{what: "a Dataverse application that is no user of the environment", config: column,
		env:     func(w *world) map[string]string { return asPartnerCenter(w) },
		summary: "Dataverse cannot be used", detail: []string{"not a member of the organization", "documentation lists under Permissions", "CS203"}},
	{what: "a Dataverse application that may not make columns", config: column, env: asDataverseAgent,
		summary: lackingRights, detail: []string{"such as System Customizer", "lacks prvCreateAttribute", "CS203"}},
	{what: "a Dataverse application that may not make tables", config: `resource "cosell_dataverse_table" "test" {
  name           = "cosell_Region"
  label          = "Region"
  plural_label   = "Regions"
  primary_column = { name = "cosell_Name", label = "Name" }
}`, env: asDataverseAgent, summary: lackingRights, detail: []string{"lacks prvCreateEntity", "CS203"}, hidden: true},
	{what: "a Dataverse application that may not make publishers", config: `resource "cosell_dataverse_publisher" "test" {
  name                = "region"
  display_name        = "Region"
  prefix              = "region"
  option_value_prefix = 12345
}`, env: asDataverseAgent, summary: lackingRights, detail: []string{"lacks prvCreatePublisher", "CS203"}, hidden: true},
	{what: "a Dataverse application that may not change forms", config: `resource "cosell_dataverse_form_section" "test" {
  table  = "opportunity"
  form   = "Opportunity"
  name   = "region"
  label  = "Region"
  fields = [{ name = "name" }]
}`, env: asDataverseAgent, summary: lackingRights, detail: []string{"lacks prvWriteSystemForm, prvPublishCustomization", "CS203"}, hidden: true},
	{what: "a Dataverse application that may not make environment variables", config: `resource "cosell_dataverse_environment_variable" "test" {
  name              = "cosell_Region"
  display_name      = "Region"
  manage_definition = true
  value             = "EMEA"
}`, env: asDataverseAgent, summary: lackingRights, detail: []string{"lacks prvCreateEnvironmentVariableDefinition, prvCreateEnvironmentVariableValue", "CS203"}, hidden: true},
	{what: "a Dataverse application that may not make steps, for change events", config: `resource "cosell_dataverse_change_events" "test" {
  name    = "cosell-agent"
  tables  = ["opportunity"]
  webhook = { url = "https://agent.example.com/hooks/rows" }
}`, env: asDataverseAgent, summary: lackingRights, detail: []string{"lacks prvCreateServiceEndpoint, prvCreateSdkMessageProcessingStep", "CS203"}},
	{what: "a Dataverse application that may not turn flows on or off", config: `resource "cosell_power_automate_flow" "test" {
  name    = "Webhook Registration (Insider Preview)"
  enabled = false
}`, env: asDataverseAgent, seed: func(t *testing.T, w *world) {
		check(t, w.sandbox.Dataverse().InstallMicrosoftSolution())
	}, summary: lackingRights, detail: []string{"lacks prvWriteWorkflow", "CS203"}},
}

const lackingRights = "Dataverse application lacks privileges"

// asDataverseAgent signs in to Dataverse as the agent's application, which may change rows and no definitions.
func asDataverseAgent(w *world) map[string]string {
	return map[string]string{
		"COSELL_DATAVERSE_CLIENT_ID": w.env["COSELL_AGENT_DATAVERSE_CLIENT_ID"], "COSELL_DATAVERSE_CLIENT_SECRET": w.env["COSELL_AGENT_DATAVERSE_CLIENT_SECRET"],
		"COSELL_DATAVERSE_CERTIFICATE_FILE": "", "COSELL_DATAVERSE_WEBHOOK_KEY": "key",
	}
}

// asPartnerCenter signs in to Dataverse as the tenant's other application.
func asPartnerCenter(w *world) map[string]string {
	return map[string]string{
		"COSELL_DATAVERSE_CLIENT_ID": w.env["COSELL_PARTNER_CENTER_CLIENT_ID"], "COSELL_DATAVERSE_CLIENT_SECRET": w.env["COSELL_PARTNER_CENTER_CLIENT_SECRET"],
		"COSELL_DATAVERSE_CERTIFICATE_FILE": "",
	}
}

var salesforceNameRows = []misconfigured{
	{what: "a role's field that the organisation does not have", config: deals(`fields = { audit = "Notes_of_Microsoft__c" }`), warning: true,
		at: `fields["audit"]`, summary: "Field is not in the organisation", detail: []string{"field Opportunity.Notes_of_Microsoft__c: role audit", "Create the field and grant it", "CS404", "refer to the resource that makes it"}},
	{what: "a role's field of another type", config: deals(`fields = { sync_with_partner_center = "Code__c" }`), warning: true,
		at: `fields["sync_with_partner_center"]`, summary: "Field does not fit its role", detail: []string{"field Opportunity.Code__c: role sync_with_partner_center: it must hold true or false, and is of type string", "Name a field of the type that is asked for", "CS417"}},
	{what: "a role's field that is too short", config: deals(`fields = { referral_identifier = "Code__c" }`), warning: true,
		at: `fields["referral_identifier"]`, summary: "Field does not fit its role", detail: []string{"it takes 3 characters, and needs 36", "change the field's type, length or uniqueness", "CS417"}},
	{what: "a key that is not unique", config: deals(`fields = { referral_key = "Old_Key__c" }`), warning: true,
		at: `fields["referral_key"]`, summary: "Field does not fit its role", detail: []string{"it must be unique: that is what keeps a referral from becoming two records", "CS417"}},
	{what: "a lookup that leads elsewhere", config: deals(`fields = { solution_opportunity = "Solution_Detail__c" }`), warning: true,
		at: `fields["solution_opportunity"]`, summary: "Field does not fit its role", detail: []string{"it must be a lookup of Opportunity, and is a lookup of Microsoft_Solution_Detail__c", "CS417"}},
	{what: "a stage that the organisation does not have", config: deals(variables(`active_stage_name = "Qualification", on_hold_stage_name = "Waiting"`)), warning: true,
		at: `environment_variables["on_hold_stage_name"]`, summary: "Stage is not in the organisation", detail: []string{`stage "Waiting" (on hold): the organisation has "Prospecting"`, "correct its name", "CS405"}},
	{what: "a closed stage for open deals", config: deals(variables(`active_stage_name = "Closed Won", on_hold_stage_name = "Prospecting"`)), warning: true,
		at: `environment_variables["active_stage_name"]`, summary: "Stage is not in the organisation", detail: []string{"its type does not make it a stage for deals that are active", "CS405"}},
	{what: "a won stage that the organisation does not have", config: deals(`stages = { won = "Sold" }`), warning: true,
		at: "stages.won", summary: "Stage is not in the organisation", detail: []string{`stage "Sold" (won)`, `"Closed Won"`, "CS405"}},
	{what: "a lost stage that is a won one", config: deals(`stages = { lost = "Closed Won" }`), warning: true,
		at: "stages.lost", summary: "Stage is not in the organisation", detail: []string{"its type does not make it a stage for deals that are lost", "CS405"}},
	{what: "a stage of Dynamics 365's for Salesforce", config: deals(`stages = { on_hold = "Prospecting" }`),
		at: "stages", summary: "Stage is an environment variable of Salesforce", detail: []string{"on_hold_stage_name"}},
	{what: "a currency field in an organisation with one currency", config: strings.Replace(deals(""), `default_currency = "USD"`, "", 1), warning: true,
		at: "default_currency", summary: "Field is not in the organisation", detail: []string{"Opportunity.CurrencyIsoCode", "set default_currency", "CS404"}},
	{what: "a deal value field that does not exist", config: deals(variables(`active_stage_name = "Qualification", on_hold_stage_name = "Prospecting", deal_value_field = "Budget__c"`)), warning: true,
		at: `environment_variables["deal_value_field"]`, summary: "Field is not in the organisation", detail: []string{"field Opportunity.Budget__c: mapping of deal_value", "CS404"}},
	{what: "a deal value field that holds text", config: deals(variables(`active_stage_name = "Qualification", on_hold_stage_name = "Prospecting", deal_value_field = "NextStep"`)), warning: true,
		at: `environment_variables["deal_value_field"]`, summary: "Mapped field is of another type", detail: []string{"field Opportunity.NextStep", "Map a field of a fitting type", "CS410"}},
	{what: "an owner who does not exist", config: deals(`fallback_owner = "nobody@example.com"`), warning: true,
		at: "fallback_owner", summary: "User is not in the organisation", detail: []string{`user "nobody@example.com"`, "Name an active user", "CS413"}},
}

var mappingRows = []misconfigured{
	{what: "a mapped field that the organisation does not have", config: mapped(`mine = { crm = "Shoe_Size__c", partner_center = "campaignId", direction = "outbound" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Field is not in the organisation", detail: []string{"field Opportunity.Shoe_Size__c: mapping of mine", "CS404"}},
	{what: "a mapped field of a related record that does not exist", config: mapped(`mine = { crm = "Account.Owner.Shoe_Size__c", partner_center = "campaignId", direction = "outbound" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Field is not in the organisation", detail: []string{"field User.Shoe_Size__c: mapping of mine", "CS404"}},
	{what: "a field that nobody can write", config: mapped(`mine = { crm = "ExpectedRevenue", partner_center = "details.dealValue", direction = "inbound" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Mapped field cannot be written", detail: []string{"field Opportunity.ExpectedRevenue", "use direction outbound", "CS409"}},
	{what: "text into a check box", config: mapped(`mine = { crm = "Active__c", partner_center = "campaignId", direction = "inbound", inbound_expression = "lower(referral.name)" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Mapped field is of another type", detail: []string{"the expression gives text and the field holds true or false", "turn the value into the field's type by an expression", "CS410"}},
	{what: "a constant that is no number", config: mapped(`mine = { crm = "Probability", direction = "inbound", on = ["update"], constant = "likely" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Mapped field is of another type", detail: []string{`the constant "likely" is not a number`, "CS410"}},
	{what: "a constant that is too long", config: mapped(`mine = { crm = "Code__c", direction = "inbound", constant = "MSFT" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Mapped field is of another type", detail: []string{"takes 3", "CS410"}},
	{what: "a value that a restricted picklist does not have", config: mapped(`mine = { crm = "Region__c", direction = "inbound", constant = "Mars" }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Mapped value is not in the picklist", detail: []string{`the constant "Mars"`, `"EMEA", "APAC"`, "add it to the picklist", "CS411"}},
	{what: "a map of values with one that the picklist does not have", config: mapped(`mine = { crm = "Region__c", partner_center = "campaignId", values = [{ crm = "LATAM", partner_center = "4" }] }`), warning: true,
		at: `field_mappings["own"].mappings["mine"]`, summary: "Mapped value is not in the picklist", detail: []string{"LATAM", "CS411"}},
	{what: "Notes that are switched off", config: mapped(`notes = { crm = "ContentNote" }`), warning: true,
		at: `field_mappings["own"].mappings["notes"]`, summary: "Notes are switched off in the organisation", detail: []string{"Switch Notes on", "CS416"}},
	{what: "a required field that no row of the mapping fills", config: deals(""), seed: requiredRegion("Opportunity"), warning: true,
		at: "field_mappings", summary: "Required field gets no value", detail: []string{"field Opportunity.Sales_Region__c: required of new records, and no inbound row of the mapping writes it",
			"Map the field, inbound on create", "CS418", "whether a flow or trigger fills the field is not seen from here"}},
	{what: "a required field of accounts that no row of the mapping fills", config: deals(""), seed: requiredRegion("Account"), warning: true,
		at: "field_mappings", summary: "Required field gets no value", detail: []string{"field Account.Sales_Region__c", "CS418"}, hidden: true},
	{what: "an expression that does not compile", config: mapped(`mine = { crm = "NextStep", direction = "inbound", inbound_expression = "lower(" }`),
		at: `field_mappings["own"].mappings["mine"].inbound_expression`, summary: "Expression is not valid", detail: []string{`Field "mine": line 1, column`}},
	{what: "an expression that sees something else", config: mapped(`mine = { crm = "NextStep", direction = "inbound", inbound_expression = "record.Name" }`),
		at: `field_mappings["own"].mappings["mine"].inbound_expression`, summary: "Expression is not valid", detail: []string{"this expression sees referral and value"}},
	{what: "a row of a field that the deal does not have", config: mapped(`colour = { crm = "NextStep" }`),
		at: `field_mappings["own"].mappings["colour"].partner_center`, summary: "Mapped field is not known", detail: []string{"so it is taken for one of your own"}},
	{what: "a deal without the row that it lives by", config: mapped(`status = { conflict = "off" }`),
		at: `field_mappings["own"].mappings["status"].conflict`, summary: "Field cannot be off", detail: []string{"without it no deal is shared", "leave the row out"}},
	{what: "a property that Partner Center does not let be changed", config: mapped(`mine = { crm = "NextStep", partner_center = "customerProfile.size" }`),
		at: `field_mappings["own"].mappings["mine"].partner_center`, summary: "Field mapping is not valid", detail: []string{"does not let customerProfile.size be changed"}},
	{what: "one field in two mappings", config: deals(`field_mappings = {
    a = { crm = "salesforce", name = "a", mappings = { notes = { crm = "NextStep" } } }
    b = { crm = "salesforce", name = "b", mappings = { notes = { crm = "Description" } } }
  }`), at: `field_mappings["b"].mappings["notes"]`, summary: "Field is mapped twice", detail: []string{`"a" and "b" both change the field "notes"`, "Keep one"}},
	{what: "a mapping that changes nothing", config: `resource "cosell_field_mapping" "test" {
  crm      = "salesforce"
  name     = "own"
  mappings = { notes = {} }
}`, at: `mappings["notes"]`, summary: "Mapping changes nothing"},
}

var connectorRows = []misconfigured{
	{what: "a flow without the one that it needs", config: deals(flowsOf("salesforce", `"customize", "microsoft_referral_updates", "partner_center_to_crm", "crm_to_partner_center"`)),
		at: "sync_flows", summary: "Flow's prerequisite is not enabled", detail: []string{"create_referral to be enabled"}},
	{what: "a flow that was forgotten", config: deals(""), warning: true,
		at: "sync_flows", summary: "Flows are not handed in and therefore off", detail: []string{"auto_heal", "list them in without_flows"}},
	{what: "a flow of the other CRM", config: `resource "cosell_sync_flow" "test" {
  crm  = "salesforce"
  name = "helper"
}`, at: "name", summary: "Sync flow is not known", detail: []string{"helper"}},
	{what: "no stage for deals that wait", config: deals(variables(`active_stage_name = "Qualification"`)),
		at: "environment_variables", summary: "Required environment variable is missing", detail: []string{"on_hold_stage_name", "Declare it as cosell_environment_variable"}},
	{what: "a secret instead of a reference to it", config: deals(`credentials = {
    partner_center = { client_id = "app", client_secret = "literal", refresh_token = "file:/run/secrets/token" }
    salesforce     = { client_id = "consumer", client_secret = "env:SALESFORCE_SECRET" }
  }`), summary: "Credential is not a reference", detail: []string{"credentials.partner_center.client_secret", "the secret itself must not stand there"}},
	{what: "a default currency that is not active in an organisation with several", config: deals(`default_currency = "CHF"`), switches: map[string]string{"salesforce.multi_currency": "on"}, warning: true,
		at: "default_currency", summary: "Default currency is not active in the organisation", detail: []string{"currency CHF: it is not active; active are EUR, GBP, JPY, USD", "CS414", "Name an active currency, or leave default_currency out"}},
	{what: "a scope without any part", config: deals(`referral_scope = {}`),
		at: "referral_scope", summary: "Referral scope is empty", detail: []string{"Give at least one part"}},
	{what: "a tenant whose webhook is another installation's, without a scope", config: deals(""), seed: func(t *testing.T, w *world) {
		w.provision(t)
		registered(t, w)
	}, at: "referral_scope", summary: "Tenant's webhook belongs to another installation", detail: []string{"https://production.example.com/hooks/1", "Set referral_scope"}},
	{what: "a required role without a field", config: deals(`fields = { audit = "" }`),
		at: `fields["audit"]`, summary: "Required name is empty", detail: []string{"Give its API name"}},
}

var fieldRows = []misconfigured{
	{what: "a field on an object that takes no more of them", config: textField, switches: map[string]string{"salesforce.custom_fields_per_object": "5"}, seed: func(t *testing.T, w *world) {
		eighty := 80
		for _, name := range []string{"A", "B", "C", "D", "E"} {
			component, err := metadata.Encode("CustomField", "Opportunity."+name+"__c", metadata.CustomField{Label: name, Type: "Text", Length: &eighty})
			check(t, err)
			w.create(t, component)
		}
	}, at: "object", summary: "Salesforce object takes no more custom fields", detail: []string{"Opportunity has 5 of the 5 custom fields", "erase them in Setup"}},
	{what: "a field that is there already", config: strings.Replace(textField, "Region__c", "Audit__c", 1),
		at: "name", summary: "Salesforce field exists already", detail: []string{"terraform import cosell_salesforce_custom_field.<name> Opportunity.Audit__c"}},
	{what: "an object that is there already", config: `resource "cosell_salesforce_custom_object" "test" {
  name         = "Microsoft_Solution__c"
  label        = "Solution"
  plural_label = "Solutions"
  name_field   = { label = "Name" }
}`, at: "name", summary: "Salesforce object exists already", detail: []string{"terraform import cosell_salesforce_custom_object.<name> Microsoft_Solution__c"}},
	{what: "a name without its ending", config: strings.Replace(textField, "Region__c", "Region", 1),
		at: "name", summary: "API name is malformed", detail: []string{"ends in __c, for example Sync_Status__c"}},
	{what: "a length that the type does not have", config: strings.Replace(textField, `"text"`, `"checkbox"`, 1),
		at: "length", summary: "Attribute does not apply to the field's type", detail: []string{"Remove it or change the type"}},
	{what: "a layout that the object does not have", config: strings.Replace(sectionConfig(`"Microsoft"`, `{ name = "IsPrivate" }`), "Opportunity Layout", "Other", 1),
		at: "layout", summary: "Layout does not exist", detail: []string{"Correct the name", `Opportunity has: "Opportunity Layout"`}},
	{what: "a field on a layout that the object does not have", config: sectionConfig(`"Microsoft"`, `{ name = "Shoe_Size__c" }`), warning: true,
		at: "fields", summary: "Section names fields that do not exist yet", detail: []string{"Opportunity.Shoe_Size__c", "refer to the name of their resources"}},
}

var webhookRows = []misconfigured{
	{what: "a registration that is somebody else's", config: webhook, seed: registered,
		at: "url", summary: "Webhook registration points to another URL", detail: []string{"https://production.example.com/hooks/1", "set overwrite_existing = true", `intake = "poll"`}},
	{what: "a registration that is taken over", config: strings.Replace(webhook, "\n}", "\n  overwrite_existing = true\n}", 1), seed: registered, warning: true,
		at: "url", summary: "Webhook registration of another URL is replaced", detail: []string{"https://production.example.com/hooks/1", "receives no events any more"}},
	{what: "an event that Partner Center does not have", config: strings.Replace(webhook, "\n}", "\n  events = [\"referral-painted\"]\n}", 1), warning: true,
		at: "events", summary: "Webhook event is unknown to Partner Center", detail: []string{"referral-painted", "Known events:"}},
	{what: "a webhook address without https", config: strings.Replace(webhook, "https:", "http:", 1),
		at: "url", summary: "Webhook URL cannot be registered", detail: []string{"Give an https address"}},
	{what: "a webhook address of this machine", config: strings.Replace(webhook, "agent.example.com", "127.0.0.1:8080", 1), warning: true,
		at: "url", summary: "Webhook URL is a loopback address", detail: []string{"Give the address at which the internet reaches the agent"}},
}

var dynamicsRows = []misconfigured{
	{what: "columns that the environment does not have", config: environmentDeals(""), warning: true,
		at: "fields", summary: "Field is not in the organisation", detail: []string{"column opportunity.cosell_Audit: role audit", "CS404"}},
	{what: "a column of another type", config: environmentDeals(`fields = { sync_with_partner_center = "actualvalue" }`), warning: true,
		at: `fields["sync_with_partner_center"]`, summary: "Field does not fit its role", detail: []string{"column opportunity.actualvalue: role sync_with_partner_center: it must hold true or false, and is of type currency", "CS417"}},
	{what: "a status reason that the environment does not have", config: environmentDeals(`stages = { on_hold = "Waiting" }`), warning: true,
		at: "stages.on_hold", summary: "Stage is not in the organisation", detail: []string{`status reason "Waiting" (on_hold): the environment has for this state: "In Progress", "On Hold"`, "CS405"}},
	{what: "a status reason of another state", config: environmentDeals(`stages = { won = "Canceled" }`), warning: true,
		at: "stages.won", summary: "Stage is not in the organisation", detail: []string{"it exists, but belongs to another state", "CS405"}},
	{what: "a user who is not in the environment", config: environmentDeals(`fallback_owner = "nobody@example.com"`), warning: true,
		at: "fallback_owner", summary: "User is not in the organisation", detail: []string{`user "nobody@example.com"`, "CS413"}, hidden: true},
	{what: "a default currency that the environment does not have", config: environmentDeals(`default_currency = "CHF"`), warning: true,
		at: "default_currency", summary: "Default currency is not active in the organisation", detail: []string{"currency CHF: it is not active; active are USD", "CS414"}, hidden: true},
	{what: "a column of the account that does not exist", config: environmentDeals(`field_mappings = { a = { crm = "dynamics365", name = "a", mappings = { notes = { crm = "Account.nothing", direction = "outbound" } } } }`), warning: true,
		at: `field_mappings["a"].mappings["notes"]`, summary: "Field is not in the organisation", detail: []string{"column account.nothing: mapping of notes", "CS404"}},
	{what: "text into a column of money", config: environmentDeals(`field_mappings = { a = { crm = "dynamics365", name = "a", mappings = { notes = { crm = "actualvalue" } } } }`), warning: true,
		at: `field_mappings["a"].mappings["notes"]`, summary: "Mapped field is of another type", detail: []string{"column opportunity.actualvalue", "CS410"}},
	{what: "change events of Salesforce for Dynamics 365", config: environmentDeals(`push = { topic = "/data/ChangeEvents" }`),
		at: "push.topic", summary: "Attribute belongs to another CRM"},
	{what: "Dynamics 365 is to call nowhere", config: environmentDeals(`push = {}`), at: "push", summary: "Address is missing"},
	{what: "a webhook without a key", config: environmentDeals(`push = { url = "https://agent.example.com/hooks/rows" }`),
		at: "credentials", summary: "Key of the webhook is missing", detail: []string{"credentials.dataverse.webhook_key"}},
	{what: "a column that is there already", config: strings.Replace(column, "cosell_Region", "msft_Audit", 1), seed: func(t *testing.T, w *world) {
		check(t, w.sandbox.Dataverse().InstallMicrosoftSolution())
	}, at: "name", summary: "Dataverse column exists already", detail: []string{"terraform import cosell_dataverse_column.<name> 'opportunity/msft_Audit'"}},
	{what: "a prefix that no publisher has", config: strings.Replace(column, "cosell_Region", "nobody_Region", 1),
		warning: true, at: "name", summary: "Schema name begins with no publisher's prefix", detail: []string{"nobody_", "refer to the resource that makes it"}},
	{what: "a table that does not exist", config: strings.Replace(column, `"opportunity"`, `"opportunities"`, 1),
		warning: true, at: "table", summary: "Table is not in the environment", detail: []string{"opportunities"}},
}
