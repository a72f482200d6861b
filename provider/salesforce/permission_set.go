package salesforce

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure      = (*permissionSet)(nil)
	_ resource.ResourceWithIdentity       = (*permissionSet)(nil)
	_ resource.ResourceWithImportState    = (*permissionSet)(nil)
	_ resource.ResourceWithModifyPlan     = (*permissionSet)(nil)
	_ resource.ResourceWithValidateConfig = (*permissionSet)(nil)
)

// permissionSet is cosell_salesforce_permission_set.
type permissionSet struct{ orgResource }

// NewPermissionSet makes the resource type cosell_salesforce_permission_set.
func NewPermissionSet() resource.Resource { return new(permissionSet) }

// Metadata implements [resource.Resource].
func (r *permissionSet) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_permission_set"
}

// Create implements [resource.Resource].
func (r *permissionSet) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan permissionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.ready(ctx, grantsOf(plan)); err != nil {
		resp.Diagnostics.AddError("Permission set was not created", remote.Detail(err))
		return
	}
	id, err := r.create(ctx, plan)
	if err != nil {
		addCreateError(&resp.Diagnostics, "permission set", "cosell_salesforce_permission_set", plan.Name.ValueString(), err)
		return
	}
	plan.ID = types.StringValue(string(id))
	// From here on the set exists: the state must say so even when a grant is refused.
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": plan.Name.ValueString()})
	if err := r.grant(ctx, id, grantsOf(plan)); err != nil {
		resp.Diagnostics.AddError("Permission set was created without all its permissions", remote.Detail(err))
	}
}

// Read implements [resource.Resource].
func (r *permissionSet) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state permissionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	managed := grantsOf(state)
	if state.Label.IsNull() { // imported: take everything in
		managed = grants{fields: map[string]string{}, objects: map[string][]string{}, assignees: []string{}}
	}
	found, exists, rows, err := r.read(ctx, state.Name.ValueString(), managed)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Permission set could not be read", remote.Detail(err))
		return
	case !exists:
		r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": state.Name.ValueString()}) // the framework wants it here too
		resp.State.RemoveResource(ctx)
		return
	}
	state.ID = types.StringValue(string(found.ID))
	state.Label = types.StringValue(found.Label)
	state.Description = textOrNull(found.Description)
	kept, err := r.withoutRows(ctx, managed.fields, rows)
	if err != nil {
		resp.Diagnostics.AddError("Permission set's fields could not be read", remote.Detail(err))
		return
	}
	if managed.fields != nil {
		state.Fields = fieldsValue(rows, state.Fields, kept)
	}
	if managed.objects != nil {
		state.Objects = objectsValue(rows, state.Objects)
	}
	if managed.assignees != nil {
		state.Assignees = assigneesValue(rows, state.Assignees)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": state.Name.ValueString()})
}

// Update implements [resource.Resource].
func (r *permissionSet) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state permissionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.ready(ctx, grantsOf(plan)); err != nil {
		resp.Diagnostics.AddError("Permission set was not updated", remote.Detail(err))
		return
	}
	id := client.ID(state.ID.ValueString())
	if err := r.rename(ctx, id, plan, state); err != nil {
		resp.Diagnostics.AddError("Permission set was not updated", remote.Detail(err))
		return
	}
	if err := r.grant(ctx, id, grantsOf(plan).withRevoked(grantsOf(state))); err != nil {
		resp.Diagnostics.AddError("Permission set's permissions were not updated", remote.Detail(err))
		return
	}
	plan.ID = state.ID
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, map[string]string{"name": plan.Name.ValueString()})
}

// Delete implements [resource.Resource]. Assignments go first: Salesforce does not delete a set that is assigned.
func (r *permissionSet) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state permissionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	id := client.ID(state.ID.ValueString())
	err := r.grant(ctx, id, grants{assignees: []string{}})
	if err == nil {
		err = r.write(ctx, func(ctx context.Context, p permissions) error {
			return harmless(state.Name.ValueString(), p.api.Data().Delete(ctx, "PermissionSet", string(id)))
		})
	}
	if err != nil && !client.IsNotFound(err) {
		resp.Diagnostics.AddError("Permission set was not deleted", remote.Detail(err))
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is the API name.
func (r *permissionSet) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := req.ID
	if name == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &name)...)
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !setPattern.MatchString(name) {
		resp.Diagnostics.AddError("Import id of a permission set is malformed",
			fmt.Sprintf("The id is the permission set's API name, for example Cosell_Agent; it is %q.", name))
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
}

