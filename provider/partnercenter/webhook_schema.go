package partnercenter

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Values of signature_header and on_destroy.
const (
	headerAuthorization = "authorization"
	headerMSSignature   = "x-ms-signature"

	destroyUnsubscribe = "unsubscribe"
	destroyRetain      = "retain"
)

// webhookModel is the state of a cosell_webhook_registration.
type webhookModel struct {
	ID                    types.String `tfsdk:"id"`
	URL                   types.String `tfsdk:"url"`
	Events                types.Set    `tfsdk:"events"`
	IncludeTestEvent      types.Bool   `tfsdk:"include_test_event"`
	OverwriteExisting     types.Bool   `tfsdk:"overwrite_existing"`
	PreserveForeignEvents types.Bool   `tfsdk:"preserve_foreign_events"`
	SignatureHeader       types.String `tfsdk:"signature_header"`
	OnDestroy             types.String `tfsdk:"on_destroy"`
	SubscriberID          types.String `tfsdk:"subscriber_id"`
	RegisteredEvents      types.Set    `tfsdk:"registered_events"`
	ForeignEvents         types.Set    `tfsdk:"foreign_events"`
	LastModifiedAt        types.String `tfsdk:"last_modified_at"`
}

const webhookDescription = "Registers the agent's address for a Partner Center tenant's referral events.\n\n" +
	"A tenant has **one** registration, shared by all tools that use Partner Center webhooks: one URL and one list of events. " +
	"This resource therefore fails at plan when another URL is registered, unless `overwrite_existing` is set, and keeps the " +
	"events that others subscribed. Staging that shares a tenant with production polls instead (`intake = \"poll\"` on " +
	"`cosell_connector`).\n\n" +
	"**Destroy.** Partner Center cannot delete a registration. Destroying unsubscribes the events that this resource added; " +
	"events that were there before stay, and so does the URL. Where Partner Center refuses an empty list of events, the " +
	"registration is kept as it is and a warning says so.\n\n" +
	"**Permissions.** An application of the tenant (client credentials) with access to `https://api.partnercenter.microsoft.com`, " +
	"or a user with one of the roles Admin agent, Sales agent, Helpdesk agent or Billing admin."

// Schema implements [resource.Resource].
func (r *webhookRegistration) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: webhookDescription,
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The tenant's id: a tenant has one registration.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"url": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Address that Partner Center calls, `https://…`. It must be reachable from the internet; a loopback " +
					"address (for which `http` is accepted too) is a warning, because only a local sandbox can call it.",
				Validators: []validator.String{webhookURL{}},
			},
			"events": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Computed: true,
				MarkdownDescription: "Events to subscribe. Default: `referral-created`, `referral-updated`, `related-referral-created` and " +
					"`related-referral-updated`. Names are checked against the list that Partner Center publishes.",
				Default: setdefault.StaticValue(stringSet(referralEvents)),
				Validators: []validator.Set{
					setvalidator.SizeAtLeast(1),
					setvalidator.ValueStringsAre(eventName{}),
				},
			},
			"include_test_event": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Also subscribe `test-created`, by which a delivery can be tried out. Default `true`.",
			},
			"overwrite_existing": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Take the registration over from another URL. The tool behind that URL then receives no events any " +
					"more. Default `false`: the plan fails and names the URL.",
			},
			"preserve_foreign_events": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Keep events that are registered but not declared here. Default `true`; with `false` they are unsubscribed.",
			},
			"signature_header": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(headerAuthorization),
				MarkdownDescription: "Header that carries the signature of a delivery: `authorization` (default), or `x-ms-signature` for " +
					"endpoints that use `Authorization` themselves.",
				Validators: []validator.String{stringvalidator.OneOf(headerAuthorization, headerMSSignature)},
			},
			"on_destroy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(destroyUnsubscribe),
				MarkdownDescription: "What destroy does: `unsubscribe` (default) removes the events that this resource added, `retain` leaves " +
					"the registration alone.",
				Validators: []validator.String{stringvalidator.OneOf(destroyUnsubscribe, destroyRetain)},
			},
			"subscriber_id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Partner Center's id of the registration.",
			},
			"registered_events": schema.SetAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "All events of the registration, those of others included.",
			},
			"foreign_events": schema.SetAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "Registered events that are not declared here.",
			},
			"last_modified_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "When the registration was last written, by anybody (RFC 3339). Null where Partner Center does not tell.",
			},
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *webhookRegistration) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"tenant_id": identityschema.StringAttribute{
				OptionalForImport: true,
				Description:       "The tenant, as configured in the provider. Optional: a tenant has one registration.",
			},
		},
	}
}

func stringSet(values []string) types.Set {
	elements := make([]attr.Value, len(values))
	for i, value := range values {
		elements[i] = types.StringValue(value)
	}
	return types.SetValueMust(types.StringType, elements)
}

// setStrings gives a set's known strings, sorted; ok is false when the set or a part of it is unknown.
func setStrings(set types.Set) (values []string, ok bool) {
	if set.IsUnknown() {
		return nil, false
	}
	for _, element := range set.Elements() {
		text, isString := element.(types.String)
		if !isString || text.IsUnknown() {
			return nil, false
		}
		values = append(values, text.ValueString())
	}
	return sorted(values), true
}
