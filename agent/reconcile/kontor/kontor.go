// Package kontor is the adapter of a CRM that does not exist. Tests use it to show that the engine, the merge and the mapping know
// nothing of any real one: whatever they could take for granted is different here. Records have numbers; a counter, and not a time,
// is their version; the change feed is a journal with positions that count; amounts are in hundredths and dates are numbers of days;
// solutions are one delimited text on the record, contacts stand on it too, and there are no leads. Only what stands on the customer's
// firm keeps the prefix "Account.", by which the engine tells it from what stands on the record.
package kontor

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
)

// Service is the CRM's interface on the network. Bodies are JSON. It fails with the errors of package crm where they fit.
type Service interface {
	// Row reads a record, as a [Row]; Lists what of it is a list, as [Lists]; Firms all firms, as a list of [Firm].
	Row(ctx context.Context, number int64) ([]byte, error)
	Lists(ctx context.Context, number int64) ([]byte, error)
	Firms(ctx context.Context) ([]byte, error)
	// Find finds a record by its partner key, of which there is one at the most.
	Find(ctx context.Context, partnerKey string) (number int64, found bool, err error)
	// Insert makes a record of an [Entry], Save writes one over the record's revision.
	Insert(ctx context.Context, body []byte) (number int64, err error)
	Save(ctx context.Context, number int64, revision int, body []byte) error
	// Journal gives what changed after a position, as a [Journal].
	Journal(ctx context.Context, after int64) ([]byte, error)
}

// Lists are the lists of a record, with the revision at which they were read.
type Lists struct {
	Revision int      `json:"rev"`
	Offers   string   `json:"offers"` // identifiers of solutions, delimited
	People   []Person `json:"people"`
}

// Row is a record as the service gives it.
type Row struct {
	Lists
	Number     int64          `json:"no"`
	Touched    int64          `json:"touched"` // Unix seconds
	Opened     int64          `json:"opened"`  // Unix seconds
	Cells      map[string]any `json:"cells"`
	Shared     int            `json:"shared"`
	PartnerKey string         `json:"partner_key"`
	Health     string         `json:"health"`
	Log        []string       `json:"log"`
	Clerks     []Person       `json:"clerks"`
	Firm       int64          `json:"firm"`
	FirmCells  map[string]any `json:"firm_cells"`
}

// Entry is what a new record or a save carries. What is absent stays as it is.
type Entry struct {
	Cells      map[string]any `json:"cells,omitempty"`
	Shared     *int           `json:"shared,omitempty"`
	PartnerKey *string        `json:"partner_key,omitempty"`
	Health     *string        `json:"health,omitempty"`
	Log        []string       `json:"log,omitempty"`
	Offers     *string        `json:"offers,omitempty"`
	People     *[]Person      `json:"people,omitempty"`
	Firm       int64          `json:"firm,omitempty"` // 0 with cells: a new one
	FirmCells  map[string]any `json:"firm_cells,omitempty"`
	Change     *Change        `json:"change,omitempty"`
}

// Change is what a save does to lists. It is worked out against the lists of the revision that is written over, and never sent.
type Change struct {
	Offers, NoOffers []string
	People           []Person
	NoPeople         []string // by address
}

// Person is a contact or a clerk.
type Person struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Phone string `json:"phone"`
	Mail  string `json:"mail"`
}

// Firm is a customer.
type Firm struct {
	Number int64  `json:"no"`
	Label  string `json:"label"`
	Zip    string `json:"zip"`
	Land   string `json:"land"`
}

// Journal is a part of the journal, by position, and the service's time in Unix seconds.
type Journal struct {
	Now   int64  `json:"now"`
	Marks []Mark `json:"marks"`
}

// Mark is a place in the journal.
type Mark struct {
	Position int64 `json:"at"`
	Number   int64 `json:"no"`
	Revision int   `json:"rev"`
	Touched  int64 `json:"touched"`
}

