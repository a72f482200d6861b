package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// doc is a JSON object whose members keep their order, as Salesforce's answers do.
type doc []member

type member struct {
	Key   string
	Value any
}

// MarshalJSON writes the members in order.
func (d doc) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range d {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// decodeJSON reads exactly one JSON value, keeping numbers as they are written.
func decodeJSON(body []byte, into any) *apiError {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return errJSON("%v at [line:1, column:%d]", err, dec.InputOffset()+1)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errJSON("Unexpected content after the JSON document at [line:1, column:%d]", dec.InputOffset()+1)
	}
	return nil
}

// decodeStrict is decodeJSON for request forms that are fixed: an unknown member is refused.
func decodeStrict(body []byte, into any) *apiError {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errJSON("%v at [line:1, column:%d]", err, dec.InputOffset()+1)
	}
	return nil
}
