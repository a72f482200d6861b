package dataverse

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ref points to a row.
type ref struct{ table, id string }

// record is one row. A stored record never changes: an update stores a new one, so that a reader may keep what it got.
//
// Values are string, int64, float64, bool and ref by logical name; times are text in the form of answers, choices are numbers,
// and an absent value is null.
type record struct {
	table   *table
	id      string
	values  map[string]any
	draft   map[string]any // of forms and views: what was written since the last publishing
	version int64
	created int64 // the version of the creation
}

func (r *record) str(name string) string {
	s, _ := r.values[name].(string)
	return s
}

func (r *record) int(name string) int {
	n, ok := r.values[name].(int64)
	if !ok {
		return -1
	}
	return int(n)
}

func (r *record) yes(name string) bool {
	b, _ := r.values[name].(bool)
	return b
}

func (r *record) ref(name string) ref {
	to, _ := r.values[name].(ref)
	return to
}

func (r *record) clone() *record {
	c := *r
	c.values, c.draft = maps.Clone(r.values), maps.Clone(r.draft)
	return &c
}

func (r *record) set(name string, value any) {
	if value == nil {
		delete(r.values, name)
		return
	}
	r.values[name] = value
}

// tombstone is what change tracking remembers of a deleted row.
type tombstone struct {
	id               string
	created, version int64
	at               time.Time
}

// table holds the rows of one entity in the order of their creation.
type table struct {
	name    string
	rows    map[string]*record
	order   []string
	dead    []tombstone
	links   map[[2]string]bool                    // of an intersect table
	indexes map[string]map[string]map[string]bool // column, value in lower case, ids; each made when first asked for
}

func (e *Environment) table(logical string) *table {
	t := e.tables[logical]
	if t == nil {
		t = &table{name: logical, rows: map[string]*record{}, links: map[[2]string]bool{}, indexes: map[string]map[string]map[string]bool{}}
		e.tables[logical] = t
	}
	return t
}

// put stores or, with nil, removes a row and keeps the indexes true.
func (t *table) put(id string, rec *record) {
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

// with returns the rows whose column has this value, in the order of their ids.
func (t *table) with(column string, value any) []*record {
	index := t.indexes[column]
	if index == nil {
		index = map[string]map[string]bool{}
		for id, rec := range t.rows {
			addToIndex(index, rec.values[column], id)
		}
		t.indexes[column] = index
	}
	var list []*record
	for _, id := range slices.Sorted(maps.Keys(index[indexKey(value)])) {
		list = append(list, t.rows[id])
	}
	return list
}

func indexKey(value any) string {
	if to, ok := value.(ref); ok {
		return to.id
	}
	return strings.ToLower(plain(value))
}

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

// all returns the rows in the order of their creation.
func (t *table) all() []*record {
	list := make([]*record, 0, len(t.order))
	for _, id := range t.order {
		if rec := t.rows[id]; rec != nil {
			list = append(list, rec)
		}
	}
	return list
}

func (e *Environment) find(logical, id string) *record { return e.table(logical).rows[id] }

// tx collects what a request changed, so that it can be taken back: in change sets, and for the dry run that precedes every
// write.
type tx struct {
	e      *Environment
	undo   []func()
	events []message // for webhook steps, sent when everything is applied
}

func (t *tx) onRollback(fn func()) { t.undo = append(t.undo, fn) }

func (t *tx) rollbackTo(mark int) {
	for i := len(t.undo) - 1; i >= mark; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:mark]
}

// guid takes a fresh id; a rollback gives it back, so that a refused request leaves no trace.
func (t *tx) guid() string {
	before := t.e.ids.next
	t.onRollback(func() { t.e.ids.next = before })
	return t.e.ids.guid()
}

// nextVersion takes the next row version of the organization.
func (t *tx) nextVersion() int64 {
	before := t.e.version
	t.onRollback(func() { t.e.version = before })
	t.e.version++
	return t.e.version
}

// put stores a row with a new version.
func (t *tx) put(rec *record) {
	tab := rec.table
	old := tab.rows[rec.id]
	rec.version = t.nextVersion()
	if old == nil {
		rec.created = rec.version
		order := tab.order
		tab.order = append(tab.order, rec.id)
		t.onRollback(func() { tab.order = order })
	}
	tab.put(rec.id, rec)
	t.onRollback(func() { tab.put(rec.id, old) })
}

// erase removes a row and leaves a tombstone for change tracking.
func (t *tx) erase(rec *record) {
	tab := rec.table
	tab.put(rec.id, nil)
	order, dead := tab.order, tab.dead
	tab.order = slices.DeleteFunc(slices.Clone(tab.order), func(id string) bool { return id == rec.id })
	tab.dead = append(tab.dead, tombstone{rec.id, rec.created, t.nextVersion(), t.e.now()})
	t.onRollback(func() {
		tab.order, tab.dead = order, dead
		tab.put(rec.id, rec)
	})
}

// link adds or removes a pair of an intersect table.
func (t *tx) link(intersect, id1, id2 string, present bool) {
	tab, pair := t.e.table(intersect), [2]string{id1, id2}
	before := tab.links[pair]
	set := func(on bool) {
		if on {
			tab.links[pair] = true
		} else {
			delete(tab.links, pair)
		}
	}
	set(present)
	t.onRollback(func() { set(before) })
}
