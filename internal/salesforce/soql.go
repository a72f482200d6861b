package salesforce

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Quote gives a SOQL string literal (source: SOQL and SOSL Reference, "Quoted String Escape Sequences").
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range text {
		switch r {
		case '\'', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// QuoteAll gives a parenthesised list of literals for IN.
func QuoteAll(texts []string) string {
	literals := make([]string, len(texts))
	for i, text := range texts {
		literals[i] = Quote(text)
	}
	return "(" + strings.Join(literals, ",") + ")"
}

// QuoteLike gives a literal for LIKE that matches a text itself: its wildcards are escaped.
func QuoteLike(text string) string {
	return strings.NewReplacer("%", `\%`, "_", `\_`).Replace(Quote(text))
}

// QuoteTime gives a date-time literal, which is not quoted, with milliseconds.
func QuoteTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// QuoteDate gives a date literal, which is not quoted.
func QuoteDate(at time.Time) string { return at.Format(time.DateOnly) }

// QuoteID gives a literal of an id in its 18-character form. It fails with [ErrInvalidID].
func QuoteID(text string) (string, error) {
	id, err := ParseID(text)
	if err != nil {
		return "", err
	}
	return "'" + string(id) + "'", nil
}

// ErrInvalidName marks a text that cannot be the API name of an object or field.
var ErrInvalidName = errors.New("not an API name")

var (
	namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	pathPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$`)
)

// Name checks the API name of an object or field, which SOQL has no quoting for. It fails with [ErrInvalidName].
func Name(text string) (string, error) {
	if !namePattern.MatchString(text) {
		return "", fmt.Errorf("%q: %w", text, ErrInvalidName)
	}
	return text, nil
}

// Names checks field names, relationship paths such as Account.Name included, and joins them for SELECT.
func Names(fields ...string) (string, error) {
	for _, field := range fields {
		if !pathPattern.MatchString(field) {
			return "", fmt.Errorf("%q: %w", field, ErrInvalidName)
		}
	}
	return strings.Join(fields, ","), nil
}

// timeLayout is REST's form of date-times, e.g. 2013-05-08T21:20:00.000+0000.
const timeLayout = "2006-01-02T15:04:05.000-0700"

// ParseTime reads a date-time of a REST answer.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range []string{timeLayout, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date-time", text)
}

// FormatTime writes a date-time for a REST request.
func FormatTime(at time.Time) string { return at.UTC().Format(timeLayout) }
