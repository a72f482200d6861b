package connector

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure      = (*connector)(nil)
	_ resource.ResourceWithModifyPlan     = (*connector)(nil)
	_ resource.ResourceWithValidateConfig = (*connector)(nil)
)

type connector struct{ remote *remote.Remote }

func newConnector() resource.Resource { return &connector{} }

// Metadata implements [resource.Resource].
func (*connector) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_connector"
}

// Configure implements [resource.ResourceWithConfigure].
func (c *connector) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	c.remote = remote.From(request.ProviderData, &response.Diagnostics)
}

// references are the attributes that must not hold a secret itself.
var references = []path.Path{
	path.Root("credentials").AtName("partner_center").AtName("client_secret"),
	path.Root("credentials").AtName("partner_center").AtName("refresh_token"),
	path.Root("credentials").AtName("salesforce").AtName("private_key"),
	path.Root("credentials").AtName("salesforce").AtName("client_secret"),
	path.Root("credentials").AtName("dataverse").AtName("client_secret"),
	path.Root("credentials").AtName("dataverse").AtName("certificate"),
	path.Root("credentials").AtName("dataverse").AtName("webhook_key"),
}

// ValidateConfig refuses literal secrets. Its diagnostics have no path: Terraform would print the line, and the secret
// with it.
func (*connector) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest, response *resource.ValidateConfigResponse) {
	for _, at := range references {
		var given types.String
		if found := request.Config.GetAttribute(ctx, at, &given); found.HasError() || given.IsNull() || given.IsUnknown() {
			continue // a missing parent is the schema's business
		}
		if _, err := secret.ParseReference(given.ValueString()); err != nil {
			response.Diagnostics.AddError("Credential is not a reference",
				fmt.Sprintf("The attribute %s is %s. The document is not secret, so the secret itself must not stand there.", at, err))
		}
	}
}

// ModifyPlan computes the document as far as the inputs are known, checks what it can, and compares the declaration with
// the live systems.
func (c *connector) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	c.planFlows(ctx, request.Plan, response)
	if response.Diagnostics.HasError() {
		return
	}
	if !c.known() || !inputsKnown(request.Plan.Raw) {
		for name, unknown := range map[string]any{
			"agent_config": types.StringUnknown(), "agent_config_sha256": types.StringUnknown(), "revision": types.Int64Unknown(),
		} {
			response.Diagnostics.Append(response.Plan.SetAttribute(ctx, path.Root(name), unknown)...)
		}
		return
	}
	built := c.build(ctx, request.Plan, request.State, &response.Diagnostics)
	if built == nil {
		return
	}
	response.Diagnostics.Append(built.set(ctx, &response.Plan)...)
	when := planUnchanged
	if built.changed {
		when = planChanged
	}
	c.compare(ctx, built, when, &response.Diagnostics)
	if when == planChanged {
		c.compareReferrals(ctx, &response.Diagnostics)
	}
	// Nothing in a plan with polling can move a foreign registration, so this is refused at once.
	if built.document.PartnerCenter.Intake == document.IntakePoll {
		c.compareRegistration(ctx, built.document, &response.Diagnostics)
	}
}

// known reports whether the provider's facts are known: a block may depend on what this plan makes.
func (c *connector) known() bool {
	pc, sf, dv := c.remote.PartnerCenterConfig(), c.remote.SalesforceConfig(), c.remote.DataverseConfig()
	return (pc == nil || !pc.Unknown) && (sf == nil || !sf.Unknown) && (dv == nil || !dv.Unknown)
}

// planFlows checks the flows and their order, which needs less than the whole declaration.
func (c *connector) planFlows(ctx context.Context, plan tfsdk.Plan, response *resource.ModifyPlanResponse) {
	startOrder := types.ListUnknown(types.StringType)
	if flows, crm, intake, without, ok := knownFlows(ctx, plan, &response.Diagnostics); ok {
		enabled := map[string]bool{}
		for _, flow := range flows {
			enabled[flow.Name] = flow.Enabled
		}
		for _, err := range document.CheckFlows(crm, intake, enabled) {
			response.Diagnostics.AddAttributeError(path.Root("sync_flows"), "Flow's prerequisite is not enabled", capitalised(err)+".")
		}
		warnOfAbsentFlows(crm, enabled, without, &response.Diagnostics)
		startOrder = textList(started(crm, enabled))
	}
	response.Diagnostics.Append(response.Plan.SetAttribute(ctx, path.Root("start_order"), startOrder)...)
	response.Diagnostics.Append(response.Plan.SetAttribute(ctx, path.Root("id"), planned(ctx, plan, "name", &response.Diagnostics))...)
}

func planned(ctx context.Context, plan tfsdk.Plan, name string, diagnostics *diag.Diagnostics) types.String {
	var value types.String
	diagnostics.Append(plan.GetAttribute(ctx, path.Root(name), &value)...)
	return value
}

func knownFlows(ctx context.Context, plan tfsdk.Plan, diagnostics *diag.Diagnostics) (flows map[string]flowModel, crm, intake string, without []string, ok bool) {
	if !attributesKnown(plan.Raw, "sync_flows", "crm", "intake", "without_flows") {
		return nil, "", "", nil, false
	}
	for name, into := range map[string]any{"sync_flows": &flows, "crm": &crm, "intake": &intake, "without_flows": &without} {
		diagnostics.Append(plan.GetAttribute(ctx, path.Root(name), into)...)
	}
	return flows, crm, intake, without, !diagnostics.HasError()
}

