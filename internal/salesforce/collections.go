package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// MaxCollection is how many rows one collection call takes (source: "sObject Collections").
const MaxCollection = 200

// ErrTooMany is returned when a call is given more items than the service takes. Split the call.
var ErrTooMany = errors.New("salesforce: too many items for one call")

// Record is a row to write: its object, its id (updates only) and its fields. Encoding gives the same bytes for the same
// record.
type Record struct {
	Object string
	ID     ID
	Fields map[string]any
}

// MarshalJSON puts the attributes first, as the service wants them, then the id and the fields in order of name.
func (r Record) MarshalJSON() ([]byte, error) {
	attributes, err := json.Marshal(map[string]string{"type": r.Object})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`{"attributes":`)
	b.Write(attributes)
	if r.ID != "" {
		b.WriteString(`,"id":` + strconv.Quote(string(r.ID)))
	}
	fields, err := json.Marshal(r.Fields)
	if err != nil {
		return nil, err
	}
	if len(r.Fields) > 0 {
		b.WriteByte(',')
		b.Write(fields[1 : len(fields)-1])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// CreateRows inserts up to 200 records, of up to a few objects. The results stand in the records' order. Without
// allOrNone each row succeeds or fails for itself.
func (c *Client) CreateRows(ctx context.Context, records []Record, allOrNone bool) ([]RowResult, error) {
	return c.writeRows(ctx, call{operation: "create records", method: http.MethodPost, path: "/composite/sobjects"}, records, allOrNone)
}

// UpdateRows changes up to 200 records, each with its id. There is no precondition: compare contents before.
func (c *Client) UpdateRows(ctx context.Context, records []Record, allOrNone bool) ([]RowResult, error) {
	return c.writeRows(ctx, call{operation: "update records", method: http.MethodPatch, path: "/composite/sobjects"}, records, allOrNone)
}

func (c *Client) writeRows(ctx context.Context, request call, records []Record, allOrNone bool) ([]RowResult, error) {
	if err := checkCount(request.operation, len(records), MaxCollection); err != nil || len(records) == 0 {
		return nil, err
	}
	body := struct {
		AllOrNone bool     `json:"allOrNone"`
		Records   []Record `json:"records"`
	}{allOrNone, records}
	var results []RowResult
	if err := c.send(ctx, request, body, &results); err != nil {
		return nil, err
	}
	return aligned(request.operation, results, len(records))
}

// DeleteRows removes up to 200 records.
func (c *Client) DeleteRows(ctx context.Context, ids []ID, allOrNone bool) ([]RowResult, error) {
	request := call{operation: "delete records", method: http.MethodDelete}
	if err := checkCount(request.operation, len(ids), MaxCollection); err != nil || len(ids) == 0 {
		return nil, err
	}
	request.path = "/composite/sobjects?ids=" + url.QueryEscape(joinIDs(ids)) + "&allOrNone=" + strconv.FormatBool(allOrNone)
	response, err := c.do(ctx, request)
	if err != nil {
		return nil, err
	}
	var results []RowResult
	if err := decodeWrite(request, response, &results); err != nil {
		return nil, err
	}
	return aligned(request.operation, results, len(ids))
}

// GetRows reads fields of up to 200 records of one object. The rows stand in the order of the ids, nil where a record does
// not exist.
func GetRows[T any](ctx context.Context, c *Client, object string, ids []ID, fields []string) ([]*T, error) {
	operation := "get " + object + " records"
	if err := checkCount(operation, len(ids), MaxCollection); err != nil || len(ids) == 0 {
		return nil, err
	}
	if _, err := Name(object); err != nil {
		return nil, fmt.Errorf("salesforce: object %w", err)
	}
	if _, err := Names(fields...); err != nil {
		return nil, fmt.Errorf("salesforce: %s: %w", operation, err)
	}
	body := struct {
		IDs    []ID     `json:"ids"`
		Fields []string `json:"fields"`
	}{ids, fields}
	var rows []*T
	request := call{operation: operation, method: http.MethodPost, path: "/composite/sobjects/" + object, read: true}
	if err := c.send(ctx, request, body, &rows); err != nil {
		return nil, err
	}
	if len(rows) != len(ids) {
		return nil, &DecodeError{Operation: operation, Err: fmt.Errorf("%d rows for %d ids", len(rows), len(ids))}
	}
	return rows, nil
}

func checkCount(operation string, count, limit int) error {
	if count > limit {
		return fmt.Errorf("%w: %s: %d, at most %d", ErrTooMany, operation, count, limit)
	}
	return nil
}

func aligned(operation string, results []RowResult, count int) ([]RowResult, error) {
	if len(results) != count {
		return nil, &DecodeError{Operation: operation, Err: fmt.Errorf("%d results for %d records", len(results), count), ambiguous: true}
	}
	return results, nil
}

func joinIDs(ids []ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return strings.Join(texts, ",")
}
