package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// Outcome says what is known about a request that has no complete answer.
type Outcome int

const (
	// NotSent requests never reached the service: nothing was applied.
	NotSent Outcome = iota + 1
	// Ambiguous requests were sent, wholly or in part, and the answer is unknown: they may have been applied.
	Ambiguous
	// LostRead requests were reads: the answer is missing, but there was nothing to apply.
	LostRead
)

func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Ambiguous:
		return "answer unknown"
	case LostRead:
		return "no answer"
	default:
		return "known"
	}
}

// ErrResponseTooLarge marks an answer whose body exceeds the request's limit.
var ErrResponseTooLarge = errors.New("response is larger than the limit")

// TransportError is a request without a complete answer.
type TransportError struct {
	Operation       string
	Method          string
	URL             string // without user information, query and fragment
	ClientRequestID string
	Status          int // set when the status line arrived but the body did not
	Outcome         Outcome
	Err             error

	retryable bool
}

func (e *TransportError) Error() string {
	return fmt.Sprintf("%s: %s %s (%s): %v", e.Operation, e.Method, e.URL, e.Outcome, e.Err)
}

// Unwrap gives the error underneath.
func (e *TransportError) Unwrap() error { return e.Err }

// Class is Later: the network heals by itself.
func (e *TransportError) Class() problem.Class { return problem.Later }

// IsAmbiguous reports whether err says that a request may have been applied although no usable answer came. It asks
// every error in the chain that has a method Ambiguous() bool.
func IsAmbiguous(err error) bool {
	var unsure interface{ Ambiguous() bool }
	return errors.As(err, &unsure) && unsure.Ambiguous()
}

// Ambiguous reports whether the request may have been applied.
func (e *TransportError) Ambiguous() bool { return e.Outcome == Ambiguous }

// AmbiguousStatus reports whether an answer with this status leaves open whether a write was applied: the service or a
// gateway before it gave up half-way. 429 and 503 are refusals before any work.
func AmbiguousStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// progress records how far the transport came with a request.
type progress struct{ traced, wrote atomic.Bool }

func watchProgress(ctx context.Context) (context.Context, *progress) {
	p := new(progress)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { p.traced.Store(true) },
		WroteHeaders: func() { p.wrote.Store(true) },
	}), p
}

// notSentError wraps a failure that happened before the transport saw the request.
type notSentError struct{ error }

func (e notSentError) Unwrap() error { return e.error }

// outcomeOf decides in favour of Ambiguous whenever it is not certain that nothing was sent.
func outcomeOf(request Request, p *progress, err error) Outcome {
	switch {
	case !p.wrote.Load() && (p.traced.Load() || failedBeforeSending(err)):
		return NotSent
	case request.isRead():
		return LostRead
	default:
		return Ambiguous
	}
}

func failedBeforeSending(err error) bool {
	var (
		before    notSentError
		dns       *net.DNSError
		operation *net.OpError
		record    tls.RecordHeaderError
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
	)
	if errors.As(err, &operation) && operation.Op == "dial" {
		return true
	}
	return errors.As(err, &before) || errors.As(err, &dns) || errors.As(err, &record) ||
		errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &hostname)
}

// withoutURL drops the wrapper of net/http, whose text repeats the whole address with its query.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
