package salesforce

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// byType gives the attributes whose use depends on the type.
func (m *fieldModel) byType() map[string]attr.Value {
	return map[string]attr.Value{
		"length": m.Length, "precision": m.Precision, "scale": m.Scale, "visible_lines": m.VisibleLines,
		"required": m.Required, "unique": m.Unique, "case_sensitive": m.CaseSensitive, "external_id": m.ExternalID,
		"default_value": m.DefaultValue, "picklist": m.Picklist, "lookup": m.Lookup,
	}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig]: it holds the configuration against the table of types.
func (r *customField) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config fieldModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	kind, known := fieldTypeNamed(config.Type.ValueString())
	if !known {
		return // unknown yet, or refused by the attribute's own validator
	}
	values := config.byType()
	for _, attribute := range typeAttributes {
		checkRule(kind, attribute, values[attribute], &resp.Diagnostics)
	}
	checkDigits(kind, config, &resp.Diagnostics)
	checkFlags(kind, config, &resp.Diagnostics)
	checkPicklist(ctx, kind, config.Picklist, &resp.Diagnostics)
	checkLookup(ctx, kind, config, &resp.Diagnostics)
}

func checkRule(kind fieldType, attribute string, value attr.Value, diagnostics *diag.Diagnostics) {
	at := path.Root(attribute)
	rule, admitted := kind.rule(attribute)
	switch {
	case value.IsUnknown():
	case value.IsNull():
		if rule.required {
			diagnostics.AddAttributeError(at, "Attribute is required by the field's type",
				fmt.Sprintf("A field of type %s needs %s.", kind.name, attribute))
		}
	case !admitted:
		diagnostics.AddAttributeError(at, "Attribute does not apply to the field's type",
			fmt.Sprintf("A field of type %s has no %s; it applies to %s. Remove it or change the type.", kind.name, attribute, typesWith(attribute)))
	default:
		number, isNumber := value.(types.Int64)
		if isNumber && rule.max != 0 && (number.ValueInt64() < rule.min || number.ValueInt64() > rule.max) {
			diagnostics.AddAttributeError(at, "Number is out of range for the field's type",
				fmt.Sprintf("%s of a field of type %s is from %d to %d; it is %d here.", attribute, kind.name, rule.min, rule.max, number.ValueInt64()))
		}
	}
}

// checkDigits compares scale and precision with their defaults filled in.
func checkDigits(kind fieldType, config fieldModel, diagnostics *diag.Diagnostics) {
	if !kind.admits("precision") || config.Precision.IsUnknown() || config.Scale.IsUnknown() {
		return
	}
	precision, scale := orFallback(kind, "precision", config.Precision), orFallback(kind, "scale", config.Scale)
	if scale > precision {
		diagnostics.AddAttributeError(path.Root("scale"), "More decimal places than digits",
			fmt.Sprintf("scale (%d) counts among the digits of precision (%d). Raise precision or lower scale.", scale, precision))
	}
}

func orFallback(kind fieldType, attribute string, value types.Int64) int64 {
	if !value.IsNull() {
		return value.ValueInt64()
	}
	rule, _ := kind.rule(attribute)
	fallback, _ := rule.fallback.(int64)
	return fallback
}

func checkFlags(kind fieldType, config fieldModel, diagnostics *diag.Diagnostics) {
	if config.CaseSensitive.ValueBool() && !config.Unique.ValueBool() && !config.Unique.IsUnknown() {
		diagnostics.AddAttributeError(path.Root("case_sensitive"), "Case sensitivity concerns unique fields",
			"case_sensitive says which values count as the same in a unique field. Set unique = true, or remove it.")
	}
	text := config.DefaultValue
	if kind.name == "checkbox" && !text.IsNull() && !text.IsUnknown() && text.ValueString() != "true" && text.ValueString() != "false" {
		diagnostics.AddAttributeError(path.Root("default_value"), "Default of a checkbox is true or false",
			fmt.Sprintf("default_value is %q; write \"true\" or \"false\".", text.ValueString()))
	}
}

func checkPicklist(ctx context.Context, kind fieldType, picklist types.Object, diagnostics *diag.Diagnostics) {
	if picklist.IsNull() || picklist.IsUnknown() {
		return
	}
	var list picklistModel
	diagnostics.Append(picklist.As(ctx, &list, lenient)...)
	defaults, seen := 0, map[string]bool{}
	for i, element := range list.Values.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		var value valueModel
		diagnostics.Append(object.As(ctx, &value, lenient)...)
		at := path.Root("picklist").AtName("values").AtListIndex(i)
		if name := value.Name.ValueString(); name != "" && seen[name] {
			diagnostics.AddAttributeError(at.AtName("name"), "Picklist value is given twice", fmt.Sprintf("The value %q stands in the list before.", name))
		} else {
			seen[name] = true
		}
		if value.Default.ValueBool() {
			defaults++
			if !value.Active.IsNull() && !value.Active.IsUnknown() && !value.Active.ValueBool() {
				diagnostics.AddAttributeError(at.AtName("default"), "Inactive value is the default", "People cannot choose an inactive value. Make it active, or choose another default.")
			}
		}
	}
	if defaults > 1 && kind.name == "picklist" {
		diagnostics.AddAttributeError(path.Root("picklist").AtName("values"), "Picklist has several defaults",
			fmt.Sprintf("%d values are marked as default; a picklist has one at most.", defaults))
	}
}

func checkLookup(ctx context.Context, kind fieldType, config fieldModel, diagnostics *diag.Diagnostics) {
	if config.Lookup.IsNull() || config.Lookup.IsUnknown() {
		return
	}
	var lookup lookupModel
	diagnostics.Append(config.Lookup.As(ctx, &lookup, lenient)...)
	at := path.Root("lookup").AtName("on_delete")
	switch action := lookup.OnDelete.ValueString(); {
	case action != "" && kind.name == "master_detail":
		diagnostics.AddAttributeError(at, "Master-detail always deletes its details", "Remove on_delete: deleting the parent of a master_detail deletes the records.")
	case action == setNull && config.Required.ValueBool():
		diagnostics.AddAttributeError(at, "Required lookup cannot be emptied",
			"A required lookup must have a parent, so on_delete cannot be set_null. Use restrict or cascade, or make the field optional.")
	}
}
