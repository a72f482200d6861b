package sim

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// The seeds that failed once. They are played first, for ever.
var failedOnce = map[string][]uint64{document.Salesforce: {14, 107, 150, 163, 1280, 20782}}

// productOf is the CRM of a seed's history: of every three one is of Dynamics 365, unless the flag says otherwise.
func productOf(seed uint64) string {
	switch {
	case *product != "":
		return *product
	case seed%3 == 0:
		return document.Dynamics365
	default:
		return document.Salesforce
	}
}

// usualHistories is how many histories a plain `go test` plays.
const usualHistories = 300

// TestHistories plays short histories, one for each seed: a few deals of all kinds on both sides, people who edit them, faults of
// every kind, kills, and at last a kind world until everything rests. The rules of oracles are checked while it happens and
// when it is over. A history that fails prints what happened, and the command that plays it again.
func TestHistories(t *testing.T) {
	covered := newCoverage()
	run := func(product string, seed uint64) {
		t.Run(fmt.Sprintf("%s/seed %d", product, seed), func(t *testing.T) {
			t.Parallel()
			first := playHistory(t, product, seed)
			covered.add(first)
			if seed >= *firstSeed+*twice {
				return
			}
			second := playHistory(t, product, seed)
			if differs := difference(first.w.traced(), second.w.traced()); differs != "" {
				t.Errorf("seed %d played twice differs: %s", seed, differs)
			}
			if differs := difference(strings.Split(first.ending, "\n"), strings.Split(second.ending, "\n")); differs != "" {
				t.Errorf("seed %d played twice ends differently: %s", seed, differs)
			}
		})
	}
	if *seeds == 0 {
		for product, seeds := range failedOnce {
			for _, seed := range seeds {
				run(product, seed)
			}
		}
	}
	for n := range numberOr(usualHistories) {
		seed := *firstSeed + n
		run(productOf(seed), seed)
	}
	t.Cleanup(func() { // when all are over
		covered.complete(t)
		summary = covered
	})
}

// A kill that takes a row out of the store, as a page that was never written does, is found by I36, before anything else that is wrong.
func TestADamagedStoreIsFound(t *testing.T) {
	for seed := uint64(10); seed <= 100; seed += 10 {
		h := &history{product: document.Salesforce, reached: map[string]bool{}}
		damaged := false
		h.damage = func(file string) {
			kept, err := sql.Open("sqlite", "file:"+file)
			if err != nil {
				t.Fatal(err)
			}
			gone, err := kept.Exec("DELETE FROM work WHERE rowid = (SELECT MIN(rowid) FROM work)")
			if err = errors.Join(err, kept.Close()); err != nil {
				t.Fatal(err)
			}
			rows, err := gone.RowsAffected()
			damaged = damaged || err == nil && rows > 0
		}
		directory := t.TempDir()
		inWorld(t, seed, sandbox.Options{}, func(w *world) {
			h.w, h.rand = w, rand.New(rand.NewPCG(seed, 1))
			h.live(directory)
		})
		if !damaged {
			continue // nothing killed the process
		}
		if len(h.violations) == 0 || !strings.HasPrefix(h.violations[0], "I36 broken") {
			t.Errorf("seed %d: of the damage the history says %q", seed, h.violations)
		}
		return
	}
	t.Error("no history had a kill")
}

// history is one seed's story.
type history struct {
	w     *world
	o     organisation
	words vocabulary // of its CRM
	a     *agent
	rand  *rand.Rand // of the plot
	logs  bytes.Buffer

	product string            // the CRM
	pushed  bool              // change events are subscribed to, and polls are rare
	file    string            // of the store; "": it is in memory
	damage  func(file string) // what a kill does to the store beside

	mu           sync.Mutex // of what follows
	deals        []*played
	reached      map[string]bool
	struck       []string // kills, and what happened to the CRM alone
	violations   []string
	notes        []note // for the timeline
	quietFlows   []span // in which no flow to Partner Center is on
	closeDown    chan struct{}
	begun        time.Time // when the organisation was ready
	calm         time.Time // when the last trouble and the last edit were over
	settledAfter time.Duration
	ending       string
}

type note struct {
	at   time.Time
	text string
}

type span struct{ from, to time.Time }

// within tells whether a moment is in the span, or the span has begun and not ended.
func (s span) within(t time.Time) bool {
	return !s.from.IsZero() && !t.Before(s.from) && (s.to.IsZero() || t.Before(s.to))
}

// Phases of a history, from its begin: people edit and trouble happens, then the world is kind.
const (
	busyTime     = 90 * time.Minute
	troubledTime = 110 * time.Minute
	// settling is how long the agent may take until all deals are equal: the longest back-off, and a sweep for what no
	// webhook announced.
	settling  = 35 * time.Minute
	lingering = 30 * time.Minute // for what is undone again later
)

// playHistory plays one seed and checks it.
func playHistory(t *testing.T, product string, seed uint64) *history {
	t.Helper()
	h := &history{product: product, reached: map[string]bool{}}
	directory := t.TempDir()
	return play(t, h, seed, directory)
}

// play plays a seed into a history.
func play(t *testing.T, h *history, seed uint64, directory string) *history {
	t.Helper()
	options := sandbox.Options{Switches: map[string]string{}}
	plot := rand.New(rand.NewPCG(seed, 1))
	if plot.IntN(2) == 0 {
		options.Switches["partner_center.list_lag"] = "30s"
	}
	inWorld(t, seed, holding(h.product, options), func(w *world) {
		h.w, h.rand = w, plot
		h.live(directory)
		if len(h.violations) > 0 {
			slices.Sort(h.violations)
			t.Errorf("%s\n%s\nPlay it again: go test ./agent/sim -run TestHistories -seeds 1 -crm %s -seed %d",
				strings.Join(slices.Compact(h.violations), "\n"), h.timeline(), h.product, seed)
		}
	})
	return h
}

