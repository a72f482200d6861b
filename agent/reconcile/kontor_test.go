package reconcile_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile/kontor"
)

// simKontor is the service of the invented CRM: it answers in the service's own forms, from the world's records.
type simKontor struct{ w *world }

// number gives a record's number, which the world keeps as text.
func number(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *simKontor) Row(_ context.Context, no int64) (body []byte, err error) {
	w, c, id := s.w, s.w.running, strconv.FormatInt(no, 10)
	return body, w.do(c, call{sys: crmSide, name: "crm.read", on: id, deal: true}, func() error {
		r, ok := w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		shown := r.last
		if former, lags := w.lagging(c, r); lags {
			shown = former
		}
		body = shown.(kontorView).body
		if c.busy {
			c.knows.read[id], c.knows.seen[id] = w.now, shown.(kontorView).fields
		}
		return nil
	})
}

// kontorView is what the service shows of a record, and the same by the names of the mapping.
type kontorView struct {
	body   []byte
	fields map[string]any
}

func kontorShown(w *world, r *record) any {
	body, err := json.Marshal(w.row(r))
	if err != nil {
		panic(err)
	}
	return kontorView{body, maps.Clone(r.fields)}
}

// row is a record as the service keeps it.
func (w *world) row(r *record) kontor.Row {
	row := kontor.Row{
		Number: number(r.id), Touched: r.modified.Unix(), Opened: r.created.Unix(), PartnerKey: r.key, Health: r.status, Lists: lists(r),
		Clerks: []kontor.Person{somebodyThere(somebody(1))}, FirmCells: map[string]any{},
	}
	if r.sync {
		row.Shared = 1
	}
	if r.audit != "" {
		row.Log = strings.Split(r.audit, "\n")
	}
	fields := map[string]any{}
	for name, value := range r.fields {
		if column, firms := strings.CutPrefix(name, "Account."); firms {
			row.FirmCells[column] = value
		} else {
			fields[name] = value
		}
	}
	cells, err := kontor.Cells(fields)
	if err != nil {
		panic(err)
	}
	row.Cells = cells
	return row
}

func lists(r *record) kontor.Lists {
	l := kontor.Lists{Revision: r.revision, People: []kontor.Person{}}
	var offers []string
	for _, sold := range r.solutions {
		offers = append(offers, sold.ID)
	}
	l.Offers = strings.Join(offers, kontor.Delimiter)
	for _, c := range r.contacts {
		l.People = append(l.People, somebodyThere(c.Person))
	}
	return l
}

func somebodyThere(p deal.Person) kontor.Person {
	return kontor.Person{First: p.FirstName, Last: p.LastName, Phone: p.Phone, Mail: p.Email}
}

func (s *simKontor) Lists(_ context.Context, no int64) (body []byte, err error) {
	w, id := s.w, strconv.FormatInt(no, 10)
	return body, w.do(w.running, call{sys: crmSide, name: "crm.lists", on: id, deal: true}, func() (err error) {
		r, ok := w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		body, err = json.Marshal(lists(r))
		return err
	})
}

func (s *simKontor) Firms(context.Context) (body []byte, err error) {
	w := s.w
	return body, w.do(w.running, call{sys: crmSide, name: "crm.accounts", deal: true}, func() (err error) {
		firms := []kontor.Firm{}
		for _, a := range w.accounts {
			firms = append(firms, kontor.Firm{Number: number(a.ID), Label: a.Name, Zip: a.PostalCode, Land: a.Country})
		}
		body, err = json.Marshal(firms)
		return err
	})
}

func (s *simKontor) Find(_ context.Context, key string) (no int64, found bool, err error) {
	w := s.w
	return no, found, w.do(w.running, call{sys: crmSide, name: "crm.find", on: key, deal: true}, func() error {
		var id string
		if id, found = w.recordOf(key); found {
			no = number(id)
		}
		return nil
	})
}

