package reconcile_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// dynamics is the product with Dataverse's ways: a row's version is a counter, its change feed goes by tokens that never show a change
// twice and whose rows are those of one database, the stage is the status reason, and nothing of a closed opportunity can be changed before it is opened again.
var dynamics = placed(product{
	name: "Dynamics 365", thirds: 1, plan: dynamicsPlan, twin: func(w *world) crmTwin { return &simDataverse{simCRM{w}} },
	shown: func(_ *world, r *record) any { return r.view() },
	passes: func(position string, r *record) bool {
		at, err := strconv.ParseInt(position, 10, 64)
		return err == nil && r.position <= at
	},
	title: "name", amount: "estimatedvalue", currency: "transactioncurrencyid", notes: "description", closeDate: "estimatedclosedate", stage: "statuscode",
	reason: dynamicsField(document.FieldCloseReason), help: dynamicsField(document.FieldHelp), visible: dynamicsField(document.FieldVisible),
	link: dynamicsField(document.FieldReferralLink), identifier: dynamicsField(document.FieldMicrosoftCRMID), referralID: dynamicsField(document.FieldReferralID),
	firm: "Account.name", street: "Account.address1_line1", city: "Account.address1_city", postalCode: "Account.address1_postalcode",
	country: "Account.address1_country",
	onHold:  "On Hold", active: "In Progress", another: "Proposal", won: "Won", lost: "Canceled",
	helps: []string{"General or other", "Quotes or licensing"}, recordIDs: "d0", accountIDs: "d1", counts: true, fresh: true, seals: true,
})

func dynamicsField(role string) string { return document.DefaultFields(document.Dynamics365)[role] }

// dynamicsPlan is the default mapping of the documents, with the stages that every environment has and an open one of its own.
func dynamicsPlan() mapping.Plan {
	variables := map[string]string{}
	for _, v := range document.KnownVariables(document.Dynamics365) {
		variables[v.Name] = v.Default[document.Dynamics365]
	}
	stages := document.DefaultStages(document.Dynamics365)
	plan := mapping.Plan{
		Stages: mapping.Stages{
			OnHold: stages.OnHold, Active: stages.Active, Won: stages.Won, Lost: stages.Lost, Closed: map[string]bool{stages.Won: true, stages.Lost: false, "Out-Sold": false},
		},
		Help: map[string]string{}, HelpValues: map[string]string{}, LongestName: 300,
	}
	for _, help := range document.DefaultHelp() {
		plan.Help[strings.ToLower(help.CRM)], plan.HelpValues[help.PartnerCenter] = help.PartnerCenter, help.CRM
	}
	for _, m := range document.DefaultMappings(document.Dynamics365, document.DefaultFields(document.Dynamics365), variables) {
		row := mapping.Row{
			Field: m.Field, PartnerCenter: m.PartnerCenter, CRM: m.CRM, Inbound: m.Direction != document.Outbound, Outbound: m.Direction != document.Inbound,
			OnCreate: slices.Contains(m.On, document.OnCreate), OnUpdate: slices.Contains(m.On, document.OnUpdate), Winner: deal.CRM,
		}
		if m.Conflict == document.ConflictPartnerCenter {
			row.Winner = deal.PartnerCenter
		}
		plan.Rows = append(plan.Rows, row)
	}
	return plan
}

// sealed gives the refusal of a write that leaves a closed opportunity closed; nil when the write is carried out.
func (r *record) sealed(changes crm.Changes) error {
	if !r.crm.seals || !r.crm.closed(r.stage()) {
		return nil
	}
	if stage, moved := changes.Fields[r.crm.stage]; moved && stage != r.stage() {
		return nil
	}
	return problem.New(problem.OpportunityClosed, "opportunity "+r.id, "")
}

// simDataverse is the twin of a Dataverse environment.
type simDataverse struct{ simCRM }

// FindDeleted finds nothing, as the adapter: Dataverse deletes for good.
func (s *simDataverse) FindDeleted(context.Context, string, time.Time) (string, bool, error) {
	return "", false, nil
}

// Changes is the environment's change tracking: of opportunities and of their solutions.
func (s *simDataverse) Changes(_ context.Context, position string) (hits []crm.Hit, next string, err error) {
	w := s.w
	next = position
	return hits, next, w.do(w.running, call{sys: crmSide, name: "crm.feed"}, func() error {
		since, _ := strconv.ParseInt(position, 10, 64)
		for _, id := range w.recordIDs {
			r := w.records[id]
			at := max(r.position, r.soldPosition)
			if !r.deleted && (r.sync || r.key != "") && at > since {
				hits = append(hits, crm.Hit{ID: id, Version: strconv.FormatInt(at, 10), At: r.stamp()})
			}
		}
		next = strconv.Itoa(w.changes)
		return nil
	})
}

// A closed record that refuses what Partner Center says is left alone: nothing is tried again by itself, no request stays open, and the
// deal is listed. When its seller opens it again, what it lacked arrives.
func TestASealedRecordIsLeftAlone(t *testing.T) {
	w := newWorldOf(dynamics, 1, kindly, nil)
	r, ref := w.shared()
	w.settle(10 * time.Minute)
	w.moves(r, dynamics.won)
	w.settle(10 * time.Minute)
	if ref.tree["status"] != "Closed" {
		t.Fatalf("the referral is %v:\n%s", ref.tree["status"], w.timeline())
	}
	shown := r.fields[dynamics.identifier]
	w.set(ref, "/details/notes", "too late")
	w.touch(ref)
	w.announce(ref)
	calls := w.calls
	w.settle(time.Hour)
	if w.calls-calls > 12 {
		t.Errorf("one edit of a closed deal led to %d calls:\n%s", w.calls-calls, w.timeline())
	}
	problems, err := w.store.Problems(t.Context(), 10)
	if err != nil || len(problems) != 1 || !problems[0].Parked || problems[0].Code != string(problem.OpportunityClosed) {
		t.Errorf("listed is %+v, %v:\n%s", problems, err, w.timeline())
	}
	if open, err := w.store.OpenIntents(t.Context(), ""); err != nil || len(open) > 0 {
		t.Errorf("open are %v, %v", open, err)
	}
	if r.stage() != dynamics.won || r.fields[dynamics.identifier] != shown || r.fields[dynamics.notes] == "too late" {
		t.Errorf("the closed record is %v", r.fields)
	}
	w.moves(r, dynamics.active)
	w.settle(10 * time.Minute)
	if r.stage() != dynamics.won || r.fields[dynamics.notes] != "too late" {
		t.Errorf("after it was opened again the record is %v:\n%s", r.fields, w.timeline())
	}
	w.end()
}
