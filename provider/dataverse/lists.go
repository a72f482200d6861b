package dataverse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/listing"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// ListResources lists the constructors of this package's list resources.
func ListResources() []func() list.ListResource {
	var all []func() list.ListResource
	for _, kind := range listed {
		all = append(all, kind.Resource)
	}
	return all
}

const (
	solutionPermissions = "With `solution`, also reading solutions and solution components."
	mainForm            = "form"
)

// listed are the types that people adopt from an environment.
var listed = []listing.Kind{
	{
		New: NewTable, Permissions: solutionPermissions,
		Description: "The custom tables of the environment, without those of managed solutions. They are found with one call; `include_resource` costs one more for each table, " +
			"for its primary column: narrow the list by `prefix` or `solution`.",
		Attributes: map[string]schema.Attribute{"prefix": prefixFilter(), "solution": solutionFilter(), "include_managed": managedFilter("tables")},
		Find:       findTables,
	},
	{
		New: NewColumn, Permissions: solutionPermissions,
		Description: "The custom columns of a table, without those of managed solutions, the primary column, which is part of the table, and columns that come with another one, such as " +
			"the amount in the base currency. A column whose type is not supported comes without its definition and with a warning.",
		Attributes: map[string]schema.Attribute{
			"table":  schema.StringAttribute{Required: true, MarkdownDescription: "Name of the table, for example `opportunity`.", Validators: []validator.String{tableName()}},
			"prefix": prefixFilter(), "solution": solutionFilter(), "include_managed": managedFilter("columns"),
		},
		Find: findColumns,
	},
	{
		New: NewEnvironmentVariable, Permissions: solutionPermissions,
		Description: "The environment variables, whoever brought them. Each comes with `manage_definition = false`: taking it over manages its current value only.",
		Attributes:  map[string]schema.Attribute{"prefix": prefixFilter(), "solution": solutionFilter()},
		Find:        findVariables,
	},
	{
		New: NewFlow, Permissions: solutionPermissions,
		Description: "The cloud flows that are part of solutions, on or off; others are not visible. A flow whose name others have too comes under its id.",
		Attributes:  map[string]schema.Attribute{"solution": solutionFilter()},
		Find:        findFlows,
	},
	{
		New: NewFormSection,
		Description: "The sections of a table's main forms that hold nothing but columns. A section without a name that is unique on its form, or with one that holds more than letters, " +
			"digits and underscores, is left out.",
		Attributes: formFilters(), Find: findSections,
	},
	{
		New:         NewSubgrid,
		Description: "The sections of a table's main forms that hold one list of related rows and nothing else, under the same conditions as `cosell_dataverse_form_section`.",
		Attributes:  formFilters(), Find: findSubgrids,
	},
}

func prefixFilter() schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, MarkdownDescription: "Publisher's prefix that the schema names begin with, for example `cosell`; all when left out.",
		Validators: []validator.String{stringvalidator.RegexMatches(prefixPattern, "must be a publisher's prefix, such as cosell")},
	}
}

func solutionFilter() schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, MarkdownDescription: "Unique name of a solution: only what is part of it; all when left out.",
		Validators: []validator.String{stringvalidator.RegexMatches(uniquePattern, "must be a solution's unique name, such as cosell")},
	}
}

func managedFilter(what string) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether " + what + " that managed solutions brought are listed too. Default `false`."}
}

func formFilters() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"table":  schema.StringAttribute{Required: true, MarkdownDescription: "Name of the table, for example `opportunity`.", Validators: []validator.String{tableName()}},
		mainForm: schema.StringAttribute{Optional: true, MarkdownDescription: "Name or id of a main form; all main forms when left out.", Validators: []validator.String{unpadded()}},
	}
}

// filter is what a list's configuration asks for.
type filter struct {
	prefix  string
	managed bool
	// parts are the components of the solution, by their ids in lower case; nil without one.
	parts map[string]client.Component
}

// text reads an argument; empty where it is left out.
func text(ctx context.Context, config tfsdk.Config, name string) (string, error) {
	var value *string
	if err := failure(config.GetAttribute(ctx, path.Root(name), &value)); err != nil || value == nil {
		return "", err
	}
	return *value, nil
}

