package app

import (
	"context"
	"fmt"
	"strings"

	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/dynamics365"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// dataverseTag goes with every write to Dataverse.
const dataverseTag = "cosell-agent"

func (a *App) openDynamics(ctx context.Context, d document.Document, stack *wire.Client) (organisation, error) {
	environment := d.CRM.Dynamics
	clientSecret, err := a.resolve(environment.Credentials.ClientSecret)
	if err != nil {
		return nil, err
	}
	certificate, err := a.resolve(environment.Credentials.Certificate)
	if err != nil {
		return nil, err
	}
	client, err := dataverse.New(dataverse.Config{
		EnvironmentURL: environment.EnvironmentURL, Authority: environment.Authority, TenantID: environment.TenantID, ClientID: environment.Credentials.ClientID,
		ClientSecret: clientSecret, Certificate: certificate, APIVersion: environment.APIVersion, Tag: dataverseTag,
	}, stack)
	if err != nil {
		return nil, err
	}
	identity, err := client.WhoAmI(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign in to Dynamics 365: %w", err)
	}
	if !strings.EqualFold(identity.OrganizationID, environment.OrganizationID) {
		return nil, problem.New(problem.WrongAccount, "Dynamics 365 organisation "+identity.OrganizationID, "pinned is "+environment.OrganizationID)
	}
	if hook := a.rowHook(); hook != nil {
		hook.signedIn(identity.UserID)
	}
	org, err := adapter.Open(ctx, client, dynamicsNames(d))
	if err != nil {
		return nil, err
	}
	org.Gather(a.machine.Gather)
	return org, nil
}

// dynamicsNames gives the names that the adapter works with.
func dynamicsNames(d document.Document) adapter.Names {
	objects, fields := d.CRM.Objects, d.CRM.Fields
	n := adapter.Names{
		Opportunity: objects[document.ObjectOpportunity], Account: objects[document.ObjectAccount], Contact: objects[document.ObjectContact],
		Solution: objects[document.ObjectSolution], Detail: objects[document.ObjectSolutionDetail], ContactRole: objects[document.ObjectContactRole],
		RoleOpportunity: fields[document.FieldRoleOpportunity], RoleContact: fields[document.FieldRoleContact],
		Sync: fields[document.FieldSync], ReferralID: fields[document.FieldReferralID], Key: fields[document.FieldReferralKey],
		SyncStatus: fields[document.FieldSyncStatus], Audit: fields[document.FieldAudit], Products: fields[document.FieldProducts],
		SolutionOpportunity: fields[document.FieldSolutionOpportunity], SolutionIdentifier: fields[document.FieldSolutionIdentifier],
		SolutionName: fields[document.FieldSolutionName], SolutionDetail: fields[document.FieldSolutionDetail],
		DetailIdentifier: fields[document.FieldDetailIdentifier], FallbackOwner: d.CRM.FallbackOwner,
	}
	for _, stage := range []string{d.CRM.Stages.OnHold, d.CRM.Stages.Active, d.CRM.Stages.Won, d.CRM.Stages.Lost} {
		if stage != "" {
			n.Stages = append(n.Stages, stage)
		}
	}
	if lead := d.CRM.Lead; lead != nil {
		n.Leads = adapter.LeadNames{
			Table: objects[document.ObjectLead], Status: lead.Status,
			Key: fields[document.FieldLeadKey], ReferralID: fields[document.FieldLeadReferralID], ReferralLink: fields[document.FieldLeadReferralLink],
		}
	}
	for _, row := range d.Mappings {
		n.Mapped = append(n.Mapped, row.RecordPaths()...)
		field, ofAccount := strings.CutPrefix(row.CRM, "Account.")
		switch {
		case row.Field == deal.CustomerNation:
			n.Country = field
		case row.Field == deal.CustomerPostal && ofAccount:
			n.PostalCode = field
		}
	}
	return n
}
