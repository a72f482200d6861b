package dataverse

import (
	"maps"
	"net/http"
	"strings"
)

// attributes serves the columns of a table.
func (c *call) attributes(e *entity, path []segment) response {
	if !path[0].call {
		switch {
		case c.method == http.MethodPost && len(path) == 1:
			return c.createAttribute(e)
		case len(path) > 2:
			return c.failed(errResource(path[2].name))
		}
		var list []map[string]any
		want := ""
		if len(path) == 2 {
			want, _ = cast(path[1])
		}
		for _, name := range e.order {
			a := e.attribute(name)
			if a == nil || want != "" && metadataType(a.kind) != want {
				continue
			}
			list = append(list, showAttribute(a, want != ""))
		}
		return c.answerMetadata("EntityDefinitions('"+e.logical+"')/Attributes", "AttributeMetadata", list, false, c.expandIn(e))
	}
	a, err := findAttribute(e, path[0])
	if err != nil {
		return c.failed(err)
	}
	full := false
	if len(path) > 1 {
		want, isCast := cast(path[1])
		if !isCast || len(path) > 3 {
			return c.failed(errResource(path[1].name))
		}
		if metadataType(a.kind) != want {
			return c.failed(errorf(http.StatusNotFound, codeResource, "The column %s of %s is not of the type %s.", a.logical, e.logical, want))
		}
		full = true
	}
	if len(path) == 3 {
		return c.columnOptions(a, path[2])
	}
	switch c.method {
	case http.MethodPut:
		return c.updateAttribute(e, a)
	case http.MethodDelete:
		return c.deleteAttribute(e, a)
	}
	return c.answerMetadata("EntityDefinitions('"+e.logical+"')/Attributes", "AttributeMetadata", []map[string]any{showAttribute(a, full)}, true, c.expandIn(e))
}

func (c *call) expandIn(e *entity) func(map[string]any, string, options) *apiError {
	return func(out map[string]any, name string, o options) *apiError {
		id, _ := out["MetadataId"].(string)
		for _, a := range e.attributes {
			if a.id == id {
				return c.expandColumn(out, a, name, o)
			}
		}
		return noExpand(out, name, o)
	}
}

// columnOptions serves the OptionSet or GlobalOptionSet of a column as a resource of its own.
func (c *call) columnOptions(a *attribute, s segment) response {
	set := c.e.catalog.optionsOf(a)
	if set == nil || s.name == "OptionSet" && a.global != "" || s.name == "GlobalOptionSet" && a.global == "" || c.method != http.MethodGet {
		return c.failed(errResource(s.name))
	}
	return c.answerMetadata("OptionSet", "OptionSetMetadata", []map[string]any{set.show(false)}, true, noExpand)
}

func (c *call) createAttribute(e *entity) response {
	if err := c.mayCustomize(privilegeColumn); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	next := c.tx.edit(e)
	a, err := c.makeColumn(next, in)
	if err != nil {
		return c.failed(err)
	}
	if err := c.addToSolution(componentAttribute, a.id); err != nil {
		return c.failed(err)
	}
	c.touch("create", "AttributeMetadata", e.logical+"."+a.logical, nil)
	return response{
		status: http.StatusNoContent, header: entityID(c.e.url("EntityDefinitions(LogicalName='%s')/Attributes(%s)", e.logical, a.id)),
	}
}

// creatable are the types that columns can be created with; lookups come with their relationship.
var creatable = map[string]kind{
	"StringAttributeMetadata": kindString, "MemoAttributeMetadata": kindMemo, "BooleanAttributeMetadata": kindBoolean,
	"PicklistAttributeMetadata": kindPicklist, "MultiSelectPicklistAttributeMetadata": kindMultiSelect, "MoneyAttributeMetadata": kindMoney,
	"DateTimeAttributeMetadata": kindDateTime, "DecimalAttributeMetadata": kindDecimal, "DoubleAttributeMetadata": kindDouble,
	"IntegerAttributeMetadata": kindInteger,
}

