package dataverse

import (
	"net/http"
	"slices"
	"strings"
)

// States of the index of an alternate key (define-alternate-keys-entity).
const (
	keyPending    = "Pending"
	keyInProgress = "InProgress"
	keyActive     = "Active"
	keyFailed     = "Failed"
)

// keyStatus is the state of a key's index now. The index is made in the sandbox's time; rows that share a value make it fail.
func (e *Environment) keyStatus(ent *entity, k *alternateKey) string {
	e.settleKeys(ent)
	if k.failed {
		return keyFailed
	}
	age := e.kit.Clock.Now().Sub(k.since)
	switch {
	case age < e.opts.KeyIndexTime/2:
		return keyPending
	case age < e.opts.KeyIndexTime:
		return keyInProgress
	}
	return keyActive
}

// settleKeys lets indexes end that are due, and fail where rows share values. The lock is held.
func (e *Environment) settleKeys(ent *entity) {
	for _, k := range ent.keys {
		if k.failed || e.kit.Clock.Now().Sub(k.since) < e.opts.KeyIndexTime || k.checked() {
			continue
		}
		seen := map[string]bool{}
		for _, rec := range e.table(ent.logical).all() {
			value, complete := e.keyValue(k, rec.values)
			if complete && seen[value] {
				k.failed = true
			}
			seen[value] = true
		}
		k.props["checked"] = true
	}
}

func (k *alternateKey) checked() bool {
	done, _ := k.props["checked"].(bool)
	return done
}

// keyValue joins the values of a key's columns. Rows without a value in one of them are exempt, unless the switch says otherwise.
func (e *Environment) keyValue(k *alternateKey, values map[string]any) (string, bool) {
	var parts []string
	complete := true
	for _, column := range k.columns {
		value := values[column]
		if value == nil && e.is(switchNullKeys, "exempt") {
			complete = false
		}
		parts = append(parts, indexKey(value))
	}
	return strings.Join(parts, "\x00"), complete
}

// keyHolder finds another row that has the key values of a row already.
func (e *Environment) keyHolder(ent *entity, k *alternateKey, rec *record) *record {
	want, complete := e.keyValue(k, rec.values)
	if !complete || e.keyStatus(ent, k) != keyActive {
		return nil
	}
	if rec.values[k.columns[0]] == nil { // a null is not in the index
		for _, other := range rec.table.all() {
			if value, _ := e.keyValue(k, other.values); other.id != rec.id && value == want {
				return other
			}
		}
		return nil
	}
	for _, other := range rec.table.with(k.columns[0], rec.values[k.columns[0]]) {
		if value, _ := e.keyValue(k, other.values); other.id != rec.id && value == want {
			return other
		}
	}
	return nil
}

func (c *call) showKeys(e *entity) []map[string]any {
	var list []map[string]any
	for _, k := range e.keys {
		columns := []any{}
		for _, column := range k.columns {
			columns = append(columns, column)
		}
		list = append(list, map[string]any{
			"MetadataId": k.id, "HasChanged": nil, "LogicalName": k.logical, "SchemaName": k.schema, "EntityLogicalName": e.logical, "KeyAttributes": columns,
			"EntityKeyIndexStatus": c.e.keyStatus(e, k), "DisplayName": k.props["DisplayName"], "IsManaged": false, "IntroducedVersion": "1.0",
			"IsCustomizable": managed(true, "iscustomizable"), "IsSynchronous": false, "IsExportKey": false, "IsSecondaryKey": false,
		})
	}
	return list
}

// keys serves the alternate keys of a table.
func (c *call) keys(e *entity, path []segment) response {
	context := "EntityDefinitions('" + e.logical + "')/Keys"
	if len(path) > 1 {
		return c.failed(errResource(path[1].name))
	}
	if !path[0].call {
		if c.method == http.MethodPost {
			return c.createKey(e)
		}
		return c.answerMetadata(context, "EntityKeyMetadata", c.showKeys(e), false, noExpand)
	}
	name, isName := strings.CutPrefix(path[0].args, "LogicalName=")
	logical, _ := unquote(name)
	id, _ := normalGUID(path[0].args)
	i := slices.IndexFunc(e.keys, func(k *alternateKey) bool { return isName && k.logical == logical || k.id == id })
	if i < 0 {
		return c.failed(errorf(http.StatusNotFound, codeResource, "Could not find a key with the specified key %s on the entity '%s'.", path[0].args, e.logical))
	}
	if c.method == http.MethodDelete {
		if err := c.mayCustomize(); err != nil {
			return c.failed(err)
		}
		id := e.keys[i].id
		next := c.tx.edit(e)
		next.keys = slices.Delete(next.keys, i, i+1)
		c.dropComponents(id)
		c.touch("delete", "EntityKeyMetadata", e.logical+"."+path[0].args, nil)
		return noContent()
	}
	return c.answerMetadata(context, "EntityKeyMetadata", c.showKeys(e)[i:i+1], true, noExpand)
}

