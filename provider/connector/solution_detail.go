package connector

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure      = (*solutionDetail)(nil)
	_ resource.ResourceWithIdentity       = (*solutionDetail)(nil)
	_ resource.ResourceWithImportState    = (*solutionDetail)(nil)
	_ resource.ResourceWithModifyPlan     = (*solutionDetail)(nil)
	_ resource.ResourceWithValidateConfig = (*solutionDetail)(nil)
)

type solutionDetail struct{ remote *remote.Remote }

func newSolutionDetail() resource.Resource { return &solutionDetail{} }

// Metadata implements [resource.Resource].
func (*solutionDetail) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_solution_detail"
}

// Configure implements [resource.ResourceWithConfigure].
func (r *solutionDetail) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.remote = remote.From(request.ProviderData, &response.Diagnostics)
}

// ValidateConfig warns of identifiers of an unusual form and refuses names that cannot work together.
func (*solutionDetail) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest, response *resource.ValidateConfigResponse) {
	var config solutionDetailModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	if id := config.SolutionID.ValueString(); id != "" && !solutionIDs.MatchString(id) {
		response.Diagnostics.AddAttributeWarning(path.Root("solution_id"), "Solution's identifier has an unusual form",
			fmt.Sprintf("%q is neither of the form SOL-00001-AAA nor a GUID. Partner Center refuses deals with a solution that it does not know: copy the identifier from there.", id))
	}
	columns, known := config.columns()
	if !known {
		return
	}
	for role, value := range config.values() {
		required := role == detailSolutionID || role == detailName
		if columns.fields[role] == "" && (required || !value.IsNull()) {
			response.Diagnostics.AddAttributeError(path.Root("fields").AtMapKey(role), "Field of a solution detail is left out but needed",
				fmt.Sprintf("There is no field for %s. Give its API name in fields, or leave the role out of fields for the default.", role))
		}
	}
	names := columns.names()
	for i, name := range names {
		if slices.ContainsFunc(names[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			response.Diagnostics.AddAttributeError(path.Root("fields"), "Field of a solution detail has two roles",
				fmt.Sprintf("The field %s cannot hold two parts of a solution detail. Name another field for one of the roles.", name))
		}
	}
}

// ModifyPlan computes the identifier, guards the record, and looks for the object and its fields.
func (r *solutionDetail) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	var plan solutionDetailModel
	var state *solutionDetailModel
	if !request.State.Raw.IsNull() {
		state = new(solutionDetailModel)
		response.Diagnostics.Append(request.State.Get(ctx, state)...)
	}
	if request.Plan.Raw.IsNull() {
		if state != nil && state.DeletionProtection.ValueBool() {
			protectSolution(state, "deleted", &response.Diagnostics)
		}
		return
	}
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if response.Diagnostics.HasError() {
		return
	}
	plan.identify()
	response.Diagnostics.Append(response.Plan.SetAttribute(ctx, path.Root("id"), plan.ID)...)
	var object types.String
	response.Diagnostics.Append(request.Config.GetAttribute(ctx, path.Root("object"), &object)...)
	if object.IsNull() && !plan.CRM.IsUnknown() {
		plan.Object = types.StringValue(defaultDetailObject(plan.crm()))
		response.Diagnostics.Append(response.Plan.SetAttribute(ctx, path.Root("object"), plan.Object)...)
	}
	r.lookAhead(ctx, &plan, state, &response.Diagnostics)
	if state == nil {
		return
	}
	for name, same := range map[string]bool{
		"crm": plan.CRM.Equal(state.CRM), "solution_id": plan.SolutionID.Equal(state.SolutionID), "object": plan.Object.Equal(state.Object),
	} {
		if !same {
			response.RequiresReplace = append(response.RequiresReplace, path.Root(name))
		}
	}
	if len(response.RequiresReplace) > 0 && plan.DeletionProtection.ValueBool() {
		protectSolution(state, fmt.Sprintf("replaced, because %s changes", response.RequiresReplace[0]), &response.Diagnostics)
	}
}

// identify computes the id.
func (m *solutionDetailModel) identify() {
	m.ID = types.StringUnknown()
	if !m.CRM.IsUnknown() && !m.SolutionID.IsUnknown() {
		m.ID = types.StringValue(m.CRM.ValueString() + "/" + m.SolutionID.ValueString())
	}
}

func protectSolution(state *solutionDetailModel, fate string, diagnostics *diag.Diagnostics) {
	diagnostics.AddAttributeError(path.Root("deletion_protection"), "Solution detail is protected from deletion",
		fmt.Sprintf("The record of %s would be %s, and deals that name it would lose it.\n\nIf that is meant, set deletion_protection = false and apply (before a destroy; "+
			"with a replacement it can be the same apply). To keep it in the CRM and only stop managing it, use removed { lifecycle { destroy = false } }.",
			state.SolutionID.ValueString(), fate))
}

