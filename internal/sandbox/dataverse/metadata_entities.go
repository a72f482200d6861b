package dataverse

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
)

// metadataWrite says whether the request changes definitions.
func (c *call) metadataWrite() bool {
	return len(c.path) > 0 && c.method != http.MethodGet && strings.HasSuffix(c.path[0].name, "Definitions")
}

func (e *Environment) beginMetadata() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inFlight > 0 {
		return false
	}
	e.inFlight++
	return true
}

func (e *Environment) endMetadata() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inFlight--
}

// errMetadataPatch is the answer to PATCH, which definitions do not have.
func (c *call) errMetadataPatch() *apiError {
	if c.e.is(switchMetadataPatch, "501") {
		return errorf(http.StatusNotImplemented, codeResource, "Operation not supported on metadata: PATCH. Use PUT with the whole definition.")
	}
	return errMethod(http.MethodPatch)
}

// entityDefinitions serves tables and what is below them.
func (c *call) entityDefinitions(path []segment) response {
	if c.method == http.MethodPatch {
		return c.failed(c.errMetadataPatch())
	}
	if !path[0].call {
		if c.method == http.MethodPost && len(path) == 1 {
			return c.createEntity()
		}
		var list []map[string]any
		for _, name := range c.e.catalog.order {
			list = append(list, c.e.catalog.entity(name).props)
		}
		return c.answerMetadata("EntityDefinitions", "EntityMetadata", list, false, c.expandEntity)
	}
	e, err := c.findEntity(path[0])
	if err != nil {
		return c.failed(err)
	}
	rest := path[1:]
	if len(rest) > 0 && strings.HasPrefix(rest[0].name, namespace) {
		rest = rest[1:] // a cast to EntityMetadata
	}
	switch {
	case len(rest) > 0 && rest[0].name == "Attributes":
		return c.attributes(e, rest)
	case len(rest) > 0 && rest[0].name == "Keys":
		return c.keys(e, rest)
	case len(rest) == 1 && (rest[0].name == "OneToManyRelationships" || rest[0].name == "ManyToOneRelationships" || rest[0].name == "ManyToManyRelationships"):
		return c.answerMetadata("EntityDefinitions/"+rest[0].name, "RelationshipMetadata", c.relationshipsOf(e, rest[0].name), false, noExpand)
	case len(rest) > 0:
		return c.failed(errResource(rest[0].name))
	}
	switch c.method {
	case http.MethodPut:
		return c.updateEntity(e)
	case http.MethodDelete:
		return c.deleteEntity(e)
	}
	return c.answerMetadata("EntityDefinitions", "EntityMetadata", []map[string]any{e.props}, true, c.expandEntity)
}

// expandEntity adds the columns, keys or relationships of a table.
func (c *call) expandEntity(out map[string]any, name string, o options) *apiError {
	id, _ := out["MetadataId"].(string)
	e := c.e.catalog.byID(id)
	var list []map[string]any
	switch name {
	case "Attributes":
		for _, logical := range e.order {
			if a := e.attribute(logical); a != nil {
				list = append(list, showAttribute(a, false))
			}
		}
	case "Keys":
		list = c.showKeys(e)
	case "OneToManyRelationships", "ManyToOneRelationships", "ManyToManyRelationships":
		list = c.relationshipsOf(e, name)
	default:
		return badRequest(codeResource, "The property '%s' cannot be expanded.", name)
	}
	shown := []any{}
	for _, props := range list {
		if o.filter != nil {
			keep, err := matches(o.filter, definition{props, c.e.now(), name})
			if err != nil {
				return err
			}
			if !keep {
				continue
			}
		}
		picked, err := pick(props, o.selected, name)
		if err != nil {
			return err
		}
		shown = append(shown, picked)
	}
	out[name] = shown
	return nil
}

