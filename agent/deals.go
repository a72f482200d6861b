package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

type dealsCommand struct {
	List dealsList `cmd:"" default:"withargs" help:"List deals and how their work stands."`
	Show dealsShow `cmd:"" help:"Show one deal: what is linked, what it waits for, what is held back, and its history."`

	Accept  dealsAccept  `cmd:"" help:"Accept a referral that waits, by the opportunity's stage."`
	Decline dealsDecline `cmd:"" help:"Decline a referral that waits, with its reason."`
	Close   dealsClose   `cmd:"" help:"Close an accepted deal as won or lost."`
}

// storeFlags say which store is looked at, and for which connector.
type storeFlags struct {
	storeAddress

	Connector string `env:"COSELL_AGENT_CONNECTOR" help:"Name of the connector; not needed when the store holds one."`
	JSON      bool   `help:"Print JSON."`
}

// open opens the store to look at it.
func (f storeFlags) open(ctx context.Context) (*store.SQL, error) {
	address, err := f.dsn()
	if err != nil {
		return nil, err
	}
	s, err := store.Inspect(ctx, store.Options{DSN: address, Connector: f.Connector, Clock: time.Now})
	if err != nil || f.Connector != "" {
		return s, err
	}
	names, err := s.Connectors(ctx)
	switch {
	case err != nil:
	case len(names) == 1:
		return s.Connector(names[0]), nil
	case len(names) == 0:
		err = errors.New("the store holds no deal yet")
	default:
		err = fmt.Errorf("the store holds several connectors, name one with --connector: %s", strings.Join(names, ", "))
	}
	return nil, errors.Join(err, s.Close())
}

type dealsList struct {
	storeFlags
	Problems bool `help:"Only deals that wait for a person or a flow, or fail."`
	Limit    int  `default:"1000" help:"The most that are listed."`
}

// Help is shown by deals list --help.
func (dealsList) Help() string {
	return `Examples:
  cosell-agent deals list --problems
  cosell-agent deals list --store postgres://cosell@db/cosell --connector contoso-salesforce --json`
}

// dealLine is a deal in a list.
type dealLine struct {
	Key         string `json:"key"`
	RecordID    string `json:"record_id,omitempty"`
	ReferralID  string `json:"referral_id,omitempty"`
	Counterpart string `json:"counterpart_id,omitempty"`
	Phase       string `json:"phase,omitempty"`
	State       string `json:"state"`
	Code        string `json:"code,omitempty"`
	Problem     string `json:"problem,omitempty"`
	Flow        string `json:"flow,omitempty"`
	Attempts    int    `json:"attempts,omitempty"`
	Due         string `json:"due,omitempty"`
}

func lineOf(o store.Overview) dealLine {
	line := dealLine{
		Key: o.Key, RecordID: o.Link.CRMID, ReferralID: o.Link.ReferralID, Counterpart: o.Link.CounterpartID, Phase: o.Link.Phase,
		State: o.State, Code: o.Code, Problem: o.Error, Flow: o.Flow, Attempts: o.Attempts,
	}
	if id, ok := strings.CutPrefix(o.Key, store.RecordKey("")); ok && line.RecordID == "" {
		line.RecordID = id // not linked yet
	}
	if id, ok := strings.CutPrefix(o.Key, store.ReferralKey("")); ok && line.ReferralID == "" {
		line.ReferralID = id
	}
	if !o.Due.IsZero() {
		line.Due = o.Due.UTC().Format(time.RFC3339)
	}
	return line
}

// Run lists deals.
func (c dealsList) Run(ctx context.Context, out io.Writer) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	deals, err := s.Deals(ctx, c.Problems, c.Limit)
	if err != nil {
		return err
	}
	lines := make([]dealLine, 0, len(deals))
	for _, d := range deals {
		lines = append(lines, lineOf(d))
	}
	if c.JSON {
		return printJSON(out, lines)
	}
	if len(lines) == 0 {
		_, err = fmt.Fprintln(out, "no deals")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "RECORD\tREFERRAL\tSTATE\tPROBLEM")
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", orDash(l.RecordID), orDash(l.ReferralID), l.state(), orDash(l.Code))
	}
	return table.Flush()
}

