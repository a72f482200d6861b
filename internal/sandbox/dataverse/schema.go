package dataverse

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// kind is the AttributeType of a column, as metadata gives it.
type kind string

const (
	kindString      kind = "String"
	kindMemo        kind = "Memo"
	kindInteger     kind = "Integer"
	kindBigInt      kind = "BigInt"
	kindDecimal     kind = "Decimal"
	kindDouble      kind = "Double"
	kindMoney       kind = "Money"
	kindBoolean     kind = "Boolean"
	kindDateTime    kind = "DateTime"
	kindPicklist    kind = "Picklist"
	kindMultiSelect kind = "Virtual" // choices; the only virtual columns that the environment has
	kindState       kind = "State"
	kindStatus      kind = "Status"
	kindLookup      kind = "Lookup"
	kindCustomer    kind = "Customer"
	kindOwner       kind = "Owner"
	kindID          kind = "Uniqueidentifier"
	kindEntityName  kind = "EntityName"
)

// entity is the definition of a table. Its maps of properties are never changed but replaced, so that an undo can put back the
// old ones.
type entity struct {
	id, logical, schema, set string
	primaryID, primaryName   string
	typeCode                 int
	custom, managed          bool
	intersect                bool           // of a many-to-many relationship
	props                    map[string]any // published
	draft                    map[string]any // not yet published; nil if there is nothing
	attributes               map[string]*attribute
	order                    []string
	keys                     []*alternateKey
}

// attribute is the definition of a column. A stored attribute never changes; a change stores a new one.
type attribute struct {
	id, logical, schema string
	kind                kind
	custom, managed     bool
	readOnly            bool // in payloads of clients
	createOnly          bool
	writeOnly           bool // never shown
	hidden              bool // in metadata and rows: the environment's own book-keeping
	props               map[string]any
	draft               map[string]any
	options             *optionSet // own options; nil when global or none
	global              string     // name of the global choice
	targets             []string   // tables that a lookup can point to
	since               time.Time  // of custom columns
	initial             any        // value of new rows
}

// alternateKey is an alternate key of a table and the state of its index.
type alternateKey struct {
	id, logical, schema string
	props               map[string]any
	columns             []string
	since               time.Time // when its index was begun
	failed              bool
}

// relationship is a one-to-many or many-to-many relationship.
type relationship struct {
	id, schema string
	props      map[string]any
	custom     bool
	// One to many.
	referenced, referencing, attribute string // attribute: the lookup's logical name
	single, collection                 string // navigation properties: of the lookup, and of the referenced table
	cascadeDelete                      string // Cascade, RemoveLink, Restrict or NoCascade
	// Many to many; then the above are empty.
	entity1, entity2, intersect, nav1, nav2 string
}

func (r *relationship) many() bool { return r.intersect != "" }

// catalog holds all definitions.
type catalog struct {
	entities      map[string]*entity
	order         []string // logical names
	relationships []*relationship
	globals       map[string]*optionSet // global choices, by name
	nextTypeCode  int
	nextColumn    int
}

func (c *catalog) entity(logical string) *entity { return c.entities[logical] }

func (c *catalog) bySet(set string) *entity {
	for _, name := range c.order {
		if e := c.entities[name]; e.set == set {
			return e
		}
	}
	return nil
}

func (c *catalog) byID(id string) *entity {
	for _, name := range c.order {
		if e := c.entities[name]; e.id == id {
			return e
		}
	}
	return nil
}

// optionsOf returns the choices of a column, or nil.
func (c *catalog) optionsOf(a *attribute) *optionSet {
	if a.global != "" {
		return c.globals[a.global]
	}
	return a.options
}

// lookupBy finds the relationship behind a single-valued navigation property of a table.
func (c *catalog) lookupBy(e *entity, navigation string) *relationship {
	for _, r := range c.relationships {
		if !r.many() && r.referencing == e.logical && r.single == navigation {
			return r
		}
	}
	return nil
}

