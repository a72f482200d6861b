package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

const root = "../.."

// TestTableIsTrue compares the table with the provider: it names every resource, data source, function, list resource and action that
// the provider has, none that it has not, and examples that are there; it is what the record says, and nothing in it failed.
func TestTableIsTrue(t *testing.T) {
	results, err := readRecord("results.json")
	if err != nil || len(results) == 0 {
		t.Fatal(results, err)
	}
	schemas, err := providerserver.NewProtocol6(provider.New("test", provider.Options{})())().GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, names := range map[string][]string{
		"TestApplyTwice/":                slices.Sorted(maps.Keys(schemas.ResourceSchemas)),
		"TestConformance/data_source/":   slices.Sorted(maps.Keys(schemas.DataSourceSchemas)),
		"TestConformance/function/":      slices.Sorted(maps.Keys(schemas.Functions)),
		"TestConformance/list_resource/": slices.Sorted(maps.Keys(schemas.ListResourceSchemas)),
		"TestConformance/action/":        slices.Sorted(maps.Keys(schemas.ActionSchemas)),
	} {
		if got := (kind{prefix: prefix}).features(results); !slices.Equal(got, names) {
			t.Errorf("%s: the table has %q, the provider %q; run make conformance", prefix, got, names)
		}
	}
	for _, directory := range (kind{prefix: "TestExamplesNeedNoCredentials/"}).features(results) {
		if _, err := os.Stat(filepath.Join(root, "examples", directory)); err != nil {
			t.Errorf("%v; run make conformance", err)
		}
	}
	for _, r := range results {
		if len(r.Failed) > 0 {
			t.Errorf("%s %s failed %q", r.Tool, r.Version, r.Failed)
		}
	}
	readme, err := os.ReadFile(filepath.Join(root, readmeFile))
	if err != nil {
		t.Fatal(err)
	}
	if written, err := insert(string(readme), table(results)); err != nil || written != string(readme) {
		t.Errorf("the table in README.md is not what the record says (%v); run make conformance", err)
	}
}

// TestTable counts what passed, tells what a tool does not know from what it does not do, and replaces the result of a former run.
func TestTable(t *testing.T) {
	var old, next result
	for r, output := range map[*result]string{
		&old:  `{"Action":"pass","Test":"TestApplyTwice/a"}` + "\n" + `{"Action":"fail","Test":"TestApplyTwice/b"}` + "\n" + `{"Action":"skip","Test":"TestConformance/action/x"}`,
		&next: "# linked\n" + `{"Action":"pass","Test":"TestApplyTwice/a"}` + "\n" + `{"Action":"pass","Test":"TestApplyTwice/b"}` + "\n" + `{"Action":"pass","Test":"TestConformance/action/x"}` + "\n" + `{"Action":"pass","Test":"TestApplyTwice"}`,
	} {
		if err := r.read([]byte(output)); err != nil {
			t.Fatal(err)
		}
	}
	old.Tool, old.Version, next.Tool, next.Version = "Terraform", "1.11.4", "Terraform", "1.15.9"
	tofu := old
	tofu.Tool, tofu.Version = "OpenTofu", "1.9.1"
	results := with(with(with([]result{tofu}, next), old), old)
	got := table(results)
	for _, line := range []string{
		"| Feature | Terraform 1.11.4 | Terraform 1.15.9 | OpenTofu 1.9.1 |",
		"| Resources: apply, then an empty plan, then destroy (2): `a`, `b` | 1 of 2 | all | 1 of 2 |",
		"| Actions, on a running agent (1): `x` | – | all | – |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("the table lacks\n%s\n%s", line, got)
		}
	}
	if _, err := insert("no place", got); err == nil {
		t.Error("a file without a place for the table was taken")
	}
}
