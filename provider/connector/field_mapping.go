package connector

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

var (
	_ resource.ResourceWithModifyPlan     = (*fieldMapping)(nil)
	_ resource.ResourceWithValidateConfig = (*fieldMapping)(nil)
)

type fieldMapping struct {
	logical[fieldMappingDeclaration, *fieldMappingDeclaration]
}

// fieldMappingDeclaration is the state of a cosell_field_mapping. The connector takes it as a [fieldMappingModel].
type fieldMappingDeclaration struct {
	ID       types.String `tfsdk:"id"`
	CRM      types.String `tfsdk:"crm"`
	Name     types.String `tfsdk:"name"`
	Mappings types.Map    `tfsdk:"mappings"`
}

func newFieldMapping() resource.Resource { return &fieldMapping{} }

func (*fieldMapping) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_field_mapping"
}

func (*fieldMapping) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	rows := mappingRows()
	rows.Validators = []validator.Map{mapvalidator.SizeAtLeast(1)}
	response.Schema = schema.Schema{
		MarkdownDescription: "Changes rows of the default field mapping, and adds rows of your own: which field of the CRM equals which property of a referral, in " +
			"which direction, how a value is turned into the other side's, and who wins a conflict. Hand all of them to `cosell_connector` as a map; two of them must not change the same row. It has no remote object: the " +
			"connector compares the CRM's fields with the organisation.\n\n**Permissions.** None: it is a declaration.\n\n**Default field mapping.**\n\n" + mappingTable() + "\n" + expressionGuide(),
		Attributes: map[string]schema.Attribute{
			"id":  identifier("`<crm>/<name>`."),
			"crm": crmAttribute(document.Salesforce, document.Dynamics365),
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the mapping, for people. Changing it makes another mapping.",
				Validators:          notEmpty,
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"mappings": rows,
		},
	}
}

// ValidateConfig refuses rows that change nothing, and checks those that are known, their expressions included.
func (*fieldMapping) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest, response *resource.ValidateConfigResponse) {
	var config fieldMappingDeclaration
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() || config.CRM.IsUnknown() {
		return
	}
	defaults, rows := defaultMappings(config.CRM.ValueString()), config.Mappings.Elements()
	for _, field := range slices.Sorted(maps.Keys(rows)) {
		at := path.Root("mappings").AtMapKey(field)
		row, ok := rows[field].(types.Object)
		switch {
		case !ok || row.IsUnknown():
		case allNull(row) && slices.Contains(fieldsOf(defaults), field):
			response.Diagnostics.AddAttributeError(at, "Mapping changes nothing",
				fmt.Sprintf("The row of %q leaves everything as in the default mapping. Set one of its attributes, or remove it.", field))
		case wholly(ctx, row):
			var declared mappingModel
			response.Diagnostics.Append(row.As(ctx, &declared, basetypes.ObjectAsOptions{})...)
			addFaults(&response.Diagnostics, at, declared.over(startRow(defaults, field)))
		}
	}
}

// wholly reports whether every part of a row is known.
func wholly(ctx context.Context, row types.Object) bool {
	value, err := row.ToTerraformValue(ctx)
	return err == nil && value.IsFullyKnown()
}

func allNull(row types.Object) bool {
	for _, value := range row.Attributes() {
		if !value.IsNull() {
			return false
		}
	}
	return true
}

func (m *fieldMappingDeclaration) complete() {
	m.ID = types.StringUnknown()
	if !m.CRM.IsUnknown() && !m.Name.IsUnknown() {
		m.ID = types.StringValue(m.CRM.ValueString() + "/" + m.Name.ValueString())
	}
}
