// Command bench measures the agent from outside, against the sandbox: how long acknowledgements, changes and new deals take, what
// a burst of deals costs in remote calls, processor time and memory, what the agent needs when idle, and how much memory a store
// of many links takes. The agent is the real program in a process of its own; the sandbox runs in this one. It judges nothing:
// targets stand beside the figures, and the exit status is about the measuring alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

type options struct {
	bin       string // directory of the two programs
	example   string // directory of the Terraform example
	terraform string // Terraform or OpenTofu
	profile   profile
	json      bool
	keep      bool
	progress  io.Writer
}

func main() {
	o, err := readOptions(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitUsage)
	}
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitFailed)
	}
}

func readOptions(arguments []string) (options, error) {
	o := options{progress: os.Stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.bin, "bin", "bin", "directory that holds terraform-provider-cosell and cosell-agent")
	flags.StringVar(&o.example, "example", filepath.Join("examples", "salesforce"), "directory of the Terraform example")
	flags.StringVar(&o.terraform, "terraform", "terraform", "Terraform or OpenTofu, 1.11 or newer")
	full := flags.Bool("full", false, "measure every cell; half an hour instead of some minutes")
	burst := flags.Int("burst", 0, "add bursts of this many deals, for example 10000")
	limit := flags.Duration("limit", 0, "stop measuring after this time; what is missing then is named. Default: 6m, 30m with -full")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of tables")
	flags.BoolVar(&o.keep, "keep", false, "keep the temporary directory, with the agents' logs and documents")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.profile = quick()
	if *full {
		o.profile = full30()
	}
	if *burst > 0 {
		o.profile.bursts = append(o.profile.bursts, *burst)
		o.profile.limit += longBurst
	}
	if *limit > 0 {
		o.profile.limit = *limit
	}
	return o, nil
}

// run measures and prints. A cell that could not be measured says so in the report and is an error in the end.
func run(o options, out io.Writer) error {
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, o.profile.limit)
	defer cancel()
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	if o.json {
		err = r.writeJSON(out)
	} else {
		err = r.writeTables(out)
	}
	if failed := r.failed(); failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d cells could not be measured; the notes say why", failed))
	}
	return err
}
