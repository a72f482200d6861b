package sim

import (
	"context"
	"io"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// mortal is a store as one process sees it: after the process was killed, nothing it asks for happens.
type mortal struct {
	store.Store
	dead context.Context // ends when the process is killed
	die  context.CancelFunc
}

func newMortal(s store.Store) *mortal {
	m := &mortal{Store: s}
	m.dead, m.die = context.WithCancel(context.Background())
	return m
}

func (m *mortal) ask(do func() error) error {
	if m.dead.Err() != nil {
		return errDead
	}
	return do()
}

func (m *mortal) Load(ctx context.Context, key string) (d store.Deal, err error) {
	err = m.ask(func() error { d, err = m.Store.Load(ctx, key); return err })
	return d, err
}

func (m *mortal) Record(ctx context.Context, claim store.Claim, change store.Change) error {
	return m.ask(func() error { return m.Store.Record(ctx, claim, change) })
}

func (m *mortal) Absorb(ctx context.Context, claim store.Claim, into string) error {
	return m.ask(func() error { return m.Store.Absorb(ctx, claim, into) })
}

func (m *mortal) Enqueue(ctx context.Context, events []store.Event, cursor *store.Cursor) error {
	return m.ask(func() error { return m.Store.Enqueue(ctx, events, cursor) })
}

func (m *mortal) Claim(ctx context.Context, n int, lease time.Duration) (claims []store.Claim, err error) {
	err = m.ask(func() error { claims, err = m.Store.Claim(ctx, n, lease); return err })
	return claims, err
}

func (m *mortal) Extend(ctx context.Context, claim store.Claim, lease time.Duration) (extended store.Claim, err error) {
	err = m.ask(func() error { extended, err = m.Store.Extend(ctx, claim, lease); return err })
	return extended, err
}

func (m *mortal) Settle(ctx context.Context, claim store.Claim, outcome store.Outcome) error {
	return m.ask(func() error { return m.Store.Settle(ctx, claim, outcome) })
}

func (m *mortal) Acquire(ctx context.Context, name string, ttl time.Duration) (lease store.Lease, got bool, err error) {
	err = m.ask(func() error { lease, got, err = m.Store.Acquire(ctx, name, ttl); return err })
	return lease, got, err
}

func (m *mortal) Renew(ctx context.Context, lease store.Lease, ttl time.Duration) (renewed store.Lease, err error) {
	err = m.ask(func() error { renewed, err = m.Store.Renew(ctx, lease, ttl); return err })
	return renewed, err
}

func (m *mortal) Release(ctx context.Context, lease store.Lease) error {
	return m.ask(func() error { return m.Store.Release(ctx, lease) })
}

func (m *mortal) Reconsider(ctx context.Context, document string) error {
	return m.ask(func() error { return m.Store.Reconsider(ctx, document) })
}

// trailing does something when a body is closed.
type trailing struct {
	io.ReadCloser
	closed func()
}

// Close implements io.Closer.
func (t *trailing) Close() error {
	defer t.closed()
	return t.ReadCloser.Close()
}
