package salesforce

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// predicate is a bound WHERE clause.
type predicate func(rec *record) bool

// resultSet is the outcome of a statement: the rows in order and how to show them.
type resultSet struct {
	total   int
	count   bool
	records []doc
}

// run evaluates one top-level statement.
func (s *soqlScope) run(statement, prefix string) (*resultSet, *apiError) {
	q, err := parseSOQL(statement)
	if err != nil {
		return nil, err
	}
	obj, err := s.object(q)
	if err != nil {
		return nil, err
	}
	rows, err := s.rows(q, obj, s.o.scan(obj))
	if err != nil {
		return nil, err
	}
	if q.count {
		return &resultSet{total: len(rows), count: true}, nil
	}
	show, err := s.projection(q, obj, prefix)
	if err != nil {
		return nil, err
	}
	if err := s.oneMetadataRow(q, obj, len(rows)); err != nil {
		return nil, err
	}
	set := &resultSet{total: len(rows)}
	for _, rec := range rows {
		set.records = append(set.records, show(rec))
	}
	return set, nil
}

// rows filters, orders and cuts the candidates.
func (s *soqlScope) rows(q *query, obj *object, candidates []*record) ([]*record, *apiError) {
	match := func(*record) bool { return true }
	if q.where != nil {
		var err *apiError
		if match, err = s.predicate(q, obj, q.where); err != nil {
			return nil, err
		}
	}
	var rows []*record
	for _, rec := range candidates {
		if (!rec.deleted || s.deleted) && match(rec) {
			rows = append(rows, rec)
		}
	}
	if err := s.sort(q, obj, rows); err != nil {
		return nil, err
	}
	rows = rows[min(q.offset, len(rows)):]
	if q.limit != nil {
		rows = rows[:min(*q.limit, len(rows))]
	}
	return rows, nil
}

