package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	stopPatience = 10 * time.Second // between asking a child to end and ending it
	lastLines    = 15               // of a child's log, shown when something failed
)

// child is a program that runs beside the demo. What it prints goes to a log file.
type child struct {
	name    string
	logPath string
	command *exec.Cmd
	ended   chan struct{}
	err     error // how it ended; read after ended is closed
}

// startChild starts a program in a process group of its own, so that Ctrl-C reaches the demo alone and the demo ends its
// children in order.
func startChild(name, directory string, env []string, program string, arguments ...string) (*child, error) {
	logPath := filepath.Join(directory, name+".log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer func() { _ = logFile.Close() }()         // the child has its own handle
	command := exec.Command(program, arguments...) //nolint:noctx // ended by stop, after its turn in the order
	command.Dir, command.Env = directory, env
	command.Stdout, command.Stderr = logFile, logFile
	ownGroup(command)
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, logPath: logPath, command: command, ended: make(chan struct{})}
	go func() {
		c.err = command.Wait()
		close(c.ended)
	}()
	return c, nil
}

// running is nil as long as the child lives.
func (c *child) running() error {
	select {
	case <-c.ended:
		return fmt.Errorf("%s ended by itself, although it should still run: %w", c.name, cmp.Or(c.err, errNoFailure))
	default:
		return nil
	}
}

var errNoFailure = errors.New("exit status 0")

// stop asks the child to end, and ends it when it does not.
func (c *child) stop() error {
	select {
	case <-c.ended:
		return nil
	default:
	}
	if err := askToEnd(c.command.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(stopPatience):
	}
	if err := c.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", c.name, err)
	}
	<-c.ended
	return fmt.Errorf("%s did not end within %v and was killed", c.name, stopPatience)
}

// tail gives the last lines of the child's log.
func (c *child) tail() []string {
	content, err := os.ReadFile(c.logPath)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return lines[max(0, len(lines)-lastLines):]
}

// call runs a program to its end and returns what it printed. Ending the context interrupts it, so that it can end its own
// children first.
func call(ctx context.Context, directory string, env []string, program string, arguments ...string) ([]byte, error) {
	var out, complaints bytes.Buffer
	command := prepare(ctx, directory, env, program, arguments...)
	command.Stdout, command.Stderr = &out, &complaints
	if err := run(command); err != nil {
		said := strings.TrimSpace(complaints.String() + "\n" + out.String())
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), arguments[0], err, said)
	}
	return out.Bytes(), nil
}

func prepare(ctx context.Context, directory string, env []string, program string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.Env = directory, env
	command.Cancel = func() error { return askToEnd(command.Process) }
	command.WaitDelay = stopPatience
	ownGroup(command)
	return command
}

// run waits for the program. One that had to be cut off may have left children of its own; they end with it.
func run(command *exec.Cmd) error {
	err := command.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = errors.Join(err, endGroup(command.Process))
	}
	return err
}
