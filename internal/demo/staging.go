package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// The people of the staging environment, and what its deals are called.
const (
	tester = "A tester, in staging's Salesforce,"

	inProduction = "Production's Salesforce"
	inStaging    = "Staging's Salesforce"

	trial = "[staging] " // begins the names of the referrals that are staging's own
)

// rehearsal remembers what the steps of the staging scenario made.
type rehearsal struct {
	*story
	outside, inside string // Microsoft's referrals
	trial           string // the tester's opportunity
	copied          string // staging's opportunity of the referral inside its scope
}

// stagingScenario lists the steps that show a staging environment on production's tenant, to be run in this order.
func (d *demo) stagingScenario() []func(context.Context) error {
	r := &rehearsal{story: &story{demo: d}}
	return []func(context.Context) error{
		r.provisionStaging, r.referralsArrive, r.nothingIsSent, r.productionWorksOn, r.guard, r.untouched,
	}
}

// provisionStaging applies the same code with other variables, and starts a second agent.
func (r *rehearsal) provisionStaging(ctx context.Context) error {
	r.line.Chapter("The same code makes a staging environment, on the same Partner Center tenant")
	if err := r.apply(ctx, r.staging, map[string]string{
		"TF_VAR_intake": "poll", "TF_VAR_referral_scope": fmt.Sprintf("{ name_prefix = %q }", trial), "TF_VAR_partner_center_writes": "shadow",
	}, "the same without a webhook registration: staging asks for changes, and its scope is "+trial+"…"); err != nil {
		return err
	}
	begun := time.Now()
	if err := r.launch(ctx, r.staging); err != nil {
		return err
	}
	if _, err := r.waitForLine(ctx, r.staging, "running", "intake=poll"); err != nil {
		return err
	}
	r.line.Done(r.of(r.staging)+"cosell-agent runs, and computes writes to Partner Center without sending them", time.Since(begun))
	return nil
}

// waitForLine waits until an agent's log has a line with all these texts, and gives its first one, without the time.
func (r *rehearsal) waitForLine(ctx context.Context, e *environment, texts ...string) (string, error) {
	begun := time.Now()
	for {
		content, err := os.ReadFile(e.agent.logPath)
		if err != nil {
			return "", fmt.Errorf("read the log of %s: %w", e.agent.name, err)
		}
		for line := range strings.Lines(string(content)) {
			if at := strings.Index(line, texts[0]); at >= 0 && containsAll(line, texts) {
				return withoutIDs(strings.TrimSpace(line[at:])), nil
			}
		}
		if time.Since(begun) > arrival {
			return "", fmt.Errorf("the log of %s says nothing of %q within %s", e.agent.name, texts, short(arrival))
		}
		r.line.Waiting("waiting for "+e.agent.name, begun)
		if err := r.pause(ctx); err != nil {
			return "", err
		}
	}
}

// withoutIDs leaves out what a reader of the demo does not need: which connector and which deal it is about.
func withoutIDs(line string) string {
	words := strings.Fields(line)
	return strings.Join(slices.DeleteFunc(words, func(word string) bool {
		return strings.HasPrefix(word, "connector=") || strings.HasPrefix(word, "deal=")
	}), " ")
}

func containsAll(line string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(line, text) {
			return false
		}
	}
	return true
}

// in reads the opportunity of a referral in an environment.
func in(e *environment, referral string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) {
		return e.salesforce.opportunities(ctx, "Referral_Identifier__c", referral)
	})
}

func (r *rehearsal) referralsArrive(ctx context.Context) error {
	r.line.Chapter("Microsoft sends two deals; one of them is staging's own")
	send := func(name, value string) (string, error) {
		sent, err := r.act(ctx, microsoftSeller, `sends the deal "`+name+`"`, "send_referral", "name="+name, "customer=Contoso Nordic",
			"address_line1=Karl Johans gate 1", "postal_code=0154", "city=Oslo", "country=NO", "value="+value, "currency=USD")
		return sent["id"], err
	}
	var err error
	if r.outside, err = send("Store rollout", "80000"); err != nil {
		return err
	}
	if _, err := r.expect(ctx, inProduction, "one opportunity, on hold", in(r.environment, r.outside),
		has("Name", "Store rollout"), is("StageName", stageOnHold), is("Amount", "80000")); err != nil {
		return err
	}
	if r.inside, err = send(trial+"Dress rehearsal", "500"); err != nil {
		return err
	}
	arrived, err := r.expect(ctx, inStaging, "the deal inside the scope, on hold", in(r.staging, r.inside),
		has("Name", trial+"Dress rehearsal"), is("StageName", stageOnHold), is("Amount", "500"))
	if err != nil {
		return err
	}
	r.copied = arrived["Id"]
	if _, err := r.expect(ctx, inProduction, "production has no scope, so it has this one too", in(r.environment, r.inside), is("Amount", "500")); err != nil {
		return err
	}
	return r.onlyInside(ctx)
}

