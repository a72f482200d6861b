package connector

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	// errSolutionExists says that a record of the solution was there before.
	errSolutionExists = errors.New("it exists already")
	// errSolutionDeleted says that the record was deleted between plan and apply.
	errSolutionDeleted = errors.New("it was deleted after the plan was made: plan again")
)

// insert makes the record. Nothing is adopted: it fails with errSolutionExists when there is one. An answer that was lost is
// settled by reading back, because the record was seen to be absent before the first try.
func (r *solutionDetail) insert(ctx context.Context, columns detailColumns, plan *solutionDetailModel) (salesforce.ID, error) {
	if columns.crm == document.Dynamics365 {
		return r.insertDynamics(ctx, columns, plan)
	}
	table, id, fields := columns.table(), plan.SolutionID.ValueString(), plan.record(columns)
	var record salesforce.ID
	lost := false // an earlier try may have made it
	look := func(ctx context.Context) (found bool, err error) {
		row, found, err := r.remote.FindRow(ctx, table, id)
		switch {
		case err != nil || !found:
			return false, err
		case !lost || !plan.heldBy(columns, row):
			return false, errSolutionExists
		}
		record = row.ID()
		return true, nil
	}
	if _, err := look(ctx); err != nil {
		return "", err
	}
	err := r.write(ctx, table, id, func(ctx context.Context, api *salesforce.Client) (err error) {
		record, err = api.Data().Create(ctx, table.Object, fields)
		switch {
		case ambiguous(err):
			lost = true
		case !salesforce.IsDuplicate(err):
			return err
		}
		r.remote.RowChanged(table, id)
		switch found, readErr := look(ctx); {
		case errors.Is(readErr, errSolutionExists):
			return readErr
		case readErr != nil, !found && salesforce.IsDuplicate(err): // of another field's value, or by a duplicate rule
			return err
		case !found:
			return problem.New(problem.AnswerLost, "solution "+id, err.Error()) // not applied: send again
		}
		return nil
	})
	return record, err
}

// update writes the whole record: twice does no harm.
func (r *solutionDetail) update(ctx context.Context, columns detailColumns, plan *solutionDetailModel) error {
	if columns.crm == document.Dynamics365 {
		return r.updateDynamics(ctx, columns, plan)
	}
	table, id := columns.table(), plan.SolutionID.ValueString()
	return r.write(ctx, table, id, func(ctx context.Context, api *salesforce.Client) error {
		err := api.Data().Update(ctx, table.Object, plan.RecordID.ValueString(), plan.record(columns), time.Time{})
		switch {
		case salesforce.IsNotFound(err):
			return errSolutionDeleted
		case ambiguous(err):
			return problem.New(problem.AnswerLost, "solution "+id, err.Error())
		default:
			return err
		}
	})
}

// delete removes the record. One that is gone already is no failure, nor is one whose object is gone.
func (r *solutionDetail) delete(ctx context.Context, columns detailColumns, state *solutionDetailModel) error {
	if columns.crm == document.Dynamics365 {
		return r.deleteDynamics(ctx, columns, state)
	}
	table, id := columns.table(), state.SolutionID.ValueString()
	return r.write(ctx, table, id, func(ctx context.Context, api *salesforce.Client) error {
		err := api.Data().Delete(ctx, table.Object, state.RecordID.ValueString())
		switch {
		case salesforce.IsNotFound(err):
			return r.gone(ctx, columns, id)
		case ambiguous(err):
			return problem.New(problem.AnswerLost, "solution "+id, err.Error())
		default:
			return err
		}
	})
}

// gone makes sure that a record was not found because it does not exist: a hidden object's records are not found either.
func (r *solutionDetail) gone(ctx context.Context, columns detailColumns, id string) error {
	_, _, err := r.remote.FindRow(ctx, columns.table(), id)
	if !salesforce.IsUnknownField(err) {
		return err
	}
	_, object, readErr := r.remote.FindMetadata(ctx, "CustomObject", columns.object)
	if readErr != nil || object != remote.Absent {
		return err
	}
	return nil
}

// write repeats a write while something passing refuses it, and drops what was read of the record.
func (r *solutionDetail) write(ctx context.Context, table remote.Table, id string, write func(context.Context, *salesforce.Client) error) error {
	api, err := r.remote.Salesforce(ctx)
	if err != nil {
		return err
	}
	defer r.remote.RowChanged(table, id)
	return r.remote.Retry(ctx, func(ctx context.Context) error { return write(ctx, api) })
}

// ambiguous reports whether a write may have been applied although it failed. A locked one was not.
func ambiguous(err error) bool { return salesforce.IsAmbiguous(err) && !salesforce.IsLocked(err) }

// setIdentity writes the identity where the CLI supports one (Terraform 1.12 and newer). The organisation's id makes the
// same solution in staging and in production two identities.
func (r *solutionDetail) setIdentity(ctx context.Context, m *solutionDetailModel, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics) {
	if identity == nil {
		return
	}
	org, err := r.organisation(ctx, m.crm())
	if err != nil {
		diagnostics.AddError("CRM's identity could not be read", remote.Detail(err))
		return
	}
	for name, value := range map[string]string{"crm": m.CRM.ValueString(), "solution_id": m.SolutionID.ValueString(), "org_id": org} {
		diagnostics.Append(identity.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// organisation gives the id of the CRM's organisation.
func (r *solutionDetail) organisation(ctx context.Context, crm string) (string, error) {
	if crm == document.Dynamics365 {
		who, err := r.remote.DataverseIdentity(ctx)
		return who.OrganizationID, err
	}
	who, err := r.remote.SalesforceIdentity(ctx)
	return string(who.OrgID), err
}

// sameOrg checks the organisation that an import's identity names, if it names one.
func (r *solutionDetail) sameOrg(ctx context.Context, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics) {
	var org *string
	diagnostics.Append(identity.GetAttribute(ctx, path.Root("org_id"), &org)...)
	if org == nil || diagnostics.HasError() {
		return
	}
	who, err := r.remote.SalesforceIdentity(ctx)
	if err != nil {
		diagnostics.AddError("Salesforce identity could not be read", remote.Detail(err))
		return
	}
	if !salesforce.SameID(*org, string(who.OrgID)) {
		diagnostics.AddError("Import names another Salesforce organisation",
			"The identity's org_id is "+*org+", the provider is signed in to "+string(who.OrgID)+". Use a provider configured for that organisation, or leave org_id out.")
	}
}
