package salesforce

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// sectionModel is the state of a cosell_salesforce_layout_section.
type sectionModel struct {
	ID      types.String `tfsdk:"id"`
	Object  types.String `tfsdk:"object"`
	Layout  types.String `tfsdk:"layout"`
	Label   types.String `tfsdk:"label"`
	Columns types.Int64  `tfsdk:"columns"`
	Fields  types.List   `tfsdk:"fields"`
	After   types.String `tfsdk:"after"`
}

// sectionFieldModel is an entry of fields.
type sectionFieldModel struct{ name, behavior types.String }

var sectionFieldType = types.ObjectType{AttrTypes: map[string]attr.Type{"name": types.StringType, "behavior": types.StringType}}

func sectionFields(fields []sectionFieldModel) types.List {
	values := []attr.Value{}
	for _, field := range fields {
		values = append(values, types.ObjectValueMust(sectionFieldType.AttrTypes, map[string]attr.Value{"name": field.name, "behavior": field.behavior}))
	}
	return types.ListValueMust(sectionFieldType, values)
}

func (m sectionModel) fragment() fragment {
	return fragment{layoutSections, m.Object.ValueString(), m.Layout.ValueString(), m.Label.ValueString()}
}

var behaviors = []word{{"edit", "Edit"}, {"readonly", "Readonly"}, {"required", "Required"}}

const sectionDescription = "A section of fields on a page layout, for example \"Microsoft Partner Center\" with the co-sell fields of an opportunity. " +
	layoutNote +
	"**Order.** Fields must exist before a section shows them: refer to the `name` of their resources. A layout shows a field once: a field that stands in " +
	"another section must be taken out there, because other sections are left alone. A section that is on the layout already is never taken over: import it.\n\n" +
	"In a drifted section, an entry of `fields` with an empty name is a blank place, and one like `page:Map` something that is no field; " +
	"the next apply removes both.\n\n" +
	"**Destroy.** The section leaves the layout, and its fields with it. The fields themselves and their data stay.\n\n" + layoutPermissions

// Schema implements [resource.Resource].
func (r *layoutSection) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: sectionDescription,
		Attributes: map[string]schema.Attribute{
			"id":     computedText("The import id, `<object>-<layout>/<label>`."),
			"object": layoutObject("section"),
			"layout": layoutName("section"),
			"label": schema.StringAttribute{
				Required: true, MarkdownDescription: "Heading of the section, at most 80 characters. Changing it replaces the section.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:    []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(80)},
			},
			"columns": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(2),
				MarkdownDescription: "`1` or `2` (default).",
				Validators:          []validator.Int64{int64validator.Between(1, 2)},
			},
			"fields": schema.ListNestedAttribute{
				Required: true, MarkdownDescription: "Fields as people read them: from left to right, row by row.",
				Validators: []validator.List{listvalidator.SizeAtLeast(1)},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{
						Required: true, MarkdownDescription: "API name of the field, without its object.",
						Validators: []validator.String{stringvalidator.RegexMatches(objectPattern, "must be a field's API name, such as NextStep or Sync_Status__c")},
					},
					"behavior": schema.StringAttribute{
						Optional: true, Computed: true, Default: stringdefault.StaticString("edit"),
						MarkdownDescription: "`edit` (default), `readonly`, or `required`, which people must fill in on this layout. " +
							"The agent's writes do not go through layouts.",
						Validators: []validator.String{stringvalidator.OneOf(names(behaviors)...)},
					},
				}},
			},
			"after": followed("section", "Label of the section"),
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *layoutSection) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = layoutIdentity("label", "Heading of the section.")
}
