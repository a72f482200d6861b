package partnercenter

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

// webhookURL admits https addresses, and http on loopback.
type webhookURL struct{}

func (webhookURL) Description(context.Context) string {
	return "an https address (http only on a loopback address) without user information or fragment"
}

func (v webhookURL) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v webhookURL) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	text := req.ConfigValue.ValueString()
	if problem := urlProblem(text); problem != "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Webhook URL cannot be registered",
			"The URL "+problem+". Give "+v.Description(ctx)+".")
	}
}

func urlProblem(text string) string {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "" || text != strings.TrimSpace(text):
		return "is not an absolute address"
	case parsed.User != nil:
		return "carries user information, which would be stored as plain text"
	case parsed.Fragment != "":
		return "has a fragment, which no server receives"
	case parsed.Scheme == "https", parsed.Scheme == "http" && isLoopback(text):
		return ""
	default:
		return "does not use https"
	}
}

// isLoopback reports whether an address can be called from its own machine only.
func isLoopback(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil {
		return false
	}
	host := parsed.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") || ip != nil && ip.IsLoopback()
}

// eventName admits what can be an event name at all; whether Partner Center knows it is checked live.
type eventName struct{}

func (eventName) Description(context.Context) string {
	return "an event name such as referral-created; test-created is set by include_test_event"
}

func (v eventName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v eventName) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	name := req.ConfigValue.ValueString()
	switch {
	case name == "" || strings.ContainsAny(name, " \t\r\n,;"):
		resp.Diagnostics.AddAttributeError(req.Path, "Event name is malformed",
			"\""+name+"\" is not an event name. Give "+v.Description(ctx)+".")
	case name == client.EventTestCreated:
		resp.Diagnostics.AddAttributeError(req.Path, "Test event is set by its own attribute",
			"Remove "+client.EventTestCreated+" from events; include_test_event (default true) subscribes it.")
	}
}
