package partnercenter

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

var referralEvents = []string{"referral-created", "referral-updated", "related-referral-created", "related-referral-updated"}

func TestRegistration(t *testing.T) {
	w := newWorld(t)
	if r := w.hook("GET", registrationPath, nil); r.status != 404 || r.at("code") != 404.0 {
		t.Errorf("no registration: %d %s", r.status, r.raw)
	}
	r := w.register("https://agent.example.com/hooks", "test-created", "referral-created")
	subscriber := r.text("subscriberId")
	if r.status != 200 || subscriber == "" || r.at("webhookEvents", 1) != "referral-created" || r.at("signatureTokenToMsSignatureHeader") != false {
		t.Fatalf("register: %d %s", r.status, r.raw)
	}
	if r := w.register("https://agent.example.com/hooks"); r.status != 409 {
		t.Errorf("second POST: %d", r.status)
	}
	r = w.hook("PUT", registrationPath, map[string]any{
		"webhookUrl": "https://other.example.com", "webhookEvents": []string{"invoice-ready"}, "signatureTokenToMsSignatureHeader": "true",
	})
	if r.status != 200 || r.text("subscriberId") != subscriber || r.at("signatureTokenToMsSignatureHeader") != true {
		t.Errorf("PUT: %d %s", r.status, r.raw)
	}
	w.headers["MS-CorrelationId"] = "abc"
	if r := w.hook("GET", registrationPath, nil); r.text("webhookUrl") != "https://other.example.com" || r.header.Get("MS-CorrelationId") != "abc" {
		t.Errorf("GET: %s", r.raw)
	}
	for name, body := range map[string]any{
		"event": map[string]any{"webhookUrl": "https://a.example.com", "webhookEvents": []string{"deal-created"}},
		"url":   map[string]any{"webhookUrl": "a.example.com", "webhookEvents": []string{"referral-created"}},
		"flag":  `{"webhookUrl": 5}`, "text": "{",
	} {
		if r := w.hook("PUT", registrationPath, body); r.status != 400 || r.text("description") == "" {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
	var names []string
	if err := json.Unmarshal([]byte(w.hook("GET", eventsPath, nil).raw), &names); err != nil || len(names) < 20 {
		t.Errorf("events %v, %v", names, err)
	}
	application := w.token("client_credentials", EventsAudience)
	if r := w.do(application, "GET", w.events+registrationPath, nil); r.status != 200 {
		t.Errorf("application's token: %d", r.status)
	}
	if r := w.do(w.token("refresh_token", ReferralsAudience), "GET", w.events+registrationPath, nil); r.status != 401 || r.at("code") != 900420.0 {
		t.Errorf("wrong audience: %d %s", r.status, r.raw)
	}
	for path, status := range map[string]int{registrationPath: 405, eventsPath: 405, "/webhooks/v1/other": 404, validationPath + "/x": 405} {
		if r := w.hook("DELETE", path, nil); r.status != status {
			t.Errorf("DELETE %s: %d", path, r.status)
		}
	}
}

func TestAnotherToolOverwrites(t *testing.T) {
	w := newWorld(t)
	if _, _, ok := w.service.Registration(); ok {
		t.Error("there is a registration already")
	}
	w.register("https://agent.example.com/hooks", "referral-created")
	if err := w.service.Overwrite("https://other.example.com", []string{"invoice-ready"}); err != nil {
		t.Fatal(err)
	}
	url, events, ok := w.service.Registration()
	if !ok || url != "https://other.example.com" || len(events) != 1 || w.hook("GET", registrationPath, nil).text("webhookUrl") != url {
		t.Errorf("registration %s %v", url, events)
	}
	if op := w.logged(func(op lab.Operation) bool { return op.Actor == "other_tool" }); op.Action != "update" || op.Object != "registration" {
		t.Errorf("logged %+v", op)
	}
	if w.service.Overwrite("x", nil) == nil || w.service.Overwrite(url, []string{"x"}) == nil {
		t.Error("a senseless registration was accepted")
	}
}

// verify checks a webhook as a receiver must: the chain, the name, and the signature over the raw body.
func verify(t *testing.T, authority *Authority, got received, signature string) {
	t.Helper()
	certificate, err := x509.ParseCertificate(authority.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority.TrustBundle()) {
		t.Fatal("the trust bundle is not PEM")
	}
	if _, err := certificate.Verify(x509.VerifyOptions{DNSName: signerHost, Roots: pool, Intermediates: pool}); err != nil {
		t.Error(err)
	}
	if certificate.Subject.Organization[0] != microsoft || certificate.Issuer.Organization[0] != microsoft || certificate.IsCA {
		t.Errorf("subject %v, issuer %v", certificate.Subject, certificate.Issuer)
	}
	encoded, ok := strings.CutPrefix(signature, "Signature ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		t.Fatalf("signature %q: %v", signature, err)
	}
	digest := sha256.Sum256(got.body)
	if err := rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], raw); err != nil {
		t.Error(err)
	}
}

