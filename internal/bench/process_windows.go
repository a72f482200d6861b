package main

import "os"

// There are no such signals here: bursts of a CRM then begin while they are still being made, and an agent is ended.
func pauseProcess(*os.Process) error  { return nil }
func resumeProcess(*os.Process) error { return nil }
func askToEnd(p *os.Process) error    { return p.Kill() }
