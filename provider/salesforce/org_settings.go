package salesforce

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/boolvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure   = (*orgSettings)(nil)
	_ resource.ResourceWithIdentity    = (*orgSettings)(nil)
	_ resource.ResourceWithImportState = (*orgSettings)(nil)
	_ resource.ResourceWithModifyPlan  = (*orgSettings)(nil)
)

// orgSettings is cosell_salesforce_settings.
type orgSettings struct{ orgResource }

// NewSettings makes the resource type cosell_salesforce_settings.
func NewSettings() resource.Resource { return new(orgSettings) }

// current is the id of an organisation's settings: there is one of each.
const current = "current"

// setting is one switch of an organisation: its metadata type, and its element there (sources: Metadata API Developer Guide,
// "EnhancedNotesSettings", "OpportunitySettings").
type setting struct{ kind, element string }

var (
	notesSetting = setting{"EnhancedNotesSettings", "enableEnhancedNotes"}
	teamsSetting = setting{"OpportunitySettings", "enableOpportunityTeam"}
)

// settingsModel is the state of a cosell_salesforce_settings.
type settingsModel struct {
	ID               types.String `tfsdk:"id"`
	Notes            types.Bool   `tfsdk:"notes"`
	OpportunityTeams types.Bool   `tfsdk:"opportunity_teams"`
}

// switches pairs the settings with their attributes.
func (m *settingsModel) switches() map[setting]*types.Bool {
	return map[setting]*types.Bool{notesSetting: &m.Notes, teamsSetting: &m.OpportunityTeams}
}

const settingsDescription = "Settings of a Salesforce organisation that the co-sell kit builds on: Notes and Opportunity Teams. An attribute that is left out " +
	"is not managed, and the other settings of the same pages are left alone. One resource of this type per organisation is enough.\n\n" +
	"**Order.** The settings come before the related lists that they bring: give those `depends_on = [cosell_salesforce_settings.<name>]`.\n\n" +
	"**Destroy.** Nothing is switched off: that would delete data, such as the members of every opportunity's team. The settings only stop being managed. " +
	"Taking an attribute out of the configuration does the same.\n\n" +
	"**Permissions.** The provider's user needs *Customize Application* and *Modify Metadata Through Metadata API Functions* " +
	"(or *Modify All Data*)."

// Metadata implements [resource.Resource].
func (r *orgSettings) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_settings"
}

// Schema implements [resource.Resource].
func (r *orgSettings) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: settingsDescription,
		Attributes: map[string]schema.Attribute{
			"id": computedText("Always `current`."),
			"notes": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Notes, which the related list `RelatedContentNoteList` shows. Left out, it is not managed.",
				Validators: []validator.Bool{boolvalidator.AtLeastOneOf(path.MatchRoot("notes"), path.MatchRoot("opportunity_teams"))},
			},
			"opportunity_teams": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Opportunity Teams (team selling), which the related list `RelatedOpportunitySalesTeam` shows. Left out, it is not managed. " +
					"Switching it off deletes the members of every team and takes the list off the layouts.",
			},
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *orgSettings) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{"org_id": orgIdentity()}}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *orgSettings) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan settingsModel
	var state *settingsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !req.State.Raw.IsNull() {
		state = new(settingsModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	reachable := r.reachable(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), current)...)
	if !reachable || plan.OpportunityTeams.IsNull() || plan.OpportunityTeams.IsUnknown() || plan.OpportunityTeams.ValueBool() {
		return
	}
	live, err := r.live(ctx, teamsSetting)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Settings could not be read", remote.Detail(err))
	case live:
		resp.Diagnostics.AddAttributeWarning(path.Root("opportunity_teams"), "Opportunity Teams will be switched off",
			"Salesforce then deletes the members of every opportunity's team for good and takes the list off all layouts. To leave the setting alone, take opportunity_teams out of the configuration.")
	}
}

// Create implements [resource.Resource].
func (r *orgSettings) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan settingsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.apply(ctx, plan); err != nil {
		resp.Diagnostics.AddError("Salesforce settings were not changed", remote.Detail(err))
		return
	}
	plan.ID = types.StringValue(current)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, nil)
}

// Read implements [resource.Resource].
func (r *orgSettings) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state settingsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	imported := state.Notes.IsNull() && state.OpportunityTeams.IsNull() // a configuration names at least one
	for s, value := range state.switches() {
		if value.IsNull() && !imported {
			continue
		}
		live, err := r.live(ctx, s)
		if err != nil {
			resp.Diagnostics.AddError("Salesforce settings could not be read", remote.Detail(err))
			return
		}
		*value = types.BoolValue(live)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, nil)
}

// Update implements [resource.Resource].
func (r *orgSettings) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan settingsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.apply(ctx, plan); err != nil {
		resp.Diagnostics.AddError("Salesforce settings were not changed", remote.Detail(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, nil)
}

// Delete implements [resource.Resource]. It leaves the organisation as it is.
func (r *orgSettings) Delete(_ context.Context, _ resource.DeleteRequest, resp *resource.DeleteResponse) {
	resp.Diagnostics.AddWarning("Salesforce settings stay as they are",
		"They are no longer managed. Nothing was switched off, because that would delete data; do so in Setup if it is meant.")
}

// ImportState implements [resource.ResourceWithImportState]. The id is "current"; the read that follows takes everything in.
func (r *orgSettings) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if req.ID == "" && req.Identity != nil {
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
	} else if req.ID != current {
		resp.Diagnostics.AddError("Import id of the settings is malformed",
			fmt.Sprintf("An organisation has its settings once: the id is %s; it is %q.", current, req.ID))
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), current)...)
	}
}

// apply writes the settings that differ from what is wanted.
func (r *orgSettings) apply(ctx context.Context, plan settingsModel) error {
	for s, value := range plan.switches() {
		if value.IsNull() {
			continue
		}
		if err := r.set(ctx, s, value.ValueBool()); err != nil {
			return fmt.Errorf("%s of %s: %w", s.element, s.kind, err)
		}
	}
	return nil
}

var errNoSettings = errors.New("the organisation has no such settings, or the provider's user may not see them")

// set writes one setting and keeps the others of its type.
func (r *orgSettings) set(ctx context.Context, s setting, on bool) error {
	settings := components{remote: r.remote, kind: s.kind}
	name, live, err := r.find(ctx, s)
	if err != nil || live.Node.ChildText(s.element) == strconv.FormatBool(on) {
		return err
	}
	return settings.update(ctx, name, func(live metadata.Component) error {
		if len(live.Node.Children()) < 2 { // its name only: the definition cannot be read, and would be overwritten
			return errNoSettings
		}
		live.Node.SetChildText(s.element, strconv.FormatBool(on))
		return nil
	})
}

func (r *orgSettings) live(ctx context.Context, s setting) (bool, error) {
	_, live, err := r.find(ctx, s)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.kind, err)
	}
	return live.Node.ChildText(s.element) == "true", nil
}

// find reads the settings of a type. Under which full name is not documented for each of them: the one that is listed, or
// else the type's name with or without "Settings".
func (r *orgSettings) find(ctx context.Context, s setting) (name string, live metadata.Component, err error) {
	candidates, err := r.remote.ListMetadata(ctx, s.kind)
	if err != nil {
		return "", metadata.Component{}, err
	}
	for _, candidate := range append(candidates, strings.TrimSuffix(s.kind, "Settings"), s.kind) {
		found, state, err := components{remote: r.remote, kind: s.kind}.find(ctx, candidate)
		if err != nil || state == remote.Present {
			return candidate, found, err
		}
	}
	return "", metadata.Component{}, errNoSettings
}
