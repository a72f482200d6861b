package reconcile_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
)

var (
	allMutants  = flag.Bool("mutants", false, "look for every planted bug, in up to -mutant-seeds histories each")
	mutantSeeds = flag.Int("mutant-seeds", 1000, "histories in which a planted bug is looked for")
	onlyMutant  = flag.String("mutant", "", "look for one planted bug only")
)

// mutant is a bug that is planted around the engine, never in it: what the engine is given lies to it, or forgets.
type mutant struct {
	name    string
	options func(w *world, o *reconcile.Options)
	queue   func(w *world, q store.Queue) store.Queue
	feed    func(crm.Feed) crm.Feed
	sweep   func(referral.API) referral.API
	lease   time.Duration

	noUniqueKey, anyVersion, anyETag bool
	// survives says why no history finds it; such a mutant shows what does not matter, or what others must find.
	survives string
}

// badDeals is a store that lies.
type badDeals struct {
	store.Deals
	load    func(store.Deal) store.Deal
	record  func(ctx context.Context, deals store.Deals, claim store.Claim, change store.Change) error
	absorb  func(ctx context.Context, deals store.Deals, claim store.Claim, into string) error
	lookup  func() (string, bool, error)
	intents func([]store.OpenIntent) []store.OpenIntent
	acquire bool
}

func (b *badDeals) Load(ctx context.Context, key string) (store.Deal, error) {
	d, err := b.Deals.Load(ctx, key)
	if err == nil && b.load != nil {
		d = b.load(d)
	}
	return d, err
}

func (b *badDeals) Record(ctx context.Context, claim store.Claim, change store.Change) error {
	if b.record != nil {
		return b.record(ctx, b.Deals, claim, change)
	}
	return b.Deals.Record(ctx, claim, change)
}

func (b *badDeals) Absorb(ctx context.Context, claim store.Claim, into string) error {
	if b.absorb != nil {
		return b.absorb(ctx, b.Deals, claim, into)
	}
	return b.Deals.Absorb(ctx, claim, into)
}

func (b *badDeals) Lookup(ctx context.Context, key string) (string, bool, error) {
	if b.lookup != nil {
		return b.lookup()
	}
	return b.Deals.Lookup(ctx, key)
}

func (b *badDeals) OpenIntents(ctx context.Context, kind string) ([]store.OpenIntent, error) {
	list, err := b.Deals.OpenIntents(ctx, kind)
	if b.intents != nil {
		list = b.intents(list)
	}
	return list, err
}

func (b *badDeals) Acquire(ctx context.Context, name string, ttl time.Duration) (store.Lease, bool, error) {
	lease, got, err := b.Deals.Acquire(ctx, name, ttl)
	return lease, got || b.acquire, err
}

// badCRM is a CRM that lies.
type badCRM struct {
	crm.CRM
	read   func(context.Context, crm.CRM, string) (crm.Record, error)
	find   func() (string, bool, error)
	update func(context.Context, crm.CRM, string, string, []byte) error
	create func(context.Context, crm.CRM, []byte) (string, error)
	noHits bool
}

func (b *badCRM) Read(ctx context.Context, id string) (crm.Record, error) {
	if b.read != nil {
		return b.read(ctx, b.CRM, id)
	}
	return b.CRM.Read(ctx, id)
}

func (b *badCRM) FindByReferral(ctx context.Context, id string) (string, bool, error) {
	if b.find != nil {
		return b.find()
	}
	return b.CRM.FindByReferral(ctx, id)
}

func (b *badCRM) FindAccounts(ctx context.Context, customer match.Customer) (match.Found, error) {
	found, err := b.CRM.FindAccounts(ctx, customer)
	if b.noHits {
		found = match.Found{}
	}
	return found, err
}

func (b *badCRM) Update(ctx context.Context, id, version string, payload []byte) error {
	if b.update != nil {
		return b.update(ctx, b.CRM, id, version, payload)
	}
	return b.CRM.Update(ctx, id, version, payload)
}

func (b *badCRM) Create(ctx context.Context, payload []byte) (string, error) {
	if b.create != nil {
		return b.create(ctx, b.CRM, payload)
	}
	return b.CRM.Create(ctx, payload)
}

