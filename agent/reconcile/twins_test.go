package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
)

// The twins of the CRM, of Partner Center and of the store's two interfaces.

// record is an opportunity.
type record struct {
	crm      *product
	id       string
	fields   map[string]any
	sync     bool
	key      string
	audit    string
	status   string
	modified time.Time
	revision int
	position int64 // of its last change among all
	// soldPosition is that of the last change of its solutions and contacts.
	soldPosition int64
	// last is what it shows now, former what it showed before the second of its last change.
	last, former any
	shownAt      time.Time // that second
	deleted      bool
	copied       bool // a seller made it by copying another one
	cleared      bool // a seller cleared its Audit field

	contacts  []crm.ContactRow
	solutions []crm.SolutionRow
	feedFrom  time.Time // when the feed shows its last change: rows become visible out of the order of their time stamps
	soldAt    time.Time // when a row of its solutions or contacts last changed; that does not move the record's own stamp

	created   time.Time
	syncSince time.Time            // when a person last changed Sync
	heldSince time.Time            // when it came on hold
	edited    map[string]time.Time // when a person last changed a field
}

type remoteReferral struct {
	id, engagement, reference string
	madeFor                   string // the opportunity that it was created from, also where the reference does not survive
	microsoft, outgoing, lead bool
	hidden                    bool // answers 404 for a while
	tree                      map[string]any
	etag                      int
	created, updated          time.Time
	activeSince               time.Time // when somebody accepted it

	shown  *referral.Referral // the view of this state, made once
	former *referral.Referral // the view of the state before
}

// simCRM is the twin of a CRM like Salesforce.
type simCRM struct{ w *world }

func (s *simCRM) Known(id string) bool { return strings.HasPrefix(id, s.w.crm.recordIDs) }

func (s *simCRM) Read(_ context.Context, id string) (out crm.Record, err error) {
	w, c := s.w, s.w.running
	return out, w.do(c, call{sys: crmSide, name: "crm.read", on: id, deal: true}, func() error {
		r, ok := w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		out = r.view()
		if former, lags := w.lagging(c, r); lags {
			out = former.(crm.Record)
			out.Fields = maps.Clone(out.Fields)
		}
		if c.busy {
			c.knows.read[id], c.knows.seen[id] = w.now, maps.Clone(out.Fields)
		}
		return nil
	})
}

// held is what a long text field of a CRM keeps of a text: 32,768 characters.
func held(text string) string { return text[:min(len(text), 32768)] }

// lagging gives what a replica of the CRM that lags still shows of a record: its state before the second of its last change. Two
// states of one second cannot be told apart by anybody. Nor can a change be told from none when a replica lags while the clock is wrong:
// the watchers look a second time when no replica can lag any longer (agent/watch), and it is the agent's clock that says when.
func (w *world) lagging(c *coroutine, r *record) (former any, lags bool) {
	lags = !w.crm.fresh && c.stale() && r.former != nil && w.now.Sub(r.modified) < replicaLag && w.rightClocks()
	return r.former, lags
}

// rightClocks reports whether every agent's clock has been right for as long as a replica may lag.
func (w *world) rightClocks() bool {
	return !slices.ContainsFunc(w.agents, func(a *agent) bool { return a.skew != 0 || w.now.Sub(a.rightSince) < replicaLag })
}

// keep remembers what a record shows after a change, and what it showed before the second of its last change.
func (w *world) keep(r *record) {
	if stamp := r.stamp(); stamp.After(r.shownAt) {
		r.former, r.shownAt = r.last, stamp
	}
	r.last = w.crm.shown(w, r)
}

// stamp is the record's time stamp: the CRM's have a resolution of one second.
func (r *record) stamp() time.Time { return r.modified.Truncate(time.Second) }

func (r *record) stage() string { stage, _ := r.fields[r.crm.stage].(string); return stage }

