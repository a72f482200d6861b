package salesforce

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sobjects answers everything under /sobjects.
func (c *call) sobjects(p []string) response {
	if len(p) == 0 {
		return c.get(describeGlobal)
	}
	obj := c.o.data.object(p[0])
	if !c.acc.seesObject(obj) {
		return failed(errNotFound())
	}
	switch {
	case len(p) == 1 && c.method == http.MethodPost:
		return c.createRow(obj)
	case len(p) == 1:
		return c.get(func(c *call) response { return basicInfo(c, obj) })
	case len(p) == 2 && p[1] == "describe":
		return c.get(func(c *call) response { return describe(c, obj) })
	case len(p) == 2 && (p[1] == "updated" || p[1] == "deleted"):
		return c.get(func(c *call) response { return c.changes(obj, p[1]) })
	case len(p) == 2:
		return c.row(obj, p[1])
	case len(p) == 3 && obj.field(p[2]) != nil && obj.field(p[2]).Type == typeBase64:
		return c.readBlob(obj, p[1], obj.field(p[2]))
	case len(p) == 3:
		return c.rowByKey(obj, p[1], p[2])
	}
	return failed(errNotFound())
}

// record reads a JSON object from the body.
func (c *call) record() (map[string]any, *apiError) {
	var in map[string]any
	if err := decodeJSON(c.body, &in); err != nil {
		return nil, err
	}
	if in == nil {
		return nil, errJSON("The HTTP entity body is required, but this request has no entity body.")
	}
	delete(in, "attributes")
	return in, nil
}

// locked is the fault that a test may inject in front of a row change.
func (c *call) locked() *apiError {
	if c.r.Context().Value(rowLockKey{}) == nil {
		return nil
	}
	return badRequest("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
}

// insert, update and remove change one row and note it for the log; a refused change leaves nothing behind.
func (c *call) insert(obj *object, in map[string]any) (id string, err *apiError) {
	mark := c.tx.mark()
	if err = c.locked(); err == nil {
		id, err = c.o.insert(c.tx, c.who, obj, in)
	}
	return id, c.settle(mark, "create", obj, id, in, err)
}

func (c *call) update(obj *object, id string, in map[string]any) *apiError {
	mark := c.tx.mark()
	err := c.locked()
	if err == nil {
		err = c.o.update(c.tx, c.who, obj, id, in)
	}
	return c.settle(mark, "update", obj, id, in, err)
}

func (c *call) remove(obj *object, id string) *apiError {
	mark := c.tx.mark()
	err := c.locked()
	if err == nil {
		err = c.o.remove(c.tx, c.who, obj, id)
	}
	return c.settle(mark, "delete", obj, id, nil, err)
}

func (c *call) settle(mark int, action string, obj *object, id string, in map[string]any, err *apiError) *apiError {
	if err != nil {
		c.tx.rollbackTo(mark)
	}
	if full, valid := normalizeID(id); valid {
		id = full
	}
	c.touch(action, obj.Name, id, slices.Sorted(maps.Keys(in)), err)
	return err
}

// saved is the body of a successful create or upsert.
func saved(id string) doc { return doc{{"id", id}, {"success", true}, {"errors", []any{}}} }

func (c *call) createRow(obj *object) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	in, err := c.record()
	if err != nil {
		return failed(err)
	}
	id, err := c.insert(obj, in)
	if err != nil {
		return failed(err)
	}
	return response{status: http.StatusCreated, header: c.location(obj, id), body: saved(id)}
}

func (c *call) location(obj *object, id string) map[string]string {
	return map[string]string{"Location": c.prefix() + "/sobjects/" + obj.Name + "/" + id}
}

// row answers /sobjects/T/{id}.
func (c *call) row(obj *object, id string) response {
	switch c.method {
	case http.MethodGet:
		return c.readRow(obj, id)
	case http.MethodPatch:
		return c.patchRow(obj, id)
	case http.MethodDelete:
		return c.deleteRow(obj, id)
	}
	return failed(errMethod(c.method))
}

