package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// person acts by chance, from a random stream of their own.
type person struct {
	w      *world
	name   string
	random *rand.Rand
	made   int // deals, for their names

	done, refused int // acts
}

// people act until a moment.
type people struct {
	w     *world
	until time.Time
	group sync.WaitGroup
}

// employ lets a person act about every so often, until the end.
func (p *people) employ(name string, every time.Duration, act func(*person)) *person {
	who := &person{w: p.w, name: name, random: p.w.stream(name)}
	p.group.Go(func() {
		for {
			time.Sleep(every/2 + time.Duration(who.random.Int64N(int64(every))))
			if !p.w.now().Before(p.until) {
				return
			}
			act(who)
		}
	})
	return who
}

// do acts. A refusal is part of life: somebody else was faster.
func (p *person) do(name string, parameters map[string]string) {
	if _, err := p.w.act(name, parameters); err != nil {
		p.refused++
		return
	}
	p.done++
}

// does acts in an organisation.
func (p *person) does(o organisation, name string, parameters map[string]string) {
	if _, err := o.act(p.w, name, parameters); err != nil {
		p.refused++
		return
	}
	p.done++
}

func (p *person) chance(percent int) bool { return p.random.IntN(100) < percent }

func pick[T any](random *rand.Rand, from []T) (one T, any bool) {
	if len(from) == 0 {
		return one, false
	}
	return from[random.IntN(len(from))], true
}

// dealNames begin with stagingPrefix at times, which is the scope of the staging connector.
func (p *person) dealName(prefixed int) string {
	p.made++
	name := fmt.Sprintf("%s %d", p.name, p.made)
	if p.chance(prefixed) {
		return stagingPrefix + name
	}
	return name
}

func (p *person) amount() string { return strconv.Itoa(1000 + p.random.IntN(90_000)) }

func (p *person) date() string {
	return p.w.now().AddDate(0, 1, p.random.IntN(200)).Format("2006-01-02")
}

func (p *person) customer() map[string]string {
	n := p.random.IntN(12)
	return map[string]string{
		"country": "US", "street": fmt.Sprintf("%d Main Street", n+1), "postal_code": fmt.Sprintf("98%03d", n), "city": "Redmond", "account": fmt.Sprintf("Customer %d", n),
	}
}

// sells is a seller in an organisation: creates deals that are complete, edits, accepts, wins and loses them. In production
// they leave closed deals alone; others edit whatever they see.
func sells(o organisation, prefixed int, careful bool) func(*person) {
	return func(p *person) {
		if p.chance(30) {
			p.createDeal(o, prefixed)
			return
		}
		rows := slices.DeleteFunc(o.crm.opportunities(), func(row opportunity) bool { return careful && row.closed() })
		row, found := pick(p.random, rows)
		if !found {
			return
		}
		p.edit(o, row, careful)
	}
}

func (p *person) createDeal(o organisation, prefixed int) {
	parameters := p.customer()
	for name, value := range map[string]string{
		"name": p.dealName(prefixed), "stage": o.crm.vocabulary().active, "amount": p.amount(), "close_date": p.date(), "description": "First words.",
		"solution": "SOL-1-A", "sync": "true", "visible": strconv.FormatBool(p.chance(40)),
	} {
		parameters[name] = value
	}
	if p.chance(25) {
		for name, value := range map[string]string{
			"contact": "Buyer", "contact_first_name": "Bo", "contact_email": "buyer@example.com", "contact_phone": "+1 425 555 0142",
			"help": "Quotes or licensing", "visible": "true",
		} {
			parameters[name] = value
		}
	}
	p.does(o, "create_opportunity", parameters)
}

func (p *person) edit(o organisation, row opportunity, careful bool) {
	words := o.crm.vocabulary()
	change := map[string]string{"id": row.id}
	waits := row.stage == words.onHold
	switch n := p.random.IntN(100); {
	case waits && careful: // edits of a deal that waits are not sent before it is accepted
		if n >= 60 {
			return
		}
		change["stage"] = words.active
		if n < 15 {
			change["stage"] = words.lost
		}
	case n < 30:
		change["amount"] = p.amount()
	case n < 50:
		change["description"] = fmt.Sprintf("Words of %s, %d.", p.name, p.done)
	case n < 65:
		change["close_date"] = p.date()
	case n < 75:
		change["stage"] = words.others[p.random.IntN(2)]
	case n < 80:
		p.changeSolutions(o, row)
		return
	case n < 87:
		change["stage"] = []string{words.won, words.lost}[p.random.IntN(2)]
	case careful:
		return
	case n < 91:
		change["sync"] = strconv.FormatBool(p.chance(80))
	case n < 94:
		change["visible"] = "true"
	case n < 97:
		change["name"] = p.dealName(50)
	case !inScope(row.dealName()):
		p.does(o, "delete_opportunity", change)
		return
	default:
		return
	}
	p.does(o, "edit_opportunity", change)
}

