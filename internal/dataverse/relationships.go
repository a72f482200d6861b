package dataverse

import (
	"context"
	"fmt"
)

// Relationship is a lookup column and the table that it refers to ("OneToManyRelationshipMetadata").
type Relationship struct {
	MetadataID         string `json:"MetadataId"`
	SchemaName         string `json:"SchemaName"`
	ReferencedTable    string `json:"ReferencedEntity"`
	ReferencingTable   string `json:"ReferencingEntity"`
	ReferencingColumn  string `json:"ReferencingAttribute"`
	NavigationProperty string `json:"ReferencingEntityNavigationPropertyName"` // of a row to the one that it refers to; case counts
	CollectionProperty string `json:"ReferencedEntityNavigationPropertyName"`  // the other way round
	Cascade            struct {
		Delete string `json:"Delete"` // Cascade, RemoveLink or Restrict
	} `json:"CascadeConfiguration"`
}

const relationshipProperties = "?$select=MetadataId,SchemaName,ReferencedEntity,ReferencingEntity,ReferencingAttribute,ReferencingEntityNavigationPropertyName,ReferencedEntityNavigationPropertyName,CascadeConfiguration"

// LookupsOf reads the relationships of a table's lookup columns.
func (c *Client) LookupsOf(ctx context.Context, table string) ([]Relationship, error) {
	path, err := tablePath(table)
	if err != nil {
		return nil, err
	}
	return list[Relationship](ctx, c, "read lookups of "+table, path+"/ManyToOneRelationships"+relationshipProperties)
}

// Relationship reads a relationship by its schema name; found is false when there is none.
func (c *Client) Relationship(ctx context.Context, schemaName string) (relationship Relationship, found bool, err error) {
	if _, err := Name(schemaName); err != nil {
		return relationship, false, fmt.Errorf("dataverse: relationship %w", err)
	}
	rows, err := list[Relationship](ctx, c, "read relationship "+schemaName, "RelationshipDefinitions/"+typePrefix+"OneToManyRelationshipMetadata"+
		relationshipProperties+"&$filter="+escapeOption("SchemaName eq "+Quote(schemaName)))
	if err != nil || len(rows) == 0 {
		return relationship, false, err
	}
	return rows[0], true, nil
}

// NewLookup is a lookup column that is to be created with its relationship.
type NewLookup struct {
	SchemaName       string // of the relationship
	Referenced       string // logical name of the table that rows are looked up in
	ReferencedKey    string // its primary key column
	Referencing      string // logical name of the table that gets the column
	ColumnSchemaName string
	DisplayName      Label
	Description      Label
	Required         string
	OnDelete         string // Cascade, RemoveLink or Restrict
}

