package sim

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// stagingPrefix begins the names of the deals that are staging's own.
const stagingPrefix = "STG "

// TestStagingWeek shows that a staging environment on the tenant of production harms nobody. For a week people work on both
// sides and in both organisations; staging is a copy of production, referral identifiers and keys included, and is refreshed
// once more while its agent runs. Staging's agent never writes to Partner Center, takes in nothing outside its scope, leaves
// the copies of production's deals alone, and production's deals are equal in the end. When people rest, the agents do.
func TestStagingWeek(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+numberOr(1); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inWorld(t, seed, sandbox.Options{Staging: &sandbox.SalesforceOptions{}}, stagingWeek)
		})
	}
}

const day = 24 * time.Hour

func stagingWeek(w *world) {
	production, staging := w.production(), w.staging()
	w.provision(production)
	w.provision(staging)
	live := w.newAgent(production, w.document(production, "production"), inMemory())
	live.receiving()
	live.start()
	shadow := w.newAgent(staging, w.document(staging, "staging"), inMemory())
	shadow.document.PartnerCenter.Scope = &document.Scope{NamePrefix: stagingPrefix}
	shadow.document.PartnerCenter.Writes = document.WritesShadow
	shadow.document.Schedule.Poll = "15m"

	staff := &people{w: w, until: w.now().Add(7 * day)}
	staff.employ("Seller", 2*time.Hour, sells(production, 10, true))
	staff.employ("Microsoft", 4*time.Hour, sendsReferrals(30))
	staff.employ("Colleague", 4*time.Hour, worksInThePortal(20))
	time.Sleep(day)
	w.must("refresh_staging", nil)
	shadow.start()
	tester := staff.employ("Tester", 90*time.Minute, sells(staging, 40, false))
	time.Sleep(3*day - time.Hour)
	w.noHarm(production, staging)
	w.must("refresh_staging", nil)
	staff.group.Wait()
	time.Sleep(2 * time.Hour)
	quiet := w.mark()
	time.Sleep(10 * time.Hour)
	w.noHarm(production, staging)
	w.rests(quiet, production)
	w.rests(quiet, staging)
	w.everyDealIsEqual(production, 40)
	w.stagingWorks(shadow, staging, tester)
}

// agentOf tells whether an operation is of an organisation's agent, in whatever system.
func agentOf(o organisation) func(lab.Operation) bool {
	user := "partner-user@example.com"
	if o.name == "staging" {
		user = "partner-user.staging@example.com"
	}
	actors := []string{user, o.env["COSELL_PARTNER_CENTER_CLIENT_ID"], o.crm.agent()}
	return func(op lab.Operation) bool { return slices.Contains(actors, op.Actor) }
}

// noHarm looks at what staging's agent did so far.
func (w *world) noHarm(production, staging organisation) {
	w.t.Helper()
	isStagings := agentOf(staging)
	for _, op := range w.operations(0, isStagings) {
		if op.Service == "partner_center" && op.Method != "GET" {
			w.t.Errorf("staging's agent wrote to Partner Center: %+v", op)
		}
		if op.Service == "salesforce" {
			w.t.Errorf("staging's agent worked in production's organisation: %+v", op)
		}
	}
	scope := w.scope()
	for _, row := range staging.org.Rows("Opportunity") {
		key, id := text(row["Cosell_Referral_Key__c"]), text(row["Id"])
		if w.isCopy(production, id) || key == "" {
			continue
		}
		if name, known := scope[key]; !known || !inScope(name) {
			w.t.Errorf("staging took in referral %s (%q), which is out of its scope", key, name)
		}
	}
	for _, op := range w.operations(0, isStagings) {
		copied, isCopy := production.org.Row("Opportunity", op.ID)
		if !isCopy || !op.IsWrite() || op.Object != "Opportunity" {
			continue
		}
		if inScope(scope[text(copied["Cosell_Referral_Key__c"])]) || saysOnly(op.Fields) {
			continue
		}
		now, _ := staging.org.Row("Opportunity", op.ID)
		w.t.Errorf("staging's agent wrote %v of %s (%q), a copy of a deal out of its scope, which says now %q: %q", op.Fields, op.ID,
			dealName(copied), text(now["Name"]), text(now["Audit__c"]))
	}
}

// saysOnly tells whether only the agent's own messages were written, the mark before the name among them. A copy may need one: it
// was copied before production shared it, and its seller in staging wants it shared, which staging must not do.
func saysOnly(fields []string) bool {
	messages := []string{"Audit__c", "Name", "Sync_Status__c"}
	return !slices.ContainsFunc(fields, func(name string) bool { return !slices.Contains(messages, name) })
}

// isCopy tells whether a row came from production: ids of two organisations never meet.
func (w *world) isCopy(production organisation, id string) bool {
	const podStart, podEnd = 3, 6
	return id[podStart:podEnd] == production.org.Credentials().OrgID[podStart:podEnd]
}

// scope gives the names of all referrals by id.
func (w *world) scope() map[string]string {
	names := map[string]string{}
	for _, r := range w.sandbox.PartnerCenter().All() {
		names[r.ID] = r.Name
	}
	return names
}

// rests demands that an organisation's agent wrote nothing since a mark, when there was nothing to do.
func (w *world) rests(since int64, o organisation) {
	w.t.Helper()
	for _, op := range w.operations(since, agentOf(o)) {
		if op.IsWrite() {
			w.t.Errorf("nobody does anything, and yet %s's agent writes: %+v", o.name, op)
			return
		}
	}
}

// stagingWorks demands that staging was not idle: referrals in its scope arrived, and its sellers' deals are held back.
func (w *world) stagingWorks(shadow *agent, staging organisation, tester *person) {
	w.t.Helper()
	arrived := map[string]bool{}
	for _, row := range staging.org.Rows("Opportunity") {
		arrived[text(row["Cosell_Referral_Key__c"])] = true
	}
	for name, referrals := range w.referrals() {
		if inScope(name) && !arrived[referrals[0].ID] && referrals[0].Status != "Closed" {
			w.t.Errorf("%q, in staging's scope and open, is not in staging", name)
		}
	}
	stats, err := shadow.life.store.Stats(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	if stats.Gated == 0 || tester.done == 0 {
		w.t.Errorf("nothing is held back in staging: %+v, %d acts", stats, tester.done)
	}
}
