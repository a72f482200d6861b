package app

import (
	"context"
	"fmt"
	"strings"

	adapter "github.com/cosell-sync/terraform-provider-cosell/agent/crm/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

func (a *App) openSalesforce(ctx context.Context, d document.Document, stack *wire.Client) (organisation, error) {
	client, err := a.salesforceClient(d, stack)
	if err != nil {
		return nil, err
	}
	identity, err := client.Identity(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign in to Salesforce: %w", err)
	}
	if !salesforce.SameID(string(identity.OrgID), d.CRM.Salesforce.OrgID) {
		return nil, problem.New(problem.WrongAccount, "Salesforce organisation "+string(identity.OrgID), "pinned is "+d.CRM.Salesforce.OrgID)
	}
	org, err := adapter.Open(ctx, client, salesforceNames(d))
	if err != nil {
		return nil, err
	}
	org.Gather(a.machine.Gather)
	return org, nil
}

func (a *App) salesforceClient(d document.Document, stack *wire.Client) (*salesforce.Client, error) {
	org := d.CRM.Salesforce
	key, err := a.resolve(org.Credentials.PrivateKey)
	if err != nil {
		return nil, err
	}
	clientSecret, err := a.resolve(org.Credentials.ClientSecret)
	if err != nil {
		return nil, err
	}
	return salesforce.New(salesforce.Config{
		LoginURL: org.LoginURL, ClientID: org.Credentials.ClientID, Username: org.Credentials.Username, PrivateKey: key,
		ClientSecret: clientSecret, APIVersion: org.APIVersion, CallerName: "cosell-agent/" + d.Connector.Name,
	}, stack)
}

// salesforceNames gives the API names that the adapter works with.
func salesforceNames(d document.Document) adapter.Names {
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
