package connector

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Defaults that the document does not settle itself.
const (
	defaultSyncDelay         = "20s"
	defaultMarketplaceIntent = "HaveNotDecided"
	defaultPoll              = "10s"
	defaultPushPoll          = "1m"
	defaultKeyHeader         = "x-cosell-key"
	defaultSignatureHeader   = "authorization"
	matchCreate              = "create"
	matchQueue               = "queue"
)

const connectorDescription = "Declares one connector, the pair of a Partner Center tenant and a CRM organisation that are kept equal, and computes the " +
	"document that configures `cosell-agent`: pass `agent_config` to it unchanged.\n\n" +
	"It has no remote object. The document holds no secret: `credentials` are references (`env:NAME` or `file:/absolute/path`) that the agent reads.\n\n" +
	"What the declaration names is compared with the live systems at plan: stages, fields, and the tenant's webhook registration. Something that is " +
	"missing is a warning while the declaration is new or changes (the same apply may create it), and an error in apply, or at plan when the " +
	"declaration is unchanged.\n\n" +
	"**Permissions.** To compare: reading `OpportunityStage`, and the metadata permission that the `cosell_salesforce_…` types need anyway; " +
	"in Dataverse reading entity and attribute definitions, and of users if `fallback_owner` is given."

// Schema implements [resource.Resource].
func (*connector) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: connectorDescription + "\n\n**Default field mapping.** `field_mappings` changes rows of it, and adds others.\n\n" + mappingTable(),
		Attributes: map[string]schema.Attribute{
			"id": identifier("its name."),
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's durable records, so another name is another connector.",
				Validators:          []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`), "must be 1 to 64 lower-case letters, digits and hyphens, not beginning or ending with a hyphen")},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"crm":                   crmAttribute(document.Salesforce, document.Dynamics365),
			"environment":           optionalText("Label of the environment, such as `production`. It is shown, not interpreted."),
			"partner_id":            optionalText("PartnerID (formerly MPN id) of the location that co-sells. Default: the provider's `partner_id`."),
			"intake":                enumerated("How Partner Center's changes arrive: `webhook` (default), `poll`, or `both`. Staging that shares a tenant with production polls.", document.IntakeWebhook, document.IntakePoll, document.IntakeBoth),
			"webhook":               webhookAttribute(),
			"referral_scope":        scopeAttribute(),
			"partner_center_writes": enumerated("Whether writes to Partner Center are sent (`live`, default) or only computed, logged, and shown by `cosell-agent deals show` (`shadow`).", document.WritesLive, document.WritesShadow),
			"sync_delay":            durationWithDefault("How long after its last edit an opportunity is shared for the first time, as a Go duration. Default `20s`.", defaultSyncDelay),
			"default_currency": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "ISO 4217 code for opportunities without a currency field, as in single-currency organisations.",
				Validators:          []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(`^[A-Z]{3}$`), "must be three capital letters such as EUR")},
			},
			"marketplace_intent": schema.StringAttribute{
				Optional: true, Computed: true,
				Default:             stringdefault.StaticString(defaultMarketplaceIntent),
				MarkdownDescription: "What a new co-sell deal says about the customer's intent to buy in the marketplace. Default `HaveNotDecided`.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"sync_flows":            flowsAttribute(),
			"without_flows":         textSet("Flows that are left out on purpose: no warning names them.", setvalidator.ValueStringsAre(stringvalidator.OneOf(flowNames(document.Dynamics365)...))),
			"environment_variables": variablesAttribute(),
			"field_mappings":        fieldMappingsAttribute(),
			"objects":               names("API names of objects by role, where they differ from the defaults", allObjects(document.Salesforce), allObjects(document.Dynamics365)),
			"fields":                names("API names of fields by role, where they differ from the defaults. An empty name leaves a role out that the agent can do without. Those of leads are in the document where leads are used: the flow `leads_to_partner_center` is on, or the object or a field of leads is named here", allFields(document.Salesforce), allFields(document.Dynamics365)),
			"stages": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Stages of opportunities; in Dynamics 365 these are status reasons, by their label or number.",
				Attributes: map[string]schema.Attribute{
					"on_hold": optionalText("Status reason of Dynamics 365 in which a new, not yet accepted referral waits. Default `On Hold`. For Salesforce it is the variable `" + document.VariableOnHoldStage + "`."),
					"active":  optionalText("Status reason of Dynamics 365 that equals an accepted referral. Default `In Progress`. For Salesforce it is the variable `" + document.VariableActiveStage + "`."),
					"won":     optionalText("Stage for won deals. Default: the organisation's first won stage; in Dynamics 365 `Won`."),
					"lost":    optionalText("Stage for lost and declined deals. Default: the organisation's first lost stage; in Dynamics 365 `Canceled`."),
				},
			},
			"account_match": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: accountMatchHelp,
				Attributes: map[string]schema.Attribute{
					"keys": textSet(accountKeysHelp, setvalidator.ValueStringsAre(stringvalidator.OneOf("name", "postal_code"))),
					"none": optionalEnum("What happens when no account comes into question: `create` one (default), or `queue` the deal for a person (problem CS304).", matchCreate, matchQueue),
					"many": optionalEnum("What happens when several accounts come into question, or one of which it is not certain: `queue`, the deal waits for a person (problem CS303, which names the accounts). Giving the right account exactly the referral's customer name and postal code decides it.", matchQueue),
				},
			},
			"language": enumerated("Language of what the agent writes for people into Audit and Sync Status: `en` (default), `de`, `ja`, `zh-Hans` or `it`. Codes, and what "+
				"the remote systems say, stay as they are.", languages()...),
			"fallback_owner": optionalText("Who owns the opportunity of a referral whose team names no active user of the organisation by the e-mail address: a user name " +
				"or e-mail address. Default: the agent's user."),
			"schedule": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Intervals, as Go durations, and where the first sweep begins.",
				Attributes: map[string]schema.Attribute{
					"poll":  optionalDuration("How often changes are asked for. Default `10s`."),
					"sweep": optionalDuration("How often the sweep looks for differences that no event announced. Default: the environment variable `" + document.VariableAutoHealInterval + "`."),
					"sweep_from": schema.StringAttribute{
						Optional: true,
						MarkdownDescription: "Where the first sweep of an agent with an empty store begins, as a time with its zone (RFC 3339), such as `2026-03-31T17:00:00Z`: a time before another " +
							"product, as Microsoft's flows, was switched off, so that nothing is missed that changed in Partner Center since. Sweeps after the first go on from the last one. " +
							"A time that has not come yet counts as the present. Default: when the agent starts.",
						Validators: []validator.String{timeWithZone{}},
					},
				},
			},
			"push": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "The CRM announces changes, so that they reach Partner Center within seconds. From Salesforce the agent subscribes to change events by the Pub/Sub API: " +
					"which objects are announced is settled by `cosell_salesforce_change_events`, and an empty block takes the standard channel. Dynamics 365 calls the agent: " +
					"`cosell_dataverse_change_events` with a `webhook` has it tell what changed, `url` and `header_name` are those of the webhook, and `credentials.dataverse.webhook_key` " +
					"is where the agent finds the key. Polling goes on, rarely while changes are announced and at its usual rate when they are not. Left out, the agent only polls.",
				Attributes: map[string]schema.Attribute{
					"topic": schema.StringAttribute{
						Optional: true, MarkdownDescription: "Of Salesforce: what to subscribe to: the `topic` of a `cosell_salesforce_change_events`. Default `" + salesforce.AllChanges + "`.",
						Validators: []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(`^/data/[A-Za-z0-9_]+$`), "must be a topic such as "+salesforce.AllChanges)},
					},
					"endpoint": schema.StringAttribute{
						Optional: true, MarkdownDescription: "Of Salesforce: address of the Pub/Sub API, for organisations that use a regional one. Default `" + salesforce.DefaultEventsEndpoint + "`.",
						Validators: []validator.String{remoteAddress{}},
					},
					"url": schema.StringAttribute{
						Optional: true, MarkdownDescription: "Of Dynamics 365, and needed there: public address of the agent's webhook receiver with a path of its own, the `webhook.url` of a `cosell_dataverse_change_events`.",
						Validators: []validator.String{remoteAddress{}},
					},
					"header_name": optionalText("Of Dynamics 365: header that carries the key, the `webhook.header_name` of the same resource. Default `" + defaultKeyHeader + "`."),
					"poll":        optionalDuration("How often changes are asked for while they are announced, at least a second. Default `" + defaultPushPoll + "`."),
				},
			},
			"budgets": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Limits that the agent keeps by slowing itself.",
				Attributes: map[string]schema.Attribute{
					"crm_daily_calls": schema.Int64Attribute{
						Optional:            true,
						MarkdownDescription: "Calls to the CRM in 24 hours. Default: no limit of its own.",
						Validators:          []validator.Int64{int64validator.AtLeast(1)},
					},
				},
			},
			"pins": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "The accounts that the agent may touch. It refuses credentials of any other. They must not contradict the provider's pins.",
				Attributes: map[string]schema.Attribute{
					"tenant_id": optionalText("Microsoft Entra tenant. Default: the provider's `partner_center.tenant_id`."),
					"org_id":    optionalText("Salesforce organisation, 15 or 18 characters. Default: the provider's `salesforce.org_id`."),

					"organization_id": optionalText("Organisation of the Dataverse environment, a GUID. Default: the provider's `dataverse.organization_id`."),
				},
			},
			"credentials": credentialsAttribute(),
			"agent_config": schema.StringAttribute{
				Computed: true, CustomType: jsontypes.NormalizedType{},
				MarkdownDescription: "The agent document: canonical JSON without secrets. Known at plan when all inputs are.",
			},
			"agent_config_sha256": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "SHA-256 (hexadecimal) of the document's content, its revision left out. The agent reports the hash of what it has loaded.",
			},
			"revision": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Counts the changes of the document's content, from 1.",
			},
			"start_order": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Enabled flows in the order in which the agent starts them; it stops them in reverse.",
			},
		},
	}
}

func webhookAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Where Partner Center delivers events; needed unless `intake` is `poll`. Takes a whole `cosell_webhook_registration`.",
		Attributes: map[string]schema.Attribute{
			"url":              requiredText("Address that is registered."),
			"signature_header": optionalEnum("Header that carries the signature. Default `authorization`.", defaultSignatureHeader, "x-ms-signature"),
		},
	}
}

func scopeAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Which of the tenant's referrals are this connector's own; a referral must satisfy every part that is given. Required where the " +
			"tenant's webhook registration belongs to another installation, because both see every referral.",
		Attributes: map[string]schema.Attribute{
			"name_prefix": optionalText("The referral's name begins with this."),
			"solution_id": optionalText("The referral names this solution."),
			"partner_id":  optionalText("The referral names this partner location (MPN id)."),
			"referrals":   textSet("The referral is one of these identifiers.", setvalidator.SizeAtLeast(1)),
		},
	}
}

func flowsAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Required:            true,
		MarkdownDescription: "The flows, under any keys. Takes whole `cosell_sync_flow` resources, by name or with `for_each`.",
		NestedObject: schema.NestedAttributeObject{Validators: whole, Attributes: map[string]schema.Attribute{
			"crm":     needed("The CRM; the connector's."),
			"name":    needed("Name of the flow."),
			"enabled": schema.BoolAttribute{Optional: true, MarkdownDescription: "Required. Whether it runs."},
		}},
	}
}

func variablesAttribute() schema.Attribute {
	return schema.MapNestedAttribute{
		Required:            true,
		MarkdownDescription: "The environment variables, under any keys; one that is left out has its default. Takes whole `cosell_environment_variable` resources, by name or with `for_each`.",
		NestedObject: schema.NestedAttributeObject{Validators: whole, Attributes: map[string]schema.Attribute{
			"crm":             needed("The CRM; the connector's."),
			"name":            needed("Name of the variable."),
			"effective_value": needed("Its value."),
		}},
	}
}

func fieldMappingsAttribute() schema.Attribute {
	rows := mappingRows()
	rows.Required, rows.Optional = false, true
	rows.MarkdownDescription = "Required. " + rows.MarkdownDescription
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Changes of the default field mapping (see the table above) and rows of your own, under any keys. What a row leaves out stays as in the default. Takes whole `cosell_field_mapping` resources, by name or with `for_each`.",
		NestedObject: schema.NestedAttributeObject{Validators: whole, Attributes: map[string]schema.Attribute{
			"crm":      needed("The CRM; the connector's."),
			"name":     needed("Name of the mapping, for people."),
			"mappings": rows,
		}},
	}
}

func credentialsAttribute() schema.Attribute {
	const reference = " A reference: `env:NAME` or `file:/absolute/path`."
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "Where the agent finds its secrets. A literal secret is refused.",
		Attributes: map[string]schema.Attribute{
			"partner_center": schema.SingleNestedAttribute{
				Required:            true,
				MarkdownDescription: "The Entra application, and the user on whose behalf referrals are read and written.",
				Attributes: map[string]schema.Attribute{
					"client_id":     optionalText("Application (client) id. Default: the provider's."),
					"client_secret": requiredText("Secret of the application." + reference),
					"refresh_token": requiredText("Refresh token of a user with the role Referrals admin." + reference),
				},
			},
			"salesforce": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Of Salesforce, the app: `username` with `private_key` (JWT bearer flow), or `client_secret` alone (client credentials flow).",
				Attributes: map[string]schema.Attribute{
					"client_id":     optionalText("Consumer key. Default: the provider's."),
					"username":      optionalText("The agent's user."),
					"private_key":   optionalText("Private key, PEM." + reference),
					"client_secret": optionalText("Consumer secret." + reference),
				},
			},
			"dataverse": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Of Dynamics 365, the application that is the agent's application user: with `client_secret` or `certificate`.",
				Attributes: map[string]schema.Attribute{
					"client_id":     optionalText("Application (client) id. Default: the provider's."),
					"client_secret": optionalText("Secret of the application." + reference),
					"certificate":   optionalText("Certificate and its RSA key, both PEM in one text." + reference),
					"webhook_key":   optionalText("Value of the header by which the agent knows deliveries, needed with `push`: the provider's `dataverse.webhook_key`." + reference),
				},
			},
		},
	}
}

func requiredText(description string) schema.StringAttribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: description, Validators: notEmpty}
}

// needed is required of an element of a map that may be unknown as a whole. The framework would miss a required attribute there, so [whole]
// demands it once the element is known.
func needed(description string) schema.StringAttribute {
	return optionalText("Required. " + description)
}

func optionalText(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: notEmpty}
}

var notEmpty = []validator.String{stringvalidator.LengthAtLeast(1)}

// enumerated has its first value as default.
func enumerated(description string, allowed ...string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(allowed[0]),
		MarkdownDescription: description,
		Validators:          []validator.String{stringvalidator.OneOf(allowed...)},
	}
}

func optionalEnum(description string, allowed ...string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.OneOf(allowed...)}}
}

func durationWithDefault(description, fallback string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(fallback),
		MarkdownDescription: description, Validators: []validator.String{goDuration{}},
	}
}

func optionalDuration(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{goDuration{}}}
}

func textSet(description string, validators ...validator.Set) schema.SetAttribute {
	return schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: description, Validators: validators}
}

// names is a map of API names by role. The defaults are those of Salesforce and of Dynamics 365, which has roles of its own.
func names(description string, salesforce, dynamics map[string]string) schema.MapAttribute {
	roles := roleNames(salesforce, dynamics)
	cell := func(name string) string {
		if name == "" {
			return "none"
		}
		return "`" + name + "`"
	}
	var table strings.Builder
	for _, role := range roles {
		table.WriteString("\n  - `" + role + "`: " + cell(salesforce[role]))
		if dynamics != nil {
			table.WriteString(" / " + cell(dynamics[role]))
		}
	}
	heading := ". Roles and defaults:"
	if dynamics != nil {
		heading = ". Roles and defaults (Salesforce / Dynamics 365):"
	}
	return schema.MapAttribute{
		Optional: true, ElementType: types.StringType,
		MarkdownDescription: description + heading + table.String(),
		Validators:          []validator.Map{mapvalidator.KeysAre(stringvalidator.OneOf(roles...))},
	}
}

// roleNames lists the roles of all maps, sorted.
func roleNames(all ...map[string]string) []string {
	known := map[string]string{}
	for _, names := range all {
		maps.Copy(known, names)
	}
	return slices.Sorted(maps.Keys(known))
}

// mappingTable documents the default mapping from the one table there is.
func mappingTable() string {
	var table strings.Builder
	table.WriteString("| Field | Partner Center | Salesforce | Dynamics 365 | Direction | On | Conflict won by |\n|---|---|---|---|---|---|---|\n")
	inDynamics := map[string]string{}
	for _, row := range defaultMappings(document.Dynamics365) {
		inDynamics[row.Field] = row.CRM
	}
	for _, row := range defaultMappings(document.Salesforce) {
		cells := []string{row.Field, row.PartnerCenter, row.CRM, inDynamics[row.Field], row.Direction, strings.Join(row.On, ", "), row.Conflict}
		table.WriteString("| `" + strings.Join(cells, "` | `") + "` |\n")
	}
	return table.String()
}

// defaultMappings is the default mapping of an installation that changes no variable and no field name.
func defaultMappings(crm string) []document.Mapping {
	return document.DefaultMappings(crm, document.DefaultFields(crm), defaultVariables(crm))
}

// Help texts of account_match, which say exactly what agent/match does.
const (
	accountMatchHelp = "How a referral's customer finds its account. An account is taken by itself only when it is the only one beyond doubt: " +
		"the one whose name is identical, or else the one whose name is equal while no other account is even similar. Anything less is for a person."

	accountKeysHelp = "What must be equal: `name`, which always counts, and by default also `postal_code`. " +
		"Names are *identical* when they differ in nothing but letter case, width (ＡＢＣ, ｺﾝﾄｿ), spaces and punctuation (but between two digits), `&` and the word for it, and the " +
		"long, short or abbreviated spelling of the same legal form (`GmbH`, `S.p.A.`, 株式会社, ㈱, 有限公司, 주식회사, ООО …). They are *equal* when " +
		"moreover one side leaves out the legal form or all accents, and no other country is known of the account. They are only *similar*, which a person decides, when the legal forms " +
		"differ (`Inc` and `LLC`), 株式会社 stands on the other side, accents differ, `ü` is written `ue`, or a joining word is missing. Numbers and words for a branch, a " +
		"group, a holding or a country always count; names in two scripts, and names with typing mistakes, are different. " +
		"Postal codes are compared without case, width, spaces and hyphens, without the country's own code before the number (`D-80331`), and a five-digit " +
		"ZIP code equals the same one with four more digits. Where both sides' countries are known, they must be the same. Where one side lacks a postal code, a " +
		"person decides; where both lack it, they are equal if both countries are known. An account with another postal code is another account."
)
