package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
)

// maxWaiting is how many transactions may wait before Enqueue turns events away, so that a sender is told to come back
// instead of timing out.
const maxWaiting = 4096

// chunk is how many rows one statement carries at most; the rows' parameters stay below both engines' limits.
const chunk = 256

//go:embed migrations/*.sql
var migrations embed.FS

// Options say where the store is and whose it is.
type Options struct {
	// DSN is "sqlite:/path/file.db" (or "file:…"), or a PostgreSQL URL ("postgres://…").
	DSN string
	// Connector is the name under which all rows are kept.
	Connector string
	// Clock is the only source of time.
	Clock func() time.Time
	// Owner names this process in leases, for people who read the tables.
	Owner string
	// Sleep waits, or ends early with the context. With it, the stores in a PostgreSQL database wake when another process makes deals
	// due, and show that they work with the database; nil: they do neither.
	Sleep func(ctx context.Context, d time.Duration)
	// alone refuses a database that an agent works with, see Restore.
	alone bool
}

var errAddress = errors.New(`the address must begin with "file:", "sqlite:" or "postgres://"`)

// SQL is a store in a SQL database.
type SQL struct {
	*database
	connector string
	owner     string
	wake      chan struct{}
	arrivals  *batch.Group[[]Event, struct{}] // nil: each has a transaction of its own
}

var _ Store = (*SQL)(nil)

// database is what the stores of several connectors share.
type database struct {
	engine
	clock   func() time.Time
	waiting atomic.Int64

	closing sync.Mutex
	closed  bool

	waking sync.Mutex
	wakes  map[string][]chan struct{} // of the stores of each connector
}

// newSQL makes the store of one connector, and lets it hear what other processes make due.
func newSQL(d *database, connector, owner string) *SQL {
	s := &SQL{database: d, connector: connector, owner: owner, wake: make(chan struct{}, 1)}
	if _, remote := d.engine.(*postgres); remote {
		s.shareArrivals()
	}
	d.waking.Lock()
	defer d.waking.Unlock()
	if d.wakes == nil {
		d.wakes = map[string][]chan struct{}{}
	}
	d.wakes[connector] = append(d.wakes[connector], s.wake)
	return s
}

// heard wakes the stores of a connector, or of all when it is empty.
func (d *database) heard(connector string) {
	d.waking.Lock()
	defer d.waking.Unlock()
	for name, wakes := range d.wakes {
		for _, wake := range wakes {
			if connector == "" || connector == name {
				signal(wake)
			}
		}
	}
}

// becameDue wakes this process and the others.
func (s *SQL) becameDue() {
	signal(s.wake)
	s.announce(s.connector)
}

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	// write runs an operation in a transaction of its own or one shared with others, and returns after the commit. The
	// operation may run more than once; it leaves nothing behind when it fails.
	write(ctx context.Context, op operation) error
	// share is write for an operation that changes one deal only, by a claim, and fails with ErrLeaseLost before it changes
	// anything. It may share a transaction with others; one that must lock more says errAlone first, when its runner is shared.
	share(ctx context.Context, key string, op operation) error
	// read runs an operation on one consistent snapshot.
	read(ctx context.Context, op operation) error
	// direct reads single queries, each a snapshot of its own.
	direct() runner
	// forUpdate is the suffix of a SELECT whose rows must not change before the transaction ends.
	forUpdate() string
	// skipLocked is forUpdate for rows that may be left out when somebody else has them.
	skipLocked() string
	// shrink gives freed space back to the file system, unless the engine does so by itself.
	shrink(ctx context.Context) error
	// announce tells other processes that a connector's deals became due; it does not wait.
	announce(connector string)
	close() error
}

// operation does its statements in the given context, which need not be the caller's: a caller that gives up must not tear
// down a transaction that it shares with others.
type operation func(ctx context.Context, r runner) error

