package document

import "maps"

// Roles of the CRM's objects and fields: the engine knows roles, the document gives each its API name.
const (
	ObjectOpportunity    = "opportunity"
	ObjectAccount        = "account"
	ObjectContact        = "contact"
	ObjectContactRole    = "contact_role"
	ObjectSolution       = "solution"
	ObjectSolutionDetail = "solution_detail"
	ObjectLead           = "lead"

	FieldSync           = "sync_with_partner_center"
	FieldReferralID     = "referral_identifier"
	FieldReferralLink   = "referral_link"
	FieldHelp           = "how_can_microsoft_help"
	FieldVisible        = "referral_visible_to_microsoft"
	FieldMicrosoftCRMID = "microsoft_crm_identifier"
	FieldProgram        = "referral_program"
	FieldCloseReason    = "close_reason"
	FieldSyncStatus     = "sync_status"
	FieldAudit          = "audit"
	FieldReferralKey    = "referral_key"
	FieldProducts       = "products"

	FieldSolutionOpportunity = "solution_opportunity"
	FieldSolutionIdentifier  = "solution_identifier"
	FieldSolutionName        = "solution_name"
	FieldSolutionDetail      = "solution_detail"

	FieldDetailIdentifier = "solution_detail_identifier"

	// The lookups of a contact role, where its object is not one of a kind.
	FieldRoleOpportunity = "contact_role_opportunity"
	FieldRoleContact     = "contact_role_contact"

	FieldLeadKey          = "lead_referral_key"
	FieldLeadReferralID   = "lead_referral_identifier"
	FieldLeadReferralLink = "lead_referral_link"
)

// salesforceObjects and salesforceFields are the names that our example installation creates; every one can be overridden.
var (
	salesforceObjects = map[string]Name{
		ObjectOpportunity:    "Opportunity",
		ObjectAccount:        "Account",
		ObjectContact:        "Contact",
		ObjectContactRole:    "OpportunityContactRole",
		ObjectSolution:       "Microsoft_Solution__c",
		ObjectSolutionDetail: "Microsoft_Solution_Detail__c",
	}
	salesforceFields = map[string]Name{
		FieldSync:                "Sync_with_Partner_Center__c",
		FieldReferralID:          "Referral_Identifier__c",
		FieldReferralLink:        "Referral_Link__c",
		FieldHelp:                "How_can_Microsoft_help__c",
		FieldVisible:             "Referral_Visible_to_Microsoft__c",
		FieldMicrosoftCRMID:      "Microsoft_CRM_Identifier__c",
		FieldProgram:             "Referral_Program__c",
		FieldCloseReason:         "Close_Reason__c",
		FieldSyncStatus:          "Sync_Status__c",
		FieldAudit:               "Audit__c",
		FieldReferralKey:         "Cosell_Referral_Key__c",
		FieldSolutionOpportunity: "Opportunity__c",
		FieldSolutionIdentifier:  "Solution_Identifier__c",
		FieldSolutionName:        "Name",
		FieldSolutionDetail:      "Solution_Detail__c",
		FieldDetailIdentifier:    "Solution_Identifier__c",
	}
)

// dynamicsObjects and dynamicsFields are the schema names that our example installation creates in a Dataverse environment.
var (
	dynamicsObjects = map[string]Name{
		ObjectOpportunity:    "opportunity",
		ObjectAccount:        "account",
		ObjectContact:        "contact",
		ObjectContactRole:    "connection",
		ObjectSolution:       "cosell_MicrosoftSolution",
		ObjectSolutionDetail: "cosell_SolutionDetail",
	}
	dynamicsFields = map[string]Name{
		FieldSync:                "cosell_SyncWithPartnerCenter",
		FieldReferralID:          "cosell_ReferralId",
		FieldReferralLink:        "cosell_ReferralLink",
		FieldHelp:                "cosell_HowCanMicrosoftHelp",
		FieldVisible:             "cosell_ReferralVisibility",
		FieldMicrosoftCRMID:      "cosell_MicrosoftCrmId",
		FieldProgram:             "cosell_ReferralProgram",
		FieldCloseReason:         "cosell_CloseReason",
		FieldSyncStatus:          "cosell_SyncStatus",
		FieldAudit:               "cosell_Audit",
		FieldReferralKey:         "cosell_ReferralKey",
		FieldSolutionOpportunity: "cosell_OpportunityId",
		FieldSolutionDetail:      "cosell_SolutionDetailId",
		FieldDetailIdentifier:    "cosell_SolutionIdentifier",
		FieldRoleOpportunity:     "record1id",
		FieldRoleContact:         "record2id",
	}
)

