package dataverse

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// publisherModel is the state of a cosell_dataverse_publisher.
type publisherModel struct {
	ID                types.String `tfsdk:"id"`
	Name              types.String `tfsdk:"name"`
	DisplayName       types.String `tfsdk:"display_name"`
	Prefix            types.String `tfsdk:"prefix"`
	OptionValuePrefix types.Int64  `tfsdk:"option_value_prefix"`
	PublisherID       types.String `tfsdk:"publisher_id"`
}

var prefixPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}$`)

// NewPublisher makes the resource type cosell_dataverse_publisher.
func NewPublisher() resource.Resource {
	return &managed[publisherModel, *publisherModel]{
		kind: kind{
			typeName: "dataverse_publisher", what: "publisher", example: "cosell",
			keys:    []key{{"name", "Unique name of the publisher."}},
			fixed:   []string{"prefix"},
			settled: []string{"publisher_id"},
			schema: schema.Schema{
				MarkdownDescription: "A publisher: the owner of solutions, whose prefix begins the schema names of tables and columns.\n\n" +
					"**Destroy.** Dataverse refuses to delete a publisher while a solution or a component of its prefix is left.\n\n" +
					"**Permissions.** Creating, reading, writing and deleting publishers, as System Customizer has.",
				Attributes: map[string]schema.Attribute{
					"id":           identifier(),
					"name":         required("Unique name: letters, digits and underscores. Changing it makes another publisher.", stringvalidator.RegexMatches(uniquePattern, "must be a unique name, such as cosell")),
					"display_name": required("Name that people see.", unpadded()),
					"prefix": required("Prefix of schema names, 2 to 8 letters and digits. Changing it makes another publisher.",
						stringvalidator.RegexMatches(prefixPattern, "must have 2 to 8 letters and digits, beginning with a letter")),
					"option_value_prefix": schema.Int64Attribute{
						Required: true, MarkdownDescription: "What the values of new options of choices begin with, 10000 to 99999.",
						Validators: []validator.Int64{int64validator.Between(10000, 99999)},
					},
					"publisher_id": settled("Id of the publisher's row."),
				},
			},
		},
	}
}

func (m *publisherModel) complete(_ context.Context, e *environment, _ *planning[publisherModel]) {
	if !m.Prefix.IsUnknown() {
		e.remote.PlansMetadata("publisher", strings.ToLower(m.Prefix.ValueString()))
	}
}

func (m *publisherModel) title() string { return "publisher " + m.Name.ValueString() }

func (m *publisherModel) find(ctx context.Context, e *environment) (client.Publisher, bool, error) {
	publishers, err := e.remote.Publishers(ctx)
	for _, p := range publishers {
		if strings.EqualFold(p.Name, m.Name.ValueString()) {
			return p, true, err
		}
	}
	return client.Publisher{}, false, err
}

func (m *publisherModel) row() map[string]any {
	return map[string]any{
		"uniquename": m.Name.ValueString(), "friendlyname": m.DisplayName.ValueString(), "customizationprefix": m.Prefix.ValueString(),
		"customizationoptionvalueprefix": m.OptionValuePrefix.ValueInt64(),
	}
}

func (m *publisherModel) create(ctx context.Context, e *environment) error {
	present := func(ctx context.Context) (bool, error) {
		e.remote.PublishersChanged()
		found, ok, err := m.find(ctx, e)
		m.PublisherID = types.StringValue(found.ID)
		return ok, err
	}
	defer e.remote.PublishersChanged()
	return e.create(ctx, nil, m.title(), present, func(ctx context.Context, api *client.Client) error {
		made, err := api.Create(ctx, "publishers", m.row())
		m.PublisherID = types.StringValue(made.ID)
		return err
	})
}

func (m *publisherModel) read(ctx context.Context, e *environment) (bool, error) {
	live, found, err := m.find(ctx, e)
	if err != nil || !found {
		return false, err
	}
	m.DisplayName, m.OptionValuePrefix = types.StringValue(live.DisplayName), types.Int64Value(int64(live.OptionPrefix))
	m.PublisherID = types.StringValue(live.ID)
	if !strings.EqualFold(m.Prefix.ValueString(), live.Prefix) {
		m.Prefix = types.StringValue(live.Prefix)
	}
	return true, nil
}

func (m *publisherModel) update(ctx context.Context, e *environment, _ *publisherModel) error {
	defer e.remote.PublishersChanged()
	return e.change(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
		row, err := client.Row("publishers", m.PublisherID.ValueString())
		if err != nil {
			return err
		}
		return api.Update(ctx, row, client.Any, map[string]any{
			"friendlyname": m.DisplayName.ValueString(), "customizationoptionvalueprefix": m.OptionValuePrefix.ValueInt64(),
		})
	})
}

func (m *publisherModel) remove(ctx context.Context, e *environment) error {
	defer e.remote.PublishersChanged()
	return e.remove(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
		row, err := client.Row("publishers", m.PublisherID.ValueString())
		if err != nil {
			return err
		}
		return api.Delete(ctx, row, "")
	})
}

// checkPrefix looks for the publisher whose prefix a schema name begins with: Dataverse refuses any other name. What the plan makes
// is not missing.
func checkPrefix[M any](ctx context.Context, e *environment, at, name string, p *planning[M]) {
	prefix, _, _ := strings.Cut(strings.ToLower(name), "_")
	if e.remote.MetadataPlanned("publisher", prefix) {
		return
	}
	publishers, err := e.remote.Publishers(ctx)
	if err != nil {
		p.AddError("Publishers could not be read", remote.Detail(err))
		return
	}
	var known []string
	for _, publisher := range publishers {
		if strings.EqualFold(publisher.Prefix, prefix) {
			return
		}
		known = append(known, publisher.Prefix)
	}
	p.AddAttributeWarning(path.Root(at), "Schema name begins with no publisher's prefix",
		fmt.Sprintf("%q begins with %s_, but the environment's publishers have the prefixes %s. Applying fails unless there is such a publisher by then: "+
			"refer to the resource that makes it, so that it comes first.", name, prefix, strings.Join(known, ", ")))
}