// warnOfAbsentFlows names every flow that was not handed in, because a forgotten one is silently off.
func warnOfAbsentFlows(crm string, handedIn map[string]bool, without []string, diagnostics *diag.Diagnostics) {
	var absent []string
	for _, known := range document.KnownFlows(crm) {
		_, there := handedIn[known.Name]
		switch leftOut := slices.Contains(without, known.Name); {
		case there && leftOut:
			diagnostics.AddAttributeError(path.Root("without_flows"), "Flow is handed in and left out",
				fmt.Sprintf("The flow %s is in sync_flows and in without_flows. Remove it from one of them.", known.Name))
		case !there && !leftOut:
			absent = append(absent, known.Name)
		}
	}
	if len(absent) > 0 {
		diagnostics.AddAttributeWarning(path.Root("sync_flows"), "Flows are not handed in and therefore off",
			fmt.Sprintf("Not in sync_flows: %s. Declare them as cosell_sync_flow, or list them in without_flows if they are off on purpose.", quoted(absent)))
	}
}

func started(crm string, enabled map[string]bool) []string {
	order := []string{}
	for _, known := range document.KnownFlows(crm) {
		if enabled[known.Name] {
			order = append(order, known.Name)
		}
	}
	return order
}

// result is a built document with what a plan and a state keep of it.
type result struct {
	declared *connectorModel
	document document.Document
	encoded  string
	hash     string
	changed  bool // from what the state holds, or new
}

// build makes the document of a plan whose inputs are known. It gives nil when something is wrong with it.
func (c *connector) build(ctx context.Context, plan tfsdk.Plan, state tfsdk.State, diagnostics *diag.Diagnostics) *result {
	var declared connectorModel
	diagnostics.Append(plan.Get(ctx, &declared)...)
	var hash types.String
	var revision types.Int64
	if !state.Raw.IsNull() {
		diagnostics.Append(state.GetAttribute(ctx, path.Root("agent_config_sha256"), &hash)...)
		diagnostics.Append(state.GetAttribute(ctx, path.Root("revision"), &revision)...)
	}
	if diagnostics.HasError() {
		return nil
	}
	b := newBuilder(&declared, c.remote.PartnerCenterConfig(), c.remote.SalesforceConfig(), c.remote.DataverseConfig())
	built := &result{declared: &declared, document: b.document()}
	diagnostics.Append(b.diagnostics...)
	if diagnostics.HasError() {
		return nil
	}
	var err error
	if built.hash, err = document.Hash(built.document); err != nil {
		diagnostics.AddError("Connector's document could not be encoded", remote.Detail(err))
		return nil
	}
	built.changed = hash.ValueString() != built.hash
	built.document.Connector.Revision = revision.ValueInt64()
	if built.changed {
		built.document.Connector.Revision++
	}
	encoded, err := document.Encode(built.document)
	if err != nil {
		diagnostics.AddError("Connector's document could not be encoded", remote.Detail(err))
		return nil
	}
	built.encoded = string(encoded)
	return built
}

// attributeSetter is what a plan and a state have in common.
type attributeSetter interface {
	SetAttribute(ctx context.Context, at path.Path, value any) diag.Diagnostics
}

func (r *result) set(ctx context.Context, into attributeSetter) diag.Diagnostics {
	enabled := map[string]bool{}
	for _, flow := range r.document.Flows {
		enabled[flow.Name] = flow.Enabled
	}
	var diagnostics diag.Diagnostics
	for name, value := range map[string]any{
		"id":                  types.StringValue(r.declared.Name),
		"agent_config":        r.encoded,
		"agent_config_sha256": r.hash,
		"revision":            r.document.Connector.Revision,
		"start_order":         textList(started(r.declared.CRM, enabled)),
	} {
		diagnostics.Append(into.SetAttribute(ctx, path.Root(name), value)...)
	}
	return diagnostics
}

// Create implements [resource.Resource].
func (c *connector) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	c.apply(ctx, request.Plan, tfsdk.State{}, &response.State, &response.Diagnostics)
}

// Update implements [resource.Resource].
func (c *connector) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	c.apply(ctx, request.Plan, request.State, &response.State, &response.Diagnostics)
}

// apply keeps the document after everything that it names was found.
func (c *connector) apply(ctx context.Context, plan tfsdk.Plan, before tfsdk.State, after *tfsdk.State, diagnostics *diag.Diagnostics) {
	built := c.build(ctx, plan, before, diagnostics)
	if built == nil {
		return
	}
	c.compare(ctx, built, apply, diagnostics)
	c.compareRegistration(ctx, built.document, diagnostics)
	if diagnostics.HasError() {
		return
	}
	after.Raw = plan.Raw
	diagnostics.Append(built.set(ctx, after)...)
}

// Read has nothing remote to read; the next plan computes the document again from the provider's facts.
func (*connector) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Delete has nothing to delete but the state, which the framework removes.
func (*connector) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

// inputsKnown reports whether every attribute but the computed ones has its final value.
func inputsKnown(raw tftypes.Value) bool {
	var attributes map[string]tftypes.Value
	if err := raw.As(&attributes); err != nil {
		return false
	}
	for name, value := range attributes {
		if !computed[name] && !value.IsFullyKnown() {
			return false
		}
	}
	return true
}

func attributesKnown(raw tftypes.Value, names ...string) bool {
	var attributes map[string]tftypes.Value
	if err := raw.As(&attributes); err != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !attributes[name].IsFullyKnown() })
}
