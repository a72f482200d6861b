package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/avro"
)

// ChangeType says what happened to a record ("Change Event Header Fields", changeType).
type ChangeType string

// What can happen. The gap types tell of a change whose values are not known; an overflow tells of so many that they are not named.
const (
	ChangeCreate   ChangeType = "CREATE"
	ChangeUpdate   ChangeType = "UPDATE"
	ChangeDelete   ChangeType = "DELETE"
	ChangeUndelete ChangeType = "UNDELETE"
	GapOverflow    ChangeType = "GAP_OVERFLOW"

	gapPrefix = "GAP_"
)

// Gap reports whether the event's values are not known, so that the record must be read.
func (t ChangeType) Gap() bool { return strings.HasPrefix(string(t), gapPrefix) }

// Deleted reports whether the record is gone.
func (t ChangeType) Deleted() bool {
	return strings.TrimPrefix(string(t), gapPrefix) == string(ChangeDelete)
}

// ChangeEventHeader tells of a change of one or more records of an entity ("Change Event Header Fields"). Fields are named as the
// API names them; parts of compound fields as Parent.Part, unless all of them are meant.
type ChangeEventHeader struct {
	EntityName     string
	RecordIDs      []string
	ChangeType     ChangeType
	ChangeOrigin   string
	TransactionKey string
	SequenceNumber int64 // of the change within its transaction
	CommitTime     time.Time
	CommitNumber   int64
	CommitUser     string
	NulledFields   []string
	DiffFields     []string // long texts, of which the event has only the difference
	ChangedFields  []string
}

// Client gives the name that the caller of the API has given itself by Sforce-Call-Options; empty where there is none, as for
// people's edits.
func (h ChangeEventHeader) Client() string {
	for part := range strings.SplitSeq(h.ChangeOrigin, ";") {
		if client, found := strings.CutPrefix(strings.TrimSpace(part), "client="); found {
			return client
		}
	}
	return ""
}

// Names reports whether the event names its records: an overflow does not, and a gap event may mean all records of a kind.
func (h ChangeEventHeader) Names() bool {
	if h.ChangeType == GapOverflow || len(h.RecordIDs) == 0 {
		return false
	}
	for _, id := range h.RecordIDs {
		if _, err := ParseID(id); err != nil { // such as 001*
			return false
		}
	}
	return true
}

// ChangeEvent is a change of records. Values holds the fields that have a value in the event: all of them when a record was
// created, the changed ones when it was updated. A field that is absent there was not changed, or was emptied (NulledFields).
type ChangeEvent struct {
	ReplayID []byte
	Header   ChangeEventHeader
	Values   map[string]any
}

// eventSchema is the schema of an entity's events: Avro for the values, and the order of the fields for the bitmaps.
type eventSchema struct {
	avro   *avro.Schema
	fields []schemaField
}

// schemaField is a field of the record, with the parts of a compound one.
type schemaField struct {
	name  string
	parts []string
}

const headerField = "ChangeEventHeader"

func parseEventSchema(text string) (*eventSchema, error) {
	parsed, err := avro.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the event schema is no Avro schema: %w", err)
	}
	var record struct {
		Fields []struct {
			Name string          `json:"name"`
			Type json.RawMessage `json:"type"`
		} `json:"fields"`
	}
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		return nil, fmt.Errorf("read the event schema: %w", err)
	}
	schema, records := &eventSchema{avro: parsed}, map[string][]string{}
	for _, field := range record.Fields {
		schema.fields = append(schema.fields, schemaField{name: field.Name, parts: partsOf(field.Type, records)})
	}
	return schema, nil
}

// partsOf gives the field names of the record among the branches of a union, which may be named as one that was defined before.
func partsOf(raw json.RawMessage, records map[string][]string) []string {
	var branches []json.RawMessage
	if json.Unmarshal(raw, &branches) != nil {
		return nil
	}
	for _, branch := range branches {
		var name string
		if json.Unmarshal(branch, &name) == nil {
			if parts := records[name[strings.LastIndexByte(name, '.')+1:]]; parts != nil {
				return parts
			}
			continue
		}
		var record struct {
			Type   any    `json:"type"`
			Name   string `json:"name"`
			Fields []struct {
				Name string `json:"name"`
			} `json:"fields"`
		}
		if json.Unmarshal(branch, &record) != nil || record.Type != "record" {
			continue
		}
		var parts []string
		for _, field := range record.Fields {
			parts = append(parts, field.Name)
		}
		records[record.Name] = parts
		return parts
	}
	return nil
}