func (r *record) view() crm.Record {
	view := crm.Record{
		ID: r.id, Version: r.version(), ModifiedAt: r.stamp(), CreatedAt: r.created, Fields: maps.Clone(r.fields), Sync: r.sync, Key: r.key, Audit: r.audit,
		SyncStatus: r.status, Contacts: slices.Clone(r.contacts), Team: []deal.Person{somebody(1)}, Solutions: slices.Clone(r.solutions),
	}
	view.ReferralID, _ = r.fields[r.crm.referralID].(string)
	return view
}

// version is what the CRM tells a record's states apart by.
func (r *record) version() string {
	if r.crm.counts {
		return strconv.Itoa(r.revision)
	}
	return r.stamp().Format(time.RFC3339Nano)
}

// changedSince tells whether a record is not any more what it was in a version.
func (r *record) changedSince(version string) (bool, error) {
	if r.crm.counts {
		return version != r.version(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, version)
	return r.stamp().After(at), err
}

func (w *world) wrote() { w.writes, w.lastWrite = w.writes+1, w.now }

// sell adds or removes a solution, as people and the agent do.
func (w *world) sell(r *record, id string) {
	r.solutions = append(r.solutions, crm.SolutionRow{Solution: deal.Solution{ID: id}, RowID: w.id("a00")})
	w.resold(r)
}

func (w *world) unsell(r *record, row string) {
	r.solutions = slices.DeleteFunc(slices.Clone(r.solutions), func(s crm.SolutionRow) bool { return s.RowID == row })
	w.resold(r)
}

// resold notes that a row of a record's solutions or contacts changed.
func (w *world) resold(r *record) {
	r.soldAt = w.now
	w.hides(r)
	w.touched()
	r.soldPosition = int64(w.changes)
	if w.crm.inline {
		w.modify(r)
		return
	}
	w.keep(r)
}

// modify moves the record's time stamp and revision.
func (w *world) modify(r *record) {
	if r.stage() != r.crm.onHold {
		r.heldSince = time.Time{}
	} else if r.heldSince.IsZero() {
		r.heldSince = w.now
	}
	r.modified = w.now
	w.hides(r)
	w.touched()
	r.revision, r.position = r.revision+1, int64(w.changes)
	w.keep(r)
}

// hides keeps a change of a record from the feed for a moment, as the transaction that made it does which has not come to its end.
func (w *world) hides(r *record) {
	if lag := int(w.trouble.listLag / time.Millisecond); lag > 0 {
		r.feedFrom = w.now.Add(time.Duration(w.random.IntN(lag)) * time.Millisecond)
	}
}

func (w *world) addRecord(r *record) {
	r.crm, r.created = w.crm, w.now
	w.records[r.id] = r
	w.recordIDs = append(w.recordIDs, r.id)
	w.modify(r)
}

func (s *simCRM) FindByReferral(_ context.Context, referralID string) (id string, found bool, err error) {
	w := s.w
	return id, found, w.do(w.running, call{sys: crmSide, name: "crm.find", on: referralID, deal: true}, func() error {
		id, found = w.recordOf(referralID)
		return nil
	})
}

func (s *simCRM) FindDeleted(_ context.Context, referralID string, since time.Time) (id string, found bool, err error) {
	w := s.w
	return id, found, w.do(w.running, call{sys: crmSide, name: "crm.find_deleted", on: referralID, deal: true}, func() error {
		for _, of := range w.recordIDs {
			if r := w.records[of]; r.deleted && strings.EqualFold(r.key, referralID) && !r.created.Before(since) {
				id, found = of, true
			}
		}
		return nil
	})
}

func (w *world) recordOf(referralID string) (string, bool) {
	for _, id := range w.recordIDs {
		if r := w.records[id]; r.key != "" && !r.deleted && strings.EqualFold(r.key, referralID) {
			return id, true
		}
	}
	return "", false
}

// ownerOf gives the opportunity of a referral, also before its key was written.
func (w *world) ownerOf(r *remoteReferral) (string, bool) {
	if id, found := w.recordOf(r.id); found {
		return id, true
	}
	_, found := w.records[r.madeFor]
	return r.madeFor, found
}

func (s *simCRM) FindAccounts(_ context.Context, customer match.Customer) (found match.Found, err error) {
	w := s.w
	return found, w.do(w.running, call{sys: crmSide, name: "crm.accounts", on: customer.Name, deal: true}, func() error {
		found.Accounts = slices.Clone(w.accounts)
		return nil
	})
}

func (s *simCRM) Catalogue(_ context.Context, solutions []deal.Solution) (list []crm.NewSolution, err error) {
	w := s.w
	return list, w.do(w.running, call{sys: crmSide, name: "crm.catalogue", on: "", deal: true}, func() error {
		list = nil
		for _, sold := range solutions {
			list = append(list, crm.NewSolution{Solution: sold})
		}
		return nil
	})
}

func (s *simCRM) Contacts(_ context.Context, _ string, people []deal.Person) (list []crm.NewContact, err error) {
	w := s.w
	return list, w.do(w.running, call{sys: crmSide, name: "crm.contacts", deal: true}, func() error {
		list = nil
		for _, person := range people {
			list = append(list, crm.NewContact{Person: person})
		}
		return nil
	})
}

// Owner looks for users in an organisation where nobody of a referral's team is one.
func (s *simCRM) Owner(_ context.Context, people []deal.Person) (string, error) {
	if len(people) == 0 {
		return "", nil
	}
	w := s.w
	return "", w.do(w.running, call{sys: crmSide, name: "crm.owner", deal: true}, func() error { return nil })
}

// meet gives somebody a role in a record, as people and the agent do; leave takes it away.
func (w *world) meet(r *record, person deal.Person) {
	r.contacts = append(r.contacts, crm.ContactRow{Person: person, RowID: w.id("00K")})
	w.resold(r)
}

func (w *world) leave(r *record, row string) {
	r.contacts = slices.DeleteFunc(slices.Clone(r.contacts), func(c crm.ContactRow) bool { return c.RowID == row })
	w.resold(r)
}

func (s *simCRM) EncodeCreate(r crm.NewRecord) ([]byte, error) { return json.Marshal(r) }

func (s *simCRM) Create(_ context.Context, payload []byte) (id string, err error) {
	w, c := s.w, s.w.running
	knows := c.knows
	var n crm.NewRecord
	if err := json.Unmarshal(payload, &n); err != nil {
		return "", err
	}
	return id, w.do(c, call{sys: crmSide, name: "crm.create", on: n.ReferralID, write: true, deal: true, payload: payload}, func() error {
		_, exists := w.recordOf(n.ReferralID)
		if exists && (w.mutant == nil || !w.mutant.noUniqueKey) {
			w.ledger.reach(1)
			return crm.ErrExists
		}
		w.happens(event{what: recordCreated, c: c, knows: knows, on: n.ReferralID, created: &n})
		if n.AccountID == "" {
			w.accounts = append(w.accounts, w.accountOf(w.id(w.crm.accountIDs), n.Account))
		}
		id = w.id(w.crm.recordIDs)
		created := &record{
			id: id, fields: n.Fields, sync: true, key: strings.ToLower(n.ReferralID), audit: n.Audit, status: n.SyncStatus,
		}
		w.addRecord(created)
		for _, sold := range n.Solutions {
			w.sell(created, sold.ID)
		}
		for _, contact := range n.Contacts {
			w.meet(created, contact.Person)
		}
		w.wrote()
		return nil
	})
}

func (w *world) accountOf(id string, fields map[string]any) match.Account {
	return match.Account{ID: id, Name: fmt.Sprint(fields[related(w.crm.firm)]), PostalCode: fmt.Sprint(fields[related(w.crm.postalCode)]), Country: "NO"}
}

func (s *simCRM) EncodeUpdate(changes crm.Changes) ([]byte, error) { return json.Marshal(changes) }

func (s *simCRM) Update(_ context.Context, id, version string, payload []byte) error {
	w, c := s.w, s.w.running
	knows := c.knows
	return w.do(c, call{sys: crmSide, name: "crm.update", on: id, write: true, deal: true, payload: payload}, func() error {
		r, ok := w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		changed, err := r.changedSince(version)
		if w.mutant != nil && w.mutant.anyVersion {
			changed, err = false, nil
		}
		if err != nil {
			return err
		}
		if changed {
			return crm.ErrChanged
		}
		var u crm.Changes
		if err := json.Unmarshal(payload, &u); err != nil {
			return err
		}
		if err := r.sealed(u); err != nil {
			return err
		}
		w.happens(event{what: recordUpdated, c: c, knows: knows, on: id, record: r, changes: &u})
		maps.Copy(r.fields, u.Fields)
		if u.Book.Key != nil {
			r.key = *u.Book.Key
		}
		if u.Book.Audit != nil {
			r.audit = held(*u.Book.Audit)
		}
		if u.Book.SyncStatus != nil {
			r.status = *u.Book.SyncStatus
		}
		r.sync = r.sync || u.Book.Share
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
		w.modify(r)
		w.wrote()
		return nil
	})
}

// Changes is the CRM's feed.
func (s *simCRM) Changes(_ context.Context, position string) (hits []crm.Hit, next string, err error) {
	w := s.w
	next = position
	return hits, next, w.do(w.running, call{sys: crmSide, name: "crm.feed"}, func() error {
		since, _ := time.Parse(time.RFC3339Nano, position)
		latest, from := since, since.Add(-watch.Overlap)
		for _, id := range w.recordIDs {
			r := w.records[id]
			moved := r.stamp()
			if sold := r.soldAt.Truncate(time.Second); sold.After(moved) {
				moved = sold
			}
			if r.deleted || !r.sync && r.key == "" || moved.Before(from) || w.now.Before(r.feedFrom) {
				continue
			}
			hits = append(hits, crm.Hit{ID: id, Version: moved.Format(time.RFC3339Nano), At: moved})
			if moved.After(latest) {
				latest = moved
			}
		}
		if latest.After(since) {
			next = latest.Format(time.RFC3339Nano)
		}
		return nil
	})
}

// simCenter is Partner Center's twin.
type simCenter struct{ w *world }

// view shows the referral as JSON decoding gives it. A state is shown once; nobody may change what is shown.
func (r *remoteReferral) view() referral.Referral {
	if r.shown == nil {
		tree, _ := plain(r.tree).(map[string]any)
		tree["id"] = r.id
		name, _ := tree["name"].(string)
		r.shown = &referral.Referral{
			ID: r.id, EngagementID: r.engagement, ETag: strconv.Itoa(r.etag), ExternalReference: r.reference, Name: name, Microsoft: r.microsoft,
			Outgoing: r.outgoing, Lead: r.lead && tree["status"] != "Active", CreatedAt: r.created, UpdatedAt: r.updated, Tree: tree,
		}
	}
	return *r.shown
}

// plain copies a tree with the types that JSON decoding gives.
func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			out[key] = plain(child)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = plain(child)
		}
		return out
	case int:
		return float64(v)
	default:
		return v
	}
}

