package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/console"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// adminFlags say where an agent's admin API is.
type adminFlags struct {
	AdminListen string `default:"auto" env:"COSELL_AGENT_ADMIN_LISTEN" placeholder:"ADDRESS" help:"Address of the admin API: unix:PATH, HOST:PORT, or auto, a socket beside the SQLite file (off: none)."`
	AdminToken  string `env:"COSELL_AGENT_ADMIN_TOKEN" placeholder:"REFERENCE" help:"Where the token of the admin API is kept, env:NAME or file:PATH; needed unless it is a socket."`
}

// address gives the address and the token.
func (f adminFlags) address(dsn string) (a console.Address, token secret.Secret, on bool, err error) {
	a, on, err = console.ParseAddress(f.AdminListen, dsn, os.Getenv)
	if err != nil || !on || f.AdminToken == "" {
		return a, token, on, err
	}
	if token, err = secret.FromSystem().Resolve(secret.Reference(f.AdminToken)); err != nil {
		return a, token, on, fmt.Errorf("--admin-token: %w", err)
	}
	return a, token, on, nil
}

// operateFlags are what all commands take that act on an agent or, where none runs, on its store.
type operateFlags struct {
	storeFlags
	adminFlags
}

// reasonFlags say who acts and why. Both stand in the history.
type reasonFlags struct {
	Reason string `help:"Why; it is kept with the deal."`
	By     string `env:"COSELL_AGENT_OPERATOR" placeholder:"NAME" help:"Who acts; without it the user of the system."`
}

func (f reasonFlags) who() console.Who {
	by := f.By
	if by == "" {
		by = "unknown"
		if u, err := user.Current(); err == nil {
			by = u.Username
		}
	}
	return console.Who{By: by, Reason: f.Reason}
}

// operations gives the operations of the connector: those of the agent that runs, or else on the store. done gives them back.
func (f operateFlags) operations(ctx context.Context, language problem.Language) (o console.Operations, done func() error, err error) {
	address, token, on, err := f.address(f.Store)
	if err != nil {
		return nil, nil, err
	}
	if on {
		client := console.NewClient(address, token)
		names, err := client.Connectors(ctx)
		switch {
		case err == nil:
			name, err := f.one(names)
			return client.Connector(name), func() error { return nil }, err
		case !errors.Is(err, console.ErrNobody):
			return nil, nil, err
		}
	}
	return f.direct(ctx, language)
}

// one chooses the connector.
func (f storeFlags) one(names []string) (string, error) {
	switch {
	case f.Connector != "":
		return f.Connector, nil
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", errors.New("there is no connector yet")
	}
	return "", fmt.Errorf("there are several connectors, name one with --connector: %s", strings.Join(names, ", "))
}

// direct opens the store itself. It must exist: a new one would only hide a wrong address.
func (f operateFlags) direct(ctx context.Context, language problem.Language) (console.Operations, func() error, error) {
	address, err := f.dsn()
	if err != nil {
		return nil, nil, err
	}
	looker, err := store.Inspect(ctx, store.Options{DSN: address, Connector: f.Connector, Clock: time.Now})
	if err != nil {
		return nil, nil, err
	}
	names, err := looker.Connectors(ctx)
	if err = errors.Join(err, looker.Close()); err != nil {
		return nil, nil, err
	}
	name, err := f.one(names)
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(ctx, store.Options{DSN: address, Connector: name, Clock: time.Now, Owner: owner()})
	if errors.Is(err, store.ErrInUse) {
		return nil, nil, fmt.Errorf("an agent uses the store but does not answer on its admin address; give the --admin-listen and --admin-token that it runs with: %w", err)
	}
	if err != nil {
		return nil, nil, err
	}
	return &console.Local{Store: s, Connector: name, Version: version, Now: time.Now, Language: language}, s.Close, nil
}

// with does something with the operations.
func (f operateFlags) with(ctx context.Context, language problem.Language, do func(console.Operations) error) (err error) {
	o, done, err := f.operations(ctx, language)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return do(o)
}

const directHelp = `

It asks the agent that runs, by its admin API; where none runs, it acts on the store, and an agent that is started later finds it so.`

type dealAct struct {
	operateFlags
	reasonFlags
	ID string `arg:"" help:"Id of the opportunity, or of the referral."`
}

func (c dealAct) run(ctx context.Context, out io.Writer, language problem.Language, act console.Act) error {
	return c.with(ctx, language, func(o console.Operations) error {
		d, err := o.Act(ctx, c.ID, act, c.who())
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(out, d)
		}
		_, err = fmt.Fprintf(out, "opportunity %s, referral %s: %s\n", orDash(d.RecordID), orDash(d.ReferralID), d.Words())
		return err
	})
}

type dealsRetry struct{ dealAct }

// Help is shown by deals retry --help.
func (dealsRetry) Help() string {
	return `Examples:
  cosell-agent deals retry 006gk0000000001AAA
  cosell-agent deals retry 0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90 --reason "the missing solution was added" --json` + directHelp
}

// Run retries.
func (c dealsRetry) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.run(ctx, out, language, console.Retry)
}

type dealsPark struct{ dealAct }

// Help is shown by deals park --help.
func (dealsPark) Help() string {
	return `A run that is under way ends first. Nothing on either side is lost meanwhile: the deal is compared as a whole when it goes on.

Examples:
  cosell-agent deals park 006gk0000000001AAA --reason "contract review"` + directHelp
}

// Run parks.
func (c dealsPark) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.run(ctx, out, language, console.Park)
}

type dealsResume struct{ dealAct }

// Help is shown by deals resume --help.
func (dealsResume) Help() string {
	return `Examples:
  cosell-agent deals resume 006gk0000000001AAA` + directHelp
}

