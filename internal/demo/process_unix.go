//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

func ownGroup(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func askToEnd(process *os.Process) error { return process.Signal(os.Interrupt) }

// endGroup kills what is left of the group that the process led.
func endGroup(process *os.Process) error {
	if err := syscall.Kill(-process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