// replicaLag is how long a read may show what was there before.
const replicaLag = 3 * time.Second

func (s *simCenter) Get(_ context.Context, id string) (out referral.Referral, err error) {
	w, c := s.w, s.w.running
	id = strings.ToLower(id)
	k := call{sys: centerSide, name: "pc.get", on: id, deal: true}
	return out, w.do(c, k, func() error {
		r, ok := w.referrals[id]
		if !ok || r.hidden {
			w.ledger.reach(21)
			return referral.ErrNotFound
		}
		out = r.view()
		if c.stale() && r.former != nil && w.now.Sub(r.updated) < replicaLag {
			out = *r.former
		}
		if c.partial() {
			out.Tree = without(out.Tree)
		}
		if c.busy {
			c.knows.read[id], c.knows.etag[id], c.knows.shown[id] = w.now, out.ETag, out.Tree
		}
		return nil
	})
}

func (s *simCenter) Create(_ context.Context, body []byte) (out referral.Referral, err error) {
	w, c := s.w, s.w.running
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		return out, err
	}
	reference, _ := tree["externalReferenceId"].(string)
	engagement, joins := tree["engagementId"].(string)
	name := "pc.create"
	if joins {
		name = "pc.help"
	}
	return out, w.do(c, call{sys: centerSide, name: name, on: reference, write: true, deal: true, payload: body}, func() error {
		if w.refuses || w.ledger.poisoned[reference] {
			w.ledger.reach(24)
			return refusalError{"no, says request " + w.id("")}
		}
		r := &remoteReferral{id: w.id("r"), engagement: w.id("e"), reference: reference, madeFor: reference, outgoing: true, tree: plain(tree).(map[string]any), created: w.now, updated: w.now}
		if w.trouble.noRefs {
			r.reference = ""
		}
		if joins {
			if theirs := w.microsofts(engagement); theirs != nil && theirs.reference == "" && !w.trouble.noRefs {
				return refusalError{"the portal asked already"}
			}
			r.engagement, r.microsoft, r.outgoing = engagement, true, false
			r.tree["status"], r.tree["substatus"] = "New", "Pending"
		} else {
			r.tree["status"], r.tree["substatus"] = "Active", "Accepted"
		}
		w.happens(event{what: referralCreated, c: c, on: reference, referral: r, tree: tree})
		w.referrals[r.id] = r
		w.touched()
		w.wrote()
		w.announce(r)
		out = r.view()
		return nil
	})
}

