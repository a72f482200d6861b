package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// MaxBulk is how many rows a bulk operation should have ("Use bulk operation messages").
const MaxBulk = 1000

// CreateMultiple inserts rows of one table, all or none on standard tables, and gives their ids in order. Each row is an encoded
// object without a type, which is added.
func (c *Client) CreateMultiple(ctx context.Context, set, logicalName string, rows []map[string]any) ([]string, error) {
	var answer struct {
		IDs []string `json:"Ids"`
	}
	if err := c.bulk(ctx, set, "CreateMultiple", logicalName, rows, &answer); err != nil {
		return nil, err
	}
	if len(answer.IDs) != len(rows) {
		return nil, &DecodeError{Operation: "CreateMultiple " + set, Err: errors.New("the number of ids is not that of the rows"), ambiguous: true}
	}
	return answer.IDs, nil
}

// UpdateMultiple changes rows of one table, each with its primary key. There is no precondition.
func (c *Client) UpdateMultiple(ctx context.Context, set, logicalName string, rows []map[string]any) error {
	return c.bulk(ctx, set, "UpdateMultiple", logicalName, rows, nil)
}

// UpsertMultiple creates or changes rows of one table. Each has its address as @odata.id, or the columns of a key.
func (c *Client) UpsertMultiple(ctx context.Context, set, logicalName string, rows []map[string]any) error {
	return c.bulk(ctx, set, "UpsertMultiple", logicalName, rows, nil)
}

func (c *Client) bulk(ctx context.Context, set, action, logicalName string, rows []map[string]any, into any) error {
	if _, err := Name(set); err != nil {
		return fmt.Errorf("dataverse: table %w", err)
	}
	if len(rows) == 0 || len(rows) > MaxBulk {
		return fmt.Errorf("%w: %s %s: %d rows, 1 to %d are possible", ErrTooMany, action, set, len(rows), MaxBulk)
	}
	targets := make([]map[string]any, len(rows))
	for i, row := range rows {
		targets[i] = map[string]any{typeAnnotation: typePrefix + logicalName}
		for name, value := range row {
			targets[i][name] = value
		}
	}
	body, err := json.Marshal(map[string]any{"Targets": targets})
	if err != nil {
		return fmt.Errorf("dataverse: %s %s: %w", action, set, err)
	}
	_, err = c.send(ctx, call{operation: action + " " + set, method: http.MethodPost, path: set + "/" + typePrefix + action}, json.RawMessage(body), into)
	return err
}
