package salesforce

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure      = (*layoutSection)(nil)
	_ resource.ResourceWithIdentity       = (*layoutSection)(nil)
	_ resource.ResourceWithImportState    = (*layoutSection)(nil)
	_ resource.ResourceWithModifyPlan     = (*layoutSection)(nil)
	_ resource.ResourceWithValidateConfig = (*layoutSection)(nil)
)

// layoutSection is cosell_salesforce_layout_section.
type layoutSection struct{ layoutResource }

// NewLayoutSection makes the resource type cosell_salesforce_layout_section.
func NewLayoutSection() resource.Resource { return new(layoutSection) }

// Metadata implements [resource.Resource].
func (r *layoutSection) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_layout_section"
}

// ValidateConfig implements [resource.ResourceWithValidateConfig]: Salesforce shows a field once.
func (r *layoutSection) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config sectionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	seen := map[string]bool{}
	for i, it := range config.items() {
		if name := strings.ToLower(it.name); name != "" && seen[name] {
			resp.Diagnostics.AddAttributeError(path.Root("fields").AtListIndex(i).AtName("name"), "Field is given twice",
				fmt.Sprintf("A layout shows a field once. Remove one of the entries of %s.", it.name))
		} else {
			seen[name] = true
		}
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan]: what the section names is looked up in the organisation. What is
// missing may be made by the same apply, so it is a warning; a layout cannot be made by it.
func (r *layoutSection) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan sectionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	r.reachable(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	id := types.StringUnknown()
	if !plan.Object.IsUnknown() && !plan.Layout.IsUnknown() && !plan.Label.IsUnknown() {
		id = types.StringValue(plan.fragment().id())
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), id)...)
	if id.IsUnknown() {
		return
	}
	layout := r.plan(ctx, plan.fragment(), plan.After, &resp.Diagnostics)
	if layout == nil {
		return
	}
	if shown := shownElsewhere(layout, layoutSections.find(layout, plan.Label.ValueString()), plan.items()); len(shown) > 0 {
		resp.Diagnostics.AddAttributeWarning(path.Root("fields"), "Layout shows fields in another section",
			fmt.Sprintf("%s. Salesforce shows a field once on a layout, and other sections are left alone: applying fails unless the fields are taken out there by then.", shownText(shown)))
	}
	r.checkFields(ctx, plan, &resp.Diagnostics)
}

func (r *layoutSection) checkFields(ctx context.Context, plan sectionModel, diagnostics *diag.Diagnostics) {
	var missing []string
	for _, it := range plan.items() {
		name := plan.Object.ValueString() + "." + it.name
		if it.name == "" {
			continue // not known yet
		}
		state, err := r.securable(ctx, name)
		if err != nil {
			diagnostics.AddError("Section's fields could not be checked", remote.Detail(err))
			return
		}
		if state == fieldMissing && !r.remote.MetadataPlanned("CustomField", name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		diagnostics.AddAttributeWarning(path.Root("fields"), "Section names fields that do not exist yet",
			fmt.Sprintf("Not found: %s. Applying fails unless they are made by then: refer to the name of their resources, so that they come first.", strings.Join(missing, ", ")))
	}
}

func shownText(shown map[string]string) string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(shown)) {
		parts = append(parts, fmt.Sprintf("%s is in %q", field, shown[field]))
	}
	return strings.Join(parts, ", ")
}

// Create implements [resource.Resource].
func (r *layoutSection) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan sectionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	f := plan.fragment()
	if err := r.create(ctx, f, plan.After.ValueString(), plan.write); err != nil {
		addFragmentError(&resp.Diagnostics, f, "created", err)
		return
	}
	plan.ID = types.StringValue(f.id())
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, f.identity())
}

// Read implements [resource.Resource].
func (r *layoutSection) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state sectionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	f := state.fragment()
	live, err := r.read(ctx, f)
	if err != nil {
		resp.Diagnostics.AddError("Layout section could not be read", remote.Detail(fmt.Errorf("%s: %w", f.id(), err)))
		return
	}
	r.identify(ctx, resp.Identity, &resp.Diagnostics, f.identity()) // the framework wants it of a section that is gone, too
	if live == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	state.refresh(live)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements [resource.Resource].
func (r *layoutSection) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state sectionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	f := plan.fragment()
	if err := r.update(ctx, f, moved(plan.After, state.After), plan.write); err != nil {
		addFragmentError(&resp.Diagnostics, f, "updated", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, f.identity())
}

// Delete implements [resource.Resource].
func (r *layoutSection) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state sectionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.remove(ctx, state.fragment()); err != nil {
		addFragmentError(&resp.Diagnostics, state.fragment(), "removed", err)
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is <object>-<layout>/<label>.
func (r *layoutSection) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	r.importState(ctx, layoutSections, req, resp)
}

// items gives the fields with their behavior as the Metadata API writes it. What is unknown is empty.
func (m sectionModel) items() []item {
	var items []item
	for _, element := range m.Fields.Elements() {
		entry, ok := element.(types.Object)
		if !ok {
			continue
		}
		name, _ := entry.Attributes()["name"].(types.String)
		behavior, _ := entry.Attributes()["behavior"].(types.String)
		items = append(items, item{name.ValueString(), toMetadata(behaviors, behavior)})
	}
	return items
}

// write makes the node what is planned. What no attribute stands for is left alone; a new section shows its heading.
func (m sectionModel) write(layout, node *metadata.Node) error {
	items := m.items()
	if shown := shownElsewhere(layout, node, items); len(shown) > 0 {
		return fmt.Errorf("salesforce shows a field once on a layout: %s; take it out there first", shownText(shown))
	}
	for _, heading := range []string{"customLabel", "detailHeading", "editHeading"} {
		if node.Child(heading) == nil {
			node.Append(metadata.NewText(heading, "true"))
		}
	}
	arrange(node, int(m.Columns.ValueInt64()), items)
	return nil
}

// refresh takes over the live node.
func (m *sectionModel) refresh(live *metadata.Node) {
	spellings := map[string]string{}
	for _, it := range m.items() {
		spellings[strings.ToLower(it.name)] = it.name
	}
	m.ID = types.StringValue(m.fragment().id())
	m.Columns = types.Int64Value(int64(sectionColumns(live)))
	fields := []sectionFieldModel{}
	for _, it := range sectionItems(live) {
		if known := spellings[strings.ToLower(it.name)]; known != "" { // to Salesforce, case makes no difference
			it.name = known
		}
		fields = append(fields, sectionFieldModel{types.StringValue(it.name), fromMetadata(behaviors, it.behavior)})
	}
	m.Fields = sectionFields(fields)
}
