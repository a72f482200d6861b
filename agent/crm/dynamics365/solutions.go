package dynamics365

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// products reads the list of identifiers that older installations keep in a text column, separated as people do.
func products(list string) []deal.Solution {
	var found []deal.Solution
	for _, id := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",;|", r) || unicode.IsSpace(r) }) {
		found = append(found, deal.Solution{ID: id})
	}
	return found
}

func (e *Environment) detailNavigation() string {
	return e.solution.navigation(e.names.SolutionDetail, e.detail.LogicalName)
}

func (e *Environment) solutionsQuery(opportunityID string) dataverse.Query {
	selected := []string{e.solution.PrimaryID}
	for _, name := range []string{e.names.SolutionIdentifier, e.names.SolutionName} {
		if name != "" {
			selected = append(selected, strings.ToLower(name))
		}
	}
	return dataverse.Query{
		Select: selected, Filter: lookupValue(e.names.SolutionOpportunity) + " eq " + opportunityID, OrderBy: e.solution.PrimaryID,
		Expand: []string{e.detailNavigation() + "($select=" + strings.ToLower(e.names.DetailIdentifier) + "," + e.detail.PrimaryName + ")"},
	}
}

// solutionRow reads one row. A seller chooses the solution from the catalogue, or types the identifier where there is a column for it;
// what was typed counts.
func (e *Environment) solutionRow(row map[string]any) (crm.SolutionRow, bool) {
	found := crm.SolutionRow{RowID: strings.ToLower(text(row[e.solution.PrimaryID]))}
	if e.names.SolutionIdentifier != "" {
		found.ID = text(row[strings.ToLower(e.names.SolutionIdentifier)])
	}
	if e.names.SolutionName != "" {
		found.Name = text(row[strings.ToLower(e.names.SolutionName)])
	}
	chosen := related(row, e.detailNavigation())
	identifier := text(chosen[strings.ToLower(e.names.DetailIdentifier)])
	if found.ID == "" {
		found.ID = identifier
	}
	if name := text(chosen[e.detail.PrimaryName]); name != "" && strings.EqualFold(found.ID, identifier) {
		found.Name = name
	}
	return found, found.ID != ""
}

// Catalogue implements [crm.CRM].
func (e *Environment) Catalogue(ctx context.Context, solutions []deal.Solution) ([]crm.NewSolution, error) {
	list := make([]crm.NewSolution, len(solutions))
	for i, s := range solutions {
		list[i] = crm.NewSolution{Solution: s}
	}
	if len(list) == 0 {
		return list, nil
	}
	identifier := strings.ToLower(e.names.DetailIdentifier)
	rows, err := e.list(ctx, e.detail.SetName, e.catalogueQuery(solutions))
	if err != nil {
		return nil, fmt.Errorf("look solutions up in %s: %w", e.detail.LogicalName, err)
	}
	for i := range list {
		for _, row := range rows {
			if strings.EqualFold(text(row[identifier]), list[i].ID) && list[i].CatalogueID == "" {
				list[i].CatalogueID, list[i].Name = strings.ToLower(text(row[e.detail.PrimaryID])), text(row[e.detail.PrimaryName])
			}
		}
	}
	return list, nil
}

func (e *Environment) catalogueQuery(solutions []deal.Solution) dataverse.Query {
	identifier, identifiers := strings.ToLower(e.names.DetailIdentifier), make([]string, len(solutions))
	for i, s := range solutions {
		identifiers[i] = s.ID
	}
	return dataverse.Query{
		Select: []string{e.detail.PrimaryID, e.detail.PrimaryName, identifier}, Filter: equalsAny(identifier, identifiers), OrderBy: e.detail.PrimaryID,
	}
}

// solutionParts add and remove rows. A solution that the catalogue lacks is added to it: without its row the seller would see a line
// that says nothing. Another deal may add it at the same moment, so it is written to an address that both find.
func (e *Environment) solutionParts(parts []dataverse.Part, opportunity string, added []crm.NewSolution, removed []string) ([]dataverse.Part, error) {
	for _, row := range removed {
		parts = append(parts, dataverse.Part{Method: http.MethodDelete, Path: e.solution.SetName + "(" + row + ")"})
	}
	for _, s := range added {
		fields := map[string]any{bind(e.solution.navigation(e.names.SolutionOpportunity, e.opportunity.LogicalName)): opportunity}
		name := s.Name
		if name == "" {
			name = s.ID
		}
		if e.names.SolutionIdentifier != "" {
			fields[strings.ToLower(e.names.SolutionIdentifier)] = s.ID
		}
		if column, found := e.solution.column(e.names.SolutionName); found && column.ForCreate {
			fields[column.LogicalName] = shorten(name, column.MaxLength)
		}
		switch row, values, err := e.newDetail(s.ID); {
		case s.CatalogueID != "":
			fields[bind(e.detailNavigation())] = e.detail.row(s.CatalogueID)
		case err == nil:
			column, _ := e.detail.column(e.detail.PrimaryName)
			values[e.detail.PrimaryName] = shorten(name, column.MaxLength)
			body, err := encode(values)
			if err != nil {
				return nil, err
			}
			parts = append(parts, dataverse.Part{Method: http.MethodPatch, Path: row, Body: body})
			fields[bind(e.detailNavigation())] = "/" + row
		case e.names.SolutionIdentifier == "":
			return nil, err
		}
		body, err := encode(fields)
		if err != nil {
			return nil, err
		}
		parts = append(parts, dataverse.Part{Method: http.MethodPost, Path: e.solution.SetName, Body: body})
	}
	return parts, nil
}

// detailIDs is what ids of the catalogue's rows are derived from. It never changes.
var detailIDs = uuid.MustParse("5d6c3a0e-0f0b-4c37-9a51-7f4f2b6d1c83")

// newDetail gives the address at which a solution is added to the catalogue, and what is written there beside the name. The address is the
// alternate key. A catalogue that an older installation made may have none, and may have rows that share an identifier, so that none can
// be made: there the row's id follows from the identifier ("Upsert a table row": a row that is not there is made with the id).
func (e *Environment) newDetail(identifier string) (row string, values map[string]any, err error) {
	column := strings.ToLower(e.names.DetailIdentifier)
	if e.detailKey {
		row, err = dataverse.RowByKey(e.detail.SetName, column, identifier)
		return row, map[string]any{}, err
	}
	id := uuid.NewSHA1(detailIDs, []byte(strings.ToUpper(identifier)))
	row, err = dataverse.Row(e.detail.SetName, id.String())
	return row, map[string]any{column: identifier}, err
}
