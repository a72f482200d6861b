package store

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// replicaOf opens the store of a connector as an agent of its own does.
func replicaOf(t *testing.T, connector, owner string) *SQL {
	t.Helper()
	s, err := Open(t.Context(), Options{
		DSN: postgresDSN(t), Connector: connector, Clock: time.Now, Owner: owner, Sleep: func(context.Context, time.Duration) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// awake waits for a store to be woken; only a broken wake runs into the deadline.
func awake(t *testing.T, s *SQL) {
	t.Helper()
	select {
	case <-s.Wake():
	case <-time.After(time.Minute):
		t.Fatalf("%s was not woken", s.owner)
	}
}

// An event that one replica acknowledges wakes the others of its connector and nobody else's, also after their connections were
// cut and made again.
func TestReplicasWakeEachOther(t *testing.T) {
	connector := fmt.Sprintf("replicas-%d", connectors.Add(1))
	one, two := replicaOf(t, connector, "one"), replicaOf(t, connector, "two")
	defer one.Close()
	defer two.Close()
	stranger := two.Connector(connector + "-other")
	f := fixture{T: t, Store: one}
	f.event("e1", "pc:1")
	awake(t, two)
	claims, err := two.Claim(t.Context(), 1, leaseTime)
	f.ok(err)
	equal(f, "claimed by the other", len(claims), 1)
	select {
	case <-stranger.Wake():
		t.Error("another connector's store was woken")
	default:
	}

	// Every listener is cut off; each comes back by itself, and looks whether it missed something.
	_, err = number(t.Context(), one.direct(), `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`)
	f.ok(err)
	awake(t, two)
	awake(t, stranger)
	f.event("e2", "pc:2")
	awake(t, two)
}
