package sim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// justRead is how old what the agent knows of an opportunity may be when it sends something: a second, and the way.
const justRead = time.Second + longestTrip

// watch looks at a request in the moment in which it leaves.
func (h *history) watch(c *call) {
	if strings.HasPrefix(c.url, h.o.env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"]) {
		h.toPartnerCenter(c)
		return
	}
	writes, toCRM := h.o.crm.writes(c)
	if !toCRM {
		return
	}
	for _, one := range writes {
		h.write(one)
	}
}

// toPartnerCenter looks at a request to the referrals API.
func (h *history) toPartnerCenter(c *call) {
	now := h.w.now()
	for _, p := range h.deals {
		p.leaks(c, now)
	}
	if c.method == "GET" {
		return
	}
	for _, off := range h.quietFlows {
		if off.within(now) {
			h.broken("I34", "%s %s while the flows to Partner Center are off", c.method, c.path())
		}
	}
	if c.contains("✔") || c.contains("✗") {
		h.broken("I20", "%s %s sends a mark: %s", c.method, c.path(), c.body)
	}
	if c.method == "POST" {
		h.posts(c)
	} else {
		h.patches(c)
	}
}

// leaks checks that a request says nothing of a deal whose seller does not want that.
func (p *played) leaks(c *call, now time.Time) {
	h := p.h
	h.mu.Lock()
	off := len(p.sync) > 0 && !p.syncing() && now.Sub(p.sync[len(p.sync)-1].at) > justRead
	never := !slices.ContainsFunc(p.sync, func(s switching) bool { return s.on })
	hushed, referral, opportunity, deleted := slices.Clone(p.hushed), p.referral, p.opportunity, p.deleted
	h.mu.Unlock()
	about := c.method != "GET" && (referral != "" && strings.Contains(c.url, referral) || opportunity != "" && c.contains(opportunity))
	if !deleted.IsZero() {
		h.reach("I21")
		if about && now.Sub(deleted) > justRead {
			h.broken("I21", "deal %d is deleted: %s %s %s", p.number, c.method, c.path(), c.body)
		}
	}
	if !off {
		return
	}
	h.reach("I16")
	if never {
		hushed = append(hushed, p.secret)
		about = about || opportunity != "" && c.contains(opportunity)
	}
	for _, word := range hushed {
		escaped, _ := json.Marshal(word) // text
		about = about || c.contains(word) || c.contains(url.QueryEscape(word)) || c.contains(strings.Trim(string(escaped), `"`))
	}
	if about {
		h.broken("I16", "deal %d is not to be shared: %s %s %s", p.number, c.method, c.url, c.body)
	}
}

// posts looks at a new referral.
func (h *history) posts(c *call) {
	body := c.object()
	details, _ := body["details"].(map[string]any)
	consent, _ := body["consent"].(map[string]any)
	profile, _ := body["customerProfile"].(map[string]any)
	address, _ := profile["address"].(map[string]any)
	requirements, _ := details["requirements"].(map[string]any)
	solutions, _ := requirements["solutions"].([]any)
	contacts, _ := profile["team"].([]any)
	invite, _ := body["inviteContext"].(map[string]any)
	if value, _ := details["dealValue"].(float64); value <= 0 || text(details["currency"]) == "" {
		h.broken("I13", "a new referral says %v %v", details["dealValue"], details["currency"])
	}
	help := text(invite["assistanceRequestCode"])
	if len(solutions) == 0 || len(text(address["country"])) != 2 || (body["engagementId"] != nil || help != "" && help != "Unknown") && len(contacts) == 0 {
		h.broken("I18", "a new referral lacks something: %s", c.body)
	}
	p := h.about(text(body["externalReferenceId"]), text(body["engagementId"]))
	if p == nil {
		h.broken("I2", "a new referral is of no deal: %s", c.body)
		return
	}
	h.mu.Lock()
	visible := p.visible
	h.mu.Unlock()
	if shown, _ := consent["consentToShareReferralWithMicrosoftSellers"].(bool); shown && !visible {
		h.broken("I12", "deal %d is shown to Microsoft by its creation, and nobody wanted that", p.number)
	}
}

