package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	// ownClock lets the sweep begin by the agent's own clock.
	ownClock bool
	// finder is an invariant that is the first to find it; 0: no matter which.
	finder int
	// in is the world in which it is looked for; nil: those of the hunted scenarios.
	in *trouble
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
	encode func(crm.Changes) crm.Changes
	fresh  func(crm.NewRecord) crm.NewRecord
	noHits bool
}

func (b *badCRM) EncodeCreate(record crm.NewRecord) ([]byte, error) {
	if b.fresh != nil {
		record.Fields = maps.Clone(record.Fields)
		record = b.fresh(record)
	}
	return b.CRM.EncodeCreate(record)
}

func (b *badCRM) EncodeUpdate(changes crm.Changes) ([]byte, error) {
	if b.encode != nil {
		changes = b.encode(changes)
	}
	return b.CRM.EncodeUpdate(changes)
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
	presses bool // what was refused is tried again
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
	park, parked := outcome.(store.Park)
	_, done := outcome.(store.Done)
	switch {
	case done && q.flag:
		claim.Generation += q.pending[claim.Key]
	case again && q.parks:
		outcome = store.Park{Code: retry.Code, Error: retry.Error}
	case parked && q.presses:
		outcome = store.Retry{At: q.w.agentNow().Add(time.Minute), Code: park.Code, Error: park.Error}
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

// onEncode plants a bug in what is written to the CRM.
func onEncode(change func(w *world, c *crm.Changes)) func(*world, *reconcile.Options) {
	return inCRM(func(w *world, b *badCRM) {
		b.encode = func(c crm.Changes) crm.Changes {
			c.Fields = maps.Clone(c.Fields)
			change(w, &c)
			return c
		}
	})
}

// onPatch plants one more replacement in patches, and on what it depends.
func onPatch(path string, value any, when func(ops []replacement) bool) func(*world, *reconcile.Options) {
	return inCenter(func(_ *world, b *badCenter) {
		b.patch = func(ctx context.Context, api referral.API, id, etag string, patch []byte) (referral.Referral, error) {
			var seen []replacement
			var raw []map[string]any
			if json.Unmarshal(patch, &seen) == nil && json.Unmarshal(patch, &raw) == nil && when(seen) {
				if longer, err := json.Marshal(append(raw, map[string]any{"op": "replace", "path": path, "value": value})); err == nil {
					patch = longer
				}
			}
			return api.Patch(ctx, id, etag, patch)
		}
	})
}

// carries tells whether a patch replaces what stands at a path.
func carries(path string) func([]replacement) bool {
	return func(ops []replacement) bool {
		return slices.ContainsFunc(ops, func(op replacement) bool { return op.Path == path })
	}
}

// refusesExpired takes a token that ran out for a refusal.
func refusesExpired(err error) error {
	var trouble troubleError
	if errors.As(err, &trouble) && (trouble.fault == expiredToken || trouble.fault == expiredAfter) {
		return refusalError{"the token is not valid"}
	}
	return err
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

// Worlds of what few histories have.
var (
	wrongClocks  = trouble{editors: 5, deals: 2, customers: 2, lost: 0.1, dropped: 0.9, listLag: time.Second, jumps: true}
	deletions    = trouble{editors: 20, deals: 2, customers: 1, listLag: time.Second, odd: true}
	lateRequests = trouble{editors: 14, deals: 1, customers: 1, listLag: time.Second, rare: map[fault]float64{lateRequest: 0.2, otherEditor: 0.1}}
)

var mutants = []mutant{
	{name: "no base is loaded", finder: 5, options: onLoad(func(d *store.Deal) { d.Base = nil })},
	{name: "no pending attempt is loaded", options: onLoad(func(d *store.Deal) { d.Pending = nil })},
	{name: "the latest pending attempt only is loaded", in: &lateRequests, options: onLoad(func(d *store.Deal) {
		if n := len(d.Pending); n > 1 {
			d.Pending = d.Pending[n-1:]
		}
	})},
	{name: "the oldest pending attempt only is loaded", options: onLoad(func(d *store.Deal) {
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
	{name: "no create is journalled", finder: 26, options: onRecord(func(c *store.Change) { c.Open, c.Settle = nil, nil })},
	{name: "the base moves before the write", finder: 8, options: onRecord(func(c *store.Change) {
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
	{name: "a lost lease is not noticed", finder: 32, options: deals(func(_ *world, b *badDeals) {
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
	{name: "Sync is always read as Yes", finder: 16, options: onRead(func(_ *world, r *crm.Record) { r.Sync = true })},
	{name: "on hold is read as active", finder: 14, options: onRead(func(w *world, r *crm.Record) {
		if r.Fields[w.crm.stage] == w.crm.onHold {
			r.Fields[w.crm.stage] = w.crm.active
		}
	})},
	{name: "a record that was changed this second is written", options: onRead(func(_ *world, r *crm.Record) { r.ModifiedAt = time.Time{} })},
	{name: "the amount is read as empty now and then", finder: 9, options: inCRM(func(w *world, b *badCRM) {
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
	{name: "the referral's key is not unique, and not looked for", finder: 1, noUniqueKey: true, options: inCRM(func(_ *world, b *badCRM) {
		b.find = func() (string, bool, error) { return "", false, nil }
	})},
	{name: "no account is ever found", finder: 4, options: inCRM(func(_ *world, b *badCRM) { b.noHits = true })},
	{name: "own creates are not recognised", options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.ExternalReference = ""; return r }
	})},
	{name: "reading back finds nothing", finder: 2, options: inCenter(func(_ *world, b *badCenter) { b.noCreated = true })},
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
	{name: "a lead is not known as one", finder: 17, options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.Lead = false; return r }
	})},
	{name: "Microsoft's referral is taken for another deal", options: inCenter(func(_ *world, b *badCenter) {
		b.view = func(r referral.Referral) referral.Referral { r.Microsoft = false; return r }
	})},
	{name: "Retry-After is ignored", finder: 27, options: func(_ *world, o *reconcile.Options) { o.RetryAfter = func(error) time.Duration { return 0 } }},
	{name: "failures are tried again at once", queue: inQueue(func(q *badQueue) { q.soon = true })},
	{name: "failures are parked", queue: inQueue(func(q *badQueue) { q.parks = true })},
	{name: "a dirty flag instead of a generation", finder: 30, queue: inQueue(func(q *badQueue) { q.flag = true })},
	{name: "events of a deal under work are dropped", finder: 22, queue: inQueue(func(q *badQueue) { q.forgets = true })},
	{name: "the cursor moves before the events are stored", queue: inQueue(func(q *badQueue) { q.cursors = true })},
	{name: "the lease is shorter than a run", finder: 23, lease: 200 * time.Millisecond},
	{name: "no time to settle", options: inSettings(func(s *reconcile.Settings) { s.Settle = 0 })},
	{name: "flows are not looked at", finder: 34, options: inSettings(func(s *reconcile.Settings) { s.Blocked = nil })},
	{name: "the identifier travels to Partner Center", finder: 19, options: withRows(func(r *mapping.Row) {
		if r.Field == deal.MicrosoftCRMID {
			r.Outbound = true
		}
	})},
	{name: "the name travels on update", options: withRows(func(r *mapping.Row) {
		if r.Field == deal.Name {
			r.OnUpdate = true
		}
	})},
	{name: "the key of one referral goes to all opportunities", finder: 3, options: onEncode(func(w *world, c *crm.Changes) {
		if c.Book.Key != nil {
			for _, id := range w.recordIDs {
				if key := w.records[id].key; key != "" {
					c.Book.Key = &key
					return
				}
			}
		}
	})},
	{name: "an update carries the currency each time", finder: 7, options: onEncode(func(w *world, c *crm.Changes) { c.Fields[w.crm.currency] = "EUR" })},
	{name: "who wins a conflict depends on when the agent was started", finder: 6, options: func(w *world, o *reconcile.Options) {
		if w.effects%2 == 1 {
			withRows(func(r *mapping.Row) { r.Winner = deal.PartnerCenter })(w, o)
		}
	}},
	{name: "a new opportunity's amount is a round one", finder: 11, options: inCRM(func(w *world, b *badCRM) {
		b.fresh = func(record crm.NewRecord) crm.NewRecord { record.Fields[w.crm.amount] = 1000; return record }
	})},
	{name: "with an update that fails the patch before it is sent again", finder: 25, options: func(w *world, o *reconcile.Options) {
		var last struct {
			id, etag string
			patch    []byte
		}
		inCenter(func(_ *world, b *badCenter) {
			b.patch = func(ctx context.Context, api referral.API, id, etag string, patch []byte) (referral.Referral, error) {
				r, err := api.Patch(ctx, id, etag, patch)
				if err == nil {
					last.id, last.etag, last.patch = id, r.ETag, patch
				}
				return r, err
			}
		})(w, o)
		center := o.PartnerCenter
		inCRM(func(_ *world, b *badCRM) {
			b.update = func(ctx context.Context, c crm.CRM, id, version string, payload []byte) error {
				err := c.Update(ctx, id, version, payload)
				if err != nil && last.id != "" {
					_, _ = center.Patch(ctx, last.id, last.etag, last.patch)
				}
				return err
			}
		})(w, o)
	}},
	{name: "what is written to the CRM is logged", finder: 33, options: func(w *world, o *reconcile.Options) {
		log := o.Log
		onEncode(func(_ *world, c *crm.Changes) { log.Debug("writes", "fields", fmt.Sprint(c.Fields)) })(w, o)
	}},
	{name: "the notes are cut in the CRM", finder: 10, options: onEncode(func(w *world, c *crm.Changes) {
		if notes, written := c.Fields[w.crm.notes].(string); written && len(notes) > 4 {
			c.Fields[w.crm.notes] = notes[:4]
		}
	})},
	{name: "whoever edits the notes shows the deal", finder: 12, options: onPatch(visiblePath, true, carries("/details/notes"))},
	{name: "an amount of 0 goes with the notes", finder: 13, options: onPatch("/details/dealValue", 0, carries("/details/notes"))},
	{name: "what is new is accepted with whatever is sent", finder: 15, options: onPatch("/status", "Active", func(ops []replacement) bool { return !carries("/status")(ops) })},
	{name: "a referral is shared without its solutions", finder: 18, options: inCenter(func(_ *world, b *badCenter) {
		b.create = func(ctx context.Context, api referral.API, body []byte) (referral.Referral, error) {
			var tree map[string]any
			if err := json.Unmarshal(body, &tree); err == nil {
				if details, ok := tree["details"].(map[string]any); ok {
					delete(details, "requirements")
				}
				body, _ = json.Marshal(tree)
			}
			return api.Create(ctx, body)
		}
	})},
	{name: "the mark is put before the mark", finder: 20, options: onEncode(func(w *world, c *crm.Changes) {
		if name, written := c.Fields[w.crm.title].(string); written && name != deal.StripMark(name) {
			c.Fields[w.crm.title] = deal.MarkSuccess + name
		}
	})},
	{name: "an opportunity that is gone counts as lost", finder: 21, in: &deletions, options: inCRM(func(w *world, b *badCRM) {
		last := map[string]crm.Record{}
		b.read = func(ctx context.Context, c crm.CRM, id string) (crm.Record, error) {
			r, err := c.Read(ctx, id)
			if known, seen := last[id]; seen && errors.Is(err, crm.ErrNotFound) {
				known.Fields = maps.Clone(known.Fields)
				known.Fields[w.crm.stage] = w.crm.lost
				return known, nil
			}
			if err == nil {
				last[id] = r
			}
			return r, err
		}
	})},
	{name: "a refusal is tried again and again", finder: 24, queue: inQueue(func(q *badQueue) { q.presses = true })},
	{name: "a token that ran out is a refusal", finder: 28, options: func(w *world, o *reconcile.Options) {
		inCRM(func(_ *world, b *badCRM) {
			b.read = func(ctx context.Context, c crm.CRM, id string) (crm.Record, error) {
				r, err := c.Read(ctx, id)
				return r, refusesExpired(err)
			}
		})(w, o)
		inCenter(func(_ *world, b *badCenter) {
			b.get = func(ctx context.Context, api referral.API, id string) (referral.Referral, error) {
				r, err := api.Get(ctx, id)
				return r, refusesExpired(err)
			}
		})(w, o)
	}},
	{name: "what seems half a day away is left alone", finder: 29, options: inCRM(func(w *world, b *badCRM) {
		b.read = func(ctx context.Context, c crm.CRM, id string) (crm.Record, error) {
			r, err := c.Read(ctx, id)
			if w.agentNow().Sub(r.ModifiedAt).Abs() > 12*time.Hour {
				r.Sync = false
			}
			return r, err
		}
	})},
	{name: "with a new document the agent forgets what it said", finder: 35, options: func(w *world, o *reconcile.Options) {
		if w.agents == nil || w.agents[0].epoch < 2 {
			return
		}
		said := map[string]bool{}
		inCRM(func(_ *world, b *badCRM) {
			b.read = func(ctx context.Context, c crm.CRM, id string) (crm.Record, error) {
				r, err := c.Read(ctx, id)
				if err == nil && !said[id] {
					said[id], r.SyncStatus = true, ""
				}
				return r, err
			}
		})(w, o)
	}},
	{name: "the sweep has no overlap", sweep: func(api referral.API) referral.API { return &badCenter{API: api, sinceShift: watch.Overlap} }},
	{name: "the sweep begins by the agent's own clock", ownClock: true, in: &wrongClocks},
	{name: "there is no sweep", finder: 31, sweep: func(api referral.API) referral.API { return &badCenter{API: api, noUpdates: true} }},
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

// hunted are the scenarios in which planted bugs are looked for, in turn; every third history is of the invented CRM.
var hunted = []string{"anything", "killed often", "lost answers", "co-sell", "long pauses", "no webhooks at all", "leads"}

// hunt is the n-th history in which a planted bug is looked for, and what saw the bug in it first: 0 when nothing did, and the
// invariant's number otherwise.
func hunt(m *mutant, n int) (finder int, found string) {
	of := salesforce
	if n%3 == 2 {
		of = invented
	}
	seed, scenario := uint64(1+n/len(hunted)), hunted[n%len(hunted)]
	in := scenarios[scenario]
	if m.in != nil {
		seed, scenario, in = uint64(1+n), "a world of its own", *m.in
	}
	w := newWorldOf(of, seed, in, m)
	defer w.end()
	w.play()
	w.judge()
	if len(w.ledger.broken) == 0 {
		return 0, ""
	}
	first := w.ledger.broken[0]
	return first.number, fmt.Sprintf("%s (%s on %s, seed %d)", first, scenario, of.name, seed)
}

// huntInStories looks for a planted bug in the stories, where a crash or a lost answer strikes every effect.
func huntInStories(m *mutant) (finder int, found string) {
	for _, s := range stories {
		for _, kind := range []fault{crashAfter, lostAnswer} {
			for at := 1; ; at++ {
				w := tellMutant(salesforce, s, struckOnce(at, kind), m)
				w.end()
				if w.script.struckAt == 0 {
					break
				}
				if len(w.ledger.broken) > 0 {
					return w.ledger.broken[0].number, fmt.Sprintf("%s (%s, %s)", w.ledger.broken[0], s.name, w.script)
				}
				at = w.script.struckAt
			}
		}
	}
	return 0, ""
}

// census collects which invariant was the first to find which bug.
type census struct {
	mu        sync.Mutex
	first     map[int][]string
	survivors []string
}

func (c *census) add(finder int, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if finder == 0 {
		c.survivors = append(c.survivors, name)
		return
	}
	c.first[finder] = append(c.first[finder], name)
}

// judge prints the table, and fails when too many bugs survive or an invariant finds none first.
func (c *census) judge(t *testing.T) {
	t.Helper()
	for _, o := range oracles {
		slices.Sort(c.first[o.number])
		switch {
		case !o.watches():
			t.Logf("I%-3d is kept elsewhere: %s", o.number, o.elsewhere)
		case len(c.first[o.number]) == 0:
			t.Errorf("I%-3d is the first to find none: %s", o.number, o.says)
		default:
			t.Logf("I%-3d is the first to find: %s", o.number, strings.Join(c.first[o.number], "; "))
		}
	}
	slices.Sort(c.survivors)
	if t.Logf("%d of %d planted bugs survive: %q", len(c.survivors), len(mutants), c.survivors); len(c.survivors)*30 > len(mutants) {
		t.Errorf("more than one in thirty survives")
	}
}

// watches tells whether the simulator itself judges the invariant.
func (o *oracle) watches() bool { return o.step != nil || o.atRest }

// sample is how many of the planted bugs a plain run looks for, in how many histories each: those that are found at once.
const sample, sampleSeeds = 12, 200

// Every planted bug is found, and every invariant is the first to find one. Looking for all of them takes long: -mutants. Without it, some
// are looked for.
func TestMutants(t *testing.T) {
	if !*allMutants && *onlyMutant == "" {
		fewMutants(t)
		return
	}
	c := &census{first: map[int][]string{}}
	t.Run("all", func(t *testing.T) {
		for i := range mutants {
			m := &mutants[i]
			if *onlyMutant != "" && *onlyMutant != m.name {
				continue
			}
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				finder, found, n := 0, "", 0
				for ; finder == 0 && n < *mutantSeeds; n++ {
					finder, found = hunt(m, n)
				}
				if finder == 0 {
					finder, found = huntInStories(m)
				}
				c.add(finder, m.name)
				t.Logf("MUTANT %-55s after %d histories: %.150s", m.name, n, strings.ReplaceAll(found, "\n", " "))
				own := m.finder != 0 && finder != 0 && finder != m.finder // whose own it is sees it first in another history
				for ; own && n < *mutantSeeds; n++ {
					if finder, found = hunt(m, n); finder == m.finder {
						c.add(finder, m.name)
						t.Logf("MUTANT %-55s after %d histories: %.150s", m.name, n+1, strings.ReplaceAll(found, "\n", " "))
						break
					}
				}
			})
		}
	})
	if *onlyMutant == "" {
		c.judge(t)
	}
}

// fewMutants looks for planted bugs that are easy to find, and fails when one of them is not.
func fewMutants(t *testing.T) {
	t.Helper()
	tried := 0
	for i := range mutants {
		m := &mutants[i]
		if m.finder == 0 || m.finder == 32 || tried == sample { // to lose a lease is rare
			continue
		}
		tried++
		finder, n := 0, 0
		for ; finder == 0 && n < sampleSeeds; n++ {
			finder, _ = hunt(m, n)
		}
		if finder == 0 {
			t.Errorf("%q is not found in %d histories", m.name, n)
		}
	}
}

// ownBug is the planted bug that the invariant is the first to find; nil when there is none.
func (o *oracle) ownBug() *mutant {
	if own := slices.IndexFunc(mutants, func(m mutant) bool { return m.finder == o.number }); own >= 0 {
		return &mutants[own]
	}
	return nil
}

// Every invariant that the simulator watches over has a bug of its own: one that it is the first to find. An invariant without is
// either not reached, or says nothing that others do not say.
func TestEveryInvariantFindsABug(t *testing.T) {
	const most = 600 // histories
	for i := range oracles {
		o := &oracles[i]
		own := o.ownBug()
		if !o.watches() {
			if o.elsewhere == "" {
				t.Errorf("nobody keeps I%d", o.number)
			}
			continue
		}
		if own == nil {
			t.Errorf("I%d has no bug of its own: %s", o.number, o.says)
			continue
		}
		t.Run(fmt.Sprintf("I%d", o.number), func(t *testing.T) {
			t.Parallel()
			others := map[int]int{}
			for n := range most {
				finder, found := hunt(own, n)
				if finder == o.number {
					t.Logf("history %d: %.150s", n, strings.ReplaceAll(found, "\n", " "))
					return
				}
				others[finder]++
			}
			t.Errorf("I%d is not the first to find %q in %d histories; others are: %v", o.number, own.name, most, others)
		})
	}
}

// The tests that judge invariants in other parts of the product exist.
func TestJudgesElsewhereExist(t *testing.T) {
	for _, o := range oracles {
		for _, judge := range strings.Split(o.elsewhere, "; ") {
			in, names := "agent/reconcile", judge
			if directory, list, named := strings.Cut(judge, ": "); named {
				in, names = directory, list
			}
			files, err := filepath.Glob(filepath.Join("../..", in, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			var source strings.Builder
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				source.Write(text)
			}
			for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(names, -1) {
				if !strings.Contains(source.String(), "func "+name+"(") {
					t.Errorf("I%d is said to be judged by %s of %s, which does not exist", o.number, name, in)
				}
			}
		}
	}
}
