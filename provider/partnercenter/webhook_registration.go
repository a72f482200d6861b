package partnercenter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure   = (*webhookRegistration)(nil)
	_ resource.ResourceWithIdentity    = (*webhookRegistration)(nil)
	_ resource.ResourceWithImportState = (*webhookRegistration)(nil)
	_ resource.ResourceWithModifyPlan  = (*webhookRegistration)(nil)
)

// webhookRegistration is cosell_webhook_registration.
type webhookRegistration struct{ remote *remote.Remote }

// NewWebhookRegistration makes the resource type cosell_webhook_registration.
func NewWebhookRegistration() resource.Resource { return new(webhookRegistration) }

// Metadata implements [resource.Resource].
func (r *webhookRegistration) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_webhook_registration"
}

// Configure implements [resource.ResourceWithConfigure].
func (r *webhookRegistration) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// Create implements [resource.Resource].
func (r *webhookRegistration) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan webhookModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	known, err := r.apply(ctx, &plan, nil, record{})
	if err != nil {
		resp.Diagnostics.AddError("Webhook registration was not created", remote.Detail(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.keep(ctx, resp.Private, known, resp.Identity, &resp.Diagnostics)
}

// Read implements [resource.Resource].
func (r *webhookRegistration) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state webhookModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	live, found, err := r.live(ctx)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Webhook registration could not be read", remote.Detail(err))
		return
	case !found:
		setIdentity(ctx, resp.Identity, r.tenant(), &resp.Diagnostics) // the framework wants it here too
		resp.State.RemoveResource(ctx)
		return
	}
	known, recorded := r.recall(ctx, req.Private, &resp.Diagnostics)
	if !recorded { // imported: whatever is registered now is ours
		known = record{URL: live.WebhookURL}
	}
	state.refresh(live, r.tenant())
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	r.keep(ctx, resp.Private, known, resp.Identity, &resp.Diagnostics)
}

// Update implements [resource.Resource].
func (r *webhookRegistration) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state webhookModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	known, _ := r.recall(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	known, err := r.apply(ctx, &plan, state.wanted().events, known)
	if err != nil {
		resp.Diagnostics.AddError("Webhook registration was not updated", remote.Detail(err))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.keep(ctx, resp.Private, known, resp.Identity, &resp.Diagnostics)
}

// Delete implements [resource.Resource]. The API has no deletion: see [webhookRegistration.unsubscribe].
func (r *webhookRegistration) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state webhookModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	known, _ := r.recall(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if state.OnDestroy.ValueString() == destroyRetain {
		resp.Diagnostics.AddWarning("Webhook registration was kept",
			fmt.Sprintf("on_destroy is %q: %s stays registered with all its events.", destroyRetain, state.URL.ValueString()))
		return
	}
	summary, detail, err := r.unsubscribe(ctx, state, known)
	if err != nil {
		resp.Diagnostics.AddError("Webhook events were not unsubscribed", remote.Detail(err))
		return
	}
	if summary != "" {
		resp.Diagnostics.AddWarning(summary, detail)
	}
}

// unsubscribe removes the events that this resource added and says in a warning what stays.
func (r *webhookRegistration) unsubscribe(ctx context.Context, state webhookModel, known record) (summary, detail string, err error) {
	defer r.remote.Lock(remote.LockRegistration)()
	live, found, err := r.live(ctx)
	if err != nil || !found {
		return "", "", err
	}
	if taken := foreignURL(live, state.URL.ValueString(), known.URL); taken != "" {
		return "Webhook registration belongs to another URL now",
			fmt.Sprintf("The tenant's registration points to %s, not to %s. It was left alone.", taken, state.URL.ValueString()), nil
	}
	rest := remainder(live, state.wanted().events, known)
	if len(rest) == len(live.WebhookEvents) {
		return "", "", nil
	}
	live.WebhookEvents = rest
	if _, err = r.write(ctx, live, true); err != nil && len(rest) == 0 && isRefusal(err) {
		return "Webhook registration was kept",
			fmt.Sprintf("Partner Center refused to unsubscribe the last events, and it has no way to delete a registration: %s stays registered. "+
				"Its events reach nobody once the agent is gone; the next registration replaces it.\n\nPartner Center said: %v", live.WebhookURL, err), nil
	}
	if err != nil || len(rest) == 0 {
		return "", "", err
	}
	detail = fmt.Sprintf("These events were registered before, or by others, and stay subscribed for %s: %s.", live.WebhookURL, strings.Join(rest, ", "))
	if known.PreviousURL != "" {
		detail += fmt.Sprintf(" Before the takeover the registration pointed to %s; whoever uses these events should register again.", known.PreviousURL)
	}
	return "Webhook events of others stay registered", detail, nil
}

// ImportState implements [resource.ResourceWithImportState]. The id is the tenant's, or "current".
func (r *webhookRegistration) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	wanted := types.StringValue(req.ID)
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("tenant_id"), &wanted)...)
	}
	tenant := r.tenant()
	if text := wanted.ValueString(); text != "" && text != "current" && !strings.EqualFold(text, tenant) {
		resp.Diagnostics.AddError("Webhook registration belongs to another tenant",
			fmt.Sprintf("The import names the tenant %q, the provider is configured for %q. Import by the id \"current\", or configure a provider for that tenant.", text, tenant))
		return
	}
	live, found, err := r.live(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Webhook registration could not be imported", remote.Detail(err))
		return
	}
	if !found {
		resp.Diagnostics.AddError("Webhook registration does not exist",
			fmt.Sprintf("The tenant %s has no webhook registration to import. Remove the import; applying creates it.", tenant))
		return
	}
	state := imported(live, tenant)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	setIdentity(ctx, resp.Identity, tenant, &resp.Diagnostics)
}

