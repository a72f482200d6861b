package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// database of its own, so that a restore has it for itself.
func freshDatabase(t *testing.T, engine string) string {
	t.Helper()
	if engine == "sqlite" {
		return "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	}
	name := fmt.Sprintf("fresh_%d", connectors.Add(1))
	admin := openServer(t, time.Now)
	defer admin.Close()
	if _, err := admin.engine.(*postgres).db.ExecContext(t.Context(), `CREATE DATABASE `+name); err != nil {
		t.Fatal(err)
	}
	return postgresServer(t).URL(name)
}

func openAt(t *testing.T, dsn string, clock *fakeClock) *SQL {
	t.Helper()
	s, err := Open(t.Context(), Options{DSN: dsn, Connector: "test", Clock: clock.Now, Owner: "tester", Sleep: func(context.Context, time.Duration) {}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventful puts something of every kind into a store: texts of any script, bytes, open and settled requests, a parked deal and a
// lease that somebody holds.
func eventful(f fixture) {
	f.event("e0", "pc:0")
	c := f.claim("pc:0")
	f.record(c, Change{
		Link: &Link{ReferralID: "0", CRMID: "006A", Phase: PhaseOpen}, Base: Values{"name": "東京 \"O'Neil\" \u2028"}, Pending: Values{"name": ""},
		Open:  []Intent{{ID: "i1", Kind: "create_referral", Payload: []byte{0, 255, '\n'}}, {ID: "i2", State: IntentDone}},
		Audit: []AuditEntry{{Field: "name", New: "x\ny"}},
	})
	f.settle(c, Park{Code: "CS101", Error: "no"})
	f.ok(f.Enqueue(f.Context(), []Event{{ID: "e1", Key: "crm:006B", Body: []byte("\x00\xff"), Priority: Sweep}}, &Cursor{"poll", "t1"}))
	f.claim("crm:006B") // is under way when the backup is made
	_, err := f.Spend(f.Context(), "salesforce", "2026-03-01", 12)
	f.ok(err)
	_, _, err = f.Acquire(f.Context(), "sweep", time.Hour)
	f.ok(err)
}

// everything is a store's content without what a restore is meant to change: leases and the work's due time under one.
func everything(t *testing.T, s *SQL) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, table := range backupTables {
		var b bytes.Buffer
		w := &backupWriter{}
		w.out = bufio.NewWriter(&b)
		if _, err := w.table(t.Context(), s.direct(), table.name, table.order); err != nil {
			t.Fatal(err)
		}
		if err := w.out.Flush(); err != nil {
			t.Fatal(err)
		}
		if table.name != "work" {
			all[table.name] = []string{b.String()}
		}
	}
	all["work"] = rawStrings(t, s, `SELECT deal_key || ' ' || generation || ' ' || done_generation || ' ' || fence || ' ' || state || ' ' || code
		FROM work WHERE connector = $1 ORDER BY deal_key`)
	return all
}

// A store moves from each engine to each engine, while its agent works with it, and nothing of it changes but who holds leases.
func TestBackupMovesAStoreBetweenEngines(t *testing.T) {
	for _, from := range []string{"sqlite", "postgres"} {
		for _, to := range []string{"sqlite", "postgres"} {
			t.Run(from+" to "+to, func(t *testing.T) {
				clock := newClock()
				source := openAt(t, freshDatabase(t, from), clock)
				defer source.Close()
				f := fixture{T: t, Store: source, clock: clock}
				eventful(f)
				var file bytes.Buffer
				counts, err := source.Backup(t.Context(), &file, nil)
				f.ok(err)
				equal(f, "deals", counts["deal"], 2)
				checked, err := CheckBackup(bytes.NewReader(file.Bytes()), nil)
				f.ok(err)
				equal(f, "rows read", checked["inbox"], counts["inbox"])

				target := freshDatabase(t, to)
				_, err = Restore(t.Context(), Options{DSN: target, Clock: clock.Now}, bytes.NewReader(file.Bytes()), false, nil)
				f.ok(err)
				s := openAt(t, target, clock)
				defer s.Close()
				if diff := cmp.Diff(everything(t, source), everything(t, s)); diff != "" {
					t.Errorf("(-source +restored)\n%s", diff)
				}
				g := fixture{T: t, Store: s, clock: clock}
				g.claim("crm:006B") // whoever had it is gone
				_, got, err := s.Acquire(t.Context(), "sweep", time.Hour)
				g.ok(err)
				equal(g, "lease of a process that is gone", got, true)
			})
		}
	}
}

// A restore refuses a store that holds something, one that an agent works with, and a file that is damaged or unfinished; in all
// cases the store stays as it was.
func TestRestoreRefuses(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			clock, dsn := newClock(), freshDatabase(t, engine)
			s := openAt(t, dsn, clock)
			f := fixture{T: t, Store: s, clock: clock}
			eventful(f)
			var backup bytes.Buffer
			_, err := s.Backup(t.Context(), &backup, nil)
			f.ok(err)
			restore := func(content []byte, replace bool) error {
				_, err := Restore(t.Context(), Options{DSN: dsn, Clock: clock.Now}, bytes.NewReader(content), replace, nil)
				return err
			}
			f.fails(restore(backup.Bytes(), true), ErrInUse)
			f.event("later", "pc:later")
			before := everything(t, s)
			f.ok(s.Close())

			f.fails(restore(backup.Bytes(), false), ErrNotEmpty)
			flipped := bytes.Clone(backup.Bytes())
			flipped[len(flipped)/2] ^= 1
			for what, content := range map[string][]byte{
				"flipped bit": flipped, "cut": backup.Bytes()[:backup.Len()*2/3], "other file": []byte("PK\x03\x04"), "empty": nil,
			} {
				if err := restore(content, true); !errors.Is(err, ErrBackup) {
					t.Errorf("%s: %v", what, err)
				}
			}
			s = openAt(t, dsn, clock)
			if diff := cmp.Diff(before, everything(t, s)); diff != "" {
				t.Errorf("a refused restore changed the store\n%s", diff)
			}
			f.ok(s.Close())
			f.ok(restore(backup.Bytes(), true))
			s = openAt(t, dsn, clock)
			defer s.Close()
			f.Store = s
			f.means("pc:later", "")
			f.means("pc:0", "pc:0")
		})
	}
}