// keyKinds are the types of columns that a key can have.
var keyKinds = map[kind]bool{
	kindDecimal: true, kindInteger: true, kindString: true, kindDateTime: true, kindLookup: true, kindPicklist: true,
}

// Limits of alternate keys.
const (
	maxKeys       = 10
	maxKeyColumns = 16
	maxKeyBytes   = 900
)

func (c *call) createKey(e *entity) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	schema, _ := in["SchemaName"].(string)
	if err := c.checkSchemaName(schema); err != nil {
		return c.failed(err)
	}
	k := &alternateKey{id: c.tx.guid(), logical: strings.ToLower(schema), schema: schema, props: map[string]any{}, since: c.e.kit.Clock.Now()}
	if slices.ContainsFunc(e.keys, func(other *alternateKey) bool { return other.logical == k.logical }) {
		return c.failed(badRequest(codeKeyName, "An entity key with the name %s already exists on the entity %s.", schema, e.logical))
	}
	if k.columns, err = keyColumns(e, in["KeyAttributes"]); err != nil {
		return c.failed(err)
	}
	if len(e.keys) >= maxKeys {
		return c.failed(badRequest(codeArgument, "The entity %s has %d keys already, the most that it can have.", e.logical, maxKeys))
	}
	if k.props["DisplayName"], err = readLabel(in["DisplayName"], nil, false); err != nil {
		return c.failed(err)
	}
	next := c.tx.edit(e)
	next.keys = append(next.keys, k)
	if err := c.addToSolution(componentKey, k.id); err != nil {
		return c.failed(err)
	}
	c.touch("create", "EntityKeyMetadata", e.logical+"."+k.logical, nil)
	return response{status: http.StatusNoContent, header: entityID(c.e.url("EntityDefinitions(LogicalName='%s')/Keys(%s)", e.logical, k.id))}
}

func keyColumns(e *entity, sent any) ([]string, *apiError) {
	list, _ := sent.([]any)
	if len(list) == 0 || len(list) > maxKeyColumns {
		return nil, badRequest(codeArgument, "KeyAttributes must name 1 to %d columns.", maxKeyColumns)
	}
	var columns []string
	size := 0
	for _, entry := range list {
		name, _ := entry.(string)
		a := e.attribute(name)
		if a == nil {
			return nil, badRequest(codeNoAttribute, "'%s' entity doesn't contain attribute with Name = '%s'.", e.logical, name)
		}
		if secured, _ := a.props["IsSecured"].(bool); !keyKinds[a.kind] || secured {
			return nil, badRequest(codeArgument, "The column %s cannot be part of a key.", name)
		}
		length, hasLength := a.number("MaxLength")
		if hasLength {
			size += 2 * int(length)
		} else {
			size += 8
		}
		columns = append(columns, name)
	}
	if size > maxKeyBytes {
		return nil, badRequest(codeArgument, "The columns of the key have %d bytes, more than %d.", size, maxKeyBytes)
	}
	return columns, nil
}

func reactivateKey(c *call) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	table, _ := in["EntityLogicalName"].(string)
	name, _ := in["EntityKeyLogicalName"].(string)
	e := c.e.catalog.entity(table)
	if e == nil {
		return c.failed(badRequest(codeNoEntity, "There is no entity with the name %s.", table))
	}
	next := c.tx.edit(e)
	for _, k := range next.keys {
		if k.logical == name {
			k.failed, k.since = false, c.e.kit.Clock.Now()
			k.props = map[string]any{"DisplayName": k.props["DisplayName"]}
			c.touch("update", "EntityKeyMetadata", e.logical+"."+name, nil)
			return noContent()
		}
	}
	return c.failed(badRequest(codeKeyUndefined, "The entity %s has no key %s.", table, name))
}
