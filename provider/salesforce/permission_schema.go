package salesforce

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// permissionModel is the state of a cosell_salesforce_permission_set.
type permissionModel struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	Label       types.String `tfsdk:"label"`
	Description types.String `tfsdk:"description"`
	Fields      types.Map    `tfsdk:"fields"`
	Objects     types.Map    `tfsdk:"objects"`
	Assignees   types.Set    `tfsdk:"assignees"`
}

// Values of the fields map.
const (
	accessRead = "read"
	accessEdit = "edit"
)

// objectRight is a right on an object: its name in configurations, its column of ObjectPermissions, and the rights that
// Salesforce demands with it (source: Object Reference, "ObjectPermissions").
type objectRight struct {
	name, column string
	needs        []string
}

var objectRights = []objectRight{
	{"read", "PermissionsRead", nil},
	{"create", "PermissionsCreate", []string{"read"}},
	{"edit", "PermissionsEdit", []string{"read"}},
	{"delete", "PermissionsDelete", []string{"read", "edit"}},
	{"view_all", "PermissionsViewAllRecords", []string{"read"}},
	{"modify_all", "PermissionsModifyAllRecords", []string{"read", "edit", "delete", "view_all"}},
}

func rightNames() []string {
	var list []string
	for _, right := range objectRights {
		list = append(list, right.name)
	}
	return list
}

var fieldPattern = regexp.MustCompile(`^[A-Za-z](_{0,2}[A-Za-z0-9])*\.[A-Za-z](_{0,2}[A-Za-z0-9])*$`)

// setOfText is the element type of objects.
var setOfText = types.SetType{ElemType: types.StringType}

const permissionDescription = "A permission set: which fields and objects it opens, and to whom it is assigned. New custom fields and objects are " +
	"invisible to everybody, administrators and the agent included, until a permission set grants them.\n\n" +
	"`fields`, `objects` and `assignees` are each managed as a whole where they are given: what somebody adds in Salesforce is removed by " +
	"the next apply. Left out, they are not managed; taking one out of the configuration revokes what it granted. Other permissions of the set are left alone. " +
	"A permission set that exists already is never taken over: import it by its name.\n\n" +
	"Fields that are required, or master-detail, have no field permissions in Salesforce: everybody who sees the object sees them. Naming " +
	"one in `fields` gives a warning and is otherwise without effect.\n\n" +
	"**Destroy.** Removes the assignments and the permission set.\n\n" +
	"**Permissions.** The provider's user needs *Manage Profiles and Permission Sets*, *Assign Permission Sets*, *View Setup and Configuration*, and " +
	"*Modify Metadata Through Metadata API Functions* (or *Modify All Data*)."

// Schema implements [resource.Resource].
func (r *permissionSet) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: permissionDescription,
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed: true, MarkdownDescription: "Salesforce's id of the permission set, 18 characters.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "API name, for example `Cosell_Agent`. Changing it replaces the permission set.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators: []validator.String{
					stringvalidator.RegexMatches(setPattern, "must begin with a letter and hold letters, digits and single underscores"),
					stringvalidator.LengthAtMost(80),
				},
			},
			"label": schema.StringAttribute{
				Required: true, MarkdownDescription: "What administrators see, at most 80 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(80)},
			},
			"description": schema.StringAttribute{
				Optional: true, MarkdownDescription: "For administrators, at most 255 characters.",
				Validators: []validator.String{trimmed{}, stringvalidator.UTF8LengthAtMost(255)},
			},
			"fields": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Field permissions: full name, for example `Opportunity.Audit__c`, to `read` or `edit` (which includes read).",
				Validators: []validator.Map{
					mapvalidator.SizeAtLeast(1),
					mapvalidator.KeysAre(stringvalidator.RegexMatches(fieldPattern, "must be a full name such as Opportunity.Audit__c")),
					mapvalidator.ValueStringsAre(stringvalidator.OneOf(accessRead, accessEdit)),
				},
			},
			"objects": schema.MapAttribute{
				ElementType: setOfText, Optional: true,
				MarkdownDescription: "Object permissions: API name to a set of `" + strings.Join(rightNames(), "`, `") + "`. Rights that Salesforce demands " +
					"with others must be named too: every right needs `read`, `delete` needs `edit`, `modify_all` needs all but `create`.",
				Validators: []validator.Map{
					mapvalidator.SizeAtLeast(1),
					mapvalidator.KeysAre(objectName()),
					mapvalidator.ValueSetsAre(setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.OneOf(rightNames()...))),
				},
			},
			"assignees": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "User names to whom the set is assigned, for example that of the agent's integration user.",
				Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(trimmed{}, stringvalidator.LengthAtMost(80))},
			},
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *permissionSet) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"org_id": orgIdentity(),
		"name":   identityschema.StringAttribute{RequiredForImport: true, Description: "API name of the permission set."},
	}}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig]: rights that depend on others, and names that differ in
// case only, which Salesforce does not tell apart.
func (r *permissionSet) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config permissionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	checkSpelling(config.Fields, path.Root("fields"), &resp.Diagnostics)
	checkSpelling(config.Objects, path.Root("objects"), &resp.Diagnostics)
	for object, value := range config.Objects.Elements() {
		set, isSet := value.(types.Set)
		rights, known := texts(set)
		if !isSet || !known {
			continue
		}
		for _, right := range objectRights {
			missing := slices.DeleteFunc(slices.Clone(right.needs), func(need string) bool { return slices.Contains(rights, need) })
			if slices.Contains(rights, right.name) && len(missing) > 0 {
				resp.Diagnostics.AddAttributeError(path.Root("objects").AtMapKey(object), "Object right needs other rights",
					fmt.Sprintf("%s on %s needs %s as well: Salesforce refuses the one without the others. Add them.", right.name, object, strings.Join(missing, ", ")))
			}
		}
	}
}

func checkSpelling(values types.Map, at path.Path, diagnostics *diag.Diagnostics) {
	seen := map[string]string{}
	for key := range values.Elements() {
		if other, twice := seen[strings.ToLower(key)]; twice {
			diagnostics.AddAttributeError(at.AtMapKey(key), "Name is given twice in different spellings",
				fmt.Sprintf("%s and %s are one name to Salesforce.", other, key))
		}
		seen[strings.ToLower(key)] = key
	}
}

// texts gives a set's strings, sorted; ok is false when the set or a part of it is unknown.
func texts(set types.Set) (values []string, ok bool) {
	if set.IsUnknown() {
		return nil, false
	}
	for _, element := range set.Elements() {
		text, isText := element.(types.String)
		if !isText || text.IsUnknown() {
			return nil, false
		}
		values = append(values, text.ValueString())
	}
	slices.Sort(values)
	return values, true
}
