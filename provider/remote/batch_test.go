package remote

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// gate is a fetch that reports each call and lets it go on when it is told to.
type gate struct {
	calls chan []string
	open  chan error
}

func newGate() *gate { return &gate{calls: make(chan []string), open: make(chan error)} }

func (g *gate) fetch(_ context.Context, keys []string) (map[string]string, error) {
	g.calls <- keys
	if err := <-g.open; err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, key := range keys {
		values[key] = "value of " + key
	}
	return values, nil
}

func TestBatchGathersWhileACallIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		b := newBatch(10, g.fetch)
		ask := func(key string) {
			if got, err := b.get(t.Context(), key); err != nil || got != "value of "+key {
				t.Errorf("get %s: %q, %v", key, got, err)
			}
		}
		go ask("first")
		if keys := <-g.calls; len(keys) != 1 {
			t.Fatalf("the first read went out with %q", keys)
		}
		for i := range 13 {
			go ask(fmt.Sprint("key", i))
		}
		synctest.Wait() // until all thirteen stand in the queue
		g.open <- nil
		for _, want := range []int{10, 3} {
			if keys := <-g.calls; len(keys) != want {
				t.Errorf("a call asked for %d keys, want %d", len(keys), want)
			}
			g.open <- nil
		}
		synctest.Wait()
		ask("key3") // is kept: a second call would wait for the gate for ever
	})
}

func TestBatchForgetsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := newBatch(10, g.fetch)
	done := make(chan error)
	get := func() {
		_, err := b.get(t.Context(), "key")
		done <- err
	}
	go get()
	<-g.calls
	b.forget(func(string) bool { return true }) // a write happens while the read is under way
	g.open <- nil
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go get()
	<-g.calls // it is read again
	g.open <- nil
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestBatchKeepsNoFailure(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := newBatch(10, g.fetch)
	broken := errors.New("broken")
	for _, want := range []error{broken, nil} {
		done := make(chan error)
		go func() {
			_, err := b.get(t.Context(), "key")
			done <- err
		}()
		<-g.calls
		g.open <- want
		if err := <-done; !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
