package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The kinds of faults.
const (
	FaultUnavailable    = "unavailable"     // 503 before the request is applied
	FaultThrottled      = "throttled"       // 429 with Retry-After: 1, before; Salesforce renders 403 REQUEST_LIMIT_EXCEEDED
	FaultReset          = "reset"           // the connection is reset before the request is applied
	FaultLostResponse   = "lost_response"   // the request is applied, then the connection is closed without an answer
	FaultExpiredSession = "expired_session" // 401 (Salesforce: INVALID_SESSION_ID) before the request is applied
	FaultRowLock        = "row_lock"        // Salesforce 400 UNABLE_TO_LOCK_ROW, before; elsewhere like unavailable
)

var faultKinds = []string{
	FaultUnavailable, FaultThrottled, FaultReset, FaultLostResponse, FaultExpiredSession, FaultRowLock,
}

// FaultPlan says how often which faults happen. The zero plan injects nothing.
type FaultPlan struct {
	Rate     float64       // share of requests that get a fault, 0 to 1
	Seed     uint64        // the same seed draws the same fault for the n-th request to a path
	Latency  time.Duration // added to every request
	Kinds    []string      // empty: all kinds
	Services []string      // empty: all services
}

type faultPlanJSON struct {
	Rate     float64  `json:"rate"`
	Seed     uint64   `json:"seed"`
	Latency  string   `json:"latency,omitempty"`
	Kinds    []string `json:"kinds,omitempty"`
	Services []string `json:"services,omitempty"`
}

// MarshalJSON writes the latency as a Go duration, for example "50ms".
func (p FaultPlan) MarshalJSON() ([]byte, error) {
	out := faultPlanJSON{Rate: p.Rate, Seed: p.Seed, Kinds: p.Kinds, Services: p.Services}
	if p.Latency != 0 {
		out.Latency = p.Latency.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes and refuses names that a plan does not have: a misspelled plan would inject
// nothing.
func (p *FaultPlan) UnmarshalJSON(data []byte) error {
	var in faultPlanJSON
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return err
	}
	*p = FaultPlan{Rate: in.Rate, Seed: in.Seed, Kinds: in.Kinds, Services: in.Services}
	if in.Latency == "" {
		return nil
	}
	var err error
	p.Latency, err = time.ParseDuration(in.Latency)
	return err
}

func (p FaultPlan) check() error {
	if p.Rate < 0 || p.Rate > 1 {
		return fmt.Errorf("fault rate %v is not between 0 and 1", p.Rate)
	}
	if p.Latency < 0 {
		return fmt.Errorf("fault latency %v is negative", p.Latency)
	}
	for _, kind := range p.Kinds {
		if !slices.Contains(faultKinds, kind) {
			return fmt.Errorf("unknown fault kind %q; use some of: %s", kind, strings.Join(faultKinds, ", "))
		}
	}
	return nil
}

// Fault is what happens to one request: nothing, when Kind is empty and Latency is 0.
type Fault struct {
	Kind    string
	Latency time.Duration
}

// Faults decides, per request, which fault to inject: deterministic from the plan's seed, off by default.
type Faults struct {
	log *Log // set by NewKit; nil keeps no record

	mu   sync.Mutex
	plan FaultPlan
	seen map[string]uint64 // requests per service, method and path since the plan was set
}

// NewFaults returns an injector that injects nothing until a plan is set.
func NewFaults() *Faults { return &Faults{seen: map[string]uint64{}} }

// Set replaces the plan and starts its random streams anew. It refuses an unknown kind, a rate outside 0 to 1 and a
// negative latency.
func (f *Faults) Set(plan FaultPlan) error {
	if err := plan.check(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = plan
	f.seen = map[string]uint64{}
	return nil
}

// Plan returns the present plan.
func (f *Faults) Plan() FaultPlan {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan
}

// Draw picks what happens to this request. Each method and path has a random stream of its own, so that requests to
// different records that race each other do not change one another's faults.
func (f *Faults) Draw(service string, r *http.Request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.plan.Services) > 0 && !slices.Contains(f.plan.Services, service) {
		return Fault{}
	}
	fault := Fault{Latency: f.plan.Latency}
	if f.plan.Rate == 0 {
		return fault
	}
	key := service + " " + r.Method + " " + r.URL.Path
	n := f.seen[key]
	f.seen[key] = n + 1
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s %d", key, n)
	random := rand.New(rand.NewPCG(f.plan.Seed, hash.Sum64()))
	if random.Float64() >= f.plan.Rate {
		return fault
	}
	kinds := f.plan.Kinds
	if len(kinds) == 0 {
		kinds = faultKinds
	}
	fault.Kind = kinds[random.IntN(len(kinds))]
	return fault
}

type faultKey struct{}

// FaultOf names the fault that the request's answer will suffer, for the row that the service logs; empty for none.
func FaultOf(ctx context.Context) string {
	kind, _ := ctx.Value(faultKey{}).(string)
	return kind
}

// Middleware injects faults in front of a service. It adds the latency, and renders reset, unavailable, throttled and
// lost_response itself where render is nil; otherwise render writes the service's own body for every kind that has an
// answer (all but reset and lost_response).
func (f *Faults) Middleware(service string, render func(w http.ResponseWriter, kind string), next http.Handler) http.Handler {
	if render == nil {
		render = renderPlain
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := f.Draw(service, r)
		if !pause(r.Context(), fault.Latency) {
			return
		}
		switch fault.Kind {
		case "":
			next.ServeHTTP(w, r)
		case FaultLostResponse:
			lost := r.WithContext(context.WithValue(r.Context(), faultKey{}, fault.Kind))
			next.ServeHTTP(&discard{header: http.Header{}}, lost)
			hangUp(w, false)
		case FaultReset:
			f.record(service, r, fault.Kind, 0)
			hangUp(w, true)
		default:
			answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
			render(answer, fault.Kind)
			f.record(service, r, fault.Kind, answer.status)
		}
	})
}

func (f *Faults) record(service string, r *http.Request, kind string, status int) {
	if f.log == nil {
		return
	}
	f.log.Append(Operation{
		Service: service, Method: r.Method, Path: r.URL.Path, Action: "fault", Status: status, Fault: kind,
		RequestID: r.Header.Get("client-request-id"),
	})
}

// renderPlain answers without a body, for services whose error bodies nobody reads.
func renderPlain(w http.ResponseWriter, kind string) {
	switch kind {
	case FaultThrottled:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case FaultExpiredSession:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// pause waits, and says false when the caller has gone meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// hangUp closes the connection without an answer, with a TCP reset if asked and possible. Where the connection cannot be
// taken over, the server's own way of aborting is used.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // without it the peer would see an orderly end
	}
	_ = conn.Close()
}

// discard is a response writer whose answer reaches nobody.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