func TestSignedDelivery(t *testing.T) {
	for _, header := range []string{"Authorization", "x-ms-signature"} {
		w := newWorld(t)
		url, arrived := receiver(t, always(200))
		w.hook("POST", registrationPath, map[string]any{
			"WebhookUrl": url, "WebhookEvents": referralEvents, "SignatureTokenToMsSignatureHeader": header != "Authorization",
		})
		referral := w.receive(Deal{})
		got := next(t, arrived)
		if got.event.EventName != "referral-created" || got.event.ResourceURI != resourceURI+referral.ID || got.event.ResourceName != "referral" ||
			got.event.AuditURI != nil {
			t.Errorf("event %+v", got.event)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.0000000-07:00", got.event.ResourceChangeUTCDate); err != nil {
			t.Error(err)
		}
		if got.header.Get("X-MS-Signature-Algorithm") != "rsa-sha256" || !strings.HasSuffix(got.header.Get("X-MS-Certificate-Url"), CertificatePath) ||
			got.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("headers %v", got.header)
		}
		verify(t, w.service.Authority(), got, got.header.Get(header))
		if op := w.logged(func(op lab.Operation) bool { return op.Action == "webhook" }); op.Object != "referral-created" || op.ID != referral.ID || op.Status != 200 {
			t.Errorf("logged %+v", op)
		}
	}
}

