package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

// runningAgent is the real agent beside an installation that the example made. Its admin API listens on TCP and wants a token.
type runningAgent struct {
	root          *root
	world         *world
	admin, listen string
	document      string // its file
}

const runningToken = "the token of the running agent"

// newRunningAgent provisions a world by the example, and starts the agent from its output.
func newRunningAgent(t *testing.T) *runningAgent {
	t.Helper()
	a := &runningAgent{world: newWorld(t), admin: unusedAddress(t), listen: unusedAddress(t), document: filepath.Join(t.TempDir(), "agent.json")}
	variables := exampleVariables(a.world)
	maps.Copy(variables, map[string]string{
		"webhook_url": "http://" + a.listen + "/hooks/4f0c9a7d2b61", "poll_interval": "500ms",
		"solutions":          `[{ solution_id = "SOL-10001-ABC", name = "Contoso Analytics" }]`,
		"catalogue_managers": fmt.Sprintf("[%q]", a.world.env["COSELL_SALESFORCE_USERNAME"]),
	})
	a.root = newRoot(t, filepath.Join("..", "examples", "salesforce"), buildProvider(t), a.world, variables)
	a.root.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	a.deliver(t)
	a.start(t)
	return a
}

func unusedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, listener.Close())
	return listener.Addr().String()
}

// deliver writes the declared document to the agent's file.
func (a *runningAgent) deliver(t *testing.T) {
	t.Helper()
	check(t, os.WriteFile(a.document, []byte(a.root.must(t, "output", "-raw", "agent_config")), 0o600))
}

func (a *runningAgent) start(t *testing.T) {
	t.Helper()
	directory := t.TempDir()
	program := filepath.Join(directory, "cosell-agent")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, output)
	}
	log, err := os.Create(filepath.Join(directory, "log"))
	check(t, err)
	agent := exec.Command(program, "run", "--config", a.document, "--store", "sqlite:"+filepath.Join(directory, "agent.db"), "--listen", a.listen,
		"--admin-listen", a.admin, "--admin-token", "env:COSELL_RUNNING_TOKEN", "--call-timeout", "2s", "--lease", "8s", "--list-lag", "500ms")
	agent.Env, agent.Stdout, agent.Stderr = append(slices.Clone(a.root.env), "COSELL_RUNNING_TOKEN="+runningToken), log, log
	check(t, agent.Start())
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
		_ = log.Close()
		if content, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the agent's log ends:\n%s", content[max(0, len(content)-4000):])
		}
	})
	a.untilReady(t)
}

// untilReady waits until the agent has reached both systems. Each request of it that the sandbox logs is a reason to look again.
func (a *runningAgent) untilReady(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		seen := int64(len(a.world.sandbox.Kit().Log.Since(0)))
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.listen+"/readyz", nil)
		check(t, err)
		if response, err := http.DefaultClient.Do(request); err == nil {
			check(t, response.Body.Close())
			if response.StatusCode == http.StatusNoContent {
				return
			}
		}
		if err := a.world.sandbox.Kit().Log.Wait(ctx, seen); err != nil {
			t.Fatal("the agent did not reach both systems")
		}
	}
}

func (a *runningAgent) env() map[string]string {
	return map[string]string{"COSELL_AGENT_ADDRESS": "http://" + a.admin, "COSELL_AGENT_TOKEN": runningToken}
}

// actionsOnAgent are the provider's actions with what they are given, and what the last progress says.
var actionsOnAgent = []struct {
	action, config, says string
	given                map[string]tftypes.Value
}{
	{"cosell_agent_pause", `reason = "maintenance"`, `contoso-salesforce rests`, map[string]tftypes.Value{"reason": textValue("maintenance")}},
	{"cosell_agent_pause", `paused = false`, `contoso-salesforce goes on`, map[string]tftypes.Value{"paused": tftypes.NewValue(tftypes.Bool, false)}},
	{"cosell_agent_replay", `dry_run = true`, `0 parked deals would be tried again`, map[string]tftypes.Value{"dry_run": tftypes.NewValue(tftypes.Bool, true)}},
	{"cosell_agent_backfill", `reason = "first synchronisation"`, `0 referrals and 0 opportunities looked at`, map[string]tftypes.Value{"reason": textValue("first synchronisation")}},
	{"cosell_agent_reload", `connector = "contoso-salesforce"`, `is in force, sha256`, map[string]tftypes.Value{"connector": textValue("contoso-salesforce")}},
	{"cosell_webhook_test", `timeout_seconds = 60`, `attempt 1`, nil},
}

