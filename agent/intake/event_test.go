package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

// body gives the standard event after the replacement of one part of its text.
func body(old, replacement string) string {
	right := string(eventBody("referral-updated", referralURI(referral), start))
	if !strings.Contains(right, old) {
		panic("the event does not contain " + old)
	}
	return strings.Replace(right, old, replacement, 1)
}

// TestSignedBodies has bodies that a trusted key has signed.
func TestSignedBodies(t *testing.T) { // J1 to J10
	uri := referralURI(referral)
	resource := func(address string) string { return body(uri, address) }
	date := start.Format("2006-01-02T15:04:05.0000000-07:00")
	for _, c := range []struct {
		id, body string
		want     Reason
	}{
		{"right", body("", ""), Accepted},
		{"created", body("referral-updated", "referral-created"), Accepted},
		{"related created", body("referral-updated", "related-referral-created"), Accepted},
		{"related updated", body("referral-updated", "related-referral-updated"), Accepted},
		{"unknown property", body("{", `{"Extra":{"a":[1,2,{"b":null}]},`), Accepted},
		{"line end", body("}", "}\n"), Accepted},

		{"J1 array", "[]", DocumentMalformed}, {"J1 null", "null", DocumentMalformed}, {"J1 number", "1", DocumentMalformed},
		{"J1 string", `"x"`, DocumentMalformed}, {"J1 two documents", body("}", "}{}"), DocumentMalformed}, {"J1 rest", body("}", "}x"), DocumentMalformed},
		{"J1 no properties", "{}", EventMalformed}, {"J1 space", " ", DocumentMalformed}, {"J1 BOM", "\xef\xbb\xbf" + body("", ""), DocumentMalformed},
		{"J1 comment", body("{", "{/**/"), DocumentMalformed}, {"J1 comma", body("}", ",}"), DocumentMalformed}, {"J1 open", body("}", ""), DocumentMalformed},
		{"J2 repeated", body("{", `{"EventName":"test-created",`), DocumentMalformed},
		{"J2 repeated after", body("}", `,"EventName":"test-created"}`), DocumentMalformed},
		{"J2 escaped", body("{", `{"\u0045ventName":"test-created",`), DocumentMalformed},
		{"J2 other case", body("{", `{"eventname":"test-created",`), DocumentMalformed},
		{"J2 only other case", body("EventName", "eventName"), EventMalformed},
		{"J2 only other case of the resource", body("ResourceUri", "resourceUri"), EventMalformed},
		{"J2 long s", body("ResourceUri", "Reſourceuri"), EventMalformed},
		{"J2 repeated deep inside", body("{", `{"x":{"a":1,"A":2},`), DocumentMalformed},
		{"J3 deep", strings.Repeat("[", 10000) + strings.Repeat("]", 10000), DocumentMalformed},
		{"J3 deep, open", strings.Repeat(`{"a":`, 10000), DocumentMalformed},
		{"J3 nine levels", body("{", `{"x":`+strings.Repeat("[", 8)+strings.Repeat("]", 8)+","), DocumentMalformed},
		{"J3 eight levels", body("{", `{"x":`+strings.Repeat("[", 7)+strings.Repeat("]", 7)+","), Accepted},
		{"J4 name", body(`"referral-updated"`, "1"), EventMalformed}, {"J4 resource", body(`"`+uri+`"`, `["`+uri+`"]`), EventMalformed},
		{"J4 resource object", body(`"`+uri+`"`, `{}`), EventMalformed}, {"J4 date", body(`"`+date+`"`, "1795000000"), EventMalformed},
		{"J4 audit", body("null", "{}"), EventMalformed}, {"J4 kind", body(`"ResourceName":"referral"`, `"ResourceName":true`), EventMalformed},
		{"J4 null name", body(`"referral-updated"`, "null"), EventMalformed}, {"J4 empty name", body("referral-updated", ""), EventMalformed},
		{"J6 invalid UTF-8", body("referral-", "\xffreferral-"), DocumentMalformed}, {"J6 lone surrogate", body("referral-", `\ud800`), DocumentMalformed},
		{"J6 lone surrogate in a name", body("{", `{"\udc00":1,`), DocumentMalformed}, {"J6 control character", body("referral-", "\x01"), DocumentMalformed},
		{"J6 replacement character", body("{", `{"x":"`+"\ufffd"+`",`), DocumentMalformed},

		{"J7 evil host", resource("https://evil.example/engagements/v1/referrals/" + referral), OtherResource},
		{"J7 local", resource("http://localhost:16722/v1/webhooks/registration/test"), OtherResource},
		{"J7 user information", resource("https://api.partnercenter.microsoft.com@evil.example/engagements/v1/referrals/" + referral), OtherResource},
		{"J7 user before", resource("https://x@api.partnercenter.microsoft.com/engagements/v1/referrals/" + referral), OtherResource},
		{"J7 port", resource("https://api.partnercenter.microsoft.com:8443/engagements/v1/referrals/" + referral), OtherResource},
		{"J7 suffix", resource("https://api.partnercenter.microsoft.com.evil.example/engagements/v1/referrals/" + referral), OtherResource},
		{"J7 up", resource("https://api.partnercenter.microsoft.com/engagements/v1/referrals/../../token"), OtherResource},
		{"J7 escaped slash", resource("https://api.partnercenter.microsoft.com/engagements/v1/referrals/" + referral[:35] + "%2f"), OtherResource},
		{"J7 escaped digit", resource("https://api.partnercenter.microsoft.com/engagements/v1/referrals/%30" + referral[1:]), OtherResource},
		{"J7 quote", resource("https://api.partnercenter.microsoft.com/engagements/v1/referrals/" + referral + "'"), OtherResource},
		{"J7 filter", resource(uri + "?$filter=true"), OtherResource}, {"J7 empty query", resource(uri + "?"), OtherResource},
		{"J7 fragment", resource(uri + "#x"), OtherResource}, {"J7 empty fragment", resource(uri + "#"), OtherResource}, {"J7 slash", resource(uri + "/"), OtherResource},
		{"J7 no id", resource("https://api.partnercenter.microsoft.com/engagements/v1/referrals/"), OtherResource},
		{"J7 no resource", body(`"`+uri+`"`, "null"), OtherResource}, {"J7 word", resource("referral"), OtherResource},
		{"J7 file", resource("file://api.partnercenter.microsoft.com/engagements/v1/referrals/" + referral), OtherResource},
		{"J7 other kind", body(`"ResourceName":"referral"`, `"ResourceName":"invoice"`), OtherResource},
		{"J7 no kind", body(`"ResourceName":"referral",`, ""), OtherResource},
		{"J7 http", resource(strings.Replace(uri, "https", "http", 1)), Accepted}, // read only for its id, as in the service's samples
		{"J7 the API's own address", resource("https://api.partner.microsoft.com/v1.0/engagements/referrals/" + referral), Accepted},
		{"J8 evil audit", body("null", `"https://evil.example/"`), Accepted}, // not read at all

		{"J9 other family", `{"EventName":"invoice-ready","ResourceUri":"http://localhost/","ResourceName":"invoice"}`, OtherEvent},
		{"J9 prefix", body("referral-updated", "referral-updated-x"), OtherEvent}, {"J9 case", body("referral-updated", "Referral-Updated"), OtherEvent},
		{"test event", `{"EventName":"test-created","ResourceUri":"http://api.partnercenter.microsoft.com/webhooks/v1/registration/validationEvents/` +
			referral + `","ResourceName":"test","AuditUri":null,"ResourceChangeUtcDate":"` + date + `"}`, TestEvent},

		{"J10 2017", body(date, "2017-11-16T16:19:06.3520276+00:00"), OutsideWindow}, {"J10 2099", body(date, "2099-01-01T00:00:00Z"), OutsideWindow},
		{"J10 missing", body(`,"ResourceChangeUtcDate":"`+date+`"`, ""), OutsideWindow}, {"J10 null", body(`"`+date+`"`, "null"), OutsideWindow},
		{"J10 empty", body(date, ""), OutsideWindow}, {"J10 text", body(date, "yesterday"), OutsideWindow}, {"J10 quote", body(date, `\"`), OutsideWindow},
		{"J10 year 1", body(date, "0001-01-01T00:00:00Z"), OutsideWindow},
		{"J10 oldest", body(date, start.Add(-OldestEvent).Format(time.RFC3339)), Accepted},
		{"J10 older", body(date, start.Add(-OldestEvent-time.Second).Format(time.RFC3339)), OutsideWindow},
		{"J10 newest", body(date, start.Add(NewestEvent).Format(time.RFC3339)), Accepted},
		{"J10 newer", body(date, start.Add(NewestEvent+time.Second).Format(time.RFC3339)), OutsideWindow},
		{"J10 other zone", body(date, "2026-11-20T21:00:00+09:00"), Accepted},
	} {
		t.Run(c.id, func(t *testing.T) {
			w := newWorld(t)
			w.expect(w.deliver([]byte(c.body)), c.want)
			for _, name := range w.lookups {
				if name != CertificateHost {
					t.Errorf("looked up %s", name)
				}
			}
		})
	}
}

