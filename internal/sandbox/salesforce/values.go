package salesforce

import (
	"encoding/json"
	"math"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Forms of date and time in JSON bodies (REST API Developer Guide, "Valid Date and DateTime Formats").
const (
	jsonDateTime = "2006-01-02T15:04:05.000-0700"
	dateForm     = "2006-01-02"
)

// decimal is a number that JSON shows with a fraction even when it is whole, as Salesforce writes doubles.
type decimal float64

// MarshalJSON writes 100 as 100.0.
func (d decimal) MarshalJSON() ([]byte, error) {
	s := strconv.FormatFloat(float64(d), 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return []byte(s), nil
}

// render turns a stored value into its JSON form.
func (f *field) render(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(jsonDateTime)
	case float64:
		if f.Type == typeInt {
			return int64(v)
		}
		return decimal(v)
	}
	return value
}

// coerce turns a JSON value into the stored form of the field, or says in Salesforce's words why it cannot.
func (f *field) coerce(o *Org, in any) (any, *apiError) {
	if s, ok := in.(string); ok && s == "" && f.Type != typeBoolean {
		in = nil
	}
	if in == nil {
		if f.Type == typeBoolean {
			return nil, badRequest("INVALID_TYPE_ON_FIELD_IN_RECORD", "%s: value not of required type: ", f.Label).on(f.Name)
		}
		return nil, nil
	}
	switch f.Type {
	case typeBoolean:
		if b, ok := in.(bool); ok {
			return b, nil
		}
		return nil, f.wrongToken(in)
	case typeInt, typeDouble, typeCurrency, typePercent:
		return f.coerceNumber(in)
	case typeDate, typeDateTime:
		return f.coerceTime(in)
	case typeBase64:
		return f.coerceBase64(in)
	case typeReference, typeID:
		return f.coerceReference(o, in)
	case typeString, typeTextArea, typePicklist, typeMulti, typeURL, typeEmail, typePhone:
		return f.coerceText(o, in)
	}
	return nil, badRequest("INVALID_FIELD_FOR_INSERT_UPDATE",
		"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.Name).on(f.Name)
}

func (f *field) coerceNumber(in any) (any, *apiError) {
	text, ok := in.(json.Number)
	if s, isString := in.(string); isString {
		text, ok = json.Number(s), true
	}
	if !ok {
		return nil, f.wrongToken(in)
	}
	n, err := text.Float64()
	if err != nil {
		return nil, f.wrongToken(in)
	}
	if whole := f.Precision - f.Scale; whole > 0 && math.Abs(n) >= math.Pow10(whole) {
		return nil, badRequest("NUMBER_OUTSIDE_VALID_RANGE", "%s: value outside of valid range on numeric field: %s", f.Label, text).on(f.Name)
	}
	scale := math.Pow10(f.Scale)
	return math.Round(n*scale) / scale, nil
}

func (f *field) coerceTime(in any) (any, *apiError) {
	s, ok := in.(string)
	if !ok {
		return nil, f.wrongToken(in)
	}
	if f.Type == typeDate {
		day, _, _ := strings.Cut(s, "T")
		if _, err := time.Parse(dateForm, day); err != nil {
			return nil, f.wrongToken(in)
		}
		return day, nil
	}
	t, ok := parseDateTime(s)
	if !ok {
		return nil, f.wrongToken(in)
	}
	return t, nil
}

// parseDateTime reads the forms that REST and SOQL accept. Columns hold whole seconds.
func parseDateTime(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-0700", dateForm} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC().Truncate(time.Second), true
		}
	}
	return time.Time{}, false
}

func (f *field) coerceReference(o *Org, in any) (any, *apiError) {
	s, ok := in.(string)
	if !ok {
		return nil, f.wrongToken(in)
	}
	id, ok := normalizeID(s)
	if !ok {
		return nil, badRequest("MALFORMED_ID", "%s: id value of incorrect type: %s", f.Label, s).on(f.Name)
	}
	for _, name := range f.ReferenceTo {
		target := o.data.object(name)
		if target == nil || !strings.HasPrefix(id, target.KeyPrefix) {
			continue
		}
		rec := o.find(target, id)
		switch {
		case rec == nil:
			return nil, badRequest("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").on(f.Name)
		case rec.deleted:
			return nil, badRequest("ENTITY_IS_DELETED", "entity is deleted").on(f.Name)
		}
		return id, nil
	}
	return nil, badRequest("FIELD_INTEGRITY_EXCEPTION", "%s: id value of incorrect type: %s", f.Label, s).on(f.Name)
}

func (f *field) coerceText(o *Org, in any) (any, *apiError) {
	s, ok := in.(string)
	if !ok {
		return nil, f.wrongToken(in)
	}
	if f.Length > 0 && utf8.RuneCountInString(s) > f.Length {
		return nil, badRequest("STRING_TOO_LONG", "%s: data value too large: %s (max length=%d)", f.Label, clip(s), f.Length).on(f.Name)
	}
	switch f.Type {
	case typeEmail:
		if addr, err := mail.ParseAddress(s); err != nil || addr.Address != s {
			return nil, badRequest("INVALID_EMAIL_ADDRESS", "%s: invalid email address: %s", f.Label, s).on(f.Name)
		}
	case typePicklist:
		return f.coercePick(o, s)
	case typeMulti:
		for one := range strings.SplitSeq(s, ";") {
			if _, err := f.coercePick(o, one); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// coercePick finds the value without regard to case, as Salesforce does, and stores its defined spelling.
func (f *field) coercePick(o *Org, s string) (any, *apiError) {
	for _, v := range f.picklist(o) {
		if !v.Inactive && strings.EqualFold(v.Value, s) {
			return v.Value, nil
		}
	}
	if f.Restricted {
		return nil, badRequest("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
			"%s: bad value for restricted picklist field: %s", f.Label, clip(s)).on(f.Name)
	}
	return s, nil
}

// wrongToken is the parser's complaint about a JSON token of the wrong kind.
func (f *field) wrongToken(in any) *apiError {
	token, shown := "START_OBJECT", ""
	switch v := in.(type) {
	case string:
		token, shown = "VALUE_STRING", v
	case json.Number:
		token, shown = "VALUE_NUMBER", v.String()
	case bool:
		token, shown = "VALUE_TRUE", "true"
		if !v {
			token, shown = "VALUE_FALSE", "false"
		}
	case []any:
		token = "START_ARRAY"
	}
	return errJSON("Cannot deserialize instance of %s from %s value %s or request may be missing a required field at [line:1, column:2]",
		f.Type, token, clip(shown)).on(f.Name)
}

// clip shortens a value for a message.
func clip(s string) string {
	const limit = 255
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit])
}
