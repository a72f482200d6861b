package salesforce

import (
	"slices"
	"strconv"
	"strings"
)

// query is a parsed SELECT statement, not yet bound to a schema.
type query struct {
	statement string
	count     bool // SELECT COUNT()
	items     []selectItem
	from      token
	alias     string
	where     condition
	order     []orderItem
	limit     *int
	offset    int
}

// selectItem is a field path or a child subquery.
type selectItem struct {
	path fieldPath
	sub  *query
}

// fieldPath is a dotted path such as Account.Owner.Email.
type fieldPath []token

func (p fieldPath) String() string {
	parts := make([]string, len(p))
	for i, t := range p {
		parts[i] = t.text
	}
	return strings.Join(parts, ".")
}

type orderItem struct {
	path      fieldPath
	desc      bool
	nullsLast bool
}

// condition is one node of a WHERE clause.
type condition interface{ isCondition() }

type logical struct {
	and   bool
	parts []condition
}

type negation struct{ part condition }

type comparison struct {
	path   fieldPath
	op     string // = != < <= > >= LIKE IN, NOT IN
	values []token
	sub    *query // right side of a semi-join
}

func (logical) isCondition()    {}
func (negation) isCondition()   {}
func (comparison) isCondition() {}

// maxNesting bounds parentheses and subqueries.
const maxNesting = 50

type soqlParser struct {
	statement string
	tokens    []token
	at        int
	depth     int
}

// parseSOQL reads one statement. Whatever it does not know is an error.
func parseSOQL(statement string) (*query, *apiError) {
	tokens, err := scanSOQL(statement)
	if err != nil {
		return nil, err
	}
	p := &soqlParser{statement: statement, tokens: tokens}
	q, err := p.selectStatement()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenEnd {
		return nil, p.unexpected()
	}
	return q, nil
}

func (p *soqlParser) peek() token { return p.tokens[p.at] }

func (p *soqlParser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// take consumes the keyword or symbol if it is next.
func (p *soqlParser) take(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

func (p *soqlParser) fail(at token, format string, args ...any) *apiError {
	return soqlError(p.statement, at.pos, "MALFORMED_QUERY", format, args...)
}

func (p *soqlParser) unexpected() *apiError {
	return p.fail(p.peek(), "unexpected token: '%s'", p.peek().shown())
}

func (p *soqlParser) expect(text string) *apiError {
	if !p.take(text) {
		return p.unexpected()
	}
	return nil
}

func (p *soqlParser) enter() *apiError {
	if p.depth++; p.depth > maxNesting {
		return p.fail(p.peek(), "query is too deeply nested")
	}
	return nil
}

var reserved = []string{"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "ORDER", "BY", "LIMIT", "OFFSET", "ASC", "DESC",
	"NULLS", "GROUP", "HAVING", "FOR", "WITH", "USING", "UPDATE", "ALL"}

func isReserved(name string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) })
}

func (p *soqlParser) name() (token, *apiError) {
	t := p.peek()
	if t.kind != tokenName || isReserved(t.text) || strings.Contains(t.text, ":") {
		return t, p.unexpected()
	}
	return p.next(), nil
}

