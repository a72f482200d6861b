package provider_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExamplesAreValid checks every snippet that the documentation shows.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var snippets []string
	for _, kind := range []string{"resources", "data-sources", "functions"} { // actions and lists are a syntax of newer tools
		found, err := filepath.Glob(filepath.Join("..", "examples", kind, "*"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no examples of %s: %v", kind, err)
		}
		snippets = append(snippets, found...)
	}
	source, err := os.ReadFile(filepath.Join("..", "examples", "salesforce", "versions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	binary := buildProvider(t)
	for _, from := range append(snippets, filepath.Join("..", "examples", "provider"), filepath.Join("..", "examples", "salesforce"), filepath.Join("..", "examples", "dynamics365")) {
		t.Run(filepath.Base(filepath.Dir(from))+"/"+filepath.Base(from), func(t *testing.T) {
			t.Parallel()
			r := newRoot(t, from, binary, w, nil)
			r.drop(t, "import-by-identity.tf") // a syntax of newer tools
			if slices.Contains(snippets, from) {
				r.write(t, "versions.tf", source)
			}
			r.must(t, "validate", "-no-color")
		})
	}
}

// TestEveryTypeIsDocumented wants an example, a page, and the ways to import for every type.
func TestEveryTypeIsDocumented(t *testing.T) {
	t.Parallel()
	rows := capabilities()
	for _, typeName := range slices.Sorted(maps.Keys(rows)) {
		needed := []string{
			filepath.Join("examples", "resources", typeName, "resource.tf"),
			filepath.Join("docs", "resources", strings.TrimPrefix(typeName, "cosell_")+".md"),
		}
		if rows[typeName].importID != "" {
			for _, name := range []string{"import.sh", "import-by-string-id.tf", "import-by-identity.tf"} {
				needed = append(needed, filepath.Join("examples", "resources", typeName, name))
			}
		}
		for _, name := range needed {
			if _, err := os.Stat(filepath.Join("..", name)); err != nil {
				t.Errorf("%s: %v", typeName, err)
			}
		}
	}
}

// TestEveryPageSaysWhatItNeeds wants the permissions on the page of every type, data source, action and list resource, and on that of a
// resource that can be imported how that is done. A declaration says that it needs none.
func TestEveryPageSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	rows := capabilities()
	for _, kind := range []string{"resources", "data-sources", "actions", "list-resources"} {
		pages, err := filepath.Glob(filepath.Join("..", "docs", kind, "*.md"))
		if err != nil || len(pages) == 0 {
			t.Fatalf("there are no pages of %s: %v", kind, err)
		}
		for _, page := range pages {
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			needed := []string{"**Permissions.** ", "## Example Usage"}
			if typeName := "cosell_" + strings.TrimSuffix(filepath.Base(page), ".md"); kind == "resources" && rows[typeName].importID != "" {
				needed = append(needed, "terraform import "+typeName+".", "import {")
			}
			for _, text := range needed {
				if !strings.Contains(string(content), text) {
					t.Errorf("%s does not say %q", page, text)
				}
			}
		}
	}
}

// TestEverythingElseIsDocumented wants an example and a page for every data source, function, action and list resource.
func TestEverythingElseIsDocumented(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	for _, kind := range []struct {
		names              []string
		directory, example string
	}{
		{slices.Collect(maps.Keys(all.DataSourceSchemas)), "data-sources", "data-source.tf"},
		{slices.Collect(maps.Keys(all.Functions)), "functions", "function.tf"},
		{slices.Collect(maps.Keys(all.ActionSchemas)), "actions", "action.tf"},
		{slices.Collect(maps.Keys(all.ListResourceSchemas)), "list-resources", "list-resource.tfquery.hcl"},
	} {
		if len(kind.names) == 0 {
			t.Errorf("there are no %s", kind.directory)
		}
		for _, name := range kind.names {
			for _, file := range []string{
				filepath.Join("examples", kind.directory, name, kind.example),
				filepath.Join("docs", kind.directory, strings.TrimPrefix(name, "cosell_")+".md"),
			} {
				if _, err := os.Stat(filepath.Join("..", file)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
