package app

import (
	"context"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// refreshToken is a user's refresh token that is renewed with every use. The identity service leaves the old one valid for
// the rest of its ninety days ("Refresh tokens in the Microsoft identity platform"), so the newest is used and, where the
// reference is a file that may be written, kept there: an agent that runs on never falls out of the ninety days.
type refreshToken struct {
	reference secret.Reference
	resolver  secret.Resolver
	log       hclog.Logger

	mu      sync.Mutex
	given   secret.Secret // what the reference said last
	newest  secret.Secret // what came with the last use; zero when the reference is newer
	warning sync.Once
}

// current gives the newest token. A reference that says something new wins: somebody renewed the consent.
func (t *refreshToken) current(context.Context) (secret.Secret, error) {
	given, err := t.resolver.Resolve(t.reference)
	if err != nil {
		return secret.Secret{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if given != t.given {
		t.given, t.newest = given, secret.Secret{}
	}
	if t.newest.IsZero() {
		return t.given, nil
	}
	return t.newest, nil
}

// rotate keeps a new token. One that cannot be written down is used all the same as long as the agent runs.
func (t *refreshToken) rotate(_ context.Context, token secret.Secret) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest = token
	if err := t.resolver.Keep(t.reference, token); err != nil {
		t.warning.Do(func() {
			t.log.Warn("the renewed refresh token cannot be kept; after a restart the old one is used, which ends 90 days after it was issued", "reason", err)
		})
		return nil
	}
	t.given, t.newest = token, secret.Secret{}
	return nil
}