// Delimiter stands between the solutions of a record.
const Delimiter = "; "

// Adapter is a [crm.CRM] and its [crm.Feed].
type Adapter struct{ Service Service }

// digits is how long a record's number is, first its leading one.
const digits, leading = 7, "1"

// Known reports whether a text can be the number of a record.
func (a Adapter) Known(id string) bool {
	_, err := strconv.ParseInt(id, 10, 64)
	return err == nil && len(id) == digits && strings.HasPrefix(id, leading)
}

// Read reads a record.
func (a Adapter) Read(ctx context.Context, id string) (crm.Record, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return crm.Record{}, crm.ErrNotFound
	}
	body, err := a.Service.Row(ctx, number)
	if err != nil {
		return crm.Record{}, err
	}
	var row Row
	if err := decode(body, &row); err != nil {
		return crm.Record{}, err
	}
	record := crm.Record{
		ID: id, Version: strconv.Itoa(row.Revision), ModifiedAt: time.Unix(row.Touched, 0).UTC(), CreatedAt: time.Unix(row.Opened, 0).UTC(), Fields: map[string]any{}, Sync: row.Shared == 1,
		Key: row.PartnerKey, Audit: strings.Join(row.Log, "\n"), SyncStatus: row.Health, Team: persons(row.Clerks), AccountID: number64(row.Firm),
	}
	for column, cell := range row.Cells {
		name, value := fromCell(column, cell)
		record.Fields[name] = value
	}
	for column, cell := range row.FirmCells {
		record.Fields["Account."+column] = cell
	}
	record.ReferralID, _ = record.Fields["partner_no"].(string)
	for _, p := range row.People {
		record.Contacts = append(record.Contacts, crm.ContactRow{Person: person(p), RowID: p.Mail})
	}
	for _, offer := range split(row.Offers) {
		record.Solutions = append(record.Solutions, crm.SolutionRow{Solution: deal.Solution{ID: offer}, RowID: offer})
	}
	return record, nil
}

// FindByReferral finds the record of a referral.
func (a Adapter) FindByReferral(ctx context.Context, referralID string) (string, bool, error) {
	number, found, err := a.Service.Find(ctx, strings.ToLower(referralID))
	if err != nil || !found {
		return "", false, err
	}
	return number64(number), true, nil
}

// FindDeleted finds nothing: what is deleted here is gone for good.
func (Adapter) FindDeleted(context.Context, string, time.Time) (string, bool, error) {
	return "", false, nil
}

// FindAccounts gives all firms: there are few.
func (a Adapter) FindAccounts(ctx context.Context, _ match.Customer) (found match.Found, err error) {
	body, err := a.Service.Firms(ctx)
	if err != nil {
		return found, err
	}
	var firms []Firm
	if err := decode(body, &firms); err != nil {
		return found, err
	}
	for _, f := range firms {
		found.Accounts = append(found.Accounts, match.Account{ID: number64(f.Number), Name: f.Label, PostalCode: f.Zip, Country: f.Land})
	}
	return found, nil
}

// Catalogue knows nothing of solutions but their identifiers.
func (a Adapter) Catalogue(_ context.Context, solutions []deal.Solution) (list []crm.NewSolution, _ error) {
	for _, s := range solutions {
		list = append(list, crm.NewSolution{Solution: s})
	}
	return list, nil
}

// Contacts knows nobody beside those on the records.
func (a Adapter) Contacts(_ context.Context, _ string, people []deal.Person) (list []crm.NewContact, _ error) {
	for _, p := range people {
		list = append(list, crm.NewContact{Person: p})
	}
	return list, nil
}

// Owner leaves every record to the agent.
func (a Adapter) Owner(context.Context, []deal.Person) (string, error) { return "", nil }

