package dataverse

import (
	"maps"
	"slices"
)

// entityProps is the full definition of a table, as a read of EntityDefinitions shows it; given properties win.
func entityProps(e *entity, given map[string]any) map[string]any {
	props := map[string]any{
		"MetadataId": e.id, "HasChanged": nil, "LogicalName": e.logical, "SchemaName": e.schema, "EntitySetName": e.set,
		"LogicalCollectionName": e.set, "CollectionSchemaName": e.schema + "s", "PrimaryIdAttribute": e.primaryID,
		"PrimaryNameAttribute": e.primaryName, "PrimaryImageAttribute": nil, "ObjectTypeCode": float64(e.typeCode), "IsCustomEntity": e.custom,
		"IsManaged": e.managed, "IsActivity": false, "HasActivities": false, "HasNotes": false, "HasFeedback": false,
		"OwnershipType": "UserOwned", "ChangeTrackingEnabled": false, "CanChangeTrackingBeEnabled": managed(true, "canchangetrackingbeenabled"),
		"IsOptimisticConcurrencyEnabled": true, "IsIntersect": e.intersect, "IsLogicalEntity": false, "IsPrivate": false,
		"IsAuditEnabled": managed(false, "canmodifyauditsettings"), "IsCustomizable": managed(true, "iscustomizable"),
		"CanCreateAttributes": managed(true, "cancreateattributes"), "CanCreateForms": managed(true, "cancreateforms"),
		"CanCreateViews": managed(true, "cancreateviews"), "IsRenameable": managed(true, "isrenameable"),
		"IsDuplicateDetectionEnabled": managed(false, "canmodifyduplicatedetectionsettings"), "IsValidForAdvancedFind": true,
		"DisplayName": emptyLabel(), "DisplayCollectionName": emptyLabel(), "Description": emptyLabel(), "IntroducedVersion": "1.0",
		"TableType": "Standard", "ExternalName": nil, "ExternalCollectionName": nil, "EntityColor": nil, "IconVectorName": nil,
		"IsQuickCreateEnabled": false, "SyncToExternalSearchIndex": false, "IsRetrieveAuditEnabled": false,
	}
	maps.Copy(props, given)
	return props
}

// typeNames are the AttributeTypeName values that differ from the AttributeType with the word Type.
func typeName(k kind) string {
	if k == kindMultiSelect {
		return "MultiSelectPicklistType"
	}
	return string(k) + "Type"
}

// metadataType is the OData type of a column's definition, without the namespace.
func metadataType(k kind) string {
	switch k {
	case kindMultiSelect:
		return "MultiSelectPicklistAttributeMetadata"
	case kindCustomer, kindOwner:
		return "LookupAttributeMetadata"
	case kindID:
		return "UniqueIdentifierAttributeMetadata"
	}
	return string(k) + "AttributeMetadata"
}

// specific are the properties that only a cast to the column's type shows, with their defaults.
func specific(k kind) map[string]any {
	switch k {
	case kindString:
		return map[string]any{
			"MaxLength": 100.0, "FormatName": map[string]any{"Value": "Text"}, "Format": "Text", "ImeMode": "Auto", "IsLocalizable": false,
			"DatabaseLength": 200.0, "FormulaDefinition": "", "SourceTypeMask": 0.0, "YomiOf": nil,
		}
	case kindMemo:
		return map[string]any{"MaxLength": 2000.0, "Format": "TextArea", "ImeMode": "Auto", "IsLocalizable": false, "FormatName": map[string]any{"Value": "TextArea"}}
	case kindInteger:
		return map[string]any{"Format": "None", "MinValue": -2147483648.0, "MaxValue": 2147483647.0, "FormulaDefinition": "", "SourceTypeMask": 0.0}
	case kindBigInt:
		return map[string]any{"MinValue": -9223372036854775808.0, "MaxValue": 9223372036854775807.0}
	case kindDecimal, kindDouble:
		return map[string]any{"Precision": 2.0, "MinValue": -100000000000.0, "MaxValue": 100000000000.0, "ImeMode": "Auto", "FormulaDefinition": "", "SourceTypeMask": 0.0}
	case kindMoney:
		return map[string]any{
			"Precision": 2.0, "PrecisionSource": 2.0, "MinValue": -922337203685477.0, "MaxValue": 922337203685477.0, "ImeMode": "Auto",
			"IsBaseCurrency": false, "CalculationOf": nil, "FormulaDefinition": "", "SourceTypeMask": 0.0,
		}
	case kindDateTime:
		return map[string]any{
			"Format": "DateAndTime", "DateTimeBehavior": map[string]any{"Value": "UserLocal"}, "ImeMode": "Auto",
			"CanChangeDateTimeBehavior": managed(true, "canchangedatetimebehavior"), "FormulaDefinition": "", "SourceTypeMask": 0.0,
		}
	case kindBoolean:
		return map[string]any{"DefaultValue": false, "FormulaDefinition": "", "SourceTypeMask": 0.0}
	case kindPicklist, kindMultiSelect:
		return map[string]any{"DefaultFormValue": -1.0, "FormulaDefinition": "", "SourceTypeMask": 0.0, "ParentPicklistLogicalName": nil}
	case kindState, kindStatus:
		return map[string]any{"DefaultFormValue": nil}
	case kindLookup, kindCustomer, kindOwner:
		return map[string]any{"Targets": []any{}, "Format": "None"}
	}
	return map[string]any{}
}

