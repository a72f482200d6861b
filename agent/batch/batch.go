// Package batch lets calls of the same kind that wait at the same time travel together, as a database commits the transactions
// of many clients at once. Whoever calls sees an ordinary blocking call of its own.
//
// A call goes out at once while one of the slots is free, so that a lonely one never waits. While all slots are busy, what is
// asked meanwhile queues and leaves together with the next free slot. There is no timer: the more wait, the fuller a call is.
package batch

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// Result is what became of one request of a call.
type Result[V any] struct {
	Value V
	Err   error
}

// Options say how much one call carries and how many are under way at once.
type Options[K any] struct {
	// Size is the most requests of one call, and Slots the most calls at once; 0 means 1.
	Size, Slots int
	// Cost is what a request takes of a call's Budget, such as nodes or bytes of an address. A request that costs more than the
	// whole budget goes alone. Nil: there is no such limit.
	Cost   func(request K) int
	Budget int
	// Gather is called before a call takes its requests; nil: it takes what waits. A simulator lets everybody who asks at the same
	// instant come before, and then Order says who goes first: goroutines that begin together come in any order.
	Gather func()
	Order  func(a, b K) int
}

// Call carries requests and gives one result for each, in their order. An error is that of every request. The context ends when
// nobody waits for the answer any more.
type Call[K, V any] func(ctx context.Context, requests []K) ([]Result[V], error)

// Group collects requests of one kind. It is safe for concurrent use.
type Group[K, V any] struct {
	options Options[K]
	call    Call[K, V]

	mu     sync.Mutex
	queue  []*ticket[K, V]
	flying int // calls under way
}

// New makes a group.
func New[K, V any](options Options[K], call Call[K, V]) *Group[K, V] {
	options.Size, options.Slots = max(options.Size, 1), max(options.Slots, 1)
	return &Group[K, V]{options: options, call: call}
}

// ticket is a request that somebody waits for.
type ticket[K, V any] struct {
	request K
	flight  *flight // nil: it still waits
	result  Result[V]
	done    chan struct{}
}

// flight is a call under way.
type flight struct {
	waiting int // callers who still want its answer
	cancel  context.CancelFunc
}

// Abandoned is the error of a caller who gave up while its request was on its way: what became of it is unknown.
type Abandoned struct{ Err error }

func (a *Abandoned) Error() string { return fmt.Sprintf("gave up waiting for the answer: %v", a.Err) }

// Unwrap gives the reason.
func (a *Abandoned) Unwrap() error { return a.Err }

// Ambiguous reports that a write may have been applied.
func (a *Abandoned) Ambiguous() bool { return true }

// Do makes one request and waits for its result. A caller who gives up does not disturb the others: a request that still waits
// is never sent; one that is on its way fails with [*Abandoned].
func (g *Group[K, V]) Do(ctx context.Context, request K) (V, error) {
	var none V
	if err := ctx.Err(); err != nil {
		return none, err
	}
	t := &ticket[K, V]{request: request, done: make(chan struct{})}
	g.mu.Lock()
	g.queue = append(g.queue, t)
	if g.flying < g.options.Slots {
		g.flying++
		go g.fly(context.WithoutCancel(ctx))
	}
	g.mu.Unlock()
	select {
	case <-t.done:
		return t.result.Value, t.result.Err
	case <-ctx.Done():
		return none, g.giveUp(t, ctx.Err())
	}
}

func (g *Group[K, V]) giveUp(t *ticket[K, V], reason error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.flight == nil {
		g.queue = slices.DeleteFunc(g.queue, func(other *ticket[K, V]) bool { return other == t })
		return reason
	}
	if t.flight.waiting--; t.flight.waiting == 0 {
		t.flight.cancel()
	}
	return &Abandoned{reason}
}

// fly makes calls until nothing waits.
func (g *Group[K, V]) fly(ctx context.Context) {
	for g.stillAsked() {
		calling, cancel := context.WithCancel(ctx)
		tickets := g.board(cancel)
		if len(tickets) == 0 {
			cancel()
			continue
		}
		requests := make([]K, len(tickets))
		for i, t := range tickets {
			requests[i] = t.request
		}
		results, err := g.call(calling, requests)
		if err == nil && len(results) != len(requests) {
			err = fmt.Errorf("%d results for %d requests", len(results), len(requests))
		}
		for i, t := range tickets {
			if err != nil {
				t.result.Err = err
			} else {
				t.result = results[i]
			}
			close(t.done)
		}
		cancel()
	}
}

// stillAsked lets everybody come who is about to, and reports whether anything waits. When nothing does, the slot is free again.
func (g *Group[K, V]) stillAsked() bool {
	if g.waiting() && g.options.Gather != nil {
		g.options.Gather()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.flying--
		return false
	}
	return true
}

func (g *Group[K, V]) waiting() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue) > 0
}

// board takes from the queue what goes with the next call: nothing, when another call took it meanwhile.
func (g *Group[K, V]) board(cancel context.CancelFunc) []*ticket[K, V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if order := g.options.Order; order != nil && g.options.Gather != nil {
		slices.SortStableFunc(g.queue, func(a, b *ticket[K, V]) int { return order(a.request, b.request) })
	}
	n, cost := 0, 0
	for n < min(len(g.queue), g.options.Size) {
		if g.options.Cost != nil {
			cost += g.options.Cost(g.queue[n].request)
		}
		if n > 0 && cost > g.options.Budget && g.options.Cost != nil {
			break
		}
		n++
	}
	tickets := slices.Clone(g.queue[:n])
	g.queue = slices.Delete(g.queue, 0, n)
	f := &flight{waiting: n, cancel: cancel}
	for _, t := range tickets {
		t.flight = f
	}
	return tickets
}

// Apart makes the calls of each half when a shared one was refused for what it asks: only the request that is at fault is to fail.
func Apart[K, V any](ctx context.Context, requests []K, refusal error, call Call[K, V]) ([]Result[V], error) {
	if len(requests) == 1 || problem.ClassOf(refusal) == problem.Later || wire.IsAmbiguous(refusal) {
		return nil, refusal
	}
	var results []Result[V]
	for _, half := range [][]K{requests[:len(requests)/2], requests[len(requests)/2:]} {
		answers, err := call(ctx, half)
		if err != nil {
			answers = slices.Repeat([]Result[V]{Failed[V](err)}, len(half))
		}
		results = append(results, answers...)
	}
	return results, nil
}

// Of gives the result of a value.
func Of[V any](value V) Result[V] { return Result[V]{Value: value} }

// Failed gives the result of a failure.
func Failed[V any](err error) Result[V] { return Result[V]{Err: err} }

// Cut cuts requests into parts of at most size, whose costs add up to a budget at the most. One that costs more stands alone.
func Cut[K any](requests []K, size, budget int, cost func(K) int) (parts [][]K) {
	spent := 0
	for _, request := range requests {
		c := cost(request)
		if last := len(parts) - 1; last < 0 || len(parts[last]) >= max(size, 1) || spent+c > budget {
			parts, spent = append(parts, nil), 0
		}
		last := len(parts) - 1
		parts[last], spent = append(parts[last], request), spent+c
	}
	return parts
}
