package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

type mappingCommand struct {
	Test mappingTest `cmd:"" help:"Show, field by field, what a record or referral would become on the other side. Nothing is written."`
}

type mappingTest struct {
	Config      string        `required:"" placeholder:"FILE" env:"COSELL_AGENT_CONFIG" help:"The document: a file, or - for standard input."`
	Record      string        `required:"" xor:"what" placeholder:"ID" help:"An opportunity of the CRM: what would Partner Center get?"`
	Referral    string        `required:"" xor:"what" placeholder:"ID" help:"A referral of Partner Center: what would the CRM get?"`
	JSON        bool          `help:"Print JSON, with whole values."`
	CallTimeout time.Duration `default:"20s" env:"COSELL_AGENT_CALL_TIMEOUT" help:"The longest that one remote call may take."`
}

// Help is shown by mapping test --help.
func (mappingTest) Help() string {
	return `Reads the one record or referral from the live systems, with the document's credentials, and writes nothing to either. A row
without anything under TO writes nothing on this way.

Examples:
  cosell-agent mapping test --config agent.json --record 0065g00000XyZAAA
  cosell-agent mapping test --config agent.json --referral 7f9c3a1e-52d1-4a7e-9f62-6d0f2f1d0c11 --json
  terraform output -raw agent_config | cosell-agent mapping test --config - --record 0065g00000XyZAAA

Exit status: 0 every row gives a result, 1 a row fails or the record cannot be read, 3 the document or the environment
it names cannot be used. "cosell-agent problems CODE" explains a code.`
}

// Run reads, maps and prints.
func (c mappingTest) Run(ctx context.Context, out io.Writer, language problem.Language) error {
	d, err := readDocument(c.Config, os.Stdin)
	if err != nil {
		return err
	}
	machine := calling(c.CallTimeout)
	var s app.Sketch
	if c.Record != "" {
		s, err = app.SketchRecord(ctx, d, machine, c.Record)
	} else {
		s, err = app.SketchReferral(ctx, d, machine, c.Referral)
	}
	if err != nil {
		return err
	}
	for _, p := range s.Problems {
		p.Entry, _ = language.Entry(p.Code)
	}
	if c.JSON {
		err = printJSON(out, sketchJSON(s))
	} else {
		err = printSketch(out, s)
	}
	if err == nil && s.Failed > 0 {
		err = fmt.Errorf("%d of %d rows cannot turn the value of %s", s.Failed, len(s.Lines), s.Object)
	}
	return err
}

func sketchJSON(s app.Sketch) map[string]any {
	rows, problems := []map[string]any{}, []map[string]any{}
	for _, line := range s.Lines {
		row := map[string]any{"field": line.Field, "from": line.From, "value": line.Source, "to": line.To, "result": line.Result, "by": line.By, "on": line.On}
		if line.Err != nil {
			row["error"] = line.Err.Error()
		}
		rows = append(rows, row)
	}
	for _, p := range s.Problems {
		problems = append(problems, map[string]any{"code": p.Code, "object": p.Object, "cause": p.Cause, "detail": p.Detail, "fix": p.Fix})
	}
	return map[string]any{"object": s.Object, "rows": rows, "problems": problems}
}

func printSketch(out io.Writer, s app.Sketch) error {
	var table strings.Builder
	fmt.Fprintf(&table, "%s\n\n", s.Object)
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "FIELD\tFROM\tVALUE\tTO\tRESULT\tON\tBY")
	for _, line := range s.Lines {
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", line.Field, orDash(line.From), shown(line.Source), orDash(line.To), outcome(line),
			strings.Join(line.On, ","), line.By)
	}
	if err := columns.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if len(s.Problems) > 0 {
		table.WriteString("\nProblems:\n")
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&table, "  %s: %s\n", p.Code, p.Cause)
		if p.Detail != "" {
			fmt.Fprintf(&table, "    %s\n", p.Detail)
		}
		fmt.Fprintf(&table, "    %s\n", p.Fix)
	}
	_, err := io.WriteString(out, table.String())
	return err
}

// outcome is what a row gives, or the code of what went wrong.
func outcome(line mapping.Line) string {
	switch {
	case line.Err != nil:
		return "! " + string(problem.MappingFailed)
	case line.To == "":
		return "-"
	default:
		return shown(line.Result)
	}
}

// widestValue is how many characters of a value the table shows.
const widestValue = 40

// shown gives a value on one line, as JSON, so that text and numbers can be told apart.
func shown(value any) string {
	if value == nil {
		return "(empty)"
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprintf("%v", value)
	}
	text := []rune(strings.TrimSpace(encoded.String()))
	if len(text) > widestValue {
		return string(text[:widestValue-1]) + "…"
	}
	return string(text)
}
