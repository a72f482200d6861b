package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// The kinds of deals of a history.
const (
	private      = "private"        // a seller's, hidden from Microsoft
	partnerLed   = "partner-led"    // a seller's, which Microsoft sees
	coSell       = "co-sell"        // a seller's, with a request for help
	incomplete   = "incomplete"     // a seller's, which lacks its solution or its contact
	unshared     = "unshared"       // a seller's, with Sync off
	received     = "received"       // Microsoft's
	portalCoSell = "portal, led"    // entered in the portal
	portalHidden = "portal, hidden" // entered in the portal, hidden from Microsoft
)

var dealKinds = []string{private, partnerLed, coSell, incomplete, unshared, received, received, portalCoSell, portalHidden}

// played is one deal of a history and what its people did. Its people act one after the other.
type played struct {
	h      *history
	random *rand.Rand
	number int
	kind   string
	name   string
	secret string // a word that every text about it contains

	opportunity, referral string // ids, once they are known
	// Guarded by the history's lock:
	sync    []switching       // of "Sync with Partner Center", oldest first
	visible bool              // a person wanted Microsoft to see it, or asked for help
	hushed  []string          // words that were written while Sync was off
	told    map[string][]told // what people said of a field, as far as it may be the last word
	sealed  map[string]string // values with which a person closed the opportunity, where that is the end of them
	deleted time.Time         // when the opportunity was deleted
	asked   bool              // for help
}

// switching is a change of a flag.
type switching struct {
	at time.Time
	on bool
}

// told is one value that a person gave a field.
type told struct {
	by    string // crm or pc
	value string
}

// cast draws the deals and lets their people act until the end of the busy time.
func (h *history) cast(busy *sync.WaitGroup) {
	for n := range 3 + h.rand.IntN(4) {
		p := &played{
			h: h, number: n + 1, kind: dealKinds[h.rand.IntN(len(dealKinds))], random: h.w.stream(fmt.Sprintf("deal %d", n+1)),
			told: map[string][]told{},
		}
		p.secret = fmt.Sprintf("zq%dx%d", p.number, p.random.IntN(1_000_000))
		p.name = fmt.Sprintf("Deal %d %s", p.number, p.secret)
		h.deals = append(h.deals, p)
		busy.Go(p.play)
	}
}

// play makes the deal and edits it, some minutes between two acts.
func (p *played) play() {
	if !p.h.wait(time.Duration(p.random.Int64N(int64(20 * time.Minute)))) {
		return
	}
	p.make()
	acts := 1 + p.random.IntN(7)
	for range acts {
		pause := time.Duration(p.random.Int64N(int64(20 * time.Minute)))
		if p.random.IntN(4) == 0 {
			pause = time.Duration(p.random.Int64N(int64(10 * time.Second))) // quickly, one after the other
		}
		if !p.h.wait(pause) {
			return
		}
		p.edit()
	}
}

// do lets a person act, and tells the timeline.
func (p *played) do(act string, parameters map[string]string) (map[string]any, bool) {
	result, err := p.h.o.act(p.h.w, act, parameters)
	outcome := ""
	if err != nil {
		outcome = " refused: " + err.Error()
	}
	p.h.note("deal %d (%s): %s %v%s", p.number, p.kind, act, parameters, outcome)
	return result, err == nil
}

func (p *played) customer() map[string]string {
	customer := 1 + p.random.IntN(2) // few, so that several deals of one new customer arrive at once
	side := "Buyer"
	if p.kind == received || strings.HasPrefix(p.kind, "portal") {
		side = "Client"
	}
	return map[string]string{
		"account": fmt.Sprintf("%s %d", side, customer), "street": "1 Main Street", "city": "Redmond", "postal_code": fmt.Sprintf("9805%d", customer), "country": "US",
	}
}

func (p *played) amount() string { return strconv.Itoa(1000 + p.random.IntN(90_000)) }

func (p *played) words() string {
	return fmt.Sprintf("Words %d of deal %d, %s.", p.random.IntN(1_000_000), p.number, p.secret)
}

func (p *played) date() string {
	return p.h.w.now().AddDate(0, 1, p.random.IntN(200)).Format("2006-01-02")
}

func (p *played) contact(prefix string) map[string]string {
	return map[string]string{
		prefix + "first_name": "Bo" + p.secret, prefix + "email": fmt.Sprintf("%s.%d@example.com", p.secret, p.random.IntN(1000)), prefix + "phone": "+1 425 555 0142",
	}
}

// make lets a person make the deal.
func (p *played) make() {
	switch p.kind {
	case received, portalCoSell, portalHidden:
		p.makeInPartnerCenter()
	default:
		p.makeInCRM()
	}
}

