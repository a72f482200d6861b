package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const startPatience = 20 * time.Second // for a child to be ready

// demo holds what the steps share.
type demo struct {
	options
	line *timeline

	directory string
	children  []*child  // in the order of their start
	acted     time.Time // when a person acted last

	partnerCenter *partnerCenter
	*environment  // production
	staging       *environment
}

// environment is one installation: an organisation, the Terraform root that provisions it, and the agent.
type environment struct {
	name       string            // production or staging
	sandbox    map[string]string // the variables that point at its organisation and the tenant
	webhook    string            // empty when it polls
	cli        *terraform
	agent      *child
	salesforce *salesforce
	dynamics   *dynamics
}

func (d *demo) run(ctx context.Context) error {
	if err := d.prepare(); err != nil {
		return err
	}
	steps := []func(context.Context) error{d.startSandbox, d.provision, d.startAgent}
	subject := "One terraform apply, one agent, and a deal is equal on both sides."
	if d.twice {
		subject = "One Partner Center tenant, the same code twice, and staging does production no harm."
		steps = append(steps, d.stagingScenario()...)
	} else if d.crm == crmDynamics {
		steps = append(steps, d.dynamicsScenario()...)
	} else {
		steps = append(steps, d.scenario()...)
	}
	d.line.Title(subject, d.directory)
	d.line.Chapter("An administrator provisions everything from code")
	for _, step := range append(steps, d.settle, d.tearDown) {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the temporary directory and the paths absolute, because children run in it.
func (d *demo) prepare() error {
	for _, path := range []*string{&d.bin, &d.example} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("find %s: %w", *path, err)
		}
		*path = absolute
	}
	directory, err := os.MkdirTemp("", "cosell-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	d.directory = directory
	return nil
}

func (d *demo) program() string { return filepath.Join(d.bin, "cosell-agent"+exe()) }

func (d *demo) start(name string, env []string, arguments ...string) (*child, error) {
	c, err := startChild(name, d.directory, env, d.program(), arguments...)
	if err == nil {
		d.children = append(d.children, c)
	}
	return c, err
}

// startSandbox starts the sandbox and reads the environment that it writes when it listens.
func (d *demo) startSandbox(ctx context.Context) error {
	begun := time.Now()
	arguments := []string{"sandbox", "--dir", d.directory}
	holds := "an empty Partner Center tenant and an empty Salesforce organisation"
	if d.twice {
		arguments = append(arguments, "--staging")
		holds = "an empty Partner Center tenant and two empty Salesforce organisations"
	}
	written := "sandbox.env"
	if d.crm == crmDynamics {
		arguments, written = append(arguments, "--dataverse"), "sandbox-dataverse.env"
		holds = "an empty Partner Center tenant and an empty Dynamics 365 environment"
	}
	c, err := d.start("sandbox", cleanEnvironment(), arguments...)
	if err != nil {
		return err
	}
	file := filepath.Join(d.directory, written)
	err = d.until(ctx, c, func(context.Context) (bool, error) {
		_, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	d.environment = &environment{name: "production"}
	if d.sandbox, err = readEnvironment(file); err != nil {
		return err
	}
	if d.twice {
		d.staging = &environment{name: "staging"}
		if d.staging.sandbox, err = readEnvironment(filepath.Join(d.directory, "sandbox-staging.env")); err != nil {
			return err
		}
	}
	if d.partnerCenter, err = openPartnerCenter(ctx, d.sandbox); err != nil {
		return err
	}
	d.line.Done("the sandbox listens: "+holds, time.Since(begun))
	return nil
}

// readEnvironment reads lines KEY='value', as a shell would.
func readEnvironment(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the sandbox's environment: %w", err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(content)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			env[name] = strings.ReplaceAll(strings.Trim(value, "'"), `'\''`, "'")
		}
	}
	return env, nil
}

// webhookKey is the variable with the key by which the agent knows what Dynamics 365 tells. Both Terraform and the agent read it.
const webhookKey = "COSELL_DATAVERSE_WEBHOOK_KEY"

// provision applies the example to production. The agent's address is chosen first, because the webhook registration names it.
func (d *demo) provision(ctx context.Context) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	d.webhook = "http://" + address + "/hooks/" + strings.ToLower(rand.Text())
	own := map[string]string{"TF_VAR_webhook_url": d.webhook}
	if d.crm == crmDynamics {
		d.environment.sandbox[webhookKey] = rand.Text()
		own["TF_VAR_push_url"] = "http://" + address + "/hooks/" + strings.ToLower(rand.Text())
	}
	return d.apply(ctx, d.environment, own,
		map[string]string{
			crmSalesforce: "webhook registration, custom fields and objects, the page layout, permission sets, flows, the connector",
			crmDynamics:   "webhook registration, tables and columns, the form, change tracking, webhook steps, flows, the connector",
		}[d.crm])
}

