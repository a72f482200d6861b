package document

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

// ObjectOf gives the role of the object that has the field of a role.
func ObjectOf(field string) string {
	switch field {
	case FieldSolutionOpportunity, FieldSolutionIdentifier, FieldSolutionName, FieldSolutionDetail:
		return ObjectSolution
	case FieldDetailIdentifier:
		return ObjectSolutionDetail
	case FieldLeadKey, FieldLeadReferralID, FieldLeadReferralLink:
		return ObjectLead
	default:
		return ObjectOpportunity
	}
}

// RequiredFields are the roles without which the agent cannot work; the others may be left out of a document.
var RequiredFields = []string{FieldSync, FieldReferralID, FieldReferralLink, FieldHelp, FieldVisible, FieldSyncStatus, FieldAudit, FieldReferralKey}

// DefaultObjects gives the default API names of a CRM's objects by role.
func DefaultObjects(crm string) map[string]Name { return cloneFor(crm, salesforceObjects) }

// DefaultFields gives the default API names of a CRM's fields by role.
func DefaultFields(crm string) map[string]Name { return cloneFor(crm, salesforceFields) }

func cloneFor(crm string, names map[string]Name) map[string]Name {
	clone := map[string]Name{}
	if crm == Salesforce {
		for role, name := range names {
			clone[role] = name
		}
	}
	return clone
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
	if crm != Salesforce {
		return nil
	}
	create, always, update := []string{OnCreate}, []string{OnCreate, OnUpdate}, []string{OnUpdate}
	row := func(field, partnerCenter string, name Name, direction string, on []string, conflict string) Mapping {
		return Mapping{Field: field, PartnerCenter: partnerCenter, CRM: name, Direction: direction, On: on, Conflict: conflict}
	}
	rows := []Mapping{
		row("name", "name", "Name", Both, create, ConflictCRM),
		row("deal_value", "details.dealValue", variables[VariableDealValueField], Both, always, ConflictCRM),
		row("currency", "details.currency", variables[VariableDealCurrencyField], Both, always, ConflictCRM),
		row("close_date", "details.closingDateTime", "CloseDate", Both, always, ConflictCRM),
		row("notes", "details.notes", "Description", Both, always, ConflictCRM),
		row("status", "status", "StageName", Both, always, ConflictPartnerCenter),
		row("close_reason", "statusReason", fields[FieldCloseReason], Both, update, ConflictPartnerCenter),
		row("customer_name", "customerProfile.name", "Account.Name", Both, create, ConflictCRM),
		row("customer_street", "customerProfile.address.addressLine1", "Account.BillingStreet", Both, create, ConflictCRM),
		row("customer_city", "customerProfile.address.city", "Account.BillingCity", Both, create, ConflictCRM),
		row("customer_state", "customerProfile.address.state", "Account.BillingState", Both, create, ConflictCRM),
		row("customer_postal_code", "customerProfile.address.postalCode", "Account.BillingPostalCode", Both, create, ConflictCRM),
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