// makeColumn adds a custom column. The table's definition is one that may be changed.
func (c *call) makeColumn(e *entity, in map[string]any) (*attribute, *apiError) {
	typeOf := strings.TrimPrefix(strings.TrimPrefix(plain(in["@odata.type"]), "#"), namespace)
	k, known := creatable[typeOf]
	if !known {
		return nil, errPayload("AttributeMetadata", "a column cannot be created with the type '%s'", plain(in["@odata.type"]))
	}
	if sent, given := in["AttributeType"]; given && sent != string(k) {
		return nil, badRequest(codeArgument, "The AttributeType %v does not fit the type %s.", sent, typeOf)
	}
	a, props, err := c.beginColumn(e, in, k)
	if err != nil {
		return nil, err
	}
	if err := c.readOptions(e, a, in); err != nil {
		return nil, err
	}
	known2 := attributeProps(e, a, nil, 0)
	for name, value := range in {
		if strings.Contains(name, "@") || fixedProps[name] || props[name] != nil {
			continue
		}
		if _, isProperty := known2[name]; !isProperty {
			return nil, errUndeclared(name, "AttributeMetadata")
		}
		props[name] = value
	}
	if err := checkColumn(k, props); err != nil {
		return nil, err
	}
	if k == kindBoolean {
		b, _ := props["DefaultValue"].(bool)
		a.initial = b
	}
	if value, has := numberOf(props["DefaultFormValue"]); k == kindPicklist && has && value >= 0 {
		a.initial = int64(value)
	}
	a.props = attributeProps(e, a, props, c.e.catalog.nextColumn)
	c.e.catalog.nextColumn++
	e.add(a)
	if k == kindMoney {
		base := of(kindMoney, a.schema+"_Base").readOnly()
		c.e.catalog.addColumn(e, base, true)
		c.e.catalog.addCurrency(e, true)
	}
	return a, nil
}

// beginColumn reads what all columns have.
func (c *call) beginColumn(e *entity, in map[string]any, k kind) (*attribute, map[string]any, *apiError) {
	schema, _ := in["SchemaName"].(string)
	if err := c.checkSchemaName(schema); err != nil {
		return nil, nil, err
	}
	logical := strings.ToLower(schema)
	if e.attributes[logical] != nil {
		return nil, nil, badRequest(codeAttributeExists, "An attribute with the specified name %s already exists on the entity %s.", schema, e.logical)
	}
	a := &attribute{id: c.tx.guid(), logical: logical, schema: schema, kind: k, custom: true, since: c.e.kit.Clock.Now()}
	now := stamp(c.e.now())
	props := map[string]any{"CreatedOn": now, "ModifiedOn": now, "IsCustomAttribute": true}
	for _, name := range []string{"DisplayName", "Description"} {
		l, err := readLabel(in[name], nil, false)
		if err != nil {
			return nil, nil, err
		}
		props[name] = l
	}
	if level, given := in["RequiredLevel"].(map[string]any); given {
		value, _ := level["Value"].(string)
		if !requiredLevels[value] {
			return nil, nil, errPayload("AttributeMetadata", "'%s' is not a RequiredLevel", value)
		}
		props["RequiredLevel"] = managed(value, "canmodifyrequirementlevelsettings")
	}
	return a, props, nil
}

var requiredLevels = map[string]bool{"None": true, "Recommended": true, "ApplicationRequired": true, "SystemRequired": true}

// most are the largest values of a property by type.
var mostLength = map[kind]float64{kindString: 4000, kindMemo: 1048576}

