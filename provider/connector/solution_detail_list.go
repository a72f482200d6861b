package connector

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/provider/listing"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// ListResources lists the constructors of this package's list resources.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{solutionDetails.Resource}
}

var solutionDetails = listing.Kind{
	New:         newSolutionDetail,
	Description: "The records of the Solution Details object, whoever made them, for adopting an existing installation. The object has its fields by the default names.",
	Attributes: map[string]schema.Attribute{"object": schema.StringAttribute{Optional: true, Validators: []validator.String{apiName}, MarkdownDescription: "API name of the Solution Details object. Default `" +
		document.DefaultObjects(document.Salesforce)[document.ObjectSolutionDetail] + "`."}},
	Find: findSolutionDetails,
}

func findSolutionDetails(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	var object *string
	if problems := config.GetAttribute(ctx, path.Root("object"), &object); problems.HasError() {
		return nil, errors.New(problems[0].Summary())
	}
	columns := detailColumns{crm: document.Salesforce, object: document.DefaultObjects(document.Salesforce)[document.ObjectSolutionDetail], fields: defaultDetailFields(document.Salesforce)}
	if object != nil {
		columns.object = *object
	}
	who, err := r.SalesforceIdentity(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := r.TableRows(ctx, columns.table())
	if err != nil {
		return nil, err
	}
	var found []listing.Found
	for _, row := range rows {
		id := row.Text(columns.fields[detailSolutionID])
		found = append(found, listing.Found{
			Display: id + " " + row.Text(columns.fields[detailName]), ImportID: importID(columns, id),
			Identity: map[string]string{"crm": document.Salesforce, "solution_id": id, "org_id": string(who.OrgID)},
		})
	}
	return found, nil
}
