package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/backfill"
	"github.com/cosell-sync/terraform-provider-cosell/agent/console"
	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

type backfillCommand struct {
	operateFlags
	reasonFlags
	DryRun      bool          `help:"Look at both sides and say what would be linked, created or is in conflict. Nothing is stored or written."`
	Config      string        `placeholder:"FILE" env:"COSELL_AGENT_CONFIG" help:"The document; --dry-run needs it."`
	Report      string        `placeholder:"FILE" help:"With --dry-run, write every finding into this file, one JSON object a line."`
	Detach      bool          `help:"Do not wait until the agent has looked at everything."`
	CallTimeout time.Duration `default:"20s" env:"COSELL_AGENT_CALL_TIMEOUT" help:"The longest that one remote call may take."`
}

// Help is shown by backfill --help.
func (backfillCommand) Help() string {
	return `Looks once at all referrals and all opportunities that are shared or wanted to be. What belongs together is told by identifiers
only; an opportunity that merely has a referral's name, and its customer or value, is left to a person.

The agent does the work, behind everything that happens meanwhile, a page at a time and within the day's budget of calls. It goes on
where it was after a restart. Where no agent runs, the next one begins with it.

Examples:
  cosell-agent backfill --dry-run --config agent.json --report findings.jsonl
  cosell-agent backfill --reason "first synchronisation"
  cosell-agent backfill --detach --json`
}

// Run surveys, or lets the agent do the work and waits for it.
func (c backfillCommand) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	if c.DryRun {
		return c.survey(ctx, out)
	}
	return c.with(ctx, language, func(o console.Operations) error {
		s, err := o.Backfill(ctx, c.who())
		if err != nil {
			return err
		}
		if s.Running && !c.Detach {
			if s, err = c.follow(ctx, o); err != nil {
				return err
			}
		}
		return c.print(out, s)
	})
}

// followEvery is how often the progress of a backfill is shown.
const followEvery = 500 * time.Millisecond

// follow shows the progress until the backfill is through.
func (c backfillCommand) follow(ctx context.Context, o console.Operations) (console.Status, error) {
	for {
		s, err := o.Status(ctx)
		if err != nil || s.Backfill == nil || s.Backfill.Ended != "" {
			progress("")
			return s, err
		}
		progress(backfillText(*s.Backfill))
		sleep(ctx, followEvery)
		if ctx.Err() != nil {
			progress("")
			return s, errors.New("stopped waiting; the agent goes on with the backfill, see 'cosell-agent status'")
		}
	}
}

// progress shows one line that replaces the one before, to people only.
func progress(line string) {
	if onTerminal(os.Stderr) {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
	}
}

func backfillText(b admin.Backfill) string {
	state := "at the " + b.Position.Phase
	if b.Position.Phase == "" {
		state = "not begun yet"
	}
	if b.Waits != "" {
		state += ", waits because " + b.Waits
	}
	if b.Ended != "" {
		state = "through since " + b.Ended
	}
	return fmt.Sprintf("%s: %d referrals, %d opportunities; %s", state, b.Position.Referrals, b.Position.Records, foundText(b.Findings))
}

func foundText(findings map[string]int) string {
	var parts []string
	for _, verdict := range slices.Sorted(maps.Keys(findings)) {
		parts = append(parts, fmt.Sprintf("%d %s", findings[verdict], strings.ReplaceAll(verdict, "_", " ")))
	}
	return strings.Join(parts, ", ")
}

// mostShown is how many conflicts and candidates a dry run prints; --report has all.
const mostShown = 50

// surveyed is the result of a dry run.
type surveyed struct {
	DryRun    bool               `json:"dry_run"`
	Referrals int                `json:"referrals"`
	Records   int                `json:"opportunities"`
	Findings  map[string]int     `json:"findings"`
	Person    []backfill.Finding `json:"for_a_person"`
	More      int                `json:"for_a_person_not_shown"`
}

func (c backfillCommand) survey(ctx context.Context, out io.Writer) (err error) {
	if c.Config == "" {
		return errors.New("--dry-run reads both sides itself: give the document with --config")
	}
	d, err := readDocument(c.Config, os.Stdin)
	if err != nil {
		return err
	}
	write, done, err := c.reporting()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	result := surveyed{DryRun: true, Findings: map[string]int{}, Person: []backfill.Finding{}}
	err = app.SurveyBackfill(ctx, d, calling(c.CallTimeout), func(found []backfill.Finding, at backfill.Position) error {
		result.Referrals, result.Records = at.Referrals, at.Records
		progress(fmt.Sprintf("%d referrals, %d opportunities looked at", at.Referrals, at.Records))
		for _, f := range found {
			result.add(f)
			if err := write(f); err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
		}
		return nil
	})
	progress("")
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, result)
	}
	_, err = io.WriteString(out, result.text())
	return err
}

// reporting opens the file of the report; without one nothing is written.
func (c backfillCommand) reporting() (write func(any) error, done func() error, err error) {
	if c.Report == "" {
		return func(any) error { return nil }, func() error { return nil }, nil
	}
	file, err := os.OpenFile(c.Report, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("--report: %w", err)
	}
	buffer := bufio.NewWriter(file)
	return json.NewEncoder(buffer).Encode, func() error { return errors.Join(buffer.Flush(), file.Close()) }, nil
}

func (s *surveyed) add(f backfill.Finding) {
	s.Findings[f.Verdict]++
	switch {
	case f.Verdict != backfill.Conflict && f.Verdict != backfill.Candidates:
	case len(s.Person) < mostShown:
		s.Person = append(s.Person, f)
	default:
		s.More++
	}
}

func (s *surveyed) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d referrals and %d opportunities were looked at; nothing was stored or written\n", s.Referrals, s.Records)
	for _, line := range []struct{ verdict, words string }{
		{backfill.Linked, "are linked already"},
		{backfill.Link, "would be linked"},
		{backfill.CreateOpportunity, "open referrals would get an opportunity"},
		{backfill.CreateReferral, "opportunities would be shared, if nothing is missing"},
		{backfill.Lead, "are leads"},
		{backfill.Candidates, "referrals look like an opportunity: a person has to say"},
		{backfill.Conflict, "are in conflict: a person has to say"},
		{backfill.Skipped, "need nothing"},
	} {
		if n := s.Findings[line.verdict]; n > 0 {
			fmt.Fprintf(&b, "%8d  %s\n", n, line.words)
		}
	}
	for _, f := range s.Person {
		fmt.Fprintf(&b, "\n%s: referral %s, opportunity %s\n  %s\n", f.Verdict, orDash(f.ReferralID), orDash(strings.TrimSpace(f.RecordID+" "+strings.Join(f.Candidates, " "))), f.Why)
	}
	if s.More > 0 {
		fmt.Fprintf(&b, "\nand %d more; --report FILE has all\n", s.More)
	}
	return b.String()
}
