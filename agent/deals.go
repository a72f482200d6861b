package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/console"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

type dealsCommand struct {
	List dealsList `cmd:"" default:"withargs" help:"List deals and how their work stands."`
	Show dealsShow `cmd:"" help:"Show one deal: what is linked, what it waits for, what is held back, and its history."`

	Unseen dealsUnseen `cmd:"" help:"List what changed on either side since the agent, which is stopped, last looked."`

	Accept  dealsAccept  `cmd:"" help:"Accept a referral that waits, by the opportunity's stage."`
	Decline dealsDecline `cmd:"" help:"Decline a referral that waits, with its reason."`
	Close   dealsClose   `cmd:"" help:"Close an accepted deal as won or lost."`

	Retry  dealsRetry  `cmd:"" help:"Try a deal again now, whatever it waits for."`
	Park   dealsPark   `cmd:"" help:"Let a deal rest until it is resumed, whatever happens on either side."`
	Resume dealsResume `cmd:"" help:"Let a deal that was parked by an operator go on."`
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
	Problems bool   `help:"Only deals that wait for a person or a flow, or fail."`
	State    string `help:"Only deals in a state: quiet, waiting, working, parked, gated or stopped."`
	Code     string `help:"Only deals with a problem, e.g. CS101."`
	After    string `placeholder:"KEY" help:"Only deals whose keys (see --json) come later: the last one of the page before."`
	Limit    int    `default:"1000" help:"The most that are listed."`
}

// Help is shown by deals list --help.
func (dealsList) Help() string {
	return `Examples:
  cosell-agent deals list --problems
  cosell-agent deals list --store postgres://cosell@db/cosell --connector contoso-salesforce --json`
}

// Run lists deals.
func (c dealsList) Run(ctx context.Context, out io.Writer) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	deals, err := s.Page(ctx, store.Filter{State: c.State, Code: strings.ToUpper(c.Code), Problems: c.Problems, After: c.After, Limit: c.Limit})
	if err != nil {
		return err
	}
	lines := make([]console.Deal, 0, len(deals))
	for _, d := range deals {
		lines = append(lines, console.DealOf(d))
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", orDash(l.RecordID), orDash(l.ReferralID), l.Words(), orDash(l.Code))
	}
	return table.Flush()
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

// Run shows a deal.
func (c dealsShow) Run(ctx context.Context, out io.Writer, language problem.Language) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	overview, err := console.Find(ctx, s, c.ID)
	if err != nil {
		return err
	}
	detail, err := console.DetailOf(ctx, s, overview, language)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, detail)
	}
	_, err = io.WriteString(out, detailText(detail))
	return err
}

// detailText is a deal's detail for people.
func detailText(d console.Detail) string {
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
	line("state", d.Words())
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
		fmt.Fprintf(&b, "%s  %-8s %s\n", e.At, e.Actor, e.Words())
	}
	return b.String()
}
