package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// solutionRows is what the organisation's solution object is like.
type solutionRows struct {
	relationship string // from the opportunity
	named        bool   // the name can be written; otherwise it is a number of Salesforce's own
	longestName  int
	catalogue    string // relationship from a row to the catalogue of solution details; empty without one
}

// describeSolutions looks at the object of an opportunity's solutions and gives what it lacks.
func (o *Org) describeSolutions(ctx context.Context) error {
	n := o.names
	if o.solutions.relationship == "" {
		return problem.New(problem.FieldMissing, "Salesforce organisation", n.Solution+"."+n.SolutionOpportunity+" (a lookup to "+n.Opportunity+")")
	}
	describe, err := o.client.Data().Describe(ctx, n.Solution)
	if err != nil {
		return fmt.Errorf("describe %s: %w", n.Solution, err)
	}
	var missing []string
	for _, name := range []string{n.SolutionIdentifier, n.SolutionName, n.SolutionDetail} {
		field, ok := describe.Field(name)
		switch {
		case name == "":
		case !ok:
			missing = append(missing, n.Solution+"."+name)
		case name == n.SolutionName:
			o.solutions.named, o.solutions.longestName = field.Createable, field.Length
		case name == n.SolutionDetail:
			o.solutions.catalogue = field.RelationshipName
		}
	}
	if len(missing) > 0 {
		return problem.New(problem.FieldMissing, "Salesforce organisation", strings.Join(missing, ", "))
	}
	return nil
}

// products reads the list of identifiers that older installations keep in a text field, separated as people do.
func products(list string) []deal.Solution {
	var found []deal.Solution
	for _, id := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",;|", r) || unicode.IsSpace(r) }) {
		found = append(found, deal.Solution{ID: id})
	}
	return found
}

// solutionsQuery reads an opportunity's solutions as part of the opportunity.
func (o *Org) solutionsQuery() string {
	fields := []string{"Id", o.names.SolutionName, o.names.SolutionIdentifier}
	if o.solutions.catalogue != "" {
		fields = append(fields, o.solutions.catalogue+".Name", o.solutions.catalogue+"."+o.names.DetailIdentifier)
	}
	return fmt.Sprintf("(SELECT %s FROM %s ORDER BY Id)", strings.Join(fields, ", "), o.solutions.relationship)
}

// solutionRow reads one row. A seller types the identifier or chooses the solution from the catalogue; what was typed counts.
func (o *Org) solutionRow(row map[string]any) (crm.SolutionRow, bool) {
	found := crm.SolutionRow{RowID: text(row["Id"]), Solution: deal.Solution{ID: text(row[o.names.SolutionIdentifier])}}
	if o.solutions.named {
		found.Name = text(row[o.names.SolutionName])
	}
	if o.solutions.catalogue != "" {
		chosen := text(at(row, o.solutions.catalogue+"."+o.names.DetailIdentifier))
		if found.ID == "" {
			found.ID = chosen
		}
		if name := text(at(row, o.solutions.catalogue+".Name")); name != "" && strings.EqualFold(found.ID, chosen) {
			found.Name = name
		}
	}
	return found, found.ID != ""
}

// Catalogue implements [crm.CRM].
func (o *Org) Catalogue(ctx context.Context, solutions []deal.Solution) ([]crm.NewSolution, error) {
	list := make([]crm.NewSolution, len(solutions))
	for i, s := range solutions {
		list[i].Solution = s
	}
	if o.solutions.catalogue == "" || len(list) == 0 {
		return list, nil
	}
	rows, err := o.shared().catalogue.find(ctx, solutionIDs(solutions)...)
	if err != nil {
		return nil, fmt.Errorf("look solutions up in %s: %w", o.names.Detail, err)
	}
	for i := range list {
		for _, row := range rows {
			if strings.EqualFold(text(row[o.names.DetailIdentifier]), list[i].ID) && list[i].CatalogueID == "" {
				list[i].CatalogueID, list[i].Name = text(row["Id"]), text(row["Name"])
			}
		}
	}
	return list, nil
}

func solutionIDs(solutions []deal.Solution) []string {
	ids := make([]string, len(solutions))
	for i, s := range solutions {
		ids[i] = s.ID
	}
	return ids
}

// solutionFields gives the fields of a new row. parent is the opportunity's id, or a reference to it.
func (o *Org) solutionFields(parent string, s crm.NewSolution) map[string]any {
	fields := map[string]any{o.names.SolutionOpportunity: parent, o.names.SolutionIdentifier: s.ID}
	if o.solutions.named {
		name := s.Name
		if name == "" {
			name = s.ID
		}
		fields[o.names.SolutionName] = shorten(name, o.solutions.longestName)
	}
	if s.CatalogueID != "" {
		fields[o.names.SolutionDetail] = s.CatalogueID
	}
	return fields
}

// solutionParts add and remove rows as parts of an all-or-none composite call. Each row is a part of its own: what goes wrong
// inside a collection call would not undo the other parts. deal ends their references, see [reference].
func (o *Org) solutionParts(deal, parent string, added []crm.NewSolution, removed []string) []salesforce.Subrequest {
	var parts []salesforce.Subrequest
	for i, row := range removed {
		parts = append(parts, salesforce.Subrequest{
			Method: http.MethodDelete, Path: "/sobjects/" + o.names.Solution + "/" + row, ReferenceID: fmt.Sprintf("removed%d%s", i, deal),
		})
	}
	for i, s := range added {
		parts = append(parts, salesforce.Subrequest{
			Method: http.MethodPost, Path: "/sobjects/" + o.names.Solution, ReferenceID: fmt.Sprintf("added%d%s", i, deal), Body: o.solutionFields(parent, s),
		})
	}
	return parts
}
