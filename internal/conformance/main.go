// Command conformance runs the acceptance tests with each command-line tool that it is given, records what passed, and writes the
// feature table of README.md from the record:
//
//	go run ./internal/conformance -cli terraform -cli /opt/tofu
//
// The record of a tool at another version stays until it is removed by hand; one at the same version is replaced. Without -cli the
// table is written again from the record.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

const (
	recordFile = "internal/conformance/results.json"
	readmeFile = "README.md"
)

// suite are the tests whose subtests are features.
const suite = "^(TestApplyTwice|TestChangedRemotely|TestImport|TestAdopt|TestConformance|TestExamplesNeedNoCredentials)$"

// result is what one tool was seen to do. Features are named as their tests are: TestImport/cosell_connector.
type result struct {
	Tool    string   `json:"tool"` // Terraform or OpenTofu
	Version string   `json:"version"`
	Passed  []string `json:"passed"`
	Failed  []string `json:"failed"`
	Skipped []string `json:"skipped"` // the tool is too old, or does not know it at all
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var tools []string
	flag.Func("cli", "path of Terraform or OpenTofu; may be repeated", func(path string) error {
		found, err := exec.LookPath(path)
		if err == nil {
			found, err = filepath.Abs(found) // tests run in directories of their own
		}
		tools = append(tools, found)
		return err
	})
	flag.Parse()
	results, err := readRecord(recordFile)
	if err != nil {
		return err
	}
	for _, path := range tools {
		measured, err := measure(ctx, path)
		if err != nil {
			return err
		}
		fmt.Printf("%s %s: %d passed, %d failed, %d skipped\n", measured.Tool, measured.Version, len(measured.Passed), len(measured.Failed), len(measured.Skipped))
		results = with(results, measured)
	}
	encoded, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	if err := os.WriteFile(recordFile, append(encoded, '\n'), 0o644); err != nil { //nolint:gosec // a file of the repository
		return fmt.Errorf("write the record: %w", err)
	}
	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		return fmt.Errorf("read the table's place: %w", err)
	}
	written, err := insert(string(readme), table(results))
	if err != nil {
		return err
	}
	if err := os.WriteFile(readmeFile, []byte(written), 0o644); err != nil { //nolint:gosec // a file of the repository
		return fmt.Errorf("write the table: %w", err)
	}
	for _, r := range results {
		if len(r.Failed) > 0 {
			return fmt.Errorf("%s %s failed %s", r.Tool, r.Version, strings.Join(r.Failed, ", "))
		}
	}
	return nil
}

// readRecord reads what former runs recorded; a file that is not there holds nothing.
func readRecord(path string) ([]result, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	var results []result
	if err := json.Unmarshal(content, &results); err != nil {
		return nil, fmt.Errorf("read the record %s: %w", path, err)
	}
	return results, nil
}

// with replaces the result of the same tool and version, and sorts: Terraform first, older versions first.
func with(results []result, measured result) []result {
	results = slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.Tool == measured.Tool && r.Version == measured.Version })
	results = append(results, measured)
	slices.SortFunc(results, func(a, b result) int {
		return cmp.Or(strings.Compare(b.Tool, a.Tool), compareVersions(a.Version, b.Version))
	})
	return results
}

// compareVersions compares numbers with dots.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			if len(as[i]) != len(bs[i]) {
				return len(as[i]) - len(bs[i])
			}
			return strings.Compare(as[i], bs[i])
		}
	}
	return len(as) - len(bs)
}

// measure runs the suite with a tool.
func measure(ctx context.Context, path string) (result, error) {
	r, err := identify(ctx, path)
	if err != nil {
		return r, err
	}
	test := exec.CommandContext(ctx, "go", "test", "-json", "-vet=off", "-count=1", "-timeout=60m", "-run", suite, "./provider")
	test.Env = append(cleanEnvironment(), "TF_ACC_TERRAFORM_PATH="+path, "CGO_ENABLED=0")
	if r.Tool == "OpenTofu" {
		test.Env = append(test.Env, "TF_ACC_PROVIDER_HOST=registry.opentofu.org")
	}
	output, err := test.Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return r, fmt.Errorf("run the tests with %s: %w", path, err)
	}
	if err := r.read(output); err != nil {
		return r, err
	}
	if len(r.Passed) == 0 {
		return r, fmt.Errorf("no test passed with %s:\n%s", path, output)
	}
	return r, nil
}

// cleanEnvironment lacks what a user's own configuration of the tool would decide.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "TF_CLI_CONFIG_FILE=") || strings.HasPrefix(entry, "TF_ACC_PROVIDER_HOST=")
	})
}

// identify asks a tool which of the two it is, and its version.
func identify(ctx context.Context, path string) (result, error) {
	clean := func(arguments ...string) ([]byte, error) {
		command := exec.CommandContext(ctx, path, arguments...)
		command.Env = cleanEnvironment()
		return command.Output()
	}
	printed, err := clean("version", "-json")
	if err != nil {
		return result{}, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	var told struct {
		Version string `json:"terraform_version"` // OpenTofu's, too
	}
	if err := json.Unmarshal(printed, &told); err != nil {
		return result{}, fmt.Errorf("read the version of %s: %w", path, err)
	}
	r := result{Tool: "Terraform", Version: told.Version}
	if plain, err := clean("version"); err != nil || bytes.Contains(plain, []byte("OpenTofu")) {
		r.Tool = "OpenTofu"
		return r, err
	}
	return r, nil
}

// read takes the results of the subtests from the output of go test -json. A test without subtests is no feature.
func (r *result) read(output []byte) error {
	r.Passed, r.Failed, r.Skipped = []string{}, []string{}, []string{}
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var event struct{ Action, Test string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			continue // what the linker says
		}
		if !strings.Contains(event.Test, "/") {
			continue
		}
		switch event.Action {
		case "pass":
			r.Passed = append(r.Passed, event.Test)
		case "fail":
			r.Failed = append(r.Failed, event.Test)
		case "skip":
			r.Skipped = append(r.Skipped, event.Test)
		}
	}
	for _, names := range [][]string{r.Passed, r.Failed, r.Skipped} {
		slices.Sort(names)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the tests' output: %w", err)
	}
	return nil
}
