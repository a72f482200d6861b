package dataverse

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// variableModel is the state of a cosell_dataverse_environment_variable.
type variableModel struct {
	ID               types.String `tfsdk:"id"`
	Name             types.String `tfsdk:"name"`
	DisplayName      types.String `tfsdk:"display_name"`
	Type             types.String `tfsdk:"type"`
	DefaultValue     types.String `tfsdk:"default_value"`
	Value            types.String `tfsdk:"value"`
	ManageDefinition types.Bool   `tfsdk:"manage_definition"`
	Solution         types.String `tfsdk:"solution"`
	EffectiveValue   types.String `tfsdk:"effective_value"`
}

// variableTypes are the types, with the numbers of the Web API.
var variableTypes = []struct {
	name   string
	number int
}{{"text", client.VariableText}, {"number", client.VariableNumber}, {"boolean", client.VariableYesNo}, {"json", client.VariableJSON}}

const variableDescription = "An environment variable of Dataverse: its definition, and its current value. Flows of Microsoft's own co-sell solution read such variables; the agent does not: see `cosell_environment_variable`.\n\n" +
	"A definition that a solution brought is used with `manage_definition = false`: then only the current value is made, changed and removed. The default is never edited, because it is " +
	"part of the solution: with `manage_definition` it is given once, when the variable is made. Without `value` there is no current value, and the default holds. Flows see a new value within the hour.\n\n" +
	"**Destroy.** The current value is removed, and the definition too if it is managed.\n\n" +
	"**Permissions.** Creating, reading, writing and deleting environment variable definitions and values, as System Customizer has."

// NewEnvironmentVariable makes the resource type cosell_dataverse_environment_variable.
func NewEnvironmentVariable() resource.Resource {
	names := []word{}
	for _, t := range variableTypes {
		names = append(names, word{name: t.name})
	}
	return &managed[variableModel, *variableModel]{
		check: checkVariable,
		kind: kind{
			typeName: "dataverse_environment_variable", what: "environment variable", example: "cosell_DealValueField",
			keys: []key{{"name", "Schema name of the variable."}},
			schema: schema.Schema{
				MarkdownDescription: variableDescription,
				Attributes: map[string]schema.Attribute{
					"id":                identifier(),
					"name":              required("Schema name with the publisher's prefix, such as `msft_dealvaluefield`. Changing it makes another variable.", schemaName()),
					"display_name":      schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Name that people see; needed for a managed definition."},
					"type":              oneOf("Type of the value: `text` (default), `number`, `boolean` (`yes` or `no`) or `json`. It cannot be changed.", names),
					"default_value":     schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "What holds without a `value`. It is given once, with a managed definition, and never edited."},
					"value":             optional("The current value.", unpadded()),
					"manage_definition": flag("Whether the definition is made and deleted too. `false` uses one that a solution brought. Default `true`.", true),
					"solution":          solutionAttribute(),
					"effective_value":   settled("What flows read: the `value`, else the default."),
				},
			},
		},
	}
}

// checkVariable compares the values with the type, which Dataverse does not.
func checkVariable(_ context.Context, config variableModel, diagnostics *diag.Diagnostics) {
	if config.ManageDefinition.IsNull() || config.ManageDefinition.ValueBool() {
		if config.DisplayName.IsNull() {
			diagnostics.AddAttributeError(path.Root("display_name"), "Environment variable needs a display name", "Give display_name, or set manage_definition = false for a variable that a solution brought.")
		}
	}
	if config.Type.ValueString() != "boolean" {
		return
	}
	for name, value := range map[string]types.String{"value": config.Value, "default_value": config.DefaultValue} {
		if text := value.ValueString(); text != "" && text != "yes" && text != "no" {
			diagnostics.AddAttributeError(path.Root(name), "Environment variable's value does not fit its type", fmt.Sprintf("A boolean takes yes or no, not %q.", text))
		}
	}
}

func (m *variableModel) title() string { return "environment variable " + m.Name.ValueString() }

func (m *variableModel) complete(ctx context.Context, e *environment, p *planning[variableModel]) {
	state := p.state
	// An import shows the default, and configuration generated from it gives the same: that one is compared below.
	if p.fresh && !p.config.DefaultValue.IsNull() && !m.ManageDefinition.IsUnknown() && !m.ManageDefinition.ValueBool() {
		p.AddAttributeError(path.Root("default_value"), "Default of an existing variable is never edited", "Remove default_value, and give value instead.")
		return
	}
	if m.DisplayName.IsUnknown() && !p.fresh && p.config.DisplayName.IsNull() {
		m.DisplayName = state.DisplayName
	}
	if m.DefaultValue.IsUnknown() && p.config.DefaultValue.IsNull() {
		m.DefaultValue = types.StringNull()
		switch {
		case !p.fresh:
			m.DefaultValue = state.DefaultValue
		case !m.ManageDefinition.ValueBool():
			m.DefaultValue = types.StringUnknown()
		}
	}
	m.EffectiveValue = m.Value
	if m.Value.IsNull() {
		m.EffectiveValue = m.DefaultValue
	}
	if !p.fresh {
		for name, changed := range map[string]bool{"type": !m.Type.Equal(state.Type) && m.ManageDefinition.ValueBool(), "default_value": !m.DefaultValue.IsUnknown() && !m.DefaultValue.Equal(state.DefaultValue)} {
			if changed {
				p.AddAttributeError(path.Root(name), "Environment variable's definition is not edited",
					fmt.Sprintf("The definition of %s says type %s and default %q. Declare these, and give value to change what flows read; or make another variable.",
						m.Name.ValueString(), state.Type.ValueString(), state.DefaultValue.ValueString()))
			}
		}
		return
	}
	if !p.live || m.Name.IsUnknown() {
		return
	}
	m.lookAhead(ctx, e, p)
}