func TestStoredEvent(t *testing.T) {
	w := newWorld(t)
	d := w.deliver([]byte(body(referral, strings.ToUpper(referral))))
	w.expect(d, Accepted)
	stored := w.inbox.stored()
	if len(stored) != 1 {
		t.Fatalf("%d events", len(stored))
	}
	e := stored[0]
	if len(e.ID) != 64 || e.Source != "webhook" || e.Key != store.ReferralKey(referral) || e.Name != "referral-updated" ||
		string(e.Body) != string(d.body) || !e.At.Equal(start) || e.Priority != 0 || !e.NotBefore.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestAddedResourceHosts(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.handler.ResourceHosts = []string{"127.0.0.1:9000"} })
	w.expect(w.deliver([]byte(body("https://api.partnercenter.microsoft.com/", "http://127.0.0.1:9000/"))), Accepted)
	w.expect(w.deliver([]byte(body("https://api.partnercenter.microsoft.com/", "http://127.0.0.1:9001/"))), OtherResource)
	w.expect(w.delivery(), Accepted)
}

func TestCommitFailure(t *testing.T) {
	w := newWorld(t)
	w.inbox.fail = errors.New("disk full")
	d := w.delivery()
	w.expect(d, CommitFailed)
	if answer, _ := w.send(d); answer.Header().Get("Retry-After") == "" {
		t.Error("the sender is not told when to try again")
	}
	if !strings.Contains(w.log.String(), "disk full") {
		t.Errorf("the cause is not logged:\n%s", w.log)
	}
	w.inbox.fail = nil
	w.expect(d, Accepted)
}

