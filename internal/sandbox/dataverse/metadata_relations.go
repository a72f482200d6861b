package dataverse

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// relationshipsOf lists the definitions of a table's relationships of one direction.
func (c *call) relationshipsOf(e *entity, direction string) []map[string]any {
	var list []map[string]any
	for _, r := range c.e.catalog.relationships {
		var fits bool
		switch direction {
		case "OneToManyRelationships":
			fits = !r.many() && r.referenced == e.logical
		case "ManyToOneRelationships":
			fits = !r.many() && r.referencing == e.logical
		default:
			fits = r.many() && (r.entity1 == e.logical || r.entity2 == e.logical)
		}
		if fits {
			list = append(list, r.show())
		}
	}
	return list
}

func (r *relationship) typeName() string {
	if r.many() {
		return "ManyToManyRelationshipMetadata"
	}
	return "OneToManyRelationshipMetadata"
}

func (r *relationship) show() map[string]any {
	out := maps.Clone(r.props)
	out["@odata.type"] = "#" + namespace + r.typeName()
	return out
}

// relationshipDefinitions serves relationships.
func (c *call) relationshipDefinitions(path []segment) response {
	if c.method == http.MethodPatch {
		return c.failed(c.errMetadataPatch())
	}
	want := ""
	if len(path) == 2 {
		want, _ = cast(path[1])
	}
	if len(path) > 2 || len(path) == 2 && want == "" {
		return c.failed(errResource(path[1].name))
	}
	if !path[0].call {
		if c.method == http.MethodPost {
			return c.createRelationship()
		}
		var list []map[string]any
		for _, r := range c.e.catalog.relationships {
			if want == "" || r.typeName() == want {
				list = append(list, r.show())
			}
		}
		return c.answerMetadata("RelationshipDefinitions", "RelationshipMetadataBase", list, false, noExpand)
	}
	name, isName := strings.CutPrefix(path[0].args, "SchemaName=")
	schema, _ := unquote(name)
	id, _ := normalGUID(path[0].args)
	i := slices.IndexFunc(c.e.catalog.relationships, func(r *relationship) bool { return isName && r.schema == schema || r.id == id })
	if i < 0 || want != "" && c.e.catalog.relationships[i].typeName() != want {
		return c.failed(errorf(http.StatusNotFound, codeResource, "Could not find a relationship with the specified key %s.", path[0].args))
	}
	r := c.e.catalog.relationships[i]
	switch c.method {
	case http.MethodPut:
		return c.updateRelationship(i, r)
	case http.MethodDelete:
		return c.deleteRelationship(r)
	}
	return c.answerMetadata("RelationshipDefinitions", "RelationshipMetadataBase", []map[string]any{r.show()}, true, noExpand)
}

func (c *call) createRelationship() response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	var r *relationship
	switch strings.TrimPrefix(strings.TrimPrefix(plain(in["@odata.type"]), "#"), namespace) {
	case "OneToManyRelationshipMetadata":
		r, err = c.makeOneToMany(in)
	case "ManyToManyRelationshipMetadata":
		r, err = c.makeManyToMany(in)
	default:
		err = errPayload("RelationshipMetadataBase", "a relationship cannot be created with the type '%s'", plain(in["@odata.type"]))
	}
	if err != nil {
		return c.failed(err)
	}
	if err := c.addToSolution(componentRelationship, r.id); err != nil {
		return c.failed(err)
	}
	c.touch("create", "RelationshipMetadata", r.schema, nil)
	return response{status: http.StatusNoContent, header: entityID(c.e.url("RelationshipDefinitions(%s)", r.id))}
}

// newRelationshipName reads the name of a new relationship.
func (c *call) newRelationshipName(in map[string]any) (string, *apiError) {
	schema, _ := in["SchemaName"].(string)
	if err := c.checkSchemaName(schema); err != nil {
		return "", err
	}
	if slices.ContainsFunc(c.e.catalog.relationships, func(r *relationship) bool { return strings.EqualFold(r.schema, schema) }) {
		return "", badRequest(codeSchemaNameTaken, "The schema name %s is used by another relationship.", schema)
	}
	return schema, nil
}

