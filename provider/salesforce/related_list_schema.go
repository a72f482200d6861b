package salesforce

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// relatedListModel is the state of a cosell_salesforce_related_list.
type relatedListModel struct {
	ID              types.String `tfsdk:"id"`
	Object          types.String `tfsdk:"object"`
	Layout          types.String `tfsdk:"layout"`
	List            types.String `tfsdk:"list"`
	Fields          types.List   `tfsdk:"fields"`
	SortField       types.String `tfsdk:"sort_field"`
	SortOrder       types.String `tfsdk:"sort_order"`
	ExcludedButtons types.Set    `tfsdk:"excluded_buttons"`
	After           types.String `tfsdk:"after"`
}

func (m relatedListModel) fragment() fragment {
	return fragment{relatedLists, m.Object.ValueString(), m.Layout.ValueString(), m.List.ValueString()}
}

var sortOrders = []word{{"asc", "Asc"}, {"desc", "Desc"}}

// listPattern is the name of a standard list, or a custom object's lookup.
var listPattern = regexp.MustCompile(`^[A-Za-z](_{0,2}[A-Za-z0-9])*(\.[A-Za-z](_{0,2}[A-Za-z0-9])*)?$`)

const layoutNote = "A layout is one document to Salesforce, written as a whole. The provider reads it right before a write, changes its own node and " +
	"sends the rest back byte for byte, one write after the other. What people change in Setup between plan and apply stays. Salesforce offers " +
	"no conditional write: an edit that is saved in the moment between that read and its write would be lost.\n\n"

const layoutPermissions = "**Permissions.** The provider's user needs *Customize Application* and *Modify Metadata Through Metadata API Functions* " +
	"(or *Modify All Data*)."

const relatedListDescription = "A related list on a page layout, for example the Microsoft Solutions, the Notes or the Opportunity Team of an opportunity. " +
	layoutNote +
	"| List | `list` | Columns, for example | Needs |\n|---|---|---|---|\n" +
	"| Notes | `RelatedContentNoteList` | none | `notes` of `cosell_salesforce_settings` |\n" +
	"| Opportunity Team | `RelatedOpportunitySalesTeam` | `MemberName`, `OppAccessLevel`, `TeamMemberRole` | `opportunity_teams` of `cosell_salesforce_settings` |\n" +
	"| Contact Roles | `RelatedContactRoleList` | `ContactName`, `Role`, `IsPrimary` | |\n" +
	"| Files | `RelatedFileList` | none | |\n" +
	"| Custom records | `<object>.<lookup>`, for example `Microsoft_Solution__c.Opportunity__c` | `NAME`, fields of the object | the lookup field |\n\n" +
	"**Order.** Settings come before the lists that they bring, and fields before the lists that show them: refer to their resources, or use `depends_on`. " +
	"A list that is on the layout already is never taken over: import it.\n\n" +
	"`fields`, `sort_field`, `sort_order` and `excluded_buttons` are managed where they are given; taking one out of the configuration removes what it " +
	"declared.\n\n" +
	"**Destroy.** The list leaves the layout. Its records stay.\n\n" + layoutPermissions

// Schema implements [resource.Resource].
func (r *relatedList) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: relatedListDescription,
		Attributes: map[string]schema.Attribute{
			"id":     computedText("The import id, `<object>-<layout>/<list>`."),
			"object": layoutObject("list"),
			"layout": layoutName("list"),
			"list": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "API name of the list: see the table above. Changing it replaces the list.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators: []validator.String{stringvalidator.RegexMatches(listPattern,
					"must be a list's API name, such as RelatedContentNoteList or Microsoft_Solution__c.Opportunity__c")},
			},
			"fields": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Columns, in their order: `NAME` and field API names for custom records, the list's own names otherwise.",
				Validators: []validator.List{
					listvalidator.SizeAtLeast(1), listvalidator.UniqueValues(), listvalidator.ValueStringsAre(trimmed{}),
				},
			},
			"sort_field": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Column to sort by.",
				Validators: []validator.String{trimmed{}},
			},
			"sort_order": schema.StringAttribute{
				Optional: true, MarkdownDescription: "`asc` or `desc`; needs `sort_field`.",
				Validators: []validator.String{stringvalidator.OneOf(names(sortOrders)...), stringvalidator.AlsoRequires(path.MatchRoot("sort_field"))},
			},
			"excluded_buttons": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Standard buttons that the list does not show, for example `New` or `AddOppTeamMember`. `[]` shows all.",
				Validators:          []validator.Set{setvalidator.ValueStringsAre(trimmed{})},
			},
			"after": followed("list", "API name of the list"),
		},
	}
}

func layoutObject(what string) schema.StringAttribute {
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "API name of the object that the layout shows, for example `Opportunity`. Changing it replaces the " + what + ".",
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators:          []validator.String{objectName()},
	}
}

func layoutName(what string) schema.StringAttribute {
	return schema.StringAttribute{
		Required: true,
		MarkdownDescription: "Name of the layout as Setup shows it, for example `Opportunity Layout`; with its namespace and `__` when a package brought it. " +
			"The layout must exist. Changing it replaces the " + what + ".",
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators:    []validator.String{trimmed{}},
	}
}

func followed(what, name string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true,
		MarkdownDescription: name + " to stand behind. Left out, a new " + what + " comes last. A " + what + " that exists is moved only when this attribute changes: " +
			"people may arrange the layout.",
		Validators: []validator.String{trimmed{}},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *relatedList) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = layoutIdentity("list", "API name of the list.")
}

func layoutIdentity(name, description string) identityschema.Schema {
	return identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"org_id": orgIdentity(),
		"object": identityschema.StringAttribute{RequiredForImport: true, Description: "API name of the object."},
		"layout": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the layout, without its object."},
		name:     identityschema.StringAttribute{RequiredForImport: true, Description: description},
	}}
}
