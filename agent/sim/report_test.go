package sim

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// summary is what the histories of TestHistories covered; nil: it did not run.
var summary *coverage

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // histories are short-lived; memory is not what a simulation lacks
	code := m.Run()
	if *showReport && summary != nil {
		fmt.Println(summary)
	}
	os.Exit(code)
}

// coverage counts in how many histories each rule was put to the test, and what struck which operation.
type coverage struct {
	mu                          sync.Mutex
	histories                   map[string]int            // by CRM
	reached                     map[string]map[string]int // by rule and CRM
	struck                      map[string]map[string]int // what struck, and the operation that it struck
	operations, kills, writings int
	slowest                     time.Duration
}

func newCoverage() *coverage {
	return &coverage{histories: map[string]int{}, reached: map[string]map[string]int{}, struck: map[string]map[string]int{}}
}

// count adds one to a count of counts.
func count(counts map[string]map[string]int, outer, inner string) {
	if counts[outer] == nil {
		counts[outer] = map[string]int{}
	}
	counts[outer][inner]++
}

func (c *coverage) add(h *history) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.histories[h.product]++
	for rule := range h.reached {
		count(c.reached, rule, h.product)
	}
	for _, what := range h.struck {
		count(c.struck, what, h.product)
		if strings.HasPrefix(what, "killed") {
			c.kills++
		}
	}
	isAgents := agentOf(h.o)
	for _, op := range h.w.operations(0, func(lab.Operation) bool { return true }) {
		if isAgents(op) {
			c.operations++
		}
		if isAgents(op) && op.IsWrite() {
			c.writings++
		}
		switch {
		case op.Fault != "":
			count(c.struck, op.Fault, operationOf(op))
		case isAgents(op) && refusals[op.Status] != "":
			count(c.struck, refusals[op.Status], operationOf(op))
		}
	}
	c.slowest = max(c.slowest, h.settledAfter)
}

// refusals are the answers by which a system refuses a request by its own rules, without a fault of the plan.
var refusals = map[int]string{400: "refused", 404: "gone", 409: "conflict", 412: "changed meanwhile", 429: "beyond a limit"}

// particular are the parts of an address that differ from record to record.
var particular = regexp.MustCompile(`\([^)]*\)|/v?[0-9.]+/|/[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|/[a-zA-Z0-9]{15,18}$`)

// operationOf names an operation without the record that it is about.
func operationOf(op lab.Operation) string {
	path := strings.TrimRight(particular.ReplaceAllString(op.Path, "/"), "/")
	return strings.TrimSpace(op.Service + " " + op.Method + " " + cmp.Or(path[strings.LastIndexByte(path, '/')+1:], op.Object))
}

// complete demands that the histories put every rule to the test. A rule that no history reached shows that they are too tame.
func (c *coverage) complete(t *testing.T) {
	t.Helper()
	total := 0
	for _, histories := range c.histories {
		total += histories
	}
	for _, rule := range rules {
		if len(c.reached[rule.name]) == 0 && total >= usualHistories {
			t.Errorf("no history put %s to the test", rule.name)
		}
	}
	t.Log(c)
}

func (c *coverage) String() string {
	var b strings.Builder
	for _, product := range sortedKeys(c.histories) {
		fmt.Fprintf(&b, "%8d histories of %s\n", c.histories[product], product)
	}
	fmt.Fprintf(&b, "%8d operations of the agent, %d of them writes; %d kills; at rest at the latest %v after the last trouble\n\n", c.operations, c.writings, c.kills, c.slowest)
	fmt.Fprintln(&b, "Rules, and in how many histories they were put to the test:")
	for _, rule := range rules {
		fmt.Fprintf(&b, "  %-4s %s  %s\n", rule.name, shares(c.reached[rule.name], c.histories), rule.says)
	}
	fmt.Fprintln(&b, "\nWhat struck, by the operation that it struck:")
	for _, what := range sortedKeys(c.struck) {
		var where []string
		for _, operation := range slices.Sorted(maps.Keys(c.struck[what])) {
			where = append(where, fmt.Sprintf("%s %d", operation, c.struck[what][operation]))
		}
		fmt.Fprintf(&b, "  %-24s %s\n", what, strings.Join(where, ", "))
	}
	return b.String()
}

// shares gives the counts of each CRM, and of how many.
func shares(counts, of map[string]int) string {
	var parts []string
	for _, product := range sortedKeys(of) {
		parts = append(parts, fmt.Sprintf("%5d/%d %s", counts[product], of[product], product))
	}
	return strings.Join(parts, " ")
}