// apply makes a root of its own for an environment, with the example's code, and applies it.
func (d *demo) apply(ctx context.Context, e *environment, own map[string]string, what string) error {
	variables := map[string]string{
		"TF_VAR_deletion_protection": "false",
		"TF_VAR_name":                "contoso-" + e.name,
		"TF_VAR_environment":         e.name,
		"TF_VAR_poll_interval":       "1s",
		"TF_VAR_sync_delay":          "2s",
	}
	maps.Copy(variables, d.ofCRM(e))
	maps.Copy(variables, own)
	for name, value := range e.sandbox {
		if strings.HasPrefix(name, "COSELL_PARTNER_CENTER_") || strings.HasPrefix(name, "COSELL_SALESFORCE_") || strings.HasPrefix(name, "COSELL_DATAVERSE_") {
			variables[name] = value
		}
	}
	var err error
	if e.cli, err = newTerraform(ctx, d.options, d.directory, e.name, variables); err != nil {
		return err
	}
	took, err := elapsed(func() error {
		_, err := e.cli.run(ctx, "init", "-no-color")
		return err
	})
	if err != nil {
		return err
	}
	d.line.Done(d.of(e)+e.cli.name+" init, from a local mirror", took)
	if err := d.change(ctx, e, "apply", "created: "+what); err != nil {
		return err
	}
	if d.crm == crmDynamics {
		e.dynamics, err = openDynamics(ctx, e.sandbox)
		return err
	}
	e.salesforce, err = openSalesforce(ctx, e.sandbox)
	return err
}

// ofCRM gives the variables of the example that only its CRM has.
func (d *demo) ofCRM(e *environment) map[string]string {
	if d.crm == crmDynamics {
		return map[string]string{
			"TF_VAR_agent_dataverse_client_id":   e.sandbox["COSELL_AGENT_DATAVERSE_CLIENT_ID"],
			"TF_VAR_agent_dataverse_certificate": "file:" + e.sandbox["COSELL_AGENT_DATAVERSE_CERTIFICATE_FILE"],
			"TF_VAR_solutions":                   catalogue,
		}
	}
	return map[string]string{
		"TF_VAR_default_currency":             "USD",
		"TF_VAR_on_hold_stage_name":           stageOnHold,
		"TF_VAR_active_stage_name":            stageActive,
		"TF_VAR_agent_salesforce_username":    e.sandbox["COSELL_AGENT_SALESFORCE_USERNAME"],
		"TF_VAR_agent_salesforce_client_id":   e.sandbox["COSELL_AGENT_SALESFORCE_CLIENT_ID"],
		"TF_VAR_agent_salesforce_private_key": "file:" + e.sandbox["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
	}
}

// customised lists what of the example still stands in the CRM.
func (e *environment) customised(ctx context.Context) ([]string, error) {
	if e.dynamics != nil {
		return e.dynamics.customised(ctx)
	}
	return e.salesforce.customised(ctx)
}

// of begins a line about an environment, where there are several.
func (d *demo) of(e *environment) string {
	if d.staging == nil {
		return ""
	}
	return e.name + ": "
}

// change runs apply or destroy with progress.
func (d *demo) change(ctx context.Context, e *environment, command, what string) error {
	begun := time.Now()
	done, err := e.cli.change(ctx, command, func(done, planned int) {
		d.line.Waiting(fmt.Sprintf("%s%s %s: %d of %d objects", d.of(e), e.cli.name, command, done, planned), begun)
	})
	if err != nil {
		return err
	}
	d.line.Done(fmt.Sprintf("%s%s %s: %d objects %s", d.of(e), e.cli.name, command, done, what), time.Since(begun))
	return nil
}

// freeAddress finds a port that nobody uses now.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// launch hands an environment's Terraform output to an agent and starts it.
func (d *demo) launch(ctx context.Context, e *environment, arguments ...string) error {
	document, err := e.cli.run(ctx, "output", "-raw", "agent_config")
	if err != nil {
		return err
	}
	config := filepath.Join(d.directory, e.name+".json")
	if err := os.WriteFile(config, document, 0o600); err != nil {
		return fmt.Errorf("write the agent's document: %w", err)
	}
	env := cleanEnvironment()
	for _, name := range []string{"COSELL_PARTNER_CENTER_CLIENT_SECRET", "COSELL_PARTNER_CENTER_REFRESH_TOKEN", "COSELL_AGENT_TRUST_BUNDLE",
		"COSELL_AGENT_CERTIFICATE_HOSTS", webhookKey} {
		env = append(env, name+"="+e.sandbox[name])
	}
	database := "sqlite:" + filepath.Join(d.directory, e.name+".db")
	e.agent, err = d.start("agent-"+e.name, env, append([]string{"run", "--config", config, "--store", database, "--call-timeout", "5s", "--list-lag", "500ms", "--lease", "20s"}, arguments...)...)
	return err
}

// startAgent starts production's agent and waits until it listens.
func (d *demo) startAgent(ctx context.Context) error {
	begun := time.Now()
	address := strings.Split(d.webhook, "/")[2]
	if err := d.launch(ctx, d.environment, "--listen", address); err != nil {
		return err
	}
	client := http.Client{Timeout: readTimeout}
	err := d.until(ctx, d.agent, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			return false, err
		}
		response, err := client.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		return response.StatusCode < http.StatusBadRequest, response.Body.Close()
	})
	if err != nil {
		return err
	}
	d.line.Done(d.of(d.environment)+"cosell-agent runs, with the document that Terraform put out and nothing else", time.Since(begun))
	return nil
}

