//go:build unix

package e2e_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	_ "modernc.org/sqlite"             // registers the driver "sqlite"

	"github.com/cosell-sync/terraform-provider-cosell/internal/postgrestest"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

var (
	crashKills = flag.Int("crash-kills", 6, "times that an agent is killed, for each store")
	crashSeed  = flag.Uint64("crash-seed", 1, "chooses the moments and the victims")
)

// crash is one run of the harness: a store, the agents that share it, and what people have done so far.
type crash struct {
	*bed
	engine string
	store  string // address
	gate   *gate
	agents []*replica
	random *rand.Rand

	shared, received, names []string
	notes                   map[string]string // that the last edit of a deal left
	edits, kills, pauses    int
	held                    int // kills and pauses in the middle of a write
}

// replica is one agent process in all its lives.
type replica struct {
	address string
	process *exec.Cmd
}

// Agents are killed at any moment of their life, start included, while deals of all kinds begin and are edited on both sides,
// one request in fifty fails and webhooks repeat. With PostgreSQL there are two of them, and every eighth time one is not
// killed but paused for longer than its lease. No event that was acknowledged is missing in the store afterwards, nothing
// exists twice, no edit is lost, and both sides are equal.
func TestCrashes(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		b := newBed(t, nil)
		newCrash(b, "sqlite", "sqlite:"+b.databaseFile(), 1).run()
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if !postgrestest.Available() {
			if os.Getenv("COSELL_REQUIRE_ALL") == "1" {
				t.Fatal(postgrestest.Missing)
			}
			t.Skip(postgrestest.Missing)
		}
		server, err := postgrestest.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		})
		newCrash(newBed(t, nil), "postgres", server.URL("postgres"), 2).run()
	})
}

func newCrash(b *bed, engine, store string, agents int) *crash {
	c := &crash{bed: b, engine: engine, store: store, notes: map[string]string{}, random: rand.New(rand.NewPCG(*crashSeed, uint64(agents)))}
	var backends []string
	for range agents {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.t.Fatal(err)
		}
		backends = append(backends, listener.Addr().String())
		if err := listener.Close(); err != nil {
			b.t.Fatal(err)
		}
		c.agents = append(c.agents, &replica{address: backends[len(backends)-1]})
	}
	c.gate = openGate(b.t, b.address, backends)
	b.t.Cleanup(c.endAll)
	return c
}

// What goes wrong beside the kills: one request in fifty fails in some way, webhooks repeat and overtake each other.
var (
	requestTrouble = lab.FaultPlan{Rate: 0.02, Seed: 3, Latency: 5 * time.Millisecond}
	webhookTrouble = partnercenter.DeliveryPlan{Duplicate: 0.1, Reorder: 0.1, Seed: 4}
)

// crashLease is short, so that what a dead or paused agent held is taken over quickly.
const crashLease = 3 * time.Second

func (c *crash) launch(r *replica) {
	c.t.Helper()
	r.process = exec.Command(filepath.Join(build(c.t), "cosell-agent"), "run", "--config", c.documentFile(), "--store", c.store, "--listen", r.address,
		"--call-timeout", "1s", "--lease", crashLease.String(), "--list-lag", "300ms", "--log-level", "debug", "--workers", "16")
	r.process.Env, r.process.Stderr, r.process.Stdout = c.env, c.log, c.log
	if err := r.process.Start(); err != nil {
		c.t.Fatal(err)
	}
}

func (r *replica) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := r.process.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// endAll makes sure that no agent outlives the test.
func (c *crash) endAll() {
	for _, r := range c.agents {
		if r.process != nil && r.process.ProcessState == nil {
			_ = r.process.Process.Kill()
			_ = r.process.Wait()
		}
	}
	if c.t.Failed() {
		c.t.Logf("the agents' log ends:\n%s", c.tail())
	}
}