// lookAhead reports an object that cannot be used: a warning for what apply will look at again, an error otherwise. What
// the plan itself makes is not missing.
func (r *solutionDetail) lookAhead(ctx context.Context, plan, state *solutionDetailModel, diagnostics *diag.Diagnostics) {
	if plan.crm() == document.Dynamics365 {
		r.lookAheadDynamics(ctx, plan, state, diagnostics)
		return
	}
	var unknown *remote.UnknownError
	switch _, err := r.remote.Salesforce(ctx); {
	case errors.As(err, &unknown):
		diagnostics.AddWarning("Solution details were not checked", remote.Detail(err))
		return
	case err != nil:
		diagnostics.AddError("Salesforce cannot be used", remote.Detail(err))
		return
	}
	columns, known := plan.columns()
	if !known || r.planned(columns) {
		return
	}
	_, _, err := r.remote.FindRow(ctx, columns.table(), plan.SolutionID.ValueString())
	var many *remote.ManyRowsError
	switch {
	case err == nil, errors.As(err, &many): // several records are told by reading and creating
	case salesforce.IsUnknownField(err) && (state == nil || !plan.sameRecord(state)):
		summary, detail := unusable(columns, err)
		diagnostics.AddAttributeWarning(path.Root("object"), summary, detail+"\n\nApplying fails unless it is there by then: refer to the resource that makes it, so that it comes first.")
	default:
		addDetailError(diagnostics, "Solution details could not be read", columns, plan.SolutionID.ValueString(), err)
	}
}

// planned reports whether this plan makes the object, or one of its fields.
func (r *solutionDetail) planned(columns detailColumns) bool {
	return r.remote.MetadataPlanned("CustomObject", columns.object) || slices.ContainsFunc(columns.names(), func(field string) bool {
		return r.remote.MetadataPlanned("CustomField", columns.object+"."+field)
	})
}

// unusable tells of an object, or of fields, that the provider's user does not see.
func unusable(columns detailColumns, err error) (summary, detail string) {
	return "Solution Details object cannot be used",
		fmt.Sprintf("The object %s or one of its fields %s does not exist, or nothing grants it to the provider's user.\n\nDetail: %s\n\n%s (%s)",
			columns.object, quoted(columns.names()), err, problem.New(problem.FieldMissing, "", "").Fix, problem.FieldMissing)
}

func addDetailError(diagnostics *diag.Diagnostics, what string, columns detailColumns, id string, err error) {
	switch {
	case errors.Is(err, errSolutionExists):
		diagnostics.AddAttributeError(path.Root("solution_id"), "Solution detail exists already",
			fmt.Sprintf("A record of %s was not made by this configuration and is left alone. To manage it, import it:\n\n  terraform import cosell_solution_detail.<name> '%s'\n\nor delete it in the CRM first.",
				id, importID(columns, id)))
	case salesforce.IsUnknownField(err):
		summary, detail := unusable(columns, err)
		diagnostics.AddAttributeError(path.Root("object"), summary, detail)
	default:
		diagnostics.AddError(what, remote.Detail(fmt.Errorf("%s: %w", id, err)))
	}
}

// Create implements [resource.Resource].
func (r *solutionDetail) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan solutionDetailModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if response.Diagnostics.HasError() {
		return
	}
	columns, _ := plan.columns() // all is known in apply
	record, err := r.insert(ctx, columns, &plan)
	if err != nil {
		addDetailError(&response.Diagnostics, "Solution detail was not created", columns, plan.SolutionID.ValueString(), err)
		return
	}
	plan.RecordID = types.StringValue(string(record))
	plan.identify()
	response.Diagnostics.Append(response.State.Set(ctx, &plan)...)
	r.setIdentity(ctx, &plan, response.Identity, &response.Diagnostics)
}

// Read implements [resource.Resource].
func (r *solutionDetail) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state solutionDetailModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() {
		return
	}
	columns, _ := state.columns() // a state holds no unknown values
	if state.crm() == document.Dynamics365 {
		r.readDynamics(ctx, &state, response)
		return
	}
	row, found, err := r.remote.FindRow(ctx, columns.table(), state.SolutionID.ValueString())
	if salesforce.IsUnknownField(err) {
		found, err = r.whyUnusable(ctx, columns, &state, err, &response.Diagnostics)
	}
	if err != nil {
		addDetailError(&response.Diagnostics, "Solution detail could not be read", columns, state.SolutionID.ValueString(), err)
		return
	}
	r.setIdentity(ctx, &state, response.Identity, &response.Diagnostics) // the framework wants it for a removed one, too
	if !found {
		response.State.RemoveResource(ctx)
		return
	}
	if row != nil {
		state.refresh(columns, row)
	}
	response.Diagnostics.Append(response.State.Set(ctx, &state)...)
}

