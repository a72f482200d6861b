package salesforce

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// DataSources lists the constructors of this package's data sources.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{NewObjectData}
}

// objectData is data.cosell_salesforce_object.
type objectData struct{ remote *remote.Remote }

// NewObjectData makes the data source cosell_salesforce_object.
func NewObjectData() datasource.DataSource { return new(objectData) }

// Metadata implements [datasource.DataSource].
func (d *objectData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_object"
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *objectData) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

type describedModel struct {
	ID         string                         `tfsdk:"id"`
	Name       string                         `tfsdk:"name"`
	Label      string                         `tfsdk:"label"`
	KeyPrefix  string                         `tfsdk:"key_prefix"`
	Custom     bool                           `tfsdk:"custom"`
	Createable bool                           `tfsdk:"createable"`
	Updateable bool                           `tfsdk:"updateable"`
	Fields     map[string]describedFieldModel `tfsdk:"fields"`
	Children   []childModel                   `tfsdk:"child_relationships"`
}

type describedFieldModel struct {
	Label       string           `tfsdk:"label"`
	Type        string           `tfsdk:"type"`
	Length      int64            `tfsdk:"length"`
	Precision   int64            `tfsdk:"precision"`
	Scale       int64            `tfsdk:"scale"`
	Custom      bool             `tfsdk:"custom"`
	Createable  bool             `tfsdk:"createable"`
	Updateable  bool             `tfsdk:"updateable"`
	Required    bool             `tfsdk:"required"`
	Unique      bool             `tfsdk:"unique"`
	ExternalID  bool             `tfsdk:"external_id"`
	Calculated  bool             `tfsdk:"calculated"`
	Picklist    []describedValue `tfsdk:"picklist_values"`
	ReferenceTo []string         `tfsdk:"reference_to"`
}

type describedValue struct {
	Value   string `tfsdk:"value"`
	Label   string `tfsdk:"label"`
	Active  bool   `tfsdk:"active"`
	Default bool   `tfsdk:"default"`
}

type childModel struct {
	Object       string `tfsdk:"object"`
	Field        string `tfsdk:"field"`
	Relationship string `tfsdk:"relationship"`
}

const objectDataDescription = "An object of the organisation as the provider's user sees it: its fields with their types, lengths and picklist values.\n\n" +
	"A field that no permission set grants to that user is missing, although it may exist. One description per object is read in a run, and is " +
	"shared with the resources and the checks.\n\n" +
	"**Permissions.** *API Enabled*, and read on the object and on the fields that are to be seen."

// Schema implements [datasource.DataSource].
func (d *objectData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	flag := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	values := schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"value":   text("API name, which is what the API reads and writes."),
		"label":   text("Label."),
		"active":  flag("Whether it can be chosen."),
		"default": flag("Whether it is the default."),
	}}
	resp.Schema = schema.Schema{
		MarkdownDescription: objectDataDescription,
		Attributes: map[string]schema.Attribute{
			"id":         text("API name of the object."),
			"name":       schema.StringAttribute{Required: true, MarkdownDescription: "API name of the object, for example `Opportunity`.", Validators: []validator.String{objectName()}},
			"label":      text("Label."),
			"key_prefix": text("First three characters of the ids of its records."),
			"custom":     flag("Whether it is a custom object."),
			"createable": flag("Whether the provider's user may create records."),
			"updateable": flag("Whether the provider's user may change records."),
			"fields": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "Fields by API name.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"label":           text("Label."),
				"type":            text("Type as the description calls it, for example `string`, `picklist`, `currency`, `reference`."),
				"length":          number("Length of a text, in characters; 0 for others."),
				"precision":       number("Digits of a number; 0 for others."),
				"scale":           number("Digits after the decimal point."),
				"custom":          flag("Whether it is a custom field."),
				"createable":      flag("Whether a new record can set it."),
				"updateable":      flag("Whether it can be changed."),
				"required":        flag("Whether a new record must have it: it cannot be empty, and nothing fills it."),
				"unique":          flag("Whether its values are unique."),
				"external_id":     flag("Whether it is an external id."),
				"calculated":      flag("Whether a formula computes it."),
				"picklist_values": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "Values of a picklist.", NestedObject: values},
				"reference_to":    schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Objects that a lookup may name."},
			}}},
			"child_relationships": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "Objects that look up to it.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"object":       text("API name of the object."),
				"field":        text("API name of its lookup field."),
				"relationship": text("Name of the relationship; empty when it has none."),
			}}},
		},
	}
}

// Read implements [datasource.DataSource].
func (d *objectData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var name string
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &name)...)
	if resp.Diagnostics.HasError() {
		return
	}
	description, err := d.remote.Describe(ctx, name)
	switch {
	case client.IsNotFound(err):
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Object is not in the organisation",
			"The organisation has no object "+name+", or nothing grants it to the provider's user.")
	case err != nil:
		resp.Diagnostics.AddError("Object could not be described", remote.Detail(err))
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, described(description))...)
	}
}

func described(d *client.Describe) *describedModel {
	model := &describedModel{
		ID: d.Name, Name: d.Name, Label: d.Label, KeyPrefix: d.KeyPrefix, Custom: d.Custom, Createable: d.Createable, Updateable: d.Updateable,
		Fields: map[string]describedFieldModel{}, Children: []childModel{},
	}
	for _, f := range d.Fields {
		field := describedFieldModel{
			Label: f.Label, Type: f.Type, Length: int64(f.Length), Precision: int64(f.Precision), Scale: int64(f.Scale), Custom: f.Custom,
			Createable: f.Createable, Updateable: f.Updateable, Required: f.Createable && !f.Nillable && !f.DefaultedOnCreate,
			Unique: f.Unique, ExternalID: f.ExternalID, Calculated: f.Calculated, Picklist: []describedValue{}, ReferenceTo: append([]string{}, f.ReferenceTo...),
		}
		for _, v := range f.PicklistValues {
			field.Picklist = append(field.Picklist, describedValue{v.Value, v.Label, v.Active, v.DefaultValue})
		}
		model.Fields[f.Name] = field
	}
	for _, c := range d.ChildRelationships {
		model.Children = append(model.Children, childModel{c.ChildSObject, c.Field, c.RelationshipName})
	}
	return model
}
