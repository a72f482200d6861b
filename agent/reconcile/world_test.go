package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// The core simulator: the real engine and the store's in-memory twin in a seeded, single-threaded world. Workers and watchers
// are coroutines that yield around every remote call and every transaction; the scheduler picks who goes on, moves the clock,
// and may kill the whole agent at any yield. The same seed gives the same history.
//
// What is where: the world and its scheduler here; both remote systems in twins_test.go; sellers, Microsoft and other people in
// people_test.go; leads in leads_twin_test.go; what goes wrong in faults_test.go; what must hold in oracles_test.go; planted bugs in mutants_test.go.

const (
	simLease  = 60 * time.Second
	simSettle = 20 * time.Second
	// crmPoll and centerSweep are how often the feeds are read.
	crmPoll     = 3 * time.Second
	centerSweep = time.Minute
	// longestSend is how long a request may take from the reading that it builds on to its arrival.
	longestSend = 4 * time.Second
)

type world struct {
	seed    uint64
	name    string // of the scenario, for the command that replays it
	random  *rand.Rand
	trouble trouble
	crm     *product
	log     hclog.Logger
	plan    mapping.Plan
	blocked map[reconcile.Effect]string
	refuses bool    // Partner Center refuses every new referral, each time in other words
	script  *script // replaces chance in the systematic mode
	dealing [faults]int
	struck  []dealt        // what chance dealt, and struck
	only    map[dealt]bool // what may strike of it; nil: all
	mutant  *mutant        // a bug that was planted

	start, now time.Time
	born       time.Time // when the store was lost and begun anew; zero: it never was
	losing     bool      // the next kill loses the store too
	kindSince  time.Time // when people and faults had come to their end
	store      *store.Memory
	agents     []*agent
	running    *coroutine
	ready      []*coroutine
	later      []timed
	inflight   []*flight // requests on their way, which may arrive even if the agent is killed
	killAt     *agent    // to be killed at the next step
	nextDue    time.Time
	anyDue     bool
	dueKnown   bool

	leads     map[string]*crmLead
	leadIDs   []string // in order of creation
	records   map[string]*record
	referrals map[string]*remoteReferral
	accounts  []match.Account
	recordIDs []string // in order of creation, which is the order of the ids
	serial    int
	changes   int // of anything that a feed would show
	changed   time.Time

	journal []operation
	ledger  ledger
	writes  int
	// lastWrite is when the agent last wrote.
	lastWrite time.Time
	crashes   int
	calls     int // requests about single deals
	effects   int
	spent     bool // the agent never comes to rest: the history is over
}

type timed struct {
	at time.Time
	do func()
}

type flight struct {
	c     *coroutine
	call  call
	apply func() error
}

// operation is one entry of the world's journal, which is only ever added to.
type operation struct {
	at                    time.Time
	who, what, on, detail string
	fault                 fault
	err                   error
}

// agent is one process. Two of them share a store as two replicas share PostgreSQL.
type agent struct {
	name       string
	engine     *reconcile.Engine
	queue      store.Queue
	crew       []*coroutine
	skew       time.Duration        // of its clock
	apart      [sides]time.Duration // the same, as far as the process knows by the remote systems' last answers
	rightSince time.Time            // when its clock was last put right
	blocked    map[reconcile.Effect]string
	plan       mapping.Plan
	document   string // what identifies the content of its document
	reload     bool   // a new document waits until the deals under way have come to an end
	epoch      int    // how many documents were loaded
}

// errKilled unwinds a coroutine whose agent was killed.
var errKilled = errors.New("killed")

// coroutine is one worker or watcher of an agent.
type coroutine struct {
	w       *world
	agent   *agent
	name    string
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	wake    time.Time // not before
	idle    bool      // a worker that waits for a deal to become due
	watcher bool
	clean   int // how many changes there were when a watcher last saw all of them; -1: never
	dead    bool

	busy      bool // a run is under way
	wrote     bool // and has written
	claim     store.Claim
	began     time.Time
	claimedAt int // as a count of operations
	epoch     int
	expired   bool      // the last answer of the run was that a token had run out, or
	refused   bool      // a refusal
	asked     time.Time // the remote system wants to be left alone until then, by the agent's clock
	knows     knowledge
}

// step lets others go on.
func (c *coroutine) step() {
	if !c.yield(struct{}{}) {
		panic(errKilled)
	}
}

// sleep lets others go on for a while.
func (c *coroutine) sleep(d time.Duration) {
	c.wake = c.w.now.Add(d)
	c.step()
}

func (w *world) spawn(a *agent, name string, body func(c *coroutine)) *coroutine {
	c := &coroutine{w: w, agent: a, name: a.name + " " + name, clean: -1}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		defer func() {
			if r := recover(); r != nil && r != any(errKilled) {
				panic(r)
			}
		}()
		body(c)
	})
	a.crew = append(a.crew, c)
	return c
}

func newWorld(seed uint64, t trouble) *world { return newWorldOf(salesforce, seed, t, nil) }