// ModifyPlan implements [resource.ResourceWithModifyPlan]: what the set names is looked up in the organisation. What is
// missing may be made by the same apply, so it is a warning; the grant itself fails if it is still missing then.
func (r *permissionSet) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan permissionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || !r.reachable(ctx, &resp.Diagnostics) {
		return
	}
	r.checkFields(ctx, plan, &resp.Diagnostics)
	r.checkAssignees(ctx, plan, &resp.Diagnostics)
}

func (r *permissionSet) checkFields(ctx context.Context, plan permissionModel, diagnostics *diag.Diagnostics) {
	var missing, open []string
	for _, name := range slices.Sorted(maps.Keys(plan.Fields.Elements())) {
		switch state, err := r.securable(ctx, name); {
		case err != nil:
			diagnostics.AddError("Permission set's fields could not be checked", remote.Detail(err))
			return
		case state == fieldMissing && !r.remote.MetadataPlanned("CustomField", name):
			missing = append(missing, name)
		case state == fieldOpen:
			open = append(open, name)
		}
	}
	if len(missing) > 0 {
		diagnostics.AddAttributeWarning(path.Root("fields"), "Permission set names fields that do not exist yet",
			fmt.Sprintf("Not found: %s. Applying fails unless they are made by then: refer to the full_name of their resources, so that they come first.", strings.Join(missing, ", ")))
	}
	if len(open) > 0 {
		diagnostics.AddAttributeWarning(path.Root("fields"), "Permission set names fields without field permissions",
			fmt.Sprintf("Required and master-detail fields are visible to everybody who sees the object, and Salesforce keeps no permissions for them. These entries are without effect: %s.", strings.Join(open, ", ")))
	}
}

func (r *permissionSet) checkAssignees(ctx context.Context, plan permissionModel, diagnostics *diag.Diagnostics) {
	names, known := texts(plan.Assignees)
	if !known || len(names) == 0 {
		return
	}
	ids, err := r.users(ctx, names)
	if err != nil {
		diagnostics.AddError("Permission set's assignees could not be checked", remote.Detail(err))
		return
	}
	if missing := unknownUsers(names, ids); len(missing) > 0 {
		diagnostics.AddAttributeWarning(path.Root("assignees"), "Permission set is assigned to users that do not exist",
			fmt.Sprintf("No user has the user name %s. Applying fails unless it exists by then.", strings.Join(missing, ", ")))
	}
}

func unknownUsers(names []string, ids map[string]client.ID) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return ids[strings.ToLower(name)] != "" })
}

// security says whether a field can have field permissions.
type security int

const (
	fieldSecurable security = iota
	// fieldOpen fields are visible to everybody who sees the object: required and master-detail ones.
	fieldOpen
	fieldMissing
)

// securable looks a field up: a custom one in metadata, because describe hides what nobody was granted, a standard one
// in describe.
func (r *orgResource) securable(ctx context.Context, fullName string) (security, error) {
	object, name, _ := strings.Cut(fullName, ".")
	if strings.HasSuffix(name, "__c") {
		live, state, err := components{remote: r.remote, kind: "CustomField"}.find(ctx, fullName)
		switch {
		case err != nil:
			return fieldMissing, err
		case state == remote.Absent:
			return fieldMissing, nil
		case state == remote.Present && (live.Node.ChildText("required") == "true" || live.Node.ChildText("type") == "MasterDetail"):
			return fieldOpen, nil
		}
		return fieldSecurable, nil
	}
	description, err := r.remote.Describe(ctx, object)
	if client.IsNotFound(err) {
		return fieldMissing, nil
	}
	if err != nil {
		return fieldMissing, err
	}
	for _, field := range description.Fields {
		if strings.EqualFold(field.Name, name) {
			if field.Createable && !field.Nillable && !field.DefaultedOnCreate {
				return fieldOpen, nil
			}
			return fieldSecurable, nil
		}
	}
	return fieldMissing, nil
}

// withoutRows gives the declared fields that have no row because Salesforce keeps none for them.
func (r *permissionSet) withoutRows(ctx context.Context, declared map[string]string, rows []row) (map[string]string, error) {
	kept := map[string]string{}
	for name, access := range declared {
		if slices.ContainsFunc(rows, func(live row) bool { return live.object == "FieldPermissions" && live.key == strings.ToLower(name) }) {
			continue
		}
		state, err := r.securable(ctx, name)
		if err != nil {
			return nil, err
		}
		if state == fieldOpen {
			kept[name] = access
		}
	}
	return kept, nil
}

