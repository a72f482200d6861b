package reconcile_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
)

var tallyFile = flag.String("tally", "", "a file that sums up what the runs of many processes covered; -report then prints the sum")

// tally is a coverage as it is kept in a file, so that very many histories can be played in blocks, each in a process of its own.
type tally struct {
	Histories map[string]int `json:"histories"`
	Reached   []int          `json:"reached"` // by invariant
	Excused   []int          `json:"excused"` // the same
	Faults    []struckTimes  `json:"faults"`
	Effects   int            `json:"effects"`
	Crashes   int            `json:"crashes"`
	Failed    int            `json:"failed"`
	Blocks    []block        `json:"blocks"`
}

// struckTimes is how often a fault struck an operation.
type struckTimes struct {
	Fault     string `json:"fault"`
	Operation string `json:"operation"`
	Times     int    `json:"times"`
}

// block is what one process played: of each scenario the histories from a seed on.
type block struct {
	Seed      uint64 `json:"seed"`
	Histories int    `json:"histories"`
}

func (s *coverage) total() (n int) {
	for _, histories := range s.histories {
		n += histories
	}
	return n
}

// addTo adds a run to a file's sum, which it then is.
func (s *coverage) addTo(file string) error {
	s.blocks = []block{{*firstRun, s.total()}}
	text, err := os.ReadFile(file)
	if err == nil {
		var before tally
		if err = json.Unmarshal(text, &before); err == nil {
			s.plus(before)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sum up in %s: %w", file, err)
	}
	if text, err = json.MarshalIndent(s.kept(), "", " "); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

func (s *coverage) plus(t tally) {
	for name, n := range t.Histories {
		s.histories[name] += n
	}
	for number, n := range t.Reached[:min(len(t.Reached), invariants)] {
		s.reached[number] += n
	}
	for number, n := range t.Excused[:min(len(t.Excused), invariants)] {
		s.excused[number] += n
	}
	for _, f := range t.Faults {
		if kind := slices.Index(faultNames[:], f.Fault); kind >= 0 {
			s.covered[struck{fault(kind), f.Operation}] += f.Times
		}
	}
	s.effects, s.crashes, s.failed = s.effects+t.Effects, s.crashes+t.Crashes, s.failed+t.Failed
	s.blocks = append(t.Blocks, s.blocks...)
}

func (s *coverage) kept() tally {
	t := tally{
		Histories: s.histories, Reached: s.reached[:], Excused: s.excused[:], Effects: s.effects, Crashes: s.crashes, Failed: s.failed, Blocks: s.blocks,
	}
	where := slices.SortedFunc(maps.Keys(s.covered), func(a, b struck) int {
		if a.fault != b.fault {
			return int(a.fault - b.fault)
		}
		if a.name < b.name {
			return -1
		}
		return 1
	})
	for _, w := range where {
		t.Faults = append(t.Faults, struckTimes{w.fault.String(), w.name, s.covered[w]})
	}
	return t
}
