package partnercenter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Text is a string that the service sometimes sends as a number or a boolean; null becomes "".
type Text string

// UnmarshalJSON accepts a string, number, boolean or null.
func (t *Text) UnmarshalJSON(data []byte) error {
	switch {
	case len(data) == 0 || bytes.Equal(data, []byte("null")):
		*t = ""
		return nil
	case data[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*t = Text(s)
		return nil
	case data[0] == '{' || data[0] == '[':
		return fmt.Errorf("expected a text, found %s", kindOf(data))
	default:
		*t = Text(data)
		return nil
	}
}

// Number is a decimal kept in the service's own digits, so that money is never rounded; "" means absent. The service
// sends numbers, and documentation samples send numeric strings.
type Number string

// UnmarshalJSON accepts a number, a numeric string, "" or null.
func (n *Number) UnmarshalJSON(data []byte) error {
	var t Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	digits := strings.TrimSpace(string(t))
	if digits == "" {
		*n = ""
		return nil
	}
	if !isJSONNumber(digits) {
		return fmt.Errorf("%q is not a number", limitRunes(digits, 40))
	}
	*n = Number(digits)
	return nil
}

// MarshalJSON gives a number, or null when absent.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	if !isJSONNumber(string(n)) {
		return nil, fmt.Errorf("%q is not a number", limitRunes(string(n), 40))
	}
	return []byte(n), nil
}

// Float64 gives the nearest float; ok is false when the number is absent.
func (n Number) Float64() (value float64, ok bool) {
	value, err := strconv.ParseFloat(string(n), 64)
	return value, err == nil
}

func isJSONNumber(s string) bool {
	var number json.Number
	return s != "" && s[0] != '"' && json.Unmarshal([]byte(s), &number) == nil && s != "null"
}

// Time is an instant that may be absent (null or ""). The service writes six or seven fractional digits and trims zeros.
type Time struct{ time.Time }

// UnmarshalJSON accepts RFC 3339 with any fraction; an instant without a zone is UTC.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text Text
	if err := text.UnmarshalJSON(data); err != nil {
		return err
	}
	s := strings.TrimSpace(string(text))
	if s == "" {
		*t = Time{}
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if parsed, err := time.Parse(layout, s); err == nil {
			*t = Time{parsed.UTC()}
			return nil
		}
	}
	return fmt.Errorf("%q is not a date and time", limitRunes(s, 40))
}

// MarshalJSON gives RFC 3339 in UTC, or null when absent.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(time.RFC3339Nano))
}

// List is an array that the service may leave out or send as null, "" or {}.
type List[T any] []T

// UnmarshalJSON accepts an array, null, "" or an empty object.
func (l *List[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) > 0 && trimmed[0] != '[' {
		var empty map[string]json.RawMessage
		if string(trimmed) == "null" || string(trimmed) == `""` || json.Unmarshal(trimmed, &empty) == nil && len(empty) == 0 {
			return nil
		}
		return fmt.Errorf("expected an array, found %s", kindOf(trimmed))
	}
	return json.Unmarshal(data, (*[]T)(l))
}

// Bool is a boolean that some callers of the service write as a string.
type Bool bool

// UnmarshalJSON accepts true, false, their strings in any case, and null.
func (b *Bool) UnmarshalJSON(data []byte) error {
	var text Text
	if err := text.UnmarshalJSON(data); err != nil {
		return err
	}
	if text == "" {
		*b = false
		return nil
	}
	value, err := strconv.ParseBool(strings.ToLower(string(text)))
	if err != nil {
		return fmt.Errorf("%q is not a boolean", limitRunes(string(text), 40))
	}
	*b = Bool(value)
	return nil
}

func kindOf(data []byte) string {
	switch data[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	default:
		return "a single value"
	}
}
