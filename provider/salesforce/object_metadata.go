package salesforce

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// childElements are components of their own inside an object that was read (source: Metadata API Developer Guide,
// "CustomObject"). They are not sent back with the object: each has its own resource, or another owner.
var childElements = []string{
	"businessProcesses", "compactLayouts", "fieldSets", "fields", "indexes", "listViews", "recordTypes",
	"sharingReasons", "validationRules", "webLinks",
}

// definition gives the object as the Metadata API takes it.
func (m *objectModel) definition(ctx context.Context, diagnostics *diag.Diagnostics) metadata.CustomObject {
	var name nameFieldModel
	diagnostics.Append(m.NameField.As(ctx, &name, lenient)...)
	return metadata.CustomObject{
		FullName:         m.Name.ValueString(),
		Label:            m.Label.ValueString(),
		PluralLabel:      m.PluralLabel.ValueString(),
		Description:      m.Description.ValueStringPointer(),
		SharingModel:     toMetadata(sharingModels, m.SharingModel),
		DeploymentStatus: toMetadata(deploymentStatuses, m.DeploymentStatus),
		EnableHistory:    m.EnableHistory.ValueBoolPointer(),
		EnableReports:    m.EnableReports.ValueBoolPointer(),
		EnableActivities: m.EnableActivities.ValueBoolPointer(),
		NameField: &metadata.NameField{
			Label: name.Label.ValueString(), Type: toMetadata(nameTypes, name.Type),
			DisplayFormat: name.DisplayFormat.ValueString(), StartingNumber: intPointer(name.StartingNumber),
		},
	}
}

func (m *objectModel) component(ctx context.Context, diagnostics *diag.Diagnostics) metadata.Component {
	component, err := metadata.Encode("CustomObject", m.Name.ValueString(), m.definition(ctx, diagnostics))
	if err != nil {
		diagnostics.AddError("Custom object could not be encoded", err.Error())
	}
	return component
}

// overlay turns the live definition into the planned one and leaves what no attribute stands for.
func (m *objectModel) overlay(ctx context.Context, live metadata.Component, diagnostics *diag.Diagnostics) {
	definition := m.definition(ctx, diagnostics)
	for _, name := range childElements {
		live.Node.RemoveAll(name)
	}
	if err := metadata.Overlay(live, definition); err != nil {
		diagnostics.AddError("Custom object could not be encoded", err.Error())
		return
	}
	if old := live.Node.Child(elementDescription); old != nil && m.Description.IsNull() {
		old.SetText("")
	}
}

// refresh takes over the live definition.
func (m *objectModel) refresh(ctx context.Context, live metadata.Component, diagnostics *diag.Diagnostics) {
	var object metadata.CustomObject
	if err := metadata.Decode(live, &object); err != nil {
		diagnostics.AddError("Custom object's definition is not readable", err.Error())
		return
	}
	m.Label = types.StringValue(object.Label)
	m.PluralLabel = types.StringValue(object.PluralLabel)
	m.Description = textOrNull(object.Description)
	m.SharingModel = fromMetadata(sharingModels, object.SharingModel)
	m.DeploymentStatus = fromMetadata(deploymentStatuses, object.DeploymentStatus)
	m.EnableHistory = types.BoolValue(object.EnableHistory != nil && *object.EnableHistory)
	m.EnableReports = types.BoolValue(object.EnableReports != nil && *object.EnableReports)
	m.EnableActivities = types.BoolValue(object.EnableActivities != nil && *object.EnableActivities)
	name := nameFieldModel{Label: types.StringNull(), Type: types.StringValue("text"), DisplayFormat: types.StringNull(), StartingNumber: types.Int64Null()}
	if !m.NameField.IsNull() {
		diagnostics.Append(m.NameField.As(ctx, &name, lenient)...) // keeps the starting number
	}
	if read := object.NameField; read != nil {
		name.Label = textOrNull(&read.Label)
		name.Type = fromMetadata(nameTypes, read.Type)
		name.DisplayFormat = textOrNull(&read.DisplayFormat)
	}
	value, d := types.ObjectValueFrom(ctx, nameFieldType, name)
	diagnostics.Append(d...)
	m.NameField = value
}