// badCenter is a Partner Center that lies.
type badCenter struct {
	referral.API
	get        func(context.Context, referral.API, string) (referral.Referral, error)
	view       func(referral.Referral) referral.Referral
	create     func(context.Context, referral.API, []byte) (referral.Referral, error)
	patch      func(context.Context, referral.API, string, string, []byte) (referral.Referral, error)
	noCreated  bool
	noEngaged  bool
	sinceShift time.Duration
	noUpdates  bool
}

func (b *badCenter) shown(list []referral.Referral, hide bool) []referral.Referral {
	if hide {
		return nil
	}
	for i := range list {
		if b.view != nil {
			list[i] = b.view(list[i])
		}
	}
	return list
}

func (b *badCenter) Get(ctx context.Context, id string) (referral.Referral, error) {
	if b.get != nil {
		return b.get(ctx, b.API, id)
	}
	r, err := b.API.Get(ctx, id)
	if err == nil && b.view != nil {
		r = b.view(r)
	}
	return r, err
}

func (b *badCenter) Create(ctx context.Context, body []byte) (referral.Referral, error) {
	if b.create != nil {
		return b.create(ctx, b.API, body)
	}
	return b.API.Create(ctx, body)
}

func (b *badCenter) Patch(ctx context.Context, id, etag string, patch []byte) (referral.Referral, error) {
	if b.patch != nil {
		return b.patch(ctx, b.API, id, etag, patch)
	}
	return b.API.Patch(ctx, id, etag, patch)
}

func (b *badCenter) CreatedSince(ctx context.Context, since time.Time) ([]referral.Referral, error) {
	list, err := b.API.CreatedSince(ctx, since)
	return b.shown(list, b.noCreated), err
}

func (b *badCenter) Engagement(ctx context.Context, id string) ([]referral.Referral, error) {
	list, err := b.API.Engagement(ctx, id)
	return b.shown(list, b.noEngaged), err
}

func (b *badCenter) UpdatedSince(ctx context.Context, since time.Time) ([]referral.Referral, error) {
	list, err := b.API.UpdatedSince(ctx, since.Add(b.sinceShift))
	return b.shown(list, b.noUpdates), err
}

// badQueue is a queue that forgets.
type badQueue struct {
	store.Queue
	w       *world
	flag    bool // settling marks everything done that arrived meanwhile
	cursors bool // the cursor moves before the events are stored
	pending map[string]int64
	parks   bool // what is to be tried again is parked
	soon    bool // what is to be tried later is tried at once
	forgets bool // events of deals that somebody works on are dropped
}

func (q *badQueue) Claim(ctx context.Context, n int, lease time.Duration) ([]store.Claim, error) {
	claims, err := q.Queue.Claim(ctx, n, lease)
	for _, claim := range claims {
		q.pending[claim.Key] = 0
	}
	return claims, err
}

func (q *badQueue) Enqueue(ctx context.Context, events []store.Event, cursor *store.Cursor) error {
	if q.forgets {
		kept := events[:0:0]
		for _, e := range events {
			key, _, _ := q.w.store.Lookup(ctx, e.Key)
			if !q.w.claimed(key) {
				kept = append(kept, e)
			}
		}
		events = kept
	}
	for _, e := range events {
		if key, found, _ := q.w.store.Lookup(ctx, e.Key); found && !q.w.ledger.eventIDs[e.ID] {
			q.pending[key]++
		}
	}
	if q.cursors && cursor != nil {
		if err := q.Queue.Enqueue(ctx, nil, cursor); err != nil {
			return err
		}
		cursor = nil
	}
	return q.Queue.Enqueue(ctx, events, cursor)
}

func (q *badQueue) Settle(ctx context.Context, claim store.Claim, outcome store.Outcome) error {
	retry, again := outcome.(store.Retry)
	_, done := outcome.(store.Done)
	switch {
	case done && q.flag:
		claim.Generation += q.pending[claim.Key]
	case again && q.parks:
		outcome = store.Park{Code: retry.Code, Error: retry.Error}
	case again && q.soon:
		retry.At = q.w.agentNow()
		outcome = retry
	}
	return q.Queue.Settle(ctx, claim, outcome)
}

// claimed reports whether somebody works on a deal.
func (w *world) claimed(key string) bool {
	for _, a := range w.agents {
		for _, c := range a.crew {
			if c.busy && c.claim.Key == key {
				return true
			}
		}
	}
	return false
}

