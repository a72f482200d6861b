package mapping

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

func row(field, partnerCenter, crm string) Row {
	return Row{Field: field, PartnerCenter: partnerCenter, CRM: crm, Inbound: true, Outbound: true, OnCreate: true, OnUpdate: true}
}

func plan() Plan {
	help := row(deal.Help, "inviteContext.assistanceRequestCode", "Help__c")
	help.OnUpdate = false
	id := row(deal.ReferralID, "id", "Referral__c")
	id.Outbound = false
	link := row(deal.ReferralLink, "id", "Link__c")
	link.Outbound = false
	return Plan{
		Rows: []Row{
			row(deal.Name, "name", "Name"), row(deal.DealValue, "details.dealValue", "Amount"), row(deal.Currency, "details.currency", "CurrencyIsoCode"),
			row(deal.CloseDate, "details.closingDateTime", "CloseDate"), row(deal.Notes, "details.notes", "Description"), row(deal.StatusField, "status", "StageName"),
			row(deal.CloseReason, "statusReason", "Reason__c"), row(deal.Visible, "consent.consentToShareReferralWithMicrosoftSellers", "Visible__c"),
			row(deal.CustomerName, "customerProfile.name", "Account.Name"), row(deal.CustomerState, "customerProfile.address.state", "Account.BillingState"),
			row(deal.CustomerNation, "customerProfile.address.country", "Account.BillingCountry"), help, id, link,
		},
		Stages:      Stages{OnHold: "On hold", Active: "Qualification", Won: "Won!", Lost: "Lost", Closed: map[string]bool{"Won!": true, "Lost": false, "Abandoned": false}},
		Help:        map[string]string{"general or other": "GeneralOrOther"},
		HelpValues:  map[string]string{"GeneralOrOther": "General or Other"},
		LongestName: 10,
	}
}

func toRecord(t interface {
	Helper()
	Fatal(...any)
}, p Plan, values deal.Values) map[string]any {
	t.Helper()
	fields, err := p.ToRecord(values)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestStages(t *testing.T) {
	for stage, want := range map[string]deal.Status{"On hold": deal.New, "Qualification": deal.Active, "Proposal": deal.Active, "Won!": deal.Won, "Lost": deal.Lost, "Abandoned": deal.Lost} {
		values, err := plan().FromRecord(map[string]any{"StageName": stage})
		if err != nil || values[deal.StatusField] != want {
			t.Errorf("stage %s: %q, %v, want %q", stage, values[deal.StatusField], err, want)
		}
	}
	if _, err := plan().FromRecord(map[string]any{}); err == nil {
		t.Error("a record without stage is accepted")
	}
	for status, want := range map[deal.Status]string{deal.New: "On hold", deal.Active: "Qualification", deal.Won: "Won!", deal.Lost: "Lost", deal.Declined: "Lost", deal.Expired: "Lost", deal.Failed: "Lost"} {
		if got := toRecord(t, plan(), deal.Values{deal.StatusField: status})["StageName"]; got != want {
			t.Errorf("status %s: stage %v, want %s", status, got, want)
		}
	}
}

func TestFromReferral(t *testing.T) {
	cases := map[string]struct {
		referral string
		want     deal.Values
	}{
		"odd but documented shapes": {
			`{"id":"ABC","name":" A ","status":"Active","substatus":"Accepted","details":{"dealValue":"10000","currency":"usd","closingDateTime":"2026-03-24T18:30:00.1234567Z","notes":null},
			  "consent":{"consentToShareReferralWithMicrosoftSellers":true},"customerProfile":{"name":"F","address":{"state":null,"region":"WA","country":"US"}},
			  "inviteContext":{"assistanceRequestCode":"Unknown"},"statusReason":null}`,
			deal.Values{
				deal.Name: "A", deal.DealValue: "10000", deal.Currency: "USD", deal.CloseDate: "2026-03-24", deal.Notes: "", deal.StatusField: deal.Active, deal.CloseReason: "",
				deal.Visible: deal.True, deal.CustomerName: "F", deal.CustomerState: "WA", deal.CustomerNation: "US", deal.Help: "", deal.ReferralID: "ABC",
				deal.ReferralLink: referralPortal + "abc",
			},
		},
		"expired without a reason": {
			`{"id":"x","status":"Closed","substatus":"Expired"}`,
			deal.Values{
				deal.Name: "", deal.DealValue: "", deal.Currency: "", deal.CloseDate: "", deal.Notes: "", deal.StatusField: deal.Expired, deal.CloseReason: "Expired", deal.Visible: "",
				deal.CustomerName: "", deal.CustomerState: "", deal.CustomerNation: "", deal.Help: "", deal.ReferralID: "x", deal.ReferralLink: referralPortal + "x",
			},
		},
	}
	for name, c := range cases {
		var tree map[string]any
		if err := json.Unmarshal([]byte(c.referral), &tree); err != nil {
			t.Fatal(err)
		}
		got, err := plan().FromReferral(tree)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for _, odd := range []map[string]any{{"status": "Engaged"}, {"status": "Closed", "substatus": "Vanished"}, {}, {"status": "New", "details": map[string]any{"dealValue": "a lot"}}} {
		if got, err := plan().FromReferral(odd); err == nil {
			t.Errorf("%v is read as %v", odd, got)
		}
	}
}

func TestToRecordWritesTheCRMsTypes(t *testing.T) {
	got := toRecord(t, plan(), deal.Values{deal.DealValue: "10.5", deal.Visible: "", deal.Notes: "", deal.CloseDate: "2026-01-02", deal.CustomerName: "stays away", deal.Help: "stays away"})
	want := map[string]any{"Amount": json.Number("10.5"), "Visible__c": false, "Description": nil, "CloseDate": "2026-01-02"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	single := plan()
	single.FixedCurrency = "EUR"
	if got := toRecord(t, single, deal.Values{deal.Currency: "EUR"}); len(got) != 0 {
		t.Errorf("an organisation without currency field is written %v", got)
	}
	if values, err := single.FromRecord(map[string]any{"StageName": "Lost"}); err != nil || values[deal.Currency] != "EUR" {
		t.Errorf("its currency is %q, %v", values[deal.Currency], err)
	}
	if got := plan().Fit(deal.Values{deal.Name: "Zwölf Zeichen", deal.StatusField: deal.Expired}); got[deal.Name] != "Zwölf Zeic" || got[deal.StatusField] != deal.Lost {
		t.Errorf("Fit gives %v", got)
	}
}

func TestMark(t *testing.T) {
	marked := plan()
	marked.Marks = true
	for name, c := range map[string]struct {
		plan Plan
		name any
		want string // "": nothing to write
	}{
		"marked": {marked, "Deal", "✔ Deal"}, "already": {marked, "✔ Deal", ""}, "failed before": {marked, "✗ Deal", "✔ Deal"},
		"too long": {marked, "Ten chars.", ""}, "too long, marked": {marked, "✗ Ten chars.", "Ten chars."},
		"off": {plan(), "Deal", ""}, "off, marked": {plan(), "✔ Deal", "Deal"}, "no name": {marked, nil, ""},
	} {
		field, got, ok := c.plan.Mark(map[string]any{"Name": c.name}, deal.MarkSuccess)
		if field != "Name" || ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: %s %q, %v", name, field, got, ok)
		}
	}
}

func TestPatch(t *testing.T) {
	got := plan().Patch(deal.Values{deal.DealValue: "7", deal.CloseDate: "2026-01-02", deal.Visible: deal.True, deal.StatusField: deal.Won, deal.CloseReason: "r"})
	want := []Op{
		{"/details/dealValue", json.Number("7")}, {"/details/closingDateTime", "2026-01-02T00:00:00Z"}, {"/consent/consentToShareReferralWithMicrosoftSellers", true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for status, want := range map[deal.Status][]Op{
		deal.Active: {{"/status", "Active"}, {"/substatus", "Accepted"}}, deal.Won: {{"/status", "Closed"}, {"/substatus", "Won"}},
		deal.Declined: {{"/status", "Closed"}, {"/substatus", "Declined"}, {"/statusReason", "no"}}, deal.Lost: {{"/status", "Closed"}, {"/substatus", "Lost"}, {"/statusReason", "no"}},
	} {
		if diff := cmp.Diff(want, StatusOps(status, "no")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", status, diff)
		}
	}
}

func TestNewReferrals(t *testing.T) {
	person := deal.Person{FirstName: "First", LastName: "Last", Phone: "1", Email: "first.last@example.com"}
	draft := deal.Draft{
		Values:   deal.Values{deal.Name: "A", deal.DealValue: "5", deal.Currency: "EUR", deal.CloseDate: "2026-01-02", deal.CustomerName: "F", deal.CustomerNation: "Norway", deal.StatusField: deal.Active},
		Contacts: []deal.Person{person, {FirstName: "Incomplete"}}, Team: []deal.Person{person}, Solutions: []deal.Solution{{ID: "SOL-1", Name: "S"}},
	}
	private := plan().Referral(NewReferral{Draft: draft, ExternalReference: "006", MarketplaceIntent: "HaveNotDecided"})
	if private["type"] != "Independent" || lookup(private, "consent.consentToShareReferralWithMicrosoftSellers") != false || lookup(private, "customerProfile.address.country") != "NO" ||
		private["externalReferenceId"] != "006" || private["status"] != nil || len(lookup(private, "customerProfile.team").([]any)) != 1 {
		t.Errorf("a private referral is %v", private)
	}
	draft.Help = "GeneralOrOther"
	shared := plan().Counterpart(NewReferral{Draft: draft}, "e1")
	if shared["type"] != "Shared" || shared["engagementId"] != "e1" || lookup(shared, "consent.consentToShareReferralWithMicrosoftSellers") != true ||
		lookup(shared, "inviteContext.assistanceRequestCode") != "GeneralOrOther" || cmp.Diff([]any{map[string]any{"type": "BusinessProfileLocation", "id": "msft"}}, shared["target"]) != "" {
		t.Errorf("Microsoft's referral is %v", shared)
	}
}

// Values that went to one side and came back are the same: otherwise the two sides would echo for ever.
func TestRoundTripsAreFixpoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := map[string]any{
			"Name": rapid.String().Draw(t, "name"), "Description": rapid.String().Draw(t, "notes"), "StageName": rapid.SampledFrom([]string{"On hold", "Qualification", "Won!", "Lost"}).Draw(t, "stage"),
			"Amount": rapid.Float64Range(0.01, 1e9).Draw(t, "amount"), "CurrencyIsoCode": rapid.SampledFrom([]string{"EUR", "usd", ""}).Draw(t, "currency"),
			"CloseDate": rapid.SampledFrom([]string{"2026-02-28", "2026-12-31", ""}).Draw(t, "date"), "Visible__c": rapid.Bool().Draw(t, "visible"),
		}
		p := plan()
		values, err := p.FromRecord(raw)
		if err != nil {
			return
		}
		throughJSON := func(v any) map[string]any {
			encoded, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var tree map[string]any
			if err := json.Unmarshal(encoded, &tree); err != nil {
				t.Fatal(err)
			}
			return tree
		}
		again, err := p.FromRecord(throughJSON(toRecord(t, p, values)))
		if err != nil {
			t.Fatal(err)
		}
		tree := map[string]any{"status": "Active", "substatus": "Accepted"}
		for _, op := range p.Patch(values) {
			place(tree, dotted(op.Path), op.Value)
		}
		back, err := p.FromReferral(throughJSON(tree))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{deal.Name, deal.Notes, deal.DealValue, deal.Currency, deal.CloseDate, deal.Visible} {
			if again[field] != values[field] || back[field] != values[field] {
				t.Fatalf("%s: %q comes back as %q from the CRM and %q from Partner Center", field, values[field], again[field], back[field])
			}
		}
	})
}

func dotted(pointer string) string {
	path := []rune(pointer[1:])
	for i, r := range path {
		if r == '/' {
			path[i] = '.'
		}
	}
	return string(path)
}
