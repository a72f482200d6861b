package e2e_test

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
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
)

// stage is one directory of examples/promotion with the environment in which an administrator works there, and its agent.
type stage struct {
	t         testing.TB
	directory string
	env       []string
	admin     string // the agent's admin address
	listen    string // the agent's webhook endpoint
	agent     *exec.Cmd
	log       *os.File
}

const (
	adminToken     = "the token of the rehearsal's agent"
	checkOfAgent   = "agent_runs_what_is_declared"
	statusPass     = "pass"
	statusFail     = "fail"
	solutionObject = "Microsoft_Solution_Detail__c"
)

// twoStages copies the examples and points staging and production at two organisations of one tenant.
func twoStages(t testing.TB, s *sandbox.Sandbox) (staging, production *stage) {
	t.Helper()
	copied := t.TempDir()
	if err := copyConfiguration(filepath.Join(root, "examples"), copied); err != nil {
		t.Fatal(err)
	}
	staging = newStage(t, filepath.Join(copied, "promotion", "staging"), s.StagingEnv())
	production = newStage(t, filepath.Join(copied, "promotion", "production"), s.Env())
	production.set("TF_VAR_webhook_url", "http://"+production.listen+hookPath)
	return staging, production
}

// copyConfiguration copies what belongs to Terraform roots, without what somebody's own runs left beside it.
func copyConfiguration(from, into string) error {
	return fs.WalkDir(os.DirFS(from), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && len(path) > 1 && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(into, path), 0o700)
		case !slices.Contains([]string{".tf", ".csv", ".hcl"}, filepath.Ext(path)):
			return nil
		}
		content, err := os.ReadFile(filepath.Join(from, path))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(into, path), content, 0o600)
	})
}

