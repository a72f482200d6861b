package salesforce

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/listing"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// ListResources lists the constructors of this package's list resources.
func ListResources() []func() list.ListResource {
	var all []func() list.ListResource
	for _, kind := range listed {
		all = append(all, kind.Resource)
	}
	return all
}

// listed are the types that people adopt from an organisation.
var listed = []listing.Kind{
	{
		New:         NewCustomField,
		Description: "The custom fields of an object, or of all objects, whoever made them. A field whose type is not supported, or that is hidden from the provider's user, comes without its definition and with a warning.",
		Attributes: map[string]schema.Attribute{"object": schema.StringAttribute{Optional: true, MarkdownDescription: "API name of the object, for example `Opportunity`; all objects when left out.",
			Validators: []validator.String{objectName()}}},
		Find: findFields,
	},
	{New: NewCustomObject, Description: "The custom objects of the organisation.", Find: findObjects},
	{
		New:         NewRelatedList,
		Description: "The related lists of a page layout.",
		Attributes: map[string]schema.Attribute{
			"object": schema.StringAttribute{Required: true, MarkdownDescription: "API name of the object, for example `Opportunity`.", Validators: []validator.String{objectName()}},
			"layout": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the layout, for example `Opportunity Layout`."},
		},
		Find: findRelatedLists,
	},
	{New: NewPermissionSet, Description: "The permission sets of the organisation, without those that belong to profiles.", Find: findPermissionSets},
}

// inOrg completes an identity.
func inOrg(ctx context.Context, r *remote.Remote, attributes map[string]string) (map[string]string, error) {
	who, err := r.SalesforceIdentity(ctx)
	if err != nil {
		return nil, err
	}
	identity := maps.Clone(attributes)
	identity["org_id"] = string(who.OrgID)
	return identity, nil
}

func findFields(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	var object *string
	if err := failure(config.GetAttribute(ctx, path.Root("object"), &object)); err != nil {
		return nil, err
	}
	names, err := r.ListMetadata(ctx, "CustomField")
	if err != nil {
		return nil, err
	}
	var found []listing.Found
	for _, fullName := range names {
		of, name, _ := strings.Cut(fullName, ".")
		if !customPattern.MatchString(name) || !objectPattern.MatchString(of) || object != nil && !strings.EqualFold(*object, of) {
			continue
		}
		identity, err := inOrg(ctx, r, map[string]string{"object": of, "name": name})
		if err != nil {
			return nil, err
		}
		found = append(found, listing.Found{Display: fullName, ImportID: fullName, Identity: identity})
	}
	return found, nil
}

func findObjects(ctx context.Context, r *remote.Remote, _ tfsdk.Config) ([]listing.Found, error) {
	names, err := r.ListMetadata(ctx, "CustomObject")
	if err != nil {
		return nil, err
	}
	var found []listing.Found
	for _, name := range slices.DeleteFunc(names, func(name string) bool { return !customPattern.MatchString(name) }) {
		identity, err := inOrg(ctx, r, map[string]string{"name": name})
		if err != nil {
			return nil, err
		}
		found = append(found, listing.Found{Display: name, ImportID: name, Identity: identity})
	}
	return found, nil
}

func findRelatedLists(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	var object, layout string
	problems := config.GetAttribute(ctx, path.Root("object"), &object)
	problems.Append(config.GetAttribute(ctx, path.Root("layout"), &layout)...)
	if err := failure(problems); err != nil {
		return nil, err
	}
	reader := &layoutResource{orgResource{r}}
	whole, err := reader.find(ctx, object+"-"+layout)
	if err != nil {
		return nil, err
	}
	var found []listing.Found
	for _, name := range relatedLists.names(whole.Node) {
		f := fragment{relatedLists, object, layout, name}
		identity, err := inOrg(ctx, r, f.identity())
		if err != nil {
			return nil, err
		}
		found = append(found, listing.Found{Display: f.id(), ImportID: f.id(), Identity: identity})
	}
	return found, nil
}

func findPermissionSets(ctx context.Context, r *remote.Remote, _ tfsdk.Config) ([]listing.Found, error) {
	api, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	var sets []struct{ Name, Label string }
	if err := r.Retry(ctx, func(ctx context.Context) (err error) {
		sets, err = client.Query[struct{ Name, Label string }](ctx, api.Data(), "SELECT Name, Label FROM PermissionSet WHERE IsOwnedByProfile = false ORDER BY Name")
		return err
	}); err != nil {
		return nil, err
	}
	var found []listing.Found
	for _, set := range sets {
		identity, err := inOrg(ctx, r, map[string]string{"name": set.Name})
		if err != nil {
			return nil, err
		}
		found = append(found, listing.Found{Display: set.Label + " (" + set.Name + ")", ImportID: set.Name, Identity: identity})
	}
	return found, nil
}
