package salesforce

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure   = (*relatedList)(nil)
	_ resource.ResourceWithIdentity    = (*relatedList)(nil)
	_ resource.ResourceWithImportState = (*relatedList)(nil)
	_ resource.ResourceWithModifyPlan  = (*relatedList)(nil)
)

// relatedList is cosell_salesforce_related_list.
type relatedList struct{ layoutResource }

// NewRelatedList makes the resource type cosell_salesforce_related_list.
func NewRelatedList() resource.Resource { return new(relatedList) }

// Metadata implements [resource.Resource].
func (r *relatedList) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_related_list"
}

// ModifyPlan implements [resource.ResourceWithModifyPlan]: what the list names is looked up in the organisation. What is
// missing may be made by the same apply, so it is a warning; a layout cannot be made by it.
func (r *relatedList) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan relatedListModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	reachable := r.reachable(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	id := types.StringUnknown()
	if !plan.Object.IsUnknown() && !plan.Layout.IsUnknown() && !plan.List.IsUnknown() {
		id = types.StringValue(plan.fragment().id())
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), id)...)
	if id.IsUnknown() || r.plan(ctx, plan.fragment(), plan.After, &resp.Diagnostics) == nil || !reachable {
		return
	}
	var missing []string
	for _, name := range plan.needs() {
		state, err := r.securable(ctx, name)
		if err != nil {
			resp.Diagnostics.AddError("Related list's fields could not be checked", remote.Detail(err))
			return
		}
		if state == fieldMissing && !r.remote.MetadataPlanned("CustomField", name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		resp.Diagnostics.AddWarning("Related list names fields that do not exist yet",
			fmt.Sprintf("Not found: %s. Applying fails unless they are made by then: refer to their resources, so that they come first.", strings.Join(missing, ", ")))
	}
}

// needs lists the custom fields that a list of custom records is made of: the lookup, and the columns.
func (m relatedListModel) needs() []string {
	child, _, custom := strings.Cut(m.List.ValueString(), ".")
	if !custom {
		return nil
	}
	list := []string{m.List.ValueString()}
	for _, column := range append(slices.Clone(m.Fields.Elements()), m.SortField) {
		if text, ok := column.(types.String); ok && strings.HasSuffix(text.ValueString(), "__c") {
			name := text.ValueString()
			list = append(list, child+"."+name[strings.LastIndexByte(name, '.')+1:])
		}
	}
	return list
}

// Create implements [resource.Resource].
func (r *relatedList) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan relatedListModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	f := plan.fragment()
	err := r.create(ctx, f, plan.After.ValueString(), func(_, node *metadata.Node) error {
		plan.write(node, relatedListModel{})
		return nil
	})
	if err != nil {
		addFragmentError(&resp.Diagnostics, f, "created", err)
		return
	}
	plan.ID = types.StringValue(f.id())
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, f.identity())
}

// Read implements [resource.Resource].
func (r *relatedList) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state relatedListModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	f := state.fragment()
	live, err := r.read(ctx, f)
	if err != nil {
		resp.Diagnostics.AddError("Related list could not be read", remote.Detail(fmt.Errorf("%s: %w", f.id(), err)))
		return
	}
	r.identify(ctx, resp.Identity, &resp.Diagnostics, f.identity()) // the framework wants it of a list that is gone, too
	if live == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	state.refresh(live)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements [resource.Resource].
func (r *relatedList) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state relatedListModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	f := plan.fragment()
	err := r.update(ctx, f, moved(plan.After, state.After), func(_, node *metadata.Node) error {
		plan.write(node, state)
		return nil
	})
	if err != nil {
		addFragmentError(&resp.Diagnostics, f, "updated", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, f.identity())
}

// moved gives what a fragment is to follow, "" when that has not changed: people may move it.
func moved(plan, state types.String) string {
	if plan.Equal(state) {
		return ""
	}
	return plan.ValueString()
}

// Delete implements [resource.Resource].
func (r *relatedList) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state relatedListModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.remove(ctx, state.fragment()); err != nil {
		addFragmentError(&resp.Diagnostics, state.fragment(), "removed", err)
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is <object>-<layout>/<list>.
func (r *relatedList) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	r.importState(ctx, relatedLists, req, resp)
}

// write makes the node what is planned. What no attribute stands for is left alone, and so is an attribute that is not
// given; one that was given before is taken out.
func (m relatedListModel) write(node *metadata.Node, before relatedListModel) {
	for _, part := range []struct {
		element    string
		given, was bool
		planned    []string
	}{
		{elementColumn, !m.Fields.IsNull(), !before.Fields.IsNull(), elements(m.Fields.Elements())},
		{elementButton, !m.ExcludedButtons.IsNull(), !before.ExcludedButtons.IsNull(), elements(m.ExcludedButtons.Elements())},
		{elementSortField, !m.SortField.IsNull(), !before.SortField.IsNull(), []string{m.SortField.ValueString()}},
		{elementSortOrder, !m.SortOrder.IsNull(), !before.SortOrder.IsNull(), []string{toMetadata(sortOrders, m.SortOrder)}},
	} {
		switch {
		case part.given:
			setTexts(node, part.element, part.planned)
		case part.was:
			node.RemoveAll(part.element)
		}
	}
}

// refresh takes over the live node: what is managed, and after an import everything.
func (m *relatedListModel) refresh(live *metadata.Node) {
	imported := m.ID.IsNull()
	m.ID = types.StringValue(m.fragment().id())
	if columns := live.ChildTexts(elementColumn); !m.Fields.IsNull() || imported && len(columns) > 0 {
		m.Fields = types.ListValueMust(types.StringType, inSpelling(columns, m.Fields.Elements()))
	}
	if buttons := live.ChildTexts(elementButton); !m.ExcludedButtons.IsNull() || imported && len(buttons) > 0 {
		m.ExcludedButtons = types.SetValueMust(types.StringType, inSpelling(buttons, m.ExcludedButtons.Elements()))
	}
	if !m.SortField.IsNull() || imported {
		field := live.ChildText(elementSortField)
		m.SortField = textOrNull(&field)
	}
	if !m.SortOrder.IsNull() || imported {
		m.SortOrder = fromMetadata(sortOrders, live.ChildText(elementSortOrder))
	}
}

// elements gives the texts of a list or set.
func elements(values []attr.Value) []string {
	var list []string
	for _, value := range values {
		if text, ok := value.(types.String); ok {
			list = append(list, text.ValueString())
		}
	}
	return list
}

// inSpelling gives live names as values. A name that differs from the known one in case only keeps that spelling: to Salesforce
// they are one.
func inSpelling(live []string, known []attr.Value) []attr.Value {
	spellings := elements(known)
	values := []attr.Value{}
	for _, name := range live {
		if at := slices.IndexFunc(spellings, func(s string) bool { return strings.EqualFold(s, name) }); at >= 0 {
			name = spellings[at]
		}
		values = append(values, types.StringValue(name))
	}
	return values
}
