package partnercenter

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/cosell-sync/terraform-provider-cosell/provider/listing"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// ListResources lists the constructors of this package's list resources.
func ListResources() []func() list.ListResource {
	return []func() list.ListResource{registrations.Resource}
}

var registrations = listing.Kind{
	New:         NewWebhookRegistration,
	Description: "The tenant's webhook registration: one, or none.",
	Find:        findRegistration,
	ImportOnly:  true,
}

func findRegistration(ctx context.Context, r *remote.Remote, _ tfsdk.Config) ([]listing.Found, error) {
	reader := &webhookRegistration{remote: r}
	live, found, err := reader.live(ctx)
	if err != nil || !found {
		return nil, err
	}
	return []listing.Found{{Display: live.WebhookURL, ImportID: "current", Identity: map[string]string{"tenant_id": reader.tenant()}}}, nil
}
