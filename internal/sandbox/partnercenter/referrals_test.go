package partnercenter

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

func TestCreateAndGet(t *testing.T) {
	w := newWorld(t)
	w.headers["client-request-id"] = "11111111-2222-4333-8444-555555555555"
	created := w.create(with(deal(), "status", "New"))
	for path, want := range map[string]string{
		"name": "Deal A", "status": "Active", "substatus": "Accepted", "direction": "Outgoing", "type": "Independent",
		"organizationName": "Contoso", "mpnId": "1234567", "externalReferenceId": "006000000000001AAA", "quality": "Unknown",
	} {
		if got := created.text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	if invited := created.text("inviteContext", "invitedBy", "organizationName"); invited != "Contoso" {
		t.Errorf("invited by %q", invited)
	}
	if created.at("acceptedDateTime") != created.at("createdDateTime") || created.at("consent", "consentToContact") != true {
		t.Errorf("answer %s", created.raw)
	}
	if !regexp.MustCompile(`^"[0-9a-f]{8}-0000-0[0-9]00-0000-[0-9a-f]{8}0000"$`).MatchString(created.text("eTag")) {
		t.Errorf("eTag %s", created.text("eTag"))
	}
	id := created.text("id")
	got := w.call(http.MethodGet, "/"+id, nil)
	if got.status != 200 || !reflect.DeepEqual(got.body, created.body) || got.header.Get("ETag") != created.text("eTag") {
		t.Errorf("GET differs from POST: %s", got.raw)
	}
	if got.header.Get("request-id") == "" || got.header.Get("client-request-id") != w.headers["client-request-id"] {
		t.Errorf("headers %v", got.header)
	}
	if links := got.text("links", "relatedReferrals", "uri"); !strings.HasSuffix(links, "engagementId eq "+created.text("engagementId")) {
		t.Errorf("related referrals %s", links)
	}
	ops := w.kit.Log.Since(0)
	last := ops[len(ops)-1]
	if last.Action != "read" || last.ID != id || last.RequestID != w.headers["client-request-id"] || last.Actor != "partner-user@example.com" {
		t.Errorf("logged %+v", last)
	}
	writes := 0
	for _, op := range ops {
		if op.IsWrite() {
			writes++
		}
	}
	if writes != 1 {
		t.Errorf("%d writes logged", writes)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	id := w.create(deal()).text("id")
	user := w.token("refresh_token", ReferralsAudience)
	for name, c := range map[string]struct {
		token, method, path string
		body                any
		status              int
		code                string
	}{
		"no token":        {"", "GET", "", nil, 401, "unauthenticated"},
		"unknown token":   {"abc", "GET", "", nil, 401, "unauthenticated"},
		"wrong audience":  {w.token("refresh_token", EventsAudience), "GET", "", nil, 401, "unauthenticated"},
		"application":     {w.token("client_credentials", ReferralsAudience), "GET", "", nil, 403, "accessDenied"},
		"unknown id":      {user, "GET", "/99999999-0000-4000-8000-000000000000", nil, 404, "itemNotFound"},
		"unknown path":    {user, "GET", "/" + id + "/notes", nil, 404, "itemNotFound"},
		"delete":          {user, "DELETE", "/" + id, nil, 405, "invalidRequest"},
		"delete all":      {user, "DELETE", "", nil, 405, "invalidRequest"},
		"no JSON":         {user, "POST", "", "{", 400, "invalidRequest"},
		"two documents":   {user, "POST", "", "{} {}", 400, "invalidRequest"},
		"an array":        {user, "POST", "", "[]", 400, "invalidRequest"},
		"wrong type":      {user, "POST", "", with(deal(), "team", "me"), 400, "invalidRequest"},
		"bad time":        {user, "POST", "", with(deal(), "details/closingDateTime", "soon"), 400, "invalidRequest"},
		"bad enum":        {user, "POST", "", with(deal(), "qualification", "Great"), 400, "invalidRequest"},
		"bad help":        {user, "POST", "", with(shared(), "inviteContext/assistanceRequestCode", "Help"), 400, "invalidRequest"},
		"no consent":      {user, "POST", "", with(deal(), "consent", nil), 400, "invalidRequest"},
		"alpha-3":         {user, "POST", "", with(deal(), "customerProfile/address/country", "NOR"), 400, "invalidRequest"},
		"unknown country": {user, "POST", "", with(deal(), "customerProfile/address/country", "UK"), 400, "invalidRequest"},
		"no solution":     {user, "POST", "", with(deal(), "details/requirements/solutions", []any{}), 400, "invalidRequest"},
		"no value":        {user, "POST", "", with(deal(), "details/dealValue", 0), 400, "invalidRequest"},
		"no currency":     {user, "POST", "", with(deal(), "details/currency", ""), 400, "invalidRequest"},
		"no team":         {user, "POST", "", with(deal(), "team", nil), 400, "invalidRequest"},
		"no attribute id": {user, "POST", "", with(deal(), "details/requirements/additionalRequirements", map[string]any{"attributes": []any{
			map[string]any{"type": "CustomerMarketplaceIntent", "id": "Yes"}, map[string]any{"type": "SolutionArea", "id": ""}}}), 400, "invalidRequest"},
		"attribute twice": {user, "POST", "", with(deal(), "details/requirements/additionalRequirements", map[string]any{"attributes": []any{
			map[string]any{"type": "CustomerMarketplaceIntent", "id": "Yes"}, map[string]any{"type": "CustomerMarketplaceIntent", "id": "No"}}}), 400, "invalidRequest"},
		"no intent":      {user, "POST", "", with(deal(), "details/requirements/additionalRequirements", nil), 400, "invalidRequest"},
		"large team":     {user, "POST", "", with(deal(), "team", many(51)), 400, "invalidRequest"},
		"own engagement": {user, "POST", "", with(deal(), "engagementId", "1"), 400, "invalidRequest"},
		"help unshared":  {user, "POST", "", with(deal(), "inviteContext/assistanceRequestCode", "QuotesOrLicensing"), 400, "invalidRequest"},
		"too large":      {user, "POST", "", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "invalidRequest"},
	} {
		r := w.do(c.token, c.method, w.referrals+c.path, c.body)
		if r.status != c.status || r.text("error", "code") != c.code || r.text("error", "message") == "" {
			t.Errorf("%s: %d %s, want %d %s", name, r.status, r.raw, c.status, c.code)
		}
	}
	noContact := with(shared(), "inviteContext/assistanceRequestCode", "QuotesOrLicensing")
	if r := w.call("POST", "", with(noContact, "customerProfile/team", []any{})); r.status != 400 || r.text("error", "target") != "customerProfile.team" {
		t.Errorf("help without a contact: %d %s", r.status, r.raw)
	}
	w.headers["Content-Type"] = "text/plain"
	if r := w.call("POST", "", "x"); r.status != 415 {
		t.Errorf("text body: %d", r.status)
	}
	delete(w.headers, "Content-Type")
	w.kit.Clock.Advance(time.Hour)
	if r := w.call("GET", "", nil); r.status != 401 {
		t.Errorf("expired token: %d", r.status)
	}
}

func many(n int) []any {
	members := make([]any, n)
	for i := range members {
		members[i] = member(fmt.Sprintf("member%d@example.com", i))
	}
	return members
}

func TestPatch(t *testing.T) {
	w := newWorld(t)
	created := w.create(deal())
	path := "/" + created.text("id")
	r := w.call("PATCH", path, []any{
		replaceOp("/details/dealValue", "10000.50"), replaceOp("/details/notes", nil), replaceOp("/salesStage", "40"),
		map[string]any{"op": "add", "path": "/team/-", "value": member("second.seller@example.com")},
		map[string]any{"op": "add", "path": "/externalReferenceId", "value": "006X"},
	})
	if r.status != 204 || r.raw != "" || r.header.Get("ETag") == created.text("eTag") {
		t.Fatalf("PATCH: %d %s", r.status, r.raw)
	}
	got := w.call("GET", path, nil)
	if got.at("details", "dealValue") != 10000.5 || got.at("details", "notes") != nil || got.text("salesStage") != "40" ||
		got.text("team", 1, "email") != "second.seller@example.com" || got.text("team", 0, "email") != "partner.seller@example.com" ||
		got.text("externalReferenceId") != "006X" || got.text("updatedDateTime") <= created.text("updatedDateTime") {
		t.Errorf("after the patch: %s", got.raw)
	}
	op := w.logged(func(op lab.Operation) bool { return op.Action == "update" })
	if !reflect.DeepEqual(op.Fields, []string{"details/dealValue", "details/notes", "externalReferenceId", "salesStage", "team"}) || op.Status != 204 {
		t.Errorf("logged %+v", op)
	}
	w.headers["Prefer"] = "return=representation"
	w.headers["If-Match"] = got.text("eTag")
	r = w.call("PATCH", path, []any{replaceOp("/details/currency", "USD")})
	if r.status != 200 || r.text("details", "currency") != "USD" {
		t.Fatalf("PATCH with a representation: %d %s", r.status, r.raw)
	}
	if again := w.call("PATCH", path, []any{replaceOp("/details/currency", "EUR")}); again.status != 412 ||
		again.text("error", "innerError", "code") != "resourceModified" {
		t.Errorf("stale If-Match: %d %s", again.status, again.raw)
	}
	w.headers = map[string]string{}
	for name, body := range map[string]any{
		"name": []any{replaceOp("/name", "B")}, "remove": []any{map[string]any{"op": "remove", "path": "/team"}},
		"replace at the end": []any{replaceOp("/team/-", member("a@example.com"))}, "no value": []any{map[string]any{"op": "add", "path": "/team"}},
		"empty": []any{}, "object": map[string]any{}, "unknown path": []any{replaceOp("/details/incentiveLevel", "x")},
		"words as value": []any{replaceOp("/details/dealValue", "much")}, "zero": []any{replaceOp("/details/dealValue", 0)},
		"empty currency": []any{replaceOp("/details/currency", "")}, "no solutions": []any{replaceOp("/details/requirements/solutions", []any{})},
		"wrong type": []any{replaceOp("/team", "me")}, "half of a status": []any{replaceOp("/status", "Closed")},
	} {
		if r := w.call("PATCH", path, body); r.status != 400 || r.text("error", "code") != "invalidRequest" {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
	if after := w.call("GET", path, nil); after.text("details", "currency") != "USD" || after.text("status") != "Active" {
		t.Errorf("a refused patch changed something: %s", after.raw)
	}
}

func TestVisibilityIsIrreversible(t *testing.T) {
	w := newWorld(t)
	path := "/" + w.create(deal()).text("id")
	flag := "/consent/consentToShareReferralWithMicrosoftSellers"
	if r := w.call("PATCH", path, []any{replaceOp(flag, true)}); r.status != 204 {
		t.Fatalf("share: %d %s", r.status, r.raw)
	}
	if got := w.call("GET", path, nil); got.text("type") != "Shared" {
		t.Errorf("type after sharing: %s", got.text("type"))
	}
	if r := w.call("PATCH", path, []any{replaceOp(flag, false)}); r.status != 400 {
		t.Errorf("hide: %d %s", r.status, r.raw)
	}
}

func TestPut(t *testing.T) {
	w := newWorld(t)
	created := w.create(deal())
	path := "/" + created.text("id")
	body := created.body
	body["name"] = "Deal B"
	w.headers["If-Match"] = created.text("eTag")
	if r := w.call("PUT", path, body); r.status != 400 || r.text("error", "target") != "links" {
		t.Errorf("PUT with links: %d %s", r.status, r.raw)
	}
	delete(body, "links")
	if r := w.call("PUT", path, with(body, "customerProfile/name", "Other")); r.status != 400 {
		t.Errorf("PUT of another customer: %d", r.status)
	}
	with(body, "customerProfile/name", "Fabrikam")
	r := w.call("PUT", path, body)
	if r.status != 200 || r.text("name") != "Deal B" || r.text("id") != created.text("id") {
		t.Fatalf("PUT: %d %s", r.status, r.raw)
	}
	if r := w.call("PUT", path, body); r.status != 412 {
		t.Errorf("PUT of an old version: %d", r.status)
	}
}

func TestStatusModel(t *testing.T) {
	w := newWorld(t)
	status := func(status, substatus string) []any {
		return []any{replaceOp("/status", status), replaceOp("/substatus", substatus)}
	}
	won := "/" + w.create(deal()).text("id")
	for _, c := range []struct {
		status, substatus string
		want              int
	}{
		{"New", "Pending", 400}, {"Active", "Won", 400}, {"Closed", "Accepted", 400}, {"Closed", "Expired", 400},
		{"Active", "Accepted", 204}, {"Closed", "Won", 204}, {"Closed", "Won", 400}, {"Active", "Accepted", 400},
	} {
		if r := w.call("PATCH", won, status(c.status, c.substatus)); r.status != c.want {
			t.Errorf("%s/%s: %d %s, want %d", c.status, c.substatus, r.status, r.raw, c.want)
		}
	}
	if r := w.call("PATCH", won, []any{replaceOp("/details/notes", "late")}); r.status != 400 || r.text("error", "innerError", "code") != "referralClosed" {
		t.Errorf("change of a closed referral: %d %s", r.status, r.raw)
	}
	if got := w.call("GET", won, nil); got.text("closedDateTime") == "" {
		t.Error("no closedDateTime")
	}
	incoming := w.receive(Deal{})
	path := "/" + incoming.ID
	if r := w.call("PATCH", path, status("New", "Received")); r.status != 204 {
		t.Errorf("receive: %d %s", r.status, r.raw)
	}
	if r := w.call("PATCH", path, status("Active", "Accepted")); r.status != 204 {
		t.Errorf("accept: %d %s", r.status, r.raw)
	}
	if got := w.call("GET", path, nil); got.text("acceptedDateTime") == "" || got.at("expirationDateTime") != nil {
		t.Errorf("accepted referral: %s", got.raw)
	}
	declined := "/" + w.receive(Deal{}).ID
	if r := w.call("PATCH", declined, append(status("Closed", "Declined"), replaceOp("/statusReason", "Not a customer"))); r.status != 204 {
		t.Errorf("decline: %d %s", r.status, r.raw)
	}
}

func TestUnansweredReferralsExpire(t *testing.T) {
	w := newWorld(t)
	first := w.receive(Deal{Name: "first"})
	w.kit.Clock.Advance(24 * time.Hour)
	second := w.receive(Deal{Name: "second"})
	w.kit.Clock.Advance(13*24*time.Hour + time.Minute)
	w.service.Tick()
	for id, want := range map[string]string{first.ID: "Expired", second.ID: "Pending"} {
		if r, err := w.service.Referral(id); err != nil || r.Substatus != want {
			t.Errorf("%+v, %v; want %s", r, err, want)
		}
	}
	w.kit.Clock.Advance(24 * time.Hour)
	w.tokens = map[string]string{}
	if got := w.call("GET", "/"+second.ID, nil); got.text("status") != "Closed" || got.text("substatus") != "Expired" {
		t.Errorf("second after 14 days: %s", got.raw)
	}
}

func TestCoSellPair(t *testing.T) {
	w := newWorld(t)
	own := w.create(shared())
	engagement := own.text("engagementId")
	microsofts := w.create(toMicrosoft(engagement))
	if microsofts.text("engagementId") != engagement || microsofts.text("organizationId") != "msft" || microsofts.text("substatus") != "Pending" ||
		microsofts.text("id") == own.text("id") || microsofts.text("inviteContext", "invitedBy", "organizationName") != "Contoso" {
		t.Fatalf("counterpart: %s", microsofts.raw)
	}
	for _, form := range []string{"'" + engagement + "'", engagement} {
		if r := w.list("$filter=engagementId eq " + form); len(r.at("value").([]any)) != 2 {
			t.Errorf("engagement by %s: %s", form, r.raw)
		}
	}
	if r := w.call("PATCH", "/"+microsofts.text("id"), []any{replaceOp("/details/notes", "x")}); r.status != 403 {
		t.Errorf("patch of Microsoft's referral: %d", r.status)
	}
	accepted, err := w.service.AcceptCounterpart(own.text("id"), "7-ABC")
	if err != nil || accepted.ID != microsofts.text("id") || accepted.Status != statusActive || plain(accepted.TrackingInfo.MicrosoftMSXID) != "7-ABC" {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
	if _, err := w.service.DeclineCounterpart(engagement, ""); err != nil {
		t.Errorf("decline after accept: %v", err)
	}
	if _, err := w.service.AcceptCounterpart(engagement, ""); err == nil {
		t.Error("a declined request was accepted")
	}
	private := w.create(deal())
	for name, body := range map[string]map[string]any{
		"private": toMicrosoft(private.text("engagementId")), "unknown": toMicrosoft("99999999-0000-4000-8000-000000000000"),
		"none": toMicrosoft(""), "no help": with(toMicrosoft(engagement), "inviteContext/assistanceRequestCode", "Unknown"),
	} {
		if r := w.call("POST", "", body); r.status != 400 {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
	}
}

func TestPeople(t *testing.T) {
	w := newWorld(t)
	r := w.receive(Deal{Customer: "Adatum", Country: "DE", Value: Decimal{"1200"}, Currency: "EUR", CloseDate: "2027-01-31", Notes: "hello"})
	got := w.call("GET", "/"+r.ID, nil)
	if got.text("direction") != "Incoming" || got.text("substatus") != "Pending" || got.text("inviteContext", "invitedBy", "organizationId") != "msft" ||
		got.at("details", "dealValue") != 1200.0 || got.text("details", "closingDateTime") != "2027-01-31T00:00:00Z" || got.text("expirationDateTime") == "" {
		t.Errorf("sent referral: %s", got.raw)
	}
	value, currency, notes, closing := Decimal{"1300"}, "USD", "more", "2027-02-28T00:00:00Z"
	if _, err := w.service.EditReferral(Edit{ID: r.ID, Value: &value, Currency: &currency, Notes: &notes, CloseDate: &closing, By: "portal_user"}); err != nil {
		t.Fatal(err)
	}
	op := w.logged(func(op lab.Operation) bool { return op.Action == "update" })
	if op.Actor != "portal_user" || len(op.Fields) != 4 || op.Method != "" || !op.IsWrite() {
		t.Errorf("logged %+v", op)
	}
	if _, err := w.service.AcceptReferral(r.ID); err != nil {
		t.Error(err)
	}
	if closed, err := w.service.CloseReferral(r.ID, "lost", "Customer chose another vendor"); err != nil || closed.Substatus != "Lost" {
		t.Errorf("%+v, %v", closed, err)
	}
	mine, err := w.service.PortalCreate(Deal{Kind: "private"})
	if err != nil || mine.Status != statusActive || mine.Consent.ShareWithMicrosoft {
		t.Errorf("portal deal %+v, %v", mine, err)
	}
	lead := w.receive(Deal{Kind: "lead"})
	if _, err := w.service.DeclineReferral(lead.ID, "Not a customer"); err != nil || lead.Type != "Independent" {
		t.Errorf("lead %+v, %v", lead, err)
	}
	for name, wrong := range map[string]func() error{
		"kind":      func() error { _, err := w.service.SendReferral(Deal{Kind: "x"}); return err },
		"time":      func() error { _, err := w.service.SendReferral(Deal{CloseDate: "x"}); return err },
		"deal kind": func() error { _, err := w.service.PortalCreate(Deal{Kind: "lead"}); return err },
		"help":      func() error { _, err := w.service.PortalCreate(Deal{Help: "x"}); return err },
		"nothing":   func() error { _, err := w.service.EditReferral(Edit{ID: mine.ID}); return err },
		"closed":    func() error { _, err := w.service.EditReferral(Edit{ID: r.ID, Notes: &notes}); return err },
		"person":    func() error { _, err := w.service.EditReferral(Edit{ID: mine.ID, Notes: &notes, By: "x"}); return err },
		"outcome":   func() error { _, err := w.service.CloseReferral(mine.ID, "x", ""); return err },
		"id":        func() error { _, err := w.service.AcceptReferral("x"); return err },
		"no pair":   func() error { _, err := w.service.AcceptCounterpart(mine.ID, ""); return err },
		"referral":  func() error { _, err := w.service.Referral("x"); return err },
	} {
		if wrong() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := len(w.service.All()); n != 3 {
		t.Errorf("%d referrals", n)
	}
}

func TestTrapAroundWrites(t *testing.T) {
	w := newWorld(t)
	w.token("refresh_token", ReferralsAudience)
	path := "/" + w.create(deal()).text("id")
	for _, when := range []string{lab.TrapBefore, lab.TrapAfter} {
		if err := w.kit.Trap.Arm(1, when); err != nil {
			t.Fatal(err)
		}
		if r := w.call("PATCH", path, []any{replaceOp("/name", "x")}); r.status != 400 {
			t.Fatal("the refused write was held")
		}
		answered := make(chan reply, 1)
		go func() { answered <- w.call("PATCH", path, []any{replaceOp("/details/notes", when)}) }()
		<-w.kit.Trap.Hit()
		applied := w.call("GET", path, nil).text("details", "notes") == when
		if applied != (when == lab.TrapAfter) {
			t.Errorf("%s: applied is %v", when, applied)
		}
		w.kit.Trap.Release()
		if r := <-answered; r.status != 204 {
			t.Errorf("%s: %d %s", when, r.status, r.raw)
		}
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.token("refresh_token", ReferralsAudience)
	w.token("refresh_token", EventsAudience)
	for kind, status := range map[string]int{
		lab.FaultUnavailable: 503, lab.FaultThrottled: 429, lab.FaultExpiredSession: 401, lab.FaultRowLock: 503,
		lab.FaultReset: 0, lab.FaultLostResponse: 0,
	} {
		if err := w.kit.Faults.Set(lab.FaultPlan{Rate: 1, Kinds: []string{kind}, Services: []string{"partner_center"}}); err != nil {
			t.Fatal(err)
		}
		before := len(w.service.All())
		r := w.call("POST", "", deal())
		applied := len(w.service.All()) - before
		if r.status != status || status != 0 && r.text("error", "code") == "" || status == 429 && r.header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %s", kind, r.status, r.raw)
		}
		if (applied == 1) != (kind == lab.FaultLostResponse) {
			t.Errorf("%s: applied %d times", kind, applied)
		}
		if r := w.hook("GET", eventsPath, nil); r.status != status {
			t.Errorf("%s on the events host: %d", kind, r.status)
		}
		w.logged(func(op lab.Operation) bool { return op.Fault == kind })
	}
}
