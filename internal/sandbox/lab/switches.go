package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Switch is one UNCONFIRMED point of the references: the behaviours that are plausible, and the one that is on by default.
type Switch struct {
	ID        string   `json:"id"`        // service and point, for example partner_center.create_status
	Title     string   `json:"title"`     // what it changes, in one line
	Reference string   `json:"reference"` // page and section that leave the point open
	Values    []string `json:"values"`
	Default   string   `json:"default"`
}

// SwitchState is a switch together with its present value.
type SwitchState struct {
	Switch
	Value string `json:"value"`
}

// Switches holds the present value of every switch.
type Switches struct {
	table map[string]Switch

	mu     sync.RWMutex
	values map[string]string
}

// NewSwitches returns the switches at their defaults. It panics on a table that contradicts itself (an id twice, a default
// that is not among the values), which is a programming error.
func NewSwitches(table ...Switch) *Switches {
	s := &Switches{table: map[string]Switch{}, values: map[string]string{}}
	for _, sw := range table {
		if _, twice := s.table[sw.ID]; twice || !slices.Contains(sw.Values, sw.Default) {
			panic("lab: switch " + sw.ID + " is defined twice or its default is not one of its values")
		}
		s.table[sw.ID] = sw
		s.values[sw.ID] = sw.Default
	}
	return s
}

// Get returns the present value. It panics on an id that no table defines, which is a programming error.
func (s *Switches) Get(id string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, ok := s.values[id]
	if !ok {
		panic("lab: no table defines the switch " + id)
	}
	return value
}

// Is says whether the switch has this value. It panics as Get does.
func (s *Switches) Is(id, value string) bool { return s.Get(id) == value }

// Set changes one switch. An unknown id or value is an error that lists what is known.
func (s *Switches) Set(id, value string) error {
	sw, ok := s.table[id]
	if !ok {
		return fmt.Errorf("unknown switch %q; list the switches to see their ids", id)
	}
	if !slices.Contains(sw.Values, value) {
		return fmt.Errorf("switch %s has no value %q; use one of: %s", id, value, strings.Join(sw.Values, ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[id] = value
	return nil
}

// All returns every switch with its present value, sorted by id.
func (s *Switches) All() []SwitchState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]SwitchState, 0, len(s.table))
	for id, sw := range s.table {
		all = append(all, SwitchState{Switch: sw, Value: s.values[id]})
	}
	slices.SortFunc(all, func(a, b SwitchState) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
