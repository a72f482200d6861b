package deal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

var coSellRules = []Rule{
	{Field: Help, Inbound: true, Outbound: true, Winner: PartnerCenter}, {Field: MicrosoftStatus, Inbound: true},
	{Field: Solutions, Inbound: true, Outbound: true}, {Field: StatusField, Inbound: true, Outbound: true, Winner: PartnerCenter},
	{Field: Visible, Inbound: true, Outbound: true},
}

// sells adds solutions to values.
func sells(v Values, ids ...string) Values {
	v = v.Clone()
	for _, id := range ids {
		v[SolutionField(id)] = True
	}
	return v
}

// What is decided about help, visibility, Microsoft's answer and solutions.
func TestMergeOfCoSellDeals(t *testing.T) {
	private := Values{StatusField: Active}
	asked := with(private, Help, "A", Visible, True)
	withdrawn := with(asked, Help, "")
	other := with(asked, Help, "B")
	onHold := with(private, StatusField, New)
	won := with(private, StatusField, Won)
	ours := Options{Ours: true}
	is := func(options Options, change func(*Options)) Options {
		change(&options)
		return options
	}
	engaged := is(ours, func(o *Options) { o.Engagement = Asked })
	microsofts := Options{Engagement: FromMicrosoft}
	type want struct {
		ToCRM, ToReferral Values
		Ask, Held, More   bool
		Codes             []problem.Code
	}
	cases := map[string]struct {
		base, crm, referral Values
		options             Options
		want                want
	}{
		"private deal asks for help, which shows it": {private, with(private, Help, "A"), private, ours, want{Ask: true, ToCRM: Values{Visible: True}, ToReferral: Values{Visible: True}}},
		"partner-led deal asks for help":             {with(private, Visible, True), asked, with(private, Visible, True), ours, want{Ask: true}},
		"the second referral is still missing":       {asked, asked, asked, ours, want{Ask: true}},
		"it is there":                                {asked, asked, asked, engaged, want{}},
		"help withdrawn before Microsoft was asked":  {asked, withdrawn, asked, ours, want{}},
		"help withdrawn after":                       {asked, withdrawn, asked, engaged, want{ToCRM: Values{Help: "A"}, Codes: []problem.Code{problem.HelpKept}}},
		"other help after":                           {asked, other, asked, engaged, want{ToCRM: Values{Help: "A"}, Codes: []problem.Code{problem.HelpKept}}},
		"help that Partner Center does not tell":     {asked, asked, withdrawn, engaged, want{}},
		"asked for in the portal":                    {asked, asked, asked, Options{}, want{}},
		"asked for in the portal, changed in the CRM": {
			asked, other, asked, Options{}, want{ToCRM: Values{Help: "A"}, Codes: []problem.Code{problem.HelpKept}},
		},
		"unknown help":                 {private, with(private, Help, UnknownHelp), private, ours, want{Held: true, Codes: []problem.Code{problem.HelpUnknown}}},
		"help without a contact":       {private, with(private, Help, "A"), private, is(ours, func(o *Options) { o.NoContact = true }), want{Held: true, Codes: []problem.Code{problem.ContactMissing}}},
		"help without an owner":        {private, with(private, Help, "A"), private, is(ours, func(o *Options) { o.NoTeam = true }), want{Held: true, Codes: []problem.Code{problem.TeamIncomplete}}},
		"help while its flow is off":   {private, with(private, Help, "A"), private, is(ours, func(o *Options) { o.HoldHelp = true }), want{Held: true}},
		"help while on hold":           {onHold, with(onHold, Help, "A"), onHold, ours, want{Held: true}},
		"help for a deal that is won":  {won, with(won, Help, "A"), won, ours, want{Codes: []problem.Code{problem.ReferralClosed}}},
		"help for a deal of Microsoft": {private, with(private, Help, "A"), private, microsofts, want{Codes: []problem.Code{problem.HelpNotNeeded}}},
		"the same, said before":        {with(private, Help, "A"), with(private, Help, "A"), private, microsofts, want{}},
		"Microsoft has not answered":   {asked, asked, with(asked, MicrosoftStatus, New), engaged, want{}},
		"Microsoft accepted":           {asked, asked, with(asked, MicrosoftStatus, Active), engaged, want{Codes: []problem.Code{problem.MicrosoftAccepted}}},
		"Microsoft declined":           {asked, asked, with(asked, MicrosoftStatus, Declined, MicrosoftReason, "no"), engaged, want{Codes: []problem.Code{problem.MicrosoftDeclined}}},
		"Microsoft let it expire":      {asked, asked, with(asked, MicrosoftStatus, Expired), engaged, want{Codes: []problem.Code{problem.MicrosoftExpired}}},
		"Microsoft closed it":          {asked, asked, with(asked, MicrosoftStatus, Lost), engaged, want{Codes: []problem.Code{problem.MicrosoftClosed}}},
		"the seller knows":             {asked, with(asked, MicrosoftStatus, Active), with(asked, MicrosoftStatus, Active), engaged, want{}},
		"nothing may be told now":      {asked, asked, with(asked, MicrosoftStatus, Active), is(engaged, func(o *Options) { o.HoldInbound = true }), want{Held: true}},
		"a solution is added":          {sells(private, "S1"), sells(private, "S1", "S2"), sells(private, "S1"), ours, want{ToReferral: Values{SolutionField("S2"): True}}},
		"a solution is removed":        {sells(private, "S1", "S2"), sells(private, "S2"), sells(private, "S1", "S2"), ours, want{ToReferral: Values{SolutionField("S1"): ""}}},
		"they add, the seller removes": {sells(private, "S1", "S2"), sells(private, "S2"), sells(private, "S1", "S2", "S3"), ours, want{ToReferral: Values{SolutionField("S1"): ""}, ToCRM: Values{SolutionField("S3"): True}}},
		"both remove the same":         {sells(private, "S1", "S2"), sells(private, "S2"), sells(private, "S2"), ours, want{}},
		"identifiers ignore case":      {sells(private, "sol-1"), sells(private, "sol-1"), sells(private, "SOL-1"), ours, want{}},
		"the last one is removed":      {sells(private, "S1"), private, sells(private, "S1"), ours, want{Held: true, Codes: []problem.Code{problem.LastSolutionKept}}},
		"the last is replaced":         {sells(private, "S1"), sells(private, "S2"), sells(private, "S1"), ours, want{ToReferral: Values{SolutionField("S1"): "", SolutionField("S2"): True}}},
		"their last one":               {sells(private, "S1"), sells(private, "S1"), private, ours, want{ToCRM: Values{SolutionField("S1"): ""}}},
		"a solution while on hold":     {sells(onHold, "S1"), sells(onHold, "S1", "S2"), sells(onHold, "S1"), ours, want{Held: true}},
		"solutions while their flow is off": {
			sells(private, "S1"), sells(private, "S1", "S2"), sells(private, "S1", "S3"), is(ours, func(o *Options) { o.HoldSolutions = true }),
			want{Held: true, ToCRM: Values{SolutionField("S3"): True}},
		},
		"a solution of a deal that is won": {sells(won, "S1"), sells(won, "S1", "S2"), sells(won, "S1"), ours, want{Codes: []problem.Code{problem.ReferralClosed}}},
		"more than one write takes": {
			sells(private, "S0"), sells(private, "S0"), sells(private, "S0", "S1", "S2", "S3"), is(ours, func(o *Options) { o.MostSolutions = 2 }),
			want{ToCRM: Values{SolutionField("S1"): True, SolutionField("S2"): True}, Held: true, More: true},
		},
		"first link": {nil, sells(private, "S1"), sells(private, "S2"), ours, want{ToCRM: Values{SolutionField("S2"): True}, ToReferral: Values{SolutionField("S1"): True}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var memory Memory
			if c.base != nil {
				memory.Base = &Pair{c.base, c.base}
			}
			result := Merge(memory, Pair{c.crm, c.referral}, coSellRules, c.options)
			got := want{ToCRM: result.ToCRM, ToReferral: result.ToReferral, Ask: result.AskHelp, Held: result.Held, More: result.More}
			for _, note := range result.Notes {
				got.Codes = append(got.Codes, note.Code)
			}
			for _, values := range []*Values{&c.want.ToCRM, &c.want.ToReferral} {
				if *values == nil {
					*values = Values{}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Whatever both sides did to the solutions, both hold the same ones after the writes, nobody's addition or removal is undone, the
// referral is never emptied, and a second merge finds nothing to do.
func TestSolutionsConverge(t *testing.T) {
	ids := []string{"A", "B", "C", "D"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) Values {
			return sells(Values{StatusField: Active}, rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, 4, rapid.ID[string]).Draw(t, label)...)
		}
		base, crm, referral := draw("base"), draw("crm"), draw("referral")
		got := Merge(Memory{Base: &Pair{base, base}}, Pair{crm, referral}, coSellRules, Options{Ours: true})
		after := apply(Pair{crm, referral}, got)
		left := 0
		for _, id := range ids {
			field := SolutionField(id)
			c, r := after.CRM[field], after.Referral[field]
			if r == True {
				left++
			}
			if got.Held { // the last one is kept until there is another
				continue
			}
			if c != r {
				t.Fatalf("%s is %q in the CRM and %q in Partner Center", id, c, r)
			}
			if changed := crm[field] != base[field] || referral[field] != base[field]; changed && c == base[field] {
				t.Fatalf("somebody's change of %s was undone", id)
			}
		}
		if had := len(referral) > 1; had && left == 0 && len(got.ToReferral) > 0 {
			t.Fatal("the referral was emptied")
		}
		again := Merge(Memory{Base: &got.Attempt.Intended}, after, coSellRules, Options{Ours: true})
		if len(again.ToCRM)+len(again.ToReferral) > 0 {
			t.Fatalf("it echoes: %+v", again)
		}
	})
}

// An answer that the seller could not be told, because the agent was killed, is told by the run after it.
func TestMicrosoftsAnswerIsToldAfterACrash(t *testing.T) {
	asked := Values{StatusField: Active, Help: "A", Visible: True}
	answered := with(asked, MicrosoftStatus, Declined)
	first := Merge(Memory{Base: &Pair{asked, asked}}, Pair{asked, answered}, coSellRules, Options{Ours: true, Engagement: Asked})
	memory := Memory{Base: &Pair{asked, asked}, Pending: []Attempt{first.Attempt}}
	again := Merge(memory, Pair{asked, answered}, coSellRules, Options{Ours: true, Engagement: Asked})
	if len(first.Notes) != 1 || len(again.Notes) != 1 {
		t.Errorf("told %d times, then %d times", len(first.Notes), len(again.Notes))
	}
}
