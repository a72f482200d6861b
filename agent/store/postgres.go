package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// maxTries is how often a transaction is run that the database gives up in favour of another one. Each time at least one
// of the rivals gets through.
const maxTries = 16

// errAgain says that what a transaction read has changed under it: run it again.
var errAgain = errors.New("another transaction was first")

// postgres leaves durability, locking and failover to the server. Leases that a dead process held run out by themselves,
// because other processes may be alive.
type postgres struct {
	db       *sql.DB
	group    *group
	presence *presence // nil: nobody is told and nothing is heard
	entered  *pgx.Conn // of a restore, which has the database for itself
}

func openPostgres(ctx context.Context, o Options, heard func(connector string)) (_ engine, err error) {
	p := &postgres{}
	var conn *pgx.Conn
	if o.Sleep != nil || o.alone {
		if conn, err = enter(ctx, o.DSN, o.alone); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
			}
		}()
	}
	db, err := sql.Open("pgx", o.DSN)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	// Replicas that start together migrate one after the other.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, goose.DialectPostgres, db, goose.WithSessionLocker(locker)); err != nil {
		return nil, err
	}
	p.db, p.group = db, newGroup(p)
	if o.alone {
		p.entered = conn
	} else if conn != nil {
		p.presence = newPresence(conn, o, p, heard)
	}
	return p, nil
}

func (p *postgres) forUpdate() string  { return " FOR UPDATE" }
func (p *postgres) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }

// write implements engine. The server groups the commits of concurrent transactions itself.
func (p *postgres) write(ctx context.Context, op operation) (err error) {
	for range maxTries {
		if err = p.attempt(ctx, op); !lostRace(err) {
			return err
		}
	}
	return fmt.Errorf("gave way to other transactions %d times: %w", maxTries, err)
}

func (p *postgres) attempt(ctx context.Context, op operation) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after the commit
	if err := op(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// lostRace reports a failure that only says that another transaction was first: a deadlock (40P01), a serialization
// failure (40001), or one that we found ourselves.
func lostRace(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40P01" || pg.Code == "40001"
	}
	return errors.Is(err, errAgain)
}

// read implements engine.
func (p *postgres) read(ctx context.Context, op operation) error {
	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return op(ctx, tx)
}

func (p *postgres) direct() runner { return p.db }

// shrink leaves freed space to the server's autovacuum.
func (p *postgres) shrink(context.Context) error { return nil }

// announce implements engine.
func (p *postgres) announce(connector string) {
	if p.presence != nil {
		p.presence.announce(connector)
	}
}

func (p *postgres) close() error {
	if p.presence != nil {
		p.presence.close()
	}
	p.group.close()
	var err error
	if p.entered != nil {
		err = p.entered.Close(context.Background())
	}
	return errors.Join(err, p.db.Close())
}