// newWorldOf begins a history with a CRM and, if any, a planted bug.
func newWorldOf(of *product, seed uint64, t trouble, m *mutant) *world {
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	w := &world{
		seed: seed, random: rand.New(rand.NewPCG(seed, 7)), crm: of, plan: of.plan(), mutant: m,
		start: start, now: start, records: map[string]*record{}, leads: map[string]*crmLead{}, referrals: map[string]*remoteReferral{},
	}
	w.log = hclog.New(&hclog.LoggerOptions{Output: listener{w}, Level: hclog.Trace, DisableTime: true})
	w.trouble = t.drawn(w.random)
	w.plan.Marks = w.trouble.marks
	w.ledger.init()
	w.store = store.NewMemory("sim", func() time.Time { return w.agentNow() })
	for i := range 1 + w.trouble.replicas {
		a := &agent{name: string(rune('A' + i)), blocked: w.blocked, plan: w.plan}
		w.agents = append(w.agents, a)
		w.boot(a)
	}
	return w
}

// agentNow is the time by the clock of the agent whose turn it is.
func (w *world) agentNow() time.Time {
	if w.running == nil {
		return w.now
	}
	return w.now.Add(w.running.agent.skew)
}

// boot starts an agent: two workers and the watchers.
func (w *world) boot(a *agent) {
	a.crew = nil
	w.load(a)
	for i := range 2 {
		w.spawn(a, fmt.Sprint("worker ", i+1), w.work)
	}
	w.watch(a, "poll", crmPoll, w.poll)
	w.watch(a, "sweep", centerSweep, w.sweep)
	if w.keepsLeads() {
		w.watch(a, "leads", crmPoll, w.pollLeads)
	}
}

// document identifies the content of the document in force.
func (w *world) document() string { return fmt.Sprint(w.blocked, " ", len(w.plan.Rows)) }

// load makes the agent's engine by the document in force.
func (w *world) load(a *agent) {
	a.blocked, a.plan, a.document = w.blocked, w.plan, w.document()
	a.reload = false
	a.epoch++
	a.queue = &simQueue{Queue: w.store, w: w}
	options := reconcile.Options{
		Store: &simStore{Deals: w.store, w: w}, CRM: w.crm.twin(w), PartnerCenter: &simCenter{w},
		Settings: reconcile.Settings{
			Plan: a.plan, Blocked: a.blocked, MarketplaceIntent: "HaveNotDecided", MatchPostalCode: true, CreateAccounts: true, Settle: simSettle,
			Lease: simLease, Delay: 2 * time.Second, Document: a.document,
		},
		Now: w.agentNow, Jitter: w.random.Float64, RetryAfter: retryAfter, Born: w.born, Log: w.log,
	}
	if w.keepsLeads() {
		options.Leads, options.Settings.Leads = &simLeads{w}, true
	}
	if m := w.mutant; m != nil && m.options != nil {
		m.options(w, &options)
	}
	if m := w.mutant; m != nil && m.queue != nil {
		a.queue = m.queue(w, a.queue)
	}
	a.engine = reconcile.New(options)
}

// work is a worker's life. A new document takes effect when the deals under way have come to an end.
func (w *world) work(c *coroutine) {
	lease := simLease
	if w.mutant != nil && w.mutant.lease != 0 {
		lease = w.mutant.lease
	}
	for {
		if c.agent.reload {
			if !slices.ContainsFunc(c.agent.crew, func(other *coroutine) bool { return other.busy }) {
				w.load(c.agent)
				_ = w.store.Reconsider(context.Background(), c.agent.document)
				w.dueKnown = false
			}
			c.sleep(50 * time.Millisecond)
			continue
		}
		claims, err := c.agent.queue.Claim(context.Background(), 1, lease)
		if err != nil {
			panic(err)
		}
		if len(claims) == 0 {
			c.idle = true
			c.step()
			continue
		}
		w.begin(c, claims[0])
		outcome := c.agent.engine.Reconcile(context.Background(), claims[0])
		if outcome != nil {
			_ = c.agent.queue.Settle(context.Background(), claims[0], outcome)
		}
		c.busy = false
		c.step()
	}
}

func (w *world) begin(c *coroutine, claim store.Claim) {
	c.busy, c.claim, c.began, c.epoch, c.asked = true, claim, w.now, c.agent.epoch, time.Time{}
	c.wrote, c.claimedAt = false, w.effects
	c.expired, c.refused = false, false
	c.knows = knowledge{map[string]time.Time{}, map[string]map[string]any{}, map[string]string{}, map[string]map[string]any{}}
	w.happens(event{what: claimed, c: c, on: claim.Key})
}

// watch is a watcher's life: in one process at a time, like the agent's own. It is clean when it has seen all there is.
func (w *world) watch(a *agent, name string, interval time.Duration, pass func() error) {
	c := w.spawn(a, name, func(c *coroutine) {
		for {
			changes, began := w.changes, w.now
			lease, got, err := w.store.Acquire(context.Background(), name, simLease)
			if err == nil && got {
				err = pass()
				_ = w.store.Release(context.Background(), lease)
				if err == nil && changes == w.changes && began.Sub(w.changed) > 4*time.Second+w.trouble.listLag {
					c.clean = changes
				}
			}
			c.sleep(interval + time.Duration(w.random.IntN(500))*time.Millisecond)
		}
	})
	c.watcher = true
}