// whyUnusable decides what it means that the object or a field is not seen. With its object the record is gone. Otherwise it
// is kept as it was: the plan may make what is missing, or no longer name it, and an unchanged one is refused there.
func (r *solutionDetail) whyUnusable(ctx context.Context, columns detailColumns, state *solutionDetailModel, cause error, diagnostics *diag.Diagnostics) (kept bool, err error) {
	if state.Name.IsNull() { // an import has nothing to keep
		return false, cause
	}
	_, object, err := r.remote.FindMetadata(ctx, "CustomObject", columns.object)
	if err != nil || object == remote.Absent {
		return false, err
	}
	_, detail := unusable(columns, cause)
	diagnostics.AddAttributeWarning(path.Root("object"), "Solution details could not be compared", detail)
	return true, nil
}

// Update implements [resource.Resource].
func (r *solutionDetail) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, state solutionDetailModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() {
		return
	}
	if !plan.sameRecord(&state) {
		columns, _ := plan.columns()
		if err := r.update(ctx, columns, &plan); err != nil {
			addDetailError(&response.Diagnostics, "Solution detail was not updated", columns, plan.SolutionID.ValueString(), err)
			return
		}
	}
	response.Diagnostics.Append(response.State.Set(ctx, &plan)...)
	r.setIdentity(ctx, &plan, response.Identity, &response.Diagnostics)
}

// Delete implements [resource.Resource].
func (r *solutionDetail) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state solutionDetailModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() {
		return
	}
	columns, _ := state.columns()
	if err := r.delete(ctx, columns, &state); err != nil {
		addDetailError(&response.Diagnostics, "Solution detail was not deleted", columns, state.SolutionID.ValueString(), err)
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is "<crm>/<solution_id>"; names that differ from
// the defaults follow as a query: "?object=…&publisher=…".
func (r *solutionDetail) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	crm, id, columns, err := parseImportID(request.ID)
	if request.ID == "" && request.Identity != nil {
		response.Diagnostics.Append(request.Identity.GetAttribute(ctx, path.Root("crm"), &crm)...)
		response.Diagnostics.Append(request.Identity.GetAttribute(ctx, path.Root("solution_id"), &id)...)
		columns.object = defaultDetailObject(crm)
		if crm == document.Dynamics365 {
			r.sameOrganization(ctx, request.Identity, &response.Diagnostics)
		} else {
			r.sameOrg(ctx, request.Identity, &response.Diagnostics)
		}
		err = nil
	}
	if err == nil && (crm != document.Salesforce && crm != document.Dynamics365 || id == "") {
		err = errors.New("it does not name salesforce or dynamics365, and a solution")
	}
	if err != nil {
		response.Diagnostics.AddError("Import id of a solution detail is malformed",
			fmt.Sprintf("The id is <crm>/<solution_id>, for example salesforce/SOL-00001-AAA, and may be followed by names that differ from the defaults, "+
				"for example ?object=ns__Detail__c&publisher=ns__Publisher__c. Of %q: %s.", request.ID, err))
	}
	if response.Diagnostics.HasError() {
		return
	}
	for attribute, value := range map[string]any{
		"id": crm + "/" + id, "crm": crm, "solution_id": id, "object": columns.object, "deletion_protection": true,
	} {
		response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	if len(columns.fields) > 0 {
		response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root("fields"), columns.fields)...)
	}
}

// parseImportID takes an import id apart. The columns hold the names that it overrides, and the object.
func parseImportID(text string) (crm, id string, columns detailColumns, err error) {
	main, query, _ := strings.Cut(text, "?")
	crm, id, _ = strings.Cut(main, "/")
	columns = detailColumns{crm: crm, object: defaultDetailObject(crm), fields: map[string]string{}}
	names, err := url.ParseQuery(query)
	if err != nil {
		return "", "", columns, fmt.Errorf("the names are not a query: %w", err)
	}
	for role, values := range names {
		switch {
		case len(values) > 1:
			return "", "", columns, fmt.Errorf("%s stands there twice", role)
		case role == "object":
			columns.object = values[0]
		case slices.Contains(detailRoles, role):
			columns.fields[role] = values[0]
		default:
			return "", "", columns, fmt.Errorf("%q is not object or one of %s", role, quoted(detailRoles))
		}
	}
	return crm, id, columns, nil
}

// importID is the other direction of parseImportID: what is as by default is left out.
func importID(columns detailColumns, id string) string {
	names, defaults := url.Values{}, defaultDetailFields(columns.crm)
	if columns.object != defaultDetailObject(columns.crm) {
		names.Set("object", columns.object)
	}
	for role, name := range columns.fields {
		if name != defaults[role] {
			names.Set(role, name)
		}
	}
	text := columns.crm + "/" + id
	if len(names) > 0 {
		text += "?" + names.Encode()
	}
	return text
}
