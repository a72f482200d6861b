package salesforce

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// maxCollection is the most records that one collection request may carry.
const maxCollection = 200

// rowResult is one element of the answer to a collection write.
type rowResult struct {
	ID      string        `json:"id,omitempty"`
	Success bool          `json:"success"`
	Errors  []recordError `json:"errors"`
	Created *bool         `json:"created,omitempty"`
}

// collectionBody is the request form of collection writes.
type collectionBody struct {
	AllOrNone bool             `json:"allOrNone"`
	Records   []map[string]any `json:"records"`
}

// collections answers everything under /composite/sobjects.
func (c *call) collections(p []string) response {
	switch {
	case len(p) == 0 && c.method == http.MethodPost:
		return c.writeCollection(c.createOne)
	case len(p) == 0 && c.method == http.MethodPatch:
		return c.writeCollection(c.updateOne)
	case len(p) == 0 && c.method == http.MethodDelete:
		return c.deleteCollection()
	case len(p) == 1 && (c.method == http.MethodPost || c.method == http.MethodGet):
		return c.readCollection(p[0])
	case len(p) == 2 && c.method == http.MethodPatch:
		return c.upsertCollection(p[0], p[1])
	case len(p) <= 2:
		return failed(errMethod(c.method))
	}
	return failed(errNotFound())
}

func errTooMany() *apiError {
	return badRequest("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than %d records into this call", maxCollection)
}

func (c *call) collectionInput() (*collectionBody, *apiError) {
	if err := c.allow(); err != nil {
		return nil, err
	}
	var in collectionBody
	if err := decodeStrict(c.body, &in); err != nil {
		return nil, err
	}
	switch {
	case len(in.Records) == 0:
		return nil, badRequest("INVALID_INPUT", "The records list is empty")
	case len(in.Records) > maxCollection:
		return nil, errTooMany()
	}
	return &in, nil
}

func (c *call) writeCollection(one func(map[string]any) rowResult) response {
	in, err := c.collectionInput()
	if err != nil {
		return failed(err)
	}
	results := make([]rowResult, len(in.Records))
	for i, rec := range in.Records {
		results[i] = one(rec)
	}
	return ok(c.finish(results, in.AllOrNone))
}

// finish takes an all-or-none request back as a whole when one of its records was refused.
func (c *call) finish(results []rowResult, allOrNone bool) []rowResult {
	if !allOrNone || !slices.ContainsFunc(results, func(r rowResult) bool { return !r.Success }) {
		return results
	}
	c.tx.rollbackTo(0)
	c.markRefused(0)
	for i, r := range results {
		if r.Success {
			results[i] = rowResult{Errors: []recordError{{StatusCode: "ALL_OR_NONE_OPERATION_ROLLED_BACK",
				Message: "Record rolled back because not all records were valid and the request was using AllOrNone header", Fields: []string{}}}}
		}
	}
	return results
}

// markRefused notes in the log rows from one on that their writes did not last.
func (c *call) markRefused(from int) {
	for i := from; i < len(c.touched); i++ {
		if c.touched[i].IsWrite() {
			c.touched[i].Status = http.StatusBadRequest
		}
	}
}

func refused(id string, err *apiError) rowResult {
	return rowResult{ID: id, Errors: []recordError{err.perRecord()}}
}

// typed takes the attributes off a collection record and finds its object.
func (c *call) typed(rec map[string]any) (*object, *apiError) {
	attrs, _ := rec["attributes"].(map[string]any)
	delete(rec, "attributes")
	name, _ := attrs["type"].(string)
	if name == "" {
		return nil, badRequest("INVALID_INPUT", "Include the type attribute in every record: \"attributes\":{\"type\":…}")
	}
	obj := c.o.data.object(name)
	if !c.acc.seesObject(obj) {
		return nil, badRequest("INVALID_TYPE", "sObject type '%s' is not supported.", name)
	}
	return obj, nil
}

func (c *call) createOne(rec map[string]any) rowResult {
	obj, err := c.typed(rec)
	if err != nil {
		return refused("", err)
	}
	id, err := c.insert(obj, rec)
	if err != nil {
		return refused("", err)
	}
	return rowResult{ID: id, Success: true, Errors: []recordError{}}
}

func (c *call) updateOne(rec map[string]any) rowResult {
	obj, err := c.typed(rec)
	if err != nil {
		return refused("", err)
	}
	id := takeID(rec)
	if id == "" {
		return refused("", badRequest("MISSING_ARGUMENT", "Id not specified in an update call"))
	}
	if err := c.update(obj, id, rec); err != nil {
		return refused(id, inRecord(err))
	}
	full, _ := normalizeID(id)
	return rowResult{ID: full, Success: true, Errors: []recordError{}}
}

// inRecord renames the codes that single-row resources use for rows that do not exist.
func inRecord(err *apiError) *apiError {
	if err.Code == "NOT_FOUND" {
		return badRequest("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	}
	return err
}

func takeID(rec map[string]any) (id string) {
	for key, value := range rec {
		if strings.EqualFold(key, "Id") {
			id, _ = value.(string)
			delete(rec, key)
		}
	}
	return id
}

func (c *call) upsertCollection(objectName, fieldName string) response {
	in, err := c.collectionInput()
	if err != nil {
		return failed(err)
	}
	obj := c.o.data.object(objectName)
	if !c.acc.seesObject(obj) {
		return failed(errNotFound())
	}
	f := obj.field(fieldName)
	byID := f != nil && f.Type == typeID
	if f == nil || !f.ExternalID && !byID || !c.acc.seesField(obj, f) {
		return failed(errorf(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", fieldName))
	}
	results := make([]rowResult, len(in.Records))
	for i, rec := range in.Records {
		results[i] = c.upsertOne(obj, f, rec)
	}
	return ok(c.finish(results, in.AllOrNone))
}

func (c *call) upsertOne(obj *object, f *field, rec map[string]any) rowResult {
	if typed, err := c.typed(rec); err != nil {
		return refused("", err)
	} else if typed != obj {
		return refused("", badRequest("INVALID_TYPE", "the record is not of type %s", obj.Name))
	}
	created := false
	if f.Type == typeID {
		if !hasKey(rec, "Id") {
			created = true
			result := c.createOne(withType(rec, obj))
			result.Created = &created
			return result
		}
		result := c.updateOne(withType(rec, obj))
		result.Created = &created
		return result
	}
	key := rec[f.Name]
	if key == nil {
		return refused("", badRequest("MISSING_ARGUMENT", "%s not specified", f.Name))
	}
	found := c.o.byField(obj, f, key)
	switch len(found) {
	case 0:
		created = true
		result := c.createOne(withType(rec, obj))
		result.Created = &created
		return result
	case 1:
		delete(rec, f.Name)
		rec["Id"] = found[0].id
		result := c.updateOne(withType(rec, obj))
		result.Created = &created
		return result
	}
	return refused("", badRequest("DUPLICATE_VALUE", "%s: more than one record found for external id field: %v", f.Name, key))
}

func withType(rec map[string]any, obj *object) map[string]any {
	rec["attributes"] = map[string]any{"type": obj.Name}
	return rec
}

func (c *call) deleteCollection() response {
	if err := c.allow("ids", "allOrNone"); err != nil {
		return failed(err)
	}
	allOrNone, err := c.boolParameter("allOrNone")
	if err != nil {
		return failed(err)
	}
	if c.query.Get("ids") == "" {
		return failed(badRequest("INVALID_INPUT", "The ids parameter is empty"))
	}
	ids := strings.Split(c.query.Get("ids"), ",")
	if len(ids) > maxCollection {
		return failed(errTooMany())
	}
	results := make([]rowResult, len(ids))
	for i, id := range ids {
		results[i] = c.deleteOne(strings.TrimSpace(id))
	}
	return ok(c.finish(results, allOrNone))
}

func (c *call) boolParameter(name string) (bool, *apiError) {
	switch c.query.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, badRequest("INVALID_PARAMETER", "%s must be true or false", name)
}

func (c *call) deleteOne(id string) rowResult {
	full, valid := normalizeID(id)
	if !valid {
		return refused("", badRequest("MALFORMED_ID", "malformed id %s", clip(id)))
	}
	obj := c.o.data.objectOfID(full)
	if !c.acc.seesObject(obj) {
		return refused(full, badRequest("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
	}
	if err := c.remove(obj, full); err != nil {
		return refused(full, inRecord(err))
	}
	return rowResult{ID: full, Success: true, Errors: []recordError{}}
}

// readCollection is the multi-get, by body or by query parameters. A row that does not exist reads as null.
func (c *call) readCollection(name string) response {
	obj := c.o.data.object(name)
	if !c.acc.seesObject(obj) {
		return failed(errNotFound())
	}
	ids, names, err := c.readList()
	if err != nil {
		return failed(err)
	}
	fields, err := c.named(obj, names)
	if err != nil {
		return failed(err)
	}
	out := make([]any, len(ids))
	for i, id := range ids {
		rec, err := c.o.existing(obj, strings.TrimSpace(id))
		c.touched = append(c.touched, lab.Operation{Method: c.method, Path: c.prefix() + "/composite/sobjects/" + obj.Name, Action: "read", Object: obj.Name, ID: id})
		if err == nil {
			out[i] = c.show(rec, fields)
		}
	}
	return ok(out)
}

func (c *call) readList() (ids, fields []string, err *apiError) {
	if c.method == http.MethodGet {
		if err := c.allow("ids", "fields"); err != nil {
			return nil, nil, err
		}
		ids, fields = strings.Split(c.query.Get("ids"), ","), strings.Split(c.query.Get("fields"), ",")
	} else {
		var in struct {
			IDs    []string `json:"ids"`
			Fields []string `json:"fields"`
		}
		if err := decodeStrict(c.body, &in); err != nil {
			return nil, nil, err
		}
		ids, fields = in.IDs, in.Fields
	}
	const mostRead = 2000
	switch {
	case len(ids) == 0 || len(fields) == 0:
		return nil, nil, badRequest("INVALID_INPUT", "ids and fields must not be empty")
	case c.method == http.MethodPost && len(ids) > mostRead, c.method == http.MethodGet && len(ids) > maxCollection:
		return nil, nil, errTooMany()
	}
	return ids, fields, nil
}

// marshalBody is a response body as the plain JSON value that references of a composite point into.
func marshalBody(body any) any {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	var value any
	if decodeJSON(raw, &value) != nil {
		return nil
	}
	return value
}
