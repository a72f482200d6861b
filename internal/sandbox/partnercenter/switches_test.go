package partnercenter

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// probe shows a switch's effect: run says what a client sees, want what it must see under each value.
type probe struct {
	run  func(w *world) string
	want map[string]string
}

func status(r reply) string { return fmt.Sprint(r.status) }

func items(r reply) string {
	values, _ := r.at("value").([]any)
	return fmt.Sprint(r.status, " ", len(values))
}

// closeAs tries to close a referral and says with which status the service answers.
func closeAs(w *world, id, substatus string) string {
	return status(w.call("PATCH", "/"+id, []any{replaceOp("/status", "Closed"), replaceOp("/substatus", substatus)}))
}

func pair(w *world) (own, microsofts reply) {
	own = w.create(shared())
	return own, w.create(toMicrosoft(own.text("engagementId")))
}

var listProbes = map[string]probe{
	switchNextLink: {func(w *world) string {
		for range pageSize + 1 {
			w.receive(Deal{})
		}
		link := w.list("").text("@odata.nextLink")
		return status(w.do(w.token("refresh_token", ReferralsAudience), "GET", link, nil))
	}, map[string]string{"http_without_engagements": "404", "complete": "200"}},
	switchDateFilter: {func(w *world) string { return status(w.list("$filter=updatedDateTime ge 2020-01-01T00:00:00Z")) },
		map[string]string{"supported": "200", "refused": "400"}},
	switchFilterFields: {func(w *world) string { return status(w.list("$filter=externalReferenceId eq '006'")) },
		map[string]string{"documented": "400", "any": "200"}},
	switchTopMaximum: {func(w *world) string { return status(w.list("$top=101")) }, map[string]string{"paged": "200", "refused": "400"}},
	switchCount: {func(w *world) string {
		return fmt.Sprint(w.list("").at("@odata.count"), w.list("$count=true").at("@odata.count"))
	}, map[string]string{"always": "0 0", "on_request": "<nil> 0"}},
	switchListLag: {func(w *world) string {
		w.create(deal())
		now := items(w.list(""))
		w.kit.Clock.Advance(listLag)
		return now + ", " + items(w.list(""))
	}, map[string]string{"none": "200 1, 200 1", "30s": "200 0, 200 1"}},
	switchLinkGUID: {func(w *world) string {
		return fmt.Sprint(strings.Contains(w.create(deal()).text("links", "relatedReferrals", "uri"), "'"))
	}, map[string]string{"unquoted": "false", "quoted": "true"}},
	switchCounterpartListed: {func(w *world) string {
		own, _ := pair(w)
		return items(w.list("")) + ", " + items(w.list("$filter=engagementId eq '"+own.text("engagementId")+"'"))
	}, map[string]string{"always": "200 2, 200 2", "by_engagement": "200 1, 200 2"}},
	switchMarketplaceLeads: {func(w *world) string {
		lead := w.receive(Deal{Kind: "marketplace_lead"})
		return items(w.list("")) + ", " + status(w.call("GET", "/"+lead.ID, nil))
	}, map[string]string{"listed": "200 1, 200", "hidden": "200 0, 200"}},
	switchOptionalArrays: {func(w *world) string {
		r := w.create(deal())
		tags, there := r.body["tags"]
		return fmt.Sprint(there, tags, r.at("details", "requirements", "offers"))
	}, map[string]string{"present": "true [] []", "null": "true <nil> <nil>", "absent": "false <nil> <nil>"}},
	switchEscapedNames: {func(w *world) string {
		return w.create(with(deal(), "name", "A & B")).text("name")
	}, map[string]string{"off": "A & B", "on": "A &amp; B"}},
}

