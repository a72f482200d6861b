package dataverse

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

func (m *columnModel) table() string { return strings.ToLower(m.Table.ValueString()) }

func (m *columnModel) name() string { return strings.ToLower(m.Name.ValueString()) }

func (m *columnModel) title() string {
	return "column " + m.Table.ValueString() + "." + m.Name.ValueString()
}

func (m *columnModel) kind() client.Kind {
	kind, _ := columnTypeNamed(m.Type.ValueString())
	return kind.kind
}

// complete gives what is left out its type's default, and looks the table and the column up.
func (m *columnModel) complete(ctx context.Context, e *environment, p *planning[columnModel]) {
	m.LogicalName = types.StringUnknown()
	if !m.Name.IsUnknown() {
		m.LogicalName = types.StringValue(m.name())
	}
	m.defaults(p.config)
	if m.Table.IsUnknown() || m.Name.IsUnknown() {
		return
	}
	again := e.remote.MetadataPlanned("column", m.table()+"."+m.name()) // a replacement is planned twice, the second time as if nothing were there
	e.remote.PlansMetadata("column", m.table()+"."+m.name())
	if !p.live {
		return
	}
	if p.fresh {
		checkPrefix(ctx, e, "name", m.Name.ValueString(), p)
	}
	checkTable(ctx, e, "table", m.table(), p)
	if !m.TargetTable.IsNull() && !m.TargetTable.IsUnknown() {
		checkTable(ctx, e, attrTarget, strings.ToLower(m.TargetTable.ValueString()), p)
	}
	if p.state != nil || again || e.remote.MetadataPlanned("table", m.table()) {
		return
	}
	switch _, found, err := e.remote.AnyColumn(ctx, m.table(), m.name()); {
	case err != nil:
		p.AddError("Column could not be looked for", remote.Detail(err))
	case found:
		p.AddAttributeError(path.Root("name"), "Dataverse column exists already",
			fmt.Sprintf("%s was not made by this configuration and is left alone. To manage it, import it:\n\n  terraform import cosell_dataverse_column.<name> '%s/%s'\n\nor use it by its name without declaring it.",
				m.title(), m.Table.ValueString(), m.Name.ValueString()))
	}
}

// checkTable warns of a table that is not there yet.
func checkTable[M any](ctx context.Context, e *environment, at, name string, p *planning[M]) {
	if e.remote.MetadataPlanned("table", name) {
		return
	}
	live, err := e.remote.Table(ctx, name)
	if err != nil {
		p.AddAttributeError(path.Root(at), "Table could not be looked for", remote.Detail(err))
		return
	}
	if live == nil {
		p.AddAttributeWarning(path.Root(at), "Table is not in the environment",
			fmt.Sprintf("There is no table %s. Applying fails unless it is there by then: refer to the resource that makes it, so that it comes first.", name))
	}
}

// defaults fills in, by type, what the configuration leaves out.
func (m *columnModel) defaults(config columnModel) {
	kind, known := columnTypeNamed(m.Type.ValueString())
	text := func(value *types.String, name string) {
		fallback, applies := kind.attributes[name].(string)
		switch {
		case !known:
			*value = types.StringUnknown()
		case applies:
			*value = types.StringValue(fallback)
		default:
			*value = types.StringNull()
		}
	}
	number := func(value *types.Int64, name string) {
		fallback, applies := kind.attributes[name].(int64)
		switch {
		case !known:
			*value = types.Int64Unknown()
		case applies:
			*value = types.Int64Value(fallback)
		default:
			*value = types.Int64Null()
		}
	}
	for name, value := range map[string]*types.String{
		attrFormat: &m.Format, attrBehavior: &m.Behavior, attrTrueLabel: &m.TrueLabel, attrFalseLabel: &m.FalseLabel, attrOnDelete: &m.OnDelete,
	} {
		if config.byType()[name].IsNull() {
			text(value, name)
		}
	}
	for name, value := range map[string]*types.Int64{attrMaxLength: &m.MaxLength, attrPrecision: &m.Precision} {
		if config.byType()[name].IsNull() {
			number(value, name)
		}
	}
	if config.DefaultValue.IsNull() {
		m.DefaultValue = types.BoolNull()
		if _, applies := kind.attributes[attrDefault]; applies {
			m.DefaultValue = types.BoolValue(false)
		}
		if !known {
			m.DefaultValue = types.BoolUnknown()
		}
	}
	if config.RelationshipName.IsNull() {
		m.RelationshipName = m.defaultRelationship(known)
	}
}

