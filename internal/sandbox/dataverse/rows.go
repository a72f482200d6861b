package dataverse

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// rows serves the rows of a table and what is below them.
func (c *call) rows(ent *entity) response {
	path := c.path
	if !path[0].call {
		return c.set(ent, path[1:])
	}
	addr, err := c.address(ent, path[0])
	if err != nil {
		return c.failed(err)
	}
	if len(path) == 1 {
		return c.one(ent, addr)
	}
	if addr.rec == nil {
		return c.failed(addr.missing(ent))
	}
	if operation, bound := cast(path[1]); bound {
		return c.boundToRow(ent, addr.rec, operation, path[2:])
	}
	return c.below(ent, addr.rec, path[1:])
}

// set serves a collection of rows.
func (c *call) set(ent *entity, rest []segment) response {
	all := func() []*record { return c.e.table(ent.logical).all() }
	switch {
	case len(rest) == 0 && c.method == http.MethodGet:
		return c.list(ent, all(), false)
	case len(rest) == 0 && c.method == http.MethodPost:
		return c.create(ent)
	case len(rest) == 0:
		return c.failed(errMethod(c.method))
	case len(rest) == 1 && rest[0].name == "$count":
		return c.countRows(ent, all())
	}
	operation, bound := cast(rest[0])
	if !bound || len(rest) > 1 {
		return c.failed(errResource(rest[0].name))
	}
	return c.boundToSet(ent, operation)
}

// address is where a request points: a row if there is one, and what it says about a row that there is not.
type address struct {
	rec    *record
	id     string         // of a request that names the primary key
	values map[string]any // of a request that names an alternate key
	text   string         // the key as it was sent
}

func (a address) missing(ent *entity) *apiError {
	if a.values != nil {
		return errorf(http.StatusNotFound, codeNoKeyMatch, "A record with the specified key values does not exist in %s entity", ent.logical)
	}
	return errMissing(ent.logical, a.id)
}

// address reads the key of a row.
func (c *call) address(ent *entity, s segment) (address, *apiError) {
	if id, isGUID := normalGUID(s.args); isGUID {
		return address{rec: c.e.find(ent.logical, id), id: id, text: id}, nil
	}
	pairs, err := c.pairs(s.args)
	if err != nil {
		return address{}, err
	}
	if literal, named := pairs[ent.primaryID]; named && len(pairs) == 1 {
		if id, isGUID := normalGUID(literal); isGUID {
			return address{rec: c.e.find(ent.logical, id), id: id, text: id}, nil
		}
	}
	values := map[string]any{}
	var columns []string
	for name, literal := range pairs {
		a := ent.column(name)
		if a == nil {
			return address{}, badRequest(codeKeyUndefined, "The key property '%s' does not exist on the entity %s.", name, ent.logical)
		}
		value, err := c.keyLiteral(ent, a, literal)
		if err != nil {
			return address{}, err
		}
		values[a.logical] = value
		columns = append(columns, a.logical)
	}
	slices.Sort(columns)
	i := slices.IndexFunc(ent.keys, func(k *alternateKey) bool {
		return slices.Equal(slices.Sorted(slices.Values(k.columns)), columns) && c.e.keyStatus(ent, k) == keyActive
	})
	if i < 0 {
		return address{}, badRequest(codeKeyUndefined, "The specified key attributes are not a defined key for the %s entity", ent.logical)
	}
	found := c.e.keyHolder(ent, ent.keys[i], &record{table: c.e.table(ent.logical), values: values})
	return address{rec: found, values: values, text: s.args}, nil
}

// keyLiteral reads a value in a key. Some characters cannot be part of one.
func (c *call) keyLiteral(ent *entity, a *attribute, literal string) (any, *apiError) {
	if text, quoted := unquote(literal); quoted {
		if strings.ContainsAny(text, `/<>*%&:\?+`) && a.kind != kindDateTime {
			return nil, badRequest(codeResource, "A potentially dangerous Request.Path value was detected in the key value '%s'.", text)
		}
		return c.e.catalog.check(ent, a, text)
	}
	lit, isLiteral := readLiteral(literal)
	if !isLiteral {
		return nil, badRequest(codeResource, "The key value '%s' is not a literal.", literal)
	}
	if id, isText := lit.value.(string); isText && a.isLookup() {
		return ref{a.targets[0], id}, nil
	}
	return c.e.catalog.check(ent, a, lit.value)
}

// one serves a single row.
func (c *call) one(ent *entity, addr address) response {
	switch c.method {
	case http.MethodGet:
		if addr.rec == nil {
			return c.failed(addr.missing(ent))
		}
		return c.readOne(ent, addr.rec)
	case http.MethodPatch:
		return c.upsert(ent, addr)
	case http.MethodDelete:
		return c.remove(ent, addr)
	}
	return c.failed(errMethod(c.method))
}