var errEventShape = errors.New("the event has no change event header")

// decode reads a payload. The types of the header's fields are those of "Change Event Header Fields".
func (s *eventSchema) decode(payload []byte) (ChangeEvent, error) {
	var decoded any
	if _, err := s.avro.Decode(payload, &decoded); err != nil {
		return ChangeEvent{}, fmt.Errorf("decode the event: %w", err)
	}
	record, _ := decoded.(map[string]any)
	in, found := record[headerField].(map[string]any)
	if !found {
		return ChangeEvent{}, errEventShape
	}
	event := ChangeEvent{Values: map[string]any{}, Header: ChangeEventHeader{
		EntityName: textOf(in["entityName"]), RecordIDs: textsOf(in["recordIds"]), ChangeType: ChangeType(textOf(in["changeType"])),
		ChangeOrigin: textOf(in["changeOrigin"]), TransactionKey: textOf(in["transactionKey"]), SequenceNumber: numberOf(in["sequenceNumber"]),
		CommitTime: time.UnixMilli(numberOf(in["commitTimestamp"])).UTC(), CommitNumber: numberOf(in["commitNumber"]), CommitUser: textOf(in["commitUser"]),
	}}
	var err error
	for list, into := range map[string]*[]string{
		"nulledFields": &event.Header.NulledFields, "diffFields": &event.Header.DiffFields, "changedFields": &event.Header.ChangedFields,
	} {
		if *into, err = s.names(textsOf(in[list])); err != nil {
			return ChangeEvent{}, fmt.Errorf("%s of the event: %w", list, err)
		}
	}
	for name, value := range record {
		if name != headerField && value != nil {
			event.Values[name] = value
		}
	}
	return event, nil
}

// names reads the bitmaps of a header field: 0x… marks fields by their place in the record, N-0x… the parts of the field at place N.
func (s *eventSchema) names(bitmaps []string) ([]string, error) {
	var names []string
	for _, bitmap := range bitmaps {
		place, digits, nested := strings.Cut(bitmap, "-")
		if !nested {
			marked, err := markedIn(place, len(s.fields))
			if err != nil {
				return nil, err
			}
			for _, i := range marked {
				names = append(names, s.fields[i].name)
			}
			continue
		}
		at, err := strconv.Atoi(place)
		if err != nil || at < 0 || at >= len(s.fields) {
			return nil, fmt.Errorf("bitmap %q is of no field", bitmap)
		}
		field := s.fields[at]
		marked, err := markedIn(digits, len(field.parts))
		if err != nil {
			return nil, err
		}
		if len(marked) == len(field.parts) {
			names = append(names, field.name)
			continue
		}
		for _, i := range marked {
			names = append(names, field.name+"."+field.parts[i])
		}
	}
	return names, nil
}

// markedIn lists the bits that are set, below a limit.
func markedIn(hexadecimal string, limit int) ([]int, error) {
	digits, found := strings.CutPrefix(hexadecimal, "0x")
	bits, ok := new(big.Int).SetString(digits, 16)
	if !found || !ok || bits.BitLen() > limit {
		return nil, fmt.Errorf("bitmap %q does not fit a record of %d fields", hexadecimal, limit)
	}
	var marked []int
	for i := range bits.BitLen() {
		if bits.Bit(i) == 1 {
			marked = append(marked, i)
		}
	}
	return marked, nil
}

func textOf(value any) string {
	text, _ := value.(string)
	return text
}

func textsOf(value any) []string {
	list, _ := value.([]any)
	texts := make([]string, 0, len(list))
	for _, item := range list {
		texts = append(texts, textOf(item))
	}
	return texts
}

func numberOf(value any) int64 {
	switch n := value.(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	case int:
		return int64(n)
	}
	return 0
}