func (m *columnModel) defaultRelationship(known bool) types.String {
	switch {
	case known && m.kind() != client.Lookup:
		return types.StringNull()
	case !known, m.Table.IsUnknown(), m.Name.IsUnknown(), m.TargetTable.IsUnknown():
		return types.StringUnknown()
	default:
		name := strings.Join([]string{m.Name.ValueString(), strings.ToLower(m.TargetTable.ValueString()), m.table()}, "_")
		const longest = 100
		return types.StringValue(name[:min(len(name), longest)])
	}
}

func (m *columnModel) create(ctx context.Context, e *environment) error {
	present := func(ctx context.Context) (bool, error) {
		_, found, err := e.remote.AnyColumn(ctx, m.table(), m.name())
		return found, err
	}
	write, err := m.creation(ctx, e)
	if err != nil {
		return err
	}
	if err := e.create(ctx, []string{m.table()}, m.title(), present, write); err != nil {
		return err
	}
	m.LogicalName = types.StringValue(m.name())
	live, found, err := e.remote.AnyColumn(ctx, m.table(), m.name())
	if err != nil || !found {
		m.MetadataID = types.StringNull()
		return partly(fmt.Errorf("read it back: found %t, %w", found, err))
	}
	m.MetadataID = types.StringValue(live.MetadataID)
	if m.Unique.ValueBool() {
		return partly(m.makeKey(ctx, e))
	}
	return nil
}

// creation gives the request that makes the column.
func (m *columnModel) creation(ctx context.Context, e *environment) (send, error) {
	column, err := m.column(ctx, e)
	if err != nil {
		return nil, err
	}
	solution := e.solutionOf(m.Solution.ValueString())
	if m.kind() != client.Lookup {
		return func(ctx context.Context, api *client.Client) error {
			_, err := api.CreateColumn(ctx, solution, m.table(), column)
			return err
		}, nil
	}
	target, err := e.remote.Table(ctx, m.TargetTable.ValueString())
	if err != nil {
		return nil, err
	}
	if target == nil {
		return nil, fmt.Errorf("%w: %s", remote.ErrNoTable, m.TargetTable.ValueString())
	}
	return func(ctx context.Context, api *client.Client) error {
		_, err := api.CreateLookup(ctx, solution, client.NewLookup{
			SchemaName: m.RelationshipName.ValueString(), Referenced: target.LogicalName, ReferencedKey: target.PrimaryID, Referencing: m.table(),
			ColumnSchemaName: column.SchemaName, DisplayName: column.DisplayName, Description: column.Description, Required: column.Required,
			OnDelete: toRemote(deletions, m.OnDelete),
		})
		return err
	}, nil
}

// column gives the definition that is declared.
func (m *columnModel) column(ctx context.Context, e *environment) (client.Column, error) {
	c := client.Column{
		Kind: m.kind(), SchemaName: m.Name.ValueString(), Required: toRemote(levels, m.RequiredLevel), MaxLength: int(m.MaxLength.ValueInt64()), Format: m.format(),
		AutoNumber: m.AutoNumberFormat.ValueString(), Precision: int(m.Precision.ValueInt64()), Min: m.MinValue.ValueFloat64Pointer(), Max: m.MaxValue.ValueFloat64Pointer(),
		Behavior: toRemote(behaviors, m.Behavior), GlobalChoice: m.GlobalChoice.ValueString(), DefaultYes: m.DefaultValue.ValueBool(),
	}
	for _, text := range []struct {
		to   *client.Label
		from types.String
	}{{&c.DisplayName, m.Label}, {&c.Description, m.Description}, {&c.YesLabel, m.TrueLabel}, {&c.NoLabel, m.FalseLabel}} {
		var err error
		if *text.to, err = e.label(ctx, text.from.ValueString()); err != nil {
			return c, err
		}
	}
	for _, option := range m.options(ctx) {
		label, err := e.label(ctx, option.Label.ValueString())
		if err != nil {
			return c, err
		}
		c.Options = append(c.Options, client.Option{Value: number(option.Value), Label: label})
	}
	return c, nil
}

func number(value types.Int64) *int {
	if value.IsNull() {
		return nil
	}
	n := int(value.ValueInt64())
	return &n
}

func (m *columnModel) format() string {
	if m.kind() == client.DateTime {
		return toRemote(dateFormats, m.Format)
	}
	return toRemote(textFormats, m.Format)
}

