// Package pipenet is a network in memory: listeners that are reached by dialling their address, with a pipe for each
// connection. In a testing/synctest bubble it lets whole programs talk HTTP in virtual time, because waiting on a pipe, unlike
// waiting on a socket, is something that the bubble understands.
package pipenet

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// firstPort is the port of the first listener; the others follow.
const firstPort = 20001

// Network is a network of its own. Make one inside the bubble that uses it.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	ports     int
}

// New makes a network without listeners.
func New() *Network { return &Network{listeners: map[string]*listener{}} }

// Listen opens a listener at the next port of 127.0.0.1. The address is a loopback address because clients accept plain HTTP
// there only; nothing listens on the machine. The name is for people and has no effect. It never fails.
func (n *Network) Listen(_ string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &listener{address: address(fmt.Sprintf("127.0.0.1:%d", firstPort+n.ports)), conns: make(chan net.Conn), done: make(chan struct{})}
	n.ports++
	n.listeners[l.address.String()] = l
	return l, nil
}

// DialContext connects to a listener, as net.Dialer does. It fails when nobody listens at the address, and with the context.
func (n *Network) DialContext(ctx context.Context, _, to string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[to]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: nobody listens in this network: %w", to, net.ErrClosed)
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, fmt.Errorf("dial %s: %w", to, net.ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", to, ctx.Err())
	}
}

type address string

func (a address) Network() string { return "pipe" }
func (a address) String() string  { return string(a) }

type listener struct {
	address address
	conns   chan net.Conn
	done    chan struct{}
	closing sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Connections that were accepted go on.
func (l *listener) Close() error {
	l.closing.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }
