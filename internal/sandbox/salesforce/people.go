package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Act is something that a seller does on the screen. People see every field, whatever the integration may see.
type Act struct {
	Name, Help string
	Parameters []Parameter
	Fields     bool // further parameters are set as fields, by API name
	Do         func(ctx context.Context, args map[string]string) (map[string]any, error)
}

// Parameter is an argument of an act.
type Parameter struct {
	Name, Help string
	Required   bool
}

// Create adds a row as the seller and returns its 18-character id. Values are string, bool, float64, int or nil by API name.
func (o *Org) Create(objectName string, fields map[string]any) (string, error) {
	var id string
	err := o.act("create", objectName, "", fields, func(t *tx, obj *object, in map[string]any) (string, *apiError) {
		var err *apiError
		id, err = o.insert(t, o.seller, obj, in)
		return id, err
	})
	return id, err
}

// Edit changes fields of a row as the seller.
func (o *Org) Edit(objectName, id string, fields map[string]any) error {
	return o.act("update", objectName, id, fields, func(t *tx, obj *object, in map[string]any) (string, *apiError) {
		return id, o.update(t, o.seller, obj, id, in)
	})
}

// Delete puts a row and its children into the recycle bin as the seller.
func (o *Org) Delete(objectName, id string) error {
	return o.act("delete", objectName, id, nil, func(t *tx, obj *object, _ map[string]any) (string, *apiError) {
		return id, o.remove(t, o.seller, obj, id)
	})
}

// Undelete takes a row out of the recycle bin as the seller.
func (o *Org) Undelete(objectName, id string) error {
	return o.act("update", objectName, id, nil, func(t *tx, obj *object, _ map[string]any) (string, *apiError) {
		full, _ := normalizeID(id)
		old := o.find(obj, full)
		if old == nil || !old.deleted {
			return id, errNotFound()
		}
		back := old.clone()
		back.deleted, back.deletedAt = false, time.Time{}
		back.values["SystemModstamp"] = o.now()
		t.put(back)
		return full, nil
	})
}

// act runs one change of the seller and logs it. A refused act changes nothing.
func (o *Org) act(action, objectName, id string, fields map[string]any, do func(*tx, *object, map[string]any) (string, *apiError)) error {
	in, convErr := jsonFields(fields)
	if convErr != nil {
		return convErr
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.data.object(objectName)
	if obj == nil {
		return fmt.Errorf("the org has no object %s; create it by metadata first", objectName)
	}
	t := &tx{o: o}
	touched, err := do(t, obj, in)
	if err != nil {
		t.rollbackTo(0)
		return fmt.Errorf("%s %s: %w", action, obj.Name, err)
	}
	o.announce(t, o.seller, "")
	if full, valid := normalizeID(touched); valid {
		touched = full
	}
	o.kit.Log.Append(lab.Operation{Service: o.opts.Service, Actor: o.seller.actor, Action: action, Object: obj.Name, ID: touched,
		Fields: slices.Sorted(maps.Keys(in))})
	return nil
}

// jsonFields gives Go values the form that the schema checks expect.
func jsonFields(fields map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for name, value := range fields {
		switch v := value.(type) {
		case nil, string, bool, json.Number:
			out[name] = v
		case int:
			out[name] = json.Number(strconv.Itoa(v))
		case float64:
			out[name] = json.Number(strconv.FormatFloat(v, 'f', -1, 64))
		default:
			return nil, fmt.Errorf("field %s: a value of type %T cannot be stored; use text, a number, true, false or null", name, value)
		}
	}
	return out, nil
}

// Row returns the present values of a row by API name, as a person sees them, with times in the API's form. It reports
// false for a row that does not exist or is in the recycle bin.
func (o *Org) Row(object, id string) (map[string]any, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.data.object(object)
	if obj == nil {
		return nil, false
	}
	rec, err := o.existing(obj, id)
	if err != nil {
		return nil, false
	}
	return o.visible(rec), true
}

// Rows returns all rows of an object that are not in the recycle bin, oldest first, in the form of Row.
func (o *Org) Rows(object string) []map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.data.object(object)
	if obj == nil {
		return nil
	}
	var list []map[string]any
	for _, rec := range o.live(obj) {
		list = append(list, o.visible(rec))
	}
	return list
}

func (o *Org) visible(rec *record) map[string]any {
	out := map[string]any{}
	for _, f := range rec.object.fields {
		if !o.fieldExists(f) || f.Type == typeAddress {
			continue
		}
		value := f.render(rec.value(o, f))
		if d, isDecimal := value.(decimal); isDecimal {
			value = float64(d)
		}
		out[f.Name] = value
	}
	return out
}

// typedFields turns text parameters into values of the fields' types; empty text clears a field.
func (o *Org) typedFields(object string, args map[string]string) (map[string]any, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.data.object(object)
	if obj == nil {
		return nil, fmt.Errorf("the org has no object %s; create it by metadata first", object)
	}
	out := map[string]any{}
	for name, text := range args {
		f := obj.field(name)
		if f == nil || !o.fieldExists(f) {
			return nil, fmt.Errorf("%s has no field %s", object, name)
		}
		switch {
		case f.Type == typeBoolean:
			b, err := strconv.ParseBool(text)
			if err != nil {
				return nil, fmt.Errorf("%s is a checkbox: use true or false, not %q", name, text)
			}
			out[f.Name] = b
		case text == "":
			out[f.Name] = nil
		default:
			out[f.Name] = text
		}
	}
	return out, nil
}

// accountByName finds the oldest account with a name, or "".
func (o *Org) accountByName(name string) string {
	for _, row := range o.Rows("Account") {
		if have, _ := row["Name"].(string); strings.EqualFold(have, name) {
			id, _ := row["Id"].(string)
			return id
		}
	}
	return ""
}