func (c *crash) run() {
	c.t.Helper()
	if err := c.sandbox.PartnerCenter().SetDeliveryPlan(webhookTrouble); err != nil {
		c.t.Fatal(err)
	}
	c.trouble(requestTrouble)
	started := time.Now()
	for _, r := range c.agents {
		c.launch(r)
	}
	for round := range *crashKills {
		victim := c.agents[c.random.IntN(len(c.agents))]
		if len(c.agents) > 1 && round%8 == 3 {
			c.pause(victim)
		}
		c.await(round)
		c.killOne(victim)
		c.sandbox.Kit().Trap.Release()
		c.launch(victim)
	}
	c.until("all deals to be equal after the kills", func() []string { return append(c.unequal(c.names), c.lostEdits()...) })
	c.rest()
	c.stopAll()
	c.conclude(time.Since(started))
}

// people lets deals begin on both sides and others be edited.
func (c *crash) people() {
	c.t.Helper()
	round := len(c.shared)
	shared, received := sellersDeal(round), receivedDeal(round)
	c.shared = append(c.shared, c.sellerSharesKind(shared, round, round%3))
	c.received = append(c.received, c.arrives(received, round, round%3))
	c.names = append(c.names, shared, received)
	c.notes[shared], c.notes[received] = "notes of "+shared, "notes of "+received
	for range min(round, 3) {
		c.edits++
		i, notes := c.random.IntN(round), fmt.Sprintf("edit %d", c.edits)
		if c.edits%2 == 0 {
			c.act("edit_opportunity", map[string]string{"id": c.shared[i], "description": notes})
			c.notes[sellersDeal(i)] = notes
		} else {
			c.act("edit_referral", map[string]string{"id": c.received[i], "notes": notes, "by": "portal_user"})
			c.notes[receivedDeal(i)] = notes
		}
	}
}

// await lets people act and waits for the moment of a kill: a write that is about to be applied, one that was applied and not
// answered, an event that was just acknowledged, or any moment.
func (c *crash) await(round int) {
	c.t.Helper()
	switch round % 4 {
	case 0, 1:
		c.reachWrite(1+c.random.IntN(5), []string{"before", "after"}[round%2])
	case 2:
		answers, changed := c.gate.progress()
		c.people()
		for want := answers + 1 + c.random.IntN(3); answers < want; answers, changed = c.gate.progress() {
			select {
			case <-changed:
			case <-time.After(crashQuiet):
				return
			}
		}
	default:
		c.people()
		<-time.After(time.Duration(c.random.Int64N(int64(700 * time.Millisecond))))
	}
}

// crashQuiet ends the wait for a moment that does not come, because fewer writes or events than usual were needed.
const crashQuiet = 5 * time.Second

// reachWrite lets people act and waits for the agents' n-th write after that.
func (c *crash) reachWrite(n int, when string) {
	c.t.Helper()
	trap := c.sandbox.Kit().Trap
	if err := trap.Arm(n, when); err != nil {
		c.t.Fatal(err)
	}
	c.people()
	select {
	case <-trap.Hit():
		c.held++
	case <-time.After(crashQuiet):
	}
}

func (c *crash) killOne(r *replica) {
	c.t.Helper()
	r.signal(c.t, syscall.SIGKILL)
	var ended *exec.ExitError
	if err := r.process.Wait(); !errors.As(err, &ended) || ended.Exited() {
		c.t.Fatalf("the agent ended before it was killed: %v\n%s", err, c.tail())
	}
	c.kills++
}

// pause stops an agent for longer than its lease, at a write that was applied and not answered, and lets it go on with what it
// believes is still its own.
func (c *crash) pause(r *replica) {
	c.t.Helper()
	c.reachWrite(1, "after")
	r.signal(c.t, syscall.SIGSTOP)
	c.sandbox.Kit().Trap.Release()
	<-time.After(crashLease + time.Second)
	r.signal(c.t, syscall.SIGCONT)
	c.pauses++
}

func (c *crash) stopAll() {
	c.t.Helper()
	for _, r := range c.agents {
		r.signal(c.t, syscall.SIGTERM)
		if err := r.process.Wait(); err != nil {
			c.t.Fatalf("the agent did not stop in an orderly way: %v\n%s", err, c.tail())
		}
	}
}

