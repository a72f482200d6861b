package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// A store can be looked at while an agent works with it: what it holds is seen as it is, and nothing can be written.
func TestInspectWhileAnAgentWorks(t *testing.T) {
	clock := newClock()
	file := filepath.Join(t.TempDir(), "agent.db")
	open := map[string]func() (*SQL, Options){
		"sqlite": func() (*SQL, Options) {
			return openFile(t, file, clock.Now), Options{DSN: "sqlite:" + file, Connector: "test", Clock: clock.Now}
		},
		"postgres": func() (*SQL, Options) {
			s := openServer(t, clock.Now)
			return s, Options{DSN: postgresDSN(t), Connector: s.connector, Clock: clock.Now}
		},
	}
	for name, begin := range open {
		t.Run(name, func(t *testing.T) {
			agent, options := begin()
			f := fixture{T: t, Store: agent, clock: clock}
			defer func() { f.ok(agent.Close()) }()
			held := f.begin("crm:held")
			f.record(held, Change{Link: &Link{CRMID: "held"}, Open: []Intent{{ID: "h", Kind: "create_referral", Payload: []byte(`{}`), State: IntentHeld}}})
			f.settle(held, Gate{Flow: "create_referral"})
			parked := f.begin("pc:parked")
			f.settle(parked, Park{Code: "CS101", Error: "no solution"})
			quiet := f.begin("pc:quiet")
			f.settle(quiet, Done{})
			working := f.begin("pc:working")
			f.event("e", "pc:waiting")

			s, err := Inspect(t.Context(), options)
			f.ok(err)
			defer func() { f.ok(s.Close()) }()
			names, err := s.Connectors(t.Context())
			f.ok(err)
			equal(f, "connectors", len(names) > 0, true)
			deals, err := s.Deals(t.Context(), false, 10)
			f.ok(err)
			states := map[string]string{}
			for _, d := range deals {
				states[d.Key] = d.State
			}
			equal(f, "states", states, map[string]string{
				"crm:held": StateGated, "pc:parked": StateParked, "pc:quiet": StateQuiet, "pc:working": StateWorking, "pc:waiting": StateWaiting,
			})
			problems, err := s.Deals(t.Context(), true, 10)
			f.ok(err)
			equal(f, "problems", len(problems), 2)
			one, found, err := s.Overview(t.Context(), "pc:parked")
			f.ok(err)
			equal(f, "one", []string{one.Code, one.Error}, []string{"CS101", "no solution"})
			equal(f, "found", found, true)
			kept, err := s.Held(t.Context(), "crm:held")
			f.ok(err)
			equal(f, "held", string(kept[0].Payload), "{}")
			equal(f, "held is not open", len(f.load("crm:held").Intents), 0)

			if err := s.Enqueue(t.Context(), []Event{{ID: "x", Key: "pc:x"}}, nil); !errors.Is(err, ErrReadOnly) {
				t.Errorf("a write gives %v", err)
			}
			f.settle(working, Done{})
		})
	}
}

// A file that is none, and a schema that this program does not know, are refused.
func TestInspectRefuses(t *testing.T) {
	if s, err := Inspect(t.Context(), Options{DSN: "sqlite:" + filepath.Join(t.TempDir(), "none.db"), Connector: "c", Clock: time.Now}); err == nil {
		t.Errorf("a file that does not exist is opened: %v", s.Close())
	}
	file := filepath.Join(t.TempDir(), "agent.db")
	agent := openFile(t, file, time.Now)
	defer agent.Close()
	err := agent.engine.write(t.Context(), func(ctx context.Context, r runner) error {
		_, err := r.ExecContext(ctx, `INSERT INTO schema_version (version_id, is_applied) VALUES (99, 1)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), Options{DSN: "sqlite:" + file, Connector: "c", Clock: time.Now}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer schema gives %v", err)
	}
}
