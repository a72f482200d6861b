package salesforce

import (
	"strconv"
	"strings"
	"time"
)

// soqlScope is what a statement may name: the objects of one API surface as one user sees them.
type soqlScope struct {
	o       *Org
	access  *access
	catalog *catalog
	deleted bool // queryAll
}

// boundPath is a field path resolved against the schema.
type boundPath struct {
	parents []*field // reference fields from the queried object upwards
	target  *field
}

func (b boundPath) value(s *soqlScope, rec *record) any {
	for _, parent := range b.parents {
		if rec = s.parent(rec, parent); rec == nil {
			return nil
		}
	}
	return rec.value(s.o, b.target)
}

// parent follows a reference; a parent that was deleted reads as absent.
func (s *soqlScope) parent(rec *record, f *field) *record {
	id := rec.str(f.Name)
	for _, name := range f.ReferenceTo {
		target := s.catalog.object(name)
		if target == nil {
			target = s.o.data.object(name)
		}
		if found := s.o.find(target, id); found != nil && (!found.deleted || s.deleted) {
			return found
		}
	}
	return nil
}

// object resolves the FROM clause of a top-level statement.
func (s *soqlScope) object(q *query) (*object, *apiError) {
	obj := s.catalog.object(q.from.text)
	if !s.access.seesObject(obj) {
		return nil, soqlError(q.statement, q.from.pos, "INVALID_TYPE",
			"sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", q.from.text)
	}
	return obj, nil
}

// bind resolves a path; it may start with the object's own name or its alias.
func (s *soqlScope) bind(q *query, obj *object, path fieldPath) (boundPath, *apiError) {
	if len(path) > 1 && (strings.EqualFold(path[0].text, q.alias) || strings.EqualFold(path[0].text, obj.Name) && s.relation(obj, path[0].text) == nil) {
		path = path[1:]
	}
	if len(path) > 6 {
		return boundPath{}, soqlError(q.statement, path[0].pos, "MALFORMED_QUERY", "a relationship path may have at most five levels: %s", path)
	}
	var bound boundPath
	for _, step := range path[:len(path)-1] {
		rel := s.relation(obj, step.text)
		if rel == nil {
			return bound, soqlError(q.statement, step.pos, "INVALID_FIELD",
				"Didn't understand relationship '%s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.", step.text)
		}
		bound.parents = append(bound.parents, rel)
		if obj = s.catalog.object(rel.ReferenceTo[0]); obj == nil {
			obj = s.o.data.object(rel.ReferenceTo[0])
		}
	}
	last := path[len(path)-1]
	bound.target = obj.field(last.text)
	if bound.target == nil || !s.access.seesField(obj, bound.target) {
		return bound, soqlError(q.statement, last.pos, "INVALID_FIELD",
			"No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", last.text, obj.Name)
	}
	return bound, nil
}

// relation finds the reference field behind a parent relationship name.
func (s *soqlScope) relation(obj *object, name string) *field {
	for _, f := range obj.fields {
		if f.Relationship == "" || !strings.EqualFold(f.Relationship, name) || !s.access.seesField(obj, f) {
			continue
		}
		parent := s.catalog.object(f.ReferenceTo[0])
		if parent == nil {
			parent = s.o.data.object(f.ReferenceTo[0])
		}
		if s.access.seesObject(parent) {
			return f
		}
	}
	return nil
}

// child resolves the FROM clause of a child subquery, which names a relationship.
func (s *soqlScope) child(q *query, parent *object) (childRelation, *apiError) {
	for _, rel := range s.catalog.children(parent) {
		if rel.name != "" && strings.EqualFold(rel.name, q.from.text) && s.access.seesObject(rel.child) && s.access.seesField(rel.child, rel.field) {
			return rel, nil
		}
	}
	return childRelation{}, soqlError(q.statement, q.from.pos, "INVALID_TYPE",
		"Didn't understand relationship '%s' in FROM part of query call. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.", q.from.text)
}

