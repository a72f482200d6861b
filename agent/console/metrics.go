package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
)

// Metrics counts what agents do, for Prometheus. It is the [app.Observer] of all of a process's connectors. Labels are names of
// connectors, systems, flows and codes: nothing of a customer's is among them.
type Metrics struct {
	registry     *prometheus.Registry
	acknowledged *prometheus.CounterVec
	runs         *prometheus.CounterVec
	writes       *prometheus.CounterVec
	calls        *prometheus.CounterVec
	lag          *prometheus.HistogramVec
}

var _ app.Observer = (*Metrics)(nil)

// NewMetrics makes the metrics of a process of a version.
func NewMetrics(version string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cosell_" + name, Help: help}, append([]string{"connector"}, labels...))
	}
	m := &Metrics{
		registry:     prometheus.NewRegistry(),
		acknowledged: counter("events_acknowledged_total", "Events that were stored, repeats included, by where they came from.", "source"),
		runs:         counter("runs_total", "Runs over deals by how they ended: done, retry, park, gate, or lost to another worker.", "outcome"),
		writes:       counter("writes_total", "Writes that arrived in a remote system, by kind.", "kind"),
		calls:        counter("remote_calls_total", "Calls to a remote system by HTTP status; 0 where no answer came.", "system", "status"),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cosell_equal_lag_seconds", Help: "Time from the first event of a change to both sides being equal.",
			Buckets: []float64{.1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400},
		}, []string{"connector"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "cosell_build_info", Help: "The agent's version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.acknowledged, m.runs, m.writes, m.calls, m.lag, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Acknowledged implements [app.Observer].
func (m *Metrics) Acknowledged(connector, source string, events int) {
	m.acknowledged.WithLabelValues(connector, source).Add(float64(events))
}

// Ran implements [app.Observer].
func (m *Metrics) Ran(connector, outcome string) { m.runs.WithLabelValues(connector, outcome).Inc() }

// Wrote implements [app.Observer].
func (m *Metrics) Wrote(connector, kind string) { m.writes.WithLabelValues(connector, kind).Inc() }

// Called implements [app.Observer].
func (m *Metrics) Called(connector, system string, status int) {
	m.calls.WithLabelValues(connector, system, strconv.Itoa(status)).Inc()
}

// Equal implements [app.Observer].
func (m *Metrics) Equal(connector string, lag time.Duration) {
	m.lag.WithLabelValues(connector).Observe(lag.Seconds())
}

// Watch adds gauges of connectors, which are read from the operations whenever somebody asks for the metrics.
func (m *Metrics) Watch(connectors map[string]Operations) {
	m.registry.MustRegister(gauges(connectors))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// gauges read the state of connectors.
type gauges map[string]Operations

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cosell_"+name, help, append([]string{"connector"}, labels...), nil)
}

var (
	dealsGauge     = gauge("deals", "Deals by state: due, working, parked, gated, stopped; and linked ones.", "state")
	problemsGauge  = gauge("problem_deals", "Deals that do not get through, by the code of their problem or the flow that they wait for.", "state", "code", "flow")
	intentsGauge   = gauge("open_intents", "Writes whose outcome is not known yet.")
	overdueGauge   = gauge("queue_overdue_seconds", "How long the oldest due deal has waited.")
	connectedGauge = gauge("connected", "1 when both systems were reached and the document can be used.")
	pausedGauge    = gauge("paused", "1 when an operator paused the connector.")
	usedGauge      = gauge("crm_calls_today", "Calls to the CRM today (UTC) by this process.")
	budgetGauge    = gauge("crm_calls_budget", "The day's budget of calls; 0: none.")
	orgUsedGauge   = gauge("crm_org_calls_today", "The organisation's calls today by all its applications, as it reports them.")
	orgLimitGauge  = gauge("crm_org_calls_limit", "The organisation's limit of calls a day, as it reports it; 0: not reported.")
	heldGauge      = gauge("crm_held", "1 while the CRM has asked to be left alone and no calls go out.")
	feedGauge      = gauge("feed_passed_timestamp_seconds", "When a change feed was last read with success.", "feed")
	webhookGauge   = gauge("webhook_timestamp_seconds", "When the last webhook was stored.")
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		dealsGauge, problemsGauge, intentsGauge, overdueGauge, connectedGauge, pausedGauge, usedGauge, budgetGauge, orgUsedGauge, orgLimitGauge, heldGauge, feedGauge, webhookGauge,
	} {
		descriptions <- d
	}
}

// statusTimeout bounds the reading of a store for the metrics.
const statusTimeout = 10 * time.Second

// Collect implements prometheus.Collector.
func (g gauges) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	for name, operations := range g {
		set := func(d *prometheus.Desc, value float64, labels ...string) {
			metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{name}, labels...)...)
		}
		s, err := operations.Status(ctx)
		if err != nil {
			set(connectedGauge, 0)
			continue
		}
		collect(s, set)
	}
}

func collect(s Status, set func(d *prometheus.Desc, value float64, labels ...string)) {
	c := s.Counts
	for state, n := range map[string]int{
		"due": c.Due, "working": c.Working, "parked": c.Parked, "gated": c.Gated, "stopped": c.Stopped, "linked": c.Linked,
	} {
		set(dealsGauge, float64(n), state)
	}
	for _, cause := range s.Problems {
		set(problemsGauge, float64(cause.Deals), cause.State, cause.Code, cause.Flow)
	}
	overdue, err := time.ParseDuration(c.Overdue)
	if err != nil {
		overdue = 0
	}
	set(intentsGauge, float64(c.OpenIntents))
	set(overdueGauge, overdue.Seconds())
	set(connectedGauge, flag(s.Connected))
	set(pausedGauge, flag(s.Paused != nil))
	if s.Calls != nil {
		set(usedGauge, float64(s.Calls.Used))
		set(budgetGauge, float64(s.Calls.Budget))
		set(orgUsedGauge, float64(s.Calls.OrgUsed))
		set(orgLimitGauge, float64(s.Calls.OrgLimit))
		set(heldGauge, flag(s.Calls.HeldUntil != ""))
	}
	for _, feed := range s.Feeds {
		if at, err := time.Parse(time.RFC3339, feed.Passed); err == nil {
			set(feedGauge, float64(at.Unix()), feed.Name)
		}
	}
	if at, err := time.Parse(time.RFC3339, s.LastWebhook); err == nil {
		set(webhookGauge, float64(at.Unix()))
	}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