// create makes the set without permissions. It fails with errExists when the name is taken.
func (r *permissionSet) create(ctx context.Context, plan permissionModel) (id client.ID, err error) {
	name := plan.Name.ValueString()
	body := map[string]any{"Name": name, "Label": plan.Label.ValueString()}
	if !plan.Description.IsNull() {
		body["Description"] = plan.Description.ValueString()
	}
	first := true
	err = r.write(ctx, func(ctx context.Context, p permissions) error {
		found, exists, err := p.find(ctx, name)
		switch {
		case err != nil:
			return err
		case exists && first:
			return errExists
		case exists: // an earlier try was applied and its answer was lost
			id = found.ID
			return nil
		}
		first = false
		id, err = p.api.Data().Create(ctx, "PermissionSet", body)
		return harmless(name, err)
	})
	return id, err
}

// rename writes label and description where they differ.
func (r *permissionSet) rename(ctx context.Context, id client.ID, plan, state permissionModel) error {
	if plan.Label.Equal(state.Label) && plan.Description.Equal(state.Description) {
		return nil
	}
	body := map[string]any{"Label": plan.Label.ValueString(), "Description": plan.Description.ValueStringPointer()}
	return r.write(ctx, func(ctx context.Context, p permissions) error {
		return harmless(plan.Name.ValueString(), p.api.Data().Update(ctx, "PermissionSet", string(id), body, time.Time{}))
	})
}

// ready fails when something that the declaration names does not exist, before anything is written.
func (r *permissionSet) ready(ctx context.Context, wanted grants) error {
	var missing []string
	for name := range wanted.fields {
		state, err := r.securable(ctx, name)
		if err != nil {
			return err
		}
		if state == fieldMissing {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return problem.New(problem.FieldMissing, strings.Join(missing, ", "), "the permission set grants it")
	}
	ids, err := r.users(ctx, wanted.assignees)
	if err != nil {
		return err
	}
	if unknown := unknownUsers(wanted.assignees, ids); len(unknown) > 0 {
		return fmt.Errorf("no user has the user name %s: correct assignees, or make the user first", strings.Join(unknown, ", "))
	}
	return nil
}

func (r *permissionSet) users(ctx context.Context, names []string) (ids map[string]client.ID, err error) {
	err = r.withAPI(ctx, func(ctx context.Context, p permissions) error {
		ids, err = p.users(ctx, names)
		return err
	})
	return ids, err
}

// grant makes the set's rows those that are wanted. It compares with what is there before each try, so that an answer
// that was lost is settled by the next.
func (r *permissionSet) grant(ctx context.Context, id client.ID, wanted grants) error {
	skip, err := r.open(ctx, wanted.fields)
	if err != nil {
		return err
	}
	users, err := r.users(ctx, wanted.assignees)
	if err != nil {
		return err
	}
	return r.write(ctx, func(ctx context.Context, p permissions) error {
		live, err := p.live(ctx, id, wanted)
		if err != nil {
			return err
		}
		change := compare(live, wanted.rows(skip, users))
		if change.empty() {
			return nil
		}
		return harmless("permission set "+string(id), p.apply(ctx, id, change))
	})
}

// open lists the declared fields for which Salesforce keeps no permissions.
func (r *permissionSet) open(ctx context.Context, declared map[string]string) ([]string, error) {
	var list []string
	for name := range declared {
		state, err := r.securable(ctx, name)
		if err != nil {
			return nil, err
		}
		if state == fieldOpen {
			list = append(list, name)
		}
	}
	return list, nil
}

// read gives the set and the rows of the kinds that are managed.
func (r *permissionSet) read(ctx context.Context, name string, managed grants) (found holder, exists bool, rows []row, err error) {
	err = r.withAPI(ctx, func(ctx context.Context, p permissions) error {
		if found, exists, err = p.find(ctx, name); err != nil || !exists {
			return err
		}
		rows, err = p.live(ctx, found.ID, managed)
		return err
	})
	return found, exists, rows, err
}

// withAPI runs reads, again while something passing refuses them.
func (r *permissionSet) withAPI(ctx context.Context, read func(context.Context, permissions) error) error {
	api, err := r.remote.Salesforce(ctx)
	if err != nil {
		return err
	}
	return r.remote.Retry(ctx, func(ctx context.Context) error { return read(ctx, permissions{api}) })
}

// write runs a write in the organisation's turn and forgets what was read: permissions change how any object looks.
func (r *permissionSet) write(ctx context.Context, write func(context.Context, permissions) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return r.remote.WriteMetadata(ctx, nil, func(ctx context.Context, api *client.Client) error { return write(ctx, permissions{api}) })
}

// harmless makes a lost answer one that is tried again: the next try looks first.
func harmless(object string, err error) error {
	if client.IsAmbiguous(err) {
		return problem.New(problem.AnswerLost, object, err.Error())
	}
	return err
}