// runner is the part of a transaction that operations need.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Open opens the database, brings its schema up to date, and gives up the leases of a process that died with the SQLite
// file in its hands. It fails with ErrNewerSchema or, for SQLite, ErrInUse.
func Open(ctx context.Context, o Options) (*SQL, error) {
	if o.Connector == "" || o.Clock == nil {
		return nil, errors.New("open store: a connector name and a clock are needed")
	}
	d := &database{clock: o.Clock}
	var err error
	scheme, rest, _ := strings.Cut(o.DSN, ":")
	switch scheme {
	case "sqlite", "file":
		d.engine, err = openSQLite(ctx, rest, millis(o.Clock()))
	case "postgres", "postgresql":
		d.engine, err = openPostgres(ctx, o, d.heard)
	default:
		err = errAddress
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return newSQL(d, o.Connector, o.Owner), nil
}

// Connector gives the store of another connector in the same database. Closing one of them closes all.
func (s *SQL) Connector(name string) *SQL {
	return newSQL(s.database, name, s.owner)
}

// Close implements Store.
func (d *database) Close() error {
	d.closing.Lock()
	defer d.closing.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.close()
}

// migrate brings the schema up to date. A schema that is newer than the one built in is refused: an older agent does not
// know what its rows mean.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	options = append(options, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(dialect, db, dir, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if current > known {
		return fmt.Errorf("%w: its schema version is %d, this agent knows %d; run the newer agent or restore a backup",
			ErrNewerSchema, current, known)
	}
	return nil
}

// tx is a transaction of one connector. Every query takes the connector as its first parameter.
type tx struct {
	*SQL
	ctx context.Context
	run runner
	now int64
}

// update runs an operation that changes something.
func (s *SQL) update(ctx context.Context, op func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	return closedOr(s.write(ctx, s.operation(op)))
}

// updateDeal runs an operation that changes the deal of a claim, see engine.share.
func (s *SQL) updateDeal(ctx context.Context, key string, op func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	return closedOr(s.share(ctx, key, s.operation(op)))
}

// view runs an operation that only reads.
func (s *SQL) view(ctx context.Context, op func(tx) error) error {
	return closedOr(s.read(ctx, s.operation(op)))
}

// closedOr recognises what database/sql says after Close; it has no exported error for it.
func closedOr(err error) error {
	if err != nil && err.Error() == "sql: database is closed" {
		return ErrClosed
	}
	return err
}

// view is (*SQL).view of a single query.
func view[T any](ctx context.Context, s *SQL, scan func(func(...any) error) (T, error), text string, args ...any) ([]T, error) {
	out, err := query(tx{SQL: s, ctx: ctx, run: s.direct(), now: millis(s.clock())}, scan, text, args...)
	return out, closedOr(err)
}

func (s *SQL) operation(op func(tx) error) operation {
	return func(ctx context.Context, r runner) error {
		return op(tx{SQL: s, ctx: ctx, run: r, now: millis(s.clock())})
	}
}

// exec runs a statement and counts the rows it changed.
func (t tx) exec(query string, args ...any) (int64, error) {
	result, err := t.run.ExecContext(t.ctx, query, t.args(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t tx) args(args []any) []any { return append([]any{t.connector}, args...) }

// query reads all rows of a query; scan reads one.
func query[T any](t tx, scan func(scan func(...any) error) (T, error), text string, args ...any) ([]T, error) {
	rows, err := t.run.QueryContext(t.ctx, text, t.args(args)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		row, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// one scans a row of a single column.
func one[T any](scan func(...any) error) (T, error) {
	var v T
	err := scan(&v)
	return v, err
}

// tuples writes rows of placeholders: tuples(2, 3) is "($1, $2, $3), ($1, $4, $5)" when each row has the connector and
// two columns more.
func tuples(rows, columns int) string {
	var b strings.Builder
	for row, next := 0, 2; row < rows; row++ {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteString("($1")
		for range columns - 1 {
			b.WriteString(", $" + strconv.Itoa(next))
			next++
		}
		b.WriteString(")")
	}
	return b.String()
}

// list writes n placeholders for an IN list, from $first on.
func list(first, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = "$" + strconv.Itoa(first+i)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// anys makes arguments of strings.
func anys(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
