package partnercenter

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// DataSources lists the constructors of this package's data sources.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{NewWebhookRegistrationData, NewSolutions}
}

// tenantData is what the data sources of this package share.
type tenantData struct{ remote *remote.Remote }

// Configure implements [datasource.DataSourceWithConfigure].
func (d *tenantData) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// registrationData is data.cosell_webhook_registration.
type registrationData struct{ tenantData }

// NewWebhookRegistrationData makes the data source cosell_webhook_registration.
func NewWebhookRegistrationData() datasource.DataSource { return new(registrationData) }

// Metadata implements [datasource.DataSource].
func (d *registrationData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_webhook_registration"
}

type registrationModel struct {
	ID              types.String `tfsdk:"id"`
	Exists          types.Bool   `tfsdk:"exists"`
	URL             types.String `tfsdk:"url"`
	Events          types.Set    `tfsdk:"events"`
	SignatureHeader types.String `tfsdk:"signature_header"`
	SubscriberID    types.String `tfsdk:"subscriber_id"`
	LastModifiedAt  types.String `tfsdk:"last_modified_at"`
}

const registrationDescription = "The webhook registration of the Partner Center tenant as it is, whoever made it.\n\n" +
	"A tenant has one registration. An environment that must not take it over, such as staging that shares the tenant with production, can " +
	"assert where it points before anything is applied.\n\n" +
	"**Permissions.** Those of the resource `cosell_webhook_registration`."

// Schema implements [datasource.DataSource].
func (d *registrationData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: registrationDescription,
		Attributes: map[string]schema.Attribute{
			"id":               text("The tenant's id."),
			"exists":           schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the tenant has a registration. Without one everything else is null."},
			"url":              text("Where events are delivered."),
			"events":           schema.SetAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Events that are subscribed."},
			"signature_header": text("Header that carries the signature: `authorization` or `x-ms-signature`."),
			"subscriber_id":    text("Subscriber id that Partner Center gave."),
			"last_modified_at": text("When the registration was last changed, RFC 3339."),
		},
	}
}

// Read implements [datasource.DataSource].
func (d *registrationData) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	reader := &webhookRegistration{remote: d.remote}
	live, found, err := reader.live(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Webhook registration could not be read", remote.Detail(err))
		return
	}
	model := registrationModel{ID: types.StringValue(reader.tenant()), Exists: types.BoolValue(found), Events: types.SetNull(types.StringType)}
	if found {
		model.URL, model.Events = types.StringValue(live.WebhookURL), stringSet(sorted(live.WebhookEvents))
		model.SignatureHeader, model.SubscriberID = types.StringValue(headerOf(live)), textOrNull(live.SubscriberID)
		if !live.LastModifiedTimestamp.IsZero() {
			model.LastModifiedAt = types.StringValue(live.LastModifiedTimestamp.UTC().Format(time.RFC3339Nano))
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
