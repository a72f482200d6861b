package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// pauseCursor keeps whether the connector is paused, in the place of a feed's position: it is as durable, and seen by every
// process that works on the connector.
const pauseCursor = "operator.pause"

// Pause says that a connector rests: what happens is stored, and nothing is read or written on either side.
type Pause struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// SetPause pauses a connector, or with nil lets it go on.
func SetPause(ctx context.Context, queue Queue, pause *Pause) error {
	value := ""
	if pause != nil {
		encoded, err := json.Marshal(pause)
		if err != nil {
			return fmt.Errorf("pause: %w", err)
		}
		value = string(encoded)
	}
	return queue.Enqueue(ctx, nil, &Cursor{Name: pauseCursor, Value: value})
}

// Paused gives the pause of a connector; nil when it is at work.
func Paused(ctx context.Context, queue Queue) (*Pause, error) {
	value, err := queue.Cursor(ctx, pauseCursor)
	if err != nil || value == "" {
		return nil, err
	}
	var pause Pause
	if err := json.Unmarshal([]byte(value), &pause); err != nil {
		return nil, fmt.Errorf("the pause of the connector is damaged: %w", err)
	}
	return &pause, nil
}

// bornCursor keeps since when the store exists.
const bornCursor = "store.born"

// Born gives the time since when the store of a connector exists, and notes it in one that was never asked. What is older may be
// known to an earlier store that was lost.
func Born(ctx context.Context, queue Queue, now time.Time) (time.Time, error) {
	value, err := queue.Cursor(ctx, bornCursor)
	if err != nil {
		return time.Time{}, err
	}
	if born, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return born, nil
	}
	now = now.UTC()
	return now, queue.Enqueue(ctx, nil, &Cursor{Name: bornCursor, Value: now.Format(time.RFC3339Nano)})
}
