// Command demo provisions a sandboxed Partner Center tenant and a CRM, Salesforce or Dynamics 365, with Terraform, starts the agent
// from the Terraform output, plays a scenario in both directions, and checks every step by reading the other system's
// public API. With -staging it shows two environments on one tenant instead. It shares no code with the programs that it shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// The CRMs.
const (
	crmSalesforce = "salesforce"
	crmDynamics   = "dynamics365"
)

// patience bounds the whole demo; it needs less than a minute.
const patience = 5 * time.Minute

type options struct {
	bin       string // directory of the two programs
	example   string // directory of the Terraform example
	terraform string // Terraform or OpenTofu
	crm       string // salesforce or dynamics365
	twice     bool   // two environments on one tenant
	keep      bool
	json      bool
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "directory that holds terraform-provider-cosell and cosell-agent")
	flag.StringVar(&o.crm, "crm", crmSalesforce, "the CRM: salesforce or dynamics365")
	flag.StringVar(&o.example, "example", "", "directory of the Terraform example; default examples/ and the CRM")
	flag.StringVar(&o.terraform, "terraform", "terraform", "Terraform or OpenTofu, 1.11 or newer")
	flag.BoolVar(&o.twice, "staging", false, "show a staging environment beside production, on the same Partner Center tenant")
	flag.BoolVar(&o.keep, "keep", false, "keep the temporary directory, with logs, state and documents, to look at")
	flag.BoolVar(&o.json, "json", false, "print one JSON object a line")
	flag.Parse()
	if o.crm != crmSalesforce && o.crm != crmDynamics || o.crm == crmDynamics && o.twice {
		fmt.Fprintln(os.Stderr, "demo: the CRM is salesforce or dynamics365, and -staging shows Salesforce")
		os.Exit(exitUsage)
	}
	if o.example == "" {
		o.example = filepath.Join("examples", o.crm)
	}
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unexpected argument %q\n", flag.Arg(0))
		os.Exit(exitUsage)
	}
	os.Exit(demonstrate(o))
}

// demonstrate runs the demo and cleans up after it, however it ends.
func demonstrate(o options) int {
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, patience)
	defer cancel()

	line := newTimeline(os.Stdout, o.json, o.crm)
	d := &demo{options: o, line: line}
	err := d.run(ctx)
	if interrupted.Err() != nil {
		line.Failed(errors.New("interrupted"), nil)
	} else if err != nil {
		line.Failed(err, d.lastWords())
	}
	if cleaned := d.cleanUp(); cleaned != nil {
		line.Failed(fmt.Errorf("clean up: %w", cleaned), nil)
		err = errors.Join(err, cleaned)
	}
	switch {
	case interrupted.Err() != nil:
		return exitInterrupted
	case err != nil:
		return exitFailed
	}
	kept := ""
	if o.keep {
		kept = d.directory
	}
	line.Passed(kept)
	return 0
}
