package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// scalar is a field of a deal that both sides may change at any time.
type scalar struct {
	name, crm, pc string // crm and pc: the parameters of the acts
	inCRM         func(row opportunity) string
	inPC          func(r *partnercenter.Referral) string
}

var scalars = []scalar{
	{"deal value", "amount", "value", func(row opportunity) string { return row.amount }, func(r *partnercenter.Referral) string { return r.Details.DealValue.String() }},
	{"notes", "description", "notes", func(row opportunity) string { return row.description }, func(r *partnercenter.Referral) string {
		if r.Details.Notes == nil {
			return ""
		}
		return *r.Details.Notes
	}},
	{"close date", "close_date", "close_date", func(row opportunity) string { return row.closeDate }, func(r *partnercenter.Referral) string {
		if r.Details.ClosingDateTime == nil {
			return ""
		}
		return r.Details.ClosingDateTime.Format("2006-01-02")
	}},
}

// say notes what a person is about to write: the words that may be the last about a field, and what follows for Sync, stage and
// visibility. An edit that is made while both sides agree is the last word until somebody edits again; one that is made while they
// do not competes with the last edit of the other side, and a rule decides. It gives what takes the note back.
func (p *played) say(by string, row *opportunity, r *partnercenter.Referral, change map[string]string) (takeBack func()) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	before := maps.Clone(p.told)
	for _, field := range scalars {
		parameter := field.crm
		if by == "pc" {
			parameter = field.pc
		}
		value, edited := change[parameter]
		if !edited {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(p.told[field.name]), func(t told) bool { return t.by == by })
		if row != nil && r != nil && field.inCRM(*row) == field.inPC(r) {
			kept = nil
			p.h.reached["I5"] = true
		}
		p.told[field.name] = append(kept, told{by, value})
	}
	if by == "crm" {
		p.sayInCRM(change)
		p.seal(row, change)
	}
	if change["visible"] == "true" {
		p.visible = true
	}
	return func() {
		p.h.mu.Lock()
		defer p.h.mu.Unlock()
		p.told = before
	}
}

// seal notes with what values a person closes an opportunity of which nothing can be changed afterwards, not even by the agent. The
// history's lock is held.
func (p *played) seal(row *opportunity, change map[string]string) {
	if stage := change["stage"]; row == nil || !p.h.words.seals || stage != p.h.words.won && stage != p.h.words.lost {
		return
	}
	p.sealed = map[string]string{}
	for _, field := range scalars {
		p.sealed[field.name] = field.inCRM(*row)
		if value, edited := change[field.crm]; edited {
			p.sealed[field.name] = value
		}
	}
	p.sealed[referralIdentifier] = row.referralID
}

// sayInCRM is say for what only the CRM has. The history's lock is held.
func (p *played) sayInCRM(change map[string]string) {
	now := p.h.w.now()
	if on, changed := change["sync"]; changed {
		p.sync = append(p.sync, switching{now, on == "true"})
	}
	if !p.syncing() {
		for _, value := range change {
			if strings.HasPrefix(value, "Words ") {
				p.hushed = append(p.hushed, value)
			}
		}
	}
	if change["help"] != "" {
		p.visible = true
	}
	p.asked = p.asked || change["help"] != ""
}

// syncing tells whether the seller wants the deal shared. The history's lock is held.
func (p *played) syncing() bool { return len(p.sync) > 0 && p.sync[len(p.sync)-1].on }

// lastWords checks one deal's fields against what people said last.
func (p *played) lastWord(field scalar, side, value string) {
	p.h.mu.Lock()
	allowed := p.told[field.name]
	closedWith, sealed := p.sealed[field.name]
	p.h.mu.Unlock()
	if sealed && side == "crm" && value == closedWith {
		return
	}
	for _, t := range allowed {
		if t.value == value || field.name == "deal value" && !sendable(t.value) && (side == "pc" || value == "" || value == "0") {
			return
		}
	}
	p.h.broken("I5", "deal %d: %s is %q in the end on the side %s; the last words were %v", p.number, field.name, value, side, allowed)
}

func sendable(amount string) bool {
	value, err := strconv.ParseFloat(amount, 64)
	return err == nil && value > 0
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (t told) String() string { return fmt.Sprintf("%q by %s", t.value, t.by) }