// lookAhead looks at the live variable before it is made or used.
func (m *variableModel) lookAhead(ctx context.Context, e *environment, p *planning[variableModel]) {
	if m.ManageDefinition.ValueBool() {
		checkPrefix(ctx, e, "name", m.Name.ValueString(), p)
		return
	}
	live, found, err := m.find(ctx, e)
	switch {
	case err != nil:
		p.AddError("Environment variable could not be looked for", remote.Detail(err))
	case !found:
		p.AddAttributeWarning(path.Root("name"), "Environment variable is not in the environment",
			fmt.Sprintf("There is no variable %s, and manage_definition is false. Applying fails unless a solution has brought it by then.", m.Name.ValueString()))
	default:
		m.take(live)
		m.EffectiveValue = m.Value
		if m.Value.IsNull() {
			m.EffectiveValue = m.DefaultValue
		}
	}
}

// take takes over the definition.
func (m *variableModel) take(live client.Variable) {
	m.DisplayName, m.DefaultValue = types.StringValue(live.DisplayName), textOrNull(live.Default)
	for _, t := range variableTypes {
		if t.number == live.Type {
			m.Type = types.StringValue(t.name)
		}
	}
}

func (m *variableModel) find(ctx context.Context, e *environment) (variable client.Variable, found bool, err error) {
	api, err := e.remote.Dataverse(ctx)
	if err != nil {
		return variable, false, err
	}
	err = e.remote.Retry(ctx, func(ctx context.Context) (err error) {
		variable, found, err = api.Variable(ctx, m.Name.ValueString())
		return err
	})
	return variable, found, err
}

func (m *variableModel) create(ctx context.Context, e *environment) error {
	if !m.ManageDefinition.ValueBool() {
		live, found, err := m.find(ctx, e)
		switch {
		case err != nil:
			return err
		case !found:
			return errors.New("the environment does not have the variable, and manage_definition is false")
		case live.ValueID != "":
			return errExists
		}
		return m.settle(ctx, e)
	}
	present := func(ctx context.Context) (bool, error) {
		_, found, err := m.find(ctx, e)
		return found, err
	}
	if err := e.create(ctx, nil, m.title(), present, func(ctx context.Context, api *client.Client) error {
		return api.DefineVariable(ctx, e.solutionOf(m.Solution.ValueString()), client.Variable{
			SchemaName: m.Name.ValueString(), DisplayName: m.DisplayName.ValueString(), Type: m.number(), Default: m.DefaultValue.ValueString(),
		})
	}); err != nil {
		return err
	}
	return partly(m.settle(ctx, e))
}

func (m *variableModel) number() int {
	for _, t := range variableTypes {
		if t.name == m.Type.ValueString() {
			return t.number
		}
	}
	return client.VariableText
}

// settle makes the current value what is declared, or removes it.
func (m *variableModel) settle(ctx context.Context, e *environment) error {
	defer e.remote.VariableChanged(m.Name.ValueString())
	err := e.change(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
		live, found, err := api.Variable(ctx, m.Name.ValueString())
		switch {
		case err != nil:
			return err
		case !found:
			return errDeleted
		case m.Value.IsNull():
			return api.UnsetVariable(ctx, live)
		case live.ValueID != "" && live.Value == m.Value.ValueString(): // also after a lost answer
			return nil
		default:
			return api.SetVariable(ctx, live, m.Value.ValueString())
		}
	})
	if err != nil {
		return err
	}
	live, found, err := m.find(ctx, e)
	if err == nil && found {
		m.take(live)
		m.EffectiveValue = textOrNull(live.Effective())
	}
	return err
}

func (m *variableModel) read(ctx context.Context, e *environment) (bool, error) {
	known, err := e.remote.Variable(ctx, m.Name.ValueString())
	if err != nil || known == nil {
		return false, err
	}
	live := *known
	if m.ManageDefinition.IsNull() { // an import: what exists is used, not owned
		m.ManageDefinition = types.BoolValue(false)
	}
	m.take(live)
	m.Value = types.StringNull()
	if live.ValueID != "" {
		m.Value = types.StringValue(live.Value)
	}
	m.EffectiveValue = textOrNull(live.Effective())
	return true, nil
}

func (m *variableModel) update(ctx context.Context, e *environment, before *variableModel) error {
	if m.ManageDefinition.ValueBool() && !m.DisplayName.Equal(before.DisplayName) {
		if err := e.change(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
			live, found, err := api.Variable(ctx, m.Name.ValueString())
			if err != nil || !found {
				return errors.Join(err, errDeleted)
			}
			return api.RenameVariable(ctx, live, m.DisplayName.ValueString())
		}); err != nil {
			return err
		}
	}
	return m.settle(ctx, e)
}

// remove deletes the current value, and the definition if it is managed.
func (m *variableModel) remove(ctx context.Context, e *environment) error {
	defer e.remote.VariableChanged(m.Name.ValueString())
	return e.remove(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
		live, found, err := api.Variable(ctx, m.Name.ValueString())
		if err != nil || !found {
			return err
		}
		if err := api.UnsetVariable(ctx, live); err != nil && !client.IsNotFound(err) {
			return err
		}
		if !m.ManageDefinition.ValueBool() {
			return nil
		}
		return api.UndefineVariable(ctx, live)
	})
}
