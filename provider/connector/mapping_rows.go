package connector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/expression"
)

// mappingModel is a row as declared. A nil part stays as in the default row; a field that the deal does not have by itself has
// no default row.
type mappingModel struct {
	PartnerCenter      *string      `tfsdk:"partner_center"`
	CRM                *string      `tfsdk:"crm"`
	Direction          *string      `tfsdk:"direction"`
	On                 []string     `tfsdk:"on"`
	Conflict           *string      `tfsdk:"conflict"`
	Constant           *string      `tfsdk:"constant"`
	Default            *string      `tfsdk:"default"`
	Values             []valueModel `tfsdk:"values"`
	Null               *string      `tfsdk:"null"`
	InboundExpression  *string      `tfsdk:"inbound_expression"`
	OutboundExpression *string      `tfsdk:"outbound_expression"`
}

type valueModel struct {
	CRM           string `tfsdk:"crm"`
	PartnerCenter string `tfsdk:"partner_center"`
}

// mappingRows is what cosell_field_mapping declares and the connector takes.
func mappingRows() schema.MapNestedAttribute {
	expressionText := []validator.String{stringvalidator.LengthBetween(1, expression.MaxLength)}
	return schema.MapNestedAttribute{
		Required: true,
		MarkdownDescription: "Rows by field of the deal. A key of the default table changes that row; any other key (lower-case letters, digits and underscores) " +
			"is a field of your own, for which `partner_center` and `crm` are required, `direction` is by default `both`, `on` both moments, and `conflict` `crm`.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"partner_center": optionalText("Path in the referral, dotted; `details.requirements.additionalRequirements.attributes.TYPE` is the typed attribute TYPE, such as `SolutionArea`. A field of your own needs none where an inbound `constant` or `inbound_expression` is the source."),
			"crm": optionalText("Field of the opportunity; a dotted path reaches a related record, such as `Account.Owner.Email` or `Region__r.Code__c`; `ContentNote` is the opportunity's note of the title *Co-sell notes*, for which Notes must be on. " +
				"A field of your own needs none where an outbound `constant` or `outbound_expression` is the source."),
			"direction": optionalEnum("`inbound` (to the CRM), `outbound`, or `both`. Fields of a new account (`Account.…`) are written on create only, those of other related records never.", document.Inbound, document.Outbound, document.Both),
			"on":        textSet("When the row applies: `create`, `update`.", setvalidator.ValueStringsAre(stringvalidator.OneOf(document.OnCreate, document.OnUpdate)), setvalidator.SizeAtLeast(1)),
			"conflict": optionalEnum("What happens when both sides changed the field to different values. `crm` or `partner_center`: that side wins. "+
				"`prefer_crm_unless_blank`, `prefer_partner_center_unless_blank`: that side wins unless its value is empty. `manual`: the field waits until a person has "+
				"made both sides equal, and the rest of the deal goes on. `write_once`: a side that has a value keeps it for good. `latch`: the same, said of a tick: "+
				"set on either side, it is set on both and stays. `last_writer`: the side whose record was changed last, in whatever field, wins. `off`: the field is "+
				"not synchronised at all.", append(slices.Clone(document.ConflictRules), document.ConflictOff)...),
			"constant": optionalText("The value that is written, for every deal. Needs `direction` `inbound` or `outbound`, and takes no source."),
			"default":  optionalText("What is written where the result would be empty: the CRM's value, or Partner Center's in a row that is `outbound`."),
			"values": schema.ListNestedAttribute{
				Optional: true,
				MarkdownDescription: "Which value of the CRM equals which of Partner Center, such as the API names of a picklist. A value that is not named stops this field " +
					"with a message, and a new deal that needs the field; everything else goes on. Several values of the CRM may equal one of Partner Center: the first is written.",
				Validators: []validator.List{listvalidator.SizeAtLeast(1)},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"crm":            requiredText("Value in the CRM."),
					"partner_center": requiredText("Value in Partner Center."),
				}},
			},
			"null": optionalEnum("What an empty source does on update: `clear` the other side's value (default), or `keep` it.", document.NullClear, document.NullKeep),
			"inbound_expression": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Gives the CRM's value: an expression (see the description of `cosell_field_mapping`) that sees `referral` and `value`. In a row of direction `both` it sees `value` only, and `outbound_expression` must undo it.",
				Validators:          expressionText,
			},
			"outbound_expression": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Gives Partner Center's value: an expression (see the description of `cosell_field_mapping`) that sees `record` and `value`. In a row of direction `both` it sees `value` only.",
				Validators:          expressionText,
			},
		}},
	}
}