var schemaName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}_[A-Za-z0-9_]+$`)

// checkSchemaName refuses a name that has no customization prefix of a publisher.
func (c *call) checkSchemaName(name string) *apiError {
	prefix, _, _ := strings.Cut(name, "_")
	if schemaName.MatchString(name) {
		for _, publisher := range c.e.table("publisher").all() {
			if strings.EqualFold(publisher.str("customizationprefix"), prefix) {
				return nil
			}
		}
	}
	return badRequest(c.e.kit.Switches.Get(switchPrefixCode), "The schema name %q is not valid: it must begin with the customization prefix of a publisher and hold "+
		"letters, digits and underscores only.", name)
}

func (c *call) createEntity() response {
	if err := c.mayCustomize(privilegeTable); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	e, err := c.makeEntity(in)
	if err != nil {
		return c.failed(err)
	}
	if err := c.addToSolution(componentEntity, e.id); err != nil {
		return c.failed(err)
	}
	c.touch("create", "EntityMetadata", e.logical, nil)
	return response{status: http.StatusNoContent, header: entityID(c.e.url("EntityDefinitions(%s)", e.id))}
}

// makeEntity makes a custom table with the columns that every table has.
func (c *call) makeEntity(in map[string]any) (*entity, *apiError) {
	schema, _ := in["SchemaName"].(string)
	if err := c.checkSchemaName(schema); err != nil {
		return nil, err
	}
	logical := strings.ToLower(schema)
	cat := c.e.catalog
	if cat.entity(logical) != nil {
		return nil, badRequest(codeSchemaName, "An entity with the specified name %s already exists. Specify a unique name.", schema)
	}
	primary, rest, err := primaryColumn(in)
	if err != nil {
		return nil, err
	}
	props := map[string]any{}
	for name, value := range in {
		if name != "Attributes" && !strings.HasPrefix(name, "@") && !strings.HasPrefix(name, "Is") {
			props[name] = value
		}
	}
	for _, name := range []string{"DisplayName", "DisplayCollectionName", "Description"} {
		l, err := readLabel(in[name], nil, false)
		if err != nil {
			return nil, err
		}
		props[name] = l
	}
	primarySchema, _ := primary["SchemaName"].(string)
	c.tx.saveCatalog()
	cat.nextTypeCode++
	e := &entity{
		id: c.tx.guid(), logical: logical, schema: schema, set: plural(logical), primaryID: logical + "id", primaryName: strings.ToLower(primarySchema),
		typeCode: cat.nextTypeCode, custom: true, attributes: map[string]*attribute{},
	}
	if _, given := props["ChangeTrackingEnabled"]; !given {
		props["ChangeTrackingEnabled"] = false
	}
	delete(props, "HasChanged")
	e.props = entityProps(e, props)
	cat.entities[logical], cat.order = e, append(cat.order[:len(cat.order):len(cat.order)], logical)
	cat.addColumn(e, of(kindID, schema+"Id").createOnly(), false)
	owned := props["OwnershipType"] != "OrganizationOwned"
	for _, column := range standardColumns(tableOf{schema: schema, owned: owned}) {
		cat.addColumn(e, column, false)
	}
	for _, column := range append([]map[string]any{primary}, rest...) {
		if _, err := c.makeColumn(e, column); err != nil {
			return nil, err
		}
	}
	for _, role := range c.e.table("role").all() {
		if name := role.str("name"); name == roleCustomizer || name == roleSeller || name == roleAgent {
			c.tx.grant(role.id, depthOrganization, rowPrivileges(schema)...)
		}
	}
	for message := range map[string]bool{"Create": true, "Update": true, "Delete": true} {
		c.e.addFilter(c.tx, message, logical)
	}
	return e, nil
}

// grant is Environment.grant that can be taken back.
func (t *tx) grant(role string, reach depth, privileges ...string) {
	before := maps.Clone(t.e.rights[role])
	t.e.grant(role, reach, privileges...)
	t.onRollback(func() { t.e.rights[role] = before })
}

// primaryColumn finds the one column of a new table that is its primary name.
func primaryColumn(in map[string]any) (primary map[string]any, rest []map[string]any, err *apiError) {
	list, _ := in["Attributes"].([]any)
	for _, entry := range list {
		column, _ := entry.(map[string]any)
		if column["IsPrimaryName"] == true && primary == nil {
			primary = column
			continue
		}
		if column["IsPrimaryName"] == true {
			return nil, nil, badRequest(codeArgument, "A table has exactly one primary name column.")
		}
		rest = append(rest, column)
	}
	if primary == nil || !strings.HasSuffix(plain(primary["@odata.type"]), "StringAttributeMetadata") {
		return nil, nil, badRequest(codeArgument, "A table needs a primary name column: a text column with IsPrimaryName true.")
	}
	return primary, rest, nil
}

// plural makes the name of an entity set as the platform does.
func plural(logical string) string {
	switch {
	case strings.HasSuffix(logical, "y") && !strings.HasSuffix(logical, "ay") && !strings.HasSuffix(logical, "ey") && !strings.HasSuffix(logical, "oy"):
		return strings.TrimSuffix(logical, "y") + "ies"
	case strings.HasSuffix(logical, "s"), strings.HasSuffix(logical, "x"), strings.HasSuffix(logical, "ch"), strings.HasSuffix(logical, "sh"):
		return logical + "es"
	}
	return logical + "s"
}

// updateEntity replaces the definition of a table. Change tracking works at once and cannot be switched off again; labels and
// other properties wait for publishing.
func (c *call) updateEntity(e *entity) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	for name, want := range map[string]string{"LogicalName": e.logical, "SchemaName": e.schema} {
		if value, given := in[name]; given && value != want {
			return c.failed(badRequest(codeArgument, "The property %s of a table cannot be changed.", name))
		}
	}
	if in["ChangeTrackingEnabled"] == false && e.yes("ChangeTrackingEnabled") {
		return c.failed(badRequest(codeArgument, "Change tracking of the table %s cannot be disabled.", e.logical))
	}
	next := c.tx.edit(e)
	latest := latestOf(e.props, e.draft)
	draft, err := c.merge(latest, in, []string{"DisplayName", "DisplayCollectionName", "Description"})
	if err != nil {
		return c.failed(err)
	}
	if in["ChangeTrackingEnabled"] == true {
		next.props = maps.Clone(next.props)
		next.props["ChangeTrackingEnabled"] = true
	}
	next.draft = draft
	if err := c.addToSolution(componentEntity, e.id); err != nil {
		return c.failed(err)
	}
	c.touch("update", "EntityMetadata", e.logical, nil)
	return noContent()
}

func latestOf(props, draft map[string]any) map[string]any {
	if draft != nil {
		return draft
	}
	return props
}

// fixedProps are properties of definitions that a request carries along but cannot change.
var fixedProps = map[string]bool{
	"MetadataId": true, "HasChanged": true, "LogicalName": true, "SchemaName": true, "AttributeType": true, "AttributeTypeName": true, "EntitySetName": true,
	"ObjectTypeCode": true, "PrimaryIdAttribute": true, "PrimaryNameAttribute": true, "IsCustomEntity": true, "IsCustomAttribute": true, "IsManaged": true,
	"EntityLogicalName": true, "ColumnNumber": true, "OwnershipType": true, "OptionSet": true, "GlobalOptionSet": true, "Attributes": true, "Keys": true,
	"IsPrimaryId": true, "IsPrimaryName": true, "Targets": true, "OneToManyRelationships": true, "ManyToOneRelationships": true,
	"ManyToManyRelationships": true, "CreatedOn": true, "ModifiedOn": true, "IsValidForCreate": true, "IsValidForUpdate": true, "IsValidForRead": true,
}

// merge makes the draft of a definition from what is there and what a PUT sends.
func (c *call) merge(latest, in map[string]any, labels []string) (map[string]any, *apiError) {
	keep := strings.EqualFold(c.header.Get("MSCRM.MergeLabels"), "true")
	draft := maps.Clone(latest)
	for name, value := range in {
		_, known := latest[name]
		switch {
		case strings.Contains(name, "@"), fixedProps[name]:
		case !known:
			return nil, errUndeclared(name, "metadata")
		default:
			draft[name] = value
		}
	}
	for _, name := range labels {
		if _, given := in[name]; !given {
			continue
		}
		l, err := readLabel(in[name], latest[name], keep)
		if err != nil {
			return nil, err
		}
		draft[name] = l
	}
	return draft, nil
}

func (c *call) deleteEntity(e *entity) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	if !e.custom {
		return c.failed(errorf(http.StatusMethodNotAllowed, codeCannotDelete, "The table %s is a system table and cannot be deleted.", e.logical))
	}
	if err := c.blocked(c.dependenciesOfEntity(e)); err != nil {
		return c.failed(err)
	}
	for _, rec := range c.e.table(e.logical).all() {
		c.tx.erase(rec)
	}
	c.tx.saveCatalog()
	cat := c.e.catalog
	delete(cat.entities, e.logical)
	cat.order = without(cat.order, func(name string) bool { return name == e.logical })
	cat.relationships = without(cat.relationships, func(r *relationship) bool {
		return r.referencing == e.logical || r.referenced == e.logical || r.entity1 == e.logical || r.entity2 == e.logical
	})
	for _, filter := range c.e.table("sdkmessagefilter").all() {
		if filter.str("primaryobjecttypecode") == e.logical {
			c.tx.erase(filter)
		}
	}
	c.dropComponents(e.id)
	c.touch("delete", "EntityMetadata", e.logical, nil)
	return noContent()
}

// without is a copy of a list that lacks some entries.
func without[T any](list []T, drop func(T) bool) []T {
	var kept []T
	for _, one := range list {
		if !drop(one) {
			kept = append(kept, one)
		}
	}
	return kept
}
