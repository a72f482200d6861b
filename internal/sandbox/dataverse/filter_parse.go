package dataverse

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The nodes of a filter.
type (
	operation struct { // and, or, and comparisons
		op          string
		left, right any
	}
	negation struct{ of any }
	literal  struct {
		value any    // string, float64, bool, nil
		kind  string // String, Number, Boolean, Guid, Date, DateTimeOffset, null
	}
	property struct{ path []string }
	function struct {
		name string
		args []any
		lits map[string]any // named arguments of query functions
	}
	lambda struct {
		all   bool
		path  []string
		name  string // of the range variable
		where any    // nil: any row
	}
)

// parser reads a filter by recursive descent.
type parser struct {
	tokens []string
	at     int
}

var errEnd = fmt.Errorf("the expression ends too early")

// parseFilter reads the value of $filter.
func parseFilter(text string) (any, *apiError) {
	tokens, err := lex(text)
	if err == nil {
		p := &parser{tokens: tokens}
		var node any
		if node, err = p.or(); err == nil && p.at == len(tokens) {
			return node, nil
		}
		if err == nil {
			err = fmt.Errorf("'%s' is not expected there", p.peek())
		}
	}
	return nil, badRequest(codeResource, "Syntax error in the filter '%s': %v.", text, err)
}

// lex cuts a filter into words, literals, parentheses, brackets, commas and the colon of lambdas.
func lex(text string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(text); {
		switch ch := text[i]; {
		case ch == ' ' || ch == '\t':
			i++
		case ch == '\'':
			end := i + 1
			for ; end < len(text); end++ {
				if text[end] == '\'' {
					if end+1 < len(text) && text[end+1] == '\'' {
						end++
						continue
					}
					break
				}
			}
			if end >= len(text) {
				return nil, fmt.Errorf("there is an unterminated string literal at position %d", i)
			}
			tokens = append(tokens, text[i:end+1])
			i = end + 1
		case ch == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("there is an unterminated value at position %d", i)
			}
			tokens = append(tokens, text[i:i+end+2])
			i += end + 2
		case strings.IndexByte("(),[]=", ch) >= 0:
			tokens = append(tokens, string(ch))
			i++
		default:
			end := i
			for end < len(text) && strings.IndexByte(" \t(),[]'\"=", text[end]) < 0 {
				end++
			}
			tokens = append(tokens, text[i:end])
			i = end
		}
	}
	return tokens, nil
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *parser) next() string {
	t := p.peek()
	p.at++
	return t
}

func (p *parser) expect(token string) error {
	if got := p.next(); got != token {
		return fmt.Errorf("'%s' is expected, not '%s'", token, got)
	}
	return nil
}

func (p *parser) or() (any, error) { return p.chain("or", p.and) }

func (p *parser) and() (any, error) { return p.chain("and", p.unary) }

func (p *parser) chain(op string, part func() (any, error)) (any, error) {
	left, err := part()
	for err == nil && p.peek() == op {
		p.next()
		var right any
		if right, err = part(); err == nil {
			left = operation{op, left, right}
		}
	}
	return left, err
}

func (p *parser) unary() (any, error) {
	if p.peek() == "not" {
		p.next()
		of, err := p.unary()
		return negation{of}, err
	}
	if p.peek() == "(" {
		p.next()
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	return p.comparison()
}

var comparisons = map[string]bool{"eq": true, "ne": true, "gt": true, "ge": true, "lt": true, "le": true}

func (p *parser) comparison() (any, error) {
	left, err := p.operand()
	if err != nil || !comparisons[p.peek()] {
		return left, err
	}
	op := p.next()
	right, err := p.operand()
	return operation{op, left, right}, err
}

func (p *parser) operand() (any, error) {
	token := p.next()
	switch {
	case token == "":
		return nil, errEnd
	case token[0] == '\'':
		value, _ := unquote(token)
		return literal{value, "String"}, nil
	case p.peek() == "(":
		return p.invoke(token)
	}
	if lit, isLiteral := readLiteral(token); isLiteral {
		return lit, nil
	}
	if strings.IndexByte("(),[]=", token[0]) >= 0 {
		return nil, fmt.Errorf("'%s' is not expected there", token)
	}
	return property{strings.Split(token, "/")}, nil
}

func readLiteral(token string) (literal, bool) {
	switch token {
	case "null":
		return literal{nil, "null"}, true
	case "true", "false":
		return literal{token == "true", "Boolean"}, true
	}
	if f, err := strconv.ParseFloat(token, 64); err == nil {
		return literal{f, "Number"}, true
	}
	if id, isGUID := normalGUID(token); isGUID {
		return literal{id, "Guid"}, true
	}
	if t, err := time.Parse(time.RFC3339Nano, token); err == nil {
		return literal{stamp(t), "DateTimeOffset"}, true
	}
	if _, err := time.Parse(time.DateOnly, token); err == nil {
		return literal{token, "Date"}, true
	}
	return literal{}, false
}

// invoke reads a function call, a query function with named arguments, or a lambda.
func (p *parser) invoke(name string) (any, error) {
	p.next() // the parenthesis
	path := strings.Split(name, "/")
	if last := path[len(path)-1]; last == "any" || last == "all" {
		return p.lambda(path[:len(path)-1], last == "all")
	}
	f := function{name: name, lits: map[string]any{}}
	for p.peek() != ")" {
		if strings.HasPrefix(name, namespace) {
			argument := p.next()
			if err := p.expect("="); err != nil {
				return nil, err
			}
			value, err := p.argument()
			if err != nil {
				return nil, err
			}
			f.lits[argument] = value
		} else {
			arg, err := p.or()
			if err != nil {
				return nil, err
			}
			f.args = append(f.args, arg)
		}
		if p.peek() == "," {
			p.next()
		} else if p.peek() != ")" {
			return nil, fmt.Errorf("',' or ')' is expected, not '%s'", p.peek())
		}
	}
	return f, p.expect(")")
}

// argument reads the value of a query function's argument: a literal, or a list of texts.
func (p *parser) argument() (any, error) {
	token := p.next()
	if token != "[" {
		if text, isText := unquote(token); isText {
			return text, nil
		}
		lit, isLiteral := readLiteral(token)
		if !isLiteral {
			return nil, fmt.Errorf("'%s' is not a value", token)
		}
		return lit.value, nil
	}
	list := []any{}
	for p.peek() != "]" {
		token := p.next()
		if token == "" {
			return nil, errEnd
		}
		if token != "," {
			list = append(list, strings.Trim(token, `"'`))
		}
	}
	return list, p.expect("]")
}

func (p *parser) lambda(path []string, all bool) (any, error) {
	l := lambda{all: all, path: path}
	if p.peek() == ")" {
		return l, p.expect(")")
	}
	// The lexer leaves o:o/name together, for a colon is part of times too.
	name, rest, found := strings.Cut(p.next(), ":")
	if !found {
		return nil, fmt.Errorf("a range variable and a colon are expected")
	}
	l.name = name
	if rest != "" {
		p.at--
		p.tokens[p.at] = rest
	}
	var err error
	if l.where, err = p.or(); err != nil {
		return nil, err
	}
	return l, p.expect(")")
}
