package dataverse

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// plain is a value as text.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case ref:
		return v.id
	}
	return fmt.Sprint(value)
}

// check turns a value of a request into one that a row can hold, or says why it cannot.
func (c *catalog) check(ent *entity, a *attribute, value any) (any, *apiError) {
	if value == nil {
		return nil, nil
	}
	switch a.kind {
	case kindString, kindMemo, kindEntityName:
		return checkText(ent, a, value)
	case kindInteger, kindBigInt, kindPicklist, kindState, kindStatus:
		return c.checkInteger(ent, a, value)
	case kindDecimal, kindDouble, kindMoney:
		return checkNumber(ent, a, value)
	case kindBoolean:
		if b, isBool := value.(bool); isBool {
			return b, nil
		}
	case kindDateTime:
		return checkTime(ent, a, value)
	case kindMultiSelect:
		return c.checkChoices(ent, a, value)
	case kindID:
		if text, isText := value.(string); isText {
			if id, isGUID := normalGUID(text); isGUID {
				return id, nil
			}
		}
	}
	return nil, errType(ent, a, value)
}

func errType(ent *entity, a *attribute, value any) *apiError {
	return errPayload(ent.logical, "Cannot convert the literal '%v' to the expected type 'Edm.%s' of the property '%s'.", value, edmType(a), a.property())
}

// edmType is the OData type of a column's values.
func edmType(a *attribute) string {
	switch a.kind {
	case kindInteger, kindPicklist, kindState, kindStatus:
		return "Int32"
	case kindBigInt:
		return "Int64"
	case kindDecimal, kindMoney:
		return "Decimal"
	case kindDouble:
		return "Double"
	case kindBoolean:
		return "Boolean"
	case kindDateTime:
		if a.dateOnly() {
			return "Date"
		}
		return "DateTimeOffset"
	case kindID, kindLookup, kindCustomer, kindOwner:
		return "Guid"
	}
	return "String"
}

func checkText(ent *entity, a *attribute, value any) (any, *apiError) {
	s, isText := value.(string)
	if !isText {
		return nil, errType(ent, a, value)
	}
	if limit, has := a.number("MaxLength"); has && len(utf16.Encode([]rune(s))) > int(limit) {
		return nil, badRequest(codeTooLong, "A validation error occurred.  The length of the '%s' attribute of the '%s' entity exceeded the maximum allowed length of '%d'.",
			a.logical, ent.logical, int(limit))
	}
	if s == "" {
		return nil, nil // the platform keeps no empty text
	}
	return s, nil
}

func (c *catalog) checkInteger(ent *entity, a *attribute, value any) (any, *apiError) {
	f, isNumber := value.(float64)
	if !isNumber || f != math.Trunc(f) {
		return nil, errType(ent, a, value)
	}
	n := int64(f)
	if set := c.optionsOf(a); set != nil {
		if _, known := set.find(int(n)); !known {
			return nil, badRequest(codeOption, "A validation error occurred. The value %d of '%s' on record of type '%s' is outside the valid range. Accepted Values: %s",
				n, a.logical, ent.logical, set.values())
		}
		return n, nil
	}
	return n, checkRange(ent, a, f)
}

func (s *optionSet) values() string {
	var list []string
	for _, o := range s.options {
		list = append(list, strconv.Itoa(o.Value))
	}
	return strings.Join(list, ",")
}

func checkRange(ent *entity, a *attribute, f float64) *apiError {
	least, hasLeast := a.number("MinValue")
	most, hasMost := a.number("MaxValue")
	if hasLeast && f < least || hasMost && f > most {
		return badRequest(codeOutOfRange, "A validation error occurred. The value %s of '%s' on record of type '%s' is outside the valid range.",
			plain(f), a.logical, ent.logical)
	}
	return nil
}

func checkNumber(ent *entity, a *attribute, value any) (any, *apiError) {
	f, isNumber := value.(float64)
	if !isNumber {
		return nil, errType(ent, a, value)
	}
	if err := checkRange(ent, a, f); err != nil {
		return nil, err
	}
	if precision, has := a.number("Precision"); has && a.kind != kindDouble {
		scale := math.Pow(10, precision)
		f = math.Round(f*scale) / scale
	}
	return f, nil
}

func checkTime(ent *entity, a *attribute, value any) (any, *apiError) {
	s, isText := value.(string)
	if !isText {
		return nil, errType(ent, a, value)
	}
	if a.dateOnly() {
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, errType(ent, a, value)
		}
		return s, nil
	}
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return stamp(t), nil
		}
	}
	return nil, errType(ent, a, value)
}

// checkChoices reads the comma-joined numbers of a multi-select column and orders them.
func (c *catalog) checkChoices(ent *entity, a *attribute, value any) (any, *apiError) {
	s, isText := value.(string)
	if !isText {
		return nil, errType(ent, a, value)
	}
	var list []int
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, errType(ent, a, value)
		}
		if _, checkErr := c.checkInteger(ent, a, float64(n)); checkErr != nil {
			return nil, checkErr
		}
		list = append(list, n)
	}
	slices.Sort(list)
	var parts []string
	for _, n := range slices.Compact(list) {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ","), nil
}

// visible is what a read shows of a column: the value in the form of JSON.
func (r *record) visible(a *attribute) any {
	switch {
	case a.kind == kindID && (a.logical == r.table.name+"id" || a.logical == "formid"):
		return r.id
	case a.logical == "versionnumber":
		return r.version
	case a.writeOnly:
		return nil
	}
	value := r.values[a.logical]
	if to, isRef := value.(ref); isRef {
		return to.id
	}
	return value
}

// formatted is the text that people see for a value, or "" where there is none.
func (e *Environment) formatted(rec *record, a *attribute) string {
	value := rec.values[a.logical]
	switch v := value.(type) {
	case ref:
		return e.nameOf(v)
	case bool:
		n := 0
		if v {
			n = 1
		}
		return e.optionText(a, n)
	case int64:
		if a.isChoice() {
			return e.optionText(a, int(v))
		}
		return grouped(strconv.FormatInt(v, 10))
	case float64:
		text := grouped(strconv.FormatFloat(v, 'f', 2, 64))
		if a.kind != kindMoney {
			return text
		}
		symbol := symbols[e.opts.Currency]
		if currency := e.find("transactioncurrency", rec.ref("transactioncurrencyid").id); currency != nil {
			symbol = currency.str("currencysymbol")
		}
		return symbol + text
	case string:
		switch a.kind {
		case kindMultiSelect:
			var texts []string
			for part := range strings.SplitSeq(v, ",") {
				texts = append(texts, e.optionText(a, atoi(part)))
			}
			return strings.Join(texts, "; ")
		case kindDateTime:
			if t, err := time.Parse(timeForm, v); err == nil {
				return t.Format("1/2/2006 3:04 PM")
			}
			if t, err := time.Parse(time.DateOnly, v); err == nil {
				return t.Format("1/2/2006")
			}
		}
	}
	return ""
}

func (e *Environment) optionText(a *attribute, value int) string {
	if set := e.catalog.optionsOf(a); set != nil {
		if o, found := set.find(value); found {
			return labelText(o.Label)
		}
	}
	return ""
}

// nameOf is the primary name of a row.
func (e *Environment) nameOf(to ref) string {
	ent, rec := e.catalog.entity(to.table), e.find(to.table, to.id)
	if ent == nil || rec == nil {
		return ""
	}
	return rec.str(ent.primaryName)
}

// grouped puts commas between thousands.
func grouped(number string) string {
	whole, fraction, hasFraction := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}
