package connector

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// goDuration admits durations such as 90s or 15m.
type goDuration struct{}

func (goDuration) Description(context.Context) string { return "a duration such as 90s or 15m" }

func (v goDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v goDuration) ValidateString(ctx context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	value := request.ConfigValue.ValueString()
	if d, err := time.ParseDuration(value); err != nil || d < 0 {
		response.Diagnostics.AddAttributeError(request.Path, "Duration is malformed", fmt.Sprintf("%q is not %s.", value, v.Description(ctx)))
	}
}

// remoteAddress admits what [document.CheckEndpoint] admits.
type remoteAddress struct{}

func (remoteAddress) Description(context.Context) string { return "an absolute https address" }

func (v remoteAddress) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (remoteAddress) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if err := document.CheckEndpoint(request.ConfigValue.ValueString()); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Address is not that of a remote system", err.Error()+".")
	}
}