// base are the properties that every column shows, with their defaults.
func base(e *entity, a *attribute, number int) map[string]any {
	return map[string]any{
		"MetadataId": a.id, "HasChanged": nil, "AttributeOf": nil, "AttributeType": string(a.kind), "AttributeTypeName": map[string]any{"Value": typeName(a.kind)},
		"ColumnNumber": float64(number), "DeprecatedVersion": nil, "IntroducedVersion": "1.0", "EntityLogicalName": e.logical, "IsCustomAttribute": a.custom,
		"IsPrimaryId": a.logical == e.primaryID, "IsPrimaryName": a.logical == e.primaryName, "IsValidForCreate": !a.readOnly, "IsValidForRead": !a.writeOnly,
		"IsValidForUpdate": !a.readOnly && !a.createOnly, "IsValidForForm": true, "IsValidForGrid": true, "CanBeSecuredForRead": a.custom,
		"CanBeSecuredForCreate": a.custom, "CanBeSecuredForUpdate": a.custom, "IsSecured": false, "IsRetrievable": true, "IsFilterable": false,
		"IsSearchable": false, "IsManaged": a.managed, "LinkedAttributeId": nil, "LogicalName": a.logical, "SchemaName": a.schema, "ExternalName": nil,
		"IsLogical": false, "IsDataSourceSecret": false, "InheritsFrom": nil, "CreatedOn": "1900-01-01T00:00:00Z", "ModifiedOn": "1900-01-01T00:00:00Z",
		"SourceType": 0.0, "AutoNumberFormat": "", "Description": emptyLabel(), "DisplayName": emptyLabel(),
		"IsAuditEnabled": managed(true, "canmodifyauditsettings"), "IsGlobalFilterEnabled": managed(false, "canmodifyglobalfiltersettings"),
		"IsSortableEnabled": managed(false, "canmodifyissortablesettings"), "IsCustomizable": managed(true, "iscustomizable"),
		"IsRenameable": managed(true, "isrenameable"), "IsValidForAdvancedFind": managed(true, "canmodifysearchsettings"),
		"RequiredLevel": managed("None", "canmodifyrequirementlevelsettings"), "CanModifyAdditionalSettings": managed(true, "canmodifyadditionalsettings"),
		"IsRequiredForForm": false, "Settings": []any{},
	}
}

// attributeProps is the full definition of a column; given properties win.
func attributeProps(e *entity, a *attribute, given map[string]any, number int) map[string]any {
	props := base(e, a, number)
	maps.Copy(props, specific(a.kind))
	if a.isLookup() {
		targets := []any{}
		for _, target := range a.targets {
			targets = append(targets, target)
		}
		props["Targets"] = targets
	}
	maps.Copy(props, given)
	return props
}

// isBase says whether a property is shown without a cast.
func isBase(name string) bool { return slices.Contains(baseNames, name) }

var baseNames = slices.Collect(maps.Keys(base(&entity{}, &attribute{}, 0)))

func oneToManyProps(c *catalog, r *relationship, given map[string]any) map[string]any {
	referencedID := r.referenced + "id"
	if e := c.entity(r.referenced); e != nil {
		referencedID = e.primaryID
	}
	props := map[string]any{
		"MetadataId": r.id, "HasChanged": nil, "SchemaName": r.schema, "RelationshipType": "OneToManyRelationship", "IsCustomRelationship": r.custom,
		"IsManaged": !r.custom, "IsValidForAdvancedFind": true, "IsHierarchical": false, "SecurityTypes": "Append", "IntroducedVersion": "1.0",
		"ReferencedEntity": r.referenced, "ReferencedAttribute": referencedID, "ReferencingEntity": r.referencing, "ReferencingAttribute": r.attribute,
		"ReferencedEntityNavigationPropertyName": r.collection, "ReferencingEntityNavigationPropertyName": r.single,
		"IsCustomizable": managed(true, "iscustomizable"), "EntityKey": nil, "RelationshipBehavior": 1.0,
		"CascadeConfiguration": map[string]any{
			"Assign": "NoCascade", "Delete": r.cascadeDelete, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade",
			"Unshare": "NoCascade", "RollupView": "NoCascade", "Archive": r.cascadeDelete,
		},
		"AssociatedMenuConfiguration": menu(),
	}
	maps.Copy(props, given)
	return props
}

func menu() map[string]any {
	return map[string]any{"Behavior": "UseCollectionName", "Group": "Details", "Label": emptyLabel(), "Order": 10000.0}
}

func manyToManyProps(r *relationship, given map[string]any) map[string]any {
	props := map[string]any{
		"MetadataId": r.id, "HasChanged": nil, "SchemaName": r.schema, "RelationshipType": "ManyToManyRelationship", "IsCustomRelationship": r.custom,
		"IsManaged": !r.custom, "IsValidForAdvancedFind": true, "SecurityTypes": "None", "IntroducedVersion": "1.0",
		"Entity1LogicalName": r.entity1, "Entity2LogicalName": r.entity2, "IntersectEntityName": r.intersect,
		"Entity1IntersectAttribute": r.entity1 + "id", "Entity2IntersectAttribute": r.entity2 + "id",
		"Entity1NavigationPropertyName": r.nav1, "Entity2NavigationPropertyName": r.nav2, "IsCustomizable": managed(true, "iscustomizable"),
		"Entity1AssociatedMenuConfiguration": menu(), "Entity2AssociatedMenuConfiguration": menu(),
	}
	maps.Copy(props, given)
	return props
}
