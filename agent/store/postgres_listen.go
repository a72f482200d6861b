package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// wakeChannel carries "owner\nconnector" after a process made deals of a connector due.
	wakeChannel = "cosell_agent"
	// presenceLock is the number of the advisory lock that every agent shares while it works with the database, and that a
	// restore has for itself.
	presenceLock = 0x636f73656c6c
	// listenAgain is the wait before a lost connection is made again.
	listenAgain = time.Second
	// lockNotAvailable is the SQLSTATE of a lock that was waited for too long.
	lockNotAvailable = "55P03"
)

// presence is a connection of its own that shows other processes that this one works with the database, and hears what they make
// due. Announcements go over the pool: they are sent after the commit that they are about, several at once, because a transaction
// that notifies makes all others that do so wait for its commit. One that is lost costs nothing but the second until the next poll.
type presence struct {
	dsn    string
	owner  string
	sleep  func(ctx context.Context, d time.Duration)
	heard  func(connector string) // empty: any connector
	stop   context.CancelFunc
	group  sync.WaitGroup
	signal chan struct{}

	mu      sync.Mutex
	pending map[string]bool // connectors to announce
}

// enter connects and takes the lock: shared for an agent, alone for a restore. It fails with ErrInUse.
func enter(ctx context.Context, dsn string, alone bool) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	lock, busy := "SELECT pg_advisory_lock_shared($1)", "a restore is under way"
	if alone {
		lock, busy = "SELECT pg_advisory_lock($1)", "an agent works with it; stop all replicas first"
	}
	// The server takes a moment to see that a process has gone.
	_, err = conn.Exec(ctx, "SET lock_timeout = '2s'")
	if err == nil {
		_, err = conn.Exec(ctx, lock, presenceLock)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == lockNotAvailable {
		err = fmt.Errorf("%w: %s", ErrInUse, busy)
	}
	if err == nil && !alone {
		_, err = conn.Exec(ctx, "LISTEN "+wakeChannel)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// newPresence begins to listen and to announce. The connection is one that enter gave.
func newPresence(conn *pgx.Conn, o Options, p *postgres, heard func(string)) *presence {
	ctx, stop := context.WithCancel(context.Background())
	s := &presence{
		dsn: o.DSN, owner: o.Owner, sleep: o.Sleep, heard: heard, stop: stop, signal: make(chan struct{}, 1), pending: map[string]bool{},
	}
	s.group.Go(func() { s.listen(ctx, conn) })
	s.group.Go(func() { s.announceAll(ctx, p) })
	return s
}

func (s *presence) close() {
	s.stop()
	s.group.Wait()
}

// listen hears announcements until the context ends, and connects again when the connection is lost. What was announced
// meanwhile is not known, so everybody is woken then.
func (s *presence) listen(ctx context.Context, conn *pgx.Conn) {
	for {
		for conn != nil && ctx.Err() == nil {
			heard, err := conn.WaitForNotification(ctx)
			if err != nil {
				break
			}
			if owner, connector, _ := strings.Cut(heard.Payload, "\n"); owner != s.owner {
				s.heard(connector)
			}
		}
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx)) // it is of no use any more
		}
		if ctx.Err() != nil {
			return
		}
		s.sleep(ctx, listenAgain)
		var err error
		if conn, err = enter(ctx, s.dsn, false); err != nil {
			conn = nil
			continue
		}
		s.heard("")
	}
}

// announce tells other processes, soon, that deals of a connector are due.
func (s *presence) announce(connector string) {
	s.mu.Lock()
	s.pending[connector] = true
	s.mu.Unlock()
	signal(s.signal)
}

func (s *presence) announceAll(ctx context.Context, p *postgres) {
	for {
		select {
		case <-s.signal:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		pending := s.pending
		s.pending = map[string]bool{}
		s.mu.Unlock()
		for connector := range pending {
			// A failure is not worth a word: the others look for themselves every second.
			_, _ = p.db.ExecContext(ctx, "SELECT pg_notify($1, $2)", wakeChannel, s.owner+"\n"+connector)
		}
	}
}
