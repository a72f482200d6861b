package remote

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentence makes a wrapped error read as one: a capital at the start, a full stop at the end.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
