package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ownRows are rows of the user's own, as the provider writes them into a document.
const ownRows = `
{"field":"record_type","partner_center":"","crm":"Type","direction":"inbound","on":["create"],"conflict":"crm","constant":"New Customer"},
{"field":"next_step","partner_center":"","crm":"NextStep","direction":"inbound","on":["create","update"],"conflict":"crm",
 "inbound_expression":"\"Worth \" + text(referral.details.dealValue)"},
{"field":"campaign","partner_center":"campaignId","crm":"","direction":"outbound","on":["create","update"],"conflict":"crm",
 "outbound_expression":"lower(record.Account.Name)"},
{"field":"sales_stage","partner_center":"salesStage","crm":"LeadSource","direction":"both","on":["create","update"],"conflict":"prefer_crm_unless_blank",
 "values":[{"crm":"Web","partner_center":"10"},{"crm":"Partner Referral","partner_center":"20"}]},`

// addRows puts rows into the document, in canonical form or not: the agent reads any JSON.
func (b *bed) addRows(rows string) {
	b.t.Helper()
	content, err := os.ReadFile(b.documentFile())
	if err != nil {
		b.t.Fatal(err)
	}
	changed := strings.Replace(string(content), `"mappings":[`, `"mappings":[`+rows, 1)
	if changed == string(content) {
		b.t.Fatal("the document has no mappings")
	}
	if err := os.WriteFile(b.documentFile(), []byte(changed), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// mappingTest runs the command and gives its output and exit status.
func (b *bed) mappingTest(arguments ...string) (string, int) {
	b.t.Helper()
	command := exec.Command(filepath.Join(build(b.t), "cosell-agent"), append([]string{"mapping", "test", "--config", b.documentFile()}, arguments...)...)
	command.Env = b.env
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	err := command.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		b.t.Fatal(err)
	}
	return output.String() + problems.String(), command.ProcessState.ExitCode()
}

// Rows of the user's own turn values on their way, and a sketch shows beforehand what they will do, without writing anything.
func TestMappingsOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.addRows(ownRows)
	shared := b.sellerShares("Shared", 1)
	b.act("edit_opportunity", map[string]string{"id": shared, "LeadSource": "Web"})
	received := b.microsoftSends("Received", 2)
	mark := b.lastOperation()

	output, status := b.mappingTest("--record", shared, "--json")
	var sketch struct {
		Rows []struct {
			Field, From, To, By string
			Result              any
		}
	}
	if err := json.Unmarshal([]byte(output), &sketch); err != nil || status != 0 {
		t.Fatalf("exit status %d, %v\n%s", status, err, output)
	}
	results := map[string]any{}
	for _, row := range sketch.Rows {
		if row.To != "" {
			results[row.To] = row.Result
		}
	}
	for path, want := range map[string]any{"name": "Shared", "details.dealValue": 1001.0, "campaignId": "fabrikam 1", "salesStage": "10", "customerProfile.address.country": "NO"} {
		if results[path] != want {
			t.Errorf("the record would give %s = %v, want %v", path, results[path], want)
		}
	}
	if _, there := results["Type"]; there {
		t.Error("an inbound row is shown to write to Partner Center")
	}
	output, status = b.mappingTest("--referral", received)
	for _, want := range []string{`- (empty) NextStep "Worth 2002" create,update expression "Worth "`, `Type "New Customer" create constant`, `status "New" StageName "Prospecting" create,update stages`} {
		if status != 0 || !strings.Contains(strings.Join(strings.Fields(output), " "), want) {
			t.Errorf("exit status %d, want %q in\n%s", status, want, output)
		}
	}

	b.act("edit_opportunity", map[string]string{"id": shared, "LeadSource": "Other"})
	if output, status = b.mappingTest("--record", shared); status != 1 || !strings.Contains(output, "CS220") || !strings.Contains(output, `"Other" has no value in Partner Center`) {
		t.Errorf("a value that is not mapped: exit status %d\n%s", status, output)
	}
	for want, arguments := range map[string][]string{
		"there is no opportunity": {"--record", "006000000000001AAA"}, "there is no referral": {"--referral", "7f9c3a1e-52d1-4a7e-9f62-6d0f2f1d0c11"},
		"can't be used together": {"--record", shared, "--referral", received},
	} {
		if output, status = b.mappingTest(arguments...); status == 0 || !strings.Contains(output, want) {
			t.Errorf("%v: exit status %d, want %q\n%s", arguments, status, want, output)
		}
	}
	if writes := b.agentsWrites(mark); len(writes) > 0 {
		t.Errorf("the sketch wrote %v", writes)
	}

	b.act("edit_opportunity", map[string]string{"id": shared, "LeadSource": "Partner Referral"})
	b.start()
	b.until("the rows of the user's own", func() []string {
		missing := b.unequal([]string{"Shared", "Received"})
		if len(missing) > 0 {
			return missing
		}
		for _, c := range []struct {
			what string
			got  any
			want any
		}{
			{"the campaign", b.referrals()["Shared"][0]["campaignId"], "fabrikam 1"}, {"the sales stage", b.referrals()["Shared"][0]["salesStage"], "20"},
			{"the type", b.opportunities()["Received"][0]["Type"], "New Customer"}, {"the next step", b.opportunities()["Received"][0]["NextStep"], "Worth 2002"},
			{"the next step of the shared deal", b.opportunities()["Shared"][0]["NextStep"], "Worth 1001"},
		} {
			if c.got != c.want {
				missing = append(missing, c.what+" is "+text(c.got)+", not "+text(c.want))
			}
		}
		return missing
	})
	b.act("edit_opportunity", map[string]string{"id": shared, "LeadSource": "Other"})
	b.until("the seller to be told", func() []string {
		for _, row := range b.sandbox.Salesforce().Rows("Opportunity") {
			if row["Id"] == shared && strings.Contains(text(row["Audit__c"]), "CS220") {
				return nil
			}
		}
		return []string{"the audit says nothing of it"}
	})
	b.act("edit_opportunity", map[string]string{"id": shared, "LeadSource": "Web"})
	b.until("the mended value", func() []string {
		if stage := b.referrals()["Shared"][0]["salesStage"]; stage != "10" {
			return []string{text(stage)}
		}
		return nil
	})
	b.stop()
}

// A mapping that the organisation cannot hold ends the start, with everything that is wrong.
func TestUnfitMappings(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.addRows(`
{"field":"a","partner_center":"campaignId","crm":"ExpectedRevenue","direction":"inbound","on":["update"],"conflict":"crm"},
{"field":"b","partner_center":"","crm":"Probability","direction":"inbound","on":["update"],"conflict":"crm","inbound_expression":"lower(referral.name)"},`)
	output, status := b.mappingTest("--record", "006000000000001AAA")
	for _, want := range []string{"CS409", "mapping of a", "CS410", "mapping of b"} {
		if status != 3 || !strings.Contains(output, want) {
			t.Errorf("exit status %d, want %s in\n%s", status, want, output)
		}
	}
}
