package connector

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// timeWithZone admits a time of RFC 3339.
type timeWithZone struct{}

// Description implements [validator.Describer].
func (timeWithZone) Description(context.Context) string {
	return "a time with its zone such as 2026-03-31T17:00:00Z"
}

// MarkdownDescription implements [validator.Describer].
func (v timeWithZone) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements [validator.String].
func (v timeWithZone) ValidateString(ctx context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	value := request.ConfigValue.ValueString()
	if _, err := time.Parse(time.RFC3339, value); err != nil {
		response.Diagnostics.AddAttributeError(request.Path, "Time is malformed", fmt.Sprintf("%q is not %s (RFC 3339).", value, v.Description(ctx)))
	}
}

// whole demands every attribute of an element that is known.
var whole = []validator.Object{allGiven{}}

type allGiven struct{}

// Description implements [validator.Describer].
func (allGiven) Description(context.Context) string { return "all attributes must be given" }

// MarkdownDescription implements [validator.Describer].
func (a allGiven) MarkdownDescription(ctx context.Context) string { return a.Description(ctx) }

// ValidateObject implements [validator.Object].
func (allGiven) ValidateObject(_ context.Context, request validator.ObjectRequest, response *validator.ObjectResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	given := request.ConfigValue.Attributes()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name].IsNull() {
			response.Diagnostics.AddAttributeError(request.Path.AtName(name), "Missing Configuration for Required Attribute",
				"Must set a configuration value for the "+request.Path.AtName(name).String()+" attribute.")
		}
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