// lostEdits names the deals whose last edit is not on both sides.
func (c *crash) lostEdits() []string {
	var lost []string
	opportunities, referrals := c.opportunities(), c.referrals()
	for _, name := range slices.Sorted(maps.Keys(c.notes)) {
		if len(opportunities[name]) != 1 || len(referrals[name]) != 1 {
			continue // counted as a duplicate or as missing
		}
		left, right := text(opportunities[name][0]["Description"]), text(at(referrals[name][0], "details", "notes"))
		if want := c.notes[name]; left != want || right != want {
			lost = append(lost, fmt.Sprintf("%s: the last edit %q, Salesforce has %q, Partner Center %q", name, want, left, right))
		}
	}
	return lost
}

// conclude compares what the agents acknowledged and made with what is there, and prints the figures.
func (c *crash) conclude(took time.Duration) {
	c.t.Helper()
	stored := map[string]bool{}
	for _, id := range c.column(`SELECT event_id FROM inbox`) {
		stored[id] = true
	}
	var lost []string
	for id := range c.gate.acknowledged {
		if !stored[id] {
			lost = append(lost, id)
		}
	}
	duplicates, lostEdits, unequal := c.duplicates(), c.lostEdits(), c.unequal(c.names)
	c.t.Logf("\n%-9s %6s %9s %7s %7s %7s %13s %6s %11s %11s %8s %9s\n%-9s %6d %9d %7d %7d %7d %13d %6d %11d %11d %8d %9s",
		"store", "kills", "in write", "pauses", "deals", "edits", "acknowledged", "lost", "duplicates", "lost edits", "unequal", "took",
		c.engine, c.kills, c.held, c.pauses, len(c.names), c.edits, len(c.gate.acknowledged), len(lost), len(duplicates), len(lostEdits), len(unequal),
		took.Round(time.Second))
	for what, faults := range map[string][]string{"acknowledged and lost": lost, "exists twice": duplicates, "edit lost": lostEdits, "not equal": unequal} {
		for _, fault := range faults {
			c.t.Errorf("%s: %s", what, fault)
		}
	}
	if len(c.gate.acknowledged) == 0 {
		c.t.Error("no event was acknowledged, so nothing was shown")
	}
	if c.engine == "sqlite" {
		if got := c.column(`PRAGMA integrity_check`); len(got) != 1 || got[0] != "ok" {
			c.t.Errorf("the file is damaged: %v", got)
		}
	}
}

// duplicates names what exists more often than once: records of one deal on either side, Microsoft's referrals of one
// engagement, accounts of one customer, contacts of one address.
func (c *crash) duplicates() []string {
	counts := map[string]int{}
	for name, rows := range c.opportunities() {
		counts["opportunity "+name] += len(rows)
	}
	for name, rows := range c.referrals() {
		counts["referral "+name] += len(rows)
	}
	for _, r := range c.sandbox.PartnerCenter().All() {
		if len(r.Target) == 1 && r.Target[0].ID == "msft" {
			counts["Microsoft's referral of engagement "+r.EngagementID]++
		}
	}
	salesforce := c.sandbox.Salesforce()
	for _, row := range salesforce.Rows("Account") {
		counts["account "+text(row["Name"])]++
	}
	for _, row := range salesforce.Rows("Contact") {
		if email := text(row["Email"]); email != customerContact["contact_email"] { // which sellers enter with every co-sell deal
			counts["contact "+email]++
		}
	}
	for _, row := range salesforce.Rows("Microsoft_Solution__c") {
		counts["solution "+text(row["Solution_Identifier__c"])+" of "+text(row["Opportunity__c"])]++
	}
	var twice []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		if counts[what] > 1 {
			twice = append(twice, fmt.Sprintf("%s: %d times", what, counts[what]))
		}
	}
	return twice
}

// column reads one column of the store, which no agent uses any more, past the agent's own code.
func (c *crash) column(query string) []string {
	c.t.Helper()
	driver, address := "pgx", c.store
	if file, ok := strings.CutPrefix(c.store, "sqlite:"); ok {
		driver, address = "sqlite", file
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			c.t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return values
}
