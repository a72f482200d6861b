package salesforce

import (
	"fmt"
	"regexp"
	"strings"
)

// tokenKind is the lexical class of a SOQL token.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenString
	tokenNumber
	tokenTime // date and date-time literals
	tokenSymbol
)

type token struct {
	kind tokenKind
	text string // strings are unescaped; symbols and names are as written
	pos  int    // byte offset in the statement
}

// is compares a keyword or a symbol without regard to case.
func (t token) is(text string) bool {
	return (t.kind == tokenName || t.kind == tokenSymbol) && strings.EqualFold(t.text, text)
}

// shown is how an error message names the token.
func (t token) shown() string {
	if t.kind == tokenEnd {
		return "<EOF>"
	}
	return t.text
}

var (
	timePattern   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2}))?`)
	numberPattern = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`)
	namePattern   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(:\d+)?`)
	symbolPattern = regexp.MustCompile(`^(!=|<>|<=|>=|[=<>(),.])`)
)

// scanSOQL cuts a statement into tokens, ending with one of kind tokenEnd.
func scanSOQL(statement string) ([]token, *apiError) {
	var tokens []token
	for pos := 0; pos < len(statement); {
		rest := statement[pos:]
		if strings.ContainsRune(" \t\r\n", rune(rest[0])) {
			pos++
			continue
		}
		if rest[0] == '\'' {
			text, length, problem := scanString(rest)
			if problem != "" {
				return nil, soqlError(statement, pos, "MALFORMED_QUERY", "%s", problem)
			}
			tokens = append(tokens, token{tokenString, text, pos})
			pos += length
			continue
		}
		kind, text := scanPlain(rest)
		if text == "" {
			return nil, soqlError(statement, pos, "MALFORMED_QUERY", "unexpected token: '%s'", firstRune(rest))
		}
		tokens = append(tokens, token{kind, text, pos})
		pos += len(text)
	}
	return append(tokens, token{tokenEnd, "", len(statement)}), nil
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func scanPlain(rest string) (tokenKind, string) {
	for _, class := range []struct {
		kind    tokenKind
		pattern *regexp.Regexp
	}{{tokenTime, timePattern}, {tokenNumber, numberPattern}, {tokenName, namePattern}, {tokenSymbol, symbolPattern}} {
		if text := class.pattern.FindString(rest); text != "" {
			return class.kind, text
		}
	}
	return tokenEnd, ""
}

// likeEscape marks a wildcard of a LIKE pattern that the statement escaped. It is a private-use character, so that a backslash
// of the text itself is never taken for a mark.
const likeEscape = '\uE000'

// scanString reads a quoted string with the escapes of SOQL ("Quoted String Escape Sequences").
func scanString(rest string) (text string, length int, problem string) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\'':
			return b.String(), i + 1, ""
		case '\\':
			i++
			if i >= len(rest) {
				return "", 0, "unexpected char: '\\'"
			}
			plain, ok := map[byte]string{'n': "\n", 'N': "\n", 'r': "\r", 'R': "\r", 't': "\t", 'T': "\t", 'b': "\b", 'B': "\b",
				'f': "\f", 'F': "\f", '"': `"`, '\'': "'", '\\': `\`, '%': string(likeEscape) + "%", '_': string(likeEscape) + "_"}[rest[i]]
			if !ok {
				return "", 0, fmt.Sprintf("Illegal string literal: invalid string literal escape sequence '\\%c'", rest[i])
			}
			b.WriteString(plain)
		default:
			b.WriteByte(rest[i])
		}
	}
	return "", 0, "mismatched character '<EOF>' expecting '''"
}

// soqlError is a refusal in the documented form: a line break, the statement's line, a caret under the place, the position,
// then the sentence.
func soqlError(statement string, pos int, code, format string, args ...any) *apiError {
	start := strings.LastIndexByte(statement[:pos], '\n') + 1
	row := strings.Count(statement[:pos], "\n") + 1
	line, _, _ := strings.Cut(statement[start:], "\n")
	column := pos - start
	return badRequest(code, "\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s", line, strings.Repeat(" ", column), row, column+1,
		fmt.Sprintf(format, args...))
}