// replacement is one operation of a JSON Patch.
type replacement struct {
	Path  string
	Value any
}

func (s *simCenter) Patch(_ context.Context, id, etag string, patch []byte) (out referral.Referral, err error) {
	w, c := s.w, s.w.running
	id = strings.ToLower(id)
	knows := c.knows
	return out, w.do(c, call{sys: centerSide, name: "pc.patch", on: id, write: true, deal: true, payload: patch}, func() error {
		r, ok := w.referrals[id]
		if !ok || r.hidden {
			return referral.ErrNotFound
		}
		if strconv.Itoa(r.etag) != etag && (w.mutant == nil || !w.mutant.anyETag) {
			return referral.ErrChanged
		}
		var ops []replacement
		if err := json.Unmarshal(patch, &ops); err != nil {
			return err
		}
		w.happens(event{what: referralPatched, c: c, knows: knows, on: id, referral: r, ops: ops})
		if r.tree["status"] == "Closed" {
			return refusalError{"the referral is closed"}
		}
		for _, op := range ops {
			if op.Path == "/externalReferenceId" && !w.trouble.noRefs {
				r.reference, _ = op.Value.(string)
			}
			w.set(r, op.Path, op.Value)
		}
		w.touch(r)
		w.wrote()
		w.announce(r)
		out = r.view()
		return nil
	})
}

