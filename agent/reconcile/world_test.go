package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// The core simulator: the real engine and the store's in-memory twin in a seeded, single-threaded world. Workers are
// coroutines that yield before and after every remote effect and every transaction; the scheduler picks who goes on, moves the
// clock, and may kill the whole agent at any yield. The same seed gives the same history.

// trouble says how unkind the world is.
type trouble struct {
	lost      float64 // a request is lost before it is applied, or its answer after
	refused   float64 // a request is turned away for now
	crash     float64 // per scheduler step
	dropped   float64 // a webhook is never delivered
	noRefs    bool    // externalReferenceId does not survive in Partner Center
	editors   int     // edits by people
	deals     int     // deals begun on each side
	customers int     // of the deals that Microsoft sends
	listLag   time.Duration
	coSell    bool // some sellers ask for help, at once or later, and Microsoft answers
}

type world struct {
	blocked   map[reconcile.Effect]string
	log       hclog.Logger
	refuses   bool // Partner Center refuses every new referral, each time in other words
	random    *rand.Rand
	trouble   trouble
	start     time.Time
	now       time.Time
	store     *store.Memory
	plan      mapping.Plan
	records   map[string]*record
	referrals map[string]*remoteReferral
	accounts  []match.Account
	later     []timed
	workers   []*coroutine
	inflight  []*flight // requests on their way, which may arrive even if the agent is killed
	writes    []string  // the agent's, in order
	edits     map[string][]string
	gone      map[string]bool // notes that a person has seen and replaced
	broken    []string        // what must never happen, and did
	serial    int
	crashes   int
	calls     int // requests about single deals
}

type flight struct{ apply func() error }

type timed struct {
	at time.Time
	do func()
}

type record struct {
	id       string
	fields   map[string]any
	sync     bool
	key      string
	audit    string
	status   string
	modified time.Time
	deleted  bool

	contacts  []crm.ContactRow
	solutions []crm.SolutionRow
	soldAt    time.Time // when a row of its solutions or contacts last changed; that does not move the record's own stamp

	syncSince time.Time            // when a person last changed Sync
	edited    map[string]time.Time // when a person last changed a field
}

type remoteReferral struct {
	id, engagement, reference string
	microsoft, outgoing       bool
	tree                      map[string]any
	etag                      int
	created, updated          time.Time
}

// errKilled unwinds a coroutine whose agent was killed.
var errKilled = errors.New("killed")

// coroutine is one worker or watcher of the agent.
type coroutine struct {
	w     *world
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	read  map[string]time.Time // when this worker last read a record
}

func (c *coroutine) step() {
	if !c.yield(struct{}{}) {
		panic(errKilled)
	}
}

func (w *world) spawn(body func(c *coroutine)) {
	c := &coroutine{w: w, read: map[string]time.Time{}}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		defer func() {
			if r := recover(); r != nil && r != any(errKilled) {
				panic(r)
			}
		}()
		body(c)
	})
	w.workers = append(w.workers, c)
}

// lostError is an answer that never came.
type lostError struct{ ambiguous bool }

func (e lostError) Error() string        { return "connection lost" }
func (e lostError) Ambiguous() bool      { return e.ambiguous }
func (e lostError) Class() problem.Class { return problem.Later }

// refusalError is a final answer.
type refusalError struct{ text string }

func (e refusalError) Error() string        { return e.text }
func (e refusalError) Class() problem.Class { return problem.NeedsPerson }

// call is a request about one deal.
func (c *coroutine) call(write bool, apply func() error) error {
	c.w.calls++
	return c.travel(write, apply)
}

// travel lets a request travel: it may be lost on the way there or back, and the agent may be killed meanwhile.
func (c *coroutine) travel(write bool, apply func() error) error {
	c.step()
	draw := c.w.random.Float64()
	if draw < c.w.trouble.refused {
		return lostError{}
	}
	if draw < c.w.trouble.refused+c.w.trouble.lost/2 {
		return lostError{ambiguous: write}
	}
	if write {
		request := &flight{apply}
		c.w.inflight = append(c.w.inflight, request)
		c.step()
		c.w.inflight = slices.DeleteFunc(c.w.inflight, func(f *flight) bool { return f == request })
	}
	err := apply()
	c.step()
	if c.w.random.Float64() < c.w.trouble.lost/2 {
		return lostError{ambiguous: write}
	}
	return err
}

