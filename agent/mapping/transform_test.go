package mapping

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/expression"
)

func compile(side expression.Side, source string) *expression.Expression {
	e, err := expression.Compile(side, source)
	if err != nil {
		panic(err)
	}
	return e
}

func oneWay(field, partnerCenter, crm string, inbound bool, t Transform) Row {
	r := row(field, partnerCenter, crm)
	r.Inbound, r.Outbound, r.Transform = inbound, !inbound, &t
	return r
}

func bothWays(field, partnerCenter, crm string, t Transform) Row {
	r := row(field, partnerCenter, crm)
	r.Transform = &t
	return r
}

var segments = Transform{ToCRM: map[string]string{"ent": "Enterprise", "smb": "Small business"}, ToCenter: map[string]string{"Enterprise": "ent", "Small business": "smb", "Start-up": "smb"}}

// transforming has a row for each way of turning a value.
func transforming() Plan {
	p := plan()
	p.Rows = []Row{
		row(deal.StatusField, "status", "StageName"), row(deal.Name, "name", "Name"),
		oneWay("record_type", "", "Type", true, Transform{Constant: "New Business"}),
		oneWay("flagged", "", "Flag__c", true, Transform{Constant: "true", CRMKind: deal.Flag}),
		oneWay("origin", "referralProgram", "", false, Transform{Constant: "CRM"}),
		oneWay("size", "", "Size__c", true, Transform{Inbound: compile(expression.OfReferral, `number(referral.details.dealValue) > 1000.0 ? "Large" : "Small"`)}),
		oneWay("tenth", "details.dealValue", "Tenth__c", true, Transform{Inbound: compile(expression.OfReferral, `number(value) / 3.0`), CRMKind: deal.Decimal, CRMScale: 2}),
		oneWay("owner", "campaignId", "", false, Transform{Outbound: compile(expression.OfRecord, `lower(record.Account.Owner.Email)`), Default: "nobody"}),
		bothWays("segment", "salesStage", "Segment__c", segments),
		bothWays("reference", "externalReferenceId", "Reference__c", Transform{
			Inbound: compile(expression.OfReferral, `value == "" ? "" : "P-" + text(value)`), Outbound: compile(expression.OfRecord, `text(value).replace("P-", "")`),
		}),
		bothWays("amount", "details.more", "More__c", Transform{CRMKind: deal.Decimal, CRMScale: 2}),
		bothWays("region", "details.region", "Region__c", Transform{Default: "Europe"}),
	}
	return p
}

