package salesforce

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// objectModel is the state of a cosell_salesforce_custom_object.
type objectModel struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	Label              types.String `tfsdk:"label"`
	PluralLabel        types.String `tfsdk:"plural_label"`
	Description        types.String `tfsdk:"description"`
	SharingModel       types.String `tfsdk:"sharing_model"`
	DeploymentStatus   types.String `tfsdk:"deployment_status"`
	EnableHistory      types.Bool   `tfsdk:"enable_history"`
	EnableReports      types.Bool   `tfsdk:"enable_reports"`
	EnableActivities   types.Bool   `tfsdk:"enable_activities"`
	NameField          types.Object `tfsdk:"name_field"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
}

// nameFieldModel is the name_field attribute.
type nameFieldModel struct {
	Label          types.String `tfsdk:"label"`
	Type           types.String `tfsdk:"type"`
	DisplayFormat  types.String `tfsdk:"display_format"`
	StartingNumber types.Int64  `tfsdk:"starting_number"`
}

var nameFieldType = map[string]attr.Type{
	"label": types.StringType, "type": types.StringType, "display_format": types.StringType, "starting_number": types.Int64Type,
}

// word pairs a value of a configuration with that of the Metadata API.
type word struct{ name, metadata string }

var (
	sharingModels = []word{
		{"private", "Private"}, {"read", "Read"}, {"read_write", "ReadWrite"}, {"controlled_by_parent", "ControlledByParent"},
	}
	deploymentStatuses = []word{{"deployed", "Deployed"}, {"in_development", "InDevelopment"}}
	nameTypes          = []word{{"text", "Text"}, {"auto_number", "AutoNumber"}}
)

func names(words []word) []string {
	var list []string
	for _, w := range words {
		list = append(list, w.name)
	}
	return list
}

// toMetadata translates a value, "" when it is null or unknown.
func toMetadata(words []word, value types.String) string {
	for _, w := range words {
		if w.name == value.ValueString() {
			return w.metadata
		}
	}
	return ""
}

// fromMetadata translates back. A value that no configuration can hold is shown as it is.
func fromMetadata(words []word, value string) types.String {
	for _, w := range words {
		if w.metadata == value {
			return types.StringValue(w.name)
		}
	}
	return textOrNull(&value)
}

const objectDescription = "A custom object of a Salesforce organisation, for example the Microsoft Solutions of an opportunity. Its fields are " +
	"`cosell_salesforce_custom_field` resources.\n\n" +
	"A new object is invisible to everybody until a permission set grants it: see `cosell_salesforce_permission_set`. An object " +
	"that exists already is never taken over: import it by its name.\n\n" +
	"**Destroy.** Salesforce deletes the object with its fields and records, and keeps it for 15 days for an administrator to restore. With " +
	"`deletion_protection` (the default) destroying and replacing fail at plan.\n\n" +
	"**Permissions.** The provider's user needs *Customize Application* and *Modify Metadata Through Metadata API Functions* " +
	"(or *Modify All Data*)."

// Schema implements [resource.Resource].
func (r *customObject) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: objectDescription,
		Attributes: map[string]schema.Attribute{
			"id": computedText("The API name."),
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "API name, ending in `__c`, for example `Microsoft_Solution__c`. Changing it replaces the object.",
				Validators: []validator.String{customName{"object"}},
			},
			"label": schema.StringAttribute{
				Required: true, MarkdownDescription: "What people see for one record, at most 40 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(40)},
			},
			"plural_label": schema.StringAttribute{
				Required: true, MarkdownDescription: "What people see for several records, at most 40 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(40)},
			},
			"description": schema.StringAttribute{
				Optional: true, MarkdownDescription: "For administrators, at most 1000 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(1000)},
			},
			"sharing_model": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Who sees records of others: `private`, `read`, `read_write`, or `controlled_by_parent` for objects with a master-detail field. " +
					"Left out, a new object has `read_write`, and an existing one keeps what it has: Salesforce changes it when a master-detail field is added.",
				Validators: []validator.String{stringvalidator.OneOf(names(sharingModels)...)},
			},
			"deployment_status": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("deployed"),
				MarkdownDescription: "`deployed` (default), or `in_development` to hide the object from users.",
				Validators:          []validator.String{stringvalidator.OneOf(names(deploymentStatuses)...)},
			},
			"enable_history":    feature("Track changes to fields that ask for it (`track_history`)."),
			"enable_reports":    feature("Let people make reports of the object."),
			"enable_activities": feature("Let people attach tasks and events."),
			"name_field": schema.SingleNestedAttribute{
				Required: true, MarkdownDescription: "The field that names a record.",
				Attributes: map[string]schema.Attribute{
					"label": schema.StringAttribute{
						Required: true, MarkdownDescription: "Label of the name field, at most 40 characters.",
						Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(40)},
					},
					"type": schema.StringAttribute{
						Optional: true, Computed: true, Default: stringdefault.StaticString("text"),
						MarkdownDescription: "`text` (default), or `auto_number`.",
						Validators:          []validator.String{stringvalidator.OneOf(names(nameTypes)...)},
					},
					"display_format": schema.StringAttribute{
						Optional: true, MarkdownDescription: "Format of the numbers, for example `MS-{00000}`; required for `auto_number`.",
						Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(30)},
					},
					"starting_number": schema.Int64Attribute{
						Optional: true, MarkdownDescription: "First number of an `auto_number`. Salesforce does not tell it again, so changes made elsewhere are not seen.",
						Validators: []validator.Int64{int64validator.AtLeast(0)},
					},
				},
			},
			"deletion_protection": deletionProtection("object, its fields and its records"),
		},
	}
}

func feature(description string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: description + " Default `false`.",
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *customObject) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"org_id": orgIdentity(),
		"name":   identityschema.StringAttribute{RequiredForImport: true, Description: "API name of the object, ending in __c."},
	}}
}
