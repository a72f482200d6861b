package remote

import (
	"context"
	"errors"
	"sync"
)

// batch answers many single reads with few calls. While one call is under way, what is asked for gathers; the next call
// asks for up to limit of it. No timer is involved: the first read goes out at once, and a busy walk fills its batches by
// itself. Answers are kept until they are forgotten.
type batch[V any] struct {
	limit int
	alone bool // nothing is shared, so that a test can tell what sharing saves
	fetch func(ctx context.Context, keys []string) (map[string]V, error)

	mu      sync.Mutex
	kept    map[string]V
	pending map[string]*read[V] // waiting or under way
	waiting []*read[V]
	running bool
}

// read is one key that somebody waits for.
type read[V any] struct {
	key   string
	done  chan struct{}
	value V
	err   error
}

func newBatch[V any](limit int, fetch func(context.Context, []string) (map[string]V, error)) *batch[V] {
	return &batch[V]{limit: limit, fetch: fetch, kept: map[string]V{}, pending: map[string]*read[V]{}}
}

// get gives the value of a key, from what is kept or from the next call.
func (b *batch[V]) get(ctx context.Context, key string) (V, error) {
	if b.alone {
		return b.single(ctx, key)
	}
	b.mu.Lock()
	if value, ok := b.kept[key]; ok {
		b.mu.Unlock()
		return value, nil
	}
	r, ok := b.pending[key]
	if !ok {
		r = &read[V]{key: key, done: make(chan struct{})}
		b.pending[key] = r
		b.waiting = append(b.waiting, r)
	}
	if !b.running {
		b.running = true
		// Others wait for the same call: one caller that gives up does not end it.
		go b.run(context.WithoutCancel(ctx))
	}
	b.mu.Unlock()
	select {
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	case <-r.done:
		return r.value, r.err
	}
}

func (b *batch[V]) single(ctx context.Context, key string) (value V, err error) {
	values, err := b.fetch(ctx, []string{key})
	if err != nil {
		return value, err
	}
	value, ok := values[key]
	if !ok {
		return value, errNoAnswer
	}
	return value, nil
}

// keep takes over a value that was read elsewhere.
func (b *batch[V]) keep(key string, value V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alone {
		b.kept[key] = value
	}
}

// change replaces a value that is kept. One that is being read may have been read before or after: it is forgotten.
func (b *batch[V]) change(key string, with func(V) V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if value, ok := b.kept[key]; ok {
		b.kept[key] = with(value)
	}
	delete(b.pending, key)
}

// forget drops the keys that match, those under way included: who asks after a write gets what was read after it.
func (b *batch[V]) forget(match func(key string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.kept {
		if match(key) {
			delete(b.kept, key)
		}
	}
	for key := range b.pending {
		if match(key) {
			delete(b.pending, key)
		}
	}
}

func (b *batch[V]) run(ctx context.Context) {
	for reads := b.next(); len(reads) > 0; reads = b.next() {
		keys := make([]string, len(reads))
		for i, r := range reads {
			keys[i] = r.key
		}
		values, err := b.fetch(ctx, keys)
		b.finish(reads, values, err)
	}
}

// next takes the reads of the next call; none ends the run.
func (b *batch[V]) next() []*read[V] {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := min(b.limit, len(b.waiting))
	reads := b.waiting[:size:size]
	b.waiting = b.waiting[size:]
	b.running = size > 0
	return reads
}

var errNoAnswer = errors.New("the answer does not hold what was asked for")

func (b *batch[V]) finish(reads []*read[V], values map[string]V, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range reads {
		value, ok := values[r.key]
		switch {
		case err != nil:
			r.err = err
		case !ok:
			r.err = errNoAnswer
		default:
			r.value = value
		}
		if b.pending[r.key] == r { // otherwise it was forgotten while under way
			delete(b.pending, r.key)
			if r.err == nil {
				b.kept[r.key] = value
			}
		}
		close(r.done)
	}
}
