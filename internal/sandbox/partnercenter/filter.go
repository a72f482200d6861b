package partnercenter

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// kind is the type of a property that $filter can name.
type kind int

const (
	kindAny kind = iota // compared by the type of its value
	kindString
	kindGUID
	kindTime
	kindCollection
)

// filterFields are the properties that the documentation's examples use (pages "get-a-list-of-referrals" and its edition of
// 2019); createdDateTime, by which lists can be ordered, is taken for filterable as updatedDateTime is.
var filterFields = map[string]kind{
	"id":                              kindGUID,
	"engagementId":                    kindGUID,
	"status":                          kindString,
	"substatus":                       kindString,
	"qualification":                   kindString,
	"type":                            kindString,
	"direction":                       kindString,
	"createdDateTime":                 kindTime,
	"updatedDateTime":                 kindTime,
	"customerProfile/address/country": kindString,
	"team":                            kindCollection,
}

// filterRules say how much of the grammar is served; two switches decide.
type filterRules struct {
	anyField bool // $filter may name every property of the resource
	ranges   bool // gt, ge, lt and le on times
}

// condition is a parsed $filter, or a part of it. It is matched against a referral as decoded JSON.
type condition interface {
	match(doc map[string]any) bool
}

type conjunction struct{ left, right condition }

func (c conjunction) match(doc map[string]any) bool { return c.left.match(doc) && c.right.match(doc) }

// anyOf is the lambda path/any(v:condition); the inner condition is matched against each element.
type anyOf struct {
	path  []string
	inner condition
}

func (a anyOf) match(doc map[string]any) bool {
	elements, _ := valueAt(doc, a.path).([]any)
	for _, element := range elements {
		if object, ok := element.(map[string]any); ok && a.inner.match(object) {
			return true
		}
	}
	return false
}

type comparison struct {
	path     []string
	kind     kind
	operator string
	literal  any // string, float64, bool, time.Time or nil
}

func (c comparison) match(doc map[string]any) bool {
	value := valueAt(doc, c.path)
	switch literal := c.literal.(type) {
	case nil:
		return value == nil
	case time.Time:
		written, _ := value.(string)
		moment, err := time.Parse(timestampLayout, written)
		return err == nil && holds(c.operator, moment.Compare(literal))
	case string:
		written, ok := value.(string)
		if c.kind == kindGUID {
			return ok && strings.EqualFold(written, literal)
		}
		return ok && written == literal
	default:
		return value == literal
	}
}

func holds(operator string, order int) bool {
	switch operator {
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	default:
		return order == 0
	}
}