// makeOneToMany adds a relationship together with its lookup column.
func (c *call) makeOneToMany(in map[string]any) (*relationship, *apiError) {
	schema, err := c.newRelationshipName(in)
	if err != nil {
		return nil, err
	}
	from, _ := in["ReferencedEntity"].(string)
	to, _ := in["ReferencingEntity"].(string)
	referenced, referencing := c.e.catalog.entity(from), c.e.catalog.entity(to)
	if referenced == nil || referencing == nil {
		return nil, badRequest(codeNoEntity, "The relationship %s names an entity that does not exist: %s or %s.", schema, from, to)
	}
	column, given := in["Lookup"].(map[string]any)
	if !given {
		return nil, errPayload("OneToManyRelationshipMetadata", "the Lookup is missing")
	}
	next := c.tx.edit(referencing)
	a, err := c.makeLookup(next, column, kindLookup, []string{from})
	if err != nil {
		return nil, err
	}
	r := &relationship{
		id: c.tx.guid(), schema: schema, custom: true, referenced: from, referencing: to, attribute: a.logical, single: a.schema, collection: schema,
		cascadeDelete: "RemoveLink",
	}
	return r, c.finishOneToMany(r, in)
}

// makeLookup adds a lookup column to a table's definition that may be changed.
func (c *call) makeLookup(e *entity, in map[string]any, k kind, targets []string) (*attribute, *apiError) {
	a, props, err := c.beginColumn(e, in, k)
	if err != nil {
		return nil, err
	}
	a.targets = targets
	a.props = attributeProps(e, a, props, c.e.catalog.nextColumn)
	c.e.catalog.nextColumn++
	e.add(a)
	return a, nil
}

var cascades = []string{"NoCascade", "Cascade", "Active", "UserOwned", "RemoveLink", "Restrict"}

func (c *call) finishOneToMany(r *relationship, in map[string]any) *apiError {
	given := map[string]any{}
	if config, has := in["CascadeConfiguration"].(map[string]any); has {
		all := oneToManyProps(c.e.catalog, r, nil)["CascadeConfiguration"].(map[string]any)
		for name, value := range config {
			if text, _ := value.(string); !strings.Contains(name, "@") && !slices.Contains(cascades, text) {
				return errPayload("OneToManyRelationshipMetadata", "'%v' is not a value of CascadeConfiguration.%s", value, name)
			}
			all[name] = value
		}
		r.cascadeDelete, _ = all["Delete"].(string)
		given["CascadeConfiguration"] = all
	}
	if menu, has := in["AssociatedMenuConfiguration"].(map[string]any); has {
		given["AssociatedMenuConfiguration"] = menu
	}
	for name, to := range map[string]*string{"ReferencingEntityNavigationPropertyName": &r.single, "ReferencedEntityNavigationPropertyName": &r.collection} {
		if value, has := in[name].(string); has && value != "" {
			*to = value
		}
	}
	r.props = oneToManyProps(c.e.catalog, r, given)
	c.e.catalog.relationships = append(slices.Clone(c.e.catalog.relationships), r)
	return nil
}

func (c *call) makeManyToMany(in map[string]any) (*relationship, *apiError) {
	schema, err := c.newRelationshipName(in)
	if err != nil {
		return nil, err
	}
	r := &relationship{id: c.tx.guid(), schema: schema, custom: true, nav1: schema, nav2: schema}
	r.entity1, _ = in["Entity1LogicalName"].(string)
	r.entity2, _ = in["Entity2LogicalName"].(string)
	r.intersect, _ = in["IntersectEntityName"].(string)
	if r.intersect == "" {
		r.intersect = strings.ToLower(schema)
	}
	if c.e.catalog.entity(r.entity1) == nil || c.e.catalog.entity(r.entity2) == nil {
		return nil, badRequest(codeNoEntity, "The relationship %s names an entity that does not exist: %s or %s.", schema, r.entity1, r.entity2)
	}
	r.props = manyToManyProps(r, nil)
	c.tx.saveCatalog()
	c.e.catalog.relationships = append(slices.Clone(c.e.catalog.relationships), r)
	return r, nil
}