func newWorld(seed uint64, t trouble) *world {
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	w := &world{
		random: rand.New(rand.NewPCG(seed, 7)), trouble: t, start: start, now: start, plan: testPlan(), records: map[string]*record{},
		log: hclog.NewNullLogger(), referrals: map[string]*remoteReferral{}, edits: map[string][]string{}, gone: map[string]bool{},
	}
	w.store = store.NewMemory("sim", func() time.Time { return w.now })
	w.boot()
	return w
}

func testPlan() mapping.Plan {
	variables := map[string]string{document.VariableCountryField: "BillingCountry", document.VariableDealValueField: "Amount", document.VariableDealCurrencyField: "CurrencyIsoCode"}
	plan := mapping.Plan{
		Stages:      mapping.Stages{OnHold: "On hold", Active: "Qualification", Won: "Closed Won", Lost: "Closed Lost", Closed: map[string]bool{"Closed Won": true, "Closed Lost": false}},
		Help:        map[string]string{"general or other": "GeneralOrOther", "quotes or licensing": "QuotesOrLicensing"},
		HelpValues:  map[string]string{"GeneralOrOther": "General or other", "QuotesOrLicensing": "Quotes or licensing"},
		LongestName: 120,
	}
	for _, m := range document.DefaultMappings(document.Salesforce, document.DefaultFields(document.Salesforce), variables) {
		row := mapping.Row{
			Field: m.Field, PartnerCenter: m.PartnerCenter, CRM: m.CRM, Inbound: m.Direction != document.Outbound, Outbound: m.Direction != document.Inbound,
			OnCreate: slices.Contains(m.On, document.OnCreate), OnUpdate: slices.Contains(m.On, document.OnUpdate), Winner: deal.CRM,
		}
		if m.Conflict == document.ConflictPartnerCenter {
			row.Winner = deal.PartnerCenter
		}
		plan.Rows = append(plan.Rows, row)
	}
	return plan
}

const (
	simLease  = 60 * time.Second
	simSettle = 20 * time.Second
)

// boot starts the agent: two workers and the watchers.
func (w *world) boot() {
	w.workers = nil
	for range 2 {
		w.spawn(w.work)
	}
	w.spawn(func(c *coroutine) {
		for {
			if w.now.Sub(w.start)%(3*time.Second) < 2*time.Second {
				_, _ = watch.Records(context.Background(), &simCRM{c}, w.store, w.now)
			}
			c.step()
		}
	})
	w.spawn(func(c *coroutine) {
		for {
			_, _ = watch.Referrals(context.Background(), &simCenter{c}, w.store, w.now)
			for until := w.now.Add(time.Minute); w.now.Before(until); {
				c.step()
			}
		}
	})
}

func (w *world) work(c *coroutine) {
	engine := reconcile.New(reconcile.Options{
		Store: &simStore{w.store, c}, CRM: &simCRM{c}, PartnerCenter: &simCenter{c},
		Settings: reconcile.Settings{
			Plan: w.plan, Blocked: w.blocked, MarketplaceIntent: "HaveNotDecided", MatchPostalCode: true, CreateAccounts: true, Settle: simSettle, Lease: simLease, Delay: 2 * time.Second,
		},
		Now: func() time.Time { return w.now }, Jitter: w.random.Float64, RetryAfter: func(error) time.Duration { return 0 }, Log: w.log,
	})
	for {
		claims, err := w.store.Claim(context.Background(), 1, simLease)
		if err != nil {
			panic(err)
		}
		for _, claim := range claims {
			if outcome := engine.Reconcile(context.Background(), claim); outcome != nil {
				c.step()
				_ = w.store.Settle(context.Background(), claim, outcome)
			}
		}
		c.step()
	}
}