var writeProbes = map[string]probe{
	switchCreateStatus: {func(w *world) string { return status(w.create(deal())) }, map[string]string{"200": "200", "201": "201"}},
	switchValidation: {func(w *world) string {
		return status(w.call("POST", "", with(deal(), "customerProfile/address/country", "NOR")))
	}, map[string]string{"strict": "400", "minimal": "200"}},
	switchUnknownProperties: {func(w *world) string { return status(w.call("POST", "", with(deal(), "colour", "blue"))) },
		map[string]string{"ignored": "200", "refused": "400"}},
	switchExternalReference: {func(w *world) string { return fmt.Sprint(w.create(deal()).at("externalReferenceId")) },
		map[string]string{"kept": "006000000000001AAA", "dropped": "<nil>"}},
	switchEffectiveType: {func(w *world) string { return w.create(with(shared(), "type", "Independent")).text("type") },
		map[string]string{"consent": "Shared", "request": "Independent"}},
	switchHelpCode: {func(w *world) string {
		first := w.call("POST", "", with(shared(), "inviteContext/assistanceRequestCode", "QuotesOrLicensing"))
		plain := w.create(shared())
		second := w.call("POST", "", toMicrosoft(plain.text("engagementId")))
		return status(first) + ", " + status(second)
	}, map[string]string{"either": "200, 200", "first": "200, 400", "second": "400, 200"}},
	switchSecondCounterpart: {func(w *world) string {
		own, _ := pair(w)
		return status(w.call("POST", "", toMicrosoft(own.text("engagementId"))))
	}, map[string]string{"created": "200", "refused": "409"}},
	switchCounterpartOwner: {func(w *world) string {
		_, microsofts := pair(w)
		return microsofts.text("organizationId")
	}, map[string]string{"msft": "msft", "guid": microsoftGUID}},
	switchMSXID: {func(w *world) string {
		own, microsofts := pair(w)
		if _, err := w.service.AcceptCounterpart(own.text("id"), "7-X"); err != nil {
			w.t.Error(err)
		}
		id := func(r reply) any { return w.call("GET", "/"+r.text("id"), nil).at("trackingInfo", "microsoftMsxId") }
		return fmt.Sprint(id(own), " ", id(microsofts))
	}, map[string]string{"counterpart": "<nil> 7-X", "both": "7-X 7-X"}},
	switchPatchPaths: {func(w *world) string {
		return status(w.call("PATCH", "/"+w.create(deal()).text("id"), []any{replaceOp("/name", "B")}))
	}, map[string]string{"listed": "400", "with_name": "204"}},
	switchPut: {func(w *world) string {
		id := w.create(deal()).text("id")
		w.headers["If-Match"] = "*"
		return status(w.call("PUT", "/"+id, deal()))
	}, map[string]string{"served": "200", "gone": "405"}},
	switchPutWithoutIfMatch: {func(w *world) string { return status(w.call("PUT", "/"+w.create(deal()).text("id"), deal())) },
		map[string]string{"412": "412", "400": "400"}},
	switchTerminalStatus: {func(w *world) string {
		id := w.create(deal()).text("id")
		closeAs(w, id, "Won")
		return closeAs(w, id, "Lost")
	}, map[string]string{"400": "400", "409": "409"}},
	switchCloseFromNew: {func(w *world) string {
		return closeAs(w, w.receive(Deal{}).ID, "Lost") + ", " + closeAs(w, w.receive(Deal{}).ID, "Declined")
	}, map[string]string{"any": "204, 204", "declined_only": "400, 204"}},
	switchSubstatusError: {func(w *world) string { return closeAs(w, w.receive(Deal{}).ID, "Error") },
		map[string]string{"accepted": "204", "refused": "400"}},
	switchContactAfterShare: {func(w *world) string {
		own, _ := pair(w)
		return status(w.call("PATCH", "/"+own.text("id"), []any{replaceOp("/customerProfile/team", []any{member("new@example.com")})}))
	}, map[string]string{"editable": "204", "read_only": "400"}},
	switchFraction: {func(w *world) string {
		longest := 0
		for range 8 {
			_, fraction, _ := strings.Cut(w.create(deal()).text("createdDateTime"), ".")
			longest = max(longest, len(strings.TrimSuffix(fraction, "Z")))
		}
		return fmt.Sprint(longest)
	}, map[string]string{"7": "7", "6": "6"}},
}

var accessProbes = map[string]probe{
	switchClientRequestID: {func(w *world) string { return status(w.list("")) }, map[string]string{"optional": "200", "required": "400"}},
	switchAppOnly: {func(w *world) string {
		return status(w.do(w.token("client_credentials", ReferralsAudience), "GET", w.referrals, nil))
	}, map[string]string{"403": "403", "401": "401"}},
	switchMFA: {func(w *world) string {
		w.set("entra.mfa_claim", "absent")
		return status(w.list(""))
	}, map[string]string{"refused": "401", "accepted": "200"}},
	switchUserRole: {func(w *world) string { return status(w.list("")) }, map[string]string{"referrals_admin": "200", "none": "403"}},
	switchResourceURI: {func(w *world) string { return status(w.hook("GET", resourcePath+w.receive(Deal{}).ID, nil)) },
		map[string]string{"404": "404", "served": "200"}},
}

