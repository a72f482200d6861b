package dataverse

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// source is what a filter is asked about: a row, or a definition of metadata.
type source interface {
	// get is the value of a property, in the form of JSON; known is false for one that does not exist.
	get(path []string) (value any, known bool)
	// follow gives the rows behind a collection-valued navigation property.
	follow(path []string) ([]source, bool)
	// edm is the type of a property, or "" where nobody checks.
	edm(path []string) string
	// name is how messages call the source's type.
	name() string
	// now is the time, for functions about the past.
	now() time.Time
}

// matches evaluates a filter. A property that does not exist, or a comparison of values that cannot be compared, is refused.
func matches(node any, s source) (bool, *apiError) {
	switch n := node.(type) {
	case operation:
		if n.op == "and" || n.op == "or" {
			left, err := matches(n.left, s)
			if err != nil {
				return false, err
			}
			right, err := matches(n.right, s)
			if n.op == "and" {
				return left && right, err
			}
			return left || right, err
		}
		return compare(n, s)
	case negation:
		yes, err := matches(n.of, s)
		return !yes, err
	case function:
		return n.holds(s)
	case lambda:
		return n.holds(s)
	case property:
		value, err := valueOf(n, s)
		yes, _ := value.(bool)
		return yes, err
	case literal:
		yes, isBool := n.value.(bool)
		if isBool {
			return yes, nil
		}
	}
	return false, badRequest(codeResource, "The filter is not a condition.")
}

func valueOf(node any, s source) (any, *apiError) {
	switch n := node.(type) {
	case literal:
		return n.value, nil
	case property:
		value, known := s.get(n.path)
		if !known {
			return nil, errProperty(strings.Join(n.path, "/"), s.name())
		}
		return value, nil
	case function:
		return n.value(s)
	}
	return nil, badRequest(codeResource, "The filter compares what is not a value.")
}

func compare(n operation, s source) (bool, *apiError) {
	left, err := valueOf(n.left, s)
	if err != nil {
		return false, err
	}
	right, err := valueOf(n.right, s)
	if err != nil {
		return false, err
	}
	if err := comparable(n, s); err != nil {
		return false, err
	}
	if left == nil || right == nil {
		return (n.op == "eq") == (left == nil && right == nil) && (n.op == "eq" || n.op == "ne"), nil
	}
	order, same := orderOf(left, right)
	if !same {
		return false, badRequest(codeResource, "A binary operator with incompatible types was detected.")
	}
	switch n.op {
	case "eq":
		return order == 0, nil
	case "ne":
		return order != 0, nil
	case "gt":
		return order > 0, nil
	case "ge":
		return order >= 0, nil
	case "lt":
		return order < 0, nil
	}
	return order <= 0, nil
}

// comparable refuses a literal whose type is not the property's.
func comparable(n operation, s source) *apiError {
	prop, isProperty := n.left.(property)
	lit, isLiteral := n.right.(literal)
	if !isProperty || !isLiteral || lit.kind == "null" {
		return nil
	}
	want := s.edm(prop.path)
	var fits bool
	switch want {
	case "":
		return nil
	case "Int32", "Int64", "Decimal", "Double":
		fits = lit.kind == "Number"
	case "DateTimeOffset", "Date":
		fits = lit.kind == "DateTimeOffset" || lit.kind == "Date"
	default:
		fits = lit.kind == want
	}
	if fits {
		return nil
	}
	return badRequest(codeResource, "A binary operator with incompatible types was detected. Found operand types 'Edm.%s' and 'Edm.%s' for operator kind '%s'.",
		want, lit.kind, n.op)
}