// narrowed reads the arguments that a kind of list has.
func narrowed(ctx context.Context, r *remote.Remote, config tfsdk.Config, arguments ...string) (f filter, err error) {
	for _, name := range arguments {
		switch name {
		case "prefix":
			f.prefix, err = text(ctx, config, name)
		case "include_managed":
			var managed *bool
			err = failure(config.GetAttribute(ctx, path.Root(name), &managed))
			f.managed = managed != nil && *managed
		case "solution":
			f.parts, err = partsOf(ctx, r, config)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// partsOf reads what is part of the solution that is asked for.
func partsOf(ctx context.Context, r *remote.Remote, config tfsdk.Config) (map[string]client.Component, error) {
	name, err := text(ctx, config, "solution")
	if err != nil || name == "" {
		return nil, err
	}
	api, err := r.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	parts := map[string]client.Component{}
	return parts, r.Retry(ctx, func(ctx context.Context) error {
		solution, found, err := api.Solution(ctx, name)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("the environment has no solution %s; its unique name stands in Power Apps under Solutions", name)
		}
		components, err := api.Components(ctx, solution.ID)
		for _, component := range components {
			parts[strings.ToLower(component.ObjectID)] = component
		}
		return err
	})
}

// named reports whether a schema name has the prefix.
func (f filter) named(schemaName string) bool {
	prefix, _, custom := strings.Cut(schemaName, "_")
	return f.prefix == "" || custom && strings.EqualFold(prefix, f.prefix)
}

// holds reports whether a component is in the solution.
func (f filter) holds(kind int, id string) bool {
	part, is := f.parts[strings.ToLower(id)]
	return f.parts == nil || is && part.Type == kind
}

// here makes a result of an object: its keys are its identity, with the organisation's id, and joined its import id.
func here(ctx context.Context, r *remote.Remote, display string, keys []key, values ...string) (listing.Found, error) {
	who, err := r.DataverseIdentity(ctx)
	identity := map[string]string{"organization_id": who.OrganizationID}
	for i, k := range keys {
		identity[k.name] = values[i]
	}
	return listing.Found{Display: display, ImportID: strings.Join(values, "/"), Identity: identity}, err
}

// gather makes results, in the order of their names.
func gather[V any](ctx context.Context, r *remote.Remote, all []V, keys []string, describe func(V) (display string, values []string)) ([]listing.Found, error) {
	var names []key
	for _, name := range keys {
		names = append(names, key{name: name})
	}
	found := make([]listing.Found, len(all))
	for i, one := range all {
		display, values := describe(one)
		var err error
		if found[i], err = here(ctx, r, display, names, values...); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b listing.Found) int { return strings.Compare(a.ImportID, b.ImportID) })
	return found, nil
}

func findTables(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	f, err := narrowed(ctx, r, config, "prefix", "include_managed", "solution")
	if err != nil {
		return nil, err
	}
	tables, err := r.CustomTables(ctx)
	if err != nil {
		return nil, err
	}
	tables = slices.DeleteFunc(tables, func(t client.Table) bool {
		return t.Managed && !f.managed || !schemaPattern.MatchString(t.SchemaName) || !f.named(t.SchemaName) || !f.holds(client.TableComponent, t.MetadataID)
	})
	return gather(ctx, r, tables, []string{"name"}, func(t client.Table) (string, []string) {
		return fmt.Sprintf("%s (%s)", t.DisplayName.Text(), t.SchemaName), []string{t.SchemaName}
	})
}

func findColumns(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	f, err := narrowed(ctx, r, config, "prefix", "include_managed", "solution")
	if err != nil {
		return nil, err
	}
	table, err := liveTable(ctx, r, config)
	if err != nil {
		return nil, err
	}
	all, err := r.Columns(ctx, table.LogicalName)
	if err != nil {
		return nil, err
	}
	inside := f.parts != nil && f.holds(client.TableComponent, table.MetadataID) && f.parts[strings.ToLower(table.MetadataID)].Behavior == 0
	var columns []client.Column
	for _, c := range all {
		if adoptable(c, all) && (f.managed || !c.Managed) && f.named(c.SchemaName) && (inside || f.holds(client.ColumnComponent, c.MetadataID)) {
			columns = append(columns, c)
		}
	}
	return gather(ctx, r, columns, []string{"table", "name"}, func(c client.Column) (string, []string) {
		return fmt.Sprintf("%s (%s.%s)", c.DisplayName.Text(), table.LogicalName, c.SchemaName), []string{table.LogicalName, c.SchemaName}
	})
}

// adoptable reports whether a column stands by itself: the amount in the base currency, for one, comes and goes with the other amount.
func adoptable(c client.Column, all []client.Column) bool {
	if !c.Custom || c.IsPrimaryID || c.IsPrimaryName || c.PartOf != "" || !schemaPattern.MatchString(c.SchemaName) {
		return false
	}
	of, base := strings.CutSuffix(c.LogicalName, "_base")
	return !base || c.Kind != client.Money || !slices.ContainsFunc(all, func(other client.Column) bool { return other.LogicalName == of && other.Kind == client.Money })
}

// liveTable reads the table that is asked for.
func liveTable(ctx context.Context, r *remote.Remote, config tfsdk.Config) (*client.Table, error) {
	name, err := text(ctx, config, "table")
	if err != nil {
		return nil, err
	}
	table, err := r.Table(ctx, name)
	if err == nil && table == nil {
		err = fmt.Errorf("%w: %s", remote.ErrNoTable, name)
	}
	return table, err
}

func findVariables(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	f, err := narrowed(ctx, r, config, "prefix", "solution")
	if err != nil {
		return nil, err
	}
	variables, err := r.Variables(ctx)
	if err != nil {
		return nil, err
	}
	variables = slices.DeleteFunc(variables, func(v client.Variable) bool {
		return !schemaPattern.MatchString(v.SchemaName) || !f.named(v.SchemaName) || !f.holds(client.VariableComponent, v.DefinitionID)
	})
	return gather(ctx, r, variables, []string{"name"}, func(v client.Variable) (string, []string) {
		return fmt.Sprintf("%s (%s)", v.DisplayName, v.SchemaName), []string{v.SchemaName}
	})
}

func findFlows(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	f, err := narrowed(ctx, r, config, "solution")
	if err != nil {
		return nil, err
	}
	all, err := r.Flows(ctx)
	if err != nil {
		return nil, err
	}
	shared := map[string]int{}
	var chosen []client.CloudFlow
	for _, flow := range all {
		shared[flow.Name]++
		if f.holds(client.FlowComponent, flow.ID) {
			chosen = append(chosen, flow)
		}
	}
	return gather(ctx, r, chosen, []string{"name"}, func(flow client.CloudFlow) (string, []string) {
		if shared[flow.Name] > 1 || !paddedPattern.MatchString(flow.Name) {
			return fmt.Sprintf("%s (%s)", flow.Name, flow.ID), []string{flow.ID}
		}
		return flow.Name, []string{flow.Name}
	})
}

func findSections(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	return findFragments(ctx, r, config, func(controls []formControl) bool {
		return len(controls) > 0 && !slices.ContainsFunc(controls, func(c formControl) bool { return c.Column == "" || c.Parameters.Table != "" })
	})
}

func findSubgrids(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]listing.Found, error) {
	return findFragments(ctx, r, config, func(controls []formControl) bool {
		return len(controls) == 1 && controls[0].Parameters.Table != "" && controls[0].Parameters.Relationship != ""
	})
}

