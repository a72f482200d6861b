// Package admin is the contract of an agent's admin API: what the agent answers, and a client for those who ask, the command
// cosell-agent and the provider's data source and actions.
package admin

import "time"

// Status is how a connector does. Times are RFC 3339; an empty one says never.
type Status struct {
	Connector   string    `json:"connector"`
	Version     string    `json:"version"`
	Running     bool      `json:"running"` // an agent works on it
	Connected   bool      `json:"connected"`
	Trouble     string    `json:"trouble,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Revision    int64     `json:"revision,omitempty"`
	SHA256      string    `json:"sha256,omitempty"` // of the document in force, as the provider's agent_config_sha256
	Intake      string    `json:"intake,omitempty"`
	Writes      string    `json:"partner_center_writes,omitempty"`
	Paused      *Pause    `json:"paused,omitempty"`
	LastWebhook string    `json:"last_webhook,omitempty"`
	Feeds       []Feed    `json:"feeds,omitempty"`
	Calls       *Calls    `json:"crm_calls,omitempty"`
	Counts      Counts    `json:"counts"`
	Problems    []Cause   `json:"problems"`
	Backfill    *Backfill `json:"backfill,omitempty"`
}

// Pause says since when a connector rests, and who wanted it.
type Pause struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// Backfill is how far the last backfill got.
type Backfill struct {
	Run      string         `json:"run"` // names this backfill: the time at which it was asked for
	Position Position       `json:"position"`
	Findings map[string]int `json:"findings"` // deals by verdict
	Waits    string         `json:"waits,omitempty"`
	Ended    string         `json:"ended,omitempty"` // empty while it is under way
}

// Position counts what a backfill has looked at.
type Position struct {
	Phase     string `json:"phase"`
	After     string `json:"after,omitempty"` // the last referral's time of creation, or the last opportunity's id
	Referrals int    `json:"referrals"`
	Records   int    `json:"records"`
}

// Feed is how a change feed does.
type Feed struct {
	Name   string `json:"name"`
	System string `json:"system"`
	Passed string `json:"passed,omitempty"`
	Hits   int    `json:"hits"`
	Every  string `json:"every"`
	Failed string `json:"failed,omitempty"`
	Error  string `json:"error,omitempty"`
	Behind bool   `json:"behind"`
}

// Calls are today's calls to the CRM by the agent, and the budget.
type Calls struct {
	Used   int64 `json:"used"`
	Budget int64 `json:"budget,omitempty"`
	// OrgUsed and OrgLimit are what the organisation says of its day, all applications together; 0: nothing.
	OrgUsed  int64 `json:"org_used,omitempty"`
	OrgLimit int64 `json:"org_limit,omitempty"`
	// HeldUntil is when the CRM takes calls again (RFC 3339), while it asked to be left alone.
	HeldUntil string `json:"held_until,omitempty"`
}

// Counts count deals and intents.
type Counts struct {
	Due         int    `json:"due"`
	Working     int    `json:"working"`
	Parked      int    `json:"parked"`
	Gated       int    `json:"gated"`
	Stopped     int    `json:"stopped"`
	Linked      int    `json:"linked"`
	OpenIntents int    `json:"open_intents"`
	Overdue     string `json:"overdue,omitempty"` // how long the oldest due deal has waited
}

// Cause is a reason for which deals wait, with what it means and what to do.
type Cause struct {
	State string `json:"state"`
	Code  string `json:"code,omitempty"`
	Flow  string `json:"flow,omitempty"`
	Deals int    `json:"deals"`
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
}

// Replayed tells what a replay did, or would do.
type Replayed struct {
	Deals  int  `json:"deals"`
	DryRun bool `json:"dry_run"`
}

// Who acts, and why. Both are kept.
type Who struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Request is the body of a request that changes something.
type Request struct {
	Who
	Codes  []string `json:"codes,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
}
