package reconcile_test

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
)

var showReport = flag.Bool("report", false, "print what the core simulator covered")

// summary is what all histories of a test run have covered.
var summary coverage

type coverage struct {
	mu        sync.Mutex
	histories map[string]int
	reached   [invariants]int // in how many histories
	excused   [invariants]int
	covered   map[struck]int
	effects   int
	crashes   int
	failed    int
	blocks    []block
}

// add counts what a history covered, and ends it.
func (s *coverage) add(name string, w *world) {
	w.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.histories == nil {
		s.histories, s.covered = map[string]int{}, map[struck]int{}
	}
	s.histories[name]++
	s.effects += w.effects
	s.crashes += w.crashes
	if len(w.ledger.broken) > 0 {
		s.failed++
	}
	for number, times := range w.ledger.reached {
		if times > 0 {
			s.reached[number]++
		}
	}
	for number, times := range w.ledger.excused {
		s.excused[number] += times
	}
	for where, times := range w.ledger.covered {
		s.covered[where] += times
	}
}

func (s *coverage) String() string {
	var b strings.Builder
	total := s.total()
	for _, name := range sortedKeys(s.histories) {
		fmt.Fprintf(&b, "%8d histories of %s\n", s.histories[name], name)
	}
	faults := 0
	for _, times := range s.covered {
		faults += times
	}
	fmt.Fprintf(&b, "%8d histories in all, of which %d broke an invariant\n", total, s.failed)
	fmt.Fprintf(&b, "%8d operations of the agent, %d kills, %d faults in %d pairs of a kind and an operation\n", s.effects, s.crashes, faults, len(s.covered))
	for _, played := range s.blocks {
		fmt.Fprintf(&b, "         %d histories from seed %d on\n", played.Histories, played.Seed)
	}
	fmt.Fprintln(&b)
	fmt.Fprintln(&b, "Invariants, the share of histories in which the guard was really reached, who judges them, and the planted bug that each finds first:")
	for i := range oracles {
		o := &oracles[i]
		share, judges := "     -", strings.Split(o.elsewhere, "; ")
		if o.watches() {
			share, judges = fmt.Sprintf("%5.1f%%", 100*float64(s.reached[o.number])/float64(max(total, 1))), append([]string{"core simulator"}, judges...)
		}
		fmt.Fprintf(&b, "  I%-3d %s  %s", o.number, share, o.says)
		if excused := s.excused[o.number]; excused > 0 {
			fmt.Fprintf(&b, " (broken %d times under a wrong clock)", excused)
		}
		fmt.Fprintf(&b, "\n               judged by %s\n", strings.TrimSuffix(strings.Join(judges, "; "), "; "))
		if bug := o.ownBug(); bug != nil {
			fmt.Fprintf(&b, "               finds first: %s\n", bug.name)
		}
	}
	fmt.Fprintln(&b, "\nFaults by the operation that they struck:")
	byFault := map[fault][]string{}
	for where, times := range s.covered {
		byFault[where.fault] = append(byFault[where.fault], fmt.Sprintf("%s %d", where.name, times))
	}
	kinds := make([]int, 0, len(byFault))
	for f := range byFault {
		kinds = append(kinds, int(f))
	}
	sort.Ints(kinds)
	for _, f := range kinds {
		list := byFault[fault(f)]
		slices.Sort(list)
		fmt.Fprintf(&b, "  %-28s %s\n", fault(f), strings.Join(list, ", "))
	}
	return b.String()
}

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // histories are short-lived; memory is not what a simulation lacks
	code := m.Run()
	if *tallyFile != "" && summary.histories != nil {
		if err := summary.addTo(*tallyFile); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	if *showReport && summary.histories != nil {
		fmt.Println(summary.String())
	}
	os.Exit(code)
}