// findFragments finds the sections of main forms whose controls are of a kind.
func findFragments(ctx context.Context, r *remote.Remote, config tfsdk.Config, wanted func([]formControl) bool) ([]listing.Found, error) {
	table, err := liveTable(ctx, r, config)
	if err != nil {
		return nil, err
	}
	only, err := text(ctx, config, mainForm)
	if err != nil {
		return nil, err
	}
	forms, err := r.Forms(ctx, table.LogicalName)
	if err != nil {
		return nil, err
	}
	shared := map[string]int{}
	for _, form := range forms {
		shared[form.Name]++
	}
	var all [][]string
	known := false
	for _, form := range forms {
		if only != "" && form.Name != only && !strings.EqualFold(form.ID, only) {
			continue
		}
		known = true
		name := form.Name
		if shared[name] > 1 || strings.Contains(name, "/") || !paddedPattern.MatchString(name) { // it cannot stand in an import id
			name = form.ID
		}
		sections, err := ownSections(form.XML, wanted)
		if err != nil {
			return nil, fmt.Errorf("form %q: %w", form.Name, err)
		}
		for _, section := range sections {
			all = append(all, []string{table.LogicalName, name, section})
		}
	}
	if only != "" && !known {
		return nil, &noFormError{fragment{table: table.LogicalName, form: only}, slices.Sorted(maps.Keys(shared))}
	}
	var keys []string
	for _, k := range formKeys() {
		keys = append(keys, k.name)
	}
	return gather(ctx, r, all, keys, func(values []string) (string, []string) { return strings.Join(values, "/"), values })
}

// ownSections names the sections of a form whose controls are of a kind, and whose names tell them apart.
func ownSections(xml string, wanted func([]formControl) bool) ([]string, error) {
	spans, _, err := scanForm(xml)
	count := map[string]int{}
	for _, s := range spans {
		count[s.section.Name]++
	}
	var names []string
	for _, s := range spans {
		if name := s.section.Name; count[name] == 1 && logicalPattern.MatchString(name) && wanted(s.section.controls()) {
			names = append(names, name)
		}
	}
	return names, err
}
