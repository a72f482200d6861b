package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// MaxPage is how many rows one page holds at the most ("Page results").
const MaxPage = 5000

// Version of a row, as its ETag: W/"1234".
type Version = string

// Get reads one row's columns into a value. The path comes from [Row] or [RowByKey].
func (c *Client) Get(ctx context.Context, row string, query Query, into any) error {
	_, err := c.get(ctx, "get "+row, row+query.Encode(), nil, into)
	return err
}

// Created is a row that was written: its id, if the answer tells it (a row addressed by key is answered by key).
type Created struct {
	ID string
}

// Create inserts a row and gives its id. [IsDuplicate] holds when a key's value exists already.
func (c *Client) Create(ctx context.Context, set string, body any) (Created, error) {
	if _, err := Name(set); err != nil {
		return Created{}, fmt.Errorf("dataverse: table %w", err)
	}
	response, err := c.send(ctx, call{operation: "create in " + set, method: http.MethodPost, path: set}, body, nil)
	if err != nil {
		return Created{}, err
	}
	id, ok := IDOf(response.Header.Get("OData-EntityId"))
	if !ok {
		return Created{}, &DecodeError{Operation: "create in " + set, Err: errors.New("the answer names no row"), ambiguous: true}
	}
	return Created{ID: id}, nil
}

// IDOf reads the GUID in the last parentheses of an entity's address; false when it is addressed in another way.
func IDOf(address string) (string, bool) {
	open, end := strings.LastIndexByte(address, '('), strings.LastIndexByte(address, ')')
	if open < 0 || end < open {
		return "", false
	}
	id, err := ParseID(address[open+1 : end])
	return id, err == nil
}

// Any is the version that any existing row has.
const Any Version = "*"

// Update changes the columns in the body of a row that exists. With the version of a read [IsConflict] holds when the row changed
// since; with [Any] it only must exist. Without If-Match the service would create what was deleted, so a version is always sent.
func (c *Client) Update(ctx context.Context, row string, version Version, body any) error {
	_, err := c.send(ctx, call{
		operation: "update " + row, method: http.MethodPatch, path: row, header: http.Header{"If-Match": {matching(version)}},
	}, body, nil)
	return err
}

func matching(version Version) string {
	if version == "" {
		return Any
	}
	return version
}

// Insert creates the row at an alternate key and never changes one that exists: then [IsDuplicate] holds. The id is empty when the
// answer gives the key only.
func (c *Client) Insert(ctx context.Context, row string, body any) (Created, error) {
	return c.upsert(ctx, "insert "+row, row, http.Header{"If-None-Match": {Any}}, body)
}

// Upsert creates the row at an address, or changes it.
func (c *Client) Upsert(ctx context.Context, row string, body any) (Created, error) {
	return c.upsert(ctx, "upsert "+row, row, nil, body)
}

func (c *Client) upsert(ctx context.Context, operation, row string, header http.Header, body any) (Created, error) {
	response, err := c.send(ctx, call{operation: operation, method: http.MethodPatch, path: row, header: header}, body, nil)
	if err != nil {
		return Created{}, err
	}
	id, _ := IDOf(response.Header.Get("OData-EntityId"))
	return Created{ID: id}, nil
}

// Delete removes a row, whatever its version unless one is given. [IsNotFound] holds when it is gone already.
func (c *Client) Delete(ctx context.Context, row string, version Version) error {
	header := http.Header{}
	if version != "" {
		header.Set("If-Match", version)
	}
	_, err := c.do(ctx, call{operation: "delete " + row, method: http.MethodDelete, path: row, header: header})
	return err
}

// page is one page of rows.
type page struct {
	Value     []json.RawMessage `json:"value"`
	NextLink  string            `json:"@odata.nextLink"`
	DeltaLink string            `json:"@odata.deltaLink"`
}

// Rows yields the rows of a query as JSON objects, page by page; an error ends the iteration.
func (c *Client) Rows(ctx context.Context, set string, query Query) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		path := set + query.Encode()
		_, err := c.pages(ctx, "query "+set, path, pageHeader(query), func(row json.RawMessage) bool { return yield(row, nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

// pageHeader asks for pages of a size; $top would be ignored beside it.
func pageHeader(query Query) http.Header {
	if query.Top > 0 {
		return nil
	}
	size := MaxPage
	if query.Page > 0 {
		size = min(query.Page, MaxPage)
	}
	return http.Header{"Prefer": {"odata.maxpagesize=" + strconv.Itoa(size)}}
}

// pages follows a collection to its end, or until it is told to stop, and gives the last page's delta link.
func (c *Client) pages(ctx context.Context, operation, path string, header http.Header, each func(json.RawMessage) bool) (deltaLink string, err error) {
	seen := map[string]bool{}
	for {
		seen[path] = true
		var p page
		if _, err := c.get(ctx, operation, path, header, &p); err != nil {
			return "", err
		}
		for _, row := range p.Value {
			if !each(row) {
				return "", nil
			}
		}
		if p.NextLink == "" {
			return p.DeltaLink, nil
		}
		if path, err = c.rebase(p.NextLink); err == nil && seen[path] {
			err = errors.New("the next page is one that was already read")
		}
		if err != nil {
			return "", &DecodeError{Operation: operation, Err: err}
		}
	}
}

// rebase takes only path and query of a link, so that the token never leaves the environment, also where a proxy or a custom domain
// makes the service name itself otherwise.
func (c *Client) rebase(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", errors.New("the link to the next page is not an address")
	}
	path, ok := strings.CutPrefix(u.EscapedPath(), c.root())
	if !ok || strings.Contains(u.Path, "/../") {
		return "", fmt.Errorf("the link to the next page is not below %s", c.root())
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}

// Each yields the rows of a query as typed values, page by page; an error ends the iteration. Numbers within values of type any are
// [json.Number].
func Each[T any](ctx context.Context, c *Client, set string, query Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for raw, err := range c.Rows(ctx, set, query) {
			var row T
			if err == nil {
				err = decode("query "+set, raw, &row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// List reads all rows of a query, see [Each].
func List[T any](ctx context.Context, c *Client, set string, query Query) ([]T, error) {
	var rows []T
	for row, err := range Each[T](ctx, c, set, query) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// ErrManyRows is returned by [One] when the query selects more than one row.
var ErrManyRows = errors.New("dataverse: the query selects more than one row")

// One reads the only row of a query; found is false when there is none. It fails with [ErrManyRows].
func One[T any](ctx context.Context, c *Client, set string, query Query) (row T, found bool, err error) {
	rows, err := List[T](ctx, c, set, query)
	switch {
	case err != nil || len(rows) == 0:
		return row, false, err
	case len(rows) > 1:
		return row, false, ErrManyRows
	default:
		return rows[0], true, nil
	}
}