// deals plants a bug in what the engine sees of the store, with, reads and so on in what it sees of the others.
func deals(plant func(w *world, b *badDeals)) func(*world, *reconcile.Options) {
	return func(w *world, o *reconcile.Options) {
		b := &badDeals{Deals: o.Store}
		plant(w, b)
		o.Store = b
	}
}

func onLoad(change func(*store.Deal)) func(*world, *reconcile.Options) {
	return deals(func(_ *world, b *badDeals) {
		b.load = func(d store.Deal) store.Deal { change(&d); return d }
	})
}

func onRecord(change func(*store.Change)) func(*world, *reconcile.Options) {
	return deals(func(_ *world, b *badDeals) {
		b.record = func(ctx context.Context, deals store.Deals, claim store.Claim, c store.Change) error {
			change(&c)
			return deals.Record(ctx, claim, c)
		}
	})
}

func inCRM(plant func(w *world, b *badCRM)) func(*world, *reconcile.Options) {
	return func(w *world, o *reconcile.Options) {
		b := &badCRM{CRM: o.CRM}
		plant(w, b)
		o.CRM = b
	}
}

func onRead(change func(*world, *crm.Record)) func(*world, *reconcile.Options) {
	return inCRM(func(w *world, b *badCRM) {
		b.read = func(ctx context.Context, c crm.CRM, id string) (crm.Record, error) {
			r, err := c.Read(ctx, id)
			change(w, &r)
			return r, err
		}
	})
}

func inCenter(plant func(w *world, b *badCenter)) func(*world, *reconcile.Options) {
	return func(w *world, o *reconcile.Options) {
		b := &badCenter{API: o.PartnerCenter}
		plant(w, b)
		o.PartnerCenter = b
	}
}

func inSettings(change func(*reconcile.Settings)) func(*world, *reconcile.Options) {
	return func(_ *world, o *reconcile.Options) { change(&o.Settings) }
}

func inQueue(change func(*badQueue)) func(*world, store.Queue) store.Queue {
	return func(w *world, q store.Queue) store.Queue {
		b := &badQueue{Queue: q, w: w, pending: map[string]int64{}}
		change(b)
		return b
	}
}

// only keeps the part of a snapshot that a prefix names, and takes it for a base.
func only(prefix string, pending store.Values) store.Values {
	base := store.Values{}
	for name, value := range pending {
		if field, ok := strings.CutPrefix(name, prefix); ok {
			base[field] = value
		}
	}
	return base
}

// withRows plants a bug in the mapping.
func withRows(change func(*mapping.Row)) func(*world, *reconcile.Options) {
	return inSettings(func(s *reconcile.Settings) {
		rows := append([]mapping.Row(nil), s.Plan.Rows...)
		for i := range rows {
			change(&rows[i])
		}
		s.Plan.Rows = rows
	})
}

// remembered caches what was read for a while.
func remembered[T any](w *world, of time.Duration, read func(string) (T, error)) func(string) (T, error) {
	type entry struct {
		at    time.Time
		value T
	}
	cache := map[string]entry{}
	return func(id string) (T, error) {
		if e, found := cache[id]; found && w.now.Sub(e.at) < of {
			return e.value, nil
		}
		value, err := read(id)
		if err == nil {
			cache[id] = entry{w.now, value}
		}
		return value, err
	}
}

// twice sends a request again at once when its answer is lost.
func twice(err error) bool {
	var trouble troubleError
	return errors.As(err, &trouble) && trouble.ambiguous
}

