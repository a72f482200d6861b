package deal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

func TestNormalize(t *testing.T) {
	cases := []struct {
		field string
		raw   any
		want  string
	}{
		{DealValue, "10000", "10000"}, {DealValue, 10000.50, "10000.5"}, {DealValue, "0.0", "0"}, {DealValue, "-0", "0"},
		{DealValue, 1e6, "1000000"}, {DealValue, "1.5E3", "1500"}, {DealValue, nil, ""}, {DealValue, 30000, "30000"},
		{CloseDate, "2026-12-01", "2026-12-01"}, {CloseDate, "2026-12-01T00:00:00Z", "2026-12-01"},
		{CloseDate, "2026-12-01T18:30:00.123456Z", "2026-12-01"}, {CloseDate, "2026-12-01T23:30:00.000-0200", "2026-12-02"},
		{Visible, true, True}, {Visible, false, ""}, {Visible, nil, ""}, {Currency, "eur", "EUR"},
		{Notes, "  a\r\nb ", "a\nb"}, {Name, "e\u0301", "é"}, {Name, nil, ""},
	}
	for _, c := range cases {
		if got, err := Normalize(c.field, c.raw); err != nil || got != c.want {
			t.Errorf("%s %v: got %q, %v, want %q", c.field, c.raw, got, err, c.want)
		}
	}
	for field, raw := range map[string]any{DealValue: "a lot", CloseDate: "tomorrow", Visible: "perhaps", Name: []string{"x"}, Currency: map[string]any{}} {
		if got, err := Normalize(field, raw); err == nil {
			t.Errorf("%s accepts %v as %q", field, raw, got)
		}
	}
	for _, hostile := range []string{"1e999999999", "1/3", "0x10", "1_000", strings.Repeat("9", 100)} {
		if got, err := Normalize(DealValue, hostile); err == nil {
			t.Errorf("a deal value accepts %q as %q", hostile, got)
		}
	}
}

func TestNormalizeIsAFixpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SampledFrom([]string{Name, DealValue, CloseDate, Visible, Currency, Notes}).Draw(t, "field")
		raw := rapid.OneOf(rapid.String().AsAny(), rapid.Float64Range(-1e15, 1e15).AsAny(), rapid.Bool().AsAny()).Draw(t, "raw")
		once, err := Normalize(field, raw)
		if err != nil {
			return
		}
		twice, err := Normalize(field, once)
		if err != nil || once != twice {
			t.Fatalf("%s: %v gives %q, then %q, %v", field, raw, once, twice, err)
		}
	})
}