// Each kind of row writes what it says to the CRM.
func TestTransformsToTheCRM(t *testing.T) {
	referral := map[string]any{
		"status": "Active", "substatus": "Accepted", "name": "D", "details": map[string]any{"dealValue": 1000.0, "more": "12.50"}, "salesStage": "smb", "externalReferenceId": "7",
	}
	values, err := transforming().FromReferral(referral)
	if err != nil {
		t.Fatal(err)
	}
	got, err := transforming().ToRecord(values)
	want := map[string]any{
		"StageName": "Qualification", "Name": "D", "Type": "New Business", "Flag__c": true, "Size__c": "Small", "Tenth__c": json.Number("333.33"),
		"Segment__c": "Small business", "Reference__c": "P-7", "More__c": json.Number("12.5"), "Region__c": "Europe",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// Each kind of row writes what it says to Partner Center, on update and in a new referral.
func TestTransformsToPartnerCenter(t *testing.T) {
	p := transforming()
	values, err := p.FromRecord(map[string]any{
		"StageName": "Qualification", "Name": "✔ D", "Type": "Renewal", "Account.Owner.Email": "A@Example.com", "Segment__c": "Start-up", "Reference__c": "P-7", "More__c": 12.5,
		"Tenth__c": 3.0, "Region__c": "Asia",
	})
	if err != nil {
		t.Fatal(err)
	}
	body := p.Referral(NewReferral{Draft: deal.Draft{Values: values}})
	for path, want := range map[string]any{
		"name": "D", "referralProgram": "CRM", "campaignId": "a@example.com", "salesStage": "smb", "externalReferenceId": "7", "details.more": "12.5", "details.region": "Asia",
	} {
		if got := lookup(body, path); got != want {
			t.Errorf("a new referral has %s = %v, want %v", path, got, want)
		}
	}
	if _, there := body["size"]; there || lookup(body, "details.dealValue") != nil {
		t.Errorf("an inbound row is written to Partner Center: %v", body)
	}
	got := p.Patch(deal.Values{"owner": values["owner"], "segment": values["segment"], "amount": "3"})
	if diff := cmp.Diff([]Op{{"/campaignId", "a@example.com"}, {"/salesStage", "smb"}, {"/details/more", "3"}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	empty, err := p.FromRecord(map[string]any{"StageName": "Qualification"})
	if err != nil || empty["owner"] != "nobody" {
		t.Errorf("the default is %q, %v", empty["owner"], err)
	}
}

// What cannot be turned is a failure that names the field, where its value stands, and what is wrong.
func TestFailures(t *testing.T) {
	fromReferral := func(row Row) error {
		_, err := (Plan{Rows: []Row{row}}).FromReferral(map[string]any{"salesStage": "xxl", "details": map[string]any{"dealValue": 1.0}})
		return err
	}
	fromRecord := func(row Row) error {
		_, err := (Plan{Rows: []Row{row}}).FromRecord(map[string]any{"Segment__c": "Government"})
		return err
	}
	broken := Transform{Inbound: compile(expression.OfReferral, `"a" + text(value)`), Outbound: compile(expression.OfRecord, `"b" + text(value)`)}
	for want, err := range map[string]error{
		`field segment, from salesStage: "xxl" has no value in the CRM; values names ent, smb`:                                   fromReferral(bothWays("segment", "salesStage", "Segment__c", segments)),
		`field segment, from Segment__c: "Government" has no value in Partner Center; values names Enterprise, Small`:            fromRecord(bothWays("segment", "salesStage", "Segment__c", segments)),
		`field x, from its expression: expression`:                                                                               fromReferral(oneWay("x", "", "X__c", true, Transform{Inbound: compile(expression.OfReferral, `referral.details.dealValue * 2`)})),
		`field y, from salesStage: "xxl" becomes "axxl" in the CRM, which becomes "baxxl" in Partner Center: each way must undo`: fromReferral(bothWays("y", "salesStage", "Y__c", broken)),
	} {
		var failure *Failure
		if !errors.As(err, &failure) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A new record gets what is written on create, and no row that only travels the other way.
func TestANewRecordGetsInboundRowsOnly(t *testing.T) {
	p := transforming()
	p.Rows = append(p.Rows, oneWay("mine", "referralProgram", "Mine__c", false, Transform{}))
	late := row("late", "details.notes", "Late__c")
	late.OnCreate = false
	p.Rows = append(p.Rows, late)
	fitted := p.Fit(deal.Values{deal.StatusField: deal.Active, deal.Name: "D", "mine": "x", "late": "y"})
	if diff := cmp.Diff(deal.Values{deal.StatusField: deal.Active, deal.Name: "D"}, fitted); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func throughJSON(t *rapid.T, v any) map[string]any {
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

// written are the fields that travel both ways, whose values must come back from either side as they went.
var written = []string{"segment", "reference", "amount", "region"}

// A deal that goes to the CRM, or to Partner Center, comes back as it was: otherwise the two sides would echo for ever. What only one
// side fills is read from what was written there as it was computed.
func TestTransformedRoundTripsAreFixpoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := transforming()
		values, err := p.FromRecord(map[string]any{
			"StageName": "Qualification", "Segment__c": rapid.SampledFrom([]string{"Enterprise", "Small business", "Start-up", ""}).Draw(t, "segment"),
			"Reference__c": "P-" + rapid.StringMatching(`[0-9]{1,6}`).Draw(t, "reference"), "More__c": float64(rapid.IntRange(-99999, 99999).Draw(t, "amount")) / 100,
			"Region__c": rapid.SampledFrom([]string{"Asia", "Europe"}).Draw(t, "region"), "Account.Owner.Email": rapid.String().Draw(t, "mail"),
		})
		if err != nil {
			t.Fatal(err)
		}
		record, err := p.ToRecord(values)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.FromRecord(throughJSON(t, record))
		if err != nil {
			t.Fatal(err)
		}
		tree := map[string]any{"status": "Active", "substatus": "Accepted", "details": map[string]any{"dealValue": rapid.Float64Range(0, 1e6).Draw(t, "value")}}
		for _, op := range p.Patch(values) {
			place(tree, dotted(op.Path), op.Value)
		}
		back, err := p.FromReferral(throughJSON(t, tree))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range written {
			if again[field] != values[field] || back[field] != values[field] {
				t.Fatalf("%s: %q comes back as %q from the CRM and %q from Partner Center", field, values[field], again[field], back[field])
			}
		}
		if record, err = p.ToRecord(back); err != nil {
			t.Fatal(err)
		}
		computed, err := p.FromRecord(throughJSON(t, record))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"record_type", "flagged", "size", "tenth"} {
			if computed[field] != back[field] {
				t.Fatalf("%s: Partner Center's %q is read from the CRM as %q", field, back[field], computed[field])
			}
		}
	})
}

// anything draws a value as decoding of hostile JSON could give it.
func anything(depth int) *rapid.Generator[any] {
	plain := []*rapid.Generator[any]{rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64().AsAny(), rapid.String().AsAny(), rapid.Just[any](json.Number("1e3")),
		rapid.SampledFrom([]string{"Active", "Won!", "smb", "Enterprise", "2026-02-30"}).AsAny()}
	if depth > 0 {
		plain = append(plain,
			rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(anything(depth-1), 0, 3).Draw(t, "list") }),
			rapid.Custom(func(t *rapid.T) any {
				return rapid.MapOfN(rapid.SampledFrom([]string{"dealValue", "more", "region", "notes", "Owner", "x"}), anything(depth-1), 0, 3).Draw(t, "object")
			}))
	}
	return rapid.OneOf(plain...)
}

// No record and no referral, however odd, makes the mapping panic.
func TestNoInputPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := transforming()
		if rapid.Bool().Draw(t, "plain") {
			p = plan()
		}
		fields, tree := map[string]any{}, map[string]any{}
		for _, row := range p.Rows {
			fields[row.CRM] = anything(2).Draw(t, row.CRM)
		}
		fields["Account.Owner.Email"] = anything(1).Draw(t, "mail")
		for _, property := range []string{"status", "substatus", "name", "details", "salesStage", "externalReferenceId", "customerProfile", "consent"} {
			tree[property] = anything(2).Draw(t, property)
		}
		fromRecord, recordErr := p.FromRecord(fields)
		fromReferral, referralErr := p.FromReferral(tree)
		for _, read := range []struct {
			values deal.Values
			err    error
		}{{fromRecord, recordErr}, {fromReferral, referralErr}} {
			if read.err != nil {
				continue
			}
			_, _ = p.ToRecord(p.Fit(read.values))
			_, _ = p.ToRelated("Account", read.values)
			p.Patch(read.values)
			p.Referral(NewReferral{Draft: deal.Draft{Values: read.values}})
		}
	})
}
