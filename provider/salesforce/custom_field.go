package salesforce

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure      = (*customField)(nil)
	_ resource.ResourceWithIdentity       = (*customField)(nil)
	_ resource.ResourceWithImportState    = (*customField)(nil)
	_ resource.ResourceWithModifyPlan     = (*customField)(nil)
	_ resource.ResourceWithValidateConfig = (*customField)(nil)
)

// customField is cosell_salesforce_custom_field.
type customField struct{ orgResource }

// NewCustomField makes the resource type cosell_salesforce_custom_field.
func NewCustomField() resource.Resource { return new(customField) }

// Metadata implements [resource.Resource].
func (r *customField) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_custom_field"
}

func (r *customField) fields() components { return components{remote: r.remote, kind: "CustomField"} }

// Create implements [resource.Resource].
func (r *customField) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan fieldModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.FullName = types.StringValue(plan.Object.ValueString() + "." + plan.Name.ValueString())
	plan.ID = plan.FullName
	component := plan.component(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.fields().create(ctx, component); err != nil {
		addCreateError(&resp.Diagnostics, "field", "cosell_salesforce_custom_field", plan.FullName.ValueString(), err)
		return
	}
	r.complete(ctx, &plan, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, plan.identity())
}

// Read implements [resource.Resource].
func (r *customField) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state fieldModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := state.FullName.ValueString()
	live, found, err := r.fields().find(ctx, name)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Custom field could not be read", remote.Detail(err))
		return
	case found == remote.Absent:
		r.identify(ctx, resp.Identity, &resp.Diagnostics, state.identity()) // the framework wants it here too
		resp.State.RemoveResource(ctx)
		return
	case found == remote.Hidden && state.Type.IsNull():
		resp.Diagnostics.AddError("Custom field cannot be imported without access to it",
			fmt.Sprintf("%s exists, but its definition is hidden from the provider's user. Grant the field to that user, through a permission set, and import again.", name))
		return
	case found == remote.Hidden:
		resp.Diagnostics.AddWarning("Custom field is hidden from the provider's user",
			fmt.Sprintf("%s exists, but its definition cannot be read, so changes made to it in Salesforce are not seen. Grant the field to that user through a permission set.", name))
	default:
		imported := state.Type.IsNull()
		state.refresh(ctx, live, &resp.Diagnostics)
		if _, supported := fieldTypeNamed(state.Type.ValueString()); imported && !supported {
			resp.Diagnostics.AddError("Custom field has a type that is not supported",
				fmt.Sprintf("%s is of type %s. Supported are: %s.", name, state.Type.ValueString(), strings.Join(fieldTypeNames(), ", ")))
			return
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, state.identity())
}

// Update implements [resource.Resource].
func (r *customField) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state fieldModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !state.equal(plan) {
		if err := r.update(ctx, plan, state); err != nil {
			resp.Diagnostics.AddError("Custom field was not updated", remote.Detail(fmt.Errorf("%s: %w", plan.FullName.ValueString(), err)))
			return
		}
	}
	r.complete(ctx, &plan, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, plan.identity())
}

// update writes the plan. Whether updateMetadata keeps elements that are left out is not documented for every case: when a
// change of type is refused without them, it is tried again with the former type's elements set to nil.
func (r *customField) update(ctx context.Context, plan, state fieldModel) error {
	write := func(nilled bool) error {
		return r.fields().update(ctx, plan.FullName.ValueString(), func(live metadata.Component) error {
			var diagnostics diag.Diagnostics
			plan.overlay(ctx, live, nilled, &diagnostics)
			return failure(diagnostics)
		})
	}
	err := write(false)
	var refusal *client.APIError
	if plan.Type.Equal(state.Type) || !errors.As(err, &refusal) || refusal.Class() != problem.NeedsPerson || write(true) != nil {
		return err
	}
	return nil
}