// A sound store has no findings; whatever is broken between the tables is named.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			clock, dsn := newClock(), freshDatabase(t, engine)
			s := openAt(t, dsn, clock)
			defer s.Close()
			f := fixture{T: t, Store: s, clock: clock}
			eventful(f)
			found := func() (what []string) {
				l, err := Inspect(t.Context(), Options{DSN: dsn, Connector: "test", Clock: clock.Now})
				f.ok(err)
				defer l.Close()
				findings, err := l.Check(t.Context(), func(string) {})
				f.ok(err)
				for _, finding := range findings {
					what = append(what, fmt.Sprint(finding.What, ": ", finding.Examples))
				}
				return what
			}
			equal(f, "findings", found(), []string(nil))
			f.ok(s.update(t.Context(), func(x tx) error {
				for _, damage := range []string{
					`UPDATE alias SET deal_key = 'crm:006B' WHERE external_key = 'crm:006A'`,
					`UPDATE work SET done_generation = generation + 1 WHERE deal_key = 'pc:0'`,
					`UPDATE snapshot SET fields = '{' WHERE seq = 0`,
				} {
					if _, err := x.run.ExecContext(x.ctx, damage); err != nil {
						return err
					}
				}
				return nil
			}))
			equal(f, "findings", found(), []string{
				"a deal's record leads elsewhere: [test pc:0]", "more was settled than was asked for: [test pc:0]",
				"the values of a snapshot cannot be read: [test pc:0]",
			})
		})
	}
}
