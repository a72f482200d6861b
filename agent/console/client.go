package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Client is the admin API of an agent that runs.
type Client struct{ *admin.Client }

// NewClient makes a client of the API at an address. A TCP address beyond this machine is called by https.
func NewClient(a Address, token secret.Secret) *Client {
	switch {
	case a.network == "unix":
		return &Client{admin.NewClient(admin.SocketBase, token, admin.SocketTransport(a.address))}
	case a.Local():
		return &Client{admin.NewClient("http://"+a.address, token, nil)}
	default:
		return &Client{admin.NewClient("https://"+a.address, token, nil)}
	}
}

// ErrNobody says that nobody listens on the admin address.
var ErrNobody = admin.ErrNobody

// Connector gives the operations of one connector.
func (c *Client) Connector(name string) Operations {
	return &remote{c.Client, admin.Of(name)}
}

// known turns the API's "not found" into the error that the operations on a store give.
func known(err error) error {
	if refusal := (*admin.Error)(nil); errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", err, store.ErrNoDeal)
	}
	return err
}

// remote are the operations of one connector over the API.
type remote struct {
	client *admin.Client
	path   string
}

func (r *remote) get(ctx context.Context, path string, into any) error {
	return known(r.client.Get(ctx, r.path+path, into))
}

func (r *remote) post(ctx context.Context, path string, body admin.Request, into any) error {
	return known(r.client.Post(ctx, r.path+path, body, into))
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
	err = r.post(ctx, "/deals/"+url.PathEscape(id)+"/"+string(act), admin.Request{Who: who}, &d)
	return d, err
}

// Replay implements [Operations].
func (r *remote) Replay(ctx context.Context, codes []string, dryRun bool, who Who) (out Replayed, err error) {
	err = r.post(ctx, "/replay", admin.Request{Who: who, Codes: codes, DryRun: dryRun}, &out)
	return out, err
}

func (r *remote) ask(ctx context.Context, what string, who Who) (s Status, err error) {
	err = r.post(ctx, "/"+what, admin.Request{Who: who}, &s)
	return s, err
}

// Pause implements [Operations].
func (r *remote) Pause(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, admin.ActPause, who)
}

// Resume implements [Operations].
func (r *remote) Resume(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, admin.ActResume, who)
}

// Reload implements [Operations].
func (r *remote) Reload(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, admin.ActReload, who)
}

// Backfill implements [Operations].
func (r *remote) Backfill(ctx context.Context, who Who) (Status, error) {
	return r.ask(ctx, admin.ActBackfill, who)
}
