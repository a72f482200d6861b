package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

type sandboxCommand struct {
	Serve sandboxServe `cmd:"" default:"withargs" help:"Serve the stand-ins on free ports of this machine until stopped."`
	Act   sandboxAct   `cmd:"" help:"Let a person act: a seller in Salesforce or Dynamics 365, or somebody in Partner Center."`
	Acts  sandboxActs  `cmd:"" help:"List what people can do."`
}

// The environment files are written into the sandbox's directory when everything listens; the staging org's first, so that
// whoever waits for environmentFile finds both.
const (
	environmentFile        = "sandbox.env"
	stagingEnvironmentFile = "sandbox-staging.env"

	dataverseEnvironmentFile = "sandbox-dataverse.env"
)

type sandboxServe struct {
	Dir     string `default:"." type:"existingdir" help:"Where sandbox.env, the keys and the trust bundle are written."`
	Staging bool   `help:"Serve a second Salesforce org on the same Partner Center tenant, for a staging environment; its environment is sandbox-staging.env."`

	Dataverse bool `help:"Serve a Dataverse environment with Dynamics 365 Sales as well; its environment is sandbox-dataverse.env."`
}

// Help is shown by sandbox serve --help.
func (sandboxServe) Help() string {
	return `When sandbox.env appears in the directory, everything listens. It holds what the provider and the agent need:
  set -a; . ./sandbox.env; set +a
  terraform apply
With --staging, sandbox-staging.env holds the same variables for the staging org. Both orgs see the same referrals:
  cosell-agent sandbox --dir sandbox --staging &
  (set -a; . sandbox/sandbox-staging.env; terraform -chdir=staging apply)
  cosell-agent sandbox act create_opportunity org=staging name='STG First deal' account=Fabrikam
With --dataverse, sandbox-dataverse.env holds the variables of a Dataverse environment with Dynamics 365 Sales:
  cosell-agent sandbox act dynamics_create_opportunity name='First deal' account=Fabrikam
Nothing outlives the process: the stand-ins keep their data in memory.`
}

// Run serves until the context ends.
func (c sandboxServe) Run(ctx context.Context, out io.Writer) (err error) {
	options := sandbox.Options{Dir: c.Dir}
	if c.Staging {
		options.Staging = &sandbox.SalesforceOptions{}
	}
	if c.Dataverse {
		options.Dataverse = &sandbox.DataverseOptions{}
	}
	s, err := sandbox.New(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Start(ctx); err != nil {
		return err
	}
	if c.Staging {
		file := filepath.Join(c.Dir, stagingEnvironmentFile)
		if err := s.WriteStagingEnv(file); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Remove(file)) }()
	}
	if c.Dataverse {
		file := filepath.Join(c.Dir, dataverseEnvironmentFile)
		if err := s.WriteDataverseEnv(file); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Remove(file)) }()
	}
	file := filepath.Join(c.Dir, environmentFile)
	if err := s.WriteEnv(file); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	if _, err := fmt.Fprintf(out, "the sandbox listens; its environment is in %s, its control API at %s/_sandbox/\n", file, s.URL()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

type sandboxAct struct {
	Name       string   `arg:"" help:"What to do: ${acts}."`
	Parameters []string `arg:"" optional:"" sep:"none" placeholder:"NAME=VALUE" help:"Its parameters, see 'sandbox acts'."`
	URL        string   `required:"" env:"COSELL_SANDBOX_URL" help:"The sandbox's control API, from sandbox.env."`
}

// Help is shown by sandbox act --help.
func (sandboxAct) Help() string {
	return `Examples:
  cosell-agent sandbox act create_opportunity name='First deal' account=Fabrikam Sync_with_Partner_Center__c=true
  cosell-agent sandbox act send_referral name='New deal' customer=Fabrikam country=NO value=50000 currency=NOK`
}

// actTimeout is how long an act may take; it waits for nothing but the sandbox itself.
const actTimeout = 30 * time.Second

// Run sends the act to the sandbox and prints what came of it.
func (c sandboxAct) Run(ctx context.Context, out io.Writer) error {
	parameters := map[string]string{}
	for _, p := range c.Parameters {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return fmt.Errorf("parameter %q is not of the form name=value", p)
		}
		parameters[name] = value
	}
	body, err := json.Marshal(parameters)
	if err != nil {
		return fmt.Errorf("encode the parameters: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/_sandbox/act/"+c.Name, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("address of the sandbox: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		return fmt.Errorf("is the sandbox running? %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the sandbox's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the sandbox refused: %s", refusal(answer))
	}
	_, err = out.Write(append(bytes.TrimSpace(answer), '\n'))
	return err
}

func refusal(answer []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer, &said) == nil && said.Error != "" {
		return said.Error
	}
	return string(answer)
}

type sandboxActs struct {
	JSON bool `help:"Print the list as JSON."`
}

// Run lists the acts.
func (c sandboxActs) Run(out io.Writer) error {
	acts := sandbox.Acts()
	if c.JSON {
		return printJSON(out, acts)
	}
	var b strings.Builder
	for _, act := range acts {
		fmt.Fprintf(&b, "%s: %s\n", act.Name, act.Help)
		for _, p := range act.Parameters {
			required := ""
			if p.Required {
				required = " (required)"
			}
			fmt.Fprintf(&b, "    %-24s %s%s\n", p.Name, p.Help, required)
		}
		if act.Fields {
			fmt.Fprintf(&b, "    %-24s %s\n", "Field__c=…", "any field of the record, by API name")
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func actNames() string {
	var names []string
	for _, act := range sandbox.Acts() {
		names = append(names, act.Name)
	}
	return strings.Join(names, ", ")
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
