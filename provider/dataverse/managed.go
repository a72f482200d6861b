package dataverse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// model is the state of a resource, and what becomes of it in the environment.
type model[M any] interface {
	*M
	// complete fills in, and checks, what a plan leaves open. The receiver is the plan.
	complete(ctx context.Context, e *environment, p *planning[M])
	// rights names the privileges that the plan takes for certain; before is nil for an object that will be made. The receiver is the plan.
	rights(before *M) []string
	create(ctx context.Context, e *environment) error
	// read takes over the live object; found is false when it is gone.
	read(ctx context.Context, e *environment) (found bool, err error)
	// update makes the live object what the receiver says; before is the state.
	update(ctx context.Context, e *environment, before *M) error
	remove(ctx context.Context, e *environment) error
}

// planning is what a model's plan is made with.
type planning[M any] struct {
	*diag.Diagnostics
	config M
	state  *M   // nil for a new object
	live   bool // the environment can be asked
	fresh  bool // the object will be made: it is new, or replaced
}

// before is the state of an object that stays.
func (p *planning[M]) before() *M {
	if p.fresh {
		return nil
	}
	return p.state
}

// kind describes a resource type.
type kind struct {
	typeName string // after the provider's name
	what     string // in messages, e.g. "column"
	schema   schema.Schema
	// keys are the attributes that name an object, with their help texts. Joined by slashes they are its id.
	keys []key
	// fixed are the other attributes whose change makes another object.
	fixed []string
	// settled are computed attributes that are known once the object is made.
	settled []string
	// example is an import id.
	example string
}

type key struct{ name, help string }

// managed is the resource type of a kind.
type managed[M any, P model[M]] struct {
	environment
	kind  kind
	check func(ctx context.Context, config M, diagnostics *diag.Diagnostics) // of the configuration alone; may be nil
}

// Metadata implements [resource.Resource].
func (r *managed[M, P]) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.kind.typeName
}