// collectionBy finds the relationship behind a collection-valued navigation property of a table.
func (c *catalog) collectionBy(e *entity, navigation string) *relationship {
	for _, r := range c.relationships {
		switch {
		case !r.many() && r.referenced == e.logical && r.collection == navigation:
			return r
		case r.many() && (r.entity1 == e.logical && r.nav1 == navigation || r.entity2 == e.logical && r.nav2 == navigation):
			return r
		}
	}
	return nil
}

// navigationOf names the navigation property by which a lookup points to a table.
func (c *catalog) navigationOf(e *entity, attribute, target string) string {
	for _, r := range c.relationships {
		if !r.many() && r.referencing == e.logical && r.attribute == attribute && r.referenced == target {
			return r.single
		}
	}
	return attribute
}

func (e *entity) attribute(logical string) *attribute {
	a := e.attributes[logical]
	if a == nil || a.hidden {
		return nil
	}
	return a
}

// column finds the column behind a property of rows: the logical name, or _name_value for lookups.
func (e *entity) column(property string) *attribute {
	if a := e.attribute(property); a != nil && !a.isLookup() {
		return a
	}
	name, isLookup := strings.CutPrefix(property, "_")
	name, hasEnd := strings.CutSuffix(name, "_value")
	if a := e.attribute(name); isLookup && hasEnd && a != nil && a.isLookup() {
		return a
	}
	return nil
}

func (a *attribute) isLookup() bool {
	return a.kind == kindLookup || a.kind == kindCustomer || a.kind == kindOwner
}

func (a *attribute) isChoice() bool {
	return a.kind == kindPicklist || a.kind == kindMultiSelect || a.kind == kindState || a.kind == kindStatus || a.kind == kindBoolean
}

// property is the name of the column in rows.
func (a *attribute) property() string {
	if a.isLookup() {
		return "_" + a.logical + "_value"
	}
	return a.logical
}

func (a *attribute) number(name string) (float64, bool) { return numberOf(a.props[name]) }

func (a *attribute) text(name string) string {
	s, _ := a.props[name].(string)
	return s
}

// dateOnly says whether the column's values are dates without a time.
func (a *attribute) dateOnly() bool {
	behavior, _ := a.props["DateTimeBehavior"].(map[string]any)
	return behavior["Value"] == "DateOnly" || a.text("Format") == "DateOnly"
}

func (a *attribute) clone() *attribute {
	c := *a
	return &c
}

func (e *entity) yes(name string) bool {
	b, _ := e.props[name].(bool)
	return b
}

// clone copies the definition as far as a change can touch it.
func (e *entity) clone() *entity {
	c := *e
	c.attributes = maps.Clone(e.attributes)
	c.order = slices.Clone(e.order)
	c.keys = nil
	for _, k := range e.keys {
		copied := *k
		c.keys = append(c.keys, &copied)
	}
	return &c
}

// save notes the state of the catalog's lists, so that a rollback restores them.
func (t *tx) saveCatalog() {
	c := t.e.catalog
	entities, order, relationships, globals := maps.Clone(c.entities), slices.Clone(c.order), slices.Clone(c.relationships), maps.Clone(c.globals)
	code, column := c.nextTypeCode, c.nextColumn
	t.onRollback(func() {
		c.entities, c.order, c.relationships, c.globals, c.nextTypeCode, c.nextColumn = entities, order, relationships, globals, code, column
	})
}

// edit replaces a table's definition by a copy that may be changed.
func (t *tx) edit(e *entity) *entity {
	t.saveCatalog()
	next := e.clone()
	t.e.catalog.entities[e.logical] = next
	return next
}

func (e *entity) add(a *attribute) {
	if e.attributes[a.logical] == nil {
		e.order = append(e.order, a.logical)
	}
	e.attributes[a.logical] = a
}

func (e *entity) remove(logical string) {
	delete(e.attributes, logical)
	e.order = slices.DeleteFunc(e.order, func(name string) bool { return name == logical })
}

func numberOf(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}
