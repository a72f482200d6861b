package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// programs are built once for all tests of the package.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		if err := os.RemoveAll(programs.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func build(t testing.TB) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "cosell-e2e-"); programs.err != nil {
			return
		}
		for name, from := range map[string]string{"terraform-provider-cosell": ".", "cosell-agent": "./agent"} {
			command := exec.Command("go", "build", "-o", filepath.Join(programs.dir, name), from)
			command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
			if output, err := command.CombinedOutput(); err != nil {
				programs.err = fmt.Errorf("build %s: %w\n%s", name, err, output)
				return
			}
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return programs.dir
}

const (
	root     = "../.."
	hookPath = "/hooks/7c1e90b2a4d35f68"
)

// patience bounds the wait for something that must come; running out of it is a failure, not a measurement.
var patience = flag.Duration("patience", 3*time.Minute, "the longest wait for something that must come")

// terraformProgram finds the CLI. One that is missing is a loud skip on a developer's machine and a failure in CI.
func terraformProgram(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("COSELL_REQUIRE_ALL") == "1" {
		t.Fatal("neither terraform nor tofu is on PATH")
	}
	t.Skip("SKIPPED: neither terraform nor tofu is on PATH; install one to run the end-to-end tests")
	return ""
}

// bed is a sandbox with a provisioned organisation, and an agent that can be killed and started again.
type bed struct {
	t       testing.TB
	sandbox *sandbox.Sandbox
	dir     string
	env     []string // of Terraform and the agent
	address string   // of the agent's webhook endpoint
	more    []string // further arguments of the agent
	agent   *exec.Cmd
	log     *os.File // the agent's, of all its lives
}

// newBed makes a sandbox and applies examples/salesforce.
func newBed(t testing.TB, variables map[string]string) *bed {
	t.Helper()
	return newBedWith(t, nil, variables)
}

// newBedWith is newBed with some switches of the sandbox set.
func newBedWith(t testing.TB, switches, variables map[string]string) *bed {
	t.Helper()
	b := newBareBed(t, switches, variables)
	b.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	b.writeDocument()
	return b
}

// newBareBed makes a sandbox and the directory from which Terraform can provision it.
func newBareBed(t testing.TB, switches, variables map[string]string) *bed {
	t.Helper()
	return newBareBedOf(t, sandbox.Options{Switches: switches}, variables)
}

// newBareBedOf is newBareBed with a sandbox of its own kind.
func newBareBedOf(t testing.TB, options sandbox.Options, variables map[string]string) *bed {
	t.Helper()
	terraformProgram(t)
	b := &bed{t: t, dir: t.TempDir()}
	options.Dir, options.RetryInterval = b.mkdir("sandbox"), 100*time.Millisecond
	var err error
	if b.sandbox, err = sandbox.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.sandbox.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.sandbox.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if b.log, err = os.Create(filepath.Join(b.dir, "agent.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.log.Close() })
	b.environment(variables)
	b.copyExample("salesforce")
	return b
}

func (b *bed) mkdir(name string) string {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

// environment leaves out what the machine's own Terraform configuration would add.
func (b *bed) environment(variables map[string]string) {
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "COSELL_") {
			b.env = append(b.env, entry)
		}
	}
	set := func(name, value string) { b.env = append(b.env, name+"="+value) }
	given := b.sandbox.Env()
	for name, value := range given {
		set(name, value)
	}
	cli := filepath.Join(b.dir, "cli.tfrc")
	overrides := fmt.Sprintf("provider_installation {\n  dev_overrides { \"cosell-sync/cosell\" = %q }\n  direct {}\n}\n", build(b.t))
	if err := os.WriteFile(cli, []byte(overrides), 0o600); err != nil {
		b.t.Fatal(err)
	}
	set("TF_CLI_CONFIG_FILE", cli)
	set("CHECKPOINT_DISABLE", "1")
	set("COSELL_AGENT_LANGUAGE", "en")
	for name, value := range map[string]string{
		"webhook_url": "http://" + b.address + hookPath, "deletion_protection": "false", "default_currency": "USD", "poll_interval": "500ms", "sync_delay": "0s",
		"agent_salesforce_username": given["COSELL_AGENT_SALESFORCE_USERNAME"], "agent_salesforce_client_id": given["COSELL_AGENT_SALESFORCE_CLIENT_ID"],
		"agent_salesforce_private_key": "file:" + given["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
	} {
		if _, own := variables[name]; !own {
			set("TF_VAR_"+name, value)
		}
	}
	for name, value := range variables {
		set("TF_VAR_"+name, value)
	}
}

// copyExample copies the configuration with its modules, without what somebody's own runs left beside it, and lets Terraform
// know the modules. The provider needs no installation.
func (b *bed) copyExample(name string) {
	b.t.Helper()
	from, into := os.DirFS(filepath.Join(root, "examples", name)), b.mkdir("terraform")
	err := fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
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
		content, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(into, path), content, 0o600)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.terraform("get", "-no-color")
}

// terraform runs one command and gives its standard output.
func (b *bed) terraform(arguments ...string) []byte {
	b.t.Helper()
	output, err := b.tryTerraform(arguments...)
	if err != nil {
		b.t.Fatalf("terraform %s: %v", strings.Join(arguments, " "), err)
	}
	return output
}

func (b *bed) tryTerraform(arguments ...string) ([]byte, error) {
	command := exec.Command(terraformProgram(b.t), arguments...)
	command.Dir, command.Env = filepath.Join(b.dir, "terraform"), b.env
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s\n%s", err, output, problems.Bytes())
	}
	return output, err
}