func valueAt(doc map[string]any, path []string) any {
	var value any = doc
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

// maxFilterDepth bounds parentheses and lambdas, as OData services do.
const maxFilterDepth = 32

// parseFilter parses a $filter of the documented grammar:
//
//	condition = term { "and" term }
//	term      = "(" condition ")" | path "/any(" name ":" condition ")" | path operator literal
//	operator  = "eq" | "gt" | "ge" | "lt" | "le"
//	literal   = 'text' | guid | time | number | true | false | null
//
// Everything else is an error that names what is not supported; nothing is ignored.
func parseFilter(filter string, rules filterRules) (condition, error) {
	tokens, err := lexFilter(filter)
	if err != nil {
		return nil, err
	}
	p := &filterParser{tokens: tokens, rules: rules}
	parsed, err := p.condition(0)
	if err != nil {
		return nil, err
	}
	if next := p.peek(); next.kind != tokenEnd {
		return nil, fmt.Errorf("syntax error at position %d: %q is not expected here", next.at, next.text)
	}
	return parsed, nil
}

type filterParser struct {
	tokens   []token
	at       int
	rules    filterRules
	variable string // of the lambda that is being parsed, if any
}

func (p *filterParser) peek() token { return p.tokens[p.at] }

func (p *filterParser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

func (p *filterParser) expect(symbol string) error {
	if t := p.next(); t.kind != tokenSymbol || t.text != symbol {
		return fmt.Errorf("syntax error at position %d: %q expected, found %q", t.at, symbol, t.text)
	}
	return nil
}

func (p *filterParser) condition(depth int) (condition, error) {
	if depth > maxFilterDepth {
		return nil, fmt.Errorf("the filter is nested deeper than %d levels", maxFilterDepth)
	}
	left, err := p.term(depth)
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		if t.kind != tokenWord {
			return left, nil
		}
		if t.text != "and" {
			return nil, fmt.Errorf("the operator %q at position %d is not supported", t.text, t.at)
		}
		p.next()
		right, err := p.term(depth)
		if err != nil {
			return nil, err
		}
		left = conjunction{left, right}
	}
}

func (p *filterParser) term(depth int) (condition, error) {
	if t := p.peek(); t.kind == tokenSymbol && t.text == "(" {
		p.next()
		inner, err := p.condition(depth + 1)
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if last := len(path) - 1; last > 0 && path[last] == "any" {
		return p.lambda(path[:last], depth)
	}
	return p.comparison(path)
}

func (p *filterParser) path() ([]string, error) {
	var path []string
	for {
		t := p.next()
		if t.kind != tokenWord {
			return nil, fmt.Errorf("syntax error at position %d: a property name expected, found %q", t.at, t.text)
		}
		path = append(path, t.text)
		if next := p.peek(); next.kind != tokenSymbol || next.text != "/" {
			return path, nil
		}
		p.next()
	}
}

func (p *filterParser) lambda(path []string, depth int) (condition, error) {
	if p.variable != "" {
		return nil, fmt.Errorf("a lambda within a lambda is not supported")
	}
	name := strings.Join(path, "/")
	if known, ok := p.fieldKind(path); !ok || (known != kindCollection && known != kindAny) {
		return nil, fmt.Errorf("could not find a collection named %q on the type Referral", name)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	variable := p.next()
	if variable.kind != tokenWord {
		return nil, fmt.Errorf("syntax error at position %d: the name of the range variable expected", variable.at)
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	p.variable = variable.text
	inner, err := p.condition(depth + 1)
	p.variable = ""
	if err != nil {
		return nil, err
	}
	return anyOf{path: path, inner: inner}, p.expect(")")
}

func (p *filterParser) comparison(path []string) (condition, error) {
	if p.variable != "" {
		if path[0] != p.variable || len(path) < 2 {
			return nil, fmt.Errorf("%q does not start with the range variable %q", strings.Join(path, "/"), p.variable)
		}
		path = path[1:]
	}
	known, ok := p.fieldKind(path)
	if !ok || known == kindCollection {
		return nil, fmt.Errorf("could not find a property named %q that can be filtered on the type Referral", strings.Join(path, "/"))
	}
	operator := p.next()
	switch operator.text {
	case "eq":
	case "gt", "ge", "lt", "le":
		if known != kindTime || !p.rules.ranges {
			return nil, fmt.Errorf("the operator %q is not supported on the property %q", operator.text, strings.Join(path, "/"))
		}
	default:
		return nil, fmt.Errorf("the operator %q at position %d is not supported", operator.text, operator.at)
	}
	literal, err := p.literal(known)
	if err != nil {
		return nil, err
	}
	if literal == nil && operator.text != "eq" {
		return nil, fmt.Errorf("null cannot be compared by %q", operator.text)
	}
	return comparison{path: path, kind: known, operator: operator.text, literal: literal}, nil
}

// fieldKind is the kind of a property of the referral, or of a team member within a lambda.
func (p *filterParser) fieldKind(path []string) (kind, bool) {
	name := strings.Join(path, "/")
	if p.variable != "" {
		return kindString, name == "email" || p.rules.anyField
	}
	if known, ok := filterFields[name]; ok {
		return known, true
	}
	if !p.rules.anyField {
		return kindAny, false
	}
	return kindAny, referralHas(path[0])
}

func (p *filterParser) literal(known kind) (any, error) {
	t := p.next()
	value, found := t.literal()
	if found == literalNone {
		return nil, fmt.Errorf("syntax error at position %d: a literal expected, found %q", t.at, t.text)
	}
	fits := true
	switch known {
	case kindString:
		fits = found == literalString || found == literalNull
	case kindGUID:
		fits = found == literalString || found == literalGUID || found == literalNull
	case kindTime:
		fits = found == literalTime || found == literalNull
	}
	if !fits {
		return nil, fmt.Errorf("the literal %s at position %d does not have the type of the property", t.text, t.at)
	}
	return value, nil
}

// referralNames are the JSON names of the referral's own properties.
var referralNames = func() map[string]any {
	data, err := json.Marshal(Referral{Links: &Links{}})
	if err != nil {
		panic(err) // the type is plain data
	}
	var names map[string]any
	if err := json.Unmarshal(data, &names); err != nil {
		panic(err)
	}
	return names
}()

func referralHas(property string) bool {
	_, ok := referralNames[property]
	return ok
}