func (p *soqlParser) selectStatement() (*query, *apiError) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	q := &query{statement: p.statement}
	steps := []func(*query) *apiError{p.selectClause, p.fromClause, p.whereClause, p.orderClause, p.limitClause}
	for _, step := range steps {
		if err := step(q); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (p *soqlParser) selectClause(q *query) *apiError {
	if err := p.expect("SELECT"); err != nil {
		return err
	}
	if p.peek().is("COUNT") && p.tokens[p.at+1].is("(") {
		p.at += 2
		q.count = true
		return p.expect(")")
	}
	for {
		item, err := p.selectItem()
		if err != nil {
			return err
		}
		q.items = append(q.items, item)
		if !p.take(",") {
			return nil
		}
	}
}

func (p *soqlParser) selectItem() (selectItem, *apiError) {
	if p.take("(") {
		sub, err := p.selectStatement()
		if err != nil {
			return selectItem{}, err
		}
		return selectItem{sub: sub}, p.expect(")")
	}
	path, err := p.path()
	return selectItem{path: path}, err
}

func (p *soqlParser) path() (fieldPath, *apiError) {
	var path fieldPath
	for {
		t, err := p.name()
		if err != nil {
			return nil, err
		}
		path = append(path, t)
		if !p.take(".") {
			return path, nil
		}
	}
}

func (p *soqlParser) fromClause(q *query) (err *apiError) {
	if err = p.expect("FROM"); err != nil {
		return err
	}
	if q.from, err = p.name(); err != nil {
		return err
	}
	if t := p.peek(); t.kind == tokenName && !isReserved(t.text) {
		q.alias = p.next().text
	}
	return nil
}

func (p *soqlParser) whereClause(q *query) (err *apiError) {
	if p.take("WHERE") {
		q.where, err = p.conditions()
	}
	return err
}

// conditions reads a list joined by AND or by OR; SOQL wants parentheses where both occur.
func (p *soqlParser) conditions() (condition, *apiError) {
	first, err := p.condition()
	if err != nil {
		return nil, err
	}
	if !p.peek().is("AND") && !p.peek().is("OR") {
		return first, nil
	}
	joiner := p.peek().text
	list := logical{and: strings.EqualFold(joiner, "AND"), parts: []condition{first}}
	for p.take(joiner) {
		part, err := p.condition()
		if err != nil {
			return nil, err
		}
		list.parts = append(list.parts, part)
	}
	if p.peek().is("AND") || p.peek().is("OR") {
		return nil, p.unexpected()
	}
	return list, nil
}

func (p *soqlParser) condition() (condition, *apiError) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if p.take("NOT") {
		part, err := p.condition()
		return negation{part}, err
	}
	if p.take("(") {
		inner, err := p.conditions()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	return p.comparison()
}

func (p *soqlParser) comparison() (condition, *apiError) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	c := comparison{path: path}
	op := p.next()
	switch {
	case op.kind == tokenSymbol && slices.Contains([]string{"=", "!=", "<>", "<", "<=", ">", ">="}, op.text):
		c.op = op.text
		if c.op == "<>" {
			c.op = "!="
		}
	case op.is("LIKE"):
		c.op = "LIKE"
	case op.is("IN"):
		return p.inList(c, "IN")
	case op.is("NOT") && p.take("IN"):
		return p.inList(c, "NOT IN")
	default:
		return nil, p.fail(op, "unexpected token: '%s'", op.shown())
	}
	value, err := p.literal()
	c.values = []token{value}
	return c, err
}

func (p *soqlParser) inList(c comparison, op string) (condition, *apiError) {
	c.op = op
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.peek().is("SELECT") {
		sub, err := p.selectStatement()
		if err != nil {
			return nil, err
		}
		c.sub = sub
		return c, p.expect(")")
	}
	for {
		value, err := p.literal()
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, value)
		if !p.take(",") {
			return c, p.expect(")")
		}
	}
}

var dateWords = []string{"YESTERDAY", "TODAY", "TOMORROW", "LAST_N_DAYS", "NEXT_N_DAYS"}

func (p *soqlParser) literal() (token, *apiError) {
	t := p.peek()
	switch t.kind {
	case tokenString, tokenNumber, tokenTime:
		return p.next(), nil
	case tokenName:
		word, _, _ := strings.Cut(strings.ToUpper(t.text), ":")
		if slices.Contains([]string{"NULL", "TRUE", "FALSE"}, strings.ToUpper(t.text)) || slices.Contains(dateWords, word) {
			return p.next(), nil
		}
	}
	return t, p.unexpected()
}

func (p *soqlParser) orderClause(q *query) *apiError {
	if !p.take("ORDER") {
		return nil
	}
	if err := p.expect("BY"); err != nil {
		return err
	}
	for {
		path, err := p.path()
		if err != nil {
			return err
		}
		item := orderItem{path: path}
		if !p.take("ASC") {
			item.desc = p.take("DESC")
		}
		if p.take("NULLS") {
			item.nullsLast = p.take("LAST")
			if !item.nullsLast {
				if err := p.expect("FIRST"); err != nil {
					return err
				}
			}
		}
		q.order = append(q.order, item)
		if !p.take(",") {
			return nil
		}
	}
}

func (p *soqlParser) limitClause(q *query) *apiError {
	if p.take("LIMIT") {
		n, err := p.natural()
		if err != nil {
			return err
		}
		q.limit = &n
	}
	if p.take("OFFSET") {
		at := p.peek()
		n, err := p.natural()
		if err != nil {
			return err
		}
		if n > 2000 {
			return soqlError(p.statement, at.pos, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
		}
		q.offset = n
	}
	return nil
}

func (p *soqlParser) natural() (int, *apiError) {
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenNumber || err != nil || n < 0 {
		return 0, p.unexpected()
	}
	p.at++
	return n, nil
}
