package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Change is one row of a table's changes. A deleted row has its id only.
type Change struct {
	ID      string
	Deleted bool
	Row     map[string]any // the selected columns; nil for a deleted row
}

// Version gives the row's version.
func (c Change) Version() Version {
	version, _ := c.Row["@odata.etag"].(string)
	return version
}

// Track reads a table whole, and gives the token to ask for its changes with ("Use change tracking to synchronize data with external
// systems"). The first of the columns must be the primary key. [IsNotTracked] holds when the table has no change tracking.
func (c *Client) Track(ctx context.Context, set string, columns []string) (rows []Change, token string, err error) {
	return c.changes(ctx, set, Query{Select: columns}.Encode(), columns[0])
}

// ChangesSince reads the changes since a token. It is the same for the same token until the token expires, after seven days by default:
// then [IsExpiredToken] holds, and the table must be read whole. The columns must be those that the token was made with.
func (c *Client) ChangesSince(ctx context.Context, set string, columns []string, token string) (rows []Change, next string, err error) {
	return c.changes(ctx, set, Query{Select: columns}.Encode()+"&$deltatoken="+url.QueryEscape(token), columns[0])
}

func (c *Client) changes(ctx context.Context, set, options, key string) ([]Change, string, error) {
	operation := "changes of " + set
	header := http.Header{"Prefer": {"odata.track-changes,odata.maxpagesize=" + strconv.Itoa(MaxPage)}}
	var rows []Change
	var unreadable error
	link, err := c.pages(ctx, operation, set+options, header, func(raw json.RawMessage) bool {
		change, err := readChange(raw, key)
		if unreadable = err; err != nil {
			return false
		}
		rows = append(rows, change)
		return true
	})
	if err == nil {
		err = unreadable
	}
	if err != nil {
		return nil, "", err
	}
	token, err := tokenOf(link)
	if err != nil {
		return nil, "", &DecodeError{Operation: operation, Err: err}
	}
	return rows, token, nil
}

func readChange(raw json.RawMessage, key string) (Change, error) {
	var row map[string]any
	if err := decode("changes", raw, &row); err != nil {
		return Change{}, err
	}
	context, _ := row["@odata.context"].(string)
	if strings.HasSuffix(context, "/$deletedEntity") {
		id, _ := row["id"].(string)
		id, err := ParseID(id)
		return Change{ID: id, Deleted: true}, err
	}
	id, _ := row[key].(string)
	id, err := ParseID(id)
	if err != nil {
		return Change{}, &DecodeError{Operation: "changes", Err: fmt.Errorf("a row has no %s: %w", key, err)}
	}
	return Change{ID: id, Row: row}, nil
}

// tokenOf keeps only the token of a delta link: the address belongs to the configuration.
func tokenOf(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || link == "" {
		return "", fmt.Errorf("the last page has no delta link")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if token := query.Get("$deltatoken"); err == nil && token != "" {
		return token, nil
	}
	return "", fmt.Errorf("the delta link has no token")
}
