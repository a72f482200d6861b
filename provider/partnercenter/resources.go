// Package partnercenter holds the resource types that live in Microsoft Partner Center.
package partnercenter

import "github.com/hashicorp/terraform-plugin-framework/resource"

// Resources lists the constructors of this package's resource types.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{NewWebhookRegistration}
}