// onlyInside demands that staging took in nothing but the deal inside its scope.
func (r *rehearsal) onlyInside(ctx context.Context) error {
	rows, err := r.staging.salesforce.all(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if id := row["Referral_Identifier__c"]; id != "" && id != r.inside {
			return fmt.Errorf("staging took in referral %s (%s), which is out of its scope", id, row["Name"])
		}
	}
	tenants, err := r.partnerCenter.all(ctx)
	if err != nil {
		return err
	}
	r.line.Said(inStaging, fmt.Sprintf("of the tenant's %d referrals it has its own one", len(tenants)))
	return nil
}

func (r *rehearsal) nothingIsSent(ctx context.Context) error {
	r.line.Chapter("Staging computes what it would send, and sends nothing")
	made, err := r.act(ctx, tester, `creates "`+trial+`Warehouse analytics" and ticks Sync with Partner Center`,
		"create_opportunity", "org=staging", "name="+trial+"Warehouse analytics", "account=Contoso Nordic", "street=Karl Johans gate 1", "postal_code=0154",
		"city=Oslo", "country=Norway", "stage="+stageActive, "amount=250000", "solution=SOL-10001-ABC", "Sync_with_Partner_Center__c=true")
	if err != nil {
		return err
	}
	r.trial = made["id"]
	said, err := r.waitForLine(ctx, r.staging, "would create a referral", "crm:"+r.trial, "partner_center_writes = shadow")
	if err != nil {
		return err
	}
	r.line.Said("staging's agent", said)
	if _, err := r.act(ctx, tester, "accepts the deal of Microsoft, and raises its amount", "edit_opportunity", "org=staging", "id="+r.copied,
		"stage="+stageLater, "amount=700"); err != nil {
		return err
	}
	if said, err = r.waitForLine(ctx, r.staging, "would change the referral", "partner_center_writes = shadow"); err != nil {
		return err
	}
	r.line.Said("staging's agent", said)
	_, err = r.expect(ctx, inPartnerCenter, "Microsoft's deal is as it was", r.referral(r.inside),
		is("status", "New"), is("substatus", "Pending"), is("details.dealValue", "500"))
	return err
}

// productionWorksOn shows that production works as if staging were not there.
func (r *rehearsal) productionWorksOn(ctx context.Context) error {
	if err := r.share(ctx); err != nil {
		return err
	}
	if err := r.editInSalesforce(ctx); err != nil {
		return err
	}
	return r.onlyInside(ctx)
}

// guard shows that staging cannot take production's events away by mistake.
func (r *rehearsal) guard(ctx context.Context) error {
	r.line.Chapter("Terraform refuses to let staging take the tenant over")
	for _, attempt := range []struct {
		what      string
		variables map[string]string
		names     []string
	}{
		{"staging asks for the webhook", map[string]string{"TF_VAR_intake": "webhook", "TF_VAR_webhook_url": "https://staging.example.com/hooks/1"},
			[]string{"Webhook registration points to another URL", r.webhook}},
		{"staging drops its scope", map[string]string{"TF_VAR_referral_scope": "null"}, []string{"Tenant's webhook belongs to another installation", r.webhook}},
	} {
		begun := time.Now()
		said, err := r.staging.cli.refused(ctx, attempt.variables)
		if err != nil {
			return err
		}
		for _, name := range attempt.names {
			if !strings.Contains(said, name) {
				return fmt.Errorf("%s: the plan fails, but does not say %q:\n%s", attempt.what, name, said)
			}
		}
		r.line.Done(attempt.what+": the plan fails", time.Since(begun))
		r.line.Said(r.staging.cli.name+" plan", attempt.names[0]+", "+r.webhook)
	}
	return nil
}

// untouched looks at the tenant as a whole, at the end.
func (r *rehearsal) untouched(ctx context.Context) error {
	r.line.Chapter("The tenant is production's, as before")
	listens, err := r.partnerCenter.listens(ctx, r.webhook)
	if err != nil {
		return err
	}
	if !listens {
		return errors.New("the webhook registration does not point to production's agent any more")
	}
	r.line.Said(inPartnerCenter, "events go to "+r.webhook)
	shared, err := r.partnerCenter.sharedFrom(ctx, r.trial)
	if err != nil {
		return err
	}
	if len(shared) > 0 {
		return fmt.Errorf("staging's deal is in Partner Center: referral %s", shared[0]["id"])
	}
	r.line.Said(inPartnerCenter, "no referral of staging's opportunity "+r.trial)
	if _, err := r.expect(ctx, inPartnerCenter, "what staging accepted is still unanswered", r.referral(r.inside),
		is("status", "New"), is("details.dealValue", "500")); err != nil {
		return err
	}
	_, err = r.expect(ctx, inPartnerCenter, "production's deal has production's values", r.referral(r.sharedReferral),
		is("externalReferenceId", r.shared), is("details.dealValue", "310000.5"), is("status", "Active"))
	return err
}