// about finds the deal of an opportunity or an engagement.
func (h *history) about(opportunity, engagement string) *played {
	for _, p := range h.deals {
		h.mu.Lock()
		id, referral := p.opportunity, p.referral
		h.mu.Unlock()
		if opportunity != "" && id == opportunity {
			return p
		}
		if r, err := h.w.sandbox.PartnerCenter().Referral(referral); referral != "" && err == nil && engagement != "" && r.EngagementID == engagement {
			return p
		}
		if r, ok := p.shared(); ok && (engagement != "" && r.EngagementID == engagement) {
			return p
		}
		if row, ok := p.row(); ok && opportunity != "" && row.id == opportunity {
			return p
		}
	}
	return nil
}

// operation is one operation of a JSON Patch.
type operation struct {
	Op, Path string
	Value    any
}

// readOnly are parts of a referral that only Partner Center decides.
var readOnly = []string{"/id", "/engagementId", "/links", "/createdDateTime", "/updatedDateTime", "/eTag", "/organizationId", "/trackingInfo"}

// patches looks at a change of a referral.
func (h *history) patches(c *call) {
	var operations []operation
	if err := json.Unmarshal(c.body, &operations); err != nil {
		h.broken("I7", "the change is no patch: %s", c.body)
		return
	}
	h.reach("I7")
	version := c.header.Get("If-Match")
	if version == "" {
		h.broken("I7", "a change without version: %s", c.body)
	}
	id := c.path()[strings.LastIndexByte(c.path(), '/')+1:]
	r, err := h.w.sandbox.PartnerCenter().Referral(id)
	if err != nil {
		return
	}
	var p *played
	for _, candidate := range h.deals {
		if own, ok := candidate.shared(); ok && own.ID == r.ID {
			p = candidate
		}
	}
	for _, op := range operations {
		h.change(c, p, r, version, op)
	}
	if p == nil {
		return
	}
	if row, ok := p.row(); ok && row.stage == h.words.onHold {
		h.reach("I14")
		if r.Status == "New" {
			h.broken("I14", "deal %d is on hold, and this is sent: %s", p.number, c.body)
		}
	}
}

func (h *history) change(c *call, p *played, r *partnercenter.Referral, version string, op operation) {
	for _, part := range readOnly {
		if strings.HasPrefix(op.Path, part) {
			h.broken("I19", "what only Partner Center fills is sent: %s", c.body)
		}
	}
	same := ""
	switch op.Path {
	case "/details/dealValue":
		h.reach("I13")
		value, ok := op.Value.(float64)
		if !ok || value <= 0 {
			h.broken("I13", "the deal value %v is sent", op.Value)
		}
		same = r.Details.DealValue.String()
	case "/details/currency":
		if text(op.Value) == "" {
			h.broken("I13", "no currency is sent: %s", c.body)
		}
	case "/details/notes":
		if r.Details.Notes != nil {
			same = *r.Details.Notes
		}
	case "/consent/consentToShareReferralWithMicrosoftSellers":
		h.reach("I12")
		if op.Value != true {
			h.broken("I12", "a deal is to be hidden: %s", c.body)
		}
		if p != nil && !p.wanted() {
			h.broken("I12", "deal %d is shown to Microsoft, and nobody wanted that", p.number)
		}
	case "/status":
		if version == r.ETag && (r.Status == op.Value || r.Status == "Closed") {
			h.broken("I15", "referral %s is %s, and is made %v", r.ID, r.Status, op.Value)
		}
		if op.Value == "Active" {
			h.reach("I14")
		}
	}
	if same != "" && version == r.ETag && fmt.Sprint(op.Value) == same {
		h.broken("I7", "%s is sent, and is %q already", op.Path, same)
	}
}

func (p *played) wanted() bool {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	return p.visible
}

// write looks at what is written in an opportunity.
func (h *history) write(one written) {
	if one.amount != nil {
		if value, _ := one.amount.(float64); value <= 0 {
			h.broken("I13", "the amount %v is written to the CRM", one.amount)
		}
	}
	if strings.Count(one.name, "✔")+strings.Count(one.name, "✗") > 1 {
		h.broken("I20", "the name %q is written", one.name)
	}
	if one.id == "" {
		h.reach("I17")
		if one.sync != true {
			h.broken("I17", "an opportunity is made without Sync: %v", one.fields)
		}
		return
	}
	if one.sync != nil {
		h.broken("I16", "the agent changes Sync of %s", one.id)
	}
	if !one.guarded {
		h.broken("I7", "opportunity %s is written without the version that was read", one.id)
	}
}
