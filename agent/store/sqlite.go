package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// maxBatch is how many operations share one commit at most.
const maxBatch = 256

// sqlite is one file with one writer. An fsync costs far more than a statement, so all operations that wait when a
// transaction begins share it (group commit): many callers get many times the throughput of one, and the first waits no
// longer.
type sqlite struct {
	lock    *os.File
	db      *sql.DB
	conn    *sql.Conn // the only one of db, for the writer
	readers *sql.DB   // query_only
	stmts   map[string]*sql.Stmt

	queue   chan *waiter
	closing chan struct{}
	stopped chan struct{}
}

// waiter is an operation whose caller waits.
type waiter struct {
	key   string // of the deal, where it matters
	op    operation
	taken atomic.Bool // by the writer, or by the caller that gave up: whoever sets it first
	err   error
	done  chan struct{}
}

func openSQLite(ctx context.Context, path string, now int64) (_ engine, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &sqlite{
		stmts:   map[string]*sql.Stmt{},
		queue:   make(chan *waiter, maxBatch),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	if s.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeFiles())
		}
	}()
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	// Space can only be given back by a file that was made for it, so that is said before anything else. The log is cut to its
	// usual size after a large transaction.
	const pragmas = "_pragma=auto_vacuum(incremental)&_pragma=journal_size_limit(16777216)&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(1)"
	if s.db, err = sql.Open("sqlite", sqliteURI(path)+"?_txlock=immediate&"+pragmas); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1)
	if s.readers, err = sql.Open("sqlite", sqliteURI(path)+"?"+pragmas+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	s.readers.SetMaxOpenConns(4)
	s.readers.SetMaxIdleConns(4)
	if err := migrate(ctx, goose.DialectSQLite3, s.db); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := s.takeOver(ctx, now); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return nil, err
	}
	go s.loop()
	return s, nil
}

// sqliteURI writes a path so that no character of it is read as an option.
func sqliteURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// createPrivate makes sure that the file is readable by its owner only; SQLite gives its side files the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// takeOver ends the leases of whoever had the file before. The lock on the side file says that they are gone.
func (s *sqlite) takeOver(ctx context.Context, now int64) error {
	const work = `UPDATE work SET lease_owner = '', lease_until = 0,
		due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END WHERE lease_until > 0`
	if _, err := s.db.ExecContext(ctx, work, now); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `UPDATE lease SET expires_at = 0`)
	return err
}

func (s *sqlite) forUpdate() string  { return "" }
func (s *sqlite) skipLocked() string { return "" }

// write implements engine.
func (s *sqlite) write(ctx context.Context, op operation) error {
	w := &waiter{op: op, done: make(chan struct{})}
	select {
	case s.queue <- w:
	case <-s.closing:
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
	case <-s.stopped:
		if w.taken.CompareAndSwap(false, true) {
			return ErrClosed
		}
		<-w.done
	}
	return w.err
}

// share implements engine: everything shares a transaction here.
func (s *sqlite) share(ctx context.Context, _ string, op operation) error { return s.write(ctx, op) }

// loop is the only writer. After closing it still serves who waits already.
func (s *sqlite) loop() {
	defer close(s.stopped)
	for {
		select {
		case w := <-s.queue:
			s.commit(s.gather(w))
		case <-s.closing:
			for {
				select {
				case w := <-s.queue:
					s.commit(s.gather(w))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits, without waiting for more.
func (s *sqlite) gather(w *waiter) []*waiter {
	var batch []*waiter
	for {
		if w.taken.CompareAndSwap(false, true) {
			batch = append(batch, w)
		}
		if len(batch) == maxBatch {
			return batch
		}
		select {
		case w = <-s.queue:
		default:
			return batch
		}
	}
}

// commit runs a batch in one transaction and answers its callers.
func (s *sqlite) commit(batch []*waiter) {
	if len(batch) == 0 {
		return
	}
	if err := s.transact(batch); err != nil {
		for _, w := range batch {
			w.err = errors.Join(w.err, err)
		}
	}
	for _, w := range batch {
		close(w.done)
	}
}

// transact leaves an operation's own failure in its waiter; what it returns befell all of them.
func (s *sqlite) transact(batch []*waiter) (err error) {
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.exec("ROLLBACK") // SQLite may have rolled back already; then this fails, which is all right
		}
	}()
	for _, w := range batch {
		if err := s.exec("SAVEPOINT op"); err != nil {
			return err
		}
		if w.err = w.op(context.Background(), s); w.err != nil {
			if err := s.exec("ROLLBACK TO op"); err != nil {
				return err
			}
		}
		if err := s.exec("RELEASE op"); err != nil {
			return err
		}
	}
	return s.exec("COMMIT")
}

func (s *sqlite) exec(query string) error {
	_, err := s.ExecContext(context.Background(), query)
	return err
}

// maxPrepared bounds the statements that stay compiled: the text of some depends on the number of rows.
const maxPrepared = 256

// prepare keeps the writer's statements compiled, as far as there is room. Only the writer's goroutine uses it.
func (s *sqlite) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.stmts[query]; stmt != nil || len(s.stmts) == maxPrepared {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// ExecContext implements runner for the writer.
func (s *sqlite) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.prepare(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return s.conn.ExecContext(ctx, query, args...)
	}
	return stmt.ExecContext(ctx, args...)
}

// QueryContext implements runner for the writer.
func (s *sqlite) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return s.conn.QueryContext(ctx, query, args...)
	}
	return stmt.QueryContext(ctx, args...)
}

// read implements engine.
func (s *sqlite) read(ctx context.Context, op operation) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return op(ctx, tx)
}

func (s *sqlite) direct() runner { return s.readers }

// announce has nobody to tell: the file has one process.
func (s *sqlite) announce(string) {}

// shrinkStep is how many free pages one transaction cuts off, so that events never wait long behind it.
const shrinkStep = 500

// shrink cuts free pages off the end of the file. A file that was made before this was asked for keeps its size, and uses the
// space again.
func (s *sqlite) shrink(ctx context.Context) error {
	for {
		before, after := int64(0), int64(0)
		err := s.write(ctx, func(ctx context.Context, r runner) (err error) {
			if before, err = number(ctx, r, "PRAGMA freelist_count"); err != nil || before == 0 {
				return err
			}
			// Each step of the statement frees one page, so all of its rows are asked for.
			rows, err := r.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", shrinkStep))
			if err != nil {
				return err
			}
			for rows.Next() {
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
			after, err = number(ctx, r, "PRAGMA freelist_count")
			return err
		})
		if err != nil || after == 0 || after >= before {
			return err
		}
	}
}

// number reads one number.
func number(ctx context.Context, r runner, query string) (n int64, err error) {
	rows, err := r.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

func (s *sqlite) close() error {
	close(s.closing)
	<-s.stopped
	return s.closeFiles()
}

func (s *sqlite) closeFiles() error {
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	for _, db := range []*sql.DB{s.readers, s.db} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}