// touched notes that something changed that a feed shows.
func (w *world) touched() { w.changes, w.changed = w.changes+1, w.now }

// kill ends an agent at once and starts it again, mostly soon. Requests on their way may still arrive.
func (w *world) kill(a *agent) {
	w.crashes++
	w.note("world", "kill", a.name, "", nil)
	w.ledger.killed(w, a)
	if w.losing {
		w.losing = false
		w.beginStore()
	}
	flying := w.inflight
	w.inflight = nil
	for _, c := range a.crew {
		c.dead = true
		c.stop()
	}
	for _, request := range flying {
		if request.c.agent != a {
			w.inflight = append(w.inflight, request)
		} else if w.random.IntN(2) == 0 {
			w.after(time.Duration(w.random.IntN(1500))*time.Millisecond, func() { w.arrive(request) })
		}
	}
	a.crew, a.apart = nil, [sides]time.Duration{}
	down := time.Duration(0)
	if w.trouble.outages && w.random.IntN(8) == 0 && w.deals(outage) {
		down = time.Duration(w.random.IntN(15)) * time.Minute
		w.cover(outage, "agent")
	}
	w.after(down, func() { w.restart(a) })
}

func (w *world) restart(a *agent) {
	if len(w.agents) == 1 {
		w.store.Reopen() // on PostgreSQL, the leases of a dead process run out
	}
	w.boot(a)
	_ = w.store.Reconsider(context.Background(), a.document) // as the agent does whenever it begins with a document
	w.dueKnown = false
}

// arrive lets a request arrive whose sender no longer listens.
func (w *world) arrive(request *flight) {
	w.note("network", "late arrival", request.call.on, "", request.apply())
}

func (w *world) after(d time.Duration, do func()) {
	due := timed{w.now.Add(d), do}
	i := sort.Search(len(w.later), func(i int) bool { return w.later[i].at.After(due.at) })
	w.later = slices.Insert(w.later, i, due)
}

// end ends a history: nobody in it goes on, so that its memory can be used again.
func (w *world) end() {
	w.running = nil
	for _, a := range w.agents {
		for _, c := range a.crew {
			c.dead = true
			c.stop()
		}
		a.crew = nil
	}
	w.later, w.inflight = nil, nil
}

// tick moves the world by one step, but not beyond a time.
func (w *world) tick(until time.Time) {
	if w.spent {
		w.now = until
		return
	}
	for len(w.later) > 0 && !w.later[0].at.After(w.now) {
		due := w.later[0]
		w.later = w.later[1:]
		w.running = nil
		due.do()
	}
	w.ready = w.ready[:0]
	next := until
	for _, a := range w.agents {
		for _, c := range a.crew {
			at := w.wakes(c)
			if !at.After(w.now) {
				w.ready = append(w.ready, c)
			} else if at.Before(next) && !(c.watcher && c.clean == w.changes) {
				next = at
			}
		}
	}
	if len(w.ready) == 0 {
		if len(w.later) > 0 && w.later[0].at.Before(next) {
			next = w.later[0].at
		}
		w.now = next
		return
	}
	w.now = w.now.Add(time.Duration(1+w.random.IntN(40)) * time.Millisecond)
	if w.trouble.crash > 0 && w.random.Float64() < w.trouble.crash && w.deals(crash) {
		w.cover(crash, "any step")
		w.kill(w.agents[w.random.IntN(len(w.agents))])
		return
	}
	w.running = w.ready[w.random.IntN(len(w.ready))]
	w.running.idle = false
	w.running.next()
	w.running = nil
	if a := w.killAt; a != nil {
		w.killAt = nil
		w.kill(a)
	}
}

// never is later than any history.
var never = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// wakes tells when a coroutine goes on.
func (w *world) wakes(c *coroutine) time.Time {
	if !c.idle {
		return c.wake
	}
	if c.agent.reload {
		return w.now
	}
	if !w.dueKnown {
		w.nextDue, w.anyDue, _ = w.store.NextDue(context.Background())
		w.dueKnown = true
	}
	if !w.anyDue {
		return never
	}
	return w.nextDue.Add(-c.agent.skew)
}

// settle lets time pass. Stretches in which everybody waits take no time to simulate.
func (w *world) settle(d time.Duration) {
	for until := w.now.Add(d); w.now.Before(until); {
		w.tick(until)
	}
}

// change replaces the document of every agent.
func (w *world) change(edit func()) {
	edit()
	for _, a := range w.agents {
		a.reload = true
	}
}

func (w *world) id(prefix string) string {
	w.serial++
	return prefix + digits(w.serial)
}

func digits(n int) string {
	var text [6]byte
	for i := len(text) - 1; i >= 0; i-- {
		text[i], n = byte('0'+n%10), n/10
	}
	return string(text[:])
}

func (w *world) note(who, what, on, detail string, err error) {
	w.journal = append(w.journal, operation{at: w.now, who: who, what: what, on: on, detail: detail, err: err})
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
