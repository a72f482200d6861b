package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

var partnerCenterCapabilities = map[string]capability{
	"cosell_webhook_registration": {
		config: `
resource "cosell_webhook_registration" "test" {
  url                = "https://agent.example.com/hooks/1"
  overwrite_existing = true
}`,
		changes: map[string]func(*testing.T, *world){
			"url": func(t *testing.T, w *world) {
				// Another tool that is interested in something else; what it had stays when ours goes.
				w.register(t, func(r *partnercenter.Registration) {
					r.WebhookURL, r.WebhookEvents = "https://elsewhere.example.com/hooks/2", []string{"subscription-updated"}
				})
			},
			"events": func(t *testing.T, w *world) {
				w.register(t, func(r *partnercenter.Registration) {
					r.WebhookEvents = slices.DeleteFunc(r.WebhookEvents, func(event string) bool { return event == partnercenter.EventReferralUpdated })
				})
			},
			"include_test_event": func(t *testing.T, w *world) {
				w.register(t, func(r *partnercenter.Registration) {
					r.WebhookEvents = slices.DeleteFunc(r.WebhookEvents, func(event string) bool { return event == partnercenter.EventTestCreated })
				})
			},
			"signature_header": func(t *testing.T, w *world) {
				w.register(t, func(r *partnercenter.Registration) { r.SignatureTokenToMsSignatureHeader = true })
			},
		},
		// A registration cannot be deleted: what is ours in it are the events.
		exists: func(t *testing.T, w *world) bool {
			registration, found, err := w.partnerCenter(t).Registration(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return found && slices.ContainsFunc(registration.WebhookEvents, func(event string) bool { return strings.Contains(event, "referral") })
		},
		importID:     "current",
		importIgnore: []string{"overwrite_existing"},
		unknown: `
resource "cosell_webhook_registration" "test" {
  url = terraform_data.later.output
}`,
		laterValue: "https://agent.example.com/hooks/1",
		invalid: map[string]invalid{
			"not https": {`
resource "cosell_webhook_registration" "test" {
  url = "http://agent.example.com/hooks/1"
}`, words("does not use https")},
			"unknown event": {`
resource "cosell_webhook_registration" "test" {
  url    = "https://agent.example.com/hooks/1"
  events = ["referral-painted"]
}`, words("referral-painted")},
		},
		creates: func(request *http.Request, _ string) bool {
			return request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/webhooks/v1/registration")
		},
	},
}

// register changes the tenant's registration as another application does.
func (w *world) register(t *testing.T, change func(*partnercenter.Registration)) {
	t.Helper()
	registration, found, err := w.partnerCenter(t).Registration(t.Context())
	if err != nil || !found {
		t.Fatalf("read the registration: found %v, %v", found, err)
	}
	change(&registration)
	if _, err := w.partnerCenter(t).UpdateRegistration(t.Context(), registration); err != nil {
		t.Fatal(err)
	}
}
