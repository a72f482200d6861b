package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const providerVersion = "0.0.1" // of the copy in the demo's own mirror

// terraform runs Terraform or OpenTofu in a directory of its own: with its own CLI configuration, which finds the provider
// in a filesystem mirror, so that neither a registry nor the user's configuration takes part.
type terraform struct {
	program   string
	name      string // terraform or tofu, for people
	directory string
	env       []string
}

// newTerraform copies the example into a root of its own, lays out the mirror and writes the CLI configuration.
func newTerraform(ctx context.Context, o options, directory, root string, variables map[string]string) (*terraform, error) {
	t := &terraform{program: o.terraform, name: "terraform", directory: filepath.Join(directory, root)}
	version, err := call(ctx, directory, append(cleanEnvironment(), "HOME="+directory), t.program, "version")
	if err != nil {
		return nil, err
	}
	host := "registry.terraform.io"
	if bytes.HasPrefix(version, []byte("OpenTofu")) {
		t.name, host = "tofu", "registry.opentofu.org"
	}
	if err := copyExample(o.example, t.directory); err != nil {
		return nil, err
	}
	mirror := filepath.Join(directory, "mirror")
	place := filepath.Join(mirror, host, "cosell-sync", "cosell", providerVersion, runtime.GOOS+"_"+runtime.GOARCH)
	binary := "terraform-provider-cosell" + exe()
	if err := copyFiles(o.bin, place, binary); err != nil {
		return nil, err
	}
	if err := os.Rename(filepath.Join(place, binary), filepath.Join(place, "terraform-provider-cosell_v"+providerVersion+exe())); err != nil {
		return nil, fmt.Errorf("lay out the mirror: %w", err)
	}
	configuration := filepath.Join(directory, "terraform.rc")
	content := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.ToSlash(mirror))
	if err := os.WriteFile(configuration, []byte(content), 0o600); err != nil {
		return nil, fmt.Errorf("write the CLI configuration: %w", err)
	}
	t.env = append(cleanEnvironment(), "TF_CLI_CONFIG_FILE="+configuration, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "HOME="+directory)
	for name, value := range variables {
		t.env = append(t.env, name+"="+value)
	}
	return t, nil
}

// cleanEnvironment leaves out what would let the user's own set-up take part.
func cleanEnvironment() []string {
	var kept []string
	for _, assignment := range os.Environ() {
		if !strings.HasPrefix(assignment, "TF_") && !strings.HasPrefix(assignment, "COSELL_") && !strings.HasPrefix(assignment, "HOME=") {
			kept = append(kept, assignment)
		}
	}
	return kept
}

func (t *terraform) run(ctx context.Context, arguments ...string) ([]byte, error) {
	return call(ctx, t.directory, t.env, t.program, arguments...)
}

// change runs apply or destroy and reports how far it is: objects done, objects planned. It returns the number done.
func (t *terraform) change(ctx context.Context, command string, progress func(done, planned int)) (int, error) {
	read, write := io.Pipe()
	process := prepare(ctx, t.directory, t.env, t.program, command, "-auto-approve", "-json")
	process.Stdout, process.Stderr = write, write
	result := make(chan error, 1)
	go func() {
		err := run(process)
		_ = write.Close()
		result <- err
	}()
	done, complaints := followChange(read, progress)
	if err := <-result; err != nil {
		return done, fmt.Errorf("%s %s: %w\n%s", t.name, command, err, strings.Join(complaints, "\n"))
	}
	return done, nil
}

// followChange reads the machine-readable output of apply and destroy to its end.
func followChange(from io.Reader, progress func(done, planned int)) (done int, complaints []string) {
	planned := 0
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, largestBody)
	for lines.Scan() {
		var message struct {
			Type       string `json:"type"`
			Diagnostic struct {
				Severity string `json:"severity"`
				Summary  string `json:"summary"`
				Detail   string `json:"detail"`
			} `json:"diagnostic"`
		}
		if err := json.Unmarshal(lines.Bytes(), &message); err != nil {
			complaints = append(complaints, lines.Text()) // not a message: a crash, for instance
			continue
		}
		switch message.Type {
		case "planned_change":
			planned++
		case "apply_complete":
			done++
		case "diagnostic":
			if message.Diagnostic.Severity == "error" {
				complaints = append(complaints, message.Diagnostic.Summary+": "+message.Diagnostic.Detail)
			}
		}
		progress(done, planned)
	}
	_, _ = io.Copy(io.Discard, from) // a line that was too long must not block the process
	return done, complaints
}

// refused plans with other variables, which must fail, and returns what it said. A plan changes nothing.
func (t *terraform) refused(ctx context.Context, variables map[string]string) (string, error) {
	env := slices.Clone(t.env)
	for name, value := range variables {
		env = append(env, name+"="+value) // the last one of a name counts
	}
	said, err := call(ctx, t.directory, env, t.program, "plan", "-no-color")
	if err == nil {
		return "", fmt.Errorf("the plan should have failed, and says:\n%s", said)
	}
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return "", err
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "│", " ")), " "), nil // without frames and line breaks
}

// unchanged fails when the plan is not empty, and shows it.
func (t *terraform) unchanged(ctx context.Context) error {
	plan, err := t.run(ctx, "plan", "-detailed-exitcode", "-no-color")
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 2 {
		return fmt.Errorf("the plan is not empty:\n%s", plan)
	}
	return err
}

// copyExample copies the configuration with its modules. What somebody's own runs left beside it, variables and state, stays.
func copyExample(from, to string) error {
	if err := copyFiles(from, to, "*.tf"); err != nil {
		return err
	}
	modules, err := filepath.Glob(filepath.Join(from, "modules", "*"))
	if err != nil {
		return fmt.Errorf("find the modules of the example: %w", err)
	}
	for _, module := range modules {
		if err := copyFiles(module, filepath.Join(to, "modules", filepath.Base(module)), "*.tf"); err != nil {
			return err
		}
	}
	return nil
}

func copyFiles(from, to, pattern string) error {
	matches, err := filepath.Glob(filepath.Join(from, pattern))
	if err != nil || len(matches) == 0 {
		return fmt.Errorf("there is no %s in %s; run the demo by `make demo`, from the root of the repository", pattern, from)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", to, err)
	}
	for _, path := range matches {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("copy: %w", err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("copy: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(path)), content, info.Mode().Perm()); err != nil {
			return fmt.Errorf("copy: %w", err)
		}
	}
	return nil
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// elapsed measures a step.
func elapsed(step func() error) (time.Duration, error) {
	begun := time.Now()
	err := step()
	return time.Since(begun), err
}