// TestRunningAgent reads the status of the real agent and invokes every action on it: it pauses and goes on, counts what is parked,
// looks at everything, takes a new document over, and accepts a test event that Partner Center signs.
func TestRunningAgent(t *testing.T) {
	t.Parallel()
	a := newRunningAgent(t)
	a.world.patient = true
	p := a.world.protocol(t, a.env())
	status := func() any {
		got, problems := p.read("cosell_agent_status", nil)
		if problems != "" {
			t.Fatal(problems)
		}
		return got
	}
	applied := a.root.must(t, "output", "-raw", "agent_config_sha256")
	if got := status(); part(t, got, "agent_config_sha256") != applied || part(t, got, "connected") != true || part(t, got, "environment") != "production" ||
		part(t, got, "intake") != "webhook" || part(t, got, "connector") != "contoso-salesforce" || part(t, got, "paused") != false {
		t.Errorf("the status of the real agent is %v, declared is %s", got, applied)
	}

	// Another document is declared and delivered; until the reload the agent works with the former one.
	a.root.must(t, "apply", "-input=false", "-no-color", "-auto-approve", "-var", "environment_variables={ display_check_mark_in_opportunity_name = \"No\" }")
	next := a.root.must(t, "output", "-raw", "agent_config_sha256")
	a.deliver(t)
	if got := part(t, status(), "agent_config_sha256"); got != applied || got == next {
		t.Errorf("before the reload the agent works with %v, declared are %s and then %s", got, applied, next)
	}
	if progress, problems := p.invoke("cosell_agent_reload", map[string]tftypes.Value{"sha256": textValue(next)}); problems != "" {
		t.Errorf("reload: %q %s", progress, problems)
	}
	if got := part(t, status(), "agent_config_sha256"); got != next {
		t.Errorf("after the reload the agent works with %v, declared is %s", got, next)
	}

	// The kit's registration names no test event.
	a.subscribeTestEvent(t)
	for _, act := range actionsOnAgent {
		progress, problems := p.invoke(act.action, act.given)
		if problems != "" || !strings.Contains(strings.Join(progress, "\n"), act.says) {
			t.Errorf("%s { %s }: progress %q, problems %s", act.action, act.config, progress, problems)
		}
		if paused := part(t, status(), "paused"); act.action == "cosell_agent_pause" && paused != strings.Contains(act.says, "rests") {
			t.Errorf("after %q the status says paused = %v", act.says, paused)
		}
	}
}

func (a *runningAgent) subscribeTestEvent(t *testing.T) {
	t.Helper()
	url, events, _ := a.world.sandbox.PartnerCenter().Registration()
	check(t, a.world.sandbox.PartnerCenter().Overwrite(url, append(events, "test-created")))
}

// conformance is one feature that the command-line tool must know: a subtest of TestConformance.
type conformance struct {
	name  string
	needs tfcli.Needs
	test  func(t *testing.T, a *runningAgent)
}

// TestConformance uses every data source, function, list resource and action, and what else a command-line tool must know, by the
// tool at hand, beside a real agent. Its subtests are rows of the feature table in README.md; what the tool is too old for is skipped.
func TestConformance(t *testing.T) {
	t.Parallel()
	a := newRunningAgent(t)
	a.subscribeTestEvent(t)
	check(t, a.world.sandbox.Dataverse().InstallMicrosoftSolution()) // its environment variables are read, and what it has is listed
	a.bare(t, map[string]string{"main.tf": subgridConfig(`"Listed"`)}).must(t, "apply", "-input=false", "-no-color", "-auto-approve")
	for _, feature := range slices.Concat(readFeatures(t), listFeatures(t), actionFeatures(t), languageFeatures()) {
		t.Run(feature.name, func(t *testing.T) {
			if lacking := feature.needs.Lacking(t); lacking != "" {
				t.Skip(lacking)
			}
			feature.test(t, a)
		})
	}
}

