package main

import "time"

// usage is what a process has used so far. All zero where the system does not tell.
type usage struct {
	processor      time.Duration // of all its threads
	resident, peak int64         // bytes
}