// Schema implements [resource.Resource].
func (r *managed[M, P]) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.kind.schema
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *managed[M, P]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	attributes := map[string]identityschema.Attribute{
		"organization_id": identityschema.StringAttribute{OptionalForImport: true,
			Description: "Id of the environment's organisation. An import that names another one than the provider's is refused."},
	}
	for _, k := range r.kind.keys {
		attributes[k.name] = identityschema.StringAttribute{RequiredForImport: true, Description: k.help}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *managed[M, P]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config M
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if r.check != nil && !resp.Diagnostics.HasError() {
		r.check(ctx, config, &resp.Diagnostics)
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *managed[M, P]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	exists := !req.State.Raw.IsNull()
	if req.Plan.Raw.IsNull() {
		if exists && r.protected(ctx, req.State, &resp.Diagnostics) {
			addProtected(&resp.Diagnostics, r.kind.what, r.idOf(ctx, req.State, &resp.Diagnostics), "destroyed")
		}
		return
	}
	p := &planning[M]{Diagnostics: &resp.Diagnostics}
	var plan M
	resp.Diagnostics.Append(req.Config.Get(ctx, &p.config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if exists {
		p.state = new(M)
		resp.Diagnostics.Append(req.State.Get(ctx, p.state)...)
		resp.RequiresReplace = r.replaced(ctx, req.Plan, req.State, &resp.Diagnostics)
	}
	p.live = r.reachable(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	p.fresh = !exists || len(resp.RequiresReplace) > 0
	P(&plan).complete(ctx, &r.environment, p)
	if p.live {
		r.checkRights(ctx, r.kind.what, P(&plan).rights(p.before()), &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	r.planComputed(ctx, req.State, p.fresh, resp)
	if exists && p.fresh && r.protected(ctx, resp.Plan, &resp.Diagnostics) {
		addProtected(&resp.Diagnostics, r.kind.what, r.idOf(ctx, req.State, &resp.Diagnostics), fmt.Sprintf("replaced, because %s changes", resp.RequiresReplace[0]))
	}
}

// planComputed plans the id, which is known where its parts are, and what is settled by the environment.
func (r *managed[M, P]) planComputed(ctx context.Context, state tfsdk.State, fresh bool, resp *resource.ModifyPlanResponse) {
	id := types.StringUnknown()
	if text := r.idOf(ctx, resp.Plan, &resp.Diagnostics); text != "" {
		id = types.StringValue(text)
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), id)...)
	for _, name := range r.kind.settled {
		value := types.StringUnknown()
		if !fresh {
			resp.Diagnostics.Append(state.GetAttribute(ctx, path.Root(name), &value)...)
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// attributes is what configurations, plans, states and identities have in common.
type attributes interface {
	GetAttribute(ctx context.Context, at path.Path, into any) diag.Diagnostics
}

// replaced lists the attributes whose change makes another object.
func (r *managed[M, P]) replaced(ctx context.Context, plan tfsdk.Plan, state tfsdk.State, diagnostics *diag.Diagnostics) path.Paths {
	var changed path.Paths
	names := slices.Clone(r.kind.fixed)
	for _, k := range r.kind.keys {
		names = append(names, k.name)
	}
	for _, name := range names {
		var before, after attr.Value
		diagnostics.Append(state.GetAttribute(ctx, path.Root(name), &before)...)
		diagnostics.Append(plan.GetAttribute(ctx, path.Root(name), &after)...)
		if !before.Equal(after) && !(after.IsUnknown() && r.computed(name)) {
			changed = append(changed, path.Root(name))
		}
	}
	return changed
}

// computed attributes are unknown in a plan before they are completed.
func (r *managed[M, P]) computed(name string) bool {
	return r.kind.schema.Attributes[name].IsComputed()
}

func (r *managed[M, P]) protected(ctx context.Context, from attributes, diagnostics *diag.Diagnostics) bool {
	if _, has := r.kind.schema.Attributes["deletion_protection"]; !has {
		return false
	}
	var protection types.Bool
	diagnostics.Append(from.GetAttribute(ctx, path.Root("deletion_protection"), &protection)...)
	return protection.ValueBool()
}

// keysOf gives the parts of an object's name; nil while one is unknown.
func (r *managed[M, P]) keysOf(ctx context.Context, from attributes, diagnostics *diag.Diagnostics) map[string]string {
	parts := map[string]string{}
	for _, k := range r.kind.keys {
		var value types.String
		diagnostics.Append(from.GetAttribute(ctx, path.Root(k.name), &value)...)
		if value.IsUnknown() || value.IsNull() {
			return nil
		}
		parts[k.name] = value.ValueString()
	}
	return parts
}

func (r *managed[M, P]) idOf(ctx context.Context, from attributes, diagnostics *diag.Diagnostics) string {
	parts := r.keysOf(ctx, from, diagnostics)
	if parts == nil {
		return ""
	}
	var texts []string
	for _, k := range r.kind.keys {
		texts = append(texts, parts[k.name])
	}
	return strings.Join(texts, "/")
}

// Create implements [resource.Resource].
func (r *managed[M, P]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	err := P(&plan).create(ctx, &r.environment)
	var partly *partlyMadeError
	if err != nil && !errors.As(err, &partly) {
		r.addCreateError(r.idOf(ctx, req.Plan, &resp.Diagnostics), err, &resp.Diagnostics)
		return
	}
	if err != nil { // the object is there: it must not be forgotten
		r.addError("made as planned", r.idOf(ctx, req.Plan, &resp.Diagnostics), err, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, r.keysOf(ctx, req.Plan, &resp.Diagnostics))
}

// partlyMadeError says that an object was made, but something that belongs to it was not.
type partlyMadeError struct{ err error }

func (e *partlyMadeError) Error() string { return e.err.Error() }

func (e *partlyMadeError) Unwrap() error { return e.err }

func partly(err error) error {
	if err == nil {
		return nil
	}
	return &partlyMadeError{err}
}

func (r *managed[M, P]) addCreateError(id string, err error, diagnostics *diag.Diagnostics) {
	if errors.Is(err, errExists) {
		diagnostics.AddError(fmt.Sprintf("Dataverse %s exists already", r.kind.what), r.existing(id))
		return
	}
	r.addError("created", id, err, diagnostics)
}

func (r *managed[M, P]) existing(id string) string {
	return fmt.Sprintf("%s was not made by this configuration and is left alone. To manage it, import it:\n\n  terraform import cosell_%s.<name> '%s'\n\nor delete it in Dataverse first.",
		id, r.kind.typeName, id)
}

func (r *managed[M, P]) addError(done, id string, err error, diagnostics *diag.Diagnostics) {
	diagnostics.AddError(fmt.Sprintf("Dataverse %s was not %s", r.kind.what, done), remote.Detail(fmt.Errorf("%s: %w", id, err)))
}

// Read implements [resource.Resource].
func (r *managed[M, P]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state M
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := P(&state).read(ctx, &r.environment)
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Dataverse %s could not be read", r.kind.what), remote.Detail(fmt.Errorf("%s: %w", r.idOf(ctx, req.State, &resp.Diagnostics), err)))
		return
	}
	r.identify(ctx, resp.Identity, &resp.Diagnostics, r.keysOf(ctx, req.State, &resp.Diagnostics)) // the framework wants it of one that is gone, too
	if !found {
		resp.State.RemoveResource(ctx)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements [resource.Resource].
func (r *managed[M, P]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := P(&plan).update(ctx, &r.environment, &state); err != nil {
		r.addError("updated", r.idOf(ctx, req.Plan, &resp.Diagnostics), err, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, r.keysOf(ctx, req.Plan, &resp.Diagnostics))
}

// Delete implements [resource.Resource].
func (r *managed[M, P]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state M
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := P(&state).remove(ctx, &r.environment); err != nil {
		r.addError("removed", r.idOf(ctx, req.State, &resp.Diagnostics), err, &resp.Diagnostics)
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is the object's keys, joined by slashes; the last one may hold
// slashes itself.
func (r *managed[M, P]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	parts := strings.SplitN(req.ID, "/", len(r.kind.keys))
	if req.ID == "" && req.Identity != nil {
		parts = nil
		for _, k := range r.kind.keys {
			var part string
			resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root(k.name), &part)...)
			parts = append(parts, part)
		}
		r.sameOrganization(ctx, req.Identity, &resp.Diagnostics)
	}
	if len(parts) != len(r.kind.keys) || slices.Contains(parts, "") {
		resp.Diagnostics.AddError(fmt.Sprintf("Import id of a Dataverse %s is malformed", r.kind.what),
			fmt.Sprintf("The id has the form %s, for example %s; it is %q.", r.form(), r.kind.example, req.ID))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), strings.Join(parts, "/"))...)
	for i, k := range r.kind.keys {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(k.name), parts[i])...)
	}
	if _, has := r.kind.schema.Attributes["deletion_protection"]; has {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("deletion_protection"), true)...)
	}
}

func (r *managed[M, P]) form() string {
	var names []string
	for _, k := range r.kind.keys {
		names = append(names, "<"+k.name+">")
	}
	return strings.Join(names, "/")
}
