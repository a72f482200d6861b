package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// noTableError says that the table of solution details, or some of its columns, do not exist.
type noTableError struct {
	table   string
	columns []string // empty: the table itself
}

func (e *noTableError) Error() string {
	if len(e.columns) == 0 {
		return "the environment has no table " + e.table
	}
	return fmt.Sprintf("the table %s has no %s", e.table, quoted(e.columns))
}

// detailTable reads the table, and fails with a [*noTableError] when it or a column is missing.
func (r *solutionDetail) detailTable(ctx context.Context, c detailColumns) (*dataverse.Table, error) {
	table, err := r.remote.Table(ctx, c.object)
	if err != nil {
		return nil, err
	}
	missing := &noTableError{table: c.object}
	if table == nil {
		return nil, missing
	}
	for _, name := range c.names() {
		_, found, err := r.remote.AnyColumn(ctx, c.object, name)
		if err != nil {
			return nil, err
		}
		if !found {
			missing.columns = append(missing.columns, name)
		}
	}
	if len(missing.columns) > 0 {
		return nil, missing
	}
	return table, nil
}

// detailRow is a row of the table, and its id.
type detailRow struct {
	id     string
	values remote.Row
}

// findDetail finds the row of a solution among those that were read together; with fresh it is read alone, now.
func (r *solutionDetail) findDetail(ctx context.Context, c detailColumns, id string, fresh bool) (row detailRow, found bool, err error) {
	table, err := r.detailTable(ctx, c)
	if err != nil {
		return row, false, err
	}
	var rows []remote.Row
	if fresh {
		rows, err = r.detailNow(ctx, table, c, id)
	} else {
		rows, err = r.remote.Rows(ctx, c.object, c.names())
	}
	var ids []string
	for _, values := range rows {
		if strings.EqualFold(values.Text(c.fields[detailSolutionID]), id) {
			row = detailRow{values.Text(table.PrimaryID), values}
			ids = append(ids, row.id)
		}
	}
	if err == nil && len(ids) > 1 {
		err = fmt.Errorf("%d rows of %s have %s %q (%s): remove all but one, and make the column unique", len(ids), c.object, c.fields[detailSolutionID], id, strings.Join(ids, ", "))
	}
	return row, len(ids) > 0, err
}

func (r *solutionDetail) detailNow(ctx context.Context, table *dataverse.Table, c detailColumns, id string) (rows []remote.Row, err error) {
	client, err := r.remote.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	columns := []string{table.PrimaryID}
	for _, name := range c.names() {
		columns = append(columns, strings.ToLower(name))
	}
	err = r.remote.Retry(ctx, func(ctx context.Context) (err error) {
		rows, err = dataverse.List[remote.Row](ctx, client, table.SetName, dataverse.Query{
			Select: columns, Filter: strings.ToLower(c.fields[detailSolutionID]) + " eq " + dataverse.Quote(id),
		})
		return err
	})
	return rows, err
}

// take takes over what a row holds.
func (m *solutionDetailModel) take(c detailColumns, row detailRow) {
	m.refresh(c, row.values)
	m.RecordID = types.StringValue(row.id)
}

// lookAheadDynamics is lookAhead for Dynamics 365.
func (r *solutionDetail) lookAheadDynamics(ctx context.Context, plan, state *solutionDetailModel, diagnostics *diag.Diagnostics) {
	var unknown *remote.UnknownError
	switch _, err := r.remote.Dataverse(ctx); {
	case errors.As(err, &unknown):
		diagnostics.AddWarning("Solution details were not checked", remote.Detail(err))
		return
	case err != nil:
		diagnostics.AddError("Dataverse cannot be used", remote.Detail(err))
		return
	}
	columns, known := plan.columns()
	table := strings.ToLower(columns.object)
	if !known || r.remote.MetadataPlanned("table", table) || slices.ContainsFunc(columns.names(), func(name string) bool {
		return r.remote.MetadataPlanned("column", table+"."+strings.ToLower(name))
	}) {
		return
	}
	_, err := r.detailTable(ctx, columns)
	var missing *noTableError
	switch {
	case err == nil:
	case errors.As(err, &missing) && (state == nil || !plan.sameRecord(state)):
		diagnostics.AddAttributeWarning(path.Root("object"), "Solution Details table cannot be used",
			remote.Detail(err)+"\n\nApplying fails unless it is there by then: refer to the resource that makes it, so that it comes first.")
	default:
		addDetailError(diagnostics, "Solution details could not be read", columns, plan.SolutionID.ValueString(), err)
	}
}

