package partnercenter

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"
)

const registrationPath = "/webhooks/v1/registration"

func TestRegistration(t *testing.T) {
	want := Registration{
		WebhookURL: "https://agent.example.com/hooks/pc", WebhookEvents: List[string]{"referral-created", "test-created"},
		SignatureTokenToMsSignatureHeader: true, SubscriberID: "s1",
	}
	for name, test := range map[string]struct {
		status int
		body   string
		want   Registration
		found  bool
	}{
		"pascal case": {200, `{"WebhookUrl":"https://agent.example.com/hooks/pc","WebhookEvents":["referral-created","test-created"],"SignatureTokenToMsSignatureHeader":true,"SubscriberId":"s1"}`, want, true},
		"properties": {200, `{"webhookUrl":"https://agent.example.com/hooks/pc","webhookEvents":[],"properties":{"a":1.50}}`, Registration{
			WebhookURL: "https://agent.example.com/hooks/pc", WebhookEvents: List[string]{}, Properties: json.RawMessage(`{"a":1.50}`)}, true},
		"camel case": {200, `{"webhookUrl":"https://agent.example.com/hooks/pc","webhookEvents":["referral-created","test-created"],"signatureTokenToMsSignatureHeader":"True","subscriberId":"s1"}`, want, true},
		"404":        {404, `{"code":404,"description":"none"}`, Registration{}, false},
		"no content": {204, ``, Registration{}, false},
		"null":       {200, `null`, Registration{}, false},
		"empty":      {200, `{"webhookUrl":null,"webhookEvents":null}`, Registration{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply("GET "+registrationPath, test.status, test.body)
			got, found, err := f.client().Registration(t.Context())
			if err != nil || found != test.found || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v %t %v", got, found, err)
			}
		})
	}
	f := newFake(t)
	f.reply("GET "+registrationPath, 403, `{"code":900308,"description":"insufficient privileges"}`)
	if _, found, err := f.client().Registration(t.Context()); found || !IsDenied(err) {
		t.Errorf("%t %v", found, err)
	}
}

func TestWriteRegistration(t *testing.T) {
	f := newFake(t)
	c := f.client()
	registration := Registration{
		WebhookURL: "https://agent.example.com/hooks/pc", WebhookEvents: List[string]{EventReferralCreated},
		SignatureTokenToMsSignatureHeader: true, SubscriberID: "old", LastModifiedTimestamp: Time{time.Unix(1, 0)},
	}
	const sent = `{"WebhookUrl":"https://agent.example.com/hooks/pc","WebhookEvents":["referral-created"],"SignatureTokenToMsSignatureHeader":true}`
	f.reply("POST "+registrationPath, 200, `{"SubscriberId":"s2","WebhookUrl":"https://agent.example.com/hooks/pc","WebhookEvents":["referral-created"]}`)
	got, err := c.CreateRegistration(t.Context(), registration)
	if err != nil || got.SubscriberID != "s2" || f.last().body != sent {
		t.Errorf("%+v %v %s", got, err, f.last().body)
	}
	f.reply("PUT "+registrationPath, 200, ``)
	if got, err = c.UpdateRegistration(t.Context(), Registration{WebhookURL: "https://x.example.com"}); err != nil || got.WebhookURL != "https://x.example.com" {
		t.Errorf("%+v %v", got, err)
	}
	if f.last().body != `{"WebhookUrl":"https://x.example.com","WebhookEvents":[],"SignatureTokenToMsSignatureHeader":false}` {
		t.Error(f.last().body)
	}
	const properties = `{"owner":{"team":"R&D <co-sell>"},"Limit":1.50,"big":12345678901234567890,"tags":["é","\u00e9",null]}`
	if _, err = c.UpdateRegistration(t.Context(), Registration{WebhookURL: "https://x.example.com", Properties: json.RawMessage(properties)}); err != nil {
		t.Error(err)
	}
	if f.last().body != `{"WebhookUrl":"https://x.example.com","WebhookEvents":[],"SignatureTokenToMsSignatureHeader":false,"Properties":`+properties+`}` {
		t.Error(f.last().body)
	}
	f.reply("POST "+registrationPath, 409, `{"code":409,"description":"exists"}`)
	if _, err := c.CreateRegistration(t.Context(), registration); !IsConflict(err) {
		t.Error(err)
	}
}

