package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// storeAddress says where the store is.
type storeAddress struct {
	Store         string `default:"file:cosell-agent.db" placeholder:"ADDRESS" env:"COSELL_AGENT_STORE" help:"Where everything durable is kept: file:PATH or sqlite:PATH, or a PostgreSQL URL."`
	StorePassword string `placeholder:"REFERENCE" env:"COSELL_AGENT_STORE_PASSWORD" help:"Where the password of the PostgreSQL URL is: env:NAME or file:/path."`
}

// dsn is the address with its password.
func (a storeAddress) dsn() (string, error) {
	if a.StorePassword == "" {
		return a.Store, nil
	}
	if !strings.HasPrefix(a.Store, "postgres") {
		return "", errors.New("--store-password belongs to a PostgreSQL URL; the store is a file")
	}
	address, err := url.Parse(a.Store)
	if err != nil {
		return "", errors.New("--store is not a URL that can be read; it looks like postgres://user@host/database")
	}
	password, err := secret.FromSystem().Resolve(secret.Reference(a.StorePassword))
	if err != nil {
		return "", problem.Wrap(problem.SecretUnavailable, a.StorePassword, err)
	}
	address.User = url.UserPassword(address.User.Username(), password.Expose())
	return address.String(), nil
}

type storeCommand struct {
	Backup  storeBackup  `cmd:"" help:"Write everything in the store into one file, also while the agent runs."`
	Check   storeCheck   `cmd:"" help:"Look for damage in the store or in a backup, also while the agent runs."`
	Restore storeRestore `cmd:"" help:"Fill a store from a backup of SQLite or PostgreSQL; no agent may be running."`
}

// printCounts prints what a command went through.
func printCounts(out io.Writer, asJSON bool, what, file string, counts store.Counts) error {
	if asJSON {
		return printJSON(out, map[string]any{"file": file, "rows": counts})
	}
	_, err := fmt.Fprintf(out, "%s %s: %d deals, %d events, %d entries of history\n", what, file, counts["deal"], counts["inbox"], counts["audit"])
	return err
}

// tables tells people at a terminal or in a log how far it is, table by table.
func tables(quiet bool) store.Progress {
	return func(table string, rows int64) {
		if !quiet && rows > 0 {
			fmt.Fprintf(os.Stderr, "%s: %d rows\n", table, rows)
		}
	}
}

type storeBackup struct {
	storeAddress
	File  string `arg:"" help:"The file to write; it holds customers' data, and only you can read it."`
	Force bool   `help:"Replace the file when it exists."`
	Quiet bool   `help:"Print no progress."`
	JSON  bool   `help:"Print JSON."`
}

// Help is shown by store backup --help.
func (storeBackup) Help() string {
	return `The backup is one state of all connectors at one moment. It is the same for SQLite and PostgreSQL, so it also moves a store
from one to the other. The file appears under its name only when it is complete.

Examples:
  cosell-agent store backup /backup/cosell-2026-11-25.gz
  cosell-agent store backup --store postgres://cosell@db/cosell --store-password file:/run/secrets/db cosell.gz --json`
}

// Run writes a backup.
func (c storeBackup) Run(ctx context.Context, out io.Writer) (err error) {
	address, err := c.dsn()
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.File); err == nil && !c.Force {
		return fmt.Errorf("%s exists; choose another name, or replace it with --force", c.File)
	}
	s, err := store.Inspect(ctx, store.Options{DSN: address, Clock: time.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	partial := c.File + ".partial"
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	counts, err := s.Backup(ctx, file, tables(c.Quiet))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(partial, c.File)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the backup: %w", err), os.Remove(partial))
	}
	return printCounts(out, c.JSON, "wrote", c.File, counts)
}

type storeCheck struct {
	storeAddress
	Backup string `placeholder:"FILE" help:"Check this backup instead of the store."`
	Quiet  bool   `help:"Print no progress."`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown by store check --help.
func (storeCheck) Help() string {
	return `Checks the file itself (SQLite), the version of its schema, and what must always hold between its tables; or that a backup
is complete and unchanged. Exit status: 0 all is well, 1 something is wrong or cannot be read; the output says what to do.

Examples:
  cosell-agent store check --store file:/var/lib/cosell/agent.db
  cosell-agent store check --backup /backup/cosell-2026-11-25.gz --json`
}

// errFindings is the error of a check that found something.
var errFindings = errors.New("the store is damaged; see above")

// Run checks.
func (c storeCheck) Run(ctx context.Context, out io.Writer) (err error) {
	if c.Backup != "" {
		return c.checkBackup(out)
	}
	address, err := c.dsn()
	if err != nil {
		return err
	}
	s, err := store.Inspect(ctx, store.Options{DSN: address, Clock: time.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	findings, err := s.Check(ctx, func(check string) {
		if !c.Quiet {
			fmt.Fprintln(os.Stderr, "checked:", check)
		}
	})
	if err != nil {
		return fmt.Errorf("the store cannot be checked to its end: %w; when this stays, treat it as damaged: stop the agent and restore a backup", err)
	}
	switch {
	case c.JSON:
		err = printJSON(out, map[string]any{"sound": len(findings) == 0, "findings": findings})
	case len(findings) == 0:
		_, err = fmt.Fprintln(out, "the store is sound")
	default:
		for _, f := range findings {
			if _, err = fmt.Fprintf(out, "%s (%d times), for example: %s\n  %s\n", f.What, f.Count, strings.Join(f.Examples, "; "), f.Advice); err != nil {
				break
			}
		}
	}
	if err == nil && len(findings) > 0 {
		return errFindings
	}
	return err
}

func (c storeCheck) checkBackup(out io.Writer) (err error) {
	file, err := os.Open(c.Backup)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	counts, err := store.CheckBackup(file, tables(c.Quiet))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Backup, err)
	}
	return printCounts(out, c.JSON, "complete and unchanged:", c.Backup, counts)
}

type storeRestore struct {
	storeAddress
	File    string `arg:"" help:"The backup."`
	Replace bool   `help:"Replace what the store holds. Without it a store that holds anything is left alone."`
	Quiet   bool   `help:"Print no progress."`
	JSON    bool   `help:"Print JSON."`
}

// Help is shown by store restore --help.
func (storeRestore) Help() string {
	return `Stop every agent first: a store that one works with is refused. All of the backup arrives, or nothing changes. What happened
after the backup is found again by the agent's looking for changes, which goes on where the backup ends.

From SQLite to PostgreSQL:
  cosell-agent store backup --store file:/var/lib/cosell/agent.db cosell.gz
  cosell-agent store restore --store postgres://cosell@db/cosell cosell.gz

Examples:
  cosell-agent store restore --store file:/var/lib/cosell/agent.db --replace /backup/cosell-2026-11-25.gz`
}

// Run restores a backup.
func (c storeRestore) Run(ctx context.Context, out io.Writer) (err error) {
	address, err := c.dsn()
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	counts, err := store.Restore(ctx, store.Options{DSN: address, Clock: time.Now, Owner: owner()}, file, c.Replace, tables(c.Quiet))
	switch {
	case errors.Is(err, store.ErrNotEmpty):
		return fmt.Errorf("%w; --replace replaces what is there", err)
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("%w; stop the agent first", err)
	case err != nil:
		return err
	}
	return printCounts(out, c.JSON, "restored", c.File, counts)
}
