package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	progressEvery = 200 * time.Millisecond // on a terminal
	silence       = 5 * time.Second        // after which a log is told what is being waited for
)

// timeline prints what happens: for people as text, for machines as one JSON object a line.
type timeline struct {
	out      io.Writer
	machines bool
	terminal bool
	begun    time.Time
	waiting  int // length of the progress line that stands on the terminal
	spoke    time.Time
	compared int
	chapters int
	crm      string // for people
}

// entry is one line for machines.
type entry struct {
	At      float64  `json:"at_seconds"`
	Kind    string   `json:"kind"` // chapter, done, act, arrived, field, said, failed, passed
	Who     string   `json:"who,omitempty"`
	What    string   `json:"what,omitempty"`
	Seconds *float64 `json:"seconds,omitempty"` // how long it took
	Field   string   `json:"field,omitempty"`
	Got     *string  `json:"got,omitempty"`
	Want    *string  `json:"want,omitempty"`
	OK      *bool    `json:"ok,omitempty"`
	Lines   []string `json:"lines,omitempty"`
}

func newTimeline(out *os.File, machines bool, crm string) *timeline {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	now := time.Now()
	return &timeline{out: out, machines: machines, terminal: terminal && !machines, begun: now, spoke: now, crm: nameOf(crm)}
}

// nameOf gives a CRM's name for people.
func nameOf(crm string) string {
	if crm == crmDynamics {
		return inDynamics
	}
	return inSalesforce
}

// Title says what the demo is about.
func (t *timeline) Title(subject, directory string) {
	t.say(entry{Kind: "title", What: directory},
		subject+"\n"+
			"Everything runs on this machine: a sandbox plays Microsoft Entra, Partner Center and "+t.crm+".\n"+
			"Times are seconds since the start. Directory: "+directory+"\n")
}

// Chapter opens a part of the scenario, with the next number.
func (t *timeline) Chapter(title string) {
	t.chapters++
	title = fmt.Sprintf("%d. %s", t.chapters, title)
	t.say(entry{Kind: "chapter", What: title}, "\n"+title+"\n")
}

// Said quotes a program.
func (t *timeline) Said(who, what string) {
	t.say(entry{Kind: "said", Who: who, What: what}, fmt.Sprintf("           ✓ %s: %s\n", who, clip(what)))
}

// Done says that a step of the set-up is finished.
func (t *timeline) Done(what string, took time.Duration) {
	seconds := took.Seconds()
	t.say(entry{Kind: "done", What: what, Seconds: &seconds}, fmt.Sprintf("%s  %s (%s)\n", t.stamp(), what, short(took)))
}

// Act says what a person did.
func (t *timeline) Act(who, what string) {
	t.say(entry{Kind: "act", Who: who, What: what}, fmt.Sprintf("%s  %s %s\n", t.stamp(), who, what))
}

// Arrived says what was found where, how long after the act, and compares it field by field.
func (t *timeline) Arrived(where, what string, after time.Duration, compared []comparison) {
	seconds := after.Seconds()
	t.say(entry{Kind: "arrived", Who: where, What: what, Seconds: &seconds},
		fmt.Sprintf("%s  -> %s, after %s: %s\n", t.stamp(), where, short(after), what))
	for _, c := range compared {
		t.compare(c)
	}
}

func (t *timeline) compare(c comparison) {
	ok := c.holds()
	t.compared++
	mark, wanted := "✓", ""
	if !ok {
		mark, wanted = "✗", "   expected "+c.wanted()
	}
	want := c.wanted()
	t.say(entry{Kind: "field", Field: c.Field, Got: &c.Got, Want: &want, OK: &ok},
		fmt.Sprintf("           %s %-52s %s%s\n", mark, c.Field, clip(c.excerpt()), wanted))
}

// Waiting shows what is being waited for, without filling a log.
func (t *timeline) Waiting(what string, since time.Time) {
	waited := time.Since(since)
	switch {
	case t.machines:
	case t.terminal:
		text := fmt.Sprintf("%s  … %s, %s", t.stamp(), what, short(waited))
		fmt.Fprintf(t.out, "\r%s%s", text, strings.Repeat(" ", max(0, t.waiting-len(text))))
		t.waiting = len(text)
	case time.Since(t.spoke) >= silence:
		fmt.Fprintf(t.out, "%s  … %s, %s\n", t.stamp(), what, short(waited))
		t.spoke = time.Now()
	}
}

// Failed says what went wrong, with the last lines of the logs that may tell why.
func (t *timeline) Failed(err error, lines []string) {
	text := fmt.Sprintf("\n%s  FAILED: %v\n", t.stamp(), err)
	for _, line := range lines {
		text += "    " + line + "\n"
	}
	t.say(entry{Kind: "failed", What: err.Error(), Lines: lines}, text)
}

// Passed is the last word. The directory is named when it was kept.
func (t *timeline) Passed(kept string) {
	rest := "Nothing is left behind."
	if kept != "" {
		rest = "Logs, documents and state are in " + kept + "."
	}
	t.say(entry{Kind: "passed", What: fmt.Sprintf("%d fields compared", t.compared)},
		fmt.Sprintf("\nAll held: %d fields were compared through the public APIs, in %s. %s\n", t.compared, short(time.Since(t.begun)), rest))
}

func (t *timeline) say(e entry, text string) {
	t.spoke = time.Now()
	if t.machines {
		e.At = time.Since(t.begun).Seconds()
		line, err := json.Marshal(e)
		if err == nil {
			fmt.Fprintf(t.out, "%s\n", line)
		}
		return
	}
	if t.waiting > 0 {
		fmt.Fprintf(t.out, "\r%s\r", strings.Repeat(" ", t.waiting))
		t.waiting = 0
	}
	fmt.Fprint(t.out, text)
}

func (t *timeline) stamp() string { return fmt.Sprintf("%7.1f", time.Since(t.begun).Seconds()) }

func short(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// clip keeps a value on its line.
func clip(value string) string {
	const longest = 90
	value = strings.ReplaceAll(value, "\n", " ⏎ ")
	if runes := []rune(value); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	if value == "" {
		return "(empty)"
	}
	return value
}