// EncodeCreate gives the entry of a new record.
func (a Adapter) EncodeCreate(n crm.NewRecord) ([]byte, error) {
	shared, key := 1, strings.ToLower(n.ReferralID)
	entry := Entry{
		Cells: map[string]any{}, Shared: &shared, PartnerKey: &key, Health: &n.SyncStatus, Log: strings.Split(n.Audit, "\n"), FirmCells: n.Account,
	}
	var offers []string
	for _, s := range n.Solutions {
		offers = append(offers, s.ID)
	}
	list := strings.Join(offers, Delimiter)
	entry.Offers = &list
	people := []Person{}
	for _, c := range n.Contacts {
		people = append(people, unperson(c.Person))
	}
	entry.People = &people
	if n.AccountID != "" {
		firm, err := strconv.ParseInt(n.AccountID, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("firm %q: %w", n.AccountID, err)
		}
		entry.Firm = firm
	}
	if err := toCells(entry.Cells, n.Fields); err != nil {
		return nil, err
	}
	return json.Marshal(entry)
}

// Create inserts a record.
func (a Adapter) Create(ctx context.Context, payload []byte) (string, error) {
	number, err := a.Service.Insert(ctx, payload)
	if err != nil {
		return "", err
	}
	return number64(number), nil
}

// EncodeUpdate gives the entry of a save, with what is to change in lists.
func (a Adapter) EncodeUpdate(c crm.Changes) ([]byte, error) {
	entry := Entry{Cells: map[string]any{}, PartnerKey: c.Book.Key, Health: c.Book.SyncStatus}
	if c.Book.Audit != nil {
		entry.Log = strings.Split(*c.Book.Audit, "\n")
	}
	if c.Book.Share {
		shared := 1
		entry.Shared = &shared
	}
	if c.Rows() {
		entry.Change = &Change{NoOffers: c.Remove, NoPeople: c.RemoveContacts}
		for _, s := range c.Add {
			entry.Change.Offers = append(entry.Change.Offers, s.ID)
		}
		for _, p := range c.AddContacts {
			entry.Change.People = append(entry.Change.People, unperson(p.Person))
		}
	}
	if err := toCells(entry.Cells, c.Fields); err != nil {
		return nil, err
	}
	return json.Marshal(entry)
}

// Update saves over the revision that was read. Lists are written whole, as they were at that revision but for the change.
func (a Adapter) Update(ctx context.Context, id, version string, payload []byte) error {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return crm.ErrNotFound
	}
	revision, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("version %q: %w", version, err)
	}
	var entry Entry
	if err := decode(payload, &entry); err != nil {
		return err
	}
	if entry.Change != nil {
		if err := a.lists(ctx, number, revision, &entry); err != nil {
			return err
		}
		if payload, err = json.Marshal(entry); err != nil {
			return err
		}
	}
	return a.Service.Save(ctx, number, revision, payload)
}

// lists works the change of an entry out.
func (a Adapter) lists(ctx context.Context, number int64, revision int, entry *Entry) error {
	body, err := a.Service.Lists(ctx, number)
	if err != nil {
		return err
	}
	var lists Lists
	if err := decode(body, &lists); err != nil {
		return err
	}
	if lists.Revision != revision {
		return crm.ErrChanged
	}
	change := entry.Change
	entry.Change = nil
	offers := slices.DeleteFunc(split(lists.Offers), func(offer string) bool { return slices.Contains(change.NoOffers, offer) })
	list := strings.Join(append(offers, change.Offers...), Delimiter)
	entry.Offers = &list
	people := slices.DeleteFunc(lists.People, func(p Person) bool { return slices.Contains(change.NoPeople, p.Mail) })
	for _, p := range change.People {
		people = append(slices.DeleteFunc(people, func(other Person) bool { return strings.EqualFold(other.Mail, p.Mail) }), p)
	}
	entry.People = &people
	return nil
}

// lag is how many seconds a read may lag behind the journal. What is younger is shown once more.
const lag = 10