func (s *soqlScope) sort(q *query, obj *object, rows []*record) *apiError {
	if len(q.order) == 0 {
		return nil
	}
	paths := make([]boundPath, len(q.order))
	for i, item := range q.order {
		bound, err := s.bind(q, obj, item.path)
		if err != nil {
			return err
		}
		if bound.target.NotFilterable {
			return soqlError(q.statement, item.path[0].pos, "INVALID_FIELD", "field '%s' can not be sorted in a query call", bound.target.Name)
		}
		paths[i] = bound
	}
	slices.SortStableFunc(rows, func(a, b *record) int {
		for i, item := range q.order {
			if c := item.compare(paths[i].value(s, a), paths[i].value(s, b), isIDType(paths[i].target.Type)); c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}

func (item orderItem) compare(a, b any, exact bool) int {
	if a == nil || b == nil {
		if a == nil && b == nil {
			return 0
		}
		if (a == nil) != item.nullsLast {
			return -1
		}
		return 1
	}
	c := compareValues(a, b, exact)
	if item.desc {
		return -c
	}
	return c
}

func isIDType(t fieldType) bool { return t == typeID || t == typeReference }

// compareValues orders two stored values of one type; text without regard to case unless exact, as ids are compared.
func compareValues(a, b any, exact bool) int {
	switch x := a.(type) {
	case float64:
		y, _ := b.(float64)
		return cmp.Compare(x, y)
	case time.Time:
		y, _ := b.(time.Time)
		return x.Compare(y)
	case bool:
		y, _ := b.(bool)
		if x == y {
			return 0
		}
		if y {
			return -1
		}
		return 1
	}
	if exact {
		return cmp.Compare(literalText(a), literalText(b))
	}
	return cmp.Compare(strings.ToLower(literalText(a)), strings.ToLower(literalText(b)))
}

func literalText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

func (s *soqlScope) predicate(q *query, obj *object, c condition) (predicate, *apiError) {
	switch c := c.(type) {
	case negation:
		inner, err := s.predicate(q, obj, c.part)
		return func(rec *record) bool { return !inner(rec) }, err
	case logical:
		parts := make([]predicate, len(c.parts))
		for i, part := range c.parts {
			var err *apiError
			if parts[i], err = s.predicate(q, obj, part); err != nil {
				return nil, err
			}
		}
		return func(rec *record) bool {
			for _, part := range parts {
				if part(rec) != c.and {
					return !c.and
				}
			}
			return c.and
		}, nil
	case comparison:
		return s.comparison(q, obj, c)
	}
	return nil, badRequest("MALFORMED_QUERY", "unexpected condition")
}

func (s *soqlScope) comparison(q *query, obj *object, c comparison) (predicate, *apiError) {
	bound, err := s.bind(q, obj, c.path)
	if err != nil {
		return nil, err
	}
	f, at := bound.target, c.path[0].pos
	if f.NotFilterable {
		return nil, soqlError(q.statement, at, "INVALID_FIELD", "field '%s' can not be filtered in a query call", f.Name)
	}
	if err := checkOperator(q, f, c.op, at); err != nil {
		return nil, err
	}
	operands, err := s.operands(q, f, c)
	if err != nil {
		return nil, err
	}
	test := func(value any) bool {
		hit := slices.ContainsFunc(operands, func(x operand) bool { return x.matches(value, c.op) })
		return hit != (c.op == "!=" || c.op == "NOT IN")
	}
	return func(rec *record) bool { return test(bound.value(s, rec)) }, nil
}

func checkOperator(q *query, f *field, op string, at int) *apiError {
	ordered := op == "<" || op == "<=" || op == ">" || op == ">="
	switch {
	case op == "LIKE" && !isText(f.Type),
		ordered && (f.Type == typeBoolean || f.Type == typeReference):
		return soqlError(q.statement, at, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on %s field", f.Type)
	}
	return nil
}

func isText(t fieldType) bool {
	switch t {
	case typeString, typeTextArea, typePicklist, typeMulti, typeURL, typeEmail, typePhone:
		return true
	}
	return false
}

// operands binds the right side: literals, or the values that a semi-join selects.
func (s *soqlScope) operands(q *query, f *field, c comparison) ([]operand, *apiError) {
	if c.sub == nil {
		list := make([]operand, len(c.values))
		for i, lit := range c.values {
			var err *apiError
			if list[i], err = s.operand(q, f, c.op, lit); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	if len(c.sub.items) != 1 || c.sub.items[0].sub != nil {
		return nil, soqlError(q.statement, c.sub.from.pos, "MALFORMED_QUERY", "the inner select of a semi join selects exactly one field")
	}
	obj, err := s.object(c.sub)
	if err != nil {
		return nil, err
	}
	selected, err := s.bind(c.sub, obj, c.sub.items[0].path)
	if err != nil {
		return nil, err
	}
	if t := selected.target.Type; t != typeID && t != typeReference || f.Type != typeID && f.Type != typeReference {
		return nil, soqlError(q.statement, c.sub.from.pos, "MALFORMED_QUERY", "semi joins are supported on id and reference fields")
	}
	rows, err := s.rows(c.sub, obj, s.o.scan(obj))
	if err != nil {
		return nil, err
	}
	var list []operand
	for _, rec := range rows {
		if v := selected.value(s, rec); v != nil {
			list = append(list, operand{value: v, exact: true})
		}
	}
	return list, nil
}

// matches compares a stored value; for the negative operators it says whether the positive one holds.
func (x operand) matches(value any, op string) bool {
	if x.value == nil || value == nil {
		return x.value == nil && value == nil
	}
	if op == "LIKE" {
		return like(literalText(value), literalText(x.value))
	}
	if !x.until.IsZero() {
		return x.spanMatches(value, op)
	}
	if text, isText := value.(string); isText && !x.exact && (op == "=" || op == "!=" || op == "IN" || op == "NOT IN") {
		return strings.EqualFold(text, literalText(x.value))
	}
	c := compareValues(value, x.value, x.exact)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	if _, isBool := value.(bool); isBool {
		return value == x.value
	}
	return c == 0
}

// spanMatches compares with a relative date, which covers whole days.
func (x operand) spanMatches(value any, op string) bool {
	var until any = x.until
	if _, isDate := value.(string); isDate {
		until = x.until.Format(dateForm)
	}
	before, after := compareValues(value, x.value, false) < 0, compareValues(value, until, false) >= 0
	switch op {
	case "<":
		return before
	case "<=":
		return !after
	case ">":
		return after
	case ">=":
		return !before
	}
	return !before && !after
}

// like matches without regard to case: % is any run, _ any one character, and a preceding likeEscape takes away their meaning.
func like(value, pattern string) bool {
	text, pat := []rune(strings.ToLower(value)), []rune(strings.ToLower(pattern))
	t, p, star, retry := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pat) && pat[p] == '%':
			star, retry = p, t
			p++
		case p+1 < len(pat) && pat[p] == likeEscape && pat[p+1] == text[t]:
			p, t = p+2, t+1
		case p < len(pat) && (pat[p] == '_' || pat[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			retry++
			p, t = star+1, retry
		default:
			return false
		}
	}
	for p < len(pat) && pat[p] == '%' {
		p++
	}
	return p == len(pat)
}

// projection builds the function that shows one row as the SELECT list asks.
func (s *soqlScope) projection(q *query, obj *object, prefix string) (func(*record) doc, *apiError) {
	root := &projectionNode{object: obj}
	for _, item := range q.items {
		if item.sub != nil {
			if err := s.addChild(root, item.sub, obj, prefix); err != nil {
				return nil, err
			}
			continue
		}
		bound, err := s.bind(q, obj, item.path)
		if err != nil {
			return nil, err
		}
		if !root.add(s, bound) {
			return nil, soqlError(q.statement, item.path[0].pos, "INVALID_FIELD", "duplicate field selected: %s", item.path)
		}
	}
	return func(rec *record) doc { return root.show(s, rec, prefix) }, nil
}

// projectionNode is one level of the answer: columns, parents and children in the order of the SELECT list.
type projectionNode struct {
	object  *object
	members []projectionMember
}

type projectionMember struct {
	name   string
	column *field
	parent *projectionNode
	via    *field
	child  func(rec *record) any
}

func (n *projectionNode) add(s *soqlScope, bound boundPath) bool {
	for _, via := range bound.parents {
		var next *projectionNode
		for _, m := range n.members {
			if m.via == via {
				next = m.parent
			}
		}
		if next == nil {
			next = &projectionNode{}
			n.members = append(n.members, projectionMember{name: via.Relationship, parent: next, via: via})
		}
		n = next
	}
	if slices.ContainsFunc(n.members, func(m projectionMember) bool { return m.column == bound.target }) {
		return false
	}
	n.members = append(n.members, projectionMember{name: bound.target.Name, column: bound.target})
	return true
}

func (n *projectionNode) show(s *soqlScope, rec *record, prefix string) doc {
	out := doc{{"attributes", attributes(rec, prefix)}}
	for _, m := range n.members {
		switch {
		case m.column != nil:
			out = append(out, member{m.name, m.column.render(rec.value(s.o, m.column))})
		case m.child != nil:
			out = append(out, member{m.name, m.child(rec)})
		default:
			parent := s.parent(rec, m.via)
			if parent == nil {
				out = append(out, member{m.name, nil})
				continue
			}
			out = append(out, member{m.name, m.parent.show(s, parent, prefix)})
		}
	}
	return out
}

func attributes(rec *record, prefix string) doc {
	return doc{{"type", rec.object.Name}, {"url", prefix + "/sobjects/" + rec.object.Name + "/" + rec.id}}
}

// addChild binds a child subquery. A row without children shows null, as Salesforce does.
func (s *soqlScope) addChild(root *projectionNode, sub *query, parent *object, prefix string) *apiError {
	rel, err := s.child(sub, parent)
	if err != nil {
		return err
	}
	if sub.count {
		return soqlError(sub.statement, sub.from.pos, "MALFORMED_QUERY", "COUNT() is not allowed in a child subquery")
	}
	show, err := s.projection(sub, rel.child, prefix)
	if err != nil {
		return err
	}
	if _, err := s.rows(sub, rel.child, nil); err != nil { // a bad clause is refused even when no row is there to test
		return err
	}
	var byParent map[string][]*record
	child := func(rec *record) any {
		if byParent == nil {
			byParent = map[string][]*record{}
			for _, c := range s.o.scan(rel.child) {
				byParent[c.str(rel.field.Name)] = append(byParent[c.str(rel.field.Name)], c)
			}
		}
		rows, err := s.rows(sub, rel.child, byParent[rec.id])
		if err != nil || len(rows) == 0 {
			return nil
		}
		records := make([]doc, len(rows))
		for i, row := range rows {
			records[i] = show(row)
		}
		return doc{{"totalSize", len(rows)}, {"done", true}, {"records", records}}
	}
	root.members = append(root.members, projectionMember{name: rel.name, child: child})
	return nil
}

// oneMetadataRow is the rule of the Tooling API for the columns that are built from the metadata itself.
func (s *soqlScope) oneMetadataRow(q *query, obj *object, rows int) *apiError {
	for _, item := range q.items {
		if item.sub != nil || rows <= 1 {
			continue
		}
		bound, err := s.bind(q, obj, item.path)
		if err == nil && bound.target.Type == typeComplex {
			return badRequest("MALFORMED_QUERY",
				"When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than one row for retrieval. Result size: %d", rows)
		}
	}
	return nil
}
