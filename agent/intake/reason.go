package intake

import (
	"net/http"
	"sync/atomic"
)

// Reason says how a request ended. It is the label of counters and logs and never carries anything that the sender wrote.
// Reasons with a status other than 200 are errors.
type Reason string

// How a request can end.
const (
	Accepted      Reason = "accepted"       // stored
	TestEvent     Reason = "test_event"     // a validation event: verified, nothing to do
	OtherEvent    Reason = "other_event"    // an event that does not concern referrals
	OtherResource Reason = "other_resource" // the resource is not a referral at an address we know
	OutsideWindow Reason = "outside_window" // changed too long ago, in the future, or at no readable time

	PathUnknown        Reason = "path_unknown"
	MethodRefused      Reason = "method_refused"
	Overloaded         Reason = "overloaded"
	MediaTypeRefused   Reason = "media_type"
	EncodingRefused    Reason = "content_encoding"
	HeaderMalformed    Reason = "header_malformed"     // repeated, too long, or not printable ASCII
	SignatureMissing   Reason = "signature_missing"    // not in the header that was registered
	SignatureAmbiguous Reason = "signature_ambiguous"  // also in the header that was not registered
	SchemeRefused      Reason = "signature_scheme"     // not "Signature <token>"
	AlgorithmRefused   Reason = "signature_algorithm"  // not rsa-sha256
	SignatureMalformed Reason = "signature_malformed"  // not strict base64
	AddressRefused     Reason = "certificate_address"  // not on the allow-list
	BodyTooLarge       Reason = "body_too_large"       // above 64 KiB
	BodyEmpty          Reason = "body_empty"           //
	BodyUnreadable     Reason = "body_unreadable"      // the sender stopped or was too slow
	CertificateMissing Reason = "certificate_missing"  // it or an issuer cannot be fetched now: the sender should try again
	CertificateBroken  Reason = "certificate_broken"   // not exactly one certificate
	KeyRefused         Reason = "certificate_key"      // not an RSA signing key of 2048 to 8192 bits, or a CA's
	ChainRefused       Reason = "certificate_chain"    // does not lead to a trusted root now, for this purpose
	IdentityRefused    Reason = "certificate_identity" // trusted, but not Partner Center's
	SignatureRefused   Reason = "signature"            // does not match the body
	DocumentMalformed  Reason = "document_malformed"   // not one strict JSON object
	EventMalformed     Reason = "event_malformed"      // a property is missing or of the wrong type
	CommitFailed       Reason = "commit_failed"        // the inbox did not take it

	OwnWrite            Reason = "own_write"          // a row that the agent itself has written: nothing to do
	OtherRow            Reason = "other_row"          // a row that no deal is known to depend on
	SecretMissing       Reason = "secret_missing"     // the header that carries it is not there
	SecretRefused       Reason = "secret"             // not the one that is shared with the sender
	OrganizationDiffers Reason = "other_organization" // an environment that is not the connector's, a copy of it for example
)

// outcomes fixes the status of every reason. The answer's text follows from the status alone, so that a sender cannot tell
// the refusals of one status apart.
var outcomes = map[Reason]int{
	Accepted:      http.StatusOK,
	TestEvent:     http.StatusOK,
	OtherEvent:    http.StatusOK,
	OtherResource: http.StatusOK,
	OutsideWindow: http.StatusOK,

	PathUnknown:        http.StatusNotFound,
	MethodRefused:      http.StatusMethodNotAllowed,
	Overloaded:         http.StatusServiceUnavailable,
	MediaTypeRefused:   http.StatusUnsupportedMediaType,
	EncodingRefused:    http.StatusUnsupportedMediaType,
	HeaderMalformed:    http.StatusBadRequest,
	SignatureMissing:   http.StatusUnauthorized,
	SignatureAmbiguous: http.StatusUnauthorized,
	SchemeRefused:      http.StatusUnauthorized,
	AlgorithmRefused:   http.StatusUnauthorized,
	SignatureMalformed: http.StatusBadRequest,
	AddressRefused:     http.StatusUnauthorized,
	BodyTooLarge:       http.StatusRequestEntityTooLarge,
	BodyEmpty:          http.StatusBadRequest,
	BodyUnreadable:     http.StatusBadRequest,
	CertificateMissing: http.StatusServiceUnavailable,
	CertificateBroken:  http.StatusUnauthorized,
	KeyRefused:         http.StatusUnauthorized,
	ChainRefused:       http.StatusUnauthorized,
	IdentityRefused:    http.StatusUnauthorized,
	SignatureRefused:   http.StatusUnauthorized,
	DocumentMalformed:  http.StatusBadRequest,
	EventMalformed:     http.StatusBadRequest,
	CommitFailed:       http.StatusServiceUnavailable,

	OwnWrite:            http.StatusOK,
	OtherRow:            http.StatusOK,
	SecretMissing:       http.StatusUnauthorized,
	SecretRefused:       http.StatusUnauthorized,
	OrganizationDiffers: http.StatusForbidden,
}

// Status is the HTTP status that the sender gets.
func (r Reason) Status() int {
	if status, ok := outcomes[r]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Error makes a refusal usable as an error.
func (r Reason) Error() string { return "webhook refused: " + string(r) }

// retryAfter is the Retry-After of the 503 answers, in seconds.
func (r Reason) retryAfter() string {
	if r == CertificateMissing {
		return "60" // the time for which a failed fetch is remembered
	}
	return "5"
}

// counters counts how requests ended.
type counters map[Reason]*atomic.Int64

func newCounters() counters {
	c := make(counters, len(outcomes))
	for reason := range outcomes {
		c[reason] = new(atomic.Int64)
	}
	return c
}

func (c counters) add(r Reason) {
	if n, ok := c[r]; ok {
		n.Add(1)
	}
}

func (c counters) snapshot() map[Reason]int64 {
	out := make(map[Reason]int64, len(c))
	for reason, n := range c {
		out[reason] = n.Load()
	}
	return out
}
