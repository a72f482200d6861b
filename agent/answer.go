package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// answerFlags are what all answers to a deal take.
type answerFlags struct {
	ID          string        `arg:"" help:"Id of the opportunity, or of the referral."`
	Config      string        `required:"" placeholder:"FILE" env:"COSELL_AGENT_CONFIG" help:"The document: a file, or - for standard input."`
	DryRun      bool          `help:"Look at everything and write nothing."`
	JSON        bool          `help:"Print JSON."`
	CallTimeout time.Duration `default:"20s" env:"COSELL_AGENT_CALL_TIMEOUT" help:"The longest that one remote call may take."`
}

type dealsAccept struct{ answerFlags }

// Help is shown by deals accept --help.
func (dealsAccept) Help() string {
	return `Moves the opportunity from the on-hold stage to the active one, as a seller would. The agent then accepts the referral.

Examples:
  cosell-agent deals accept 006gk0000000001AAA --config agent.json
  cosell-agent deals accept 0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90 --config agent.json --dry-run --json` + answerStatus
}

// Run accepts.
func (c dealsAccept) Run(ctx context.Context, out io.Writer) error {
	return c.answer(ctx, out, app.Accept, "")
}

type dealsDecline struct {
	answerFlags
	Reason string `help:"Why, in Partner Center's words if possible."`
}

// Help is shown by deals decline --help.
func (dealsDecline) Help() string {
	return `Moves the opportunity from the on-hold stage to the lost one and writes the reason. The agent then declines the referral, which
cannot be taken back.

Examples:
  cosell-agent deals decline 006gk0000000001AAA --reason "Not a customer" --config agent.json
  terraform output -raw agent_config | cosell-agent deals decline 006gk0000000001AAA --reason "Others" --config - --dry-run

` + reasonsHelp() + answerStatus
}

// Run declines.
func (c dealsDecline) Run(ctx context.Context, out io.Writer) error {
	return c.answer(ctx, out, app.Decline, c.Reason)
}

type dealsClose struct {
	answerFlags
	Outcome string `required:"" enum:"won,lost" help:"How the deal ended: ${enum}."`
	Reason  string `help:"Why it was lost, in Partner Center's words if possible."`
}

// Help is shown by deals close --help.
func (dealsClose) Help() string {
	return `Moves the opportunity of an accepted deal to the won or lost stage. The agent then closes the referral, which cannot be taken back.

Examples:
  cosell-agent deals close 006gk0000000001AAA --outcome won --config agent.json
  cosell-agent deals close 006gk0000000001AAA --outcome lost --reason "Customer chose another vendor" --config agent.json

` + reasonsHelp() + answerStatus
}

// Run closes.
func (c dealsClose) Run(ctx context.Context, out io.Writer) error {
	if c.Outcome == "lost" {
		return c.answer(ctx, out, app.Lose, c.Reason)
	}
	if c.Reason != "" {
		return fmt.Errorf("--reason says why a deal was lost; leave it out with --outcome won")
	}
	return c.answer(ctx, out, app.Win, "")
}

const answerStatus = `

Exit status: 0 done, or it could be done (--dry-run), 1 the deal is not in a state for it, or it failed, 3 the document or the
environment it names cannot be used, or the CRM refused the change.`

func reasonsHelp() string {
	return "Partner Center's own reasons; any other text is taken too, with a warning:\n  " + strings.Join(document.CloseReasons(), "\n  ")
}

func (c answerFlags) answer(ctx context.Context, out io.Writer, answer app.Answer, reason string) error {
	d, err := readDocument(c.Config, os.Stdin)
	if err != nil {
		return err
	}
	answered, err := app.AnswerDeal(ctx, d, calling(c.CallTimeout), c.ID, answer, reason, c.DryRun)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, map[string]any{
			"answer": answer.Name, "record_id": answered.RecordID, "name": answered.Name, "referral_id": answered.ReferralID, "from_stage": answered.From,
			"to_stage": answered.To, "reason": answered.Reason, "dry_run": c.DryRun, "warnings": append([]string{}, answered.Warnings...),
		})
	}
	for _, warning := range answered.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", warning)
	}
	_, err = io.WriteString(out, answerText(answered, c.DryRun))
	return err
}

func answerText(a app.Answered, dryRun bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "opportunity %s, %s\nreferral    %s\nstage       %s -> %s\n", a.RecordID, a.Name, a.ReferralID, a.From, a.To)
	if a.Reason != "" {
		fmt.Fprintf(&b, "reason      %s\n", a.Reason)
	}
	if dryRun {
		b.WriteString("nothing was written (--dry-run)\n")
	} else {
		b.WriteString("written to the CRM; the agent carries it to Partner Center\n")
	}
	return b.String()
}

// calling is the machine of a command that makes some calls and ends.
func calling(timeout time.Duration) app.Machine {
	return app.Machine{
		Version: version, Transport: wire.NewTransport(nil), Secrets: secret.FromSystem(), CallTimeout: timeout,
		Now: time.Now, Sleep: sleep, NewID: newID, Log: hclog.New(&hclog.LoggerOptions{Name: "cosell-agent", Level: hclog.Warn, Output: os.Stderr}),
	}
}
