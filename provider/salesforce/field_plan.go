package salesforce

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ModifyPlan implements [resource.ResourceWithModifyPlan]: it fills what follows from the type and the names, decides
// between change and replacement, and protects the field's data.
func (r *customField) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var config, plan fieldModel
	var state *fieldModel
	if !req.State.Raw.IsNull() {
		state = new(fieldModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if req.Plan.Raw.IsNull() {
		if state != nil && state.DeletionProtection.ValueBool() {
			addProtected(&resp.Diagnostics, "field", state.FullName.ValueString(), "destroyed")
		}
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	live := r.reachable(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if state == nil && live && !plan.Object.IsUnknown() && !plan.Name.IsUnknown() {
		planCreate(ctx, r.fields(), "field", "cosell_salesforce_custom_field", plan.Object.ValueString()+"."+plan.Name.ValueString(), &resp.Diagnostics)
		r.checkRoom(ctx, plan.Object.ValueString(), plan.Name.ValueString(), &resp.Diagnostics)
	}
	for attribute, value := range r.planned(ctx, config, plan, state, resp) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	if !plan.Object.IsUnknown() && !plan.Name.IsUnknown() {
		r.remote.PlansMetadata("CustomField", plan.Object.ValueString()+"."+plan.Name.ValueString())
	}
	if state == nil {
		return
	}
	resp.RequiresReplace = append(resp.RequiresReplace, replacedBy(ctx, plan, *state, resp)...)
	if len(resp.RequiresReplace) > 0 && plan.DeletionProtection.ValueBool() {
		addProtected(&resp.Diagnostics, "field", state.FullName.ValueString(), fmt.Sprintf("replaced, because %s changes", resp.RequiresReplace[0]))
	}
}

// checkRoom says that an object takes no more custom fields: what the plan makes there counts, too. Where the organisation does not tell
// its limit, the apply says what is refused.
func (r *customField) checkRoom(ctx context.Context, object, name string, diagnostics *diag.Diagnostics) {
	added := r.remote.PlansField(object, name)
	if diagnostics.HasError() || strings.HasSuffix(object, "__c") {
		return
	}
	limit, err := r.remote.FieldLimit(ctx, object)
	if err != nil || limit.Max == 0 || added <= limit.Remaining {
		return
	}
	diagnostics.AddAttributeError(path.Root("object"), "Salesforce object takes no more custom fields",
		fmt.Sprintf("%s has %d of the %d custom fields that the organisation's edition allows, and there is no room for %s; this configuration makes %d there. "+
			"Delete fields that nobody uses, and erase them in Setup: deleted ones count for 15 days. Or use a field that is there by its name.",
			object, limit.Max-limit.Remaining, limit.Max, name, added))
}

// planned gives the attributes that the configuration leaves out and that are known all the same.
func (r *customField) planned(ctx context.Context, config, plan fieldModel, state *fieldModel, resp *resource.ModifyPlanResponse) map[string]attr.Value {
	values := map[string]attr.Value{}
	fullName := types.StringUnknown()
	if !plan.Object.IsUnknown() && !plan.Name.IsUnknown() {
		fullName = types.StringValue(plan.Object.ValueString() + "." + plan.Name.ValueString())
	}
	values["id"], values["full_name"] = fullName, fullName
	kind, known := fieldTypeNamed(plan.Type.ValueString())
	if !known {
		return values
	}
	for attribute, configured := range config.byType() {
		if _, nested := configured.(types.Object); nested || !configured.IsNull() {
			continue
		}
		rule, _ := kind.rule(attribute)
		values[attribute] = fallbackValue(configured, rule.fallback)
	}
	if !plan.Lookup.IsNull() && !plan.Lookup.IsUnknown() && !config.Lookup.IsUnknown() {
		values["lookup"] = plannedLookup(ctx, kind, config, plan, state, resp)
	}
	return values
}

// fallbackValue gives a default in the type of its attribute.
func fallbackValue(like attr.Value, fallback any) attr.Value {
	switch like.(type) {
	case types.Bool:
		if value, ok := fallback.(bool); ok {
			return types.BoolValue(value)
		}
		return types.BoolNull()
	case types.Int64:
		if value, ok := fallback.(int64); ok {
			return types.Int64Value(value)
		}
		return types.Int64Null()
	default:
		if value, ok := fallback.(string); ok {
			return types.StringValue(value)
		}
		return types.StringNull()
	}
}

// plannedLookup fills the parts of a lookup that the configuration leaves out. What Salesforce chose is kept.
func plannedLookup(ctx context.Context, kind fieldType, config, plan fieldModel, state *fieldModel, resp *resource.ModifyPlanResponse) attr.Value {
	var configured, lookup, before lookupModel
	resp.Diagnostics.Append(config.Lookup.As(ctx, &configured, lenient)...)
	resp.Diagnostics.Append(plan.Lookup.As(ctx, &lookup, lenient)...)
	existing := state != nil && !state.Lookup.IsNull()
	if existing {
		resp.Diagnostics.Append(state.Lookup.As(ctx, &before, lenient)...)
	}
	if configured.RelationshipName.IsNull() {
		lookup.RelationshipName = childName(plan.Object)
		if existing && !before.RelationshipName.IsNull() {
			lookup.RelationshipName = before.RelationshipName
		}
	}
	if configured.RelationshipLabel.IsNull() {
		lookup.RelationshipLabel = types.StringUnknown()
		if existing {
			lookup.RelationshipLabel = before.RelationshipLabel
		}
	}
	if configured.OnDelete.IsNull() {
		lookup.OnDelete = defaultOnDelete(kind, config.Required)
	}
	value, diagnostics := types.ObjectValueFrom(ctx, lookupType, lookup)
	resp.Diagnostics.Append(diagnostics...)
	return value
}

// childName is the usual name of an object's records seen from a parent.
func childName(object types.String) types.String {
	if object.IsUnknown() {
		return types.StringUnknown()
	}
	name := strings.TrimSuffix(object.ValueString(), "__c")
	if at := strings.Index(name, "__"); at >= 0 {
		name = name[at+2:]
	}
	name += "s"
	return types.StringValue(name[max(0, len(name)-maxDeveloperName):])
}

func defaultOnDelete(kind fieldType, required types.Bool) types.String {
	switch {
	case kind.name == "master_detail":
		return types.StringNull()
	case required.IsUnknown():
		return types.StringUnknown()
	case required.ValueBool():
		return types.StringValue(restrict)
	default:
		return types.StringValue(setNull)
	}
}

// replacedBy lists the attributes whose change Salesforce cannot make in place.
func replacedBy(ctx context.Context, plan, state fieldModel, resp *resource.ModifyPlanResponse) path.Paths {
	var paths path.Paths
	if !plan.Object.Equal(state.Object) {
		paths = append(paths, path.Root("object"))
	}
	if !plan.Name.Equal(state.Name) {
		paths = append(paths, path.Root("name"))
	}
	if kind, known := fieldTypeNamed(state.Type.ValueString()); !plan.Type.Equal(state.Type) &&
		(!known || plan.Type.IsUnknown() || !kind.changesInPlace(plan.Type.ValueString())) {
		paths = append(paths, path.Root("type"))
	}
	if plan.Lookup.IsNull() || plan.Lookup.IsUnknown() || state.Lookup.IsNull() {
		return paths
	}
	var after, before lookupModel
	resp.Diagnostics.Append(plan.Lookup.As(ctx, &after, lenient)...)
	resp.Diagnostics.Append(state.Lookup.As(ctx, &before, lenient)...)
	if !after.Object.Equal(before.Object) {
		paths = append(paths, path.Root("lookup").AtName("object"))
	}
	return paths
}