// bare is a root with one file of configuration, beside the example's.
func (a *runningAgent) bare(t *testing.T, files map[string]string) *root {
	t.Helper()
	r := &root{dir: t.TempDir(), env: slices.DeleteFunc(slices.Clone(a.root.env), func(entry string) bool { return strings.HasPrefix(entry, "TF_VAR_") })}
	for name, value := range a.env() {
		r.env = append(r.env, name+"="+value)
	}
	source, err := os.ReadFile(filepath.Join("..", "examples", "salesforce", "versions.tf"))
	check(t, err)
	r.write(t, "versions.tf", source)
	for name, content := range files {
		r.write(t, name, []byte(content))
	}
	return r
}

// calls use each data source and function once, each as an output.
var calls = map[string]string{
	"data source/cosell_agent_status":                   `data.cosell_agent_status.it.running`,
	"data source/cosell_dataverse_environment_variable": `data.cosell_dataverse_environment_variable.it.effective_value == "estimatedvalue"`,
	"data source/cosell_dataverse_table":                `data.cosell_dataverse_table.it.name == "opportunity"`,
	"data source/cosell_preflight":                      `length(data.cosell_preflight.it.checks) > 0`,
	"data source/cosell_salesforce_object":              `contains(keys(data.cosell_salesforce_object.it.fields), "StageName")`,
	"data source/cosell_solutions":                      `data.cosell_solutions.it.solutions != null`,
	"data source/cosell_webhook_registration":           `data.cosell_webhook_registration.it.url != ""`,
	"function/default_mapping":                          `provider::cosell::default_mapping("salesforce").deal_value.crm == "Amount"`,
	"function/merge_mapping":                            `provider::cosell::merge_mapping({}, { notes = { crm = "Notes__c" } }).notes.crm == "Notes__c"`,
	"function/parse_country":                            `provider::cosell::parse_country("Norge") == "NO"`,
}

// readFeatures makes a feature of every data source and function. All are read in one apply, by the first one.
func readFeatures(t *testing.T) []conformance {
	t.Helper()
	all := schemas(t)
	var config strings.Builder
	for name := range all.DataSourceSchemas {
		argument := map[string]string{
			"cosell_dataverse_environment_variable": `name = "msft_dealvaluefield"`,
			"cosell_dataverse_table":                `name = "opportunity"`,
			"cosell_salesforce_object":              `name = "Opportunity"`,
		}[name]
		fmt.Fprintf(&config, "data %q \"it\" {\n  %s\n}\n", name, argument)
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		fmt.Fprintf(&config, "output %q {\n  value = %s\n}\n", outputName(name), calls[name])
	}
	var values map[string]struct{ Value any }
	read := func(t *testing.T, a *runningAgent) {
		if values != nil {
			return
		}
		r := a.bare(t, map[string]string{"main.tf": config.String()})
		r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
		check(t, json.Unmarshal([]byte(r.must(t, "output", "-json", "-no-color")), &values))
	}
	var features []conformance
	add := func(kind, name string) {
		features = append(features, conformance{name: kind + "/" + name, test: func(t *testing.T, a *runningAgent) {
			if read(t, a); values[outputName(kind+"/"+name)].Value != true {
				t.Errorf("%s is %v", calls[kind+"/"+name], values[outputName(kind+"/"+name)].Value)
			}
		}})
	}
	for _, name := range slices.Sorted(maps.Keys(all.DataSourceSchemas)) {
		add("data source", name)
	}
	for _, name := range slices.Sorted(maps.Keys(all.Functions)) {
		add("function", name)
	}
	return features
}

var notInNames = regexp.MustCompile(`[^a-z_]`)

func outputName(feature string) string { return notInNames.ReplaceAllString(feature, "_") }

// listFeatures lists with the examples of the documentation what the example installation made.
func listFeatures(t *testing.T) []conformance {
	t.Helper()
	var features []conformance
	for _, name := range slices.Sorted(maps.Keys(schemas(t).ListResourceSchemas)) {
		features = append(features, conformance{"list resource/" + name, tfcli.Needs{Terraform: "1.14"}, func(t *testing.T, a *runningAgent) {
			query, err := os.ReadFile(filepath.Join("..", "examples", "list-resources", name, "list-resource.tfquery.hcl"))
			check(t, err)
			r := a.bare(t, map[string]string{"list.tfquery.hcl": string(query)})
			if output := r.must(t, "query", "-no-color"); !strings.Contains(output, "list."+name+".") {
				t.Errorf("the query found nothing:\n%s", output)
			}
		}})
	}
	return features
}

