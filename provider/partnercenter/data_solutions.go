package partnercenter

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// solutions is data.cosell_solutions.
type solutions struct{ tenantData }

// NewSolutions makes the data source cosell_solutions.
func NewSolutions() datasource.DataSource { return new(solutions) }

// Metadata implements [datasource.DataSource].
func (d *solutions) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_solutions"
}

type solutionsModel struct {
	ID           types.String             `tfsdk:"id"`
	MaxReferrals types.Int64              `tfsdk:"max_referrals"`
	Complete     types.Bool               `tfsdk:"complete"`
	Solutions    map[string]solutionModel `tfsdk:"solutions"`
}

type solutionModel struct {
	Name         string `tfsdk:"name"`
	Type         string `tfsdk:"type"`
	SolutionType string `tfsdk:"solution_type"`
	Publisher    string `tfsdk:"publisher"`
	Referrals    int64  `tfsdk:"referrals"`
}

// solutionCategory is the type of an entry that is a predefined category and no solution.
const solutionCategory = "Category"

// defaultReferrals are as many as ten pages hold.
const defaultReferrals = 1000

const solutionsDescription = "The co-sell solutions that the tenant's referrals name, for `for_each` over `cosell_solution_detail`.\n\n" +
	"Partner Center has no list of a partner's co-sell ready solutions; what past referrals name is the closest there is, so a solution that " +
	"was never co-sold is missing. Of a referral nothing is kept but its solutions: no customer and no person.\n\n" +
	"**Permissions.** `refresh_token` of a user with the role Referrals admin."

// Schema implements [datasource.DataSource].
func (d *solutions) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: solutionsDescription,
		Attributes: map[string]schema.Attribute{
			"id": text("The tenant's id."),
			"max_referrals": schema.Int64Attribute{Optional: true, MarkdownDescription: "How many referrals are read at most, the newest first; default `1000`, which is ten calls.",
				Validators: []validator.Int64{int64validator.AtLeast(1)}},
			"complete": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether every referral was read."},
			"solutions": schema.MapNestedAttribute{Computed: true, MarkdownDescription: "Solutions by identifier.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":          text("Name, as the newest referral has it."),
				"type":          text("`Name` for a solution."),
				"solution_type": text("Kind of solution that Partner Center gives; empty when it gives none."),
				"publisher":     text("Publisher; empty when none is given."),
				"referrals":     schema.Int64Attribute{Computed: true, MarkdownDescription: "How many of the referrals that were read name it."},
			}}},
		},
	}
}

// Read implements [datasource.DataSource].
func (d *solutions) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model solutionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	limit := model.MaxReferrals.ValueInt64()
	if model.MaxReferrals.IsNull() {
		limit = defaultReferrals
	}
	found, complete, err := d.harvest(ctx, limit)
	if err != nil {
		resp.Diagnostics.AddError("Referrals could not be read", remote.Detail(err))
		return
	}
	model.ID, model.Complete, model.Solutions = types.StringValue(d.remote.PartnerCenterConfig().TenantID), types.BoolValue(complete), found
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// harvest reads referrals, the newest first, and gives their solutions. Categories are no solutions. A referral that cannot
// be decoded is left out. The whole list is read again when a page is refused for a passing reason.
func (d *solutions) harvest(ctx context.Context, limit int64) (found map[string]solutionModel, complete bool, err error) {
	api, err := d.remote.PartnerCenter(ctx)
	if err != nil {
		return nil, false, err
	}
	query := client.Query{OrderBy: client.Order{Field: client.FieldCreatedDateTime, Descending: true}}
	err = d.remote.Retry(ctx, func(ctx context.Context) error {
		found, complete = map[string]solutionModel{}, true
		read := int64(0)
		for referral, err := range api.ListReferrals(ctx, query) {
			var unreadable *client.DecodeError
			switch {
			case errors.As(err, &unreadable) && unreadable.ID != "":
				continue
			case err != nil:
				return err
			case read == limit:
				complete = false
				return nil
			}
			read++
			count(found, referral)
		}
		return nil
	})
	return found, complete, err
}

// count adds a referral's solutions, each once.
func count(found map[string]solutionModel, referral *client.Referral) {
	named := map[string]client.Solution{}
	for _, s := range referral.Details.Requirements.Solutions {
		if s.ID != "" && s.Type != solutionCategory {
			named[s.ID] = s
		}
	}
	for _, id := range slices.Sorted(maps.Keys(named)) {
		s, known := named[id], found[id]
		if known.Referrals == 0 {
			known = solutionModel{Name: s.Name, Type: s.Type, SolutionType: s.SolutionType, Publisher: s.PublisherName}
		}
		known.Referrals++
		found[id] = known
	}
}
