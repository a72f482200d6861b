//go:build !unix

package postgrestest

import "errors"

// Server needs unix sockets, so there is none here.
type Server struct{}

// Available reports whether the server's programs are there.
func Available() bool { return false }

// Start fails: there are no unix sockets.
func Start() (*Server, error) { return nil, errors.New(Missing) }

// URL is never asked for, for nothing was started.
func (*Server) URL(string) string { return "" }

// Stop has nothing to stop.
func (*Server) Stop() error { return nil }
