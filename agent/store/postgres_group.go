package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
)

const (
	// committers is how many shared transactions are under way at once: while the server writes one to disk, the next are filled.
	committers = 4
	// maxShared is how many operations share a transaction at most.
	maxShared = 64
)

// errAlone says that an operation cannot share a transaction, because it must lock more than its own deal. It has changed nothing.
var errAlone = errors.New("this operation needs a transaction of its own")

// group lets operations that wait together share transactions, each of operations on different deals in the order of their keys,
// so that no two wait for each other. The server groups the commits of different connections, but a connection is dear and they
// are few; with this, hundreds of workers use some.
type group struct {
	p       *postgres
	queue   chan *waiter
	closing chan struct{}
	running sync.WaitGroup
}

func newGroup(p *postgres) *group {
	g := &group{p: p, queue: make(chan *waiter, maxWaiting), closing: make(chan struct{})}
	for range committers {
		g.running.Go(g.loop)
	}
	return g
}

func (g *group) close() {
	close(g.closing)
	g.running.Wait()
}

// share implements engine.
func (p *postgres) share(ctx context.Context, key string, op operation) error {
	w := &waiter{key: key, op: op, done: make(chan struct{})}
	select {
	case p.group.queue <- w:
	case <-p.group.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if w.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-w.done // too late to give up: the outcome decides
	case <-p.group.closing:
		if w.taken.CompareAndSwap(false, true) {
			return ErrClosed
		}
		<-w.done
	}
	if errors.Is(w.err, errAlone) {
		return p.write(ctx, op)
	}
	return w.err
}

func (g *group) loop() {
	for {
		select {
		case w := <-g.queue:
			g.commit(g.gather(w))
		case <-g.closing:
			return
		}
	}
}

// gather takes what waits, without waiting for more. Two operations on one deal stay in the order in which they came.
func (g *group) gather(w *waiter) (batch []*waiter) {
	for {
		if w.taken.CompareAndSwap(false, true) {
			batch = append(batch, w)
		}
		if len(batch) < maxShared {
			select {
			case w = <-g.queue:
				continue
			default:
			}
		}
		slices.SortStableFunc(batch, func(a, b *waiter) int { return cmp.Compare(a.key, b.key) })
		return batch
	}
}

// commit runs a batch in one transaction and answers its callers. When one fails in a way that may have left something behind,
// each gets a transaction of its own.
func (g *group) commit(batch []*waiter) {
	ctx := context.Background()
	switch len(batch) {
	case 0:
		return
	case 1:
		batch[0].err = g.p.write(ctx, batch[0].op)
	default:
		if err := g.transact(ctx, batch); err != nil {
			for _, w := range batch {
				w.err = g.p.write(ctx, w.op)
			}
		}
	}
	for _, w := range batch {
		close(w.done)
	}
}

// transact leaves failures that changed nothing in their waiters; what it returns befell all of them.
func (g *group) transact(ctx context.Context, batch []*waiter) error {
	tx, err := g.p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after the commit
	for _, w := range batch {
		w.err = w.op(ctx, shared{tx})
		if w.err != nil && !errors.Is(w.err, ErrLeaseLost) && !errors.Is(w.err, errAlone) {
			return w.err
		}
	}
	return tx.Commit()
}

// shared marks a transaction that others share.
type shared struct{ runner }
