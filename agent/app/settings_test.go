package app

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// The document names the deal's fields as texts; the engine knows them as constants. A default row that the engine does not
// know by its name would silently be an ordinary text.
func TestDefaultMappingsNameTheDealsFields(t *testing.T) {
	known := []string{
		deal.Name, deal.DealValue, deal.Currency, deal.CloseDate, deal.Notes, deal.StatusField, deal.CloseReason, deal.CustomerName, deal.CustomerStreet,
		deal.CustomerCity, deal.CustomerState, deal.CustomerPostal, deal.CustomerNation, deal.Visible, deal.Help, deal.ReferralID, deal.ReferralLink, deal.MicrosoftCRMID,
		"referral_program",
	}
	variables := map[string]string{}
	for _, v := range document.KnownVariables(document.Salesforce) {
		variables[v.Name] = v.Default[document.Salesforce]
	}
	var named []string
	for _, row := range document.DefaultMappings(document.Salesforce, document.DefaultFields(document.Salesforce), variables) {
		named = append(named, row.Field)
	}
	slices.Sort(named)
	slices.Sort(known)
	if !slices.Equal(named, known) {
		t.Errorf("the default table maps\n%v\nthe engine knows\n%v", named, known)
	}
}

// stages are an organisation of which nothing else is known.
type stages []crm.Stage

func (s stages) Stages() []crm.Stage { return s }
func (s stages) String() string      { return "organisation" }

func TestStagesOf(t *testing.T) {
	existing := stages{{Name: "On hold"}, {Name: "Open"}, {Name: "Won", IsClosed: true, IsWon: true}, {Name: "Lost", IsClosed: true}, {Name: "Given up", IsClosed: true}}
	got, err := stagesOf(document.Stages{OnHold: "On hold", Active: "Open"}, existing)
	if err != nil || got.Won != "Won" || got.Lost != "Lost" || !maps.Equal(got.Closed, map[string]bool{"Won": true, "Lost": false, "Given up": false}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := stagesOf(document.Stages{OnHold: "On hold", Active: "Open", Lost: "Given up"}, existing); err != nil || got.Lost != "Given up" {
		t.Errorf("a declared stage gives %+v, %v", got, err)
	}
	for name, declared := range map[string]document.Stages{
		"unknown": {OnHold: "Waiting", Active: "Open"}, "closed as active": {OnHold: "On hold", Active: "Won"}, "lost as won": {OnHold: "On hold", Active: "Open", Won: "Lost"},
	} {
		if _, err := stagesOf(declared, existing); !errors.Is(err, problem.New(problem.StageMissing, "", "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := stagesOf(document.Stages{OnHold: "On hold", Active: "Open"}, existing[:2]); err == nil {
		t.Error("an organisation without closed stages is accepted")
	}
}

func TestFlowsGateEffects(t *testing.T) {
	d := document.Document{PartnerCenter: document.PartnerCenter{Writes: document.WritesLive}}
	for _, f := range document.KnownFlows(document.Salesforce) {
		d.Flows = append(d.Flows, document.Flow{Name: f.Name, Enabled: true})
	}
	if got := blocked(d); len(got) != 0 {
		t.Errorf("all flows are on, but %v is blocked", got)
	}
	d.PartnerCenter.Writes = document.WritesShadow
	got := blocked(d)
	for _, effect := range []reconcile.Effect{reconcile.CreateReferral, reconcile.PatchReferral, reconcile.CreateCounterpart, reconcile.AcceptLead} {
		if got[effect] != shadow {
			t.Errorf("shadow writes let %v through", effect)
		}
	}
	if _, off := got[reconcile.UpdateOpportunity]; off {
		t.Error("shadow writes concern Partner Center only")
	}
	gated := map[string]bool{}
	for _, gate := range gates {
		if gated[gate.flow] || len(gate.effects) == 0 {
			t.Errorf("%s stands twice in the table, or gates nothing", gate.flow)
		}
		gated[gate.flow] = true
	}
	d.PartnerCenter.Writes, d.Flows = document.WritesLive, nil
	if got := blocked(d); len(got) != 8 {
		t.Errorf("no flow is on, and yet only %v is blocked", got)
	}
}

func TestScope(t *testing.T) {
	r := referral.Referral{ID: "ABC", Name: "STG First", PartnerID: "7", Solutions: []string{"SOL-1"}}
	cases := map[string]struct {
		scope document.Scope
		want  bool
	}{
		"everything":    {document.Scope{}, true},
		"prefix":        {document.Scope{NamePrefix: "STG "}, true},
		"other prefix":  {document.Scope{NamePrefix: "PRD "}, false},
		"solution":      {document.Scope{SolutionID: "SOL-1"}, true},
		"no solution":   {document.Scope{SolutionID: "SOL-2"}, false},
		"location":      {document.Scope{PartnerID: "7"}, true},
		"elsewhere":     {document.Scope{PartnerID: "8"}, false},
		"listed":        {document.Scope{Referrals: []string{"abc"}}, true},
		"not listed":    {document.Scope{Referrals: []string{"abd"}}, false},
		"all must hold": {document.Scope{NamePrefix: "STG ", PartnerID: "8"}, false},
	}
	for name, c := range cases {
		if got := scopeOf(&c.scope)(r); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if scopeOf(nil) != nil {
		t.Error("no scope must mean all")
	}
}