var mutants = []mutant{
	{name: "no base is loaded", options: onLoad(func(d *store.Deal) { d.Base = nil })},
	{name: "no pending attempt is loaded", options: onLoad(func(d *store.Deal) { d.Pending = nil })},
	{name: "the latest pending attempt only is loaded", options: onLoad(func(d *store.Deal) {
		if n := len(d.Pending); n > 1 {
			d.Pending = d.Pending[n-1:]
		}
	})},
	{name: "the oldest pending attempt only is loaded", survives: "an attempt that cannot have arrived is taken back, so that two are rarely pending", options: onLoad(func(d *store.Deal) {
		if len(d.Pending) > 1 {
			d.Pending = d.Pending[:1]
		}
	})},
	{name: "no intent is loaded", options: onLoad(func(d *store.Deal) { d.Intents = nil })},
	{name: "an intent may be repeated at once", options: onLoad(func(d *store.Deal) {
		for i := range d.Intents {
			d.Intents[i].NotBefore = time.Time{}
		}
	})},
	{name: "no report is loaded", options: onLoad(func(d *store.Deal) { d.Report = "" })},
	{name: "no told text is loaded", options: onLoad(func(d *store.Deal) { d.Told = "" })},
	{name: "the link is not loaded", options: onLoad(func(d *store.Deal) { d.Link = store.Link{} })},
	{name: "the counterpart is not loaded", options: onLoad(func(d *store.Deal) { d.Link.CounterpartID = "" })},
	{name: "no pending attempt is recorded", options: onRecord(func(c *store.Change) { c.Pending = nil })},
	{name: "no create is journalled", options: onRecord(func(c *store.Change) { c.Open, c.Settle = nil, nil })},
	{name: "the base moves before the write", options: onRecord(func(c *store.Change) {
		if c.Pending != nil {
			c.Base, c.Pending = only("intended.", c.Pending), nil
		}
	})},
	{name: "the base is what was read last", options: deals(func(_ *world, b *badDeals) {
		seen := map[string]store.Values{}
		b.record = func(ctx context.Context, deals store.Deals, claim store.Claim, c store.Change) error {
			if c.Pending != nil {
				seen[claim.Key] = only("seen.", c.Pending)
			}
			if c.Base != nil && c.Link == nil && seen[claim.Key] != nil {
				c.Base = seen[claim.Key]
			}
			return deals.Record(ctx, claim, c)
		}
	})},
	{name: "the base is never recorded", options: onRecord(func(c *store.Change) { c.Base = nil })},
	{name: "a lost answer counts as a failure", options: onRecord(func(c *store.Change) {
		for i := range c.Settle {
			if c.Settle[i].State == store.IntentAmbiguous {
				c.Settle[i].State = store.IntentFailed
			}
		}
	})},
	{name: "the history is not recorded", options: onRecord(func(c *store.Change) { c.Audit = nil })},
	{name: "a lost lease is not noticed", options: deals(func(_ *world, b *badDeals) {
		b.record = func(ctx context.Context, deals store.Deals, claim store.Claim, c store.Change) error {
			if err := deals.Record(ctx, claim, c); !errors.Is(err, store.ErrLeaseLost) {
				return err
			}
			return nil
		}
	})},
	{name: "absorbing is refused", options: deals(func(_ *world, b *badDeals) {
		b.absorb = func(context.Context, store.Deals, store.Claim, string) error { return store.ErrBoundElsewhere }
	})},
	{name: "absorbing does nothing", options: deals(func(_ *world, b *badDeals) {
		b.absorb = func(context.Context, store.Deals, store.Claim, string) error { return nil }
	})},
	{name: "no other deal is found by its key", options: deals(func(_ *world, b *badDeals) {
		b.lookup = func() (string, bool, error) { return "", false, nil }
	})},
	{name: "creates of other deals are not seen, nor their leases", options: deals(func(_ *world, b *badDeals) {
		b.intents, b.acquire = func([]store.OpenIntent) []store.OpenIntent { return nil }, true
	})},
	{name: "Sync is always read as Yes", options: onRead(func(_ *world, r *crm.Record) { r.Sync = true })},
	{name: "on hold is read as active", options: onRead(func(w *world, r *crm.Record) {
		if r.Fields[w.crm.stage] == w.crm.onHold {
			r.Fields[w.crm.stage] = w.crm.active
		}
	})},
	{name: "a record that was changed this second is written", options: onRead(func(_ *world, r *crm.Record) { r.ModifiedAt = time.Time{} })},
	{name: "the amount is read as empty now and then", options: inCRM(func(w *world, b *badCRM) {
		reads := 0
		b.read = func(ctx context.Context, c crm.CRM, id string) (crm.Record, error) {
			r, err := c.Read(ctx, id)
			if reads++; reads%5 == 0 && err == nil {
				r.Fields[w.crm.amount] = nil
			}
			return r, err
		}
	})},
	{name: "the CRM is read from a cache", options: inCRM(func(w *world, b *badCRM) {
		read := remembered(w, 5*time.Second, func(id string) (crm.Record, error) { return w.crm.twin(w).Read(context.Background(), id) })
		b.read = func(_ context.Context, _ crm.CRM, id string) (crm.Record, error) { return read(id) }
	})},
	{name: "the version of the record is ignored", anyVersion: true},
	{name: "a changed record counts as written", options: inCRM(func(_ *world, b *badCRM) {
		b.update = func(ctx context.Context, c crm.CRM, id, version string, payload []byte) error {
			if err := c.Update(ctx, id, version, payload); !errors.Is(err, crm.ErrChanged) {
				return err
			}
			return nil
		}
	})},
	{name: "a lost update counts as written", options: inCRM(func(_ *world, b *badCRM) {
		b.update = func(ctx context.Context, c crm.CRM, id, version string, payload []byte) error {
			if err := c.Update(ctx, id, version, payload); !twice(err) {
				return err
			}
			return nil
		}
	})},
	{name: "the referral's key is not unique, and not looked for", noUniqueKey: true, options: inCRM(func(_ *world, b *badCRM) {
		b.find = func() (string, bool, error) { return "", false, nil }
	})},
	{name: "no account is ever found", options: inCRM(func(_ *world, b *badCRM) { b.noHits = true })},
	{name: "own creates are not recognised", options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.ExternalReference = ""; return r }
	})},
	{name: "reading back finds nothing", options: inCenter(func(_ *world, b *badCenter) { b.noCreated = true })},
	{name: "reading an engagement finds nothing", options: inCenter(func(_ *world, b *badCenter) { b.noEngaged = true })},
	{name: "a create is sent twice when its answer is lost", options: inCenter(func(_ *world, b *badCenter) {
		b.create = func(ctx context.Context, api referral.API, body []byte) (referral.Referral, error) {
			r, err := api.Create(ctx, body)
			if twice(err) {
				r, err = api.Create(ctx, body)
			}
			return r, err
		}
	})},
	{name: "the version of the referral is ignored", anyETag: true},
	{name: "the referral is read from a cache", options: inCenter(func(w *world, b *badCenter) {
		get := remembered(w, 5*time.Second, func(id string) (referral.Referral, error) { return (&simCenter{w}).Get(context.Background(), id) })
		b.get = func(_ context.Context, _ referral.API, id string) (referral.Referral, error) { return get(id) }
	})},
	{name: "the age of a referral is not known", options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.UpdatedAt = time.Time{}; return r }
	})},
	{name: "a referral that answers 404 counts as closed", options: inCenter(func(_ *world, b *badCenter) {
		b.get = func(ctx context.Context, api referral.API, id string) (referral.Referral, error) {
			r, err := api.Get(ctx, id)
			if errors.Is(err, referral.ErrNotFound) {
				r = referral.Referral{ID: id, Tree: map[string]any{"id": id, "status": "Closed", "substatus": "Lost"}}
				err = nil
			}
			return r, err
		}
	})},
	{name: "a changed referral counts as written", options: inCenter(func(_ *world, b *badCenter) {
		b.patch = func(ctx context.Context, api referral.API, id, etag string, patch []byte) (referral.Referral, error) {
			r, err := api.Patch(ctx, id, etag, patch)
			if errors.Is(err, referral.ErrChanged) {
				return api.Get(ctx, id)
			}
			return r, err
		}
	})},
	{name: "a lead is not known as one", options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.Lead = false; return r }
	})},
	{name: "Microsoft's referral is taken for another deal", options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.Microsoft = false; return r }
	})},
	{name: "Retry-After is ignored", options: func(_ *world, o *reconcile.Options) { o.RetryAfter = func(error) time.Duration { return 0 } }},
	{name: "failures are tried again at once", queue: inQueue(func(q *badQueue) { q.soon = true })},
	{name: "failures are parked", queue: inQueue(func(q *badQueue) { q.parks = true })},
	{name: "a dirty flag instead of a generation", queue: inQueue(func(q *badQueue) { q.flag = true })},
	{name: "events of a deal under work are dropped", queue: inQueue(func(q *badQueue) { q.forgets = true })},
	{name: "the cursor moves before the events are stored", queue: inQueue(func(q *badQueue) { q.cursors = true })},
	{name: "the lease is shorter than a run", lease: 200 * time.Millisecond},
	{name: "no time to settle", options: inSettings(func(s *reconcile.Settings) { s.Settle = 0 })},
	{name: "flows are not looked at", options: inSettings(func(s *reconcile.Settings) { s.Blocked = nil })},
	{name: "the identifier travels to Partner Center", options: withRows(func(r *mapping.Row) {
		if r.Field == deal.MicrosoftCRMID {
			r.Outbound = true
		}
	})},
	{name: "the name travels on update", options: withRows(func(r *mapping.Row) {
		if r.Field == deal.Name {
			r.OnUpdate = true
		}
	})},
	{name: "the sweep has no overlap", sweep: func(api referral.API) referral.API { return &badCenter{API: api, sinceShift: watch.Overlap} }},
	{name: "there is no sweep", sweep: func(api referral.API) referral.API { return &badCenter{API: api, noUpdates: true} }},
	{name: "the CRM's feed has no overlap", feed: func(f crm.Feed) crm.Feed { return lateFeed{f} }},
	{name: "the CRM's feed shows every second hit", feed: func(f crm.Feed) crm.Feed { return lossyFeed{f} }},
}

