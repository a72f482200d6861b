package salesforce

import (
	"maps"
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
	case f.Name == "IsDeleted":
		return r.deleted
	case f.Type == typeBoolean && r.values[f.Name] == nil: // a checkbox that is younger than the row
		return f.Default == true
	}
	return r.values[f.Name]
}

// table holds the rows of one object in the order of their creation, which is also the order of their ids.
type table struct {
	rows  map[string]*record
	order []string
}

func (o *Org) table(obj *object) *table {
	t := o.tables[obj.Name]
	if t == nil {
		t = &table{rows: map[string]*record{}}
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
	o    *Org
	undo []func()
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
	tab.rows[rec.id] = rec
	t.onRollback(func() {
		if old != nil {
			tab.rows[rec.id] = old
			return
		}
		delete(tab.rows, rec.id)
		tab.order = tab.order[:len(tab.order)-1]
	})
}

// erase removes a row for good. Its place in the order stays and is skipped by scans.
func (t *tx) erase(rec *record) {
	tab := t.o.table(rec.object)
	delete(tab.rows, rec.id)
	t.onRollback(func() { tab.rows[rec.id] = rec })
}