// state says in words how the deal's work stands.
func (l dealLine) state() string {
	switch l.State {
	case store.StateGated:
		if l.Flow == store.OutOfScope {
			return "out of scope"
		}
		return "waits for " + l.Flow
	case store.StateParked:
		return "needs a person"
	case store.StateWaiting:
		return "due " + l.Due
	default:
		return l.State
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

type dealsShow struct {
	storeFlags
	ID string `arg:"" help:"Id of the opportunity, or of the referral."`
}

// Help is shown by deals show --help.
func (dealsShow) Help() string {
	return `What a flow or the shadow mode holds back is printed as it would be sent. It holds a customer's data.

Examples:
  cosell-agent deals show 006gk0000000001AAA
  cosell-agent deals show 0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90 --json`
}

// dealDetail is everything of one deal.
type dealDetail struct {
	dealLine
	Fix     string         `json:"fix,omitempty"`
	Open    []dealRequest  `json:"open_requests,omitempty"`
	Held    []dealRequest  `json:"held,omitempty"`
	History []historyEntry `json:"history"`
}

type dealRequest struct {
	Kind    string          `json:"kind"`
	State   string          `json:"state"`
	At      string          `json:"at"`
	Request json.RawMessage `json:"request,omitempty"`
}

type historyEntry struct {
	At     string `json:"at"`
	Actor  string `json:"actor"`
	Field  string `json:"field,omitempty"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Run shows a deal.
func (c dealsShow) Run(ctx context.Context, out io.Writer, language problem.Language) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	overview, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	detail, err := detailOf(ctx, s, overview, language)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, detail)
	}
	_, err = io.WriteString(out, detail.text())
	return err
}

// find looks for the deal by either side's id.
func (c dealsShow) find(ctx context.Context, s *store.SQL) (store.Overview, error) {
	for _, external := range []string{store.RecordKey(c.ID), store.ReferralKey(c.ID), c.ID} {
		key, found, err := s.Lookup(ctx, external)
		if err != nil {
			return store.Overview{}, err
		}
		if !found {
			continue
		}
		if overview, found, err := s.Overview(ctx, key); found || err != nil {
			return overview, err
		}
	}
	return store.Overview{}, fmt.Errorf("no deal of the store has the opportunity or referral %s", c.ID)
}

func detailOf(ctx context.Context, s *store.SQL, overview store.Overview, language problem.Language) (dealDetail, error) {
	detail := dealDetail{dealLine: lineOf(overview), History: []historyEntry{}}
	if entry, ok := language.Entry(problem.Code(overview.Code)); ok {
		detail.Fix = entry.Fix
	}
	deal, err := s.Load(ctx, overview.Key)
	if err != nil {
		return detail, err
	}
	for _, intent := range deal.Intents {
		detail.Open = append(detail.Open, dealRequest{Kind: intent.Kind, State: intent.State, At: stamp(intent.SentAt)})
	}
	if overview.State == store.StateGated {
		held, err := s.Held(ctx, overview.Key)
		if err != nil {
			return detail, err
		}
		for _, intent := range held {
			detail.Held = append(detail.Held, dealRequest{Kind: intent.Kind, State: intent.State, At: stamp(intent.SentAt), Request: intent.Payload})
		}
	}
	trail, err := s.AuditTrail(ctx, overview.Key)
	for _, e := range trail {
		detail.History = append(detail.History, historyEntry{stamp(e.At), e.Actor, e.Field, e.Old, e.New, e.Rule, e.Detail})
	}
	return detail, err
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// text is the detail for people.
func (d dealDetail) text() string {
	var b strings.Builder
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", label, value)
		}
	}
	line("opportunity", orDash(d.RecordID))
	line("referral", orDash(d.ReferralID))
	line("Microsoft's", d.Counterpart)
	line("phase", d.Phase)
	line("state", d.state())
	line("problem", d.Problem)
	line("what to do", d.Fix)
	for _, open := range d.Open {
		line("open", fmt.Sprintf("%s since %s (%s)", strings.ReplaceAll(open.Kind, "_", " "), open.At, open.State))
	}
	for _, held := range d.Held {
		line("held back", fmt.Sprintf("%s, computed %s:\n%s", strings.ReplaceAll(held.Kind, "_", " "), held.At, held.Request))
	}
	if len(d.History) > 0 {
		b.WriteString("\n")
	}
	for _, e := range d.History {
		fmt.Fprintf(&b, "%s  %-8s %s\n", e.At, e.Actor, e.words())
	}
	return b.String()
}

func (e historyEntry) words() string {
	words := e.Detail
	switch {
	case e.Field != "" && e.Rule == "":
		words = fmt.Sprintf("%s: %q became %q", e.Field, e.Old, e.New)
	case e.Rule != "":
		words = strings.TrimSpace(e.Rule + " " + e.Field + " " + e.Detail)
	}
	return words
}
