package dataverse

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Act is something that a person does on the screen.
type Act struct {
	Name, Help string
	Parameters []Parameter
	Fields     bool // further parameters are set as columns, by logical name
	Do         func(ctx context.Context, args map[string]string) (map[string]any, error)
}

// Parameter is an argument of an act.
type Parameter struct {
	Name, Help string
	Required   bool
}

// screen says whether the write comes from a screen and not from the Web API.
func (c *call) screen() bool { return c.r == nil }

// personCall is a call without a request: what a person does on a screen. The lock is held.
func (e *Environment) personCall(user string) *call {
	return &call{e: e, who: &principal{id: user, actor: "seller"}, header: http.Header{}, query: url.Values{}, tx: &tx{e: e}}
}

// onScreen lets a user do something and logs it. What is refused changes nothing.
func (e *Environment) onScreen(user string, do func(c *call) *apiError) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.personCall(user)
	if user != e.people.seller {
		c.who.actor = "administrator"
	}
	if err := do(c); err != nil {
		c.tx.rollbackTo(0)
		return err
	}
	e.announce(c.tx.events)
	for _, op := range c.touched {
		if op.Action == "read" {
			continue
		}
		e.kit.Log.Append(lab.Operation{Service: e.opts.Service, Actor: c.who.actor, Action: op.Action, Object: op.Object, ID: op.ID, Fields: op.Fields})
	}
	return nil
}

// Create adds a row as the seller and returns its id. Values are by logical name: text, numbers, true and false, and for lookups the
// id of the row.
func (e *Environment) Create(table string, values map[string]any) (string, error) {
	id := ""
	err := e.onScreen(e.people.seller, func(c *call) *apiError {
		rec, err := c.createTyped(table, values)
		if err == nil {
			id = rec.id
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create %s: %w", table, err)
	}
	return id, nil
}

// Edit changes columns of a row as the seller; nil clears one.
func (e *Environment) Edit(table, id string, values map[string]any) error {
	err := e.onScreen(e.people.seller, func(c *call) *apiError { return c.editTyped(table, id, values) })
	if err != nil {
		return fmt.Errorf("edit %s %s: %w", table, id, err)
	}
	return nil
}

// Delete deletes a row as the seller, with what goes with it.
func (e *Environment) Delete(table, id string) error {
	err := e.onScreen(e.people.seller, func(c *call) *apiError {
		ent, rec, err := c.need(table, id)
		if err != nil {
			return err
		}
		return c.erase(ent, rec)
	})
	if err != nil {
		return fmt.Errorf("delete %s %s: %w", table, id, err)
	}
	return nil
}

// Row returns the present values of a row by the names of the Web API. It is false for a row that does not exist.
func (e *Environment) Row(table, id string) (map[string]any, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ent, rec := e.catalog.entity(table), e.find(table, id)
	if ent == nil || rec == nil {
		return nil, false
	}
	return ent.view(rec), true
}

// Rows returns all rows of a table, oldest first, in the form of Row.
func (e *Environment) Rows(table string) []map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	ent := e.catalog.entity(table)
	if ent == nil {
		return nil
	}
	var list []map[string]any
	for _, rec := range e.table(table).all() {
		list = append(list, ent.view(rec))
	}
	return list
}

func (e *entity) view(rec *record) map[string]any {
	out := map[string]any{"@odata.etag": etag(rec)}
	for _, name := range e.order {
		if a := e.attribute(name); a != nil && !a.writeOnly {
			out[a.property()] = rec.visible(a)
		}
	}
	return out
}

// need finds a row that an act is about.
func (c *call) need(table, id string) (*entity, *record, *apiError) {
	ent := c.e.catalog.entity(table)
	if ent == nil {
		return nil, nil, badRequest(codeNoEntity, "the environment has no table %s; create it by metadata first", table)
	}
	rec := c.e.find(table, id)
	if rec == nil {
		return nil, nil, errMissing(table, id)
	}
	return ent, rec, nil
}

func (c *call) createTyped(table string, values map[string]any) (*record, *apiError) {
	ent := c.e.catalog.entity(table)
	if ent == nil {
		return nil, badRequest(codeNoEntity, "the environment has no table %s; create it by metadata first", table)
	}
	if err := c.e.may(c.who, "Create", ent, nil); err != nil {
		return nil, err
	}
	typed, err := c.typed(ent, values)
	if err != nil {
		return nil, err
	}
	return c.store(ent, c.tx.guid(), payload{values: typed}, false)
}

func (c *call) editTyped(table, id string, values map[string]any) *apiError {
	ent, rec, err := c.need(table, id)
	if err != nil {
		return err
	}
	if err := c.e.may(c.who, "Write", ent, rec); err != nil {
		return err
	}
	typed, err := c.typed(ent, values)
	if err != nil {
		return err
	}
	_, err = c.update(ent, rec, typed, false)
	return err
}

// typed turns the values of an act into those of columns. Texts may stand for every type; an empty one clears.
func (c *call) typed(ent *entity, values map[string]any) (map[string]any, *apiError) {
	out := map[string]any{}
	for name, value := range values {
		a := ent.attribute(name)
		if a == nil || a.readOnly {
			return nil, errProperty(name, ent.logical)
		}
		if n, isInt := value.(int); isInt {
			value = float64(n)
		}
		words, isText := value.(string)
		switch {
		case value == nil || isText && words == "":
			out[name] = nil
			continue
		case a.isLookup():
			to, err := c.typedLookup(ent, a, words)
			if err != nil {
				return nil, err
			}
			out[name] = to
			continue
		case isText && a.kind == kindBoolean:
			b, err := strconv.ParseBool(words)
			if err != nil {
				return nil, errType(ent, a, value)
			}
			value = b
		case isText && edmType(a) != "String" && a.kind != kindDateTime && a.kind != kindID:
			f, err := strconv.ParseFloat(words, 64)
			if err != nil {
				return nil, errType(ent, a, value)
			}
			value = f
		}
		checked, err := c.e.catalog.check(ent, a, value)
		if err != nil {
			return nil, err
		}
		out[name] = checked
	}
	return out, nil
}

// typedLookup finds the row that a lookup names: by its id, or by its name.
func (c *call) typedLookup(ent *entity, a *attribute, words string) (ref, *apiError) {
	for _, target := range a.targets {
		if c.e.find(target, words) != nil {
			return ref{target, words}, nil
		}
		other := c.e.catalog.entity(target)
		if other.primaryName == "" {
			continue
		}
		for _, rec := range c.e.table(target).with(other.primaryName, words) {
			return ref{target, rec.id}, nil
		}
	}
	return ref{}, badRequest(codeNotFound, "%s %s: there is no row %q", ent.logical, a.logical, words)
}
