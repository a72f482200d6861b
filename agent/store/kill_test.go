package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// killChildEnv names the database file in the environment of a child that is going to be killed.
const killChildEnv = "COSELL_STORE_KILL_CHILD"

// killChild stores events and claims and settles deals until it is killed. It prints the id of each event once Enqueue
// has returned, unbuffered: what is printed has been acknowledged.
func killChild(path string) {
	ctx := context.Background()
	s, err := Open(ctx, Options{DSN: "sqlite:" + path, Connector: "test", Clock: time.Now, Owner: "child"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var senders sync.WaitGroup
	for sender := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), sender, i)
				if err := s.Enqueue(ctx, []Event{{ID: id, Key: fmt.Sprintf("pc:%d", i%10), Body: []byte("{}")}}, nil); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(id)
			}
		})
	}
	senders.Go(func() {
		for {
			claims, err := s.Claim(ctx, 5, time.Minute)
			for _, c := range claims {
				if err == nil {
					err = s.Settle(ctx, c, Done{})
				}
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	})
	senders.Wait()
}

func TestKilledProcessLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := map[string]bool{}
	for round := range 12 {
		before := len(acknowledged)
		runAndKill(t, path, 20+137*round%400, acknowledged)
		if len(acknowledged) == before {
			t.Fatalf("round %d acknowledged nothing", round)
		}
	}

	s := openFile(t, path, time.Now)
	defer s.Close()
	stored := map[string]bool{}
	for _, id := range rawStrings(t, s, `SELECT event_id FROM inbox WHERE connector = $1`) {
		stored[id] = true
	}
	for id := range acknowledged {
		if !stored[id] {
			t.Errorf("event %s was acknowledged and is lost", id)
		}
	}
	if got := rawStrings(t, s, `PRAGMA integrity_check`); len(got) != 1 || got[0] != "ok" {
		t.Errorf("integrity: %v", got)
	}
	wrong := rawStrings(t, s, `SELECT deal_key FROM work WHERE connector = $1 AND generation <>
		(SELECT COUNT(*) FROM inbox WHERE inbox.connector = $1 AND external_key = work.deal_key)`)
	if len(wrong) > 0 {
		t.Errorf("these deals were not raised once per event: %v", wrong)
	}
	t.Logf("%d events acknowledged, %d stored", len(acknowledged), len(stored))
}

// runAndKill starts a child and kills it after it has acknowledged some events.
func runAndKill(t *testing.T, path string, events int, acknowledged map[string]bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), killChildEnv+"="+path)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for n := 0; lines.Scan(); n++ {
		acknowledged[lines.Text()] = true
		if n == events {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Success() {
		t.Fatal("the child ended before it was killed")
	}
}

// rawStrings reads a column past the store's own methods.
func rawStrings(t *testing.T, s *SQL, text string) []string {
	t.Helper()
	var out []string
	err := s.view(t.Context(), func(tx tx) (err error) {
		var args []any
		if text[0] == 'S' {
			args = append(args, s.connector)
		}
		rows, err := tx.run.QueryContext(tx.ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				return err
			}
			out = append(out, v)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