// touch ends a change of a referral: it has another version now.
func (w *world) touch(r *remoteReferral) {
	if r.shown != nil {
		if former := r.view(); !r.updated.Equal(w.now) { // two states of one instant cannot be told apart by anybody
			r.former = &former
		}
		r.shown = nil
	}
	if r.tree["status"] == "Active" && r.activeSince.IsZero() {
		r.activeSince = w.now
	}
	r.etag, r.updated = r.etag+1, w.now
	w.touched()
}

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

// at gives what a referral holds at a JSON Pointer.
func at(tree map[string]any, path string) any {
	var node any = tree
	for _, step := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		branch, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = branch[step]
	}
	return node
}

// list lists what lags behind: what is created or changed shows a moment later.
func (s *simCenter) list(name, on string, keep func(*remoteReferral) bool, at func(*referral.Referral) time.Time) (out []referral.Referral, err error) {
	w := s.w
	return out, w.do(w.running, call{sys: centerSide, name: name, on: on}, func() error {
		visible := w.now.Add(-w.trouble.listLag)
		for _, r := range w.referrals {
			if r.created.After(visible) || !keep(r) {
				continue
			}
			view := r.view()
			if r.updated.After(visible) && r.former != nil {
				view = *r.former
			}
			out = append(out, view)
		}
		slices.SortFunc(out, func(a, b referral.Referral) int {
			if order := at(&b).Compare(at(&a)); order != 0 {
				return order
			}
			return strings.Compare(a.ID, b.ID)
		})
		return nil
	})
}

