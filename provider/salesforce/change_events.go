package salesforce

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure   = (*changeEvents)(nil)
	_ resource.ResourceWithIdentity    = (*changeEvents)(nil)
	_ resource.ResourceWithImportState = (*changeEvents)(nil)
	_ resource.ResourceWithModifyPlan  = (*changeEvents)(nil)
)

// changeEvents is cosell_salesforce_change_events.
type changeEvents struct{ orgResource }

// NewChangeEvents makes the resource type cosell_salesforce_change_events.
func NewChangeEvents() resource.Resource { return new(changeEvents) }

const (
	standardChannel = "ChangeEvents"
	// freeEntities is how many entities an organisation selects without an add-on ("Change Data Capture Allocations").
	freeEntities = 5
)

var (
	channelPattern = regexp.MustCompile(`^(` + standardChannel + `|[A-Za-z](_?[A-Za-z0-9])*` + channelSuffix + `)$`)
	entityPattern  = regexp.MustCompile(`^[A-Za-z](_?[A-Za-z0-9])*(__c)?$`)
)

// changeEventsModel is the state of a cosell_salesforce_change_events.
type changeEventsModel struct {
	ID       types.String `tfsdk:"id"`
	Channel  types.String `tfsdk:"channel"`
	Entities types.Set    `tfsdk:"entities"`
	Topic    types.String `tfsdk:"topic"`
}

const changeEventsDescription = "Selects objects for Change Data Capture, so that Salesforce announces their changes and the agent need not wait for its next " +
	"poll: give `topic` to the connector's `push`. The agent makes use of opportunities, the Microsoft solutions, contact roles, contacts, accounts and " +
	"leads; what is not selected still comes by poll.\n\n" +
	"Only the objects that are named here are managed. What others selected on the same channel stays. An object that is selected " +
	"already is taken over.\n\n" +
	"**Limit.** An organisation selects five objects on all its channels together; more need an add-on. A plan that goes beyond five says so.\n\n" +
	"**Custom channel.** A channel whose name ends with `__chn` is made if it is not there, and removed with its last object on destroy.\n\n" +
	"**Permissions.** The provider's user needs *View Setup and Configuration* and *Customize Application*. The agent's user needs to be able to see " +
	"all objects of the channel; fields that it may not see are not announced to it."

// Metadata implements [resource.Resource].
func (r *changeEvents) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_change_events"
}

// Schema implements [resource.Resource].
func (r *changeEvents) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: changeEventsDescription,
		Attributes: map[string]schema.Attribute{
			"id": computedText("The channel."),
			"channel": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(standardChannel),
				MarkdownDescription: "`" + standardChannel + "` (default), the channel that every organisation has, or the name of a custom one, which ends with `__chn`. Changing it replaces the selection.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{stringvalidator.RegexMatches(channelPattern, "must be "+standardChannel+" or end with "+channelSuffix)},
			},
			"entities": schema.SetAttribute{
				ElementType: types.StringType, Required: true,
				MarkdownDescription: "API names of the objects, for example `Opportunity` and `Microsoft_Solution__c`.",
				Validators: []validator.Set{
					setvalidator.SizeAtLeast(1),
					setvalidator.ValueStringsAre(stringvalidator.RegexMatches(entityPattern, "must be an object's API name, such as Opportunity or Microsoft_Solution__c")),
				},
			},
			"topic": computedText("What to subscribe to, for example `/data/" + standardChannel + "`."),
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *changeEvents) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"org_id":  orgIdentity(),
		"channel": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the channel."},
	}}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan]: what follows from the channel, and what the organisation allows.
func (r *changeEvents) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan changeEventsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || plan.Channel.IsUnknown() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), plan.Channel.ValueString())...)
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("topic"), topicOf(plan.Channel.ValueString()))...)
	entities, known := texts(plan.Entities)
	if !known || !r.reachable(ctx, &resp.Diagnostics) {
		return
	}
	var prior []string
	if !req.State.Raw.IsNull() {
		var state changeEventsModel
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		prior, _ = texts(state.Entities)
	}
	members, err := r.members(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Selected objects could not be read", remote.Detail(err))
		return
	}
	if all := selectedWith(members, plan.Channel.ValueString(), prior, entities); len(all) > freeEntities {
		resp.Diagnostics.AddAttributeWarning(path.Root("entities"), "More objects are selected than the free allocation has",
			fmt.Sprintf("With this plan the organisation selects %d objects on all its channels: %s. Without the add-on for Change Data Capture Salesforce selects %d, and the apply is refused. "+
				"Leave out what the agent can do without: contacts, and leads where they are not synchronised.", len(all), strings.Join(all, ", "), freeEntities))
	}
}

// selectedWith lists the objects that the organisation will have selected, without those that this resource gives up.
func selectedWith(members []channelMember, channel string, prior, entities []string) []string {
	all := map[string]bool{}
	for _, entity := range entities {
		all[entity] = true
	}
	for _, m := range members {
		givenUp := m.EventChannel == channel && slices.Contains(prior, m.entity()) && !slices.Contains(entities, m.entity())
		if !givenUp {
			all[m.entity()] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Create implements [resource.Resource].
func (r *changeEvents) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan changeEventsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	entities, _ := texts(plan.Entities)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.settle(ctx, plan.Channel.ValueString(), nil, entities); err != nil {
		// What was selected before the failure is found again by the next apply, which takes it over.
		resp.Diagnostics.AddError("Objects were not selected for change events", remote.Detail(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"channel": plan.Channel.ValueString()})
}

// Read implements [resource.Resource]. What is selected by others is not taken in, except on import.
func (r *changeEvents) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state changeEventsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	channel := state.Channel.ValueString()
	members, err := r.members(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Selected objects could not be read", remote.Detail(err))
		return
	}
	managed, _ := texts(state.Entities)
	imported := state.Entities.IsNull()
	var live []string
	for _, m := range members {
		if m.EventChannel == channel && (imported || slices.Contains(managed, m.entity())) {
			live = append(live, m.entity())
		}
	}
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"channel": channel})
	if len(live) == 0 {
		resp.State.RemoveResource(ctx)
		return
	}
	slices.Sort(live)
	entities, diagnostics := types.SetValueFrom(ctx, types.StringType, live)
	resp.Diagnostics.Append(diagnostics...)
	state.ID, state.Topic, state.Entities = types.StringValue(channel), types.StringValue(topicOf(channel)), entities
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements [resource.Resource].
func (r *changeEvents) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state changeEventsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	entities, _ := texts(plan.Entities)
	prior, _ := texts(state.Entities)
	if err := r.settle(ctx, plan.Channel.ValueString(), prior, entities); err != nil {
		resp.Diagnostics.AddError("Objects that are selected for change events were not changed", remote.Detail(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"channel": plan.Channel.ValueString()})
}

// Delete implements [resource.Resource].
func (r *changeEvents) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state changeEventsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	prior, _ := texts(state.Entities)
	if err := r.settle(ctx, state.Channel.ValueString(), prior, nil); err != nil {
		resp.Diagnostics.AddError("Objects are still selected for change events", remote.Detail(err))
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is the channel; the read that follows takes all its objects in.
func (r *changeEvents) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	channel := req.ID
	if channel == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("channel"), &channel)...)
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !channelPattern.MatchString(channel) {
		resp.Diagnostics.AddError("Import id of change events is malformed",
			fmt.Sprintf("The id is the channel, %s or a name that ends with %s; it is %q.", standardChannel, channelSuffix, channel))
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("channel"), channel)...)
}

func topicOf(channel string) string { return "/data/" + channel }
