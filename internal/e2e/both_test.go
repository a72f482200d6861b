package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

// Names of deals say whose they are.
const (
	ofSalesforce = "[SF] "
	ofDynamics   = "[D365] "
)

// pair is a Salesforce organisation and a Dataverse environment of one Partner Center tenant, with one agent.
type pair struct {
	*bed          // of Salesforce, and of the agent
	dynamics *bed // of Dynamics 365: what Terraform needs
}

// newPair provisions both CRMs. Both connectors receive at the address of the tenant's one registration.
func newPair(t *testing.T) *pair {
	t.Helper()
	scope := func(prefix string) string { return fmt.Sprintf(`{ name_prefix = %q }`, prefix) }
	p := &pair{bed: newBareBedOf(t, sandbox.Options{Dataverse: &sandbox.DataverseOptions{KeyIndexTime: -1}}, map[string]string{"referral_scope": scope(ofSalesforce)})}
	p.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	p.writeDocument()

	p.dynamics = &bed{t: t, sandbox: p.sandbox, dir: t.TempDir(), address: p.address, log: p.log, env: slices.Clone(p.env)}
	given := p.sandbox.DataverseEnv()
	given["COSELL_DATAVERSE_WEBHOOK_KEY"] = uuid.NewString()
	for name, value := range given {
		p.dynamics.env = append(p.dynamics.env, name+"="+value)
		p.env = append(p.env, name+"="+value)
	}
	for name, value := range map[string]string{
		"referral_scope": scope(ofDynamics), "push_url": "http://" + p.address + "/hooks/rows-1f8a", "solutions": `[{ solution_id = "SOL-10001-AAA", name = "Analytics" }]`,
		"agent_dataverse_client_id": given["COSELL_AGENT_DATAVERSE_CLIENT_ID"], "agent_dataverse_certificate": "file:" + given["COSELL_AGENT_DATAVERSE_CERTIFICATE_FILE"],
	} {
		p.dynamics.env = append(p.dynamics.env, "TF_VAR_"+name+"="+value)
	}
	p.dynamics.copyExample("dynamics365")
	p.dynamics.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	p.dynamics.writeDocument()
	p.more = []string{"--config", p.dynamics.documentFile()}
	return p
}

// linked gives the Dynamics 365 opportunities by the referral that they are linked with.
func (p *pair) linked() map[string][]map[string]any {
	p.t.Helper()
	byReferral := map[string][]map[string]any{}
	for _, row := range p.sandbox.Dataverse().Rows("opportunity") {
		if id := strings.ToLower(text(row["cosell_referralkey"])); id != "" {
			byReferral[id] = append(byReferral[id], row)
		}
	}
	return byReferral
}

// apartAndEqual tells what is lacking: each referral is linked in the CRM that its name names and in no other, and is equal there.
func (p *pair) apartAndEqual(names ...string) []string {
	p.t.Helper()
	inDynamics, inSalesforce := p.linked(), map[string]int{}
	for _, row := range p.sandbox.Salesforce().Rows("Opportunity") {
		if key := strings.ToLower(text(row["Cosell_Referral_Key__c"])); key != "" {
			inSalesforce[key]++
		}
	}
	var lacking []string
	referrals := p.referrals()
	for _, name := range names {
		if len(referrals[name]) != 1 {
			lacking = append(lacking, fmt.Sprintf("%s: %d referrals", name, len(referrals[name])))
			continue
		}
		id := strings.ToLower(text(referrals[name][0]["id"]))
		want := map[bool][2]int{true: {1, 0}, false: {0, 1}}[strings.HasPrefix(name, ofSalesforce)]
		if got := [2]int{inSalesforce[id], len(inDynamics[id])}; got != want {
			lacking = append(lacking, fmt.Sprintf("%s: linked %v times in Salesforce and Dynamics 365, want %v", name, got, want))
			continue
		}
		if want[0] == 1 {
			lacking = append(lacking, p.unequal([]string{name})...)
			continue
		}
		row, details := inDynamics[id][0], referrals[name][0]["details"].(map[string]any)
		here := fmt.Sprint(row["estimatedvalue"], row["description"], row["estimatedclosedate"])
		there := fmt.Sprint(details["dealValue"], details["notes"], strings.Split(fmt.Sprint(details["closingDateTime"]), "T")[0])
		if here != there {
			lacking = append(lacking, fmt.Sprintf("%s: Dynamics 365 has %s, Partner Center %s", name, here, there))
		}
	}
	return lacking
}

