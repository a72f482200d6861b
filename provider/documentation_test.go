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
	snippets, err := filepath.Glob(filepath.Join("..", "examples", "resources", "*"))
	if err != nil || len(snippets) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	source, err := os.ReadFile(filepath.Join("..", "examples", "salesforce", "versions.tf"))
	if err != nil {
		t.Fatal(err)
	}
	binary := buildProvider(t)
	for _, from := range append(snippets, filepath.Join("..", "examples", "provider"), filepath.Join("..", "examples", "salesforce"),
		filepath.Join("..", "examples", "dynamics365"), filepath.Join("..", "examples", "data-sources", "cosell_dataverse_table")) {
		t.Run(filepath.Base(from), func(t *testing.T) {
			t.Parallel()
			r := newRoot(t, from, binary, w, nil)
			r.drop(t, "import-by-identity.tf") // a syntax of newer tools
			if strings.Contains(from, "resources") || strings.Contains(from, "data-sources") {
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
