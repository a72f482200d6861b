package dataverse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// What drain means where it says nothing.
const (
	defaultQuiet        = 2 * time.Minute
	defaultDrainTimeout = 30 * time.Minute
)

// drainPause is the longest pause between two looks at the runs.
const drainPause = 5 * time.Second

// runsLookBack is how far back runs are asked for that have ended: enough for clocks that differ.
const runsLookBack = time.Hour

// drain is how long runs are waited for.
type drain struct{ quiet, timeout time.Duration }

func drainAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Wait, when the flow is turned off, until its runs have ended. An empty block takes the defaults. An apply that gives up is an error, and the next one waits again.",
		Attributes: map[string]schema.Attribute{
			"quiet": optional("How long no run may be seen under way or newly ended, as a Go duration; longer than a run usually takes, because Dataverse may list a run only when it " +
				"has ended. Default `2m`. It counts once for each step of flows that call each other: three times for Microsoft's."),
			"timeout": optional("How long to wait altogether, as a Go duration. Default `30m`."),
		},
	}
}

// drainKeys are the attributes of drain.
var drainKeys = []string{"quiet", "timeout"}

// checkDrain refuses what is no duration.
func checkDrain(_ context.Context, config flowModel, diagnostics *diag.Diagnostics) {
	for _, name := range drainKeys {
		text, given := config.drainPart(name)
		if value, err := time.ParseDuration(text); given && (err != nil || value < 0) {
			diagnostics.AddAttributeError(path.Root("drain").AtName(name), "Duration is malformed", fmt.Sprintf("%q is not a duration such as 90s or 15m.", text))
		}
	}
}

func (m *flowModel) drainPart(name string) (text string, given bool) {
	value, ok := m.Drain.Attributes()[name].(types.String)
	return value.ValueString(), ok && !value.IsNull() && !value.IsUnknown()
}

// draining gives how long to wait; ok is false where nothing was said.
func (m *flowModel) draining() (wanted drain, ok bool) {
	wanted = drain{defaultQuiet, defaultDrainTimeout}
	for name, into := range map[string]*time.Duration{"quiet": &wanted.quiet, "timeout": &wanted.timeout} {
		if text, given := m.drainPart(name); given {
			if value, err := time.ParseDuration(text); err == nil {
				*into = value
			}
		}
	}
	return wanted, !m.Drain.IsNull()
}

// wantsDrained plans the attribute drained. That a flow is off does not say that its runs have ended: an apply that gave up waiting left
// the flow off, and the next one waits again.
func (m *flowModel) wantsDrained() types.Bool {
	switch {
	case m.Drain.IsUnknown() || m.Enabled.IsUnknown():
		return types.BoolUnknown()
	case m.Drain.IsNull():
		return types.BoolNull()
	}
	return types.BoolValue(!m.Enabled.ValueBool())
}

// drainOff turns a flow off with all that call it, step by step: what calls a flow has come to its end before that flow is turned off,
// because a run that calls a flow which is off fails midway. Other flows drain at the same time: the lock is held to switch only.
func (m *flowModel) drainOff(ctx context.Context, e *environment, wanted drain) error {
	ctx, cancel := context.WithTimeout(ctx, wanted.timeout)
	defer cancel()
	all, err := listFlows(ctx, e)
	if err != nil {
		return err
	}
	flow, err := all.named(m.Name.ValueString())
	if err != nil {
		return err
	}
	for _, step := range stepsTo(flow, all.callers) {
		if err := switchStep(ctx, e, step); err != nil {
			return err
		}
		if err := drained(ctx, e, step, wanted.quiet); err != nil {
			return err
		}
	}
	m.Drained = types.BoolValue(true)
	m.take(all, flow)
	return nil
}

func switchStep(ctx context.Context, e *environment, step []client.CloudFlow) error {
	defer e.remote.Lock(lockFlows)()
	for _, one := range step {
		if !one.On() {
			continue
		}
		if err := switchOne(ctx, e, one, false); err != nil {
			return err
		}
	}
	return nil
}

// drained waits until no run of the flows was under way, or ended, for a while.
func drained(ctx context.Context, e *environment, step []client.CloudFlow, quiet time.Duration) error {
	var ids []string
	names := map[string]string{}
	for _, one := range step {
		ids, names[strings.ToLower(one.ID)] = append(ids, one.ID), one.Name
	}
	known, last := map[string]bool{}, e.remote.Now()
	since, looked := last.Add(-runsLookBack), false
	var running []string
	err := e.remote.Until(ctx, max(min(quiet/4, drainPause), 100*time.Millisecond), func(ctx context.Context) (bool, error) {
		api, err := e.remote.Dataverse(ctx)
		if err != nil {
			return false, err
		}
		var runs []client.FlowRun
		if err := e.remote.Retry(ctx, func(ctx context.Context) (err error) {
			runs, err = api.FlowRuns(ctx, since, ids...)
			return err
		}); err != nil {
			return false, err
		}
		running = nil
		for _, run := range runs {
			underWay := run.Ended.IsZero()
			if underWay {
				running = append(running, fmt.Sprintf("%s, begun %s, of %q", run.ID, run.Started.UTC().Format(time.RFC3339), names[strings.ToLower(run.FlowID)]))
			}
			if underWay || looked && !known[run.ID] {
				last = e.remote.Now()
			}
			known[run.ID] = !underWay
		}
		looked = true
		return e.remote.Now().Sub(last) >= quiet, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && len(running) > 0 {
		return fmt.Errorf("the flow is off, but runs did not end in time: %s. Wait for them, or cancel them in Power Automate under the flow's run history, and apply again",
			strings.Join(running, "; "))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the flow is off, but was not quiet for %s within drain's timeout: give it a longer timeout, and apply again", quiet)
	}
	return err
}
