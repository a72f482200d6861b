package dataverse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// changeEventsModel is the state of a cosell_dataverse_change_events.
type changeEventsModel struct {
	ID      types.String `tfsdk:"id"`
	Name    types.String `tfsdk:"name"`
	Tables  types.Set    `tfsdk:"tables"`
	Webhook types.Object `tfsdk:"webhook"`
}

// webhookModel is the webhook attribute.
type webhookModel struct {
	URL        types.String `tfsdk:"url"`
	HeaderName types.String `tfsdk:"header_name"`
}

var webhookType = map[string]attr.Type{"url": types.StringType, "header_name": types.StringType}

// webhook gives the webhook; nil where there is none.
func (m *changeEventsModel) webhook(ctx context.Context) *webhookModel {
	if m.Webhook.IsNull() {
		return nil
	}
	w := new(webhookModel)
	m.Webhook.As(ctx, w, lenient) // the schema has the same attributes: it cannot fail
	return w
}

// stepMessages are what happens to a row that steps hear.
var stepMessages = []string{"Create", "Update", "Delete"}

const defaultHeader = "x-cosell-key"

const changeEventsDescription = "Makes changes of tables known: switches change tracking on, by which the agent asks for what changed since it last asked, and registers, if wanted, " +
	"a webhook that is told of every change at once.\n\n" +
	"With `webhook` there is a service endpoint of the resource's name, and for each table three asynchronous steps, for rows that are created, updated and deleted. A step that " +
	"somebody removes or disables shows as a missing table. The value of the header is the provider's `webhook_key`: no state holds it, and changes of it are not seen (change the header's name to send it again). " +
	"Dataverse delivers to ports 80 and 443 only, and tries once or twice: what is delivered is a hint, change tracking tells the truth.\n\n" +
	"**Destroy.** The endpoint and its steps are removed. Change tracking stays on: Dataverse cannot switch it off.\n\n" +
	"**Permissions.** Reading and writing entity definitions; for a webhook also creating, reading, writing and deleting service endpoints and SDK message processing steps, as System Customizer has."

// NewChangeEvents makes the resource type cosell_dataverse_change_events.
func NewChangeEvents() resource.Resource {
	return &managed[changeEventsModel, *changeEventsModel]{
		kind: kind{
			typeName: "dataverse_change_events", what: "change events", example: "cosell-agent",
			keys: []key{{"name", "Name of the set of tables, and of its service endpoint."}},
			schema: schema.Schema{
				MarkdownDescription: changeEventsDescription,
				Attributes: map[string]schema.Attribute{
					"id":   identifier(),
					"name": required("Name of the service endpoint, such as `cosell-agent`. Changing it makes another one.", unpadded()),
					"tables": schema.SetAttribute{
						Required: true, ElementType: types.StringType,
						MarkdownDescription: "Names of the tables: schema names or logical names, such as `opportunity`. Refer to the resources that make them, so that they come first.",
						Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(tableName())},
					},
					"webhook": schema.SingleNestedAttribute{
						Optional: true, MarkdownDescription: "Where changes are delivered.",
						Attributes: map[string]schema.Attribute{
							"url": required("Public address of the receiver, on port 443 or 80.", unpadded()),
							"header_name": schema.StringAttribute{
								Optional: true, Computed: true, Default: stringdefault.StaticString(defaultHeader), MarkdownDescription: "Header that carries the key. Default `" + defaultHeader + "`.",
								Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
							},
						},
					},
				},
			},
		},
	}
}

func (m *changeEventsModel) title() string { return "change events " + m.Name.ValueString() }

// tables gives the logical names of the declared tables, by the name that is declared.
func (m *changeEventsModel) tables() map[string]string {
	names := map[string]string{}
	for _, element := range m.Tables.Elements() {
		if text, ok := element.(types.String); ok && text.ValueString() != "" {
			names[text.ValueString()] = strings.ToLower(text.ValueString())
		}
	}
	return names
}

func (m *changeEventsModel) complete(ctx context.Context, e *environment, p *planning[changeEventsModel]) {
	if w := m.webhook(ctx); w != nil {
		if config := e.remote.DataverseConfig(); config != nil && config.WebhookKey.IsZero() && !config.Unknown {
			p.AddAttributeError(path.Root("webhook"), "Webhook has no key",
				"The receiver knows deliveries by a key. Set the provider's dataverse.webhook_key, or COSELL_DATAVERSE_WEBHOOK_KEY.")
		}
		if url := w.URL; !url.IsUnknown() && !m.Webhook.IsUnknown() {
			if err := document.CheckEndpoint(url.ValueString()); err != nil {
				p.AddAttributeError(path.Root("webhook").AtName("url"), "Webhook's address is not usable", err.Error()+".")
			}
		}
	}
	if !p.live {
		return
	}
	for _, table := range m.tables() {
		checkTable(ctx, e, "tables", table, p)
	}
}

