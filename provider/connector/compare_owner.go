package connector

import (
	"context"
	"fmt"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// compareFallbackOwner looks for the active user whom a connector names for received deals.
func (c *connector) compareFallbackOwner(ctx context.Context, client *salesforce.Client, name string) ([]finding, error) {
	if name == "" {
		return nil, nil
	}
	var users []struct{ IsActive bool }
	if err := c.remote.Retry(ctx, func(ctx context.Context) (err error) {
		users, err = salesforce.Query[struct{ IsActive bool }](ctx, client.Data(), fmt.Sprintf(
			"SELECT IsActive FROM User WHERE UserType = 'Standard' AND (Username = %[1]s OR Email = %[1]s)", salesforce.Quote(name)))
		return err
	}); err != nil {
		return nil, fmt.Errorf("look for the fallback owner: %w", err)
	}
	detail := "no user has this user name or e-mail address"
	for _, user := range users {
		if user.IsActive {
			return nil, nil
		}
		detail = "the user is not active"
	}
	return []finding{{place{"fallback_owner", ""}, problem.UserMissing, fmt.Sprintf("user %q", name), detail}}, nil
}
