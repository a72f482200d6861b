package salesforce

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure      = (*customObject)(nil)
	_ resource.ResourceWithIdentity       = (*customObject)(nil)
	_ resource.ResourceWithImportState    = (*customObject)(nil)
	_ resource.ResourceWithModifyPlan     = (*customObject)(nil)
	_ resource.ResourceWithValidateConfig = (*customObject)(nil)
)

// customObject is cosell_salesforce_custom_object.
type customObject struct{ orgResource }

// NewCustomObject makes the resource type cosell_salesforce_custom_object.
func NewCustomObject() resource.Resource { return new(customObject) }

// Metadata implements [resource.Resource].
func (r *customObject) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_custom_object"
}

func (r *customObject) objects() components {
	return components{remote: r.remote, kind: "CustomObject"}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *customObject) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config objectModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || config.NameField.IsNull() || config.NameField.IsUnknown() {
		return
	}
	var name nameFieldModel
	resp.Diagnostics.Append(config.NameField.As(ctx, &name, lenient)...)
	if name.Type.IsUnknown() {
		return
	}
	at := path.Root("name_field")
	if name.Type.ValueString() == "auto_number" {
		if name.DisplayFormat.IsNull() {
			resp.Diagnostics.AddAttributeError(at.AtName("display_format"), "Auto number needs a format",
				"Give display_format, for example \"MS-{00000}\".")
		}
		return
	}
	for attribute, given := range map[string]bool{"display_format": !name.DisplayFormat.IsNull(), "starting_number": !name.StartingNumber.IsNull()} {
		if given {
			resp.Diagnostics.AddAttributeError(at.AtName(attribute), "Attribute applies to auto numbers only",
				fmt.Sprintf("Remove %s, or set type = \"auto_number\".", attribute))
		}
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *customObject) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var config, plan objectModel
	var state *objectModel
	if !req.State.Raw.IsNull() {
		state = new(objectModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if req.Plan.Raw.IsNull() {
		if state != nil && state.DeletionProtection.ValueBool() {
			addProtected(&resp.Diagnostics, "object", state.Name.ValueString(), "destroyed")
		}
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	live := r.reachable(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if state == nil && live && !plan.Name.IsUnknown() {
		planCreate(ctx, r.objects(), "object", "cosell_salesforce_custom_object", plan.Name.ValueString(), &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), plan.Name)...)
	if !plan.Name.IsUnknown() {
		r.remote.PlansMetadata("CustomObject", plan.Name.ValueString())
	}
	if config.SharingModel.IsNull() {
		model := types.StringValue("read_write")
		if state != nil {
			model = state.SharingModel
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("sharing_model"), model)...)
	}
	if state == nil || plan.Name.Equal(state.Name) {
		return
	}
	resp.RequiresReplace = path.Paths{path.Root("name")}
	if plan.DeletionProtection.ValueBool() {
		addProtected(&resp.Diagnostics, "object", state.Name.ValueString(), "replaced, because name changes")
	}
}

// Create implements [resource.Resource].
func (r *customObject) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan objectModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ID = plan.Name
	component := plan.component(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.objects().create(ctx, component); err != nil {
		addCreateError(&resp.Diagnostics, "object", "cosell_salesforce_custom_object", plan.Name.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": plan.Name.ValueString()})
}

// Read implements [resource.Resource].
func (r *customObject) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state objectModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := state.Name.ValueString()
	live, found, err := r.objects().find(ctx, name)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Custom object could not be read", remote.Detail(err))
		return
	case found == remote.Absent:
		r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": name}) // the framework wants it here too
		resp.State.RemoveResource(ctx)
		return
	case found == remote.Hidden && state.Label.IsNull():
		resp.Diagnostics.AddError("Custom object cannot be imported without access to it",
			fmt.Sprintf("%s exists, but its definition is hidden from the provider's user. Grant the object to that user, through a permission set, and import again.", name))
		return
	case found == remote.Hidden:
		resp.Diagnostics.AddWarning("Custom object is hidden from the provider's user",
			fmt.Sprintf("%s exists, but its definition cannot be read, so changes made to it in Salesforce are not seen. Grant the object to that user through a permission set.", name))
	default:
		state.refresh(ctx, live, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": name})
}

// Update implements [resource.Resource].
func (r *customObject) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state objectModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.equal(state) {
		err := r.objects().update(ctx, plan.Name.ValueString(), func(live metadata.Component) error {
			var diagnostics diag.Diagnostics
			plan.overlay(ctx, live, &diagnostics)
			return failure(diagnostics)
		})
		if err != nil {
			resp.Diagnostics.AddError("Custom object was not updated", remote.Detail(fmt.Errorf("%s: %w", plan.Name.ValueString(), err)))
			return
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": plan.Name.ValueString()})
}

// Delete implements [resource.Resource]. Salesforce keeps a deleted object for 15 days.
func (r *customObject) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state objectModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.objects().delete(ctx, state.Name.ValueString()); err != nil {
		resp.Diagnostics.AddError("Custom object was not deleted", remote.Detail(fmt.Errorf("%s: %w", state.Name.ValueString(), err)))
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is the API name.
func (r *customObject) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := req.ID
	if name == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &name)...)
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !customPattern.MatchString(name) {
		resp.Diagnostics.AddError("Import id of a custom object is malformed",
			fmt.Sprintf("The id is the object's API name, for example Microsoft_Solution__c; it is %q.", name))
		return
	}
	for attribute, value := range map[string]any{"id": name, "name": name, "deletion_protection": true} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// equal compares what is in Salesforce; deletion_protection is not.
func (m objectModel) equal(other objectModel) bool {
	return m.Label.Equal(other.Label) && m.PluralLabel.Equal(other.PluralLabel) && m.Description.Equal(other.Description) &&
		m.SharingModel.Equal(other.SharingModel) && m.DeploymentStatus.Equal(other.DeploymentStatus) &&
		m.EnableHistory.Equal(other.EnableHistory) && m.EnableReports.Equal(other.EnableReports) &&
		m.EnableActivities.Equal(other.EnableActivities) && m.NameField.Equal(other.NameField)
}
