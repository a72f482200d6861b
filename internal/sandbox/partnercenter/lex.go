package partnercenter

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenSymbol
)

type token struct {
	kind tokenKind
	text string // a string literal's text is unquoted
	at   int    // byte position in the filter
}

// lexFilter splits a $filter into words, quoted strings and symbols. The last token is always tokenEnd.
func lexFilter(filter string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(filter); {
		switch c := filter[i]; {
		case c == ' ' || c == '\t':
			i++
		case strings.IndexByte("()/:", c) >= 0:
			tokens = append(tokens, token{tokenSymbol, string(c), i})
			i++
		case c == '\'':
			content, length, ok := lexString(filter[i:])
			if !ok {
				return nil, fmt.Errorf("the string that starts at position %d has no end", i)
			}
			tokens = append(tokens, token{tokenString, content, i})
			i += length
		default:
			length := wordLength(filter[i:])
			if length == 0 {
				return nil, fmt.Errorf("syntax error at position %d: %q is not expected", i, filter[i:i+1])
			}
			tokens = append(tokens, token{tokenWord, filter[i : i+length], i})
			i += length
		}
	}
	return append(tokens, token{tokenEnd, "end of filter", len(filter)}), nil
}

// lexString reads a quoted string, in which a quote is written twice, and returns its content and its length as written.
func lexString(s string) (content string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

// wordLength is the length of the name, GUID, time or number that s starts with. A colon belongs only to what starts with a
// digit (a time): after a name it separates a range variable.
func wordLength(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '@'
		digit := c >= '0' && c <= '9'
		inside := c == '-' || n > 0 && (c == '.' || c == '+' || c == ':' && s[0] >= '0' && s[0] <= '9')
		if !letter && !digit && !inside {
			break
		}
		n++
	}
	return n
}

type literalKind int

const (
	literalNone literalKind = iota
	literalNull
	literalString
	literalGUID
	literalTime
	literalOther // number or boolean
)

var guidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// literal is the token's value, and what kind of literal it is.
func (t token) literal() (any, literalKind) {
	if t.kind == tokenString {
		return t.text, literalString
	}
	if t.kind != tokenWord {
		return nil, literalNone
	}
	switch {
	case t.text == "null":
		return nil, literalNull
	case t.text == "true" || t.text == "false":
		return t.text == "true", literalOther
	case guidPattern.MatchString(t.text):
		return t.text, literalGUID
	}
	if moment, err := time.Parse(time.RFC3339Nano, t.text); err == nil {
		return moment, literalTime
	}
	if number, err := strconv.ParseFloat(t.text, 64); err == nil && t.text[0] <= '9' {
		return number, literalOther
	}
	return nil, literalNone
}
