package dataverse

import (
	"slices"
	"strings"
)

// payload is the body of a write, read and checked.
type payload struct {
	values map[string]any // by logical name; nil clears
	id     string
	deep   []deepInsert
}

// deepInsert is a related row that is made together with another one.
type deepInsert struct {
	rel *relationship
	in  map[string]any
	up  bool // the related row is what the lookup points to
}

// payload reads the body of a write on a row.
func (c *call) payload(ent *entity, in map[string]any, creating bool) (payload, *apiError) {
	p := payload{values: map[string]any{}}
	for name, value := range in {
		if err := c.member(ent, &p, name, value, creating); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (c *call) member(ent *entity, p *payload, name string, value any, creating bool) *apiError {
	nav, isBind := strings.CutSuffix(name, "@odata.bind")
	switch {
	case isBind:
		return c.bind(ent, p, nav, value)
	case strings.HasPrefix(name, "@odata."), strings.Contains(name, "@"):
		return nil // annotations are for readers
	}
	if rel := c.e.catalog.lookupBy(ent, name); rel != nil && ent.column(name) == nil {
		related, isObject := value.(map[string]any)
		switch {
		case value == nil:
			p.values[rel.attribute] = nil
		case isObject && creating:
			p.deep = append(p.deep, deepInsert{rel, related, true})
		default:
			return errPayload(ent.logical, "the navigation property '%s' needs an @odata.bind or an object", name)
		}
		return nil
	}
	if rel := c.e.catalog.collectionBy(ent, name); rel != nil && creating && ent.column(name) == nil {
		list, isList := value.([]any)
		if !isList {
			return errPayload(ent.logical, "the navigation property '%s' needs a list", name)
		}
		for _, entry := range list {
			related, _ := entry.(map[string]any)
			p.deep = append(p.deep, deepInsert{rel: rel, in: related})
		}
		return nil
	}
	return c.plainMember(ent, p, name, value, creating)
}

func (c *call) plainMember(ent *entity, p *payload, name string, value any, creating bool) *apiError {
	a := ent.attribute(name)
	if a == nil || a.isLookup() || !c.knows(a) {
		if ent.column(name) != nil {
			return errPayload(ent.logical, "the property '%s' is read-only; use @odata.bind on its navigation property", name)
		}
		return errUndeclared(name, ent.logical)
	}
	if name == ent.primaryID {
		id, isGUID := normalGUID(plain(value))
		if !isGUID {
			return errType(ent, a, value)
		}
		p.id = id
		return nil
	}
	checked, err := c.e.catalog.check(ent, a, value)
	if err != nil {
		return err
	}
	if a.readOnly || a.createOnly && !creating {
		return nil // the platform leaves such columns alone without a word
	}
	p.values[name] = checked
	return nil
}

// bind points a lookup to a row, or nowhere.
func (c *call) bind(ent *entity, p *payload, nav string, value any) *apiError {
	rel := c.e.catalog.lookupBy(ent, nav)
	if rel == nil && ent.logical == "environmentvariablevalue" && nav == "environmentvariabledefinitionid" && c.e.is(switchBindCase, accepted) {
		rel = c.e.catalog.lookupBy(ent, "EnvironmentVariableDefinitionId")
	}
	if rel == nil {
		return errUndeclared(nav, ent.logical)
	}
	if value == nil {
		p.values[rel.attribute] = nil
		return nil
	}
	link, isText := value.(string)
	if !isText {
		return errPayload(ent.logical, "the reference of '%s' is not a text", nav)
	}
	to, err := c.resolve(link)
	if err != nil {
		return err
	}
	a := ent.attributes[rel.attribute]
	if to.table != rel.referenced && !(a.kind == kindOwner && slices.Contains(a.targets, to.table)) {
		return errPayload(ent.logical, "the navigation property '%s' cannot point to a row of %s", nav, to.table)
	}
	if err := c.e.may(c.who, "AppendTo", c.e.catalog.entity(to.table), nil); err != nil {
		return err
	}
	p.values[rel.attribute] = to
	return nil
}
