package connector

import (
	"context"
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Roles of the fields of a solution detail: the attributes that they hold.
const (
	detailSolutionID = "solution_id"
	detailName       = "name"
	detailType       = "type"
	detailPublisher  = "publisher"
)

// detailRoles lists the roles in the order in which texts name them.
var detailRoles = []string{detailSolutionID, detailName, detailType, detailPublisher}

// defaultDetailObject gives the API name of the object.
func defaultDetailObject(crm string) string {
	return document.DefaultObjects(crm)[document.ObjectSolutionDetail]
}

// defaultDetailFields gives the API names of the fields by role.
func defaultDetailFields(crm string) map[string]string {
	shared := document.DefaultFields(crm)
	if crm == document.Dynamics365 {
		return map[string]string{
			detailSolutionID: shared[document.FieldDetailIdentifier], detailName: "cosell_Name", detailType: "cosell_SolutionType", detailPublisher: "cosell_PublisherName",
		}
	}
	return map[string]string{
		detailSolutionID: shared[document.FieldSolutionIdentifier],
		detailName:       shared[document.FieldSolutionName],
		detailType:       "Type__c",
		detailPublisher:  "Publisher_Name__c",
	}
}

// solutionDetailModel is the state of a cosell_solution_detail.
type solutionDetailModel struct {
	ID                 types.String `tfsdk:"id"`
	CRM                types.String `tfsdk:"crm"`
	SolutionID         types.String `tfsdk:"solution_id"`
	Name               types.String `tfsdk:"name"`
	Type               types.String `tfsdk:"type"`
	Publisher          types.String `tfsdk:"publisher"`
	Object             types.String `tfsdk:"object"`
	Fields             types.Map    `tfsdk:"fields"`
	RecordID           types.String `tfsdk:"record_id"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
}

const solutionDetailDescription = "One solution that sellers can choose for a deal: a record of the Solution Details object in the CRM. With `for_each` over " +
	"`csvdecode(file(\"solutions.csv\"))` it replaces the upload of a spreadsheet.\n\n" +
	"A record with the same identifier that exists already is never taken over: import it. The records of an object are read together, so that " +
	"a plan over hundreds of them makes a few calls.\n\n" +
	"**Destroy.** The record is deleted, and what refers to it loses the reference. With `deletion_protection` (the default) destroying and replacing fail at plan.\n\n" +
	"**Permissions.** The provider's user needs to read, create, edit and delete records of the object, and to edit the fields: grant them with " +
	"`cosell_salesforce_permission_set`, also to administrators, because a new object is invisible to everybody. In Dataverse it needs those rights on the table."

// unpadded refuses texts that Salesforce would change on save: it removes white space at both ends.
var unpadded = stringvalidator.RegexMatches(regexp.MustCompile(`^\S(.*\S)?$`), "must not be empty, and have no white space at its ends: Salesforce would remove it")

// Schema implements [resource.Resource].
func (*solutionDetail) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: solutionDetailDescription,
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier of the resource: `<crm>/<solution_id>`."},
			"crm": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(document.Salesforce),
				MarkdownDescription: "The CRM that holds the record: `salesforce` (default) or `dynamics365`. Changing it makes another record.",
				Validators:          []validator.String{stringvalidator.OneOf(document.Salesforce, document.Dynamics365)},
			},
			"solution_id": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Identifier of the solution in Partner Center, such as `SOL-00001-AAA` or a GUID; other forms are a warning. " +
					"The CRM does not tell case apart. Changing it makes another record.",
				Validators: []validator.String{unpadded},
			},
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the solution, as sellers see it.",
				Validators: []validator.String{unpadded},
			},
			"type": optionalEnum("Whose solution it is: `1p` (Microsoft's), `3p` (another company's) or `own`.", "1p", "3p", "own"),
			"publisher": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Name of the company that publishes the solution.",
				Validators: []validator.String{unpadded},
			},
			"object": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "API name of the Solution Details object or table. Default `" + defaultDetailObject(document.Salesforce) + "`, in Dynamics 365 `" +
					defaultDetailObject(document.Dynamics365) + "`. Refer to the resource that makes the object, so that it comes first. Changing it makes another record.",
				Validators: []validator.String{apiName},
			},
			"fields": detailFieldsAttribute(),
			"record_id": schema.StringAttribute{
				Computed: true, MarkdownDescription: "Id of the record in the CRM.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"deletion_protection": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether destroying or replacing the record fails at plan. Default `true`.",
			},
		},
	}
}