// apply writes the declaration over the live registration and fills the plan's computed values.
func (r *webhookRegistration) apply(ctx context.Context, plan *webhookModel, previous []string, known record) (record, error) {
	defer r.remote.Lock(remote.LockRegistration)()
	want := plan.wanted()
	if unknown, _, err := r.unknownEvents(ctx, want.events); err != nil {
		return known, err
	} else if len(unknown) > 0 {
		return known, fmt.Errorf("partner center knows no event %s", strings.Join(unknown, ", "))
	}
	live, found, err := r.live(ctx)
	if err != nil {
		return known, err
	}
	if taken := foreignURL(live, want.url, known.URL); taken != "" && !plan.OverwriteExisting.ValueBool() {
		return known, problem.New(problem.WebhookTaken, "registration of tenant "+r.tenant(), "it points to "+taken)
	}
	desired, saved := merge(live, want, previous, known), live
	if !found || !covers(live, desired) {
		if saved, err = r.write(ctx, desired, found); err != nil {
			return known, err
		}
	}
	plan.refresh(saved, r.tenant())
	return remember(live, want, known), nil
}

// write sends a registration. It is written whole, so that a lost answer is settled by reading it back.
func (r *webhookRegistration) write(ctx context.Context, want client.Registration, exists bool) (client.Registration, error) {
	api, err := r.remote.PartnerCenter(ctx)
	if err != nil {
		return client.Registration{}, err
	}
	var saved client.Registration
	err = r.remote.Retry(ctx, func(ctx context.Context) error {
		send := api.CreateRegistration
		if exists {
			send = api.UpdateRegistration
		}
		if saved, err = send(ctx, want); err == nil || !client.IsAmbiguous(err) {
			return err
		}
		live, found, readErr := r.live(ctx)
		if readErr != nil {
			return err
		}
		if found && covers(live, want) {
			saved = live
			return nil
		}
		exists = found
		return problem.New(problem.AnswerLost, "webhook registration", err.Error()) // known not to be applied: send again
	})
	if err != nil {
		return client.Registration{}, err
	}
	return r.settled(ctx, saved)
}

// settled completes an answer that leaves out what a read shows.
func (r *webhookRegistration) settled(ctx context.Context, saved client.Registration) (client.Registration, error) {
	if saved.SubscriberID != "" && !saved.LastModifiedTimestamp.IsZero() {
		return saved, nil
	}
	live, found, err := r.live(ctx)
	if err != nil || !found {
		return saved, err
	}
	return live, nil
}

// live reads the registration as it is now.
func (r *webhookRegistration) live(ctx context.Context) (live client.Registration, found bool, err error) {
	api, err := r.remote.PartnerCenter(ctx)
	if err != nil {
		return live, false, err
	}
	err = r.remote.Retry(ctx, func(ctx context.Context) error {
		live, found, err = api.Registration(ctx)
		return err
	})
	// The status for a tenant without registration is not documented. A read without parameters has nothing else to be
	// a bad request about.
	if refusal := (*client.APIError)(nil); errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest {
		return client.Registration{}, false, nil
	}
	return live, found, err
}