// CreateLookup creates a lookup column with its relationship.
func (c *Client) CreateLookup(ctx context.Context, solution string, lookup NewLookup) (metadataID string, err error) {
	required := lookup.Required
	if required == "" {
		required = "None"
	}
	return c.createMetadata(ctx, "create relationship "+lookup.SchemaName, "RelationshipDefinitions", solution, map[string]any{
		typeAnnotation: typePrefix + "OneToManyRelationshipMetadata", "SchemaName": lookup.SchemaName,
		"ReferencedEntity": lookup.Referenced, "ReferencedAttribute": lookup.ReferencedKey, "ReferencingEntity": lookup.Referencing,
		"AssociatedMenuConfiguration": map[string]any{"Behavior": "UseCollectionName", "Group": "Details", "Order": 10000},
		"CascadeConfiguration": map[string]string{
			"Assign": "NoCascade", "Delete": lookup.OnDelete, "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade",
		},
		"Lookup": map[string]any{
			typeAnnotation: typePrefix + "LookupAttributeMetadata", "AttributeType": "Lookup", "AttributeTypeName": map[string]string{"Value": "LookupType"},
			"SchemaName": lookup.ColumnSchemaName, "DisplayName": lookup.DisplayName, "Description": lookup.Description,
			"RequiredLevel": map[string]any{"Value": required, "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
		},
	})
}

// SetDeleteBehavior says what becomes of the rows that refer to one that is deleted: Cascade, RemoveLink or Restrict. The rest of the
// relationship stays as it is.
func (c *Client) SetDeleteBehavior(ctx context.Context, solution, metadataID, behavior string) error {
	id, err := ParseID(metadataID)
	if err != nil {
		return fmt.Errorf("dataverse: relationship: %w", err)
	}
	path := "RelationshipDefinitions(" + id + ")/" + typePrefix + "OneToManyRelationshipMetadata"
	var definition Definition
	if _, err := c.get(ctx, "read relationship", path, fresh, &definition); err != nil {
		return err
	}
	cascade, _ := definition["CascadeConfiguration"].(map[string]any)
	if cascade == nil {
		cascade = map[string]any{}
	}
	cascade["Delete"] = behavior
	definition["CascadeConfiguration"] = cascade
	delete(definition, "@odata.context")
	definition[typeAnnotation] = typePrefix + "OneToManyRelationshipMetadata"
	return c.putMetadata(ctx, "update relationship", "RelationshipDefinitions("+id+")", solution, definition)
}

// DeleteRelationship removes a relationship with its lookup column.
func (c *Client) DeleteRelationship(ctx context.Context, metadataID string) error {
	id, err := ParseID(metadataID)
	if err != nil {
		return fmt.Errorf("dataverse: relationship: %w", err)
	}
	return c.deleteMetadata(ctx, "delete relationship", "RelationshipDefinitions("+id+")", "")
}

// AlternateKey is a set of columns whose values are unique. It works once its index is Active, which takes a while.
type AlternateKey struct {
	MetadataID  string   `json:"MetadataId"`
	LogicalName string   `json:"LogicalName"`
	SchemaName  string   `json:"SchemaName"`
	Columns     []string `json:"KeyAttributes"`
	Status      string   `json:"EntityKeyIndexStatus"` // Pending, InProgress, Active or Failed
}

// Active reports whether rows can be addressed by the key.
func (k AlternateKey) Active() bool { return k.Status == "Active" }

// AlternateKeys reads a table's keys.
func (c *Client) AlternateKeys(ctx context.Context, table string) ([]AlternateKey, error) {
	path, err := tablePath(table)
	if err != nil {
		return nil, err
	}
	return list[AlternateKey](ctx, c, "read keys of "+table, path+"/Keys")
}

// CreateAlternateKey defines a key; its index is built by and by ("Define alternate keys for a table").
func (c *Client) CreateAlternateKey(ctx context.Context, solution, table, schemaName string, displayName Label, columns []string) (metadataID string, err error) {
	path, err := tablePath(table)
	if err != nil {
		return "", err
	}
	return c.createMetadata(ctx, "create key "+schemaName, path+"/Keys", solution, map[string]any{
		"SchemaName": schemaName, "DisplayName": displayName, "KeyAttributes": columns,
	})
}

// ReactivateAlternateKey builds the index of a failed key again ("ReactivateEntityKey Action").
func (c *Client) ReactivateAlternateKey(ctx context.Context, table, key string) error {
	return c.Action(ctx, "ReactivateEntityKey", map[string]string{"EntityLogicalName": table, "EntityKeyLogicalName": key}, nil)
}

// DeleteAlternateKey removes a key by its logical name.
func (c *Client) DeleteAlternateKey(ctx context.Context, table, logicalName string) error {
	path, err := tablePath(table)
	if err != nil {
		return err
	}
	if _, err := Name(logicalName); err != nil {
		return fmt.Errorf("dataverse: key %w", err)
	}
	return c.deleteMetadata(ctx, "delete key "+logicalName, path+"/Keys(LogicalName='"+logicalName+"')", "")
}