// ObjectOf gives the role of the object that has the field of a role.
func ObjectOf(field string) string {
	switch field {
	case FieldSolutionOpportunity, FieldSolutionIdentifier, FieldSolutionName, FieldSolutionDetail:
		return ObjectSolution
	case FieldDetailIdentifier:
		return ObjectSolutionDetail
	case FieldRoleOpportunity, FieldRoleContact:
		return ObjectContactRole
	case FieldLeadKey, FieldLeadReferralID, FieldLeadReferralLink:
		return ObjectLead
	default:
		return ObjectOpportunity
	}
}

// RequiredFields are the roles without which the agent cannot work; the others may be left out of a document.
var RequiredFields = []string{FieldSync, FieldReferralID, FieldReferralLink, FieldHelp, FieldVisible, FieldSyncStatus, FieldAudit, FieldReferralKey}

// names are the default names of the CRMs by role.
type names struct{ objects, fields, leadObjects, leadFields map[string]Name }

var defaultNames = map[string]names{
	Salesforce:  {salesforceObjects, salesforceFields, salesforceLeadObjects, salesforceLeadFields},
	Dynamics365: {dynamicsObjects, dynamicsFields, dynamicsLeadObjects, dynamicsLeadFields},
}

// DefaultObjects gives the default API names of a CRM's objects by role.
func DefaultObjects(crm string) map[string]Name { return clone(defaultNames[crm].objects) }

// DefaultFields gives the default API names of a CRM's fields by role.
func DefaultFields(crm string) map[string]Name { return clone(defaultNames[crm].fields) }

func clone(names map[string]Name) map[string]Name {
	if names == nil {
		return map[string]Name{}
	}
	return maps.Clone(names)
}

// DefaultStages gives the stages of a CRM that has them from the start. Where pipelines are everybody's own there are none.
func DefaultStages(crm string) Stages {
	if crm == Dynamics365 {
		return Stages{OnHold: "On Hold", Active: "In Progress", Won: "Won", Lost: "Canceled"}
	}
	return Stages{}
}

// standardFields are the standard fields of the default mappings, by field of the deal.
var standardFields = map[string]map[string]Name{
	Salesforce: {
		"name": "Name", "close_date": "CloseDate", "notes": "Description", "status": "StageName", "customer_name": "Account.Name",
		"customer_street": "Account.BillingStreet", "customer_city": "Account.BillingCity", "customer_state": "Account.BillingState",
		"customer_postal_code": "Account.BillingPostalCode",
	},
	Dynamics365: {
		"name": "name", "close_date": "estimatedclosedate", "notes": "description", "status": "statuscode", "customer_name": "Account.name",
		"customer_street": "Account.address1_line1", "customer_city": "Account.address1_city", "customer_state": "Account.address1_stateorprovince",
		"customer_postal_code": "Account.address1_postalcode",
	},
}

// Moments at which a mapping row applies.
const (
	OnCreate = "create"
	OnUpdate = "update"
)

// Who wins when both sides changed a field to different values.
const (
	ConflictCRM           = "crm"
	ConflictPartnerCenter = "partner_center"
)

