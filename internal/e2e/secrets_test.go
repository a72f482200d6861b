package e2e_test

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The sandbox makes its secrets at random, so each is a marker: none may stand in what Terraform and the agent leave behind.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	env := b.sandbox.Env()
	markers := map[string]string{}
	for name, value := range env {
		if strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_TOKEN") {
			markers[name] = value
		}
		if strings.HasSuffix(name, "_PRIVATE_KEY_FILE") {
			key, err := os.ReadFile(value)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(key), "\n") {
				if i == 3 { // a line in the middle of the key
					markers[name] = line
				}
			}
		}
	}
	if len(markers) < 5 {
		t.Fatalf("only %d secrets were found to look for: %v", len(markers), markers)
	}
	b.start()
	b.sellerShares("A deal", 1)
	b.microsoftSends("Another deal", 1)
	b.until("the deals to be equal", func() []string { return b.unequal([]string{"A deal", "Another deal"}) })
	b.stop()

	b.env = append(b.env, "TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(b.dir, "terraform.log"))
	b.terraform("plan", "-input=false", "-no-color", "-out=plan.tfplan", "-var=environment=changed")
	files := []string{filepath.Join("terraform", "terraform.tfstate"), "terraform.log", "agent.json", "agent.db", "agent.log"}
	for _, sidecar := range []string{"agent.db-wal"} {
		if _, err := os.Stat(filepath.Join(b.dir, sidecar)); err == nil {
			files = append(files, sidecar)
		}
	}
	files = append(files, b.unzip(filepath.Join(b.dir, "terraform", "plan.tfplan"))...)
	shown := filepath.Join(b.dir, "plan.json")
	if err := os.WriteFile(shown, b.terraform("show", "-json", "plan.tfplan"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "plan.json") {
		for _, leak := range contains(t, filepath.Join(b.dir, file), markers) {
			t.Error(leak)
		}
	}
	if found := contains(t, filepath.Join(b.dir, "agent.json"), map[string]string{"the tenant": env["COSELL_PARTNER_CENTER_TENANT_ID"]}); len(found) != 1 {
		t.Error("the search finds not even what must be there")
	}
}

// unzip unpacks a plan file beside it and gives the names of its parts.
func (b *bed) unzip(file string) []string {
	b.t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	into := b.mkdir("plan")
	var names []string
	for i, part := range archive.File {
		content, err := part.Open()
		if err != nil {
			b.t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			b.t.Fatal(err)
		}
		name := filepath.Join("plan", string(rune('a'+i)))
		if err := os.WriteFile(filepath.Join(into, filepath.Base(name)), data, 0o600); err != nil {
			b.t.Fatal(err)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		b.t.Fatal("the plan file is empty")
	}
	return names
}
