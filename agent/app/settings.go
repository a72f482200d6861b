package app

import (
	"slices"
	"strings"
	"time"

	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// gates says which flow, when it is off, keeps which effect from happening. Several flows may gate one effect.
var gates = []struct {
	flow    string
	effects []reconcile.Effect
}{
	{document.FlowCustomize, []reconcile.Effect{reconcile.CreateOpportunity, reconcile.UpdateOpportunity}},
	{document.FlowPartnerCenterToCRM, []reconcile.Effect{reconcile.CreateOpportunity, reconcile.UpdateOpportunity}},
	{document.FlowCreateReferral, []reconcile.Effect{reconcile.CreateReferral, reconcile.CreateCounterpart}},
	{document.FlowOpportunityToPartnerCenter, []reconcile.Effect{reconcile.CreateReferral, reconcile.CreateCounterpart, reconcile.PatchReferral}},
	{document.FlowCRMToPartnerCenter, []reconcile.Effect{reconcile.PatchReferral, reconcile.AcceptLead}},
	{document.FlowSolutionsToPartnerCenter, []reconcile.Effect{reconcile.PatchSolutions}},
	{document.FlowLeadsToPartnerCenter, []reconcile.Effect{reconcile.AcceptLead}},
	{document.FlowMicrosoftReferralUpdates, []reconcile.Effect{reconcile.ReadCounterpart}},
}

// shadow stands in the place of a flow's name where the document says that writes to Partner Center are only computed.
const shadow = "partner_center_writes = shadow"

func blocked(d document.Document) map[reconcile.Effect]string {
	off := map[reconcile.Effect]string{}
	for _, gate := range gates {
		if d.Flow(gate.flow) {
			continue
		}
		for _, effect := range gate.effects {
			off[effect] = gate.flow
		}
	}
	if d.PartnerCenter.Writes == document.WritesShadow {
		for _, effect := range []reconcile.Effect{reconcile.CreateReferral, reconcile.CreateCounterpart, reconcile.PatchReferral, reconcile.AcceptLead} {
			off[effect] = shadow
		}
	}
	return off
}

// names gives the API names that the Salesforce adapter works with.
func names(d document.Document) adapter.Names {
	objects, fields := d.CRM.Objects, d.CRM.Fields
	n := adapter.Names{
		Opportunity: objects[document.ObjectOpportunity], Account: objects[document.ObjectAccount],
		Contact: objects[document.ObjectContact], ContactRole: objects[document.ObjectContactRole], Solution: objects[document.ObjectSolution], Detail: objects[document.ObjectSolutionDetail],
		Sync: fields[document.FieldSync], ReferralID: fields[document.FieldReferralID], Key: fields[document.FieldReferralKey],
		SyncStatus: fields[document.FieldSyncStatus], Audit: fields[document.FieldAudit],
		Products:            fields[document.FieldProducts],
		SolutionOpportunity: fields[document.FieldSolutionOpportunity], SolutionIdentifier: fields[document.FieldSolutionIdentifier],
		SolutionName: fields[document.FieldSolutionName], SolutionDetail: fields[document.FieldSolutionDetail],
		DetailIdentifier: fields[document.FieldDetailIdentifier],
		FallbackOwner:    d.CRM.FallbackOwner,
	}
	if lead := d.CRM.Lead; lead != nil {
		n.Leads = adapter.LeadNames{
			Object: objects[document.ObjectLead], Status: lead.Status,
			Key: fields[document.FieldLeadKey], ReferralID: fields[document.FieldLeadReferralID], ReferralLink: fields[document.FieldLeadReferralLink],
		}
	}
	for _, row := range d.Mappings {
		n.Mapped = append(n.Mapped, row.RecordPaths()...)
		n.Notes = n.Notes || row.CRM == document.NotesField
		switch row.Field {
		case deal.CustomerNation:
			n.Country = strings.TrimPrefix(row.CRM, "Account.")
		case deal.CustomerPostal:
			if field, ok := strings.CutPrefix(row.CRM, "Account."); ok {
				n.PostalCode = field
			}
		}
	}
	return n
}

// plan gives the mapping, with what the organisation is like filled in.
func plan(d document.Document, org *adapter.Org) (mapping.Plan, error) {
	stages, err := stagesOf(d.CRM.Stages, org.Stages())
	if err != nil {
		return mapping.Plan{}, err
	}
	if err := checkMapping(d.Mappings, org); err != nil {
		return mapping.Plan{}, err
	}
	p := mapping.Plan{Stages: stages, Help: map[string]string{}, HelpValues: map[string]string{}, LongestName: org.LongestName(), Marks: d.CRM.Marks}
	for _, row := range d.Mappings {
		if row.Field == deal.Currency && !org.HasCurrency() {
			p.FixedCurrency = d.Sharing.DefaultCurrency
		}
		built, err := mappingRow(row, org)
		if err != nil {
			return mapping.Plan{}, err
		}
		p.Rows = append(p.Rows, built)
	}
	for _, value := range d.Help {
		p.Help[strings.ToLower(value.CRM)] = value.PartnerCenter
		if spelled, ok := org.PicklistValue(d.CRM.Fields[document.FieldHelp], value.CRM); ok {
			p.HelpValues[value.PartnerCenter] = spelled
		}
	}
	return p, nil
}

// stagesOf checks the document's stages against the organisation's and finds those that the document leaves open.
func stagesOf(declared document.Stages, existing []adapter.Stage) (mapping.Stages, error) {
	stages := mapping.Stages{OnHold: declared.OnHold, Active: declared.Active, Won: declared.Won, Lost: declared.Lost, Closed: map[string]bool{}}
	open := map[string]bool{}
	for _, stage := range existing {
		switch {
		case !stage.IsClosed:
			open[stage.Name] = true
			continue
		case stage.IsWon && stages.Won == "":
			stages.Won = stage.Name
		case !stage.IsWon && stages.Lost == "":
			stages.Lost = stage.Name
		}
		stages.Closed[stage.Name] = stage.IsWon
	}
	var missing []string
	require := func(role, name string, ok bool) {
		if !ok {
			missing = append(missing, role+" stage \""+name+"\"")
		}
	}
	won, wonExists := stages.Closed[stages.Won]
	lost, lostExists := stages.Closed[stages.Lost]
	require("on-hold", stages.OnHold, open[stages.OnHold])
	require("active", stages.Active, open[stages.Active])
	require("won", stages.Won, wonExists && won)
	require("lost", stages.Lost, lostExists && !lost)
	if len(missing) > 0 {
		return stages, problem.New(problem.StageMissing, "Salesforce organisation", strings.Join(missing, ", "))
	}
	return stages, nil
}

// settings gives the engine's rules.
func settings(d document.Document, p mapping.Plan, machine Machine) (reconcile.Settings, error) {
	delay, err := time.ParseDuration(d.Sharing.Delay)
	if err != nil {
		return reconcile.Settings{}, problem.Wrap(problem.DocumentInvalid, "sharing.delay", err)
	}
	return reconcile.Settings{
		Plan: p, Blocked: blocked(d), Delay: delay, MarketplaceIntent: d.Sharing.MarketplaceIntent,
		MatchPostalCode: slices.Contains(d.Accounts.Keys, "postal_code"), CreateAccounts: d.Accounts.None == "create",
		Leads: d.CRM.Lead != nil, CoSellOnly: d.Sharing.CoSellOnly, Scope: scopeOf(d.PartnerCenter.Scope), PartnerID: d.PartnerCenter.PartnerID, Settle: machine.settle(), Lease: machine.Lease,
		Language: problem.Language(d.CRM.Language),
	}, nil
}

// scopeOf gives the test whether a referral is this connector's own; nil when all are.
func scopeOf(s *document.Scope) func(referral.Referral) bool {
	if s == nil {
		return nil
	}
	return func(r referral.Referral) bool {
		return strings.HasPrefix(r.Name, s.NamePrefix) &&
			(s.SolutionID == "" || slices.Contains(r.Solutions, s.SolutionID)) &&
			(s.PartnerID == "" || r.PartnerID == s.PartnerID) &&
			(len(s.Referrals) == 0 || slices.ContainsFunc(s.Referrals, func(id string) bool { return strings.EqualFold(id, r.ID) }))
	}
}