// DefaultMappings is the one table of default mappings. The variables say which CRM fields hold value, currency and
// country; fields are the API names by role.
func DefaultMappings(crm string, fields map[string]Name, variables map[string]string) []Mapping {
	standard, known := standardFields[crm]
	if !known {
		return nil
	}
	create, always, update := []string{OnCreate}, []string{OnCreate, OnUpdate}, []string{OnUpdate}
	row := func(field, partnerCenter string, name Name, direction string, on []string, conflict string) Mapping {
		return Mapping{Field: field, PartnerCenter: partnerCenter, CRM: name, Direction: direction, On: on, Conflict: conflict}
	}
	rows := []Mapping{
		row("name", "name", standard["name"], Both, create, ConflictCRM),
		row("deal_value", "details.dealValue", variables[VariableDealValueField], Both, always, ConflictCRM),
		row("currency", "details.currency", variables[VariableDealCurrencyField], Both, always, ConflictCRM),
		row("close_date", "details.closingDateTime", standard["close_date"], Both, always, ConflictCRM),
		row("notes", "details.notes", standard["notes"], Both, always, ConflictCRM),
		row("status", "status", standard["status"], Both, always, ConflictPartnerCenter),
		row("close_reason", "statusReason", fields[FieldCloseReason], Both, update, ConflictPartnerCenter),
		row("customer_name", "customerProfile.name", standard["customer_name"], Both, create, ConflictCRM),
		row("customer_street", "customerProfile.address.addressLine1", standard["customer_street"], Both, create, ConflictCRM),
		row("customer_city", "customerProfile.address.city", standard["customer_city"], Both, create, ConflictCRM),
		row("customer_state", "customerProfile.address.state", standard["customer_state"], Both, create, ConflictCRM),
		row("customer_postal_code", "customerProfile.address.postalCode", standard["customer_postal_code"], Both, create, ConflictCRM),
		row("customer_country", "customerProfile.address.country", "Account."+variables[VariableCountryField], Both, create, ConflictCRM),
		row("visible", "consent.consentToShareReferralWithMicrosoftSellers", fields[FieldVisible], Both, always, ConflictCRM),
		row("help", "inviteContext.assistanceRequestCode", fields[FieldHelp], Both, always, ConflictPartnerCenter),
		row("microsoft_crm_id", "trackingInfo.microsoftMsxId", fields[FieldMicrosoftCRMID], Inbound, always, ConflictPartnerCenter),
		row("referral_program", "referralProgram", fields[FieldProgram], Inbound, always, ConflictPartnerCenter),
		row("referral_id", "id", fields[FieldReferralID], Inbound, always, ConflictPartnerCenter),
		row("referral_link", "id", fields[FieldReferralLink], Inbound, always, ConflictPartnerCenter),
	}
	mapped := rows[:0]
	for _, row := range rows {
		if row.CRM != "" && row.CRM != "Account." {
			mapped = append(mapped, row)
		}
	}
	return mapped
}

// DefaultHelp pairs the picklist "How can Microsoft help?" with Partner Center's assistance request codes
// (certified connector's OpenAPI). The CRM's values are matched without regard to case.
func DefaultHelp() []Value {
	return []Value{
		{"Workload specific value proposition", "WorkloadSpecificValueProposition"},
		{"Customer technical architecture", "CustomerTechnicalArchitecture"},
		{"Proof of concept or demo", "ProofOfConceptOrDemo"},
		{"Quotes or licensing", "QuotesOrLicensing"},
		{"Post sales customer success", "PostSalesCustomerSuccess"},
		{"General or other", "GeneralOrOther"},
	}
}

// CloseReasons are Partner Center's reasons for declining or losing a deal ("Manage opportunities in bulk"), as the example
// installation's list of close reasons holds them. Partner Center takes other texts too.
func CloseReasons() []string {
	return []string{
		"Project budget isn't adequate",
		"Customer didn't respond",
		"Customer chose another vendor",
		"Customer requirement not met",
		"Not a customer",
		"Proposed time line too short",
		"Abuse, spam, phishing",
		"Others",
	}
}
