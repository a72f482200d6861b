package partnercenter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// ModifyPlan implements [resource.ResourceWithModifyPlan]: it guards the registration of others, checks event names with
// the service and plans what no attribute of the configuration shows.
func (r *webhookRegistration) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || r.remote == nil {
		return
	}
	var plan webhookModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	var state *webhookModel
	if !req.State.Raw.IsNull() {
		state = new(webhookModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if state != nil {
		planForeign(ctx, plan, *state, resp)
	}
	if isLoopback(plan.URL.ValueString()) {
		resp.Diagnostics.AddAttributeWarning(path.Root("url"), "Webhook URL is a loopback address",
			fmt.Sprintf("Partner Center cannot call %s; only a sandbox on the same machine can. Give the address at which the internet reaches the agent.", plan.URL.ValueString()))
	}
	known, _ := r.recall(ctx, req.Private, &resp.Diagnostics)
	r.checkLive(ctx, plan, state, known, &resp.Diagnostics)
}

// planForeign plans the removal of events that others subscribed. It is the only difference that no attribute of the
// configuration shows.
func planForeign(ctx context.Context, plan, state webhookModel, resp *resource.ModifyPlanResponse) {
	if plan.PreserveForeignEvents.IsUnknown() || plan.PreserveForeignEvents.ValueBool() || len(state.ForeignEvents.Elements()) == 0 {
		return
	}
	for name, value := range map[string]any{
		"registered_events": types.SetUnknown(types.StringType),
		"foreign_events":    stringSet(nil),
		"last_modified_at":  types.StringUnknown(),
	} {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// checkLive compares the declaration with the tenant.
func (r *webhookRegistration) checkLive(ctx context.Context, plan webhookModel, state *webhookModel, known record, diagnostics *diag.Diagnostics) {
	if _, err := r.remote.PartnerCenter(ctx); err != nil {
		var unknown *remote.UnknownError
		if errors.As(err, &unknown) {
			diagnostics.AddWarning("Webhook registration was not checked", remote.Detail(err))
			return
		}
		diagnostics.AddError("Partner Center is not configured", remote.Detail(err))
		return
	}
	r.checkOwner(ctx, plan, state, known, diagnostics)
	r.checkEvents(ctx, plan, state, diagnostics)
}

// checkOwner fails the plan when somebody else's URL is registered and the declaration does not take it over.
func (r *webhookRegistration) checkOwner(ctx context.Context, plan webhookModel, state *webhookModel, known record, diagnostics *diag.Diagnostics) {
	if plan.URL.IsUnknown() || plan.OverwriteExisting.IsUnknown() {
		return
	}
	live, found, err := r.live(ctx)
	if err != nil {
		diagnostics.AddError("Webhook registration could not be checked", remote.Detail(err))
		return
	}
	ours := []string{plan.URL.ValueString()}
	if known.URL != "" {
		ours = append(ours, known.URL)
	} else if state != nil {
		ours = append(ours, state.URL.ValueString())
	}
	taken := foreignURL(live, ours...)
	switch {
	case !found || taken == "":
	case plan.OverwriteExisting.ValueBool():
		diagnostics.AddAttributeWarning(path.Root("url"), "Webhook registration of another URL is replaced",
			fmt.Sprintf("The tenant's registration points to %s (events: %s). Applying replaces it by %s: whoever listens there receives no events any more.",
				taken, strings.Join(live.WebhookEvents, ", "), plan.URL.ValueString()))
	default:
		diagnostics.AddAttributeError(path.Root("url"), "Webhook registration points to another URL",
			fmt.Sprintf("A tenant has one webhook registration, and that of %s points to %s (events: %s).\n\n"+
				"Ways out: set overwrite_existing = true to take it over; import it (terraform import <address> current) if it is your own; "+
				"or remove this resource and let the agent poll (intake = \"poll\" on cosell_connector).",
				r.tenant(), taken, strings.Join(live.WebhookEvents, ", ")))
	}
}

// checkEvents compares the declared names with the service's list. A new declaration gets a warning, because apply checks
// again; one that has been applied before gets an error, because it no longer works.
func (r *webhookRegistration) checkEvents(ctx context.Context, plan webhookModel, state *webhookModel, diagnostics *diag.Diagnostics) {
	declared, known := setStrings(plan.Events)
	if !known || plan.IncludeTestEvent.IsUnknown() {
		return
	}
	unknown, published, err := r.unknownEvents(ctx, plan.wanted().events)
	if err != nil {
		diagnostics.AddError("Webhook events could not be checked", remote.Detail(err))
		return
	}
	if len(unknown) == 0 {
		return
	}
	const summary = "Webhook event is unknown to Partner Center"
	detail := fmt.Sprintf("Partner Center does not publish: %s. Known events: %s.", strings.Join(unknown, ", "), strings.Join(published, ", "))
	var before []string
	if state != nil {
		before, _ = setStrings(state.Events)
	}
	if state != nil && slices.Equal(before, declared) && plan.IncludeTestEvent.Equal(state.IncludeTestEvent) {
		diagnostics.AddAttributeError(path.Root("events"), summary, detail+" Remove what is no longer known.")
		return
	}
	diagnostics.AddAttributeWarning(path.Root("events"), summary, detail+" Applying fails unless it is known by then.")
}