// kill ends the agent at once and starts it again. Requests on their way may still arrive.
func (w *world) kill() {
	w.crashes++
	flying := w.inflight
	w.inflight = nil
	for _, c := range w.workers {
		c.stop()
	}
	for _, request := range flying {
		if w.random.IntN(2) == 0 {
			w.after(time.Duration(w.random.IntN(1500))*time.Millisecond, func() { _ = request.apply() })
		}
	}
	w.store.Reopen()
	w.boot()
}

func (w *world) after(d time.Duration, do func()) {
	w.later = append(w.later, timed{w.now.Add(d), do})
}

// tick moves the world by one step.
func (w *world) tick() {
	w.now = w.now.Add(time.Duration(1+w.random.IntN(40)) * time.Millisecond)
	for i := 0; i < len(w.later); i++ {
		if due := w.later[i]; !due.at.After(w.now) {
			w.later = slices.Delete(w.later, i, i+1)
			i--
			due.do()
		}
	}
	if w.random.Float64() < w.trouble.crash {
		w.kill()
		return
	}
	w.workers[w.random.IntN(len(w.workers))].next()
}

func (w *world) id(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s%06d", prefix, w.serial)
}

func (w *world) announce(r *remoteReferral) {
	if w.random.Float64() < w.trouble.dropped {
		return
	}
	for range 1 + w.random.IntN(2) {
		event := store.Event{ID: w.id("webhook"), Source: "webhook", Key: store.ReferralKey(r.id), Priority: store.Live}
		w.after(time.Duration(w.random.IntN(4000))*time.Millisecond, func() { _ = w.store.Enqueue(context.Background(), []store.Event{event}, nil) })
	}
}

func (w *world) wrote(what string) {
	w.writes = append(w.writes, what)
}

// simStore yields around the engine's transactions.
type simStore struct {
	store.Deals
	c *coroutine
}

func (s *simStore) Record(ctx context.Context, claim store.Claim, change store.Change) error {
	s.c.step()
	err := s.Deals.Record(ctx, claim, change)
	s.c.step()
	return err
}

// simCRM is the CRM's twin.
type simCRM struct{ c *coroutine }

func (s *simCRM) Known(id string) bool { return strings.HasPrefix(id, "006") }

func (s *simCRM) Read(_ context.Context, id string) (out crm.Record, err error) {
	return out, s.c.call(false, func() error {
		r, ok := s.c.w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		out = r.view()
		s.c.read[id] = s.c.w.now
		return nil
	})
}

// stamp is the record's time stamp: the CRM's have a resolution of one second.
func (r *record) stamp() time.Time { return r.modified.Truncate(time.Second) }

func (r *record) view() crm.Record {
	person := deal.Person{FirstName: "First", LastName: "Last", Phone: "1", Email: "first.last@example.com"}
	view := crm.Record{
		ID: r.id, Version: r.stamp().Format(time.RFC3339Nano), ModifiedAt: r.stamp(), Fields: map[string]any{}, Sync: r.sync, Key: r.key, Audit: r.audit,
		SyncStatus: r.status, Contacts: slices.Clone(r.contacts), Team: []deal.Person{person},
	}
	for name, value := range r.fields {
		view.Fields[name] = value
	}
	view.ReferralID, _ = r.fields["Referral_Identifier__c"].(string)
	view.Solutions = slices.Clone(r.solutions)
	return view
}

// sell adds or removes a solution, as people and the agent do.
func (w *world) sell(r *record, id string) {
	r.solutions = append(r.solutions, crm.SolutionRow{Solution: deal.Solution{ID: id}, RowID: w.id("a00")})
	r.soldAt = w.now
}

func (w *world) unsell(r *record, row string) {
	r.solutions = slices.DeleteFunc(r.solutions, func(s crm.SolutionRow) bool { return s.RowID == row })
	r.soldAt = w.now
}