func createdAt(r *referral.Referral) time.Time { return r.CreatedAt }
func updatedAt(r *referral.Referral) time.Time { return r.UpdatedAt }

func (s *simCenter) CreatedSince(_ context.Context, since time.Time) ([]referral.Referral, error) {
	out, err := s.list("pc.created", "", func(r *remoteReferral) bool { return !r.created.Before(since) }, createdAt)
	if err == nil {
		s.w.ledger.lookedBack(s.w, "")
	}
	return out, err
}

func (s *simCenter) UpdatedSince(_ context.Context, since time.Time) ([]referral.Referral, error) {
	out, err := s.list("pc.updated", "", func(r *remoteReferral) bool { return !r.updated.Before(since) }, updatedAt)
	return slices.DeleteFunc(out, func(r referral.Referral) bool { return r.UpdatedAt.Before(since) }), err
}

func (s *simCenter) Waiting(_ context.Context) ([]referral.Referral, error) {
	return s.list("pc.waiting", "", func(r *remoteReferral) bool { return r.tree["status"] == "New" }, updatedAt)
}

func (s *simCenter) Engagement(_ context.Context, engagementID string) ([]referral.Referral, error) {
	out, err := s.list("pc.engagement", engagementID, func(r *remoteReferral) bool { return r.engagement == engagementID }, createdAt)
	if err == nil {
		s.w.ledger.lookedBack(s.w, engagementID)
	}
	return out, err
}

func (s *simCenter) OldestFirst(context.Context) iter.Seq2[referral.Referral, error] {
	return func(yield func(referral.Referral, error) bool) {
		list, err := s.list("pc.all", "", func(*remoteReferral) bool { return true }, createdAt)
		slices.Reverse(list)
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(referral.Referral{}, err)
		}
	}
}

func (s *simCenter) FindByReference(_ context.Context, recordID string, from, to time.Time) (referral.Referral, bool, error) {
	list, err := s.list("pc.named", recordID, func(r *remoteReferral) bool {
		return !r.microsoft && r.reference == recordID && !r.created.Before(from) && !r.created.After(to)
	}, createdAt)
	if err != nil {
		return referral.Referral{}, false, err
	}
	s.w.ledger.lookedBack(s.w, "")
	if len(list) == 0 {
		return referral.Referral{}, false, nil
	}
	return list[len(list)-1], true, nil
}

// announce sends a webhook, as reliably as this world's Partner Center does.
func (w *world) announce(r *remoteReferral) {
	if w.random.Float64() < w.trouble.dropped && w.deals(droppedWebhook) {
		w.cover(droppedWebhook, "webhook")
		w.ledger.reach(31)
		return
	}
	for copies := range 1 + w.random.IntN(2) {
		if copies > 0 {
			w.cover(repeatedWebhook, "webhook")
		}
		event := store.Event{ID: w.id("webhook"), Source: "webhook", Key: store.ReferralKey(r.id), Priority: store.Live}
		delay := time.Duration(w.random.IntN(4000)) * time.Millisecond
		if w.trouble.lateHooks && w.random.IntN(6) == 0 && w.deals(lateWebhook) {
			delay = time.Duration(w.random.IntN(48*60)) * time.Minute
			w.cover(lateWebhook, "webhook")
		}
		w.after(delay, func() { w.deliver(event) })
	}
	if w.trouble.strangers && w.random.IntN(4) == 0 && w.deals(strangeWebhook) {
		w.cover(strangeWebhook, "webhook")
		stranger := store.Event{ID: w.id("webhook"), Source: "webhook", Key: store.ReferralKey(w.id("stranger")), Priority: store.Live}
		w.after(time.Duration(w.random.IntN(4000))*time.Millisecond, func() { w.deliver(stranger) })
	}
}

