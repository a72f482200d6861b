package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrReadOnly says that a database was opened to be looked at only, see [Inspect].
var ErrReadOnly = errors.New("the database was opened to be looked at only")

// Inspect opens a database to look at it, also while an agent works with it. Nothing in it is changed, not even its schema: one
// that is older or newer than this program's is refused.
func Inspect(ctx context.Context, o Options) (_ *SQL, err error) {
	e, name := &looker{isolation: sql.LevelRepeatableRead}, "the PostgreSQL database"
	scheme, rest, _ := strings.Cut(o.DSN, ":")
	switch scheme {
	case "sqlite", "file":
		e.file, e.isolation = true, sql.LevelDefault // a transaction of a file sees one state of it anyway
		path, pathErr := filepath.Abs(rest)
		if pathErr != nil {
			return nil, pathErr
		}
		name = path
		e.db, err = sql.Open("sqlite", sqliteURI(path)+"?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	case "postgres", "postgresql":
		e.db, err = sql.Open("pgx", o.DSN)
	default:
		err = errAddress
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := e.checkSchema(ctx); err != nil {
		return nil, fmt.Errorf("look at %s: %w", name, errors.Join(err, e.close()))
	}
	return newSQL(&database{engine: e, clock: o.Clock}, o.Connector, o.Owner), nil
}

// looker is an engine that cannot write.
type looker struct {
	db        *sql.DB
	isolation sql.IsolationLevel // at which all reads of a transaction see one state
	file      bool               // it is SQLite
}

func (l *looker) write(context.Context, operation) error { return ErrReadOnly }

func (l *looker) share(context.Context, string, operation) error { return ErrReadOnly }

func (l *looker) read(ctx context.Context, op operation) error {
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: l.isolation})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return op(ctx, tx)
}

func (l *looker) announce(string) {}

func (l *looker) shrink(context.Context) error { return ErrReadOnly }

func (l *looker) direct() runner     { return l.db }
func (l *looker) forUpdate() string  { return "" }
func (l *looker) skipLocked() string { return "" }
func (l *looker) close() error       { return l.db.Close() }

func (l *looker) checkSchema(ctx context.Context) error {
	var found int64
	if err := l.db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM schema_version`).Scan(&found); err != nil {
		return fmt.Errorf("it cannot be read, or no agent has ever worked with it: %w", err)
	}
	known, err := newestMigration()
	switch {
	case err != nil:
		return err
	case found > known:
		return fmt.Errorf("%w: its schema version is %d, this program knows %d", ErrNewerSchema, found, known)
	case found < known:
		return fmt.Errorf("the database's schema version is %d, this program needs %d: start an agent of this version first", found, known)
	}
	return nil
}

func newestMigration() (newest int64, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		number, _, _ := strings.Cut(filepath.Base(name), "_")
		version, parseErr := strconv.ParseInt(number, 10, 64)
		if parseErr != nil {
			return 0, fmt.Errorf("migration %s: %w", name, parseErr)
		}
		newest = max(newest, version)
	}
	return newest, err
}

// Connectors lists the connectors that have deals in the database.
func (s *SQL) Connectors(ctx context.Context) ([]string, error) {
	var names []string
	err := s.view(ctx, func(t tx) error {
		rows, err := t.run.QueryContext(t.ctx, `SELECT DISTINCT connector FROM deal ORDER BY connector`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	})
	return names, err
}

// States of a deal's work, for people.
const (
	StateQuiet   = "quiet"   // nothing to do until something changes
	StateWaiting = "waiting" // due now or at a later time
	StateWorking = "working" // a worker has it
	StateParked  = "parked"  // a person is needed
	StateGated   = "gated"   // its next step belongs to a flow that is off
)

// Overview is a deal and how its work stands.
type Overview struct {
	Key      string
	Link     Link
	State    string // StateQuiet, StateWaiting, StateWorking, StateParked or StateGated
	Code     string // of the last failure
	Error    string
	Flow     string // that a gated deal waits for
	Attempts int
	Due      time.Time // of a waiting deal
}

// Deals lists the deals of the connector by key, with parked, gated, stopped and failing ones only when problems is set.
func (s *SQL) Deals(ctx context.Context, problems bool, limit int) ([]Overview, error) {
	return s.Page(ctx, Filter{Problems: problems, Limit: limit})
}

// Overview gives one deal; found is false when there is none of that key.
func (s *SQL) Overview(ctx context.Context, key string) (o Overview, found bool, err error) {
	rows, err := view(ctx, s, s.scanOverview, selectOverview+` AND d.deal_key = $2`, key)
	if err != nil || len(rows) == 0 {
		return Overview{}, false, err
	}
	return rows[0], true, nil
}

const selectOverview = `SELECT d.deal_key, d.referral_id, d.engagement_id, d.counterpart_id, d.crm_id, d.origin, d.phase,
	w.state, w.code, w.problem, w.flow, w.attempts, w.due_at, w.lease_until, CASE WHEN w.generation > w.done_generation THEN 1 ELSE 0 END
	FROM deal AS d JOIN work AS w ON w.connector = d.connector AND w.deal_key = d.deal_key WHERE d.connector = $1`

func (s *SQL) scanOverview(scan func(...any) error) (o Overview, err error) {
	var state string
	var due, lease, pending int64
	l := &o.Link
	err = scan(&o.Key, &l.ReferralID, &l.EngagementID, &l.CounterpartID, &l.CRMID, &l.Origin, &l.Phase,
		&state, &o.Code, &o.Error, &o.Flow, &o.Attempts, &due, &lease, &pending)
	switch {
	case state == workParked:
		o.State = StateParked
	case state == workGated:
		o.State = StateGated
	case state == workStopped:
		o.State = StateStopped
	case pending == 0:
		o.State = StateQuiet
	case lease > millis(s.clock()):
		o.State = StateWorking
	default:
		o.State, o.Due = StateWaiting, moment(due)
	}
	return o, err
}

// Held lists what was computed for a deal and not sent, because its flow is off or writes are only shown.
func (s *SQL) Held(ctx context.Context, key string) ([]Intent, error) {
	found, err := view(ctx, s, scanIntent, selectIntent+` AND deal_key = $2 AND state = 'held' ORDER BY intent_id`, key)
	intents := make([]Intent, 0, len(found))
	for _, in := range found {
		intents = append(intents, in.Intent)
	}
	return intents, err
}