func (s *simKontor) Insert(_ context.Context, body []byte) (no int64, err error) {
	w, c := s.w, s.w.running
	knows := c.knows
	var entry kontor.Entry
	if err := kontor.Decode(body, &entry); err != nil {
		return 0, err
	}
	return no, w.do(c, call{sys: crmSide, name: "crm.create", on: *entry.PartnerKey, write: true, deal: true, payload: body}, func() error {
		if _, exists := w.recordOf(*entry.PartnerKey); exists && (w.mutant == nil || !w.mutant.noUniqueKey) {
			w.ledger.reach(1)
			return crm.ErrExists
		}
		n := crm.NewRecord{ReferralID: *entry.PartnerKey, Fields: kontor.Fields(entry.Cells), Account: entry.FirmCells}
		if entry.Firm != 0 {
			n.AccountID = strconv.FormatInt(entry.Firm, 10)
		}
		w.happens(event{what: recordCreated, c: c, knows: knows, on: n.ReferralID, created: &n})
		if n.AccountID == "" {
			w.accounts = append(w.accounts, w.accountOf(w.id(w.crm.accountIDs), n.Account))
		}
		r := &record{id: w.id(w.crm.recordIDs), fields: n.Fields, sync: *entry.Shared == 1}
		w.addRecord(r)
		w.writeEntry(r, entry)
		no = number(r.id)
		return nil
	})
}

func (s *simKontor) Save(_ context.Context, no int64, revision int, body []byte) error {
	w, c, id := s.w, s.w.running, strconv.FormatInt(no, 10)
	knows := c.knows
	return w.do(c, call{sys: crmSide, name: "crm.update", on: id, write: true, deal: true, payload: body}, func() error {
		r, ok := w.records[id]
		if !ok || r.deleted {
			return crm.ErrNotFound
		}
		if r.revision != revision && (w.mutant == nil || !w.mutant.anyVersion) {
			return crm.ErrChanged
		}
		var entry kontor.Entry
		if err := kontor.Decode(body, &entry); err != nil {
			return err
		}
		changes := crm.Changes{Fields: kontor.Fields(entry.Cells), Book: crm.Bookkeeping{Key: entry.PartnerKey, SyncStatus: entry.Health}}
		if entry.Log != nil {
			audit := strings.Join(entry.Log, "\n")
			changes.Book.Audit = &audit
		}
		w.happens(event{what: recordUpdated, c: c, knows: knows, on: id, record: r, changes: &changes})
		w.writeEntry(r, entry)
		return nil
	})
}

// writeEntry carries out what an entry says.
func (w *world) writeEntry(r *record, entry kontor.Entry) {
	for name, value := range kontor.Fields(entry.Cells) {
		r.fields[name] = value
	}
	if entry.PartnerKey != nil {
		r.key = *entry.PartnerKey
	}
	if entry.Shared != nil {
		r.sync = *entry.Shared == 1
	}
	if entry.Health != nil {
		r.status = *entry.Health
	}
	if entry.Log != nil {
		r.audit = held(strings.Join(entry.Log, "\n"))
	}
	if entry.Offers != nil {
		r.solutions = nil
		for _, offer := range strings.Split(*entry.Offers, kontor.Delimiter) {
			if offer != "" {
				r.solutions = append(r.solutions, crm.SolutionRow{Solution: deal.Solution{ID: offer}, RowID: w.id("row")})
			}
		}
	}
	if entry.People != nil {
		r.contacts = nil
		for _, p := range *entry.People {
			person := deal.Person{FirstName: p.First, LastName: p.Last, Phone: p.Phone, Email: p.Mail}
			r.contacts = append(r.contacts, crm.ContactRow{Person: person, RowID: w.id("row")})
		}
	}
	w.modify(r)
	w.wrote()
}

func (s *simKontor) Journal(_ context.Context, after int64) (body []byte, err error) {
	w := s.w
	return body, w.do(w.running, call{sys: crmSide, name: "crm.feed"}, func() (err error) {
		marks := []kontor.Mark{}
		for _, id := range w.recordIDs {
			if r := w.records[id]; !r.deleted && (r.sync || r.key != "") && r.position > after {
				marks = append(marks, kontor.Mark{Position: r.position, Number: number(id), Revision: r.revision, Touched: r.modified.Unix()})
			}
		}
		slices.SortFunc(marks, func(a, b kontor.Mark) int { return int(a.Position - b.Position) })
		body, err = json.Marshal(kontor.Journal{Now: w.now.Unix(), Marks: marks})
		return err
	})
}

var _ crm.CRM = kontor.Adapter{}