// orderOf compares two values of one type; texts without regard to case, as the platform's database does.
func orderOf(left, right any) (int, bool) {
	if l, ok := asNumber(left); ok {
		r, isNumber := asNumber(right)
		return cmp.Compare(l, r), isNumber
	}
	switch l := left.(type) {
	case string:
		r, ok := right.(string)
		if len(l) > len(r) && strings.HasPrefix(l[min(10, len(l)):], "T") && len(r) == len(time.DateOnly) {
			r += "T00:00:00Z" // a time compared with a date
		}
		return cmp.Compare(strings.ToLower(l), strings.ToLower(r)), ok
	case bool:
		r, ok := right.(bool)
		switch {
		case l == r:
			return 0, ok
		case r:
			return -1, ok
		}
		return 1, ok
	}
	return 0, false
}

func asNumber(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return math.NaN(), false
}

// value computes a function that gives a value.
func (f function) value(s source) (any, *apiError) {
	switch f.name {
	case "contains", "startswith", "endswith":
		return f.holds(s)
	}
	return nil, badRequest(codeResource, "An unknown function with name '%s' was found.", f.name)
}

// holds computes a function that is a condition.
func (f function) holds(s source) (bool, *apiError) {
	if strings.HasPrefix(f.name, namespace) {
		return f.query(s)
	}
	test := map[string]func(s, part string) bool{"contains": strings.Contains, "startswith": strings.HasPrefix, "endswith": strings.HasSuffix}[f.name]
	if test == nil || len(f.args) != 2 {
		return false, badRequest(codeResource, "An unknown function with name '%s' was found.", f.name)
	}
	whole, err := valueOf(f.args[0], s)
	if err != nil {
		return false, err
	}
	part, err := valueOf(f.args[1], s)
	if err != nil {
		return false, err
	}
	a, isText := whole.(string)
	b, isTextToo := part.(string)
	return isText && isTextToo && test(strings.ToLower(a), strings.ToLower(b)), nil
}

// query computes one of the platform's own query functions.
func (f function) query(s source) (bool, *apiError) {
	name, _ := f.lits["PropertyName"].(string)
	value, known := s.get(strings.Split(name, "/"))
	if !known {
		return false, errProperty(name, s.name())
	}
	list, _ := f.lits["PropertyValues"].([]any)
	switch strings.TrimPrefix(f.name, namespace) {
	case "In":
		return slices.ContainsFunc(list, func(v any) bool { return value != nil && strings.EqualFold(plain(v), plain(value)) }), nil
	case "NotIn":
		return !slices.ContainsFunc(list, func(v any) bool { return value != nil && strings.EqualFold(plain(v), plain(value)) }), nil
	case "ContainValues":
		have := strings.Split(plain(value), ",")
		return value != nil && slices.ContainsFunc(list, func(v any) bool { return slices.Contains(have, plain(v)) }), nil
	case "LastXDays", "LastXHours":
		n, _ := f.lits["PropertyValue"].(float64)
		unit := 24 * time.Hour
		if strings.HasSuffix(f.name, "Hours") {
			unit = time.Hour
		}
		text := plain(value)
		return value != nil && text >= stamp(s.now().Add(-time.Duration(n) * unit))[:len(text)] && text <= stamp(s.now())[:len(text)], nil
	}
	return false, badRequest(codeResource, "An unknown function with name '%s' was found.", f.name)
}

func (l lambda) holds(s source) (bool, *apiError) {
	rows, known := s.follow(l.path)
	if !known {
		return false, errProperty(strings.Join(l.path, "/"), s.name())
	}
	for _, row := range rows {
		yes := true
		if l.where != nil {
			var err *apiError
			if yes, err = matches(l.where, scoped{row, l.name}); err != nil {
				return false, err
			}
		}
		if yes != l.all {
			return yes, nil
		}
	}
	return l.all, nil
}

// scoped is a row under the name of a range variable.
type scoped struct {
	source
	variable string
}

func (s scoped) inner(path []string) []string {
	if len(path) > 1 && path[0] == s.variable {
		return path[1:]
	}
	return path
}

func (s scoped) get(path []string) (any, bool)         { return s.source.get(s.inner(path)) }
func (s scoped) follow(path []string) ([]source, bool) { return s.source.follow(s.inner(path)) }
func (s scoped) edm(path []string) string              { return s.source.edm(s.inner(path)) }