func (s *simCRM) FindByReferral(_ context.Context, referralID string) (id string, found bool, err error) {
	return id, found, s.c.call(false, func() error {
		id, found = s.c.w.recordOf(referralID)
		return nil
	})
}

func (w *world) recordOf(referralID string) (string, bool) {
	for id, r := range w.records {
		if strings.EqualFold(r.key, referralID) {
			return id, true
		}
	}
	return "", false
}

func (s *simCRM) FindAccounts(_ context.Context, _ match.Customer) (found match.Found, err error) {
	return found, s.c.call(false, func() error {
		found.Accounts = slices.Clone(s.c.w.accounts)
		return nil
	})
}

func (s *simCRM) Catalogue(_ context.Context, solutions []deal.Solution) (list []crm.NewSolution, err error) {
	return list, s.c.call(false, func() error {
		list = nil
		for _, sold := range solutions {
			list = append(list, crm.NewSolution{Solution: sold})
		}
		return nil
	})
}

func (s *simCRM) Contacts(_ context.Context, _ string, people []deal.Person) (list []crm.NewContact, err error) {
	return list, s.c.call(false, func() error {
		list = nil
		for _, person := range people {
			list = append(list, crm.NewContact{Person: person})
		}
		return nil
	})
}

// meet gives somebody a role in a record, as people and the agent do.
func (w *world) meet(r *record, person deal.Person) {
	r.contacts = append(r.contacts, crm.ContactRow{Person: person, RowID: w.id("00K")})
	r.soldAt = w.now
}

func (w *world) leave(r *record, row string) {
	r.contacts = slices.DeleteFunc(r.contacts, func(c crm.ContactRow) bool { return c.RowID == row })
	r.soldAt = w.now
}

func (s *simCRM) EncodeCreate(r crm.NewRecord) ([]byte, error) { return json.Marshal(r) }

func (s *simCRM) Create(_ context.Context, payload []byte) (id string, err error) {
	w := s.c.w
	return id, s.c.call(true, func() error {
		var n crm.NewRecord
		if err := json.Unmarshal(payload, &n); err != nil {
			return err
		}
		if _, exists := w.recordOf(n.ReferralID); exists {
			return crm.ErrExists
		}
		if n.AccountID == "" {
			account := match.Account{ID: w.id("001"), Name: fmt.Sprint(n.Account["Name"]), PostalCode: fmt.Sprint(n.Account["BillingPostalCode"]), Country: "NO"}
			for _, other := range w.accounts {
				if match.Key(other.Name) == match.Key(account.Name) {
					panic("a second account for " + account.Name + ": " + other.Name)
				}
			}
			w.accounts = append(w.accounts, account)
		}
		id = w.id("006")
		created := &record{id: id, fields: n.Fields, sync: true, key: strings.ToLower(n.ReferralID), audit: n.Audit, status: n.SyncStatus, modified: w.now}
		for _, sold := range n.Solutions {
			w.sell(created, sold.ID)
		}
		for _, contact := range n.Contacts {
			w.meet(created, contact.Person)
		}
		w.records[id] = created
		w.wrote("create record")
		return nil
	})
}

func (s *simCRM) EncodeUpdate(changes crm.Changes) ([]byte, error) { return json.Marshal(changes) }

func (s *simCRM) Update(_ context.Context, id, version string, payload []byte) error {
	w, read := s.c.w, s.c.read[id]
	return s.c.call(true, func() error {
		r, ok := w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		at, err := time.Parse(time.RFC3339Nano, version)
		if err != nil {
			return err
		}
		if r.stamp().After(at) {
			return crm.ErrChanged
		}
		var u crm.Changes
		if err := json.Unmarshal(payload, &u); err != nil {
			return err
		}
		for name, value := range u.Fields {
			if at, edited := r.edited[name]; edited && at.After(read) {
				w.broken = append(w.broken, fmt.Sprintf("record %s: an edit of %s that nobody had read was overwritten", id, name))
			}
			r.fields[name] = value
		}
		if u.Book.Key != nil {
			r.key = *u.Book.Key
		}
		if u.Book.Audit != nil {
			r.audit = *u.Book.Audit
		}
		if u.Book.SyncStatus != nil {
			r.status = *u.Book.SyncStatus
		}
		for _, sold := range u.Add {
			w.sell(r, sold.ID)
		}
		for _, row := range u.Remove {
			w.unsell(r, row)
		}
		for _, contact := range u.AddContacts {
			w.meet(r, contact.Person)
		}
		for _, row := range u.RemoveContacts {
			w.leave(r, row)
		}
		r.modified = w.now
		w.wrote("update record " + id + " " + string(payload))
		return nil
	})
}