// operand is a literal in the stored form of the field it is compared with. A relative date covers a span.
type operand struct {
	value any
	until time.Time // end of the span; zero for a plain value
	exact bool      // ids differ by case
}

// operand checks a literal against the type of the field.
func (s *soqlScope) operand(q *query, f *field, op string, lit token) (operand, *apiError) {
	word := strings.ToUpper(lit.text)
	if lit.kind == tokenName && word == "NULL" {
		if op != "=" && op != "!=" && op != "IN" && op != "NOT IN" {
			return operand{}, soqlError(q.statement, lit.pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on null value")
		}
		return operand{}, nil
	}
	refuse := func(kind, quotes string) (operand, *apiError) {
		return operand{}, soqlError(q.statement, lit.pos, "INVALID_FIELD",
			"value of filter criterion for field '%s' must be of type %s and should %sbe enclosed in quotes", f.Name, kind, quotes)
	}
	switch f.Type {
	case typeBoolean:
		if lit.kind != tokenName || word != "TRUE" && word != "FALSE" {
			return refuse("boolean", "not ")
		}
		return operand{value: word == "TRUE"}, nil
	case typeInt, typeDouble, typeCurrency, typePercent:
		n, err := strconv.ParseFloat(lit.text, 64)
		if lit.kind != tokenNumber || err != nil {
			return refuse(string(f.Type), "not ")
		}
		return operand{value: n}, nil
	case typeDate, typeDateTime:
		bound, ok := s.timeOperand(f, lit)
		if !ok {
			return refuse(string(f.Type), "not ")
		}
		return bound, nil
	case typeID, typeReference:
		if lit.kind != tokenString {
			return refuse("string", "")
		}
		return s.idOperand(q, lit)
	}
	if lit.kind != tokenString {
		return refuse("string", "")
	}
	if op != "LIKE" {
		return operand{value: strings.ReplaceAll(lit.text, string(likeEscape), "")}, nil
	}
	return operand{value: lit.text}, nil
}

func (s *soqlScope) idOperand(q *query, lit token) (operand, *apiError) {
	if lit.text == "" {
		return operand{}, nil
	}
	if id, ok := normalizeID(lit.text); ok {
		return operand{value: id, exact: true}, nil
	}
	return operand{}, soqlError(q.statement, lit.pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: %s", lit.text)
}

func (s *soqlScope) timeOperand(f *field, lit token) (operand, bool) {
	if lit.kind == tokenTime {
		if dayOnly := len(lit.text) == len(dateForm); dayOnly != (f.Type == typeDate) {
			return operand{}, false
		}
		t, ok := parseDateTime(lit.text)
		if f.Type == typeDate {
			return operand{value: lit.text}, ok
		}
		return operand{value: t}, ok
	}
	from, until, ok := s.relativeDays(lit)
	if !ok {
		return operand{}, false
	}
	if f.Type == typeDate {
		return operand{value: from.Format(dateForm), until: until}, true
	}
	return operand{value: from, until: until}, true
}

// relativeDays is the span of a date word, whole days in UTC.
func (s *soqlScope) relativeDays(lit token) (from, until time.Time, ok bool) {
	if lit.kind != tokenName {
		return from, until, false
	}
	word, count, hasCount := strings.Cut(strings.ToUpper(lit.text), ":")
	n, err := strconv.Atoi(count)
	if hasCount && (err != nil || n > 36500) {
		return from, until, false
	}
	today := s.o.now().Truncate(24 * time.Hour)
	day := func(offset int) time.Time { return today.AddDate(0, 0, offset) }
	switch {
	case word == "TODAY" && !hasCount:
		return day(0), day(1), true
	case word == "YESTERDAY" && !hasCount:
		return day(-1), day(0), true
	case word == "TOMORROW" && !hasCount:
		return day(1), day(2), true
	case word == "LAST_N_DAYS" && hasCount:
		return day(-n), day(1), true
	case word == "NEXT_N_DAYS" && hasCount:
		return day(1), day(n + 1), true
	}
	return from, until, false
}