func TestReplayedEvent(t *testing.T) { // R1
	clock := &testClock{now: start}
	memory := store.NewMemory("connector", clock.Now)
	w := newWorld(t, func(s *setup) { s.handler.Inbox = memory })
	d := w.delivery()
	for range 1000 {
		if answer, reason := w.send(d); reason != Accepted || answer.Code != 200 {
			t.Fatalf("%s %d", reason, answer.Code)
		}
	}
	claims, err := memory.Claim(t.Context(), 10, time.Minute)
	if err != nil || len(claims) != 1 || claims[0].Key != store.ReferralKey(referral) || claims[0].Generation != 1 {
		t.Errorf("%+v %v", claims, err)
	}
}

func TestEventOfAnotherTenant(t *testing.T) { // R2: nothing tells it apart, so it is worth one read of an unknown referral and no more
	w := newWorld(t)
	w.expect(w.deliver(eventBody("referral-updated", referralURI("ffffffff-1111-4222-8333-444455556666"), start)), Accepted)
	w.expect(w.delivery(), Accepted)
	var names []string
	for _, e := range w.inbox.stored() {
		var content map[string]any
		if err := json.Unmarshal(e.Body, &content); err != nil || len(content) != 5 {
			t.Errorf("%s: %v", e.Body, err)
		}
		names = append(names, e.Key)
	}
	if len(names) != 2 || names[0] == names[1] {
		t.Errorf("keys %v: each event marks its own referral and no other", names)
	}
}

