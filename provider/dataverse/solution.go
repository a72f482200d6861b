package dataverse

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// solutionModel is the state of a cosell_dataverse_solution.
type solutionModel struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	DisplayName types.String `tfsdk:"display_name"`
	Publisher   types.String `tfsdk:"publisher"`
	Version     types.String `tfsdk:"version"`
	SolutionID  types.String `tfsdk:"solution_id"`
}

var versionPattern = regexp.MustCompile(`^\d+(\.\d+){1,3}$`)

// NewSolution makes the resource type cosell_dataverse_solution.
func NewSolution() resource.Resource {
	return &managed[solutionModel, *solutionModel]{
		kind: kind{
			typeName: "dataverse_solution", what: "solution", example: "cosell",
			keys:    []key{{"name", "Unique name of the solution."}},
			fixed:   []string{"publisher"},
			settled: []string{"solution_id"},
			schema: schema.Schema{
				MarkdownDescription: "An unmanaged solution: the container that tables, columns and other components are put into, so that they can be seen together and exported.\n\n" +
					"**Destroy.** The container is deleted; what is in it stays.\n\n" +
					"**Permissions.** Creating, reading, writing and deleting solutions, as System Customizer has.",
				Attributes: map[string]schema.Attribute{
					"id":           identifier(),
					"name":         required("Unique name: letters, digits and underscores. Changing it makes another solution.", stringvalidator.RegexMatches(uniquePattern, "must be a unique name, such as cosell")),
					"display_name": required("Name that people see.", unpadded()),
					"publisher":    required("Unique name of the publisher. Refer to the resource that makes it, so that it comes first. Changing it makes another solution.", unpadded()),
					"version": schema.StringAttribute{
						Optional: true, Computed: true, Default: stringdefault.StaticString("1.0.0.0"), MarkdownDescription: "Version. Default `1.0.0.0`.",
						Validators: []validator.String{stringvalidator.RegexMatches(versionPattern, "must be a version, such as 1.0.0.0")},
					},
					"solution_id": settled("Id of the solution's row."),
				},
			},
		},
	}
}

func (m *solutionModel) complete(context.Context, *environment, *planning[solutionModel]) {}

func (m *solutionModel) title() string { return "solution " + m.Name.ValueString() }

func (m *solutionModel) find(ctx context.Context, e *environment) (solution client.Solution, found bool, err error) {
	api, err := e.remote.Dataverse(ctx)
	if err != nil {
		return solution, false, err
	}
	err = e.remote.Retry(ctx, func(ctx context.Context) (err error) {
		solution, found, err = api.Solution(ctx, m.Name.ValueString())
		return err
	})
	return solution, found, err
}

func (m *solutionModel) create(ctx context.Context, e *environment) error {
	publisher := publisherModel{Name: m.Publisher}
	owner, found, err := publisher.find(ctx, e)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("the environment has no publisher %s", m.Publisher.ValueString())
	}
	present := func(ctx context.Context) (bool, error) {
		found, ok, err := m.find(ctx, e)
		m.SolutionID = types.StringValue(found.ID)
		return ok, err
	}
	return e.create(ctx, nil, m.title(), present, func(ctx context.Context, api *client.Client) error {
		made, err := api.Create(ctx, "solutions", map[string]any{
			"uniquename": m.Name.ValueString(), "friendlyname": m.DisplayName.ValueString(), "version": m.Version.ValueString(),
			"publisherid@odata.bind": "/publishers(" + owner.ID + ")",
		})
		m.SolutionID = types.StringValue(made.ID)
		return err
	})
}

func (m *solutionModel) read(ctx context.Context, e *environment) (bool, error) {
	live, found, err := m.find(ctx, e)
	if err != nil || !found {
		return false, err
	}
	publishers, err := e.remote.Publishers(ctx)
	for _, p := range publishers {
		if p.ID == live.PublisherID {
			m.Publisher = types.StringValue(p.Name)
		}
	}
	m.DisplayName, m.Version, m.SolutionID = types.StringValue(live.DisplayName), types.StringValue(live.Version), types.StringValue(live.ID)
	return true, err
}

func (m *solutionModel) update(ctx context.Context, e *environment, _ *solutionModel) error {
	return e.change(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
		row, err := client.Row("solutions", m.SolutionID.ValueString())
		if err != nil {
			return err
		}
		return api.Update(ctx, row, client.Any, map[string]any{"friendlyname": m.DisplayName.ValueString(), "version": m.Version.ValueString()})
	})
}

func (m *solutionModel) remove(ctx context.Context, e *environment) error {
	return e.remove(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
		row, err := client.Row("solutions", m.SolutionID.ValueString())
		if err != nil {
			return err
		}
		return api.Delete(ctx, row, "")
	})
}