// readDynamics is Read for Dynamics 365.
func (r *solutionDetail) readDynamics(ctx context.Context, state *solutionDetailModel, response *resource.ReadResponse) {
	columns, _ := state.columns()
	row, found, err := r.findDetail(ctx, columns, state.SolutionID.ValueString(), false)
	var missing *noTableError
	switch {
	case errors.As(err, &missing) && len(missing.columns) == 0: // its rows are gone with the table
	case errors.As(err, &missing) && !state.Name.IsNull():
		response.Diagnostics.AddAttributeWarning(path.Root("object"), "Solution details could not be compared", remote.Detail(err))
		r.setIdentity(ctx, state, response.Identity, &response.Diagnostics)
		return
	case err != nil:
		addDetailError(&response.Diagnostics, "Solution detail could not be read", columns, state.SolutionID.ValueString(), err)
		return
	}
	r.setIdentity(ctx, state, response.Identity, &response.Diagnostics)
	if !found {
		response.State.RemoveResource(ctx)
		return
	}
	state.take(columns, row)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

// insertDynamics is insert for Dynamics 365.
func (r *solutionDetail) insertDynamics(ctx context.Context, c detailColumns, plan *solutionDetailModel) (salesforce.ID, error) {
	id, lost := plan.SolutionID.ValueString(), false
	if _, found, err := r.findDetail(ctx, c, id, true); err != nil || found {
		return "", errors.Join(err, existingDetail(found))
	}
	record := ""
	err := r.writeDynamics(ctx, c, func(ctx context.Context, client *dataverse.Client, table *dataverse.Table) error {
		made, err := client.Create(ctx, table.SetName, plan.columnValues(c))
		record = made.ID
		lost = lost || dataverse.IsAmbiguous(err)
		if err == nil || !lost {
			return err
		}
		row, found, readErr := r.findDetail(ctx, c, id, true)
		held := *plan
		if found {
			held.take(c, row)
		}
		switch {
		case readErr != nil:
			return err
		case found && plan.sameRecord(&held):
			record = row.id
			return nil
		case found:
			return errSolutionExists
		default:
			return problem.New(problem.AnswerLost, "solution "+id, err.Error()) // not applied: send again
		}
	})
	return salesforce.ID(record), err
}

func existingDetail(found bool) error {
	if found {
		return errSolutionExists
	}
	return nil
}

// columnValues gives the row as it is written, by logical name; nil empties a column.
func (m *solutionDetailModel) columnValues(c detailColumns) map[string]any {
	values := map[string]any{}
	for name, value := range m.record(c) {
		values[strings.ToLower(name)] = value
	}
	return values
}

func (r *solutionDetail) updateDynamics(ctx context.Context, c detailColumns, plan *solutionDetailModel) error {
	return r.writeDynamics(ctx, c, func(ctx context.Context, client *dataverse.Client, table *dataverse.Table) error {
		row, err := dataverse.Row(table.SetName, plan.RecordID.ValueString())
		if err != nil {
			return err
		}
		err = client.Update(ctx, row, dataverse.Any, plan.columnValues(c))
		if dataverse.IsNotFound(err) {
			return errSolutionDeleted
		}
		return repeatableRow(plan, err)
	})
}

// deleteDynamics removes the row. One that is gone already is no failure, nor is one whose table is gone.
func (r *solutionDetail) deleteDynamics(ctx context.Context, c detailColumns, state *solutionDetailModel) error {
	if table, err := r.remote.Table(ctx, c.object); err != nil || table == nil {
		return err
	}
	return r.writeDynamics(ctx, c, func(ctx context.Context, client *dataverse.Client, table *dataverse.Table) error {
		row, err := dataverse.Row(table.SetName, state.RecordID.ValueString())
		if err != nil {
			return err
		}
		if err = client.Delete(ctx, row, ""); dataverse.IsNotFound(err) {
			return nil
		}
		return repeatableRow(state, err)
	})
}

// repeatableRow makes a lost answer one that is tried again.
func repeatableRow(m *solutionDetailModel, err error) error {
	if dataverse.IsAmbiguous(err) {
		return problem.New(problem.AnswerLost, "solution "+m.SolutionID.ValueString(), err.Error())
	}
	return err
}

// writeDynamics repeats a write while something passing refuses it, and drops what was read of the table.
func (r *solutionDetail) writeDynamics(ctx context.Context, c detailColumns, write func(context.Context, *dataverse.Client, *dataverse.Table) error) error {
	client, err := r.remote.Dataverse(ctx)
	if err != nil {
		return err
	}
	table, err := r.remote.Table(ctx, c.object)
	if err != nil {
		return err
	}
	if table == nil {
		return &noTableError{table: c.object}
	}
	defer r.remote.RowsChanged(c.object)
	return r.remote.Retry(ctx, func(ctx context.Context) error { return write(ctx, client, table) })
}

// sameOrganization checks the organisation that an import's identity names, if it names one.
func (r *solutionDetail) sameOrganization(ctx context.Context, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics) {
	var organization *string
	diagnostics.Append(identity.GetAttribute(ctx, path.Root("org_id"), &organization)...)
	if organization == nil || diagnostics.HasError() {
		return
	}
	who, err := r.remote.DataverseIdentity(ctx)
	switch {
	case err != nil:
		diagnostics.AddError("Dataverse identity could not be read", remote.Detail(err))
	case !strings.EqualFold(*organization, who.OrganizationID):
		diagnostics.AddError("Import names another Dataverse organisation",
			"The identity's org_id is "+*organization+", the provider is signed in to "+who.OrganizationID+". Use a provider configured for that environment, or leave org_id out.")
	}
}
