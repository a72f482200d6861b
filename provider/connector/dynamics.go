package connector

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// environment gives the facts of the Dataverse environment.
func (b *builder) environment() *document.Environment {
	given := b.declared.Credentials.Dataverse
	if given == nil {
		b.diagnostics.AddAttributeError(path.Root("credentials"), "Credentials are missing", "Give credentials.dataverse: the application by which the agent signs in.")
		return &document.Environment{}
	}
	for name, value := range map[string]string{"environment_url": b.dataverse.EnvironmentURL, "tenant_id": b.dataverse.TenantID} {
		if value == "" {
			b.diagnostics.AddError("Provider's dataverse block is incomplete", "The agent needs the environment's address and tenant: set "+name+" in the provider's dataverse block.")
		}
	}
	return &document.Environment{
		OrganizationID: strings.ToLower(b.pin("organization_id", func(p *pinsModel) *string { return p.OrganizationID }, b.dataverse.OrganizationID,
			"dataverse.organization_id", strings.EqualFold)),
		EnvironmentURL: b.dataverse.EnvironmentURL,
		TenantID:       b.dataverse.TenantID,
		Authority:      b.dataverse.Authority,
		APIVersion:     b.dataverse.APIVersion,
		Credentials: document.EnvironmentCredentials{
			ClientID:     b.clientID("dataverse", given.ClientID, b.dataverse.ClientID),
			ClientSecret: secret.Reference(text(given.ClientSecret, "")),
			Certificate:  secret.Reference(text(given.Certificate, "")),
			WebhookKey:   secret.Reference(text(given.WebhookKey, "")),
		},
		Push: b.environmentPush(given),
	}
}

// environmentPush gives where the environment tells of changes; nil where it does not.
func (b *builder) environmentPush(given *dataverseCredentials) *document.EnvironmentPush {
	push := b.declared.Push
	if push == nil {
		return nil
	}
	switch {
	case b.foreign("Dynamics 365 calls the agent, and nothing is subscribed to.", map[string]*string{"topic": push.Topic, "endpoint": push.Endpoint}):
	case push.URL == nil:
		b.diagnostics.AddAttributeError(path.Root("push"), "Address is missing",
			"Dynamics 365 tells of changes by calling the agent. Give push.url: the webhook.url of the cosell_dataverse_change_events.")
	case given.WebhookKey == nil:
		b.diagnostics.AddAttributeError(path.Root("credentials"), "Key of the webhook is missing",
			"Everybody can call the address of push, and the agent knows Dynamics 365 by a key. Give credentials.dataverse.webhook_key: where the agent finds it, env:NAME or file:/path.")
	default:
		return &document.EnvironmentPush{URL: *push.URL, HeaderName: text(push.HeaderName, defaultKeyHeader), Poll: text(push.Poll, defaultPushPoll)}
	}
	return nil
}

// foreign refuses attributes of push that another CRM has, and reports whether there are any.
func (b *builder) foreign(why string, attributes map[string]*string) (found bool) {
	for name, value := range attributes {
		if value != nil {
			found = true
			b.diagnostics.AddAttributeError(path.Root("push").AtName(name), "Attribute belongs to another CRM", why+" Remove push."+name+".")
		}
	}
	return found
}

// stages gives the stages by what is declared, the variables, and the CRM's defaults.
func (b *builder) stages(variables map[string]string) document.Stages {
	stages := document.DefaultStages(b.declared.CRM)
	declared := b.declared.Stages
	if declared == nil {
		declared = &stagesModel{}
	}
	stages.Won, stages.Lost = text(declared.Won, stages.Won), text(declared.Lost, stages.Lost)
	if b.declared.CRM == document.Dynamics365 {
		stages.OnHold, stages.Active = text(declared.OnHold, stages.OnHold), text(declared.Active, stages.Active)
		return stages
	}
	stages.OnHold, stages.Active = variables[document.VariableOnHoldStage], variables[document.VariableActiveStage]
	if declared.OnHold != nil || declared.Active != nil {
		b.diagnostics.AddAttributeError(path.Root("stages"), "Stage is an environment variable of Salesforce",
			"For Salesforce the stages for on hold and active are the environment variables "+document.VariableOnHoldStage+" and "+document.VariableActiveStage+
				": declare them, and leave on_hold and active out of stages.")
	}
	return stages
}
