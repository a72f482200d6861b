package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

const (
	// MaxBody is the largest body taken, in bytes. Real events have a few hundred.
	MaxBody = 64 << 10
	// HealthPath answers 200 to GET on the same listener.
	HealthPath = "/healthz"

	commitTimeout = 5 * time.Second
)

// Options say what a [Handler] is made of. Path, Verifier, Inbox and Clock are required.
type Options struct {
	// Path is the exact path of the registered callback, as it is on the wire, without query. Its last segment should be
	// random: it is compared in constant time.
	Path     string
	Verifier *Verifier
	Inbox    Inbox
	// ResourceHosts are hosts or host:port entries on which events may name referrals, beside the package's ResourceHosts.
	ResourceHosts []string
	// TrustedProxies may say in X-Forwarded-For whom they speak for; it serves the limit per address only.
	TrustedProxies []netip.Prefix
	Limits         Limits
	Clock          func() time.Time
	Log            hclog.Logger // nil logs nothing
}

// Handler is the webhook endpoint. It answers 200 only after the inbox has taken the event, or when the event needs nothing.
type Handler struct {
	path      []byte
	verifier  *Verifier
	inbox     Inbox
	hosts     []string
	admission *admission
	clock     func() time.Time
	counts    counters
	refusals  *sampled
	failures  *sampled
	log       hclog.Logger
}

// NewHandler makes the endpoint. It fails when a required option is missing or the path is not one.
func NewHandler(o Options) (*Handler, error) {
	if o.Verifier == nil || o.Inbox == nil || o.Clock == nil {
		return nil, errors.New("webhook receiver: verifier, inbox and clock are required")
	}
	if !strings.HasPrefix(o.Path, "/") || strings.ContainsAny(o.Path, "?# ") || o.Path == HealthPath {
		return nil, fmt.Errorf("webhook receiver: %q is not a path for it: it starts with a slash, has no query, and is not %s", o.Path, HealthPath)
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	return &Handler{
		path:      []byte(o.Path),
		verifier:  o.Verifier,
		inbox:     o.Inbox,
		hosts:     slices.Concat(ResourceHosts, o.ResourceHosts),
		admission: newAdmission(o.Limits, o.TrustedProxies, o.Clock),
		clock:     o.Clock,
		counts:    newCounters(),
		refusals:  newSampled(o.Log),
		failures:  newSampled(o.Log),
		log:       o.Log,
	}, nil
}

// Counts gives how many requests ended in each way since the start.
func (h *Handler) Counts() map[Reason]int64 { return h.counts.snapshot() }

// ServeHTTP receives one webhook.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == HealthPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		w.WriteHeader(http.StatusOK)
		return
	}
	reason := h.receive(w, r)
	h.counts.add(reason)
	h.note(reason)
	answer(w, reason)
}

// receive runs the checks in the order that the package comment gives.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) Reason {
	if subtle.ConstantTimeCompare([]byte(r.RequestURI), h.path) != 1 {
		return PathUnknown
	}
	if r.Method != http.MethodPost {
		return MethodRefused
	}
	release, ok := h.admission.admit(r)
	if !ok {
		return Overloaded
	}
	defer release()
	if reason := mediaType(r.Header); reason != "" {
		return reason
	}
	p, err := h.verifier.inspect(r.Header)
	if err != nil {
		return reasonOf(err)
	}
	body, err := readBody(w, r, MaxBody)
	if err != nil {
		return reasonOf(err)
	}
	if err := h.verifier.verify(r.Context(), p, body); err != nil {
		return reasonOf(err)
	}
	e, err := parseEvent(body)
	if err != nil {
		return reasonOf(err)
	}
	referral, reason := e.judge(h.clock(), h.hosts)
	if reason != Accepted {
		return reason
	}
	return h.commit(r.Context(), referral, e.name, body)
}

// commit stores the event. Its id is the hash of what was signed, so a repeated delivery is the same event.
func (h *Handler) commit(ctx context.Context, referral, name string, body []byte) Reason {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	id := sha256.Sum256(body)
	err := h.inbox.Enqueue(ctx, []store.Event{{
		ID:     hex.EncodeToString(id[:]),
		Source: Source,
		Key:    store.ReferralKey(referral),
		Name:   name,
		Body:   body,
		At:     h.clock(),
	}}, nil)
	if err != nil {
		h.failures.log(h.clock(), func(log hclog.Logger, skipped int) {
			log.Error("webhook not stored; the sender is asked to try again", "cause", err, "not_logged", skipped)
		})
		return CommitFailed
	}
	return Accepted
}

// note logs how a request ended.
func (h *Handler) note(reason Reason) {
	if reason == TestEvent {
		h.log.Info("webhook validation event received")
		return
	}
	note(h.log, h.refusals, h.clock(), reason)
}

// note logs a refusal, at most one a second. It says why and nothing that the sender wrote.
func note(log hclog.Logger, refusals *sampled, now time.Time, reason Reason) {
	switch {
	case reason.Status() == http.StatusOK:
		log.Debug("webhook handled", "outcome", string(reason))
	case reason != CommitFailed:
		refusals.log(now, func(log hclog.Logger, skipped int) {
			log.Warn("webhook refused", "reason", string(reason), "status", reason.Status(), "not_logged", skipped)
		})
	}
}

// answer writes the status and its standard text: nothing tells two refusals of one status apart.
func answer(w http.ResponseWriter, reason Reason) {
	status := reason.Status()
	if status == http.StatusOK {
		w.WriteHeader(status)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Connection", "close") // and no unread body is read only to keep the connection
	switch status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", reason.retryAfter())
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n") // the sender may have gone; there is nobody to tell
}

// mediaType admits JSON in UTF-8, not compressed. "" means fine.
func mediaType(h http.Header) Reason {
	value, ok := single(h, "Content-Type")
	if !ok {
		return HeaderMalformed
	}
	media, parameters, err := mime.ParseMediaType(value)
	if err != nil || media != "application/json" {
		return MediaTypeRefused
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return MediaTypeRefused
	}
	for _, encoding := range h.Values("Content-Encoding") {
		if !strings.EqualFold(encoding, "identity") {
			return EncodingRefused
		}
	}
	return ""
}

// readBody reads the whole body or fails with BodyTooLarge, BodyEmpty or BodyUnreadable.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, BodyTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, BodyTooLarge
	case err != nil:
		return nil, BodyUnreadable
	case len(body) == 0:
		return nil, BodyEmpty
	}
	return body, nil
}

// sampled logs at most one line a second and counts the others.
type sampled struct {
	logger  hclog.Logger
	mu      sync.Mutex
	limit   *rate.Limiter
	skipped int
}

func newSampled(logger hclog.Logger) *sampled {
	return &sampled{logger: logger, limit: rate.NewLimiter(1, 1)}
}

func (s *sampled) log(now time.Time, write func(log hclog.Logger, skipped int)) {
	s.mu.Lock()
	skipped := s.skipped
	allowed := s.limit.AllowN(now, 1)
	if allowed {
		s.skipped = 0
	} else {
		s.skipped++
	}
	s.mu.Unlock()
	if allowed {
		write(s.logger, skipped)
	}
}
