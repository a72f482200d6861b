//go:build !linux

package main

import "errors"

var errNoProc = errors.New("processor time and memory of another process are read from /proc, which only Linux has")

func usageOf(int) (usage, error) { return usage{}, errNoProc }

func forgetPeak(int) error { return errNoProc }

func loadAverage() string { return "unknown" }
