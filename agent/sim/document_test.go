package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

func stageRow(values ...document.Value) document.Mapping {
	return document.Mapping{
		Field: "sales_stage", PartnerCenter: "salesStage", CRM: "LeadSource", Direction: document.Outbound,
		On: []string{document.OnCreate, document.OnUpdate}, Conflict: document.ConflictCRM, Values: values,
	}
}

// share makes a seller's deal that is complete.
func (w *world) share(name, source string) string {
	id := w.must("create_opportunity", map[string]string{
		"name": name, "account": "Fabrikam", "country": "US", "street": "1 Main Street", "postal_code": "98052", "city": "Redmond",
		"stage": stageActive, "amount": "1200", "solution": "SOL-1-A", "Sync_with_Partner_Center__c": "true",
	})
	w.must("edit_opportunity", map[string]string{"id": id, "LeadSource": source})
	return id
}

func (w *world) calls(since int64) []lab.Operation {
	return w.operations(since, func(lab.Operation) bool { return true })
}

func (w *world) salesStage(name string) string {
	if stage := w.referrals()[name][0].SalesStage; stage != nil {
		return *stage
	}
	return ""
}

// parked gives the deals that wait for a person, by the code of their problem.
func (a *agent) parked() (codes []string) {
	problems, err := a.life.store.Problems(context.Background(), 100)
	if err != nil {
		a.w.t.Fatal(err)
	}
	for _, p := range problems {
		if p.Parked {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

// A value that the mapping cannot turn keeps its own field from travelling, on create and later, and nothing else: the seller is told,
// the deal is listed, and a document with another mapping sends what waited. The same document again costs no call for the deal.
func TestAMappingThatFailsParksItsField(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		d := w.document(o, "production")
		d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
		d.Mappings = append(d.Mappings, stageRow(document.Value{CRM: "Web", PartnerCenter: "10"}))
		a := w.newAgent(o, d, inMemory())
		a.start()
		defer a.stop()
		id := w.share("Shared", "Other")
		told := func(words string) []string {
			if audit := w.opportunities(o)["Shared"][0].audit; !strings.Contains(strings.Split(audit, "\n")[0], words) {
				return []string{fmt.Sprintf("the audit lacks %q: %s", words, audit)}
			}
			return nil
		}
		w.until("the deal without the field", func() []string {
			return append(w.unequal(o, "Shared"), told(string(problem.MappingFailed))...)
		})
		if stage := w.salesStage("Shared"); stage != "" {
			w.t.Errorf("the sales stage is %q", stage)
		}
		w.must("edit_opportunity", map[string]string{"id": id, "Amount": "4300", "LeadSource": "Other"})
		w.until("the rest of the deal", func() []string {
			if got := fmt.Sprint(w.referrals()["Shared"][0].Details.DealValue); !strings.HasPrefix(got, "4300") {
				return []string{got}
			}
			return nil
		})
		time.Sleep(time.Hour)
		if parked := a.parked(); len(parked) != 1 || parked[0] != string(problem.MappingFailed) {
			w.t.Errorf("listed are %v", parked)
		}

		mark := w.mark()
		a.reload(d)
		time.Sleep(time.Minute)
		for _, op := range w.calls(mark) {
			if op.ID == id || op.IsWrite() {
				w.t.Errorf("the same document again, and yet %+v", op)
			}
		}
		d.Mappings[len(d.Mappings)-1] = stageRow(document.Value{CRM: "Web", PartnerCenter: "10"}, document.Value{CRM: "Other", PartnerCenter: "30"})
		a.reload(d)
		w.until("what the new mapping sends", func() []string {
			missing := told(problem.English.Say(problem.Say(problem.Solved)))
			if stage := w.salesStage("Shared"); stage != "30" {
				missing = append(missing, "the sales stage is "+stage)
			}
			return missing
		})
		if parked := a.parked(); len(parked) > 0 {
			w.t.Errorf("still listed are %v", parked)
		}
	})
}

// A deal that needs the field is not created without it: what only travels on create could not be made up for.
func TestAMappingThatFailsStopsACreateThatNeedsIt(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		d := w.document(o, "production")
		d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
		row := stageRow(document.Value{CRM: "Web", PartnerCenter: "10"})
		row.On = []string{document.OnCreate}
		d.Mappings = append(d.Mappings, row)
		a := w.newAgent(o, d, inMemory())
		a.start()
		defer a.stop()
		id := w.share("Shared", "Other")
		time.Sleep(time.Hour)
		if parked := a.parked(); len(w.referrals()["Shared"]) > 0 || len(parked) != 1 || parked[0] != string(problem.MappingFailed) {
			w.t.Errorf("shared %d times, listed are %v", len(w.referrals()["Shared"]), parked)
		}
		w.must("edit_opportunity", map[string]string{"id": id, "LeadSource": "Web"})
		w.until("the deal", func() []string { return w.unequal(o, "Shared") })
	})
}