func (p *played) makeInPartnerCenter() {
	customer := p.customer()
	parameters := map[string]string{
		"name": p.name, "customer": customer["account"], "address_line1": customer["street"], "city": customer["city"], "postal_code": customer["postal_code"],
		"country": "US", "value": p.amount(), "close_date": p.date(), "notes": p.words(), "solution_id": p.solution(), "contact_last_name": "Last" + p.secret,
	}
	maps.Copy(parameters, p.contact("contact_"))
	act := "portal_create"
	switch p.kind {
	case received:
		act = "send_referral"
	case portalHidden:
		parameters["kind"] = "private"
	}
	p.begins("pc", parameters, p.kind != portalHidden)
	if made, ok := p.do(act, parameters); ok {
		p.h.mu.Lock()
		defer p.h.mu.Unlock()
		p.referral = text(made["id"])
	}
}

func (p *played) makeInCRM() {
	parameters := p.customer()
	maps.Copy(parameters, map[string]string{
		"name": p.name, "stage": p.h.words.active, "amount": p.amount(), "close_date": p.date(), "description": p.words(), "solution": p.solution(),
		"sync": strconv.FormatBool(p.kind != unshared),
	})
	lacking := p.kind == incomplete
	if p.kind == coSell || lacking && p.random.IntN(2) == 0 {
		parameters["help"] = "Quotes or licensing"
		if p.kind == coSell || p.random.IntN(2) == 0 {
			parameters["contact"] = "Last" + p.secret
			maps.Copy(parameters, p.contact("contact_"))
		}
		p.asked = true
	}
	if lacking && (parameters["contact"] != "" || parameters["help"] == "") {
		delete(parameters, "solution")
	}
	if p.kind == partnerLed || p.kind == unshared && p.random.IntN(2) == 0 {
		parameters["visible"] = "true"
	}
	p.begins("crm", parameters, parameters["visible"] == "true" || p.asked)
	if made, ok := p.do("create_opportunity", parameters); ok {
		p.h.mu.Lock()
		defer p.h.mu.Unlock()
		p.opportunity = text(made["id"])
	}
}

// begins notes what is said of a new deal.
func (p *played) begins(by string, parameters map[string]string, visible bool) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	p.visible = visible
	p.sync = []switching{{p.h.w.now(), p.kind != unshared}}
	for _, field := range scalars {
		parameter := field.crm
		if by == "pc" {
			parameter = field.pc
		}
		p.told[field.name] = []told{{by, parameters[parameter]}}
	}
}

func (p *played) solution() string { return fmt.Sprintf("SOL-%d-A", 1+p.random.IntN(catalogued)) }

// row finds the deal's opportunity.
func (p *played) row() (opportunity, bool) {
	p.h.mu.Lock()
	id, referral := p.opportunity, p.referral
	p.h.mu.Unlock()
	if id == "" && referral != "" {
		for _, row := range p.h.o.crm.opportunities() {
			if strings.EqualFold(row.key, referral) {
				p.h.mu.Lock()
				p.opportunity = row.id
				p.h.mu.Unlock()
				return row, true
			}
		}
		return opportunity{}, false
	}
	return p.h.o.crm.opportunity(id)
}

// shared finds the partner's own referral of the deal.
func (p *played) shared() (*partnercenter.Referral, bool) {
	p.h.mu.Lock()
	id, opportunity := p.referral, p.opportunity
	p.h.mu.Unlock()
	for _, r := range p.h.w.sandbox.PartnerCenter().All() {
		if r.OrganizationName == "Microsoft" {
			continue
		}
		if r.ID == id || opportunity != "" && r.ExternalReferenceID != nil && *r.ExternalReferenceID == opportunity {
			p.h.mu.Lock()
			p.referral = r.ID
			p.h.mu.Unlock()
			return r, true
		}
	}
	return nil, false
}

// seen is an opportunity that a person looks at; nil when there is none.
func seen(row opportunity, found bool) *opportunity {
	if !found {
		return nil
	}
	return &row
}

// edit lets a person do something that makes sense now.
func (p *played) edit() {
	row, inCRM := p.row()
	r, inPC := p.shared()
	switch {
	case inCRM && (!inPC || p.random.IntN(100) < 60):
		p.editInCRM(row, r)
	case inPC && r.Status != "Closed":
		p.editInPartnerCenter(seen(row, inCRM), r)
	}
}

