package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// flowModel is the state of a cosell_power_automate_flow.
type flowModel struct {
	ID         types.String `tfsdk:"id"`
	Name       types.String `tfsdk:"name"`
	Enabled    types.Bool   `tfsdk:"enabled"`
	WorkflowID types.String `tfsdk:"workflow_id"`
	Calls      types.List   `tfsdk:"calls"`
	Drain      types.Object `tfsdk:"drain"`
	Drained    types.Bool   `tfsdk:"drained"`
}

// lockFlows makes flows change one after another: they depend on each other.
const lockFlows = "dataverse/flows"

const flowDescription = "A cloud flow that a solution brought, on or off: for adopting Microsoft's own co-sell solution, and for cutting over from it. The flow itself is not made, changed or deleted.\n\n" +
	"A flow that calls others can be on only while they are. Turning one on therefore turns on what it calls first, and turning one off turns off what calls it first, whatever the order in which " +
	"Terraform gets there. Declaring a flow on and one that it calls off is a contradiction, which shows as a difference in the next plan.\n\n" +
	"A run that is under way goes on when its flow is turned off, and fails when it calls a flow that is off. With `drain`, what calls the flow is turned off and its runs are waited for first, and " +
	"at last the flow's own: so that what comes after the switch-off, as a webhook registration that moves or an agent that starts, meets no run that still writes.\n\n" +
	"A flow that cannot be turned on says why: a connection reference without a connection, or a flow that it calls and that is off. Bind connection references in Power Apps, or with Microsoft's own provider.\n\n" +
	"**Destroy.** The flow stays as it is.\n\n" +
	"**Permissions.** Reading and writing processes (workflows), reading flow runs for `drain`, and use of the flow's connections: the application user is their owner or they are shared with it."

// NewFlow makes the resource type cosell_power_automate_flow.
func NewFlow() resource.Resource {
	return &managed[flowModel, *flowModel]{
		check: checkDrain,
		kind: kind{
			typeName: "power_automate_flow", what: "cloud flow", example: "Webhook Registration (Insider Preview)",
			keys: []key{{"name", "Name of the flow, or its id."}},
			schema: schema.Schema{
				MarkdownDescription: flowDescription,
				Attributes: map[string]schema.Attribute{
					"id":          identifier(),
					"name":        required("Name of the flow as Power Automate shows it, or its id where several have the name. Changing it means another flow.", unpadded()),
					"enabled":     schema.BoolAttribute{Required: true, MarkdownDescription: "Whether the flow is on."},
					"workflow_id": settled("Id of the flow's row."),
					"calls":       schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Names of the flows that it calls, which must be on while it is."},
					"drain":       drainAttribute(),
					"drained":     schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether its runs were waited for since it was turned off; null without `drain`."},
				},
			},
		},
	}
}

// flows is what the environment has of them.
type flows []client.CloudFlow