// deliver hands a webhook to whichever agent is up; Partner Center tries again while none is.
func (w *world) deliver(event store.Event) {
	up := slices.IndexFunc(w.agents, func(a *agent) bool { return len(a.crew) > 0 })
	if up < 0 {
		w.after(30*time.Second, func() { w.deliver(event) })
		return
	}
	w.running = w.agents[up].crew[0]
	_ = w.agents[up].queue.Enqueue(context.Background(), []store.Event{event}, nil)
	w.ledger.acknowledged[event.Key] = w.ledger.count()
	w.ledger.reach(22)
	w.running = nil
}

func (w *world) poll() error {
	_, err := watch.Records(context.Background(), w.feed(), w.running.agent.queue, w.agentNow())
	return err
}

func (w *world) sweep() error {
	_, err := watch.Referrals(context.Background(), w.center(), w.running.agent.queue, w.centerNow(), time.Time{})
	return err
}

// centerNow gives the time by Partner Center's clock, which its answers tell.
func (w *world) centerNow() func() time.Time {
	if w.mutant != nil && w.mutant.ownClock {
		return w.agentNow
	}
	return func() time.Time { return w.now }
}

func (w *world) feed() crm.Feed {
	if m := w.mutant; m != nil && m.feed != nil {
		return m.feed(w.crm.twin(w))
	}
	return w.crm.twin(w)
}

func (w *world) center() referral.API {
	if m := w.mutant; m != nil && m.sweep != nil {
		return m.sweep(&simCenter{w})
	}
	return &simCenter{w}
}

// simStore yields around the engine's transactions.
type simStore struct {
	store.Deals
	w *world
}

func (s *simStore) Record(ctx context.Context, claim store.Claim, change store.Change) error {
	c := s.w.running
	return s.w.do(c, call{sys: storeSide, name: "store.record", on: claim.Key, write: true}, func() error {
		s.w.dueKnown = false
		if err := s.Deals.Record(ctx, claim, change); err != nil {
			return err
		}
		s.w.happens(event{what: recorded, c: c, on: claim.Key, change: &change})
		return nil
	})
}

func (s *simStore) Absorb(ctx context.Context, claim store.Claim, into string) error {
	c := s.w.running
	return s.w.do(c, call{sys: storeSide, name: "store.absorb", on: claim.Key, write: true}, func() error {
		err := s.Deals.Absorb(ctx, claim, into)
		if err == nil {
			c.claim.Key = ""
		}
		s.w.dueKnown = false
		return err
	})
}

func (s *simStore) Release(ctx context.Context, lease store.Lease) error {
	if s.w.running == nil || s.w.running.dead {
		return nil // the process is gone
	}
	return s.Deals.Release(ctx, lease)
}

// simQueue is the queue as watchers, intake and workers see it.
type simQueue struct {
	store.Queue
	w *world
}

func (q *simQueue) Claim(ctx context.Context, n int, lease time.Duration) ([]store.Claim, error) {
	q.w.dueKnown = false
	return q.Queue.Claim(ctx, n, lease)
}

func (q *simQueue) Settle(ctx context.Context, claim store.Claim, outcome store.Outcome) error {
	w, c := q.w, q.w.running
	return w.do(c, call{sys: storeSide, name: "store.settle", on: claim.Key, write: true}, func() error {
		w.happens(event{what: settledRun, c: c, on: claim.Key, outcome: outcome})
		w.dueKnown = false
		err := q.Queue.Settle(ctx, claim, outcome)
		if err == nil {
			w.stillDue(c, claim.Key, outcome)
		}
		return err
	})
}

func (q *simQueue) Enqueue(ctx context.Context, events []store.Event, cursor *store.Cursor) error {
	w := q.w
	put := func() error {
		w.dueKnown = false
		if err := q.Queue.Enqueue(ctx, events, cursor); err != nil {
			return err
		}
		w.happens(event{what: enqueued, c: w.running, events: events, cursor: cursor})
		return nil
	}
	if w.running == nil || !w.running.watcher {
		return put() // a webhook: its sender repeats it when the answer does not come
	}
	return w.do(w.running, call{sys: storeSide, name: "store.enqueue", on: w.running.name, write: true}, put)
}
