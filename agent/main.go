// Command cosell-agent keeps a CRM and Microsoft Partner Center equal, as a Terraform output tells it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// version is set by the build.
var version = "dev"

type cli struct {
	Run     runCommand     `cmd:"" help:"Run the agent until it is told to stop (SIGTERM, Ctrl-C). SIGHUP reads the documents again."`
	Check   checkCommand   `cmd:"" help:"Check a document without calling anything."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON Schema of the agent document."`
	Sandbox sandboxCommand `cmd:"" help:"Local stand-ins of Partner Center, Salesforce and the identity service, to try everything without a tenant."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

const description = `Keeps Salesforce and Microsoft Partner Center equal: referrals and opportunities are the same deals.

The agent is configured by a Terraform output of the cosell provider and holds no configuration of its own:

  terraform output -raw agent_config > agent.json
  cosell-agent check --config agent.json
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
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "cosell-agent:", err)
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
	_, err = fmt.Fprintf(out, "connector %s, revision %d, sha256 %s\ntenant %s, Salesforce organisation %s\nflows %v\n",
		d.Connector.Name, d.Connector.Revision, hash, d.PartnerCenter.TenantID, d.CRM.Salesforce.OrgID, enabled)
	return err
}
