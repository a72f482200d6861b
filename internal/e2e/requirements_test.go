package e2e_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// requirementRow is a row of the table of requirements: its number, and the tests that it names.
var requirementRow = regexp.MustCompile("(?m)^\\| R(\\d+) \\|.*\\| ((?:`[a-z0-9/]+` Test\\w+(?:, )?)+) \\|$")

var namedTest = regexp.MustCompile("`([a-z0-9/]+)` (Test\\w+)")

// The tables of requirements name every requirement that is a step or a rule, and for each a test that exists.
func TestEveryRequirementHasATest(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(root, "docs", "guides", "requirements.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	tests := map[string][]string{}
	for _, row := range requirementRow.FindAllStringSubmatch(string(content), -1) {
		listed["R"+row[1]] = true
		for _, named := range namedTest.FindAllStringSubmatch(row[2], -1) {
			directory, name := named[1], named[2]
			if tests[directory] == nil {
				tests[directory] = testsIn(t, filepath.Join(root, directory))
			}
			if !slices.Contains(tests[directory], name) {
				t.Errorf("R%s: there is no test %s in %s", row[1], name, directory)
			}
		}
	}
	for first, last := range map[int]int{8: 8, 11: 17, 37: 37, 40: 91} {
		for number := first; number <= last; number++ {
			if name := fmt.Sprint("R", number); !listed[name] {
				t.Errorf("the table has no row %s that names a test", name)
			}
		}
	}
}

// testsIn lists the tests of a directory.
func testsIn(t *testing.T, directory string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(directory, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Test") {
				names = append(names, function.Name.Name)
			}
		}
	}
	return names
}
