package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run found out.
type report struct {
	Profile string    `json:"profile"`
	Began   time.Time `json:"began"`
	Took    string    `json:"took"`
	Machine machine   `json:"machine"`
	Rows    []row     `json:"rows"`
	Missing []string  `json:"missing,omitempty"` // cells for which the time did not suffice
}

// machine is what the figures depend on beside the program.
type machine struct {
	System      string `json:"system"`
	Processors  int    `json:"processors"`
	LoadBefore  string `json:"load_before"` // averages over 1, 5 and 15 minutes
	LoadAfter   string `json:"load_after"`
	FsyncMicros int64  `json:"fsync_p50_us"` // a written and synced page where the stores are
}

// row is one cell: what was measured, under which conditions, and the figures.
type row struct {
	Section string   `json:"section"`
	Store   string   `json:"store,omitempty"`
	Latency *int64   `json:"latency_ms,omitempty"`
	What    string   `json:"what"`
	Figures []figure `json:"figures,omitempty"`
	Bound   string   `json:"bound,omitempty"` // what bounds it, where that is known
	Note    string   `json:"note,omitempty"`  // why it could not be measured
}

// figure is a value. At most and at least are its target; nil where there is none.
type figure struct {
	Name    string   `json:"name"`
	Value   float64  `json:"value"`
	Unit    string   `json:"unit,omitempty"`
	AtMost  *float64 `json:"at_most,omitempty"`
	AtLeast *float64 `json:"at_least,omitempty"`
	Met     *bool    `json:"met,omitempty"`
}

func (f figure) atMost(target float64) figure {
	met := f.Value <= target
	f.AtMost, f.Met = &target, &met
	return f
}

func (f figure) atLeast(target float64) figure {
	met := f.Value >= target
	f.AtLeast, f.Met = &target, &met
	return f
}

// inMillis is a duration as a figure.
func inMillis(name string, d time.Duration) figure {
	return figure{Name: name, Value: float64(d.Microseconds()) / 1000, Unit: "ms"}
}

func inMegabytes(name string, bytes int64) figure {
	return figure{Name: name, Value: float64(bytes) / (1 << 20), Unit: "MB"}
}

func count(name string, n int) figure { return figure{Name: name, Value: float64(n)} }

// String is the value with its unit, and beside it the target and whether it was met.
func (f figure) String() string {
	decimals := 2
	switch size := max(f.Value, -f.Value); {
	case f.Value == float64(int64(f.Value)), size >= 100:
		decimals = 0
	case size >= 10:
		decimals = 1
	}
	text := strconv.FormatFloat(f.Value, 'f', decimals, 64)
	if f.Unit != "" {
		text += " " + f.Unit
	}
	if f.Met == nil {
		return text
	}
	verdict := "missed"
	if *f.Met {
		verdict = "met"
	}
	if f.AtMost != nil {
		return fmt.Sprintf("%s (<= %v %s)", text, *f.AtMost, verdict)
	}
	return fmt.Sprintf("%s (>= %v %s)", text, *f.AtLeast, verdict)
}

func (r *report) failed() int {
	n := 0
	for _, row := range r.Rows {
		if row.Note != "" {
			n++
		}
	}
	return n
}

func (r *report) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// The sections, in the order in which they are printed, with what must be known to read them.
var sections = []struct{ name, explains string }{
	{acknowledgements, "From the first byte of a signed webhook to the agent's answer; the event is on disk by then. Up to 64 are sent at once."},
	{rates, "From the person's act to the write in the other system, linked deals, each edited again after five seconds at the earliest."},
	{lonelies, "The same for one change while nothing else goes on. New deals wait for nothing (sync_delay = 0s)."},
	{bursts, "Calls are remote calls by kind for each deal, without polls and sign-ins. beyond: those that Partner Center's lack of a batch does not\n" +
		"explain, which are all calls to the CRM and Partner Center's lists. Processor time and memory are the agent's alone."},
	{idling, "Remote calls of an agent with nothing to do: counted over a stretch with short intervals, and computed for the default schedule."},
	{memory, "Resident memory of an agent with a store of many links, once it has polled and swept."},
}

// writeTables prints a table for each section. Rows of a section that were measured differently have columns of their own.
func (r *report) writeTables(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "cosell-agent, %s profile, %s, took %s\n", r.Profile, r.Began.Format(time.RFC3339), r.Took)
	fmt.Fprintf(&b, "%s, %d processors shared by agent, sandbox and database; load average before %s, after %s; a synced page takes %d us\n",
		r.Machine.System, r.Machine.Processors, r.Machine.LoadBefore, r.Machine.LoadAfter, r.Machine.FsyncMicros)
	for _, section := range sections {
		rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row row) bool { return row.Section != section.name })
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.ToUpper(section.name), section.explains)
		if err := writeTable(&b, rows); err != nil {
			return err
		}
	}
	if len(r.Missing) > 0 {
		fmt.Fprintf(&b, "\nNOT MEASURED, because the time was up: %s\n", strings.Join(r.Missing, "; "))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeTable(out io.Writer, rows []row) error {
	var columns []string
	for _, row := range rows {
		for _, f := range row.Figures {
			if !slices.Contains(columns, f.Name) {
				columns = append(columns, f.Name)
			}
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "store\tlatency\twhat\t%s\tbound\n", strings.Join(columns, "\t"))
	for _, row := range rows {
		cells := []string{cmp.Or(row.Store, "-"), "-", row.What}
		if row.Latency != nil {
			cells[1] = fmt.Sprintf("%d ms", *row.Latency)
		}
		for _, column := range columns {
			cell := ""
			if i := slices.IndexFunc(row.Figures, func(f figure) bool { return f.Name == column }); i >= 0 {
				cell = row.Figures[i].String()
			}
			cells = append(cells, cell)
		}
		last := row.Bound
		if row.Note != "" {
			last = "NOT MEASURED: " + strings.Join(strings.Fields(row.Note), " ")
		}
		fmt.Fprintf(table, "%s\t%s\n", strings.Join(cells, "\t"), last)
	}
	return table.Flush()
}

// percentile gives the value that p percent of the durations do not exceed, by the nearest rank; 0 when there are none.
func percentile(durations []time.Duration, p int) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}