func TestStripMark(t *testing.T) {
	for name, want := range map[string]string{
		MarkSuccess + "Deal": "Deal", MarkFailure + MarkSuccess + "Deal": "Deal", "✓ Deal": "Deal", "✔️ Deal": "Deal", "Deal ✔": "Deal ✔", "": "", "✔": "",
	} {
		if got := StripMark(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestTransitions(t *testing.T) {
	cases := []struct {
		referral, crm Status
		want          string
	}{
		{New, New, "[]"}, {New, Active, "[active]"}, {New, Won, "[active won]"}, {New, Lost, "[declined]"},
		{Active, New, "[]"}, {Active, Active, "[]"}, {Active, Won, "[won]"}, {Active, Lost, "[lost]"},
		{Won, Active, "[]"}, {Declined, Won, "[]"}, {Expired, Active, "[]"},
	}
	for _, c := range cases {
		if got := fmt.Sprint(Transitions(c.referral, c.crm)); got != c.want {
			t.Errorf("%s→%s: got %s, want %s", c.referral, c.crm, got, c.want)
		}
	}
}

var rules = []Rule{
	{Name, false, false, CRM, Ways{}}, {DealValue, true, true, CRM, Ways{}}, {Currency, true, true, CRM, Ways{}}, {CloseDate, true, true, CRM, Ways{}}, {Notes, true, true, CRM, Ways{}},
	{StatusField, true, true, PartnerCenter, Ways{}}, {CloseReason, true, true, PartnerCenter, Ways{}}, {Visible, true, true, CRM, Ways{}},
	{MicrosoftCRMID, true, false, PartnerCenter, Ways{}}, {ReferralID, true, false, PartnerCenter, Ways{}}, {"segment", false, true, CRM, Ways{}},
}

func agreed() Values {
	return Values{Name: "Deal", DealValue: "100", Currency: "EUR", CloseDate: "2026-12-01", Notes: "n", StatusField: Active, ReferralID: "r1"}
}

func with(v Values, pairs ...string) Values {
	v = v.Clone()
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = pairs[i+1]
	}
	return v
}

func TestMerge(t *testing.T) {
	base := agreed()
	onHold := with(base, StatusField, New)
	type want struct {
		toCRM, toReferral Values
		transitions       []Status
		codes             []problem.Code
		held              bool
	}
	cases := map[string]struct {
		base, crm, referral Values
		options             Options
		want                want
		baseReferral        Values // where it differs from base
	}{
		"nothing changed":          {base, base, base, Options{}, want{}, nil},
		"seller changes notes":     {base, with(base, Notes, "x"), base, Options{}, want{toReferral: Values{Notes: "x"}}, nil},
		"Microsoft changes notes":  {base, base, with(base, Notes, "x"), Options{}, want{toCRM: Values{Notes: "x"}}, nil},
		"both the same":            {base, with(base, Notes, "x"), with(base, Notes, "x"), Options{}, want{}, nil},
		"both differently":         {base, with(base, Notes, "x"), with(base, Notes, "y"), Options{}, want{toReferral: Values{Notes: "x"}, codes: []problem.Code{problem.ConflictDecided}}, nil},
		"both, different fields":   {base, with(base, Notes, "x"), with(base, CloseDate, "2027-01-01"), Options{}, want{toReferral: Values{Notes: "x"}, toCRM: Values{CloseDate: "2027-01-01"}}, nil},
		"value and currency":       {base, with(base, DealValue, "200"), with(base, Currency, "USD"), Options{}, want{toReferral: Values{DealValue: "200", Currency: "EUR"}, codes: []problem.Code{problem.ConflictDecided}}, nil},
		"zero value":               {base, with(base, DealValue, "0"), base, Options{}, want{codes: []problem.Code{problem.ValueWithheld}, held: true}, nil},
		"empty value":              {base, with(base, DealValue, ""), base, Options{}, want{codes: []problem.Code{problem.ValueWithheld}, held: true}, nil},
		"zero from Microsoft":      {base, base, with(base, DealValue, "0"), Options{}, want{}, nil},
		"foreign currency":         {base, base, with(base, DealValue, "9", Currency, "USD"), Options{FixedCurrency: "EUR"}, want{codes: []problem.Code{problem.ValueWithheld}}, nil},
		"rename":                   {base, with(base, Name, "New"), base, Options{}, want{codes: []problem.Code{problem.NameNotShared}}, nil},
		"read-only edited":         {base, with(base, ReferralID, "zz"), base, Options{}, want{toCRM: Values{ReferralID: "r1"}, codes: []problem.Code{problem.ReadOnlyRestored}}, nil},
		"Microsoft CRM id appears": {base, base, with(base, MicrosoftCRMID, "7-X"), Options{}, want{toCRM: Values{MicrosoftCRMID: "7-X"}}, nil},
		"shown to Microsoft":       {base, with(base, Visible, True), base, Options{}, want{toReferral: Values{Visible: True}}, nil},
		"hidden again":             {with(base, Visible, True), base, with(base, Visible, True), Options{}, want{toCRM: Values{Visible: True}, codes: []problem.Code{problem.VisibilityKept}}, nil},
		"edit while on hold":       {onHold, with(onHold, Notes, "x"), onHold, Options{}, want{held: true}, nil},
		"their edit while on hold": {onHold, onHold, with(onHold, Notes, "x"), Options{}, want{toCRM: Values{Notes: "x"}}, nil},
		"both while on hold":       {onHold, with(onHold, Notes, "x", DealValue, "2"), with(onHold, Notes, "y", DealValue, "3"), Options{}, want{held: true}, nil},
		"leaving on hold":          {onHold, with(onHold, StatusField, Active, Notes, "x"), onHold, Options{}, want{transitions: []Status{Active}, toReferral: Values{Notes: "x"}}, nil},
		"losing on hold":           {onHold, with(onHold, StatusField, Lost, CloseReason, "no"), onHold, Options{}, want{transitions: []Status{Declined}, toReferral: Values{CloseReason: "no"}}, nil},
		"winning on hold":          {onHold, with(onHold, StatusField, Won), onHold, Options{}, want{transitions: []Status{Active, Won}}, nil},
		"accepted in the portal":   {onHold, onHold, base, Options{}, want{toCRM: Values{StatusField: Active}}, nil},
		"back on hold":             {base, with(base, StatusField, New, Notes, "x"), base, Options{}, want{codes: []problem.Code{problem.HoldNotShared}, held: true}, nil},
		"still back on hold":       {with(base, StatusField, New), with(base, StatusField, New), base, Options{}, want{}, base},
		"expired":                  {onHold, onHold, with(onHold, StatusField, Expired, CloseReason, "Expired"), Options{}, want{toCRM: Values{StatusField: Lost, CloseReason: "Expired"}}, nil},
		"edit after closing":       {with(base, StatusField, Won), with(base, StatusField, Won, Notes, "x"), with(base, StatusField, Won), Options{}, want{codes: []problem.Code{problem.ReferralClosed}}, nil},
		"reopened after closing":   {with(base, StatusField, Won), base, with(base, StatusField, Won), Options{}, want{toCRM: Values{StatusField: Won}, codes: []problem.Code{problem.ReferralClosed}}, nil},
		"sync is off":              {base, with(base, Notes, "x", StatusField, Won), with(base, CloseDate, "2027-01-01"), Options{HoldOutbound: true, HoldInbound: true}, want{held: true}, nil},
		"outbound is off":          {base, with(base, Notes, "x"), with(base, CloseDate, "2027-01-01"), Options{HoldOutbound: true}, want{toCRM: Values{CloseDate: "2027-01-01"}, held: true}, nil},
		"outbound only":            {with(base, "segment", "a"), with(base, "segment", "b"), with(base, "segment", "a"), Options{}, want{toReferral: Values{"segment": "b"}}, nil},
		"first link":               {nil, base, with(base, Notes, "", DealValue, "90"), Options{}, want{toReferral: Values{Notes: "n", DealValue: "100"}, codes: []problem.Code{problem.ConflictDecided}}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var memory Memory
			if c.base != nil {
				memory.Base = &Pair{CRM: c.base, Referral: c.base}
			}
			if c.baseReferral != nil {
				memory.Base.Referral = c.baseReferral
			}
			got := Merge(memory, Pair{CRM: c.crm, Referral: c.referral}, rules, c.options)
			var codes []problem.Code
			for _, n := range got.Notes {
				codes = append(codes, n.Code)
			}
			if c.want.toCRM == nil {
				c.want.toCRM = Values{}
			}
			if c.want.toReferral == nil {
				c.want.toReferral = Values{}
			}
			actual := want{got.ToCRM, got.ToReferral, got.Transitions, codes, got.Held}
			if diff := cmp.Diff(c.want, actual, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What a crash between the writes leaves behind is finished, and a person's edit made meanwhile is kept.
func TestMergeAfterACrash(t *testing.T) {
	base := agreed()
	edited := with(base, Notes, "x")
	first := Merge(Memory{Base: &Pair{base, base}}, Pair{edited, base}, rules, Options{})
	memory := Memory{Base: &Pair{base, base}, Pending: []Attempt{first.Attempt}}

	notArrived := Merge(memory, Pair{edited, base}, rules, Options{})
	if notArrived.ToReferral[Notes] != "x" {
		t.Errorf("the lost write is not repeated: %+v", notArrived)
	}
	arrived := Merge(memory, Pair{edited, edited}, rules, Options{})
	if len(arrived.ToReferral)+len(arrived.ToCRM) != 0 {
		t.Errorf("a write that arrived is repeated: %+v", arrived)
	}
	reverted := Merge(memory, Pair{base, edited}, rules, Options{})
	if got, ok := reverted.ToReferral[Notes]; !ok || got != "n" || len(reverted.ToCRM) != 0 {
		t.Errorf("the seller's change back is lost: %+v", reverted)
	}
	theirs := Merge(memory, Pair{edited, with(base, Notes, "y")}, rules, Options{})
	if theirs.ToCRM[Notes] != "y" || len(theirs.ToReferral) != 0 {
		t.Errorf("Microsoft's later change is lost: %+v", theirs)
	}
}

func drawValues(t *rapid.T, label string) Values {
	pick := func(field string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label+" "+field) }
	return Values{
		Notes: pick(Notes, "a", "b", "c", ""), CloseDate: pick(CloseDate, "2026-01-01", "2026-01-02"), DealValue: pick(DealValue, "1", "2", "0", ""),
		Currency: pick(Currency, "EUR", "USD"), Visible: pick(Visible, True, ""), Name: pick(Name, "x", "y"), ReferralID: pick(ReferralID, "r", "q"),
		CloseReason: pick(CloseReason, "", "no"),
	}
}

func TestMergeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, crm, referral := drawValues(t, "base"), drawValues(t, "crm"), drawValues(t, "referral")
		crm[StatusField] = rapid.SampledFrom([]string{New, Active, Won, Lost}).Draw(t, "crm status")
		referral[StatusField] = rapid.SampledFrom([]string{New, Active, Won, Lost, Declined, Expired, Failed}).Draw(t, "referral status")
		base[StatusField] = rapid.SampledFrom([]string{New, Active}).Draw(t, "base status")
		options := Options{HoldOutbound: rapid.Bool().Draw(t, "hold outbound"), HoldInbound: rapid.Bool().Draw(t, "hold inbound")}
		memory := Memory{Base: &Pair{base.Clone(), base.Clone()}}
		got := Merge(memory, Pair{crm.Clone(), referral.Clone()}, rules, options)
		if diff := cmp.Diff(got, Merge(memory, Pair{crm, referral}, rules, options)); diff != "" {
			t.Fatalf("not deterministic: %s", diff)
		}
		inbound := got.ToCRM.Clone()
		delete(inbound, ReferralID) // the identity of a shared deal is told in any case
		if options.HoldOutbound && len(got.ToReferral)+len(got.Transitions) > 0 || options.HoldInbound && len(inbound) > 0 {
			t.Fatalf("a held direction is written: %+v", got)
		}
		if value, ok := got.ToReferral[DealValue]; ok && (value == "" || value == "0" || got.Attempt.Intended.Referral[Currency] == "") {
			t.Fatalf("an empty value is sent: %+v", got)
		}
		if value, ok := got.ToCRM[DealValue]; ok && (value == "" || value == "0") {
			t.Fatalf("the CRM's amount is emptied: %+v", got)
		}
		if value, ok := got.ToReferral[Visible]; ok && value != True {
			t.Fatal("a visible deal is hidden")
		}
		if Terminal(referral[StatusField]) && len(got.ToReferral)+len(got.Transitions) > 0 {
			t.Fatalf("a closed referral is written: %+v", got)
		}
		if _, named := got.ToReferral[Name]; named {
			t.Fatal("a rename is sent")
		}
		for field := range got.ToReferral {
			if crm[field] == referral[field] && got.ToCRM[field] == "" && field != Visible {
				t.Fatalf("%s is equal and yet written", field)
			}
		}
		// Once the writes are done, merging again writes nothing.
		after := Pair{crm.Clone(), referral.Clone()}
		for field, value := range got.ToCRM {
			after.CRM[field] = value
		}
		for field, value := range got.ToReferral {
			after.Referral[field] = value
		}
		if n := len(got.Transitions); n > 0 {
			after.Referral[StatusField] = got.Transitions[n-1]
		}
		again := Merge(Memory{Base: &got.Attempt.Intended}, after, rules, options)
		if len(again.ToCRM) > 0 || len(again.ToReferral) > 0 || len(again.Transitions) > 0 {
			// Leaving on-hold opens the way for edits that were held: one more round, then silence.
			if again = Merge(Memory{Base: &again.Attempt.Intended}, apply(after, again), rules, options); len(again.ToCRM)+len(again.ToReferral)+len(again.Transitions) > 0 {
				t.Fatalf("it echoes: first %+v\nthen %+v", got, again)
			}
		}
	})
}

func apply(p Pair, r Result) Pair {
	out := Pair{p.CRM.Clone(), p.Referral.Clone()}
	for field, value := range r.ToCRM {
		out.CRM[field] = value
	}
	for field, value := range r.ToReferral {
		out.Referral[field] = value
	}
	if n := len(r.Transitions); n > 0 {
		out.Referral[StatusField] = r.Transitions[n-1]
	}
	return out
}

func TestReady(t *testing.T) {
	person := Person{"First", "Last", "+47 1", "first.last@example.com"}
	ready := func() Draft {
		return Draft{
			Values: with(agreed(), CustomerName, "Fabrikam", CustomerNation, "Norway", CustomerStreet, "1 Main St", CustomerCity, "Oslo"),
			Team:   []Person{person}, Solutions: []Solution{{ID: "SOL-1"}},
		}
	}
	cases := map[string]struct {
		change func(*Draft)
		want   []problem.Code
	}{
		"ready":            {func(*Draft) {}, nil},
		"no solution":      {func(d *Draft) { d.Solutions = nil }, []problem.Code{problem.SolutionMissing}},
		"unknown country":  {func(d *Draft) { d.Values[CustomerNation] = "Atlantis" }, []problem.Code{problem.CountryInvalid}},
		"help, no contact": {func(d *Draft) { d.Help = "GeneralOrOther" }, []problem.Code{problem.ContactMissing}},
		"unknown help":     {func(d *Draft) { d.Help, d.Contacts = UnknownHelp, []Person{person} }, []problem.Code{problem.HelpUnknown}},
		"help and contact": {func(d *Draft) { d.Help, d.Contacts = "GeneralOrOther", []Person{person} }, nil},
		"zero value":       {func(d *Draft) { d.Values[DealValue] = "0" }, []problem.Code{problem.DealValueMissing}},
		"no currency":      {func(d *Draft) { d.Values[Currency] = "" }, []problem.Code{problem.CurrencyMissing}},
		"owner incomplete": {func(d *Draft) { d.Team[0].Phone = "" }, []problem.Code{problem.TeamIncomplete}},
		"already won":      {func(d *Draft) { d.Values[StatusField] = Won }, []problem.Code{problem.AlreadyClosed}},
		"several at once": {func(d *Draft) { d.Solutions, d.Values[CustomerCity], d.Values[CloseDate] = nil, "", "" },
			[]problem.Code{problem.SolutionMissing, problem.CloseDateMissing, problem.AddressIncomplete}},
		"nothing at all": {func(d *Draft) { *d = Draft{} }, []problem.Code{problem.DealNameMissing, problem.SolutionMissing, problem.DealValueMissing,
			problem.CurrencyMissing, problem.CloseDateMissing, problem.CustomerMissing, problem.TeamIncomplete}},
	}
	for name, c := range cases {
		draft := ready()
		c.change(&draft)
		var got []problem.Code
		for _, n := range draft.Ready() {
			got = append(got, n.Code)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
