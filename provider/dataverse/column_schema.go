package dataverse

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// columnModel is the state of a cosell_dataverse_column.
type columnModel struct {
	ID                 types.String  `tfsdk:"id"`
	Table              types.String  `tfsdk:"table"`
	Name               types.String  `tfsdk:"name"`
	Label              types.String  `tfsdk:"label"`
	Description        types.String  `tfsdk:"description"`
	Type               types.String  `tfsdk:"type"`
	RequiredLevel      types.String  `tfsdk:"required_level"`
	MaxLength          types.Int64   `tfsdk:"max_length"`
	Format             types.String  `tfsdk:"format"`
	AutoNumberFormat   types.String  `tfsdk:"auto_number_format"`
	Precision          types.Int64   `tfsdk:"precision"`
	MinValue           types.Float64 `tfsdk:"min_value"`
	MaxValue           types.Float64 `tfsdk:"max_value"`
	Behavior           types.String  `tfsdk:"behavior"`
	DefaultValue       types.Bool    `tfsdk:"default_value"`
	TrueLabel          types.String  `tfsdk:"true_label"`
	FalseLabel         types.String  `tfsdk:"false_label"`
	Options            types.List    `tfsdk:"options"`
	GlobalChoice       types.String  `tfsdk:"global_choice"`
	TargetTable        types.String  `tfsdk:"target_table"`
	RelationshipName   types.String  `tfsdk:"relationship_name"`
	OnDelete           types.String  `tfsdk:"on_delete"`
	Unique             types.Bool    `tfsdk:"unique"`
	Solution           types.String  `tfsdk:"solution"`
	LogicalName        types.String  `tfsdk:"logical_name"`
	MetadataID         types.String  `tfsdk:"metadata_id"`
	DeletionProtection types.Bool    `tfsdk:"deletion_protection"`
}

// optionModel is an element of the options attribute.
type optionModel struct {
	Value types.Int64  `tfsdk:"value"`
	Label types.String `tfsdk:"label"`
}

var optionType = types.ObjectType{AttrTypes: map[string]attr.Type{"value": types.Int64Type, "label": types.StringType}}

const columnDescription = "A custom column of a table, also of a standard one such as `opportunity`.\n\n" +
	"A column of the name that exists already is never taken over: import it. An update sends the whole definition as it stands, with what is declared changed in it, " +
	"keeps the labels in other languages, and publishes the table; changes of one run are published together. Options of a choice are added, renamed, ordered and removed one by one, " +
	"because an update of the definition leaves them alone; rows keep the number of an option that is removed.\n\n" +
	"With `unique` the column gets an alternate key, by which the agent addresses rows and makes none twice. Dataverse builds its index in the background: the apply waits for it, " +
	"and fails when rows share a value. Rows without a value are exempt.\n\n" +
	"**Destroy.** The column is deleted with its data. Dataverse refuses that while a form, a view or a flow uses it. With `deletion_protection` (the default) destroying and replacing fail at plan.\n\n" +
	"**Permissions.** The provider's application user needs to create, read, write and delete attributes, relationships and keys and to publish customizations, as System Customizer has."

// NewColumn makes the resource type cosell_dataverse_column.
func NewColumn() resource.Resource {
	return &managed[columnModel, *columnModel]{
		check: checkColumn,
		kind: kind{
			typeName: "dataverse_column", what: "column", example: "opportunity/cosell_Audit",
			keys:    []key{{"table", "Name of the table."}, {"name", "Schema name of the column."}},
			fixed:   []string{"type", attrGlobalChoice, attrTarget, attrRelationship},
			settled: []string{"metadata_id"},
			schema: schema.Schema{
				MarkdownDescription: columnDescription + "\n\n**Types.**\n\n" + columnTypeTable(),
				Attributes:          columnAttributes(),
			},
		},
	}
}