func (m *changeEventsModel) create(ctx context.Context, e *environment) error {
	if err := m.track(ctx, e); err != nil || m.Webhook.IsNull() {
		return err
	}
	if err := m.makeEndpoint(ctx, e); err != nil {
		return err
	}
	return partly(m.syncSteps(ctx, e))
}

// track switches change tracking on where it is off.
func (m *changeEventsModel) track(ctx context.Context, e *environment) error {
	for _, table := range m.tables() {
		live, err := e.remote.Table(ctx, table)
		switch {
		case err != nil:
			return err
		case live == nil:
			return fmt.Errorf("%w: %s", remote.ErrNoTable, table)
		case live.ChangeTracking:
			continue
		}
		if err := e.change(ctx, []string{table}, "table "+table, func(ctx context.Context, api *client.Client) error {
			definition, err := api.TableDefinition(ctx, table)
			if err != nil {
				return err
			}
			delete(definition, "@odata.context")
			definition["ChangeTrackingEnabled"] = true
			return api.UpdateTable(ctx, e.solutionOf(""), definition)
		}); err != nil {
			return err
		}
		if err := e.remote.Publish(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// endpoint finds the service endpoint; ok is false when there is none.
func (m *changeEventsModel) endpoint(ctx context.Context, e *environment) (found client.Webhook, ok bool, err error) {
	api, err := e.remote.Dataverse(ctx)
	if err != nil {
		return found, false, err
	}
	var hooks []client.Webhook
	if err := e.remote.Retry(ctx, func(ctx context.Context) (err error) {
		hooks, err = api.Webhooks(ctx, m.Name.ValueString())
		return err
	}); err != nil || len(hooks) == 0 {
		return found, false, err
	}
	if len(hooks) > 1 {
		return found, false, fmt.Errorf("there are %d service endpoints of this name: remove all but one", len(hooks))
	}
	return hooks[0], true, nil
}

func (m *changeEventsModel) makeEndpoint(ctx context.Context, e *environment) error {
	present := func(ctx context.Context) (bool, error) {
		_, ok, err := m.endpoint(ctx, e)
		return ok, err
	}
	w := m.webhook(ctx)
	return e.create(ctx, nil, m.title(), present, func(ctx context.Context, api *client.Client) error {
		_, err := api.CreateWebhook(ctx, m.Name.ValueString(), w.URL.ValueString(), w.HeaderName.ValueString(), e.remote.DataverseConfig().WebhookKey)
		return err
	})
}

func (m *changeEventsModel) stepName(message, table string) string {
	return m.Name.ValueString() + ": " + message + " of " + table
}

func (m *changeEventsModel) steps(ctx context.Context, e *environment, endpoint string) (steps []client.StepRow, err error) {
	api, err := e.remote.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	err = e.remote.Retry(ctx, func(ctx context.Context) (err error) {
		steps, err = api.Steps(ctx, endpoint)
		return err
	})
	return steps, err
}

const stepEnabled = 0

// syncSteps makes what steps are missing, and removes those that no declared table needs, or that are disabled.
func (m *changeEventsModel) syncSteps(ctx context.Context, e *environment) error {
	endpoint, ok, err := m.endpoint(ctx, e)
	if err != nil {
		return err
	}
	if !ok {
		return errDeleted
	}
	live, err := m.steps(ctx, e, endpoint.ID)
	if err != nil {
		return err
	}
	wanted := map[string]client.Step{}
	for _, table := range m.tables() {
		for _, message := range stepMessages {
			name := m.stepName(message, table)
			wanted[name] = client.Step{Name: name, WebhookID: endpoint.ID, Message: message, Table: table}
		}
	}
	for _, step := range live {
		if _, needed := wanted[step.Name]; needed && step.State == stepEnabled {
			delete(wanted, step.Name)
			continue
		}
		if err := e.remove(ctx, nil, "step "+step.Name, func(ctx context.Context, api *client.Client) error { return api.DeleteStep(ctx, step.ID) }); err != nil {
			return err
		}
	}
	for name, step := range wanted {
		present := func(ctx context.Context) (bool, error) {
			steps, err := m.steps(ctx, e, endpoint.ID)
			return slices.ContainsFunc(steps, func(s client.StepRow) bool { return s.Name == name }), err
		}
		if err := e.create(ctx, nil, "step "+name, present, func(ctx context.Context, api *client.Client) error {
			_, err := api.CreateStep(ctx, step)
			return err
		}); err != nil && !errors.Is(err, errExists) {
			return fmt.Errorf("step %q: %w", name, err)
		}
	}
	return nil
}

// read shows the tables whose changes are known: tracked, and heard by all steps where there is a webhook. An import takes the tables
// of the endpoint's steps.
func (m *changeEventsModel) read(ctx context.Context, e *environment) (bool, error) {
	endpoint, ok, err := m.endpoint(ctx, e)
	if err != nil {
		return false, err
	}
	imported := m.Tables.IsNull()
	if imported && !ok {
		return false, nil
	}
	var steps []client.StepRow
	if ok {
		if steps, err = m.steps(ctx, e, endpoint.ID); err != nil {
			return false, err
		}
	}
	if imported {
		m.importTables(steps)
	}
	names := []attr.Value{}
	for declared, table := range m.tables() {
		live, err := e.remote.Table(ctx, table)
		if err != nil {
			return false, err
		}
		if live != nil && live.ChangeTracking && (m.Webhook.IsNull() && !imported || m.heard(steps, table)) {
			names = append(names, types.StringValue(declared))
		}
	}
	m.Tables = types.SetValueMust(types.StringType, names)
	if !ok {
		m.Webhook = types.ObjectNull(webhookType)
		return true, nil
	}
	shown := webhookModel{HeaderName: types.StringValue(defaultHeader)}
	if known := m.webhook(ctx); known != nil {
		shown = *known
	}
	shown.URL = types.StringValue(endpoint.URL)
	var diagnostics diag.Diagnostics
	m.Webhook, diagnostics = types.ObjectValueFrom(ctx, webhookType, shown)
	return true, failure(diagnostics)
}

func (m *changeEventsModel) importTables(steps []client.StepRow) {
	seen := map[string]bool{}
	names := []attr.Value{}
	for _, step := range steps {
		if _, table, ok := strings.Cut(step.Name, " of "); ok && !seen[table] {
			seen[table] = true
			names = append(names, types.StringValue(table))
		}
	}
	m.Tables = types.SetValueMust(types.StringType, names)
}

// heard reports whether every step of a table is there and enabled.
func (m *changeEventsModel) heard(steps []client.StepRow, table string) bool {
	for _, message := range stepMessages {
		name := m.stepName(message, table)
		if !slices.ContainsFunc(steps, func(s client.StepRow) bool { return s.Name == name && s.State == stepEnabled }) {
			return false
		}
	}
	return true
}

func (m *changeEventsModel) update(ctx context.Context, e *environment, before *changeEventsModel) error {
	if err := m.track(ctx, e); err != nil {
		return err
	}
	endpoint, ok, err := m.endpoint(ctx, e)
	w := m.webhook(ctx)
	switch {
	case err != nil:
		return err
	case w == nil && before.Webhook.IsNull(): // an endpoint of the name would be somebody else's
		return nil
	case w == nil:
		return m.remove(ctx, e)
	case !ok:
		if err := m.makeEndpoint(ctx, e); err != nil {
			return err
		}
	case !m.Webhook.Equal(before.Webhook):
		if err := e.change(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error {
			return api.UpdateWebhook(ctx, endpoint.ID, w.URL.ValueString(), w.HeaderName.ValueString(), e.remote.DataverseConfig().WebhookKey)
		}); err != nil {
			return err
		}
	}
	return m.syncSteps(ctx, e)
}

// remove deletes the steps and then the endpoint. Change tracking stays.
func (m *changeEventsModel) remove(ctx context.Context, e *environment) error {
	endpoint, ok, err := m.endpoint(ctx, e)
	if err != nil || !ok {
		return err
	}
	steps, err := m.steps(ctx, e, endpoint.ID)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := e.remove(ctx, nil, "step "+step.Name, func(ctx context.Context, api *client.Client) error { return api.DeleteStep(ctx, step.ID) }); err != nil {
			return err
		}
	}
	return e.remove(ctx, nil, m.title(), func(ctx context.Context, api *client.Client) error { return api.DeleteWebhook(ctx, endpoint.ID) })
}