// changeSolutions adds a solution to an opportunity, typed or chosen from the catalogue, or removes one of several.
func (p *person) changeSolutions(o organisation, row opportunity) {
	rows := o.crm.solutions(row.id)
	if solution, found := pick(p.random, rows); found && len(rows) > 1 && p.chance(50) {
		p.does(o, "remove_solution", map[string]string{"id": solution})
		return
	}
	how := []string{"solution", "detail"}[p.random.IntN(2)]
	p.does(o, "add_solution", map[string]string{"opportunity": row.id, how: p.solution()})
}

// solution is one of those in the catalogue.
func (p *person) solution() string { return fmt.Sprintf("SOL-%d-A", 1+p.random.IntN(catalogued)) }

// sendsReferrals is a seller at Microsoft: sends deals, edits what is open, and answers the partner's requests for help.
func sendsReferrals(prefixed int) func(*person) {
	return func(p *person) {
		if p.chance(40) {
			customer := p.customer()
			p.do("send_referral", map[string]string{
				"name": p.dealName(prefixed), "customer": customer["account"], "address_line1": customer["street"], "city": customer["city"],
				"postal_code": customer["postal_code"], "country": "US", "value": p.amount(), "close_date": p.date(), "notes": "From Microsoft.",
			})
			return
		}
		if r, found := pick(p.random, p.open(func(r *partnercenter.Referral) bool { return r.OrganizationName == "Microsoft" && r.Status == "New" })); found {
			p.do([]string{"accept_counterpart", "decline_counterpart"}[p.random.IntN(2)], map[string]string{"id": r.ID})
			return
		}
		if r, found := pick(p.random, p.open(shared)); found {
			p.do("edit_referral", map[string]string{"id": r.ID, "notes": fmt.Sprintf("Microsoft's words, %d.", p.done)})
		}
	}
}

// worksInThePortal is a colleague who uses Partner Center instead of the CRM.
func worksInThePortal(prefixed int) func(*person) {
	return func(p *person) {
		if p.chance(25) {
			customer := p.customer()
			p.do("portal_create", map[string]string{
				"name": p.dealName(prefixed), "kind": []string{"private", "partner_led"}[p.random.IntN(2)], "customer": customer["account"],
				"address_line1": customer["street"], "city": customer["city"], "postal_code": customer["postal_code"], "country": "US", "value": p.amount(),
				"close_date": p.date(), "notes": "From the portal.",
			})
			return
		}
		r, found := pick(p.random, p.open(func(r *partnercenter.Referral) bool { return r.OrganizationName != "Microsoft" }))
		if !found {
			return
		}
		if r.Status == "New" {
			p.do([]string{"accept_referral", "decline_referral"}[p.random.IntN(2)], map[string]string{"id": r.ID})
			return
		}
		edit := map[string]string{"id": r.ID, "by": "portal_user"}
		switch n := p.random.IntN(100); {
		case n < 40:
			edit["value"] = p.amount()
		case n < 70:
			edit["notes"] = fmt.Sprintf("Words of the portal, %d.", p.done)
		case n < 80:
			edit["close_date"] = p.date()
		case n < 84:
			edit["add_solution"] = p.solution()
		case n < 87:
			edit["remove_solution"] = p.solution()
		case n < 92:
			edit["visible"] = "true"
		default:
			p.do("close_referral", map[string]string{"id": r.ID, "outcome": []string{"won", "lost"}[p.random.IntN(2)]})
			return
		}
		p.do("edit_referral", edit)
	}
}

func shared(r *partnercenter.Referral) bool {
	return r.OrganizationName != "Microsoft" && r.Status == "Active" && r.Consent.ShareWithMicrosoft
}

// open lists the open referrals that satisfy a condition, in the order of their creation.
func (p *person) open(accept func(*partnercenter.Referral) bool) []*partnercenter.Referral {
	return slices.DeleteFunc(p.w.sandbox.PartnerCenter().All(), func(r *partnercenter.Referral) bool { return r.Status == "Closed" || !accept(r) })
}

func inScope(name string) bool { return strings.HasPrefix(name, stagingPrefix) }
