// Package lab holds what all services of the sandbox share: one clock, one operation log, the switches for what the
// public references leave open, the fault injector, and the trap that stops a program at a counted effect.
package lab

// Kit is handed to every simulated service, so that all of them see the same time, log, switches and faults.
type Kit struct {
	Clock    *Clock
	Log      *Log
	Switches *Switches
	Faults   *Faults
	Trap     *Trap
}

// NewKit makes a kit whose parts belong together: the log takes its time from the clock, and every injected fault is
// logged. The switches are those of all services that will get the kit.
func NewKit(switches ...Switch) *Kit {
	clock := NewClock()
	kit := &Kit{
		Clock:    clock,
		Log:      NewLog(clock),
		Switches: NewSwitches(switches...),
		Faults:   NewFaults(),
		Trap:     NewTrap(),
	}
	kit.Faults.log = kit.Log
	return kit
}