// Run resumes.
func (c dealsResume) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.run(ctx, out, language, console.Resume)
}

type replayCommand struct {
	operateFlags
	reasonFlags
	Code   []string `help:"Only deals with this problem, e.g. CS101. Repeat for several."`
	DryRun bool     `help:"Only count them."`
}

// Help is shown by replay --help.
func (replayCommand) Help() string {
	return `Parked deals rest until somebody changes them. After a cause was mended for many at once, a replay tries them all again, behind
everything that happens meanwhile.

Examples:
  cosell-agent replay --code CS101 --dry-run
  cosell-agent replay --code CS101 --code CS104 --reason "the catalogue was completed"
  cosell-agent replay --json` + directHelp
}

// Run replays.
func (c replayCommand) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.with(ctx, language, func(o console.Operations) error {
		done, err := o.Replay(ctx, c.Code, c.DryRun, c.who())
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(out, done)
		}
		verb := "are due again"
		if c.DryRun {
			verb = "would be tried again (--dry-run)"
		}
		_, err = fmt.Fprintf(out, "%d parked deals %s\n", done.Deals, verb)
		return err
	})
}

type statusCommand struct{ operateFlags }

// Help is shown by status --help.
func (statusCommand) Help() string {
	return `Examples:
  cosell-agent status
  cosell-agent status --json | jq -r .sha256     # compare with: terraform output -raw agent_config_sha256` + directHelp
}

// Run shows the status.
func (c statusCommand) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.with(ctx, language, func(o console.Operations) error {
		s, err := o.Status(ctx)
		if err != nil {
			return err
		}
		return c.print(out, s)
	})
}

func (f operateFlags) print(out io.Writer, s console.Status) error {
	if f.JSON {
		return printJSON(out, s)
	}
	_, err := io.WriteString(out, statusText(s))
	return err
}

// asking is a command that asks the whole connector for something and shows its status.
func (f operateFlags) asking(ctx context.Context, out io.Writer, language problem.Language, ask func(console.Operations) (console.Status, error)) error {
	return f.with(ctx, language, func(o console.Operations) error {
		s, err := ask(o)
		if err != nil {
			return err
		}
		return f.print(out, s)
	})
}

type pauseCommand struct {
	operateFlags
	reasonFlags
}

// Help is shown by pause --help.
func (pauseCommand) Help() string {
	return `Deals that are under way are finished first. Webhooks are still received and stored. The pause is kept in the store: it holds for
every replica and outlives a restart.

Examples:
  cosell-agent pause --reason "Salesforce maintenance"` + directHelp
}

// Run pauses.
func (c pauseCommand) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.asking(ctx, out, language, func(o console.Operations) (console.Status, error) { return o.Pause(ctx, c.who()) })
}

type resumeCommand struct {
	operateFlags
	reasonFlags
}

// Help is shown by resume --help.
func (resumeCommand) Help() string {
	return `Examples:
  cosell-agent resume` + directHelp
}

// Run lets go on.
func (c resumeCommand) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.asking(ctx, out, language, func(o console.Operations) (console.Status, error) { return o.Resume(ctx, c.who()) })
}

type reloadCommand struct {
	operateFlags
	reasonFlags
}

// Help is shown by reload --help.
func (reloadCommand) Help() string {
	return `A document that cannot be used is refused and leaves the last good one in force. SIGHUP does the same without an answer.

Examples:
  terraform output -raw agent_config > agent.json && cosell-agent reload`
}

// Run reloads.
func (c reloadCommand) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	return c.asking(ctx, out, language, func(o console.Operations) (console.Status, error) { return o.Reload(ctx, c.who()) })
}

// statusText is a status for people.
func statusText(s console.Status) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	line := func(label string, value any) { fmt.Fprintf(table, "%s\t%v\n", label, value) }
	line("connector", s.Connector)
	switch {
	case s.Paused != nil:
		line("agent", fmt.Sprintf("paused by %s since %s %s", s.Paused.By, s.Paused.At.UTC().Format(time.RFC3339), s.Paused.Reason))
	case !s.Running:
		line("agent", "not running; this is what the store holds")
	case !s.Connected:
		line("agent", "not connected: "+s.Trouble)
	default:
		line("agent", "running")
	}
	if s.SHA256 != "" {
		line("document", fmt.Sprintf("revision %d, sha256 %s", s.Revision, s.SHA256))
		line("last webhook", orDash(s.LastWebhook))
	}
	for _, f := range s.Feeds {
		state := "last read " + orDash(f.Passed)
		if f.Error != "" {
			state = "failed " + f.Failed + ": " + f.Error
		} else if f.Behind {
			state += ", late"
		}
		line(strings.ReplaceAll(f.Name, "_", " "), state)
	}
	if s.Calls != nil {
		line("calls today", fmt.Sprintf("%d of %s", s.Calls.Used, budgetText(s.Calls.Budget)))
	}
	c := s.Counts
	line("deals", fmt.Sprintf("%d linked, %d due, %d under way, %d need a person, %d wait for a flow, %d stopped", c.Linked, c.Due, c.Working, c.Parked, c.Gated, c.Stopped))
	line("open writes", c.OpenIntents)
	if c.Overdue != "" {
		line("longest wait", c.Overdue)
	}
	if s.Backfill != nil {
		line("backfill", backfillText(*s.Backfill))
	}
	_ = table.Flush() // into memory
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "\n%d deals %s %s%s\n  %s\n  %s\n", p.Deals, p.State, p.Code, p.Flow, p.Cause, p.Fix)
	}
	return b.String()
}

func budgetText(budget int64) string {
	if budget == 0 {
		return "no budget"
	}
	return fmt.Sprint(budget)
}

// onTerminal reports whether a file is shown to a person as it is written.
func onTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