// A wider scope takes in what a narrower one left out, so many a second; what stays out costs reads, and no write.
func TestAWiderScopeTakesInWhatWasLeftOut(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		d := w.document(o, "production")
		d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
		d.PartnerCenter.Scope = &document.Scope{NamePrefix: "[a]"}
		a := w.newAgent(o, d, inMemory())
		a.start()
		defer a.stop()
		names := []string{"[a] one", "[b] two", "[b] three", "[c] four"}
		for _, name := range names {
			w.must("send_referral", map[string]string{"name": name, "value": "800"})
		}
		w.until("what is in scope", func() []string { return w.unequal(o, names[0]) })
		time.Sleep(time.Hour)
		if problems, err := a.life.store.Problems(context.Background(), 100); err != nil || len(problems) > 0 {
			w.t.Errorf("what is out of scope is listed as a problem: %v %v", problems, err)
		}
		d.PartnerCenter.Scope = &document.Scope{NamePrefix: "[b]"}
		a.reload(d)
		w.until("what is in scope now", func() []string { return w.unequal(o, names[1], names[2]) })
		time.Sleep(time.Hour)
		rows := w.opportunities(o)
		if len(rows[names[3]]) > 0 {
			w.t.Error("a referral out of every scope became an opportunity")
		}
		for name, referrals := range w.referrals() {
			if strings.HasPrefix(name, "[c]") && !referrals[0].UpdatedDateTime.Equal(referrals[0].CreatedDateTime.Time) {
				w.t.Errorf("%s was written", name)
			}
		}
	})
}

// What Partner Center asks of newer deals, and its sales stage, are rows of the mapping like others: constants, fields of the
// opportunity, and the organisation's stages by Partner Center's percentages. They go to Microsoft's referral too.
func TestNewerFieldsOfAReferral(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		d := w.document(o, "production")
		d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
		created := func(field, attribute string) document.Mapping {
			return document.Mapping{
				Field: field, PartnerCenter: document.AttributesPath + "." + attribute, Direction: document.Outbound, On: []string{document.OnCreate},
				Conflict: document.ConflictCRM,
			}
		}
		role, area, play, intent := created("partner_role", "PartnerRole"), created("solution_area", "SolutionArea"), created("solution_play", "SolutionPlay"), created("marketplace_intent", "CustomerMarketplaceIntent")
		role.Constant = "Services"
		area.CRM, area.Values = "LeadSource", []document.Value{{CRM: "Web", PartnerCenter: "cloudAI"}}
		play.OutboundExpression = `record.LeadSource == "Web" ? "migrate" : "other"`
		intent.CRM, intent.Values = "Type", []document.Value{{CRM: "New Customer", PartnerCenter: "Yes"}}
		stage := stageRow(
			document.Value{CRM: "Prospecting", PartnerCenter: "10"}, document.Value{CRM: "Qualification", PartnerCenter: "20"},
			document.Value{CRM: "Needs Analysis", PartnerCenter: "40"}, document.Value{CRM: "Proposal/Price Quote", PartnerCenter: "60"},
			document.Value{CRM: "Negotiation/Review", PartnerCenter: "80"}, document.Value{CRM: "Closed Won", PartnerCenter: "100"},
		)
		stage.CRM = "StageName"
		d.Mappings = append(d.Mappings, role, area, play, intent, stage)
		a := w.newAgent(o, d, inMemory())
		a.start()
		defer a.stop()
		first, second := w.share("First", "Web"), w.share("Second", "Web")
		w.must("edit_opportunity", map[string]string{"id": first, "Type": "New Customer", "StageName": "Needs Analysis"})
		w.until("both deals", func() []string { return w.unequal(o, "First", "Second") })
		attributes := func(name string) string {
			var list []string
			for _, at := range w.referrals()[name][0].Details.Requirements.AdditionalRequirements.Attributes {
				list = append(list, at.Type+"="+at.ID)
			}
			slices.Sort(list)
			return strings.Join(list, " ")
		}
		const services = "PartnerRole=Services SolutionArea=cloudAI SolutionPlay=migrate"
		if got, want := attributes("First"), "CustomerMarketplaceIntent=Yes "+services; got != want {
			w.t.Errorf("the first deal has %s, want %s", got, want)
		}
		if got, want := attributes("Second"), "CustomerMarketplaceIntent=HaveNotDecided "+services; got != want {
			w.t.Errorf("the second deal has %s, want %s", got, want)
		}
		if got := w.salesStage("First"); got != "40" {
			w.t.Errorf("the first deal's sales stage is %s", got)
		}
		w.must("edit_opportunity", map[string]string{"id": second, "StageName": "Closed Won"})
		w.until("the win", func() []string {
			if r := w.referrals()["Second"][0]; r.Substatus != "Won" || w.salesStage("Second") != "100" {
				return []string{r.Substatus, w.salesStage("Second")}
			}
			return nil
		})
	})
}