// actionFeatures invokes each action on the running agent.
func actionFeatures(t *testing.T) []conformance {
	t.Helper()
	var features []conformance
	for _, name := range slices.Sorted(maps.Keys(schemas(t).ActionSchemas)) {
		features = append(features, conformance{"action/" + name, tfcli.Needs{Terraform: "1.14"}, func(t *testing.T, a *runningAgent) {
			for i, act := range actionsOnAgent {
				if act.action != name {
					continue
				}
				label := fmt.Sprintf("it%d", i)
				r := a.bare(t, map[string]string{"main.tf": fmt.Sprintf("action %q %q {\n  config {\n    %s\n  }\n}\n", name, label, act.config)})
				output := r.must(t, "apply", "-input=false", "-no-color", "-auto-approve", "-invoke=action."+name+"."+label)
				if !strings.Contains(output, act.says) {
					t.Errorf("%s does not say %q:\n%s", act.config, act.says, output)
				}
			}
		}})
	}
	return features
}

// languageFeatures are what the guides use beside resources.
func languageFeatures() []conformance {
	const settings = "resource \"cosell_salesforce_settings\" \"it\" {\n  notes             = true\n  opportunity_teams = true\n}\n"
	return []conformance{
		{"language/import by identity", tfcli.Needs{Terraform: "1.12", OpenTofu: "1.12"}, func(t *testing.T, a *runningAgent) {
			r := a.bare(t, map[string]string{"main.tf": settings + fmt.Sprintf(
				"import {\n  to = cosell_salesforce_settings.it\n  identity = {\n    org_id = %q\n  }\n}\n", a.world.env["COSELL_SALESFORCE_ORG_ID"])})
			if output := r.must(t, "apply", "-input=false", "-no-color", "-auto-approve"); !strings.Contains(output, "1 imported, 0 added, 0 changed") {
				t.Errorf("the import did not leave everything as it was:\n%s", output)
			}
		}},
		{"language/import by id, moved and removed blocks", tfcli.Needs{}, func(t *testing.T, a *runningAgent) {
			r := a.bare(t, map[string]string{"main.tf": settings + "import {\n  to = cosell_salesforce_settings.it\n  id = \"current\"\n}\n"})
			if output := r.must(t, "apply", "-input=false", "-no-color", "-auto-approve"); !strings.Contains(output, "1 imported, 0 added, 0 changed") {
				t.Errorf("the import did not leave everything as it was:\n%s", output)
			}
			r.write(t, "main.tf", []byte(strings.Replace(settings, `"it"`, `"other"`, 1)+"moved {\n  from = cosell_salesforce_settings.it\n  to   = cosell_salesforce_settings.other\n}\n"))
			if output := r.must(t, "apply", "-input=false", "-no-color", "-auto-approve"); !strings.Contains(output, "0 added, 0 changed, 0 destroyed") {
				t.Errorf("the move did not leave everything as it was:\n%s", output)
			}
			r.write(t, "main.tf", []byte("removed {\n  from = cosell_salesforce_settings.other\n  lifecycle {\n    destroy = false\n  }\n}\n"))
			if output := r.must(t, "apply", "-input=false", "-no-color", "-auto-approve"); !strings.Contains(output, "0 added, 0 changed, 0 destroyed") {
				t.Errorf("the removal did not leave everything as it was:\n%s", output)
			}
		}},
		{"language/ephemeral value in the provider's configuration", tfcli.Needs{}, func(t *testing.T, a *runningAgent) {
			r := a.bare(t, nil)
			source, err := os.ReadFile(filepath.Join(r.dir, "versions.tf"))
			check(t, err)
			r.write(t, "versions.tf", []byte(strings.Replace(string(source), "provider \"cosell\" {}", "provider \"cosell\" {\n  agent = { token = var.token }\n}", 1)))
			r.write(t, "main.tf", []byte("variable \"token\" {\n  type      = string\n  ephemeral = true\n}\n\ndata \"cosell_agent_status\" \"it\" {}\n"))
			r.env = slices.DeleteFunc(r.env, func(entry string) bool { return strings.HasPrefix(entry, "COSELL_AGENT_TOKEN=") })
			r.env = append(r.env, "TF_VAR_token="+runningToken)
			r.must(t, "apply", "-input=false", "-no-color", "-auto-approve")
			if strings.Contains(string(r.contents(t, "terraform.tfstate")), runningToken) {
				t.Error("the state holds the token")
			}
		}},
	}
}
