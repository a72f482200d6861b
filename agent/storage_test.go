package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// A backup is taken while an agent has the store open, is good, and fills another store; what would overwrite something is refused with
// the flag that allows it, and a store in use is not restored.
func TestStoreCommands(t *testing.T) {
	dir := t.TempDir()
	address, backup := storeAddress{Store: "file:" + filepath.Join(dir, "agent.db")}, filepath.Join(dir, "backup.gz")
	running, err := store.Open(t.Context(), store.Options{DSN: address.Store, Connector: "contoso", Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if err := running.Enqueue(t.Context(), []store.Event{{ID: "e1", Key: "pc:1"}}, nil); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	expect := func(what string, err error, want string) {
		t.Helper()
		said := out.String()
		out.Reset()
		if err != nil {
			said += err.Error()
		}
		if !strings.Contains(said, want) || (err != nil) != strings.HasPrefix(what, "refused: ") {
			t.Errorf("%s: %s (%v), want %q", what, said, err, want)
		}
	}
	expect("backup", storeBackup{storeAddress: address, File: backup, Quiet: true}.Run(t.Context(), &out), "1 deals, 1 events")
	expect("refused: backup over a file", storeBackup{storeAddress: address, File: backup, Quiet: true}.Run(t.Context(), &out), "--force")
	expect("backup again", storeBackup{storeAddress: address, File: backup, Force: true, Quiet: true, JSON: true}.Run(t.Context(), &out), `"deal": 1`)
	expect("check", storeCheck{storeAddress: address, Quiet: true}.Run(t.Context(), &out), "sound")
	expect("check as JSON", storeCheck{storeAddress: address, Quiet: true, JSON: true}.Run(t.Context(), &out), `"sound": true`)
	expect("check of a backup", storeCheck{Backup: backup, Quiet: true}.Run(t.Context(), &out), "complete")
	expect("refused: restore of a store in use", storeRestore{storeAddress: address, File: backup, Replace: true, Quiet: true}.Run(t.Context(), &out), "stop the agent first")
	other := storeAddress{Store: "sqlite:" + filepath.Join(dir, "other.db")}
	expect("restore", storeRestore{storeAddress: other, File: backup, Quiet: true}.Run(t.Context(), &out), "restored")
	expect("refused: restore over a store", storeRestore{storeAddress: other, File: backup, Quiet: true}.Run(t.Context(), &out), "--replace")
	expect("refused: check of nothing", storeCheck{storeAddress: storeAddress{Store: "file:" + filepath.Join(dir, "none.db")}, Quiet: true}.Run(t.Context(), &out), "none.db")
	if _, err := os.Stat(filepath.Join(dir, "none.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check made the file: %v", err)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read the backup: %v %v", info.Mode(), err)
	}
}

// The password stands nowhere but in the file or variable that the reference names; what cannot be is refused with what to do.
func TestStorePasswordByReference(t *testing.T) {
	t.Setenv("TEST_STORE_PASSWORD", "p@ss/word")
	dsn, err := storeAddress{Store: "postgres://cosell@db:5433/cosell?sslmode=verify-full", StorePassword: "env:TEST_STORE_PASSWORD"}.dsn()
	if want := "postgres://cosell:p%40ss%2Fword@db:5433/cosell?sslmode=verify-full"; err != nil || dsn != want {
		t.Errorf("got %s, %v", dsn, err)
	}
	for want, a := range map[string]storeAddress{
		"the store is a file": {Store: "file:x.db", StorePassword: "env:TEST_STORE_PASSWORD"},
		"TEST_STORE_MISSING":  {Store: "postgres://cosell@db/cosell", StorePassword: "env:TEST_STORE_MISSING"},
		"looks like postgres": {Store: "postgres://cosell@db:port/", StorePassword: "env:TEST_STORE_PASSWORD"},
	} {
		if _, err := a.dsn(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "p@ss") {
			t.Errorf("%s: %v", want, err)
		}
	}
}
