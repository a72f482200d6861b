package connector

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// capitalised gives an error's text with a capital at its start, to stand as a sentence in a diagnostic.
func capitalised(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// quoted lists names for a sentence: a, b and c.
func quoted(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
