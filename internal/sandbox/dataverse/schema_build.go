package dataverse

import (
	"maps"
	"slices"
	"strings"
)

// column is a line of a table in the tables of this package: a column with what differs from the usual.
type column struct {
	schema  string
	kind    kind
	size    int // MaxLength of text
	display string
	targets []target
	options []any // value, label pairs; of status reasons value, label, state triples
	flags   string
	initial any
	extra   map[string]any // further properties of the definition
}

// target is a table that a lookup points to, and the names of the relationship.
type target struct {
	table, schema, single string // schema is also the collection's navigation property
	cascade               string
}

// to makes the target of a lookup whose names follow the rule.
func to(table string) target { return target{table: table} }

func text(schema string, size int) column {
	return column{schema: schema, kind: kindString, size: size}
}

func memo(schema string, size int) column { return column{schema: schema, kind: kindMemo, size: size} }

func of(k kind, schema string) column { return column{schema: schema, kind: k} }

func date(schema string) column {
	return column{schema: schema, kind: kindDateTime, extra: map[string]any{"Format": "DateOnly", "DateTimeBehavior": map[string]any{"Value": "DateOnly"}}}
}

func lookup(schema string, targets ...target) column {
	return column{schema: schema, kind: kindLookup, targets: targets}
}

func choice(schema string, options ...any) column {
	return column{schema: schema, kind: kindPicklist, options: options}
}

func yesNo(schema string, initial bool) column {
	return column{schema: schema, kind: kindBoolean, options: []any{0, "No", 1, "Yes"}, initial: initial}
}

func (c column) required() column    { c.flags += " required"; return c }
func (c column) recommended() column { c.flags += " recommended"; return c }
func (c column) readOnly() column    { c.flags += " readonly"; return c }
func (c column) createOnly() column  { c.flags += " createonly"; return c }
func (c column) writeOnly() column   { c.flags += " writeonly"; return c }
func (c column) hidden() column      { c.flags += " hidden"; return c }
func (c column) named(display string) column {
	c.display = display
	return c
}
func (c column) starts(value any) column {
	c.initial = value
	return c
}

func (c column) has(flag string) bool { return slices.Contains(strings.Fields(c.flags), flag) }

// tableOf is a table in the tables of this package.
type tableOf struct {
	schema, set, primaryName string
	code                     int
	owned                    bool // by users or teams; else by the organization
	plain                    bool // without the standard columns of owner, times and state
	states                   []any
	reasons                  []any
	tracking                 bool
	display                  [2]string
	columns                  []column
}

func newCatalog() *catalog {
	c := &catalog{entities: map[string]*entity{}, globals: map[string]*optionSet{}, nextTypeCode: 10100, nextColumn: 1}
	for _, t := range slices.Concat(salesTables, systemTables) {
		c.define(t)
	}
	for _, r := range standardManyToMany {
		copied := r
		copied.id = fixedID("relationship", r.schema)
		copied.props = manyToManyProps(&copied, nil)
		c.relationships = append(c.relationships, &copied)
	}
	return c
}

// define adds a table that is shipped with the environment.
func (c *catalog) define(t tableOf) {
	logical := strings.ToLower(t.schema)
	e := &entity{
		id: fixedID("entity", logical), logical: logical, schema: t.schema, set: t.set, primaryID: logical + "id", primaryName: t.primaryName,
		typeCode: t.code, managed: true, attributes: map[string]*attribute{},
	}
	if logical == "systemform" {
		e.primaryID = "formid"
	}
	if t.display[0] == "" {
		t.display = [2]string{spaced(t.schema), spaced(t.schema) + "s"}
	}
	ownership := "OrganizationOwned"
	if t.owned {
		ownership = "UserOwned"
	}
	e.props = entityProps(e, map[string]any{
		"DisplayName": label(t.display[0]), "DisplayCollectionName": label(t.display[1]), "Description": emptyLabel(), "OwnershipType": ownership,
		"ChangeTrackingEnabled": t.tracking, "HasNotes": true, "HasActivities": t.owned,
	})
	c.entities[logical], c.order = e, append(c.order, logical)
	columns := append([]column{of(kindID, t.schema+"Id").createOnly()}, t.columns...)
	if e.primaryID == "formid" {
		columns[0].schema = "FormId"
	}
	columns = append(columns, standardColumns(t)...)
	for _, column := range columns {
		c.addColumn(e, column, false)
	}
}