func newStage(t testing.TB, directory string, credentials map[string]string) *stage {
	t.Helper()
	p := &stage{t: t, directory: directory, admin: freeAddress(t), listen: freeAddress(t)}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TF_") && !strings.HasPrefix(entry, "COSELL_") {
			p.env = append(p.env, entry)
		}
	}
	for name, value := range credentials {
		p.set(name, value)
	}
	p.set("TF_CLI_CONFIG_FILE", cliConfiguration(t))
	p.set("CHECKPOINT_DISABLE", "1")
	p.set("COSELL_AGENT_ADDRESS", "http://"+p.admin)
	p.set("COSELL_AGENT_TOKEN", adminToken)
	variables := fmt.Sprintf("tenant_id = %q\norg_id = %q\ncatalogue_managers = [%q]\npoll_interval = \"500ms\"\nagent = {\n  username = %q\n  client_id = %q\n  private_key = %q\n}\n",
		credentials["COSELL_PARTNER_CENTER_TENANT_ID"], credentials["COSELL_SALESFORCE_ORG_ID"], credentials["COSELL_SALESFORCE_USERNAME"],
		credentials["COSELL_AGENT_SALESFORCE_USERNAME"], credentials["COSELL_AGENT_SALESFORCE_CLIENT_ID"], "file:"+credentials["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"])
	if err := os.WriteFile(filepath.Join(directory, "terraform.tfvars"), []byte(variables), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.log, err = os.Create(filepath.Join(directory, "agent.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.log.Close() })
	p.terraform("get", "-no-color")
	return p
}

// cliConfiguration points Terraform at the provider's binary and writes the file's name.
func cliConfiguration(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cli.tfrc")
	content := fmt.Sprintf("provider_installation {\n  dev_overrides { \"cosell-sync/cosell\" = %q }\n  direct {}\n}\n", build(t))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

func (p *stage) set(name, value string) { p.env = append(p.env, name+"="+value) }

func (p *stage) try(arguments ...string) ([]byte, error) {
	command := exec.Command(terraformProgram(p.t), arguments...)
	command.Dir, command.Env = p.directory, p.env
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		err = fmt.Errorf("terraform %s: %w\n%s\n%s", strings.Join(arguments, " "), err, output, problems.Bytes())
	}
	return output, err
}

func (p *stage) terraform(arguments ...string) []byte {
	p.t.Helper()
	output, err := p.try(arguments...)
	if err != nil {
		p.t.Fatal(err)
	}
	return output
}

// shownPlan is what the test reads of "terraform show -json".
type shownPlan struct {
	ResourceChanges []plannedChange `json:"resource_changes"`
	Drift           []plannedChange `json:"resource_drift"`
	Checks          []struct {
		Address struct {
			Name string `json:"name"`
			Kind string `json:"kind"`
		} `json:"address"`
		Status string `json:"status"`
	} `json:"checks"`
}

type plannedChange struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	Mode    string `json:"mode"`
	Change  struct {
		Actions []string       `json:"actions"`
		After   map[string]any `json:"after"`
	} `json:"change"`
}

// plan makes a plan file and reads it.
func (p *stage) plan(options ...string) shownPlan {
	p.t.Helper()
	p.terraform(append([]string{"plan", "-input=false", "-no-color", "-out=tfplan"}, options...)...)
	var shown shownPlan
	if err := json.Unmarshal(p.terraform("show", "-json", "tfplan"), &shown); err != nil {
		p.t.Fatal(err)
	}
	return shown
}

// changes gives what the plan does, as "action address".
func (s shownPlan) changes() []string {
	var all []string
	for _, change := range s.ResourceChanges {
		if change.Mode == "managed" && !slices.Equal(change.Change.Actions, []string{"no-op"}) {
			all = append(all, strings.Join(change.Change.Actions, " and ")+" "+change.Address)
		}
	}
	slices.Sort(all)
	return all
}

// agentCheck is the status of the check block.
func (s shownPlan) agentCheck() string {
	for _, check := range s.Checks {
		if check.Address.Kind == "check" && check.Address.Name == checkOfAgent {
			return check.Status
		}
	}
	return "not there"
}

// deliver writes the document to the agent's file, as an installation's own tools do.
func (p *stage) deliver() {
	p.t.Helper()
	document := p.terraform("output", "-raw", "agent_config")
	if err := os.WriteFile(filepath.Join(p.directory, "agent.json"), document, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs the stage's agent, whose admin API listens on TCP and wants a token.
func (p *stage) start() {
	p.t.Helper()
	p.agent = exec.Command(filepath.Join(build(p.t), "cosell-agent"), "run", "--config", filepath.Join(p.directory, "agent.json"),
		"--store", "sqlite:"+filepath.Join(p.directory, "agent.db"), "--listen", p.listen, "--admin-listen", p.admin, "--admin-token", "env:COSELL_AGENT_TOKEN",
		"--call-timeout", "2s", "--lease", "8s", "--list-lag", "500ms")
	p.agent.Env, p.agent.Stderr, p.agent.Stdout = p.env, p.log, p.log
	if err := p.agent.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = p.agent.Process.Kill()
		_ = p.agent.Wait()
		if p.t.Failed() {
			content, _ := os.ReadFile(p.log.Name())
			p.t.Logf("the log of %s ends:\n%s", filepath.Base(p.directory), content[max(0, len(content)-4000):])
		}
	})
}

// operate runs a command of the agent's, by its admin address.
func (p *stage) operate(arguments ...string) (string, error) {
	command := exec.Command(filepath.Join(build(p.t), "cosell-agent"), append(arguments, "--store", "sqlite:"+filepath.Join(p.directory, "agent.db"),
		"--admin-listen", p.admin, "--admin-token", "env:COSELL_AGENT_TOKEN")...)
	command.Env = p.env
	output, err := command.CombinedOutput()
	return string(output), err
}

// untilConnected waits for the agent to have reached both systems; each request of it in the sandbox is a reason to look again.
func (p *stage) untilConnected(s *sandbox.Sandbox) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	for {
		seen := s.Kit().Log.Since(0)
		output, err := p.operate("status", "--json")
		var now status
		if err == nil && json.Unmarshal([]byte(output), &now) == nil && now.Connected {
			return
		}
		if err := s.Kit().Log.Wait(ctx, int64(len(seen))); err != nil {
			p.t.Fatalf("the agent did not connect: %v\n%s", err, output)
		}
	}
}

