package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Paths of the admin API. What concerns a connector lies below apiPath + its name.
const (
	apiPath     = admin.Path
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

// RequestHeader must stand in every request that changes something.
const RequestHeader = admin.RequestHeader

// Server answers on the admin address.
type Server struct {
	// Connectors are the operations by connector.
	Connectors map[string]Operations
	// Token must come with every request but probes. It is empty only where the address admits nobody else: a socket in the file
	// system, whose permissions decide.
	Token secret.Secret
	// Metrics are served at /metrics; nil: none are.
	Metrics http.Handler
	// Now is the time that the pages show; Log is told who did what.
	Now func() time.Time
	Log hclog.Logger
}

// Handler gives the admin API, the status page, the probes and the metrics.
func (s *Server) Handler() http.Handler {
	guarded := http.NewServeMux()
	guarded.HandleFunc("GET "+apiPath, s.list)
	guarded.HandleFunc("GET "+apiPath+"/{connector}", s.of(func(r *http.Request, o Operations) (any, error) { return o.Status(r.Context()) }))
	guarded.HandleFunc("GET "+apiPath+"/{connector}/deals", s.of(deals))
	guarded.HandleFunc("GET "+apiPath+"/{connector}/deals/{id}", s.of(func(r *http.Request, o Operations) (any, error) { return o.Deal(r.Context(), r.PathValue("id")) }))
	guarded.HandleFunc("POST "+apiPath+"/{connector}/deals/{id}/{act}", s.change(func(ctx context.Context, r *http.Request, o Operations, a admin.Request) (any, error) {
		return o.Act(ctx, r.PathValue("id"), Act(r.PathValue("act")), a.Who)
	}))
	guarded.HandleFunc("POST "+apiPath+"/{connector}/"+admin.ActReplay, s.change(func(ctx context.Context, _ *http.Request, o Operations, a admin.Request) (any, error) {
		return o.Replay(ctx, a.Codes, a.DryRun, a.Who)
	}))
	for name, act := range map[string]func(Operations) func(context.Context, Who) (Status, error){
		admin.ActPause:    func(o Operations) func(context.Context, Who) (Status, error) { return o.Pause },
		admin.ActResume:   func(o Operations) func(context.Context, Who) (Status, error) { return o.Resume },
		admin.ActReload:   func(o Operations) func(context.Context, Who) (Status, error) { return o.Reload },
		admin.ActBackfill: func(o Operations) func(context.Context, Who) (Status, error) { return o.Backfill },
	} {
		guarded.HandleFunc("POST "+apiPath+"/{connector}/"+name, s.change(func(ctx context.Context, _ *http.Request, o Operations, a admin.Request) (any, error) {
			return act(o)(ctx, a.Who)
		}))
	}
	if s.Metrics != nil {
		guarded.Handle("GET "+metricsPath, s.Metrics)
	}
	s.addPages(guarded)

	mux := http.NewServeMux()
	s.AddProbes(mux)
	mux.Handle("/", s.guard(http.NewCrossOriginProtection().Handler(guarded)))
	return mux
}

// AddProbes adds the probes, which tell nothing but whether the process lives, and whether it works.
func (s *Server) AddProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET "+readyPath, s.ready)
}

// ready answers 204 when every connector reached both systems and its store answers.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	for _, o := range s.Connectors {
		if status, err := o.Status(r.Context()); err != nil || !status.Connected {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// guard admits those who know the token. A browser sends it as the password of a user of any name.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		if !s.admits(r) {
			s.Log.Warn("refused a request without the admin token", "method", r.Method, "path", r.URL.Path, "from", r.RemoteAddr)
			w.Header().Set("WWW-Authenticate", `Basic realm="cosell-agent, any user, the admin token as password", charset="UTF-8"`)
			fail(w, http.StatusUnauthorized, "the admin token is missing or wrong")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) admits(r *http.Request) bool {
	if s.Token.IsZero() {
		return true
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return false // a browser adds its password to requests that a foreign page makes
		}
		_, given, _ = r.BasicAuth()
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.Token.Expose())) == 1
}

// protect sets the headers that keep a browser from doing anything but showing the page.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"connectors": s.names()})
}

func (s *Server) names() []string {
	names := []string{}
	for name := range s.Connectors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// of answers with what an operation gives.
func (s *Server) of(operation func(*http.Request, Operations) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o, known := s.Connectors[r.PathValue("connector")]
		if !known {
			fail(w, http.StatusNotFound, "this agent runs no connector of that name")
			return
		}
		result, err := operation(r, o)
		if err != nil {
			s.refuse(w, err)
			return
		}
		answer(w, result)
	}
}

func deals(r *http.Request, o Operations) (any, error) {
	q := r.URL.Query()
	query := Query{State: q.Get("state"), Code: strings.ToUpper(q.Get("code")), Problems: q.Get("problems") == "true", After: q.Get("after")}
	if limit := q.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("limit %q is no number of deals: %w", limit, errState)
		}
		query.Limit = n
	}
	return o.Deals(r.Context(), query)
}

const longestBody = 64 << 10

// change carries out an operation that changes something, and logs who asked for it.
func (s *Server) change(operation func(context.Context, *http.Request, Operations, admin.Request) (any, error)) http.HandlerFunc {
	return s.of(func(r *http.Request, o Operations) (any, error) {
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" || r.Header.Get(RequestHeader) == "" {
			return nil, errForm
		}
		var a admin.Request
		decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, longestBody))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&a); err != nil {
			return nil, fmt.Errorf("%w: %w", errForm, err)
		}
		if a.By = strings.TrimSpace(a.By); a.By == "" {
			return nil, fmt.Errorf("%w: by must name who does it", errForm)
		}
		s.Log.Info("an operator acts", "request", r.Method+" "+r.URL.Path, "by", a.By, "reason", a.Reason, "dry_run", a.DryRun)
		return operation(r.Context(), r, o, a)
	})
}

// errForm says that a request that is to change something has not the form that no foreign page can send.
var errForm = errors.New("a change needs a body of type application/json with by and reason, and the header " + RequestHeader)

func (s *Server) refuse(w http.ResponseWriter, err error) {
	var p *problem.Problem
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, store.ErrNoDeal):
		status = http.StatusNotFound
	case errors.Is(err, errForm):
		status = http.StatusBadRequest
	case errors.Is(err, errState), errors.Is(err, ErrNotRunning):
		status = http.StatusConflict
	case errors.As(err, &p) && p.Class == problem.NeedsPerson:
		status = http.StatusUnprocessableEntity
	default:
		s.Log.Error("an admin request failed", "error", err)
	}
	fail(w, status, err.Error())
}

func answer(w http.ResponseWriter, result any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(true)
	_ = encoder.Encode(result) // the client is gone
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message}) // the client is gone
}
