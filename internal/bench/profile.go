package main

import "time"

// The stores that are measured.
const (
	sqlite   = "sqlite"
	postgres = "postgresql"
)

// longBurst is added to the limit for a burst that was asked for beside the profile's.
const longBurst = 20 * time.Minute

// speed is a rate of events at a latency of the remote systems.
type speed struct {
	latency time.Duration
	rate    int // events a second
}

// profile says what is measured.
type profile struct {
	name    string
	limit   time.Duration // of the whole run; cells that it leaves out are named in the report
	stores  []string
	speeds  map[string][]speed         // by store
	lonely  map[string][]time.Duration // by store: latencies
	tries   int                        // of each lonely change
	stretch time.Duration              // how long events come at one rate
	bursts  []int                      // deals
	burstAt map[string][]time.Duration // by store: latencies
	repeat  burstRepeat
	settle  time.Duration // how long nothing may happen until a burst is over
	pushed  bool          // measure bursts with change events as well as with polling
	idle    time.Duration
	links   int
	linksIn []string // stores that are filled with links
}

// burstRepeat is the burst of many events on few deals.
type burstRepeat struct{ deals, events int }

const (
	none = 0 * time.Millisecond
	near = 50 * time.Millisecond // the latency of the targets
	far  = 250 * time.Millisecond
)

func quick() profile {
	return profile{
		name: "quick", limit: 6 * time.Minute, stores: []string{sqlite, postgres},
		speeds: map[string][]speed{
			sqlite:   {{near, 5}, {near, 20}, {near, 40}, {none, 20}, {far, 20}},
			postgres: {{near, 20}},
		},
		lonely: map[string][]time.Duration{sqlite: {near}, postgres: {near}}, tries: 5, stretch: 4 * time.Second,
		bursts: []int{1000}, burstAt: map[string][]time.Duration{sqlite: {near}, postgres: {near}}, repeat: burstRepeat{50, 20}, settle: settling,
		idle: 10 * time.Second, links: 100_000, linksIn: []string{sqlite},
	}
}

func full30() profile {
	latencies := []time.Duration{none, near, far}
	var speeds []speed
	for _, latency := range latencies {
		for _, rate := range []int{5, 20, 40} {
			speeds = append(speeds, speed{latency, rate})
		}
	}
	both := []string{sqlite, postgres}
	return profile{
		name: "full", limit: 30 * time.Minute, stores: both,
		speeds: map[string][]speed{sqlite: speeds, postgres: speeds},
		lonely: map[string][]time.Duration{sqlite: latencies, postgres: latencies}, tries: 15, stretch: 10 * time.Second,
		bursts: []int{1000}, burstAt: map[string][]time.Duration{sqlite: latencies, postgres: latencies}, repeat: burstRepeat{50, 20}, settle: settling, pushed: true,
		idle: time.Minute, links: 100_000, linksIn: both,
	}
}

// smoke is the smallest profile that goes through every kind of cell. Its figures mean nothing.
func smoke() profile {
	return profile{
		name: "smoke", limit: 3 * time.Minute, stores: []string{sqlite}, speeds: map[string][]speed{sqlite: {{none, 10}}},
		lonely: map[string][]time.Duration{sqlite: {none}}, tries: 1, stretch: 500 * time.Millisecond,
		bursts: []int{4}, burstAt: map[string][]time.Duration{sqlite: {none}}, repeat: burstRepeat{2, 2}, settle: 500 * time.Millisecond,
		idle: 3 * time.Second, links: 200, linksIn: []string{sqlite},
	}
}