// Delete implements [resource.Resource]. Salesforce keeps a deleted field for 15 days.
func (r *customField) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state fieldModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.fields().delete(ctx, state.FullName.ValueString()); err != nil {
		resp.Diagnostics.AddError("Custom field was not deleted", remote.Detail(fmt.Errorf("%s: %w", state.FullName.ValueString(), err)))
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is <object>.<name>.
func (r *customField) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	object, name, ok := strings.Cut(req.ID, ".")
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("object"), &object)...)
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &name)...)
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
		ok = true
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !ok || !objectPattern.MatchString(object) || !customPattern.MatchString(name) {
		resp.Diagnostics.AddError("Import id of a custom field is malformed",
			fmt.Sprintf("The id is <object>.<name>, for example Opportunity.Sync_with_Partner_Center__c; it is %q.", req.ID))
		return
	}
	fullName := object + "." + name
	for attribute, value := range map[string]any{
		"id": fullName, "full_name": fullName, "object": object, "name": name, "deletion_protection": true,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// complete reads back what only Salesforce knows: the label of a lookup's related list.
func (r *customField) complete(ctx context.Context, plan *fieldModel, diagnostics *diag.Diagnostics) {
	if plan.Lookup.IsNull() {
		return
	}
	var lookup lookupModel
	diagnostics.Append(plan.Lookup.As(ctx, &lookup, lenient)...)
	if !lookup.RelationshipLabel.IsUnknown() {
		return
	}
	lookup.RelationshipLabel = types.StringNull()
	// The field is made already: a failure to read it back shows in the next refresh.
	if live, found, err := r.fields().find(ctx, plan.FullName.ValueString()); err == nil && found == remote.Present {
		label := live.Node.ChildText(elementRelationshipLabel)
		lookup.RelationshipLabel = textOrNull(&label)
	}
	value, d := types.ObjectValueFrom(ctx, lookupType, lookup)
	diagnostics.Append(d...)
	plan.Lookup = value
}

func (m *fieldModel) identity() map[string]string {
	return map[string]string{"object": m.Object.ValueString(), "name": m.Name.ValueString()}
}

// equal compares what is in Salesforce; deletion_protection is not.
func (m fieldModel) equal(other fieldModel) bool {
	mine, others := m.byType(), other.byType()
	for attribute, value := range mine {
		if !value.Equal(others[attribute]) {
			return false
		}
	}
	return m.Label.Equal(other.Label) && m.Type.Equal(other.Type) && m.Description.Equal(other.Description) &&
		m.HelpText.Equal(other.HelpText) && m.TrackHistory.Equal(other.TrackHistory)
}

// planCreate says at plan what would keep a component from being made: a right that the provider's user lacks, or one of the name that is
// there. Terraform plans a replacement twice, the second time as if nothing were there: what is planned already in this walk is not asked for.
func planCreate(ctx context.Context, c components, what, resourceType, name string, diagnostics *diag.Diagnostics) {
	if c.remote.MetadataPlanned(c.kind, name) {
		return
	}
	there, err := c.remote.MetadataListed(ctx, c.kind, name)
	switch {
	case err != nil:
		diagnostics.AddError(fmt.Sprintf("Salesforce %s could not be checked", what), remote.Detail(fmt.Errorf("%s: %w", name, err)))
	case there:
		addExists(diagnostics, what, resourceType, name)
	}
}

func addExists(diagnostics *diag.Diagnostics, what, resourceType, name string) {
	diagnostics.AddAttributeError(path.Root("name"), fmt.Sprintf("Salesforce %s exists already", what),
		fmt.Sprintf("%s was not made by this configuration and is left alone. To manage it, import it:\n\n  terraform import %s.<name> %s\n\nor remove it in Salesforce first.", name, resourceType, name))
}

// addCreateError explains why a component could not be made.
func addCreateError(diagnostics *diag.Diagnostics, what, resourceType, name string, err error) {
	switch {
	case errors.Is(err, errExists):
		addExists(diagnostics, what, resourceType, name)
	case errors.Is(err, errNameKept):
		diagnostics.AddError(fmt.Sprintf("Salesforce %s was deleted a short time ago", what),
			fmt.Sprintf("The name %s is still held by a deleted %s, which Salesforce keeps for 15 days. In Setup, erase it for good, or undelete and import it.", name, what))
	default:
		diagnostics.AddError(fmt.Sprintf("Salesforce %s was not created", what), remote.Detail(fmt.Errorf("%s: %w", name, err)))
	}
}

// failure turns diagnostics into the error that a write callback gives back.
func failure(diagnostics diag.Diagnostics) error {
	for _, d := range diagnostics.Errors() {
		return errors.New(d.Summary() + ": " + d.Detail())
	}
	return nil
}