// dynamicsShares lets a seller share a deal of Dynamics 365.
func (p *pair) dynamicsShares(name string) string {
	p.t.Helper()
	id := p.act("dynamics_create_opportunity", map[string]string{
		"name": name, "account": "Nordwind", "street": "Karl Johans gate 1", "postal_code": "0154", "city": "Oslo", "country": "Norway", "value": "250000",
		"close_date": "2027-03-31", "description": "notes of " + name,
	})
	p.act("dynamics_add_solution", map[string]string{"opportunity": id, "solution": "Analytics", "solution_column": "cosell_solutiondetailid"})
	p.act("dynamics_edit_opportunity", map[string]string{"id": id, "cosell_syncwithpartnercenter": "true"})
	return id
}

// One agent keeps two CRMs equal with one tenant: the registration's one address serves both, each referral is linked in the CRM that its
// scope names and nowhere else, and deals that begin on any of the three sides, and are edited on any, become equal.
func TestBothCRMsInOneAgent(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.start()
	names := []string{ofSalesforce + "from a seller", ofSalesforce + "from Microsoft", ofDynamics + "from a seller", ofDynamics + "from Microsoft"}
	opportunity := p.sellerShares(names[0], 1)
	p.microsoftSends(names[1], 2)
	inDynamics := p.dynamicsShares(names[2])
	p.microsoftSends(names[3], 3)
	p.until("all deals to be equal", func() []string { return p.apartAndEqual(names...) })

	p.act("edit_opportunity", map[string]string{"id": opportunity, "description": "edited in Salesforce"})
	p.act("dynamics_edit_opportunity", map[string]string{"id": inDynamics, "description": "edited in Dynamics 365"})
	p.act("edit_referral", map[string]string{"id": text(p.referrals()[names[2]][0]["id"]), "by": "portal_user", "value": "260000"})
	p.until("the edits to be on both sides", func() []string {
		lacking := p.apartAndEqual(names...)
		for name, notes := range map[string]string{names[0]: "edited in Salesforce", names[2]: "edited in Dynamics 365"} {
			for _, referral := range p.referrals()[name] {
				if details, ok := referral["details"].(map[string]any); !ok || details["notes"] != notes || name == names[2] && details["dealValue"] != 260000.0 {
					lacking = append(lacking, name+": the edit has not arrived")
				}
			}
		}
		return lacking
	})
	stray := p.microsoftSends("Nobody's", 4)
	p.act("edit_opportunity", map[string]string{"id": opportunity, "description": "and again"})
	p.until("a later edit", func() []string { return p.apartAndEqual(names...) })
	for _, row := range p.sandbox.Salesforce().Rows("Opportunity") {
		if strings.EqualFold(text(row["Cosell_Referral_Key__c"]), stray) {
			t.Errorf("a referral in no scope is in Salesforce: %v", row)
		}
	}
	if rows := p.linked()[strings.ToLower(stray)]; len(rows) > 0 {
		t.Errorf("a referral in no scope is in Dynamics 365: %v", rows)
	}
	p.refusesOverlap(names)
	p.stop()
}

// refusesOverlap lets the running agent read a document whose scope meets the other's: it goes on as before. An agent that starts with it
// ends at once, with the code and the exit status of a document that cannot be used.
func (p *pair) refusesOverlap(names []string) {
	p.t.Helper()
	good, err := os.ReadFile(p.dynamics.documentFile())
	if err != nil {
		p.t.Fatal(err)
	}
	overlapping := strings.Replace(string(good), `"name_prefix":"`+ofDynamics, `"name_prefix":"[`, 1)
	if overlapping == string(good) {
		p.t.Fatal("the document was not changed")
	}
	write := func(content string) {
		if err := os.WriteFile(p.dynamics.documentFile(), []byte(content), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	write(overlapping)
	p.hangup("the last good one stays in force")
	more := []string{ofSalesforce + "after the reload", ofDynamics + "after the reload"}
	p.microsoftSends(more[0], 5)
	p.microsoftSends(more[1], 6)
	p.until("deals after the refused reload", func() []string { return p.apartAndEqual(slices.Concat(names, more)...) })

	command := exec.Command(filepath.Join(build(p.t), "cosell-agent"), "run", "--config", p.documentFile(), "--config", p.dynamics.documentFile(),
		"--store", "sqlite:"+filepath.Join(p.dir, "refused.db"), "--listen", "127.0.0.1:0")
	command.Env = p.env
	output, err := command.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 3 || !strings.Contains(string(output), "CS402") {
		p.t.Errorf("overlapping scopes at start: want exit status 3 and CS402, got %v\n%s", err, output)
	}
	write(string(good))
}
