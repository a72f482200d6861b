package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/postgrestest"
)

// bench is one run.
type bench struct {
	options
	report report
	dir    string
}

// measure goes through the profile. An error means that there is nothing to report; what fails in one cell is its note.
func measure(ctx context.Context, o options) (_ *report, err error) {
	b := &bench{options: o}
	if b.dir, err = os.MkdirTemp("", "cosell-bench-"); err != nil {
		return nil, err
	}
	if o.keep {
		fmt.Fprintln(o.progress, "bench: everything is kept in", b.dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	}
	began := time.Now()
	b.report = report{Profile: o.profile.name, Began: began.UTC().Truncate(time.Second)}
	b.report.Machine = machine{System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(), LoadBefore: loadAverage()}
	if b.report.Machine.FsyncMicros, err = syncTime(b.dir); err != nil {
		return nil, err
	}
	for _, name := range o.profile.stores {
		if err := b.inStore(ctx, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	b.report.Machine.LoadAfter, b.report.Took = loadAverage(), time.Since(began).Round(time.Second).String()
	return &b.report, nil
}

// syncTime is the median of writing a page and waiting until it is on disk, in microseconds.
func syncTime(dir string) (int64, error) {
	file, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	var took []time.Duration
	for range 50 {
		begun := time.Now()
		if _, err := file.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(begun))
	}
	return percentile(took, 50).Microseconds(), nil
}

// cell measures something, unless the time is up.
func (b *bench) cell(ctx context.Context, r row, do func(r *row) error) {
	name := fmt.Sprintf("%s, %s, %s", r.Section, cmp.Or(r.Store, "any store"), r.What)
	if r.Latency != nil {
		name += fmt.Sprintf(", %d ms", *r.Latency)
	}
	if ctx.Err() != nil {
		b.report.Missing = append(b.report.Missing, name)
		return
	}
	fmt.Fprintln(b.progress, "bench:", name)
	err := do(&r)
	if err != nil && ctx.Err() != nil {
		b.report.Missing = append(b.report.Missing, name)
		return
	}
	if err != nil {
		r.Note = err.Error()
	}
	b.report.Rows = append(b.report.Rows, r)
}

// inStore measures everything that works with one kind of store, in a world of its own.
func (b *bench) inStore(ctx context.Context, name string) (err error) {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if name == postgres && !postgrestest.Available() {
		b.report.Missing = append(b.report.Missing, "everything in PostgreSQL: "+postgrestest.Missing)
		return nil
	}
	dsn, done, err := openStore(name, dir, "agent")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	fmt.Fprintf(b.progress, "bench: %s: provisioning a sandbox\n", name)
	w, err := newWorld(ctx, b.options, dir, name, dsn)
	if ctx.Err() != nil {
		b.report.Missing = append(b.report.Missing, "everything in "+name)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	for _, phase := range []func(context.Context, *world) error{b.withManyLinks, b.whilePushing, b.whilePolling, b.whileIdle} {
		if err := phase(ctx, w); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// openStore gives the address of an empty store, and what ends it. PostgreSQL is a server of its own, with its default durability.
func openStore(kind, dir, name string) (dsn string, done func() error, err error) {
	if kind == sqlite {
		return "sqlite:" + filepath.Join(dir, name+".db"), func() error { return nil }, nil
	}
	server, err := postgrestest.Start()
	if err != nil {
		return "", nil, err
	}
	return server.URL("postgres"), server.Stop, nil
}

// with runs an agent for a while.
func (w *world) with(ctx context.Context, feed string, do func(a *agent) error) error {
	d := w.polled(pollsEvery)
	if feed == pushing {
		d = w.pushed()
	}
	a, err := w.start(ctx, d, w.dsn)
	if err != nil {
		return err
	}
	return errors.Join(do(a), a.stop())
}

// whilePushing measures single changes in both directions with change events, and bursts where the profile asks for them.
func (b *bench) whilePushing(ctx context.Context, w *world) error {
	return w.with(ctx, pushing, func(a *agent) error {
		s, err := b.newScene(ctx, w, a, pushing)
		if err != nil {
			return err
		}
		for _, speed := range b.profile.speeds[w.store] {
			b.atRate(ctx, s, speed, fromCenter)
			b.atRate(ctx, s, speed, fromCRM)
		}
		for _, latency := range b.profile.lonely[w.store] {
			for _, change := range []lonely{{fromCenter, false}, {fromCRM, false}, {fromCenter, true}, {fromCRM, true}} {
				b.alone(ctx, s, latency, change)
			}
		}
		if b.profile.pushed {
			b.inBursts(ctx, s)
		}
		return nil
	})
}

// whilePolling measures what polling changes: the way from the CRM, and bursts.
func (b *bench) whilePolling(ctx context.Context, w *world) error {
	return w.with(ctx, polling, func(a *agent) error {
		s, err := b.newScene(ctx, w, a, polling)
		if err != nil {
			return err
		}
		for _, speed := range b.profile.speeds[w.store] {
			b.atRate(ctx, s, speed, fromCRM)
		}
		for _, latency := range b.profile.lonely[w.store] {
			b.alone(ctx, s, latency, lonely{fromCRM, false})
			b.alone(ctx, s, latency, lonely{fromCRM, true})
		}
		b.inBursts(ctx, s)
		return nil
	})
}

func millis(d time.Duration) *int64 {
	ms := d.Milliseconds()
	return &ms
}
