package connector

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// compareReferrals reads one referral as the user of the provider's refresh token, who is as a rule the agent's: registrations may be
// read by the application alone, so nothing else in a plan tells that the user lacks the role, or signed in without multi-factor
// authentication ("Partner Center authentication"). It is a warning, because the agent's token may be another one.
func (c *connector) compareReferrals(ctx context.Context, diagnostics *diag.Diagnostics) {
	config := c.remote.PartnerCenterConfig()
	if config == nil || config.RefreshToken.IsZero() {
		return
	}
	client, err := c.remote.PartnerCenter(ctx)
	if err == nil {
		err = c.remote.Retry(ctx, func(ctx context.Context) error {
			for _, err := range client.ListReferrals(ctx, partnercenter.Query{Top: 1}) {
				if partnercenter.IsDenied(err) {
					return err
				}
				return nil // whether it can be read in full is the agent's business
			}
			return nil
		})
	}
	if err == nil || leftOut(err) {
		return
	}
	diagnostics.AddWarning("Referrals cannot be read",
		"The agent needs a user of Partner Center with the role Referrals admin who signed in with multi-factor authentication. Give the user the role, "+
			"and make a new refresh token by signing in with it; a role takes up to an hour to arrive.\n\n"+remote.Detail(err))
}
