package salesforce

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
)

// eventSchema is the shape of an entity's events: the header, then a nullable field for each field of the object, where the
// parts of an address and of a person's name stand together in a record of their own.
type eventSchema struct {
	id     string
	json   string
	fields []*field // those that events tell of
	slots  []eventSlot
}

// eventSlot is one field of the record: a plain one, or a compound one with parts.
type eventSlot struct {
	name  string
	plain *field
	parts []*field // of a compound field; nil where the object has no such part
}

// compounds are the parts of compound fields in their order, by the name of the Avro record.
var compounds = map[string][]string{
	"Address":    {"Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode"},
	"PersonName": {"FirstName", "LastName"},
}

// eventSchema gives the shape that events of an object have at present.
func (o *Org) eventSchema(obj *object) *eventSchema {
	s := &eventSchema{}
	inCompound := map[string]bool{}
	for _, f := range obj.fields {
		if prefix, kind := compoundOf(obj, f); kind != "" {
			slot := eventSlot{name: f.Name}
			for _, part := range compounds[kind] {
				p := obj.field(prefix + part)
				if p != nil && !o.fieldExists(p) {
					p = nil
				}
				slot.parts = append(slot.parts, p)
				inCompound[prefix+part] = true
			}
			s.slots = append(s.slots, slot)
		}
	}
	for _, f := range obj.fields {
		if f.Type == typeID || f.Name == "IsDeleted" || f.Name == "SystemModstamp" || f.compute != nil || !o.fieldExists(f) {
			continue
		}
		if _, kind := compoundOf(obj, f); kind != "" {
			continue
		}
		s.fields = append(s.fields, f)
		if !inCompound[f.Name] {
			s.slots = append(s.slots, eventSlot{name: f.Name, plain: f})
		}
	}
	s.write(eventTypeOf(obj.Name))
	o.bus.schemas[s.id] = s.json
	return s
}

// compoundOf says of which kind a compound field is and what the names of its parts begin with.
func compoundOf(obj *object, f *field) (prefix, kind string) {
	switch {
	case f.Type == typeAddress:
		return strings.TrimSuffix(f.Name, "Address"), "Address"
	case f.Name == "Name" && obj.field("FirstName") != nil && obj.field("LastName") != nil:
		return "", "PersonName"
	}
	return "", ""
}

type avroRecord struct {
	Type      string      `json:"type"`
	Name      string      `json:"name"`
	Namespace string      `json:"namespace,omitempty"`
	Fields    []avroField `json:"fields"`
}

type avroField struct {
	Name    string          `json:"name"`
	Type    any             `json:"type"`
	Default json.RawMessage `json:"default,omitempty"`
}

const avroNamespace = "com.sforce.eventbus"

// changeTypes are the symbols of the enumeration changeType, in order.
var changeTypes = []string{changeCreate, changeUpdate, changeDelete, changeUndelete, gapPrefix + changeCreate, gapPrefix + changeUpdate,
	gapPrefix + changeDelete, gapPrefix + changeUndelete, gapOverflow, "SNAPSHOT"}

func headerSchema() avroRecord {
	texts := map[string]any{"type": "array", "items": "string"}
	return avroRecord{Type: "record", Name: "ChangeEventHeader", Fields: []avroField{
		{Name: "entityName", Type: "string"}, {Name: "recordIds", Type: texts},
		{Name: "changeType", Type: map[string]any{"type": "enum", "name": "ChangeType", "symbols": changeTypes}},
		{Name: "changeOrigin", Type: "string"}, {Name: "transactionKey", Type: "string"}, {Name: "sequenceNumber", Type: "int"},
		{Name: "commitTimestamp", Type: "long"}, {Name: "commitNumber", Type: "long"}, {Name: "commitUser", Type: "string"},
		{Name: "nulledFields", Type: texts}, {Name: "diffFields", Type: texts}, {Name: "changedFields", Type: texts},
	}}
}

// write renders the schema and gives it its id, which is a digest of it.
func (s *eventSchema) write(name string) {
	null := json.RawMessage("null")
	record := avroRecord{Type: "record", Name: name, Namespace: avroNamespace, Fields: []avroField{{Name: "ChangeEventHeader", Type: headerSchema()}}}
	defined := map[string]bool{}
	for _, slot := range s.slots {
		f := avroField{Name: slot.name, Default: null}
		if slot.plain != nil {
			f.Type = []any{"null", avroType(slot.plain)}
		} else {
			f.Type = []any{"null", slot.schema(defined)}
		}
		record.Fields = append(record.Fields, f)
	}
	text, _ := json.Marshal(record) // plain data
	digest := sha256.Sum256(text)
	s.json, s.id = string(text), base64.RawURLEncoding.EncodeToString(digest[:16])
}

