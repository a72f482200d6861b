package partnercenter

import (
	"slices"
	"strings"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

// referralEvents are the events of a registration that names none.
var referralEvents = []string{
	client.EventReferralCreated, client.EventReferralUpdated,
	client.EventRelatedReferralCreated, client.EventRelatedReferralUpdated,
}

// subscription is what one declaration wants of the tenant's registration.
type subscription struct {
	url             string
	events          []string // declared, test-created included where asked for
	signatureHeader bool     // x-ms-signature instead of Authorization
	preserveForeign bool
}

// record is kept in the resource's private state: what the registration was when we last wrote it.
type record struct {
	// URL that we registered. Another one found later was put there by somebody else.
	URL string `json:"url"`
	// Inherited are declared events that were registered for another URL before the takeover: not ours to unsubscribe.
	Inherited []string `json:"inherited,omitempty"`
	// PreviousURL is the address that the takeover replaced.
	PreviousURL string `json:"previous_url,omitempty"`
}

// foreignURL gives the URL by which somebody else uses the registration, "" when nobody does. A registration without
// events is used by nobody: the service has no way to delete one.
func foreignURL(live client.Registration, ours ...string) string {
	if len(live.WebhookEvents) == 0 || slices.Contains(ours, live.WebhookURL) {
		return ""
	}
	return live.WebhookURL
}

// merge gives the registration to write over the live one: the wanted events, those of others if they are preserved, and
// the properties, whose meaning only the service knows.
// Dropped are the events of the previous declaration that the wanted one no longer names.
func merge(live client.Registration, want subscription, previous []string, known record) client.Registration {
	events := slices.Clone(want.events)
	if want.preserveForeign {
		dropped := without(without(previous, want.events), known.Inherited)
		events = append(events, without(live.WebhookEvents, append(slices.Clone(want.events), dropped...))...)
	}
	return client.Registration{
		WebhookURL:                        want.url,
		WebhookEvents:                     sorted(events),
		SignatureTokenToMsSignatureHeader: client.Bool(want.signatureHeader),
		Properties:                        live.Properties,
	}
}

// remember gives the record after want has been written over live. Events that another URL had already are inherited;
// under our own URL they are the rest of an interrupted apply, and ours.
func remember(live client.Registration, want subscription, known record) record {
	next := record{URL: want.url, Inherited: common(known.Inherited, want.events), PreviousURL: known.PreviousURL}
	if taken := foreignURL(live, want.url, known.URL); taken != "" {
		next.PreviousURL = taken
		next.Inherited = sorted(append(next.Inherited, without(common(want.events, live.WebhookEvents), next.Inherited)...))
	}
	return next
}

// remainder gives the events that stay when the declaration goes: all but those that we added.
func remainder(live client.Registration, declared []string, known record) []string {
	return sorted(without(live.WebhookEvents, without(declared, known.Inherited)))
}

// covers reports whether the live registration does all that want asks for. It decides whether a write whose answer was
// lost has been applied.
func covers(live, want client.Registration) bool {
	return live.WebhookURL == want.WebhookURL &&
		live.SignatureTokenToMsSignatureHeader == want.SignatureTokenToMsSignatureHeader &&
		slices.Equal(sorted(live.WebhookEvents), sorted(want.WebhookEvents))
}

// contains compares event names as the service does not document: without regard to case.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, name) })
}

func without(names, excluded []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return contains(excluded, name) })
}

func common(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !contains(others, name) })
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
