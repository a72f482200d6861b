package provider_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

// root is a Terraform root directory that is run with the real command-line tool and the real provider binary.
type root struct {
	dir string
	env []string
}

// buildProvider makes the binary and gives its directory.
func buildProvider(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(directory, "terraform-provider-cosell"), "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the provider: %v\n%s", err, output)
	}
	return directory
}

// newRoot copies a directory of examples and points the tool at a provider's binary, without any registry.
func newRoot(t *testing.T, from, binary string, w *world, variables map[string]string) *root {
	t.Helper()
	r := &root{dir: t.TempDir()}
	if err := os.CopyFS(r.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	configuration := filepath.Join(t.TempDir(), "cli.tfrc")
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"cosell-sync/cosell\" = %q\n  }\n  direct {}\n}\n", binary)
	if err := os.WriteFile(configuration, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+configuration, "TF_IN_AUTOMATION=1")
	for name, value := range w.env {
		r.env = append(r.env, name+"="+value)
	}
	for name, value := range variables {
		r.env = append(r.env, "TF_VAR_"+name+"="+value)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "modules")); err == nil {
		r.must(t, "get", "-no-color")
	}
	return r
}

func (r *root) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// drop removes a file, if it is there.
func (r *root) drop(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// run gives the tool's output and exit status.
func (r *root) run(t *testing.T, arguments ...string) (output string, status int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), tfcli.Path(t), arguments...)
	command.Dir, command.Env = r.dir, r.env
	var all bytes.Buffer
	command.Stdout, command.Stderr = &all, &all
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return all.String(), command.ProcessState.ExitCode()
}

func (r *root) must(t *testing.T, arguments ...string) string {
	t.Helper()
	output, status := r.run(t, arguments...)
	if status != 0 {
		t.Fatalf("%s: exit status %d\n%s", strings.Join(arguments, " "), status, output)
	}
	return output
}

// contents gives a file's bytes; those inside of a plan's archive come unzipped.
func (r *root) contents(t *testing.T, name string) []byte {
	t.Helper()
	path := filepath.Join(r.dir, name)
	archive, err := zip.OpenReader(path)
	if err != nil {
		plain, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return plain
	}
	defer archive.Close()
	var all bytes.Buffer
	for _, file := range archive.File {
		part, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, part); err != nil {
			t.Fatal(err)
		}
	}
	return all.Bytes()
}

func exampleVariables(w *world) map[string]string {
	return map[string]string{
		"webhook_url":                  "https://agent.example.com/hooks/4f0c9a7d2b61",
		"deletion_protection":          "false",
		"default_currency":             "USD",
		"agent_salesforce_username":    w.env["COSELL_AGENT_SALESFORCE_USERNAME"],
		"agent_salesforce_client_id":   w.env["COSELL_AGENT_SALESFORCE_CLIENT_ID"],
		"agent_salesforce_private_key": "file:" + w.env["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
	}
}

// TestExample applies the example as a user does: plan, apply, a second plan that is empty, the document, destroy.
func TestExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := leftBehind(t, w)
	r := newRoot(t, filepath.Join("..", "examples", "salesforce"), buildProvider(t), w, exampleVariables(w))

	// Everything comes from this plan: nothing is missing. Terraform itself warns of the development override.
	if output := r.must(t, "plan", "-input=false", "-no-color", "-out=plan.bin"); strings.Count(output, "Warning: ") != 1 {
		t.Errorf("the first plan warns of something:\n%s", output)
	}
	planned := r.contents(t, "plan.bin")
	r.must(t, "apply", "-input=false", "-no-color", "plan.bin")
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
	}

	encoded := []byte(outputValue(t, r, "agent_config"))
	decoded, err := document.Decode(encoded)
	if err != nil {
		t.Fatalf("the agent would refuse the document: %v", err)
	}
	canonical, err := document.Encode(decoded)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(canonical, encoded) {
		t.Errorf("the document is not canonical:\n got %s\nwant %s", encoded, canonical)
	}
	if !bytes.Contains(planned, encoded[:100]) {
		t.Error("the document was not known at plan")
	}
	if decoded.Connector.Revision != 1 || decoded.PartnerCenter.Webhook.URL != "https://agent.example.com/hooks/4f0c9a7d2b61" {
		t.Errorf("the document says revision %d and webhook %v", decoded.Connector.Revision, decoded.PartnerCenter.Webhook)
	}
	noSecrets(t, w, map[string][]byte{"plan": planned, "state": r.contents(t, "terraform.tfstate"), "document": encoded})

	r.must(t, "destroy", "-input=false", "-no-color", "-auto-approve")
	if after := leftBehind(t, w); !slices.Equal(after, before) {
		t.Errorf("destroy left something behind:\nbefore %q\nafter  %q", before, after)
	}
}

func outputValue(t *testing.T, r *root, name string) string {
	t.Helper()
	var outputs map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(r.must(t, "output", "-json")), &outputs); err != nil {
		t.Fatal(err)
	}
	value, _ := outputs[name].Value.(string)
	return value
}

// noSecrets looks for the provider's credentials and the key's lines in what Terraform wrote.
func noSecrets(t *testing.T, w *world, written map[string][]byte) {
	t.Helper()
	markers := map[string]string{}
	for name, value := range w.env {
		if strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_TOKEN") {
			markers[name] = value
		}
		if strings.HasSuffix(name, "_KEY_FILE") {
			key, err := os.ReadFile(value)
			if err != nil {
				t.Fatal(err)
			}
			markers[name] = strings.Split(string(key), "\n")[1]
		}
	}
	if len(markers) < 5 {
		t.Fatalf("the sandbox hands out %d secrets only", len(markers))
	}
	for where, content := range written {
		for name, marker := range markers {
			if bytes.Contains(content, []byte(marker)) {
				t.Errorf("the %s holds the secret %s", where, name)
			}
		}
	}
}

// leftBehind names what is in the systems that the example makes.
func leftBehind(t *testing.T, w *world) []string {
	t.Helper()
	var found []string
	listed, err := w.salesforce(t).ListMetadata(t.Context(), "CustomField", "CustomObject")
	if err != nil {
		t.Fatal(err)
	}
	for _, component := range listed {
		found = append(found, component.Type+" "+component.FullName)
	}
	for _, object := range []string{"PermissionSet", "FieldPermissions", "ObjectPermissions", "PermissionSetAssignment"} {
		rows, err := salesforce.Query[struct{ ID string }](t.Context(), w.salesforce(t).Data(), "SELECT Id FROM "+object)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			found = append(found, object+" "+row.ID)
		}
	}
	registration, exists, err := w.partnerCenter(t).Registration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if exists {
		for _, event := range registration.WebhookEvents {
			found = append(found, "event "+event)
		}
	}
	slices.Sort(found)
	return found
}
