package provider_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

// withoutCredentials is an environment that has a place for programs and files, and nothing that belongs to an account.
func withoutCredentials(r *root) {
	kept := []string{"PATH=", "HOME=", "TMPDIR=", "TF_CLI_CONFIG_FILE=", "CHECKPOINT_DISABLE="}
	r.env = slices.DeleteFunc(r.env, func(entry string) bool {
		return !slices.ContainsFunc(kept, func(name string) bool { return strings.HasPrefix(entry, name) })
	})
}

// exampleDirectories are the directories under examples that Terraform can be run in, relative to it.
func exampleDirectories(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(filepath.Join("..", "examples")), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".tf" && !slices.Contains(found, filepath.Dir(path)) {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	check(t, err)
	return found
}

// TestExamplesNeedNoCredentials runs "terraform validate" in every directory under examples, and "terraform test" where there are
// tests, with an environment that holds no variable of any account: the provider is asked for nothing that needs one. Actions and
// queries are known to newer tools only.
func TestExamplesNeedNoCredentials(t *testing.T) {
	t.Parallel()
	binary := buildProvider(t)
	source, err := os.ReadFile(filepath.Join("..", "examples", "salesforce", "versions.tf"))
	check(t, err)
	tested := 0
	for _, directory := range exampleDirectories(t) {
		suites, err := filepath.Glob(filepath.Join("..", "examples", directory, "tests", "*.tftest.hcl"))
		check(t, err)
		if len(suites) > 0 {
			tested++
		}
		t.Run(directory, func(t *testing.T) {
			t.Parallel()
			newer := strings.HasPrefix(directory, "actions") || directory == filepath.Join("adopt", "query")
			if lacking := (tfcli.Needs{Terraform: "1.14"}).Lacking(t); lacking != "" && newer {
				t.Skip(lacking)
			}
			r := newRoot(t, filepath.Join("..", "examples"), binary, &world{}, nil) // modules lie outside of their users
			r.dir = filepath.Join(r.dir, directory)
			r.drop(t, "import-by-identity.tf")                                                                 // a syntax of newer tools
			if _, err := os.Stat(filepath.Join(r.dir, "versions.tf")); err != nil && directory != "provider" { // that one is its own
				r.write(t, "versions.tf", source)
			}
			withoutCredentials(r)
			r.must(t, "get", "-no-color")
			r.must(t, "validate", "-no-color")
			if queries, err := filepath.Glob(filepath.Join(r.dir, "*.tfquery.hcl")); err == nil && len(queries) > 0 {
				r.must(t, "validate", "-no-color", "-query")
			}
			if len(suites) > 0 {
				r.must(t, "test", "-no-color")
			}
		})
	}
	if tested < 3 {
		t.Errorf("%d directories have tests", tested)
	}
}