func TestOldEventAfterANewerOne(t *testing.T) { // R3: both are hints of one referral, and order does not matter
	w := newWorld(t)
	w.expect(w.deliver(eventBody("referral-updated", referralURI(referral), start)), Accepted)
	w.expect(w.deliver(eventBody("referral-created", referralURI(referral), start.Add(-time.Hour))), Accepted)
	for _, e := range w.inbox.stored() {
		if e.Key != store.ReferralKey(referral) || !e.At.Equal(start) {
			t.Errorf("%+v: the event's own time must not become the record's", e)
		}
	}
}

func TestReplayIsKnownOrTooOld(t *testing.T) {
	w := newWorld(t)
	d := w.deliver(eventBody("referral-updated", referralURI(referral), start.Add(NewestEvent)))
	w.expect(d, Accepted)
	w.serve(signerPath, w.ca.issueFor(t, w.ca.leafKey.Public(), nil))
	w.clock.Advance(Retention + time.Second)
	w.expect(d, OutsideWindow)
}

// TestFold compares with the fold of encoding/json, which is the equality of simple Unicode folding.
func TestFold(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if next := unicode.SimpleFold(r); next != r && fold(string(r)) != fold(string(next)) {
			t.Errorf("%q and %q", r, next)
		}
	}
}

func TestLogsHoldNothingOfTheSender(t *testing.T) {
	w := newWorld(t)
	const canary = "canary7f3a"
	for _, change := range []func(*world, *delivery){
		header("X-Ms-Certificate-Url", "https://evil.example/"+canary), header("X-Ms-Certificate-Url", "https://"+host+"/cert/"+canary+".cer"),
		header("X-Ms-Signature", "Signature "+canary), header("X-Ms-Signature-Algorithm", canary), header("Content-Type", canary),
		func(w *world, d *delivery) { *d = *w.deliver([]byte(`{"EventName":"` + canary + `"}`)) },
		func(w *world, d *delivery) { *d = *w.deliver([]byte(canary)) },
		func(w *world, d *delivery) { *d = *w.deliver([]byte(body(referral, canary))) },
		func(_ *world, d *delivery) { d.target = "/" + canary },
		func(_ *world, d *delivery) { d.method = strings.ToUpper(canary) },
	} {
		d := w.delivery()
		change(w, d)
		answer, reason := w.send(d)
		if strings.Contains(fmt.Sprint(answer.Header(), answer.Body.String()), canary) {
			t.Errorf("%s: the answer repeats the request", reason)
		}
		w.clock.Advance(time.Minute) // so that every refusal is logged
	}
	if log := w.log.String(); strings.Contains(strings.ToLower(log), canary) || strings.Count(log, "webhook refused") < 7 {
		t.Errorf("log:\n%s", log)
	}
}

func TestRefusalsAreLoggedOnceASecond(t *testing.T) {
	w := newWorld(t)
	d := w.delivery()
	d.header.Del("X-Ms-Signature")
	for range 100 {
		w.expect(d, SignatureMissing)
		w.clock.Advance(100 * time.Millisecond)
	}
	if n := strings.Count(w.log.String(), "webhook refused"); n != 10 {
		t.Errorf("%d lines", n)
	}
	if n := w.handler.Counts()[SignatureMissing]; n != 100 {
		t.Errorf("%d counted", n)
	}
}
