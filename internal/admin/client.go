package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Path is where the API lists its connectors. What concerns one lies below it, by the connector's name.
const Path = "/api/v1/connectors"

// RequestHeader must stand in every request that changes something. No page of another site can send it without being asked
// first, and the API never agrees to that.
const RequestHeader = "X-Cosell-Request"

// Acts on a whole connector: the last part of the path below its name.
const (
	ActBackfill = "backfill"
	ActPause    = "pause"
	ActReload   = "reload"
	ActReplay   = "replay"
	ActResume   = "resume"
)

// Client asks the API of an agent that runs.
type Client struct {
	http  *http.Client
	base  string
	token secret.Secret
}

// NewClient makes a client of the API at a base address, "http://127.0.0.1:8081". Every request carries the token, if there is
// one. A nil transport is one of the client's own.
func NewClient(base string, token secret.Secret, transport http.RoundTripper) *Client {
	if transport == nil {
		transport = &http.Transport{}
	}
	return &Client{&http.Client{Transport: transport}, strings.TrimSuffix(base, "/"), token}
}

// SocketBase is the base address for the API on a socket in the file system: see [SocketTransport].
const SocketBase = "http://agent"

// SocketTransport reaches a socket, whatever address is asked for.
func SocketTransport(path string) http.RoundTripper {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}

// ErrNobody says that nobody listens on the admin address.
var ErrNobody = errors.New("no agent listens on the admin address")

// Error is a refusal by the API.
type Error struct {
	Status  int // of HTTP
	Message string
}

func (e *Error) Error() string { return e.Message }

// Connectors lists the connectors of the agent. It fails with ErrNobody when none listens.
func (c *Client) Connectors(ctx context.Context) ([]string, error) {
	var out struct{ Connectors []string }
	err := c.Get(ctx, Path, &out)
	return out.Connectors, err
}

// Status asks how a connector does.
func (c *Client) Status(ctx context.Context, connector string) (s Status, err error) {
	err = c.Get(ctx, Of(connector), &s)
	return s, err
}

// Act asks for something that the whole connector does, and gives its status after that.
func (c *Client) Act(ctx context.Context, connector, act string, who Who) (s Status, err error) {
	err = c.Post(ctx, Of(connector)+"/"+act, Request{Who: who}, &s)
	return s, err
}

// Replay makes the parked deals due whose problem has one of the codes; all parked ones without codes.
func (c *Client) Replay(ctx context.Context, connector string, codes []string, dryRun bool, who Who) (out Replayed, err error) {
	err = c.Post(ctx, Of(connector)+"/"+ActReplay, Request{who, codes, dryRun}, &out)
	return out, err
}

// Of gives the path of a connector.
func Of(connector string) string { return Path + "/" + url.PathEscape(connector) }

// Get reads. A refusal is an [*Error].
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodGet, path, nil, into)
}

// Post changes something. A refusal is an [*Error].
func (c *Client) Post(ctx context.Context, path string, body Request, into any) error {
	return c.call(ctx, http.MethodPost, path, body, into)
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return fmt.Errorf("admin request: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		return fmt.Errorf("admin request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(RequestHeader, "1")
	if !c.token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+c.token.Expose())
	}
	response, err := c.http.Do(request)
	if err != nil {
		var dialling *net.OpError
		if errors.As(err, &dialling) && dialling.Op == "dial" {
			return fmt.Errorf("%w: %w", ErrNobody, err)
		}
		return fmt.Errorf("admin request: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	decoder := json.NewDecoder(response.Body)
	if response.StatusCode == http.StatusOK {
		if err := decoder.Decode(into); err != nil {
			return fmt.Errorf("the admin API's answer cannot be read: %w", err)
		}
		return nil
	}
	var said struct{ Error string }
	if err := decoder.Decode(&said); err != nil || said.Error == "" {
		said.Error = response.Status
	}
	return &Error{response.StatusCode, said.Error}
}
