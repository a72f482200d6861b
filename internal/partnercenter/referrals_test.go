package partnercenter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

const collectionPath = "/v1.0/engagements/referrals"

// recorded has all keys that were observed, with the shapes of the reference.
const recorded = `{"@odata.context":"x","id":"r1","engagementId":"e1","name":"Deal &amp; A","organizationId":"msft","organizationName":"Microsoft","lastModifiedVia":null,"lastRunId":null,"externalReferenceId":null,
 "createdDateTime":"2026-01-02T03:04:05.678901Z","updatedDateTime":"2026-01-02T03:04:47.8754901Z","expirationDateTime":null,"status":"Active","substatus":"Accepted","statusReason":null,
 "qualification":"SalesQualified","type":"Shared","referralSource":null,"eTag":"\"aa00bb11-0000-0100-0000-665544330000\"","favorite":false,"campaignId":null,"salesStage":"100",
 "quality":"Unknown","isSpam":false,"direction":"Incoming","mpnId":"1234567","referralProgram":null,"dealSensitivity":"None","createdVia":null,"tags":[],
 "acceptedDateTime":"2026-01-02T03:04:05Z","closedDateTime":null,"callToAction":null,"registrationStatus":"None","target":[{"type":"SolutionProfile","id":"SOL-00001-AAA"}],
 "customerProfile":{"name":"Fabrikam","size":"","isMatchingComplete":true,"address":{"addressLine1":"1 Main St","addressLine2":null,"city":"Seattle","state":null,"postalCode":"98101","country":"US","region":"WA"},
   "team":[{"firstName":"Buying","lastName":"Manager","phoneNumber":"+15550100","email":"buyer@example.com","title":null,"contactPreference":{"locale":null,"disableNotifications":null}}],"ids":[{"profileType":"Duns","id":"150483782"}]},
 "consent":{"consentToToShareInfoWithOthers":true,"consentToContact":true,"consentToShareReferralWithMicrosoftSellers":true},
 "details":{"notes":null,"dealValue":30000,"currency":"USD","closingDateTime":"2026-03-24T18:30:00Z","customerRequestedContact":null,"customerAction":null,"incentiveLevel":null,
   "requirements":{"industries":[],"products":[],"services":[],"solutions":[{"id":"SOL-00001-AAA","name":null,"type":"Name","price":null,"quantity":null,"currency":null,"publisherName":null,"solutionType":null,"closingDateTime":null}],
     "offers":[],"salesPlays":[],"additionalRequirements":{"iot":{"azureCertifiedDevice":false},"attributes":[{"type":"CustomerMarketplaceIntent","id":"HaveNotDecided"}]}}},
 "team":[{"firstName":"Account","lastName":"Executive","phoneNumber":"1","email":"seller@example.com"}],"inviteContext":{"notes":null,"assistanceRequestCode":"Unknown","invitedMpnId":"1234567","invitedBy":{"organizationId":"o","organizationName":"Contoso"}},
 "links":{"relatedReferrals":{"uri":"https://api.partner.microsoft.com/v1.0/engagements/referrals?$filter=engagementId eq e1","method":"GET"},"self":{"uri":"https://api.partner.microsoft.com/v1.0/engagements/referrals/r1","method":"GET"}},
 "trackingInfo":{"microsoftMsxId":"7-ABC","microsoftUSFedOpportunityId":null,"microsoftUSFedLeadId":null,"migratedPSCDealId":null,"migratedPSCPartnerDealId":null},"registrations":[],"somethingNew":{"x":[1]}}`

func TestGetReferralDecodesTheRecordedShape(t *testing.T) {
	f := newFake(t)
	f.reply(oneReferral, 200, recorded)
	got, err := f.client().GetReferral(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	request := f.last()
	if request.header.Get("Accept") != "application/json" || request.header.Get("Content-Type") != "" || request.header.Get("Client-Request-Id") != "request-1" {
		t.Errorf("headers %v", request.header)
	}
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"etag", got.ETag, `"aa00bb11-0000-0100-0000-665544330000"`},
		{"created", got.CreatedDateTime.Time, time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)},
		{"updated", got.UpdatedDateTime.Time, time.Date(2026, 1, 2, 3, 4, 47, 875490100, time.UTC)},
		{"expires", got.ExpirationDateTime.IsZero(), true},
		{"value", got.Details.DealValue, Number("30000")},
		{"stage", got.SalesStage, Text("100")},
		{"state", got.CustomerProfile.Address.StateOrRegion(), "WA"},
		{"solution", got.Details.Requirements.Solutions[0].ID, "SOL-00001-AAA"},
		{"price", got.Details.Requirements.Solutions[0].Price, Number("")},
		{"intent", got.Details.Requirements.AdditionalRequirements.Attributes[0].ID, "HaveNotDecided"},
		{"contact", got.CustomerProfile.Team[0].Email, "buyer@example.com"},
		{"duns", got.CustomerProfile.IDs[0].ID, Text("150483782")},
		{"shared", got.Consent.ToShareReferralWithMicrosoftSellers, true},
		{"msx", got.TrackingInfo.MicrosoftMSXID, Text("7-ABC")},
		{"microsoft", got.IsMicrosoft(), true},
		{"external", got.ExternalReferenceID, Text("")},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s: %v, want %v", check.what, check.got, check.want)
		}
	}
}

func TestReferralTolerance(t *testing.T) {
	for name, body := range map[string]string{
		"minimal":            `{"id":"r1"}`,
		"nulls":              `{"id":"r1","target":null,"tags":null,"team":null,"customerProfile":null,"details":null,"consent":null,"links":null,"trackingInfo":null,"inviteContext":null,"registrations":null}`,
		"empty objects":      `{"id":"r1","customerProfile":{"ids":{},"team":{}},"details":{"requirements":{"solutions":null,"offers":"","additionalRequirements":{"iot":{},"attributes":null}}}}`,
		"null requirements":  `{"id":"r1","details":{"requirements":null}}`,
		"pascal case":        `{"Id":"r1","Consent":{"ConsentToContact":true},"Details":{"DealValue":"1"}}`,
		"numbers as text":    `{"id":"r1","details":{"dealValue":" 12.50 ","requirements":{"solutions":[{"price":"1","quantity":2.0}]}}}`,
		"texts as number":    `{"id":"r1","mpnId":1234567,"salesStage":40,"externalReferenceId":6,"customerProfile":{"address":{"postalCode":98101},"team":[{"phoneNumber":123}]}}`,
		"empty date":         `{"id":"r1","closedDateTime":"","details":{"closingDateTime":"2026-03-24"}}`,
		"date without zone":  `{"id":"r1","createdDateTime":"2026-03-24T18:30:00.1234567"}`,
		"exponent":           `{"id":"r1","details":{"dealValue":1e6}}`,
		"deal value missing": `{"id":"r1","details":{"dealValue":"","currency":null}}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply(oneReferral, 200, body, "ETag", `"from-header"`)
			got, err := f.client().GetReferral(t.Context(), "r1")
			if err != nil || got.ID != "r1" || got.ETag != `"from-header"` {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestUnreadableReferral(t *testing.T) {
	for name, body := range map[string]string{
		"not json": `<html>`, "no id": `{}`, "bad number": `{"id":"r1","details":{"dealValue":"a lot"}}`,
		"bad date": `{"id":"r1","createdDateTime":"yesterday"}`, "array where text": `{"id":"r1","mpnId":[]}`, "list of one": `{"id":"r1","target":{"type":"x"}}`,
	} {
		f := newFake(t)
		f.reply(oneReferral, 200, body)
		_, err := f.client().GetReferral(t.Context(), "r1")
		var unreadable *DecodeError
		if !errors.As(err, &unreadable) || IsAmbiguous(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateReferralSendsTheJournalledBytes(t *testing.T) {
	const body = `{"name": "Deal A",  "target":[{"type":"SolutionProfile","id":"SOL-00001-AAA"}], "details":{"dealValue":50000}}`
	for _, status := range []int{200, 201} {
		f := newFake(t)
		f.reply("POST "+collectionPath, status, recorded)
		got, err := f.client().CreateReferral(t.Context(), json.RawMessage(body))
		if err != nil || got.EngagementID != "e1" {
			t.Fatalf("%v %v", got, err)
		}
		if request := f.last(); request.body != body || request.header.Get("Content-Type") != "application/json" {
			t.Errorf("sent %q", request.body)
		}
	}
	f := newFake(t)
	f.reply("POST "+collectionPath, 201, `{"id":`)
	if _, err := f.client().CreateReferral(t.Context(), json.RawMessage(body)); !IsAmbiguous(err) || problem.ClassOf(err) != problem.Later {
		t.Errorf("an unreadable answer leaves the create unknown: %v", err)
	}
}

func TestPatchReferral(t *testing.T) {
	patch, err := EncodePatch(Replace("/status", StatusClosed), Replace("/substatus", SubstatusWon), Add("/team/-", map[string]string{"firstName": "R&D"}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"op":"replace","path":"/status","value":"Closed"},{"op":"replace","path":"/substatus","value":"Won"},{"op":"add","path":"/team/-","value":{"firstName":"R&D"}}]`
	if string(patch) != want {
		t.Errorf("%s", patch)
	}
	f := newFake(t)
	c := f.client()
	f.reply("PATCH "+collectionPath+"/r1", 200, `{"id":"r1","status":"Closed","eTag":"\"2\""}`)
	got, err := c.PatchReferral(t.Context(), "r1", `"1"`, patch)
	if err != nil || got.Status != "Closed" || got.ETag != `"2"` {
		t.Errorf("%+v %v", got, err)
	}
	request := f.last()
	if request.body != want || request.header.Get("If-Match") != `"1"` || request.header.Get("Prefer") != "return=representation" {
		t.Errorf("sent %q %v", request.body, request.header)
	}
	f.reply("PATCH "+collectionPath+"/r1", 204, "")
	if got, err = c.PatchReferral(t.Context(), "r1", "", patch); got != nil || err != nil {
		t.Errorf("no content: %v %v", got, err)
	}
	if _, sent := f.last().header["If-Match"]; sent {
		t.Error("an empty etag was sent")
	}
}

func TestReferralIDsAreEscaped(t *testing.T) {
	f := newFake(t)
	f.reply("GET "+collectionPath+"/a%2Fb%3Fc", 200, `{"id":"x"}`)
	c := f.client()
	if _, err := c.GetReferral(t.Context(), "a/b?c"); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.GetReferral(t.Context(), id); err == nil {
			t.Errorf("%q was accepted", id)
		}
	}
}

func TestListReferralsFollowsPagesOnOurAddress(t *testing.T) {
	f := newFake(t)
	f.on("GET "+collectionPath, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "$filter=direction%20eq%20%27Incoming%27&$orderby=updatedDateTime%20desc&$top=2":
			fmt.Fprint(w, `{"@odata.context":"x","@odata.count":3,"value":[{"id":"1"},{"id":"2"}],"@odata.nextLink":"http://attacker.example/v1.0/referrals?$skiptoken=a+b%2Fc=="}`)
		case "$skiptoken=a+b%2Fc==":
			fmt.Fprint(w, `{"value":[{"id":"3"}],"@odata.nextLink":null}`)
		default:
			t.Errorf("query %s", r.URL.RawQuery)
		}
	})
	var ids []string
	query := Query{Filter: Eq(FieldDirection, DirectionIncoming), OrderBy: Order{FieldUpdatedDateTime, true}, Top: 2}
	for referral, err := range f.client().ListReferrals(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, referral.ID)
	}
	if strings.Join(ids, ",") != "1,2,3" {
		t.Error(ids)
	}
}

func TestListReferralsOddPages(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want string
	}{
		"empty":             {`{"value":[]}`, ""},
		"null value":        {`{"value":null}`, ""},
		"one unreadable":    {`{"value":[{"id":"1"},{"id":"2","createdDateTime":"x"},{"id":"3"}]}`, "1 !2 3"},
		"not json":          {`<html>`, "!"},
		"same page again":   {`{"value":[{"id":"1"}],"@odata.nextLink":"x?$skiptoken=1"}`, "1 1 !"},
		"link has no query": {`{"value":[{"id":"1"}],"@odata.nextLink":"https://example.com/"}`, "1 !"},
		"link has no token": {`{"value":[{"id":"1"}],"@odata.nextLink":"https://example.com/?$top=1"}`, "1 !"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply("GET "+collectionPath, 200, test.body)
			var seen []string
			for referral, err := range f.client().ListReferrals(t.Context(), Query{}) {
				var unreadable *DecodeError
				switch {
				case errors.As(err, &unreadable):
					seen = append(seen, "!"+unreadable.ID)
				case err != nil:
					t.Fatal(err)
				default:
					seen = append(seen, referral.ID)
				}
			}
			if got := strings.Join(seen, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestListReferralsStopsWhenAsked(t *testing.T) {
	f := newFake(t)
	f.reply("GET "+collectionPath, 200, `{"value":[{"id":"1"},{"id":"2"}],"@odata.nextLink":"x?$skiptoken=1"}`)
	for range f.client().ListReferrals(t.Context(), Query{}) {
		break
	}
	if len(f.seen()) != 1 || f.last().query != "" {
		t.Errorf("%d requests", len(f.seen()))
	}
}

func TestFilters(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600000000, time.FixedZone("", 3600))
	for want, filter := range map[string]Filter{
		"":                                    And(),
		"engagementId eq 'e1'":                Eq(FieldEngagementID, "e1"),
		"substatus eq 'O''Brien'' or 1 eq 1'": Eq(FieldSubstatus, "O'Brien' or 1 eq 1"),
		"updatedDateTime ge 2026-01-02T02:04:05.6Z":    Since(FieldUpdatedDateTime, at),
		"team/any(t:t/email eq 'x@example.com')":       HasTeamMember("x@example.com"),
		"type eq 'Shared' and direction eq 'Incoming'": And(Eq(FieldType, TypeShared), Filter{}, Eq(FieldDirection, DirectionIncoming)),
		"customerProfile/address/country eq 'NO'":      Eq(FieldCountry, "NO"),
	} {
		if filter.String() != want {
			t.Errorf("got %s, want %s", filter, want)
		}
	}
}

// A quoted value is one OData string literal that reads back as the value.
func TestFilterQuotingProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		literal := strings.TrimPrefix(Eq(FieldStatus, value).String(), "status eq ")
		inner := literal[1 : len(literal)-1]
		if literal[0] != '\'' || literal[len(literal)-1] != '\'' || strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") ||
			strings.ReplaceAll(inner, "''", "'") != value {
			t.Fatalf("%q became %s", value, literal)
		}
		options, err := url.ParseQuery(Query{Filter: Eq(FieldStatus, value)}.encode())
		if err != nil || options.Get("$filter") != "status eq "+literal {
			t.Fatalf("%v %v", options, err)
		}
	})
}

// Whatever a next link says, the next request goes to our own address and the skip token arrives unchanged.
func FuzzNextLink(f *testing.F) {
	for _, seed := range []string{
		"http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=abc", "?$skiptoken=", "https://u:p@attacker.example/x?$skip=1#@y",
		"x?%24skiptoken=a b\r\nHost: attacker.example", "?$filter=engagementId eq 1&$skiptoken=%zz", "?$skiptoken=a?b//@c\\", "",
	} {
		f.Add(seed)
	}
	const base = "https://api.example.com/v1.0/engagements/referrals"
	f.Fuzz(func(t *testing.T, link string) {
		options, err := nextOptions(link)
		if err != nil {
			return
		}
		u, err := url.Parse(base + "?" + options)
		if err != nil {
			t.Fatalf("%q gives an address that cannot be read: %v", link, err)
		}
		if u.Scheme != "https" || u.Host != "api.example.com" || u.User != nil || u.Path != "/v1.0/engagements/referrals" || u.Fragment != "" {
			t.Fatalf("%q leads to %s", link, u)
		}
		if strings.ContainsFunc(u.RawQuery, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Fatalf("%q gives raw bytes in the query %q", link, u.RawQuery)
		}
		again, err := nextOptions("?" + options)
		if err != nil || again != options {
			t.Fatalf("%q is not stable: %q, %q, %v", link, options, again, err)
		}
	})
}
