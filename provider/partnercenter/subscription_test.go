package partnercenter

import (
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

const (
	mine   = "https://agent.example.com/"
	theirs = "https://other-tool.example.com/"
)

func registered(url string, events ...string) client.Registration {
	return client.Registration{WebhookURL: url, WebhookEvents: events}
}

// A life of declarations over registrations: what is written each time, and what destroy leaves.
func TestSubscription(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live     client.Registration
		previous []string
		known    record
		want     subscription
		written  []string
		rest     []string // after destroy
	}{
		"first": {
			live: client.Registration{}, want: subscription{events: []string{"a", "b"}, preserveForeign: true},
			written: []string{"a", "b"},
		},
		"beside others": {
			live: registered(mine, "x"), want: subscription{events: []string{"a"}, preserveForeign: true},
			written: []string{"a", "x"}, rest: []string{"x"},
		},
		"others are removed": {
			live: registered(mine, "x"), want: subscription{events: []string{"a"}},
			written: []string{"a"},
		},
		"takeover inherits": {
			live: registered(theirs, "a", "x"), want: subscription{events: []string{"a", "b"}, preserveForeign: true},
			written: []string{"a", "b", "x"}, rest: []string{"a", "x"},
		},
		"rest of an interrupted apply is ours": {
			live: registered(mine, "a", "b"), want: subscription{events: []string{"a", "b"}, preserveForeign: true},
			written: []string{"a", "b"},
		},
		"dropped declaration": {
			live: registered(mine, "a", "b", "x"), previous: []string{"a", "b"}, known: record{URL: mine},
			want: subscription{events: []string{"a"}, preserveForeign: true}, written: []string{"a", "x"}, rest: []string{"x"},
		},
		"dropped declaration of an inherited event": {
			live: registered(mine, "a", "b"), previous: []string{"a", "b"}, known: record{URL: mine, Inherited: []string{"b"}},
			want: subscription{events: []string{"a"}, preserveForeign: true}, written: []string{"a", "b"}, rest: []string{"b"},
		},
		"spelling of the service": {
			live: registered(mine, "A"), want: subscription{events: []string{"a"}, preserveForeign: true},
			written: []string{"a"},
		},
	} {
		test.want.url = mine
		written := merge(test.live, test.want, test.previous, test.known)
		if !slices.Equal(written.WebhookEvents, test.written) || written.WebhookURL != mine {
			t.Errorf("%s: writes %s %q, want %q", name, written.WebhookURL, written.WebhookEvents, test.written)
		}
		rest := remainder(written, test.want.events, remember(test.live, test.want, test.known))
		if !slices.Equal(rest, test.rest) {
			t.Errorf("%s: destroy leaves %q, want %q", name, rest, test.rest)
		}
	}
}

func TestForeignURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		live client.Registration
		want string
	}{
		{client.Registration{}, ""},
		{registered(mine, "a"), ""},
		{registered(theirs, "a"), theirs},
		{registered(theirs), ""}, // without events nobody uses it
	} {
		if got := foreignURL(test.live, mine); got != test.want {
			t.Errorf("foreignURL(%v) = %q, want %q", test.live, got, test.want)
		}
	}
}

// Every attribute of the schema has a field in the model, and the other way round.
func TestModelMatchesSchema(t *testing.T) {
	t.Parallel()
	var schema resource.SchemaResponse
	NewWebhookRegistration().Schema(t.Context(), resource.SchemaRequest{}, &schema)
	if diagnostics := schema.Schema.ValidateImplementation(t.Context()); diagnostics.HasError() {
		t.Error(diagnostics)
	}
	var inSchema, inModel []string
	for attribute := range schema.Schema.Attributes {
		inSchema = append(inSchema, attribute)
	}
	for i := range reflect.TypeFor[webhookModel]().NumField() {
		inModel = append(inModel, reflect.TypeFor[webhookModel]().Field(i).Tag.Get("tfsdk"))
	}
	slices.Sort(inSchema)
	slices.Sort(inModel)
	if !slices.Equal(inSchema, inModel) {
		t.Errorf("the model has %q, the schema %q", inModel, inSchema)
	}
}
