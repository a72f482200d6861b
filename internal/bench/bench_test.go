package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// terraform finds the CLI. One that is missing is a loud skip on a developer's machine and a failure in CI.
func terraform(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("COSELL_REQUIRE_ALL") == "1" {
		t.Fatal("neither terraform nor tofu is on PATH")
	}
	t.Skip("SKIPPED: neither terraform nor tofu is on PATH; install one to run the harness")
	return ""
}

// TestSmoke shows that the harness goes through every kind of cell, measures each, and prints all of it both ways. What it measures
// is of no interest here.
func TestSmoke(t *testing.T) {
	root, bin := filepath.Join("..", ".."), t.TempDir()
	o := options{bin: bin, example: filepath.Join(root, "examples", "salesforce"), terraform: terraform(t), profile: smoke(), progress: io.Discard}
	for name, from := range map[string]string{"terraform-provider-cosell": ".", "cosell-agent": "./agent"} {
		command := exec.Command("go", "build", "-o", filepath.Join(bin, name), from)
		command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, output)
		}
	}
	if testing.Verbose() {
		o.progress = os.Stderr
	}
	ctx, cancel := context.WithTimeout(t.Context(), o.profile.limit)
	defer cancel()
	r, err := measure(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	var tables, encoded bytes.Buffer
	if err := r.writeTables(&tables); err != nil {
		t.Fatal(err)
	}
	if err := r.writeJSON(&encoded); err != nil {
		t.Fatal(err)
	}
	if r.failed() > 0 || len(r.Missing) > 0 {
		t.Errorf("not everything was measured:\n%s", tables.String())
	}
	for _, section := range sections {
		if !strings.Contains(tables.String(), strings.ToUpper(section.name)) {
			t.Errorf("the section %q is missing", section.name)
		}
	}
	var again report
	if err := json.Unmarshal(encoded.Bytes(), &again); err != nil {
		t.Fatal(err)
	}
	if len(again.Rows) != len(r.Rows) {
		t.Errorf("the JSON has %d rows, the report %d", len(again.Rows), len(r.Rows))
	}
	t.Logf("\n%s", tables.String())
}

// TestCountCalls shows that a call counts once however many records it touched, by the most that it did; and that polls, people's
// acts, webhooks and sign-ins are none of the agent's calls for deals.
func TestCountCalls(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	log := []lab.Operation{
		{Service: crmService, Action: "update", Object: "Opportunity", Status: 200},
		{Service: centerService, Method: "POST", Action: "webhook", RequestID: "w"},
		{Service: "entra", Method: "POST", Action: "token", RequestID: "t"},
		{Service: crmService, Method: "GET", Path: "/services/data/v66.0/queryAll", Action: "read", RequestID: "p"},
		{Service: crmService, Method: "GET", Action: "read", ID: "1", RequestID: "r"},
		{Service: crmService, Method: "GET", Action: "read", ID: "2", RequestID: "r"},
		{Service: crmService, Method: "POST", Action: "read", ID: "1", RequestID: "c", Status: 200},
		{Service: crmService, Method: "POST", Action: "update", ID: "1", RequestID: "c", Status: 200},
		{Service: centerService, Method: "GET", Action: "read", Object: "referral", ID: "3", RequestID: "g", Status: 200},
		{Service: centerService, Method: "GET", Action: "read", Object: "referral", RequestID: "l", Status: 200},
		{Service: centerService, Method: "PATCH", Action: "update", Object: "referral", ID: "3", RequestID: "u", Status: 412},
		{Service: centerService, Method: "PATCH", Action: "update", Object: "referral", ID: "3", RequestID: "v", Status: 200},
	}
	for i := range log {
		log[i].At = at.Add(time.Duration(i) * time.Second)
	}
	want := calls{
		crmReads: 1, crmWrites: 1, centerReads: 3, centerWrites: 1, lists: 1, polls: 1,
		first: at.Add(4 * time.Second), last: at.Add(11 * time.Second),
	}
	if got := countCalls(log); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestPercentile shows that percentiles are values that were measured: the nearest rank.
func TestPercentile(t *testing.T) {
	var took []time.Duration
	for i := 100; i > 0; i-- {
		took = append(took, time.Duration(i))
	}
	for p, want := range map[int]time.Duration{50: 50, 99: 99, 100: 100} {
		if got := percentile(took, p); got != want {
			t.Errorf("percentile %d is %d, want %d", p, got, want)
		}
	}
	if got := percentile(took[:3], 50); got != 99 {
		t.Errorf("the median of 100, 99 and 98 is %d", got)
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("the median of nothing is %d", got)
	}
}

// TestFigures shows how a figure and its target are printed.
func TestFigures(t *testing.T) {
	for want, f := range map[string]figure{
		"120 ms (<= 130 met)":        inMillis("p50", 120*time.Millisecond).atMost(130),
		"131 ms (<= 130 missed)":     inMillis("p50", 130600*time.Microsecond).atMost(130),
		"998 (>= 1000 missed)":       figure{Value: 998.4}.atLeast(1000),
		"0.06 (<= 0.1 met)":          figure{Value: 0.0612}.atMost(0.1),
		"40.5 MB":                    inMegabytes("RSS", 40<<20+1<<19),
		"3":                          count("tries", 3),
		"12.3 % of a core":           {Value: 12.34, Unit: "% of a core"},
		"150 MB (<= 150 met)":        inMegabytes("RSS", 150<<20).atMost(150),
		"1.25 ms (<= 25 met)":        inMillis("p99", 1250*time.Microsecond).atMost(25),
		"2000 (>= 1000 met)":         count("deals/s", 2000).atLeast(1000),
		"0.20 calls (<= 0.1 missed)": figure{Value: 0.2, Unit: "calls"}.atMost(0.1),
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSpread shows that the tries of a polled change begin all over the interval of the polls.
func TestSpread(t *testing.T) {
	var sum time.Duration
	seen := map[int]bool{}
	for i := range 10 {
		wait := spread(i)
		if wait < 0 || wait >= pollsEvery {
			t.Fatalf("wait %d is %v", i, wait)
		}
		sum += wait
		seen[int(5*wait/pollsEvery)] = true
	}
	if mean := sum / 10; mean < pollsEvery*4/10 || mean > pollsEvery*6/10 || len(seen) != 5 {
		t.Errorf("the mean wait is %v, in %d of 5 parts of the interval", mean, len(seen))
	}
}

// TestRounds shows that calls which follow each other closely are one round of a task, and that others' calls are none.
func TestRounds(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var log []lab.Operation
	for _, ms := range []int{0, 20, 1010, 1030, 2050} {
		log = append(log, lab.Operation{Service: centerService, Method: "GET", Object: "referral", At: at.Add(time.Duration(ms) * time.Millisecond)})
	}
	log = append(log, lab.Operation{Service: crmService, Method: "GET", At: at.Add(5 * time.Second)})
	if got := rounds(log, isList, time.Second); got != 3 {
		t.Errorf("%d rounds, want 3", got)
	}
}