// standardColumns are what the platform gives every table of this kind.
func standardColumns(t tableOf) []column {
	list := []column{of(kindBigInt, "VersionNumber").readOnly()}
	if t.plain {
		return list
	}
	list = append(list,
		of(kindDateTime, "CreatedOn").readOnly(), of(kindDateTime, "ModifiedOn").readOnly(),
		lookup("CreatedBy", to("systemuser")).readOnly(), lookup("ModifiedBy", to("systemuser")).readOnly(),
		of(kindDateTime, "OverriddenCreatedOn").createOnly(), of(kindInteger, "ImportSequenceNumber").createOnly(),
	)
	if t.owned {
		owner := lookup("OwnerId", target{table: "systemuser", schema: "owner_" + strings.ToLower(t.schema), single: "ownerid"},
			target{table: "team", schema: "team_" + strings.ToLower(t.schema), single: "ownerid"})
		owner.kind = kindOwner
		list = append(list, owner, lookup("OwningUser", target{table: "systemuser", schema: "user_" + strings.ToLower(t.schema)}).readOnly(),
			lookup("OwningBusinessUnit", to("businessunit")).readOnly())
	}
	if t.states == nil {
		t.states, t.reasons = []any{0, "Active", 1, "Inactive"}, []any{1, "Active", 0, 2, "Inactive", 1}
	}
	state, status := of(kindState, "statecode"), of(kindStatus, "statuscode")
	state.options, status.options = t.states, t.reasons
	return append(list, state.named("Status"), status.named("Status Reason"))
}

// addColumn adds a shipped column, its choices and its relationships.
func (c *catalog) addColumn(e *entity, def column, custom bool) *attribute {
	logical := strings.ToLower(def.schema)
	a := &attribute{
		id: fixedID("attribute", e.logical+"."+logical), logical: logical, schema: def.schema, kind: def.kind, custom: custom, managed: !custom,
		readOnly: def.has("readonly"), createOnly: def.has("createonly"), writeOnly: def.has("writeonly"), hidden: def.has("hidden"), initial: def.initial,
	}
	if def.display == "" {
		def.display = spaced(def.schema)
	}
	a.options = shippedOptions(e, a, def.options)
	for _, target := range def.targets {
		a.targets = append(a.targets, target.table)
	}
	level := "None"
	switch {
	case def.has("required"):
		level = "ApplicationRequired"
	case def.has("recommended"):
		level = "Recommended"
	case a.logical == e.primaryID, a.kind == kindState, a.kind == kindOwner:
		level = "SystemRequired"
	}
	given := map[string]any{
		"DisplayName": label(def.display), "Description": emptyLabel(),
		"RequiredLevel": managed(level, "canmodifyrequirementlevelsettings"),
	}
	if def.size > 0 {
		given["MaxLength"] = float64(def.size)
	}
	maps.Copy(given, def.extra)
	a.props = attributeProps(e, a, given, c.nextColumn)
	c.nextColumn++
	e.add(a)
	for _, target := range def.targets {
		c.relate(e, a, target)
	}
	if a.kind == kindMoney && !strings.HasSuffix(a.logical, "_base") {
		c.addColumn(e, of(kindMoney, def.schema+"_Base").readOnly(), custom)
		c.addCurrency(e, custom)
	}
	return a
}

// addCurrency gives a table with money the columns that say which.
func (c *catalog) addCurrency(e *entity, custom bool) {
	if e.attributes["transactioncurrencyid"] == nil {
		c.addColumn(e, lookup("TransactionCurrencyId", target{table: "transactioncurrency", schema: "transactioncurrency_" + e.logical}).named("Currency"), custom)
	}
	if e.attributes["exchangerate"] == nil {
		c.addColumn(e, of(kindDecimal, "ExchangeRate").readOnly(), custom)
	}
}

func shippedOptions(e *entity, a *attribute, list []any) *optionSet {
	name := e.logical + "_" + a.logical
	switch {
	case a.kind == kindStatus:
		s := choices(kindStatus, name)
		for i := 0; i+2 < len(list); i += 3 {
			value, _ := list[i].(int)
			words, _ := list[i+1].(string)
			state, _ := list[i+2].(int)
			s.options = append(s.options, option{Value: value, Label: label(words), Description: emptyLabel(), State: state})
		}
		return s
	case a.kind == kindState:
		s := choices(kindState, name, list...)
		for i := range s.options {
			s.options[i].Default = -1
		}
		return s
	case a.isChoice():
		return choices(a.kind, name, list...)
	}
	return nil
}

// relate adds the relationship of a lookup.
func (c *catalog) relate(e *entity, a *attribute, t target) {
	if t.schema == "" {
		t.schema = "lk_" + e.logical + "_" + a.logical
		if t.table != "systemuser" {
			t.schema = t.table + "_" + e.logical + "_" + a.logical
		}
	}
	if t.single == "" {
		t.single = a.logical
		if len(a.targets) > 1 {
			t.single = a.logical + "_" + t.table
		}
	}
	if t.cascade == "" {
		t.cascade = "RemoveLink"
	}
	r := &relationship{
		id: fixedID("relationship", t.schema), schema: t.schema, referenced: t.table, referencing: e.logical, attribute: a.logical,
		single: t.single, collection: t.schema, cascadeDelete: t.cascade,
	}
	r.props = oneToManyProps(c, r, nil)
	c.relationships = append(c.relationships, r)
}