func (m *columnModel) options(ctx context.Context) []optionModel {
	var options []optionModel
	m.Options.ElementsAs(ctx, &options, false)
	return options
}

// read takes over the live column. One that was made again as another type shows that type.
func (m *columnModel) read(ctx context.Context, e *environment) (bool, error) {
	any, found, err := e.remote.AnyColumn(ctx, m.table(), m.name())
	if err != nil || !found {
		return false, err
	}
	live, found, err := e.remote.Column(ctx, m.table(), m.name(), any.Kind)
	if err != nil || !found {
		return false, err
	}
	if typeOfKind(live.Kind) == "" {
		return false, fmt.Errorf("the column is of the kind %s, which this resource type does not manage", live.Kind)
	}
	m.refresh(ctx, live)
	m.LogicalName, m.MetadataID = types.StringValue(live.LogicalName), types.StringValue(live.MetadataID)
	if live.Kind == client.Lookup {
		if err := m.refreshLookup(ctx, e); err != nil {
			return false, err
		}
	}
	key, err := m.key(ctx, e)
	m.Unique = types.BoolValue(key != nil && key.Status != keyFailed)
	return true, err
}

func (m *columnModel) refresh(ctx context.Context, live client.Column) {
	kind, _ := columnTypeNamed(typeOfKind(live.Kind))
	has := func(name string) bool { _, applies := kind.attributes[name]; return applies }
	text := func(name, value string) types.String {
		if !has(name) {
			return types.StringNull()
		}
		return textOrNull(value)
	}
	m.Type, m.Label, m.Description = types.StringValue(kind.name), types.StringValue(live.DisplayName.Text()), textOrNull(live.Description.Text())
	m.RequiredLevel = fromRemote(levels, live.Required)
	m.MaxLength, m.Precision, m.DefaultValue = types.Int64Null(), types.Int64Null(), types.BoolNull()
	if has(attrMaxLength) {
		m.MaxLength = types.Int64Value(int64(live.MaxLength))
	}
	if has(attrPrecision) && (live.Kind != client.Money || live.OwnPrecision) {
		m.Precision = types.Int64Value(int64(live.Precision))
	}
	if has(attrDefault) {
		m.DefaultValue = types.BoolValue(live.DefaultYes)
	}
	m.Format = text(attrFormat, fromRemote(append(textFormats[:len(textFormats):len(textFormats)], dateFormats...), live.Format).ValueString())
	m.AutoNumberFormat = text(attrAutoNumber, live.AutoNumber)
	m.Behavior = text(attrBehavior, fromRemote(behaviors, live.Behavior).ValueString())
	m.TrueLabel, m.FalseLabel = text(attrTrueLabel, live.YesLabel.Text()), text(attrFalseLabel, live.NoLabel.Text())
	m.GlobalChoice = text(attrGlobalChoice, live.GlobalChoice)
	for _, limit := range []struct {
		value *types.Float64
		live  *float64
	}{{&m.MinValue, live.Min}, {&m.MaxValue, live.Max}} {
		if !limit.value.IsNull() {
			*limit.value = types.Float64PointerValue(limit.live)
		}
	}
	m.Options = m.liveOptions(ctx, live)
	if live.Kind != client.Lookup {
		m.TargetTable, m.RelationshipName, m.OnDelete = types.StringNull(), types.StringNull(), types.StringNull()
	}
}

func (m *columnModel) refreshLookup(ctx context.Context, e *environment) error {
	lookups, err := e.remote.Lookups(ctx, m.table())
	for _, lookup := range lookups {
		if !strings.EqualFold(lookup.ReferencingColumn, m.name()) {
			continue
		}
		if !strings.EqualFold(m.TargetTable.ValueString(), lookup.ReferencedTable) {
			m.TargetTable = types.StringValue(lookup.ReferencedTable)
		}
		m.RelationshipName, m.OnDelete = types.StringValue(lookup.SchemaName), fromRemote(deletions, lookup.Cascade.Delete)
	}
	return err
}

