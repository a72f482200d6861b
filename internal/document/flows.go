package document

import "fmt"

// Names of the sync flows, for both CRMs.
const (
	FlowWebhookRegistration        = "webhook_registration"
	FlowCustomize                  = "customize"
	FlowCreateReferral             = "create_referral"
	FlowHelper                     = "helper"
	FlowMicrosoftReferralUpdates   = "microsoft_referral_updates"
	FlowPartnerCenterToCRM         = "partner_center_to_crm"
	FlowCRMToPartnerCenter         = "crm_to_partner_center"
	FlowOpportunityToPartnerCenter = "opportunity_to_partner_center"
	FlowSolutionsToPartnerCenter   = "solutions_to_partner_center"
	FlowLeadsToPartnerCenter       = "leads_to_partner_center"
	FlowAutoHeal                   = "auto_heal"
)

// KnownFlow is one row of the flow table: what must run before the flow, and in which CRMs it exists.
type KnownFlow struct {
	Name        string
	Description string
	Requires    []string // other flows
	NeedsIntake bool     // needs the webhook registration, or intake = "poll"
	Only        string   // the only CRM that has it; empty: both
}

// knownFlows is in start order: every row stands after the rows it requires.
var knownFlows = []KnownFlow{
	{Name: FlowWebhookRegistration, Description: "receives Partner Center's webhook events"},
	{Name: FlowCustomize, Description: "creates and updates records in the CRM by the declared mapping"},
	{Name: FlowCreateReferral, Description: "creates referrals in Partner Center", Requires: []string{FlowCustomize}},
	{Name: FlowHelper, Description: "prepares inbound changes", Requires: []string{FlowCustomize}, Only: Dynamics365},
	{Name: FlowMicrosoftReferralUpdates, Description: "reads Microsoft's answer to a co-sell deal", Requires: []string{FlowCustomize}, NeedsIntake: true},
	{Name: FlowPartnerCenterToCRM, Description: "carries Partner Center's changes into the CRM", Requires: []string{FlowCustomize, FlowMicrosoftReferralUpdates}, NeedsIntake: true},
	{Name: FlowCRMToPartnerCenter, Description: "carries the CRM's changes into Partner Center", Requires: []string{FlowCreateReferral}},
	{Name: FlowOpportunityToPartnerCenter, Description: "watches opportunities", Requires: []string{FlowCRMToPartnerCenter}},
	{Name: FlowSolutionsToPartnerCenter, Description: "carries added and removed solutions", Requires: []string{FlowCRMToPartnerCenter}},
	{Name: FlowLeadsToPartnerCenter, Description: "watches leads, and accepts one when it is converted into an opportunity", Requires: []string{FlowCRMToPartnerCenter}},
	{Name: FlowAutoHeal, Description: "repairs old differences on a schedule"},
}

// KnownFlows lists the flows of a CRM in start order.
func KnownFlows(crm string) []KnownFlow {
	var flows []KnownFlow
	for _, f := range knownFlows {
		if f.Only != "" && f.Only != crm {
			continue
		}
		if f.Name == FlowPartnerCenterToCRM && crm == Dynamics365 {
			f.Requires = append([]string{FlowHelper}, f.Requires...)
		}
		flows = append(flows, f)
	}
	return flows
}

// CheckFlows tells, per enabled flow whose prerequisite is missing, what is missing. The order is the start order.
func CheckFlows(crm, intake string, enabled map[string]bool) []error {
	var missing []error
	for _, f := range KnownFlows(crm) {
		if !enabled[f.Name] {
			continue
		}
		for _, required := range f.Requires {
			if !enabled[required] {
				missing = append(missing, fmt.Errorf("flow %s needs flow %s to be enabled", f.Name, required))
			}
		}
		if f.NeedsIntake && !enabled[FlowWebhookRegistration] && intake == IntakeWebhook {
			missing = append(missing, fmt.Errorf("flow %s needs an intake: enable flow %s, or set intake = \"poll\"", f.Name, FlowWebhookRegistration))
		}
	}
	return missing
}