// Changes reads the journal on from a position.
func (a Adapter) Changes(ctx context.Context, position string) (hits []crm.Hit, next string, err error) {
	after, _ := strconv.ParseInt(position, 10, 64) // "": from the beginning
	body, err := a.Service.Journal(ctx, after)
	if err != nil {
		return nil, position, err
	}
	var journal Journal
	if err := decode(body, &journal); err != nil {
		return nil, position, err
	}
	for _, m := range journal.Marks {
		hits = append(hits, crm.Hit{ID: number64(m.Number), Version: strconv.Itoa(m.Revision), At: time.Unix(m.Touched, 0).UTC()})
	}
	for _, m := range journal.Marks {
		if journal.Now-m.Touched < lag {
			break
		}
		after = m.Position
	}
	return hits, number64(after), nil
}

const day = 24 * 60 * 60

// fromCell gives a cell by the name and in the form that the mapping knows.
func fromCell(column string, cell any) (name string, value any) {
	number, _ := cell.(json.Number)
	switch {
	case column == "worth_minor" && number == "":
		return "worth", nil
	case column == "worth_minor":
		hundredths, _ := new(big.Rat).SetString(number.String())
		return "worth", json.Number(hundredths.Quo(hundredths, big.NewRat(100, 1)).FloatString(2))
	case column == "due_day" && number == "":
		return "due", nil
	case column == "due_day":
		days, _ := number.Int64()
		return "due", time.Unix(days*day, 0).UTC().Format(time.DateOnly)
	case column == "vendor_sees_01":
		return "vendor_sees", number == "1"
	default:
		return column, cell
	}
}

// toCells is the reverse.
func toCells(cells, fields map[string]any) error {
	for name, value := range fields {
		switch {
		case name == "worth" && value != nil:
			amount, ok := new(big.Rat).SetString(fmt.Sprint(value))
			if !ok {
				return fmt.Errorf("worth %v is no number", value)
			}
			cells["worth_minor"] = json.Number(amount.Mul(amount, big.NewRat(100, 1)).FloatString(0))
		case name == "worth":
			cells["worth_minor"] = nil
		case name == "due" && value != nil:
			at, err := time.Parse(time.DateOnly, fmt.Sprint(value))
			if err != nil {
				return fmt.Errorf("due %v is no date: %w", value, err)
			}
			cells["due_day"] = at.Unix() / day
		case name == "due":
			cells["due_day"] = nil
		case name == "vendor_sees":
			cells["vendor_sees_01"] = 0
			if value == true {
				cells["vendor_sees_01"] = 1
			}
		default:
			cells[name] = value
		}
	}
	return nil
}

// Cells gives fields as the service keeps them, Fields the reverse: for the service that tests run.
func Cells(fields map[string]any) (map[string]any, error) {
	cells := map[string]any{}
	return cells, toCells(cells, fields)
}

// Fields gives cells by the names of the mapping.
func Fields(cells map[string]any) map[string]any {
	fields := map[string]any{}
	for column, cell := range cells {
		name, value := fromCell(column, cell)
		fields[name] = value
	}
	return fields
}

// Decode reads a body; numbers keep their text.
func Decode(body []byte, into any) error { return decode(body, into) }

func decode(body []byte, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the service's answer: %w", err)
	}
	return nil
}

func split(offers string) []string {
	var list []string
	for _, offer := range strings.Split(offers, ";") {
		if offer = strings.TrimSpace(offer); offer != "" {
			list = append(list, offer)
		}
	}
	return list
}

func number64(number int64) string { return strconv.FormatInt(number, 10) }

func person(p Person) deal.Person {
	return deal.Person{FirstName: p.First, LastName: p.Last, Phone: p.Phone, Email: p.Mail}
}

func persons(list []Person) (people []deal.Person) {
	for _, p := range list {
		people = append(people, person(p))
	}
	return people
}

func unperson(p deal.Person) Person {
	return Person{First: p.FirstName, Last: p.LastName, Phone: p.Phone, Mail: p.Email}
}
