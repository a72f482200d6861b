package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	arrival = 45 * time.Second       // the longest that a change may take to arrive
	between = 150 * time.Millisecond // two looks at the other side
)

// fact is what a field must hold on the other side.
type fact struct {
	field    string
	want     string
	contains bool // the value contains want, without regard to case
}

func is(field, want string) fact { return fact{field: field, want: want} }

func has(field, want string) fact { return fact{field: field, want: want, contains: true} }

// comparison is a fact beside what was read.
type comparison struct {
	Field, Got string
	fact       fact
}

func (c comparison) holds() bool {
	if c.fact.contains {
		return strings.Contains(strings.ToLower(c.Got), strings.ToLower(c.fact.want))
	}
	return c.Got == c.fact.want
}

// excerpt is the value, or, of a long text, the line that holds what was looked for.
func (c comparison) excerpt() string {
	if !c.fact.contains || !c.holds() {
		return c.Got
	}
	at := strings.Index(strings.ToLower(c.Got), strings.ToLower(c.fact.want))
	at = min(at, len(c.Got))
	from := strings.LastIndexAny(c.Got[:at], ".\n") + 1
	return strings.TrimSpace(c.Got[from:])
}

func (c comparison) wanted() string {
	if c.fact.contains {
		return fmt.Sprintf("a text with %q", c.fact.want)
	}
	return c.fact.want
}

func compare(r record, facts []fact) (compared []comparison, all bool) {
	all = true
	for _, f := range facts {
		c := comparison{Field: f.field, Got: r[f.field], fact: f}
		all = all && c.holds()
		compared = append(compared, c)
	}
	return compared, all
}

// expect looks at the other side until every fact holds, and prints the comparison, with the time since the last act. A
// record that is nil is not there yet.
func (d *demo) expect(ctx context.Context, where, what string, read func(context.Context) (record, error), facts ...fact) (record, error) {
	begun := d.acted
	for {
		found, err := read(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", where, err)
		}
		compared, all := compare(found, facts)
		after := time.Since(begun)
		if found != nil && all {
			d.line.Arrived(where, what, after, compared)
			return found, nil
		}
		if after > arrival {
			if found == nil {
				return nil, fmt.Errorf("%s: nothing arrived within %s (%s)", where, short(after), what)
			}
			d.line.Arrived(where, what+" — not as expected", after, compared)
			return nil, fmt.Errorf("%s: not every field is as expected within %s (%s)", where, short(after), what)
		}
		d.line.Waiting("waiting for "+where, begun)
		if err := d.pause(ctx); err != nil {
			return nil, err
		}
	}
}

// pause waits until the next look. A child that has ended meanwhile is an error.
func (d *demo) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(between):
	}
	for _, c := range d.children {
		if err := c.running(); err != nil {
			return err
		}
	}
	return nil
}

// only reads a list and takes its one element; several are an error, because a duplicate must never be taken for a success.
func only(list func(context.Context) ([]record, error)) func(context.Context) (record, error) {
	return func(ctx context.Context) (record, error) {
		found, err := list(ctx)
		switch {
		case err != nil || len(found) == 0:
			return nil, err
		case len(found) > 1:
			return nil, fmt.Errorf("there are %d of them, where there must be one", len(found))
		}
		return found[0], nil
	}
}
