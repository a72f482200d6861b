package dataverse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

const (
	keyPause    = 2 * time.Second  // between two looks at an index
	keyPatience = 30 * time.Minute // for an index to be built
	keyFailed   = "Failed"         // status of an index that could not be built
)

// errKeyFailed says that an index could not be built.
var errKeyFailed = errors.New("the index of the alternate key could not be built, which means that rows share a value: give each its own, and apply again")

// key gives the alternate key that consists of this column alone; nil when there is none.
func (m *columnModel) key(ctx context.Context, e *environment) (*client.AlternateKey, error) {
	keys, err := e.remote.Keys(ctx, m.table())
	for _, k := range keys {
		if len(k.Columns) == 1 && strings.EqualFold(k.Columns[0], m.name()) {
			return &k, err
		}
	}
	return nil, err
}

// keyName is the schema name of the key that is made: that of the column, and Key.
func (m *columnModel) keyName() string { return m.Name.ValueString() + "Key" }

// makeKey defines the key and waits until its index is built. One that exists is taken, and built again if it had failed.
func (m *columnModel) makeKey(ctx context.Context, e *environment) error {
	label, err := e.label(ctx, m.Label.ValueString()+" key")
	if err != nil {
		return err
	}
	present := func(ctx context.Context) (bool, error) {
		key, err := m.key(ctx, e)
		return key != nil, err
	}
	tables := []string{m.table()}
	err = e.create(ctx, tables, "key "+m.keyName(), present, func(ctx context.Context, api *client.Client) error {
		_, err := api.CreateAlternateKey(ctx, e.solutionOf(m.Solution.ValueString()), m.table(), m.keyName(), label, []string{m.name()})
		return err
	})
	if errors.Is(err, errExists) {
		err = m.reactivate(ctx, e)
	}
	if err != nil {
		return fmt.Errorf("key %s: %w", m.keyName(), err)
	}
	return m.awaitKey(ctx, e)
}

// reactivate lets a failed index be built again.
func (m *columnModel) reactivate(ctx context.Context, e *environment) error {
	key, err := m.key(ctx, e)
	if err != nil || key == nil || key.Status != keyFailed {
		return err
	}
	return e.change(ctx, []string{m.table()}, "key "+key.SchemaName, func(ctx context.Context, api *client.Client) error {
		return api.ReactivateAlternateKey(ctx, m.table(), key.LogicalName)
	})
}

// awaitKey waits until rows can be addressed by the key, and tells in the log how far it is.
func (m *columnModel) awaitKey(ctx context.Context, e *environment) error {
	ctx, cancel := context.WithTimeout(ctx, keyPatience)
	defer cancel()
	err := e.remote.Until(ctx, keyPause, func(ctx context.Context) (bool, error) {
		e.remote.TableChanged(m.table())
		key, err := m.key(ctx, e)
		switch {
		case err != nil:
			return false, err
		case key == nil:
			return false, errDeleted
		case key.Status == keyFailed:
			return false, errKeyFailed
		}
		tflog.Info(ctx, "Dataverse builds the index of an alternate key", map[string]any{"table": m.table(), "key": key.SchemaName, "status": key.Status})
		return key.Active(), nil
	})
	if err != nil {
		return fmt.Errorf("index of key %s: %w", m.keyName(), err)
	}
	return nil
}

// removeKey drops the key, if there is one.
func (m *columnModel) removeKey(ctx context.Context, e *environment) error {
	e.remote.TableChanged(m.table())
	key, err := m.key(ctx, e)
	if err != nil || key == nil {
		return err
	}
	return e.remove(ctx, []string{m.table()}, "key "+key.SchemaName, func(ctx context.Context, api *client.Client) error {
		return api.DeleteAlternateKey(ctx, m.table(), key.LogicalName)
	})
}
