package pipenet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestHTTPInABubble shows that a request over the network takes the virtual time that its handler takes, and none of ours.
func TestHTTPInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := New()
		listener, err := network.Listen("service")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Hour)
			_, _ = io.WriteString(w, "done")
		})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		transport := &http.Transport{DialContext: network.DialContext}
		begun := time.Now()
		response, err := (&http.Client{Transport: transport}).Get("http://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != "done" || time.Since(begun) < time.Hour {
			t.Errorf("%q after %v, %v", body, time.Since(begun), err)
		}
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
		if _, err := network.DialContext(context.Background(), "tcp", listener.Addr().String()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialled a closed listener: %v", err)
		}
	})
}

// TestDialling shows what fails: an address that nobody has, and a listener that does not accept in time.
func TestDialling(t *testing.T) {
	network := New()
	if _, err := network.DialContext(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("an address that nobody has: %v", err)
	}
	listener, err := network.Listen("busy")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := network.DialContext(ctx, "tcp", listener.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("a listener that does not accept: %v", err)
	}
}
