package dataverse

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrInvalidName marks a text that cannot be the name of a table, a column or a navigation property.
var ErrInvalidName = errors.New("not a name of Dataverse")

// ErrInvalidID marks a text that is not a GUID.
var ErrInvalidID = errors.New("not a row id: it must be a GUID")

var (
	namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	guidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// Name checks a name, which OData has no quoting for. It fails with [ErrInvalidName].
func Name(text string) (string, error) {
	if !namePattern.MatchString(text) {
		return "", fmt.Errorf("%q: %w", text, ErrInvalidName)
	}
	return text, nil
}

// ParseID gives a row id in lower case, without braces. It fails with [ErrInvalidID].
func ParseID(text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "{"), "}")
	if !guidPattern.MatchString(text) {
		return "", ErrInvalidID
	}
	return strings.ToLower(text), nil
}

// Quote gives a string literal of a filter or a key.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// QuoteTime gives a date-time literal of a filter.
func QuoteTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

// In gives a condition that holds for any of the values ("In Function").
func In(column string, values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = strconv.Quote(value)
	}
	return "Microsoft.Dynamics.CRM.In(PropertyName='" + column + "',PropertyValues=[" + strings.Join(quoted, ",") + "])"
}

// Query selects rows of a table. Names in it are written as they stand; literals need [Quote].
type Query struct {
	Select  []string
	Filter  string
	OrderBy string
	Expand  []string // e.g. parentaccountid($select=name)
	Top     int
	Page    int // rows that one answer holds, where there is no Top; 0 means MaxPage
}

// Encode gives the query options, beginning with "?"; "" when there are none.
func (q Query) Encode() string {
	var options []string
	add := func(name, value string) {
		if value != "" {
			options = append(options, name+"="+escapeOption(value))
		}
	}
	add("$select", strings.Join(q.Select, ","))
	add("$expand", strings.Join(q.Expand, ","))
	add("$filter", q.Filter)
	add("$orderby", q.OrderBy)
	if q.Top > 0 {
		add("$top", strconv.Itoa(q.Top))
	}
	if len(options) == 0 {
		return ""
	}
	return "?" + strings.Join(options, "&")
}

// escapeOption writes a blank as %20: not every reader of OData takes a plus sign.
func escapeOption(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// keyForbidden are the characters that make a value unusable in a key's address ("Define alternate keys for a table").
const keyForbidden = `/<>*%&:\?+`

// Row gives the path of a row by its id. It fails with [ErrInvalidID].
func Row(set, id string) (string, error) {
	if _, err := Name(set); err != nil {
		return "", fmt.Errorf("dataverse: table %w", err)
	}
	id, err := ParseID(id)
	if err != nil {
		return "", fmt.Errorf("dataverse: %s: %w", set, err)
	}
	return set + "(" + id + ")", nil
}

// RowByKey gives the path of a row by one text column of an alternate key. It fails when the value cannot stand in an address.
func RowByKey(set, column, value string) (string, error) {
	if _, err := Name(set); err != nil {
		return "", fmt.Errorf("dataverse: table %w", err)
	}
	if _, err := Name(column); err != nil {
		return "", fmt.Errorf("dataverse: %s: column %w", set, err)
	}
	if value == "" || strings.ContainsAny(value, keyForbidden) {
		return "", fmt.Errorf("dataverse: %s: the key value %q is empty or has one of the characters %s", set, value, keyForbidden)
	}
	return set + "(" + column + "=" + url.PathEscape(Quote(value)) + ")", nil
}
