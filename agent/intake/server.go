package intake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = readTimeout + flightTimeout + commitTimeout + 10*time.Second // the last for the answer
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 12 << 10 // net/http adds 4 KiB of its own
	shutdownTimeout   = 10 * time.Second
)

// ServerOptions say how [Serve] listens.
type ServerOptions struct {
	// TLSCertificate and TLSKey are PEM files; both empty means plain HTTP behind a proxy that ends TLS. Renewed files are
	// taken up by the next connection.
	TLSCertificate string
	TLSKey         string
	Log            hclog.Logger // nil logs nothing
}

// NewServer gives an HTTP server with the limits that a public endpoint needs. It speaks HTTP/1 only, which is what webhook
// senders use: what is not spoken cannot be abused.
func NewServer(handler http.Handler, log hclog.Logger) *http.Server {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      handler,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		Protocols:                    protocols,
		ErrorLog:                     log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
}

// Serve answers on the listener until the context ends, then lets requests under way finish for up to ten seconds. It closes
// the listener. The error is nil after an orderly end.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, o ServerOptions) error {
	server := NewServer(handler, o.Log)
	if o.TLSCertificate != "" || o.TLSKey != "" {
		pair := &keyPair{certificate: o.TLSCertificate, key: o.TLSKey}
		if _, err := pair.get(nil); err != nil {
			return errors.Join(err, listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: pair.get,
		})
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("webhook listener: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = fmt.Errorf("webhook listener: requests were cut off after %s: %w", shutdownTimeout, errors.Join(err, server.Close()))
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// keyPair reads a certificate and its key again when one of the files has changed. While they do not fit together, which
// happens in the middle of a renewal, the last good pair is used.
type keyPair struct {
	certificate, key string

	mu      sync.Mutex
	version [2]fileVersion
	pair    *tls.Certificate
}

type fileVersion struct {
	modified time.Time
	size     int64
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	version, err := p.versions()
	if err == nil && (p.pair == nil || version != p.version) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(p.certificate, p.key); err == nil {
			p.pair, p.version = &pair, version
		}
	}
	if p.pair == nil {
		return nil, fmt.Errorf("TLS certificate of the webhook listener: %w", err)
	}
	return p.pair, nil
}

func (p *keyPair) versions() (out [2]fileVersion, err error) {
	for i, name := range []string{p.certificate, p.key} {
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = fileVersion{modified: info.ModTime(), size: info.Size()}
	}
	return out, nil
}
