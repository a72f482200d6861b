package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// ClientRequestID is the header in which each attempt carries a fresh GUID (Partner Center: "Partner Center REST
// headers"; harmless elsewhere).
const ClientRequestID = "client-request-id"

// Request is one call. Body goes out byte for byte.
type Request struct {
	Operation string // for logs and errors, e.g. "get referral"
	Method    string
	URL       string // absolute; https, or http on a loopback address
	Header    http.Header
	Body      []byte
	// Read says that repeating the request is harmless, although it may be a POST. GET and HEAD always are reads.
	Read bool
	// MaxResponse bounds the answer's body in bytes; 0 means DefaultMaxResponse.
	MaxResponse int64
}

func (r Request) isRead() bool {
	return r.Read || r.Method == http.MethodGet || r.Method == http.MethodHead
}

// Response is an answer with any status. Its body was read completely.
type Response struct {
	Status          int
	Header          http.Header
	Body            []byte
	ClientRequestID string        // the GUID that the answered attempt carried
	RetryAfter      time.Duration // 0 when the service named none
}

// RequestID is the service's own id of the call, for support cases: Partner Center's request-id or MS-RequestId,
// Dataverse's x-ms-service-request-id.
func (r Response) RequestID() string {
	for _, name := range []string{"request-id", "MS-RequestId", "x-ms-service-request-id", "x-ms-request-id"} {
		if v := r.Header.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// Do sends a request. A read is tried a second time after a connection failure or a 408, 429, 502, 503 or 504, if the
// service does not ask for a wait above [MaxWait]. Every status is a Response, not an error; the error is a
// [*TransportError] when no complete answer came, and says whether the request may have been carried out.
func (c *Client) Do(ctx context.Context, request Request) (Response, error) {
	target, err := c.prepare(request)
	if err != nil {
		return Response{}, err
	}
	response, err := c.attempt(ctx, request, target)
	wait, again := c.secondTry(request, response, err)
	if !again || pause(ctx, wait) != nil {
		return response, err
	}
	return c.attempt(ctx, request, target)
}

func (c *Client) prepare(request Request) (*url.URL, error) {
	target, err := url.Parse(request.URL)
	if err != nil {
		// url.Error repeats the text, which may hold a token.
		return nil, &TransportError{Operation: request.Operation, Method: request.Method, Outcome: NotSent, Err: errors.New("malformed address")}
	}
	if err := checkScheme(target); err != nil {
		return nil, &TransportError{Operation: request.Operation, Method: request.Method, URL: RedactURL(target), Outcome: NotSent, Err: err}
	}
	return target, nil
}

func (c *Client) secondTry(request Request, response Response, err error) (time.Duration, bool) {
	if !request.isRead() {
		return 0, false
	}
	if err != nil {
		var failure *TransportError
		return defaultWait, errors.As(err, &failure) && failure.retryable
	}
	switch response.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	if response.Header.Get("Retry-After") == "" {
		return defaultWait, true
	}
	return response.RetryAfter, response.RetryAfter <= MaxWait
}

// pause waits on a timer of the runtime, so that a simulated clock moves it.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Client) attempt(ctx context.Context, request Request, target *url.URL) (Response, error) {
	id := c.newID()
	started := c.clock()
	response, progress, err := c.roundTrip(ctx, request, target, id)
	if err != nil {
		failure := &TransportError{
			Operation:       request.Operation,
			Method:          request.Method,
			URL:             RedactURL(target),
			ClientRequestID: id,
			Status:          response.Status,
			Outcome:         outcomeOf(request, progress, err),
			Err:             withoutURL(err),
			retryable:       ctx.Err() == nil && !errors.Is(err, ErrResponseTooLarge),
		}
		c.log.Debug("request failed", "operation", request.Operation, "method", request.Method, "url", failure.URL,
			ClientRequestID, id, "outcome", failure.Outcome.String(), "duration", c.clock().Sub(started), "error", failure.Err.Error())
		return Response{}, failure
	}
	response.ClientRequestID = id
	c.tellDate(response.Header, started)
	response.RetryAfter = ParseRetryAfter(response.Header.Get("Retry-After"), c.clock())
	c.logResponse(request, target, response, c.clock().Sub(started))
	return response, nil
}

func (c *Client) tellDate(header http.Header, sent time.Time) {
	if c.dated == nil || header.Get("Age") != "" {
		return
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		c.dated(date, sent, c.clock())
	}
}

func (c *Client) roundTrip(ctx context.Context, request Request, target *url.URL, id string) (Response, *progress, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	ctx, watched := watchProgress(ctx)
	outgoing, err := http.NewRequestWithContext(ctx, request.Method, target.String(), bytes.NewReader(request.Body))
	if err != nil {
		return Response{}, watched, notSentError{err}
	}
	if len(request.Body) == 0 {
		outgoing.Body, outgoing.GetBody, outgoing.ContentLength = http.NoBody, nil, 0
	}
	for name, values := range request.Header {
		outgoing.Header[http.CanonicalHeaderKey(name)] = values
	}
	if c.userAgent != "" {
		outgoing.Header.Set("User-Agent", c.userAgent)
	}
	outgoing.Header.Set(ClientRequestID, id)

	incoming, err := c.http.Do(outgoing)
	if err != nil {
		return Response{}, watched, err
	}
	defer incoming.Body.Close()
	response := Response{Status: incoming.StatusCode, Header: incoming.Header}
	response.Body, err = readLimited(incoming.Body, request.MaxResponse)
	return response, watched, err
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxResponse
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, ErrResponseTooLarge
	}
	return body, nil
}

// loggedHeaders are the response headers that may appear in a log. All others may hold tokens or customer data.
var loggedHeaders = []string{"Retry-After", "Sforce-Limit-Info", "x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"}

func (c *Client) logResponse(request Request, target *url.URL, response Response, took time.Duration) {
	if !c.log.IsDebug() {
		return
	}
	fields := []any{"operation", request.Operation, "method", request.Method, "url", RedactURL(target), "status", response.Status,
		"duration", took, ClientRequestID, response.ClientRequestID}
	if id := response.RequestID(); id != "" {
		fields = append(fields, "request-id", id)
	}
	for _, name := range loggedHeaders {
		if v := response.Header.Get(name); v != "" {
			fields = append(fields, name, v)
		}
	}
	c.log.Debug("request", fields...)
}