// expressionGuide documents expressions from the one list of helpers that there is.
func expressionGuide() string {
	var guide strings.Builder
	guide.WriteString("**Expressions** are in the [Common Expression Language](https://cel.dev), with its string functions. They see `value`, the value being mapped; " +
		"`referral`, the referral as Partner Center gives it (`referral.details.dealValue`); and `record`, the CRM's record (`record.Account.Owner.Email`). " +
		"What is missing is null. Numbers are decimals: write `2.0`. They are compiled at plan, see nothing else, have at most " +
		fmt.Sprintf("%d bytes and take at most %d steps.\n\n| Further function | Gives |\n|---|---|\n", expression.MaxLength, expression.CostLimit))
	for _, helper := range expression.Helpers() {
		guide.WriteString("| `" + helper.Call + "` | " + helper.Description + " |\n")
	}
	return guide.String()
}

// startRow gives the row that a declaration changes: the default one, or the beginning of a field of the user's own.
func startRow(rows []document.Mapping, field string) document.Mapping {
	if i := slices.IndexFunc(rows, func(row document.Mapping) bool { return row.Field == field }); i >= 0 {
		return rows[i]
	}
	return document.Mapping{Field: field, Direction: document.Both, On: []string{document.OnCreate, document.OnUpdate}, Conflict: document.ConflictCRM}
}

// over gives a row with the declared parts in its place.
func (m mappingModel) over(row document.Mapping) document.Mapping {
	row.PartnerCenter = text(m.PartnerCenter, row.PartnerCenter)
	row.CRM = text(m.CRM, row.CRM)
	row.Direction = text(m.Direction, row.Direction)
	row.Conflict = text(m.Conflict, row.Conflict)
	if len(m.On) > 0 {
		row.On = slices.Sorted(slices.Values(m.On))
	}
	row.Constant, row.Default, row.Null = text(m.Constant, ""), text(m.Default, ""), text(m.Null, "")
	row.InboundExpression, row.OutboundExpression = text(m.InboundExpression, ""), text(m.OutboundExpression, "")
	for _, v := range m.Values {
		row.Values = append(row.Values, document.Value(v))
	}
	return row
}

// mappings applies the declared changes to the default rows and adds the declaration's own.
func (b *builder) mappings(rows []document.Mapping) []document.Mapping {
	m, changedBy := b.declared, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m.FieldMappings)) {
		mapping, at := m.FieldMappings[key], path.Root("field_mappings").AtMapKey(key)
		if mapping.CRM != m.CRM {
			b.diagnostics.AddAttributeError(at, "Declaration belongs to another CRM",
				fmt.Sprintf("The field mapping %q is declared for %s, the connector is for %s.", mapping.Name, mapping.CRM, m.CRM))
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(mapping.Mappings)) {
			at := at.AtName("mappings").AtMapKey(field)
			if other, twice := changedBy[field]; twice {
				b.diagnostics.AddAttributeError(at, "Field is mapped twice",
					fmt.Sprintf("The mappings %q and %q both change the field %q. Keep one.", other, key, field))
				continue
			}
			changedBy[field] = key
			row := mapping.Mappings[field].over(startRow(rows, field))
			addFaults(&b.diagnostics, at, row)
			switch i := slices.IndexFunc(rows, func(r document.Mapping) bool { return r.Field == field }); {
			case row.Conflict == document.ConflictOff && i >= 0:
				rows = slices.Delete(rows, i, i+1)
			case row.Conflict == document.ConflictOff:
			case i >= 0:
				rows[i] = row
			default:
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// addFaults puts what is wrong with a row at the attribute that it is about.
func addFaults(diagnostics *diag.Diagnostics, at path.Path, row document.Mapping) {
	if row.Conflict == document.ConflictOff {
		if slices.Contains(document.Indispensable, row.Field) {
			diagnostics.AddAttributeError(at.AtName("conflict"), "Field cannot be off",
				fmt.Sprintf("Field %q: without it no deal is shared, received or recognised. Use another conflict, or leave the row out.", row.Field))
		}
		return
	}
	for _, fault := range row.Faults() {
		where := at
		if fault.Attribute != "" {
			where = at.AtName(fault.Attribute)
		}
		summary := "Field mapping is not valid"
		if strings.HasSuffix(fault.Attribute, "_expression") {
			summary = "Expression is not valid"
		}
		detail := fmt.Sprintf("Field %q: %s.", row.Field, strings.TrimSuffix(fault.Reason, "."))
		if (row.PartnerCenter == "" || row.CRM == "") && (fault.Attribute == "partner_center" || fault.Attribute == "crm") && !slices.Contains(fieldsOf(defaultMappings(document.Salesforce)), row.Field) {
			summary = "Mapped field is not known"
			detail += " It is no field of the default mapping (" + strings.Join(fieldsOf(defaultMappings(document.Salesforce)), ", ") + "), so it is taken for one of your own."
		}
		diagnostics.AddAttributeError(where, summary, detail)
	}
}

func fieldsOf(rows []document.Mapping) []string {
	var fields []string
	for _, row := range rows {
		fields = append(fields, row.Field)
	}
	return fields
}
