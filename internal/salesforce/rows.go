package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Objects gives access to rows: those of the org's data ([Client.Data]) or of its Tooling objects ([Client.Tooling]).
type Objects struct {
	client *Client
	prefix string      // "" or "/tooling"
	header http.Header // of updates
}

// Data gives access to the org's records.
func (c *Client) Data() Objects { return Objects{client: c} }

// WithoutAssignment is Data for changes that leave a record's owner alone: without the header, the organisation's active assignment
// rules give a changed lead away again ("Assignment Rule Header").
func (c *Client) WithoutAssignment() Objects {
	return Objects{client: c, header: http.Header{"Sforce-Auto-Assign": {"FALSE"}}}
}

// Tooling gives access to Tooling API objects such as PackageInstallRequest and PlatformEventChannelMember.
func (c *Client) Tooling() Objects { return Objects{client: c, prefix: "/tooling"} }

// Create inserts a row and gives its id. The body is anything that encodes to a JSON object; a json.RawMessage is sent
// byte for byte. [IsDuplicate] holds when a unique field's value exists already, [IsAmbiguous] when the row may exist.
func (o Objects) Create(ctx context.Context, object string, body any) (ID, error) {
	path, err := o.path(object)
	if err != nil {
		return "", err
	}
	request := call{operation: "create " + object, method: http.MethodPost, path: path}
	var result RowResult
	if err := o.client.send(ctx, request, body, &result); err != nil {
		return "", err
	}
	if err := result.Err(request.operation); err != nil {
		return "", err
	}
	return result.ID, nil
}

// Get reads a row's fields into a value; without fields it reads all. [IsNotFound] holds when it does not exist.
func (o Objects) Get(ctx context.Context, object, id string, fields []string, into any) error {
	path, err := o.path(object, id)
	if err != nil {
		return err
	}
	return o.read(ctx, "get "+object, path, fields, into)
}

// GetByExternalID reads the row whose external id field has a value. When several rows have it, the error is an
// [*APIError] with status 300 that lists them.
func (o Objects) GetByExternalID(ctx context.Context, object, field, value string, fields []string, into any) error {
	if _, err := Name(field); err != nil {
		return fmt.Errorf("salesforce: get %s: %w", object, err)
	}
	path, err := o.path(object, field, value)
	if err != nil {
		return err
	}
	return o.read(ctx, "get "+object+" by "+field, path, fields, into)
}

func (o Objects) read(ctx context.Context, operation, path string, fields []string, into any) error {
	if len(fields) > 0 {
		names, err := Names(fields...)
		if err != nil {
			return fmt.Errorf("salesforce: %s: %w", operation, err)
		}
		path += "?fields=" + names
	}
	return o.client.get(ctx, operation, path, into)
}

