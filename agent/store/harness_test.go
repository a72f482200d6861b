package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(killChildEnv); path != "" {
		killChild(path)
		return
	}
	code := m.Run()
	stopPostgres()
	os.Exit(code)
}

// fakeClock only moves when told.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var connectors atomic.Int64

// kinds are the implementations that must be told apart by nothing but speed. Each opens an empty store.
var kinds = []struct {
	name string
	open func(tb testing.TB, clock func() time.Time) Store
}{
	{"memory", func(_ testing.TB, clock func() time.Time) Store { return NewMemory("test", clock) }},
	{"sqlite", func(tb testing.TB, clock func() time.Time) Store {
		return openFile(tb, filepath.Join(tb.TempDir(), "store.db"), clock)
	}},
	{"postgres", func(tb testing.TB, clock func() time.Time) Store { return openServer(tb, clock) }},
}

// onAll runs a test on every implementation.
func onAll(t *testing.T, test func(f fixture)) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			clock := newClock()
			s := kind.open(t, clock.Now)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test(fixture{T: t, Store: s, clock: clock})
		})
	}
}

func openFile(tb testing.TB, path string, clock func() time.Time) *SQL {
	tb.Helper()
	s, err := Open(tb.Context(), Options{DSN: "sqlite:" + path, Connector: "test", Clock: clock, Owner: "tester"})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// openServer opens a store of a connector that nobody used before, on the one server of the test run.
func openServer(tb testing.TB, clock func() time.Time) *SQL {
	tb.Helper()
	name := fmt.Sprintf("test-%d", connectors.Add(1))
	s, err := Open(tb.Context(), Options{DSN: postgresDSN(tb), Connector: name, Clock: clock, Owner: "tester"})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// fixture is a store under test with short ways to say common things.
type fixture struct {
	*testing.T
	Store
	clock *fakeClock
}

const leaseTime = time.Minute

func (f fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f fixture) fails(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("got error %v, want %v", err, want)
	}
}

// event enqueues one event "id" for an external key.
func (f fixture) event(id, key string) {
	f.Helper()
	f.ok(f.Enqueue(f.Context(), []Event{{ID: id, Key: key, Source: "webhook"}}, nil))
}

// claim claims the deal that must be the only one due.
func (f fixture) claim(key string) Claim {
	f.Helper()
	claims, err := f.Claim(f.Context(), 10, leaseTime)
	f.ok(err)
	if len(claims) != 1 || claims[0].Key != key {
		f.Fatalf("claimed %v, want only %s", claims, key)
	}
	return claims[0]
}

// begin makes a deal with one event and claims it.
func (f fixture) begin(key string) Claim {
	f.Helper()
	f.event("first event of "+key, key)
	return f.claim(key)
}

// idle makes sure that nothing is due now.
func (f fixture) idle() {
	f.Helper()
	claims, err := f.Claim(f.Context(), 10, leaseTime)
	f.ok(err)
	if len(claims) > 0 {
		f.Fatalf("claimed %v, want nothing due", claims)
	}
}

func (f fixture) settle(c Claim, o Outcome) {
	f.Helper()
	f.ok(f.Settle(f.Context(), c, o))
}

func (f fixture) record(c Claim, change Change) {
	f.Helper()
	f.ok(f.Record(f.Context(), c, change))
}

func (f fixture) load(key string) Deal {
	f.Helper()
	d, err := f.Load(f.Context(), key)
	f.ok(err)
	return d
}

// means checks which deal an external key means.
func (f fixture) means(external, key string) {
	f.Helper()
	got, found, err := f.Lookup(f.Context(), external)
	f.ok(err)
	if got != key || found != (key != "") {
		f.Fatalf("%s means deal %q (found %v), want %q", external, got, found, key)
	}
}

func equal[T any](f fixture, what string, got, want T) {
	f.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func contains(f fixture, err error, part string) {
	f.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		f.Fatalf("got error %v, want one that says %q", err, part)
	}
}