// Changes is the CRM's feed.
func (s *simCRM) Changes(_ context.Context, position string) (hits []crm.Hit, next string, err error) {
	w := s.c.w
	next = position
	return hits, next, s.c.travel(false, func() error {
		since, _ := time.Parse(time.RFC3339Nano, position)
		for _, id := range sortedKeys(w.records) {
			r := w.records[id]
			moved := r.stamp()
			if sold := r.soldAt.Truncate(time.Second); sold.After(moved) {
				moved = sold
			}
			if (r.sync || r.key != "") && !moved.Before(since.Add(-watch.Overlap)) {
				stamp := moved.Format(time.RFC3339Nano)
				hits = append(hits, crm.Hit{ID: id, Version: stamp, At: moved})
				if at, _ := time.Parse(time.RFC3339Nano, next); moved.After(at) {
					next = stamp
				}
			}
		}
		return nil
	})
}

// simCenter is Partner Center's twin.
type simCenter struct{ c *coroutine }

func (r *remoteReferral) view() referral.Referral {
	encoded, err := json.Marshal(r.tree)
	if err != nil {
		panic(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		panic(err)
	}
	tree["id"] = r.id
	name, _ := tree["name"].(string)
	return referral.Referral{
		ID: r.id, EngagementID: r.engagement, ETag: fmt.Sprint(r.etag), ExternalReference: r.reference, Name: name, Microsoft: r.microsoft, Outgoing: r.outgoing,
		CreatedAt: r.created, UpdatedAt: r.updated, Tree: tree,
	}
}

func (s *simCenter) Get(_ context.Context, id string) (out referral.Referral, err error) {
	return out, s.c.call(false, func() error {
		r, ok := s.c.w.referrals[strings.ToLower(id)]
		if !ok {
			return referral.ErrNotFound
		}
		out = r.view()
		return nil
	})
}

func (s *simCenter) Create(_ context.Context, body []byte) (out referral.Referral, err error) {
	w := s.c.w
	return out, s.c.call(true, func() error {
		if w.refuses {
			return refusalError{"no, says request " + w.id("")}
		}
		var tree map[string]any
		if err := json.Unmarshal(body, &tree); err != nil {
			return err
		}
		r := &remoteReferral{id: w.id("r"), engagement: w.id("e"), outgoing: true, tree: tree, created: w.now, updated: w.now}
		r.reference, _ = tree["externalReferenceId"].(string)
		if w.trouble.noRefs {
			r.reference = ""
		}
		if engagement, ok := tree["engagementId"].(string); ok {
			if theirs := w.microsofts(engagement); theirs != nil && theirs.reference == "" && !w.trouble.noRefs {
				return refusalError{"the portal asked already"}
			}
			r.engagement, r.microsoft, r.outgoing = engagement, true, false
			w.mustBeShared(engagement)
			tree["status"], tree["substatus"] = "New", "Pending"
		} else {
			tree["status"], tree["substatus"] = "Active", "Accepted"
		}
		w.referrals[r.id] = r
		w.wrote("create referral")
		w.announce(r)
		out = r.view()
		return nil
	})
}

func (s *simCenter) Patch(_ context.Context, id, etag string, patch []byte) (out referral.Referral, err error) {
	w := s.c.w
	return out, s.c.call(true, func() error {
		r, ok := w.referrals[strings.ToLower(id)]
		if !ok {
			return referral.ErrNotFound
		}
		if fmt.Sprint(r.etag) != etag {
			return referral.ErrChanged
		}
		if r.tree["status"] == "Closed" {
			return refusalError{"the referral is closed"}
		}
		var ops []struct {
			Path  string
			Value any
		}
		if err := json.Unmarshal(patch, &ops); err != nil {
			return err
		}
		w.mustBeWanted(r)
		for _, op := range ops {
			if op.Path == "/externalReferenceId" && !w.trouble.noRefs {
				r.reference, _ = op.Value.(string)
			}
			w.set(r, op.Path, op.Value)
		}
		r.touch(w.now)
		w.wrote("patch referral " + r.id + " " + string(patch))
		w.announce(r)
		out = r.view()
		return nil
	})
}

// longestSend is how long a request may take from the reading of Sync to its arrival.
const longestSend = 4 * time.Second

// mustBeWanted notes a write to a referral whose seller had switched Sync off before the agent could have begun it.
func (w *world) mustBeWanted(r *remoteReferral) {
	if id, found := w.recordOf(r.id); found {
		if rec := w.records[id]; !rec.sync && w.now.Sub(rec.syncSince) > longestSend {
			w.broken = append(w.broken, "referral "+r.id+" was written while Sync was off")
		}
	}
}

// mustBeShared notes a request for help whose own referral Microsoft cannot see.
func (w *world) mustBeShared(engagement string) {
	for _, id := range sortedKeys(w.referrals) {
		if r := w.referrals[id]; r.engagement == engagement && !r.microsoft {
			if consent, _ := r.tree["consent"].(map[string]any); consent["consentToShareReferralWithMicrosoftSellers"] != true {
				w.broken = append(w.broken, "help was requested for referral "+id+", which Microsoft cannot see")
			}
		}
	}
}

func (r *remoteReferral) touch(now time.Time) { r.etag, r.updated = r.etag+1, now }

func (w *world) set(r *remoteReferral, path string, value any) {
	node := r.tree
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, step := range steps[:len(steps)-1] {
		child, ok := node[step].(map[string]any)
		if !ok {
			child = map[string]any{}
			node[step] = child
		}
		node = child
	}
	node[steps[len(steps)-1]] = value
}

func (s *simCenter) list(keep func(*remoteReferral) bool, at func(*remoteReferral) time.Time) (out []referral.Referral, err error) {
	w := s.c.w
	return out, s.c.travel(false, func() error {
		for _, id := range sortedKeys(w.referrals) {
			if r := w.referrals[id]; keep(r) && !r.created.After(w.now.Add(-w.trouble.listLag)) {
				out = append(out, r.view())
			}
		}
		slices.SortStableFunc(out, func(a, b referral.Referral) int {
			return at(w.referrals[b.ID]).Compare(at(w.referrals[a.ID]))
		})
		return nil
	})
}

func (s *simCenter) CreatedSince(_ context.Context, since time.Time) ([]referral.Referral, error) {
	created := func(r *remoteReferral) time.Time { return r.created }
	return s.list(func(r *remoteReferral) bool { return !r.created.Before(since) }, created)
}

func (s *simCenter) UpdatedSince(_ context.Context, since time.Time) ([]referral.Referral, error) {
	updated := func(r *remoteReferral) time.Time { return r.updated }
	return s.list(func(r *remoteReferral) bool { return !r.updated.Before(since) }, updated)
}

func (s *simCenter) Waiting(_ context.Context) ([]referral.Referral, error) {
	return s.list(func(r *remoteReferral) bool { return r.tree["status"] == "New" }, func(r *remoteReferral) time.Time { return r.updated })
}

func (s *simCenter) Engagement(_ context.Context, engagementID string) ([]referral.Referral, error) {
	return s.list(func(r *remoteReferral) bool { return r.engagement == engagementID }, func(r *remoteReferral) time.Time { return r.created })
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