func startTwoOrganisations(t testing.TB) *sandbox.Sandbox {
	t.Helper()
	terraformProgram(t)
	s, err := sandbox.New(sandbox.Options{Dir: t.TempDir(), RetryInterval: 100 * time.Millisecond, Staging: &sandbox.SalesforceOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// A change is made in staging and promoted: production's plan is staging's plan, what differs in production's organisation after the
// apply is the planned set and nothing else, and the tenant is as it was. In each environment the check block fails from the apply to
// the reload, after which a refresh-only plan is empty and the check passes. Neither directory works with the other's credentials.
func TestPromotion(t *testing.T) {
	t.Parallel()
	s := startTwoOrganisations(t)
	staging, production := twoStages(t, s)
	for _, p := range []*stage{production, staging} {
		if shown := p.plan(); shown.agentCheck() == statusPass {
			t.Error("the check passes without an agent")
		}
		p.terraform("apply", "-input=false", "-no-color", "tfplan")
		p.deliver()
		p.start()
		p.untilConnected(s)
		p.equal()
	}
	wrongAccounts(t, s, staging, production)

	promote(t, staging)
	intended := staging.plan()
	staging.rollOut()

	before := s.Salesforce().Snapshot()
	url, events, _ := s.PartnerCenter().Registration()
	shown := production.plan()
	if got, want := shown.changes(), intended.changes(); len(got) < 5 || !slices.Equal(got, want) {
		t.Errorf("production plans\n%s\nstaging planned\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	production.rollOut()
	got, want := differences(before, s.Salesforce().Snapshot()), expected(t, shown)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what changed in production is not what was planned (-planned +changed):\n%s", diff)
	}
	urlAfter, eventsAfter, _ := s.PartnerCenter().Registration()
	if url != urlAfter || !slices.Equal(events, eventsAfter) || len(s.PartnerCenter().All()) > 0 {
		t.Errorf("the tenant's registration was %s %v, and is %s %v", url, events, urlAfter, eventsAfter)
	}
}

// rollOut is the documented sequence: apply the plan that was read, deliver, reload, and look by a refresh-only plan.
func (p *stage) rollOut() {
	p.t.Helper()
	p.terraform("apply", "-input=false", "-no-color", "tfplan")
	if got := p.plan("-refresh-only").agentCheck(); got != statusFail {
		p.t.Errorf("%s: before the reload the check is %q", filepath.Base(p.directory), got)
	}
	p.deliver()
	if output, err := p.operate("reload"); err != nil {
		p.t.Fatalf("reload: %v\n%s", err, output)
	}
	p.equal()
}

// equal wants a refresh-only plan and a plan, both without changes, and an agent that works with what is declared.
func (p *stage) equal() {
	p.t.Helper()
	for _, options := range [][]string{{"-refresh-only"}, nil} {
		shown := p.plan(options...)
		if got := shown.agentCheck(); got != statusPass || len(shown.changes()) > 0 || len(shown.Drift) > 0 {
			p.t.Errorf("%s: plan %v finds the check %q, changes %v, drift %v", filepath.Base(p.directory), options, got, shown.changes(), shown.Drift)
		}
	}
}

// promote makes the change that is promoted, in the module that both environments use: leads are exchanged, a field holds more, and
// the catalogue has one solution more.
func promote(t testing.TB, p *stage) {
	t.Helper()
	module := filepath.Join(p.directory, "..", "modules", "connector")
	for file, change := range map[string][2]string{
		"sales.tf":      {"leads = false", "leads = true"},
		"solutions.csv": {"Contoso\n", "Contoso\nSOL-20002-DEF,Contoso Insights,own,Contoso\n"},
	} {
		content, err := os.ReadFile(filepath.Join(module, file))
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		if strings.Count(text, change[0]) != 1 {
			t.Fatalf("%s has no %q", file, change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
		if file == "sales.tf" {
			text = strings.Replace(text, "fields = {}", "fields = { audit = { length = 65536 } }", 1)
		}
		if err := os.WriteFile(filepath.Join(module, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// wrongAccounts plans and applies each directory with the other's credentials: it fails, and nothing is written.
func wrongAccounts(t testing.TB, s *sandbox.Sandbox, staging, production *stage) {
	t.Helper()
	mark := len(s.Kit().Log.Since(0))
	for p, credentials := range map[*stage]map[string]string{staging: s.Env(), production: s.StagingEnv()} {
		own := slices.Clone(p.env)
		for name, value := range credentials {
			if strings.HasPrefix(name, "COSELL_SALESFORCE_") {
				p.set(name, value)
			}
		}
		for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}} {
			_, err := p.try(append(command, "-input=false", "-no-color")...)
			var ended *exec.ExitError
			if !errors.As(err, &ended) || !strings.Contains(err.Error(), "org_id pins") {
				t.Errorf("%s with the other's credentials: %v", filepath.Base(p.directory), err)
			}
		}
		p.env = own
	}
	for _, operation := range s.Kit().Log.Since(int64(mark)) {
		if operation.IsWrite() && strings.HasPrefix(operation.Actor, "provider") {
			t.Errorf("a directory with the other's credentials wrote %+v", operation)
		}
	}
}

// differences names what two snapshots of an organisation have not in common, by the object that an administrator knows: a permission
// set with its grants and assignments is one.
func differences(before, after salesforce.Snapshot) []string {
	found := map[string]bool{}
	for name := range joined(before.Metadata, after.Metadata) {
		if before.Metadata[name] != after.Metadata[name] {
			found[name] = true
		}
	}
	for object := range joined(before.Rows, after.Rows) {
		for id := range joined(before.Rows[object], after.Rows[object]) {
			if was, is := before.Rows[object][id], after.Rows[object][id]; !reflect.DeepEqual(was, is) {
				row := is
				if row == nil {
					row = was
				}
				found[known(after, object, row)] = true
			}
		}
	}
	return sorted(found)
}

func joined[V any](a, b map[string]V) map[string]bool {
	keys := map[string]bool{}
	for _, m := range []map[string]V{a, b} {
		for key := range m {
			keys[key] = true
		}
	}
	return keys
}

func known(s salesforce.Snapshot, object string, row map[string]any) string {
	for _, parent := range []string{"ParentId", "PermissionSetId"} {
		if id, ok := row[parent].(string); ok && s.Rows["PermissionSet"][id] != nil {
			return fmt.Sprint("PermissionSet ", s.Rows["PermissionSet"][id]["Name"])
		}
	}
	return fmt.Sprint(object, " ", row["Name"])
}

// expected names what a plan changes in the organisation, as differences does. Declarations without a remote object change nothing.
func expected(t testing.TB, shown shownPlan) []string {
	t.Helper()
	found := map[string]bool{}
	for _, change := range shown.ResourceChanges {
		if slices.Equal(change.Change.Actions, []string{"no-op"}) || change.Mode != "managed" {
			continue
		}
		after := change.Change.After
		switch change.Type {
		case "cosell_salesforce_custom_field":
			found[fmt.Sprint("CustomField ", after["object"], ".", after["name"])] = true
		case "cosell_salesforce_permission_set":
			found[fmt.Sprint("PermissionSet ", after["name"])] = true
		case "cosell_solution_detail":
			found[fmt.Sprint(solutionObject, " ", after["name"])] = true
		case "cosell_sync_flow", "cosell_connector", "cosell_environment_variable", "cosell_field_mapping":
		default:
			t.Errorf("the plan changes %s, and the test does not know what that is in Salesforce", change.Address)
		}
	}
	return sorted(found)
}

func sorted(set map[string]bool) []string {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