// unknownEvents gives the names that are not in the service's list, and that list.
func (r *webhookRegistration) unknownEvents(ctx context.Context, names []string) (unknown, published []string, err error) {
	api, err := r.remote.PartnerCenter(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = r.remote.Retry(ctx, func(ctx context.Context) error {
		published, err = api.WebhookEvents(ctx)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return without(names, published), sorted(published), nil
}

func (r *webhookRegistration) tenant() string {
	if config := r.remote.PartnerCenterConfig(); config != nil {
		return config.TenantID
	}
	return ""
}

// isRefusal tells an answer that rejects the content from one that rejects the caller or the moment.
func isRefusal(err error) bool {
	var refusal *client.APIError
	return errors.As(err, &refusal) && refusal.Class() == problem.NeedsPerson && !client.IsDenied(err)
}

// wanted reads the declaration. Its sets are known by the time it is used.
func (m webhookModel) wanted() subscription {
	events, _ := setStrings(m.Events)
	if m.IncludeTestEvent.ValueBool() {
		events = append(events, client.EventTestCreated)
	}
	return subscription{
		url:             m.URL.ValueString(),
		events:          sorted(events),
		signatureHeader: m.SignatureHeader.ValueString() == headerMSSignature,
		preserveForeign: m.PreserveForeignEvents.ValueBool(),
	}
}

// refresh takes over what is registered. Declared events that are missing leave the state, so that the plan adds them.
func (m *webhookModel) refresh(live client.Registration, tenant string) {
	want := m.wanted()
	declared, _ := setStrings(m.Events)
	m.ID = types.StringValue(tenant)
	m.URL = types.StringValue(live.WebhookURL)
	m.Events = stringSet(common(declared, live.WebhookEvents))
	m.IncludeTestEvent = types.BoolValue(m.IncludeTestEvent.ValueBool() && contains(live.WebhookEvents, client.EventTestCreated))
	m.SignatureHeader = types.StringValue(headerOf(live))
	m.SubscriberID = textOrNull(live.SubscriberID)
	m.RegisteredEvents = stringSet(sorted(live.WebhookEvents))
	m.ForeignEvents = stringSet(sorted(without(live.WebhookEvents, want.events)))
	m.LastModifiedAt = types.StringNull()
	if !live.LastModifiedTimestamp.IsZero() {
		m.LastModifiedAt = types.StringValue(live.LastModifiedTimestamp.UTC().Format(time.RFC3339Nano))
	}
}

// imported gives the state of a registration that nobody has declared yet: its referral events count as ours.
func imported(live client.Registration, tenant string) webhookModel {
	m := webhookModel{
		Events:                stringSet(common(referralEvents, live.WebhookEvents)),
		IncludeTestEvent:      types.BoolValue(true),
		OverwriteExisting:     types.BoolValue(false),
		PreserveForeignEvents: types.BoolValue(true),
		OnDestroy:             types.StringValue(destroyUnsubscribe),
	}
	m.refresh(live, tenant)
	return m
}

func headerOf(live client.Registration) string {
	if live.SignatureTokenToMsSignatureHeader {
		return headerMSSignature
	}
	return headerAuthorization
}

func textOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// privateReader and privateWriter are what the framework offers of private state in requests and responses.
type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

const recordKey = "registration"

// recall reads the record of what we wrote; ok is false when there is none, as after an import.
func (r *webhookRegistration) recall(ctx context.Context, private privateReader, diagnostics *diag.Diagnostics) (known record, ok bool) {
	data, found := private.GetKey(ctx, recordKey)
	diagnostics.Append(found...)
	if len(data) == 0 || json.Unmarshal(data, &known) != nil {
		return record{}, false
	}
	return known, true
}

func (r *webhookRegistration) keep(ctx context.Context, private privateWriter, known record, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics) {
	data, err := json.Marshal(known)
	if err != nil {
		diagnostics.AddError("Webhook registration's record could not be encoded", err.Error())
		return
	}
	diagnostics.Append(private.SetKey(ctx, recordKey, data)...)
	setIdentity(ctx, identity, r.tenant(), diagnostics)
}

// setIdentity writes the identity where the CLI supports one (Terraform 1.12 and newer).
func setIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, tenant string, diagnostics *diag.Diagnostics) {
	if identity == nil {
		return
	}
	diagnostics.Append(identity.SetAttribute(ctx, path.Root("tenant_id"), tenant)...)
}