func TestCertificateListenerAndRenewal(t *testing.T) {
	authority, err := NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.TLSCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(authority.Handler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.TrustBundle())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	get := func(path string) (int, string) {
		response, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	status, first := get(CertificatePath)
	if status != 200 || first != string(authority.Certificate()) {
		t.Errorf("certificate: %d", status)
	}
	if status, _ := get("/cert/other.cer"); status != 404 {
		t.Errorf("other path: %d", status)
	}
	if err := authority.Renew(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, second := get(CertificatePath); second == first {
		t.Error("the certificate was not renewed")
	}
}

func TestEventsOfACoSellDeal(t *testing.T) {
	w := newWorld(t)
	url, arrived := receiver(t, always(204))
	w.register(url, referralEvents...)
	own := w.create(shared())
	microsofts := w.create(toMicrosoft(own.text("engagementId")))
	if _, err := w.service.AcceptCounterpart(own.text("id"), ""); err != nil {
		t.Fatal(err)
	}
	w.call("PATCH", "/"+own.text("id"), []any{replaceOp("/details/notes", "x")})
	for _, want := range [][2]string{
		{"referral-created", own.text("id")}, {"related-referral-created", microsofts.text("id")},
		{"related-referral-updated", microsofts.text("id")}, {"referral-updated", own.text("id")},
	} {
		if got := next(t, arrived); got.event.EventName != want[0] || got.event.ResourceURI != resourceURI+want[1] {
			t.Errorf("event %+v, want %v", got.event, want)
		}
	}
}

func TestTenAttemptsThenOffline(t *testing.T) {
	w := newWorld(t)
	url, arrived := receiver(t, func(n int) int {
		if n == 13 {
			return 200
		}
		return 503
	})
	w.register(url, "referral-created")
	lost := w.receive(Deal{})
	for range maxAttempts {
		next(t, arrived)
	}
	attempts := 0
	w.logged(func(op lab.Operation) bool {
		if op.Action == "webhook" && op.Status == 503 {
			attempts++
		}
		return attempts == maxAttempts
	})
	waiting, offline := w.service.Deliveries()
	if len(waiting) != 0 || len(offline) != 1 || offline[0].ID != lost.ID || offline[0].Attempts != maxAttempts {
		t.Errorf("waiting %+v, offline %+v", waiting, offline)
	}
	w.receive(Deal{})
	for range 3 {
		next(t, arrived)
	}
	w.logged(func(op lab.Operation) bool { return op.Action == "webhook" && op.Status == 200 })
	if waiting, offline := w.service.Deliveries(); len(waiting) != 0 || len(offline) != 1 {
		t.Errorf("waiting %+v, offline %+v", waiting, offline)
	}
}

func TestDeliveryPlan(t *testing.T) {
	w := newWorld(t)
	url, arrived := receiver(t, always(200))
	w.register(url, "referral-created")
	plan := func(p DeliveryPlan) {
		t.Helper()
		if err := w.service.SetDeliveryPlan(p); err != nil {
			t.Fatal(err)
		}
	}
	plan(DeliveryPlan{Duplicate: 1})
	twice := w.receive(Deal{})
	for range 2 {
		if got := next(t, arrived); got.event.ResourceURI != resourceURI+twice.ID {
			t.Errorf("event %+v", got.event)
		}
	}
	plan(DeliveryPlan{Drop: 1})
	dropped := w.receive(Deal{})
	w.logged(func(op lab.Operation) bool { return op.Fault == "dropped" && op.ID == dropped.ID })
	plan(DeliveryPlan{Reorder: 1, HoldMS: int(time.Hour.Milliseconds())})
	late := w.receive(Deal{})
	plan(DeliveryPlan{})
	early := w.receive(Deal{})
	if got := next(t, arrived); got.event.ResourceURI != resourceURI+early.ID {
		t.Errorf("event %+v, want the one of %s", got.event, early.ID)
	}
	if waiting, _ := w.service.Deliveries(); len(waiting) != 1 || waiting[0].ID != late.ID {
		t.Errorf("held back: %+v", waiting)
	}
	for _, bad := range []DeliveryPlan{{Drop: 2}, {Duplicate: -1}, {HoldMS: -1}} {
		if w.service.SetDeliveryPlan(bad) == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestValidationEvents(t *testing.T) {
	w := newWorld(t)
	if r := w.hook("POST", validationPath, nil); r.status != 400 {
		t.Errorf("without a registration: %d", r.status)
	}
	url, arrived := receiver(t, always(200))
	w.register(url, "test-created")
	r := w.hook("POST", validationPath, nil)
	id := r.text("correlationId")
	if r.status != 200 || id == "" {
		t.Fatalf("validation event: %d %s", r.status, r.raw)
	}
	if got := next(t, arrived); got.event.EventName != "test-created" || !strings.HasSuffix(got.event.ResourceURI, validationPath+"/"+id) {
		t.Errorf("event %+v", got.event)
	}
	w.logged(func(op lab.Operation) bool { return op.Action == "webhook" && op.ID == id })
	r = w.hook("GET", validationPath+"/"+id, nil)
	if r.text("status") != "completed" || r.text("results", 0, "responseCode") != "OK" || r.text("callbackUrl") != url {
		t.Errorf("result %s", r.raw)
	}
	if r := w.hook("POST", validationPath, nil); r.status != 200 {
		t.Errorf("second: %d", r.status)
	}
	if r := w.hook("POST", validationPath, nil); r.status != 429 || r.header.Get("Retry-After") == "" || r.at("statusCode") != 429.0 {
		t.Errorf("third in a minute: %d %s", r.status, r.raw)
	}
	w.kit.Clock.Advance(time.Minute)
	if r := w.hook("POST", validationPath, nil); r.status != 200 {
		t.Errorf("a minute later: %d", r.status)
	}
	w.kit.Clock.Advance(8 * 24 * time.Hour)
	w.tokens = map[string]string{}
	if r := w.hook("GET", validationPath+"/"+id, nil); r.status != 404 {
		t.Errorf("after 7 days: %d", r.status)
	}
}