func (p *played) editInCRM(row opportunity, r *partnercenter.Referral) {
	if row.closed() {
		return
	}
	change := map[string]string{"id": row.id}
	switch n := p.random.IntN(100); {
	case row.stage == p.h.words.onHold && n < 40:
		change["stage"] = []string{p.h.words.active, p.h.words.others[0], p.h.words.won, p.h.words.lost}[p.random.IntN(4)]
	case n < 18:
		change["amount"] = p.amount()
	case n < 22:
		change["amount"] = []string{"0", ""}[p.random.IntN(2)]
	case n < 38:
		change["description"] = p.words()
	case n < 46:
		change["close_date"] = p.date()
	case n < 52:
		change["stage"] = p.h.words.others[p.random.IntN(2)]
	case n < 57:
		change["stage"] = []string{p.h.words.won, p.h.words.lost}[p.random.IntN(2)]
	case n < 67:
		change["sync"] = strconv.FormatBool(!row.sync)
	case n < 71:
		change["visible"] = strconv.FormatBool(!row.visible)
	case n < 76:
		p.askForHelp(row)
		return
	case n < 84:
		p.changeSolutions(row)
		return
	case n < 90:
		p.changeContacts(row)
		return
	case n < 92:
		change["referral_id"] = "scribbled " + p.secret
		p.h.reach("I19")
	case n < 94:
		change["name"] = "✔ ✔ " + p.name
		p.h.reach("I20")
	case n < 96:
		change["audit"] = ""
	case n < 98 && r != nil:
		p.remove(row)
		return
	default:
		change["description"], change["amount"] = p.words(), p.amount()
	}
	p.say("crm", &row, r, change)
	if _, ok := p.do("edit_opportunity", change); !ok {
		p.h.broken("harness", "deal %d: an edit was refused", p.number)
	}
}

func (p *played) askForHelp(row opportunity) {
	change := map[string]string{"id": row.id, "help": "Quotes or licensing"}
	if len(p.h.o.crm.contacts(row.id)) == 0 && p.random.IntN(3) > 0 {
		p.addContact(row)
	}
	p.say("crm", &row, nil, change)
	p.do("edit_opportunity", change)
}

func (p *played) addContact(row opportunity) {
	contact := p.contact("")
	contact["opportunity"], contact["last_name"] = row.id, "Last"+p.secret
	p.do("add_contact", contact)
}

// changeContacts adds, edits or removes a contact, but never the last one.
func (p *played) changeContacts(row opportunity) {
	roles := p.h.o.crm.contacts(row.id)
	role, found := pick(p.random, roles)
	switch n := p.random.IntN(3); {
	case !found || n == 0:
		p.addContact(row)
	case n == 1 && len(roles) > 1:
		p.do("remove_contact", map[string]string{"id": role})
	default:
		p.do("edit_contact", map[string]string{"id": role, "phone": fmt.Sprintf("+1 425 555 %04d", p.random.IntN(10_000))})
	}
}

// changeSolutions adds a solution, typed or chosen from the catalogue, or removes one of several.
func (p *played) changeSolutions(row opportunity) {
	rows := p.h.o.crm.solutions(row.id)
	if solution, found := pick(p.random, rows); found && len(rows) > 1 && p.random.IntN(2) == 0 {
		p.do("remove_solution", map[string]string{"id": solution})
		return
	}
	if p.random.IntN(4) == 0 {
		p.do("add_solution", map[string]string{"opportunity": row.id, "solution": fmt.Sprintf("SOL-%d-TYPED", p.random.IntN(3))})
		return
	}
	how := []string{"solution", "detail"}[p.random.IntN(2)]
	p.do("add_solution", map[string]string{"opportunity": row.id, how: p.solution()})
}

func (p *played) remove(row opportunity) {
	p.h.mu.Lock()
	p.deleted = p.h.w.now()
	p.h.mu.Unlock()
	p.do("delete_opportunity", map[string]string{"id": row.id})
}

func (p *played) editInPartnerCenter(row *opportunity, r *partnercenter.Referral) {
	if r.Status == "New" && p.random.IntN(2) == 0 {
		p.do([]string{"accept_referral", "accept_referral", "decline_referral"}[p.random.IntN(3)], map[string]string{"id": r.ID})
		return
	}
	if p.asked && p.random.IntN(2) == 0 {
		p.do([]string{"accept_counterpart", "decline_counterpart"}[p.random.IntN(2)], map[string]string{"id": r.ID})
		return
	}
	edit := map[string]string{"id": r.ID, "by": "portal_user"}
	if r.Consent.ShareWithMicrosoft && p.random.IntN(3) == 0 {
		edit["by"] = "microsoft_seller"
	}
	switch n := p.random.IntN(100); {
	case n < 30:
		edit["value"] = p.amount()
	case n < 55:
		edit["notes"] = p.words()
	case n < 65:
		edit["close_date"] = p.date()
	case n < 72:
		edit["add_solution"] = p.solution()
	case n < 76:
		edit["remove_solution"] = p.solution()
	case n < 82:
		edit["by"], edit["visible"] = "portal_user", "true"
	case n < 88:
		edit["by"] = "portal_user"
		maps.Copy(edit, p.contact("contact_"))
	case n < 94 && r.Status == "Active":
		p.do("close_referral", map[string]string{"id": r.ID, "outcome": []string{"won", "lost"}[p.random.IntN(2)]})
		return
	default:
		edit["value"], edit["notes"] = p.amount(), p.words()
	}
	keep := p.say("pc", row, r, edit)
	if _, ok := p.do("edit_referral", edit); !ok {
		keep()
	}
}