func (b *bed) documentFile() string { return filepath.Join(b.dir, "agent.json") }
func (b *bed) databaseFile() string { return filepath.Join(b.dir, "agent.db") }

func (b *bed) writeDocument() {
	if err := os.WriteFile(b.documentFile(), b.terraform("output", "-raw", "agent_config"), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// start runs the agent. Its timings are short, so that what it must wait out after a kill passes quickly.
func (b *bed) start() {
	b.t.Helper()
	arguments := []string{
		"run", "--config", b.documentFile(), "--store", "sqlite:" + b.databaseFile(), "--listen", b.address, "--call-timeout", "2s", "--lease", "8s", "--list-lag", "500ms",
		"--log-level", "debug",
	}
	b.agent = exec.Command(filepath.Join(build(b.t), "cosell-agent"), append(arguments, b.more...)...)
	b.agent.Env, b.agent.Stderr, b.agent.Stdout = b.env, b.log, b.log
	if err := b.agent.Start(); err != nil {
		b.t.Fatal(err)
	}
	agent := b.agent
	b.t.Cleanup(func() {
		if agent.ProcessState == nil {
			_ = agent.Process.Kill()
			_ = agent.Wait()
		}
		if b.t.Failed() {
			b.t.Logf("the agent's log ends:\n%s", b.tail())
		}
	})
}

// openIntents counts the requests of a kind whose outcome a killed agent does not know.
func (b *bed) openIntents(kind string) int {
	b.t.Helper()
	database, err := sql.Open("sqlite", "file:"+b.databaseFile()+"?mode=ro")
	if err != nil {
		b.t.Fatal(err)
	}
	defer database.Close()
	var open int
	if err := database.QueryRow(`SELECT COUNT(*) FROM intent WHERE kind = ? AND state IN ('sent', 'ambiguous')`, kind).Scan(&open); err != nil {
		b.t.Fatal(err)
	}
	return open
}

// kill ends the agent as a power cut would.
func (b *bed) kill() {
	b.t.Helper()
	if err := b.agent.Process.Signal(syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := b.agent.Wait(); !errors.As(err, &ended) {
		b.t.Fatalf("the agent ended before it was killed: %v\n%s", err, b.tail())
	}
}

// stop ends the agent as a service manager would.
func (b *bed) stop() {
	b.t.Helper()
	if err := b.agent.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	if err := b.agent.Wait(); err != nil {
		b.t.Fatalf("the agent did not stop in an orderly way: %v\n%s", err, b.tail())
	}
}

func (b *bed) tail() string {
	content, err := os.ReadFile(b.log.Name())
	if err != nil {
		return err.Error()
	}
	const most = 6000
	var told strings.Builder
	for line := range strings.Lines(string(content)) {
		if !strings.Contains(line, "composite read") { // the polls say nothing
			told.WriteString(line)
		}
	}
	return told.String()[max(0, told.Len()-most):]
}

// act lets a person act and gives the id of what was touched.
func (b *bed) act(name string, parameters map[string]string) string {
	b.t.Helper()
	encoded, err := json.Marshal(parameters)
	if err != nil {
		b.t.Fatal(err)
	}
	result, err := b.sandbox.Act(context.Background(), name, encoded)
	if err != nil {
		b.t.Fatal(err)
	}
	var touched struct {
		ID string `json:"id"`
	}
	if encoded, err = json.Marshal(result); err == nil {
		err = json.Unmarshal(encoded, &touched)
	}
	if err != nil {
		b.t.Fatalf("%s gave %v: %v", name, result, err)
	}
	return touched.ID
}

// until waits for a condition; after every operation that reaches the sandbox it is looked at again.
func (b *bed) until(what string, holds func() []string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	for {
		operations := b.sandbox.Kit().Log.Since(0)
		missing := holds()
		if len(missing) == 0 {
			return
		}
		if err := b.sandbox.Kit().Log.Wait(ctx, int64(len(operations))); err != nil {
			b.t.Fatalf("waited %s for %s; still missing %d:\n%s", *patience, what, len(missing), strings.Join(missing[:min(len(missing), 10)], "\n"))
		}
	}
}

// agentsWrites counts the agent's successful writes since an operation, by "action object".
func (b *bed) agentsWrites(since int64) map[string]int {
	counts := map[string]int{}
	for _, operation := range b.sandbox.Kit().Log.Since(since) {
		if operation.IsWrite() && operation.Actor != "seller" && operation.Actor != "microsoft_seller" && operation.Actor != "portal_user" {
			counts[operation.Action+" "+operation.Object]++
		}
	}
	return counts
}

func (b *bed) lastOperation() int64 {
	operations := b.sandbox.Kit().Log.Since(0)
	if len(operations) == 0 {
		return 0
	}
	return operations[len(operations)-1].Seq
}

func (b *bed) trouble(plan lab.FaultPlan) {
	b.t.Helper()
	if err := b.sandbox.Kit().Faults.Set(plan); err != nil {
		b.t.Fatal(err)
	}
}

// contains reports whether a file holds one of the texts.
func contains(t testing.TB, file string, texts map[string]string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s does not exist, so nothing was looked at", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for name, text := range texts {
		if bytes.Contains(content, []byte(text)) {
			found = append(found, fmt.Sprintf("%s holds %s", filepath.Base(file), name))
		}
	}
	return found
}
