package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// The ways in which the CRM's changes come.
const (
	pushing = "push"
	polling = "poll"
)

// agent is a running cosell-agent.
type agent struct {
	command *exec.Cmd
	log     string
	ended   chan struct{}
	err     error // how it ended; read after ended is closed
}

const (
	startPatience = 30 * time.Second
	stopPatience  = 30 * time.Second
)

// pushed and polled give the document for either way.
func (w *world) pushed() document.Document {
	d := w.document
	org := *d.CRM.Salesforce
	org.Push = &document.SalesforcePush{Topic: "/data/ChangeEvents", Endpoint: org.LoginURL, Poll: "1m"}
	d.CRM.Salesforce = &org
	return d
}

func (w *world) polled(every time.Duration) document.Document {
	d := w.document
	d.Schedule.Poll = every.String()
	return d
}

// start runs an agent with its default flags but for three, which decide how long an agent with an empty store creates nothing, so
// that what an earlier life began would show first: a call's time limit and the lag of lists. It waits until it has connected and read its feeds once.
func (w *world) start(ctx context.Context, d document.Document, dsn string) (*agent, error) {
	content, err := document.Encode(d)
	if err != nil {
		return nil, err
	}
	w.agents++
	base := filepath.Join(w.dir, fmt.Sprintf("agent-%d", w.agents))
	if err := os.WriteFile(base+".json", content, 0o600); err != nil {
		return nil, err
	}
	logFile, err := os.OpenFile(base+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = logFile.Close() }() // the agent has its own handle
	program, err := filepath.Abs(filepath.Join(w.bin, "cosell-agent"))
	if err != nil {
		return nil, err
	}
	mark := w.mark()
	a := &agent{log: base + ".log", ended: make(chan struct{})}
	arguments := []string{
		"run", "--config", base + ".json", "--store", dsn, "--listen", w.address, "--call-timeout", "5s", "--lease", "20s", "--list-lag", "500ms",
	}
	a.command = exec.Command(program, arguments...) //nolint:noctx // stop ends it, in an orderly way
	a.command.Env, a.command.Stdout, a.command.Stderr = w.env, logFile, logFile
	if err := a.command.Start(); err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	go func() {
		a.err = a.command.Wait()
		close(a.ended)
	}()
	if err := w.ready(ctx, a, mark, d.CRM.Salesforce.Push != nil); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

// ready waits for the first poll, the first sweep and, where there is one, the subscription.
func (w *world) ready(ctx context.Context, a *agent, mark int64, subscribes bool) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		polled, swept := false, false
		for _, o := range w.log().Since(mark) {
			polled = polled || byAgent(o) && isPoll(o)
			swept = swept || byAgent(o) && o.Service == centerService && o.Object == "referral" && o.ID == ""
		}
		listens, subscriptions := w.listens(ctx), w.sandbox.Salesforce().Subscriptions()
		if polled && swept && listens && (!subscribes || subscriptions == 1) {
			return nil
		}
		select {
		case <-a.ended:
			return fmt.Errorf("the agent ended by itself: %w\n%s", errors.Join(a.err, errEnded), a.tail())
		case <-ctx.Done():
			return fmt.Errorf("the agent is not ready (polled %v, swept %v, listens %v, %d subscriptions): %w\n%s",
				polled, swept, listens, subscriptions, ctx.Err(), a.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var errEnded = errors.New("it should still run")

func (w *world) listens(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address+"/healthz", nil)
	if err != nil {
		return false
	}
	response, err := w.courier.client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil // whatever it says of itself, it answers
}

// stop asks the agent to end, and ends it when it does not.
func (a *agent) stop() error {
	select {
	case <-a.ended:
		return nil
	default:
	}
	if err := askToEnd(a.command.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-a.ended:
		return nil
	case <-time.After(stopPatience):
	}
	err := a.command.Process.Kill()
	<-a.ended
	return errors.Join(err, fmt.Errorf("the agent did not end within %v and was killed", stopPatience))
}

// tail gives the last lines of the agent's log.
func (a *agent) tail() string {
	content, err := os.ReadFile(a.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// span measures what a stretch of work costs: the agent's processor time and memory, and this process's, in which the sandbox is.
type span struct {
	a             *agent
	begun         time.Time
	agent, others usage
	known         bool
}

func (a *agent) measure() span {
	s := span{a: a, begun: time.Now()}
	var err, own error
	forgotten := forgetPeak(a.command.Process.Pid)
	s.agent, err = usageOf(a.command.Process.Pid)
	s.others, own = usageOf(os.Getpid())
	s.known = errors.Join(err, own, forgotten) == nil
	return s
}

// spent is what a span cost.
type spent struct {
	wall, processor, sandbox time.Duration
	peak                     int64
	known                    bool
}

func (s span) end() spent {
	now, err := usageOf(s.a.command.Process.Pid)
	others, own := usageOf(os.Getpid())
	return spent{
		wall: time.Since(s.begun), processor: now.processor - s.agent.processor, sandbox: others.processor - s.others.processor,
		peak: now.peak, known: s.known && errors.Join(err, own) == nil,
	}
}

// bound says what processors did, as far as that explains the wall time.
func (s spent) bound() string {
	if !s.known || s.wall <= 0 {
		return ""
	}
	share := func(d time.Duration) float64 { return float64(d) / float64(s.wall) }
	return fmt.Sprintf("cores in use: agent %.1f, sandbox %.1f", share(s.processor), share(s.sandbox))
}