func columnAttributes() map[string]schema.Attribute {
	byType := func(description string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: description, Validators: validators}
	}
	number := func(description string, least, most int64) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, Computed: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.Between(least, most)}}
	}
	limit := func(description string) schema.Float64Attribute {
		return schema.Float64Attribute{
			Optional: true, MarkdownDescription: description + " Left out, what Dataverse sets stays, and changes of it are not looked at.",
			Validators: []validator.Float64{float64validator.Between(-922337203685477, 922337203685477)},
		}
	}
	return map[string]schema.Attribute{
		"id":             identifier(),
		"table":          required("Name of the table: its schema name or logical name, such as `opportunity`. Refer to the resource that makes it, so that it comes first. Changing it makes another column.", tableName()),
		"name":           required("Schema name with the publisher's prefix, such as `cosell_Audit`. Changing it makes another column.", schemaName()),
		"label":          required("Name that people see.", unpadded()),
		"description":    optional("Help text.", unpadded()),
		"type":           required("What the column holds, from the table above. Changing it makes another column.", stringvalidator.OneOf(columnTypeNames()...)),
		"required_level": oneOf("Whether people must fill the column: `none` (default), `recommended` or `required`.", levels),
		attrMaxLength:    number("Most characters.", 1, 1048576),
		attrFormat:       byType("Of `text`: "+quotedNames(textFormats)+". Of `datetime`: "+quotedNames(dateFormats)+".", stringvalidator.OneOf(append(namesOf(textFormats), namesOf(dateFormats)...)...)),
		attrAutoNumber:   optional("Makes Dataverse number the rows, such as `{DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}`.", unpadded()),
		attrPrecision:    number("Decimal places, 0 to 10; of `money` 0 to 4.", 0, 10),
		attrMin:          limit("Least value."),
		attrMax:          limit("Largest value."),
		attrBehavior:     byType("How a date relates to time zones: "+quotedNames(behaviors)+". It can be changed once, away from `user_local`.", stringvalidator.OneOf(namesOf(behaviors)...)),
		attrDefault:      schema.BoolAttribute{Optional: true, Computed: true, MarkdownDescription: "Value of new rows, of `boolean`."},
		attrTrueLabel:    byType("What people see for yes.", unpadded()),
		attrFalseLabel:   byType("What people see for no.", unpadded()),
		attrOptions: schema.ListNestedAttribute{
			Optional: true, MarkdownDescription: "The options, in the order in which people see them.",
			Validators: []validator.List{listvalidator.SizeAtLeast(1)},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"value": schema.Int64Attribute{Optional: true, MarkdownDescription: "Number of the option, which rows hold. Left out, Dataverse assigns one, and another label is another option; given, the option can be renamed."},
				"label": required("Name that people see.", unpadded()),
			}},
		},
		attrGlobalChoice: optional("Name of a global choice that exists, instead of `options`. Changing it makes another column.", tableName()),
		attrTarget:       optional("Of `lookup`: name of the table that rows are looked up in. Changing it makes another column.", tableName()),
		attrRelationship: byType("Of `lookup`: schema name of the relationship. Default: the column's schema name, followed by the two tables' names. Changing it makes another column.", schemaName()),
		attrOnDelete:     byType("Of `lookup`: what becomes of a row when the one that it refers to is deleted: "+quotedNames(deletions)+".", stringvalidator.OneOf(namesOf(deletions)...)),
		"unique":         flag("Whether the column is an alternate key: no two rows have the same value. Default `false`. Possible for `text` (up to 450 characters), `integer`, `decimal`, `datetime`, `choice` and `lookup`.", false),
		"solution":       solutionAttribute(),
		"logical_name":   settled("Name in addresses and queries: the schema name in lower case. Known at plan."),
		"metadata_id":    settled("Id of the definition."),

		"deletion_protection": deletionProtection("column and its data"),
	}
}

func quotedNames(words []word) string { return "`" + strings.Join(namesOf(words), "`, `") + "`" }

// byType gives the attributes that depend on the type.
func (m *columnModel) byType() map[string]attr.Value {
	return map[string]attr.Value{
		attrMaxLength: m.MaxLength, attrFormat: m.Format, attrAutoNumber: m.AutoNumberFormat, attrPrecision: m.Precision, attrMin: m.MinValue, attrMax: m.MaxValue,
		attrBehavior: m.Behavior, attrDefault: m.DefaultValue, attrTrueLabel: m.TrueLabel, attrFalseLabel: m.FalseLabel, attrOptions: m.Options,
		attrGlobalChoice: m.GlobalChoice, attrTarget: m.TargetTable, attrRelationship: m.RelationshipName, attrOnDelete: m.OnDelete,
	}
}

// uniqueTypes are those that can be an alternate key ("Define alternate keys for a table").
var uniqueTypes = map[string]bool{"text": true, "integer": true, "decimal": true, "datetime": true, "choice": true, "lookup": true}

// longestKey is how many characters a key's column can have: 900 bytes.
const longestKey = 450

// checkColumn refuses attributes that the type does not have, and asks for those that it needs.
func checkColumn(_ context.Context, config columnModel, diagnostics *diag.Diagnostics) {
	kind, known := columnTypeNamed(config.Type.ValueString())
	if !known {
		return
	}
	given := config.byType()
	for _, name := range typeAttributes {
		if _, applies := kind.attributes[name]; !applies && !given[name].IsNull() {
			diagnostics.AddAttributeError(path.Root(name), "Attribute does not apply to the column's type", fmt.Sprintf("A column of type %s has no %s. Remove it.", kind.name, name))
		}
	}
	needs := func(at string, wrong bool, detail string) {
		if wrong {
			diagnostics.AddAttributeError(path.Root(at), "Column's definition is incomplete or contradicts itself", detail)
		}
	}
	switch kind.name {
	case "choice", "choices":
		needs(attrOptions, config.Options.IsNull() == config.GlobalChoice.IsNull(), "Give either options or global_choice.")
	case "lookup":
		needs(attrTarget, config.TargetTable.IsNull(), "A lookup needs target_table.")
	case "text":
		format := config.Format.ValueString()
		needs(attrFormat, format != "" && toRemote(textFormats, config.Format) == "", "The format of a text is one of "+strings.Join(namesOf(textFormats), ", ")+".")
		needs(attrMaxLength, config.MaxLength.ValueInt64() > 4000, "A text has at most 4000 characters; use type = \"memo\" for more.")
		needs(attrMaxLength, config.Unique.ValueBool() && config.MaxLength.ValueInt64() > longestKey, fmt.Sprintf("A unique text has at most %d characters.", longestKey))
	case "datetime":
		needs(attrFormat, !config.Format.IsNull() && !config.Format.IsUnknown() && toRemote(dateFormats, config.Format) == "", "The format of a date is one of "+strings.Join(namesOf(dateFormats), ", ")+".")
	case "money":
		needs(attrPrecision, config.Precision.ValueInt64() > 4, "An amount has at most 4 decimal places.")
	}
	needs("unique", config.Unique.ValueBool() && !uniqueTypes[kind.name], "A column of type "+kind.name+" cannot be an alternate key.")
}