func (f flows) named(name string) (client.CloudFlow, error) {
	var found []client.CloudFlow
	for _, flow := range f {
		if flow.Name == name || strings.EqualFold(flow.ID, name) {
			found = append(found, flow)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return client.CloudFlow{}, errNoFlow
	default:
		return client.CloudFlow{}, fmt.Errorf("the environment has %d flows of this name: give the flow's id instead", len(found))
	}
}

var errNoFlow = errors.New("the environment has no such flow in a solution; flows outside of solutions are not visible here")

// called gives the flows that a flow calls: actions of the type Workflow, wherever they stand in its definition ("Work with cloud flows
// using code").
func (f flows) called(flow client.CloudFlow) []client.CloudFlow {
	var data struct {
		Properties struct {
			Definition json.RawMessage `json:"definition"`
		} `json:"properties"`
	}
	if json.Unmarshal([]byte(flow.ClientData), &data) != nil {
		return nil
	}
	var definition any
	if json.Unmarshal(data.Properties.Definition, &definition) != nil {
		return nil
	}
	var list []client.CloudFlow
	for _, id := range references(definition) {
		if child, err := f.named(id); err == nil && !slices.ContainsFunc(list, func(c client.CloudFlow) bool { return c.ID == child.ID }) {
			list = append(list, child)
		}
	}
	slices.SortFunc(list, func(a, b client.CloudFlow) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// references lists the ids of flows in a definition.
func references(node any) []string {
	var ids []string
	switch n := node.(type) {
	case map[string]any:
		for name, inner := range n {
			if id, ok := inner.(string); ok && name == "workflowReferenceName" {
				ids = append(ids, id)
			}
			ids = append(ids, references(inner)...)
		}
	case []any:
		for _, inner := range n {
			ids = append(ids, references(inner)...)
		}
	}
	return ids
}

// callers gives the flows that call a flow.
func (f flows) callers(flow client.CloudFlow) []client.CloudFlow {
	var list []client.CloudFlow
	for _, other := range f {
		if slices.ContainsFunc(f.called(other), func(c client.CloudFlow) bool { return c.ID == flow.ID }) {
			list = append(list, other)
		}
	}
	return list
}

// order lists what must be switched so that a flow is on or off: each after those that it depends on, the flow itself last.
func (f flows) order(flow client.CloudFlow, on bool) []client.CloudFlow {
	first := f.called
	if !on {
		first = f.callers
	}
	return slices.DeleteFunc(slices.Concat(stepsTo(flow, first)...), func(one client.CloudFlow) bool { return one.On() == on })
}

// stepsTo lists a flow and all that it depends on, in steps: what is in one depends only on steps before it, and the flow is the last.
func stepsTo(flow client.CloudFlow, first func(client.CloudFlow) []client.CloudFlow) [][]client.CloudFlow {
	var steps [][]client.CloudFlow
	at := map[string]int{}
	var visit func(client.CloudFlow) int
	visit = func(one client.CloudFlow) int {
		if level, seen := at[one.ID]; seen {
			return level
		}
		at[one.ID] = 0 // flows that call each other in a circle come to an end
		level := 0
		for _, other := range first(one) {
			level = max(level, visit(other)+1)
		}
		at[one.ID] = level
		for len(steps) <= level {
			steps = append(steps, nil)
		}
		steps[level] = append(steps[level], one)
		return level
	}
	visit(flow)
	return steps
}

func listFlows(ctx context.Context, e *environment) (all flows, err error) {
	api, err := e.remote.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	err = e.remote.Retry(ctx, func(ctx context.Context) (err error) {
		all, err = api.CloudFlows(ctx)
		return err
	})
	return all, err
}

func (m *flowModel) complete(ctx context.Context, e *environment, p *planning[flowModel]) {
	m.WorkflowID, m.Calls = types.StringUnknown(), types.ListUnknown(types.StringType)
	m.Drained = m.wantsDrained()
	if !p.live || m.Name.IsUnknown() {
		return
	}
	all, err := listFlows(ctx, e)
	if err != nil {
		p.AddError("Cloud flows could not be read", remote.Detail(err))
		return
	}
	live, err := all.named(m.Name.ValueString())
	if err != nil {
		p.AddAttributeError(path.Root("name"), "Cloud flow cannot be found", remote.Detail(fmt.Errorf("%s: %w", m.Name.ValueString(), err)))
		return
	}
	m.take(all, live)
}

func (m *flowModel) take(all flows, live client.CloudFlow) {
	m.WorkflowID = types.StringValue(live.ID)
	names := []attr.Value{}
	for _, child := range all.called(live) {
		names = append(names, types.StringValue(child.Name))
	}
	m.Calls = types.ListValueMust(types.StringType, names)
}

// create takes the flow in, and switches it.
func (m *flowModel) create(ctx context.Context, e *environment) error { return m.switchTo(ctx, e) }

func (m *flowModel) update(ctx context.Context, e *environment, _ *flowModel) error {
	return m.switchTo(ctx, e)
}

func (m *flowModel) switchTo(ctx context.Context, e *environment) error {
	if drain, ok := m.draining(); ok && !m.Enabled.ValueBool() {
		return m.drainOff(ctx, e, drain)
	}
	defer e.remote.Lock(lockFlows)()
	all, err := listFlows(ctx, e)
	if err != nil {
		return err
	}
	flow, err := all.named(m.Name.ValueString())
	if err != nil {
		return err
	}
	on := m.Enabled.ValueBool()
	for _, one := range all.order(flow, on) {
		if err := switchOne(ctx, e, one, on); err != nil {
			return err
		}
	}
	m.take(all, flow)
	return nil
}

func switchOne(ctx context.Context, e *environment, one client.CloudFlow, on bool) error {
	defer e.remote.FlowsChanged()
	err := e.change(ctx, nil, "flow "+one.Name, func(ctx context.Context, api *client.Client) error { return api.SwitchFlow(ctx, one.ID, on) })
	if err != nil {
		return explained(one, err)
	}
	return nil
}

// explanations say what to do about what the flow service refuses.
var explanations = []struct{ code, fix string }{
	{"XrmConnectionReferenceMissingConnection", "Give the connection reference a connection, in Power Apps under Solutions, and share the connection with the provider's application user."},
	{"ChildFlowNeverPublished", "A flow that it calls is off, or is not there: turn that one on first."},
	{"ChildFlowUnsupportedForInvokerConnections", "A flow that it calls uses the connections of whoever runs it: set its run-only users to use the flow's own connections."},
	{"ChildFlowInUse", "A flow that calls it is still on."},
}

// explained adds what to do to an error of the flow service.
func explained(flow client.CloudFlow, err error) error {
	for _, e := range explanations {
		if client.HasInner(err, e.code) {
			return fmt.Errorf("flow %q (%s): %w. %s", flow.Name, flow.ID, err, e.fix)
		}
	}
	return fmt.Errorf("flow %q (%s): %w", flow.Name, flow.ID, err)
}

func (m *flowModel) read(ctx context.Context, e *environment) (bool, error) {
	known, err := e.remote.Flows(ctx)
	if err != nil {
		return false, err
	}
	all := flows(known)
	live, err := all.named(m.Name.ValueString())
	if errors.Is(err, errNoFlow) {
		return false, nil
	}
	m.Enabled = types.BoolValue(live.On())
	if live.On() && m.Drained.ValueBool() {
		m.Drained = types.BoolValue(false)
	}
	m.take(all, live)
	return err == nil, err
}

// remove leaves the flow as it is.
func (m *flowModel) remove(context.Context, *environment) error { return nil }
