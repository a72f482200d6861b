package document

import "fmt"

// Lead says what the leads are like that come from Partner Center. A document has it where leads are records of the CRM.
type Lead struct {
	Status string `json:"status" jsonschema:"description=Of a new lead: a value of the organisation's picklist."`
}

// The names of leads and of those of their fields that our example installations create. A lead's other fields are standard.
var (
	salesforceLeadObjects = map[string]Name{ObjectLead: "Lead"}
	salesforceLeadFields  = map[string]Name{
		FieldLeadKey:          "Cosell_Referral_Key__c",
		FieldLeadReferralID:   "Referral_Identifier__c",
		FieldLeadReferralLink: "Referral_Link__c",
	}
	dynamicsLeadObjects = map[string]Name{ObjectLead: "lead"}
	dynamicsLeadFields  = map[string]Name{
		FieldLeadKey:          "cosell_ReferralKey",
		FieldLeadReferralID:   "cosell_ReferralId",
		FieldLeadReferralLink: "cosell_ReferralLink",
	}
)

// DefaultLeadObjects gives the default API name of a CRM's leads by role; they are no part of [DefaultObjects].
func DefaultLeadObjects(crm string) map[string]Name { return clone(defaultNames[crm].leadObjects) }

// DefaultLeadFields gives the default API names of a lead's fields by role; they are no part of [DefaultFields].
func DefaultLeadFields(crm string) map[string]Name { return clone(defaultNames[crm].leadFields) }

// leadFaults tells what leads lack, or what is there of leads where there are none.
func (c CRM) leadFaults() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Lead == nil {
		for role := range salesforceLeadFields {
			if c.Fields[role] != "" {
				fault("crm.fields.%s: there are no leads without crm.lead", role)
			}
		}
		if c.Objects[ObjectLead] != "" {
			fault("crm.objects.%s: there are no leads without crm.lead", ObjectLead)
		}
		return faults
	}
	if c.Objects[ObjectLead] == "" {
		fault("crm.objects.%s: it is missing", ObjectLead)
	}
	if c.Fields[FieldLeadKey] == "" {
		fault("crm.fields.%s: it is missing", FieldLeadKey)
	}
	if c.Lead.Status == "" {
		fault("crm.lead.status: it is missing")
	}
	return faults
}
