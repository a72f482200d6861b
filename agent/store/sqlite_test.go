package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestFileHasOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?name#of%20a file.db")
	s := openFile(t, path, time.Now)
	_, err := Open(t.Context(), Options{DSN: "sqlite:" + path, Connector: "other", Clock: time.Now})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, path, time.Now)
	defer s.Close()
	for _, suffix := range []string{"", "-wal", ".lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", suffix, info.Mode())
		}
	}
}

func TestFileIsDurable(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "store.db"), time.Now)
	defer s.Close()
	err := s.update(t.Context(), func(x tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
			rows, err := x.run.QueryContext(x.ctx, "PRAGMA "+pragma)
			if err != nil {
				return err
			}
			var got string
			for rows.Next() {
				if err := rows.Scan(&got); err != nil {
					return err
				}
			}
			if got != want {
				t.Errorf("%s = %s, want %s", pragma, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.direct().ExecContext(t.Context(), `DELETE FROM inbox`); err == nil {
		t.Error("a reader can write")
	}
}

func TestLeasesOfADeadProcessEndAtOnce(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "store.db"), newClock()
	s := openFile(t, path, clock.Now)
	f := fixture{T: t, Store: s, clock: clock}
	old := f.begin("pc:1")
	f.ok(f.Enqueue(t.Context(), []Event{{ID: "later", Key: "pc:later", NotBefore: clock.Now().Add(time.Hour)}}, nil))
	_, _, err := s.Acquire(t.Context(), "sweep", time.Hour)
	f.ok(err)
	f.ok(s.Close())

	s = openFile(t, path, clock.Now)
	defer s.Close()
	f.Store = s
	fresh := f.claim("pc:1")
	if fresh.Fence <= old.Fence {
		t.Errorf("fence %d after %d", fresh.Fence, old.Fence)
	}
	f.fails(f.Settle(t.Context(), old, Done{}), ErrLeaseLost)
	_, ok, err := s.Acquire(t.Context(), "sweep", time.Hour)
	f.ok(err)
	equal(f, "acquired", ok, true)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openFile(t, path, time.Now)
	err := s.update(t.Context(), func(x tx) error {
		_, err := x.run.ExecContext(x.ctx, `INSERT INTO schema_version (version_id, is_applied) VALUES (999, 1)`)
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{DSN: "sqlite:" + path, Connector: "test", Clock: time.Now})
	if !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "999") {
		t.Errorf("got %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for want, o := range map[string]Options{
		"must begin with":  {DSN: "mysql://localhost/x", Connector: "test", Clock: time.Now},
		"connector name":   {DSN: "sqlite:x.db", Clock: time.Now},
		"no such file":     {DSN: "sqlite:" + filepath.Join(t.TempDir(), "missing", "x.db"), Connector: "test", Clock: time.Now},
		"postgres":         {DSN: "postgres://localhost:port/", Connector: "test", Clock: time.Now},
		"is a directory":   {DSN: "sqlite:" + directoryNamed(t, "x.db"), Connector: "test", Clock: time.Now},
		"not a database":   {DSN: "sqlite:" + garbage(t), Connector: "test", Clock: time.Now},
		"and a clock are ": {DSN: "sqlite:x.db", Connector: "test"},
	} {
		s, err := Open(t.Context(), o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func directoryNamed(t *testing.T, name string) string {
	path := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func garbage(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnectorsShareADatabaseUnseen(t *testing.T) {
	for _, kind := range kinds[1:] {
		t.Run(kind.name, func(t *testing.T) {
			clock := newClock()
			one := kind.open(t, clock.Now).(*SQL)
			defer one.Close()
			other := one.Connector(one.connector + "-other")
			f, g := fixture{T: t, Store: one, clock: clock}, fixture{T: t, Store: other, clock: clock}
			c := f.begin("pc:1")
			f.record(c, Change{Link: &Link{ReferralID: "1", CRMID: "1"}, Open: []Intent{{ID: "i1"}}, Base: Values{}})
			g.idle()
			g.means("pc:1", "")
			d := g.begin("pc:1")
			g.record(d, Change{Link: &Link{ReferralID: "1", CRMID: "1"}, Open: []Intent{{ID: "i1"}}})
			g.settle(d, Done{})
			equal(f, "base", f.load("pc:1").Base != nil, true)
			equal(g, "base", g.load("pc:1").Base != nil, false)
			select {
			case <-other.Wake():
			default:
				t.Error("the other connector's event woke nobody")
			}
		})
	}
}

func TestFullQueueTurnsEventsAway(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "store.db"), time.Now)
	defer s.Close()
	s.waiting.Add(maxWaiting)
	err := s.Enqueue(t.Context(), []Event{{ID: "e1", Key: "pc:1"}}, nil)
	if !errors.Is(err, ErrOverloaded) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Claim(t.Context(), 1, leaseTime); err != nil {
		t.Errorf("workers go on: %v", err)
	}
	s.waiting.Add(-maxWaiting)
	if err := s.Enqueue(t.Context(), []Event{{ID: "e1", Key: "pc:1"}}, nil); err != nil {
		t.Error(err)
	}
}

// Operations that wait together share a commit, but not their failures.
func TestGroupCommitKeepsOperationsApart(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "store.db"), time.Now)
	defer s.Close()
	ctx := t.Context()
	entered, leave := make(chan struct{}), make(chan struct{})
	blocker := answer(func() error {
		return s.write(ctx, func(context.Context, runner) error { close(entered); <-leave; return nil })
	})
	<-entered
	givenUp, giveUp := context.WithCancel(ctx)
	enqueue := func(ctx context.Context, id string) func() error {
		return func() error { return s.Enqueue(ctx, []Event{{ID: id, Key: "pc:" + id}}, nil) }
	}
	first := answer(enqueue(ctx, "first"))
	lost := answer(func() error {
		return s.update(ctx, func(x tx) error {
			if err := enqueueIn(x, "undone"); err != nil {
				return err
			}
			return ErrBusy
		})
	})
	never := answer(enqueue(givenUp, "never"))
	second := answer(enqueue(ctx, "second"))
	for len(s.engine.(*sqlite).queue) < 4 {
		runtime.Gosched()
	}
	giveUp()
	if err := <-never; !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	close(leave)
	for what, err := range map[string]error{"blocker": <-blocker, "first": <-first, "second": <-second} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := <-lost; !errors.Is(err, ErrBusy) {
		t.Errorf("failed operation: %v", err)
	}
	f := fixture{T: t, Store: s}
	f.means("pc:first", "pc:first")
	f.means("pc:second", "pc:second")
	f.means("pc:undone", "")
	f.means("pc:never", "")
}

func enqueueIn(x tx, id string) error {
	fresh, err := x.store([]Event{{ID: id, Key: "pc:" + id}})
	if err != nil {
		return err
	}
	return x.mark(fresh)
}

// answer runs f beside the test.
func answer(f func() error) <-chan error {
	out := make(chan error, 1)
	go func() { out <- f() }()
	return out
}
