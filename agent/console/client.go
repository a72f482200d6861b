package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Client is the admin API of an agent that runs.
type Client struct {
	http  *http.Client
	base  string
	token secret.Secret
}

// NewClient makes a client of the API at an address. A TCP address beyond this machine is called by https.
func NewClient(a Address, token secret.Secret) *Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, a.network, a.address)
	}}
	base := "http://" + a.address
	switch {
	case a.network == "unix":
		base = "http://agent"
	case !a.Local():
		base = "https://" + a.address
	}
	return &Client{&http.Client{Transport: transport}, base, token}
}

// ErrNobody says that nobody listens on the admin address.
var ErrNobody = errors.New("no agent listens on the admin address")

// Connectors lists the connectors of the agent. It fails with ErrNobody when none listens.
func (c *Client) Connectors(ctx context.Context) ([]string, error) {
	var out struct{ Connectors []string }
	err := c.call(ctx, http.MethodGet, apiPath, nil, &out)
	return out.Connectors, err
}

// Connector gives the operations of one connector.
func (c *Client) Connector(name string) Operations {
	return &remote{c, apiPath + "/" + url.PathEscape(name)}
}

func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return fmt.Errorf("admin request: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(encoded)) //nolint:gosec // the address is the operator's own
	if err != nil {
		return fmt.Errorf("admin request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(RequestHeader, "1")
	if !c.token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+c.token.Expose())
	}
	response, err := c.http.Do(request) //nolint:gosec // as above
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
	if response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s: %w", said.Error, store.ErrNoDeal)
	}
	return errors.New(said.Error)
}

// remote are the operations of one connector over the API.
type remote struct {
	client *Client
	path   string
}

func (r *remote) get(ctx context.Context, path string, into any) error {
	return r.client.call(ctx, http.MethodGet, r.path+path, nil, into)
}

func (r *remote) post(ctx context.Context, path string, body asked, into any) error {
	return r.client.call(ctx, http.MethodPost, r.path+path, body, into)
}

// Status implements [Operations].
func (r *remote) Status(ctx context.Context) (s Status, err error) {
	err = r.get(ctx, "", &s)
	return s, err
}

// Deals implements [Operations].
func (r *remote) Deals(ctx context.Context, q Query) (list List, err error) {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("state", q.State)
	set("code", q.Code)
	set("after", q.After)
	if q.Problems {
		set("problems", "true")
	}
	if q.Limit > 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	err = r.get(ctx, "/deals?"+values.Encode(), &list)
	return list, err
}

// Deal implements [Operations].
func (r *remote) Deal(ctx context.Context, id string) (d Detail, err error) {
	err = r.get(ctx, "/deals/"+url.PathEscape(id), &d)
	return d, err
}

// Act implements [Operations].
func (r *remote) Act(ctx context.Context, id string, act Act, who Who) (d Deal, err error) {
	err = r.post(ctx, "/deals/"+url.PathEscape(id)+"/"+string(act), asked{Who: who}, &d)
	return d, err
}

// Replay implements [Operations].
func (r *remote) Replay(ctx context.Context, codes []string, dryRun bool, who Who) (out Replayed, err error) {
	err = r.post(ctx, "/replay", asked{who, codes, dryRun}, &out)
	return out, err
}

func (r *remote) ask(ctx context.Context, what string, who Who) (s Status, err error) {
	err = r.post(ctx, "/"+what, asked{Who: who}, &s)
	return s, err
}

// Pause implements [Operations].
func (r *remote) Pause(ctx context.Context, who Who) (Status, error) { return r.ask(ctx, "pause", who) }

// Resume implements [Operations].
func (r *remote) Resume(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, "resume", who)
}

// Reload implements [Operations].
func (r *remote) Reload(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, "reload", who)
}

// Backfill implements [Operations].
func (r *remote) Backfill(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, "backfill", who)
}