// schema is the record of a compound field where it comes first, and its name from then on.
func (slot eventSlot) schema(defined map[string]bool) any {
	kind := "Address"
	if len(slot.parts) == len(compounds["PersonName"]) {
		kind = "PersonName"
	}
	if defined[kind] {
		return avroNamespace + "." + kind
	}
	defined[kind] = true
	record := avroRecord{Type: "record", Name: kind, Namespace: avroNamespace}
	for _, part := range compounds[kind] {
		record.Fields = append(record.Fields, avroField{Name: part, Type: []any{"null", "string"}, Default: json.RawMessage("null")})
	}
	return record
}

func avroType(f *field) any {
	switch f.Type {
	case typeBoolean:
		return "boolean"
	case typeInt:
		return "int"
	case typeDouble, typeCurrency, typePercent:
		return "double"
	case typeDate:
		return map[string]string{"type": "int", "logicalType": "date"}
	case typeDateTime:
		return "long"
	}
	return "string"
}

// payload encodes an event for a subscriber, who gets the fields that its permissions let it see.
func (e *changeEvent) payload(acc *access) []byte {
	sees := func(f *field) bool { return f != nil && acc.seesField(e.object, f) }
	h := e.header
	var b []byte
	b = appendText(b, h.entityName)
	b = appendTexts(b, h.recordIDs)
	b = binary.AppendVarint(b, int64(slices.Index(changeTypes, h.changeType)))
	b = appendText(b, h.changeOrigin)
	b = appendText(b, h.transactionKey)
	for _, number := range []int64{h.sequenceNumber, h.commitTimestamp, h.commitNumber} {
		b = binary.AppendVarint(b, number)
	}
	b = appendText(b, h.commitUser)
	b = appendTexts(b, e.schema.bitmaps(e.nulled, sees))
	b = appendTexts(b, nil)
	b = appendTexts(b, e.schema.bitmaps(e.changed, sees))
	for _, slot := range e.schema.slots {
		if slot.plain != nil {
			b = e.appendValue(b, slot.plain, sees)
			continue
		}
		if !slices.ContainsFunc(slot.parts, func(f *field) bool { return sees(f) && e.values[f.Name] != nil }) {
			b = binary.AppendVarint(b, 0)
			continue
		}
		b = binary.AppendVarint(b, 1)
		for _, part := range slot.parts {
			b = e.appendValue(b, part, sees)
		}
	}
	return b
}

// appendValue writes a nullable field: the branch of the union, then the value.
func (e *changeEvent) appendValue(b []byte, f *field, sees func(*field) bool) []byte {
	if !sees(f) || e.values[f.Name] == nil {
		return binary.AppendVarint(b, 0)
	}
	b = binary.AppendVarint(b, 1)
	switch value := e.values[f.Name].(type) {
	case bool:
		if value {
			return append(b, 1)
		}
		return append(b, 0)
	case float64:
		if f.Type == typeInt {
			return binary.AppendVarint(b, int64(value))
		}
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(value))
	case time.Time:
		return binary.AppendVarint(b, value.UnixMilli())
	case string:
		if f.Type == typeDate {
			day, _ := time.Parse(dateForm, value) // stored dates are valid
			return binary.AppendVarint(b, day.Unix()/(24*60*60))
		}
		return appendText(b, value)
	}
	return appendText(b, fmt.Sprint(e.values[f.Name]))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendVarint(b, int64(len(text))), text...)
}

// appendTexts writes an array as one block and its end.
func appendTexts(b []byte, texts []string) []byte {
	if len(texts) > 0 {
		b = binary.AppendVarint(b, int64(len(texts)))
		for _, text := range texts {
			b = appendText(b, text)
		}
	}
	return binary.AppendVarint(b, 0)
}

// bitmaps names fields by their places in the record: one number in hexadecimal for the plain fields, and one for each compound
// field with its place before a hyphen ("Change Event Header Fields", changedFields). The header has the place 0.
func (s *eventSchema) bitmaps(names []string, sees func(*field) bool) []string {
	marked := func(f *field) bool { return sees(f) && slices.Contains(names, f.Name) }
	plain := new(big.Int)
	var nested []string
	for i, slot := range s.slots {
		if slot.plain != nil {
			if marked(slot.plain) {
				plain.SetBit(plain, i+1, 1)
			}
			continue
		}
		parts := new(big.Int)
		for j, part := range slot.parts {
			if marked(part) {
				parts.SetBit(parts, j, 1)
			}
		}
		if parts.Sign() != 0 {
			nested = append(nested, fmt.Sprintf("%d-%s", i+1, hexadecimal(parts)))
		}
	}
	if plain.Sign() == 0 {
		return nested
	}
	return append([]string{hexadecimal(plain)}, nested...)
}

func hexadecimal(n *big.Int) string { return fmt.Sprintf("0x%X", n.Bytes()) }
