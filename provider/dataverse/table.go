package dataverse

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// tableModel is the state of a cosell_dataverse_table.
type tableModel struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	Label              types.String `tfsdk:"label"`
	PluralLabel        types.String `tfsdk:"plural_label"`
	Description        types.String `tfsdk:"description"`
	Ownership          types.String `tfsdk:"ownership"`
	PrimaryColumn      types.Object `tfsdk:"primary_column"`
	ChangeTracking     types.Bool   `tfsdk:"change_tracking"`
	Solution           types.String `tfsdk:"solution"`
	LogicalName        types.String `tfsdk:"logical_name"`
	EntitySetName      types.String `tfsdk:"entity_set_name"`
	MetadataID         types.String `tfsdk:"metadata_id"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
}

// primaryColumnModel is the primary_column attribute.
type primaryColumnModel struct {
	Name             types.String `tfsdk:"name"`
	Label            types.String `tfsdk:"label"`
	MaxLength        types.Int64  `tfsdk:"max_length"`
	AutoNumberFormat types.String `tfsdk:"auto_number_format"`
}

var primaryColumnType = map[string]attr.Type{
	"name": types.StringType, "label": types.StringType, "max_length": types.Int64Type, "auto_number_format": types.StringType,
}

// primary gives the primary column; it is empty where it is not known.
func (m *tableModel) primary(ctx context.Context) primaryColumnModel {
	var p primaryColumnModel
	m.PrimaryColumn.As(ctx, &p, lenient) // the schema has the same attributes: it cannot fail
	return p
}

var ownerships = []word{{"user", "UserOwned"}, {"organization", "OrganizationOwned"}}

const tableDescription = "A custom table. Its columns are resources of their own (`cosell_dataverse_column`), but for the primary column, which names a row.\n\n" +
	"A table of the name that exists already is never taken over: import it. An update sends the whole definition as it stands, with what is declared changed in it, " +
	"keeps the labels in other languages, and publishes the table; changes of one run are published together.\n\n" +
	"**Destroy.** The table is deleted with all its rows. With `deletion_protection` (the default) destroying and replacing fail at plan.\n\n" +
	"**Permissions.** The provider's application user needs to create, read, write and delete entities and attributes and to publish customizations, as System Customizer has."

// NewTable makes the resource type cosell_dataverse_table.
func NewTable() resource.Resource {
	return &managed[tableModel, *tableModel]{
		kind: kind{
			typeName: "dataverse_table", what: "table", example: "cosell_MicrosoftSolution",
			keys:    []key{{"name", "Schema name of the table."}},
			fixed:   []string{"ownership"},
			settled: []string{"entity_set_name", "metadata_id"},
			schema: schema.Schema{
				MarkdownDescription: tableDescription,
				Attributes: map[string]schema.Attribute{
					"id":           identifier(),
					"name":         required("Schema name with the publisher's prefix, such as `cosell_MicrosoftSolution`. Changing it makes another table.", schemaName()),
					"label":        required("Name that people see.", unpadded()),
					"plural_label": required("Name that people see, in the plural.", unpadded()),
					"description":  optional("Text for administrators.", unpadded()),
					"ownership":    oneOf("Who owns rows: `user` (default), or `organization`. Changing it makes another table.", ownerships),
					"primary_column": schema.SingleNestedAttribute{
						Required: true, MarkdownDescription: "The text column that names a row. Changing its `name` makes another table.",
						Attributes: map[string]schema.Attribute{
							"name":  required("Schema name with the publisher's prefix, such as `cosell_Name`.", schemaName()),
							"label": required("Name that people see.", unpadded()),
							"max_length": schema.Int64Attribute{
								Optional: true, Computed: true, Default: int64default.StaticInt64(100), MarkdownDescription: "Most characters, 1 to 4000. Default 100.",
								Validators: []validator.Int64{int64validator.Between(1, 4000)},
							},
							"auto_number_format": optional("Makes Dataverse number the rows, such as `{DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}`.", unpadded()),
						},
					},
					"change_tracking":     flag("Whether changes of rows can be asked for, which the agent needs. Default `true`. Dataverse cannot switch it off again.", true),
					"solution":            solutionAttribute(),
					"logical_name":        settled("Name in addresses and queries: the schema name in lower case. Known at plan."),
					"entity_set_name":     settled("Name of the table's collection in the Web API."),
					"metadata_id":         settled("Id of the definition."),
					"deletion_protection": deletionProtection("table, its columns and its rows"),
				},
			},
		},
	}
}

func (m *tableModel) name() string { return strings.ToLower(m.Name.ValueString()) }

func (m *tableModel) title() string { return "table " + m.Name.ValueString() }

func (m *tableModel) complete(ctx context.Context, e *environment, p *planning[tableModel]) {
	m.LogicalName = types.StringUnknown()
	if m.Name.IsUnknown() {
		return
	}
	m.LogicalName = types.StringValue(m.name())
	again := e.remote.MetadataPlanned("table", m.name()) // see columnModel.complete
	e.remote.PlansMetadata("table", m.name())
	if p.state != nil && p.state.ChangeTracking.ValueBool() && !m.ChangeTracking.IsUnknown() && !m.ChangeTracking.ValueBool() && !p.fresh {
		p.AddAttributeError(path.Root("change_tracking"), "Change tracking cannot be switched off",
			fmt.Sprintf("%s has change tracking, and Dataverse does not let it be switched off. Leave change_tracking as true.", m.Name.ValueString()))
	}
	if p.state != nil && !p.fresh && !m.PrimaryColumn.IsUnknown() && !m.primary(ctx).Name.Equal(p.state.primary(ctx).Name) {
		p.AddAttributeError(path.Root("primary_column").AtName("name"), "Primary column cannot be renamed",
			fmt.Sprintf("The primary column of %s is %s. A table with another one is another table: give it another name.", m.Name.ValueString(), p.state.primary(ctx).Name.ValueString()))
	}
	if !p.live || !p.fresh {
		return
	}
	checkPrefix(ctx, e, "name", m.Name.ValueString(), p)
	if p.state != nil || again {
		return
	}
	switch live, err := e.remote.Table(ctx, m.name()); {
	case err != nil:
		p.AddError("Table could not be looked for", remote.Detail(err))
	case live != nil:
		p.AddAttributeError(path.Root("name"), "Dataverse table exists already",
			fmt.Sprintf("%s was not made by this configuration and is left alone. To manage it, import it:\n\n  terraform import cosell_dataverse_table.<name> '%s'\n\nor use it by its name without declaring it.",
				m.Name.ValueString(), m.Name.ValueString()))
	}
}

func (m *tableModel) create(ctx context.Context, e *environment) error {
	primary := m.primary(ctx)
	definition := client.NewTable{
		SchemaName: m.Name.ValueString(), OrganizationOwned: m.Ownership.ValueString() == "organization", ChangeTracking: m.ChangeTracking.ValueBool(),
		PrimaryName: client.Column{
			Kind: client.Text, SchemaName: primary.Name.ValueString(), MaxLength: int(primary.MaxLength.ValueInt64()), Format: "Text",
			AutoNumber: primary.AutoNumberFormat.ValueString(),
		},
	}
	for _, text := range []struct {
		to   *client.Label
		from types.String
	}{
		{&definition.DisplayName, m.Label}, {&definition.CollectionName, m.PluralLabel}, {&definition.Description, m.Description},
		{&definition.PrimaryName.DisplayName, primary.Label},
	} {
		var err error
		if *text.to, err = e.label(ctx, text.from.ValueString()); err != nil {
			return err
		}
	}
	present := func(ctx context.Context) (bool, error) {
		live, err := e.remote.Table(ctx, m.name())
		return live != nil, err
	}
	if err := e.create(ctx, []string{m.name()}, m.title(), present, func(ctx context.Context, api *client.Client) error {
		_, err := api.CreateTable(ctx, e.solutionOf(m.Solution.ValueString()), definition)
		return err
	}); err != nil {
		return err
	}
	m.LogicalName = types.StringValue(m.name())
	live, err := e.remote.Table(ctx, m.name())
	if err != nil || live == nil {
		return err
	}
	m.EntitySetName, m.MetadataID = types.StringValue(live.SetName), types.StringValue(live.MetadataID)
	return nil
}

func (m *tableModel) read(ctx context.Context, e *environment) (bool, error) {
	live, err := e.remote.Table(ctx, m.name())
	if err != nil || live == nil {
		return false, err
	}
	m.Label, m.PluralLabel = types.StringValue(live.DisplayName.Text()), types.StringValue(live.CollectionName.Text())
	m.Description, m.Ownership = textOrNull(live.Description.Text()), fromRemote(ownerships, live.Ownership)
	m.ChangeTracking = types.BoolValue(live.ChangeTracking)
	m.LogicalName, m.EntitySetName, m.MetadataID = types.StringValue(live.LogicalName), types.StringValue(live.SetName), types.StringValue(live.MetadataID)
	primary, found, err := e.remote.Column(ctx, m.name(), live.PrimaryName, client.Text)
	if err != nil || !found {
		return true, err
	}
	known := m.primary(ctx).Name
	shown := primaryColumnModel{
		Name: types.StringValue(primary.SchemaName), Label: types.StringValue(primary.DisplayName.Text()), MaxLength: types.Int64Value(int64(primary.MaxLength)),
		AutoNumberFormat: textOrNull(primary.AutoNumber),
	}
	if strings.EqualFold(known.ValueString(), primary.SchemaName) {
		shown.Name = known
	}
	var diagnostics diag.Diagnostics
	m.PrimaryColumn, diagnostics = types.ObjectValueFrom(ctx, primaryColumnType, shown)
	return true, failure(diagnostics)
}

func (m *tableModel) update(ctx context.Context, e *environment, before *tableModel) error {
	texts := map[string]types.String{"DisplayName": m.Label, "DisplayCollectionName": m.PluralLabel, "Description": m.Description}
	if m.sameTable(before) {
		return nil
	}
	if err := e.change(ctx, []string{m.name()}, m.title(), func(ctx context.Context, api *client.Client) error {
		definition, err := api.TableDefinition(ctx, m.name())
		if err != nil {
			return err
		}
		for property, text := range texts {
			if definition[property], err = e.label(ctx, text.ValueString()); err != nil {
				return err
			}
		}
		definition["ChangeTrackingEnabled"] = m.ChangeTracking.ValueBool()
		delete(definition, "@odata.context")
		return api.UpdateTable(ctx, e.solutionOf(m.Solution.ValueString()), definition)
	}); err != nil {
		return err
	}
	if err := m.updatePrimary(ctx, e); err != nil {
		return err
	}
	return e.remote.Publish(ctx, m.name())
}

// updatePrimary makes the primary column what is declared.
func (m *tableModel) updatePrimary(ctx context.Context, e *environment) error {
	primary := m.primary(ctx)
	return e.change(ctx, []string{m.name()}, m.title(), func(ctx context.Context, api *client.Client) error {
		definition, err := api.ColumnDefinition(ctx, m.name(), primary.Name.ValueString(), client.Text)
		if err != nil {
			return err
		}
		if definition["DisplayName"], err = e.label(ctx, primary.Label.ValueString()); err != nil {
			return err
		}
		definition["MaxLength"], definition["AutoNumberFormat"] = primary.MaxLength.ValueInt64(), primary.AutoNumberFormat.ValueString()
		return api.UpdateColumn(ctx, e.solutionOf(m.Solution.ValueString()), m.name(), definition)
	})
}

// sameTable compares what is in Dataverse; deletion_protection is not.
func (m *tableModel) sameTable(other *tableModel) bool {
	return m.Label.Equal(other.Label) && m.PluralLabel.Equal(other.PluralLabel) && m.Description.Equal(other.Description) &&
		m.ChangeTracking.Equal(other.ChangeTracking) && m.Solution.Equal(other.Solution) && m.PrimaryColumn.Equal(other.PrimaryColumn)
}

func (m *tableModel) remove(ctx context.Context, e *environment) error {
	return e.remove(ctx, []string{m.name()}, m.title(), func(ctx context.Context, api *client.Client) error { return api.DeleteTable(ctx, m.name()) })
}