func TestWebhookEvents(t *testing.T) {
	f := newFake(t)
	f.reply("GET "+registrationPath+"/events", 200, `["referral-created","invoice-ready"]`)
	got, err := f.client().WebhookEvents(t.Context())
	if err != nil || !reflect.DeepEqual(got, []string{"referral-created", "invoice-ready"}) {
		t.Error(got, err)
	}
}

func TestValidationEvents(t *testing.T) {
	f := newFake(t)
	c := f.client()
	for _, body := range []string{`{"correlationId":"c1"}`, `{"CorrelationId":"c1"}`, `"c1"`} {
		f.reply("POST "+registrationPath+"/validationEvents", 200, body)
		if id, err := c.CreateValidationEvent(t.Context()); id != "c1" || err != nil || f.last().body != "" {
			t.Errorf("%s: %q %v", body, id, err)
		}
	}
	for _, body := range []string{``, `{}`, `[]`} {
		f.reply("POST "+registrationPath+"/validationEvents", 200, body)
		var unreadable *DecodeError
		if _, err := c.CreateValidationEvent(t.Context()); !errors.As(err, &unreadable) {
			t.Errorf("%s: %v", body, err)
		}
	}
	f.reply("GET "+registrationPath+"/validationEvents/c1", 200, `{"correlationId":"c1","partnerId":"p","status":"completed","callbackUrl":"https://agent.example.com","results":[{"responseCode":"OK","responseMessage":"","systemError":false,"dateTimeUtc":"2026-01-02T03:04:05.1234567+00:00"},{"responseCode":500,"responseMessage":null,"systemError":true,"dateTimeUtc":null}]}`)
	got, err := c.ValidationEvent(t.Context(), "c1")
	if err != nil || got.Status != "completed" || len(got.Results) != 2 || got.Results[0].ResponseCode != "OK" || got.Results[1].ResponseCode != "500" || !got.Results[1].SystemError {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := c.ValidationEvent(t.Context(), ""); err == nil {
		t.Error("an empty id was accepted")
	}
}

func TestEvent(t *testing.T) {
	for body, want := range map[string]string{
		`{"EventName":"referral-updated","ResourceUri":"https://api.partnercenter.microsoft.com/engagements/v1/referrals/r1","ResourceName":"referral","AuditUri":null,"ResourceChangeUtcDate":"2026-01-02T03:04:05.6789012+00:00"}`: "r1",
		`{"eventName":"referral-updated","resourceUri":"http://x/validationEvents/c1/","resourceChangeUtcDate":"2026-01-02T03:04:05.6789012+00:00"}`:                                                                                 "c1",
	} {
		var event Event
		if err := json.Unmarshal([]byte(body), &event); err != nil {
			t.Fatal(err)
		}
		if event.EventName != EventReferralUpdated || event.ResourceID() != want || !event.ResourceChangeUTCDate.Equal(time.Date(2026, 1, 2, 3, 4, 5, 678901200, time.UTC)) {
			t.Errorf("%+v %s", event, event.ResourceID())
		}
	}
	if id := (Event{ResourceURI: "%zz"}).ResourceID(); id != "" {
		t.Error(id)
	}
}

func TestValuesEncode(t *testing.T) {
	got, err := json.Marshal(struct {
		Value, None Number
		At, Never   Time
	}{"10.50", "", Time{time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 7200))}, Time{}})
	if err != nil || string(got) != `{"Value":10.50,"None":null,"At":"2026-01-02T01:04:05.0000006Z","Never":null}` {
		t.Errorf("%s %v", got, err)
	}
	if _, err := json.Marshal(Number("12,5")); err == nil {
		t.Error("12,5 was encoded as a number")
	}
	if value, ok := Number("10.5").Float64(); value != 10.5 || !ok {
		t.Error(value, ok)
	}
	if _, ok := Number("").Float64(); ok {
		t.Error("an absent number has a value")
	}
}