// until waits for a child to be ready.
func (d *demo) until(ctx context.Context, c *child, ready func(context.Context) (bool, error)) error {
	begun := time.Now()
	for {
		ok, err := ready(ctx)
		if err != nil || ok {
			return err
		}
		if time.Since(begun) > startPatience {
			return fmt.Errorf("%s is not ready after %v", c.name, startPatience)
		}
		d.line.Waiting("waiting for "+c.name, begun)
		if err := d.pause(ctx); err != nil {
			return err
		}
	}
}

// act lets a person act in the sandbox and returns what came of it.
func (d *demo) act(ctx context.Context, who, what, name string, parameters ...string) (record, error) {
	env := append(cleanEnvironment(), "COSELL_SANDBOX_URL="+d.sandbox["COSELL_SANDBOX_URL"])
	answer, err := call(ctx, d.directory, env, d.program(), append([]string{"sandbox", "act", name}, parameters...)...)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", who, what, err)
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("read what came of %s: %w", name, err)
	}
	d.acted = time.Now()
	d.line.Act(who, what)
	return flatten(object), nil
}

// environments lists what was provisioned, in the order in which it is cleared away: staging first.
func (d *demo) environments() []*environment {
	if d.staging == nil {
		return []*environment{d.environment}
	}
	return []*environment{d.staging, d.environment}
}

// settle shows that Terraform finds everything as it left it, although the agents have worked.
func (d *demo) settle(ctx context.Context) error {
	d.line.Chapter("The administrator looks again, and clears away")
	for _, e := range d.environments() {
		took, err := elapsed(func() error { return e.cli.unchanged(ctx) })
		if err != nil {
			return err
		}
		d.line.Done(d.of(e)+e.cli.name+" plan: no changes", took)
	}
	return nil
}

// tearDown stops the agents, destroys, and looks whether anything is left in the systems.
func (d *demo) tearDown(ctx context.Context) error {
	for _, e := range d.environments() {
		if err := d.remove(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) remove(ctx context.Context, e *environment) error {
	took, err := elapsed(e.agent.stop)
	if err != nil {
		return err
	}
	if e.agent.err != nil {
		return fmt.Errorf("the agent did not stop in an orderly way: %w", e.agent.err)
	}
	d.children = slices.DeleteFunc(d.children, func(c *child) bool { return c == e.agent })
	d.line.Done(d.of(e)+"cosell-agent stopped in an orderly way", took)
	if err := d.change(ctx, e, "destroy", "removed"); err != nil {
		return err
	}
	begun := time.Now()
	left, err := e.customised(ctx)
	if err != nil {
		return err
	}
	if e.webhook != "" {
		listens, err := d.partnerCenter.listens(ctx, e.webhook)
		if err != nil {
			return err
		}
		if listens {
			left = append(left, "webhook registration "+e.webhook)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("after destroy there is still: %s", strings.Join(left, ", "))
	}
	d.line.Done(d.of(e)+"nothing of it is left in "+nameOf(d.crm)+" and Partner Center", time.Since(begun))
	return nil
}

// lastWords are the last lines of the children's logs.
func (d *demo) lastWords() []string {
	var lines []string
	for _, c := range d.children {
		lines = append(lines, c.name+" said last:")
		lines = append(lines, c.tail()...)
	}
	return lines
}

// cleanUp ends the children, last started first, and removes the directory.
func (d *demo) cleanUp() error {
	var errs []error
	for i := len(d.children) - 1; i >= 0; i-- {
		errs = append(errs, d.children[i].stop())
	}
	if d.keep {
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, os.RemoveAll(d.directory))...)
}