func (c *call) readRow(obj *object, id string) response {
	if err := c.allow("fields"); err != nil {
		return failed(err)
	}
	rec, err := c.o.existing(obj, id)
	if err != nil {
		c.touch("read", obj.Name, id, nil, err)
		return failed(err)
	}
	fields, err := c.selected(obj, c.query.Get("fields"))
	if err != nil {
		return failed(err)
	}
	c.touch("read", obj.Name, rec.id, nil, nil)
	changed := rec.when("LastModifiedDate")
	if status, err := c.conditional(changed); err != nil {
		return failed(err)
	} else if status != 0 {
		return response{status: status}
	}
	resp := ok(c.show(rec, fields))
	if !changed.IsZero() {
		resp.header = map[string]string{"Last-Modified": changed.Format(http.TimeFormat)}
	}
	return resp
}

// selected resolves the fields parameter; without it a row shows every column that the caller sees.
func (c *call) selected(obj *object, list string) ([]*field, *apiError) {
	if list == "" {
		return c.acc.visibleFields(obj), nil
	}
	return c.named(obj, strings.Split(list, ","))
}

func (c *call) named(obj *object, names []string) ([]*field, *apiError) {
	var fields []*field
	for _, name := range names {
		f := obj.field(strings.TrimSpace(name))
		if f == nil || !c.acc.seesField(obj, f) {
			return nil, badRequest("INVALID_FIELD", "No such column '%s' on sobject of type %s", name, obj.Name)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// show renders a row; the id is always part of it.
func (c *call) show(rec *record, fields []*field) doc {
	out := doc{{"attributes", attributes(rec, c.prefix())}}
	hasID := false
	for _, f := range fields {
		out = append(out, member{f.Name, f.render(rec.value(c.o, f))})
		hasID = hasID || f.Type == typeID
	}
	if !hasID {
		out = append(out, member{"Id", rec.id})
	}
	return out
}

// conditional evaluates the date preconditions of a request ("Conditional Requests"). It returns 304 or 412, or 0 to go on.
func (c *call) conditional(changed time.Time) (int, *apiError) {
	if c.header.Get("If-Match") != "" || c.header.Get("If-None-Match") != "" {
		return 0, badRequest("INVALID_HEADER", "entity tags are not served here; use If-Unmodified-Since")
	}
	if !c.o.kit.Switches.Is(switchConditional, "supported") || changed.IsZero() {
		return 0, nil
	}
	since, hasSince, err := c.dateHeader("If-Modified-Since")
	if err != nil {
		return 0, err
	}
	until, hasUntil, err := c.dateHeader("If-Unmodified-Since")
	if err != nil {
		return 0, err
	}
	switch {
	case hasUntil && changed.After(until):
		return http.StatusPreconditionFailed, nil
	case hasSince && c.method == http.MethodGet && !changed.After(since):
		return http.StatusNotModified, nil
	}
	return 0, nil
}

func (c *call) dateHeader(name string) (time.Time, bool, *apiError) {
	text := c.header.Get(name)
	if text == "" {
		return time.Time{}, false, nil
	}
	t, err := http.ParseTime(text)
	if err != nil {
		return t, false, badRequest("INVALID_HEADER", "invalid date in header %s: %s", name, clip(text))
	}
	return t, true, nil
}

func (c *call) patchRow(obj *object, id string) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	in, err := c.record()
	if err != nil {
		return failed(err)
	}
	if hasKey(in, "Id") {
		return failed(badRequest("INVALID_FIELD", "The Id field should not be specified in the sobject data.").on("Id"))
	}
	rec, err := c.o.existing(obj, id)
	if err != nil {
		c.touch("update", obj.Name, id, nil, err)
		return failed(err)
	}
	status, err := c.conditional(rec.when("LastModifiedDate"))
	if err != nil {
		return failed(err)
	}
	if status != 0 {
		failure := errorf(status, "PRECONDITION_FAILED", "the record was modified after the given date")
		c.touch("update", obj.Name, rec.id, slices.Sorted(maps.Keys(in)), failure)
		return failed(failure)
	}
	if err := c.update(obj, rec.id, in); err != nil {
		return failed(err)
	}
	return noContent()
}

func hasKey(in map[string]any, name string) bool {
	for key := range in {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

func (c *call) deleteRow(obj *object, id string) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	if c.header.Get("If-Unmodified-Since") != "" {
		return failed(badRequest("INVALID_HEADER", "If-Unmodified-Since is not supported on DELETE"))
	}
	if err := c.remove(obj, id); err != nil {
		return failed(err)
	}
	return noContent()
}

// rowByKey answers /sobjects/T/{external id field}/{value}: read, upsert, delete.
func (c *call) rowByKey(obj *object, name, value string) response {
	f := obj.field(name)
	if f == nil || !f.ExternalID || !c.acc.seesField(obj, f) {
		return failed(errorf(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", name))
	}
	found := c.o.byField(obj, f, value)
	if len(found) > 1 {
		urls := make([]string, len(found))
		for i, rec := range found {
			urls[i] = c.prefix() + "/sobjects/" + obj.Name + "/" + rec.id
		}
		return response{status: http.StatusMultipleChoices, body: urls}
	}
	if c.method == http.MethodPatch {
		return c.upsert(obj, f, value, found)
	}
	if len(found) == 0 {
		return failed(errNotFound())
	}
	return c.row(obj, found[0].id)
}

func (c *call) upsert(obj *object, f *field, value string, found []*record) response {
	if err := c.allow("updateOnly"); err != nil {
		return failed(err)
	}
	in, err := c.record()
	if err != nil {
		return failed(err)
	}
	if hasKey(in, f.Name) || hasKey(in, "Id") {
		return failed(badRequest("INVALID_FIELD", "The %s field should not be specified in the sobject data.", f.Name).on(f.Name))
	}
	if len(found) == 1 {
		status, err := c.conditional(found[0].when("LastModifiedDate"))
		if err == nil && status != 0 {
			err = errorf(status, "PRECONDITION_FAILED", "the record was modified after the given date")
		}
		if err == nil {
			err = c.update(obj, found[0].id, in)
		}
		if err != nil {
			return failed(err)
		}
		return ok(append(saved(found[0].id), member{"created", false}))
	}
	if c.query.Get("updateOnly") == "true" {
		return failed(errNotFound())
	}
	in[f.Name] = value
	id, err := c.insert(obj, in)
	if err != nil {
		return failed(err)
	}
	return response{status: http.StatusCreated, header: c.location(obj, id), body: append(saved(id), member{"created", true})}
}

// changes answers /sobjects/T/updated and /deleted.
func (c *call) changes(obj *object, which string) response {
	if err := c.allow("start", "end"); err != nil {
		return failed(err)
	}
	start, end, err := c.window()
	if err != nil {
		return failed(err)
	}
	within := func(t time.Time) bool { return !t.Before(start) && !t.After(end) }
	c.touch("read", obj.Name, "", nil, nil)
	ids, gone := []string{}, []doc{}
	for _, rec := range c.o.scan(obj) {
		switch {
		case rec.deleted && within(rec.deletedAt):
			gone = append(gone, doc{{"deletedDate", rec.deletedAt.Format(jsonDateTime)}, {"id", rec.id}})
		case !rec.deleted && within(rec.when("SystemModstamp")):
			ids = append(ids, rec.id)
		}
	}
	covered := end
	if now := c.o.now(); covered.After(now) {
		covered = now
	}
	if which == "updated" {
		return ok(doc{{"ids", ids}, {"latestDateCovered", covered.Format(jsonDateTime)}})
	}
	return ok(doc{{"deletedRecords", gone}, {"earliestDateAvailable", c.o.now().AddDate(0, 0, -15).Format(jsonDateTime)},
		{"latestDateCovered", covered.Format(jsonDateTime)}})
}

// window reads the span of a change resource: at most 30 days back, in the resolution that the switch says.
func (c *call) window() (start, end time.Time, err *apiError) {
	for _, bound := range []struct {
		name string
		into *time.Time
	}{{"start", &start}, {"end", &end}} {
		t, valid := parseDateTime(c.query.Get(bound.name))
		if !valid {
			return start, end, badRequest("INVALID_REPLICATION_DATE", "invalid or missing parameter %s: %s", bound.name, clip(c.query.Get(bound.name)))
		}
		*bound.into = t
	}
	if c.o.kit.Switches.Is(switchUpdatedGranularity, "minute") {
		start, end = start.Truncate(time.Minute), end.Truncate(time.Minute)
	}
	switch {
	case !end.After(start):
		return start, end, badRequest("INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate")
	case c.o.now().Sub(start) > 30*24*time.Hour:
		return start, end, badRequest("INVALID_REPLICATION_DATE", "startDate before org replication enabled date: %s", fmt.Sprint(start.Format(jsonDateTime)))
	}
	return start, end, nil
}
