package intake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

const (
	fetchTimeout    = 5 * time.Second
	maxCertificate  = 32 << 10 // bytes
	maxFetchHeaders = 16 << 10 // bytes
)

// fetcher reads a certificate from an address that is on an allow-list.
type fetcher struct{ client *http.Client }

func newFetcher(dial *guard, roots *x509.CertPool, clock func() time.Time) *fetcher {
	return &fetcher{client: &http.Client{
		Timeout: fetchTimeout,
		// A redirect is an answer like any other: not a certificate.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dial.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: clock},
			TLSHandshakeTimeout:    fetchTimeout,
			MaxResponseHeaderBytes: maxFetchHeaders,
			DisableCompression:     true,
			DisableKeepAlives:      true, // a few fetches a day at most
		},
	}}
}

// fetch returns the bytes that the host serves. Every failure means: not now. What the bytes are is judged by
// parseCertificate or parseIssuer, except that a page for people is no certificate but a sign that something else answered.
func (f *fetcher) fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	request.Header.Set("User-Agent", "cosell-agent")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // nothing of it is needed any more
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the certificate host answered with status %d", response.StatusCode)
	}
	if response.Header.Get("Content-Encoding") != "" {
		return nil, errors.New("the certificate host answered with compressed data")
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil && media == "text/html" {
		return nil, errors.New("the certificate host answered with a page")
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxCertificate+1))
	if err != nil {
		return nil, fmt.Errorf("certificate answer: %w", err)
	}
	if len(data) == 0 || len(data) > maxCertificate {
		return nil, errors.New("the certificate host answered with nothing or with more than a certificate")
	}
	return data, nil
}

// withoutAddress takes the address out of an error of the HTTP client.
func withoutAddress(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
