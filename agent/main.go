// Command cosell-agent keeps a CRM and Microsoft Partner Center equal, as a Terraform output tells it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// version is set by the build.
var version = "dev"

type cli struct {
	Run      runCommand      `cmd:"" help:"Run the agent until it is told to stop (SIGTERM, Ctrl-C). SIGHUP reads the documents again."`
	Check    checkCommand    `cmd:"" help:"Check a document without calling anything."`
	Deals    dealsCommand    `cmd:"" help:"Look at the deals in an agent's store, also while the agent runs; accept, decline, close, retry or park one."`
	Status   statusCommand   `cmd:"" help:"Show how an agent does: both sides, the queue, problems, the document in force."`
	Replay   replayCommand   `cmd:"" help:"Try all parked deals again, or those of some problems."`
	Pause    pauseCommand    `cmd:"" help:"Let a connector rest: what happens is stored, nothing is read or written."`
	Resume   resumeCommand   `cmd:"" help:"Let a paused connector go on."`
	Reload   reloadCommand   `cmd:"" help:"Let a running agent read its document again."`
	Backfill backfillCommand `cmd:"" help:"Link what exists on both sides already; --dry-run says first what that would do."`
	Store    storeCommand    `cmd:"" help:"Back up, check or restore an agent's store."`
	Mapping  mappingCommand  `cmd:"" help:"Try the field mapping on one record or referral."`
	Schema   schemaCommand   `cmd:"" help:"Print the JSON Schema of the agent document."`
	Problems problemsCommand `cmd:"" help:"Explain the codes of problems (CS101, …): what they mean and what to do."`
	Sandbox  sandboxCommand  `cmd:"" help:"Local stand-ins of Partner Center, Salesforce and the identity service, to try everything without a tenant."`
	Version  versionCommand  `cmd:"" help:"Print the version."`

	Language string `env:"COSELL_AGENT_LANGUAGE" placeholder:"TAG" help:"Language of problems: en, de, ja, zh-Hans or it; without it the system's locale (LANG) chooses. Logs are English."`
}

const description = `Keeps Salesforce and Microsoft Partner Center equal: referrals and opportunities are the same deals.

The agent is configured by a Terraform output of the cosell provider and holds no configuration of its own:

  terraform output -raw agent_config > agent.json
  cosell-agent check --config agent.json
  cosell-agent mapping test --config agent.json --record 0065g00000XyZAAA
  cosell-agent run --config agent.json --store sqlite:/var/lib/cosell/agent.db --listen 127.0.0.1:8080

Secrets never stand in the document: it says env:NAME or file:/path, and the agent reads them there.
Every flag of run can be given as an environment variable COSELL_AGENT_<FLAG>.

Exit status: 0 done or stopped in an orderly way, 1 failed, 2 the command line is wrong, 3 the document or the
environment it names cannot be used (the message says what to do).`

// Exit statuses.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitUnusable = 3
)

func main() {
	var c cli
	parser, err := kong.New(&c, kong.Name("cosell-agent"), kong.Description(description), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}), kong.Vars{"acts": actNames()})
	if err != nil {
		fmt.Fprintln(os.Stderr, "cosell-agent:", err)
		os.Exit(exitFailed)
	}
	parsed, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "cosell-agent:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.BindTo(os.Stdout, (*io.Writer)(nil))
	language := languageOf(c.Language, os.Getenv)
	parsed.Bind(language)
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "cosell-agent:", errorText(err, language))
		stop()
		os.Exit(exitStatus(err)) //nolint:gocritic // stop has run
	}
}

func exitStatus(err error) int {
	var p *problem.Problem
	if errors.As(err, &p) && p.Class == problem.NeedsPerson {
		return exitUnusable
	}
	return exitFailed
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(out io.Writer) error {
	_, err := fmt.Fprintln(out, "cosell-agent", version)
	return err
}

type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run(out io.Writer) error {
	schema, err := document.Schema()
	if err != nil {
		return err
	}
	_, err = out.Write(schema)
	return err
}

type problemsCommand struct {
	Code     string `arg:"" optional:"" help:"One code; without it all are listed."`
	JSON     bool   `help:"Print JSON."`
	Markdown bool   `help:"Print the page of the documentation."`
}

// Run prints the catalogue. The page of the documentation is English.
func (c problemsCommand) Run(out io.Writer, language problem.Language) error {
	entries := language.Catalogue()
	if c.Markdown {
		entries = problem.Catalogue()
	}
	if c.Code != "" {
		entries = slices.DeleteFunc(entries, func(e problem.Entry) bool { return !strings.EqualFold(string(e.Code), c.Code) })
		if len(entries) == 0 {
			return fmt.Errorf("there is no problem %s; 'cosell-agent problems' lists all", c.Code)
		}
	}
	if c.JSON {
		return printJSON(out, entries)
	}
	var b strings.Builder
	if c.Markdown {
		b.WriteString(problemsPage)
	}
	for _, e := range entries {
		if c.Markdown {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.Code, e.Cause, e.Fix, e.Class)
			continue
		}
		fmt.Fprintf(&b, "%s (%s)\n  %s\n  %s\n", e.Code, e.Class, e.Cause, e.Fix)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

const problemsPage = `---
page_title: "Problems and what to do about them"
subcategory: ""
description: |-
  The codes that the provider's diagnostics, the CRM's Audit field and the agent's log share.
---

# Problems and what to do about them

Every problem has a code that never changes. The provider's diagnostics, the Audit field of an opportunity and the agent's log
use the same ones; "cosell-agent problems CS102" explains one on the command line.

A problem that passes *later* is tried again by itself. One that *needs a person* is tried again when somebody changes the deal
or the configuration.

| Code | What happened | What to do | Class |
|---|---|---|---|
`

type checkCommand struct {
	Config string `required:"" placeholder:"FILE" help:"The document: a file, or - for standard input."`
	JSON   bool   `help:"Print the result as JSON."`
}

// Run checks a document and sums it up.
func (c checkCommand) Run(out io.Writer) error {
	d, err := readDocument(c.Config, os.Stdin)
	if err != nil {
		return err
	}
	hash, err := document.Hash(d)
	if err != nil {
		return err
	}
	var enabled []string
	for _, f := range d.Flows {
		if f.Enabled {
			enabled = append(enabled, f.Name)
		}
	}
	if c.JSON {
		return printJSON(out, map[string]any{"connector": d.Connector.Name, "revision": d.Connector.Revision, "sha256": hash, "flows": enabled})
	}
	_, err = fmt.Fprintf(out, "connector %s, revision %d, sha256 %s\ntenant %s, %s\nflows %v\n",
		d.Connector.Name, d.Connector.Revision, hash, d.PartnerCenter.TenantID, d.CRM, enabled)
	return err
}