// create answers POST on a collection.
func (c *call) create(ent *entity) response {
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	rec, err := c.insertRow(ent, in, "", nil)
	if err != nil {
		return c.failed(err)
	}
	return c.written(ent, rec, http.StatusCreated, rec.id)
}

// written answers a write: nothing and where the row is, or the row if it is asked for.
func (c *call) written(ent *entity, rec *record, status int, key string) response {
	if !c.prefer().representation {
		return response{status: http.StatusNoContent, header: entityID(c.e.url("%s(%s)", ent.set, key))}
	}
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	out, err := c.show(ent, rec, o, false)
	if err != nil {
		return c.failed(err)
	}
	out["@odata.context"] = c.context(contextOf(ent, o.selected) + "/$entity")
	return response{status: status, header: c.applied(map[string]string{"ETag": etag(rec)}), body: out}
}

// upsert answers PATCH: it changes the row, or makes it where the conditions allow.
func (c *call) upsert(ent *entity, addr address) response {
	match, noneMatch := c.header.Get("If-Match"), c.header.Get("If-None-Match")
	switch {
	case addr.rec == nil && match != "":
		return c.failed(addr.missing(ent))
	case addr.rec != nil && noneMatch == "*":
		return c.failed(errorf(http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists."))
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	if addr.rec == nil {
		rec, err := c.insertRow(ent, in, addr.id, addr.values)
		if err != nil {
			return c.failed(err)
		}
		return c.written(ent, rec, http.StatusCreated, addr.text)
	}
	for column := range addr.values {
		delete(in, column) // key values in the body are dropped on update
	}
	if err := c.checkMatch(ent, addr.rec, match); err != nil {
		return c.failed(err)
	}
	rec, err := c.change(ent, addr.rec, in)
	if err != nil {
		return c.failed(err)
	}
	return c.written(ent, rec, http.StatusOK, addr.text)
}

// checkMatch compares If-Match with the row's version.
func (c *call) checkMatch(ent *entity, rec *record, match string) *apiError {
	if match == "" || match == "*" || match == etag(rec) || ent.logical == "systemform" && c.e.is(switchFormMatch, ignored) {
		return nil
	}
	if !ent.yes("IsOptimisticConcurrencyEnabled") {
		return badRequest("0x8006088D", "Optimistic concurrency isn't enabled for entity type %s.", ent.logical)
	}
	if !strings.HasPrefix(match, `W/"`) {
		return badRequest("0x80060883", "The RowVersion property must be provided when the value of ConcurrencyBehavior is IfVersionMatches.")
	}
	return errorf(http.StatusPreconditionFailed, codeVersion, "The version of the existing record doesn't match the RowVersion property provided.")
}

// remove answers DELETE on a row.
func (c *call) remove(ent *entity, addr address) response {
	if addr.rec == nil {
		return c.failed(addr.missing(ent))
	}
	if err := c.checkMatch(ent, addr.rec, c.header.Get("If-Match")); err != nil {
		return c.failed(err)
	}
	if err := c.erase(ent, addr.rec); err != nil {
		return c.failed(err)
	}
	return noContent()
}

// below serves a property or a navigation property of a row.
func (c *call) below(ent *entity, rec *record, rest []segment) response {
	name := rest[0].name
	if a := ent.column(name); a != nil && len(rest) == 1 {
		return c.property(ent, rec, a)
	}
	single := c.e.catalog.lookupBy(ent, name)
	many := c.e.catalog.collectionBy(ent, name)
	switch {
	case single == nil && many == nil:
		return c.failed(errResource(name))
	case len(rest) == 2 && rest[1].name == "$ref":
		return c.reference(ent, rec, single, many, rest[0])
	case len(rest) == 2 && rest[1].name == "$count" && many != nil:
		other, list := c.related(ent, many, rec)
		return c.countRows(other, list)
	case len(rest) > 1 || c.method != http.MethodGet:
		return c.failed(errMethod(c.method))
	case single != nil:
		to := rec.ref(single.attribute)
		found := c.e.find(to.table, to.id)
		if found == nil {
			return noContent()
		}
		return c.readOne(c.e.catalog.entity(to.table), found)
	}
	other, list := c.related(ent, many, rec)
	return c.list(other, list, false)
}

// property serves one column of a row.
func (c *call) property(ent *entity, rec *record, a *attribute) response {
	switch c.method {
	case http.MethodGet:
		if err := c.e.may(c.who, "Read", ent, rec); err != nil {
			return c.failed(err)
		}
		if rec.visible(a) == nil {
			return noContent()
		}
		return ok(map[string]any{"@odata.context": c.context(ent.set + "(" + rec.id + ")/" + a.property()), "value": rec.visible(a)})
	case http.MethodPut, http.MethodDelete:
		in := map[string]any{a.logical: nil}
		if c.method == http.MethodPut {
			body, err := c.object()
			if err != nil {
				return c.failed(err)
			}
			in[a.logical] = body["value"]
		}
		if _, err := c.change(ent, rec, in); err != nil {
			return c.failed(err)
		}
		return noContent()
	}
	return c.failed(errMethod(c.method))
}

// reference serves $ref: it points a lookup somewhere, or adds to and removes from a collection.
func (c *call) reference(ent *entity, rec *record, single, many *relationship, s segment) response {
	if single != nil {
		in := map[string]any{s.name + "@odata.bind": nil}
		if c.method == http.MethodPut {
			body, err := c.object()
			if err != nil {
				return c.failed(err)
			}
			in[s.name+"@odata.bind"] = body["@odata.id"]
		} else if c.method != http.MethodDelete {
			return c.failed(errMethod(c.method))
		}
		if _, err := c.change(ent, rec, in); err != nil {
			return c.failed(err)
		}
		return noContent()
	}
	target := s.args
	switch {
	case c.method == http.MethodPost:
		body, err := c.object()
		if err != nil {
			return c.failed(err)
		}
		target, _ = body["@odata.id"].(string)
	case c.method != http.MethodDelete:
		return c.failed(errMethod(c.method))
	case target == "":
		target = c.query.Get("$id")
	}
	if err := c.associate(ent, rec, many, target, c.method == http.MethodPost); err != nil {
		return c.failed(err)
	}
	return noContent()
}

// associate adds a row to a collection or removes it.
func (c *call) associate(ent *entity, rec *record, rel *relationship, target string, add bool) *apiError {
	other, _ := c.related(ent, rel, nil)
	var to *record
	if id, isGUID := normalGUID(target); isGUID {
		to = c.e.find(other.logical, id)
	} else {
		found, err := c.resolve(target)
		if err != nil {
			return err
		}
		to = c.e.find(found.table, found.id)
	}
	if to == nil || to.table.name != other.logical {
		return errMissing(other.logical, target)
	}
	if !rel.many() {
		var value any
		if add {
			value = "/" + ent.set + "(" + rec.id + ")"
		}
		_, err := c.change(other, to, map[string]any{rel.single + "@odata.bind": value})
		return err
	}
	if err := c.e.may(c.who, "Append", ent, rec); err != nil {
		return err
	}
	if err := c.e.may(c.who, "AppendTo", other, to); err != nil {
		return err
	}
	one, two := rec.id, to.id
	if rel.entity1 != ent.logical {
		one, two = two, one
	}
	c.tx.link(rel.intersect, one, two, add)
	c.touch("update", rel.intersect, rec.id, nil)
	return nil
}

// resolve finds the row that a URL in a payload points to: absolute, relative, by id, by alternate key, or a Content-ID.
func (c *call) resolve(link string) (ref, *apiError) {
	if mapped, isContentID := c.contentID(link); isContentID {
		if mapped == "" {
			return ref{}, badRequest(codeResource, "Content-ID Reference: '%s' does not exist in the batch context.", link)
		}
		link = mapped
	}
	if decoded, err := url.PathUnescape(link); err == nil {
		link = decoded
	}
	if _, rest, absolute := strings.Cut(link, api); absolute {
		_, link, _ = strings.Cut(rest, "/")
	}
	parts, err := splitPath(strings.TrimPrefix(link, "/"))
	if err != nil {
		return ref{}, err
	}
	if len(parts) != 1 || !parts[0].call {
		return ref{}, badRequest(codePayload, "The reference '%s' is not the URL of a row.", link)
	}
	ent := c.e.catalog.bySet(parts[0].name)
	if ent == nil {
		return ref{}, badRequest(codeResource, "Resource not found for the segment '%s'.", parts[0].name)
	}
	addr, err := c.address(ent, parts[0])
	if err != nil {
		return ref{}, err
	}
	if addr.rec == nil {
		return ref{}, addr.missing(ent)
	}
	return ref{ent.logical, addr.rec.id}, nil
}

// contentID reads a link that is a reference to an earlier part of a change set.
func (c *call) contentID(link string) (string, bool) {
	id, isReference := strings.CutPrefix(strings.TrimPrefix(link, "/"), "$")
	if !isReference {
		return "", false
	}
	return c.ids[id], true
}
