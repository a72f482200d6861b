package app

import (
	"context"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/agent/watch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// Unseen lists the opportunities and referrals that may have changed since the agent with this store last looked, and stores nothing.
func Unseen(ctx context.Context, d document.Document, m Machine, queue store.Queue) (records, referrals []string, err error) {
	a := &App{machine: m, log: m.Log}
	org, center, err := a.open(ctx, d, m.Transport, m.Transport, a.newClocks())
	if err != nil {
		return nil, nil, err
	}
	return watch.Unseen(ctx, org, center, queue)
}
