package dataverse

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the system query options of a read.
type options struct {
	selected []string // nil: all
	filter   any
	expand   []expansion
	order    []ordering
	top      int // -1: none
	count    bool
}

type expansion struct {
	name string
	options
}

type ordering struct {
	path []string
	down bool
}

// options reads the query options of the request.
func (c *call) options() (options, *apiError) {
	o := options{top: -1}
	for name := range c.query {
		if err := o.read(name, c.query.Get(name), true); err != nil {
			return o, err
		}
	}
	return o, nil
}

// read takes one option. Options that are not system options are left to others.
func (o *options) read(name, value string, outer bool) *apiError {
	var err *apiError
	switch name {
	case "$select":
		o.selected = []string{}
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				o.selected = append(o.selected, part)
			}
		}
	case "$filter":
		o.filter, err = parseFilter(value)
	case "$expand":
		o.expand, err = parseExpand(value)
	case "$orderby":
		o.order, err = parseOrder(value)
	case "$top":
		n, parseErr := strconv.Atoi(value)
		if parseErr != nil || n < 0 {
			return badRequest(codeResource, "The value '%s' of $top is not a number.", value)
		}
		o.top = n
	case "$count":
		o.count = value == "true"
	case "$skip":
		return badRequest(codeResource, "The query parameter $skip is not supported.")
	case "$skiptoken", "$deltatoken", "$apply":
	default:
		if strings.HasPrefix(name, "$") || !outer {
			return badRequest(codeResource, "The query parameter %s is not supported.", name)
		}
	}
	return err
}

// parseExpand reads nav,nav($select=a;$expand=b).
func parseExpand(text string) ([]expansion, *apiError) {
	var list []expansion
	for _, part := range splitOutside(text, ',') {
		name, rest, nested := strings.Cut(strings.TrimSpace(part), "(")
		e := expansion{name: name, options: options{top: -1}}
		if nested {
			inner, closed := strings.CutSuffix(rest, ")")
			if !closed {
				return nil, badRequest(codeResource, "The expand '%s' lacks a parenthesis.", part)
			}
			for _, option := range splitOutside(inner, ';') {
				key, value, _ := strings.Cut(option, "=")
				if err := e.read(strings.TrimSpace(key), value, false); err != nil {
					return nil, err
				}
			}
		}
		list = append(list, e)
	}
	return list, nil
}

func parseOrder(text string) ([]ordering, *apiError) {
	var list []ordering
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return nil, badRequest(codeResource, "The order '%s' is not valid.", part)
		}
		list = append(list, ordering{strings.Split(words[0], "/"), len(words) == 2 && words[1] == "desc"})
	}
	return list, nil
}

// row is a record as a filter sees it.
type row struct {
	c   *call
	ent *entity
	rec *record // nil while the filter is only checked
}

func (r row) name() string   { return r.ent.logical }
func (r row) now() time.Time { return r.c.e.now() }

// step follows a single-valued navigation property.
func (r row) step(name string) (row, bool) {
	rel := r.c.e.catalog.lookupBy(r.ent, name)
	if rel == nil {
		return row{}, false
	}
	next := row{c: r.c, ent: r.c.e.catalog.entity(rel.referenced)}
	if r.rec != nil {
		if to := r.rec.ref(rel.attribute); to.table == rel.referenced {
			next.rec = r.c.e.find(to.table, to.id)
		}
	}
	return next, true
}

func (r row) walk(path []string) (row, *attribute, bool) {
	at := r
	for len(path) > 1 {
		next, known := at.step(path[0])
		if !known {
			return at, nil, false
		}
		at, path = next, path[1:]
	}
	a := at.ent.column(path[0])
	if rel := r.c.e.catalog.lookupBy(at.ent, path[0]); a == nil && rel != nil {
		a = at.ent.attribute(rel.attribute) // the navigation property itself, to be compared with null
	}
	return at, a, a != nil && r.c.knows(a)
}

func (r row) get(path []string) (any, bool) {
	at, a, known := r.walk(path)
	if !known {
		return nil, false
	}
	if at.rec == nil {
		return nil, true
	}
	return at.rec.visible(a), true
}

func (r row) edm(path []string) string {
	_, a, known := r.walk(path)
	if !known {
		return ""
	}
	return edmType(a)
}

func (r row) follow(path []string) ([]source, bool) {
	at := r
	for len(path) > 1 {
		next, known := at.step(path[0])
		if !known {
			return nil, false
		}
		at, path = next, path[1:]
	}
	rel := r.c.e.catalog.collectionBy(at.ent, path[0])
	if rel == nil {
		return nil, false
	}
	ent, list := r.c.related(at.ent, rel, at.rec)
	var sources []source
	for _, rec := range list {
		sources = append(sources, row{r.c, ent, rec})
	}
	if at.rec == nil {
		sources = []source{row{r.c, ent, nil}} // so that what it asks is checked
	}
	return sources, true
}

// related are the rows behind a collection-valued navigation property of a row.
func (c *call) related(of *entity, rel *relationship, rec *record) (*entity, []*record) {
	other, table := rel.referencing, ""
	if rel.many() {
		other, table = rel.entity2, rel.intersect
		if rel.entity2 == of.logical {
			other = rel.entity1
		}
	}
	ent := c.e.catalog.entity(other)
	if rec == nil {
		return ent, nil
	}
	if table == "" {
		return ent, c.e.table(other).with(rel.attribute, ref{of.logical, rec.id})
	}
	var list []*record
	for pair := range c.e.table(table).links {
		id := ""
		if pair[0] == rec.id && rel.entity1 == of.logical {
			id = pair[1]
		} else if pair[1] == rec.id && rel.entity2 == of.logical {
			id = pair[0]
		}
		if found := c.e.find(other, id); found != nil {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return strings.Compare(a.id, b.id) })
	return ent, list
}

// knows says whether rows know a column yet: new ones take a while, where the switch says so.
func (c *call) knows(a *attribute) bool {
	lag, err := time.ParseDuration(c.e.kit.Switches.Get(switchColumnLag))
	return err != nil || !a.custom || !c.e.kit.Clock.Now().Before(a.since.Add(lag))
}
