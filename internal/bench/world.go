package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// patience bounds the wait for anything that must come. Running out of it is a failure, not a measurement.
const patience = 2 * time.Minute

// pollsEvery is the interval of polls where polling is measured. The default is 10s.
const pollsEvery = time.Second

// world is a sandbox that Terraform has provisioned with the whole example, and what is needed to run agents on it.
type world struct {
	options

	sandbox  *sandbox.Sandbox
	courier  *courier
	dir      string
	env      []string // of Terraform and the agent
	address  string   // of the agent's webhook endpoint
	document document.Document
	store    string // sqlite or postgresql
	dsn      string
	agents   int // started so far
}

// newWorld makes a sandbox, provisions it and reads the agent's document.
func newWorld(ctx context.Context, o options, dir, storeName, dsn string) (_ *world, err error) {
	w := &world{options: o, dir: dir, store: storeName, dsn: dsn, courier: newCourier()}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	files := filepath.Join(dir, "sandbox")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return nil, err
	}
	w.sandbox, err = sandbox.New(sandbox.Options{Dir: files, RetryInterval: 100 * time.Millisecond, Transport: w.courier})
	if err != nil {
		return nil, err
	}
	if err := w.sandbox.Start(context.WithoutCancel(ctx)); err != nil { // until close
		return nil, err
	}
	if w.address, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if err := w.prepareTerraform(); err != nil {
		return nil, err
	}
	for _, arguments := range [][]string{{"get", "-no-color"}, {"apply", "-auto-approve", "-input=false", "-no-color"}} {
		if _, err := w.terraformRun(ctx, arguments...); err != nil {
			return nil, err
		}
	}
	content, err := w.terraformRun(ctx, "output", "-raw", "agent_config")
	if err != nil {
		return nil, err
	}
	w.document, err = document.Decode(content)
	return w, err
}

func (w *world) close() error {
	var err error
	if w.sandbox != nil {
		err = w.sandbox.Close()
	}
	w.courier.close()
	return err
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// announced is added to the example: Salesforce announces the changes of these objects.
const announced = `
resource "cosell_salesforce_change_events" "bench" {
  entities   = ["Account", "Contact", "Microsoft_Solution__c", "Opportunity", "OpportunityContactRole"]
  depends_on = [module.kit]
}
`

// prepareTerraform copies the example into a root of its own. The provider is the one that was built, so nothing is installed.
func (w *world) prepareTerraform() error {
	bin, err := filepath.Abs(w.bin)
	if err != nil {
		return err
	}
	root := filepath.Join(w.dir, "terraform")
	if err := copyConfiguration(w.example, root); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "bench.tf"), []byte(announced), 0o600); err != nil {
		return err
	}
	cli := filepath.Join(w.dir, "cli.tfrc")
	overrides := fmt.Sprintf("provider_installation {\n  dev_overrides { \"cosell-sync/cosell\" = %q }\n  direct {}\n}\n", filepath.ToSlash(bin))
	if err := os.WriteFile(cli, []byte(overrides), 0o600); err != nil {
		return err
	}
	for _, entry := range os.Environ() { // without the machine's own Terraform configuration
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "COSELL_") {
			w.env = append(w.env, entry)
		}
	}
	set := func(name, value string) { w.env = append(w.env, name+"="+value) }
	given := w.sandbox.Env()
	for name, value := range given {
		set(name, value)
	}
	set("TF_CLI_CONFIG_FILE", cli)
	set("CHECKPOINT_DISABLE", "1")
	set("COSELL_AGENT_LANGUAGE", "en")
	for name, value := range map[string]string{
		"webhook_url": "http://" + w.address + "/hooks/0f6c1d3a9be24875", "deletion_protection": "false", "default_currency": "USD", "sync_delay": "0s",
		"agent_salesforce_username": given["COSELL_AGENT_SALESFORCE_USERNAME"], "agent_salesforce_client_id": given["COSELL_AGENT_SALESFORCE_CLIENT_ID"],
		"agent_salesforce_private_key": "file:" + given["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
	} {
		set("TF_VAR_"+name, value)
	}
	return nil
}

// copyConfiguration copies the .tf files of a directory with its modules.
func copyConfiguration(from, into string) error {
	files := os.DirFS(from)
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && len(path) > 1 && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(into, path), 0o700)
		case filepath.Ext(path) != ".tf":
			return nil
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(into, path), content, 0o600)
	})
}

func (w *world) terraformRun(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, w.terraform, arguments...)
	command.Dir, command.Env = filepath.Join(w.dir, "terraform"), w.env
	command.Cancel = func() error { return askToEnd(command.Process) }
	command.WaitDelay = 10 * time.Second
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("terraform %s: %w\n%s\n%s", arguments[0], err, output, complaints.Bytes())
	}
	return output, nil
}

// act lets a person act and gives the id of what was touched.
func (w *world) act(ctx context.Context, name string, parameters map[string]string) (string, error) {
	encoded, err := json.Marshal(parameters)
	if err != nil {
		return "", err
	}
	result, err := w.sandbox.Act(ctx, name, encoded)
	if err != nil {
		return "", err
	}
	if encoded, err = json.Marshal(result); err != nil {
		return "", err
	}
	var touched struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(encoded, &touched); err != nil {
		return "", fmt.Errorf("%s gave %s: %w", name, encoded, err)
	}
	return touched.ID, nil
}

func (w *world) log() *lab.Log { return w.sandbox.Kit().Log }

// mark is the number of the last operation.
func (w *world) mark() int64 { return w.log().Append(lab.Operation{Service: "bench", Action: "mark"}) }

func (w *world) now() time.Time { return w.sandbox.Kit().Clock.Now() }

// latency makes every remote call take longer.
func (w *world) latency(d time.Duration) error {
	return w.sandbox.Kit().Faults.Set(lab.FaultPlan{Latency: d})
}

// await looks at the operations since a mark, in order, until done says that what it waits for has come.
func (w *world) await(ctx context.Context, what string, mark int64, done func(lab.Operation) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if err := w.log().Wait(ctx, mark); err != nil {
			return fmt.Errorf("waited for %s: %w", what, err)
		}
		for _, o := range w.log().Since(mark) {
			mark = o.Seq
			if done(o) {
				return nil
			}
		}
	}
}

// rest waits until the agent has done nothing but poll for a while.
func (w *world) rest(ctx context.Context, quiet time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun, mark := w.now(), w.mark()
	for {
		last := countCalls(w.log().Since(mark)).last
		if last.Before(begun) {
			last = begun
		}
		left := quiet - w.now().Sub(last)
		if left <= 0 {
			return nil
		}
		if !wait(ctx, min(left, 100*time.Millisecond)) {
			return fmt.Errorf("waited for the agent to rest: %w", ctx.Err())
		}
	}
}
