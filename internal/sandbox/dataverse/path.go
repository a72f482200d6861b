package dataverse

import (
	"strconv"
	"strings"
)

// segment is one part of a path: a name and what stands in parentheses after it.
type segment struct {
	name string
	args string
	call bool // it had parentheses
}

// splitPath cuts a decoded path at its slashes, leaving alone those in quotes and parentheses.
func splitPath(path string) ([]segment, *apiError) {
	var parts []segment
	for _, part := range splitOutside(path, '/') {
		name, rest, has := strings.Cut(part, "(")
		s := segment{name: name, call: has}
		if has {
			args, closed := strings.CutSuffix(rest, ")")
			if !closed {
				return nil, badRequest(codeResource, "Bad Request - Error in query syntax: the segment '%s' lacks a parenthesis.", part)
			}
			s.args = args
		}
		parts = append(parts, s)
	}
	return parts, nil
}

// splitOutside cuts text at a character that stands outside of quotes, parentheses and brackets.
func splitOutside(text string, at byte) []string {
	var parts []string
	level, quoted, start := 0, false, 0
	for i := range len(text) {
		switch ch := text[i]; {
		case ch == '\'':
			quoted = !quoted
		case quoted:
		case ch == '(' || ch == '[':
			level++
		case ch == ')' || ch == ']':
			level--
		case ch == at && level == 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// pairs reads name=value pairs of a key or of a function's arguments. Values keep their quotes. Aliases are looked up.
func (c *call) pairs(args string) (map[string]string, *apiError) {
	out := map[string]string{}
	if strings.TrimSpace(args) == "" {
		return out, nil
	}
	for _, part := range splitOutside(args, ',') {
		name, value, found := strings.Cut(part, "=")
		if !found {
			return nil, badRequest(codeResource, "Bad Request - Error in query syntax: '%s' is not a pair of name and value.", part)
		}
		value = strings.TrimSpace(value)
		if strings.HasPrefix(value, "@") {
			value = c.query.Get(value)
		}
		out[strings.TrimSpace(name)] = value
	}
	return out, nil
}

// unquote reads a string literal.
func unquote(literal string) (string, bool) {
	if len(literal) < 2 || literal[0] != '\'' || literal[len(literal)-1] != '\'' {
		return "", false
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'"), true
}

// atoi is the number in a text, 0 if it is none.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