// Blob reads the bytes of a base64 field ("SObject Blob Get").
func (o Objects) Blob(ctx context.Context, object, id, field string) ([]byte, error) {
	path, err := o.path(object, id, field)
	if err != nil {
		return nil, err
	}
	response, err := o.client.do(ctx, call{operation: "get " + object + " " + field, method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// Update changes the fields in the body. With a non-zero ifUnmodifiedSince (the row's LastModifiedDate, resolution one
// second) [IsConflict] holds when the row changed later than that.
func (o Objects) Update(ctx context.Context, object, id string, body any, ifUnmodifiedSince time.Time) error {
	path, err := o.path(object, id)
	if err != nil {
		return err
	}
	request := call{operation: "update " + object, method: http.MethodPatch, path: path, header: o.precondition(ifUnmodifiedSince)}
	return o.client.send(ctx, request, body, nil)
}

func (o Objects) precondition(ifUnmodifiedSince time.Time) http.Header {
	header := http.Header{}
	maps.Copy(header, o.header)
	if !ifUnmodifiedSince.IsZero() {
		header.Set("If-Unmodified-Since", ifUnmodifiedSince.UTC().Format(http.TimeFormat))
	}
	return header
}

// Change is what [Objects.Update] sends for a row.
type Change struct {
	Body  any
	Since time.Time // ifUnmodifiedSince
}

// UpdatePart is [Objects.Update] as a part of a composite call.
func (o Objects) UpdatePart(reference, object, id string, change Change) Subrequest {
	part := Subrequest{
		Method: http.MethodPatch, Path: o.prefix + "/sobjects/" + object + "/" + url.PathEscape(id), ReferenceID: reference, Body: change.Body, Header: map[string]string{},
	}
	for name, values := range o.precondition(change.Since) {
		part.Header[name] = strings.Join(values, ", ")
	}
	return part
}

// Delete removes a row. [IsNotFound] holds when it is gone already.
func (o Objects) Delete(ctx context.Context, object, id string) error {
	path, err := o.path(object, id)
	if err != nil {
		return err
	}
	_, err = o.client.do(ctx, call{operation: "delete " + object, method: http.MethodDelete, path: path})
	return err
}

func (o Objects) path(object string, segments ...string) (string, error) {
	if _, err := Name(object); err != nil {
		return "", fmt.Errorf("salesforce: object %w", err)
	}
	path := o.prefix + "/sobjects/" + object
	for _, segment := range segments {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("salesforce: %s: a row's id or external id is empty or not usable in an address", object)
		}
		path += "/" + url.PathEscape(segment)
	}
	return path, nil
}

// RowResult is what became of one row.
type RowResult struct {
	ID      ID      `json:"id"`
	Success bool    `json:"success"`
	Errors  []Error `json:"errors"`
	Created bool    `json:"created"`
}

// Err gives the row's failure as an [*APIError], or nil.
func (r RowResult) Err(operation string) error {
	if r.Success {
		return nil
	}
	return &APIError{Operation: operation, Errors: r.Errors, settled: true}
}

// Rows yields the rows of a SOQL query as JSON objects, page by page; an error ends the iteration.
func (o Objects) Rows(ctx context.Context, soql string) iter.Seq2[json.RawMessage, error] {
	return o.rows(ctx, "/query", soql)
}

// RowsAndDeleted is Rows with deleted and archived rows (queryAll).
func (o Objects) RowsAndDeleted(ctx context.Context, soql string) iter.Seq2[json.RawMessage, error] {
	return o.rows(ctx, "/queryAll", soql)
}

type queryPage struct {
	Done           bool              `json:"done"`
	Records        []json.RawMessage `json:"records"`
	NextRecordsURL string            `json:"nextRecordsUrl"`
}

func (o Objects) rows(ctx context.Context, resource, soql string) iter.Seq2[json.RawMessage, error] {
	return o.pages(ctx, o.prefix+resource+"?q="+url.QueryEscape(soql))
}

func (o Objects) pages(ctx context.Context, path string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		seen := map[string]bool{}
		for {
			seen[path] = true
			var page queryPage
			if err := o.client.get(ctx, "query", path, &page); err != nil {
				yield(nil, err)
				return
			}
			for _, record := range page.Records {
				if !yield(record, nil) {
					return
				}
			}
			if page.Done || page.NextRecordsURL == "" {
				return
			}
			var err error
			if path, err = nextPath(page.NextRecordsURL); err == nil && seen[path] {
				err = errors.New("the next page is one that was already read")
			}
			if err != nil {
				yield(nil, &DecodeError{Operation: "query", Err: err})
				return
			}
		}
	}
}

// nextPath takes only the path of a next-records address, so that the token never leaves the instance.
func nextPath(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(u.EscapedPath(), "/services/data/") || strings.Contains(u.Path, "/../") {
		return "", errors.New("next page's address is not below /services/data")
	}
	return u.EscapedPath(), nil
}

// Query reads all rows of a SOQL query into typed values.
func Query[T any](ctx context.Context, objects Objects, soql string) ([]T, error) {
	return collect[T](objects.Rows(ctx, soql))
}

// QueryAll is Query with deleted and archived rows.
func QueryAll[T any](ctx context.Context, objects Objects, soql string) ([]T, error) {
	return collect[T](objects.RowsAndDeleted(ctx, soql))
}

// More reads the rows that a page left out, from the address of the next page on that it names.
func More[T any](ctx context.Context, objects Objects, nextRecordsURL string) ([]T, error) {
	path, err := nextPath(nextRecordsURL)
	if err != nil {
		return nil, &DecodeError{Operation: "query", Err: err}
	}
	return collect[T](objects.pages(ctx, path))
}

func collect[T any](found iter.Seq2[json.RawMessage, error]) ([]T, error) {
	var rows []T
	for raw, err := range found {
		if err != nil {
			return nil, err
		}
		var row T
		if err := json.Unmarshal(raw, &row); err != nil {
			return nil, &DecodeError{Operation: "query", Err: err}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// ErrManyRows is returned by [QueryRow] when the query selects more than one row.
var ErrManyRows = errors.New("salesforce: the query selects more than one row")

// QueryRow reads the only row of a SOQL query; found is false when there is none. It fails with [ErrManyRows].
func QueryRow[T any](ctx context.Context, objects Objects, soql string) (row T, found bool, err error) {
	rows, err := Query[T](ctx, objects, soql)
	switch {
	case err != nil || len(rows) == 0:
		return row, false, err
	case len(rows) > 1:
		return row, false, ErrManyRows
	default:
		return rows[0], true, nil
	}
}