var apiName = stringvalidator.RegexMatches(regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`), "must be an API name, such as Microsoft_Solution_Detail__c")

func detailFieldsAttribute() schema.MapAttribute {
	fields := names("API names of the object's fields by role, where they differ from the defaults. An empty name leaves `type` or `publisher` out, "+
		"for an object without such a field", defaultDetailFields(document.Salesforce), defaultDetailFields(document.Dynamics365))
	fields.Validators = append(fields.Validators, mapvalidator.ValueStringsAre(stringvalidator.Any(apiName, stringvalidator.OneOf(""))))
	return fields
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (*solutionDetail) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, response *resource.IdentitySchemaResponse) {
	response.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"crm":         identityschema.StringAttribute{RequiredForImport: true, Description: "The CRM: salesforce or dynamics365."},
		"solution_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Identifier of the solution in Partner Center."},
		"org_id":      identityschema.StringAttribute{OptionalForImport: true, Description: "Id of the Salesforce organisation, or of that of the Dataverse environment. An import that names another one than the provider's is refused."},
	}}
}

// detailColumns says where the parts of a solution detail are kept.
type detailColumns struct {
	crm    string
	object string
	fields map[string]string // API name by role; "" for a role that is left out
}

// columns gives the names, or false while one of them is unknown.
func (m *solutionDetailModel) columns() (detailColumns, bool) {
	if m.CRM.IsUnknown() || m.Object.IsUnknown() || m.Fields.IsUnknown() {
		return detailColumns{}, false
	}
	c := detailColumns{crm: m.crm(), object: m.Object.ValueString(), fields: defaultDetailFields(m.crm())}
	if c.object == "" {
		c.object = defaultDetailObject(c.crm)
	}
	for role, value := range m.Fields.Elements() {
		name, ok := value.(types.String)
		if !ok || name.IsUnknown() {
			return detailColumns{}, false
		}
		c.fields[role] = name.ValueString()
	}
	return c, true
}

// crm gives the CRM, also of a configuration that leaves it out.
func (m *solutionDetailModel) crm() string {
	if m.CRM.IsNull() {
		return document.Salesforce
	}
	return m.CRM.ValueString()
}

// names lists the fields in the order of their roles.
func (c detailColumns) names() []string {
	var list []string
	for _, role := range detailRoles {
		if c.fields[role] != "" {
			list = append(list, c.fields[role])
		}
	}
	return list
}

// table is what is read of the object.
func (c detailColumns) table() remote.Table {
	return remote.Table{Object: c.object, Key: c.fields[detailSolutionID], Fields: c.names()}
}

// record gives the fields as they are written; nil empties one.
func (m *solutionDetailModel) record(c detailColumns) map[string]any {
	values := map[string]any{}
	for role, value := range m.values() {
		if c.fields[role] != "" {
			values[c.fields[role]] = value.ValueStringPointer()
		}
	}
	return values
}

func (m *solutionDetailModel) values() map[string]types.String {
	return map[string]types.String{detailSolutionID: m.SolutionID, detailName: m.Name, detailType: m.Type, detailPublisher: m.Publisher}
}

// refresh takes over what a record holds. The identifier keeps its case: the record was found by it.
func (m *solutionDetailModel) refresh(c detailColumns, row remote.Row) {
	m.Name = types.StringValue(row.Text(c.fields[detailName]))
	m.Type = textOrNull(row.Text(c.fields[detailType]))
	m.Publisher = textOrNull(row.Text(c.fields[detailPublisher]))
	m.RecordID = types.StringValue(string(row.ID()))
}

// heldBy reports whether a record holds what the model declares.
func (m *solutionDetailModel) heldBy(c detailColumns, row remote.Row) bool {
	held := *m
	held.refresh(c, row)
	return m.sameRecord(&held)
}

// sameRecord compares what is in the CRM; deletion_protection is not.
func (m *solutionDetailModel) sameRecord(other *solutionDetailModel) bool {
	same := func(a, b types.String) bool { return a.Equal(b) }
	return maps.EqualFunc(m.values(), other.values(), same) && m.Object.Equal(other.Object) && m.Fields.Equal(other.Fields)
}

func textOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// solutionIDs are the forms of identifiers that are known.
var solutionIDs = regexp.MustCompile(`^(SOL-\w+-\w+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)