var webhookProbes = map[string]probe{
	switchRelatedEventID: {func(w *world) string {
		url, arrived := receiver(w.t, always(200))
		w.register(url, "related-referral-created")
		own, microsofts := pair(w)
		return map[string]string{
			resourceURI + own.text("id"): "own", resourceURI + microsofts.text("id"): "microsoft",
		}[next(w.t, arrived).event.ResourceURI]
	}, map[string]string{"microsoft": "microsoft", "own": "own"}},
	switchOwnWriteEvents: {func(w *world) string {
		url, arrived := receiver(w.t, always(200))
		w.register(url, "referral-created")
		mine := w.create(deal())
		w.receive(Deal{})
		return fmt.Sprint(next(w.t, arrived).event.ResourceURI == resourceURI+mine.text("id"))
	}, map[string]string{"on": "true", "off": "false"}},
	switchRegistrationExists: {func(w *world) string {
		w.register("https://a.example.com", "test-created")
		return status(w.register("https://a.example.com", "test-created"))
	}, map[string]string{"409": "409", "400": "400"}},
	switchRegistrationNone: {func(w *world) string { return status(w.hook("GET", registrationPath, nil)) },
		map[string]string{"404": "404", "400": "400"}},
	switchRegistrationPut: {func(w *world) string {
		return status(w.hook("PUT", registrationPath, map[string]any{"webhookUrl": "https://a.example.com", "webhookEvents": []string{"test-created"}}))
	}, map[string]string{"404": "404", "created": "200"}},
	switchRegistrationCase: {func(w *world) string {
		r := w.register("https://a.example.com", "test-created")
		return r.text("webhookUrl") + "|" + r.text("WebhookUrl")
	}, map[string]string{"camel": "https://a.example.com|", "pascal": "|https://a.example.com"}},
	switchEmptyEvents: {func(w *world) string { return status(w.register("https://a.example.com")) },
		map[string]string{"accepted": "200", "refused": "400"}},
	switchValidationAnswer: {func(w *world) string {
		w.register("https://127.0.0.1:1/", "test-created")
		return w.hook("POST", validationPath, nil).raw[:1]
	}, map[string]string{"object": "{", "string": `"`}},
	switchDeliverySuccess: {func(w *world) string {
		w.service.options.RetryInterval = time.Hour // a repeat stays in the queue
		url, _ := receiver(w.t, always(202))
		w.register(url, "referral-created")
		w.receive(Deal{})
		w.logged(func(op lab.Operation) bool { return op.Action == "webhook" && op.Status == 202 })
		waiting, _ := w.service.Deliveries()
		return fmt.Sprint(len(waiting))
	}, map[string]string{"2xx": "0", "200": "1"}},
}

// TestEverySwitchDoesWhatItSays walks the table: every value is accepted, and a client sees the documented difference.
func TestEverySwitchDoesWhatItSays(t *testing.T) {
	probes := map[string]probe{}
	for _, group := range []map[string]probe{listProbes, writeProbes, accessProbes, webhookProbes} {
		for id, p := range group {
			probes[id] = p
		}
	}
	for _, sw := range Switches() {
		p, ok := probes[sw.ID]
		if !ok || len(p.want) != len(sw.Values) {
			t.Errorf("%s: the test does not say what each of %v does", sw.ID, sw.Values)
			continue
		}
		for _, value := range sw.Values {
			t.Run(sw.ID+"="+value, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.set(sw.ID, value)
				if got := p.run(w); got != p.want[value] {
					t.Errorf("%s: %q, want %q", sw.Title, got, p.want[value])
				}
			})
		}
	}
	if len(probes) != len(Switches()) {
		t.Errorf("%d probes for %d switches", len(probes), len(Switches()))
	}
}

// TestTheTwoAudiencesAreDistinct uses each token on the other host.
func TestTheTwoAudiencesAreDistinct(t *testing.T) {
	w := newWorld(t)
	if r := w.do(w.token("refresh_token", EventsAudience), http.MethodGet, w.referrals, nil); r.status != 401 {
		t.Errorf("events token on the referrals host: %d", r.status)
	}
	claims, err := w.identity.Verify(w.token("refresh_token", ReferralsAudience))
	if err != nil || claims.Audience != ReferralsAudience || claims.AppOnly || !claims.MFA {
		t.Errorf("claims %+v, %v", claims, err)
	}
	var _ Tokens = (*entra.Service)(nil)
}
