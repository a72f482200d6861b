package salesforce

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// record is one row. A stored record never changes: an update stores a new one, so that a reader may keep what it got.
type record struct {
	id        string
	object    *object
	values    map[string]any // string, bool, float64, time.Time (whole seconds), dates as YYYY-MM-DD; absent is null
	deleted   bool
	deletedAt time.Time
}

func (r *record) str(name string) string {
	s, _ := r.values[name].(string)
	return s
}

func (r *record) yes(name string) bool {
	b, _ := r.values[name].(bool)
	return b
}

func (r *record) when(name string) time.Time {
	t, _ := r.values[name].(time.Time)
	return t
}

func (r *record) clone() *record {
	c := *r
	c.values = maps.Clone(r.values)
	return &c
}

func (r *record) set(name string, value any) {
	if value == nil {
		delete(r.values, name)
		return
	}
	r.values[name] = value
}

// value is what a query or a read shows for a column.
func (r *record) value(o *Org, f *field) any {
	switch {
	case f.compute != nil:
		return f.compute(o, r)
	case f.Type == typeID:
		return r.id
	case f.Type == typeBase64 && r.values[f.Name] != nil:
		return "/services/data/v66.0/sobjects/" + r.object.Name + "/" + r.id + "/" + f.Name // its bytes are read there
	case f.Name == "IsDeleted":
		return r.deleted
	case f.Type == typeBoolean && r.values[f.Name] == nil: // a checkbox that is younger than the row
		return f.Default == true
	}
	return r.values[f.Name]
}

// table holds the rows of one object in the order of their creation, which is also the order of their ids.
type table struct {
	rows    map[string]*record
	order   []string
	indexes map[string]map[string]map[string]bool // column, lower-case value, ids; each made when first asked for
}

// set stores or, with nil, removes a row and keeps the indexes true.
func (t *table) set(id string, rec *record) {
	old := t.rows[id]
	for column, index := range t.indexes {
		if old != nil {
			delete(index[indexKey(old.values[column])], id)
		}
		if rec != nil {
			addToIndex(index, rec.values[column], id)
		}
	}
	if rec == nil {
		delete(t.rows, id)
		return
	}
	t.rows[id] = rec
}

// idsWith returns the ids of the rows, deleted ones included, whose column has this value in any case, in id order.
func (t *table) idsWith(column string, value any) []string {
	index := t.indexes[column]
	if index == nil {
		index = map[string]map[string]bool{}
		for id, rec := range t.rows {
			addToIndex(index, rec.values[column], id)
		}
		t.indexes[column] = index
	}
	return slices.Sorted(maps.Keys(index[indexKey(value)]))
}

func indexKey(value any) string { return strings.ToLower(literalText(value)) }

func addToIndex(index map[string]map[string]bool, value any, id string) {
	if value == nil {
		return
	}
	key := indexKey(value)
	if index[key] == nil {
		index[key] = map[string]bool{}
	}
	index[key][id] = true
}

func (o *Org) table(obj *object) *table {
	t := o.tables[obj.Name]
	if t == nil {
		t = &table{rows: map[string]*record{}, indexes: map[string]map[string]map[string]bool{}}
		o.tables[obj.Name] = t
	}
	return t
}

// find returns a row by its 18-character id, deleted or not, or nil.
func (o *Org) find(obj *object, id string) *record {
	if obj.rows != nil {
		for _, rec := range obj.rows(o) {
			if rec.id == id {
				return rec
			}
		}
		return nil
	}
	return o.table(obj).rows[id]
}

// scan returns the rows of an object in id order, deleted ones included.
func (o *Org) scan(obj *object) []*record {
	if obj.rows != nil {
		return obj.rows(o)
	}
	t := o.table(obj)
	list := make([]*record, 0, len(t.order))
	for _, id := range t.order {
		if rec := t.rows[id]; rec != nil {
			list = append(list, rec)
		}
	}
	return list
}

// live returns the rows that are not in the recycle bin.
func (o *Org) live(obj *object) []*record {
	all := o.scan(obj)
	list := all[:0:0]
	for _, rec := range all {
		if !rec.deleted {
			list = append(list, rec)
		}
	}
	return list
}

// tx collects what a request changed, so that it can be taken back: in all-or-none requests, and for the dry run that
// precedes every write.
type tx struct {
	o       *Org
	undo    []func()
	changes []rowChange // in order; what change events are made of
}

// rowChange is what became of one row. Before is nil when it was created, after when it is gone for good.
type rowChange struct{ before, after *record }

func (t *tx) note(before, after *record) {
	t.changes = append(t.changes, rowChange{before, after})
	t.onRollback(func() { t.changes = t.changes[:len(t.changes)-1] })
}

func (t *tx) onRollback(fn func()) { t.undo = append(t.undo, fn) }

func (t *tx) mark() int { return len(t.undo) }

func (t *tx) rollbackTo(mark int) {
	for i := len(t.undo) - 1; i >= mark; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:mark]
}

// nextID takes a fresh id; a rollback gives it back, so that a refused request leaves no trace.
func (t *tx) nextID(prefix string) string {
	before := t.o.ids.next[prefix]
	t.onRollback(func() { t.o.ids.next[prefix] = before })
	return t.o.ids.make(prefix)
}

func (t *tx) put(rec *record) {
	tab := t.o.table(rec.object)
	old := tab.rows[rec.id]
	if old == nil {
		tab.order = append(tab.order, rec.id)
	}
	tab.set(rec.id, rec)
	t.note(old, rec)
	t.onRollback(func() {
		tab.set(rec.id, old)
		if old == nil {
			tab.order = tab.order[:len(tab.order)-1]
		}
	})
}

// erase removes a row for good. Its place in the order stays and is skipped by scans.
func (t *tx) erase(rec *record) {
	tab := t.o.table(rec.object)
	tab.set(rec.id, nil)
	t.note(rec, nil)
	t.onRollback(func() { tab.set(rec.id, rec) })
}