func (c *call) updateRelationship(at int, r *relationship) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	next := *r
	next.props = maps.Clone(r.props)
	for _, name := range []string{"CascadeConfiguration", "AssociatedMenuConfiguration", "IsValidForAdvancedFind"} {
		if value, given := in[name]; given {
			next.props[name] = value
		}
	}
	if config, has := next.props["CascadeConfiguration"].(map[string]any); has && !r.many() {
		next.cascadeDelete, _ = config["Delete"].(string)
	}
	c.tx.saveCatalog()
	c.e.catalog.relationships = slices.Clone(c.e.catalog.relationships)
	c.e.catalog.relationships[at] = &next
	c.touch("update", "RelationshipMetadata", r.schema, nil)
	return noContent()
}

// deleteRelationship removes a relationship, and with it the lookup column.
func (c *call) deleteRelationship(r *relationship) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	if !r.custom {
		return c.failed(errorf(http.StatusMethodNotAllowed, codeCannotDelete, "The relationship %s is a system relationship and cannot be deleted.", r.schema))
	}
	if e := c.e.catalog.entity(r.referencing); e != nil {
		if a := e.attribute(r.attribute); a != nil {
			if err := c.blocked(c.dependenciesOf(e, a)); err != nil {
				return c.failed(err)
			}
			c.dropColumn(e, a)
		}
	}
	c.tx.saveCatalog()
	c.e.catalog.relationships = without(c.e.catalog.relationships, func(other *relationship) bool { return other == r })
	c.dropComponents(r.id)
	c.touch("delete", "RelationshipMetadata", r.schema, nil)
	return noContent()
}

// createCustomerColumn adds a column that points to accounts and contacts.
func createCustomerColumn(c *call) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	list, _ := in["OneToManyRelationships"].([]any)
	column, given := in["Lookup"].(map[string]any)
	if len(list) != 2 || !given {
		return c.failed(errPayload("CreateCustomerRelationships", "two OneToManyRelationships and a Lookup are needed"))
	}
	first, _ := list[0].(map[string]any)
	e := c.e.catalog.entity(plain(first["ReferencingEntity"]))
	if e == nil {
		return c.failed(badRequest(codeNoEntity, "There is no entity with the name %v.", first["ReferencingEntity"]))
	}
	a, err := c.makeLookup(c.tx.edit(e), column, kindCustomer, []string{"account", "contact"})
	if err != nil {
		return c.failed(err)
	}
	ids := []any{}
	for _, entry := range list {
		one, _ := entry.(map[string]any)
		schema, err := c.newRelationshipName(one)
		if err != nil {
			return c.failed(err)
		}
		to := plain(one["ReferencedEntity"])
		r := &relationship{
			id: c.tx.guid(), schema: schema, custom: true, referenced: to, referencing: e.logical, attribute: a.logical, single: a.schema + "_" + to,
			collection: schema, cascadeDelete: "RemoveLink",
		}
		if err := c.finishOneToMany(r, one); err != nil {
			return c.failed(err)
		}
		ids = append(ids, r.id)
	}
	if err := c.addToSolution(componentAttribute, a.id); err != nil {
		return c.failed(err)
	}
	c.touch("create", "AttributeMetadata", e.logical+"."+a.logical, nil)
	return ok(map[string]any{
		"@odata.context": c.context(namespace + "CreateCustomerRelationshipsResponse"), "RelationshipIds": ids, "AttributeId": a.id,
	})
}
