package dataverse

import (
	"net/http"
	"strings"
)

// boundToRow answers an action or function of one row.
func (c *call) boundToRow(ent *entity, rec *record, operation string, rest []segment) response {
	switch {
	case len(rest) > 0:
		return c.failed(errResource(rest[0].name))
	case operation == "QualifyLead" && ent.logical == "lead" && c.method == http.MethodPost:
		return c.qualify(rec)
	case operation == "RetrieveUserSetOfPrivilegesByNames" && ent.logical == "systemuser":
		return c.userPrivileges(ent, rec)
	case operation == "RetrieveUnpublished" && layered[ent.logical] && c.method == http.MethodGet:
		return c.readDraft(ent, rec)
	}
	return c.failed(errResource(namespace + operation))
}

// readDraft shows a row as the next publishing makes it.
func (c *call) readDraft(ent *entity, rec *record) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	out, err := c.show(ent, rec, o, true)
	if err != nil {
		return c.failed(err)
	}
	out["@odata.context"] = c.context(contextOf(ent, o.selected) + "/$entity")
	c.touch("read", ent.logical, rec.id, nil)
	resp := ok(out)
	resp.header = map[string]string{"ETag": etag(rec)}
	return resp
}

// boundToSet answers an action or function of a collection.
func (c *call) boundToSet(ent *entity, operation string) response {
	switch {
	case operation == "RetrieveUnpublishedMultiple" && layered[ent.logical] && c.method == http.MethodGet:
		if err := c.mayCustomize(); err != nil {
			return c.failed(err)
		}
		return c.list(ent, c.e.table(ent.logical).all(), true)
	case c.method != http.MethodPost:
		return c.failed(errMethod(c.method))
	case operation == "CreateMultiple":
		return c.createMultiple(ent)
	case operation == "UpdateMultiple":
		return c.updateMultiple(ent)
	case operation == "UpsertMultiple":
		return c.upsertMultiple(ent)
	}
	return c.failed(errResource(namespace + operation))
}

// targets reads the rows of a bulk operation, each of which must say its type.
func (c *call) targets(ent *entity) ([]map[string]any, *apiError) {
	in, err := c.object()
	if err != nil {
		return nil, err
	}
	list, isList := in["Targets"].([]any)
	if !isList || len(list) == 0 {
		return nil, errPayload(ent.logical, "the parameter Targets is missing or empty")
	}
	var targets []map[string]any
	for _, entry := range list {
		one, isObject := entry.(map[string]any)
		if !isObject || strings.TrimPrefix(plain(one["@odata.type"]), "#") != namespace+ent.logical {
			return nil, errPayload(ent.logical, "every target needs the @odata.type %s%s", namespace, ent.logical)
		}
		targets = append(targets, one)
	}
	c.e.charge(c.who, len(targets)-1)
	return targets, nil
}

func (c *call) createMultiple(ent *entity) response {
	targets, err := c.targets(ent)
	if err != nil {
		return c.failed(err)
	}
	ids := []any{}
	for _, one := range targets {
		rec, err := c.insertRow(ent, one, "", nil)
		if err != nil {
			return c.failed(err)
		}
		ids = append(ids, rec.id)
	}
	return ok(map[string]any{"@odata.context": c.context(namespace + "CreateMultipleResponse"), "Ids": ids})
}

func (c *call) updateMultiple(ent *entity) response {
	targets, err := c.targets(ent)
	if err != nil {
		return c.failed(err)
	}
	for _, one := range targets {
		id, isGUID := normalGUID(plain(one[ent.primaryID]))
		if !isGUID {
			return c.failed(errPayload(ent.logical, "every target needs its %s", ent.primaryID))
		}
		rec := c.e.find(ent.logical, id)
		if rec == nil {
			return c.failed(errMissing(ent.logical, id))
		}
		if _, err := c.change(ent, rec, one); err != nil {
			return c.failed(err)
		}
	}
	return noContent()
}

func (c *call) upsertMultiple(ent *entity) response {
	targets, err := c.targets(ent)
	if err != nil {
		return c.failed(err)
	}
	for _, one := range targets {
		addr, err := c.targetOf(ent, one)
		if err != nil {
			return c.failed(err)
		}
		if addr.rec == nil {
			_, err = c.insertRow(ent, one, addr.id, addr.values)
		} else {
			_, err = c.change(ent, addr.rec, one)
		}
		if err != nil {
			return c.failed(err)
		}
	}
	return noContent()
}

// targetOf says which row a target of UpsertMultiple is: by @odata.id, by primary key, or by the columns of an alternate key.
func (c *call) targetOf(ent *entity, one map[string]any) (address, *apiError) {
	if link, given := one["@odata.id"].(string); given {
		parts, err := splitPath(strings.TrimPrefix(link, "/"))
		if err != nil {
			return address{}, err
		}
		return c.address(ent, parts[len(parts)-1])
	}
	if id, isGUID := normalGUID(plain(one[ent.primaryID])); isGUID {
		return address{rec: c.e.find(ent.logical, id), id: id, text: id}, nil
	}
	for _, k := range ent.keys {
		values := map[string]any{}
		for _, column := range k.columns {
			if value, given := one[column]; given {
				checked, err := c.e.catalog.check(ent, ent.attributes[column], value)
				if err != nil {
					return address{}, err
				}
				values[column] = checked
			}
		}
		if len(values) == len(k.columns) {
			return address{rec: c.e.keyHolder(ent, k, &record{table: c.e.table(ent.logical), values: values}), values: values}, nil
		}
	}
	return address{}, nil
}
