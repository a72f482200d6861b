// Package salesforce holds the resource types that live in a Salesforce organisation.
package salesforce

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Resources lists the constructors of this package's resource types.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{NewChangeEvents, NewCustomField, NewCustomObject, NewLayoutSection, NewPackage, NewPermissionSet, NewRelatedList, NewSettings}
}

// orgResource is what all types of this package share.
type orgResource struct{ remote *remote.Remote }

// Configure implements [resource.ResourceWithConfigure].
func (r *orgResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// reachable reports whether live checks can be made at plan. When the salesforce block depends on values that are not
// known yet it says so in a warning; any other failure is an error.
func (r *orgResource) reachable(ctx context.Context, diagnostics *diag.Diagnostics) bool {
	_, err := r.remote.Salesforce(ctx)
	var unknown *remote.UnknownError
	switch {
	case err == nil:
		return true
	case errors.As(err, &unknown):
		diagnostics.AddWarning("Salesforce was not checked", remote.Detail(err))
	default:
		diagnostics.AddError("Salesforce cannot be used", remote.Detail(err))
	}
	return false
}

// identify writes the identity where the CLI supports one (Terraform 1.12 and newer). The organisation's id makes the
// same component in staging and in production two identities.
func (r *orgResource) identify(ctx context.Context, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics, attributes map[string]string) {
	if identity == nil {
		return
	}
	who, err := r.remote.SalesforceIdentity(ctx)
	if err != nil {
		diagnostics.AddError("Salesforce identity could not be read", remote.Detail(err))
		return
	}
	diagnostics.Append(identity.SetAttribute(ctx, path.Root("org_id"), string(who.OrgID))...)
	for name, value := range attributes {
		diagnostics.Append(identity.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// sameOrg checks the organisation that an import's identity names, if it names one.
func (r *orgResource) sameOrg(ctx context.Context, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics) {
	var org *string
	diagnostics.Append(identity.GetAttribute(ctx, path.Root("org_id"), &org)...)
	if org == nil || diagnostics.HasError() {
		return
	}
	who, err := r.remote.SalesforceIdentity(ctx)
	if err != nil {
		diagnostics.AddError("Salesforce identity could not be read", remote.Detail(err))
		return
	}
	if !client.SameID(*org, string(who.OrgID)) {
		diagnostics.AddError("Import names another Salesforce organisation",
			"The identity's org_id is "+*org+", the provider is signed in to "+string(who.OrgID)+". Use a provider configured for that organisation, or leave org_id out.")
	}
}