func (h *history) live(directory string) {
	w := h.w
	h.o = w.organisationOf(h.product)
	h.words = h.o.crm.vocabulary()
	w.provision(h.o)
	w.logs = &h.logs
	w.tape = &tape{now: w.now, watch: h.watch}
	kept := inMemory()
	if w.seed%10 == 0 {
		kept, h.file = inSQLite(directory), filepath.Join(directory, "production.db")
	}
	document := w.document(h.o, "production")
	document.Schedule.Poll, document.Schedule.Sweep = "5m", "15m"
	if h.pushed {
		w.selects(h.o)
		document.CRM.Salesforce.Push = w.pushed(h.o, "20m")
	}
	h.begun = w.now()
	h.a = w.newAgent(h.o, document, kept)
	h.a.together = true
	h.a.receiving()
	h.a.start()
	time.Sleep(time.Minute)
	h.closeDown = make(chan struct{})
	begun := w.now()
	var busy sync.WaitGroup
	h.cast(&busy)
	busy.Go(h.makeTrouble)
	busy.Go(h.kills)
	busy.Go(h.reloads)
	busy.Go(h.troubleOfItsOwn)
	busy.Go(h.wrongClock)
	time.Sleep(troubledTime)
	close(h.closeDown)
	busy.Wait()
	w.trouble(lab.FaultPlan{}, noDeliveryTrouble)
	h.lastWords()
	h.calm = w.now()
	h.note("the world is kind from now on, %v after the begin", h.calm.Sub(begun).Round(time.Second))
	h.settle()
	time.Sleep(lingering)
	h.atRest()
	h.quiet()
	h.ending = h.state()
	h.a.stop()
	h.whole()
	h.afterwards()
}

// whole checks the file of the store while no process works with it.
func (h *history) whole() {
	if h.file == "" {
		return
	}
	h.reach("I36")
	kept, err := store.Inspect(context.Background(), store.Options{DSN: "sqlite:" + h.file, Clock: h.w.now})
	if err != nil {
		h.broken("I36", "the store cannot be read: %v", err)
		return
	}
	findings, err := kept.Check(context.Background(), func(string) {})
	for _, f := range findings {
		h.broken("I36", "%s: %v", f.What, f.Examples)
	}
	if err := errors.Join(err, kept.Close()); err != nil {
		h.broken("I36", "the store cannot be checked: %v", err)
	}
}

// settle waits until every deal is as it should be.
func (h *history) settle() {
	var wrong []string
	for end := h.calm.Add(settling); h.w.now().Before(end); time.Sleep(30 * time.Second) {
		if wrong = h.unsettled(); len(wrong) == 0 {
			h.settledAfter = h.w.now().Sub(h.calm)
			h.reach("I9")
			return
		}
	}
	h.broken("I9", "%v after the last trouble there is still to do: %s", settling, strings.Join(wrong, "; "))
}

// quiet lets nothing happen for a while, in some histories for a day.
func (h *history) quiet() {
	since, long := h.w.mark(), lingering
	if h.w.seed%25 == 0 {
		long = day
	}
	time.Sleep(long)
	h.reach("I8")
	isAgents := agentOf(h.o)
	for _, op := range h.w.operations(since, func(op lab.Operation) bool { return isAgents(op) && op.IsWrite() }) {
		h.broken("I8", "nobody does anything, and the agent writes %+v", op)
	}
}

// broken notes that a rule does not hold.
func (h *history) broken(rule, format string, values ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, fmt.Sprintf("%s broken (%s): %s", rule, says(rule), fmt.Sprintf(format, values...)))
}

// reach notes that a rule was put to the test.
func (h *history) reach(rule string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reached[rule] = true
}

func (h *history) note(format string, values ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, note{h.w.now(), fmt.Sprintf(format, values...)})
}

// timeline tells what happened, except for readings: acts of people with what they said, writes, faults, webhooks.
func (h *history) timeline() string {
	lines := slices.Clone(h.notes)
	for _, op := range h.w.operations(0, func(op lab.Operation) bool {
		return op.Fault != "" || op.Status >= 400 || op.Action == "webhook" || op.IsWrite() && op.At.After(h.begun)
	}) {
		lines = append(lines, note{op.At, fmt.Sprintf("%-14s %s %s %s %s %v %s %s", op.Service, op.Actor, op.Action, op.Object, op.ID, op.Fields, statusText(op.Status), op.Fault)})
	}
	slices.SortStableFunc(lines, func(a, b note) int { return a.at.Compare(b.at) })
	if len(lines) == 0 {
		return ""
	}
	var told strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&told, "%14s %s\n", line.at.Sub(lines[0].at).Round(time.Millisecond), line.text)
	}
	for _, p := range h.deals {
		if row, found := p.row(); found {
			fmt.Fprintf(&told, "deal %d (%s) was told:\n%s\n", p.number, p.kind, row.audit)
		}
	}
	return told.String()
}

func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprint(status)
}

// state is everything that the histories' deals consist of in the end.
func (h *history) state() string {
	var all strings.Builder
	all.WriteString(h.o.crm.state())
	for _, r := range h.w.sandbox.PartnerCenter().All() {
		fmt.Fprintf(&all, "referral %s %s %s %s/%s %v %v\n", r.ID, r.ETag, r.Name, r.Status, r.Substatus, r.Details.DealValue, r.Consent)
	}
	stats, err := h.a.life.store.Stats(context.Background())
	fmt.Fprintln(&all, stats, err)
	return all.String()
}
