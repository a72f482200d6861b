package salesforce

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// fieldModel is the state of a cosell_salesforce_custom_field.
type fieldModel struct {
	ID                 types.String `tfsdk:"id"`
	FullName           types.String `tfsdk:"full_name"`
	Object             types.String `tfsdk:"object"`
	Name               types.String `tfsdk:"name"`
	Label              types.String `tfsdk:"label"`
	Type               types.String `tfsdk:"type"`
	Description        types.String `tfsdk:"description"`
	HelpText           types.String `tfsdk:"help_text"`
	Length             types.Int64  `tfsdk:"length"`
	Precision          types.Int64  `tfsdk:"precision"`
	Scale              types.Int64  `tfsdk:"scale"`
	VisibleLines       types.Int64  `tfsdk:"visible_lines"`
	Required           types.Bool   `tfsdk:"required"`
	Unique             types.Bool   `tfsdk:"unique"`
	CaseSensitive      types.Bool   `tfsdk:"case_sensitive"`
	ExternalID         types.Bool   `tfsdk:"external_id"`
	TrackHistory       types.Bool   `tfsdk:"track_history"`
	DefaultValue       types.String `tfsdk:"default_value"`
	Picklist           types.Object `tfsdk:"picklist"`
	Lookup             types.Object `tfsdk:"lookup"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
}

// picklistModel is the picklist attribute.
type picklistModel struct {
	Restricted     types.Bool   `tfsdk:"restricted"`
	Sorted         types.Bool   `tfsdk:"sorted"`
	Values         types.List   `tfsdk:"values"`
	GlobalValueSet types.String `tfsdk:"global_value_set"`
}

// valueModel is one element of picklist.values.
type valueModel struct {
	Name    types.String `tfsdk:"name"`
	Label   types.String `tfsdk:"label"`
	Default types.Bool   `tfsdk:"default"`
	Active  types.Bool   `tfsdk:"active"`
}

// lookupModel is the lookup attribute.
type lookupModel struct {
	Object            types.String `tfsdk:"object"`
	RelationshipName  types.String `tfsdk:"relationship_name"`
	RelationshipLabel types.String `tfsdk:"relationship_label"`
	OnDelete          types.String `tfsdk:"on_delete"`
}

var (
	valueType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"name": types.StringType, "label": types.StringType, "default": types.BoolType, "active": types.BoolType,
	}}
	picklistType = map[string]attr.Type{
		"restricted": types.BoolType, "sorted": types.BoolType, "values": types.ListType{ElemType: valueType}, "global_value_set": types.StringType,
	}
	lookupType = map[string]attr.Type{
		"object": types.StringType, "relationship_name": types.StringType, "relationship_label": types.StringType, "on_delete": types.StringType,
	}
)

const fieldDescription = "A custom field of a Salesforce object.\n\n" +
	"A new field is invisible to everybody, administrators included, until a permission set grants it: see " +
	"`cosell_salesforce_permission_set`. A field that exists already is never taken over: import it by `<object>.<name>`.\n\n" +
	"Attributes that are left out have the default of the table, and are reset to it when somebody changes them in Salesforce. " +
	"A change of `type` outside of the last column replaces the field, which loses its data.\n\n"

const fieldDestroyNote = "\n**Destroy.** Salesforce keeps a deleted field for 15 days, with its data, under a changed name; an administrator " +
	"can restore it. With `deletion_protection` (the default) destroying and replacing fail at plan.\n\n" +
	"**Permissions.** The provider's user needs *Customize Application* and *Modify Metadata Through Metadata API Functions* " +
	"(or *Modify All Data*)."

// Schema implements [resource.Resource].
func (r *customField) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: fieldDescription + fieldTypeTable() + fieldDestroyNote,
		Attributes: map[string]schema.Attribute{
			"id":        computedText("The full name, `<object>.<name>`."),
			"full_name": computedText("The full name, `<object>.<name>`, known at plan, for references such as a permission set's."),
			"object": schema.StringAttribute{
				Required: true, MarkdownDescription: "API name of the object, for example `Opportunity`. Changing it replaces the field.",
				Validators: []validator.String{objectName()},
			},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "API name of the field, ending in `__c`, for example `Sync_with_Partner_Center__c`. Changing it replaces the field.",
				Validators:          []validator.String{customName{"field"}},
			},
			"label": schema.StringAttribute{
				Required: true, MarkdownDescription: "What people see, at most 40 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(40)},
			},
			"type": schema.StringAttribute{
				Required: true, MarkdownDescription: "One of the types of the table above.",
				Validators: []validator.String{stringvalidator.OneOf(fieldTypeNames()...)},
			},
			"description": schema.StringAttribute{
				Optional: true, MarkdownDescription: "For administrators, at most 1000 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(1000)},
			},
			"help_text": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Shown beside the field, at most 510 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(510)},
			},
			"length":        numberByType("length", "Greatest number of characters."),
			"precision":     numberByType("precision", "Number of digits, those after the decimal point included."),
			"scale":         numberByType("scale", "Number of digits after the decimal point."),
			"visible_lines": numberByType("visible_lines", "Height in lines on pages."),
			"required":      boolByType("required", "Every save must have a value. Permission sets cannot restrict such a field."),
			"unique":        boolByType("unique", "No two records may have the same value."),
			"case_sensitive": boolByType("case_sensitive",
				"Values that differ in case only are different; needs `unique`."),
			"external_id": boolByType("external_id", "The field is an indexed external id."),
			"track_history": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Track changes in the object's history. Default `false`. The object must have history tracking.",
			},
			"default_value": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Default of new records: `true` or `false` for a checkbox, else a formula (a text in double quotes, a number). " +
					"For " + typesWith("default_value") + ".",
				Validators: []validator.String{trimmed{}},
			},
			"picklist":            picklistAttribute(),
			"lookup":              lookupAttribute(),
			"deletion_protection": deletionProtection("field and its data"),
		},
	}
}

func picklistAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Values of a picklist; required for " + typesWith("picklist") + ".",
		Attributes: map[string]schema.Attribute{
			"restricted": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Only these values can be saved, through the API too. Default `true`.",
			},
			"sorted": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Show the values in alphabetical order instead of the order given. Default `false`.",
			},
			"values": schema.ListNestedAttribute{
				Optional:            true,
				MarkdownDescription: "The field's own values, in their order. Exactly one of `values` and `global_value_set` is given. A value that is taken out is deactivated: records keep it.",
				Validators: []validator.List{
					listvalidator.SizeBetween(1, 1000),
					listvalidator.ExactlyOneOf(path.MatchRelative().AtParent().AtName("global_value_set")),
				},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{
						Required: true, MarkdownDescription: "API name of the value, which records store.",
						Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(255)},
					},
					"label": schema.StringAttribute{
						Optional: true, MarkdownDescription: "What people see. Leave it out where it is the name.",
						Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(255)},
					},
					"default": schema.BoolAttribute{
						Optional: true, Computed: true, Default: booldefault.StaticBool(false),
						MarkdownDescription: "The value of new records; at most one value has it. Default `false`.",
					},
					"active": schema.BoolAttribute{
						Optional: true, Computed: true, Default: booldefault.StaticBool(true),
						MarkdownDescription: "People can choose the value. Default `true`.",
					},
				}},
			},
			"global_value_set": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Name of a global value set that holds the values.",
				Validators: []validator.String{trimmed{}},
			},
		},
	}
}

func lookupAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "The record that the field points to; required for " + typesWith("lookup") + ".",
		Validators:          []validator.Object{objectvalidator.ConflictsWith(path.MatchRoot("picklist"))},
		Attributes: map[string]schema.Attribute{
			"object": schema.StringAttribute{
				Required: true, MarkdownDescription: "API name of the parent object. Changing it replaces the field.",
				Validators: []validator.String{objectName()},
			},
			"relationship_name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name of the children as the parent sees them, without `__r`. Left out, a new field takes the name of its object " +
					"without `__c`, with an `s`, and an existing one keeps what it has.",
				Validators: []validator.String{stringvalidator.RegexMatches(setPattern, "must begin with a letter and hold letters, digits and single underscores"), stringvalidator.LengthAtMost(maxDeveloperName)},
			},
			"relationship_label": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Heading of the related list. Left out, Salesforce chooses, and what it has is kept.",
				Validators:          []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(80)},
			},
			"on_delete": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "What happens when the parent is deleted: `set_null` empties the field (default), `restrict` forbids it (default of required lookups), " +
					"`cascade` deletes the record. For `lookup` only: a master-detail always cascades.",
				Validators: []validator.String{stringvalidator.OneOf(names(deleteConstraints)...)},
			},
		},
	}
}

func computedText(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func numberByType(attribute, description string) schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional: true, Computed: true, MarkdownDescription: description + " For " + typesWith(attribute) + "; default and range in the table.",
	}
}

func boolByType(attribute, description string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, MarkdownDescription: description + " For " + typesWith(attribute) + ". Default `false`.",
	}
}

func deletionProtection(what string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(true),
		MarkdownDescription: "Fail the plan of whatever would delete the " + what + ". Default `true`. To delete, set `false` and apply first. " +
			"To keep the " + what + " but stop managing it, use `removed { lifecycle { destroy = false } }`.",
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *customField) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"org_id": orgIdentity(),
		"object": identityschema.StringAttribute{RequiredForImport: true, Description: "API name of the object."},
		"name":   identityschema.StringAttribute{RequiredForImport: true, Description: "API name of the field, ending in __c."},
	}}
}

func orgIdentity() identityschema.StringAttribute {
	return identityschema.StringAttribute{
		OptionalForImport: true,
		Description:       "The organisation's id. Optional: the one that the provider is signed in to.",
	}
}