// update makes the live column what is declared, and publishes the table when that is needed.
func (m *columnModel) update(ctx context.Context, e *environment, before *columnModel) error {
	if !m.sameColumn(before) {
		if err := m.updateDefinition(ctx, e); err != nil {
			return err
		}
		if err := e.remote.Publish(ctx, m.table()); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	if m.Unique.Equal(before.Unique) {
		return nil
	}
	if m.Unique.ValueBool() {
		return m.makeKey(ctx, e)
	}
	return m.removeKey(ctx, e)
}

// sameColumn compares what the definition holds; deletion_protection and the key are not part of it.
func (m *columnModel) sameColumn(other *columnModel) bool {
	mine, theirs := m.byType(), other.byType()
	for _, name := range typeAttributes {
		if !mine[name].Equal(theirs[name]) {
			return false
		}
	}
	return m.Label.Equal(other.Label) && m.Description.Equal(other.Description) && m.RequiredLevel.Equal(other.RequiredLevel) && m.Solution.Equal(other.Solution)
}

func (m *columnModel) updateDefinition(ctx context.Context, e *environment) error {
	column, err := m.column(ctx, e)
	if err != nil {
		return err
	}
	solution := e.solutionOf(m.Solution.ValueString())
	if err := e.change(ctx, []string{m.table()}, m.title(), func(ctx context.Context, api *client.Client) error {
		definition, err := api.ColumnDefinition(ctx, m.table(), m.name(), m.kind())
		if client.IsNotFound(err) {
			return errDeleted
		}
		if err != nil {
			return err
		}
		overlay(definition, column)
		return api.UpdateColumn(ctx, solution, m.table(), definition)
	}); err != nil {
		return err
	}
	switch m.kind() {
	case client.YesNo, client.Choice, client.Choices:
		return m.updateOptions(ctx, e, solution)
	case client.Lookup:
		return m.updateRelationship(ctx, e, solution)
	default:
		return nil
	}
}

// overlay writes what is declared over a live definition. What no attribute stands for is left alone.
func overlay(definition client.Definition, column client.Column) {
	definition["DisplayName"], definition["Description"] = column.DisplayName, column.Description
	level, _ := definition["RequiredLevel"].(map[string]any)
	if level == nil {
		level = map[string]any{"CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"}
	}
	level["Value"] = column.Required
	definition["RequiredLevel"] = level
	switch column.Kind {
	case client.Text:
		definition["MaxLength"], definition["FormatName"], definition["AutoNumberFormat"] = column.MaxLength, map[string]string{"Value": column.Format}, column.AutoNumber
	case client.Memo:
		definition["MaxLength"] = column.MaxLength
	case client.YesNo:
		definition["DefaultValue"] = column.DefaultYes
	case client.Money:
		definition["PrecisionSource"] = 2
		if column.Precision > 0 {
			definition["PrecisionSource"], definition["Precision"] = 0, column.Precision
		}
	case client.Decimal:
		definition["Precision"] = column.Precision
	case client.DateTime:
		definition["Format"], definition["DateTimeBehavior"] = column.Format, map[string]string{"Value": column.Behavior}
	}
	for property, limit := range map[string]*float64{"MinValue": column.Min, "MaxValue": column.Max} {
		if limit != nil {
			definition[property] = *limit
		}
	}
}

func (m *columnModel) updateRelationship(ctx context.Context, e *environment, solution string) error {
	lookups, err := e.remote.Lookups(ctx, m.table())
	if err != nil {
		return err
	}
	for _, lookup := range lookups {
		if !strings.EqualFold(lookup.ReferencingColumn, m.name()) || lookup.Cascade.Delete == toRemote(deletions, m.OnDelete) {
			continue
		}
		return e.change(ctx, []string{m.table()}, m.title(), func(ctx context.Context, api *client.Client) error {
			return api.SetDeleteBehavior(ctx, solution, lookup.MetadataID, toRemote(deletions, m.OnDelete))
		})
	}
	return nil
}

// remove deletes the column; its key goes first, and a lookup goes with its relationship.
func (m *columnModel) remove(ctx context.Context, e *environment) error {
	table, err := e.remote.Table(ctx, m.table())
	if err != nil || table == nil {
		return err
	}
	if err := m.removeKey(ctx, e); err != nil {
		return err
	}
	err = e.remove(ctx, []string{m.table()}, m.title(), func(ctx context.Context, api *client.Client) error {
		return api.DeleteColumn(ctx, "", m.table(), m.name())
	})
	var known *problem.Problem
	if err == nil || client.IsDenied(err) || errorsAs(err, &known) {
		return err
	}
	return fmt.Errorf("%w. Dataverse refuses to delete a column that a form, a view, a key or a flow uses: take it out there first, and refer to this column's "+
		"resource where Terraform makes them, so that they go first", err)
}