// lateFeed shows only what is newer than its position.
type lateFeed struct{ crm.Feed }

func (f lateFeed) Changes(ctx context.Context, position string) ([]crm.Hit, string, error) {
	hits, next, err := f.Feed.Changes(ctx, position)
	since, _ := time.Parse(time.RFC3339Nano, position)
	kept := hits[:0:0]
	for _, hit := range hits {
		if hit.At.After(since) {
			kept = append(kept, hit)
		}
	}
	return kept, next, err
}

type lossyFeed struct{ crm.Feed }

func (f lossyFeed) Changes(ctx context.Context, position string) ([]crm.Hit, string, error) {
	hits, next, err := f.Feed.Changes(ctx, position)
	kept := hits[:0:0]
	for i, hit := range hits {
		if i%2 == 0 {
			kept = append(kept, hit)
		}
	}
	return kept, next, err
}

// hunted are the scenarios in which planted bugs are looked for, in turn.
var hunted = []string{"anything", "killed often", "lost answers", "co-sell", "no webhooks at all"}

// hunt looks for a planted bug, in random histories first and then in the stories, where a crash or a lost answer strikes every
// effect. found tells what saw it first; nothing when it survived.
func hunt(m *mutant, histories int) (seed uint64, scenario, found string) {
	for i := range histories {
		seed, scenario = uint64(1+i/len(hunted)), hunted[i%len(hunted)]
		if found = caught(m, seed, scenario); found != "" {
			return seed, scenario, found
		}
	}
	if histories < 200 {
		return 0, "", ""
	}
	for _, s := range stories {
		for _, kind := range []fault{crashAfter, lostAnswer} {
			for at := 1; ; at++ {
				w := tellMutant(salesforce, s, struckOnce(at, kind), m)
				w.end()
				if w.script.struckAt == 0 {
					break
				}
				if len(w.ledger.broken) > 0 {
					return 1, s.name + ", " + w.script.String(), w.ledger.broken[0].String()
				}
				at = w.script.struckAt
			}
		}
	}
	return 0, "", ""
}

