package partnercenter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Actions lists the constructors of this package's actions.
func Actions() []func() action.Action { return []func() action.Action{NewWebhookTest} }

var _ action.ActionWithConfigure = (*webhookTest)(nil)

// webhookTest is the action cosell_webhook_test.
type webhookTest struct{ remote *remote.Remote }

// NewWebhookTest makes the action cosell_webhook_test.
func NewWebhookTest() action.Action { return new(webhookTest) }

// Metadata implements [action.Action].
func (a *webhookTest) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_webhook_test"
}

// Configure implements [action.ActionWithConfigure].
func (a *webhookTest) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

const defaultTestSeconds = 120

// Schema implements [action.Action].
func (a *webhookTest) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Asks Partner Center to send a validation event to the registered address, and waits until the agent has accepted it.\n\n" +
			"The registration must have the event `test-created` (`include_test_event` of `cosell_webhook_registration`), and the agent must run. " +
			"Partner Center admits two tests a minute.\n\nTo test after every change of the registration, name the action in an `action_trigger` of its `lifecycle`.\n\n" +
			"**Permissions.** Those of the resource `cosell_webhook_registration`.",
		Attributes: map[string]schema.Attribute{
			"timeout_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: "How long to wait for the delivery; default `120`.",
				Validators: []validator.Int64{int64validator.Between(1, 3600)}},
		},
	}
}

// pollEvery is the pause between two looks at a delivery.
const pollEvery = 2 * time.Second

// Invoke implements [action.Action].
func (a *webhookTest) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var seconds types.Int64
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("timeout_seconds"), &seconds)...)
	if resp.Diagnostics.HasError() {
		return
	}
	patience := time.Duration(defaultTestSeconds) * time.Second
	if !seconds.IsNull() {
		patience = time.Duration(seconds.ValueInt64()) * time.Second
	}
	err := a.test(ctx, patience, func(message string) { resp.SendProgress(action.InvokeProgressEvent{Message: message}) })
	if err != nil {
		resp.Diagnostics.AddError("Webhook did not pass the test", remote.Detail(err))
	}
}

// test sends a validation event and follows it. The number of looks is bounded by the patience, so that no clock is needed.
func (a *webhookTest) test(ctx context.Context, patience time.Duration, progress func(string)) error {
	api, err := a.remote.PartnerCenter(ctx)
	if err != nil {
		return err
	}
	var correlation string
	if err := a.remote.Retry(ctx, func(ctx context.Context) (err error) {
		correlation, err = api.CreateValidationEvent(ctx)
		return err
	}); err != nil {
		return err
	}
	progress("Partner Center sends the event " + correlation)
	told := 0
	for look := patience / pollEvery; ; look-- {
		validation, err := a.read(ctx, api, correlation)
		if err != nil {
			return err
		}
		for ; told < len(validation.Results); told++ {
			progress(fmt.Sprintf("attempt %d at %s: %s", told+1, validation.CallbackURL, outcome(validation.Results[told])))
		}
		if strings.EqualFold(validation.Status, "completed") {
			return verdict(validation)
		}
		if look <= 0 {
			return overdue(validation, patience)
		}
		if err := a.remote.Pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

func (a *webhookTest) read(ctx context.Context, api *client.Client, correlation string) (validation client.Validation, err error) {
	err = a.remote.Retry(ctx, func(ctx context.Context) error {
		validation, err = api.ValidationEvent(ctx, correlation)
		return err
	})
	if client.IsNotFound(err) { // it was accepted, and is not recorded yet
		return client.Validation{}, nil
	}
	return validation, err
}

var errNoAttempt = errors.New("partner center tried no delivery: register the event test-created (include_test_event)")

// overdue tells about a test that is not through: Partner Center goes on trying.
func overdue(v client.Validation, patience time.Duration) error {
	last := "no delivery was tried yet"
	if tried := len(v.Results); tried > 0 {
		last = "the last answer was " + outcome(v.Results[tried-1])
	}
	return fmt.Errorf("the event was not accepted within %s; %s: see that %s is reachable from the internet, and that the agent runs and works with the document that names this address",
		patience, last, v.CallbackURL)
}

// verdict of a test that is through: the last attempt counts.
func verdict(v client.Validation) error {
	if len(v.Results) == 0 {
		return errNoAttempt
	}
	if last := v.Results[len(v.Results)-1]; !accepted(last) {
		return fmt.Errorf("%s did not accept the event: %s. The agent must run, trust Partner Center's certificate, and know the document with this webhook's address", v.CallbackURL, outcome(last))
	}
	return nil
}

// accepted reads a response code, which is a name such as OK, or a number.
func accepted(r client.ValidationResult) bool {
	switch code := strings.ToLower(string(r.ResponseCode)); code {
	case "ok", "accepted", "created", "nocontent":
		return !bool(r.SystemError)
	default:
		return len(code) == 3 && code[0] == '2' && !bool(r.SystemError)
	}
}

func outcome(r client.ValidationResult) string {
	text := string(r.ResponseCode)
	if r.ResponseMessage != "" {
		text += " " + r.ResponseMessage
	}
	return strings.TrimSpace(text)
}
