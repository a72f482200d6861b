package dataverse

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// change is a write on one row that is about to be stored: what rules check and complete.
type change struct {
	c    *call
	ent  *entity
	old  *record // nil when the row is made
	next *record
	sent map[string]any // what the payload sets
	own  bool           // the platform's own step of a larger operation
}

func (w *change) sets(name string) bool {
	_, given := w.sent[name]
	return given
}

// was is the value before the write.
func (w *change) was(name string) any {
	if w.old == nil {
		return nil
	}
	return w.old.values[name]
}

func (w *change) changed(name string) bool { return w.was(name) != w.next.values[name] }

// rules are what the platform does at writes of its own tables.
func rules() map[string]func(w *change) *apiError {
	return map[string]func(w *change) *apiError{
		"opportunity": opportunityRule, "lead": leadRule, "contact": nameRule, "annotation": noteRule, "transactioncurrency": nil,
		"systemform": formRule, "environmentvariablevalue": variableRule, "workflow": flowRule, "serviceendpoint": endpointRule,
		"sdkmessageprocessingstep": stepRule, "publisher": publisherRule, "solution": solutionRule, "systemuser": userRule,
		"environmentvariabledefinition": definitionRule, "connection": connectionRule,
	}
}

// insertRow makes a row. The id and the values may come from the address of an upsert.
func (c *call) insertRow(ent *entity, in map[string]any, id string, keys map[string]any) (*record, *apiError) {
	if err := c.e.may(c.who, "Create", ent, nil); err != nil {
		return nil, err
	}
	p, err := c.payload(ent, in, true)
	if err != nil {
		return nil, err
	}
	for name, value := range keys {
		if _, given := p.values[name]; !given {
			p.values[name] = value
		}
	}
	if id == "" {
		id = p.id
	}
	if id == "" {
		id = c.tx.guid()
	}
	if c.e.find(ent.logical, id) != nil {
		return nil, errorf(http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists.")
	}
	rec, err := c.store(ent, id, p, false)
	if err != nil {
		return nil, err
	}
	return rec, c.children(ent, rec, p.deep)
}

// store makes a row of checked values.
func (c *call) store(ent *entity, id string, p payload, own bool) (*record, *apiError) {
	for _, related := range p.deep {
		if related.up {
			target := c.e.catalog.entity(related.rel.referenced)
			made, err := c.insertRow(target, related.in, "", nil)
			if err != nil {
				return nil, err
			}
			p.values[related.rel.attribute] = ref{target.logical, made.id}
		}
	}
	rec := &record{table: c.e.table(ent.logical), id: id, values: map[string]any{}}
	c.e.fill(c.tx, ent, rec, c.who)
	for name, value := range p.values {
		rec.set(name, value)
	}
	w := &change{c: c, ent: ent, next: rec, sent: p.values, own: own}
	if err := w.complete(); err != nil {
		return nil, err
	}
	if err := w.required(own); err != nil {
		return nil, err
	}
	if err := w.unique(); err != nil {
		return nil, err
	}
	if err := c.duplicates(w); err != nil {
		return nil, err
	}
	c.tx.put(rec)
	if kind, isComponent := c.e.componentType(ent.logical); isComponent {
		if err := c.addToSolution(kind, id); err != nil {
			return nil, err
		}
	}
	c.touch("create", ent.logical, id, slices.Collect(maps.Keys(p.values)))
	c.raise("Create", w)
	return rec, nil
}

func (c *call) children(ent *entity, rec *record, deep []deepInsert) *apiError {
	for _, related := range deep {
		if related.up {
			continue
		}
		other, _ := c.related(ent, related.rel, nil)
		p, err := c.payload(other, related.in, true)
		if err != nil {
			return err
		}
		if !related.rel.many() {
			p.values[related.rel.attribute] = ref{ent.logical, rec.id}
		}
		made, err := c.store(other, c.tx.guid(), p, false)
		if err != nil {
			return err
		}
		if related.rel.many() {
			c.tx.link(related.rel.intersect, rec.id, made.id, true)
		}
	}
	return nil
}

// change changes a row by a payload.
func (c *call) change(ent *entity, rec *record, in map[string]any) (*record, *apiError) {
	if err := c.e.may(c.who, "Write", ent, rec); err != nil {
		return nil, err
	}
	p, err := c.payload(ent, in, false)
	if err != nil {
		return nil, err
	}
	return c.update(ent, rec, p.values, false)
}

// layered are tables with a draft: what is written shows only after publishing.
var layered = map[string]bool{"systemform": true, "savedquery": true}

// update stores checked values in a row.
func (c *call) update(ent *entity, rec *record, values map[string]any, own bool) (*record, *apiError) {
	next := rec.clone()
	w := &change{c: c, ent: ent, old: rec, next: next, sent: values, own: own}
	for name, value := range values {
		next.set(name, value)
	}
	next.set("modifiedon", stamp(c.e.now()))
	next.set("modifiedby", ref{"systemuser", c.who.id})
	if err := w.complete(); err != nil {
		return nil, err
	}
	if err := w.required(own); err != nil {
		return nil, err
	}
	if err := w.unique(); err != nil {
		return nil, err
	}
	if layered[ent.logical] {
		next = rec.clone()
		if next.draft == nil {
			next.draft = map[string]any{}
		}
		maps.Copy(next.draft, values)
	}
	if next.ref("ownerid") != rec.ref("ownerid") {
		if err := c.e.may(c.who, "Assign", ent, rec); err != nil {
			return nil, err
		}
	}
	c.tx.put(next)
	c.touch("update", ent.logical, rec.id, slices.Collect(maps.Keys(values)))
	c.raise("Update", w)
	return next, nil
}

// complete applies the rules that every table has, and then the table's own.
func (w *change) complete() *apiError {
	w.owner()
	if err := w.state(); err != nil {
		return err
	}
	if rule := rules()[w.ent.logical]; rule != nil {
		if err := rule(w); err != nil {
			return err
		}
	}
	w.money()
	if w.old == nil {
		w.numbers()
	}
	return nil
}

// owner keeps the user who owns a row beside its owner; a row of a team has none.
func (w *change) owner() {
	if w.ent.attributes["owninguser"] == nil {
		return
	}
	w.next.set("owninguser", nil)
	if owner := w.next.ref("ownerid"); owner.table == "systemuser" {
		w.next.set("owninguser", owner)
	}
}

// state keeps state and status reason together: a reason belongs to one state, and a state alone brings its first reason.
func (w *change) state() *apiError {
	status := w.ent.attributes["statuscode"]
	if status == nil || status.options == nil || !w.sets("statecode") && !w.sets("statuscode") {
		return nil
	}
	state := w.next.int("statecode")
	if !w.sets("statuscode") && w.changed("statecode") {
		for _, o := range status.options.options {
			if o.State == state {
				w.next.set("statuscode", int64(o.Value))
				break
			}
		}
	}
	reason, _ := status.options.find(w.next.int("statuscode"))
	if reason.State != state {
		return badRequest(codeStatePair, "%d is not a valid status code on %s with Id %s for the state code %d.", w.next.int("statuscode"), w.ent.logical, w.next.id, state)
	}
	return nil
}

// money keeps the amounts in the base currency.
func (w *change) money() {
	if w.ent.attributes["exchangerate"] == nil || w.ent.logical == "transactioncurrency" {
		return
	}
	currency := w.c.e.find("transactioncurrency", w.next.ref("transactioncurrencyid").id)
	if currency == nil {
		return
	}
	rate, _ := currency.values["exchangerate"].(float64)
	w.next.set("exchangerate", rate)
	for name, a := range w.ent.attributes {
		if a.kind != kindMoney || strings.HasSuffix(name, "_base") {
			continue
		}
		if amount, has := w.next.values[name].(float64); has && rate > 0 {
			w.next.set(name+"_base", math.Round(amount/rate*100)/100)
		} else {
			w.next.set(name+"_base", nil)
		}
	}
}

// numbers fills columns that number themselves.
func (w *change) numbers() {
	for name, a := range w.ent.attributes {
		format := a.text("AutoNumberFormat")
		if format == "" || w.next.values[name] != nil {
			continue
		}
		var b strings.Builder
		for rest := format; rest != ""; {
			plainText, inner, found := strings.Cut(rest, "{")
			b.WriteString(plainText)
			if !found {
				break
			}
			var token string
			token, rest, _ = strings.Cut(inner, "}")
			b.WriteString(w.number(w.ent.logical+"."+name, token))
		}
		w.next.set(name, b.String())
	}
}

func (w *change) number(sequence, token string) string {
	kind, argument, _ := strings.Cut(token, ":")
	switch kind {
	case "SEQNUM":
		e, before := w.c.e, w.c.e.sequences[sequence]
		w.c.tx.onRollback(func() { e.sequences[sequence] = before })
		e.sequences[sequence] = max(before, 999) + 1
		digits := strconv.Itoa(e.sequences[sequence])
		return strings.Repeat("0", max(atoi(argument)-len(digits), 0)) + digits
	case "DATETIMEUTC":
		layout := strings.NewReplacer("yyyy", "2006", "MM", "01", "dd", "02", "HH", "15", "mm", "04", "ss", "05").Replace(argument)
		return w.c.e.now().Format(layout)
	}
	return w.c.tx.guid()[:min(8, max(atoi(argument), 1))]
}

// systemWide are tables of the platform itself, whose required columns the Web API insists on.
func systemWide(ent *entity) bool {
	return slices.ContainsFunc(systemTables, func(t tableOf) bool { return strings.EqualFold(t.schema, ent.logical) })
}

// required refuses a row that lacks a value that it must have.
func (w *change) required(own bool) *apiError {
	if own || !systemWide(w.ent) && w.c.e.is(switchRequired, "screens") && !w.c.screen() {
		return nil
	}
	for _, name := range w.ent.order {
		a := w.ent.attributes[name]
		level, _ := a.props["RequiredLevel"].(map[string]any)
		if level["Value"] == "ApplicationRequired" && w.next.values[name] == nil && (w.old == nil || w.sets(name)) {
			return badRequest(codeArgument, "A validation error occurred. The required field '%s' is missing.", name)
		}
	}
	return nil
}

// unique refuses values of an alternate key that another row has.
func (w *change) unique() *apiError {
	for _, k := range w.ent.keys {
		if w.c.e.keyHolder(w.ent, k, w.next) != nil {
			return errorf(http.StatusPreconditionFailed, codeKeyTaken, "A record that has the attribute values %s already exists. The entity key %s requires that this "+
				"set of attributes contains unique values. Select unique values and try again.", strings.Join(k.columns, ", "), k.logical)
		}
	}
	return nil
}

// duplicates applies the published rule of duplicate detection, where the request asks for it: an account with the same name, a
// contact or lead with the same e-mail address.
func (c *call) duplicates(w *change) *apiError {
	if !strings.EqualFold(c.header.Get("MSCRM.SuppressDuplicateDetection"), "false") {
		return nil
	}
	column := map[string]string{"account": "name", "contact": "emailaddress1", "lead": "emailaddress1"}[w.ent.logical]
	if column == "" || w.next.values[column] == nil || len(w.next.table.with(column, w.next.values[column])) == 0 {
		return nil
	}
	return errorf(http.StatusPreconditionFailed, codeDuplicateFound, "A record was not created or updated because a duplicate of the current record already exists.")
}

// erase deletes a row and what goes with it.
func (c *call) erase(ent *entity, rec *record) *apiError {
	if err := c.e.may(c.who, "Delete", ent, rec); err != nil {
		return err
	}
	return c.cascade(ent, rec, map[string]bool{})
}

func (c *call) cascade(ent *entity, rec *record, gone map[string]bool) *apiError {
	if gone[rec.id] {
		return nil
	}
	gone[rec.id] = true
	if err := c.deletable(ent, rec); err != nil {
		return err
	}
	for _, r := range c.e.catalog.relationships {
		if r.many() || r.referenced != ent.logical {
			continue
		}
		other := c.e.catalog.entity(r.referencing)
		for _, child := range c.e.table(r.referencing).with(r.attribute, ref{ent.logical, rec.id}) {
			switch r.cascadeDelete {
			case "Cascade":
				if err := c.cascade(other, child, gone); err != nil {
					return err
				}
			case "Restrict":
				return errorf(http.StatusMethodNotAllowed, codeCannotDelete, "The %s cannot be deleted because it is associated with a row of %s.", ent.logical, r.referencing)
			default:
				next := child.clone()
				next.set(r.attribute, nil)
				c.tx.put(next)
			}
		}
	}
	if _, isComponent := c.e.componentType(ent.logical); isComponent {
		c.dropComponents(rec.id)
	}
	c.tx.erase(rec)
	c.touch("delete", ent.logical, rec.id, nil)
	c.raise("Delete", &change{c: c, ent: ent, old: rec, next: rec})
	return nil
}

// fill gives a new row what the platform gives it.
func (e *Environment) fill(t *tx, ent *entity, rec *record, who *principal) {
	set := func(name string, value any) {
		if ent.attributes[name] != nil {
			rec.set(name, value)
		}
	}
	for _, name := range ent.order {
		a := ent.attributes[name]
		if a.initial != nil {
			rec.set(name, a.initial)
		}
		if a.kind == kindStatus && len(a.options.options) > 0 {
			rec.set(name, int64(a.options.options[0].Value))
		}
	}
	now := stamp(e.now())
	set("createdon", now)
	set("modifiedon", now)
	set("createdby", ref{"systemuser", who.id})
	set("modifiedby", ref{"systemuser", who.id})
	set("ownerid", ref{"systemuser", who.id})
	set("owninguser", ref{"systemuser", who.id})
	set("owningbusinessunit", ref{"businessunit", e.names.businessUnit})
	set("statecode", int64(0))
	if ent.attributes["exchangerate"] != nil {
		set("transactioncurrencyid", ref{"transactioncurrency", e.names.currency})
	}
}