// checkColumn refuses values of properties that the platform does not have.
func checkColumn(k kind, props map[string]any) *apiError {
	if length, has := numberOf(props["MaxLength"]); has && (length < 1 || length > mostLength[k]) {
		return badRequest(codeArgument, "The MaxLength %v is not between 1 and %v.", length, mostLength[k])
	}
	if precision, has := numberOf(props["Precision"]); has && (precision < 0 || precision > 10) {
		return badRequest(codeArgument, "The Precision %v is not between 0 and 10.", precision)
	}
	if format, has := props["Format"].(string); has && k == kindDateTime && format != "DateOnly" && format != "DateAndTime" {
		return badRequest(codeArgument, "The Format '%s' is not one of a date.", format)
	}
	return nil
}

// updateAttribute replaces the definition of a column. It waits for publishing; options are left alone.
func (c *call) updateAttribute(e *entity, a *attribute) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	for name, want := range map[string]string{"LogicalName": a.logical, "SchemaName": a.schema, "AttributeType": string(a.kind)} {
		if value, given := in[name]; given && value != want {
			return c.failed(badRequest(codeArgument, "The property %s of the column %s cannot be changed.", name, a.logical))
		}
	}
	latest := latestOf(a.props, a.draft)
	draft, err := c.merge(latest, in, []string{"DisplayName", "Description"})
	if err != nil {
		return c.failed(err)
	}
	if err := c.checkNewProps(a, latest, draft); err != nil {
		return c.failed(err)
	}
	draft["ModifiedOn"] = stamp(c.e.now())
	changed := a.clone()
	changed.draft = draft
	c.tx.edit(e).add(changed)
	if err := c.addToSolution(componentAttribute, a.id); err != nil {
		return c.failed(err)
	}
	c.touch("update", "AttributeMetadata", e.logical+"."+a.logical, nil)
	return noContent()
}

func (c *call) checkNewProps(a *attribute, latest, draft map[string]any) *apiError {
	if err := checkColumn(a.kind, draft); err != nil {
		return err
	}
	before, _ := numberOf(latest["MaxLength"])
	after, _ := numberOf(draft["MaxLength"])
	if after < before && c.e.is(switchShorten, refused) {
		return badRequest(codeArgument, "The MaxLength of the column %s cannot become smaller.", a.logical)
	}
	was, _ := latest["DateTimeBehavior"].(map[string]any)
	is, _ := draft["DateTimeBehavior"].(map[string]any)
	if a.kind == kindDateTime && was["Value"] != is["Value"] && was["Value"] != "UserLocal" {
		return badRequest(codeArgument, "The DateTimeBehavior of the column %s was changed before and cannot be changed again.", a.logical)
	}
	return nil
}

func (c *call) deleteAttribute(e *entity, a *attribute) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	if !a.custom || a.logical == e.primaryName {
		return c.failed(errorf(http.StatusMethodNotAllowed, codeCannotDelete, "The column %s of %s cannot be deleted.", a.logical, e.logical))
	}
	if err := c.blocked(c.dependenciesOf(e, a)); err != nil {
		return c.failed(err)
	}
	c.dropColumn(e, a)
	c.touch("delete", "AttributeMetadata", e.logical+"."+a.logical, nil)
	return noContent()
}

// dropColumn removes a column with its data and its relationships.
func (c *call) dropColumn(e *entity, a *attribute) {
	next := c.tx.edit(e)
	next.remove(a.logical)
	if a.kind == kindMoney {
		next.remove(a.logical + "_base")
	}
	c.e.catalog.relationships = without(c.e.catalog.relationships, func(r *relationship) bool {
		return !r.many() && r.referencing == e.logical && r.attribute == a.logical
	})
	for _, rec := range c.e.table(e.logical).all() {
		if _, has := rec.values[a.logical]; !has {
			continue
		}
		old, version := rec, rec.version
		stripped := rec.clone()
		stripped.values = maps.Clone(rec.values)
		delete(stripped.values, a.logical)
		stripped.version = version // dropping a column is not a change of the row
		rec.table.put(rec.id, stripped)
		c.tx.onRollback(func() { old.table.put(old.id, old) })
	}
	c.dropComponents(a.id)
}