func caught(m *mutant, seed uint64, scenario string) (found string) {
	w := newWorldOf(salesforce, seed, scenarios[scenario], m)
	defer w.end()
	defer func() {
		if r := recover(); r != nil {
			found = fmt.Sprint("the engine panics: ", r)
		}
	}()
	w.play()
	w.judge()
	if len(w.ledger.broken) == 0 {
		return ""
	}
	return w.ledger.broken[0].String()
}

// Every planted bug is found. Without -mutants, a few of them are looked for in a few histories.
func TestMutants(t *testing.T) {
	histories := *mutantSeeds
	for i := range mutants {
		m := &mutants[i]
		switch {
		case *onlyMutant != "" && *onlyMutant != m.name:
			continue
		case !*allMutants && *onlyMutant == "":
			histories = 30
			if i%8 != 0 {
				continue
			}
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			seed, scenario, found := hunt(m, histories)
			switch {
			case found != "":
				t.Logf("MUTANT %-55s found by %.130s (%s, seed %d)", m.name, strings.ReplaceAll(found, "\n", " "), scenario, seed)
			case m.survives != "":
				t.Logf("MUTANT %-55s survives %d histories: %s", m.name, histories, m.survives)
			case *allMutants:
				t.Errorf("MUTANT %-55s SURVIVES %d histories", m.name, histories)
			default:
				t.Logf("MUTANT %-55s is not found in %d histories; -mutants looks longer", m.name, histories)
			}
		})
	}
}
